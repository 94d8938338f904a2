"""Chapter 12: which network when."""

CONV = "num_inputs, num_outputs, width, dilation=dilation\n        )"
LEFT = "self.left = (width - 1) * dilation"
FORWARD = "return self.conv(F.pad(X, (self.left, 0)))"
CUT_END = """
class CausalConv(nn.Module):
    def __init__(self, num_inputs, num_outputs, width, dilation):
        super().__init__()
        left = dilation * (width - 1)
        self.conv = nn.Conv1d(num_inputs, num_outputs, width, padding=left, dilation=dilation)

    def forward(self, X):
        return self.conv(X)[:, :, : X.shape[2]]
"""
SUBCLASS = """
class CausalConv(nn.Conv1d):
    def __init__(self, num_inputs, num_outputs, width, dilation):
        super().__init__(num_inputs, num_outputs, width, dilation=dilation)

    def forward(self, X):
        before = X.new_zeros(len(X), self.in_channels, (self.kernel_size[0] - 1) * self.dilation[0])
        return super().forward(torch.cat([before, X], dim=2))
"""
SEQUENTIAL = """
def CausalConv(num_inputs, num_outputs, width, dilation):
    return nn.Sequential(
        nn.ConstantPad1d(((width - 1) * dilation, 0), 0.0),
        nn.Conv1d(num_inputs, num_outputs, width, dilation=dilation),
    )
"""

SCORES = "scores = Q @ K.transpose(1, 2) / Q.shape[2] ** 0.5"
BACK = "back = t[:, None] - t"
HIDDEN = "hidden = (back < 0) | (back >= window)"
RETURN = "return scores.masked_fill(hidden, -torch.inf).softmax(dim=2) @ V"
TRIANGLES = """
def windowed_attention(Q, K, V, window):
    B, T, E = Q.shape
    seen = torch.ones(T, T).tril() - torch.ones(T, T).tril(-window)
    scores = torch.einsum("bie,bje->bij", Q, K) / E**0.5
    scores = scores + (1 - seen) * -1e9
    return torch.softmax(scores, dim=-1).bmm(V)
"""
LOOP = """
def windowed_attention(Q, K, V, window):
    outputs = []
    for t in range(Q.shape[1]):
        first = max(0, t + 1 - window)
        keys, values = K[:, first : t + 1], V[:, first : t + 1]
        scores = (keys * Q[:, t : t + 1]).sum(2) / Q.shape[2] ** 0.5
        outputs.append((scores.softmax(1)[:, :, None] * values).sum(1))
    return torch.stack(outputs, 1)
"""
FUSED = """
def windowed_attention(Q, K, V, window):
    T = Q.shape[1]
    seen = torch.tensor([[t - window < s <= t for s in range(T)] for t in range(T)])
    return nn.functional.scaled_dot_product_attention(Q, K, V, attn_mask=seen)
"""
OWN_EXP = """
def windowed_attention(Q, K, V, window):
    t = torch.arange(Q.shape[1])
    back = t[:, None] - t
    weights = torch.exp(Q @ K.mT / Q.shape[2] ** 0.5) * ((back >= 0) & (back < window))
    return weights / weights.sum(dim=2, keepdim=True) @ V
"""

RENORMALIZED = """
def windowed_attention(Q, K, V, window):
    t = torch.arange(Q.shape[1])
    back = t[:, None] - t
    seen = (back >= 0) & (back < window)
    weights = (Q @ K.mT / Q.shape[2] ** 0.5).softmax(dim=2) * seen
    return weights / weights.sum(dim=2, keepdim=True) @ V
"""
LESS_THE_LARGEST = OWN_EXP.replace(
    "    weights = torch.exp(Q @ K.mT / Q.shape[2] ** 0.5) *",
    "    scores = Q @ K.mT / Q.shape[2] ** 0.5\n"
    "    weights = torch.exp(scores - scores.amax(dim=2, keepdim=True)) *",
)
WHOLE_LARGEST = """
def windowed_attention(Q, K, V, window):
    t = torch.arange(Q.shape[1])
    back = t[:, None] - t
    A = Q @ K.mT / Q.shape[2] ** 0.5
    A = A.masked_fill((back < 0) | (back >= window), -torch.inf)
    weights = (A - A.max()).exp()
    return weights / weights.sum(dim=2, keepdim=True) @ V
"""

WRONG = {
    "12a": {
        "both sides": [(FORWARD, "return self.conv(F.pad(X, (self.left, self.left)))")],
        "no padding": [(FORWARD, "return self.conv(X)")],
        "dilation not in the padding": [(LEFT, "self.left = width - 1")],
        "dilation not in the convolution": [(", dilation=dilation", "")],
        "one short": [(LEFT, LEFT + " - 1")],
        "one short / too many": [(LEFT, LEFT + " + 1")],
        "empty": CUT_END.replace("left = d", "self.left = left = d").replace(
            ": X.shape[2]]", ": -self.left]"
        ),
        "centered": [
            (CONV, CONV.replace("=dilation", '=dilation, padding="same"')),
            (FORWARD, "return self.conv(X)"),
        ],
        "wrong end": CUT_END.replace(": X.shape[2]]", "-X.shape[2] :]"),
        "wrong end / padded on the right": [("(self.left, 0)", "(0, self.left)")],
        "ahead": [(FORWARD, "return self.conv(F.pad(X, (self.left - 1, 1)))")],
        "behind": [(FORWARD, "return self.conv(F.pad(X, (self.left + 1, 0)))[:, :, :-1]")],
        "no dilation": [(", dilation=dilation", ""), (LEFT, "self.left = width - 1")],
        "around": [
            (FORWARD, "T = X.shape[2]\n        return self.conv(X[:, :, torch.arange(-self.left, T) % T])"),
        ],
        "future seen": [(FORWARD, FORWARD + " + X.mean(dim=(1, 2), keepdim=True)")],
        "sees": [(FORWARD, FORWARD + " + 0.1 * X.cumsum(2)[:, :1]")],
        "no bias": [("=dilation\n", "=dilation, bias=False\n")],
        "not zeros": [(FORWARD, FORWARD.replace("0)))", "0), mode='replicate'))"))],
        "ones": [(FORWARD, FORWARD.replace("0)))", "0), value=1.0))"))],
        "taps reversed": [(FORWARD, "return self.conv(F.pad(X.flip(2), (0, self.left))).flip(2)")],
        "taps reversed / by the weight": [
            (
                FORWARD,
                "conv = self.conv\n        return F.conv1d(F.pad(X, (self.left, 0)), conv.weight.flip(2), conv.bias, "
                "dilation=conv.dilation)",
            )
        ],
        "activation": [(FORWARD, FORWARD.replace("self.conv", "torch.relu(self.conv") + ")")],
        "residual": [
            (
                FORWARD,
                "Y = self.conv(F.pad(X, (self.left, 0)))\n        return Y + X if X.shape == Y.shape else Y",
            )
        ],
        "values": [(FORWARD, FORWARD + " * 2")],
        "order of axes": [(FORWARD, FORWARD + ".transpose(1, 2)")],
        "number of parameters": [(CONV, CONV + "\n        self.more = nn.Parameter(torch.zeros(3))")],
        "nothing": [("return self", "self")],
        "an instance": CUT_END + "\n\nCausalConv = CausalConv(3, 5, 3, 4)\n",
        "crash: expected input": [(FORWARD, FORWARD.replace("X,", "X.transpose(1, 2),"))],
    },
    "12b": {
        "future seen": [(HIDDEN, "hidden = back > 10**6")],
        "future seen / nearby": [(HIDDEN, "hidden = back.abs() >= window")],
        "future seen / one step": [(BACK, BACK + " + 1")],
        "future seen / all of it": [("(back < 0) | ", "")],
        "no window": [(" | (back >= window)", "")],
        "one too many": [("back >= window", "back > window")],
        "one too few": [("back >= window", "back >= window - 1")],
        "not itself": [(BACK, BACK + " - 1")],
        "not itself / shorter": [("back < 0", "back <= 0")],
        "forward": [(BACK, "back = t - t[:, None]")],
        "after the softmax": [(RETURN, "return scores.softmax(dim=2).masked_fill(hidden, 0) @ V")],
        "score of 0": [("-torch.inf", "0")],
        "scaled by E": [(" ** 0.5", "")],
        "not scaled": [(" / Q.shape[2] ** 0.5", "")],
        "scaled up": [("/ Q.shape[2]", "* Q.shape[2]")],
        "scaled up / by E": [("/ Q.shape[2] ** 0.5", "* Q.shape[2]")],
        "scaled by T": [("Q.shape[2] **", "Q.shape[1] **")],
        "over the queries": [("dim=2", "dim=1")],
        "over the batch": [("softmax(dim=2)", "softmax(dim=0).nan_to_num(0)")],
        "over the batch / no dim": [
            (
                RETURN,
                "scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)\n"
                "    return nn.functional.softmax(scores) @ V",
            )
        ],
        "Q and K swapped": [("Q @ K.transpose", "K @ Q.transpose")],
        "average of keys": [("@ V", "@ K")],
        "scores": [(" @ V", "")],
        "a pair": [
            (RETURN, "P = scores.masked_fill(hidden, -torch.inf).softmax(dim=2)\n    return P @ V, P")
        ],
        "K and V swapped": [("@ V", "@ K"), ("K.transpose", "V.transpose")],
        "reshaped": [("K.transpose(1, 2)", "K.reshape(len(K), K.shape[2], K.shape[1])")],
        "reshaped / view": [("K.transpose(1, 2)", "K.view(len(K), K.shape[2], -1)")],
        "inverted": [("masked_fill(hidden,", "masked_fill(~hidden,")],
        "negative start": LOOP.replace("max(0, t + 1 - window)", "t + 1 - window"),
        "all NaN": [("softmax(dim=2)", "softmax(dim=0)")],
        "all NaN / 0 times infinity": [
            ("scores.masked_fill(hidden, -torch.inf)", "(scores + hidden * -torch.inf)")
        ],
        "overflow": OWN_EXP,
        "large scores cut off": [(RETURN, RETURN.replace("scores.m", "scores.clamp(-80, 80).m"))],
        "large scores cut off / after hiding": [
            (RETURN, RETURN.replace(".softmax", ".clamp(-80, 80).softmax"))
        ],
        "large scores cut off / in an exp": OWN_EXP.replace(
            " / Q.shape[2] ** 0.5)", " / Q.shape[2] ** 0.5).clamp(max=80))"
        ).replace("torch.exp(Q", "torch.exp((Q"),
        "large scores cut off / at 500": [(RETURN, RETURN.replace("scores.m", "scores.clamp(-500, 500).m"))],
        "another row's largest": WHOLE_LARGEST,
        "another row's largest / of each sequence": WHOLE_LARGEST.replace(
            "max()", "amax((1, 2), keepdim=True)"
        ),
        "another row's largest / with a little": WHOLE_LARGEST.replace(
            "keepdim=True) @", "keepdim=True).clamp(min=1e-9) @"
        ),
        "hidden took all": RENORMALIZED,
        "hidden took all / at least a little": RENORMALIZED.replace(
            "keepdim=True)", "keepdim=True).clamp(min=1e-9)"
        ),
        "hidden took all / the largest subtracted": LESS_THE_LARGEST,
        "not low enough": [("-torch.inf", "-100")],
        "cut off": [(SCORES, "scores = Q @ K.detach().transpose(1, 2) / Q.shape[2] ** 0.5")],
        "cut off / all": [
            (
                RETURN,
                "return torch.tensor((scores.masked_fill(hidden, -torch.inf).softmax(dim=2) @ V).tolist())",
            )
        ],
        "values": [("@ V", "@ V * 2")],
        "nothing": [("return scores", "scores")],
        "crash: Expected size": [("K.transpose(1, 2)", "K")],
        "crash: t() expects": [("K.transpose(1, 2)", "K.t()")],
    },
}
RIGHT = {
    "12a": {"cut at the end": CUT_END, "a subclass": SUBCLASS, "Sequential": SEQUENTIAL},
    "12b": {"triangles": TRIANGLES, "a loop": LOOP, "fused": FUSED},
}
