"""Exponents: how time grows with a size, as the slope of log time over log size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.rounds import digits


def slope(points: Mapping[float, float]) -> float:
    """The slope of log y over log x by least squares.

    Raises:
        ValueError: for fewer than two points.
    """
    if len(points) < 2:
        raise ValueError(f"a slope needs at least two points; got {len(points)}.")
    xs, ys = [math.log(x) for x in points], [math.log(y) for y in points.values()]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)


def exponents(points: Mapping[float, float]) -> dict[str, Any] | None:
    """The exponent over the whole range and over the upper half of the points, with both ranges.

    Returns:
        ``{"all", "range", "upper", "upper_range"}``; None for fewer than three points.
    """
    if len(points) < 3:
        return None
    sizes = sorted(points)
    upper = sizes[(len(sizes) - 1) // 2 :]
    return {
        "all": digits(slope(points), 3),
        "range": [sizes[0], sizes[-1]],
        "upper": digits(slope({x: points[x] for x in upper}), 3),
        "upper_range": [upper[0], upper[-1]],
    }
