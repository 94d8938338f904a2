"""Recurrent states, whatever their form: a tensor (RNN, GRU) or a tuple of tensors (LSTM, from scratch).

In every form the batch is the second axis from the end: (B, H) from scratch, (L*D, B, H) in torch.nn.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

__all__ = ["State", "map_state", "detach_state", "select_rows", "check_state"]

State = Tensor | tuple[Tensor, ...]


def map_state(function: Callable[[Tensor], Tensor], state: State) -> State:
    """Apply a function to every tensor of a state and keep the state's form."""
    if isinstance(state, Tensor):
        return function(state)
    return tuple(map_state(function, part) for part in state)


def detach_state(state: State) -> State:
    """The same values without their history: what truncated BPTT hands from one batch to the next."""
    return map_state(Tensor.detach, state)


def select_rows(state: State, rows: Tensor) -> State:
    """The state of some rows of the batch, in the given order (a row may be taken twice)."""
    return map_state(lambda part: part.index_select(-2, rows), state)


def check_state(state: State, batch_size: int) -> None:
    """Raise a ValueError unless every tensor of the state belongs to a batch of ``batch_size`` rows."""

    def check(part: Tensor) -> Tensor:
        if part.ndim < 2 or part.shape[-2] != batch_size:
            raise ValueError(
                f"the state has shape {tuple(part.shape)}, but the input has batch_size={batch_size}. "
                f"Begin a new state with begin_state({batch_size}) when the batch size changes."
            )
        return part

    map_state(check, state)
