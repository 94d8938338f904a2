"""Those who train: d2l, a plain loop over torch, the same loop compiled, rnnlib in its ways.

A contender is built from the parameters of rnnlib's model and trains in place: its ``epoch`` makes one pass
over the batches and returns the mean loss in nats. All take the same steps: cross-entropy, the global norm of
the gradients clipped to 1, SGD, the state carried from batch to batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

import rnnlib
from benchmarks import work
from benchmarks.d2l_peer import rnn
from benchmarks.work import CLIP, DEVICE, LR, Batches, the_peer
from rnnlib.scratch import get_params, init_rnn_state
from rnnlib.states import detach_state
from rnnlib.training.fast import choose

Forward = Callable[[Tensor, Any], tuple[Tensor, Any]]  # X (B, T) and a state to logits (T*B, V) and state

NAMES = {
    "d2l": "d2l 0.17 的训练循环 | the trainer of d2l 0.17",
    "loop": "普通的 PyTorch 循环 | a plain PyTorch loop",
    "nn.RNN": "普通的循环，同样大小的 nn.RNN | a plain loop over nn.RNN of the same size",
    "compile": "普通的循环加 torch.compile | the plain loop with torch.compile",
    "plain": "rnnlib，fast=False | rnnlib, fast=False",
    "fast": "rnnlib，fast=True | rnnlib, fast=True",
    "bf16": "rnnlib，fast=True，乘积用 bfloat16 | rnnlib, fast=True, products in bfloat16",
    "fp16": "rnnlib，fast=True，float16 | rnnlib, fast=True, float16",
}
PRECISIONS = {"bf16": "bfloat16", "fp16": "float16"}


class Unavailable(Exception):
    """This contender cannot take part here; the message says why."""


@dataclass(frozen=True, eq=False)
class Contender:
    """One who trains.

    Attributes:
        key: in :data:`NAMES`.
        epoch: one pass, returning the mean loss.
        model: rnnlib's model, for rnnlib's ways.
    """

    key: str
    epoch: Callable[[], float]
    model: Any = None


def keys(kind: str) -> list[str]:
    """Who takes part with a kind of model; nn.RNN stands beside the RNN from scratch, float16 is for GPUs."""
    absent = {"nn.RNN"} if kind != "scratch" else set()
    return [key for key in NAMES if key not in absent and (key != "fp16" or DEVICE.type == "cuda")]


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    if DEVICE.type == "cuda":
        return torch.cuda.is_bf16_supported()
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def build(key: str, made: Any, batches: Batches) -> Contender:
    """A contender from the parameters of one of rnnlib's models, which stays as it is.

    Args:
        key: in :data:`NAMES`.
        made: an ``RNNModelScratch`` or an ``RNNModel`` with one-hot inputs.
        batches: what an epoch reads.

    Raises:
        Unavailable: if it cannot take part here.
    """
    if key in ("plain", "fast", *PRECISIONS):
        return _ours(key, made, batches)
    if key == "d2l":
        return Contender(key, _d2l_epoch(made, batches))
    forward, parameters = _forward(made, as_layer=key == "nn.RNN")
    step = partial(_mean_loss, forward)
    if key == "compile":
        step = torch.compile(step)  # with the backward pass; clipping and the update stay as they are
    return Contender(key, _loop_epoch(step, parameters, made.begin_state, batches))


def _ours(key: str, made: Any, batches: Batches) -> Contender:
    if key == "bf16" and not has_bf16():
        raise Unavailable("this processor has no products in bfloat16")
    if key == "fp16" and DEVICE.type != "cuda":
        raise Unavailable("float16 is for GPUs")
    model = copy_of(made)
    optimizer = torch.optim.SGD(model.parameters(), LR)
    path = choose(model, PRECISIONS.get(key, "float32"), key != "plain")  # on a GPU it keeps its graph

    def epoch() -> float:
        total, count = rnnlib.run_epoch(model, batches, optimizer=optimizer, clip=CLIP, fast=path)
        return total / count

    return Contender(key, epoch, model)


def copy_of(made: Any) -> Any:
    """Another model of rnnlib with the same parameters."""
    if isinstance(made, rnnlib.RNNModelScratch):
        model = rnnlib.RNNModelScratch(made.vocab_size, made.num_hiddens, DEVICE)
    else:
        layer = _like(made.rnn)
        model = rnnlib.RNNModel(layer, made.vocab_size).to(DEVICE)
    model.load_state_dict(made.state_dict())
    return model


def _like(layer: nn.Module) -> nn.Module:
    """A fresh layer of the same kind and size."""
    return type(layer)(layer.input_size, layer.hidden_size, num_layers=layer.num_layers)


def peer_model(made: Any) -> Any:
    """d2l's model with the same parameters as rnnlib's."""
    d2l = the_peer()
    if isinstance(made, rnnlib.RNNModelScratch):
        peer = d2l.RNNModelScratch(made.vocab_size, made.num_hiddens, DEVICE, get_params, init_rnn_state, rnn)
        peer.params = [p.requires_grad_() for p in work.parameters_of(made)]
        return peer
    layer = _like(made.rnn)
    peer = d2l.RNNModel(layer, made.vocab_size).to(DEVICE)
    peer.load_state_dict(made.state_dict())
    return peer


def _d2l_epoch(made: Any, batches: Batches) -> Callable[[], float]:
    d2l, peer, loss = the_peer(), peer_model(made), nn.CrossEntropyLoss()
    if isinstance(peer, nn.Module):
        updater = torch.optim.SGD(peer.parameters(), LR)
    else:
        updater = partial(d2l.sgd, peer.params, LR)

    def epoch() -> float:
        ppl, _ = d2l.train_epoch_ch8(peer, batches, loss, updater, DEVICE, use_random_iter=False)
        return math.log(ppl)

    return epoch


class _Plain(nn.Module):
    """One-hot vectors, a layer of torch.nn, a linear layer."""

    def __init__(self, layer: nn.RNNBase, vocab_size: int):
        super().__init__()
        self.rnn, self.linear = layer, nn.Linear(layer.hidden_size, vocab_size)

    def forward(self, X: Tensor, state: Any) -> tuple[Tensor, Any]:
        if isinstance(self.rnn, nn.RNN) and isinstance(state, tuple):
            state = state[0][None]  # that of the RNN from scratch
        outputs, state = self.rnn(F.one_hot(X.T, self.linear.out_features).float(), state)
        return self.linear(outputs.flatten(0, 1)), state


def _forward(made: Any, as_layer: bool) -> tuple[Forward, list[Tensor]]:
    """The forward pass of the plain loop and its parameters."""
    if not isinstance(made, rnnlib.RNNModelScratch):
        layer = _like(made.rnn)
        plain = _Plain(layer, made.vocab_size).to(DEVICE)
        plain.load_state_dict(made.state_dict())
        return plain, list(plain.parameters())
    if as_layer:
        plain = _as_layer(made)
        return plain, [p for p in plain.parameters() if p.requires_grad]
    parameters = [p.requires_grad_() for p in work.parameters_of(made)]
    V = made.vocab_size

    def forward(X: Tensor, state: Any) -> tuple[Tensor, Any]:
        return rnn(F.one_hot(X.T, V).float(), state, parameters)

    return forward, parameters


def _as_layer(made: rnnlib.RNNModelScratch) -> _Plain:
    """The same function over nn.RNN; its second bias stays at zero, because the RNN from scratch has one."""
    W_xh, W_hh, b_h, W_hq, b_q = work.parameters_of(made)
    plain = _Plain(nn.RNN(*W_xh.shape), W_hq.shape[1]).to(DEVICE)
    values = {
        "rnn.weight_ih_l0": W_xh.T,
        "rnn.weight_hh_l0": W_hh.T,
        "rnn.bias_ih_l0": b_h,
        "rnn.bias_hh_l0": torch.zeros_like(b_h),
        "linear.weight": W_hq.T,
        "linear.bias": b_q,
    }
    plain.load_state_dict(values)
    plain.rnn.bias_hh_l0.requires_grad_(False)
    return plain


def _mean_loss(forward: Forward, X: Tensor, Y: Tensor, state: Any) -> tuple[Tensor, Any]:
    logits, state = forward(X, state)
    return F.cross_entropy(logits, Y.T.reshape(-1)), state


def _loop_epoch(
    step: Callable[..., tuple[Tensor, Any]],
    parameters: list[Tensor],
    begin: Callable[..., Any],
    batches: Batches,
) -> Callable[[], float]:
    optimizer = torch.optim.SGD(parameters, LR)

    def epoch() -> float:
        state, losses = None, []
        for X, Y in batches:
            state = begin(len(X), X.device) if state is None else detach_state(state)
            loss, state = step(X, Y, state)
            optimizer.zero_grad()
            loss.backward()
            clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).double().mean())

    return epoch
