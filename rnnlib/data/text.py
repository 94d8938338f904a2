"""Turn raw text into clean lines, lines into tokens, and tokens into indices."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

__all__ = ["clean_lines", "tokenize", "count_corpus", "Vocab"]

_NON_LETTERS = re.compile("[^A-Za-z]+")


def clean_lines(text: str | Iterable[str]) -> list[str]:
    """Reduce English text to lower-case letters and single spaces, line by line.

    Every run of characters outside A-Z and a-z becomes one space, each line is stripped and lower-cased. A
    line without letters stays in the list as an empty string, so line numbers survive.

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
        One list of tokens for each line.

    Raises:
        ValueError: if ``level`` is neither of the two.
    """
    if level == "char":
        return [list(line) for line in lines]
    if level == "word":
        return [line.split() for line in lines]
    raise ValueError(f"level={level!r} is not known; use 'char' or 'word'.")


def count_corpus(tokens: Sequence[str] | Sequence[Sequence[str]]) -> Counter[str]:
    """Count how often each token occurs, in a flat list of tokens or in a list of token lists.

    A token is a string, or a tuple of them (an n-gram).
    """
    if len(tokens) > 0 and isinstance(tokens[0], list):
        return Counter(token for line in tokens for token in line)
    return Counter(tokens)


class Vocab:
    """A two-way map between tokens and indices 0 .. V-1.

    Index 0 is the unknown token ``<unk>``; the reserved tokens follow, then the tokens of the corpus by
    falling frequency (ties keep the order of first appearance).

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

    def __init__(
        self,
        tokens: Sequence[str] | Sequence[Sequence[str]] | None = None,
        min_freq: int = 0,
        reserved_tokens: Sequence[str] | None = None,
    ):
        if min_freq < 0:
            raise ValueError(f"min_freq={min_freq} is negative; use 0 to keep every token.")
        if isinstance(reserved_tokens, str):
            raise ValueError(f"reserved_tokens={reserved_tokens!r} is one string; use a list of tokens.")
        head = [self.UNK, *(reserved_tokens or [])]
        known = set(head)
        if len(known) != len(head):
            raise ValueError(f"reserved_tokens={list(reserved_tokens or [])} repeats a token or holds <unk>.")
        counts = count_corpus([] if tokens is None else tokens)
        self.token_freqs: list[tuple[str, int]] = sorted(counts.items(), key=lambda pair: -pair[1])
        self.idx_to_token: list[str] = head + [
            token for token, freq in self.token_freqs if freq >= min_freq and token not in known
        ]
        self.token_to_idx: dict[str, int] = {token: index for index, token in enumerate(self.idx_to_token)}

    @classmethod
    def from_list(cls, idx_to_token: Sequence[str], token_freqs: Iterable[Sequence] = ()) -> Vocab:
        """Rebuild a vocabulary from its ``idx_to_token`` (and ``token_freqs``), as a checkpoint stores them.

        Raises:
            ValueError: if the list does not begin with ``<unk>`` or repeats a token.
        """
        if not idx_to_token or idx_to_token[0] != cls.UNK:
            first = repr(idx_to_token[0]) if idx_to_token else "an empty list"
            raise ValueError(f"a vocabulary list begins with {cls.UNK!r}; this one begins with {first}.")
        vocab = cls([], reserved_tokens=list(idx_to_token[1:]))
        vocab.token_freqs = [(str(token), int(freq)) for token, freq in token_freqs]
        return vocab

    @property
    def unk(self) -> int:
        """Index of the unknown token: always 0."""
        return 0

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __contains__(self, token: object) -> bool:
        return token in self.token_to_idx

    def __getitem__(self, tokens: str | Sequence[str]) -> int | list[int]:
        """Index of one token, or a list of indices for a list of tokens; unknown tokens give 0."""
        if isinstance(tokens, (list, tuple)):
            return [self[token] for token in tokens]
        return self.token_to_idx.get(tokens, self.unk)

    def to_tokens(self, indices: int | Sequence[int]) -> str | list[str]:
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
