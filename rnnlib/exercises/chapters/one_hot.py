"""Chapter 2: one-hot encoding."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Ref

# ---------- 2a ----------
GRADIENT = Task(
    "2a",
    "查表的梯度",
    "The gradient of a look-up",
    level="core",
    minutes=12,
    device="cpu",
    trains=(
        "同一行用了几次，就收到几份梯度；下标重复时怎样累加",
        "a row used several times gets several gradients; how to add up where indices repeat",
    ),
    hints={
        "repeats lost": (
            "用了几次的词元，只收到一次的梯度，别的几份被盖掉了。像 grad[X] += G 这样写，重复的下标只算一次。",
            "A token that was used several times got the gradient of one use; the others were overwritten. In something "
            "like grad[X] += G, an index that repeats takes effect only once.",
        ),
        "repeats in a step": (
            "不同时间步的梯度加起来了；同一步里，两行是同一个词元时，还是丢了一份。",
            "Gradients of different steps are added up, but when two rows have the same token at the same step, one "
            "of theirs is still lost.",
        ),
        "repeats in a row": (
            "不同行的梯度加起来了；同一行里，一个词元出现几次时，还是只剩一份。",
            "Gradients of different rows are added up, but when a token comes several times in one row, only one of "
            "its gradients is left.",
        ),
        "mean": (
            "收到的几份梯度取了平均：查表时用了两次，对结果的影响就是两份。",
            "The gradients of a row were averaged. A row that was used twice changes the result in two places, and "
            "both count.",
        ),
        "divided": (
            "每一份都除以了一个个数（步数，行数，或者两者之积）；G 已经是结果的梯度，不用再除。",
            "Everything is divided by a number of steps, of rows, or of both. G is the gradient of the result already; "
            "there's nothing left to divide.",
        ),
        "order": (
            "X 和 G 对不上号：摊平之前，两边前两条轴的次序必须一致。",
            "X and G don't belong together: before you flatten them, their first two axes must come in the same order.",
        ),
        "last step only": (
            "只剩最后一步的梯度：前面各步的，被后来的盖掉了。",
            "Only the gradient of the last step is left; those of the steps before were overwritten.",
        ),
    },
)


def _summed(X: Tensor, G: Tensor, V: int) -> Tensor:
    """Row v: the sum over all places where X is v, as a product with one-hot vectors."""
    codes = (X.flatten()[:, None] == torch.arange(V)).double()
    return (codes.T @ G.flatten(0, 1).double()).float()


def _overwritten(X: Tensor, G: Tensor, V: int, first: bool = False) -> Tensor:
    """Each row gets the gradient of its last use only, or of its first."""
    grad = torch.zeros(V, G.shape[-1])
    places = list(zip(X.flatten().tolist(), G.flatten(0, 1)))
    for token, g in places[::-1] if first else places:
        grad[token] = g
    return grad


def _gradient_wrong(X: Tensor, G: Tensor, V: int) -> dict[str, Tensor]:
    T, B = X.shape
    right = _summed(X, G, V)
    uses = torch.bincount(X.flatten(), minlength=V).clamp(min=1)[:, None]
    found = {
        "mean": right / uses,
        "divided": right / (T * B),
        "divided / T": right / T,
        "divided / B": right / B,
        "order": _summed(X.T, G, V),
        "order / G": _summed(X, G.transpose(0, 1), V),
        "last step only": _summed(X[-1:], G[-1:], V),
    }
    for way, first in (("last", False), ("first", True)):
        found[f"repeats lost / {way}"] = _overwritten(X, G, V, first)
        steps = [_overwritten(X[t : t + 1], G[t : t + 1], V, first) for t in range(T)]
        found[f"repeats in a step / {way}"] = torch.stack(steps).sum(0)
        rows = [_overwritten(X[:, b : b + 1], G[:, b : b + 1], V, first) for b in range(B)]
        found[f"repeats in a row / {way}"] = torch.stack(rows).sum(0)
    return found


def _gradient(probe: Probe, X: Tensor, V: int, H: int) -> None:
    G = probe.normal(*X.shape, H)
    grad = probe.shape(probe.call(probe.answer, X, G, V), V=V, H=H)
    probe.values(grad, _summed(X, G, V), _gradient_wrong(X, G, V))


@GRADIENT.part(
    "形状：X 是 (T, B)，G 是 (T, B, H)，结果 (V, H)", "shape: X is (T, B), G is (T, B, H), the result (V, H)"
)
def _gradient_shape(probe: Probe) -> None:
    for T, B, V, H in ((5, 3, 9, 4), (4, 1, 7, 2), (1, 6, 8, 3), (3, 2, 5, 1)):
        X = probe.integers(0, V - 2, T, B)  # the last rows of the table aren't used
        probe.shape(probe.call(probe.answer, X, probe.normal(T, B, H), V), V=V, H=H)


@GRADIENT.part("每个词元最多用一次", "no token is used twice")
def _gradient_once(probe: Probe) -> None:
    for T, B, V, H in ((4, 3, 15, 5), (6, 2, 12, 3)):
        X = torch.randperm(V, generator=probe.generator)[: T * B].reshape(T, B)
        _gradient(probe, X, V, H)


@GRADIENT.part("词元有重复", "tokens that repeat")
def _gradient_repeats(probe: Probe) -> None:
    for T, B, V, H in ((8, 6, 7, 4), (12, 5, 28, 3)):
        X = probe.integers(0, V - 1, T, B)
        X[-1, :2], X[1:3, 3] = 1, 2  # one twice in the last step, and one twice in a row
        _gradient(probe, X, V, H)


@GRADIENT.part("B = 1，T = 1，处处同一个词元", "B = 1, T = 1, one token everywhere")
def _gradient_edges(probe: Probe) -> None:
    _gradient(probe, probe.integers(0, 4, 9, 1), 6, 3)
    _gradient(probe, probe.integers(0, 4, 1, 9), 6, 3)
    _gradient(probe, torch.full((5, 4), probe.size(0, 3)), 4, 2)


# ---------- 2b ----------
EMBEDDING = Task(
    "2b",
    "把线性层换成词嵌入",
    "A linear layer turned into an embedding",
    level="core",
    minutes=12,
    device="cpu",
    trains=(
        "两种层怎样存同一张表；偏置去了哪里；复制还是共用",
        "how two layers store one table; where the bias goes; a copy, or the same memory",
    ),
    hints={
        "values": (
            "结果最多相差 {gap:.3g}，在下标 {place} 处。取一个词元，在纸上比一比：线性层给它什么，表里那一行是什么？",
            "The results differ by up to {gap:.3g}, at index {place}. Take one token and compare on paper: what does "
            "the linear layer give it, and what's in its row of the table?",
        ),
        "not an embedding": (
            "应该得到一个 nn.Embedding，实际得到 {kind}。",
            "An nn.Embedding is expected; what came is a {kind}.",
        ),
        "one parameter": (
            "词嵌入只该有一个参数 weight：偏置不会自己加进去，要加到表的每一行里。",
            "The embedding should have one parameter, weight. Nothing adds a bias to its result: it is to be added to "
            "each row of the table.",
        ),
        "not transposed": (
            "表是 (H, V)：nn.Linear 存的权重，输出在前，输入在后；表要的是每个词元一行。",
            "The table is (H, V): nn.Linear stores its weights outputs first, inputs second, but the table needs one "
            "row for each token.",
        ),
        "columns for rows": (
            "V = H 时看得出来：词元取到的是权重的行，应该是列。",
            "With V = H it shows: a token gets a row of the weights where it should get a column.",
        ),
        "no bias": (
            "权重对了，偏置没有了：线性层的结果里还加着 b。",
            "The weights are right, but the bias is gone: the linear layer adds b to its result.",
        ),
        "bias along the other axis": (
            "V = H 时看得出来：偏置沿另一条轴加上去了，每个词元整行加了同一个数。",
            "With V = H it shows: the bias was added along the other axis, one number for a token's whole row.",
        ),
        "bias taken away": (
            "偏置的符号反了。",
            "The bias has the wrong sign.",
        ),
        "rows shrunk": (
            "长的行被缩短了（第 {row} 行就是）：max_norm 会在取行时把超过它的行按比例缩小，结果就和线性层不同了。",
            "Long rows come out shorter than they should (row {row}, for one): max_norm scales down any longer row as "
            "it is looked up, and the outputs differ from the linear layer's.",
        ),
        "a row without gradient": (
            "结果都对，可是第 {row} 行得不到梯度：padding_idx 那一行是不训练的，而这里每个编号都是普通的词元。",
            "The outputs are right, but row {row} never gets a gradient. That's what padding_idx does to its row, and "
            "here every number is an ordinary token.",
        ),
        "divided by uses": (
            "结果都对，可是每一行的梯度除以了它用到的次数：scale_grad_by_freq 打开了。",
            "The outputs are right, but each row's gradient is divided by the number of its uses: scale_grad_by_freq "
            "is on.",
        ),
        "gradient": (
            "结果都对，可是表的梯度不对：最多相差 {gap:.3g}，在第 {row} 行。一行的梯度，应该是它每次取用收到的梯度之和。",
            "The outputs are right, but the table's gradient isn't: it's off by up to {gap:.3g}, in row {row}. A row's "
            "gradient should be the sum over all its uses.",
        ),
        "frozen": (
            "数值都对，可是这张表得不到梯度：以后训练时，它会一直停在原处。",
            "The numbers are right, but the table gets no gradient: train it, and it'll stay where it is.",
        ),
        "shared": (
            "改动线性层的权重，词嵌入也跟着变：两者用的是同一块内存。",
            "Change the weights of the linear layer, and the embedding changes, too: both use the same memory.",
        ),
        "linear changed": (
            "换好之后，原来的线性层变了：某一步写进了它的参数里。",
            "After the conversion, the linear layer isn't what it was: some step wrote into its parameters.",
        ),
        "linear altered": (
            "换好之后，原来的线性层变了：{zh}。linear 要保持原样。",
            "After the conversion, the linear layer isn't what it was: {en}. Leave linear as it is.",
        ),
    },
)
LINEAR = """
def linear(weight, bias):
    layer = nn.Linear(weight.shape[1], weight.shape[0]).to(weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer
"""
# made dense where it is: with sparse=True it is a sparse tensor, and as good as any
GRADIENT_OF = """
def gradient_of():
    def gradient(table, X, G):
        result = (table(X) * G).sum()
        if not result.requires_grad:
            return None
        table.zero_grad()
        result.backward()
        return table.weight.grad.to_dense()

    return gradient
"""


def _converted(probe: Probe, V: int, H: int, scale: float = 1) -> tuple[Ref, Ref, Tensor, Tensor]:
    """A linear layer, what the answer makes of it, and the layer's weight and bias."""
    weight, bias = scale * probe.normal(H, V), scale * probe.normal(H)
    linear = probe.define(LINEAR, "linear", weight, bias)
    table = probe.make(probe.answer, linear)
    probe.need(table.kind != "NoneType", "nothing")
    probe.need(table.kind == "Embedding", "not an embedding", kind=table.kind)
    for name, zh, en in _alterations(probe, linear, V, H):
        probe.wrong("linear altered", zh=zh.format(name), en=en.format(name))
    return linear, table, weight, bias


def _alterations(probe: Probe, linear: Ref, V: int, H: int) -> Iterator[tuple[str, str, str]]:
    """What is different about the layer that was given, its numbers apart: parameter, and the words for it."""
    parameters = probe.parameters(linear)
    for name in ("weight", "bias"):
        if name not in parameters:
            yield name, "{} 没有了", "its {} is gone"
        elif len(parameters[name]) != H:
            kind = tuple(parameters[name].shape)
            yield name, f"{{}} 的形状现在是 {kind}", f"the shape of {{}} is {kind} now"
        elif parameters[name].dtype != torch.float32:
            kind = parameters[name].dtype
            yield name, f"{{}} 的数现在是 {kind}", f"the numbers of {{}} are {kind} now"
    gradients = probe.grad(linear, torch.eye(V), weights=torch.ones(1))["parameters"]
    for name, gradient in gradients.items():
        if gradient is None:
            yield name, "{} 不再得到梯度", "{} doesn't get a gradient any more"


@EMBEDDING.part("一个 nn.Embedding，表是 (V, H)", "an nn.Embedding with a (V, H) table")
def _embedding_shape(probe: Probe) -> None:
    for V, H, T, B in ((7, 4, 5, 3), (3, 8, 1, 2), (5, 1, 4, 1)):
        _, table, _, _ = _converted(probe, V, H)
        parameters = probe.parameters(table)
        probe.need(list(parameters) == ["weight"], "one parameter")
        values = parameters["weight"]
        probe.need(values.shape != (H, V), "not transposed")
        probe.shape(values, V=V, H=H)
        probe.shape(probe.call(table, probe.integers(0, V, T, B)), T=T, B=B, H=H)


@EMBEDDING.part("与线性层读独热向量的结果相同", "the same outputs as the linear layer on one-hot vectors")
def _embedding_values(probe: Probe) -> None:
    for V, H, scale in ((9, 4, 1), (5, 5, 1), (28, 6, 1), (12, 5, 40)):
        _, table, weight, bias = _converted(probe, V, H, scale)
        X = torch.cat([torch.arange(V), probe.integers(0, V, 7)])
        columns = weight[:, X].T  # weight is (H, V)
        mistakes = {"no bias": columns, "bias taken away": columns - bias}
        if V == H:
            mistakes |= {
                "columns for rows": weight[X] + bias,
                "columns for rows / no bias": weight[X],
                "bias along the other axis": columns + bias[X][:, None],
            }
        came, right = probe.shape(probe.call(table, X), N=len(X), H=H), columns + bias
        lengths, wanted = came.norm(dim=1), right.norm(dim=1)
        shorter = lengths < 0.999 * wanted
        along = probe.close(came * wanted[:, None], right * lengths[:, None])
        # one length for all that were longer, if it's max_norm
        if along and shorter.any() and 0 < lengths[shorter].max() < 1.001 * lengths[shorter].min():
            probe.wrong("rows shrunk", row=int(X[shorter.nonzero()[0, 0]]))
        probe.values(came, right, mistakes)


@EMBEDDING.part("可以接着训练", "it can be trained further")
def _embedding_trains(probe: Probe) -> None:
    V, H = 6, 3
    _, table, _, _ = _converted(probe, V, H)
    X = torch.cat([torch.arange(V), probe.integers(0, V, 8)])
    G = probe.normal(len(X), H)
    gradient = probe.call(probe.define(GRADIENT_OF, "gradient_of"), table, X, G)
    probe.need(gradient is not None, "frozen")
    gradient = probe.shape(gradient, V=V, H=H)
    right = torch.stack([G[X.eq(v)].sum(0) for v in range(V)])
    uses = torch.bincount(X, minlength=V)[:, None]
    if probe.close(gradient, right):
        return
    probe.need(not probe.close(gradient, right / uses), "divided by uses")
    off = (gradient - right).abs().amax(dim=1)
    row = int(off.argmax())
    without = gradient.abs().sum(dim=1).eq(0)
    if without.any() and probe.close(gradient[~without], right[~without]):
        probe.wrong("a row without gradient", row=int(without.nonzero()[0]))
    probe.wrong("gradient", gap=float(off.max()), row=row)


@EMBEDDING.part("自己的一份：互不影响", "a copy of its own: neither changes the other")
def _embedding_own(probe: Probe) -> None:
    linear, table, weight, bias = _converted(probe, 6, 3)
    left = probe.parameters(linear)
    X = torch.arange(6)
    before = probe.call(table, X)
    probe.fill(linear)
    probe.need(probe.close(probe.call(table, X), before), "shared")
    filled = probe.parameters(linear)
    probe.fill(table)
    now = probe.parameters(linear)
    probe.need(all(torch.equal(now[name], filled[name]) for name in now), "shared")
    same = torch.equal(left["weight"], weight) and torch.equal(left["bias"], bias)
    probe.need(same, "linear changed")
