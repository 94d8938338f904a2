"""Training as the Chinese edition calls it: one epoch, or a run that prints samples on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.training import loop as training
from rnnlib.d2l.figures import Animator
from rnnlib.d2l.models import predict_ch8
from rnnlib.d2l.tools import Timer, sgd
from rnnlib.states import State, detach_state

__all__ = ["grad_clipping", "run_epoch", "to_perplexity", "train_ch8", "train_epoch_ch8"]


def grad_clipping(net: Any, theta: float, device: Any = None) -> None:
    """Scale the gradients together so that their global norm is at most theta.

    Both editions' forms work: ``grad_clipping(net, theta)`` and ``grad_clipping(params, theta, device)``. The
    older edition's own function, given the generator ``model.parameters()``, used it up for the norm and then
    scaled nothing; here the gradients are scaled.

    Args:
        net: a model with ``parameters()`` or a list ``params``, or any iterable of parameters.
        theta: the largest norm allowed.
        device: not used; the gradients know where they are.
    """
    has_params_alone = hasattr(net, "params") and not hasattr(net, "parameters")
    training.grad_clipping(net.params if has_params_alone else net, theta)


def run_epoch(
    net: Any,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    updater: Any,
    device: Any,
    *,
    theta: float,
    begin: Callable[[int], State | None],
    carry_state: bool,
) -> tuple[float, int]:
    """One pass over the data for both editions.

    Args:
        net, loss, updater, device: as for :func:`train_epoch_ch8`.
        batches: pairs ``(X, Y)``, both (B, T).
        theta: the norm to which gradients are clipped.
        begin: gives the first state for a batch size.
        carry_state: whether a batch goes on from the detached state of the batch before it.

    Returns:
        ``(loss summed over the tokens, number of tokens)``.

    Raises:
        ValueError: if there was no batch at all.
    """
    total, count, state = 0.0, 0, None
    for X, Y in batches:
        fresh = state is None or not carry_state
        state = begin(X.shape[0]) if fresh else detach_state(state)
        X, y = X.to(device), Y.T.reshape(-1).to(device).long()
        logits, state = net(X, state)
        mean = loss(logits, y).mean()
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
        mean.backward()
        grad_clipping(net, theta)
        if isinstance(updater, torch.optim.Optimizer):
            updater.step()
        else:
            updater(batch_size=1)
        total = total + mean.detach() * y.numel()  # stays on the device: one synchronization an epoch
        count += y.numel()
    if count == 0:
        raise ValueError(
            "there was no batch to train on. A generator is used up after one epoch: pass an object that can "
            "be iterated again, such as what load_data_time_machine returns."
        )
    return float(total), count


def to_perplexity(total: float, count: int) -> float:
    """exp of the mean loss in nats; infinity where that is beyond a float."""
    mean = total / count
    return math.inf if mean > 700 else math.exp(mean)


def train_epoch_ch8(
    net: Any,
    train_iter: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    updater: Any,
    device: Any,
    use_random_iter: bool,
) -> tuple[float, float]:
    """Train for one epoch, with gradients clipped to the norm 1.

    Args:
        net: ``net(X (B, T), state) -> (logits (T*B, V), state)``, with ``begin_state(batch_size, device)``.
        train_iter: pairs ``(X, Y)``, both (B, T).
        loss: of logits (N, V) and labels (N,); a tensor of losses is averaged.
        updater: an optimizer of torch, or a function ``updater(batch_size)`` that takes the step and sets the
            gradients to zero, such as ``lambda batch_size: sgd(net.params, lr, batch_size)``.
        device: where the model lies.
        use_random_iter: begin each batch with a fresh state; otherwise the state is carried and detached.

    Returns:
        ``(perplexity, tokens per second)``.
    """
    timer = Timer()
    total, count = run_epoch(
        net,
        train_iter,
        loss,
        updater,
        device,
        theta=1,
        begin=lambda batch_size: net.begin_state(batch_size=batch_size, device=device),
        carry_state=not use_random_iter,
    )
    return to_perplexity(total, count), count / timer.stop()


def train_ch8(
    net: Any,
    train_iter: Iterable[tuple[Tensor, Tensor]],
    vocab: Any,
    lr: float,
    num_epochs: int,
    device: Any,
    use_random_iter: bool = False,
    plot: bool = True,
) -> None:
    """Train with SGD; print a sample every ten epochs, and the perplexity, speed and two samples at the end.

    Args:
        net, train_iter, device, use_random_iter: as for :func:`train_epoch_ch8`.
        vocab: the vocabulary, for the samples.
        lr: learning rate.
        num_epochs: passes over the data, at least 1.
        plot: draw the perplexity every ten epochs (needs matplotlib).
    """
    if num_epochs < 1:
        raise ValueError(f"num_epochs={num_epochs} must be at least 1.")
    loss = nn.CrossEntropyLoss()
    if plot:
        xlim = [10, max(num_epochs, 11)]
        animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=xlim)
    if isinstance(net, nn.Module):
        updater = torch.optim.SGD(net.parameters(), lr)
    else:

        def updater(batch_size: int) -> None:
            sgd(net.params, lr, batch_size)

    for epoch in range(1, num_epochs + 1):
        ppl, speed = train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter)
        if epoch % 10 == 0:
            print(predict_ch8("time traveller", 50, net, vocab, device))
            if plot:
                animator.add(epoch, [ppl])
    print(f"perplexity {ppl:.1f}, {speed:.1f} tokens/sec on {device}")
    print(predict_ch8("time traveller", 50, net, vocab, device))
    print(predict_ch8("traveller", 50, net, vocab, device))
