"""Which network predicts the next character best, given the same input, size, budget and care?

Five networks of about 25,000 parameters read the first 10,000 characters of *The Time Machine*, each with a
learned embedding of 28 numbers and with one-hot vectors, which have 28 numbers, too; the recurrent ones
also with one-hot vectors times sqrt(28), which are as long as a fresh embedding. The learning rate of each
of the thirteen comes from a grid and is chosen on the validation text, the next 10,000 characters, on which
training also stops early. Attention attends to 36 characters, the best of three windows in
``experiments/attention_window.py``. The five runs that are reported have seeds that chose nothing, and the
test text is the 10,000 characters after those.

Results: ``networks``[network][input] as :func:`experiments.common.tuned` gives them; ``ngrams``[order] with
``valid`` and ``test``; ``protocol``; ``epoch_ms``[network], the median milliseconds of an epoch of training
with the embedding, measured in turns.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from typing import Any

from torch import nn

import rnnlib
from experiments.common import three_texts, tuned
from experiments.networks import CausalConvModel, FixedInput

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
V = 28
SCALES = {"embedding": None, "one-hot": 1.0, "scaled": math.sqrt(V)}
NETWORKS = {
    "RNN": lambda: rnnlib.RNNModel(nn.RNN(V, 129), V, embedding=True),
    "LSTM": lambda: rnnlib.RNNModel(nn.LSTM(V, 61), V, embedding=True),
    "GRU": lambda: rnnlib.RNNModel(nn.GRU(V, 72), V, embedding=True),
    "convolution": lambda: CausalConvModel(V, 42),
    "attention": lambda: rnnlib.CausalAttentionModel(V, V, num_layers=2, num_heads=4, window=36),
}


def with_input(network: str, kind: str) -> nn.Module:
    """A fresh network that reads one-hot vectors, scaled ones, or a learned embedding."""
    model = NETWORKS[network]()
    if SCALES[kind] is not None:
        name = "embedding" if hasattr(model, "embedding") else "tokens"
        setattr(model, name, FixedInput(V, SCALES[kind]))
    return model


def milliseconds(data: rnnlib.TextData, rounds: int = 9) -> dict[str, float]:
    """Median milliseconds of an epoch of training, the networks taking turns."""
    models = {name: with_input(name, "embedding") for name in NETWORKS}
    seconds: dict[str, list[float]] = {name: [] for name in NETWORKS}
    for _ in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            rnnlib.train(model, data.train, 1, 1e-3, optimizer="adam", progress=False)
            seconds[name].append(time.perf_counter() - start)
    return {name: round(1000 * statistics.median(times[1:]), 1) for name, times in seconds.items()}


def run() -> dict[str, Any]:
    """Train everything; the better part of an hour on one core."""
    data, test = three_texts()
    ngrams = {}
    for order in range(1, 7):
        model = rnnlib.NGramModel(data.train.corpus, order, len(data.vocab))
        ngrams[order] = {"valid": model.perplexity(data.valid), "test": model.perplexity(test)}
    networks: dict[str, dict[str, Any]] = {}
    for kind in SCALES:
        for name in NETWORKS if kind != "scaled" else ("RNN", "LSTM", "GRU"):
            print(f"{name}, {kind}: ", end="", file=sys.stderr, flush=True)
            result = tuned(lambda n=name, k=kind: with_input(n, k), data, test, RATES)
            networks.setdefault(name, {})[kind] = result
    return {
        "protocol": {
            "tokens": 10_000,
            "batch_size": 32,
            "num_steps": 35,
            "optimizer": "adam",
            "clip": 1.0,
            "max_epochs": 200,
            "patience": 20,
            "rates": RATES,
        },
        "networks": networks,
        "ngrams": ngrams,
        "epoch_ms": milliseconds(data),
    }
