"""Attention: a weighted mean of values for each query, the weights from how well the keys answer to it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive


class Attention(nn.Module):
    """What both kinds share; a kind says how queries (B, T, N) and keys (B, S, N) give scores (B, T, S).

    Args:
        query_size, key_size: sizes of a query and of a key.
        num_hiddens: N, the size in which the two are compared.

    Raises:
        ValueError: for sizes that are not positive.
    """

    def __init__(self, query_size: int, key_size: int, num_hiddens: int):
        super().__init__()
        check_positive(query_size=query_size, key_size=key_size, num_hiddens=num_hiddens)
        self.W_q = nn.Linear(query_size, num_hiddens, bias=False)
        self.W_k = nn.Linear(key_size, num_hiddens, bias=False)

    def score(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Queries (B, T, N) and keys (B, S, N) give scores (B, T, S)."""
        raise NotImplementedError

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The mean of the values and its weights.

        Args:
            queries: (B, T, query_size).
            keys: (B, S, key_size).
            values: (B, S, M); None takes the keys.
            mask: (B, S) bool, True where there is a key and False at padding, which gets the weight 0. In
                each row one at least must be True.

        Returns:
            ``(context (B, T, M), weights (B, T, S))``; the weights of a query sum to 1.

        Raises:
            ValueError: if the shapes do not fit together, the mask is not bool, or a row has no key at all.
        """
        values = keys if values is None else values
        _check(queries, keys, values, mask, self.W_q.in_features, self.W_k.in_features)
        scores = self.score(self.W_q(queries), self.W_k(keys))
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ values, weights


class AdditiveAttention(Attention):
    """The score of a small network: ``w^T tanh(W_q q + W_k k)``.

    D. Bahdanau, K. Cho, Y. Bengio, "Neural machine translation by jointly learning to align and translate",
    ICLR 2015, appendix A.1.2. Arguments, call and errors are those of :class:`Attention`.
    """

    def __init__(self, query_size: int, key_size: int, num_hiddens: int):
        super().__init__(query_size, key_size, num_hiddens)
        self.w = nn.Linear(num_hiddens, 1, bias=False)

    def score(self, queries: Tensor, keys: Tensor) -> Tensor:
        """w^T tanh(q + k) of all pairs."""
        pairs = torch.tanh(queries[:, :, None] + keys[:, None])  # (B, T, S, N)
        return self.w(pairs).squeeze(-1)


class DotProductAttention(Attention):
    """The score of a scaled dot product: ``(W_q q)^T (W_k k) / sqrt(N)``.

    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1, with one head.
    Arguments, call and errors are those of :class:`Attention`.
    """

    def score(self, queries: Tensor, keys: Tensor) -> Tensor:
        """q^T k / sqrt(N) of all pairs."""
        return queries @ keys.transpose(1, 2) / queries.shape[-1] ** 0.5


ATTENTIONS = {"additive": AdditiveAttention, "dot": DotProductAttention}


def _check(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, query_size: int, key_size: int
) -> None:
    """A ValueError unless everything fits together."""
    shapes = {"queries": queries.shape, "keys": keys.shape, "values": values.shape}
    got = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
    if any(len(shape) != 3 for shape in shapes.values()):
        raise ValueError(f"got {got}; (B, T, {query_size}), (B, S, {key_size}) and (B, S, M) are expected.")
    fits = queries.shape[2] == query_size and keys.shape[2] == key_size
    if not fits or queries.shape[0] != keys.shape[0] or keys.shape[:2] != values.shape[:2]:
        raise ValueError(
            f"got {got}; (B, T, {query_size}), (B, S, {key_size}) and (B, S, M) with the same B and S are "
            "expected."
        )
    if mask is None:
        return
    if mask.shape != keys.shape[:2] or mask.dtype != torch.bool:
        raise ValueError(
            f"the mask has shape {tuple(mask.shape)} and {mask.dtype}; {tuple(keys.shape[:2])} and torch.bool"
            " are expected, True where there is a key (rnnlib.data.padding.length_mask makes one)."
        )
    if not bool(mask.any(dim=1).all()):
        raise ValueError("the mask leaves a row without any key; each row needs one that is True.")
