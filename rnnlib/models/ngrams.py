"""An n-gram count model: the baseline that every neural language model of the book has to beat."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from torch import Tensor

from rnnlib.common import check_positive


class NGramModel:
    """Probabilities from counts, with Witten-Bell interpolation down to the uniform distribution.

        P(w | h) = (c(h w) + N(h) P(w | h')) / (c(h) + N(h))

    h is the context of the last n-1 tokens, h' the same without its oldest token, c counts occurrences and
    N(h) counts the different tokens seen after h; below the unigram stands 1/V. (I. H. Witten, T. C. Bell,
    "The zero-frequency problem", IEEE Transactions on Information Theory 37(4), 1991.)

    Args:
        tokens: training token indices.
        order: n; 1 looks at no context, 2 at one token.
        vocab_size: V.
    """

    def __init__(self, tokens: Tensor | Iterable[int], order: int, vocab_size: int):
        check_positive(order=order, vocab_size=vocab_size)
        tokens = _as_list(tokens, vocab_size)
        self.order, self.vocab_size = order, vocab_size
        self.counts: list[dict[tuple[int, ...], Counter[int]]] = []
        for length in range(order):
            table: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
            for i in range(length, len(tokens)):
                table[tuple(tokens[i - length : i])][tokens[i]] += 1
            self.counts.append(dict(table))
        self._totals = [{h: seen.total() for h, seen in table.items()} for table in self.counts]

    def probability(self, token: int, context: tuple[int, ...]) -> float:
        """P(token | context); only the last n-1 tokens of the context count."""
        p = 1.0 / self.vocab_size
        for length in range(min(self.order - 1, len(context)) + 1):
            h = tuple(context[len(context) - length :])
            seen = self.counts[length].get(h)
            if seen is None:
                break
            p = (seen[token] + len(seen) * p) / (self._totals[length][h] + len(seen))
        return p

    def perplexity(self, tokens: Tensor | Iterable[int]) -> float:
        """exp of the mean negative log probability in nats over a text, which is read from left to right."""
        tokens = _as_list(tokens, self.vocab_size)
        if not tokens:
            raise ValueError("perplexity needs at least one token; got none.")
        reach = self.order - 1
        surprise = -sum(
            math.log(self.probability(token, tuple(tokens[max(0, i - reach) : i])))
            for i, token in enumerate(tokens)
        )
        return math.exp(surprise / len(tokens))


def _as_list(tokens: Tensor | Iterable[int], vocab_size: int) -> list[int]:
    values = tokens.tolist() if isinstance(tokens, Tensor) else [int(token) for token in tokens]
    if values and not 0 <= min(values) <= max(values) < vocab_size:
        raise ValueError(
            f"token indices run from {min(values)} to {max(values)}; "
            f"vocab_size={vocab_size} allows 0 to {vocab_size - 1}."
        )
    return values
