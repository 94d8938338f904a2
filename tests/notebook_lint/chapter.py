"""One notebook as the rules see it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cover import uncovered
from notebook_lint.prose import Prose, read_prose
from notebooks import tags


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where it is, and what to do."""

    where: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: {self.advice}"


class Cell:
    """One cell: its number (from 1), its tags, its language if it is tagged with one."""

    def __init__(self, node: NotebookNode, number: int, path: Path):
        self.node, self.number, self.path = node, number, path
        self.source: str = node.source
        self.tags = tags(node)
        self.is_code = node.cell_type == "code"
        self.is_markdown = node.cell_type == "markdown"
        languages = [tag for tag in ("lang-zh", "lang-en") if tag in self.tags]
        self.language = languages[0][5:] if len(languages) == 1 else None

    @cached_property
    def prose(self) -> Prose:
        """The parts of a Markdown cell."""
        return read_prose(self.source)

    @cached_property
    def tree(self) -> ast.AST:
        """The syntax tree of a code cell; lines of IPython magic count as `pass`."""
        try:
            return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", self.source))
        except SyntaxError:
            return ast.Module(body=[], type_ignores=[])

    @property
    def outputs(self) -> list[NotebookNode]:
        """The stored outputs of a code cell, without a cover."""
        return uncovered(self.node.get("outputs", []))

    def problem(self, advice: str) -> Problem:
        """A problem of this cell: notebook, number, first words, what to do."""
        words = " ".join(self.source.split())
        start = words[:40] + ("…" if len(words) > 40 else "")
        return Problem(f"{self.path.name}, cell {self.number} “{start}”", advice)


class Chapter:
    """A notebook and its cells."""

    def __init__(self, node: NotebookNode, path: Path):
        self.node, self.path = node, path
        self.cells = [Cell(cell, number, path) for number, cell in enumerate(node.cells, 1)]

    @classmethod
    def read(cls, path: Path) -> Chapter:
        """Read a file, in the format of its own version."""
        return cls(nbformat.read(path, as_version=4), path)

    @property
    def code_cells(self) -> list[Cell]:
        """The code cells, in order."""
        return [cell for cell in self.cells if cell.is_code]

    @property
    def twins(self) -> list[tuple[Cell, Cell]]:
        """The pairs of a Chinese cell and the English cell directly after it."""
        return [
            (first, second)
            for first, second in zip(self.cells, self.cells[1:])
            if (first.language, second.language) == ("zh", "en")
        ]

    def problem(self, advice: str) -> Problem:
        """A problem of the notebook as a whole."""
        return Problem(self.path.name, advice)
