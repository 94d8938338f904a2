"""Set F: backward passes by hand, compared with autograd in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, permutations
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.puzzles import drawn
from rnnlib.exercises.task import Task

TOLERANCE = 1e-9  # float64
# What may be used after a dot: arithmetic, shapes, products, containers. Nothing of it differentiates.
_NAMES = (
    "tensor as_tensor zeros ones full empty eye arange zeros_like ones_like empty_like full_like new_zeros new_ones "
    "new_empty stack cat concat concatenate hstack vstack chunk split unbind unflatten flatten reshape view view_as "
    "transpose permute movedim swapaxes T mT t squeeze unsqueeze expand expand_as broadcast_to repeat contiguous "
    "clone detach no_grad flip select narrow roll tensor_split hsplit split_with_sizes index_select numel size shape "
    "ndim dim dtype device float double to type_as float64 float32 "
    "add add_ sub sub_ mul mul_ div neg pow square sqrt reciprocal rsub exp log abs sum mean cumsum addcmul addcmul_ "
    "tanh sigmoid cosh sech matmul mm mv dot bmm addmm addmm_ baddbmm einsum tensordot outer ger linear diag "
    "diag_embed multiply subtract divide negative addmv addr inner swapdims nn functional where zero_ fill_ copy_ append insert extend reverse pop keys values items get update index"
)
ALLOWED = frozenset(_NAMES.split())
MODULES = frozenset({"module torch", "module torch.nn", "module torch.nn.functional", "module math"})
_BUILTINS = (
    "len range zip reversed enumerate list tuple dict sum map int float bool slice print min max abs any all str isinstance "
    "AssertionError ValueError"
)
OUTSIDE = MODULES | {f"builtin {name}" for name in _BUILTINS.split()}
_AUTOGRAD = (
    "autograd backward grad requires_grad requires_grad_ enable_grad set_grad_enabled func vjp jvp jacrev jacfwd "
    "functional_call"
)
DIFFERENTIATE = frozenset(_AUTOGRAD.split())
_PRODUCTS = (
    "matmul __rmatmul__ mm bmm mv dot inner outer ger addmm addmm_ addmv addr baddbmm einsum tensordot linear"
)
PRODUCTS = frozenset(_PRODUCTS.split())

Suspect = tuple[str, dict[str, str], Callable[[], Tensor]]
Gates = Mapping[str, tuple[str, str]]

HINTS = {
    "not a tuple": (
        "要返回 {n} 个张量的元组，依次是 {names}；来的是 {came}。",
        "Return a tuple of {n} tensors, in this order: {names}. What came is {came}.",
    ),
    "batch not summed": (
        "{name} 还留着批量那一维：每一行都用了同一份参数，各行的梯度要加起来。",
        "{name} still has the axis of the batch: every row uses the same parameter, so add the gradients of all rows.",
    ),
    "mean over the batch": (
        "{name} 小了 B 倍：各行的梯度要相加，不是取平均。取平均是损失的事，已经在传来的梯度里。",
        "{name} is too small by a factor of B: add the gradients of the rows, don't average them. A mean belongs to the "
        "loss, and is in the gradients that come in already.",
    ),
    "transposed weight": (
        "{name} 乘的权重该转置而没有转置（或者相反）：H x H 的矩阵转不转置形状都对，数不一样。",
        "In {name} a weight should be transposed and is not (or the other way round): for an H x H matrix the shape is "
        "right either way, the numbers are not.",
    ),
    "one gradient": (
        "{name} 的形状对，数值不对：最大相差 {gap:.3g}，在下标 {place} 处。在它之前检查过的都对。",
        "{name} has the right shape and wrong values: off by up to {gap:.3g}, at index {place}. What was checked before it "
        "is right.",
    ),
    "by hand": (
        "数都对，不过这道题要手写：不要调用 {name}。",
        "The numbers are right, but this one is to be done by hand: don't call {name}.",
    ),
    "imported": (
        "数都对，可是 {name} 是从模块里单独导入的，检查读不到它是什么。连模块一起写，像 torch.tanh 那样。",
        "The numbers are right, but {name} was imported by itself, and the check can't see what it is. Write it with its "
        "module, as in torch.tanh; only modules can be read from outside.",
    ),
    "helper outside": (
        "数都对，可是 {name} 定义在函数外面，检查读不到。把它挪进函数里，用到的模块除外（torch、math）。",
        "The numbers are right, but {name} is defined outside the function, where the check can't read it. Move it "
        "inside; only modules (torch, math) may stay outside.",
    ),
}
BLOCKS = {
    "missing paths": (
        "{name} 少了几条路：{zh} 那里也用到了它，那里的梯度也要加进来。",
        "{name} lacks paths: it is used for {en}, too, and the gradient from there has to be added.",
    ),
    "order of blocks": (
        "数都对，块的次序不对：应该是 {right}。",
        "The numbers are right, the order of the blocks is not: it should be {right}.",
    ),
    "flat gate": (
        "{name} 里，{zh}的 sigmoid 的导数漏了。",
        "In {name} the derivative of the sigmoid of {en} is missing.",
    ),
    "block": (
        "{name} 里数值不对的块：{zh}。没有提到的块都对。",
        "Blocks of {name} with wrong values: {en}. What is not mentioned is right.",
    ),
}


# ---------- comparing ----------
def _tuple(probe: Probe, came: Any, names: Iterable[str]) -> tuple:
    """The result, if it is a tuple of that many."""
    names = tuple(names)
    if came is None:
        probe.wrong("nothing")
    if not isinstance(came, (tuple, list)) or len(came) != len(names):
        what = len(came) if isinstance(came, (tuple, list)) else getattr(came, "kind", type(came).__name__)
        probe.wrong("not a tuple", n=len(names), names=", ".join(names), came=what)
    return tuple(came)


def _shapes(probe: Probe, came: Any, shapes: Mapping[str, Mapping[str, int]], B: int) -> dict[str, Tensor]:
    """The result as tensors by name, each of its shape and in float64."""
    found = {}
    for (name, axes), one in zip(shapes.items(), _tuple(probe, came, shapes)):
        if isinstance(one, Tensor) and one.shape == (B, *axes.values()):
            probe.wrong("batch not summed", name=name)
        found[name] = probe.shape(one, **axes)
        probe.need(one.dtype == torch.float64, "dtype", expected="float64", came=str(one.dtype)[6:])
    return found


def _compare(probe: Probe, name: str, came: Tensor, right: Tensor, suspects: Iterable[Suspect] = ()) -> None:
    """One gradient against the right one, and against those of known mistakes."""
    if probe.close(came, right, TOLERANCE):
        return
    for mistake, said, value in suspects:
        if probe.close(came, value(), TOLERANCE):
            probe.wrong(mistake, **{"name": name, **said})
    if not came.isfinite().all():
        probe.wrong("not a number")
    gap = (came - right).abs()
    place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    probe.wrong("one gradient", name=name, gap=float(gap.max()), place=place)


def _blocks(
    probe: Probe, name: str, came: Tensor, right: Tensor, gates: Gates, suspects: Iterable[Suspect]
) -> None:
    """A gradient that consists of one block for each gate: which block is wrong?"""
    if probe.close(came, right, TOLERANCE):
        return
    theirs, ours = came.chunk(len(gates), -1), right.chunk(len(gates), -1)
    for order in permutations(range(len(gates))):
        if probe.close(came, torch.cat([ours[k] for k in order], -1), TOLERANCE):
            probe.wrong("order of blocks", right=", ".join(gates))
    suspects = list(suspects)
    for mistake, said, value in suspects:
        if probe.close(came, value(), TOLERANCE):
            probe.wrong(mistake, **{"name": name, **said})
    wrong = [k for k in range(len(gates)) if not probe.close(theirs[k], ours[k], TOLERANCE)]
    for mistake, said, value in suspects:  # one block may show it alone
        if probe.close(theirs[wrong[0]], value().chunk(len(gates), -1)[wrong[0]], TOLERANCE):
            probe.wrong(mistake, **{"name": name, **said})
    if not came.isfinite().all():
        probe.wrong("not a number")
    said = [list(gates.values())[k] for k in wrong]
    probe.wrong("block", name=name, zh="、".join(zh for zh, _ in said), en=", ".join(en for _, en in said))


def _paths(parts: Mapping[tuple[str, str], Tensor]) -> Iterator[Suspect]:
    """The sums of some of the paths, but not all."""
    for n in range(len(parts) - 1, 0, -1):
        for kept in combinations(parts, n):
            left = [path for path in parts if path not in kept]
            said = {"zh": "、".join(zh for zh, _ in left), "en": ", ".join(en for _, en in left)}
            yield "missing paths", said, lambda kept=kept: sum(parts[path] for path in kept)


def _by_hand(probe: Probe) -> None:
    """The answer is a function that differentiates itself: only arithmetic in it, no autograd."""
    code = probe.code(probe.answer)
    used, attributes, imports = (code.get(key) for key in ("outside", "attributes", "imports"))
    if [type(part) for part in (used, attributes, imports)] != [dict, list, list]:
        probe.wrong("not a function", kind=getattr(probe.value(probe.answer), "kind", "?"))
    for name in [*attributes, *imports]:
        if not DIFFERENTIATE.isdisjoint(str(name).split(".")):
            probe.wrong("by hand", name=name)
    for name in imports:
        probe.wrong("not allowed", name=f"import {name}")
    for name, stands_for in used.items():
        if stands_for in OUTSIDE:
            continue
        if stands_for == "builtin_function_or_method":  # from torch import tanh
            probe.wrong("imported", name=name)
        probe.wrong(
            "not allowed" if stands_for.startswith(("builtin ", "module ")) else "helper outside", name=name
        )
    for name in attributes:
        probe.need(name in ALLOWED, "not allowed", name=name)


def _by_hand_part(task: Task) -> None:
    @task.part("手写，没有用自动求导", "by hand, without automatic differentiation")
    def _part(probe: Probe) -> None:
        _by_hand(probe)


def _normal(probe: Probe, *shape: int, scale: float = 1.0) -> Tensor:
    return scale * probe.normal(*shape).double()


def _leaves(**tensors: Tensor) -> dict[str, Tensor]:
    return {name: tensor.clone().requires_grad_() for name, tensor in tensors.items()}


def _gradients(loss: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if one is None else one
        for (name, leaf), one in zip(leaves.items(), found)
    }


def _flat(f: Callable[[Tensor], Tensor], A: Tensor, flat: bool) -> Tensor:
    """f(A), whose derivative is taken for 1 if ``flat``."""
    return f(A.detach()) + A - A.detach() if flat else f(A)


def _product(a: Tensor, b: Tensor, for_a: Tensor | None = None, for_b: Tensor | None = None) -> Tensor:
    """a * b, whose gradients may go through other factors than b and a."""
    still_a, still_b = a.detach(), b.detach()
    one = (a - still_a) * (still_b if for_a is None else for_a.detach())
    other = (b - still_b) * (still_a if for_b is None else for_b.detach())
    return still_a * still_b + one + other


# ---------- F1: an LSTM step ----------
F1 = Task(
    "F1",
    "手写反向传播：LSTM 的一步",
    "By hand: backward through one LSTM step",
    level="core",
    minutes=40,
    trains=(
        "乘积法则和链式法则落到代码：每条路径都走到，每个导数都乘上，每一行都加进来",
        "product rule and chain rule as code: every path taken, no derivative missing, all rows summed",
    ),
    seconds=10,
    device="cpu",
    hints=HINTS
    | BLOCKS
    | {
        "no dC": (
            "{name} 里漏了传来的 dC：C 除了经过 H，还直接交给下一步，那条路的梯度也要加上。",
            "{name} lacks the dC that comes in: C goes through H and also straight to the next step; the gradient "
            "of that path has to be added, too.",
        ),
        "no path through H": (
            "{name} 里只有传来的 dC：C 还决定了 H，从 H 回来的那一份漏了。",
            "{name} has only the dC that comes in: C also makes H, and what comes back from H is missing.",
        ),
        "flat cell": (
            "从 H 回到 C 要过一个 tanh，它的导数漏了（看 {name}）。",
            "The way from H back to C leads through a tanh, whose derivative is missing (see {name}).",
        ),
        "slope of another": (
            "从 H 回到 C，tanh 的导数用错了数：它的值是 tanh(C)，不是 C 或 H（看 {name}）。",
            "From H back to C, the derivative of tanh is taken at the wrong thing: its value is tanh(C), not C "
            "or H (see {name}).",
        ),
        "output gate not on the way": (
            "从 H 回到 C 的路上，输出门也是一个因子，这里漏了（看 {name}）。",
            "On the way from H back to C the output gate is a factor, and it is missing (see {name}).",
        ),
        "summed over the gates": (
            "{name} 的形状是（B,）：各行的数加在了一起，一行剩一个。要加起来的是批量，四块留着。",
            "{name} has the shape (B,): the numbers of each row were added, one is left for a row. Sum over the batch; the "
            "four blocks stay.",
        ),
        "exchanged": (
            "dH_0 和 dC_0 返回时换了位置。",
            "dH_0 and dC_0 come back in each other's place.",
        ),
        "activated again": (
            "{name} 里，激活函数多用了一次：kept 里的 I、F、G、O 已经是激活之后的值。",
            "In {name} an activation is applied once more: I, F, G, O in kept are values after the activations.",
        ),
        "output gate from dC": (
            "{name} 里，输出门的梯度用了 C 的梯度；O 不经过 C，它直接参与 H。",
            "In {name} the output gate has the gradient of C; O does not go through C, it is a factor of H itself.",
        ),
        "flat candidate": (
            "{name} 里，候选记忆元的 tanh 的导数漏了。",
            "In {name} the derivative of the candidate's tanh is missing.",
        ),
        "candidate with a sigmoid": (
            "{name} 里，候选记忆元用了 sigmoid 的导数；它的激活函数是 tanh。",
            "In {name} the candidate has the derivative of a sigmoid; its activation is tanh.",
        ),
        "I and F swapped": (
            "{name} 里，输入门和遗忘门的搭档换错了：C 的公式里，各是谁乘谁？",
            "In {name} the input gate and the forget gate have each other's partners: who multiplies whom in the formula "
            "of C?",
        ),
        "new C for the old": (
            "{name} 里，遗忘门乘的是新的 C；公式里它乘的是哪一步的记忆元？",
            "In {name} the forget gate meets the new C; the cell of which step does it multiply in the formula?",
        ),
        "output gate without tanh": (
            "{name} 里，和 O 相乘的应该是 tanh(C)。",
            "In {name} the factor multiplied by O should be tanh(C).",
        ),
        "candidate's gate": (
            "{name} 里，候选记忆元的梯度过错了门：写入它的是哪个门？",
            "In {name} the candidate's gradient goes through the wrong gate: which gate writes it?",
        ),
        "wrong gate": (
            "{name} 过错了门：留下旧记忆的是遗忘门，这里乘的是{zh}。",
            "{name} goes through the wrong gate: it is the forget gate that keeps the old memory; here {en} is the factor.",
        ),
        "no forget gate": (
            "{name} 没有过遗忘门：C_0 乘了 F 才进 C，梯度回来时也要乘 F。",
            "{name} does not pass the forget gate: C_0 enters C scaled by F, and its gradient comes back scaled the "
            "same way.",
        ),
        "new H for the old": (
            "{name} 用的是这一步的 H；乘这个权重的是上一步的 H_0。",
            "{name} uses H of this step; what this weight multiplies is H_0, of the step before.",
        ),
    },
)
LSTM_GATES: Gates = {
    "I": ("输入门 I", "the input gate I"),
    "F": ("遗忘门 F", "the forget gate F"),
    "G": ("候选记忆元 G", "the candidate G"),
    "O": ("输出门 O", "the output gate O"),
}
F1_NAMES = ("dX", "dH_0", "dC_0", "dW_x", "dW_h", "db")


def _f1_case(probe: Probe, D: int, H: int, B: int) -> dict[str, Tensor]:
    return {
        "X": _normal(probe, B, D),
        "H_0": _normal(probe, B, H),
        "C_0": _normal(probe, B, H),
        "W_x": _normal(probe, D, 4 * H, scale=0.6),
        "W_h": _normal(probe, H, 4 * H, scale=0.6),
        "b": _normal(probe, 4 * H),
        "dH": _normal(probe, B, H),
        "dC": _normal(probe, B, H),
    }


def _f1_cell_of(raw: Mapping[str, Tensor], C_0: Tensor) -> Tensor:
    i, f, g, _ = (one.detach() for one in raw.values())
    return f.sigmoid() * C_0.detach() + i.sigmoid() * g.tanh()


def _f1_step(
    at: Mapping[str, Tensor], A: Tensor, twist: str = ""
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Gates, H_1 and C_1; a twist changes no value, only what autograd thinks of them."""
    raw = dict(zip(LSTM_GATES, A.chunk(4, -1)))
    gate = {
        name: _flat(
            torch.tanh if name == "G" else torch.sigmoid, raw[name], twist in (f"flat {name}", "flat all")
        )
        for name in raw
    }
    if twist == "sigmoid G":
        g = gate["G"].detach()
        gate["G"] = g + g * (1 - g) * (raw["G"] - raw["G"].detach())
    if twist.startswith("again"):  # activated once more: everywhere, or where a derivative is taken
        for name, one in gate.items():
            twice = (one.tanh() if name == "G" else one.sigmoid()).detach()
            slope = 1 - twice.square() if name == "G" else twice - twice.square()
            value = twice if twist == "again" else one.detach()
            gate[name] = value + slope * (raw[name] - raw[name].detach())
    if twist == "flat gates":
        gate |= {name: _flat(torch.sigmoid, raw[name], True) for name in "IFO"}
    I, F, G, O = gate.values()  # noqa: E741
    C_0, still = at["C_0"], {name: one.detach() for name, one in gate.items()}
    value = still["F"] * C_0.detach() + still["I"] * still["G"]
    for_F = {"I and F swapped": still["G"], "new C for the old": value}.get(twist)
    for_I = C_0 if twist == "I and F swapped" else None
    for_G = {"G by F": still["F"], "G by O": still["O"], "G by none": torch.ones_like(value)}.get(twist)
    for_C = {"C by I": still["I"], "C by O": still["O"], "C by none": torch.ones_like(value)}.get(twist)
    C_1 = _product(F, C_0, for_F, for_C) + _product(I, G, for_I, for_G)
    if twist == "again":  # the C that was kept is the right one
        C_1 = C_1 - value + _f1_cell_of(raw, C_0)
    squashed = _flat(torch.tanh, C_1, twist == "flat cell")
    if twist in ("slope at C", "slope at H"):
        other = value if twist == "slope at C" else still["O"] * value.tanh()
        squashed = value.tanh() + (1 - other**2) * (C_1 - value)
    if twist == "no path through H":
        squashed = squashed.detach()
    for_O = C_1 if twist == "output gate without tanh" else None
    for_T = torch.ones_like(value) if twist == "output gate not on the way" else None
    return gate, _product(O, squashed, for_O, for_T), C_1


def _f1_gradients(case: Mapping[str, Tensor], twist: str = "") -> dict[str, Tensor]:
    """Gradients of sum(H_1 dH + C_1 dC), and dA, that of what the gates are computed from."""
    leaves = _leaves(**{name: case[name] for name in ("X", "H_0", "C_0", "W_x", "W_h", "b")})
    A = leaves["X"] @ leaves["W_x"] + leaves["H_0"] @ leaves["W_h"] + leaves["b"]
    _, H_1, C_1 = _f1_step(leaves, A, twist)
    loss = (H_1 * case["dH"]).sum() + (0.0 if twist == "no dC" else 1.0) * (C_1 * case["dC"]).sum()
    return {f"d{name}": one for name, one in _gradients(loss, leaves | {"A": A}).items()}


def _f1_kept(case: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        A = case["X"] @ case["W_x"] + case["H_0"] @ case["W_h"] + case["b"]
        gate, _, C_1 = _f1_step(case, A)
    kept = [case[name] for name in ("X", "H_0", "C_0", "W_x", "W_h")] + [*gate.values(), C_1]
    return tuple(one.clone() for one in kept)


def _f1_ask(probe: Probe, case: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the answer makes of a case, by name, shapes seen to."""
    (B, D), H = case["X"].shape, case["H_0"].shape[1]
    state, four = {"B": B, "H": H}, {"4H": 4 * H}
    axes = [{"B": B, "D": D}, state, state, {"D": D, **four}, {"H": H, **four}, four]
    came = probe.call(probe.answer, _f1_kept(case), case["dH"], case["dC"])
    last = came[-1] if isinstance(came, (tuple, list)) and len(came) == len(F1_NAMES) else None
    if isinstance(last, Tensor) and last.shape == (B,) and B != 4 * H:
        probe.wrong("summed over the gates", name=F1_NAMES[-1])
    return _shapes(probe, came, dict(zip(F1_NAMES, axes)), B)


def _f1_twists(case: Mapping[str, Tensor], name: str) -> Iterator[Suspect]:
    """What the mistakes on the way from H_1 and C_1 to the gates make of a gradient."""
    plain = [
        "no dC", "no path through H", "flat cell", "I and F swapped", "new C for the old", "output gate without tanh",
        "output gate not on the way",
    ]  # fmt: skip
    named = {
        "flat G": "flat candidate",
        "sigmoid G": "candidate with a sigmoid",
        "G by F": "candidate's gate",
    }
    named |= {"G by O": "candidate's gate", "G by none": "candidate's gate"}
    named |= {"slope at C": "slope of another", "slope at H": "slope of another"}
    named |= {"again": "activated again", "again slopes": "activated again"}
    for twist in plain:
        yield twist, {}, lambda twist=twist: _f1_gradients(case, twist)[name]
    for twist, mistake in named.items():
        yield mistake, {}, lambda twist=twist: _f1_gradients(case, twist)[name]
    for gate in "IFO":
        zh, en = LSTM_GATES[gate]
        yield "flat gate", {"zh": zh, "en": en}, lambda gate=gate: _f1_gradients(case, f"flat {gate}")[name]
    said = {"zh": "三个门", "en": "all three gates"}
    yield "flat gate", said, lambda: _f1_gradients(case, "flat gates")[name]
    yield "flat gate", said, lambda: _f1_gradients(case, "flat all")[name]


@F1.part("形状：六个梯度", "shape: six gradients")
def _f1_shape(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B D H", 2):
        _f1_ask(probe, _f1_case(probe, **sizes))


def _f1_output_from_cell(case: Mapping[str, Tensor]) -> Tensor:
    """db, if the whole gradient of C went into the output gate instead of dH."""
    right = _f1_gradients(case)
    *others, dO = right["dA"].chunk(4, -1)
    into_C = right["dC_0"] / _f1_raw(case)[1].sigmoid()
    return torch.cat([*others, dO / case["dH"] * into_C], -1).sum(0)


@F1.part("db：四块，一块一个门", "db: four blocks, one for each gate")
def _f1_bias(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f1_case(probe, **sizes)
        right = _f1_gradients(case)["db"]
        mean = ("mean over the batch", {}, lambda right=right, B=sizes["B"]: right / B)
        suspects = [mean, ("output gate from dC", {}, lambda case=case: _f1_output_from_cell(case))]
        suspects += _f1_twists(case, "db")
        _blocks(probe, "db", _f1_ask(probe, case)["db"], right, LSTM_GATES, suspects)


@F1.part("dW_x、dW_h", "dW_x and dW_h")
def _f1_weights(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f1_case(probe, **sizes)
        came, right = _f1_ask(probe, case), _f1_gradients(case)
        for name in ("dW_x", "dW_h"):
            suspects = [("mean over the batch", {}, lambda right=right[name], B=sizes["B"]: right / B)]
            if name == "dW_h":
                _, H_1, _ = _f1_step(case, torch.cat(_f1_raw(case), -1))
                dA = right["dA"]
                suspects.append(
                    ("new H for the old", {}, lambda H_1=H_1, dA=dA: torch.einsum("bi,bj->ij", H_1, dA))
                )
            _blocks(probe, name, came[name], right[name], LSTM_GATES, suspects)


def _f1_raw(case: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    return (case["X"] @ case["W_x"] + case["H_0"] @ case["W_h"] + case["b"]).chunk(4, -1)


def _gate_paths(dA: Tensor, W: Tensor, gates: Gates) -> dict[tuple[str, str], Tensor]:
    """What each gate sends back through its block of a weight."""
    blocks = zip(gates.values(), dA.chunk(len(gates), -1), W.chunk(len(gates), -1))
    return {said: torch.einsum("bj,ij->bi", d, w) for said, d, w in blocks}


def _transposed(dA: Tensor, W: Tensor, gates: Gates) -> Iterator[Suspect]:
    """Every block of a square weight the wrong way round."""
    if W.shape[0] * len(gates) == W.shape[1]:
        blocks = list(zip(dA.chunk(len(gates), -1), W.chunk(len(gates), -1)))
        yield "transposed weight", {}, lambda: sum(torch.einsum("bj,ji->bi", d, w) for d, w in blocks)


@F1.part("dX、dH_0：四条路都走到", "dX and dH_0: all four paths")
def _f1_inputs(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f1_case(probe, **sizes)
        came, right = _f1_ask(probe, case), _f1_gradients(case)
        pairs = (("dH_0", "dC_0"), ("dC_0", "dH_0"))
        swapped = all(probe.close(came[name], right[other], TOLERANCE) for name, other in pairs)
        probe.need(not swapped, "exchanged")
        for name, weight in (("dX", "W_x"), ("dH_0", "W_h")):
            dA, W = right["dA"], case[weight]
            suspects = [*_transposed(dA, W, LSTM_GATES), *_paths(_gate_paths(dA, W, LSTM_GATES))]
            _compare(probe, name, came[name], right[name], suspects)


@F1.part("dC_0：直接的那条路", "dC_0: the direct path")
def _f1_cell(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f1_case(probe, **sizes)
        right = _f1_gradients(case)["dC_0"]
        suspects = [
            (mistake, said, lambda case=case, twist=twist: _f1_gradients(case, twist)["dC_0"])
            for mistake, twist, said in (
                ("wrong gate", "C by I", dict(zip(("zh", "en"), LSTM_GATES["I"]))),
                ("wrong gate", "C by O", dict(zip(("zh", "en"), LSTM_GATES["O"]))),
                ("no forget gate", "C by none", {}),
            )
        ]
        suspects += _f1_twists(case, "dC_0")
        _compare(probe, "dC_0", _f1_ask(probe, case)["dC_0"], right, suspects)


@F1.part("一步接一步，与 nn.LSTM 走 T 步一样", "step by step, the same as nn.LSTM over T steps")
def _f1_chain(probe: Probe) -> None:
    D, H, B, T = 3, 4, 2, 5
    layer = nn.LSTM(D, H).double()
    case = _f1_case(probe, D, H, B)
    with torch.no_grad():
        for parameter, value in zip(
            layer.parameters(), (case["W_x"].T, case["W_h"].T, case["b"], 0 * case["b"])
        ):
            parameter.copy_(value)
    X, weights = _normal(probe, T, B, D), _normal(probe, T, B, H)
    start = _leaves(H_0=case["H_0"], C_0=case["C_0"])
    outputs, _ = layer(X, (start["H_0"][None], start["C_0"][None]))
    (outputs * weights).sum().backward()
    steps, H_t, C_t = [], case["H_0"], case["C_0"]
    with torch.no_grad():
        for X_t in X:
            steps.append({**case, "X": X_t, "H_0": H_t, "C_0": C_t})
            _, H_t, C_t = _f1_step(steps[-1], torch.cat(_f1_raw(steps[-1]), -1))
    dH, dC, total = torch.zeros_like(H_t), torch.zeros_like(C_t), 0.0
    for step, weight in zip(reversed(steps), reversed(weights)):
        came = _f1_ask(probe, {**step, "dH": dH + weight, "dC": dC})
        dH, dC, total = came["dH_0"], came["dC_0"], total + came["dW_h"]
    _compare(probe, "dW_h", total, layer.weight_hh_l0.grad.T)
    _compare(probe, "dH_0", dH, start["H_0"].grad)
    _compare(probe, "dC_0", dC, start["C_0"].grad)


_by_hand_part(F1)

# ---------- F2: a GRU step ----------
F2 = Task(
    "F2",
    "手写反向传播：GRU 的一步",
    "By hand: backward through one GRU step",
    level="core",
    minutes=40,
    trains=(
        "门里套门的链式法则；重置门在乘法之后时，两个偏置的梯度为什么不同",
        "the chain rule with one gate inside another; why two biases differ in their gradients when the reset gate comes "
        "after the product",
    ),
    seconds=10,
    device="cpu",
    hints=HINTS
    | BLOCKS
    | {
        "flat candidate": F1.hints["flat candidate"]._replace(zh="{name} 里，候选隐状态的 tanh 的导数漏了。"),
        "Z the other way round": (
            "{name} 里，Z 和 1 - Z 换了位置：这里 Z 接近 1 是保留（第 8 章），有些教材正好反过来。",
            "In {name} Z and 1 - Z are the wrong way round: here Z near 1 means keep (chapter 8); some textbooks have the "
            "opposite.",
        ),
        "sign of Z": (
            "{name} 里，更新门那一块的正负反了：Z 增大时，H_t 向谁靠近？",
            "In {name} the update gate's block has the wrong sign: when Z grows, what does H_t move towards?",
        ),
        "half of Z": (
            "{name} 里，更新门只算了一半：H_t 的公式里，Z 出现了两次。",
            "In {name} the update gate has only half of its gradient: Z occurs twice in the formula of H_t.",
        ),
        "reset before": (
            "{name} 里，重置门的搭档是 H_{{t-1}}，那是重置门在乘法之前的写法。这里它乘的是 H_{{t-1}} W_hh + b_hh。",
            "In {name} the reset gate's partner is H_{{t-1}}, as in the form with the gate before the product. Here it "
            "multiplies H_{{t-1}} W_hh + b_hh.",
        ),
        "reset skipped": (
            "{name} 里，候选那一块没有过重置门：隐状态一侧的 H_{{t-1}} W_hh + b_hh 整个都乘了 R。",
            "In {name} the candidate's block does not pass the reset gate: on the hidden side all of H_{{t-1}} W_hh + b_hh "
            "is multiplied by R.",
        ),
        "reset on both": (
            "{name} 里，候选那一块多乘了 R：输入一侧的 X_t W_xh + b_xh 在重置门外面。",
            "In {name} the candidate's block has an R too many: X_t W_xh + b_xh on the input side is outside the reset gate.",
        ),
        "direct path by 1 - Z": (
            "{name} 里，直接的那条路乘了 1 - Z；留下旧状态的是 Z。",
            "In {name} the direct path has the factor 1 - Z; it is Z that keeps the old state.",
        ),
        "direct path bare": (
            "{name} 里，直接的那条路没有过更新门。",
            "In {name} the direct path does not pass the update gate.",
        ),
    },
)
GRU_GATES: Gates = {
    "R": ("重置门 R", "the reset gate R"),
    "Z": ("更新门 Z", "the update gate Z"),
    "N": ("候选隐状态 N", "the candidate N"),
}
DIRECT = ("直接留下的旧状态", "the old state that is kept as it is")
F2_NAMES = ("dX", "dH_0", "dW_x", "dW_h", "db_x", "db_h")


def _f2_case(probe: Probe, D: int, H: int, B: int) -> dict[str, Tensor]:
    return {
        "X": _normal(probe, B, D),
        "H_0": _normal(probe, B, H),
        "W_x": _normal(probe, D, 3 * H, scale=0.6),
        "W_h": _normal(probe, H, 3 * H, scale=0.6),
        "b_x": _normal(probe, 3 * H),
        "b_h": _normal(probe, 3 * H),
        "dH": _normal(probe, B, H),
    }


def _f2_step(
    H_0: Tensor, A_x: Tensor, A_h: Tensor, twist: str = ""
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """R, Z, N, the hidden side of the candidate, and H_1; twists as in `_f1_step`."""
    (x_r, x_z, x_n), (h_r, h_z, P) = A_x.chunk(3, -1), A_h.chunk(3, -1)
    R = _flat(torch.sigmoid, x_r + h_r, twist in ("flat R", "flat gates"))
    Z = _flat(torch.sigmoid, x_z + h_z, twist in ("flat Z", "flat gates"))
    one = torch.ones_like(Z)
    for_R = H_0 if twist == "reset before" else None
    for_P = one if twist == "reset skipped" else None
    N = _flat(torch.tanh, x_n + _product(R, P, for_R, for_P), twist == "flat candidate")
    flipped = twist == "Z the other way round"
    keep = N if flipped or twist == "sign of Z" else 0 * N if twist == "half of Z / N" else H_0
    drop = H_0 if flipped or twist == "sign of Z" else 0 * N if twist == "half of Z / H" else N
    for_H = {"direct path by 1 - Z": one - Z, "direct path bare": one, "no direct path": 0 * one}.get(twist)
    kept = _product(Z, H_0, keep, one - Z if flipped else for_H)
    return {"R": R, "Z": Z, "N": N}, P, kept + _product(1 - Z, N, drop, Z if flipped else None)


def _f2_gradients(case: Mapping[str, Tensor], twist: str = "") -> dict[str, Tensor]:
    """Gradients of sum(H_1 dH), those of both sides of the gates, and ``direct``, what H_0 gets past the gates."""
    leaves = _leaves(**{name: case[name] for name in ("X", "H_0", "W_x", "W_h", "b_x", "b_h")})
    past = case["H_0"].clone().requires_grad_()  # H_0 where no weight multiplies it
    A_x = leaves["X"] @ leaves["W_x"] + leaves["b_x"]
    A_h = leaves["H_0"] @ leaves["W_h"] + leaves["b_h"]
    _, _, H_1 = _f2_step(past, A_x, A_h, twist)
    found = _gradients((H_1 * case["dH"]).sum(), leaves | {"A_x": A_x, "A_h": A_h, "past": past})
    found["H_0"] = found["H_0"] + found["past"]
    return {f"d{name}": one for name, one in found.items()}


def _f2_kept(case: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    with torch.no_grad():
        A_x, A_h = case["X"] @ case["W_x"] + case["b_x"], case["H_0"] @ case["W_h"] + case["b_h"]
        gate, P, _ = _f2_step(case["H_0"], A_x, A_h)
    kept = [case[name] for name in ("X", "H_0", "W_x", "W_h")] + [*gate.values(), P]
    return tuple(one.clone() for one in kept)


def _f2_ask(probe: Probe, case: Mapping[str, Tensor]) -> dict[str, Tensor]:
    (B, D), H = case["X"].shape, case["H_0"].shape[1]
    three = {"3H": 3 * H}
    axes = [{"B": B, "D": D}, {"B": B, "H": H}, {"D": D, **three}, {"H": H, **three}, three, three]
    came = probe.call(probe.answer, _f2_kept(case), case["dH"])
    return _shapes(probe, came, dict(zip(F2_NAMES, axes)), B)


def _f2_twists(case: Mapping[str, Tensor], name: str, twists: Iterable[str]) -> Iterator[Suspect]:
    for twist in twists:
        mistake, said = twist.split(" / ")[0], {}
        if twist in ("flat R", "flat Z"):
            mistake, said = "flat gate", dict(zip(("zh", "en"), GRU_GATES[twist[-1]]))
        if twist == "flat gates":
            mistake, said = "flat gate", {"zh": "两个门", "en": "both gates"}
        yield mistake, said, lambda twist=twist: _f2_gradients(case, twist)[name]


F2_TWISTS = (
    "Z the other way round", "sign of Z", "half of Z / N", "half of Z / H", "reset before", "flat candidate",
    "flat R", "flat Z", "flat gates",
)  # fmt: skip


@F2.part("形状：六个梯度", "shape: six gradients")
def _f2_shape(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B D H", 2):
        _f2_ask(probe, _f2_case(probe, **sizes))


@F2.part("db_x、db_h：三块，一块一个门", "db_x and db_h: three blocks, one for each gate")
def _f2_bias(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f2_case(probe, **sizes)
        came, right = _f2_ask(probe, case), _f2_gradients(case)
        _f2_sides(probe, case, came, right, ("db_x", "db_h"))


def _f2_sides(
    probe: Probe, case: Mapping[str, Tensor], came: dict, right: dict, names: tuple[str, str]
) -> None:
    """A gradient of the input side and its twin of the hidden side."""
    B, (X, H_0) = len(case["X"]), (case["X"], case["H_0"])
    of_bias = names[0] == "db_x"
    for name, mistake in zip(names, ("reset on both", "reset skipped")):
        on_both = mistake == "reset on both"
        ours, rows, dA = right[name], X if on_both else H_0, right["dA_h" if on_both else "dA_x"]
        other = dA.sum(0) if of_bias else torch.einsum("bi,bj->ij", rows, dA)
        suspects: list[Suspect] = [
            ("mean over the batch", {}, lambda ours=ours: ours / B),
            (mistake, {}, lambda other=other: other),
        ]
        _blocks(probe, name, came[name], ours, GRU_GATES, [*suspects, *_f2_twists(case, name, F2_TWISTS)])


@F2.part("dW_x、dW_h", "dW_x and dW_h")
def _f2_weights(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f2_case(probe, **sizes)
        _f2_sides(probe, case, _f2_ask(probe, case), _f2_gradients(case), ("dW_x", "dW_h"))


@F2.part("dX：三条路", "dX: three paths")
def _f2_input(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f2_case(probe, **sizes)
        right = _f2_gradients(case)
        paths = _gate_paths(right["dA_x"], case["W_x"], GRU_GATES)
        both = sum(_gate_paths(right["dA_h"], case["W_x"], GRU_GATES).values())
        suspects = [("reset on both", {}, lambda both=both: both), *_paths(paths)]
        _compare(probe, "dX", _f2_ask(probe, case)["dX"], right["dX"], suspects)


@F2.part("dH_0：三条路，还有直接的那条", "dH_0: three paths, and the direct one")
def _f2_state(probe: Probe) -> None:
    for sizes in drawn(probe, "D H B", "B", 2):
        case = _f2_case(probe, **sizes)
        right = _f2_gradients(case)
        dA, W, past = right["dA_h"], case["W_h"], right["dpast"]
        paths = {DIRECT: past, **_gate_paths(dA, W, GRU_GATES)}
        skipped = sum(_gate_paths(right["dA_x"], W, GRU_GATES).values())
        suspects = [
            (mistake, said, lambda value=value, past=past: value() + past)
            for mistake, said, value in _transposed(dA, W, GRU_GATES)
        ]
        suspects.append(("reset skipped", {}, lambda past=past, skipped=skipped: past + skipped))
        suspects += _paths(paths)
        suspects += _f2_twists(case, "dH_0", ("direct path by 1 - Z", "direct path bare"))
        _compare(probe, "dH_0", _f2_ask(probe, case)["dH_0"], right["dH_0"], suspects)


@F2.part("一步接一步，与 nn.GRU 走 T 步一样", "step by step, the same as nn.GRU over T steps")
def _f2_chain(probe: Probe) -> None:
    D, H, B, T = 3, 4, 2, 5
    layer = nn.GRU(D, H).double()
    case = _f2_case(probe, D, H, B)
    with torch.no_grad():
        for parameter, name in zip(layer.parameters(), ("W_x", "W_h", "b_x", "b_h")):
            parameter.copy_(case[name].T if name.startswith("W") else case[name])
    X, weights = _normal(probe, T, B, D), _normal(probe, T, B, H)
    start = case["H_0"].clone().requires_grad_()
    outputs, _ = layer(X, start[None])
    (outputs * weights).sum().backward()
    states = [case["H_0"], *outputs.detach()]
    dH, total = torch.zeros_like(case["H_0"]), 0.0
    for t in range(T - 1, -1, -1):
        came = _f2_ask(probe, {**case, "X": X[t], "H_0": states[t], "dH": dH + weights[t]})
        dH, total = came["dH_0"], total + came["db_h"]
    _compare(probe, "db_h", total, layer.bias_hh_l0.grad)
    _compare(probe, "dH_0", dH, start.grad)


_by_hand_part(F2)

# ---------- F3: an RNN through T steps ----------
F3 = Task(
    "F3",
    "手写反向传播：RNN 走 T 步",
    "By hand: backward through T steps of an RNN",
    level="stretch",
    minutes=30,
    trains=(
        "随时间反向传播：只有状态的梯度要一步步走，权重的梯度最后一次乘完",
        "backpropagation through time: only the state's gradient goes step by step; the weights take one product at the "
        "end",
    ),
    seconds=10,
    device="cpu",
    hints=HINTS
    | {
        "no carry": (
            "{name}：各步像是互不相干。H_t 还通向下一步，从那里回来的梯度要加到 dH[t] 上。",
            "{name}: the steps look unrelated. H_t leads to the next step, too, and the gradient that comes back from "
            "there has to be added to dH[t].",
        ),
        "last step only": (
            "{name}：只有最后一步的 dH 起了作用；每一步都有自己的 dH[t] 进来。",
            "{name}: only the last step's dH has an effect; a dH[t] of its own comes in at every step.",
        ),
        "flat": (
            "{name}：tanh 的导数漏了。",
            "{name}: the derivative of tanh is missing.",
        ),
        "slope of the step before": (
            "{name}：tanh 的导数取自前一步的状态。states 比 X 多一个：states[0] 是初始状态。",
            "{name}: the derivative of tanh is taken at the state of the step before. There is one more in states than in "
            "X: states[0] is the initial state.",
        ),
        "carry without the slope": (
            "{name}：从下一步传回来的梯度没有过 tanh 的导数；要先把两份加起来，再乘导数。",
            "{name}: what comes back from the next step does not pass the derivative of tanh; add the two first, then "
            "multiply.",
        ),
        "forwards": (
            "{name}：走的方向反了。最后一步的梯度最先知道。",
            "{name}: the loop runs the wrong way. The gradient of the last step is known first.",
        ),
        "states after": (
            "{name}：和第 t 步的梯度配对的是 H_t；乘 W_hh 的是 H_{{t-1}}，错开一步。",
            "{name}: the gradient of step t is paired with H_t; what W_hh multiplies is H_{{t-1}}, one step earlier.",
        ),
        "no initial state": (
            "{name}：少了第 1 步的那一份。那一步乘 W_hh 的是初始状态，它不一定是 0。",
            "{name}: the share of step 1 is missing. What W_hh multiplies there is the initial state, which need not be 0.",
        ),
        "stopped before W_hh": (
            "{name}：停在了第 1 步的 tanh 里面；到初始状态还要过一次 W_hh。",
            "{name}: it stops inside the tanh of step 1; to the initial state it is one more W_hh.",
        ),
        "steps not summed": (
            "{name} 还留着时间那一维：T 步用的是同一份参数，各步的梯度要加起来。",
            "{name} still has the axis of time: all T steps use the same parameter, so add the gradients of the steps.",
        ),
        "products in the loop": (
            "数都对。T 从 {T1} 到 {T2}，矩阵乘法多了 {more} 次：每多一步只该多一次，用来把状态的梯度传回去。"
            "dW_xh、dW_hh、dX 都可以等循环走完，各用一次乘法算好。",
            "The numbers are right. From T = {T1} to T = {T2} there are {more} more matrix products; one per step should do, "
            "to carry the gradient of the state back. dW_xh, dW_hh and dX can wait until the loop is over and take one "
            "product each.",
        ),
    },
)
F3_NAMES = ("dX", "dH_0", "dW_xh", "dW_hh", "db")


def _f3_case(probe: Probe, T: int, D: int, H: int, B: int) -> dict[str, Tensor]:
    return {
        "X": _normal(probe, T, B, D),
        "H_0": _normal(probe, B, H),
        "W_xh": _normal(probe, D, H, scale=0.6),
        "W_hh": _normal(probe, H, H, scale=0.6),
        "b": _normal(probe, H, scale=0.5),
        "dH": _normal(probe, T, B, H),
    }


def _f3_gradients(case: Mapping[str, Tensor], twist: str = "") -> dict[str, Tensor]:
    """Gradients of sum(H_t dH_t), dA, and ``states``; a twist changes what autograd thinks of a step."""
    leaves = _leaves(**{name: case[name] for name in ("X", "H_0", "W_xh", "W_hh", "b")})
    H_t, found, states = leaves["H_0"], [], [case["H_0"]]
    loss, T = torch.zeros((), dtype=torch.float64), len(case["X"])
    for t in range(T):
        came = H_t.detach() if twist == "no carry" else H_t
        through = came @ leaves["W_hh"]
        if twist == "transposed weight":
            through = came.detach() @ leaves["W_hh"] + (came - came.detach()) @ case["W_hh"].T
        A = leaves["X"][t] @ leaves["W_xh"] + through + leaves["b"]
        before, value = states[-1], A.detach().tanh()
        found.append(A)
        H_t = _flat(torch.tanh, A, twist == "flat")
        if twist == "slope of the step before":
            H_t = value + (1 - before**2) * (A - A.detach())
        if twist != "last step only" or t == T - 1:
            loss = loss + (H_t * case["dH"][t]).sum()
        if twist == "carry without the slope":
            H_t = _flat(torch.tanh, A, True)
        states.append(value)
    all_found = _gradients(loss, leaves | {str(t): A for t, A in enumerate(found)})
    gradients = {f"d{name}": all_found[name] for name in leaves}
    return gradients | {
        "dA": torch.stack([all_found[str(t)] for t in range(T)]),
        "states": torch.stack(states),
    }


def _f3_forwards(case: Mapping[str, Tensor], name: str) -> Tensor:
    """Carrying from step 1 to step T: the right thing for the sequence read from its end."""
    states = _f3_gradients(case)["states"].narrow(0, 1, len(case["X"]))
    dA, carried = [], torch.zeros_like(case["H_0"])
    for H_t, dH_t in zip(states, case["dH"]):
        dA.append((dH_t + carried) * (1 - H_t.square()))
        carried = torch.einsum("bj,ij->bi", dA[-1], case["W_hh"])
    total = torch.stack(dA)
    return {"db": total.sum((0, 1)), "dX": torch.einsum("tbj,ij->tbi", total, case["W_xh"])}[name]


def _f3_past_the_slope(case: Mapping[str, Tensor], name: str) -> Tensor:
    """What is carried back goes through W_hh only, and the derivative of tanh comes after."""
    slopes = 1 - _f3_gradients(case)["states"].narrow(0, 1, len(case["X"])).square()
    dA = _f3_gradients(case, "flat")["dA"] * slopes
    return {"db": dA.sum((0, 1)), "dX": torch.einsum("tbj,ij->tbi", dA, case["W_xh"])}[name]


def _f3_ask(probe: Probe, case: Mapping[str, Tensor]) -> dict[str, Tensor]:
    (T, B, D), H = case["X"].shape, case["H_0"].shape[1]
    axes = [{"T": T, "B": B, "D": D}, {"B": B, "H": H}, {"D": D, "H": H}, {"H_{t-1}": H, "H": H}, {"H": H}]
    came = _tuple(probe, probe.call(probe.answer, _f3_kept(case), case["dH"]), F3_NAMES)
    for name, one, size in zip(F3_NAMES, came, axes):
        left = {"dW_xh": (T, D, H), "dW_hh": (T, H, H), "db": (T, H)}.get(name)
        if isinstance(one, Tensor) and left is not None and one.shape in (left, (T, B, *size.values())):
            probe.wrong("steps not summed", name=name)
    return _shapes(probe, came, dict(zip(F3_NAMES, axes)), B)


def _f3_kept(case: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    states = _f3_gradients(case)["states"]
    return tuple(one.clone() for one in (case["X"], states, case["W_xh"], case["W_hh"]))


def _f3_twists(case: Mapping[str, Tensor], name: str) -> Iterator[Suspect]:
    for twist in (
        "no carry", "last step only", "flat", "slope of the step before", "carry without the slope", "transposed weight",
    ):  # fmt: skip
        yield twist, {}, lambda twist=twist: _f3_gradients(case, twist)[name]


@F3.part("形状：五个梯度", "shape: five gradients")
def _f3_shape(probe: Probe) -> None:
    for sizes in drawn(probe, "T D H B", "T B D H", 2):
        _f3_ask(probe, _f3_case(probe, **sizes))


@F3.part("db、dX：逐步往回走", "db and dX: back step by step")
def _f3_steps(probe: Probe) -> None:
    for sizes in drawn(probe, "T D H B", "T B", 2):
        case = _f3_case(probe, **sizes)
        came, right = _f3_ask(probe, case), _f3_gradients(case)
        for name in ("db", "dX"):
            suspects: list[Suspect] = [*_f3_twists(case, name)]
            late = lambda name=name, case=case: _f3_past_the_slope(case, name)  # noqa: E731
            suspects.append(("carry without the slope", {}, late))
            suspects.append(("forwards", {}, lambda name=name, case=case: _f3_forwards(case, name)))
            if name == "db":
                mean = right[name] / sizes["B"]
                suspects.append(("mean over the batch", {}, lambda mean=mean: mean))
            _compare(probe, name, came[name], right[name], suspects)


@F3.part("dW_xh、dW_hh：谁和谁配对", "dW_xh and dW_hh: what goes with what")
def _f3_weights(probe: Probe) -> None:
    for sizes in drawn(probe, "T D H B", "T B", 2):
        case = _f3_case(probe, **sizes)
        came, right = _f3_ask(probe, case), _f3_gradients(case)
        T, dA, states = sizes["T"], right["dA"], right["states"]
        for name in ("dW_xh", "dW_hh"):
            mean = right[name] / sizes["B"]
            suspects: list[Suspect] = [("mean over the batch", {}, lambda mean=mean: mean)]
            suspects.append(("transposed weight", {}, lambda right=right[name]: right.mT))
            if name == "dW_hh":
                after = torch.einsum("tbi,tbj->ij", states.narrow(0, 1, T), dA)
                lost = right[name] - torch.einsum("bi,bj->ij", states[0], dA[0])
                suspects.append(("states after", {}, lambda after=after: after))
                suspects.append(("no initial state", {}, lambda lost=lost: lost))
            _compare(probe, name, came[name], right[name], suspects)


@F3.part("dH_0：一直回到初始状态", "dH_0: all the way to the initial state")
def _f3_start(probe: Probe) -> None:
    for sizes in drawn(probe, "T D H B", "T B", 2):
        case = _f3_case(probe, **sizes)
        came, right = _f3_ask(probe, case), _f3_gradients(case)
        first = right["dA"][0]
        _compare(
            probe,
            "dH_0",
            came["dH_0"],
            right["dH_0"],
            [
                ("stopped before W_hh", {}, lambda first=first: first),
                (
                    "transposed weight",
                    {},
                    lambda first=first, case=case: torch.einsum("bj,ji->bi", first, case["W_hh"]),
                ),
            ],
        )


_by_hand_part(F3)


@F3.part("循环里每步只有一次矩阵乘法", "in the loop, one matrix product for each step")
def _f3_products(probe: Probe) -> None:
    T1, T2 = 6, 26
    counts = []
    for T in (T1, T2):
        case = _f3_case(probe, T, 3, 4, 2)
        found = probe.operations(probe.answer, _f3_kept(case), case["dH"])
        counts.append(sum(int(found.get(name, 0)) for name in PRODUCTS))
    more = counts[1] - counts[0]
    probe.need(more <= T2 - T1, "products in the loop", T1=T1, T2=T2, more=more)
