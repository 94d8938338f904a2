"""``python -m benchmarks [--quick] [--rounds N] [--only SUBJECT] [--output FOLDER]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from benchmarks import SUBJECTS
from benchmarks.measure import measure
from benchmarks.pairs import DEVICE, text
from benchmarks.report import conditions, markdown, write


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the report; 1 if a ratio is below what is required, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure rnnlib beside d2l.")
    parser.add_argument("--quick", action="store_true", help="tiny work, one round: does it run?")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each comparison (default 9)")
    parser.add_argument(
        "--only", choices=SUBJECTS, action="append", help="this subject alone; may be repeated"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="folder for RESULTS.md and results.json (default benchmarks/; with --quick nothing is written)",
    )
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    results = []
    for subject in options.only or SUBJECTS:
        for comparison in importlib.import_module(f"benchmarks.{subject}").comparisons(options.quick):
            print(comparison.name, "...", file=sys.stderr, flush=True)
            results.append(measure(comparison, rounds))
    where = conditions(DEVICE, text().corpus)
    print(markdown(results, where))
    folder = options.output or (None if options.quick else Path(__file__).parent)
    if folder is not None:
        write(results, where, folder)
    return 0 if options.quick or all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
