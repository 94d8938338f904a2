"""Set A: models put together from torch's layers."""

from __future__ import annotations

import contextlib
import math

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

SHARES_WEIGHTS = (
    "权重照抄过去，结果还是不同：最大相差 {gap:.3g}，在下标 {place} 处。状态是怎么从一层交到下一层、最后交给输出层的？",
    "With the same weights the result still differs, by up to {gap:.3g} at index {place}. How does the state go "
    "from one layer to the next, and which one reaches the output layer?",
)

# ---------- A1 ----------
A1 = Task(
    "A1",
    "两层 LSTM，回答是或否",
    "A two-layer LSTM that says yes or no",
    level="core",
    minutes=15,
    trains=(
        "把 nn.LSTM 的输出接到线性层上；三种输出分得清",
        "from nn.LSTM to a linear layer; which output is which",
    ),
    hints={
        "values": SHARES_WEIGHTS,
        "one layer": (
            "只有一层的参数；要两层，一层叠在另一层上。",
            "There are the parameters of one layer; two are asked for, one on top of the other.",
        ),
        "two logits": (
            "输出层有两个单元。是或否，一个 logit 就够。",
            "The output layer has two units. Yes or no needs one logit.",
        ),
        "another H": (
            "隐藏单元的个数不是参数 num_hiddens 说的那个：是不是在某处写死了？",
            "The number of hidden units is not what num_hiddens says: is it written as a constant somewhere?",
        ),
        "time and batch swapped": (
            "第 0 维被当成了时间：X 是 (B, T, D)，batch_first 在哪里？",
            "Axis 0 is taken for time: X is (B, T, D); where is batch_first?",
        ),
        "last sequence": (
            "取的是最后一个样本，不是最后一步：哪一维是时间？",
            "That takes the last sequence, not the last step: which axis is time?",
        ),
        "first step": (
            "用的是第一步的输出，那时网络只读了一个输入。",
            "That is the output of the first step, when the network has read one input only.",
        ),
        "lower layer": (
            "用的是下面那层的最后状态；state 的第 0 维是层，最上面一层在哪里？",
            "That is the last state of the lower layer; axis 0 of the state counts layers: where is the top one?",
        ),
        "cell state": (
            "用的是 C，不是 H：LSTM 的状态是一对，交给下一层的是哪一个？",
            "That uses C, not H: an LSTM's state is a pair; which of the two does it hand on?",
        ),
        "sigmoid": (
            "输出已经过了 sigmoid；这里要的是 logit，损失函数 BCEWithLogitsLoss 自己会做 sigmoid。",
            "The output has been through a sigmoid; logits are asked for: BCEWithLogitsLoss applies it by itself.",
        ),
        "mean over time": (
            "各步取了平均；这里要的是读完整段之后的那一步。",
            "That is the mean over all steps; the step after the whole sequence is asked for.",
        ),
    },
)


@A1.part("形状：X 是 (B, T, D)，输出 (B,)", "shape: X is (B, T, D), the output (B,)")
def _a1_shape(probe: Probe) -> None:
    for B, T, D in ((5, 7, 3), (1, 4, 2), (6, 1, 3)):
        model = probe.module(D, 8)
        out = probe.call(model, probe.normal(B, T, D))
        if isinstance(out, Tensor) and out.shape == (B, 2):
            probe.wrong("two logits")
        if isinstance(out, Tensor) and out.shape == (T,):
            first = [layer.settings.get("batch_first", True) for layer in probe.layers(model)]
            probe.wrong("last sequence" if all(first) else "time and batch swapped")
        probe.shape(out, B=B)


@A1.part("参数的个数，H = 256", "number of parameters, H = 256")
def _a1_parameters(probe: Probe) -> None:
    def numbers(D: int, H: int) -> tuple[int, int]:
        return 4 * H * (D + H + 2), 4 * H * (H + H + 2)

    D, H = probe.size(3, 9), 256
    lower, upper = numbers(D, H)
    mistakes = {"one layer": lower + H + 1, "two logits": lower + upper + 2 * (H + 1)}
    probe.count(probe.module(D), lower + upper + H + 1, mistakes)
    H = probe.size(9, 20)
    probe.count(probe.module(D, H), sum(numbers(D, H)) + H + 1, {"another H": sum(numbers(D, 256)) + 257})


@A1.part("数值：同样的权重，同样的结果", "values: the same weights, the same result")
def _a1_values(probe: Probe) -> None:
    B, T, D, H = 6, 9, 4, 12
    model = probe.module(D, H)
    weights = probe.fill(model)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B)
    probe.need(out.is_floating_point(), "dtype", expected="torch.float32", came=out.dtype)
    probe.need(torch.allclose(out, probe.call(model, X), atol=1e-6), "two results")
    lstm = probe.copied(nn.LSTM(D, H, num_layers=2, batch_first=True), weights)
    dense = probe.copied(nn.Linear(H, 1), weights)
    with torch.no_grad():
        outputs, (state, memory) = lstm(X)
        wrong_axis, _ = probe.copied(nn.LSTM(D, H, num_layers=2), weights)(X)
        sources = {
            "first step": outputs[:, 0],
            "lower layer": state[0],
            "cell state": memory[-1],
            "mean over time": outputs.mean(dim=1),
            "time and batch swapped": wrong_axis[:, -1],
        }
        mistakes = {mistake: dense(source).squeeze(-1) for mistake, source in sources.items()}
        right = dense(state[-1]).squeeze(-1)
    probe.values(out, right, {**mistakes, "sigmoid": right.sigmoid()})


@A1.part("每个参数都有梯度", "every parameter gets a gradient")
def _a1_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 8), probe.normal(4, 5, 3))


# ---------- A2 ----------
DROPPED = 0.3
A2 = Task(
    "A2",
    "层与层之间有暂退法的 GRU",
    "A GRU with dropout between its layers",
    level="core",
    minutes=15,
    trains=(
        "暂退法放在哪里，什么时候起作用",
        "where dropout goes, and when it acts",
    ),
    hints={
        "values": SHARES_WEIGHTS,
        "one layer": (
            "只有一层的参数；num_layers 说的是几层，就要几层。",
            "There are the parameters of one layer; there should be as many layers as num_layers says.",
        ),
        "the state": (
            "(L, B, H) 是读完之后的状态，每层一个；要的是每一步的输出。",
            "(L, B, H) is the state, one for each layer; the outputs of every step are wanted.",
        ),
        "one layer accepted": (
            "num_layers = 1 时没有“层与层之间”，暂退法不声不响地没了；建模型的时候（__init__ 里）就该抛出 ValueError。",
            "With num_layers = 1 there is no place between layers, and the dropout is silently gone; refuse that "
            "with a ValueError while the model is built, in __init__.",
        ),
        "another number of layers": (
            "num_layers = 4 时，参数还是两层的：层数写死了，没有用上 num_layers。",
            "With num_layers = 4 there are still the parameters of two layers: their number is fixed in the code, "
            "num_layers isn't used.",
        ),
        "another exception": (
            "只有一层时抛出的是 AssertionError；要的是 ValueError。",
            "With one layer an AssertionError is raised; a ValueError is asked for.",
        ),
        "time and batch swapped": (
            "第 0 维被当成了时间：X 是 (B, T, D)，batch_first 在哪里？",
            "Axis 0 is taken for time: X is (B, T, D); where is batch_first?",
        ),
        "dropout in evaluation": (
            "评估模式下，同一个输入读两遍，结果不同：暂退法不知道现在是训练还是评估。",
            "In evaluation the same input read twice gives two results: the dropout doesn't know whether this is "
            "training or evaluation.",
        ),
        "no dropout": (
            "训练模式下什么都没有丢弃：层与层之间没有暂退法在起作用。",
            "In training nothing is dropped: no dropout acts between the layers.",
        ),
        "dropout at the top": (
            "训练时输出里有 0：最后一层之后也丢弃了一些。暂退法只放在层与层之间。",
            "In training there are zeros in the output: some of it is dropped after the last layer. Dropout goes "
            "only between the layers.",
        ),
        "dropout at the bottom": (
            "第一层的输入也丢弃了一些。暂退法只放在层与层之间。",
            "Some of the first layer's input is dropped too. Dropout goes only between the layers.",
        ),
        "dropout in time": (
            "丢弃的东西回到了同一层的下一步：暂退法作用在状态上了。它只该作用在交给上一层的那一份上。",
            "What is dropped comes back into the next step of the same layer: the dropout acts on the state. It "
            "should act only on what is handed up to the next layer.",
        ),
        "share kept": (
            "丢弃了约 {share:.2f}，留下约 0.3。0.3 是丢弃的比例，不是留下的比例。",
            "About {share:.2f} is dropped and 0.3 kept. 0.3 is the share to drop, not the share to keep.",
        ),
        "another share": (
            "训练时丢弃的比例约是 {share:.2f}，应该是 0.3。",
            "In training the share that is dropped is about {share:.2f}; it should be 0.3.",
        ),
        "not scaled": (
            "留下的数没有放大：丢弃 0.3 之后，留下的要除以 0.7，评估时的平均大小才对得上。",
            "What is kept isn't scaled up: with 0.3 dropped, the rest is divided by 0.7, so that its mean size "
            "fits evaluation.",
        ),
        "another scale": (
            "留下的数乘了约 {came:.2f}，应该是除以 0.7，约 1.43。",
            "What is kept is multiplied by about {came:.2f}; it should be divided by 0.7, which is 1.43.",
        ),
        "scaled in evaluation": (
            "评估模式下，层与层之间的数乘了 0.7。这里是训练时除以 0.7，评估时什么也不做。",
            "In evaluation the numbers between the layers are multiplied by 0.7. Here they are divided by 0.7 in "
            "training, and evaluation leaves them alone.",
        ),
        "fixed mask": (
            "训练模式下读两遍，丢弃的是同一些：每次前向都要重新抽。",
            "Read twice in training, the same numbers are dropped: they should be drawn anew in every forward pass.",
        ),
        "one mask for both gaps": (
            "三层有两个“之间”，两处丢弃的是同一些单元：各处要各抽各的。",
            "Three layers have two gaps, and both drop the same units: each gap should have its own draw.",
        ),
        "shared mask": (
            "丢弃哪些，沿着 {axis} 这一维全都一样；每一步、每条序列、每个单元应该各抽各的。",
            "What is dropped is the same all along axis {axis}; every step, sequence and unit should have its "
            "own draw.",
        ),
        "a gap without dropout": (
            "三层有两个“之间”，有一个里没有暂退法。",
            "Three layers have two gaps; one of them has no dropout.",
        ),
    },
)


@A2.part("形状：X 是 (B, T, D)，输出 (B, T, H)", "shape: X is (B, T, D), the output (B, T, H)")
def _a2_shape(probe: Probe) -> None:
    for B, T, D, H, L in ((5, 7, 3, 8, 2), (1, 4, 2, 6, 3), (6, 1, 3, 5, 2)):
        model = probe.module(D, H, L)
        for on in (True, False):
            probe.training(model, on)
            out = probe.call(model, probe.normal(B, T, D))
            probe.need(not (isinstance(out, Tensor) and out.shape == (L, B, H) != (B, T, H)), "the state")
            probe.shape(out, B=B, T=T, H=H)


REFUSES = """
def refuses(build, *sizes):
    try:
        build(*sizes)
    except ValueError:
        return True
    return False


def make():
    return refuses
"""


@A2.part("参数的个数；只有一层时拒绝", "number of parameters; a single layer is refused")
def _a2_parameters(probe: Probe) -> None:
    D, H = probe.size(3, 9), probe.size(10, 20)
    lower, upper = 3 * H * (D + H + 2), 3 * H * (H + H + 2)
    probe.count(probe.module(D, H), lower + upper, {"one layer": lower})
    probe.count(
        probe.module(D, H, 4),
        lower + 3 * upper,
        {"one layer": lower, "another number of layers": lower + upper},
    )
    try:
        refused = probe.call(probe.define(REFUSES, "make"), probe.answer, D, H, 1)
    except Crashed as crashed:
        probe.need(not crashed.said.startswith("AssertionError"), "another exception")
        raise
    probe.need(refused, "one layer accepted")


@A2.part("评估模式：没有暂退法，数值相同", "evaluation: no dropout, the same values")
def _a2_evaluation(probe: Probe) -> None:
    B, T, D, H = 6, 9, 4, 12
    for L in (2, 3):
        model = probe.module(D, H, L)
        weights = probe.fill(model)
        probe.training(model, False)
        X = probe.normal(B, T, D)
        out = probe.shape(probe.call(model, X), B=B, T=T, H=H)
        probe.need(torch.allclose(out, probe.call(model, X), atol=1e-6), "dropout in evaluation")
        with torch.no_grad():
            right, _ = probe.copied(nn.GRU(D, H, L, batch_first=True), weights)(X)
            swapped, _ = probe.copied(nn.GRU(D, H, L), weights)(X)
            smaller = nn.GRU(D, H, L, batch_first=True)
            smaller.load_state_dict(probe.copied(nn.GRU(D, H, L, batch_first=True), weights).state_dict())
            for index in range(1, L):  # as if what comes from below were times 0.7
                getattr(smaller, f"weight_ih_l{index}").mul_(1 - DROPPED)
            scaled, _ = smaller(X)
        probe.values(out, right, {"time and batch swapped": swapped, "scaled in evaluation": scaled})


def _written(probe: Probe, model: Ref, layer: nn.Module) -> None:
    """Write the parameters of a layer of the check into a model that has the same ones in the same order."""
    names, values = list(probe.parameters(model)), [value.detach() for value in layer.parameters()]
    probe.set_parameters(model, dict(zip(names, values)))


def _see_through(layer: nn.GRU, index: int) -> None:
    """Make layer ``index`` of a GRU give tanh(x / 2), unit by unit, and forget everything else."""
    H = layer.hidden_size
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if name.endswith(f"_l{index}"):
                parameter.zero_()
        getattr(layer, f"weight_ih_l{index}")[2 * H :] = 0.5 * torch.eye(H)
        getattr(layer, f"bias_ih_l{index}")[H : 2 * H] = -80.0  # the gate that would keep the old state


@A2.part("训练模式：最后一层之后什么也不丢弃", "training: nothing is dropped after the last layer")
def _a2_top(probe: Probe) -> None:
    B, T, D, H, L = 8, 12, 4, 16, 2
    model = probe.module(D, H, L)
    layer = probe.copied(nn.GRU(D, H, L, batch_first=True), probe.fill(model))
    probe.training(model)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B, T=T, H=H)
    zeros = float((out == 0).double().mean())  # one of 1,536 may be 0 by rounding
    probe.need(zeros < 0.003, "dropout at the top")
    with torch.no_grad():  # cut the last layer off from what is below it: then nothing may change any more
        layer.weight_ih_l1.zero_()
        _written(probe, model, layer)
        still = torch.allclose(probe.call(model, X), layer(X)[0], atol=1e-4)
    probe.need(still, "dropout in time")


@A2.part("训练模式：层与层之间丢弃 0.3", "training: 0.3 is dropped between the layers")
def _a2_share(probe: Probe) -> None:
    B, T, D, H = 12, 16, 4, 48
    for L in (2, 3):
        model = probe.module(D, H, L)
        probe.training(model)
        X = probe.normal(B, T, D)
        once, again = probe.call(model, X), probe.call(model, X)
        if torch.allclose(once, again, atol=1e-6):
            probe.training(model, False)
            probe.wrong(
                "no dropout" if torch.allclose(once, probe.call(model, X), atol=1e-6) else "fixed mask"
            )
        layer = probe.copied(nn.GRU(D, H, L, batch_first=True), probe.fill(model))
        for index in range(1, L):
            _see_through(layer, index)
        _written(probe, model, layer)
        lower = nn.GRU(D, H, batch_first=True)
        lower.load_state_dict(
            {name: value for name, value in layer.state_dict().items() if name.endswith("_l0")}
        )
        probe.training(model)
        for X, mistake in (
            (torch.zeros(B, T, D), "dropout in time"),
            (probe.normal(B, T, D), "dropout at the bottom"),
        ):
            with torch.no_grad():
                before = lower(X)[0].double()
            out = probe.shape(probe.call(model, X), B=B, T=T, H=H).double()
            dropped = out.abs() < 1e-20
            for gap in range(1, L):  # back through the layers that can be seen through
                out = 2 * out.clamp(-0.999999, 0.999999).atanh() * (1 if gap == L - 1 else 1 - DROPPED)
            kept = (out / before)[~dropped & (before.abs() > 0.05)]
            even = kept.numel() == 0 or bool((kept - kept.mean()).abs().max() < 2e-2)
            probe.need(even or L == 3, mistake)
            if not dropped.any() and not X.any():
                continue  # no dropout between the layers, but then where? the other X will tell
            share = float(dropped.double().mean())
            twice = L == 3 and abs(share - DROPPED) < 0.03 and even and float(kept.mean()) > 1.2
            probe.need(not twice, "one mask for both gaps")
            _drawn_well(probe, dropped, L)
            if L == 2:
                probe.need(abs(float(kept.mean()) - 1) > 2e-3, "not scaled")
                off = abs(float(kept.mean()) * (1 - DROPPED) - 1) > 0.02
                probe.need(not off, "another scale", came=float(kept.mean()))
            probe.values(kept, torch.full_like(kept, 1 / (1 - DROPPED)), tolerance=2e-2)


def _drawn_well(probe: Probe, dropped: Tensor, L: int) -> None:
    """Whether as much is dropped as should be, at places drawn one by one."""
    share = float(dropped.double().mean())
    probe.drawn_one_by_one(dropped, "BTH")
    if L == 2:
        probe.need(abs(share - (1 - DROPPED)) > 0.03, "share kept", share=share)
        probe.need(abs(share - DROPPED) < 0.03, "another share", share=share)
    else:
        probe.need(abs(share - (1 - (1 - DROPPED) ** 2)) < 0.03, "a gap without dropout")


@A2.part("每个参数都有梯度", "every parameter gets a gradient")
def _a2_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 8, 3), probe.normal(4, 5, 3))


# ---------- A3 ----------
A3 = Task(
    "A3",
    "双向 RNN 与批量规范化",
    "A bidirectional RNN with batch normalization",
    level="core",
    minutes=30,
    trains=(
        "两个方向各取哪一步；批量规范化在训练与评估时各做什么",
        "which step of each direction to take; what batch normalization does in training and in evaluation",
    ),
    hints={
        "values": (
            "权重照抄过去，结果还是不同：最大相差 {gap:.3g}，在下标 {place} 处。先看两个方向各取了哪一步、怎样拼，再看规范化用的是哪里的均值和方差。",
            "With the same weights the result still differs, by up to {gap:.3g} at index {place}. See which step "
            "of each direction is taken and how they are joined, then which mean and variance are used.",
        ),
        "one direction": (
            "只有一个方向的参数；正向读一遍，还要反向读一遍。",
            "There are the parameters of one direction; the text is to be read forward and backward.",
        ),
        "gated layer": (
            "这是 GRU 或 LSTM 的参数个数；这道题要的是普通的 RNN。",
            "That is the number of parameters of a GRU or an LSTM; this exercise wants a plain RNN.",
        ),
        "no normalization": (
            "少的正好是批量规范化的比例和偏移：规范化那一层不在模型里，或者关掉了它们（affine）。",
            "What is missing is exactly the scale and shift of batch normalization: that layer is not in the "
            "model, or they are turned off (affine).",
        ),
        "after the output layer": (
            "规范化的是 K 个 logit；它应该在输出层之前，特征数是另一个数。",
            "It is the K logits that are normalized; it belongs before the output layer, where the number of "
            "features is another one.",
        ),
        "on the inputs": (
            "规范化的是输入的 D 个特征；应该规范化的是拼好的状态，紧挨在输出层之前。",
            "It is the D features of the input that are normalized; what should be is the joined state, right "
            "before the output layer.",
        ),
        "time and batch swapped": (
            "第 0 维被当成了时间：X 是 (B, T, D)，batch_first 在哪里？",
            "Axis 0 is taken for time: X is (B, T, D); where is batch_first?",
        ),
        "last step of both": (
            "两个方向都取了最后一步：反向那一半在那里才读了一个输入。它在哪一步读完全文？",
            "Both directions are taken at the last step, where the backward half has read a single input. At "
            "which step has it read everything?",
        ),
        "first step of both": (
            "两个方向都取了第一步：正向那一半在那里才读了一个输入。",
            "Both directions are taken at the first step, where the forward half has read a single input.",
        ),
        "ends exchanged": (
            "两个方向都取了各自读的第一步：正向取在开头，反向取在末尾，正好反了。",
            "Each direction is taken where it begins: the forward one at the first step, the backward one at the "
            "last. It is the other way around.",
        ),
        "order of joining": (
            "两个方向取得都对，拼接的次序反了：正向在前，反向在后。",
            "Both states are right, joined in the other order: forward first, then backward.",
        ),
        "rows mixed": (
            "状态是 (2, B, H)，直接 reshape 成 (B, 2H) 会把不同序列的数拼到一行里：元素只按内存里的次序重排，方向那一维没有换过去。",
            "The state is (2, B, H); a plain reshape to (B, 2H) puts numbers of different sequences in one row: it "
            "only regroups them as they lie in memory, and the axis of directions is not moved.",
        ),
        "mean over time": (
            "各步取了平均；这里要的是每个方向读完之后的那一步。",
            "That is the mean over all steps; for each direction the step after its whole reading is asked for.",
        ),
        "softmax": (
            "输出已经过了 softmax；这里要的是 logit，CrossEntropyLoss 自己会做。",
            "The output has been through a softmax; logits are asked for: CrossEntropyLoss applies it by itself.",
        ),
        "layer normalization": (
            "每一行是单独规范化的，那是层规范化；批量规范化对每个特征、沿着同一批的各行求均值和方差。",
            "Each row is normalized on its own, which is layer normalization; batch normalization takes mean and "
            "variance of each feature over the rows of the batch.",
        ),
        "batch statistics in evaluation": (
            "评估模式下，结果还取决于同批的是谁：该用的是训练时记下来的均值和方差，而且不再改动它们。",
            "In evaluation the result still depends on who is in the batch: use the mean and variance kept during "
            "training, and leave them as they are.",
        ),
        "no buffers": (
            "均值和方差记下来了，可是没有登记成缓冲区：普通的张量不会随模型存盘，也不会搬到 GPU 上。用 register_buffer。",
            "Mean and variance are kept, but not as buffers: plain tensors are neither saved with the model nor moved "
            "to a GPU. Use register_buffer.",
        ),
        "updated in evaluation": (
            "评估模式下，记下来的均值和方差还在变：只有训练时才更新它们。",
            "The running mean and variance still change in evaluation: they are updated only in training.",
        ),
        "not a running average": (
            "同一批读了几遍，记下来的均值或方差没有走近这一批的，反而离得更远：要的是平均，不是总和。",
            "The same batch was read several times, and the running mean or variance moved away from the batch's own "
            "instead of toward it: it should be an average, not a sum.",
        ),
        "last batch only": (
            "记下来的就是最后一批的均值，前面各批全忘了；要的是滑动平均，每一批只改动一部分。",
            "What is kept is just the mean of the last batch, and all batches before are forgotten; a running average "
            "changes only in part with each batch.",
        ),
        "statistics stand still": (
            "训练模式下读了几批，记下来的均值和方差没有动：没有人在更新它们。",
            "After some batches in training the running mean and variance have not moved: nobody updates them.",
        ),
        "one stands still": (
            "训练模式下读了几批，记下来的{zh}没有动：没有人在更新它；另一个是动的。",
            "After some batches in training the running {en} has not moved: nobody updates it. The other one moves.",
        ),
        "running statistics in training": (
            "训练模式下用了记下来的均值和方差；训练时用的是这一批自己的。",
            "In training the running mean and variance are used; in training it should be those of this batch.",
        ),
        "divided by B - 1": (
            "方差除以 B 还是 B−1？",
            "Is the variance divided by B or by B - 1?",
        ),
        "over all steps": (
            "均值和方差是沿着所有时间步求的；这里规范化的只是拼好的状态 (B, 2H)，先取再规范化。",
            "Mean and variance are taken over all time steps; here only the joined state (B, 2H) is normalized: "
            "take it first, then normalize.",
        ),
        "not normalized": (
            "训练模式下拼好的状态没有规范化就进了输出层：那一层写在 __init__ 里，forward 里没用。",
            "In training the joined state enters the output layer without being normalized: the layer stands in "
            "__init__ and is not used in forward.",
        ),
    },
)


@A3.part("形状：X 是 (B, T, D)，输出 (B, K)", "shape: X is (B, T, D), the output (B, K)")
def _a3_shape(probe: Probe) -> None:
    for B, T, D, H, K, on in ((5, 7, 3, 8, 4, True), (2, 6, 3, 8, 4, False), (6, 1, 3, 5, 2, True)):
        model = probe.module(D, H, K)
        probe.training(model, on)
        out = probe.call(model, probe.normal(B, T, D))
        if isinstance(out, Tensor) and out.shape == (T, K) != (B, K):
            probe.wrong("time and batch swapped")
        probe.shape(out, B=B, K=K)


@A3.part("参数的个数", "number of parameters")
def _a3_parameters(probe: Probe) -> None:
    D, H, K = probe.size(17, 20), probe.size(12, 15), probe.size(3, 7)
    one, norm, dense = H * (D + H + 2), 4 * H, 2 * H * K + K
    mistakes = {
        "one direction": one + norm // 2 + H * K + K,
        "no normalization": 2 * one + dense,
        "after the output layer": 2 * one + dense + 2 * K,
        "on the inputs": 2 * one + dense + 2 * D,
    }
    model = probe.module(D, H, K)
    for gates in (3, 4):
        gated = sum(value.numel() for value in probe.parameters(model).values()) - 2 * gates * one
        probe.need(gated != norm + dense, "gated layer")
    probe.count(model, 2 * one + norm + dense, mistakes)


class _Joined:
    """The parts of a model's answer worked out from its parameters: the joined state, and what may be wrong with it."""

    def __init__(self, probe: Probe, weights: dict[str, Tensor], D: int, H: int, K: int) -> None:
        self.rnn = probe.copied(nn.RNN(D, H, bidirectional=True, batch_first=True), weights)
        self.other = probe.copied(nn.RNN(D, H, bidirectional=True), weights)
        self.norm = probe.copied(nn.BatchNorm1d(2 * H), weights)
        self.dense = probe.copied(nn.Linear(2 * H, K), weights)
        self.H = H

    @torch.no_grad()
    def of(self, X: Tensor) -> Tensor:
        """Forward at the last step, backward at the first: (B, 2H)."""
        outputs, H = self.rnn(X)[0], self.H
        return torch.cat([outputs[:, -1, :H], outputs[:, 0, H:]], 1)

    @torch.no_grad()
    def mistakes(self, X: Tensor) -> dict[str, Tensor]:
        """What else may be joined by mistake."""
        (outputs, state), H = self.rnn(X), self.H
        other = self.other(X)[0]
        return {
            "last step of both": outputs[:, -1],
            "first step of both": outputs[:, 0],
            "ends exchanged": torch.cat([outputs[:, 0, :H], outputs[:, -1, H:]], 1),
            "order of joining": self.of(X).roll(H, 1),
            "rows mixed": state.reshape(len(X), 2 * H),
            "mean over time": outputs.mean(1),
            "time and batch swapped": torch.cat([other[:, -1, :H], other[:, 0, H:]], 1),
        }

    @torch.no_grad()
    def answer(self, joined: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        """Logits of a joined state, normalized by a mean and a variance."""
        joined = (joined - mean) / (var + self.norm.eps).sqrt()
        return self.dense(joined * self.norm.weight + self.norm.bias)


def _statistics(probe: Probe, model: Ref, features: int) -> list[Tensor]:
    """Running mean and variance of a model, or less if it keeps none."""
    found = {name: value for name, value in probe.buffers(model).items() if value.shape == (features,)}
    return [found[name] for name in sorted(found, key=lambda name: "var" in name)][:2]


def _rows(joined: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance of each row, with both ways to divide."""
    mean = joined.mean(1, keepdim=True)
    return [(mean, joined.var(1, unbiased=unbiased, keepdim=True)) for unbiased in (False, True)]


@A3.part("评估模式：用记下来的均值和方差", "evaluation: running mean and variance")
def _a3_evaluation(probe: Probe) -> None:
    B, T, D, H, K = 8, 9, 4, 6, 5
    model = probe.module(D, H, K)
    weights = probe.fill(model)
    probe.training(model)
    begun = _statistics(probe, model, 2 * H)
    for _ in range(3):
        probe.call(model, probe.normal(B, T, D) + 0.5)
    kept = _statistics(probe, model, 2 * H)
    probe.training(model, False)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B, K=K)
    reference = _Joined(probe, weights, D, H, K)
    joined = reference.of(X)
    if len(kept) < 2:
        for row in _rows(joined):
            probe.need(
                not torch.allclose(out, reference.answer(joined, *row), atol=1e-4), "layer normalization"
            )
        fewer = probe.shape(probe.call(model, X[:2]), B=2, K=K)
        alone = torch.allclose(fewer, out[:2], atol=1e-4)
        probe.wrong("no buffers" if alone else "batch statistics in evaluation")
    now = _statistics(probe, model, 2 * H)
    still = all(torch.equal(a, b) for a, b in zip(kept, now))
    mistakes = {name: reference.answer(source, *kept) for name, source in reference.mistakes(X).items()}
    right = reference.answer(joined, *kept)
    mistakes["softmax"] = right.softmax(1)
    mistakes["batch statistics in evaluation"] = reference.answer(
        joined, joined.mean(0), joined.var(0, unbiased=False)
    )
    if not still:
        mistakes["updated in evaluation"] = reference.answer(joined, *now)
    with torch.no_grad():
        mistakes["not normalized"] = reference.dense(joined)
    probe.values(out, right, mistakes)
    probe.need(still, "updated in evaluation")
    alone = probe.shape(probe.call(model, X[:1]), B=1, K=K)
    probe.need(torch.allclose(alone, out[:1], atol=1e-4), "batch statistics in evaluation")
    moved = [not torch.equal(a, b) for a, b in zip(begun, kept)]
    if any(moved) and not all(moved):
        zh, en = ("均值", "mean") if moved[1] else ("方差", "variance")
        probe.wrong("one stands still", zh=zh, en=en)
    if not any(moved):
        probe.training(model)
        same = torch.allclose(probe.call(model, X), right, atol=1e-4)
        probe.wrong("running statistics in training" if same else "statistics stand still")


@A3.part("训练模式：用这一批自己的均值和方差", "training: mean and variance of this batch")
def _a3_training(probe: Probe) -> None:
    B, T, D, H, K = 8, 9, 4, 6, 5
    model = probe.module(D, H, K)
    reference = _Joined(probe, probe.fill(model), D, H, K)
    probe.training(model)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B, K=K)
    kept = _statistics(probe, model, 2 * H)
    joined, steps = reference.of(X), reference.rnn(X)[0].detach()
    right = reference.answer(joined, joined.mean(0), joined.var(0, unbiased=False))
    mistakes = {
        "running statistics in training": reference.answer(joined, *kept),
        "divided by B - 1": reference.answer(joined, joined.mean(0), joined.var(0)),
        "over all steps": reference.answer(joined, steps.mean((0, 1)), steps.var((0, 1), unbiased=False)),
        "layer normalization": reference.answer(joined, *_rows(joined)[0]),
        "layer normalization / B - 1": reference.answer(joined, *_rows(joined)[1]),
    }
    probe.values(out, right, mistakes, tolerance=1e-4)
    _running(probe, model, [(joined, X), (joined, X), (joined, X)])
    X = probe.normal(B, T, D) + 1
    probe.call(model, X)
    last = _statistics(probe, model, 2 * H)[0]
    probe.need(not torch.allclose(last, reference.of(X).mean(0), atol=1e-5), "last batch only")


def _running(probe: Probe, model: Ref, batches: list[tuple[Tensor, Tensor]]) -> None:
    """Fed the same batch again and again, running statistics come no farther from the batch's own."""

    def distances(joined: Tensor) -> list[float]:
        mean, var = _statistics(probe, model, joined.shape[1])
        either = [(var - joined.var(0, unbiased=unbiased)).abs().sum() for unbiased in (True, False)]
        return [float((mean - joined.mean(0)).abs().sum()), float(min(either))]

    before = distances(batches[0][0])
    room = float((batches[0][0].var(0) - batches[0][0].var(0, unbiased=False)).abs().sum()) + 1e-4
    for joined, X in batches:
        probe.call(model, X)
        now = distances(joined)
        farther = any(b > a + slack for a, b, slack in zip(before, now, (1e-4, room)))
        probe.need(not farther, "not a running average")
        before = now


@A3.part("每个参数都有梯度", "every parameter gets a gradient")
def _a3_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 8, 4), probe.normal(6, 5, 3))


# ---------- A4 ----------
A4 = Task(
    "A4",
    "填充过的序列，读对那一步",
    "The right step of padded sequences",
    level="core",
    minutes=20,
    trains=(
        "长短不一的序列：每一行各取自己的最后一步",
        "sequences of different lengths: each row's own last step",
    ),
    hints={
        "values": (
            "形状对，数值不对：最大相差 {gap:.3g}，在下标 {place} 处。第 b 行要的是它自己读完第 lengths[b] 个输入时的状态。",
            "The shape is right, but values differ by up to {gap:.3g}, at index {place}. Row b wants its own "
            "state after its first lengths[b] inputs.",
        ),
        "all against all": (
            "得到的是 (B, B, H)：每一行都取了所有行的那一步。第 b 行只要第 b 个长度，时间的下标要和行的下标配成对。",
            "The result is (B, B, H): every row was read at everybody's step. Row b wants only length number b, so "
            "the index of the step must be paired with an index of the row.",
        ),
        "time and batch swapped": (
            "行和时间两维弄反了：X 是 (B, T, D)；看看 batch_first，再看看哪个下标在前。",
            "The axes of rows and of time are exchanged: X is (B, T, D); look at batch_first, and at which index "
            "comes first.",
        ),
        "last column": (
            "取的是张量的最后一步，短的序列在那里早就读进了填充。",
            "That is the last step of the tensor, where the short sequences have long been reading padding.",
        ),
        "one step too far": (
            "多读了一步：长度是 n，最后一步的下标是多少？",
            "One step too far: if the length is n, what is the index of the last step?",
        ),
        "one step early": (
            "少读了 {steps} 步：长度是 n，最后一步的下标是多少？",
            "Too early by {steps}: if the length is n, what is the index of the last step?",
        ),
        "one length for all": (
            "所有行都取了同一步；每一行要用自己的长度。",
            "All rows were read at the same step; each row has its own length.",
        ),
        "zeros": (
            "短的序列得到了一行 0：填充处变成 0 之后，又去取了最后一步。",
            "Short sequences got a row of zeros: after the padding was set to zero, the last step was taken.",
        ),
        "order not undone": (
            "按长度排序之后，又用同一个次序排了一遍：排回原样要用它的逆。",
            "The rows were sorted by length, then put in that order a second time: to get the old order back you need "
            "its inverse.",
        ),
        "order of the rows": (
            "数都对，行的次序不对：按长度排过序之后，没有排回来。",
            "All numbers are right, but the rows stand in another order: they were sorted by length and not put "
            "back.",
        ),
        "mean over time": (
            "取了平均；这里要的是最后一步的状态。",
            "That is a mean over the steps; the state at the last one is asked for.",
        ),
        "padding": (
            "只改了末尾之后的填充，结果就变了：别从 X 里的数猜长度，lengths 已经说了。",
            "Only the padding past the end was changed, and the result changed too: don't guess the lengths "
            "from the numbers in X; `lengths` gives them.",
        ),
    },
)


def _lengths(probe: Probe, B: int, longest: int) -> Tensor:
    """Different lengths from 1 to ``longest``, both among them, never sorted up or down."""
    between = (2 + probe.normal(longest - 2).argsort())[: B - 2]
    return torch.cat([between[:1], torch.tensor([longest, 1]), between[1:]])


def _padded(X: Tensor, lengths: Tensor, padding: Tensor | float) -> Tensor:
    """X with something else behind the ends."""
    inside = torch.arange(X.shape[1]) < lengths[:, None]
    return torch.where(inside[..., None], X, torch.as_tensor(padding, dtype=X.dtype))


@torch.no_grad()
def _one_by_one(gru: nn.GRU, X: Tensor, lengths: Tensor) -> Tensor:
    """The last state of each row read on its own, without padding."""
    return torch.cat([gru(row[None, :n])[1][0] for row, n in zip(X, lengths.tolist())])


@A4.part(
    "形状：X 是 (B, T, D)，lengths 是 (B,)，输出 (B, H)",
    "shape: X is (B, T, D), lengths (B,), the output (B, H)",
)
def _a4_shape(probe: Probe) -> None:
    for B, T, D, H in ((5, 9, 3, 8), (1, 4, 2, 7)):
        model = probe.module(D, H)
        lengths = probe.integers(1, B + 1, B)
        out = probe.call(model, probe.normal(B, T, D), lengths)
        if isinstance(out, Tensor) and out.shape == (B, B, H) and B > 1:
            probe.wrong("all against all")
        probe.shape(out, B=B, H=H)


@A4.part("参数的个数", "number of parameters")
def _a4_parameters(probe: Probe) -> None:
    D, H = probe.size(3, 9), probe.size(10, 20)
    probe.count(probe.module(D, H), 3 * H * (D + H + 2))


@A4.part("数值：每一行都像单独读的一样", "values: each row as if it were read alone")
def _a4_values(probe: Probe) -> None:
    B, T, D, H = 7, 10, 4, 12
    model = probe.module(D, H)
    weights = probe.fill(model)
    while True:
        lengths = _lengths(probe, B, B)
        order = lengths.argsort(descending=True, stable=True)
        if not torch.equal(order[order], torch.arange(B)):  # else sorting twice would be right by accident
            break
    X = _padded(probe.normal(B, T, D), lengths, 0.0)
    out = probe.shape(probe.call(model, X, lengths), B=B, H=H)
    gru = probe.copied(nn.GRU(D, H, batch_first=True), weights)
    right, rows = _one_by_one(gru, X, lengths), torch.arange(B)
    with torch.no_grad():
        outputs, swapped = gru(X)[0], probe.copied(nn.GRU(D, H), weights)(X)[0]
    inside = (torch.arange(T) < lengths[:, None]).float()[..., None]
    mistakes = {
        "last column": outputs[:, -1],
        "one step too far": outputs[rows, lengths],
        "time and batch swapped": swapped[rows, lengths - 1],
        "time and batch swapped / packed": swapped[lengths - 1, rows],
        "order of the rows": right[order],
        "order not undone": right[order][order],
        "mean over time": (outputs * inside).sum(1) / lengths[:, None],
    }
    other_index = outputs[lengths - 1, rows]
    if torch.allclose(out, other_index, atol=1e-5):
        probe.wrong("time and batch swapped")
    for n in (int(lengths[0]), int(lengths[-1]), int(lengths.max()), int(lengths.min())):
        if torch.allclose(out, outputs[:, n - 1], atol=1e-5):
            probe.wrong("one length for all")
    if torch.allclose(out, outputs.mean(1), atol=1e-5):
        probe.wrong("mean over time")
    for steps in (1, 2):
        last = lengths - 1 - steps
        early = outputs[rows, last]
        for one in (
            early,
            torch.where((last >= 0)[:, None], early, 0.0),
            outputs[rows, last.clamp(min=0)],
        ):
            probe.need(not torch.allclose(out, one, atol=1e-5), "one step early", steps=steps)
    if not torch.allclose(out, right, atol=1e-4) and bool((out == 0).all(1).any()):
        probe.wrong("zeros")
    probe.values(out, right, mistakes)


@A4.part("末尾之后是什么都一样", "whatever is behind the end makes no difference")
def _a4_padding(probe: Probe) -> None:
    B, T, D, H = 7, 10, 4, 12
    model = probe.module(D, H)
    gru = probe.copied(nn.GRU(D, H, batch_first=True), probe.fill(model))
    lengths = _lengths(probe, B, T)
    X = probe.normal(B, T, D)
    X[0, 1] = 0.0  # a zero inside is no padding
    right = _one_by_one(gru, X, lengths)
    for padding in (0.0, 3.0, 100 * probe.normal(B, T, D)):
        out = probe.shape(probe.call(model, _padded(X, lengths, padding), lengths), B=B, H=H)
        probe.need(torch.allclose(out, right, atol=1e-4), "padding")


@A4.part("任何长度：全满的，全是 1 的，T = 1", "any lengths: all full, all of length 1, T = 1")
def _a4_lengths(probe: Probe) -> None:
    D, H = 3, 8
    for B, T, n in ((4, 6, 6), (4, 6, 1), (3, 1, 1), (1, 5, 5), (1, 5, 2)):
        model = probe.module(D, H)
        gru = probe.copied(nn.GRU(D, H, batch_first=True), probe.fill(model))
        X, lengths = probe.normal(B, T, D), torch.full((B,), n)
        out = probe.shape(probe.call(model, X, lengths), B=B, H=H)
        probe.values(out, _one_by_one(gru, X, lengths))


@A4.part("每个参数都有梯度", "every parameter gets a gradient")
def _a4_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 9), probe.normal(6, 8, 3), _lengths(probe, 6, 8))


# ---------- A5 ----------
A5 = Task(
    "A5",
    "语言模型，状态接着用",
    "A language model that carries its state",
    level="core",
    minutes=20,
    trains=(
        "本书的约定 logits, state = model(X, state=None)",
        "this book's convention logits, state = model(X, state=None)",
    ),
    hints={
        "values": (
            "权重照抄过去，结果还是不同：最大相差 {gap:.3g}，在下标 {place} 处。词嵌入、GRU、输出层是怎样接起来的？从什么状态开始？",
            "With the same weights the result still differs, by up to {gap:.3g} at index {place}. How are embedding, "
            "GRU and output layer joined, and from which state does it begin?",
        ),
        "exchanged": (
            "两样的次序反了：先 logits，后 state。",
            "The two are in the wrong order: the logits first, then the state.",
        ),
        "no state": (
            "要的是一对（logits, state），来的只有 {kind}。",
            "A pair (logits, state) is wanted; what came is only a {kind}.",
        ),
        "state is nothing": (
            "还回来的状态是 None：还的是收到的那个，还是读完之后的新状态？",
            "The state that comes back is None: is it the one that was given, or the new one after reading?",
        ),
        "state is no tensor": (
            "状态应该是张量，或由张量组成的元组；实际得到 {kind}。",
            "The state should be a tensor, or a tuple of tensors; what came is a {kind}.",
        ),
        "flattened": (
            "logit 的形状是 (B·T, V)；这里要 (B, T, V)，压平是损失函数那一边的事。",
            "The logits have the shape (B·T, V); (B, T, V) is wanted here: flatten them when you compute the loss.",
        ),
        "last step only": (
            "只有一步的 logit；语言模型在每一步都预测下一个词元。",
            "There are logits of one step only; a language model predicts the next token at every step.",
        ),
        "no embedding": (
            "这是把独热向量直接送进 GRU 的参数个数；这里要先经过词嵌入，向量长 embed_size。",
            "That is the number of parameters with one-hot vectors going straight into the GRU; here they pass "
            "through an embedding first, with vectors of length embed_size.",
        ),
        "another layer": (
            "这是普通 RNN 或 LSTM 的参数个数；这里要 GRU。",
            "That is the number of parameters of a plain RNN or of an LSTM; a GRU is wanted here.",
        ),
        "time and batch swapped": (
            "GRU 把行当成了时间：X 是 (B, T)，batch_first 在哪里？",
            "The GRU takes the rows for time: X is (B, T); where is batch_first?",
        ),
        "reshaped": (
            "时间在前的结果要换轴才成 (B, T, V)；reshape 不换轴，只把数按原来的次序重新分组。",
            "A result with time first needs its axes exchanged to become (B, T, V); reshape doesn't do that, it "
            "only regroups the numbers in the order they have.",
        ),
        "softmax": (
            "输出已经过了 softmax；这里要的是 logit，损失函数自己会做。",
            "The output has been through a softmax; logits are asked for: the loss applies it by itself.",
        ),
        "state ignored": (
            "第二段像从头读起一样：收到的 state 没有用上。",
            "The second piece is read as if it were the first: the state that was given is not used.",
        ),
        "old state": (
            "第三段接不上：还回实际得到收到的旧状态，不是读完之后的新状态。",
            "The third piece doesn't follow on: what comes back is the old state that was given, not the new one "
            "after reading.",
        ),
        "pieces differ": (
            "分几段读和一口气读的结果不同：状态在交接时变了样。最大相差 {gap:.3g}，在第 {piece} 段。",
            "Reading in pieces differs from reading at once: the state changes on its way. They differ by up to "
            "{gap:.3g}, in piece {piece}.",
        ),
        "None goes on": (
            "不给状态再读一遍，结果变了：模型自己悄悄留着上一次的状态。state = None 就是从头开始。",
            "Read again without a state, the result changes: the model secretly keeps the last state. "
            "state = None means a new beginning.",
        ),
    },
)


def _read(probe: Probe, model: Ref, X: Tensor, *state: object) -> tuple[object, object]:
    """Logits and state that a model returns, as they are; the hint if it isn't a pair."""
    result = probe.call(model, X, *state)
    if result is None:
        probe.wrong("nothing")
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        kind = result.kind if isinstance(result, Opaque) else type(result).__name__
        probe.wrong("no state", kind=kind)
    return result[0], result[1]


def _check_state(probe: Probe, state: object) -> None:
    if state is None:
        probe.wrong("state is nothing")
    for one in state if isinstance(state, (tuple, list)) else [state]:
        if not isinstance(one, Tensor):
            probe.wrong(
                "state is no tensor", kind=one.kind if isinstance(one, Opaque) else type(one).__name__
            )


@A5.part(
    "形状：X 是 (B, T)，logit (B, T, V)，还有状态", "shape: X is (B, T), the logits (B, T, V), and a state"
)
def _a5_shape(probe: Probe) -> None:
    for B, T, V, D, H in ((5, 7, 11, 3, 8), (1, 4, 9, 2, 6), (6, 1, 10, 4, 7)):
        model = probe.module(V, D, H)
        logits, state = _read(probe, model, probe.integers(0, V, B, T))
        ends = [one.shape if isinstance(one, Tensor) else None for one in (logits, state)]
        probe.need(ends[1] != (B, T, V) or ends[0] == (B, T, V), "exchanged")
        if isinstance(logits, Tensor) and T > 1:
            probe.need(logits.shape != (B * T, V), "flattened")
            probe.need(logits.shape != (B, V), "last step only")
        probe.shape(logits, B=B, T=T, V=V)
        _check_state(probe, state)


@A5.part("参数的个数", "number of parameters")
def _a5_parameters(probe: Probe) -> None:
    V, D, H = probe.size(21, 29), probe.size(5, 9), probe.size(10, 20)
    dense = (H + 1) * V
    model = probe.module(V, D, H)
    came = sum(value.numel() for value in probe.parameters(model).values())
    for gates in (1, 4):
        probe.need(came != V * D + gates * H * (D + H + 2) + dense, "another layer")
    probe.count(model, V * D + 3 * H * (D + H + 2) + dense, {"no embedding": 3 * H * (V + H + 2) + dense})


@A5.part("数值：同样的权重，同样的 logit", "values: the same weights, the same logits")
def _a5_values(probe: Probe) -> None:
    B, T, V, D, H = 4, 9, 13, 5, 12
    model = probe.module(V, D, H)
    weights = probe.fill(model)
    X = probe.integers(0, V, B, T)
    logits = probe.shape(_read(probe, model, X)[0], B=B, T=T, V=V)
    embedding = probe.copied(nn.Embedding(V, D), weights)
    gru = probe.copied(nn.GRU(D, H), weights)
    dense = probe.copied(nn.Linear(H, V), weights)
    with torch.no_grad():
        steps = dense(gru(embedding(X.T))[0])  # (T, B, V)
        right = steps.transpose(0, 1)
        swapped = dense(gru(embedding(X))[0])
    mistakes = {
        "time and batch swapped": swapped,
        "reshaped": steps.reshape(B, T, V),
        "softmax": right.softmax(-1),
    }
    if torch.allclose(logits, right.log_softmax(-1), atol=1e-4):
        probe.wrong("softmax")
    if not probe.close(logits, right):
        probe.need(torch.allclose(logits, _read(probe, model, X)[0], atol=1e-6), "two results")
    probe.values(logits, right, mistakes)


@A5.part("state = None：从头开始", "state = None: a new beginning")
def _a5_begin(probe: Probe) -> None:
    V, D, H = 13, 5, 12
    model = probe.module(V, D, H)
    probe.fill(model)
    X = probe.integers(0, V, 4, 6)
    first, state = _read(probe, model, X)
    again, _ = _read(probe, model, X)
    probe.shape(again, B=4, T=6, V=V)
    probe.need(torch.allclose(first, again, atol=1e-6), "None goes on")
    with contextlib.suppress(Crashed):  # a state that can't be handed back: the next part is about that
        _read(probe, model, X, state)
    given, _ = _read(probe, model, X, None)
    probe.need(torch.allclose(first, given, atol=1e-6), "None goes on")
    probe.shape(_read(probe, model, X[:2])[0], B=2, T=6, V=V)


@A5.part("分几段读，状态接着用，和一口气读一样", "in pieces with the state carried: the same as at once")
def _a5_pieces(probe: Probe) -> None:
    B, V, D, H = 4, 13, 5, 12
    model = probe.module(V, D, H)
    probe.fill(model)
    sizes = (probe.size(2, 5), 1, probe.size(2, 5), probe.size(2, 4))
    X = probe.integers(0, V, B, sum(sizes))
    whole = probe.shape(_read(probe, model, X)[0], B=B, T=sum(sizes), V=V).split(sizes, 1)
    alone = [_read(probe, model, piece)[0] for piece in X.split(sizes, 1)]
    state, states = None, []
    for i, piece in enumerate(X.split(sizes, 1)):
        logits, new = _read(probe, model, piece, *([] if state is None else [state]))
        _check_state(probe, new)
        logits = probe.shape(logits, B=B, T=sizes[i], V=V)
        gap = float((logits - whole[i]).abs().max())
        if gap > 1e-4 or math.isnan(gap):
            probe.need(not torch.allclose(logits, alone[i], atol=1e-5), "state ignored")
            if i > 1:
                stale, _ = _read(probe, model, piece, states[i - 2])
                probe.need(not torch.allclose(logits, stale, atol=1e-5), "old state")
            probe.wrong("pieces differ", gap=gap, piece=i + 1)
        state = new
        states.append(new)
    again, _ = _read(probe, model, X.split(sizes, 1)[2], states[1])  # a state may be used more than once
    gap = float((again - whole[2]).abs().max())
    probe.need(gap < 1e-4, "pieces differ", gap=gap, piece=3)


@A5.part("每个参数都有梯度", "every parameter gets a gradient")
def _a5_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(7, 4, 8), probe.integers(0, 7, 3, 5), pick=(0,))
