"""The short way through a plain RNN for one token: a row of a table in place of the one-hot product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch, rnn
from rnnlib.states import State

__all__ = ["Step", "make_step"]

Step = Callable[[Tensor, State], tuple[Tensor, State]]


def make_step(model: Any) -> Step | None:
    """A function that reads one token a row as the model does, only faster; None for models it does not know.

    Of a one-hot vector times W_xh only one row of W_xh is left, so the table W_xh + b_h is made once and a
    step is one look-up and two products. It uses the parameters as they are now.

    Args:
        model: known are :class:`RNNModelScratch` over :func:`rnnlib.scratch.rnn`, :class:`RNNModel` over an
            ``nn.RNN`` of one layer and one direction; no subclasses, which may compute something else, and
            none that a forward hook watches.

    Returns:
        ``step(tokens (B,), state) -> (logits (B, V), state)``, to be called without gradients.
    """
    if type(model) is RNNModelScratch and model.forward_fn is rnn:
        W_xh, W_hh, b_h, W_hq, b_q = (parameter.detach() for parameter in model.params)
        return _step(W_xh + b_h, W_hh, torch.tanh, W_hq, b_q)
    if type(model) is RNNModel and _is_plain(model):
        layer, linear = model.rnn, model.linear
        with torch.no_grad():
            table = layer.weight_ih_l0.T
            if model.embedding is not None:
                table = model.embedding.weight @ table
            if layer.bias:
                table = table + (layer.bias_ih_l0 + layer.bias_hh_l0)
            W_hh, W_hq = layer.weight_hh_l0.T.contiguous(), linear.weight.T.contiguous()
        activation = torch.tanh if layer.nonlinearity == "tanh" else torch.relu
        step = _step(table, W_hh, activation, W_hq, linear.bias.detach())
        return lambda tokens, state: _unsqueezed(*step(tokens, (state[0],)))
    return None


def _is_plain(model: RNNModel) -> bool:
    """Whether an ``nn.RNN`` of one layer and one direction does all the work, and no hook watches it."""
    layer = model.rnn
    hooked = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    kinds = type(layer) is nn.RNN and type(model.linear) is nn.Linear
    return kinds and layer.num_layers == 1 and not layer.bidirectional and not hooked


def _step(
    table: Tensor, W_hh: Tensor, activation: Callable[[Tensor], Tensor], W_hq: Tensor, b_q: Tensor
) -> Step:
    def step(tokens: Tensor, state: State) -> tuple[Tensor, State]:
        H = activation(torch.addmm(table[tokens], state[0], W_hh))  # (B, H)
        return torch.addmm(b_q, H, W_hq), (H,)

    return step


def _unsqueezed(logits: Tensor, state: tuple[Tensor]) -> tuple[Tensor, Tensor]:
    """The state as torch.nn has it, (1, B, H)."""
    return logits, state[0][None]
