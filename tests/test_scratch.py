"""The RNN written from its equations, equal to torch.nn in every value and every gradient."""

from __future__ import annotations

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnlib.models import RNNModel, count_parameters
from rnnlib.scratch import RNNModelScratch, get_params, grad_clipping, init_rnn_state, rnn

V, H, B, T = 11, 7, 3, 5
DOUBLE = {"dtype": torch.float64}


def twins():
    """Our parameters, and torch.nn layers with the same weights, in double precision."""
    params = get_params(V, H, **DOUBLE, std=0.5)
    W_xh, W_hh, b_h, W_hq, b_q = params
    with torch.no_grad():
        b_h.normal_()
        b_q.normal_()
    layer, linear = nn.RNN(V, H, **DOUBLE), nn.Linear(H, V, **DOUBLE)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(W_xh.T)
        layer.weight_hh_l0.copy_(W_hh.T)
        layer.bias_ih_l0.copy_(b_h)
        layer.bias_hh_l0.zero_()
        linear.weight.copy_(W_hq.T)
        linear.bias.copy_(b_q)
    return params, layer, linear


def assert_equal(ours, theirs):
    assert (ours - theirs).abs().max() <= 1e-10


def test_parity_with_torch_in_values_and_gradients():
    params, layer, linear = twins()
    inputs = torch.randn(T, B, V, **DOUBLE)
    H0 = torch.randn(B, H, **DOUBLE)
    ours, theirs = H0.clone().requires_grad_(), H0.clone().requires_grad_()
    weight = torch.randn(T, B, V, **DOUBLE)  # so that every output has its own gradient

    outputs, (state,) = rnn(inputs, (ours,), params)
    Y, last = layer(inputs, theirs[None])
    expected = linear(Y)
    assert_equal(outputs, expected)
    assert_equal(state, last[0])

    ((outputs * weight).sum() + (state**2).sum()).backward()
    ((expected * weight).sum() + (last**2).sum()).backward()
    W_xh, W_hh, b_h, W_hq, b_q = (parameter.grad for parameter in params)
    assert_equal(W_xh, layer.weight_ih_l0.grad.T)
    assert_equal(W_hh, layer.weight_hh_l0.grad.T)
    assert_equal(b_h, layer.bias_ih_l0.grad)
    assert_equal(W_hq, linear.weight.grad.T)
    assert_equal(b_q, linear.bias.grad)
    assert_equal(ours.grad, theirs.grad)
    assert ours.grad.abs().max() > 1e-3


def test_a_sequence_in_two_parts_is_the_whole():
    params, *_ = twins()
    inputs, state = torch.randn(T, B, V, **DOUBLE), (torch.randn(B, H, **DOUBLE),)
    whole, last = rnn(inputs, state, params)
    first, middle = rnn(inputs[:2], state, params)
    second, end = rnn(inputs[2:], middle, params)
    assert_equal(torch.cat([first, second]), whole)
    assert_equal(end[0], last[0])


def test_model_parity_with_a_carried_state():
    params, layer, linear = twins()
    model = RNNModelScratch(V, H, get_params=lambda *_: params)
    X = torch.randint(0, V, (B, T))
    _, state = model(torch.randint(0, V, (B, T)))
    assert state[0].abs().max() > 0.1
    logits, (last,) = model(X, state)
    Y, expected_last = layer(F.one_hot(X.T, V).double(), state[0][None])
    assert logits.shape == (B, T, V)
    assert_equal(logits, linear(Y).transpose(0, 1))
    assert_equal(last, expected_last[0])


def test_the_number_of_parameters_that_the_book_states():
    assert count_parameters(RNNModelScratch(28, 512)) == 291_356
    shapes = [tuple(parameter.shape) for parameter in get_params(28, 512)]
    assert shapes == [(28, 512), (512, 512), (512,), (512, 28), (28,)]


def test_initial_values():
    W_xh, W_hh, b_h, W_hq, b_q = get_params(28, 512)
    for weight in (W_xh, W_hh, W_hq):
        assert weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert abs(weight.mean().item()) < 5e-4
    assert not b_h.any() and not b_q.any()
    assert get_params(28, 512, std=0.3)[1].std().item() == pytest.approx(0.3, rel=0.05)
    assert all(
        p.requires_grad and p.is_leaf and p.dtype == torch.float32 for p in (W_xh, W_hh, b_h, W_hq, b_q)
    )


def test_state_is_a_tuple_of_one_zero_tensor():
    state = init_rnn_state(B, H, dtype=torch.float64)
    assert isinstance(state, tuple) and len(state) == 1
    assert state[0].shape == (B, H) and state[0].dtype == torch.float64 and not state[0].any()
    X = torch.zeros(B, T, dtype=torch.int64)
    model = RNNModelScratch(V, H)
    logits, new = model(X)
    assert isinstance(new, tuple) and new[0].shape == (B, H)
    assert torch.equal(logits, model(X, model.begin_state(B))[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_of_the_parameters_rules(dtype):
    model = RNNModelScratch(V, H, get_params=functools.partial(get_params, dtype=dtype))
    logits, (state,) = model(torch.zeros(B, T, dtype=torch.int64), model.begin_state(B))
    assert logits.dtype == state.dtype == dtype


def test_errors():
    model = RNNModelScratch(V, H)
    X = torch.zeros(B, T, dtype=torch.int64)
    with pytest.raises(ValueError, match=r"shape \(2, 7\), but the input has batch_size=3.*None"):
        model(X, model.begin_state(2))
    with pytest.raises(ValueError, match=r"X has shape \(5,\) and torch.int64; whole-number token"):
        model(X[0])
    for bad in (0, -1, 1.0, True):
        with pytest.raises(ValueError, match="num_hiddens=.* must be an integer of at least 1"):
            get_params(V, bad)
        with pytest.raises(ValueError, match="vocab_size=.* must be an integer of at least 1"):
            RNNModelScratch(bad, H)


def test_state_dict_goes_round_and_refuses_what_does_not_fit():
    one, other = RNNModelScratch(V, H), RNNModelScratch(V, H)
    other.load_state_dict(one.state_dict())
    X = torch.randint(0, V, (B, T))
    assert torch.equal(one(X)[0], other(X)[0])
    assert all(p.requires_grad for p in other.parameters())
    one.params[0].detach().zero_()  # the two share no memory
    assert other.params[0].any()
    with pytest.raises(ValueError, match=r"do not fit the model: got .*\(11, 8\).* expected .*\(11, 7\)"):
        one.load_state_dict(RNNModelScratch(V, H + 1).state_dict())


def test_custom_functions_with_a_state_of_two_parts():
    """What a from-scratch LSTM needs: any parameters, any state, any forward function."""

    def init_two(batch_size, num_hiddens, device):
        return torch.zeros(batch_size, num_hiddens, device=device), torch.ones(
            batch_size, num_hiddens, device=device
        )

    def forward(inputs, state, params):
        outputs, (hidden,) = rnn(inputs, state[:1], params)
        return outputs, (hidden, state[1] + 1)

    model = RNNModelScratch(V, H, init_state=init_two, forward_fn=forward)
    _, (_, counter) = model(torch.zeros(B, T, dtype=torch.int64))
    assert torch.equal(counter, torch.full((B, H), 2.0))


def test_states_of_ones_own_functions_pass_through_untouched():
    """A state of another form is the business of the functions that know it."""
    seen = []

    def forward(inputs, state, params):
        seen.append(state)
        return rnn(inputs, (torch.zeros(inputs.shape[1], H),), params)[0], state

    X, odd = torch.zeros(B, T, dtype=torch.int64), (None, torch.zeros(7))
    model = RNNModelScratch(V, H, init_state=lambda *_: odd, forward_fn=forward)
    assert model(X, odd)[1] is odd and seen == [odd]


# ---- clipping


def with_grads(*grads):
    parameters = [nn.Parameter(torch.zeros_like(torch.tensor(grad))) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = torch.tensor(grad)
    return parameters


def test_clipping_scales_the_global_norm_and_keeps_the_direction():
    one, two = with_grads([3.0, 0.0], [[0.0, 4.0]])
    norm = grad_clipping([one, two], 1.0)
    assert norm.item() == pytest.approx(5) and norm.ndim == 0
    torch.testing.assert_close(one.grad, torch.tensor([0.6, 0.0]))
    torch.testing.assert_close(two.grad, torch.tensor([[0.0, 0.8]]))


def test_clipping_leaves_short_gradients_alone():
    (one,) = with_grads([0.3, -0.4])
    assert grad_clipping([one], 0.5).item() == pytest.approx(0.5)
    assert torch.equal(one.grad, torch.tensor([0.3, -0.4]))


def test_a_generator_of_parameters_is_really_clipped():
    model = RNNModel(nn.LSTM(V, H), V)
    model(torch.zeros(2, 3, dtype=torch.int64))[0].square().sum().mul(1e3).backward()
    before = torch.cat([p.grad.flatten() for p in model.parameters()])
    norm = grad_clipping((p for p in model.parameters()), 0.01)
    after = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert norm.item() == pytest.approx(before.norm().item(), rel=1e-5) and norm > 1
    assert after.norm().item() == pytest.approx(0.01, rel=1e-5)
    torch.testing.assert_close(after / after.norm(), before / before.norm())


def test_clipping_takes_a_model_one_parameter_and_missing_gradients():
    (alone,) = with_grads([[3.0, 4.0], [0.0, 0.0]])
    grad_clipping(alone, 1.0)
    assert alone.grad.norm().item() == pytest.approx(1)
    model = RNNModel(nn.RNN(V, H), V)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.linear.bias.grad = None
    grad_clipping(model, 2.0)
    squares = [p.grad.square().sum() for p in model.parameters() if p.grad is not None]
    assert math.sqrt(sum(squares)) == pytest.approx(2, rel=1e-5)
    assert grad_clipping(RNNModel(nn.RNN(V, H), V), 1.0).item() == 0


def test_clipping_zero_gradients_gives_zeros():
    (one,) = with_grads([0.0, 0.0])
    assert grad_clipping([one], 1.0).item() == 0
    assert torch.equal(one.grad, torch.zeros(2))


@pytest.mark.parametrize("theta", [0, -1.0, math.nan, math.inf, True, None, "1"])
def test_clipping_refuses_theta(theta):
    with pytest.raises(ValueError, match="theta=.* must be a finite number above 0"):
        grad_clipping(with_grads([1.0]), theta)
