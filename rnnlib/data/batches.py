"""Minibatches: cut from one long index sequence, or drawn from labelled examples.

A loader is iterated anew for every epoch and yields ``(inputs, labels)``. Its ``carries_state`` says whether
row b of the next batch continues row b of this one, so that the recurrent state may be carried over.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from rnnlib.common import check_at_least, check_positive
from rnnlib.data.mapped import MappedTokens
from rnnlib.data.order import shuffled
from rnnlib.data.padding import check_lengths

Batch = tuple[Tensor, Tensor]
Inputs = Tensor | tuple[Tensor | None, ...]
IGNORED = -100  # the label of places that do not count, as in torch's cross-entropy


def as_corpus(
    corpus: Iterable[int] | Tensor | MappedTokens, device: str | torch.device | None = None
) -> Tensor | MappedTokens:
    """The corpus as one 1-D int64 tensor, moved to ``device`` once (no copy if it is there already).

    The tokens of a token file stay where they are; what is read from them will come to ``device``.

    Raises:
        ValueError: if it is not one flat sequence of integers.
    """
    if isinstance(corpus, MappedTokens):
        return corpus if device is None else corpus.to(device)
    if not isinstance(corpus, Tensor):
        if not hasattr(corpus, "__len__"):
            corpus = list(corpus)  # a generator can be read only once
        if len(corpus) == 0:
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


def _check(corpus: Tensor | MappedTokens, batch_size: int, num_steps: int) -> None:
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
    first: int = 0,
) -> Iterator[Batch]:
    """Minibatches by random sampling: subsequences in random order, cut from a random offset.

    Two neighbours in a batch, or in two successive batches, have nothing to do with each other in the text,
    so the hidden state must start anew for each batch.

    Args:
        corpus: N token indices.
        batch_size: B, subsequences in a batch.
        num_steps: T, tokens in a subsequence.
        rng: source of chance; the module :mod:`random` by default, so that ``set_seed`` rules it.
        first: the batch to begin with, counted from 0.

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
    order = shuffled(num_subsequences, rng, corpus.device)
    steps = torch.arange(num_steps, device=corpus.device) + offset
    for i in range(first * batch_size, num_subsequences // batch_size * batch_size, batch_size):
        where = order(i, i + batch_size)[:, None] * num_steps + steps  # (B, T)
        yield corpus[where], corpus[where + 1]


def seq_data_iter_sequential(
    corpus: Sequence[int] | Tensor,
    batch_size: int,
    num_steps: int,
    rng: random.Random | ModuleType = random,
    first: int = 0,
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
    for i in range(first * num_steps, row_length // num_steps * num_steps, num_steps):
        yield rows[:, i : i + num_steps], labels[:, i : i + num_steps]


class SequenceLoader:
    """Iterate again and again over a corpus that lies on one device; each pass draws a new random offset.

    Args:
        corpus: N token indices, moved to ``device`` once; those of a token file stay on the disk.
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
        if seed is not None:
            check_at_least(0, seed=seed)
        self.batch_size, self.num_steps, self.sampling = batch_size, num_steps, sampling
        self.rng = random if seed is None else random.Random(int(seed))

    @property
    def device(self) -> torch.device:
        """Where the corpus and all batches lie."""
        return self.corpus.device

    @property
    def carries_state(self) -> bool:
        """Whether the final state of one batch is the right initial state of the next."""
        return self.sampling == "sequential"

    @property
    def num_tokens(self) -> int:
        """Tokens in the corpus of this loader."""
        return len(self.corpus)

    def __iter__(self) -> Iterator[Batch]:
        return self.rest(0)

    def rest(self, first: int) -> Iterator[Batch]:
        """A new pass without its first batches; chance is drawn as for a whole one."""
        return self.ITERATORS[self.sampling](self.corpus, self.batch_size, self.num_steps, self.rng, first)

    def state_dict(self) -> dict[str, Any]:
        """Where the loader's own generator stands, as plain values; empty if it uses the global one."""
        if self.rng is random:
            return {}
        version, numbers, gauss = self.rng.getstate()
        return {"rng": [version, list(numbers), gauss]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken.

        Raises:
            ValueError: if one of the two loaders has a generator of its own and the other has not.
        """
        if bool(state) != (self.rng is not random):
            raise ValueError("give both loaders a seed of their own, or neither.")
        if state:
            version, numbers, gauss = state["rng"]
            self.rng.setstate((version, tuple(numbers), gauss))

    def __repr__(self) -> str:
        return (
            f"SequenceLoader({self.num_tokens:,} tokens, batch_size={self.batch_size}, "
            f"num_steps={self.num_steps}, {self.sampling}, {self.device})"
        )


class ExampleLoader:
    """Minibatches of labelled examples, in a new random order for every pass.

    Args:
        X: N inputs (N, ...), or a tuple of them: the arguments of the model in order, with None for one that
            is left out.
        Y: N labels (N, ...); whole numbers for classes, where -100 marks places that do not count.
        batch_size: B; the last, smaller batch is used too.
        lengths: (N,) real lengths of the rows of X, if padded; the model then gets ``(X, None, lengths)``.
        shuffle: False keeps the order, as for measuring.
        seed: of the order; the loader has a generator of its own.

    Yields:
        ``(inputs, labels)``: inputs as a tensor, or as a tuple to be unpacked into the model's call.

    Raises:
        ValueError: for no examples, other numbers of inputs than of labels, values that are not finite, a row
            without a real label, lengths that do not fit.
    """

    carries_state = False

    def __init__(
        self,
        X: Inputs,
        Y: Tensor,
        batch_size: int = 32,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        shuffle: bool = True,
        seed: int = 0,
    ):
        check_positive(batch_size=batch_size)
        check_at_least(0, seed=seed)
        parts = X if isinstance(X, tuple) else (X,)
        if lengths is not None:
            if len(parts) != 1:
                raise ValueError("pass the lengths inside the tuple X, or X as one tensor.")
            parts = (X, None, check_lengths(lengths, *X.shape[:2]))
        counts = [len(part) for part in (*parts, Y) if part is not None]
        if len(set(counts)) != 1 or counts[0] == 0:
            raise ValueError(
                f"got {counts[:-1]} inputs and {counts[-1]} labels; "
                "as many of each, and at least one, are needed."
            )
        for name, values in (*(("inputs", part) for part in parts), ("labels", Y)):
            if values is not None and values.is_floating_point() and not torch.isfinite(values).all():
                raise ValueError(
                    f"the {name} hold values that are infinite or not a number; clean the data first."
                )
        if not Y.is_floating_point() and not (Y.reshape(len(Y), -1) != IGNORED).any(dim=1).all():
            raise ValueError(f"there is a row whose labels are all {IGNORED}; leave such rows out.")
        self.parts, self.Y, self.batch_size, self.shuffle = parts, Y, int(batch_size), shuffle
        self.generator = torch.Generator().manual_seed(int(seed))

    @property
    def device(self) -> torch.device:
        """Where the labels lie."""
        return self.Y.device

    def __iter__(self) -> Iterator[tuple[Inputs, Tensor]]:
        count = len(self.Y)
        order = torch.randperm(count, generator=self.generator) if self.shuffle else torch.arange(count)
        for rows in order.split(self.batch_size):
            batch = tuple(part if part is None else part[rows.to(part.device)] for part in self.parts)
            yield (batch[0] if len(batch) == 1 else batch), self.Y[rows.to(self.Y.device)]

    def state_dict(self) -> dict[str, Any]:
        """Where the generator stands, as plain values."""
        return {"generator": self.generator.get_state().tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken."""
        self.generator.set_state(torch.tensor(state["generator"], dtype=torch.uint8))

    def __repr__(self) -> str:
        return f"ExampleLoader({len(self.Y):,} examples, batch_size={self.batch_size}, {self.device})"


def real_labels(target: Tensor, predicted: Tensor) -> tuple[Tensor, Tensor]:
    """Labels and predictions of the places that count, in the order that scikit-learn's metrics take.

    Args:
        target, predicted: of one shape; where the target is -100, both are left out.

    Returns:
        ``(target, predicted)``, both 1-D on the CPU.

    Raises:
        ValueError: if the shapes differ, or no place counts.

    Example:
        >>> from sklearn.metrics import f1_score
        >>> f1_score(*real_labels(torch.tensor([1, 0, -100]), torch.tensor([1, 0, 1])))
        1.0
    """
    target, predicted = torch.as_tensor(target).detach().cpu(), torch.as_tensor(predicted).detach().cpu()
    if predicted.shape != target.shape:
        raise ValueError(
            f"labels have shape {tuple(target.shape)} and predictions {tuple(predicted.shape)}; "
            "both must have the same shape."
        )
    real = target != IGNORED
    if not real.any():
        raise ValueError(f"no label counts: there are {target.numel()}, and all of them are {IGNORED}.")
    return target[real], predicted[real]
