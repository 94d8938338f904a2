"""Records of measurements: all runs are there, each a plausible number, and the conclusion follows from them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

from torch import Tensor

from rnnlib.exercises.probe import Probe, number_in
from rnnlib.exercises.replies import BLANK, Unfinished
from rnnlib.exercises.worker import Opaque

SEEDS = 3
HINTS = {
    "no record": (
        "这里要一个字典，实际得到 {kind}。",
        "A dictionary is expected here; what came is of type {kind}.",
    ),
    "missing": (
        "记录里少了 {name!r}。",
        "The record lacks {name!r}.",
    ),
    "too few runs": (
        "{name!r} 要至少 {least} 个种子的结果，一个由数组成的列表；现在是 {came}。",
        "{name!r} needs the results of at least {least} seeds, in a list of numbers; it is {came}.",
    ),
    "not a result": (
        "{name!r} 里的 {came} 不是一个有限的数。",
        "{came} in {name!r} is not a finite number.",
    ),
    "same runs": (
        "{name!r} 的几次结果一模一样：种子换了吗？还是四舍五入了？",
        "All results of {name!r} are exactly the same: did the seed change, or did you round them?",
    ),
    "implausible": (
        "{name!r} 里有 {came}；我们换了至少十个种子，都在 {low} 到 {high} 之内，离两头还远。抄错了一位，还是设置不同？",
        "{name!r} has {came}; our ten or more seeds all came out well inside {low} to {high}. A slip of the pen, or "
        "another setting?",
    ),
    "not a conclusion": (
        "结论只能是 {words} 之一，实际得到 {came!r}。",
        "The conclusion may be one of {words}; what came is {came!r}.",
    ),
    "overlap": (
        "你的数分不出来：{ranges}。有重叠的时候，结论是什么？",
        "Your numbers don't tell them apart: {ranges}. What's the conclusion when ranges overlap?",
    ),
    "no overlap": (
        "你的数分得出来：{ranges}。再看一遍题目的判断规则。",
        "Your numbers do allow a verdict: {ranges}. Read the rule once more.",
    ),
    "conclusion": (
        "结论与你自己的数不合：{ranges}。",
        "The conclusion doesn't agree with your own numbers: {ranges}.",
    ),
}
UNDECIDED = "undecided"


def _has_gap(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_gap, value.values()))
    if isinstance(value, (tuple, list)):
        return any(map(_has_gap, value))
    return value is ...


def _words(value: float, digits: int = 4) -> str:
    """A number for a reply, without an exponent unless it's huge."""
    text = f"{value:.{digits}g}"
    return f"{value:.{digits + 6}f}".rstrip("0") if "e-" in text and abs(value) >= 1e-6 else text


def _shown(value: Any) -> Any:
    """What came, for a reply: data as it is, anything else by its type."""
    return f"<{value.kind}>" if isinstance(value, Opaque) else value


def read(
    probe: Probe, plausible: Mapping[str, tuple[float, float]], least: int = SEEDS
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """The record as it is, and its runs: name -> results; a hint if one is missing or can't be.

    Args:
        probe: of a check whose answer is the record; its task has ``HINTS``.
        plausible: name -> the lowest and the highest result that is believed.
        least: how many runs are asked for.
    """
    record = probe.value(probe.answer)
    if record is None or _has_gap(record):
        raise Unfinished(BLANK)
    kind = getattr(record, "kind", type(record).__name__)
    probe.need(isinstance(record, dict), "no record", kind=kind)
    runs: dict[str, list[float]] = {}
    for name in (*plausible, "conclusion"):
        probe.need(name in record, "missing", name=name)
    for name, (low, high) in plausible.items():
        came = record[name]
        if isinstance(came, Tensor) and came.ndim == 1:
            came = came.tolist()
        enough = isinstance(came, (tuple, list)) and len(came) >= least
        probe.need(enough, "too few runs", name=name, least=least, came=_shown(came))
        runs[name] = []
        for one in came:
            number = number_in(one)
            if number is None or not math.isfinite(number):
                probe.wrong("not a result", name=name, came=_shown(one))
            runs[name].append(number)
        probe.need(len(set(runs[name])) > 1, "same runs", name=name)
        for one in runs[name]:
            limits = {"low": _words(low), "high": _words(high)}
            probe.need(low <= one <= high, "implausible", name=name, came=_words(one), **limits)
    return record, runs


def lowest(groups: Mapping[str, Sequence[float]]) -> str:
    """The name whose results all lie below all others, or ``undecided``."""
    for name, results in groups.items():
        others = [one for other, values in groups.items() if other != name for one in values]
        if max(results) < min(others):
            return name
    return UNDECIDED


def side(results: Sequence[float], limit: float) -> str:
    """``yes`` if all results are below a limit, ``no`` if none is, else ``undecided``."""
    below = sum(one < limit for one in results)
    return "yes" if below == len(results) else UNDECIDED if below else "no"


def ranges_of(groups: Mapping[str, Sequence[float]]) -> str:
    """Smallest and largest result of each, to be quoted; a single number as it is."""

    def said(values: Sequence[float]) -> str:
        low, high = _words(min(values)), _words(max(values))
        return low if len(values) == 1 else f"{low} … {high}"

    return "; ".join(f"{name}: {said(values)}" for name, values in groups.items())


def conclude(
    probe: Probe, came: Any, right: str, words: Collection[str], groups: Mapping[str, Sequence[float]]
) -> None:
    """Reply unless the conclusion is the one that the learner's own results allow."""
    came = str(came) if isinstance(came, (int, str)) and not isinstance(came, bool) else came
    if not isinstance(came, str) or came not in words:
        probe.wrong("not a conclusion", words=", ".join(map(repr, words)), came=_shown(came))
    if came != right:
        _contradicts(probe, came, right, ranges_of(groups))


def _contradicts(probe: Probe, came: str, right: str, ranges: str) -> NoReturn:
    mistake = "overlap" if right == UNDECIDED else "no overlap" if came == UNDECIDED else "conclusion"
    probe.wrong(mistake, ranges=ranges)
