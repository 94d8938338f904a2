"""Names of the older edition (d2lzh_pytorch), which learns song lyrics character by character."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.d2l.models import greedy_indices
from rnnlib.d2l.tools import Timer, try_gpu
from rnnlib.d2l.training import train_epoch_ch8
from rnnlib.data.batches import Batch
from rnnlib.data.corpus import load_corpus

NUM_CHARACTERS = 10_000  # of the lyrics, as in the published runs


def load_data_jay_lyrics() -> tuple[list[int], dict[str, int], list[str], int]:
    """The first 10,000 characters of Jay Chou's lyrics.

    They are copyrighted and no part of this project: they are downloaded when this function is called, and
    nothing stands in for them.

    Returns:
        ``(corpus_indices, char_to_idx, idx_to_char, vocab_size)``; characters are numbered in order of first
        appearance.

    Raises:
        CorpusUnavailable: if they cannot be had.
    """
    text = load_corpus("jay_lyrics", fallback=False).text[:NUM_CHARACTERS]
    idx_to_char = list(dict.fromkeys(text))
    char_to_idx = {char: index for index, char in enumerate(idx_to_char)}
    return [char_to_idx[char] for char in text], char_to_idx, idx_to_char, len(idx_to_char)


def data_iter_random(
    corpus_indices: Sequence[int], batch_size: int, num_steps: int, device: Any = None
) -> Iterator[Batch]:
    """Minibatches of subsequences in random order, cut from the first token on.

    Args:
        corpus_indices: N token indices.
        batch_size: B.
        num_steps: T.
        device: where the batches are wanted; a GPU if there is one, by default.

    Yields:
        ``(X, Y)``, both (B, T) float32 as in that edition; Y is X shifted one token to the left.
    """
    corpus = torch.as_tensor(corpus_indices, device=device or try_gpu())
    starts = [i * num_steps for i in range((len(corpus) - 1) // num_steps)]
    random.shuffle(starts)
    steps = torch.arange(num_steps, device=corpus.device)
    for i in range(0, len(starts) // batch_size * batch_size, batch_size):
        where = torch.tensor(starts[i : i + batch_size], device=corpus.device)[:, None] + steps  # (B, T)
        yield corpus[where].float(), corpus[where + 1].float()


def data_iter_consecutive(
    corpus_indices: Sequence[int], batch_size: int, num_steps: int, device: Any = None
) -> Iterator[Batch]:
    """Minibatches whose rows go on from batch to batch; all else as in :func:`data_iter_random`."""
    corpus = torch.as_tensor(corpus_indices, device=device or try_gpu()).float()
    row_length = len(corpus) // batch_size
    rows = corpus[: batch_size * row_length].view(batch_size, row_length)
    for i in range(0, (row_length - 1) // num_steps * num_steps, num_steps):
        yield rows[:, i : i + num_steps], rows[:, i + 1 : i + 1 + num_steps]


def to_onehot(X: Tensor, n_class: int) -> list[Tensor]:
    """Indices (B, T) of any type as a list of T one-hot tensors (B, n_class), float32."""
    return [F.one_hot(column, n_class).float() for column in X.long().unbind(dim=1)]


def predict_rnn_pytorch(
    prefix: str,
    num_chars: int,
    model: Any,
    vocab_size: int,
    device: Any,
    idx_to_char: Sequence[str],
    char_to_idx: Mapping[str, int],
) -> str:
    """Continue ``prefix`` by ``num_chars`` characters, always the likeliest.

    Args:
        prefix: at least one character, all of them in ``char_to_idx``.
        num_chars: how many characters to add.
        model: ``model(X (1, T), state) -> (logits (T, V), state)`` that takes ``state=None``.
        vocab_size: V; not used, the logits tell it.
        device: where the model lies.
        idx_to_char, char_to_idx: the vocabulary.

    Raises:
        ValueError: if the prefix is empty or holds an unknown character.
    """
    unknown = sorted(set(prefix) - set(char_to_idx))
    if not prefix or unknown:
        raise ValueError(
            f"the prefix {prefix!r} must have at least one character, and only such as the text has; "
            f"unknown: {unknown}."
        )
    indices = greedy_indices(model, [char_to_idx[char] for char in prefix], num_chars, None, device)
    return "".join(idx_to_char[index] for index in indices)


def train_and_predict_rnn_pytorch(
    model: nn.Module,
    num_hiddens: int,
    vocab_size: int,
    device: Any,
    corpus_indices: Sequence[int],
    idx_to_char: Sequence[str],
    char_to_idx: Mapping[str, int],
    num_epochs: int,
    num_steps: int,
    lr: float,
    clipping_theta: float,
    batch_size: int,
    pred_period: int,
    pred_len: int,
    prefixes: Sequence[str],
) -> None:
    """Train with Adam on consecutive minibatches; every ``pred_period`` epochs print perplexity and samples.

    Unlike in the published run, each epoch begins with an empty state, and the gradients are really clipped
    (see :func:`rnnlib.d2l.grad_clipping`).

    Args:
        model: ``model(X (B, T), state) -> (logits (T*B, V), state)`` that takes ``state=None``.
        num_hiddens, vocab_size: not used, the model knows them.
        device: the model is moved there.
        corpus_indices, idx_to_char, char_to_idx: as :func:`load_data_jay_lyrics` returns them.
        num_epochs, num_steps, lr, batch_size: the training run.
        clipping_theta: the norm to which gradients are clipped.
        pred_period: epochs between two reports.
        pred_len: characters in each sample, beyond its prefix.
        prefixes: one sample for each.
    """
    model.to(device)
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    options = {"theta": clipping_theta, "begin": lambda batch_size: None}
    for epoch in range(1, num_epochs + 1):
        timer = Timer()
        batches = data_iter_consecutive(corpus_indices, batch_size, num_steps, device)
        ppl, _ = train_epoch_ch8(model, batches, loss, optimizer, device, False, **options)
        seconds = timer.stop()
        if epoch % pred_period == 0:
            print(f"epoch {epoch}, perplexity {ppl:f}, time {seconds:.2f} sec")
            for prefix in prefixes:
                sample = predict_rnn_pytorch(
                    prefix, pred_len, model, vocab_size, device, idx_to_char, char_to_idx
                )
                print(f" - {sample}")
