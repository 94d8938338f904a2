"""What has been solved on this computer: one small file, and a report over the whole book."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rnnlib.common import atomic_write
from rnnlib.data.catalogue import cache_folder
from rnnlib.exercises.projects import PROJECTS
from rnnlib.exercises.replies import PASSED, Reply, Words
from rnnlib.exercises.task import LEVELS, TASKS, in_order


def record_file() -> Path | None:
    """Where the record is: ``$RNNLIB_PROGRESS``, else ``exercises.json`` beside the downloaded corpora.

    None if ``RNNLIB_PROGRESS`` is ``off``: nothing is recorded.
    """
    named = os.environ.get("RNNLIB_PROGRESS")
    if named == "off":
        return None
    return Path(named) if named else cache_folder() / "exercises.json"


def load_record() -> dict[str, dict[str, int | bool]]:
    """Name -> ``tries`` and ``passed``; empty if there is no record, or none that can be read."""
    file = record_file()
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(name): {"tries": int(one["tries"]), "passed": bool(one["passed"])}
            for name, one in found.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def remember(reply: Reply) -> None:
    """Count a try; a check that cannot be recorded is no reason to fail."""
    file = record_file()
    if reply.kind == "unfinished" or file is None:
        return
    found = load_record()
    before = found.get(reply.task, {"tries": 0, "passed": False})
    found[reply.task] = {
        "tries": before["tries"] + 1,
        "passed": bool(before["passed"]) or reply.kind == PASSED,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, json.dumps(found, indent=1).encode())
    except OSError:
        pass


def report_lines() -> list[Words]:
    """One line for each exercise and each project, and one that counts."""
    found, lines = load_record(), []
    for task in in_order():
        one = found.get(task.name, {"tries": 0, "passed": False})
        mark = "✓" if one["passed"] else "…" if one["tries"] else " "
        level = LEVELS[task.level]
        lines.append(
            Words(
                f"{mark} {task.name:5}{task.title.zh}（{level.zh}，{task.minutes} 分钟，试了 {one['tries']} 次）",
                f"{mark} {task.name:5}{task.title.en} ({level.en}, {task.minutes} min, tried {one['tries']} x)",
            )
        )
    for project in PROJECTS.values():
        lines.append(
            Words(
                f"  {project.name:5}{project.title.zh}（{LEVELS['project'].zh}，由人评分）",
                f"  {project.name:5}{project.title.en} ({LEVELS['project'].en}, marked by a person)",
            )
        )
    done = sum(one["passed"] for name, one in found.items() if name in TASKS)
    lines.append(Words(f"做完 {done} / {len(TASKS)} 道", f"{done} of {len(TASKS)} solved"))
    return lines
