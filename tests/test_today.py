"""Recurrence today: a scan is its loop, gates are the papers' equations, a memory holds what was written."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from rnnlib import RNNModel
from rnnlib.today import DeltaLayer, MinGRU, MinLSTM, loop, newton, scan
from rnnlib.today.memory import add, correct, read
from rnnlib.today.newton import affine_scan

NEAR = {torch.float32: 1e-4, torch.float64: 1e-11}


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(max_examples=60, deadline=None)
@given(
    T=st.integers(1, 70),
    B=st.integers(1, 3),
    H=st.integers(1, 4),
    seed=st.integers(0, 2**20),
    dtype=st.sampled_from(list(NEAR)),
    low=st.sampled_from([-1.0, 0.0]),
)
def test_a_scan_is_its_loop_in_values_and_gradients(T, B, H, seed, dtype, low):
    generator = torch.Generator().manual_seed(seed)
    a = low + (1 - low) * torch.rand(T, B, H, generator=generator, dtype=dtype)
    b, H_0, given_ = (
        torch.randn(*shape, generator=generator, dtype=dtype) for shape in ((T, B, H), (B, H), (T, B, H))
    )
    results = []
    for way in (scan, loop):
        inputs = [x.clone().requires_grad_() for x in (a, b, H_0)]
        states = way(*inputs)
        results.append([states, *torch.autograd.grad(states, inputs, given_)])
    for found, wanted in zip(*results):
        assert found.dtype == dtype
        assert_close(found, wanted, rtol=0, atol=NEAR[dtype])


def test_the_gradient_of_a_scan_is_that_of_differences():
    a, b, H_0 = (random(*shape, seed=1).requires_grad_() for shape in ((6, 2, 3), (6, 2, 3), (2, 3)))
    assert torch.autograd.gradcheck(scan, (a, b, H_0))


@pytest.mark.parametrize("T", [1, 2, 3, 17, 64, 65, 1000])
def test_a_scan_takes_as_many_rounds_as_t_has_binary_digits(T, monkeypatch):
    rounds = []
    real = torch.addcmul
    monkeypatch.setattr(torch, "addcmul", lambda *args: rounds.append(1) or real(*args))
    scan(random(T, 1, 2), random(T, 1, 2), random(1, 2))
    assert len(rounds) == (T - 1).bit_length()


def test_nothing_overflows_where_the_factors_are_small():
    """A product of many small numbers is 0, not NaN: the scan divides by nothing."""
    a, b = torch.full((2000, 1, 1), 1e-3), torch.ones(2000, 1, 1)
    states = scan(a, b, torch.zeros(1, 1))
    assert_close(states[-1], torch.full((1, 1), 1 / (1 - 1e-3)))


LAYERS = {
    "minGRU": lambda inputs, H, **options: MinGRU(inputs, H, **options),
    "minGRU, signed": lambda inputs, H, **options: MinGRU(inputs, H, signed=True, **options),
    "minLSTM": lambda inputs, H, **options: MinLSTM(inputs, H, **options),
}


def by_the_paper(name, layer, X, state):
    """One step after the other, each gate from a matrix of its own."""
    weights, biases = (
        layer.linear.weight.chunk(layer.num_gates + 1),
        layer.linear.bias.chunk(layer.num_gates + 1),
    )
    H, outputs = state[0], []
    for X_t in X:
        parts = [X_t @ W.T + b for W, b in zip(weights, biases)]
        if name == "minLSTM":
            F, W = parts[0].sigmoid(), parts[1].sigmoid()
            H = F / (F + W) * H + W / (F + W) * parts[2]
        else:
            Z = parts[0].sigmoid()
            H = (1 - 2 * Z if "signed" in name else 1 - Z) * H + Z * parts[1]
        outputs.append(H)
    return torch.stack(outputs)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_the_equations_both_ways(name):
    X, state = random(9, 2, 3), random(1, 2, 4, seed=2)
    torch.manual_seed(0)
    layer = LAYERS[name](3, 4).double()
    wanted = by_the_paper(name, layer, X, state)
    for parallel in (True, False):
        layer.parallel = parallel
        Y, end = layer(X, state)
        assert_close(Y, wanted, rtol=0, atol=1e-12)
        assert_close(end, wanted[-1:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_a_sequence_may_be_read_in_pieces(name):
    layer, X = LAYERS[name](3, 4).double(), random(11, 2, 3)
    whole, end = layer(X)
    state, pieces = None, []
    for piece in X.split(4):
        Y, state = layer(piece, state)
        pieces.append(Y)
    assert_close(torch.cat(pieces), whole)
    assert_close(state, end)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_fit_into_the_language_model(name):
    model = RNNModel(LAYERS[name](7, 5), 7)
    X = torch.randint(7, (2, 6), generator=torch.Generator().manual_seed(0))
    logits, state = model(X)
    again, _ = model(X, state)
    assert logits.shape == (2, 6, 7) and state.shape == (1, 2, 5) and not torch.equal(logits, again)
    logits.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.rnn.parameters())


def test_the_factor_of_the_old_state_has_a_sign_or_not():
    gate, candidate = torch.tensor([-50.0, 0.0, 50.0]), torch.ones(3)
    assert MinGRU(1, 3).coefficients(gate, candidate)[0].tolist() == [1, 0.5, 0]
    assert MinGRU(1, 3, signed=True).coefficients(gate, candidate)[0].tolist() == [1, 0, -1]
    a, b = MinLSTM(1, 3).coefficients(gate, torch.zeros(3), candidate)
    assert_close(a + b, torch.ones(3))


@pytest.mark.parametrize("X", [torch.zeros(4, 3), torch.zeros(4, 2, 2)])
def test_inputs_of_another_shape_are_refused(X):
    with pytest.raises(ValueError, match=r"\(T, B, 3\) is expected"):
        MinGRU(3, 2)(X)


def test_orthogonal_keys_are_read_back_by_both_rules():
    keys, values = torch.eye(4, dtype=torch.float64), random(4, 3)
    for write in (add, correct):
        S = torch.zeros(1, 3, 4, dtype=torch.float64)
        for k, v in zip(keys, values):
            S = write(S, k[None], v[None])
        assert_close(torch.stack([read(S, k[None])[0] for k in keys]), values)


def test_a_key_written_twice_holds_the_sum_or_the_last_value():
    k, (old, new) = torch.nn.functional.normalize(random(1, 5), dim=-1), random(2, 1, 3)
    S = torch.zeros(1, 3, 5, dtype=torch.float64)
    assert_close(read(add(add(S, k, old), k, new), k), old + new)
    assert_close(read(correct(correct(S, k, old), k, new), k), new)
    assert_close(read(correct(correct(S, k, old), k, new, 0.25), k), 0.75 * old + 0.25 * new)


def test_the_delta_rule_is_a_step_down_the_gradient():
    S, k, v = random(2, 3, 4).requires_grad_(), random(2, 4, seed=1), random(2, 3, seed=2)
    k = torch.nn.functional.normalize(k, dim=-1)
    beta = torch.tensor([[0.3], [1.7]], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((read(S, k) - v).square().sum() / 2, S)
    assert_close(correct(S, k, v, beta), S - beta[..., None] * gradient)


def test_linear_attention_is_attention_without_the_softmax():
    keys, values, queries = random(6, 1, 4), random(6, 1, 3, seed=1), random(6, 1, 4, seed=2)
    S = torch.zeros(1, 3, 4, dtype=torch.float64)
    for t, (k, v, q) in enumerate(zip(keys, values, queries)):
        S = add(S, k, v)
        wanted = sum((keys[i] * q).sum() * values[i] for i in range(t + 1))
        assert_close(read(S, q), wanted)


def test_the_delta_layer_is_its_rule():
    torch.manual_seed(0)
    layer, X = DeltaLayer(3, 4, largest_beta=2.0).double(), random(5, 2, 3)
    Y, S = layer(X)
    assert Y.shape == (5, 2, 4) and S.shape == (2, 4, 4)
    first, state = layer(X[:2])
    rest, end = layer(X[2:], state)
    assert_close(torch.cat([first, rest]), Y)
    assert_close(end, S)
    k, q, v, beta = layer.linear(X[0]).split([4, 4, 4, 1], dim=-1)
    k, q = k / k.norm(dim=-1, keepdim=True), q / q.norm(dim=-1, keepdim=True)
    wanted = (2 * beta.sigmoid() * (k * q).sum(-1, keepdim=True)) * v
    assert_close(Y[0], wanted)


def test_a_factor_can_turn_a_direction_around_only_with_a_large_beta():
    for largest, least in ((1.0, 0.0), (2.0, -1.0)):
        k = torch.tensor([[1.0, 0.0]])
        S = torch.tensor([[[1.0, 1.0]]])
        after = correct(S, k, torch.zeros(1, 1), largest)
        assert after.tolist() == [[[least, 1.0]]]


def tanh_network(radius, H=6, inputs=3, seed=0):
    W, U = random(H, H, seed=seed), random(H, inputs, seed=seed + 1)
    W = W * radius / torch.linalg.eigvals(W).abs().max()
    return lambda h, x: torch.tanh(W @ h + U @ x)


def walked(f, X, H_0):
    states = [H_0]
    for x in X:
        states.append(f(states[-1], x))
    return torch.stack(states[1:])


@pytest.mark.parametrize("radius", [0.1, 0.9, 1.3])
@pytest.mark.parametrize("T", [1, 2, 33])
def test_newton_finds_the_states_of_the_walk(radius, T):
    f, X, H_0 = tanh_network(radius), random(T, 3, seed=5), random(6, seed=6)
    states, changes = newton(f, X, H_0, tolerance=1e-9)
    assert_close(states, walked(f, X, H_0), rtol=0, atol=1e-8)
    assert len(changes) <= T and (changes[-1] <= 1e-9 or len(changes) == T)


def test_a_linear_network_takes_one_round_and_one_to_see_it():
    A = random(4, 4) / 4
    _, changes = newton(lambda h, x: A @ h + x, random(50, 4, seed=1), random(4, seed=2))
    assert len(changes) == 2 and changes[1] < 1e-12


def test_the_first_i_states_are_exact_after_i_rounds():
    f, X, H_0 = tanh_network(3.0), random(20, 3, seed=5), random(6, seed=6)
    wanted = walked(f, X, H_0)
    for rounds in (1, 3, 7):
        states, _ = newton(f, X, H_0, tolerance=0.0, most=rounds)
        assert_close(states[:rounds], wanted[:rounds], rtol=0, atol=1e-9)


def test_more_rounds_where_the_spectral_radius_is_larger():
    X, H_0 = random(200, 3, seed=5), torch.zeros(6, dtype=torch.float64)
    rounds = [len(newton(tanh_network(radius), X, H_0)[1]) for radius in (0.3, 1.0, 2.5)]
    assert rounds[0] < rounds[1] < rounds[2]


@settings(max_examples=20, deadline=None)
@given(T=st.integers(1, 40), H=st.integers(1, 4), seed=st.integers(0, 1000))
def test_an_affine_scan_is_its_loop(T, H, seed):
    A, b, H_0 = random(T, H, H, seed=seed) / H, random(T, H, seed=seed + 1), random(H, seed=seed + 2)
    state, wanted = H_0, []
    for A_t, b_t in zip(A, b):
        state = A_t @ state + b_t
        wanted.append(state)
    assert_close(affine_scan(A, b, H_0), torch.stack(wanted), rtol=1e-9, atol=1e-9)
