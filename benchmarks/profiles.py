"""Subject: what one training step consists of: how many operations, and where the time goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks import ladder, work
from benchmarks.contenders import NAMES, Unavailable
from benchmarks.learning import contender
from benchmarks.rounds import digits, seconds
from benchmarks.rungs import LADDER
from benchmarks.work import KINDS, Batches, Run

PRODUCTS = ("mm", "addmm", "addmm_", "bmm", "baddbmm", "mv", "addmv", "addmv_", "_linear_pointwise")
PRODUCTS += ("_reorder_linear_weight", "mkldnn_linear", "_mkl_linear", "_mkl_reorder_linear_weight", "dot")
LAYERS = ("mkldnn_rnn_layer", "mkldnn_rnn_layer_backward", "_cudnn_rnn", "_cudnn_rnn_backward")
NOTHING = ("empty", "empty_like", "empty_strided", "as_strided", "view", "reshape", "_unsafe_view", "select")
NOTHING += ("t", "transpose", "unbind", "expand", "slice", "detach", "detach_", "resize_", "squeeze", "lift")
NOTHING += (
    "unsqueeze",
    "flatten",
    "narrow",
    "split",
    "permute",
    "alias",
    "numpy_T",
    "chunk",
    "to",
    "matmul",
    "linear",
)
NOTHING += ("result_type", "resolve_conj", "resolve_neg", "item", "_local_scalar_dense", "is_nonzero")
NOTHING += ("view_as", "expand_as", "unflatten", "contiguous", "set_", "new_empty", "new_empty_strided")

REPEATS = 5


def measure(run: Run) -> dict[str, Any]:
    """One training step under the profiler, with one thread.

    Returns:
        ``rungs`` (of the ladder) and ``contenders`` (``"scratch d2l"``): name -> ``operations`` (those that
        are no part of another one), ``products`` (how many), and the shares of the time: ``share_products``,
        ``share_layers`` (whole recurrent layers as one operation), ``share_elementwise`` (every other
        operation that computes or copies) and ``share_overhead`` (Python, autograd's books, views, memory,
        dispatch). ``method`` says how the shares were found.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rungs = _rungs(run)
        run.progress.step(0.3, "")
        return {"rungs": rungs, "contenders": _contenders(run), "method": " ".join(_shares.__doc__.split())}
    finally:
        torch.set_num_threads(before)


def _rungs(run: Run) -> dict[str, Any]:
    scale = run.scale
    made = work.model("scratch", ladder.V, scale.scratch, seed=1)
    X, Y = work.synthetic(scale.batch_size, scale.num_steps, ladder.V)[0]
    there = [rung for rung in LADDER if not ladder.unavailable(rung)]
    return {rung.key: profiled(ladder.trainer(rung, made, X, Y, 1)) for rung in there}


def _contenders(run: Run) -> dict[str, Any]:
    text = work.text("en", run.scale)
    one_step = Batches(text.batches[:1])
    found = {}
    for i, kind in enumerate(KINDS):
        run.progress.step(0.3 + 0.7 * i / len(KINDS), kind)
        for key in (key for key in NAMES if key not in ("nn.RNN", "compile")):
            try:
                one = contender(run, key, kind, text, batches=one_step)
            except Unavailable:
                continue
            found[f"{kind} {key}"] = profiled(one.epoch)
    return found


def profiled(step: Callable[[], Any]) -> dict[str, Any]:
    """Operations and shares of that call of several whose overhead is the median: as they come from one call,
    the shares add up to one.
    """
    step()
    several = [_once(step) for _ in range(REPEATS)]
    return sorted(several, key=lambda one: one["share_overhead"])[REPEATS // 2]


def _once(step: Callable[[], Any]) -> dict[str, float]:
    activities = [ProfilerActivity.CPU]
    if work.DEVICE.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as record:
        taken = seconds(step)
    events = operations(record.events())
    return _counts(events) | _shares(events, taken)


def operations(events: list[Any]) -> list[Any]:
    """The operations among what was recorded: neither kernels, which are counted with what launched them, nor
    autograd's books.
    """
    return [
        event
        for event in events
        if "::" in event.name and "autograd" not in event.name and event.device_type == DeviceType.CPU
    ]


def _kind(event: Any) -> str:
    name = event.name.split("::")[-1].split(".")[0]
    if name in PRODUCTS:
        return "products"
    if name in LAYERS:
        return "layers"
    return "nothing" if name in NOTHING else "elementwise"


def _counts(events: list[Any]) -> dict[str, int]:
    top = [event for event in events if not _inside_another(event)]
    return {"operations": len(top), "products": sum(_kind(event) == "products" for event in events)}


def _inside_another(event: Any) -> bool:
    parent = event.cpu_parent
    while parent is not None:
        if parent.name.startswith(("aten::", "mkldnn::", "mkl::")):
            return True
        parent = parent.cpu_parent
    return False


def _shares(events: list[Any], whole: float) -> dict[str, float]:
    """Seconds inside operations, without those of the operations that they call, over the seconds of the
    step, both under torch.profiler, which itself adds about a microsecond to every operation; overhead is
    the rest; of five steps the one with the middle overhead.
    """
    inside = dict.fromkeys(("products", "layers", "elementwise"), 0.0)
    for event in events:
        kind = _kind(event)
        if kind in inside:
            own = event.self_device_time_total if work.DEVICE.type == "cuda" else event.self_cpu_time_total
            inside[kind] += own * 1e-6
    shares = {f"share_{kind}": digits(taken / whole, 3) for kind, taken in inside.items()}
    return shares | {"share_overhead": digits(max(0.0, 1 - sum(inside.values()) / whole), 3)}
