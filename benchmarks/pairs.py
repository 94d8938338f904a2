"""The same data and the same models on both sides: rnnlib's, and those of the package d2l."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import nn

import rnnlib
from benchmarks.d2l_peer import feed_lines, import_d2l, rnn
from rnnlib.scratch import get_params, init_rnn_state

BATCH_SIZE, NUM_STEPS = 32, 35
DEVICE = rnnlib.get_device()


@cache
def text() -> rnnlib.TextData:
    """10,000 characters of The Time Machine (or of the embedded tale, and the report says so)."""
    shape = {"batch_size": BATCH_SIZE, "num_steps": NUM_STEPS}
    return rnnlib.load_text("time_machine", **shape, num_valid=0, device=DEVICE)


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


def scratch_pair() -> Pair:
    """Fresh models from scratch with 512 hidden units, from the same parameters."""
    V = len(text().vocab)
    torch.manual_seed(0)
    ours = rnnlib.RNNModelScratch(V, 512, DEVICE)
    peer = the_peer().RNNModelScratch(V, 512, DEVICE, get_params, init_rnn_state, rnn)
    peer.params = [p.detach().clone().requires_grad_() for p in ours.params]
    return Pair("从零实现，H = 512 | from scratch, H = 512", ours, peer)


def layer_pair(layer: type[nn.RNNBase]) -> Pair:
    """Fresh models over a layer of torch.nn with 256 hidden units, from the same parameters."""
    V = len(text().vocab)
    torch.manual_seed(0)
    ours = rnnlib.RNNModel(layer(V, 256), V).to(DEVICE)
    peer = the_peer().RNNModel(layer(V, 256), V).to(DEVICE)
    peer.load_state_dict(ours.state_dict())
    return Pair(f"nn.{layer.__name__}，H = 256 | nn.{layer.__name__}, H = 256", ours, peer)
