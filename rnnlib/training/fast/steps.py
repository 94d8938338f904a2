"""The training loop stops at its steps, so that those of several models can be taken side by side."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from torch import Tensor

from rnnlib.states import State
from rnnlib.training import parallel
from rnnlib.training.fast import graphs
from rnnlib.training.losses import Loss

if TYPE_CHECKING:
    from rnnlib.training.fast.path import Path

log = logging.getLogger("rnnlib.training")
LEFT_OUT = "in float16 a step may be left out, and a graph leaves nothing out"
T = TypeVar("T")
Done = tuple[Tensor, Tensor, State | None]  # mean loss, number of labels, state
Steps = Generator["Step", Done, T]  # yields the steps to be taken, is sent what they give, returns a T


class Step(NamedTuple):
    """A training step that is to be taken: the arguments of :meth:`Path.learn`, and whose they are."""

    path: Path
    inputs: Any
    labels: Tensor
    state: State | None
    loss: Loss
    optimizer: Any
    clip: float | Callable[[], Any] | None
    weight: int = 1

    def take(self) -> Done:
        """Train on the batch; returns what :meth:`Path.learn` does."""
        return self.path.learn(*self[1:])


def in_steps(generator: Callable[..., Steps[T]]) -> Callable[..., T]:
    """An ordinary function of a loop that yields its steps: each is taken as it comes.

    The loop itself is kept as ``function.steps``, for whoever takes the steps in another way.
    """

    @functools.wraps(generator)
    def run(*args: Any, **options: Any) -> T:
        steps = generator(*args, **options)
        try:
            step = next(steps)
            while True:
                step = resume(steps, step.take)
        except StopIteration as end:
            return end.value

    run.steps = generator
    return run


def resume(steps: Steps[Any], take: Callable[[], Done]) -> Step:
    """Give a loop what its step gave, or raise there what the step raised; returns its next step.

    Raises:
        StopIteration: at the loop's end, with what it returns as ``value``.
    """
    try:
        done = take()
    except BaseException as error:
        return steps.throw(error)
    return steps.send(done)


class Captured:
    """The graph of the steps of some models, for batches of the shapes that came first."""

    def __init__(self) -> None:
        self._graph: graphs.GraphedStep | None = None
        self._sought: list[tuple] | None = None

    def take(self, steps: Sequence[Step]) -> list[Done] | None:
        """Take the steps, one of each model, by one replay; None if there is no graph for them."""
        if not all(graphs.on_gpu(s.labels) and s.path.may_differ for s in steps) or parallel.world()[1] > 1:
            return None
        sought = [(id(s.optimizer), s.clip, s.loss, getattr(s.inputs, "shape", None)) for s in steps]
        if self._sought is None:
            self._sought = sought
            if any(step.path.scaler.is_enabled() for step in steps):
                log.info("no CUDA graph: %s", LEFT_OUT)
                return None
            with steps[0].path.arithmetic():
                self._graph = graphs.graphed(  # each with buffers that nothing else uses
                    *((s.path.again().call, s.path.model, *s[4:7], s.inputs, s.labels) for s in steps)
                )
        if self._graph is None or sought != self._sought:
            return None
        return self._graph(*((s.inputs, s.labels, s.state) for s in steps))
