"""The layers written from their cells: equal to torch.nn in values, states and every gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib import RNNModel, Vocab, generate, train
from rnnlib.data.batches import SequenceLoader
from rnnlib.scratch import GRU, LSTM, RNN, gru_cell, gru_gates, lstm_cell, lstm_gates, rnn_cell

ID, H, B, T = 3, 4, 2, 5
TWINS = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}
CELLS = {RNN: nn.RNNCell, LSTM: nn.LSTMCell, GRU: nn.GRUCell}


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


def twins(kind, L=1, D=1, batch_first=False, **options):
    """One of our layers and the torch.nn layer with the same weights, in double precision."""
    arguments = dict(num_layers=L, bidirectional=D == 2, batch_first=batch_first, **options)
    ours, theirs = kind(ID, H, **arguments).double(), TWINS[kind](ID, H, **arguments).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def random_state(kind, L, D):
    state = [torch.randn(L * D, B, H, dtype=torch.float64) for _ in range(kind.num_states)]
    return tuple(state) if kind is LSTM else state[0]


def run(layer, inputs, state, weights):
    """Outputs, final state and all gradients of a loss in which every number has its own weight."""
    inputs = inputs.clone().requires_grad_()
    state = [part.clone().requires_grad_() for part in parts(state)]
    outputs, final = layer(inputs, tuple(state) if len(state) == 2 else state[0])
    values = [outputs, *parts(final)]
    assert isinstance(final, tuple) == (len(state) == 2)
    sum((w * value).sum() for w, value in zip(weights, values, strict=True)).backward()
    return values, [inputs.grad, *(p.grad for p in state), *(p.grad for p in layer.parameters())]


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("kind", TWINS)
def test_parity_in_outputs_states_and_all_gradients(kind, L, D, batch_first):
    ours, theirs = twins(kind, L, D, batch_first)
    inputs = torch.randn(*((B, T) if batch_first else (T, B)), ID, dtype=torch.float64)
    state = random_state(kind, L, D)
    weights = [
        torch.randn(*inputs.shape[:2], D * H, dtype=torch.float64),
        *parts(random_state(kind, L, D)) * 2,
    ]
    weights = weights[: 1 + kind.num_states]
    (values, grads), (expected, expected_grads) = (run(m, inputs, state, weights) for m in (ours, theirs))
    assert len(grads) == len(expected_grads) == 1 + kind.num_states + 4 * L * D
    for a, b in zip(values + grads, expected + expected_grads, strict=True):
        assert a.shape == b.shape
        assert (a - b).abs().max() <= 1e-10
        assert b.abs().max() > 1e-3  # no comparison of nothing with nothing


@pytest.mark.parametrize("kind", TWINS)
def test_without_a_state_it_begins_with_zeros(kind):
    ours, theirs = twins(kind, 2, 2)
    inputs = torch.randn(T, B, ID, dtype=torch.float64)
    for a, b in zip(ours(inputs), theirs(inputs)):
        for left, right in zip(parts(a), parts(b), strict=True):
            assert (left - right).abs().max() <= 1e-12


@pytest.mark.parametrize("kind", TWINS)
def test_a_sequence_in_two_parts_is_the_whole(kind):
    layer, _ = twins(kind, 2)
    inputs = torch.randn(T, B, ID, dtype=torch.float64)
    whole, last = layer(inputs)
    first, middle = layer(inputs[:2])
    second, end = layer(inputs[2:], middle)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(end, last, rtol=0, atol=1e-12)


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("kind", TWINS)
def test_weights_move_both_ways_under_the_same_names(kind, L, D):
    ours, theirs = (module(ID, H, num_layers=L, bidirectional=D == 2) for module in (kind, TWINS[kind]))
    names = [(name, tuple(value.shape)) for name, value in ours.state_dict().items()]
    assert names == [(name, tuple(value.shape)) for name, value in theirs.state_dict().items()]
    inputs = torch.randn(T, B, ID)
    assert not torch.allclose(ours(inputs)[0], theirs(inputs)[0])
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(inputs)[0], theirs(inputs)[0])
    fresh = TWINS[kind](ID, H, L, bidirectional=D == 2)
    fresh.load_state_dict(ours.state_dict())
    assert torch.equal(fresh(inputs)[0], theirs(inputs)[0])


@pytest.mark.parametrize("kind", TWINS)
def test_initial_weights_fill_the_same_range_as_in_torch(kind):
    size = 25  # 1 / sqrt(25) = 0.2
    values = torch.cat([p.detach().flatten() for p in kind(size, size).parameters()])
    assert 0.195 < values.max() <= 0.2 and -0.2 <= values.min() < -0.195 and abs(values.mean()) < 0.02


@pytest.mark.parametrize("kind", TWINS)
def test_cells_are_those_of_torch(kind):
    cell = CELLS[kind](ID, H).double()
    X, *state = (torch.randn(B, n, dtype=torch.float64) for n in (ID, H, H))
    weights = (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
    given = tuple(state) if kind is LSTM else state[0]
    ours = {RNN: rnn_cell, LSTM: lstm_cell, GRU: gru_cell}[kind](X, given, *weights)
    torch.testing.assert_close(ours, cell(X, given), rtol=0, atol=1e-12)


def test_gates_build_the_steps():
    X, H0, C0 = (torch.randn(B, n, dtype=torch.float64) for n in (ID, H, H))
    weights = LSTM(ID, H).double().weights()
    i, f, g, o = lstm_gates(X, H0, *weights)
    C = f * C0 + i * g
    torch.testing.assert_close(lstm_cell(X, (H0, C0), *weights), (o * C.tanh(), C), rtol=0, atol=1e-12)
    weights = GRU(ID, H).double().weights()
    for after in (True, False):
        _, z, n = gru_gates(X, H0, *weights, reset_after=after)
        new = gru_cell(X, H0, *weights, reset_after=after)
        torch.testing.assert_close(new, (1 - z) * n + z * H0, rtol=0, atol=1e-12)


def paper_gru(inputs, state, layer):
    """Cho et al. 2014, equations 5-8, unit by unit for one row at a time; both biases are added."""
    W, U, b, c = (weight.detach() for weight in layer.weights())
    rows = []
    for b_index in range(B):
        h = state[b_index].tolist()
        outputs = []
        for x in inputs[:, b_index].tolist():

            def gate(j, hidden, x=x):
                products = sum(w * v for w, v in zip(W[j].tolist(), x))
                products += sum(u * v for u, v in zip(U[j].tolist(), hidden))
                return torch.tensor(products + float(b[j]) + float(c[j]), dtype=torch.float64)

            r = [torch.sigmoid(gate(j, h)).item() for j in range(H)]
            z = [torch.sigmoid(gate(H + j, h)).item() for j in range(H)]
            reset = [a * v for a, v in zip(r, h)]
            n = [torch.tanh(gate(2 * H + j, reset)).item() for j in range(H)]
            h = [z[j] * h[j] + (1 - z[j]) * n[j] for j in range(H)]
            outputs.append(h)
        rows.append(outputs)
    return torch.tensor(rows, dtype=torch.float64).transpose(0, 1)  # (T, B, H)


def test_reset_before_the_product_is_the_paper_and_not_torch():
    layer = GRU(ID, H, reset_after=False).double()
    torch_layer = nn.GRU(ID, H).double()
    torch_layer.load_state_dict(layer.state_dict())
    inputs, state = torch.randn(T, B, ID, dtype=torch.float64), random_state(GRU, 1, 1)
    outputs, final = layer(inputs, state)
    torch.testing.assert_close(outputs, paper_gru(inputs, state[0], layer), rtol=0, atol=1e-12)
    assert torch.equal(final[0], outputs[-1])
    assert (outputs - torch_layer(inputs, state)[0]).abs().max() > 1e-3
    with torch.no_grad():  # where the hidden side of the candidate is zero, the place of the gate is all one
        for module in (layer, torch_layer):
            module.weight_hh_l0[2 * H :] = 0
            module.bias_hh_l0[2 * H :] = 0
    torch.testing.assert_close(layer(inputs, state)[0], torch_layer(inputs, state)[0], rtol=0, atol=1e-12)
    assert "reset_after=False" in repr(layer)


@pytest.mark.parametrize("kind", TWINS)
def test_dropout_acts_between_layers_in_training_only(kind):
    ours, theirs = twins(kind, 3, 2, dropout=0.5)
    inputs = torch.randn(T, B, ID, dtype=torch.float64)
    once, again = ours(inputs)[0], ours(inputs)[0]
    assert not torch.allclose(once, again)
    first = [ours(inputs)[1] for _ in range(2)]
    first = [parts(state)[0][:2] for state in first]  # both directions of layer 0 read the input itself
    assert torch.equal(first[0], first[1])
    ours.eval(), theirs.eval()
    assert torch.equal(ours(inputs)[0], ours(inputs)[0])
    torch.testing.assert_close(ours(inputs)[0], theirs(inputs)[0], rtol=0, atol=1e-12)


def test_dropout_keeps_the_mean():
    """A layer that hands its input on: what the second one reads is zero or doubled, for p = 1/2."""
    layer = RNN(ID, 1, num_layers=2, dropout=0.5).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias_ih_l0.fill_(0.1)
        layer.weight_ih_l1.fill_(1.0)
    outputs = layer(torch.zeros(1, 400, ID, dtype=torch.float64))[0].atanh().flatten()
    handed = torch.tensor(0.1, dtype=torch.float64).tanh()
    kept = outputs > 0
    torch.testing.assert_close(outputs[kept], (2 * handed).expand(int(kept.sum())))
    assert 0.4 < kept.double().mean() < 0.6 and not outputs[~kept].any()


@pytest.mark.parametrize("kind", TWINS)
def test_it_is_a_layer_for_rnnmodel_that_trains_and_writes(kind):
    text = "abcd" * 60
    vocab = Vocab(list(text))
    V = len(vocab)
    model = RNNModel(kind(V, 16), V)
    loader = SequenceLoader(vocab[list(text)], batch_size=4, num_steps=6)
    history = train(model, loader, 12, lr=0.03, optimizer="adam", progress=False)
    assert history.train_ppl[-1] < 1.1 < 1.5 < history.train_ppl[0]
    assert generate(model, "ab", 6, vocab) == "abcdabcd"
    twin = RNNModel(TWINS[kind](V, 16), V)
    twin.load_state_dict(model.state_dict())
    X = torch.randint(0, V, (B, T))
    torch.testing.assert_close(model(X)[0], twin(X)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", TWINS)
def test_states_that_do_not_fit(kind):
    layer, inputs = kind(ID, H, num_layers=2), torch.randn(T, B, ID)

    def state(*shape):
        part = torch.zeros(shape)
        return (part, part) if kind is LSTM else part

    layer(inputs, state(2, B, H))
    with pytest.raises(ValueError, match=r"shape \(2, 3, 4\), but the input has batch_size=2"):
        layer(inputs, state(2, 3, H))
    for layers, size in ((1, H), (3, H), (2, H + 1)):
        with pytest.raises(ValueError, match=r"\(L\*D, B, H\) = \(2, 2, 4\) is needed"):
            layer(inputs, state(layers, B, size))
    part = torch.zeros(2, B, H)
    for wrong, given in ((part, "Tensor"), ((part,), "a tuple of 1"), ((part,) * 3, "a tuple of 3")):
        if kind is LSTM or isinstance(wrong, tuple):
            expected = r"a pair \(H, C\) of tensors" if kind is LSTM else "one tensor H"
            with pytest.raises(ValueError, match=f"the state of this layer is {expected}; got {given}"):
                layer(inputs, wrong)


def test_arguments_and_inputs_out_of_range():
    for name in ("input_size", "hidden_size", "num_layers"):
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer of at least 1"):
            GRU(**{"input_size": ID, "hidden_size": H, name: 0})
    with pytest.raises(ValueError, match="dropout=1.0 must be at least 0 and below 1"):
        RNN(ID, H, num_layers=2, dropout=1.0)
    with pytest.raises(ValueError, match="dropout=0.3 acts between layers; with num_layers=1"):
        LSTM(ID, H, dropout=0.3)
    for kind in TWINS:  # in torch the fourth argument is another one
        with pytest.raises(TypeError, match="positional"):
            kind(ID, H, 2, True)
    with pytest.raises(TypeError, match="reset_before"):
        GRU(ID, H, reset_before=True)
    for shape in ((T, B, ID + 1), (T, ID), (0, B, ID), (T, 0, ID)):
        with pytest.raises(ValueError, match=r"\(T, B, I\) with I=3 and at least one row and one step"):
            RNN(ID, H)(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"\(B, T, I\)"):
        RNN(ID, H, batch_first=True)(torch.zeros(T, ID))
