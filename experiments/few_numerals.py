"""With few numbers to learn from: what does attention change, and would something else do the same?

English words into Chinese numerals, as in ``numerals``, but fewer and shorter numbers, so that a network is
trained in ten seconds: 2,500 of up to six digits teach, 1,000 choose the learning rate, 910 of three to six
digits are the test. No number of two digits is taught, nor any of seven or eight; these are ``longer``, by
their digits. Ten epochs, a grid of learning rates that grows where the best lies at its edge, three seeds
that chose nothing.

Results: ``networks``[name] and ``budget`` as in ``numerals``; "last" attends to the last word alone, "no
context" to none: it has attention's additional layer, and zeros for a context. ``directions``: the GRU with
dot attention on all pairs of forms, with the learning rate that it has from English to Chinese.
"""

from __future__ import annotations

from typing import Any

import rnnlib
from experiments.numerals import EPOCHS, Numbers, build, repeated, tuned
from rnnlib.data import numeral_vocab, sample_numbers

TRAIN = 2_500
DIRECTIONS = ["en zh", "zh en", "digits zh", "zh digits", "digits en", "en digits"]
NETWORKS: dict[str, dict[str, Any]] = {
    "GRU": {},
    "GRU, dot": {"attention": "dot"},
    "GRU, even": {"attention": "even"},
    "GRU, last": {"attention": "last"},
    "GRU, no context": {"attention": "nothing"},
    "GRU, H = 96": {"num_hiddens": 96},
    "GRU, H = 96, last": {"num_hiddens": 96, "attention": "last"},
    "BiGRU": {"bidirectional": True},
    "BiGRU, dot": {"attention": "dot", "bidirectional": True},
    "GRU, additive": {"attention": "additive"},
    "LSTM": {"layer": "lstm"},
    "LSTM, dot": {"layer": "lstm", "attention": "dot"},
    "RNN": {"layer": "rnn"},
    "RNN, dot": {"layer": "rnn", "attention": "dot"},
    "RNN, even": {"layer": "rnn", "attention": "even"},
    "RNN, last": {"layer": "rnn", "attention": "last"},
}


class FewNumbers(Numbers):
    """Fewer and shorter ones; all 90 of two digits are held out."""

    def __init__(self, source: str, target: str):
        held = sample_numbers(1_000, 6, seed=1, least_digits=2)
        self.test = [n for n in held if n >= 100]
        self.valid = sample_numbers(1_000, 6, seed=2, least_digits=2, but=held)
        self.train = sample_numbers(10_000, 6, seed=3, but=held + self.valid)[:TRAIN]
        self.longer = [n for n in held if n < 100] + sample_numbers(1_000, 8, seed=4, least_digits=7)
        self.read, self.written = numeral_vocab(source), numeral_vocab(target)
        self.source, self.target = source, target


def direction(source: str, target: str, lr: float) -> dict[str, Any]:
    """Three seeds with a given learning rate."""
    numbers, options = FewNumbers(source, target), NETWORKS["GRU, dot"]
    runs = [run for _, run in repeated(numbers, lr, EPOCHS, **options)]
    parameters = rnnlib.count_parameters(build(numbers, **options))
    return {"parameters": parameters, "epochs": EPOCHS, "lr": lr, "runs": runs}


def run() -> dict[str, Any]:
    """Everything; about twenty minutes on one core."""
    numbers = FewNumbers("en", "zh")
    networks = {name: tuned(numbers, name, **options) for name, options in NETWORKS.items()}
    lr = networks["GRU, dot"]["lr"]
    return {
        "sizes": {"train": TRAIN, "valid": len(numbers.valid), "test": len(numbers.test)},
        "networks": networks,
        "budget": tuned(numbers, "GRU, longer", 3 * EPOCHS),
        "directions": {pair: direction(*pair.split(), lr) for pair in DIRECTIONS},
    }
