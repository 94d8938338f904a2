"""Chapter 5: the concise RNN."""

OUTPUT_5A = "output = (B, T, D * H) if batch_first else (T, B, D * H)"
PART_5A = "part = (L * D, B, H)"
PAIR_5A = "return output, (part, part), 2"
ONE_5A = "return output, (part,), L * D"
TABLE_5A = """
def shapes(kind, B, T, V, H, L, D, batch_first):
    parts = {"RNN": 1, "GRU": 1, "LSTM": 2}[kind]
    output = [T, B, D * H]
    if batch_first:
        output[:2] = output[1::-1]
    state = parts * [[D * L, B, H]]
    return [output, state, len(state) if parts == 2 else state[0][0]]
"""
SIZES_5A = """
def shapes(kind, B, T, V, H, L, D, batch_first):
    lead = torch.Size([B, T]) if batch_first else torch.Size([T, B])
    state = (torch.Size([L * D, B, H]),) * (1 + (kind == "LSTM"))
    return tuple(lead) + (D * H,), state, 2 if kind == "LSTM" else D * L
"""
RUN_5A = """
def shapes(kind, B, T, V, H, L, D, batch_first):
    layer = getattr(nn, kind)(V, H, L, batch_first=batch_first, bidirectional=D == 2)
    output, state = layer(torch.zeros(B, T, V) if batch_first else torch.zeros(T, B, V))
    parts = state if kind == "LSTM" else (state,)
    return tuple(output.shape), tuple(tuple(p.shape) for p in parts), len(state)
"""

TAIL_5B = "tail = sum(math.comb(n, k) for k in range(min(a_wins, b_wins) + 1))"
TEST_5B = "if 2 * tail / 2**n > 0.05:"
A_5B = "a_wins = sum(x < y for x, y in zip(a, b))"
B_5B = "b_wins = sum(y < x for x, y in zip(a, b))"
N_5B = "n = a_wins + b_wins"
LAST_5B = 'return "a" if a_wins > b_wins else "b"'


def _by(key):
    return f"""
import statistics


def verdict(a, b):
    one, other = {key}(a), {key}(b)
    return "undecided" if one == other else "a" if one < other else "b"
"""


def _shorter(key):
    return f"""
import statistics


def verdict(a, b):
    return "a" if {key}(a) < {key}(b) else "b"
"""


ADDED_5B = """
def verdict(a, b):
    signs = [(x > y) - (x < y) for x, y in zip(a, b) if x != y]
    chances = [1.0]
    for _ in signs:
        chances = [(p + q) / 2 for p, q in zip([0.0] + chances, chances + [0.0])]
    wins = signs.count(-1)
    p = sum(one for k, one in enumerate(chances) if abs(2 * k - len(signs)) >= abs(2 * wins - len(signs)))
    if p >= 0.05:
        return "undecided"
    return "ab"[sum(signs) > 0]
"""
TENSORS_5B = """
def verdict(a, b):
    gap = torch.tensor(a, dtype=torch.float64) - torch.tensor(b, dtype=torch.float64)
    wins, n = int((gap < 0).sum()), int((gap != 0).sum())
    k = torch.arange(n + 1)
    ways = torch.tensor([math.comb(n, i) for i in range(n + 1)], dtype=torch.float64) / 2**n
    p = min(ways[k <= wins].sum(), ways[k >= wins].sum()) * 2
    return "undecided" if p >= 0.05 else "a" if wins > n - wins else "b"
"""
UNPAIRED_5B = """
def verdict(a, b):
    wins = sum(x < y for x in a for y in b)
    losses = sum(x > y for x in a for y in b)
    n = wins + losses
    p = 2 * sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n
    return "undecided" if p > 0.05 else "a" if wins > losses else "b"
"""

WRONG = {
    "5a": {
        "not three / a pair": """
def shapes(kind, B, T, V, H, L, D, batch_first):
    return (B, T, D * H) if batch_first else (T, B, D * H), ((L * D, B, H),) * (1 + (kind == "LSTM"))
""",
        "not three": [(PAIR_5A, "return output, (part, part)"), (ONE_5A, "return output, (part,)")],
        "no shape": [
            (PAIR_5A, 'return "T, B, H", (part, part), 2'),
            (ONE_5A, 'return "T, B, H", (part,), 1'),
        ],
        "no shape / of the state": [(ONE_5A, "return output, L * D, L * D")],
        "nothing": [(ONE_5A, "output, (part,), L * D"), (PAIR_5A, "output, (part, part), 2")],
        "not a tuple of tuples": [(ONE_5A, "return output, (part), L * D")],
        "ran a layer": RUN_5A,
        "output turned": [(OUTPUT_5A, "output = (T, B, D * H) if batch_first else (B, T, D * H)")],
        "output turned / never": [(OUTPUT_5A, "output = (T, B, D * H)")],
        "one direction in output": [(OUTPUT_5A, OUTPUT_5A.replace("D * H", "H"))],
        "layers in output": [(OUTPUT_5A, OUTPUT_5A.replace("D * H", "L * D * H"))],
        "layers in output / in front": [(OUTPUT_5A, f"{OUTPUT_5A}; output = (L, *output)")],
        "inputs in output": [(OUTPUT_5A, OUTPUT_5A.replace("D * H", "V"))],
        "output": [(OUTPUT_5A, OUTPUT_5A.replace("D * H", "B"))],
        "one part": [(PAIR_5A, "return output, (part,), 2")],
        "two parts": [(ONE_5A, "return output, (part, part), L * D")],
        "two parts / a GRU is taken for an LSTM": [('kind == "LSTM"', 'kind != "RNN"')],
        "two parts / one for each layer": [(ONE_5A, "return output, ((D, B, H),) * L, L * D")],
        "state turned": [(PART_5A, "part = (B, L * D, H) if batch_first else (L * D, B, H)")],
        "one direction in the state": [(PART_5A, "part = (L, B, H)")],
        "one layer in the state": [(PART_5A, "part = (D, B, H)")],
        "directions side by side": [(PART_5A, "part = (L, B, D * H)")],
        "state": [(PART_5A, "part = (L * D, T, H)")],
        "length of a pair": [(PAIR_5A, "return output, (part, part), L * D")],
        "length of a tensor": [(ONE_5A, "return output, (part,), 1")],
        "length": [(ONE_5A, "return output, (part,), B")],
    },
    "5b": {
        "not a verdict": [(LAST_5B, "return a_wins > b_wins")],
        "nothing": [(LAST_5B, LAST_5B.removeprefix("return "))],
        "the slower one": [(LAST_5B, LAST_5B.replace(">", "<"))],
        "never": [(TEST_5B, TEST_5B.replace(" / 2**n", ""))],
        "never / divided by n": [(TEST_5B, TEST_5B.replace("/ 2**n", "/ max(1, n)"))],
        "never / 5 for 5 %": [
            (TEST_5B, TEST_5B.replace("2 * tail / 2**n > 0.05", "200 * tail / 2**n > 0.05"))
        ],
        "never / written down": 'def verdict(a, b):\n    return "undecided"\n',
        "stops short": [(TAIL_5B, TAIL_5B.replace(" + 1", ""))],
        "stops short / of one tail": [
            (TAIL_5B, TAIL_5B.replace(" + 1", "")),
            (TEST_5B, TEST_5B.replace("2 * tail", "tail")),
        ],
        "small gaps": [(A_5B, "a, b = [round(x, 1) for x in a], [round(y, 1) for y in b]\n    " + A_5B)],
        "small gaps / a margin": [
            (A_5B, "a, b = zip(*[(x, y if abs(x - y) > 0.05 else x) for x, y in zip(a, b)])\n    " + A_5B)
        ],
        "small gaps / whole numbers": [(A_5B, "a, b = list(map(int, a)), list(map(int, b))\n    " + A_5B)],
        "small gaps / isclose": [
            (
                A_5B,
                "a, b = zip(*[(x, x if math.isclose(x, y, abs_tol=2e-3) else y) for x, y in zip(a, b)])\n    "
                + A_5B,
            )
        ],
        "changed its input": [(LAST_5B, f"a.clear()\n    {LAST_5B}")],
        "changed its input / sorted in place": [(LAST_5B, f"b.sort()\n    {LAST_5B}")],
        "means": _by("statistics.mean"),
        "means / no word for equal ones": _shorter("statistics.mean"),
        "medians": _by("statistics.median"),
        "medians / no word for equal ones": _shorter("statistics.median"),
        "minima": _by("min"),
        "minima / no word for equal ones": _shorter("min"),
        "majority": [(TEST_5B, "if a_wins == b_wins:")],
        "majority / no word for equal ones": [(TEST_5B, "if False:")],
        "one-sided": [(TEST_5B, TEST_5B.replace("2 * tail", "tail"))],
        "unpaired": [(A_5B, f"a, b = sorted(a), sorted(b)\n    {A_5B}")],
        "unpaired / all with all": UNPAIRED_5B,
        "ties": [(N_5B, "n = len(a)")],
        "ties / for b": [(B_5B, "b_wins = len(a) - a_wins")],
        "ties / for a": [(A_5B, A_5B.replace("<", "<="))],
        "ties / as a loss of the winner": [
            (TAIL_5B, TAIL_5B.replace("min", "max")),
            (N_5B, "n = len(a)"),
            (TEST_5B, "tail = 2**n - tail + math.comb(n, max(a_wins, b_wins))\n    " + TEST_5B),
        ],
        "threshold": [("0.05", "0.01")],
        "threshold / 4 %": [("0.05", "0.04")],
        "threshold / 6 %": [("0.05", "0.06")],
        "threshold / 8 %": [("0.05", "0.08")],
        "one score": [(TAIL_5B, "tail = math.comb(n, a_wins)")],
        "normal / with a continuity correction": [
            (TEST_5B, "if max(0, abs(a_wins - b_wins) - 1) <= 1.96 * n**0.5:")
        ],
        "normal": [(TEST_5B, "if abs(a_wins - b_wins) <= 1.96 * n**0.5:")],
        "not symmetric": [(TAIL_5B, TAIL_5B.replace("min(a_wins, b_wins)", "b_wins"))],
        "one-sided / at 10 %": [(TEST_5B, TEST_5B.replace("0.05", "0.1"))],
        "verdict": [(TEST_5B, "if max(a_wins, b_wins) <= 0.8 * n:")],
        "crash: ZeroDivisionError": [(TEST_5B, "if a_wins / n < 0.8:")],
    },
}
RIGHT = {
    "5a": {"a table and lists": TABLE_5A, "torch.Size": SIZES_5A},
    "5b": {
        "one coin after the other": ADDED_5B,
        "with tensors": TENSORS_5B,
        "what is lost to rounding is a tie": [
            (A_5B, "a = [y if math.isclose(x, y) else x for x, y in zip(a, b)]\n    " + A_5B)
        ],
        "p capped at 1": [(TEST_5B, "if min(1.0, tail / 2 ** (n - 1)) >= 0.05:")],
    },
}

LOW_32 = '"H = 32, lowest": [6.485, 6.545, 6.480]'
LAST_32 = '"H = 32, last": [6.485, 6.545, 6.480]'
LAST_256 = '"H = 256, last": [21.59, 23.73, 21.90]'
WORD_5C = '"conclusion": "256"'
ALIKE_5C = """
overfit = {
    "H = 32, lowest": [6.485, 6.545, 6.480],
    "H = 32, last": [6.5, 6.6, 6.5],
    "H = 256, lowest": [7.281, 7.241, 7.222],
    "H = 256, last": [21.59, 23.73, 21.90],
    "conclusion": "256",
}
"""
WRONG["5c"] = {
    "no record": "overfit = [6.485, 21.59]\n",
    "missing": [(f"{LAST_32},", "")],
    "too few runs": [(LAST_256, LAST_256.replace(", 23.73", ""))],
    "too few runs / the last ones": [(LOW_32, LOW_32.replace("6.545", "6.545, 6.52"))],
    "not a result": [("21.90", "math.inf")],
    "not a result / a text": [("21.90", '"21.90"')],
    "same runs": [(LOW_32, '"H = 32, lowest": 3 * [6.485]')],
    "implausible": [("21.90", "2.190")],
    "implausible / losses, not perplexities": [(LOW_32, '"H = 32, lowest": [1.870, 1.879, 1.869]')],
    "last below lowest": [(LOW_32, '"H = 32, lowest": [6.545, 6.485, 6.480]')],
    "not a conclusion": [(WORD_5C, '"conclusion": "wide"')],
    "conclusion": [(WORD_5C, '"conclusion": "32"')],
    "no overlap": [(WORD_5C, '"conclusion": "undecided"')],
}
RIGHT["5c"] = {
    "other seeds": ALIKE_5C,
    "tensors and a number": [
        (LAST_256, '"H = 256, last": torch.tensor([21.59, 23.73, 21.90])'),
        (WORD_5C, '"conclusion": 256'),
    ],
    "four seeds, tuples": [
        (LOW_32, '"H = 32, lowest": (6.485, 6.545, 6.480, 6.62)'),
        (LAST_32, '"H = 32, last": (6.485, 6.545, 6.480, 6.63)'),
    ],
}
