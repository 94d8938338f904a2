"""The projects: no check can mark them; what a person looks at stands here, in the order of the notebook's rubric."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlib.exercises.replies import Words

MOST = 2  # points for a row


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        name: ``P1``.
        title: its title.
        rubric: what is looked at; each row is worth 0 to 2 points.
    """

    name: str
    title: Words
    rubric: tuple[Words, ...]


def _project(name: str, zh: str, en: str, *rows: tuple[str, str]) -> Project:
    return Project(name, Words(zh, en), tuple(Words(*row) for row in rows))


PROJECTS: dict[str, Project] = {
    one.name: one
    for one in (
        _project(
            "P1",
            "自己语言的模型",
            "A model of your own language",
            ("数据", "data"),
            ("基线", "baselines"),
            ("测量", "measurement"),
            ("结论", "conclusion"),
        ),
        _project(
            "P2",
            "一个标注器",
            "A tagger",
            ("切分", "split"),
            ("公平", "fairness"),
            ("指标", "measures"),
            ("错误", "mistakes"),
        ),
        _project(
            "P3",
            "胜过朴素预测的预测",
            "A forecast that beats the naive one",
            ("切分", "split"),
            ("基线", "baselines"),
            ("把握", "confidence"),
            ("结论", "conclusion"),
        ),
        _project(
            "P4",
            "重现书里的一个数",
            "Reproduce a number of this book",
            ("事先写下", "written beforehand"),
            ("重现", "reproduction"),
            ("改动", "changes"),
            ("结论", "conclusion"),
        ),
    )
}
