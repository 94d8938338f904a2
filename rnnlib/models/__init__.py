"""Models made of layers: ``logits, state = model(X, state=None)``, X (B, T), logits (B, T, V).

``language``: one-hot or embedded tokens, a recurrent layer, logits. ``sequences``: one label for a sequence,
or one for every step. ``conditional``: sequences written about a label. ``attention``: the same without
recurrence. ``ngrams``: the baseline from counts. ``modes``: a model in use rather than in training.
"""

from rnnlib.models.attention import CausalAttentionModel
from rnnlib.models.conditional import ConditionalGenerator
from rnnlib.models.language import RNNModel
from rnnlib.models.modes import count_parameters, predict
from rnnlib.models.ngrams import NGramModel
from rnnlib.models.sequences import SequenceClassifier, SequenceTagger

__all__ = [
    "CausalAttentionModel",
    "ConditionalGenerator",
    "NGramModel",
    "RNNModel",
    "SequenceClassifier",
    "SequenceTagger",
    "count_parameters",
    "predict",
]
