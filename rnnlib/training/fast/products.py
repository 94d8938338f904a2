"""The product that a recurrent layer computes at every step, prepared once for many steps.

On a CPU, oneDNN multiplies by a matrix that it has laid out beforehand; one step of 32 rows by 512 x 512
takes two thirds of the time of a plain product on two threads. torch.compile calls the same two operators.
Where they are missing, or the product is too small to gain, a plain product does the work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

Affine = Callable[[Tensor, Tensor], Tensor]  # rows A (B, K), addend C (B, N) -> C + A W, a new tensor (B, N)

LEAST_ROWS, LEAST_NUMBERS = 8, 2**17  # smaller products gain nothing from being laid out


def affine(W: Tensor, rows: int, dtype: torch.dtype | None = None) -> Affine:
    """``(A, C) -> C + A @ W``, for many A of the same size.

    Args:
        W: (K, N), read now; later changes of it may or may not be seen.
        rows: B, the rows of A.
        dtype: of the factors; None takes W's own. In ``torch.bfloat16`` the factors and the product are
            rounded to it, the sum is in C's dtype.
    """
    dtype = W.dtype if dtype is None else dtype
    if not _worth_laying_out(W, rows, dtype):
        if dtype == W.dtype:
            return lambda A, C: torch.addmm(C, A, W)
        W = W.to(dtype)
        return lambda A, C: C + A.to(dtype) @ W
    operators = torch.ops.mkldnn
    laid_out = operators._reorder_linear_weight(W.t().to(dtype).contiguous(), rows)
    if dtype == torch.float32:
        return lambda A, C: operators._linear_pointwise.binary(A, C, laid_out, None, "add")
    return lambda A, C: C + operators._linear_pointwise(A.to(dtype), laid_out, None, "none", [], "")


def weight_gradient(
    inputs: Tensor, gradients: Tensor, weight: Tensor, dtype: torch.dtype | None = None
) -> Tensor:
    """The gradient of weights (N, K): the sum of outer products over steps and rows, in one product.

    Args:
        inputs: (T, B, K), what the weights were multiplied by.
        gradients: (T, B, N), with respect to what they gave.
        weight: whose layout the result gets, so that it is not copied once more.
        dtype: of the factors; None takes their own. The result has the dtype of ``gradients``.
    """
    inputs, gradients, own = inputs.flatten(0, 1), gradients.flatten(0, 1), gradients.dtype
    if dtype not in (None, own):
        inputs, gradients = inputs.to(dtype), gradients.to(dtype)
    if weight.is_contiguous():
        return (gradients.t() @ inputs).to(own)
    return (inputs.t() @ gradients).to(own).t()


def _worth_laying_out(W: Tensor, rows: int, dtype: torch.dtype) -> bool:
    return (
        W.device.type == "cpu"
        and dtype in (torch.float32, torch.bfloat16)
        and rows >= LEAST_ROWS
        and W.numel() >= LEAST_NUMBERS
        and can_lay_out(dtype)
    )


@functools.cache
def can_lay_out(dtype: torch.dtype) -> bool:
    """Whether oneDNN's operators are there and give on this machine what a plain product gives."""
    if not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    A, W = (torch.randn(size, generator=generator) for size in ((8, 64), (48, 64)))
    C = torch.randn(8, 48, generator=generator)
    A, W = A.to(dtype), W.to(dtype)
    try:
        operators = torch.ops.mkldnn
        laid_out = operators._reorder_linear_weight(W, 8)
        product = operators._linear_pointwise(A, laid_out, None, "none", [], "").float()
        found = operators._linear_pointwise.binary(A, C.to(dtype), laid_out, None, "add").float()
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    wanted, near = A.double() @ W.double().t(), 1e-4 if dtype == torch.float32 else 0.5
    return bool(
        torch.allclose(product.double(), wanted, atol=near)
        and torch.allclose(found.double(), wanted + C.double(), atol=near)
    )
