"""Set D: puzzles, one expression each."""


def _line(sign: str, expression: str) -> str:
    return f"def {sign}:\n    return {expression}\n"


def _answers(sign: str, /, **expressions: str) -> dict[str, str]:
    """Answers of one expression each; an underscore in a name stands for a space, two for `` / ``."""
    return {
        name.replace("__", " / ").replace("_", " "): _line(sign, expression)
        for name, expression in expressions.items()
    }


WRONG: dict[str, dict[str, str]] = {}
RIGHT: dict[str, dict[str, str]] = {}

# ---------- D1 ----------
S = "one_hot(X, V)"
WRONG["D1"] = {
    **_answers(
        S,
        off_by_one="(X[..., None] == torch.arange(1, V + 1)).float()",
        others="(X[..., None] != torch.arange(V)).float()",
        all_up_to_it="(X[..., None] >= torch.arange(V)).float()",
        classes_from_the_data="(X[..., None] == torch.arange(int(X.max()) + 1)).float()",
        order_of_axes="(X[:, None] == torch.arange(V)[:, None]).float()",
        dtype="X[..., None] == torch.arange(V)",
        dtype__whole_numbers="(X[..., None] == torch.arange(V)).long()",
        axis_missing="(X.reshape(-1, 1) == torch.arange(V)).float()",
        not_allowed="torch.nn.functional.one_hot(X, V).float()",
        not_allowed__rows_of_eye="torch.eye(V)[X]",
        more_than_one_expression__a_comprehension="torch.cat([(X == v)[..., None] for v in range(V)], -1).float()",
        not_allowed__by_a_text="eval('(X[..., None] == torch.arange(V)).float()')",
    ),
    "crash: The size of tensor a": _line(S, "(X == torch.arange(V)).float()"),
    "not allowed / F": "import torch.nn.functional as F\n" + _line(S, "F.one_hot(X, V).float()"),
    "not allowed / a builtin": _line(S, "(X[..., None] == torch.arange(int(V))).float()"),
    "not allowed / a helper": """
def helper(X, V):
    out = torch.zeros(*X.shape, V)
    return out.scatter_(-1, X[..., None], 1.0)


def one_hot(X, V):
    return helper(X, V)
""",
    "not allowed / a helper as a default": """
def one_hot(X, V, helper=torch.nn.functional.one_hot):
    return helper(X, V).float()
""",
    "not allowed / a decorator": """
def decorated(function):
    return lambda X, V: torch.nn.functional.one_hot(X, V).float()


@decorated
def one_hot(X, V):
    return X
""",
    "not allowed / another name": """
class Fake:
    arange = torch.nn.functional.one_hot


def one_hot(X, V):
    return Fake.arange(X, V).float()
""",
    "more than one expression": """
def one_hot(X, V):
    classes = torch.arange(V)
    return (X[..., None] == classes).float()
""",
    "more than one expression / walrus": _line(S, "((classes := torch.arange(V)) == X[..., None]).float()"),
    "more than one expression / a loop": """
def one_hot(X, V):
    out = torch.zeros(*X.shape, V)
    for v in range(V):
        out[..., v] = X == v
    return out
""",
    "more than one expression / import": """
def one_hot(X, V):
    import torch.nn.functional as F
    return F.one_hot(X, V).float()
""",
    "not a function": "import functools\none_hot = functools.partial(lambda X, V: torch.nn.functional.one_hot(X, V).float())\n",
    "nothing": "def one_hot(X, V):\n    (X[..., None] == torch.arange(V)).float()\n",
}
RIGHT["D1"] = {
    **_answers(
        S,
        other_way_round="(torch.arange(V)[None, None, :] == X[:, :, None]).to(torch.float32)",
        where="torch.where(X.unsqueeze(-1) == torch.arange(V), 1.0, 0.0)",
        minus="(1 - (X[..., None] - torch.arange(V)) ** 2 > 0).float()",
    ),
    "lambda": "import torch as t\none_hot = lambda X, V: X[..., None].eq(t.arange(V)).float()\n",
    "docstring and types": 'def one_hot(X: torch.Tensor, V: int) -> torch.Tensor:\n    """One-hot."""\n    # by comparison\n    return (\n        X[..., None] == torch.arange(V)\n    ).float()\n',
}

# ---------- D2 ----------
S = "inputs_and_labels(tokens)"
WRONG["D2"] = {
    **_answers(
        S,
        labels_not_shifted="tokens[:, :-1], tokens[:, :-1]",
        backward="tokens[:, 1:], tokens[:, :-1]",
        shifted_along_the_batch="tokens[:-1], tokens[1:]",
        wrapped_round="tokens, tokens.roll(-1, 1)",
        wrapped_round__whole="tokens[:, :-1], tokens[:, torch.arange(1, tokens.shape[1] + 1) % tokens.shape[1]]",
        not_two="tokens[:, :-1]",
        not_two__one_tensor="torch.stack([tokens[:, :-1], tokens[:, 1:]])",
        not_allowed="tokens.narrow(1, 0, tokens.shape[1] - 1), tokens.narrow(1, 1, tokens.shape[1] - 1)",
    ),
    "size of an axis": _line(S, "tokens[:, :-2], tokens[:, 2:]"),
    "values": _line(S, "tokens[:, :-1], tokens[:, 1:] + 1"),
    "more than one expression": "def inputs_and_labels(tokens):\n    X = tokens[:, :-1]\n    return X, tokens[:, 1:]\n",
}
RIGHT["D2"] = _answers(
    S,
    a_list="[tokens[:, :-1], tokens[:, 1:]]",
    by_length="(tokens[:, : tokens.shape[1] - 1], tokens[:, -(tokens.shape[1] - 1) :])",
    by_indices="tokens[:, torch.arange(tokens.shape[1] - 1)], tokens[:, torch.arange(1, tokens.shape[1])]",
)

# ---------- D3 ----------
S = "cut_rows(corpus, B)"
WRONG["D3"] = {
    **_answers(
        S,
        columns="corpus[: len(corpus) // B * B].reshape(-1, B).T",
        order_of_axes="corpus[: len(corpus) // B * B].reshape(-1, B)",
        dropped_at_the_front="corpus[len(corpus) % B :].reshape(B, -1)",
        shuffled="corpus[: len(corpus) // B * B].reshape(B, -1)[torch.arange(B - 1, -1, -1)]",
        too_short="corpus[: len(corpus) // B * B - B].reshape(B, -1)",
        too_short__a_label_kept="corpus[: (len(corpus) - 1) // B * B].reshape(B, -1)",
        not_allowed="torch.stack(corpus[: len(corpus) // B * B].chunk(B))",
    ),
    "crash: is invalid for input of size": _line(S, "corpus.reshape(B, -1)"),
    "nothing left": _line(S, "corpus[: -(len(corpus) % B)].reshape(B, -1)"),
    "crash: is invalid for input of size 0": _line(
        S, "corpus[: -(len(corpus) % B)].reshape(B, len(corpus) // B)"
    ),
    "more than one expression": "def cut_rows(corpus, B):\n    L = len(corpus) // B\n    return corpus[: B * L].reshape(B, L)\n",
}
RIGHT["D3"] = _answers(
    S,
    modulo="corpus[: len(corpus) - len(corpus) % B].view(B, len(corpus) // B)",
    by_indices="corpus[torch.arange(B)[:, None] * (len(corpus) // B) + torch.arange(len(corpus) // B)]",
    transposed="corpus[: corpus.shape[0] // B * B].reshape(B, -1).T.T",
)

# ---------- D4 ----------
S = "real_steps(lengths, T)"
WRONG["D4"] = {
    **_answers(
        S,
        off_by_one="torch.arange(T) <= lengths[:, None]",
        inverted="torch.arange(T) >= lengths[:, None]",
        padding_in_front="torch.arange(T) >= T - lengths[:, None]",
        the_last_only="torch.arange(T) == lengths[:, None] - 1",
        order_of_axes="torch.arange(T)[:, None] < lengths",
        dtype="(torch.arange(T) < lengths[:, None]).float()",
        not_allowed="torch.ones(len(lengths), T).cumsum(1) <= lengths[:, None]",
    ),
    "crash: The size of tensor a": _line(S, "torch.arange(T) < lengths"),
    "more than one expression": "def real_steps(lengths, T):\n    steps = torch.arange(T)\n    return steps < lengths[:, None]\n",
}
RIGHT["D4"] = _answers(
    S,
    from_1="lengths[:, None] >= torch.arange(1, T + 1)",
    inverted_twice="~(torch.arange(T)[None] >= lengths.unsqueeze(1))",
    transposed="(torch.arange(T)[:, None] < lengths).T",
)

# ---------- D5 ----------
S = "causal(T)"
WRONG["D5"] = {
    **_answers(
        S,
        transposed="torch.arange(T)[:, None] <= torch.arange(T)",
        not_itself="torch.arange(T)[:, None] > torch.arange(T)",
        inverted="torch.arange(T)[:, None] < torch.arange(T)",
        one_step_ahead="torch.arange(T)[:, None] + 1 >= torch.arange(T)",
        axis_missing="torch.arange(T) >= torch.arange(T)",
        dtype="(torch.arange(T)[:, None] >= torch.arange(T)).float()",
        not_allowed="torch.ones(T, T).tril().bool()",
    ),
    "more than one expression": "def causal(T):\n    i = torch.arange(T)\n    return i[:, None] >= i\n",
}
RIGHT["D5"] = _answers(
    S,
    other_way_round="torch.arange(T) <= torch.arange(T)[:, None]",
    difference="torch.arange(T)[:, None] - torch.arange(T)[None, :] > -1",
    running_sum="(torch.arange(T)[:, None] == torch.arange(T)).long().cumsum(0) > 0",
)

# ---------- D6 ----------
S = "last_real(outputs, lengths)"
WRONG["D6"] = {
    **_answers(
        S,
        off_by_one="outputs[torch.arange(len(lengths)), lengths]",
        the_last_column="outputs[:, -1]",
        the_first_step="outputs[:, 0]",
        all_pairs="outputs[:, lengths - 1]",
        not_allowed="outputs.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2]))[:, 0]",
        more_than_one_expression__a_list="torch.stack([outputs[b, n - 1] for b, n in enumerate(lengths)])",
    ),
    "crash: is out of bounds": _line(
        S, "outputs[torch.arange(len(lengths)), lengths - 1 + outputs.shape[1] * (lengths > 1)]"
    ),
    "axis too many": _line(S, "outputs[torch.arange(len(lengths)), lengths - 1][:, None]"),
    "more than one expression": "def last_real(outputs, lengths):\n    rows = torch.arange(len(lengths))\n    return outputs[rows, lengths - 1]\n",
}
RIGHT["D6"] = _answers(
    S,
    by_a_mask="outputs[torch.arange(outputs.shape[1]) == lengths[:, None] - 1]",
    one_row_of_all="outputs.reshape(-1, outputs.shape[2])[torch.arange(len(lengths)) * outputs.shape[1] + lengths - 1]",
    sum="(outputs * (torch.arange(outputs.shape[1]) + 1 == lengths[:, None])[..., None]).sum(1)",
)

# ---------- D7 ----------
S = "mean_real(outputs, lengths)"
M = "(torch.arange(outputs.shape[1]) < lengths[:, None])[..., None]"
WRONG["D7"] = {
    **_answers(
        S,
        mean_over_padding="outputs.mean(1)",
        divided_by_T=f"(outputs * {M}).mean(1)",
        padding_in_the_sum="outputs.sum(1) / lengths[:, None]",
        sum=f"(outputs * {M}).sum(1)",
        off_by_one=f"(outputs * {M.replace('<', '<=')}).sum(1) / lengths[:, None]",
        off_by_one__the_mean=f"(outputs * {M.replace('<', '<=')}).sum(1) / {M.replace('<', '<=')}.sum(1)",
        over_the_batch=f"(outputs * {M}).sum(0) / {M}.sum(0).clamp(min=1)",
        axis_too_many=f"(outputs * {M}).sum(1, keepdim=True) / lengths[:, None, None]",
        not_allowed=f"torch.einsum('bth,bt->bh', outputs, {M}[..., 0].float()) / lengths[:, None]",
    ),
    "crash: The size of tensor a": _line(S, f"(outputs * {M}).sum(1) / lengths"),
    "more than one expression": f"def mean_real(outputs, lengths):\n    mask = {M}\n    return (outputs * mask).sum(1) / lengths[:, None]\n",
}
RIGHT["D7"] = _answers(
    S,
    where=f"torch.where({M}, outputs, 0.0).sum(1) / {M}.sum(1)",
    product=f"({M}.float().transpose(1, 2) @ outputs)[:, 0] / lengths.float()[:, None]",
    running_sum="outputs.cumsum(1)[torch.arange(len(lengths)), lengths - 1] / lengths[:, None]",
)

# ---------- D8 ----------
S = "losses(logits, labels)"
P = "logits[torch.arange(len(labels)), labels]"
WRONG["D8"] = {
    **_answers(
        S,
        sign=f"{P} - logits.logsumexp(1)",
        not_normalized=f"-{P}",
        probability=f"({P} - logits.logsumexp(1)).exp()",
        over_the_batch=f"logits.logsumexp(0)[labels] - {P}",
        an_axis_of_1="logits.logsumexp(1) - logits.gather(1, labels[:, None])",
        an_axis_of_1__the_sum=f"logits.logsumexp(1, keepdim=True) - {P}",
        all_labels_for_all__no_rows="-(logits - logits.logsumexp(1, keepdim=True))[:, labels]",
        axis_too_many="logits.logsumexp(1, keepdim=True) - logits.gather(1, labels[:, None])",
        all_labels_for_all="logits.logsumexp(1)[:, None] - logits[:, labels]",
        mean=f"(logits.logsumexp(1) - {P}).mean()",
        overflow=f"logits.exp().sum(1).log() - {P}",
        overflow__log_of_softmax="-(logits.exp() / logits.exp().sum(1, keepdim=True))[torch.arange(len(labels)), labels].log()",
        not_allowed="torch.nn.functional.cross_entropy(logits, labels, reduction='none')",
        not_allowed__log_softmax="-logits.log_softmax(1)[torch.arange(len(labels)), labels]",
    ),
    "more than one expression": f"def losses(logits, labels):\n    right = {P}\n    return logits.logsumexp(1) - right\n",
}
RIGHT["D8"] = _answers(
    S,
    gather="(logits.logsumexp(-1, keepdim=True) - logits.gather(1, labels[:, None])).squeeze(1)",
    largest_first=f"(logits - logits.max(1, keepdim=True).values).exp().sum(1).log() + logits.amax(1) - {P}",
    by_a_mask="logits.logsumexp(1) - (logits * (labels[:, None] == torch.arange(logits.shape[1]))).sum(1)",
)

# ---------- D9 ----------
S = "perplexity(losses, mask)"
WRONG["D9"] = {
    **_answers(
        S,
        mean_over_padding="losses.mean().exp()",
        padding_as_0="(losses * mask).mean().exp()",
        exp_first="losses[mask].exp().mean()",
        mean_of_rows="((losses * mask).sum(1) / mask.sum(1)).mean().exp()",
        no_exp="losses[mask].mean()",
        not_a_single_number="((losses * mask).sum(1) / mask.sum(1)).exp()",
        not_a_tensor="losses[mask].mean().exp().item()",
        not_allowed="losses[mask].quantile(0.5) * 0 + losses.masked_select(mask).mean().exp()",
    ),
    "more than one expression": "def perplexity(losses, mask):\n    real = losses[mask]\n    return real.mean().exp()\n",
}
RIGHT["D9"] = _answers(
    S,
    masked_sum="torch.exp((losses * mask).sum() / mask.sum())",
    where="(torch.where(mask, losses, 0.0).sum() / mask.float().sum()).exp()",
    power="losses[mask].exp().log().mean().exp()",
)

# ---------- D10 ----------
S = "warmed(logits, tau)"
WRONG["D10"] = {
    **_answers(
        S,
        multiplied="(logits * tau - (logits * tau).logsumexp(1, keepdim=True)).exp()",
        temperature_ignored="(logits - logits.logsumexp(1, keepdim=True)).exp()",
        over_the_batch="(logits / tau - (logits / tau).logsumexp(0, keepdim=True)).exp()",
        over_everything="(logits / tau).exp() / (logits / tau).exp().sum()",
        after_softmax="(logits - logits.logsumexp(1, keepdim=True)).exp() / tau",
        overflow="(logits / tau).exp() / (logits / tau).exp().sum(1, keepdim=True)",
        not_allowed="torch.softmax(logits / tau, 1)",
        not_allowed__log_softmax="(logits / tau).log_softmax(1).exp()",
    ),
    "crash: The size of tensor a": _line(S, "(logits / tau - (logits / tau).logsumexp(1)).exp()"),
    "more than one expression": "def warmed(logits, tau):\n    logits = logits / tau\n    return (logits - logits.logsumexp(1, keepdim=True)).exp()\n",
}
RIGHT["D10"] = _answers(
    S,
    none="torch.exp(logits / tau - (logits / tau).logsumexp(-1)[:, None])",
    largest_first="((logits - logits.amax(1, keepdim=True)) / tau).exp() / ((logits - logits.amax(1, keepdim=True)) / tau).exp().sum(1, keepdim=True)",
    transposed="(logits.T / tau - (logits / tau).logsumexp(1)).exp().T",
    differences="1 / ((logits[:, None, :] - logits[:, :, None]) / tau).exp().sum(2)",
)

# ---------- D11 ----------
S = "step(X, H, W_xh, W_hh, b_h)"
WRONG["D11"] = {
    **_answers(
        S,
        no_tanh="X @ W_xh + H @ W_hh + b_h",
        sigmoid="torch.sigmoid(X @ W_xh + H @ W_hh + b_h)",
        no_bias="torch.tanh(X @ W_xh + H @ W_hh)",
        bias_outside="torch.tanh(X @ W_xh + H @ W_hh) + b_h",
        no_state="torch.tanh(X @ W_xh + b_h)",
        transposed="torch.tanh(X @ W_xh + H @ W_hh.T + b_h)",
        not_allowed="torch.tanh(torch.addmm(b_h, X, W_xh) + H @ W_hh)",
    ),
    "crash: shapes cannot be multiplied": _line(S, "torch.tanh(X @ W_xh.T + H @ W_hh + b_h)"),
    "more than one expression": "def step(X, H, W_xh, W_hh, b_h):\n    H = X @ W_xh + H @ W_hh + b_h\n    return H.tanh()\n",
}
RIGHT["D11"] = _answers(
    S,
    methods="(X.matmul(W_xh) + H.matmul(W_hh) + b_h).tanh()",
    exponentials="1 - 2 / (1 + torch.exp(2 * (b_h + H @ W_hh + X @ W_xh)))",
)

# ---------- D12 ----------
S = "mix(Z, H, H_new)"
WRONG["D12"] = {
    **_answers(
        S,
        swapped="(1 - Z) * H + Z * H_new",
        only_the_old="Z * H",
        both_whole="Z * H + H_new",
        brackets="Z * H + 1 - Z * H_new",
        Z_twice="Z * H + Z * H_new",
        not_allowed="torch.lerp(H_new, H, Z)",
    ),
    "more than one expression": "def mix(Z, H, H_new):\n    kept = Z * H\n    return kept + (1 - Z) * H_new\n",
}
RIGHT["D12"] = _answers(S, difference="H_new + Z * (H - H_new)", subtracted="Z * H + H_new - Z * H_new")

# ---------- D13 ----------
S = "memory(gates, C)"


def _memory(
    i: str, f: str, g: str, h: str = "C.shape[1]", gate: str = ".sigmoid()", new: str = ".tanh()"
) -> str:
    block = {str(k): f"gates[:, {k} * {h} : {k + 1} * {h}]" for k in range(4)}
    return f"{block[f]}{gate} * C + {block[i]}{gate} * {block[g]}{new}"


WRONG["D13"] = {
    **_answers(
        S,
        another_order=_memory("1", "0", "2"),
        another_order__i_f_o_g=_memory("0", "1", "3"),
        another_order__f_i_o_g=_memory("1", "0", "3"),
        another_order__i_o_f_g=_memory("0", "2", "3"),
        interleaved="gates.reshape(len(C), -1, 4)[..., 1].sigmoid() * C + gates.reshape(len(C), -1, 4)[..., 0].sigmoid() * gates.reshape(len(C), -1, 4)[..., 2].tanh()",
        candidate_by_sigmoid=_memory("0", "1", "2", new=".sigmoid()"),
        no_activation=_memory("0", "1", "2", gate=""),
        no_activation__at_all=_memory("0", "1", "2", gate="", new=""),
        bare_candidate=_memory("0", "1", "2", new=""),
        tanh_around_it=f"({_memory('0', '1', '2')}).tanh()",
        tanh_around_it__and_not_on_g=f"({_memory('0', '1', '2', new='')}).tanh()",
        not_added=_memory("0", "1", "2").split(" * C + ")[1],
        not_allowed="gates.chunk(4, 1)[1].sigmoid() * C + gates.chunk(4, 1)[0].sigmoid() * gates.chunk(4, 1)[2].tanh()",
    ),
    "more than one expression": "def memory(gates, C):\n    i, f, g, o = gates.chunk(4, dim=1)\n    return f.sigmoid() * C + i.sigmoid() * g.tanh()\n",
}
RIGHT["D13"] = _answers(
    S,
    blocks="gates.reshape(len(C), 4, -1)[:, 1].sigmoid() * C + gates.reshape(len(C), 4, -1)[:, 0].sigmoid() * gates.reshape(len(C), 4, -1)[:, 2].tanh()",
    quarters=_memory("0", "1", "2", h="(gates.shape[1] // 4)"),
    steps="torch.sigmoid(gates)[:, C.shape[1] : -2 * C.shape[1]] * C + torch.sigmoid(gates)[:, : C.shape[1]] * torch.tanh(gates)[:, -2 * C.shape[1] : -C.shape[1]]",
)

# ---------- D14 ----------
S = "factors(norm, theta)"
WRONG["D14"] = {
    **_answers(
        S,
        stretches="theta / norm",
        upside_down="torch.where(norm > theta, norm / theta, 1.0)",
        upside_down__min="(norm / theta).clamp(max=1)",
        the_clipped_norm="norm.clamp(max=theta)",
        only_stretches="(theta / norm).clamp(min=1)",
        zero="norm.clamp(max=theta) / norm",
        not_allowed="torch.fmin(theta / norm, 0 * norm + 1)",
        not_allowed__builtin="torch.where(abs(norm) > theta, theta / norm, 1.0)",
    ),
    "crash: Boolean value of Tensor": _line(S, "min(1.0, theta / norm)"),
    "more than one expression": "def factors(norm, theta):\n    ratio = theta / norm\n    return ratio.clamp(max=1)\n",
}
RIGHT["D14"] = _answers(
    S,
    where="torch.where(norm > theta, theta / norm, 1.0)",
    larger="theta / norm.clamp(min=theta)",
    minimum="torch.minimum(theta / norm, norm**0)",
)

# ---------- D15 ----------
S = "global_norm(grads)"
WRONG["D15"] = {
    **_answers(
        S,
        sum_of_norms="sum((g**2).sum() ** 0.5 for g in grads)",
        no_root="sum((g**2).sum() for g in grads)",
        mean="torch.cat([g.flatten() for g in grads]).square().mean().sqrt()",
        absolute_values="sum(g.abs().sum() for g in grads)",
        one_tensor="(grads[0] ** 2).sum().sqrt()",
        one_tensor__the_last="(grads[-1] ** 2).sum().sqrt()",
        the_largest="max((g**2).sum() for g in grads) ** 0.5",
        not_allowed="torch.stack([g.norm() for g in grads]).norm()",
    ),
    "crash: stack expects each tensor to be equal size": _line(S, "(torch.stack(grads) ** 2).sum().sqrt()"),
    "more than one expression": "def global_norm(grads):\n    total = 0\n    for g in grads:\n        total = total + (g**2).sum()\n    return total**0.5\n",
}
RIGHT["D15"] = _answers(
    S,
    one_vector="torch.cat([g.flatten() for g in grads]).square().sum().sqrt()",
    stacked="torch.stack([(g * g).sum() for g in grads]).sum() ** 0.5",
    products="torch.sqrt(sum([g.reshape(-1) @ g.reshape(-1) for g in grads]))",
)

# ---------- D16 ----------
S = "backward(X, lengths)"
T = "torch.arange(X.shape[1])"
N = "lengths[:, None]"
WRONG["D16"] = {
    **_answers(
        S,
        padding_first="X[:, torch.arange(X.shape[1] - 1, -1, -1)]",
        padding_overwritten=f"X[torch.arange(len(X))[:, None], {N} - 1 - {T}]",
        padding_overwritten__by_the_real_ones=f"X.gather(1, ({N} - 1 - {T}) % {N})",
        padding_from_step_0=f"X.gather(1, torch.where({T} < {N}, {N} - 1 - {T}, 0))",
        padding_from_step_0__clamped=f"X.gather(1, ({N} - 1 - {T}).clamp(0))",
        padding_erased=f"torch.where({T} < {N}, X[torch.arange(len(X))[:, None], {N} - 1 - {T}], 0.0)",
        not_reversed=f"X.gather(1, torch.where({T} < {N}, {T}, {T}))",
        off_by_one=f"X.gather(1, torch.where({T} < {N}, {N} - {T}, {T}))",
        the_batch="X[torch.arange(len(X) - 1, -1, -1)]",
        not_allowed=f"torch.where({T} < {N}, X.flip(1).gather(1, ({T} - {N}) % X.shape[1]), X)",
    ),
    "crash: is out of bounds": _line(S, f"X.gather(1, {N} - 1 - {T})"),
    "more than one expression": "def backward(X, lengths):\n    X = X.clone()\n    for b, n in enumerate(lengths):\n        X[b, :n] = X[b, :n].flip(0)\n    return X\n",
}
RIGHT["D16"] = _answers(
    S,
    index=f"X[torch.arange(len(X))[:, None], torch.where({T} < {N}, {N} - 1 - {T}, {T})]",
    put_together=f"torch.where({T} < {N}, X[torch.arange(len(X))[:, None], {N} - 1 - {T}], X)",
    arithmetic=f"X.gather(1, {T} + ({T} < {N}) * ({N} - 1 - 2 * {T}))",
)

# ---------- D17 ----------
S = "top_k(logits, k)"
WRONG["D17"] = {
    **_answers(
        S,
        off_by_one="torch.where(logits > logits.topk(k, 1).values[:, -1:], logits, -torch.inf)",
        off_by_one__more="torch.where(logits >= logits.sort(1, descending=True).values[:, k : k + 1], logits, -torch.inf)",
        the_smallest="torch.where(logits <= logits.sort(1).values[:, k - 1 : k], logits, -torch.inf)",
        zero="torch.where(logits >= logits.topk(k, 1).values[:, -1:], logits, 0.0)",
        zero__product="logits * (logits >= logits.topk(k, 1).values[:, -1:])",
        one_threshold_for_all="torch.where(logits >= logits.reshape(-1).topk(k).values[-1], logits, -torch.inf)",
        inverted="torch.where(logits < logits.topk(k, 1).values[:, -1:], logits, -torch.inf)",
        size_of_an_axis__only_the_k="logits.topk(k, 1).values",
        not_allowed="torch.where(logits >= logits.quantile(1 - (k - 1) / (logits.shape[1] - 1), 1, True) - 1e-6, logits, -torch.inf)",
    ),
    "crash: The size of tensor a": _line(
        S, "torch.where(logits >= logits.topk(k, 1).values[:, -1], logits, -torch.inf)"
    ),
    "more than one expression": "def top_k(logits, k):\n    kept, _ = logits.topk(k, 1)\n    return logits.masked_fill(logits < kept[:, -1:], -torch.inf)\n",
}
RIGHT["D17"] = _answers(
    S,
    masked_fill="logits.masked_fill(logits < logits.topk(k).values[:, -1:], float('-inf'))",
    sorted="torch.where(logits >= logits.sort(1, descending=True).values[:, k - 1 : k], logits, -torch.inf)",
    counted="torch.where((logits[:, None] > logits[..., None]).sum(2) < k, logits, -torch.inf)",
    from_below="torch.where(logits < logits.kthvalue(logits.shape[1] - k + 1, 1, True).values, -torch.inf, logits)",
)

# ---------- D18 ----------
S = "average(x, beta)"
WRONG["D18"] = {
    **_answers(
        S,
        oldest_first="(1 - beta) * (beta ** torch.arange(len(x)) @ x)",
        off_by_one="(1 - beta) * (beta ** torch.arange(len(x), 0, -1) @ x)",
        swapped="beta * ((1 - beta) ** torch.arange(len(x) - 1, -1, -1) @ x)",
        mean="x.mean(0)",
        not_allowed="(1 - beta) * torch.einsum('t,tb->b', beta ** torch.arange(len(x) - 1, -1, -1), x)",
    ),
    "no 1 - beta": _line(S, "beta ** torch.arange(len(x) - 1, -1, -1) @ x"),
    "crash: upper bound": _line(S, "(1 - beta) * (beta ** torch.arange(len(x) - 1, -1) @ x)"),
    "axis missing": _line(S, "(1 - beta) * (beta ** torch.arange(len(x) - 1, -1, -1)[:, None] * x).sum()"),
    "more than one expression": "def average(x, beta):\n    e = 0 * x[0]\n    for now in x:\n        e = beta * e + (1 - beta) * now\n    return e\n",
}
RIGHT["D18"] = _answers(
    S,
    summed="((1 - beta) * beta ** (len(x) - 1 - torch.arange(len(x)))[:, None] * x).sum(0)",
    turned="(beta ** torch.arange(len(x)) * (1 - beta)) @ x[torch.arange(len(x) - 1, -1, -1)]",
    of_tokens="x.T @ (beta ** (len(x) - torch.arange(1, len(x) + 1)).float()) * (1 - beta)",
)

# ---------- D19 ----------
S = "recurrence(x, a)"
E = "torch.arange(len(x))[:, None] - torch.arange(len(x))"
WRONG["D19"] = {
    **_answers(
        S,
        looks_ahead=f"(a ** ({E})).tril().T @ x",
        not_its_own_input=f"(a ** ({E})).tril(-1) @ x",
        off_by_one=f"(a ** ({E} + 1)).tril() @ x",
        a_is_left_out="x.cumsum(0)",
        everything=f"a ** ({E}) @ x",
        upside_down=f"(a ** -({E})).tril() @ x",
        upside_down__by_columns="(a ** (torch.arange(len(x)) - torch.arange(len(x))[:, None])).tril() @ x",
        not_allowed__a_builtin=f"(float(a) ** ({E})).tril() @ x",
        axis_missing=f"((a ** ({E})).tril() @ x)[-1]",
        not_allowed=f"torch.einsum('ts,sb->tb', (a ** ({E})).tril(), x)",
    ),
    "0 times infinity": _line(S, f"(a ** ({E}) * ({E} >= 0)) @ x"),
    "divided away": _line(
        S, "(x / a ** torch.arange(len(x))[:, None]).cumsum(0) * a ** torch.arange(len(x))[:, None]"
    ),
    "more than one expression": "def recurrence(x, a):\n    h, out = 0 * x[0], []\n    for now in x:\n        h = a * h + now\n        out.append(h)\n    return torch.stack(out)\n",
}
RIGHT["D19"] = _answers(
    S,
    where=f"torch.where({E} >= 0, a ** ({E}), 0.0) @ x",
    summed=f"((a ** ({E})).tril()[..., None] * x).sum(1)",
    transposed=f"(x.T @ (a ** ({E})).tril().T).T",
)

# ---------- D20 ----------
S = "left(f)"
L = "f.log().cumsum(0)"
WRONG["D20"] = {
    **_answers(
        S,
        the_gate_at_s=f"({L}[:, None] - {L} + f.log()).exp().tril()",
        not_the_gate_at_t=f"({L}[:, None] - f.log()[:, None] - {L} + f.log()).exp().tril()",
        transposed=f"({L}[:, None] - {L}).exp().tril().T",
        no_mask=f"({L}[:, None] - {L}).exp()",
        no_mask__1=f"torch.where(torch.arange(len(f))[:, None] >= torch.arange(len(f)), ({L}[:, None] - {L}).exp(), 1.0)",
        logarithm=f"({L}[:, None] - {L}).tril()",
        **{
            "0 times infinity": f"({L}[:, None] - {L}).exp() * (torch.arange(len(f))[:, None] >= torch.arange(len(f)))"
        },
        underflow="(f.cumprod(0)[:, None] / f.cumprod(0)).tril()",
        underflow__made_up_for="(f.cumprod(0)[:, None] / (f.cumprod(0) + 1e-38)).tril()",
        axis_missing=f"{L}.exp()",
        not_allowed=f"({L}.unsqueeze(1) - {L}).expm1().add(1).tril()",
    ),
    "more than one expression": "def left(f):\n    L = f.log().cumsum(0)\n    return (L[:, None] - L).exp().tril()\n",
}
RIGHT["D20"] = _answers(
    S,
    where=f"torch.where(torch.arange(len(f))[:, None] < torch.arange(len(f)), 0.0, ({L}[:, None] - {L}).exp())",
    masked_in_logarithms=f"torch.where(torch.arange(len(f))[:, None] >= torch.arange(len(f)), {L}[:, None] - {L}, -torch.inf).exp()",
    products="torch.where(torch.arange(len(f))[:, None] > torch.arange(len(f)), f[:, None], 1.0).cumprod(0).tril()",
)

# ---------- D21 ----------
S = "scan(x, a)"
WRONG["D21"] = {
    **_answers(
        S,
        gate_on_the_input="(a * x / a.cumprod(0)).cumsum(0) * a.cumprod(0)",
        gates_one_step_late="(x / a.cumprod(0) * a).cumsum(0) * a.cumprod(0) / a",
        backward="((x.flip(0) / a.flip(0).cumprod(0)).cumsum(0) * a.flip(0).cumprod(0)).flip(0)",
        over_the_batch="(x / a.cumprod(1)).cumsum(1) * a.cumprod(1)",
        not_multiplied_back="(x / a.cumprod(0)).cumsum(0)",
        a_is_left_out="x.cumsum(0)",
        values="x.cumsum(0) * a.cumprod(0)",
        more_than_one_expression__a_list="torch.stack([((x / a.cumprod(0)).cumsum(0) * a.cumprod(0))[t] for t in range(len(x))])",
        not_allowed="(x / a.cumprod(0)).cumsum(0) * a.log().cumsum(0).exp2() ** 1.4426950408889634",
    ),
    "more than one expression": "def scan(x, a):\n    P = a.cumprod(0)\n    return (x / P).cumsum(0) * P\n",
}
RIGHT["D21"] = _answers(
    S,
    logarithms="(x * (-a.log().cumsum(0)).exp()).cumsum(0) * a.log().cumsum(0).exp()",
    products="torch.einsum('tsb,sb->tb', torch.where((torch.arange(len(x))[:, None] > torch.arange(len(x)))[..., None], a[:, None], 1.0).cumprod(0) * (torch.arange(len(x))[:, None] >= torch.arange(len(x)))[..., None], x)",
    from_the_front="a.cumprod(0) * (x / a.cumprod(0)).cumsum(dim=0)",
)
