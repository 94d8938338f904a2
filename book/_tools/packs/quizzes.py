"""The questions at the ends of the chapters (``book/quizzes/*.yml``); titles and numbers of guesses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import yaml

from notebooks import ROOT, find_notebooks, tags
from packs.pack import Pack

ABOUT = (
    "各章末尾的问题，以及每章有几处先猜再看",
    "the questions at the ends of the chapters; how many guesses each has",
)
CONDITIONS: dict[str, Any] = {"corpus": "book/quizzes/*.yml, book/*.ipynb"}
FOLDER = ROOT / "book" / "quizzes"


def read_quiz(path: Path) -> list[dict[str, Any]]:
    """The questions of a chapter.

    Raises:
        ValueError: if a question lacks a language, an answer or a reason.
    """
    questions = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, question in enumerate(questions, 1):
        try:
            check(question)
        except ValueError as error:
            raise ValueError(f"{path.name}, question {number}: {error}") from error
    return questions


def pair(words: Any, what: str) -> None:
    """Words in both languages."""
    given = words if isinstance(words, list) else []
    if len(given) != 2 or not all(isinstance(word, str) and word.strip() for word in given):
        raise ValueError(f"{what} is [Chinese, English], not {words!r}")


def is_shape(value: Any) -> bool:
    """Whether a value is a list of sizes."""
    return isinstance(value, list) and bool(value) and all(isinstance(n, int) and n > 0 for n in value)


def check(question: dict[str, Any]) -> None:
    """One question is complete."""
    kind = question.get("kind")
    pair(question.get("question"), "question")
    pair(question.get("why"), "why")
    if kind == "choice":
        choices = question["choices"]
        for choice in choices:
            pair(choice["words"], "the words of a choice")
            if not choice.get("right"):
                pair(choice.get("why"), "the why of a wrong choice")
        if sum(bool(choice.get("right")) for choice in choices) != 1 or len(choices) < 3:
            raise ValueError("a choice has three answers or more, and one is right")
    elif kind == "number":
        if not isinstance(question.get("answer"), (int, float)):
            raise ValueError("a number has an answer")
    elif kind == "order":
        if len(question.get("lines", [])) < 3:
            raise ValueError("an order has three lines or more")
    elif kind == "shape":
        sizes, mistakes = question.get("answer"), question.get("mistakes", [])
        if not is_shape(sizes) or len(question.get("axes", [])) != len(sizes):
            raise ValueError("a shape has an answer, a list of sizes, and a letter in axes for each")
        for mistake in mistakes:
            pair(mistake.get("why"), "the why of a wrong shape")
            if not is_shape(mistake.get("shape")) or mistake["shape"] == sizes:
                raise ValueError(f"{mistake.get('shape')!r} is no wrong shape")
    else:
        raise ValueError(f"kind is choice, number, order or shape, not {kind!r}")


def title(heading: str) -> list[str]:
    """The title of a chapter in both languages, without its number: "# 2 独热编码 | 2 One-hot encoding"."""
    return [re.sub(r"^[#\d\s]+", "", half).strip() for half in heading.splitlines()[0].split(" | ")]


def make(pack: Pack) -> dict[str, Any]:
    """All questions, by the number of the chapter; guesses and titles, by the name of the page."""
    chapters = {path.stem: read_quiz(path) for path in sorted(FOLDER.glob("*.yml"))}
    guesses, titles = {}, {}
    for path in find_notebooks():
        cells = nbformat.read(path, as_version=4).cells
        guesses[path.stem] = sum("predict" in tags(cell) for cell in cells)
        if guesses[path.stem]:
            titles[path.stem] = title(cells[0].source)
    for name, questions in chapters.items():
        print(f"  {name}: {len(questions)} questions")
    return {"chapters": chapters, "guesses": {name: n for name, n in guesses.items() if n}, "titles": titles}
