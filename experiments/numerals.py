"""Which encoder-decoder writes numbers in words, and what does attention change?

English words are translated into Chinese numerals. 10,000 numbers of up to nine digits teach, 1,000
others choose the learning rate, 1,000 more are the test; 1,000 of ten and eleven digits are longer than
anything that was learnt. (Numbers of one and two digits are all taught: there are too few to hold out.) Every
entry gets the same numbers and the same ten epochs, chooses its rate from a grid of at least three that grows
where the best lies at its edge, and is then trained with three seeds that chose nothing. An answer counts if
it is right from the first token to the end.

Results: ``networks``[name]: ``parameters``, ``lr``, ``grid`` and ``runs``, each with the share of exact
answers in the test (``exact``), by number of digits (``by_digits``), the same for longer numbers
(``longer``), with a beam of four (``beam``, beside ``greedy`` on the same 100 numbers), and two shares of
right tokens: where the right ones stand before them (``forced``), and where the model's own do (``free``).
"even" attends to all words alike, from the first step of training on. ``budget``: the plain GRU with three
times as many epochs.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import rnnlib
from experiments.common import growing_grid
from rnnlib.data import numeral_pairs, numeral_vocab, sample_numbers
from rnnlib.data.numerals import END
from rnnlib.generation import beam_search_tokens
from rnnlib.models.attention import ATTENTIONS, Attention

TRAIN, VALID, TEST, DIGITS, LONGER = 10_000, 1_000, 1_000, 9, 11
EPOCHS, BATCH, RATES, SEEDS = 10, 64, (2e-3, 4e-3, 8e-3), (10, 11, 12)
BEAM = 100  # test numbers that the beam is tried on
H = 64
LEAST = 3  # digits of the numbers that are held out
NETWORKS: dict[str, dict[str, Any]] = {
    "RNN": {"layer": "rnn"},
    "GRU": {"layer": "gru"},
    "LSTM": {"layer": "lstm"},
    "RNN, dot": {"layer": "rnn", "attention": "dot"},
    "GRU, dot": {"layer": "gru", "attention": "dot"},
    "LSTM, dot": {"layer": "lstm", "attention": "dot"},
    "GRU, even": {"layer": "gru", "attention": "even"},
    "BiGRU, dot": {"layer": "gru", "attention": "dot", "bidirectional": True},
}


class EvenAttention(Attention):
    """The same weight for every word."""

    def score(self, queries: Tensor, keys: Tensor) -> Tensor:
        """0 for all pairs."""
        return queries @ keys.transpose(1, 2) * 0


class NoContext(EvenAttention):
    """No words at all: the decoder keeps its layer for a context, and gets zeros."""

    def forward(self, *args: Any, **options: Any) -> tuple[Tensor, Tensor]:
        context, weights = super().forward(*args, **options)
        return context * 0, weights


class LastContext(EvenAttention):
    """The last word alone: at each step the decoder gets the encoder's last state once more."""

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        S = keys.shape[1]
        lengths = torch.full((len(keys),), S) if mask is None else mask.sum(dim=1)
        return super().forward(queries, keys, values, torch.arange(S) == lengths[:, None] - 1)


ATTENTIONS |= {"even": EvenAttention, "nothing": NoContext, "last": LastContext}


class Numbers:
    """The numbers of all parts, the same for every entry."""

    def __init__(self, source: str, target: str):
        self.test = sample_numbers(TEST, DIGITS, seed=1, least_digits=LEAST)
        self.valid = sample_numbers(VALID, DIGITS, seed=2, least_digits=LEAST, but=self.test)
        self.train = sample_numbers(TRAIN, DIGITS, seed=3, but=self.test + self.valid)
        self.longer = sample_numbers(TEST, LONGER, seed=4, least_digits=DIGITS + 1)
        self.read, self.written = numeral_vocab(source), numeral_vocab(target)
        self.source, self.target = source, target

    def pairs(self, part: str) -> Any:
        return numeral_pairs(getattr(self, part), self.source, self.target)


def build(numbers: Numbers, *, num_hiddens: int = H, **options: Any) -> rnnlib.EncoderDecoder:
    return rnnlib.EncoderDecoder(len(numbers.read), len(numbers.written), num_hiddens, **options)


def once(numbers: Numbers, lr: float, seed: int, epochs: int = EPOCHS, **options: Any) -> tuple[Any, float]:
    """A trained model, and the seconds that it took."""
    rnnlib.set_seed(seed)
    model, pairs = build(numbers, **options), numbers.pairs("train")
    examples = rnnlib.ExampleLoader(
        (model.shifted(pairs.Y), None, pairs.X, pairs.lengths), pairs.Y, BATCH, seed=seed
    )
    start = time.perf_counter()
    rnnlib.train(model, examples, epochs, lr, optimizer="adam", progress=False)
    return model, round(time.perf_counter() - start, 1)


def write(model: Any, pairs: Any) -> Tensor:
    """What the model writes about each source, greedily: as wide as the targets."""
    first, state = model.begin(pairs.X, pairs.lengths)
    return rnnlib.generate_tokens(model, first, pairs.Y.shape[1], state=state)


def right(written: Tensor, Y: Tensor) -> Tensor:
    """(N,) bool: which rows agree wherever there is a target."""
    return ((written == Y) | (Y == -100)).all(dim=1)


def share(values: Tensor) -> float:
    return round(values.double().mean().item(), 4)


def by_digits(numbers: list[int], rights: Tensor) -> dict[str, float]:
    lengths = torch.tensor([len(str(n)) for n in numbers])
    return {str(int(k)): share(rights[lengths == k]) for k in lengths.unique()}


@torch.no_grad()
def beamed(model: Any, numbers: Numbers, width: int) -> float:
    """The share of exact answers of a beam."""
    pairs, end = numbers.pairs("test"), numbers.written[END]
    rights = []
    for row in range(BEAM):
        length = int(pairs.lengths[row])
        first, state = model.begin(pairs.X[row : row + 1, :length])
        found, _ = beam_search_tokens(model, first, pairs.Y.shape[1], state=state, beam_width=width, end=end)
        rights.append(found.tolist() == [y for y in pairs.Y[row].tolist() if y != -100])
    return statistics.mean(rights)


@torch.no_grad()
def measured(model: Any, numbers: Numbers) -> dict[str, Any]:
    """Everything on the numbers that taught and chose nothing."""
    model.eval()
    pairs = numbers.pairs("test")
    written, there = write(model, pairs), pairs.Y != -100
    rights = right(written, pairs.Y)
    forced = model(model.shifted(pairs.Y), None, pairs.X, pairs.lengths)[0].argmax(dim=-1)
    longer = numbers.pairs("longer")
    return {
        "exact": share(rights),
        "by_digits": by_digits(numbers.test, rights),
        "longer": by_digits(numbers.longer, right(write(model, longer), longer.Y)),
        "forced": share((forced == pairs.Y)[there]),
        "free": share((written == pairs.Y)[there]),
        "greedy": share(rights[:BEAM]),
        "beam": beamed(model, numbers, 4),
    }


def loss(model: Any, numbers: Numbers) -> float:
    """The mean loss on the numbers that choose."""
    pairs = numbers.pairs("valid")
    examples = rnnlib.ExampleLoader(
        (model.shifted(pairs.Y), None, pairs.X, pairs.lengths), pairs.Y, 250, shuffle=False
    )
    model.eval()
    total, count = rnnlib.run_epoch(model, examples)
    return round(total / count, 5)


def repeated(
    numbers: Numbers, lr: float, epochs: int, **options: Any
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A trained model for each seed that chose nothing, and what was measured."""
    for seed in SEEDS:
        model, seconds = once(numbers, lr, seed, epochs, **options)
        yield model, {"seed": seed, "seconds": seconds, **measured(model, numbers)}


def tuned(numbers: Numbers, name: str, epochs: int = EPOCHS, **options: Any) -> dict[str, Any]:
    """The learning rate of the lowest validation loss; then runs with other seeds."""
    best, grid = growing_grid(
        lambda lr: loss(once(numbers, lr, 0, epochs, **options)[0], numbers), RATES, 2, 2 * len(RATES)
    )
    again = repeated(numbers, best, epochs, **options)
    runs = [{**run, "valid": loss(model, numbers)} for model, run in again]
    print(f"{name:16} lr {best:g}  exact {[run['exact'] for run in runs]}", file=sys.stderr, flush=True)
    return {
        "parameters": rnnlib.count_parameters(build(numbers, **options)),
        "epochs": epochs,
        "lr": best,
        "grid": {f"{lr:g}": value for lr, value in grid.items()},
        "runs": runs,
    }


def run() -> dict[str, Any]:
    """Everything; about forty minutes on one core."""
    numbers = Numbers("en", "zh")
    return {
        "sizes": {"train": TRAIN, "valid": VALID, "test": TEST, "digits": DIGITS, "longer": LONGER, "H": H},
        "networks": {name: tuned(numbers, name, **options) for name, options in NETWORKS.items()},
        "budget": tuned(numbers, "GRU, longer", 3 * EPOCHS, **NETWORKS["GRU"]),
    }
