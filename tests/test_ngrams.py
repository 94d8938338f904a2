"""The count model: interpolation with one constant, checked by hand and as a probability distribution."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.models.ngrams import GRID, NGramModel


def test_unigram_by_hand():
    model = NGramModel([0, 0, 1], order=1, vocab_size=4)  # each token counted once more than seen
    assert model.probability(0, ()) == pytest.approx((2 + 1) / (3 + 4))
    assert model.probability(3, ()) == pytest.approx((0 + 1) / (3 + 4))


def test_bigram_by_hand():
    model = NGramModel([0, 1, 0, 1, 0, 2], order=2, vocab_size=3, interpolation=0.7)
    unigram = (2 + 1) / (6 + 3)  # of token 1
    assert model.probability(1, (0,)) == pytest.approx(0.7 * 2 / 3 + 0.3 * unigram)
    assert model.probability(1, (2, 2, 0)) == model.probability(1, (0,))
    assert model.probability(1, (2,)) == pytest.approx(unigram)  # 2 was never followed by anything


def test_trigram_by_hand():
    model = NGramModel([0, 1, 2, 0, 1, 1], order=3, vocab_size=3, interpolation=0.25)
    bigram = 0.25 * 1 / 2 + 0.75 * (1 + 1) / (6 + 3)  # of 2 after 1
    assert model.probability(2, (0, 1)) == pytest.approx(0.25 * 1 / 2 + 0.75 * bigram)
    assert model.probability(2, (2, 1)) == pytest.approx(bigram)  # (2, 1) was never seen


@given(
    st.lists(st.integers(0, 4), max_size=40),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=4),
    st.none() | st.floats(0, 1, exclude_max=True),
)
def test_probabilities_sum_to_one_and_none_is_zero(tokens, order, context, interpolation):
    model = NGramModel(tokens, order, 5, interpolation)
    probabilities = [model.probability(token, tuple(context)) for token in range(5)]
    assert sum(probabilities) == pytest.approx(1)
    assert min(probabilities) > 0


def test_perplexity():
    text = [0, 1, 2, 3] * 25
    assert NGramModel([], 3, vocab_size=28).perplexity(text) == pytest.approx(28)
    assert NGramModel(text, 1, 4).perplexity(text) == pytest.approx(4)
    model = NGramModel(text, 2, 4)
    surprise = [-math.log(model.probability(t, tuple(text[max(0, i - 1) : i]))) for i, t in enumerate(text)]
    assert model.perplexity(torch.tensor(text)) == pytest.approx(math.exp(sum(surprise) / len(text)))
    assert model.perplexity(text) < 1.2


def text_with_memory(length: int, memory: float, seed: int) -> list[int]:
    """Each token is its predecessor plus one with this probability, and anything otherwise."""
    draw = random.Random(seed)
    tokens = [0]
    while len(tokens) < length:
        tokens.append((tokens[-1] + 1) % 8 if draw.random() < memory else draw.randrange(8))
    return tokens


def test_the_constant_is_chosen_on_the_last_tenth_of_the_training_tokens():
    tokens = text_with_memory(999, 0.5, seed=0)
    head, tail = tokens[:900], tokens[900:]  # a tenth, rounded down, is 99 tokens

    def on_the_tail(value):
        # The tail is read without what is before it, as every text is.
        return NGramModel(head, 3, 8, value).perplexity(tail)

    model = NGramModel(tokens, 3, 8)
    assert model.interpolation == min(GRID, key=on_the_tail)
    assert model.counts == NGramModel(tokens, 3, 8, 0.1).counts  # and then everything is counted


def test_the_more_a_context_tells_the_larger_the_constant():
    chosen = [
        NGramModel(text_with_memory(3_000, memory, seed=1), 2, 8).interpolation for memory in (0.0, 0.9)
    ]
    assert chosen[0] < 0.5 < 0.9 <= chosen[1]


def test_too_few_tokens_to_choose_from():
    assert NGramModel([0, 1] * 4, 2, 3).interpolation == 0.5
    assert NGramModel([], 2, 3).interpolation == 0.5
    assert NGramModel([0, 1] * 40, 1, 3).interpolation == 0.5


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_refuses_sizes(bad):
    with pytest.raises(ValueError, match="order=.* must be an integer of at least 1"):
        NGramModel([0], bad, 2)
    with pytest.raises(ValueError, match="vocab_size=.* must be an integer of at least 1"):
        NGramModel([0], 1, bad)


@pytest.mark.parametrize("bad", [-0.1, 1, 2, math.nan, True, "0.5"])
def test_refuses_constants(bad):
    with pytest.raises(
        ValueError, match="interpolation=.* must be a number from 0 up to but not including 1"
    ):
        NGramModel([0, 1], 2, 2, bad)


def test_refuses_tokens():
    with pytest.raises(ValueError, match="run from 0 to 5; vocab_size=3 allows 0 to 2"):
        NGramModel([0, 5], 1, 3)
    model = NGramModel([0, 1], 1, 3)
    with pytest.raises(ValueError, match="run from -1 to 0"):
        model.perplexity([-1, 0])
    with pytest.raises(ValueError, match="needs at least one token"):
        model.perplexity([])
