"""On a GPU, reading a token as one CUDA graph: a dozen launches become a single one.

The buffers of a :class:`~rnnlib.generation.inplace.Reader` lie where they are from token to token, so that
what is launched to read one can be recorded once and replayed for each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from rnnlib.devices import record_launches
from rnnlib.generation.inplace import Reader

log = logging.getLogger("rnnlib.generation")
AFTER = 32  # tokens that are read without a graph; a text that is shorter would not pay for the recording
NEAR = 1e-3  # a replayed read may differ from a plain one by so much of the largest number


class GraphedReader:
    """A reader that records how it reads a token, and from then on replays that.

    The first replay is compared with a plain read from the same state. If recording fails, or the two differ,
    the logger ``rnnlib.generation`` says so, and every token is read as before.

    Args:
        reader: is not to be used by others any more.
    """

    def __init__(self, reader: Reader):
        self.reader, self.reads = reader, 0
        self.buffers = [buffer for layer in reader.layers for buffer in layer.buffers]
        self.tokens = torch.zeros(len(self.buffers[0]), dtype=torch.int64, device=self.buffers[0].device)
        self.logits: Tensor | None = None  # where a read puts them
        self.replay: Callable[[], None] | None = None

    def read(self, tokens: Tensor | int) -> Tensor:
        """As :meth:`Reader.read`."""
        self.tokens.copy_(torch.as_tensor(tokens))
        self.reads += 1
        if self.reads == AFTER + 1:
            self._record()
        (self.replay or self._read)()
        return self.logits

    def select(self, rows: Tensor) -> GraphedReader:
        """As :meth:`Reader.select`; as many rows as before keep the graph, another number begins anew."""
        reader = self.reader.select(rows)
        return self if reader is self.reader else GraphedReader(reader)

    def _read(self) -> None:
        self.logits = self.reader.read(self.tokens)

    def _record(self) -> None:
        """Record a read of the tokens that are in place; the state is left as it is."""
        kept = self._copies()
        try:
            replay = record_launches(self._read, self.tokens.device)
            found = []
            for read in (replay, self._read):
                torch._foreach_copy_(self.buffers, kept)
                read()
                found.append(self._copies())
            if not all(map(_near, *found)):
                raise RuntimeError("a replayed read differs from the plain one")
        except RuntimeError as error:
            log.warning("no CUDA graph, the recording failed: %s", str(error).splitlines()[0])
        else:
            self.replay = replay
            log.debug("a CUDA graph reads the tokens of %d rows from now on", len(self.tokens))
        torch._foreach_copy_(self.buffers, kept)

    def _copies(self) -> list[Tensor]:
        return [buffer.clone() for buffer in self.buffers]


def _near(replayed: Tensor, plain: Tensor) -> bool:
    """Banned tokens have -inf on both sides; without numbers, both have NaN in the same places."""
    largest = float(plain.nan_to_num(0.0, 0.0, 0.0).abs().max())
    return torch.allclose(replayed, plain, rtol=NEAR, atol=NEAR * largest, equal_nan=True)
