"""What the checks do to an answer: feed it inputs drawn afresh, and compare without giving anything away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from rnnlib.exercises.replies import BLANK, Crashed, Unfinished, Words, Wrong
from rnnlib.exercises.task import Task
from rnnlib.exercises.worker import AnswerError, ChangedInput, Layer, Opaque, Ref, Worker

COMMON = {
    "nothing": (
        "得到的是 None：函数最后是不是少了 return？",
        "The result is None: is there a return missing at the end of the function?",
    ),
    "not a tensor": (
        "应该得到一个张量，实际得到 {kind}。",
        "A tensor is expected; what came is a {kind}.",
    ),
    "a pair": (
        "应该得到一个张量，实际得到 {n} 个东西的元组。它要是来自 torch 的循环层，那里返回的是（输出，状态），得拆开。",
        "A tensor is expected; what came is a tuple of {n}. If it comes from one of torch's recurrent layers, those "
        "return (outputs, state): take it apart.",
    ),
    "a list": (
        "应该得到一个张量，实际得到一个列表，里面有 {n} 个张量：用 torch.stack 叠成一个。",
        "Expected a tensor, got a list of {n}: make one tensor of them with torch.stack.",
    ),
    "not a single number": (
        "应该得到一个数，也就是没有轴的张量；实际得到 {shape}。",
        "Expected a single number, a tensor without axes; got shape {shape}.",
    ),
    "order of axes": (
        "元素个数对，维度的次序不对：应该是 ({right})，实际得到 ({given})。",
        "All sizes are there, in another order: expected ({right}), got ({given}).",
    ),
    "axis too many": (
        "多了一维：应该是 ({right}) = {expected}，实际得到 {shape}{extra_zh}。",
        "One axis too many: expected ({right}) = {expected}, got {shape}{extra_en}.",
    ),
    "axis missing": (
        "少了一维：应该是 ({right}) = {expected}，实际得到 {shape}{extra_zh}。",
        "An axis is missing: expected ({right}) = {expected}, got {shape}{extra_en}.",
    ),
    "size of an axis": (
        "{axis} 这一维应该是 {expected}，实际得到 {came}。",
        "Axis {axis} should be {expected}; it is {came}.",
    ),
    "not a number": (
        "结果里有 nan 或无穷大。",
        "The result contains nan or infinity.",
    ),
    "dtype": (
        "数的类型应该是 {expected}，实际得到 {came}。",
        "The numbers should be {expected}; they are {came}.",
    ),
    "values": (
        "形状对，数值不对：最大相差 {gap:.3g}，在下标 {place} 处。",
        "The shape is right, but values differ by up to {gap:.3g}, at index {place}.",
    ),
    "no gradient": (
        "参数 {name} 没有得到梯度：结果没有用到它，或者半路断开了。",
        "The parameter {name} gets no gradient: the result does not use it, or it was cut off on the way.",
    ),
    "number of parameters": (
        "参数的个数应该是 {expected:,}，你的是 {came:,}。",
        "There should be {expected:,} parameters; yours has {came:,}.",
    ),
    "no parameters": (
        "模型里一个参数也没有：层放在普通的 Python 列表里不会登记，要用 nn.ModuleList。",
        "The model has no parameters at all: layers in a plain Python list are not registered; use nn.ModuleList.",
    ),
    "an instance": (
        "交类，不要交对象：写类的名字，后面不带括号。",
        "Hand in the class, not an object of it: its name, without parentheses.",
    ),
    "two results": (
        "同一个输入读两次，结果不同：有随机的东西（暂退法？随机的初始状态？）。",
        "The same input read twice gives two results: something is random (dropout? a random first state?).",
    ),
    "not a module": (
        "应该得到一个 nn.Module，实际得到 {kind}。",
        "An nn.Module is expected; what came is a {kind}.",
    ),
    "parameters of other shapes": (
        "参数的个数对，形状不对：找不到依次是 {sizes} 的一组。",
        "The number of parameters is right, their shapes are not: there is no group with {sizes} in this order.",
    ),
    "not a number at all": (
        "这里要填一个数，实际得到 {kind}。",
        "A number is expected here; what came is a {kind}.",
    ),
    "not a function": (
        "这里要一个用 def 写的函数，实际得到 {kind}。",
        "A function written with def is expected here; what came is a {kind}.",
    ),
    "more than one expression": (
        "算得对。再写成一个表达式：函数体只有一句 return，不用循环，也不给变量赋值（{what}）。",
        "It computes the right thing. Now make it one expression: a body of one return, no loop, nothing assigned "
        "({what}).",
    ),
    "not allowed": (
        "算得对，可是 {name} 不在这道题可用的操作里。",
        "It computes the right thing, but {name} is not among the operations that are allowed here.",
    ),
    "changed its input": (
        "你的代码改动了传进来的数据；先复制一份，或者不用原地（in-place）的写法。",
        "Your code changes the data that it is given; copy it first, or do without in-place operations.",
    ),
}


_NOWHERE = re.compile(r"，在下标 \{place\} 处|,? at index \{place\}")


def _with_article(kind: str) -> str:
    return f"{'an' if kind[:1].lower() in 'aeiou' or kind == 'ndarray' else 'a'} {kind}"


def _kind(value: object) -> str:
    return value.kind if isinstance(value, (Ref, Opaque)) else type(value).__name__


class Probe:
    """Inputs, requests and comparisons for one check; all that a check does to an answer goes through here.

    Args:
        task: whose hints are used.
        worker: where the answer is and runs.
        seed: what the inputs are drawn from; None: another one each time.
        numbers: those that the question was asked with; default: the book's.

    Attributes:
        answer: the answer.
        numbers: those that the question was asked with.
    """

    answer = Ref(0)

    def __init__(
        self,
        task: Task,
        worker: Worker,
        seed: int | None = None,
        numbers: Mapping[str, float] | None = None,
    ) -> None:
        self.task, self.worker = task, worker
        self.numbers = {**task.numbers_of(), **(numbers or {})}
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)
            worker.seed(seed)

    # ---------- inputs ----------
    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32."""
        return torch.randn(*shape, generator=self.generator)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers in [low, high), int64."""
        return torch.randint(low, high, shape, generator=self.generator)

    def size(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(torch.randint(low, high + 1, (1,), generator=self.generator))

    # ---------- the answer's code ----------
    def _ask(self, request: str, *args: Any) -> Any:
        try:
            return _on_cpu(getattr(self.worker, request)(*args))
        except AnswerError as error:
            if error.unfinished and not self.task.repair:
                raise Unfinished from error
            raise Crashed(error.said, error.line) from error
        except ChangedInput:
            self.wrong("changed its input")

    def call(self, target: Ref, *args: Any, method: str = "", **kwargs: Any) -> Any:
        """Call the answer or something made with it; the result as data: tensors, numbers, texts, containers."""
        result = self._ask("call", target, args, kwargs, method)
        if result is ...:
            raise Unfinished
        return result

    def make(self, target: Ref, *args: Any, method: str = "", **kwargs: Any) -> Ref:
        """Call the answer or something made with it, and keep the result where it is."""
        return self._ask("call", target, args, kwargs, method, True)

    def module(self, *args: Any, **kwargs: Any) -> Ref:
        """Build a model with the answer, a class or a function."""
        try:
            model = self.make(self.answer, *args, **kwargs)
        except Crashed as crashed:
            if "forward()" in crashed.said and _kind(self.value(self.answer)) not in ("type", "function"):
                self.wrong("an instance")
            raise
        if not model.is_module:
            self.wrong("nothing" if model.kind == "NoneType" else "not a module", kind=model.kind)
        return model

    def define(self, code: str, name: str, *args: Any, **kwargs: Any) -> Ref:
        """Make a model, an optimizer, ... for the answer to work on, from code of the check."""
        return self.worker.define(code, name, args, kwargs)

    def value(self, target: Ref) -> Any:
        """The answer, or something kept, as data."""
        return self._ask("value", target)

    def code(self, target: Ref) -> dict[str, Any]:
        """What a function is written with, for tasks that restrict it: see Worker.code."""
        return self._ask("code", target)

    def operations(self, target: Ref, *args: Any, **kwargs: Any) -> dict[str, int]:
        """Which functions and methods of torch are called during a call, and how often."""
        return self._ask("operations", target, args, kwargs)

    def parameters(self, model: Ref) -> dict[str, Tensor]:
        """Parameters by name."""
        return self._ask("parameters", model)

    def buffers(self, model: Ref) -> dict[str, Tensor]:
        """Buffers by name."""
        return self._ask("buffers", model)

    def set_parameters(self, model: Ref, values: Mapping[str, Tensor]) -> None:
        """Write parameters by name."""
        self._ask("set_parameters", model, dict(values))

    def fill(self, model: Ref, scale: float = 0.4) -> dict[str, Tensor]:
        """Give a model random parameters, and return them."""
        values = {name: scale * self.normal(*old.shape) for name, old in self.parameters(model).items()}
        self.set_parameters(model, values)
        return values

    def training(self, model: Ref, on: bool = True) -> None:
        """Put a model into training, or into evaluation."""
        self._ask("mode", model, on)

    def layers(self, model: Ref) -> list[Layer]:
        """The layers inside a model; for questions that name one, and for hints."""
        return self._ask("layers", model)

    def grad(
        self,
        target: Ref,
        *args: Any,
        weights: Tensor,
        pick: tuple[int, ...] = (),
        wrt: tuple[int, ...] = (),
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Gradients of sum(weights * result): see Worker.grad."""
        return self._ask("grad", target, args, kwargs, weights, pick, wrt)

    # ---------- replies ----------
    def wrong(self, mistake: str, **values: object) -> NoReturn:
        """Reply with the hint to a mistake: one of the task's, or one that all share.

        What follows `` / `` in its name tells apart two ways to make it.
        """
        mistake = mistake.split(" / ")[0]
        words = self.task.hints.get(mistake) or Words(*COMMON[mistake])
        if "kind" in values:
            words = Words(words.zh, words.en.replace("a {kind}", _with_article(str(values["kind"]))))
        if values.get("place") == ():
            words = Words(*(_NOWHERE.sub("", one) for one in words))
        raise Wrong(mistake, words.filled(**values))

    def need(self, condition: bool, mistake: str, **values: object) -> None:
        """Reply with a hint unless a condition holds."""
        if not condition:
            self.wrong(mistake, **values)

    # ---------- comparisons ----------
    def shape(self, value: Any, **axes: int) -> Tensor:
        """The value as a tensor of this shape, axes named by their letters; else the hint says which is off."""
        if value is None:
            self.wrong("nothing")
        if isinstance(value, (tuple, list)) and any(isinstance(one, Tensor) for one in value):
            self.wrong("a list" if isinstance(value, list) else "a pair", n=len(value))
        if not isinstance(value, Tensor):
            self.wrong("not a tensor", kind=_kind(value))
        expected, shape = tuple(axes.values()), tuple(value.shape)
        if shape == expected:
            return value
        self.need(bool(expected), "not a single number", shape=shape)
        letters = ", ".join(axes) if len(axes) != 1 else f"{next(iter(axes))},"
        if len(shape) != len(expected):
            known = {size: letter for letter, size in axes.items()}
            left = [size for size in shape if size not in known]
            mistake = "axis too many" if len(shape) > len(expected) else "axis missing"
            ones = [letter for letter, size in axes.items() if size == 1]
            zh = en = ""
            if left and mistake == "axis too many":
                zh, en = f"，多出来的一维长 {left[0]}", f"; the extra one has length {left[0]}"
            elif left:
                zh, en = f"（{left[0]} 不是其中哪一维）", f" ({left[0]} is none of these axes)"
            elif mistake == "axis missing" and ones and shape == tuple(n for n in expected if n != 1):
                zh, en = f"：{ones[0]} = 1 的那一维也去掉了", f": the axis {ones[0]} = 1 went too"
            self.wrong(
                mistake,
                right=letters,
                expected=expected,
                shape=shape,
                extra_zh=zh,
                extra_en=en,
            )
        if sorted(shape) == sorted(expected) and len(set(expected)) == len(expected):
            name = {size: letter for letter, size in axes.items()}
            self.wrong("order of axes", right=letters, given=", ".join(name[size] for size in shape))
        axis, size, came = next(
            (letter, size, came) for (letter, size), came in zip(axes.items(), shape) if size != came
        )
        self.wrong("size of an axis", axis=axis, expected=size, came=came)

    def values(
        self,
        given: Tensor,
        right: Tensor,
        mistakes: Mapping[str, Tensor | Callable[[], Tensor]] | None = None,
        tolerance: float = 2e-5,
    ) -> None:
        """Compare with the right values; what equals the values of a known mistake gets its hint."""
        if given.shape != right.shape:
            self.wrong("values", gap=float("nan"), place=tuple(given.shape))
        if self.close(given, right, tolerance):
            return
        for mistake, value in (mistakes or {}).items():
            if self.close(given, value() if callable(value) else value, tolerance):
                self.wrong(mistake)
        if not given.isfinite().all():
            self.wrong("not a number")
        gap = (given.detach().double().cpu() - right.detach().double().cpu()).abs()
        place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)) if gap.ndim else ()
        self.wrong("values", gap=float(gap.max()), place=place)

    def close(self, given: Tensor, right: Tensor, tolerance: float = 2e-5) -> bool:
        """Whether values are the same but for rounding; no reply."""
        given, right = given.detach().double().cpu(), right.detach().double().cpu()
        return given.shape == right.shape and self._equal(given, right, tolerance)

    @staticmethod
    def _equal(a: Tensor, b: Tensor, tolerance: float) -> bool:
        if not a.isfinite().all() or not b.isfinite().all():
            return bool(torch.equal(a.nan_to_num(7.77), b.nan_to_num(7.77)))
        scale = max(1.0, float(b.abs().max()) if b.numel() else 1.0)
        return bool((a - b).abs().max() <= tolerance * scale) if a.numel() else True

    def gradients(self, model: Ref, *args: Any, pick: tuple[int, ...] = (), **kwargs: Any) -> None:
        """Every parameter gets a gradient from a random projection of the output."""
        output = self.call(model, *args, **kwargs)
        for place in pick:
            output = output[place]
        if not isinstance(output, Tensor):
            self.wrong("nothing" if output is None else "not a tensor", kind=_kind(output))
        found = self.grad(model, *args, weights=self.normal(*output.shape), pick=pick, **kwargs)
        for name, gradient in found["parameters"].items():
            if gradient is None or not gradient.abs().sum() > 0:
                self.wrong("no gradient", name=name)

    def drawn_one_by_one(self, dropped: Tensor, axes: str) -> None:
        """Reply ``shared mask`` if what is dropped is the same all along one of the axes; all or nothing passes."""
        if dropped.all() or not dropped.any():
            return
        for axis, letter in enumerate(axes):
            if bool((dropped == dropped.narrow(axis, 0, 1)).all()):
                self.wrong("shared mask", axis=letter)

    def count(self, model: Ref, expected: int, mistakes: Mapping[str, int] | None = None) -> None:
        """The number of parameters; a number that a known mistake makes gets its hint."""
        came = sum(parameter.numel() for parameter in self.parameters(model).values())
        if came == expected:
            return
        for mistake, number in (mistakes or {}).items():
            if came == number:
                self.wrong(mistake)
        self.need(came > 0, "no parameters")
        self.wrong("number of parameters", expected=expected, came=came)

    def copied(self, layer: nn.Module, parameters: Mapping[str, Tensor]) -> nn.Module:
        """A layer of the check with those parameters of a model that fit it, wherever they stand in it."""
        own, given = list(layer.parameters()), list(parameters.values())
        sizes = [parameter.shape for parameter in own]
        for start in range(len(given) - len(own) + 1):
            window = given[start : start + len(own)]
            if [parameter.shape for parameter in window] == sizes:
                with torch.no_grad():
                    for to, value in zip(own, window):
                        to.copy_(value)
                return layer.eval()
        self.wrong("parameters of other shapes", sizes=", ".join(str(tuple(size)) for size in sizes))

    def number(self) -> float:
        """The answer as a number."""
        value = self.value(self.answer)
        if value is None or value is ...:
            raise Unfinished(BLANK)
        number = number_in(value)
        if number is None:
            self.wrong("not a number at all", kind=_kind(value))
        return number


def number_in(value: Any) -> float | None:
    """A number, or a tensor that holds a single one; None for anything else."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, (tuple, list)):
        return type(value)(_on_cpu(one) for one in value)
    if isinstance(value, dict):
        return {key: _on_cpu(one) for key, one in value.items()}
    return value
