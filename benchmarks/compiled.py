"""Whether torch.compile can take part, tried in a process of its own that may be ended.

The compiled code lands in a cache on disk, from which this process then takes it within seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import torch

from benchmarks import work
from benchmarks.contenders import Unavailable, build

LIMIT = 120  # seconds
ROOT = Path(__file__).parent.parent


@cache
def _cache_folder() -> str:
    """A folder for compiled code that lasts as long as this process."""
    return _folder().name


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="benchmarks-compiled-", ignore_cleanup_errors=True)


@cache
def prepare(kind: str, language: str, threads: int) -> float:
    """Compile a model's training step with so many threads into the cache; the seconds it took.

    Raises:
        Unavailable: without a C++ compiler, if it takes more than two minutes, or if it fails.
    """
    if work.DEVICE.type == "cpu" and not any(map(shutil.which, ("g++", "clang++", "c++", "cl"))):
        raise Unavailable("no C++ compiler was found")
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = _cache_folder()
    command = [sys.executable, "-m", "benchmarks.compiled", kind, language, str(threads)]
    start = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"compiling took more than {LIMIT} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise Unavailable(f"compiling failed: {lines[-1][:200]}")
    return time.perf_counter() - start


def main(kind: str, language: str, threads: str) -> None:
    """Compile and make one pass."""
    torch.set_num_threads(int(threads))
    text = work.text(language, work.FULL)
    H = work.FULL.scratch if kind == "scratch" else work.FULL.layer
    contender = build("compile", work.model(kind, len(text.vocab), H), work.Batches(text.batches[:2]))
    contender.epoch()


if __name__ == "__main__":
    main(*sys.argv[1:])
