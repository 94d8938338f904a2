"""What does it cost to send the gradient back only k steps?

Text: an RNN with H = 64 reads one-hot characters of *The Time Machine* (10,000 to learn from, as many to
choose the rate and the epoch, as many to report). Its state is carried on, but detached every k steps; k = 1
sends no gradient through time at all. Adam, clipped at 1; the rate comes from one tuning seed, the three
reported seeds chose nothing.

Memory: the task of :mod:`experiments.reach` for its leaky network, with the gradient of the one loss cut
off k steps before the end; four rates with three seeds each.

``text[k]``: ``lr``, ``grid``, ``runs``; of each run ``valid``, ``test``, ``epoch``, and ``context``:
c -> perplexity on the validation text if only the last c characters have been read.
``memory[k]``: rate -> accuracy of each seed.
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
from experiments.reach import Recaller, sequences

V, H = 28, 64
CUTS = (1, 5, 35)
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
SEEDS = (10, 11, 12)
CONTEXTS = (1, 2, 3, 4, 5, 7, 10, 20)
LAG, MEMORY_CUTS, STEPS = 20, (5, 10), 1_000


class CutModel(rnnlib.RNNModel):
    """A language model whose state is detached every k steps, also inside a minibatch."""

    def __init__(self, k: int):
        super().__init__(nn.RNN(V, H), V)
        self.k = k

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As ``RNNModel``."""
        if not self.training:
            return super().forward(X, state)
        outputs, inputs = [], self._encode(X.T)  # (T, B, V)
        for piece in inputs.split(self.k):
            Y, state = self.rnn(piece, None if state is None else state.detach())
            outputs.append(Y)
        return self.linear(torch.cat(outputs)).transpose(0, 1), state


@torch.no_grad()
def with_context(model: nn.Module, text: Tensor, c: int) -> float:
    """Perplexity of a text of which the network has seen c characters before each one."""
    windows = text[: 5_000 + c].unfold(0, c + 1, 1)
    logits, _ = model.eval()(windows[:, :c])
    return round(math.exp(F.cross_entropy(logits[:, -1], windows[:, c]).item()), 4)


def on_text() -> dict[str, Any]:
    """k -> the runs."""
    data, test = three_texts()
    results = {}
    for k in CUTS:

        def build(k: int = k) -> nn.Module:
            return CutModel(k)

        grid = [run_once(build, data, lr, 0)[1] for lr in RATES]
        lr = min(grid, key=lambda run: run["valid"] or math.inf)["lr"]
        runs = []
        for seed in SEEDS:
            model, record = run_once(build, data, lr, seed)
            record["test"] = round(rnnlib.perplexity(model, test), 4)
            record["context"] = {c: with_context(model, data.valid, c) for c in CONTEXTS}
            runs.append(record)
        results[str(k)] = {"lr": lr, "grid": grid, "runs": runs}
        scores = [(run["valid"], run["test"]) for run in runs]
        print(f"k = {k}: lr {lr:g}, valid and test {scores}", file=sys.stderr, flush=True)
    return results


def recall(k: int, lr: float, seed: int) -> float:
    """Accuracy of the leaky network whose gradient ends k steps before the end."""
    rnnlib.set_seed(seed)
    model = Recaller(keep=0.9, add=0.1)
    generator = torch.Generator().manual_seed(1_000 + seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(STEPS):
        X, Y = sequences(LAG, 32, generator)
        with torch.no_grad():
            _, state = model.rnn(X[:-k])
        outputs, _ = model.rnn(X[-k:], state)
        optimizer.zero_grad()
        F.cross_entropy(model.linear(outputs[-1]), Y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    X, Y = sequences(LAG, 2_000, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return round((model(X).argmax(-1) == Y).float().mean().item(), 4)


def on_memory() -> dict[str, Any]:
    """k -> accuracies."""
    results = {}
    for k in MEMORY_CUTS:
        results[str(k)] = {str(lr): [recall(k, lr, seed) for seed in (0, 1, 2)] for lr in RATES}
        print(f"memory, k = {k}: {results[str(k)]}", file=sys.stderr, flush=True)
    return results


def run() -> dict[str, Any]:
    """Both questions; about four minutes on one core."""
    return {"text": on_text(), "memory": on_memory()}
