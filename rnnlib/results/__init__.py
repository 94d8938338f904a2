"""What the book's long runs measured.

A run that takes longer than a notebook may lives in ``experiments/``; `make experiment NAME=...` repeats it
and writes its results here, so that a notebook finds them wherever the library is installed. `make bench`
writes ``speed``, the compact copy of what ``benchmarks/`` measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load", "names"]

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The experiments whose results are here."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """What one experiment measured, and under which conditions.

    Args:
        name: of the experiment, as in ``make experiment NAME=comparison``.

    Returns:
        ``{"experiment", "conditions", "results"}``: conditions name the hardware, the versions, the date and
        the seconds that the run took; the experiment's docstring names the keys of ``results``.

    Raises:
        FileNotFoundError: if there are no results of that name; the message lists those there are.
    """
    path = FOLDER / f"{name}.json"
    if name not in names():
        raise FileNotFoundError(
            f"there are no results of an experiment {name!r}; there are {', '.join(names()) or 'none'}. "
            f"`make experiment NAME={name}` makes them if experiments/{name}.py exists; `make bench` makes "
            "'speed'."
        )
    return json.loads(path.read_text(encoding="utf-8"))
