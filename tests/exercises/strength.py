"""How strong the checks are: change the solutions in small ways, and count how many changes are rejected.

    python -m tests.exercises.strength [NAMES ...]

The changes are those of ``tests/mutants.py``. A change that leaves the behaviour as it was can't be rejected;
such survivors are listed in ``EQUIVALENT`` with the reason. The exit code is 1 below 95 %.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from exercise_cells import Exercise, all_exercises

from rnnlib.exercises import examine
from rnnlib.exercises.grading.grade import with_numbers
from rnnlib.exercises.task import TASKS
from tests.mutants import changes, nodes

ENOUGH = 0.95
SECONDS = 5.0  # for a part; a mutant that runs on is rejected
# exercise -> {line of the solution after the change: why nothing can be seen of it}
OTHER_SIZE = "another size of the learner's own example, as good as the first"
EQUIVALENT: dict[str, dict[str, str]] = {
    "1b": {"pairs[before, now] += 2": "all counts twice as large, all fractions as they were"},
    "5b": {
        "if (2 * tail / 2 ** n >= 0.05):": "a sum of powers of two is never exactly 0.05",
        'return "a" if (a_wins >= b_wins) else "b"': "a tie in wins has been called undecided before",
    },
    "8a": {"V, H, far = rnn.input_size, rnn.hidden_size, 2000.0": "both biases close the gates altogether"},
    "10a": {
        "kept = (torch.rand_like(X[:1]) > self.p)  # (1, B, H)": "only a draw of exactly p would tell",
    },
    "14b": {
        "pass": "what writes on after an end ranks below the finished answer, and so does all that it pushes out",
        'return tokens, log_p, "search" if (of_right >= log_p) else "model"': "equal numbers have been found right before",
    },
    "E1": {"B, (D, H) = 5, cell.W_xh.shape": OTHER_SIZE},
    "E2": {
        "X = torch.randn(5, 7, layer.input_size)": OTHER_SIZE,
        "X = torch.randn(4, 8, layer.input_size)": OTHER_SIZE,
    },
    "E3": {
        "lengths = torch.tensor([5, 3, 1, 4])": OTHER_SIZE,
        "lengths = torch.tensor([5, 2, 2, 4])": OTHER_SIZE,
        "lengths = torch.tensor([5, 2, 1, 5])": OTHER_SIZE,
        "logits = torch.randn(4, 5, 4)": OTHER_SIZE,
    },
}


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Each change that leaves a source Python: the changed line, the changed source."""
    tree, data = ast.parse(source), source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen = {ast.dump(tree)}
    for place, code in (change for node in nodes(tree) for change in changes(node)):
        begin = starts[place.lineno - 1] + place.col_offset
        end = starts[place.end_lineno - 1] + place.end_col_offset
        after = (data[:begin] + code.encode() + data[end:]).decode()
        with contextlib.suppress(SyntaxError):
            if ast.dump(ast.parse(after)) not in seen:
                seen.add(ast.dump(ast.parse(after)))
                yield after.splitlines()[place.lineno - 1].strip(), after


def rejected(exercise: Exercise, source: str) -> bool:
    """Whether the check of an exercise turns a changed solution down."""
    task = TASKS[exercise.name]
    for group in ("", "another class") if task.numbers else ("",):  # a factor can hide behind the book's 1
        given = replace(exercise, before=with_numbers(exercise.before, task, group))
        try:
            answer = given.value(source)
        except Exception:
            return True
        if examine(exercise.name, answer, numbers=task.numbers_of(group)).kind != "passed":
            return True
    return False


def main() -> int:
    """Try the exercises named, or all; 1 if too few changes are rejected."""
    torch.set_num_threads(1)
    total = caught = 0
    for name, exercise in all_exercises().items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        TASKS[name].seconds = min(TASKS[name].seconds, SECONDS)
        excused = EQUIVALENT.get(name, {})
        tried = [(line, source) for line, source in mutants(exercise.solution) if line not in excused]
        survivors = [line for line, source in tried if not rejected(exercise, source)]
        total, caught = total + len(tried), caught + len(tried) - len(survivors)
        print(f"{name:5} {len(tried) - len(survivors):3} of {len(tried):3}  excused {len(excused)}")
        for line in survivors:
            print(f"      survived: {line}")
    print(f"{caught} of {total} changes rejected, {caught / max(1, total):.1%}")
    return caught < ENOUGH * total


if __name__ == "__main__":
    sys.exit(main())
