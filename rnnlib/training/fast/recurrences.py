"""The recurrences of RNN, LSTM and GRU with backward passes derived by hand.

Autograd records every operation of every step, computes a gradient of the weights at each of them, and adds
these up. Here the loop backward in time does only what depends on the step after it: everything else is
computed for all steps at once, before the loop (the derivatives of the gates) or after it (the gradient of
the weights, one product).

In all of them the inputs' share of the gates ``pre`` is (T, B, G*H), with the biases added; weights are laid
out as in torch.nn, ``W_hh`` (G*H, H), and the state is (B, H). The gradients are those that autograd finds,
to rounding; there are no second derivatives. ``dtype`` is that of the factors of the products by W_hh, None
for that of the state; ``work`` holds the buffers, so that outputs are valid until the next batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rnnlib.training.fast.products import affine, weight_gradient
from rnnlib.training.fast.workspace import Part


def uses_sigmoid(values: Tensor) -> bool:
    """Whether tanh(x) is computed as 2 sigmoid(2x) - 1.

    On a CPU torch's sigmoid takes a fifth of the time of its tanh. The absolute error is that of a number
    near 1, about 1e-7 in single precision. Doubling is exact.
    """
    return values.device.type == "cpu" and values.dtype == torch.float32


def _stretch(values: Tensor, out: Tensor, minus_one: Tensor) -> Tensor:
    """From sigmoid to tanh: 2 ``values`` - 1, in one operation."""
    return torch.add(minus_one, values, alpha=2, out=out)


class RNNRecurrence(Function):
    """H_t = tanh(pre_t + H_{t-1} W_hh^T): ``(pre, H_0, W_hh, dtype, work) -> states (T, B, H)``.

    Backward, with dH_t the whole gradient of H_t and A_t the argument of tanh:
    dA_t = dH_t * (1 - H_t^2), dH_{t-1} += dA_t W_hh, dW_hh = sum_t dA_t^T H_{t-1}.
    """

    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, H0: Tensor, W_hh: Tensor, dtype: torch.dtype | None, work: Part
    ) -> Tensor:
        T, B, H = pre.shape
        states = work("states", pre, T + 1, B, H)
        states[0] = H0
        steps, before = states.unbind(), pre.unbind()
        if uses_sigmoid(pre):
            twice = torch.mul(W_hh, 2, out=work("weight", pre, H, H))
            product, minus_one = affine(twice.t(), B, dtype), pre.new_full((), -1.0)
            pre.mul_(2)
            for state, added, after in zip(steps, before, steps[1:]):
                _stretch(product(state, added).sigmoid_(), after, minus_one)
        else:
            product = affine(W_hh.t(), B, dtype)
            for state, added, after in zip(steps, before, steps[1:]):
                torch.tanh(product(state, added), out=after)
        ctx.save_for_backward(states, W_hh)
        ctx.dtype, ctx.work = dtype, work
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor | None, ...]:
        states, W_hh = ctx.saved_tensors
        T, B, _ = dstates.shape
        product = affine(W_hh, B, ctx.dtype)
        dpre = ctx.work("dpre", states, *dstates.shape)
        given, after, found = dstates.unbind(), states[1:].unbind(), dpre.unbind()
        dH = given[-1]
        for t in range(T - 1, -1, -1):
            torch.ops.aten.tanh_backward.grad_input(dH, after[t], grad_input=found[t])  # dH * (1 - H * H)
            if t > 0:
                dH = product(found[t], given[t - 1])
        dH0 = product(found[0], torch.zeros_like(found[0])) if ctx.needs_input_grad[1] else None
        dW = weight_gradient(states[:-1], dpre, W_hh, ctx.dtype) if ctx.needs_input_grad[2] else None
        return dpre, dH0, dW, None, None


class LSTMRecurrence(Function):
    """The LSTM's recurrence: ``(pre, H_0, C_0, W_hh, dtype, work) -> (states (T, B, H), C_T (B, H))``.

    I, F, G, O are sigmoid, sigmoid, tanh, sigmoid of the four blocks of A_t = pre_t + H_{t-1} W_hh^T, and
    C_t = F * C_{t-1} + I * G, H_t = O * tanh(C_t). Backward: dC_t += dH_t * O * (1 - tanh(C_t)^2);
    the gradient of A_t is dC_t times (G * I', C_{t-1} * F', I * G') and dH_t times tanh(C_t) * O', with I'
    the derivative of I by its argument; dC_{t-1} = dC_t * F, dH_{t-1} += dA_t W_hh.
    """

    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, H0: Tensor, C0: Tensor, W_hh: Tensor, dtype: torch.dtype | None, work: Part
    ) -> tuple[Tensor, Tensor]:
        T, B, _ = pre.shape
        H = H0.shape[-1]
        states, cells = work("states", pre, T + 1, B, H), work("cells", pre, T + 1, B, H)
        gates, squashed = work("gates", pre, T, B, 4 * H), work("squashed", pre, T, B, H)
        states[0], cells[0] = H0, C0
        by_sigmoid, minus_one, weight = uses_sigmoid(pre), pre.new_full((), -1.0), W_hh
        if by_sigmoid:  # of all four gates at once
            pre[..., 2 * H : 3 * H] *= 2
            weight = W_hh.clone()
            weight[2 * H : 3 * H] *= 2
        product = affine(weight.t(), B, dtype)
        before, hiddens, memory = pre.unbind(), states.unbind(), cells.unbind()
        blocks = [part.unbind() for part in gates.view(T, B, 4, H).unbind(dim=2)]
        for t, (opened, i, f, g, o, s) in enumerate(zip(gates.unbind(), *blocks, squashed.unbind())):
            A = product(hiddens[t], before[t])
            C = memory[t + 1]
            torch.sigmoid(A, out=opened)
            if by_sigmoid:
                _stretch(g, g, minus_one)
            else:
                torch.tanh(A[:, 2 * H : 3 * H], out=g)
            torch.mul(f, memory[t], out=C).addcmul_(i, g)
            if by_sigmoid:
                _stretch(torch.add(C, C, out=s).sigmoid_(), s, minus_one)
            else:
                torch.tanh(C, out=s)
            torch.mul(o, s, out=hiddens[t + 1])
        ctx.save_for_backward(states, cells, gates, squashed, W_hh)
        ctx.dtype, ctx.work = dtype, work
        return states[1:], cells[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dstates: Tensor, dC_last: Tensor) -> tuple[Tensor | None, ...]:
        states, cells, gates, squashed, W_hh = ctx.saved_tensors
        T, B, H = dstates.shape
        i, f, g, o = gates.view(T, B, 4, H).unbind(dim=2)
        of_C = ctx.work("of_C", gates, T, B, 3, H)  # the gradient of the arguments of i, f, g for dC_t = 1
        torch.mul(g, i, out=of_C[:, :, 0]).addcmul_(of_C[:, :, 0], i, value=-1)
        torch.mul(cells[:-1], f, out=of_C[:, :, 1]).addcmul_(of_C[:, :, 1], f, value=-1)
        torch.mul(i, g, out=of_C[:, :, 2]).mul_(g).neg_().add_(i)
        C_by_H = ctx.work("C_by_H", gates, T, B, H)
        torch.mul(squashed, squashed, out=C_by_H).mul_(o).neg_().add_(o)
        of_H = ctx.work("of_H", gates, T, B, H)  # that of o's argument for dH_t = 1
        torch.mul(squashed, o, out=of_H).addcmul_(of_H, o, value=-1)
        product = affine(W_hh, B, ctx.dtype)
        dpre = ctx.work("dpre", gates, T, B, 4, H)
        dC, dH = dC_last.clone(), dstates[-1]
        steps = zip(of_C.unbind(), of_H.unbind(), C_by_H.unbind(), f.unbind(), dpre.unbind())
        for t, (by_C, by_H, C_for_H, f_t, dA) in reversed(list(enumerate(steps))):
            dC.addcmul_(dH, C_for_H)
            torch.mul(by_C, dC[:, None], out=dA[:, :3])
            torch.mul(by_H, dH, out=dA[:, 3])
            dC.mul_(f_t)
            if t > 0:
                dH = product(dA.view(B, 4 * H), dstates[t - 1])
        dpre = dpre.view(T, B, 4 * H)
        dH0 = product(dpre[0], torch.zeros_like(dC)) if ctx.needs_input_grad[1] else None
        dW = weight_gradient(states[:-1], dpre, W_hh, ctx.dtype) if ctx.needs_input_grad[3] else None
        return dpre, dH0, dC, dW, None, None


class GRURecurrence(Function):
    """The recurrence of the GRU as torch and cuDNN have it (the reset gate multiplies the product).

    ``(pre, H_0, W_hh, b_n, dtype, work) -> states (T, B, H)``. R and Z are the sigmoid of their blocks of
    pre_t + H_{t-1} W_hh^T, Q = H_{t-1} W_hn^T + b_n, N = tanh(pre_n + R * Q), H_t = N + Z * (H_{t-1} - N).
    Backward: the gradient of N's argument is dH_t * (1 - Z) * (1 - N^2), that of Z's is
    dH_t * (H_{t-1} - N) * Z', that of R's is N's times Q * R', and Q gets N's times R.

    ``b_n`` (H,) is the hidden bias of the candidate; all other biases are in ``pre``.
    """

    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, H0: Tensor, W_hh: Tensor, b_n: Tensor, dtype: torch.dtype | None, work: Part
    ) -> Tensor:
        T, B, _ = pre.shape
        H = H0.shape[-1]
        states, gates = work("states", pre, T + 1, B, H), work("gates", pre, T, B, 3 * H)
        candidates = work("candidates", pre, T, B, H)
        states[0] = H0
        product = affine(W_hh.t(), B, dtype)
        candidates.copy_(pre[..., 2 * H :])
        pre[..., 2 * H :] = b_n
        by_sigmoid, minus_one = uses_sigmoid(pre), pre.new_full((), -1.0)
        hiddens, blocks = states.unbind(), gates.view(T, B, 3, H)
        parts = [gates[..., : 2 * H], *blocks.unbind(dim=2), candidates]
        for t, (added, both, r, z, q, n) in enumerate(zip(pre.unbind(), *(part.unbind() for part in parts))):
            A = product(hiddens[t], added)
            torch.sigmoid(A[:, : 2 * H], out=both)
            n.addcmul_(r, q.copy_(A[:, 2 * H :]))
            if by_sigmoid:
                _stretch(n.mul_(2).sigmoid_(), n, minus_one)
            else:
                n.tanh_()
            torch.lerp(n, hiddens[t], z, out=hiddens[t + 1])
        ctx.save_for_backward(states, gates, candidates, W_hh)
        ctx.dtype, ctx.work = dtype, work
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dstates: Tensor) -> tuple[Tensor | None, ...]:
        states, gates, candidates, W_hh = ctx.saved_tensors
        T, B, H = dstates.shape
        r, z, q = gates.view(T, B, 3, H).unbind(dim=2)
        of_N = ctx.work("of_N", gates, T, B, H)
        torch.mul(candidates, candidates, out=of_N).neg_().add_(1)
        of_N.addcmul_(of_N, z, value=-1)
        of_H = ctx.work("of_H", gates, T, B, 3, H)  # the gradients of R's and Z's arguments and Q, dH_t = 1
        torch.mul(of_N, r, out=of_H[:, :, 2])
        torch.mul(of_H[:, :, 2], q, out=of_H[:, :, 0]).addcmul_(of_H[:, :, 0], r, value=-1)
        torch.sub(states[:-1], candidates, out=of_H[:, :, 1]).mul_(z)
        of_H[:, :, 1].addcmul_(of_H[:, :, 1], z, value=-1)
        product = affine(W_hh, B, ctx.dtype)
        dhidden, dpre = ctx.work("dhidden", gates, T, B, 3, H), ctx.work("dpre", gates, T, B, 3, H)
        dH, nothing = dstates[-1], torch.zeros_like(states[0])
        given = (nothing, *dstates.unbind())
        steps = zip(of_H.unbind(), of_N.unbind(), z.unbind(), dhidden.unbind(), dpre.unbind())
        for t, (by_H, N_by_H, z_t, dA, dX) in reversed(list(enumerate(steps))):
            torch.mul(by_H, dH[:, None], out=dA)
            torch.mul(N_by_H, dH, out=dX[:, 2])
            dH = product(dA.view(B, 3 * H), torch.addcmul(given[t], dH, z_t))
        dpre[:, :, :2] = dhidden[:, :, :2]
        db_n = dhidden[:, :, 2].sum(dim=(0, 1)) if ctx.needs_input_grad[3] else None
        dA = dhidden.view(T, B, 3 * H)
        dW = weight_gradient(states[:-1], dA, W_hh, ctx.dtype) if ctx.needs_input_grad[2] else None
        return dpre.view(T, B, 3 * H), dH, dW, db_n, None, None
