"""rnnlib: recurrent neural networks in PyTorch, small and tested.

Importing it needs torch alone. The names below are the everyday ones; each door has more. Floors, lower
never imports higher: common, devices, states, results | data | scratch, models | training, generation |
inspect | d2l, today, widgets, exercises, the command line.
"""

from rnnlib.data import (
    Corpus,
    CorpusUnavailable,
    ExampleLoader,
    SequenceLoader,
    TextData,
    Vocab,
    available_corpora,
    clean_lines,
    corpus_from_string,
    load_corpus,
    load_text,
    pad,
    real_labels,
    seq_data_iter_random,
    seq_data_iter_sequential,
    tokenize,
)
from rnnlib.devices import describe_device, get_device, set_seed
from rnnlib.generation import beam_search, generate, generate_tokens
from rnnlib.inspect import trace_shapes
from rnnlib.models import (
    CausalAttentionModel,
    ConditionalGenerator,
    EncoderDecoder,
    NGramModel,
    RNNModel,
    SequenceClassifier,
    SequenceTagger,
    count_parameters,
    predict,
)
from rnnlib.scratch import RNNModelScratch, grad_clipping
from rnnlib.training import (
    CheckpointError,
    History,
    load_checkpoint,
    perplexity,
    run_epoch,
    save_checkpoint,
    train,
)

__version__ = "0.2.0"

__all__ = [
    "CausalAttentionModel",
    "CheckpointError",
    "ConditionalGenerator",
    "Corpus",
    "CorpusUnavailable",
    "EncoderDecoder",
    "ExampleLoader",
    "History",
    "NGramModel",
    "RNNModel",
    "RNNModelScratch",
    "SequenceClassifier",
    "SequenceLoader",
    "SequenceTagger",
    "TextData",
    "Vocab",
    "available_corpora",
    "beam_search",
    "clean_lines",
    "corpus_from_string",
    "count_parameters",
    "describe_device",
    "generate",
    "generate_tokens",
    "get_device",
    "grad_clipping",
    "load_checkpoint",
    "load_corpus",
    "load_text",
    "pad",
    "perplexity",
    "predict",
    "real_labels",
    "run_epoch",
    "save_checkpoint",
    "seq_data_iter_random",
    "seq_data_iter_sequential",
    "set_seed",
    "tokenize",
    "trace_shapes",
    "train",
]
