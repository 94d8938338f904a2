"""Run the parts of a check, each within its time, and make of it a reply."""

from __future__ import annotations

import contextlib
import ctypes
import io
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from rnnlib.devices import tf32
from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import (
    CRASHED,
    PASSED,
    SKIPPED,
    TIMEOUT,
    UNFINISHED,
    WRONG,
    Crashed,
    OutOfTime,
    PartReply,
    Reply,
    Unfinished,
    Words,
    Wrong,
)
from rnnlib.exercises.task import TASKS, Task
from rnnlib.exercises.worker import Worker, grad_mode_kept, in_one_line

SLOW = Words(
    "{seconds:g} 秒还没算完：有没有停不下来的循环？",
    "Not finished after {seconds:g} seconds: is there a loop that never ends?",
)
STUMBLED = Words(
    "检查用不了你的答案交回来的东西：{error}", "The check can't use what your answer gave back: {error}"
)
PASSED_ALL = Words("通过了。", "Passed.")
VISIBLE = Words(
    "都通过了。这些是看得见的检查，输入每次另抽。",
    "All passed. These are the visible checks; their inputs are drawn anew each time.",
)
LINE = Words("第 {line} 行：{error}", "line {line}: {error}")


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs in this thread after some seconds, on every system."""
    thread, done = threading.get_ident(), threading.Event()

    def watch() -> None:
        while not done.wait(seconds if not late else 0.5):
            late.append(True)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

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


def out_of_time(task: Task, index: int) -> PartReply:
    """The reply to a part that took too long."""
    return PartReply(task.parts[index][0], TIMEOUT, hint=SLOW.filled(seconds=task.seconds))


def crashed(title: Words, said: str, line: int) -> PartReply:
    """The reply to an answer whose own code raised something."""
    words = LINE if line else Words("{error}", "{error}")
    return PartReply(title, CRASHED, hint=words.filled(line=line, error=said))


def run_part(
    task: Task,
    index: int,
    worker: Worker,
    seed: int | None = None,
    numbers: Mapping[str, float] | None = None,
) -> PartReply:
    """Look at one part of an answer."""
    title, function = task.parts[index]
    try:
        function(Probe(task, worker, seed, numbers))
    except Wrong as wrong:
        return PartReply(title, WRONG, wrong.mistake, wrong.hint)
    except Unfinished as unfinished:
        return PartReply(title, UNFINISHED, hint=unfinished.hint)
    except Crashed as error:
        return crashed(title, error.said, error.line)
    except OutOfTime:
        return out_of_time(task, index)
    return PartReply(title, PASSED)


def stumbled(task: Task, index: int, error: Exception) -> PartReply:
    """The reply where the check itself failed over what the answer gave back."""
    return PartReply(task.parts[index][0], WRONG, hint=STUMBLED.filled(error=in_one_line(error)))


def examine(
    name: str,
    answer: Any,
    seed: int | None = None,
    device: str = "cpu",
    every: bool = False,
    numbers: Mapping[str, float] | None = None,
) -> Reply:
    """Check an answer in this process and give the reply as an object.

    Args:
        name: the exercise.
        answer: a class, a function or a number, as the exercise asks.
        seed: what the inputs are drawn from; None: another one each time.
        device: where the answer runs.
        every: look at every part; otherwise stop after the first that fails.
        numbers: those that the question was asked with, if they are not the book's.

    Raises:
        ValueError: if there is no such exercise, or it isn't asked with such a number.
    """
    task = find(name)
    for unknown in (numbers or {}).keys() - task.numbers.keys():
        known = ", ".join(task.numbers) or "none"
        raise ValueError(f"exercise {name} is asked with no number {unknown!r}; it has {known}.")
    parts: list[PartReply] = []
    state = torch.get_rng_state()
    for index in range(len(task.parts)):
        try:
            quiet = contextlib.redirect_stdout(io.StringIO())
            with grad_mode_kept(), tf32(False), _limit(task.seconds), quiet:
                torch.set_grad_enabled(True)  # a cell above may have switched it off
                parts.append(run_part(task, index, Worker(answer, task.device or device), seed, numbers))
        except OutOfTime:
            parts.append(out_of_time(task, index))
        except Exception as error:  # no answer that was foreseen, and no right one
            parts.append(stumbled(task, index, error))
        if parts[-1].kind != PASSED and not every:
            parts += [PartReply(later, SKIPPED) for later, _ in task.parts[index + 1 :]]
            break
    torch.set_rng_state(state)
    passed = all(part.kind == PASSED for part in parts)
    closing = VISIBLE if callable(answer) else PASSED_ALL
    return Reply(task.name, task.title, parts, closing if passed else None)
