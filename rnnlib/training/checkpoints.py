"""Save a model with all that is needed to continue, and load it again: safetensors and JSON, no pickle.

A checkpoint is one file. Its tensors are the model's parameters (``model.``), the optimizer's state
(``optimizer.``) and torch's random state; everything else is JSON in the file's header. A SHA-256 over both
tells a damaged file from a whole one.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import random
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnlib.common import atomic_write, printable
from rnnlib.data.text import Vocab
from rnnlib.training.position import Position, python_state
from rnnlib.training.record import History

FORMAT = "rnnlib-checkpoint-2"
WITHIN = "rnnlib-checkpoint-3"  # one that was written within an epoch, which rnnlib 0.2.0 cannot continue
# What reading a file with arbitrary contents can raise (RecursionError is a RuntimeError)
DAMAGE = (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError)


class CheckpointError(ValueError):
    """A file is no checkpoint of this library, is damaged, or does not fit the model."""


@dataclass(eq=False, repr=False)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        model_state: parameter name -> tensor on the CPU.
        vocab: the vocabulary, or None.
        history: the training record, or None.
        config: whatever plain values were stored (layer type, sizes, ...).
        optimizer_class: the class name of the optimizer, or None.
        optimizer_state: what its ``state_dict`` was, or None.
        loader_state: what the loader's ``state_dict`` was, or None.
        rng: states of the global random generators: ``"python"`` and ``"torch"``.
        position: where the run stood within an epoch, for :func:`rnnlib.train`; None at the end of a run.
    """

    model_state: dict[str, Tensor]
    vocab: Vocab | None
    history: History | None
    config: dict[str, Any]
    optimizer_class: str | None
    optimizer_state: dict[str, Any] | None
    loader_state: dict[str, Any] | None
    rng: dict[str, Any]
    position: Position | None = None

    def restore(
        self,
        model: Any,
        optimizer: torch.optim.Optimizer | None = None,
        loader: Any = None,
        rng: bool = True,
    ) -> None:
        """Put everything back in place, so that training goes on as if it had never stopped.

        All of it is checked before any of it is changed.

        Args:
            model: built as the saved one was; compiled or not, whichever the saved one was.
            optimizer: of the same class and over the same parameters as the saved one.
            loader: of the same kind as the saved one; needed if it has a seed of its own.
            rng: also restore the global generators of Python and of torch on the CPU, from which dropout and
                loaders without a seed draw.

        Raises:
            CheckpointError: if the model, the optimizer or the loader does not fit, or was not saved.
        """
        own = model.state_dict()
        if on_meta := [name for name, tensor in own.items() if tensor.is_meta]:
            raise CheckpointError(
                f"{on_meta[0]} is on the meta device, which holds no values; build the model on a real one, "
                "or call model.to_empty(device='cpu') first."
            )
        if found := misfits(self.model_state, own):
            raise CheckpointError(f"this checkpoint does not fit the model: {found}.")
        if optimizer is not None:
            self._check_optimizer(optimizer)
        try:
            python_state, torch_state = _generator_states(self.rng)
        except DAMAGE as error:
            raise CheckpointError(
                f"the states of the random generators are damaged: {_say(error)}"
            ) from error
        if loader is not None:
            if self.loader_state is None:
                raise CheckpointError("the checkpoint was saved without a loader; pass loader=None.")
            try:
                loader.load_state_dict(self.loader_state)  # the first change; a loader checks before it
            except DAMAGE as error:
                raise CheckpointError(f"this checkpoint does not fit the loader: {_say(error)}") from error
        model.load_state_dict({name: self.model_state[_uncompiled(name)] for name in own})
        if optimizer is not None:
            optimizer.load_state_dict(copy.deepcopy(self.optimizer_state))  # which would share its tensors
        if rng:
            random.setstate(python_state)
            torch.set_rng_state(torch_state)

    def _check_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Let a twin of the optimizer take over the saved state and make steps, on copies of its parameters.

        Steps show what is missing in the state or has the wrong shape, whatever the kind of optimizer.
        """
        if self.optimizer_state is None:
            raise CheckpointError("the checkpoint was saved without an optimizer; pass optimizer=None.")
        given, saved = type(optimizer).__name__, self.optimizer_class
        if given != saved:
            raise CheckpointError(
                f"the checkpoint was saved with the optimizer {printable(saved)}, but this one is of the "
                f"class {given}; use one of that class, or optimizer=None to restore the model alone."
            )
        twin = copy.copy(optimizer)  # without hooks, but also without attributes that torch does not know
        vars(twin).update({name: value for name, value in vars(optimizer).items() if name not in vars(twin)})
        try:
            twin.load_state_dict(copy.deepcopy(self.optimizer_state))
            unknown = [key for key in twin.state if not isinstance(key, Tensor)]
            if unknown:
                raise KeyError(f"there is no parameter {unknown[0]!r}")
            for group in twin.param_groups:
                group["params"] = [_stand_in(parameter, twin.state) for parameter in group["params"]]
            settings = [dict(group) for group in twin.param_groups]
            for group in twin.param_groups:
                group.update(fused=False, foreach=False)  # fused steps do not check shapes and can crash
            type(twin).step(twin)  # a scheduler may have put another step into the instance
            for group, own in zip(twin.param_groups, settings):
                group.update(own)
            type(twin).step(twin)
        except Exception as error:  # whatever it is, the real optimizer would have raised it
            raise CheckpointError(f"this checkpoint does not fit the optimizer: {_say(error)}") from error

    def __repr__(self) -> str:
        numbers = sum(tensor.numel() for tensor in self.model_state.values())
        parts = [f"{len(self.model_state)} tensors with {numbers:,} numbers"]
        if self.vocab is not None:
            parts.append(f"{len(self.vocab):,} tokens")
        if self.history is not None:
            parts.append(f"epoch {self.history.num_epochs}")
        if self.position is not None:
            parts.append(f"then {self.position.batch:,} batches")
        if self.optimizer_class is not None:
            parts.append(f"optimizer {printable(self.optimizer_class)}")
        return f"Checkpoint({', '.join(parts)}, config={reprlib.repr(self.config)})"


def _stand_in(parameter: Tensor, state: dict[Any, Any]) -> Tensor:
    """A tensor of zeros with a gradient of zeros, which takes over the parameter's place in the state."""
    twin = torch.zeros_like(parameter).requires_grad_()
    twin.grad = torch.zeros_like(parameter)
    if parameter in state:
        state[twin] = state.pop(parameter)
    return twin


def _generator_states(rng: Mapping[str, Any]) -> tuple[tuple, Tensor]:
    """The states for Python's and torch's global generators, tried on generators of our own."""
    python = python_state(rng["python"])
    torch.Generator().set_state(rng["torch"])
    return python, rng["torch"]


def misfits(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """How saved parameters differ from a model's own in name or shape: the first few, or an empty string."""
    saved_shapes = {_uncompiled(name): tuple(tensor.shape) for name, tensor in saved.items()}
    own_shapes = {_uncompiled(name): tuple(tensor.shape) for name, tensor in own.items()}
    found = [
        f"{printable(name)} is {a} in the file and {b} here"
        for name in own_shapes | saved_shapes
        if (a := saved_shapes.get(name, "missing")) != (b := own_shapes.get(name, "missing"))
    ]
    return "; ".join(found[:3] + ([f"and {len(found) - 3} more"] if len(found) > 3 else []))


def _uncompiled(name: str) -> str:
    """The name of a parameter without what torch.compile puts into it."""
    return name.replace("_orig_mod.", "")


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {printable(str(error))}"


def import_safetensors() -> Any:
    """The package safetensors, or an error that says what to install."""
    try:
        import numpy  # noqa: F401  (safetensors needs it and does not install it)
        import safetensors.torch
    except ImportError as error:
        raise ImportError(f"checkpoints need the package {error.name}: pip install {error.name}") from error
    return safetensors


def save_checkpoint(
    path: str | os.PathLike[str],
    model: Any,
    *,
    vocab: Vocab | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    history: History | None = None,
    config: Mapping[str, Any] | None = None,
    loader: Any = None,
    position: Position | None = None,
) -> Path:
    """Write a checkpoint, read it back, and only then put it in the place of an older file, all at once.

    If anything fails, an older file of that name stays as it was.

    Args:
        path: the file; its folder must exist.
        model: has ``state_dict()``; a compiled model is saved as the plain one.
        vocab, optimizer, history: stored if given.
        config: plain values (finite numbers, strings, lists, dicts with strings as keys) that describe how to
            build the model again.
        loader: the training loader, such as ``data.train``; has ``state_dict()``. Its own random generator is
            stored, so that a resumed run meets the same batches.
        position: where the run stands within an epoch; a :class:`~rnnlib.training.saving.Saver` gives it.

    Returns:
        The path.

    Raises:
        TypeError: if ``config`` or the optimizer's settings are not plain values.
        FileNotFoundError: if the folder does not exist.
    """
    safetensors = import_safetensors()
    if loader is not None and not hasattr(loader, "state_dict"):
        raise TypeError(
            f"loader is of type {type(loader).__name__}; pass the loader itself, such as data.train."
        )
    tensors = {f"model.{_uncompiled(name)}": tensor for name, tensor in model.state_dict().items()}
    tensors["rng.torch"] = torch.get_rng_state()
    version, numbers, gauss = random.getstate()
    header: dict[str, Any] = {
        "format": FORMAT,
        "config": _plain(dict(config or {}), "config"),
        "vocab": None if vocab is None else {"tokens": vocab.idx_to_token, "freqs": vocab.token_freqs},
        "history": None if history is None else history.to_dict(),
        "optimizer": None,
        "loader": None if loader is None else _plain(loader.state_dict(), "loader"),
        "python_rng": [version, numbers, gauss],
    }
    if optimizer is not None:
        of_optimizer, header["optimizer"] = _split_optimizer(optimizer)
        tensors |= of_optimizer
    if position is not None:
        values, of_position = position.pack()
        header |= {"format": WITHIN, "position": _plain(values, "position")}
        tensors |= {f"position.{name}": tensor for name, tensor in of_position.items()}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(header, allow_nan=False)
    data = safetensors.torch.save(tensors, {"rnnlib": text, "sha256": _checksum(text, tensors)})
    _parse(data, f"what was to be written to {str(path)!r}")
    return atomic_write(path, data)


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        CheckpointError: if it is damaged or of another kind.
    """
    try:
        data = Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}.") from error
    return _parse(data, repr(str(path)))


def _parse(data: bytes, what: str) -> Checkpoint:
    """The checkpoint in the bytes of a file; ``what`` names it in the error."""
    safetensors = import_safetensors()
    try:
        tensors = dict(sorted(safetensors.torch.load(data).items()))  # it keeps no order
        size = int.from_bytes(data[:8], "little")  # of the safetensors header, which is JSON
        metadata = json.loads(data[8 : 8 + size]).get("__metadata__", {})
        text = metadata.get("rnnlib", "{}")
        header = json.loads(text, parse_constant=_no_constant)
    except (safetensors.SafetensorError, *DAMAGE) as error:
        raise CheckpointError(f"{what} cannot be read as a checkpoint: {_say(error)}") from error
    found = header.get("format") if isinstance(header, dict) else header
    if found == "rnnlib-checkpoint-1":
        raise CheckpointError(
            f"{what} was written by rnnlib 0.1 and cannot be read by this version; "
            "train again, or load it with rnnlib 0.1."
        )
    if found not in (FORMAT, WITHIN):
        raise CheckpointError(f"{what} is no {FORMAT} file; it says {reprlib.repr(found)}.")
    if metadata.get("sha256") != _checksum(text, tensors):
        raise CheckpointError(f"{what} is damaged: its contents do not match the checksum stored with them.")
    try:
        return _assemble(header, tensors)
    except DAMAGE as error:
        raise CheckpointError(f"{what} is damaged: {_say(error)}") from error


def _assemble(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Checkpoint:
    config, loader, optimizer = header["config"], header["loader"], header["optimizer"]
    vocab, history = header["vocab"], header["history"]
    where = header["position"] if header["format"] == WITHIN else None
    if not isinstance(config, dict) or not isinstance(loader, (dict, type(None))):
        raise TypeError("config or loader is no JSON object")
    if optimizer is not None and not isinstance(optimizer["class"], str):
        raise TypeError("the optimizer's class is no string")
    rng = {"python": header["python_rng"], "torch": tensors["rng.torch"]}
    _generator_states(rng)
    return Checkpoint(
        model_state=_below("model.", tensors),
        vocab=None if vocab is None else Vocab.from_list(vocab["tokens"], vocab["freqs"]),
        history=None if history is None else _history(history),
        config=config,
        optimizer_class=None if optimizer is None else optimizer["class"],
        optimizer_state=None if optimizer is None else _join_optimizer(optimizer, tensors),
        loader_state=loader,
        rng=rng,
        position=None if where is None else Position.unpack(where, _below("position.", tensors)),
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin so, by the rest of their names."""
    return {n.removeprefix(prefix): tensor for n, tensor in tensors.items() if n.startswith(prefix)}


def _history(stored: Mapping[str, Any]) -> History:
    history = History.from_dict(stored)
    if history.to_dict() != stored or len(history.tokens_per_second) != history.num_epochs:
        raise ValueError("a field of the history has the wrong type or length")
    return history


def _split_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as flat tensors and plain values."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            else:
                values.setdefault(str(index), {})[key] = value
    plain = {"class": type(optimizer).__name__, "param_groups": state["param_groups"], "values": values}
    return tensors, _plain(plain, "optimizer")


def _join_optimizer(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The inverse of :func:`_split_optimizer`, as ``load_state_dict`` takes it."""
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in plain["values"].items()}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            index, key = name.removeprefix("optimizer.").split(".", 1)
            state.setdefault(int(index), {})[key] = tensor
    return {"state": state, "param_groups": plain["param_groups"]}


def _plain(value: Any, where: str) -> Any:
    """A value as JSON keeps it, NumPy's numbers as Python's; a TypeError for what JSON cannot hold."""
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"{where} is {reprlib.repr(value)}, which standard JSON cannot hold; use finite numbers, strings, "
        "True, False, None, and lists or dicts (with strings as keys) of them."
    )


def _checksum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the JSON header and over the names, dtypes, shapes and bytes of all tensors."""
    digest = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
