"""Exercises that check themselves.

``check("A1", TwoLayerLSTM)`` says in a few seconds, in both languages, what is right and which mistake shows;
``report()`` says what is solved. The checks look at behaviour: an answer may be written in any style.
"""

from __future__ import annotations

import warnings
from typing import Any

from rnnlib.devices import get_device
from rnnlib.exercises import (  # noqa: F401  (each set registers its exercises)
    by_hand,
    catch,
    chapters,
    layers,
    puzzles,
    repair,
    training_tasks,
)
from rnnlib.exercises.record import remember, report_lines
from rnnlib.exercises.replies import PartReply, Reply, Words
from rnnlib.exercises.running import examine
from rnnlib.exercises.task import TASKS, Task, in_order

__all__ = ["TASKS", "PartReply", "Reply", "Task", "Words", "check", "examine", "names", "report", "score"]


def check(name: str, answer: Any, **numbers: float) -> None:
    """Check an answer and print what was found.

    Args:
        name: the exercise, ``"A1"``.
        answer: a class, a function or a number, as the exercise asks.
        numbers: those that the question is asked with, where a class has its own.

    Raises:
        ValueError: if there is no such exercise, or it isn't asked with such a number.
    """
    reply = examine(name, answer, device=str(get_device()), numbers=numbers)
    remember(reply)
    print(reply)


def score(name: str, answer: Any, points: float = 1.0, **numbers: float) -> float:
    """Check every part of an answer, print what was found, and give points for the share that passed.

    For graders that take a number from a cell, such as nbgrader. It runs in the same process as the answer
    and trusts it; ``python -m rnnlib.exercises grade`` does not.

    Args:
        name: the exercise, ``"A1"``.
        answer: a class, a function or a number, as the exercise asks.
        points: for an answer that passes.
        numbers: those that the question is asked with, where a class has its own.

    Raises:
        ValueError: if there is no such exercise, or it isn't asked with such a number.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader takes a warning for a failure
        reply = examine(name, answer, device=str(get_device()), every=True, numbers=numbers)
    print(reply)
    return round(points * reply.share, 2)


def report() -> None:
    """Print which exercises of the book are solved on this computer."""
    for line in report_lines():
        print(line)


def names() -> list[str]:
    """Names of all exercises."""
    return [task.name for task in in_order()]
