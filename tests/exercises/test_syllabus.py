"""The syllabus in book/teaching.md: eight lessons of ninety minutes and optional ones, of what there is."""

from __future__ import annotations

import re

import nbformat
import pytest

from notebooks import BOOK, find_notebooks
from rnnlib.exercises import TASKS
from rnnlib.exercises.projects import PROJECTS

TEXT = (BOOK / "teaching.md").read_text(encoding="utf-8")
LESSONS = re.split(r"(?m)^## 第 \d+ 课", TEXT)[1:]
LESSONS[-1] = LESSONS[-1].partition("\n## ")[0]
ITEM = re.compile(r"(?m)^- \*\*(.+?)\*\*\s?[（(](\d+) (?:分钟|minutes)[)）][：:] ?(.*)$")
CONTROLS = {"考考自己", "Check yourself", "把它弄坏", "Break it"}  # what figures are called on the pages
NAME = re.compile(r"(?<![\w`])(?:[A-F]\d{1,2}|1?\d[abc])(?![\w`])")


def halves(lesson: str) -> dict[str, str]:
    return {lang: re.search(rf":::\{{lang\}} {lang}\n(.*?)\n:::", lesson, re.S)[1] for lang in ("zh", "en")}


def items(text: str) -> list[tuple[int, str]]:
    return [(int(minutes), words) for _, minutes, words in ITEM.findall(text)]


def test_there_are_eight_and_optional_ones_after_them():
    heads = [lesson.splitlines()[0] for lesson in LESSONS]
    numbers = [int(re.search(r"Lesson (\d+)", head)[1]) for head in heads]
    assert numbers == list(range(1, 12))
    optional = [("选上" in head, "(optional)" in head) for head in heads]
    assert optional == 8 * [(False, False)] + (len(heads) - 8) * [(True, True)]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.split("|")[1].strip()[:9])
def test_a_lesson_fits_and_names_what_there_is(lesson):
    both = {lang: items(text) for lang, text in halves(lesson).items()}
    assert [minutes for minutes, _ in both["zh"]] == [minutes for minutes, _ in both["en"]]
    for lang, plan in both.items():
        assert len(plan) == 6, f"{lang}: read, show, ask, do, wrap up, assign"
        assert sum(minutes for minutes, _ in plan[1:5]) == 90
        assigned = plan[5][1]
        required = re.split(r"[；;]", assigned)[0].split("；")[0]
        names = NAME.findall(required)
        assert names and set(names) <= TASKS.keys()
        assert sum(TASKS[name].minutes for name in names) == plan[5][0]
        assert set(NAME.findall(" ".join(words for _, words in plan))) <= TASKS.keys() | PROJECTS.keys()
    assert NAME.findall(both["zh"][5][1]) == NAME.findall(both["en"][5][1])


@pytest.mark.parametrize(("lang", "quote"), [("zh", "“([^”]+)”"), ("en", '"([^"]+)"')])
def test_the_sections_it_names_are_in_the_chapters(lang, quote):
    heads = set()
    for path in find_notebooks(BOOK):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and cell.source.startswith("#") and " | " in cell.source:
                zh, en = cell.source.splitlines()[0].lstrip("# ").split(" | ")[:2]
                heads.add((zh if lang == "zh" else en).strip())
    named = {
        title
        for lesson in LESSONS
        for line in halves(lesson)[lang].splitlines()
        for title in re.findall(quote, line)
    }
    missing = {t for t in named if not any(head == t or head.startswith(t) for head in heads)}
    assert len(named) >= 12 and not missing - CONTROLS, missing
