"""Subject: seconds of one training step over H, B, T and L, for every way through rnnlib and for d2l."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from benchmarks import work
from benchmarks.contenders import Unavailable, build
from benchmarks.fits import exponents
from benchmarks.floor import chain_floor, launch_floor
from benchmarks.rounds import alternate, digits, summary
from benchmarks.work import GATES, Batches, Run

V = 28
WAYS = ("d2l", "plain", "fast")
BUDGET = 1.0  # seconds a step; what would take longer is left out
RATE = 75e9  # operations a second and thread, for that estimate
ELEMENT = 8e-9  # seconds and threads for a number that is computed or copied, for that estimate
STEP = 60e-6  # seconds of a time step however small, for that estimate
SHORT, LONG = 0.02, 0.3  # seconds a step: nine repeats below the first, none to warm up above the other


@dataclass(frozen=True)
class Cell:
    """One size: kind of model, hidden units, rows, steps, layers."""

    kind: str
    H: int
    B: int
    T: int
    L: int = 1

    @property
    def operations(self) -> float:
        """Of the products in one training step, as d2l does them: twice the multiplications."""
        wide = GATES.get(self.kind, 1) * self.H
        inputs = 2 * V + 3 * self.H * (self.L - 1)
        return 2.0 * self.B * self.T * (wide * (3 * self.H * self.L + inputs) + 3 * self.H * V)

    @property
    def estimate(self) -> float:
        """Seconds of a step, roughly."""
        numbers = self.B * self.T * (GATES.get(self.kind, 1) * self.H * self.L + 2 * V)
        return (self.operations / RATE + numbers * ELEMENT) / torch.get_num_threads() + STEP * self.T * self.L


BASE = Cell("scratch", 512, 32, 35)
AXES = {
    "H": (32, 64, 128, 256, 512, 1024, 2048),
    "B": (1, 8, 32, 128, 512, 1024),
    "T": (8, 35, 128, 512),
}
LAYER_AXES = {"H": (64, 128, 256, 512, 1024), "B": (1, 8, 32, 128), "T": (8, 35, 128, 512), "L": (1, 2, 3, 4)}
BATCHES = (1, 2, 4, 8, 16, 32)
QUICK_AXES = {"H": (8, 16, 32), "B": (1, 2), "T": (3, 6)}


def base(kind: str, quick: bool = False) -> Cell:
    """The size from which one axis at a time is followed."""
    return Cell(kind, 16, 2, 3) if quick else replace(BASE, kind=kind, H=512 if kind == "scratch" else 256)


def cells(quick: bool = False) -> list[Cell]:
    """All cells: everything crossed for the RNN from scratch, one axis at a time for the layers."""
    axes = QUICK_AXES if quick else AXES
    crossed = [Cell("scratch", *sizes) for sizes in itertools.product(*axes.values())]
    layers = {} if quick else dict.fromkeys(("rnn", "lstm", "gru"), LAYER_AXES)
    layers["written"] = {"L": (1, 2) if quick else LAYER_AXES["L"]}
    lines = {
        replace(base(kind, quick), **{axis: size})
        for kind, axes in layers.items()
        for axis, sizes in axes.items()
        for size in sizes
    }
    return crossed + sorted(lines, key=lambda cell: tuple(asdict(cell).values()))


def measure(run: Run) -> dict[str, Any]:
    """Forward pass, backward pass, clipping and update on drawn tokens, V = 28, with all threads.

    Returns:
        ``threads``, ``V``, ``budget``, ``base`` (kind -> the cell from which an axis is followed);
        ``cells``: a list of ``kind``, ``H``, ``B``, ``T``, ``L``, ``operations``, ``seconds`` (way -> median,
        quartiles and rounds; None where the estimate exceeds the budget), ``floor`` (seconds of the products
        alone), ``share`` (way -> floor / median), ``launches`` (on a GPU, seconds of the launches alone);
        ``tokens``: way -> number of batches -> seconds of an epoch; ``exponents``: kind -> axis -> way ->
        slopes and ranges; ``unavailable``: way -> reason.
    """
    everything, found, unavailable = cells(run.quick), [], {}
    total = sum(_cost(cell) for cell in everything)
    done = 0.0
    for i, cell in enumerate(everything):
        found.append(_measure(cell, run, unavailable))
        done += _cost(cell)
        if i % 10 == 0:
            run.progress.step(0.95 * done / total, f"H {cell.H}, B {cell.B}, T {cell.T}")
    bases = {kind: asdict(base(kind, run.quick)) for kind in dict.fromkeys(cell.kind for cell in everything)}
    tokens = _tokens(run)
    slopes = {kind: _slopes(found, bases[kind]) for kind in bases}
    slopes["scratch"]["batches"] = {way: exponents(points) for way, points in tokens.items()}
    return {
        "threads": torch.get_num_threads(),
        "V": V,
        "budget": BUDGET,
        "base": bases,
        "cells": found,
        "tokens": {way: {str(n): digits(s) for n, s in points.items()} for way, points in tokens.items()},
        "exponents": slopes,
        "unavailable": unavailable,
    }


def _cost(cell: Cell) -> float:
    return cell.estimate + 0.02 if cell.estimate <= BUDGET else 0.0


def _measure(cell: Cell, run: Run, unavailable: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {**asdict(cell), "operations": digits(cell.operations)}
    if cell.estimate > BUDGET:
        return row | {"seconds": None, "floor": None, "share": None, "estimate": digits(cell.estimate, 2)}
    steps = 1 if run.quick else max(1, min(16, round(0.01 / cell.estimate)))
    functions = _ways(cell, work.synthetic(cell.B, cell.T, V) * steps, unavailable)
    rounds = 1 if run.quick else 9 if cell.estimate < SHORT else 5
    taken = alternate(functions, rounds, warm_up=cell.estimate < LONG)
    seconds = {way: summary([each / steps for each in rows]) for way, rows in taken.items()}
    gates = GATES.get(cell.kind, 1)
    floor = chain_floor(cell.B, cell.T, cell.H, V, gates=gates, layers=cell.L)
    row |= {
        "seconds": seconds,
        "floor": digits(floor),
        "share": {way: digits(floor / numbers["median"], 3) for way, numbers in seconds.items()},
    }
    launches = launch_floor(cell.T)
    return row if launches is None else row | {"launches": digits(launches)}


def _ways(cell: Cell, batches: list, unavailable: dict[str, str]) -> dict[str, Callable[[], float]]:
    made = work.model(cell.kind, V, cell.H, num_layers=cell.L)
    functions = {}
    for way in WAYS:
        try:
            functions[way] = build(way, made, Batches(batches)).epoch
        except Unavailable as reason:
            unavailable[way] = str(reason)
    return functions


def _tokens(run: Run) -> dict[str, dict[int, float]]:
    """The seconds of an epoch for more and more batches of the basic size."""
    cell, counts = base("scratch", run.quick), BATCHES[:3] if run.quick else BATCHES
    points: dict[str, dict[int, float]] = {}
    for count in counts:
        functions = _ways(cell, work.synthetic(cell.B, cell.T, V, count), {})
        for way, seconds in alternate(functions, 1 if run.quick else 5).items():
            points.setdefault(way, {})[count] = summary(seconds)["median"]
    return points


def _slopes(rows: list[dict[str, Any]], start: dict[str, Any]) -> dict[str, Any]:
    """axis -> way -> exponents, along the axes through one cell."""
    found: dict[str, Any] = {}
    for axis in ("H", "B", "T", "L"):
        points = list(line(rows, start, axis))
        ways = points[0]["seconds"] if points else {}
        fitted = {
            way: exponents({row[axis]: row["seconds"][way]["median"] for row in points}) for way in ways
        }
        if any(fitted.values()):
            fitted["floor"] = exponents({row[axis]: row["floor"] for row in points})
            found[axis] = fitted
    return found


def line(rows: list[dict[str, Any]], start: dict[str, Any], axis: str) -> Iterator[dict[str, Any]]:
    """The measured cells that differ from a cell in one axis alone, in its order."""
    others = [key for key in ("kind", "H", "B", "T", "L") if key != axis]
    for row in sorted(rows, key=lambda row: row[axis]):
        if row["seconds"] is not None and all(row[key] == start[key] for key in others):
            yield row
