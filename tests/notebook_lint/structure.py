"""How a notebook is built: title, setup cell, metadata, pairs, headings, plain Markdown, tables."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import CJK
from notebooks import (
    BOOK,
    GPU_METADATA,
    KNOWN_TAGS,
    SETUP_TAGS,
    missing_from,
    public_address,
    setup_source,
)

DIRECTIVE = re.compile(r"^ *(?::{3,}|`{3,}|~{3,}) *\{[\w:+-]+\}", re.M)
ROLE = re.compile(r"(?<![\w$\\])\{[a-z][\w:+-]*\}`")
TARGET = re.compile(r"^\([\w:.-]+\)= *$", re.M)


def starts_with_title(chapter: Chapter) -> Iterator[Problem]:
    """The first cell is the untagged title, and it is the only heading of the first order."""
    first = chapter.cells[0] if chapter.cells else None
    if first is None or not first.is_markdown or not first.source.startswith("# ") or first.language:
        yield chapter.problem("the first cell must be the title, untagged: `# 3 中文标题 | 3 English title`.")
    for cell in chapter.cells[1:]:
        if cell.is_markdown and cell.source.startswith("# "):
            yield cell.problem("a second title; sections begin with `## `.")


def has_setup_cell(chapter: Chapter) -> Iterator[Problem]:
    """The first code cell installs rnnlib where it is missing, from the address in _config.yml."""
    code = chapter.code_cells
    if not code or code[0].tags != SETUP_TAGS:
        where = code[0] if code else chapter
        yield where.problem(
            f"the first code cell must be the setup cell, tags {' '.join(SETUP_TAGS)}; run `make address`."
        )
    elif code[0].source != setup_source(public_address()):
        yield code[0].problem("the setup cell differs from the official one; run `make address`.")
    for cell in code[1:]:
        if "setup" in cell.tags:
            yield cell.problem("only the first code cell is tagged `setup`.")


def has_metadata(chapter: Chapter) -> Iterator[Problem]:
    """Hosted notebooks start with a GPU and Python 3."""
    for key, value in GPU_METADATA.items():
        if chapter.node.metadata.get(key) != value:
            yield chapter.problem(f"the metadata needs {key!r}: {value!r}; run `make address`.")
    if chapter.node.metadata.get("kernelspec", {}).get("name") != "python3":
        yield chapter.problem("the metadata needs the kernelspec python3; run `make address`.")


def is_listed(chapter: Chapter) -> Iterator[Problem]:
    """Every notebook of the book is in the contents, and the home page says what it is about."""
    path = chapter.path.resolve()
    if not path.is_relative_to(BOOK):
        return
    name = path.relative_to(BOOK).with_suffix("").as_posix()
    lines = {"_toc.yml": f"- file: book/{name}", "book/index.md": f"{name}: 一句话 | one sentence"}
    for file in missing_from(path):
        yield chapter.problem(f"{file} does not list it; add the line `{lines[file]}` there.")


def tags_are_known(chapter: Chapter) -> Iterator[Problem]:
    """A tag is one that something reads: a mistyped one would do nothing, silently."""
    for cell in chapter.cells:
        for tag in cell.tags:
            if tag not in KNOWN_TAGS:
                near = difflib.get_close_matches(tag, sorted(KNOWN_TAGS), 1)
                advice = (
                    f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(KNOWN_TAGS))}."
                )
                yield cell.problem(f"nothing reads the tag {tag!r}; {advice}")


def cells_come_in_pairs(chapter: Chapter) -> Iterator[Problem]:
    """Every Chinese cell is followed directly by its English twin, with the same other tags."""
    previous: Cell | None = None
    for cell in [*chapter.cells, None]:
        if previous is not None and previous.language == "zh" and (cell is None or cell.language != "en"):
            yield previous.problem("its English twin (tag lang-en) must come directly after it.")
        if cell is not None and cell.language == "en":
            if previous is None or previous.language != "zh":
                yield cell.problem("its Chinese twin (tag lang-zh) must come directly before it.")
            elif set(previous.tags) - {"lang-zh"} != set(cell.tags) - {"lang-en"}:
                yield cell.problem(f"its tags {cell.tags} differ from its twin's {previous.tags}.")
        if cell is not None and {"lang-zh", "lang-en"} <= set(cell.tags):
            yield cell.problem("one cell cannot be in both languages; make two.")
        if cell is not None and not cell.is_markdown and cell.language:
            yield cell.problem("only Markdown cells carry a language tag.")
        previous = cell


def headings_stand_alone(chapter: Chapter) -> Iterator[Problem]:
    """No heading inside a cell of one language: it would vanish from the contents of the other."""
    for cell in chapter.cells:
        if cell.is_markdown and cell.language and cell.prose.headings:
            yield cell.problem("a heading needs an untagged cell of its own: `## 中文 | English`.")


def untagged_cells_are_bilingual(chapter: Chapter) -> Iterator[Problem]:
    """An untagged Markdown cell holds one heading ``中文 | English``, or display formulas alone."""
    for cell in chapter.cells:
        if not cell.is_markdown or {"lang-zh", "lang-en"} & set(cell.tags):
            continue
        kinds = set(cell.prose.kinds)
        if not kinds:
            yield cell.problem("an empty cell; remove it.")
        elif kinds <= {"math_block", "math_block_label", "amsmath"} or is_display(cell):
            continue
        elif cell.prose.headings != 1 or kinds != {"heading_open"}:
            yield cell.problem(
                "an untagged cell holds one heading `## 中文 | English` or display formulas, nothing else; "
                "prose needs a cell tagged lang-zh and one tagged lang-en."
            )
        else:
            yield from check_heading(cell)


def is_display(cell: Cell) -> bool:
    """Whether all that stands in the cell is formulas between double dollars."""
    return bool(re.fullmatch(r"\s*(\$\$(?:[^$]|\\\$)+\$\$\s*)+", cell.source))


def check_heading(cell: Cell) -> Iterator[Problem]:
    """A heading has a Chinese side with Chinese in it and an English side without."""
    halves = cell.prose.text.split(" | ")
    if len(halves) != 2 or not all(half.strip() for half in halves):
        yield cell.problem("a heading has two sides: `## 中文 | English`.")
    elif not re.search(f"[{CJK}]", halves[0]):
        yield cell.problem("the left side of a heading is the Chinese one.")
    elif re.search(f"[{CJK}，。；：！？（）]", halves[1]):
        yield cell.problem("the right side of a heading is the English one.")


def markdown_is_plain(chapter: Chapter) -> Iterator[Problem]:
    """No MyST directive, role or target: Jupyter and Colab would show them raw."""
    for cell in chapter.cells:
        if not cell.is_markdown:
            continue
        for pattern, name in ((DIRECTIVE, "directive"), (ROLE, "role"), (TARGET, "target")):
            if match := pattern.search(cell.source):
                yield cell.problem(f"the MyST {name} {match[0]!r} shows raw on Colab; use plain Markdown.")


def headers_have_names(chapter: Chapter) -> Iterator[Problem]:
    """Every column of a Markdown table has a name, the first one too: a screen reader reads it out."""
    for cell in chapter.cells:
        if cell.is_markdown and (empty := cell.prose.headers.count("")):
            yield cell.problem(
                f"{empty} header cell(s) of a table are empty; name the column, for example "
                "`| 记号 | …` and `| symbol | …`."
            )


RULES = [
    starts_with_title,
    has_setup_cell,
    has_metadata,
    is_listed,
    tags_are_known,
    cells_come_in_pairs,
    headings_stand_alone,
    untagged_cells_are_bilingual,
    markdown_is_plain,
    headers_have_names,
]
