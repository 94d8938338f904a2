"""Every rule of `notebook_lint` lets a good notebook pass and fails on each of its bad examples."""

import pytest
from lint_examples import BAD, GOOD

from notebook_lint import RULES
from notebook_lint.prose import numbers, spelled


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
