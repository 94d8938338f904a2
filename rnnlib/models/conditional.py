"""One to many: write a sequence of tokens about a label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive, check_tokens
from rnnlib.models.language import LAYERS, begun_with, check_layer
from rnnlib.states import State, check_state, num_states


class ConditionalGenerator(nn.Module):
    """A recurrent network whose initial state is an embedding of a label; it writes, token after token.

        P(x_1, ..., x_T | label) = prod_t P(x_t | label, x_1, ..., x_{t-1})

    The label takes the place that the encoder's last state has in I. Sutskever, O. Vinyals, Q. V. Le,
    "Sequence to sequence learning with neural networks", NIPS 2014. A begin token (index V, which is never
    written) is read before x_1.

        logits, state = model(X, state=None, labels=None)

    Args:
        num_labels: K, how many labels there are.
        vocab_size: V.
        num_hiddens: H.
        layer: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        num_layers: L.
        embedding_size: E, the size of a token's vector.

    Raises:
        ValueError: for an unknown layer, or sizes that are not positive.

    Example: labels (N,), sequences X (N, T).
        >>> model = ConditionalGenerator(num_labels=10, vocab_size=17, num_hiddens=64)
        >>> examples = rnnlib.ExampleLoader((model.shifted(X), None, labels), X)
        >>> rnnlib.train(model, examples, num_epochs=10, optimizer="adam")
        >>> first, state = model.begin(torch.tensor([3, 3, 8]))
        >>> rnnlib.generate_tokens(model, first, 64, state=state, temperature=1.0).shape
        torch.Size([3, 64])
    """

    def __init__(
        self,
        num_labels: int,
        vocab_size: int,
        num_hiddens: int,
        *,
        layer: str = "gru",
        num_layers: int = 1,
        embedding_size: int = 32,
    ):
        super().__init__()
        check_layer(layer)
        check_positive(num_labels=num_labels, vocab_size=vocab_size, num_hiddens=num_hiddens)
        check_positive(num_layers=num_layers, embedding_size=embedding_size)
        self.num_labels, self.vocab_size, self.num_outputs = num_labels, vocab_size, vocab_size
        parts = 2 if layer == "lstm" else 1  # H, and for an LSTM C
        self.labels = nn.Embedding(num_labels, parts * num_layers * num_hiddens)
        self.tokens = nn.Embedding(vocab_size + 1, embedding_size)
        self.rnn = LAYERS[layer](embedding_size, num_hiddens, num_layers, batch_first=True)
        self.output = nn.Linear(num_hiddens, vocab_size)

    def begin(self, labels: Tensor) -> tuple[Tensor, State]:
        """What writing about labels (B,) begins with.

        Returns:
            ``(X, state)``: begin tokens (B, 1) int64, and the state (L, B, H) of the labels, for an LSTM a
            pair.

        Raises:
            ValueError: if the labels are not (B,) whole numbers from 0 to K - 1.
        """
        if labels.ndim != 1 or labels.is_floating_point() or len(labels) == 0:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)} and {labels.dtype}; whole numbers (B,) are needed."
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < self.num_labels:
            raise ValueError(
                f"labels run from {int(labels.min())} to {int(labels.max())}; they must lie between 0 and "
                f"{self.num_labels - 1}."
            )
        shape = (len(labels), num_states(self.rnn), self.rnn.num_layers, self.rnn.hidden_size)
        parts = self.labels(labels).view(shape).permute(1, 2, 0, 3).contiguous()  # (1 or 2, L, B, H)
        first = torch.full_like(labels[:, None], self.vocab_size)
        return first, parts[0] if len(parts) == 1 else tuple(parts)

    def shifted(self, X: Tensor) -> Tensor:
        """What is read when X (B, T) is to be predicted: the begin token, then all tokens but the last."""
        check_tokens(X)
        return begun_with(self.vocab_size, X)

    def forward(
        self, X: Tensor, state: State | None = None, labels: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Logits (B, T, V), each from the state and the tokens up to that step, and the new state.

        Args:
            X: (B, T) int64 tokens that are read, the begin token first (see :meth:`shifted`).
            state: (L, B, H), for an LSTM a pair: where reading goes on.
            labels: (B,) int64 to begin with instead of a state.

        Raises:
            ValueError: if X is not (B, T), labels or state have other rows than X, or there are both or
                neither.
        """
        check_tokens(X)
        if (state is None) == (labels is None):
            raise ValueError("give either the state that the model returned, or the labels to begin with.")
        if labels is not None:
            _, state = self.begin(labels)
        check_state(state, len(X), num_states(self.rnn))
        Y, state = self.rnn(self.tokens(X), state)  # (B, T, H)
        return self.output(Y), state
