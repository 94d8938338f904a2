"""What has happened to recurrence since 2020, each idea in a screenful: for chapter 15 alone.

``scan``: a linear recurrence, all steps at once. ``gates``: gated layers that allow it. ``memory``: a matrix
that keys and values are written into. ``newton``: the same for networks that are not linear.
"""

from rnnlib.today.gates import MinGRU, MinLSTM
from rnnlib.today.memory import DeltaLayer
from rnnlib.today.newton import newton
from rnnlib.today.scan import loop, scan

__all__ = ["DeltaLayer", "MinGRU", "MinLSTM", "loop", "newton", "scan"]
