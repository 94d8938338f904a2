"""Train a language model by truncated backpropagation through time, and measure its perplexity."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.data.batches import SequenceLoader, as_corpus
from rnnlib.common import check_positive, check_rate
from rnnlib.devices import autocast, describe_device
from rnnlib.training.record import History
from rnnlib.common import notice
from rnnlib.models.language import evaluating
from rnnlib.states import detach_state

__all__ = ["train", "train_epoch", "perplexity", "grad_clipping", "NonFiniteLossError"]

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class NonFiniteLossError(FloatingPointError):
    """The training loss became infinite or not a number."""


def grad_clipping(parameters: Any, theta: float) -> Tensor:
    """Scale all gradients together so that their global norm is at most theta.

        g <- min(1, theta / ||g||) g

    The norm runs over all parameters at once, so the direction of the step is kept. (R. Pascanu, T. Mikolov,
    Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.)

    Args:
        parameters: a model, one parameter, or any iterable of them. A generator (``model.parameters()``) is
            read once and kept, so that it is not used up by the norm before the scaling.
        theta: the largest norm allowed.

    Returns:
        The norm before clipping, a 0-d tensor (no synchronization with a GPU is forced).

    Raises:
        ValueError: if theta is not a finite number above 0.
    """
    check_rate(theta=theta)
    if hasattr(parameters, "parameters"):
        parameters = parameters.parameters()
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return torch.zeros(())
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    scale = (theta / norm).clamp(max=1.0)
    for g in grads:
        g.mul_(scale)
    return norm


def train_epoch(
    model: Any,
    loader: SequenceLoader,
    optimizer: torch.optim.Optimizer,
    clip: float | None = 1.0,
    precision: str = "float32",
) -> tuple[float, int]:
    """One pass over the data.

    Under sequential partitioning the state is carried from batch to batch and detached: its values pass on,
    its gradients do not. Under random sampling each batch begins with a fresh state. The model is put into
    training mode.

    Args:
        model: ``model(X (B, T), state) -> (logits (T*B, V), state)``, with ``begin_state`` and
            ``parameters``.
        loader: the minibatches.
        optimizer: takes the step.
        clip: theta for :func:`grad_clipping`; None switches it off.
        precision: see :func:`rnnlib.devices.autocast`.

    Returns:
        ``(cross-entropy in nats summed over the epoch's tokens, number of those tokens)``.

    Raises:
        NonFiniteLossError: if that sum is not finite.
    """
    if isinstance(model, nn.Module) and not model.training:
        model.train()
    total, count, state = 0.0, 0, None
    for X, Y in loader:
        fresh = state is None or loader.sampling == "random"
        state = model.begin_state(X.shape[0], X.device) if fresh else detach_state(state)
        with autocast(X.device, precision):
            logits, state = model(X, state)
            loss = F.cross_entropy(logits, Y.T.reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip is not None:
            grad_clipping(model, clip)
        optimizer.step()
        total = total + loss.detach() * Y.numel()  # stays on the device: one synchronization an epoch
        count += Y.numel()
    total = float(total)
    if not math.isfinite(total):
        raise NonFiniteLossError(
            f"the training loss is {total}. Lower the learning rate, clip the gradient (clip=1.0), or look "
            "for infinities in the input."
        )
    return total, count


def perplexity(
    model: Any, tokens: SequenceLoader | Tensor | Iterable[int], batch_size: int = 8, num_steps: int = 256
) -> float:
    """exp of the mean cross-entropy in nats over a text: 1 for a perfect model, V for a uniform one.

    The text is cut into B rows that are read side by side with the state carried; no chance is involved, and
    no generator is touched. Parameters do not change.

    Args:
        model: as for :func:`train_epoch`.
        tokens: N token indices (moved to the model's device), or a loader, whose corpus is then read.
        batch_size: B. Each row begins with an empty state; more rows are faster and slightly pessimistic.
        num_steps: columns that go through the model at a time; no effect on the value of a causal model.

    Raises:
        ValueError: if there are fewer than two tokens.
    """
    check_positive(batch_size=batch_size, num_steps=num_steps)
    device = next((p.device for p in model.parameters()), None)
    corpus = as_corpus(tokens.corpus if isinstance(tokens, SequenceLoader) else tokens, device)
    if len(corpus) < 2:
        raise ValueError(f"perplexity needs at least 2 tokens (read one, predict one); got {len(corpus)}.")
    batch_size = min(batch_size, len(corpus) - 1)
    length = (len(corpus) - 1) // batch_size
    X = corpus[: batch_size * length].view(batch_size, length)
    Y = corpus[1 : batch_size * length + 1].view(batch_size, length)
    total = 0.0
    with evaluating(model):
        state = model.begin_state(batch_size, corpus.device)
        for i in range(0, length, num_steps):
            logits, state = model(X[:, i : i + num_steps], state)
            labels = Y[:, i : i + num_steps].T.reshape(-1)
            total = total + F.cross_entropy(logits.float(), labels, reduction="sum")
    return _exp(float(total) / (batch_size * length))


def _exp(mean: float) -> float:
    return math.exp(mean) if mean < 700 else math.inf


def make_optimizer(optimizer: Any, model: Any, lr: float) -> torch.optim.Optimizer:
    if isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    maker = OPTIMIZERS.get(optimizer.lower()) if isinstance(optimizer, str) else optimizer
    if not callable(maker):
        raise ValueError(f"optimizer={optimizer!r} is not known; use {sorted(OPTIMIZERS)} or a class.")
    return maker(model.parameters(), lr=lr)


def _progress_bar(epochs: range, show: bool) -> Any:
    """tqdm's bar, in a terminal or a notebook; without tqdm the plain range."""
    if not show:
        return epochs
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return epochs
    return tqdm(epochs, unit="epoch", leave=False)


def train(
    model: Any,
    data: Any,
    num_epochs: int,
    lr: float = 1.0,
    *,
    optimizer: str | torch.optim.Optimizer | Callable[..., torch.optim.Optimizer] = "sgd",
    clip: float | None = 1.0,
    valid: Tensor | None = None,
    eval_every: int = 10,
    precision: str = "float32",
    progress: bool = True,
    on_epoch: Callable[[int, History], None] | None = None,
    history: History | None = None,
) -> History:
    """Train a language model and record how it went.

    Args:
        model: as for :func:`train_epoch`.
        data: a ``TextData``, whose ``train`` loader and ``valid`` tokens are used, or a
            :class:`SequenceLoader`.
        num_epochs: passes over the data, in addition to those in ``history``.
        lr: learning rate; ignored if ``optimizer`` is an instance.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, a class or function ``(parameters, lr=...)``, or an
            instance, whose state then carries over from call to call.
        clip: theta of the gradient clipping; None switches it off.
        valid: held-out tokens (1-D int64); overrides those of ``data``.
        eval_every: measure the held-out perplexity every so many epochs, and after the last one.
        precision: ``"float32"``, ``"tf32"`` or ``"bfloat16"``.
        progress: show a bar (with tqdm, if it is installed).
        on_epoch: called as ``on_epoch(epoch, history)`` after every epoch, for instance to print a sample.
        history: the record of an earlier run, to be continued.

    Returns:
        The :class:`History`. If the reader interrupts the run (Ctrl-C, or the stop button of a notebook),
        the model keeps what it has learnt and the history says so.

    Raises:
        ValueError: for hyperparameters out of range, or data of another kind.
        NonFiniteLossError: if the loss is no longer finite.
    """
    loader = data if isinstance(data, SequenceLoader) else getattr(data, "train", None)
    if not hasattr(loader, "sampling"):
        raise ValueError(f"data is a {type(data).__name__}; use load_text()'s TextData or a SequenceLoader.")
    if valid is None and loader is not data:
        valid = data.valid
    has_valid = valid is not None and len(valid) > 1
    check_positive(num_epochs=num_epochs, eval_every=eval_every)
    check_rate(lr=lr, **({} if clip is None else {"clip": clip}))
    optimizer = make_optimizer(optimizer, model, lr)
    history = History() if history is None else history
    history.device, history.interrupted = describe_device(loader.device), False
    first, last = history.num_epochs + 1, history.num_epochs + num_epochs
    bar = _progress_bar(range(first, last + 1), progress)
    try:
        for epoch in bar:
            start = time.perf_counter()
            total, count = train_epoch(model, loader, optimizer, clip, precision)
            seconds = time.perf_counter() - start
            history.seconds += seconds
            history.tokens_per_second.append(count / seconds)
            history.train_ppl.append(_exp(total / count))
            if has_valid and (epoch % eval_every == 0 or epoch == last):
                history.valid_ppl[epoch] = perplexity(model, valid)
            if on_epoch is not None:
                on_epoch(epoch, history)
            if hasattr(bar, "set_postfix"):
                bar.set_postfix(ppl=f"{history.train_ppl[-1]:.4g}", refresh=False)
    except KeyboardInterrupt:
        history.interrupted = True
        notice(
            f"训练在第 {history.num_epochs} 个迭代周期后被中断；已经学到的参数保留在模型里。",
            f"Training was interrupted after epoch {history.num_epochs}; the model keeps what it has learnt.",
        )
    return history
