"""What a check can answer, in both languages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Words(NamedTuple):
    """The same said in Chinese and in English; ``$RNNLIB_LANGUAGE``, zh or en, leaves one of them."""

    zh: str
    en: str

    def filled(self, **values: object) -> Words:
        """With ``{name}`` replaced by values."""
        return Words(self.zh.format(**values), self.en.format(**values))

    def after(self, mark: str) -> Words:
        """With a mark before it, in both languages."""
        return Words(f"{mark} {self.zh}", f"{mark} {self.en}")

    def with_tail_once(self) -> str:
        """As ``str``, but what both end in after a colon, for instance torch's own words, stands there once."""
        if os.environ.get("RNNLIB_LANGUAGE", "") in self._fields:
            return str(self)
        length = len(os.path.commonprefix([self.zh[::-1], self.en[::-1]]))
        zh, en, tail = (*(one[: len(one) - length] for one in self), self.en[len(self.en) - length :])
        if zh.endswith("：") and en.endswith(": "):
            return f"{zh[:-1]} | {en}{tail}"
        return tail if not zh + en else str(self)

    def __str__(self) -> str:
        one = {"zh": self.zh, "en": self.en}.get(os.environ.get("RNNLIB_LANGUAGE", ""))
        return f"{self.zh} | {self.en}" if one is None else one


class Wrong(Exception):
    """A wrong answer: the name of the mistake that it shows, and the hint."""

    def __init__(self, mistake: str, hint: Words) -> None:
        super().__init__(str(hint))
        self.mistake, self.hint = mistake, hint


class Crashed(Exception):
    """The answer's own code raised an exception: what it said, and in which line."""

    def __init__(self, said: str, line: int = 0) -> None:
        super().__init__(said)
        self.said, self.line = said, line


STUB = Words(
    "还没写：raise NotImplementedError 还在。", "Not written yet: raise NotImplementedError is still there."
)
BLANK = Words("还没填：... 还在。", "Not filled in yet: ... is still there.")


class Unfinished(Exception):
    """The answer is still the stub, or a place to be filled in is still empty."""

    def __init__(self, hint: Words = STUB) -> None:
        super().__init__(str(hint))
        self.hint = hint


class OutOfTime(BaseException):
    """The answer's time is over; not an Exception, so that its `except Exception` misses it."""


PASSED, UNFINISHED, WRONG, CRASHED, TIMEOUT = "passed", "unfinished", "wrong", "crashed", "timeout"
SKIPPED = "skipped"


@dataclass(frozen=True)
class PartReply:
    """What one part of a check found.

    Attributes:
        title: what was looked at.
        kind: ``passed``, ``unfinished``, ``wrong``, ``crashed``, ``timeout``, or ``skipped`` if an earlier
            part failed.
        mistake: the name of the mistake, where one was recognized.
        hint: what to tell the learner.
    """

    title: Words
    kind: str
    mistake: str = ""
    hint: Words | None = None


def share_passed(parts: Sequence[PartReply]) -> float:
    """How much of an answer is right: each part counts the same."""
    return sum(part.kind == PASSED for part in parts) / max(1, len(parts))


@dataclass(frozen=True)
class Reply:
    """The answer of a check: one line for each part.

    Attributes:
        task: name of the exercise.
        title: its title.
        parts: the parts in order.
        closing: a last line, for instance that the checks are the visible ones.
    """

    task: str
    title: Words
    parts: list[PartReply] = field(default_factory=list)
    closing: Words | None = None

    @property
    def kind(self) -> str:
        """``passed`` if every part did, else the kind of the first that did not."""
        return next((part.kind for part in self.parts if part.kind != PASSED), PASSED)

    @property
    def share(self) -> float:
        """Share of the parts that passed."""
        return share_passed(self.parts)

    @property
    def mistake(self) -> str:
        """Name of the mistake that was recognized, or ""."""
        return next((part.mistake for part in self.parts if part.mistake), "")

    def __str__(self) -> str:
        marks = {PASSED: "✓", SKIPPED: "·"}
        lines = [str(self.title.after(self.task))]
        for part in self.parts:
            mark = marks.get(part.kind, "✗")
            lines.append(str(part.title.after(mark)))
            if part.hint:
                lines.append(str(part.hint) if part.mistake else part.hint.with_tail_once())
        if self.closing:
            lines.append(str(self.closing))
        return "\n".join(lines)
