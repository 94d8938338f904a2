"""What do clipping, truncation, weight decay, dropout, a leak and a residual path do for a plain RNN?

A tanh RNN with H = 128 reads one-hot characters of *The Time Machine*: 10,000 to learn from, the next 10,000
to choose the epoch, the rate and the strength, the 10,000 after those to report. Two questions:

``sgd``: which remedies let plain SGD survive a large learning rate? remedy -> rate -> three seeds, 30
epochs. A run has ``exploded`` if its loss is no longer finite or the training perplexity of an epoch exceeds
100 (uniform guessing has 28); such a run counts as lost, also if an early epoch was good.

``adam``: which remedies lower the perplexity on new text? remedy -> what :func:`experiments.common.tuned`
gives. All are clipped at 1; the rate comes from one tuning seed, the five reported seeds chose nothing.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.common import three_texts, tuned
from rnnlib import scratch

V, H = 28, 128
SGD_RATES, SGD_EPOCHS, SGD_SEEDS = (0.5, 1.0, 2.0, 4.0), 30, (0, 1, 2)
ADAM_RATES = (1e-3, 3e-3, 1e-2, 3e-2)


class DroppedRNN(nn.RNN):
    """A plain RNN whose outputs are dropped at random before the output layer."""

    def __init__(self, input_size: int, hidden_size: int, rate: float):
        super().__init__(input_size, hidden_size)
        self.rate = rate

    def forward(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        """As ``nn.RNN``."""
        Y, state = super().forward(*arguments)
        return F.dropout(Y, self.rate, self.training), state


class MixedRNN(scratch.RNN):
    """``H_t = keep * H_{t-1} + add * tanh(A_t)``: leaky with keep = 1 - add, residual with keep = 1."""

    def __init__(self, input_size: int, hidden_size: int, keep: float, add: float):
        super().__init__(input_size, hidden_size)
        self.keep, self.add = keep, add

    def step(self, X: Tensor, state: Tensor, weights: list[Tensor]) -> Tensor:
        """One step."""
        return self.keep * state + self.add * super().step(X, state, weights)

    def _scan(
        self, inputs: Tensor, state: Tensor, weights: list[Tensor], reverse: bool
    ) -> tuple[Tensor, Tensor]:
        """The same steps, with one product for all inputs."""
        W_ih, W_hh, b_ih, b_hh = weights
        outputs = []
        for A in inputs @ W_ih.T + (b_ih + b_hh):
            state = self.keep * state + self.add * torch.tanh(torch.addmm(A, state, W_hh.T))
            outputs.append(state)
        return torch.stack(outputs), state


class CutModel(rnnlib.RNNModel):
    """A language model whose state is detached every five steps, also inside a minibatch."""

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As ``RNNModel``."""
        logits = []
        for piece in X.split(5, dim=1):
            out, state = super().forward(piece, None if state is None else state.detach())
            logits.append(out)
        return torch.cat(logits, dim=1), state


def plain(layer: Any = nn.RNN, model: Any = rnnlib.RNNModel, **options: Any) -> nn.Module:
    """A fresh language model."""
    return model(layer(V, H, **options), V)


def sgd_run(
    data: rnnlib.TextData, test: Tensor, lr: float, seed: int, build: Any, **options: Any
) -> dict[str, Any]:
    """One run of SGD: whether it exploded, else its best epoch on the validation text."""
    rnnlib.set_seed(seed)
    model = build()
    record: dict[str, Any] = {"seed": seed, "exploded": True, "epoch": None, "valid": None, "test": None}
    try:
        history = rnnlib.train(
            model, data, SGD_EPOCHS, lr, patience=SGD_EPOCHS, eval_every=1, progress=False, **options
        )
    except FloatingPointError:
        return record
    if max(history.train_ppl) > 100:
        return record
    epoch, valid = history.best_valid
    test_ppl = rnnlib.perplexity(model, test)
    return record | {
        "exploded": False,
        "epoch": epoch,
        "valid": round(valid, 4),
        "test": round(test_ppl, 4) if math.isfinite(test_ppl) else None,
    }


def with_sgd(data: rnnlib.TextData, test: Tensor) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """remedy -> rate -> a record for each seed."""

    def decayed(parameters: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=lr, weight_decay=1e-3)

    remedies = {
        "nothing": {"build": plain, "clip": None},
        "weight decay": {"build": plain, "clip": None, "optimizer": decayed},
        "dropout": {"build": partial(plain, DroppedRNN, rate=0.5), "clip": None},
        "truncation": {"build": partial(plain, model=CutModel), "clip": None},
        "clipping": {"build": plain, "clip": 1.0},
    }
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, options in remedies.items():
        results[name] = {
            str(lr): [sgd_run(data, test, lr, seed, **options) for seed in SGD_SEEDS] for lr in SGD_RATES
        }
        short = {lr: [run["valid"] for run in runs] for lr, runs in results[name].items()}
        print(f"sgd, {name}: {short}", file=sys.stderr, flush=True)
    return results


def with_adam(data: rnnlib.TextData, test: Tensor) -> dict[str, Any]:
    """remedy -> what ``tuned`` gives."""

    def decay(strength: float) -> Any:
        return lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, weight_decay=strength)

    remedies: dict[str, tuple[Any, dict[str, Any]]] = {
        "plain": (plain, {}),
        "dropout 0.25": (partial(plain, DroppedRNN, rate=0.25), {}),
        "dropout 0.5": (partial(plain, DroppedRNN, rate=0.5), {}),
        "weight decay 0.3": (plain, {"optimizer": decay(0.3)}),
        "weight decay 1.0": (plain, {"optimizer": decay(1.0)}),
        "leaky 0.8": (partial(plain, MixedRNN, keep=0.2, add=0.8), {}),
        "leaky 0.5": (partial(plain, MixedRNN, keep=0.5, add=0.5), {}),
        "residual 0.1": (partial(plain, MixedRNN, keep=1.0, add=0.1), {}),
        "residual 1.0": (partial(plain, MixedRNN, keep=1.0, add=1.0), {}),
    }
    results = {}
    for name, (build, options) in remedies.items():
        print(f"adam, {name}: ", end="", file=sys.stderr, flush=True)
        results[name] = tuned(build, data, test, ADAM_RATES, tuning_seeds=(0,), **options)
    return results


def run() -> dict[str, Any]:
    """Both questions; about five minutes on one core."""
    data, test = three_texts()
    return {"sgd": with_sgd(data, test), "adam": with_adam(data, test)}
