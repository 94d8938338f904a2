"""One token through a model by torch's own cells, without what their layers do around them at every call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib.models.conditional import ConditionalGenerator
from rnnlib.models.language import RNNModel
from rnnlib.scratch.functional import RNNModelScratch, rnn
from rnnlib.states import State, num_states

CELLS = {  # by torch's name of the mode
    "RNN_TANH": torch.rnn_tanh_cell,
    "RNN_RELU": torch.rnn_relu_cell,
    "LSTM": torch.lstm_cell,
    "GRU": torch.gru_cell,
}
First = Callable[[Tensor, State], State]  # tokens (B,) and the state (B, H) of the first layer to its next


class Step(NamedTuple):
    """Reads one token a row as its model does in evaluation mode, only faster; gradients must be off.

    Attributes:
        split: turns the state that the model returned into the form that ``read`` takes: one state (B, H), or
            a tuple of such tensors, for each layer.
        read: ``(tokens (B,), state) -> (logits (B, V), state)``.
    """

    split: Callable[[State], tuple[State, ...]]
    read: Callable[[Tensor, tuple[State, ...]], tuple[Tensor, tuple[State, ...]]]


def make_step(model: Any) -> Step | None:
    """The fast step of a model, or None if there is none and the model itself must be called.

    There is one for :class:`RNNModel` and :class:`ConditionalGenerator` over an ``nn.RNN``, ``nn.LSTM`` or
    ``nn.GRU`` of any depth in one direction, and for :class:`RNNModelScratch` over
    :func:`rnnlib.scratch.rnn`; not for anything that may compute something else: subclasses, hooks, replaced
    or compiled methods, ``proj_size``, ``max_norm``, autocast, precisions below float32. It uses the
    parameters as they are now.
    """
    kind = type(model)
    if kind not in (RNNModel, ConditionalGenerator, RNNModelScratch) or not _is_as_written(model):
        return None
    if kind is RNNModelScratch:
        if model.forward_fn is not rnn:
            return None
        W_xh, W_hh, b_h, W_hq, b_q = model.params
        return Step(tuple, _reader(_from_table(W_xh + b_h, W_hh, torch.tanh), None, [], W_hq.T, b_q))
    is_conditional = kind is ConditionalGenerator
    layer, embedding = model.rnn, model.tokens if is_conditional else model.embedding
    output = model.output if is_conditional else model.linear
    if type(layer) not in (nn.RNN, nn.LSTM, nn.GRU) or layer.bidirectional or layer.proj_size:
        return None
    if type(output) is not nn.Linear or not _is_plain_embedding(embedding):
        return None
    cell, ((W_ih, W_hh, *biases), *upper) = CELLS[layer.mode], layer.all_weights
    vectors = None if embedding is None else embedding.weight
    if type(layer) is nn.RNN:
        table = (W_ih.T if vectors is None else vectors @ W_ih.T) + sum(biases)
        first = _from_table(table, W_hh.T, torch.tanh if layer.nonlinearity == "tanh" else torch.relu)
    else:
        first = _from_cell(cell, vectors, W_ih, W_hh, *biases)
    split = _by_layer if num_states(layer) > 1 else Tensor.unbind
    weight = output.weight.T.contiguous().T  # the same numbers, laid out as a product with one row reads them
    return Step(split, _reader(first, cell, upper, weight, output.bias))


def _is_as_written(model: Any) -> bool:
    """Whether a call of the model runs the code of its class, no hook, and in single precision or better."""
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    parameters = list(model.parameters())
    return not (
        nn.modules.module._has_any_global_hook()
        or any(module._forward_hooks or module._forward_pre_hooks for module in modules)
        or any(hasattr(type(module), name) for module in modules for name in vars(module))
        or any(p.dtype not in (torch.float32, torch.float64) for p in parameters)
        or any(torch.is_autocast_enabled(kind) for kind in {p.device.type for p in parameters})
    )


def _is_plain_embedding(embedding: nn.Module | None) -> bool:
    return embedding is None or (type(embedding) is nn.Embedding and embedding.max_norm is None)


def _by_layer(state: tuple[Tensor, ...]) -> tuple[State, ...]:
    """A tuple of (L, B, H) as L tuples of (B, H)."""
    return tuple(zip(*(part.unbind() for part in state)))


def _from_table(table: Tensor, W_hh: Tensor, activation: Callable[[Tensor], Tensor]) -> First:
    """A plain RNN: of the input's product a row of a table (V, H) is left, which holds the biases too."""
    return lambda tokens, H: activation(torch.addmm(table.index_select(0, tokens), H, W_hh))


def _from_cell(cell: Callable[..., State], vectors: Tensor | None, W_ih: Tensor, *weights: Tensor) -> First:
    """Any other cell, on the vectors (V, I) of the tokens or, without them, on one-hot vectors.

    One-hot vectors choose columns of W_ih (G*H, V); the cell is given just those, and the identity as input.
    """
    V = W_ih.shape[1]
    identity = functools.cache(lambda size: torch.eye(size, dtype=W_ih.dtype, device=W_ih.device))

    def first(tokens: Tensor, state: State) -> State:
        if vectors is not None:
            return cell(F.embedding(tokens, vectors), state, W_ih, *weights)
        if len(tokens) > V:  # more columns than W_ih has
            return cell(F.one_hot(tokens, V).to(W_ih.dtype), state, W_ih, *weights)
        return cell(identity(len(tokens)), state, W_ih.index_select(1, tokens), *weights)

    return first


def _reader(
    first: First,
    cell: Callable[..., State],
    upper: Sequence[Sequence[Tensor]],
    weight: Tensor,
    bias: Tensor | None,
) -> Callable[[Tensor, tuple[State, ...]], tuple[Tensor, tuple[State, ...]]]:
    """``read`` of :class:`Step`: the first layer, a cell for each of the upper ones, the linear layer."""

    def read(tokens: Tensor, state: tuple[State, ...]) -> tuple[Tensor, tuple[State, ...]]:
        after = [first(tokens, state[0])]
        for before, weights in zip(state[1:], upper):
            after.append(cell(_hidden(after[-1]), before, *weights))
        return F.linear(_hidden(after[-1]), weight, bias), tuple(after)

    return read


def _hidden(state: State) -> Tensor:
    return state if isinstance(state, Tensor) else state[0]
