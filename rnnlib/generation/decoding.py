"""Continue a sequence token by token: greedy search, sampling with temperature and top-k, beam search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from rnnlib.common import check_at_least, check_positive, check_tokens
from rnnlib.data.text import Vocab
from rnnlib.generation.steps import make_reader
from rnnlib.models.modes import evaluating
from rnnlib.states import State, select_rows


def generate_tokens(
    model: Any,
    X: Tensor,
    num_tokens: int,
    *,
    state: State | None = None,
    temperature: float = 0.0,
    top_k: int | None = None,
    seed: int = 0,
    banned: Sequence[int] = (),
) -> Tensor:
    """Continue each row of a batch token by token.

    X is read in one call, then each chosen token is fed back as the next input. The model is in evaluation
    mode meanwhile.

    Args:
        model: ``logits, state = model(X, state)`` with logits (B, T, V).
        X: (B, T) int64, at least one token a row, on the model's device.
        num_tokens: how many tokens to add to each row, at least 1.
        state: where the model continues to read; None lets it begin anew.
        temperature: tau; a token is drawn from softmax(logits / tau). Below 1 the likely tokens become
            likelier still, above 1 all move closer together; 0 takes the largest logit (greedy search).
        top_k: draw among the k largest logits only, of equal ones those with the lower index; no effect at
            temperature 0, where the largest is taken anyway.
        seed: the same seed gives the same tokens on the same device.
        banned: indices that are never chosen.

    Returns:
        (B, num_tokens) int64, without X.

    Raises:
        ValueError: for arguments out of range, logits of another shape, or if every token is banned.
        FloatingPointError: if the model's predictions are not numbers.

    Example: about the labels of a ConditionalGenerator.
        >>> X, state = model.begin(torch.tensor([3, 3, 8]))
        >>> generate_tokens(model, X, 64, state=state, temperature=1.0).shape
        torch.Size([3, 64])
    """
    check_tokens(X)
    check_positive(num_tokens=num_tokens)
    return _continue(model, X, num_tokens, state, _Chooser(temperature, top_k, seed, X.device), banned)


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
    """Continue a text: :func:`generate_tokens` for one row, from tokens to tokens.

    Args:
        model: a language model, ``logits, state = model(X, state)``, with ``vocab_size``.
        prefix: a string of characters, or a list of tokens; may be empty, and then the first token is the
            most frequent one (greedy) or drawn by frequency (sampling).
        num_tokens: how many tokens to add, at least 1.
        vocab: the vocabulary that the model was trained with.
        temperature, top_k, seed: as for :func:`generate_tokens`; 0 is greedy search.
        joiner: put between tokens: ``""`` for characters, ``" "`` for words.
        unknown: what to do with prefix tokens that are not in the vocabulary: ``"error"`` or ``"replace"``.
        allow_unknown: whether ``<unk>`` may be generated.

    Returns:
        Prefix and continuation, joined.

    Raises:
        ValueError: for unknown prefix tokens, arguments out of range, a vocabulary that does not fit or holds
            nothing to choose from.
        FloatingPointError: if the model's predictions are not numbers.
    """
    check_positive(num_tokens=num_tokens)
    banned = [] if allow_unknown else [vocab.unk]
    device = _check_vocab(model, vocab, banned)
    choose = _Chooser(temperature, top_k, seed, device)
    words = list(prefix)
    indices = _prefix_indices(vocab, words, unknown)
    if not indices:
        indices = [_first_token(vocab, choose)]
        words, num_tokens = vocab.to_tokens(indices), num_tokens - 1
    if num_tokens > 0:
        X = torch.tensor([indices], device=device)
        words += vocab.to_tokens(_continue(model, X, num_tokens, None, choose, banned)[0].tolist())
    return joiner.join(words)


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
        ValueError, FloatingPointError: for an empty prefix, and as :func:`generate` does.
    """
    check_positive(num_tokens=num_tokens, beam_width=beam_width)
    if len(prefix) == 0:
        raise ValueError("beam search needs a prefix; got an empty one. Use generate() to start from none.")
    device = _check_vocab(model, vocab, [vocab.unk])
    X = torch.tensor([_prefix_indices(vocab, prefix, unknown)], device=device)
    best, score = beam_search_tokens(model, X, num_tokens, beam_width=beam_width, banned=[vocab.unk])
    return joiner.join([*prefix, *vocab.to_tokens(best.tolist())]), score


def beam_search_tokens(
    model: Any,
    X: Tensor,
    num_tokens: int,
    *,
    state: State | None = None,
    beam_width: int = 4,
    end: int | None = None,
    banned: Sequence[int] = (),
) -> tuple[Tensor, float]:
    """The likeliest continuation of one row that a beam of the given width finds.

    A beam that has written ``end`` stays as it is and keeps its place by its score. Scores only fall, so the
    search is over once such a beam is the best.

    Args:
        model: ``logits, state = model(X, state)`` with logits (1, T, V).
        X: (1, T) int64, at least one token, on the model's device.
        num_tokens: the most tokens that are added.
        state: where the model continues to read; None lets it begin anew.
        beam_width: K, how many partial sequences are kept at each step; 1 is greedy search.
        end: the token behind which nothing follows; None adds exactly ``num_tokens``.
        banned: indices that are never chosen.

    Returns:
        ``(tokens, log_probability)``: (n,) int64 without X, the end included if it was reached; and log P of
        them in nats, where P gives banned tokens no share. Nothing is normalized by length.

    Raises:
        ValueError: for arguments out of range, more rows than one, or if every token is banned.
        FloatingPointError: if the model's predictions are not numbers.

    Example: with an EncoderDecoder, for one source (1, S).
        >>> X, state = model.begin(source)
        >>> tokens, score = beam_search_tokens(model, X, 20, state=state, end=vocab["<end>"])
    """
    check_tokens(X)
    check_positive(num_tokens=num_tokens, beam_width=beam_width)
    if len(X) != 1:
        raise ValueError(f"X has {len(X)} rows; beam search continues one. Call it once for each.")
    scores = torch.zeros(1, device=X.device)
    texts = torch.empty((1, 0), dtype=torch.int64, device=X.device)
    with evaluating(model):
        reading = _Reading(model, X, state, banned)
        V = reading.logits.shape[1]
        if end is not None and not 0 <= end < V:
            raise ValueError(f"end={end!r} must be an index from 0 to {V - 1}, or None.")
        num_choices = V - len(set(banned))
        over = torch.full((1, V), -math.inf, device=X.device)  # behind an end: the end, for free
        if end is not None:
            over[:, end] = 0
        for i in range(num_tokens):
            gains = torch.log_softmax(reading.logits.float(), dim=-1)  # (K, V)
            if end is not None and i > 0:
                gains = torch.where(texts[:, -1:] == end, over, gains)
            totals = (scores[:, None] + gains).flatten()
            scores, best = totals.topk(min(beam_width, len(scores) * num_choices))
            rows, tokens = best // V, best % V
            texts = torch.cat([texts[rows], tokens[:, None]], dim=1)
            if end is not None and int(texts[0, -1]) == end:
                break
            if i + 1 < num_tokens:
                reading.select(rows)
                reading.read(tokens)
    _check_finite(scores[0])  # NaN counts as the largest, so it would be first
    found = texts[0]
    if end is not None and bool((found == end).any()):
        found = found[: int((found == end).int().argmax()) + 1]
    return found, float(scores[0])


class _Reading:
    """A model on its way through a batch.

    Attributes:
        logits: (B, V) after the last token; a banned token's is -inf. The next token may overwrite them.
    """

    def __init__(self, model: Any, X: Tensor, state: State | None, banned: Sequence[int]):
        self.model = model
        logits, self.state = model(X, state)
        if logits.ndim != 3 or logits.shape[:2] != X.shape:
            raise ValueError(
                f"the model gave logits of shape {tuple(logits.shape)} for X of shape {tuple(X.shape)}; "
                "(B, T, V) is expected, one row of logits for each token."
            )
        self.ban = _ban(banned, logits)
        self.logits = logits[:, -1] + self.ban  # not in place: a model may return one of its parameters
        self.reader = make_reader(model, self.state, self.ban)

    @property
    def is_one_short_row(self) -> bool:
        """Whether Python's numbers are faster than tensors: a reader, one row of few logits, on the CPU."""
        logits = self.logits
        is_plain = logits.dtype == torch.float32 and logits.device.type == "cpu"
        return self.reader is not None and is_plain and len(logits) == 1 and logits.shape[1] <= 100

    def read(self, tokens: Tensor | int) -> None:
        """Read one more token (B,) a row; a number if there is one row, read on the CPU by a reader."""
        if self.reader is not None:
            self.logits = self.reader.read(tokens)
        else:
            logits, self.state = self.model(tokens[:, None], self.state)
            self.logits = logits[:, -1] + self.ban

    def select(self, rows: Tensor) -> None:
        """Go on with these rows of the batch, in the given order."""
        if self.reader is not None:
            self.reader = self.reader.select(rows)
        else:
            self.state = select_rows(self.state, rows)


def _ban(banned: Sequence[int], logits: Tensor) -> Tensor:
    """What is added to logits (..., V): 0, and -inf for banned tokens. (A NaN stays one when it is added.)"""
    V, banned = logits.shape[-1], {int(index) for index in banned}
    if any(not 0 <= index < V for index in banned):
        raise ValueError(f"banned={sorted(banned)} must be indices from 0 to {V - 1}.")
    if len(banned) == V:
        raise ValueError(f"all {V} tokens are banned; there is none to choose.")
    indices = torch.tensor(sorted(banned), dtype=torch.int64, device=logits.device)
    return logits.new_zeros(V).index_fill(0, indices, -math.inf)


class _Chooser:
    """One token for each row of logits: the likeliest, or one that is drawn.

    Calling it with logits (B, V) gives ``(tokens (B,), best (B,))``, where best is the largest logit or
    probability of the row; it is not finite where no token can be chosen, and the token means nothing then.
    """

    def __init__(self, temperature: float, top_k: int | None, seed: int, device: torch.device):
        is_number = isinstance(temperature, Real) and not isinstance(temperature, bool)
        if not (is_number and 0 <= temperature < math.inf):
            raise ValueError(f"temperature={temperature!r} must be a finite number, 0 (greedy) or more.")
        if top_k is not None:
            check_positive(top_k=top_k)
        check_at_least(0, seed=seed)
        self.is_greedy = temperature == 0
        self.temperature = float(min(max(temperature, 1e-30), 1e30))  # beyond, float32 would overflow
        self.top_k = top_k
        self.generator = torch.Generator(device).manual_seed(int(seed) % 2**64)

    def __call__(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        if self.is_greedy:
            best, tokens = logits.max(dim=-1)
            return tokens, best
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            kept = logits.sort(dim=-1, descending=True, stable=True).indices[:, : self.top_k]
            logits = torch.full_like(logits, -math.inf).scatter(-1, kept, logits.gather(-1, kept))
        # Where a logit is NaN, softmax makes the whole row NaN, and a GPU would stop at drawing from it.
        probabilities = torch.softmax(logits.float() / self.temperature, dim=-1)
        drawable = probabilities.nan_to_num(nan=1.0)
        tokens = torch.multinomial(drawable, 1, generator=self.generator).squeeze(-1)
        return tokens, probabilities.amax(dim=-1)


def _continue(
    model: Any, X: Tensor, num_tokens: int, state: State | None, choose: _Chooser, banned: Sequence[int]
) -> Tensor:
    """:func:`generate_tokens` behind its checks."""
    chosen, best = [], []
    with evaluating(model):
        reading = _Reading(model, X, state, banned)
        as_numbers = choose.is_greedy and reading.is_one_short_row
        pick = _likeliest if as_numbers else choose
        for i in range(num_tokens):
            tokens, value = pick(reading.logits)
            chosen.append(tokens)
            best.append(value)
            if i + 1 < num_tokens:
                reading.read(tokens)
    # once, at the end: on a GPU every look at a number has to wait for it
    _check_finite(torch.tensor(best) if as_numbers else torch.stack(best))
    return torch.tensor([chosen]) if as_numbers else torch.stack(chosen, dim=1)


def _likeliest(logits: Tensor) -> tuple[int, float]:
    """What a greedy :class:`_Chooser` gives for logits (1, V) in float32, as numbers."""
    (values,) = logits.tolist()
    best, total = max(values), sum(values)
    return values.index(best), best if total == total else total  # the sum is NaN if one of them is


def _check_finite(values: Tensor) -> None:
    if not torch.isfinite(values).all():
        raise FloatingPointError(
            "the model's predictions hold NaN or infinity, or leave no token possible, so that none can be "
            "chosen. Its weights are probably NaN because training diverged: look at "
            "[p.isnan().any() for p in model.parameters()], then train again with a smaller learning rate or "
            "with clip=1.0, or load an earlier checkpoint."
        )


def _check_vocab(model: Any, vocab: Vocab, banned: Sequence[int]) -> torch.device:
    """The model's device; a ValueError unless the vocabulary fits the model and holds a token to choose."""
    if model.vocab_size != len(vocab):
        raise ValueError(
            f"the model was built for vocab_size={model.vocab_size}, but this vocabulary has "
            f"{len(vocab)} tokens. Use the vocabulary that the model was trained with."
        )
    if len(vocab) == len(banned):
        raise ValueError(
            f"there is no token to choose: this vocabulary holds nothing but {vocab.UNK}. Build one from "
            "a text that is not empty."
        )
    return next(iter(model.parameters())).device


def _prefix_indices(vocab: Vocab, prefix: Sequence[str], unknown: str) -> list[int]:
    if unknown not in ("error", "replace"):
        raise ValueError(f"unknown={unknown!r} is not known; use 'error' or 'replace'.")
    missing = sorted({token for token in prefix if token not in vocab})
    if missing and unknown == "error":
        raise ValueError(
            f"the prefix holds {missing}, which the vocabulary does not know. Clean the prefix as the "
            "corpus was cleaned (for English: lower case, letters and spaces), or pass unknown='replace' "
            "to feed <unk> instead."
        )
    return vocab[list(prefix)]


def _first_token(vocab: Vocab, choose: _Chooser) -> int:
    """Where there is no prefix: the most frequent token, or one drawn by training frequency."""
    pairs = [(token, freq) for token, freq in vocab.token_freqs if vocab[token] != vocab.unk]
    pairs = pairs or [(token, 1) for token in vocab.idx_to_token if vocab[token] != vocab.unk]
    if not pairs:
        raise ValueError(f"there is no token to begin with: this vocabulary holds nothing but {vocab.UNK}.")
    if choose.is_greedy:
        return vocab[pairs[0][0]]
    weights = torch.tensor([float(freq) for _, freq in pairs], device=choose.generator.device)
    return vocab[pairs[int(torch.multinomial(weights, 1, generator=choose.generator))][0]]
