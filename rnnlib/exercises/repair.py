"""Set C: code that fails, or goes wrong without a word, to be repaired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref


def _pair(probe: Probe, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        probe.need(value is not None, "nothing")
        probe.wrong("not two")
    return value[0], value[1]


def _number(probe: Probe, value: Any) -> Tensor:
    probe.need(value is not None, "nothing")
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.reshape(())
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return torch.tensor(float(value), dtype=torch.float64)
    kind = value.kind if isinstance(value, (Opaque, Ref)) else type(value).__name__
    probe.wrong("not a number at all", kind=kind)


# ---------- C1 ----------
C1 = Task(
    "C1",
    "构造函数少了参数，初始状态摆错了维",
    "A constructor without its arguments, and a state with its axes mixed up",
    level="core",
    minutes=12,
    trains=(
        "读懂循环层构造时的报错；状态的形状，与 batch_first 无关",
        "reading what a recurrent layer says when it is built; the shape of the state, whatever batch_first says",
    ),
    repair=True,
    hints={
        "one layer": (
            "要 {L} 层，参数却只够一层：num_layers 传进来了，有没有再交给 nn.GRU？",
            "{L} layers are asked for, and there are the parameters of one: num_layers comes in, but is it passed "
            "to nn.GRU?",
        ),
        "length of the input": (
            "nn.GRU 的第一个参数是一步的输入有多长。这里一步的输入是独热向量：它的长度是哪一个数？状态的长度是另一个。",
            "The first argument of nn.GRU is the length of one step's input. Here that is a one-hot vector: which number "
            "is its length? The length of the state is the other one.",
        ),
        "batch first in the state": (
            "初始状态是（B, L, H）：batch_first 管的是输入和输出，状态不归它管。哪一维总在最前面？",
            "The initial state is (B, L, H): batch_first is about inputs and outputs, not about the state. Which "
            "axis always comes first there?",
        ),
        "state for one layer": (
            "初始状态只够一层用；每一层都有自己的一份。",
            "The initial state is enough for one layer only; each layer has a state of its own.",
        ),
        "not zero": (
            "初始状态不是零。还什么都没读的网络，从 0 开始。",
            "The initial state is not zero. A network that has read nothing starts from 0.",
        ),
        "not two": (
            "forward 应该返回两样东西：logits 和状态。",
            "forward should return two things: the logits and the state.",
        ),
        "state ignored": (
            "给了状态，结果却和从 0 开始时一样：传进来的 state 半路丢了。",
            "A state was given, but the result is that of a start from 0: the state got lost on the way.",
        ),
    },
)


def _gru_size(D: int, H: int, L: int) -> int:
    return sum(3 * H * ((H if layer else D) + H + 2) for layer in range(L))


@C1.part(
    "造得出来，参数的个数对：1、2、3 层",
    "it can be built, with the right number of parameters: 1, 2, 3 layers",
)
def _c1_parameters(probe: Probe) -> None:
    for L in (1, 2, 3):
        V, H = probe.size(5, 9), probe.size(11, 16)
        expected = _gru_size(V, H, L) + V * (H + 1)
        one = {"one layer": _gru_size(V, H, 1) + V * (H + 1)}
        came = sum(p.numel() for p in probe.parameters(probe.module(V, H, L)).values())
        if L > 1 and came == one["one layer"]:
            probe.wrong("one layer", L=L)
        for inputs, hiddens in ((H, H), (H, V)):
            probe.need(came != _gru_size(inputs, hiddens, L) + V * (H + 1), "length of the input")
        probe.need(came == expected, "number of parameters", expected=expected, came=came)
    probe.count(probe.module(V, H), one["one layer"])


@C1.part("begin_state：零，形状 (L, B, H)", "begin_state: zeros of shape (L, B, H)")
def _c1_begin(probe: Probe) -> None:
    for B, L, H in ((5, 2, 8), (1, 3, 6), (4, 1, 7)):
        state = probe.call(probe.module(9, H, L), B, method="begin_state")
        if isinstance(state, Tensor) and state.shape == (B, L, H):
            probe.wrong("batch first in the state")
        if isinstance(state, Tensor) and state.shape in ((1, B, H), (B, H)) and L > 1:
            probe.wrong("state for one layer")
        probe.need(not probe.shape(state, L=L, B=B, H=H).any(), "not zero")


@C1.part(
    "形状：X 是 (B, T)，logits (B, T, V)，状态 (L, B, H)",
    "shape: X is (B, T), logits (B, T, V), state (L, B, H)",
)
def _c1_shape(probe: Probe) -> None:
    for B, T, L in ((5, 7, 2), (1, 4, 3), (6, 1, 1)):
        model = probe.module(9, 8, L)
        logits, state = _pair(probe, probe.call(model, probe.integers(0, 9, B, T)))
        probe.shape(logits, B=B, T=T, V=9)
        probe.shape(state, L=L, B=B, H=8)


@C1.part("数值：从 0 开始，从给的状态开始", "values: from zero, and from a state that is given")
def _c1_values(probe: Probe) -> None:
    B, T, V, H, L = 4, 6, 9, 7, 2
    model = probe.module(V, H, L)
    weights = probe.fill(model)
    gru = probe.copied(nn.GRU(V, H, num_layers=L, batch_first=True), weights)
    dense = probe.copied(nn.Linear(H, V), weights)
    X, state = probe.integers(0, V, B, T), probe.normal(L, B, H)
    with torch.no_grad():
        fresh, fresh_state = gru(one_hot(X, V).float())
        later, later_state = gru(one_hot(X, V).float(), state)
        logits, came = _pair(probe, probe.call(model, X))
        probe.values(logits, dense(fresh))
        probe.values(came, fresh_state)
        logits, came = _pair(probe, probe.call(model, X, state))
        probe.values(logits, dense(later), {"state ignored": dense(fresh)})
        probe.values(came, later_state)


@C1.part("每个参数都有梯度", "every parameter gets a gradient")
def _c1_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(9, 8, 2), probe.integers(0, 9, 4, 5), pick=(0,))


# ---------- C2 ----------
C2 = Task(
    "C2",
    "只有 RNNCell，没有前向传播",
    "An RNNCell, and no forward pass",
    level="core",
    minutes=12,
    trains=(
        "nn.RNNCell 只走一步：时间循环要自己写，状态要自己传",
        "nn.RNNCell takes one step: the loop over time, and the state, are yours",
    ),
    repair=True,
    hints={
        "not two": (
            "forward 应该返回两样东西：每一步的输出和最后的状态。",
            "forward should return two things: the outputs of all steps and the last state.",
        ),
        "loop over the batch": (
            "循环走的是第 0 维，那是样本，不是时间：一个样本的状态传给了下一个样本。",
            "The loop runs along axis 0, the batch and not time: one sequence's state is handed to the next sequence.",
        ),
        "a fresh state each step": (
            "每一步都从 0 开始：上一步的状态没有交给下一步，网络什么也记不住。",
            "Each step starts from 0: no step gets the state of the one before, so the network remembers nothing.",
        ),
        "state ignored": (
            "给了状态，结果却和从 0 开始时一样。",
            "A state was given, but the result is that of a start from 0.",
        ),
        "the first state at every step": (
            "每一步用的都是最初给的那个状态；算出来的新状态要换上去。",
            "Each step uses the state that was given at the start; the new one must take its place.",
        ),
        "one step old": (
            "返回的状态差一步：最后一个输入还没读进去。",
            "The state that comes back is one step old: the last input is not in it.",
        ),
        "an axis for layers": (
            "状态多了一维：nn.RNNCell 只有一层，它的状态是（B, H）。",
            "The state has an axis too many: an nn.RNNCell is one layer, and its state is (B, H).",
        ),
    },
)


@C2.part("形状：输出 (B, T, O)，状态 (B, H)", "shape: outputs (B, T, O), state (B, H)")
def _c2_shape(probe: Probe) -> None:
    for B, T in ((5, 7), (1, 4), (6, 1)):
        outputs, state = _pair(probe, probe.call(probe.module(3, 8, 2), probe.normal(B, T, 3)))
        if isinstance(state, Tensor) and tuple(state.shape) == (T, 8):
            probe.wrong("loop over the batch")
        if isinstance(state, Tensor) and tuple(state.shape) == (1, B, 8):
            probe.wrong("an axis for layers")
        probe.shape(outputs, B=B, T=T, O=2)
        probe.shape(state, B=B, H=8)


@C2.part("数值：每一步接着上一步", "values: each step goes on from the one before")
def _c2_values(probe: Probe) -> None:
    B, T, D, H = 5, 6, 3, 8
    model = probe.module(D, H, 2)
    weights = probe.fill(model)
    rnn = probe.copied(nn.RNN(D, H, batch_first=True), weights)
    dense = probe.copied(nn.Linear(H, 2), weights)
    X = probe.normal(B, T, D)
    with torch.no_grad():
        hidden, last = rnn(X)
        alone = torch.cat([rnn(X[:, t : t + 1])[0] for t in range(T)], dim=1)
        before = rnn(X[:, :-1])[1][0]
    outputs, state = _pair(probe, probe.call(model, X))
    probe.values(outputs, dense(hidden), {"a fresh state each step": dense(alone)})
    probe.values(state, last[0], {"one step old": before})


@C2.part("从给的状态接着读", "it goes on from a state that is given")
def _c2_state(probe: Probe) -> None:
    B, T, D, H = 4, 5, 3, 7
    model = probe.module(D, H, 2)
    weights = probe.fill(model)
    rnn = probe.copied(nn.RNN(D, H, batch_first=True), weights)
    dense = probe.copied(nn.Linear(H, 2), weights)
    X, state = probe.normal(B, T, D), probe.normal(B, H)
    with torch.no_grad():
        hidden, last = rnn(X, state[None])
        fresh = rnn(X)[0]
        same = torch.cat([rnn(X[:, t : t + 1], state[None])[0] for t in range(T)], dim=1)
    outputs, came = _pair(probe, probe.call(model, X, state))
    mistakes = {"state ignored": dense(fresh), "the first state at every step": dense(same)}
    probe.values(outputs, dense(hidden), mistakes)
    probe.values(came, last[0])


@C2.part("每个参数都有梯度", "every parameter gets a gradient")
def _c2_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 8, 2), probe.normal(4, 5, 3), pick=(0,))


# ---------- C3, C4: a language model given by the check ----------
READER = """
class Reader(nn.Module):
    def __init__(self, V, H, layer="GRU"):
        super().__init__()
        self.rnn = getattr(nn, layer)(V, H, batch_first=True)
        self.output = nn.Linear(H, V)

    def begin_state(self, batch_size):
        return torch.zeros(1, batch_size, self.rnn.hidden_size, device=self.output.weight.device)

    def forward(self, X, state=None):
        outputs, state = self.rnn(nn.functional.one_hot(X, self.output.out_features).float(), state)
        return self.output(outputs), state
"""
SGD = """
def make(model, lr):
    return torch.optim.SGD(model.parameters(), lr=lr)
"""


COUNTED = """
class Counted(torch.optim.SGD):
    taken = 0

    def step(self, closure=None):
        self.taken += 1
        return super().step(closure)

    def steps(self):
        return self.taken


def make(model, lr):
    return Counted(model.parameters(), lr=lr)
"""
TELL = """
class Tell:
    def __call__(self, function, *args):
        before = torch.is_grad_enabled()
        result = function(*args)
        parts = result if isinstance(result, (tuple, list)) else [result]
        flags = [isinstance(part, torch.Tensor) and part.requires_grad for part in parts]
        return result, flags, torch.is_grad_enabled() == before
"""


def _reader(V: int, H: int, layer: str, parameters: dict[str, Tensor]) -> nn.Module:
    """The check's own reader with given parameters."""
    space: dict[str, Any] = {"torch": torch, "nn": nn}
    exec(compile(READER, "<reader>", "exec"), space)
    model = space["Reader"](V, H, layer)
    model.load_state_dict(parameters)
    return model


C3 = Task(
    "C3",
    "状态从来没有分离",
    "The state is never detached",
    level="core",
    minutes=10,
    trains=(
        "截断的随时间反向传播：状态的值留下，它的计算图留在上一个小批量",
        "truncated backpropagation through time: the value of the state goes on, its graph stays behind",
    ),
    repair=True,
    hints={
        "state thrown away": (
            "每个小批量都从零状态开始。这样不报错，可是文本是连着的：前面读到的全忘了。",
            "Every minibatch starts from a state of zeros. The error is gone, but the text goes on from one batch to "
            "the next, and what was read is forgotten.",
        ),
        "gradients pile up": (
            "梯度越积越多：每一步之前，上一个小批量的梯度要清掉。",
            "The gradients pile up: those of the last minibatch have to be cleared before each step.",
        ),
        "weights do not move": (
            "权重从头到尾没有变：优化器一步也没有走。",
            "The weights stay what they were: the optimizer takes no step.",
        ),
        "gradients cleared too early": (
            "优化器走步了，权重却没有变：走的时候梯度已经清掉了。backward 算出的梯度，要留到 step 用完。",
            "The optimizer takes its steps, and the weights stay what they were: by then the gradients are cleared. What "
            "backward computes has to stay until step has used it.",
        ),
        "number of losses": (
            "有 {n} 个小批量，应该返回 {n} 个损失；来的是 {came} 个。",
            "There are {n} minibatches, so {n} losses should come back; {came} came.",
        ),
        "no list": (
            "应该返回一个列表，每个小批量一个损失；来的是 {kind}。",
            "A list is expected, one loss for each minibatch; what came is a {kind}.",
        ),
        "no numbers": (
            "列表里是 {kind}，不是数。",
            "The list holds a {kind} where a number should be.",
        ),
        "losses with their graphs": (
            "列表里是带着历史的张量，不是数：这样留着的损失，把自己的计算图也留住了。",
            "The list holds tensors with a history where numbers should be: a loss kept like this keeps its graph as well.",
        ),
        "tensors without a history": (
            "列表里是张量。历史断开了，没有留住计算图；不过这里要的是数，用 .item()。",
            "The list holds tensors. They have no history and keep no graph, but a number is asked for: use .item().",
        ),
        "weights": (
            "损失对，最后的权重不对：最后一个小批量也要走一步。",
            "The losses are right, the weights at the end are not: the last minibatch takes its step, too.",
        ),
    },
)


def _follow(
    model: nn.Module,
    batches: list[tuple[Tensor, Tensor]],
    lr: float,
    *,
    carry: bool = True,
    clear: bool = True,
) -> Tensor:
    """Losses of one epoch by gradient descent written out; afterwards the model has the new weights."""
    parameters = list(model.parameters())
    sums = [torch.zeros_like(parameter) for parameter in parameters]
    state, losses = None, []
    for X, Y in batches:
        logits, state = model(X, state if carry else None)
        loss = cross_entropy(logits.movedim(-1, 1), Y)
        gradients = torch.autograd.grad(loss, parameters)
        sums = [gradient if clear else old + gradient for old, gradient in zip(sums, gradients)]
        with torch.no_grad():
            for parameter, gradient in zip(parameters, sums):
                parameter -= lr * gradient
        state = tuple(part.data for part in state) if isinstance(state, tuple) else state.data
        losses.append(float(loss.detach()))
    return torch.tensor(losses)


def _c3(probe: Probe, layer: str) -> None:
    B, T, V, H, n, lr = 3, 4, 6, 5, 5, 0.7
    model = probe.define(READER, "Reader", V, H, layer)
    start = probe.fill(model, 0.8)
    text = probe.integers(0, V, B, n * T + 1)
    batches = [(text[:, i : i + T], text[:, i + 1 : i + T + 1]) for i in range(0, n * T, T)]
    optimizer = probe.define(COUNTED, "make", model, lr)
    came, flags, _ = probe.call(probe.define(TELL, "Tell"), probe.answer, model, batches, optimizer)
    probe.need(came is not None, "nothing")
    if not isinstance(came, (list, tuple)):
        probe.wrong("no list", kind=came.kind if isinstance(came, Opaque) else type(came).__name__)
    probe.need(len(came) == n, "number of losses", n=n, came=len(came))
    for one, flag in zip(came, flags):
        if isinstance(one, Tensor):
            probe.wrong("losses with their graphs" if flag else "tensors without a history")
        if isinstance(one, bool) or not isinstance(one, (int, float)):
            probe.wrong("no numbers", kind=one.kind if isinstance(one, Opaque) else type(one).__name__)

    def other(**how: bool) -> Tensor:
        return _follow(_reader(V, H, layer, start), batches, lr, **how)

    twin = _reader(V, H, layer, start)
    right = _follow(twin, batches, lr)
    mistakes = {
        "state thrown away": other(carry=False),
        "gradients pile up": other(clear=False),
    }
    still = "gradients cleared too early" if probe.call(optimizer, method="steps") else "weights do not move"
    mistakes[still] = _follow(_reader(V, H, layer, start), batches, 0.0)
    probe.values(torch.tensor(came), right, mistakes, 1e-4)
    for name, value in probe.parameters(model).items():
        probe.need(torch.allclose(value, twin.state_dict()[name], atol=1e-4), "weights")


@C3.part("GRU：状态是一个张量", "a GRU: the state is a tensor")
def _c3_gru(probe: Probe) -> None:
    _c3(probe, "GRU")


@C3.part("LSTM：状态是一对", "an LSTM: the state is a pair")
def _c3_lstm(probe: Probe) -> None:
    _c3(probe, "LSTM")


# ---------- C4 ----------
C4 = Task(
    "C4",
    "最后一个不满的小批量",
    "The last minibatch is not full",
    level="core",
    minutes=12,
    trains=(
        "状态的行数跟着小批量走；大小不一的小批量怎样求平均",
        "a state has as many rows as the minibatch; how to average over minibatches of different sizes",
    ),
    repair=True,
    hints={
        "last batch left out": (
            "最后一个不满的小批量没有算进去。验证时每个词元都要算。",
            "The last minibatch, the one that is not full, is left out. In validation every token counts.",
        ),
        "mean of means": (
            "这是各个小批量平均值的平均：不满的那个，一行顶别人几行。",
            "This is the mean of the minibatches' means: in the one that is not full, a row counts for several of "
            "the others.",
        ),
        "state carried": (
            "状态从上一个小批量带了过来。这里的序列各不相干，每个小批量都从头开始。",
            "The state comes from the minibatch before. These sequences have nothing to do with each other; each "
            "minibatch starts afresh.",
        ),
        "per sequence": (
            "这是每条序列的损失；要的是每个词元的，一条序列里有 T 个。",
            "This is the loss per sequence; the loss per token is asked for, and a sequence has T of them.",
        ),
        "rows filled up": (
            "补上去的行也算进了平均：全 0 的行不是数据。",
            "The rows that were filled in are part of the mean: rows of zeros are not data.",
        ),
    },
)


def _c4_losses(model: nn.Module, batches: list[tuple[Tensor, Tensor]], carry: bool = False) -> list[Tensor]:
    """The loss of each token, minibatch by minibatch."""
    state, losses = None, []
    with torch.no_grad():
        for X, Y in batches:
            given = state[:, : X.shape[0]].contiguous() if carry and state is not None else None
            logits, state = model(X, given)
            losses.append(-logits.log_softmax(-1).gather(-1, Y[..., None])[..., 0])
    return losses


def _c4(probe: Probe, N: int, B: int) -> None:
    T, V, H = 5, 7, 6
    model = probe.define(READER, "Reader", V, H)
    twin = _reader(V, H, "GRU", probe.fill(model, 0.9))
    X, Y = probe.integers(0, V, N, T), probe.integers(0, V, N, T)
    batches = list(zip(X.split(B), Y.split(B)))
    losses = _c4_losses(twin, batches)
    full = [loss for loss, (X_one, _) in zip(losses, batches) if X_one.shape[0] == B]
    padding = torch.zeros(B - batches[-1][0].shape[0], T, dtype=torch.int64)
    padded = [*batches[:-1], (torch.cat([batches[-1][0], padding]), torch.cat([batches[-1][1], padding]))]
    right = torch.cat(losses).mean()
    mistakes = {
        "mean of means": torch.stack([loss.mean() for loss in losses]).mean(),
        "state carried": torch.cat(_c4_losses(twin, batches, carry=True)).mean(),
        "per sequence": T * right,
        "rows filled up": torch.cat(_c4_losses(twin, padded)).mean(),
    }
    if full:
        mistakes["last batch left out"] = torch.cat(full).mean()
    given = [(X_one.clone(), Y_one.clone()) for X_one, Y_one in batches]
    came = _number(probe, probe.call(probe.answer, model, given))
    probe.values(came, right, mistakes)


@C4.part("最后一个小批量不满", "the last minibatch is not full")
def _c4_last(probe: Probe) -> None:
    B = probe.size(4, 6)
    _c4(probe, 3 * B + 2, B)


@C4.part("最后一个小批量只有一行", "one row in the last minibatch")
def _c4_one(probe: Probe) -> None:
    _c4(probe, 9, 4)


@C4.part("都是满的；只有一个小批量", "all of them full; a single minibatch")
def _c4_full(probe: Probe) -> None:
    _c4(probe, 8, 4)
    _c4(probe, 3, 4)


# ---------- C5 ----------
C5 = Task(
    "C5",
    "留住计算图的指标",
    "A metric that keeps the graph alive",
    level="core",
    minutes=10,
    trains=(
        "张量记得自己是怎么算出来的；记账要用数",
        "a tensor remembers how it was computed; keep accounts in numbers",
    ),
    repair=True,
    hints={
        "not two": (
            "应该返回两个数：训练损失和验证损失。",
            "Two numbers should come back: the training loss and the validation loss.",
        ),
        "history": (
            "返回的{which_zh}损失带着历史（requires_grad=True）：留着它，就留住了整个迭代周期的计算图。",
            "The {which_en} loss that comes back has a history (requires_grad=True): keep it, and you "
            "keep the graph of the whole epoch.",
        ),
        "gradients left off": (
            "梯度关掉了，没有再打开：函数返回以后，后面的代码全都不记历史，下一次训练会报错。torch.no_grad() 写成 with "
            "的样子，走出那一段就自己恢复。",
            "Gradients were switched off and not on again: after the return nothing records a history, and the next "
            "training fails. With torch.no_grad() as a with block, they are back on as soon as the block ends.",
        ),
        "training graphs kept": (
            "训练时，{n} 个小批量的计算图同时留在内存里；一个算完，就该放掉一个。",
            "In training, the graphs of {n} minibatches are in memory at once; each should go when its minibatch is "
            "done.",
        ),
        "validation graphs kept": (
            "验证时，{n} 个小批量的计算图同时留在内存里；验证并不需要梯度。",
            "In validation, the graphs of {n} minibatches are in memory at once; and validation needs no gradients.",
        ),
        "sum": (
            "{which_zh}损失是总和；要的是每个小批量的平均。",
            "The {which_en} loss is a sum; the mean over the minibatches is asked for.",
        ),
        "last": (
            "{which_zh}损失里只有最后一个小批量，不是全部的平均。",
            "Only the last minibatch is in the {which_en} loss; the mean of all of them is asked for.",
        ),
        "wrong loss": (
            "{which_zh}损失不对：差了 {gap:.3g}。",
            "The {which_en} loss is not right: it is off by {gap:.3g}.",
        ),
        "training mode": (
            "验证时模型还在训练模式。",
            "The model is still in training mode when it is validated.",
        ),
        "evaluation mode": (
            "训练时模型在评估模式：上一次验证之后，没有人把它换回来。",
            "The model is trained in evaluation mode: nobody switched it back after the last validation.",
        ),
        "weights": (
            "训练之后的权重不对：每个小批量清零、反向、走步，各一次，原来是对的。",
            "The weights after training are not right: clear, backward, step, once for each minibatch; that much was "
            "right at the start.",
        ),
    },
)
WATCHED = """
import weakref


class Graph:
    pass


class Mark(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, living):
        ctx.graph = Graph()
        living.add(ctx.graph)
        return X.view_as(X)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Watched(nn.Module):
    def __init__(self, D):
        super().__init__()
        self.layer = nn.Linear(D, 1)
        self.living, self.most = weakref.WeakSet(), {True: 0, False: 0}

    def forward(self, X):
        out = Mark.apply(self.layer(X)[:, 0], self.living)
        self.most[self.training] = max(self.most[self.training], len(self.living))
        return 1.5 * out if self.training else out

    def report(self):
        return self.most[True], self.most[False]

"""
WHICH = (("训练", "training"), ("验证", "validation"))


def _c5_run(probe: Probe, n: int) -> tuple[Ref, dict[str, Any]]:
    """Run the answer for an epoch; what went in and what came back."""
    D, B, lr = 3, 4, 0.1
    model = probe.define(WATCHED, "Watched", D)
    start = probe.fill(model, 0.5)
    train, valid = ([(probe.normal(B, D), probe.normal(B)) for _ in range(number)] for number in (n, n - 1))
    optimizer = probe.define(SGD, "make", model, lr)
    probe.training(model, False)
    tell = probe.define(TELL, "Tell")
    result, flags, restored = probe.call(tell, probe.answer, model, train, valid, optimizer)
    _pair(probe, result)
    probe.need(restored, "gradients left off")
    return model, {"start": start, "train": train, "valid": valid, "lr": lr, "result": result, "flags": flags}


@C5.part("返回的是没有历史的数", "what comes back are numbers without a history")
def _c5_history(probe: Probe) -> None:
    _, run = _c5_run(probe, 4)
    for value, flag, (zh, en) in zip(run["result"], run["flags"], WHICH):
        _number(probe, value)
        probe.need(not flag, "history", which_zh=zh, which_en=en)


@C5.part("计算图用完就放掉", "no graph outlives its minibatch")
def _c5_memory(probe: Probe) -> None:
    model, _ = _c5_run(probe, 12)
    training, validation = probe.call(model, method="report")
    probe.need(training <= 4, "training graphs kept", n=training)
    probe.need(validation <= 4, "validation graphs kept", n=validation)


@C5.part("数值：平均损失和训练后的权重", "values: the mean losses, and the weights after training")
def _c5_values(probe: Probe) -> None:
    model, run = _c5_run(probe, 5)
    after = probe.parameters(model)

    def follow(factor: float) -> tuple[Tensor, Tensor, Tensor]:
        """The losses of training, and the weights, with the gradient of the squared error written out."""
        w, b = run["start"]["layer.weight"][0].double(), run["start"]["layer.bias"][0].double()
        losses = []
        for X, y in run["train"]:
            error = factor * (X.double() @ w + b) - y.double()
            losses.append(error.square().mean())
            w = w - run["lr"] * 2 * factor * (error @ X.double()) / len(y)
            b = b - run["lr"] * 2 * factor * error.mean()
        return torch.stack(losses), w, b

    def validate(factor: float) -> Tensor:
        errors = [factor * (X.double() @ w + b) - y.double() for X, y in run["valid"]]
        return torch.stack([error.square().mean() for error in errors])

    losses, w, b = follow(1.5)
    came = [_number(probe, value) for value in run["result"]]
    moved = torch.allclose(after["layer.weight"][0].double(), w, atol=1e-4)
    moved = moved and torch.allclose(after["layer.bias"][0].double(), b, atol=1e-4)
    probe.need(not probe.close(came[0], follow(1.0)[0].mean()), "evaluation mode")
    probe.need(not probe.close(came[1], validate(1.5).mean()), "training mode")
    for value, right, (zh, en) in zip(came, (losses, validate(1.0)), WHICH):
        for mistake, other in (("sum", right.sum()), ("last", right[-1]), ("last", right[-1] / len(right))):
            probe.need(not probe.close(value, other), mistake, which_zh=zh, which_en=en)
        probe.need(moved, "weights")
        gap = float((value.double() - right.mean()).abs())
        close = probe.close(value, right.mean(), 1e-4)
        probe.need(close, "wrong loss", which_zh=zh, which_en=en, gap=gap)


# ---------- C6 ----------
C6 = Task(
    "C6",
    "只有一层的 dropout",
    "Dropout with one layer",
    level="warm-up",
    minutes=8,
    trains=(
        "nn.LSTM 的 dropout 只在层与层之间；只有一层时写在哪里",
        "the dropout of nn.LSTM sits between layers only; where it goes when there is one",
    ),
    repair=True,
    hints={
        "warning": (
            "造模型时 torch 警告：{said}",
            "While the model is built, torch warns: {said}",
        ),
        "two layers": (
            "警告没有了，模型却成了两层；题目要的是一层。",
            "The warning is gone, but now there are two layers; one is asked for.",
        ),
        "no dropout": (
            "训练时和评估时一模一样：没有任何东西被丢掉。",
            "Training and evaluation give the same: nothing is dropped.",
        ),
        "dropout in evaluation": (
            "评估模式下，同样的输入算两次，结果不同：评估时不该再丢。",
            "In evaluation mode the same input gives two different results: nothing should be dropped there.",
        ),
        "on the logits": (
            "丢的是 logits：有些输出成了 0。该丢的是送进线性层的隐状态。",
            "The logits are dropped: some outputs are 0. What should be dropped is the hidden state on its way into "
            "the linear layer.",
        ),
        "rate": (
            "丢的比例不对：dropout 是丢掉的概率，不是留下的，也不是写死的数。",
            "The share that is dropped is off: dropout is the probability to drop, not to keep, and not a fixed "
            "number.",
        ),
        "whole rows": (
            "一行要么全留，要么全丢：丢的应该是单元，每一行、每个单元各抽各的。",
            "A row is kept or dropped as a whole: units should be dropped, each of them in each row by its own draw.",
        ),
        "one mask for all rows": (
            "每一行丢的都是同样的单元：掩码只抽了一份。每一行要各抽各的。",
            "The same units are dropped in every row: there is one mask for all. Each row needs a draw of its own.",
        ),
        "dropped twice": (
            "丢了两次：留下来的放大了两回。一处就够。",
            "Dropped twice: what is kept is scaled up two times. One place is enough.",
        ),
        "first step": (
            "用的是第一步的隐状态；题目要最后一步的，那时整个序列都读完了。",
            "This uses the hidden state of the first step; that of the last step is asked for, when the whole sequence has "
            "been read.",
        ),
        "memory cell": (
            "送进线性层的是记忆元 C；题目要的是隐状态 H。nn.LSTM 返回的状态是 (H, C)。",
            "The memory cell C goes into the linear layer; the hidden state H is asked for. The state that nn.LSTM returns "
            "is (H, C).",
        ),
        "last row": (
            "outputs[-1] 取的是最后一个样本的所有步，不是最后一步：有了 batch_first，第 0 维是批量。",
            "outputs[-1] takes all steps of the last row, not the last step: with batch_first axis 0 is the batch.",
        ),
        "not scaled": (
            "留下来的没有放大。训练时要除以 1 - dropout，评估时才不用改。",
            "What is kept is not scaled up. Divide by 1 - dropout in training, so that evaluation needs no change.",
        ),
        "elsewhere": (
            "训练时是随机的，可是丢的地方不对：隐状态全丢掉的那些行，剩下的应该正好是线性层的偏置。",
            "Training is random, but the dropout sits in another place: where the hidden state is dropped, the bias of "
            "the linear layer and nothing else should be left.",
        ),
    },
)
BUILDER = """
import warnings


class Builder:
    def __call__(self, make, *args):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make(*args)
        return [str(one.message) for one in caught if "dropout" in str(one.message)]
"""


def _are(kept: Tensor, signal: Tensor) -> bool:
    """Whether each number is that of the signal, or 0."""
    return bool(((kept.abs() < 1e-4) | ((kept - signal).abs() < 1e-3)).all())


@C6.part("造的时候没有警告", "it is built without a warning")
def _c6_warning(probe: Probe) -> None:
    said = probe.call(probe.define(BUILDER, "Builder"), probe.answer, 3, 8, 2, 0.5)
    probe.need(not said, "warning", said=(said or [""])[0])


@C6.part("一层 LSTM，一个线性层", "one layer of LSTM and a linear layer")
def _c6_parameters(probe: Probe) -> None:
    D, H, K = probe.size(3, 6), probe.size(8, 12), probe.size(2, 4)
    lower, upper = 4 * H * (D + H + 2), 4 * H * (H + H + 2)
    dense = K * (H + 1)
    probe.count(probe.module(D, H, K, 0.3), lower + dense, {"two layers": lower + upper + dense})


@C6.part("评估：形状和数值", "evaluation: shape and values")
def _c6_evaluation(probe: Probe) -> None:
    for B, T in ((5, 6), (1, 4), (6, 1)):
        model = probe.module(3, 8, 2, 0.5)
        weights = probe.fill(model)
        probe.training(model, False)
        X = probe.normal(B, T, 3)
        out = probe.call(model, X)
        if isinstance(out, Tensor) and tuple(out.shape) == (T, 2) and T != B:
            probe.wrong("last row")
        probe.shape(out, B=B, K=2)
        lstm = probe.copied(nn.LSTM(3, 8, batch_first=True), weights)
        dense = probe.copied(nn.Linear(8, 2), weights)
        with torch.no_grad():
            outputs, (last, cell) = lstm(X)
            right = dense(last[0])
            mistakes = {"first step": dense(outputs[:, 0]), "memory cell": dense(cell[0])}
        if not probe.close(out, right) and not probe.close(probe.call(model, X), out):
            probe.wrong("dropout in evaluation")
        probe.values(out, right, mistakes)


@C6.part("训练：单元以概率 dropout 丢掉", "training: units are dropped with probability dropout")
def _c6_training(probe: Probe) -> None:
    B, H = 200, 16
    for given in ((0.25,), ()):  # without it: the default
        p = given[0] if given else 0.5
        model = probe.module(2, H, H, *given)  # a logit for each unit: which ones are dropped?
        weights = probe.fill(model, 1.0)
        weights |= {name: 1.5 * torch.eye(H) for name, value in weights.items() if value.shape == (H, H)}
        weights |= {name: torch.full((H,), 0.7) for name, value in weights.items() if value.shape == (H,)}
        probe.set_parameters(model, weights)
        probe.training(model)
        X = probe.normal(B, 3, 2)
        out = probe.shape(probe.call(model, X), B=B, K=H).detach()
        lstm = probe.copied(nn.LSTM(2, H, batch_first=True), weights)
        with torch.no_grad():
            signal = 1.5 * lstm(X)[1][0][0]
        rest = out - 0.7  # the bias
        if (rest - signal).abs().max() < 1e-4:
            probe.wrong("no dropout")
        clear = signal.abs() > 1e-2  # large enough to tell that it is there
        dropped, kept = clear & (rest.abs() < 1e-4), clear & (rest.abs() >= 1e-4)
        if _are(rest, signal / (1 - p)) or _are(rest, signal):
            one_draw = not (dropped.any() and kept.any())  # a mask for all rows can drop nothing by chance
            probe.need(one_draw or bool((dropped.any(1) & kept.any(1)).any()), "whole rows")
            probe.need(bool((dropped.any(0) & kept.any(0)).any()), "one mask for all rows")
        if _are(rest, signal / (1 - p)):
            probe.need(abs(float(dropped.sum() / clear.sum()) - p) < 0.06, "rate")
            continue
        probe.need(not (out == 0).any(), "on the logits")
        probe.need(not _are(rest, signal), "not scaled")
        probe.need(not _are(rest, signal / (1 - p) ** 2), "dropped twice")
        probe.need(not _are(rest, signal / p) and not _are(rest, 2 * signal), "rate")
        probe.wrong("elsewhere")


# ---------- C7 ----------
C7 = Task(
    "C7",
    "打错的参数名被悄悄吞掉",
    "A mistyped argument, swallowed without a word",
    level="warm-up",
    minutes=6,
    trains=(
        "构造函数的参数写明白，打错字时 Python 会替你说",
        "naming a constructor's arguments, so that Python finds the typing mistakes",
    ),
    repair=True,
    hints={
        "swallowed": (
            "{call} 没有报错：打错的名字被吞掉了，造出来的是另一个模型。",
            "{call} raises nothing: the mistyped name is swallowed, and another model is built.",
        ),
        "one spelling only": (
            "num_layer 拦住了，{call} 还是通过了。打错字的办法数不完，一个一个拦不住。",
            "num_layer is stopped, but {call} still gets through. There is no end to mistyped names; stopping them "
            "one by one won't do.",
        ),
        "another exception": (
            "{call} 抛出的是 {said}；题目要 TypeError，和 Python 自己遇到不认识的参数时一样。",
            "{call} raises {said}; TypeError is asked for, as Python itself raises for an unknown argument.",
        ),
        "no name": (
            "{call} 抛出了 TypeError，可是话里没有提那个打错的名字，读的人找不到。",
            "{call} raises TypeError, but the message does not mention the mistyped name; nobody will find it.",
        ),
        "argument lost": (
            "{call} 造出来的参数有 {came:,} 个，应该是 {expected:,} 个：正确的名字也被丢了，或者默认值变了。",
            "{call} has {came:,} parameters and should have {expected:,}: a name spelled right gets lost, or a "
            "default has changed.",
        ),
    },
)


def _call_text(arguments: dict[str, object]) -> str:
    given = "".join(f", {name}={value}" for name, value in arguments.items())
    return f"Encoder(4, 8{given})"


@C7.part("打错的名字引发 TypeError", "a mistyped name raises TypeError")
def _c7_typos(probe: Probe) -> None:
    def mistyped(name: str) -> str:
        place = probe.size(1, len(name) - 2)
        return name[:place] + name[place + 1 :]

    cases: list[tuple[str, dict[str, object]]] = [("num_layer", {"num_layer": 2})]
    for name, value in (("num_layers", 2), ("bidirectional", True)):
        typo = mistyped(name)
        cases.append((typo, {typo: value}))
    cases.append((mistyped("bidirectional"), {"num_layers": 2}))
    cases[-1][1][cases[-1][0]] = True
    for i, (typo, arguments) in enumerate(cases):
        call = _call_text(arguments)
        try:
            probe.make(probe.answer, 4, 8, **arguments)
        except Crashed as crashed:
            kind = crashed.said.split(":")[0]
            probe.need(kind == "TypeError", "another exception", call=call, said=kind)
            probe.need(typo in crashed.said, "no name", call=call)
        else:
            probe.wrong("one spelling only" if i else "swallowed", call=call)


@C7.part("正确的名字照常管用", "the right names work as before")
def _c7_names(probe: Probe) -> None:
    for L, both in ((None, None), (2, None), (None, True), (3, True), (2, False)):
        arguments: dict[str, object] = {} if L is None else {"num_layers": L}
        arguments |= {} if both is None else {"bidirectional": both}
        ways = 2 if both else 1
        sizes = [4, *[8 * ways] * ((L or 1) - 1)]
        expected = ways * sum(3 * 8 * (size + 8 + 2) for size in sizes)
        model = probe.module(4, 8, **arguments)
        came = sum(parameter.numel() for parameter in probe.parameters(model).values())
        probe.need(
            came == expected, "argument lost", call=_call_text(arguments), came=came, expected=expected
        )


@C7.part("输出 (B, T, H)，双向时 (B, T, 2H)", "outputs (B, T, H), and (B, T, 2H) for two directions")
def _c7_values(probe: Probe) -> None:
    for B, T, both in ((5, 7, False), (1, 4, True), (6, 1, True)):
        model = probe.module(4, 8, num_layers=2, bidirectional=both)
        weights = probe.fill(model)
        X = probe.normal(B, T, 4)
        out = probe.shape(probe.call(model, X), B=B, T=T, **{"2H" if both else "H": 16 if both else 8})
        gru = probe.copied(nn.GRU(4, 8, num_layers=2, batch_first=True, bidirectional=both), weights)
        with torch.no_grad():
            probe.values(out, gru(X)[0])


# ---------- C8 ----------
C8 = Task(
    "C8",
    "标签展平的次序错了",
    "Labels flattened in the wrong order",
    level="core",
    minutes=10,
    trains=(
        "展平之前，两边的维要同一个次序",
        "before two tensors are flattened, their axes must come in the same order",
    ),
    repair=True,
    hints={
        "another order": (
            "logits 是一步一步排的，标签是一行一行排的：第 1 步第 0 行的 logits，对上了别处的标签。",
            "The logits are lined up step by step, the labels row by row: most logits meet the label of another place.",
        ),
        "sum": (
            "这是总和；要的是每个词元的平均。",
            "This is the sum; the mean over the tokens is asked for.",
        ),
        "per sequence": (
            "这是每条序列的损失之和再平均；要的是每个词元的平均。",
            "This is the loss per sequence; the mean over the tokens is asked for.",
        ),
        "softmax twice": (
            "logits 先做了一次 softmax；交叉熵自己会做，做了两次。",
            "The logits went through a softmax first; cross-entropy takes one by itself, so there were two.",
        ),
        "last step": (
            "只算了最后一步；每一步都要算。",
            "This is the loss of the last step alone; every step counts.",
        ),
        "cut off": (
            "数值对，可是梯度传不到 logits：结果和计算图断开了。",
            "The value is right, but no gradient reaches the logits: the result is cut off from the graph.",
        ),
    },
)


def _c8_right(logits: Tensor, Y: Tensor) -> Tensor:
    """The mean by definition: place by place."""
    T, B, _ = logits.shape
    log_p = logits.log_softmax(-1)
    return -torch.stack([log_p[t, b, Y[b, t]] for t in range(T) for b in range(B)]).mean()


@C8.part("数值：每个标签对上自己的 logits", "values: every label meets its own logits")
def _c8_values(probe: Probe) -> None:
    for B, T, V in ((4, 6, 5), (5, 5, 7), (1, 4, 3), (3, 1, 4)):
        logits, Y = 2 * probe.normal(T, B, V), probe.integers(0, V, B, T)
        right = _c8_right(logits, Y)
        mistakes: dict[str, Callable[[], Tensor] | Tensor] = {
            "another order": cross_entropy(logits.reshape(-1, V), Y.reshape(-1)),
            "sum": right * B * T,
            "per sequence": right * T,
            "softmax twice": _c8_right(logits.softmax(-1), Y),
            "last step": _c8_right(logits[-1:], Y[:, -1:]),
        }
        came = probe.call(probe.answer, logits, Y)
        if isinstance(came, Tensor) and came.ndim:
            probe.shape(came)
        probe.values(_number(probe, came), right, mistakes)


@C8.part("梯度传到 logits", "the gradient reaches the logits")
def _c8_gradient(probe: Probe) -> None:
    T, B, V = 5, 4, 6
    logits, Y = probe.normal(T, B, V), probe.integers(0, V, B, T)
    came = probe.grad(probe.answer, logits, Y, weights=torch.tensor(1.0), wrt=(0,))["inputs"][0]
    probe.need(came is not None, "cut off")
    right = (logits.softmax(-1) - one_hot(Y.T, V)) / (B * T)
    probe.values(came, right)
