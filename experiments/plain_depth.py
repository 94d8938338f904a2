"""Do more layers help a plain RNN, and does a louder start cure a stack of ten?

nn.RNN with 64 hidden units and 1, 2, 3 or 10 layers, SGD with clipping at 1, the first 10,000 characters
of *The Time Machine*, at most 40 epochs. ``10 louder`` has 10 layers whose weights (all but the input
weights of the lowest layer) start sqrt(1.5) times as large, at which size the variance of the states
stays the same from layer to layer.

Results: ``tuned``[layers] is what :func:`experiments.common.tuned` gives, with the learning rate and the
epoch chosen on the validation text and the result on a third one; ``unigram`` is the training perplexity
of frequencies alone.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import torch
from torch import nn

import rnnlib
from experiments.common import three_texts, tuned

V, H = 28, 64
RATES = (0.25, 0.5, 1.0, 2.0)
STACKS = {"1": 1, "2": 2, "3": 3, "10": 10, "10 louder": 10}


def build(name: str) -> rnnlib.RNNModel:
    """A fresh stack."""
    model = rnnlib.RNNModel(nn.RNN(V, H, STACKS[name]), V)
    if name.endswith("louder"):
        with torch.no_grad():
            for key, weight in model.rnn.named_parameters():
                if key.startswith("weight") and key != "weight_ih_l0":
                    weight *= math.sqrt(1.5)
    return model


def run() -> dict[str, Any]:
    """Train everything; about six minutes on one core."""
    data, test = three_texts()
    chosen = {}
    for name in STACKS:
        print(f"{name}: ", end="", file=sys.stderr, flush=True)
        options = {"optimizer": "sgd", "epochs": 40, "patience": 40, "tuning_seeds": (0,)}
        chosen[name] = tuned(lambda n=name: build(n), data, test, RATES, seeds=(10, 11, 12), **options)
    unigram = rnnlib.NGramModel(data.train.corpus, 1, V).perplexity(data.train.corpus)
    return {"tuned": chosen, "unigram": round(unigram, 3)}
