"""The record as JSON, and as tables in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import NAMES
from benchmarks.grid import line
from benchmarks.verdicts import Verdict, verdicts
from rnnlib.common import atomic_write

FOLDER = Path(__file__).parent
FLOORS = {
    "float32": "只有乘积 | the products alone",
    "bfloat16": "只有乘积，bfloat16 | the products alone, bfloat16",
}
_WAYS = {"d2l": "d2l", "plain": "fast=False", "fast": "fast=True"}


def combine(path: Path, conditions: dict[str, Any], subjects: dict[str, Any]) -> dict[str, Any]:
    """The record with new subjects: those of an earlier run stay if its conditions were the same."""
    earlier: dict[str, Any] = {}
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["conditions"] == conditions:
            earlier = stored["subjects"]
    return {"conditions": conditions, "subjects": earlier | subjects}


def write(path: Path, record: Any, indent: int | None = 1) -> None:
    """Write JSON all at once; a line for each number would be too long."""
    text = json.dumps(record, ensure_ascii=False, indent=indent, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, (_fold(text) + "\n").encode())


def _fold(text: str) -> str:
    """Lists of plain numbers on one line each."""
    return re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s+\]", lambda found: f"[{_on_one_line(found[1])}]", text)


def _on_one_line(items: str) -> str:
    return re.sub(r",\n\s+", ", ", items)


def markdown(records: Sequence[dict[str, Any]]) -> str:
    """RESULTS.md: one part for each device."""
    parts = [
        "# 测量结果 | Results",
        "由 `make bench` 写成，请勿手改。同一进程内各方轮流运行，每一轮次序相反；"
        "表中为中位数（下四分位–上四分位），比值在每一轮内计算。",
        "Written by `make bench`; not to be edited by hand. All ran in turn in one process, in the opposite "
        "order each round; the tables have medians (lower quartile–upper quartile), and ratios are taken "
        "within each round.",
    ]
    for record in records:
        parts += [f"## {record['conditions']['device']}", *_parts(record)]
    return "\n\n".join(parts) + "\n"


def _parts(record: dict[str, Any]) -> Iterable[str]:
    subjects = record["subjects"]
    judged = verdicts(subjects)
    if judged:
        yield "### 要求 | Requirements"
        yield requirements(judged)
    sections = {
        "training": ("### 训练：每秒词元数 | Training: tokens a second", _training),
        "learning": ("### 学得一样吗 | Is the learning the same", _learning),
        "generation": ("### 生成：每秒字符数 | Generation: characters a second", _generation),
        "ladder": ("### 每一步换来多少 | What each step buys", _ladder),
        "grid": ("### 一步训练的时间 | Time of one training step", _grid),
        "profile": ("### 一步训练由什么组成 | What one training step consists of", _profile),
    }
    for subject, (heading, table) in sections.items():
        if subject in subjects:
            yield heading
            yield from table(
                subjects[subject]["results"] if "results" in subjects[subject] else subjects[subject]
            )
    yield "### 条件 | Conditions"
    yield "\n".join(f"- {key}: {_plain(value)}" for key, value in record["conditions"].items())
    yield "\n".join(f"- {name}: {_when(subjects[name])}" for name in subjects)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _when(subject: dict[str, Any]) -> str:
    start, end = subject["start"], subject["end"]
    return f"{start['date']}, {subject['seconds']} s, load {start['load']} → {end['load']}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; ``中文 | English`` in a cell becomes ``中文 / English``."""
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace(" | ", " / ") for cell in line) + " |" for line in lines)


def spread(numbers: dict[str, Any], scale: float = 1.0, form: str = ",.0f") -> str:
    """Median and quartiles."""
    middle, (low, high) = numbers["median"] * scale, (each * scale for each in numbers["quartiles"])
    return f"{middle:{form}} ({low:{form}}–{high:{form}})"


def requirements(judged: Sequence[Verdict]) -> str:
    """✓ or ✗ for each."""
    rows = [
        [
            verdict.name,
            "—" if verdict.found is None else f"{verdict.found:.2f}",
            f"≥ {verdict.required:g} {'✓' if verdict.passed else '✗'} {verdict.why}".rstrip(),
        ]
        for verdict in judged
    ]
    return table(["比值 | ratio to d2l", "量得 | measured", "要求 | required"], rows)


def _training(results: dict[str, Any]) -> Iterable[str]:
    for one in results.values():
        read = one["text"]
        size = f"V = {read['V']:,}, B = {read['B']}, T = {read['T']}"
        yield f"**{one['title'].replace(' | ', ' / ')}**: {read['corpus']}, {size}"
        titles = ["参赛者 | contender"]
        for threads in one["threads"]:
            titles += [f"{threads} 线程 | threads: {threads}", "÷ d2l"]
        rows = []
        for key, name in NAMES.items():
            row = [name]
            for contenders in one["threads"].values():
                numbers = contenders.get(key)
                row += (
                    [spread(numbers["tokens_per_second"]), spread(numbers["over_d2l"], form=".2f")]
                    if numbers
                    else [one["unavailable"].get(key, "—"), "—"]
                )
            if any(key in contenders for contenders in one["threads"].values()) or key in one["unavailable"]:
                rows.append(row)
        for key, name in FLOORS.items():
            row = [name]
            for threads, floors in one["floor"].items():
                first = one["threads"][threads]["d2l"]["tokens_per_second"]["median"]
                row += [f"{floors[key]:,.0f}", f"{floors[key] / first:.2f}"] if key in floors else ["—", "—"]
            rows.append(row)
        yield table(titles, rows)


def _learning(results: dict[str, Any]) -> Iterable[str]:
    rows = []
    for work, contenders in results["curves"].items():
        for key, one in contenders.items():
            if "losses" in one:
                mark = {True: "✓", False: "✗", None: ""}[one.get("counts")]
                rows.append([f"{work}, {key}", f"{one['losses'][-1]:.4f}", f"{one['difference']:.1e} {mark}"])
    yield table(
        ["谁 | who", "最后的损失（nat） | last loss (nats)", "与普通循环的最大相对差 | largest difference"],
        rows,
    )
    rows = [
        [kind, *(f"{one[key]:+.2%}" for key in ("worse_by", "nudged_by")), "✓" if one["counts"] else "✗"]
        if "counts" in one
        else [kind, one["unavailable"], "—", "—"]
        for kind, one in results["long"].items()
    ]
    titles = ["bfloat16", "损失最多差多少 | loss worse by at most"]
    titles += ["float32，初值差一个舍入 | float32, begun a rounding apart", "算数 | counts"]
    yield table(titles, rows)


def _generation(results: dict[str, Any]) -> Iterable[str]:
    rows = []
    for one in results.values():
        for threads, writers in one["threads"].items():
            name = f"{one['title'].replace(' | ', ' / ')}, {threads}"
            row = [name] + [spread(writers[key]["characters_per_second"]) for key in ("d2l", "one", "many")]
            rows.append(row + [f"{writers[key]['over_d2l']['median']:.2f}" for key in ("one", "many")])
    texts = next(iter(results.values()))["rows"]
    titles = [
        "模型，线程 | model, threads",
        "d2l",
        "rnnlib",
        f"rnnlib × {texts}",
        "÷ d2l",
        f"× {texts} ÷ d2l",
    ]
    yield table(titles, rows)


def _ladder(results: dict[str, Any]) -> Iterable[str]:
    titles = ["台阶 | rung"]
    for threads in results["floor"]:
        titles += [
            f"{threads} 线程，毫秒 | ms, threads: {threads}",
            "÷ 第一级 | ÷ first",
            "÷ 上一级 | ÷ last",
        ]
    rows = []
    for rung in results["rungs"]:
        row = [rung["name"]]
        for threads in results["floor"]:
            numbers = rung.get("threads", {}).get(threads)
            row += (
                [spread(numbers["seconds"], 1e3, ".1f")]
                + [f"{numbers[key]['median']:.2f}" for key in ("over_first", "over_last")]
                if numbers
                else [rung["unavailable"], "—", "—"]
            )
        rows.append(row)
    first = results["rungs"][0]["threads"]
    row = ["只有乘积 | the products alone"]
    for threads, floor in results["floor"].items():
        row += [f"{floor * 1e3:.1f}", f"{first[threads]['seconds']['median'] / floor:.2f}", "—"]
    yield table(titles, [*rows, row])


def _grid(results: dict[str, Any]) -> Iterable[str]:
    yield (
        f"V = {results['V']}, {results['threads']} 线程 / threads. "
        f"估计一步超过 {results['budget']:g} 秒的没有量 / "
        f"what was estimated to take more than {results['budget']:g} s a step was left out."
    )
    for kind, start in results["base"].items():
        rows = []
        for axis in ("H", "B", "T", "L"):
            for row in line(results["cells"], start, axis):
                times = [
                    f"{row['seconds'][way]['median'] * 1e3:.3g}" if way in row["seconds"] else "—"
                    for way in _WAYS
                ]
                best = max(row["share"].values())
                rows.append(
                    [f"{kind}, {axis} = {row[axis]}", *times, f"{row['floor'] * 1e3:.3g}", f"{best:.0%}"]
                )
        titles = [_size(start), *(f"{name}, ms" for name in _WAYS.values())]
        yield table([*titles, "只有乘积，毫秒 | products alone, ms", "最好的占比 | best share"], rows)
    rows = [
        [f"{kind}, {axis}, {way}", *_exponents(fit)]
        for kind, axes in results["exponents"].items()
        for axis, ways in axes.items()
        for way, fit in ways.items()
        if fit
    ]
    yield table(["时间的指数 | exponent of time", "全部 | all", "上半 | upper half"], rows)


def _size(start: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {start[key]}" for key in ("H", "B", "T", "L"))


def _exponents(fit: dict[str, Any]) -> list[str]:
    return [
        f"{fit[key]:.2f} ({fit[where][0]}–{fit[where][1]})"
        for key, where in (("all", "range"), ("upper", "upper_range"))
    ]


def _profile(results: dict[str, Any]) -> Iterable[str]:
    titles = ["谁 | who", "运算 | operations", "乘积 | products", "乘积占时 | time in products"]
    titles += ["整层 | whole layers", "逐元素 | elementwise", "其余 | overhead"]
    kinds = ("products", "layers", "elementwise", "overhead")
    rows = [
        [
            name,
            str(one["operations"]),
            str(one["products"]),
            *(f"{one['share_' + kind]:.0%}" for kind in kinds),
        ]
        for group in ("rungs", "contenders")
        for name, one in results[group].items()
    ]
    yield table(titles, rows)
