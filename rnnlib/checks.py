"""Checks of arguments that several modules share: each raises an error that says what came and what to do."""

from __future__ import annotations

import math

__all__ = ["check_positive", "check_rate"]


def check_positive(**values: int) -> None:
    """Raise a ValueError that names the first value that is not an integer of at least 1."""
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r} must be an integer of at least 1.")


def check_rate(**values: float) -> None:
    """Raise a ValueError that names the first value that is not a finite number above 0."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise ValueError(f"{name}={value!r} must be a finite number above 0.")
