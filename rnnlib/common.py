"""What every door shares: checks of arguments, notices in both languages, files that appear all at once."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from numbers import Integral, Real
from pathlib import Path

from torch import Tensor

FLOAT32_MAX = 3.4e38


def check_positive(**values: int) -> None:
    """Raise a ValueError that names the first value that is not an integer of at least 1.

    NumPy's integers are as good as Python's; a bool is no number here.
    """
    check_at_least(1, **values)


def check_at_least(minimum: int, **values: int) -> None:
    """Raise a ValueError that names the first value that is not an integer of at least ``minimum``."""
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
            raise ValueError(f"{name}={value!r} must be an integer of at least {minimum}.")


def check_rate(**values: float) -> None:
    """Raise a ValueError that names the first value that is not a number above 0 within float32's range."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < math.inf:
            raise ValueError(f"{name}={value!r} must be a finite number above 0.")
        if value > FLOAT32_MAX:
            raise ValueError(
                f"{name}={value!r} is beyond the range of float32; give at most {FLOAT32_MAX:g}."
            )


def check_tokens(X: Tensor) -> None:
    """Raise a ValueError unless X is (B, T) token indices with at least one row and one step."""
    if X.ndim != 2 or 0 in X.shape or X.is_floating_point():
        raise ValueError(
            f"X has shape {tuple(X.shape)} and {X.dtype}; whole-number token indices (B, T) with at least "
            "one row and one step are expected."
        )


def notice(zh: str, en: str) -> None:
    """Print a notice, Chinese first, English below it; flushed, so that it stands before what follows."""
    print(f"{zh}\n{en}", file=sys.stdout, flush=True)


def printable(text: object, length: int = 200) -> str:
    """The beginning of a text from a server or a file, on one line and without power over the terminal."""
    line = " ".join(str(text).split())[:length]
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def atomic_write(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write a file so that at every moment it is either the old one or the new one, whatever interrupts.

    The bytes are read back before the file takes its name, see :func:`replacing`.

    Raises:
        FileNotFoundError: if the folder does not exist.
        OSError: if the file cannot be written, or the path is something else than a file, such as a device;
            what was there is then unchanged.
    """
    with replacing(path) as part:
        part.write_bytes(data)
        if part.read_bytes() != data:
            raise OSError(f"{str(path)!r} could not be written: what was read back is something else.")
    return Path(path)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file in the same folder for the block to write; it takes the name once the block is done.

    An existing file keeps its mode; a symbolic link stays a link, and the file it points to is replaced.

    Raises:
        FileNotFoundError, OSError: as :func:`atomic_write` does.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise OSError(f"{str(path)!r} is no ordinary file and is left as it is; give a file's name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(target.parent)!r} does not exist; create it first.")
    part = target.with_name(f"{_part_prefix(target)}{secrets.token_hex(8)}.part")
    try:
        yield part
        with contextlib.suppress(FileNotFoundError):
            os.chmod(part, stat.S_IMODE(target.stat().st_mode))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(path: str | os.PathLike[str], seconds: float = 60.0) -> None:
    """Remove temporary files of :func:`replacing` for this path that a killed process left behind.

    Args:
        path: the file that they were to become.
        seconds: how long nothing may have been written to them.
    """
    target = Path(path).resolve()
    for part in target.parent.glob(f"{_part_prefix(target)}*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > seconds:
                part.unlink()


def _part_prefix(target: Path) -> str:
    return f".rnnlib-{zlib.crc32(target.name.encode()):08x}-"
