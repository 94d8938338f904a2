"""The open parts, marked by the teacher: ``rubric.csv``, written once with empty places, and read from then on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from rnnlib.common import atomic_write
from rnnlib.exercises.projects import MOST, PROJECTS
from rnnlib.exercises.replies import Words

Marks = dict[str, dict[str, float | None]]  # student -> row of the rubric -> points, None: not marked yet


def rows_of(names: list[str]) -> dict[str, Words]:
    """``P1 data`` -> what is looked at, for the projects named.

    Raises:
        ValueError: if there is no such project.
    """
    for name in names:
        if name not in PROJECTS:
            raise ValueError(f"there is no project {name!r}; there are {', '.join(PROJECTS)}.")
    return {f"{name} {row.en}": row for name in names for row in PROJECTS[name].rubric}


def read(path: Path) -> Marks:
    """What the teacher has filled in; nothing if there is no such file.

    Raises:
        ValueError: if a mark is no number from 0 to 2; it says where.
    """
    if not path.exists():
        return {}
    marks: Marks = {}
    text = _text(path.read_bytes())
    head = text.partition("\n")[0]
    for number, line in enumerate(csv.DictReader(io.StringIO(text), delimiter=_delimiter(head)), 2):
        student = line.pop("student", None)
        if student is None:
            raise ValueError(
                f"{path}: the first column should be called student; the first line is {head!r}."
            )
        marks[plain_name(student)] = {
            row: _mark(path, number, row, text) for row, text in line.items() if row
        }
    return marks


def _text(data: bytes) -> str:
    """A table as a spreadsheet saves it: UTF-8, or what Chinese systems use."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _delimiter(head: str) -> str:
    return max(",;\t", key=head.count)


def safe_name(student: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{student}" if student[:1] in ("=", "+", "-", "@") else student


def plain_name(cell: str) -> str:
    """The name in a cell."""
    return cell[1:] if cell[:2] in ("'=", "'+", "'-", "'@") else cell


def _mark(path: Path, number: int, row: str, text: str | None) -> float | None:
    plain = (text or "").strip().replace(",", ".")
    if not plain:
        return None
    try:
        points = float(plain)
    except ValueError:
        points = -1.0
    if not 0 <= points <= MOST:
        raise ValueError(
            f"{path}, line {number}: {row!r} is {text!r}; a number from 0 to {MOST} is expected."
        )
    return points


def completed(path: Path, students: list[str], names: list[str]) -> Marks:
    """The marks of all students, in ``rubric.csv``, with empty places for those that are missing.

    What stands in the file stays: students who handed in nothing this time, and rows of other projects, too.

    Args:
        path: of the file.
        students: those who handed something in.
        names: projects to mark.

    Raises:
        ValueError: if there is no such project, or a mark is no number from 0 to 2.
    """
    marks, rows = read(path), rows_of(names)
    known = dict.fromkeys(row for own in marks.values() for row in own)
    if not rows and not marks:
        return {}
    columns = list(dict.fromkeys([*known, *rows]))
    for student in students:
        marks.setdefault(student, {})
    for own in marks.values():
        for row in columns:
            own.setdefault(row, None)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", *columns])
    for student in sorted(marks):
        values = [marks[student][row] for row in columns]
        writer.writerow([safe_name(student), *("" if value is None else f"{value:g}" for value in values)])
    atomic_write(path, ("\ufeff" + text.getvalue()).encode())
    return marks
