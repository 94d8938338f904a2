"""The notebooks of a class: nothing of a solution in what is handed out, everything in the teacher's."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from exercise_cells import all_exercises, check_call

from notebooks import ROOT, tags
from rnnlib.exercises import TASKS, examine
from rnnlib.exercises.grading import clean_copy, submissions
from rnnlib.exercises.grading.grade import version_of, with_numbers

EXERCISES = all_exercises()
TOOL = ROOT / "book" / "_tools" / "make_class.py"


def make(out: Path, *options: str) -> dict[str, dict[str, nbformat.NotebookNode]]:
    command = [sys.executable, str(TOOL), "--out", str(out), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return {
        kind: {path.name: nbformat.read(path, as_version=4) for path in (out / kind).glob("*.ipynb")}
        for kind in ("student", "instructor")
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("class"))


def test_every_exercise_is_handed_out_with_its_check(made):
    found = {}
    for notebook in made["student"].values():
        for cell, after in zip(notebook.cells, notebook.cells[1:]):
            if "answer" in tags(cell):
                found[cell.id.removeprefix("answer-")] = (cell.source, check_call(after.source))
    assert found.keys() == EXERCISES.keys()
    for name, (stub, call) in found.items():
        assert stub == EXERCISES[name].stub and call == (name, EXERCISES[name].given)


def lines_of(code: str) -> set[str]:
    """The telling lines of a piece of code."""
    return {line.strip() for line in code.splitlines() if len(line.strip()) > 25 and "def " not in line}


def test_no_solution_is_handed_out(made):
    outputs = [o for n in made["student"].values() for c in n.cells for o in c.get("outputs", [])]
    assert not outputs
    for name, exercise in EXERCISES.items():
        text = "\n".join(cell.source for cell in made["student"][exercise.path.name].cells)
        telling = lines_of(exercise.solution) - lines_of(exercise.stub) - lines_of(exercise.before)
        plain = {line for line in telling if line.endswith("(") or line.startswith(('"""', "#", "'''"))}
        assert not [line for line in telling - plain if line in text], name


def test_no_solution_is_one_step_away_in_the_installed_checks():
    """Neither tab completion nor help() nor the source of a check shows what an answer looks like."""
    package = ROOT / "rnnlib" / "exercises"
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in package.rglob("*") if path.suffix in (".py", ".json")
    )
    for name, exercise in EXERCISES.items():
        if TASKS[name].repair:
            continue  # the broken code stands there, and most of its lines are right
        tree = ast.parse(exercise.solution)
        returns = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Return)}
        telling = {line for line in returns if len(line) > 30}
        assert not [line for line in telling if line in text], name


def test_the_teachers_have_solutions_and_mistakes(made):
    for notebook in made["instructor"].values():
        text = "\n".join(cell.source for cell in notebook.cells)
        for name, exercise in EXERCISES.items():
            if exercise.path.name in made["instructor"] and f'check("{name}"' in text:
                assert exercise.solution.strip() in text
                assert all(hint.en.replace("|", "/") in text for hint in TASKS[name].hints.values())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_one_language_alone(tmp_path, language):
    other = {"zh": "lang-en", "en": "lang-zh"}[language]
    for notebook in make(tmp_path, "--language", language)["student"].values():
        assert not [cell for cell in notebook.cells if other in tags(cell)]
        heads = [c.source for c in notebook.cells if c.cell_type == "markdown" and c.source.startswith("#")]
        assert heads and not [head for head in heads if " | " in head]
        if language == "en":
            assert not [head for head in heads if not head.isascii()]
        assert notebook.metadata.rnnlib.language == language
        (setup,) = [cell.source for cell in notebook.cells if "setup" in tags(cell)]
        assert f'os.environ["RNNLIB_LANGUAGE"] = "{language}"' in setup


def test_another_class_gets_other_numbers(made, tmp_path):
    """The question, the visible check and the grader agree on a class's numbers; the book's answer is wrong there."""
    others = [make(tmp_path / group, "--seed", group) for group in ("2026a", "2026b", "2026c", "2026d")]
    asked = {name: task for name, task in TASKS.items() if task.numbers}
    assert asked
    for name, task in asked.items():
        drawn = set()
        for group, notebooks in zip(("2026a", "2026b", "2026c", "2026d"), others):
            notebook, numbers = notebooks["student"][EXERCISES[name].path.name], task.numbers_of(group)
            text = "\n".join(cell.source for cell in notebook.cells if "given" in tags(cell))
            for number, value in numbers.items():
                assert f"\n{number} = {value!r}\n" in f"\n{text}\n"
                assert value in task.numbers[number]
            assert notebook.metadata.rnnlib["class"] == group
            drawn.add(tuple(numbers.values()))
            given = with_numbers(EXERCISES[name].before, task, group)
            right = replace(EXERCISES[name], before=given)
            answer = right.value(right.solution)
            assert examine(name, answer, numbers=numbers).kind == "passed"
            if numbers != task.numbers_of():
                assert examine(name, answer).kind == "wrong", "the book has other numbers"
        assert len(drawn) > 1
    with pytest.raises(ValueError, match="asked with no number 'sizes'; it has highest"):
        examine("B6", 0.0, numbers={"sizes": 3})


@pytest.mark.parametrize("kind", ["nbgrader", "otter"])
def test_other_graders_get_their_marks(tmp_path, kind):
    """tests/exercises/test_other_graders.py tries them with the real ones; this needs neither."""
    command = [sys.executable, str(TOOL), "--out", str(tmp_path), "--format", kind]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    found = {}
    for path in (tmp_path / kind).rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        for i, cell in enumerate(cells):
            if "answer" in tags(cell):
                found[cell.id.removeprefix("answer-")] = (cell, cells[i:])
    assert found.keys() == EXERCISES.keys()
    for name, (cell, rest) in found.items():
        stub, solution = EXERCISES[name].stub, EXERCISES[name].solution.strip()
        assert cell.source.startswith(stub) and "BEGIN SOLUTION" in cell.source and solution in cell.source
        if kind == "nbgrader":
            assert cell.metadata.nbgrader["solution"] and not cell.metadata.nbgrader["locked"]
            graded = next(cell for cell in rest if cell.id == f"score-{name}")
            assert graded.metadata.nbgrader["points"] == 1 and graded.metadata.nbgrader["locked"]
            assert graded.source.replace("score(", "check(").endswith(check_source(name))
        else:
            tests = [cell for cell in rest[: len(TASKS[name].parts) + 3] if "examine(" in cell.source]
            assert len(tests) == len(TASKS[name].parts)


def check_source(name: str) -> str:
    """The code of the check cell."""
    cells = nbformat.read(EXERCISES[name].path, as_version=4).cells
    return next(cell.source for cell in cells if cell.id == f"check-{name}")


def test_what_is_handed_back_is_understood(made, tmp_path):
    stubs = clean_copy()
    for name, notebook in made["student"].items():
        path = tmp_path / name
        nbformat.write(notebook, path)
        one = submissions.read("s", path, stubs, version_of(stubs))
        own = {key for key, exercise in EXERCISES.items() if exercise.path.name == name}
        assert not one.notes and one.answers.keys() == own
        assert all(one.answers[key] == stubs[key]["stub"] for key in own)


def test_a_hosted_notebook_brings_the_library(tmp_path):
    """Its first cell installs the wheel, without a network, where rnnlib is missing; a changed one says so."""
    notebook = next(iter(make(tmp_path, "--hosted", "--language", "en")["student"].values()))
    (cell,) = [cell for cell in notebook.cells if "setup" in tags(cell)]
    place = tmp_path / "site"
    code = cell.source.replace('"install",', f'"install", "--target", {str(place)!r},').replace(
        'importlib.util.find_spec("rnnlib") is None', "True"
    )
    assert code != cell.source
    environment = {**os.environ, "PYTHONPATH": str(place), "RNNLIB_PROGRESS": str(tmp_path / "progress.json")}
    script = tmp_path / "cell.py"

    def run(source: str) -> subprocess.CompletedProcess:
        script.write_text(source, encoding="utf-8")
        command = [sys.executable, str(script)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    done = run(code + "\nfrom rnnlib.exercises import names\nimport rnnlib\nprint(rnnlib.__file__, *names())")
    assert done.returncode == 0, done.stderr[-2000:]
    assert str(place) in done.stdout and set(EXERCISES) <= set(done.stdout.split())
    digest = next(word for word in cell.source.split('"') if len(word) == 64)
    broken = run(code.replace(digest, hashlib.sha256(b"").hexdigest()))
    assert broken.returncode != 0 and "this cell was changed" in broken.stderr
