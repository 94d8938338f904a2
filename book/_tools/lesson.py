"""How long a chapter's lessons are: words, characters, code cells, minutes.

``python book/_tools/lesson.py book/03_rnn_scratch.ipynb``. The core counts: what stands under a heading
``选读：… | Optional: …`` or ``习题 | Exercises`` (homework), in an unfolding answer, in a formula or in the
setup cell does not. A heading ``第二课：… | Lesson 2: …`` begins the second lesson.
"""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from notebooks import find_notebooks, tags

MAX_WORDS, MAX_CHARACTERS, MAX_CELLS = 2_550, 4_000, 25  # "about 2,500": a figure needs its two sentences
WORDS_A_MINUTE, MINUTES_A_CELL, MAX_MINUTES = 100, 2.5, 90
HOMEWORK = "习题 | Exercises"  # the section at the end of a chapter
_HEADING = re.compile(r"(#+) (.*)")
_UNCOUNTED = re.compile(r"<details>.*?</details>|\$\$.*?\$\$|\$[^$]*\$|```.*?```", re.DOTALL)
_CHINESE = re.compile(r"[\u3400-\u9fff]")


@dataclass
class Lesson:
    """The core of one lesson."""

    words: int = 0
    characters: int = 0
    cells: int = 0

    @property
    def minutes(self) -> int:
        """For reading at 100 words and running a cell in two and a half minutes; in steps of five."""
        exact = self.words / WORDS_A_MINUTE + self.cells * MINUTES_A_CELL
        return 5 * max(1, math.ceil(exact / 5))

    @property
    def fits(self) -> bool:
        """Whether a class gets through it."""
        return self.words <= MAX_WORDS and self.characters <= MAX_CHARACTERS and self.cells <= MAX_CELLS


def is_outside(title: str) -> bool:
    """Whether a heading opens what is no part of the lesson: optional reading, or homework."""
    return ("选读" in title and "Optional" in title) or title.strip() == HOMEWORK


def lessons(notebook: NotebookNode) -> list[Lesson]:
    """The lessons of a chapter, one or more."""
    found, outside_level = [Lesson()], 0
    for cell in notebook.cells:
        heading = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            level = len(heading[1])
            if outside_level and level <= outside_level:
                outside_level = 0
            if is_outside(heading[2]) and not outside_level:
                outside_level = level
            if "第二课" in heading[2] or "Lesson 2" in heading[2]:
                found.append(Lesson())
        if outside_level:
            continue
        lesson, marks = found[-1], tags(cell)
        if cell.cell_type == "code":
            lesson.cells += "remove-cell" not in marks
            continue
        text = _UNCOUNTED.sub(" ", cell.source)
        if "lang-en" in marks:
            lesson.words += len(text.split())
        elif "lang-zh" in marks:
            lesson.characters += len(_CHINESE.findall(text))
    return found


def main() -> None:
    """Print a line for each lesson of the notebooks that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in book/")
    for path in parser.parse_args().notebooks or find_notebooks():
        for number, lesson in enumerate(lessons(nbformat.read(path, as_version=4)), 1):
            print(
                f"{path.name}, lesson {number}: {lesson.words:,} English words, {lesson.characters:,} "
                f"Chinese characters, {lesson.cells} code cells, {lesson.minutes} minutes"
                + ("" if lesson.fits else "   TOO LONG")
            )


if __name__ == "__main__":
    main()
