"""What the experiments share: three texts, and a fair way to choose a learning rate.

The training text teaches, the validation text chooses (learning rate, epoch), the test text is read once,
with everything chosen. All three come from one book, one after the other.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

import rnnlib
from rnnlib.training import train_seeds
from rnnlib.training.seeds import Diverged

Build = Callable[[], nn.Module]


def three_texts(
    corpus: str = "time_machine", num_tokens: int = 10_000, num_test: int = 10_000, **options: Any
) -> tuple[rnnlib.TextData, Tensor]:
    """Training and validation text as TextData, and the test tokens that follow them.

    Raises:
        CorpusUnavailable: the results are to be those of the real corpus.
    """
    data = rnnlib.load_text(
        corpus, max_tokens=num_tokens, num_valid=num_tokens + num_test, fallback=False, **options
    )
    test = data.valid[num_tokens:]
    return dataclasses.replace(data, valid=data.valid[:num_tokens]), test


def run_seeds(
    build: Build,
    data: Any,
    lr: float,
    seeds: Sequence[int],
    *,
    epochs: int = 200,
    patience: int = 20,
    **options: Any,
) -> list[tuple[nn.Module, dict[str, Any]]]:
    """Train one network for each seed with early stopping; those of the best epochs, and how it went.

    A run whose loss is no longer finite counts with validation perplexity None. Runs may go side by side: the
    seconds of each are an equal share.
    """
    options = {"optimizer": "adam", "eval_every": 2, "progress": False, "patience": patience, **options}
    start = time.perf_counter()
    try:
        runs = train_seeds(lambda: build().to(data.device), data, epochs, lr, seeds=seeds, **options)
    except Diverged as error:
        runs = error.runs
    seconds = round((time.perf_counter() - start) / len(seeds), 2)
    return [(model, _record(history, lr, seed, seconds)) for seed, (model, history) in zip(seeds, runs)]


def growing_grid(
    score: Callable[[float], float], rates: Sequence[float], factor: float, most: int
) -> tuple[float, dict[float, float]]:
    """The rate of the lowest score, and the scores of all that were tried.

    The grid grows by a factor where the best rate lies at its edge, to ``most`` rates. A rate at which
    training diverges (FloatingPointError) scores infinity.
    """
    grid: dict[float, float] = {}
    todo, best = list(rates), 0.0
    while todo:
        for rate in todo:
            try:
                grid[rate] = score(rate)
            except FloatingPointError:
                grid[rate] = float("inf")
        best = min(grid, key=grid.get)
        todo = [best * factor] if best == max(grid) else [best / factor] if best == min(grid) else []
        todo = todo if len(grid) < most else []
    return best, dict(sorted(grid.items()))


def _record(history: rnnlib.History | None, lr: float, seed: int, seconds: float) -> dict[str, Any]:
    if history is None:
        return {"lr": lr, "seed": seed, "valid": None, "epoch": None, "seconds": None}
    return {
        "lr": lr,
        "seed": seed,
        "valid": round(history.best_valid[1], 4),
        "epoch": history.best_epoch,
        "last_train": round(history.train_ppl[-1], 4),
        "seconds": seconds,
    }


def run_once(
    build: Build, data: Any, lr: float, seed: int, **options: Any
) -> tuple[nn.Module, dict[str, Any]]:
    """:func:`run_seeds` with one seed."""
    return run_seeds(build, data, lr, (seed,), **options)[0]


def tuned(
    build: Build,
    data: rnnlib.TextData,
    test: Tensor,
    rates: Sequence[float],
    *,
    tuning_seeds: Sequence[int] = (0, 1),
    seeds: Sequence[int] = (10, 11, 12, 13, 14),
    **options: Any,
) -> dict[str, Any]:
    """Choose the learning rate on the validation text, then measure with seeds that chose nothing.

    Args:
        build: makes the network anew.
        data, test: as `three_texts` gives them.
        rates: the grid of learning rates. If the best lies at its edge, the grid grows beyond it.
        tuning_seeds: the rate with the lowest median validation perplexity over these seeds wins.
        seeds: for the runs that are reported.
        options: for :func:`run_seeds`.

    Returns:
        ``{"parameters", "lr", "grid", "runs"}``: ``grid`` holds the runs that chose, ``runs`` those that are
        reported, each with ``valid``, ``test`` (perplexities), ``epoch`` (the best one), ``seconds``.
    """
    rates, grid = sorted(rates), []

    def score(lr: float) -> float:
        runs = [record for _, record in run_seeds(build, data, lr, tuning_seeds, **options)]
        grid.extend(runs)
        return statistics.median(run["valid"] or float("inf") for run in runs)

    best, _ = growing_grid(score, rates, rates[1] / rates[0], 2 * len(rates))
    runs = []
    for model, record in run_seeds(build, data, best, seeds, **options):
        record["test"] = round(rnnlib.perplexity(model, test), 4)
        runs.append(record)
    print(
        f"lr {best:g}  valid {[run['valid'] for run in runs]}  test {[run['test'] for run in runs]}",
        file=sys.stderr,
        flush=True,
    )
    return {"parameters": rnnlib.count_parameters(build()), "lr": best, "grid": grid, "runs": runs}
