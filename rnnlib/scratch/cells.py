"""Recurrent cells, one step each, as functions of input, state and weights.

The weights are laid out as in torch.nn: ``W_ih (G*H, I)`` and ``W_hh (G*H, H)`` hold the G gates one below
the other (RNN: G = 1; LSTM: i, f, g, o; GRU: r, z, n), with a bias ``(G*H,)`` for the input side and one for
the hidden. In every cell X is (B, I) and H is (B, H); what comes back is (B, H) each.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rnn_cell(X: Tensor, H: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """A step of the plain RNN: inputs (B, I) and state (B, H) give the next state (B, H).

    H_t = tanh(X_t W_ih^T + b_ih + H_{t-1} W_hh^T + b_hh)

    (J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.)
    """
    return torch.tanh(X @ W_ih.T + b_ih + H @ W_hh.T + b_hh)


def lstm_gates(
    X: Tensor, H: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The input gate I, forget gate F, candidate G and output gate O of an LSTM, each (B, H).

    I, F, O = sigmoid and G = tanh of X_t W_ih^T + b_ih + H_{t-1} W_hh^T + b_hh, each from its own H rows.
    """
    gates = X @ W_ih.T + b_ih + H @ W_hh.T + b_hh  # (B, 4H): all four in one product
    i, f, g, o = gates.chunk(4, dim=-1)
    return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)


def lstm_cell(
    X: Tensor,
    state: tuple[Tensor, Tensor],
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
) -> tuple[Tensor, Tensor]:
    """A step of the LSTM: the pair (H, C), hidden state and memory cell, each (B, H), becomes the next.

    C_t = F * C_{t-1} + I * G        H_t = O * tanh(C_t)

    (S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; the forget gate:
    F. Gers, J. Schmidhuber, F. Cummins, "Learning to forget", Neural Computation 12(10), 2000.)
    """
    H, C = state
    i, f, g, o = lstm_gates(X, H, W_ih, W_hh, b_ih, b_hh)
    C = f * C + i * g
    return o * torch.tanh(C), C


def gru_gates(
    X: Tensor,
    H: Tensor,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    reset_after: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """The reset gate R, update gate Z and candidate state N of a GRU, each (B, H).

    R and Z are the sigmoid of X W_ih^T + b_ih + H W_hh^T + b_hh, each from its own H rows. With
    ``reset_after`` the reset gate multiplies the product, as nn.GRU and cuDNN have it:
    N = tanh(X W_in^T + b_in + R * (H W_hn^T + b_hn)). Without it, it multiplies the state before the product,
    as in the paper (see :func:`gru_cell`): N = tanh(X W_in^T + b_in + (R * H) W_hn^T + b_hn).
    """
    two = 2 * H.shape[-1]  # the rows of r and z; those of n stand below
    W_hn, b_hn = W_hh[two:], b_hh[two:]
    x_r, x_z, x_n = (X @ W_ih.T + b_ih).chunk(3, dim=-1)
    h_r, h_z = (H @ W_hh[:two].T + b_hh[:two]).chunk(2, dim=-1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    hidden = r * (H @ W_hn.T + b_hn) if reset_after else (r * H) @ W_hn.T + b_hn
    return r, z, torch.tanh(x_n + hidden)


def gru_cell(
    X: Tensor,
    H: Tensor,
    W_ih: Tensor,
    W_hh: Tensor,
    b_ih: Tensor,
    b_hh: Tensor,
    reset_after: bool = True,
) -> Tensor:
    """A step of the GRU: inputs (B, I) and state (B, H) give the next state (B, H).

    H_t = (1 - Z) * N + Z * H_{t-1}

    (K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP 2014, equations 5-8, where the reset gate stands before the product.)
    """
    _, z, n = gru_gates(X, H, W_ih, W_hh, b_ih, b_hh, reset_after)
    return (1 - z) * n + z * H
