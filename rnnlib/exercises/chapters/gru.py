"""Chapter 8: GRU."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Ref

# ---------- 8a ----------
# float32 against float64 in 1,000 draws, 12 to 30 steps: gates at exactly 0 and 1 differ by 7e-7 at most, biases
# of 16 and -16 by 3e-6, of 14 and -14 by 1e-6 to 2e-5
CLOSE = 5e-6
LEAK = 1.5e-7  # what a gate may let through or hold back, whatever this draw says: biases up to 15 are turned down
A = Task(
    "8a",
    "GRU 里的 RNN",
    "The RNN inside a GRU",
    level="core",
    minutes=12,
    device="cpu",
    trains=(
        "两个门各停在哪一头；块的次序；多大的偏置才算关死",
        "at which end each gate has to stand; the order of the pieces; how large a bias shuts a gate for good",
    ),
    hints={
        "not a GRU": (
            "返回的东西是 {kind}；要的是一个 nn.GRU，只改它的权重。",
            "What comes back is of type {kind}; an nn.GRU is wanted, with nothing changed but its weights.",
        ),
        "update gate the wrong way around": (
            "状态一步也没有动：更新门停在了 1。在 torch 的写法里，1 是保留还是改写？",
            "The state never moves: the update gate stands at 1. As torch writes it, does 1 keep or rewrite?",
        ),
        "reset gate shut": (
            "候选看不到旧状态：重置门停在了 0。",
            "The candidate doesn't see the old state: the reset gate stands at 0.",
        ),
        "order of the pieces": (
            "更新门停在 1，重置门停在 0，两个正好都反了：是不是把两块的位置记颠倒了？",
            "The update gate stands at 1 and the reset gate at 0, both at the wrong end: did their two pieces "
            "change places?",
        ),
        "candidate in another piece": (
            "RNN 的权重装进了一个门里：三块里哪一块是候选？",
            "The RNN's weights went into a gate: which of the three pieces is the candidate?",
        ),
        "gate at a half": (
            "有一个门停在 0.5 附近：权重和偏置都是 0 时，sigmoid 得到的可不是 0。",
            "A gate stands near 0.5: with weights and biases of 0, a sigmoid doesn't give 0.",
        ),
        "not far enough": (
            "方向对了，可是门离 0 或 1 还差 {gap:.1g}，这点差别每一步都漏进来；要在 float32 里恰好是 0 和 1，偏置还得大。",
            "The gates point the right way but stand {gap:.1g} away from 0 or 1, and that leaks in at every step. "
            "To be exactly 0 and 1 in float32, they need larger biases.",
        ),
        "gates read the input": (
            "门自己还有不为 0 的权重，会随输入和状态变；这里的门应该是常数。",
            "The gates still have weights that aren't 0, so they change with input and state; here they should be "
            "constant.",
        ),
        "a bias is missing": (
            "权重和门都对，候选少了一份偏置：nn.RNN 有两份，相加才是它的 b_h。",
            "Weights and gates are right, but the candidate lacks a bias: nn.RNN has two, and its b_h is their sum.",
        ),
        "a bias counted twice": (
            "权重和门都对，候选的偏置多算了一份。",
            "Weights and gates are right, but one bias of the candidate is counted twice.",
        ),
        "time and batch swapped": (
            "rnn 的 batch_first=True 没有带过去：新的层把第 0 维当成了时间。",
            "The rnn's batch_first=True didn't carry over: the new layer takes axis 0 for time.",
        ),
        "rnn changed": (
            "传进来的 rnn 自己的权重也变了；它应该原样不动。",
            "The weights of the rnn that was handed in have changed as well; it should stay as it was.",
        ),
    },
)
LAYER = "def make(V, H, **settings):\n    return nn.RNN(V, H, **settings)\n"


def _rnn_layer(values: Mapping[str, Tensor], **settings: bool) -> nn.RNN:
    """The check's own copy of the RNN, in double precision."""
    H, V = values["weight_ih_l0"].shape
    layer = nn.RNN(V, H, **settings)
    layer.load_state_dict(dict(values))
    return layer.double().eval()


def _without(values: Mapping[str, Tensor], **changed: Tensor) -> nn.RNN:
    return _rnn_layer({**values, **changed})


def _as_gru(probe: Probe, V: int, H: int, **settings: bool) -> tuple[Ref, Ref, dict[str, Tensor]]:
    rnn = probe.define(LAYER, "make", V, H, **settings)
    values = probe.fill(rnn, 0.35)
    gru = probe.make(probe.answer, rnn)
    if gru.kind == "NoneType":
        probe.wrong("nothing")
    probe.need(gru.kind == "GRU", "not a GRU", kind=gru.kind)
    return rnn, gru, values


def _outputs(probe: Probe, gru: Ref, *given: Tensor, **axes: int) -> Tensor:
    came = probe.call(gru, *given)
    return probe.shape(came[0] if isinstance(came, tuple) else came, **axes)


def _gate_biases(given: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    both = (given["bias_ih_l0"] + given["bias_hh_l0"]).double().chunk(3)
    return both[0], both[1]


def _gates_shut(probe: Probe, given: Mapping[str, Tensor], own: Mapping[str, Tensor], H: int) -> None:
    """Gates without weights of their own stand close enough to 0 and 1.

    A reset gate may stand anywhere if the candidate's weights make up for it: its product with them counts.
    """
    names = ("weight_ih_l0", "weight_hh_l0")
    if any(name not in given or given[name].narrow(0, 0, 2 * H).any() for name in names):
        return
    reset, update = _gate_biases(given)
    right = own["weight_hh_l0"].double()
    off = torch.sigmoid(reset)[:, None] * given["weight_hh_l0"].chunk(3)[2].double() - right
    if off.abs().max() <= LEAK * right.abs().max():
        reset = torch.full_like(reset, torch.inf)
    gap = max(float(torch.sigmoid(-reset).max()), float(torch.sigmoid(update).max()))
    probe.need(gap <= LEAK, "not far enough", gap=gap)


def _explain(probe: Probe, given: Mapping[str, Tensor], own: Mapping[str, Tensor], H: int) -> None:
    """Reply with the mistake that shows in the weights of the GRU, if one does."""
    if not {*own} <= {*given} or any(given[name].shape[0] != 3 * H for name in own):
        return
    blocks = {name: given[name].chunk(3) for name in own}
    inside = own["weight_ih_l0"]
    at = [i for i, block in enumerate(blocks["weight_ih_l0"]) if torch.equal(block, inside)]
    if at and 2 not in at:
        probe.wrong("candidate in another piece")
    gates = torch.cat(
        [blocks[name][i].flatten() for name in ("weight_ih_l0", "weight_hh_l0") for i in (0, 1)]
    )
    if gates.abs().max() > 0:
        probe.wrong("gates read the input")
    reset, update = _gate_biases(given)
    if update.min() > 3 and reset.max() < -3:
        probe.wrong("order of the pieces")
    if update.min() > 3:
        probe.wrong("update gate the wrong way around")
    if reset.max() < -3:
        probe.wrong("reset gate shut")
    if update.abs().min() < 3 or reset.abs().min() < 3:
        probe.wrong("gate at a half")
    _gates_shut(probe, given, own, H)


@A.part("得到一个 nn.GRU，形状一样", "an nn.GRU, with the same shapes")
def _a_shape(probe: Probe) -> None:
    for T, B, V, H in ((5, 3, 4, 6), (1, 1, 2, 5), (4, 2, 3, 3)):
        _, gru, _ = _as_gru(probe, V, H)
        _outputs(probe, gru, probe.normal(T, B, V), T=T, B=B, H=H)


@A.part("输出相同，误差不超过 0.000001", "the same outputs, to within 0.000001")
def _a_values(probe: Probe) -> None:
    for T, B, V, H in ((12, 3, 4, 6), (1, 1, 2, 5), (30, 1, 3, 4)):
        _, gru, own = _as_gru(probe, V, H)
        X, start = probe.normal(T, B, V), probe.normal(1, B, H).tanh()
        came = _outputs(probe, gru, X, start, T=T, B=B, H=H)
        X, start = X.double(), start.double()
        with torch.no_grad():
            right = _rnn_layer(own)(X, start)[0]
            if probe.close(came, right, CLOSE):
                _gates_shut(probe, probe.parameters(gru), own, H)
                continue
            _explain(probe, probe.parameters(gru), own, H)
            zero, ih, hh = torch.zeros(H), own["bias_ih_l0"], own["bias_hh_l0"]
            changed = {
                "a bias is missing / b_ih": {"bias_ih_l0": zero},
                "a bias is missing / b_hh": {"bias_hh_l0": zero},
                "a bias is missing / both": {"bias_ih_l0": zero, "bias_hh_l0": zero},
                "a bias counted twice / b_ih": {"bias_ih_l0": 2 * ih},
                "a bias counted twice / b_hh": {"bias_hh_l0": 2 * hh},
                "a bias counted twice / both": {"bias_ih_l0": 2 * ih, "bias_hh_l0": 2 * hh},
            }
            probe.values(
                came,
                right,
                {name: _without(own, **change)(X, start)[0] for name, change in changed.items()},
                CLOSE,
            )


@A.part("batch_first=True 的 rnn", "an rnn with batch_first=True")
def _a_batch_first(probe: Probe) -> None:
    _, gru, own = _as_gru(probe, 4, 5, batch_first=True)
    X = probe.normal(3, 7, 4)
    came = _outputs(probe, gru, X, B=3, T=7, H=5)
    with torch.no_grad():
        right, swapped = (_rnn_layer(own, batch_first=first)(X.double())[0] for first in (True, False))
    probe.values(came, right, {"time and batch swapped": swapped}, CLOSE)


@A.part(
    "输入和初始状态大一千倍，也一样", "inputs and initial state a thousand times larger, and still the same"
)
def _a_large(probe: Probe) -> None:
    _, gru, own = _as_gru(probe, 4, 6)
    X, start = 1000 * probe.normal(40, 20, 4), 1000 * probe.normal(1, 20, 6)
    came = _outputs(probe, gru, X, start, T=40, B=20, H=6)
    with torch.no_grad():
        right = _rnn_layer(own)(X.double(), start.double())[0]
    if not probe.close(came, right, 0.02):  # rounding alone: 4e-5 at most in 1,000 draws
        _explain(probe, probe.parameters(gru), own, 6)
        probe.values(came, right, tolerance=0.02)


@A.part("rnn 自己没有变", "the rnn itself hasn't changed")
def _a_untouched(probe: Probe) -> None:
    rnn, _, own = _as_gru(probe, 3, 4)
    now = probe.parameters(rnn)
    probe.need(all(torch.equal(now[name], value) for name, value in own.items()), "rnn changed")


# ---------- 8b ----------
B = Task(
    "8b",
    "重置门放在乘法之前",
    "The reset gate before the product",
    level="core",
    minutes=12,
    device="cpu",
    trains=(
        "从 nn.GRUCell 里取出三块权重；论文的那一步与 torch 的差在哪里",
        "taking the three pieces out of an nn.GRUCell; where the paper's step and torch's differ",
    ),
    hints={
        "after the product": (
            "这是 torch 的次序：先乘矩阵，再乘重置门。论文里，重置门先乘在状态上。",
            "That's torch's order: first the matrix, then the reset gate. In the paper the reset gate multiplies the "
            "state first.",
        ),
        "bias in the gate": (
            "候选的偏置也被重置门乘了：这里它在乘法之后才加，不归重置门管。",
            "The reset gate multiplies the candidate's bias, too; here it's added after the product, out of the "
            "gate's reach.",
        ),
        "Z and 1 - Z": (
            "旧状态和候选换了位置：Z 接近 1 是保留还是改写？",
            "Old state and candidate changed places: does Z near 1 keep or rewrite?",
        ),
        "order of the pieces": (
            "三块的次序不对：torch 里是哪三块，按什么次序？",
            "The three pieces are taken in another order: which are they in torch, and in what order?",
        ),
        "reset state kept": (
            "最后一行混进去的是已经乘过重置门的状态；重置门只管候选看到多少。",
            "The last line mixes in the state after the reset gate; that gate is only about what the candidate sees.",
        ),
        "reset before the update gate": (
            "更新门是从乘过重置门的状态算的；两个门看的都是原来的状态。",
            "The update gate is computed from the state after the reset gate; both gates look at the state as it was.",
        ),
        "no reset": (
            "重置门没有起作用：候选看到的是完整的旧状态。",
            "The reset gate has no effect: the candidate sees all of the old state.",
        ),
        "on the candidate": (
            "重置门乘在了算完的候选上；它应该在 tanh 里面。",
            "The reset gate multiplies the finished candidate; it belongs inside the tanh.",
        ),
        "candidate through sigma": (
            "候选过的是 σ；它可以是负的，该过什么？",
            "The candidate went through σ; it may be negative, so what should it go through?",
        ),
        "no tanh": (
            "候选没有过 tanh。",
            "The candidate didn't go through the tanh.",
        ),
        "a bias is missing": (
            "少了偏置：nn.GRUCell 有 bias_ih 和 bias_hh 两份，各有三块。",
            "A bias is missing: nn.GRUCell has two, bias_ih and bias_hh, with three pieces each.",
        ),
        "weights not transposed": (
            "W_hh 的块没有转置：它是 (H, H)，形状看不出来。torch 存的权重，第 0 维是输出。",
            "A piece of W_hh isn't transposed; it's (H, H), so no shape gives that away. In torch's weights axis 0 "
            "is the output.",
        ),
        "whole cell": (
            "整个 cell 读的都是乘过重置门的状态：两个门因此变了，混合的也是它，候选里还又乘了一次重置门。只有候选要换状态。",
            "The whole cell reads the state after the reset gate: that changes both gates and the mixing, and inside, "
            "the candidate is reset once more. Only the candidate wants another state.",
        ),
        "1 - R": (
            "重置门用反了：R 接近 1 时，候选看得见旧状态；接近 0 时看不见。",
            "The reset gate is the wrong way around: with R near 1 the candidate sees the old state, near 0 it "
            "doesn't.",
        ),
        "a pair": (
            "应该得到一个张量，实际得到 {n} 个东西的元组：只返回新的状态，(B, H)。",
            "A tensor is expected; what came is a tuple of {n}: return the new state alone, (B, H).",
        ),
        "gates only": (
            "返回的是候选，还没有和旧状态混合。",
            "That's the candidate, not yet mixed with the old state.",
        ),
    },
)
CELL = "def make(V, H):\n    return nn.GRUCell(V, H)\n"


def _gates(values: Mapping[str, Tensor], X: Tensor, H: Tensor) -> tuple[Tensor, Tensor]:
    """R and Z, from torch's functions."""
    linear = nn.functional.linear
    both = linear(X, values["weight_ih"], values["bias_ih"]) + linear(
        H, values["weight_hh"], values["bias_hh"]
    )
    return both.chunk(3, 1)[0].sigmoid(), both.chunk(3, 1)[1].sigmoid()


def _candidate(values: Mapping[str, Tensor], X: Tensor, seen: Tensor) -> Tensor:
    """The candidate from the state that it is allowed to see: a step of a plain RNN."""
    cell = nn.RNNCell(X.shape[1], seen.shape[1]).double()
    cell.load_state_dict({name: value.chunk(3)[2] for name, value in values.items()})
    return cell(X, seen)


def _wrong_steps(values: Mapping[str, Tensor], X: Tensor, H: Tensor) -> dict[str, Tensor]:
    """What the mistakes of 8b give."""
    R, Z = _gates(values, X, H)
    n = {name: value.chunk(3)[2] for name, value in values.items()}
    x, product, bias = X @ n["weight_ih"].T + n["bias_ih"], H @ n["weight_hh"].T, n["bias_hh"]
    seen = (R * H) @ n["weight_hh"].T
    right = _candidate(values, X, R * H)

    def mixed(candidate: Tensor, old: Tensor = H, Z: Tensor = Z) -> Tensor:
        return torch.lerp(candidate, old, Z)

    def changed(**other: Tensor) -> Tensor:
        new = {**values, **other}
        R, Z = _gates(new, X, H)
        return mixed(_candidate(new, X, R * H), Z=Z)

    def turned(pieces: tuple[int, ...]) -> Tensor:
        blocks = values["weight_hh"].chunk(3)
        return torch.cat([block.T if i in pieces else block for i, block in enumerate(blocks)])

    zero = torch.zeros_like(values["bias_hh"])
    last = torch.cat([torch.ones(2 * len(bias)), torch.zeros(len(bias))])
    inside = nn.GRUCell(X.shape[1], H.shape[1]).double()
    inside.load_state_dict(dict(values))
    found = {
        "after the product": mixed(torch.tanh(x + R * (product + bias))),
        "after the product / bias outside": mixed(torch.tanh(x + R * product + bias)),
        "bias in the gate": mixed(torch.tanh(x + seen + R * bias)),
        "Z and 1 - Z": mixed(H, right),
        "reset state kept": mixed(right, R * H),
        "reset before the update gate": mixed(right, Z=_gates(values, X, R * H)[1]),
        "reset before the update gate / and kept": mixed(right, R * H, _gates(values, X, R * H)[1]),
        "whole cell": inside(X, R * H),
        "no reset": mixed(_candidate(values, X, H)),
        "1 - R": mixed(_candidate(values, X, (1 - R) * H)),
        "on the candidate": mixed(R * _candidate(values, X, H)),
        "no tanh": mixed(x + seen + bias),
        "candidate through sigma": mixed(torch.sigmoid(x + seen + bias)),
        "a bias is missing / bias_ih": changed(bias_ih=zero),
        "a bias is missing / bias_hh": changed(bias_hh=zero),
        "a bias is missing / both": changed(bias_ih=zero, bias_hh=zero),
        "a bias is missing / bias_hh of the candidate": changed(bias_hh=values["bias_hh"] * last),
        "a bias is missing / bias_hh of the gates": changed(bias_hh=values["bias_hh"] * (1 - last)),
        "a bias is missing / bias_ih of the candidate": changed(bias_ih=values["bias_ih"] * last),
        "a bias is missing / bias_ih of the gates": changed(bias_ih=values["bias_ih"] * (1 - last)),
        "a bias is missing / both of the candidate": changed(
            bias_ih=values["bias_ih"] * last, bias_hh=values["bias_hh"] * last
        ),
        "a bias is missing / both of the gates": changed(
            bias_ih=values["bias_ih"] * (1 - last), bias_hh=values["bias_hh"] * (1 - last)
        ),
        "weights not transposed": changed(weight_hh=turned((0, 1, 2))),
        "weights not transposed / of the candidate": changed(weight_hh=turned((2,))),
        "gates only": right,
    }
    for order in permutations(range(3)):
        if order != (0, 1, 2):
            other = {name: torch.cat([value.chunk(3)[i] for i in order]) for name, value in values.items()}
            found[f"order of the pieces / {order}"] = changed(**other)
            found[f"order of the pieces / {order}, and Z"] = torch.lerp(
                H, _candidate(other, X, _gates(other, X, H)[0] * H), _gates(other, X, H)[1]
            )
    return found


def _cell(probe: Probe, V: int, H: int) -> tuple[Ref, dict[str, Tensor]]:
    cell = probe.define(CELL, "make", V, H)
    return cell, {name: value.double() for name, value in probe.fill(cell, 0.9).items()}


@B.part("形状：X_t (B, V)，H_t (B, H)，得到 (B, H)", "shapes: X_t (B, V) and H_t (B, H) give (B, H)")
def _b_shape(probe: Probe) -> None:
    for n, V, H in ((3, 4, 6), (1, 5, 2), (2, 3, 3)):
        cell, _ = _cell(probe, V, H)
        probe.shape(probe.call(probe.answer, cell, probe.normal(n, V), probe.normal(n, H)), B=n, H=H)


@B.part("数值：权重抽成随机数", "values: with weights drawn at random")
def _b_values(probe: Probe) -> None:
    for n, V, H in ((4, 3, 5), (1, 2, 4), (3, 4, 4)):
        cell, values = _cell(probe, V, H)
        X, state = probe.normal(n, V), probe.normal(n, H).tanh()
        came = probe.shape(probe.call(probe.answer, cell, X, state), B=n, H=H)
        X, state = X.double(), state.double()
        with torch.no_grad():
            R, Z = _gates(values, X, state)
            right = torch.lerp(_candidate(values, X, R * state), state, Z)
            probe.values(came, right, _wrong_steps(values, X, state))


@B.part("从零状态出发", "from a zero state")
def _b_zero(probe: Probe) -> None:
    cell, values = _cell(probe, 3, 4)
    X, state = probe.normal(2, 3), torch.zeros(2, 4)
    came = probe.shape(probe.call(probe.answer, cell, X, state), B=2, H=4)
    with torch.no_grad():
        _, Z = _gates(values, X.double(), state.double())
        right = torch.lerp(_candidate(values, X.double(), state.double()), state.double(), Z)
    probe.values(came, right)
