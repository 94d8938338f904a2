"""The words of the glossary: the agreed ones, never the forbidden ones, with the English at first use."""

from __future__ import annotations

import ast
import csv
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import CJK
from notebooks import BOOK

_OUTSIDE = re.compile("你将学会|学习目标|开始之前|先修|本章|延伸阅读")


@dataclass(frozen=True)
class Term:
    """One line of book/glossary.tsv."""

    zh: str
    en: tuple[str, ...]
    forbidden: re.Pattern | None
    first_use: bool


@cache
def glossary() -> tuple[Term, ...]:
    """The terms, longest first, so that 双向循环神经网络 is found before 循环神经网络."""
    with (BOOK / "glossary.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    terms = [
        Term(
            row["zh"],
            tuple(word for word in re.split(r" / |[()]", row["en"]) if word.strip()),
            re.compile(row["forbidden"]) if row["forbidden"] else None,
            row["first_use"] == "yes",
        )
        for row in rows
    ]
    return tuple(sorted(terms, key=lambda term: -len(term.zh)))


def _chinese_texts(cell: Cell) -> str:
    """What a reader of Chinese sees of a cell: prose, heading, or the comments and texts of code."""
    if cell.is_code:
        return cell.source
    return "" if cell.language == "en" else cell.prose.text


def no_forbidden_terms(chapter: Chapter) -> Iterator[Problem]:
    """No word that the glossary forbids, unless it stands in “quotation marks”: mentioned, not used."""
    for cell in chapter.cells:
        text = re.sub("“[^”]*”|「[^」]*」", "“”", _chinese_texts(cell))
        for term in glossary():
            if term.forbidden and (match := term.forbidden.search(text)):
                yield cell.problem(f"the glossary says {term.zh}, not {match[0]} ({term.en[0]}).")


def first_uses(chapter: Chapter, term: Term, longer: list[Term]) -> tuple[list[Cell], Cell | None]:
    """The Chinese cells that use a term, and the first of them in the body of the chapter."""
    users, in_body, first = [], False, None
    for cell in chapter.cells:
        if cell.is_markdown and not cell.language and cell.source.startswith("##"):
            in_body = not _OUTSIDE.search(cell.source)
        if cell.language != "zh":
            continue
        text = cell.prose.text
        for other in longer:
            text = text.replace(other.zh, "")
        if term.zh in text:
            users.append(cell)
            if in_body and first is None:
                first = cell
    return users, first


def first_use_gives_english(chapter: Chapter) -> Iterator[Problem]:
    """The first Chinese cell of the body that uses a key term, or one before it, adds （English）."""
    for term in glossary():
        if not term.first_use:
            continue
        longer = [other for other in glossary() if term.zh in other.zh and other != term]
        users, first = first_uses(chapter, term, longer)
        if first is None:
            continue
        early = users[: users.index(first) + 1]
        if not any(_gives_english(cell.prose.text, term) for cell in early):
            yield first.problem(
                f"first use of {term.zh}: add the English, {term.zh}（{term.en[0].strip()}）."
            )


def _gives_english(text: str, term: Term) -> bool:
    brackets = " ".join(re.findall("（([^）]*)）", text)).lower()
    return any(word.strip().lower() in brackets for word in term.en)


def comments_are_bilingual(chapter: Chapter) -> Iterator[Problem]:
    """A comment that readers see is in both languages; shapes and names need no translation."""
    for cell in chapter.code_cells:
        for comment in comment_blocks(cell.source):
            words = re.findall(r"(?<![\w.])[A-Za-z]{3,}(?![\w(.=])", comment)
            prose = [word for word in words if word not in names(cell.tree)]
            chinese = re.search(f"[{CJK}]", comment)
            if chinese and not re.search("[A-Za-z]{2,}", comment):
                yield cell.problem(f"the comment {comment!r} has no English; give both languages or none.")
            elif not chinese and prose and not re.match(r"# ?(noqa|type:|fmt:|@param|%)", comment):
                yield cell.problem(f"the comment {comment!r} has no Chinese; give both languages or none.")


def comment_blocks(source: str) -> list[str]:
    """The comments of a cell; those on lines of their own that follow each other are one."""
    blocks: list[str] = []
    last_line = -1
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                alone = not token.line[: token.start[1]].strip()
                if alone and token.start[0] == last_line + 1:
                    blocks[-1] += " " + token.string
                else:
                    blocks.append(token.string)
                last_line = token.start[0] if alone else -1
    except (tokenize.TokenError, SyntaxError):
        pass  # a cell that is meant to fail
    return blocks


def names(tree: ast.AST) -> set[str]:
    """The names that occur in a piece of code."""
    fields = (("id", ast.Name), ("attr", ast.Attribute), ("arg", (ast.arg, ast.keyword)), ("name", ast.alias))
    return {
        str(getattr(node, field))
        for node in ast.walk(tree)
        for field, kind in fields
        if isinstance(node, kind)
    }


RULES = [no_forbidden_terms, first_use_gives_english, comments_are_bilingual]
