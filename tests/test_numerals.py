"""Numbers in words: examples from school books, and a reader that does not know how they were written."""

from __future__ import annotations

import random

import pytest
import torch

from rnnlib.data.numerals import (
    END,
    FORMS,
    LARGEST,
    in_chinese,
    in_digits,
    in_english,
    numeral_pairs,
    numeral_vocab,
    sample_numbers,
)

EXAMPLES = {
    0: ("zero", "零"),
    10: ("ten", "十"),
    15: ("fifteen", "十五"),
    20: ("twenty", "二十"),
    34: ("thirty four", "三十四"),
    100: ("one hundred", "一百"),
    110: ("one hundred and ten", "一百一十"),
    305: ("three hundred and five", "三百零五"),
    1_005: ("one thousand and five", "一千零五"),
    1_015: ("one thousand and fifteen", "一千零一十五"),
    1_100: ("one thousand one hundred", "一千一百"),
    10_000: ("ten thousand", "一万"),
    12_034: ("twelve thousand and thirty four", "一万二千零三十四"),
    100_000: ("one hundred thousand", "十万"),
    100_010: ("one hundred thousand and ten", "十万零一十"),
    101_000: ("one hundred and one thousand", "十万一千"),
    1_001_000: ("one million one thousand", "一百万一千"),
    10_010_000: ("ten million ten thousand", "一千零一万"),
    100_005_000: ("one hundred million five thousand", "一亿零五千"),
    200_000_005: ("two hundred million and five", "二亿零五"),
    5_006_007_008: ("five billion six million seven thousand and eight", "五十亿零六百万七千零八"),
}


def from_chinese(words):
    """Adds up places within a group of four digits, and groups; what 零 says is not needed."""
    total = group = digit = 0
    for word in words:
        if word in "零一二三四五六七八九":
            digit = "零一二三四五六七八九".index(word)
        elif word in "十百千":
            group += max(digit, 1) * {"十": 10, "百": 100, "千": 1000}[word]
            digit = 0
        else:
            total += (group + digit) * {"万": 10**4, "亿": 10**8}[word]
            group = digit = 0
    return total + group + digit


def from_english(words):
    small = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    small = f"{small} sixteen seventeen eighteen nineteen".split()
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    large = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
    total = group = 0
    for word in words:
        if word in small:
            group += small.index(word)
        elif word in tens:
            group += 10 * tens.index(word) + 20
        elif word == "hundred":
            group *= 100
        elif word != "and":
            total, group = total + group * large[word], 0
    return total + group


def some_numbers():
    chance = random.Random(0)
    dense = [chance.randrange(10**length) for length in range(1, 13) for _ in range(200)]
    sparse = [
        int("".join(chance.choice("0001") for _ in range(length)) or "0") for length in range(1, 13)
    ] * 5
    return [*range(2000), *dense, *sparse, LARGEST]


@pytest.mark.parametrize("n", EXAMPLES)
def test_school_examples(n):
    english, chinese = EXAMPLES[n]
    assert " ".join(in_english(n)) == english and "".join(in_chinese(n)) == chinese
    assert "".join(in_digits(n)) == str(n)


def test_who_reads_the_words_gets_the_number_back():
    for n in some_numbers():
        assert from_chinese(in_chinese(n)) == n, (n, in_chinese(n))
        assert from_english(in_english(n)) == n, (n, in_english(n))


def test_no_two_numbers_are_written_alike_and_every_token_is_listed():
    numbers = sorted(set(some_numbers()))
    for form in FORMS.values():
        written = [tuple(form.write(n)) for n in numbers]
        assert len(set(written)) == len(numbers)
        assert {token for words in written for token in words} == set(form.tokens)
        assert len(set(form.tokens)) == len(form.tokens)


def test_zeros_are_read_as_schools_say():
    for n in some_numbers():
        words = "".join(in_chinese(n))
        assert "零零" not in words
        assert n == 0 or not words.endswith("零")
        assert "零万" not in words and "零亿" not in words and "亿万" not in words


@pytest.mark.parametrize("n", [-1, LARGEST + 1, 1.0, "5", True, None])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_number_is_refused(form, n):
    with pytest.raises(ValueError, match="whole number from 0 to"):
        FORMS[form].write(n)


@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_pairs_hold_both_forms(source, target):
    numbers = [305, 7, 120_034]
    pairs = numeral_pairs(numbers, source, target)
    read, written = numeral_vocab(source), numeral_vocab(target)
    for row, n in enumerate(numbers):
        length = int(pairs.lengths[row])
        assert read.to_tokens(pairs.X[row, :length]) == FORMS[source].write(n)
        assert not pairs.X[row, length:].any()
        wanted = [*FORMS[target].write(n), END]
        assert written.to_tokens(pairs.Y[row, : len(wanted)]) == wanted
        assert (pairs.Y[row, len(wanted) :] == -100).all()
    assert read.unk not in pairs.X[torch.arange(len(numbers)), pairs.lengths - 1]


def test_an_unknown_form_is_named():
    with pytest.raises(ValueError, match="'roman' is not known; use one of"):
        numeral_pairs([1], "roman", "en")
    with pytest.raises(ValueError, match="'fr'"):
        numeral_vocab("fr")


def test_lengths_are_drawn_evenly_and_no_number_twice():
    numbers = sample_numbers(6000, 6, seed=3)
    assert len(set(numbers)) == len(numbers) == 6000
    by_length = [sum(len(str(n)) == length for n in numbers) for length in range(1, 7)]
    assert by_length[:3] == [10, 90, 900]  # all that there are
    assert max(by_length[3:]) - min(by_length[3:]) <= 1
    assert numbers != sorted(numbers)


def test_a_seed_decides_and_what_is_held_out_stays_out():
    test = sample_numbers(300, 4, seed=1)
    assert test == sample_numbers(300, 4, seed=1) != sample_numbers(300, 4, seed=2)
    train = sample_numbers(9000, 4, seed=0, but=test)
    assert not set(train) & set(test)
    longer = sample_numbers(50, 9, least_digits=8)
    assert {len(str(n)) for n in longer} == {8, 9}


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"count": 11, "most_digits": 1}, "only 10 numbers of 1 to 1 digits"),
        ({"count": 0, "most_digits": 1}, "count"),
        ({"count": 1, "most_digits": 13}, "at most 12 digits"),
        ({"count": 1, "most_digits": 2, "least_digits": 3}, "most_digits"),
        ({"count": 1, "most_digits": 2, "seed": -1}, "seed"),
    ],
)
def test_draws_that_cannot_be_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        sample_numbers(**arguments)
