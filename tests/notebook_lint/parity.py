"""The two languages say the same: formulas, code, links, numbers and blocks of every pair of cells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import code_skeleton, numbers, spelled


def _compare(chapter: Chapter, what: str, parts: Callable[[Cell], Collection[str]]) -> Iterator[Problem]:
    """Report what stands in one twin only."""
    for zh, en in chapter.twins:
        here, there = set(parts(zh)), set(parts(en))
        for only, other, name in ((here - there, en, "Chinese"), (there - here, zh, "English")):
            if only:
                listed = ", ".join(f"`{part}`" for part in sorted(only))
                yield other.problem(f"{what} {listed} stands in its {name} twin only.")


def formulas_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins hold the same formulas, spaces and words inside \\text aside."""
    yield from _compare(chapter, "the formula", lambda cell: cell.prose.formulas)


def code_names_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins name the same things in code type."""
    yield from _compare(chapter, "the code", lambda cell: cell.prose.code)


def links_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins link to the same addresses, unless both are tagged ``links-differ``."""
    yield from _compare(
        chapter, "the link", lambda cell: [] if "links-differ" in cell.tags else cell.prose.links
    )


def numbers_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins hold the same numbers; one language may spell a small number that the other writes in digits."""
    for zh, en in chapter.twins:
        here, there = numbers(zh.prose.text), numbers(en.prose.text)
        for only, other, name in ((here - there, en, "Chinese"), (there - here, zh, "English")):
            only -= spelled(other.prose.text)
            if only:
                listed = ", ".join(f"{value:,.12g}" for value in sorted(only))
                yield other.problem(f"the number {listed} stands in its {name} twin only.")


def blocks_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins have as many paragraphs, list items, table rows, quotations and HTML blocks."""
    for zh, en in chapter.twins:
        for name in sorted(set(zh.prose.blocks) | set(en.prose.blocks)):
            here, there = zh.prose.blocks[name], en.prose.blocks[name]
            if here != there:
                yield en.problem(f"it has {there} {name}, its Chinese twin {here}.")


def code_blocks_match(chapter: Chapter) -> Iterator[Problem]:
    """Twins hold the same code blocks, comments and quoted texts aside."""
    for zh, en in chapter.twins:
        here = [code_skeleton(*fence) for fence in zh.prose.fences]
        there = [code_skeleton(*fence) for fence in en.prose.fences]
        if here != there:
            yield en.problem(
                "its code blocks differ from its Chinese twin's in more than comments and texts."
            )


RULES = [formulas_match, code_names_match, links_match, numbers_match, blocks_match, code_blocks_match]
