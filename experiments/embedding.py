"""Does an RNN learn better from a learned embedding than from one-hot vectors, or does it only start louder?

Four inputs for the network of chapter 5 (nn.RNN, 256 hidden units, SGD, clipping at 1, the first 10,000
characters of *The Time Machine*): one-hot vectors; one-hot vectors whose input weights start sqrt(32)
times as large; an embedding of 32 numbers, whose rows are about sqrt(32) long; and the same embedding
started sqrt(32) times as small, so that its rows are about as long as a one-hot vector.

Results: ``fixed``[input] has, for each seed, the training and validation perplexities of 40 epochs at
learning rate 1 for all; ``tuned``[input] is what :func:`experiments.common.tuned` gives, with the
learning rate and the epoch chosen on the validation text and the result on a third one.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import torch
from torch import nn

import rnnlib
from experiments.common import three_texts, tuned

V, H, E = 28, 256, 32
RATES = (0.5, 1.0, 2.0, 4.0)
SEEDS = (10, 11, 12)


def build(kind: str) -> rnnlib.RNNModel:
    """A fresh network of chapter 5 with one of the four inputs."""
    embedding = kind in ("embedding", "quiet embedding")
    model = rnnlib.RNNModel(nn.RNN(E if embedding else V, H), V, embedding=embedding)
    with torch.no_grad():
        if kind == "loud one-hot":
            model.rnn.weight_ih_l0 *= math.sqrt(E)
        elif kind == "quiet embedding":
            model.embedding.weight /= math.sqrt(E)
    return model


KINDS = ("one-hot", "loud one-hot", "quiet embedding", "embedding")


def run() -> dict[str, Any]:
    """Train everything; about four minutes on one core."""
    data, test = three_texts()
    fixed: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        for seed in SEEDS:
            rnnlib.set_seed(seed)
            history = rnnlib.train(build(kind), data, 40, 1.0, eval_every=2, progress=False)
            fixed[kind].append(
                {
                    "seed": seed,
                    "train": [round(ppl, 3) for ppl in history.train_ppl],
                    "valid": {epoch: round(ppl, 3) for epoch, ppl in history.valid_ppl.items()},
                }
            )
    chosen = {}
    for kind in KINDS:
        print(f"{kind}: ", end="", file=sys.stderr, flush=True)
        options = {"optimizer": "sgd", "epochs": 60, "tuning_seeds": (0,), "seeds": SEEDS}
        chosen[kind] = tuned(lambda k=kind: build(k), data, test, RATES, **options)
    return {"fixed": fixed, "tuned": chosen}
