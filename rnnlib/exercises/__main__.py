"""``python -m rnnlib.exercises``: what is solved; ``python -m rnnlib.exercises grade SUBMISSIONS --out REPORTS``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from rnnlib.exercises import report


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rnnlib.exercises", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("report", help="做完了哪些 | what is solved")
    grading = commands.add_parser("grade", help="批改一个文件夹 | grade a folder of submissions")
    grading.add_argument(
        "submissions", type=Path, help="一人一个文件或文件夹 | a file or a folder for each student"
    )
    grading.add_argument("--out", type=Path, required=True, help="结果写在这里 | where the results go")
    grading.add_argument(
        "--seed", default="", metavar="CLASS", help="班级，各班数字不同 | the class: other numbers for each"
    )
    grading.add_argument("--jobs", type=int, default=2, metavar="N", help="同时批改几份 | answers at a time")
    grading.add_argument("--tasks", default="", metavar="A1,A2", help="只批改这些 | grade these only")
    grading.add_argument(
        "--rubric",
        default="",
        metavar="P1,P2",
        help="由您评分的项目：在 rubric.csv 里填 0 到 2，再运行一次 | projects that you mark: fill 0 to 2 into "
        "rubric.csv, run again",
    )
    grading.add_argument("--no-progress", action="store_true", help="不显示进度 | no progress bar")
    given = parser.parse_args(arguments)
    if given.command != "grade":
        report()
        return 0
    from rnnlib.exercises import grading as grader
    from rnnlib.exercises.grading import rubric

    began = time.monotonic()
    try:
        found, graded = grader.grade(
            given.submissions,
            given.out,
            seed=given.seed,
            jobs=given.jobs,
            tasks=_names(given.tasks) or None,
            progress=not given.no_progress,
        )
        students = [one.student for one in found]
        marks = rubric.completed(given.out / "rubric.csv", students, _names(given.rubric))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    grader.write(given.out, found, graded, grader.similar(found, grader.clean_copy()), marks)
    odd = [(one.student, note) for one in found for note in one.notes]
    for student, note in odd:
        print(f"{student}: {note}")
    seconds = time.monotonic() - began
    print(f"批改了 {len(found)} 份、{len(graded)} 个答案，用时 {seconds:.0f} 秒")
    print(f"{len(found)} submissions, {len(graded)} answers graded in {seconds:.0f} s")
    print((given.out / "index.html").resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
