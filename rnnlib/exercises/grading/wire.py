"""Plain data as bytes, for the pipe between the checks and a locked worker; nothing in it can run.

A message is its length, a JSON text, and the bytes of the tensors in order.
"""

from __future__ import annotations

import ctypes
import json
import math
import socket
import struct
from typing import Any

import torch
from torch import Tensor

LIMIT = 64_000_000  # bytes of one message
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
                  torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64)
}  # fmt: skip


class BadMessage(Exception):
    """What came over the pipe is not a message."""


def pack(value: Any, kinds: dict[str, type]) -> bytes:
    """A value as bytes. ``kinds``: the record types that may occur, by name."""
    blobs: list[bytes] = []
    names = {kind: name for name, kind in kinds.items()}

    def encode(one: Any) -> Any:
        if one is None or isinstance(one, (bool, int, float, str)):
            return one
        if one is ...:
            return {"ellipsis": 1}
        if isinstance(one, Tensor):
            tensor = one.detach().cpu().contiguous()
            name = str(tensor.dtype).removeprefix("torch.")
            if name not in _DTYPES:
                tensor, name = tensor.to(torch.float64), "float64"
            blobs.append(ctypes.string_at(tensor.data_ptr(), tensor.nbytes) if tensor.numel() else b"")
            return {"tensor": [name, list(tensor.shape)]}
        if isinstance(one, list):
            return [encode(part) for part in one]
        if isinstance(one, tuple):
            return {"tuple": [encode(part) for part in one]}
        if isinstance(one, dict):
            return {"dict": [[str(key), encode(part)] for key, part in one.items()]}
        if type(one) in names:
            return {"record": [names[type(one)], [encode(part) for part in vars(one).values()]]}
        raise TypeError(f"{type(one).__name__} can't be sent.")

    text = json.dumps(encode(value)).encode()
    return struct.pack("!I", len(text)) + text + b"".join(blobs)


def unpack(data: bytes, kinds: dict[str, type]) -> Any:
    """The value of bytes that may come from anybody.

    Raises:
        BadMessage: if they are not a message.
    """
    try:
        (length,) = struct.unpack_from("!I", data)
        place = 4 + length

        def decode(one: Any) -> Any:
            nonlocal place
            if isinstance(one, list):
                return [decode(part) for part in one]
            if not isinstance(one, dict):
                return one
            ((key, content),) = one.items()
            if key == "ellipsis":
                return ...
            if key == "tensor":
                name, shape = content
                dtype = _DTYPES[name]
                if not all(type(size) is int and 0 <= size < 2**31 for size in shape) or len(shape) > 16:
                    raise BadMessage("shape")
                count = math.prod(shape)
                size = count * dtype.itemsize
                if size > len(data) - place:
                    raise BadMessage("a tensor is cut off")
                piece, place = bytearray(data[place : place + size]), place + size
                if not count:
                    return torch.empty(shape, dtype=dtype)
                return torch.frombuffer(piece, dtype=dtype).reshape(shape)
            if key == "tuple":
                return tuple(decode(part) for part in content)
            if key == "dict":
                return {str(name): decode(part) for name, part in content}
            if key == "record":
                name, parts = content
                return kinds[name](*(decode(part) for part in parts))
            raise BadMessage(str(key)[:50])

        value = decode(json.loads(data[4:place]))
        if place != len(data):
            raise BadMessage("bytes are left over")
        return value
    except BadMessage:
        raise
    except (ValueError, TypeError, KeyError, IndexError, struct.error, RuntimeError, RecursionError) as error:
        raise BadMessage(type(error).__name__) from error


def send(channel: socket.socket, data: bytes) -> None:
    """Send one message."""
    channel.sendall(struct.pack("!Q", len(data)) + data)


def receive(channel: socket.socket, limit: int = LIMIT) -> bytes:
    """Receive one message.

    Raises:
        EOFError: if the other side is gone.
        BadMessage: if it is too long.
    """
    (length,) = struct.unpack("!Q", _exactly(channel, 8))
    if length > limit:
        raise BadMessage(f"{length} bytes")
    return _exactly(channel, length)


def _exactly(channel: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
