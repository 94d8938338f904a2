"""Every rule of `notebook_lint` lets a good notebook pass and fails on each of its bad examples."""

import pytest
from lint_examples import BAD, GOOD

from notebook_lint import RULES
from notebook_lint.prose import numbers, spelled
from notebooks import missing_from


@pytest.mark.parametrize("rule", RULES)
def test_rule_fails_on_bad_examples(rule):
    assert BAD.get(rule), f"give the rule {rule} a bad example"
    for number, example in enumerate(BAD[rule]):
        problems = list(RULES[rule](example))
        assert problems, f"bad example {number} of {rule} passes: {example.cells[-2:]}"
        assert all(str(problem).startswith(example.path.name) for problem in problems)


@pytest.mark.parametrize("example", GOOD)
def test_good_notebook_passes_every_rule(example):
    problems = [f"{name}: {problem}" for name, rule in RULES.items() for problem in rule(example)]
    assert not problems, "\n".join(problems)


def test_a_message_says_notebook_cell_words_and_what_to_do():
    (problem,) = RULES["no_forbidden_terms"](BAD["no_forbidden_terms"][0])
    assert str(problem) == (
        "03_example.ipynb, cell 8 “细胞状态很重要。”: the glossary says 记忆元, not 细胞 (memory cell)."
    )


def test_what_is_missing_is_named(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nparts:\n  - chapters:\n      - file: 'book/01_a'  # the first\n"
        "        sections:\n          - file: book/part/02_b\n      - file: book/03_c\n"
    )
    (tmp_path / "book" / "index.md").write_text(
        "04_d: not here | not here\n```{chapters}\n01_a: 甲 | A\npart/02_b: 乙 | B: C\n```\n"
    )
    for name, missing in {
        "01_a": [],
        "part/02_b": [],
        "03_c": ["book/index.md"],
        "04_d": ["_toc.yml", "book/index.md"],
    }.items():
        assert missing_from(tmp_path / "book" / f"{name}.ipynb", tmp_path) == missing


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234 and 5.5", {1234, 5.5}),
        ("１２ 个", {12}),
        ("3 million, 250 万, 1.2 亿", {3e6, 2.5e6, 1.2e8}),
        ("百分之 5，第 20 世纪 80 年代", {5, 1980}),
        ("none", set()),
    ],
)
def test_numbers(text, values):
    assert numbers(text) == values


def test_spelled_numbers():
    assert {2, 11} <= spelled("两个，十一月") and spelled("twice in March") == {2, 3}
