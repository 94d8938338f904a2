"""Figures of a record, in both languages: ``python -m benchmarks.plots benchmarks/results/cpu.json``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import NAMES
from benchmarks.grid import line
from rnnlib.inspect import plots

WAYS = {
    "d2l": "d2l",
    "plain": "rnnlib，fast=False | rnnlib, fast=False",
    "fast": "rnnlib，fast=True | rnnlib, fast=True",
}
AXES = {
    "H": "隐藏单元数 H | hidden units H",
    "B": "批量大小 B | batch size B",
    "T": "步数 T | steps T",
    "L": "层数 L | layers L",
}
FLOOR = "只有矩阵乘积 | the products alone"
SECONDS = "一步训练，秒 | one training step, s"


def figures(record: dict[str, Any]) -> dict[str, Figure]:
    """One figure for each subject that was measured, by name; the caller shows, saves or closes them."""
    plots.use_style()
    measured = {name: subject["results"] for name, subject in record["subjects"].items()}
    drawn: dict[str, Figure] = {}
    if "grid" in measured:
        grid = measured["grid"]
        for kind in grid["base"]:
            drawn[f"time-{kind}"] = time_by_size(grid, kind)
        drawn["share"] = share(grid)
        drawn["gain"] = gain(grid)
    if "ladder" in measured:
        drawn["ladder"] = ladder(measured["ladder"])
    if "training" in measured:
        drawn["training"] = training(measured["training"])
    if "learning" in measured:
        drawn["bfloat16"] = long_curves(measured["learning"]["long"])
    return {name: figure for name, figure in drawn.items() if figure is not None}


def save(record: dict[str, Any], folder: Path) -> list[Path]:
    """Write every figure as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures(record).items():
        paths.append(folder / f"{name}.svg")
        figure.savefig(paths[-1], metadata={"Date": None})
        plt.close(figure)
    return paths


def time_by_size(grid: dict[str, Any], kind: str) -> Figure:
    """Seconds of a step along each axis through the basic cell, both axes logarithmic."""
    start = grid["base"][kind]
    rows = {axis: list(line(grid["cells"], start, axis)) for axis in AXES}
    axes = [axis for axis in AXES if len(rows[axis]) > 1]
    figure, places = plt.subplots(1, len(axes), figsize=(3.6 * len(axes), 3.6), squeeze=False)
    for axis, ax in zip(axes, places[0]):
        series = {
            name: {row[axis]: row["seconds"][way]["median"] for row in rows[axis]}
            for way, name in WAYS.items()
            if all(way in row["seconds"] for row in rows[axis])
        }
        series[FLOOR] = {row[axis]: row["floor"] for row in rows[axis]}
        plots.curves(series, AXES[axis], SECONDS, log_x=True, log_y=True, markers=True, ax=ax)
        sizes = [row[axis] for row in rows[axis]]
        ax.set_xticks(sizes, [str(size) for size in sizes], minor=False)
        ax.set_xticks([], minor=True)
        if ax is not places[0][0]:
            ax.get_legend().remove()
    return figure


def share(grid: dict[str, Any]) -> Figure:
    """The share of a step that the products alone would take, over the operations of the step."""
    ax = plt.subplots()[1]
    for i, (way, name) in enumerate(WAYS.items()):
        points = [
            (cell["operations"], cell["share"][way])
            for cell in grid["cells"]
            if cell["kind"] == "scratch" and cell["share"] and way in cell["share"]
        ]
        if points:
            ax.scatter(*zip(*points), s=14, color=plots.PALETTE[i], label=name)
    ax.set(xscale="log", ylim=(0, None), xlabel="一步的运算次数 | operations in a step")
    ax.set_ylabel("乘积所占的份额 | share of the products")
    ax.legend()
    return ax.figure


def gain(grid: dict[str, Any]) -> Figure | None:
    """d2l's time over the fast path's, by H and B, at the T of the basic cell; None without a fast path."""
    start = grid["base"]["scratch"]
    cells = {
        (cell["H"], cell["B"]): cell["seconds"]
        for cell in grid["cells"]
        if cell["kind"] == "scratch" and cell["T"] == start["T"] and cell["seconds"]
    }
    if not any("fast" in seconds for seconds in cells.values()):
        return None
    hiddens, rows = (sorted({key[i] for key in cells}) for i in (0, 1))
    ratios = np.full((len(hiddens), len(rows)), np.nan)
    for (H, B), seconds in cells.items():
        if "fast" in seconds:
            ratios[hiddens.index(H), rows.index(B)] = seconds["d2l"]["median"] / seconds["fast"]["median"]
    ax: Axes = plots.heatmap(
        ratios,
        AXES["B"],
        AXES["H"],
        xticks=[str(B) for B in rows],
        yticks=[str(H) for H in hiddens],
        colorbar="d2l 的时间 ÷ fast=True 的 | time of d2l ÷ that of fast=True",
    )
    return ax.figure


def ladder(measured: dict[str, Any]) -> Figure:
    """Milliseconds of a step on each rung, with quartiles, for each number of threads; the floor dotted."""
    rungs = [rung for rung in measured["rungs"] if "threads" in rung]
    figure, ax = plt.subplots(figsize=(7.2, 0.55 * len(rungs) + 1.2))
    height = 0.8 / len(measured["floor"])
    for i, (threads, floor) in enumerate(measured["floor"].items()):
        numbers = [rung["threads"][threads]["seconds"] for rung in rungs]
        middle = np.array([1e3 * each["median"] for each in numbers])
        low, high = (np.array([1e3 * each["quartiles"][j] for each in numbers]) for j in (0, 1))
        label = f"{threads} 线程 | threads: {threads}"
        color = plots.PALETTE[i]
        where = np.arange(len(rungs)) + i * height
        ax.barh(where, middle, height, xerr=(middle - low, high - middle), color=color, label=label)
        ax.axvline(1e3 * floor, color=color, linestyle=":")
    ax.set_yticks(np.arange(len(rungs)) + 0.4 - height / 2, [rung["name"] for rung in rungs])
    ax.invert_yaxis()
    ax.set_xlabel("毫秒；点线：只有乘积 | ms; dotted: the products alone")
    ax.legend()
    return figure


def training(measured: dict[str, Any]) -> Figure:
    """How many times as fast as d2l each contender is, for each work, with all threads."""
    works = list(measured)
    there = [key for key in NAMES if any(key in _rows(measured[work]) for work in works) and key != "d2l"]
    figure, ax = plt.subplots(figsize=(7.2, 0.9 * len(works) + 2.2))
    height = 0.8 / max(len(there), 1)
    for i, key in enumerate(there):
        found = [
            (j, _rows(measured[work])[key]["over_d2l"])
            for j, work in enumerate(works)
            if key in _rows(measured[work])
        ]
        where = np.array([j + i * height for j, _ in found])
        middle = np.array([each["median"] for _, each in found])
        low, high = (np.array([each["quartiles"][k] for _, each in found]) for k in (0, 1))
        error = (middle - low, high - middle)
        ax.barh(where, middle, height, xerr=error, color=plots.PALETTE[i], label=NAMES[key])
    ax.axvline(1, color="0.4", linestyle=":")
    titles = [f"{measured[work]['title']}" for work in works]
    ax.set_yticks(np.arange(len(works)) + 0.4 - height / 2, titles)
    ax.invert_yaxis()
    ax.set_xlabel("速度与 d2l 之比 | speed relative to d2l")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", fontsize=8)
    return figure


def _rows(one: dict[str, Any]) -> dict[str, Any]:
    return one["threads"][max(one["threads"])]


def long_curves(measured: dict[str, Any]) -> Figure | None:
    """Losses with float32 and bfloat16 products, every seed; None if there are none."""
    names = {"fast": "float32", "bf16": "bfloat16"}
    runs = {
        f"{names[way]}，{i + 1} | {names[way]}, {i + 1}": run["losses"]
        for way in names
        for i, run in enumerate(measured.get("scratch en", {}).get(way, []))
    }
    if not runs:
        return None
    return plots.curves(runs, "迭代周期 | epoch", "训练损失（nat） | training loss (nats)").figure


if __name__ == "__main__":
    given = Path(sys.argv[1])
    for saved in save(json.loads(given.read_text(encoding="utf-8")), given.with_suffix("")):
        print(saved)
