"""For each exercise the wrong answers that learners give, and right ones in other styles.

A module for each set and each chapter, with ``WRONG`` and ``RIGHT``: exercise -> {mistake or style: answer}. An answer is
code, or a list of (old, new): the notebook's solution with these replacements. A mistake is the name of the
hint that it is to get; ``"crash: ..."`` stands for an exception in the answer, ``"slow"`` for a time-out, and
what follows `` / `` tells apart two answers that get one hint.
"""

from __future__ import annotations

import importlib
import pkgutil

Answer = str | list[tuple[str, str]]
WRONG: dict[str, dict[str, Answer]] = {}
RIGHT: dict[str, dict[str, Answer]] = {}
for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    _bank = importlib.import_module(_module.name)
    WRONG |= _bank.WRONG
    RIGHT |= _bank.RIGHT


def code_of(answer: Answer, solution: str) -> str:
    """The code of an entry.

    Raises:
        ValueError: if a replacement does not occur once.
    """
    if isinstance(answer, str):
        return answer
    for old, new in answer:
        if solution.count(old) != 1:
            raise ValueError(f"{old!r} occurs {solution.count(old)} times in the solution, not once.")
        solution = solution.replace(old, new)
    return solution
