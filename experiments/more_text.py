"""Does four times the text help a recurrent language model more than dropout does?

The GRU of ``dropout`` with its dropout of 0.25, trained on 40,000 characters instead of 10,000: the 30,000
new ones come from behind the test text, so that validation and test texts stay the same. The learning rate
comes from a grid and is chosen on the validation text, on which training also stops early; the runs that are
reported have seeds that chose nothing, and the test text is read once.

Results: ``dropout 0.25`` as :func:`experiments.common.tuned` gives it; ``ngrams``[order] with ``valid`` and
``test``; ``protocol``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

import rnnlib
from experiments import dropout
from experiments.common import three_texts

MORE = 30_000


def texts() -> tuple[rnnlib.TextData, Tensor]:
    """Training and validation data, and the test text."""
    data, test = three_texts()
    longer, _ = three_texts(num_tokens=30_000 + MORE)
    corpus = torch.cat([data.train.corpus, longer.train.corpus[30_000:]])
    loader = rnnlib.SequenceLoader(corpus, data.batch_size, data.num_steps, sampling=data.train.sampling)
    return dataclasses.replace(data, train=loader), test


def run() -> dict[str, Any]:
    """Train everything; about three minutes on one idle core."""
    data, test = texts()
    fixed = {"tokens": 10_000 + MORE, "batch_size": 32, "num_steps": 35, "optimizer": "adamw", "clip": 1.0}
    return {
        "protocol": {**fixed, **dropout.PROTOCOL, "rates": dropout.RATES},
        "ngrams": dropout.ngrams(data, test),
        "dropout 0.25": dropout.regularized(data, test, 0.25, 0.0),
    }
