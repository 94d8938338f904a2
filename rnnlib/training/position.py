"""Where a training run stands in the middle of an epoch: all that it needs to go on bit for bit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor

from rnnlib.common import check_at_least
from rnnlib.states import State, map_state

FOLD = 1024  # losses in one piece of memory


class Position:
    """One pass over the data: how far it is, the losses so far, the carried state, where chance stood.

    Attributes:
        batch: batches that are done.
        state: the recurrent state after the last of them, of all B rows; None if none is carried.
        seconds: that earlier processes spent on this pass.
        last: the last epoch that the run was to have.
        best: parameter name -> tensor of the best epoch so far, if the run can stop early; else None.
        start: the generators when the pass began, see :func:`generators`; None if nobody will ask.
        ranks: the states of torch's generator on each rank of a parallel run; () without one.
        on_step: called with this object after every step of the optimizer.
    """

    def __init__(self, on_step: Callable[[Position], Any] | None = None):
        self.batch, self.last, self.seconds = 0, 0, 0.0
        self.state: State = None
        self.best: dict[str, Tensor] | None = None
        self.start: dict[str, Any] | None = None
        self.ranks: tuple[Tensor, ...] = ()
        self.on_step = on_step
        self._pieces: list[tuple[Tensor, Tensor]] = []
        self._filled = 0  # places of the last piece
        self._began = time.perf_counter()

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The batches of this pass that are still to come.

        A pass that goes on draws its order and its offset again, from where the generators stood when it
        began, passes over what is done, and then sets the generators to where they were when it was left. So
        a loader must draw when a pass begins, not later, as all of rnnlib's do.
        """
        self._began = time.perf_counter()
        if self.batch == 0 or self.start is None:
            if self.on_step is not None:
                self.start = generators(loader)
            yield from loader
            return
        now = generators(loader)
        set_generators(self.start, loader)
        rest = loader.rest(self.batch) if hasattr(loader, "rest") else islice(loader, self.batch, None)
        first = list(islice(rest, 1))
        set_generators(now, loader)
        yield from chain(first, rest)

    def add(self, loss: Tensor, count: Tensor, state: State) -> None:
        """A batch is done.

        Args:
            loss: its mean loss, a number without a gradient.
            count: how many labels it is the mean of, a whole number.
            state: what the next batch begins with, or None.
        """
        if not self._pieces or self._filled == len(
            self._pieces[-1][0]
        ):  # a tensor for each loss would break the memory of large batches into crumbs
            self._pieces.append((loss.new_empty(FOLD), count.new_empty(FOLD)))
            self._filled = 0
        for piece, value in zip(self._pieces[-1], (loss, count)):
            piece[self._filled] = value
        self._filled += 1
        self.batch += 1
        self.state = state
        if self.on_step is not None:
            self.on_step(self)

    def sums(self) -> tuple[Tensor, Tensor]:
        """The losses of the batches so far, and their counts: both (batches,)."""
        if not self._pieces:
            return torch.empty(0), torch.empty(0, dtype=torch.int64)
        last = tuple(piece[: self._filled] for piece in self._pieces[-1])
        columns = zip(*self._pieces[:-1], last)
        return tuple(torch.cat([part.to(column[-1].device) for part in column]) for column in columns)

    def total(self) -> tuple[float, int]:
        """The losses summed over the labels, in double precision, and the number of labels."""
        losses, counts = (part.cpu().double() for part in self.sums())
        return float(losses @ counts), int(counts.sum())

    def elapsed(self) -> float:
        """Seconds spent on this pass, those of earlier processes included."""
        return self.seconds + time.perf_counter() - self._began

    def pack(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Plain values for JSON, and tensors by name, from which :meth:`unpack` makes the same again.

        Raises:
            TypeError: if the state is neither a tensor nor tuples and lists of tensors.
        """
        losses, counts = self.sums()
        start = dict(self.start or generators(None))
        tensors = {"losses": losses, "counts": counts, "start": start.pop("torch")}
        plain = {
            "batch": self.batch,
            "last": self.last,
            "seconds": self.elapsed(),
            "form": _flatten(self.state, tensors),
            "start": start,
            "ranks": len(self.ranks),
            "best": self.best is not None,
        }
        tensors |= {f"rank.{i}": state for i, state in enumerate(self.ranks)}
        tensors |= {f"best.{name}": tensor for name, tensor in (self.best or {}).items()}
        return plain, tensors

    @classmethod
    def unpack(cls, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Position:
        """The inverse of :meth:`pack`.

        Raises:
            ValueError, TypeError, KeyError, RuntimeError: if the values are not those of a position.
        """
        position = cls()
        losses, counts = tensors["losses"], tensors["counts"]
        check_at_least(0, batch=plain["batch"], last=plain["last"], ranks=plain["ranks"])
        if not losses.shape == counts.shape == (plain["batch"],) or counts.is_floating_point():
            raise ValueError(f"{plain['batch']} batches do not fit losses of shape {tuple(losses.shape)}")
        position.batch, position.last, position.seconds = (
            plain["batch"],
            plain["last"],
            plain["seconds"] + 0.0,
        )
        if position.batch:  # what is added comes into a new piece
            position._pieces, position._filled = [(losses, counts)], position.batch
        position.state = _rebuild(plain["form"], tensors)
        position.start = {**plain["start"], "torch": tensors["start"]}
        if not isinstance(position.start["loader"], (dict, type(None))):
            raise TypeError("the state of the loader is no JSON object")
        python_state(position.start["python"])
        position.ranks = tuple(tensors[f"rank.{i}"] for i in range(plain["ranks"]))
        for state in (tensors["start"], *position.ranks):
            torch.Generator().set_state(state)
        if plain["best"]:
            best = {name: tensor for name, tensor in tensors.items() if name.startswith("best.")}
            position.best = {name.removeprefix("best."): tensor for name, tensor in best.items()}
        return position

    def to(self, device: torch.device) -> Position:
        """The same object with its state on a device."""
        self.state = map_state(lambda part: part.to(device), self.state)
        return self


def generators(loader: Any) -> dict[str, Any]:
    """Where chance stands: Python's and torch's global generators, and the loader's own if it has one."""
    version, numbers, gauss = random.getstate()
    own = loader.state_dict() if hasattr(loader, "state_dict") else None
    return {"python": [version, list(numbers), gauss], "torch": torch.get_rng_state(), "loader": own}


def set_generators(where: Mapping[str, Any], loader: Any) -> None:
    """Set them to what :func:`generators` gave."""
    random.setstate(python_state(where["python"]))
    torch.set_rng_state(where["torch"])
    if where["loader"] is not None:
        loader.load_state_dict(where["loader"])


def python_state(stored: list[Any]) -> tuple[Any, ...]:
    """A state of Python's generator from its form in JSON, tried on a generator of our own."""
    version, numbers, gauss = stored
    if not (gauss is None or isinstance(gauss, float)):
        raise TypeError("the normal number that Python keeps for later is neither a float nor None")
    state = (version, tuple(numbers), gauss)
    random.Random().setstate(state)
    return state


def _flatten(state: State, tensors: dict[str, Tensor]) -> Any:
    """Put the tensors of a state among the others; returns its form: None, a name, or a list with a kind."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        name = f"state.{sum(key.startswith('state.') for key in tensors)}"
        tensors[name] = state.detach()
        return name
    if type(state) not in (tuple, list):
        raise TypeError(
            f"the model's state is of type {type(state).__name__}; a checkpoint within an epoch keeps a "
            "tensor, or tuples and lists of tensors."
        )
    return [type(state).__name__, *(_flatten(part, tensors) for part in state)]


def _rebuild(form: Any, tensors: Mapping[str, Tensor]) -> State:
    """The inverse of :func:`_flatten`."""
    if form is None:
        return None
    if isinstance(form, str):
        return tensors[form]
    kind, *parts = form
    return {"tuple": tuple, "list": list}[kind](_rebuild(part, tensors) for part in parts)
