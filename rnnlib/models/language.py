"""Language models over the recurrent layers of torch.nn."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.states import State, check_state

__all__ = ["LAYERS", "RNNModel", "count_parameters", "evaluating"]

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}  # the names that the library's users write


class RNNModel(nn.Module):
    """One-hot (or embedded) tokens, a recurrent layer, and a linear layer that gives the logits.

    Args:
        rnn_layer: an ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``, or their twins in :mod:`rnnlib.scratch`, with any
            number of layers L and directions D, time-major or ``batch_first``.
        vocab_size: V.
        embedding: put an ``nn.Embedding`` of the layer's input size before it instead of one-hot vectors.

    Raises:
        ValueError: if the layer does not take vectors of length V (without ``embedding``).

    Example:
        >>> model = RNNModel(nn.LSTM(28, 256), vocab_size=28)
        >>> logits, (H, C) = model(torch.zeros(2, 5, dtype=torch.int64))
        >>> logits.shape, H.shape, C.shape
        (torch.Size([10, 28]), torch.Size([1, 2, 256]), torch.Size([1, 2, 256]))
    """

    def __init__(self, rnn_layer: nn.RNNBase, vocab_size: int, embedding: bool = False):
        super().__init__()
        check_positive(vocab_size=vocab_size)
        if not embedding and rnn_layer.input_size != vocab_size:
            raise ValueError(
                f"the layer takes vectors of length {rnn_layer.input_size}, but one-hot vectors have length "
                f"vocab_size={vocab_size}. Build the layer with input_size={vocab_size}, or pass "
                "embedding=True."
            )
        self.rnn = rnn_layer
        self.vocab_size = vocab_size
        self.num_hiddens = rnn_layer.hidden_size
        self.num_directions = 2 if rnn_layer.bidirectional else 1
        self.embedding = nn.Embedding(vocab_size, rnn_layer.input_size) if embedding else None
        features = rnn_layer.proj_size or rnn_layer.hidden_size
        self.linear = nn.Linear(self.num_directions * features, vocab_size)

    def forward(self, X: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits and the new state for a minibatch.

        Args:
            X: (B, T) int64 token indices.
            state: (L*D, B, H), for an LSTM a pair of such tensors; None begins with zeros.

        Returns:
            ``(logits, state)``: logits (T*B, V), the T blocks of B rows one below the other.

        Raises:
            ValueError: if X is not (B, T), or the state belongs to another batch size or kind of layer.
        """
        if X.ndim != 2:
            raise ValueError(f"X has shape {tuple(X.shape)}; token indices of shape (B, T) are expected.")
        if state is not None:
            self._check_state(state, X.shape[0])
        inputs = self._encode(X.T)  # (T, B, V or embedding size)
        if self.rnn.batch_first:
            Y, state = self.rnn(inputs.transpose(0, 1), state)
            Y = Y.transpose(0, 1)
        else:
            Y, state = self.rnn(inputs, state)  # (T, B, D*H)
        return self.linear(Y.reshape(-1, Y.shape[-1])), state  # (T*B, V)

    def _encode(self, indices: Tensor) -> Tensor:
        if self.embedding is not None:
            return self.embedding(indices)
        return F.one_hot(indices, self.vocab_size).to(self.linear.weight.dtype)

    def _check_state(self, state: State, batch_size: int) -> None:
        wants_pair = self.rnn.mode == "LSTM"
        if wants_pair != isinstance(state, tuple):
            expected = "a pair (H, C) of tensors" if wants_pair else "one tensor H"
            raise ValueError(
                f"the state of {type(self.rnn).__name__} is {expected}; got {type(state).__name__}. "
                "Use the state that the model returned, or begin_state(batch_size)."
            )
        check_state(state, batch_size)

    def begin_state(self, batch_size: int = 1, device: str | torch.device | None = None) -> State:
        """Zeros of shape (L*D, B, H), for an LSTM a pair of them."""
        weight = self.linear.weight
        layers = self.rnn.num_layers * self.num_directions

        def zeros(size: int) -> Tensor:
            return torch.zeros((layers, batch_size, size), device=device or weight.device, dtype=weight.dtype)

        H = zeros(self.rnn.proj_size or self.num_hiddens)
        return (H, zeros(self.num_hiddens)) if self.rnn.mode == "LSTM" else H


def count_parameters(model: Any) -> int:
    """How many numbers a model learns."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Run a block in evaluation mode without gradients; every module's former mode comes back at the end."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [module.training for module in modules]
    if modules:
        model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in zip(modules, modes):
            module.training = mode
