"""The loss of a batch, and how many labels it is the mean of."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnlib.data.batches import IGNORED

Loss = Callable[[Tensor, Tensor], Tensor]


def token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy in nats, the mean over the labels that are not -100.

    Args:
        logits: (N, K).
        labels: (N,) int64.
    """
    return F.cross_entropy(logits, labels, ignore_index=IGNORED)


def mean_loss(loss: Loss, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss of a batch and how many labels it is the mean of.

    Rows and steps are flattened time first, as recurrent layers put them out, so that nothing is copied.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    if labels.is_floating_point():
        if logits.shape != labels.shape:
            raise ValueError(
                f"the model answers {tuple(logits.shape)}, but the labels have shape {tuple(labels.shape)}; "
                "values are compared one by one, so both must have one shape (labels[:, None] adds an axis)."
            )
        return loss(logits, labels), torch.tensor(labels.numel())
    if logits.shape[:-1] != labels.shape:
        raise ValueError(
            f"the model answers {tuple(logits.shape)}, but the labels have shape {tuple(labels.shape)}; one "
            "row of logits for every label is expected."
        )
    if labels.ndim == 2:
        logits, labels = logits.transpose(0, 1).flatten(0, 1), labels.T.flatten()
    return loss(logits, labels), (labels != getattr(loss, "ignore_index", IGNORED)).sum()
