"""Run two functions in turn, round after round, and compare their rates."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Two functions that do the same work.

    Attributes:
        name: what is measured, Chinese | English.
        unit: of the rate, such as ``"tokens/s"``.
        required: the least ratio ours / peer that the project asks of itself.
        ours, peer: each does the work once and returns how many units that was.
    """

    name: str
    unit: str
    required: float
    ours: Callable[[], int]
    peer: Callable[[], int]


@dataclass(frozen=True)
class Result:
    """The rates of a comparison, one of each for every round."""

    comparison: Comparison
    ours: list[float]
    peer: list[float]

    @property
    def ratios(self) -> list[float]:
        """ours / peer within each round: what slows the machine down for a while touches both."""
        return [a / b for a, b in zip(self.ours, self.peer)]

    @property
    def ratio(self) -> float:
        """Median of :attr:`ratios`."""
        return statistics.median(self.ratios)

    @property
    def passed(self) -> bool:
        """Whether the ratio reaches what is required."""
        return self.ratio >= self.comparison.required


def _rate(function: Callable[[], int]) -> float:
    start = time.perf_counter()
    units = function()
    return units / (time.perf_counter() - start)


def measure(comparison: Comparison, rounds: int) -> Result:
    """Warm both sides up once, then measure them in turn; the order changes from round to round."""
    if rounds < 1:
        raise ValueError(f"rounds={rounds} must be at least 1.")
    comparison.ours()
    comparison.peer()
    ours: list[float] = []
    peer: list[float] = []
    sides = [(comparison.ours, ours), (comparison.peer, peer)]
    for _ in range(rounds):
        for function, rates in sides:
            rates.append(_rate(function))
        sides.reverse()
    return Result(comparison, ours, peer)
