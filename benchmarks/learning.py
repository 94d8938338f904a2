"""Subject: every contender learns the same. Who does not, does not count."""

from __future__ import annotations

from typing import Any

import torch

import rnnlib
from benchmarks import compiled, work
from benchmarks.contenders import Contender, Unavailable, build, keys
from benchmarks.rounds import digits
from benchmarks.work import KINDS, Run, Text

FLOAT_TOLERANCE = 1e-3  # of a float32 contender's loss against the plain loop's, relative
NUDGE = 1e-7  # of the first parameters, relative: as much as rounding moves them
TIMES_NUDGE = 4  # where training magnifies rounding, so many times the difference that the nudge makes
BF16_TOLERANCE = 0.02  # of bfloat16's training and held-out loss at the end against float32's, relative


def measure(run: Run) -> dict[str, Any]:
    """The loss of every contender after every epoch, from the same parameters on the same batches.

    Returns:
        ``curves``: work (``"scratch en"``) -> contender -> ``losses``, ``difference`` (the largest relative
        difference from the plain float32 loop) and ``counts``, or ``unavailable`` with the reason;
        ``nudged`` is the plain loop from parameters that differ by rounding. bfloat16 counts by ``long``, the
        same for more epochs and several seeds, with the held-out loss. ``tolerance`` names the bounds.
    """
    works = [(kind, "en") for kind in KINDS] + [("scratch", "zh")]
    curves, long = {}, {}
    for i, (kind, language) in enumerate(works):
        run.progress.step(0.25 * i / len(works), f"{kind} {language}")
        curves[f"{kind} {language}"] = _curves(run, kind, work.text(language, run.scale))
    for i, (kind, language) in enumerate(works):
        run.progress.step(0.25 + 0.75 * i / len(works), f"bfloat16, {kind} {language}")
        long[f"{kind} {language}"] = _long_curves(run, kind, work.text(language, run.scale))
    return {
        "curves": curves,
        "long": long,
        "tolerance": {"float32": FLOAT_TOLERANCE, "bfloat16": BF16_TOLERANCE},
    }


def size_of(kind: str, run: Run) -> int:
    """H."""
    return run.scale.scratch if kind == "scratch" else run.scale.layer


def contender(
    run: Run,
    key: str,
    kind: str,
    text: Text,
    *,
    seed: int = 0,
    threads: int = 0,
    batches: work.Batches | None = None,
) -> Contender:
    """A contender with fresh parameters; a compiled one is compiled first, for so many threads.

    It reads the text's batches if it is given no others.

    Raises:
        Unavailable: if it cannot take part here.
    """
    if key == "compile":
        if run.quick or text.language != "en":
            raise Unavailable(
                "--quick leaves the compiler out" if run.quick else "compiled for English alone"
            )
        compiled.prepare(kind, text.language, threads or torch.get_num_threads())
    made = work.model(kind, len(text.vocab), size_of(kind, run), seed=seed)
    return build(key, made, text.batches if batches is None else batches)


def _curves(run: Run, kind: str, text: Text) -> dict[str, Any]:
    epochs = run.scale.curve if text.language == "en" else run.scale.curve // 2
    found: dict[str, Any] = {}
    for key in ["loop", "nudged", *(key for key in keys(kind) if key != "loop")]:
        try:
            one = _nudged(run, kind, text) if key == "nudged" else contender(run, key, kind, text)
            losses = [one.epoch() for _ in range(epochs)]
        except Unavailable as reason:
            found[key] = {"unavailable": str(reason)}
            continue
        apart = [abs(a - b) / b for a, b in zip(losses, found["loop"]["losses"] if found else losses)]
        found[key] = {"losses": [digits(loss, 7) for loss in losses], "difference": digits(max(apart), 2)}
        if key not in ("bf16", "fp16", "nudged"):
            most = max(FLOAT_TOLERANCE, TIMES_NUDGE * found.get("nudged", {}).get("difference", 0))
            found[key]["counts"] = apart[0] <= FLOAT_TOLERANCE and max(apart) <= most
    return found


def _nudged(run: Run, kind: str, text: Text, key: str = "loop", seed: int = 0) -> Contender:
    made = work.model(kind, len(text.vocab), size_of(kind, run), seed=seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(1 + NUDGE * torch.randn_like(parameter))
    return build(key, made, text.batches)


def _long_curves(run: Run, kind: str, text: Text) -> dict[str, Any]:
    """The fast path, every seed: losses of all epochs, held-out loss at the end.

    ``nudged`` is float32 from parameters that differ by rounding: what it changes, bfloat16 may change, too.
    """
    found: dict[str, Any] = {"fast": [], "nudged": [], "bf16": []}
    try:
        for seed in range(run.scale.seeds):
            for key in found:
                if key == "nudged":
                    one = _nudged(run, kind, text, "fast", seed)
                else:
                    one = contender(run, key, kind, text, seed=seed)
                found[key].append(_long_curve(run, one, text))
    except Unavailable as reason:
        return {"unavailable": str(reason)}
    found["worse_by"] = digits(_worse_by(found["fast"], found["bf16"]), 2)
    found["nudged_by"] = digits(_worse_by(found["fast"], found["nudged"]), 2)
    found["counts"] = found["worse_by"] <= max(BF16_TOLERANCE, found["nudged_by"])
    return found


def _worse_by(runs: list[dict[str, Any]], others: list[dict[str, Any]]) -> float:
    """How much worse the others end at most, relative: in training, held out, with any seed."""
    return max(b[which] / a[which] - 1 for a, b in zip(runs, others) for which in ("train", "valid"))


def _long_curve(run: Run, one: Contender, text: Text) -> dict[str, Any]:
    losses = [digits(one.epoch(), 5) for _ in range(run.scale.long_curve)]
    valid = torch.tensor(rnnlib.perplexity(one.model, text.valid), dtype=torch.float64).log()
    return {"losses": losses, "train": losses[-1], "valid": digits(float(valid), 5)}
