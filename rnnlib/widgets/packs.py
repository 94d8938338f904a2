"""Data of figures: read the packs that come with the package, make new ones from a trained network.

A pack is a script, ``Kit.pack("name", {...});``. Its JSON has, beside what the figure says of it, ``size``
and ``gz``, base64 of gzip of the numbers, little endian, one array after another. Wherever an object has
``arrays``, it maps names to {offset, shape, dtype, scale}: offsets are in bytes; with ``scale``, the offset
of one float32 for each row, a matrix of int8 stands for value[r, c] = q[r, c] * scale[r]. A network is an
object with ``kind``, ``before``, ``V``, ``H``, ``layers``, ``directions``, ``embedding``, ``outputs``,
``vocab``, and ``arrays`` under the names of ``state_dict()``.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.widgets.files import packs

_CALL = re.compile(r'Kit\.pack\("([\w-]+)", (\{.*\})\);\s*$', re.DOTALL)
_DTYPES = {
    "float32": torch.float32,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "int16": torch.int16,
    "int32": torch.int32,
}


def _array(entry: dict[str, Any], data: bytes) -> Tensor:
    """One array, dequantized if it is quantized."""
    count = math.prod(entry["shape"])
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:  # uint16: torch has no arithmetic for it
        values = torch.frombuffer(bytearray(data), dtype=torch.int16, count=count, offset=entry["offset"])
        return values.to(torch.int32).bitwise_and(0xFFFF).reshape(entry["shape"])
    values = torch.frombuffer(bytearray(data), dtype=dtype, count=count, offset=entry["offset"])
    values = values.reshape(entry["shape"])
    if "scale" not in entry:
        return values
    scale = torch.frombuffer(
        bytearray(data), dtype=torch.float32, count=entry["shape"][0], offset=entry["scale"]
    )
    return values.to(torch.float32) * scale[:, None]


def packed(name: str) -> dict[str, Any] | None:
    """A pack as it stands in its file, its numbers still packed; None if there is no such pack."""
    path = packs().get(name)
    found = _CALL.search(path.read_text(encoding="utf-8")) if path else None
    return json.loads(found[2]) if found else None


def read_pack(name: str | Path) -> dict[str, Any]:
    """Read a pack by its name, or a file; its networks get ``state``: name -> dequantized tensor.

    Raises:
        ValueError: if there is no such pack, or the file is not one.
    """
    path = packs().get(str(name), Path(name))
    if not path.is_file():
        raise ValueError(f"no pack {str(name)!r}; there are {', '.join(packs())}.")
    found = _CALL.search(path.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f'{path} is not a pack: it does not end in Kit.pack("name", {{...}});')
    pack = json.loads(found[2])
    if "gz" not in pack:
        return pack
    data = gzip.decompress(base64.b64decode(pack.pop("gz")))
    if len(data) != pack["size"]:
        raise ValueError(f"{path} holds {len(data)} bytes, but says {pack['size']}; run `make packs`.")

    def fill(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                fill(item)
        elif isinstance(part, dict):
            for key, item in part.items():
                if key != "arrays":
                    fill(item)
            if "arrays" in part:
                part["state"] = {key: _array(entry, data) for key, entry in part["arrays"].items()}

    fill(pack)
    return pack


def model_pack(model: nn.Module, vocab: Any, **words: Any) -> dict[str, Any]:
    """Make a pack of a trained network, unquantized, for `figure(..., packs={name: pack})`.

    Args:
        model: an ``RNNModel`` over a layer of torch.nn or of ``rnnlib.scratch``.
        vocab: its vocabulary, index -> token by ``to_tokens``.
        words: more entries for the pack.

    Raises:
        ValueError: if the model is not a recurrent language model of tanh, GRU or LSTM.
    """
    layer = getattr(model, "rnn", None)
    kind = type(layer).__name__.lower()
    if kind not in ("rnn", "gru", "lstm") or not hasattr(model, "linear"):
        raise ValueError(
            f"figures take an RNNModel over nn.RNN, nn.GRU or nn.LSTM (or those of rnnlib.scratch), not "
            f"{type(model).__name__} over {type(layer).__name__}."
        )
    if getattr(layer, "proj_size", 0) or getattr(layer, "nonlinearity", "tanh") != "tanh":
        raise ValueError("figures know no projection and no activation but tanh.")
    arrays, data = {}, bytearray()
    for name, tensor in model.state_dict().items():
        arrays[name] = {"offset": len(data), "shape": list(tensor.shape), "dtype": "float32"}
        data += tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
    embedding = getattr(model, "embedding", None)
    network = {
        "kind": kind,
        "before": not getattr(layer, "reset_after", True),
        "V": model.vocab_size,
        "H": layer.hidden_size,
        "layers": layer.num_layers,
        "directions": 2 if layer.bidirectional else 1,
        "embedding": embedding.embedding_dim if embedding is not None else 0,
        "outputs": model.linear.out_features,
        "output": "linear",
        "vocab": [vocab.to_tokens(index) for index in range(len(vocab))],
        "arrays": arrays,
    }
    return {"model": network, "vocab": network["vocab"], "size": len(data), "bytes": bytes(data), **words}
