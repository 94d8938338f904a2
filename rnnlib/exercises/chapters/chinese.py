"""Chapter 6: Chinese text, and sampling."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

# ---------- 6a ----------
E6A = Task(
    "6a",
    "换了词元，怎样比困惑度",
    "Perplexity when the tokens differ",
    level="warm-up",
    minutes=6,
    trains=(
        "一段文字的总损失不变，变的是分给多少个单位",
        "a text has one total loss; only the number of units that share it changes",
    ),
    device="cpu",
    hints={
        "divided": (
            "困惑度直接乘除了个数之比。个数之比该作用在每个词元的损失上，不是作用在困惑度上。",
            "The perplexity itself was multiplied by a ratio of counts. The ratio belongs to the loss per token, not "
            "to the perplexity.",
        ),
        "inverted": (
            "比值倒过来了。一个词若有两个字，每个字分到的损失应该更少，困惑度也更低。",
            "The ratio is upside down. If a word has two characters, each of them gets less of the loss, and a lower "
            "perplexity.",
        ),
        "loss": (
            "这是每个字的平均损失，还没有变回困惑度。",
            "That's the mean loss per character; it hasn't been turned back into a perplexity.",
        ),
        "no logarithm": (
            "困惑度被当成了损失：先要从困惑度退回每个词元的平均损失。",
            "The perplexity was taken for a loss. First go back from it to the mean loss per token.",
        ),
        "two bases": (
            "对数和指数的底不一样：一边是 2，一边是 e。",
            "Logarithm and exponential have different bases: 2 on one side, e on the other.",
        ),
        "integer division": (
            "个数之比取了整（//）：词元比字少的时候，比值成了 0，结果成了 1。",
            "The ratio of the counts was cut to a whole number (//): with fewer tokens than characters it becomes 0, and "
            "the result 1.",
        ),
        "one token": (
            "结果太接近 1：整段文字的字数用上了，词元的个数没有用上。",
            "That's too close to 1: the number of characters is in it, the number of tokens isn't.",
        ),
        "overflow": (
            "结果是无穷大：整段文字的概率倒数太大，浮点数装不下。先求比值，就不会经过那个大数。",
            "The result is infinite: one over the probability of the whole text is too large for a float. Take the "
            "ratio first, and you never meet that number.",
        ),
        "values": (
            "数不对，相对误差 {gap:.3g}。先在纸上算：总损失是多少？每个字分到多少？",
            "The number's off, with a relative error of {gap:.3g}. On paper first: what's the total loss, and how much of it does each "
            "character get?",
        ),
    },
)


def _6a(perplexity: float, tokens: float, characters: float) -> float:
    return math.exp(math.fsum([math.log(perplexity) / characters] * int(tokens)))


def _6a_mistakes(p: float, n: float, c: float) -> dict[str, float]:
    return {
        "divided": p * n / c,
        "divided / inverted": p * c / n,
        "inverted": p ** (c / n),
        "loss": math.log(p) * n / c,
        "no logarithm": math.exp(p * n / c),
        "two bases": math.exp(math.log2(p) * n / c),
        "two bases / the other way": 2 ** (math.log(p) * n / c),
        "one token": p ** (1 / c),
    }


def _6a_compare(probe: Probe, given: Tensor, cases: list[tuple[float, int, int]]) -> None:
    right = torch.tensor([_6a(*case) for case in cases], dtype=torch.float64)
    if (given == math.inf).any():
        probe.wrong("overflow")
    whole = torch.tensor([p ** (n // c) for p, n, c in cases], dtype=torch.float64)
    if probe.close(given.double() / whole, torch.ones_like(whole), 1e-6) and not probe.close(
        whole, right, 1e-4
    ):
        probe.wrong("integer division")
    found = [_6a_mistakes(*case) for case in cases]
    mistakes = {name: torch.tensor([one[name] for one in found]).double() / right for name in found[0]}
    probe.values(given.double() / right, torch.ones_like(right), mistakes, tolerance=1e-4)


def _6a_number(probe: Probe, *case: Any) -> Tensor:
    came = probe.call(probe.answer, *case)
    probe.need(came is not None, "nothing")
    if isinstance(came, Tensor) and came.numel() == 1:
        came = came.item()
    if isinstance(came, bool) or not isinstance(came, (int, float)):
        probe.wrong(
            "not a number at all", kind=came.kind if isinstance(came, Opaque) else type(came).__name__
        )
    return torch.tensor([came], dtype=torch.float64)


def _6a_case(probe: Probe, fewer: bool) -> tuple[float, int, int]:
    characters = probe.size(3_000, 9_000)
    share = probe.size(30, 80) / 100 if fewer else probe.size(130, 300) / 100
    return float(probe.size(20, 90)) + 0.5, round(characters * share), characters


@E6A.part("数：词元比字少", "numbers: fewer tokens than characters")
def _6a_words(probe: Probe) -> None:
    for _ in range(3):
        case = _6a_case(probe, fewer=True)
        _6a_compare(probe, _6a_number(probe, *case), [case])


@E6A.part("数：词元比字多，或者一样多", "numbers: more tokens than characters, or as many")
def _6a_bytes(probe: Probe) -> None:
    for _ in range(2):
        perplexity, tokens, characters = _6a_case(probe, fewer=False)
        case = (perplexity / 20 + 1, tokens, characters)
        _6a_compare(probe, _6a_number(probe, *case), [case])
    same = (12.5, 4_000, 4_000)
    _6a_compare(probe, _6a_number(probe, *same), [same])


@E6A.part("张量：几个模型一起算", "tensors: several models at once")
def _6a_tensors(probe: Probe) -> None:
    for M in (4, 1):
        cases = [
            (_6a_case(probe, bool(i % 2))[0] / 20 + 1, probe.size(2_000, 9_000), 5_000) for i in range(M)
        ]
        perplexities, tokens = (torch.tensor([case[i] for case in cases]).float() for i in (0, 1))
        came = probe.call(probe.answer, perplexities, tokens, 5_000)
        _6a_compare(probe, probe.shape(came, M=M), cases)


# ---------- 6b ----------
E6B = Task(
    "6b",
    "抽一个字，有的字不许抽到",
    "Draw a character, but never these",
    level="core",
    minutes=12,
    trains=(
        "温度、不许出现的词元和随机种子，放在一个函数里",
        "temperature, forbidden tokens and a seed in one function",
    ),
    device="cpu",
    hints={
        "forbidden at 0": (
            "温度是 0 的时候，不许出现的词元照样出来了：取最大之前，它们也要挡住。",
            "At temperature 0 forbidden tokens come out all the same: they have to be kept out before the maximum is "
            "taken, too.",
        ),
        "taken out too late": (
            "挡得太晚：不许出现的词元的 logit 比别的高几百，softmax 先把概率全给了它；再把它拿走，剩下的全是 0。",
            "Taken out too late: the logit of a forbidden token is hundreds above the others, so the softmax gave it all "
            "the probability before it was taken out, and only zeros are left.",
        ),
        "one of several": (
            "forbidden 里有 {n} 个编号，挡住的只有编号 {kept}。",
            "There are {n} indices in forbidden, but only index {kept} is kept out.",
        ),
        "shortened row": (
            "这是在缩短了的一行里的位置：去掉不许出现的列之后，编号挪了位，还要换回原来的。",
            "These are places in the shortened row: with the forbidden columns dropped, indices have moved, and they need "
            "to be mapped back.",
        ),
        "logit set to 0": (
            "不许出现的词元得到的 logit 是 0。0 不是“没有”：别的 logits 若是负的，它反而最大。logit 该是多少，概率才是 0？",
            "Forbidden tokens got the logit 0. That isn't “nothing”: among negative logits, it's the largest. Which "
            "logit makes the probability 0?",
        ),
        "forbidden drawn": (
            "不许出现的词元被抽到了，例如编号 {token}。",
            "A forbidden token was drawn, for instance index {token}.",
        ),
        "values and indices": (
            "得到的是两样：给了 dim 的 max 返回最大的数和它们的下标。要的只是下标：用 argmax。",
            "Two things came: max with a dim gives the largest values and their indices. Only the indices are wanted; take "
            "argmax.",
        ),
        "not the likeliest": (
            "温度是 0，取的却不是允许的词元里概率最大的。",
            "At temperature 0 that isn't the likeliest of the allowed tokens.",
        ),
        "outside": (
            "抽到了 {token}，编号只有 0 到 {last}：不许出现的那份概率，还留着空位吗？",
            "{token} was drawn, but the indices end at {last}: does the share of the forbidden tokens still leave a gap?",
        ),
        "below 0": (
            "结果里有 {token}，编号是从 0 到 {last}。",
            "{token} came out; indices go from 0 to {last}.",
        ),
        "not in proportion": (
            "不许出现的词元那份概率，全归了一个词元（编号 {token}）；应该按比例分给所有允许的。",
            "The share of the forbidden tokens all went to one token (index {token}); the allowed ones should share "
            "it in proportion.",
        ),
        "multiplied": (
            "温度用反了：温度高应该更平，这里更尖了。",
            "The temperature works the wrong way round: a high one should level the probabilities, here it sharpens "
            "them.",
        ),
        "no temperature": (
            "温度没有起作用。它该作用在 logits 上；概率各除以同一个数，比例不变。",
            "The temperature has no effect. It belongs to the logits; if all probabilities are divided by one number, "
            "their proportions stay.",
        ),
        "softmax twice": (
            "概率被当成 logits，又做了一次 softmax，几乎拉平了。",
            "Probabilities were taken for logits and went through a second softmax, which nearly levels them.",
        ),
        "uniform": (
            "允许的词元各抽了一样多：logits 没有用上。",
            "All allowed tokens were drawn equally often: the logits aren't used.",
        ),
        "always the likeliest": (
            "温度不是 0，出来的却总是概率最大的：没有抽。",
            "The temperature isn't 0, but the likeliest token comes out every time: nothing is drawn.",
        ),
        "one draw for all": (
            "logits 相同的各行，抽到的总是一样：每一行要各抽各的，不能共用一次抽签。",
            "Rows with the same logits always get the same token: each row needs a draw of its own, not a share in one.",
        ),
        "another row": (
            "每一行都照同一行的 logits 抽：看看沿哪一维做 softmax、从哪几行抽。",
            "All rows were drawn by the logits of the same row: check the axis of the softmax, and which rows you draw "
            "from.",
        ),
        "over the batch": (
            "抽到的次数像是沿样本那一维做的 softmax：每一行的 V 个概率，加起来应该是 1。",
            "The counts look like a softmax over the batch: it's the V probabilities of a row that should sum to 1.",
        ),
        "another temperature": (
            "抽到的次数像是温度约为 {fit:.2f}，不是 {tau}：logits 除以的正好是 temperature 吗？",
            "The counts look like a temperature of about {fit:.2f}, not {tau}: do you divide the logits by exactly "
            "temperature?",
        ),
        "frequencies": (
            "次数不对：编号 {token} 的词元应该约占 {expected:.3f}，{n:,} 次里实际占 {came:.3f}。",
            "Wrong frequencies: token {token} should have a share of about {expected:.3f}; in {n:,} draws it has "
            "{came:.3f}.",
        ),
        "generator ignored": (
            "同一个种子的两个 generator，抽出来的不同：抽的时候没有用它。",
            "Two generators with one seed gave different draws: the drawing doesn't use them.",
        ),
        "seed fixed": (
            "种子不同，抽出来的却一样：函数里是不是自己定了种子？",
            "Different seeds gave the same draws: does the function set a seed of its own?",
        ),
        "starts anew": (
            "同一个 generator 连用两次，抽出来的完全一样：它应该接着往下走，函数里不要重设种子。",
            "One generator, used twice in a row, gave the very same draws: it should go on from where it was, so don't "
            "reset its seed.",
        ),
        "not low enough": (
            "别的 logits 在 −400 上下的时候，不许出现的词元出来了：代替它的那个数不够低。",
            "With the other logits near −400, a forbidden token came out: the number in its place isn't low enough.",
        ),
        "not low enough when hot": (
            "温度是 {tau} 的时候，不许出现的词元出来了：代替它的那个数也除以了温度，就不够低了。",
            "At temperature {tau} a forbidden token came out: the number in its place is divided by the temperature, too, "
            "and then it isn't low enough.",
        ),
        "overflow": (
            "logits 到了几百，抽到的就不对了：自己写的 exp 会溢出。",
            "With logits in the hundreds the draws are wrong: an exp of your own overflows.",
        ),
        "one maximum for all": (
            "一行的 logits 在正几百、另一行在负几百的时候，抽到的就不对了：取 exp 之前减去的最大值，是哪一行的？",
            "With one row of logits at several hundred and another at minus several hundred, it goes wrong: the maximum "
            "that you subtract before the exp, whose is it?",
        ),
        "changed its input": (
            "你的代码改动了传进来的 logits；下一步还要用它，先复制一份。",
            "Your code changes the logits that it is given, and they may be needed again: copy them first.",
        ),
    },
)
MAKE_GENERATOR = """
def make(seed):
    return torch.Generator().manual_seed(seed)
"""
DRAWS = 8_000  # of each of two rows
# A right answer's share of a token stays within 7 standard deviations: beyond is less likely than 1e-8 (the
# Chernoff bound, binomial with a mean of 130 or more), and a check looks at 16 shares.
DEVIATIONS = 7.0


def _generator(probe: Probe, seed: int) -> Ref:
    return probe.define(MAKE_GENERATOR, "make", seed)


def _draw(probe: Probe, logits: Tensor, temperature: float, forbidden: list[int], generator: Ref) -> Tensor:
    """What comes out, (B,) int64; tokens outside 0..V-1 are replied to."""
    B, V = logits.shape
    came = probe.call(probe.answer, logits, temperature, forbidden, generator)
    if temperature == 0 and isinstance(came, tuple) and len(came) == 2:
        probe.wrong("values and indices")
    came = probe.shape(came, B=B)
    dtype = str(came.dtype).removeprefix("torch.")
    probe.need(dtype == "int64", "dtype", expected="int64", came=dtype)
    wild = came[(came < 0) | (came >= V)]
    if len(wild) and int(wild.min()) < 0:
        probe.wrong("below 0", token=int(wild.min()), last=V - 1)
    if len(wild):
        probe.wrong("outside", token=int(wild[0]), last=V - 1)
    return came


def _without(logits: Tensor, forbidden: list[int], low: float = -math.inf) -> Tensor:
    columns = [torch.full_like(c, low) if i in forbidden else c for i, c in enumerate(logits.unbind(1))]
    return torch.stack(columns, 1)


def _forbid(
    probe: Probe, came: Tensor, forbidden: list[int], mistake: str = "forbidden drawn", tau: float = 1.0
) -> None:
    for token in forbidden:
        probe.need(not (came == token).any(), mistake, token=token, tau=f"{tau:g}")


@E6B.part("形状：logits 是 (B, V)，结果 (B,)，int64", "shape: logits are (B, V), the result is (B,), int64")
def _6b_shape(probe: Probe) -> None:
    generator = _generator(probe, probe.size(1, 10**6))
    for B, V in ((5, 7), (1, 4), (3, 2)):
        _draw(probe, probe.normal(B, V), 1.0, [0], generator)


@E6B.part("温度 0：允许的里面最大的", "temperature 0: the likeliest of the allowed")
def _6b_zero(probe: Probe) -> None:
    generator = _generator(probe, probe.size(1, 10**6))
    for temperature in (0, 0.0):
        logits, forbidden = 2 * probe.normal(60, 6), [probe.size(0, 2), probe.size(3, 5)]
        for row in (0, 59, *range(2, 50, 3)):
            logits[row, forbidden[row % 2]] += 9
        came = _draw(probe, logits, temperature, forbidden, generator)
        right = _without(logits, forbidden).argmax(dim=1)
        if torch.equal(came, right):
            continue
        if torch.equal(came, logits.argmax(dim=1)):
            probe.wrong("forbidden at 0")
        if torch.equal(came, _without(logits, forbidden, 0.0).argmax(dim=1)):
            probe.wrong("logit set to 0")
        for kept in forbidden:
            if torch.equal(came, _without(logits, [kept]).argmax(dim=1)):
                probe.wrong("one of several", n=len(forbidden), kept=kept)
        if torch.equal(came, _shortened(logits, forbidden).argmax(dim=1)):
            probe.wrong("shortened row")
        _forbid(probe, came, forbidden, "forbidden at 0")
        probe.wrong("not the likeliest")
    logits, forbidden = _lopsided(probe)
    came = _draw_lopsided(probe, logits, 0, forbidden, generator)
    _forbid(probe, came, forbidden, "not low enough")
    probe.need(torch.equal(came, _without(logits, forbidden).argmax(dim=1)), "taken out too late")


def _shortened(logits: Tensor, forbidden: list[int]) -> Tensor:
    """The columns that are allowed, side by side."""
    return torch.stack([c for i, c in enumerate(logits.unbind(1)) if i not in forbidden], 1)


def _lopsided(probe: Probe) -> tuple[Tensor, list[int]]:
    """Logits (20, 7) with a forbidden one hundreds above the others, and one of these 60 above the rest."""
    forbidden = [probe.size(1, 2), probe.size(3, 6)]  # not the first: that is the largest of zeros
    allowed = [i for i in range(7) if i not in forbidden]
    logits = probe.normal(20, 7) - 400
    logits[torch.arange(20), torch.tensor(allowed)[probe.integers(0, 5, 20)]] += 60
    logits[:, forbidden] = 500.0  # further above than the exponent of a float64 reaches
    return logits, forbidden


def _draw_lopsided(
    probe: Probe, logits: Tensor, temperature: float, forbidden: list[int], generator: Ref
) -> Tensor:
    try:
        return _draw(probe, logits, temperature, forbidden, generator)
    except Crashed as crashed:
        if "multinomial" in crashed.said or "probability tensor" in crashed.said:
            probe.wrong("taken out too late")
        raise


def _shares(logits: Tensor) -> Tensor:
    return torch.softmax(logits.double(), dim=-1)


def _agree(counted: Tensor, shares: Tensor, deviations: float = DEVIATIONS) -> bool:
    """Whether shares among DRAWS draws are within the deviations that chance explains."""
    allowed = deviations * (shares * (1 - shares) / DRAWS).sqrt() + 1e-9
    return bool(((counted - shares).abs() <= allowed).all())


def _6b_case(probe: Probe, V: int = 6) -> tuple[Tensor, list[int]]:
    """Logits of two rows (2, V), and two forbidden tokens, both likely."""
    sizes = torch.tensor([[1.4, 0.9, 0.0, -0.5, 1.2, 0.7], [-0.7, 0.2, 1.3, 0.9, 1.1, 0.8]])
    order = torch.randperm(V, generator=probe.generator)
    logits = sizes[:, order] + 0.1 * probe.normal(2, V)
    place = {int(old): new for new, old in enumerate(order)}
    return logits, [place[4], place[5]]


def _6b_wrong(probe: Probe, counted: Tensor, logits: Tensor, tau: float, forbidden: list[int]) -> None:
    """Reply to shares (2, V) that a known mistake makes."""
    allowed = _without(logits, forbidden)
    hypotheses = {
        "forbidden drawn": _shares(logits / tau),
        "forbidden drawn / no temperature": _shares(logits),
        "logit set to 0": _shares(_without(logits, forbidden, 0.0) / tau),
        "multiplied": _shares(allowed * tau),
        "no temperature": _shares(allowed),
        "softmax twice": _shares(_without(_shares(allowed / tau).float(), forbidden)),
        "softmax twice / divided between": _shares(_without(_shares(allowed).float(), forbidden) / tau),
        "another row": _shares(allowed / tau)[[0, 0]],
        "another row / last": _shares(allowed / tau)[[1, 1]],
    }
    unnormalized = {
        "uniform": allowed.isfinite().double(),
        "over the batch": torch.softmax(allowed.double() / tau, dim=0).nan_to_num(0.0),
    }
    short = _shares(_shortened(logits, forbidden) / tau)
    hypotheses["shortened row"] = torch.nn.functional.pad(short, (0, len(forbidden)))
    hypotheses |= {f"one of several / {one}": _shares(_without(logits, [one]) / tau) for one in forbidden}
    hypotheses |= {name: P / P.sum(dim=1, keepdim=True) for name, P in unnormalized.items()}
    for mistake, shares in hypotheses.items():
        if _agree(counted, shares):
            kept = mistake.split(" / ")[-1]
            probe.wrong(mistake, token=forbidden[0], n=len(forbidden), kept=kept)
    for token in range(logits.shape[1]):  # the share of the forbidden went to one token
        shares = _shares(logits / tau)
        left = shares[:, forbidden].sum(dim=1)
        shares[:, forbidden] = 0
        shares[:, token] += left
        if _agree(counted, shares):
            probe.wrong("not in proportion", token=token)


def _same_temperature(counted: Tensor, logits: Tensor, tau: float, forbidden: list[int]) -> bool:
    """Whether the mean of the drawn logits, which a temperature shows best, is within what chance explains."""
    shares = _shares(_without(logits, forbidden) / tau)
    z = _without(logits, forbidden, 0.0).double()
    mean = (shares * z).sum(dim=1)
    variance = (shares * z**2).sum(dim=1) - mean**2
    off = ((counted * z).sum(dim=1) - mean).sum()
    return bool(off.abs() <= 5.5 * (variance.sum() / DRAWS).sqrt())


def _fitted(counted: Tensor, logits: Tensor, forbidden: list[int]) -> float:
    """The temperature whose mean logit is that of the draws, by halving an interval."""
    z = _without(logits, forbidden, 0.0).double()
    came = (counted * z).sum()
    low, high = 0.02, 50.0
    for _ in range(60):
        tau = (low * high) ** 0.5
        hotter = (_shares(_without(logits, forbidden) / tau) * z).sum() > came
        low, high = (tau, high) if hotter else (low, tau)
    return (low * high) ** 0.5


def _is_greedy(probe: Probe, tau: float) -> bool:
    """Whether the likeliest comes out on other inputs as well, with other seeds."""
    for _ in range(10):
        logits, forbidden = _6b_case(probe)
        came = _draw(probe, logits, tau, forbidden, _generator(probe, probe.size(1, 10**6)))
        if not torch.equal(came, _without(logits, forbidden).argmax(dim=1)):
            return False
    return True


@E6B.part("抽到的次数", "how often each token is drawn")
def _6b_frequencies(probe: Probe) -> None:
    for tau in (0.6, 3.0):
        logits, forbidden = _6b_case(probe)
        rows = logits.repeat(DRAWS, 1)  # row 0, row 1, row 0, ...
        came = _draw(probe, rows, tau, forbidden, _generator(probe, probe.size(1, 10**6))).view(DRAWS, 2)
        V = logits.shape[1]
        counted = torch.stack([came[:, i].bincount(minlength=V) for i in (0, 1)]).double() / DRAWS
        shares = _shares(_without(logits, forbidden) / tau)
        agrees = _agree(counted, shares)
        if agrees and _same_temperature(counted, logits, tau, forbidden):
            continue
        if bool((counted.max(dim=1).values == 1).all()):
            probe.wrong("always the likeliest" if _is_greedy(probe, tau) else "one draw for all")
        if not agrees:
            _6b_wrong(probe, counted, logits, tau, forbidden)
        rare = float(counted[:, forbidden].sum()) < 0.02
        _forbid(
            probe, came, forbidden, "not low enough when hot" if rare and tau > 1 else "forbidden drawn", tau
        )
        fit = _fitted(counted, logits, forbidden)
        if _agree(counted, _shares(_without(logits, forbidden) / fit), 4.5):
            probe.wrong("another temperature", fit=fit, tau=tau)
        row, token = divmod(int((counted - shares).abs().argmax()), V)
        expected, share = float(shares[row, token]), float(counted[row, token])
        probe.wrong("frequencies", token=token, expected=expected, came=share, n=DRAWS)


@E6B.part("generator：同一个种子，同样的字", "the generator: same seed, same draws")
def _6b_generator(probe: Probe) -> None:
    logits, seed = 0.1 * probe.normal(200, 8), probe.size(1, 10**6)
    first = _generator(probe, seed)
    one, after = (_draw(probe, logits, 1.0, [0], first) for _ in range(2))
    again, other = (_draw(probe, logits, 1.0, [0], _generator(probe, s)) for s in (seed, seed + 1))
    probe.need(torch.equal(one, again), "generator ignored")
    probe.need(not torch.equal(one, other), "seed fixed")
    probe.need(not torch.equal(one, after), "starts anew")


def _6b_far_apart(probe: Probe, generator: Ref) -> None:
    """Rows at 300 and at -300 in one batch."""
    winner = probe.integers(3, 7, 20)
    logits = probe.normal(20, 7)
    logits[torch.arange(20), winner] += 60
    logits[::2] += 300
    logits[1::2] -= 300
    try:
        came = _draw(probe, logits, 1.0, [2], generator)
    except Crashed as crashed:
        if "probability" in crashed.said or "multinomial" in crashed.said:
            probe.wrong("one maximum for all")
        raise
    probe.need(torch.equal(came, winner), "one maximum for all")


@E6B.part(
    "很大和很小的 logits，很高的温度，什么都不禁",
    "very large and very small logits, high temperatures, nothing forbidden",
)
def _6b_extreme(probe: Probe) -> None:
    generator = _generator(probe, probe.size(1, 10**6))
    for level, forbidden in ((400.0, [2]), (-400.0, [2]), (400.0, [])):
        winner = probe.integers(3, 7, 20)  # by 60, so that another is drawn once in e^60
        logits = level + probe.normal(20, 7)
        logits[torch.arange(20), winner] += 60
        came = _draw(probe, logits, 1.0, forbidden, generator)
        if level < 0:
            _forbid(probe, came, forbidden, "not low enough")
        probe.need(torch.equal(came, winner), "overflow")
    _6b_far_apart(probe, generator)
    logits, forbidden = _lopsided(probe)
    came = _draw_lopsided(probe, logits, 1.0, forbidden, generator)
    probe.need(torch.equal(came, _without(logits, forbidden).argmax(dim=1)), "taken out too late")
    for tau in (10.0, 200.0):
        came = _draw(probe, probe.normal(3_000, 7), tau, [1, 4], generator)
        _forbid(probe, came, [1, 4], "not low enough when hot", tau)
