"""Chapter 11: sequence classification and forecasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque

# ---------- 11a ----------
E11A = Task(
    "11a",
    "切窗口，不偷看将来",
    "Windows that don't look ahead",
    level="core",
    minutes=12,
    trains=(
        "按时间切开：谁的均值，哪些窗口，哪些目标",
        "a split by time: whose mean, which windows, which targets",
    ),
    device="cpu",
    hints={
        "not four": (
            "应该返回四个张量 X_train, Y_train, X_test, Y_test，实际得到 {came}。",
            "Four tensors should come back, X_train, Y_train, X_test, Y_test; what came is {came}.",
        ),
        "beyond the split": (
            "训练窗口有 {came} 个，多了：最后的目标，下标已经到了 n_train 或更后面，那属于测试。",
            "There are {came} training windows, too many: the last targets have the index n_train or a later one, and "
            "those belong to the test.",
        ),
        "training targets lost": (
            "训练窗口只有 {came} 个，应该是 {expected} 个：训练那段里，前面有整整 T 个值的，每一个都该作目标。",
            "There are only {came} training windows, and there should be {expected}: in the training part, every value "
            "with T whole values before it is a target.",
        ),
        "first test targets lost": (
            "测试目标少了开头的 T 个：测试的窗口可以伸回训练那段，过去的值，预测的时候早已知道。",
            "The first T test targets are missing. Test windows may reach back into the training part: everyone knows "
            "the past by then.",
        ),
        "test targets": (
            "测试目标应该有 {expected} 个，从下标 n_train 起到最后一个，实际有 {came} 个。",
            "There should be {expected} test targets, from index n_train to the very last; there are {came}.",
        ),
        "test windows": (
            "测试目标是 {expected} 个，测试窗口却有 {came} 个：每个目标要有自己的窗口，最早的几个窗口得伸回训练那段。",
            "There are {expected} test targets but {came} test windows. Each target needs a window of its own, and the "
            "first ones have to reach back into the training part.",
        ),
        "not in pairs": (
            "{X} 有 {x} 行，{Y} 有 {y} 个数：每个窗口正好配一个目标。",
            "{X} has {x} rows and {Y} has {y} numbers: each window goes with exactly one target.",
        ),
        "order of the four": (
            "四个都在，次序不对：这里是 X_train, Y_train, X_test, Y_test，先训练后测试；scikit-learn 的 train_test_split "
            "才是先两个 X、后两个 Y。",
            "All four are there in another order. Here it's X_train, Y_train, X_test, Y_test, training first; it's "
            "scikit-learn's train_test_split that has both X before both Y.",
        ),
        "scaled by the whole": (
            "均值和标准差是用整条序列算的：训练的时候，将来的值还没有人知道。",
            "Mean and standard deviation come from the whole series; while you train, nobody knows the values to come.",
        ),
        "scaled separately": (
            "测试那段用了它自己的均值和标准差：模型学的是训练那段的尺度，两段要用同一套均值和标准差。",
            "The test part was scaled by a mean and deviation of its own. The model has learned the scale of the "
            "training part, and both parts need that one.",
        ),
        "not scaled": (
            "没有标准化，还是原来的数。",
            "These are the values as they came, not standardized.",
        ),
        "targets not scaled": (
            "窗口标准化了，目标没有。",
            "The windows are standardized, the targets aren't.",
        ),
        "not divided": (
            "减了均值，还没有除以标准差。",
            "The mean is subtracted, but nothing's divided by the standard deviation.",
        ),
        "variance": (
            "除以了方差；要除以的是标准差，方差的平方根。",
            "That divides by the variance; divide by the standard deviation, its square root.",
        ),
        "mean kept": (
            "除以了标准差，可是没有先减均值。",
            "The values are divided by the standard deviation, but the mean was never subtracted.",
        ),
        "population": (
            "标准差除以了 n_train；这里要的是样本标准差，除以 n_train − 1。",
            "That standard deviation divides by n_train; the sample deviation is asked for, which divides by "
            "n_train − 1.",
        ),
        "window by window": (
            "每个窗口各用各的均值和标准差；这里所有的窗口共用一套。",
            "Each window was scaled by a mean and deviation of its own; here all windows share one pair.",
        ),
        "target in the window": (
            "目标就是窗口里最后一个值：要预测的，模型已经看见了。",
            "The target is the last value of the window: the model can see what it's to forecast.",
        ),
        "target too late": (
            "目标晚了一步：它应该紧接着窗口。",
            "The target comes one step late: it should follow the window at once.",
        ),
        "shuffled": (
            "值都在，次序乱了：窗口按时间从早到晚排，不要打乱。",
            "All the rows are there in another order: windows go from early to late, unshuffled.",
        ),
        "reversed": (
            "窗口里的次序反了：早的值在前。",
            "The values run backward inside the windows: early ones come first.",
        ),
        "piece": (
            "{name} 不对：最大相差 {gap:.3g}，在第 {row} 个窗口（从 0 数起）。在纸上给一条短序列的每个值标上下标，再对一遍。",
            "{name} is off by up to {gap:.3g}, at window {row} (counted from 0). Write down a short series with the index of each value, "
            "and compare.",
        ),
    },
)
NAMES = ("X_train", "Y_train", "X_test", "Y_test")


def _pieces(z: list[float], T: int, targets: range, late: int = 0, backward: bool = False) -> list[Tensor]:
    """Windows that end just before their targets, and the targets; ``late``: how much later these are."""
    X = [z[t - T : t][:: -1 if backward else 1] for t in targets]
    Y = [z[min(t + late, len(z) - 1)] for t in targets]
    return [torch.tensor(X).double(), torch.tensor(Y).double()]


def _deviation(values: list[float], less: int = 1) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, (sum((v - mean) ** 2 for v in values) / (len(values) - less)) ** 0.5


def _cut(values: list[float], n: int, T: int, **options: Any) -> list[Tensor]:
    return _pieces(values, T, range(T, n), **options) + _pieces(values, T, range(n, len(values)), **options)


def _11a(series: Tensor, n: int, T: int) -> tuple[list[Tensor], dict[str, Callable[[], list[Tensor]]]]:
    """The right four tensors, and those of the mistakes."""
    raw = series.double().tolist()
    mean, std = _deviation(raw[:n])

    def scaled(pair: tuple[float, float], values: list[float] = raw) -> list[float]:
        return [(v - pair[0]) / pair[1] for v in values]

    z = scaled((mean, std))
    right = _cut(z, n, T)
    plain = _cut(raw, n, T)

    def separately() -> list[Tensor]:
        own = scaled(_deviation(raw[n:]), raw[n:])
        return _cut(z[:n] + own, n, T)

    def separate_windows() -> list[Tensor]:
        own = scaled(_deviation(raw[n:]))
        return right[:2] + _cut(own, n, T)[2:]

    def each_window() -> list[Tensor]:
        made = []
        for X, Y in (plain[:2], plain[2:]):
            m, s = X.mean(dim=1, keepdim=True), X.std(dim=1, keepdim=True)
            made += [(X - m) / s, (Y - m[:, 0]) / s[:, 0]]
        return made

    mistakes: dict[str, Callable[[], list[Tensor]]] = {
        "scaled by the whole": lambda: _cut(scaled(_deviation(raw)), n, T),
        "scaled by the whole / population": lambda: _cut(scaled(_deviation(raw, 0)), n, T),
        "scaled separately": separate_windows,
        "not scaled": lambda: plain,
        "targets not scaled": lambda: [right[0], plain[1], right[2], plain[3]],
        "not divided": lambda: _cut([v - mean for v in raw], n, T),
        "variance": lambda: _cut(scaled((mean, std**2)), n, T),
        "mean kept": lambda: _cut(scaled((0.0, std)), n, T),
        "population": lambda: _cut(scaled(_deviation(raw[:n], 0)), n, T),
        "window by window": each_window,
        "target in the window": lambda: _cut(z, n, T, late=-1),
        "target too late": lambda: _cut(z, n, T, late=1),
        "reversed": lambda: _cut(z, n, T, backward=True),
    }
    if len(raw) - n > 1:
        mistakes["scaled separately / joined"] = separately
    return right, mistakes


def _four(probe: Probe, series: Tensor, n: int, T: int) -> list[Tensor]:
    """The four tensors that come, of the right shapes."""
    came = probe.call(probe.answer, series, n, T)
    if came is None:
        probe.wrong("nothing")
    if not isinstance(came, (tuple, list)) or len(came) != 4:
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        probe.wrong("not four", came=f"{kind} ({len(came)})" if isinstance(came, (tuple, list)) else kind)
    train, test = n - T, len(series) - n
    if all(isinstance(one, Tensor) and one.ndim for one in came):
        probe.need([one.ndim for one in came] != [2, 2, 1, 1], "order of the four")
        if [one.ndim for one in came] == [2, 1, 2, 1]:
            got, targets, windows, tested = (len(one) for one in came)
            probe.need(got == targets, "not in pairs", X=NAMES[0], x=got, Y=NAMES[1], y=targets)
            probe.need(got <= train, "beyond the split", came=got)
            probe.need(got == train, "training targets lost", came=got, expected=train)
            probe.need(windows == tested or tested != test, "test windows", came=windows, expected=test)
            probe.need(windows == tested, "not in pairs", X=NAMES[2], x=windows, Y=NAMES[3], y=tested)
            probe.need(tested != test - T, "first test targets lost")
            probe.need(tested == test, "test targets", came=tested, expected=test)
    pieces = []
    for one, M in zip(came, (train, train, test, test)):
        axes = {"M": M} if len(pieces) % 2 else {"M": M, "T": T}
        pieces.append(probe.shape(one, **axes))
        probe.need(one.is_floating_point(), "dtype", expected="torch.float32", came=one.dtype)
    return pieces


def _series(probe: Probe, N: int) -> Tensor:
    """Numbers that rise and spread, so that its end has another mean and deviation."""
    t = torch.arange(float(N))
    return 20 + 0.6 * t + (3 + 0.15 * t) * probe.normal(N)


@E11A.part("形状：几个窗口，各有多长", "shapes: how many windows, and how long")
def _11a_shapes(probe: Probe) -> None:
    for N, n, T in ((40, 25, 4), (30, 18, 7), (12, 7, 1), (20, 19, 5), (16, 7, 6)):
        _four(probe, _series(probe, N), n, T)


@E11A.part("数值：用谁的均值和标准差，目标是哪个", "values: whose mean and deviation, which target")
def _11a_values(probe: Probe) -> None:
    for N, n, T in ((45, 24, 5), (33, 20, 8), (20, 9, 1)):
        series = _series(probe, N)
        came = _four(probe, series, n, T)
        right, mistakes = _11a(series, n, T)
        if _all_close(probe, came, right):
            continue
        for mistake, made in mistakes.items():
            found = made()
            late = len(found[3]) - (mistake == "target too late")  # nothing follows the last value
            if _all_close(probe, [*came[:3], came[3][:late]], [*found[:3], found[3][:late]]):
                probe.wrong(mistake)
        for X, Y, right_X, right_Y in ((*came[:2], *right[:2]), (*came[2:], *right[2:])):
            if not probe.close(X, right_X) and probe.close(_sorted(X, Y), _sorted(right_X, right_Y)):
                probe.wrong("shuffled")
        for name, one, expected in zip(NAMES, came, right):
            if not probe.close(one, expected):
                probe.need(bool(one.isfinite().all()), "not a number")
                gaps = (one.double() - expected).abs().reshape(len(one), -1).amax(dim=1)
                probe.wrong("piece", name=name, gap=float(gaps.max()), row=int(gaps.argmax()))


def _all_close(probe: Probe, came: list[Tensor], expected: list[Tensor]) -> bool:
    return all(probe.close(one, other) for one, other in zip(came, expected))


def _sorted(X: Tensor, Y: Tensor) -> Tensor:
    """Windows with their targets, in an order that doesn't depend on how they came."""
    rows = torch.cat([X.double(), Y.double()[:, None]], dim=1)
    return rows[rows.sum(dim=1).argsort()]


# ---------- 11b ----------
E11B = Task(
    "11b",
    "每一步还剩几条",
    "How many are still running",
    level="warm-up",
    minutes=6,
    trains=(
        "打包省下了什么：从长度数出每一步要算几条",
        "what packing saves: from lengths to the rows of each step",
    ),
    device="cpu",
    hints={
        "not two": (
            "应该返回两样：张量 (T,) 和省下的格数，实际得到 {came}。",
            "Two things should come back, a tensor (T,) and the number of cells saved; what came is {came}.",
        ),
        "packed": (
            "这里不用 pack_padded_sequence：自己从长度数出来。",
            "Do without pack_padded_sequence here: count from the lengths yourself.",
        ),
        "lengths": (
            "这是各条序列的长度；要的是每一步有几条，一步一个数。",
            "Those are the lengths of the sequences; what's wanted is how many run at each step, one number a step.",
        ),
        "lengths sorted": (
            "长度排了序，可它们还是长度；要的是每一步有几条，一步一个数。",
            "The lengths are sorted, but they're still lengths; what's wanted is how many run at each step, one number "
            "a step.",
        ),
        "one step late": (
            "差了一步：第 0 步里，每条序列都还在；长度为 3 的，第 2 步还在，第 3 步没有了。",
            "One step off: at step 0 every sequence runs; one of length 3 still runs at step 2, and no longer at "
            "step 3.",
        ),
        "wrong length": (
            "应该有 {expected} 个数，最长的序列有几步就有几个，实际有 {came} 个。",
            "There should be {expected} numbers, as many as the longest sequence has steps; there are {came}.",
        ),
        "padding counted": (
            "每一步都数了全部 B 条：填充也算进去了。",
            "Every step counts all B sequences: that's with the padding.",
        ),
        "ended": (
            "数的是已经结束的；要数还没结束的。",
            "Those are the sequences that have ended; count the ones that haven't.",
        ),
        "ends here": (
            "数的是在这一步结束的有几条；要数这一步还在算的。",
            "That counts the sequences that end at a step; count those that still run at it.",
        ),
        "backward": (
            "次序反了：第 0 步在最前面，那时所有的序列都在。",
            "The other way around: step 0 comes first, when all sequences run.",
        ),
        "cells computed": (
            "每一步的条数对了；第二个数是要算的格数，要的是省下的。",
            "The tensor is right. The second number is the cells that are computed; the ones saved are wanted.",
        ),
        "all cells": (
            "每一步的条数对了；第二个数是填充之后的总格数，要的是省下的。",
            "The tensor is right. The second number is all cells of the padded batch; the ones saved are wanted.",
        ),
        "not an integer": (
            "每一步的条数对了；省下的格数应该是整数，你的是 {came}。",
            "The tensor is right. The number of cells saved should be an integer; yours is {came}.",
        ),
        "saved": (
            "每一步的条数对了；省下的格数应该是 {expected}，你的是 {came}。",
            "The tensor is right. The number of cells saved should be {expected}; yours is {came}.",
        ),
    },
)


def _running(lengths: list[int], late: int = 0) -> Tensor:
    return torch.tensor([sum(n > t + late for n in lengths) for t in range(max(lengths))])


def _11b_mistakes(lengths: list[int]) -> dict[str, Tensor]:
    right, given = _running(lengths), torch.tensor(lengths)
    ends = torch.tensor([sum(n == t + 1 for n in lengths) for t in range(max(lengths))])
    return {
        "lengths": given,
        "lengths sorted": given.sort(descending=True).values,
        "lengths sorted / ascending": given.sort().values,
        "one step late": _running(lengths, late=1),
        "one step late / early": _running(lengths, late=-1),
        "one step late / early, one more": torch.cat([torch.tensor([len(lengths)]), right]),
        "one step late / one less": right[1:],
        "padding counted": torch.full_like(right, len(lengths)),
        "ended": len(lengths) - right,
        "ends here": ends,
        "ends here / a step late": torch.cat([torch.tensor([0]), ends]),
        "backward": right.flip(0),
    }


def _11b_case(probe: Probe, lengths: list[int]) -> None:
    came = probe.call(probe.answer, torch.tensor(lengths))
    if came is None:
        probe.wrong("nothing")
    if not isinstance(came, (tuple, list)) or len(came) != 2:
        probe.wrong("not two", came=came.kind if isinstance(came, Opaque) else type(came).__name__)
    sizes, saved = came
    right = _running(lengths)
    T = len(right)
    if isinstance(sizes, Tensor) and not (sizes.shape == right.shape and torch.equal(sizes.long(), right)):
        for mistake, made in _11b_mistakes(lengths).items():
            if sizes.shape == made.shape and torch.equal(sizes.long(), made):
                probe.wrong(mistake)
        if sizes.ndim == 1:
            probe.need(len(sizes) == T, "wrong length", came=len(sizes), expected=T)
    probe.values(probe.shape(sizes, T=T), right)
    dtype = str(sizes.dtype).removeprefix("torch.")
    probe.need(dtype == "int64", "dtype", expected="int64", came=dtype)
    saved = saved.item() if isinstance(saved, Tensor) and saved.numel() == 1 else saved
    if isinstance(saved, bool) or not isinstance(saved, (int, float)):
        probe.wrong(
            "not a number at all", kind=saved.kind if isinstance(saved, Opaque) else type(saved).__name__
        )
    cells = sum(lengths)
    expected = len(lengths) * T - cells
    if saved != expected:
        probe.need(saved != cells, "cells computed")
        probe.need(saved != len(lengths) * T, "all cells")
        probe.wrong("saved", expected=expected, came=saved)
    probe.need(isinstance(saved, int), "not an integer", came=saved)


@E11B.part("长度各不相同，次序随意", "different lengths in any order")
def _11b_lengths(probe: Probe) -> None:
    for B, T in ((5, 9), (7, 4), (4, 12)):
        lengths = probe.integers(1, T, B).tolist()
        lengths[:3] = [2, T, 2 if T > 4 else 1]
        order = torch.randperm(B, generator=probe.generator).tolist()
        _11b_case(probe, [lengths[i] for i in order])


@E11B.part("一样长，只有一条，只有一步", "all alike, a single one, a single step")
def _11b_ends(probe: Probe) -> None:
    for lengths in ([6] * 4, [probe.size(3, 9)], [1, 1, 1], [1]):
        _11b_case(probe, lengths)


@E11B.part("没有用 pack_padded_sequence", "without pack_padded_sequence")
def _11b_packed(probe: Probe) -> None:
    code = probe.code(probe.answer)
    used = [*code.get("outside", {}), *code.get("attributes", []), *code.get("statements", [])]
    names = ("pack_padded_sequence", "pack_sequence", "_pack_padded_sequence")
    probe.need(not any(name in used for name in names), "packed")
