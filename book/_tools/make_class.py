"""Notebooks for a class, from the one source: `make class`.

Writes ``class/student/`` (stubs, no solutions) and ``class/instructor/`` (solutions, common mistakes):

    make class                      both languages in each notebook
    make class LANGUAGE=zh          one language: zh or en
    make class HOSTED=1             the library itself in each notebook, for computers without this repository
    make class SEED=2026a           other numbers in the questions for each class; grade with the same SEED
    make class FORMAT=nbgrader      a course for nbgrader in class/nbgrader/: its configuration, and source/
    make class FORMAT=otter         notebooks for `otter assign`, in class/otter/
"""

from __future__ import annotations

import argparse
import base64
import copy
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from class_formats import NBGRADER_CONFIG, nbgrader_source, otter_source
from exercise_cells import ANSWER, GIVEN, SOLUTION, Exercise, all_exercises, check_call, clean_copies
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from lesson import HOMEWORK
from notebooks import ROOT, tags, write_notebook, write_text
from rnnlib.exercises.grading.grade import version_of, with_numbers
from rnnlib.exercises.task import LEVELS, TASKS

_INNER_LINK = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]+\)")
_HOSTED = '''\
# 装上 rnnlib：轮子就在这一格里，不用网络 | Installs rnnlib: the wheel is in this cell, no network is needed
import base64, hashlib, importlib.util, pathlib, subprocess, sys, tempfile

if importlib.util.find_spec("rnnlib") is None:
    wheel = base64.b64decode(
        """
{data}
"""
    )
    if hashlib.sha256(wheel).hexdigest() != "{digest}":
        raise ValueError("这一格被改动过，请重新下载 | this cell was changed: download the notebook again")
    file = pathlib.Path(tempfile.mkdtemp()) / "{name}"
    file.write_bytes(wheel)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(file)]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()'''


def one_language(notebook: NotebookNode, language: str) -> None:
    """Keep the cells of one language, and that half of the headings."""
    other = {"zh": "lang-en", "en": "lang-zh"}.get(language)
    if other is None:
        return
    notebook.cells = [cell for cell in notebook.cells if other not in tags(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and not {"lang-zh", "lang-en"} & set(tags(cell)):
            kept = r"\1\2" if language == "zh" else r"\1\3"
            cell.source = re.sub(r"(?m)^(#+ )(.*?) \| (.*)$", kept, cell.source)


def speak(notebook: NotebookNode, language: str) -> None:
    """Let the checks answer in the notebook's language."""
    for cell in notebook.cells:
        if language != "both" and "setup" in tags(cell):
            cell.source += f'\n\nimport os\n\nos.environ["RNNLIB_LANGUAGE"] = "{language}"'


def without_outputs(notebook: NotebookNode) -> None:
    """Remove what running left."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("jupyter", None)


def mistakes(exercise: Exercise, language: str) -> NotebookNode:
    """A cell for the teacher: level, minutes, and the hints to common mistakes."""
    task = TASKS[exercise.name]
    heads = {"zh": "常见的错", "en": "Common mistakes", "both": "常见的错 | Common mistakes"}
    rows = [f"**{heads[language]}** · {LEVELS[task.level]} · {task.minutes} min", ""]
    for mistake, hint in task.hints.items():
        said = {"zh": hint.zh, "en": hint.en}.get(language, str(hint).replace("|", "/"))
        rows.append(f"- *{mistake}*: {said}")
    return new_markdown_cell("\n".join(rows))


def student(notebook: NotebookNode, language: str) -> NotebookNode:
    """The notebook that is handed out."""
    made = copy.deepcopy(notebook)
    made.cells = [cell for cell in made.cells if SOLUTION not in tags(cell)]
    one_language(made, language)
    speak(made, language)
    without_outputs(made)
    return made


def instructor(notebook: NotebookNode, exercises: dict[str, Exercise], language: str) -> NotebookNode:
    """The notebook with the solutions in their places and what goes wrong below them."""
    made = student(notebook, language)
    cells: list[NotebookNode] = []
    for cell in made.cells:
        name = cell.id.removeprefix("answer-")
        if ANSWER in tags(cell) and name in exercises:
            cell.source = exercises[name].solution.rstrip()
        cells.append(cell)
        call = check_call(cell.source) if cell.cell_type == "code" else None
        if call and call[0] in exercises:
            cells.append(mistakes(exercises[call[0]], language))
    made.cells = cells
    return made


def hosted_source() -> str:
    """The code of a cell that installs the library from itself."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"  # a copy: building leaves folders behind
        shutil.copytree(ROOT / "rnnlib", source / "rnnlib", ignore=shutil.ignore_patterns("__pycache__"))
        for item in ROOT.iterdir():
            if item.is_file():
                shutil.copy(item, source)
        options = ["-q", "--no-deps", "--no-build-isolation", "-w", folder]
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
        (wheel,) = Path(folder).glob("rnnlib-*.whl")
        data = wheel.read_bytes()
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[i : i + 200] for i in range(0, len(text), 200))
    return _HOSTED.format(data=lines, digest=hashlib.sha256(data).hexdigest(), name=wheel.name)


def homework(notebook: NotebookNode) -> NotebookNode:
    """A chapter's title and the section with its exercises; a notebook of exercises only stays as it is."""
    heads = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## ")]
    begin = next((i for i in heads if notebook.cells[i].source == f"## {HOMEWORK}"), None)
    made = copy.deepcopy(notebook)
    if begin is not None:
        end = next((i for i in heads if i > begin), len(notebook.cells))
        setup = [cell for cell in made.cells if "setup" in tags(cell)]
        made.cells = [made.cells[0], *setup, *made.cells[begin:end]]
    for cell in made.cells:
        if cell.cell_type == "markdown":  # the pages that it links are not handed out with it
            cell.source = _INNER_LINK.sub(r"\1", cell.source)
    return made


def formatted(
    kind: str, notebook: NotebookNode, own: dict[str, Exercise], language: str
) -> Iterator[tuple[str, NotebookNode]]:
    """(folder, notebook) for each that one notebook of the book becomes."""
    name = notebook.metadata["rnnlib"]["name"]
    handed_out = student(notebook, language)
    if kind == "nbgrader":
        yield f"nbgrader/source/{name}", nbgrader_source(handed_out, own)
    elif kind == "otter":
        yield "otter", otter_source(handed_out, own)
    else:
        yield "student", handed_out
        yield "instructor", instructor(notebook, own, language)


def main() -> int:
    """Write the notebooks of a class."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=ROOT / "class")
    parser.add_argument("--language", choices=("zh", "en", "both"), default="both")
    parser.add_argument("--format", choices=("plain", "nbgrader", "otter"), default="plain")
    parser.add_argument("--seed", default="", metavar="CLASS")
    parser.add_argument("--hosted", action="store_true")
    given = parser.parse_args()
    exercises = all_exercises()
    version = version_of(clean_copies(exercises))
    setup = hosted_source() if given.hosted else None
    for path in dict.fromkeys(exercise.path for exercise in exercises.values()):
        notebook = homework(nbformat.read(path, as_version=4))
        own = {name: one for name, one in exercises.items() if one.path == path}
        for cell in notebook.cells:
            for name in own if GIVEN in tags(cell) else ():
                cell.source = with_numbers(cell.source, TASKS[name], given.seed)
        if setup:
            for i, cell in enumerate(notebook.cells):
                if "setup" in tags(cell):
                    notebook.cells[i] = new_code_cell(setup, metadata={"tags": ["setup"]}, id=cell.id)
        notebook.metadata["rnnlib"] = {
            "name": path.stem,
            "version": version,
            "language": given.language,
            "class": given.seed,
            "exercises": list(own),
        }
        for folder, made in formatted(given.format, notebook, own, given.language):
            target = given.out / folder / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_notebook(made, target)
            print(target)
    if given.format == "nbgrader":
        write_text(NBGRADER_CONFIG, given.out / "nbgrader" / "nbgrader_config.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
