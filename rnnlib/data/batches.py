"""Cut one long index sequence into minibatches: at random, or so that rows continue from batch to batch."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from types import ModuleType

import torch
from torch import Tensor

from rnnlib.common import check_positive

__all__ = ["as_corpus", "seq_data_iter_random", "seq_data_iter_sequential", "SequenceLoader"]

Batch = tuple[Tensor, Tensor]


def as_corpus(corpus: Sequence[int] | Tensor, device: str | torch.device | None = None) -> Tensor:
    """The corpus as one 1-D int64 tensor, moved to ``device`` once (no copy if it is there already).

    Raises:
        ValueError: if it is not one flat sequence of integers.
    """
    if not isinstance(corpus, Tensor) and len(corpus) == 0:
        corpus = torch.empty(0, dtype=torch.int64)
    try:
        tensor = torch.as_tensor(corpus, device=device)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"a corpus is one flat sequence of indices; got {type(corpus).__name__} ({error}). "
            "Turn tokens into indices first: vocab[tokens]."
        ) from error
    if tensor.ndim != 1 or tensor.is_floating_point() or tensor.is_complex():
        raise ValueError(
            f"a corpus is one flat sequence of indices; got shape {tuple(tensor.shape)}, {tensor.dtype}."
        )
    return tensor.long()


def _check(corpus: Tensor, batch_size: int, num_steps: int) -> None:
    check_positive(batch_size=batch_size, num_steps=num_steps)
    needed = batch_size * num_steps + 1
    if len(corpus) < needed:
        raise ValueError(
            f"num_steps={num_steps} and batch_size={batch_size} need at least {needed:,} tokens; "
            f"the corpus has {len(corpus):,}. Use a smaller batch_size or num_steps, or a longer text."
        )


def seq_data_iter_random(
    corpus: Sequence[int] | Tensor,
    batch_size: int,
    num_steps: int,
    rng: random.Random | ModuleType = random,
) -> Iterator[Batch]:
    """Minibatches by random sampling: subsequences in random order, cut from a random offset.

    Two neighbours in a batch, or in two successive batches, have nothing to do with each other in the text,
    so the hidden state must start anew for each batch.

    Args:
        corpus: N token indices.
        batch_size: B, subsequences in a batch.
        num_steps: T, tokens in a subsequence.
        rng: source of chance; the module :mod:`random` by default, so that ``set_seed`` rules it.

    Yields:
        ``(X, Y)``, both (B, T) int64; Y is X shifted one token to the left.

    Raises:
        ValueError: if B or T is not positive, or the corpus has fewer than B*T + 1 tokens.
    """
    corpus = as_corpus(corpus)
    _check(corpus, batch_size, num_steps)
    slack = len(corpus) - 1 - batch_size * num_steps
    offset = min(rng.randint(0, num_steps - 1), slack)
    num_subsequences = (len(corpus) - 1 - offset) // num_steps
    starts = list(range(0, num_subsequences * num_steps, num_steps))
    rng.shuffle(starts)
    starts = torch.tensor(starts, device=corpus.device) + offset
    steps = torch.arange(num_steps, device=corpus.device)
    for i in range(0, num_subsequences // batch_size * batch_size, batch_size):
        where = starts[i : i + batch_size, None] + steps  # (B, T)
        yield corpus[where], corpus[where + 1]


def seq_data_iter_sequential(
    corpus: Sequence[int] | Tensor,
    batch_size: int,
    num_steps: int,
    rng: random.Random | ModuleType = random,
) -> Iterator[Batch]:
    """Minibatches by sequential partitioning: row b of the next batch continues row b of this one.

    The text, from a random offset on, is cut into B long rows, and a window of T columns slides along them
    without overlap. The final hidden state of one batch is thus the right initial state of the next.

    Arguments, yields and errors are those of :func:`seq_data_iter_random`.
    """
    corpus = as_corpus(corpus)
    _check(corpus, batch_size, num_steps)
    slack = len(corpus) - 1 - batch_size * num_steps
    offset = min(rng.randint(0, num_steps), slack)
    row_length = (len(corpus) - offset - 1) // batch_size
    rows = corpus[offset : offset + batch_size * row_length].view(batch_size, row_length)
    labels = corpus[offset + 1 : offset + 1 + batch_size * row_length].view(batch_size, row_length)
    for i in range(0, row_length // num_steps * num_steps, num_steps):
        yield rows[:, i : i + num_steps], labels[:, i : i + num_steps]


class SequenceLoader:
    """Iterate again and again over a corpus that lies on one device; each pass draws a new random offset.

    Args:
        corpus: N token indices, moved to ``device`` once.
        batch_size: B.
        num_steps: T.
        sampling: ``"sequential"`` or ``"random"``.
        device: where the batches are wanted; the corpus' own device by default.
        seed: if given, the loader has its own generator, independent of the global one.

    Raises:
        ValueError: if the corpus is too short for B and T, or an argument is out of range.
    """

    ITERATORS = {"sequential": seq_data_iter_sequential, "random": seq_data_iter_random}

    def __init__(
        self,
        corpus: Sequence[int] | Tensor,
        batch_size: int = 32,
        num_steps: int = 35,
        sampling: str = "sequential",
        device: str | torch.device | None = None,
        seed: int | None = None,
    ):
        if sampling not in self.ITERATORS:
            raise ValueError(f"sampling={sampling!r} is not known; use 'sequential' or 'random'.")
        self.corpus = as_corpus(corpus, device)
        _check(self.corpus, batch_size, num_steps)
        self.batch_size, self.num_steps, self.sampling = batch_size, num_steps, sampling
        self.rng = random if seed is None else random.Random(seed)

    @property
    def device(self) -> torch.device:
        """Where the corpus and all batches lie."""
        return self.corpus.device

    @property
    def num_tokens(self) -> int:
        """Tokens in the corpus of this loader."""
        return len(self.corpus)

    def __iter__(self) -> Iterator[Batch]:
        return self.ITERATORS[self.sampling](self.corpus, self.batch_size, self.num_steps, self.rng)

    def __repr__(self) -> str:
        return (
            f"SequenceLoader({self.num_tokens:,} tokens, batch_size={self.batch_size}, "
            f"num_steps={self.num_steps}, {self.sampling}, {self.device})"
        )
