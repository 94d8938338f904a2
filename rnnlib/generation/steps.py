"""What is left of a model when tokens are read one by one, and the models of which this is known."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.generation.graphs import GraphedReader
from rnnlib.generation.inplace import Reader, Weights
from rnnlib.models.conditional import ConditionalGenerator
from rnnlib.models.language import RNNModel
from rnnlib.models.modes import is_as_written
from rnnlib.scratch.functional import RNNModelScratch, rnn
from rnnlib.states import State

log = logging.getLogger("rnnlib.generation")


def make_reader(model: Any, state: State, ban: Tensor) -> Reader | GraphedReader | None:
    """What reads on faster than the model, in evaluation mode, or None if the model itself must be called.

    There is a reader for :class:`RNNModel` and :class:`ConditionalGenerator` over an ``nn.RNN``, ``nn.LSTM``
    or ``nn.GRU`` of any depth in one direction, and for :class:`RNNModelScratch` over
    :func:`rnnlib.scratch.rnn`; not for anything that may compute something else: subclasses, hooks, replaced
    or compiled methods, ``proj_size``, ``max_norm``, autocast, precisions below float32. It uses the
    parameters as they are now. On a GPU it becomes a CUDA graph when the text is long enough. The logger
    ``rnnlib.generation`` is told which way is taken, and why.

    Args:
        model: any model.
        state: what it returned with its last logits.
        ban: (V,) is added to all logits.
    """
    obstacle = _obstacle(model)
    if obstacle:
        log.info("%s is called for every token: %s", type(model).__name__, obstacle)
        return None
    log.debug("%s is read in place, one product for each layer and token", type(model).__name__)
    if type(model) is RNNModelScratch:
        reader = Reader(_from_scratch(*model.params, ban), [state])
    else:
        layers = zip(*(part.unbind() for part in (state if isinstance(state, tuple) else (state,))))
        reader = Reader(_from_layers(model, ban), list(layers))
    return GraphedReader(reader) if _on_gpu(ban) else reader


def _on_gpu(tensor: Tensor) -> bool:
    return tensor.device.type == "cuda"


def _obstacle(model: Any) -> str:
    """Why the model itself has to be called; "" if nothing speaks against a reader."""
    kind = type(model)
    if kind not in (RNNModel, ConditionalGenerator, RNNModelScratch):
        return "there is no faster way for this class"
    if not is_as_written(model):
        return "hooks, replaced methods, autocast or another precision may change what it computes"
    if kind is RNNModelScratch:
        return "" if model.forward_fn is rnn else "its forward_fn is not rnnlib.scratch.rnn"
    layer, embedding, output = _modules(model)
    if type(layer) not in (nn.RNN, nn.LSTM, nn.GRU) or layer.bidirectional or layer.proj_size:
        return "its layer is not an nn.RNN, nn.LSTM or nn.GRU in one direction without proj_size"
    if embedding is not None and (type(embedding) is not nn.Embedding or embedding.max_norm is not None):
        return "its embedding is not an nn.Embedding without max_norm"
    return "" if type(output) is nn.Linear else "its output is not an nn.Linear"


def _modules(model: RNNModel | ConditionalGenerator) -> tuple[nn.RNNBase, nn.Embedding | None, nn.Linear]:
    if isinstance(model, ConditionalGenerator):
        return model.rnn, model.tokens, model.output
    return model.rnn, model.embedding, model.linear


def _from_scratch(W_xh: Tensor, W_hh: Tensor, b_h: Tensor, W_hq: Tensor, b_q: Tensor, ban: Tensor) -> Weights:
    inputs, recurrent = _with_bias(W_xh.T, b_h), _with_bias(W_hh.T, None)
    return _weights("RNN_TANH", [inputs], [recurrent], _with_bias(W_hq.T, b_q + ban))


def _from_layers(model: RNNModel | ConditionalGenerator, ban: Tensor) -> Weights:
    layer, embedding, output = _modules(model)
    inputs, recurrent = [], []
    for W_ih, W_hh, *biases in layer.all_weights:
        b_ih, b_hh = biases or (None, None)
        inputs.append(_with_bias(W_ih, b_ih))
        recurrent.append(_with_bias(W_hh, b_hh))
    bias = ban if output.bias is None else output.bias + ban
    vectors = None if embedding is None else embedding.weight
    return _weights(layer.mode, inputs, recurrent, _with_bias(output.weight, bias), vectors)


def _with_bias(weight: Tensor, bias: Tensor | None) -> Tensor:
    """(N, I) and (N,) as one matrix (I+1, N)."""
    bias = torch.zeros_like(weight[:, 0]) if bias is None else bias
    return torch.cat([weight.T, bias[None]])


def _weights(
    mode: str, inputs: list[Tensor], recurrent: list[Tensor], output: Tensor, vectors: Tensor | None = None
) -> Weights:
    """From the matrices (I+1, G*H) and (H+1, G*H) of each layer and (H+1, V) of the output."""
    if mode == "LSTM":
        inputs, recurrent = [[_gates_reordered(W) for W in of_all] for of_all in (inputs, recurrent)]
    products = [torch.cat(pair, dim=1) for pair in zip(recurrent, [*inputs[1:], output])]
    table, bias = inputs[0][:-1], inputs[0][-1:]
    return Weights(mode, (table if vectors is None else vectors @ table) + bias, products)


def _gates_reordered(weight: Tensor) -> Tensor:
    """An LSTM's gates i, f, g, o in the order i, f, o, g: first those with a sigmoid."""
    i, f, g, o = weight.chunk(4, dim=1)
    return torch.cat([i, f, o, g], dim=1)
