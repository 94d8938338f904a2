"""Set A: models put together from torch's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task

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
            "第 0 维被当成了时间：X 是（B, T, D），batch_first 在哪里？",
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
