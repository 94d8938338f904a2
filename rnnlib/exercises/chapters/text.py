"""Chapter 1: text and counting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque

UNK = "<unk>"

# ---------- 1a ----------
VOCABULARY = Task(
    "1a",
    "造一个词表",
    "Build a vocabulary",
    level="core",
    minutes=10,
    trains=(
        "数词元，按两个条件排序，少见的并入 <unk>",
        "counting tokens, sorting by two keys, leaving the rare ones to <unk>",
    ),
    hints={
        "values": (
            "得到 {came}，应该有 {n} 项，从第 {place} 项（从 0 数起）开始不对。拿一句短话在纸上排一遍。",
            "You got {came}; there should be {n} entries, and they go wrong at entry {place}, counting from 0. "
            "Try a short sentence on paper.",
        ),
        "the result, not the function": (
            "交函数本身，不要交它的结果：写函数的名字，后面不带括号。",
            "Hand in the function, not its result: its name, without parentheses.",
        ),
        "not a list": (
            "应该得到一个列表，实际得到 {kind}。",
            "A list is expected; what came is a {kind}.",
        ),
        "pairs": (
            "列表里是（词元，次数）元组；词表里只留词元，次数只用来排序。",
            "The list holds pairs of a token and its count. A vocabulary keeps only the tokens; the counts are "
            "just there to sort by.",
        ),
        "no unknown token": (
            "词表里没有 <unk>：没见过的词元没有编号可用。",
            "There's no <unk> in the vocabulary, so tokens that were never seen have no index to go to.",
        ),
        "unknown token elsewhere": (
            "<unk> 的编号是 {place}，应该是 0。",
            "<unk> has index {place}; it should have index 0.",
        ),
        "unknown token twice": (
            "文字里本来就有 <unk>，于是它在词表里出现了两次，占了两个编号。",
            "The text had <unk> in it already, and now it stands in the vocabulary twice, with two indices.",
        ),
        "repeats": (
            "同一个词元有好几个编号：列表里是一个个词元，不是一种种词元。",
            "One token has several indices: the list has every token of the text, not every kind.",
        ),
        "rising": (
            "次序反了：越常见的词元，编号应该越小。",
            "That's the wrong way round: the more common a token, the smaller its index.",
        ),
        "ties by appearance": (
            "次数相同的词元，按第一次出现的先后排了；这里要按 sorted 的次序。",
            "Tokens with equal counts come in the order in which they first appear; here they should come as "
            "sorted puts them.",
        ),
        "ties backwards": (
            "次数排对了，次数相同的词元却倒着排：把整个次序翻过来时，第二个条件也跟着翻了。",
            "The counts are in order, but tokens with equal counts run backwards: reversing the whole order "
            "reversed the second key, too.",
        ),
        "ties by small letters": (
            "次数相同的词元，是不分大小写排的；这里要按 sorted 的次序，大写字母都在小写字母前面。",
            "Tokens with equal counts are sorted with capitals and small letters treated alike; here they should come as "
            "sorted puts them, all capitals before the small letters.",
        ),
        "capitals lost": (
            "词元里的大写字母变成了小写：词元是什么样，词表里就是什么样。",
            "The capitals in the tokens became small letters; the vocabulary takes tokens just as they are.",
        ),
        "other brackets": (
            "词表里少了 {token}：只有 <unk> 特殊，别的带尖括号的词元和普通词元一样数。",
            "{token} is missing. Only <unk> is special; any other token in angle brackets counts like a word.",
        ),
        "by name": (
            "只按词元本身排了序，没有看次数。",
            "That's sorted by the tokens themselves; the counts play no part.",
        ),
        "by appearance": (
            "词元按第一次出现的先后排着，没有看次数。",
            "The tokens come in the order in which they first appear; the counts play no part.",
        ),
        "at the border": (
            "恰好出现 {min_freq} 次的词元不见了；min_freq = {min_freq} 时，它们该留下。",
            "Tokens with a count of exactly {min_freq} are gone; with min_freq = {min_freq} they should stay.",
        ),
        "nothing dropped": (
            "出现不到 min_freq 次的词元还在词表里。",
            "Tokens that occur fewer than min_freq times are still in the vocabulary.",
        ),
    },
)
SENTENCE = "the time machine was on a table and it moved as if by itself i saw nothing but dust"
WORDS = SENTENCE.split()
NAMES = [*WORDS, "Eloi", "Morlocks", "Weena", "Filby"]


def _ranked(tokens: list[str], min_freq: int = 1) -> list[str]:
    """The vocabulary: sort twice, which keeps the first order where the second is undecided."""
    kinds = sorted(set(tokens) - {UNK})
    kinds.sort(key=tokens.count, reverse=True)
    return [UNK, *(kind for kind in kinds if tokens.count(kind) >= min_freq)]


def _ranked_wrong(tokens: list[str], min_freq: int) -> dict[str, list[str]]:
    counts = Counter(token for token in tokens if token != UNK)
    kept = [kind for kind, n in counts.items() if n >= min_freq]  # in order of appearance
    right = _ranked(tokens, min_freq)[1:]
    return {
        "ties by appearance": sorted(kept, key=lambda kind: -counts[kind]),
        "ties backwards": sorted(kept, key=lambda kind: (counts[kind], kind), reverse=True),
        "rising": sorted(kept, key=lambda kind: (counts[kind], kind)),
        "rising / ties by appearance": sorted(kept, key=lambda kind: counts[kind]),
        "rising / turned round": right[::-1],
        "by name": sorted(kept),
        "by appearance": kept,
    }


KEPT = """
def kept(tokens):
    return tokens
"""


def _vocabulary(probe: Probe, tokens: list[str], min_freq: int | None = None) -> None:
    """Call the answer and compare with the right list, and with those of known mistakes."""
    probe.need(isinstance(probe.value(probe.answer), Opaque), "the result, not the function")
    given = probe.define(KEPT, "kept", tokens)
    came = probe.call(probe.answer, given, *([] if min_freq is None else [min_freq]))
    least, right = min_freq or 1, _ranked(tokens, min_freq or 1)
    if came is None:
        probe.wrong("nothing")
    if not isinstance(came, list):
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        probe.wrong("not a list", kind=kind)
    if came == right:
        probe.need(probe.value(given) == tokens, "changed its input")
        return
    probe.need(not any(isinstance(one, (tuple, list)) for one in came), "pairs")
    probe.need(UNK in came, "no unknown token")
    # <unk> among tokens, sorted with the others, is twice in the list or stands where its count puts it
    probe.need(came.count(UNK) == 1, "unknown token twice")
    probe.need(len(set(came)) == len(came), "repeats")
    probe.need(came[0] == UNK, "unknown token elsewhere", place=came.index(UNK))
    rest, counts = came[1:], Counter(tokens)
    missing, extra = set(right) - set(came), set(came) - set(right)
    border = {kind for kind in set(right) - {UNK} if counts[kind] == least}
    if missing and not extra and missing == border:
        probe.wrong("at the border", min_freq=least)
    if came == _ranked([UNK if token == UNK else token.lower() for token in tokens], least):
        probe.wrong("capitals lost")
    if missing and not extra and all(kind.startswith("<") for kind in missing):
        probe.wrong("other brackets", token=min(missing))
    probe.need(not extra or not extra <= set(tokens), "nothing dropped")
    for mistake, wrong in _ranked_wrong(tokens, least).items():
        if rest == wrong:
            probe.wrong(mistake)
    if not missing and not extra:
        keys = [(-counts[kind], kind.lower()) for kind in rest]
        probe.need(keys != sorted(keys), "ties by small letters")
    place = next((i for i, (a, b) in enumerate(zip(came, right)) if a != b), min(len(came), len(right)))
    shown = repr(came) if len(came) < 12 else f"[{', '.join(map(repr, came[:9]))}, …]"
    probe.wrong("values", came=shown, n=len(right), place=place)


def _text(probe: Probe, kinds: list[str]) -> list[str]:
    """Tokens in random order: several kinds with each of the counts 1 to 4, and two with more."""
    names = [kinds[i] for i in torch.randperm(len(kinds), generator=probe.generator)]
    tokens = [name for i, name in enumerate(names[2:]) for _ in range(i % 4 + 1)]
    tokens += [names[0]] * 9 + [names[1]] * 6
    return [tokens[i] for i in torch.randperm(len(tokens), generator=probe.generator)]


@VOCABULARY.part("<unk> 在最前，越常见编号越小", "<unk> comes first; the more common, the smaller the index")
def _vocabulary_order(probe: Probe) -> None:
    _vocabulary(probe, list("nnbbbbaaa"))
    for kinds in (list("abcdefghijklmnopqrstuvwxyz "), WORDS):
        for _ in range(3):
            _vocabulary(probe, _text(probe, kinds))
    for kinds in (NAMES, [*NAMES, "<pad>", "<bos>", "<eos>"]):
        _vocabulary(probe, _text(probe, kinds))
    _vocabulary(probe, [*"bAcB", "<eos>"])


@VOCABULARY.part("min_freq：少见的不要", "min_freq: the rare ones are left out")
def _vocabulary_rare(probe: Probe) -> None:
    for kinds in (list("abcdefghijklmnopqrstuvwxyz "), WORDS):
        for min_freq in (2, 3, 4, 1):
            _vocabulary(probe, _text(probe, kinds), min_freq)


@VOCABULARY.part("文字里有 <unk>；文字是空的", "a text with <unk> in it; a text with nothing in it")
def _vocabulary_edges(probe: Probe) -> None:
    for times in (1, 5, 20):
        tokens = [*_text(probe, WORDS), *[UNK] * times]
        _vocabulary(probe, [tokens[i] for i in torch.randperm(len(tokens), generator=probe.generator)], 2)
    _vocabulary(probe, [])
    _vocabulary(probe, ["once"], 2)


# ---------- 1b ----------
BIGRAM = Task(
    "1b",
    "二元语法的困惑度",
    "Perplexity of a 2-gram model",
    level="core",
    minutes=25,
    device="cpu",
    trains=(
        "从计数到条件概率，从概率到困惑度",
        "from counts to conditional probabilities, from probabilities to perplexity",
    ),
    hints={
        "values": (
            "得到 {came:.6g}，不对。在纸上算一遍 banana，再一步一步地比：次数、P₁、P₂、对数的平均。",
            "{came:.6g} isn't right. Work out banana on paper, then compare step by step: counts, P₁, P₂, mean of "
            "the logarithms.",
        ),
        "not one number": (
            "应该得到一个数，实际得到 {kind}。",
            "One number is expected; what came is a {kind}.",
        ),
        "counted on validation": (
            "次数是在 valid 上数的：要打分的文字，模型事先不该见过。",
            "The counts come from valid, but a model mustn't have seen the text that it's scored on.",
        ),
        "counted on both": (
            "train 和 valid 合起来数了：要打分的文字，模型事先不该见过。",
            "The counts come from train and valid together, but a model mustn't have seen the text that it's scored "
            "on.",
        ),
        "mean of probabilities": (
            "先对概率求了平均。困惑度里，求平均的是 -log P。",
            "The probabilities were averaged. In a perplexity, it's -log P that is averaged.",
        ),
        "no exponential": (
            "这是平均的意外程度，也就是交叉熵；到困惑度还差一步。",
            "That's the mean surprise, the cross-entropy; perplexity is one step further.",
        ),
        "sign": (
            "这是困惑度的倒数，比 1 小：负号丢了。",
            "That's 1 over the perplexity, and below 1: a minus sign went missing.",
        ),
        "two bases": (
            "取对数和还原用了两个底（2、e、10 之中的两个）：两处要用同一个底。",
            "The logarithm and the way back have different bases, two out of 2, e and 10; both need the same.",
        ),
        "not divided": (
            "-log P 加起来之后没有除以 T：这样文字越长，数就越大。要的是每个词元的平均。",
            "The sum of -log P isn't divided by T, so the longer the text, the larger the number. What's wanted is the "
            "mean over the tokens.",
        ),
        "rounded": (
            "{came:g} 是舍入过的数：算得对，可是不要舍入，原样返回。",
            "{came:g} is a rounded number. The computation is right; return it as it is, without rounding.",
        ),
        "first token left out": (
            "valid 的第一个词元没有算进去：它没有前文，但也有概率 P₁。",
            "The first token of valid is left out: it has no context, but it does have a probability, P₁.",
        ),
        "divided by another number": (
            "对数加起来之后，除以的不是 valid 的词元数。",
            "The sum of the logarithms is divided by something other than the number of tokens in valid.",
        ),
        "first token 1 over V": (
            "valid 的第一个词元给的是 1/V：没有前文，用的是 P₁，常见的词元还是更可能。",
            "The first token of valid gets 1/V. Without a context it's P₁ that counts: common tokens are still more "
            "probable.",
        ),
        "another V": (
            "V 没有用上：P₁ 的分母里应该是给定的 V。有的词元可能两段文字里都没有，也占一份。",
            "The given V isn't used. It belongs in the denominator of P₁: a token may be in neither text and still "
            "gets its share.",
        ),
        "joint": (
            "分母用了全文的长度，得到的是两个词元一起出现的概率。要的是前一个已经给定时，后一个的概率。",
            "It's divided by the length of the whole text: that's the probability of two tokens together. What's "
            "wanted is the probability of the second once the first is given.",
        ),
        "other axis": (
            "分母数的是后一个词元，不是前一个：计数表沿另一条轴求和了。",
            "The denominator counts the second token of the pair, not the first: the table of counts was summed "
            "along the other axis.",
        ),
        "context as second": (
            "分母该数前文作为前一个词元出现了几次，现在数的是它作为后一个词元的次数：计数表沿另一条轴求和了。",
            "The denominator should count how often the context came first in a pair, but it counts how often it came "
            "second: the table of counts was summed along the other axis.",
        ),
        "axes swapped": (
            "查的是倒过来的一对：计数表哪一条轴是前一个词元，填表和查表时说法不一。",
            "The pair is looked up backwards: filling the table and reading it don't agree on which axis is the "
            "earlier token.",
        ),
        "last token counted": (
            "train 的最后一个词元后面没有词元，分母里却把它也数进去了。",
            "The last token of train has nothing after it, but the denominator counts it as well.",
        ),
        "lambda reversed": (
            "λ 和 1 - λ 放反了：λ 是数出来的二元语法那一份。",
            "λ and 1 - λ are the wrong way round: λ is the share of the counted pairs.",
        ),
        "no extra count": (
            "P₁ 里没有把每种词元多数一次。",
            "P₁ doesn't count every kind of token once more.",
        ),
        "V left out": (
            "P₁ 的分母里少了 V：每种词元都多数了一次，总数也就多了 V；不加上它，各词元的 P₁ 加起来超过 1。",
            "V is missing from the denominator of P₁. Every kind of token was counted once more, so the total grew by V; "
            "without it, the P₁ of all tokens add up to more than 1.",
        ),
        "extra count in the pairs": (
            "二元的次数也多数了一次；多数一次的只有 P₁。",
            "The pairs were counted once more as well; only P₁ does that.",
        ),
        "pairs counted once": (
            "同一对词元不管出现几次，表里都只记了 1：重复的下标只算了一次。",
            "However often a pair occurs, the table says 1: indices that repeat took effect only once.",
        ),
        "new context": (
            "前文没见过时，直接用 P₁；现在它还乘了 1 - λ。",
            "Where the context is new, P₁ is used as it is; here it's still multiplied by 1 - λ.",
        ),
        "new pair": (
            "这一对词元没出现过，就直接用了 P₁。直接用 P₁ 的只有前文没见过的时候；前文见过、这一对没见过时，"
            "二元那一项是 0，P₁ 还要乘 1 - λ。",
            "P₁ is used as it is wherever the pair is new. That's for a new context only: where the context was seen "
            "but the pair wasn't, the counted part is 0, and P₁ still gets its factor 1 - λ.",
        ),
        "pairs only": (
            "结果是无穷大：有的一对词元没出现过，概率成了 0。(1 - λ) P₁ 那一项呢？",
            "The result is infinite: some pair never occurred, and its probability came out as 0. Where is the part "
            "(1 - λ) P₁?",
        ),
        "underflow": (
            "结果是无穷大：把许多概率连乘起来，积小到存不下，成了 0。把对数加起来，就没有这个问题。",
            "The result is infinite: a product of so many probabilities is too small to be stored and becomes 0. Add up "
            "logarithms instead.",
        ),
        "nothing over nothing": (
            "结果是 nan：前文在 train 里后面没跟过词元时，分母是 0。",
            "The result is nan: when a context was never followed by a token in train, the denominator is 0.",
        ),
    },
)


def _mixed(
    train: list[int],
    valid: list[int],
    V: int,
    lam: float,
    pair: str = "",
    single: int = 1,
    new: bool = False,
    first: float = 0.0,
) -> list[float]:
    """Probabilities of the tokens of a text; ``pair`` names a way to get the pairs wrong."""
    pairs, N = Counter(zip(train, train[1:])), len(train)
    if pair == "pairs counted once":
        pairs = Counter(set(pairs))
    found = []
    for i, token in enumerate(valid):
        p = (train.count(token) + single) / (N + single * V * (pair != "V left out"))
        if i == 0:
            found.append(first or p)
            continue
        before = valid[i - 1]
        c = sum(n for (a, _), n in pairs.items() if a == before)
        share = pairs[before, token]
        if pair == "joint":
            c = max(N - 1, 1)
        elif pair == "joint / N":
            c = N
        elif pair == "other axis":
            c = sum(n for (_, b), n in pairs.items() if b == token)
        elif pair == "context as second":
            c = sum(n for (_, b), n in pairs.items() if b == before)
        elif pair == "axes swapped":
            share, c = pairs[token, before], sum(n for (_, b), n in pairs.items() if b == before)
        elif pair == "axes swapped / reading":
            share = pairs[token, before]
        elif pair == "last token counted":
            c = train.count(before)
        elif pair == "extra count in the pairs":
            share, c = share + 1, c + V
        elif pair == "new pair" and not share:
            c = 0
        if c:
            p = lam * share / c + (0.0 if pair == "pairs only" else 1 - lam) * p
        elif new:
            p = (1 - lam) * p
        found.append(p)
    return found


def _log(p: float) -> float:
    return math.log(p) if p > 0 else -math.inf


def _perplexity(probabilities: list[float], divisor: int | None = None) -> float:
    surprise = -sum(map(_log, probabilities)) / (divisor or len(probabilities))
    return math.exp(min(surprise, 700.0)) if surprise < math.inf else math.inf


def _perplexity_wrong(
    train: list[int], valid: list[int], V: int, lam: float
) -> dict[str, Callable[[], float]]:
    N, T = len(train), len(valid)

    def mixed(**how: Any) -> float:
        return _perplexity(_mixed(train, valid, V, lam, **how))

    right = _mixed(train, valid, V, lam)
    ways = ("joint", "joint / N", "other axis", "axes swapped", "axes swapped / reading")
    ways += ("last token counted", "extra count in the pairs", "pairs counted once", "new pair")
    ways += ("context as second", "V left out")
    kinds = {len(set(train)), len(set(train + valid)), max(train) + 1, max(train + valid) + 1} - {V}
    return {
        "counted on validation": lambda: _perplexity(_mixed(valid, valid, V, lam)),
        "counted on both": lambda: _perplexity(_mixed(train + valid, valid, V, lam)),
        "mean of probabilities": lambda: T / sum(right),
        "mean of probabilities / exp": lambda: math.exp(-sum(right) / T),
        "no exponential": lambda: math.log(_perplexity(right)),
        "sign": lambda: 1 / _perplexity(right),
        **{
            f"two bases / {power:.2f}": lambda power=power: _perplexity(right) ** power
            for base in (2, 10)
            for power in (math.log(base), 1 / math.log(base))
        },
        "not divided": lambda: _perplexity(right, 1),
        "first token 1 over V": lambda: mixed(first=1 / V),
        **{f"another V / {n}": lambda n=n: _perplexity(_mixed(train, valid, n, lam)) for n in kinds},
        "first token left out": lambda: _perplexity(right[1:]) if T > 1 else math.nan,
        **{
            f"divided by another number / {n}": lambda n=n: _perplexity(right, n)
            for n in (T - 1, T + 1, N, N - 1, V)
            if n > 1 and n != T
        },
        "divided by another number / first left out": lambda: _perplexity(right[1:], T),
        **{way: lambda way=way: mixed(pair=way) for way in ways},
        "lambda reversed": lambda: _perplexity(_mixed(train, valid, V, 1 - lam)),
        "no extra count": lambda: mixed(single=0),
        "new context": lambda: mixed(new=True),
        "pairs only": lambda: mixed(pair="pairs only"),
    }


def _bigram(probe: Probe, train: Tensor, valid: Tensor, V: int, lam: float) -> None:
    """Call the answer and compare with the right perplexity, and with those of known mistakes."""
    came = probe.call(probe.answer, train, valid, V, lam)
    if came is None:
        probe.wrong("nothing")
    if isinstance(came, Tensor) and came.numel() == 1:
        came = came.item()
    if isinstance(came, bool) or not isinstance(came, (int, float)):
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        kind += f" {tuple(came.shape)}" if isinstance(came, Tensor) else ""
        probe.wrong("not one number", kind=kind)
    given = train.tolist(), valid.tolist(), V, lam
    right = _perplexity(_mixed(*given))
    if math.isclose(came, right, rel_tol=2e-5):
        return
    # 1 over a number below exp(-88) is too large for float32; a probability of 0 shows in shorter texts already
    probe.need(came != math.inf or len(valid) * math.log(right) < 150, "underflow")
    for mistake, value in _perplexity_wrong(*given).items():
        if math.isclose(came, value(), rel_tol=2e-5):
            probe.wrong(mistake)
    probe.need(not math.isnan(came), "nothing over nothing")
    for digits in range(1, 5):
        if math.isclose(came, round(right, digits), rel_tol=1e-6):
            probe.wrong("rounded", came=came)
    probe.wrong("values", came=came)


def _banana() -> tuple[Tensor, Tensor]:
    return torch.tensor([3, 1, 2, 1, 2, 1]), torch.tensor([1, 2, 1, 3, 1])


@BIGRAM.part("banana，V = 4，λ = 0.5，笔算得出", "banana, V = 4, λ = 0.5, small enough for paper")
def _bigram_banana(probe: Probe) -> None:
    train, valid = _banana()
    _bigram(probe, train, valid, 4, 0.5)


def _tokens(probe: Probe, V: int, length: int) -> Tensor:
    """Random tokens, small ones more often; each of 0 to V-1 occurs and is followed by a token."""
    uneven = (torch.rand(length, generator=probe.generator) ** 2 * V).long()
    return torch.cat([torch.randperm(V, generator=probe.generator), uneven])


@BIGRAM.part("随机的文字，V 与 λ 各不相同", "random texts, several V and λ")
def _bigram_random(probe: Probe) -> None:
    for V, N, T, lam in ((7, 40, 100, 0.15), (5, 60, 40, 0.8), (9, 90, 25, 0.3), (4, 200, 64, 0.95)):
        _bigram(probe, _tokens(probe, V, N), _tokens(probe, V, T), V, lam)
    _bigram(probe, _tokens(probe, 6, 50), _tokens(probe, 6, 500), 6, 0.6)


@BIGRAM.part("前文没见过，词元没见过", "contexts and tokens that are new")
def _bigram_new(probe: Probe) -> None:
    for lam in (0.9, 0.4):
        _bigram(probe, _tokens(probe, 5, 40), _tokens(probe, 6, 30), 9, lam)  # 6, 7 and 8 are in neither
        train = _tokens(probe, 5, 50)
        _bigram(probe, train, torch.cat([_tokens(probe, 8, 30), torch.tensor([7, 2, 6, 6])]), 8, lam)
        # the last token of train stands there once only: nothing has followed it
        _bigram(probe, torch.cat([train, torch.tensor([5])]), torch.tensor([1, 5, 2, 0, 5, 5, 1]), 6, lam)


@BIGRAM.part("λ = 0，以及只有一个词元的文字", "λ = 0, and texts of a single token")
def _bigram_small(probe: Probe) -> None:
    _bigram(probe, _tokens(probe, 6, 30), _tokens(probe, 6, 20), 6, 0.0)
    _bigram(probe, _tokens(probe, 6, 30), probe.integers(0, 6, 1), 6, 0.7)
    _bigram(probe, probe.integers(0, 6, 1), _tokens(probe, 6, 9), 6, 0.7)
