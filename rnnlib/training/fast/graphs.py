"""A whole training step as one CUDA graph: forward, backward, clipping and update in a single launch.

A step of these networks is hundreds of small kernels, and launching them takes longer than running them. A
graph records the launches once and replays them. It reads and writes the same memory each time, so inputs are
copied in, and the state stays where it is from batch to batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnlib.devices import record_launches
from rnnlib.states import State, map_state
from rnnlib.training.fast.models import unknown
from rnnlib.training.losses import Loss, mean_loss, token_loss

log = logging.getLogger("rnnlib.training")
NEAR = 1e-3  # relative difference between a replayed and a plain step that is still rounding


class WholeStep:
    """A training step on memory of its own; calling it is a run, which a graph can record.

    Args:
        call: ``(inputs, state, device) -> (logits, state)``, as in :class:`rnnlib.training.fast.Path`.
        model: has ``parameters()`` and ``begin_state(batch_size, device)``.
        optimizer: plain SGD is part of the step, its learning rate read from memory at every run; any other
            takes its step outside.
        clip: the largest global norm of the gradients, or None.
        X, Y: (B, T) int64, a batch of the shape that all batches will have.
    """

    def __init__(
        self, call: Callable[..., Any], model: Any, optimizer: Any, clip: float | None, X: Tensor, Y: Tensor
    ):
        self.call, self.optimizer, self.clip = call, optimizer, clip
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.X, self.Y, self.state = X.clone(), Y.clone(), model.begin_state(X.shape[0], X.device)
        self.updates = _is_plain_sgd(optimizer)
        self.rates = [X.new_zeros((), dtype=torch.float32) for _ in optimizer.param_groups]
        self.found: tuple[Tensor, Tensor, dict[Tensor, Tensor]] | None = None  # loss, count, gradients

    def load(self, X: Tensor, Y: Tensor, state: State | None) -> None:
        """Put a batch, the state before it and the learning rates where the step reads them."""
        self.X.copy_(X)
        self.Y.copy_(Y)
        if state is None:
            map_state(Tensor.zero_, self.state)
        else:
            _copy(self.state, state)
        for rate, group in zip(self.rates, self.optimizer.param_groups):
            rate.fill_(group["lr"])

    def __call__(self) -> None:
        """Forward, loss, backward, clipping, and the update of plain SGD."""
        logits, state = self.call(self.X, map_state(Tensor.detach, self.state), self.X.device)
        value, count = mean_loss(token_loss, logits, self.Y)
        gradients = list(torch.autograd.grad(value, self.parameters))
        if self.clip is not None:  # not in place: two biases that are added share one gradient
            norms = torch._foreach_norm(gradients)
            norm = torch.linalg.vector_norm(torch.stack(norms))
            gradients = torch._foreach_mul(gradients, (self.clip / (norm + 1e-6)).clamp(max=1.0))
        by_parameter = dict(zip(self.parameters, gradients))
        if self.updates:
            with torch.no_grad():
                for rate, group in zip(self.rates, self.optimizer.param_groups):
                    for parameter in group["params"]:
                        if parameter in by_parameter:
                            parameter.sub_(by_parameter[parameter] * rate)
        _copy(self.state, state)
        self.found = value.detach(), count, by_parameter

    def finish(self) -> tuple[Tensor, Tensor, State]:
        """The step of any other optimizer; loss and count of labels (copies), and the state."""
        value, count, gradients = self.found
        if not self.updates:
            for parameter, gradient in gradients.items():
                parameter.grad = gradient
            self.optimizer.step()
        return value.clone(), count.clone(), self.state


class GraphedStep:
    """One :class:`WholeStep` or several, captured once and replayed together for batches of their shapes.

    Several stand side by side in the graph, so that a GPU which one of them leaves idle runs them at once.
    They share neither parameters nor memory.
    """

    def __init__(self, *steps: WholeStep):
        self.steps, self.device = steps, steps[0].X.device
        self.streams = [torch.cuda.Stream(self.device) for _ in steps[1:]]
        kept = [([p.detach().clone() for p in s.parameters], map_state(torch.clone, s.state)) for s in steps]
        try:
            self.replay = record_launches(self._run, self.device)
        finally:  # the runs before a recording are steps
            self._put_back(kept)
        self._verify(kept)

    def _run(self) -> None:
        """What the graph records: the last step here, each other on a stream that leaves here and returns."""
        *others, last = self.steps
        for step, stream in zip(others, self.streams):
            stream.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(stream):
                step()
        last()
        for stream in self.streams:
            torch.cuda.current_stream(self.device).wait_stream(stream)

    def _put_back(self, kept: list[tuple[list[Tensor], State]]) -> None:
        for step, (parameters, state) in zip(self.steps, kept):
            with torch.no_grad():
                for parameter, value in zip(step.parameters, parameters):
                    parameter.copy_(value)
            _copy(step.state, state)

    def _verify(self, kept: list[tuple[list[Tensor], State]]) -> None:
        """A RuntimeError unless a replay does what plain runs do, from the same beginning."""
        recorded, found = [step.found for step in self.steps], []
        for run in (self.replay, self._run):
            run()
            found.append([])
            for value, _, gradients in (step.found for step in self.steps):
                found[-1] += [value.clone(), *(g.clone() for g in gradients.values())]
            self._put_back(kept)
        for step, tensors in zip(self.steps, recorded):  # a plain run has put tensors of its own there
            step.found = tensors
        for replayed, plain in zip(*found):
            if not torch.allclose(replayed, plain, rtol=NEAR, atol=NEAR * float(plain.abs().max())):
                raise RuntimeError("the replayed step differs from the plain one")

    def __call__(self, *batches: tuple[Tensor, Tensor, State | None]) -> list[tuple[Tensor, Tensor, State]]:
        """Train on a batch for each step: loss (a 0-d tensor), number of labels that count, the state."""
        for step, batch in zip(self.steps, batches):
            step.load(*batch)
        self.replay()
        return [step.finish() for step in self.steps]


def graphed(*wanted: tuple[Callable[..., Any], Any, Loss, Any, Any, Any, Tensor]) -> GraphedStep | None:
    """Steps as one graph, where there is a GPU and they are such as a graph can hold; else None.

    The log says which. A capture that fails, or whose first replay differs from plain steps, is given up.

    Args:
        wanted: for each step ``(call, model, loss, optimizer, clip, X, Y)``: the call as for
            :class:`WholeStep`, with buffers that nothing else uses; model, loss, optimizer and clip as for
            :func:`rnnlib.run_epoch`; the first batch.
    """
    if why := next(filter(None, (_why_not(*one[1:6]) for one in wanted)), ""):
        log.info("no CUDA graph: %s", why)
        return None
    try:
        steps = []
        for call, model, _, optimizer, clip, X, Y in wanted:
            steps.append(WholeStep(call, model, optimizer, clip, X, Y))
            steps[-1].load(X, Y, None)
        graph = GraphedStep(*steps)
    except RuntimeError as error:
        log.warning("no CUDA graph, the capture failed: %s", str(error).splitlines()[0])
        return None
    shapes, beside = tuple(steps[0].X.shape), f", {len(steps)} models side by side" if steps[1:] else ""
    log.info("CUDA graph of whole training steps, batches %s%s", shapes, beside)
    return graph


def _why_not(model: Any, loss: Loss, optimizer: Any, clip: Any, X: Any) -> str:
    """Why a step cannot be a graph; an empty string if it can."""
    if why := unfit(model, loss, clip, X):
        return why
    if not isinstance(optimizer, torch.optim.Optimizer):
        return "the optimizer is not one of torch's"
    return ""


def unfit(model: Any, loss: Loss, clip: Any, X: Any) -> str:
    """Why a model, a loss or data are not such as a graph can hold; an empty string if they are."""
    if not on_gpu(X):
        return "the data are not on a GPU"
    if why := unknown(model):
        return f"{why}, so that a graph might not hold all it does"
    if loss is not token_loss or callable(clip):
        return "the loss or the clipping is a function of the reader's own"
    if getattr(getattr(model, "rnn", None), "dropout", 0):
        return "dropout draws other numbers in a replay than in the plain step it is compared with"
    return ""


def on_gpu(X: Any) -> bool:
    """Whether this is a tensor on a CUDA device."""
    return isinstance(X, Tensor) and X.device.type == "cuda"


def _is_plain_sgd(optimizer: Any) -> bool:
    return type(optimizer) is torch.optim.SGD and not any(
        group["momentum"] or group["weight_decay"] or group["maximize"] for group in optimizer.param_groups
    )


def _copy(target: State, source: State) -> None:
    """The values of one state into the tensors of another."""
    targets, sources = ((s,) if isinstance(s, Tensor) else s for s in (target, source))
    for into, values in zip(targets, sources):
        if into.data_ptr() != values.data_ptr():  # the state that the last step left in place
            into.copy_(values.detach())
