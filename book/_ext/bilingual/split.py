"""Split ``中文 | English`` in two: plain strings, and lists of docutils nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from docutils import nodes

SEP = " | "
NUMBER = re.compile(r"[\d.]+\s+(?=\S)")  # "4 " of a chapter's title
CJK = r"\u3400-\u4dbf\u4e00-\u9fff"
_HAS_CJK = re.compile(f"[{CJK}]")


def split_text(text: str) -> tuple[str, str] | None:
    """Return (Chinese, English) of a plain ``中文 | English`` string, or None where it is not one.

    The separator must stand exactly once and something must stand on both sides.
    """
    halves = text.strip().split(SEP)
    if len(halves) != 2 or not all(half.strip() for half in halves):
        return None
    return halves[0].strip(), halves[1].strip()


def split_words(text: str) -> tuple[str, str] | None:
    """Like `split_text`, for texts of unknown origin: the left half must hold a Chinese character."""
    halves = split_text(text)
    return halves if halves and _HAS_CJK.search(halves[0]) else None


def shared_number(zh: str, en: str) -> str:
    """Return the number, with its space, that both halves of a title begin with, or nothing."""
    found, other = NUMBER.match(zh), NUMBER.match(en)
    return found[0] if found and other and found[0] == other[0] else ""


def split_children(children: Sequence[nodes.Node]) -> tuple[list[nodes.Node], list[nodes.Node]] | None:
    """Split inline nodes at the one ``' | '`` that stands in plain text at the top level.

    Bars inside code or mathematics do not count, because those are nodes of their own.

    Returns: the Chinese and the English nodes, or None where there is no separator.
    Raises: ValueError where there are several, or one side is empty.
    """
    seps = sum(child.count(SEP) for child in children if isinstance(child, nodes.Text))
    if seps == 0:
        return None
    if seps > 1:
        raise ValueError(f"expected one '{SEP}' outside code and mathematics, found {seps}")
    where = next(i for i, child in enumerate(children) if isinstance(child, nodes.Text) and SEP in child)
    left, right = str(children[where]).split(SEP)
    zh = [*children[:where], *([nodes.Text(left.rstrip())] if left.strip() else [])]
    en = [*([nodes.Text(right.lstrip())] if right.strip() else []), *children[where + 1 :]]
    if not zh or not en:
        raise ValueError(f"expected text on both sides of '{SEP}'")
    return zh, en
