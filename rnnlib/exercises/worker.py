"""The side of a check on which the answer's code runs: it does what it is asked and gives back data, no verdict.

In a notebook the worker is an object beside the check. When a teacher grades, it runs alone in a locked process
and knows neither the checks nor what is right; so whatever the checks want of an answer is one of the methods
below, and only plain data goes in and out.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import inspect
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

MAX_TEXT = 2_000
MAX_ERROR = 300
_LIBRARIES = tuple(str(Path(module.__file__).parent) for module in (torch, __import__("threading")))
_HERE = str(Path(__file__).parent)
_NO_GRAD = torch.no_grad()(lambda: None).__code__  # of every function that it decorates
GIVEN = "<given>"  # file name of code that a check gives


@dataclass(frozen=True)
class Ref:
    """Something that stays with the worker, by its number; 0 is the answer."""

    number: int
    kind: str = ""
    is_module: bool = False


@dataclass(frozen=True)
class Opaque:
    """A result that is no data: the name of its type, and nothing else of it."""

    kind: str


@dataclass(frozen=True)
class Layer:
    """A layer inside a module: the name of its type, and its settings that are numbers, texts or yes and no."""

    kind: str
    settings: dict[str, Any]


class AnswerError(Exception):
    """The answer's code raised something.

    Attributes:
        said: type and message, one line.
        line: the line of the answer, or 0.
        unfinished: whether it was the stub's NotImplementedError.
    """

    def __init__(self, said: str, line: int = 0, unfinished: bool = False) -> None:
        super().__init__(said)
        self.said, self.line, self.unfinished = said, line, unfinished


@contextlib.contextmanager
def grad_mode_kept() -> Iterator[None]:
    """Whatever code does to torch's grad mode ends with it, be it by a result or an exception."""
    before = torch.is_grad_enabled()
    try:
        yield
    finally:
        torch.set_grad_enabled(before)


class ChangedInput(Exception):
    """The answer's code wrote into a tensor that it was given."""


def plain(value: Any, depth: int = 0) -> Any:
    """A result as data: tensors cut off from their history, numbers, texts, and containers of them."""
    if isinstance(value, Tensor):
        dense = value.layout == torch.strided and not value.is_nested
        return value.detach().clone() if dense else Opaque("tensor that isn't dense")
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:  # np.float32(0.5), np.array(0.5)
        value = value.item()
    if value is None or value is ... or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if isinstance(value, (tuple, list)) and depth < 4 and len(value) <= 10_000:
        return (
            type(value)([plain(one, depth + 1) for one in value])
            if type(value) in (tuple, list)
            else tuple(plain(one, depth + 1) for one in value)
        )
    if isinstance(value, dict) and depth < 4 and len(value) <= 10_000:
        return {str(key)[:MAX_TEXT]: plain(one, depth + 1) for key, one in value.items()}
    return Opaque(type(value).__name__)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _tensors(one)


class Worker:
    """Holds an answer, and runs it.

    Args:
        answer: what the learner wrote: a class, a function, a value.
        device: where tensors and modules are put.
    """

    def __init__(self, answer: Any, device: torch.device | str = "cpu") -> None:
        self.objects: list[Any] = [answer]
        self.device = torch.device(device)

    # ---------- running the answer's code ----------
    def _run(self, function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        given = [*_tensors(args), *_tensors(list(kwargs.values()))]
        before = [(tensor, tensor.detach().clone()) for tensor in given]
        try:
            with grad_mode_kept():
                result = function(*args, **kwargs)
        except Exception as error:
            raise _described(error) from error
        if any(now.shape != old.shape or not _same(now.detach(), old) for now, old in before):
            raise ChangedInput
        return result

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.objects[value.number]
        if isinstance(value, Tensor):
            return value.to(self.device)
        if isinstance(value, (tuple, list)):
            return type(value)(self._resolve(one) for one in value)
        return value

    def _keep(self, value: Any) -> Ref:
        if isinstance(value, nn.Module):
            try:
                value = value.to(self.device)
            except Exception as error:  # without super().__init__() a module can't be moved
                raise _described(error) from error
        self.objects.append(value)
        return Ref(len(self.objects) - 1, type(value).__name__, isinstance(value, nn.Module))

    # ---------- what can be asked ----------
    def seed(self, number: int) -> None:
        """Start torch's generator anew, so that initial weights and dropout repeat."""
        torch.manual_seed(number)

    def call(self, target: Ref, args: tuple, kwargs: dict, method: str = "", keep: bool = False) -> Any:
        """Call something, or a method of it; the result as data, or kept here."""
        function = self.objects[target.number]
        if method:
            function = getattr(function, method, None)
            if function is None:
                raise AnswerError(f"AttributeError: no method {method!r}")
        result = self._run(
            function, self._resolve(args), {name: self._resolve(value) for name, value in kwargs.items()}
        )
        return self._keep(result) if keep else plain(result)

    def value(self, target: Ref) -> Any:
        """Something kept here, as data."""
        return plain(self.objects[target.number])

    def define(self, code: str, name: str, args: tuple = (), kwargs: dict | None = None) -> Ref:
        """Make something for the answer to work on: run code that the check gives, and call ``name`` in it."""
        space: dict[str, Any] = {"__name__": "given", "torch": torch, "nn": nn}
        exec(compile(code, GIVEN, "exec"), space)
        with grad_mode_kept():
            made = space[name](*self._resolve(args), **(kwargs or {}))
        return self._keep(made)

    def code(self, target: Ref) -> dict[str, Any]:
        """What a Python function is written with, functions inside it counted in; {} for anything else.

        ``outside``: names that it does not define -> what they stand for: ``module torch``, ``builtin len``, or
        the name of a type; arguments whose default is no plain data are among them. ``attributes``: the names
        after a dot. ``statements``: variables that it assigns, and what else makes it more than one expression.
        ``repeats``: whether there is a loop or a comprehension. ``imports``: modules that it imports inside.
        Read from the compiled code, so that it does not matter where the source is.
        """
        function = _undecorated(self.objects[target.number])
        return _read_code(function) if isinstance(function, FunctionType) else {}

    def operations(self, target: Ref, args: tuple, kwargs: dict) -> dict[str, int]:
        """Which functions and methods of torch are called during a call, and how often: ``{"matmul": 3}``."""
        with _Counter() as counter:
            self.call(target, args, kwargs)
        return dict(counter.found)

    def parameters(self, target: Ref) -> dict[str, Tensor]:
        """Parameters of a module by name."""
        return {name: p.detach().clone() for name, p in self.objects[target.number].named_parameters()}

    def buffers(self, target: Ref) -> dict[str, Tensor]:
        """Buffers of a module by name, for instance running means."""
        return {name: b.detach().clone() for name, b in self.objects[target.number].named_buffers()}

    def set_parameters(self, target: Ref, values: dict[str, Tensor]) -> None:
        """Write parameters, by name."""
        with torch.no_grad():
            for name, parameter in self.objects[target.number].named_parameters():
                if name in values:
                    parameter.copy_(values[name])

    def mode(self, target: Ref, training: bool) -> None:
        """Put a module into training or evaluation."""
        with grad_mode_kept():
            self.objects[target.number].train(training)

    def layers(self, target: Ref) -> list[Layer]:
        """The layers inside a module, itself left out."""
        module = self.objects[target.number]
        found = []
        for inner in module.modules():
            if inner is not module:
                settings = {
                    name: value
                    for name, value in vars(inner).items()
                    if isinstance(value, (bool, int, float, str)) and not name.startswith("_")
                }
                found.append(Layer(type(inner).__name__, settings))
        return found

    def grad(
        self, target: Ref, args: tuple, kwargs: dict, weights: Tensor, pick: tuple = (), wrt: tuple = ()
    ) -> dict[str, Any]:
        """Gradients of sum(weights * result): ``inputs`` for the arguments in ``wrt``, ``parameters`` by name.

        ``pick`` leads into a result of several parts: () the result itself, (1, 0) the first of the second.
        A gradient that does not arrive is None.
        """
        given = list(self._resolve(args))
        for place in wrt:
            given[place] = given[place].detach().clone().requires_grad_()
        function = self.objects[target.number]
        module = function if isinstance(function, nn.Module) else None
        if module is not None:
            module.zero_grad(set_to_none=True)
        result = self._run(function, tuple(given), {k: self._resolve(v) for k, v in kwargs.items()})
        for place in pick:
            result = result[place]
        if isinstance(result, Tensor) and result.requires_grad:
            try:
                with grad_mode_kept():
                    (result * weights.to(result)).sum().backward()
            except Exception as error:
                raise _described(error) from error
        parameters = dict(module.named_parameters()) if module is not None else {}
        return {
            "inputs": [plain(given[place].grad) for place in wrt],
            "parameters": {name: plain(parameter.grad) for name, parameter in parameters.items()},
        }


class _Counter(TorchFunctionMode):
    """Counts torch's functions and methods by name, as they are called."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[getattr(func, "__name__", "?")] += 1
        return func(*args, **(kwargs or {}))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _stands_for(name: str, value: Any) -> str:
    if isinstance(value, ModuleType) and sys.modules.get(value.__name__) is value:
        return f"module {value.__name__}"
    if value is not None and value is getattr(builtins, name, None):
        return f"builtin {name}"
    return type(value).__name__


def _undecorated(function: Any) -> Any:
    """What is inside ``@torch.no_grad()`` and its like; anything else as it is."""
    while isinstance(function, FunctionType) and function.__code__ is _NO_GRAD:
        function = inspect.getclosurevars(function).nonlocals["func"]
    return function


def _read_code(function: FunctionType) -> dict[str, Any]:
    """See Worker.code."""
    outer = function.__code__
    known = {**vars(builtins), **function.__globals__}
    for name, cell in zip(outer.co_freevars, function.__closure__ or ()):
        with contextlib.suppress(ValueError):  # an empty one
            known[name] = cell.cell_contents
    names, attributes, statements, imports = set(outer.co_freevars), set(), set(), set()
    repeats = False
    for code in _codes(outer):
        steps = list(dis.get_instructions(code))
        # where the variable of a comprehension is kept in the function itself, it is cleared first
        own = {step.argval for step in steps if step.opname == "LOAD_FAST_AND_CLEAR"}
        for step in steps:
            kind, name = step.opname, step.argval
            if kind in ("LOAD_GLOBAL", "LOAD_NAME"):
                names.add(name)
            elif kind in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"):
                attributes.add(name)
            elif kind.startswith("STORE_FAST"):
                stored = name[: 1 + (kind == "STORE_FAST_STORE_FAST")] if isinstance(name, tuple) else (name,)
                inside = code.co_name in ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
                statements.update(one for one in stored if one not in own and not inside)
            elif kind.startswith(("STORE_", "DELETE_", "IMPORT_")):
                statements.add(name if isinstance(name, str) else kind.lower())
                imports.update({name} if kind == "IMPORT_NAME" else ())
            elif kind == "FOR_ITER" or (isinstance(name, int) and "JUMP" in kind and name <= step.offset):
                repeats = True
    arguments = outer.co_varnames[: outer.co_argcount]
    defaults = dict(zip(reversed(arguments), reversed(function.__defaults__ or ())))
    defaults |= function.__kwdefaults__ or {}
    given = {
        name: type(value).__name__
        for name, value in defaults.items()
        if not isinstance(value, (bool, int, float, str, type(None)))
    }
    return {
        "outside": {name: _stands_for(name, known.get(name)) for name in sorted(names)} | given,
        "attributes": sorted(attributes),
        "statements": sorted(statements),
        "repeats": repeats,
        "imports": sorted(imports),
    }


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(
        torch.equal(a, b) or (a.is_floating_point() and torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)))
    )


def in_one_line(error: Exception) -> str:
    """Type and message, shortened after a word; without the mark that parts the languages of a reply."""
    said = f"{type(error).__name__}: {error}".strip().splitlines()[0].replace("|", "/")
    if len(said) <= MAX_ERROR:
        return said
    kept = said[: MAX_ERROR - 1]
    word = kept.rfind(" ")
    return (kept[:word] if word > MAX_ERROR - 50 else kept).rstrip() + "…"


def _described(error: Exception) -> AnswerError:
    """What the answer's code raised, and in which of its lines."""
    lines = [
        frame.lineno or 0
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*_LIBRARIES, _HERE, GIVEN))
    ]
    stub = isinstance(error, NotImplementedError) and not str(error)  # torch raises it too, and says why
    return AnswerError(in_one_line(error), lines[-1] if lines else 0, stub)
