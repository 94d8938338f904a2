"""One token a row through recurrent layers, in buffers that are made once.

What a layer puts out is multiplied once, by all that reads it: by the layer's own recurrent weights, whose
share waits for the next token, and beside them by the weights of the next layer or of the output.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Parts = tuple[Tensor, ...]  # of the gates (B, G*H), or of a layer's state


class Weights(NamedTuple):
    """What is left of a model of L layers with G gates when tokens are read one by one.

    Attributes:
        mode: torch's name of the layer's kind; the gates of an LSTM stand in the order i, f, o, g here.
        table: (V', G*H), what each token adds to the gates of the first layer, biases included.
        products: a matrix (H+1, G*H + N) for each layer, its last row the biases: on the left for the gates
            of the layer itself at the next token, on the right for those of the next layer, or the logits.
    """

    mode: str
    table: Tensor
    products: Sequence[Tensor]


class Reader:
    """Reads one token a row, again and again; gradients must be off.

    Args:
        weights: of the model; they are not changed.
        state: for each layer its state (B, H), for an LSTM a pair of them; copied.
    """

    def __init__(self, weights: Weights, state: Sequence[Parts]):
        self.weights = weights
        kind, H = KINDS[weights.mode], state[0][0].shape[1]
        G = weights.table.shape[1] // H
        outer = [functools.partial(kind.parts, H=H)] * (len(state) - 1) + [lambda logits: logits]
        self.layers = [
            kind(*layer, product, G, parts) for layer, product, parts in zip(state, weights.products, outer)
        ]
        self.look_up = _looker(weights.table, len(state[0][0]), functools.partial(kind.parts, H=H))

    def read(self, tokens: Tensor | int) -> Tensor:
        """Logits (B, V) after one more token (B,) a row, or a number on the CPU if there is one row.

        The next call overwrites them.
        """
        found = self.look_up(tokens)
        for layer in self.layers:
            layer.update(found)
            torch.mm(layer.inputs, layer.weight, out=layer.product)
            found = layer.found
        return found

    def select(self, rows: Tensor) -> Reader:
        """The reader of some rows of the batch, in the given order; this one is not to be used any more."""
        if len(rows) != len(self.layers[0].inputs):
            state = [tuple(part[rows] for part in layer.state()) for layer in self.layers]
            return Reader(self.weights, state)
        for layer in self.layers:
            for buffer in layer.buffers:
                buffer.copy_(buffer[rows])
        return self


def _looker(table: Tensor, B: int, parts: Callable[[Tensor], Parts]) -> Callable[[Tensor], Parts]:
    """From tokens (B,) to their rows of the table, in parts."""
    if B == 1 and table.device.type == "cpu":  # a view costs less than a copy, and one made before nothing
        row = functools.cache(lambda token: parts(table[token : token + 1]))
        return lambda tokens: row(int(tokens))
    buffer = table.new_empty(B, table.shape[1])
    found = parts(buffer)

    def look_up(tokens: Tensor) -> Parts:
        torch.index_select(table, 0, tokens, out=buffer)
        return found

    return look_up


class _Layer:
    """The buffers of a layer, whose output (B, H) is followed by a 1 for the biases in ``inputs``."""

    def __init__(self, hidden: Tensor, weight: Tensor, G: int, parts: Callable[[Tensor], Parts]):
        (B, H), self.weight = hidden.shape, weight
        self.inputs = hidden.new_ones(B, H + 1)
        self.hidden = self.inputs[:, :H].copy_(hidden)
        self.product = self.inputs @ weight
        self.gates = self.product[:, : G * H]
        self.found = parts(self.product[:, G * H :])
        self.buffers = [self.inputs, self.product]

    def state(self) -> Parts:
        """As it was given."""
        return (self.hidden,)

    @staticmethod
    def parts(gates: Tensor, H: int) -> Parts:
        """The parts of the gates that ``update`` is given."""
        return (gates,)


class _Tanh(_Layer):
    def update(self, found: Parts) -> None:
        torch.tanh(self.gates.add_(found[0]), out=self.hidden)


class _Relu(_Layer):
    def update(self, found: Parts) -> None:
        torch.add(self.gates, found[0], out=self.hidden).relu_()


class _LSTM(_Layer):
    def __init__(self, hidden: Tensor, cell: Tensor, *rest):
        super().__init__(hidden, *rest)
        self.cell, H = cell.clone(), hidden.shape[1]
        self.buffers.append(self.cell)
        self.sigmoids, self.candidate = self.gates.split([3 * H, H], dim=1)
        self.i, self.f, self.o = self.sigmoids.split(H, dim=1)

    def state(self) -> Parts:
        return (self.hidden, self.cell)

    def update(self, found: Parts) -> None:
        self.gates.add_(found[0])
        self.sigmoids.sigmoid_()
        self.candidate.tanh_()
        self.cell.mul_(self.f).addcmul_(self.i, self.candidate)
        torch.tanh(self.cell, out=self.hidden).mul_(self.o)


class _GRU(_Layer):
    def __init__(self, hidden: Tensor, *rest):
        super().__init__(hidden, *rest)
        H = hidden.shape[1]
        self.sigmoids, self.candidate = self.parts(self.gates, H)
        self.r, self.z = self.sigmoids.split(H, dim=1)

    @staticmethod
    def parts(gates: Tensor, H: int) -> Parts:
        return gates[:, : 2 * H], gates[:, 2 * H :]

    def update(self, found: Parts) -> None:
        self.sigmoids.add_(found[0]).sigmoid_()
        torch.addcmul(found[1], self.r, self.candidate, out=self.candidate).tanh_()
        torch.lerp(self.candidate, self.hidden, self.z, out=self.hidden)


KINDS = {"RNN_TANH": _Tanh, "RNN_RELU": _Relu, "LSTM": _LSTM, "GRU": _GRU}
