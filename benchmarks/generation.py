"""Generation speed: rnnlib's greedy ``generate`` against d2l's ``predict_ch8``, one character at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from torch import nn

import rnnlib
from benchmarks.measure import Comparison
from benchmarks.pairs import DEVICE, Pair, layer_pair, scratch_pair, text, the_peer

PREFIX = "time traveller"


def _ours(pair: Pair, characters: int) -> Callable[[], int]:
    return lambda: len(rnnlib.generate(pair.ours, PREFIX, characters, text().vocab)) - len(PREFIX)


def _peer(d2l: ModuleType, pair: Pair, characters: int) -> Callable[[], int]:
    vocab = d2l.load_corpus_time_machine()[1]

    def run() -> int:
        d2l.predict_ch8(PREFIX, characters, pair.peer, vocab, DEVICE)
        return characters

    return run


def comparisons(quick: bool) -> list[Comparison]:
    """All kinds of models, with the parameters they begin with: the time does not depend on them."""
    characters = 20 if quick else 1000
    return [
        Comparison(
            f"生成 | generation: {pair.name}",
            "chars/s",
            2.0,
            _ours(pair, characters),
            _peer(the_peer(), pair, characters),
        )
        for pair in (scratch_pair(), *map(layer_pair, (nn.RNN, nn.LSTM, nn.GRU)))
    ]
