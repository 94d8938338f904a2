"""Use a model without training it: evaluation mode, answers to many inputs, how many numbers it learns."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rnnlib.data.batches import ExampleLoader, Inputs

_lock = threading.Lock()
_in_use: WeakKeyDictionary[nn.Module, list] = WeakKeyDictionary()  # module -> [users now, mode to return to]


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Run a block in evaluation mode without gradients; every module's former mode is back at the end.

    Several threads may do so with one model at once: the former mode is back when the last of them is done.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    with _lock:
        for module in modules:
            _in_use.setdefault(module, [0, module.training])[0] += 1
            module.training = False
    try:
        with torch.inference_mode():
            yield
    finally:
        with _lock:
            for module in modules:
                _in_use[module][0] -= 1
                if _in_use[module][0] == 0:
                    module.training = _in_use.pop(module)[1]


def predict(
    model: nn.Module, X: Inputs, batch_size: int = 256, lengths: Tensor | Sequence[int] | None = None
) -> Tensor:
    """The model's logits for all of X, in evaluation mode, without gradients.

    Args:
        model, X, lengths: as for :class:`rnnlib.ExampleLoader` and :func:`rnnlib.train`.
        batch_size: how many rows go through the model at a time; no effect on the answers.

    Returns:
        (N, ...), one answer per row.

    Raises:
        ValueError: for no rows, a batch size that is not positive, or lengths that do not fit.
    """
    first = X[0] if isinstance(X, tuple) else X
    rows = torch.zeros(len(first), device=first.device)  # no labels are needed
    loader = ExampleLoader(X, rows, batch_size, lengths=lengths, shuffle=False)
    with evaluating(model):
        answers = [answer(model, inputs)[0] for inputs, _ in loader]
    return torch.cat(answers)


def answer(model: Any, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
    """Call a model: ``(logits, state)``, with state None for a model that returns its logits alone.

    Args:
        inputs: a tensor, followed by the state if there is one; or the tuple of the model's arguments.
    """
    if isinstance(inputs, tuple):
        output = model(*inputs)
    else:
        output = model(inputs) if state is None else model(inputs, state)
    return output if isinstance(output, tuple) else (output, None)


def count_parameters(model: Any) -> int:
    """How many numbers a model learns."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def is_as_written(model: Any) -> bool:
    """Whether a call of the model runs the code of its class and no hook, in single precision or double.

    Code that computes the same in another way may take the model's place only then.
    """
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    parameters = list(model.parameters())
    return not (
        nn.modules.module._has_any_global_hook()
        or any(module._forward_hooks or module._forward_pre_hooks for module in modules)
        or any(hasattr(type(module), name) for module in modules for name in vars(module))
        or any(p.dtype not in (torch.float32, torch.float64) for p in parameters)
        or any(torch.is_autocast_enabled(kind) for kind in {p.device.type for p in parameters})
    )
