"""Write results down with everything that is needed to judge them: as Markdown and as JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import rnnlib
from benchmarks.measure import Result


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def conditions(device: torch.device, corpus: rnnlib.Corpus) -> dict[str, Any]:
    """When, where and with what was measured."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "processor": _processor(),
        "device": rnnlib.describe_device(device),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "rnnlib": rnnlib.__version__,
        "d2l": importlib.metadata.version("d2l"),
        "corpus": "tale (embedded)" if corpus.is_substitute else corpus.name,
    }


def _row(result: Result) -> str:
    def cell(rates: Sequence[float], digits: int) -> str:
        middle, low, high = statistics.median(rates), min(rates), max(rates)
        return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"

    comparison = result.comparison
    name = comparison.name.replace("|", "/")
    verdict = "✓" if result.passed else "✗"
    return (
        f"| {name} | {comparison.unit} | {cell(result.ours, 0)} | {cell(result.peer, 0)} "
        f"| {cell(result.ratios, 2)} | ≥ {comparison.required:g} {verdict} |"
    )


def markdown(results: Sequence[Result], where: dict[str, Any]) -> str:
    """The report that people read, in both languages."""
    rounds = len(results[0].ours)
    return "\n".join(
        [
            "# 测量结果 | Results",
            "",
            "由 `make bench` 写成，请勿手改。",
            "",
            "Written by `make bench`; not to be edited by hand.",
            "",
            f"同一进程内两方轮流运行 {rounds} 轮；表中为中位数（最小–最大），比值在每一轮内计算。"
            "两方的数据与初始参数相同。",
            "",
            f"Both sides ran in turn in one process for {rounds} round(s); the table has medians "
            "(lowest–highest), and the ratio is taken within each round. Data and initial parameters are the "
            "same on both sides.",
            "",
            "| 测量 / measurement | 单位 / unit | rnnlib | d2l | rnnlib ÷ d2l | 要求 / required |",
            "|---|---|---:|---:|---:|---:|",
            *map(_row, results),
            "",
            *(f"- {key}: {value}" for key, value in where.items()),
            "",
        ]
    )


def write(results: Sequence[Result], where: dict[str, Any], folder: Path) -> None:
    """Write RESULTS.md and results.json into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "RESULTS.md").write_text(markdown(results, where), encoding="utf-8")
    rows = [
        {
            "name": result.comparison.name,
            "unit": result.comparison.unit,
            "required_ratio": result.comparison.required,
            "ratio": result.ratio,
            "rnnlib": result.ours,
            "d2l": result.peer,
        }
        for result in results
    ]
    text = json.dumps({"conditions": where, "results": rows}, ensure_ascii=False, indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
