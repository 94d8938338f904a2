"""The notebooks of a class: nothing of a solution in what is handed out, everything in the teacher's."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from exercise_cells import all_exercises, check_call

from notebooks import ROOT, tags
from rnnlib.exercises import TASKS
from rnnlib.exercises.grading import clean_copy, submissions
from rnnlib.exercises.grading.grade import version_of

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
