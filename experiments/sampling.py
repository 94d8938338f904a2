"""Sequential partitioning or random sampling: which trains the better language model on a short text?

The network of chapter 3 with 128 hidden units, B = 32, T = 35, plain SGD, global norm clipped at 1, at most
300 epochs on the first 10,000 characters of *The Time Machine*. For each way of cutting minibatches the
learning rate comes from a grid and is chosen on the validation text (the next 10,000 characters), and so is
the epoch; the runs that are reported have seeds that chose nothing, and the test text is the 10,000
characters after those. Validation and test carry the state from beginning to end in both cases.

Results: {"sequential": ..., "random": ...}, as :func:`experiments.common.tuned` gives them.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

import rnnlib
from experiments.common import three_texts, tuned

V, RATES = 28, (0.5, 1.0, 2.0, 4.0)


class Scratch(rnnlib.RNNModelScratch):
    """The network of the chapter, where the protocol expects a module."""

    def to(self, device: torch.device) -> Scratch:
        """The parameters lie on the CPU already."""
        return self


def run() -> dict[str, Any]:
    """Both ways; about five minutes on one core."""
    results = {}
    for sampling in ("sequential", "random"):
        print(f"{sampling}: ", end="", file=sys.stderr, flush=True)
        data, test = three_texts(sampling=sampling, device="cpu")
        results[sampling] = tuned(
            lambda: Scratch(V, 128),
            data,
            test,
            RATES,
            tuning_seeds=(0,),
            seeds=(10, 11, 12),
            epochs=300,
            patience=40,
            optimizer="sgd",
            eval_every=10,
        )
    return results
