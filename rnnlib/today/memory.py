"""A matrix as memory: keys and values are written into it, and a query reads a value.

S is (B, M, K): S k is the value that belongs to the key k. Two ways to write:

    linear attention    S_t = S_{t-1} + v_t k_t^T
    delta rule          S_t = S_{t-1} + beta_t (v_t - S_{t-1} k_t) k_t^T

The first adds, whatever stands under that key. The second reads first and writes what is missing: one step
of gradient descent on |S k_t - v_t|^2 / 2 with learning rate beta_t. (A. Katharopoulos et al.,
"Transformers are RNNs", ICML 2020, equations 16-20; I. Schlag, K. Irie, J. Schmidhuber, "Linear transformers
are secretly fast weight programmers", ICML 2021; B. Widrow, M. E. Hoff, 1960.)
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.common import check_positive


def add(S: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Write v (B, M) under k (B, K) by adding: linear attention."""
    return S + v[..., None] * k[..., None, :]


def correct(S: Tensor, k: Tensor, v: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """Write v (B, M) under k (B, K) of length 1, by the delta rule; ``beta`` is a number or (B, 1)."""
    return S + (beta * (v - read(S, k)))[..., None] * k[..., None, :]


def read(S: Tensor, q: Tensor) -> Tensor:
    """What S (B, M, K) holds under q (B, K): (B, M)."""
    return (S @ q[..., None])[..., 0]


class DeltaLayer(nn.Module):
    """A layer whose state is a matrix, written by the delta rule.

    Key, query and value are linear maps of X_t, key and query of length 1. ``beta`` lies between 0 and
    ``largest_beta``: with 1 the factor I - beta k k^T never turns a direction around, with 2 it can (Grazzi
    et al., ICLR 2025).

    Args:
        input_size, hidden_size: I and H; keys, queries and values have the size H.
        largest_beta: 1 or 2.
    """

    def __init__(self, input_size: int, hidden_size: int, largest_beta: float = 1.0):
        super().__init__()
        check_positive(input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.largest_beta = input_size, hidden_size, largest_beta
        self.linear = nn.Linear(input_size, 3 * hidden_size + 1)

    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """X (T, B, I) and S (B, H, H), None for zeros, give outputs (T, B, H) and the new S."""
        H = self.hidden_size
        k, q, v, beta = self.linear(X).split([H, H, H, 1], dim=-1)
        k, q, beta = F.normalize(k, dim=-1), F.normalize(q, dim=-1), self.largest_beta * torch.sigmoid(beta)
        S = X.new_zeros(X.shape[1], H, H) if state is None else state
        outputs = []
        for k_t, q_t, v_t, beta_t in zip(k, q, v, beta):
            S = correct(S, k_t, v_t, beta_t)
            outputs.append(read(S, q_t))
        return torch.stack(outputs), S
