"""Tables of numbers that read well as text and, in a notebook, as HTML."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def text_width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


@dataclass(frozen=True, repr=False)
class Table:
    """Columns of texts under titles; columns of numbers stand flush right."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]

    def __str__(self) -> str:
        table = [self.titles, *self.rows]
        widths = [max(text_width(row[i]) for row in table) for i in range(len(self.titles))]
        lines = []
        for row in table:
            cells = []
            for text, width, right in zip(row, widths, self.numeric):
                space = " " * (width - text_width(text))
                cells.append(space + text if right else text + space)
            lines.append("  ".join(cells).rstrip())
        lines.insert(1, "-" * (sum(widths) + 2 * len(widths) - 2))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            marks = [' class="number"' if right else "" for right in self.numeric]
            tags = [tag if text else "td" for text in cells]  # an empty corner heads nothing
            return "".join(
                f"<{name}{mark}>{html.escape(text)}</{name}>" for name, mark, text in zip(tags, marks, cells)
            )

        head = f"<thead><tr>{row(self.titles, 'th')}</tr></thead>"
        body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in self.rows)
        return f'<table class="numbers">{head}<tbody>{body}</tbody></table>'


def table(columns: Mapping[str, Sequence[Any]], digits: int | Mapping[str, int] = 2) -> Table:
    """Arrange columns of equal length as a table; let it be the last expression of a cell.

    Args:
        columns: title -> values. Titles and texts may be ``中文 | English``; the book's pages show one half.
        digits: decimals of floats, for all columns or by title. Whole numbers get separators of thousands.

    Raises:
        ValueError: if there is no column, or the columns differ in length.
    """
    lengths = {title: len(values) for title, values in columns.items()}
    if not lengths or len(set(lengths.values())) > 1:
        raise ValueError(f"a table needs columns of one length; got {lengths}.")

    def show(value: Any, title: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or value is None:
            return "" if value is None else str(value)
        if isinstance(value, int):
            return f"{value:,}"
        places = digits if isinstance(digits, int) else digits.get(title, 2)
        return f"{float(value):,.{places}f}"

    texts = {title: [show(value, title) for value in values] for title, values in columns.items()}
    numeric = tuple(not any(isinstance(value, str) for value in values) for values in columns.values())
    return Table(tuple(columns), tuple(zip(*texts.values())), numeric)
