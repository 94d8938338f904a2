"""Set F: backward passes with the usual mistakes, and in other styles."""

# ---------- F1 ----------
F1_AUTOGRAD = """
def lstm_step_backward(kept, dH, dC):
    X, H_0, C_0, W_x, W_h = (one.clone().requires_grad_() for one in kept[:5])
    with torch.no_grad():
        A = kept[0] @ kept[3] + kept[1] @ kept[4]
        I, F, G, O = kept[5:9]
        raw = torch.cat([torch.logit(I), torch.logit(F), torch.atanh(G), torch.logit(O)], 1)
        b = raw - A
    b.requires_grad_()
    with torch.enable_grad():
        H, C, _ = lstm_step(X, H_0, C_0, W_x, W_h, b)
        loss = (H * dH).sum() + (C * dC).sum()
        *grads, db = torch.autograd.grad(loss, [X, H_0, C_0, W_x, W_h, b])
    return *grads, db.sum(0)
"""
F1_IMPORTED = """
def lstm_step_backward(kept, dH, dC):
    from torch.autograd import grad as solve
    X, H_0, C_0, W_x, W_h, I, F, G, O, C = kept
    with torch.no_grad():
        S = torch.tanh(C)
    dC = dC + dH * O * (1 - S * S)
    dA = torch.cat([dC * G * I * (1 - I), dC * C_0 * F * (1 - F), dC * I * (1 - G * G), dH * S * O * (1 - O)], 1)
    return dA @ W_x.T, dA @ W_h.T, dC * F, X.T @ dA, H_0.T @ dA, dA.sum(0)
"""
F1_HELPER = """
def through_sigmoid(d, s):
    return d * s * (1 - s)

def lstm_step_backward(kept, dH, dC):
    X, H_0, C_0, W_x, W_h, I, F, G, O, C = kept
    S = torch.tanh(C)
    dC = dC + dH * O * (1 - S * S)
    dA = [through_sigmoid(dC * G, I), through_sigmoid(dC * C_0, F), dC * I * (1 - G * G), through_sigmoid(dH * S, O)]
    dA = torch.cat(dA, 1)
    return dA @ W_x.T, dA @ W_h.T, dC * F, X.T @ dA, H_0.T @ dA, dA.sum(0)
"""
F1_EINSUM = """
def lstm_step_backward(kept, dH, dC):
    X, H_0, C_0, W_x, W_h, I, F, G, O, C = kept

    def through(d, value, kind="sigmoid"):
        return d * (1 - value.square() if kind == "tanh" else value - value.square())

    dC_all = dC.clone()
    dC_all += dH * O / torch.cosh(C).square()
    blocks = [through(dC_all * G, I), through(dC_all * C_0, F), through(dC_all * I, G, "tanh")]
    blocks.append(through(dH * C.tanh(), O))
    dA = torch.stack(blocks, dim=1)  # (B, 4, H)
    H = H_0.size(1)
    dX = torch.einsum("bgh,dgh->bd", dA, W_x.reshape(-1, 4, H))
    dH_0 = torch.einsum("bgh,kgh->bk", dA, W_h.reshape(-1, 4, H))
    dW_x = torch.einsum("bd,bgh->dgh", X, dA).flatten(1)
    dW_h = torch.einsum("bd,bgh->dgh", H_0, dA).flatten(1)
    return [dX, dH_0, dC_all * F, dW_x, dW_h, dA.flatten(1).sum(0)]
"""
F1_GATES = """
def lstm_step_backward(kept, dH, dC):
    X, H_0, C_0, W_x, W_h, I, F, G, O, C = kept
    tanh_C = torch.tanh(C)
    d_cell = torch.add(dC, torch.mul(dH, O) * (1 - tanh_C.pow(2)))
    gates = {"I": (d_cell * G, I), "F": (d_cell * C_0, F), "G": (d_cell * I, G), "O": (dH * tanh_C, O)}
    dX, dH_0 = torch.zeros_like(X), torch.zeros_like(H_0)
    dW_x, dW_h, db = [], [], []
    for k, (name, (d, value)) in enumerate(gates.items()):
        slope = 1 - value**2 if name == "G" else value * (1 - value)
        d = d * slope
        dX += torch.matmul(d, W_x.chunk(4, 1)[k].t())
        dH_0 += torch.matmul(d, W_h.chunk(4, 1)[k].transpose(0, 1))
        dW_x.append((X[:, :, None] * d[:, None]).sum(0))
        dW_h.append((H_0.unsqueeze(2) * d.unsqueeze(1)).sum(0))
        db.append(d.sum(0))
    return dX, dH_0, d_cell * F, torch.cat(dW_x, 1), torch.cat(dW_h, 1), torch.cat(db)
"""
F1_DC = "    dC = dC + dH * O * (1 - squashed**2)\n"
F1_RETURN = "dX, dH_0, dC_0 = dA @ W_x.T, dA @ W_h.T, dC * F"
F1_LATE = "dX, dH_0, dC_0 = dA @ W_x.T, dA @ W_h.T, dC_in * F"
F1_SUM = "X.T @ dA, H_0.T @ dA, dA.sum(dim=0)"
F1_CAT = "torch.cat([di, df, dg, do], dim=1)"

# ---------- F2 ----------
F2_AUTOGRAD = """
def gru_step_backward(kept, dH):
    X, H_0, W_x, W_h, R, Z, N, P = kept
    H = H_0.shape[1]
    b_h = P[0] - (H_0 @ W_h)[0, 2 * H:]
    b_h = torch.cat([torch.zeros_like(b_h), torch.zeros_like(b_h), b_h])
    raw = torch.cat([torch.logit(R), torch.logit(Z), torch.atanh(N) - R * P], 1)
    other = (H_0 @ W_h).clone()
    other[:, 2 * H:] = 0
    b_x = (raw - X @ W_x - other)[0]
    given = [one.detach().clone().requires_grad_() for one in (X, H_0, W_x, W_h, b_x, b_h)]
    out, _ = gru_step(*given)
    out.backward(dH)
    return tuple(one.grad for one in given)
"""
F2_BLOCKS = """
def gru_step_backward(kept, dH):
    X, H_0, W_x, W_h, R, Z, N, P = kept
    W_hr, W_hz, W_hn = W_h.chunk(3, dim=1)
    W_xr, W_xz, W_xn = W_x.chunk(3, dim=1)
    direct, dN, dZ = dH * Z, dH - dH * Z, dH * H_0 - dH * N
    da_n = dN - dN * N * N
    dP, dR = da_n * R, da_n * P
    da_r, da_z = dR * (R - R * R), dZ * (Z - Z * Z)
    dX = da_r @ W_xr.mT + da_z @ W_xz.mT + da_n @ W_xn.mT
    dH_0 = direct + da_r @ W_hr.mT + da_z @ W_hz.mT + dP @ W_hn.mT
    rows = range(len(X))
    dW_x = sum(torch.outer(X[b], torch.cat([da_r[b], da_z[b], da_n[b]])) for b in rows)
    dW_h = sum(torch.outer(H_0[b], torch.cat([da_r[b], da_z[b], dP[b]])) for b in rows)
    both = torch.cat([da_r, da_z], dim=1).sum(0)
    return dX, dH_0, dW_x, dW_h, torch.cat([both, da_n.sum(0)]), torch.cat([both, dP.sum(0)])
"""
F2_FUNCTIONAL = """
import torch.nn.functional as F

def gru_step_backward(kept, dH):
    X, H_0, W_x, W_h, R, Z, N, P = kept
    sigmoid_slope = lambda s: s * (1 - s)
    dn = dH * (1 - Z) * (1 - N**2)
    gates = torch.stack([dn * P * sigmoid_slope(R), dH * (H_0 - N) * sigmoid_slope(Z)])
    inside = torch.cat([*gates, dn], -1)
    hidden = torch.cat([*gates, dn * R], -1)
    dW_x = torch.einsum("bd,bk->dk", X, inside)
    dW_h = torch.einsum("bd,bk->dk", H_0, hidden)
    return F.linear(inside, W_x), dH * Z + F.linear(hidden, W_h), dW_x, dW_h, inside.sum(0), hidden.sum(0)
"""
F2_DZ = "dz = dH * (H_0 - N) * Z * (1 - Z)"
F2_DH = "dA_h @ W_h.T + dH * Z"
F2_FLIP = [
    ("dn = dH * (1 - Z) * (1 - N**2)", "dn = dH * Z * (1 - N**2)"),
    ("(H_0 - N)", "(N - H_0)"),
    ("+ dH * Z\n", "+ dH * (1 - Z)\n"),
]
F2_BIAS = "dA_x.sum(dim=0), dA_h.sum(dim=0)"
F2_CAT_H = "torch.cat([dr, dz, dn * R], dim=1)"

# ---------- F3 ----------
F3_AUTOGRAD = """
def rnn_steps_backward(kept, dH):
    X, states, W_xh, W_hh = kept
    b = (torch.atanh(states[1]) - X[0] @ W_xh - states[0] @ W_hh)[0]
    given = [one.clone().requires_grad_() for one in (X, states[0], W_xh, W_hh, b)]
    X, H, W_xh, W_hh, b = given
    loss = 0
    for t in range(len(X)):
        H = torch.tanh(X[t] @ W_xh + H @ W_hh + b)
        loss = loss + (H * dH[t]).sum()
    return torch.func.grad(lambda x: x, loss) if loss is None else torch.autograd.grad(loss, given)
"""
F3_LISTS = """
def rnn_steps_backward(kept, dH):
    X, states, W_xh, W_hh = kept
    back, W = [], W_hh.T.contiguous()
    later = torch.zeros(states.shape[1:], dtype=states.dtype)
    for d, H in zip(dH.flip(0), states[1:].flip(0)):
        back.append((d + later) * (1 - H.square()))
        later = back[-1].mm(W)
    dA = torch.stack(back[::-1])
    dW_xh = torch.einsum("tbd,tbh->dh", X, dA)
    dW_hh = torch.tensordot(states[:-1], dA, dims=([0, 1], [0, 1]))
    return torch.einsum("tbh,dh->tbd", dA, W_xh), later, dW_xh, dW_hh, dA.sum((0, 1))
"""
F3_WHILE = """
def rnn_steps_backward(kept, dH):
    X, states, W_xh, W_hh = kept
    T, B, D = X.shape
    dA, t, carried = torch.zeros_like(dH), T - 1, 0
    while t >= 0:
        total = dH[t] + carried
        dA[t] = total - total * states[t + 1] ** 2
        carried = torch.matmul(dA[t], W_hh.transpose(0, 1))
        t -= 1
    both = torch.cat([X, states[:-1]], dim=2).reshape(T * B, -1)
    rows = dA.reshape(T * B, -1)
    dW = both.T @ rows
    dX = (rows @ W_xh.T).reshape(T, B, D)
    return dX, carried, dW[:D], dW[D:], rows.sum(0)
"""
F3_LOOP = """
def rnn_steps_backward(kept, dH):
    X, states, W_xh, W_hh = kept
    dX, dW_xh, dW_hh = torch.zeros_like(X), torch.zeros_like(W_xh), torch.zeros_like(W_hh)
    carried, db = torch.zeros_like(states[0]), 0
    for t in reversed(range(len(X))):
        dA = (dH[t] + carried) * (1 - states[t + 1] ** 2)
        dX[t], carried = dA @ W_xh.T, dA @ W_hh.T
        dW_xh += X[t].T @ dA
        dW_hh += states[t].T @ dA
        db = db + dA.sum(0)
    return dX, carried, dW_xh, dW_hh, db
"""
F3_FORWARD = [("reversed(range(len(X)))", "range(len(X))")]
F3_STEP = "        dA[t] = (dH[t] + carried) * slopes[t]\n"
F3_HH = "dW_hh = states[:-1].flatten(0, 1).T @ rows"
F3_XH = "dW_xh = X.flatten(0, 1).T @ rows"
F3_CARRY = "carried = dA[t] @ W_hh.T"

WRONG = {
    "F1": {
        "not a tuple": [
            ("return dX, dH_0, dC_0, X.T @ dA, H_0.T @ dA, dA.sum(dim=0)", "return dX, dH_0, dC_0")
        ],
        "not a tuple / one": [("return dX, dH_0, dC_0, X.T @ dA, H_0.T @ dA, dA.sum(dim=0)", "return dA")],
        "nothing": [("    return dX", "    dX")],
        "batch not summed": [("dA.sum(dim=0)", "dA")],
        "batch not summed / products": [("X.T @ dA, H_0", "X[:, :, None] * dA[:, None], H_0")],
        "summed over the gates": [("dA.sum(dim=0)", "dA.sum(dim=1)")],
        "size of an axis": [("dA.sum(dim=0)", "dg.sum(dim=0)")],
        "exchanged": [
            (
                "dX, dH_0, dC_0 = dA @ W_x.T, dA @ W_h.T, dC * F",
                "dX, dC_0, dH_0 = dA @ W_x.T, dA @ W_h.T, dC * F",
            )
        ],
        "activated again": [
            (
                "    squashed =",
                "    I, F, G, O = I.sigmoid(), F.sigmoid(), G.tanh(), O.sigmoid()\n    squashed =",
            )
        ],
        "activated again / in the derivatives": [
            ("I * (1 - I)", "I.sigmoid() * (1 - I.sigmoid())"),
            ("F * (1 - F)", "F.sigmoid() * (1 - F.sigmoid())"),
            ("O * (1 - O)", "O.sigmoid() * (1 - O.sigmoid())"),
        ],
        "output gate from dC": [("do = dH *", "do = dC *")],
        "imported": [
            ("def lstm_step_backward", "from torch import tanh\n\n\ndef lstm_step_backward"),
            ("torch.tanh(C)", "tanh(C)"),
        ],
        "order of axes": [("X.T @ dA, H_0", "dA.T @ X, H_0")],
        "dtype": [("X.T @ dA, H_0", "(X.T @ dA).float(), H_0")],
        "mean over the batch": [("dA.sum(dim=0)", "dA.mean(dim=0)")],
        "mean over the batch / weights": [("X.T @ dA, H_0", "X.T @ dA / len(X), H_0")],
        "no dC": [(F1_DC, F1_DC.replace("dC + dH", "dH"))],
        "no dC / at the end": [
            (F1_DC, "    dC_in = dH * O * (1 - squashed**2)\n    dC = dC + dC_in\n"),
            (F1_RETURN, F1_LATE),
        ],
        "no path through H": [(F1_DC, "")],
        "no path through H / at the end": [(F1_DC, "    dC_in = dC\n" + F1_DC), (F1_RETURN, F1_LATE)],
        "flat cell": [(" * (1 - squashed**2)", "")],
        "slope of another": [("(1 - squashed**2)", "(1 - C**2)")],
        "slope of another / H": [("(1 - squashed**2)", "(1 - (O * squashed) ** 2)")],
        "output gate not on the way": [("dH * O * (1 - squashed**2)", "dH * (1 - squashed**2)")],
        "flat candidate": [("dg = dC * I * (1 - G**2)", "dg = dC * I")],
        "candidate with a sigmoid": [("(1 - G**2)", "G * (1 - G)")],
        "flat gate": [("C_0 * F * (1 - F)", "C_0")],
        "flat gate / all": [
            ("G * I * (1 - I)", "G"),
            ("C_0 * F * (1 - F)", "C_0"),
            ("squashed * O * (1 - O)", "squashed"),
        ],
        "flat gate / everything": [
            ("G * I * (1 - I)", "G"),
            ("C_0 * F * (1 - F)", "C_0"),
            ("squashed * O * (1 - O)", "squashed"),
            ("dC * I * (1 - G**2)", "dC * I"),
        ],
        "I and F swapped": [("dC * G * I", "dC * C_0 * I"), ("dC * C_0 * F", "dC * G * F")],
        "I and F swapped / one": [("dC * C_0 * F", "dC * G * F")],
        "new C for the old": [("dC * C_0 * F", "dC * C * F")],
        "output gate without tanh": [("dH * squashed * O", "dH * C * O")],
        "candidate's gate": [("dC * I * (1 - G**2)", "dC * F * (1 - G**2)")],
        "candidate's gate / O": [("dC * I * (1 - G**2)", "dC * O * (1 - G**2)")],
        "candidate's gate / none": [("dC * I * (1 - G**2)", "dC * (1 - G**2)")],
        "order of blocks": [(F1_CAT, "torch.cat([di, df, do, dg], dim=1)")],
        "block": [("dC * G * I * (1 - I)", "dC * G * I * I")],
        "new H for the old": [("H_0.T @ dA", "(O * squashed).T @ dA")],
        "transposed weight": [
            ("dA @ W_h.T", "sum(d @ W for d, W in zip(dA.chunk(4, 1), W_h.chunk(4, 1)))"),
        ],
        "missing paths": [("dA @ W_h.T", "dg @ W_h.chunk(4, 1)[2].T")],
        "missing paths / one": [("dA @ W_h.T", "torch.cat([di, df, dg, 0 * do], 1) @ W_h.T")],
        "missing paths / input": [("dA @ W_x.T", "torch.cat([di, 0 * df, dg, 0 * do], 1) @ W_x.T")],
        "wrong gate": [("dC * F\n", "dC * I\n")],
        "wrong gate / O": [("dC * F\n", "dC * O\n")],
        "no forget gate": [("dC * F\n", "dC\n")],
        "one gradient": [("dC * F\n", "dC * F * F\n")],
        "not a number": [("dC * F\n", "dC * F / 0\n")],
        "changed its input": [(F1_DC, F1_DC.replace("dC = dC + ", "dC += "))],
        "by hand": F1_AUTOGRAD,
        "by hand / imported": F1_IMPORTED,
        "helper outside": F1_HELPER,
        "not allowed": [("torch.tanh(C)", "getattr(torch, 'tanh')(C)")],
        "not allowed / attribute": [("torch.tanh(C)", "torch.tensor(C.numpy()).tanh()")],
        "not allowed / import": [("    squashed", "    import math\n    squashed")],
        "not a function": "class Backward:\n"
        + "".join(
            "    " + line + "\n" for line in F1_EINSUM.strip().replace("(kept,", "(self, kept,").splitlines()
        ).replace("def lstm_step_backward", "def __call__")
        + "lstm_step_backward = Backward()\n",
        "crash: mat1 and mat2 shapes cannot be multiplied": [("dA @ W_x.T", "dA @ W_x")],
    },
    "F2": {
        "not a tuple": [(F2_BIAS, "(dA_x + dA_h).sum(dim=0)")],
        "batch not summed": [(F2_BIAS, "dA_x, dA_h")],
        "order of axes": [("X.T @ dA_x, H_0.T @ dA_h", "dA_x.T @ X, dA_h.T @ H_0")],
        "mean over the batch": [(F2_BIAS, F2_BIAS.replace("sum", "mean"))],
        "mean over the batch / weights": [("X.T @ dA_x, H_0.T @ dA_h", "X.T @ dA_x, H_0.T @ dA_h / len(X)")],
        "flat candidate": [(" * (1 - N**2)", "")],
        "flat gate": [("dn * P * R * (1 - R)", "dn * P")],
        "flat gate / Z": [(F2_DZ, "dz = dH * (H_0 - N)")],
        "flat gate / both": [("dn * P * R * (1 - R)", "dn * P"), (F2_DZ, "dz = dH * (H_0 - N)")],
        "Z the other way round": F2_FLIP,
        "sign of Z": [("(H_0 - N)", "(N - H_0)")],
        "half of Z": [("(H_0 - N)", "H_0")],
        "half of Z / N": [("(H_0 - N)", "-N")],
        "reset before": [("dn * P * R", "dn * H_0 * R")],
        "reset skipped": [(F2_CAT_H, "torch.cat([dr, dz, dn], dim=1)")],
        "reset skipped / weights": [("X.T @ dA_x, H_0.T @ dA_h", "X.T @ dA_x, H_0.T @ dA_x")],
        "reset skipped / state": [("dA_h @ W_h.T", "dA_x @ W_h.T")],
        "reset on both": [("torch.cat([dr, dz, dn], dim=1)", "torch.cat([dr, dz, dn * R], dim=1)")],
        "reset on both / weights": [("X.T @ dA_x", "X.T @ dA_h")],
        "reset on both / input": [("dA_x @ W_x.T", "dA_h @ W_x.T")],
        "order of blocks": [
            ("torch.cat([dr, dz, dn], dim=1)", "torch.cat([dz, dr, dn], dim=1)"),
            (F2_CAT_H, "torch.cat([dz, dr, dn * R], dim=1)"),
        ],
        "block": [("dn * P * R * (1 - R)", "dn * P * R * R")],
        "transposed weight": [
            (F2_DH, "sum(d @ W for d, W in zip(dA_h.chunk(3, 1), W_h.chunk(3, 1))) + dH * Z"),
        ],
        "missing paths": [(F2_DH, "dA_h @ W_h.T")],
        "missing paths / only direct": [(F2_DH, "dH * Z")],
        "missing paths / gates": [(F2_DH, "dH * Z + (dn * R) @ W_h.chunk(3, 1)[2].T")],
        "missing paths / input": [("dA_x @ W_x.T", "dn @ W_x.chunk(3, 1)[2].T")],
        "direct path by 1 - Z": [(F2_DH, "dA_h @ W_h.T + dH * (1 - Z)")],
        "direct path bare": [(F2_DH, "dA_h @ W_h.T + dH")],
        "one gradient": [(F2_DH, "dA_h @ W_h.T - dH * Z")],
        "imported": [
            ("def gru_step_backward", "from torch import cat\n\n\ndef gru_step_backward"),
            ("torch.cat([dr, dz, dn], dim=1)", "cat([dr, dz, dn], dim=1)"),
        ],
        "by hand": F2_AUTOGRAD,
        "helper outside": "slope = lambda s: s * (1 - s)\n"
        + F2_FUNCTIONAL.replace("    sigmoid_slope = lambda s: s * (1 - s)\n", "").replace(
            "sigmoid_slope", "slope"
        ),
    },
    "F3": {
        "not a tuple": [("dW_hh, rows.sum(dim=0)", "dW_hh")],
        "order of axes": [(F3_XH, "dW_xh = rows.T @ X.flatten(0, 1)")],
        "steps not summed": [("rows.sum(dim=0)", "dA.sum(dim=1)")],
        "steps not summed / weights": [(F3_HH, "dW_hh = states[:-1].mT @ dA")],
        "batch not summed": [("rows.sum(dim=0)", "dA.sum(dim=0)")],
        "mean over the batch": [("rows.sum(dim=0)", "dA.mean(dim=1).sum(dim=0)")],
        "mean over the batch / weights": [(F3_XH, F3_XH + " / X.shape[1]")],
        "no carry": [(F3_STEP, F3_STEP.replace(" + carried", ""))],
        "last step only": [
            (F3_STEP, F3_STEP.replace("(dH[t] + carried)", "(carried if t + 1 < len(X) else dH[t])"))
        ],
        "flat": [(F3_STEP, F3_STEP.replace(" * slopes[t]", ""))],
        "slope of the step before": [("states[1:] ** 2", "states[:-1] ** 2")],
        "carry without the slope": [(F3_STEP, "        dA[t] = dH[t] * slopes[t] + carried\n")],
        "carry without the slope / further back": [(F3_CARRY, "carried = (dH[t] + carried) @ W_hh.T")],
        "forwards": F3_FORWARD,
        "transposed weight": [(F3_CARRY, "carried = dA[t] @ W_hh")],
        "transposed weight / gradient": [
            (F3_HH, F3_HH.replace("states", "(states").replace("rows", "rows).T"))
        ],
        "transposed weight / at the end": [("W_xh.T, carried", "W_xh.T, dA[0] @ W_hh")],
        "states after": [(F3_HH, F3_HH.replace("[:-1]", "[1:]"))],
        "no initial state": [(F3_HH, "dW_hh = states[1:-1].flatten(0, 1).T @ dA[1:].flatten(0, 1)")],
        "stopped before W_hh": [("W_xh.T, carried", "W_xh.T, dA[0]")],
        "one gradient": [("W_xh.T, carried", "W_xh.T, 2 * carried")],
        "products in the loop": F3_LOOP,
        "imported": [
            ("def rnn_steps_backward", "from torch import empty_like\n\n\ndef rnn_steps_backward"),
            ("torch.empty_like(dH)", "empty_like(dH)"),
        ],
        "by hand": F3_AUTOGRAD,
        "helper outside": "def slope(H):\n    return 1 - H**2\n\n"
        + F3_LOOP.replace(
            "        dX[t], carried = dA @ W_xh.T, dA @ W_hh.T\n",
            "        carried = dA @ W_hh.T\n        dAs.append(dA)\n",
        )
        .replace("        dW_xh += X[t].T @ dA\n        dW_hh += states[t].T @ dA\n", "")
        .replace("    carried, db", "    dAs = []\n    carried, db")
        .replace("(1 - states[t + 1] ** 2)", "slope(states[t + 1])")
        .replace(
            "    return dX",
            "    dA = torch.stack(dAs[::-1])\n    dX, rows = dA @ W_xh.T, dA.flatten(0, 1)\n"
            "    dW_xh, dW_hh = X.flatten(0, 1).T @ rows, states[:-1].flatten(0, 1).T @ rows\n    return dX",
        ),
        "crash: out of bounds": [("reversed(range(len(X)))", "reversed(range(len(states)))")],
    },
}
RIGHT = {
    "F1": {
        "einsum over four blocks": F1_EINSUM,
        "gate by gate, outer products": F1_GATES,
        "decorated with no_grad": F1_GATES.replace("def lstm", "@torch.no_grad()\ndef lstm"),
    },
    "F2": {"block by block, row by row": F2_BLOCKS, "functional": F2_FUNCTIONAL},
    "F3": {"lists and einsum": F3_LISTS, "a while loop, one product for both weights": F3_WHILE},
}
