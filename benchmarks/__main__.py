"""``python -m benchmarks [--quick] [--rounds N] [--only SUBJECT] [--output FOLDER]``."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import benchmarks.verdicts
from benchmarks import SUBJECTS, work
from benchmarks.conditions import conditions, device_name, moment
from benchmarks.progress import Progress
from benchmarks.report import FOLDER, combine, markdown, requirements, write
from rnnlib.common import atomic_write, notice


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; 1 if a required ratio is missed or does not count, else 0."""
    options = _parser().parse_args(arguments)
    names = [name for name in SUBJECTS if not options.only or name in options.only]
    progress = Progress(names)
    scale = work.QUICK if options.quick else work.FULL
    run = work.Run(scale, 1 if options.quick else options.rounds, progress, options.quick)
    stated = conditions(work.DEVICE)
    folder = options.output or (None if options.quick else FOLDER)
    path = None if folder is None else folder / "results" / f"{device_name(work.DEVICE)}.json"
    subjects: dict[str, Any] = {}
    for name in names:
        progress.begin(name)
        subjects[name] = measured(name, run)
        if path is not None:  # what is measured is not lost if the run ends early
            write(path, combine(path, stated, subjects))
    if path is not None:
        _report(folder, path, whole=options.output is None and not options.quick)
    judged = benchmarks.verdicts.verdicts(subjects)
    if judged:
        print(requirements(judged))
    if options.quick:
        notice("只试运行，数字没有意义。", "A trial run; its numbers mean nothing.")
        return 0
    return 0 if all(verdict.passed for verdict in judged) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="量 rnnlib 与同类实现的速度 | Measure rnnlib beside its peers.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="极小的规模，一轮，什么也不写 | tiny, one round, writes nothing"
    )
    parser.add_argument(
        "--rounds", type=int, default=9, help="每项比较的轮数 | rounds of each comparison (9)"
    )
    parser.add_argument(
        "--only",
        choices=list(SUBJECTS),
        action="append",
        help="只量这一项，可重复 | this alone; may be repeated",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="写到哪里，默认 benchmarks/，并更新书所读的 speed.json | "
        "folder to write to; by default benchmarks/, and the book's speed.json is renewed",
    )
    return parser


def measured(name: str, run: work.Run) -> dict[str, Any]:
    """One subject's results with date, load and seconds."""
    module = importlib.import_module(f"benchmarks.{'profiles' if name == 'profile' else name}")
    begin, start = moment(), time.perf_counter()
    results = module.measure(run)
    seconds = round(time.perf_counter() - start, 2)
    return {"start": begin, "end": moment(), "seconds": seconds, "results": results}


def _report(folder: Path, path: Path, whole: bool) -> None:
    """RESULTS.md from all records there are; from a whole record of a CPU the book's copy, too."""
    found = sorted(path.parent.glob("*.json"))
    records = [json.loads(one.read_text(encoding="utf-8")) for one in found]
    atomic_write(folder / "RESULTS.md", markdown(records).encode())
    record = json.loads(path.read_text(encoding="utf-8"))
    if whole and path.stem == "cpu" and set(SUBJECTS) <= record["subjects"].keys():
        from benchmarks.book import store

        store(record)


if __name__ == "__main__":
    sys.exit(main())
