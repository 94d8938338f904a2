"""Cut a corpus into a training part and a held-out part, and put both on the device once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rnnlib.data.batches import SequenceLoader
from rnnlib.data.corpus import Corpus, load_corpus
from rnnlib.devices import get_device
from rnnlib.data.text import Vocab

__all__ = ["TextData", "load_text"]

_LEVELS = {"char": ("字符", "characters"), "word": ("单词", "words")}
_SAMPLINGS = {
    "sequential": ("顺序分区", "sequential partitioning"),
    "random": ("随机采样", "random sampling"),
}


@dataclass(eq=False, repr=False)
class TextData:
    """Everything a language model is trained on and measured with.

    Attributes:
        train: minibatches ``(X, Y)`` of the training tokens, both (B, T) int64 on ``device``.
        valid: (N,) int64 on ``device``, the held-out tokens; none of them occurs in ``train`` by position.
        vocab: the vocabulary, V tokens.
        corpus: the text and where it came from.
        level: ``"char"`` or ``"word"``.
        device: where the tensors lie.
    """

    train: SequenceLoader
    valid: Tensor
    vocab: Vocab
    corpus: Corpus
    level: str
    device: torch.device

    @property
    def batch_size(self) -> int:
        """B, rows of a minibatch."""
        return self.train.batch_size

    @property
    def num_steps(self) -> int:
        """T, time steps of a minibatch."""
        return self.train.num_steps

    @property
    def num_tokens(self) -> int:
        """Tokens in the whole corpus, used or not."""
        return len(self.corpus.tokens(self.level))

    def summary(self) -> str:
        """The whole arrangement at one glance, one line in Chinese and one in English."""
        unit_zh, unit_en = _LEVELS[self.level]
        sampling_zh, sampling_en = _SAMPLINGS[self.train.sampling]
        name_zh = name_en = self.corpus.name
        if self.corpus.is_substitute:
            stand_in = Path(self.corpus.origin).stem
            name_zh, name_en = (
                f"{name_zh}（以内置的 {stand_in} 代替）",
                f"{name_en} (embedded {stand_in} stands in)",
            )
        total, vocab_size = f"{self.num_tokens:,}", f"V = {len(self.vocab):,}"
        train, valid = f"{self.train.num_tokens:,}", f"{len(self.valid):,}"
        rows, steps = f"B = {self.batch_size}", f"T = {self.num_steps}"
        return (
            f"语料 {name_zh}：共 {total} 个{unit_zh}，{vocab_size}；训练 {train}，留出 {valid}；"
            f"{rows}，{steps}，{sampling_zh}，{self.device}\n"
            f"corpus {name_en}: {total} {unit_en}, {vocab_size}; {train} to train on, {valid} held out; "
            f"{rows}, {steps}, {sampling_en}, {self.device}"
        )

    __str__ = summary

    def __repr__(self) -> str:
        return (
            f"TextData({self.train!r}, {len(self.valid):,} held out, V={len(self.vocab):,}, {self.corpus!r})"
        )


def load_text(
    corpus: str | Path | Corpus = "time_machine",
    *,
    batch_size: int = 32,
    num_steps: int = 35,
    max_tokens: int | None = 10_000,
    num_valid: int | None = None,
    level: str = "char",
    sampling: str = "sequential",
    vocab_from: str = "corpus",
    min_freq: int = 0,
    device: str | torch.device = "auto",
    seed: int | None = None,
    fallback: bool = True,
) -> TextData:
    """Load a corpus as training minibatches, held-out tokens and a vocabulary.

    The training tokens come first in the text and the held-out tokens right after them; they never overlap.

    Args:
        corpus: a name or a path for :func:`load_corpus`, or a :class:`Corpus`.
        batch_size: B.
        num_steps: T.
        max_tokens: how many tokens to train on; None takes all but the held-out ones.
        num_valid: how many tokens to hold out. By default as many as ``max_tokens``, or what is left; with
            ``max_tokens=None`` the last tenth of the text. 0 holds out none.
        level: ``"char"`` or ``"word"``.
        sampling: ``"sequential"`` or ``"random"``, see :class:`SequenceLoader`.
        vocab_from: ``"corpus"`` builds the vocabulary from the whole text, as the published runs do;
            ``"train"`` from the training tokens alone, so that new held-out tokens become ``<unk>``.
        min_freq: rarer tokens become ``<unk>``.
        device: for both tensors; ``"auto"`` takes a GPU if there is one.
        seed: gives the loader a generator of its own.
        fallback: as in :func:`load_corpus`.

    Raises:
        ValueError: if an argument is out of range or the text is too short for it.
        CorpusUnavailable: as :func:`load_corpus` does.
    """
    if vocab_from not in ("corpus", "train"):
        raise ValueError(f"vocab_from={vocab_from!r} is not known; use 'corpus' or 'train'.")
    _check_count("max_tokens", max_tokens, at_least=1)
    _check_count("num_valid", num_valid, at_least=0)
    device = get_device(device)
    if not isinstance(corpus, Corpus):
        corpus = load_corpus(corpus, fallback=fallback)
    tokens = corpus.tokens(level)
    num_train, num_valid = _split(len(tokens), max_tokens, num_valid, corpus.name)
    train, valid = tokens[:num_train], tokens[num_train : num_train + num_valid]
    vocab = Vocab(tokens if vocab_from == "corpus" else train, min_freq=min_freq)
    return TextData(
        train=SequenceLoader(
            torch.tensor(vocab[train], dtype=torch.int64), batch_size, num_steps, sampling, device, seed
        ),
        valid=torch.tensor(vocab[valid], dtype=torch.int64, device=device),
        vocab=vocab,
        corpus=corpus,
        level=level,
        device=device,
    )


def _check_count(name: str, value: int | None, at_least: int) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < at_least):
        raise ValueError(f"{name}={value!r} must be None or an integer of at least {at_least}.")


def _split(total: int, max_tokens: int | None, num_valid: int | None, name: str) -> tuple[int, int]:
    """How many tokens to train on and how many to hold out."""
    if max_tokens is None:
        held_out = total // 10 if num_valid is None else num_valid
        needed, num_train = held_out + 1, total - held_out
    else:
        held_out = min(max_tokens, max(total - max_tokens, 1)) if num_valid is None else num_valid
        needed, num_train = max_tokens + held_out, max_tokens
    if total < needed:
        raise ValueError(
            f"max_tokens={max_tokens} and num_valid={num_valid} need at least {needed:,} tokens, of which "
            f"{held_out:,} are held out; {name!r} has {total:,}. Use smaller numbers, num_valid=0 to hold "
            "nothing out, or a longer text."
        )
    return num_train, held_out
