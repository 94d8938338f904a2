"""Do more recurrent layers help on 10,000 characters?

LSTMs with 1, 2 and 4 layers and about 25,000 parameters each (so a deeper network is a narrower one) read an
embedding of *The Time Machine*'s first 10,000 characters; and 4 layers with residual connections. Each has
its own learning rate from a grid, chosen on the validation text with two seeds. Training also stops early on
that text; the runs that are reported have seeds that chose nothing, and the test text is read once.

Results: ``lstm``[name] as :func:`experiments.common.tuned` gives them, with ``layers``, ``num_hiddens`` and
``residual``; ``protocol``.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from experiments.common import three_texts, tuned

BUDGET = 25_000
NETWORKS = {"1": (1, False), "2": (2, False), "4": (4, False), "4 residual": (4, True)}
RATES = (2.5e-3, 5e-3, 1e-2, 2e-2)
PROTOCOL = {"epochs": 200, "patience": 20, "eval_every": 2}


class Stack(nn.Module):
    """An embedding, L recurrent layers one above the other, an output layer; perhaps residual connections.

    The state is a list with the state of each layer.
    """

    def __init__(self, kind: type[nn.RNNBase], vocab_size: int, H: int, num_layers: int, residual: bool):
        super().__init__()
        self.vocab_size, self.residual = vocab_size, residual
        self.embedding = nn.Embedding(vocab_size, H)
        self.layers = nn.ModuleList(kind(H, H) for _ in range(num_layers))
        self.linear = nn.Linear(H, vocab_size)

    def forward(self, X: Tensor, state: tuple | None = None) -> tuple[Tensor, tuple]:
        """(B, T) int64 -> logits (B, T, V), and the states of all layers."""
        Y, finals = self.embedding(X.T), []
        for k, layer in enumerate(self.layers):
            Z, final = layer(Y, None if state is None else _layer_state(state, k))
            Y = Y + Z if self.residual else Z
            finals.append(final)
        return self.linear(Y).transpose(0, 1), _joined(finals)


def _layer_state(state: Any, k: int) -> Any:
    if isinstance(state, tuple):
        return tuple(part[k : k + 1].contiguous() for part in state)
    return state[k : k + 1].contiguous()


def _joined(finals: list) -> Any:
    """States of the layers as torch's own layers give them: (L, B, H), for an LSTM a pair."""
    if isinstance(finals[0], tuple):
        return tuple(torch.cat(parts) for parts in zip(*finals))
    return torch.cat(finals)


def width(kind: type[nn.RNNBase], vocab_size: int, num_layers: int) -> int:
    """The H whose network comes closest to the budget of parameters."""

    def size(H: int) -> int:
        return rnnlib.count_parameters(Stack(kind, vocab_size, H, num_layers, False))

    return min(range(8, 130), key=lambda H: abs(size(H) - BUDGET))


def measured(
    kind: type[nn.RNNBase], networks: dict[str, tuple[int, bool]], H: int | None, **options: Any
) -> dict[str, Any]:
    """The tuned results of several stacks; with H None their widths fit the budget."""
    data, test = three_texts()
    V, results = len(data.vocab), {}
    for name, (L, residual) in networks.items():
        size = H or width(kind, V, L)
        print(f"{name} layers, H={size}: ", end="", file=sys.stderr, flush=True)
        build = functools.partial(Stack, kind, V, size, L, residual)
        result = tuned(build, data, test, seeds=(10, 11, 12), **options)
        results[name] = {"layers": L, "num_hiddens": size, "residual": residual, **result}
    return results


def protocol(**options: Any) -> dict[str, Any]:
    """What all runs have in common."""
    fixed = {"tokens": 10_000, "batch_size": 32, "num_steps": 35, "optimizer": "adam", "clip": 1.0}
    return {**fixed, **options}


def run() -> dict[str, Any]:
    """Train everything; about ten minutes on one idle core."""
    lstm = measured(nn.LSTM, NETWORKS, None, rates=RATES, tuning_seeds=(0, 1), **PROTOCOL)
    return {"lstm": lstm, "protocol": protocol(rates=RATES, **PROTOCOL)}
