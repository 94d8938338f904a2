"""Lock a process in before foreign code runs in it: time, memory, processes, files, network.

Each lock says whether it holds on this system; `lock_in` returns the list. Linux has all of them: Landlock for
files (kernel 5.13 or newer), namespaces for network and processes. Elsewhere the limits of POSIX remain.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
import sys
import sysconfig
from pathlib import Path

MEMORY = 1 << 30  # beyond what the process has when it is locked in
FILE_SIZE = 1 << 20
FILES, PROCESSES = 64, 24
NEWUSER, NEWPID, NEWNET, NEWIPC = 0x10000000, 0x20000000, 0x40000000, 0x08000000
_PDEATHSIG, _SUBREAPER, _NO_NEW_PRIVS, _SIGKILL = 1, 36, 38, 9
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_ALL_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_libc = ctypes.CDLL(None, use_errno=True)


def outlive_nobody() -> None:
    """Die when the parent dies."""
    if sys.platform == "linux":
        _libc.prctl(_PDEATHSIG, _SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of what a killed worker leaves behind, so that its processes are cleared away."""
    if sys.platform == "linux":
        _libc.prctl(_SUBREAPER, 1, 0, 0, 0)


def split_off() -> list[str]:
    """Give this process's children a network, processes and, without root, users of their own."""
    if sys.platform != "linux":
        return []
    wanted = NEWPID | NEWNET | NEWIPC
    if _libc.unshare(wanted) == 0 or _libc.unshare(NEWUSER | wanted) == 0:
        return ["network namespace", "process namespace"]
    return []


def lock_in(
    folder: Path, seconds: float, readable: list[Path], user: int | None, alone: bool = False
) -> list[str]:
    """Lock this process in for good; ``folder`` is the only place where it may write. Which locks hold.

    ``alone``: `split_off` succeeded, so that the number of processes counts from here.
    """
    held = ["time", "memory", "file size", "open files"]
    os.chdir(folder)
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    landlocked = _landlock(folder, readable)
    if os.geteuid() == 0 and user is not None:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            held.append("rights dropped")
    if os.geteuid() != 0 and (alone or "rights dropped" in held):  # else the user's other processes count
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
            held.append("processes")
    if sys.platform == "linux":
        _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        outlive_nobody()
        if landlocked is not None and _libc.syscall(446, landlocked, 0) == 0:
            held.append("files (Landlock)")
    return held


def _landlock(folder: Path, readable: list[Path]) -> int | None:
    """A ruleset of Landlock: reading in ``readable``, everything in ``folder``; None where there is none."""
    if sys.platform != "linux":
        return None
    abi = _libc.syscall(444, None, 0, 1)
    if abi < 1:
        return None
    everything = _ALL_RIGHTS.get(abi, (1 << 16) - 1)
    network = 0b11 if abi >= 4 else 0
    scoped = 0b11 if abi >= 6 else 0
    attributes = struct.pack("QQQ", everything, network, scoped)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _libc.syscall(444, attributes, len(attributes), 0)
    if ruleset < 0:
        return None
    # not setting the network of the process or what it may link, truncate, ioctl: all denied outside `folder`
    for path, rights in [
        (folder, everything & ~_EXECUTE),
        *((path, _READ_FILE | _READ_DIR | _EXECUTE) for path in readable),
    ]:
        with contextlib.suppress(OSError):
            if not path.is_dir():
                rights &= _READ_FILE | _EXECUTE
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            _libc.syscall(445, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
            os.close(handle)
    return ruleset


def python_files(hidden: set[str]) -> list[Path]:
    """What Python and torch read while they run: everything installed, but for the packages in ``hidden``."""
    found = {Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib")}
    found |= {
        Path(sys.base_prefix) / "lib",
        Path("/usr/lib"),
        Path("/lib"),
        Path("/lib64"),
        Path("/etc/ld.so.cache"),
    }
    found |= {Path("/dev/null"), Path("/dev/urandom"), Path("/usr/share/zoneinfo")}
    packages = {Path(sysconfig.get_paths()[name]) for name in ("purelib", "platlib")}
    found = {path for path in found if not any(package.is_relative_to(path) for package in packages)}
    for place in packages:
        found |= {item for item in place.iterdir() if item.name.split("-")[0].split(".")[0] not in hidden}
    # a folder above the packages (the standard library of an interpreter without a virtual environment)
    for name in ("stdlib", "platstdlib"):
        above = Path(sysconfig.get_paths()[name])
        if above not in found:
            found |= {item for item in above.iterdir() if item not in packages}
    return sorted(path for path in found if path.exists())
