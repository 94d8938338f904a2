"""Chapter 13: fast RNNs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import Opaque

# What really runs, whoever calls it: products that autograd or einsum make are among them. A product is also a
# multiplication whose result is larger than either factor, (B, H, 1) by (B, 1, H), which torch.outer makes, too.
# An addition of a plain number is none: Python's sum adds 0 first.
COUNTING = """
from torch.utils._python_dispatch import TorchDispatchMode

PRODUCTS = set("mm addmm addmm_ bmm baddbmm baddbmm_ addbmm addbmm_ mv addmv addmv_ dot addr addr_".split())
SIGMOIDS = set("tanh tanh_ sigmoid sigmoid_ exp exp_ expm1 _softmax log_sigmoid_forward".split())
ADDITIONS = set("add add_ sub sub_ rsub".split())


def tensors_in(values):
    for one in values:
        if isinstance(one, torch.Tensor):
            yield one
        elif isinstance(one, (list, tuple)):
            yield from tensors_in(one)


class Counter(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.found = {"products": 0, "sigmoids": 0, "additions": 0, "made": 0, "sizes": {}}
        self.outer = None

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor):
            self.count(func.overloadpacket.__name__, args, kwargs, result)
        return result

    def count(self, name, args, kwargs, result):
        given = list(tensors_in([*args, *kwargs.values()]))
        old = {one.untyped_storage().data_ptr() for one in given}
        if result.untyped_storage().data_ptr() not in old:
            self.found["made"] += result.numel()
        factors = [one for one in args if isinstance(one, torch.Tensor)][-2:]
        sizes = [one.numel() for one in factors]
        if name in ("mul", "mul_") and len(sizes) == 2 and result.numel() > max(sizes):
            self.outer = result
            self.product(result.numel())
        elif name in PRODUCTS:
            wide = factors[1].dim() > 1 or name.startswith("addr")
            self.product(sizes[0] * (factors[1].shape[-1] if wide else 1))
            self.found["additions"] += name.startswith(("add", "badd")) and kwargs.get("beta", 1) != 0
        elif name in ADDITIONS:
            self.found["additions"] += len(sizes) == 2 and min(sizes) > 1
        elif name == "sum" and args[0] is not self.outer and result.numel():
            self.found["additions"] += args[0].numel() // result.numel() - 1
        self.found["sigmoids"] += name in SIGMOIDS

    def product(self, size):
        self.found["products"] += 1
        self.found["sizes"][size] = self.found["sizes"].get(size, 0) + 1


def counted(function):
    def run(*args):
        with Counter() as counter:
            function(*args)
        return counter.found
    return run
"""
T1, T2 = 6, 26  # the two lengths whose operations are compared


def _more(few: dict[str, Any], many: dict[str, Any], kind: str) -> dict[str, Any]:
    """How many more of a kind T2 steps make than T1, and for each step; to be filled into a hint."""
    more = many[kind] - few[kind]
    each = more / (T2 - T1)
    return {"T1": T1, "T2": T2, "more": more, "each": f"{each:.1f}".removesuffix(".0"), "enough": each <= 1}


def _multiplications(few: dict[str, Any], many: dict[str, Any]) -> int:
    """How many multiplications of numbers the largest product makes that comes once in every step."""
    before = few["sizes"]
    often = (int(size) for size, n in many["sizes"].items() if n - before.get(size, 0) >= T2 - T1)
    return max(often, default=0)


def _double(*tensors: Tensor) -> list[Tensor]:
    return [tensor.double().requires_grad_() for tensor in tensors]


# ---------- 13a ----------
A = Task(
    "13a",
    "谁可以不排队",
    "What doesn't have to wait",
    level="warm-up",
    minutes=10,
    device="cpu",
    trains=(
        "分清谁在链上、谁不在：不等状态的，先算好或者留到最后，各步一次算完",
        "telling what is on the chain from what isn't: what needn't wait for the state is done for all steps at once, "
        "before the loop or after it",
    ),
    hints={
        "products in the loop": (
            "数都对。T 从 {T1} 到 {T2}，矩阵乘法多了 {more} 次，平均每步 {each} 次；每步非等上一个状态不可的，只有一次。"
            "逐个问一问：这个乘积的两个因子，要等谁？",
            "The numbers are right. From T = {T1} to T = {T2} there are {more} more matrix products, {each} for each "
            "step, and only one per step has to wait for the state before. Ask of each product: what do its two factors "
            "wait for?",
        ),
        "product too wide": (
            "数都对，每步也只有一次乘积，可是这一次太大：B = {B}、D = {D}、H = {H}、Q = {Q} 时，它要做 {came} 次数的乘法，"
            "而 (B, H) 乘 (H, H) 只要 {expected} 次。拼在一起的几块里，有没有不等状态的，或者没有状态等它的？",
            "The numbers are right, and there's one product for each step, but it's too large: with B = {B}, D = {D}, "
            "H = {H}, Q = {Q} it takes {came} multiplications of numbers, and (B, H) times (H, H) only {expected}. Among "
            "the blocks that you joined, is there one that doesn't wait for the state, or one that no state waits for?",
        ),
        "sigmoids in the loop": (
            "乘积都搬好了，可是 σ 还在循环里：T 从 {T1} 到 {T2}，tanh 和 σ 一共多了 {more} 次，平均每步 {each} 次，一次就够。"
            "门由什么算出来？",
            "The products are where they should be, but σ is still in the loop: {more} more calls of tanh and σ from T = {T1} to "
            "T = {T2}, {each} for each step, where one will do. What is a gate computed from?",
        ),
        "additions in the loop": (
            "乘积和 σ 都搬好了，加减法还能少：T 从 {T1} 到 {T2} 多了 {more} 次，平均每步 {each} 次，一次就够"
            "（linear 和 addmm 里带的那次加法也算）。几个加数里，哪些不等状态？",
            "Products and σ are where they should be, but there are still more additions and subtractions than needed: "
            "{more} more from T = {T1} to T = {T2}, {each} for each step, where one will do (the one inside linear or "
            "addmm counts, too). Which of the terms don't wait for the state?",
        ),
        "all steps from H_0": (
            "每一步都从 H_0 出发，互不相干：循环连同链一起没有了。第 t 步等的是第 t - 1 步的状态，这一次等待省不掉。",
            "Every step starts from H_0, unrelated to the others: the loop is gone, and the chain with it. Step t waits for "
            "the state of step t - 1, and there's no way around that.",
        ),
        "no state": (
            "状态没有传下去：W_hh 那一项不见了。",
            "The state isn't handed on: the term with W_hh is missing.",
        ),
        "no initial state": (
            "第 0 步不对：它之前的状态是 H_0，不是零。",
            "Step 0 is wrong: the state before it is H_0, not zero.",
        ),
        "gate after the loop": (
            "循环里传下去的状态没有乘门：门可以提前算，可是乘门在链上，下一步读的就是乘过门的状态。",
            "The state handed on in the loop isn't gated. Gates can be computed early, but multiplying by them is part of "
            "the chain: the next step reads the gated state.",
        ),
        "gate twice": (
            "门乘了两次：状态里已经乘过门，输出由状态直接算，不再乘门。",
            "The gates are applied twice: the states are gated already, and outputs are computed from them as they are.",
        ),
        "gate inside": (
            "门乘到 tanh 里面去了；它乘的是 tanh 的结果。",
            "The gate multiplies what goes into the tanh; it should multiply what comes out.",
        ),
        "no gate": (
            "门没有起作用：和门全是 1 时一样。",
            "The gates have no effect: it's what comes out when they are all 1.",
        ),
        "no sigmoid": (
            "门没有经过 σ。",
            "The gates haven't been through σ.",
        ),
        "exchanged": (
            "两块换了位置：该进门的进了 tanh，该进 tanh 的进了门。",
            "Two blocks are swapped: what belongs to the gate went into the tanh, and the other way around.",
        ),
        "no bias": (
            "b_h 没有加上。",
            "b_h isn't added.",
        ),
        "bias in the gate": (
            "b_h 也加到门里去了；门没有偏置。",
            "b_h has been added to the gates, too; they have no bias.",
        ),
        "bias moved to the gate": (
            "b_h 加到门里去了：它属于 tanh 里面的 A_t，门没有偏置。",
            "b_h went into the gates. It belongs to A_t, inside the tanh; the gates have no bias.",
        ),
        "one step early": (
            "输出早了一步：第 t 个输出是由第 t 步之前的状态算的。",
            "The outputs are one step early: output t is computed from the state before step t.",
        ),
        "gradient": (
            "数都对，{name} 的梯度不对或者没有：图在半路断开了（detach、.data、no_grad、torch.tensor 都会断）。快，也要还能训练。",
            "The numbers are right, but the gradient of {name} is wrong or missing: the graph is cut on the way (detach, "
            ".data, no_grad and torch.tensor all do that). Fast is no use if it can't be trained.",
        ),
    },
)
A_NAMES = ("X", "H_0", "W_xg", "W_xh", "W_hh", "b_h", "W_hq")
A_TWISTS = (
    "all steps from H_0", "no state", "no initial state", "gate after the loop", "gate twice", "gate inside", "no gate",
    "no sigmoid", "exchanged", "no bias", "bias in the gate", "bias moved to the gate", "one step early",
)  # fmt: skip


def _gated_case(probe: Probe, T: int, B: int, D: int, H: int, Q: int) -> list[Tensor]:
    weights = [probe.normal(D, H), probe.normal(D, H), 1.2 * probe.normal(H, H) / H**0.5, probe.normal(H)]
    return [probe.normal(T, B, D), probe.normal(B, H), *weights, probe.normal(H, Q)]


def _gated(case: list[Tensor], twist: str = "") -> Tensor:
    """The outputs (T, B, Q), step by step; a twist makes the mistake of that name."""
    X, H_0, W_xg, W_xh, W_hh, b_h, W_hq = case
    if twist == "exchanged":
        W_xg, W_xh = W_xh, W_xg
    before, outputs = 0 * H_0 if twist == "no initial state" else H_0, []
    for X_t in X:
        gate = X_t @ W_xg + (b_h if twist in ("bias in the gate", "bias moved to the gate") else 0)
        gate = {"no sigmoid": gate, "no gate": torch.ones_like(gate)}.get(twist, gate.sigmoid())
        read = {"no state": 0 * H_0, "all steps from H_0": H_0}.get(twist, before)
        A_t = X_t @ W_xh + read @ W_hh + (0 if twist in ("no bias", "bias moved to the gate") else b_h)
        new = (gate * A_t).tanh() if twist == "gate inside" else gate * A_t.tanh()
        shown = {"one step early": before, "gate twice": gate * new}.get(twist, new)
        outputs.append(shown @ W_hq)
        before = A_t.tanh() if twist == "gate after the loop" else new
    return torch.stack(outputs)


def _gated_matches(probe: Probe, T: int, B: int, D: int, H: int, Q: int, dtype: Any = torch.float32) -> None:
    case = [tensor.to(dtype) for tensor in _gated_case(probe, T, B, D, H, Q)]
    came = probe.shape(probe.call(probe.answer, *case), T=T, B=B, Q=Q)
    probe.need(came.dtype == dtype, "dtype", expected=dtype, came=came.dtype)
    exact = [tensor.double() for tensor in case]
    mistakes = {name: (lambda name=name: _gated(exact, name)) for name in A_TWISTS} if T > 2 else {}
    probe.values(came, _gated(exact), mistakes)


@A.part("形状：X 是 (T, B, D)，结果 (T, B, Q)", "shape: X is (T, B, D), the result (T, B, Q)")
def _a_shape(probe: Probe) -> None:
    for T, B, D, H, Q in ((5, 3, 4, 6, 2), (4, 1, 3, 5, 7), (1, 4, 2, 3, 5), (6, 2, 1, 1, 1)):
        probe.shape(probe.call(probe.answer, *_gated_case(probe, T, B, D, H, Q)), T=T, B=B, Q=Q)


@A.part("和原来的程序一样的数", "the same numbers as the original program")
def _a_values(probe: Probe) -> None:
    _gated_matches(probe, 7, 3, 4, 6, 2)
    _gated_matches(probe, 5, 1, 3, 4, 2, torch.float64)
    for T, B in ((1, 3), (2, 1), (3, 2)):
        _gated_matches(probe, T, B, 4, 5, 3)


@A.part("和原来的程序一样的梯度", "the same gradients as the original program")
def _a_gradients(probe: Probe) -> None:
    case = _gated_case(probe, 6, 3, 4, 5, 2)
    weights, leaves = probe.normal(6, 3, 2), _double(*case)
    found = probe.grad(probe.answer, *case, weights=weights, wrt=tuple(range(len(case))))["inputs"]
    right = torch.autograd.grad(_gated(leaves), leaves, weights.double())
    for name, one, value in zip(A_NAMES, found, right):
        probe.need(isinstance(one, Tensor) and probe.close(one, value, 1e-4), "gradient", name=name)


@A.part("循环里只留下等状态的", "only what waits for the state is in the loop")
def _a_count(probe: Probe) -> None:
    run = probe.define(COUNTING, "counted", probe.answer)
    sizes = {"B": 2, "D": 3, "H": 4, "Q": 5}
    few, many = (probe.call(run, *_gated_case(probe, T, **sizes)) for T in (T1, T2))
    products, *others = (_more(few, many, kind) for kind in ("products", "sigmoids", "additions"))
    probe.need(products["enough"], "products in the loop", **products)
    came, expected = _multiplications(few, many), sizes["B"] * sizes["H"] ** 2
    probe.need(came <= expected, "product too wide", came=came, expected=expected, **sizes)
    for kind, more in zip(("sigmoids", "additions"), others):
        probe.need(more["enough"], f"{kind} in the loop", **more)


# ---------- 13b ----------
B = Task(
    "13b",
    "亲手写一条快路",
    "Write a fast path yourself",
    level="core",
    minutes=25,
    device="cpu",
    trains=(
        "手写 torch.autograd.Function：前向留下什么，反向沿哪几条路往回走，权重的梯度一次乘完",
        "a torch.autograd.Function by hand: what to save on the way forward, which paths lead back, and one product for the "
        "gradient of the weights",
    ),
    hints={
        "not a Function": (
            "要交的是一个类，torch.autograd.Function 的子类，不加括号；实际得到 {kind}。",
            "Hand in a class, derived from torch.autograd.Function, without parentheses; what came is a {kind}.",
        ),
        "not derived": (
            "这个类不是 torch.autograd.Function 的子类。",
            "This class isn't derived from torch.autograd.Function.",
        ),
        "no graph": (
            "前向的结果不通向反向：结果没有连着这个函数。forward 返回的是不是算出来的张量？",
            "Nothing leads from the result of forward to backward. Does forward return the tensor that it computed?",
        ),
        "no gradient": (
            "{name} 得到的梯度是 None：backward 按 forward 参数的次序返回，不求导的 keep 才是 None。",
            "{name} gets None for its gradient. What backward returns is in the order of forward's arguments, and None is "
            "only for keep, which has no gradient.",
        ),
        "the plain RNN": (
            "前向：这是本章的 tanh 网络，keep 没有起作用。",
            "Forward: this is the tanh network of the chapter, and keep has no effect.",
        ),
        "shares exchanged": (
            "前向：两份的比例换了位置。keep 是旧状态的那一份。",
            "Forward: the two shares are swapped. keep is the share of the old state.",
        ),
        "no initial state": (
            "前向：第 0 步之前的状态是 H_0，不是零。",
            "Forward: the state before step 0 is H_0, not zero.",
        ),
        "new share whole": (
            "前向：新的那一份没有乘 1 - keep。",
            "Forward: the new part isn't multiplied by 1 - keep.",
        ),
        "added left out": (
            "前向：tanh 里面少了 added_t。",
            "Forward: added_t is missing inside the tanh.",
        ),
        "forward transposed": (
            "前向：W_hh 转置了。那是往回走时的事。",
            "Forward: W_hh is transposed. That's for the way back.",
        ),
        "kept from H_0": (
            "前向：每一步留下的都是 H_0 的一份；该留的是前一个状态的。",
            "Forward: at every step it's a share of H_0 that is kept, where it should be one of the state before.",
        ),
        "no carry": (
            "各步互不相干：H_t 还通向下一步，从那里回来的也要加到 given[t] 上。",
            "The steps look unrelated. H_t leads to the next step as well, and what comes back from there is to be added to "
            "given[t].",
        ),
        "direct path missing": (
            "从 H_t 回到 H_{{t-1}} 有两条路。经过 W_hh 的那条走了，直接留下来的那一份还没有走。",
            "Two paths lead from H_t back to H_{{t-1}}. The one through W_hh is taken; the one of the share that was simply "
            "kept isn't.",
        ),
        "direct path missing at H_0": (
            "d added 对，dH_0 少了直接的那条路：循环里两条路都走了，到 H_0 的这最后一步也要走两条。",
            "d added is right; dH_0 has only the path through W_hh. The loop takes both paths, and so must this last step "
            "to H_0.",
        ),
        "product path missing at H_0": (
            "d added 对，dH_0 少了经过 tanh 和 W_hh 的那条路：循环里两条路都走了，到 H_0 的这最后一步也要走两条。",
            "d added is right; dH_0 has only the direct path. The loop takes both paths, and so must this last step to H_0.",
        ),
        "product path missing": (
            "从 H_t 回到 H_{{t-1}} 有两条路。直接留下来的那条走了，经过 tanh 和 W_hh 的那条没有走。",
            "Two paths lead from H_t back to H_{{t-1}}. The one of the share that was kept is taken; the one through the tanh "
            "and W_hh isn't.",
        ),
        "direct path without keep": (
            "直接的那条路没有乘 keep：旧状态只留下了一部分，梯度也只回来一部分。",
            "On the direct path the factor keep is missing: only a share of the old state was kept, and only that share of "
            "the gradient comes back.",
        ),
        "direct path too short": (
            "直接的那条路只带回了 given[t]，从后面传来的没有跟着走：往回带的，是 H_t 的全部梯度。",
            "The direct path carries given[t] only, and what came from later steps is left behind. What goes back is the "
            "whole gradient of H_t.",
        ),
        "keep on both paths": (
            "keep 乘到两条路上了：它只属于直接的那条；经过 W_hh 的那条，dA 里已经有 1 - keep。",
            "keep multiplies both paths. It belongs to the direct one only; the one through W_hh has its factor 1 - keep in dA.",
        ),
        "new share twice": (
            "经过 tanh 的那条路乘了两次 1 - keep：dA 里已经有一次了。",
            "On the path through the tanh 1 - keep comes in twice: dA has it already.",
        ),
        "new share missing": (
            "tanh 那条路没有乘 1 - keep。",
            "On the path through the tanh, the factor 1 - keep is missing.",
        ),
        "flat": (
            "tanh 的导数漏了。",
            "The derivative of the tanh is missing.",
        ),
        "slope of the state": (
            "tanh 的导数是由 H_t 算的。在本章的网络里，H_t 就是 tanh 的结果；在这个网络里不是，H_t 里还有旧状态。",
            "The derivative of the tanh is computed from H_t. In the chapter's network H_t is what came out of the tanh; here "
            "it isn't, as part of it is the old state.",
        ),
        "weights not transposed": (
            "往回走时，W_hh 没有转置。",
            "Going back, W_hh isn't transposed.",
        ),
        "last step only": (
            "只有最后一步的 given 起了作用；每一步都有自己的 given[t] 进来。",
            "Only the last step's given has an effect; every step has its own given[t].",
        ),
        "forwards": (
            "走的方向反了：最后一步的梯度最先知道。",
            "The loop runs the wrong way: the gradient of the last step is known first.",
        ),
        "not turned around": (
            "d added 的数都在，次序是反的：循环从最后一步走起，列表也是从最后一步排起的；第 0 步应该在最前面。",
            "The numbers of d added are all there, in reverse order: the loop starts at the last step, and so does the list. "
            "Step 0 should come first.",
        ),
        "stopped at step 0": (
            "dH_0 停在了第 0 步里面：从那一步的状态到 H_0，还要再走一步（两条路）。",
            "dH_0 stops inside step 0: from that step's state to H_0 it is one step more, by both paths.",
        ),
        "states after": (
            "dW_hh：和第 t 步的 dA 配对的是 H_t；乘 W_hh 的是它前面的那个状态。",
            "dW_hh: the dA of step t is paired with H_t, but what W_hh multiplies is the state before it.",
        ),
        "not the states": (
            "dW_hh：配对的是 tanh 的结果；乘 W_hh 的是状态，里面还有旧的那一份。",
            "dW_hh is paired with what came out of the tanh. What W_hh multiplies are the states, which hold a share of the "
            "old state, too.",
        ),
        "first step missing": (
            "dW_hh：少了第 0 步的那一份，那一步乘 W_hh 的是 H_0。",
            "dW_hh: the share of step 0 is missing, where W_hh multiplies H_0.",
        ),
        "steps paired in reverse": (
            "dW_hh：配对的次序反了。状态从第 0 步排起，dA 从最后一步排起（或者反过来），两边要同一步对同一步。",
            "dW_hh pairs the steps in reverse: one side starts at step 0, the other at the last. A state goes with the dA of "
            "its own step.",
        ),
        "rows paired out of order": (
            "dW_hh：T 和 B 并成一维时，状态和 dA 的次序不一样，一边是 (T, B)，另一边是 (B, T)，配成对的就不是同一步的同一行。",
            "dW_hh: T and B are merged in different orders, (T, B) on one side and (B, T) on the other, so what is paired "
            "isn't the same row of the same step.",
        ),
        "transposed": (
            "dW_hh 转置了：行和列反了。",
            "dW_hh is transposed: rows and columns are swapped.",
        ),
        "mean over the batch": (
            "dW_hh 除以了 B：这里没有平均，各行的梯度加起来就是。",
            "dW_hh is divided by B. There's no mean here; the gradients of the rows are added up.",
        ),
        "a gradient": (
            "{name} 不对，最大相差 {gap:.3g}（T = {T}，B = {B}，H = {H}，keep = {keep}）。题目里的例子，反向的三个数也没有全对上："
            "在纸上走一遍那一步，逐个对一对。",
            "{name} is off by up to {gap:.3g} (T = {T}, B = {B}, H = {H}, keep = {keep}). The example in the question doesn't "
            "come out right going back, either: go through its one step on paper and compare the three numbers.",
        ),
        "one step": (
            "{name} 不对，最大相差 {gap:.3g}（T = {T}，B = {B}，H = {H}，keep = {keep}）。题目里的例子对了，可是 T = 1 时"
            "还是不对：那里的 B、H、keep 不同。查一查转置、各行的次序和乘 keep 的地方。",
            "{name} is off by up to {gap:.3g} (T = {T}, B = {B}, H = {H}, keep = {keep}). The example in the question comes "
            "out right, but with T = 1 it's already wrong; what differs are B, H and keep. Look at transposes, at the order "
            "of rows, and where keep comes in.",
        ),
        "from step to step": (
            "{name} 不对，最大相差 {gap:.3g}（T = {T}，B = {B}，H = {H}，keep = {keep}）。T = 1 时三个梯度都对，所以一步的算法没错，"
            "错在从一步到另一步：哪一步的数用在了哪里，往回带的是什么，各步按什么次序收起来？",
            "{name} is off by up to {gap:.3g} (T = {T}, B = {B}, H = {H}, keep = {keep}). With T = 1 all three gradients are "
            "right, so one step is right, and the error is in going from step to step: which step's numbers are used where, "
            "what is carried back, in which order are the steps collected?",
        ),
        "single precision": (
            "输入是 float64，{name} 却只准到 float32 那么多位：中间有一个张量用了默认的类型。",
            "The inputs are float64, but {name} is only as good as float32: a tensor on the way has the default type.",
        ),
        "kept outside": (
            "做两次前向、再做两次反向，就不对了：后一次把前一次留下的盖掉了。要留的东西放在 ctx 里，每次调用各有一个。",
            "With two forward passes and then two backward passes it goes wrong: what the first kept, the second overwrote. "
            "Keep things in ctx; each call has its own.",
        ),
        "memory of another call": (
            "前向交出的张量，底下的内存被另一次调用改写了，torch 不许再由它往回走。每次调用要有自己的内存。",
            "The memory under the tensor that forward hands out was overwritten by another call, so torch won't go back from "
            "it. Each call needs memory of its own.",
        ),
        "products in the loop": (
            "数都对。T 从 {T1} 到 {T2}，反向的乘积多了 {more} 次，平均每步 {each} 次（outer 和它一类的写法也算乘积）；"
            "链上每步只要一次，dW_hh 可以等循环走完。",
            "The numbers are right. From T = {T1} to T = {T2} there are {more} more products going back, {each} for each step "
            "(outer and its like are products, too). The chain takes one; dW_hh can wait until the loop is over.",
        ),
        "a matrix for each step": (
            "数都对，乘积的次数也对，可是 B = {B}、H = {H} 时，每多一步就多造 {size:,} 个数，够装每步一个 (H, H)，"
            "而一步的 (B, H) 只有 {row:,} 个。把 T 和 B 并成一维，就用不着每步一个矩阵。",
            "The numbers are right, and so is the number of products, but with B = {B} and H = {H} each further step makes "
            "{size:,} new numbers, room enough for an (H, H) matrix per step, while a step's (B, H) is only {row:,}. Merge T "
            "and B into one axis, and you don't need a matrix for each step.",
        ),
    },
)
B_NAMES = ("added", "H_0", "W_hh")
B_GRADIENTS = ("d added", "dH_0", "dW_hh")
EXAMPLE = (
    ((1, 1, 1), 0.1),
    ((1, 1), 0.8),
    ((1, 1), 0.5),
    ((1, 1, 1), 1.0),
)  # of the question, with a keep of 0.75
SHARED = "is a view and its base or another view of its base has been modified"
B_FORWARD = (
    "the plain RNN", "shares exchanged", "no initial state", "new share whole", "added left out", "forward transposed",
    "kept from H_0",
)  # fmt: skip
B_BACKWARD = (
    "no carry", "direct path missing", "product path missing", "direct path without keep", "direct path too short",
    "keep on both paths", "new share twice", "new share missing", "flat", "slope of the state", "weights not transposed",
    "last step only",
)  # fmt: skip
APPLYING = (
    COUNTING
    + """

def leaves(tensors):
    return [tensor.detach().requires_grad_() for tensor in tensors]


def forward(Function):
    def run(*inputs):
        return Function.apply(*inputs)
    return run


def applied(Function):
    def run(added, H_0, W_hh, keep, given):
        inputs = leaves((added, H_0, W_hh))
        states = Function.apply(*inputs, keep)
        if getattr(states, "grad_fn", None) is None or states.shape != given.shape:
            return states
        return (states, *torch.autograd.grad(states, inputs, given, allow_unused=True))
    return run


def twice(Function):
    def run(cases, keeps, given):
        inputs = [leaves(case) for case in cases]
        states = [Function.apply(*case, keep) for case, keep in zip(inputs, keeps)]
        return [torch.autograd.grad(*three, allow_unused=True) for three in zip(states, inputs, given)]
    return run


def backward_counted(Function):
    def run(added, H_0, W_hh, keep, given):
        inputs = leaves((added, H_0, W_hh))
        states = Function.apply(*inputs, keep)
        with Counter() as counter:
            torch.autograd.grad(states, inputs, given, allow_unused=True)
        return counter.found
    return run
"""
)


def _slow_case(probe: Probe, T: int, B: int, H: int) -> list[Tensor]:
    """added, H_0, W_hh, and what comes from the layer above, float64."""
    case = [
        probe.normal(T, B, H),
        probe.normal(B, H),
        1.2 * probe.normal(H, H) / H**0.5,
        probe.normal(T, B, H),
    ]
    return [tensor.double() for tensor in case]


def _with_slope(A_t: Tensor, slope: Tensor) -> Tensor:
    """The tanh of A_t, with another derivative."""
    return A_t.tanh().detach() + slope * (A_t - A_t.detach())


def _slow(added: Tensor, H_0: Tensor, W_hh: Tensor, keep: float, twist: str = "") -> Tensor:
    """The states (T, B, H), by autograd's own record; a twist changes what autograd thinks of a step, not its value."""
    H_t, states = H_0, []
    for added_t in added:
        last = H_t.detach() if twist == "no carry" else H_t
        direct, read = (
            last.detach() if twist == f"{path} path missing" else last for path in ("direct", "product")
        )
        share = {"keep on both paths": keep, "new share twice": 1 - keep}.get(twist, 1)
        through = (read.detach() + share * (read - read.detach())) @ W_hh
        if twist == "weights not transposed":
            through = read.detach() @ W_hh + (read - read.detach()) @ W_hh.detach().mT
        A_t = added_t + through
        value = keep * last.detach() + (1 - keep) * A_t.detach().tanh()
        slopes = {"flat": torch.ones_like(value), "slope of the state": 1 - value.square()}
        fresh = _with_slope(A_t, slopes[twist]) if twist in slopes else A_t.tanh()
        new = (1 - keep) * fresh
        if twist == "new share missing":
            new = new.detach() + fresh - fresh.detach()
        old = direct if twist == "direct path without keep" else keep * direct
        H_t = old - old.detach() + keep * last.detach() + new
        states.append(H_t)
        if twist == "direct path too short":
            H_t = keep * last.detach() + new
    if twist == "last step only":
        states = [*(state.detach() for state in states[:-1]), states[-1]]
    return torch.stack(states)


def _slow_forward(added: Tensor, H_0: Tensor, W_hh: Tensor, keep: float, twist: str) -> Tensor:
    """The states of a mistake in the forward pass."""
    old, new = {
        "the plain RNN": (0, 1),
        "shares exchanged": (1 - keep, keep),
        "new share whole": (keep, 1),
    }.get(twist, (keep, 1 - keep))
    H_t, states = 0 * H_0 if twist == "no initial state" else H_0, []
    W_hh = W_hh.mT if twist == "forward transposed" else W_hh
    for added_t in added:
        kept = H_0 if twist == "kept from H_0" else H_t
        H_t = old * kept + new * (added_t * (twist != "added left out") + H_t @ W_hh).tanh()
        states.append(H_t)
    return torch.stack(states)


def _gradients(case: list[Tensor], keep: float, twist: str = "") -> list[Tensor]:
    *inputs, given = case
    leaves = _double(*(tensor.detach() for tensor in inputs))
    found = torch.autograd.grad(_slow(*leaves, keep, twist), leaves, given, allow_unused=True)
    return [torch.zeros_like(leaf) if one is None else one for leaf, one in zip(leaves, found)]


def _forwards(case: list[Tensor], keep: float) -> Tensor:
    """d added of a loop that carries from step 0 to the last."""
    added, H_0, W_hh, given = case
    states = torch.cat([H_0[None], _slow(added, H_0, W_hh, keep)])
    slopes = (1 - keep) * (1 - (added + states[:-1] @ W_hh).tanh().square())
    found, carried = [], torch.zeros_like(H_0)
    for slope, given_t in zip(slopes, given):
        whole = given_t + carried
        found.append(whole * slope)
        carried = keep * whole + torch.einsum("bj,ij->bi", found[-1], W_hh)
    return torch.stack(found)


def _suspects(case: list[Tensor], keep: float) -> Iterator[tuple[str, int, Callable[[], Tensor]]]:
    """(mistake, which gradient, its values)."""
    added, H_0, W_hh, given = case
    right = _gradients(case, keep)
    dA, T = right[0], len(added)
    states = torch.cat([H_0[None], _slow(added, H_0, W_hh, keep)])
    fresh = (added + states[:-1] @ W_hh).tanh()
    for place in range(3):
        for twist in B_BACKWARD:
            yield twist, place, lambda twist=twist, place=place: _gradients(case, keep, twist)[place]
    yield "forwards", 0, lambda: _forwards(case, keep)
    yield "not turned around", 0, lambda: dA.flip(0)

    def paired(rows: Tensor, with_these: Tensor) -> Tensor:
        return torch.einsum("tbi,tbj->ij", rows, with_these)

    slopes = (1 - keep) * (1 - fresh[0].square())
    yield "stopped at step 0", 1, lambda: dA[0]
    yield "stopped at step 0 / its state", 1, lambda: dA[0] / slopes
    yield "direct path missing at H_0", 1, lambda: torch.einsum("bj,ij->bi", dA[0], W_hh)
    yield "product path missing at H_0", 1, lambda: keep * dA[0] / slopes
    yield "states after", 2, lambda: paired(states[1:], dA)
    yield "not the states", 2, lambda: paired(torch.cat([H_0[None], fresh[:-1]]), dA)
    yield "not the states / of the step", 2, lambda: paired(fresh, dA)
    yield "first step missing", 2, lambda: paired(states[1:-1], dA[1:])
    yield "steps paired in reverse", 2, lambda: paired(states[:-1], dA.flip(0))
    turned = dA.transpose(0, 1).reshape(dA.shape)
    yield "rows paired out of order", 2, lambda: paired(states[:-1], turned)
    turned_states = states[:-1].transpose(0, 1).reshape(dA.shape)
    yield "rows paired out of order / states", 2, lambda: paired(turned_states, dA)
    yield "transposed", 2, lambda: right[2].mT
    yield "mean over the batch", 2, lambda: right[2] / H_0.shape[0]
    yield "mean over the batch / steps, too", 2, lambda: right[2] / H_0.shape[0] / T


def _run(probe: Probe, name: str, *args: Any) -> Any:
    """Call a function of APPLYING; the hint where torch says that calls share memory."""
    try:
        return probe.call(probe.define(APPLYING, name, probe.answer), *args)
    except Crashed as crashed:
        probe.need(SHARED not in crashed.said, "memory of another call")
        raise


def _asked(probe: Probe, case: list[Tensor], keep: float) -> list[Tensor]:
    """States and the three gradients, their shapes looked at."""
    T, B, H = case[0].shape
    came = _run(probe, "applied", *case[:3], keep, case[3])
    if not (isinstance(came, tuple) and len(came) == 4):
        probe.shape(came, T=T, B=B, H=H)
        probe.wrong("no graph")
    states, *found = came
    probe.shape(states, T=T, B=B, H=H)
    for name, one in zip(B_NAMES, found):
        probe.need(one is not None, "no gradient", name=name)
    return [states, *found]


def _where(probe: Probe, B: int, H: int, keep: float) -> str:
    """The hint to gradients that no known mistake makes: does the question's example show it, does one step?"""
    example = [torch.full(shape, value) for shape, value in EXAMPLE]
    cases = (
        ("a gradient", [one.double() for one in example], 0.75),
        ("one step", _slow_case(probe, 1, B, H), keep),
    )
    for mistake, case, kept in cases:
        _, *found = _asked(probe, [tensor.float() for tensor in case], kept)
        if not all(probe.close(one, value, 1e-4) for one, value in zip(found, _gradients(case, kept))):
            return mistake
    return "from step to step"


def _path_matches(probe: Probe, T: int, B: int, H: int, keep: float) -> None:
    """Forward and backward once, in float32, against autograd in float64."""
    case = _slow_case(probe, T, B, H)
    states, *found = _asked(probe, [tensor.float() for tensor in case], keep)
    named = T > 3 and H > 2 and 0.1 < keep < 0.9 and keep != 0.5
    probe.values(states, _slow(*case[:3], keep))
    right = _gradients(case, keep)
    suspects = list(_suspects(case, keep)) if named else []
    for place, one in enumerate(found):
        known = {mistake: value for mistake, at, value in suspects if at == place}
        matches = [right[place], *(value() for value in known.values())]
        if one.isfinite().all() and not any(probe.close(one, value, 1e-4) for value in matches):
            gap = float((one - right[place]).abs().max())
            where = _where(probe, B, H, keep)
            probe.wrong(where, name=B_GRADIENTS[place], gap=gap, T=T, B=B, H=H, keep=keep)
        probe.values(one, right[place], known, 1e-4)


@B.part("前向：H_1 到 H_T，(T, B, H)", "forward: H_1 to H_T, (T, B, H)")
def _b_forward(probe: Probe) -> None:
    given = probe.value(probe.answer)
    kind = given.kind if isinstance(given, Opaque) else type(given).__name__
    probe.need(kind != "type", "not derived")
    probe.need(kind == "FunctionMeta", "not a Function", kind=kind)
    run = probe.define(APPLYING, "forward", probe.answer)
    for T, B, H, keep in ((5, 3, 4, 0.7), (4, 1, 6, 0.2), (1, 4, 3, 0.6), (5, 2, 3, 0.0), (1, 1, 1, 0.9)):
        inputs = _slow_case(probe, T, B, H)[:3]
        states = probe.call(run, *(tensor.float() for tensor in inputs), keep)
        mistakes = {name: (lambda name=name: _slow_forward(*inputs, keep, name)) for name in B_FORWARD}  # noqa: B023
        probe.values(
            probe.shape(states, T=T, B=B, H=H), _slow(*inputs, keep), mistakes if T > 3 and keep else {}
        )


@B.part("反向：每个输入一个梯度", "going back: a gradient for each input")
def _b_shape(probe: Probe) -> None:
    for T, B, H in ((5, 3, 4), (4, 1, 6), (1, 4, 3), (1, 1, 1)):
        _asked(probe, [tensor.float() for tensor in _slow_case(probe, T, B, H)], 0.3)


@B.part("三个梯度的数", "the numbers of the three gradients")
def _b_values(probe: Probe) -> None:
    _path_matches(probe, 6, 3, 4, 0.7)
    _path_matches(probe, 4, 2, 5, 0.2)


@B.part(
    "keep = 0 就是本章的网络；T = 1，B = 1，H = 1",
    "keep = 0 is the network of the chapter; T = 1, B = 1, H = 1",
)
def _b_edges(probe: Probe) -> None:
    for T, B, H, keep in (
        (6, 3, 4, 0.0),
        (1, 3, 4, 0.7),
        (5, 1, 3, 0.9),
        (4, 3, 1, 0.5),
        (2, 4, 4, 0.3),
        (20, 2, 3, 0.95),
    ):
        _path_matches(probe, T, B, H, keep)


@B.part("float64 进，float64 的精度出", "float64 in, the precision of float64 out")
def _b_dtype(probe: Probe) -> None:
    case = _slow_case(probe, 5, 3, 4)
    states, *found = _asked(probe, case, 0.7)
    probe.need(states.dtype == torch.float64, "dtype", expected=torch.float64, came=states.dtype)
    right = [_slow(*case[:3], 0.7), *_gradients(case, 0.7)]
    for name, one, value in zip(("H_1 ... H_T", *B_GRADIENTS), [states, *found], right):
        probe.need(probe.close(one, value, 1e-10), "single precision", name=name)


@B.part("两次前向，再两次反向", "two forward passes, then two backward passes")
def _b_twice(probe: Probe) -> None:
    cases, keeps = [_slow_case(probe, 4, 2, 3) for _ in range(2)], [0.6, 0.3]
    came = _run(probe, "twice", [case[:3] for case in cases], keeps, [case[3] for case in cases])
    for case, keep, found in zip(cases, keeps, came):
        for one, value in zip(found, _gradients(case, keep)):
            probe.need(isinstance(one, Tensor) and probe.close(one, value), "kept outside")


@B.part("反向：链上每步一次乘积，dW_hh 一次", "going back: one product per step of the chain, one for dW_hh")
def _b_count(probe: Probe) -> None:
    run, B, H = probe.define(APPLYING, "backward_counted", probe.answer), 2, 128
    cases = [_slow_case(probe, T, B, H) for T in (T1, T2)]
    few, many = (probe.call(run, *case[:3], 0.7, case[3]) for case in cases)
    more = _more(few, many, "products")
    probe.need(more["enough"], "products in the loop", **more)
    size = (many["made"] - few["made"]) // (
        T2 - T1
    )  # 6 to 19 (B, H) in the bank's right answers; (H, H) is 64
    probe.need(size < H * H, "a matrix for each step", B=B, H=H, size=size, row=B * H)
