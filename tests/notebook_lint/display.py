"""What readers see of code and outputs: lines that fit, words in both languages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from bilingual.printed import is_bilingual, pieces
from bilingual.split import split_words

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import CJK
from rnnlib.inspect.tables import text_width

MAX_COLUMNS = 79
_SVG_TEXT = re.compile(r"<text\b[^>]*>([^<]+)</text>")
_ENGLISH = re.compile(
    r"(?<![\w.'(_])(?!(?:tanh|relu|sigmoid|softmax|exp|log|sin|cos)\b)[a-z]{3,}(?![\w.(=_])"
)
_FREE = ("shows-text", "raises-exception", "shows-warning")


def lines_fit(chapter: Chapter) -> Iterator[Problem]:
    """Code is at most 79 columns wide: wider lines scroll on the page and are cut on paper."""
    for cell in chapter.code_cells:
        if "setup" in cell.tags:
            continue
        for line in cell.source.splitlines():
            if text_width(line) > MAX_COLUMNS:
                yield cell.problem(
                    f"{line.strip()[:40]!r}… takes {text_width(line)} columns; at most {MAX_COLUMNS}."
                )


def is_mixed(text: str) -> bool:
    """Whether Chinese and English words stand together without the bar that divides them."""
    return bool(re.search(f"[{CJK}]", text) and _ENGLISH.search(text))


def prints_are_in_both(chapter: Chapter) -> Iterator[Problem]:
    """What is printed in words is ``中文 | English``, so that the page can show one of them."""
    for cell in chapter.code_cells:
        if any(tag in cell.tags for tag in _FREE):
            continue
        for text in printed(cell):
            lines = [line for line in text.split("\n") if not line.rstrip().endswith(" |")]
            for piece in (piece.text for line in lines for piece in pieces(line)):
                if split_words(piece) is None and is_mixed(piece):
                    yield cell.problem(
                        f"it prints {piece.strip()[:40]!r}; write `中文 | English`, two spaces or more "
                        "between pieces, or tag the cell shows-text if it shows a text."
                    )
                    break


def printed(cell: Cell) -> list[str]:
    """The texts that a cell printed or returned."""
    texts = [output.get("text", "") for output in cell.outputs]
    return texts + [
        output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if not any(kind.startswith("image/") for kind in output.get("data", {}))
    ]


def labels_are_in_both(chapter: Chapter) -> Iterator[Problem]:
    """The words of a figure are text, ``中文 | English``."""
    for cell in chapter.code_cells:
        if any(tag in cell.tags for tag in _FREE):
            continue
        for output in cell.outputs:
            svg = output.get("data", {}).get("image/svg+xml", "")
            for label in map(html.unescape, _SVG_TEXT.findall("".join(svg))):
                if split_words(label) is None and (is_mixed(label) or _ENGLISH.search(label)):
                    yield cell.problem(
                        f"the label {label.strip()!r} is in one language; write `中文 | English`, or tag the "
                        "cell shows-text if the label is a word of a text."
                    )


def halves_are_whole(chapter: Chapter) -> Iterator[Problem]:
    """A printed bar divides a Chinese half from an English one."""
    for cell in chapter.code_cells:
        for text in printed(cell):
            for piece in (piece.text for line in text.split("\n") for piece in pieces(line)):
                halves = split_words(piece)
                if halves and re.search(f"[{CJK}]", halves[1]) and is_bilingual(piece):
                    yield cell.problem(f"the English half of {piece.strip()[:50]!r} has Chinese in it.")


RULES = [lines_fit, prints_are_in_both, labels_are_in_both, halves_are_whole]
