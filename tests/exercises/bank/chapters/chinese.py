"""Chapter 6: Chinese text, and sampling."""

RETURN_A = "return perplexity ** (tokens / characters)"
SUMMED = """
import math


def per_character(perplexity, tokens, characters):
    if isinstance(perplexity, torch.Tensor):
        return torch.exp(torch.log(perplexity) * tokens / characters)
    return math.exp(math.log(perplexity) * tokens / characters)
"""
AS_TENSORS = """
def per_character(perplexity, tokens, characters):
    total = torch.as_tensor(perplexity).log() * torch.as_tensor(tokens)
    return (total / characters).exp()
"""

MASK = "allowed[:, forbidden] = -torch.inf"
SOFTMAX = "P = torch.softmax(allowed / temperature, dim=1)"
ZERO = "\n    P[:, forbidden] = 0"
DRAW = "return torch.multinomial(P, 1, generator=generator).squeeze(1)"
GUMBEL = """
def sample(logits, temperature, forbidden, generator):
    closed = torch.zeros(logits.shape[1], dtype=torch.bool)
    closed[torch.tensor(forbidden, dtype=torch.int64)] = True
    logits = logits.masked_fill(closed, float("-inf"))
    if temperature:
        u = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
        logits = logits / temperature - torch.log(-torch.log(u))
    return torch.argmax(logits, dim=-1)
"""
BY_ROWS = """
def sample(logits, temperature, forbidden, generator):
    allowed = [v for v in range(logits.shape[1]) if v not in forbidden]
    tokens = []
    for row in logits:
        row = row[allowed]
        if temperature == 0:
            chosen = int(row.argmax())
        else:
            P = (row / temperature).softmax(0)
            chosen = int(torch.multinomial(P, 1, generator=generator))
        tokens.append(allowed[chosen])
    return torch.tensor(tokens)
"""
BY_EDGES = """
def sample(logits, temperature, forbidden, generator):
    allowed = logits.double().index_fill(1, torch.tensor(forbidden).long(), -1e9)
    P = torch.softmax(allowed / max(temperature, 1e-9), dim=1)
    edges = P.cumsum(dim=1)
    u = torch.rand(len(P), 1, generator=generator, dtype=torch.float64) * edges[:, -1:]
    return torch.searchsorted(edges, u, right=True)[:, 0].clamp(max=P.shape[1] - 1)
"""
ROW_MAXIMUM = """
def sample(logits, temperature, forbidden, generator):
    allowed = logits.index_fill(1, torch.tensor(forbidden).long(), -torch.inf)
    if temperature == 0:
        return allowed.max(1).indices
    e = torch.exp((allowed - allowed.amax(dim=1, keepdim=True)) / temperature)
    return torch.multinomial(e, 1, generator=generator)[:, 0]
"""
GAP = """
def sample(logits, temperature, forbidden, generator):
    if temperature == 0:
        return logits.index_fill(1, torch.tensor(forbidden).long(), -1e9).argmax(dim=1)
    P = torch.softmax(logits / temperature, dim=1)
    P[:, forbidden] = 0
    edges = P.cumsum(dim=1)
    u = torch.rand(len(P), 1, generator=generator)
    LAST
"""
LATE = """
def sample(logits, temperature, forbidden, generator):
    P = torch.softmax(logits / (temperature or 1), dim=1)
    P[:, forbidden] = 0
    MORE
    if temperature == 0:
        return P.argmax(dim=1)
    return torch.multinomial(P, 1, generator=generator).squeeze(1)
"""
OWN_EXP = """
def sample(logits, temperature, forbidden, generator):
    if temperature == 0:
        return logits.index_fill(1, torch.tensor(forbidden).long(), -1e9).argmax(dim=1)
    e = torch.exp(logits / temperature)
    e[:, forbidden] = 0
    P = e / e.sum(dim=1, keepdim=True)
    DRAW
"""

WRONG = {
    "6a": {
        "divided": [(RETURN_A, "return perplexity * tokens / characters")],
        "divided / inverted": [(RETURN_A, "return perplexity / tokens * characters")],
        "inverted": [(RETURN_A, "return perplexity ** (characters / tokens)")],
        "loss": SUMMED.replace("torch.exp(torch.log(perplexity) * tokens / characters)", "0").replace(
            "math.exp(math.log(perplexity) * tokens / characters)",
            "math.log(perplexity) * tokens / characters",
        ),
        "no logarithm": [(RETURN_A, "return torch.exp(torch.as_tensor(perplexity * tokens / characters))")],
        "two bases": SUMMED.replace("math.log(", "math.log2("),
        "two bases / the other way": SUMMED.replace("math.exp(", "math.exp2("),
        "integer division": [("tokens / characters", "tokens // characters")],
        "integer division / at the end": [(RETURN_A, "return perplexity ** int(tokens / characters)")],
        "one token": [("tokens / characters", "1 / characters")],
        "overflow": AS_TENSORS.replace("(total / characters).exp()", "total.exp() ** (1 / characters)"),
        "crash: OverflowError": [(RETURN_A, "return (perplexity**tokens) ** (1 / characters)")],
        "crash: only one element tensors can be converted": "import math\n\n\ndef per_character(perplexity, tokens, characters):\n"
        "    return math.exp(math.log(perplexity) * tokens / characters)\n",
        "nothing": [("return ", "")],
        "not a number at all": [(RETURN_A, f"return str({RETURN_A[7:]})")],
    },
    "6b": {
        "changed its input": [("logits.clone()", "logits")],
        "forbidden at 0": [("return allowed.argmax", "return logits.argmax")],
        "taken out too late": LATE.replace("MORE", ""),
        "taken out too late / and divided again": LATE.replace("MORE", "P = P / P.sum(dim=1, keepdim=True)"),
        "taken out too late / in float64": LATE.replace("(logits /", "(logits.double() /").replace(
            "MORE", ""
        ),
        "taken out too late / only when drawing": [
            (SOFTMAX, SOFTMAX.replace("allowed", "logits") + ZERO),
        ],
        "one of several": [(MASK, "allowed[:, forbidden[:1]] = -torch.inf")],
        "one of several / copied in the loop": [
            (
                MASK,
                "for v in forbidden:\n        allowed = logits.clone()\n        allowed[:, v] = -torch.inf",
            )
        ],
        "one of several / only when drawing": [
            (MASK, "allowed[:, forbidden[-1:]] = -torch.inf"),
            ("return allowed.argmax", f"{MASK}\n        return allowed.argmax"),
        ],
        "shortened row": [
            (MASK, "allowed = allowed[:, [v for v in range(allowed.shape[1]) if v not in forbidden]]")
        ],
        "shortened row / only when drawing": [
            (
                "P = torch",
                "allowed = allowed[:, [v for v in range(allowed.shape[1]) if v not in forbidden]]\n    P = torch",
            )
        ],
        "below 0": [(DRAW, DRAW + " - logits.shape[1]")],
        "one draw for all / one state for every row": [
            (
                DRAW,
                "seed = generator.initial_seed()\n    return torch.cat([torch.multinomial(row, 1,"
                " generator=generator.manual_seed(seed)) for row in P])",
            )
        ],
        "another temperature": [("allowed / temperature", "allowed / (1.1 * temperature)")],
        "another temperature / squared": [("allowed / temperature", "allowed / temperature**2")],
        "another temperature / never above 1.5": [
            ("allowed / temperature", "allowed / min(temperature, 1.5)")
        ],
        "crash: probability tensor contains / whole rows": [(MASK, "allowed[forbidden] = -torch.inf")],
        "crash: probability tensor contains / 0 times infinity": [
            (
                MASK,
                "mask = torch.zeros_like(allowed)\n    mask[:, forbidden] = 1\n    allowed = allowed + mask * -torch.inf",
            )
        ],
        "logit set to 0": [(MASK, "allowed[:, forbidden] = 0")],
        "logit set to 0 / only when drawing": [
            ("return allowed.argmax", "allowed[:, forbidden] = -1e9\n        return allowed.argmax"),
            (MASK, "allowed[:, forbidden] = 0"),
        ],
        "forbidden drawn": [("softmax(allowed /", "softmax(logits /")],
        "forbidden drawn / no temperature": [("softmax(allowed / temperature", "softmax(logits")],
        "forbidden drawn / a low number": [("P = torch", "allowed[:, forbidden] = 0.7\n    P = torch")],
        "values and indices": [("allowed.argmax(dim=1)", "allowed.max(1)")],
        "one maximum for all": OWN_EXP.replace(
            "logits / temperature", "(logits - logits.max()) / temperature"
        ).replace("DRAW", DRAW),
        "one maximum for all / edges": OWN_EXP.replace(
            "logits / temperature", "(logits - logits.max()) / temperature"
        ).replace(
            "DRAW",
            "edges = P.cumsum(dim=1)\n    u = torch.rand(len(P), 1, generator=generator)\n"
            "    return (edges < u).sum(dim=1).clamp(max=P.shape[1] - 1)",
        ),
        "not the likeliest": [("        return allowed.argmax(dim=1)\n", "        temperature = 1\n")],
        "forbidden at 0 / smallest": [("allowed.argmax", "allowed.argmin")],
        "outside": GAP.replace("LAST", "return torch.searchsorted(edges, u)[:, 0]"),
        "not in proportion": GAP.replace(
            "LAST", "return torch.searchsorted(edges, u)[:, 0].clamp(max=P.shape[1] - 1)"
        ),
        "not in proportion / first": GAP.replace("LAST", "return (edges > u).int().argmax(dim=1)"),
        "not in proportion / replaced by the likeliest": [
            ("softmax(allowed /", "softmax(logits /"),
            (
                DRAW,
                "drawn = torch.multinomial(P, 1, generator=generator)[:, 0]\n"
                "    bad = torch.isin(drawn, torch.tensor(forbidden).long())\n"
                "    return torch.where(bad, torch.full_like(drawn, [i for i in range(P.shape[1])"
                " if i not in forbidden][0]), drawn)",
            ),
        ],
        "multiplied": [("allowed / temperature", "allowed * temperature")],
        "no temperature": [(SOFTMAX, "P = torch.softmax(allowed, dim=1) / temperature")],
        "softmax twice": [
            (SOFTMAX, SOFTMAX + "\n    P = P.softmax(dim=1) * (allowed > -torch.inf)"),
        ],
        "softmax twice / divided between": [
            (SOFTMAX, "P = (allowed.softmax(1) / temperature).softmax(1) * (allowed > -torch.inf)"),
        ],
        "uniform": [(SOFTMAX, "P = (allowed > -torch.inf).float()")],
        "always the likeliest": [(DRAW, "return P.argmax(dim=1)")],
        "one draw for all": [
            (DRAW, "return torch.multinomial(P[:1], 1, generator=generator)[0].expand(len(P))")
        ],
        "another row": [
            (DRAW, "return torch.multinomial(P[0], len(P), replacement=True, generator=generator)")
        ],
        "another row / last": [
            (DRAW, "return torch.multinomial(P[-1], len(P), replacement=True, generator=generator)")
        ],
        "over the batch": [(SOFTMAX, SOFTMAX.replace("dim=1", "dim=0").replace("allowed", "logits") + ZERO)],
        "crash: probability tensor contains / over the batch": [(SOFTMAX, SOFTMAX.replace("dim=1", "dim=0"))],
        "frequencies": [(SOFTMAX, SOFTMAX + "\n    P[P < 0.15] = 0")],
        "generator ignored": [(", generator=generator", "")],
        "seed fixed": [(DRAW, "torch.manual_seed(0)\n    return torch.multinomial(P, 1)[:, 0]")],
        "seed fixed / in the generator": [(DRAW, "generator.manual_seed(0)\n    " + DRAW)],
        "starts anew": [(DRAW, "generator.manual_seed(generator.initial_seed())\n    " + DRAW)],
        "not low enough": [("-torch.inf", "-100")],
        "not low enough when hot": [("-torch.inf", "-1_000")],
        "not low enough when hot / below the smallest": [("-torch.inf", "logits.min() - 20")],
        "overflow": OWN_EXP.replace(
            "DRAW",
            "edges = P.cumsum(dim=1)\n    u = torch.rand(len(P), 1, generator=generator)\n"
            "    return (edges < u).sum(dim=1).clamp(max=P.shape[1] - 1)",
        ),
        "crash: probability tensor contains": OWN_EXP.replace("DRAW", DRAW),
        "crash: probability tensor contains / temperature 0": [("temperature == 0", "temperature < 0")],
        "axis too many": [(".squeeze(1)", "")],
        "dtype": [(DRAW, DRAW + ".float()")],
        "nothing": [("return torch.multi", "torch.multi")],
    },
}
RIGHT = {
    "6a": {"from the losses": SUMMED, "as tensors": AS_TENSORS},
    "6b": {
        "Gumbel": GUMBEL,
        "row by row": BY_ROWS,
        "the maximum of each row": ROW_MAXIMUM,
        "edges and a uniform number": BY_EDGES,
    },
}
