"""Run functions in turn, round after round, and summarize their seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import torch

from rnnlib.common import check_positive

Key = TypeVar("Key", bound=Hashable)


def seconds(function: Callable[[], Any]) -> float:
    """Wall-clock seconds of one call; on a GPU until its last kernel has run."""
    _wait()
    start = time.perf_counter()
    function()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def alternate(
    functions: Mapping[Key, Callable[[], Any]],
    rounds: int,
    *,
    warm_up: bool = True,
    after_round: Callable[[int], None] = lambda done: None,
) -> dict[Key, list[float]]:
    """The seconds of each function, one number a round.

    All functions run in every round, so that what slows the machine down for a while touches all of them;
    each round takes them in the opposite order of the last, so that none always follows the same neighbour.

    Args:
        functions: name -> what does the work once.
        rounds: how often each runs, after one call that is not counted.
        warm_up: False leaves that call out.
        after_round: called with the number of finished rounds.

    Raises:
        ValueError: if rounds is not positive.
    """
    check_positive(rounds=rounds)
    if warm_up:
        for function in functions.values():
            function()
    taken: dict[Key, list[float]] = {key: [] for key in functions}
    order = list(functions)
    for i in range(rounds):
        for key in order:
            taken[key].append(seconds(functions[key]))
        order.reverse()
        after_round(i + 1)
    return taken


def at_threads(threads: int, function: Callable[[], Any]) -> Callable[[], Any]:
    """The function, computing with so many threads."""

    def run() -> Any:
        before = torch.get_num_threads()
        if before != threads:
            torch.set_num_threads(threads)
        try:
            return function()
        finally:
            if before != threads:
                torch.set_num_threads(before)

    return run


def thread_counts() -> list[int]:
    """1, and 2 where the machine has as many."""
    return [1, 2] if torch.get_num_threads() > 1 else [1]


def summary(values: Sequence[float]) -> dict[str, Any]:
    """``{"median", "quartiles": [lower, upper], "rounds"}`` of positive numbers, to four digits."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    return {"median": digits(middle), "quartiles": [digits(low), digits(high)], "rounds": len(values)}


def digits(value: float, count: int = 4) -> float:
    """A number to so many significant digits."""
    return float(f"{value:.{count}g}")


def rates(units: float, taken: Sequence[float]) -> dict[str, Any]:
    """The summary of units a second."""
    return summary([units / each for each in taken])


def ratios(peer: Sequence[float], ours: Sequence[float], work: float = 1.0) -> dict[str, Any]:
    """The summary of how many times as fast we are, taken within each round.

    Args:
        peer, ours: seconds of either side, one number a round.
        work: how many times the peer's work we do.
    """
    return summary([work * theirs / mine for theirs, mine in zip(peer, ours)])
