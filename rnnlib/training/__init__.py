"""Train a model, measure it, and keep it: one loop, one record, one file.

``loop``: an epoch, a training run, perplexity. ``record``: what a run measured. ``checkpoints``: a model on
disk with all that is needed to continue. ``saving``, ``position``: checkpoints within an epoch. ``parallel``:
several processes. ``seeds``: one training, several seeds.
"""

from rnnlib.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from rnnlib.training.loop import perplexity, run_epoch, train
from rnnlib.training.record import History
from rnnlib.training.seeds import train_seeds

__all__ = [
    "CheckpointError",
    "History",
    "load_checkpoint",
    "perplexity",
    "run_epoch",
    "save_checkpoint",
    "train",
    "train_seeds",
]
