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


def run_once(
    build: Build,
    data: rnnlib.TextData,
    lr: float,
    seed: int,
    *,
    epochs: int = 200,
    patience: int = 20,
    **options: Any,
) -> tuple[nn.Module, dict[str, Any]]:
    """Train one network with early stopping; the network of the best epoch, and how it went.

    A run whose loss is no longer finite counts with validation perplexity None.
    """
    rnnlib.set_seed(seed)
    model = build().to(data.device)
    options = {"optimizer": "adam", "eval_every": 2, "progress": False, **options}
    start = time.perf_counter()
    try:
        history = rnnlib.train(model, data, epochs, lr, patience=patience, **options)
    except FloatingPointError:
        return model, {"lr": lr, "seed": seed, "valid": None, "epoch": None, "seconds": None}
    return model, {
        "lr": lr,
        "seed": seed,
        "valid": round(history.best_valid[1], 4),
        "epoch": history.best_epoch,
        "last_train": round(history.train_ppl[-1], 4),
        "seconds": round(time.perf_counter() - start, 2),
    }


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
        options: for :func:`run_once`.

    Returns:
        ``{"parameters", "lr", "grid", "runs"}``: ``grid`` holds the runs that chose, ``runs`` those that are
        reported, each with ``valid``, ``test`` (perplexities), ``epoch`` (the best one), ``seconds``.
    """
    rates, grid, median = sorted(rates), [], {}

    def try_rate(lr: float) -> None:
        runs = [run_once(build, data, lr, seed, **options)[1] for seed in tuning_seeds]
        grid.extend(runs)
        median[lr] = statistics.median(run["valid"] or float("inf") for run in runs)

    for lr in rates:
        try_rate(lr)
    ratio = rates[1] / rates[0]
    while (best := min(median, key=median.get)) in (min(median), max(median)) and len(median) < 2 * len(
        rates
    ):
        try_rate(best / ratio if best == min(median) else best * ratio)
    runs = []
    for seed in seeds:
        model, record = run_once(build, data, best, seed, **options)
        record["test"] = round(rnnlib.perplexity(model, test), 4)
        runs.append(record)
    print(
        f"lr {best:g}  valid {[run['valid'] for run in runs]}  test {[run['test'] for run in runs]}",
        file=sys.stderr,
        flush=True,
    )
    return {"parameters": rnnlib.count_parameters(build()), "lr": best, "grid": grid, "runs": runs}
