"""Exercises that check themselves.

``check("A1", TwoLayerLSTM)`` says in a few seconds, in both languages, what is right and which mistake shows;
``report()`` says what is solved. The checks look at behaviour: an answer may be written in any style.
"""

from __future__ import annotations

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

__all__ = ["TASKS", "PartReply", "Reply", "Task", "Words", "check", "examine", "names", "report"]


def check(name: str, answer: Any) -> None:
    """Check an answer and print what was found.

    Args:
        name: the exercise, ``"A1"``.
        answer: a class, a function or a number, as the exercise asks.

    Raises:
        ValueError: if there is no such exercise.
    """
    reply = examine(name, answer, device=str(get_device()))
    remember(reply)
    print(reply)


def report() -> None:
    """Print which exercises of the book are solved on this computer."""
    for line in report_lines():
        print(line)


def names() -> list[str]:
    """Names of all exercises."""
    return [task.name for task in in_order()]
