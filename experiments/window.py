"""How well does a small network over a fixed window of n characters predict the next one?

The baseline of chapter 3: the last n characters as one-hot vectors side by side, one hidden layer of 128
units with tanh, and an output layer. Trained on the first 10,000 characters of *The Time Machine* in
shuffled batches of 1,120 windows (as many predictions as a batch of 32 x 35), plain SGD, global norm clipped
at 1, at most 300 epochs. For every n the learning rate comes from a grid and is chosen on the validation
text (the next 10,000 characters) with two seeds, and so is the epoch; the three runs that are reported have
seeds that chose nothing, and the test text is the 10,000 characters after those. Windows reach back over the
border between two texts, so that every character of a text is predicted from n characters.

Results: {n: {"parameters", "table" (weights of the hidden layer), "lr", "grid", "runs"}}; ``runs`` hold
``valid`` and ``test`` perplexity, ``train`` (of the best epoch) and ``epoch``.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.common import run_once, three_texts

WINDOWS = (1, 2, 4, 8, 16)
RATES = (0.5, 1.0, 2.0, 4.0)
H, TUNING_SEEDS, SEEDS = 128, (0, 1), (10, 11, 12)


def examples(text: Tensor, n: int, first: int, last: int, V: int) -> tuple[Tensor, Tensor]:
    """(N, n*V) windows and (N,) next characters, for the characters first to last - 1 of a text."""
    first = max(first, n)
    windows = text[first - n : last - 1].unfold(0, n, 1)
    return F.one_hot(windows, V).flatten(1).float(), text[first:last]


def one_window(text: Tensor, n: int, V: int) -> dict[str, Any]:
    """Tune one window, then measure it."""

    def build() -> nn.Module:
        return nn.Sequential(nn.Linear(n * V, H), nn.Tanh(), nn.Linear(H, V))

    train, valid, test = (examples(text, n, i, i + 10_000, V) for i in (0, 10_000, 20_000))
    options = {"epochs": 300, "patience": 50, "eval_every": 5, "optimizer": "sgd", "valid": valid}

    def once(lr: float, seed: int) -> tuple[nn.Module, dict[str, Any]]:
        return run_once(build, rnnlib.ExampleLoader(*train, 1120, seed=seed), lr, seed, **options)

    grid = [once(lr, seed)[1] for lr in RATES for seed in TUNING_SEEDS]
    total = {lr: sum(run["valid"] or math.inf for run in grid if run["lr"] == lr) for lr in RATES}
    best = min(RATES, key=total.get)
    runs = []
    for seed in SEEDS:
        model, record = once(best, seed)
        with torch.no_grad():
            for name, (X, Y) in (("train", train), ("test", test)):
                record[name] = round(math.exp(F.cross_entropy(model(X), Y)), 4)
        runs.append(record)
    print(n, best, [(run["valid"], run["test"], run["epoch"]) for run in runs], file=sys.stderr, flush=True)
    return {
        "parameters": rnnlib.count_parameters(build()),
        "table": n * V * H,
        "lr": best,
        "grid": grid,
        "runs": runs,
    }


def run() -> dict[str, Any]:
    """All windows; about seven minutes on one core."""
    data, test = three_texts(device="cpu")
    text = torch.cat([data.train.corpus, data.valid, test])
    return {str(n): one_window(text, n, len(data.vocab)) for n in WINDOWS}
