"""Data with labels: made by rule, made from a text, or bundled with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rnnlib.common import check_at_least, check_positive

MARKS = "，。？！；：、"


class Digits(NamedTuple):
    """Images (N, 8, 8) float32 and their digits (N,) int64, for training and held out."""

    X_train: Tensor
    Y_train: Tensor
    X_test: Tensor
    Y_test: Tensor


def adding_problem(num_examples: int, num_steps: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Sequences of random numbers, two of them marked; the answer is the sum of the marked ones.

    One mark lies in the first half of the sequence, the other in the second. Always answering 1 gives a mean
    squared error of 1/6. (S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997, experiment 4, in the
    form of Q. V. Le, N. Jaitly, G. Hinton, arXiv:1504.00941.)

    Args:
        num_examples: N.
        num_steps: T, at least 2.
        seed: the same seed gives the same data.

    Returns:
        ``(X (N, T, 2), Y (N, 1))`` float32: column 0 of X holds numbers in [0, 1), column 1 the marks.

    Raises:
        ValueError: if N is not positive, or T is below 2.
    """
    check_positive(num_examples=num_examples)
    check_at_least(2, num_steps=num_steps)
    generator = _generator(seed)
    values = torch.rand(num_examples, num_steps, generator=generator)
    half = num_steps // 2
    first = torch.randint(0, half, (num_examples,), generator=generator)
    second = torch.randint(half, num_steps, (num_examples,), generator=generator)
    marks = torch.zeros(num_examples, num_steps)
    rows = torch.arange(num_examples)
    marks[rows, first] = marks[rows, second] = 1.0
    return torch.stack([values, marks], dim=-1), (values * marks).sum(dim=1, keepdim=True)


def copy_task(
    num_examples: int, lag: int, num_symbols: int = 8, length: int = 4, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Remember a few symbols over a gap: read them, wait, and at the signal write them down in order.

    Indices 0 .. num_symbols-1 are the symbols, ``num_symbols`` is the blank and ``num_symbols + 1`` the
    signal. (S. Hochreiter, J. Schmidhuber, 1997; M. Arjovsky, A. Shah, Y. Bengio, ICML 2016.)

    Args:
        num_examples: N.
        lag: steps from the last symbol to the signal.
        num_symbols: how many different symbols there are.
        length: how many are to be remembered.
        seed: the same seed gives the same data.

    Returns:
        ``(X, Y)``, both (N, lag + 2*length) int64. Y is blank until the last ``length`` places, where the
        answer stands; it begins at the step after the signal.

    Raises:
        ValueError: if a number is not positive.
    """
    check_positive(num_examples=num_examples, lag=lag, num_symbols=num_symbols, length=length)
    generator = _generator(seed)
    symbols = torch.randint(0, num_symbols, (num_examples, length), generator=generator)
    X = torch.full((num_examples, lag + 2 * length), num_symbols)
    Y = X.clone()
    X[:, :length] = symbols
    X[:, lag + length - 1] = num_symbols + 1
    Y[:, -length:] = symbols
    return X, Y


def word_boundaries(lines: Iterable[str], num_steps: int) -> tuple[Tensor, Tensor]:
    """Take the spaces out of a text; the label of each letter says whether a word ends there.

    Args:
        lines: cleaned English lines (lower-case letters and single spaces).
        num_steps: T; the letters are cut into pieces of this length, a shorter rest is dropped.

    Returns:
        ``(X, Y)``, both (N, T) int64: letters as 0-25, labels 0 or 1.

    Raises:
        ValueError: if the text has fewer than T letters, or other characters.
    """
    check_positive(num_steps=num_steps)
    letters: list[int] = []
    ends: list[int] = []
    for word in " ".join(lines).split():
        codes = [ord(letter) - ord("a") for letter in word]
        if min(codes) < 0 or max(codes) > 25:
            raise ValueError(
                f"{word!r} holds other characters than a-z; clean the text with clean_lines() first."
            )
        letters += codes
        ends += [0] * (len(codes) - 1) + [1]
    return _cut(letters, num_steps), _cut(ends, num_steps)


def punctuation(lines: Iterable[str], num_steps: int, marks: str = MARKS) -> tuple[list[list[str]], Tensor]:
    """Take the punctuation out of Chinese verse; each character's label says which mark follows it.

    Args:
        lines: poems.
        num_steps: T; the characters are cut into pieces of this length, a shorter rest is dropped.
        marks: the marks; label k + 1 stands for ``marks[k]``, label 0 for none.

    Returns:
        ``(characters, Y)``: N lists of T characters, and labels (N, T) int64. Of several marks in a row the
        last one counts; a mark before the first character is dropped.

    Raises:
        ValueError: if the text has fewer than T characters.
    """
    check_positive(num_steps=num_steps)
    characters: list[str] = []
    labels: list[int] = []
    for character in "".join(lines):
        if character in marks:
            if labels:
                labels[-1] = marks.index(character) + 1
        elif not character.isspace():
            characters.append(character)
            labels.append(0)
    Y = _cut(labels, num_steps)
    return [characters[i * num_steps : (i + 1) * num_steps] for i in range(len(Y))], Y


def restore(characters: Sequence[str | int], labels: Sequence[int], marks: Sequence[str] = (" ",)) -> str:
    """One row of :func:`word_boundaries` or :func:`punctuation` as text again.

    Args:
        characters: T characters, or T letters as 0-25 (numbers or a tensor).
        labels: T labels; k > 0 puts ``marks[k - 1]`` behind the character, 0 nothing.
        marks: a space by default; for :func:`punctuation` its ``marks``.

    Returns:
        The text, without blanks at its end.

    Raises:
        ValueError: if the lengths differ, a label has no mark, or a number is no letter.
    """
    signs = ["", *marks]
    characters, labels = list(characters), [int(label) for label in labels]
    if len(characters) != len(labels):
        raise ValueError(
            f"there are {len(characters)} characters and {len(labels)} labels; give one for each."
        )
    if not all(0 <= label < len(signs) for label in labels):
        raise ValueError(
            f"labels run from {min(labels)} to {max(labels)}; for {len(marks)} mark(s) they are "
            f"0 to {len(marks)}."
        )
    return "".join(_letter(c) + signs[label] for c, label in zip(characters, labels)).rstrip()


def _letter(character: str | int) -> str:
    """A character as it is, or the letter of an index 0-25."""
    if isinstance(character, str):
        return character
    if not 0 <= int(character) < 26:
        raise ValueError(f"{int(character)} is no letter; letters are 0 (a) to 25 (z), or strings.")
    return chr(ord("a") + int(character))


def _generator(seed: int) -> torch.Generator:
    check_at_least(0, seed=seed)
    return torch.Generator().manual_seed(int(seed))


def _cut(values: Sequence[int], num_steps: int) -> Tensor:
    """(N*T,) values and perhaps a rest -> (N, T)."""
    count = len(values) // num_steps
    if count == 0:
        raise ValueError(
            f"num_steps={num_steps} needs a longer text; there are {len(values)} labelled characters."
        )
    return torch.tensor(values[: count * num_steps]).view(count, num_steps)


def digits(test_share: float = 0.25, seed: int = 0) -> Digits:
    """scikit-learn's handwritten digits, read row by row: 8 steps of 8 grey values in [0, 1].

    Args:
        test_share: the share that is held out, at random.
        seed: the same seed holds out the same images.

    Returns:
        ``(X_train, Y_train, X_test, Y_test)``: X (N, 8, 8) float32, Y (N,) int64 in 0-9; 1,797 images in all.

    Raises:
        ValueError: if ``test_share`` does not lie between 0 and 1.
    """
    from sklearn.datasets import load_digits

    if not 0 < test_share < 1:
        raise ValueError(f"test_share={test_share!r} must lie between 0 and 1.")
    bunch = load_digits()
    X, Y = torch.tensor(bunch.images, dtype=torch.float32) / 16, torch.tensor(bunch.target).long()
    order = torch.randperm(len(X), generator=_generator(seed))
    test, train = order[: int(len(X) * test_share)], order[int(len(X) * test_share) :]
    return Digits(X[train], Y[train], X[test], Y[test])


def windows(series: Tensor, num_steps: int, horizon: int = 1) -> tuple[Tensor, Tensor]:
    """All windows of a series with what follows them.

    Windows overlap: cut the series into a training part and a later, held-out part first, and take the
    windows of each, or the held-out values have been seen in training.

    Args:
        series: (N,) finite values.
        num_steps: T, length of the window.
        horizon: how many following values are the target.

    Returns:
        ``(X (M, T, 1), Y (M, horizon))`` with M = N - T - horizon + 1; row i begins at value i.

    Raises:
        ValueError: if the series is too short or not finite.
    """
    check_positive(num_steps=num_steps, horizon=horizon)
    if series.ndim != 1 or len(series) < num_steps + horizon:
        raise ValueError(
            f"num_steps={num_steps} and horizon={horizon} need a series of at least {num_steps + horizon} "
            f"values; got shape {tuple(series.shape)}."
        )
    if not torch.isfinite(series).all():
        raise ValueError("the series holds values that are infinite or not a number; clean it first.")
    pieces = series.unfold(0, num_steps + horizon, 1)
    return pieces[:, :num_steps, None], pieces[:, num_steps:]
