"""Chapter 4: backpropagation through time."""

BACKWARD_4A = """
def influence(W_hh, states):
    J = torch.eye(W_hh.shape[0])
    for t in reversed(range(1, states.shape[0])):
        J = J @ torch.diag(1 - states[t] ** 2) @ W_hh.T
    return J
"""
ROWS_4A = """
def influence(W_hh, states):
    rows = []
    for i in range(len(W_hh)):
        dH = torch.zeros(len(W_hh))
        dH[i] = 1
        for H_t in states[1:].flip(0):
            dH = W_hh @ (dH * (1 - H_t**2))
        rows.append(dH)
    return torch.stack(rows)
"""
AUTOGRAD_4A = """
def influence(W_hh, states):
    A = torch.atanh(states[1:].double()) - states[:-1].double() @ W_hh.double()

    def last(H):
        for a in A:
            H = torch.tanh(a + H @ W_hh.double())
        return H

    return torch.autograd.functional.jacobian(last, states[0].double()).float()
"""
FORWARD_4B = """
def truncated_gradient(w, X, k):
    H, d, total = 0.0, 0.0, 0.0
    for t, x in enumerate(X):
        if t % k == 0:
            d = 0.0
        before, H = H, torch.tanh(w * H + x)
        d = (1 - H**2) * (before + w * d)
        total = total + d
    return total
"""
BACKWARD_4B = """
def truncated_gradient(w, X, k):
    w = torch.nn.Parameter(w)
    H, loss = torch.zeros(1), torch.zeros(1)
    for t in range(len(X)):
        H = torch.tanh(w * H + X[t])
        loss = loss + H
        if (t + 1) % k == 0 or t + 1 == len(X):
            loss.backward()
            H, loss = H.detach(), torch.zeros(1)
    return w.grad.item()
"""
PATHS_4B = """
def truncated_gradient(w, X, k):
    H = [torch.zeros(())]
    for x in X:
        H.append(torch.tanh(w * H[-1] + x))
    total = torch.zeros(())
    for s in range(1, len(H)):
        delta = torch.ones(())
        for t in range(s, (s - 1) // k * k, -1):
            delta = delta * (1 - H[t] ** 2)
            total = total + delta * H[t - 1]
            delta = delta * w
    return total
"""
CUT_4B = "        H_t = H_t.detach()\n"
STEP_4B = "            H_t = torch.tanh(w * H_t + X_t)\n"

WRONG = {
    "4a": {
        "transposed": [("return J", "return J.T")],
        "transposed / built so": [
            ("step = (1 - H_t**2)[:, None] * W_hh.T", "step = (1 - H_t**2) * W_hh"),
            ("step @ J", "J @ step"),
        ],
        "order of factors": [("step @ J", "J @ step")],
        "weights not transposed": [("W_hh.T", "W_hh")],
        "weights not transposed / and reversed": [("W_hh.T", "W_hh"), ("step @ J", "J @ step")],
        "slope left out": [("(1 - H_t**2)[:, None] * W_hh.T", "W_hh.T")],
        "slope left out / not transposed": [("(1 - H_t**2)[:, None] * W_hh.T", "W_hh")],
        "slope of the step before": [("states[1:]", "states[:-1]")],
        "tanh twice": [("H_t**2", "torch.tanh(H_t) ** 2")],
        "slope on columns": [("[:, None]", "")],
        "slope on columns / and reversed": [("[:, None]", ""), ("step @ J", "J @ step")],
        "one factor too many": [("states[1:]", "states")],
        "one factor too few / the first step": [("states[1:]", "states[2:]")],
        "one factor too few / the last step": [("states[1:]", "states[1:-1]")],
        "one step only": [("J = step @ J", "J = step")],
        "one step only / return too early": [("J = step @ J", "return step")],
        "elementwise": [("step @ J", "step * J")],
        "elementwise / from ones": [
            ("step @ J", "step * J"),
            ("torch.eye(len(W_hh))", "torch.ones_like(W_hh)"),
        ],
        "summed": [("return J", "return J.sum(0)")],
        "each factor transposed": [("(1 - H_t**2)[:, None] * W_hh.T", "(1 - H_t**2) * W_hh")],
        "another slope / 1 - s": [("(1 - H_t**2)", "(1 - H_t)")],
        "another slope / of the sigmoid": [("(1 - H_t**2)", "(H_t * (1 - H_t))")],
        "another slope / not transposed": [
            ("(1 - H_t**2)[:, None] * W_hh.T", "torch.diag(H_t * (1 - H_t)) @ W_hh")
        ],
        "another slope / squared late": [("(1 - H_t**2)", "((1 - H_t) ** 2)")],
        "another slope / transposed": [("(1 - H_t**2)[:, None] * W_hh.T", "(1 - H_t) * W_hh")],
        "no step": """
def influence(W_hh, states):
    J = None
    for H_t in states[1:]:
        step = torch.diag(1 - H_t**2) @ W_hh.T
        J = step if J is None else step @ J
    return J
""",
        "vanished": [("    return J", "    return J if len(states) < 12 else torch.zeros_like(J)")],
        "values": [("    return J", "    return J + W_hh")],
        "crash: mat1 and mat2 shapes cannot be multiplied": [
            ("states[1:]", "states.T"),
            ("(1 - H_t**2)[:, None] * W_hh.T", "torch.diag(1 - H_t**2) @ W_hh.T"),
        ],
        "axis missing": [("torch.eye(len(W_hh))", "torch.tensor(1.0)"), ("step @ J", "(step * J).sum()")],
        "nothing": [("    return J", "    J")],
        "changed its input": [
            ("J = torch.eye(len(W_hh))", "J = torch.eye(len(W_hh))\n    states.square_()"),
            ("H_t**2", "H_t"),
        ],
        "crash: size mismatch": [("states[1:]", "states.T"), ("step =", "W_hh @ H_t\n        step =")],
        "crash: does not require grad": "def influence(W_hh, states):\n    return torch.autograd.grad(states[-1].sum(), states)\n",
        "crash: stack expects": """
def influence(W_hh, states):
    steps = [torch.diag(1 - H_t**2) @ W_hh.T for H_t in states[1:]]
    J = steps[0] if steps else torch.stack(steps)
    for step in steps[1:]:
        J = step @ J
    return J
""",
    },
    "4b": {
        "never cut": [(CUT_4B, "")],
        "never cut / into nowhere": [("H_t = H_t.detach()", "H_t.detach()")],
        "cut at every step": [(STEP_4B, "            H_t = torch.tanh(w * H_t.detach() + X_t)\n")],
        "state reset": [("H_t = H_t.detach()", "H_t = torch.tensor(0.0)")],
        "one step late": FORWARD_4B.replace("t % k == 0", "t > 1 and t % k == 1 or k == 1"),
        "one step late / after the step": [
            ("X.split(k)", "[X]"),
            (CUT_4B, ""),
            ("for X_t in piece", "for t, X_t in enumerate(piece)"),
            (
                "states.append(H_t)",
                "states.append(H_t)\n            if t % k == 0:\n                H_t = H_t.detach()",
            ),
        ],
        "one step early": FORWARD_4B.replace("t % k == 0", "(t + 1) % k == 0"),
        "a window for every loss": PATHS_4B.replace("(s - 1) // k * k", "max(0, s - k)"),
        "only the last piece": [("H_t = H_t.detach()", "H_t, states = H_t.detach(), []")],
        "only the first piece": [("    (dw,)", "    states = states[:k]\n    (dw,)")],
        "k pieces": [("X.split(k)", "X.chunk(k)")],
        "the rest is lost": [("X.split(k)", "X[: len(X) // k * k].split(k)")],
        "the last state only": [("torch.stack(states).sum()", "states[-1]")],
        "the last state only / never cut": [("torch.stack(states).sum()", "states[-1]"), (CUT_4B, "")],
        "ends of pieces only": [("            states.append(H_t)", "        states.append(H_t)")],
        "mean": [(".sum()", ".mean()")],
        "mean / never cut": [(".sum()", ".mean()"), (CUT_4B, "")],
        "the loss": [("return dw", "return torch.stack(states).sum()")],
        "a tuple of one": [("(dw,) =", "dw =")],
        "values": [("w * H_t + X_t", "w * (H_t + X_t)")],
        "nothing": [("    return dw", "    dw")],
        "nothing / grad of the given": """
def truncated_gradient(w, X, k):
    v = w.clone().requires_grad_()
    H, loss = torch.zeros(()), torch.zeros(())
    for t, x in enumerate(X):
        if t % k == 0:
            H = H.detach()
        H = torch.tanh(v * H + x)
        loss = loss + H
    loss.backward()
    return w.grad
""",
        "cut off before the loss": BACKWARD_4B.replace(
            "        loss = loss + H\n",
            "        if (t + 1) % k == 0:\n            H = H.detach()\n        loss = loss + H\n",
        ).replace("(t + 1) % k == 0 or t + 1 == len(X)", "t + 1 == len(X)"),
        "cut off before the loss / a step late": BACKWARD_4B.replace(
            "        loss = loss + H\n",
            "        if t % k == 0:\n            H = H.detach()\n        loss = loss + H\n",
        ).replace("(t + 1) % k == 0 or t + 1 == len(X)", "t + 1 == len(X)"),
        "w detached": """
def truncated_gradient(w, X, k):
    w = w.clone().requires_grad_()
    H, loss = torch.zeros(()), torch.zeros(())
    for t, x in enumerate(X):
        H = torch.tanh((w.detach() if t > 0 and t % k == 0 else w) * H + x)
        loss = loss + H
    return torch.autograd.grad(loss, w)[0]
""",
        "cut once": FORWARD_4B.replace("t % k == 0", "t == k"),
        "cut once / after the step": BACKWARD_4B.replace(
            "        loss = loss + H\n",
            "        loss = loss + H\n        if t == k:\n            H = H.detach()\n",
        ).replace("(t + 1) % k == 0 or t + 1 == len(X)", "t + 1 == len(X)"),
        "losses counted again": BACKWARD_4B.replace(
            "H, loss = H.detach(), torch.zeros(1)", "H = H.detach()"
        ).replace("backward()", "backward(retain_graph=True)"),
        "crash: a second time / loss not started afresh": BACKWARD_4B.replace(
            "H, loss = H.detach(), torch.zeros(1)", "H = H.detach()"
        ),
        "mean / of each piece": BACKWARD_4B.replace("loss.backward()", "(loss / (t % k + 1)).backward()"),
        "absolute value": [("w.clone()", "w.abs()")],
        "w changed": [("w = w.clone().requires_grad_()", "w.requires_grad_()")],
        "w changed / backward": BACKWARD_4B.replace(
            "w = torch.nn.Parameter(w)", "w.grad = None\n    w.requires_grad_()"
        ),
        "crash: does not require grad": [("w.clone().requires_grad_()", "w.clone()")],
        "crash: does not require grad / loss cut off": [
            ("            states.append(H_t)", "            states.append(H_t.detach())")
        ],
        "crash: a second time": BACKWARD_4B.replace("H, loss = H.detach(), ", "loss = "),
    },
}

RIGHT = {
    "4a": {"from the end": BACKWARD_4A, "row by row": ROWS_4A, "by autograd": AUTOGRAD_4A},
    "4b": {
        "forward": FORWARD_4B,
        "piece by piece": BACKWARD_4B,
        "a plain number": FORWARD_4B.replace("return total", "return float(total)"),
        "path by path": PATHS_4B,
    },
}
