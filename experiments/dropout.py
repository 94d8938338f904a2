"""Which regularization helps a recurrent language model on 10,000 characters?

One GRU layer of 128 units reads a learned embedding of 64 numbers from *The Time Machine*. Dropout acts on
the embedding and before the output layer, weight decay is AdamW's. Every setting has its own learning rate
from a grid, chosen on the validation text, on which training also stops early; the runs that are reported
have seeds that chose nothing, and the test text is read once, with everything chosen.

Results: ``settings``[name] as :func:`experiments.common.tuned` gives them, with ``dropout`` and ``decay``;
``ngrams``[order] with ``valid`` and ``test``; ``protocol``.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from experiments.common import three_texts, tuned

RATES = (2e-3, 4e-3, 8e-3, 1.6e-2)
SETTINGS = {
    "none": (0.0, 0.0),
    "dropout 0.25": (0.25, 0.0),
    "dropout 0.5": (0.5, 0.0),
    "decay 1": (0.0, 1.0),
    "dropout 0.5, decay 1": (0.5, 1.0),
}
PROTOCOL = {"epochs": 120, "patience": 10, "eval_every": 2}


class DropoutGRU(nn.Module):
    """Embedding, dropout, one GRU layer, dropout, output layer; the call is that of every rnnlib model."""

    def __init__(self, vocab_size: int, dropout: float):
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, 64)
        self.dropout = nn.Dropout(dropout)
        self.rnn = nn.GRU(64, 128)
        self.linear = nn.Linear(128, vocab_size)

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, T) int64 -> logits (B, T, V), state (1, B, H)."""
        Y, state = self.rnn(self.dropout(self.embedding(X.T)), state)
        return self.linear(self.dropout(Y)).transpose(0, 1), state


def regularized(
    data: rnnlib.TextData, test: Tensor, dropout: float, decay: float, **options: Any
) -> dict[str, Any]:
    """The tuned results of one setting."""
    return tuned(
        functools.partial(DropoutGRU, len(data.vocab), dropout),
        data,
        test,
        RATES,
        tuning_seeds=(0,),
        seeds=(10, 11, 12),
        optimizer=functools.partial(torch.optim.AdamW, weight_decay=decay),
        **PROTOCOL,
        **options,
    )


def ngrams(data: rnnlib.TextData, test: Tensor) -> dict[int, dict[str, float]]:
    """Perplexities of the n-gram models on the validation and the test text."""
    models = {n: rnnlib.NGramModel(data.train.corpus, n, len(data.vocab)) for n in (3, 4, 5, 6)}
    return {n: {"valid": m.perplexity(data.valid), "test": m.perplexity(test)} for n, m in models.items()}


def run() -> dict[str, Any]:
    """Train everything; about five minutes on one idle core."""
    data, test = three_texts()
    settings = {}
    for name, (dropout, decay) in SETTINGS.items():
        print(f"{name}: ", end="", file=sys.stderr, flush=True)
        result = regularized(data, test, dropout, decay)
        settings[name] = {"dropout": dropout, "decay": decay, **result}
    fixed = {"tokens": 10_000, "batch_size": 32, "num_steps": 35, "optimizer": "adamw", "clip": 1.0}
    return {
        "protocol": {**fixed, **PROTOCOL, "rates": RATES},
        "ngrams": ngrams(data, test),
        "settings": settings,
    }
