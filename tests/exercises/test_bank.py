"""Every wrong answer of the bank gets the hint meant for it, every right one is accepted."""

from __future__ import annotations

import pytest
import torch
from exercise_cells import all_exercises

from rnnlib.exercises import TASKS, examine

from .bank import RIGHT, WRONG, code_of

EXERCISES = all_exercises()
MISTAKES = [(name, key) for name, answers in WRONG.items() for key in answers]
STYLES = [(name, key) for name, answers in RIGHT.items() for key in answers]


def test_every_exercise_has_a_check_a_bank_and_a_place():
    assert EXERCISES.keys() == TASKS.keys() == WRONG.keys() == RIGHT.keys()


@pytest.mark.parametrize("name", list(WRONG))
def test_the_bank_is_large_enough(name):
    assert len(WRONG[name]) >= 5 and len(RIGHT[name]) >= 2


@pytest.mark.parametrize("name", list(EXERCISES))
def test_a_stub_is_unfinished_and_the_solution_passes(name):
    exercise = EXERCISES[name]
    untouched = examine(name, exercise.value(exercise.stub))
    if TASKS[name].repair:
        assert untouched.kind in ("wrong", "crashed") and any(part.hint for part in untouched.parts), (
            untouched
        )
    else:
        assert untouched.kind == "unfinished", untouched
    for seed in range(3):
        reply = examine(name, exercise.value(exercise.solution), seed=seed)
        assert reply.kind == "passed", reply


@pytest.mark.parametrize(("name", "mistake"), MISTAKES, ids=str)
def test_a_mistake_gets_its_hint(name, mistake):
    exercise = EXERCISES[name]
    reply = examine(name, exercise.value(code_of(WRONG[name][mistake], exercise.solution)))
    wanted = mistake.split(" / ")[0]
    if wanted.startswith("crash: "):
        assert reply.kind == "crashed" and wanted.removeprefix("crash: ") in str(reply), reply
    elif wanted == "slow":
        assert reply.kind == "timeout", reply
    else:
        assert (reply.kind, reply.mistake) == ("wrong", wanted), reply


@pytest.mark.parametrize(("name", "style"), STYLES, ids=str)
def test_another_style_is_right(name, style):
    exercise = EXERCISES[name]
    for seed in range(3):
        reply = examine(name, exercise.value(code_of(RIGHT[name][style], exercise.solution)), seed=seed)
        assert reply.kind == "passed", reply


@pytest.mark.parametrize("name", list(TASKS))
def test_every_hint_is_earned_by_some_answer(name):
    earned = {key.split(" / ")[0] for key in WRONG[name]}
    assert set(TASKS[name].hints) <= earned | {"values"}, "a hint that no answer of the bank gets"


@pytest.mark.parametrize("end", ["return train_loss, valid_loss", "raise ValueError"])
def test_gradients_that_an_answer_switches_off_are_on_again_after_it(end):
    exercise = EXERCISES["C5"]
    leak = exercise.solution.replace("model.eval()", "model.eval(); torch.set_grad_enabled(False)")
    examine("C5", exercise.value(leak.replace("return train_loss, valid_loss", end)))
    assert torch.is_grad_enabled()


def test_gradients_switched_off_by_a_cell_above_do_not_fail_a_right_answer():
    exercise = EXERCISES["C5"]
    with torch.no_grad():
        assert examine("C5", exercise.value(exercise.solution)).kind == "passed"
        assert not torch.is_grad_enabled()
