"""Texts and tasks to learn from: named corpora, texts of one's own, minibatches, padding, labelled data."""

from rnnlib.data.batches import (
    ExampleLoader,
    SequenceLoader,
    real_labels,
    seq_data_iter_random,
    seq_data_iter_sequential,
)
from rnnlib.data.catalogue import available_corpora
from rnnlib.data.corpus import Corpus, corpus_from_string, load_corpus
from rnnlib.data.numerals import numeral_pairs, numeral_vocab, sample_numbers
from rnnlib.data.padding import pad
from rnnlib.data.sources import CorpusUnavailable
from rnnlib.data.tasks import (
    adding_problem,
    copy_task,
    digits,
    punctuation,
    restore,
    windows,
    word_boundaries,
)
from rnnlib.data.text import Vocab, clean_lines, tokenize
from rnnlib.data.text_data import TextData, load_text

__all__ = [
    "Corpus",
    "CorpusUnavailable",
    "ExampleLoader",
    "SequenceLoader",
    "TextData",
    "Vocab",
    "adding_problem",
    "available_corpora",
    "clean_lines",
    "copy_task",
    "corpus_from_string",
    "digits",
    "load_corpus",
    "load_text",
    "numeral_pairs",
    "numeral_vocab",
    "pad",
    "punctuation",
    "real_labels",
    "restore",
    "sample_numbers",
    "seq_data_iter_random",
    "seq_data_iter_sequential",
    "tokenize",
    "windows",
    "word_boundaries",
]
