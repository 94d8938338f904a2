"""Recurrent states, whatever their form: a tensor (RNN, GRU) or a tuple of tensors (LSTM, from scratch).

In every form the batch is the second axis from the end: (B, H) from scratch, (L*D, B, H) in torch.nn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

State = Tensor | tuple[Tensor, ...]


def map_state(function: Callable[[Tensor], Tensor], state: State) -> State:
    """Apply a function to every tensor of a state and keep the state's form, a reader's own form included."""
    if isinstance(state, Tensor):
        return function(state)
    if state is None:
        return None
    parts = [map_state(function, part) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def detach_state(state: State) -> State:
    """The same values without their history: what truncated BPTT hands from one batch to the next."""
    return map_state(Tensor.detach, state)


def select_rows(state: State, rows: Tensor) -> State:
    """The state of some rows of the batch, in the given order (a row may be taken twice)."""
    return map_state(lambda part: part.index_select(-2, rows), state)


def num_states(layer: Any) -> int:
    """How many tensors the state of a recurrent layer has.

    A layer says so itself in an attribute ``num_states``; the layers of torch.nn have one tensor, and nn.LSTM
    two.
    """
    return getattr(layer, "num_states", 2 if getattr(layer, "mode", "") == "LSTM" else 1)


def zero_state(layer: Any, batch_size: int, device: Any = None, dtype: torch.dtype | None = None) -> State:
    """The state of a recurrent layer before the first token: zeros (L*D, B, H), or a tuple of them.

    The first part of an LSTM with ``proj_size`` is as narrow as its outputs.
    """
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    widths = [layer.hidden_size] * num_states(layer)
    widths[0] = getattr(layer, "proj_size", 0) or layer.hidden_size
    parts = tuple(torch.zeros((rows, batch_size, width), device=device, dtype=dtype) for width in widths)
    return parts[0] if len(parts) == 1 else parts


def check_state(state: State, batch_size: int, parts: int | None = None) -> None:
    """Raise a ValueError unless a state has the form and the batch size that are expected.

    Args:
        state: what the caller was given.
        batch_size: B.
        parts: 1 for a bare tensor, more for a tuple of so many; None leaves the form open.
    """
    given = len(state) if isinstance(state, tuple) else 1
    if parts is not None and (isinstance(state, tuple) != (parts > 1) or given != parts):
        expected = {1: "one tensor H", 2: "a pair (H, C) of tensors"}.get(
            parts, f"a tuple of {parts} tensors"
        )
        got = f"a tuple of {given}" if isinstance(state, tuple) else type(state).__name__
        raise ValueError(
            f"the state of this layer is {expected}; got {got}. Use the state that the model returned, or "
            "None to begin anew."
        )

    def check(part: Tensor) -> Tensor:
        if part.ndim < 2 or part.shape[-2] != batch_size:
            raise ValueError(
                f"the state has shape {tuple(part.shape)}, but the input has batch_size={batch_size}, which "
                "its second axis from the end must equal. Pass the state that belongs to these rows, or None "
                "to begin anew."
            )
        return part

    map_state(check, state)
