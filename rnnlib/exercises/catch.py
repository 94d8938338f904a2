"""Set E: the learner writes the test; right networks must pass it, planted wrong ones must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque, Ref

TIMES = 3  # how often each network is shown to the test
REJECTED = (
    "你的测试不放过正确的网络（{said}）。先让对的通过，再去抓错的。",
    "Your test rejects a network that is right ({said}). Let the right one pass first, then catch the wrong ones.",
)
NO_VERDICT = (
    "测试应该什么也不返回，或者返回 True、False；来的是 {kind}。",
    "A test returns nothing, or True or False; what came is a {kind}.",
)
SLIPPED = (
    "五个错误的网络漏过去 {n} 个。其中一个：",
    "Of the five wrong networks {n} slipped through. One of them: ",
)


def _slipped(zh: str, en: str) -> tuple[str, str]:
    return SLIPPED[0] + zh, SLIPPED[1] + en


def _verdict(probe: Probe, network: Ref) -> Crashed | None:
    """What the answer says of a network: its complaint, or None if it lets the network pass."""
    try:
        said = probe.call(probe.answer, network)
    except Crashed as crashed:
        return crashed
    if isinstance(said, Tensor) and said.numel() == 1:
        said = bool(said)
    if said is not None and not isinstance(said, bool):
        probe.wrong("no verdict", kind=said.kind if isinstance(said, Opaque) else type(said).__name__)
    return Crashed("False") if said is False else None


Verdicts = dict[str, list[Crashed | None]]


def _verdicts(
    probe: Probe, codes: Mapping[str, str], name: str, sizes: Callable[[], tuple[int, ...]]
) -> Verdicts:
    """The verdicts on each network, shown several times in random order, which does not tell the right ones."""
    shown = [key for key in codes for _ in range(TIMES)]
    found: Verdicts = {key: [] for key in codes}
    for place in torch.randperm(len(shown), generator=probe.generator).tolist():
        key = shown[place]
        found[key].append(_verdict(probe, probe.define(codes[key], name, *sizes())))
    return found


def _let_pass(probe: Probe, found: Verdicts, right: Mapping[str, str]) -> None:
    """Networks that are right pass each time; the first of them is written as the formula."""
    first, *others = right
    for mistake, keys in (("right one rejected", [first]), ("other style rejected", others)):
        for complaint in (complaint for key in keys for complaint in found[key] if complaint):
            if complaint.said != "False" and not complaint.said.startswith("AssertionError"):
                raise complaint
            probe.wrong(mistake, said=complaint.said.rstrip(": "))


def _catch(probe: Probe, found: Verdicts, wrong: Mapping[str, str]) -> None:
    """Networks that are wrong pass never; an exception of any kind counts as a complaint."""
    slipped = [key for key in wrong if None in found[key]]
    if slipped:
        probe.wrong(slipped[0], n=len(slipped))


# ---------- E1 ----------
E1 = Task(
    "E1",
    "抓错：循环单元",
    "Catch the bug: an RNN cell",
    level="core",
    minutes=15,
    trains=(
        "写一个只放过正确实现的测试；随机的输入、随机的参数、不止一行",
        "a test that only the right implementation passes: random inputs, random parameters, more than one row",
    ),
    hints={
        "right one rejected": REJECTED,
        "other style rejected": (
            "公式对、写法不同的单元被拒绝了（{said}）。浮点数换个次序相加，最后几位会变：比较要留一点余地。",
            "A cell with the right formula in another style is rejected ({said}). Floating-point sums change in their "
            "last digits when the order changes: leave some room in the comparison.",
        ),
        "no verdict": NO_VERDICT,
        "no state": _slipped("它根本不看传进来的状态。", "it never looks at the state that it is given."),
        "no tanh": _slipped(
            "它没有 tanh。给出的权重很小，数在 0 附近时，tanh 看不出来。",
            "it has no tanh. The weights that you are given are small, and near 0 a tanh can't be seen.",
        ),
        "transposed": _slipped(
            "它乘的是 W_hh 的转置。形状一样，数不一样。",
            "it multiplies by the transpose of W_hh. The shape is the same, the numbers are not.",
        ),
        "no bias": _slipped(
            "它没有加偏置。给出的偏置是多少？", "it adds no bias. What is the bias that you are given?"
        ),
        "first row for all": _slipped(
            "它把第 0 行的状态用到了每一行上。", "it uses the state of row 0 for every row."
        ),
    },
)
CELL = """
class Cell:
    def __init__(self, D, H):
        self.W_xh, self.W_hh, self.b_h = 0.01 * torch.randn(D, H), 0.01 * torch.randn(H, H), torch.zeros(H)

    def __call__(self, X, state):
        BODY
"""
DOUBLE = """Z = torch.cat([X, state], dim=1).double() @ torch.cat([self.W_xh, self.W_hh]).double()
        return torch.tanh(Z + self.b_h).to(X.dtype)"""
E1_RIGHT = {
    "formula": "return torch.tanh(X @ self.W_xh + state @ self.W_hh + self.b_h)",
    "one product": DOUBLE,
}
E1_WRONG = {
    "no state": "return torch.tanh(X @ self.W_xh + self.b_h)",
    "no tanh": "return X @ self.W_xh + state @ self.W_hh + self.b_h",
    "transposed": "return torch.tanh(X @ self.W_xh + state @ self.W_hh.T + self.b_h)",
    "no bias": "return torch.tanh(X @ self.W_xh + state @ self.W_hh)",
    "first row for all": "return torch.tanh(X @ self.W_xh + state[:1] @ self.W_hh + self.b_h)",
}


def _e1(probe: Probe) -> Verdicts:
    codes = {key: CELL.replace("BODY", body) for key, body in (E1_RIGHT | E1_WRONG).items()}
    return _verdicts(probe, codes, "Cell", lambda: (probe.size(3, 6), probe.size(4, 8)))


@E1.part("正确的单元都通过", "the right cells pass")
def _e1_right(probe: Probe) -> None:
    _let_pass(probe, _e1(probe), E1_RIGHT)


@E1.part("五个错误的单元都抓住", "all five wrong cells are caught")
def _e1_wrong(probe: Probe) -> None:
    _catch(probe, _e1(probe), E1_WRONG)


# ---------- E2 ----------
E2 = Task(
    "E2",
    "抓错：分两段读",
    "Catch the bug: a text read in two pieces",
    level="core",
    minutes=20,
    trains=(
        "把“状态接得上”写成一条性质：分两段读，和一口气读完一样",
        "stating as a property that the state carries on: two pieces read like one",
    ),
    hints={
        "right one rejected": REJECTED,
        "other style rejected": (
            "写法不同的正确网络被拒绝了（{said}）。分两段算和一次算，最后几位可以不同：比较要留一点余地。",
            "A right network in another style is rejected ({said}). In two pieces the last digits may differ: leave "
            "some room in the comparison.",
        ),
        "no verdict": NO_VERDICT,
        "state ignored": _slipped(
            "它不理会传进来的状态，每一段都从 0 开始。",
            "it takes no notice of the state that it is given; each piece starts from 0.",
        ),
        "lower layer lost": _slipped(
            "它有两层，只有上面一层接着读，下面一层从 0 开始。",
            "it has two layers, of which only the top one goes on; the lower one starts from 0.",
        ),
        "first row for all": _slipped(
            "它把第 0 行的状态给了每一行。", "it gives the state of row 0 to every row."
        ),
        "first step after the cut": _slipped(
            "接上之后的第一步输出不对，往后又都对了。",
            "the output of the first step after the cut is wrong, and all later ones are right.",
        ),
        "state not updated": _slipped(
            "输出都对；可是给它一个状态，它原样还回来。读到第三段就会出错。",
            "its outputs are right; but the state that it is given comes back as it was. A third piece would go wrong.",
        ),
    },
)
READER = """
class Reader:
    def __init__(self, D, H):
        self.input_size, self.hidden_size, self.num_layers = D, H, 2
        self.rnn = nn.GRU(D, H, num_layers=2, batch_first=True)
        for parameter in self.rnn.parameters():
            nn.init.normal_(parameter, std=0.5)

    def __call__(self, X, state=None):
        BODY
"""
STEPS = """state = X.new_zeros(2, len(X), self.hidden_size) if state is None else state
        outputs, rnn = [], self.rnn.double()
        for t in range(X.shape[1]):
            output, state = rnn(X[:, t : t + 1].double(), state.double())
            outputs.append(output)
        rnn.float()
        return torch.cat(outputs, dim=1).to(X.dtype), state.to(X.dtype)"""
LOWER = """if state is not None:
            state = torch.stack([torch.zeros_like(state[0]), state[1]])
        return self.rnn(X, state)"""
ROWS = """if state is not None:
            state = state[:, :1].expand_as(state).contiguous()
        return self.rnn(X, state)"""
FIRST = """outputs, last = self.rnn(X, state)
        if state is not None:
            outputs = torch.cat([self.rnn(X)[0][:, :1], outputs[:, 1:]], dim=1)
        return outputs, last"""
STALE = """outputs, last = self.rnn(X, state)
        return outputs, last if state is None else state"""
E2_RIGHT = {"layer": "return self.rnn(X, state)", "steps": STEPS}
E2_WRONG = {
    "state ignored": "return self.rnn(X)",
    "lower layer lost": LOWER,
    "first row for all": ROWS,
    "first step after the cut": FIRST,
    "state not updated": STALE,
}


def _e2(probe: Probe) -> Verdicts:
    codes = {key: READER.replace("BODY", body) for key, body in (E2_RIGHT | E2_WRONG).items()}
    return _verdicts(probe, codes, "Reader", lambda: (probe.size(3, 6), probe.size(4, 8)))


@E2.part("正确的网络都通过", "the right networks pass")
def _e2_right(probe: Probe) -> None:
    _let_pass(probe, _e2(probe), E2_RIGHT)


@E2.part("五个错误的网络都抓住", "all five wrong networks are caught")
def _e2_wrong(probe: Probe) -> None:
    _catch(probe, _e2(probe), E2_WRONG)


# ---------- E3 ----------
E3 = Task(
    "E3",
    "抓错：带掩码的损失",
    "Catch the bug: a masked loss",
    level="stretch",
    minutes=20,
    trains=(
        "填充不算数，分母是有效词元的个数；挑得出毛病的例子长什么样",
        "padding doesn't count and the denominator is the number of real tokens; what an example that tells looks like",
    ),
    hints={
        "right one rejected": REJECTED,
        "other style rejected": (
            "写法不同的正确损失被拒绝了（{said}）。求和的次序不同，最后几位会变：比较要留一点余地。",
            "A right loss in another style is rejected ({said}). Sums in another order change in their last digits: "
            "leave some room in the comparison.",
        ),
        "no verdict": NO_VERDICT,
        "padding counts": _slipped(
            "它不管长度，填充的位置也一起平均。", "it takes no notice of the lengths; padding is averaged in."
        ),
        "last token left out": _slipped(
            "它把每条序列的最后一个词元也当成了填充。",
            "it takes the last token of each sequence for padding, too.",
        ),
        "divided by all": _slipped(
            "填充没有加进去，却算进了分母。", "padding isn't in its sum, but it is in the denominator."
        ),
        "mean of means": _slipped(
            "它先求每条序列的平均，再平均：短序列的词元分量更重。",
            "it averages within each sequence, then over sequences: tokens of short sequences weigh more.",
        ),
        "token 0 is padding": _slipped(
            "它把编号为 0 的词元一律当成填充。", "it takes every token number 0 for padding."
        ),
    },
)
LOSS = """
def make():
    def loss(logits, Y, lengths):
        each = nn.functional.cross_entropy(logits.movedim(-1, 1), Y, reduction="none")
        mask = (torch.arange(Y.shape[1]) < lengths[:, None]).to(each.dtype)
        BODY

    return loss
"""
PACKED = """kept = torch.cat([logits[b, :n] for b, n in enumerate(lengths.tolist())])
        return nn.functional.cross_entropy(kept.double(), Y[mask > 0]).to(each.dtype)"""
SHORT = """mask = (torch.arange(Y.shape[1]) < lengths[:, None] - 1).to(each.dtype)
        return (each * mask).sum() / mask.sum().clamp(min=1)"""
ZERO = """mask = mask * (Y != 0)
        return (each * mask).sum() / mask.sum().clamp(min=1)"""
E3_RIGHT = {  # padding may hold anything, infinity too, so nothing is multiplied by 0
    "chosen": "return each[mask > 0].mean()",
    "packed": PACKED,
    "weighted": "return (torch.where(mask > 0, each, 0 * mask) / mask.sum()).sum()",
}
E3_WRONG = {
    "padding counts": "return each.mean()",
    "last token left out": SHORT,
    "divided by all": "return (each * mask).mean()",
    "mean of means": "return ((each * mask).sum(dim=1) / mask.sum(dim=1)).mean()",
    "token 0 is padding": ZERO,
}


def _e3(probe: Probe) -> Verdicts:
    codes = {key: LOSS.replace("BODY", body) for key, body in (E3_RIGHT | E3_WRONG).items()}
    return _verdicts(probe, codes, "make", lambda: ())


@E3.part("正确的损失都通过", "the right losses pass")
def _e3_right(probe: Probe) -> None:
    _let_pass(probe, _e3(probe), E3_RIGHT)


@E3.part("五个错误的损失都抓住", "all five wrong losses are caught")
def _e3_wrong(probe: Probe) -> None:
    _catch(probe, _e3(probe), E3_WRONG)
