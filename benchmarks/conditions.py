"""What somebody has to know who compares these numbers with others: hardware, versions, load."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

import rnnlib

FLAGS = (
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_tile",
    "asimd",
    "bf16",
    "sve",
)


def conditions(device: torch.device) -> dict[str, Any]:
    """Hardware and versions, which must agree before two measurements may stand in one record."""
    info = _cpu_info()
    found = {
        "device": rnnlib.describe_device(device),
        "processor": info.get("model name") or platform.processor() or platform.machine(),
        "family": "/".join(info.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "flags": [flag for flag in FLAGS if flag in (info.get("flags") or info.get("Features", "")).split()],
        "cache": info.get("cache size", "?"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "rnnlib": rnnlib.__version__,
        "d2l": importlib.metadata.version("d2l"),
        "blas": _blas(),
    }
    if device.type == "cuda":
        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": torch.version.cuda}
        found["cudnn"] = torch.backends.cudnn.version()
    return found


def moment() -> dict[str, Any]:
    """The date, and the load average over one minute (None where there is none)."""
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "load": load}


def device_name(device: torch.device) -> str:
    """What the file of the record is called: ``cpu``, or the name of the GPU, as ``nvidia-h200``."""
    if device.type != "cuda":
        return device.type
    return "-".join(torch.cuda.get_device_name(device).lower().split())


def _cpu_info() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blas() -> str:
    lines = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    found = [line for line in lines if line.startswith(("Intel(R) oneAPI Math", "Intel(R) MKL-DNN"))]
    return "; ".join(line.split(" (")[0].split(" for ")[0] for line in found) or "?"
