"""Chapter 14: sequence to sequence, and attention."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe, number_in
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

# ---------- 14a ----------
A = Task(
    "14a",
    "它看哪里，几时回头",
    "Where it looks, and when it looks back",
    level="core",
    minutes=15,
    device="cpu",
    trains=(
        "每行各有各的填充：读进那边的填充不分权重，写出那边的填充不算步数",
        "padding that differs from row to row: on the input side it gets no weight, on the output side its steps don't count",
    ),
    hints={
        "not two": (
            "应该返回两样东西，(weights, moves)；实际得到 {kind}。",
            "Two things are expected, (weights, moves); you returned a {kind}.",
        ),
        "other order": (
            "两样东西的次序反了：先是权重，再是回头的次数。",
            "The two results are swapped: weights first, then the number of moves.",
        ),
        "padding has weight": (
            "有的填充还是分到了权重：找一行短的看看。",
            "Some padding still gets weight: look at a row whose source is short.",
        ),
        "steps hidden": (
            "读进的长度（source_lengths）遮住了整步，也就是 T 那一维；它说的是读进的词，在 S 那一维。",
            "source_lengths hides whole steps, along T; it speaks of the words that were read, and they lie along S.",
        ),
        "not whole": (
            "次数应该是整数，实际得到 {came}。",
            "The moves should be whole numbers; you returned {came}.",
        ),
        "score of 0": (
            "填充的得分写成了 0，softmax 照样给它权重。得分该是多少，权重才正好是 0？",
            "Padding was given the score 0, and the softmax gives it weight all the same. Which score makes the weight "
            "exactly 0?",
        ),
        "after the softmax": (
            "先做了 softmax，再把填充变成 0：分母里还有填充，剩下的权重加起来不到 1。",
            "The softmax came first, and padding was set to 0 afterwards. It's still in the denominator, so what's left "
            "sums to less than 1.",
        ),
        "inverted": (
            "正好反了：真正的词被遮住，权重全给了填充。",
            "Just the opposite: real words are hidden, and padding gets all the weight.",
        ),
        "one too many": (
            "多留了一格：长度是 L，真正的词是第 0 到第 L - 1 个。",
            "One column too many is kept: with length L, the real words are those from 0 to L - 1.",
        ),
        "one too few": (
            "每行最后一个真正的词也被遮住了。",
            "The last real word of each row is hidden, too.",
        ),
        "wrong end": (
            "遮住的是每行开头的几格；填充在末尾。",
            "What's hidden is at the beginning of each row; the padding is at the end.",
        ),
        "lengths swapped": (
            "两种长度用反了：权重归谁，由读进的长度（source_lengths）决定；数到哪一步，由写出的长度（target_lengths）决定。",
            "The two lengths are swapped. Who gets weight depends on what was read (source_lengths); how many steps count "
            "depends on what was written (target_lengths).",
        ),
        "another row's length": (
            "B 和 T 一样大的时候错了：长度跟着第 t 步走了，没有跟着第 b 行走。(B, S) 的掩码对着 (B, T, S) 广播，是从后面的维对起的。",
            "It goes wrong where B and T are equal: the lengths went along with step t, not with row b. A mask (B, S) "
            "broadcasts against (B, T, S) from the last axis backwards.",
        ),
        "over the steps": (
            "softmax 沿写出的那一维（T）做了：每写一个词元，权重分给读进的各个词。",
            "The softmax runs over the steps that are written (T). For each token written, the weights are shared out among "
            "the words that were read.",
        ),
        "over the batch": (
            "softmax 沿样本那一维做了：各个样本互不相干。",
            "The softmax runs over the batch, whose rows have nothing to do with each other.",
        ),
        "scaled again": (
            "得分又缩小了一次。给你的已经是得分，缩放（如果有）是打分时的事。",
            "The scores were scaled once more. What you get are scores already; any scaling belongs to how they were made.",
        ),
        "overflow": (
            "得分到了几百，结果就成了 nan：自己写的 exp 溢出了。",
            "With scores in the hundreds the result is nan: an exp of your own overflows.",
        ),
        "cut off": (
            "得分到了几百，权重就不对了，却没有 nan：大的得分之间的差别不见了。得分是不是在某个界限上裁掉了（clamp）？",
            "With scores in the hundreds the weights are wrong, though none of them is nan: differences between large "
            "scores got lost. Were scores cut off at some limit (clamp)?",
        ),
        "every exp 0": (
            "得分低的行，exp 全成了 0，分不出权重（0/0）：exp 之前减去的数，不合这一行。",
            "In rows with low scores every exp comes out 0, and there's nothing to share out (0/0): what was subtracted "
            "before the exp doesn't fit these rows.",
        ),
        "padding took all": (
            "填充的得分比真词高几百时，权重全归了填充，真词一点也没剩下（0/0）：先遮住，再做 softmax。",
            "Where padding scores hundreds above the real words, it took all the weight and left them nothing (0/0): hide it "
            "before the softmax.",
        ),
        "not low enough": (
            "真词的得分到了负几百，填充又有了权重：代替得分的那个数不够低。",
            "With real scores of minus several hundred, padding gets weight again: the number in place of its score isn't "
            "low enough.",
        ),
        "still heard": (
            "填充的得分很高时，填充又有了权重：它的得分只是降低了，没有换掉。",
            "Where padding scores very high, it gets weight again: its score was lowered, not replaced.",
        ),
        "heard in silence": (
            "填充的得分很高时，它自己没有权重，真词的权重却变了：遮住以前，它的得分已经用过一次（比如求最大值）。",
            "Where padding scores very high, it gets no weight itself and yet changes that of the real words: its scores "
            "were used (in a maximum, say) before they were hidden.",
        ),
        "gradient": (
            "权重的数都对，scores 的梯度不对：没有，是 nan，或者填充那里不是 0。",
            "The weights are right, but the gradient of scores isn't: it's missing, it's nan, or it isn't 0 at padding.",
        ),
        "answer's padding counted": (
            "写完以后的步也数进去了：每行只数到它自己的 target_lengths。",
            "Steps after the end of the answer were counted, too: in each row, count up to its own target_lengths only.",
        ),
        "one step beyond": (
            "多数了一步：从最后一个真正的词元走到第一个填充，不算。",
            "One step too many: going from the last real token to the first padding doesn't count.",
        ),
        "one step short": (
            "少数了一步：写了 n 个词元，中间有 n - 1 次可以回头。",
            "One step too few: between n tokens there are n - 1 chances to look back.",
        ),
        "to the right": (
            "数的是往右走的次数；回头是往左。",
            "This counts moves to the right; looking back is to the left.",
        ),
        "staying counts": (
            "停在原处也算成了回头。",
            "Staying in place was counted as looking back.",
        ),
        "how far": (
            "加起来的是走了多远；要的是走了几次。",
            "What was added up is how far it moved; the question is how often.",
        ),
        "whether": (
            "只说了回没回过头；要的是几次。",
            "This says whether it looked back; the question is how often.",
        ),
        "peak in the padding": (
            "最大的那一格是在没有遮住的得分里找的，有时找到了填充上。",
            "The largest was looked for in scores with nothing hidden, and sometimes it was found in the padding.",
        ),
        "moves": (
            "权重都对，次数不对：第 {b} 行真正写出的各步，最大的权重依次在 s = {peaks}，应数出 {expected} 次，实际是 {came}。",
            "The weights are right, the count isn't. In row {b}, at the steps really written, the largest weight is at "
            "s = {peaks}. That makes {expected}; you have {came}.",
        ),
    },
)


class _Map(NamedTuple):
    """What 14a is asked with."""

    scores: Tensor  # (B, T, S)
    source: Tensor  # (B,)
    target: Tensor  # (B,)


def _map(probe: Probe, B: int, T: int, S: int) -> _Map:
    """Scores, and lengths of which one at least is whole, one short."""
    lengths = [probe.integers(1, size + 1, B) for size in (S, T)]
    for one, size in zip(lengths, (S, T)):
        one[0] = size
        if B > 1:
            one[-1] = min(2, size)
    order = torch.randperm(B, generator=probe.generator)
    return _Map(2 * probe.normal(B, T, S), lengths[0][order], lengths[1])


def _shares(scores: Tensor, keep: Callable[[int, int, int], bool]) -> Tensor:
    """The weights (B, T, S), one row of one example after another; keep(b, t, s) says who shares."""
    B, T, S = scores.shape
    weights = torch.zeros(B, T, S, dtype=torch.float64)
    for b, t in itertools.product(range(B), range(T)):
        words = [s for s in range(S) if keep(b, t, s)]
        if words:
            kept = scores[b, t, words].double()
            powers = (kept - kept.max()).exp()
            weights[b, t, words] = powers / powers.sum()
    return weights


def _within(lengths: Tensor) -> Callable[[int, int, int], bool]:
    size = lengths.tolist()
    return lambda b, t, s: s < size[b]


def _suspects(case: _Map) -> Iterator[tuple[str, Tensor]]:
    """Weights of known mistakes."""
    scores, source, target = case
    (B, T, S), L, size = scores.shape, source.tolist(), target.tolist()
    mask = (torch.arange(S) < source[:, None])[:, None]
    whole, exact = _shares(scores, lambda b, t, s: True), scores.double()
    unread = (torch.arange(T) >= source[:, None])[:, :, None]
    if unread.any():
        yield "steps hidden", whole.masked_fill(unread, 0)
        yield "steps hidden", whole.masked_fill(unread, 1 / S)
    yield "padding has weight", whole
    yield "after the softmax", whole * mask
    yield "score of 0", _shares(scores * mask, lambda b, t, s: True)
    yield "inverted", _shares(scores, lambda b, t, s: s >= L[b])
    yield "one too many", _shares(scores, lambda b, t, s: s <= L[b])
    yield "one too few", _shares(scores, lambda b, t, s: s < L[b] - 1)
    yield "wrong end", _shares(scores, lambda b, t, s: s >= S - L[b])
    yield "lengths swapped", _shares(scores, lambda b, t, s: s < size[b])
    if B == T:
        yield "another row's length", _shares(scores, lambda b, t, s: s < L[t])
    for axis, name in ((1, "over the steps"), (0, "over the batch")):
        for hidden in (-math.inf, -1e9):
            yield name, exact.masked_fill(~mask, hidden).softmax(axis)
        yield name, exact.softmax(axis) * mask
    for divisor in (S, T, B):
        yield "scaled again", _shares(scores / divisor**0.5, _within(source))


def _two(probe: Probe, case: _Map) -> tuple[Tensor, Tensor]:
    """Both results, their shapes looked at."""
    B, T, S = case.scores.shape
    came = probe.call(probe.answer, *case)
    probe.need(came is not None, "nothing")
    if not (isinstance(came, (tuple, list)) and len(came) == 2):
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        probe.wrong("not two", kind=kind)
    weights, moves = came
    if isinstance(weights, Tensor) and isinstance(moves, Tensor) and weights.ndim < moves.ndim == 3:
        probe.wrong("other order")
    probe.shape(weights, B=B, T=T, S=S)
    return weights, probe.shape(moves, B=B)


def _read(weights: Tensor, case: _Map) -> Tensor:
    """Weights of the steps that are really written; nan elsewhere can't matter."""
    written = torch.arange(weights.shape[1]) < case.target[:, None]
    return weights.double().masked_fill(~written[:, :, None], 0)


def _weights_match(probe: Probe, case: _Map, named: bool = True) -> Tensor:
    """Compare the weights; the moves that came with them."""
    weights, moves = _two(probe, case)
    right, came = _shares(case.scores, _within(case.source)), _read(weights, case)
    if named and not probe.close(came, _read(right, case)):
        blank = came.isnan()
        for mistake, made in _suspects(case):
            made = _read(made, case)
            probe.need(not probe.close(came.masked_fill(blank, 0), made.masked_fill(blank, 0)), mistake)
    probe.values(came, _read(right, case))
    padding = torch.arange(case.scores.shape[2]) >= case.source[:, None]
    probe.need(not came[padding[:, None].expand_as(came)].any(), "not low enough")
    return moves


@A.part("形状：权重 (B, T, S)，次数 (B,)", "shapes: weights (B, T, S), moves (B,)")
def _a_shape(probe: Probe) -> None:
    for B, T, S in ((3, 5, 4), (1, 4, 6), (2, 1, 3), (4, 3, 1)):
        _, moves = _two(probe, _map(probe, B, T, S))
        probe.need(moves.dtype != torch.bool, "whether")
        probe.need(not moves.is_floating_point(), "not whole", came=moves.dtype)


@A.part("权重：只分给真正的词", "weights: for real words only")
def _a_weights(probe: Probe) -> None:
    for B, T, S in ((5, 7, 6), (1, 3, 8), (4, 4, 4), (6, 6, 5)):
        _weights_match(probe, _map(probe, B, T, S))


def _raised(probe: Probe, real: Tensor | float, padding: float) -> _Map:
    """Scores moved: of all by real, those of padding by so much besides."""
    case = _map(probe, 4, 3, 5)
    hidden = (torch.arange(5) >= case.source[:, None])[:, None]
    return case._replace(scores=case.scores + real + padding * hidden)


@A.part("很大的得分，正的、负的", "large scores, positive and negative")
def _a_large(probe: Probe) -> None:
    signs = 1 - 2 * (torch.arange(4)[:, None, None] + torch.arange(3)[:, None]).remainder(2)
    for real, padding, not_finite in (
        (400.0, 0.0, "overflow"),
        (-400.0, 0.0, "every exp 0"),
        (400.0 * signs, 0.0, "every exp 0"),
        (0.0, 600.0, "padding took all"),
        (0.0, 1e30, "padding took all"),
    ):
        case = _raised(probe, real, padding)
        came = _read(_two(probe, case)[0], case)
        right = _read(_shares(case.scores, _within(case.source)), case)
        if probe.close(came, right, 1e-3):
            continue
        probe.need(bool(came.isfinite().all()), not_finite)
        leaks = came.masked_fill(right > 0, 0).sum(dim=2) > 1e-3
        probe.need(not leaks.any(), "still heard" if padding else "not low enough")
        empty = (came.sum(dim=2) < 1e-3) & (right.sum(dim=2) > 0)
        probe.need(not empty.any(), "padding took all" if padding else "every exp 0")
        probe.wrong("heard in silence" if padding else "cut off")


@A.part("梯度到得了 scores，填充那里是 0", "gradients reach scores, and are 0 at padding")
def _a_gradient(probe: Probe) -> None:
    case = _map(probe, 3, 4, 5)
    written = torch.arange(4) < case.target[:, None]
    weights = probe.normal(3, 4, 5) * written[:, :, None]
    found = probe.grad(probe.answer, *case, weights=weights, pick=(0,), wrt=(0,))["inputs"][0]
    a = _shares(case.scores, _within(case.source))
    right = a * (weights - (a * weights).sum(dim=2, keepdim=True))
    probe.need(isinstance(found, Tensor) and probe.close(found, right, 1e-4), "gradient")


def _moves(places: list[int]) -> int:
    """How often a list goes down."""
    return sum(now < before for before, now in itertools.pairwise(places))


def _looks(case: _Map) -> Tensor:
    """Where the largest weight is, (B, T)."""
    return _shares(case.scores, _within(case.source)).argmax(dim=2)


@A.part("回头的次数", "how often it looks back")
def _a_moves(probe: Probe) -> None:
    cases = [_map(probe, B, T, S) for B, T, S in ((60, 8, 5), (5, 5, 4), (1, 6, 4), (3, 1, 3), (2, 2, 1))]
    came = [_weights_match(probe, case) for case in cases]
    places = [_looks(case).tolist() for case in cases]
    ends = [case.target.tolist() for case in cases]
    steps = [case.scores.shape[1] for case in cases]

    def counted(of: Callable[[list[int]], int], reach: Callable[[int, int], int]) -> list[list[int]]:
        return [
            [of(row[: reach(end, T)]) for row, end in zip(rows, lengths)]
            for rows, lengths, T in zip(places, ends, steps)
        ]

    def to(end: int, T: int) -> int:
        return end

    given = [one.tolist() for one in came]
    expected = counted(_moves, to)
    if given == expected:
        return
    unmasked = [case.scores.argmax(dim=2).tolist() for case in cases]
    swapped = [case.source.tolist() for case in cases]
    mistakes = {
        "one step beyond / to 0": [
            [_moves([*row[:end], 0][:T]) for row, end in zip(rows, lengths)]
            for rows, lengths, T in zip(places, ends, steps)
        ],
        "whether": counted(lambda row: int(_moves(row) > 0), to),
        "answer's padding counted": counted(_moves, lambda end, T: T),
        "one step beyond": counted(_moves, lambda end, T: end + 1),
        "one step short": counted(_moves, lambda end, T: max(end - 1, 0)),
        "one step short / the first": counted(lambda row: _moves(row[1:]), to),
        "to the right": counted(lambda row: _moves(row[::-1]), to),
        "staying counts": counted(lambda row: len(row) - 1 - _moves(row[::-1]), to),
        "how far": counted(lambda row: sum(max(a - b, 0) for a, b in itertools.pairwise(row)), to),
        "lengths swapped": [
            [_moves(row[:end]) for row, end in zip(rows, lengths)] for rows, lengths in zip(places, swapped)
        ],
        "peak in the padding": [
            [_moves(row[:end]) for row, end in zip(rows, lengths)] for rows, lengths in zip(unmasked, ends)
        ],
    }
    for mistake, made in mistakes.items():
        probe.need(given != made, mistake)
    for rows, one, right, lengths in zip(places, given, expected, ends):
        for b, (row, n, wanted, end) in enumerate(zip(rows, one, right, lengths)):
            if n != wanted:
                peaks = ", ".join(map(str, row[:end]))
                probe.wrong("moves", b=b, peaks=peaks, expected=wanted, came=n)


# ---------- 14b ----------
B = Task(
    "14b",
    "是没搜到，还是想错了",
    "Was it the search, or the network?",
    level="core",
    minutes=25,
    device="cpu",
    trains=(
        "从零写束搜索：写完的和没写完的怎样一起排队；再用对数概率断定错在搜索还是模型",
        "beam search from scratch, with finished and unfinished answers ranked together; then log-probabilities that tell "
        "search errors from model errors",
    ),
    hints={
        "not three": (
            "应该返回三样东西，(tokens, log_p, verdict)；实际得到 {kind}。",
            "Three things are expected, (tokens, log_p, verdict); you returned a {kind}.",
        ),
        "not tokens": (
            "第一样应该是一列词元的编号，0 到 {last}；实际得到 {came}。",
            "First comes a list of token indices, 0 to {last}; you returned {came}.",
        ),
        "not a log-probability": (
            "第二样应该是一个数，不大于 0；实际得到 {came}。",
            "Second comes one number that isn't above 0; you returned {came}.",
        ),
        "not a verdict": (
            '第三样应该是 "right"、"search"、"model" 三个词之一；实际得到 {came}。',
            'Third comes one of the words "right", "search", "model"; you returned {came}.',
        ),
        "writes on": (
            "写了 <end> 还在往后写：{tokens}，<end> 是 {end}。写完的答案留着原样，不再加词元。",
            "It keeps writing after <end>: {tokens}, where <end> is {end}. A finished answer stays as it is, with nothing "
            "added.",
        ),
        "shared list": (
            "T = {T}，却得到 {tokens}，一步里接的各种词元都在上面：几个半成品是不是共用一个列表？append 改的就是那一个；要另做一个新的。",
            "T = {T}, and you returned {tokens}, with all the continuations of a step in a row. Do several candidates share "
            "one list? append changes it for all of them; make a new one for each.",
        ),
        "end dropped": (
            "写完的答案少了最后的 <end>：{tokens}。<end> 也是答案的一个词元，也有它的概率。",
            "The finished answer has lost its <end>: {tokens}. <end> is one of its tokens, with a probability of its own.",
        ),
        "too long": (
            "T = {T}，写出了 {came} 个词元。",
            "With T = {T}, {came} tokens were written.",
        ),
        "too short": (
            "T = {T}，只写了 {came} 个词元就停了，最后一个又不是 <end>：{tokens}。",
            "With T = {T} it stopped at length {came}, though its last token isn't <end>: {tokens}.",
        ),
        "mean": (
            "得到的是平均每个词元的对数概率；一个答案的对数概率，是各个词元的相加。",
            "You returned the mean log-probability per token; that of an answer is the sum over its tokens.",
        ),
        "a probability": (
            "得到的是概率；要的是它的对数。",
            "You returned the probability; its logarithm is wanted.",
        ),
        "end for free": (
            "最后那个 <end> 的对数概率没有加进去：在这里停下，也是一次选择。",
            "The log-probability of the final <end> isn't in the sum: stopping here is a choice, too.",
        ),
        "pays after the end": (
            "得到的对数概率比这个答案的低：写完以后，每一步还在往上加。<end> 之后什么也没有写，也就不再加。",
            "The log-probability you returned is lower than that of the answer: after its end, every further step was still "
            "added. Nothing is written after <end>, so nothing is added.",
        ),
        "log_p of another": (
            "词元与数对不上：照网络的说法，{tokens} 的对数概率是 {expected:.3f}，得到的是 {came:.3f}。",
            "Tokens and number don't belong together: by the network, {tokens} has log-probability {expected:.3f}; you "
            "returned {came:.3f}.",
        ),
        "greedy": (
            "束再宽，也只找到贪心的答案。一开始只有一个空的半成品，不是 K 个一样的；以后每一步要留下 K 个不同的。",
            "However wide the beam, it finds what greedy search finds. It begins with a single empty candidate, not K of "
            "the same; after that, each step has to keep K different ones.",
        ),
        "each its own best": (
            "第一步留了 K 个，以后各走各的：每个只接自己最好的一个词元。第二步起，所有的接法要放在一起比。",
            "The first step keeps K, and from then on each goes its own way with its own best token. From the second step "
            "on, all continuations have to be compared together.",
        ),
        "everything kept": (
            "留下的比 K 个多：找到的答案更好，可是 K = {K} 的束走不到那里。每一步从所有的接法里一共留 K 个。",
            "More than K were kept: your answer is better, but a beam with K = {K} doesn't get there. Out of all "
            "continuations, each step keeps K in total.",
        ),
        "another width": (
            "每一步留下的个数差一个：应该正好是 K 个。",
            "The number kept at each step is off by one: it should be K exactly.",
        ),
        "finished lost": (
            "写完的答案丢了：一写 <end> 就出了束，最后没有它的份。",
            "Finished answers get lost: once they have written <end> they are out of the beam, and have no part in the end.",
        ),
        "finished set aside": (
            "写完的被放到一边，束里又留了 K 个没写完的：这样一共比 K 个多。写完的也占束里的一个位置。",
            "Finished answers were set aside, and the beam kept K unfinished ones besides: that's more than K in all. A "
            "finished answer takes one of the K places.",
        ),
        "finished for good": (
            "写完的答案再也不会被挤掉：它占一个位置，可是后来的更好时，位置要让出来。",
            "Finished answers can't be pushed out any more. They hold a place, but have to give it up when others are better.",
        ),
        "stopped at the first end": (
            "有一个写完就停了；没写完的也许比它更可能，要接着走。",
            "It stopped when one answer was finished. Unfinished ones may be more probable than that, so go on.",
        ),
        "finished first": (
            "最后只在写完的里面挑；到 T 步还没写完的，只要概率更大，也该选它。",
            "At the end only finished answers were considered. One that's cut off at T wins if it is more probable.",
        ),
        "ranked by mean": (
            "排名用的是平均每个词元的对数概率；这里按总和排，不除以长度。",
            "They were ranked by log-probability per token; here it's the sum that ranks, not divided by length.",
        ),
        "last step only": (
            "排名只看了最后加上的那个词元；要看整个半成品的对数概率。",
            "Only the token added last decided the ranking; what counts is the log-probability of the whole candidate.",
        ),
        "probabilities added": (
            "概率加起来了；概率是连乘，相加的是对数。",
            "Probabilities were added up. They multiply; it's their logarithms that add up.",
        ),
        "least probable": (
            "留下的是最不可能的几个：次序反了。",
            "The least probable ones were kept: the order is reversed.",
        ),
        "search": (
            "K = {K}，T = {T}：应该找到 {expected}（对数概率 {better:.3f}），得到的是 {tokens}（{came:.3f}）。",
            "With K = {K} and T = {T}, the beam finds {expected} (log-probability {better:.3f}); you returned {tokens} "
            "({came:.3f}).",
        ),
        "verdicts swapped": (
            "search 和 model 用反了：正确答案的概率更大却没有写出来，是谁的错？",
            "search and model are swapped. If the right answer is more probable and wasn't found, whose fault is it?",
        ),
        "never right": (
            "写对了，也说成了错：先看两个答案是不是一样。（列表和元组，内容相同也不相等。）",
            "A right answer was called wrong: look first whether the two are the same. (A list never equals a tuple, whatever "
            "they hold.)",
        ),
        "always the search": (
            "只要没写对，就怪搜索：正确答案在网络眼里的概率也许更小，那样就算搜遍所有答案，也轮不到它。",
            "Whenever the answer is wrong you blame the search. But the network may find the right one less probable, and "
            "then a search through all answers wouldn't choose it.",
        ),
        "always the model": (
            "只要没写对，就怪模型：正确答案在网络眼里的概率也许更大，只是没有搜到。",
            "Whenever the answer is wrong you blame the model. But the network may find the right one more probable, and the "
            "search missed it.",
        ),
        "only the beginning": (
            "在第 T 步截断的答案，只是正确答案的开头，也说成了 right：要一个不差，长短也要一样。（zip 到短的那个为止。）",
            "An answer cut off at T is just the beginning of the right one, and it was called right. Token for token means "
            "equally long, too. (zip stops with the shorter one.)",
        ),
        "all but the last": (
            "和正确答案只差最后一个词元，也说成了 right：最后一个也要一样，<end> 也算。",
            "An answer that differs from the right one in its last token alone was called right. The last has to be the "
            "same, too, and <end> counts.",
        ),
        "right cut short": (
            "正确答案的对数概率只加了前面一段：right 可以比 T 长，也可以比找到的答案长，要一直加到它自己的末尾。",
            "The log-probability of the right answer covers just its first tokens. right can be longer than T, or than the "
            "answer found: go on to its own end.",
        ),
        "longer than T": (
            "right 比 T 长的时候，不论概率大小，说的都是同一个词；也要看概率。",
            "Wherever right is longer than T the verdict is the same, whatever the probabilities. They decide there, too.",
        ),
        "right without its end": (
            "正确答案的对数概率里少了最后的 <end>。",
            "The log-probability of the right answer lacks its final <end>.",
        ),
        "right read otherwise": (
            "正确答案的对数概率不对：每个词元的那一份，要让网络恰好读过它前面的全部词元，不多也不少。",
            "The log-probability of the right answer is off: for each token's share, let the network read exactly the tokens "
            "before it, all of them and no more.",
        ),
        "verdict by mean": (
            "比的是平均每个词元的对数概率；两个答案长短不同，要比总和。",
            "What's compared is log-probability per token. The two answers differ in length; compare the sums.",
        ),
        "verdict": (
            "找到的 {tokens} 对数概率是 {found:.3f}，正确答案 {right} 是 {true:.3f}，该说 {expected}，得到的是 {came}。",
            "What was found, {tokens}, has log-probability {found:.3f}, and the right answer {right} has {true:.3f}. That's "
            "{expected}; you returned {came}.",
        ),
    },
)
VERDICTS = ("right", "search", "model")
NETWORK = """
class Network:
    def __init__(self, levels):
        self.levels = levels

    def __call__(self, prefix):
        prefix, V = [int(token) for token in prefix], self.levels[0].shape[1]
        level, row = min(len(prefix), len(self.levels) - 1), 0
        for token in prefix[len(prefix) - level :]:
            row = row * V + token
        return self.levels[level][row].clone()
"""
Text = tuple[int, ...]
NEAR = 1e-3  # log-probabilities closer than this are no test; float32 is good to a millionth


class _Network:
    """What a network says to each prefix: levels[t] (V**t, V), log-probabilities after t tokens.

    Where the first token misleads, it's the likeliest one, and what follows it is less sure than all else.
    """

    def __init__(self, probe: Probe, V: int, T: int, ends: float, misleads: bool = False) -> None:
        self.V, self.T, self.end = V, T, probe.size(0, V - 1)
        self.levels: list[Tensor] = []
        self.known: dict[Text, float] = {(): 0.0}
        never = (self.end + 1) % V  # impossible after a third of the prefixes
        for t in range(T + 1):
            logits = 1.5 * probe.normal(V**t, V)
            logits[:, self.end] += ends
            if misleads and t > 0:
                logits *= 2
            if misleads and t == 1:
                logits[self.levels[0].argmax()] /= 10
            logits[probe.normal(V**t) > 0.43, never] = -math.inf
            self.levels.append(logits.log_softmax(dim=1))
        self.rows = [level.tolist() for level in self.levels]

    def gain(self, text: Text) -> float:
        """Log-probability of the last token."""
        level = min(len(text) - 1, self.T)
        row = sum(token * self.V**i for i, token in enumerate(reversed(text[len(text) - 1 - level : -1])))
        return self.rows[level][row][text[-1]]

    def log_p(self, text: Text) -> float:
        if text not in self.known:
            self.known[text] = self.log_p(text[:-1]) + self.gain(text)
        return self.known[text]

    def is_over(self, text: Text) -> bool:
        return self.end in text

    def grown(self, text: Text) -> list[Text]:
        return [(*text, token) for token in range(self.V)]

    def answers(self, longer: int = 0) -> list[Text]:
        """All texts that end, of at most T tokens or so many more."""
        others = [token for token in range(self.V) if token != self.end]
        lengths = range(self.T + longer)
        return [(*text, self.end) for t in lengths for text in itertools.product(others, repeat=t)]


def _best(texts: list[Text], score: Callable[[Text], float], K: int) -> list[Text]:
    return sorted(texts, key=score, reverse=True)[:K]


def _is_clear(net: _Network, texts: list[Text], K: int) -> bool:
    """Whether the first and the first K are ahead by more than rounding."""
    scores = [net.log_p(text) for text in _best(texts, net.log_p, len(texts))]
    pairs = [pair for i in {1, K} for pair in zip(scores[i - 1 : i], scores[i : i + 1])]
    return all(a - b > NEAR for a, b in pairs if b > -math.inf)


def _beam(net: _Network, K: int, score: Callable[[Text], float] | None = None) -> list[Text] | None:
    """The K texts left in the end; None where that hangs on rounding."""
    beam: list[Text] = [()]
    for _ in range(net.T):
        texts = [new for text in beam for new in ([text] if net.is_over(text) else net.grown(text))]
        if score is None and not _is_clear(net, texts, K):
            return None
        beam = _best(texts, score or net.log_p, K)
    return beam


def _apart(net: _Network, K: int, way: str) -> Text:
    """A search that takes finished texts out of the beam."""
    beam, done, places = [()], [], K
    for _ in range(net.T):
        texts = [new for text in beam for new in net.grown(text)]
        if way in ("every end", "no end"):
            done += [text for text in texts if net.is_over(text)]
            texts = [text for text in texts if not net.is_over(text)]
        best = _best(texts, net.log_p, 2 * K if way == "twice as many" else places)
        done = [] if way == "lost" else done
        done += [text for text in best if net.is_over(text)]
        beam = [text for text in best if not net.is_over(text)][:K]
        places = K - len(done) if way == "for good" else K
        if not beam or places <= 0 or (done and way == "first end"):
            break
    left = {"first end": done or beam, "lost": beam or done, "no end": beam}.get(way, done + beam)
    return _best(left, net.log_p, 1)[0]


def _each(net: _Network, K: int, of_each: int) -> Text:
    """K texts from the first step, and so many continuations of each from then on."""
    beam = _best(net.grown(()), net.log_p, K)
    for _ in range(net.T - 1):
        longer = ([text] if net.is_over(text) else net.grown(text) for text in beam)
        beam = [text for texts in longer for text in _best(texts, net.log_p, of_each)]
    return _best(beam, net.log_p, 1)[0]


def _twisted(net: _Network, K: int) -> Iterator[tuple[str, Callable[[], Text]]]:
    """What known mistakes find."""

    def ranked(score: Callable[[Text], float]) -> Callable[[], Text]:
        return lambda: _beam(net, K, score)[0]

    def finished_first() -> Text:
        beam = _beam(net, K, net.log_p)
        return next(iter(filter(net.is_over, beam)), beam[0])

    def per_token(text: Text) -> float:
        return net.log_p(text) / len(text)

    yield "greedy", lambda: _beam(net, 1, net.log_p)[0]
    yield "each its own best", lambda: _each(net, K, 1)
    yield "everything kept", lambda: _each(net, K, K)
    for width in (K + 1, max(K - 1, 1)):
        yield "another width", lambda width=width: _beam(net, width, net.log_p)[0]
    yield "everything kept", lambda: _beam(net, net.V**net.T, net.log_p)[0]
    for way in ("lost", "no end"):
        yield "finished lost", lambda way=way: _apart(net, K, way)
    for way in ("every end", "twice as many", ""):
        yield "finished set aside", lambda way=way: _apart(net, K, way)
    yield "finished for good", lambda: _apart(net, K, "for good")
    yield "stopped at the first end", lambda: _apart(net, K, "first end")
    yield "finished first", finished_first
    yield "ranked by mean", ranked(per_token)
    yield "ranked by mean", lambda: _best(_beam(net, K, net.log_p), per_token, 1)[0]
    yield "last step only", ranked(net.gain)
    yield (
        "probabilities added",
        ranked(lambda text: sum(math.exp(net.gain(text[: t + 1])) for t in range(len(text)))),
    )
    yield "least probable", ranked(lambda text: -net.log_p(text))


def _tokens(value: Any) -> Text | None:
    """A list, tuple or tensor (n,) of whole numbers."""
    value = value.tolist() if isinstance(value, Tensor) else value
    if not isinstance(value, (list, tuple)):
        return None
    numbers = [number_in(one) for one in value]
    return None if any(n is None or n != int(n) for n in numbers) else tuple(int(n) for n in numbers)


def _said(value: Any) -> str:
    """Something that came, in a hint."""
    if isinstance(value, (Ref, Opaque)):
        return value.kind
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}" if value.numel() != 1 else f"{value.item():.4g}"
    return repr(value) if len(repr(value)) <= 40 else type(value).__name__


def _listed(text: Text) -> str:
    return f"[{', '.join(map(str, text))}]"


def _same(came: float, exact: float) -> bool:
    return came == exact or abs(came - exact) < NEAR


def _asked(probe: Probe, net: _Network, K: int, right: Text) -> tuple[Text, str]:
    """What was found and the verdict; that they are what they should be was looked at."""
    network = probe.define(NETWORK, "Network", net.levels)
    came = probe.call(probe.answer, network, K, net.T, net.end, list(right))
    probe.need(came is not None, "nothing")
    if not (isinstance(came, (tuple, list)) and len(came) == 3):
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        probe.wrong("not three", kind=kind)
    text, log_p, verdict = _tokens(came[0]), number_in(came[1]), came[2]
    is_text = text is not None and all(0 <= token < net.V for token in text)
    probe.need(is_text, "not tokens", last=net.V - 1, came=_said(came[0]))
    seen = {"tokens": _listed(text), "came": len(text), "T": net.T}
    if text[: net.V] == tuple(range(net.V)):
        first = [net.log_p((token,)) for token in range(net.V)]
        one = log_p is not None and not _same(log_p, net.log_p(text)) and any(_same(log_p, p) for p in first)
        probe.need(len(text) <= net.T and not (len(text) == net.V and one), "shared list", **seen)
    probe.need(net.end not in text[:-1], "writes on", end=net.end, **seen)
    probe.need(len(text) <= net.T, "too long", **seen)
    is_number = log_p is not None and not math.isnan(log_p)
    if not (net.is_over(text) or len(text) == net.T):
        whole = is_number and _same(log_p, net.log_p((*text, net.end)))
        probe.wrong("end dropped" if whole else "too short", **seen)
    exact = net.log_p(text)
    if not (is_number and _same(log_p, exact)):
        if is_number:
            _other_number(probe, net, text, log_p)
        probe.need(is_number and log_p <= 0, "not a log-probability", came=_said(came[1]))
        probe.wrong("log_p of another", tokens=_listed(text), expected=exact, came=log_p)
    probe.need(verdict in VERDICTS, "not a verdict", came=_said(verdict))
    return text, verdict


def _other_number(probe: Probe, net: _Network, text: Text, came: float) -> None:
    """The hint to a number that isn't the text's log-probability, where it is known how it is made."""
    exact = net.log_p(text)
    probe.need(not (text and _same(came, exact / len(text))), "mean")
    probe.need(not _same(came, math.exp(exact)), "a probability")
    if not net.is_over(text):
        return
    probe.need(not _same(came, net.log_p(text[:-1])), "end for free")
    for n in range(1, net.T - len(text) + 1):
        for more in itertools.product(range(net.V), repeat=n):
            probe.need(not _same(came, net.log_p(text + more)), "pays after the end")
        again = net.gain((*text, net.end))
        probe.need(not _same(came, exact + n * again), "pays after the end")


def _question(probe: Probe, V: int, T: int, ends: float, *widths: int, misleads: bool = False) -> _Network:
    """A network for which these widths have a clear answer."""
    while True:
        net = _Network(probe, V, T, ends, misleads)
        if all(_beam(net, K) for K in widths):
            return net


def _searched(probe: Probe, *cases: tuple[_Network, int]) -> None:
    """Compare what is found with what should be, in all cases before anything is said."""
    found = [_asked(probe, net, K, net.answers()[-1])[0] for net, K in cases]
    expected = [_beam(net, K)[0] for net, K in cases]
    if found == expected:
        return
    (net, K), text, best = next(one for one in zip(cases, found, expected) if one[1] != one[2])
    first = {"K": K, "T": net.T, "better": net.log_p(best), "came": net.log_p(text)}
    first |= {"expected": _listed(best), "tokens": _listed(text)}
    ways = [list(_twisted(net, K)) for net, K in cases]
    for made in zip(*ways):
        probe.need(not all(find() == text for (_, find), text in zip(made, found)), made[0][0], **first)
    probe.wrong("search", **first)


@B.part("三样东西，彼此对得上", "three things that belong together")
def _b_three(probe: Probe) -> None:
    for V, T, ends, K in ((3, 4, 1.0, 2), (4, 3, 0.0, 3), (3, 4, 3.0, 2), (3, 3, -3.0, 2), (4, 1, 0.0, 2)):
        for _ in range(3):
            net = _question(probe, V, T, ends, K)
            _asked(probe, net, K, net.answers()[-1])


@B.part("K = 1：贪心", "K = 1: greedy search")
def _b_greedy(probe: Probe) -> None:
    shapes = ((3, 4, 0.5), (4, 4, 0.0), (3, 4, -1.0), (3, 3, -2.0), (4, 1, 0.0))
    cases = [(_question(probe, *shape, 1), 1) for shape in shapes * 2]
    _searched(probe, *_telling(probe, cases, draws=60, most=1))


def _telling(
    probe: Probe, cases: list[tuple[_Network, int]], draws: int, most: int
) -> list[tuple[_Network, int]]:
    """The cases and more, until each known mistake finds something else than the others and the right search do."""

    def found(net: _Network, K: int) -> list[tuple[str, Text]]:
        return [("", _beam(net, K)[0]), *((name, find()) for name, find in _twisted(net, K))]

    def split(texts: list[tuple[str, Text]]) -> set[tuple[int, int]]:
        pairs = itertools.combinations(enumerate(texts), 2)
        return {(i, j) for (i, a), (j, b) in pairs if a[0] == b[0] or a[1] != b[1]}

    told = set().union(*(split(found(*case)) for case in cases))
    everything = len(found(*cases[0])) * (len(found(*cases[0])) - 1) // 2
    for _ in range(draws):
        if len(told) == everything:
            break
        K = 3 if most == 3 and probe.size(1, 4) == 4 else min(most, 2)
        net = _question(probe, 4, 4, 0.0, K)
        case, best = (net, K), _beam(net, K)[0]
        others = (_beam(net, width, net.log_p)[0] for width in (1, net.V**net.T))
        if all(other == best for other in others):
            continue
        new = split(found(*case)) - told
        if new:
            told |= new
            cases = [*cases, case]
    return cases


@B.part("K = 2、3：每一步一共留 K 个", "K = 2, 3: each step keeps K in all")
def _b_beam(probe: Probe) -> None:
    shapes = ((3, 4, 0.0), (3, 4, 1.0), (4, 3, 1.0), (4, 4, -1.0))
    cases = [(_question(probe, *shape, K), K) for shape in shapes * 2 for K in (2, 3)]
    _searched(probe, *_telling(probe, cases, draws=400, most=3))


@B.part("K 大到什么都留得下：概率最大的答案", "K large enough to keep everything: the most probable answer")
def _b_wide(probe: Probe) -> None:
    shapes = ((3, 4, 0.0), (4, 3, 0.0), (3, 3, -2.0), (3, 2, 0.0))
    _searched(probe, *((_question(probe, V, T, ends, V**T), V**T) for V, T, ends in shapes * 3))


def _read_by(net: _Network, right: Text, start: int, late: int) -> float:
    """Log P of the right answer, each token after another stretch than all before it; start -1: after the last."""
    starts = [max(t - 1, 0) if start < 0 else start for t in range(len(right))]
    return sum(net.gain((*right[starts[t] : t + late], token)) for t, token in enumerate(right))


MISJUDGED: dict[str, Callable[[_Network, Text, Text], float]] = {  # above 0: taken for an error of the search
    "": lambda net, right, text: net.log_p(right) - net.log_p(text),
    "verdicts swapped": lambda net, right, text: net.log_p(text) - net.log_p(right),
    "always the search": lambda net, right, text: 1,
    "always the model": lambda net, right, text: -1,
    "right without its end": lambda net, right, text: net.log_p(right[:-1]) - net.log_p(text),
    "right cut short": lambda net, right, text: net.log_p(right[: net.T]) - net.log_p(text),
    "right cut short / with the other": lambda net, right, text: (
        net.log_p(right[: len(text)]) - net.log_p(text)
    ),
    "longer than T": lambda net, right, text: _unless_longer(net, right, text, 1),
    "longer than T / the model": lambda net, right, text: _unless_longer(net, right, text, -1),
    "right read otherwise": lambda net, right, text: _read_by(net, right, 1, 0) - net.log_p(text),
    "right read otherwise / one late": lambda net, right, text: _read_by(net, right, 0, 1) - net.log_p(text),
    "right read otherwise / the last": lambda net, right, text: _read_by(net, right, -1, 0) - net.log_p(text),
    "verdict by mean": lambda net, right, text: net.log_p(right) / len(right) - net.log_p(text) / len(text),
}


TAKEN_FOR_RIGHT: dict[str, Callable[[Text, Text], bool]] = {
    "only the beginning": lambda right, text: text == right[: len(text)],
    "all but the last": lambda right, text: text[:-1] == right[:-1],
}
MISTAKES = (*MISJUDGED, *TAKEN_FOR_RIGHT)


def _unless_longer(net: _Network, right: Text, text: Text, ahead: float) -> float:
    return ahead if len(right) > net.T else net.log_p(right) - net.log_p(text)


def _verdict(net: _Network, right: Text, text: Text, mistake: str = "") -> str:
    """What is said by one who makes this mistake; "" where that hangs on rounding."""
    if text == right or TAKEN_FOR_RIGHT.get(mistake, tuple.__eq__)(right, text):
        return "right"
    ahead = MISJUDGED.get(mistake, MISJUDGED[""])(net, right, text)
    return "" if abs(ahead) < NEAR else VERDICTS[1 if ahead > 0 else 2]


def _judged(probe: Probe) -> list[tuple[_Network, int, Text]]:
    """Questions about which no two of the mistakes say the same; two of each kind."""
    cases: list[tuple[_Network, int, Text]] = []
    seen: Counter[tuple] = Counter()
    told: set[tuple[int, int]] = set()
    missed, plain = 6, 4  # so many where the search misses a better answer, so many where it doesn't
    everything = len(MISTAKES) * (len(MISTAKES) - 1) // 2
    while missed or plain or len(told) < everything:
        T = 4 if missed or plain else probe.size(2, 3)
        net = _question(probe, 4, T, 0.0, 1, misleads=T < 4)
        text, answers = _beam(net, 1)[0], net.answers(4 - T)
        if T == 4:
            is_missed = any(net.log_p(right) > net.log_p(text) + 0.01 for right in answers)
            if not (missed if is_missed else plain):
                continue
            missed, plain = missed - is_missed, plain - (not is_missed)
        for i in torch.randperm(len(answers), generator=probe.generator).tolist():
            right = answers[i]
            if text != right and abs(net.log_p(text) - net.log_p(right)) < 0.01:
                continue
            verdicts = [_verdict(net, right, text, mistake) for mistake in MISTAKES]
            pairs = itertools.combinations(enumerate(verdicts), 2)
            new = {(i, j) for (i, a), (j, b) in pairs if a and b and a != b} - told
            sign = (*verdicts, len(right) > len(text), len(right) < len(text))
            if new or (T == 4 and seen[sign] < 2):
                seen[sign] += 1
                told |= new
                cases.append((net, 1, right))
    return cases


@B.part("谁的错：right、search、model", "whose fault: right, search, model")
def _b_verdict(probe: Probe) -> None:
    cases = _judged(probe)
    answers = [_asked(probe, *case) for case in cases]
    given = [verdict for _, verdict in answers]

    def by(mistake: str) -> list[str]:
        return [_verdict(net, right, text, mistake) for (net, _, right), (text, _) in zip(cases, answers)]

    def is_by(mistake: str) -> bool:
        return all(said in ("", verdict) for said, verdict in zip(by(mistake), given))

    expected = by("")
    if given == expected:
        return
    pairs = list(zip(given, expected))
    others = all(one == wanted for one, wanted in pairs if wanted != "right")
    probe.need(not (others and ("right", "right") not in pairs), "never right")
    for mistake in MISTAKES:
        probe.need(not is_by(mistake), mistake)
    place = next(i for i, (one, wanted) in enumerate(pairs) if one != wanted)
    (net, _, right), (text, verdict) = cases[place], answers[place]
    numbers = {"found": net.log_p(text), "true": net.log_p(right)}
    words = {"tokens": _listed(text), "right": _listed(right), "expected": expected[place], "came": verdict}
    probe.wrong("verdict", **words, **numbers)
