"""Chapter 9: bidirectional RNNs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Ref

# ---------- 9a ----------
A = Task(
    "9a",
    "谁看得见谁",
    "Who sees whom",
    level="core",
    minutes=15,
    device="cpu",
    trains=(
        "用梯度查一个模型的每个输出取决于哪些输入；什么会让梯度碰巧是 0",
        "finding by gradients which inputs each output depends on; what makes a gradient 0 by accident",
    ),
    hints={
        "not True or False": (
            "表里应该是 True 和 False，得到的是 {kind}：看见就是看见，不分多少。",
            "The table should hold True and False; it holds {kind}. Seeing is seeing, however much.",
        ),
        "transposed": (
            "行和列换了位置：table[t, s] 的第 0 维是输出，第 1 维是输入。",
            "Rows and columns are exchanged: in table[t, s], axis 0 is the output and axis 1 the input.",
        ),
        "signs": (
            "梯度为负的输入没有算进来：看见与否，不看正负。",
            "Inputs with a negative gradient are left out: the sign doesn't matter for seeing.",
        ),
        "gradients pile up": (
            "第 t 行里混进了前面各行的：X.grad 是一路累加的。",
            "Row t also holds what came before it: X.grad adds up from one backward pass to the next.",
        ),
        "time and batch swapped": (
            "每个输出只看得见它自己那一步：你的 X 把批量放在了第 0 维，模型就把那一维当成了时间。",
            "Every output seems to see its own step only: your X has the batch on axis 0, which the model takes for "
            "time.",
        ),
        "one output number only": (
            "只查了每一步 K 个输出里的第一个；偷看的可能是别的那几个。",
            "Only the first of the K numbers at each step was looked at; it may be another one that peeks.",
        ),
        "one input number only": (
            "只查了每一步 V 个输入里的第一个；模型看的可能是别的那几个。",
            "Only the first of the V numbers of each input was looked at; the model may be looking at the others.",
        ),
        "outputs cancel": (
            "这个模型的两个输出总是一正一负：加在一起再求导，就抵消成 0 了。",
            "The two outputs of this model are always opposite: differentiate their sum and you get 0.",
        ),
        "inputs cancel": (
            "这个模型只看两个输入数之差，对它们的梯度一正一负：直接相加就抵消了。",
            "This model looks only at the difference of two input numbers, and their gradients are opposite: simply "
            "added up, they cancel.",
        ),
        "X is all zeros": (
            "X 全是 0：这个模型把两个输入相乘，在 0 处梯度碰巧是 0。换个一般的 X。",
            "X is all zeros: this model multiplies two inputs, and at 0 the gradient happens to be 0. Take a more "
            "ordinary X.",
        ),
        "X is all equal": (
            "X 的数全都相同：这个模型看的是两个数之差的平方，差是 0 的地方，梯度碰巧也是 0。换个一般的 X。",
            "All numbers of X are equal: this model looks at the square of a difference, and where that is 0, the "
            "gradient happens to be 0, too. Take a more ordinary X.",
        ),
        "X is too large": (
            "X 里有很大的数：tanh 在那里已经平了，梯度碰巧是 0。取 1 上下的数。",
            "X has large numbers in it, where a tanh is flat and its gradient happens to be 0. Take numbers around 1.",
        ),
        "threshold": (
            "这个模型的权重很小，梯度也很小，可是不是 0：你的门槛把它们挡掉了。",
            "The weights of this model are small, and so are its gradients, but they aren't 0: your threshold drops "
            "them.",
        ),
        "missed": (
            "表里 [{t}, {s}] 是 False，可是第 {t} 步的输出取决于第 {s} 步的输入。",
            "The table has False at [{t}, {s}], but the output at step {t} does depend on the input at step {s}.",
        ),
        "imagined": (
            "表里 [{t}, {s}] 是 True，可是第 {t} 步的输出不取决于第 {s} 步的输入。",
            "The table has True at [{t}, {s}], but the output at step {t} doesn't depend on the input at step {s}.",
        ),
        "dropout": (
            "模型交来时处于训练模式，暂退法把一些输出丢成了 0，表里就缺了一些：谁来告诉模型，现在不是训练？",
            "The model came in training mode, and dropout set some outputs to 0, so the table has holes: who tells the "
            "model that this isn't training?",
        ),
        "all True": (
            "整张表都是 True：对一个只往前看的模型，也是这样吗？",
            "The whole table is True: even for a model that reads one way only?",
        ),
        "the last output only": (
            "每一行都一样，是最后一个输出的那一行：要一行一行分别求。",
            "All rows are the same, the one of the last output: each row needs a gradient of its own.",
        ),
        "all outputs at once": (
            "每一行都一样：所有的输出加在一起求了一次导，分不出是哪一个看见的。",
            "All rows are the same: all outputs were summed and differentiated once, so nothing tells which of "
            "them saw it.",
        ),
    },
)
MODELS = """
class Mix(nn.Module):
    def __init__(self, A):
        super().__init__()
        self.register_buffer("A", A)

    def forward(self, X):
        return torch.einsum("ts,sbv->tbv", self.A, X)


class Pick(nn.Module):
    def __init__(self, A, kind):
        super().__init__()
        self.mix, self.kind = Mix(A), kind

    def forward(self, X):
        if self.kind == "opposite outputs":
            seen = self.mix(X.sum(-1, keepdim=True)).sin()  # nowhere flat
            return torch.cat([seen, -seen], -1)
        if self.kind == "difference":
            return self.mix(X[..., :1] - X[..., 1:2])
        if self.kind == "square of a difference":
            return self.mix((X[..., :1] - X[..., 1:2]) ** 2)
        if self.kind == "flat":
            return self.mix(X.sum(-1, keepdim=True).tanh())
        if self.kind == "last input":
            return self.mix(X[..., -1:])
        if self.kind == "last output":
            return torch.cat([X[..., :1], self.mix(X).sum(-1, keepdim=True)], -1)
        return X.sum(-1, keepdim=True) * self.mix(X).sum(-1, keepdim=True)


class Net(nn.Module):
    def __init__(self, V, H, K, kind, dropout):
        super().__init__()
        self.kind = kind
        self.rnn = nn.GRU(V, H, 2 if kind == "half of two" else 1, bidirectional="half" in kind or kind == "both")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * H if kind == "both" else H, K)

    def forward(self, X):
        if self.kind == "backward":
            outputs = self.rnn(X.flip(0))[0].flip(0)
        elif self.kind == "late":
            outputs = self.rnn(X)[0].roll(-1, 0)
        else:
            outputs = self.rnn(X)[0]
        return self.dropout(self.head(outputs[..., : self.head.in_features]))


def pick(A, kind):
    return Pick(A, kind)


def net(V, H, K, kind, dropout):
    return Net(V, H, K, kind, dropout).train()
"""


def _table(probe: Probe, came: object, T: int) -> Tensor:
    table = probe.shape(came, **{"T": T, "T\N{PRIME}": T})
    probe.need(table.dtype == torch.bool, "not True or False", kind=table.dtype)
    return table


def _sees(probe: Probe, model: Ref, T: int, V: int, right: Tensor, mistakes: Mapping[str, Tensor]) -> None:
    """Compare a table; what equals the table of a known mistake gets its hint."""
    table = _table(probe, probe.call(probe.answer, model, T, V), T)
    if torch.equal(table, right):
        return
    for mistake, wrong in mistakes.items():
        if torch.equal(table, wrong):
            probe.wrong(mistake)
    if table.all():
        probe.wrong("all True")
    _compared(probe, table, right)


def _compared(probe: Probe, table: Tensor, right: Tensor) -> None:
    """Name a place where a table is off."""
    for mistake, places in (("missed", right & ~table), ("imagined", table & ~right)):
        if places.any():
            t, s = places.nonzero()[0].tolist()
            probe.wrong(mistake, t=t, s=s)


def _wrong_tables(weights: Tensor) -> dict[str, Tensor]:
    """What the mistakes of 9a give for a model that mixes its steps with these weights."""
    T, right = len(weights), weights != 0
    once = (weights.sum(0) != 0).expand(T, T)
    return {
        "transposed": right.T,
        "signs": weights > 0,
        "gradients pile up": weights.cumsum(0) != 0,
        "gradients pile up / by or": right.cumsum(0) > 0,
        "gradients pile up / transposed": (weights.cumsum(0) != 0).T,
        "time and batch swapped": torch.eye(T) > 0,
        "the last output only": right[-1].expand(T, T),
        "all outputs at once": once,
        "all outputs at once / transposed": once.T,
    }


def _pattern(probe: Probe, T: int) -> Tensor:
    """Weights of known signs that mix the steps: who sees whom, so that no two mistakes look alike."""
    while True:
        signs = probe.integers(-1, 2, T, T)
        weights = signs * (0.5 + 0.5 * probe.normal(T, T).sigmoid())
        tables = [(name.split(" / ")[0], table) for name, table in _wrong_tables(weights).items()]
        tables += [("right", weights != 0), ("all True", torch.ones(T, T) > 0)]
        if not any(a != b and torch.equal(one, other) for a, one in tables for b, other in tables):
            return weights


@A.part("形状 (T, T)，True 和 False", "shape (T, T), True and False")
def _a_shape(probe: Probe) -> None:
    for T, V, K in ((5, 3, 4), (1, 2, 1), (4, 1, 2)):
        model = probe.define(MODELS, "net", V, 6, K, "forward", 0.0)
        _table(probe, probe.call(probe.answer, model, T, V), T)


@A.part(
    "答案已知的模型：把各步按已知的权重混起来", "a model whose table is known: steps mixed with known weights"
)
def _a_mix(probe: Probe) -> None:
    T = 6
    weights = _pattern(probe, T)
    _sees(probe, probe.define(MODELS, "Mix", weights), T, 1, weights != 0, _wrong_tables(weights))
    none = torch.zeros(T, T) > 0
    _sees(probe, probe.define(MODELS, "Mix", 1e-5 * weights), T, 1, weights != 0, {"threshold": none})


@A.part("K 个输出、V 个输入，一个也不漏", "none of the K outputs and V inputs forgotten")
def _a_numbers(probe: Probe) -> None:
    for kind, mistake, V in (
        ("last output", "one output number only", 3),
        ("last input", "one input number only", 3),
        ("flat", "X is too large", 2),
        ("opposite outputs", "outputs cancel", 2),
        ("difference", "inputs cancel", 2),
        ("product", "X is all zeros", 2),
        ("square of a difference", "X is all equal", 2),
    ):
        T = 5
        weights = _pattern(probe, T)
        right, none = weights != 0, torch.zeros(T, T) > 0
        own = torch.eye(T) > 0
        if kind == "last output":
            right, none = right | own, own
        if kind == "product":
            right = right | (own & right.any(1, keepdim=True))
        model = probe.define(MODELS, "pick", weights, kind)
        if kind == "flat":  # whole columns are missing, those of the large inputs
            table = _table(probe, probe.call(probe.answer, model, T, V), T)
            lost = (table != right).any(0)
            probe.need(
                not lost.any() or bool(table[:, lost].any() or (table != right)[:, ~lost].any()), mistake
            )
        _sees(probe, model, T, V, right, {mistake: none})


@A.part("循环网络：正向、反向、双向", "recurrent networks: forward, backward, both ways")
def _a_networks(probe: Probe) -> None:
    T = 5
    full = torch.ones(T, T) > 0
    lower = full.tril()
    for kind, right in (
        ("forward", lower),
        ("backward", full.triu()),
        ("both", full),
        ("half of one", lower),
        ("half of two", full),
        ("late", torch.cat([lower[1:], lower[:1]])),
    ):
        model = probe.define(MODELS, "net", 3, 6, 2, kind, 0.0)
        _sees(probe, model, T, 3, right, {"gradients pile up": full} if kind == "backward" else {})


@A.part("交来时处于训练模式的模型，带暂退法", "a model with dropout, in training mode")
def _a_dropout(probe: Probe) -> None:
    T = 8
    right = torch.ones(T, T).tril() > 0
    _sees(probe, probe.define(MODELS, "net", 3, 6, 1, "forward", 0.0), T, 3, right, {})
    model = probe.define(MODELS, "net", 3, 6, 1, "forward", 0.7)
    table = _table(probe, probe.call(probe.answer, model, T, 3), T)
    if not torch.equal(table, right) and not (table & ~right).any():
        probe.wrong("dropout")
    _compared(probe, table, right)


# ---------- 9b ----------
B = Task(
    "9b",
    "两个单向的层合成一个双向的",
    "Two one-way layers make one that reads both ways",
    level="core",
    minutes=15,
    trains=(
        "哪里要倒过来，倒哪一维，倒几次；每个方向在哪一头读完",
        "what has to be turned around, along which axis and how often; at which end each direction finishes",
    ),
    hints={
        "outputs only": (
            "只返回了输出；还要最终状态：（输出，状态）。",
            "Only the outputs come back; the final states are wanted, too: (outputs, state).",
        ),
        "added": (
            "输出是 (T, B, H)：两个方向加在了一起（或者只有一个）。应该拼起来，各占 H 个数。",
            "The outputs are (T, B, H): the two directions were added (or there's only one). Put them side by side, "
            "H numbers each.",
        ),
        "joined along another axis": (
            "两个方向拼在了别的维上：得到 {shape}，应该沿特征那一维拼成 (T, B, 2H)。",
            "The two directions were joined along another axis: expected (T, B, 2H), along the features, "
            "got {shape}.",
        ),
        "not turned at all": (
            "反向的一半也是从左往右读的：没有什么在时间上倒过来。",
            "The backward half reads left to right, too: nothing was turned around in time.",
        ),
        "not turned back": (
            "反向的状态没有倒回来：第 0 步放的是它读的第一个，也就是序列的最后一个。",
            "The backward states weren't turned back: at step 0 stands the first one it read, which is the end of "
            "the sequence.",
        ),
        "input not turned": (
            "倒的是输出，输入没有倒：反向的层还是从左往右读的。",
            "The outputs were turned around, the input wasn't: the backward layer still reads left to right.",
        ),
        "another axis": (
            "倒的不是时间那一维，或者不只是它：X 是 (T, B, V)，时间是第几维？",
            "It isn't time that was turned around, or not time alone: X is (T, B, V), so which axis is time?",
        ),
        "everything turned": (
            "正向的一半也倒过来了：拼之前只倒反向的。",
            "The forward half was turned around as well: turn only the backward one, before joining.",
        ),
        "halves swapped": (
            "两半的次序反了：正向在前，反向在后。",
            "The halves are in the other order: forward first, then backward.",
        ),
        "one layer twice": (
            "两个方向用的是同一个层；两个层各有各的权重。",
            "Both directions use one and the same layer; the two layers have weights of their own.",
        ),
        "layers exchanged": (
            "两个层换了位置：正着读的应该是 ahead，倒着读的是 behind。",
            "The two layers have changed places: ahead should read forward, and behind backward.",
        ),
        "state handed on": (
            "behind 从 ahead 读完的状态出发了；两个方向互不相干，各从零状态开始。",
            "behind starts from the state that ahead ended with. The directions have nothing to do with each other, "
            "and each begins at zero.",
        ),
        "rows of the state": (
            "输出对，反向的最终状态各行的次序却倒了：你倒的不只是时间，还有批量那一维。",
            "The outputs are right, but the rows of the backward final state are in reverse order: you turned around "
            "the batch as well as time.",
        ),
        "copies": (
            "模型里不是传进来的那两个层，而是另外的（新建的，或者复制的）：改动那两个层的权重，这里没有反应。",
            "The model doesn't hold the two layers it was given but others, new ones or copies: changing the "
            "weights of those two has no effect here.",
        ),
        "two states": (
            "状态应该是一个张量 (2, B, H)，得到的却是几个张量。",
            "The state should be one tensor, (2, B, H); several came.",
        ),
        "states side by side": (
            "两个最终状态沿特征那一维拼成了 {shape}；状态的第 0 维是方向，应该是 (2, B, H)。",
            "The two final states were joined along the features to {shape}; axis 0 of a state counts directions: "
            "(2, B, H).",
        ),
        "state at the wrong end": (
            "输出对，反向的最终状态取错了一头：它读完全文时，站在序列的哪一步？",
            "The outputs are right, but the backward final state is taken at the wrong end: when it has read "
            "everything, at which step of the sequence does it stand?",
        ),
        "forward state at the wrong end": (
            "输出对，正向的最终状态取错了一头：第 0 步时它才读了一个。",
            "The outputs are right, but the forward final state is taken at the wrong end: at step 0 it has read "
            "one input.",
        ),
        "states swapped": (
            "两个最终状态的次序反了：正向在前。",
            "The two final states are in the other order: forward first.",
        ),
    },
)
LAYERS = "def make(kind, V, H):\n    return getattr(nn, kind)(V, H)\n"


def _pair(probe: Probe, kind: str, V: int, H: int) -> tuple[Ref, Ref, Ref]:
    ahead, behind = (probe.define(LAYERS, "make", kind, V, H) for _ in range(2))
    return ahead, behind, probe.module(ahead, behind)


def _reference(ahead: Mapping[str, Tensor], behind: Mapping[str, Tensor], kind: str) -> nn.Module:
    """torch's own bidirectional layer with the weights of two."""
    H = ahead["weight_hh_l0"].shape[1]
    layer = getattr(nn, kind)(ahead["weight_ih_l0"].shape[1], H, bidirectional=True)
    layer.load_state_dict({**ahead, **{f"{name}_reverse": value for name, value in behind.items()}})
    return layer.double().eval()


def _one_way(values: Mapping[str, Tensor], kind: str) -> nn.Module:
    layer = getattr(nn, kind)(values["weight_ih_l0"].shape[1], values["weight_hh_l0"].shape[1])
    layer.load_state_dict(dict(values))
    return layer.double().eval()


def _two(probe: Probe, came: object, T: int, n: int, H: int) -> tuple[Tensor, Tensor]:
    """Outputs and state, of the right shapes."""
    if came is None:
        probe.wrong("nothing")
    probe.need(isinstance(came, (tuple, list)) and len(came) == 2, "outputs only")
    outputs, state = came
    if isinstance(outputs, Tensor) and outputs.shape != (T, n, 2 * H):
        shape = tuple(outputs.shape)
        others = ((2 * T, n, H), (T, 2 * n, H), (2, T, n, H), (T, 2, n, H), (T, n, 2, H), (T, n, H, 2))
        probe.need(shape != (T, n, H), "added")
        probe.need(shape not in others, "joined along another axis", shape=shape)
    outputs = probe.shape(outputs, T=T, B=n, **{"2H": 2 * H})
    probe.need(not isinstance(state, (tuple, list)), "two states")
    if isinstance(state, Tensor) and state.shape in ((n, 2 * H), (1, n, 2 * H)):
        probe.wrong("states side by side", shape=tuple(state.shape))
    return outputs, probe.shape(state, D=2, B=n, H=H)


@B.part(
    "形状：X (T, B, V)，得到 (T, B, 2H) 和 (2, B, H)", "shapes: X (T, B, V) gives (T, B, 2H) and (2, B, H)"
)
def _b_shape(probe: Probe) -> None:
    for T, n, V, H in ((7, 3, 4, 5), (1, 4, 3, 6), (5, 1, 2, 3)):
        _, _, model = _pair(probe, "GRU", V, H)
        _two(probe, probe.call(model, probe.normal(T, n, V)), T, n, H)


def _wrong_outputs(X: Tensor, ahead: nn.Module, behind: nn.Module) -> dict[str, Tensor]:
    """What the mistakes in the outputs give."""
    left, right = ahead(X)[0], behind(X.flip(0))[0]

    def beside(*halves: Tensor) -> Tensor:
        return torch.cat(halves, dim=-1)

    found = {
        "not turned at all": beside(left, behind(X)[0]),
        "not turned back": beside(left, right),
        "input not turned": beside(left, behind(X)[0].flip(0)),
        "everything turned": beside(left.flip(0), right),
        "everything turned / and not back": beside(left, right).flip(0),
        "halves swapped": beside(right.flip(0), left),
        "halves swapped / and not back": beside(right, left),
        "one layer twice": beside(left, ahead(X.flip(0))[0].flip(0)),
        "one layer twice / the other": beside(behind(X)[0], right.flip(0)),
        "layers exchanged": beside(behind(X)[0], ahead(X.flip(0))[0].flip(0)),
        "layers exchanged / the halves, too": beside(ahead(X.flip(0))[0].flip(0), behind(X)[0]),
        "state handed on": beside(left, behind(X.flip(0), ahead(X)[1])[0].flip(0)),
        "state handed on / the other way": beside(ahead(X, behind(X.flip(0))[1])[0], right.flip(0)),
    }
    for axis in (1, 2):
        turned = behind(X.flip(axis))[0]
        found[f"another axis / {axis}"] = beside(left, turned)
        found[f"another axis / {axis}, twice"] = beside(left, turned.flip(axis))
        found[f"another axis / {axis}, back only"] = beside(left, right.flip(axis))
    found["another axis / all"] = beside(left, behind(X.flip(0, 1, 2))[0].flip(0, 1, 2))
    found["another axis / time and batch, back time"] = beside(left, behind(X.flip(0, 1))[0].flip(0))
    return found


@B.part("与 nn.GRU(bidirectional=True) 相同", "the same as nn.GRU(bidirectional=True)")
def _b_values(probe: Probe) -> None:
    for kind, T, n, V, H in (
        ("GRU", 6, 3, 4, 5),
        ("RNN", 5, 2, 3, 4),
        ("GRU", 7, 1, 2, 3),
        ("GRU", 1, 3, 2, 4),
    ):
        ahead, behind, model = _pair(probe, kind, V, H)
        before = [probe.parameters(layer) for layer in (ahead, behind)]
        own = [probe.fill(layer, 0.7) for layer in (ahead, behind)]
        X = probe.normal(T, n, V)
        outputs, state = _two(probe, probe.call(model, X), T, n, H)
        X = X.double()
        with torch.no_grad():
            right, ends = _reference(*own, kind)(X)
            layers = [_one_way(values, kind) for values in own]
            mistakes = _wrong_outputs(X, *layers)
            unturned, last = layers[1](X)
            rows_turned = last.flip(1)
            if (
                n > 1
                and T > 1
                and probe.close(outputs, mistakes["not turned at all"])
                and probe.close(state.narrow(0, 1, 1), rows_turned)
            ):
                probe.wrong("another axis")
            probe.values(outputs, right, {**mistakes, "copies": _reference(*before, kind)(X)[0]})
            forth, back = right.chunk(2, dim=-1)
            wrong_states = {
                "states swapped": ends.flip(0),
                "rows of the state": torch.stack([ends[0], ends[1].flip(0)]),
                "state at the wrong end": torch.stack([forth[-1], back[-1]]),
                "state at the wrong end / read forward": torch.stack([forth[-1], unturned[-1]]),
                "forward state at the wrong end": torch.stack([forth[0], back[0]]),
                "forward state at the wrong end / both": torch.stack([forth[0], back[-1]]),
            }
            probe.values(state, ends, wrong_states)


@B.part("每个参数都有梯度", "every parameter gets a gradient")
def _b_gradients(probe: Probe) -> None:
    _, _, model = _pair(probe, "GRU", 3, 4)
    H, V = 4, 3
    probe.count(model, 2 * 3 * H * (V + H + 2), {"one layer twice": 3 * H * (V + H + 2)})
    probe.gradients(model, probe.normal(5, 2, 3), pick=(0,))
    probe.gradients(model, probe.normal(5, 2, 3), pick=(1,))
