"""Chapter 3: an RNN from scratch."""

LOOP = """
import torch


def generate(step, prefix, n):
    state = None
    for t in range(prefix.shape[1]):
        logits, state = step(prefix[:, t], state)
    out = []
    for i in range(n):
        token = logits.argmax(1)
        out.append(token)
        if i < n - 1:
            logits, state = step(token, state)
    return torch.stack(out, 1)
"""


def _loop(*changes):
    """Another way to write 3a, with changes."""
    code = LOOP
    for old, new in changes:
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    return code


def _perplexity(line):
    return f"import math\nfrom collections import Counter\n\ncounts, N = Counter(story), len(story)\nstopping_perplexity = {line}\n"


NATS = "sum(-n / N * math.log(n / N) for n in counts.values())"
BITS = "sum(-n / N * math.log2(n / N) for n in counts.values())"

WRONG = {
    "3a": {
        "no warm-up": [("_, state = step(read, state)", "pass")],
        "warm-up thrown away": [("written = []", "written, state = [], None")],
        "warm-up thrown away / kept aside": [("_, state = step(read, state)", "_, warm = step(read, state)")],
        "last token twice": [("for read in warm_up", "for read in [*warm_up, token]")],
        "last token never read": _loop(
            ("range(prefix.shape[1])", "range(prefix.shape[1] - 1)"),
        ),
        "last token never read / cut off": [
            ("prefix.unbind(dim=1)", "prefix[:, : prefix.shape[1] - 1].unbind(dim=1)")
        ],
        "first token lost": _loop(
            ("    out = []", "    token = logits.argmax(1)\n    out = []"),
            (
                "        token = logits.argmax(1)\n",
                "        logits, state = step(token, state)\n        token = logits.argmax(1)\n",
            ),
            ("        if i < n - 1:\n            logits, state = step(token, state)\n", ""),
        ),
        "prefix among the written": [
            (
                "token = logits.argmax(dim=1)\n        written.append(token)",
                "written.append(token)\n        token = logits.argmax(dim=1)",
            )
        ],
        "prefix among the written / and all the rest": [("written = []", "written = [token]")],
        "prefix included": [
            ("torch.stack(written, dim=1)", "torch.cat([prefix, torch.stack(written, dim=1)], dim=1)")
        ],
        "one token too many": [("range(n)", "range(n + 1)")],
        "size of an axis": [("range(n)", "range(n - 1)")],
        "state reset": [("logits, state = step(token, state)", "logits, state = step(token, None)")],
        "state frozen": [("logits, state = step(token, state)", "logits, _ = step(token, state)")],
        "same input": [
            (
                "token = logits.argmax(dim=1)\n        written.append(token)",
                "written.append(logits.argmax(dim=1))",
            )
        ],
        "wrong axis": [("argmax(dim=1)", "argmax(dim=0)")],
        "rows mixed": [("torch.stack(written, dim=1)", "torch.stack(written).reshape(len(prefix), n)")],
        "rows mixed / cat": [("torch.stack(written, dim=1)", "torch.cat(written).view(-1, n)")],
        "drawn": [("logits.argmax(dim=1)", "torch.multinomial(logits.softmax(1), 1)[:, 0]")],
        "one step too many": [("return torch", "step(token, state)\n    return torch")],
        "one step too many / in the loop": _loop(("if i < n - 1", "if True")),
        "too many steps": """
import torch


def generate(step, prefix, n):
    text = prefix
    for _ in range(n):
        state = None
        for token in text.T:
            logits, state = step(token, state)
        text = torch.cat([text, logits.argmax(1, keepdim=True)], 1)
    return text[:, prefix.shape[1] :]
""",
        "values": [("logits.argmax(dim=1)", "logits.argmin(dim=1)")],
        "values / prefix backwards": [("for read in warm_up", "for read in warm_up[::-1]")],
        "order of axes": [("stack(written, dim=1)", "stack(written)")],
        "axis missing": [("stack(written, dim=1)", "cat(written)")],
        "dtype": [("stack(written, dim=1)", "stack(written, dim=1).float()")],
        "not a tensor": [("torch.stack(written, dim=1)", "written[0].tolist()")],
        "nothing": [("return torch", "torch")],
        "crash: only one element tensors": [("logits.argmax(dim=1)", "int(logits.argmax(dim=1))")],
        "crash: token must have the shape": [("unbind(dim=1)", "unbind(dim=0)")],
        "crash: token must have the shape / no axis": [("argmax(dim=1)", "argmax()")],
    },
    "3b": {
        "V": "stopping_perplexity = 27",
        "used characters": _perplexity("len(counts)"),
        "bits": _perplexity(BITS),
        "entropy": _perplexity(NATS),
        "sign": _perplexity("math.exp(sum(n / N * math.log(n / N) for n in counts.values()))"),
        "sign / rounded": "stopping_perplexity = 0.0633",
        "two bases": _perplexity(f"2 ** {NATS}"),
        "two bases / e": _perplexity(f"math.exp({BITS})"),
        "largest share": _perplexity("max(counts.values()) / N"),
        "largest share / percent": "stopping_perplexity = 21",
        "one over the largest share": _perplexity("N / max(counts.values())"),
        "mean of probabilities": _perplexity("1 / sum((n / N) ** 2 for n in counts.values())"),
        "one vote per kind": _perplexity(
            "math.exp(-sum(math.log(n / N) for n in counts.values()) / len(counts))"
        ),
        "no spaces": _perplexity(
            "math.exp(-sum(n / (N - counts[' ']) * math.log(n / (N - counts[' '])) "
            "for kind, n in counts.items() if kind != ' '))"
        ),
        "pairs": "import rnnlib\nindices = rnnlib.Vocab(list(story))[list(story)]\n"
        "stopping_perplexity = rnnlib.NGramModel(indices, 2, 27, 0.999999).perplexity(indices)",
        "values": "stopping_perplexity = 14.2",
        "another text": "stopping_perplexity = 17.7",
        "another text / its unigram": "stopping_perplexity = 17.42",
        "not a number at all": "stopping_perplexity = '15.8'",
    },
}
RIGHT = {
    "3a": {
        "reads all, then writes": LOOP,
        "one loop": """
import torch


def generate(step, prefix, n):
    text, state = prefix, None
    for t in range(prefix.shape[1] + n - 1):
        with torch.no_grad():
            logits, state = step(text[:, t], state)
        if t >= prefix.shape[1] - 1:
            text = torch.cat([text, logits.max(dim=-1, keepdim=True).indices], dim=1)
    return text[:, prefix.shape[1] :]
""",
        "filled in": """
import torch


def generate(step, prefix, n):
    B, T = prefix.shape
    tokens = torch.empty(B, T + n, dtype=torch.int64)
    tokens[:, :T] = prefix
    state = None
    for t in range(T + n - 1):
        logits, state = step(tokens[:, t], state)
        if t + 1 >= T:
            tokens[:, t + 1] = torch.softmax(logits, 1).argmax(1)
    return tokens[:, T:]
""",
    },
    "3b": {
        "rounded": "stopping_perplexity = 15.8",
        "base 2 all the way": _perplexity(f"2 ** {BITS}"),
        "a tensor": "import torch\nshares = torch.tensor([story.count(kind) for kind in set(story)]) / len(story)\n"
        "stopping_perplexity = (-shares * shares.log()).sum().exp()",
        "the library": "import rnnlib\nindices = rnnlib.Vocab(list(story))[list(story)]\n"
        "stopping_perplexity = rnnlib.NGramModel(indices, 1, 27).perplexity(indices)",
        "of the labels": _perplexity(
            "math.exp(-sum(math.log(Counter(story[1:])[one] / (N - 1)) for one in story[1:]) / (N - 1))"
        ),
    },
}
