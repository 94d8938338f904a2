"""What the grader writes: a table for the gradebook, a page for each student, a page for the teacher."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

from rnnlib.common import atomic_write
from rnnlib.exercises.grading.grade import Graded
from rnnlib.exercises.grading.rubric import Marks, rows_of, safe_name
from rnnlib.exercises.grading.submissions import Submission
from rnnlib.exercises.projects import MOST, PROJECTS
from rnnlib.exercises.replies import PASSED, Words
from rnnlib.exercises.task import TASKS

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222832;"
    "background:#fff}h2{margin-top:2rem}li{margin:.2rem 0}.passed{color:#1a6a3a}.other{color:#a3320b}"
    "p.hint{margin:.1rem 0 .6rem 1.4rem}table{border-collapse:collapse}td,th{padding:.2rem .6rem;"
    "border-bottom:1px solid #ccd3da;text-align:left}@media(prefers-color-scheme:dark){body{color:#ced6dd;"
    "background:#14181e}.passed{color:#7fd6a0}.other{color:#ff9d73}}"
)


def slug(name: str, taken: set[str]) -> str:
    """A file name that a student's name can't lead astray."""
    base = re.sub(r"[^\w-]+", "_", name).strip("_")[:60] or "student"
    candidate, n = base, 2
    while candidate.lower() in taken:
        candidate, n = f"{base}-{n}", n + 1
    taken.add(candidate.lower())
    return candidate


def _said(words: Words, language: str) -> str:
    text = {"zh": words.zh, "en": words.en}.get(language, f"{words.zh}<br>{words.en}")
    return "<br>".join(html.escape(part) for part in text.split("<br>"))


NOT_MARKED = Words("还没评", "not marked yet")


def student_page(one: Submission, graded: list[Graded], marks: dict[str, float | None] | None = None) -> str:
    """The page for one student, in the student's language; ``marks``: of the open parts."""
    language = one.language
    total = sum(each.points for each in graded)
    title = _said(Words(f"批改结果：{one.student}", f"Results: {one.student}"), language)
    rows = [f"<h1>{title}</h1>", f"<p>{total:.2f} / {len(graded)}</p>"]
    rows += [f"<p class='hint'>{_said(note, language)}</p>" for note in one.notes]
    for each in graded:
        task = TASKS[each.task]
        rows.append(f"<h2>{each.task} {_said(task.title, language)} · {each.points:.2f}</h2><ul>")
        for part in each.parts:
            good = part.kind == PASSED
            mark = "✓" if good else "✗"
            kind = "passed" if good else "other"
            rows.append(f"<li class='{kind}'>{mark} {_said(part.title, language)}</li>")
            if part.hint and not good:
                rows.append(f"<p class='hint'>{_said(part.hint, language)}</p>")
        rows.append("</ul>")
    for project in PROJECTS.values():
        names, given = rows_of([project.name]), marks or {}
        if not names.keys() & given.keys():
            continue
        rows.append(f"<h2>{project.name} {_said(project.title, language)}</h2><table>")
        for name, words in names.items():
            points = given.get(name)
            said = _said(NOT_MARKED, language) if points is None else f"{points:g} / {MOST}"
            rows.append(f"<tr><td>{_said(words, language)}</td><td>{said}</td></tr>")
        rows.append("</table>")
    return _page(one.student, language, "".join(rows))


def _page(title: str, language: str, body: str) -> str:
    code = "en" if language == "en" else "zh-CN"
    return (
        f"<!DOCTYPE html><html lang='{code}'><meta charset='utf-8'><meta name='viewport' "
        f"content='width=device-width, initial-scale=1'><title>{html.escape(title)}</title>"
        f"<style>{STYLE}</style>{body}</html>"
    )


def grades_table(found: list[Submission], graded: list[Graded], marks: Marks | None = None) -> str:
    """CSV: a line for each student, a column for each exercise, the total, the open parts, what was odd."""
    names = list(dict.fromkeys(each.task for each in graded))
    points = {(each.student, each.task): each.points for each in graded}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    open_rows = list(dict.fromkeys(row for own in (marks or {}).values() for row in own))
    open_head = [*open_rows, "rubric", "rubric out of"] if open_rows else []
    writer.writerow(["student", *names, "total", "out of", *open_head, "notes"])
    for one in sorted(found, key=lambda one: one.student):
        own = [points.get((one.student, name), 0.0) for name in names]
        notes = " / ".join(note.en for note in one.notes)
        line = [safe_name(one.student), *(f"{value:.3f}" for value in own), f"{sum(own):.3f}", len(names)]
        if open_rows:
            given = [(marks or {}).get(one.student, {}).get(row) for row in open_rows]
            line += ["" if value is None else f"{value:g}" for value in given]
            line += [f"{sum(value or 0.0 for value in given):g}", MOST * len(open_rows)]
        writer.writerow([*line, notes])
    return text.getvalue()


def write(
    out: Path,
    found: list[Submission],
    graded: list[Graded],
    alike: list[tuple[str, list[str]]],
    marks: Marks | None = None,
) -> list[Path]:
    """Write ``grades.csv``, ``students/NAME.html`` and ``index.html``; the files.

    Args:
        out: the folder.
        found: what was handed in.
        graded: the answers.
        alike: answers that are the same.
        marks: what the teacher gave for the open parts.
    """
    pages = out / "students"
    pages.mkdir(parents=True, exist_ok=True)
    written, rows, taken = [], [], set()
    for one in sorted(found, key=lambda one: one.student):
        own = [each for each in graded if each.student == one.student]
        file = pages / f"{slug(one.student, taken)}.html"
        written.append(atomic_write(file, student_page(one, own, (marks or {}).get(one.student)).encode()))
        cells = "".join(f"<td>{each.points:.2f}</td>" for each in own)
        rows.append(
            f"<tr><td><a href='students/{file.name}'>{html.escape(one.student)}</a></td>{cells}"
            f"<td>{sum(each.points for each in own):.2f}</td></tr>"
        )
    names = list(dict.fromkeys(each.task for each in graded))
    head = "".join(f"<th>{name}</th>" for name in names)
    locks = sorted({lock for each in graded for lock in each.locks})
    body = [
        "<h1>批改结果<br>Results</h1>",
        f"<p>隔离 | Held by: {html.escape(', '.join(locks) or '—')}</p>",
        f"<table><tr><th></th>{head}<th>Σ</th></tr>{''.join(rows)}</table>",
    ]
    if alike:
        body.append("<h2>相同的答案<br>Answers that are the same</h2><ul>")
        body += [f"<li>{name}: {html.escape(', '.join(students))}</li>" for name, students in alike]
        body.append(
            "</ul><p>相同不等于抄袭：短的题目本来就只有一两种写法。<br>"
            "Same does not mean copied: a short exercise has but one or two good answers.</p>"
        )
    written.append(atomic_write(out / "index.html", _page("Results", "both", "".join(body)).encode()))
    written.append(atomic_write(out / "grades.csv", ("\ufeff" + grades_table(found, graded, marks)).encode()))
    return written
