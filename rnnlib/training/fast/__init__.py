"""The same numbers sooner: a fast path through the models that the training loop knows.

``path``: which way is taken, and why. ``models``: the models that have a fast one, and that one.
``recurrences``: RNN, LSTM, GRU with backward passes derived by hand. ``products``: the product of every step.
``workspace``: buffers that serve batch after batch. ``graphs``: whole steps as CUDA graphs.
``padded``: inputs padded for cuDNN's persistent kernels.
``steps``: the steps of several models side by side.
"""

from rnnlib.training.fast.path import Path, choose
from rnnlib.training.fast.steps import Captured, Step, Steps, in_steps, resume

__all__ = ["Captured", "Path", "Step", "Steps", "choose", "in_steps", "resume"]
