"""The count model: Witten-Bell interpolation, checked by hand and as a probability distribution."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.models.ngrams import NGramModel


def test_unigram_by_hand():
    model = NGramModel([0, 0, 1], order=1, vocab_size=4)  # 3 tokens, 2 kinds
    assert model.probability(0, ()) == pytest.approx((2 + 2 / 4) / (3 + 2))
    assert model.probability(3, ()) == pytest.approx((0 + 2 / 4) / (3 + 2))


def test_bigram_by_hand():
    model = NGramModel([0, 1, 0, 1, 0, 2], order=2, vocab_size=3)
    unigram = (2 + 3 / 3) / (6 + 3)  # of token 1
    assert model.probability(1, (0,)) == pytest.approx((2 + 2 * unigram) / (3 + 2))
    assert model.probability(1, (2, 2, 0)) == model.probability(1, (0,))
    assert model.probability(1, (2,)) == pytest.approx(unigram)  # 2 was never followed by anything


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 4), st.lists(st.integers(0, 4), max_size=4))
def test_probabilities_sum_to_one_and_none_is_zero(tokens, order, context):
    model = NGramModel(tokens, order, vocab_size=5)
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


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_refuses_sizes(bad):
    with pytest.raises(ValueError, match="order=.* must be an integer of at least 1"):
        NGramModel([0], bad, 2)
    with pytest.raises(ValueError, match="vocab_size=.* must be an integer of at least 1"):
        NGramModel([0], 1, bad)


def test_refuses_tokens():
    with pytest.raises(ValueError, match="run from 0 to 5; vocab_size=3 allows 0 to 2"):
        NGramModel([0, 5], 1, 3)
    model = NGramModel([0, 1], 1, 3)
    with pytest.raises(ValueError, match="run from -1 to 0"):
        model.perplexity([-1, 0])
    with pytest.raises(ValueError, match="needs at least one token"):
        model.perplexity([])
