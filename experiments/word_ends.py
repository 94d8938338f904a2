"""What is seeing the following letters worth for finding word ends, and what does answering late buy?

*The Time Machine* without its spaces, in pieces of 40 letters: 1,500 to train on, 500 for validation, 500 for
the test. Taggers with an embedding of 32 numbers and one GRU layer: one direction, one direction made wider
until it has as many parameters as both directions, both directions, and one direction that answers d letters
late. Each of the first three, and d = 3, has its own learning rate from a grid, chosen by validation loss;
the other delays take the rate of d = 3. Training stops early on the validation pieces. Three seeds that chose
nothing are reported.

Results: ``taggers``[name] with ``parameters``, ``num_hiddens``, ``delay``, ``lr``, ``grid`` and ``runs``; a
run has ``epoch`` (the best one), ``train``, ``valid`` and ``test``: F1 of all letters that get an answer, and
``test_first_32``: F1 of the first 32 letters of each test piece, which every tagger answers.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor

import rnnlib
from rnnlib import ExampleLoader, SequenceTagger, predict, real_labels
from rnnlib.data import word_boundaries

RATES = (3e-3, 6e-3, 1.2e-2, 2.4e-2)
TAGGERS = {
    "one way": (64, False, 0),
    "one way, wider": (96, False, 0),
    "both ways": (64, True, 0),
    **{f"{d} late": (64, False, d) for d in (3, 1, 2, 5, 8)},
}
FIRST = 32


def delayed(Y: Tensor, d: int) -> Tensor:
    """Labels moved d places to the right; the places left empty do not count."""
    shifted = torch.full_like(Y, -100)
    shifted[:, d:] = Y[:, : Y.shape[1] - d]
    return shifted


class Parts:
    """The pieces: X and Y for training, validation and test."""

    def __init__(self) -> None:
        corpus = rnnlib.load_corpus("time_machine", fallback=False)
        X, Y = word_boundaries(corpus.lines, num_steps=40)
        self.train, self.valid, self.test = (
            (X[a:b], Y[a:b]) for a, b in ((0, 1500), (1500, 2000), (2000, 2500))
        )


def run_once(parts: Parts, H: int, both: bool, d: int, lr: float, seed: int) -> dict[str, Any]:
    """Train one tagger with early stopping and score it."""
    rnnlib.set_seed(seed)
    model = SequenceTagger("gru", 32, H, 2, bidirectional=both, vocab_size=26)
    X, Y = parts.train
    loader = ExampleLoader(X, delayed(Y, d), batch_size=64, seed=seed)
    held = (parts.valid[0], delayed(parts.valid[1], d))
    start = time.perf_counter()
    history = rnnlib.train(model, loader, 30, lr, optimizer="adam", valid=held, patience=3, progress=False)
    record: dict[str, Any] = {
        "lr": lr,
        "seed": seed,
        "epoch": history.best_epoch,
        "valid_loss": round(min(history.valid_loss.values()), 5),
        "seconds": round(time.perf_counter() - start, 1),
    }
    for name in ("train", "valid", "test"):
        X, Y = getattr(parts, name)
        answer = predict(model, X).argmax(-1)
        record[name] = round(f1_score(*real_labels(delayed(Y, d), answer)), 4)
        if name == "test":
            first = f1_score(Y[:, :FIRST].flatten(), answer[:, d : d + FIRST].flatten())
            record["test_first_32"] = round(first, 4)
    return record


def run() -> dict[str, Any]:
    """Train everything; about ten minutes on one idle core."""
    parts, taggers = Parts(), {}
    for name, (H, both, d) in TAGGERS.items():
        grid = []
        if d in (0, 3):
            grid = [run_once(parts, H, both, d, lr, seed=0) for lr in RATES]
            lr = min(grid, key=lambda record: record["valid_loss"])["lr"]
        else:
            lr = taggers["3 late"]["lr"]
        runs = [run_once(parts, H, both, d, lr, seed) for seed in (10, 11, 12)]
        model = SequenceTagger("gru", 32, H, 2, bidirectional=both, vocab_size=26)
        taggers[name] = {
            "parameters": rnnlib.count_parameters(model),
            "num_hiddens": H,
            "delay": d,
            "lr": lr,
            "grid": grid,
            "runs": runs,
        }
        median = statistics.median(run["test"] for run in runs)
        print(f"{name}: lr {lr:g}  test F1 {median:.3f}", file=sys.stderr, flush=True)
    return {"rates": RATES, "taggers": taggers}
