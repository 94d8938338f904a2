"""Chapter 7: LSTM."""

SHIFT_7A = "before = torch.cat([start, outputs[:-1]])"
SUMS_7A = "sums = X @ lstm.weight_ih_l0.T + before @ lstm.weight_hh_l0.T"
BIASES_7A = "sums = sums + lstm.bias_ih_l0 + lstm.bias_hh_l0"
CUT_7A = "i, f, g, o = sums.chunk(4, dim=-1)"
LAST_7A = "return i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()"
LOOP_7A = """
def gates(lstm, X):
    W_x, W_h = lstm.weight_ih_l0.detach(), lstm.weight_hh_l0.detach()
    b = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach()
    H = C = torch.zeros(X.shape[1], lstm.hidden_size)
    found = []
    for X_t in X:
        i, f, g, o = (X_t @ W_x.T + H @ W_h.T + b).chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        C = f * C + i * g
        H = o * C.tanh()
        found.append(torch.stack([i, f, o, g]))
    return tuple(torch.stack(found, dim=1))
"""
CELL_7A = """
def gates(lstm, X):
    cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size)
    cell.load_state_dict({name.removesuffix("_l0"): p for name, p in lstm.state_dict().items()})
    state, rows = None, []
    for X_t in X:
        h = torch.zeros(len(X_t), lstm.hidden_size) if state is None else state[0]
        rows.append(nn.functional.linear(X_t, cell.weight_ih, cell.bias_ih) + nn.functional.linear(h, cell.weight_hh, cell.bias_hh))
        state = cell(X_t, state)
    H = lstm.hidden_size
    sums = torch.stack(rows)
    return {
        "I": sums[..., :H].sigmoid(),
        "F": sums[..., H : 2 * H].sigmoid(),
        "O": sums[..., 3 * H :].sigmoid(),
        "C": sums[..., 2 * H : 3 * H].tanh(),
    }
"""


def _loop(old, new):
    assert LOOP_7A.count(old) == 1, old
    return LOOP_7A.replace(old, new)


BATCH_7A = LOOP_7A.replace("X.shape[1]", "X.shape[0]").replace("in X:", "in X.unbind(1):")
BATCH_7A = BATCH_7A.replace("torch.stack(found, dim=1)", "torch.stack(found, dim=2)")

GATE_7B = "gate = left ** (1 / steps)"
BIAS_7B = "return math.log(gate / (1 - gate))"
SEARCH_7B = """
def forget_bias(steps, left):
    tried = [k / 100 for k in range(-1500, 1500)]
    return min(tried, key=lambda b: abs((1 / (1 + math.exp(-b))) ** steps - left))
"""

WRONG = {
    "7a": {
        "not four": [(LAST_7A, LAST_7A.replace(", g.tanh()", ""))],
        "not four / as they are": [(LAST_7A, "return sums")],
        "nothing": [(LAST_7A, LAST_7A.removeprefix("return "))],
        "size of an axis": [(SHIFT_7A, "before = outputs[:-1]; X = X[1:]")],
        "torch's order": [(LAST_7A, "return i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()")],
        "another order": [(LAST_7A, "return f.sigmoid(), i.sigmoid(), o.sigmoid(), g.tanh()")],
        "blocks": _loop("i, f, g, o = (X_t", "i, f, o, g = (X_t"),
        "blocks / the state is torch's": [(CUT_7A, CUT_7A.replace("g, o", "o, g"))],
        "one bias": [(BIASES_7A, "sums = sums + lstm.bias_ih_l0")],
        "one bias / in a loop": _loop("lstm.bias_ih_l0 + ", ""),
        "no biases": _loop(" + b)", ")"),
        "candidate through sigma": [(LAST_7A, LAST_7A.replace("tanh", "sigmoid"))],
        "candidate through sigma / in a loop": _loop("g.tanh()", "g.sigmoid()"),
        "gates through tanh": [(LAST_7A, LAST_7A.replace("sigmoid", "tanh"))],
        "gates through tanh / swapped": _loop(
            "i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()", "i.tanh(), f.tanh(), g.sigmoid(), o.tanh()"
        ),
        "no activation": [(LAST_7A, "return i, f, o, g")],
        "state not advanced": _loop("H = o * C.tanh()", "pass"),
        "state not advanced / no weight_hh": [(SUMS_7A, "sums = X @ lstm.weight_ih_l0.T")],
        "C for H": _loop("H @ W_h", "C @ W_h"),
        "H for C": _loop("f * C", "f * H"),
        "no tanh of C": _loop("o * C.tanh()", "o * C"),
        "one step late": [(SHIFT_7A, "before = outputs")],
        "no biases / the state is torch's": [(BIASES_7A, "pass")],
        "wraps around": [(SHIFT_7A, "before = outputs.roll(1, 0)")],
        "moved the other way": [(SHIFT_7A, "before = torch.cat([outputs[1:], start])")],
        "moved the other way / and around": [(SHIFT_7A, "before = outputs.roll(-1, 0)")],
        "time and batch": BATCH_7A,
        "time and batch / only moved": [
            (SHIFT_7A, "before = torch.cat([torch.zeros_like(outputs[:, :1]), outputs[:, :-1]], dim=1)")
        ],
        "interleaved": [(CUT_7A, "i, f, g, o = sums.unflatten(-1, (-1, 4)).unbind(-1)")],
        "interleaved / in a loop": _loop(".chunk(4, dim=-1)", ".view(len(X_t), -1, 4).unbind(-1)"),
        "the network was changed": [
            ("with torch.no_grad():", "with torch.no_grad():\n        lstm.bias_ih_l0 += lstm.bias_hh_l0"),
            ("outputs, _ = lstm(X)", "lstm.bias_hh_l0.zero_()\n        outputs, _ = lstm(X)"),
        ],
        "values": [(SHIFT_7A, "before = torch.cat([start, start, outputs[:-2]])[: len(X)]")],
        "not a number": [(LAST_7A, LAST_7A.replace("g.tanh()", "(g.exp() - 1).log()"))],
    },
    "7b": {
        "not one number": [(BIAS_7B, BIAS_7B.replace("(gate / (1 - gate))", "(gate / (1 - gate)),"))],
        "nothing": [(BIAS_7B, BIAS_7B.removeprefix("return "))],
        "the gate": [(BIAS_7B, "return gate")],
        "one step": [(GATE_7B, "gate = left")],
        "share divided": [(GATE_7B, "gate = left / steps")],
        "loss divided": [(GATE_7B, "gate = 1 - (1 - left) / steps")],
        "power": "def forget_bias(steps, left):\n    gate = left**steps\n    return math.log(gate / (1 - gate))\n",
        "sign": [(BIAS_7B, BIAS_7B.replace("gate / (1 - gate)", "(1 - gate) / gate"))],
        "base 2": [(BIAS_7B, BIAS_7B.replace("log", "log2"))],
        "base 10": [(BIAS_7B, BIAS_7B.replace("log", "log10"))],
        "only the logarithm": [(BIAS_7B, "return math.log(gate)")],
        "halved": [(BIAS_7B, BIAS_7B + " / 2")],
        "not exact": [(BIAS_7B, BIAS_7B.replace("math.log", "round(math.log") + ", 3)")],
        "not exact / in steps of 0.01": SEARCH_7B,
        "bias": [(BIAS_7B, "return 1 / (1 + math.exp(-gate))")],
    },
}
RIGHT = {
    "7a": {
        "step by step": LOOP_7A,
        "with a cell and a dictionary": CELL_7A,
        "a list": [(LAST_7A, LAST_7A.replace("return ", "return [") + "]")],
    },
    "7b": {
        "torch.logit": "def forget_bias(steps, left):\n    return torch.logit(torch.tensor(left, dtype=torch.float64) ** (1 / steps))\n",
        "torch.logit in float32": "def forget_bias(steps, left):\n    return torch.logit(torch.tensor(left) ** (1 / steps))\n",
        "in logarithms": "def forget_bias(steps, left):\n    return -math.log(math.expm1(-math.log(left) / steps))\n",
    },
}

GRU_7C = '"GRU": [0.0008, 0.0012, 0.0006]'
WORDS_7C = '"conclusion": {"RNN": "no", "LSTM": "no", "GRU": "yes"}'
WRONG["7c"] = {
    "no record": "adding = [0.26, 0.17, 0.0008]\n",
    "missing": [(f"{GRU_7C},", "")],
    "too few runs": [(GRU_7C, '"GRU": [0.0008, 0.0012]')],
    "not a result": [(GRU_7C, '"GRU": [0.0008, 0.0012, float("inf")]')],
    "not a result / pairs": [(GRU_7C, '"GRU": [(0, 0.0008), (1, 0.0012), (2, 0.0006)]')],
    "same runs": [(GRU_7C, '"GRU": [0.0008] * 3')],
    "implausible": [(GRU_7C, '"GRU": [0.0008, 0.0012, 6.0]')],
    "implausible / what the GRU has, for the others": [
        ("[0.2597, 0.1761, 0.1876]", "[0.001, 0.002, 0.003]"),
        ("[0.1654, 0.1919, 0.1649]", "[0.001, 0.002, 0.003]"),
        (WORDS_7C, WORDS_7C.replace("no", "yes")),
    ],
    "too few runs / by seed": [(GRU_7C, '"GRU": {0: 0.0008, 1: 0.0012, 2: 0.0006}')],
    "implausible / 0": [(GRU_7C, '"GRU": [0.0008, 0.0012, 0.0]')],
    "one conclusion": [(WORDS_7C, '"conclusion": "GRU"')],
    "not a conclusion": [(WORDS_7C, WORDS_7C.replace('"yes"', "True"))],
    "conclusion": [(WORDS_7C, WORDS_7C.replace('"LSTM": "no"', '"LSTM": "yes"'))],
    "no overlap": [(WORDS_7C, WORDS_7C.replace('"LSTM": "no"', '"LSTM": "undecided"'))],
    "overlap": [(GRU_7C, '"GRU": [0.0008, 0.0012, 0.081]')],
}
RIGHT["7c"] = {
    "one seed too late": [
        (GRU_7C, '"GRU": [0.0008, 0.0012, 0.081, 0.0004]'),
        (WORDS_7C, WORDS_7C.replace("yes", "undecided")),
    ],
    "tuples": [(GRU_7C, '"GRU": (0.0008, 0.0012, 0.0004)')],
    "a tensor": [(GRU_7C, '"GRU": torch.tensor([0.0008, 0.0012, 0.0004])')],
}
