"""Language models over the recurrent layers of torch.nn."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.common import check_positive, check_tokens
from rnnlib.states import State, check_state, num_states, zero_state

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}  # the names that the library's users write


def check_layer(layer: str) -> None:
    """Raise a ValueError unless this is a name of :data:`LAYERS`."""
    if layer not in LAYERS:
        raise ValueError(f"layer={layer!r} is not known; use one of {sorted(LAYERS)}.")


def begun_with(token: int, X: Tensor) -> Tensor:
    """What is read when X (B, T) is to be predicted: a begin token, then all of X but the last."""
    return torch.cat([torch.full_like(X[:, :1], token), X[:, :-1]], dim=1)


class RNNModel(nn.Module):
    """One-hot (or embedded) tokens, a recurrent layer, and a linear layer that gives the logits.

    Args:
        rnn_layer: an ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``, or a :class:`rnnlib.scratch.RecurrentLayer`, with
            any number of layers L and directions D, time-major or ``batch_first``.
        vocab_size: V.
        embedding: put an ``nn.Embedding`` of the layer's input size before it instead of one-hot vectors.

    Raises:
        ValueError: if the layer does not take vectors of length V (without ``embedding``).

    Example:
        >>> model = RNNModel(nn.LSTM(28, 256), vocab_size=28)
        >>> logits, (H, C) = model(torch.zeros(2, 5, dtype=torch.int64))
        >>> logits.shape, H.shape, C.shape
        (torch.Size([2, 5, 28]), torch.Size([1, 2, 256]), torch.Size([1, 2, 256]))
    """

    def __init__(self, rnn_layer: nn.Module, vocab_size: int, embedding: bool = False):
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
        features = getattr(rnn_layer, "proj_size", 0) or rnn_layer.hidden_size
        self.linear = nn.Linear(self.num_directions * features, vocab_size)

    def forward(self, X: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits and the new state for a minibatch.

        Args:
            X: (B, T) int64 token indices.
            state: (L*D, B, H), for an LSTM a pair of such tensors; None begins with zeros.

        Returns:
            ``(logits, state)``: logits (B, T, V).

        Raises:
            ValueError: if X is not (B, T), or the state belongs to another batch size or kind of layer.
        """
        check_tokens(X)
        if state is not None:
            check_state(state, X.shape[0], num_states(self.rnn))
        if self.rnn.batch_first:
            Y, state = self.rnn(self._encode(X), state)  # (B, T, D*H)
            return self.linear(Y), state
        Y, state = self.rnn(self._encode(X.T), state)  # (T, B, D*H)
        return self.linear(Y).transpose(0, 1), state

    def _encode(self, indices: Tensor) -> Tensor:
        if self.embedding is not None:
            return self.embedding(indices)
        return F.one_hot(indices, self.vocab_size).to(self.linear.weight.dtype)

    def begin_state(self, batch_size: int = 1, device: str | torch.device | None = None) -> State:
        """Zeros of shape (L*D, B, H), for an LSTM a pair of them."""
        weight = self.linear.weight
        return zero_state(self.rnn, batch_size, device or weight.device, weight.dtype)
