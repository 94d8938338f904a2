"""Set D: puzzles, one expression each."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Words, Wrong
from rnnlib.exercises.task import Task

# What every puzzle allows beside indexing and operators; the list at the top of the notebook has the same names
_NAMES = (
    "arange where sum mean cumsum cumprod max min amax amin argmax argmin values indices "
    "tanh sigmoid exp log sqrt abs square pow "
    "shape ndim size numel reshape view transpose squeeze unsqueeze expand T mT "
    "float double long int bool to dtype device float32 float64 int64 "
    "add sub mul div neg eq ne lt le gt ge logical_and logical_or logical_not matmul mm mv bmm dot"
)
ALLOWED = frozenset(_NAMES.split())
OUTSIDE = frozenset({"module torch", "builtin len"})
# puzzle -> what it allows beside; its statement lists the same
ALSO: dict[str, frozenset[str]] = {}
_ON_THE_WAY = frozenset({"nn", "functional", "linalg", "special", "Tensor", "ops", "aten"})

Draw = Callable[..., tuple]
Right = Callable[..., Tensor]


def one_expression(probe: Probe, also: str = "", builtins: str = "", repeats: bool = False) -> None:
    """The answer is a function of one expression, made of what is allowed: ``also`` of attributes, ``builtins``."""
    code = probe.code(probe.answer)
    parts = [code.get(key) for key in ("outside", "attributes", "statements")]
    if [type(part) for part in parts] != [dict, list, list]:
        probe.wrong("not a function", kind=getattr(probe.value(probe.answer), "kind", "?"))
    used, attributes, statements = parts
    if statements:
        probe.wrong("more than one expression", what=", ".join(map(str, statements)))
    if code.get("repeats") and not repeats:
        raise Wrong(
            "more than one expression",
            Words(
                "算得对。可是列表推导里的 for 也是循环：让张量的操作一次做完所有的。",
                "It computes the right thing. But the for of a comprehension is a loop, too: let an operation on "
                "tensors do all at once.",
            ),
        )
    outside = OUTSIDE | {f"builtin {name}" for name in builtins.split()}
    strange = [name for name, stands_for in used.items() if stands_for not in outside]
    methods = [name for name in attributes if name not in ALLOWED and name not in also.split()]
    if not methods and strange and used[strange[0]].startswith("builtin ") and strange[0] in ALLOWED:
        raise Wrong(
            "not allowed",
            Words(
                "算得对，可是 Python 自带的 {name}(...) 不在可用的操作里；列出的是张量的 .{name}。",
                "It computes the right thing, but Python's own {name}(...) is not among the operations that are "
                "allowed here; the list has .{name} of tensors.",
            ).filled(name=strange[0]),
        )
    # of torch.nn.functional.one_hot, say one_hot
    named = [name for name in methods if name not in _ON_THE_WAY] + strange + methods
    probe.need(not named, "not allowed", name=named[0] if named else "")


def square(probe: Probe, value: Any, T: int) -> Tensor:
    """The value as a tensor (T, T)."""
    try:
        return probe.shape(value, T=T, S=T)
    except Wrong as wrong:
        hint = Words(*(re.sub(r"\bS\b", "T", said, flags=re.ASCII) for said in wrong.hint))
        raise Wrong(wrong.mistake, hint) from None


def drawn(probe: Probe, letters: str, ones: str = "", tries: int = 4) -> list[dict[str, int]]:
    """Sizes for the letters, all different, from 3 to 8; then once with a 1 for each letter in ``ones``."""
    cases = []
    for one in [""] * tries + ones.split():
        sizes: dict[str, int] = {}
        for letter in letters.split():
            while (size := probe.size(3, 8)) in sizes.values():
                pass
            sizes[letter] = size
        cases.append({**sizes, **({one: 1} if one else {})})
    return cases


def puzzle(
    task: Task,
    letters: str,
    out: str,
    draw: Draw,
    right: Right,
    mistakes: Mapping[str, Right] | None = None,
    *,
    ones: str = "",
    kind: str = "float",
    shapes: Callable[..., dict[str, tuple | Callable[[Tensor], bool]]] | None = None,
    first_draw: Draw | None = None,
    extreme: tuple[str, Draw] | None = None,
    tolerance: float = 2e-5,
) -> None:
    """Give a task its parts for shape and values; `one_line` adds the last one.

    Args:
        task: the task.
        letters: sizes to draw, ``"B T V"``.
        out: the letters of the result's shape.
        draw: (probe, **sizes) -> the arguments.
        right: arguments -> the right result, computed with loops.
        mistakes: name -> arguments -> what that mistake makes.
        ones: the letters that are also tried at 1.
        kind: ``float`` or ``bool``.
        shapes: arguments -> mistake -> the shape that shows it, or what asks the result whether it shows it.
        first_draw: how the arguments are drawn when it is about the shape, if in another way.
        extreme: a mistake, and a draw of arguments with which it makes something that is no number.
        tolerance: of the values.
    """

    def result(probe: Probe, sizes: dict[str, int], arguments: tuple) -> Tensor:
        came = probe.call(probe.answer, *arguments)
        for mistake, shape in (shapes(*arguments) if shapes and isinstance(came, Tensor) else {}).items():
            probe.need(not (shape(came) if callable(shape) else came.shape == shape), mistake)
        came = probe.shape(came, **{letter: sizes[letter] for letter in out.split()})
        is_kind = {"float": came.is_floating_point(), "bool": came.dtype == torch.bool}
        expected = {"float": "float32", "bool": "bool"}[kind]
        probe.need(is_kind[kind], "dtype", expected=expected, came=str(came.dtype).removeprefix("torch."))
        return came

    letters_out = ", ".join(out.split()) + ("," if len(out.split()) == 1 else "")

    @task.part(f"形状：({letters_out})", f"shape: ({letters_out})")
    def _shape(probe: Probe) -> None:
        for sizes in drawn(probe, letters, ones, 2):
            result(probe, sizes, (first_draw or draw)(probe, **sizes))

    @task.part("数值，每次另抽", "values, drawn anew each time")
    def _values(probe: Probe) -> None:
        for sizes in drawn(probe, letters, ones):
            arguments = draw(probe, **sizes)
            found = {
                name: (lambda made=made, given=arguments: torch.as_tensor(made(*given)))
                for name, made in (mistakes or {}).items()
            }
            probe.values(result(probe, sizes, arguments), right(*arguments), found, tolerance)

    if extreme is not None:

        @task.part("又大又小的数", "very large and very small numbers")
        def _extreme(probe: Probe) -> None:
            for sizes in drawn(probe, letters, tries=2):
                arguments = extreme[1](probe, **sizes)
                came = result(probe, sizes, arguments)
                probe.need(bool(came.isfinite().all()), extreme[0])
                probe.values(came, right(*arguments), tolerance=10 * tolerance)


def one_line(task: Task, also: str = "", builtins: str = "", repeats: bool = False) -> None:
    """Give a task its last part: see `one_expression`."""

    ALSO[task.name] = frozenset({*also.split(), *builtins.split()})

    @task.part("一个表达式，只用可用的操作", "one expression, allowed operations only")
    def _line(probe: Probe) -> None:
        one_expression(probe, also, builtins, repeats)


def _task(
    name: str,
    zh: str,
    en: str,
    level: str,
    minutes: int,
    trains: tuple[str, str],
    hints: dict[str, tuple[str, str]],
) -> Task:
    return Task(
        name, zh, en, level=level, minutes=minutes, trains=trains, hints=hints, seconds=10, device="cpu"
    )


def _lengths(probe: Probe, B: int, T: int) -> Tensor:
    """Lengths from 1 to T - 1, not all the same where that is possible."""
    lengths = probe.integers(1, max(2, T), B)
    if B > 1 and T > 2:
        lengths[:2] = torch.tensor([1, T - 1])[
            torch.tensor([0, 1]) if probe.size(0, 1) else torch.tensor([1, 0])
        ]
    return lengths


# ---------- D1: one-hot ----------
D1 = _task(
    "D1",
    "不用 one_hot 的独热",
    "One-hot without one_hot",
    "warm-up",
    4,
    ("用比较和广播造出新的一维", "a new axis from a comparison and broadcasting"),
    {
        "off by one": (
            "1 的位置差了一格：编号从 0 数起。",
            "The 1 stands one place off: indices count from 0.",
        ),
        "others": (
            "0 和 1 反了：每行应该只有一个 1。",
            "0 and 1 are the wrong way round: each row should hold a single 1.",
        ),
        "all up to it": (
            "编号以下的位置也成了 1：比较的是“相等”。",
            "The places below the index are 1 as well: the question is whether they are equal.",
        ),
        "classes from the data": (
            "最后一维跟着数据走了：词表有 V 个，这一批里不一定都出现。",
            "The last axis follows the data: the vocabulary has V entries, not all of which occur in every batch.",
        ),
    },
)


def _one_hot(X: Tensor, V: int, chosen: Callable[[int, int], bool] = lambda v, x: v == x) -> Tensor:
    return torch.tensor([[[float(chosen(v, x)) for v in range(V)] for x in row] for row in X.tolist()])


puzzle(
    D1,
    "B T V",
    "B T V",
    lambda probe, B, T, V: (probe.integers(0, V, B, T), V),
    _one_hot,
    {
        "off by one": lambda X, V: _one_hot(X, V, lambda v, x: v + 1 == x),
        "others": lambda X, V: _one_hot(X, V, lambda v, x: v != x),
        "all up to it": lambda X, V: _one_hot(X, V, lambda v, x: v <= x),
    },
    ones="B T",
    shapes=lambda X, V: {"classes from the data": (*X.shape, int(X.max()) + 1)} if X.max() + 1 < V else {},
    first_draw=lambda probe, B, T, V: (probe.integers(0, V - 1, B, T), V),
)

one_line(D1)

# ---------- D2: labels ----------
D2 = _task(
    "D2",
    "标签错开一步",
    "Labels one step later",
    "warm-up",
    3,
    ("标签就是错开一位的输入", "labels are inputs shifted by one"),
    {
        "not two": (
            "要两个张量的元组：(X, Y)。",
            "A tuple of two tensors is wanted: (X, Y).",
        ),
        "labels not shifted": (
            "Y 和 X 一模一样：模型只要照抄就能得满分。",
            "Y equals X: a model would get full marks by copying.",
        ),
        "backward": (
            "方向反了：Y 应该是 X 的下一个，不是上一个。",
            "The wrong way round: Y should be what follows X, not what precedes it.",
        ),
        "shifted along the batch": (
            "错开的是样本，不是时间：哪一维是 T？",
            "The batch is shifted, not time: which axis is T?",
        ),
        "wrapped round": (
            "最后一个标签绕回了开头：最后一个词元只当标签，不当输入。",
            "The last label comes round from the start: the last token is a label only, never an input.",
        ),
    },
)


@D2.part("形状：两个 (B, T)", "shape: two of (B, T)")
def _d2_shape(probe: Probe) -> None:
    for sizes in drawn(probe, "B T", "B T", 2):
        B, T = sizes["B"], sizes["T"]
        tokens = torch.arange(B * (T + 1)).reshape(B, T + 1) + 5
        came = probe.call(probe.answer, tokens)
        if came is None:
            probe.wrong("nothing")
        if not isinstance(came, (tuple, list)) or len(came) != 2:
            probe.wrong("not two")
        if all(isinstance(one, Tensor) and one.shape == (B - 1, T + 1) for one in came):
            probe.wrong("shifted along the batch")
        if isinstance(came[1], Tensor) and came[1].equal(tokens.roll(-1, 1)):
            probe.wrong("wrapped round")
        for one in came:
            probe.shape(one, B=B, T=T)


@D2.part("数值，每次另抽", "values, drawn anew each time")
def _d2_values(probe: Probe) -> None:
    for sizes in drawn(probe, "B T", "B T"):
        tokens = probe.integers(0, 1000, sizes["B"], sizes["T"] + 1)
        X, Y = probe.call(probe.answer, tokens)
        early, late = tokens.narrow(1, 0, sizes["T"]), tokens.narrow(1, 1, sizes["T"])
        if X.equal(Y) and sizes["T"] > 1:
            probe.wrong("labels not shifted")
        if X.equal(late) and Y.equal(early):
            probe.wrong("backward")
        probe.values(X, early)
        probe.values(
            Y, late, {"wrapped round": lambda at=tokens, T=sizes["T"]: at.roll(-1, 1).narrow(1, 1, T)}
        )


one_line(D2)


# ---------- D3: rows ----------
D3 = _task(
    "D3",
    "接得上的行",
    "Rows that go on",
    "warm-up",
    5,
    ("顺序分区：每一行是语料里连续的一段", "sequential partitioning: each row is one stretch of the corpus"),
    {
        "columns": (
            "连续的词元排到了列里：应该是每一行自己连续。",
            "Neighbours stand in columns: each row by itself should be one stretch.",
        ),
        "dropped at the front": (
            "扔掉的是开头；除不尽的零头在末尾。",
            "That drops tokens at the front; what is left over stands at the end.",
        ),
        "shuffled": (
            "行的次序反了：第 0 行是语料的开头。",
            "The rows are in reverse: row 0 is the beginning of the corpus.",
        ),
        "nothing left": (
            "没有零头的时候，什么也没剩下：[:-0] 是空的。从开头数，留几个？",
            "With nothing left over, nothing is kept: [:-0] is empty. Counting from the start, how many stay?",
        ),
        "too short": (
            "每行少了一个词元：能分的都要分完，零头比 B 小。",
            "Each row is one token short: hand out all that can be; what is left is less than B.",
        ),
    },
)


def _rows(corpus: Tensor, B: int, start: int = 0) -> Tensor:
    L = len(corpus) // B
    return torch.tensor([[int(corpus[start + b * L + t]) for t in range(L)] for b in range(B)])


def _d3_draw(probe: Probe, B: int, L: int) -> tuple:
    return probe.integers(0, 1000, B * L + (B > 1 and probe.size(1, B - 1))), B


def _d3_mistakes(corpus: Tensor, B: int) -> dict[str, Tensor]:
    L = len(corpus) // B
    return {
        "columns": _rows(corpus.narrow(0, 0, B * L), L).T,
        "dropped at the front": _rows(corpus, B, len(corpus) - B * L),
        "shuffled": _rows(corpus, B).flip(0),
    }


@D3.part("没有零头，也分得完", "nothing left over, nothing dropped")
def _d3_whole(probe: Probe) -> None:
    for sizes in drawn(probe, "B L", "B", 2):
        B, L = sizes["B"], sizes["L"]
        corpus = probe.integers(0, 1000, B * L)
        came = probe.call(probe.answer, corpus, B)
        if isinstance(came, Tensor) and came.numel() == 0:
            probe.wrong("nothing left")
        if isinstance(came, Tensor) and came.shape == (B, L - 1):
            probe.wrong("too short")
        probe.values(probe.shape(came, B=B, L=L), _rows(corpus, B), _d3_mistakes(corpus, B))


@D3.part("有零头，扔在末尾", "what is left over is dropped at the end")
def _d3_values(probe: Probe) -> None:
    for sizes in drawn(probe, "B L", "B L"):
        corpus, B = _d3_draw(probe, **sizes)
        L = sizes["L"]
        came = probe.shape(probe.call(probe.answer, corpus, B), B=B, L=L)
        probe.values(came, _rows(corpus, B), _d3_mistakes(corpus, B))


one_line(D3)


# ---------- D4: mask from lengths ----------
D4 = _task(
    "D4",
    "哪些时间步有效",
    "Which steps are real",
    "warm-up",
    3,
    ("从长度到掩码", "from lengths to a mask"),
    {
        "off by one": (
            "差了一步：长度 3 的序列，有效的是第 0、1、2 步。",
            "One step off: a sequence of length 3 has the real steps 0, 1, 2.",
        ),
        "inverted": (
            "反了：有效时间步是 True，填充是 False。",
            "Inverted: real steps are True, padding is False.",
        ),
        "padding in front": (
            "有效时间步排到了后面；填充在末尾。",
            "The real steps stand at the end; the padding should.",
        ),
        "the last only": (
            "只标出了最后一步：它前面的也有效。",
            "Only the last step is marked: those before it are real, too.",
        ),
    },
)


def _mask(lengths: Tensor, T: int, real: Callable[[int, int], bool] = lambda t, n: t < n) -> Tensor:
    return torch.tensor([[real(t, int(n)) for t in range(T)] for n in lengths])


puzzle(
    D4,
    "B T",
    "B T",
    lambda probe, B, T: (_lengths(probe, B, T), T),
    _mask,
    {
        "off by one": lambda n, T: _mask(n, T, lambda t, n: t <= n),
        "inverted": lambda n, T: _mask(n, T, lambda t, n: t >= n),
        "padding in front": lambda n, T: _mask(n, T, lambda t, n: t >= T - n),
        "the last only": lambda n, T: _mask(n, T, lambda t, n: t == n - 1),
    },
    ones="B T",
    kind="bool",
)

one_line(D4)

# ---------- D5: causal mask ----------
D5 = _task(
    "D5",
    "不许看后面",
    "No looking ahead",
    "warm-up",
    4,
    ("因果掩码：谁看得见谁", "a causal mask: who sees whom"),
    {
        "transposed": (
            "行和列反了：第 i 行说的是第 i 步看得见谁。",
            "Rows and columns are swapped: row i says whom step i sees.",
        ),
        "not itself": (
            "第 i 步看不见自己了：对角线应该是 True。",
            "Step i does not see itself: the diagonal should be True.",
        ),
        "inverted": (
            "反了：看得见的是 True，看不见的是 False。",
            "Inverted: what is seen is True, what is not is False.",
        ),
        "one step ahead": (
            "第 i 步看见了第 i+1 步：那正是要猜的。",
            "Step i sees step i+1: the very thing that it has to guess.",
        ),
    },
)


def _sees(T: int, sees: Callable[[int, int], bool] = lambda i, j: j <= i) -> Tensor:
    return torch.tensor([[sees(i, j) for j in range(T)] for i in range(T)])


@D5.part("形状：(T, T)", "shape: (T, T)")
def _d5_shape(probe: Probe) -> None:
    for T in (probe.size(3, 8), 1):
        came = square(probe, probe.call(probe.answer, T), T)
        probe.need(
            came.dtype == torch.bool, "dtype", expected="bool", came=str(came.dtype).removeprefix("torch.")
        )


@D5.part("数值", "values")
def _d5_values(probe: Probe) -> None:
    mistakes = {
        "transposed": lambda i, j: j >= i,
        "not itself": lambda i, j: j < i,
        "inverted": lambda i, j: j > i,
        "one step ahead": lambda i, j: j <= i + 1,
    }
    for T in (probe.size(4, 9), 2, 1):
        found = {name: _sees(T, sees) for name, sees in mistakes.items()}
        probe.values(square(probe, probe.call(probe.answer, T), T), _sees(T), found)


one_line(D5)


# ---------- D6: last real step ----------
D6 = _task(
    "D6",
    "最后一个有效时间步",
    "The last real step",
    "core",
    5,
    ("用两个下标张量取数", "indexing with two tensors"),
    {
        "off by one": (
            "晚了一步，取到了填充：长度 3 的序列，最后一步的下标是几？",
            "One step late, that is padding: a sequence of length 3 ends at which index?",
        ),
        "the last column": (
            "取的是第 T-1 步，对短的序列那是填充。",
            "That takes step T-1, which is padding in the shorter sequences.",
        ),
        "the first step": (
            "取的是第 0 步。",
            "That takes step 0.",
        ),
        "all pairs": (
            "得到了 (B, B, H)：每个样本都配了所有的长度。第一个下标也要是 B 个数，一一配对。",
            "That is (B, B, H): every sequence was paired with every length. The first index must be B numbers, too, "
            "so that they go in pairs.",
        ),
    },
)


def _d6(outputs: Tensor, lengths: Tensor, late: int = 0) -> Tensor:
    return torch.stack([row[int(n) - 1 + late] for row, n in zip(outputs, lengths)])


puzzle(
    D6,
    "B T H",
    "B H",
    lambda probe, B, T, H: (probe.normal(B, T, H), _lengths(probe, B, T)),
    _d6,
    {
        "off by one": lambda outputs, lengths: _d6(outputs, lengths, late=1),
        "the last column": lambda outputs, lengths: outputs.select(1, outputs.shape[1] - 1),
        "the first step": lambda outputs, lengths: outputs.select(1, 0),
    },
    ones="B H",
    shapes=lambda outputs, n: {"all pairs": (len(n), len(n), outputs.shape[2])},
)


@D6.part("有的序列没有填充", "some sequences have no padding")
def _d6_full(probe: Probe) -> None:
    for T in (5, 1):
        outputs, lengths = probe.normal(4, T, 3), probe.integers(1, T + 1, 4)
        lengths[probe.size(0, 3)] = T
        probe.values(probe.shape(probe.call(probe.answer, outputs, lengths), B=4, H=3), _d6(outputs, lengths))


one_line(D6)

# ---------- D7: mean over real steps ----------
D7 = _task(
    "D7",
    "求平均，不计填充",
    "A mean without the padding",
    "core",
    8,
    ("掩码、广播、该除以几", "a mask, broadcasting, and what to divide by"),
    {
        "mean over padding": (
            "填充也算进了平均。",
            "The padding is in the mean.",
        ),
        "divided by T": (
            "分子对了，分母是 T：有效的只有 lengths 那么多步。",
            "The sum is right, but it is divided by T: only as many steps as lengths says are real.",
        ),
        "padding in the sum": (
            "分母对了，可是填充还在和里。",
            "Divided by the right number, but the padding is still in the sum.",
        ),
        "sum": (
            "这是和，还没有除。",
            "That is the sum, not yet divided.",
        ),
        "off by one": (
            "掩码差了一步。",
            "The mask is one step off.",
        ),
        "over the batch": (
            "沿样本取了平均：哪一维是时间？",
            "That is a mean over the batch: which axis is time?",
        ),
    },
)


def _mean(outputs: Tensor, lengths: Tensor, more: int = 0, by: Callable[[int], float] = float) -> Tensor:
    return torch.stack(
        [
            sum((row[t].double() for t in range(min(int(n) + more, len(row)))), torch.zeros(row.shape[1]))
            / by(int(n))
            for row, n in zip(outputs, lengths)
        ]
    )


puzzle(
    D7,
    "B T H",
    "B H",
    lambda probe, B, T, H: (probe.normal(B, T, H) + 1, _lengths(probe, B, T)),
    _mean,
    {
        "divided by T": lambda outputs, n: _mean(outputs, n, 0, lambda _: outputs.shape[1]),
        "mean over padding": lambda outputs, n: _mean(outputs, n, 99, lambda _: outputs.shape[1]),
        "padding in the sum": lambda outputs, n: _mean(outputs, n, 99),
        "sum": lambda outputs, n: _mean(outputs, n, 0, lambda _: 1),
        "off by one": lambda outputs, n: _mean(outputs, n, 1),
        "off by one / by more": lambda outputs, n: _mean(outputs, n, 1, lambda n: n + 1),
    },
    ones="B T H",
    shapes=lambda outputs, n: {"over the batch": outputs.shape[1:]} if len(n) > 1 < outputs.shape[1] else {},
)

one_line(D7)

# ---------- D8: loss of the right token ----------
D8 = _task(
    "D8",
    "正确词元的损失",
    "The loss of the right token",
    "core",
    8,
    ("交叉熵：规范化，再取正确的那一个", "cross-entropy: normalize, then pick the right one"),
    {
        "sign": (
            "正负号反了：损失是负的对数概率，不小于 0。",
            "The sign is wrong: a loss is minus the log probability, never below 0.",
        ),
        "not normalized": (
            "logits 还没有规范化：概率的和应该是 1。",
            "The logits are not normalized: probabilities should sum to 1.",
        ),
        "probability": (
            "这是概率；损失是它的负对数。",
            "That is the probability; the loss is minus its logarithm.",
        ),
        "over the batch": (
            "沿 N 规范化了：每一行自己的 V 个概率和为 1。",
            "Normalized along N: the V probabilities of each row sum to 1.",
        ),
        "all labels for all": (
            "得到了 (N, N)：每一行配了所有的标签。行号也要给。",
            "That is (N, N): each row was paired with every label. Give the numbers of the rows as well.",
        ),
        "an axis of 1": (
            "得到了 (N, N)：一边是 (N,)，另一边是 (N, 1)，广播成了一张表。让两边的形状一样。",
            "That is (N, N): one side is (N,), the other (N, 1), and they were broadcast to a table. Give both the "
            "same shape.",
        ),
        "mean": (
            "取了平均；这里要每个词元自己的损失，(N,)。",
            "That is the mean; the loss of each token by itself is wanted, (N,).",
        ),
        "overflow": (
            "logits 到了几百，exp 就溢出：得在取 exp 之前减掉最大的，或者用 logsumexp。",
            "With logits in the hundreds exp overflows: subtract the largest before it, or use logsumexp.",
        ),
    },
)


def _log_sum(row: list[float]) -> float:
    return max(row) + math.log(sum(math.exp(one - max(row)) for one in row))


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.tensor([_log_sum(row) - row[y] for row, y in zip(logits.double().tolist(), labels.tolist())])


def _d8_draw(probe: Probe, N: int, V: int) -> tuple:
    return 2 * probe.normal(N, V), (torch.arange(N) + probe.size(0, V - 1)) % V  # not all labels the same


def _is_sum_of_row_and_column(came: Tensor) -> bool:
    """Whether (N,) and (N, 1) were added."""
    if came.ndim != 2 or came.shape[0] != came.shape[1] or len(came) == 1:
        return False
    came = came.double()
    row, column = came.narrow(0, 0, 1), came.narrow(1, 0, 1)
    return bool((came - row - column + came[0, 0]).abs().max() < 1e-4)


def _all_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """What each row would lose with each of the labels."""
    return torch.stack([_loss(logits, label.expand(len(labels))) for label in labels], 1)


def _shows_all_labels(came: Tensor, logits: Tensor, labels: Tensor) -> bool:
    right = _all_labels(logits, labels)
    return came.shape == right.shape and any(
        bool((came - one).abs().max() < 1e-4) for one in (right, -right, right.T, -right.T, (-right).exp())
    )


def _loss_over_batch(logits: Tensor, labels: Tensor) -> Tensor:
    columns = [_log_sum(column) for column in logits.double().T.tolist()]
    return torch.tensor([columns[y] - row[y] for row, y in zip(logits.double().tolist(), labels.tolist())])


puzzle(
    D8,
    "N V",
    "N",
    lambda probe, N, V: (2 * probe.normal(N, V), probe.integers(0, V, N)),
    _loss,
    {
        "sign": lambda *given: -_loss(*given),
        "not normalized": lambda logits, labels: torch.tensor(
            [-float(row[y]) for row, y in zip(logits, labels)]
        ),
        "probability": lambda *given: torch.tensor([math.exp(-float(one)) for one in _loss(*given)]),
        "over the batch": _loss_over_batch,
    },
    ones="N",
    extreme=("overflow", lambda probe, N, V: (400 * probe.normal(N, V) + 300, probe.integers(0, V, N))),
    shapes=lambda logits, labels: {
        "an axis of 1": _is_sum_of_row_and_column,
        "all labels for all": lambda came: _shows_all_labels(came, logits, labels),
        "mean": (),
    },
    first_draw=_d8_draw,
)

one_line(D8, also="logsumexp gather")

# ---------- D9: perplexity ----------
D9 = _task(
    "D9",
    "困惑度，填充不算",
    "Perplexity, padding left out",
    "core",
    5,
    ("先平均，后取指数；每个词元一票", "first the mean, then exp; one vote for each token"),
    {
        "mean over padding": (
            "填充的损失也算进去了。",
            "The losses of the padding are in it.",
        ),
        "padding as 0": (
            "填充算成了损失为 0 的词元：分母应该是有效词元的个数。",
            "The padding counts as tokens of loss 0: divide by the number of real tokens.",
        ),
        "exp first": (
            "先取了指数，再平均；次序反过来。",
            "That takes exp first and the mean afterwards; the other way round.",
        ),
        "mean of rows": (
            "每一行先平均，再平均各行：短的行里，一个词元就占了更多的票。要所有有效词元一人一票。",
            "A mean for each row, then the mean of rows: a token in a short row has more than one vote. Every real "
            "token should have the same.",
        ),
        "no exp": (
            "这是平均的交叉熵，还差一步。",
            "That is the mean cross-entropy; one step is missing.",
        ),
    },
)


def _real(losses: Tensor, mask: Tensor) -> list[list[float]]:
    rows = zip(losses.double().tolist(), mask.tolist())
    return [[loss for loss, real in zip(*row) if real] for row in rows]


def _average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _d9_draw(probe: Probe, B: int, T: int) -> tuple:
    return probe.normal(B, T).abs() + 0.2, _mask(_lengths(probe, B, T), T)


puzzle(
    D9,
    "B T",
    "",
    _d9_draw,
    lambda losses, mask: torch.tensor(math.exp(_average(sum(_real(losses, mask), [])))),
    {
        "mean over padding": lambda losses, mask: torch.tensor(math.exp(_average(losses.flatten().tolist()))),
        "padding as 0": lambda losses, mask: torch.tensor(
            math.exp(_average((losses * mask).flatten().tolist()))
        ),
        "exp first": lambda losses, mask: torch.tensor(
            _average([math.exp(x) for x in sum(_real(losses, mask), [])])
        ),
        "mean of rows": lambda losses, mask: torch.tensor(
            math.exp(_average([*map(_average, _real(losses, mask))]))
        ),
        "no exp": lambda losses, mask: torch.tensor(_average(sum(_real(losses, mask), []))),
    },
    ones="B T",
)

one_line(D9)

# ---------- D10: temperature ----------
D10 = _task(
    "D10",
    "温度",
    "Temperature",
    "core",
    8,
    ("带温度的 softmax，数再大也不溢出", "softmax with a temperature, however large the numbers"),
    {
        "multiplied": (
            "乘了 τ：温度高，分布应该更平，不是更尖。",
            "Multiplied by τ: a high temperature should make the distribution flatter, not sharper.",
        ),
        "temperature ignored": (
            "没有用到 τ。",
            "τ is not used.",
        ),
        "over the batch": (
            "沿 B 规范化了：每一行的 V 个概率和为 1。",
            "Normalized along B: the V probabilities of each row sum to 1.",
        ),
        "over everything": (
            "整批的概率和为 1；应该是每一行自己和为 1。sum 要说沿哪一维。",
            "The whole batch sums to 1; each row should by itself. Tell sum which axis.",
        ),
        "after softmax": (
            "τ 用在了 softmax 之后：它除的是 logits。",
            "τ comes after the softmax: it divides the logits.",
        ),
        "overflow": (
            "τ 很小时 exp 溢出：先减去每行的最大值，或者用 logsumexp。",
            "With a small τ exp overflows: subtract the largest of each row first, or use logsumexp.",
        ),
    },
)


def _soft(logits: Tensor, tau: float) -> Tensor:
    rows = (logits.double() / tau).tolist()
    return torch.tensor([[math.exp(one - _log_sum(row)) for one in row] for row in rows])


def _soft_all(logits: Tensor, tau: float) -> Tensor:
    return _soft(logits.reshape(1, -1), tau).reshape(logits.shape)


puzzle(
    D10,
    "B V",
    "B V",
    lambda probe, B, V: (2 * probe.normal(B, V), [0.5, 0.7, 1.6, 2.5][probe.size(0, 3)]),
    _soft,
    {
        "multiplied": lambda logits, tau: _soft(logits, 1 / tau),
        "temperature ignored": lambda logits, tau: _soft(logits, 1.0),
        "over the batch": lambda logits, tau: _soft(logits.T, tau).T,
        "over everything": _soft_all,
        "after softmax": lambda logits, tau: _soft(logits, 1.0) / tau,
    },
    ones="B",
    extreme=("overflow", lambda probe, B, V: (3 * probe.normal(B, V) + 3, 0.01)),
)

one_line(D10, also="logsumexp")

# ---------- D11: one step of an RNN ----------
D11 = _task(
    "D11",
    "走一步",
    "One step",
    "core",
    4,
    ("循环神经网络的一步", "one step of an RNN"),
    {
        "no tanh": ("少了 tanh。", "The tanh is missing."),
        "sigmoid": ("激活函数是 tanh，不是 sigmoid。", "The activation function is tanh, not sigmoid."),
        "no bias": ("少了偏置 b_h。", "The bias b_h is missing."),
        "bias outside": ("偏置加在了 tanh 外面。", "The bias was added outside tanh."),
        "no state": (
            "没有用到旧状态 H：那只是一个普通的隐藏层。",
            "The old state H is not used: that is an ordinary hidden layer.",
        ),
        "transposed": (
            "W_hh 转置了：它的行对应旧状态，H @ W_hh。",
            "W_hh is transposed: its rows belong to the old state, H @ W_hh.",
        ),
    },
)


def _step(X: Tensor, H: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor, inside: float = 1.0) -> Tensor:
    """What goes into the activation function, element by element."""
    return torch.einsum("bd,dh->bh", X.double(), W_xh.double()) + (
        torch.einsum("bi,ih->bh", H.double(), W_hh.double()) + inside * b_h.double()
    )


puzzle(
    D11,
    "B D H",
    "B H",
    lambda probe, B, D, H: (
        probe.normal(B, D),
        probe.normal(B, H),
        probe.normal(D, H) / 2,
        probe.normal(H, H) / 2,
        probe.normal(H),
    ),
    lambda *given: torch.tanh(_step(*given)),
    {
        "no tanh": _step,
        "sigmoid": lambda *given: 1 / (1 + torch.exp(-_step(*given))),
        "no bias": lambda *given: torch.tanh(_step(*given, inside=0.0)),
        "bias outside": lambda *given: torch.tanh(_step(*given, inside=0.0)) + given[4],
        "no state": lambda X, H, *rest: torch.tanh(_step(X, 0 * H, *rest)),
        "transposed": lambda X, H, W, U, b: torch.tanh(_step(X, H, W, U.T, b)),
    },
    ones="B D H",
)

one_line(D11)

# ---------- D12: what a gate mixes ----------
D12 = _task(
    "D12",
    "门在两者之间",
    "A gate between the two",
    "core",
    3,
    ("门控循环单元的最后一步", "the last step of a gated recurrent unit"),
    {
        "swapped": (
            "反了：Z 接近 1 时，留下的应该是旧状态 H。",
            "Swapped: where Z is close to 1, the old state H should stay.",
        ),
        "only the old": (
            "新的候选没有进来。",
            "The new candidate does not come in.",
        ),
        "both whole": (
            "候选整个加了进来：两个权重的和应该是 1。",
            "The candidate comes in whole: the two weights should sum to 1.",
        ),
        "brackets": (
            "1 减掉的是 Z 乘候选：括号放错了。",
            "What is subtracted from 1 is Z times the candidate: the brackets are in the wrong place.",
        ),
        "Z twice": (
            "两边的权重都是 Z。",
            "Both weights are Z.",
        ),
    },
)


def _mix(Z: Tensor, H: Tensor, new: Tensor, weights: Callable[[float, float, float], float]) -> Tensor:
    triples = zip(*(one.double().flatten().tolist() for one in (Z, H, new)))
    return torch.tensor([weights(*triple) for triple in triples]).reshape(Z.shape)


puzzle(
    D12,
    "B H",
    "B H",
    lambda probe, B, H: (probe.normal(B, H).sigmoid(), probe.normal(B, H), probe.normal(B, H)),
    lambda *given: _mix(*given, lambda z, h, n: n + z * (h - n)),
    {
        "swapped": lambda *given: _mix(*given, lambda z, h, n: h + z * (n - h)),
        "only the old": lambda *given: _mix(*given, lambda z, h, n: z * h),
        "both whole": lambda *given: _mix(*given, lambda z, h, n: z * h + n),
        "brackets": lambda *given: _mix(*given, lambda z, h, n: 1 + z * (h - n)),
        "Z twice": lambda *given: _mix(*given, lambda z, h, n: z * (h + n)),
    },
    ones="B H",
)

one_line(D12)

# ---------- D13: the memory of an LSTM ----------
D13 = _task(
    "D13",
    "四块拼成的记忆",
    "A memory out of four blocks",
    "core",
    8,
    ("torch 里四个门的次序：i, f, g, o", "the order of the gates in torch: i, f, g, o"),
    {
        "another order": (
            "四块的次序不对：torch 按 i, f, g, o 排。",
            "The blocks are in another order: torch has i, f, g, o.",
        ),
        "interleaved": (
            "按 4 个一组拆开了：每一块是连续的 H 列。",
            "Taken apart in groups of 4: each block is H columns in a row.",
        ),
        "candidate by sigmoid": (
            "候选 g 用的是 tanh，不是 sigmoid。",
            "The candidate g goes through tanh, not sigmoid.",
        ),
        "no activation": (
            "门还没有过 sigmoid。",
            "The gates have not been through a sigmoid.",
        ),
        "bare candidate": (
            "门对了，候选 g 还没有过 tanh。",
            "The gates are right; the candidate g has not been through tanh.",
        ),
        "tanh around it": (
            "tanh 套在了整个和的外面：它只管候选 g，旧的 C 不再过激活函数。",
            "A tanh is around the whole sum: it is for the candidate g only; the old C goes through no activation.",
        ),
        "not added": (
            "旧的 C 没有加进来。",
            "The old C was not added.",
        ),
    },
)


def _memory(
    gates: Tensor,
    C: Tensor,
    order: str = "ifgo",
    squash: str = "ssts",
    keep: float = 1.0,
    apart: Callable[[int, int, int], int] = lambda block, h, H: block * H + h,
) -> Tensor:
    made = {"s": lambda x: 1 / (1 + math.exp(-x)), "t": math.tanh, "-": lambda x: x}
    H, rows = C.shape[1], gates.double().tolist()

    def gate(row: list[float], name: str, h: int) -> float:
        return made[squash["ifgo".index(name)]](row[apart(order.index(name), h, H)])

    return torch.tensor(
        [
            [keep * gate(row, "f", h) * float(c[h]) + gate(row, "i", h) * gate(row, "g", h) for h in range(H)]
            for row, c in zip(rows, C)
        ]
    )


def _d13_draw(probe: Probe, B: int, H: int) -> tuple:
    return 2 * probe.normal(B, 4 * H), probe.normal(B, H)


puzzle(
    D13,
    "B H",
    "B H",
    _d13_draw,
    _memory,
    {
        **{
            f"another order / {order}": lambda gates, C, order=order: _memory(gates, C, order)
            for order in ("figo", "figo", "ifog", "iofg", "fiog", "ofig", "gifo", "igfo", "oifg", "fgio")
        },
        "interleaved": lambda gates, C: _memory(gates, C, apart=lambda block, h, H: 4 * h + block),
        "candidate by sigmoid": lambda gates, C: _memory(gates, C, squash="ssss"),
        "no activation": lambda gates, C: _memory(gates, C, squash="--ts"),
        "no activation / at all": lambda gates, C: _memory(gates, C, squash="---s"),
        "bare candidate": lambda gates, C: _memory(gates, C, squash="ss-s"),
        "tanh around it": lambda gates, C: _memory(gates, C).tanh(),
        "tanh around it / and not on g": lambda gates, C: _memory(gates, C, squash="ss-s").tanh(),
        "not added": lambda gates, C: _memory(gates, C, keep=0.0),
    },
    ones="B H",
)

one_line(D13)

# ---------- D14: how much to clip ----------
D14 = _task(
    "D14",
    "裁掉多少",
    "How much to clip",
    "core",
    5,
    ("裁剪只缩小，不放大", "clipping shrinks, and never stretches"),
    {
        "stretches": (
            "小的梯度也被放大到 θ 了：不超过 θ 的，乘 1。",
            "Small gradients are stretched to θ: what is not above θ is multiplied by 1.",
        ),
        "upside down": (
            "分子分母反了：乘上它，范数应该变成 θ。",
            "Upside down: times this, the norm should become θ.",
        ),
        "the clipped norm": (
            "这是裁剪之后的范数；要的是梯度该乘的那个数。",
            "That is the norm after clipping; the number to multiply the gradients by is wanted.",
        ),
        "only stretches": (
            "大的没有缩小，小的倒放大了：两个数里该取小的那个。",
            "The large ones are not shrunk, the small ones are stretched: of two numbers, take the smaller.",
        ),
        "zero": (
            "范数是 0 的时候，这里得到 nan；那时该乘 1。",
            "With a norm of 0 this is not a number; the factor should be 1 then.",
        ),
    },
)


def _factors(norm: Tensor, theta: float, made: Callable[[float], float]) -> Tensor:
    return torch.tensor([made(float(one)) for one in norm.double()])


def _clip_draw(probe: Probe, K: int) -> tuple:
    theta = [0.5, 1.5, 2.0, 5.0][probe.size(0, 3)]
    norm = theta * (0.1 + 3 * torch.rand(K, generator=probe.generator))
    norm[0] = theta * 2.5 if K == 1 else norm[0]
    if K > 1:
        norm[:2] = torch.tensor([0.4, 1.7]) * theta
    return norm, theta


puzzle(
    D14,
    "K",
    "K",
    _clip_draw,
    lambda norm, theta: _factors(norm, theta, lambda n: theta / n if n > theta else 1.0),
    {
        "stretches": lambda norm, theta: _factors(norm, theta, lambda n: theta / n),
        "upside down": lambda norm, theta: _factors(norm, theta, lambda n: n / theta if n > theta else 1.0),
        "upside down / min": lambda norm, theta: _factors(norm, theta, lambda n: min(n / theta, 1.0)),
        "the clipped norm": lambda norm, theta: _factors(norm, theta, lambda n: min(n, theta)),
        "only stretches": lambda norm, theta: _factors(norm, theta, lambda n: max(theta / n, 1.0)),
    },
    ones="K",
    extreme=("zero", lambda probe, K: (torch.tensor([0.0, 3.0, 1e-30, 1e30, 0.5, 1.0, 2.0, 0.0])[:K], 2.0)),
)

one_line(D14, also="clamp minimum")

# ---------- D15: the norm of a list of gradients ----------
D15 = _task(
    "D15",
    "一列梯度，一个范数",
    "Many gradients, one norm",
    "core",
    6,
    ("全体参数的梯度当作一个长向量", "the gradients of all parameters as one long vector"),
    {
        "sum of norms": (
            "每个张量先开了方：先把所有的平方加完，最后开一次方。",
            "Each tensor got a root of its own: add up all squares, then take one root.",
        ),
        "no root": ("还没有开方。", "The root is missing."),
        "mean": (
            "取了平均：范数是平方和的平方根，不是均方根。",
            "That averages: a norm is the root of the sum of squares, not of their mean.",
        ),
        "absolute values": (
            "加的是绝对值；要的是平方。",
            "That adds absolute values; squares are wanted.",
        ),
        "one tensor": (
            "只算了一个张量。",
            "Only one tensor counts.",
        ),
        "the largest": (
            "取了最大的范数；裁剪看的是全体。",
            "That is the largest of the norms; clipping looks at all together.",
        ),
    },
)


def _all_numbers(grads: list[Tensor]) -> list[float]:
    return [one for grad in grads for one in grad.double().flatten().tolist()]


def _norms(grads: list[Tensor]) -> list[float]:
    return [math.hypot(*_all_numbers([grad])) for grad in grads]


puzzle(
    D15,
    "V H K",
    "",
    lambda probe, V, H, K: (
        [probe.normal(V, H) / 5, *(5 * probe.normal(H) for _ in range(K - 1)), probe.normal(2) / 2],
    ),
    lambda grads: torch.tensor(math.hypot(*_all_numbers(grads))),
    {
        "sum of norms": lambda grads: sum(_norms(grads)),
        "no root": lambda grads: math.hypot(*_all_numbers(grads)) ** 2,
        "mean": lambda grads: math.hypot(*_all_numbers(grads)) / len(_all_numbers(grads)) ** 0.5,
        "absolute values": lambda grads: sum(map(abs, _all_numbers(grads))),
        "one tensor": lambda grads: _norms(grads)[0],
        "one tensor / the last": lambda grads: _norms(grads)[-1],
        "the largest": lambda grads: max(_norms(grads)),
    },
    ones="V H K",
)

one_line(D15, also="stack cat flatten", builtins="sum", repeats=True)

# ---------- D16: reversing padded sequences ----------
D16 = _task(
    "D16",
    "倒着读，填充不动",
    "Backward, padding in place",
    "stretch",
    12,
    (
        "用下标张量重排，双向网络的另一半要用",
        "rearranging by a tensor of indices, as the other half of a BiRNN needs",
    ),
    {
        "padding first": (
            "整行都倒了，填充跑到了最前面：只倒有效的那一段。",
            "The whole row is reversed and the padding comes first: reverse the real part only.",
        ),
        "padding overwritten": (
            "有效的那一段对了，填充的地方绕回去取了别的数：那里的下标应该是它自己。",
            "The real part is right, but where the padding was, other numbers came round: its index there should be "
            "itself.",
        ),
        "padding from step 0": (
            "有效的那一段对了，填充处却都取了第 0 步：那里的下标应该是它自己。",
            "The real part is right, but all of the padding was taken from step 0: its index there should be itself.",
        ),
        "padding erased": (
            "有效的那一段对了，填充处成了 0：那里原来是什么，就留着什么。",
            "The real part is right, but the padding became 0: what stood there should stay.",
        ),
        "not reversed": (
            "没有倒过来。",
            "Nothing is reversed.",
        ),
        "off by one": (
            "差了一格：长度 3 的序列，第 0 步要换成第几步？",
            "One place off: in a sequence of length 3, which step goes to step 0?",
        ),
        "the batch": (
            "倒的是样本的次序，不是时间。",
            "That reverses the batch, not time.",
        ),
    },
)


def _backward(X: Tensor, lengths: Tensor, at: Callable[[int, int, int], int]) -> Tensor:
    T = X.shape[1]
    return torch.tensor([[float(row[at(t, int(n), T)]) for t in range(T)] for row, n in zip(X, lengths)])


puzzle(
    D16,
    "B T",
    "B T",
    lambda probe, B, T: (
        1 + torch.randperm(B * T + 5, generator=probe.generator)[: B * T].reshape(B, T).float(),
        _lengths(probe, B, T),
    ),
    lambda X, n: _backward(X, n, lambda t, n, T: n - 1 - t if t < n else t),
    {
        "padding first": lambda X, n: _backward(X, n, lambda t, n, T: T - 1 - t),
        "padding overwritten": lambda X, n: _backward(X, n, lambda t, n, T: (n - 1 - t) % T),
        "padding overwritten / by the real ones": lambda X, n: _backward(
            X, n, lambda t, n, T: (n - 1 - t) % n
        ),
        "padding from step 0": lambda X, n: _backward(X, n, lambda t, n, T: max(n - 1 - t, 0)),
        "padding erased": lambda X, n: (
            _backward(X, n, lambda t, n, T: max(n - 1 - t, 0)) * _mask(n, X.shape[1])
        ),
        "not reversed": lambda X, n: X,
        "off by one": lambda X, n: _backward(X, n, lambda t, n, T: n - t if t < n else t),
        "the batch": lambda X, n: X.flipud(),
    },
    ones="B",
)


@D16.part("有的序列没有填充", "some sequences have no padding")
def _d16_full(probe: Probe) -> None:
    for T, lengths in ((5, torch.tensor([5, 1, 5, 3])), (1, torch.tensor([1, 1, 1, 1]))):
        X = probe.normal(4, T)
        right = _backward(X, lengths, lambda t, n, T: n - 1 - t if t < n else t)
        probe.values(probe.shape(probe.call(probe.answer, X, lengths), B=4, T=T), right)


one_line(D16, also="gather")

# ---------- D17: top-k ----------
D17 = _task(
    "D17",
    "只留前 k 个",
    "Only the top k",
    "stretch",
    10,
    ("每行一个门槛，keepdim 留住那一维", "a threshold for each row, with its axis kept"),
    {
        "off by one": (
            "留的个数差了一个：第 k 大的数自己也要留下。",
            "One too many or too few stay: the k-th largest stays, too.",
        ),
        "the smallest": (
            "留下的是最小的 k 个。",
            "The k smallest stay.",
        ),
        "zero": (
            "去掉的成了 0：0 也是一个 logit，softmax 之后概率不是 0。要的是负无穷。",
            "What is cut became 0: 0 is a logit like others and keeps a probability after softmax. Minus infinity is "
            "wanted.",
        ),
        "one threshold for all": (
            "各行用了同一个门槛：每一行各有自己的第 k 大。",
            "All rows share one threshold: each row has a k-th largest of its own.",
        ),
        "inverted": (
            "反了：去掉的正是最大的 k 个。",
            "Inverted: it is the k largest that are cut.",
        ),
    },
)


def _top(logits: Tensor, k: int, rest: float = -math.inf, smallest: bool = False) -> Tensor:
    rows = []
    for row in logits.tolist():
        kept = sorted(range(len(row)), key=lambda v: row[v], reverse=not smallest)[: max(k, 0)]
        rows.append([one if v in kept else rest for v, one in enumerate(row)])
    return torch.tensor(rows)


def _not_top(logits: Tensor, k: int) -> Tensor:
    return torch.where(_top(logits, k).isfinite(), -math.inf, logits)


def _shared(logits: Tensor, k: int) -> Tensor:
    return _top(logits.reshape(1, -1), k).reshape(logits.shape)


def _d17_draw(probe: Probe, B: int, V: int) -> tuple:
    k = probe.size(2, V - 1)
    return probe.normal(B, V), k + (2 * k == V)  # not half of them


puzzle(
    D17,
    "B V",
    "B V",
    _d17_draw,
    _top,
    {
        "off by one": lambda logits, k: _top(logits, k - 1),
        "off by one / more": lambda logits, k: _top(logits, k + 1),
        "the smallest": lambda logits, k: _top(logits, k, smallest=True),
        "zero": lambda logits, k: _top(logits, k, 0.0),
        "one threshold for all": _shared,
        "inverted": _not_top,
    },
    ones="B",
)


@D17.part("k = 1 与 k = V", "k = 1 and k = V")
def _d17_ends(probe: Probe) -> None:
    for k in (1, 6):
        logits = probe.normal(4, 6)
        probe.values(probe.shape(probe.call(probe.answer, logits, k), B=4, V=6), _top(logits, k))


one_line(D17, also="sort topk kthvalue masked_fill inf", builtins="float")

# ---------- D18: moving average ----------
D18 = _task(
    "D18",
    "滑动平均，不用循环",
    "A moving average without a loop",
    "stretch",
    10,
    ("把递推展开成加权的和", "a recurrence unrolled into a weighted sum"),
    {
        "oldest first": (
            "最旧的权重最大：越新的应该越重。",
            "The oldest weighs most: the newer should weigh more.",
        ),
        "no 1 - beta": (
            "少乘了 1 - β：每一步只让进来这么多。",
            "The factor 1 - β is missing: only so much of each step comes in.",
        ),
        "off by one": (
            "幂次都差 1：最新的 x_T 没有被 β 乘过。",
            "All powers are off by 1: the newest, x_T, was never multiplied by β.",
        ),
        "swapped": (
            "β 和 1 - β 反了。",
            "β and 1 - β are swapped.",
        ),
        "mean": (
            "这是普通的平均，各步一样重。",
            "That is an ordinary mean, all steps weigh the same.",
        ),
    },
)


def _ema(x: Tensor, beta: float, gain: float | None = None) -> Tensor:
    e = torch.zeros(x.shape[1:], dtype=torch.float64)
    for now in x.double():
        e = beta * e + (1 - beta if gain is None else gain) * now
    return e


puzzle(
    D18,
    "T B",
    "B",
    lambda probe, T, B: (probe.normal(T, B) + 1, [0.2, 0.6, 0.8, 0.9][probe.size(0, 3)]),
    _ema,
    {
        "oldest first": lambda x, beta: _ema(x.flipud(), beta),
        "no 1 - beta": lambda x, beta: _ema(x, beta, 1.0),
        "off by one": lambda x, beta: _ema(x, beta) * beta,
        "swapped": lambda x, beta: _ema(x, 1 - beta),
        "mean": lambda x, beta: sum(x) / len(x),
    },
    ones="T B",
)

one_line(D18)

# ---------- D19: a recurrence with one factor ----------
D19 = _task(
    "D19",
    "线性循环，不用循环",
    "A recurrence without a loop",
    "stretch",
    20,
    ("下三角的幂矩阵：一次乘法走完所有步", "a lower triangle of powers: all steps in one product"),
    {
        "looks ahead": (
            "用到了后面的输入：h_t 只看得见 x_1 到 x_t。",
            "Later inputs come in: h_t sees x_1 to x_t only.",
        ),
        "not its own input": (
            "第 t 步没有用到自己的输入 x_t。",
            "Step t does not use its own input x_t.",
        ),
        "off by one": (
            "幂次都差 1：x_t 刚进来，还没有被 a 乘过。",
            "All powers are off by 1: x_t has only just come in and was not yet multiplied by a.",
        ),
        "a is left out": (
            "只是累加，a 没有起作用。",
            "That only adds up; a does nothing.",
        ),
        "upside down": (
            "幂的指数反了：x_s 进来以后，到第 t 步乘过 t-s 次 a，不是除过。",
            "The exponent has the wrong sign: from s to t, x_s was multiplied by a t-s times, not divided.",
        ),
        "0 times infinity": (
            "步数一多，前面几行是 nan：上三角里 a 的负数次幂成了无穷大，乘以 0 是 nan。把那里换成 0，不要乘以 0。",
            "With many steps the first rows are nan: in the upper triangle negative powers of a become infinite, and "
            "infinity times 0 is nan. Replace them by 0 instead of multiplying by 0.",
        ),
        "divided away": (
            "步数一多，后面几行是 nan 或无穷大：除以的 a 的幂太小了。不要除，直接写出系数。",
            "With many steps the last rows are nan or infinite: the powers of a that you divide by are too small. "
            "Write the coefficients down directly, without a division.",
        ),
        "everything": (
            "每一步都用了全部输入：上三角要去掉。",
            "Every step uses all inputs: the upper triangle has to go.",
        ),
    },
)


def _recur(x: Tensor, a: Any, own: float = 1.0) -> Tensor:
    """h_t = a_t h_{t-1} + x_t by its loop; a number or a tensor of factors."""
    h, states = torch.zeros(x.shape[1:], dtype=torch.float64), []
    factors = a.double() if isinstance(a, Tensor) else [a] * len(x)
    for now, factor in zip(x.double(), factors):
        states.append(factor * h + own * now)
        h = factor * h + now
    return torch.stack(states)


def _all_powers(x: Tensor, a: float) -> Tensor:
    powers = [[a ** (t - s) for s in range(len(x))] for t in range(len(x))]
    return torch.einsum("ts,sb->tb", torch.tensor(powers).double(), x.double())


puzzle(
    D19,
    "T B",
    "T B",
    lambda probe, T, B: (probe.normal(T, B), [0.5, 0.8, -0.6, -0.9][probe.size(0, 3)]),
    _recur,
    {
        "looks ahead": lambda x, a: _recur(x.flipud(), a).flipud(),
        "not its own input": lambda x, a: _recur(x, a, own=0.0),
        "off by one": lambda x, a: a * _recur(x, a),
        "a is left out": lambda x, a: _recur(x, 1.0),
        "upside down": lambda x, a: _recur(x, 1 / a),
        "everything": _all_powers,
    },
    ones="T B",
)


@D19.part("a = 1，以及 200 步", "a = 1, and 200 steps")
def _d19_ends(probe: Probe) -> None:
    for T, a in ((6, 1.0), (200, 0.6)):
        x = probe.normal(T, 2)
        came = probe.shape(probe.call(probe.answer, x, a), T=T, B=2)
        fine = came.isfinite().all(1).tolist()
        if any(fine) and not all(fine):
            probe.wrong("divided away" if fine[0] else "0 times infinity")
        probe.values(came, _recur(x, a))


one_line(D19, also="tril triu")

# ---------- D20: what the gates let through ----------
D20 = _task(
    "D20",
    "从 s 到 t 还剩多少",
    "What is left from s to t",
    "stretch",
    15,
    ("遗忘门的连乘，在对数里做", "products of forget gates, made in logarithms"),
    {
        "the gate at s": (
            "多乘了 f_s：在 s 步写进去的，从 s + 1 步起才被遗忘门乘。",
            "One factor too many, f_s: what is written at s meets forget gates from s + 1 on.",
        ),
        "not the gate at t": (
            "少乘了 f_t：到第 t 步，它也乘过了。",
            "One factor too few: at step t, f_t has been applied as well.",
        ),
        "transposed": (
            "行和列反了：第 t 行第 s 列说的是从 s 到 t。",
            "Rows and columns are swapped: row t, column s is about s to t.",
        ),
        "no mask": (
            "s 在 t 之后的地方应该是 0：那时还没有写进去。",
            "Where s comes after t there should be 0: nothing had been written yet.",
        ),
        "logarithm": (
            "还在对数里。",
            "That is still a logarithm.",
        ),
        "0 times infinity": (
            "下三角对，上三角是 nan 或无穷大：那里的差是正的，取指数成了无穷大，乘以 0 是 nan。换成 0，不要乘以 0。",
            "The lower triangle is fine, the upper one is nan or infinite: differences there are positive, their exp is "
            "infinite, and times 0 that is nan. Replace it by 0 instead of multiplying by 0.",
        ),
        "underflow": (
            "门很小、步数又多时，连乘缩成了 0，0 除以 0 是 nan：在对数里相减。",
            "With small gates and many steps the products shrink to 0, and 0 by 0 is not a number: subtract in "
            "logarithms instead.",
        ),
    },
)


def _left(f: Tensor, first: int = 1, last: int = 0, upper: float | None = 0.0) -> Tensor:
    T, gates = len(f), f.double().tolist()

    def product(t: int, s: int) -> float:
        if s > t:
            return upper if upper is not None else 1 / product(s, t)
        return math.prod(gates[s + first : t + 1 + last])

    return torch.tensor([[product(t, s) for s in range(T)] for t in range(T)], dtype=torch.float64)


@D20.part("形状：(T, T)", "shape: (T, T)")
def _d20_shape(probe: Probe) -> None:
    for T in (probe.size(3, 8), 1):
        square(probe, probe.call(probe.answer, probe.normal(T).sigmoid()), T)


@D20.part("数值，每次另抽", "values, drawn anew each time")
def _d20_values(probe: Probe) -> None:
    for T in (probe.size(4, 8), probe.size(4, 8), 2, 1):
        f = probe.normal(T).sigmoid()
        right = _left(f)
        lower = torch.tensor([[s <= t for s in range(T)] for t in range(T)])
        mistakes = {
            "the gate at s": lambda f=f: _left(f, first=0),
            "not the gate at t": lambda f=f, on=lower: _left(f, first=0, last=-1) * on,
            "transposed": right.T,
            "no mask": lambda f=f: _left(f, upper=None),
            "no mask / 1": lambda f=f: _left(f, upper=1.0),
            "logarithm": lambda right=right, on=lower: torch.where(on, right.log(), 0.0),
        }
        probe.values(square(probe, probe.call(probe.answer, f), T), right, mistakes)


@D20.part("门很小，步数很多", "small gates, many steps")
def _d20_long(probe: Probe) -> None:
    f = 0.02 + 0.2 * torch.rand(80, generator=probe.generator)
    came = square(probe, probe.call(probe.answer, f), 80)
    on, fine = torch.arange(80)[:, None] >= torch.arange(80), came.isfinite()
    probe.need(bool(fine.all()) or not fine[on].all(), "0 times infinity")
    probe.need(bool(came.isfinite().all()), "underflow")
    near, right = came.double().diagonal(-1), _left(f).diagonal(-1)
    probe.need(bool((near - right).abs().max() < 0.01), "underflow")
    probe.values(came, _left(f), tolerance=1e-4)


one_line(D20, "tril triu inf")


# ---------- D21: a scan ----------
D21 = _task(
    "D21",
    "扫描",
    "A scan",
    "stretch",
    15,
    ("每步换一个 a_t，仍然不用循环", "another a_t at each step, and still no loop"),
    {
        "gate on the input": (
            "自己的输入也乘了 a_t：a_t 乘的是旧状态。",
            "Step t's own input was multiplied by a_t: a_t is for the old state.",
        ),
        "gates one step late": (
            "第 t 步用的是 a_{{t-1}}。",
            "Step t uses the factor of the step before.",
        ),
        "backward": (
            "从后往前扫了。",
            "That scans from the end to the start.",
        ),
        "over the batch": (
            "沿 B 累加了：时间是第 0 维。",
            "Accumulated along B: time is axis 0.",
        ),
        "not multiplied back": (
            "累加之后还没有乘回来。",
            "After the cumulative sum something has to be multiplied back.",
        ),
        "a is left out": (
            "只是累加，a 没有起作用。",
            "That only adds up; a does nothing.",
        ),
    },
)


def _late(x: Tensor, a: Tensor) -> Tensor:
    return _recur(x, torch.cat([torch.ones_like(a[:1]), a.narrow(0, 0, len(a) - 1)]))


def _not_back(x: Tensor, a: Tensor) -> Tensor:
    states, products = _recur(x, a), torch.ones(a.shape[1:], dtype=torch.float64)
    rows = []
    for state, factor in zip(states, a.double()):
        products = products * factor
        rows.append(state / products)
    return torch.stack(rows)


puzzle(
    D21,
    "T B",
    "T B",
    lambda probe, T, B: (probe.normal(T, B), 0.3 + 0.65 * torch.rand(T, B, generator=probe.generator)),
    _recur,
    {
        "gate on the input": lambda x, a: _recur(a * x, a),
        "gates one step late": _late,
        "backward": lambda x, a: _recur(x.flipud(), a.flipud()).flipud(),
        "over the batch": lambda x, a: _recur(x.T, a.T).T,
        "not multiplied back": _not_back,
        "a is left out": lambda x, a: _recur(x, 1.0),
    },
    ones="T B",
    tolerance=1e-4,
)

one_line(D21, also="tril triu einsum")
