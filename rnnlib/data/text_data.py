"""Cut a corpus into a training part and a held-out part, and put both on the device once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from rnnlib.common import check_at_least, check_positive
from rnnlib.data.batches import SequenceLoader
from rnnlib.data.corpus import Corpus, load_corpus
from rnnlib.data.mapped import MappedTokens
from rnnlib.data.text import Vocab
from rnnlib.data.token_files import TokenFile, is_token_file
from rnnlib.devices import get_device

LEVELS = {"char": ("字符", "characters"), "word": ("单词", "words")}
SHOWN_LETTERS = 5  # of those that cleaning removed
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
            Those of a token file are :class:`~rnnlib.data.mapped.MappedTokens`.
        vocab: the vocabulary, V tokens.
        corpus: the text and where it came from.
        level: ``"char"`` or ``"word"``.
        device: where the tensors lie.
        num_tokens: tokens in the whole corpus, used or not.
    """

    train: SequenceLoader
    valid: Tensor | MappedTokens
    vocab: Vocab
    corpus: Corpus | TokenFile
    level: str
    device: torch.device
    num_tokens: int

    @property
    def batch_size(self) -> int:
        """B, rows of a minibatch."""
        return self.train.batch_size

    @property
    def num_steps(self) -> int:
        """T, time steps of a minibatch."""
        return self.train.num_steps

    def summary(self) -> str:
        """The whole arrangement at one glance, one line in Chinese and one in English, a bar between them."""
        unit_zh, unit_en = LEVELS[self.level]
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
        lost_zh, lost_en = self._lost_letters()
        return (
            f"语料 {name_zh}：共 {total} 个{unit_zh}，{vocab_size}；训练 {train}，验证 {valid}；"
            f"{rows}，{steps}，{sampling_zh}，{self.device}{lost_zh} |\n"
            f"corpus {name_en}: {total} {unit_en}, {vocab_size}; {train} for training, {valid} for "
            f"validation; {rows}, {steps}, {sampling_en}, {self.device}{lost_en}"
        )

    def _lost_letters(self) -> tuple[str, str]:
        """What cleaning removed from the corpus, Chinese and English; nothing if it removed no letter."""
        dropped = self.corpus.dropped
        if not dropped:
            return "", ""
        count = f"{sum(n for _, n in dropped):,}"
        shown = [f"{letter} {n:,}" for letter, n in dropped[:SHOWN_LETTERS]]
        more_zh, more_en = ("……", " ...") if len(dropped) > SHOWN_LETTERS else ("", "")
        return (
            f"；清洗去掉了 {count} 个不在 a-z 之内的字母或汉字：{'、'.join(shown)}{more_zh}"
            "（要保留就用 clean=False，命令行用 --no-clean）",
            f"; cleaning removed {count} letters outside a-z: {', '.join(shown)}{more_en} "
            "(clean=False keeps them; command line: --no-clean)",
        )

    __str__ = summary

    def __repr__(self) -> str:
        return (
            f"TextData({self.train!r}, {len(self.valid):,} held out, V={len(self.vocab):,}, {self.corpus!r})"
        )


def load_text(
    corpus: str | Path | Corpus | TokenFile = "time_machine",
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
    clean: bool = True,
    language: str | None = None,
) -> TextData:
    """Load a corpus as training minibatches, held-out tokens and a vocabulary.

    The training tokens come first in the text and the held-out tokens right after them; they never overlap.

    Args:
        corpus: a name or a path for :func:`load_corpus`, a :class:`Corpus`, or a token file, whose tokens
            stay on the disk.
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
        fallback, clean, language: as in :func:`load_corpus`.

    Raises:
        ValueError: if an argument is out of range or the text is too short for it.
        CorpusUnavailable: as :func:`load_corpus` does.
    """
    if vocab_from not in ("corpus", "train"):
        raise ValueError(f"vocab_from={vocab_from!r} is not known; use 'corpus' or 'train'.")
    if max_tokens is not None:
        check_positive(max_tokens=max_tokens)
    if num_valid is not None:
        check_at_least(0, num_valid=num_valid)
    device = get_device(device)
    if isinstance(corpus, TokenFile) or (not isinstance(corpus, Corpus) and is_token_file(corpus)):
        file = corpus if isinstance(corpus, TokenFile) else TokenFile(os.path.expanduser(corpus))
        if (level, clean, language, vocab_from, min_freq) != (file.level, True, None, "corpus", 0):
            raise ValueError(
                f"{file.origin} holds tokens of level={file.level!r} with their vocabulary: give level as it "
                "is there, and leave clean, language, vocab_from and min_freq alone."
            )
        num_train, num_valid = _split(file.count, max_tokens, num_valid, file.name)
        train = SequenceLoader(file.indices[:num_train], batch_size, num_steps, sampling, device, seed)
        held_out = file.indices[num_train : num_train + num_valid].to(device)
        return TextData(train, held_out, file.vocab, file, level, device, file.count)
    if not isinstance(corpus, Corpus):
        corpus = load_corpus(corpus, fallback=fallback, clean=clean, language=language)
    elif not clean or language is not None:
        raise ValueError("clean and language are for a name or a path; give them when the Corpus is made.")
    tokens = corpus.tokens(level)
    num_train, num_valid = _split(len(tokens), max_tokens, num_valid, corpus.name)
    vocab = Vocab(tokens if vocab_from == "corpus" else tokens[:num_train], min_freq=min_freq)
    used = islice(tokens, num_train + num_valid)
    indices = torch.tensor([vocab[token] for token in used], dtype=torch.int64, device=device)
    train = SequenceLoader(indices[:num_train], batch_size, num_steps, sampling, device, seed)
    return TextData(train, indices[num_train:], vocab, corpus, level, device, len(tokens))


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
            f"{held_out:,} are held out; {name!r} has {total:,}. Use a smaller max_tokens or num_valid (0 "
            "holds nothing out), or a longer text."
        )
    return num_train, held_out
