"""How far a run is, and how long the rest will take, on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from benchmarks import SUBJECTS


class Progress:
    """Prints one line at a time to stderr, Chinese | English.

    The rest is estimated from the usual seconds of the subjects, stretched as this machine has stretched them
    so far.
    """

    def __init__(self, subjects: Sequence[str]):
        self.subjects, self.start, self.subject = list(subjects), time.perf_counter(), ""

    def begin(self, subject: str) -> None:
        """From here on the steps belong to this subject."""
        self.subject = subject
        self.step(0.0)

    def step(self, share: float, what: str = "") -> None:
        """A share of the subject, from 0 to 1, is done; ``what`` is said about it."""
        elapsed = time.perf_counter() - self.start
        done = sum(SUBJECTS[name] for name in self.subjects[: self.subjects.index(self.subject)])
        done += share * SUBJECTS[self.subject]
        rest = sum(SUBJECTS[name] for name in self.subjects) - done
        left = rest * (elapsed / done if done > 20 else 1.0)
        print(
            f"{self.subject} {share:4.0%}  {what}  已用 {clock(elapsed)}，约剩 {clock(left)} | "
            f"{clock(elapsed)} so far, about {clock(left)} left",
            file=sys.stderr,
            flush=True,
        )


def clock(seconds: float) -> str:
    """Minutes and seconds, as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
