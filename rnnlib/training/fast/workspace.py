"""Buffers that serve batch after batch, and the two products beside the recurrence that write into them.

A fresh tensor of some megabytes costs more than the arithmetic that fills it: the system hands out its pages
one by one, zeroed. What lies in a buffer is valid until the next batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Workspace:
    """Named buffers; a name keeps its memory as long as shape, dtype and device stay the same."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def __call__(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """An uninitialized tensor of the given shape, of the dtype and on the device of ``like``."""
        buffer = self._buffers.get(name)
        if (
            buffer is None
            or buffer.shape != shape
            or buffer.dtype != like.dtype
            or buffer.device != like.device
        ):
            buffer = self._buffers[name] = like.new_empty(shape)
        return buffer

    def part(self, name: str) -> Part:
        """The same buffers under names of their own, as each layer needs them."""
        return Part(self, name)


class Part:
    """A workspace whose names begin with that of a layer."""

    def __init__(self, whole: Workspace, name: str):
        self.whole, self.name = whole, name

    def __call__(self, name: str, like: Tensor, *shape: int) -> Tensor:
        return self.whole(f"{self.name}.{name}", like, *shape)


class Rows(Function):
    """Rows of a table: ``(table (V, N), indices (T, B) int64, work) -> (T, B, N)``.

    This is the product of one-hot vectors with the table, without the vectors.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, indices: Tensor, work: Part) -> Tensor:
        indices = indices.contiguous()
        ctx.save_for_backward(indices)
        ctx.rows = len(table)
        out = work("rows", table, indices.numel(), table.shape[1])
        return torch.index_select(table, 0, indices.view(-1), out=out).view(*indices.shape, -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor | None, ...]:
        (indices,) = ctx.saved_tensors
        if gradients.device.type == "cpu":
            backward = torch.ops.aten.embedding_dense_backward
            return backward(gradients, indices, ctx.rows, -1, False), None, None
        # A product: torch's own gradient of a look-up sorts, or waits for the GPU
        one_hot = torch.arange(ctx.rows, device=indices.device)[:, None] == indices.view(-1)
        return one_hot.to(gradients.dtype) @ gradients.flatten(0, 1), None, None


class Linear(Function):
    """One product for all steps: ``(inputs (T, B, K), W (N, K), b (N,), dtype, work, keep) -> (T, B, N)``.

    With a dtype the factors are rounded to it, and the products come back in that of the inputs. What is
    given away, ``keep`` says, lies in memory of its own: a loss may keep the logits.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, W: Tensor, b: Tensor, dtype: torch.dtype | None, work: Part, keep: bool
    ) -> Tensor:
        W = W.contiguous()
        ctx.save_for_backward(inputs, W)
        ctx.dtype, ctx.work = dtype, work
        flat = inputs.reshape(-1, inputs.shape[-1])
        shape = len(flat), len(W)
        out = inputs.new_empty(shape) if keep else work("outputs", inputs, *shape)
        if dtype is None:
            torch.addmm(b, flat, W.t(), out=out)
        else:
            torch.add(flat.to(dtype) @ W.to(dtype).t(), b, out=out)
        return out.view(*inputs.shape[:-1], len(W))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, W = ctx.saved_tensors
        flat, dinputs, dW, db = gradients.reshape(-1, len(W)), None, None, None
        if ctx.needs_input_grad[2]:
            db = flat.sum(dim=0)
        if ctx.dtype is not None:
            flat, W = flat.to(ctx.dtype), W.to(ctx.dtype)
        if ctx.needs_input_grad[0]:
            dinputs = ctx.work("dinputs", inputs, len(flat), W.shape[1])
            if ctx.dtype is None:
                torch.mm(flat, W, out=dinputs)
            else:
                dinputs.copy_(flat @ W)
            dinputs = dinputs.view(inputs.shape)
        if ctx.needs_input_grad[1]:
            dW = (flat.t() @ inputs.reshape(-1, W.shape[1]).to(flat.dtype)).to(inputs.dtype)
        return dinputs, dW, db, None, None, None
