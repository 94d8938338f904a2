"""The same data and the same models on both sides: rnnlib's, and those of the package d2l."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from rnnlib.scratch import get_params, init_rnn_state
from tests.d2l_peer import feed_lines, import_d2l

__all__ = ["BATCH_SIZE", "DEVICE", "NUM_STEPS", "Pair", "pairs", "text", "the_peer"]

BATCH_SIZE, NUM_STEPS = 32, 35
DEVICE = rnnlib.get_device()


@cache
def text() -> rnnlib.TextData:
    """10,000 characters of The Time Machine (or of the embedded tale, and the report says so)."""
    return rnnlib.load_text(batch_size=BATCH_SIZE, num_steps=NUM_STEPS, num_valid=0, device=DEVICE)


@cache
def the_peer() -> ModuleType:
    """d2l, reading the lines that :func:`text` reads."""
    d2l = import_d2l()
    feed_lines(d2l, text().corpus.lines)
    return d2l


@dataclass(frozen=True)
class Pair:
    """Two models with the same parameters.

    Attributes:
        name: Chinese | English.
        ours, peer: rnnlib's model, d2l's model.
    """

    name: str
    ours: Any
    peer: Any


def rnn_step_by_step(
    inputs: Tensor, state: tuple[Tensor], params: Sequence[Tensor]
) -> tuple[Tensor, tuple[Tensor]]:
    """The RNN as d2l's chapter computes it, with an output product at every step.

    The package has the class RNNModelScratch, but leaves this function to its readers.
    """
    W_xh, W_hh, b_h, W_hq, b_q = params
    (H,) = state
    outputs = []
    for X in inputs:
        H = torch.tanh(torch.mm(X, W_xh) + torch.mm(H, W_hh) + b_h)
        outputs.append(torch.mm(H, W_hq) + b_q)
    return torch.cat(outputs, dim=0), (H,)


def pairs() -> list[Pair]:
    """Fresh models: from scratch with 512 hidden units, and over ``nn.RNN`` with 256."""
    d2l, V = the_peer(), len(text().vocab)
    torch.manual_seed(0)
    scratch = rnnlib.RNNModelScratch(V, 512, DEVICE)
    scratch_peer = d2l.RNNModelScratch(V, 512, DEVICE, get_params, init_rnn_state, rnn_step_by_step)
    scratch_peer.params = [p.detach().clone().requires_grad_() for p in scratch.params]
    concise = rnnlib.RNNModel(nn.RNN(V, 256), V).to(DEVICE)
    concise_peer = d2l.RNNModel(nn.RNN(V, 256), V).to(DEVICE)
    concise_peer.load_state_dict(concise.state_dict())
    return [
        Pair("从零实现，H = 512 | from scratch, H = 512", scratch, scratch_peer),
        Pair("nn.RNN，H = 256 | nn.RNN, H = 256", concise, concise_peer),
    ]
