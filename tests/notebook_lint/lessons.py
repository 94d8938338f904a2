"""A chapter as a lesson: its length, its stated time, its questions before the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cover import covered
from lesson import MAX_CELLS, MAX_CHARACTERS, MAX_MINUTES, MAX_WORDS, lessons
from notebook_lint.chapter import Cell, Chapter, Problem

MIN_GUESSES = 3
KINDS = ("number", "choice", "open")
_TIMES = {
    "zh": re.compile(r"\*\*时间\*\*：(.)课，约 ([\d 与]+) 分钟"),
    "en": re.compile(r"\*\*Time\*\*: (\w+) lessons?, about ([\d and]+) minutes"),
}
_NUMBERS = {"一": 1, "两": 2, "one": 1, "two": 2}


def is_chapter(chapter: Chapter) -> bool:
    """Whether a notebook is one of the numbered chapters, which are taught."""
    return bool(re.match(r"(?!00)\d\d_", chapter.path.name))


def lesson_is_short(chapter: Chapter) -> Iterator[Problem]:
    """A lesson takes at most 90 minutes: 2,550 English words, 4,000 Chinese characters, 25 code cells."""
    for number, lesson in enumerate(lessons(chapter.node), 1):
        if is_chapter(chapter) and not (lesson.fits and lesson.minutes <= MAX_MINUTES):
            yield chapter.problem(
                f"lesson {number} has {lesson.words:,} English words, {lesson.characters:,} "
                f"Chinese characters and {lesson.cells} code cells ({lesson.minutes} minutes); at most "
                f"{MAX_WORDS:,}, {MAX_CHARACTERS:,}, {MAX_CELLS} ({MAX_MINUTES}). Shorten it, or put "
                "what goes deeper under a heading `选读：… | Optional: …`."
            )


def time_is_measured(chapter: Chapter) -> Iterator[Problem]:
    """The minutes in the opening are those that words and cells make."""
    if not is_chapter(chapter):
        return
    minutes = [lesson.minutes for lesson in lessons(chapter.node)]
    for language, pattern in _TIMES.items():
        text = "\n".join(cell.source for cell in chapter.cells[:8] if cell.language == language)
        stated = pattern.search(text)
        if not stated:
            yield chapter.problem(f"the opening ({language}) does not say how many minutes a lesson takes.")
        elif (
            _NUMBERS.get(stated[1]) != len(minutes)
            or [int(n) for n in re.findall(r"\d+", stated[2])] != minutes
        ):
            yield chapter.problem(
                f"the opening ({language}) says {stated[0]!r}; lessons take {minutes} minutes."
            )


def guesses_come_first(chapter: Chapter) -> Iterator[Problem]:
    """Three cells or more are covered until the reader has guessed; each asks what can be answered."""
    cells = [cell for cell in chapter.cells if "predict" in cell.tags]
    if is_chapter(chapter) and len(cells) < MIN_GUESSES:
        yield chapter.problem(
            f"{len(cells)} cells are tagged `predict`; a chapter has {MIN_GUESSES} or more."
        )
    for cell in cells:
        yield from check_guess(cell)


def check_guess(cell: Cell) -> Iterator[Problem]:
    """The metadata ``guess`` of a cell to be predicted."""
    guess = cell.node.metadata.get("guess") or {}
    if not cell.is_code or guess.get("kind") not in KINDS:
        yield cell.problem(
            f"a cell tagged `predict` needs metadata guess: kind ({', '.join(KINDS)}) and ask."
        )
        return
    if len(str(guess.get("ask", "")).split(" | ")) != 2:
        yield cell.problem("guess.ask is `中文？ | English?`.")
    if guess["kind"] == "choice":
        choices, answer = guess.get("choices", []), guess.get("answer")
        if len(choices) < 2 or not isinstance(answer, int) or not 0 <= answer < len(choices):
            yield cell.problem("a choice needs two choices or more, and answer, the index of the right one.")
    if guess["kind"] == "number":
        if not isinstance(guess.get("answer"), (int, float)):
            yield cell.problem("a guess of kind number needs answer, a number as the output prints it.")
        elif not any(abs(n - guess["answer"]) <= 1e-9 * abs(n) for n in printed_numbers(cell)):
            yield cell.problem(f"the answer {guess['answer']} is not among the numbers of the stored output.")
    if not cell.node.metadata.get("jupyter", {}).get("outputs_hidden"):
        yield cell.problem('JupyterLab needs the metadata "jupyter": {"outputs_hidden": true} to cover it.')


def answers_are_covered(chapter: Chapter) -> Iterator[Problem]:
    """Folded outputs to be predicted begin with the cover, a line that JupyterLab shows; no others do."""
    for cell in chapter.code_cells:
        if cell.node.outputs != covered(cell.node):
            wrong = "its folded output must begin with one cover: JupyterLab shows the first line there is"
            if cell.outputs == covered(cell.node):
                wrong = "it has a cover, but no folded output to be predicted"
            yield cell.problem(
                f"{wrong}; run `.venv/bin/python book/_tools/run.py --covers-only {chapter.path}`."
            )


def printed_numbers(cell: Cell) -> list[float]:
    """The numbers in what a cell printed or returned."""
    texts = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    found = re.findall(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?", "\n".join(texts))
    return [float(number.replace(",", "")) for number in found]


RULES = [lesson_is_short, time_is_measured, guesses_come_first, answers_are_covered]
