"""The backward pass derived by hand, against autograd and against finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib.scratch import rnn_by_hand

NUM_INPUTS, H, B, T = 3, 4, 2, 6
NAMES = ("X", "H0", "W_xh", "W_hh", "b_h")


def arguments():
    shapes = ((T, B, NUM_INPUTS), (B, H), (NUM_INPUTS, H), (H, H), (H,))
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def recorded(X, H0, W_xh, W_hh, b_h):
    """The same states, with every operation recorded by autograd."""
    states = []
    for X_t in X:
        H0 = torch.tanh(X_t @ W_xh + H0 @ W_hh + b_h)
        states.append(H0)
    return torch.stack(states)


def test_gradcheck_by_finite_differences():
    assert torch.autograd.gradcheck(rnn_by_hand, arguments())


@pytest.mark.parametrize("steps", ["all", "last", "first"])
def test_values_and_gradients_equal_those_of_autograd(steps):
    values = arguments()
    weight = torch.zeros(T, B, H, dtype=torch.float64)
    chosen = {"all": slice(None), "last": slice(-1, None), "first": slice(0, 1)}[steps]
    weight[chosen] = torch.randn_like(weight[chosen])
    ours, theirs = rnn_by_hand(*values), recorded(*values)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)
    grads = [torch.autograd.grad((states * weight).sum(), values) for states in (ours, theirs)]
    for name, a, b in zip(NAMES, *grads):
        assert a.shape == b.shape and (a - b).abs().max() <= 1e-10, name
        assert b.abs().max() > 1e-6


def test_it_equals_nn_rnn():
    X, H0, W_xh, W_hh, b_h = arguments()
    layer = nn.RNN(NUM_INPUTS, H).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(W_xh.T)
        layer.weight_hh_l0.copy_(W_hh.T)
        layer.bias_ih_l0.copy_(b_h)
        layer.bias_hh_l0.zero_()
    Y, _ = layer(X, H0[None])
    ours = rnn_by_hand(X, H0, W_xh, W_hh, b_h)
    torch.testing.assert_close(ours, Y, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad(ours.square().sum(), W_hh)[0].T,
        torch.autograd.grad(Y.square().sum(), layer.weight_hh_l0)[0],
        rtol=0,
        atol=1e-10,
    )


def test_only_what_asks_gets_a_gradient():
    X, H0, W_xh, W_hh, b_h = (value.detach() for value in arguments())
    W_hh.requires_grad_()
    rnn_by_hand(X, H0, W_xh, W_hh, b_h).sum().backward()
    assert W_hh.grad is not None and X.grad is None and W_xh.grad is None


def test_a_second_derivative_is_refused_rather_than_wrong():
    values = arguments()
    (grad,) = torch.autograd.grad(rnn_by_hand(*values).square().sum(), values[3], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@pytest.mark.parametrize("position", range(5))
def test_shapes_that_do_not_fit(position):
    values = arguments()
    values[position] = torch.zeros(values[position].shape[0] + 1, *values[position].shape[1:])
    if position == 0:
        values[0] = torch.zeros(0, B, NUM_INPUTS)
    with pytest.raises(ValueError, match=r"do not fit; \(T, B, I\), \(B, H\)"):
        rnn_by_hand(*values)
    values = arguments()
    values[position] = values[position].flatten()[0]  # no axis at all
    with pytest.raises(ValueError, match="do not fit"):
        rnn_by_hand(*values)
