"""Models made of layers: ``logits, state = model(X, state=None)``, X (B, T), logits (B, T, V).

``language``: one-hot or embedded tokens, a recurrent layer, logits. ``sequences``: one label for a sequence,
or one for every step. ``conditional``: sequences written about a label. ``seq2seq``: one sequence from
another, with the ``attention`` that looks back at it. ``causal``: attention without recurrence. ``ngrams``:
the baseline from counts. ``modes``: a model in use rather than in training.
"""

from rnnlib.models.attention import AdditiveAttention, DotProductAttention
from rnnlib.models.causal import CausalAttentionModel
from rnnlib.models.conditional import ConditionalGenerator
from rnnlib.models.language import RNNModel
from rnnlib.models.modes import count_parameters, predict
from rnnlib.models.ngrams import NGramModel
from rnnlib.models.seq2seq import EncoderDecoder
from rnnlib.models.sequences import SequenceClassifier, SequenceTagger

__all__ = [
    "AdditiveAttention",
    "CausalAttentionModel",
    "ConditionalGenerator",
    "DotProductAttention",
    "EncoderDecoder",
    "NGramModel",
    "RNNModel",
    "SequenceClassifier",
    "SequenceTagger",
    "count_parameters",
    "predict",
]
