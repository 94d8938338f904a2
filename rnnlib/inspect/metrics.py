"""How good predictions are, measured on labels the model has not seen."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlib.common import check_positive

__all__ = ["accuracy", "macro_recall", "f1_score", "mean_squared_error", "naive_forecast"]


def _flat_pair(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both as one row on one device; a ValueError unless they have one shape and an element."""
    predicted, target = torch.as_tensor(predicted), torch.as_tensor(target)
    if predicted.shape != target.shape or predicted.numel() == 0:
        raise ValueError(
            f"predictions have shape {tuple(predicted.shape)} and targets {tuple(target.shape)}; "
            "both must have the same shape and at least one element."
        )
    return predicted.flatten(), target.to(predicted.device).flatten()


def accuracy(predicted: Tensor, target: Tensor) -> float:
    """Share of equal labels, between 0 and 1; both tensors int64 of one shape."""
    predicted, target = _flat_pair(predicted, target)
    return (predicted == target).double().mean().item()


def macro_recall(predicted: Tensor, target: Tensor) -> float:
    """Mean over the classes that occur in ``target`` of the share of their members that was found.

    Both tensors int64 of one shape. Unlike accuracy, it is not flattered by a frequent class: always
    answering one of K classes gives 1/K. (Also called balanced accuracy.)
    """
    predicted, target = _flat_pair(predicted, target)
    recalls = [(predicted[target == label] == label).double().mean() for label in target.unique()]
    return torch.stack(recalls).mean().item()


def f1_score(predicted: Tensor, target: Tensor) -> float:
    """F1 = 2 P R / (P + R) of the positive class; both tensors bool or 0/1, of one shape.

    P is the share of true ones among those announced, R the share of those found among the true ones.
    0 if nothing was found.

    Raises:
        ValueError: if the shapes differ, or a label is neither 0 nor 1.
    """
    predicted, target = _flat_pair(predicted, target)
    for values in (predicted, target):
        if not ((values == 0) | (values == 1)).all():
            raise ValueError("F1 is for labels 0 and 1; others came. Take macro_recall for more classes.")
    predicted, target = predicted.bool(), target.bool()
    hits = (predicted & target).sum().item()
    announced, true = predicted.sum().item(), target.sum().item()
    return 2 * hits / (announced + true) if announced + true else 0.0


def mean_squared_error(predicted: Tensor, target: Tensor) -> float:
    """Mean of the squared differences, in the square of the target's unit."""
    predicted, target = _flat_pair(predicted, target)
    return (predicted.double() - target.double()).square().mean().item()


def naive_forecast(history: Tensor, num_steps: int) -> Tensor:
    """The forecast that every model has to beat: tomorrow is like today.

    Args:
        history: (B, T) observed values.
        num_steps: how many future values are wanted.

    Returns:
        (B, num_steps), the last observed value of each row repeated.

    Raises:
        ValueError: if there is no observed value, or ``num_steps`` is not positive.
    """
    check_positive(num_steps=num_steps)
    if history.ndim != 2 or history.shape[1] == 0:
        raise ValueError(f"history has shape {tuple(history.shape)}; (B, T) with T >= 1 is expected.")
    return history[:, -1:].expand(-1, num_steps)
