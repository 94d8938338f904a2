"""The exercises for two well-known graders: nbgrader and otter-grader.

Both take the notebook with the solutions and make from it what students get. Here the solutions are marked
for them, and below each check stands what gives the points: a point for an exercise, shared by the parts of
its check, as with this book's own grader.
"""

from __future__ import annotations

import copy
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from exercise_cells import ANSWER, GIVEN, Exercise, check_call
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output, new_raw_cell

from notebooks import tags
from rnnlib.exercises.task import TASKS

NBGRADER_CONFIG = """\
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "rnn"
c.ClearSolutions.code_stub = {"python": ""}  # the stub stands above the solution and stays
c.Execute.timeout = 600
"""


def _marked(exercise: Exercise, begin: str, end: str) -> str:
    """Stub and solution in one cell; what stands between the marks is not handed out."""
    return "\n".join([exercise.stub, begin, exercise.solution.rstrip(), end])


def nbgrader_marks(name: str, *, solution: bool = False, points: float | None = None) -> dict[str, Any]:
    """What nbgrader wants to know of a cell; one that is no answer is locked: nbgrader restores it."""
    marks = {
        "schema_version": 3,
        "grade_id": name,
        "solution": solution,
        "grade": points is not None,
        "locked": not solution,
        "task": False,
    }
    return marks if points is None else {**marks, "points": points}


def nbgrader_source(notebook: NotebookNode, exercises: dict[str, Exercise]) -> NotebookNode:
    """A notebook for nbgrader's folder ``source``: solutions marked, a graded cell below each check.

    Args:
        notebook: the one that is handed out otherwise, without solutions.
        exercises: those in it.
    """
    made = copy.deepcopy(notebook)
    cells: list[NotebookNode] = []
    for cell in made.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        call = check_call(cell.source)
        if ANSWER in tags(cell):
            exercise = exercises[cell.id.removeprefix("answer-")]
            cell.source = _marked(exercise, "### BEGIN SOLUTION", "### END SOLUTION")
            cell.metadata["nbgrader"] = nbgrader_marks(cell.id, solution=True)
        elif call:
            cell.metadata["nbgrader"] = nbgrader_marks(cell.id)
            name, _ = call
            graded = new_code_cell(
                "from rnnlib.exercises import score\n\n" + re.sub(r"^check\(", "score(", cell.source.strip()),
                id=f"score-{name}",
            )
            graded.metadata["nbgrader"] = nbgrader_marks(graded.id, points=1.0)
            cells.append(graded)
        elif {"setup", GIVEN} & set(tags(cell)):
            cell.metadata["nbgrader"] = nbgrader_marks(f"given-{cell.id}")
    made.cells = cells
    return made


def otter_source(notebook: NotebookNode, exercises: dict[str, Exercise]) -> NotebookNode:
    """A notebook for ``otter assign``: each exercise a question, each part of its check a test.

    Args:
        notebook: the one that is handed out otherwise, without solutions.
        exercises: those in it.
    """
    made = copy.deepcopy(notebook)
    made.cells = list(_otter_cells(made.cells, exercises))
    return made


def _raw(source: str) -> NotebookNode:
    return new_raw_cell(textwrap.dedent(source).strip())


def _otter_cells(cells: list[NotebookNode], exercises: dict[str, Exercise]) -> Iterator[NotebookNode]:
    yield _raw(
        """
        # ASSIGNMENT CONFIG
        init_cell: true
        export_cell: false
        check_all_cell: false
        run_tests: true
        """
    )
    for cell in cells:
        if ANSWER not in tags(cell):
            yield cell
            continue
        exercise = exercises[cell.id.removeprefix("answer-")]
        yield _raw(f"# BEGIN QUESTION\nname: {exercise.name}\npoints: 1")
        yield _raw("# BEGIN SOLUTION")
        cell.source = _marked(exercise, "# BEGIN SOLUTION NO PROMPT", "# END SOLUTION")
        yield cell
        yield _raw("# END SOLUTION")
        yield _raw("# BEGIN TESTS")
        task = TASKS[exercise.name]
        numbers = "".join(f'"{name}": {name}, ' for name in task.numbers)
        for part in range(len(task.parts)):
            yield new_code_cell(
                "from rnnlib.exercises import examine\n"
                f'examine("{exercise.name}", {exercise.given}, every=True, numbers={{{numbers}}})'
                f".parts[{part}].kind",
                outputs=[new_output("execute_result", {"text/plain": "'passed'"}, execution_count=1)],
            )
        yield _raw("# END TESTS")
        yield _raw("# END QUESTION")
