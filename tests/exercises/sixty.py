"""Sixty simulated students hand in set A: right, wrong, unfinished, crashing, hostile. How long does grading take?

    PYTHONPATH=book/_tools python -m tests.exercises.sixty

Each attack is bounded by itself. The exit code is 1 if a harmless student got other points than alone, if a
hostile one got any for the exercise attacked, or if it took ten minutes.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from exercise_cells import Exercise, all_exercises

from .bank import RIGHT, WRONG, code_of

LIMIT = 600.0  # seconds
SET = "a_layers"
ATTACKS = {
    "an endless loop": "while True:\n    pass\n",
    "sleep": "import time\ntime.sleep(60)\n",
    "a fork bomb": "import os, time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(15)\n        os._exit(0)\n",
    "all the memory": "hoard = [bytearray(10**8) for _ in range(12)]\nraise MemoryError\n",
    "sys.exit": "import sys\nsys.exit(0)\n",
    "os._exit": "import os\nos._exit(0)\n",
    "the reference": "import rnnlib.exercises.layers\n",
    "a password": "open('/etc/passwd').read()\n",
    "a neighbor": "import pathlib\n[p.read_text() for p in pathlib.Path('.').resolve().parent.rglob('*.ipynb')]\nopen('../x')\n",
    "writing outside": "open('/tmp/outside', 'w').write('x')\n",
    "a socket": "import socket\nsocket.create_connection(('127.0.0.1', 9), 2)\n",
    "another program": "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo'], check=True)\n",
    "noise": "for _ in range(2000):\n    print('x' * 500_000)\nraise SystemExit\n",
    "killing": "import os, signal\nfor n in (1, os.getppid(), -1):\n    try:\n        os.kill(n, 9)\n    except OSError:\n        pass\nraise SystemExit\n",
    "patching": "torch.allclose = torch.equal = lambda *a, **k: True\nraise SystemExit\n",
}


def students(own: dict[str, Exercise]) -> Iterator[tuple[str, dict[str, str], dict[str, float]]]:
    """(name, exercise -> code, exercise -> points that are known beforehand)."""
    solved = {name: one.solution for name, one in own.items()}
    for n in range(15):  # right, in all the styles of the bank
        styles = {name: list(RIGHT[name].values()) for name in own}
        answers = {name: code_of(styles[name][n % len(styles[name])], own[name].solution) for name in own}
        yield f"right {n}", answers, dict.fromkeys(own, 1.0)
    for n in range(15):  # one mistake each, in every exercise
        wrong = {name: list(WRONG[name].items()) for name in own}
        answers = {name: code_of(wrong[name][n % len(wrong[name])][1], own[name].solution) for name in own}
        yield f"wrong {n}", answers, {}
    for n in range(5):
        yield f"unfinished {n}", {name: one.stub for name, one in own.items()}, dict.fromkeys(own, 0.0)
    for n in range(5):
        broken = {name: f"raise RuntimeError({n})" if k == n else solved[name] for k, name in enumerate(own)}
        points = {name: float(k != n) for k, name in enumerate(own)}
        yield f"crashing {n}", broken, points
    for n in range(5):
        part = {name: solved[name] for k, name in enumerate(own) if k <= n}
        yield f"part {n}", part, {name: float(name in part) for name in own}
    for what, code in ATTACKS.items():
        yield f"hostile, {what}", solved | {"A1": code + solved["A1"]}, {"A1": 0.0, "A2": 1.0, "A5": 1.0}


def main() -> int:
    """Build the class, grade it, compare; the exit code."""
    own = {name: one for name, one in all_exercises().items() if one.path.stem == SET}
    with tempfile.TemporaryDirectory() as home:
        folder, out, expected = Path(home) / "submissions", Path(home) / "reports", {}
        folder.mkdir()
        for student, answers, points in students(own):
            cells = [nbformat.v4.new_code_cell(code, id=f"answer-{name}") for name, code in answers.items()]
            made = nbformat.v4.new_notebook(cells=cells, metadata={"rnnlib": {"exercises": list(own)}})
            nbformat.write(made, folder / f"{student}.ipynb")
            expected[student] = points
        began = time.monotonic()
        command = [sys.executable, "-m", "rnnlib.exercises", "grade", str(folder), "--out", str(out)]
        done = subprocess.run([*command, "--no-progress"], capture_output=True, text=True)
        seconds = time.monotonic() - began
        if done.returncode:
            print(done.stderr)
            return 1
        with open(out / "grades.csv", newline="", encoding="utf-8-sig") as file:
            table = {line["student"]: line for line in csv.DictReader(file)}
        off = [
            f"{student}: {name} has {table[student][name]}, not {value}"
            for student, points in expected.items()
            for name, value in points.items()
            if abs(float(table[student][name]) - value) > 1e-6
        ]
    print("\n".join(off))
    print(
        f"{len(expected)} submissions, {len(expected) * len(own)} answers graded in {seconds:.0f} s; {len(off)} surprises"
    )
    return bool(off) or seconds > LIMIT


if __name__ == "__main__":
    sys.exit(main())
