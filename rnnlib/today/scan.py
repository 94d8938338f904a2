"""A linear recurrence H_t = a_t * H_{t-1} + b_t: one step after the other, or all at once.

Two steps in a row are one step of the same kind, (a, b) then (a', b') = (a' a, a' b + b'). So neighbours can
be joined first and their results joined again, in an order that leaves only about log2(T) rounds, each on all
steps at once: an associative scan (G. E. Blelloch, "Prefix sums and their applications", CMU-CS-90-190, 1990;
W. D. Hillis, G. L. Steele, "Data parallel algorithms", 1986).

Everywhere a and b are (T, B, H), and H_0, the state before the first step, is (B, H).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def loop(a: Tensor, b: Tensor, H_0: Tensor) -> Tensor:
    """The states H_1 ... H_T, (T, B, H), one after the other."""
    states = [H_0]
    for a_t, b_t in zip(a, b):
        states.append(a_t * states[-1] + b_t)
    return torch.stack(states[1:])


def scan(a: Tensor, b: Tensor, H_0: Tensor) -> Tensor:
    """What :func:`loop` gives, in ceil(log2(T)) rounds; gradients, too.

    A gradient g_t of H_t reaches H_{t-1} as a_t * g_t: the backward pass is a scan from the end.
    """
    return _Scan.apply(a, torch.cat([(a[:1] * H_0 + b[:1]), b[1:]]))


class _Scan(Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        states = _join(a, b)
        ctx.save_for_backward(a, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor, Tensor]:
        a, states = ctx.saved_tensors
        following = torch.cat([a[1:], torch.zeros_like(a[:1])])
        db = _join(following.flip(0), dstates.flip(0)).flip(0)
        da = torch.cat([torch.zeros_like(db[:1]), db[1:] * states[:-1]])
        return da, db


def _join(a: Tensor, b: Tensor) -> Tensor:
    """In round k each step is joined with what stands 2^k before it, which then holds 2^k steps itself."""
    a, b, reach = a.clone(), b.clone(), 1
    while reach < len(a):
        b = torch.cat([b[:reach], torch.addcmul(b[reach:], a[reach:], b[:-reach])])
        a = torch.cat([a[:reach], a[reach:] * a[:-reach]])
        reach *= 2
    return b
