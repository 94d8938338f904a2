"""Chapter 10: deep RNNs."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlib.exercises import measured
from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

# ---------- 10a ----------
A10 = Task(
    "10a",
    "整个序列一个掩码的暂退法",
    "Dropout with one mask for the whole sequence",
    level="core",
    minutes=12,
    trains=(
        "掩码的形状决定谁和谁一起被丢弃；训练时放大，评估时什么也不做",
        "the mask's shape decides who is dropped together; scaled in training, nothing in evaluation",
    ),
    hints={
        "active in evaluation": (
            "评估模式下也在丢弃：这一层得问一问自己现在是训练还是评估。",
            "It drops in evaluation as well: the layer has to ask itself whether this is training or evaluation.",
        ),
        "step 0 repeated": (
            "每一步都是第 0 步的数：该在各步重复的是掩码，不是 X。",
            "Every step has the numbers of step 0: it's the mask that repeats, not X.",
        ),
        "mask from the data": (
            "X 里恰好是 0 的数，被当成了丢弃的（或者 0 除以 0 得到了 nan）：掩码要另抽，不能从丢弃之后的 X 里读出来。",
            "Numbers of X that happen to be 0 are taken for dropped (or 0 divided by 0 gives NaN): draw the mask on its "
            "own instead of reading it off X after dropping.",
        ),
        "scale from the draw": (
            "放大的倍数时大时小，要看这一次留下了几个；它只该由 p 决定，和抽到什么没有关系。",
            "The factor changes with how many are kept this time; it must depend on p alone, not on the draw.",
        ),
        "scaled in evaluation": (
            "评估模式下数变小或变大了：放大是训练时的事，评估时原样通过。",
            "In evaluation the numbers have changed in size: the scaling belongs to training; in evaluation they pass as "
            "they are.",
        ),
        "nothing dropped": (
            "训练模式下，p = {p} 时什么也没有丢弃。",
            "In training with p = {p}, nothing is dropped.",
        ),
        "everything dropped": (
            "训练模式下，p = {p} 时全都丢弃了。",
            "In training with p = {p}, everything is dropped.",
        ),
        "new mask each step": (
            "丢弃哪些，每一步都不同：同一条序列的各步应该用同一个掩码。掩码的哪一维该是 1？",
            "What is dropped changes from step to step: all steps of a sequence should share one mask. Which axis of the "
            "mask should be 1?",
        ),
        "one mask for all sequences": (
            "所有序列丢弃的单元都一样：每条序列要有自己的掩码。",
            "All sequences drop the same units: each sequence should have a mask of its own.",
        ),
        "one mask for all units": (
            "一条序列的单元要么全丢，要么全留：每个单元要各抽各的。",
            "A sequence's units are dropped all together or not at all: each unit should have a draw of its own.",
        ),
        "batch and time mixed up": (
            "这个掩码各条序列共用，却一步一变，正好反了。X 的第 0 维是什么？",
            "The mask is shared by the sequences and differs from step to step; it should be the other way around. What is "
            "axis 0 of X?",
        ),
        "always as many": (
            "丢弃的个数总是一样（{where}）：每个单元要各自按概率 p 抽，丢几个是碰运气，不是定好的。",
            "The number dropped is always the same ({en_where}): each unit is drawn on its own with probability p, so how "
            "many go is left to chance.",
        ),
        "tied": (
            "单元不是各抽各的：{i} 和 {j} 在每条序列里都{zh_how}。",
            "Units don't have draws of their own: {i} and {j} are {how} in every sequence.",
        ),
        "sequences tied": (
            "序列不是各抽各的：{i} 和 {j} 的掩码{zh_how}。",
            "Sequences don't have draws of their own: the masks of {i} and {j} are {how}.",
        ),
        "neighbors": (
            "相邻的单元不是各抽各的：丢弃的一段一段连着（或者隔着），边界有 {came} 处，应该在 {expected} 处左右。",
            "Neighboring units aren't drawn on their own: what is dropped comes in blocks or in turns, with {came} borders "
            "where about {expected} are expected.",
        ),
        "share kept": (
            "丢弃了约 {share:.2f}，p 是 {p}：p 是丢弃的比例，不是留下的比例。",
            "About {share:.2f} is dropped, with p = {p}: p is the share to drop, not the share to keep.",
        ),
        "another share": (
            "丢弃的比例约是 {share:.2f}，p 是 {p}。",
            "About {share:.2f} is dropped, with p = {p}.",
        ),
        "not scaled": (
            "留下的数没有放大，平均值就变小了：除以什么才能补回来？",
            "What is kept isn't scaled up, so the mean becomes smaller: divide by what to make up for it?",
        ),
        "divided by p": (
            "留下的数除以了 p。留下的占多少？",
            "What is kept was divided by p. What share is kept?",
        ),
        "another scale": (
            "留下的数乘了 {scale:.3g}，p = {p}。想一想平均值。",
            "What is kept was multiplied by {scale:.3g}, with p = {p}. Think of the mean.",
        ),
        "noise": (
            "留下的数不是都乘同一个数：掩码里只该有两种值。",
            "What is kept isn't all multiplied by the same number: a mask has only two values.",
        ),
        "same mask every call": (
            "两次前向用的是同一个掩码：每次前向都要重新抽，不能只在 __init__ 里抽一次。",
            "Two forward passes use the same mask: draw it anew in each, not once in __init__.",
        ),
        "p = 0": (
            "p = 0 时输入没有原样出来：什么也不丢，也就不用放大。",
            "With p = 0 the input doesn't come out as it was: nothing is dropped, so nothing needs scaling.",
        ),
        "values": (
            "没有丢弃的数对不上：最大相差 {gap:.3g}，在下标 {place} 处。",
            "What isn't dropped is off by up to {gap:.3g}, at index {place}.",
        ),
        "gradient": (
            "输入的梯度不对：丢弃的地方应该是 0，留下的地方应该是放大的倍数。乘掩码时图断开了吗？",
            "The input's gradient is wrong: it should be 0 where a number was dropped, and the scale elsewhere. Was the "
            "graph cut where the mask is applied?",
        ),
    },
)


def _inputs(probe: Probe, T: int, B: int, H: int) -> Tensor:
    """Numbers of both signs, none of them near 0."""
    X = probe.normal(T, B, H)
    return X + X.sign() + (X == 0)


def _dropped(probe: Probe, p: float, T: int = 6, B: int = 48, H: int = 80) -> tuple[Ref, Tensor, Tensor]:
    """A layer in training, an input, and by what each number was multiplied."""
    layer = probe.module(p)
    probe.training(layer)
    X = _inputs(probe, T, B, H)
    return layer, X, probe.shape(probe.call(layer, X), T=T, B=B, H=H) / X


def _repeated(out: Tensor) -> bool:
    """Every step has the numbers of step 0."""
    return len(out) > 1 and bool(out.any()) and torch.allclose(out, out[:1].expand_as(out))


def _same_or_opposite(gone: Tensor) -> tuple[int, int, bool] | None:
    """Two columns that are the same, or one the opposite of the other."""
    signs = 1.0 - 2.0 * gone.double()
    agreement = (signs.T @ signs / len(signs)).fill_diagonal_(0)
    if agreement.abs().max() < 1 - 1e-9:
        return None
    i, j = divmod(int(agreement.abs().argmax()), gone.shape[1])
    return i, j, bool(agreement[i, j] > 0)


@A10.part("形状：(T, B, H) 进，(T, B, H) 出", "shape: (T, B, H) in, (T, B, H) out")
def _10a_shape(probe: Probe) -> None:
    given = probe.value(probe.answer)
    if isinstance(given, Opaque) and given.kind not in ("type", "function", "partial", "ABCMeta"):
        probe.wrong("an instance")
    for T, B, H in ((5, 4, 7), (6, 1, 3), (1, 5, 4)):
        layer = probe.module(0.3)
        for on in (True, False):
            probe.training(layer, on)
            probe.shape(probe.call(layer, _inputs(probe, T, B, H)), T=T, B=B, H=H)


@A10.part("评估模式：原样通过", "evaluation: passes unchanged")
def _10a_evaluation(probe: Probe) -> None:
    for p in (0.25, 0.6):
        layer = probe.module(p)
        probe.training(layer, False)
        X = _inputs(probe, 5, 8, 20)
        out = probe.shape(probe.call(layer, X), T=5, B=8, H=20)
        probe.need(bool(out.isfinite().all()), "not a number")
        probe.need(bool((out != 0).all()), "active in evaluation")
        probe.need(not _repeated(out), "step 0 repeated")
        probe.need(probe.close(out, X), "scaled in evaluation")


@A10.part("训练模式：谁和谁用同一个掩码", "training: who shares a mask")
def _10a_mask(probe: Probe) -> None:
    for p in (0.5, 0.2):
        _, X, factor = _dropped(probe, p)
        out = factor * X
        probe.need(not _repeated(out), "step 0 repeated")
        probe.need(bool(factor.isfinite().all()), "not a number")
        gone = factor == 0
        probe.need(bool(gone.any()), "nothing dropped", p=p)
        probe.need(not gone.all(), "everything dropped", p=p)
        shared = [bool((gone == gone.narrow(axis, 0, 1)).all()) for axis in range(3)]
        if shared[1] and not shared[0]:
            probe.wrong("new mask each step" if shared[2] else "batch and time mixed up")
        probe.need(shared[0], "new mask each step")
        probe.need(not shared[1], "one mask for all sequences")
        probe.need(not shared[2], "one mask for all units")


@A10.part("丢多少，留下的乘多少", "how much is dropped, and by what the rest is multiplied")
def _10a_share(probe: Probe) -> None:
    for p in (0.25, 0.6):
        layer, X, factor = _dropped(probe, p)
        share = float((factor == 0).double().mean())  # of 3,840 draws: standard deviation 0.008
        if abs(share - p) > 0.05:
            probe.wrong("share kept" if abs(share - (1 - p)) < 0.05 else "another share", share=share, p=p)
        kept = factor[factor != 0]
        scale = float(kept.median())
        if bool((kept - scale).abs().max() >= 1e-3 * abs(scale)):
            probe.wrong("scale from the draw" if _even(factor[0]) or _even(factor[0].T) else "noise")
        for _ in range(3):
            again = probe.shape(probe.call(layer, X), T=6, B=48, H=80) / X
            other = float(again[again != 0].median())
            probe.need(abs(other - scale) < 1e-4 * abs(scale), "scale from the draw")
        if abs(scale - 1 / (1 - p)) > 1e-3:
            probe.need(abs(scale - 1) > 1e-3, "not scaled")
            probe.need(abs(scale - 1 / p) > 1e-3, "divided by p")
            probe.wrong("another scale", scale=scale, p=p)


def _even(factor: Tensor) -> bool:
    """Within each row, what isn't 0 is the same."""
    rows = [row[row != 0] for row in factor]
    return all(bool((row - row[0]).abs().max() < 1e-3 * row[0].abs()) for row in rows if len(row))


@A10.part("X 里有 0，掩码照样抽", "with zeros in X, the mask is drawn all the same")
def _10a_zeros(probe: Probe) -> None:
    T, B, H = 6, 48, 80
    layer = probe.module(0.5)
    probe.training(layer)
    X = _inputs(probe, T, B, H)
    at = probe.integers(1, T, B, H)  # half of the units are 0 at all steps but this one
    sparse = probe.normal(B, H) > 0
    X = X * (~sparse | (torch.arange(T)[:, None, None] == at))
    out = probe.shape(probe.call(layer, X), T=T, B=B, H=H)
    probe.need(bool(out.isfinite().all()), "mask from the data")
    share = float((out.gather(0, at[None])[0][sparse] == 0).double().mean())
    probe.need(abs(share - 0.5) < 0.1, "mask from the data")  # of about 1,920 draws: standard deviation 0.011


@A10.part("每次前向，新的掩码", "a new mask in every forward pass")
def _10a_anew(probe: Probe) -> None:
    layer, X, factor = _dropped(probe, 0.5)
    again = probe.shape(probe.call(layer, X), T=6, B=48, H=80) / X
    probe.need(not torch.equal(again == 0, factor == 0), "same mask every call")


@A10.part("每条序列、每个单元各抽各的", "a draw of its own for each sequence and unit")
def _10a_own(probe: Probe) -> None:
    layer, X, factor = _dropped(probe, 0.5)  # 48 sequences of 80 units; what is said below happens by chance
    masks = [factor[0] == 0]  # less than once in a million times
    for _ in range(5):
        masks.append((probe.shape(probe.call(layer, X), T=6, B=48, H=80) / X)[0] == 0)
    gone = masks[0]
    counts = {
        ("每条序列里", "in each sequence"): gone.sum(dim=1).tolist(),
        ("每个单元，对所有序列数", "of each unit, over the sequences"): gone.sum(dim=0).tolist(),
        ("每次前向，总数", "in all, in each forward pass"): [int(mask.sum()) for mask in masks],
    }
    for (zh, en), numbers in counts.items():
        probe.need(len(set(numbers)) > 1, "always as many", where=zh, en_where=en)
    borders = int((gone[:, 1:] != gone[:, :-1]).sum())  # each is one with probability 1/2, on its own
    expected, deviation = 48 * 79 / 2, (48 * 79 / 4) ** 0.5
    probe.need(abs(borders - expected) < 6 * deviation, "neighbors", came=borders, expected=round(expected))
    for mistake, table in (("tied", gone), ("sequences tied", gone.T)):
        found = _same_or_opposite(table)
        if found:
            i, j, same = found
            how = ("一样", "the same") if same else ("正好相反", "opposite")
            if mistake == "tied":
                how = ("同进同退", "dropped or kept together") if same else ("一进一退", "dropped in turns")
            probe.wrong(mistake, i=i, j=j, zh_how=how[0], how=how[1])


@A10.part("p = 0：什么也不丢", "p = 0: nothing is dropped")
def _10a_zero(probe: Probe) -> None:
    layer = probe.module(0.0)
    X = _inputs(probe, 5, 6, 9)
    for on in (True, False):
        probe.training(layer, on)
        probe.need(probe.close(probe.shape(probe.call(layer, X), T=5, B=6, H=9), X), "p = 0")


@A10.part("梯度走留下的那些数", "the gradient goes through what is kept")
def _10a_gradient(probe: Probe) -> None:
    layer = probe.module(0.5)
    probe.training(layer)
    found = probe.grad(layer, _inputs(probe, 4, 6, 50), weights=torch.ones(4, 6, 50), wrt=(0,))["inputs"][0]
    probe.need(isinstance(found, Tensor), "gradient")
    two = bool(((found == 0) | ((found - 2).abs() < 1e-4)).all())
    probe.need(two and bool((found == 0).any()) and bool((found != 0).any()), "gradient")


# ---------- 10b ----------
B10 = Task(
    "10b",
    "四层 RNN，三种初始化",
    "Four RNN layers, three initializations",
    level="core",
    minutes=15,
    trains=(
        "比较初始化：别的都不变，三个种子，范围重叠就不下结论",
        "comparing initializations: all else equal, three seeds, and no verdict where ranges overlap",
    ),
    hints=dict(measured.HINTS),
)
# Seeds 0 ... 21 on one CPU core, torch 2.13, the settings of `learn` in the notebook: default 5.24 ... 5.59,
# Xavier 5.62 ... 6.01, orthogonal 5.64 ... 6.03, standard deviations about 0.1; an overlap can just be believed
PLAUSIBLE_10B = {"default": (4.9, 5.85), "Xavier": (5.4, 6.4), "orthogonal": (5.4, 6.4)}


@B10.part("记录：每种至少三个种子", "the record: three seeds or more of each")
def _10b_record(probe: Probe) -> None:
    measured.read(probe, PLAUSIBLE_10B)


@B10.part("结论由你自己的数得出", "the conclusion follows from your own numbers")
def _10b_conclusion(probe: Probe) -> None:
    record, runs = measured.read(probe, PLAUSIBLE_10B)
    words = (*PLAUSIBLE_10B, "undecided")
    measured.conclude(probe, record["conclusion"], measured.lowest(runs), words, runs)
