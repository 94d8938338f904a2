"""The ratios that the project asks of itself, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import has_bf16
from benchmarks.work import KINDS


@dataclass(frozen=True)
class Verdict:
    """One requirement.

    Attributes:
        name: what is compared, Chinese | English.
        required: the least ratio.
        found: the median ratio; None if there is none.
        why: what keeps it from counting; empty if nothing does.
    """

    name: str
    required: float
    found: float | None
    why: str = ""

    @property
    def passed(self) -> bool:
        """Whether the ratio counts and is reached."""
        return not self.why and self.found is not None and self.found >= self.required


TRAINING = (  # work, contender, threads (None: the most that were measured), required
    ("scratch en", "fast", "2", 1.5),
    ("scratch en", "fast", "1", 1.35),
    ("scratch en", "bf16", "2", 2.0),
    ("scratch zh", "fast", None, 1.5),
    ("rnn en", "fast", None, 1.2),
    ("lstm en", "fast", None, 1.1),
    ("gru en", "fast", None, 1.4),
)
GENERATION = {"one": 4.0, "many": 10.0}
_GENERATED = {"one": ("一篇", "one text"), "many": ("{} 篇同时", "{} texts at once")}


def verdicts(subjects: dict[str, Any]) -> list[Verdict]:
    """One for every requirement on the subjects that were measured."""
    results = {name: subject["results"] for name, subject in subjects.items()}
    found: list[Verdict] = []
    if "training" in results:
        found += _training(results["training"], results.get("learning", {}))
    if "generation" in results:
        found += _generation(results["generation"])
    return found


def _training(training: dict[str, Any], learning: dict[str, Any]) -> Iterator[Verdict]:
    for work, key, threads, required in TRAINING:
        one = training[work]
        threads = threads or max(one["threads"])
        if threads not in one["threads"] or (key == "bf16" and not has_bf16()):
            continue
        row = one["threads"][threads].get(key)
        zh, en = one["title"].split(" | ")
        corpus = one["text"]["corpus"]
        name = f"训练 {corpus}，{zh}，{key}，{threads} 线程 | "
        name += f"training on {corpus}, {en}, {key}, threads: {threads}"
        if row is None:
            yield Verdict(name, required, None, one["unavailable"].get(key, "not measured"))
        else:
            yield Verdict(name, required, row["over_d2l"]["median"], _why(learning, work, key))


def _why(learning: dict[str, Any], work: str, key: str) -> str:
    """Why a contender does not count: it does not learn the same."""
    if not learning:
        return ""
    record = learning["long"][work] if key == "bf16" else learning["curves"][work][key]
    if record.get("counts", False):
        return ""
    return record.get("unavailable", "its learning curve is worse than allowed")


def _generation(generation: dict[str, Any]) -> Iterator[Verdict]:
    for kind in KINDS:
        one = generation[kind]
        zh, en = one["title"].split(" | ")
        for key, required in GENERATION.items():
            how = [text.format(one["rows"]) for text in _GENERATED[key]]
            for threads, rows in one["threads"].items():
                name = (
                    f"生成，{zh}，{how[0]}，{threads} 线程 | generation, {en}, {how[1]}, threads: {threads}"
                )
                yield Verdict(name, required, rows[key]["over_d2l"]["median"])
