"""Training as the Chinese edition calls it: one epoch, or a run that prints samples on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.common import check_positive
from rnnlib.d2l.figures import Animator
from rnnlib.d2l.models import predict_ch8
from rnnlib.d2l.tools import Timer, sgd
from rnnlib.scratch import functional
from rnnlib.training.loop import run_epoch
from rnnlib.training.record import to_perplexity


def grad_clipping(net: Any, theta: float, device: Any = None) -> None:
    """Scale the gradients together so that their global norm is at most theta.

    Both editions' forms work: ``grad_clipping(net, theta)`` and ``grad_clipping(params, theta, device)``. The
    older edition's own function, given the generator ``model.parameters()``, used it up for the norm and then
    scaled nothing; here the gradients are scaled.

    Args:
        net: a module, a model with a list ``params``, or any iterable of parameters.
        theta: the largest norm allowed.
        device: not used; the gradients know where they are.
    """
    functional.grad_clipping(net if isinstance(net, nn.Module) else getattr(net, "params", net), theta)


def train_epoch_ch8(
    net: Any,
    train_iter: Iterable[tuple[Tensor, Tensor]],
    loss: Callable[[Tensor, Tensor], Tensor],
    updater: Any,
    device: Any,
    use_random_iter: bool,
    *,
    theta: float = 1.0,
    begin: Callable[..., Any] | None = None,
) -> tuple[float, float]:
    """Train for one epoch: :func:`rnnlib.run_epoch` with a reader's own net, loss and updater.

    Args:
        net: ``net(X (B, T), state) -> (logits (T*B, V), state)``, with ``begin_state(batch_size, device)``;
            states of any form.
        train_iter: pairs ``(X, Y)``, both (B, T).
        loss: of logits (N, V) and labels (N,); a tensor of losses is averaged.
        updater: an optimizer of torch, or a function ``updater(batch_size)`` that takes the step and sets the
            gradients to zero, such as ``lambda batch_size: sgd(net.params, lr, batch_size)``.
        device: where the model lies.
        use_random_iter: begin each batch with a fresh state; otherwise the state is carried and detached.
        theta: the norm to which the gradients are clipped.
        begin: ``begin(batch_size=B)`` gives the first state, if ``net`` has no ``begin_state``.

    Returns:
        ``(perplexity, tokens per second)``.

    Raises:
        ValueError: if there was no batch at all.
        FloatingPointError: if the loss is infinite or not a number.
    """
    begin = partial(net.begin_state, device=device) if begin is None else begin

    def model(X: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        logits, state = net(X, begin(batch_size=X.shape[0]) if state is None else state)
        return logits, state

    if not isinstance(updater, torch.optim.Optimizer):
        updater = SimpleNamespace(zero_grad=lambda: None, step=partial(updater, batch_size=1))
    timer = Timer()
    total, count = run_epoch(
        model,
        ((X.to(device), Y.T.reshape(-1).to(device).long()) for X, Y in train_iter),
        lambda logits, y: loss(logits, y).mean(),
        updater,
        clip=lambda: grad_clipping(net, theta),
        carry_state=not use_random_iter,
    )
    return to_perplexity(total / count), count / timer.stop()


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
    check_positive(num_epochs=num_epochs)
    loss = nn.CrossEntropyLoss()
    if plot:
        xlim = [10, max(num_epochs, 11)]
        animator = Animator(xlabel="epoch", ylabel="perplexity", legend=["train"], xlim=xlim)
    if isinstance(net, nn.Module):
        updater = torch.optim.SGD(net.parameters(), lr)
    else:
        updater = partial(sgd, net.params, lr)
    for epoch in range(1, num_epochs + 1):
        ppl, speed = train_epoch_ch8(net, train_iter, loss, updater, device, use_random_iter)
        if epoch % 10 == 0:
            print(predict_ch8("time traveller", 50, net, vocab, device))
            if plot:
                animator.add(epoch, [ppl])
    print(f"perplexity {ppl:.1f}, {speed:.1f} tokens/sec on {device}")
    print(predict_ch8("time traveller", 50, net, vocab, device))
    print(predict_ch8("traveller", 50, net, vocab, device))
