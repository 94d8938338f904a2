"""The operations that set D lists are those that its checks allow; what is refused is called by its name."""

from __future__ import annotations

import re

import nbformat
import pytest
from exercise_cells import all_exercises

from notebooks import BOOK, tags
from rnnlib.exercises import examine
from rnnlib.exercises.puzzles import ALLOWED, ALSO

EXERCISES = all_exercises()
CELLS = nbformat.read(BOOK / "exercises" / "d_puzzles.ipynb", as_version=4).cells
NAMED = {
    "F": ("import torch.nn.functional as F\ndef f(X, V):\n    return F.one_hot(X, V).float()", "one_hot "),
    "in full": ("def f(X, V):\n    return torch.nn.functional.one_hot(X, V).float()", "one_hot "),
    "a builtin": ("def f(X, V):\n    return (X[..., None] == torch.arange(int(V))).float()", "own int(...)"),
    "a comprehension": (
        "def f(X, V):\n    return torch.where(X[..., None] == torch.arange(V), [1.0 for _ in X][0], 0.0)",
        "for of a comprehension",
    ),
}


def names(text: str) -> set[str]:
    return {word.removeprefix("torch.") for word in re.findall(r"`([\w.]+)`", text)}


@pytest.mark.parametrize("language", ["lang-zh", "lang-en"])
def test_the_list_is_what_is_allowed(language):
    text = next(cell.source for cell in CELLS if language in tags(cell))
    bullets = [line for line in text.splitlines() if line.startswith("- ")][1:]
    assert names("\n".join(re.split("[：:]", line, maxsplit=1)[1] for line in bullets)) == ALLOWED


@pytest.mark.parametrize(("language", "also"), [("lang-zh", "另外可用："), ("lang-en", "Also allowed: ")])
def test_a_statement_lists_what_else_is_allowed(language, also):
    found, name = {}, ""
    for cell in CELLS:
        if heading := re.match(r"## (D\d+) ", cell.source):
            name = heading[1]
        elif name and language in tags(cell) and name not in found:
            listed = cell.source.partition(also)[2]
            loops = re.findall(r"`(\w*)(?:\(|\[)[^`]*`", listed)
            found[name] = names(listed) | {one for one in loops if one}
    assert found == ALSO


@pytest.mark.parametrize("key", list(NAMED))
def test_what_is_refused_is_called_by_its_name(key):
    code, said = NAMED[key]
    space = {}
    exec("import torch\n" + code, space)
    reply = examine("D1", space["f"])
    assert reply.mistake in ("not allowed", "more than one expression") and said in str(reply), reply


def test_letters_of_a_square_are_those_of_its_statement():
    space = {}
    exec("import torch\ndef f(T):\n    return torch.arange(T) >= 0", space)
    assert "T, T" in str(examine("D5", space["f"])) and "S" not in str(
        examine("D5", space["f"]).parts[0].hint
    )
