"""Every wrong answer of the bank gets the hint meant for it, every right one is accepted."""

from __future__ import annotations

import math

import pytest
import torch
from exercise_cells import all_exercises

from rnnlib.exercises import TASKS, examine
from rnnlib.exercises.replies import Words
from rnnlib.exercises.worker import in_one_line

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


# ---------- what all checks share ----------


def test_a_check_never_ends_with_a_traceback_of_its_own():
    """What can't be used is said, in the learner's own terms."""
    lazy = EXERCISES["A1"].solution.replace("nn.Linear(num_hiddens, 1)", "nn.LazyLinear(1)")
    reply = examine("A1", EXERCISES["A1"].value(lazy))
    assert reply.kind != "passed" and "uninitialized parameter" in str(reply)
    sparse = "def lookup_gradient(X, G, V):\n    return torch.zeros(V, G.shape[-1]).to_sparse()"
    reply = examine("2a", EXERCISES["2a"].value(sparse))
    assert reply.mistake == "not a tensor" and "that isn't dense" in str(reply)


def test_numbers_of_numpy_are_numbers():
    import numpy

    assert examine("B7", numpy.float32(math.log(8))).kind == "passed"
    assert examine("B7", numpy.array(math.log(8))).kind == "passed"
    assert examine("B7", numpy.ones(3)).mistake == "not a number at all"


def test_what_came_gets_its_article():
    code = "def lookup_gradient(X, G, V):\n    return {}"
    for value, said in (("1", "an int."), ("'x'", "a str."), ("G.numpy()", "an ndarray.")):
        assert f"what came is {said}" in str(examine("2a", EXERCISES["2a"].value(code.format(value))))


def test_what_torch_says_stands_once(monkeypatch):
    exercise = EXERCISES["13b"]
    in_a_line = WRONG["13b"]["crash: name 'keep' is not defined"]
    without_one = WRONG["13b"]["crash: returned an incorrect number of gradients (expected 4, got 3)"]
    for answer, said in ((in_a_line, "name 'keep' is not defined"), (without_one, "number of gradients")):
        reply = str(examine("13b", exercise.value(code_of(answer, exercise.solution))))
        assert reply.count(said) == 1
    line = "第 3 行：ValueError: x", "line 3: ValueError: x"
    assert Words(*line).with_tail_once() == "第 3 行 | line 3: ValueError: x"
    assert Words("是零。", "It's 0.").with_tail_once() == "是零。 | It's 0."
    assert Words("", "").with_tail_once() == ""
    for language, one in zip(("zh", "en"), line):
        monkeypatch.setenv("RNNLIB_LANGUAGE", language)
        assert Words(*line).with_tail_once() == one


def test_a_long_error_ends_after_a_word():
    words = in_one_line(ValueError("word " * 100))
    assert len(words) <= 300 and words.endswith(" word…")
    assert len(in_one_line(ValueError("9" * 1000))) == 300
    assert in_one_line(ValueError("short")) == "ValueError: short"


def test_one_language(monkeypatch):
    reply = examine("B7", 3.0)
    both = str(reply)
    assert " | " in both
    for language, mine, other in (("zh", "以 2 为底", "to base 2"), ("en", "to base 2", "以 2 为底")):
        monkeypatch.setenv("RNNLIB_LANGUAGE", language)
        assert mine in str(reply) and other not in str(reply) and " | " not in str(reply)


def test_the_closing_line_speaks_of_inputs_only_where_some_are_drawn():
    assert "drawn anew" not in str(examine("B7", math.log(8)))
    solution = EXERCISES["A1"].value(EXERCISES["A1"].solution)
    assert "drawn anew" in str(examine("A1", solution))


def test_answers_are_compared_in_float32_proper():
    """On a GPU cuDNN's layers take TF32 unless told otherwise, and a right answer would be off by a thousandth."""
    flags = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [flag.allow_tf32 for flag in flags]
    seen = []

    class Asks(EXERCISES["A1"].value(EXERCISES["A1"].solution)):
        def forward(self, X):
            seen.append([flag.allow_tf32 for flag in flags])
            return super().forward(X)

    assert examine("A1", Asks).kind == "passed"
    assert seen and all(one == [False, False] for one in seen)
    assert [flag.allow_tf32 for flag in flags] == before
