"""Many to many, not aligned: read one sequence, write another of another length."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive, check_tokens
from rnnlib.data.padding import length_mask, run_padded
from rnnlib.models.attention import ATTENTIONS
from rnnlib.models.language import LAYERS, begun_with, check_layer
from rnnlib.states import State, check_state, map_state, num_states


class Reading(NamedTuple):
    """The state of a decoder that looks back at what the encoder read.

    Attributes:
        hidden: (L, B, H), for an LSTM a pair: the decoder's own state.
        memory: (S, B, D*H), the encoder's outputs.
        mask: (S, B, 1) bool, True where the source has a token.
    """

    hidden: State
    memory: Tensor
    mask: Tensor


class EncoderDecoder(nn.Module):
    """An encoder reads the source; a decoder begins with its last state and writes the target.

        logits, state = model(X, state=None, source=None, lengths=None)

    Without attention the last state of the encoder is all that the decoder knows of the source (I. Sutskever,
    O. Vinyals, Q. V. Le, "Sequence to sequence learning with neural networks", NIPS 2014). With attention the
    decoder's output ``h_t`` is also a query to all outputs of the encoder, whose weighted mean ``c_t`` goes
    with it: ``tanh(W_c [c_t; h_t])`` gives the logits (M.-T. Luong, H. Pham, C. D. Manning, "Effective
    approaches to attention-based neural machine translation", EMNLP 2015, equations 5 and 6). A begin token
    (index V, which is never written) is read before the first.

    Args:
        source_size: how many tokens a source is made of.
        vocab_size: V, how many a target is made of.
        num_hiddens: H, of encoder and decoder.
        layer: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        attention: ``"additive"``, ``"dot"``, or None for none.
        num_layers: L.
        bidirectional: whether the encoder reads in both directions (D = 2); a linear layer then turns its
            last states into the decoder's first.
        embedding_size: E, of tokens of both sides.
        dropout: on the vectors of tokens and before the logits.

    Raises:
        ValueError: for an unknown layer or attention, or sizes that are not positive.

    Example: sources (N, S) with lengths (N,), targets Y (N, T), both padded, the latter with -100.
        >>> model = EncoderDecoder(source_size=14, vocab_size=31, num_hiddens=64, attention="dot")
        >>> examples = rnnlib.ExampleLoader((model.shifted(Y), None, sources, lengths), Y)
        >>> rnnlib.train(model, examples, num_epochs=10, optimizer="adam", lr=3e-3)
        >>> first, state = model.begin(sources, lengths)
        >>> rnnlib.generate_tokens(model, first, 20, state=state).shape
        torch.Size([N, 20])
    """

    def __init__(
        self,
        source_size: int,
        vocab_size: int,
        num_hiddens: int,
        *,
        layer: str = "gru",
        attention: str | None = None,
        num_layers: int = 1,
        bidirectional: bool = False,
        embedding_size: int = 32,
        dropout: float = 0.0,
    ):
        super().__init__()
        check_layer(layer)
        if attention is not None and attention not in ATTENTIONS:
            raise ValueError(
                f"attention={attention!r} is not known; use one of {sorted(ATTENTIONS)}, or None."
            )
        check_positive(source_size=source_size, vocab_size=vocab_size, num_hiddens=num_hiddens)
        check_positive(num_layers=num_layers, embedding_size=embedding_size)
        self.vocab_size, self.num_outputs, D = vocab_size, vocab_size, 2 if bidirectional else 1
        self.source = nn.Embedding(source_size, embedding_size)
        self.target = nn.Embedding(vocab_size + 1, embedding_size)
        self.encoder = LAYERS[layer](
            embedding_size, num_hiddens, num_layers, batch_first=True, bidirectional=bidirectional
        )
        self.bridge = nn.Linear(D * num_hiddens, num_hiddens) if bidirectional else None
        self.decoder = LAYERS[layer](embedding_size, num_hiddens, num_layers, batch_first=True)
        self.attention = None
        if attention is not None:
            self.attention = ATTENTIONS[attention](num_hiddens, D * num_hiddens, num_hiddens)
            self.merge = nn.Linear(D * num_hiddens + num_hiddens, num_hiddens)
        self.output, self.dropout = nn.Linear(num_hiddens, vocab_size), nn.Dropout(dropout)

    def begin(self, source: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, State]:
        """Read the source; what writing begins with.

        Args:
            source: (B, S) int64.
            lengths: (B,) real lengths of padded rows; what lies behind them has no influence.

        Returns:
            ``(X, state)``: begin tokens (B, 1) int64, and the decoder's first state: (L, B, H), for an LSTM a
            pair; with attention a :class:`Reading`.

        Raises:
            ValueError: if the source is not (B, S), or the lengths do not fit it.
        """
        check_tokens(source)
        inputs = self.dropout(self.source(source))
        memory, hidden, lengths = run_padded(self.encoder, inputs, lengths)
        if self.bridge is not None:
            hidden = map_state(self._join, hidden)
        first = torch.full_like(source[:, :1], self.vocab_size)
        if self.attention is None:
            return first, hidden
        mask = length_mask(lengths.to(source.device), source.shape[1])
        return first, Reading(hidden, memory.transpose(0, 1), mask.T[..., None])

    def shifted(self, Y: Tensor) -> Tensor:
        """What is read when Y (B, T) is to be predicted: the begin token, then all of Y but the last.

        Padding of Y, -100, is read as token 0; what is predicted there does not count.
        """
        check_tokens(Y)
        return begun_with(self.vocab_size, Y.clamp(min=0))

    def forward(
        self,
        X: Tensor,
        state: State | Reading | None = None,
        source: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, State | Reading]:
        """Logits (B, T, V), each from the source and the tokens up to that step, and the new state.

        Args:
            X: (B, T) int64 tokens that are read, the begin token first (see :meth:`shifted`).
            state: where writing goes on, as :meth:`begin` or the last call returned it.
            source, lengths: what to begin with instead, as for :meth:`begin`.

        Raises:
            ValueError: if X is not (B, T), the source or the state has other rows than X, or there are both
                or neither.
        """
        logits, _, state = self._write(X, state, source, lengths)
        return logits, state

    def alignment(self, X: Tensor, source: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The weights of attention (B, T, S) as X (B, T) is read; row t belongs to the token written next.

        Raises:
            ValueError: if the model has no attention, and as a call does.
        """
        if self.attention is None:
            raise ValueError("this model has no attention; build it with attention='additive' or 'dot'.")
        return self._write(X, None, source, lengths)[1]

    def _write(
        self, X: Tensor, state: State | Reading | None, source: Tensor | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor | None, State | Reading]:
        """Logits, the weights of attention or None, and the new state."""
        check_tokens(X)
        if (state is None) == (source is None):
            raise ValueError("give either the state that the model returned, or the source to begin with.")
        if source is not None:
            _, state = self.begin(source, lengths)
        if (self.attention is not None) != isinstance(state, Reading):
            raise ValueError(
                f"the state is a {type(state).__name__}; use the one that this model returned: a Reading "
                "if it has attention, the state of its layer otherwise."
            )
        hidden = state.hidden if isinstance(state, Reading) else state
        check_state(hidden, len(X), num_states(self.decoder))
        Y, hidden = self.decoder(self.dropout(self.target(X)), hidden)  # (B, T, H)
        if self.attention is None:
            return self.output(self.dropout(Y)), None, hidden
        memory, mask = state.memory.transpose(0, 1), state.mask[..., 0].T
        context, weights = self.attention(Y, memory, mask=mask)
        Y = torch.tanh(self.merge(torch.cat([context, Y], dim=-1)))
        return self.output(self.dropout(Y)), weights, Reading(hidden, state.memory, state.mask)

    def _join(self, part: Tensor) -> Tensor:
        """The last states of both directions (L*2, B, H) as the decoder's first (L, B, H)."""
        forward, backward = part.unflatten(0, (-1, 2)).unbind(dim=1)
        return torch.tanh(self.bridge(torch.cat([forward, backward], dim=-1)))
