"""The questions at the ends of the chapters: complete, in both languages, right, and all in the pack."""

from __future__ import annotations

import copy
import math
import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

from packs import quizzes
from packs.quizzes import FOLDER, check, read_quiz
from rnnlib import RNNModel
from rnnlib.models.attention import DotProductAttention
from rnnlib.today.memory import add
from rnnlib.widgets import read_pack

FOUND = sorted(FOLDER.glob("*.yml"))
CHAPTERS = [f"{number:02d}" for number in range(1, 16)]
CHOICE: dict[str, Any] = {
    "kind": "choice",
    "question": ["问", "Which?"],
    "why": ["因为", "Because."],
    "choices": [
        {"words": ["甲", "one"], "right": True},
        {"words": ["乙", "two"], "why": ["不是", "no"]},
        {"words": ["丙", "three"], "why": ["不是", "no"]},
    ],
}
NUMBER: dict[str, Any] = {**{key: CHOICE[key] for key in ("question", "why")}, "kind": "number", "answer": 1}
ORDER: dict[str, Any] = {**NUMBER, "kind": "order", "lines": ["a", "b", "c"]}
SHAPE: dict[str, Any] = {
    **NUMBER,
    "kind": "shape",
    "answer": [2, 3],
    "axes": ["B", "H"],
    "mistakes": [{"shape": [3, 2], "why": ["反了", "the other way round"]}],
}


def words_of(part: Any) -> list[list[str]]:
    """All pairs of words in a question."""
    if isinstance(part, dict):
        return [pair for key, item in part.items() if key != "lines" for pair in words_of(item)]
    if isinstance(part, list) and len(part) == 2 and all(isinstance(item, str) for item in part):
        return [part]
    return [pair for item in part for pair in words_of(item)] if isinstance(part, list) else []


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# ---------- the files ----------


def test_every_chapter_has_questions():
    assert [path.stem for path in FOUND] == CHAPTERS


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_a_quiz_is_complete(path):
    questions = read_quiz(path)
    assert len(questions) == 5 and {q["kind"] for q in questions} >= {"choice", "order", "shape"}
    for question in questions:
        pairs = words_of(question)
        assert pairs
        for zh, en in pairs:
            assert not re.search("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", en), en
            assert re.search("[\u4e00-\u9fff]", zh) or not re.search("[a-z]{4}", zh), zh
            for text in (zh, en):  # else the page takes what lies between two of them for bold or italic
                plain = re.sub(r"`[^`]+`|[_^]\{[^}]+\}", "", text)
                assert not re.search(r"[`_^*{}]", plain), text


def test_the_pack_is_what_the_files_give():
    pack = read_pack("quizzes")
    assert pack["chapters"] == {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in FOUND}
    made = quizzes.make(None)
    assert made == {key: pack[key] for key in ("chapters", "guesses", "titles")}
    assert pack["titles"].keys() == pack["guesses"].keys()
    assert pack["titles"]["02_one_hot"] == ["独热编码", "One-hot encoding"]
    assert {page[:2] for page in pack["guesses"]} >= set(CHAPTERS)
    assert all(isinstance(n, int) and n > 0 for n in pack["guesses"].values())


@pytest.mark.parametrize("lang", [0, 1])
def test_the_right_choice_is_not_the_longest_by_far(lang):
    for path in FOUND:
        for question in read_quiz(path):
            choices = question.get("choices", [])
            size = lambda right: [len(c["words"][lang]) for c in choices if bool(c.get("right")) is right]  # noqa: E731, B023
            if choices:
                assert size(True)[0] <= max(size(False)) + (3, 6)[lang], (path.stem, choices)


def test_every_kind_occurs():
    kinds = {question["kind"] for path in FOUND for question in read_quiz(path)}
    assert kinds == {"choice", "number", "order", "shape"}


# ---------- what a question may not be ----------


@pytest.mark.parametrize(
    "question", [CHOICE, NUMBER, ORDER, SHAPE, {**NUMBER, "answer": 0.5, "tolerance": 0.1}]
)
def test_good_questions_pass(question):
    check(question)


@pytest.mark.parametrize(
    "words", [None, "问", ["问"], ["问", "Which?", "?"], ["问", " "], ["", "Which?"], ["问", 3]]
)
@pytest.mark.parametrize("key", ["question", "why"])
def test_words_are_pairs(key, words):
    with pytest.raises(ValueError, match=rf"{key} is \[Chinese, English\]"):
        check({**NUMBER, key: words})


def test_choices_explain_themselves():
    for index, key, message in [
        (0, "words", "the words of a choice"),
        (1, "why", "the why of a wrong choice"),
    ]:
        bad = copy.deepcopy(CHOICE)
        bad["choices"][index][key] = ["只有中文"]
        with pytest.raises(ValueError, match=message):
            check(bad)
    missing = copy.deepcopy(CHOICE)
    del missing["choices"][2]["why"]
    with pytest.raises(ValueError, match="the why of a wrong choice"):
        check(missing)


def test_one_choice_of_three_is_right():
    for change in (
        lambda c: c.pop(),
        lambda c: c[1].update(right=True),
        lambda c: c[0].update(right=False, why=["不", "no"]),
    ):
        bad = copy.deepcopy(CHOICE)
        change(bad["choices"])
        with pytest.raises(ValueError, match="three answers or more, and one is right"):
            check(bad)


@pytest.mark.parametrize("answer", [None, "1", [1]])
def test_a_number_has_an_answer(answer):
    with pytest.raises(ValueError, match="a number has an answer"):
        check({**NUMBER, "answer": answer})


@pytest.mark.parametrize("lines", [[], ["a", "b"]])
def test_an_order_has_three_lines(lines):
    with pytest.raises(ValueError, match="three lines or more"):
        check({**ORDER, "lines": lines})
    with pytest.raises(ValueError, match="three lines or more"):
        check({key: value for key, value in ORDER.items() if key != "lines"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": 5}, "a shape has an answer"),
        ({"answer": []}, "a shape has an answer"),
        ({"answer": [2, "H"]}, "a shape has an answer"),
        ({"axes": ["B"]}, "a letter in axes for each"),
        ({"mistakes": [{"shape": [2, 3], "why": ["对的", "right"]}]}, "is no wrong shape"),
        ({"mistakes": [{"shape": [3, 2]}]}, "the why of a wrong shape"),
    ],
)
def test_a_shape_is_complete(change, message):
    with pytest.raises(ValueError, match=message):
        check({**SHAPE, **change})


@pytest.mark.parametrize("kind", [None, "essay"])
def test_there_are_four_kinds(kind):
    with pytest.raises(ValueError, match="kind is choice, number, order or shape"):
        check({**NUMBER, "kind": kind})


def test_an_error_names_the_file_and_the_question(tmp_path):
    path = tmp_path / "42.yml"
    path.write_text(yaml.safe_dump([NUMBER, {**NUMBER, "kind": "essay"}], allow_unicode=True), "utf-8")
    with pytest.raises(ValueError, match=r"42\.yml, question 2: kind is"):
        read_quiz(path)


# ---------- the answers, computed ----------

ANSWERS = {
    "01": [math.log(28)],
    "02": [math.sqrt(2)],
    "03": [28 * 512 + 512 * 512 + 512 + 512 * 28 + 28, 0.8 * 1 / 4],
    "04": [0.5**10],
    "05": [parameters(nn.RNN(28, 256))],
    "06": [0.5 / (0.5 + 0.2)],
    "07": [0.9 * 2 + 0.5 * -1],
    "08": [0.8 * 0.5 + 0.2 * -0.5, 4 * parameters(nn.GRU(28, 64)) / parameters(nn.LSTM(28, 64))],
    "09": [nn.LSTM(28, 64, num_layers=2, bidirectional=True)(torch.zeros(5, 32, 28))[1][0].shape[0]],
    "10": [F.dropout(torch.ones(1000), 0.25).max().item()],
    "11": [7 - 4],
    "13": [28 * 256 + 256 * 256 + 256 * 28],
    "14": [0.3 * 0.8 / (0.5 * 0.4)],
    "15": [3 * (2 * 0 + 1) - 4],
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_numbers_are_right(chapter):
    questions = [q for q in read_quiz(FOLDER / f"{chapter}.yml") if q["kind"] == "number"]
    wanted = ANSWERS.get(chapter, [])
    assert len(questions) == len(wanted)
    for question, answer in zip(questions, wanted):
        assert abs(question["answer"] - answer) <= question.get("tolerance", 0) + 1e-9


def right(chapter: str, index: int) -> str:
    return next(
        c["words"][1] for c in read_quiz(FOLDER / f"{chapter}.yml")[index]["choices"] if c.get("right")
    )


def test_the_shapes_are_right():
    assert right("02", 0) == str(tuple(F.one_hot(torch.zeros(2, 5, dtype=torch.long).T, 28).shape))
    _, state = nn.RNN(28, 256, batch_first=True)(torch.zeros(32, 35, 28))
    assert right("05", 0) == str(tuple(state.shape))


def size(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape)


def weight_gradient() -> torch.Tensor:
    """Of W_xh, after reading 35 steps of 32 rows."""
    X, W_xh, W_hh, H = size(35, 32, 28), size(28, 64).requires_grad_(), size(64, 64), size(32, 64)
    for X_t in X:
        H = torch.tanh(X_t @ W_xh + H @ W_hh)
    H.sum().backward()
    return W_xh.grad


def gates_before_the_cut() -> torch.Tensor:
    layer = nn.LSTM(28, 256)
    return size(32, 28) @ layer.weight_ih_l0.T + size(32, 256) @ layer.weight_hh_l0.T


def forecast_windows() -> torch.Tensor:
    series = size(250, 1)
    return torch.stack([series[i : i + 22] for i in range(250) if i + 22 + 10 <= 250])


SHAPES = {
    "01": lambda: size(32, 36)[:, :-1],
    "02": lambda: F.one_hot(size(32, 35).long().T, 28).float() @ size(28, 256),
    "03": lambda: torch.cat([size(32, 512) @ size(512, 28) for _ in range(35)]),
    "04": weight_gradient,
    "05": lambda: nn.RNN(28, 64, num_layers=3, bidirectional=True)(size(35, 32, 28))[0],
    "06": lambda: RNNModel(nn.RNN(1582, 8), 1582)(size(32, 35).long())[0],
    "07": gates_before_the_cut,
    "08": lambda: nn.GRU(28, 256, num_layers=2, batch_first=True)(size(32, 35, 28))[1],
    "09": lambda: nn.GRU(28, 256, num_layers=2, bidirectional=True)(size(35, 32, 28))[0],
    "10": lambda: nn.GRU(64, 128, num_layers=4, batch_first=True)(size(32, 35, 64))[1],
    "11": forecast_windows,
    "12": lambda: F.pad(size(32, 42, 35), ((3 - 1) * 4, 0)),
    "13": lambda: size(35, 32, 512).flatten(0, 1),
    "14": lambda: DotProductAttention(64, 64, 64)(size(64, 12, 64), size(64, 11, 64))[1],
    "15": lambda: add(size(32, 128, 64), size(32, 64), size(32, 128)),
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_shapes_to_be_completed_are_right(chapter):
    """The answer is what torch gives; a likely wrong shape is none of the right ones, and is listed once."""
    (question,) = [q for q in read_quiz(FOLDER / f"{chapter}.yml") if q["kind"] == "shape"]
    with torch.no_grad() if chapter != "04" else torch.enable_grad():
        came = SHAPES[chapter]()
    assert question["answer"] == list(came.shape)
    wrong = [tuple(mistake["shape"]) for mistake in question["mistakes"]]
    assert len(set(wrong)) == len(wrong) >= 2
