"""Networks of the comparison that the library does not have."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FixedInput(nn.Module):
    """One-hot vectors times a factor, with the signature of ``nn.Embedding``."""

    def __init__(self, vocab_size: int, scale: float = 1.0):
        super().__init__()
        self.vocab_size, self.scale = vocab_size, scale

    def forward(self, indices: Tensor) -> Tensor:
        """(...) int64 -> (..., V)."""
        return F.one_hot(indices, self.vocab_size).float() * self.scale


class CausalConvModel(nn.Module):
    """Dilated causal convolutions with residual connections (A. van den Oord et al., "WaveNet", 2016).

    ``logits, state = model(X, state)`` as everywhere in rnnlib; the state is the tokens within reach.

    Args:
        vocab_size: V.
        width: channels of every layer.
        kernel_size, dilations: the reach is 1 + (kernel_size - 1) * sum(dilations) tokens.
    """

    def __init__(self, vocab_size: int, width: int, kernel_size: int = 3, dilations=(1, 2, 4, 8)):
        super().__init__()
        self.vocab_size, self.reach = vocab_size, 1 + (kernel_size - 1) * sum(dilations)
        self.embedding = nn.Embedding(vocab_size, vocab_size)
        self.enter = nn.Linear(vocab_size, width)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, kernel_size, dilation=d) for d in dilations)
        self.linear = nn.Linear(width, vocab_size)

    def forward(self, X: Tensor, state=None):
        """(B, T) int64 -> logits (B, T, V), and the tokens (B, at most reach - 1) to be read again."""
        tokens = X if state is None else torch.cat([*state, X], dim=1)
        Y = self.enter(self.embedding(tokens)).transpose(1, 2)  # (B, C, P + T)
        for conv in self.convs:
            left = (conv.kernel_size[0] - 1) * conv.dilation[0]
            Y = Y + torch.relu(conv(F.pad(Y, (left, 0))))
        Y = Y[:, :, -X.shape[1] :].transpose(1, 2)  # (B, T, C)
        return self.linear(Y), (tokens[:, 1 - self.reach :],)
