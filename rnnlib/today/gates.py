"""Gated layers whose recurrence is linear in the state, so that a scan computes all steps at once.

Gates and candidates come from the input alone, never from the state before: that is the price. The state is
(1, B, H), as that of a one-layer nn.GRU; the layers fit into :class:`rnnlib.RNNModel`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.states import check_state
from rnnlib.today.scan import loop, scan


class LinearRecurrence(nn.Module):
    """H_t = a_t * H_{t-1} + b_t with a_t and b_t from X_t; a kind says how.

    Args:
        input_size, hidden_size: I and H.
        parallel: whether a scan computes the states, or a loop; the numbers are the same to rounding.

    Raises:
        ValueError: for sizes that are not positive.
    """

    num_gates = 1
    num_layers, bidirectional, batch_first = 1, False, False

    def __init__(self, input_size: int, hidden_size: int, parallel: bool = True):
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.parallel = input_size, hidden_size, parallel
        self.linear = nn.Linear(input_size, (self.num_gates + 1) * hidden_size)

    def coefficients(self, *parts: Tensor) -> tuple[Tensor, Tensor]:
        """a and b from the gates, before their sigmoid, and the candidate, all (T, B, H)."""
        raise NotImplementedError

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """X (T, B, I) and the state (1, B, H), None for zeros, give outputs (T, B, H) and the new state.

        Raises:
            ValueError: if X is not (T, B, I), or the state has other rows.
        """
        if X.ndim != 3 or X.shape[2] != self.input_size:
            raise ValueError(f"X has shape {tuple(X.shape)}; (T, B, {self.input_size}) is expected.")
        if state is None:
            state = X.new_zeros(1, X.shape[1], self.hidden_size)
        check_state(state, X.shape[1], 1)
        a, b = self.coefficients(*self.linear(X).chunk(self.num_gates + 1, dim=-1))
        Y = (scan if self.parallel else loop)(a, b, state[0])
        return Y, Y[-1:]


class MinGRU(LinearRecurrence):
    """Z = sigmoid(W_z X_t + b_z), H_t = (1 - Z) * H_{t-1} + Z * (W_h X_t + b_h).

    L. Feng et al., "Were RNNs all we needed?", arXiv:2410.01201 (2024), section 3.1. With ``signed`` the
    factor of the old state is 1 - 2Z, between -1 and 1 instead of 0 and 1 (R. Grazzi et al., "Unlocking
    state-tracking in linear RNNs through negative eigenvalues", ICLR 2025).
    """

    def __init__(self, input_size: int, hidden_size: int, parallel: bool = True, signed: bool = False):
        super().__init__(input_size, hidden_size, parallel)
        self.signed = signed

    def coefficients(self, gate: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
        Z = torch.sigmoid(gate)
        return 1 - (2 if self.signed else 1) * Z, Z * candidate


class MinLSTM(LinearRecurrence):
    """H_t = F / (F + W) * H_{t-1} + W / (F + W) * (W_h X_t + b_h), F and W sigmoids of linear maps of X_t.

    The same paper, section 3.2, where W, which says what is written, is the input gate I.
    """

    num_gates = 2

    def coefficients(self, forget: Tensor, write: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
        F, W = torch.sigmoid(forget), torch.sigmoid(write)
        return F / (F + W), W / (F + W) * candidate
