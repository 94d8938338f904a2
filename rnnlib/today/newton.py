"""All states of a recurrent network at once, as the solution of one equation.

H_t = f(H_{t-1}, X_t) for t = 1 ... T are T equations in T unknowns. Newton's method guesses all of them,
replaces f by its tangent, and solves what is then a linear recurrence,

    H_t = J_t H_{t-1} + (f(G_{t-1}, X_t) - J_t G_{t-1}),    J_t = df/dH at the guess G_{t-1},

which a scan can do in log2(T) rounds. After i rounds of Newton at least the first i states are exact, so that
T rounds always suffice; how many are needed depends on the network. (Y. H. Lim et al., "Parallelizing
non-linear sequential models over the sequence length", ICLR 2024; F. Danieli et al., "ParaRNN", 2025.)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacrev, vmap

Step = Callable[[Tensor, Tensor], Tensor]  # f: state (H,) and input (I,) -> state (H,)


def newton(
    f: Step, X: Tensor, H_0: Tensor, tolerance: float = 1e-6, most: int | None = None
) -> tuple[Tensor, list[float]]:
    """The states (T, H) of one sequence, without walking along it.

    Args:
        f: one step of the network.
        X: (T, I).
        H_0: (H,).
        tolerance: the rounds end when no state changed by more.
        most: so many rounds at most; None allows T, which always suffice.

    Returns:
        ``(states, changes)``: the largest change in each round.
    """
    guess, changes = X.new_zeros(len(X), len(H_0)), []
    while len(changes) < min(len(X), most or len(X)):
        before = torch.cat([H_0[None], guess[:-1]])
        A = vmap(jacrev(f))(before, X)  # (T, H, H)
        b = vmap(f)(before, X) - (A @ before[..., None])[..., 0]
        states = affine_scan(A, b, H_0)
        changes.append(float((states - guess).abs().max()))
        guess = states
        if changes[-1] <= tolerance:
            break
    return guess, changes


def affine_scan(A: Tensor, b: Tensor, H_0: Tensor) -> Tensor:
    """H_t = A_t H_{t-1} + b_t for all t: A (T, H, H) and b (T, H) give (T, H), in ceil(log2(T)) rounds."""
    b = torch.cat([(A[0] @ H_0 + b[0])[None], b[1:]])
    reach = 1
    while reach < len(A):
        b = torch.cat([b[:reach], b[reach:] + (A[reach:] @ b[:-reach, :, None])[..., 0]])
        A = torch.cat([A[:reach], A[reach:] @ A[:-reach]])
        reach *= 2
    return b
