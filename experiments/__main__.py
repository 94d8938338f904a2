"""Run one experiment and store its results: ``make experiment NAME=comparison``."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from datetime import date
from pathlib import Path

import torch

import rnnlib
from rnnlib.common import atomic_write
from rnnlib.results import FOLDER

HERE = Path(__file__).parent


def experiments() -> list[str]:
    """The names of the experiments: the modules with a function ``run``."""
    return sorted(path.stem for path in HERE.glob("*.py") if "\ndef run(" in path.read_text(encoding="utf-8"))


def conditions(seconds: float, cpu_seconds: float) -> dict[str, object]:
    """What somebody has to know who compares these results with others."""
    return {
        "hardware": rnnlib.describe_device("cpu").split(", torch")[0],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "rnnlib": rnnlib.__version__,
        "date": date.today().isoformat(),
        "seconds": round(seconds),
        "cpu_seconds": round(cpu_seconds),  # those that a busy machine cannot stretch
    }


def main() -> int:
    """Run the experiment that is named."""
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("name", choices=experiments(), help="which experiment")
    name = parser.parse_args().name
    torch.set_num_threads(1)
    module = importlib.import_module(f"experiments.{name}")
    start, cpu_start = time.perf_counter(), time.process_time()
    results = module.run()
    record = {
        "experiment": name,
        "question": (module.__doc__ or "").split("\n\n")[0].replace("\n", " "),
        "conditions": conditions(time.perf_counter() - start, time.process_time() - cpu_start),
        "results": results,
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    atomic_write(FOLDER / f"{name}.json", text.encode())
    print(f"rnnlib/results/{name}.json: {record['conditions']['seconds']} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
