"""Look inside a recurrent layer: its gates while it reads, and how far back its gradients reach."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnlib.scratch.cells import gru_gates, lstm_gates
from rnnlib.scratch.layers import GRU, LSTM, RNN, RecurrentLayer
from rnnlib.states import State, map_state, zero_state

_TWINS = {"RNN_TANH": RNN, "LSTM": LSTM, "GRU": GRU}  # by torch.nn's name of the mode


@torch.no_grad()
def gate_activations(layer: nn.RNNBase | RecurrentLayer, inputs: Tensor) -> dict[str, Tensor]:
    """The gates and states of the first layer, forward direction, at every step.

    Args:
        layer: an LSTM or GRU of torch.nn or rnnlib.scratch.
        inputs: (T, B, I), time first; read from the zero state on.

    Returns:
        Name -> (T, B, H): for an LSTM ``input``, ``forget``, ``candidate``, ``output``, ``cell``, ``hidden``;
        for a GRU ``reset``, ``update``, ``candidate``, ``hidden``.

    Raises:
        ValueError: for a layer without gates, or whose gates are not known here (a layer of your own), and
            for inputs of another shape.
    """
    twin = _twin(layer)
    step = type(twin).step
    if step not in (LSTM.step, GRU.step):
        raise ValueError(
            f"the gates of {type(layer).__name__} are not known, if it has any (a plain RNN has none); "
            "give an LSTM or a GRU of torch.nn or rnnlib.scratch."
        )
    weights, state = twin.weights(), _begin(twin, inputs)
    record: dict[str, list[Tensor]] = {}
    for X in inputs:
        if step is LSTM.step:
            gates = dict(zip(("input", "forget", "candidate", "output"), lstm_gates(X, state[0], *weights)))
            state = twin.step(X, state, weights)
            gates |= {"cell": state[1], "hidden": state[0]}
        else:
            values = gru_gates(X, state, *weights, reset_after=twin.reset_after)
            state = twin.step(X, state, weights)
            gates = {**dict(zip(("reset", "update", "candidate"), values)), "hidden": state}
        for name, value in gates.items():
            record.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in record.items()}


def gradient_by_lag(layer: nn.RNNBase | RecurrentLayer, inputs: Tensor, seed: int = 0) -> Tensor:
    """How much the last hidden state still depends on the state k steps earlier.

    For each row of the batch a random direction u of length 1 is drawn and carried back through the Jacobian
    of one step after another; the norms of d(u . H_T) / dS_{T-k} are averaged over the batch. The state S is
    H, and where a layer's state has several parts, as the pair (H, C) of an LSTM, all of them together, since
    each can carry the gradient.

    Args:
        layer: a layer of torch.nn or rnnlib.scratch, or a :class:`RecurrentLayer` of your own; its first
            layer, forward direction, is looked at.
        inputs: (T, B, I), time first; read from the zero state on.
        seed: of the random directions.

    Returns:
        (T,): element k belongs to lag k; element 0 is the norm of u itself, 1.

    Raises:
        ValueError: for a layer that cannot be stepped through (ReLU, projections, no biases), or inputs of
            another shape.
    """
    twin = _twin(layer)
    weights, state = [weight.detach() for weight in twin.weights()], _begin(twin, inputs)
    before: list[State] = []  # the state before each step
    with torch.no_grad():
        for X in inputs:
            before.append(state)
            state = twin.step(X, state, weights)
    H, *others = _parts(state)
    u = torch.randn(H.shape, generator=torch.Generator().manual_seed(int(seed))).to(H)
    u = u / torch.linalg.vector_norm(u, dim=-1, keepdim=True)
    carried = (u, *(torch.zeros_like(part) for part in others))
    norms = [_norm(carried)]
    for X, state in reversed(list(zip(inputs, before))[1:]):
        with torch.enable_grad():
            start = map_state(lambda part: part.detach().requires_grad_(), state)
            end = twin.step(X.detach(), start, weights)
        carried = torch.autograd.grad(
            _parts(end), _parts(start), grad_outputs=carried, allow_unused=True, materialize_grads=True
        )
        norms.append(_norm(carried))
    return torch.stack(norms)


def _twin(layer: nn.RNNBase | RecurrentLayer) -> RecurrentLayer:
    """The :mod:`rnnlib.scratch` layer with the same weights, to be stepped through.

    It shares the parameters of an ``nn.RNN`` with tanh, ``nn.LSTM`` or ``nn.GRU``, copies none and draws no
    random number; a scratch layer is its own twin. A ValueError for anything else.
    """
    if isinstance(layer, RecurrentLayer):
        return layer
    if not isinstance(layer, nn.RNNBase):
        raise ValueError(
            f"a recurrent layer is expected; got {type(layer).__name__}. Of a model, "
            "pass its layer (model.rnn)."
        )
    if layer.mode not in _TWINS or layer.proj_size or not layer.bias:
        raise ValueError(
            f"{layer} cannot be stepped through; nn.RNN with tanh, nn.LSTM and nn.GRU with biases can, and "
            "any RecurrentLayer."
        )
    with torch.device("meta"):  # weights without values, since the layer's own take their place
        twin = _TWINS[layer.mode](
            layer.input_size,
            layer.hidden_size,
            num_layers=layer.num_layers,
            bidirectional=layer.bidirectional,
            dropout=layer.dropout if layer.num_layers > 1 else 0.0,
            batch_first=layer.batch_first,
        )
    for name, parameter in layer.named_parameters():
        setattr(twin, name, parameter)
    return twin.train(layer.training)


def _begin(twin: RecurrentLayer, inputs: Tensor) -> State:
    """The zero state (B, H) of one cell, or a tuple of them; a ValueError unless inputs are (T, B, I)."""
    if inputs.ndim != 3 or inputs.shape[-1] != twin.input_size or len(inputs) == 0:
        raise ValueError(
            f"inputs have shape {tuple(inputs.shape)}; (T, B, I) with I={twin.input_size} and T >= 1 is "
            "expected, time first whatever the layer's batch_first."
        )
    zeros = zero_state(twin, inputs.shape[1], inputs.device, inputs.dtype)  # (L*D, B, H)
    return map_state(lambda part: part[0], zeros)


def _parts(state: State) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


def _norm(parts: tuple[Tensor, ...]) -> Tensor:
    """The norm over all parts (B, H) of a row together, averaged over the rows."""
    return torch.linalg.vector_norm(torch.cat(parts, dim=-1), dim=-1).mean()
