"""The names that readers of "Dive into Deep Learning" know, as thin aliases over rnnlib.

``from rnnlib import d2l`` in place of ``from d2l import torch as d2l`` (Chinese edition, package 0.17) or of
``import d2lzh_pytorch as d2l`` (the older edition): the code of the chapter on recurrent networks then runs
as it stands. New code is better served by rnnlib's own names.
"""

from __future__ import annotations

from typing import Any

from rnnlib.d2l.data import (
    DATA_HUB,
    DATA_URL,
    SeqDataLoader,
    download,
    load_corpus_time_machine,
    load_data_time_machine,
    read_time_machine,
    tokenize,
)
from rnnlib.d2l.figures import Animator, plot, set_axes, set_figsize, use_svg_display
from rnnlib.d2l.models import RNNModel, RNNModelScratch, predict_ch8
from rnnlib.d2l.older import (
    data_iter_consecutive,
    data_iter_random,
    load_data_jay_lyrics,
    predict_rnn_pytorch,
    to_onehot,
    train_and_predict_rnn_pytorch,
)
from rnnlib.d2l.tools import Accumulator, Timer, evaluate_loss, load_array, sgd, try_gpu
from rnnlib.d2l.training import grad_clipping, train_ch8, train_epoch_ch8
from rnnlib.data.batches import seq_data_iter_random, seq_data_iter_sequential
from rnnlib.data.text import Vocab, count_corpus

__all__ = [
    "DATA_HUB",
    "DATA_URL",
    "Accumulator",
    "Animator",
    "RNNModel",
    "RNNModelScratch",
    "SeqDataLoader",
    "Timer",
    "Vocab",
    "count_corpus",
    "data_iter_consecutive",
    "data_iter_random",
    "download",
    "evaluate_loss",
    "grad_clipping",
    "load_array",
    "load_corpus_time_machine",
    "load_data_jay_lyrics",
    "load_data_time_machine",
    "plot",
    "predict_ch8",
    "predict_rnn_pytorch",
    "read_time_machine",
    "seq_data_iter_random",
    "seq_data_iter_sequential",
    "set_axes",
    "set_figsize",
    "sgd",
    "to_onehot",
    "tokenize",
    "train_and_predict_rnn_pytorch",
    "train_ch8",
    "train_epoch_ch8",
    "try_gpu",
    "use_svg_display",
]


def __getattr__(name: str) -> Any:
    """``d2l.plt`` is matplotlib's pyplot, imported when it is asked for; other names are not here."""
    if name == "plt":
        from rnnlib.d2l.figures import pyplot

        return pyplot()
    raise AttributeError(
        f"rnnlib.d2l has no {name!r}: it holds the names of d2l's chapter on recurrent networks alone "
        "(dir(d2l) lists them). For the rest of d2l install d2l itself."
    )
