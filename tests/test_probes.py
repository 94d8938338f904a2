"""Probes: twins share weights, gates are the gates, gradients are products of Jacobians."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib.inspect import gate_activations, gradient_by_lag
from rnnlib.inspect.probes import _twin
from rnnlib.models import RNNModel
from rnnlib.scratch import GRU, LSTM, RNN, RecurrentLayer, rnn_cell

NUM_INPUTS, H, B, T = 3, 4, 2, 6
KINDS = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


class Fading(RecurrentLayer):
    """A layer of ten lines, whose state has two parts: H, and what was read, which fades by half."""

    num_gates, num_states = 1, 2

    def step(self, X, state, weights):
        H, trace = state
        W_ih, W_hh, b_ih, b_hh = weights
        trace = 0.5 * trace + X @ W_ih.T + b_ih
        return torch.tanh(trace + H @ W_hh.T + b_hh), trace


class Peephole(LSTM):
    """An LSTM with other gates."""

    def step(self, X, state, weights):
        H, C = state
        return super().step(X, (H + C, C), weights)


class Clocked(RecurrentLayer):
    """Three parts, of which the last two have no say in H: the state before, and the number of steps."""

    num_gates, num_states = 1, 3

    def step(self, X, state, weights):
        H, _, clock = state
        return rnn_cell(X, H, *weights), H, clock + 1


def inputs(T=T):
    return torch.randn(T, B, NUM_INPUTS, dtype=torch.float64)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_is_the_same_layer(kind, batch_first):
    layer = kind(NUM_INPUTS, H, 2, bidirectional=True, dropout=0.5, batch_first=batch_first).double().eval()
    before = torch.random.get_rng_state()
    twin = _twin(layer)
    assert torch.equal(before, torch.random.get_rng_state())
    assert type(twin) is KINDS[kind] and not twin.training and twin.dropout == 0.5
    shared = dict(layer.named_parameters())
    assert [name for name, _ in twin.named_parameters()] == list(shared)
    assert all(parameter is shared[name] for name, parameter in twin.named_parameters())
    X = inputs()
    torch.testing.assert_close(twin(X), layer(X), rtol=0, atol=1e-12)
    with torch.no_grad():  # shared, not copied
        layer.weight_hh_l1.add_(0.5)
    torch.testing.assert_close(twin(X), layer(X), rtol=0, atol=1e-12)
    assert _twin(twin) is twin


@pytest.mark.cuda
@pytest.mark.parametrize("kind", KINDS)
def test_a_twin_lies_where_its_layer_lies(kind):
    layer = kind(NUM_INPUTS, H).double().cuda()
    twin, X = _twin(layer), inputs()
    assert {parameter.device.type for parameter in twin.parameters()} == {"cuda"}
    torch.testing.assert_close(twin(X.cuda()), layer(X.cuda()), rtol=0, atol=1e-9)
    on_gpu = gradient_by_lag(layer, X.cuda()).cpu()
    torch.testing.assert_close(on_gpu, gradient_by_lag(layer.cpu(), X), rtol=0, atol=1e-9)


def test_layers_without_a_twin():
    for layer in (
        nn.RNN(NUM_INPUTS, H, nonlinearity="relu"),
        nn.LSTM(NUM_INPUTS, H, proj_size=2),
        nn.GRU(NUM_INPUTS, H, bias=False),
    ):
        with pytest.raises(
            ValueError, match="cannot be stepped through; nn.RNN with tanh, nn.LSTM and nn.GRU"
        ):
            _twin(layer)
    with pytest.raises(ValueError, match="got RNNModel. Of a model, pass its layer"):
        _twin(RNNModel(nn.GRU(NUM_INPUTS, H), NUM_INPUTS))


def rows(layer, X, hidden):
    """What torch.nn calls gi + gh: (B, G*H) before any activation, and its two halves."""
    gi = nn.functional.linear(X, layer.weight_ih_l0, layer.bias_ih_l0)
    return gi, nn.functional.linear(hidden, layer.weight_hh_l0, layer.bias_hh_l0)


@pytest.mark.parametrize("batch_first", [False, True])
def test_gates_of_an_lstm(batch_first):
    layer, X = nn.LSTM(NUM_INPUTS, H, batch_first=batch_first).double(), inputs()
    found = gate_activations(layer, X)
    assert list(found) == ["input", "forget", "candidate", "output", "cell", "hidden"]
    assert all(value.shape == (T, B, H) and not value.requires_grad for value in found.values())
    cell = nn.LSTMCell(NUM_INPUTS, H).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    hidden = memory = torch.zeros(B, H, dtype=torch.float64)
    for t in range(T):
        total = sum(rows(layer, X[t], hidden))
        for k, name in enumerate(("input", "forget", "candidate", "output")):
            activation = torch.tanh if name == "candidate" else torch.sigmoid
            expected = activation(total[:, k * H : (k + 1) * H])
            torch.testing.assert_close(found[name][t], expected, rtol=0, atol=1e-12)
        hidden, memory = cell(X[t], (hidden, memory))
        torch.testing.assert_close(found["hidden"][t], hidden, rtol=0, atol=1e-12)
        torch.testing.assert_close(found["cell"][t], memory, rtol=0, atol=1e-12)


def test_gates_of_a_gru():
    layer, X = nn.GRU(NUM_INPUTS, H).double(), inputs()
    found = gate_activations(layer, X)
    assert list(found) == ["reset", "update", "candidate", "hidden"]
    Y, _ = layer(X)
    torch.testing.assert_close(found["hidden"], Y, rtol=0, atol=1e-12)
    before = torch.cat([torch.zeros_like(Y[:1]), Y[:-1]])
    gi, gh = (part.chunk(3, dim=-1) for part in rows(layer, X, before))
    r, z = torch.sigmoid(gi[0] + gh[0]), torch.sigmoid(gi[1] + gh[1])
    for name, expected in (("reset", r), ("update", z), ("candidate", torch.tanh(gi[2] + r * gh[2]))):
        torch.testing.assert_close(found[name], expected, rtol=0, atol=1e-12)


def test_gates_follow_the_place_of_the_reset_gate():
    layer, X = GRU(NUM_INPUTS, H, reset_after=False).double(), inputs()
    found = gate_activations(layer, X)
    hidden, z = layer(X)[0], found["update"]
    torch.testing.assert_close(found["hidden"], hidden, rtol=0, atol=1e-12)
    before = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])
    torch.testing.assert_close((1 - z) * found["candidate"] + z * before, hidden, rtol=0, atol=1e-12)
    other = GRU(NUM_INPUTS, H).double()
    other.load_state_dict(layer.state_dict())
    assert (gate_activations(other, X)["candidate"] - found["candidate"]).abs().max() > 1e-3


def test_what_has_no_gates_or_does_not_fit():
    for layer in (nn.RNN(NUM_INPUTS, H), Peephole(NUM_INPUTS, H), Fading(NUM_INPUTS, H)):
        with pytest.raises(ValueError, match=f"gates of {type(layer).__name__} are not known, if it has any"):
            gate_activations(layer, torch.randn(T, B, NUM_INPUTS))
    for probe in (gate_activations, gradient_by_lag):
        for shape in ((T, NUM_INPUTS), (T, B, NUM_INPUTS + 1), (0, B, NUM_INPUTS)):
            with pytest.raises(ValueError, match=r"\(T, B, I\) with I=3 and T >= 1 is expected"):
                probe(nn.GRU(NUM_INPUTS, H), torch.zeros(shape))


def products_of_jacobians(layer, X, seed, parts):
    """The same norms from the full Jacobian of every step, state variables side by side."""
    twin = _twin(layer)
    width = parts * H
    u = torch.randn(B, H, generator=torch.Generator().manual_seed(seed)).double()
    u = u / u.norm(dim=1, keepdim=True)
    norms = torch.zeros(B, T, dtype=torch.float64)
    for b in range(B):

        def step(S, x):
            state = S[None].split(H, dim=1)
            new = twin.step(x, state if parts > 1 else state[0], twin.weights())
            return torch.cat(new, dim=1)[0] if parts > 1 else new[0]

        S, jacobians = torch.zeros(width, dtype=torch.float64), []
        for t in range(T):
            x = X[t, b : b + 1]
            jacobians.append(torch.autograd.functional.jacobian(lambda S, x=x: step(S, x), S))
            S = step(S, x).detach()
        product = torch.eye(width, dtype=torch.float64)[:H]  # dH_T / dS_T
        for k in range(T):
            norms[b, k] = (u[b] @ product).norm()
            product = product @ jacobians[T - 1 - k]
    return norms.mean(dim=0)


PARTS = {nn.RNN: 1, nn.GRU: 1, nn.LSTM: 2, Fading: 2, Peephole: 2, Clocked: 3}


@pytest.mark.parametrize("kind", PARTS)
def test_gradients_by_lag_are_products_of_jacobians(kind):
    layer, X = kind(NUM_INPUTS, H).double(), inputs()
    found = gradient_by_lag(layer, X, seed=5)
    assert found.shape == (T,) and found[0].item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(found, products_of_jacobians(layer, X, 5, PARTS[kind]), rtol=0, atol=1e-12)
    assert all(parameter.grad is None for parameter in layer.parameters())
    with torch.no_grad():
        torch.testing.assert_close(gradient_by_lag(layer, X, seed=5), found)
    assert not torch.equal(gradient_by_lag(layer, X, seed=6), found)
    assert gradient_by_lag(layer, X[:1]).tolist() == pytest.approx([1])


@pytest.mark.parametrize("rho", [0.5, 1.0, 1.2])
def test_a_linear_network_decays_like_its_spectral_radius(rho):
    """Without input tanh stands at zero, where its slope is 1: every lag costs a factor rho."""
    layer = nn.RNN(NUM_INPUTS, H).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        Q, _ = torch.linalg.qr(torch.randn(H, H, dtype=torch.float64))
        layer.weight_hh_l0.copy_(rho * Q)
    assert torch.linalg.eigvals(layer.weight_hh_l0).abs().max().item() == pytest.approx(rho)
    found = gradient_by_lag(layer, torch.zeros(9, B, NUM_INPUTS, dtype=torch.float64))
    torch.testing.assert_close(found, rho ** torch.arange(9, dtype=torch.float64), rtol=1e-10, atol=0)


def test_an_open_forget_gate_carries_the_gradient():
    """With forget gates at f and everything else shut, only the memory cell carries, by f a step."""
    layer = nn.LSTM(NUM_INPUTS, H).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0[H : 2 * H] = 2.0
    f = torch.sigmoid(torch.tensor(2.0, dtype=torch.float64))
    found = gradient_by_lag(layer, torch.zeros(T, B, NUM_INPUTS, dtype=torch.float64))
    expected = 0.5 * f ** torch.arange(1, T, dtype=torch.float64)  # o = 1/2, tanh'(0) = 1
    torch.testing.assert_close(found[1:], expected, rtol=1e-10, atol=0)


def test_a_model_with_a_layer_of_ones_own():
    """Its state and its gradients, in any model: nothing asks for the name of the layer."""
    model, X = RNNModel(Fading(NUM_INPUTS, H, num_layers=2), NUM_INPUTS).double(), inputs()
    _, state = model(torch.zeros(B, 4, dtype=torch.int64))
    assert [part.shape for part in state] == [(2, B, H)] * 2
    found = gradient_by_lag(model.rnn, X, seed=5)
    assert 0 < found[-1] < found[0] == pytest.approx(1)
    assert all(parameter.grad is None for parameter in model.parameters())
