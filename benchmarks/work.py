"""The work that all contenders do: texts, sizes, and models with the same first parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
import rnnlib.scratch
from benchmarks.d2l_peer import import_d2l
from benchmarks.progress import Progress

DEVICE = rnnlib.get_device()
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU, "written": rnnlib.scratch.RNN}
KINDS = ("scratch", "rnn", "lstm", "gru")
GATES = {"lstm": 4, "gru": 3}  # blocks of H columns in W_hh; the others have one
LR, CLIP = 1.0, 1.0  # as the book trains

CORPORA = {"en": "time_machine", "zh": "tang300"}
EMBEDDED = {"en": "tale", "zh": "verse"}


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        batch_size, num_steps, max_tokens: B, T, and the tokens of an epoch.
        scratch, layer: H of the model from scratch and of the models over torch.nn.
        characters: generated in one call.
        rows: texts generated at once.
        curve, long_curve: epochs of a learning curve; of that of bfloat16.
        seeds: of the long curves.
    """

    batch_size: int = 32
    num_steps: int = 35
    max_tokens: int = 10_000
    scratch: int = 512
    layer: int = 256
    characters: int = 1000
    rows: int = 32
    curve: int = 10
    long_curve: int = 60
    seeds: int = 3


FULL = Scale()
QUICK = Scale(4, 6, 300, 16, 12, 10, 4, 2, 2, 1)


@dataclass(frozen=True)
class Run:
    """One run of the benchmark.

    Attributes:
        scale: how much is measured.
        rounds: of each comparison.
        progress: told how far the run is.
        quick: everything tiny, embedded texts, no compiler: does it run?
    """

    scale: Scale
    rounds: int
    progress: Progress
    quick: bool = False


class Batches(list):
    """The minibatches of one pass, the same in every epoch; each continues the rows of the last."""

    carries_state = True

    @property
    def num_tokens(self) -> int:
        """Labels in a pass."""
        return sum(Y.numel() for _, Y in self)


@dataclass(frozen=True, eq=False)
class Text:
    """What is trained on.

    Attributes:
        language: ``"en"`` or ``"zh"``.
        batches: (X, Y) of (B, T) int64 each, from the beginning of the text.
        valid: held-out tokens.
        vocab: V tokens.
        corpus: its name.
    """

    language: str
    batches: Batches
    valid: Tensor
    vocab: rnnlib.Vocab
    corpus: str

    def describe(self) -> dict[str, Any]:
        """What was read, for the record."""
        X = self.batches[0][0]
        return {
            "corpus": self.corpus,
            "V": len(self.vocab),
            "B": X.shape[0],
            "T": X.shape[1],
            "batches": len(self.batches),
            "tokens_per_epoch": self.batches.num_tokens,
        }


@cache
def text(language: str, scale: Scale) -> Text:
    """10,000 characters: *The Time Machine* (V = 28), or Tang poems (V = 1,582).

    The vocabulary of the poems is that of the characters trained on, and the next ones are held out.

    Raises:
        CorpusUnavailable: figures of the full size are those of the real corpora.
    """
    name = (CORPORA if scale == FULL else EMBEDDED)[language]
    data = rnnlib.load_text(
        name,
        batch_size=scale.batch_size,
        num_steps=scale.num_steps,
        max_tokens=scale.max_tokens,
        vocab_from="train" if language == "zh" else "corpus",
        device=DEVICE,
        fallback=False,
    )
    batches = Batches(rnnlib.seq_data_iter_sequential(data.train.corpus, *_shape(scale), rng=_NoOffset()))
    return Text(language, batches, data.valid, data.vocab, data.corpus.name)


def _shape(scale: Scale) -> tuple[int, int]:
    return scale.batch_size, scale.num_steps


class _NoOffset:
    """Stands where chance chooses the first token."""

    @staticmethod
    def randint(low: int, high: int) -> int:
        return low


def synthetic(batch_size: int, num_steps: int, vocab_size: int, batches: int = 1) -> Batches:
    """Batches of tokens that are drawn, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    shape = (batches, 2, batch_size, num_steps)
    tokens = torch.randint(vocab_size, shape, generator=generator).to(DEVICE)
    return Batches((X, Y) for X, Y in tokens)


def model(kind: str, vocab_size: int, num_hiddens: int, *, num_layers: int = 1, seed: int = 0) -> Any:
    """A fresh model of rnnlib; the same seed gives the same parameters."""
    torch.manual_seed(seed)
    if kind == "scratch":
        return rnnlib.RNNModelScratch(vocab_size, num_hiddens, DEVICE)
    layer = LAYERS[kind](vocab_size, num_hiddens, num_layers=num_layers)
    return rnnlib.RNNModel(layer, vocab_size).to(DEVICE)


def parameters_of(made: Any) -> Iterator[Tensor]:
    """Copies of a model's parameters, detached."""
    return (parameter.detach().clone() for parameter in made.parameters())


def title(kind: str, num_hiddens: int, language: str = "en") -> str:
    """What a kind of model is called, and that it reads Chinese, Chinese | English."""
    if kind == "scratch":
        zh, en = "从零实现的 RNN", "RNN from scratch"
    else:
        zh = en = "rnnlib.scratch.RNN" if kind == "written" else f"nn.{LAYERS[kind].__name__}"
    zh_reads, en_reads = ("，读唐诗", ", reading Tang poems") if language == "zh" else ("", "")
    return f"{zh}，H = {num_hiddens}{zh_reads} | {en}, H = {num_hiddens}{en_reads}"


@cache
def the_peer() -> ModuleType:
    """The package d2l."""
    return import_d2l()
