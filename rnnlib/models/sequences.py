"""Models that read a sequence and answer about it: one label for the whole, or one for every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.data.padding import length_mask, run_padded
from rnnlib.models.language import LAYERS, check_layer
from rnnlib.states import State, check_state, num_states


class SequenceTagger(nn.Module):
    """Many to many, aligned: read (B, T, I) values or (B, T) indices, answer with (B, T, K) logits.

        logits, state = model(X, state=None, lengths=None)

    ``lengths`` (B,), on any device, are the real lengths of padded rows: what lies behind them has no
    influence.

    Args:
        layer: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        input_size: I, or the size of the embedding if ``vocab_size`` is given.
        num_hiddens: H.
        num_outputs: K classes; 1 or more values for regression.
        num_layers, bidirectional: L, and whether D = 2.
        dropout: between the recurrent layers, of which there must be more than one to have a between, and
            before the output layer, where it acts for L = 1 too.
        vocab_size: V, if the inputs are token indices.

    Raises:
        ValueError: for unknown names, sizes that are not positive, and inputs, states or lengths that do not
            fit.
    """

    def __init__(
        self,
        layer: str,
        input_size: int,
        num_hiddens: int,
        num_outputs: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocab_size: int | None = None,
    ):
        super().__init__()
        check_layer(layer)
        check_positive(input_size=input_size, num_hiddens=num_hiddens, num_outputs=num_outputs)
        check_positive(num_layers=num_layers, **({} if vocab_size is None else {"vocab_size": vocab_size}))
        self.dropout = nn.Dropout(dropout)
        self.embedding = None if vocab_size is None else nn.Embedding(vocab_size, input_size)
        self.rnn = LAYERS[layer](
            input_size,
            num_hiddens,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        self.num_outputs = num_outputs
        self.output = nn.Linear(num_hiddens * (2 if bidirectional else 1), num_outputs)

    def forward(
        self, X: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Logits (B, T, K) and the new state.

        Logits behind a row's length mean nothing: give such places the label -100, which does not count.
        """
        outputs, _, _, state = self._read(X, state, lengths)
        return self.output(self.dropout(outputs)), state

    def _read(
        self, X: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, State]:
        """Outputs (B, T, D*H), the last layer's final state (B, D*H), lengths (B,), and the whole state."""
        self._check(X)
        B = len(X)
        if state is not None:
            check_state(state, B, num_states(self.rnn))
        inputs = X if self.embedding is None else self.embedding(X)
        outputs, state, lengths = run_padded(self.rnn, inputs, lengths, state)
        H = state[0] if isinstance(state, tuple) else state  # (L*D, B, H)
        directions = 2 if self.rnn.bidirectional else 1
        final = H[-directions:].transpose(0, 1).reshape(B, -1)  # both directions side by side
        return outputs, final, lengths.to(X.device), state

    def _check(self, X: Tensor) -> None:
        """A ValueError unless X is what this model reads."""
        if self.embedding is not None:
            wanted = "(B, T) whole numbers, the indices of tokens,"
            fits = X.ndim == 2 and not X.is_floating_point()
        else:
            wanted = f"(B, T, {self.rnn.input_size}) floating-point values"
            fits = X.ndim == 3 and X.shape[2] == self.rnn.input_size and X.is_floating_point()
        if not fits or 0 in X.shape:
            raise ValueError(f"X has shape {tuple(X.shape)} and {X.dtype}; {wanted} are expected.")


class SequenceClassifier(SequenceTagger):
    """Many to one: read (B, T, I) values or (B, T) indices, answer with (B, K) logits.

    Args:
        pooling: ``"last"`` takes the final state (of both directions), ``"mean"`` and ``"max"`` pool the
            outputs of all real steps.

    The other arguments, the call and the errors are those of :class:`SequenceTagger`.
    """

    POOLINGS = ("last", "mean", "max")

    def __init__(
        self,
        layer: str,
        input_size: int,
        num_hiddens: int,
        num_outputs: int,
        *,
        pooling: str = "last",
        **options,
    ):
        super().__init__(layer, input_size, num_hiddens, num_outputs, **options)
        if pooling not in self.POOLINGS:
            raise ValueError(f"pooling={pooling!r} is not known; use one of {self.POOLINGS}.")
        self.pooling = pooling

    def forward(
        self, X: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Logits (B, K) and the state of the recurrent layer after each row's last real step."""
        outputs, final, lengths, state = self._read(X, state, lengths)
        if self.pooling == "last":
            features = final
        else:
            mask = length_mask(lengths, X.shape[1])[..., None]  # (B, T, 1)
            if self.pooling == "mean":
                features = (outputs * mask).sum(dim=1) / lengths[:, None]
            else:
                features = outputs.masked_fill(~mask, -torch.inf).amax(dim=1)
        return self.output(self.dropout(features)), state
