"""Choose the device, seed the random generators, set the arithmetic precision."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import sys
from collections.abc import Iterator

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


PRECISIONS = ("float32", "tf32", "bfloat16")


def check_precision(precision: str) -> None:
    """Raise a ValueError unless the precision is one of :data:`PRECISIONS`."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r} is not known; use 'float32', 'tf32' or 'bfloat16'.")


@contextlib.contextmanager
def autocast(device: str | torch.device, precision: str = "float32") -> Iterator[None]:
    """Run the block in ``"float32"`` (the default), ``"tf32"`` (CUDA matrix products) or ``"bfloat16"``.

    Raises:
        ValueError: for any other precision.
    """
    check_precision(precision)
    device = torch.device(device)
    if precision == "bfloat16":
        with torch.autocast(device.type, dtype=torch.bfloat16):
            yield
    elif precision == "tf32":
        with tf32(True):
            yield
    else:
        yield
