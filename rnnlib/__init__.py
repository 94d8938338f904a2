"""rnnlib: recurrent neural networks in PyTorch, small and tested.

Importing it needs torch alone. The names below are the everyday ones; each module has more. Floors, lower
never imports higher: text, devices, checks, messages | corpora, batching, ngrams, padding, tasks | scratch,
bptt, models, states, attention, classifiers, stepping | training, generation, checkpoints, history, trace,
fitting, metrics, probes, conditional | plots | d2l, the command line.
"""

from rnnlib.data.batches import SequenceLoader, seq_data_iter_random, seq_data_iter_sequential
from rnnlib.training.checkpoints import load_checkpoint, save_checkpoint
from rnnlib.data import (
    Corpus,
    CorpusUnavailable,
    TextData,
    available_corpora,
    corpus_from_string,
    load_corpus,
    load_text,
)
from rnnlib.devices import describe_device, get_device, set_seed
from rnnlib.generation.decoding import beam_search, generate
from rnnlib.training.record import History
from rnnlib.models.language import RNNModel, count_parameters
from rnnlib.models.ngrams import NGramModel
from rnnlib.scratch import RNNModelScratch
from rnnlib.data.text import Vocab, clean_lines, count_corpus, tokenize
from rnnlib.inspect.trace import trace_shapes
from rnnlib.training.loop import NonFiniteLossError, grad_clipping, perplexity, train, train_epoch

__version__ = "0.1.0"

__all__ = [
    "Corpus",
    "CorpusUnavailable",
    "History",
    "NGramModel",
    "NonFiniteLossError",
    "RNNModel",
    "RNNModelScratch",
    "SequenceLoader",
    "TextData",
    "Vocab",
    "available_corpora",
    "beam_search",
    "clean_lines",
    "corpus_from_string",
    "count_corpus",
    "count_parameters",
    "describe_device",
    "generate",
    "get_device",
    "grad_clipping",
    "load_checkpoint",
    "load_corpus",
    "load_text",
    "perplexity",
    "save_checkpoint",
    "seq_data_iter_random",
    "seq_data_iter_sequential",
    "set_seed",
    "tokenize",
    "trace_shapes",
    "train",
    "train_epoch",
]
