"""The compact copy that the book's notebooks read with ``rnnlib.results.load("speed")``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.report import write
from benchmarks.rounds import digits
from rnnlib.results import FOLDER

QUESTION = "How fast does rnnlib train and write beside d2l and torch, and what makes an RNN fast?"
MOST = 60_000  # bytes
SUBJECTS = ("learning", "training", "generation", "ladder", "profile", "grid")


def compact(record: dict[str, Any]) -> dict[str, Any]:
    """The record in the form of the experiments' results.

    Returns:
        ``{"experiment", "question", "conditions", "results"}`` with the results

        - ``comparisons``: ``training`` (work -> ``title``, ``text``, ``floor``, as `benchmarks/training.py`
          says, and ``threads`` -> contender -> ``[tokens a second, ratio to d2l, its lower and upper
          quartile]``) and ``generation`` (kind -> ``title``, ``threads`` -> writer -> the same of characters
          a second);
        - ``learning``: work -> contender -> ``losses``, ``difference``, ``counts``;
        - ``bfloat16``: work -> way -> ``losses`` of every epoch and ``held_out``, for each seed;
        - ``ladder``, ``profile``: as `benchmarks/ladder.py` and `benchmarks/profiles.py` say, medians alone;
        - ``grid``: ``columns`` (``kind, H, B, T, L, d2l, plain, fast, floor``, seconds of a step; None where
          nothing was measured) and ``cells``, one row each; ``base``, ``budget``, ``threads``, ``V``;
        - ``exponents``: kind -> axis -> way -> ``all``, ``range``, ``upper``, ``upper_range``.

    Raises:
        ValueError: if a subject is missing.
    """
    missing = [name for name in SUBJECTS if name not in record["subjects"]]
    if missing:
        raise ValueError(f"the record lacks {', '.join(missing)}; measure everything: python -m benchmarks.")
    measured = {name: subject["results"] for name, subject in record["subjects"].items()}
    return {
        "experiment": "speed",
        "question": QUESTION,
        "conditions": _conditions(record),
        "results": {
            "comparisons": {
                "training": _comparisons(measured["training"], "tokens_per_second"),
                "generation": _comparisons(measured["generation"], "characters_per_second"),
            },
            "learning": {
                work: {key: _curve(one) for key, one in contenders.items()}
                for work, contenders in measured["learning"]["curves"].items()
            },
            "bfloat16": {work: _seeds(one) for work, one in measured["learning"]["long"].items()},
            "ladder": _ladder(measured["ladder"]),
            "profile": {group: measured["profile"][group] for group in ("rungs", "contenders")},
            "grid": _grid(measured["grid"]),
            "exponents": measured["grid"]["exponents"],
        },
    }


def store(record: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write ``speed.json``.

    Raises:
        ValueError: if it would be longer than 60 kB.
    """
    book = compact(record)
    size = len(json.dumps(book, ensure_ascii=False).encode())
    if size > MOST:
        raise ValueError(
            f"speed.json would have {size:,} bytes; at most {MOST:,} are allowed: leave more out."
        )
    write(folder / "speed.json", book, indent=None)
    return folder / "speed.json"


def _conditions(record: dict[str, Any]) -> dict[str, Any]:
    stated, subjects = record["conditions"], record["subjects"].values()
    keys = ("processor", "cores", "threads", "flags", "torch", "python", "rnnlib", "d2l")
    return {
        "hardware": stated["device"].split(", torch")[0],
        **{key: stated[key] for key in keys},
        "date": max(subject["end"]["date"] for subject in subjects),
        "seconds": round(sum(subject["seconds"] for subject in subjects)),
        "load": [max(subject[when]["load"] or 0 for subject in subjects) for when in ("start", "end")],
    }


def _comparisons(measured: dict[str, Any], unit: str) -> dict[str, Any]:
    return {
        work: {
            "title": one["title"],
            **{key: one[key] for key in ("text", "floor") if key in one},
            "threads": {
                threads: {
                    key: [digits(numbers[unit]["median"]), numbers["over_d2l"]["median"]]
                    + [digits(each, 3) for each in numbers["over_d2l"]["quartiles"]]
                    for key, numbers in rows.items()
                }
                for threads, rows in one["threads"].items()
            },
        }
        for work, one in measured.items()
    }


def _curve(one: dict[str, Any]) -> dict[str, Any]:
    if "losses" not in one:
        return one
    return one | {"losses": [digits(loss, 5) for loss in one["losses"]]}


def _seeds(one: dict[str, Any]) -> dict[str, Any]:
    if "counts" not in one:
        return one
    ways = {
        way: {
            "losses": [[digits(loss, 5) for loss in run["losses"]] for run in one[way]],
            "held_out": [run["valid"] for run in one[way]],
        }
        for way in ("fast", "bf16")
    }
    ways["nudged"] = {"held_out": [run["valid"] for run in one["nudged"]]}
    return ways | {key: one[key] for key in ("worse_by", "nudged_by", "counts")}


def _ladder(measured: dict[str, Any]) -> dict[str, Any]:
    rungs = [
        {key: rung[key] for key in ("key", "name", "difference", "unavailable") if key in rung}
        | {
            "threads": {
                threads: {key: one["median"] for key, one in numbers.items()}
                for threads, numbers in rung.get("threads", {}).items()
            }
        }
        for rung in measured["rungs"]
    ]
    return {"shape": measured["shape"], "rungs": rungs, "floor": measured["floor"]}


def _grid(measured: dict[str, Any]) -> dict[str, Any]:
    ways, sizes = ("d2l", "plain", "fast"), ("kind", "H", "B", "T", "L")

    def row(cell: dict[str, Any]) -> list[Any]:
        seconds = cell["seconds"] or {}
        times = [seconds[way]["median"] if way in seconds else None for way in ways]
        return [cell[key] for key in sizes] + times + [cell["floor"]]

    kept = {key: measured[key] for key in ("threads", "V", "budget", "base", "tokens")}
    return kept | {"columns": [*sizes, *ways, "floor"], "cells": [row(cell) for cell in measured["cells"]]}
