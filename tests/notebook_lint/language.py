"""Each language by itself: is it the right one, and is it set as its readers expect?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import CJK, CODE, EDGE, MATH

_HAN = f"[{CJK}]"
_LATIN = f"[A-Za-z0-9{CODE}{MATH}]"
_FULL = "，。；：！？、（）《》“”「」"

_RAW_BOLD = re.compile(r"\*\*"), "`**` shows as it is: put the punctuation outside the bold type"

# Pattern, what is wrong with what it finds. The text holds placeholders for code and formulas.
_CHINESE_RULES = [
    (re.compile(f"{_HAN}{_LATIN}|{_LATIN}{_HAN}"), "a space belongs between Chinese and Latin"),
    (re.compile(f"{_HAN}[ ]?[,;:!?]"), "after Chinese, punctuation is full-width: ，；：！？"),
    (re.compile(rf"{_HAN}\.(?=\s|$)"), "a Chinese sentence ends with 。"),
    (re.compile(rf"[{CODE}{MATH}A-Za-z0-9)][,;!?] ?{_HAN}"), "punctuation before Chinese is full-width"),
    (re.compile(rf"{_HAN} ?\(|\( ?{_HAN}|{_HAN} ?\)"), "in Chinese, parentheses are full-width: （）"),
    (re.compile(f'{_HAN}"|"{_HAN}'), "Chinese quotation marks are “ ”"),
    (
        re.compile(f"{_HAN}\n{_HAN}"),
        "a line break inside Chinese shows as a space; join the lines",
    ),
    (re.compile(r"(?<!\.)\.\.\.(?!\.)"), "the Chinese ellipsis is ……"),
    _RAW_BOLD,
]
# These look at the marked text, where bold type that ends in punctuation may have its space.
_SPACING_RULES = [
    (re.compile(f"(?<={_HAN}|{_LATIN}) [，。；：！？、（）]"), "no space before full-width punctuation"),
    (re.compile(f"[，。；：！？、（）] (?={_HAN}|{_LATIN})"), "no space after full-width punctuation"),
]
_ENGLISH_RULES = [
    (re.compile("[，。；：！？、（）]"), "English takes half-width punctuation"),
    (re.compile(r"\b([A-Za-z]{3,}) \1\b"), "a word stands twice"),
    _RAW_BOLD,
]


def _placed(text: str, match: re.Match) -> str:
    """What was found, with a few characters of what stands around it."""
    around = text[max(0, match.start() - 8) : match.end() + 8]
    return around.replace("\n", "⏎").replace(CODE, "`…`").replace(MATH, "$…$").replace(EDGE, "")


def _set_text(cell: Cell, text: str, rules: list[tuple[re.Pattern, str]]) -> Iterator[Problem]:
    for pattern, advice in rules:
        for match in pattern.finditer(text):
            yield cell.problem(f"“{_placed(text, match)}”: {advice}.")


def chinese_is_set_well(chapter: Chapter) -> Iterator[Problem]:
    """Spaces between Chinese and Latin, full-width punctuation; code and formulas count as Latin."""
    for cell in chapter.cells:
        if cell.language == "zh":
            for text in cell.prose.texts:
                yield from _set_text(cell, text, _CHINESE_RULES)
            for text in cell.prose.marked:
                yield from _set_text(cell, text, _SPACING_RULES)
        elif cell.is_markdown and not cell.language and cell.prose.headings:
            yield from _set_text(cell, cell.prose.text.split(" | ")[0], _CHINESE_RULES)


def english_is_set_well(chapter: Chapter) -> Iterator[Problem]:
    """No full-width punctuation in English, but inside quoted Chinese."""
    for cell in chapter.cells:
        if cell.language == "en":
            for text in cell.prose.texts:
                quoted = re.sub(f"{_HAN}[{CJK}{_FULL}]*", "", text)
                yield from _set_text(cell, quoted, _ENGLISH_RULES)


def each_cell_is_in_its_language(chapter: Chapter) -> Iterator[Problem]:
    """A Chinese cell holds Chinese; an English one holds at most some quoted Chinese."""
    for cell in chapter.cells:
        if not cell.language:
            continue
        han = len(re.findall(_HAN, cell.prose.text))
        words = len(re.findall("[A-Za-z]{2,}", cell.prose.text))
        if cell.language == "zh" and not han and words > 2:
            yield cell.problem("tagged lang-zh, but there is no Chinese in it.")
        if cell.language == "en" and han > max(words, 8):
            yield cell.problem("tagged lang-en, but most of it is Chinese.")
        for summary in re.findall(r"<summary>(.*?)</summary>", "".join(cell.prose.html)):
            if bool(re.search(_HAN, summary)) != (cell.language == "zh"):
                yield cell.problem(f"the summary “{summary}” is in the other language.")


RULES = [chinese_is_set_well, english_is_set_well, each_cell_is_in_its_language]
