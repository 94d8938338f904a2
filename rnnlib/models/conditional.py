"""One to many: write a sequence of tokens about a label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.generation.decoding import sample_token
from rnnlib.models.language import LAYERS, evaluating
from rnnlib.states import State

__all__ = ["ConditionalGenerator"]


class ConditionalGenerator(nn.Module):
    """A recurrent network whose initial state is an embedding of a label; it writes, token after token.

        P(x_1, ..., x_T | label) = prod_t P(x_t | label, x_1, ..., x_{t-1})

    The label takes the place that the encoder's last state has in I. Sutskever, O. Vinyals, Q. V. Le,
    "Sequence to sequence learning with neural networks", NIPS 2014. A begin token (index V, which is never
    written) is read before x_1.

    Args:
        num_labels: K, how many labels there are.
        vocab_size: V.
        num_hiddens: H.
        layer: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        num_layers: L.
        embedding_size: E, the size of a token's vector.

    Raises:
        ValueError: for an unknown layer, or sizes that are not positive.

    Example:
        >>> model = ConditionalGenerator(num_labels=10, vocab_size=17, num_hiddens=64)
        >>> fit(model, (labels, X), X, loss=nn.CrossEntropyLoss(), num_epochs=10)  # labels (N,), X (N, T)
        >>> model.generate(torch.tensor([3, 3, 8]), num_steps=64).shape
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
        if layer not in LAYERS:
            raise ValueError(f"layer={layer!r} is not known; use one of {sorted(LAYERS)}.")
        check_positive(num_labels=num_labels, vocab_size=vocab_size, num_hiddens=num_hiddens)
        check_positive(num_layers=num_layers, embedding_size=embedding_size)
        self.num_labels, self.vocab_size, self.num_outputs = num_labels, vocab_size, vocab_size
        self.num_parts = 2 if layer == "lstm" else 1  # H, and for an LSTM C
        self.labels = nn.Embedding(num_labels, self.num_parts * num_layers * num_hiddens)
        self.tokens = nn.Embedding(vocab_size + 1, embedding_size)
        self.rnn = LAYERS[layer](embedding_size, num_hiddens, num_layers, batch_first=True)
        self.output = nn.Linear(num_hiddens, vocab_size)

    def begin_state(self, labels: Tensor) -> State:
        """Labels (B,) int64 to the state before the first token: (L, B, H), for an LSTM a pair of them.

        Raises:
            ValueError: if the labels are not (B,) whole numbers from 0 to K - 1.
        """
        if labels.ndim != 1 or labels.is_floating_point() or len(labels) == 0:
            raise ValueError(
                f"labels have shape {tuple(labels.shape)} and {labels.dtype}; (B,) whole numbers are wanted."
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < self.num_labels:
            raise ValueError(
                f"labels run from {int(labels.min())} to {int(labels.max())}; they must lie between 0 and "
                f"{self.num_labels - 1}."
            )
        shape = (len(labels), self.num_parts, self.rnn.num_layers, self.rnn.hidden_size)
        parts = self.labels(labels).view(shape).permute(1, 2, 0, 3).contiguous()  # (1 or 2, L, B, H)
        return (parts[0], parts[1]) if self.num_parts == 2 else parts[0]

    def forward(self, labels: Tensor, X: Tensor) -> Tensor:
        """Logits (B, T, V) for every token of X (B, T), each from the label (B,) and the tokens before it.

        X is thus the target as well as the input. Tokens behind the end of a shorter row have no influence on
        those before; give them the label -100 in the target.

        Raises:
            ValueError: if X is not (B, T) whole numbers with one row per label, or a label is out of range.
        """
        if X.ndim != 2 or X.is_floating_point() or len(X) != len(labels) or X.shape[1] == 0:
            raise ValueError(
                f"X has shape {tuple(X.shape)} and {X.dtype}; (B, T) whole numbers with B = {len(labels)}, "
                "one row per label, are expected."
            )
        read = torch.cat([torch.full_like(X[:, :1], self.vocab_size), X[:, :-1]], dim=1)  # shifted by one
        Y, _ = self.rnn(self.tokens(read), self.begin_state(labels))  # (B, T, H)
        return self.output(Y)

    def generate(
        self,
        labels: Tensor,
        num_steps: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Write one sequence for each label.

        Args:
            labels: (B,) int64; a label that stands there twice gets two sequences.
            num_steps: T.
            temperature, top_k: as for :func:`rnnlib.generation.sample_token`; 0 is greedy.
            seed: the same seed gives the same sequences on the same device.

        Returns:
            (B, T) int64.

        Raises:
            ValueError: for labels or arguments out of range.
        """
        check_positive(num_steps=num_steps)
        generator = torch.Generator(labels.device).manual_seed(seed)
        token, written = torch.full_like(labels, self.vocab_size), []
        with evaluating(self):
            state = self.begin_state(labels)
            for _ in range(num_steps):
                Y, state = self.rnn(self.tokens(token[:, None]), state)  # (B, 1, H)
                token = sample_token(self.output(Y[:, 0]), temperature, top_k, generator)  # (B,)
                written.append(token)
        return torch.stack(written, dim=1)
