"""The benchmarks run, take turns, and say when a requirement is missed. No speed is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("d2l", reason="the package d2l, which the benchmarks measure against, is not installed")

from benchmarks import training
from benchmarks.__main__ import main
from benchmarks.measure import Comparison, Result, measure

ROOT = Path(__file__).parent.parent


def test_quick_run_writes_both_reports(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(tmp_path)]
    environment = os.environ | {"RNNLIB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    written = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert report in done.stdout
    assert [row["required_ratio"] for row in written["results"]] == [1.0] * 2 + [2.0] * 4
    for row in written["results"]:
        assert row["rnnlib"][0] > 0 and row["d2l"][0] > 0
        assert row["ratio"] == pytest.approx(row["rnnlib"][0] / row["d2l"][0])
    for key in ("date", "processor", "device", "threads", "torch", "d2l", "corpus"):
        assert f"- {key}: {written['conditions'][key]}" in report


def test_sides_take_turns():
    calls = []

    def side(name, units):
        return lambda: calls.append(name) or units

    comparison = Comparison("a | b", "x/s", 1.0, side("ours", 3), side("peer", 1))
    result = measure(comparison, rounds=2)
    assert calls == ["ours", "peer", "ours", "peer", "peer", "ours"]
    assert len(result.ours) == len(result.peer) == 2
    with pytest.raises(ValueError, match="rounds=0"):
        measure(comparison, rounds=0)


def test_a_missed_requirement_shows():
    comparison = Comparison("a | b", "x/s", 2.0, int, int)
    result = Result(comparison, [10.0, 30.0, 21.0], [10.0, 10.0, 10.0])
    assert result.ratios == [1.0, 3.0, 2.1]
    assert result.ratio == 2.1 and result.passed
    assert not Result(comparison, [19.0], [10.0]).passed


def test_exit_status_follows_the_requirements(monkeypatch, tmp_path):
    for required, status in ((0.0, 0), (1e9, 1)):
        comparison = Comparison("a | b", "x/s", required, lambda: 1, lambda: 1)
        monkeypatch.setattr(training, "comparisons", lambda quick, one=comparison: [one])
        assert main(["--only", "training", "--rounds", "2", "--output", str(tmp_path)]) == status
