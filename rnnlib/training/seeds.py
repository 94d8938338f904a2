"""The same training with several seeds: one claim, as many runs; on a GPU they go side by side."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from rnnlib.common import check_at_least
from rnnlib.data.batches import SequenceLoader
from rnnlib.data.text_data import TextData
from rnnlib.devices import set_seed
from rnnlib.training import parallel
from rnnlib.training.fast import Captured, Step, Steps, resume
from rnnlib.training.fast.graphs import unfit
from rnnlib.training.fast.steps import LEFT_OUT
from rnnlib.training.loop import train
from rnnlib.training.losses import Loss, token_loss
from rnnlib.training.record import History

log = logging.getLogger("rnnlib.training")
Run = tuple[Any, History | None]


class Diverged(FloatingPointError):
    """With some of the seeds the loss did not stay finite; the runs of the others came to their ends.

    Attributes:
        runs: ``(model, History)`` for each seed, in their order; None is the history of a run that diverged.
    """

    def __init__(self, message: str, runs: list[Run]):
        super().__init__(message)
        self.runs = runs


def train_seeds(
    make_model: Callable[[], Any],
    data: Any,
    num_epochs: int,
    lr: float | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    fast: bool = True,
    loss: Loss = token_loss,
    clip: float | None = 1.0,
    valid: Any = None,
    progress: bool = True,
    **options: Any,
) -> list[tuple[Any, History]]:
    """Train one network for each seed: ``set_seed(seed)``, ``make_model()``, :func:`rnnlib.train`.

    Every run is the one that it would be alone. It reads the data as they stand when this is called: a loader
    that draws from the global generators is ruled by the seed, one with a generator of its own gives every
    run the same order.

    On a CPU the runs follow each other. On a GPU the steps of all of them stand side by side in one CUDA
    graph, where their steps can be a graph at all and a :class:`~rnnlib.SequenceLoader` gives the batches:
    one small network leaves much of a GPU idle. The log says which. There all models are in memory at once,
    and each history's seconds and speed are those of a run that shares the GPU with the others.

    Args:
        make_model: makes a model on the device of the data; chance in it is ruled by the seed.
        data, num_epochs, lr, fast, loss, clip, valid: as for :func:`rnnlib.train`.
        seeds: whole numbers from 0 on, all different.
        progress: show a bar; for runs side by side, that of the first.
        options: ``eval_every``, ``patience``, ``precision``, and ``optimizer`` as a name, class or function.

    Returns:
        ``(model, History)`` for each seed, in their order. If the reader interrupts, the runs that had begun.

    Raises:
        ValueError: for seeds that are not such, other options, and as :func:`rnnlib.train` does.
        Diverged: if the loss of some of the runs is no longer finite. It is raised when all others are done,
            and has them.
    """
    seeds = list(seeds)
    for seed in seeds:
        check_at_least(0, seed=seed)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds={seeds}: give at least one, and each of them once.")
    if other := options.keys() - {"optimizer", "eval_every", "patience", "precision"}:
        raise ValueError(f"train_seeds has no options {sorted(other)}; train may have them, for one run.")
    if isinstance(options.get("optimizer"), torch.optim.Optimizer):
        raise ValueError("an optimizer holds the parameters of one model; give its name or class.")
    valid = list(valid) if isinstance(valid, Iterator) else valid
    options |= {"fast": fast, "loss": loss, "clip": clip, "valid": valid}
    loaders = [data.train if isinstance(data, TextData) else data, valid]
    began = [(loader, loader.state_dict()) for loader in loaders if hasattr(loader, "state_dict")]
    models, runs, ends, apart = {}, {}, {}, None
    for seed in seeds:
        set_seed(seed)
        models[seed] = make_model()
        if apart is None and (apart := _why_apart(models[seed], data, options)) and len(seeds) > 1:
            log.info("one seed after the other: %s", apart)
        own = data if apart else _with_generator(data)
        run = train.steps(models[seed], own, num_epochs, lr, progress=progress, **options)
        if not apart:
            runs[seed], progress = run, False
            continue
        ends |= _Runs({seed: run}).finish()
        for loader, where in began:
            loader.load_state_dict(where)
        if _interrupted(ends):
            break
    ends |= _Runs(runs).finish()
    failed = {seed: end for seed, end in ends.items() if isinstance(end, FloatingPointError)}
    found = [(model, None if seed in failed else ends[seed]) for seed, model in models.items()]
    if failed:
        first = next(iter(failed.values()))
        raise Diverged(f"with seeds {list(failed)} of {list(models)}: {first}", found) from first
    return found


def _why_apart(model: Any, data: Any, options: dict[str, Any]) -> str:
    """Why the runs cannot go side by side; an empty string if they can.

    Where they can, nothing but the loader draws from a generator, and that when a pass begins.
    """
    loader = data.train if isinstance(data, TextData) else data
    if type(loader) is not SequenceLoader:
        return "the batches do not come from a SequenceLoader"
    if options.get("precision") == "float16":
        return LEFT_OUT
    if not options["fast"] or parallel.world()[1] > 1:
        return "fast=False, or several processes"
    return unfit(model, options["loss"], options["clip"], torch.empty(0, device=loader.device))


def _with_generator(data: TextData | SequenceLoader) -> TextData | SequenceLoader:
    """The same data with a generator of their own, which stands where theirs does."""
    if isinstance(data, TextData):
        return dataclasses.replace(data, train=_with_generator(data.train))
    loader = copy.copy(data)
    loader.rng = random.Random()
    loader.rng.setstate(data.rng.getstate())
    return loader


class _Runs:
    """Runs that advance by a step each in turn.

    Attributes:
        runs: seed -> the loop of its run.
        waiting: seed -> the step at which its run waits.
        ends: seed -> the history of a run, or what ended it.
    """

    def __init__(self, runs: dict[int, Steps[History]]):
        self.runs = runs
        self.waiting: dict[int, Step] = {}
        self.ends: dict[int, History | FloatingPointError] = {}

    def finish(self) -> dict[int, History | FloatingPointError]:
        """Take all runs to their ends; returns these."""
        try:
            with contextlib.suppress(KeyboardInterrupt):  # each run is told below
                self._take_turns()
            for seed in [seed for seed in self.runs if seed not in self.ends]:
                self._go_on(seed, _interrupt)
        finally:
            for run in self.runs.values():
                run.close()
        return self.ends

    def _take_turns(self) -> None:
        """Until all runs have ended, or one of them by the reader's hand."""
        captured, members = Captured(), list(self.runs)
        for seed in members:
            self._go_on(seed, lambda: None)
        while self.waiting and not _interrupted(self.ends):
            if self.waiting.keys() != set(members):  # a run has ended: its step may not be replayed
                captured, members = Captured(), [seed for seed in members if seed in self.waiting]
            steps = [self.waiting[seed] for seed in members]
            replayed = captured.take(steps) if len(members) > 1 else None
            for seed, step, done in zip(members, steps, replayed or [None] * len(steps)):
                self._go_on(seed, step.take if done is None else lambda done=done: done)

    def _go_on(self, seed: int, take: Callable[[], Any]) -> None:
        """Let a run go on to its next step, with what its last one gave."""
        self.waiting.pop(seed, None)
        try:
            self.waiting[seed] = resume(self.runs[seed], take)
        except StopIteration as end:
            self.ends[seed] = end.value
        except FloatingPointError as error:
            self.ends[seed] = error
        except Exception as error:
            if hasattr(error, "add_note"):  # Python 3.11
                error.add_note(f"This was the run with seed {seed}.")
            raise


def _interrupt() -> None:
    raise KeyboardInterrupt


def _interrupted(ends: dict[int, Any]) -> bool:
    return any(isinstance(end, History) and end.interrupted for end in ends.values())
