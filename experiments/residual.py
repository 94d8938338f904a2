"""Do residual connections help ten plain recurrent layers to train?

Stacks of 2 and of 10 plain layers of 64 units, with and without residual connections, read an embedding of
*The Time Machine*'s first 10,000 characters. Each has its own learning rate from a grid, chosen on the
validation text. Training also stops early on that text; the runs that are reported have seeds
that chose nothing, and the test text is read once.

Results: ``rnn``[name] as :func:`experiments.common.tuned` gives them, with ``layers``, ``num_hiddens`` and
``residual``; ``protocol``.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from experiments.depth import measured, protocol

NETWORKS = {"2": (2, False), "2 residual": (2, True), "10": (10, False), "10 residual": (10, True)}
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
PROTOCOL = {"epochs": 60, "patience": 15, "eval_every": 1}


def run() -> dict[str, Any]:
    """Train everything; about ten minutes on one idle core."""
    rnn = measured(nn.RNN, NETWORKS, 64, rates=RATES, tuning_seeds=(0,), **PROTOCOL)
    return {"rnn": rnn, "protocol": protocol(rates=RATES, **PROTOCOL)}
