"""Save a model with all that is needed to go on, and load it again: safetensors and JSON, no pickle.

A checkpoint is one file. Its tensors are the model's parameters (``model.``), the optimizer's state
(``optimizer.``) and torch's random state; everything else is JSON in the file's header.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnlib.training.record import History
from rnnlib.data.text import Vocab

__all__ = ["save_checkpoint", "load_checkpoint", "Checkpoint", "CheckpointError"]

FORMAT = "rnnlib-checkpoint-1"


class CheckpointError(ValueError):
    """A file is no checkpoint of this library, is damaged, or does not fit the model."""


@dataclass
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        model_state: parameter name -> tensor, for ``model.load_state_dict``.
        vocab: the vocabulary, or None.
        history: the training record, or None.
        config: whatever plain values were stored (layer type, sizes, ...).
        optimizer_state: for ``optimizer.load_state_dict``, or None.
        rng: states of the random generators at the time of saving.
    """

    model_state: dict[str, Tensor]
    vocab: Vocab | None
    history: History | None
    config: dict[str, Any]
    optimizer_state: dict[str, Any] | None
    rng: dict[str, Any]

    def restore(self, model: Any, optimizer: torch.optim.Optimizer | None = None, rng: bool = True) -> None:
        """Put everything back in place, so that training goes on as if it had never stopped.

        A loader with a seed of its own is not part of a checkpoint and begins its offsets anew; without one
        it draws them from Python's generator, which is.

        Args:
            model: built as the saved one was; not touched if the parameters do not fit.
            optimizer: of the same kind and over the same parameters as the saved one.
            rng: also restore the global generators of Python and of torch on the CPU.

        Raises:
            CheckpointError: if the parameters or the optimizer do not fit, or no optimizer was saved.
        """
        misfits = _misfits(self.model_state, model.state_dict())
        if misfits:
            raise CheckpointError(f"this checkpoint does not fit the model: {'; '.join(misfits)}.")
        if optimizer is not None:
            if self.optimizer_state is None:
                raise CheckpointError("the checkpoint was saved without an optimizer; pass optimizer=None.")
            try:
                optimizer.load_state_dict(self.optimizer_state)
            except (ValueError, KeyError) as error:
                raise CheckpointError(f"this checkpoint does not fit the optimizer: {error}") from error
        model.load_state_dict(self.model_state)
        if rng:
            version, numbers, gauss = self.rng["python"]
            random.setstate((version, tuple(numbers), gauss))
            torch.set_rng_state(self.rng["torch"])


def _misfits(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """How the saved parameters differ from the model's own in name or shape."""
    saved_shapes = {name: tuple(tensor.shape) for name, tensor in saved.items()}
    own_shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    pairs = {
        name: (saved_shapes.get(name, "missing"), own_shapes.get(name, "missing"))
        for name in own_shapes | saved_shapes
    }
    return [f"{name} is {a} in the file and {b} here" for name, (a, b) in pairs.items() if a != b]


def import_safetensors() -> Any:
    """The package, or an error that says what to install."""
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError("checkpoints need the package safetensors: pip install safetensors") from error
    return safetensors


def _split_optimizer(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state_dict as flat tensors and plain values."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            else:
                values.setdefault(str(index), {})[key] = value
    return tensors, {"param_groups": state["param_groups"], "values": values}


def _join_optimizer(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {int(i): dict(entries) for i, entries in plain["values"].items()}
    for name, tensor in tensors.items():
        index, key = name.removeprefix("optimizer.").split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    return {"state": state, "param_groups": plain["param_groups"]}


def save_checkpoint(
    path: str | os.PathLike[str],
    model: Any,
    *,
    vocab: Vocab | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    history: History | None = None,
    config: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint: first beside the target, checked by reading it back, then put in its place at once.

    If anything fails, an older file of that name stays as it was.

    Args:
        path: the file; its folder must exist.
        model: has ``state_dict()``.
        vocab, optimizer, history: stored if given.
        config: plain values (numbers, strings, lists) that describe how to build the model again.

    Returns:
        The path.

    Raises:
        TypeError: if ``config`` or the optimizer's settings are not plain values.
        FileNotFoundError: if the folder does not exist.
    """
    safetensors = import_safetensors()
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(path.parent)!r} does not exist; create it first.")
    version, numbers, gauss = random.getstate()
    header: dict[str, Any] = {
        "format": FORMAT,
        "config": dict(config or {}),
        "python_rng": [version, list(numbers), gauss],
        "vocab": None if vocab is None else {"tokens": vocab.idx_to_token, "freqs": vocab.token_freqs},
        "history": None if history is None else history.to_dict(),
    }
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors["rng.torch"] = torch.get_rng_state()
    if optimizer is not None:
        state, header["optimizer"] = _split_optimizer(optimizer.state_dict())
        tensors |= state
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {"rnnlib": json.dumps(header, ensure_ascii=False)}
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(safetensors.torch.save(tensors, metadata))
        load_checkpoint(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is damaged or of another kind.
    """
    safetensors = import_safetensors()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("rnnlib", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{str(path)!r} cannot be read as a checkpoint: {error}") from error
    found = header.get("format") if isinstance(header, dict) else header
    if found != FORMAT:
        raise CheckpointError(f"{str(path)!r} is no {FORMAT} file; it says {found!r}.")
    try:
        return _assemble(header, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{str(path)!r} is damaged: {type(error).__name__}: {error}") from error


def _assemble(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Checkpoint:
    vocab, history, optimizer = header["vocab"], header["history"], header.get("optimizer")
    of_optimizer = {n: t for n, t in tensors.items() if n.startswith("optimizer.")}
    return Checkpoint(
        model_state={n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")},
        vocab=None if vocab is None else Vocab.from_list(vocab["tokens"], vocab["freqs"]),
        history=None if history is None else History.from_dict(history),
        config=header["config"],
        optimizer_state=None if optimizer is None else _join_optimizer(of_optimizer, optimizer),
        rng={"python": header["python_rng"], "torch": tensors["rng.torch"]},
    )
