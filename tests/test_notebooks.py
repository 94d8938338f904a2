"""The book's notebooks keep the rules of `notebook_lint`; CONTRIBUTING.md explains the messages."""

from functools import cache
from pathlib import Path

import pytest

from notebook_lint import RULES, Chapter
from notebooks import BOOK, find_notebooks

NOTEBOOKS = find_notebooks()
read = cache(Chapter.read)


def test_there_are_notebooks():
    assert NOTEBOOKS, f"no notebook under {BOOK}: every check below would pass without checking anything"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(BOOK).with_suffix("")))
def test_notebook(path: Path, rule: str):
    problems = list(RULES[rule](read(path)))
    if problems:
        pytest.fail("\n".join([str(RULES[rule].__doc__), *map(str, problems)]), pytrace=False)
