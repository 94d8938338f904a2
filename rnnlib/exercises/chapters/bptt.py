"""Chapter 4: backpropagation through time."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task

# ---------- 4a ----------
A = Task(
    "4a",
    "开头的状态能影响多远",
    "How far the first state reaches",
    level="core",
    minutes=20,
    trains=(
        "雅可比矩阵的连乘：哪个因子在左，哪一步的斜率，转置在哪里",
        "products of Jacobians: which factor goes on the left, whose slope it uses, where the transpose goes",
    ),
    hints={
        "transposed": (
            "数都对，行和列换了位置：第 i 行应该是 H_T 的第 i 个数，第 j 列是 H_0 的第 j 个数。",
            "The numbers are right, with rows and columns exchanged: row i belongs to number i of H_T, column j to "
            "number j of H_0.",
        ),
        "order of factors": (
            "因子都对，次序反了：最早的一步乘在了最左边。H_0 先过哪一步？",
            "The factors are right, in reverse order: the earliest step stands leftmost. Which step does H_0 go "
            "through first?",
        ),
        "each factor transposed": (
            "每个因子都是该有的那个矩阵的转置，次序倒是对的。拿一步的例子对一对：1.5 应该在左下角。",
            "The order is right, but each factor is the transpose of what it should be. Try the example with one step: "
            "1.5 belongs at the lower left.",
        ),
        "another slope": (
            "斜率不是 tanh 的：{came_zh}。在例子里，H_t 的数是 0.5 时，斜率是 0.75。",
            "That isn't the slope of tanh but {came_en}. In the example, the slope where H_t is 0.5 is 0.75.",
        ),
        "no step": (
            "结果是 None：一步也没有走时，循环一次也不执行。这时矩阵应该是什么？",
            "The result is None: with no step, the loop never runs. What should the matrix be then?",
        ),
        "vanished": (
            "步数多了，结果就不对：T = {T} 时应该有绝对值为 {size:.2g} 的数，实际最大 {came:.2g}。",
            "It goes wrong when there are many steps: with T = {T}, the largest number should be {size:.2g}, and it's "
            "{came:.2g}.",
        ),
        "weights not transposed": (
            "乘的是 W_hh 本身：从前一个状态的第 j 个数到 H_t 的第 i 个数，用的是 W_hh 的哪一个元素？",
            "That multiplies by W_hh as it is. From number j of the state before to number i of H_t: "
            "which element of W_hh is on the way?",
        ),
        "slope left out": (
            "这是 W_hh 的幂，tanh 的斜率一步也没有乘。",
            "That's a power of W_hh; the slope of the tanh is missing at every step.",
        ),
        "slope of the step before": (
            "第 t 步的斜率用了前一个状态：经过 tanh 得到的是哪一个状态？",
            "The slope of step t is computed from the state before it: which state came out of that tanh?",
        ),
        "tanh twice": (
            "斜率是由 tanh(H_t) 算的：H_t 自己已经过了 tanh。",
            "The slope is computed from tanh(H_t), but H_t has already been through the tanh.",
        ),
        "slope on columns": (
            "斜率乘在了列上：(H, H) 乘 (H,)，(H,) 对着的是最后一维，也就是列。H_t 的第 i 个数的斜率该管第 i 行。",
            "The slopes multiply columns: in (H, H) times (H,), the (H,) lines up with the last axis. The slope of "
            "number i of H_t belongs to row i.",
        ),
        "one factor too many": (
            "乘了 T + 1 个因子：H_0 是起点，没有哪一步的 tanh 算出过它。",
            "There are T + 1 factors. H_0 is where it starts; no tanh of these steps produced it.",
        ),
        "one factor too few": (
            "少乘了一步：从 H_0 到 H_T 有几步，就有几个因子。",
            "One step is missing: there are as many factors as steps from H_0 to H_T.",
        ),
        "one step only": (
            "这只是一步的雅可比矩阵；H_0 到 H_T 隔着 T 步。",
            "That's the Jacobian of a single step; from H_0 to H_T there are T of them.",
        ),
        "elementwise": (
            "各步的矩阵是逐元素相乘的；一步接一步，要的是矩阵乘法。",
            "The matrices of the steps are multiplied element by element; step after step is a matrix product.",
        ),
        "summed": (
            "加起来了：这里没有标量的损失，H_T 的每个数各占一行，要 (H, H)。",
            "That's summed up. There's no scalar loss here: each number of H_T has a row of its own, in all (H, H).",
        ),
    },
)


def _run(W: Tensor, start: Tensor, inputs: Tensor) -> list[Tensor]:
    """H_0 to H_T of a tanh RNN whose inputs come already multiplied, (T, H)."""
    states = [start]
    for given in inputs:
        states.append(torch.tanh(given + states[-1] @ W))
    return states


def _chain(W: Tensor, inputs: Tensor, start: Tensor) -> Tensor:
    """The Jacobian of H_T with respect to H_0, by autograd."""
    return torch.autograd.functional.jacobian(lambda H: _run(W, H, inputs)[-1], start)


def _wrong_chains(W: Tensor, states: Tensor, right: Tensor) -> dict[str, Callable[[], Tensor]]:
    """What the mistakes of 4a give."""
    slopes, T, H = 1 - states**2, len(states) - 1, len(W)
    eye = torch.eye(H, dtype=W.dtype)

    def product(factors: list[Tensor]) -> Tensor:
        """The first factor acts first: it stands rightmost."""
        return torch.linalg.multi_dot([*factors[::-1], eye]) if factors else eye

    def factors(slopes: Tensor, M: Tensor = W.T) -> list[Tensor]:
        return [slope.diag() @ M for slope in slopes]

    def elementwise(start: Tensor) -> Tensor:
        for factor in factors(slopes[1:]):
            start = start * factor
        return start

    columns = [W.T @ slope.diag() for slope in slopes[1:]]
    turned = [factor.T for factor in factors(slopes[1:])]
    return {
        "each factor transposed": lambda: product(turned),
        "order of factors": lambda: product(factors(slopes[1:])[::-1]),
        "weights not transposed": lambda: product(factors(slopes[1:], W)),
        "weights not transposed / and reversed": lambda: product(factors(slopes[1:], W)[::-1]),
        "slope left out": lambda: product([W.T] * T),
        "slope left out / not transposed": lambda: product([W] * T),
        "slope of the step before": lambda: product(factors(slopes[:-1])),
        "tanh twice": lambda: product(factors(1 - states[1:].tanh() ** 2)),
        "slope on columns": lambda: product(columns),
        "slope on columns / and reversed": lambda: product(columns[::-1]),
        "one factor too many": lambda: product(factors(slopes)),
        "one factor too few / the first step": lambda: product(factors(slopes[2:])),
        "one factor too few / the last step": lambda: product(factors(slopes[1:-1])),
        "one step only": lambda: factors(slopes[-1:])[0],
        "one step only / the first": lambda: factors(slopes[1:2])[0],
        "elementwise": lambda: elementwise(eye),
        "elementwise / from ones": lambda: elementwise(torch.ones_like(eye)),
        "transposed": lambda: right.T,
    }


SLOPES = {
    "1 - H_t": lambda H: 1 - H,
    "1 + H_t²": lambda H: 1 + H**2,
    "(1 - H_t)²": lambda H: (1 - H) ** 2,
    "H_t (1 - H_t)": lambda H: H * (1 - H),
    "1 - |H_t|": lambda H: 1 - H.abs(),
    "H_t²": lambda H: H**2,
    "H_t": lambda H: H,
}


def _other_slope(probe: Probe, W: Tensor, states: Tensor, came: Tensor) -> str:
    """The slope that the result was made with, if it isn't that of tanh; ""."""
    for name, slope in SLOPES.items():
        for way in ("rows", "columns", "turned", "W itself"):
            J = torch.eye(len(W), dtype=W.dtype)
            for H in states[1:]:
                rows = slope(H)[:, None] * W.T
                factor = {"rows": rows, "columns": slope(H) * W.T, "turned": rows.T}
                J = factor.get(way, slope(H)[:, None] * W) @ J
            if probe.close(came, J) or probe.close(came, J.T):
                return name
    return ""


def _draw_chain(probe: Probe, T: int, H: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, states, and the Jacobian; one that isn't close to zero, nor to any mistake."""
    while True:
        W = (1.4 / math.sqrt(H) * probe.normal(H, H)).double()
        start, inputs = probe.normal(H).double().tanh(), (0.7 * probe.normal(T, H)).double()
        right = _chain(W, inputs, start)
        states = torch.stack(_run(W, start, inputs))
        if right.abs().max() < 0.2 / H:
            continue
        if T < 4 or H < 3:
            return W, states, right
        wrong = [value() for value in _wrong_chains(W, states, right).values()]
        if min(float((value - right).abs().max()) for value in wrong) > 0.02:
            return W, states, right


def _square(probe: Probe, came: object, H: int) -> Tensor:
    return probe.shape(came, **{"H": H, "H\N{PRIME}": H})


def _chain_matches(probe: Probe, T: int, H: int) -> None:
    W, states, right = _draw_chain(probe, T, H)
    came = probe.call(probe.answer, W.float(), states.float())
    if isinstance(came, Tensor) and came.shape == (H,) and H > 1:
        probe.wrong("summed")
    came = _square(probe, came, H)
    mistakes = _wrong_chains(W, states, right) if T > 2 else {}
    if (
        T > 2
        and H > 2
        and not any(probe.close(came, value()) for value in (lambda: right, *mistakes.values()))
    ):
        slope = _other_slope(probe, W, states, came)
        probe.need(not slope, "another slope", came_zh=f"乘的是 {slope}", came_en=slope)
    probe.values(came, right, mistakes)


@A.part("五步、四个单元：(H, H)", "five steps, four units: (H, H)")
def _a_values(probe: Probe) -> None:
    _chain_matches(probe, 5, 4)


@A.part("一步，一个单元，许多步", "one step, one unit, many steps")
def _a_sizes(probe: Probe) -> None:
    for T, H in ((1, 3), (2, 3), (4, 1), (1, 1), (9, 3), (3, 6)):
        _chain_matches(probe, T, H)
    for T, H in ((14, 4), (40, 3)):
        _long_chain_matches(probe, T, H)


def _long_chain_matches(probe: Probe, T: int, H: int) -> None:
    """So many steps, compared by the size of the Jacobian: W is a rotation, larger by a little."""
    W = 1.04 * torch.linalg.qr(probe.normal(H, H).double()).Q
    start, inputs = 0.1 * probe.normal(H).double(), 0.1 * probe.normal(T, H).double()
    right, states = _chain(W, inputs, start), torch.stack(_run(W, start, inputs))
    came = _square(probe, probe.call(probe.answer, W.float(), states.float()), H)
    size, largest = float(right.abs().max()), float(came.abs().max())
    probe.need(largest > 0.01 * size, "vanished", T=T, size=size, came=largest)
    probe.values(came / size, right / size, tolerance=1e-4)


@A.part("T = 0：一步也没有走", "T = 0: not a single step")
def _a_no_step(probe: Probe) -> None:
    W, states = probe.normal(3, 3), probe.normal(1, 3).tanh()
    came = probe.call(probe.answer, W, states)
    probe.need(came is not None, "no step")
    probe.values(_square(probe, came, 3), torch.eye(3))


# ---------- 4b ----------
B = Task(
    "4b",
    "截断以后的梯度",
    "The gradient after truncation",
    level="stretch",
    minutes=20,
    trains=(
        "截断剪断的是哪些路径：值过去，梯度不过去，刀口在哪一步",
        "which paths truncation cuts: values pass, gradients don't, and at which step the cut is",
    ),
    hints={
        "never cut": (
            "这是完整的梯度：一刀也没有剪，每条路径都算进去了。",
            "That's the full gradient: nothing was cut, and every path counts.",
        ),
        "cut at every step": (
            "每一步都剪断了；应该走满 k 步才剪一刀。",
            "That's cut at every step; there should be k steps between two cuts.",
        ),
        "state reset": (
            "刀口处状态成了 0：下一段就忘了前文。该断的是梯度，状态的值要带过去。",
            "At the cut the state becomes 0, so the next piece forgets what came before. Cut the gradient; the "
            "value of the state carries over.",
        ),
        "one step late": (
            "刀口晚了一步：第 k + 1 步还连着第 k 步。",
            "The cuts come one step late: step k + 1 is still joined to step k.",
        ),
        "one step early": (
            "刀口早了一步：第 k 步和第 k - 1 步就断开了。",
            "The cuts come one step early: step k is already cut off from step k - 1.",
        ),
        "a window for every loss": (
            "每个损失都往回看了 k 步。截断是在固定的地方剪：一段里的第一个损失只看得见自己那一步。",
            "Here every loss looks back k steps. Truncation cuts at fixed places: the first loss of a piece sees "
            "only its own step.",
        ),
        "only the last piece": (
            "只有最后一段的损失；前面各段的梯度要加进来。",
            "Only the losses of the last piece are in it; the gradients of the earlier pieces have to be added.",
        ),
        "only the first piece": (
            "只有第一段的损失；后面各段的也要算。",
            "Only the losses of the first piece are in it; the later pieces count, too.",
        ),
        "k pieces": (
            "切成了 k 段；k 是每一段的步数，不是段数。",
            "That's cut into k pieces; k is the number of steps in a piece, not the number of pieces.",
        ),
        "the rest is lost": (
            "T 除不尽 k 的时候，最后不满 k 步的一段丢了。",
            "When k doesn't divide T, the last, shorter piece is lost.",
        ),
        "the last state only": (
            "损失里只有最后一个状态；损失是全部 H_t 的和。",
            "Only the last state is in the loss; the loss is the sum of all H_t.",
        ),
        "ends of pieces only": (
            "损失里只有每一段末尾的状态；每一步的 H_t 都要加进损失。",
            "Only the states at the ends of the pieces are in the loss; the H_t of every step belongs to it.",
        ),
        "cut off before the loss": (
            "刀口处的状态还没加进损失就断开了：它自己那一份没有梯度。先加进损失，再断开。",
            "The state at a cut is detached before it enters the loss, so its own share has no gradient. Add it to the "
            "loss first, then cut.",
        ),
        "w detached": (
            "刀口那一步断开的是 w，不是状态：w 的这一次使用没有算，梯度却沿着状态跨过了刀口。",
            "At the cuts, w is detached and the state isn't: that use of w is lost, while gradients still cross the cut "
            "along the state.",
        ),
        "cut once": (
            "只剪了一刀；每走满 k 步都要剪一刀，T = 11、k = 4 时有两刀。",
            "There's only one cut. It takes one after every k steps: with T = 11 and k = 4, that makes two.",
        ),
        "losses counted again": (
            "前面各段的损失算了不止一次：损失一段接一段地累加，每次求导又把前面的带上了。",
            "The losses of earlier pieces count more than once: the loss keeps growing from piece to piece, and each "
            "gradient takes the earlier ones along again.",
        ),
        "nothing": (
            "结果是 None。要么函数最后少了 return；要么返回的是 .grad，可是 backward 之后，梯度在要记梯度的那个张量上："
            "复制了一份 w，就到那一份上去取。",
            "The result is None. Either the return is missing, or you return a .grad that isn't there: after backward, "
            "it belongs to the tensor that records gradients. If you made a copy of w, ask the copy.",
        ),
        "absolute value": (
            "w 是负数时不对：算出来的，是把负号去掉以后的。",
            "It's wrong for negative w: what came belongs to w without its minus sign.",
        ),
        "w changed": (
            "数值都对，可是传进来的 w 变了：{zh}。再调用一次，梯度可能加在旧的上面；先复制一份。",
            "The numbers are right, but the w that was passed in isn't what it was: {en}. In a second call, gradients "
            "may add to the old ones. Make a copy first.",
        ),
        "mean": (
            "取了各步的平均；损失是和。",
            "That's the mean over the steps; the loss is the sum.",
        ),
        "a tuple of one": (
            "得到的是只有一个张量的元组：autograd.grad 总是返回元组，每个输入一个梯度。",
            "That's a tuple with one tensor in it: autograd.grad always returns a tuple, a gradient for each input.",
        ),
        "the loss": (
            "这是损失本身；要的是它对 w 的导数。",
            "That's the loss itself; what's wanted is its derivative with respect to w.",
        ),
    },
)


def _paths(w: float, X: list[float]) -> tuple[list[float], list[list[float]]]:
    """The states H_1 ... H_T, and what the use of w at step t adds to the derivative of H_s, at [s][t]."""
    states, rows = [0.0], []
    for s, x in enumerate(X):
        states.append(math.tanh(w * states[-1] + x))
        slope = 1 - states[-1] ** 2
        carried = [w * slope * one for one in rows[-1]] if rows else []
        rows.append([*carried, slope * states[s]])
    return states[1:], rows


def _sum(rows: list[list[float]], keep: Callable[[int, int], bool]) -> float:
    return sum(value for s, row in enumerate(rows) for t, value in enumerate(row) if keep(s, t))


def _truncated(w: float, X: list[float], k: int) -> float:
    """The gradient of the sum of all states: the paths that cross no cut."""
    return _sum(_paths(w, X)[1], lambda s, t: s // k == t // k)


def _reset(w: float, X: list[float], k: int) -> float:
    return sum(_sum(_paths(w, X[i : i + k])[1], lambda s, t: True) for i in range(0, len(X), k))


def _wrong_gradients(w: float, X: list[float], k: int) -> dict[str, float]:
    """What the mistakes of 4b give."""
    T, (states, rows) = len(X), _paths(w, X)
    last, right = (T - 1) // k, _truncated(w, X, k)
    size = math.ceil(T / k)

    def within(s: int, t: int) -> bool:
        return s // k == t // k

    return {
        "never cut": _sum(rows, lambda s, t: True),
        "cut at every step": _truncated(w, X, 1),
        "state reset": _reset(w, X, k),
        "one step late": _sum(rows, lambda s, t: max(0, s - 1) // k == max(0, t - 1) // k),
        "one step early": _sum(rows, lambda s, t: (s + 1) // k == (t + 1) // k),
        "a window for every loss": _sum(rows, lambda s, t: s - t < k),
        "only the last piece": _sum(rows, lambda s, t: within(s, t) and s // k == last),
        "only the first piece": _sum(rows, lambda s, t: s < k),
        "k pieces": _truncated(w, X, size),
        "the rest is lost": _sum(rows, lambda s, t: within(s, t) and s < T // k * k),
        "the last state only": _sum(rows, lambda s, t: within(s, t) and s == T - 1),
        "the last state only / never cut": sum(rows[-1]),
        "ends of pieces only": _sum(rows, lambda s, t: within(s, t) and ((s + 1) % k == 0 or s == T - 1)),
        "mean": right / T,
        "mean / of each piece": sum(
            _sum(rows, lambda s, t, i=i: within(s, t) and s // k == i) / len(X[i * k : (i + 1) * k])
            for i in range(last + 1)
        ),
        "cut off before the loss": _sum(rows, lambda s, t: within(s, t) and (s + 1) % k > 0),
        "cut off before the loss / a step late": _sum(
            rows, lambda s, t: s % k > 0 and (s - 1) // k == max(0, t - 1) // k
        ),
        "w detached": _sum(rows, lambda s, t: t % k > 0),
        "cut once": _sum(rows, lambda s, t: (s < k) == (t < k)),
        "cut once / a step late": _sum(rows, lambda s, t: (s <= k) == (t <= k)),
        "losses counted again": sum(
            _sum(rows, lambda s, t, i=i: within(s, t) and s // k <= i) for i in range(last + 1)
        ),
        "absolute value": _truncated(abs(w), X, k) if w < 0 else math.inf,
        "mean / never cut": _sum(rows, lambda s, t: True) / T,
        "the loss": sum(states),
    }


def _truncated_matches(probe: Probe, T: int, k: int, clear: bool = False, sign: int = 1) -> None:
    while True:
        w, X = sign * (0.8 + 0.1 * probe.size(0, 5)), (0.4 * probe.normal(T)).tolist()
        right, mistakes = _truncated(w, X, k), _wrong_gradients(w, X, k)
        if not clear or min(abs(value - right) for value in mistakes.values()) > 0.02:
            break
    came = probe.call(probe.answer, torch.tensor(w), torch.tensor(X), k)
    if isinstance(came, (int, float)) and not isinstance(came, bool):
        came = torch.tensor(float(came))
    if isinstance(came, tuple) and len(came) == 1:
        probe.wrong("a tuple of one")
    came = probe.shape(came)
    probe.values(came, torch.tensor(right), {name: torch.tensor(value) for name, value in mistakes.items()})


@B.part("十一步，每四步一刀", "eleven steps, a cut every four")
def _b_values(probe: Probe) -> None:
    _truncated_matches(probe, 11, 4, clear=True)


@B.part("k 与 T 的其他组合", "other k and T")
def _b_sizes(probe: Probe) -> None:
    for T, k in ((12, 3), (7, 7), (7, 20), (8, 1), (2, 1), (9, 8), (10, 2), (1, 1), (1, 4)):
        _truncated_matches(probe, T, k)


@B.part("w 是负数", "negative w")
def _b_negative(probe: Probe) -> None:
    for T, k in ((11, 4), (6, 20), (9, 2)):
        _truncated_matches(probe, T, k, clear=T == 11, sign=-1)


GIVEN = """
def given(w):
    return w.clone()
"""
LOOK = """
def look():
    return lambda w: (w.requires_grad, w.grad is not None)
"""


@B.part("传进来的 w 保持原样", "the w that is passed in stays as it was")
def _b_left_alone(probe: Probe) -> None:
    w = probe.define(GIVEN, "given", torch.tensor(0.9))
    probe.call(probe.answer, w, 0.4 * probe.normal(7), 3)
    records, has_grad = probe.call(probe.define(LOOK, "look"), w)
    probe.need(not has_grad, "w changed", zh="它有了 .grad", en="it has a .grad now")
    probe.need(
        not records, "w changed", zh="它的 requires_grad 成了 True", en="its requires_grad is True now"
    )
    probe.need(float(probe.value(w)) == float(torch.tensor(0.9)), "changed its input")
