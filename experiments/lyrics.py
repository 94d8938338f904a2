"""Do the lyrics of the published run behave as the poems do, with clipping at 0.01 and without?

The recipe of chapter 6 on the first 10,000 characters of the Jay Chou lyrics (vocabulary from these
characters, line breaks as spaces): nn.RNN with 256 hidden units on one-hot vectors, Adam at 0.001, 250
epochs, seed 0; ``clipped`` clips at 0.01, ``unclipped`` does not clip. The lyrics are copyrighted. They
are fetched only for the reader who runs this, for private study, and only perplexities are written down,
no text.

Results: ``clipped`` and ``unclipped``, each with ``train`` and ``valid`` (perplexities at epochs 50, 100,
...).
"""

from __future__ import annotations

import sys
from typing import Any

from torch import nn

import rnnlib


def run() -> dict[str, Any]:
    """Train both; about seven minutes on one core."""
    data = rnnlib.load_text("jay_lyrics", vocab_from="train", fallback=False, device="cpu")
    V, results = len(data.vocab), {}
    for name, clip in {"clipped": 1e-2, "unclipped": None}.items():
        rnnlib.set_seed(0)
        model = rnnlib.RNNModel(nn.RNN(V, 256), V)
        options = {"optimizer": "adam", "clip": clip, "eval_every": 50, "progress": False}
        history = rnnlib.train(model, data, 250, 1e-3, **options)
        results[name] = {
            "train": {epoch: round(history.at(epoch), 2) for epoch in range(50, 251, 50)},
            "valid": {epoch: round(value, 1) for epoch, value in history.valid_ppl.items()},
        }
        print(f"{name}: {results[name]}", file=sys.stderr, flush=True)
    return {"vocab_size": V, **results}
