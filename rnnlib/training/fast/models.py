"""Which models have a fast way through a sequence, and that way: look-up, hoisted products, recurrences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnlib import scratch
from rnnlib.common import check_tokens
from rnnlib.models.language import RNNModel
from rnnlib.models.modes import is_as_written
from rnnlib.scratch.functional import RNNModelScratch, init_rnn_state, rnn
from rnnlib.states import State, check_state, num_states
from rnnlib.training.fast.recurrences import GRURecurrence, LSTMRecurrence, RNNRecurrence
from rnnlib.training.fast.workspace import Linear, Part, Rows, Workspace

Forward = Callable[[Tensor, State | None], tuple[Tensor, State]]
BY_CUDNN = "cuDNN runs torch's layers"
KINDS = {nn.RNN: "rnn", nn.LSTM: "lstm", nn.GRU: "gru"}
KINDS |= {scratch.RNN: "rnn", scratch.LSTM: "lstm", scratch.GRU: "gru"}
# The code that the fast path stands in for: whoever puts another in its place gets that one
CODE = {kind: kind.forward for kind in (RNNModel, *KINDS)}


def fast_forward(model: Any, dtype: torch.dtype | None = None) -> tuple[Forward | None, str]:
    """A function that computes what a model computes, gradients included, only faster.

    Args:
        model: any.
        dtype: of the factors of the products by recurrent weights; None for that of the weights.

    Returns:
        ``(forward, why)``: ``forward(X, state) -> (logits, state)``, or None if there is no such function for
        this model or if it would not be faster; ``why`` says what was found, for the log.
    """
    if why := unknown(model):
        return None, why
    if len({parameter.device for parameter in model.parameters()}) > 1:
        return None, "the parameters lie on several devices"
    if type(model) is RNNModelScratch:
        work = Workspace()
        return lambda X, state=None: _scratch(model, X, state, dtype, work), "RNNModelScratch with rnn"
    if why := _unknown_layers(model):
        return None, why
    work = Workspace()
    return lambda X, state=None: _layers(model, X, state, dtype, work), f"{type(model.rnn).__name__} layers"


def unknown(model: Any) -> str:
    """Why nothing can be said of what a call of this model computes; an empty string if it is known."""
    if type(model) is RNNModelScratch:
        if model.forward_fn is not rnn or model.init_state is not init_rnn_state:
            return "the model has functions of its own"
    elif type(model) is not RNNModel:
        return f"{type(model).__name__} is no model that has a fast path"
    classes = {type(model), type(getattr(model, "rnn", None))} & CODE.keys()
    if not is_as_written(model) or any(kind.forward is not CODE[kind] for kind in classes):
        return "hooks, replaced methods, autocast, or weights that are neither float32 nor float64"
    return ""


def _unknown_layers(model: RNNModel) -> str:
    """Why the layers of a model have no fast path; an empty string if they have."""
    layer, device = model.rnn, model.linear.weight.device.type
    if type(layer) not in KINDS:
        return f"the layer is a {type(layer).__name__}"
    if isinstance(layer, nn.RNNBase) and device == "cuda":
        return BY_CUDNN
    if type(layer) is nn.LSTM and _onednn_is_faster(model):
        return "oneDNN runs torch's LSTM as a whole, faster than the loop here unless V is large"
    if getattr(layer, "proj_size", 0) or not getattr(layer, "bias", True):
        return "the layer has projections, or no biases"
    if getattr(layer, "nonlinearity", "tanh") != "tanh":
        return "the layer's activation isn't tanh"
    if not getattr(layer, "reset_after", True):
        return "the reset gate stands before the product"
    if type(model.linear) is not nn.Linear or type(model.embedding) not in (type(None), nn.Embedding):
        return "the embedding or the output layer is of another class"
    if model.embedding is not None and (model.embedding.max_norm is not None or model.embedding.sparse):
        return "the embedding renormalizes its rows, or has sparse gradients"
    return ""


def _onednn_is_faster(model: RNNModel) -> bool:
    """Whether torch's LSTM, one operation on a CPU, beats look-up and a loop: the product with one-hot
    vectors, which it needs, takes V / H of the time of the recurrent one."""
    weight = model.linear.weight
    is_its_own = weight.device.type == "cpu" and weight.dtype == torch.float32
    small = model.embedding is not None or model.vocab_size < model.rnn.hidden_size
    return is_its_own and small and torch.backends.mkldnn.is_available()


def _scratch(
    model: RNNModelScratch, X: Tensor, state: State | None, dtype: torch.dtype | None, work: Workspace
) -> tuple[Tensor, State]:
    check_tokens(X)
    W_xh, W_hh, b_h, W_hq, b_q = model.params
    if state is None:
        state = model.begin_state(X.shape[0], X.device)
    check_state(state, X.shape[0])
    (H,) = state
    pre = Rows.apply(W_xh + b_h, X.T, work.part("inputs"))
    states = RNNRecurrence.apply(pre, H, W_hh.T, dtype, work.part("layer"))
    logits = Linear.apply(states, W_hq.T, b_q, dtype, work.part("output"), True)
    return logits.transpose(0, 1), (states[-1].clone(),)


def _layers(
    model: RNNModel, X: Tensor, state: State | None, dtype: torch.dtype | None, work: Workspace
) -> tuple[Tensor, State]:
    check_tokens(X)
    layer, embedding = model.rnn, model.embedding
    kind, parts = KINDS[type(layer)], num_states(layer)
    if state is None:
        state = model.begin_state(X.shape[0])
    check_state(state, X.shape[0], parts)
    begin = [part.unbind() for part in (state if parts > 1 else (state,))]
    inputs, finals = None if embedding is None else embedding(X.T), []
    for number in range(layer.num_layers):
        outputs = []
        for d in range(model.num_directions):
            k = number * model.num_directions + d
            weights = _weights(layer, k)
            own = work.part(f"layer {k}")
            pre = _hoisted(kind, X.T if inputs is None else inputs, weights, dtype, own)
            first = [part[k] for part in begin]
            Y, final = _run(kind, pre.flip(0) if d else pre, first, weights, dtype, own)
            outputs.append(Y.flip(0) if d else Y)
            finals.append(final)
        inputs = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        if number < layer.num_layers - 1:
            inputs = F.dropout(inputs, layer.dropout, layer.training)
    ends = tuple(torch.stack(part) for part in zip(*finals))
    logits = Linear.apply(inputs, model.linear.weight, model.linear.bias, dtype, work.part("output"), True)
    return logits.transpose(0, 1), ends if parts > 1 else ends[0]


def _weights(layer: Any, k: int) -> list[Tensor]:
    """``[W_ih, W_hh, b_ih, b_hh]`` of the k-th layer and direction, in the order of the state."""
    if isinstance(layer, nn.RNNBase):
        return layer.all_weights[k]
    return layer.weights(*divmod(k, layer.num_directions))


def _hoisted(
    kind: str, inputs: Tensor, weights: list[Tensor], dtype: torch.dtype | None, work: Part
) -> Tensor:
    """The inputs' share of the gates at all steps, with the biases: (T, B, G*H).

    Whole-number inputs (T, B) choose rows of a table; others (T, B, I) go through one product.
    """
    W_ih, W_hh, b_ih, b_hh = weights
    if kind == "gru":  # the reset gate multiplies the hidden bias of the candidate
        H = W_hh.shape[1]
        b_hh = torch.cat([b_hh[: 2 * H], torch.zeros_like(b_hh[2 * H :])])
    if inputs.is_floating_point():
        return Linear.apply(inputs, W_ih, b_ih + b_hh, dtype, work, False)
    return Rows.apply(W_ih.T.contiguous() + (b_ih + b_hh), inputs, work)


def _run(
    kind: str,
    pre: Tensor,
    first: list[Tensor],
    weights: list[Tensor],
    dtype: torch.dtype | None,
    work: Part,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs (T, B, H) of one layer in one direction, and its final state, tensors (B, H)."""
    _, W_hh, _, b_hh = weights
    if kind == "lstm":
        Y, C = LSTMRecurrence.apply(pre, *first, W_hh, dtype, work)
        return Y, (Y[-1].clone(), C)
    if kind == "gru":
        Y = GRURecurrence.apply(pre, *first, W_hh, b_hh[2 * W_hh.shape[1] :], dtype, work)
    else:
        Y = RNNRecurrence.apply(pre, *first, W_hh, dtype, work)
    return Y, (Y[-1].clone(),)
