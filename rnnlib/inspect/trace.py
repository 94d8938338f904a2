"""Trace the shapes that really flow through a model, with every axis named.

The model runs once on real input, and every torch function that it calls is recorded (bias vectors left out).
Axis names come from the sizes that are known (B, T, V, H, ...), so choose sizes that differ from each other:
an axis whose size fits two names shows both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from rnnlib.inspect.tables import Table, table
from rnnlib.models.modes import evaluating
from rnnlib.scratch.layers import RecurrentLayer

# Calls that look at a tensor without computing anything from it.
_SILENT = {"__get__", "__set__", "__len__", "__iter__", "__repr__", "__format__"}
_SILENT |= {"size", "dim", "numel", "item", "tolist", "is_floating_point", "is_complex"}
_SILENT |= {"detach", "to", "float", "contiguous", "unbind"}


@dataclass(frozen=True)
class TraceRow:
    """One traced call, or several equal ones in a row.

    Attributes:
        operation: name of the torch function.
        inputs, outputs: shapes of the tensors that went in and came out.
        repeats: how many times this step was repeated in direct succession.
    """

    operation: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    repeats: int = 1


@dataclass(frozen=True, repr=False)
class ShapeTrace:
    """The rows of a trace and the names of its axes; prints as a table, and shows as one in a notebook."""

    rows: tuple[TraceRow, ...]
    axes: Mapping[str, int]

    def name(self, shape: Sequence[int]) -> str:
        """A shape with its axes named: ``(T=35, B=32, V=28)``."""
        by_size: dict[int, list[str]] = {}
        for axis, size in self.axes.items():
            by_size.setdefault(size, []).append(axis)
        parts = ["/".join(by_size[n]) + f"={n}" if n in by_size else str(n) for n in shape]
        return f"({', '.join(parts)})"

    def _join(self, shapes: Sequence[tuple[int, ...]]) -> str:
        """Shapes side by side; equal ones once, with their number."""
        counts = Counter(shapes)
        return "  ".join(
            self.name(shape) + (f" ×{count}" if count > 1 else "") for shape, count in counts.items()
        )

    def _table(self) -> Table:
        operations = [row.operation + (f" ×{row.repeats}" if row.repeats > 1 else "") for row in self.rows]
        return table(
            {
                "运算 | operation": operations,
                "输入 | inputs": [self._join(row.inputs) for row in self.rows],
                "输出 | outputs": [self._join(row.outputs) for row in self.rows],
            }
        )

    def __str__(self) -> str:
        return str(self._table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in _tensors(part)]
    if isinstance(value, dict):
        return _tensors(list(value.values()))
    return []


class _Recorder(TorchFunctionMode):
    def __init__(self, weights: Sequence[Tensor]):
        super().__init__()
        self.biases = {id(weight) for weight in weights if weight.ndim == 1}
        self.rows: list[TraceRow] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        path = (resolve_name(func) or getattr(func, "__name__", str(func))).split(".")
        name = "transpose" if path[-2:] == ["T", "__get__"] else path[-1]
        outputs = tuple(tuple(t.shape) for t in _tensors(result))
        if name not in _SILENT and outputs:
            shapes = tuple(tuple(t.shape) for t in _tensors([args, kwargs or {}]) if id(t) not in self.biases)
            self.rows.append(TraceRow(name.strip("_"), shapes, outputs))
        return result


def _fold(rows: Sequence[TraceRow]) -> tuple[TraceRow, ...]:
    """Fold a block of rows that repeats in direct succession (the steps of a loop) into one block."""
    folded: list[TraceRow] = []
    i = 0
    while i < len(rows):
        best_length, best_count = 1, 1
        for length in range(1, min(64, (len(rows) - i) // 2) + 1):
            count = 1
            while rows[i + count * length : i + (count + 1) * length] == rows[i : i + length]:
                count += 1
            if count > 1 and count * length > best_count * best_length:
                best_length, best_count = length, count
        for row in rows[i : i + best_length]:
            folded.append(TraceRow(row.operation, row.inputs, row.outputs, best_count))
        i += best_length * best_count
    return tuple(folded)


def trace_shapes(model: Any, X: Tensor, state: Any = None, **axes: int) -> ShapeTrace:
    """Run a model once and record the shape of every tensor on its way.

    Args:
        model: anything that is called as ``model(X)`` or ``model(X, state)``: every model of this library, a
            module of your own.
        X: (B, T) int64 token indices, or (B, T, I) values; whatever the model reads.
        state: the state to begin with; None lets the model begin anew.
        axes: more names for sizes, such as ``E=64``; they override the automatic ones, which are B, T, I and
            T·B of X, V (the model's ``vocab_size``), K (its ``num_outputs``), H (its ``num_hiddens``, or that
            of its recurrent layer), L·D of that layer, and 2H, 3H, 4H where no other name fits.

    Returns:
        A :class:`ShapeTrace`.

    Raises:
        ValueError: if X has no two axes.

    Example:
        >>> model = RNNModel(torch.nn.RNN(28, 256), 28)
        >>> print(trace_shapes(model, torch.zeros(2, 5, dtype=torch.int64)))
    """
    if X.ndim < 2:
        raise ValueError(
            f"X has shape {tuple(X.shape)}; at least (B, T) is expected: a row of steps for each sequence."
        )
    known = {**_known_axes(model, X), **axes}
    if "H" in known:  # gates and directions stand side by side
        known |= {f"{k}H": k * known["H"] for k in (2, 3, 4) if k * known["H"] not in known.values()}
    with evaluating(model), _Recorder(_parameters(model)) as recorder:
        model(X, state) if state is not None else model(X)
    return ShapeTrace(_fold(recorder.rows), known)


def _parameters(model: Any) -> list[Tensor]:
    return list(model.parameters()) if hasattr(model, "parameters") else []


def _known_axes(model: Any, X: Tensor) -> dict[str, int]:
    """The sizes that X, the model and its first recurrent layer tell."""
    B, T = X.shape[:2]
    modules = model.modules() if isinstance(model, nn.Module) else []
    layer = next((module for module in modules if isinstance(module, (nn.RNNBase, RecurrentLayer))), None)
    V = getattr(model, "vocab_size", None)
    found = {
        "B": B,
        "T": T,
        "T·B": T * B if T > 1 < B else None,
        "I": X.shape[2] if X.ndim == 3 else None,
        "V": V,
        "K": None if V is not None else getattr(model, "num_outputs", None),
        "H": getattr(model, "num_hiddens", getattr(layer, "hidden_size", None)),
        "L·D": None if layer is None else layer.num_layers * (2 if layer.bidirectional else 1),
    }
    return {axis: size for axis, size in found.items() if isinstance(size, int)}
