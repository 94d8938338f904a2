"""Which way a model takes through the training loop, and why."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from rnnlib.devices import HALF, autocast, check_precision, tf32
from rnnlib.models.modes import answer
from rnnlib.states import State
from rnnlib.training import parallel
from rnnlib.training.fast.models import BY_CUDNN, fast_forward
from rnnlib.training.fast.padded import padded_forward
from rnnlib.training.fast.products import can_lay_out
from rnnlib.training.fast.steps import Captured, Step
from rnnlib.training.losses import Loss, mean_loss

log = logging.getLogger("rnnlib.training")
SWITCHED_OFF = "fast=False"


Call = Callable[[Any, State | None, torch.device], tuple[Tensor, State | None]]


class Path:
    """A way through a model and its training step.

    In float16 a ``GradScaler``, which lives as long as the path, scales the loss and unscales the gradients
    before they are clipped. A step whose gradients overflow is left out, and the scale halved; to see whether
    they do, each step waits for the GPU. So it is for cuDNN's layers in bfloat16, too: torch's autocast knows
    one half precision for them, and runs them in float16.

    Attributes:
        model: whose parameters are trained.
        precision: of the products.
        name: ``"fast"``; ``"padded"``, torch's own layer on padded inputs; or ``"plain"``: the model is
            called as it is.
        why: what decided it.
        call: ``(inputs, state, device) -> (logits, state)``.
        scaler: of the loss; it does nothing but in float16.
        arithmetic: makes the context in which a step computes, forward and backward.
    """

    def __init__(self, model: Any, precision: str, name: str, why: str, call: Call):
        self.model, self.precision, self.name, self.why, self.call = model, precision, name, why, call
        self.scaler = torch.amp.GradScaler("cuda", enabled=_computes_in_float16(model, precision))
        self.arithmetic = functools.partial(tf32, True) if precision == "tf32" else contextlib.nullcontext
        self._captured = Captured()

    def learn(
        self,
        inputs: Any,
        labels: Tensor,
        state: State | None,
        loss: Loss,
        optimizer: Any,
        clip: float | Callable[[], Any] | None,
        weight: int = 1,
    ) -> tuple[Tensor, Tensor, State | None]:
        """One training step: forward, loss, backward, clip, update.

        Arguments are those of :func:`rnnlib.run_epoch`, the state without its history, and the weight of
        these rows among all ranks (:func:`rnnlib.training.parallel.rows`). On a GPU the step becomes a graph
        where it can (:mod:`rnnlib.training.fast.graphs`).

        Returns:
            ``(mean loss, number of labels that count, state)``; the state is valid until the next step.
        """
        step = Step(self, inputs, labels, state, loss, optimizer, clip, weight)
        if (done := self._captured.take([step])) is not None:
            return done[0]
        with self.arithmetic():
            logits, state = self.call(inputs, state, labels.device)
            value, count = mean_loss(loss, logits, labels)
            optimizer.zero_grad()
            self.scaler.scale(value).backward()
        value, count = parallel.average(self.model, value.detach(), count * weight)
        self.scaler.unscale_(optimizer)  # what all ranks have averaged: so they agree on what overflows
        if callable(clip):
            clip()
        elif clip is not None:
            clip_grad_norm_(self.model.parameters(), clip)
        self.scaler.step(optimizer)
        self.scaler.update()
        return value, count, state

    @property
    def may_differ(self) -> bool:
        """Whether something else may stand in for the model's own code."""
        return self.why != SWITCHED_OFF

    def again(self) -> Path:
        """The same path with buffers of its own."""
        return choose(self.model, self.precision, announce=False)


def choose(model: Any, precision: str = "float32", fast: bool = True, announce: bool = True) -> Path:
    """The fast path where there is one that computes the same, else the plain one; a line in the log says it.

    The logger is ``rnnlib.training``, the level INFO: ``logging.basicConfig(level="INFO")`` shows it.

    Args:
        model: any.
        precision: as for :func:`rnnlib.run_epoch`.
        fast: False takes the plain path.
        announce: whether to write the line.

    Raises:
        ValueError: for an unknown precision, or float16 for a model that is not on a CUDA GPU.
    """
    check_precision(precision, {p.device for p in model.parameters()} if precision == "float16" else ())
    forward, why, name = None, SWITCHED_OFF, "fast"
    if fast and precision == "tf32":
        why = "TF32 belongs to CUDA's own products"
    elif fast:
        forward, why = fast_forward(model, HALF.get(precision))
    if why == BY_CUDNN and precision == "float16":
        forward, more = padded_forward(model)
        name, why = "padded", f"{why}, {more}"
    if forward is None:
        path = Path(model, precision, "plain", why, _plain(model, precision))
    else:
        path = Path(model, precision, name, why, _calling(forward, model))
    if announce:
        log.info("%s path for %s: %s%s", path.name, type(model).__name__, why, _products(path))
        if precision == "bfloat16" and path.scaler.is_enabled():
            log.info("bfloat16: torch runs cuDNN's layers in float16 here, so the loss is scaled")
    return path


def _computes_in_float16(model: Any, precision: str) -> bool:
    if precision == "bfloat16" and isinstance(model, nn.Module):
        layers = (layer for layer in model.modules() if isinstance(layer, nn.RNNBase))
        return any(parameter.device.type == "cuda" for layer in layers for parameter in layer.parameters())
    return precision == "float16"


def _plain(model: Any, precision: str) -> Call:
    def call(inputs: Any, state: State | None, device: torch.device) -> tuple[Tensor, State | None]:
        with autocast(device, precision):
            return answer(model, inputs, state)

    return call


def _calling(forward: Callable[..., tuple[Tensor, State]], model: Any) -> Call:
    """Inputs of another kind than one tensor go to the model, which says what is wrong with them."""

    def call(inputs: Any, state: State | None, device: torch.device) -> tuple[Tensor, State | None]:
        if isinstance(inputs, Tensor):
            return forward(inputs, state)
        return answer(model, inputs, state)

    return call


def _products(path: Path) -> str:
    if path.name != "fast":
        return ""
    parameter = next(iter(path.model.parameters()))
    dtype = HALF.get(path.precision, parameter.dtype)
    how = (
        "laid out by oneDNN where large" if parameter.device.type == "cpu" and can_lay_out(dtype) else "plain"
    )
    return f"; backward by hand, look-up for one-hot, products in {str(dtype)[6:]}, {how}"
