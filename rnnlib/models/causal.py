"""A small causal attention language model, for comparison with the recurrent ones.

A. Vaswani et al., "Attention is all you need", NeurIPS 2017 (the decoder, without cross-attention,
normalizing before each block).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.common import check_positive, check_tokens
from rnnlib.states import check_state


class _Block(nn.Module):
    """Attention, then a small network for each step on its own; each adds to what it was given."""

    def __init__(self, width: int, num_heads: int, dropout: float):
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, X: Tensor) -> Tensor:
        """(B, T, E) -> (B, T, E); step t sees the steps up to t."""
        B, T, E = X.shape
        q, k, v = self.qkv(self.norm_1(X)).view(B, T, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0  # q, k, v: (B, heads, T, E/heads)
        Y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        X = X + self.drop(self.merge(Y.transpose(1, 2).reshape(B, T, E)))
        return X + self.drop(self.mlp(self.norm_2(X)))


class CausalAttentionModel(nn.Module):
    """A causal attention language model with the calling convention of :class:`rnnlib.RNNModel`.

    It has no hidden state: what it carries from call to call is the text itself, up to the last ``window``
    tokens, which it reads again as context. Where an RNN's state keeps its size, this one grows with T until
    the window is full. From then on the oldest tokens drop out, and the positions count from the oldest one
    that is left. Long inputs are read in pieces of half a window, so that every token but the first ones sees
    at least half a window of context.

    Args:
        vocab_size: V.
        width: E, the size of a token's vector.
        num_layers, num_heads: blocks, and heads in each; E must be divisible by the heads.
        window: the most tokens that are attended to; also the number of learned positions.
        dropout: in every block.

    Raises:
        ValueError: for sizes that are not positive, or heads that do not divide the width.
    """

    def __init__(
        self,
        vocab_size: int,
        width: int = 64,
        num_layers: int = 2,
        num_heads: int = 4,
        window: int = 256,
        dropout: float = 0.0,
    ):
        super().__init__()
        check_positive(
            vocab_size=vocab_size, width=width, num_layers=num_layers, num_heads=num_heads, window=window
        )
        if width % num_heads:
            raise ValueError(f"width={width} must be divisible by num_heads={num_heads}.")
        self.vocab_size, self.window = vocab_size, window
        self.tokens, self.positions = nn.Embedding(vocab_size, width), nn.Embedding(window, width)
        self.blocks = nn.ModuleList(_Block(width, num_heads, dropout) for _ in range(num_layers))
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, vocab_size)

    def begin_state(
        self, batch_size: int = 1, device: str | torch.device | None = None
    ) -> tuple[Tensor, ...]:
        """Nothing has been read yet: an empty (B, 0) tensor of token indices."""
        device = device or self.linear.weight.device
        return (torch.empty((batch_size, 0), dtype=torch.int64, device=device),)

    def forward(
        self, X: Tensor, state: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits (B, T, V), and the tokens read so far.

        Args:
            X: (B, T) int64 token indices.
            state: a tuple of one (B, P) int64 tensor of earlier tokens; None for none.

        Raises:
            ValueError: if X is not (B, T) with T >= 1, or the state is no tuple of one (B, P) tensor.
        """
        check_tokens(X)
        if state is None:
            state = self.begin_state(X.shape[0], X.device)
        if not isinstance(state, tuple) or len(state) != 1 or state[0].ndim != 2:
            raise ValueError(
                "the state of this model is a tuple of one (B, P) tensor; pass the one it returned, or None."
            )
        check_state(state, X.shape[0])
        (context,) = state
        features = []
        for piece in X.split(max(1, self.window // 2), dim=1):
            context = torch.cat([context, piece], dim=1)[:, -self.window :]
            features.append(self._read(context)[:, -piece.shape[1] :])  # those of the new tokens
        return self.linear(torch.cat(features, dim=1)), (context,)

    def _read(self, context: Tensor) -> Tensor:
        """Token indices (B, P), P at most the window, to features (B, P, E)."""
        Y = self.tokens(context) + self.positions.weight[: context.shape[1]]
        for block in self.blocks:
            Y = block(Y)
        return self.norm(Y)
