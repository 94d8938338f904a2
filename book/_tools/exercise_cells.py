"""The exercises of the book as the notebooks have them: stub, check, hints, solution.

An exercise is a stretch of a notebook that begins with a code cell tagged ``answer``: the stub. The cell
right below it calls ``check("A1", NAME)``. A code cell tagged ``solution``, further down and folded on the
page, has the worked answer and calls the check again. What an answer may use besides, imports and
definitions, stands above it in cells tagged ``given``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from notebooks import BOOK, ROOT, find_notebooks, tags, write_text

ANSWER, SOLUTION, GIVEN = "answer", "solution", "given"
STUBS = ROOT / "rnnlib" / "exercises" / "stubs.json"


@dataclass(frozen=True)
class Exercise:
    """One exercise as it stands in a notebook.

    Attributes:
        name: ``A1``.
        path: the notebook.
        given: the name that is handed to the check: a class, a function or a number.
        stub: code of the answer cell.
        solution: code of the solution cell, without its call of the check.
        before: code of the cells tagged ``given`` above it, which the answer may use.
    """

    name: str
    path: Path
    given: str
    stub: str
    solution: str
    before: str

    def value(self, code: str) -> Any:
        """What a piece of code makes of the name that the check wants."""
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(self.before, "<before>", "exec"), space)
        exec(compile(code, "<answer>", "exec"), space)
        return space[self.given]


def check_call(source: str) -> tuple[str, str] | None:
    """(name, given) of the call ``check("A1", given)`` in a cell's code, if there is one."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with a magic command
        return None
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name("check") | ast.Attribute(attr="check"), args=[ast.Constant(str(name)), given]
            ):
                return name, ast.unparse(given)
    return None


def without_check(source: str) -> str:
    """A solution without the line that calls the check."""
    lines = [line for line in source.splitlines() if not (line.strip() and check_call(line.strip()))]
    return "\n".join(lines).rstrip() + "\n"


def exercises_of(notebook: NotebookNode, path: Path) -> Iterator[Exercise]:
    """The exercises of one notebook, in order.

    Raises:
        ValueError: if an exercise lacks its check or its solution.
    """
    before: list[str] = []
    stub: str | None = None
    call: tuple[str, str] | None = None
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if ANSWER in tags(cell):
            if stub is not None:
                raise ValueError(f"{path.name}: a stub without a solution before cell {cell.id!r}.")
            stub, call = cell.source, None
        elif stub is not None and call is None:
            call = check_call(cell.source)
            if call is None:
                raise ValueError(f"{path.name}: the cell below the stub does not call check: {cell.id!r}.")
        elif stub is not None and SOLUTION in tags(cell):
            yield Exercise(call[0], path, call[1], stub, without_check(cell.source), "\n".join(before))
            stub = None
        elif GIVEN in tags(cell):
            before.append(cell.source)
    if stub is not None:
        raise ValueError(f"{path.name}: the last exercise has no solution.")


def all_exercises(folder: Path = BOOK) -> dict[str, Exercise]:
    """Every exercise of the notebooks in a folder and the folders in it, by name."""
    found: dict[str, Exercise] = {}
    for path in find_notebooks(folder):
        for exercise in exercises_of(nbformat.read(path, as_version=4), path):
            if exercise.name in found:
                raise ValueError(f"two exercises {exercise.name!r}: {found[exercise.name].path}, {path}.")
            found[exercise.name] = exercise
    return found


def clean_copies(exercises: dict[str, Exercise]) -> dict[str, dict[str, str]]:
    """What the grader needs of the exercises: no solution."""
    return {
        name: {"stub": one.stub, "before": one.before, "given": one.given} for name, one in exercises.items()
    }


def main() -> None:
    """Write ``rnnlib/exercises/stubs.json`` anew."""
    text = json.dumps(clean_copies(all_exercises()), ensure_ascii=False, indent=1, sort_keys=True)
    write_text(text + "\n", STUBS)
    print(STUBS)


if __name__ == "__main__":
    main()
