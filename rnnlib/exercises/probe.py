"""What the checks do to an answer: feed it inputs drawn afresh, and compare without giving anything away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from rnnlib.exercises.replies import Crashed, Unfinished, Words, Wrong
from rnnlib.exercises.task import Task

COMMON = {
    "nothing": (
        "得到的是 None：函数最后是不是少了 return？",
        "The result is None: is there a return missing at the end of the function?",
    ),
    "not a tensor": (
        "应该得到一个张量，来的是 {kind}。",
        "A tensor is expected; what came is a {kind}.",
    ),
    "a pair": (
        "应该得到一个张量，来的是 {n} 个东西的元组：torch 的循环层返回（输出，状态），要拆开。",
        "A tensor is expected; what came is a tuple of {n}: torch's recurrent layers return (outputs, state), "
        "so take it apart.",
    ),
    "order of axes": (
        "数目都对，次序不对：应该是（{right}），来的是（{given}）。",
        "All sizes are there, in another order: ({right}) is expected, ({given}) came.",
    ),
    "axis too many": (
        "多了一维：应该是（{right}）= {expected}，来的是 {shape}{extra_zh}。",
        "One axis too many: ({right}) = {expected} is expected, {shape} came{extra_en}.",
    ),
    "axis missing": (
        "少了一维：应该是（{right}）= {expected}，来的是 {shape}{extra_zh}。",
        "An axis is missing: ({right}) = {expected} is expected, {shape} came{extra_en}.",
    ),
    "size of an axis": (
        "{axis} 这一维应该是 {expected}，来的是 {came}。",
        "Axis {axis} should be {expected}; it is {came}.",
    ),
    "not a number": (
        "结果里有不是数的数（nan 或无穷大）。",
        "There is something in the result that is not a number (nan or infinity).",
    ),
    "dtype": (
        "数的类型应该是 {expected}，来的是 {came}。",
        "The numbers should be {expected}; they are {came}.",
    ),
    "values": (
        "形状对，数值不对：最大相差 {gap:.3g}，在下标 {place} 处。",
        "Right shape, wrong values: they differ by up to {gap:.3g}, at index {place}.",
    ),
    "no gradient": (
        "参数 {name} 没有得到梯度：结果没有用到它，或者半路断开了。",
        "The parameter {name} gets no gradient: the result does not use it, or it was cut off on the way.",
    ),
    "number of parameters": (
        "参数的个数应该是 {expected:,}，你的是 {came:,}。",
        "There should be {expected:,} parameters; yours has {came:,}.",
    ),
    "not a module": (
        "应该得到一个 nn.Module，来的是 {kind}。",
        "An nn.Module is expected; what came is a {kind}.",
    ),
    "not a number at all": (
        "这里要填一个数，来的是 {kind}。",
        "A number is expected here; what came is a {kind}.",
    ),
    "changed its input": (
        "你的代码改动了传进来的数据；先复制一份，或者不用原地（in-place）的写法。",
        "Your code changes the data that it is given; copy it first, or do without in-place operations.",
    ),
}


def _kind(value: object) -> str:
    return type(value).__name__


class Probe:
    """Inputs and comparisons for one check.

    Args:
        task: whose hints are used.
        seed: what the inputs are drawn from; None: another one each time.
        device: where inputs are put.
    """

    def __init__(self, task: Task, seed: int | None = None, device: torch.device | str = "cpu") -> None:
        self.task, self.device = task, torch.device(device)
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)

    # ---------- inputs ----------
    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32."""
        return torch.randn(*shape, generator=self.generator).to(self.device)

    def integers(self, low: int, high: int, *shape: int) -> Tensor:
        """Whole numbers in [low, high), int64."""
        return torch.randint(low, high, shape, generator=self.generator).to(self.device)

    def size(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return int(torch.randint(low, high + 1, (1,), generator=self.generator))

    # ---------- the answer's code ----------
    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run code of the answer; what it raises becomes a reply, and tensors it was given must stay as they are."""
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        before = [(value, value.detach().clone()) for value in given]
        try:
            result = function(*args, **kwargs)
        except NotImplementedError as error:
            raise Unfinished from error
        except Exception as error:
            raise Crashed(error) from error
        if any(value.shape != old.shape or not torch.equal(value.detach(), old) for value, old in before):
            self.wrong("changed its input")
        if result is ...:
            raise Unfinished
        return result

    def module(self, build: Callable[..., Any], *args: Any, **kwargs: Any) -> nn.Module:
        """Build a model with the answer's class or function, on the device."""
        model = self.call(build, *args, **kwargs)
        if not isinstance(model, nn.Module):
            self.wrong("nothing" if model is None else "not a module", kind=_kind(model))
        return model.to(self.device)

    # ---------- replies ----------
    def wrong(self, mistake: str, **values: object) -> NoReturn:
        """Reply with the hint to a mistake: one of the task's, or one that all share."""
        words = self.task.hints.get(mistake) or Words(*COMMON[mistake])
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
            self.wrong("a pair", n=len(value))
        if not isinstance(value, Tensor):
            self.wrong("not a tensor", kind=_kind(value))
        expected, shape = tuple(axes.values()), tuple(value.shape)
        if shape == expected:
            return value
        letters = ", ".join(axes) if len(axes) != 1 else f"{next(iter(axes))},"
        if len(shape) != len(expected):
            known = {size: letter for letter, size in axes.items()}
            left = [size for size in shape if size not in known]
            one = f"（{left[0]}）" if left else ""
            self.wrong(
                "axis too many" if len(shape) > len(expected) else "axis missing",
                right=letters,
                expected=expected,
                shape=shape,
                extra_zh=one,
                extra_en=f" ({left[0]})" if left else "",
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
        given, right = given.detach().double().cpu(), right.detach().double().cpu()
        if given.shape != right.shape:
            self.wrong("values", gap=float("nan"), place=tuple(given.shape))
        if self._equal(given, right, tolerance):
            return
        for mistake, value in (mistakes or {}).items():
            other = (value() if callable(value) else value).detach().double().cpu()
            if other.shape == given.shape and self._equal(given, other, tolerance):
                self.wrong(mistake)
        if not given.isfinite().all():
            self.wrong("not a number")
        gap = (given - right).abs()
        place = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)) if gap.ndim else ()
        self.wrong("values", gap=float(gap.max()), place=place)

    @staticmethod
    def _equal(a: Tensor, b: Tensor, tolerance: float) -> bool:
        if not a.isfinite().all() or not b.isfinite().all():
            return bool(torch.equal(a.nan_to_num(7.77), b.nan_to_num(7.77)))
        scale = max(1.0, float(b.abs().max()) if b.numel() else 1.0)
        return bool((a - b).abs().max() <= tolerance * scale) if a.numel() else True

    def gradients(self, model: nn.Module, output: Tensor) -> None:
        """Every parameter gets a gradient from a random projection of the output."""
        model.zero_grad(set_to_none=True)
        if not output.requires_grad:
            name = next((name for name, _ in model.named_parameters()), "")
            self.wrong("no gradient", name=name)
        weights = torch.randn(output.shape, generator=self.generator).to(output.device, output.dtype)
        (output * weights).sum().backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().sum() > 0):
                self.wrong("no gradient", name=name)

    def parameters(self, model: nn.Module, expected: int, mistakes: Mapping[str, int] | None = None) -> None:
        """The number of parameters; a number that a known mistake makes gets its hint."""
        came = sum(parameter.numel() for parameter in model.parameters())
        if came == expected:
            return
        for mistake, number in (mistakes or {}).items():
            if came == number:
                self.wrong(mistake)
        self.wrong("number of parameters", expected=expected, came=came)

    def number(self, value: Any) -> float:
        """The answer as a number."""
        if value is None or value is ...:
            raise Unfinished
        if isinstance(value, Tensor) and value.numel() == 1:
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            try:
                value = float(value)
            except (TypeError, ValueError):
                self.wrong("not a number at all", kind=_kind(value))
        return float(value)
