"""Write and read packs, the data that figures load: JSON and arrays in one classic script.

    Kit.pack("NAME", {...json..., "size": N, "gz": "base64 of gzip of the arrays one after another"});

Wherever the JSON has ``arrays``, each entry says where an array lies in the N bytes: ``offset`` (a multiple
of 4), ``shape``, ``dtype``, little endian. Weights are int8: an entry with ``scale`` has at that offset one
float32 for each row, and value[r, c] = q[r, c] * scale[r]. With ``step``, value = stored * step.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import platform
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from rnnlib.common import atomic_write
from rnnlib.models.attention import ATTENTIONS
from rnnlib.states import num_states

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "rnnlib" / "widgets" / "packs"
DTYPES = {
    "int8": torch.int8,
    "uint8": torch.uint8,
    "uint16": torch.uint16,
    "int32": torch.int32,
    "float32": torch.float32,
}
CHANGING = ("date", "seconds", "cpu_seconds")  # of the conditions: what differs from run to run


def quantize(weight: Tensor, levels: int = 127) -> tuple[Tensor, Tensor]:
    """int8 numbers (R, C) from -levels to levels, and a float32 scale (R,), for a matrix (R, C)."""
    scale = (weight.double().abs().amax(dim=1) / levels).clamp_min(1e-12).float()
    q = (weight.double() / scale.double()[:, None]).round().clamp(-levels, levels)
    return q.to(torch.int8), scale


class Pack:
    """A pack in the making: its arrays, one after another.

    Args:
        name: of the file, and the name by which figures ask for it.
        about: one sentence in Chinese, one in English: what it holds.
    """

    def __init__(self, name: str, about: tuple[str, str]):
        self.name, self.about, self._bytes = name, about, bytearray()

    def _put(self, values: Tensor) -> int:
        """Add the bytes of a tensor; the offset where they begin."""
        self._bytes.extend(b"\0" * (-len(self._bytes) % 4))
        offset = len(self._bytes)
        values = values.detach().contiguous().cpu().numpy()
        self._bytes.extend(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
        return offset

    def array(self, values: Tensor, dtype: str, step: float | None = None) -> dict[str, Any]:
        """Add an array, divided by ``step`` if given; the entry that says where it lies."""
        if step is not None:
            values = (values.double() / step).round()
        stored = values.to(DTYPES[dtype])
        if dtype != "float32" and not torch.equal(stored.double(), values.double()):
            raise ValueError(f"{self.name}: there are values that {dtype} cannot hold.")
        entry: dict[str, Any] = {"offset": self._put(stored), "shape": list(values.shape), "dtype": dtype}
        return entry if step is None else {**entry, "step": step}

    def weights(self, state: Mapping[str, Tensor], levels: int = 127) -> dict[str, Any]:
        """Add a state_dict: matrices as int8 with a scale for each row, vectors as float32."""
        entries = {}
        for name, weight in state.items():
            if weight.ndim < 2:
                entries[name] = self.array(weight.float(), "float32")
                continue
            q, scale = quantize(weight, levels)
            entries[name] = {**self.array(q, "int8"), "scale": self._put(scale)}
        return entries

    def model(self, model: nn.Module, levels: int = 127, **more: Any) -> dict[str, Any]:
        """Add a recurrent model: what has to be known to build it again, and its weights."""
        return {**describe(model), **more, "arrays": self.weights(model.state_dict(), levels)}

    def reload(self, entry: dict[str, Any]) -> nn.Module:
        """The model of an entry with the weights that a reader of the pack will get."""
        state = {name: _values(array, bytes(self._bytes)) for name, array in entry["arrays"].items()}
        return build({**entry, "state": state})

    def write(self, conditions: dict[str, Any], **content: Any) -> Path:
        """Write the file; one that differs in nothing but dates and seconds is left as it is."""
        path = FOLDER / f"{self.name}.js"
        data = {"about": list(self.about), **content, "conditions": conditions, "size": len(self._bytes)}
        zipped = gzip.compress(bytes(self._bytes), compresslevel=9, mtime=0)
        data["gz"] = base64.b64encode(zipped).decode()
        if path.exists() and _lasting(parse(path)) == _lasting(json.loads(_dumps(data))):
            return path
        lines = [f"{_dumps(key)}: {_dumps(value)}" for key, value in data.items()]
        head = f"/* Made by book/_tools/packs/{self.name}.py: make packs NAME={self.name} */\n"
        text = f'{head}Kit.pack("{self.name}", {{\n' + ",\n".join(lines) + "\n});\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text.encode())
        return path


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _lasting(data: dict[str, Any]) -> dict[str, Any]:
    """A pack without what changes from one run to the next of the same program."""
    conditions = {key: value for key, value in data["conditions"].items() if key not in CHANGING}
    return {**data, "conditions": conditions}


def conditions(seconds: float, cpu_seconds: float, **more: Any) -> dict[str, Any]:
    """What somebody has to know who compares: ``corpus``, ``seeds``, and the machine."""
    return {
        **more,
        "hardware": rnnlib.describe_device("cpu").split(", torch")[0],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "rnnlib": rnnlib.__version__,
        "date": date.today().isoformat(),
        "seconds": round(seconds),
        "cpu_seconds": round(cpu_seconds),
    }


# ---------- models ----------

KINDS = {"RNN_TANH": "rnn", "GRU": "gru", "LSTM": "lstm"}


def describe(model: nn.Module) -> dict[str, Any]:
    """The sizes and the kind of a model with a recurrent layer ``rnn`` and one output layer, or of a pair."""
    if isinstance(model, rnnlib.EncoderDecoder):
        return describe_pair(model)
    layer = model.rnn
    kind = KINDS.get(getattr(layer, "mode", "")) or type(layer).__name__.lower()
    output = "linear" if hasattr(model, "linear") else "output"
    embedding = getattr(model, "embedding", None)
    return {
        "kind": kind,
        "before": not getattr(layer, "reset_after", True),
        "V": layer.input_size if embedding is None else embedding.num_embeddings,
        "H": layer.hidden_size,
        "layers": layer.num_layers,
        "directions": 2 if layer.bidirectional else 1,
        "embedding": 0 if embedding is None else embedding.embedding_dim,
        "outputs": getattr(model, output).out_features,
        "output": output,
        "states": num_states(layer),
    }


def describe_pair(model: rnnlib.EncoderDecoder) -> dict[str, Any]:
    """The sizes and the kinds of an encoder and a decoder that are alike."""
    kinds = {kind: name for name, kind in ATTENTIONS.items()}
    layer = model.encoder
    return {
        "kind": KINDS[layer.mode],
        "attention": kinds.get(type(model.attention)),
        "source": model.source.num_embeddings,
        "V": model.vocab_size,
        "H": layer.hidden_size,
        "layers": layer.num_layers,
        "directions": 2 if layer.bidirectional else 1,
        "embedding": layer.input_size,
    }


def build(entry: dict[str, Any]) -> nn.Module:
    """The rnnlib model of a pack's entry, with the weights that the figures use."""
    V, H, E = entry["V"], entry["H"], entry["embedding"]
    options = {"num_layers": entry["layers"], "bidirectional": entry["directions"] == 2}
    if "attention" in entry:
        options |= {"layer": entry["kind"], "attention": entry["attention"], "embedding_size": E}
        model = rnnlib.EncoderDecoder(entry["source"], V, H, **options)
    elif entry["output"] == "output":
        model = rnnlib.SequenceTagger(entry["kind"], E, H, entry["outputs"], vocab_size=V, **options)
    elif entry["before"]:
        model = rnnlib.RNNModel(rnnlib.scratch.GRU(E or V, H, reset_after=False, **options), V, bool(E))
    else:
        layers = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        model = rnnlib.RNNModel(layers[entry["kind"]](E or V, H, **options), V, bool(E))
    model.load_state_dict(entry["state"])
    return model.eval()


# ---------- reading ----------


def parse(path: Path) -> dict[str, Any]:
    """The JSON of a pack, as it stands.

    Raises:
        ValueError: if the file is no pack.
    """
    text = path.read_text(encoding="utf-8")
    begin, end = text.find("{", text.find("Kit.pack(")), text.rfind("});")
    if f'Kit.pack("{path.stem}", ' not in text or end < begin:
        raise ValueError(f"{path} does not call Kit.pack({path.stem!r}, ...).")
    return json.loads(text[begin : end + 1])


def read_pack(path: str | Path) -> dict[str, Any]:
    """A pack with its arrays as tensors.

    Wherever the JSON has ``arrays``, ``state`` stands beside it: name -> tensor, dequantized.

    Raises:
        ValueError: if the file is no pack, or its arrays do not fill its bytes.
    """
    data = parse(Path(path))
    raw = gzip.decompress(base64.b64decode(data.pop("gz"), validate=True))
    if len(raw) != data["size"]:
        raise ValueError(f"{path} has {len(raw)} bytes of arrays, not {data['size']}.")
    for holder in _holders(data):
        holder["state"] = {name: _values(entry, raw) for name, entry in holder["arrays"].items()}
    return data


def _holders(data: Any) -> Iterator[dict[str, Any]]:
    """All objects that have arrays."""
    if isinstance(data, dict):
        if isinstance(data.get("arrays"), dict):
            yield data
        for key, value in list(data.items()):
            if key not in ("arrays", "state"):
                yield from _holders(value)
    elif isinstance(data, list):
        for value in data:
            yield from _holders(value)


def _values(entry: dict[str, Any], raw: bytes) -> Tensor:
    stored = _stored(raw, entry["offset"], entry["shape"], entry["dtype"])
    if "scale" in entry:
        scale = _stored(raw, entry["scale"], entry["shape"][:1], "float32")
        return stored.float() * scale[:, None]
    return stored * entry["step"] if "step" in entry else stored


def _stored(raw: bytes, offset: int, shape: list[int], dtype: str) -> Tensor:
    count, kind = math.prod(shape), DTYPES[dtype]
    if offset % 4 or offset + count * kind.itemsize > len(raw):
        raise ValueError(f"an array of shape {shape} at {offset} does not lie in {len(raw)} bytes.")
    return torch.frombuffer(bytearray(raw), dtype=kind, count=count, offset=offset).view(shape)
