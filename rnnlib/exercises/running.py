"""Run the parts of a check, each within its time, and make of it a reply."""

from __future__ import annotations

import contextlib
import ctypes
import io
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import rnnlib
from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import (
    CRASHED,
    PASSED,
    TIMEOUT,
    UNFINISHED,
    WRONG,
    Crashed,
    PartReply,
    Reply,
    Unfinished,
    Words,
    Wrong,
)
from rnnlib.exercises.task import TASKS, Task

STUB = Words(
    "还没写：raise NotImplementedError 还在。", "Not written yet: raise NotImplementedError is still there."
)
SLOW = Words(
    "{seconds:g} 秒还没算完：有没有停不下来的循环？",
    "Not finished after {seconds:g} seconds: is there a loop that never ends?",
)
VISIBLE = Words(
    "都通过了。这些是看得见的检查，输入每次另抽。",
    "All passed. These are the visible checks; their inputs are drawn anew each time.",
)
LINE = Words("第 {line} 行：{error}", "line {line}: {error}")


_LIBRARIES = tuple(str(Path(package.__file__).parent) for package in (rnnlib, torch, threading))


class _OutOfTime(BaseException):
    """Raised inside the answer's code when its time is over; not an Exception, so that `except Exception` misses it."""


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs in this thread after some seconds, on every system."""
    thread, done = threading.get_ident(), threading.Event()

    def watch() -> None:
        while not done.wait(seconds if not late else 0.5):
            late.append(True)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_OutOfTime))

    late: list[bool] = []
    guard = threading.Thread(target=watch, daemon=True)
    guard.start()
    try:
        yield
    finally:
        done.set()
        guard.join()


def find(name: str) -> Task:
    """The task of a name.

    Raises:
        ValueError: if there is none.
    """
    if str(name) not in TASKS:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(TASKS)}.")
    return TASKS[str(name)]


def _where(error: BaseException) -> Words:
    """What was raised, and in which line of the answer."""
    said = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300].replace("|", "/")
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_LIBRARIES)
    ]
    if not lines:
        return Words(said, said)
    return LINE.filled(line=lines[-1], error=said)


def run_part(task: Task, index: int, answer: Any, seed: int | None = None, device: str = "cpu") -> PartReply:
    """Look at one part."""
    title, function = task.parts[index]
    if isinstance(answer, type(NotImplemented)) or answer is ...:
        return PartReply(title, UNFINISHED, hint=STUB)
    state = torch.get_rng_state()
    if seed is not None:
        torch.manual_seed(seed)  # initial weights and dropout of the answer repeat as well
    try:
        with _limit(task.seconds), contextlib.redirect_stdout(io.StringIO()):
            function(Probe(task, seed, device), answer)
    except Wrong as wrong:
        return PartReply(title, WRONG, wrong.mistake, wrong.hint)
    except Unfinished:
        return PartReply(title, UNFINISHED, hint=STUB)
    except _OutOfTime:
        return PartReply(title, TIMEOUT, hint=SLOW.filled(seconds=task.seconds))
    except Crashed as crashed:
        if isinstance(crashed.error, _OutOfTime):
            return PartReply(title, TIMEOUT, hint=SLOW.filled(seconds=task.seconds))
        return PartReply(title, CRASHED, hint=_where(crashed.error))
    finally:
        torch.set_rng_state(state)
    return PartReply(title, PASSED)


def examine(name: str, answer: Any, seed: int | None = None, device: str = "cpu") -> Reply:
    """Check an answer and give the reply as an object; parts after the first that fails are skipped."""
    task = find(name)
    parts: list[PartReply] = []
    for index in range(len(task.parts)):
        parts.append(run_part(task, index, answer, seed, device))
        if parts[-1].kind != PASSED:
            parts += [PartReply(later, "skipped") for later, _ in task.parts[index + 1 :]]
            break
    reply = Reply(task.name, task.title, parts)
    return Reply(task.name, task.title, parts, VISIBLE) if reply.kind == PASSED else reply
