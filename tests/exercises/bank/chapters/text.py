"""Chapter 1: text and counting."""

COUNTS = "from collections import Counter\n"


def _vocabulary(body):
    return f"{COUNTS}def vocabulary(tokens, min_freq=1):\n    counts = Counter(tokens)\n{body}"


def _loop(*changes):
    """Another way to write 1b, with changes."""
    code = LOOP
    for old, new in changes:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


LOOP = """
import math
from collections import Counter


def bigram_perplexity(train, valid, V, lam):
    train, valid = train.tolist(), valid.tolist()
    single, pairs = Counter(train), Counter(zip(train, train[1:]))
    contexts = Counter(train[:-1])
    total, before = 0.0, None
    for token in valid:
        p = (single[token] + 1) / (len(train) + V)
        if contexts[before]:
            p = lam * pairs[before, token] / contexts[before] + (1 - lam) * p
        total -= math.log(p)
        before = token
    return math.exp(total / len(valid))
"""
TWO_TABLES = """
import torch


def bigram_perplexity(train, valid, V, lam):
    pairs = torch.zeros(V, V).index_put_((train[1:], train[:-1]), torch.ones(len(train) - 1), accumulate=True)
    unigram = (torch.bincount(train, minlength=V) + 1.0) / (len(train) + V)
    share = pairs / pairs.sum(0, keepdim=True)
    table = torch.where(share.isnan(), unigram[:, None], lam * share + (1 - lam) * unigram[:, None])
    p = torch.cat([unigram[valid[:1]], table[valid[1:], valid[:-1]]])
    return float(2 ** -torch.log2(p).mean())
"""

WRONG = {
    "1a": {
        "ties by appearance": [("key=lambda kind: (-counts[kind], kind)", "key=lambda kind: -counts[kind]")],
        "ties by appearance / most_common": _vocabulary(
            "    counts.pop('<unk>', 0)\n"
            "    return ['<unk>'] + [t for t, n in counts.most_common() if n >= min_freq]"
        ),
        "ties backwards": [
            ("key=lambda kind: (-counts[kind], kind)", "key=lambda kind: (counts[kind], kind), reverse=True")
        ],
        "rising": [("(-counts[kind], kind)", "(counts[kind], kind)")],
        "rising / by counts only": [("(-counts[kind], kind)", "counts[kind]")],
        "rising / turned round": _vocabulary(
            "    kept = sorted(counts, key=lambda t: (-counts[t], t))\n"
            "    return ['<unk>'] + [t for t in kept[::-1] if counts[t] >= min_freq]"
        ),
        "by name": _vocabulary("    return ['<unk>'] + sorted(t for t in counts if counts[t] >= min_freq)"),
        "by appearance": _vocabulary(
            "    return ['<unk>'] + [t for t, n in counts.items() if n >= min_freq]"
        ),
        "at the border": [("count >= min_freq", "count > min_freq")],
        "nothing dropped": [(" if count >= min_freq", "")],
        "no unknown token": [('["<unk>", *sorted(', "[*sorted(")],
        "unknown token elsewhere": [
            ('["<unk>", *sorted(', "[*sorted("),
            ("(-counts[kind], kind))]", '(-counts[kind], kind)), "<unk>"]'),
        ],
        "unknown token twice": [(' if token != "<unk>"', "")],
        "repeats": _vocabulary(
            "    kept = [t for t in tokens if counts[t] >= min_freq]\n"
            "    return ['<unk>', *sorted(kept, key=lambda t: (-counts[t], t))]"
        ),
        "ties by small letters": [("(-counts[kind], kind)", "(-counts[kind], kind.lower())")],
        "capitals lost": [("for token in tokens if token", "for token in map(str.lower, tokens) if token")],
        "other brackets": [('if token != "<unk>"', 'if not token.startswith("<")')],
        "other brackets / of any kind": [
            ('if token != "<unk>"', 'if not (token.startswith("<") and token.endswith(">"))')
        ],
        "changed its input": _vocabulary(
            "    tokens.sort()\n"
            "    counts = Counter(t for t in tokens if t != '<unk>')\n"
            "    return ['<unk>', *(t for t, n in counts.most_common() if n >= min_freq)]"
        ),
        "changed its input / <unk> taken out": _vocabulary(
            "    while '<unk>' in tokens:\n"
            "        tokens.remove('<unk>')\n"
            "    kept = [t for t, n in Counter(tokens).items() if n >= min_freq]\n"
            "    return ['<unk>', *sorted(kept, key=lambda t: (-counts[t], t))]"
        ),
        "pairs": _vocabulary("    return [('<unk>', 0)] + counts.most_common()"),
        "the result, not the function": "vocabulary = ['<unk>', 'e', 't', ' ', 'a', 'i', 'm']",
        "not a list": [
            ('return ["<unk>", *sorted(', 'return {t: i for i, t in enumerate(["<unk>", *sorted('),
            ("(-counts[kind], kind))]", "(-counts[kind], kind))])}"),
        ],
        "nothing": [('return ["<unk>", *sorted(', 'vocab = ["<unk>", *sorted(')],
        "values": _vocabulary("    return ['<unk>', *sorted(counts, key=lambda t: (-counts[t], t))][:3]"),
        "crash: TypeError": [("(-counts[kind], kind)", "(counts[kind], -kind)")],
    },
    "1b": {
        "counted on validation": [
            ("pairs = torch.zeros(V, V)  # (before, now)", "train = valid\n    pairs = torch.zeros(V, V)")
        ],
        "counted on both": [
            (
                "pairs = torch.zeros(V, V)  # (before, now)",
                "train = torch.cat([train, valid])\n    pairs = torch.zeros(V, V)",
            )
        ],
        "mean of probabilities": [("p.log().mean().neg().exp()", "1 / p.mean()")],
        "mean of probabilities / before the logarithm": [("p.log().mean()", "p.mean().log()")],
        "mean of probabilities / no logarithm": [("p.log().mean()", "p.mean()")],
        "no exponential": [(".neg().exp()", ".neg()")],
        "sign": [(".neg().exp()", ".exp()")],
        "two bases": [("p.log()", "p.log2()")],
        "two bases / log, 2 **": [("return p.log().mean().neg().exp()", "return 2 ** -p.log().mean()")],
        "two bases / log10, e": [("p.log()", "p.log10()")],
        "not divided": [("p.log().mean()", "p.log().sum()")],
        "not divided / no root": [("p.log().mean().neg().exp()", "1 / p.prod()")],
        "rounded": [
            ("return p.log().mean().neg().exp()", "return round(float(p.log().mean().neg().exp()), 2)")
        ],
        "rounded / one digit": [
            (
                "return p.log().mean().neg().exp()",
                "return torch.round(p.log().mean().neg().exp(), decimals=1)",
            )
        ],
        "underflow": [("p.log().mean().neg().exp()", "p.prod() ** (-1 / len(valid))")],
        "underflow / the other way round": [
            ("return p.log().mean().neg().exp()", "return (1 / p.prod()) ** (1 / len(valid))")
        ],
        "crash: ZeroDivisionError: / a product in double": _loop(
            ("total, before = 0.0, None", "product, before = 1.0, None"),
            ("total -= math.log(p)", "product *= p"),
            ("math.exp(total / len(valid))", "(1 / product) ** (1 / len(valid))"),
        ),
        "first token 1 over V": _loop(
            (
                "(single[token] + 1) / (len(train) + V)",
                "(single[token] + 1) / (len(train) + V) if total else 1 / V",
            )
        ),
        "another V": _loop(("    contexts =", "    V = max(train + valid) + 1\n    contexts =")),
        "another V / kinds of train": _loop(("    contexts =", "    V = len(single)\n    contexts =")),
        "new pair": _loop(("if contexts[before]", "if pairs[before, token]")),
        "new pair / torch": [("followed > 0, mixed", "pairs[before, now] > 0, mixed")],
        "pairs only": [("+ (1 - lam) * p[1:]", "")],
        "first token left out": [("return p.log()", "return p[1:].log()")],
        "divided by another number / T - 1": [("p.log().mean()", "(p.log().sum() / (len(valid) - 1))")],
        "divided by another number / N": [("p.log().mean()", "(p.log().sum() / len(train))")],
        "divided by another number / V": [("p.log().mean()", "(p.log().sum() / V)")],
        "divided by another number / first left out": _loop(
            (
                "if contexts[before]",
                "if before is None:\n            before = token\n            continue\n"
                "        if contexts[before]",
            )
        ),
        "joint": [("pairs[before, now] / followed", "pairs[before, now] / pairs.sum()")],
        "joint / N": [("pairs[before, now] / followed", "pairs[before, now] / len(train)")],
        "other axis": [
            ("pairs.sum(dim=1)[before]", "pairs.sum(dim=0)[now]"),
        ],
        "context as second": [("pairs.sum(dim=1)[before]", "pairs.sum(dim=0)[before]")],
        "context as second / dictionaries": _loop(("Counter(train[:-1])", "Counter(train[1:])")),
        "V left out": [("(len(train) + V)", "len(train)")],
        "V left out / dictionaries": _loop(("(len(train) + V)", "len(train)")),
        "axes swapped / reading": [("* pairs[before, now]", "* pairs[now, before]")],
        "axes swapped": [("pairs[before, now] += 1", "pairs[now, before] += 1")],
        "last token counted": _loop(("Counter(train[:-1])", "single")),
        "lambda reversed": [
            (
                "lam * pairs[before, now] / followed + (1 - lam) *",
                "(1 - lam) * pairs[before, now] / followed + lam *",
            )
        ],
        "no extra count": [
            (
                "(torch.bincount(train, minlength=V) + 1) / (len(train) + V)",
                "torch.bincount(train, minlength=V) / len(train)",
            )
        ],
        "extra count in the pairs": [("torch.zeros(V, V)", "torch.ones(V, V)")],
        "pairs counted once": [
            (
                "for before, now in zip(train[:-1], train[1:]):\n        pairs[before, now] += 1",
                "pairs[train[:-1], train[1:]] += 1",
            )
        ],
        "new context": [
            ("torch.where(followed > 0, mixed, p[1:])", "torch.where(followed > 0, mixed, (1 - lam) * p[1:])")
        ],
        "nothing over nothing": [("torch.where(followed > 0, mixed, p[1:])", "mixed")],
        "not one number": [("p.log().mean().neg().exp()", "p")],
        "nothing": [("return p.log()", "p.log()")],
        "values": [("mean().neg().exp()", "mean().neg().exp() + 1")],
        "crash: ZeroDivisionError": _loop(("if contexts[before]", "if before is not None")),
        "crash: IndexError: shape mismatch": [("now = valid[:-1], valid[1:]", "now = valid, valid[1:]")],
    },
}
RIGHT = {
    "1a": {
        "sorted twice": """
def vocabulary(tokens, min_freq=1):
    kinds = sorted(set(tokens) - {"<unk>"})
    kinds = sorted(kinds, key=tokens.count, reverse=True)
    return ["<unk>"] + [kind for kind in kinds if tokens.count(kind) >= min_freq]
""",
        "by hand": """
def vocabulary(tokens, min_freq=1):
    counts = {}
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
    counts.pop("<unk>", None)
    ranked = []
    for token, count in counts.items():
        if count >= min_freq:
            ranked.append((-count, token))
    ranked.sort()
    return ["<unk>"] + [token for _, token in ranked]
""",
        "most_common of the sorted": _vocabulary(
            "    counts = Counter(sorted(t for t in tokens if t != '<unk>'))\n"
            "    return ['<unk>', *(t for t, n in counts.most_common() if n >= min_freq)]"
        ),
    },
    "1b": {
        "dictionaries": LOOP,
        "a table of probabilities": TWO_TABLES,
        "the library": """
import rnnlib


def bigram_perplexity(train, valid, V, lam):
    return rnnlib.NGramModel(train, 2, V, lam).perplexity(valid)
""",
    },
}
