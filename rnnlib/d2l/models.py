"""The two language models of the Chinese edition, and greedy prediction with either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnlib.models import language as models
from rnnlib.models.language import evaluating
from rnnlib.scratch import RNNModelScratch
from rnnlib.states import State

__all__ = ["RNNModel", "RNNModelScratch", "greedy_indices", "predict_ch8"]


class RNNModel(models.RNNModel):
    """:class:`rnnlib.RNNModel` with d2l's order of arguments in ``begin_state``.

    It takes indices of any type (the older edition's are float32), and ``state=None`` begins with zeros.
    """

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Indices (B, T) give logits (T*B, V) and the new state."""
        return super().forward(inputs.long(), state)

    def begin_state(self, device: Any = None, batch_size: Any = 1) -> State:
        """Zeros of shape (L*D, B, H), for an LSTM a pair of them.

        rnnlib's own order, ``begin_state(batch_size, device)``, is understood too where the second argument
        is a device.
        """
        if not isinstance(batch_size, int):
            device, batch_size = batch_size, device
        return super().begin_state(batch_size, device)


def greedy_indices(
    net: Any, indices: Sequence[int], num_preds: int, state: State | None, device: Any
) -> list[int]:
    """The given indices and ``num_preds`` more, each the likeliest after those before it."""
    tokens = [torch.tensor([index], device=device) for index in indices]
    X = torch.stack(tokens, dim=1)  # (1, T)
    with evaluating(net):
        for _ in range(num_preds):
            logits, state = net(X, state)
            tokens.append(logits[-1:].argmax(dim=1))  # (1,)
            X = tokens[-1][None]
    return torch.cat(tokens).tolist()


def predict_ch8(prefix: str | Sequence[str], num_preds: int, net: Any, vocab: Any, device: Any) -> str:
    """Continue ``prefix`` by ``num_preds`` tokens, always the likeliest.

    Args:
        prefix: at least one token; one that the vocabulary does not know is read as ``<unk>``.
        num_preds: how many tokens to add.
        net: ``net(X (1, T), state) -> (logits (T, V), state)``, with ``begin_state(batch_size, device)``.
        vocab: gives the indices of the tokens, and has ``idx_to_token``.
        device: where the model lies.

    Raises:
        ValueError: if the prefix is empty.
    """
    if len(prefix) == 0:
        raise ValueError("the prefix is empty; give at least one token to begin with.")
    state = net.begin_state(batch_size=1, device=device)
    indices = greedy_indices(net, [vocab[token] for token in prefix], num_preds, state, device)
    return "".join(vocab.idx_to_token[index] for index in indices)
