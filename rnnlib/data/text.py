"""Turn raw text into clean lines, lines into tokens, and tokens into indices."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rnnlib.common import check_at_least

Token = str | tuple[str, ...]

_NON_LETTERS = re.compile("[^A-Za-z]+")


def clean_lines(text: str | Iterable[str]) -> list[str]:
    """Reduce English text to lower-case letters and single spaces, line by line.

    Every run of characters outside A-Z and a-z becomes one space, each line is stripped and lower-cased. A
    line without letters stays in the list as an empty string, so line numbers survive (the published rule of
    d2l, section 8.2).

    Args:
        text: one string, or an iterable of lines.

    Returns:
        The cleaned lines, as many as came in.
    """
    lines = text.splitlines() if isinstance(text, str) else text
    return [_NON_LETTERS.sub(" ", line).strip().lower() for line in lines]


def tokenize(lines: Iterable[str], level: str = "char") -> list[list[str]]:
    """Split each line into tokens.

    Args:
        lines: lines of text.
        level: ``"char"`` for single characters, ``"word"`` for whitespace-separated words.

    Returns:
        One list of tokens for each line. Equal characters are one object: a long Chinese text would
        otherwise take thirty times its size.

    Raises:
        ValueError: if ``level`` is neither of the two.
    """
    if level == "char":
        return [list(map(sys.intern, line)) for line in lines]
    if level == "word":
        return [line.split() for line in lines]
    raise ValueError(f"level={level!r} is not known; use 'char' or 'word'.")


def count_corpus(tokens: Sequence[Token] | Sequence[list[Token]]) -> Counter[Token]:
    """Count how often each token occurs, in a flat list of tokens or in a list of token lists."""
    if len(tokens) > 0 and isinstance(tokens[0], list):
        return Counter(token for line in tokens for token in line)
    return Counter(tokens)


class Vocab:
    """A two-way map between tokens and indices 0 .. V-1.

    Index 0 is the unknown token ``<unk>``; the reserved tokens follow, then the tokens of the corpus by
    falling frequency (ties keep the order of first appearance). A token is a string, or a tuple of strings
    (an n-gram).

    Args:
        tokens: a flat list of tokens, or a list of token lists (as :func:`tokenize` gives it).
        min_freq: tokens rarer than this are left out and map to ``<unk>``.
        reserved_tokens: tokens that get an index whether they occur or not, such as ``["<pad>"]``.

    Raises:
        ValueError: if ``min_freq`` is negative, or a reserved token is repeated, or they are no list.

    Example:
        >>> vocab = Vocab(tokenize(["to be or not to be"], "word"))
        >>> vocab[["to", "be", "free"]]
        [1, 2, 0]
        >>> vocab.to_tokens([1, 2])
        ['to', 'be']
    """

    UNK = "<unk>"
    unk = 0  # its index

    def __init__(
        self,
        tokens: Sequence[Token] | Sequence[list[Token]] | None = None,
        min_freq: int = 0,
        reserved_tokens: Sequence[Token] | None = None,
    ):
        check_at_least(0, min_freq=min_freq)
        if isinstance(reserved_tokens, str):
            raise ValueError(f"reserved_tokens={reserved_tokens!r} is one string; use a list of tokens.")
        head = [self.UNK, *(reserved_tokens or [])]
        known = set(head)
        if len(known) != len(head):
            raise ValueError(f"reserved_tokens={list(reserved_tokens or [])} repeats a token or holds <unk>.")
        counts = count_corpus([] if tokens is None else tokens)
        self.token_freqs: list[tuple[Token, int]] = sorted(counts.items(), key=lambda pair: -pair[1])
        self.idx_to_token: list[Token] = head + [
            token for token, freq in self.token_freqs if freq >= min_freq and token not in known
        ]
        self.token_to_idx: dict[Token, int] = {token: i for i, token in enumerate(self.idx_to_token)}
        self._has_tuples = any(isinstance(token, tuple) for token in self.idx_to_token)

    @classmethod
    def from_list(cls, idx_to_token: Sequence[Any], token_freqs: Iterable[Sequence[Any]] = ()) -> Vocab:
        """Rebuild a vocabulary from its ``idx_to_token`` (and ``token_freqs``), as a checkpoint stores them.

        JSON knows no tuples, so an n-gram may be a list here.

        Raises:
            ValueError: if the list does not begin with ``<unk>`` or repeats a token, a token is neither a
                string nor a list of strings, or a frequency is not a whole number.
        """
        tokens = [_as_token(token) for token in idx_to_token]
        if tokens[:1] != [cls.UNK]:
            first = repr(tokens[0]) if tokens else "an empty list"
            raise ValueError(f"a vocabulary list begins with {cls.UNK!r}; this one begins with {first}.")
        vocab = cls([], reserved_tokens=tokens[1:])
        for token, freq in token_freqs:
            check_at_least(0, frequency=freq)
            vocab.token_freqs.append((_as_token(token), freq))
        return vocab

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __getitem__(self, tokens: Token | Sequence[Token]) -> int | list[int]:
        """Index of one token, or a list of indices for a list of tokens; unknown tokens give 0.

        A tuple is one token in a vocabulary of n-grams, and a sequence of tokens in any other.
        """
        if isinstance(tokens, list) or (isinstance(tokens, tuple) and not self._has_tuples):
            return [self[token] for token in tokens]
        return self.token_to_idx.get(tokens, self.unk)

    def to_tokens(self, indices: int | Sequence[int]) -> Token | list[Token]:
        """Token at one index, or a list of tokens for a list (or 1-D tensor) of indices.

        Raises:
            IndexError: if an index is not in 0 .. V-1.
        """
        if hasattr(indices, "__len__") and not (hasattr(indices, "ndim") and indices.ndim == 0):
            return [self.to_tokens(int(index)) for index in indices]
        index = int(indices)
        if not 0 <= index < len(self):
            raise IndexError(
                f"index {index} is not in this vocabulary of {len(self)} tokens (0 to {len(self) - 1})."
            )
        return self.idx_to_token[index]

    def __repr__(self) -> str:
        more = " ..." if len(self) > 6 else ""
        return f"Vocab({len(self)} tokens: {' '.join(map(repr, self.idx_to_token[:6]))}{more})"


def _as_token(value: Any) -> Token:
    """A string, or an n-gram as a tuple of strings, whether it is stored as a tuple or as a list."""
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if not isinstance(value, str):
        raise ValueError(f"a token is a string or several of them; got {value!r}.")
    return value
