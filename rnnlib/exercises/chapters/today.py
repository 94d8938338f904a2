"""Chapter 15: recurrence today."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from rnnlib.exercises.by_hand import DIFFERENTIATE, TOLERANCE
from rnnlib.exercises.probe import Probe
from rnnlib.exercises.replies import Crashed
from rnnlib.exercises.task import Task

# Lines of Python, whoever's they are.
LINES = """
import sys


def lined(function):
    def run(*args):
        found, before = 0, sys.gettrace()

        def look(frame, event, arg):
            nonlocal found
            found += event == "line"
            return look

        sys.settrace(look)
        try:
            function(*args)
        finally:
            sys.settrace(before)
        return found
    return run
"""
# Functions of rnnlib.today.memory that are called.
BORROWED = """
import sys


def borrowing(function):
    def run(*args):
        found, before = set(), sys.getprofile()

        def look(frame, event, arg):
            if event == "call" and frame.f_globals.get("__name__") == "rnnlib.today.memory":
                found.add(frame.f_code.co_name)

        sys.setprofile(look)
        try:
            function(*args)
        finally:
            sys.setprofile(before)
        return sorted(found)
    return run
"""
SIZES = frozenset(
    {"__len__", "__get__", "size", "dim", "numel"}
)  # questions to a tensor that compute nothing
OUTSIDE_TORCH = frozenset({"numpy", "__array__", "tolist", "item"})
BELOW = frozenset({"clamp", "clamp_", "clamp_min", "clamp_min_", "clip", "clip_", "maximum"})
QUOTIENTS = frozenset(
    {"div", "div_", "divide", "true_divide", "__truediv__", "__rtruediv__", "__itruediv__", "reciprocal"}
)
T1, T2 = 16, 1024  # the two lengths whose calls are compared
NEAR = 1e-5  # as far as rounding to float32 goes
ADDED = [10.0**-n for n in range(30, 2, -1)]  # what is added to a denominator

Suspect = tuple[str, Callable[[], Tensor]]


def _double(*tensors: Tensor) -> list[Tensor]:
    return [tensor.double().requires_grad_() for tensor in tensors]


def _several(probe: Probe, came: Any, names: Iterable[str]) -> list[Any]:
    """The result, if it is a tuple with something for each name."""
    names = tuple(names)
    if came is None:
        probe.wrong("nothing")
    if not isinstance(came, (tuple, list)) or len(came) != len(names):
        kind = getattr(came, "kind", type(came).__name__)
        zh = f"一个 {kind}"
        if isinstance(came, (tuple, list)):
            zh, kind = f" {len(came)} 个", f"{kind} of {len(came)}"
        probe.wrong("not a tuple", names=", ".join(names), came=zh, kind=kind)
    return list(came)


def _same_type(probe: Probe, name: str, came: Tensor, expected: torch.dtype) -> None:
    if came.dtype != expected:
        mistake = "float32 on the way" if came.dtype == torch.float32 else "dtype of"
        probe.wrong(mistake, name=name, expected=expected, came=came.dtype)


def _compare(
    probe: Probe,
    name: str,
    sizes: str,
    came: Tensor,
    right: Tensor,
    suspects: Iterable[Suspect] = (),
    T: int = 0,
) -> None:
    """One result against the right one, and against those of known mistakes."""
    if probe.close(came, right, TOLERANCE):
        return
    for mistake, value in suspects:
        if probe.close(came, value(), TOLERANCE):
            probe.wrong(mistake, name=name)
    probe.need(bool(came.isfinite().all()), "not a number")
    gap = (came.double() - right).abs()
    place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    mistake = "nearly" if probe.close(came, right, NEAR) else "one result"
    probe.wrong(mistake, name=name, sizes=sizes, gap=float(gap.max()), place=place)


ONE_RESULT = (
    "{name} 的形状对，数值不对（{sizes}）：最大相差 {gap:.3g}，在下标 {place} 处。在它之前检查过的都对。题目里的例子对上了吗？",
    "{name} has the right shape and wrong values ({sizes}), off by up to {gap:.3g}, at index {place}. What was checked "
    "before it is right. Does the example in the question come out right?",
)
NEARLY = (
    "{name} 只差一点点（{sizes}）：最大相差 {gap:.3g}。公式多半没错，丢的是精度。是不是有张量在半路成了 float32，"
    "或者分母上加了一个很小的数（eps）？",
    "{name} is nearly right ({sizes}), off by at most {gap:.3g}. The formula is probably sound, and precision gets lost. "
    "Is some tensor on the way float32, or has something tiny (an eps) been added to a denominator?",
)
NOT_A_TUPLE = (
    "要返回一个元组，依次是 {names}；你返回的是{came}。",
    "Return a tuple: {names}, in this order. You returned a {kind}.",
)
DTYPE_OF = (
    "{name} 的类型应该是 {expected}，同输入一样，实际得到 {came}。",
    "{name} should be {expected}, like the inputs; it is {came}.",
)
FLOAT32 = (
    "{name} 的类型应该是 {expected}，同输入一样；你返回的是 {came}，只有七位左右的数字。是新造张量时没写类型（torch.zeros "
    "给的是 float32），还是有 float()？类型跟着输入走：用 zeros_like、new_zeros，或者写明 dtype。",
    "{name} should be {expected}, like the inputs; you returned {came}, which keeps about seven digits. Was a tensor made "
    "without a type (torch.zeros makes float32), or is there a float() somewhere? Take the type from the inputs, with "
    "zeros_like, new_zeros, or dtype=.",
)

# ---------- 15a ----------
A = Task(
    "15a",
    "扫描的反向，也是扫描",
    "Backward through a scan is a scan",
    level="core",
    minutes=20,
    device="cpu",
    trains=(
        "线性循环的反向传播：方向倒过来，再做一次扫描；不除以任何东西",
        "backpropagation through a linear recurrence: turned around, it's another scan, and nothing is divided by anything",
    ),
    hints={
        "not a tuple": NOT_A_TUPLE,
        "one result": ONE_RESULT,
        "nearly": NEARLY,
        "dtype of": DTYPE_OF,
        "float32 on the way": FLOAT32,
        "not carried": (
            "db 就是 given：每一步只收到了损失直接传来的那份。H_t 还通向 H_{{t+1}}，从那里回来的没有加上。",
            "db is given as it came: each step only has what reaches it straight from the loss. H_t leads to H_{{t+1}} as "
            "well, and what comes back from there isn't added.",
        ),
        "own share missing": (
            "db 里只有从后面各步传回来的，少了损失直接传给这一步的 given。",
            "db has only what comes back from later steps; what the loss gives to the step itself is missing.",
        ),
        "factor of its own step": (
            "db 的系数没有错开：从 H_{{t+1}} 回到 H_t，走的是哪一步，乘的就是哪一步的 a。",
            "The factors of db are off by a step. Going from H_{{t+1}} back to H_t, which step do you cross? Its a is the "
            "factor.",
        ),
        "shifted the other way": (
            "db 的系数错开了，方向却反了：第 t 步乘的成了 a_{{t-1}}。先错开再倒过来，和先倒过来再错开，往哪边挪是相反的。",
            "The factors of db are shifted, but the wrong way: step t has got a_{{t-1}}. Once time is turned around, a shift "
            "goes in the opposite direction.",
        ),
        "last given alone": (
            "db 只有最后一步的 given 传回来的。每一步都有自己的 given，传到哪一步，就在哪一步加进去。",
            "db has only what comes back from the last step's given. Each step has a given of its own, to be added where the "
            "gradient passes.",
        ),
        "divided": (
            "{name} 里除以了 a 或者它们的连乘，分母还垫了一个小数，或者用 clamp 之类设了下限。分母会比这个数还小，也会是负的，"
            "那时就错了（T = {T}）。与其让除法保险些，不如不除：把段与段相并，只用乘和加。",
            "{name} divides by a or by a product of them, with something small added below, or a lower limit set, as by "
            "clamp. What's below gets smaller than that, and negative, too, and then it's wrong (T = {T}). Rather than make "
            "the division safer, do without it: joining pieces takes only multiplication and addition.",
        ),
        "swapped": (
            "da 和 db 换了位置：依次是 da、db、dH_0。",
            "da and db are swapped: the order is da, db, dH_0.",
        ),
        "forwards": (
            "db 是从第 1 步往最后一步累积的。梯度从哪一头来？",
            "db accumulates from step 1 to the last one. At which end do gradients start?",
        ),
        "not turned back": (
            "数都在，时间的次序是反的：倒着扫完，结果还要再转回来。",
            "The numbers are all there, but time runs the wrong way: after scanning in reverse, the result has to be turned "
            "round again.",
        ),
        "not from zero": (
            "最后一步的 db 里混进了 H_0：反向的扫描从最后一步的外面开始，那里什么也没有传回来。",
            "H_0 has got into the last step's db. The scan that goes back starts beyond the last step, and nothing comes "
            "back from there.",
        ),
        "states after": (
            "db 对。da：和第 t 步配对的是 H_t；a_t 乘的是哪一个状态？",
            "db is right. da pairs step t with H_t, but which state does a_t multiply?",
        ),
        "first state missing": (
            "db 对。da 的第 1 步是零：a_1 乘的是 H_0，那也是一个状态。",
            "db is right. In da, step 1 has zeros: a_1 multiplies H_0, which is a state, too.",
        ),
        "states from zero": (
            "db 对。da 用的状态是从零算起的，不是从 H_0。",
            "db is right. The states in da were computed from zero, not from H_0.",
        ),
        "no state": (
            "db 对。da 里没有状态：H_t 对 a_t 的导数是多少？",
            "db is right. There's no state in da: what's the derivative of H_t with respect to a_t?",
        ),
        "given alone": (
            "{name} 只用了 given，后面各步传回来的没有算进去。db 里两样都有。",
            "{name} uses given alone and leaves out what comes back from later steps; db has both.",
        ),
        "last step alone": (
            "db、da 都对。dH_0 里只有最后一步的 given 传回来的那份，而每一步的 given 都传得到 H_0。它们加在一起是多少，db 里已经有了。",
            "db and da are right. dH_0 has only what comes back from the last step's given, while every step's given gets to "
            "H_0. Their sum needn't be computed anew: look at db.",
        ),
        "all factors again": (
            "db、da 都对。db 的第 1 步已经从后面一路传到了 H_1；再往前到 H_0，只有一步，不用再乘一遍所有的 a。",
            "db and da are right. What stands in db at step 1 has come all the way back to H_1; from there to H_0 there's a "
            "single step, not another product of every a.",
        ),
        "stopped at step 1": (
            "db、da 都对。dH_0 停在了 H_1：从 H_1 回到 H_0，还要再走一步。",
            "db and da are right. dH_0 stops at H_1; from there to H_0 it's one step more.",
        ),
        "wrong end": (
            "db、da 都对。dH_0 取的是最后一步的数；H_0 在第 1 步的前面。",
            "db and da are right. dH_0 is made from the last step's numbers; H_0 is what comes before step 1.",
        ),
        "negative factor": (
            "a 全是正数时都对，有负数就不对（{name}）。a 可以是负的，走廊的灯就是；取对数、取绝对值、开方，"
            "或者用 clamp 从下面截住，都会丢掉正负号。",
            "It's right as long as every a is positive, and wrong when some are negative ({name}). They may be: the light "
            "in the hallway is one. Logarithms, absolute values, roots and a clamp from below all lose the sign.",
        ),
        "zero factor": (
            "a 里有 0 就不对（{name}）。0 是合法的：这一步把旧的全忘了。除以 a 或者除以它们的连乘，到这里就走不通了；"
            "把段与段相并，只用乘和加。",
            "It goes wrong where an a is 0 ({name}). That's allowed: such a step forgets everything old. Dividing by a, or by "
            "a product of them, ends here; joining pieces takes only multiplication and addition.",
        ),
        "small factors": (
            "序列长、a 小，就不对（{name}，T = {T}，a 在 0.05 到 0.2 之间）：几百个小数连乘，double 也装不下，成了 0。"
            "从头乘到尾再相除的，都逃不过；相邻的先并，就用不着这样的连乘。",
            "It goes wrong for a long sequence with small a ({name}, T = {T}, a between 0.05 and 0.2). The product of "
            "hundreds of such numbers is too small even for a double and becomes 0, and so fails whatever multiplies from "
            "the start and divides afterwards. Joining neighbors first doesn't need such products.",
        ),
        "by hand": (
            "数都对，不过这道题要手写：{name} 是让 torch 替你求导。",
            "The numbers are right, but this one is to be done by hand, and {name} has torch differentiate for you.",
        ),
        "a loop outside torch": (
            "数都对。可是 T 从 {T1} 到 {T2}，要执行的 Python 代码多了 {more:,} 行，平均每步 {each:.1f} 行：循环还在，"
            "只是搬到了 torch 外面（{name}）。倒过来看，db 也是“乘一个数，加一个数”，那就也可以扫描。",
            "The numbers are right. But from T = {T1} to T = {T2} there are {more:,} more lines of Python to run, {each:.1f} "
            'for each step: the loop is still there, outside torch ({name}). Turned around, db is "multiply by a number, '
            'add a number" as well, so it can be scanned.',
        ),
        "a loop over the steps": (
            "数都对。可是 T 从 {T1} 到 {T2}，torch 的调用多了 {more:,} 次，平均每步 {each:.1f} 次：还是一步一步走的。"
            "倒过来看，db 也是“乘一个数，加一个数”，那就也可以扫描。",
            "The numbers are right. But from T = {T1} to T = {T2} there are {more:,} more calls into torch, {each:.1f} for "
            'each step, so it still goes one step at a time. Turned around, db is "multiply by a number, add a number" as '
            "well, so it can be scanned.",
        ),
    },
)
A_NAMES = ("da", "db", "dH_0")


def _walk(a: Tensor, b: Tensor, H_0: Tensor) -> Tensor:
    states = [H_0]
    for a_t, b_t in zip(a, b):
        states.append(a_t * states[-1] + b_t)
    return torch.stack(states)


def _linear_case(probe: Probe, T: int, B: int, H: int, low: float = 0.3, high: float = 1.0) -> list[Tensor]:
    """a, b, H_0, given, float64; a between two numbers."""
    a = low + (high - low) * torch.rand(T, B, H, generator=probe.generator)
    case = [a, probe.normal(T, B, H), 1 + probe.normal(B, H).abs(), probe.normal(T, B, H)]
    return [tensor.double() for tensor in case]


def _linear_gradients(case: list[Tensor]) -> list[Tensor]:
    """da, db, dH_0 by autograd."""
    leaves = _double(*(tensor.detach() for tensor in case[:3]))
    return list(torch.autograd.grad(_walk(*leaves)[1:], leaves, case[3]))


def _suspects(case: list[Tensor], right: list[Tensor]) -> dict[str, list[Suspect]]:
    """What known mistakes make of each of the three."""
    a, b, H_0, given = case
    _, db, dH_0 = right
    states, none = _walk(a, b, H_0), torch.zeros_like(H_0)
    before, after = states[:-1], states[1:]
    one = torch.ones_like(a[:1])
    firsts = [torch.cat([a[1:], last]) for last in (a[:1], a[-1:], one)]
    others = [torch.cat([first, a[:-1]]) for first in (one, 0 * one, a[-1:], a[:1])]
    at_the_end = torch.cat([0 * given[:-1], given[-1:]])

    def back(factors: Tensor, given: Tensor, start: Tensor) -> Tensor:
        return _walk(factors.flip(0), given.flip(0), start)[1:].flip(0)

    def forth(factors: Tensor) -> Tensor:
        return _walk(factors, given, none)[1:]

    return {
        "db": [
            ("not carried", lambda: given),
            ("own share missing", lambda: db - given),
            ("factor of its own step", lambda: back(a, given, none)),
            ("factor of its own step / from H_0", lambda: back(a, given, H_0)),
            *(("shifted the other way", lambda other=other: back(other, given, none)) for other in others),
            ("last given alone", lambda: back(firsts[2], at_the_end, none)),
            ("forwards", lambda: forth(a)),
            ("forwards / a shifted", lambda: forth(firsts[2])),
            ("forwards / a shifted, rolled", lambda: forth(firsts[0])),
            ("forwards / a shifted, zero", lambda: forth(torch.cat([a[1:], 0 * a[:1]]))),
            ("not turned back", lambda: db.flip(0)),
            *(("not from zero", lambda first=first: back(first, given, H_0)) for first in firsts),
        ],
        "da": [
            ("states after", lambda: db * after),
            ("first state missing", lambda: torch.cat([none[None], db[1:] * before[1:]])),
            ("states from zero", lambda: db * _walk(a, b, none)[:-1]),
            ("states from zero / after H_0", lambda: db * torch.cat([H_0[None], _walk(a, b, none)[1:-1]])),
            ("no state", lambda: db),
            ("no state / a in its place", lambda: a * db),
            ("given alone", lambda: given * before),
            ("not turned back", lambda: db.flip(0) * before),
            ("not turned back / da itself", lambda: (db * before).flip(0)),
        ],
        "dH_0": [
            ("stopped at step 1", lambda: db[0]),
            ("wrong end", lambda: a[-1] * db[-1]),
            ("wrong end / H_T", lambda: db[-1]),
            ("wrong end / its factor", lambda: a[-1] * db[0]),
            ("wrong end / its gradient", lambda: a[0] * db[-1]),
            ("given alone", lambda: a[0] * given[0]),
            ("given alone / as it is", lambda: given[0]),
            ("last step alone", lambda: a.prod(0) * given[-1]),
            ("all factors again", lambda: a.prod(0) * db[0]),
        ],
    }


def _quotients(case: list[Tensor]) -> Iterator[Tensor]:
    """db by running products, with something that is to keep the denominator from 0."""
    a, _, _, given = case
    onwards = a.cumprod(0)
    back = torch.cat([torch.ones_like(a[:1]), a[1:].flip(0)]).cumprod(0)
    for tiny in ADDED:
        for below in (onwards + tiny, onwards.clamp(min=tiny)):
            yield (given * onwards).flip(0).cumsum(0).flip(0) / below
        for below in (back + tiny, back.clamp(min=tiny)):
            yield (back * (given.flip(0) / below).cumsum(0)).flip(0)


def _three(probe: Probe, case: list[Tensor]) -> list[Tensor]:
    """The answer's da, db, dH_0, their shapes looked at."""
    T, B, H = case[0].shape
    found = _several(probe, probe.call(probe.answer, *case), A_NAMES)
    axes = ({"T": T, "B": B, "H": H}, {"T": T, "B": B, "H": H}, {"B": B, "H": H})
    return [probe.shape(one, **sizes) for one, sizes in zip(found, axes)]


def _linear_matches(probe: Probe, case: list[Tensor]) -> None:
    right = _linear_gradients(case)
    found = dict(zip(A_NAMES, zip(_three(probe, case), right)))
    suspects = _suspects(case, right) if len(case[0]) > 3 else {}
    T, B, H = case[0].shape
    for name in A_NAMES:
        _same_type(probe, name, found[name][0], torch.float64)
    (da, right_da), (db, right_db) = found["da"], found["db"]
    if not probe.close(right_da, right_db, TOLERANCE):
        both = probe.close(da, right_db, TOLERANCE) and probe.close(db, right_da, TOLERANCE)
        probe.need(not both, "swapped")
    right_at_all = all(probe.close(*pair, TOLERANCE) for pair in found.values())
    if T > 3 and not right_at_all and not probe.close(db, right_db, 1e-11):
        quotient = any(probe.close(db, other, 1e-12) for other in _quotients(case))
        probe.need(not quotient, "divided", name="db", T=T)
    for name in ("db", "da", "dH_0"):
        _compare(probe, name, f"T = {T}, B = {B}, H = {H}", *found[name], suspects.get(name, ()))


@A.part("形状：da、db 是 (T, B, H)，dH_0 是 (B, H)", "shapes: da and db (T, B, H), dH_0 (B, H)")
def _a_shape(probe: Probe) -> None:
    for T, B, H in ((5, 3, 4), (4, 1, 3), (1, 4, 2), (1, 1, 1)):
        _three(probe, _linear_case(probe, T, B, H))


@A.part("和自动求导一样的梯度", "the same gradients as autograd")
def _a_values(probe: Probe) -> None:
    _linear_matches(probe, _linear_case(probe, 7, 3, 4))
    for T, B, H in ((13, 1, 3), (1, 3, 4), (2, 2, 1), (3, 3, 3), (64, 1, 2)):
        _linear_matches(probe, _linear_case(probe, T, B, H))


@A.part("float32 进，float32 出", "float32 in, float32 out")
def _a_dtype(probe: Probe) -> None:
    case = [tensor.float() for tensor in _linear_case(probe, 6, 2, 3)]
    for name, one, value in zip(A_NAMES, _three(probe, case), _linear_gradients(case)):
        _same_type(probe, name, one, torch.float32)
        probe.values(one, value, tolerance=1e-4)


@A.part("a 是负数、是 0，或者很小", "a is negative, or 0, or small")
def _a_factors(probe: Probe) -> None:
    signed, zero = _linear_case(probe, 9, 2, 3, -1.0, 1.0), _linear_case(probe, 9, 2, 3)
    signed[0][probe.size(0, 8)] = -0.7
    for _ in range(3):
        zero[0][probe.size(1, 7), probe.size(0, 1)] = 0.0
    long = _linear_case(probe, 400, 1, 2, 0.05, 0.2)
    used = probe.operations(probe.answer, *signed).keys()
    held_up = used & BELOW and used & QUOTIENTS
    cases = (
        ("divided" if held_up else "negative factor", signed),
        ("zero factor", zero),
        ("small factors", long),
    )
    for mistake, case in cases:
        found = dict(zip(A_NAMES, zip(_three(probe, case), _linear_gradients(case))))
        for name in ("db", "da", "dH_0"):
            probe.need(probe.close(*found[name], TOLERANCE), mistake, name=name, T=len(case[0]))


@A.part("手写，没有用自动求导", "by hand, without autograd")
def _a_by_hand(probe: Probe) -> None:
    used = {*probe.operations(probe.answer, *_linear_case(probe, 4, 2, 3))}
    code = probe.code(probe.answer)
    attributes = code.get("attributes")
    used |= {str(name) for name in attributes} if isinstance(attributes, list) else set()
    for name in sorted(used & DIFFERENTIATE):
        probe.wrong("by hand", name=name)


@A.part("不按步循环", "no loop over the steps")
def _a_count(probe: Probe) -> None:
    calls = (probe.operations(probe.answer, *_linear_case(probe, T, 1, 2)) for T in (T1, T2))
    few, many = (sum(times for name, times in found.items() if name not in SIZES) for found in calls)
    more = many - few  # 66 to 204 in the right answers of the bank; a loop of one call per step makes 1,008
    probe.need(more <= (T2 - T1) / 2, "a loop over the steps", T1=T1, T2=T2, more=more, each=more / (T2 - T1))
    left = OUTSIDE_TORCH & probe.operations(probe.answer, *_linear_case(probe, T1, 1, 2)).keys()
    if left:  # a loop in torch has been counted; a list of indices made in a loop is none over the steps
        run = probe.define(LINES, "lined", probe.answer)
        few, many = (probe.call(run, *_linear_case(probe, T, 1, 2)) for T in (T1, T2))
        more, name = many - few, ", ".join(sorted({"numpy" if one == "__array__" else one for one in left}))
        fine = more <= (T2 - T1) / 2
        probe.need(fine, "a loop outside torch", T1=T1, T2=T2, more=more, each=more / (T2 - T1), name=name)


# ---------- 15b ----------
B = Task(
    "15b",
    "先读，再改，再读",
    "Read, correct, read again",
    level="core",
    minutes=25,
    device="cpu",
    trains=(
        "增量规则走完一整段：状态是矩阵，键先归一，先用键读，只补差额，再用查询读",
        "the delta rule over a whole sequence: a matrix for a state, keys of length 1, reading with the key, "
        "writing only what's missing, reading with the query",
    ),
    hints={
        "not a tuple": NOT_A_TUPLE,
        "one result": ONE_RESULT,
        "nearly": NEARLY,
        "dtype of": DTYPE_OF,
        "float32 on the way": FLOAT32,
        "adds": (
            "这是线性注意力：只加，不改。写之前先看看这个键下已经有什么，只补差额。",
            "This is linear attention: it adds and never corrects. Before writing, look at what's already under the key, "
            "and write what's missing.",
        ),
        "swapped": (
            "读出来的和 S 换了位置：先 reads，后 S。",
            "The reads and S are swapped: reads come first, then S.",
        ),
        "keys and values swapped": (
            "键和值换了位置：值写在键下，差额是值减去这个键下已有的。",
            "Keys and values are swapped. Values are written under keys, and the difference is the value minus what's under "
            "the key.",
        ),
        "everything fades": (
            "旧的 S 整个乘了 1 − β，别的键下的也跟着淡了。要擦的只是这个键下的那份。",
            "All of the old S is multiplied by 1 − β, so what's under other keys fades as well. Only what's under this key is "
            "to be wiped out.",
        ),
        "old through the columns": (
            "写之前看旧值，用的是 S 的转置：键该和 S 的每一行相乘。",
            "The old value is read through the transpose of S: a key goes with each row of S.",
        ),
        "other convention": (
            "从头到尾都是键管行、值管列，给的 S_0 却是值管行、键管列：这里 S 乘键得到值。",
            "All along, you have rows for keys and columns for values. The S_0 you're given has it the other way: S times a "
            "key gives a value.",
        ),
        "read with the key": (
            "S 对。读的时候用的是键，该用查询。",
            "S is right. You read with the key, and should with the query.",
        ),
        "read at the end": (
            "S 对。读的都是最后的 S；第 t 次该读刚写完第 t 对的那个 S。",
            "S is right. Everything is read from the last S; read t wants S as it is once pair t has been written.",
        ),
        "something added to the length": (
            "{name} 只差一点点：长度（或者平方和）上加了一个很小的数（eps）。这里没有长度为零的键和查询，除以长度本身就行。",
            "{name} is nearly right: something tiny, an eps, has been added to the length or to the sum of squares. No key and "
            "no query here has length 0, so divide by the length itself.",
        ),
        "in place": (
            "数都对，求导时断了：`+=`、`S[...] = ...` 这样的就地写法改掉了反向传播还要用的张量，先 clone 也一样。"
            "写成 `S = S + ...`，每一步都是新的 S。",
            "The numbers are right, but gradients break: something in place, such as `+=` or `S[...] = ...`, changes a tensor "
            "that the backward pass still needs, and a clone beforehand doesn't help. Write `S = S + ...`, a new S at each "
            "step.",
        ),
        "borrowed": (
            "数都对。不过这一步要自己写，你用了 rnnlib.today 里现成的：{name}。",
            "The numbers are right, but this step is for you to write. You took from rnnlib.today: {name}.",
        ),
        "transposed": (
            "写进去时行和列反了：S 乘键得到值，所以行归值，列归键。",
            "What's written has rows and columns swapped. S times a key gives a value, so rows belong to values, columns to "
            "keys.",
        ),
        "transposed throughout": (
            "读出来的都对，交出来的 S 却是转置的：这里 S 乘键得到值，行归值，列归键。",
            "All reads are right, but the S you return is transposed. Here S times a key gives a value: rows belong to "
            "values, columns to keys.",
        ),
        "read through the columns": (
            "读的时候用的是 S 的转置：查询该和 S 的每一行相乘。",
            "Reading uses the transpose of S: a query goes with each row of S.",
        ),
        "read too early": (
            "读得太早：第 t 次读的是还没写第 t 对的 S。",
            "The reads come too early: read t sees S before pair t has been written.",
        ),
        "beta on the value alone": (
            "β 只乘了新写的值，擦掉的那份没有乘。要乘的是整个差额。",
            "β multiplies the new value, but not what's wiped out. It belongs to the whole difference.",
        ),
        "beta on the old alone": (
            "β 只乘了擦掉的那份，新写的值没有乘。要乘的是整个差额。",
            "β multiplies what's wiped out, but not the new value. It belongs to the whole difference.",
        ),
        "no beta": (
            "β 没有起作用：和它全是 1 时一样。",
            "β has no effect: this is what comes out when all are 1.",
        ),
        "beta at most 1": (
            "β 大于 1 的被压到了 1。本章的镜子要用到 2，照给的用。",
            "Every β above 1 was brought down to 1. The mirrors of the chapter need up to 2, so take them as they come.",
        ),
        "beta along D": (
            "β 沿 D 广播了：B 和 D 一样大时不报错，可是一行有一个 β，不是一个单元一个。",
            "β has been broadcast along D. With B equal to D nothing complains, but there's one β for each row of the batch, "
            "not for each unit.",
        ),
        "keys as they are": (
            "键没有归一：长度不是 1 时，补差额会补过头或者不够。",
            "The keys haven't been brought to length 1, so corrections go too far, or not far enough.",
        ),
        "queries as they are": (
            "S 对。查询没有归一。",
            "S is right. The queries haven't been brought to length 1.",
        ),
        "values normalized": (
            "值也归一了：要记住的就是值本身，只有键和查询要归一。",
            "The values have been normalized as well. They're what is to be remembered, as they are; only keys and queries "
            "get length 1.",
        ),
        "normalized along another axis": (
            "归一的轴不对：一个键、一个查询，都是最后一维上的 D 个数，长度只由这 D 个数算。",
            "The lengths are taken along the wrong axes. A key is the D numbers of the last one, and so is a query; its length "
            "comes from those alone.",
        ),
        "another length": (
            "键除以的不是它的长度（平方和的平方根）。",
            "The keys are divided by something other than their length, the root of the sum of squares.",
        ),
        "S_0 left out": (
            "从零开始了：写第一对之前，S 是 S_0。",
            "It starts from zero. Before the first pair is written, S is S_0.",
        ),
        "each step from S_0": (
            "每一步都从 S_0 改起，上一步写的丢了。",
            "Every step corrects S_0, and what the step before wrote is lost.",
        ),
        "corrected by the query": (
            "差额是用查询读出来的。要改的是这个键下的值，所以要用键读。",
            "The difference was read with the query. What gets corrected is the value under the key, so read with the key.",
        ),
        "wrong sign": (
            "差额的正负号反了：越改越错。",
            "The difference has the wrong sign, and each correction makes it worse.",
        ),
        "rows mixed": (
            "批量里的各行写进了同一个 S：每一行有自己的 S，互不相干。",
            "All rows of the batch write into the same S. Each has its own, and they have nothing to do with each other.",
        ),
        "S too early": (
            "读出来的都对，交出来的 S 却少写了最后一对。",
            "All reads are right, but the S you return lacks the last pair.",
        ),
        "S_0 returned": (
            "读出来的都对，交出来的却是 S_0。",
            "All reads are right, but what you return is S_0.",
        ),
        "all states": (
            "交出来的是每一步的 S，只要最后一个，(B, D, D)。",
            "You return S after every step; only the last is wanted, (B, D, D).",
        ),
        "gradient": (
            "数都对，{name} 的梯度不对或者没有：图在半路断开了（detach、.data、no_grad、torch.tensor 都会断）。",
            "The numbers are right, but the gradient of {name} is wrong or missing: the graph is cut on the way (detach, "
            ".data, no_grad and torch.tensor all do that).",
        ),
    },
)
B_NAMES = ("K", "V", "Q", "beta", "S_0")
B_BOTH = (
    "adds", "adds / no beta", "transposed", "old through the columns", "other convention", "keys and values swapped",
    "keys and values swapped / normalized before", "everything fades", "everything fades / beta on the old alone",
    "another length / mean", "normalized along another axis / all", "beta on the value alone", "beta on the old alone", "no beta", "beta at most 1",
    "beta along D", "keys as they are", "values normalized", "normalized along another axis",
    "normalized along another axis / B", "another length", "another length / square", "another length / absolute",
    "S_0 left out", "each step from S_0", "corrected by the query", "wrong sign", "rows mixed",
)  # fmt: skip
B_READS = (
    "read too early", "read through the columns", "queries as they are", "normalized along another axis / queries",
    "read with the key", "read at the end",
)  # fmt: skip


def _unit(x: Tensor, twist: str, axis: int = -1) -> Tensor:
    norms = {
        "another length / square": lambda: x.square().sum(-1, keepdim=True),
        "another length / mean": lambda: x.square().mean(-1, keepdim=True).sqrt(),
        "normalized along another axis / all": lambda: x.square().sum().sqrt(),
        "another length / absolute": lambda: x.abs().sum(-1, keepdim=True),
        "another length": lambda: x.abs().amax(-1, keepdim=True),
    }
    return x / norms.get(twist, lambda: x.square().sum(axis, keepdim=True).sqrt())()


def _delta_case(probe: Probe, T: int, B: int, D: int) -> list[Tensor]:
    """K, V, Q, beta, S_0, float64."""
    beta = 2 * torch.rand(T, B, generator=probe.generator)
    case = [probe.normal(T, B, D), probe.normal(T, B, D), probe.normal(T, B, D), beta, probe.normal(B, D, D)]
    case[0], case[2] = case[0] + 0.3 * case[0].sign(), case[2] + 0.3 * case[2].sign()
    return [tensor.double() for tensor in case]


def _delta(case: list[Tensor], twist: str = "") -> tuple[Tensor, Tensor]:
    """Reads (T, B, D) and the last S (B, D, D); a twist makes the mistake of that name."""
    K, V, Q, beta, S_0 = case
    axis = {"normalized along another axis": 0, "normalized along another axis / B": 1}.get(twist, -1)
    k = K if twist == "keys as they are" else _unit(K, twist, axis)
    q = Q if twist == "queries as they are" else _unit(Q, twist, axis)
    if twist == "normalized along another axis / queries":
        q = _unit(Q, "", 0)
    if twist == "lengths as they are":
        k, q = K, Q
    V = _unit(V, "") if twist == "values normalized" else V
    if twist.startswith("keys and values swapped"):
        k, V = (V, k) if twist.endswith("before") else (_unit(V, ""), K)
    S_0 = S_0.mT if twist == "other convention" else S_0
    eye = torch.eye(K.shape[-1], dtype=K.dtype)
    S, reads = 0 * S_0 if twist == "S_0 left out" else S_0, []
    for k_t, v_t, q_t, beta_t in zip(k, V, q, beta):
        old = S
        S = S_0 if twist == "each step from S_0" else S
        beta_t = beta_t[:, None, None]
        if twist in ("no beta", "adds / no beta"):
            beta_t = torch.ones_like(beta_t)
        if twist == "beta at most 1":
            beta_t = beta_t.clamp(max=1)
        if twist == "beta along D":
            beta_t = beta_t.view(1, -1, 1)
        row = q_t if twist == "corrected by the query" else k_t
        wipe, new = torch.einsum("bi,bj->bij", row, k_t), torch.einsum("bi,bj->bij", v_t, k_t)
        wiped = S @ wipe
        if twist == "old through the columns":
            wiped = S.mT @ wipe
        if twist == "transposed":  # k (v - S k)^T
            new, wiped = new.mT, wiped.mT
        if twist.startswith("adds"):
            wiped = 0 * wiped
        change = beta_t * (new - wiped)
        if twist == "everything fades":
            change = beta_t * (new - S)
        if twist == "everything fades / beta on the old alone":
            change = new - beta_t * S
        if twist == "beta on the value alone":
            change = beta_t * new - wiped
        if twist == "beta on the old alone":
            change = new - beta_t * wiped
        if twist == "rows mixed":
            change = change.sum(0, keepdim=True).expand_as(change)
        S = S - change if twist == "wrong sign" else S + change
        seen = {"read too early": old, "read through the columns": S.mT}.get(twist, S)
        asked = k_t if twist == "read with the key" else q_t
        reads.append((seen @ (eye @ asked[..., None]))[..., 0])
    if twist == "read at the end":
        return torch.einsum("bij,tbj->tbi", S, q), S
    return torch.stack(reads), S.mT if twist == "other convention" else S


def _with_eps(case: list[Tensor], name: str) -> Iterator[Tensor]:
    """S with something tiny added to the length of each key, or to its square; reads with that of each query."""
    K, V, Q, *rest = case
    x, which = (K, 1) if name == "S" else (Q, 0)
    for tiny in ADDED:
        for length in (x.norm(dim=-1, keepdim=True) + tiny, (x.square().sum(-1, keepdim=True) + tiny).sqrt()):
            k, q = (x / length, Q) if name == "S" else (_unit(K, ""), x / length)
            yield _delta([k, V, q, *rest], "lengths as they are")[which]


def _reads_and_state(probe: Probe, case: list[Tensor]) -> list[Tensor]:
    """The answer's reads and last S, their shapes looked at."""
    T, B, D = case[0].shape
    reads, S = _several(probe, probe.call(probe.answer, *case), ("reads", "S"))
    if isinstance(reads, Tensor) and isinstance(S, Tensor) and reads.shape != S.shape:
        probe.need((reads.shape, S.shape) != ((B, D, D), (T, B, D)), "swapped")
    if isinstance(S, Tensor) and S.ndim == 4 and S.shape[1:] == (B, D, D):
        probe.wrong("all states")
    return [probe.shape(reads, T=T, B=B, D=D), probe.shape(S, B=B, **{"D": D, "D'": D})]


def _delta_matches(probe: Probe, T: int, B: int, D: int) -> None:
    case = _delta_case(probe, T, B, D)
    (reads, S), (right_reads, right_S) = _reads_and_state(probe, case), _delta(case)
    state, read = [], []
    for name, one in (("reads", reads), ("S", S)):
        _same_type(probe, name, one, torch.float64)
    for name, one, value in (("S", S, right_S), ("reads", reads, right_reads)):
        if probe.close(one, value, 1e-2) and not probe.close(one, value, TOLERANCE):
            added = any(probe.close(one, other, TOLERANCE) for other in _with_eps(case, name))
            probe.need(not added, "something added to the length", name=name)
    if T > 3 and D > 2 and B > 1:
        twists = [twist for twist in B_BOTH if twist != "beta along D" or B == D]
        both = {twist: _delta(case, twist) for twist in twists}
        state = [(twist, lambda two=two: two[1]) for twist, two in both.items()]
        early = _delta([*(tensor[:-1] for tensor in case[:4]), case[4]])[1]
        if probe.close(reads, right_reads, TOLERANCE):
            state += [
                ("transposed throughout", lambda: right_S.mT),
                ("S too early", lambda: early),
                ("S_0 returned", lambda: case[4]),
            ]
        read = [(twist, lambda twist=twist: _delta(case, twist)[0]) for twist in (*B_READS, *twists)]
    _compare(probe, "S", f"T = {T}, B = {B}, D = {D}", S, right_S, state)
    _compare(probe, "reads", f"T = {T}, B = {B}, D = {D}", reads, right_reads, read)


@B.part("形状：读出来的 (T, B, D)，最后的 S (B, D, D)", "shapes: reads (T, B, D), the last S (B, D, D)")
def _b_shape(probe: Probe) -> None:
    for T, B, D in ((5, 3, 4), (4, 1, 3), (1, 4, 2), (1, 1, 1)):
        _reads_and_state(probe, _delta_case(probe, T, B, D))


@B.part("写进去的，读出来的", "what's written and what's read")
def _b_values(probe: Probe) -> None:
    for T, B, D in ((6, 3, 4), (5, 4, 4), (4, 1, 5), (1, 3, 4), (7, 2, 1)):
        _delta_matches(probe, T, B, D)


@B.part("float32 进，float32 出", "float32 in, float32 out")
def _b_dtype(probe: Probe) -> None:
    case = [tensor.float() for tensor in _delta_case(probe, 5, 2, 3)]
    right = _delta([tensor.double() for tensor in case])
    for name, one, value in zip(("reads", "S"), _reads_and_state(probe, case), right):
        _same_type(probe, name, one, torch.float32)
        probe.values(one, value, tolerance=1e-4)


@B.part("五样输入都有梯度", "gradients for all five inputs")
def _b_gradients(probe: Probe) -> None:
    case = _delta_case(probe, 5, 2, 3)
    leaves = _double(*case)
    for place, shape in enumerate(((5, 2, 3), (2, 3, 3))):
        weights = probe.normal(*shape).double()
        wrt = tuple(range(5))
        try:
            found = probe.grad(probe.answer, *case, weights=weights, pick=(place,), wrt=wrt)["inputs"]
        except Crashed as crashed:
            probe.need("modified by an inplace operation" not in crashed.said, "in place")
            raise
        right = torch.autograd.grad(_delta(leaves)[place], leaves, weights, allow_unused=True)
        for name, one, value in zip(B_NAMES, found, right):
            if value is not None:  # S doesn't depend on Q
                same = isinstance(one, Tensor) and probe.close(one, value, 1e-6)
                probe.need(same, "gradient", name=name)


@B.part("自己写的，没有借用", "written by yourself, nothing borrowed")
def _b_own(probe: Probe) -> None:
    run = probe.define(BORROWED, "borrowing", probe.answer)
    names = probe.call(run, *_delta_case(probe, 3, 2, 3))
    probe.need(not names, "borrowed", name=", ".join(names))
