"""Save a model with all that is needed to go on, and load it again: safetensors and JSON, no pickle.

A checkpoint is one file. Its tensors are the model's parameters (``model.``), the optimizer's state
(``optimizer.``) and torch's random state; everything else is JSON in the file's header.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnnlib.history import History
from rnnlib.text import Vocab

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

        Raises:
            CheckpointError: if the parameters do not fit the model, or there is no optimizer state.
        """
        try:
            model.load_state_dict(self.model_state)
        except (RuntimeError, ValueError, KeyError) as error:
            raise CheckpointError(f"this checkpoint does not fit the model: {error}") from error
        if optimizer is not None:
            if self.optimizer_state is None:
                raise CheckpointError("the checkpoint was saved without an optimizer; pass optimizer=None.")
            optimizer.load_state_dict(self.optimizer_state)
        if rng:
            version, numbers, gauss = self.rng["python"]
            random.setstate((version, tuple(numbers), gauss))
            torch.set_rng_state(self.rng["torch"])


def _safetensors() -> Any:
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
    safetensors = _safetensors()
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
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(handle)
    try:
        safetensors.torch.save_file(tensors, part, metadata=metadata)
        load_checkpoint(part)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return path


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if it is damaged or of another kind.
    """
    safetensors = _safetensors()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {str(path)!r}.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("rnnlib", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{str(path)!r} cannot be read as a checkpoint: {error}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{str(path)!r} is no {FORMAT} file; it says {header.get('format')!r}.")
    vocab = header["vocab"]
    return Checkpoint(
        model_state={n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")},
        vocab=None if vocab is None else Vocab.from_list(vocab["tokens"], vocab["freqs"]),
        history=None if header["history"] is None else History.from_dict(header["history"]),
        config=header["config"],
        optimizer_state=(
            _join_optimizer(
                {n: t for n, t in tensors.items() if n.startswith("optimizer.")}, header["optimizer"]
            )
            if "optimizer" in header
            else None
        ),
        rng={"python": header["python_rng"], "torch": tensors["rng.torch"]},
    )
