"""Write on from a prefix: greedy search, sampling with temperature and top-k, beam search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnlib.common import check_positive
from rnnlib.models.modes import evaluating
from rnnlib.states import State, select_rows
from rnnlib.generation.steps import make_step
from rnnlib.data.text import Vocab

__all__ = ["generate", "beam_search", "sample_token"]


def sample_token(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one token index for each row of logits.

    Args:
        logits: (B, V).
        temperature: tau; the distribution is softmax(logits / tau). Below 1 the likely tokens become likelier
            still, above 1 all come closer together; 0 takes the largest logit (greedy search).
        top_k: only the k largest logits take part; of equal ones those with the lower index.
        generator: source of chance, on the logits' device.

    Returns:
        (B,) int64.

    Raises:
        ValueError: if tau is negative or k is not positive.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature={temperature!r} must be a finite number of at least 0 (0 is greedy).")
    if top_k is not None:
        check_positive(top_k=top_k)
        if top_k < logits.shape[-1]:
            kept = logits.sort(dim=-1, descending=True, stable=True).indices[..., :top_k]
            logits = torch.full_like(logits, -torch.inf).scatter(-1, kept, logits.gather(-1, kept))
    if temperature == 0:
        return logits.argmax(dim=-1)
    temperature = max(temperature, 1e-30)  # a smaller one would overflow, and the outcome is the same
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)


class _Reader:
    """A model in evaluation mode that has read a prefix and gives the next logits."""

    def __init__(self, model: Any, vocab: Vocab, allow_unknown: bool):
        self.model, self.vocab = model, vocab
        self.device = next(iter(model.parameters())).device
        if model.vocab_size != len(vocab):
            raise ValueError(
                f"the model was built for vocab_size={model.vocab_size}, but this vocabulary has "
                f"{len(vocab)} tokens. Use the vocabulary that the model was trained with."
            )
        self.banned = None if allow_unknown else vocab.unk
        self.step = make_step(model)

    def read(self, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
        """(B, T) indices -> logits (B, V) after the last of them, and the state."""
        if state is None:
            state = self.model.begin_state(tokens.shape[0], self.device)
        if self.step is not None and tokens.shape[1] == 1:
            logits, state = self.step(tokens[:, 0], state)
        else:
            logits, state = self.model(tokens, state)
            logits = logits[-tokens.shape[0] :]
        if self.banned is not None:
            logits[:, self.banned] = -torch.inf
        return logits, state

    def prefix_indices(self, prefix: Sequence[str], unknown: str) -> list[int]:
        missing = sorted({token for token in prefix if token not in self.vocab})
        if missing and unknown == "error":
            raise ValueError(
                f"the prefix holds {missing}, which the vocabulary does not know. Clean the prefix as the "
                "corpus was cleaned (for English: lower case, letters and spaces), or pass unknown='replace' "
                "to feed <unk> instead."
            )
        if unknown not in ("error", "replace"):
            raise ValueError(f"unknown={unknown!r} is not known; use 'error' or 'replace'.")
        return self.vocab[list(prefix)]

    def first_token(self, temperature: float, generator: torch.Generator) -> int:
        """Where there is no prefix: the most frequent token, or one drawn by training frequency."""
        pairs = self.vocab.token_freqs or [(token, 1) for token in self.vocab.idx_to_token]
        pairs = [(token, freq) for token, freq in pairs if self.vocab[token] != self.vocab.unk]
        if not pairs:
            raise ValueError("there is no token to begin with: this vocabulary holds nothing but <unk>.")
        if temperature == 0:
            return self.vocab[pairs[0][0]]
        weights = torch.tensor([freq for _, freq in pairs], dtype=torch.float, device=self.device)
        return self.vocab[pairs[int(torch.multinomial(weights, 1, generator=generator))][0]]


def generate(
    model: Any,
    prefix: str | Sequence[str],
    num_tokens: int,
    vocab: Vocab,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    seed: int = 0,
    joiner: str = "",
    unknown: str = "error",
    allow_unknown: bool = False,
) -> str:
    """Continue a text token by token.

    The prefix is read first (the warm-up period), then each chosen token is fed back as the next input.

    Args:
        model: a language model as for :func:`rnnlib.training.train_epoch`.
        prefix: a string of characters, or a list of tokens; may be empty, and then the first token is the
            most frequent one (greedy) or drawn by frequency (sampling).
        num_tokens: how many tokens to add, at least 1.
        vocab: the vocabulary that the model was trained with.
        temperature: 0 for greedy search, otherwise tau of :func:`sample_token`.
        top_k: sample among the k likeliest tokens only.
        seed: the same seed gives the same text on the same device.
        joiner: put between tokens: ``""`` for characters, ``" "`` for words.
        unknown: what to do with prefix tokens that are not in the vocabulary: ``"error"`` or ``"replace"``.
        allow_unknown: whether ``<unk>`` may be generated.

    Returns:
        Prefix and continuation, joined.

    Raises:
        ValueError: for unknown prefix tokens, arguments out of range, a vocabulary that does not fit.
    """
    check_positive(num_tokens=num_tokens)
    reader = _Reader(model, vocab, allow_unknown)
    generator = torch.Generator(reader.device).manual_seed(seed)
    with evaluating(model):
        words = list(prefix)
        indices = reader.prefix_indices(words, unknown)
        if not indices:
            indices = [reader.first_token(temperature, generator)]
            words, num_tokens = vocab.to_tokens(indices), num_tokens - 1
        logits, state = reader.read(torch.tensor([indices], device=reader.device), None)
        chosen = []
        for i in range(num_tokens):
            token = sample_token(logits, temperature, top_k, generator)  # (1,)
            chosen.append(token)
            if i + 1 < num_tokens:
                logits, state = reader.read(token[None], state)
        new = torch.cat(chosen).tolist() if chosen else []
    return joiner.join([*words, *vocab.to_tokens(new)])


def beam_search(
    model: Any,
    prefix: str | Sequence[str],
    num_tokens: int,
    vocab: Vocab,
    *,
    beam_width: int = 4,
    joiner: str = "",
    unknown: str = "error",
) -> tuple[str, float]:
    """The likeliest continuation that a beam of the given width finds.

    All beams have the same length, so no length normalization is needed. A beam of width 1 is greedy search.

    Args:
        model, prefix, num_tokens, vocab, joiner, unknown: as for :func:`generate`; the prefix is not empty.
        beam_width: K, how many partial texts are kept at each step.

    Returns:
        ``(text, log_probability)``: prefix and continuation, and log P(continuation | prefix) in nats, where
        P gives ``<unk>`` no share.

    Raises:
        ValueError: for an empty prefix, and as :func:`generate` does.
    """
    check_positive(num_tokens=num_tokens, beam_width=beam_width)
    if len(prefix) == 0:
        raise ValueError("beam search needs a prefix; got an empty one. Use generate() to start from none.")
    reader = _Reader(model, vocab, allow_unknown=False)
    with evaluating(model):
        indices = torch.tensor([reader.prefix_indices(prefix, unknown)], device=reader.device)
        logits, state = reader.read(indices, None)
        scores = torch.zeros(1, device=reader.device)
        texts = torch.empty((1, 0), dtype=torch.int64, device=reader.device)
        for i in range(num_tokens):
            totals = (scores[:, None] + torch.log_softmax(logits.float(), dim=-1)).flatten()  # (K*V,)
            scores, best = totals.topk(min(beam_width, len(scores) * (len(vocab) - 1)))
            rows, tokens = best // len(vocab), best % len(vocab)
            texts = torch.cat([texts[rows], tokens[:, None]], dim=1)
            if i + 1 < num_tokens:
                logits, state = reader.read(tokens[:, None], select_rows(state, rows))
    new = vocab.to_tokens(texts[0].tolist())
    return joiner.join([*prefix, *new]), float(scores[0])
