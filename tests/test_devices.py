"""Devices, seeds, precision, and the checks that all modules share."""

from __future__ import annotations

import math
import os
import random
import stat

import numpy as np
import pytest
import torch

from rnnlib.common import atomic_write, check_at_least, check_positive, check_rate
from rnnlib.devices import autocast, check_precision, describe_device, get_device, set_seed


def test_auto_takes_a_gpu_if_there_is_one_and_never_mps(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert get_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert get_device() == torch.device("cuda")
    assert get_device("mps") == torch.device("mps")


def test_an_absent_device_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"'cuda' was asked for, but torch sees 0 CUDA .*Use device='cpu'"):
        get_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert get_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(RuntimeError, match="'cuda:1' was asked for, but torch sees 1"):
        get_device("cuda:1")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="'mps' was asked for"):
        get_device("mps")


def test_a_device_passes_through():
    assert get_device(torch.device("cpu")) == torch.device("cpu")


def test_set_seed_rules_python_torch_and_numpy():
    def draw():
        return random.random(), torch.rand(3).tolist(), np.random.rand()

    set_seed(7)
    first = draw()
    set_seed(7)
    assert draw() == first
    set_seed(8)
    assert all(a != b for a, b in zip(draw(), first))


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "0"])
def test_set_seed_refuses(seed):
    with pytest.raises(ValueError, match="must be an integer of at least 0"):
        set_seed(seed)


def test_describe_device_names_hardware_and_torch():
    assert describe_device("cpu").startswith("cpu (")
    assert torch.__version__ in describe_device("cpu")


@pytest.mark.cuda
def test_describe_device_names_the_gpu():
    assert torch.cuda.get_device_name() in describe_device("cuda")


def test_autocast():
    X = torch.randn(4, 4)
    with autocast("cpu", "float32"):
        assert (X @ X).dtype == torch.float32
    with autocast("cpu", "bfloat16"):
        assert (X @ X).dtype == torch.bfloat16
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    with autocast("cpu", "tf32"):
        assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
    with pytest.raises(ValueError, match="precision='half' is not known"), autocast("cpu", "half"):
        pass


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_float16_is_for_cuda(device):
    with pytest.raises(ValueError, match=f"'float16' is for CUDA GPUs, not for '{device}'; use 'bfloat16'"):
        check_precision("float16", [torch.device(device)])
    with pytest.raises(ValueError, match="use 'bfloat16'"), autocast(device, "float16"):
        pass
    check_precision("float16", [torch.device("cuda:1")])
    check_precision("bfloat16", [torch.device(device)])


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None])
def test_check_positive_refuses(value):
    check_positive(first=1, second=10**9)
    with pytest.raises(ValueError, match=r"second=.* must be an integer of at least 1"):
        check_positive(first=1, second=value)


@pytest.mark.parametrize("value", [0, 0.0, -1.0, math.nan, math.inf, True, "1", None])
def test_check_rate_refuses(value):
    check_rate(lr=1, other=1e-9)
    with pytest.raises(ValueError, match=r"lr=.* must be a finite number above 0"):
        check_rate(lr=value)


def test_numbers_of_numpy_are_numbers():
    check_positive(size=np.int64(4), other=np.int8(1))
    check_at_least(0, size=np.int64(0))
    check_rate(lr=np.float32(0.1), other=np.float64(1e-9))
    set_seed(np.int64(3))
    with pytest.raises(ValueError, match="size=.* must be an integer of at least 1"):
        check_positive(size=np.float64(4))


def test_a_rate_beyond_float32():
    with pytest.raises(ValueError, match=r"lr=1e\+300 is beyond the range of float32; give at most 3.4e\+38"):
        check_rate(lr=1e300)


def test_a_file_is_written_at_once_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / ("long " * 45 + "name")  # 229 bytes; no longer name fits beside it
    assert atomic_write(path, b"one") == path and path.read_bytes() == b"one"
    path.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(path)
    atomic_write(link, b"two")
    assert link.is_symlink() and path.read_bytes() == b"two" and path.stat().st_mode & 0o777 == 0o600

    def fail(*_):
        raise OSError("full disk")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="full disk"):
        atomic_write(path, b"three")
    assert path.read_bytes() == b"two" and sorted(p.name for p in tmp_path.iterdir()) == ["link", path.name]
    with pytest.raises(FileNotFoundError, match="the folder .* does not exist; create it first"):
        atomic_write(tmp_path / "no" / "file", b"")


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path):
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path):
        with pytest.raises(OSError, match="left as it is"):
            atomic_write(path, b"x")
    assert stat.S_ISFIFO(fifo.stat().st_mode) and list(tmp_path.iterdir()) == [fifo]
