"""Subject: what each step of the ladder buys, for the RNN from scratch, one rung after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks import work
from benchmarks.contenders import has_bf16
from benchmarks.floor import chain_floor
from benchmarks.rounds import alternate, at_threads, digits, ratios, summary, thread_counts
from benchmarks.rungs import LADDER, MKLDNN, Rung
from benchmarks.work import DEVICE, Run

V = 28
STEPS = 8  # training steps in one measurement


def measure(run: Run) -> dict[str, Any]:
    """Training steps of each rung at H = 512, B = 32, T = 35, V = 28 on tokens that are drawn.

    Returns:
        ``shape``, and ``rungs``: a list of ``key``, ``name``, ``difference`` (of loss and gradients from the
        first rung's, relative), ``tolerance``, and ``threads``: number -> ``seconds`` of a training step,
        ``over_first``, ``over_last`` (the rung below); or ``unavailable`` with the reason. ``floor``: number
        of threads -> seconds of the products alone, the least found between the rounds.
    """
    scale = run.scale
    H, B, T = scale.scratch, scale.batch_size, scale.num_steps
    made = work.model("scratch", V, H, seed=1)
    X, Y = work.synthetic(B, T, V)[0]
    reasons = {rung.key: reason for rung in LADDER if (reason := unavailable(rung))}
    there = [rung for rung in LADDER if rung.key not in reasons]
    differences = {rung.key: check(rung, made, X, Y) for rung in there}
    steps = 1 if run.quick else STEPS
    functions = {
        (threads, rung.key): at_threads(threads, trainer(rung, made, X, Y, steps))
        for threads in thread_counts()
        for rung in there
    }
    floor: dict[str, float] = {}

    def after_round(done: int) -> None:
        for n in thread_counts():
            floor[str(n)] = digits(at_threads(n, lambda: chain_floor(B, T, H, V, again=True))())
        run.progress.step(done / run.rounds)

    taken = alternate(functions, run.rounds, after_round=after_round)
    rows = []
    for rung in LADDER:
        row: dict[str, Any] = {"key": rung.key, "name": rung.name}
        if rung.key in reasons:
            rows.append({**row, "unavailable": reasons[rung.key]})
            continue
        below = there[max(there.index(rung) - 1, 0)]
        row |= {"difference": differences[rung.key], "tolerance": rung.tolerance, "threads": {}}
        for threads in thread_counts():
            seconds = taken[threads, rung.key]
            row["threads"][str(threads)] = {
                "seconds": summary([each / steps for each in seconds]),
                "over_first": ratios(taken[threads, LADDER[0].key], seconds),
                "over_last": ratios(taken[threads, below.key], seconds),
            }
        rows.append(row)
    return {"shape": {"H": H, "B": B, "T": T, "V": V}, "rungs": rows, "floor": floor}


def unavailable(rung: Rung) -> str:
    """Why a rung cannot be taken here; empty if it can."""
    if rung.needs and (DEVICE.type != "cpu" or not hasattr(MKLDNN, "_linear_pointwise")):
        return "this torch has no oneDNN products for this device"
    if rung.needs == "bfloat16" and not has_bf16():
        return "this processor has no products in bfloat16"
    return ""


def _parameters(rung: Rung, made: Any) -> list[Tensor]:
    return [p.requires_grad_(rung.by_autograd) for p in work.parameters_of(made)]


def check(rung: Rung, made: Any, X: Tensor, Y: Tensor) -> float:
    """How far loss, gradients and last state are from the first rung's: the largest relative difference.

    The parameters are so large that tanh bends, and the state is not zero, so that every part matters.

    Raises:
        ArithmeticError: if that is more than the rung's tolerance.
    """
    generator = torch.Generator().manual_seed(2)
    H = made.num_hiddens
    H0 = torch.rand(len(X), H, generator=generator).to(DEVICE) - 0.5
    deviations = (0.5, 0.5 / H**0.5, 0.5, 1 / H**0.5, 0.5)
    values = [
        std * torch.randn(p.shape, generator=generator).to(DEVICE)
        for std, p in zip(deviations, made.parameters())
    ]

    def found(one: Rung) -> list[Tensor]:
        params = [value.clone().requires_grad_(one.by_autograd) for value in values]
        loss, grads, state = one.gradients(params, X, Y, H0)
        return [loss, *grads, state]

    pairs = list(zip(found(rung), found(LADDER[0])))
    difference = max(float((a - b).norm() / b.norm()) for a, b in pairs)
    if not difference <= rung.tolerance:
        raise ArithmeticError(
            f"the rung {rung.key!r} is {difference:.2g} away from the first one; at most {rung.tolerance:g} "
            "is allowed. It does not compute the same, so its time means nothing: mend it in "
            "benchmarks/rungs.py."
        )
    return digits(difference, 2)


def trainer(rung: Rung, made: Any, X: Tensor, Y: Tensor, steps: int) -> Callable[[], None]:
    """Takes so many training steps: loss, gradients, clip, update; the state is carried."""
    params = _parameters(rung, made)

    def train() -> None:
        state = torch.zeros(len(X), made.num_hiddens, device=DEVICE)
        for _ in range(steps):
            _, grads, state = rung.gradients(params, X, Y, state)
            rung.update(params, grads)

    return train
