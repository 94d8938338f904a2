"""The exercises at the ends of the chapters: a module for each, named like its notebook."""

from rnnlib.exercises.chapters import (
    bidirectional,
    bptt,
    chinese,
    classify_forecast,
    deep,
    fast,
    gru,
    lstm,
    one_hot,
    rnn_concise,
    rnn_scratch,
    seq2seq,
    text,
    today,
    which_network,
)

__all__ = [
    "bidirectional",
    "bptt",
    "chinese",
    "classify_forecast",
    "deep",
    "fast",
    "gru",
    "lstm",
    "one_hot",
    "rnn_concise",
    "rnn_scratch",
    "seq2seq",
    "text",
    "today",
    "which_network",
]
