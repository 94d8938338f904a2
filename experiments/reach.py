"""Which plain RNN learns to remember one symbol over a gap, and how far does its gradient reach at the start?

A sequence is one of eight symbols, then twenty random distractors; after the last one the network names the
symbol (chance: 0.125). H = 32, fresh minibatches of 32, Adam, 1,000 steps, four learning rates with three
seeds each; all twelve runs are reported, measured on 2,000 new sequences.

``results[network]``: ``accuracy``, rate -> one for each seed; ``gradient``: the norm of the gradient that
reaches the first state before training, relative to the last one, for each seed.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.remedies import MixedRNN

K, H, B, STEPS = 8, 32, 32, 1_000
LAG = 20
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
SEEDS = (0, 1, 2)


class Recaller(nn.Module):
    """A recurrent layer and an output layer behind its last state."""

    def __init__(self, keep: float = 0.0, add: float = 1.0, orthogonal: bool = False):
        super().__init__()
        self.rnn = MixedRNN(2 * K, H, keep, add)
        self.linear = nn.Linear(H, K)
        if orthogonal:
            nn.init.orthogonal_(self.rnn.weight_hh_l0)

    def forward(self, X: Tensor) -> Tensor:
        """(T, B, 2K) -> logits (B, K)."""
        return self.linear(self.rnn(X)[0][-1])


NETWORKS: dict[str, dict[str, Any]] = {
    "plain, not clipped": {"clip": None},
    "plain": {},
    "orthogonal": {"orthogonal": True},
    "leaky 0.1": {"keep": 0.9, "add": 0.1},
    "residual 0.1": {"keep": 1.0, "add": 0.1},
}


def sequences(lag: int, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``(X (lag + 1, number, 2K) one-hot, Y (number,))``."""
    Y = torch.randint(0, K, (number,), generator=generator)
    X = torch.randint(K, 2 * K, (lag + 1, number), generator=generator)
    X[0] = Y
    return F.one_hot(X, 2 * K).float(), Y


def learn(lag: int, lr: float, seed: int, clip: float | None = 1.0, **options: Any) -> tuple[float, float]:
    """Accuracy after training, and the relative gradient at the first state before it."""
    rnnlib.set_seed(seed)
    model = Recaller(**options)
    generator = torch.Generator().manual_seed(1_000 + seed)
    X, _ = sequences(lag, B, generator)
    gradient = rnnlib.inspect.gradient_by_lag(model.rnn, X)[lag].item()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(STEPS):
        X, Y = sequences(lag, B, generator)
        loss = F.cross_entropy(model(X), Y)
        optimizer.zero_grad()
        loss.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    X, Y = sequences(lag, 2_000, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return round((model(X).argmax(-1) == Y).float().mean().item(), 4), gradient


def run() -> dict[str, Any]:
    """All networks; about three minutes on one core."""
    results: dict[str, Any] = {}
    for name, options in NETWORKS.items():
        runs = {lr: [learn(LAG, lr, seed, **options) for seed in SEEDS] for lr in RATES}
        results[name] = {
            "accuracy": {str(lr): [accuracy for accuracy, _ in pairs] for lr, pairs in runs.items()},
            "gradient": [gradient for _, gradient in runs[RATES[0]]],
        }
        print(name, results[name], file=sys.stderr, flush=True)
    return results
