"""Sequences of different lengths in one batch: padding, masks, packing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence, pad_sequence


def pad(sequences: Sequence[Tensor], value: float = 0) -> tuple[Tensor, Tensor]:
    """Put sequences of different lengths side by side.

    Args:
        sequences: B tensors of shapes (T_b, ...), all of one dtype.
        value: fills the places behind the shorter ones.

    Returns:
        ``(batch (B, T, ...), lengths (B,) int64 on the CPU)``, where T is the longest length.

    Raises:
        ValueError: if there is no sequence, or an empty one, or they differ in more than their lengths.
    """
    lengths = torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)
    if len(lengths) == 0 or int(lengths.min()) == 0:
        raise ValueError(f"sequences have the lengths {lengths.tolist()}; each needs at least one step.")
    kinds = {(tuple(sequence.shape[1:]), sequence.dtype) for sequence in sequences}
    if len(kinds) > 1:
        raise ValueError(f"sequences differ in more than their lengths: {sorted(map(str, kinds))}.")
    return pad_sequence(list(sequences), batch_first=True, padding_value=value), lengths


def check_lengths(lengths: Tensor | Sequence[int], batch_size: int, num_steps: int) -> Tensor:
    """The lengths as (B,) int64 on the CPU, where packing wants them.

    Args:
        lengths: whole numbers, one per row, on any device.
        batch_size, num_steps: B and T of the padded batch that they belong to.

    Raises:
        ValueError: if they are not B whole numbers between 1 and T.
    """
    lengths = torch.as_tensor(lengths).cpu()
    if lengths.shape != (batch_size,) or lengths.is_floating_point() or batch_size == 0:
        raise ValueError(
            f"lengths have shape {tuple(lengths.shape)} and {lengths.dtype}; one whole number for each of "
            f"{batch_size} rows is expected, and at least one row."
        )
    if int(lengths.min()) < 1 or int(lengths.max()) > num_steps:
        raise ValueError(
            f"lengths run from {int(lengths.min())} to {int(lengths.max())}, but the batch has {num_steps} "
            f"steps; each length must lie between 1 and {num_steps}."
        )
    return lengths.long()


def length_mask(lengths: Tensor, num_steps: int) -> Tensor:
    """Lengths (B,) to (B, T) bool on their device: True where a sequence has a token, False at padding."""
    return torch.arange(num_steps, device=lengths.device) < lengths[:, None]


def pack(inputs: Tensor, lengths: Tensor) -> PackedSequence:
    """Pack a padded batch, so that a torch.nn layer skips the padding.

    Args:
        inputs: (B, T, I).
        lengths: (B,) whole numbers in any order, on any device.

    Raises:
        ValueError: if the lengths do not fit the batch.
    """
    lengths = check_lengths(lengths, *inputs.shape[:2])
    return pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)


def run_padded(
    layer: Any, inputs: Tensor, lengths: Tensor | None, state: Any = None
) -> tuple[Tensor, Any, Tensor]:
    """A torch.nn layer with ``batch_first`` over a padded batch, whose padding has no influence.

    Args:
        layer: an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``.
        inputs: (B, T, I).
        lengths: (B,) whole numbers, on any device; None if all rows have T steps.
        state: the layer's first one; None for zeros.

    Returns:
        ``(outputs (B, T, D*H), state, lengths (B,) on the CPU)``: outputs behind a length are 0, and the
        state is that after each row's last real step.

    Raises:
        ValueError: if the lengths do not fit the batch.
    """
    B, T = inputs.shape[:2]
    if lengths is None:
        return *layer(inputs, state), torch.full((B,), T)
    lengths = check_lengths(lengths, B, T)
    packed, state = layer(pack(inputs, lengths), state)
    outputs, _ = pad_packed_sequence(packed, batch_first=True, total_length=T)
    return outputs, state, lengths
