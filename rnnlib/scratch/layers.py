"""Layers that run a cell over a sequence: stacked, in one direction or both, named and shaped as in torch.nn.

A layer's parameters are called as in torch.nn (``weight_ih_l0``, ``bias_hh_l1_reverse``), so that
``nn.LSTM(...).load_state_dict(LSTM(...).state_dict())`` works, and the other way round. They begin uniform in
[-1/sqrt(H), 1/sqrt(H)], as there.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.scratch.cells import gru_cell, lstm_cell, rnn_cell
from rnnlib.states import State, check_state, zero_state


def _parts(state: State) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


class RecurrentLayer(nn.Module):
    """What all kinds of layer share: parameters, the loop over time, stacking and the two directions.

    A layer of your own needs ``num_gates`` (how many blocks of H rows its weights have), ``num_states`` if
    its state has more than one tensor, and ``step``. It then works in every model of this library.

    Args:
        input_size: I.
        hidden_size: H.
        num_layers: L; layer l+1 reads the outputs of layer l.
        bidirectional: run a second set of cells from the end to the beginning, and concatenate (D = 2).
        dropout: probability of zeroing the outputs of a layer before the next one reads them; without effect
            behind the last layer, and so without any effect for L = 1 (a ValueError says so).
        batch_first: inputs and outputs are (B, T, ...) instead of (T, B, ...).

    Raises:
        ValueError: for sizes that are not positive, or a dropout that is not in [0, 1) or has no effect.
    """

    num_gates: int
    num_states = 1  # tensors in the state

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        batch_first: bool = False,
    ):
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout!r} must be at least 0 and below 1.")
        if dropout > 0 and num_layers == 1:
            raise ValueError(f"dropout={dropout} acts between layers; with num_layers=1 it would do nothing.")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bidirectional, self.dropout, self.batch_first = bidirectional, dropout, batch_first
        self.num_directions = 2 if bidirectional else 1
        rows, bound = self.num_gates * hidden_size, 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * self.num_directions
            for suffix in self._suffixes(layer):
                shapes = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                for name, shape in shapes.items():
                    values = torch.empty(shape).uniform_(-bound, bound)
                    self.register_parameter(f"{name}{suffix}", nn.Parameter(values))

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self.num_directions]

    def weights(self, layer: int = 0, reverse: bool = False) -> list[Tensor]:
        """``[W_ih (G*H, I or D*H), W_hh (G*H, H), b_ih (G*H,), b_hh (G*H,)]`` of one layer and direction."""
        suffix = self._suffixes(layer)[int(reverse)]
        return [getattr(self, f"{name}{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def step(self, X: Tensor, state: State, weights: list[Tensor]) -> State:
        """One step: inputs (B, I) and the state (B, H), or a tuple of such tensors, give the next.

        The first tensor of the state is what the layer puts out.
        """
        raise NotImplementedError

    def _scan(
        self, inputs: Tensor, state: State, weights: list[Tensor], reverse: bool
    ) -> tuple[Tensor, State]:
        """Run the cell over (T, B, I); outputs (T, B, H) stand in the order of the inputs."""
        outputs = []
        for X in inputs.flip(0) if reverse else inputs:  # X: (B, I)
            state = self.step(X, state, weights)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs[::-1] if reverse else outputs), state

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run the layers over a sequence.

        Args:
            inputs: (T, B, I), or (B, T, I) with ``batch_first``.
            state: (L*D, B, H), for an LSTM a pair of such tensors; None begins with zeros.

        Returns:
            ``(outputs, state)``: outputs (T, B, D*H) of the last layer, or (B, T, D*H); the final state of
            every layer and direction, shaped like the initial one.

        Raises:
            ValueError: if inputs or state have the wrong form.
        """
        if inputs.ndim != 3 or inputs.shape[-1] != self.input_size or 0 in inputs.shape[:2]:
            order = "(B, T, I)" if self.batch_first else "(T, B, I)"
            raise ValueError(
                f"inputs have shape {tuple(inputs.shape)}; {order} with I={self.input_size} and at "
                "least one row and one step is expected."
            )
        if self.batch_first:
            inputs = inputs.transpose(0, 1)
        parts = self._initial(state, inputs)
        finals: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for d in range(self.num_directions):
                k = layer * self.num_directions + d
                start = tuple(part[k] for part in parts) if self.num_states > 1 else parts[0][k]
                Y, final = self._scan(inputs, start, self.weights(layer, bool(d)), bool(d))
                outputs.append(Y)
                finals.append(final)
            inputs = torch.cat(outputs, dim=-1)  # (T, B, D*H)
            if layer < self.num_layers - 1:
                inputs = F.dropout(inputs, self.dropout, self.training)
        outputs = inputs.transpose(0, 1) if self.batch_first else inputs
        if self.num_states > 1:
            return outputs, tuple(torch.stack(part) for part in zip(*finals))
        return outputs, torch.stack(finals)

    def _initial(self, state: State | None, inputs: Tensor) -> tuple[Tensor, ...]:
        """The tensors (L*D, B, H) of the initial state, one or several."""
        batch_size = inputs.shape[1]
        zeros = zero_state(self, batch_size, inputs.device, inputs.dtype)
        if state is None:
            return _parts(zeros)
        check_state(state, batch_size, self.num_states)
        for part, zero in zip(_parts(state), _parts(zeros)):
            if part.shape != zero.shape:
                raise ValueError(
                    f"the state has shape {tuple(part.shape)}; (L*D, B, H) = {tuple(zero.shape)} is needed. "
                    "Use the state that this layer returned, or None."
                )
        return _parts(state)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"bidirectional={self.bidirectional}, dropout={self.dropout}, batch_first={self.batch_first}"
        )


class RNN(RecurrentLayer):
    """The plain RNN with tanh; equal to ``nn.RNN`` with the same weights."""

    num_gates = 1

    def step(self, X: Tensor, state: Tensor, weights: list[Tensor]) -> Tensor:
        return rnn_cell(X, state, *weights)


class LSTM(RecurrentLayer):
    """The LSTM with forget gate; equal to ``nn.LSTM`` with the same weights. Its state is the pair (H, C)."""

    num_gates, num_states = 4, 2

    def step(self, X: Tensor, state: tuple[Tensor, Tensor], weights: list[Tensor]) -> tuple[Tensor, Tensor]:
        return lstm_cell(X, state, *weights)


class GRU(RecurrentLayer):
    """The GRU; equal to ``nn.GRU`` with the same weights when ``reset_after`` is true.

    Args:
        reset_after: the reset gate multiplies the product H W_hn^T + b_hn (nn.GRU, cuDNN) instead of H itself
            (the paper); nn.GRU can then take over the weights, but computes something else.

    The other arguments are those of :class:`RecurrentLayer`.
    """

    num_gates = 3

    def __init__(self, input_size: int, hidden_size: int, *, reset_after: bool = True, **options: Any):
        super().__init__(input_size, hidden_size, **options)
        self.reset_after = reset_after

    def step(self, X: Tensor, state: Tensor, weights: list[Tensor]) -> Tensor:
        return gru_cell(X, state, *weights, reset_after=self.reset_after)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, reset_after={self.reset_after}"
