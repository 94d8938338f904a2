"""Four networks that translate numbers, English to Chinese and back, and look back at what they read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rnnlib
from packs.pack import Pack
from packs.training import fit, rounded
from rnnlib.data import ExampleLoader, numeral_pairs, numeral_vocab, sample_numbers
from rnnlib.data.numerals import END

ABOUT = (
    "第 14 章的四个编码器-解码器，英文数词与中文数字互译：GRU，点积注意力，编码器单向或双向",
    "four encoder-decoders of chapter 14 that translate numbers in words, English and Chinese: GRU, "
    "dot-product attention, an encoder that reads one way or both ways",
)
FORMS = {"en": "zh", "zh": "en"}  # from: to
ENCODERS = {"both": True, "one": False}  # whether it reads both ways
MEETING = {"en": ("万", 1), "zh": ("thousand", 0)}  # the row of this word or the next: where words may cross
H, E, DIGITS, VALID, TEST = 40, 32, 6, 1_000, 1_000
TRAIN = {"en": 2_500, "zh": 12_000}  # from Chinese, the teens are learned slowly
EPOCHS, BATCH, RATE = {"en": 10, "zh": 14}, {"en": 64, "zh": 128}, 8e-3  # from English all as in chapter 14
LEVELS = 7  # weights become integers from -7 to 7, so that the file is small
SHOWN = (305, 12_034, 126_345, 100_000)  # the figure's buttons: held out, too
SEEDS = (10, 11, 12)
MOST = 20  # tokens that are written at most; the longest right answer has 12
CONDITIONS = {
    "corpus": "numbers made by rule (rnnlib.data.numerals)",
    "training": f"from English {TRAIN['en']:,} numbers of up to {DIGITS} digits, B = {BATCH['en']}, "
    f"{EPOCHS['en']} epochs, rate {RATE:g}; from Chinese {TRAIN['zh']:,}, B = {BATCH['zh']}, {EPOCHS['zh']} "
    f"epochs, rate falling from {RATE:g}; Adam; of {len(SEEDS)} seeds the one with the lowest loss on "
    f"{VALID:,} others",
    "seeds": list(SEEDS),
}


def name_of(source: str, encoder: str) -> str:
    return f"{source}_{encoder}"


def numbers(source: str) -> tuple[list[int], list[int], list[int]]:
    """Numbers to learn from, to choose by, and for the test; as many of one length as of another."""
    test = sample_numbers(TEST, DIGITS, seed=1, least_digits=3, but=SHOWN)
    train = sample_numbers(TRAIN[source], DIGITS, seed=2, but=[*test, *SHOWN])
    return train, sample_numbers(VALID, DIGITS, seed=3, least_digits=3, but=[*train, *test, *SHOWN]), test


def round_numbers(train: list[int]) -> list[int]:
    """Numbers of four to six digits of which two at most are not 0, but for those that were learned from."""
    known = set(train)
    found = (n for n in range(1_000, 10**DIGITS) if sum(digit != "0" for digit in str(n)) <= 2)
    return [n for n in found if n not in known]


@torch.no_grad()
def write(model: nn.Module, X: Tensor, lengths: Tensor | None = None) -> Tensor:
    """(N, MOST) int64: what is written about each source (N, S), the likeliest token at each step."""
    first, state = model.begin(X, lengths)
    return rnnlib.generate_tokens(model, first, MOST, state=state)


def exact(model: nn.Module, values: list[int], source: str) -> list[bool]:
    """For each number: whether all that is written is right, the end included."""
    pairs = numeral_pairs(values, source, FORMS[source])
    written = write(model, pairs.X, pairs.lengths)[:, : pairs.Y.shape[1]]
    return ((written == pairs.Y) | (pairs.Y == -100)).all(dim=1).tolist()


def share(rights: list[bool]) -> float:
    return round(sum(rights) / len(rights), 4)


def meeting_numbers(values: list[int]) -> list[int]:
    """Those whose words cross when joined by hand: of five digits or more, with a digit of thousands."""
    return [n for n in values if n >= 10_000 and n // 1_000 % 10 > 0]


@torch.no_grad()
def crosses(model: nn.Module, values: list[int], source: str) -> list[bool]:
    """Of numbers whose words may cross: whether, where they do, the largest weight moves back to the left.

    The right words are read, so that a wrong one changes nothing here.
    """
    pairs, (word, after) = numeral_pairs(values, source, FORMS[source]), MEETING[source]
    weights = model.alignment(model.shifted(pairs.Y), pairs.X, pairs.lengths)  # (N, T, S)
    index = numeral_vocab(FORMS[source])[word]
    most, at = weights.argmax(dim=-1), (index == pairs.Y).int().argmax(dim=1) + after
    rows = torch.arange(len(values))
    return (most[rows, at] < most[rows, at - 1]).tolist()


@torch.no_grad()
def joined(model: nn.Module, values: list[int]) -> list[bool]:
    """Of numbers from English: whether, for 万, the largest weight lies on "thousand", as joined by hand."""
    pairs = numeral_pairs(values, "en", "zh")
    most = model.alignment(model.shifted(pairs.Y), pairs.X, pairs.lengths).argmax(dim=-1)  # (N, T)
    at = (numeral_vocab("zh")["万"] == pairs.Y).int().argmax(dim=1)
    words = pairs.X.gather(1, most.gather(1, at[:, None]))[:, 0]
    return (numeral_vocab("en")["thousand"] == words).tolist()


@torch.no_grad()
def loss(model: nn.Module, values: list[int], source: str) -> float:
    """Cross-entropy for each token, in nats."""
    pairs = numeral_pairs(values, source, FORMS[source])
    logits, _ = model(model.shifted(pairs.Y), None, pairs.X, pairs.lengths)
    return float(F.cross_entropy(logits.flatten(0, 1), pairs.Y.flatten()))


@torch.no_grad()
def looked(model: nn.Module, n: int, source: str) -> list[tuple[str, list[tuple[str, float]]]]:
    """What is written about a number, token by token, each with the source's tokens and their weights."""
    read, written = numeral_vocab(source), numeral_vocab(FORMS[source])
    X = numeral_pairs([n], source, FORMS[source]).X
    Y = write(model, X)
    tokens = written.to_tokens(Y[0].tolist())
    weights = model.alignment(model.shifted(Y), X)[0]
    until = tokens.index(END) + 1 if END in tokens else len(tokens)
    words = read.to_tokens(X[0].tolist())
    return [(token, list(zip(words, row.tolist()))) for token, row in zip(tokens[:until], weights)]


Rows = list[tuple[str, list[tuple[str, float]]]]


def static(both: Rows, one: Rows, n: int) -> str:
    """HTML for readers without JavaScript: of each written token where the networks look most, in percent."""
    words = " ".join(word for word, _ in both[0][1])
    zh = f"{n:,}：读的是 {words}。写每个词时，注意力最大的一处（百分数），双向的编码器，单向的编码器："
    en = f"{n:,}: what is read is {words}. For each written word the largest weight (percent), with an "
    en += "encoder that reads both ways, and one that reads one way:"
    items = []
    for (token, weights), (_, others) in zip(both, one):
        (two, two_w), (way, way_w) = (max(row, key=lambda pair: pair[1]) for row in (weights, others))
        two, way = f"{two} {100 * two_w:.0f}", f"{way} {100 * way_w:.0f}"
        name = {END: ("结束", "the end")}.get(token, (token, token))
        items.append(
            f"<li>{name[0]}：双向 {two}，单向 {way} | {name[1]}: both ways {two}, one way {way}</li>"
        )
    return f"<p>{zh} | {en}</p><ul>{''.join(items)}</ul>"


def train_one(values: list[int], source: str, encoder: str, seed: int) -> nn.Module:
    pairs = numeral_pairs(values, source, FORMS[source])
    sizes = len(numeral_vocab(source)), len(numeral_vocab(FORMS[source])), H
    options = {"attention": "dot", "bidirectional": ENCODERS[encoder], "embedding_size": E}

    def build() -> rnnlib.EncoderDecoder:
        return rnnlib.EncoderDecoder(*sizes, **options)

    rnnlib.set_seed(seed)
    model = build()
    inputs = (model.shifted(pairs.Y), None, pairs.X, pairs.lengths)
    examples = ExampleLoader(inputs, pairs.Y, BATCH[source], seed=seed)
    if source == "zh":
        return fit(build, examples, EPOCHS[source], RATE, seed, keep_best=False)[0]
    rnnlib.train(model, examples, EPOCHS[source], RATE, optimizer="adam", progress=False)
    return model.eval()


def measured(model: nn.Module, packed: nn.Module, source: str) -> dict[str, Any]:
    """What is stated about a network: of the one with the pack's weights, but for "float"."""
    train, _, test = numbers(source)
    rights = exact(packed, test, source)
    lengths = {k: [right for n, right in zip(test, rights) if len(str(n)) == k] for k in range(3, DIGITS + 1)}
    return {
        "exact": share(rights),
        "by_digits": {str(k): share(found) for k, found in lengths.items()},
        "float": share(exact(model, test, source)),
        "round": share(exact(packed, round_numbers(train), source)),
        "shown": dict(zip(map(str, SHOWN), exact(packed, list(SHOWN), source))),
        "crosses": sum(crosses(packed, meeting_numbers(test), source)),
        "parameters": rnnlib.count_parameters(model),
    } | ({"joined": sum(joined(packed, meeting_numbers(test)))} if source == "en" else {})


def make(pack: Pack) -> dict[str, Any]:
    """Train each with every seed, keep the one with the lowest validation loss, press it into integers."""
    models: dict[str, Any] = {}
    for source, encoder in ((source, encoder) for source in FORMS for encoder in ENCODERS):
        name, tried, (train, valid, test) = name_of(source, encoder), [], numbers(source)
        meeting = meeting_numbers(test)
        for seed in SEEDS:
            model = train_one(train, source, encoder, seed)
            tried.append((loss(model, valid, source), sum(crosses(model, meeting, source)), seed, model))
            print(f"  {name}, seed {seed}: loss {tried[-1][0]:.2g}, crosses {tried[-1][1]} times", flush=True)
        *_, seed, model = min(tried, key=lambda found: found[0])
        vocabs = {"read": numeral_vocab(source), "written": numeral_vocab(FORMS[source])}
        entry = pack.model(model, LEVELS, **{side: vocab.idx_to_token for side, vocab in vocabs.items()})
        runs = [{"seed": s, "valid": round(value, 6), "crosses": k} for value, k, s, _ in tried]
        models[name] = entry | {"seed": seed, "runs": runs} | measured(model, pack.reload(entry), source)
        told = ("exact", "by_digits", "float", "round", "shown", "crosses", "parameters")
        print(f"  {name}:", rounded({key: models[name][key] for key in told}, 4), flush=True)
    both, one = (looked(pack.reload(models[name_of("en", encoder)]), 126_345, "en") for encoder in ENCODERS)
    sizes = {
        "train": TRAIN,
        "valid": VALID,
        "test": TEST,
        "meeting": len(meeting),
        "digits": DIGITS,
        "levels": LEVELS,
    }
    return {
        "static": static(both, one, 126_345),
        "numbers": sizes | {"shown": list(SHOWN)},
        "end": END,
        "most": MOST,
        "models": models,
    }
