"""The table of chapter 13: seconds of one training step over H, B and T, from ``rnnlib/results/speed.json``.

`make bench` measures it; this makes the copy that the figure reads, so the two never say different things.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import rnnlib.results
from packs.pack import Pack

ABOUT = (
    "一步训练的秒数，随 H、B、T 而变：第 13 章的网络，d2l 的循环与 rnnlib 的两条路",
    "seconds of a training step over H, B and T: the network of chapter 13 by d2l's loop and rnnlib's paths",
)
CONDITIONS: dict[str, Any] = {"results": "rnnlib/results/speed.json"}
SIZES, TIMES = ("H", "B", "T"), ("d2l", "plain", "fast", "floor")
STATED = ("hardware", "processor", "cores", "torch", "rnnlib", "d2l", "date")


def table(grid: dict[str, Any]) -> list[list[float | None]]:
    """The rows H, B, T, d2l, plain, fast, floor of the RNN from scratch, in order.

    Raises:
        ValueError: if the sizes are not crossed, each with each, once.
    """
    rows = [dict(zip(grid["columns"], cell)) for cell in grid["cells"]]
    kept = [row for row in rows if row["kind"] == "scratch" and row["L"] == 1]
    cells = sorted([row[key] for key in SIZES + TIMES] for row in kept)
    crossed = list(product(*(sorted({cell[i] for cell in cells}) for i in range(len(SIZES)))))
    if [tuple(cell[: len(SIZES)]) for cell in cells] != crossed:
        raise ValueError(
            f"the grid has {len(cells)} cells of the RNN from scratch, but H, B and T crossed make "
            f"{len(crossed)}: measure it again with `make bench`."
        )
    return cells


def milliseconds(seconds: float) -> str:
    """Three digits of a time: 0.843, 84.3, 1,240."""
    rounded = float(f"{1000 * seconds:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def static(cells: list[list[float | None]], stated: dict[str, Any], B: int, T: int) -> str:
    """HTML for readers without JavaScript: the sizes along H, with the milliseconds of each way.

    Args:
        cells: rows of `table`.
        stated: the conditions of the measurement.
        B, T: of the sizes to name.
    """
    machine = f"{stated['hardware']}, {stated['processor']}, {stated['date']}"
    zh = f"B = {B}、T = {T} 时一步训练的毫秒数（{machine}）："
    en = f"Milliseconds of a training step at B = {B}, T = {T} ({machine}):"
    items = []
    for H, *size, d2l, plain, fast, floor in cells:
        if size == [B, T] and None not in (d2l, plain, fast, floor):
            slow, own, best, least = map(milliseconds, (d2l, plain, fast, floor))
            items += [
                f"<li>H = {H}：d2l 的循环 {slow}，rnnlib 普通路 {own}，快路 {best}；只算乘积 {least} | "
                f"H = {H}: d2l's loop {slow}, rnnlib's plain path {own}, fast path {best}; "
                f"products alone {least}</li>"
            ]
    return f"<p>{zh} | {en}</p><ul>{''.join(items)}</ul>"


def make(pack: Pack) -> dict[str, Any]:
    """The table with the conditions under which it was measured."""
    results = rnnlib.results.load("speed")
    grid = results["results"]["grid"]
    cells = table(grid)
    unmeasured = sum(cell[-1] is None for cell in cells)
    print(f"  {len(cells)} sizes, {unmeasured} of them not measured")
    measured = {key: results["conditions"][key] for key in STATED} | {"threads": grid["threads"]}
    base = grid["base"]["scratch"]
    return {
        "static": static(cells, measured, base["B"], base["T"]),
        "measured": measured,
        "V": grid["V"],
        "budget": grid["budget"],
        "columns": [*SIZES, *TIMES],
        "cells": cells,
    }
