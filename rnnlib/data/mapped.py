"""Tokens that stay on the disk: a view of a mapped file, of which batches alone come into memory."""

from __future__ import annotations

import contextlib
import copy
import mmap
import warnings
from typing import Any

import torch
from torch import Tensor

WIDTHS = {"uint8": torch.uint8, "uint16": torch.int16, "int32": torch.int32}
FAULT = 2**16  # bytes that the kernel maps around one touched place
MAPPED = 2**25  # bytes that may stay mapped before they are given back


class MappedTokens:
    """Token indices in a mapped file, or a part of them; what is indexed is read as int64.

    ``tokens[a:b]`` of 1-D tokens and ``view`` give another view and read nothing; ``tokens[where]`` with a
    tensor of places, and ``tokens[:, a:b]`` of 2-D tokens, read. Pages that were read are given back to the
    system again and again, so that they do not count as this process' memory; they stay in its cache.

    Args:
        file: opened for reading in binary mode.
        start: where the tokens begin, in bytes.
        count: how many there are.
        dtype: ``"uint8"``, ``"uint16"`` or ``"int32"``, little-endian.
    """

    ndim = 1

    def __init__(self, file: Any, start: int, count: int, dtype: str):
        self.dtype, self.device = dtype, torch.device("cpu")
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._touched = [0]  # bytes, shared by all views
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the map is read-only, and nothing here writes
            self._raw = torch.frombuffer(self._map, dtype=WIDTHS[dtype], count=count, offset=start)

    @property
    def shape(self) -> torch.Size:
        """(N,), or (B, L) after :meth:`view`."""
        return self._raw.shape

    def __len__(self) -> int:
        return len(self._raw)

    def to(self, device: str | torch.device) -> MappedTokens:
        """The same tokens, which come to a device when they are read."""
        other = copy.copy(self)
        other.device = torch.device(device)
        return other

    def view(self, rows: int, length: int) -> MappedTokens:
        """The same tokens as rows of a length."""
        other = copy.copy(self)
        other._raw, other.ndim = self._raw.view(rows, length), 2
        return other

    def __getitem__(self, where: Any) -> Any:
        if isinstance(where, slice) and self.ndim == 1:
            other = copy.copy(self)
            other._raw = self._raw[where]
            return other
        gather = isinstance(where, Tensor)
        rows = where.cpu() if gather else self._raw[where]
        width = rows[:1].numel() * self._raw.element_size()
        pieces = rows.split(max(MAPPED // max(FAULT, width), 1))  # a large batch touches much at once
        read = torch.cat([self._read(self._raw[piece] if gather else piece) for piece in pieces])
        return read.to(self.device)

    def _read(self, part: Tensor) -> Tensor:
        """A few rows as int64; what they touched is given back when it has become much."""
        read = part.long()
        if self.dtype == "uint16":
            read = read & 0xFFFF  # torch knows few operations on uint16
        self._touched[0] += len(part) * max(FAULT, part[:1].numel() * part.element_size())
        if self._touched[0] >= MAPPED:
            self._touched[0] = 0
            with contextlib.suppress(AttributeError, OSError):  # systems without it count the cache as theirs
                self._map.madvise(mmap.MADV_DONTNEED)
        return read

    def tolist(self) -> list[int]:
        """All of them; for tests and short parts."""
        return self[torch.arange(len(self))].tolist()

    def __repr__(self) -> str:
        return f"MappedTokens({len(self):,} tokens, {self.dtype}, read to {self.device})"
