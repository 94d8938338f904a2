"""Begin a chapter: `make chapter NAME=16_my_chapter ZH="中文标题" EN="English title"`.

Writes book/16_my_chapter.ipynb, a skeleton that keeps every rule of the book, and lists it in `_toc.yml` and
`book/index.md`. Everything is checked before anything is written, and nothing is overwritten.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import NoReturn

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from setup_cell import equip

from notebooks import (
    BOOK,
    ROOT,
    SETUP_TAGS,
    described_chapters,
    find_notebooks,
    listed_files,
    public_address,
    write_notebook,
    write_text,
)

EXAMPLE = 'make chapter NAME=16_my_chapter ZH="中文标题" EN="English title"'
NAME = re.compile(r"\d{2}_[a-z][a-z0-9_]*")
CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")


def refuse(zh: str, en: str) -> NoReturn:
    """Stop with the reason in both languages."""
    sys.exit(f"{zh}\n{en}\n{EXAMPLE}")


def check(name: str, zh: str, en: str) -> None:
    """Refuse a name or a title that the book cannot take."""
    if not NAME.fullmatch(name):
        refuse(
            f"NAME={name!r} 不能作文件名：应是两位数字、下划线，再接小写英文字母、数字或下划线。",
            f"NAME={name!r} will not do: two digits, an underscore, then small letters, digits, underscores.",
        )
    for other in find_notebooks():
        if other.stem[:2] == name[:2]:
            refuse(
                f"编号 {name[:2]} 已经有了：{other.relative_to(ROOT)}。请换一个编号。",
                f"The number {name[:2]} is taken by {other.relative_to(ROOT)}. Choose another one.",
            )
    if not CHINESE.search(zh) or re.search(r"[|\n]", zh):
        refuse(
            f"ZH={zh!r} 不能作中文标题：要有汉字，不能有竖线或换行。",
            f"ZH={zh!r} is no Chinese title: it needs Chinese characters, and no bar or line break.",
        )
    if not re.search("[A-Za-z]", en) or CHINESE.search(en) or re.search(r"[|\n]", en):
        refuse(
            f"EN={en!r} 不能作英文标题：要有英文字母，不能有汉字、竖线或换行。",
            f"EN={en!r} is no English title: it needs letters, and no Chinese, bar or line break.",
        )


def chapters_in_contents(contents: str) -> list[str]:
    """The chapters that the text of ``_toc.yml`` lists."""
    return [file.removeprefix("book/") for file in listed_files(contents)]


def before(name: str, names: list[str]) -> str:
    """The chapter that a new one follows: of these names the last with a smaller number, or nothing."""
    return max((other for other in names if NAME.fullmatch(other) and other < name), default="")


def add_line(
    text: str, name: str, listed: Callable[[str], list[str]], entry: str, line: Callable[[re.Match], str]
) -> str | None:
    """Add a chapter to a list of chapters, all else as it is; None where there is no place for it.

    Args:
        text: the file that holds the list.
        name: the chapter.
        listed: reads the names of the chapters out of such a text.
        entry: pattern of a chapter's entry, with ``{}`` for its name.
        line: makes the new entry out of the match of the entry before it.
    """
    names = listed(text)
    if name in names:
        return text
    pattern = entry.format(before(name, names) or "(?!)")
    longer = re.sub(pattern, lambda match: f"{match[0]}\n{line(match)}", text, count=1, flags=re.M)
    found = listed(longer)
    return longer if found.count(name) == 1 and [other for other in found if other != name] == names else None


GUESSES = {
    'print(f"{0.9**35:.3f}")': {
        "kind": "number",
        "ask": "0.9 的 35 次方是多少？ | What is 0.9 to the 35th?",
        "answer": 0.025,
    },
    "print(0.9**35 > 0.1)": {
        "kind": "choice",
        "ask": "它大于 0.1 吗？ | Is it larger than 0.1?",
        "choices": ["大于 | larger", "不大于 | not larger"],
        "answer": 1,
    },
    "print(1.1**35 > 10)": {
        "kind": "open",
        "ask": "1.1 的 35 次方呢？ | And 1.1 to the 35th?",
    },
}


def predicted(source: str, **guess: object) -> NotebookNode:
    """A code cell whose output is covered until the reader has answered."""
    metadata = {"tags": ["predict"], "guess": guess, "jupyter": {"outputs_hidden": True}}
    return new_code_cell(source, metadata=metadata)


def skeleton(name: str, zh: str, en: str, previous: str) -> NotebookNode:
    """A chapter with its title, its opening, its setup cell, and one passage with code."""
    number = int(name[:2])

    def twins(chinese: str, english: str) -> list[NotebookNode]:
        texts = {"lang-zh": chinese, "lang-en": english}
        return [new_markdown_cell(text, metadata={"tags": [tag]}) for tag, text in texts.items()]

    known_zh, known_en = "无", "none"
    if previous:
        known_zh = f"[第 {int(previous[:2])} 章]({previous}.ipynb)"
        known_en = f"[chapter {int(previous[:2])}]({previous}.ipynb)"
    notebook = new_notebook()
    notebook.cells = [
        new_markdown_cell(f"# {number} {zh} | {number} {en}"),
        *twins(
            "**学完这一章，你将能够**\n\n- 做到第一件事；\n- 做到第二件事。\n\n"
            "**时间**：一课，约 15 分钟；全部代码在一个 CPU 核上运行约 1 分钟。\n\n"
            f"**预备知识**：{known_zh}。\n\n"
            "先摆出一个问题，或一件怪事。",
            "**After this chapter you'll be able to**\n\n"
            "- do the first thing;\n- do the second thing.\n\n"
            "**Time**: one lesson, about 15 minutes; all the code runs in about 1 minute on one CPU core.\n\n"
            f"**Prerequisites**: {known_en}.\n\n"
            "Begin with a question, or with something odd.",
        ),
        new_code_cell(metadata={"tags": SETUP_TAGS}),
        new_markdown_cell("## 第一节 | The first section"),
        *twins(
            "中文单元在前，标签 `lang-zh`；英文单元紧跟在后，标签 `lang-en`。先说看什么，再给代码。"
            "下面抽 12 个随机数；换一台机器可能抽到别的数，所以那个代码单元的标签是 `nbval-ignore-output`。",
            "The Chinese cell comes first, with the tag `lang-zh`; its English twin follows, with the tag "
            "`lang-en`. Say what to look at, then show the code. The cell below draws 12 random numbers. "
            "Another machine may draw others, so its tag is `nbval-ignore-output`.",
        ),
        new_code_cell(
            "import torch\n\nimport rnnlib\n\n"
            f"rnnlib.set_seed({number})\nX = torch.randn(4, 3)  # (B, H)\n"
            'print("均值 | mean", f"  {X.mean():.3f}")',
            metadata={"tags": ["nbval-ignore-output"]},
        ),
        new_markdown_cell("## 先猜，再看 | Predict, then see"),
        *twins(
            "一章至少有三个先猜后看的单元，标签 `predict`：这一段提问，页面把输出和后面那一段盖住，"
            "等读者回答。",
            "A chapter has three cells or more to predict, tagged `predict`: this passage asks, and the page "
            "covers the output, and the passage after it, until the reader has answered.",
        ),
        *(predicted(source, **guess) for source, guess in GUESSES.items()),
    ]
    equip(notebook, public_address())
    return notebook


def main(name: str = "", zh: str = "", en: str = "") -> None:
    """Check everything, then write the notebook and its two entries."""
    name, zh, en = name.strip(), zh.strip(), en.strip()
    check(name, zh, en)
    toc, index = ROOT / "_toc.yml", BOOK / "index.md"
    contents, home = toc.read_text(encoding="utf-8"), index.read_text(encoding="utf-8")
    previous = before(name, chapters_in_contents(contents))
    in_toc, in_index = f"- file: book/{name}", f"{name}: {zh} | {en}"
    entry = r"^( *)- *file: *[\"']?book/{}[\"']? *(?:#.*)?$(?:\n\1 +\S.*)*"  # with what belongs to it
    contents = add_line(contents, name, chapters_in_contents, entry, lambda match: match[1] + in_toc)
    home = add_line(home, name, described_chapters, "^{}: .*$", lambda match: in_index)
    for path, text, line in ((toc, contents, in_toc), (index, home, in_index)):
        if text is None:
            where = path.relative_to(ROOT)
            refuse(
                f"{where} 里没有找到放这一章的地方。请先手工加上这一行，再运行一次：{line}",
                f"There is no place for the chapter in {where}. Add this line, then run again: {line}",
            )
    write_notebook(skeleton(name, zh, en, previous), BOOK / f"{name}.ipynb")
    write_text(contents, toc)
    write_text(home, index)
    print(
        f"新的一章 | A new chapter: book/{name}.ipynb\n"
        "目录与首页也写好了；首页上的那句话请改写。\n"
        "It is listed in _toc.yml and book/index.md; rewrite its sentence there.\n"
        f"接着 | Next: make lab; make run CHAPTER={name}; make book"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
