"""How many characters should a small attention model attend to?

The attention network of ``experiments/comparison.py`` with windows of 36, 70 and 128 characters; the rest
of the protocol is the same, with two seeds to choose the learning rate and three that are reported. Version
0.1 of the book had one layer with a window of 70, and did not ask.

Results: ``windows``[window] as :func:`experiments.common.tuned` gives them.
"""

from __future__ import annotations

import sys
from typing import Any

import rnnlib
from experiments.common import three_texts, tuned
from experiments.comparison import RATES, V

WINDOWS = (36, 70, 128)


def run() -> dict[str, Any]:
    """Train everything; about a quarter of an hour on one core."""
    data, test = three_texts()
    windows = {}
    for window in WINDOWS:
        print(f"window {window}: ", end="", file=sys.stderr, flush=True)
        windows[window] = tuned(
            lambda w=window: rnnlib.CausalAttentionModel(V, V, num_layers=2, num_heads=4, window=w),
            data,
            test,
            RATES,
            seeds=(10, 11, 12),
        )
    return {"windows": windows}
