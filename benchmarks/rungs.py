"""What makes an RNN fast, one step at a time: functions that all compute the same loss and gradients.

Each takes the parameters ``[W_xh (V, H), W_hh (H, H), b_h (H,), W_hq (H, V), b_q (V,)]``, tokens X and labels
Y, both (B, T) int64, and the state H0 (B, H), and returns the mean loss in nats, the five gradients and the
last state.

    A_t = X_t W_xh + H_{t-1} W_hh + b_h      H_t = tanh(A_t)      O_t = H_t W_hq + b_q

By hand: the error that reaches the sum inside tanh is dA_t = (G_t + dA_{t+1} W_hh^T) (1 - H_t^2), where G_t
comes from the output; then dW_hh is the sum of H_{t-1}^T dA_t over t, which is one product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.d2l_peer import rnn as d2l_rnn
from benchmarks.work import CLIP, LR

Parameters = list[Tensor]
Found = tuple[Tensor, Sequence[Tensor], Tensor]  # loss (), gradients, last state (B, H)
MKLDNN = getattr(torch.ops, "mkldnn", None)


def _backward(logits: Tensor, Y: Tensor, state: Tensor, params: Parameters) -> Found:
    """What autograd makes of logits (T*B, V)."""
    loss = F.cross_entropy(logits, Y.T.reshape(-1))
    return loss.detach(), torch.autograd.grad(loss, params), state.detach()


def d2l(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """One-hot vectors, two products and an output product at every step, gradients by autograd."""
    inputs = F.one_hot(X.T, params[0].shape[0]).float()
    logits, (state,) = d2l_rnn(inputs, (H0,), params)
    return _backward(logits, Y, state, params)


def look_up(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """A one-hot vector times a matrix is a row of it: looked up, for all steps at once."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, logits = H0, []
    for inputs in F.embedding(X.T, W_xh + b_h):
        H = torch.tanh(inputs + H @ W_hh)
        logits.append(H @ W_hq + b_q)
    return _backward(torch.cat(logits), Y, H, params)


def one_output(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """One output product serves all steps."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    H, states = H0, []
    for inputs in F.embedding(X.T, W_xh + b_h):
        H = torch.tanh(inputs + H @ W_hh)
        states.append(H)
    return _backward(torch.addmm(b_q, torch.cat(states), W_hq), Y, H, params)


def _output(states: Tensor, Y: Tensor, W_hq: Tensor, b_q: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Loss, its gradients for W_hq, b_q and the states (T*B, H), by hand: softmax minus one-hot."""
    labels = Y.T.reshape(-1, 1)
    logs = torch.log_softmax(torch.addmm(b_q, states, W_hq), dim=1)
    loss = -logs.gather(1, labels).mean()
    error = logs.exp_().scatter_add_(1, labels, -torch.ones_like(labels, dtype=logs.dtype))
    error /= len(labels)
    return loss, states.T @ error, error.sum(0), error @ W_hq.T


def _input(X: Tensor, dA: Tensor, V: int) -> tuple[Tensor, Tensor]:
    """The gradients of W_xh and b_h from dA (T*B, H): its rows, added up by token."""
    dW_xh = dA.new_zeros(V, dA.shape[1]).index_add_(0, X.T.reshape(-1), dA)
    return dW_xh, dW_xh.sum(0)


def by_hand(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """The backward pass written down: autograd keeps no books, and W_hh gets its gradient in one product."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    B, T = X.shape
    states = [H0]
    for inputs in F.embedding(X.T, W_xh + b_h):
        states.append(torch.tanh(inputs + states[-1] @ W_hh))
    H = torch.stack(states)  # (T + 1, B, H)
    loss, dW_hq, db_q, G = _output(H[1:].flatten(0, 1), Y, W_hq, b_q)
    G = G.view(T, B, -1)
    slope = 1 - H[1:] ** 2
    steps = [G[-1] * slope[-1]]
    for t in range(T - 2, -1, -1):
        steps.append((G[t] + steps[-1] @ W_hh.T) * slope[t])
    dA = torch.stack(steps[::-1]).flatten(0, 1)  # (T*B, H)
    dW_hh = H[:-1].flatten(0, 1).T @ dA
    dW_xh, db_h = _input(X, dA, len(W_xh))
    return loss, (dW_xh, dW_hh, db_h, dW_hq, db_q), H[-1]


def in_place(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """The same, each step written where its result belongs: no memory is asked for on the way."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    B, T = X.shape
    H = torch.empty(T + 1, B, W_hh.shape[0], device=X.device)
    H[0] = H0
    A = F.embedding(X.T, W_xh + b_h)
    for t in range(T):
        torch.addmm(A[t], H[t], W_hh, out=H[t + 1]).tanh_()
    loss, dW_hq, db_q, G = _output(H[1:].flatten(0, 1), Y, W_hq, b_q)
    dA, slope, W_back = G.view(T, B, -1), torch.addcmul(H.new_ones(()), H[1:], H[1:], value=-1), W_hh.T
    dA[-1].mul_(slope[-1])
    for t in range(T - 2, -1, -1):
        dA[t].addmm_(dA[t + 1], W_back).mul_(slope[t])
    dW_hh = H[:-1].flatten(0, 1).T @ G
    dW_xh, db_h = _input(X, G, len(W_xh))
    return loss, (dW_xh, dW_hh, db_h, dW_hq, db_q), H[-1]


def prepacked(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """The products of the chain by oneDNN, with W_hh laid out for it once and not at every product."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    B, T = X.shape
    times, times_and_add = MKLDNN._linear_pointwise, MKLDNN._linear_pointwise.binary
    ahead = MKLDNN._reorder_linear_weight(W_hh.T.contiguous(), B)  # it multiplies by the transpose
    back = MKLDNN._reorder_linear_weight(W_hh, B)
    H = torch.empty(T + 1, B, W_hh.shape[0])
    H[0] = H0
    A = F.embedding(X.T, W_xh + b_h)
    for t in range(T):
        torch.tanh(times_and_add(H[t], A[t], ahead, None, "add"), out=H[t + 1])
    loss, dW_hq, db_q, G = _output(H[1:].flatten(0, 1), Y, W_hq, b_q)
    dA, slope = G.view(T, B, -1), torch.addcmul(H.new_ones(()), H[1:], H[1:], value=-1)
    dA[-1].mul_(slope[-1])
    for t in range(T - 2, -1, -1):
        dA[t].add_(times(dA[t + 1], back, None, "none", [], "")).mul_(slope[t])
    dW_hh = H[:-1].flatten(0, 1).T @ G
    dW_xh, db_h = _input(X, G, len(W_xh))
    return loss, (dW_xh, dW_hh, db_h, dW_hq, db_q), H[-1]


def bfloat16(params: Parameters, X: Tensor, Y: Tensor, H0: Tensor) -> Found:
    """The products in bfloat16; sums, tanh and the parameters stay in float32."""
    W_xh, W_hh, b_h, W_hq, b_q = params
    B, T = X.shape
    times = MKLDNN._linear_pointwise
    W = W_hh.bfloat16()
    ahead = MKLDNN._reorder_linear_weight(W.T.contiguous(), B)
    back = MKLDNN._reorder_linear_weight(W, B)
    H = torch.empty(T + 1, B, W_hh.shape[0])
    H[0] = H0
    H_short = torch.empty_like(H, dtype=torch.bfloat16)
    H_short[0] = H0
    A = F.embedding(X.T, W_xh + b_h)
    for t in range(T):
        torch.add(A[t], times(H_short[t], ahead, None, "none", [], ""), out=H[t + 1]).tanh_()
        H_short[t + 1].copy_(H[t + 1])
    loss, dW_hq, db_q, G = _output_bfloat16(H_short[1:].flatten(0, 1), Y, W_hq, b_q)
    dA, slope = G.view(T, B, -1), torch.addcmul(H.new_ones(()), H[1:], H[1:], value=-1)
    dA_short = torch.empty_like(dA, dtype=torch.bfloat16)
    dA_short[-1].copy_(dA[-1].mul_(slope[-1]))
    for t in range(T - 2, -1, -1):
        dA[t].add_(times(dA_short[t + 1], back, None, "none", [], "")).mul_(slope[t])
        dA_short[t].copy_(dA[t])
    dW_hh = (H_short[:-1].flatten(0, 1).T @ dA_short.flatten(0, 1)).float()
    dW_xh, db_h = _input(X, G, len(W_xh))
    return loss, (dW_xh, dW_hh, db_h, dW_hq, db_q), H[-1]


def _output_bfloat16(
    states: Tensor, Y: Tensor, W_hq: Tensor, b_q: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As :func:`_output`, for states in bfloat16."""
    labels, W_short = Y.T.reshape(-1, 1), W_hq.bfloat16()
    logs = torch.log_softmax((states @ W_short).float() + b_q, dim=1)
    loss = -logs.gather(1, labels).mean()
    error = logs.exp_().scatter_add_(1, labels, -torch.ones_like(labels, dtype=logs.dtype))
    error /= len(labels)
    short = error.bfloat16()
    return loss, (states.T @ short).float(), error.sum(0), (short @ W_short.T).float()


def d2l_update(params: Parameters, grads: Sequence[Tensor]) -> None:
    """Clip and step as d2l does: one parameter after the other, and the norm looked at in between."""
    norm = torch.sqrt(sum(torch.sum(g**2) for g in grads))
    if norm > CLIP:
        for g in grads:
            g[:] *= CLIP / norm
    with torch.no_grad():
        for p, g in zip(params, grads):
            p -= LR * g


def update_together(params: Parameters, grads: Sequence[Tensor]) -> None:
    """Clip and step for all parameters in one call each; the factor is never looked at."""
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(grads))))
    factor = -LR * (CLIP / norm).clamp(max=1.0)
    with torch.no_grad():
        torch._foreach_add_(params, torch._foreach_mul(list(grads), factor))


@dataclass(frozen=True)
class Rung:
    """One step of the ladder.

    Attributes:
        key: its name in the record.
        name: Chinese | English.
        gradients: as the module says.
        update: clips and changes the parameters in place.
        by_autograd: whether the parameters must ask for gradients.
        tolerance: how far loss and gradients may be from the first rung's, relative.
        needs: what must be there: ``""``, ``"oneDNN"`` or ``"bfloat16"``.
    """

    key: str
    name: str
    gradients: Callable[[Parameters, Tensor, Tensor, Tensor], Found]
    update: Callable[[Parameters, Sequence[Tensor]], Any] = update_together
    by_autograd: bool = False
    tolerance: float = 1e-5
    needs: str = ""


LADDER = (
    Rung("d2l", "d2l 的循环 | d2l's loop", d2l, d2l_update, True),
    Rung("together", "裁剪与更新一次做完 | clip and update in one call", d2l, by_autograd=True),
    Rung("look_up", "查表代替独热向量 | look-up instead of one-hot", look_up, by_autograd=True),
    Rung("one_output", "输出只乘一次 | one output product", one_output, by_autograd=True),
    Rung("by_hand", "手写反向传播 | backward by hand", by_hand),
    Rung("in_place", "就地计算 | in place", in_place),
    Rung("prepacked", "oneDNN 预排权重 | oneDNN, weights laid out once", prepacked, needs="oneDNN"),
    Rung("bfloat16", "乘积用 bfloat16 | products in bfloat16", bfloat16, tolerance=0.01, needs="bfloat16"),
)
