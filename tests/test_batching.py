"""Both ways of cutting minibatches, held to their definitions."""

from __future__ import annotations

import json
import random
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.data.batches import SequenceLoader, as_corpus, seq_data_iter_random, seq_data_iter_sequential

BOTH = [seq_data_iter_random, seq_data_iter_sequential]


@st.composite
def sizes(draw):
    """A corpus of N different indices, B and T that fit, and a seed."""
    B, T = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    N = B * T + 1 + draw(st.integers(0, 60))
    return torch.arange(1000, 1000 + N), B, T, random.Random(draw(st.integers(0, 999)))


@pytest.mark.parametrize("cut", BOTH)
@given(sizes())
def test_rows_are_contiguous_and_labels_shifted_by_one(cut, case):
    corpus, B, T, rng = case
    batches = list(cut(corpus, B, T, rng))
    assert batches
    for X, Y in batches:
        assert X.shape == Y.shape == (B, T) and X.dtype == Y.dtype == torch.int64
        assert torch.equal(X, X[:, :1] + torch.arange(T))  # the corpus counts upwards by one
        assert torch.equal(Y, X + 1)
        assert X.min() >= corpus[0] and Y.max() <= corpus[-1]


@given(sizes())
def test_random_subsequences_are_disjoint_and_all_there(case):
    corpus, B, T, rng = case
    starts = torch.cat([X[:, 0] for X, _ in seq_data_iter_random(corpus, B, T, rng)]) - 1000
    offset = int(starts.min()) % T
    assert 0 <= offset <= T - 1
    assert all((start - offset) % T == 0 for start in starts.tolist())
    assert len(set(starts.tolist())) == len(starts)
    available = (len(corpus) - 1 - offset) // T
    assert len(starts) == available // B * B  # as many full batches as there are, and none beyond


@given(sizes())
def test_sequential_rows_continue_from_batch_to_batch(case):
    corpus, B, T, rng = case
    batches = list(seq_data_iter_sequential(corpus, B, T, rng))
    for (X, Y), (X_next, _) in zip(batches, batches[1:]):
        assert torch.equal(X_next[:, 0], Y[:, -1])
        assert torch.equal(X_next, X + T)
    first = batches[0][0]
    offset = int(first[0, 0]) - 1000
    assert 0 <= offset <= T
    row_length = (len(corpus) - 1 - offset) // B
    assert torch.equal(first[:, 0], 1000 + offset + row_length * torch.arange(B))
    assert len(batches) == row_length // T


def test_every_offset_occurs():
    corpus, T = torch.arange(200), 4
    for cut, offsets in ((seq_data_iter_random, range(T)), (seq_data_iter_sequential, range(T + 1))):
        seen = set()
        for seed in range(200):
            firsts = [int(X.min()) for X, _ in cut(corpus, 1, T, random.Random(seed))]
            seen.add(min(firsts))
        assert seen == set(offsets)


def test_random_order_is_random():
    firsts = [int(X[0, 0]) for X, _ in seq_data_iter_random(torch.arange(401), 2, 4, random.Random(3))]
    assert firsts != sorted(firsts)


@pytest.mark.parametrize("cut", BOTH)
def test_exactly_enough_tokens_give_one_batch_whatever_the_seed(cut):
    for seed in range(20):
        assert len(list(cut(torch.arange(2 * 5 + 1), 2, 5, random.Random(seed)))) == 1


MESSAGE = (
    "num_steps=35 and batch_size=32 need at least 1,121 tokens; the corpus has 900. "
    "Use a smaller batch_size or num_steps, or a longer text."
)


@pytest.mark.parametrize("cut", [*BOTH, SequenceLoader])
def test_too_short_a_corpus(cut):
    with pytest.raises(ValueError, match="^" + re.escape(MESSAGE) + "$"):
        next(iter(cut(torch.zeros(900, dtype=torch.int64), 32, 35)))
    with pytest.raises(ValueError, match="need at least 1,121 tokens; the corpus has 1,120"):
        next(iter(cut(torch.zeros(1120, dtype=torch.int64), 32, 35)))


@pytest.mark.parametrize("empty", [[], (), range(0), torch.empty(0, dtype=torch.int64)])
def test_an_empty_corpus(empty):
    with pytest.raises(ValueError, match="need at least 3 tokens; the corpus has 0"):
        SequenceLoader(empty, 1, 2)


@pytest.mark.parametrize(
    "bad",
    [torch.zeros(9), torch.zeros(3, 3).long(), [0.5] * 9, list("corpus text"), "corpus text", [[1], [1, 2]]],
)
def test_a_corpus_that_is_no_flat_sequence_of_indices(bad):
    with pytest.raises(ValueError, match="a corpus is one flat sequence of indices; got"):
        SequenceLoader(bad, 1, 2)


@pytest.mark.parametrize("size", [0, -1, 2.0, True])
@pytest.mark.parametrize("name", ["batch_size", "num_steps"])
def test_sizes_out_of_range(name, size):
    for cut in (*BOTH, SequenceLoader):
        with pytest.raises(ValueError, match=f"{name}={size!r} must be an integer of at least 1"):
            next(iter(cut(torch.arange(100), **{"batch_size": 2, "num_steps": 5, name: size})))


def test_unknown_sampling():
    with pytest.raises(ValueError, match="sampling='shuffled' is not known; use 'sequential' or 'random'"):
        SequenceLoader(torch.arange(9), 1, 2, "shuffled")


def collect(loader):
    return [X.tolist() for X, _ in loader]


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_seeds(sampling):
    def loader(seed):
        return SequenceLoader(torch.arange(300), 2, 7, sampling, seed=seed)

    one, other = loader(5), loader(5)
    passes = [collect(one) for _ in range(8)]
    random.seed(99)  # a loader with a seed of its own does not look at the global generator
    assert [collect(other) for _ in range(8)] == passes
    assert any(a != passes[0] for a in passes[1:])  # each pass draws a new offset
    random.seed(1)
    first = collect(loader(None))
    random.seed(1)
    assert collect(loader(None)) == first


def test_sequential_batches_are_views_of_the_corpus():
    corpus = torch.arange(200)
    loader = SequenceLoader(corpus, 2, 5)
    assert loader.corpus.data_ptr() == corpus.data_ptr()
    storage = corpus.untyped_storage().data_ptr()
    for X, Y in loader:
        assert X.untyped_storage().data_ptr() == Y.untyped_storage().data_ptr() == storage


def test_batches_do_not_alias_when_random():
    corpus = torch.arange(200)
    for X, _ in SequenceLoader(corpus, 2, 5, "random"):
        X.zero_()
    assert torch.equal(corpus, torch.arange(200))


def test_loader_describes_itself():
    loader = SequenceLoader(range(1500), 4, 6, "random", "cpu")
    assert repr(loader) == "SequenceLoader(1,500 tokens, batch_size=4, num_steps=6, random, cpu)"
    assert loader.device == torch.device("cpu") and loader.num_tokens == 1500


def test_a_seeded_loader_goes_on_where_it_was():
    one, other = (SequenceLoader(torch.arange(300), 2, 7, seed=seed) for seed in (5, 6))
    collect(one)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert [collect(one) for _ in range(3)] == [collect(other) for _ in range(3)]
    plain = SequenceLoader(torch.arange(300), 2, 7)
    assert plain.state_dict() == {}
    plain.load_state_dict({})
    for loader, state in ((plain, one.state_dict()), (one, {})):
        with pytest.raises(ValueError, match="give both loaders a seed of their own, or neither"):
            loader.load_state_dict(state)


def test_what_carries_the_state():
    assert SequenceLoader(torch.arange(99), 2, 7).carries_state
    assert not SequenceLoader(torch.arange(99), 2, 7, "random").carries_state


def test_a_generator_is_a_corpus_too():
    assert as_corpus(i % 3 for i in range(7)).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_as_corpus_widens_and_keeps():
    assert as_corpus(torch.tensor([1, 2], dtype=torch.int32)).dtype == torch.int64
    corpus = torch.arange(3)
    assert as_corpus(corpus) is corpus


@pytest.mark.parametrize("cut", BOTH)
@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=pytest.mark.cuda)])
def test_the_device_is_kept(cut, device):
    X, Y = next(cut(torch.zeros(100, dtype=torch.int64, device=device), 2, 5))
    assert X.device.type == Y.device.type == device
