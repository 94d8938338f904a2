"""Make the packs that are named, or all: ``make packs NAME="gates units"``."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

import torch

from packs.pack import FOLDER, Pack, conditions

NAMES = (
    "latin",
    "chinese",
    "gates",
    "units",
    "taggers",
    "sight",
    "courses",
    "playground",
    "playground_verse",
    "quizzes",
    "speed",
    "alignment",
)


def main() -> int:
    """Make packs one after the other; each prints its table and how long it took."""
    parser = argparse.ArgumentParser(prog="python -m packs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names or NAMES
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"there is no pack {unknown[0]!r}; there are {', '.join(NAMES)}")
    torch.set_num_threads(1)
    for name in names:
        module = importlib.import_module(f"packs.{name}")
        pack = Pack(name, module.ABOUT)
        start, cpu = time.perf_counter(), time.process_time()
        content = module.make(pack)
        used = conditions(time.perf_counter() - start, time.process_time() - cpu, **module.CONDITIONS)
        path = pack.write(used, **content)
        print(f"{path.relative_to(FOLDER.parents[2])}: {path.stat().st_size:,} bytes, {used['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
