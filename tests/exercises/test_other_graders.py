"""A simulated class goes through the real nbgrader, from its release to the feedback, and through otter-grader.

Both have many dependencies and are none of ours. Install them somewhere (``pip install nbgrader otter-grader``
in environments that have torch and rnnlib) and say where: ``NBGRADER=/path/to/bin``, ``OTTER=/path/to/bin``.
Without, the tests are skipped.
"""

from __future__ import annotations

import copy
import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from exercise_cells import all_exercises
from nbformat import NotebookNode

from notebooks import ROOT

from .bank import WRONG, code_of

NBGRADER, OTTER = (
    shutil.which(name.lower(), path=os.environ.get(name) or None) for name in ("NBGRADER", "OTTER")
)
needs_nbgrader = pytest.mark.skipif(not NBGRADER, reason="needs nbgrader: NBGRADER=/path/to/its/bin")
needs_otter = pytest.mark.skipif(not OTTER, reason="needs otter-grader: OTTER=/path/to/its/bin")
SET = "a_layers"
OWN = {name: one for name, one in all_exercises().items() if one.path.stem == SET}


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def solved(notebook: NotebookNode) -> None:
    for name, exercise in OWN.items():
        cell(notebook, f"answer-{name}").source = exercise.solution


def untouched(notebook: NotebookNode) -> None:
    pass


def wrong(notebook: NotebookNode) -> None:
    solved(notebook)
    cell(notebook, "answer-A1").source = code_of(WRONG["A1"]["first step"], OWN["A1"].solution)


def crashing(notebook: NotebookNode) -> None:
    solved(notebook)
    cell(notebook, "answer-A2").source = "raise RuntimeError('no idea')"


def without_a_check(notebook: NotebookNode) -> None:
    solved(notebook)
    notebook.cells = [one for one in notebook.cells if one.id != "check-A1"]


def without_a_graded_cell(notebook: NotebookNode) -> None:
    solved(notebook)
    notebook.cells = [one for one in notebook.cells if one.id != "score-A3"]


def forged(notebook: NotebookNode) -> None:
    for name in OWN:
        cell(notebook, f"score-{name}").source = "1.0"


def warning(notebook: NotebookNode) -> None:
    solved(notebook)
    cell(notebook, "answer-A1").source += "\nimport warnings\nwarnings.warn('something on stderr')\n"


CLASS: dict[str, Callable[[NotebookNode], None]] = {
    one.__name__: one
    for one in (
        solved,
        untouched,
        wrong,
        crashing,
        without_a_check,
        without_a_graded_cell,
        forged,
        warning,
    )
}


def run(program: str, folder: Path, *command: str) -> None:
    path = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "RNNLIB_PROGRESS": "off", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([program, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def make_class(out: Path, kind: str) -> Path:
    command = [sys.executable, str(ROOT / "book" / "_tools" / "make_class.py"), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--format", kind, "--language", "en"], env=environment)
    assert done.returncode == 0
    return out / kind


@pytest.fixture(scope="module")
def grades(tmp_path_factory) -> tuple[Path, dict[str, dict[str, str]]]:
    """The course's folder, and nbgrader's table: student -> line."""
    out = tmp_path_factory.mktemp("course")
    course, exchange = make_class(out, "nbgrader"), out / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as file:
        file.write(f"c.Exchange.root = {str(exchange)!r}\n")
    run(NBGRADER, course, "generate_assignment", SET, "--create")
    run(NBGRADER, course, "release_assignment", SET)
    (released,) = exchange.glob(f"rnn/outbound/{SET}/{SET}.ipynb")
    inbound = exchange / "rnn" / "inbound"
    for student, change in CLASS.items():  # what `nbgrader submit` would leave there
        notebook = copy.deepcopy(nbformat.read(released, as_version=4))
        change(notebook)
        folder = inbound / f"{student}+{SET}+2026-01-01 10:00:00 UTC"
        folder.mkdir()
        nbformat.write(notebook, folder / released.name)
        (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC", encoding="utf-8")
    run(NBGRADER, course, "collect", SET)
    run(NBGRADER, course, "autograde", SET, "--create")
    run(NBGRADER, course, "generate_feedback", SET)
    run(NBGRADER, course, "export")
    with open(course / "grades.csv", newline="", encoding="utf-8") as file:
        return course, {line["student_id"]: line for line in csv.DictReader(file)}


@needs_nbgrader
def test_the_release_has_stubs_and_no_solution(grades):
    course, _ = grades
    (path,) = (course / "release" / SET).glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for name, exercise in OWN.items():
        assert cell(notebook, f"answer-{name}").source.strip() == exercise.stub.strip()


@needs_nbgrader
def test_every_student_gets_the_points_earned(grades):
    _, table = grades
    points = {student: float(line["score"]) for student, line in table.items()}
    assert points.keys() == CLASS.keys()
    assert points["solved"] == points["without_a_check"] == points["warning"] == len(OWN)
    assert points["without_a_graded_cell"] == len(OWN) - 1, "nbgrader counts a deleted graded cell as missing"
    assert points["untouched"] == points["forged"] == 0.0
    assert len(OWN) - 1 < points["wrong"] < len(OWN)
    assert points["crashing"] == len(OWN) - 1


@needs_nbgrader
def test_the_feedback_names_the_mistake(grades):
    course, _ = grades
    (page,) = (course / "feedback" / "wrong" / SET).glob("*.html")
    assert "That is the output of the first step" in page.read_text(encoding="utf-8")


@needs_otter
def test_otter_grades_a_notebook(tmp_path):
    """otter's own steps: assign, then run on what is handed in; part of a point for a part of the check."""
    folder = make_class(tmp_path, "otter")
    run(OTTER, folder, "assign", f"{SET}.ipynb", "dist")
    handed_out = nbformat.read(folder / "dist" / "student" / f"{SET}.ipynb", as_version=4)
    for name, exercise in OWN.items():
        assert cell(handed_out, f"answer-{name}").source.strip() == exercise.stub.strip()
    (grader,) = (folder / "dist" / "autograder").glob("*.zip")
    points = {}
    for student in (solved, untouched, wrong):
        notebook, place = copy.deepcopy(handed_out), folder / student.__name__
        student(notebook)
        place.mkdir()
        nbformat.write(notebook, place / "answers.ipynb")
        run(OTTER, place, "run", "-a", str(grader), "answers.ipynb", "-o", str(place))
        tests = json.loads((place / "results.json").read_text(encoding="utf-8"))["tests"]
        points[student.__name__] = {test["name"]: test["score"] for test in tests if test["name"] in OWN}
    assert points["solved"] == dict.fromkeys(OWN, 1.0) and points["untouched"] == dict.fromkeys(OWN, 0.0)
    assert 0 < points["wrong"].pop("A1") < 1 and set(points["wrong"].values()) == {1.0}
