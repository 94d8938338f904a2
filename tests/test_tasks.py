"""The tasks' definitions: what the labels mean, how many there are, and that nothing leaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.data.tasks import (
    MARKS,
    adding_problem,
    copy_task,
    digits,
    punctuation,
    restore,
    windows,
    word_boundaries,
)


@pytest.mark.parametrize("T", [2, 3, 10])
def test_adding_problem(T):
    X, Y = adding_problem(200, T)
    assert X.shape == (200, T, 2) and Y.shape == (200, 1) and X.dtype == Y.dtype == torch.float32
    values, marks = X[..., 0], X[..., 1]
    assert ((values >= 0) & (values < 1)).all() and ((marks == 0) | (marks == 1)).all()
    assert (marks[:, : T // 2].sum(dim=1) == 1).all() and (marks[:, T // 2 :].sum(dim=1) == 1).all()
    assert marks.sum(dim=0).gt(0).all()  # every step is marked in some example
    for row in range(5):
        first, second = values[row][marks[row] == 1].tolist()
        assert Y[row].item() == pytest.approx(first + second)


def test_always_answering_one_costs_a_sixth():
    _, Y = adding_problem(100_000, 4)
    assert (Y - 1).square().mean().item() == pytest.approx(1 / 6, abs=0.002)
    assert Y.mean().item() == pytest.approx(1, abs=0.005)  # and no other constant does better


def test_copy_task():
    X, Y = copy_task(50, lag=6, num_symbols=5, length=3)
    assert X.shape == Y.shape == (50, 12) and X.dtype == Y.dtype == torch.int64
    blank, signal = 5, 6
    assert X[:, :3].max() == 4 and X[:, :3].min() == 0
    assert (X[:, 3:8] == blank).all() and (X[:, 8] == signal).all() and (X[:, 9:] == blank).all()
    assert (Y[:, :9] == blank).all() and torch.equal(Y[:, 9:], X[:, :3])
    X, _ = copy_task(2, lag=1, length=2)
    assert (X[:, 2] == 9).all() and X.shape == (2, 5)  # the shortest lag: the signal comes at once


@pytest.mark.parametrize("make", [lambda s: adding_problem(5, 4, s), lambda s: copy_task(5, 3, seed=s)])
def test_a_seed_is_a_data_set_and_touches_no_other_chance(make):
    before = torch.random.get_rng_state()
    one, two, other = make(1), make(1), make(2)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one, two))
    assert not all(torch.equal(a, b) for a, b in zip(one, other))


def test_sizes_out_of_range():
    with pytest.raises(ValueError, match="num_steps=1 must be an integer of at least 2"):
        adding_problem(3, 1)
    for bad in (0, 2.0):
        with pytest.raises(ValueError, match="num_steps=.* must be an integer"):
            adding_problem(3, bad)
    for seed in (-1, 1.5):
        with pytest.raises(ValueError, match=f"seed={seed} must be"):
            digits(seed=seed)
    for name in ("num_examples", "lag", "num_symbols", "length"):
        with pytest.raises(ValueError, match=f"{name}=0 must be"):
            copy_task(**{"num_examples": 2, "lag": 3, name: 0})


def test_word_boundaries():
    X, Y = word_boundaries(["the cat", "", " is in"], 4)
    assert X.tolist() == [[19, 7, 4, 2], [0, 19, 8, 18]]  # thec atis, and "in" is a rest
    assert Y.tolist() == [[0, 0, 1, 0], [0, 1, 0, 1]]
    assert restore(X[0], Y[0]) == "the c" and restore(X[1], Y[1]) == "at is"


@given(st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1, max_size=8))
def test_spaces_go_round(words):
    text = " ".join(words)
    num_letters = len(text.replace(" ", ""))
    X, Y = word_boundaries([text], num_letters)
    assert X.shape == (1, num_letters)
    assert restore(X[0], Y[0]) == text
    X, Y = word_boundaries(words, num_letters)  # lines end words as spaces do
    assert restore(X[0].tolist(), Y[0].tolist()) == text


def test_texts_that_have_no_boundaries_to_learn():
    for bad in ("Time", "don't", "été"):
        with pytest.raises(ValueError, match=f"{bad!r} holds other characters than a-z"):
            word_boundaries(["a word", bad], 2)
    with pytest.raises(ValueError, match="num_steps=6 needs a longer text; there are 5 labelled"):
        word_boundaries(["ab cde"], 6)


def test_punctuation():
    characters, Y = punctuation(["，床前明月光，疑是地上霜。", " 举头！？望"], 5)
    assert ["".join(row) for row in characters] == ["床前明月光", "疑是地上霜"]
    assert Y.tolist() == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 2]]
    characters, Y = punctuation(["举头！？望月"], 4)
    assert Y.tolist() == [[0, MARKS.index("？") + 1, 0, 0]]  # of several marks the last one counts
    assert restore(characters[0], Y[0], MARKS) == "举头？望月"
    characters, Y = punctuation(["a-b+c"], 3, marks="+-")
    assert Y.tolist() == [[2, 1, 0]] and restore(characters[0], Y[0], "+-") == "a-b+c"
    with pytest.raises(ValueError, match="num_steps=3 needs a longer text"):
        punctuation(["，春。"], 3)


@given(
    st.lists(st.tuples(st.sampled_from("春花秋月何"), st.sampled_from(["", *MARKS])), min_size=1, max_size=20)
)
def test_punctuation_goes_round(pairs):
    text = "".join(char + mark for char, mark in pairs)
    characters, Y = punctuation([text], len(pairs))
    assert Y.shape == (1, len(pairs)) and Y.max() <= len(MARKS)
    assert restore(characters[0], Y[0], MARKS) == text


def test_restore_takes_letters_as_numbers_or_strings():
    for characters in ([7, 8, 9], torch.tensor([7, 8, 9]), np.array([7, 8, 9]), "hij", ["h", "i", "j"]):
        for labels in ([0, 1, 1], torch.tensor([0, 1, 1])):
            assert restore(characters, labels) == "hi j", "no blank at the end"
    assert restore("春眠不", [2, 0, 1], "，。") == "春。眠不，"
    assert restore([], []) == ""


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([1, 2], [0]), "2 characters and 1 labels"),
        (("ab", [0, 2]), r"labels run from 0 to 2; for 1 mark\(s\) they are 0 to 1"),
        (("ab", [0, -1], MARKS), "labels run from -1 to 0"),
        (([3, 26], [0, 0]), "26 is no letter"),
        ((torch.tensor([-1]), [0]), "-1 is no letter"),
    ],
)
def test_restore_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        restore(*arguments)


def test_numpy_integers_are_sizes():
    N = np.int64
    assert all(map(torch.equal, adding_problem(N(3), N(4), N(5)), adding_problem(3, 4, 5)))
    assert all(map(torch.equal, copy_task(N(3), N(4), N(5), N(2)), copy_task(3, 4, 5, 2)))
    assert all(map(torch.equal, windows(torch.arange(6.0), N(2), N(2)), windows(torch.arange(6.0), 2, 2)))
    assert word_boundaries(["the cat"], N(3))[0].shape == (2, 3)


def test_digits_are_split_without_overlap():
    split = digits(test_share=0.25, seed=3)
    X_train, Y_train, X_test, Y_test = split
    assert X_train is split.X_train and Y_test is split.Y_test
    assert split.X_train.shape == (1348, 8, 8) and split.X_test.shape == (449, 8, 8)
    assert split.X_train.dtype == torch.float32 and split.Y_train.dtype == torch.int64
    assert split.X_train.min() == 0 and split.X_train.max() == 1
    assert set(split.Y_train.tolist()) == set(split.Y_test.tolist()) == set(range(10))

    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = [tuple(row) for row in bunch.data.astype(int).tolist()]
    labels = dict(zip(images, bunch.target.tolist()))
    assert len(labels) == 1797  # no image stands there twice, so equal images would be a leak
    found = []
    for X, Y in ((split.X_train, split.Y_train), (split.X_test, split.Y_test)):
        rows = [tuple(row) for row in (X * 16).flatten(1).int().tolist()]
        assert [labels[row] for row in rows] == Y.tolist()
        found += rows
    assert sorted(found) == sorted(images)
    assert torch.equal(digits(seed=3).X_test, split.X_test) and not torch.equal(digits().X_test, split.X_test)
    for share in (0, 1, -0.5, 2):
        with pytest.raises(ValueError, match="test_share=.* must lie between 0 and 1"):
            digits(test_share=share)


def test_windows():
    series = torch.arange(8.0)
    X, Y = windows(series, num_steps=3, horizon=2)
    assert X.shape == (4, 3, 1) and Y.shape == (4, 2)
    assert X[1, :, 0].tolist() == [1, 2, 3] and Y[1].tolist() == [4, 5]
    assert Y[-1].tolist() == [6, 7]
    X, Y = windows(series[:4], 3)
    assert X.shape == (1, 3, 1) and Y.tolist() == [[3]]


def test_series_that_have_no_windows():
    with pytest.raises(ValueError, match=r"a series of at least 5 values; got shape \(4,\)"):
        windows(torch.arange(4.0), 3, 2)
    with pytest.raises(ValueError, match=r"got shape \(5, 1\)"):
        windows(torch.ones(5, 1), 3)
    for value in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="infinite or not a number"):
            windows(torch.tensor([1.0, value, 2.0]), 1)
    with pytest.raises(ValueError, match="horizon=0 must be"):
        windows(torch.arange(4.0), 2, 0)
