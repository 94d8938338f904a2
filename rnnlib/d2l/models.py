"""The two language models of the Chinese edition, and greedy prediction with either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlib.models import language
from rnnlib.models.modes import evaluating
from rnnlib.states import State


class RNNModelScratch:
    """A language model made of the reader's three functions; states and outputs pass as they are.

    Args:
        vocab_size: V.
        num_hiddens: H.
        device: where the parameters lie.
        get_params: ``(vocab_size, num_hiddens, device) -> list of tensors``.
        init_state: ``(batch_size, num_hiddens, device) -> state``.
        forward_fn: ``(inputs (T, B, V) float32, state, params) -> (logits (T*B, V), state)``.
    """

    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        device: Any,
        get_params: Callable[..., list[Tensor]],
        init_state: Callable[..., Any],
        forward_fn: Callable[..., tuple[Tensor, Any]],
    ):
        self.vocab_size, self.num_hiddens = vocab_size, num_hiddens
        self.params = get_params(vocab_size, num_hiddens, device)
        self.init_state, self.forward_fn = init_state, forward_fn

    def __call__(self, X: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Indices (B, T) give logits (T*B, V) and the new state."""
        inputs = F.one_hot(X.T.long(), self.vocab_size).float()  # (T, B, V)
        return self.forward_fn(inputs, state, self.params)

    def begin_state(self, batch_size: int, device: Any) -> Any:
        """The state before the first token."""
        return self.init_state(batch_size, self.num_hiddens, device)


class RNNModel(language.RNNModel):
    """:class:`rnnlib.RNNModel` with d2l's layout of the logits and its order of arguments in ``begin_state``.

    It takes indices of any type (the older edition's are float32), and ``state=None`` begins with zeros.
    """

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Indices (B, T) give logits (T*B, V), T blocks of B rows, and the new state."""
        logits, state = super().forward(inputs.long(), state)
        return logits.transpose(0, 1).flatten(0, 1), state

    def begin_state(self, device: Any = None, batch_size: Any = 1) -> State:
        """Zeros of shape (L*D, B, H), for an LSTM a pair of them.

        rnnlib's own order, ``begin_state(batch_size, device)``, is understood too where the second argument
        is a device.
        """
        if not isinstance(batch_size, int):
            device, batch_size = batch_size, device
        return super().begin_state(batch_size, device)


def greedy_indices(net: Any, prefix: Sequence[int], num_preds: int, state: Any, device: Any) -> list[int]:
    """The indices of a prefix and ``num_preds`` more, each the likeliest after those before it.

    The net reads one token at a time, as d2l's do: a bidirectional one answers otherwise to a whole prefix.
    """
    indices = list(prefix)
    with evaluating(net):
        for i in range(len(prefix) + num_preds - 1):
            logits, state = net(torch.tensor([[indices[i]]], device=device), state)
            if i + 1 == len(indices):
                indices.append(int(logits.argmax()))
    return indices


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
