"""Backpropagation through time derived by hand, as an autograd function.

For H_t = tanh(A_t) with A_t = X_t W_xh + H_{t-1} W_hh + b_h and G_t = dL/dH_t from outside (from the
output of step t), the total gradient of the state runs backwards through time:

    dH_t = G_t + dA_{t+1} W_hh^T        dA_t = dH_t * (1 - H_t^2)        (dA_{T+1} = 0)

and the shared parameters collect a term from every step (for b_h over the batch, too), while each input and
the initial state get their own:

    dW_xh = sum_t X_t^T dA_t    dW_hh = sum_t H_{t-1}^T dA_t    db_h = sum_t dA_t
    dX_t = dA_t W_xh^T          dH_0 = dA_1 W_hh^T

(P. J. Werbos, "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78(10),
1990.)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class RNNFunction(torch.autograd.Function):
    """The plain RNN over a sequence, whose backward pass is written out instead of recorded."""

    @staticmethod
    def forward(ctx, X: Tensor, H0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
        """(T, B, I), (B, H), (I, H), (H, H), (H,) -> all states (T, B, H)."""
        H, states = H0, []
        for X_t in X:
            H = torch.tanh(X_t @ W_xh + H @ W_hh + b_h)
            states.append(H)
        states = torch.stack(states)
        ctx.save_for_backward(X, H0, W_xh, W_hh, states)  # every state is kept for the way back
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx, G: Tensor) -> tuple[Tensor, ...]:
        """dL/d(states) (T, B, H) -> the gradients of the five arguments of ``forward``, shaped like them."""
        X, H0, W_xh, W_hh, states = ctx.saved_tensors
        previous = torch.cat([H0[None], states[:-1]])  # H_{t-1} for every t
        dA = torch.empty_like(states)  # (T, B, H)
        carried = torch.zeros_like(H0)  # dA_{t+1} W_hh^T; nothing comes from beyond the last step
        for t in reversed(range(len(states))):
            dA[t] = (G[t] + carried) * (1 - states[t] ** 2)
            carried = dA[t] @ W_hh.T
        dX = dA @ W_xh.T
        dW_xh = torch.einsum("tbi,tbh->ih", X, dA)
        dW_hh = torch.einsum("tbg,tbh->gh", previous, dA)
        return dX, carried, dW_xh, dW_hh, dA.sum(dim=(0, 1))  # carried is dH_0 by now


def rnn_by_hand(X: Tensor, H0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor:
    """All hidden states of a plain RNN, differentiable (once) through the hand-derived backward pass.

    Args:
        X: inputs (T, B, I).
        H0: initial state (B, H).
        W_xh, W_hh, b_h: (I, H), (H, H), (H,).

    Returns:
        (T, B, H).

    Raises:
        ValueError: if the shapes do not fit together.
    """
    shapes = [tuple(tensor.shape) for tensor in (X, H0, W_xh, W_hh, b_h)]
    size = b_h.numel()
    if (
        X.ndim != 3
        or len(X) == 0
        or shapes[1:] != [(X.shape[1], size), (X.shape[2], size), (size, size), (size,)]
    ):
        raise ValueError(
            f"shapes {shapes} do not fit; (T, B, I), (B, H), (I, H), (H, H), (H,) with T >= 1 are expected."
        )
    return RNNFunction.apply(X, H0, W_xh, W_hh, b_h)
