"""Cleaning, tokens and vocabulary, against their published definitions."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rnnlib.data.text import Vocab, clean_lines, count_corpus, tokenize

token_lists = st.lists(st.text("abcdeé中文 ", min_size=1, max_size=2), max_size=60)


def test_clean_lines_follows_the_published_rule():
    lines = ["The Time Machine, by H. G. Wells [1898]\n", "\n", "  I'm 4--dimensional!  "]
    assert clean_lines(lines) == ["the time machine by h g wells", "", "i m dimensional"]
    assert clean_lines("A b\n\n3c") == ["a b", "", "c"]
    assert clean_lines("") == []


@given(st.lists(st.text(max_size=40)))
def test_clean_lines_keeps_line_numbers_and_only_letters(lines):
    cleaned = clean_lines(lines)
    assert len(cleaned) == len(lines)
    for before, after in zip(lines, cleaned):
        assert re.fullmatch("([a-z]+( [a-z]+)*)?", after)
        assert after.replace(" ", "") == re.sub("[^A-Za-z]", "", before).lower()


def test_equal_characters_are_one_object():
    """Many objects for one character make a long Chinese text thirty times as large."""
    (tokens,) = tokenize(["春眠不觉晓" * 20])
    assert len({id(token) for token in tokens}) == 5


def test_tokenize_by_characters_and_words():
    assert tokenize(["ab c", ""]) == [["a", "b", " ", "c"], []]
    assert tokenize(["ab  c ", ""], "word") == [["ab", "c"], []]
    with pytest.raises(ValueError, match="level='byte' is not known; use 'char' or 'word'"):
        tokenize(["a"], "byte")


@given(st.lists(st.text(max_size=20)))
def test_characters_join_back_to_the_lines(lines):
    assert ["".join(tokens) for tokens in tokenize(lines)] == lines


@given(st.lists(token_lists, max_size=5))
def test_count_corpus_takes_flat_and_nested_lists(nested):
    flat = [token for line in nested for token in line]
    assert count_corpus(nested) == count_corpus(flat) == Counter(flat)


def test_vocab_published_example():
    vocab = Vocab(tokenize(["the time machine by h g wells", "the time traveller"], "word"))
    assert vocab.token_freqs[:3] == [("the", 2), ("time", 2), ("machine", 1)]
    assert list(vocab.token_to_idx.items())[:4] == [("<unk>", 0), ("the", 1), ("time", 2), ("machine", 3)]
    assert vocab[["the", "nobody", "time"]] == [1, 0, 2]
    assert vocab["wells"] == vocab.token_to_idx["wells"]


@given(token_lists, st.integers(0, 4))
def test_vocab_properties(tokens, min_freq):
    vocab = Vocab(tokens, min_freq=min_freq)
    counts = Counter(tokens)
    assert vocab.unk == vocab["<unk>"] == 0 and vocab.idx_to_token[0] == "<unk>"
    assert set(vocab.idx_to_token[1:]) == {token for token, n in counts.items() if n >= min_freq}
    freqs = [counts[token] for token in vocab.idx_to_token[1:]]
    assert freqs == sorted(freqs, reverse=True)
    first_seen = list(dict.fromkeys(tokens))
    for one, other in zip(vocab.idx_to_token[1:], vocab.idx_to_token[2:]):
        if counts[one] == counts[other]:
            assert first_seen.index(one) < first_seen.index(other)
    assert vocab.to_tokens(vocab[tokens]) == [t if counts[t] >= min_freq else "<unk>" for t in tokens]
    assert vocab[vocab.to_tokens(list(range(len(vocab))))] == list(range(len(vocab)))
    assert dict(vocab.token_freqs) == counts


@given(token_lists)
def test_vocab_survives_its_list_form(tokens):
    vocab = Vocab(tokens, reserved_tokens=["<pad>"])
    again = Vocab.from_list(vocab.idx_to_token, [list(pair) for pair in vocab.token_freqs])
    assert again.idx_to_token == vocab.idx_to_token
    assert again.token_to_idx == vocab.token_to_idx
    assert again.token_freqs == vocab.token_freqs


def test_reserved_tokens_come_right_after_unk_and_once():
    vocab = Vocab(["a", "b", "<pad>", "a"], reserved_tokens=["<pad>", "<bos>"])
    assert vocab.idx_to_token == ["<unk>", "<pad>", "<bos>", "a", "b"]


def test_empty_vocab_knows_only_unk():
    for empty in (None, [], [[]]):
        vocab = Vocab(empty)
        assert len(vocab) == 1 and vocab["x"] == 0 and vocab[[]] == [] and vocab.to_tokens([]) == []


def test_to_tokens_takes_numbers_lists_and_tensors():
    vocab = Vocab(list("aab"))
    assert vocab.to_tokens(1) == vocab.to_tokens(torch.tensor(1)) == "a"
    assert vocab.to_tokens(torch.tensor([1, 2])) == vocab.to_tokens((1, 2)) == ["a", "b"]


@pytest.mark.parametrize("index", [-1, 3, [0, 3], torch.tensor([-1])])
def test_to_tokens_refuses_an_index_outside(index):
    with pytest.raises(IndexError, match=r"is not in this vocabulary of 3 tokens \(0 to 2\)"):
        Vocab(list("ab")).to_tokens(index)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_freq": -1}, "min_freq=-1 must be an integer of at least 0"),
        ({"reserved_tokens": ["<pad>", "<pad>"]}, "repeats a token"),
        ({"reserved_tokens": ["<unk>"]}, "holds <unk>"),
        ({"reserved_tokens": "<pad>"}, "is one string; use a list"),
    ],
)
def test_vocab_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Vocab(["a"], **arguments)


@pytest.mark.parametrize(
    ("tokens", "freqs", "message"),
    [
        ([], (), "begins with '<unk>'; this one begins with an empty list"),
        (["a", "<unk>"], (), "begins with '<unk>'; this one begins with 'a'"),
        (["<unk>", "a", "a"], (), "repeats"),
        (["<unk>", ["a", "b"], ("a", "b")], (), "repeats"),
        (["<unk>", 3], (), "a token is a string or several of them; got 3"),
        (["<unk>", ["a", None]], (), "got .'a', None."),
        (["<unk>", "a"], [["a", float("inf")]], "frequency=inf"),
        (["<unk>", "a"], [["a", -1]], "frequency=-1"),
        (["<unk>", "a"], [[{}, 1]], "got {}"),
    ],
)
def test_from_list_refuses_what_is_no_vocabulary(tokens, freqs, message):
    with pytest.raises(ValueError, match=message):
        Vocab.from_list(tokens, freqs)


def test_vocab_of_ngrams():
    """Membership and index agree: a tuple is one token here, a list is a list of tokens."""
    tokens = ["t", "i", "m", "t", "i"]
    vocab = Vocab(list(zip(tokens, tokens[1:])), reserved_tokens=["<pad>"])
    assert ("t", "i") in vocab and vocab["t", "i"] == vocab[("t", "i")] == 2
    assert vocab[[("t", "i"), "<pad>", ("x", "y")]] == [2, 1, 0]
    assert ("x", "y") not in vocab and vocab[("x", "y")] == vocab.unk
    assert vocab[(("t", "i"), ("i", "m"))] == vocab.unk, "a tuple is one token even where it is none of them"
    assert vocab.to_tokens(vocab[[("i", "m")]]) == [("i", "m")]


def test_in_a_vocabulary_of_strings_a_tuple_is_a_sequence():
    vocab = Vocab(list("aab"))
    assert vocab[("a", "b", "c")] == vocab[["a", "b", "c"]] == [1, 2, 0]
    assert vocab[(["a"], ["b", "a"])] == [[1], [2, 1]]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=30))
def test_vocab_of_ngrams_survives_json(pairs):
    vocab = Vocab(pairs)
    stored = json.loads(json.dumps({"tokens": vocab.idx_to_token, "freqs": vocab.token_freqs}))
    again = Vocab.from_list(stored["tokens"], stored["freqs"])
    assert again.token_to_idx == vocab.token_to_idx and again.token_freqs == vocab.token_freqs
    assert again[pairs] == vocab[pairs] and 0 not in vocab[pairs]


def test_repr_and_membership():
    vocab = Vocab(list("ab"))
    assert repr(vocab) == "Vocab(3 tokens: '<unk>' 'a' 'b')"
    assert repr(Vocab(list("abcdefg"))).endswith("...)")
    assert "a" in vocab and "z" not in vocab
