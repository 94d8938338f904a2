"""Whole numbers in three forms: digits, English words, Chinese numerals.

    305: 3 0 5 | three hundred and five | 三 百 零 五

A rule writes each form, so that examples never run out and an answer is right or wrong. English counts in
thousands, Chinese in ten thousands (万): from 10,000 on the words of one do not stand in the order of the
other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from rnnlib.common import check_at_least, check_positive
from rnnlib.data.batches import IGNORED
from rnnlib.data.padding import pad
from rnnlib.data.text import Vocab

LARGEST = 10**12 - 1
END = "<end>"

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
ONES = f"{ONES} seventeen eighteen nineteen".split()
TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
THOUSANDS = ["", "thousand", "million", "billion"]

DIGITS = "零一二三四五六七八九"
PLACES = ["", "十", "百", "千"]
MYRIADS = ["", "万", "亿"]


def in_digits(n: int) -> list[str]:
    """The digits of n, the first of them not 0 unless n is."""
    return list(str(_check(n)))


def in_english(n: int) -> list[str]:
    """n in words, British: ``and`` stands before the last two digits of a group that has hundreds, and of a
    number that goes on from thousands (1,005: one thousand and five). Hyphens are left out."""
    if _check(n) == 0:
        return ["zero"]
    words: list[str] = []
    for power, group in reversed(list(enumerate(_groups(n, 1000)))):
        hundreds, rest = divmod(group, 100)
        if hundreds:
            words += [ONES[hundreds], "hundred"]
        if rest and (hundreds or (words and power == 0)):
            words.append("and")
        words += _below_hundred(rest)
        if group and power:
            words.append(THOUSANDS[power])
    return words


def in_chinese(n: int) -> list[str]:
    """n in Chinese numerals, as primary schools teach them.

    Zeros at the end of a group of four digits are not read; elsewhere one 零 stands for one zero or several
    (10,010,000: 一千零一万). Ten at the very beginning is 十, not 一十. Two is always 二.
    """
    if _check(n) == 0:
        return ["零"]
    words: list[str] = []
    zeros = False  # whether a 0 stands right before what is read next
    for power, group in reversed(list(enumerate(_groups(n, 10_000)))):
        if group:
            zeros = bool(words) and (zeros or group < 1000)
            words += [*(["零"] if zeros else []), *_below_myriad(group), *MYRIADS[power]]
        zeros = group == 0
    return words[1:] if words[:2] == ["一", "十"] else words


class Form(NamedTuple):
    """A way to write whole numbers.

    Attributes:
        write: from a number to its tokens.
        tokens: all that it uses.
    """

    write: Callable[[int], list[str]]
    tokens: list[str]


FORMS = {
    "digits": Form(in_digits, list("0123456789")),
    "en": Form(in_english, [*ONES, *TENS[2:], "hundred", "and", *THOUSANDS[1:]]),
    "zh": Form(in_chinese, [*DIGITS, *PLACES[1:], *MYRIADS[1:]]),
}


class Pairs(NamedTuple):
    """The same numbers in two forms, padded.

    Attributes:
        X: (N, S) int64, the sources; behind their ends stands 0.
        lengths: (N,) int64, of the sources.
        Y: (N, T) int64, the targets, each with ``<end>`` behind it; further on stands -100, which doesn't
            count in a loss.
    """

    X: Tensor
    lengths: Tensor
    Y: Tensor


def numeral_vocab(form: str) -> Vocab:
    """``<unk>``, ``<end>``, and the tokens of a form: ``"digits"``, ``"en"`` or ``"zh"``.

    Raises:
        ValueError: for another form.
    """
    return Vocab([_form(form).tokens], reserved_tokens=[END])


def numeral_pairs(numbers: Iterable[int], source: str, target: str) -> Pairs:
    """Numbers in one form and in another, as indices of :func:`numeral_vocab`.

    Args:
        numbers: N whole numbers from 0 to :data:`LARGEST`.
        source, target: ``"digits"``, ``"en"`` or ``"zh"``.

    Raises:
        ValueError: for another form, numbers out of range, or none at all.
    """
    numbers = [int(n) for n in numbers]
    read, written = numeral_vocab(source), numeral_vocab(target)
    X, lengths = pad([torch.tensor(read[_form(source).write(n)]) for n in numbers])
    Y, _ = pad([torch.tensor(written[[*_form(target).write(n), END]]) for n in numbers], value=IGNORED)
    return Pairs(X, lengths, Y)


def sample_numbers(
    count: int, most_digits: int, seed: int = 0, *, least_digits: int = 1, but: Collection[int] = ()
) -> list[int]:
    """Different whole numbers, as many of one length as of another as far as there are enough.

    Args:
        count: N, how many.
        most_digits, least_digits: their lengths in digits; what the short ones lack the long ones make up.
        seed: the same seed gives the same numbers.
        but: numbers that are left out, such as those that are kept for a test.

    Raises:
        ValueError: if the lengths are out of range, or there are not that many numbers.
    """
    check_positive(count=count, least_digits=least_digits)
    check_at_least(least_digits, most_digits=most_digits)
    check_at_least(0, seed=seed)
    if most_digits > len(str(LARGEST)):
        raise ValueError(f"most_digits={most_digits}; numbers have at most {len(str(LARGEST))} digits here.")
    chance, but = random.Random(seed), set(but)
    found: list[int] = []
    for length in range(least_digits, most_digits + 1):
        wanted = (count - len(found)) // (most_digits + 1 - length)
        numbers = range(0 if length == 1 else 10 ** (length - 1), 10**length)
        drawn = chance.sample(numbers, min(len(numbers), wanted + len(but)))
        found += [n for n in drawn if n not in but][:wanted]
    if len(found) < count:
        raise ValueError(
            f"count={count}, but only {len(found)} numbers of {least_digits} to {most_digits} digits were "
            "found; ask for fewer, or for longer ones."
        )
    chance.shuffle(found)
    return found


def _form(name: str) -> Form:
    if name not in FORMS:
        raise ValueError(f"form {name!r} is not known; use one of {sorted(FORMS)}.")
    return FORMS[name]


def _groups(n: int, base: int) -> list[int]:
    """The digits of n in a base, the lowest first."""
    found = []
    while n:
        n, digit = divmod(n, base)
        found.append(digit)
    return found


def _below_hundred(n: int) -> list[str]:
    if n == 0:
        return []
    if n < 20:
        return [ONES[n]]
    tens, ones = divmod(n, 10)
    return [TENS[tens], *([ONES[ones]] if ones else [])]


def _below_myriad(n: int) -> list[str]:
    words: list[str] = []
    zeros = False
    for power, digit in reversed(list(enumerate(_groups(n, 10)))):
        if digit == 0:
            zeros = True
        else:
            words += [*(["零"] if zeros else []), DIGITS[digit], *PLACES[power]]
            zeros = False
    return words


def _check(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= LARGEST:
        raise ValueError(f"n={n!r}; a whole number from 0 to {LARGEST:,} is needed.")
    return n
