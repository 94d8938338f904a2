"""Small notebooks, good and bad, to try the rules of `notebook_lint` on."""

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cover import covered
from lesson import lessons
from notebook_lint import Chapter
from notebooks import (
    BOOK,
    GPU_METADATA,
    KERNELSPEC,
    SETUP_TAGS,
    code_digest,
    find_notebooks,
    public_address,
    setup_source,
)

ZH = "隐状态（hidden state）$H_t$ 有 1,024 个分量，见 `begin_state` 和[论文](https://example.org/a)。**两个**例子："
EN = "The hidden state $H_t$ has 1,024 entries, see `begin_state` and [this](https://example.org/a). 2 more."
LIST_ZH, LIST_EN = "\n\n- 甲 `a`\n- 乙 `b`", "\n\n- the first, `a`\n- the second, `b`"
TIME_ZH, TIME_EN = "**时间**：一课，约 MINUTES 分钟。", "**Time**: one lesson, about MINUTES minutes."
CODE = "# 形状 | shape\nprint(6 * 7)"


def markdown(source, *tags):
    return new_markdown_cell(source, metadata={"tags": list(tags)} if tags else {})


def code(source, *tags, outputs=(), **metadata):
    return new_code_cell(source, metadata={"tags": list(tags), **metadata}, outputs=list(outputs))


def returned(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def twins(zh, en, *tags):
    return [markdown(zh, "lang-zh", *tags), markdown(en, "lang-en", *tags)]


def guess(kind="number", ask="多少？ | How much?", folded=True, text="1.25\n", **more):
    """A cell to be predicted."""
    metadata = {"guess": {"kind": kind, "ask": ask, **more}}
    if folded:
        metadata["jupyter"] = {"outputs_hidden": True}
    cell = code("print(5 / 4)", "predict", outputs=[printed(text)], **metadata)
    cell.outputs = covered(cell)
    return cell


def covers(*outputs, **metadata):
    """A cell to be guessed freely that stores these outputs; a cover is among them if `COVER` is."""
    cell = guess("open")
    cell.outputs = list(outputs)
    cell.metadata.update(metadata)
    return cell


def chapter(*cells, seconds=12.0, gflops=150, record=True, counts=None):
    """A good notebook, with more cells at its end."""
    node = new_notebook(metadata={"kernelspec": KERNELSPEC, **GPU_METADATA})
    node.cells = [
        markdown("# 3 隐状态 | 3 Hidden state"),
        code(setup_source(public_address()), *SETUP_TAGS),
        markdown("## 定义 | Definition"),
        *twins(f"{ZH}\n\n{TIME_ZH}{LIST_ZH}", f"{EN}\n\n{TIME_EN}{LIST_EN}"),
        markdown("$$H_t = \\phi(X_t W)$$"),
        code(CODE, outputs=[printed("42\n")]),
        *cells,
        guess(answer=1.25),
        guess("choice", choices=["甲 | A", "乙 | B"], answer=1),
        guess("open"),
    ]
    return finish(node, seconds, gflops, record, counts)


def finish(node, seconds=12.0, gflops=150, record=True, counts=None):
    for cell in node.cells:
        cell.source = cell.source.replace("MINUTES", str(lessons(node)[0].minutes))
    runs = [cell for cell in node.cells if cell.cell_type == "code"]
    for cell, count in zip(runs, counts or range(1, len(runs) + 1)):
        cell.execution_count = count
    if record:
        node.metadata["rnnlib"] = {"seconds": seconds, "gflops": gflops, "code": code_digest(node)}
    nbformat.validate(node)
    return Chapter(node, Path("03_example.ipynb"))


def without(position):
    """The good notebook without one of its cells."""
    node = chapter().node
    del node.cells[position]
    return finish(node)


def with_setup_cell(source):
    node = chapter().node
    node.cells[1].source = source
    return finish(node)


def changed(**metadata):
    node = chapter().node
    node.metadata.update(metadata)
    return Chapter(node, Path("03_example.ipynb"))


def changed_after_run():
    node = chapter().node
    node.cells[-1].source = "print(4 / 5)"
    return Chapter(node, Path("03_example.ipynb"))


COVER, ANSWER = guess().outputs
PICTURE = new_output("display_data", {"image/png": "aGk=", "text/plain": "<Figure>"})
ERROR = new_output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])
NOTICE = "[NOTICE] The corpus time_machine could not be had; tale stands in"
MEASURED = "print(f'{timed():.1f}')"

BADLY_SET = (
    *("用RNN 模型。", "共 3个。", "变量`x` 好。", "第**3** 个。", "用 RNN ，好。", "好， RNN 好。"),
    *(
        "好,不好。",
        "`x`, 然后。",
        "很好.",
        "很好(真的)。",
        '说"好"。',
        "等等...",
        "一行\n两行。",
        "**好。**真好。",
    ),
)
LONG = "这是一段很长的话。" * 510, "This is a rather long text, and it goes on. " * 260


def untimed(zh="**时间**：一课，约 15 分钟。", en="**Time**: one lesson, about 15 minutes."):
    """The good notebook with other words about its time."""
    node = chapter().node
    for cell in node.cells:
        cell.source = re.sub(r"\*\*时间\*\*.*", zh, re.sub(r"\*\*Time\*\*.*", en, cell.source))
    return finish(node)


def drawn(label):
    """A cell that draws one label."""
    svg = new_output("display_data", {"image/svg+xml": f"<svg><text x='1'>{label}</text></svg>"})
    alt = {"image": {"alt": "图 | figure"}}
    return code("draw()", "nbval-ignore-output", outputs=[svg], mystnb=alt)


BAD = {
    "lesson_is_short": [
        chapter(*twins(*LONG)),
        chapter(*(code(f"x = {i}") for i in range(25))),
        chapter(markdown("## 第二课：甲 | Lesson 2: A"), *twins(*LONG)),
    ],
    "time_is_measured": [
        untimed(zh="没有。"),
        untimed(en="None."),
        untimed("**时间**：一课，约 80 分钟。", "**Time**: one lesson, about 80 minutes."),
        untimed("**时间**：两课，约 15 分钟。", "**Time**: two lessons, about 15 minutes."),
    ],
    "guesses_come_first": [
        without(-1),
        chapter(guess("riddle")),
        chapter(guess(ask="只有中文？", answer=1.25)),
        chapter(guess(answer=1.26)),
        chapter(guess()),
        chapter(guess("choice", choices=["甲 | A"], answer=0)),
        chapter(guess("choice", choices=["甲 | A", "乙 | B"], answer=2)),
        chapter(guess("choice", choices=["甲 | A", "乙 | B"])),
        chapter(guess(answer=1.25, folded=False)),
        chapter(code("x = 1", "predict")),
    ],
    "answers_are_covered": [
        chapter(covers(ANSWER)),
        chapter(covers(ANSWER, COVER)),
        chapter(covers(COVER, COVER, ANSWER)),
        chapter(covers({**COVER, "data": {"text/plain": "别的话 | other words"}}, ANSWER)),
        chapter(covers(COVER)),
        chapter(covers(COVER, ANSWER, jupyter={})),
        chapter(covers(COVER, ANSWER, tags=[])),
        chapter(code("x = 1", outputs=[COVER])),
    ],
    "lines_fit": [chapter(code("x = " + "1 + " * 20 + "1")), chapter(code("x = '" + "宽" * 40 + "'"))],
    "prints_are_in_both": [
        chapter(code("f()", outputs=[printed("untrained 未训练: 3")])),
        chapter(code("f()", outputs=[returned("row 第 3 行")])),
        chapter(code("f()", outputs=[printed("好 | good  未训练 untrained\n")])),
    ],
    "labels_are_in_both": [chapter(drawn("epoch")), chapter(drawn("epoch 周期"))],
    "halves_are_whole": [chapter(code("f()", outputs=[printed("好 | good 好\n")]))],
    "starts_with_title": [without(0), chapter(markdown("# 又一个 | Another"))],
    "has_setup_cell": [
        without(1),
        chapter(code("x = 1", *SETUP_TAGS)),
        with_setup_cell(setup_source("https://other.example/book")),
    ],
    "has_metadata": [
        changed(accelerator="none"),
        changed(colab={}),
        changed(kernelspec=KERNELSPEC | {"name": "conda"}),
    ],
    "is_listed": [Chapter(chapter().node, BOOK / "99_example.ipynb")],
    "tags_are_known": [
        chapter(code("x = 1", "nbval-ignore-ouput")),
        chapter(*twins("甲。", "A.", "links-difer")),
        chapter(code("x = 1", "somethingelse")),
    ],
    "cells_come_in_pairs": [
        chapter(markdown("单独一段。", "lang-zh")),
        chapter(markdown("Alone.", "lang-en")),
        chapter(*reversed(twins("先英文。", "English first."))),
        chapter(markdown("两个标签。", "lang-zh", "lang-en")),
        chapter(markdown("甲。", "lang-zh"), code("x = 1"), markdown("A.", "lang-en")),
        chapter(markdown("甲。", "lang-zh", "hide-cell"), markdown("A.", "lang-en")),
        chapter(code("x = 1", "lang-zh")),
    ],
    "headings_stand_alone": [chapter(*twins("## 标题\n\n正文。", "## Title\n\nText."))],
    "untagged_cells_are_bilingual": [
        chapter(markdown("没有标签的正文。")),
        chapter(markdown("## 只有中文")),
        chapter(markdown("## English | 中文")),
        chapter(markdown("## 中文 | ")),
        chapter(markdown("## 中文 | English\n\n正文。")),
        chapter(markdown("$$x$$\n\n文字")),
        chapter(markdown("")),
    ],
    "markdown_is_plain": [
        chapter(*twins("```{note}\n甲\n```", "```{note}\nA\n```")),
        chapter(*twins(":::{tip}\n甲\n:::", ":::{tip}\nA\n:::")),
        chapter(*twins("见 {ref}`甲`。", "See {ref}`a`.")),
        chapter(markdown("(label)=\n## 甲 | A")),
    ],
    "headers_have_names": [
        chapter(*twins("| | 甲 |\n|-|-|\n| 丙 | 丁 |", "| name | A |\n|-|-|\n| C | D |")),
        chapter(*twins("| 名 | 甲 |\n|-|-|\n| 丙 | 丁 |", "| name | |\n|-|-|\n| C | D |")),
        chapter(
            *twins(
                "<details><summary>答案</summary>\n\n| | 甲 |\n|-|-|\n| 丙 | 丁 |\n\n</details>",
                "<details><summary>Answer</summary>\n\n| name | A |\n|-|-|\n| C | D |\n\n</details>",
            )
        ),
    ],
    "formulas_match": [chapter(*twins("$x_t$ 好。", "$x_T$ good.")), chapter(*twins("$x$ 好。", "Good."))],
    "code_names_match": [chapter(*twins("用 `abc`。", "Use `abd`."))],
    "links_match": [chapter(*twins("见[甲](https://a.example)。", "See [A](https://b.example)."))],
    "numbers_match": [
        chapter(*twins("有 1,234 个。", "There are 1,243.")),
        chapter(*twins("有 17 万个。", "There are 17,000.")),
        chapter(*twins("有 3 个。", "There are two.")),
        chapter(*twins("有 0.5。", "There is 0.6.")),
    ],
    "blocks_match": [
        chapter(*twins("甲。\n\n乙。", "A. B.")),
        chapter(*twins("- 甲\n- 乙", "- A and B")),
        chapter(*twins("|甲|乙|\n|-|-|\n|丙|丁|", "|A|B|\n|-|-|")),
    ],
    "code_blocks_match": [
        chapter(*twins("```python\nx = 1  # 甲\n```", "```python\nx = 2  # A\n```")),
        chapter(*twins("```bash\nls\n```", "```bash\nls\npwd\n```")),
    ],
    "chinese_is_set_well": [
        *(chapter(*twins(zh, "Good.")) for zh in BADLY_SET),
        chapter(markdown("## 用RNN | With an RNN")),
    ],
    "english_is_set_well": [
        chapter(*twins("好。", "Good。")),
        chapter(*twins("好。", "The same same.")),
        chapter(*twins("好。", "So **good.**So far.")),
    ],
    "each_cell_is_in_its_language": [
        chapter(*twins("This is no Chinese at all.", "It is not.")),
        chapter(*twins("这是中文。", "这一段其实也是中文而不是英文。")),
        chapter(
            *twins(
                "<details><summary>Answer</summary>\n\n好\n\n</details>",
                "<details><summary>Answer</summary>\n\nA\n\n</details>",
            )
        ),
    ],
    "no_forbidden_terms": [
        chapter(*twins("细胞状态很重要。", "It matters.")),
        chapter(*twins("这是令牌。", "A token.")),
        chapter(markdown("## 渐变消失 | Vanishing gradients")),
        chapter(code("x = 1  # 图层归一化 | layer normalization")),
    ],
    "first_use_gives_english": [
        chapter(*twins("困惑度很低。", "Low."), *twins("困惑度（perplexity）高。", "High."))
    ],
    "comments_are_bilingual": [
        chapter(code("x = 1  # 只有中文")),
        chapter(code("x = 1  # only English here")),
        chapter(code("# 第一行\n# 第二行\nx = 1")),
    ],
    "was_run_in_one_go": [
        chapter(counts=[1, 3]),
        chapter(record=False),
        changed_after_run(),
        chapter(code("")),
        chapter(code("x = 1", execution={"iopub.status.busy": "2026-01-01T00:00:00Z"})),
    ],
    "is_short_enough": [
        chapter(seconds=181),
        chapter(seconds=181, gflops=300),  # a fast machine earns no shorter limit
        chapter(seconds=541, gflops=50),
        chapter(record=False),
    ],
    "what_prints_has_output": [
        chapter(code("print(1)")),
        chapter(code("for i in range(3):\n    print(i)")),
        chapter(code("with open('x') as f:\n    print(f)")),
        chapter(covers(COVER)),
    ],
    "errors_are_meant": [
        chapter(code("raise ValueError('no')", outputs=[ERROR])),
        chapter(code("x = 1", "raises-exception")),
    ],
    "outputs_are_clean": [
        chapter(code("f()", outputs=[printed("UserWarning: dropout", "stderr")])),
        chapter(code("f()", outputs=[printed(" 50%|█████     | 5/10 [00:01<00:01]")])),
        chapter(code("f()", outputs=[printed("saved to /home/me/x.pt")])),
        chapter(code("f()", outputs=[printed(r"saved to C:\Users\me\x.pt")])),
        chapter(code("f()", outputs=[printed(NOTICE)])),
    ],
    "plots_leave_no_text": [
        chapter(code("ax.set(xlabel='x')", "nbval-ignore-output", outputs=[PICTURE, returned(text)]))
        for text in (
            "<Axes: xlabel='epoch', ylabel='perplexity'>",
            "array([<Axes: >, <Axes: >], dtype=object)",
            "[<matplotlib.lines.Line2D at 0x7f00aa11>]",
            "Text(0.5, 1.0, 'loss')",
            "(array([1.]), array([0., 1.]), <BarContainer object of 1 artists>)",
            "<Figure size 640x480 with 1 Axes>",
        )
    ],
    "images_have_alt_texts": [
        chapter(code("f()", "nbval-ignore-output", outputs=[PICTURE])),
        chapter(
            code("f()", outputs=[PICTURE], mystnb={"image": {"alt": "Only English | here"}}),
        ),
        chapter(code("f()", outputs=[PICTURE], mystnb={"image": {"alt": "只有中文"}})),
    ],
    "what_varies_is_not_compared": [
        chapter(code("f()", outputs=[PICTURE])),
        chapter(code("f()", outputs=[new_output("display_data", {"text/html": "<b>x</b>"})])),
        chapter(code("print(device)", outputs=[printed("cpu")])),
        chapter(code(MEASURED, outputs=[printed("12.3 ms")])),
        chapter(code("print(rnnlib.train(model, data))", outputs=[printed("8.6")])),
        chapter(code("%timeit f()", outputs=[printed("fast")])),
        chapter(code("print(time.perf_counter() - start)", outputs=[printed("0.1")])),
    ],
}
GOOD = [
    chapter(drawn("迭代周期 | epoch"), drawn("tanh"), drawn("H_t"), drawn("只有中文")),
    chapter(markdown("## 选读：甲 | Optional: A"), *twins(*LONG)),
    chapter(code("f()", outputs=[printed("好 | good  0.5\n语料：3 个 |\ncorpus: 3\n")])),
    chapter(code("f()", "shows-text", outputs=[printed("寒鸦 crow\n")])),
    chapter(seconds=539, gflops=50),
    chapter(),
    Chapter(chapter().node, find_notebooks()[0]),
    chapter(code("x", outputs=[returned("Text of 3 axes")])),
    chapter(
        code("x", outputs=[new_output("display_data", {"text/html": '<table class="numbers">3</table>'})])
    ),
    chapter(*twins("约 17 万个字符，20 世纪 90 年代。", "About 170,000 characters, in the 1990s.")),
    chapter(*twins("两个 RNN，12 个月。", "2 RNNs, twelve months.")),
    chapter(*twins("| 记号 | $F_t$ |\n|-|-|\n| | 1 |", "| symbol | $F_t$ |\n|-|-|\n| | 1 |")),
    chapter(*twins("用 `nn.RNN` 的 $h_n$，**好**。", "Use `nn.RNN` and its $h_n$: **good**.")),
    chapter(*twins("**注意：** 别忘了。", "**Note:** do not forget.")),
    chapter(*twins("也有人译作“细胞状态”，本书不用。", "Some call it otherwise.")),
    chapter(*twins("$x = 1 \\text{ 若}$", "$x=1\\text{ if}$")),
    chapter(*twins("输入“分开”，看一看。", "Type “分开”, and look.")),
    chapter(*twins("```python\nx = 1  # 甲\nprint('好')\n```", "```python\nx = 1  # A\nprint('good')\n```")),
    chapter(*twins("见[甲](https://zh.example)。", "See [A](https://en.example).", "links-differ")),
    chapter(code("x = f(y)  # (T, B, V)")),
    chapter(code("# 先转置\n# Transpose first\ny = x.T")),
    chapter(code("def f():\n    print(1)")),
    chapter(code("model.train()\nprint(3)", outputs=[printed("3")])),
    chapter(code("1 / 0", "raises-exception", outputs=[ERROR])),
    chapter(
        code("draw()", "nbval-ignore-output", outputs=[PICTURE], mystnb={"image": {"alt": "曲线 | a curve"}})
    ),
]
