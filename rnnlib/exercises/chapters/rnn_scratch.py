"""Chapter 3: an RNN from scratch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task

# ---------- 3a ----------
GENERATE = Task(
    "3a",
    "几行一起续写",
    "Several rows written at once",
    level="core",
    minutes=15,
    device="cpu",
    trains=(
        "预热与续写在哪里交接：谁读、读几次、状态交给谁",
        "where warm-up hands over to continuation: what is read, how often, and where the state goes",
    ),
    hints={
        "values": (
            "从第 {place} 列（从 0 数起）起就不对。拿 T = 2、n = 2 在纸上走一遍：每次 step 读哪个词元，用哪个状态？",
            "It goes wrong at column {place}, counting from 0. Walk through T = 2, n = 2 on paper: at each call, which "
            "token does step read, and which state?",
        ),
        "no warm-up": (
            "续写时，模型只知道前缀的最后一个词元：前面的没有读。",
            "When it starts to write, the model knows only the last token of the prefix: those before weren't read.",
        ),
        "warm-up thrown away": (
            "前缀读过了，续写却又从 None 的状态开始：预热得到的状态丢了。",
            "The prefix was read, but the continuation starts from state None again: the state of the warm-up is gone.",
        ),
        "last token twice": (
            "前缀的最后一个词元读了两遍：预热读过一遍，续写开头又读一遍。",
            "The last token of the prefix is read twice: once in the warm-up, and again when the continuation starts.",
        ),
        "last token never read": (
            "前缀的最后一个词元从来没有读：第一个新词元，是由读到倒数第二个时的 logits 挑的。",
            "The last token of the prefix is never read: the first new token is picked from the logits that came after "
            "the one before it.",
        ),
        "first token lost": (
            "写出的第一个词元丢了：它送回去当了输入，却没有记下来。",
            "The first token that was written is lost: it was fed back in, but never kept.",
        ),
        "prefix among the written": (
            "结果的第 0 列是前缀的最后一个词元；只要新写的 n 个。",
            "Column 0 of the result is the last token of the prefix; only the n new ones are wanted.",
        ),
        "prefix included": (
            "前缀也在结果里；只要新写的 n 个。",
            "The prefix is in the result, too; only the n new tokens are wanted.",
        ),
        "one token too many": (
            "写了 n + 1 个，多了最后一个。",
            "That's n + 1 tokens, one too many at the end.",
        ),
        "state reset": (
            "续写的每一步都从 None 的状态开始：模型每次只看得见一个词元。",
            "Every step of the continuation starts from state None: the model only ever sees one token.",
        ),
        "state frozen": (
            "续写时，状态一直是预热结束时的那个：step 还回来的新状态没有用上。",
            "While it writes, the state stays what it was after the warm-up: the new state that step returns isn't used.",
        ),
        "same input": (
            "续写的每一步读的都是前缀的最后一个词元：写出来的没有送回去。",
            "Every step of the continuation reads the last token of the prefix: what was written isn't fed back in.",
        ),
        "wrong axis": (
            "沿 B 那条轴取了最大：问的是“哪一行最大”，应该问“哪个词元最大”。这里 B = V，所以没有报错。",
            "The maximum was taken along B: that asks which row is largest, where it should ask which token. Here "
            "B = V, so no error gave it away.",
        ),
        "rows mixed": (
            "词元都对，行却混在一起了：一步一步叠出来的是 (n, B)，光用 reshape 改成 (B, n)，数的次序不变。叠的时候就沿第 1 维叠。",
            "All tokens are right, but a plain reshape mixes the rows: stacking the steps gives (n, B), and reading that "
            "off as (B, n) leaves the numbers in their old order. Stack along axis 1.",
        ),
        "drawn": (
            "同样的输入，两次写得不一样：词元是抽出来的，这里要的是贪心搜索。",
            "The same input is continued in two ways: the tokens are drawn at random; greedy search is asked for.",
        ),
        "one step too many": (
            "写得对，可是 step 调用了 {calls} 次，多了一次：最后写出的那个词元不用再读。",
            "The tokens are right, but step was called {calls} times, once too often: the last token written needn't be "
            "read.",
        ),
        "too many steps": (
            "写得对，可是 step 调用了 {calls} 次，应该是 {right} 次：读过的，都已经在状态里了。",
            "The tokens are right, but step was called {calls} times where {right} do: what has been read is in the "
            "state already.",
        ),
    },
)
# Each state depends on all that was read, and the same reading always leads to the same state; no rounding
STEP = """
class Step:
    def __init__(self, table, num_rows):
        self.table, self.num_rows, self.calls = table, num_rows, 0

    def __call__(self, token, state):
        self.calls += 1
        shape = tuple(token.shape) if isinstance(token, torch.Tensor) else type(token).__name__
        if shape != (self.num_rows,):
            raise ValueError(f"step: token must have the shape (B,) = ({self.num_rows},); it is {shape}")
        state = torch.ones_like(token) if state is None else state
        state = (31 * state + token + 7) % len(self.table)
        return self.table[state], state

    def count(self):
        return self.calls
"""
STATES = 1009


def _step(table: Tensor, token: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    before = 1 if state is None else state
    state = (31 * before + token + 7) % STATES
    return table[state], state


def _written(
    table: Tensor, prefix: Tensor, n: int, way: str = "", pick: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """The n tokens after a prefix; ``way`` names a mistake."""
    if way == "last token never read":
        prefix = prefix[:, :-1]
    token, state, found = prefix[:, -1], None, []
    if way != "no warm-up":
        for column in prefix.T[: len(prefix.T) if way == "last token twice" else -1]:
            _, state = _step(table, column, state)
    for _ in range(n):
        logits, after = _step(table, token, None if way == "state reset" else state)
        chosen = pick(logits) if pick else logits.topk(1, dim=1).indices[:, 0]
        found.append(chosen)
        state = state if way == "state frozen" else after
        token = token if way == "same input" else chosen
    return torch.stack(found, dim=1)


def _generated(probe: Probe, B: int, T: int, n: int, V: int) -> int:
    """Call the answer, compare what it wrote; the number of steps that it took."""
    table, prefix = probe.normal(STATES, V), probe.integers(0, V, B, T)
    step = probe.define(STEP, "Step", table, B)
    came = probe.call(probe.answer, step, prefix, n)
    calls = probe.call(step, method="count")
    right, after = _written(table, prefix, n), _written(table, prefix, n + 1)
    if isinstance(came, Tensor) and came.ndim == 2 and T > 1:
        if torch.equal(came, after):
            probe.wrong("one token too many")
        for old in (prefix, prefix[:, -1:]):
            if any(torch.equal(came, torch.cat([old, new], dim=1)) for new in (right, after)):
                probe.wrong("prefix included" if old is prefix else "prefix among the written")
    came = probe.shape(came, B=B, n=n)
    probe.need(not came.is_floating_point(), "dtype", expected="torch.int64", came=came.dtype)
    if torch.equal(came, right):
        return calls
    mistakes = {way: _written(table, prefix, n, way) for way in ("state reset", "state frozen", "same input")}
    mistakes["last token twice"] = _written(table, prefix, n, "last token twice")
    mistakes["rows mixed"] = right.T.reshape(B, n)
    mistakes["first token lost"] = after[:, 1:]
    mistakes["prefix among the written"] = torch.cat([prefix[:, -1:], right[:, :-1]], dim=1)
    if torch.equal(came, _written(table, prefix, n, "no warm-up")):
        probe.wrong("no warm-up" if calls <= n else "warm-up thrown away")
    if V == B:
        mistakes["wrong axis"] = _written(table, prefix, n, pick=lambda logits: logits.argmax(dim=0))
    if T > 1:
        mistakes["last token never read"] = _written(table, prefix, n, "last token never read")
    for mistake, wrong in mistakes.items():
        if torch.equal(came, wrong):
            probe.wrong(mistake)
    again = probe.call(probe.answer, probe.define(STEP, "Step", table, B), prefix, n)
    probe.need(isinstance(again, Tensor) and torch.equal(again, came), "drawn")
    probe.wrong("values", place=int((came != right).any(dim=0).nonzero()[0]))


@GENERATE.part(
    "形状与数值：前缀是 (B, T)，结果 (B, n)", "shape and values: the prefix is (B, T), the result (B, n)"
)
def _generate_values(probe: Probe) -> None:
    for B, T, n, V in ((6, 4, 9, 6), (3, 5, 8, 11), (7, 2, 6, 28), (2, 9, 7, 5)):
        _generated(probe, B, T, n, V)


@GENERATE.part("B = 1，T = 1，n = 1", "B = 1, T = 1, n = 1")
def _generate_edges(probe: Probe) -> None:
    for B, T, n in ((1, 5, 8), (4, 1, 7), (3, 6, 1), (1, 1, 1)):
        _generated(probe, B, T, n, 13)


@GENERATE.part("step 调用 T + n - 1 次", "step is called T + n - 1 times")
def _generate_calls(probe: Probe) -> None:
    for B, T, n in ((3, 6, 4), (2, 1, 5), (2, 4, 1)):
        calls = _generated(probe, B, T, n, 13)
        probe.need(calls != T + n, "one step too many", calls=calls)
        probe.need(calls == T + n - 1, "too many steps", calls=calls, right=T + n - 1)


# ---------- 3b ----------
STORY = """
the old clock in the hall has stopped again and nobody knows why the cat sits
under it and waits for the mouse that used to live inside grandfather says the
mouse has gone to sea with the hands of the clock as oars my sister thinks that
it just moved to the kitchen where the bread is we wind the clock every sunday
and it runs until the next rain then it stops and the cat looks up as if to
say that time is not something one can keep in a box so we leave the door open
and let the hours go where they like quietly
"""
STOPS = Task(
    "3b",
    "权重全零，困惑度停在哪里",
    "All weights zero: where perplexity levels off",
    level="warm-up",
    minutes=8,
    trains=(
        "只有一个偏置能学到什么；训练之前先算出该停在哪里",
        "what a bias can learn on its own; working out where a run should level off before you run it",
    ),
    hints={
        "values": (
            "{came:.5g} 不对。先问：只靠 b_q，每一步给出的概率最好是多少？再问：用这些概率，-log P 的平均是多少？",
            "{came:.5g} isn't right. First: with b_q alone, which probabilities are best at every step? Then: with these, "
            "what is the mean of -log P?",
        ),
        "V": (
            "这是 V，各字符等概率时的困惑度，训练还没开始；b_q 学得到的比这多。",
            "That's V, the perplexity with all characters equally probable, before training has begun; b_q can learn more than that.",
        ),
        "used characters": (
            "这是用到的字符种数：只知道有哪些字符，还不知道哪些常见。",
            "That's the number of characters in use: it knows which ones there are, but not how common they are.",
        ),
        "bits": (
            "这是以 2 为底的熵，单位是比特；困惑度不是熵本身。",
            "That's the entropy to base 2, in bits; perplexity isn't the entropy itself.",
        ),
        "entropy": (
            "这是熵，也就是损失停下来的地方；问的是困惑度。",
            "That's the entropy, which is where the loss levels off; the question is about perplexity.",
        ),
        "sign": (
            "这是困惑度的倒数，比 1 小：负号丢了。",
            "That's 1 over the perplexity, and below 1: a minus sign went missing.",
        ),
        "two bases": (
            "取对数和还原用了两个底，一个是 2，一个是 e。",
            "The logarithm and the way back have different bases: one is 2, the other e.",
        ),
        "largest share": (
            "这是最常见的字符占的份额，也就是总猜空格能猜中几成；困惑度看的是给每个字符的概率。",
            "That's the share of the most frequent character, how often you'd be right by always guessing a space; "
            "perplexity looks at the probability given to every character.",
        ),
        "one over the largest share": (
            "这是最常见的字符的份额的倒数：只有下一个字符是空格时，才是这个意外程度。",
            "That's 1 over the share of the most frequent character: the surprise would be that only if every next "
            "character were a space.",
        ),
        "mean of probabilities": (
            "先对概率求了平均，再取倒数。困惑度里，求平均的是 -log P。",
            "The probabilities were averaged, then inverted. In a perplexity, it's -log P that is averaged.",
        ),
        "one vote per kind": (
            "每种字符各算了一票；常见的字符出现得多，在平均里的分量也要大。",
            "Every kind of character got one vote; a common one comes up more often and weighs more in the mean.",
        ),
        "no spaces": (
            "空格没有算进去；它也是一种字符，而且最常见。",
            "The spaces are left out; a space is a character as well, and the most frequent one.",
        ),
        "another text": (
            "这是正文里那段《时间机器》的数；story 是另一段文字，次数不同，词表也不同。",
            "That's the number for the chapter's stretch of The Time Machine; story is another text, with other counts "
            "and another vocabulary.",
        ),
        "pairs": (
            "这是看着前一个字符来猜的困惑度；权重全零时，前一个字符传不到输出。",
            "That's the perplexity of guessing from the previous character; with all weights zero, that character never "
            "reaches the output.",
        ),
    },
)
# Measured: V = 27, H = 16, SGD with clipping at 1, 120 epochs, 12 seeds in each of five settings of B, T, rate
# and sampling: training perplexity of the last epoch 15.41 to 15.95, median 15.60 to 15.77 (standard deviation
# at most 0.16; no epoch reads all of the text); on the whole text afterwards 15.85 to 15.95. From the frequencies: 15.80
STOPS_TOLERANCE = 0.4


def _entropy(counts: Counter[str]) -> float:
    """Of the frequencies, in nats, as the logarithm of a weighted geometric mean."""
    N = counts.total()
    return math.log(N) - sum(n * math.log(n) for n in counts.values()) / N


@STOPS.part("困惑度，误差不超过 0.4", "the perplexity, to within 0.4")
def _stops(probe: Probe) -> None:
    text = " ".join(STORY.split())
    counts, N = Counter(text), len(text)
    nats, most = _entropy(counts), max(counts.values())
    letters = Counter(text.replace(" ", ""))
    after: dict[str, Counter[str]] = {}
    for before, now in zip(text, text[1:]):
        after.setdefault(before, Counter())[now] += 1
    mistakes = {
        "V": len(counts) + 1,
        "used characters": len(counts),
        "bits": nats / math.log(2),
        "entropy": nats,
        "sign": math.exp(-nats),
        "two bases": 2**nats,
        "two bases / e": math.exp(nats / math.log(2)),
        "largest share": most / N,
        "largest share / percent": 100 * most / N,
        "one over the largest share": N / most,
        "mean of probabilities": N * N / sum(n * n for n in counts.values()),
        "one vote per kind": math.exp(sum(math.log(N / n) for n in counts.values()) / len(counts)),
        "no spaces": math.exp(_entropy(letters)),
        "pairs": math.exp(sum(one.total() * _entropy(one) for one in after.values()) / (N - 1)),
    }
    came = probe.number()
    if abs(came - math.exp(nats)) <= STOPS_TOLERANCE:
        return
    for mistake, wrong in mistakes.items():
        if math.isclose(came, wrong, rel_tol=0.01):
            probe.wrong(mistake)
    probe.need(
        not 17.38 <= came <= 17.75, "another text"
    )  # 17.4, its unigram, and 17.7, where a run of it stops
    probe.wrong("values", came=came)
