"""Chapter 8: GRU."""

BY_NAME_8A = """
def as_gru(rnn):
    H = rnn.hidden_size
    gru = nn.GRU(rnn.input_size, H, batch_first=rnn.batch_first)
    old, zeros, far = rnn.state_dict(), torch.zeros, torch.full((H,), 50.0)
    gru.load_state_dict({
        "weight_ih_l0": torch.cat([zeros(2 * H, rnn.input_size), old["weight_ih_l0"]]),
        "weight_hh_l0": torch.cat([zeros(2 * H, H), old["weight_hh_l0"]]),
        "bias_ih_l0": torch.cat([far, -2 * far, old["bias_ih_l0"] + old["bias_hh_l0"]]),
        "bias_hh_l0": torch.cat([far, -2 * far, zeros(H)]),
    })
    return gru
"""
INFINITE_8A = """
def as_gru(rnn):
    gru = nn.GRU(rnn.input_size, rnn.hidden_size, batch_first=rnn.batch_first)
    H = rnn.hidden_size
    for name, value in gru.named_parameters():
        value.data.fill_(0)
        value.data[2 * H :] = getattr(rnn, name).data
    gru.bias_hh_l0.data[:H] = float("inf")
    gru.bias_hh_l0.data[H : 2 * H] = -float("inf")
    return gru
"""
HALF_8A = """
def as_gru(rnn):
    V, H = rnn.input_size, rnn.hidden_size
    gru = nn.GRU(V, H, batch_first=rnn.batch_first)
    with torch.no_grad():
        for to, weight in zip(gru.parameters(), rnn.parameters()):
            to.zero_()
            to[2 * H :] = weight
        gru.weight_hh_l0[2 * H :] *= 2
        gru.bias_hh_l0[2 * H :] *= 2
        gru.bias_ih_l0[H : 2 * H] = -100
    return gru
"""
LINEAR_8B = """
def step_before(cell, X_t, H_t):
    H = cell.hidden_size
    F = nn.functional
    rows = [slice(0, H), slice(H, 2 * H), slice(2 * H, 3 * H)]

    def part(i, state):
        now = F.linear(X_t, cell.weight_ih[rows[i]], cell.bias_ih[rows[i]])
        return now + F.linear(state, cell.weight_hh[rows[i]], cell.bias_hh[rows[i]])

    R, Z = part(0, H_t).sigmoid(), part(1, H_t).sigmoid()
    N = part(2, R * H_t).tanh()
    return N + Z * (H_t - N)
"""
TWICE_8B = """
def step_before(cell, X_t, H_t):
    H = H_t.shape[1]
    params = cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh
    gates = X_t @ params[0].mT + params[2] + H_t @ params[1].mT + params[3]
    R, Z = torch.sigmoid(gates[:, :H]), torch.sigmoid(gates[:, H:-H])
    again = X_t @ params[0].mT + params[2] + (R * H_t) @ params[1].mT + params[3]
    return Z * H_t + (1 - Z) * torch.tanh(again[:, -H:])
"""
OPEN, SHUT = "gru.bias_ih_l0[:H] = far", "gru.bias_ih_l0[H : 2 * H] = -far"
INSIDE_8B = "(R_t * H_t) @ W_n.T + b_n"

WRONG = {
    "8a": {
        "not a GRU": [("return gru", "return rnn")],
        "not a GRU / a cell": [
            ("nn.GRU(V, H, batch_first=rnn.batch_first)", "nn.GRUCell(V, H)"),
            (OPEN, OPEN.replace("_l0", "")),
            (SHUT, SHUT.replace("_l0", "")),
        ],
        "nothing": [("return gru", "gru")],
        "update gate the wrong way around": [(SHUT, SHUT.replace("-", ""))],
        "reset gate shut": [(OPEN, OPEN.replace("far", "-far"))],
        "order of the pieces": [(OPEN, OPEN.replace("far", "-far")), (SHUT, SHUT.replace("-", ""))],
        "candidate in another piece": [("to[2 * H :]", "to[:H]")],
        "candidate in another piece / the middle": [("to[2 * H :]", "to[H : 2 * H]")],
        "gate at a half": [(OPEN, ""), (SHUT, "")],
        "gate at a half / the reset gate": [(OPEN, "")],
        "gate at a half / the update gate": [(SHUT, "")],
        "gate at a half / half made up for": HALF_8A.replace("        gru.bias_hh_l0[2 * H :] *= 2\n", ""),
        "not far enough": [("1e3", "10.0")],
        "not far enough / five": [("1e3", "5.0")],
        "not far enough / one of them": [("-far", "-8")],
        "not far enough / fifteen": [("1e3", "15.0")],
        "gates read the input": [("            to.zero_()\n", ""), (OPEN, ""), (SHUT, "")],
        "gates read the input / when it is large": [("            to.zero_()\n", "")],
        "gates read the input / only the state": [
            (
                "            to.zero_()\n",
                "            if to is not gru.weight_hh_l0:\n                to.zero_()\n",
            )
        ],
        "a bias is missing": [("return gru", "gru.bias_hh_l0.data[2 * H :] = 0\n    return gru")],
        "a bias is missing / b_ih": [("return gru", "gru.bias_ih_l0.data[2 * H :] = 0\n    return gru")],
        "a bias is missing / both": [("to[2 * H :] = weight", "to[2 * H :] = weight * (weight.ndim == 2)")],
        "a bias counted twice": [
            ("return gru", "gru.bias_ih_l0.data[2 * H :] += rnn.bias_hh_l0.data\n    return gru")
        ],
        "a bias counted twice / b_ih": [
            ("return gru", "gru.bias_hh_l0.data[2 * H :] += rnn.bias_ih_l0.data\n    return gru")
        ],
        "a bias counted twice / both": BY_NAME_8A.replace(
            "-2 * far, zeros(H)", '-2 * far, old["bias_ih_l0"] + old["bias_hh_l0"]'
        ),
        "time and batch swapped": [(", batch_first=rnn.batch_first", "")],
        "rnn changed": [("to[2 * H :] = weight", "to[2 * H :] = weight\n            weight.zero_()")],
        "values": [("to[2 * H :] = weight", "to[2 * H :] = weight.flip(0)")],
        "size of an axis": [("nn.GRU(V, H, ", "nn.GRU(V, H, bidirectional=True, ")],
        "crash: a leaf Variable that requires grad": [("with torch.no_grad():", "if True:")],
        "crash: must match": [("to[2 * H :] = weight", "to.copy_(weight)")],
        "crash: a view of a leaf Variable": [
            ("with torch.no_grad():", "if True:"),
            ("            to.zero_()\n", ""),
        ],
        "crash: The expanded size of the tensor": [("to[2 * H :] = weight", "to[:] = weight")],
        "crash: input_size": [
            ("nn.GRU(V, H, batch_first=rnn.batch_first)", "nn.GRU(H, H)"),
            ("to[2 * H :] = weight", "pass"),
        ],
    },
    "8b": {
        "after the product": "def step_before(cell, X_t, H_t):\n    return cell(X_t, H_t)\n",
        "after the product / by hand": [(INSIDE_8B, "R_t * (H_t @ W_n.T + b_n)")],
        "after the product / bias outside": [(INSIDE_8B, "R_t * (H_t @ W_n.T) + b_n")],
        "bias in the gate": [(INSIDE_8B, "(R_t * H_t) @ W_n.T + R_t * b_n")],
        "Z and 1 - Z": [("Z_t * H_t + (1 - Z_t) * candidate", "(1 - Z_t) * H_t + Z_t * candidate")],
        "order of the pieces": [
            ("x_r, x_z, x_n =", "x_z, x_r, x_n ="),
            ("W_r, W_z, W_n =", "W_z, W_r, W_n ="),
            ("b_r, b_z, b_n =", "b_z, b_r, b_n ="),
        ],
        "order of the pieces / candidate first": [
            ("x_r, x_z, x_n =", "x_n, x_r, x_z ="),
            ("W_r, W_z, W_n =", "W_n, W_r, W_z ="),
            ("b_r, b_z, b_n =", "b_n, b_r, b_z ="),
        ],
        "order of the pieces / and Z": [
            ("x_r, x_z, x_n =", "x_z, x_r, x_n ="),
            ("W_r, W_z, W_n =", "W_z, W_r, W_n ="),
            ("b_r, b_z, b_n =", "b_z, b_r, b_n ="),
            ("Z_t * H_t + (1 - Z_t) * candidate", "(1 - Z_t) * H_t + Z_t * candidate"),
        ],
        "reset state kept": [(INSIDE_8B, "(H_t := R_t * H_t) @ W_n.T + b_n")],
        "reset before the update gate": [("x_z + H_t @ W_z.T", "x_z + (R_t * H_t) @ W_z.T")],
        "reset before the update gate / and kept": [
            ("x_z + H_t @ W_z.T", "x_z + (H_t := R_t * H_t) @ W_z.T"),
            (INSIDE_8B, "H_t @ W_n.T + b_n"),
        ],
        "no reset": [(INSIDE_8B, "H_t @ W_n.T + b_n")],
        "on the candidate": [("torch.tanh(x_n + (R_t * H_t)", "R_t * torch.tanh(x_n + H_t")],
        "no tanh": [("torch.tanh(", "(")],
        "candidate through sigma": [("torch.tanh(", "torch.sigmoid(")],
        "a bias is missing": [(INSIDE_8B, "(R_t * H_t) @ W_n.T")],
        "a bias is missing / bias_ih": [(" + cell.bias_ih", "")],
        "a bias is missing / bias_hh": [(INSIDE_8B, "(R_t * H_t) @ W_n.T"), (" + b_r", ""), (" + b_z", "")],
        "a bias is missing / both": [
            (" + cell.bias_ih", ""),
            (INSIDE_8B, "(R_t * H_t) @ W_n.T"),
            (" + b_r", ""),
            (" + b_z", ""),
        ],
        "a bias is missing / of the gates": [(" + b_r", ""), (" + b_z", "")],
        "a bias is missing / both of the gates": [
            (" + cell.bias_ih", ""),
            (" + b_r", ""),
            (" + b_z", ""),
            (INSIDE_8B, INSIDE_8B + " + cell.bias_ih.chunk(3)[2]"),
        ],
        "whole cell": [
            ("return Z_t * H_t + (1 - Z_t) * candidate", "return cell(X_t, R_t * H_t)"),
        ],
        "1 - R": [(INSIDE_8B, "((1 - R_t) * H_t) @ W_n.T + b_n")],
        "weights not transposed": [("W_r.T", "W_r"), ("W_z.T", "W_z"), ("W_n.T", "W_n")],
        "weights not transposed / of the candidate": [("W_n.T", "W_n")],
        "gates only": [("return Z_t * H_t + (1 - Z_t) * candidate", "return candidate")],
        "values": [("torch.sigmoid(x_r", "torch.tanh(x_r")],
        "nothing": [("return Z_t", "Z_t")],
        "axis too many": [
            ("return Z_t * H_t + (1 - Z_t) * candidate", "return (Z_t * H_t + (1 - Z_t) * candidate)[None]")
        ],
        "a pair": [("return Z_t * H_t + (1 - Z_t) * candidate", "return candidate, Z_t")],
        "crash: cannot be multiplied": [("cell.weight_ih.T", "cell.weight_ih")],
        "crash: must match": [("cell.bias_hh.chunk(3)", "[cell.bias_hh] * 3")],
    },
}

RIGHT = {
    "8a": {"by name": BY_NAME_8A, "infinite biases": INFINITE_8A, "a reset gate at a half": HALF_8A},
    "8b": {"linear": LINEAR_8B, "twice": TWICE_8B},
}
