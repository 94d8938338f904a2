"""The numbers that exercises ask for, and their tolerances, against measurements."""

from __future__ import annotations

import math
from statistics import mean, stdev

import pytest
import torch
from torch import nn

from rnnlib.exercises import examine


def accepted(name: str, value: float) -> bool:
    return examine(name, value).kind == "passed"


def test_the_baseline_of_the_adding_problem():
    """100,000 sequences measure it well within the tolerance, and the obvious wrong values are outside."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(20):
        sums = torch.rand(100_000, 2, generator=generator).sum(dim=1)
        found.append(float(((sums - sums.mean()) ** 2).mean()))
    assert mean(found) == pytest.approx(1 / 6, abs=5e-4) and 3 * stdev(found) < 0.015 / 6
    assert all(accepted("B6", value) for value in (min(found), max(found)))
    assert not accepted("B6", 1 / 12) and not accepted("B6", 0.17)


def untrained_loss(seed: int, K: int = 8) -> float:
    torch.manual_seed(seed)
    X, Y = torch.randn(1_000, 20, 8), torch.randint(K, (1_000,))
    layer, output = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, K)
    with torch.no_grad():
        return float(nn.functional.cross_entropy(output(layer(X)[0][:, -1]), Y))


def test_the_loss_of_knowing_nothing():
    """Untrained networks are within the tolerance of ln K; ln of another number of classes is outside."""
    found = [untrained_loss(seed) for seed in range(20)]
    assert all(accepted("B7", value) for value in found), (min(found), max(found))
    assert mean(found) == pytest.approx(math.log(8), abs=0.02)
    assert not accepted("B7", math.log(7)) and not accepted("B7", math.log(9))


def test_random_labels_are_learned_by_heart_and_not_otherwise():
    """What the explanation says: the training loss falls far below ln K, the other rises above it."""
    torch.manual_seed(0)
    X, Y = torch.randn(400, 10, 8), torch.randint(8, (400,))
    layer, output = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 8)
    optimizer = torch.optim.Adam([*layer.parameters(), *output.parameters()], lr=0.01)

    def loss(rows: slice) -> torch.Tensor:
        return nn.functional.cross_entropy(output(layer(X[rows])[0][:, -1]), Y[rows])

    for _ in range(200):
        optimizer.zero_grad()
        loss(slice(200)).backward()
        optimizer.step()
    with torch.no_grad():
        assert loss(slice(200)) < 0.5 and loss(slice(200, None)) > math.log(8) + 0.5
