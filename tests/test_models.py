"""RNNModel over every kind of recurrent layer, held against the same computation written out."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnlib.models import RNNModel, SequenceClassifier, count_parameters, predict
from rnnlib.models.modes import evaluating
from rnnlib.scratch import RecurrentLayer, rnn_cell
from rnnlib.states import check_state, detach_state, map_state, num_states, select_rows, zero_state

V, H, E, B, T = 9, 6, 4, 3, 5
LAYERS = [nn.RNN, nn.GRU, nn.LSTM]


def parts(state):
    return [state] if isinstance(state, torch.Tensor) else list(state)


@pytest.mark.parametrize("embedding", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("kind", LAYERS)
def test_shapes_and_equality_with_the_hand_composition(kind, L, D, batch_first, embedding):
    layer = kind(E if embedding else V, H, L, bidirectional=D == 2, batch_first=batch_first).double()
    model = RNNModel(layer, V, embedding).double()
    X, state = torch.randint(0, V, (B, T)), model.begin_state(B)
    assert isinstance(state, tuple) == (kind is nn.LSTM)
    for part in parts(state):
        assert part.shape == (L * D, B, H) and part.dtype == torch.float64 and not part.any()
    state = map_state(torch.randn_like, state)

    logits, new = model(X, state)
    assert logits.shape == (B, T, V)
    inputs = model.embedding(X) if embedding else F.one_hot(X, V).double()  # (B, T, .)
    Y, expected = layer(inputs if batch_first else inputs.transpose(0, 1), state)
    Y = Y if batch_first else Y.transpose(0, 1)  # (B, T, D*H)
    torch.testing.assert_close(logits, model.linear(Y), rtol=0, atol=1e-12)
    for ours, theirs in zip(parts(new), parts(expected), strict=True):
        assert ours.shape == (L * D, B, H)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    torch.testing.assert_close(model(X)[0], model(X, model.begin_state(B))[0], rtol=0, atol=0)
    assert model.num_directions == D and model.num_hiddens == H


@pytest.mark.parametrize("kind", LAYERS)
def test_batch_first_changes_nothing_but_the_layer(kind):
    one = RNNModel(kind(V, H, 2), V)
    other = RNNModel(kind(V, H, 2, batch_first=True), V)
    other.load_state_dict(one.state_dict())
    X = torch.randint(0, V, (B, T))
    state = map_state(torch.randn_like, one.begin_state(B))
    (a, a_state), (b, b_state) = one(X, state), other(X, state)
    torch.testing.assert_close(a, b)
    for left, right in zip(parts(a_state), parts(b_state)):
        torch.testing.assert_close(left, right)


def test_logits_b_belong_to_row_b():
    model = RNNModel(nn.GRU(V, H), V)
    X = torch.randint(0, V, (B, T))
    logits, _ = model(X)
    for b in range(B):
        alone, _ = model(X[b : b + 1])
        torch.testing.assert_close(logits[b], alone[0])


def test_the_state_carries_on():
    model = RNNModel(nn.LSTM(V, H), V).double()
    X = torch.randint(0, V, (B, 2 * T))
    whole, _ = model(X)
    first, state = model(X[:, :T])
    second, _ = model(X[:, T:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_proj_size():
    model = RNNModel(nn.LSTM(V, H, 2, proj_size=2), V)
    hidden, cell = model.begin_state(B)
    assert hidden.shape == (2, B, 2) and cell.shape == (2, B, H)
    logits, (hidden, cell) = model(torch.zeros(B, T, dtype=torch.int64), (hidden, cell))
    assert logits.shape == (B, T, V) and hidden.shape == (2, B, 2) and cell.shape == (2, B, H)


def test_state_errors():
    X = torch.zeros(B, T, dtype=torch.int64)
    plain, lstm = RNNModel(nn.RNN(V, H), V), RNNModel(nn.LSTM(V, H), V)
    with pytest.raises(ValueError, match="the state of this layer is one tensor H; got a tuple of 2"):
        plain(X, lstm.begin_state(B))
    with pytest.raises(ValueError, match=r"this layer is a pair \(H, C\) of tensors; got Tensor"):
        lstm(X, plain.begin_state(B))
    for model in (plain, lstm):
        with pytest.raises(ValueError, match=r"shape \(1, 2, 6\), but the input has batch_size=3"):
            model(X, model.begin_state(2))
        with pytest.raises(ValueError, match=r"X has shape \(5,\)"):
            model(X[0])
    with pytest.raises(ValueError, match="batch_size=1"):
        check_state(torch.zeros(5), 1)


def test_a_layer_that_does_not_fit_the_vocabulary():
    with pytest.raises(
        ValueError, match="vectors of length 28.*vocab_size=9. Build the layer with input_size=9"
    ):
        RNNModel(nn.RNN(28, H), 9)
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="vocab_size=.* must be an integer of at least 1"):
            RNNModel(nn.RNN(28, H), bad)


def test_count_parameters_leaves_frozen_ones_out():
    model = RNNModel(nn.RNN(28, 256), 28)
    assert count_parameters(model) == 28 * 256 + 256 * 256 + 2 * 256 + 256 * 28 + 28
    model.linear.bias.requires_grad_(False)
    assert count_parameters(model) == 28 * 256 + 256 * 256 + 2 * 256 + 256 * 28


def test_map_detach_select():
    one, two = torch.arange(6.0).reshape(3, 2).requires_grad_(), torch.ones(4, 3, 2)
    detached = detach_state((one, two))
    assert isinstance(detached, tuple) and not detached[0].requires_grad
    assert torch.equal(detached[0], one) and torch.equal(detach_state(one), one)
    rows = torch.tensor([2, 0, 2, 1])
    chosen = select_rows((one, two), rows)
    assert torch.equal(chosen[0], one[rows]) and chosen[1].shape == (4, 4, 2)


def test_evaluating_restores_every_module_even_after_an_error():
    model = RNNModel(nn.LSTM(V, H, 2, dropout=0.5), V)
    model.linear.eval()  # somebody froze this part on purpose
    with pytest.raises(KeyError), evaluating(model):
        assert not model.training and not model.rnn.training and not torch.is_grad_enabled()
        raise KeyError
    assert model.training and model.rnn.training and not model.linear.training
    assert torch.is_grad_enabled()
    model.eval()
    with evaluating(model):
        pass
    assert not model.training
    with evaluating(lambda X: X):  # anything callable will do
        pass


class Counting(RecurrentLayer):
    """A layer of one's own whose state has two tensors: H, and how many steps it has seen."""

    num_gates, num_states = 1, 2

    def step(self, X, state, weights):
        H, count = state
        return rnn_cell(X, H, *weights), count + 1


@pytest.mark.parametrize("L", [1, 2])
def test_a_layer_of_ones_own_with_two_states(L):
    model = RNNModel(Counting(V, H, num_layers=L), V)
    X = torch.randint(0, V, (B, T))
    logits, state = model(X)
    assert logits.shape == (B, T, V) and torch.equal(state[1], torch.full((L, B, H), float(T)))
    again, state = model(X, state)
    assert torch.equal(state[1], torch.full((L, B, H), 2.0 * T)) and not torch.equal(again, logits)
    assert [part.shape for part in model.begin_state(B)] == [(L, B, H)] * 2
    with pytest.raises(ValueError, match=r"is a pair \(H, C\) of tensors; got Tensor"):
        model(X, state[0])


def test_num_states_and_zero_state_of_every_layer():
    for layer, number in ((nn.RNN(V, H), 1), (nn.GRU(V, H), 1), (nn.LSTM(V, H), 2), (Counting(V, H), 2)):
        assert num_states(layer) == number
        state = zero_state(layer, B, dtype=torch.float64)
        assert isinstance(state, tuple) == (number > 1)
        assert all(p.shape == (1, B, H) and p.dtype == torch.float64 and not p.any() for p in parts(state))


def test_evaluating_is_over_when_the_last_of_several_threads_is_done():
    model = RNNModel(nn.LSTM(V, H, 2, dropout=0.5), V)
    model.linear.eval()
    first_is_in, second_is_out = threading.Event(), threading.Event()
    modes = []

    def first():
        with evaluating(model):
            first_is_in.set()
            second_is_out.wait(10)
            modes.append(model.training)

    thread = threading.Thread(target=first)
    thread.start()
    first_is_in.wait(10)
    with evaluating(model):
        modes.append(model.training)
    second_is_out.set()
    thread.join()
    assert modes == [False, False]
    assert model.training and model.rnn.training and not model.linear.training


def test_predict_takes_every_form_of_input():
    class Sum(nn.Module):
        def forward(self, a, b):
            return a + b

    a, b = torch.randn(9, 1), torch.randn(9, 1)
    torch.testing.assert_close(predict(Sum(), (a, b), batch_size=4), a + b)
    with pytest.raises(ValueError, match=r"got \[9, 8\] inputs"):
        predict(Sum(), (a, b[:8]))
    with pytest.raises(ValueError, match="batch_size=0"):
        predict(Sum(), (a, b), batch_size=0)
    model = SequenceClassifier("rnn", 1, 4, 2, dropout=0.5)
    model.output.eval()
    X = torch.randn(20, 5, 1)
    answers = predict(model, X, batch_size=7)
    assert model.training and not model.output.training and not answers.requires_grad
    assert torch.equal(predict(model, X, batch_size=7), answers)  # without dropout
    torch.testing.assert_close(predict(model, X), answers)
    (answers * nn.Parameter(torch.ones(()))).sum().backward()  # an ordinary tensor, fit for autograd
