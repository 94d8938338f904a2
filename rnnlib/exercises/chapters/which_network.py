"""Chapter 12: which network when."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Ref

# ---------- 12a ----------
E12A = Task(
    "12a",
    "只看左边的卷积",
    "A convolution that looks left",
    level="core",
    minutes=12,
    trains=(
        "补零补在哪一边、补几个；用梯度查谁看得见谁",
        "on which side to pad and how much; who sees whom, read off gradients",
    ),
    device="cpu",
    hints={
        "both sides": (
            "T = {T} 进去，{came} 出来，长了：左右两边都补了零。",
            "T = {T} goes in and {came} comes out, too long: it's padded on both sides.",
        ),
        "no padding": (
            "T = {T} 进去，只有 {came} 出来：没有补零。",
            "T = {T} goes in and only {came} comes out: there's no padding.",
        ),
        "dilation not in the padding": (
            "T = {T} 进去，只有 {came} 出来：补的零没有算上膨胀 {d}。",
            "T = {T} goes in and only {came} comes out: the padding doesn't take the dilation {d} into account.",
        ),
        "dilation not in the convolution": (
            "T = {T} 进去，{came} 出来，长了：补零算上了膨胀 {d}，卷积自己没有。",
            "T = {T} goes in and {came} comes out, too long: the padding counts the dilation {d}, the convolution "
            "doesn't have it.",
        ),
        "one short": (
            "T = {T} 进去，{came} 出来，差一个：核宽是 3 的时候，最左边那一拍离当前这一步有几个膨胀那么远？",
            "T = {T} goes in and {came} comes out, one off: with width 3, how many dilations lie between the leftmost "
            "tap and the current step?",
        ),
        "empty": (
            "核宽是 1 的时候输出空了：从末尾去掉 0 个，写成 [:-0] 会全部去掉。",
            "With width 1 the output is empty: [:-0] is meant to drop nothing from the end, and drops everything.",
        ),
        "future seen": (
            "第 {t} 步的输出看得见第 {s} 步的输入，那是将来。",
            "The output at step {t} sees the input at step {s}, which is the future.",
        ),
        "centered": (
            "左右各看一半：第 {t} 步一直看到了第 {s} 步。补的零要全在左边。",
            "It looks to both sides: step {t} sees inputs up to step {s}. All of the padding belongs on the left.",
        ),
        "wrong end": (
            "看的全是当前和以后：第 {t} 步看得见第 {s} 步。多出来的几步，裁错了一头（或者零补在了右边）。",
            "All it sees is now and later: step {t} sees step {s}. The extra steps were cut off at the wrong end (or "
            "the zeros are on the right).",
        ),
        "ahead": (
            "整个早了一步：第 {t} 步看得见第 {s} 步。左边少补了一个零。",
            "The whole thing is one step early: step {t} sees step {s}. There's a zero missing on the left.",
        ),
        "behind": (
            "整个晚了一步：第 {t} 步看不见自己这一步的输入。左边多补了一个零。",
            "The whole thing is one step late: step {t} doesn't see its own input. There's one zero too many on the "
            "left.",
        ),
        "no dilation": (
            "看的是紧挨着的几步，没有隔开：膨胀 {d} 没有交给卷积。",
            "The steps that it sees are side by side: the dilation {d} never reaches the convolution.",
        ),
        "around": (
            "最早的几步看见了序列的末尾：补的不是零，是从另一头绕过来的值。",
            "The first steps see the end of the sequence: the padding isn't zeros, it comes around from the other end.",
        ),
        "sees": (
            "第 {t} 步的输出看得见 {came} 这几步，应该是 {expected}（核宽 {width}，膨胀 {d}）。",
            "The output at step {t} sees the steps {came}; it should see {expected} (width {width}, dilation {d}).",
        ),
        "no bias": (
            "少了偏置的 {came} 个参数；nn.Conv1d 本来就有。",
            "The {came} parameters of the bias are missing; nn.Conv1d has it by default.",
        ),
        "not zeros": (
            "开头几步本来该读到零的地方，读到了第 0 步的值：左边补的不是零，是重复的第一个值。",
            "Where the first few steps should read zeros, they read the value of step 0: the padding repeats the first value.",
        ),
        "ones": (
            "第 0 步之前的都算 0；你补的是 1。",
            "What lies before step 0 counts as 0; you pad with ones.",
        ),
        "taps reversed": (
            "权重的次序反了：weight[:, :, -1] 该乘第 t 步，越往前的下标管越早的步；你的正好倒过来。",
            "The kernel runs backward: weight[:, :, -1] belongs to step t, and smaller indices to earlier steps; yours "
            "has them the other way around.",
        ),
        "activation": (
            "卷积对了，后面又多了一个 ReLU；这里只要卷积。",
            "The convolution is right, but a ReLU follows it; just the convolution is wanted here.",
        ),
        "residual": (
            "卷积对了，又加上了输入；这里只要卷积。",
            "The convolution is right, but the input is added to it; just the convolution is wanted here.",
        ),
        "values": (
            "权重照抄过去，看得见的步也对，结果还是不同：最大相差 {gap:.3g}，在下标 {place} 处。",
            "With the same weights and the right steps in sight, the result still differs, by up to {gap:.3g} at index "
            "{place}.",
        ),
    },
)


def _conv(X: Tensor, weight: Tensor, bias: Tensor, d: int, before: float = 0.0) -> Tensor:
    """Causal convolution, tap by tap; what lies before step 0 is 0, or another number."""
    B, T, width = X.shape[0], X.shape[2], weight.shape[2]
    out = bias[None, :, None].expand(B, -1, T).double().clone()
    for t in range(T):
        for k in range(width):
            s = t - (width - 1 - k) * d
            if s >= 0:
                out[:, :, t] += X[:, :, s].double() @ weight[:, :, k].double().T
            else:
                out[:, :, t] += before * weight[:, :, k].double().sum(dim=1)
    return out


@E12A.part(
    "形状：(B, num_inputs, T) 进，(B, num_outputs, T) 出", "shape: (B, num_inputs, T) to (B, num_outputs, T)"
)
def _12a_shape(probe: Probe) -> None:
    cases = (
        (2, 20, 3, 5, 3, 4),
        (1, 9, 2, 4, 2, 3),
        (3, 8, 4, 2, 4, 1),
        (2, 6, 3, 4, 1, 5),
        (2, 1, 3, 4, 3, 2),
    )
    for B, T, inputs, outputs, width, d in (*cases, (2, 3, 4, 5, 3, 6)):
        came = probe.call(probe.module(inputs, outputs, width, d), probe.normal(B, inputs, T))
        if isinstance(came, Tensor) and came.shape[:2] == (B, outputs) and came.ndim == 3 and T > 1:
            more, reach = came.shape[2] - T, (width - 1) * d
            mistakes = {
                "both sides": more == reach > 0,
                "no padding": more == -reach < 0,
                "one short": abs(more) == 1,
                "dilation not in the padding": more == -(width - 1) * (d - 1) < 0,
                "dilation not in the convolution": more == (width - 1) * (d - 1) > 0,
                "empty": width == 1 and came.shape[2] == 0,
            }
            for mistake, shows in mistakes.items():
                probe.need(not shows, mistake, T=T, came=came.shape[2], d=d)
        probe.shape(came, B=B, O=outputs, T=T)


@E12A.part("参数的个数", "number of parameters")
def _12a_parameters(probe: Probe) -> None:
    inputs, outputs, width = probe.size(3, 6), probe.size(7, 9), probe.size(2, 5)
    model = probe.module(inputs, outputs, width, 2)
    came = sum(parameter.numel() for parameter in probe.parameters(model).values())
    probe.need(came != inputs * outputs * width, "no bias", came=outputs)
    probe.count(model, inputs * outputs * width + outputs)


def _seen(probe: Probe, model: Ref, X: Tensor, outputs: int, t: int) -> list[int]:
    """The input steps that reach the output at step t."""
    weights = torch.zeros(1, outputs, X.shape[2])
    weights[:, :, t] = 1 + probe.normal(outputs).abs()
    gradient = probe.grad(model, X, weights=weights, wrt=(0,))["inputs"][0]
    if gradient is None:
        return []
    return gradient.abs().sum(dim=(0, 1)).nonzero().flatten().tolist()


def _steps(T: int, steps: list[int]) -> list[int]:
    return sorted({s for s in steps if 0 <= s < T})


@E12A.part("每个输出看得见哪些输入（用梯度查）", "which inputs each output sees (by gradients)")
def _12a_sees(probe: Probe) -> None:
    for width, d, T in ((3, 4, 22), (2, 3, 12), (4, 1, 11), (1, 2, 5)):
        model, X = probe.module(2, 3, width, d), probe.normal(1, 2, T)
        filled = probe.fill(model)  # a large bias, so that a ReLU behind it lets everything through
        probe.set_parameters(model, {name: p + 30 if p.ndim == 1 else p for name, p in filled.items()})
        seen = [_seen(probe, model, X, 3, t) for t in range(T)]
        taps, half = range(width), (width - 1) * d // 2
        expected = [_steps(T, [t - k * d for k in taps]) for t in range(T)]
        if seen == expected:
            continue
        mistakes: dict[str, Callable[[int], list[int]]] = {
            "centered": lambda t, taps=taps, d=d, half=half: [t - half + k * d for k in taps],
            "wrong end": lambda t, taps=taps, d=d: [t + k * d for k in taps],
            "ahead": lambda t, taps=taps, d=d: [t + 1 - k * d for k in taps],
            "behind": lambda t, taps=taps, d=d: [t - 1 - k * d for k in taps],
            "no dilation": lambda t, taps=taps: [t - k for k in taps],
            "around": lambda t, taps=taps, d=d, T=T: [(t - k * d) % T for k in taps],
            "not zeros": lambda t, taps=taps, d=d: [max(t - k * d, 0) for k in taps],
        }
        middle = T // 2
        for mistake, steps in mistakes.items():
            if seen == [_steps(T, steps(t)) for t in range(T)]:
                probe.wrong(mistake, t=middle, s=max(seen[middle], default=middle), d=d)
        for t in range(T):
            if seen[t] and seen[t][-1] > t:
                probe.wrong("future seen", t=t, s=seen[t][-1])
        t = next(t for t in reversed(range(T)) if seen[t] != expected[t])
        probe.wrong("sees", t=t, came=seen[t], expected=expected[t], width=width, d=d)


@E12A.part("数值：同样的权重，同样的结果", "values: the same weights, the same result")
def _12a_values(probe: Probe) -> None:
    for B, T, inputs, outputs, width, d in ((3, 14, 4, 4, 3, 3), (2, 4, 3, 5, 3, 4)):
        model = probe.module(inputs, outputs, width, d)
        conv = probe.copied(nn.Conv1d(inputs, outputs, width), probe.fill(model))
        X = probe.normal(B, inputs, T)
        came = probe.shape(probe.call(model, X), B=B, O=outputs, T=T)
        weight, bias = conv.weight.detach(), conv.bias.detach()
        right = _conv(X, weight, bias, d)
        mistakes = {
            "activation": right.clamp(min=0),
            "taps reversed": _conv(X, weight.flip(2), bias, d),
            "ones": _conv(X, weight, bias, d, 1.0),
        }
        if inputs == outputs:
            mistakes["residual"] = right + X
        probe.values(came, right, mistakes)


@E12A.part("每个参数都有梯度", "every parameter gets a gradient")
def _12a_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 4, 2, 3), probe.normal(2, 3, 9))


# ---------- 12b ----------
E12B = Task(
    "12b",
    "有窗口的注意力",
    "Attention with a window",
    level="core",
    minutes=12,
    trains=(
        "打分、遮住、softmax、加权平均：次序和维度",
        "score, hide, softmax, average: their order and their axes",
    ),
    device="cpu",
    hints={
        "future seen": (
            "看见了将来：第 t 步只能看到第 t 步为止。",
            "It sees the future: step t may see nothing beyond step t.",
        ),
        "no window": (
            "没有将来，可是整个过去都看见了：比 window 更早的，也要遮住。",
            "No future, but all of the past: what's older than the window has to be hidden, too.",
        ),
        "one too many": (
            "多看了一步：window 步里，当前这一步也算一步。",
            "It sees one step too many: the current step counts as one of the window.",
        ),
        "one too few": (
            "少看了一步：window = 1 的时候，看得见的是自己。",
            "It sees one step too few: with window = 1, a step sees itself.",
        ),
        "not itself": (
            "看得见前面的，偏偏看不见自己这一步。",
            "It sees the steps before, but not the current one.",
        ),
        "forward": (
            "方向反了：看的是当前和以后的几步，不是当前和以前的。",
            "The other way around: it sees the current step and later ones, not earlier ones.",
        ),
        "after the softmax": (
            "先做了 softmax，再遮住：剩下的权重加起来不到 1。",
            "The softmax comes first and the hiding afterwards: the weights that are left don't sum to 1.",
        ),
        "score of 0": (
            "遮住的得分写成了 0，softmax 照样给它权重。得分该是多少，权重才是 0？",
            "Hidden scores were set to 0, and the softmax gives them weight all the same. Which score makes the weight "
            "0?",
        ),
        "scaled by E": (
            "得分除以的数太大了：向量有 E 个数，该除以的不是 E 本身。",
            "The scores are divided by too large a number: vectors have E numbers, but it isn't E itself that you "
            "divide by.",
        ),
        "not scaled": (
            "得分没有缩小，softmax 太尖了。",
            "The scores aren't scaled down, and the softmax is too sharp.",
        ),
        "scaled up": (
            "得分乘上了该除的数。",
            "The scores are multiplied by what they should be divided by.",
        ),
        "scaled by T": (
            "得分除以的数来自序列的长度；它该来自向量的长度。",
            "The number that divides the scores comes from the length of the sequence; it should come from that of the "
            "vectors.",
        ),
        "over the queries": (
            "softmax 沿着发问的那一维做了：对每个发问的步，它看得见的各步，权重加起来应该是 1。",
            "The softmax runs over the steps that ask. For each step that asks, the weights of the steps it sees "
            "should sum to 1.",
        ),
        "over the batch": (
            "softmax 沿样本那一维做了：各个样本互不相干。",
            "The softmax runs over the batch, whose sequences have nothing to do with each other.",
        ),
        "Q and K swapped": (
            "Q 和 K 换了位置：行是发问的步（Q），列是被看的步（K）。",
            "Q and K have changed places: rows are the steps that ask (Q), columns the steps that are looked at (K).",
        ),
        "average of keys": (
            "最后平均的是 K；要平均的是 V。",
            "The average at the end is taken of K; take it of V.",
        ),
        "scores": (
            "返回的是 (B, T, T) 的一张表，每一对步一个数；还要用它给 V 做加权平均。",
            "What comes back is a table (B, T, T), a number for each pair of steps; it still has to average V.",
        ),
        "K and V swapped": (
            "K 和 V 换了位置：打分用 K，平均的是 V。",
            "K and V have changed places: K makes the scores, and V is averaged.",
        ),
        "reshaped": (
            "K 是用 reshape（或 view）变成 (B, E, T) 的：那只是把数重新分组，没有把两维换过来。",
            "K became (B, E, T) by reshape or view: that only regroups the numbers, and doesn't swap the two axes.",
        ),
        "inverted": (
            "正好反了：看得见的步被遮住，该遮住的反而看见了。",
            "Just the opposite: the steps in sight are hidden, and those to be hidden are seen.",
        ),
        "negative start": (
            "最前面的几步得到的是 0：那里切片的起点是负数，Python 从末尾数起，什么也没切到。",
            "The first few steps come out as 0: the slice begins at a negative index there, which Python counts from "
            "the end, and nothing is left in it.",
        ),
        "all NaN": (
            "从头到尾都是 NaN：要么 −∞ 乘了 0（0 · ∞ 没有值），要么 softmax 沿样本那一维做了，那里遮住的一格全是 −∞。",
            "It's NaN everywhere: either −∞ was multiplied by 0, which has no value, or the softmax runs over the "
            "batch, where a hidden cell is −∞ in every sequence.",
        ),
        "a pair": (
            "应该得到一个张量，实际得到 {n} 个东西的元组：只返回 H 这一个。",
            "A tensor is expected; what came is a tuple of {n}: return that one tensor H only.",
        ),
        "overflow": (
            "得分到了几百，结果就成了 NaN：自己写的 exp 会溢出。",
            "With scores in the hundreds the result is NaN: an exp of your own overflows.",
        ),
        "large scores cut off": (
            "很大的得分被截断了，大小分不出来了：不要截断，每一行先减去它的最大值。",
            "Large scores were cut off and can't be told apart: don't cut them, subtract the row's largest first.",
        ),
        "another row's largest": (
            "得分低的行，权重全成了 0：减去的是整个张量里的最大值。每一行要减去自己的最大值。",
            "In rows with lower scores all weights became 0: what is subtracted is the largest of the whole tensor. Each "
            "row subtracts its own maximum.",
        ),
        "hidden took all": (
            "遮住的步得分很高的时候，权重全归了它们，看得见的一点也没剩下（0/0）：先遮住，再做 softmax。",
            "Where hidden steps score high they took all the weight, and nothing was left for those in sight (0/0): "
            "hide before the softmax.",
        ),
        "not low enough": (
            "得分到了负几百的时候，遮住的步又有了权重：代替得分的那个数不够低。",
            "With scores of minus several hundred, hidden steps get weight again: the number in place of their score "
            "isn't low enough.",
        ),
        "cut off": (
            "{name} 没有得到梯度：半路上张量变成了普通的数，或者被分离了。",
            "{name} gets no gradient: on the way the tensor became plain numbers, or was detached.",
        ),
    },
)
Sees = Callable[[int, int], bool]


def _attend(Q: Tensor, K: Tensor, V: Tensor, sees: Sees, scale: float, limit: float = math.inf) -> Tensor:
    """Attention, one step of one row after another; ``limit``: what scores are cut off at."""
    B, T, _ = Q.shape
    rows = torch.full((B, T, V.shape[2]), math.nan).double()
    for b in range(B):
        for t in range(T):
            steps = [s for s in range(T) if sees(t, s)]
            if steps:
                scores = (K[b, steps].double() * Q[b, t].double()).sum(dim=1) * scale
                scores = scores.clamp(-limit, limit)
                weights = (scores - scores.max()).exp()
                rows[b, t] = (weights[:, None] * V[b, steps].double()).sum(dim=0) / weights.sum()
    return rows


def _table(Q: Tensor, K: Tensor, V: Tensor, sees: Sees, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """What weights average, made from scores (B, T, T) and the table of who sees whom."""
    T = Q.shape[1]
    seen = torch.tensor([[sees(t, s) for s in range(T)] for t in range(T)])
    scores = torch.einsum("bte,bse->bts", Q.double(), K.double()) / math.sqrt(Q.shape[2])
    return torch.einsum("bts,bse->bte", of(scores, seen), V.double())


def _12b(Q: Tensor, K: Tensor, V: Tensor, w: int) -> tuple[Tensor, dict[str, Callable[[], Tensor]]]:
    """The right result, and those of the mistakes."""
    E, T = Q.shape[2], Q.shape[1]
    scale = 1 / math.sqrt(E)

    def window(t: int, s: int) -> bool:
        return 0 <= t - s < w

    def other(sees: Sees) -> Callable[[], Tensor]:
        return lambda: _attend(Q, K, V, sees, scale)

    def scaled(by: float) -> Callable[[], Tensor]:
        return lambda: _attend(Q, K, V, window, by)

    def softmax_over(axis: int) -> Callable[[], Tensor]:
        return lambda: _table(
            Q, K, V, window, lambda a, seen: torch.where(seen, a, -math.inf).softmax(axis).nan_to_num(0.0)
        )

    def by_table(of: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], Tensor]:
        return lambda: _table(Q, K, V, window, of)

    mistakes = {
        "future seen": other(lambda t, s: True),
        "future seen / nearby": other(lambda t, s: abs(t - s) < w),
        "future seen / one step": other(lambda t, s: -1 <= t - s < w - 1),
        "future seen / all of it": other(lambda t, s: t - s < w),
        "no window": other(lambda t, s: s <= t),
        "one too many": other(lambda t, s: 0 <= t - s <= w),
        "one too few": other(lambda t, s: 0 <= t - s < w - 1),
        "not itself": other(lambda t, s: 1 <= t - s <= w),
        "not itself / shorter": other(lambda t, s: 1 <= t - s < w),
        "forward": other(lambda t, s: 0 <= s - t < w),
        "after the softmax": by_table(lambda a, seen: a.softmax(2) * seen),
        "score of 0": by_table(lambda a, seen: (a * seen).softmax(2)),
        "scaled by E": scaled(1 / E),
        "not scaled": scaled(1.0),
        "scaled up": scaled(math.sqrt(E)),
        "scaled up / by E": scaled(float(E)),
        "scaled by T": scaled(1 / math.sqrt(T)),
        "over the queries": softmax_over(1),
        "over the batch": softmax_over(0),
        "over the batch / a finite score": by_table(lambda a, seen: torch.where(seen, a, -1e30).softmax(0)),
        "Q and K swapped": lambda: _attend(K, Q, V, window, scale),
        "average of keys": lambda: _attend(Q, K, K, window, scale),
        "K and V swapped": lambda: _attend(Q, V, K, window, scale),
        "reshaped": lambda: _attend(Q, K.reshape(len(K), E, T).transpose(1, 2), V, window, scale),
        "inverted": other(lambda t, s: not window(t, s)),
        "negative start": lambda: _attend(
            Q, K, V, lambda t, s: window(t, s) and (t >= w - 1 or w > T), scale
        ).nan_to_num(0.0),
    }
    return _attend(Q, K, V, window, scale), mistakes


def _qkv(probe: Probe, B: int, T: int, E: int) -> list[Tensor]:
    return [probe.normal(B, T, E) for _ in range(3)]


@E12B.part("形状：(B, T, E)", "shape: (B, T, E)")
def _12b_shape(probe: Probe) -> None:
    for B, T, E, w in ((2, 7, 4, 3), (1, 5, 3, 2), (3, 1, 2, 1), (2, 3, 5, 9)):
        came = probe.call(probe.answer, *_qkv(probe, B, T, E), w)
        probe.need(not (isinstance(came, Tensor) and came.shape == (B, T, T) != (B, T, E)), "scores")
        came = probe.shape(came, B=B, T=T, E=E)
        probe.need(came.is_floating_point(), "dtype", expected="torch.float32", came=came.dtype)


@E12B.part("数值：谁看谁，权重多大", "values: who sees whom, with what weight")
def _12b_values(probe: Probe) -> None:
    for B, T, E, w in ((3, 9, 5, 3), (1, 6, 7, 2), (2, 5, 3, 1), (2, 6, 4, 6), (2, 4, 6, 11)):
        Q, K, V = _qkv(probe, B, T, E)
        right, mistakes = _12b(Q, K, V, w)
        came = probe.shape(probe.call(probe.answer, Q, K, V, w), B=B, T=T, E=E)
        probe.need(not came.isnan().all(), "all NaN")
        if not came.isfinite().all():  # a step that sees nothing
            for mistake, made in mistakes.items():
                probe.need(not probe.close(came.nan_to_num(9.0), made().nan_to_num(9.0)), mistake)
        probe.values(came, right, mistakes)


LIMITS = (10, 20, 30, 40, 50, 60, 70, 80, 85, 87, 88, 100, 200, 300, 500, 700, 1000)


@E12B.part("很大的得分", "large scores")
def _12b_large(probe: Probe) -> None:
    B, T, E, w = 2, 10, 4, 2
    Q, K, V = _qkv(probe, B, T, E)
    close, wide = 12 + 0.1 * K, 1 + K.abs()  # scores all about 300, and scores from 240 to beyond 1,500
    high = 0.1 * K
    high[:, 0] += 12  # the first step, hidden from the third on, about 300; the others about 0
    rows = (
        12 * (torch.arange(T) % 2)[:, None] + 0 * Q
    )  # every other step asks with 0, and scores nothing but 0
    for asks, keys, mistake in (
        (12 + 0 * Q, close, "overflow"),
        (12 + 0 * Q, -close, "not low enough"),
        (rows, close, "another row's largest"),
        (12 + 0 * Q, high, "hidden took all"),
        (120 * (1 + Q.abs()), wide, "hidden took all"),
        (120 * (1 + Q.abs()), -wide, "not low enough"),
    ):
        right, _ = _12b(asks, keys, V, w)
        came = probe.shape(probe.call(probe.answer, asks, keys, V, w), B=B, T=T, E=E)
        if not came.isfinite().all():
            probe.wrong("overflow" if mistake == "not low enough" else mistake)
        if probe.close(came, right, 1e-3):
            continue
        for limit in LIMITS:
            cut = _attend(asks, keys, V, lambda t, s: 0 <= t - s < w, 1 / math.sqrt(E), limit)
            probe.need(not probe.close(came, cut, 1e-3), "large scores cut off")
        if mistake == "overflow":
            probe.values(came, right, tolerance=1e-3)
        probe.wrong(mistake)


@E12B.part("梯度到得了 Q、K、V", "gradients reach Q, K and V")
def _12b_gradients(probe: Probe) -> None:
    Q, K, V = _qkv(probe, 2, 5, 3)
    found = probe.grad(probe.answer, Q, K, V, 3, weights=probe.normal(2, 5, 3), wrt=(0, 1, 2))["inputs"]
    for name, gradient in zip("QKV", found):
        whole = gradient is not None and bool(gradient.isfinite().all()) and bool(gradient.abs().sum() > 0)
        probe.need(whole, "cut off", name=name)
