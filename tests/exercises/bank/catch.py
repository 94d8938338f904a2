"""Set E: tests that are too weak or too strict, and tests in other styles that do."""

# ---------- E1 ----------
E1_DRAW = [
    ("    cell.W_xh, cell.W_hh = torch.randn(D, H), torch.randn(H, H)\n    cell.b_h = torch.randn(H)\n", "")
]
E1_BOOL = """
def test_cell(cell):
    D, H = cell.W_xh.shape
    for name, size in (("W_xh", (D, H)), ("W_hh", (H, H)), ("b_h", (H,))):
        setattr(cell, name, torch.rand(size) - 0.5)
    X, state = torch.randn(9, D), torch.randn(9, H)
    out = cell(X, state)
    if out.shape != state.shape:
        return False
    Z = torch.stack([x @ cell.W_xh + h @ cell.W_hh + cell.b_h for x, h in zip(X, state)])
    return torch.allclose(out, Z.tanh(), atol=1e-5)
"""
E1_RNN = """
def test_cell(cell):
    D, H = cell.W_xh.shape
    twin = nn.RNNCell(D, H)
    nn.init.uniform_(twin.bias_ih)
    cell.W_xh, cell.W_hh = twin.weight_ih.detach().T, twin.weight_hh.detach().T
    cell.b_h = (twin.bias_ih + twin.bias_hh).detach()
    for B in (1, 7):
        X, state = 2 * torch.randn(B, D), torch.randn(B, H)
        error = (cell(X, state) - twin(X, state)).abs().max()
        assert error < 1e-4, f"off by {error}"
"""
E1_BOUNDS = """
def test_cell(cell):
    D, H = cell.W_xh.shape
    X, state = 1e4 * torch.randn(3, D), torch.randn(3, H)
    out = cell(X, state)
    assert out.shape == (3, H) and out.abs().max() <= 1
    assert not torch.equal(cell(0 * X, state), cell(0 * X, 0 * state))
"""

# ---------- E2 ----------
E2_THREE = """
def test_two_pieces(layer):
    X = torch.randn(3, 9, layer.input_size)
    whole, last = layer(X)
    state, outputs = torch.zeros(layer.num_layers, 3, layer.hidden_size), []
    for piece in X.split(4, dim=1):
        out, state = layer(piece, state)
        outputs.append(out)
    return bool(torch.allclose(torch.cat(outputs, 1), whole, atol=1e-5) and torch.allclose(state, last, atol=1e-5))
"""
E2_EVERY_CUT = """
def test_two_pieces(layer):
    B, T = 5, 6
    X = torch.randn(B, T, layer.input_size)
    whole, last = layer(X)
    for cut in range(1, T):
        _, state = layer(X[:, :cut])
        rest, end = layer(X[:, cut:], state)
        for a, b in ((rest, whole[:, cut:]), (end, last)):
            assert (a - b).abs().max() < 1e-4
"""
E2_SENSITIVE = """
def test_two_pieces(layer):
    X = torch.randn(2, 4, layer.input_size)
    _, state = layer(X)
    assert not torch.allclose(layer(X)[0], layer(X, state)[0])
"""
E2_SHAPES = """
def test_two_pieces(layer):
    outputs, state = layer(torch.randn(2, 5, layer.input_size))
    assert outputs.shape == (2, 5, layer.hidden_size)
    assert state.shape == (layer.num_layers, 2, layer.hidden_size)
"""

# ---------- E3 ----------
E3_TORCH = """
def test_masked_loss(loss):
    B, T, V = 6, 8, 5
    for _ in range(3):
        logits, Y, lengths = torch.randn(B, T, V), torch.randint(V, (B, T)), torch.randint(2, T + 1, (B,))
        lengths[0], lengths[1], Y[0, :4] = T, 1, 0
        wanted = Y.masked_fill(torch.arange(T) >= lengths[:, None], -100)
        right = nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
        if (loss(logits, Y, lengths) - right).abs() > 1e-5:
            return False
    return True
"""
E3_CUT = """
def test_masked_loss(loss):
    logits, Y = torch.randn(2, 6, 4), torch.tensor([[0, 1, 2, 3, 0, 0], [3, 0, 1, 1, 1, 1]])
    short = [logits[0, :5], logits[1, :2]]
    total = sum(nn.functional.cross_entropy(one, Y[b, : len(one)], reduction="sum") for b, one in enumerate(short))
    assert abs(float(loss(logits, Y, torch.tensor([5, 2]))) - float(total) / 7) < 1e-5
"""
E3_INVARIANT = """
def test_masked_loss(loss):
    logits, Y, lengths = torch.randn(3, 5, 4), torch.randint(4, (3, 5)), torch.tensor([5, 2, 3])
    other = logits.clone()
    other[1, 2:], other[2, 3:] = 7.0, torch.randn(2, 4)
    torch.testing.assert_close(loss(logits, Y, lengths), loss(other, Y, lengths))
"""
E3_LAST_COUNTS = (
    E3_INVARIANT
    + """
    other = logits.clone()
    other[1, 1] += torch.tensor([3.0, -2.0, 1.0, 0.0])
    other[2, 2] += torch.tensor([3.0, -2.0, 1.0, 0.0])
    Y[1, 1] = Y[2, 2] = 1
    assert abs(loss(logits, Y, lengths) - loss(other, Y, lengths)) > 1e-3
"""
)
E3_FULL = """
def test_masked_loss(loss):
    logits, Y = torch.randn(3, 5, 4), torch.randint(4, (3, 5))
    right = nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten())
    torch.testing.assert_close(loss(logits, Y, torch.tensor([5, 5, 5])), right)
"""
E3_ONE_ROW = """
def test_masked_loss(loss):
    logits, Y = torch.randn(1, 5, 4), torch.tensor([[0, 1, 2, 0, 3]])
    right = nn.functional.cross_entropy(logits[0, :3], Y[0, :3])
    torch.testing.assert_close(loss(logits, Y, torch.tensor([3])), right)
"""
E3_EXACT = """
def test_masked_loss(loss):
    for _ in range(10):
        logits, Y, lengths = torch.randn(30, 5, 4), torch.randint(4, (30, 5)), torch.randint(1, 6, (30,))
        each = nn.functional.cross_entropy(logits.movedim(-1, 1), Y, reduction="none")
        assert loss(logits, Y, lengths).equal(each[torch.arange(5) < lengths[:, None]].mean())
"""
E3_INFINITE = """
def test_masked_loss(loss):
    logits, Y, lengths = torch.randn(3, 6, 4), torch.arange(18).reshape(3, 6) % 4, torch.tensor([6, 1, 3])
    padding = torch.arange(6) >= lengths[:, None]
    right = nn.functional.cross_entropy(logits[~padding], Y[~padding])
    for value in (float("inf"), float("nan"), 1e9, 0.0):
        came = loss(logits.masked_fill(padding[..., None], value), Y, lengths)
        torch.testing.assert_close(came, right)
"""
E3_LENGTHS = "torch.tensor([5, 2, 1, 4])"

WRONG = {
    "E1": {
        "right one rejected": [("state @ cell.W_hh", "state @ cell.W_hh.T")],
        "right one rejected / assert False": "def test_cell(cell):\n    assert False",
        "right one rejected / returns False": "def test_cell(cell):\n    return False",
        "other style rejected": [
            ("torch.testing.assert_close(cell(X, state), right)", "assert torch.equal(cell(X, state), right)")
        ],
        "no verdict": [("torch.testing.assert_close(cell(X, state), right)", "return cell(X, state) - right")],
        "no verdict / a text": [("torch.testing.assert_close(cell(X, state), right)", "return 'right'")],
        "no state": "def test_cell(cell):\n    pass",
        "no state / a state of zeros": [("torch.randn(B, H)", "torch.zeros(B, H)")],
        "no state / compared, not asserted": [("torch.testing.assert_close", "torch.allclose"), (", right)", ", right) or True")],
        "no tanh": [*E1_DRAW, ("cell(X, state), right", "cell(X, state), right, atol=3e-3, rtol=0")],
        "transposed": E1_BOUNDS,
        "no bias": [("    cell.b_h = torch.randn(H)\n", "")],
        "first row for all": [("B, (D, H) = 4", "B, (D, H) = 1")],
        "first row for all / equal rows": [("torch.randn(B, H)", "torch.randn(1, H).expand(B, H)")],
        "crash: mat1 and mat2 shapes cannot be multiplied": [
            ("B, (D, H) = 4, cell.W_xh.shape", "B, (D, H) = 4, (9, 9)"),
            *E1_DRAW,
        ],
    },
    "E2": {
        "right one rejected": [("layer(X[:, 3:], state)", "layer(X[:, 3:])")],
        "right one rejected / other pieces": [("layer(X[:, :3])", "layer(X[:, :2])")],
        "other style rejected": [
            ("    torch.testing.assert_close(end, last)", "    torch.testing.assert_close(end, last)\n"
             "    assert isinstance(layer.rnn, nn.GRU) and layer.rnn(X)[0].equal(whole)"),
        ],
        "no verdict": [("    torch.testing.assert_close(end, last)", "    return end - last")],
        "state ignored": E2_SHAPES,
        "state ignored / the first piece only": [
            ("torch.testing.assert_close(pieces, whole)", "torch.testing.assert_close(first, whole[:, :3])"),
            ("    torch.testing.assert_close(end, last)", ""),
        ],
        "lower layer lost": E2_SENSITIVE,
        "first row for all": [("torch.randn(4, 7", "torch.randn(1, 7")],
        "first step after the cut": [
            ("torch.testing.assert_close(pieces, whole)", "torch.testing.assert_close(pieces[:, -1], whole[:, -1])")
        ],
        "first step after the cut / the state only": [("    torch.testing.assert_close(pieces, whole)\n", "")],
        "state not updated": [("    torch.testing.assert_close(end, last)", "")],
        "crash: too many indices": [("whole, last = layer(X)", "whole, last = layer(X[0, 0, 0, 0])")],
    },
    "E3": {
        "right one rejected": [("torch.stack(losses).mean()", "torch.stack(losses).sum() / Y.numel()")],
        "right one rejected / one step too many": [("range(length)", "range(min(length + 1, 5))")],
        "other style rejected": E3_EXACT,
        "no verdict": [("torch.testing.assert_close(\n        loss", "return (\n        loss")],
        "padding counts": [(E3_LENGTHS, "torch.tensor([5, 5, 5, 5])")],
        "padding counts / torch's own": E3_FULL,
        "last token left out": E3_INVARIANT,
        "divided by all": E3_LAST_COUNTS,
        "mean of means": E3_ONE_ROW,
        "mean of means / equal lengths": [(E3_LENGTHS, "torch.tensor([3, 3, 3, 3])")],
        "token 0 is padding": [
            ("% 3", "% 2 + 1"),
        ],
        "crash: Target -1 is out of bounds": [("% 3", "% 3 - 1")],
        "crash: list indices must be integers": [
            (E3_LENGTHS, "[5, 2, 1, 4]"), ("lengths.tolist()", "lengths")
        ],
    },
}  # fmt: skip
RIGHT = {
    "E1": {"True or False": E1_BOOL, "against nn.RNNCell": E1_RNN},
    "E2": {"three pieces": E2_THREE, "every cut": E2_EVERY_CUT},
    "E3": {"ignore_index": E3_TORCH, "row by row": E3_CUT, "padding of any kind": E3_INFINITE},
}
