"""What code printed, in two languages: find the halves line by line.

A line is cut where two or more spaces stand; a piece ``中文 | English`` has two halves. A Chinese line that
ends with `` |`` has its other half in the line below. Everything else belongs to both languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from .split import split_words
from .words import spans

_GAP = re.compile(r"( {2,})")
_CHINESE = re.compile("[\u3400-\u9fff]")
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]"
)
_BAR = " |"


@dataclass(frozen=True)
class Piece:
    """A piece of a line, and the spaces before it."""

    gap: str
    text: str

    @property
    def width(self) -> int:
        """Columns that it takes in either language; a Chinese character takes two."""
        return max(len(half) + len(_WIDE.findall(half)) for half in split_words(self.text) or (self.text,))


def pieces(line: str) -> list[Piece]:
    """Cut a line at its wide gaps."""
    parts = ["", *_GAP.split(line)] if not line.startswith("  ") else _GAP.split(line)[1:]
    return [Piece(gap, text) for gap, text in zip(parts[::2], parts[1::2])]


def is_bilingual(text: str) -> bool:
    """Whether something in a printed text has two halves."""
    lines = text.split("\n")
    return any(_spans_two_lines(lines, i) for i in range(len(lines))) or any(
        split_words(piece.text) for line in lines for piece in pieces(line)
    )


def _spans_two_lines(lines: list[str], i: int) -> bool:
    return i + 1 < len(lines) and lines[i].endswith(_BAR) and bool(_CHINESE.search(lines[i]))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Runs of lines with equally many pieces, two or more: they are rows of a table."""
    block: list[str] = []
    for line in lines:
        same = block and len(pieces(line)) == len(pieces(block[0])) > 1
        if block and not same:
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def mark(text: str) -> Markup:
    """The HTML of a printed text, its halves marked, its columns aligned in either language."""
    lines, rows = text.rstrip("\n").split("\n"), []
    i = 0
    plain: list[str] = []

    def flush() -> None:
        for block in _blocks(plain):
            rows.extend(_rows(block))
        plain.clear()

    while i < len(lines):
        if _spans_two_lines(lines, i):
            flush()
            halves = spans(f"{lines[i][: -len(_BAR)].strip()} | {lines[i + 1].strip()}")
            rows.append(halves)
            i += 2
        else:
            plain.append(lines[i])
            i += 1
    flush()
    return Markup("\n").join(rows)


def _rows(block: list[str]) -> Iterator[Markup]:
    table = [pieces(line) for line in block]
    aligned = len(block) > 1 and any(split_words(piece.text) for row in table for piece in row)
    widths = (
        [max(row[i].width + len(row[i].gap) for row in table) for i in range(len(table[0]))]
        if aligned
        else []
    )
    for row in table:
        line = Markup("")
        for i, piece in enumerate(row):
            inner = (
                escape(piece.gap) + spans(piece.text)
                if split_words(piece.text)
                else escape(piece.gap + piece.text)
            )
            if aligned and i + 1 < len(row):
                inner = Markup('<span class="column" style="min-width:{}ch">{}</span>').format(
                    widths[i], inner
                )
            line += inner
        yield line
