"""An n-gram count model: the baseline that every neural language model of the book has to beat."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from numbers import Real

from torch import Tensor

from rnnlib.common import check_positive

GRID = tuple(step / 20 for step in range(1, 20))  # 0.05, 0.10, ..., 0.95


class NGramModel:
    """Probabilities from counts; each longer context is mixed with the shorter one by one constant λ.

        P(w | h) = λ c(h w) / c(h) + (1 - λ) P(w | h')
        P(w)     = (c(w) + 1) / (N + V)

    h is the context of the last n-1 tokens, h' the same without its oldest token, and c counts occurrences
    among the N training tokens; where h was never seen, P(w | h') is taken as it is. (F. Jelinek,
    R. L. Mercer, "Interpolated estimation of Markov source parameters from sparse data", Pattern
    Recognition in Practice, 1980; here with a single λ.)

    Args:
        tokens: training token indices.
        order: n; 1 looks at no context, 2 at one token.
        vocab_size: V.
        interpolation: λ, from 0 up to but not including 1. None chooses it from the training tokens alone:
            the first nine tenths are counted, and of 0.05, 0.10, ..., 0.95 the λ is taken that predicts the
            last tenth best; then everything is counted.

    Attributes:
        interpolation: λ.
        counts: for each length of context, 0 to n-1, a dict from the context to a Counter of what followed.

    Raises:
        ValueError: for sizes below 1, tokens outside 0 ... V-1, or a λ out of range.
    """

    def __init__(
        self,
        tokens: Tensor | Iterable[int],
        order: int,
        vocab_size: int,
        interpolation: float | None = None,
    ):
        check_positive(order=order, vocab_size=vocab_size)
        tokens = _as_list(tokens, vocab_size)
        if interpolation is None:
            interpolation = _choose(tokens, order, vocab_size)
        elif (
            not isinstance(interpolation, Real)
            or isinstance(interpolation, bool)
            or not 0 <= interpolation < 1
        ):
            raise ValueError(
                f"interpolation={interpolation!r} must be a number from 0 up to but not including 1, "
                "or None to have it chosen from the training tokens."
            )
        self.order, self.vocab_size, self.interpolation = order, vocab_size, float(interpolation)
        self.counts: list[dict[tuple[int, ...], Counter[int]]] = []
        for length in range(order):
            table: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            for i in range(length, len(tokens)):
                table[tuple(tokens[i - length : i])][tokens[i]] += 1
            self.counts.append(dict(table))
        self._totals = [{h: seen.total() for h, seen in table.items()} for table in self.counts]

    def probability(self, token: int, context: tuple[int, ...]) -> float:
        """P(token | context); only the last n-1 tokens of the context count."""
        return _mix(self._fractions(token, context), self.interpolation)

    def perplexity(self, tokens: Tensor | Iterable[int]) -> float:
        """exp of the mean negative log probability in nats over a text, which is read from left to right."""
        tokens = _as_list(tokens, self.vocab_size)
        if not tokens:
            raise ValueError("perplexity needs at least one token; got none.")
        surprise = -sum(
            math.log(_mix(self._fractions(token, context), self.interpolation))
            for token, context in self._read(tokens)
        )
        return math.exp(surprise / len(tokens))

    def _read(self, tokens: list[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each token of a text with the context before it."""
        reach = self.order - 1
        for i, token in enumerate(tokens):
            yield token, tuple(tokens[max(0, i - reach) : i])

    def _fractions(self, token: int, context: tuple[int, ...]) -> list[float]:
        """P(token), then c(h token) / c(h) for each longer context that was seen."""
        seen = self.counts[0].get((), Counter())
        fractions = [(seen[token] + 1) / (self._totals[0].get((), 0) + self.vocab_size)]
        for length in range(1, min(self.order - 1, len(context)) + 1):
            h = tuple(context[len(context) - length :])
            seen = self.counts[length].get(h)
            if seen is None:
                break
            fractions.append(seen[token] / self._totals[length][h])
        return fractions


def _mix(fractions: list[float], interpolation: float) -> float:
    """From the shortest context to the longest: λ of the longer one, 1 - λ of all before it."""
    p = fractions[0]
    for fraction in fractions[1:]:
        p = interpolation * fraction + (1 - interpolation) * p
    return p


def _choose(tokens: list[int], order: int, vocab_size: int) -> float:
    """The λ of the grid that predicts the last tenth best from counts of the rest; 0.5 if nothing tells."""
    cut = len(tokens) - len(tokens) // 10
    if order == 1 or cut == len(tokens):
        return 0.5
    model = NGramModel(tokens[:cut], order, vocab_size, interpolation=0.5)
    rows = [model._fractions(token, context) for token, context in model._read(tokens[cut:])]
    return min(GRID, key=lambda value: -sum(math.log(_mix(row, value)) for row in rows))


def _as_list(tokens: Tensor | Iterable[int], vocab_size: int) -> list[int]:
    values = tokens.tolist() if isinstance(tokens, Tensor) else [int(token) for token in tokens]
    if values and not 0 <= min(values) <= max(values) < vocab_size:
        raise ValueError(
            f"token indices run from {min(values)} to {max(values)}; "
            f"vocab_size={vocab_size} allows 0 to {vocab_size - 1}."
        )
    return values
