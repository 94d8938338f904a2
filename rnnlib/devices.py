"""Choose the device, seed the random generators, set the arithmetic precision, record what a GPU does."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from rnnlib.common import check_at_least


def get_device(name: str | torch.device = "auto") -> torch.device:
    """The device to compute on.

    Args:
        name: ``"auto"`` takes the first CUDA GPU, or the CPU where there is none. Apple's ``"mps"`` is never
            taken automatically, because its recurrent layers have returned wrong numbers (pytorch issues
            94691, 90421, 94754, 190056); ask for it by name if you want it. Any name that torch knows
            works: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Raises:
        RuntimeError: if the device that was asked for is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise RuntimeError(
                f"device {str(device)!r} was asked for, but torch sees {count} CUDA device(s) here. "
                "Use device='cpu' or 'auto', or choose a GPU runtime."
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RuntimeError("device 'mps' was asked for, but torch cannot use it here. Use 'cpu' or 'auto'.")
    return device


def set_seed(seed: int) -> None:
    """Seed Python's and torch's generators (CPU and every GPU), and numpy's if it is loaded.

    With the same seed, the same call gives the same numbers on the CPU. On a GPU, cuDNN and atomics may still
    differ in the last digits.
    """
    check_at_least(0, seed=seed)
    seed = int(seed)
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def describe_device(device: str | torch.device = "auto") -> str:
    """One line on the hardware and the torch version, to stand beside every measurement."""
    device = get_device(device)
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{device.type} ({platform.machine()}, {cores} cores), torch {torch.__version__}"


@contextlib.contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Run the block with or without TF32 in CUDA's products and cuDNN's layers.

    cuDNN takes it unless told otherwise: ten bits of mantissa instead of 23, so that results differ from the
    CPU's in the third digit.
    """
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}  # to which the factors of products are rounded


def check_precision(precision: str, devices: Iterable[torch.device] = ()) -> None:
    """Raise a ValueError unless the precision is one of :data:`PRECISIONS`, and there for these devices."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision={precision!r} is not known; use 'float32', 'tf32', 'bfloat16' or 'float16'."
        )
    if precision == "float16" and (others := [str(device) for device in devices if device.type != "cuda"]):
        raise ValueError(f"precision='float16' is for CUDA GPUs, not for {others[0]!r}; use 'bfloat16'.")


@contextlib.contextmanager
def autocast(device: str | torch.device, precision: str = "float32") -> Iterator[None]:
    """Run the block in ``"float32"`` (the default), or with matrix products in another precision.

    Args:
        device: on which the block computes.
        precision: ``"tf32"`` (of CUDA's products), ``"bfloat16"``, or ``"float16"`` on CUDA alone. Small
            gradients vanish in float16 unless the loss is scaled, as :func:`rnnlib.run_epoch` does.

    Raises:
        ValueError: for any other precision, or float16 on another device.
    """
    device = torch.device(device)
    check_precision(precision, [device])
    if precision in HALF:
        with torch.autocast(device.type, dtype=HALF[precision]):
            yield
    elif precision == "tf32":
        with tf32(True):
            yield
    else:
        yield


WARM_UP = 3  # runs before a recording, in which libraries allocate and choose what a CUDA graph may not


def record_launches(run: Callable[[], Any], device: torch.device) -> Callable[[], None]:
    """What a call launches on a GPU, recorded as a CUDA graph: a function that launches all of it at once.

    It reads and writes the same memory each time, whatever that holds by then. The call runs some times
    before it is recorded, and so changes what it writes; the recording itself computes nothing.

    Args:
        run: waits for no result, and allocates nothing outside torch.
        device: a CUDA device.

    Raises:
        RuntimeError: if it cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    # Parameters remember the stream of an older autograd graph that still lives: they are told to forget it.
    anew = getattr(torch.autograd.graph, "set_override_stale_capture_stream", lambda wanted: None)
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(stream):  # and back, even where the recording fails at its very end
                for _ in range(WARM_UP):
                    run()
                anew(True)
                # other threads may go on allocating
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    run()
        finally:
            anew(False)
            torch.cuda.current_stream().wait_stream(stream)
    return graph.replay
