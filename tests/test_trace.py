"""The shapes that really flow, and their names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib.inspect import trace_shapes
from rnnlib.inspect.trace import ShapeTrace, TraceRow, _fold
from rnnlib.models import (
    CausalAttentionModel,
    ConditionalGenerator,
    RNNModel,
    SequenceClassifier,
    SequenceTagger,
)
from rnnlib.scratch import GRU, RNNModelScratch

B, T, V, H = 2, 5, 28, 64
X = torch.arange(B * T).reshape(B, T)


def test_from_scratch():
    trace = trace_shapes(RNNModelScratch(V, H), X)
    assert list(trace._table().rows) == [
        ("zeros", "", "(B=2, H=64)"),
        ("transpose", "(B=2, T=5)", "(T=5, B=2)"),
        ("one_hot", "(T=5, B=2)", "(T=5, B=2, V=28)"),
        ("matmul ×5", "(B=2, V=28)  (V=28, H=64)", "(B=2, H=64)"),
        ("matmul ×5", "(B=2, H=64)  (H=64, H=64)", "(B=2, H=64)"),
        ("add ×5", "(B=2, H=64) ×2", "(B=2, H=64)"),
        ("add ×5", "(B=2, H=64)", "(B=2, H=64)"),
        ("tanh ×5", "(B=2, H=64)", "(B=2, H=64)"),
        ("stack", "(B=2, H=64) ×5", "(T=5, B=2, H=64)"),
        ("matmul", "(T=5, B=2, H=64)  (H=64, V=28)", "(T=5, B=2, V=28)"),
        ("add", "(T=5, B=2, V=28)", "(T=5, B=2, V=28)"),
        ("transpose", "(T=5, B=2, V=28)", "(B=2, T=5, V=28)"),
    ]


def test_over_torch_layers():
    trace = trace_shapes(RNNModel(nn.LSTM(V, H, 2, bidirectional=True, batch_first=True), V), X)
    rows = {row.operation: row for row in trace.rows}
    assert rows["lstm"].inputs[0] == (B, T, V)
    assert rows["lstm"].outputs == ((B, T, 2 * H), (4, B, H), (4, B, H))
    assert trace.name(rows["lstm"].outputs[0]) == "(B=2, T=5, 2H=128)"
    assert trace.name(rows["lstm"].outputs[1]) == "(L·D=4, B=2, H=64)"
    assert trace.name(rows["linear"].outputs[0]) == "(B=2, T=5, V=28)"
    assert "(4H=256, V=28)" in str(trace)
    state = (torch.ones(4, B, H), torch.zeros(4, B, H))
    carried = trace_shapes(RNNModel(nn.LSTM(V, H, 2, bidirectional=True), V), X, state)
    assert "zeros" not in {row.operation for row in carried.rows}  # the state was given


def operations(trace):
    return {row.operation: [trace.name(shape) for shape in row.outputs] for row in trace.rows}


def test_a_classifier_of_values():
    model = SequenceClassifier("lstm", 11, H, 3, num_layers=3, bidirectional=True)
    found = operations(trace_shapes(model, torch.randn(B, T, 11)))
    assert found["lstm"] == ["(B=2, T=5, 2H=128)", "(L·D=6, B=2, H=64)", "(L·D=6, B=2, H=64)"]
    assert found["linear"] == ["(B=2, K=3)"]
    assert "(B=2, T=5, I=11)" in str(trace_shapes(model, torch.randn(B, T, 11)))


def test_a_tagger_of_tokens():
    model = SequenceTagger("gru", 16, H, 3, vocab_size=V)
    found = operations(trace_shapes(model, X, E=16))
    assert found["embedding"] == ["(B=2, T=5, E=16)"] and found["linear"] == ["(B=2, T=5, K=3)"]
    state = torch.zeros(1, B, H)
    assert "zeros" not in operations(trace_shapes(model, X, state))


def test_a_generator_about_labels():
    model = ConditionalGenerator(10, V, H, layer="lstm", num_layers=4)
    first, state = model.begin(torch.tensor([3, 8]))
    found = operations(trace_shapes(model, first, state))
    assert found["lstm"][1:] == ["(L·D=4, B=2, H=64)"] * 2  # T = 1 names nothing else
    assert found["linear"] == ["(B=2, T=1, V=28)"]  # and not V/K
    whole = trace_shapes(model, model.shifted(X), state)
    assert operations(whole)["linear"] == ["(B=2, T=5, V=28)"]


def test_attention():
    found = operations(trace_shapes(CausalAttentionModel(V, 16, 1, 4), X, E=16))
    assert found["linear"] == ["(B=2, T=5, V=28)"]
    assert found["scaled_dot_product_attention"] == ["(B=2, 4, T=5, 4)"]
    assert not any("H" in name or "L·D" in name for names in found.values() for name in names)


class Mine(nn.Module):
    """No attribute but its own; what is called rnn is no layer, and the layer is called otherwise."""

    bidirectional = True

    def __init__(self, layer):
        super().__init__()
        self.rnn, self.layer = (lambda x: x + 0), layer
        self.num_outputs = "three"

    def forward(self, X):
        return self.layer(self.rnn(X))


@pytest.mark.parametrize("layer", [nn.GRU(11, H, 3), GRU(11, H, num_layers=3)])
def test_a_module_of_ones_own(layer):
    trace = trace_shapes(Mine(layer), torch.randn(T, B, 11))
    assert trace.name((11, H, 3)) == "(I=11, H=64, L·D=3)" and trace.axes["2H"] == 2 * H
    assert "K" not in trace.axes


def test_what_has_no_recurrent_layer():
    trace = trace_shapes(Mine(nn.Linear(11, 3)), torch.randn(B, T, 11))
    assert operations(trace) == {"add": ["(B=2, T=5, I=11)"], "linear": ["(B=2, T=5, 3)"]}
    trace = trace_shapes(lambda X: X.sum(1), torch.randn(B, T, 11, 13))  # nor any parameter
    assert operations(trace) == {"sum": ["(B=2, 11, 13)"]}


def test_an_ambiguous_size_shows_both_names():
    trace = trace_shapes(RNNModelScratch(V, T), X)
    assert trace.name((T, B, V)) == "(T/H=5, B=2, V=28)"


def test_names_of_ones_own():
    trace = trace_shapes(RNNModel(nn.GRU(16, H), V, embedding=True), X, E=16)
    assert "(T=5, B=2, E=16)" in str(trace)
    assert "(3H=192, E=16)" in str(trace)
    assert "(V=28, E=16)" in str(trace)


def test_a_size_without_a_name_stays_a_number():
    assert ShapeTrace((), {"B": 2}).name((2, 3)) == "(B=2, 3)"
    assert ShapeTrace((), {}).name(()) == "()"


def row(operation, *shapes):
    return TraceRow(operation, tuple(shapes), ((1,),))


def test_folding_of_loops():
    a, b, c = row("a", (2,)), row("b", (2,)), row("c")

    def folded(*rows):
        return [(r.operation, r.repeats) for r in _fold(rows)]

    assert folded(a, b, a, b, a, b, c) == [("a", 3), ("b", 3), ("c", 1)]
    assert folded(c, a, a, a, b) == [("c", 1), ("a", 3), ("b", 1)]
    assert folded(a, b, a) == [("a", 1), ("b", 1), ("a", 1)]
    assert folded(a, row("a", (3,))) == [("a", 1), ("a", 1)]  # other shapes are another step
    assert folded() == []


def test_folding_loses_nothing():
    trace = trace_shapes(RNNModelScratch(V, H), torch.zeros(3, 35, dtype=torch.int64))
    assert sum(r.repeats for r in trace.rows if r.operation == "tanh") == 35
    assert sum(r.repeats for r in trace.rows if r.operation == "matmul") == 2 * 35 + 1


def test_html_is_escaped_and_complete():
    trace = ShapeTrace((row("<script>&", (2, 3)),), {"<b>": 2})
    html = trace._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;&amp;" in html
    assert "<b>" not in html and "(&lt;b&gt;=2, 3)" in html
    assert html.startswith("<table") and html.count("<tr>") == 2 and "运算 | operation" in html


def test_the_table_is_aligned():
    head, rule, *body = str(trace_shapes(RNNModelScratch(V, H), X)).splitlines()
    assert head.startswith("运算 | operation  输入 | inputs") and set(rule) == {"-"}
    column = body[1].index("(T=5, B=2)")
    assert all(line.index("(", column - 2) == column for line in body[1:] if line.endswith(")"))


def test_the_model_is_left_as_it_was():
    model = RNNModel(nn.LSTM(V, H, 2, dropout=0.5), V)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    state = torch.get_rng_state()
    trace_shapes(model, X)
    assert model.training and model.rnn.training
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters()))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_no_minibatch():
    with pytest.raises(ValueError, match=r"X has shape \(5,\); at least \(B, T\) is expected"):
        trace_shapes(RNNModelScratch(V, H), X[0])


def test_long_steps_are_folded_too():
    trace = trace_shapes(RNNModel(GRU(V, H), V), torch.zeros(2, 35, dtype=torch.int64))
    assert [row.repeats for row in trace.rows if row.operation == "tanh"] == [35]


def test_the_names_of_a_size_of_ones_own_come_first():
    assert trace_shapes(RNNModelScratch(V, H), X, T=99, V=28).name((5, 28, 10)) == "(5, V=28, T·B=10)"
    assert trace_shapes(RNNModelScratch(V, H), X, C=128).name((128, 192)) == "(C=128, 3H=192)"
