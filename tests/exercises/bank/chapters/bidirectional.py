"""Chapter 9: bidirectional RNNs."""

GRADS_9A = """
def sees(model, T, V):
    model.eval()
    rows = []
    for t in range(T):
        X = torch.rand(T, 2, V).requires_grad_()
        Y = model(X)
        (Y[t] * torch.randn_like(Y[t])).sum().backward()
        rows.append(X.grad.abs().sum(dim=(1, 2)) > 0)
    return torch.stack(rows)
"""
JACOBIAN_9A = """
def sees(model, T, V):
    model = model.eval()
    J = torch.autograd.functional.jacobian(model, torch.randn(T, 1, V))
    return J.abs().amax(dim=(1, 2, 4, 5)) > 1e-9
"""
CHANGED_9A = """
def sees(model, T, V):
    model.eval()
    table = torch.zeros(T, T, dtype=torch.bool)
    with torch.no_grad():
        X = torch.randn(T, 1, V)
        before = model(X)
        for s in range(T):
            other = X.clone()
            other[s] = torch.randn(1, V)
            table[:, s] = (model(other) != before).any(-1).any(-1)
    return table
"""
ONE_PASS_9A = """
def sees(model, T, V):
    model.eval()
    X = torch.randn(T, T, V, requires_grad=True)
    Y = model(X)
    steps = torch.arange(T)
    (Y[steps, steps] * torch.randn(Y.shape[2])).sum().backward()
    return (X.grad != 0).any(-1).T
"""
SUM_9A = """
def sees(model, T, V):
    model.eval()
    X = torch.randn(T, 1, V, requires_grad=True)
    Y = model(X)
    rows = []
    for t in range(T):
        (slope,) = torch.autograd.grad(Y[t].sum(), X, retain_graph=True)
        rows.append((slope != 0).any(-1).any(-1))
    return torch.stack(rows)
"""
PILE_9A = """
def sees(model, T, V):
    model.eval()
    X = torch.randn(T, 1, V, requires_grad=True)
    Y = model(X)
    rows = []
    for t in range(T):
        (Y[t] * torch.randn_like(Y[t])).sum().backward(retain_graph=True)
        rows.append((X.grad != 0).any(-1).any(-1))
    return torch.stack(rows)
"""
CELLS_9B = """
class Bidirectional(nn.Module):
    def __init__(self, ahead, behind):
        super().__init__()
        self.both = nn.ModuleList([ahead, behind])

    def forward(self, X):
        halves, ends = [], []
        for turn, layer in enumerate(self.both):
            read, end = layer(X.flip(0) if turn else X)
            halves.append(read.flip(0) if turn else read)
            ends.append(end[0])
        return torch.cat(halves, 2), torch.stack(ends)
"""
STEPS_9B = """
class Bidirectional(nn.Module):
    def __init__(self, ahead, behind):
        super().__init__()
        self.a, self.b = ahead, behind

    def forward(self, X):
        left = self.a(X)[0]
        state, right = None, []
        for x in reversed(X.unbind(0)):
            y, state = self.b(x[None], state)
            right.insert(0, y)
        right = torch.cat(right)
        return [torch.cat([left, right], -1), torch.stack([left[-1], right[0]])]
"""
JOIN_9B = "torch.cat([left, right.flip(0)], dim=-1)"
ENDS_9B = "torch.cat([left_end, right_end])"

WRONG = {
    "9a": {
        "not True or False": [
            ("table[t] |= (slope != 0).any(dim=1)", "table[t] += slope.abs().sum(dim=1)"),
            (", dtype=torch.bool", ""),
        ],
        "not True or False / 0 and 1": [("return table", "return table.int()")],
        "transposed": [("return table", "return table.T")],
        "signs": [("slope != 0", "slope > 0")],
        "gradients pile up": PILE_9A,
        "gradients pile up / transposed": PILE_9A.replace("torch.stack(rows)", "torch.stack(rows, dim=1)"),
        "gradients pile up / by or": [("table[t] |=", "table[t:] |=")],
        "time and batch swapped": [("model(X[:, None])[:, 0]", "model(X[None])[0]")],
        "one output number only": [("in Y[t]", "in Y[t, :1]")],
        "one input number only": [("(slope != 0).any(dim=1)", "slope[:, 0] != 0")],
        "outputs cancel": SUM_9A,
        "inputs cancel": [("(slope != 0).any(dim=1)", "slope.sum(dim=1) != 0")],
        "X is all zeros": [("torch.randn(T, V", "torch.zeros(T, V")],
        "dropout": [("    model.eval()\n", "")],
        "dropout / mean over rows": [("    model.eval()\n", "    model.train()\n")],
        "X is all equal": [
            ("X = torch.randn(T, V, requires_grad=True)", "X = torch.ones(T, V, requires_grad=True)")
        ],
        "X is all equal / a half": [("torch.randn(T, V, ", "torch.full((T, V), 0.5, ")],
        "X is too large": [
            (
                "torch.randn(T, V, requires_grad=True)",
                "torch.arange(float(T * V)).reshape(T, V).requires_grad_()",
            )
        ],
        "X is too large / all of it": [("torch.randn(T, V, ", "torch.full((T, V), 100.0, ")],
        "threshold": [("slope != 0", "slope.abs() > 1e-3")],
        "threshold / smaller": JACOBIAN_9A.replace("1e-9", "1e-5"),
        "missed": [("return table", "return table & (torch.arange(T)[:, None] > 0)")],
        "missed / what a model should see": "def sees(model, T, V):\n    return torch.ones(T, T).tril() > 0\n",
        "imagined": [("return table", "return table | (torch.eye(T) > 0)")],
        "all True": [("return table", "return torch.ones_like(table)")],
        "the last output only": [("in Y[t]", "in Y[-1]")],
        "all outputs at once": SUM_9A.replace("Y[t].sum()", "Y.sum()"),
        "all outputs at once / transposed": SUM_9A.replace("Y[t].sum()", "Y.sum()").replace(
            "(rows)", "(rows, 1)"
        ),
        "axis missing": [("return table", "return table.any(0)")],
        "nothing": [("return table", "table")],
        "not a tensor": [("return table", "return table.tolist()")],
        "crash: a second time": [(", retain_graph=True", "")],
        "crash: not have been used in the graph": [
            ("torch.autograd.grad(y, X,", "torch.autograd.grad(y, X.clone(),")
        ],
        "crash: only for scalar outputs": SUM_9A.replace("Y[t].sum()", "Y[t]"),
    },
    "9b": {
        "outputs only": [(f"return outputs, {ENDS_9B}", "return outputs")],
        "added": [(JOIN_9B, "left + right.flip(0)")],
        "joined along another axis": [("right.flip(0)], dim=-1)", "right.flip(0)])")],
        "joined along another axis / batch": [("right.flip(0)], dim=-1)", "right.flip(0)], dim=1)")],
        "joined along another axis / a new one": [
            ("torch.cat([left, right.flip(0)], dim=-1)", "torch.stack([left, right.flip(0)])")
        ],
        "not turned at all": [("X.flip(0)", "X"), ("right.flip(0)", "right")],
        "not turned back": [("right.flip(0)", "right")],
        "input not turned": [("X.flip(0)", "X")],
        "another axis": [("X.flip(0)", "X.flip(1)"), ("right.flip(0)", "right.flip(1)")],
        "another axis / the input": [("X.flip(0)", "X.flip(1)"), ("right.flip(0)", "right")],
        "another axis / back": [("right.flip(0)", "right.flip(1)")],
        "another axis / features": [("X.flip(0)", "X.flip(-1)"), ("right.flip(0)", "right.flip(-1)")],
        "another axis / all": [("X.flip(0)", "X.flip(0, 1, 2)"), ("right.flip(0)", "right.flip(0, 1, 2)")],
        "another axis / time and batch": [("X.flip(0)", "X.flip(0, 1)")],
        "everything turned": [(JOIN_9B, "torch.cat([left, right], dim=-1).flip(0)")],
        "everything turned / the forward half": [(JOIN_9B, "torch.cat([left.flip(0), right], dim=-1)")],
        "halves swapped": [("[left, right.flip(0)]", "[right.flip(0), left]")],
        "halves swapped / and not back": [("[left, right.flip(0)]", "[right, left]")],
        "layers exchanged": [("= ahead, behind\n\n", "= behind, ahead\n\n")],
        "layers exchanged / the halves, too": [
            ("= ahead, behind\n\n", "= behind, ahead\n\n"),
            ("[left, right.flip(0)]", "[right.flip(0), left]"),
        ],
        "state handed on": [("self.behind(X.flip(0))", "self.behind(X.flip(0), left_end)")],
        "rows of the state": [
            ("X.flip(0)", "X.flip((0, 1))"),
            ("right.flip(0)", "right.flip((0, 1))"),
        ],
        "one layer twice": [("self.behind(X", "self.ahead(X")],
        "one layer twice / the other": [("self.ahead(X", "self.behind(X")],
        "one layer twice / registered once": [("ahead, behind\n\n", "ahead, ahead\n\n")],
        "copies": [
            ("class Bidirectional", "import copy\n\n\nclass Bidirectional"),
            ("= ahead, behind\n\n", "= copy.deepcopy(ahead), copy.deepcopy(behind)\n\n"),
        ],
        "two states": [(ENDS_9B, "(left_end, right_end)")],
        "states side by side": [(ENDS_9B, "torch.cat([left_end, right_end], dim=-1)")],
        "states side by side / without an axis": [
            (ENDS_9B, "torch.cat([left_end[0], right_end[0]], dim=-1)")
        ],
        "state at the wrong end": [(ENDS_9B, "torch.stack([left[-1], right[0]])")],
        "state at the wrong end / by the halves": [(ENDS_9B, "torch.stack(outputs[-1].chunk(2, dim=-1))")],
        "state at the wrong end / read forward": [(ENDS_9B, "torch.cat([left_end, self.behind(X)[1]])")],
        "forward state at the wrong end": [(ENDS_9B, "torch.stack(outputs[0].chunk(2, dim=-1))")],
        "forward state at the wrong end / both": [(ENDS_9B, "torch.stack([left[0], right[0]])")],
        "states swapped": [("[left_end, right_end]", "[right_end, left_end]")],
        "axis too many": [(ENDS_9B, "torch.stack([left_end, right_end])")],
        "no gradient": [("right.flip(0)]", "right.flip(0).detach()]")],
        "no parameters": [
            ("self.ahead, self.behind = ahead, behind", "self.both = [ahead, behind]"),
            ("self.ahead(", "self.both[0]("),
            ("self.behind(", "self.both[1]("),
        ],
        "crash: tuple": [("left, left_end = self.ahead(X)", "left = left_end = self.ahead(X)")],
        "crash: RecursionError": [
            ("self.ahead, self.behind = ahead, behind", "self.forward, self.backward = ahead, behind"),
            ("self.ahead(", "self.forward("),
            ("self.behind(", "self.backward("),
        ],
    },
}

RIGHT = {
    "9a": {
        "random direction": GRADS_9A,
        "jacobian": JACOBIAN_9A,
        "by changing inputs": CHANGED_9A,
        "one pass": ONE_PASS_9A,
    },
    "9b": {"in a loop": CELLS_9B, "step by step": STEPS_9B},
}
