"""An exercise: what it is called, what its check looks at, the hints to common mistakes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rnnlib.exercises.replies import Words

if TYPE_CHECKING:
    from rnnlib.exercises.probe import Probe

Part = Callable[["Probe"], None]
LEVELS = {
    "warm-up": Words("热身", "warm-up"),
    "core": Words("基本", "core"),
    "stretch": Words("提高", "stretch"),
    "project": Words("项目", "project"),
}
TASKS: dict[str, Task] = {}


def seed_of(*names: object) -> int:
    """A whole number that hangs on these names alone, the same on every computer."""
    text = "/".join(map(str, names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


class Task:
    """One exercise.

    Args:
        name: ``A1``, the first exercise of set A, or ``5a``, the first of chapter 5.
        zh, en: its title.
        level: ``warm-up``, ``core``, ``stretch`` or ``project``.
        minutes: about how long it takes, an estimate until a class has been timed.
        trains: what it trains, in both languages.
        seconds: limit for one part of the check.
        device: where the answer runs; "": where the reader's networks do.
        repair: whether it starts from code that runs and fails, and not from a stub.
        numbers: those that the question is asked with, by their names in the notebook: the values that a class
            may get, the book's first.
        hints: mistake -> (中文, English); ``{name}`` is filled with what the check found.
    """

    def __init__(
        self,
        name: str,
        zh: str,
        en: str,
        *,
        level: str,
        minutes: int,
        trains: tuple[str, str],
        hints: dict[str, tuple[str, str]] | None = None,
        seconds: float = 20.0,
        device: str = "",
        repair: bool = False,
        numbers: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        if name in TASKS:
            raise ValueError(f"there are two exercises {name!r}.")
        if level not in LEVELS:
            raise ValueError(f"level={level!r} must be one of {', '.join(LEVELS)}.")
        self.name, self.title = name, Words(zh, en)
        self.level, self.minutes, self.trains = level, minutes, Words(*trains)
        self.seconds, self.repair = seconds, repair
        self.device = device
        self.numbers = dict(numbers or {})
        self.hints = {key: Words(*pair) for key, pair in (hints or {}).items()}
        self.parts: list[tuple[Words, Part]] = []
        TASKS[name] = self

    def numbers_of(self, group: str = "") -> dict[str, float]:
        """The numbers that a class's question is asked with; those of the book for ``""``."""

        def drawn(name: str, values: Sequence[float]) -> float:
            return values[seed_of(group, self.name, name) % len(values)] if group else values[0]

        return {name: drawn(name, values) for name, values in self.numbers.items()}

    def part(self, zh: str, en: str) -> Callable[[Part], Part]:
        """Add a part of the check: a function of a Probe that raises what it finds."""

        def add(function: Part) -> Part:
            self.parts.append((Words(zh, en), function))
            return function

        return add


def place_of(name: str) -> tuple[str, int, str]:
    """To sort names by: ``2a``, ``2b``, ``10a``, then ``A1``, ``A2``, ``A10``."""
    if name[0].isdigit():
        return "", int(name[:-1]), name[-1]
    return name[0], int(name[1:]), ""


def in_order() -> list[Task]:
    """All exercises: those of the chapters, then the sets; modules register theirs in any order."""
    return [TASKS[name] for name in sorted(TASKS, key=place_of)]
