"""Grade a folder of submissions: each part of each check in a locked process of its own.

The same submissions, release and seed give the same grades, in whatever order and however often it is
interrupted: what is done stands in ``done.jsonl``, a line for each answer, and is not done again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rnnlib
from rnnlib.common import atomic_write
from rnnlib.exercises.grading import submissions
from rnnlib.exercises.grading.remote import Gone, RemoteWorker, WarmProcess
from rnnlib.exercises.replies import (
    BLANK,
    CRASHED,
    STUB,
    TIMEOUT,
    UNFINISHED,
    OutOfTime,
    PartReply,
    Words,
    share_passed,
)
from rnnlib.exercises.running import crashed, out_of_time, run_part, stumbled
from rnnlib.exercises.task import TASKS, Task, in_order, seed_of
from rnnlib.exercises.worker import AnswerError

STUBS = Path(__file__).parents[1] / "stubs.json"
ENDED = Words(
    "答案的代码让批改它的进程提前结束了（内存用完、退出，或者发回来的不是数据）。",
    "The answer's code ended the process that runs it before it was done (out of memory, an exit, or what came "
    "back was no data).",
)
MISSING = Words("没有交这一题。", "Nothing was handed in for this one.")


@dataclass(frozen=True)
class Graded:
    """One answer's parts, and what held the processes that ran it."""

    student: str
    task: str
    parts: list[PartReply]
    locks: list[str]

    @property
    def points(self) -> float:
        """Share of the parts that passed."""
        return share_passed(self.parts)


def clean_copy(path: Path = STUBS) -> dict[str, dict[str, str]]:
    """The exercises as they are handed out: name -> ``stub``, ``before``, ``given``."""
    return json.loads(path.read_text(encoding="utf-8"))


def version_of(stubs: dict[str, dict[str, str]]) -> str:
    """A short name of this state of the exercises."""
    text = json.dumps(stubs, sort_keys=True, ensure_ascii=True) + rnnlib.__version__
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def with_numbers(code: str, task: Task, group: str) -> str:
    """Code that gives a question's numbers, ``K = 8``, with those of a class in their place."""
    book, own = task.numbers_of(), task.numbers_of(group)
    for name, number in book.items():
        code = re.sub(rf"(?m)^{name} = {re.escape(repr(number))}$", f"{name} = {own[name]!r}", code)
    return code


def grade_part(
    warm: WarmProcess, task: Task, index: int, exercise: dict[str, str], code: str, seed: str
) -> tuple[PartReply, list[str]]:
    """One part of one answer, in a process that lives for it alone."""
    title, began = task.parts[index][0], time.monotonic()
    locks: list[str] = []
    try:
        before, numbers = with_numbers(exercise["before"], task, seed), task.numbers_of(seed)
        with RemoteWorker(warm, before, code, exercise["given"], task.seconds) as worker:
            locks = worker.locks
            return run_part(task, index, worker, seed_of(seed, task.name, index), numbers), locks
    except AnswerError as error:
        if error.unfinished:
            return PartReply(title, UNFINISHED, hint=STUB), locks
        return crashed(title, error.said, error.line), locks
    except OutOfTime:
        return out_of_time(task, index), locks
    except Gone:
        if time.monotonic() - began >= task.seconds:
            return out_of_time(task, index), locks
        return PartReply(title, CRASHED, hint=ENDED), locks
    except Exception as error:  # no answer that was foreseen, and no right one
        return stumbled(task, index, error), locks


def grade_answer(
    warm: WarmProcess, student: str, name: str, exercise: dict[str, str], code: str | None, seed: str
) -> Graded:
    """All parts of one answer; every part counts for itself, unless the answer never finishes loading."""
    task = TASKS[name]
    untouched = code is not None and not task.repair and code.strip() == exercise["stub"].strip()
    if code is None or untouched:
        stub = STUB if "NotImplementedError" in exercise["stub"] else BLANK
        kind, hint = ("missing", MISSING) if code is None else (UNFINISHED, stub)
        return Graded(student, name, [PartReply(title, kind, hint=hint) for title, _ in task.parts], [])
    parts: list[PartReply] = []
    held: list[str] = []
    for index in range(len(task.parts)):
        part, locks = grade_part(warm, task, index, exercise, code, seed)
        parts.append(part)
        held = locks or held
        if part.kind == TIMEOUT and not locks:  # not loaded yet: the next part wouldn't get further
            parts += [replace(part, title=title) for title, _ in task.parts[index + 1 :]]
            break
    return Graded(student, name, parts, held)


def _normal_form(code: str) -> str:
    """A code without comments, blank space and docstrings, to see whether two are one."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return code.strip()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def similar(
    found: list[submissions.Submission], stubs: dict[str, dict[str, str]]
) -> list[tuple[str, list[str]]]:
    """(exercise, students) whose answers are the same but for comments and spaces; stubs do not count."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        for name, code in one.answers.items():
            form = _normal_form(code)
            if form != _normal_form(stubs[name]["stub"]):
                groups[name, form].add(one.student)
    return sorted((name, sorted(students)) for (name, _), students in groups.items() if len(students) > 1)


def _stored(graded: Graded, key: str) -> bytes:
    parts = [[p.title, p.kind, p.mistake, p.hint] for p in graded.parts]
    one = {"key": key, "student": graded.student, "task": graded.task, "parts": parts, "locks": graded.locks}
    return (json.dumps(one, ensure_ascii=False) + "\n").encode()


def _restored(line: str) -> tuple[str, Graded]:
    one = json.loads(line)
    parts = [
        PartReply(Words(*title), kind, mistake, Words(*hint) if hint else None)
        for title, kind, mistake, hint in one["parts"]
    ]
    return one["key"], Graded(one["student"], one["task"], parts, one["locks"])


def grade(
    folder: Path,
    out: Path,
    *,
    seed: str = "",
    jobs: int = 2,
    tasks: list[str] | None = None,
    progress: bool = True,
) -> tuple[list[submissions.Submission], list[Graded]]:
    """Grade every submission in a folder, and write ``done.jsonl`` in ``out``.

    Args:
        folder: a file for each student, or a folder.
        out: where results go; what is there already is not done again.
        seed: the class that the notebooks were made for; other numbers for each.
        jobs: answers at a time.
        tasks: exercises to grade; default: those that occur in any submission.

    Raises:
        NotADirectoryError: if there is no such folder.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is not a folder; give the one with the submissions.")
    stubs = clean_copy()
    version = version_of(stubs)
    found = merged(
        [submissions.read(student, path, stubs, version, seed) for student, path in submissions.find(folder)]
    )
    names = tasks or [task.name for task in in_order() if any(task.name in one.answers for one in found)]
    out.mkdir(parents=True, exist_ok=True)
    log = out / "done.jsonl"
    done: dict[str, Graded] = {}
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        for line in whole:
            key, graded = _restored(line)
            done[key] = graded
        if len(whole) < len(lines):  # it was interrupted in the middle of a line
            atomic_write(log, "".join(whole).encode())
    work: list[tuple[str, str, str, str | None]] = []
    order: list[str] = []
    for one in found:
        for name in names:
            code = one.answers.get(name)
            text = json.dumps([version, seed, one.student, name, code])
            key = hashlib.sha256(text.encode()).hexdigest()[:24]
            order.append(key)
            if key not in done:
                work.append((key, one.student, name, code))

    with WarmProcess() as warm, ThreadPoolExecutor(jobs) as pool, open(log, "ab", buffering=0) as file:

        def do(one: tuple[str, str, str, str | None]) -> tuple[str, Graded]:
            key, student, name, code = one
            return key, grade_answer(warm, student, name, stubs[name], code, seed)

        bar = _bar(len(work), progress)
        for key, graded in pool.map(do, work):
            done[key] = graded
            file.write(_stored(graded, key))
            bar.update(1)
        bar.close()
    return found, [done[key] for key in order]


def merged(found: list[submissions.Submission]) -> list[submissions.Submission]:
    """One submission for each student, from all of the student's files."""
    students: dict[str, submissions.Submission] = {}
    for one in found:
        if one.student not in students:
            students[one.student] = one
            continue
        first = students[one.student]
        first.answers |= {name: code for name, code in one.answers.items() if name not in first.answers}
        first.notes += one.notes
    return list(students.values())


def _bar(total: int, progress: bool) -> Any:
    """A progress bar where tqdm is installed, else something as quiet."""
    try:
        from tqdm import tqdm
    except ImportError:

        class Quiet:
            update = close = staticmethod(lambda *args: None)

        return Quiet()
    return tqdm(total=total, disable=not progress, unit=" answers")
