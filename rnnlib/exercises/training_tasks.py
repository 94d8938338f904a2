"""Set B: training. One update, dropout, initial weights, the learning rate, early stopping, two baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

# ---------- B1 ----------
LIMIT = 5.0
B1 = Task(
    "B1",
    "走一步，梯度先裁剪",
    "One update, with the gradient clipped",
    level="core",
    minutes=12,
    trains=(
        "清零、反向、裁剪、走一步的次序；范数是全体参数一起算的",
        "the order of zeroing, backward, clipping and step; the norm is that of all parameters together",
    ),
    device="cpu",  # large gradients are compared, which a GPU may round more coarsely
    hints={
        "values": (
            "参数走到了别处：最大相差 {gap:.3g}。把四件事的次序写在纸上：清零、反向、裁剪、走一步。",
            "The parameters end up elsewhere: they differ by up to {gap:.3g}. Write the order of the four on paper: "
            "zero, backward, clip, step.",
        ),
        "loss is a tensor": (
            "返回的损失是张量，它拖着整张计算图；要的是一个 Python 的数。",
            "The loss that comes back is a tensor, and drags its whole graph along; a Python number is asked for.",
        ),
        "loss is no number": (
            "应该返回损失这个数，实际得到 {kind}。",
            "The loss should come back as a number; what came is a {kind}.",
        ),
        "loss after the step": (
            "返回的是走完这一步之后再算的损失；要的是这一步用来求梯度的那个。",
            "That is the loss computed again after the step; the one whose gradient was taken is asked for.",
        ),
        "loss summed": (
            "损失是各条序列的和；要的是平均，否则梯度随 B 变大。",
            "The loss is the sum over the sequences; the mean is asked for, or the gradient grows with B.",
        ),
        "another loss": (
            "返回的损失是 {came:.4f}，应该是 {expected:.4f}：logits 直接交给交叉熵，按批取平均。",
            "The loss that comes back is {came:.4f}, it should be {expected:.4f}: hand the logits to the cross-entropy "
            "as they are, and take the mean over the batch.",
        ),
        "nothing moved": (
            "参数一点没动：走一步的时候，梯度是 0 或者没有，或者根本没有走。",
            "The parameters did not move: at the step the gradients were zero or missing, or there was no step.",
        ),
        "not clipped": (
            "走的是没有裁剪的一步。裁剪的时候这一批的梯度已经算出来了吗？",
            "That step was taken without clipping. Is this batch's gradient there at the moment when you clip?",
        ),
        "clipped after the step": (
            "梯度是裁剪过的，可是走一步用的是裁剪之前的：裁剪来晚了。",
            "The gradients are clipped, but the step used them as they were before: the clipping comes too late.",
        ),
        "one by one": (
            "每个参数张量各裁各的，方向变了；应该用全体梯度的范数，大家乘同一个数。",
            "Each parameter is clipped on its own, which changes the direction; take the norm of all gradients, and "
            "multiply all of them by one number.",
        ),
        "by value": (
            "裁剪的是每一个数；这里要裁剪的是范数，方向不变。",
            "Single numbers are clipped; here it's the norm that is to be clipped, and the direction stays.",
        ),
        "another limit": (
            "方向对，长度不对：走一步的时候梯度的范数是 {norm:.3g}，上限应该是 5。",
            "Right direction, wrong length: the gradient's norm at the step is {norm:.3g}; the limit should be 5.",
        ),
        "optimizer bypassed": (
            "optimizer.step() 一次也没有调用，参数是你自己改的；更新由 optimizer 来做。",
            "optimizer.step() was never called, the parameters were changed by hand; the update is the "
            "optimizer's job.",
        ),
        "evaluation mode": (
            "前向传播时模型在评估模式，暂退法不起作用；训练的一步里不要 model.eval()。",
            "The model is in evaluation mode in the forward pass, so dropout wouldn't act; a training step has "
            "no model.eval().",
        ),
        "small ones stretched": (
            "梯度的范数本来小于 5，被拉长到了 5；短的不许动。",
            "The gradient's norm was below 5 and has been stretched to 5; short ones stay as they are.",
        ),
        "gradients pile up": (
            "这一批的梯度加在了以前留下的梯度上：反向之前没有清零。",
            "This batch's gradient was added to what was left from before: nothing was zeroed before backward.",
        ),
        "not the optimizer's step": (
            "参数是按学习率乘梯度走的；optimizer 有动量，要让它自己走。",
            "The parameters moved by rate times gradient; the optimizer has momentum, so let it take the step.",
        ),
    },
)
B1_MODEL = """
class Model(nn.Module):
    def __init__(self, D, H, K, scale):
        super().__init__()
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
        self.rnn = nn.GRU(D, H, batch_first=True)
        self.output = nn.Linear(H, K)
        self.scale = scale
        self.modes = []

    def forward(self, X):
        self.modes.append(self.training)
        return self.scale * self.output(self.rnn(X)[0][:, -1])

def soil(model):
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.ones_like(parameter)

def left(model):
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

def sgd(model, rate, momentum):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    optimizer.calls = 0
    optimizer.register_step_post_hook(lambda one, *_: setattr(one, "calls", one.calls + 1))
    return optimizer

def calls(optimizer):
    return optimizer.calls

def trained(model):
    return all(model.modes)
"""
B1_SIZES = 3, 8, 5  # D, H, K
LARGE, SMALL = 400.0, 1.0


def _b1_model(probe: Probe, scale: float) -> tuple[Ref, dict[str, Tensor]]:
    model = probe.define(B1_MODEL, "Model", *B1_SIZES, scale)
    return model, probe.fill(model)


def _b1_batch(probe: Probe, B: int, T: int) -> tuple[Tensor, Tensor]:
    D, _, K = B1_SIZES
    return probe.normal(B, T, D), probe.integers(0, K, B)


def _b1_right(
    probe: Probe, weights: Mapping[str, Tensor], X: Tensor, Y: Tensor, scale: float
) -> tuple[float, list[Tensor]]:
    """Loss and gradients as they should be, before clipping."""
    D, H, K = B1_SIZES
    rnn = probe.copied(nn.GRU(D, H, batch_first=True), weights)
    output = probe.copied(nn.Linear(H, K), weights)
    logits = scale * output(rnn(X)[1][0])
    loss = (logits.logsumexp(1) - logits[torch.arange(len(Y)), Y]).mean()
    loss.backward()
    return loss.item(), [p.grad for p in (*rnn.parameters(), *output.parameters())]


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([one.flatten() for one in tensors]).double()


def _clipped(vector: Tensor) -> Tensor:
    return vector * min(1.0, LIMIT / float(vector.norm()))


def _b1_moved(probe: Probe, model: Ref, before: Mapping[str, Tensor]) -> Tensor:
    """How far the parameters have moved downhill, as one vector; the frozen one left out."""
    after = probe.parameters(model)
    return _flat([before[name] - after[name] for name in after if name != "frozen"])


@B1.part("返回的损失是一个数", "the loss that comes back is a number")
def _b1_loss(probe: Probe) -> None:
    for B, T, scale in ((6, 5, SMALL), (1, 4, SMALL), (4, 1, LARGE)):
        model, weights = _b1_model(probe, scale)
        X, Y = _b1_batch(probe, B, T)
        came = probe.call(probe.answer, model, X, Y, probe.define(B1_MODEL, "sgd", model, 0.3, 0.0))
        probe.need(came is not None, "nothing")
        probe.need(not isinstance(came, Tensor), "loss is a tensor")
        probe.need(probe.value(probe.define(B1_MODEL, "trained", model)), "evaluation mode")
        is_number = isinstance(came, (int, float)) and not isinstance(came, bool)
        kind = came.kind if isinstance(came, Opaque) else type(came).__name__
        probe.need(is_number, "loss is no number", kind=kind)
        right, _ = _b1_right(probe, weights, X, Y, scale)
        if math.isclose(came, right, rel_tol=1e-4, abs_tol=1e-5):
            continue
        probe.need(not math.isclose(came, B * right, rel_tol=1e-4), "loss summed")
        later, _ = _b1_right(probe, probe.parameters(model), X, Y, scale)
        probe.need(not math.isclose(came, later, rel_tol=1e-4, abs_tol=1e-5), "loss after the step")
        probe.wrong("another loss", came=came, expected=right)


@B1.part("梯度长：裁剪到 5.0 再走", "a long gradient is clipped to 5.0 before the step")
def _b1_large(probe: Probe) -> None:
    for B, T, rate in ((6, 5, 0.5), (3, 8, 0.1)):
        model, weights = _b1_model(probe, LARGE)
        X, Y = _b1_batch(probe, B, T)
        optimizer = probe.define(B1_MODEL, "sgd", model, rate, 0.0)
        probe.call(probe.answer, model, X, Y, optimizer)
        moved = _b1_moved(probe, model, weights) / rate
        _, gradients = _b1_right(probe, weights, X, Y, LARGE)
        full = _flat(gradients)
        if full.norm() < 2 * LIMIT:
            continue  # by chance the model is right about every sequence
        right = _clipped(full)
        if probe.close(moved, right, 1e-4):
            continue
        if probe.close(moved, full, 1e-4):
            left = probe.value(probe.define(B1_MODEL, "left", model))
            late = bool(left) and LIMIT - 0.1 < _flat(left).norm() < LIMIT + 0.1
            probe.wrong("clipped after the step" if late else "not clipped")
        if moved.any():
            probe.need(probe.value(probe.define(B1_MODEL, "calls", optimizer)) > 0, "optimizer bypassed")
        likeness = float(moved @ full / (moved.norm() * full.norm()).clamp(min=1e-12))
        if likeness > 1 - 1e-6:
            probe.wrong("another limit", norm=float(moved.norm()))
        mistakes = {
            "nothing moved": torch.zeros_like(full),
            "one by one": _flat([_clipped(one.double()) for one in gradients]),
            "by value": full.clamp(-LIMIT, LIMIT),
        }
        probe.values(moved, right, mistakes, tolerance=1e-4)


@B1.part("梯度短：原样", "a short gradient stays as it is")
def _b1_small(probe: Probe) -> None:
    model, weights = _b1_model(probe, SMALL)
    X, Y = _b1_batch(probe, 5, 6)
    probe.call(probe.answer, model, X, Y, probe.define(B1_MODEL, "sgd", model, 0.2, 0.0))
    full = _flat(_b1_right(probe, weights, X, Y, SMALL)[1])
    probe.values(
        _b1_moved(probe, model, weights) / 0.2,
        full,
        {"small ones stretched": full * LIMIT / full.norm(), "nothing moved": torch.zeros_like(full)},
        tolerance=1e-4,
    )


@B1.part("以前留下的梯度不算", "gradients left from before do not count")
def _b1_zeroed(probe: Probe) -> None:
    for scale in (SMALL, LARGE):
        model, weights = _b1_model(probe, scale)
        X, Y = _b1_batch(probe, 5, 6)
        probe.define(B1_MODEL, "soil", model)
        probe.call(probe.answer, model, X, Y, probe.define(B1_MODEL, "sgd", model, 0.2, 0.0))
        full = _flat(_b1_right(probe, weights, X, Y, scale)[1])
        mistakes = {"gradients pile up": _clipped(full + 1)}
        probe.values(_b1_moved(probe, model, weights) / 0.2, _clipped(full), mistakes, tolerance=1e-4)


@B1.part("连着两步，优化器带动量", "two steps in a row, the optimizer with momentum")
def _b1_momentum(probe: Probe) -> None:
    rate, momentum = 0.05, 0.8
    model, weights = _b1_model(probe, SMALL * 3)
    optimizer = probe.define(B1_MODEL, "sgd", model, rate, momentum)
    speed = plain = torch.zeros(())
    for _ in range(2):
        before = probe.parameters(model)
        X, Y = _b1_batch(probe, 5, 6)
        probe.call(probe.answer, model, X, Y, optimizer)
        gradient = _clipped(_flat(_b1_right(probe, before, X, Y, SMALL * 3)[1]))
        speed, plain = momentum * speed + gradient, gradient
        moved = _b1_moved(probe, model, before) / rate
        probe.values(moved, speed, {"not the optimizer's step": plain}, tolerance=1e-4)


# ---------- B2 ----------
B2 = Task(
    "B2",
    "暂退法，在 LSTM 与线性层之间",
    "Dropout between an LSTM and its linear layer",
    level="core",
    minutes=15,
    trains=(
        "单层网络的暂退法自己放；训练时作用，评估时不作用",
        "place the dropout of a one-layer network yourself; it acts in training, not in evaluation",
    ),
    hints={
        "values": (
            "权重照抄过去，结果还是不同：最大相差 {gap:.3g}，在下标 {place} 处。取的是哪一步、哪个状态？",
            "With the same weights the result still differs, by up to {gap:.3g} at index {place}. Which step is "
            "taken, and which state?",
        ),
        "two layers": (
            "这是两层的参数个数。暂退法要的是 LSTM 之后，不是层与层之间；一层就够。",
            "That is the number of parameters of two layers. The dropout belongs behind the LSTM, not between its "
            "layers; one layer will do.",
        ),
        "time and batch swapped": (
            "第 0 维被当成了时间：X 是 (B, T, D)，batch_first 在哪里？",
            "Axis 0 is taken for time: X is (B, T, D); where is batch_first?",
        ),
        "first step": (
            "用的是第一步的输出，那时网络只读了一个输入。",
            "That is the output of the first step, when the network has read one input only.",
        ),
        "cell state": (
            "用的是 C，不是 H：LSTM 的状态是一对，交给线性层的是哪一个？",
            "That uses C, not H: an LSTM's state is a pair; which of the two goes to the linear layer?",
        ),
        "softmax": (
            "输出已经过了 softmax；这里要的是 logits。",
            "The output has been through a softmax; logits are asked for.",
        ),
        "dropout in evaluation": (
            "评估模式下，同一个输入读两遍，结果不同：暂退法不知道现在是训练还是评估。",
            "In evaluation the same input read twice gives two results: the dropout doesn't know whether this is "
            "training or evaluation.",
        ),
        "dropout inside the LSTM": (
            "dropout 交给了一层的 nn.LSTM：它只作用在层与层之间，一层没有“之间”（torch 给过警告）。",
            "The dropout was given to an nn.LSTM of one layer: there it acts between layers, and one layer has no "
            "between (torch did warn).",
        ),
        "no dropout": (
            "训练模式下什么也没有丢弃：LSTM 的输出原样进了线性层。",
            "In training nothing is dropped: the LSTM's output enters the linear layer as it is.",
        ),
        "on the logits": (
            "训练模式下有的 logit 正好是 0：丢弃的是答案；应该丢弃的是线性层的输入。",
            "In training some logits are exactly 0: it's the answers that are dropped; what should be is the input "
            "of the linear layer.",
        ),
        "too early": (
            "训练模式下结果会变，可是线性层收到的 H 个数里没有一个是 0：暂退法放得太早，在 LSTM 之前。",
            "In training the result changes, yet none of the H numbers that reach the linear layer is 0: the dropout "
            "comes too early, before the LSTM.",
        ),
        "share kept": (
            "丢弃了约 {share:.2f}，留下约 {p}。{p} 是丢弃的比例，不是留下的比例。",
            "About {share:.2f} is dropped and {p} kept. {p} is the share to drop, not the share to keep.",
        ),
        "another share": (
            "训练时丢弃的比例约是 {share:.2f}，应该是 {p}。",
            "In training the share that is dropped is about {share:.2f}; it should be {p}.",
        ),
        "not scaled": (
            "留下的数没有放大：丢弃 p 之后，留下的要除以 1 - p，评估时的平均大小才对得上。",
            "What is kept isn't scaled up: with p dropped, the rest is divided by 1 - p, so that its mean size fits "
            "evaluation.",
        ),
        "shared mask": (
            "丢弃哪些，沿着 {axis} 这一维全都一样；每条序列、每个单元应该各抽各的。",
            "What is dropped is the same all along axis {axis}; every sequence and unit should have its own draw.",
        ),
    },
)


@B2.part("形状：X 是 (B, T, D)，输出 (B, K)", "shape: X is (B, T, D), the output (B, K)")
def _b2_shape(probe: Probe) -> None:
    for B, T, D, H, K in ((5, 7, 3, 8, 4), (1, 4, 2, 6, 3), (6, 1, 3, 5, 2)):
        model = probe.module(D, H, K, 0.2)
        for on in (True, False):
            probe.training(model, on)
            probe.shape(probe.call(model, probe.normal(B, T, D)), B=B, K=K)


@B2.part("参数的个数：一层 LSTM", "number of parameters: an LSTM of one layer")
def _b2_parameters(probe: Probe) -> None:
    D, H, K = probe.size(3, 9), probe.size(10, 20), probe.size(4, 8)
    one = 4 * H * (D + H + 2) + K * (H + 1)
    probe.count(probe.module(D, H, K), one, {"two layers": one + 4 * H * (H + H + 2)})


@B2.part("评估模式：没有暂退法，数值相同", "evaluation: no dropout, the same values")
def _b2_evaluation(probe: Probe) -> None:
    B, T, D, H, K = 6, 9, 4, 12, 5
    model = probe.module(D, H, K, 0.5)
    weights = probe.fill(model)
    probe.training(model, False)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B, K=K)
    probe.need(torch.allclose(out, probe.call(model, X), atol=1e-6), "dropout in evaluation")
    dense = probe.copied(nn.Linear(H, K), weights)
    with torch.no_grad():
        outputs, (state, memory) = probe.copied(nn.LSTM(D, H, batch_first=True), weights)(X)
        swapped, _ = probe.copied(nn.LSTM(D, H), weights)(X)
        right = dense(state[0])
        mistakes = {
            "first step": dense(outputs[:, 0]),
            "cell state": dense(memory[0]),
            "time and batch swapped": dense(swapped[:, -1]),
            "softmax": right.softmax(1),
        }
    probe.values(out, right, mistakes)


def _b2_watched(probe: Probe, p: float | None) -> tuple[Tensor, Tensor]:
    """What reaches the linear layer in training, and the LSTM's last output: the linear layer is made to copy."""
    B, T, D, H = 24, 5, 4, 64
    model = probe.module(D, H, H) if p is None else probe.module(D, H, H, p)
    weights = probe.fill(model)
    matrix = next(n for n, w in reversed(weights.items()) if w.shape == (H, H))
    bias = next(n for n, w in reversed(weights.items()) if w.shape == (H,))
    weights |= {matrix: torch.eye(H), bias: torch.zeros(H)}
    probe.set_parameters(model, weights)
    probe.training(model)
    X = probe.normal(B, T, D)
    out = probe.shape(probe.call(model, X), B=B, K=H)
    with torch.no_grad():
        state = probe.copied(nn.LSTM(D, H, batch_first=True), weights)(X)[1][0][0]
    return out, state


@B2.part("训练模式：丢弃的是线性层的输入", "training: what is dropped is the linear layer's input")
def _b2_place(probe: Probe) -> None:
    B, T, D, H, K = 20, 6, 4, 32, 6
    model = probe.module(D, H, K, 0.5)
    probe.fill(model)
    probe.training(model)
    X = probe.normal(B, T, D)
    out = probe.call(model, X)
    if torch.allclose(out, probe.call(model, X), atol=1e-6):
        lstm = any(layer.kind == "LSTM" and layer.settings["dropout"] for layer in probe.layers(model))
        probe.wrong("dropout inside the LSTM" if lstm else "no dropout")
    probe.need(bool((out != 0).all()), "on the logits")
    out, _ = _b2_watched(probe, 0.5)
    probe.need(bool((out == 0).any()), "too early")


@B2.part("训练模式：丢弃 p，留下的放大", "training: p is dropped, the rest scaled up")
def _b2_share(probe: Probe) -> None:
    for given in (0.2, 0.7, None, 0.0):
        p = 0.5 if given is None else given
        out, state = _b2_watched(probe, given)
        dropped = out == 0
        share = float(dropped.double().mean())
        probe.drawn_one_by_one(dropped, "BH")
        room = 6 * math.sqrt(p * (1 - p) / dropped.numel())
        probe.need(p in (0.0, 0.5) or abs(share - (1 - p)) > room, "share kept", share=share, p=p)
        probe.need(abs(share - p) <= room, "another share", share=share, p=p)
        kept, right = out[~dropped], state[~dropped]
        probe.values(kept, right / (1 - p), {"not scaled": right}, tolerance=1e-4)


@B2.part("每个参数都有梯度", "every parameter gets a gradient")
def _b2_gradients(probe: Probe) -> None:
    probe.gradients(probe.module(3, 8, 4, 0.3), probe.normal(4, 5, 3))


# ---------- B3 ----------
B3 = Task(
    "B3",
    "循环层从哪里开始",
    "Where a recurrent layer starts",
    level="stretch",
    minutes=25,
    trains=(
        "一个权重里叠着几个门；正交、Xavier，遗忘门的两份偏置",
        "one weight holds several gates; orthogonal, Xavier, and the two biases of the forget gate",
    ),
    hints={
        "left alone": (
            "{name} 还是原来的数：每一层、每个方向各有自己的一份。",
            "{name} is as it was: every layer and every direction has its own.",
        ),
        "all gates as one": (
            "{name} 是几个门叠在一起的；整个当成一个矩阵来初始化，每一块就不是该有的样子。",
            "{name} is several gates stacked; initialized as one matrix, its blocks don't come out as they should.",
        ),
        "exchanged": (
            "正交的是输入权重 weight_ih；应该正交的是循环权重 weight_hh。",
            "It is the input weights, weight_ih, that are orthogonal; the recurrent weights weight_hh should be.",
        ),
        "gain": (
            "{name} 的各块差一个倍数：W Wᵀ 是单位矩阵的 {came:.3g} 倍，应该是 1 倍。",
            "The blocks of {name} are off by a factor: W Wᵀ is {came:.3g} times the identity and should be once.",
        ),
        "not orthogonal": (
            "{name} 的第 {block} 块不正交：W Wᵀ 与单位矩阵最多差 {gap:.2g}。",
            "Block {block} of {name} is not orthogonal: W Wᵀ is off the identity by up to {gap:.2g}.",
        ),
        "same for every gate": (
            "{name} 的各块是同一个矩阵；每个门该各抽一个。",
            "The blocks of {name} are one and the same matrix; each gate should have a draw of its own.",
        ),
        "always the same": (
            "两次初始化得到的 {name} 一模一样；它应该是随机抽的（正交不等于单位矩阵）。",
            "Two calls gave the very same {name}; it should be drawn at random (orthogonal doesn't mean identity).",
        ),
        "not uniform": (
            "{name} 的标准差对，最大的数却超出了范围：这是正态分布，要的是均匀分布。",
            "{name} has the right standard deviation, but its largest numbers are out of range: that is normal, and "
            "uniform is asked for.",
        ),
        "another range": (
            "{name} 第 {block} 块的数在 {low:.3f} 与 {high:.3f} 之间，应该在 ±{bound:.3f} 之间均匀分布。",
            "Block {block} of {name} lies between {low:.3f} and {high:.3f}; it should be uniform between ±{bound:.3f}.",
        ),
        "two biases": (
            "遗忘门的两份偏置加起来是 2：bias_ih 和 bias_hh 是相加的。",
            "The two biases of the forget gate add up to 2: bias_ih and bias_hh are summed.",
        ),
        "no forget bias": (
            "遗忘门的偏置之和是 0，应该是 1。",
            "The sum of the forget gate's biases is 0; it should be 1.",
        ),
        "another gate": (
            "等于 1 的是第 {block} 块（从 0 数起）的偏置，那不是遗忘门。torch 里四块的次序是什么？",
            "The bias that equals 1 is that of block {block} (counted from 0), which is not the forget gate. In what "
            "order does torch keep the four blocks?",
        ),
        "no forget gate here": (
            "这一层没有遗忘门（{kind}），偏置应该全是 0。",
            "This layer has no forget gate ({kind}); all its biases should be 0.",
        ),
        "not zero": (
            "{name} 第 {block} 块应该是 0，最大的是 {came:.3g}。",
            "Block {block} of {name} should be 0; its largest number is {came:.3g}.",
        ),
    },
)
B3_GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
B3_MAKE = """
def make(kind, *sizes, **settings):
    return getattr(nn, kind)(*sizes, **settings)
"""


def _b3_layer(
    probe: Probe, kind: str, D: int, H: int, L: int = 2, bidirectional: bool = True, bias: bool = True
) -> tuple[Ref, dict[str, Tensor], dict[str, Tensor]]:
    """A layer that the answer has initialized, its parameters before and after."""
    layer = probe.define(B3_MAKE, "make", kind, D, H, L, bidirectional=bidirectional, bias=bias)
    before = {name: 0.3 * probe.normal(*p.shape) for name, p in probe.parameters(layer).items()}
    probe.set_parameters(layer, before)
    probe.call(probe.answer, layer)
    return layer, before, probe.parameters(layer)


def _b3_changed(probe: Probe, before: Mapping[str, Tensor], after: Mapping[str, Tensor], kind: str) -> None:
    for name in before:
        if name.startswith(kind):
            probe.need(not torch.equal(before[name], after[name]), "left alone", name=name)


def _off_identity(W: Tensor) -> float:
    """How far a matrix is from orthogonal rows, or columns if they are shorter."""
    W = W.double() if W.shape[0] <= W.shape[1] else W.double().T
    return float((W @ W.T - torch.eye(len(W)).double()).abs().max())


@B3.part("循环权重：每个门的那一块正交", "recurrent weights: each gate's block is orthogonal")
def _b3_recurrent(probe: Probe) -> None:
    D, H = 7, 12
    for kind, G in B3_GATES.items():
        _, before, after = _b3_layer(probe, kind, D, H)
        if _off_identity(after["weight_ih_l0"][:H]) < 1e-4 < _off_identity(after["weight_hh_l0"][:H]):
            probe.wrong("exchanged")
        _b3_changed(probe, before, after, "weight_hh")
        for name in (name for name in after if name.startswith("weight_hh")):
            blocks = after[name].split(H)
            gaps = [_off_identity(block) for block in blocks]
            if max(gaps) > 1e-4:
                if G > 1 and _off_identity(after[name]) < 1e-4:
                    probe.wrong("all gates as one", name=name)
                square = float((blocks[0] @ blocks[0].T)[0, 0])
                if square > 1e-3 and _off_identity(blocks[0] / math.sqrt(square)) < 1e-4:
                    probe.wrong("gain", name=name, came=square)
                worst = max(range(G), key=lambda block: gaps[block])
                probe.wrong("not orthogonal", name=name, block=worst, gap=gaps[worst])
            if any(torch.equal(blocks[i], blocks[j]) for i in range(G) for j in range(i)):
                probe.wrong("same for every gate", name=name)
        again = _b3_layer(probe, kind, D, H)[2]
        for name in ("weight_hh_l0", "weight_ih_l0"):
            probe.need(not torch.equal(after[name], again[name]), "always the same", name=name)


@B3.part("输入权重：每块都是 Xavier 均匀分布", "input weights: each block Xavier uniform")
def _b3_input(probe: Probe) -> None:
    D, H = 30, 40
    for kind, G in B3_GATES.items():
        _, before, after = _b3_layer(probe, kind, D, H)
        _b3_changed(probe, before, after, "weight_ih")
        for name in (name for name in after if name.startswith("weight_ih")):
            W = after[name]
            bound, whole = (math.sqrt(6 / (rows + W.shape[1])) for rows in (H, G * H))
            largest, spread = float(W.abs().max()), float(W.std())
            uniform = abs(spread / largest - 1 / math.sqrt(3)) < 0.05
            if G > 1 and uniform and 0.97 * whole < largest <= whole + 1e-6:
                probe.wrong("all gates as one", name=name)
            if largest > 1.2 * bound and abs(spread * math.sqrt(3) / bound - 1) < 0.08:
                probe.wrong("not uniform", name=name)
            for number, block in enumerate(W.split(H)):
                low, high = float(block.min()), float(block.max())
                even = abs(float(block.std()) * math.sqrt(3) / bound - 1) < 0.1
                if not (
                    even and -bound - 1e-6 <= low < -0.97 * bound and 0.97 * bound < high <= bound + 1e-6
                ):
                    probe.wrong("another range", name=name, block=number, low=low, high=high, bound=bound)


@B3.part("偏置：0，只有遗忘门之和是 1", "biases: 0, and a sum of 1 for the forget gate only")
def _b3_biases(probe: Probe) -> None:
    H = 6
    for kind, G in B3_GATES.items():
        _, before, after = _b3_layer(probe, kind, 4, H)
        pairs = [(name, name.replace("_ih", "_hh")) for name in after if name.startswith("bias_ih")]
        for first, second in pairs:
            one, two = after[first].view(G, H), after[second].view(G, H)
            total = one + two
            ones = [block for block in range(G) if probe.close(total[block], torch.ones(H))]
            if kind == "LSTM" and not ones:
                probe.need(not probe.close(total[1], torch.full((H,), 2.0)), "two biases")
                probe.need(not probe.close(total, torch.zeros(G, H)), "no forget bias")
            probe.need(kind == "LSTM" or len(ones) != 1 or G == 1, "no forget gate here", kind=kind)
            probe.need(
                kind != "LSTM" or len(ones) != 1 or ones == [1], "another gate", block=(ones or [0])[0]
            )
            for name in (first, second):
                probe.need(not torch.equal(before[name], after[name]), "left alone", name=name)
            for name, bias in ((first, one), (second, two)):
                for block in range(G):
                    came = float((bias[block] if (kind, block) != ("LSTM", 1) else total[1] - 1).abs().max())
                    probe.need(came < 1e-6, "not zero", name=name, block=block, came=came)


@B3.part(
    "没有偏置的层、单层单向的层；之后还能训练", "layers without biases, with one layer; they still learn"
)
def _b3_plain(probe: Probe) -> None:
    for kind in B3_GATES:
        layer, _, after = _b3_layer(probe, kind, 5, 9, 1, False, bias=False)
        for block in after["weight_hh_l0"].split(9):
            gap = _off_identity(block)
            probe.need(gap < 1e-4, "not orthogonal", name="weight_hh_l0", block=0, gap=gap)
        probe.gradients(layer, probe.normal(4, 3, 5), pick=(0,))


# ---------- B4 ----------
B4 = Task(
    "B4",
    "挑学习率，公平地挑",
    "Choosing a learning rate, fairly",
    level="stretch",
    minutes=20,
    trains=(
        "同样的起点、几个种子、验证损失的中位数；跑飞的也算数",
        "equal starts, several seeds, the median validation loss; runs that blow up count, too",
    ),
    hints={
        "not one of the rates": (
            "应该返回 rates 里的一个数，实际得到 {came}。",
            "One of the numbers in rates should come back; what came is {came}.",
        ),
        "runs missing": (
            "训练了 {came} 次，应该是 {expected} 次：每个学习率配每个种子，各一次。",
            "There were {came} trainings; there should be {expected}: each rate with each seed, once.",
        ),
        "trained on": (
            "有一个模型训练了不止一次：换了学习率，却从上次停下的地方接着走。",
            "A model was trained more than once: the rate changed, and it went on from where it had stopped.",
        ),
        "validated untrained": (
            "valid 看到的是还没训练的模型。",
            "valid was shown a model that had not been trained.",
        ),
        "unequal starts": (
            "同一个种子，不同的学习率，起点却不同：比出来的也许是运气。种子要在哪一步之前设？",
            "With the same seed, different rates start from different weights: what is compared may be luck. Before "
            "which call does the seed have to be set?",
        ),
        "unequal draws": (
            "起点的权重相同，训练中抽的数（洗牌、暂退法）却不同：每次训练之前，随机数也要回到同一处。",
            "The initial weights are equal, but what training draws (shuffling, dropout) is not: bring the random "
            "numbers back to the same place before each training.",
        ),
        "other seeds": (
            "起点都一样，用的却不是 seeds 里的种子。",
            "The starts are equal, but don't come from the seeds in seeds.",
        ),
        "by training loss": (
            "挑的是训练损失最低的；该看的是 valid。",
            "That is the rate with the lowest training loss; valid is what should decide.",
        ),
        "by mean": (
            "这是平均最低的：一次坏运气就能拖垮平均。要的是中位数。",
            "That is the lowest mean, which one unlucky run can spoil. The median is asked for.",
        ),
        "by best run": (
            "这是单次最低的：一次好运气就赢了。要的是中位数。",
            "That is the rate of the single best run: one lucky draw wins. The median is asked for.",
        ),
        "largest": (
            "挑的是中位数最高的；损失越低越好。",
            "That is the highest median; of a loss the lowest is best.",
        ),
        "diverged runs dropped": (
            "跑飞的那几次被扔掉了：{came:g} 的多数运行都跑飞了，剩下的看起来却最好。跑飞算最坏，不算没跑。",
            "The runs that blew up were dropped: most runs of {came:g} did, and what is left looks best. A run that "
            "blows up is the worst possible one, not one that didn't happen.",
        ),
        "one diverged run": (
            "只有一次跑飞，整个学习率就不要了。跑飞的那次算最坏，再取中位数。",
            "A single run blew up, and the whole rate was thrown out. Count that run as the worst, then take the "
            "median.",
        ),
        "diverged chosen": (
            "挑中了多数运行都跑飞的 {came:g}：nan 与什么比大小都是假，排序和 min 都会上当。",
            "You chose {came:g}, where most runs blew up: nan compares false with everything, which fools sorting and "
            "min.",
        ),
    },
)
B4_LAB = """
class Model:
    def __init__(self):
        self.start, self.rates = float(torch.rand(1)), []

class Lab:
    def __init__(self, rows):
        self.results = {(rate, seed): (a, b) for rate, seed, a, b in rows}
        self.seeds = {}
        for seed in [row[1] for row in rows]:
            self.seeds[float(torch.rand(1, generator=torch.Generator().manual_seed(seed)))] = seed
        self.log = []

    def look(self, model):
        seed = self.seeds.get(model.start, next(iter(self.seeds.values())))
        return self.results.get((model.rates[-1] if model.rates else None, seed), (9.0, 9.0))

    def make(self):
        return Model()

    def train(self, model, rate):
        model.rates.append(rate)
        self.log.append(("train", float(rate), model.start, float(torch.rand(1)), len(model.rates)))
        return self.look(model)[0]

    def valid(self, model):
        self.log.append(("valid", 0.0, model.start, 0.0, len(model.rates)))
        return self.look(model)[1]

def part(lab, name):
    return getattr(lab, name)
"""
NAN, INF = math.nan, math.inf


class _Sweep:
    """One call of the answer: what it chose, and what was done for it.

    Args:
        table: role of a rate -> (training losses, validation losses), one for each seed.
    """

    def __init__(self, probe: Probe, table: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
        order = torch.randperm(len(table), generator=probe.generator).tolist()
        roles = [list(table)[place] for place in order]
        rates = [probe.size(10, 30) * 10.0 ** (-4 + place) for place in range(len(roles))]
        count = len(next(iter(table.values()))[1])
        self.seeds = (torch.randperm(10_000, generator=probe.generator)[:count] + 1).tolist()
        self.rate, rows = {}, []
        for role, rate in zip(roles, rates):
            places = torch.randperm(count, generator=probe.generator).tolist()
            trained, validated = ([losses[place] for place in places] for losses in table[role])
            self.rate[role] = rate
            rows += [(rate, *row) for row in zip(self.seeds, trained, validated)]
        self.runs = len(rows)
        lab = probe.define(B4_LAB, "Lab", rows)
        parts = [probe.define(B4_LAB, "part", lab, name) for name in ("make", "train", "valid")]
        came = probe.call(probe.answer, *parts, rates, self.seeds)
        self.log: list[Any] = probe.value(probe.define(B4_LAB, "part", lab, "log"))
        if isinstance(came, Tensor) and came.numel() == 1:
            came = came.item()
        is_number = isinstance(came, (int, float)) and not isinstance(came, bool)
        close = [
            role for role, rate in self.rate.items() if is_number and math.isclose(came, rate, rel_tol=1e-5)
        ]
        probe.need(came is not None, "nothing")
        probe.need(bool(close), "not one of the rates", came=came.kind if isinstance(came, Opaque) else came)
        self.role = close[0]

    def fair(self, probe: Probe) -> None:
        """Every run once, from equal starts."""
        trained = [one for one in self.log if one[0] == "train"]
        probe.need(all(one[4] == 1 for one in trained), "trained on")
        probe.need(all(one[4] > 0 for one in self.log), "validated untrained")
        probe.need(len(trained) == self.runs, "runs missing", came=len(trained), expected=self.runs)
        starts = {rate: {one[2]: one[3] for one in trained if one[1] == rate} for rate in self.rate.values()}
        first = next(iter(starts.values()))
        probe.need(all(one.keys() == first.keys() for one in starts.values()), "unequal starts")
        right = {float(torch.rand(1, generator=torch.Generator().manual_seed(seed))) for seed in self.seeds}
        probe.need(first.keys() == right, "other seeds")
        probe.need(all(one == first for one in starts.values()), "unequal draws")


B4_CALM = {
    "right": ((0.5, 0.6, 0.7), (0.5, 0.6, 4.0)),
    "by mean": ((0.5, 0.5, 0.6), (0.70, 0.72, 0.75)),
    "by best run": ((0.6, 0.7, 0.8), (0.1, 0.9, 2.0)),
    "by training loss": ((0.1, 0.1, 0.2), (1.0, 1.1, 1.2)),
    "largest": ((2.0, 2.1, 2.2), (1.5, 1.6, 1.7)),
}
B4_FIVE = {role: ([*a, a[0], a[2]], [*b, b[0], b[2]]) for role, (a, b) in B4_CALM.items()}
# right is best with one run blown up; most runs of the two others have blown up
B4_WILD = {
    "right": ((0.5, 0.6, NAN), (0.40, 0.50, NAN)),
    "one diverged run": ((0.6, 0.7, 0.8), (0.60, 0.62, 0.64)),
    "diverged runs dropped": ((0.3, NAN, NAN), (0.20, NAN, INF)),
    "diverged chosen": ((NAN, NAN, NAN), (NAN, NAN, NAN)),
}
B4_WILDER = {  # dropping what blew up would make right lose by the other run's median
    "right": ((0.5, 0.6, 0.7), (0.50, 0.52, 0.54)),
    "diverged runs dropped": ((0.3, 0.3, NAN), (0.30, 0.60, NAN)),
    "diverged chosen": ((NAN, NAN, INF), (INF, NAN, INF)),
}


@B4.part("每个学习率配每个种子，起点相同", "each rate with each seed, from equal starts")
def _b4_fair(probe: Probe) -> None:
    for table in (B4_CALM, B4_FIVE):
        _Sweep(probe, table).fair(probe)


def _b4_chosen(probe: Probe, table: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    sweep = _Sweep(probe, table)
    came = sweep.rate[sweep.role]
    if sweep.role != "right":
        probe.wrong(sweep.role, came=came)


@B4.part("挑的是验证损失中位数最低的", "the lowest median validation loss is chosen")
def _b4_median(probe: Probe) -> None:
    for table in (B4_CALM, B4_CALM, B4_FIVE):
        _b4_chosen(probe, table)


@B4.part("跑飞的运行算最坏", "runs that blow up count as the worst")
def _b4_diverged(probe: Probe) -> None:
    for table in (B4_WILD, B4_WILDER) * 4:
        _b4_chosen(probe, table)


# ---------- B5 ----------
B5 = Task(
    "B5",
    "提前停止",
    "Early stopping",
    level="core",
    minutes=20,
    trains=(
        "耐心从哪里数起；最好的权重要真的复制一份",
        "where patience starts to count; the best weights need a real copy",
    ),
    hints={
        "not yes or no": (
            "update 应该返回 True 或 False，实际得到 {kind}。",
            "update should return True or False; what came is a {kind}.",
        ),
        "one too early": (
            "早停了一次：连续 patience 次没有新低才停，你在 patience - 1 次就停了。",
            "It stops one update early: it should take patience updates without a new low, and yours takes one less.",
        ),
        "one too late": (
            "晚停了一次：第 patience 次没有新低就该停，你又等了一次。",
            "It stops one update late: the patience-th update without a new low should stop it, yours waits for one "
            "more.",
        ),
        "never reset": (
            "有了新低，计数没有回到 0：数的是总共几次没有新低，不是连续几次。",
            "After a new low the count doesn't go back to 0: it counts all updates without a new low, not those in "
            "a row.",
        ),
        "equal counts as lower": (
            "跟最低的相等，也被当成了新低。",
            "A loss equal to the lowest is taken for a new low.",
        ),
        "higher is better": (
            "损失升高被当成了进步；那是准确率的方向。",
            "A higher loss is taken for progress; that would be right for accuracy.",
        ),
        "compared with the last": (
            "比的是上一次，不是最低的那次：损失升上去再慢慢回落，就永远不停。",
            "Each loss is compared with the one before, not with the lowest: if it jumps up and creeps down again, "
            "training never stops.",
        ),
        "starts too low": (
            "损失从 10000 开始，一次比一次低，却一次新低也没认出来：最低的损失从哪个数开始？",
            "The losses start at 10000 and fall each time, yet no new low is seen: what does the lowest loss start "
            "from?",
        ),
        "stops elsewhere": (
            "损失依次是 {losses}，patience = {patience}：应该在第 {expected} 次停，你在第 {came} 次停（0 是没有停）。",
            "With losses {losses} and patience = {patience} it should stop at update {expected}; yours stops at "
            "{came} (0: never).",
        ),
        "not a copy": (
            "装回去的是现在的权重：当时存下的不是复制品，训练一动，它也跟着动。",
            "What is put back are the weights of now: what was kept is no copy, and moves along when training "
            "changes the model.",
        ),
        "writes nothing": (
            "restore 之后，交给它的模型一点没变。",
            "After restore, the model that was handed to it is unchanged.",
        ),
        "the last weights": (
            "装回去的是最后一次 update 时的权重，不是损失最低那次的。",
            "What is put back are the weights of the last update, not those of the lowest loss.",
        ),
        "the first weights": (
            "装回去的是第一次 update 时的权重；后来的新低没有存。",
            "What is put back are the weights of the first update; the later lows were not kept.",
        ),
        "other weights": (
            "restore 之后的 {name} 不是损失最低那次的。",
            "After restore, {name} isn't what it was at the lowest loss.",
        ),
        "buffers left out": (
            "参数装回去了，缓冲区 {name} 没有：批量规范化的均值和方差不在 parameters() 里。",
            "The parameters are put back, the buffer {name} is not: the mean and variance of batch normalization are "
            "not among parameters().",
        ),
        "copy handed out": (
            "装回去之后再训练，再装一次，得到的不是最好的权重：存的那份成了模型自己的参数，跟着变了。",
            "Restored, trained on and restored again, the model doesn't get the best weights: what was kept has "
            "become the model's own parameters and changed along.",
        ),
        "changed by update": (
            "update 改动了模型；只有 restore 才写权重。",
            "update has changed the model; only restore should write weights.",
        ),
        "nan": (
            "损失里有 nan 时不对：nan 不是新低，也不能让以后的新低认不出来。",
            "It goes wrong when a loss is nan: nan is no new low, and must not keep later lows from being seen.",
        ),
    },
)
B5_MODEL = """
def model(D, H):
    return nn.Sequential(nn.Linear(D, H), nn.BatchNorm1d(H), nn.Linear(H, 2))

def linear(D, H):
    return nn.Linear(D, H)
"""


def _update(probe: Probe, stopper: Ref, loss: float, model: Ref) -> bool:
    came = probe.call(stopper, loss, model, method="update")
    probe.need(came is not None, "nothing")
    kind = came.kind if isinstance(came, Opaque) else type(came).__name__
    probe.need(isinstance(came, bool), "not yes or no", kind=kind)
    return came


def _stop(probe: Probe, losses: Sequence[float], patience: int) -> int:
    """At which update the answer stops, counted from 1; 0: never."""
    stopper, model = probe.make(probe.answer, patience), probe.define(B5_MODEL, "linear", 2, 3)
    return next((i for i, loss in enumerate(losses, 1) if _update(probe, stopper, loss, model)), 0)


def _right_stop(losses: Sequence[float], patience: int, mistake: str = "") -> int:
    """At which update one should stop, or would with a mistake."""
    patience += {"one too early": -1, "one too late": 1}.get(mistake, 0)
    best, bad = (-INF if mistake == "higher is better" else INF), 0
    for i, loss in enumerate(losses, 1):
        low = loss > best if mistake == "higher is better" else loss < best
        if low or (mistake == "equal counts as lower" and loss == best):
            best, bad = loss, bad if mistake == "never reset" else 0
        else:
            bad += 1
        if mistake == "compared with the last":
            best = loss
        if bad >= patience:
            return i
    return 0


B5_MISTAKES = (
    "one too early",
    "one too late",
    "never reset",
    "equal counts as lower",
    "higher is better",
    "compared with the last",
)
B5_SERIES = (
    ([3.0, 2.0, 1.0, 1.5, 1.6, 1.7, 1.8, 1.9], 2),
    ([3.0, 2.0, 2.5, 1.9, 2.5, 1.8, 2.5, 1.7, 2.5, 2.6, 2.7, 2.8], 3),
    ([2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 2),
    ([1.0, 5.0, 4.0, 3.0, 2.0, 1.5, 1.2, 1.1], 3),
    ([5.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.25], 2),
    ([10000.0, 9000.0, 8000.0, 7000.0, 6000.0], 2),
)


@B5.part("什么时候停", "when to stop")
def _b5_when(probe: Probe) -> None:
    drawn = [(probe.integers(0, 9, 14).double().div(4).tolist(), probe.size(2, 4)) for _ in range(6)]
    series = [*B5_SERIES, *drawn]
    came = [_stop(probe, *one) for one in series]
    for mistake in B5_MISTAKES:
        if came == [_right_stop(*one, mistake) for one in series]:
            probe.wrong(mistake)
    large = len(B5_SERIES) - 1
    others = [i for i in range(len(series)) if i != large]
    if came[large] == series[large][1] and all(came[i] == _right_stop(*series[i]) for i in others):
        probe.wrong("starts too low")
    series.append(([1.0, 2.0, 3.0, 4.0], 1))  # with patience 1 some mistakes can't be told apart
    came.append(_stop(probe, *series[-1]))
    for stop, (losses, patience) in zip(came, series):
        right = _right_stop(losses, patience)
        probe.need(
            stop == right, "stops elsewhere", losses=losses, patience=patience, expected=right, came=stop
        )


State = dict[str, Tensor]


def _state(probe: Probe, model: Ref) -> State:
    return probe.parameters(model) | probe.buffers(model)


def _trained(probe: Probe, model: Ref) -> State:
    """Move everything that training would move, parameters and running statistics; what it is then."""
    probe.fill(model)
    probe.training(model)
    probe.call(model, 3 * probe.normal(5, 4) + 1)
    return _state(probe, model)


def _same_state(a: State, b: State) -> bool:
    return all(torch.equal(a[name], b[name]) for name in b)


def _restored(probe: Probe, came: State, best: State, mistakes: Mapping[str, State]) -> None:
    """Compare a restored model with the best one."""
    if _same_state(came, best):
        return
    for mistake, state in mistakes.items():
        if _same_state(came, state):
            probe.wrong(mistake)
    wrong = [name for name in best if not torch.equal(came[name], best[name])]
    buffers = [name for name in wrong if "running" in name or "tracked" in name]
    probe.need(len(buffers) < len(wrong), "buffers left out", name=buffers[0] if buffers else "")
    probe.wrong("other weights", name=next(name for name in wrong if name not in buffers))


@B5.part("装回去的是最好的权重", "the best weights are put back")
def _b5_weights(probe: Probe) -> None:
    for losses, patience in (
        ([3.0, 2.0, 1.0, 1.5, 1.2], 4),
        ([2.0, 2.5, 1.0, 0.5, 0.5, 0.75], 4),
        ([3.0, 1.0, 2.0, 2.5], 2),  # the last one stops
    ):
        stopper, model = probe.make(probe.answer, patience), probe.define(B5_MODEL, "model", 4, 3)
        states = []
        for loss in losses:
            states.append(_trained(probe, model))
            _update(probe, stopper, loss, model)
            probe.need(_same_state(_state(probe, model), states[-1]), "changed by update")
        best = states[losses.index(min(losses))]
        now = _trained(probe, model)
        other = probe.define(B5_MODEL, "model", 4, 3)
        fresh = _trained(probe, other)
        probe.call(stopper, other, method="restore")
        mistakes = {"writes nothing": fresh, "not a copy": now}
        mistakes |= {"the last weights": states[-1], "the first weights": states[0]}
        _restored(probe, _state(probe, other), best, mistakes)
        probe.call(stopper, model, method="restore")
        _restored(probe, _state(probe, model), best, {"writes nothing": now})
        _trained(probe, model)
        _trained(probe, other)
        probe.call(stopper, model, method="restore")
        probe.need(_same_state(_state(probe, model), best), "copy handed out")


@B5.part("nan 不是新低", "nan is no new low")
def _b5_nan(probe: Probe) -> None:
    for losses, patience in (
        ([NAN, 0.9, 0.8, NAN, 0.9, 0.95, 0.7], 2),
        ([0.9, NAN, 0.8, NAN, NAN, NAN, 0.9, 0.9], 3),
        ([NAN, NAN, 3.0, 2.0, 2.5, NAN, NAN, 4.0], 3),
    ):
        stopper, model = probe.make(probe.answer, patience), probe.define(B5_MODEL, "model", 4, 3)
        states = []
        for loss in losses:
            states.append(_trained(probe, model))
            if _update(probe, stopper, loss, model):
                break
        probe.need(len(states) == _right_stop(losses, patience), "nan")
        finite = [loss for loss in losses[: len(states)] if not math.isnan(loss)]
        probe.call(stopper, model, method="restore")
        probe.need(_same_state(_state(probe, model), states[losses.index(min(finite))]), "nan")


# ---------- B6, B7: numbers ----------
def _number(probe: Probe, right: float, tolerance: float, mistakes: Mapping[str, float]) -> None:
    """Compare a number with the right one, and with what known mistakes give."""
    came = probe.number()
    if abs(came - right) <= tolerance:
        return
    for mistake, value in mistakes.items():
        if abs(came - value) <= tolerance:
            probe.wrong(mistake)
    probe.wrong("values", came=came)


B6 = Task(
    "B6",
    "加法问题：什么都不会的误差",
    "The adding problem: the error of knowing nothing",
    level="warm-up",
    minutes=6,
    trains=(
        "训练之前先算基线；最好的常数是平均值，它的均方误差是方差",
        "compute the baseline before you train; the best constant is the mean, and its error is the variance",
    ),
    numbers={"highest": (1, 1.5, 3, 3.5, 5.5, 6.5, 7, 13)},
    hints={
        "values": (
            "{came:.4g} 不对。先问：最好的常数是多少？再问：用它，误差的平方平均是多少？",
            "{came:.4g} is not it. First: what is the best constant? Then: with it, what is the mean squared error?",
        ),
        "one number only": (
            "这是一个数的方差；要加起来的有两个，互不相干。",
            "That is the variance of one number; two are added, and they are independent.",
        ),
        "root": (
            "这是开过方的；要的是均方误差。",
            "That is the root of it; the mean squared error is asked for.",
        ),
        "absolute error": (
            "这是误差绝对值的平均；要的是平方的平均。",
            "That is the mean absolute error; the mean of the squares is asked for.",
        ),
        "always 0": (
            "这是永远答 0 的误差；有更好的常数。",
            "That is the error of always answering 0; there is a better constant.",
        ),
        "always a half": (
            "这是永远答一个数的平均的误差；标签是两个数的和。",
            "That is the error of always answering the mean of one number; the label is the sum of two.",
        ),
        "the constant": (
            "这是那个最好的常数；要的是用它的均方误差。",
            "That is the best constant itself; what is asked for is its mean squared error.",
        ),
        "mean of two": (
            "这是两个数的平均的方差；标签是和。",
            "That is the variance of the two numbers' mean; the label is their sum.",
        ),
    },
)
# from 100,000 sequences it comes out with a standard deviation of 0.4 % of it, measured over 50 draws
B6_TOLERANCE = 0.015


@B6.part("均方误差，准到 1.5%", "the mean squared error, to within 1.5%")
def _b6(probe: Probe) -> None:
    high = probe.numbers["highest"]
    variance = high**2 / 3 - (high / 2) ** 2  # of one number: mean of the squares minus square of the mean
    mistakes = {
        "one number only": variance,
        "root": math.sqrt(2 * variance),
        "absolute error": high / 3,
        "always 0": 2 * variance + high**2,
        "always a half": 2 * variance + high**2 / 4,
        "the constant": high,
        "mean of two": variance / 2,
    }
    _number(probe, 2 * variance, B6_TOLERANCE * 2 * variance, mistakes)


B7 = Task(
    "B7",
    "随机标签：损失停在哪里",
    "Random labels: where the loss stops",
    level="warm-up",
    minutes=6,
    trains=(
        "验证损失的底线；训练之前的自检",
        "the floor of the validation loss; a check before training",
    ),
    numbers={"num_classes": (8, 5, 6, 7, 9, 11, 12, 13, 15)},
    hints={
        "values": (
            "{came:.4g} 不对。均匀地猜，给每一类的概率是多少？它的负对数呢？",
            "{came:.4g} is not it. Guessing evenly, what probability does each class get? And its negative logarithm?",
        ),
        "bits": (
            "这是以 2 为底的对数，单位是比特；nn.CrossEntropyLoss 用自然对数。",
            "That is the logarithm to base 2, in bits; nn.CrossEntropyLoss uses the natural one.",
        ),
        "base 10": (
            "这是以 10 为底的对数；math.log 才是自然对数。",
            "That is the logarithm to base 10; math.log is the natural one.",
        ),
        "accuracy": (
            "这是准确率，或者每一类的概率；要的是交叉熵。",
            "That is the accuracy, or the probability of a class; the cross-entropy is asked for.",
        ),
        "perplexity": (
            "这是困惑度；它的对数才是损失。",
            "That is the perplexity; the loss is its logarithm.",
        ),
        "sign": (
            "损失是负对数，不会小于 0。",
            "The loss is a negative logarithm and can't be below 0.",
        ),
        "training loss": (
            "训练集上背得下来，损失能降到 0 附近；新的序列，标签是背不出来的。",
            "Training sequences can be memorized, down to a loss near 0; the labels of new ones can't.",
        ),
    },
)
# 20 untrained networks on 1,000 sequences: 0.005 above ln K on average, 0.016 at most
B7_TOLERANCE = 0.03


@B7.part("最低的验证损失，准到 0.03", "the lowest validation loss, to within 0.03")
def _b7(probe: Probe) -> None:
    K = int(probe.numbers["num_classes"])
    right = -sum(math.log(1 / K) / K for _ in range(K))
    mistakes = {
        "bits": right / math.log(2),
        "base 10": right / math.log(10),
        "accuracy": 1 / K,
        "perplexity": float(K),
        "sign": -right,
        "training loss": 0.0,
    }
    _number(probe, right, B7_TOLERANCE, mistakes)
