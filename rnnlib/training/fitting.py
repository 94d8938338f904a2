"""Fit a model on labelled examples: minibatches, clipping, held-out loss, early stopping."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive, check_rate
from rnnlib.models.language import evaluating
from rnnlib.data.padding import check_lengths
from rnnlib.training.loop import NonFiniteLossError, grad_clipping, make_optimizer

__all__ = ["Fit", "fit", "predict"]

Loss = Callable[[Tensor, Tensor], Tensor]
Inputs = Tensor | tuple[Tensor, ...]


@dataclass
class Fit:
    """Losses by epoch.

    Attributes:
        train_loss: on the training examples, averaged while the weights were moving.
        valid_loss: on the held-out examples, after each epoch; empty if there were none.
        best_epoch: the epoch (from 1 on) with the lowest held-out loss, 0 if none was measured. With
            ``patience`` its weights were put back; without, the model has those of the last epoch.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def num_epochs(self) -> int:
        """Epochs that were completed."""
        return len(self.train_loss)


def predict(model: nn.Module, X: Inputs, batch_size: int = 256, lengths: Tensor | None = None) -> Tensor:
    """The model's answers to all of X, in evaluation mode, without gradients.

    Args:
        model, X, lengths: as for :func:`fit`.
        batch_size: how many rows go through the model at a time; no effect on the answers.

    Returns:
        (N, ...), one answer per row.

    Raises:
        ValueError: for no rows, a batch size that is not positive, or lengths that do not fit.
    """
    check_positive(batch_size=batch_size)
    inputs = _as_inputs(X, lengths)
    with evaluating(model):
        batches = zip(*(part.split(batch_size) for part in inputs))
        answers = [model(*batch) for batch in batches]
    return torch.cat(answers)


def fit(
    model: nn.Module,
    X: Inputs,
    Y: Tensor,
    *,
    loss: Loss,
    num_epochs: int,
    lr: float = 1e-3,
    batch_size: int = 32,
    optimizer: str | torch.optim.Optimizer | Callable[..., torch.optim.Optimizer] = "adam",
    clip: float | None = 1.0,
    valid: tuple | None = None,
    patience: int | None = None,
    lengths: Tensor | None = None,
    seed: int = 0,
) -> Fit:
    """Train by minibatches in a new random order each epoch.

    Args:
        model: ``model(X)`` or ``model(X, lengths)``; answers of shape (B, ...) for a batch of B rows.
        X, Y: N examples and labels. They stay on their device, which is the model's. For a model of several
            inputs X is a tuple of tensors with N rows each.
        loss: ``loss(answers, labels)``, a mean over the batch; answers (B, T, K) to whole-number labels
            (B, T) are passed as (B*T, K) and (B*T,), as cross-entropy wants them.
        num_epochs: the most passes over the data.
        lr, optimizer, clip: as for :func:`rnnlib.training.train`.
        batch_size: B; the last, smaller batch is used too.
        valid: held-out ``(X, Y)``, or ``(X, Y, lengths)``; their loss is measured after each epoch, and no
            gradient comes from them.
        patience: stop when the held-out loss has not fallen for so many epochs; the weights of the best epoch
            are put back, also if the last epoch is reached first (early stopping).
        lengths: (N,) lengths of the rows of X, if padded.
        seed: of the order of the examples.

    Returns:
        A :class:`Fit`.

    Raises:
        ValueError: for arguments, labels or data out of range.
        NonFiniteLossError: if the loss is no longer finite.
    """
    check_positive(num_epochs=num_epochs, batch_size=batch_size)
    check_rate(lr=lr, **({} if clip is None else {"clip": clip}))
    if patience is not None:
        check_positive(patience=patience)
        if valid is None:
            raise ValueError("patience needs held-out examples: pass valid=(X, Y).")
    inputs = _as_inputs(X, lengths)
    _check_examples(inputs, Y, model, loss)
    if valid is not None:
        valid_inputs, valid_Y = _as_inputs(valid[0], *valid[2:]), valid[1]
        _check_examples(valid_inputs, valid_Y, model, loss)
    optimizer = make_optimizer(optimizer, model, lr)
    generator = torch.Generator().manual_seed(seed)
    record, best, best_weights = Fit(), math.inf, None
    model.train()
    for epoch in range(1, num_epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(Y), generator=generator).split(batch_size):
            batch = [part[rows.to(part.device)] for part in inputs]
            value = _loss(loss, model(*batch), Y[rows.to(Y.device)])
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            if clip is not None:
                grad_clipping(model, clip)
            optimizer.step()
            total = total + value.detach() * len(rows)
        record.train_loss.append(float(total) / len(Y))
        if not math.isfinite(record.train_loss[-1]):
            raise NonFiniteLossError(
                f"the training loss is no longer finite in epoch {epoch}. Lower the learning rate (lr={lr}), "
                "or clip the gradient (clip=1.0)."
            )
        if valid is not None:
            record.valid_loss.append(float(_loss(loss, predict(model, valid_inputs), valid_Y)))
            if record.valid_loss[-1] < best:
                best, record.best_epoch = record.valid_loss[-1], epoch
                if patience is not None:
                    best_weights = copy.deepcopy(model.state_dict())
            if patience is not None and epoch - record.best_epoch >= patience:
                break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return record


def _as_inputs(X: Inputs, lengths: Tensor | None = None) -> tuple[Tensor, ...]:
    """All that the model takes, as tensors of N rows; a ValueError if their rows are not as many."""
    inputs = X if isinstance(X, tuple) else (X,)
    counts = [len(part) for part in inputs]
    if len(set(counts)) != 1 or counts[0] == 0:
        raise ValueError(f"inputs of {counts} rows came; as many of each, and at least one, are needed.")
    return inputs if lengths is None else (*inputs, check_lengths(lengths, *inputs[-1].shape[:2]))


def _check_examples(inputs: tuple[Tensor, ...], Y: Tensor, model: nn.Module, loss: Loss) -> None:
    """A ValueError unless inputs and labels are as many, finite, and the labels within the model's reach."""
    if len(inputs[0]) != len(Y):
        raise ValueError(f"{len(inputs[0])} inputs and {len(Y)} labels came; as many of both are needed.")
    for name, values in (*(("inputs", part) for part in inputs), ("labels", Y)):
        if values.is_floating_point() and not torch.isfinite(values).all():
            raise ValueError(
                f"the {name} hold values that are infinite or not a number; clean the data first."
            )
    if not Y.is_floating_point() and hasattr(model, "num_outputs"):
        real = Y[getattr(loss, "ignore_index", -100) != Y]
        if real.numel() and not 0 <= int(real.min()) <= int(real.max()) < model.num_outputs:
            raise ValueError(
                f"labels run from {int(real.min())} to {int(real.max())}, but the model has "
                f"{model.num_outputs} outputs; labels must lie between 0 and {model.num_outputs - 1}."
            )


def _loss(loss: Loss, answers: Tensor, labels: Tensor) -> Tensor:
    """The loss of a batch; a ValueError where torch would stretch values to a shape that nobody meant."""
    if labels.is_floating_point() and answers.shape != labels.shape:
        raise ValueError(
            f"the model answers {tuple(answers.shape)}, but the labels have shape {tuple(labels.shape)}; "
            "values are compared one by one, so both must have the same shape (labels[:, None] adds an axis)."
        )
    if answers.ndim == 3 and labels.ndim == 2 and not labels.is_floating_point():
        answers, labels = answers.flatten(0, 1), labels.flatten()
    return loss(answers, labels)
