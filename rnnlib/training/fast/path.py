"""Which way a model takes through the training loop, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from rnnlib.devices import autocast, check_precision
from rnnlib.models.modes import answer
from rnnlib.states import State
from rnnlib.training import parallel
from rnnlib.training.fast.graphs import GraphedStep, graphed
from rnnlib.training.fast.models import fast_forward
from rnnlib.training.fast.products import can_lay_out
from rnnlib.training.losses import Loss, mean_loss

log = logging.getLogger("rnnlib.training")
SWITCHED_OFF = "fast=False"


Call = Callable[[Any, State | None, torch.device], tuple[Tensor, State | None]]


class Path:
    """A way through a model and its training step.

    Attributes:
        model: whose parameters are trained.
        precision: of the products.
        name: ``"fast"``, or ``"plain"``: the model is called as it is.
        why: what decided it.
        call: ``(inputs, state, device) -> (logits, state)``.
    """

    def __init__(self, model: Any, precision: str, name: str, why: str, call: Call):
        self.model, self.precision, self.name, self.why, self.call = model, precision, name, why, call
        self._graph: GraphedStep | None = None
        self._tried: tuple | None = None  # for what a graph was sought

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
        if graph := self._graph_for(inputs, labels, loss, optimizer, clip):
            return graph(inputs, labels, state)
        logits, state = self.call(inputs, state, labels.device)
        value, count = mean_loss(loss, logits, labels)
        optimizer.zero_grad()
        value.backward()
        value, count = parallel.average(self.model, value.detach(), count * weight)
        if callable(clip):
            clip()
        elif clip is not None:
            clip_grad_norm_(self.model.parameters(), clip)
        optimizer.step()
        return value, count, state

    def _graph_for(
        self, inputs: Any, labels: Tensor, loss: Loss, optimizer: Any, clip: Any
    ) -> GraphedStep | None:
        """The graph for batches of this shape, captured when the first of them comes; None without one."""
        if labels.device.type != "cuda" or self.why == SWITCHED_OFF or parallel.world()[1] > 1:
            return None
        sought = (id(optimizer), clip, loss, getattr(inputs, "shape", None))
        if self._tried is None:
            self._tried = sought
            own = choose(self.model, self.precision, announce=False)  # buffers that nothing else uses
            self._graph = graphed(own.call, self.model, loss, optimizer, clip, inputs, labels)
        return self._graph if sought == self._tried else None


def choose(model: Any, precision: str = "float32", fast: bool = True, announce: bool = True) -> Path:
    """The fast path where there is one that computes the same, else the plain one; a line in the log says it.

    The logger is ``rnnlib.training``, the level INFO: ``logging.basicConfig(level="INFO")`` shows it.

    Args:
        model: any.
        precision: as for :func:`rnnlib.run_epoch`.
        fast: False takes the plain path.
        announce: whether to write the line.

    Raises:
        ValueError: for an unknown precision.
    """
    check_precision(precision)
    forward, why = None, SWITCHED_OFF
    if fast and precision == "tf32":
        why = "TF32 belongs to CUDA's own products"
    elif fast:
        forward, why = fast_forward(model, torch.bfloat16 if precision == "bfloat16" else None)
    if forward is None:
        path = Path(model, precision, "plain", why, _plain(model, precision))
    else:
        path = Path(model, precision, "fast", why, _calling(forward, model))
    if announce:
        log.info("%s path for %s: %s%s", path.name, type(model).__name__, why, _products(path))
    return path


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
    if path.name == "plain":
        return ""
    parameter = next(iter(path.model.parameters()))
    dtype = torch.bfloat16 if path.precision == "bfloat16" else parameter.dtype
    how = (
        "laid out by oneDNN where large" if parameter.device.type == "cpu" and can_lay_out(dtype) else "plain"
    )
    return f"; backward by hand, look-up for one-hot, products in {str(dtype)[6:]}, {how}"
