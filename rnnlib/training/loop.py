"""Train a model and measure it: one loop for language models, classifiers, taggers and the names of d2l."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive, check_rate, notice
from rnnlib.data.batches import IGNORED, ExampleLoader, Inputs, SequenceLoader, as_corpus
from rnnlib.data.mapped import MappedTokens
from rnnlib.data.text_data import TextData
from rnnlib.devices import describe_device
from rnnlib.models.modes import evaluating
from rnnlib.states import State, detach_state
from rnnlib.training import parallel
from rnnlib.training.fast import Path, Step, Steps, choose, in_steps
from rnnlib.training.losses import Loss, mean_loss, token_loss
from rnnlib.training.position import Position
from rnnlib.training.record import History, to_perplexity
from rnnlib.training.saving import Saver

# Name -> (optimizer, its usual learning rate here)
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, 1.0),
    "adam": (torch.optim.Adam, 1e-3),
    "adamw": (torch.optim.AdamW, 1e-3),
}

Held = TextData | SequenceLoader | ExampleLoader | Tensor | Iterable[int] | tuple


@in_steps
def run_epoch(
    model: Any,
    batches: Iterable[tuple[Inputs, Tensor]],
    loss: Loss = token_loss,
    optimizer: Any = None,
    *,
    clip: float | Callable[[], Any] | None = None,
    carry_state: bool | None = None,
    begin: Callable[[int], State] | None = None,
    precision: str = "float32",
    fast: bool | Path = True,
    position: Position | None = None,
) -> Steps[tuple[float, int]]:
    """One pass over the data: forward, loss, and with an optimizer backward, clip, step.

    Where row b of the next batch continues row b of this one, the state is carried over and detached: its
    values pass on, its gradients do not. Otherwise each batch begins anew.

    Args:
        model: ``model(X, state) -> (logits, state)``, or ``model(X) -> logits``.
        batches: ``(inputs, labels)``; inputs a tensor, or the tuple of the model's arguments.
        loss: of logits (N, K) and whole-number labels (N,), or of values of one shape; a mean over the
            labels.
        optimizer: takes the steps; None measures, in evaluation mode and without gradients.
        clip: the largest global norm of the gradients, or a function that clips them; None leaves them.
        carry_state: whether to carry the state; by default what ``batches.carries_state`` says.
        begin: gives the first state for a batch size; by default the model gets none and begins with zeros.
        precision: see :func:`rnnlib.devices.autocast`.
        fast: whether a fast path may take the model's place where it computes the same (see
            :mod:`rnnlib.training.fast`); or the path that was chosen already.
        position: where an interrupted pass goes on; by default a new pass begins.

    Returns:
        ``(the loss summed over the labels that count, their number)``; labels of -100 do not count. The sum
        is in double precision, whatever the model computes in.

    Raises:
        ValueError: if there is no batch, or logits and labels do not fit together.
        FloatingPointError: if the training loss is not finite, or the measured loss is not a number.
    """
    if carry_state is None:
        carry_state = getattr(batches, "carries_state", False)
    training = optimizer is not None
    path = fast if isinstance(fast, Path) else choose(model, precision, fast)
    position = Position() if position is None else position
    with contextlib.nullcontext() if training else evaluating(model):
        if training and isinstance(model, nn.Module) and not model.training:
            model.train()
        for inputs, labels in position.batches(batches):
            weight = 1
            if training:
                inputs, labels, weight = parallel.rows(inputs, labels, check=position.batch == 0)
            if position.state is not None and carry_state:
                state = detach_state(position.state)
            else:
                state = None if begin is None else begin(len(inputs))
            if training:
                value, count, state = yield Step(path, inputs, labels, state, loss, optimizer, clip, weight)
            else:
                logits, state = path.call(inputs, state, labels.device)
                value, count = mean_loss(loss, logits, labels)
            position.add(value, count, state if carry_state else None)
    if not position.batch:
        raise ValueError(
            "there was no batch. A generator is used up after one pass: give a loader, which can be iterated "
            "again."
        )
    total, count = position.total()  # nothing before this line waits for a GPU
    if math.isnan(total) or (training and math.isinf(total)):
        raise FloatingPointError(
            f"the {'training' if training else 'measured'} loss is {total}: weights or inputs hold values "
            "that are infinite or not a number. Lower the learning rate, clip the gradient (clip=1.0), or "
            "clean the data."
        )
    return total, count


def perplexity(model: Any, text: Held, batch_size: int = 8, num_steps: int = 256) -> float:
    """exp of the mean cross-entropy in nats over a text: 1 for a perfect model, V for a uniform one.

    The text is cut into B rows that are read side by side with the state carried; no chance is involved, and
    no generator is touched. Parameters do not change.

    Args:
        model: a language model, as for :func:`run_epoch`.
        text: token indices (moved to the model's device); a :class:`SequenceLoader`, whose corpus is read;
            or a :class:`TextData`, whose held-out tokens are read.
        batch_size: B. Each row begins with an empty state; more rows are faster and slightly pessimistic.
        num_steps: columns that go through the model at a time. Without effect on recurrent models; a model
            with a window of attention sees a little more or less context.

    Raises:
        ValueError: if there are fewer than two tokens.
        FloatingPointError: if the loss is not a number.
    """
    return to_perplexity(_text_loss(model, text, batch_size, num_steps))


def _text_loss(model: Any, text: Held, batch_size: int = 8, num_steps: int = 256) -> float:
    check_positive(batch_size=batch_size, num_steps=num_steps)
    if isinstance(text, TextData):
        text = text.valid
    device = next((p.device for p in model.parameters()), None)
    corpus = as_corpus(text.corpus if isinstance(text, SequenceLoader) else text, device)
    if len(corpus) < 2:
        raise ValueError(f"perplexity needs at least 2 tokens (read one, predict one); got {len(corpus)}.")
    batch_size = min(batch_size, len(corpus) - 1)
    length = (len(corpus) - 1) // batch_size
    X = corpus[: batch_size * length].view(batch_size, length)
    Y = corpus[1 : batch_size * length + 1].view(batch_size, length)
    starts = range(0, length, num_steps)
    windows = ((X[:, i : i + num_steps], Y[:, i : i + num_steps]) for i in starts)
    total, count = run_epoch(model, windows, carry_state=True)
    return total / count


def _held_out_loss(model: Any, valid: Held, loss: Loss) -> float:
    """The mean loss on held-out data: a text, or labelled examples."""
    if isinstance(valid, (TextData, SequenceLoader, MappedTokens, Tensor, list, Iterator)):
        return _text_loss(model, valid)
    total, count = run_epoch(model, valid, loss)
    return total / count


def make_optimizer(
    optimizer: str | torch.optim.Optimizer | Callable[..., torch.optim.Optimizer],
    model: Any,
    lr: float | None,
) -> torch.optim.Optimizer:
    """An optimizer for all parameters of a model; the arguments are those of :func:`train`."""
    if isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    if isinstance(optimizer, str) and optimizer.lower() in OPTIMIZERS:
        optimizer, usual = OPTIMIZERS[optimizer.lower()]
        lr = usual if lr is None else lr
    if not callable(optimizer):
        raise ValueError(f"optimizer={optimizer!r} is not known; use {sorted(OPTIMIZERS)} or a class.")
    return optimizer(model.parameters(), **({} if lr is None else {"lr": float(lr)}))


def _progress_bar(epochs: range, show: bool) -> Any:
    """tqdm's bar, in a terminal or a notebook; without tqdm the plain range."""
    if not show:
        return epochs
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return epochs
    return tqdm(epochs, unit="epoch", leave=False)


def _check_classes(data: Any, model: Any) -> None:
    """A ValueError if whole-number labels lie outside the classes that a model has."""
    if not isinstance(data, ExampleLoader) or data.Y.is_floating_point() or not hasattr(model, "num_outputs"):
        return
    real = data.Y[data.Y != IGNORED]
    if not 0 <= int(real.min()) <= int(real.max()) < model.num_outputs:
        raise ValueError(
            f"labels run from {int(real.min())} to {int(real.max())}, but the model has {model.num_outputs} "
            f"outputs; labels must lie between 0 and {model.num_outputs - 1}."
        )


@in_steps
def train(
    model: Any,
    data: Any,
    num_epochs: int,
    lr: float | None = None,
    *,
    optimizer: str | torch.optim.Optimizer | Callable[..., torch.optim.Optimizer] = "sgd",
    loss: Loss = token_loss,
    clip: float | None = 1.0,
    valid: Held | None = None,
    eval_every: int | None = None,
    patience: int | None = None,
    precision: str = "float32",
    fast: bool = True,
    progress: bool = True,
    on_epoch: Callable[[int, History], None] | None = None,
    history: History | None = None,
    saver: Saver | None = None,
    position: Position | None = None,
) -> Steps[History]:
    """Train a model and record how it went.

    Args:
        model: as for :func:`run_epoch`.
        data: a :class:`TextData`, whose ``train`` loader and ``valid`` tokens are used; a loader of text or
            of examples; or anything that can be iterated again and again and yields ``(inputs, labels)``.
        num_epochs: passes over the data, in addition to those in ``history``.
        lr: learning rate; None takes 1.0 for SGD, 0.001 for Adam and AdamW, torch's own for others. Without
            effect if ``optimizer`` is an instance.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, a class or function ``(parameters, lr=...)``, or an
            instance, whose state then carries over from call to call.
        loss: as for :func:`run_epoch`; cross-entropy by default.
        clip: the largest global norm of the gradients; None switches clipping off.
        valid: held-out data, from which no gradient comes: tokens (1-D), a loader, a TextData, or examples
            ``(X, Y)`` or ``(X, Y, lengths)``. Overrides the tokens of ``data``.
        eval_every: measure the held-out loss every so many epochs, and after the last one; by default 10 for
            a text and 1 for examples.
        patience: stop when the held-out loss has not fallen for so many epochs, and put the best epoch's
            weights back, also when the last epoch is reached first (early stopping).
        precision: ``"float32"``, ``"tf32"``, ``"bfloat16"`` or, on a CUDA GPU, ``"float16"``, in which a step
            whose gradients overflow is left out.
        fast: False runs the model's own code at every step, for comparison.
        progress: show a bar (with tqdm, if it is installed).
        on_epoch: called as ``on_epoch(epoch, history)`` after every epoch, for instance to print a sample.
        history: the record of an earlier run, to be continued.
        saver: writes checkpoints within the epochs.
        position: where in an epoch a checkpoint stands (``checkpoint.position``): that epoch is finished
            first, and counts as one of ``num_epochs``.

    Started by torchrun, in a block of :func:`rnnlib.training.parallel.group`, all ranks train together.

    Returns:
        The :class:`History`. If the reader interrupts the run (Ctrl-C, or the stop button of a notebook),
        the model keeps what it has learned and the history says so.

    Raises:
        ValueError: for hyperparameters out of range, or data of another kind.
        FloatingPointError: if the loss is no longer finite.
    """
    if isinstance(data, TextData):
        data, valid = data.train, (data.valid if valid is None and len(data.valid) > 1 else valid)
    elif isinstance(data, Iterator) or not isinstance(data, Iterable) or isinstance(data, (Tensor, str)):
        raise ValueError(
            f"data is of type {type(data).__name__}; use load_text()'s TextData, a SequenceLoader, an "
            "ExampleLoader, or another loader that can be iterated again and yields (inputs, labels)."
        )
    if isinstance(valid, tuple):
        X, Y, *lengths = valid
        valid = ExampleLoader(X, Y, 256, lengths=lengths[0] if lengths else None, shuffle=False)
    elif isinstance(valid, Iterator):
        valid = list(valid)
    if eval_every is None:
        eval_every = 10 if isinstance(data, SequenceLoader) else 1
    check_positive(num_epochs=num_epochs, eval_every=eval_every)
    rates = {"lr": lr, "clip": clip}
    check_rate(**{name: value for name, value in rates.items() if value is not None})
    if patience is not None:
        check_positive(patience=patience)
        if valid is None:
            raise ValueError("patience needs held-out data: pass valid=(X, Y), or tokens.")
    for examples in (data, valid):
        _check_classes(examples, model)
    optimizer = make_optimizer(optimizer, model, lr)
    path = choose(model, precision, fast)
    history = History() if history is None else history
    history.device, history.interrupted = describe_device(_device_of(model)), False
    first, last = history.num_epochs + 1, history.num_epochs + num_epochs
    best = min(history.valid_loss.values(), default=math.inf)
    position = Position() if position is None else position.to(_device_of(model))
    best_weights = position.best
    on_step = None if saver is None else saver.watch(model, optimizer, history, data)
    parallel.begin(model, data, position)
    bar = _progress_bar(range(first, last + 1), progress and parallel.is_first())
    try:
        for epoch in bar:
            position.last, position.best, position.on_step = last, best_weights, on_step
            total, count = yield from run_epoch.steps(
                model, data, loss, optimizer, clip=clip, fast=path, position=position
            )
            seconds, position = position.elapsed(), Position()
            history.seconds += seconds
            history.tokens_per_second.append(count / seconds)
            history.train_loss.append(total / count)
            if valid is not None and (epoch % eval_every == 0 or epoch == last):
                history.valid_loss[epoch] = _held_out_loss(model, valid, loss)
                if history.valid_loss[epoch] < best:
                    best = history.valid_loss[epoch]
                    if patience is not None:
                        best_weights = copy.deepcopy(model.state_dict())
            if on_epoch is not None:
                on_epoch(epoch, history)
            if hasattr(bar, "set_postfix"):
                bar.set_postfix(loss=f"{history.train_loss[-1]:.4g}", refresh=False)
            if patience is not None and epoch - history.best_epoch >= patience:
                break
    except KeyboardInterrupt:
        history.interrupted = True
        notice(
            f"训练在第 {history.num_epochs} 个迭代周期后被中断；已经学到的参数保留在模型里。",
            f"Training was interrupted after epoch {history.num_epochs}; the model keeps what it learned.",
        )
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return history


def _device_of(model: Any) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
