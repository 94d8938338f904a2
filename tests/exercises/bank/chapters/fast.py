"""Chapter 13: fast RNNs."""


def _gated(before, loop, after):
    """An answer to 13a: what comes before the loop, in it, after it."""
    parts = [(before, "    "), (loop, "        "), (after, "    ")]
    lines = [[indent + line for line in part.splitlines()] for part, indent in parts]
    head = "def fast_gated_rnn(X, H_0, W_xg, W_xh, W_hh, b_h, W_hq):"
    return "\n".join(
        ["import torch", "", "", head, *lines[0], "    for t in range(len(X)):", *lines[1], *lines[2], ""]
    )


GATES = "    gates = torch.sigmoid(X @ W_xg)  # (T, B, H)\n"
ADDED = "    added = X @ W_xh + b_h\n"
STEP = "        state = gate_t * torch.tanh(added_t + state @ W_hh)\n"
OUT = "torch.stack(states) @ W_hq"
BEFORE = "gates, added = torch.sigmoid(X @ W_xg), X @ W_xh + b_h\nstate, states = H_0, []"
AFTER = "return torch.stack(states) @ W_hq"
SIGMOID_INSIDE = [
    (GATES, "    gates = X @ W_xg\n"),
    (STEP, STEP.replace("gate_t", "torch.sigmoid(gate_t)")),
]
JOINED = "torch.cat([X[t], state], 1) @ both"  # (D + H, H)
JOINED_INPUTS = _gated(
    "gates, both = torch.sigmoid(X @ W_xg), torch.cat([W_xh, W_hh])\nstate, states = H_0, []",
    f"state = gates[t] * torch.tanh({JOINED} + b_h)\nstates.append(state)",
    AFTER,
)
JOINED_OUTPUTS = _gated(
    "gates, added = torch.sigmoid(X @ W_xg), X @ W_xh + b_h\n"
    "both, read, outputs = torch.cat([W_hh, W_hq], dim=1), H_0 @ W_hh, []",
    "both_t = (gates[t] * torch.tanh(added[t] + read)) @ both\n"
    "read, output = both_t.split([len(W_hh), W_hq.shape[1]], dim=1)\noutputs.append(output)",
    "return torch.stack(outputs)",
)
JOINED_ALL = _gated(
    "gates, H, Q = torch.sigmoid(X @ W_xg), *W_hq.shape\n"
    "top = torch.cat([W_xh, X.new_zeros(X.shape[-1], Q)], dim=1)\n"
    "both, state, outputs = torch.cat([top, torch.cat([W_hh, W_hq], dim=1)]), H_0, []",
    f"both_t = {JOINED}\noutputs.append(both_t[:, H:])\nstate = gates[t] * torch.tanh(both_t[:, :H] + b_h)",
    "return torch.stack([*outputs[1:], state @ W_hq])",
)
IN_BLOCKS = _gated(
    "state, states = H_0, []",
    "if t % 8 == 0:\n"
    "    gates, added = torch.sigmoid(X[t : t + 8] @ W_xg), X[t : t + 8] @ W_xh + b_h\n"
    "state = gates[t % 8] * torch.tanh(added[t % 8] + state @ W_hh)\nstates.append(state)",
    AFTER,
)


def _with_bias(inside):
    """13a with b_h left in the loop, in another way."""
    return [(ADDED, "    added = X @ W_xh\n"), (STEP, STEP.replace("added_t + state @ W_hh", inside))]


BIAS_INSIDE = [(ADDED, "    added = X @ W_xh\n"), (STEP, STEP.replace("added_t +", "added_t + b_h +"))]

KEPT = "        ctx.save_for_backward(states, fresh, W_hh)\n"
READ = "        states, fresh, W_hh = ctx.saved_tensors\n"
SLOPE = "(1 - ctx.keep) * (1 - fresh**2)"
WHOLE = "            dH_t = given[t] + carried\n"
DA = "            dA[t] = dH_t * slope[t]\n"
CARRIED = "carried = ctx.keep * dH_t + dA[t] @ W_hh.T"
PRODUCT = "states[:-1].flatten(0, 1).T @ dA.flatten(0, 1)"
BACK = "return dA, carried, dW_hh, None"
NEW = "states.append(keep * states[-1] + (1 - keep) * fresh[-1])"
START = "states, fresh = [H_0], []"

BY_AUTOGRAD_13B = """
import torch


class SlowRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, added, H_0, W_hh, keep):
        ctx.save_for_backward(added, H_0, W_hh)
        ctx.keep = keep
        return run(added, H_0, W_hh, keep)

    @staticmethod
    def backward(ctx, given):
        inputs = [one.detach().requires_grad_() for one in ctx.saved_tensors]
        with torch.enable_grad():
            states = run(*inputs, ctx.keep)
        return (*torch.autograd.grad(states, inputs, given), None)


def run(added, H_0, W_hh, keep):
    states = [H_0]
    for added_t in added:
        states.append(keep * states[-1] + (1 - keep) * torch.tanh(added_t + states[-1] @ W_hh))
    return torch.stack(states[1:])
"""
PLAIN_13B = """
import torch


def SlowRecurrence(added, H_0, W_hh, keep):
    states = [H_0]
    for added_t in added:
        states.append(keep * states[-1] + (1 - keep) * torch.tanh(added_t + states[-1] @ W_hh))
    return torch.stack(states[1:])
"""
NOT_DERIVED_13B = (
    PLAIN_13B.replace("SlowRecurrence", "plain")
    + """

class SlowRecurrence:
    apply = staticmethod(plain)
"""
)
BUFFERS_13B = """
import torch

buffers = {}


class SlowRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, added, H_0, W_hh, keep):
        T, B, H = added.shape
        if (T, B, H, added.dtype) not in buffers:
            buffers[T, B, H, added.dtype] = added.new_empty(T + 1, B, H), added.new_empty(T, B, H)
        states, fresh = buffers[T, B, H, added.dtype]
        states[0] = H_0
        for t in range(T):
            torch.addmm(added[t], states[t], W_hh, out=fresh[t]).tanh_()
            states[t + 1] = keep * states[t] + (1 - keep) * fresh[t]
        ctx.save_for_backward(states, fresh, W_hh)
        ctx.keep = keep
        return states[1:]

    @staticmethod
    def backward(ctx, given):
        states, fresh, W_hh = ctx.saved_tensors
        carried, dA = 0, torch.empty_like(given)
        for t in reversed(range(len(given))):
            dH_t = given[t] + carried
            dA[t] = dH_t * (1 - ctx.keep) * (1 - fresh[t] ** 2)
            carried = dA[t] @ W_hh.T + ctx.keep * dH_t
        return dA, carried, states[:-1].flatten(0, 1).T @ dA.flatten(0, 1), None
"""
RECOMPUTED_13B = """
import torch


class SlowRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(added, H_0, W_hh, keep):
        T, B, H = added.shape
        states = added.new_empty(T + 1, B, H)
        states[0] = H_0
        for t in range(T):
            torch.addmm(added[t], states[t], W_hh, out=states[t + 1]).tanh_()
            states[t + 1].mul_(1 - keep).add_(states[t], alpha=keep)
        return states[1:]

    @staticmethod
    def setup_context(ctx, inputs, output):
        added, H_0, W_hh, ctx.keep = inputs
        ctx.save_for_backward(added, H_0, W_hh, output)

    @staticmethod
    def backward(ctx, given):
        added, H_0, W_hh, states = ctx.saved_tensors
        before = torch.cat([H_0[None], states[:-1]])
        slope = 1 - torch.tanh(added + before @ W_hh).square()
        dH, dA = given.clone(), []
        for t in range(len(dH) - 1, -1, -1):
            dA.insert(0, (1 - ctx.keep) * slope[t] * dH[t])
            back = torch.nn.functional.linear(dA[0], W_hh).add(dH[t], alpha=ctx.keep)
            if t:
                dH[t - 1] += back
        dA = torch.stack(dA)
        return dA, back, torch.tensordot(before, dA, dims=([0, 1], [0, 1])), None
"""
DIVIDED_13B = """
import torch


class SlowRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, added, H_0, W_hh, keep):
        state, states = H_0, []
        for added_t in added:
            state = torch.lerp(torch.tanh(added_t + state @ W_hh), state, keep)
            states.append(state)
        states = torch.stack(states)
        ctx.save_for_backward(H_0, W_hh, states)
        ctx.keep = keep
        return states

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, given):
        H_0, W_hh, states = ctx.saved_tensors
        before = torch.cat([H_0.unsqueeze(0), states[:-1]])
        fresh = (states - ctx.keep * before) / (1 - ctx.keep)
        rows, dH = [], 0
        for dY, C in zip(given.flip(0), fresh.flip(0)):
            dH = dH + dY
            rows.append(dH * (1 - ctx.keep) * (1 - C) * (1 + C))
            dH = ctx.keep * dH + torch.einsum("bj,ij->bi", rows[-1], W_hh)
        dA = torch.stack(rows).flip(0)
        return dA, dH, torch.einsum("tbi,tbj->ij", before, dA), None
"""

WRONG = {
    "13a": {
        "products in the loop": [
            (ADDED, "    added = X\n"),
            (STEP, STEP.replace("added_t +", "added_t @ W_xh + b_h +")),
        ],
        "products in the loop / outputs": [
            ("states.append(state)", "states.append(state @ W_hq)"),
            (" @ W_hq\n", "\n"),
        ],
        "products in the loop / gates": [
            (GATES, "    gates = X\n"),
            (STEP, STEP.replace("gate_t *", "torch.sigmoid(gate_t @ W_xg) *")),
        ],
        "products in the loop / the old program": """
def fast_gated_rnn(*args):
    return gated_rnn(*args)
""",
        "products in the loop / in blocks of 8": IN_BLOCKS,
        "products in the loop / elementwise": [
            ("states.append(state)", "states.append((state[:, :, None] * W_hq).sum(1))"),
            (" @ W_hq\n", "\n"),
        ],
        "product too wide": JOINED_INPUTS,
        "product too wide / outputs": JOINED_OUTPUTS,
        "product too wide / both": JOINED_ALL,
        "sigmoids in the loop": SIGMOID_INSIDE,
        "sigmoids in the loop / by a softmax": [
            (GATES, "    gates = X @ W_xg\n"),
            (STEP, STEP.replace("gate_t", "torch.stack([gate_t, 0 * gate_t]).softmax(0)[0]")),
        ],
        "additions in the loop": BIAS_INSIDE,
        "additions in the loop / inside linear": _with_bias(
            "added_t + torch.nn.functional.linear(state, W_hh.T, b_h)"
        ),
        "additions in the loop / and addmm": _with_bias("torch.addmm(added_t + b_h, state, W_hh)"),
        "additions in the loop / subtracted": _with_bias("added_t + state @ W_hh - (-b_h)"),
        "additions in the loop / a sum": _with_bias(
            "torch.stack([added_t, state @ W_hh, b_h.expand_as(state)]).sum(0)"
        ),
        "sigmoids in the loop / and additions": SIGMOID_INSIDE[:1]
        + BIAS_INSIDE[:1]
        + [(STEP, STEP.replace("gate_t", "torch.sigmoid(gate_t)").replace("added_t +", "added_t + b_h +"))],
        "all steps from H_0": """
import torch


def fast_gated_rnn(X, H_0, W_xg, W_xh, W_hh, b_h, W_hq):
    return torch.sigmoid(X @ W_xg) * torch.tanh(X @ W_xh + H_0 @ W_hh + b_h) @ W_hq
""",
        "no state": [(STEP, STEP.replace(" + state @ W_hh", ""))],
        "no initial state": [("state = [], H_0", "state = [], torch.zeros_like(H_0)")],
        "gate after the loop": [
            (STEP, STEP.replace("gate_t * ", "")),
            (OUT, "(gates * torch.stack(states)) @ W_hq"),
        ],
        "gate twice": [(OUT, "(gates * torch.stack(states)) @ W_hq")],
        "gate inside": [
            (STEP, STEP.replace("gate_t * torch.tanh(", "torch.tanh(gate_t * (").replace("W_hh)", "W_hh))"))
        ],
        "no gate": [(STEP, STEP.replace("gate_t * ", ""))],
        "no sigmoid": [("torch.sigmoid(X @ W_xg)", "X @ W_xg")],
        "exchanged": [
            ("torch.sigmoid(X @ W_xg)", "torch.sigmoid(X @ W_xh)"),
            ("added = X @ W_xh", "added = X @ W_xg"),
        ],
        "no bias": [(" + b_h", "")],
        "bias in the gate": [("torch.sigmoid(X @ W_xg)", "torch.sigmoid(X @ W_xg + b_h)")],
        "bias moved to the gate": [
            ("torch.sigmoid(X @ W_xg)", "torch.sigmoid(X @ W_xg + b_h)"),
            (ADDED, "    added = X @ W_xh\n"),
        ],
        "one step early": [
            (STEP + "        states.append(state)\n", "        states.append(state)\n" + STEP)
        ],
        "gradient": [("states.append(state)", "states.append(state)\n        state = state.detach()")],
        "gradient / all": [("    gates =", "    torch.set_grad_enabled(False)\n    gates =")],
        "gradient / data": [("state @ W_hh", "state @ W_hh.data")],
        "order of axes": [(OUT, "torch.stack(states, dim=1) @ W_hq")],
        "a list": [(OUT, "[state @ W_hq for state in states]")],
        "axis missing": [(OUT, "torch.cat(states) @ W_hq")],
        "size of an axis": [("states, state = [], H_0", "states, state = [H_0], H_0")],
        "size of an axis / states": [(" @ W_hq\n", "\n")],
        "dtype": [(OUT, "torch.stack(states).float() @ W_hq.float()")],
        "nothing": [("return ", "")],
        "crash: modified by an inplace operation": _gated(
            BEFORE + "\nstates = X.new_empty(len(X) + 1, *H_0.shape)\nstates[0] = H_0",
            "states[t + 1] = gates[t] * torch.tanh(added[t] + states[t] @ W_hh)",
            "return states[1:] @ W_hq",
        ),
        "crash: which is output 0 of Tanh": [
            (STEP, STEP.replace("gate_t * ", "") + "        state *= gate_t\n"),
        ],
        "crash: mat1 and mat2 shapes cannot be multiplied (15x4 and 8x6)": _gated(
            "both = X @ torch.cat([W_xg, W_xh])\nstates = []", "states.append(both[t])", AFTER
        ),
    },
    "13b": {
        "not a Function": PLAIN_13B,
        "not a Function / applied": PLAIN_13B
        + "\n\nSlowRecurrence = SlowRecurrence(*torch.ones(4, 1, 1, 1))\n",
        "not derived": NOT_DERIVED_13B,
        "no graph": [
            (
                "        return states[1:]",
                "        ctx.mark_non_differentiable(states)\n        return states",
            ),
            ("torch.stack(states), torch.stack(fresh)", "torch.stack(states[1:]), torch.stack(fresh)"),
        ],
        "no gradient": [(BACK, "return dA, None, dW_hh, None")],
        "no gradient / weights": [(BACK, "return dA, carried, None, None")],
        "the plain RNN": [(NEW, "states.append(fresh[-1])")],
        "shares exchanged": [(NEW, "states.append((1 - keep) * states[-1] + keep * fresh[-1])")],
        "new share whole": [(NEW, "states.append(keep * states[-1] + fresh[-1])")],
        "added left out": [("added_t + states[-1] @ W_hh", "states[-1] @ W_hh")],
        "forward transposed": [("added_t + states[-1] @ W_hh", "added_t + states[-1] @ W_hh.T")],
        "kept from H_0": [(NEW, NEW.replace("keep * states[-1]", "keep * H_0"))],
        "no initial state": [(START, "states, fresh = [torch.zeros_like(H_0)], []")],
        "no carry": [(WHOLE, WHOLE.replace(" + carried", ""))],
        "direct path missing": [("ctx.keep * dH_t + dA[t]", "dA[t]")],
        "direct path missing at H_0": [(BACK, "return dA, dA[0] @ W_hh.T, dW_hh, None")],
        "product path missing": [(CARRIED, "carried = ctx.keep * dH_t")],
        "product path missing at H_0": [(BACK, "return dA, ctx.keep * dH_t, dW_hh, None")],
        "direct path without keep": [("ctx.keep * dH_t", "dH_t")],
        "direct path too short": [("ctx.keep * dH_t", "ctx.keep * given[t]")],
        "keep on both paths": [(CARRIED, "carried = ctx.keep * (dH_t + dA[t] @ W_hh.T)")],
        "new share twice": [(CARRIED, "carried = ctx.keep * dH_t + (1 - ctx.keep) * dA[t] @ W_hh.T")],
        "new share missing": [(SLOPE, "1 - fresh**2")],
        "flat": [(SLOPE, "(1 - ctx.keep) * torch.ones_like(fresh)")],
        "slope of the state": [(SLOPE, "(1 - ctx.keep) * (1 - states[1:] ** 2)")],
        "weights not transposed": [("W_hh.T", "W_hh")],
        "last step only": [(READ, READ + "        given = torch.cat([0 * given[:-1], given[-1:]])\n")],
        "forwards": [("reversed(range(len(given)))", "range(len(given))")],
        "not turned around": [
            (f"        dW_hh = {PRODUCT}", f"        dA = dA.flip(0)\n        dW_hh = {PRODUCT}")
        ],
        "steps paired in reverse": [(PRODUCT, PRODUCT.replace("dA", "dA.flip(0)"))],
        "steps paired in reverse / states": [(PRODUCT, PRODUCT.replace("[:-1]", "[:-1].flip(0)"))],
        "rows paired out of order": [(PRODUCT, PRODUCT.replace("dA", "dA.transpose(0, 1)"))],
        "rows paired out of order / states": [(PRODUCT, PRODUCT.replace("[:-1]", "[:-1].transpose(0, 1)"))],
        "stopped at step 0": [(BACK, "return dA, dA[0], dW_hh, None")],
        "stopped at step 0 / its state": [(BACK, "return dA, dH_t, dW_hh, None")],
        "states after": [(PRODUCT, PRODUCT.replace("[:-1]", "[1:]"))],
        "not the states": [(PRODUCT, PRODUCT.replace("states[:-1]", "torch.cat([states[:1], fresh[:-1]])"))],
        "not the states / of the step": [(PRODUCT, PRODUCT.replace("states[:-1]", "fresh"))],
        "first step missing": [(PRODUCT, "states[1:-1].flatten(0, 1).T @ dA[1:].flatten(0, 1)")],
        "transposed": [(PRODUCT, "dA.flatten(0, 1).T @ states[:-1].flatten(0, 1)")],
        "mean over the batch": [(PRODUCT, PRODUCT + " / given.shape[1]")],
        "mean over the batch / steps, too": [(PRODUCT, PRODUCT + " / given.shape[:2].numel()")],
        "single precision": [
            ("torch.empty_like(given)", "torch.empty(given.shape)"),
            ("dA[t] @ W_hh.T", "dA[t].to(given) @ W_hh.T"),
            ("T @ dA.flatten(0, 1)", "T @ dA.to(given).flatten(0, 1)"),
        ],
        "kept outside": [
            (KEPT, "        SlowRecurrence.kept = states, fresh, W_hh\n"),
            (READ, "        states, fresh, W_hh = SlowRecurrence.kept\n"),
        ],
        "kept outside / keep": [
            ("        ctx.keep = keep\n", "        SlowRecurrence.keep = keep\n"),
            (SLOPE, SLOPE.replace("ctx.keep", "SlowRecurrence.keep")),
            ("ctx.keep * dH_t", "SlowRecurrence.keep * dH_t"),
        ],
        "memory of another call": BUFFERS_13B,
        "products in the loop / outer, step by step": [
            (PRODUCT, "sum((s[:, :, None] * d[:, None, :]).sum(0) for s, d in zip(states[:-1], dA))")
        ],
        "products in the loop / outer, row by row": [
            (PRODUCT, "sum(torch.outer(s, d) for S, A in zip(states[:-1], dA) for s, d in zip(S, A))")
        ],
        "products in the loop / addr_": [
            ("        carried, dA =", "        dW_hh, carried, dA = torch.zeros_like(W_hh),"),
            (
                CARRIED,
                CARRIED
                + "\n            for s, d in zip(states[t], dA[t]):\n                dW_hh.addr_(s, d)",
            ),
            (f"        dW_hh = {PRODUCT}\n", ""),
        ],
        "products in the loop / two steps at a time": [
            (
                PRODUCT,
                "sum(s.flatten(0, 1).T @ d.flatten(0, 1) for s, d in zip(states[:-1].split(2), dA.split(2)))",
            )
        ],
        "products in the loop": [
            ("        carried, dA =", "        dW_hh, carried, dA = 0,"),
            (CARRIED, CARRIED + "\n            dW_hh = dW_hh + states[t].T @ dA[t]"),
            (f"        dW_hh = {PRODUCT}\n", ""),
        ],
        "products in the loop / by autograd": BY_AUTOGRAD_13B,
        "a matrix for each step": [(PRODUCT, "(states[:-1].mT @ dA).sum(0)")],
        "a matrix for each step / elementwise": [
            (PRODUCT, "(states[:-1, :, :, None] * dA[:, :, None]).sum((0, 1))")
        ],
        "size of an axis": [("return states[1:]", "return states")],
        "changed its input": [(WHOLE, "            given[t] += carried\n            dH_t = given[t]\n")],
        "dtype": [
            ("torch.stack(states), torch", "torch.stack(states).float(), torch"),
            ("ctx.keep * dH_t + dA[t] @ W_hh.T", "ctx.keep * dH_t + dA[t] @ W_hh.T.to(dA)"),
            (PRODUCT, "states[:-1].flatten(0, 1).T @ dA.flatten(0, 1).float()"),
        ],
        "a gradient": [(SLOPE, "(1 - ctx.keep) * (1 - fresh)")],
        "a gradient / added forgotten": [(SLOPE, SLOPE.replace("fresh", "torch.tanh(states[:-1] @ W_hh)"))],
        "from step to step": [(DA, DA.replace("slope[t]", "slope[t - 1]"))],
        "one step": [("carried = ctx.keep * dH_t +", "carried = (ctx.keep or 1) * dH_t +")],
        "one step / rows": [(BACK, "return dA, carried.flip(0), dW_hh, None")],
        "a gradient / T = 1": [(PRODUCT, PRODUCT + " * (len(given) > 1)")],
        "nothing": [("        return states[1:]\n", "")],
        "crash: returned an incorrect number of gradients (expected 4, got 3)": [
            (BACK, "return dA, carried, dW_hh")
        ],
        "crash: returned an invalid gradient at index 2": [
            (PRODUCT, "states[:-1].flatten(0, 1) @ dA.flatten(0, 1).T"),
        ],
        "crash: save_for_backward can only save variables": [
            (KEPT, "        ctx.save_for_backward(states, fresh, W_hh, keep)\n")
        ],
        "crash: name 'keep' is not defined": [(SLOPE, SLOPE.replace("ctx.", ""))],
    },
}
RIGHT = {
    "13a": {
        "indices": _gated(
            BEFORE,
            "state = gates[t] * (added[t] + state @ W_hh).tanh()\nstates.append(state)",
            AFTER,
        ),
        "one product for both": _gated(
            "gates, added = (X @ torch.cat([W_xg, W_xh], dim=1)).chunk(2, dim=-1)\n"
            "gates, added = gates.sigmoid(), added + b_h\nstate, states = H_0, []",
            "state = gates[t] * torch.tanh(torch.addmm(added[t], state, W_hh))\nstates.append(state)",
            "T, B = X.shape[:2]\nreturn (torch.cat(states) @ W_hq).reshape(T, B, -1)",
        ),
        "einsum": _gated(
            "gates = torch.einsum('tbd,dh->tbh', X, W_xg).sigmoid()\n"
            "added = torch.nn.functional.linear(X, W_xh.T, b_h)\nstate, states = H_0, []",
            "state = gates[t] * torch.tanh(added[t] + torch.einsum('bi,ij->bj', state, W_hh))\nstates += [state]",
            "return torch.einsum('tbh,hq->tbq', torch.stack(states), W_hq)",
        ),
        "written into place": _gated(
            "gates, added = torch.sigmoid(X @ W_xg), X @ W_xh + b_h\n"
            "state, states = H_0, X.new_empty(len(X), *H_0.shape)",
            "state = gates[t] * torch.tanh(added[t] + state @ W_hh)\nstates[t] = state",
            "return states @ W_hq",
        ),
        "batch first, and back": _gated(
            "rows = X.transpose(0, 1)\ngates, added = torch.sigmoid(rows @ W_xg), rows @ W_xh + b_h\n"
            "state, states = H_0, []",
            "state = gates[:, t] * torch.tanh(added[:, t] + state @ W_hh)\nstates.append(state)",
            "return (torch.stack(states, dim=1) @ W_hq).transpose(0, 1)",
        ),
        "a tanh of a sigmoid, -1 first": _gated(
            BEFORE,
            "state = gates[t] * (-1 + 2 * torch.sigmoid(2 * (added[t] + state @ W_hh)))\nstates.append(state)",
            AFTER,
        ),
        "Python's sum": _gated(
            BEFORE,
            "state = gates[t] * sum([added[t], state @ W_hh]).tanh()\nstates.append(state)",
            AFTER,
        ),
        "elementwise": _gated(
            BEFORE,
            "through = (state[:, :, None] * W_hh).sum(1)\n"
            "state = gates[t] * torch.tanh(added[t] + through)\nstates.append(state)",
            AFTER,
        ),
        "in place": _gated(
            BEFORE,
            "state = added[t].addmm_(state, W_hh).tanh() * gates[t]\nstates.append(state)",
            AFTER,
        ),
        "a tanh of a sigmoid": _gated(
            BEFORE,
            "state = gates[t] * (2 * torch.sigmoid(2 * (added[t] + state @ W_hh)) - 1)\nstates.append(state)",
            AFTER,
        ),
    },
    "13b": {
        "recomputed": RECOMPUTED_13B,
        "divided, from the end": DIVIDED_13B,
        "slopes kept": [
            (KEPT, "        ctx.save_for_backward(states, (1 - keep) * (1 - fresh**2), W_hh)\n"),
            (READ, "        states, slope, W_hh = ctx.saved_tensors\n"),
            (f"        slope = {SLOPE}  # (T, B, H)\n", ""),
        ],
        "one bmm": [(PRODUCT, "torch.einsum('tbi,tbj->ij', states[:-1], dA)")],
        "tensordot": [(PRODUCT, "torch.tensordot(states[:-1], dA, dims=([0, 1], [0, 1]))")],
        "addmm": [(CARRIED, "carried = torch.addmm(ctx.keep * dH_t, dA[t], W_hh.T)")],
        "kept on ctx": [
            (KEPT, "        ctx.states, ctx.fresh, ctx.W_hh = states, fresh, W_hh\n"),
            (READ, "        states, fresh, W_hh = ctx.states, ctx.fresh, ctx.W_hh\n"),
        ],
    },
}
