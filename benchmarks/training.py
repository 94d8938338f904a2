"""Training throughput: an epoch of rnnlib's ``run_epoch`` against one of d2l's ``train_epoch_ch8``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch
from torch import nn

import rnnlib
from benchmarks.measure import Comparison
from benchmarks.pairs import BATCH_SIZE, DEVICE, NUM_STEPS, Pair, layer_pair, scratch_pair, text, the_peer

LR = 0.1


def _ours(pair: Pair, epochs: int) -> Callable[[], int]:
    optimizer = torch.optim.SGD(pair.ours.parameters(), LR)

    def epoch() -> int:
        return rnnlib.run_epoch(pair.ours, text().train, optimizer=optimizer, clip=1.0)[1]

    return lambda: sum(epoch() for _ in range(epochs))


def _peer(d2l: ModuleType, pair: Pair, epochs: int) -> Callable[[], int]:
    batches, _ = d2l.load_data_time_machine(BATCH_SIZE, NUM_STEPS)
    loss = nn.CrossEntropyLoss()
    if isinstance(pair.peer, nn.Module):
        updater = torch.optim.SGD(pair.peer.parameters(), LR)
    else:
        updater = partial(d2l.sgd, pair.peer.params, LR)
    tokens = sum(Y.numel() for _, Y in batches)  # the same in every epoch but for the random offset

    def run() -> int:
        for _ in range(epochs):
            d2l.train_epoch_ch8(pair.peer, batches, loss, updater, DEVICE, use_random_iter=False)
        return tokens * epochs

    return run


def comparisons(quick: bool) -> list[Comparison]:
    """Both models, sequential partitioning, SGD, gradients clipped to 1."""
    epochs = 1 if quick else 5
    return [
        Comparison(
            f"训练 | training: {pair.name}",
            "tokens/s",
            1.0,
            _ours(pair, epochs),
            _peer(the_peer(), pair, epochs),
        )
        for pair in (scratch_pair(), layer_pair(nn.RNN))
    ]
