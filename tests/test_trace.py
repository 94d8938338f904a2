"""The shapes that really flow, and their names."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch
from rnnlib.inspect.trace import ShapeTrace, TraceRow, _fold, trace_shapes

B, T, V, H = 2, 5, 28, 64
X = torch.arange(B * T).reshape(B, T)


def test_from_scratch():
    trace = trace_shapes(RNNModelScratch(V, H), X)
    assert trace._cells() == [
        ("zeros", "", "(B=2, H=64)"),
        ("transpose", "(B=2, T=5)", "(T=5, B=2)"),
        ("one_hot", "(T=5, B=2)", "(T=5, B=2, V=28)"),
        ("matmul  ×5", "(B=2, V=28)  (V=28, H=64)", "(B=2, H=64)"),
        ("matmul  ×5", "(B=2, H=64)  (H=64, H=64)", "(B=2, H=64)"),
        ("add  ×5", "(B=2, H=64) ×2", "(B=2, H=64)"),
        ("add  ×5", "(B=2, H=64)", "(B=2, H=64)"),
        ("tanh  ×5", "(B=2, H=64)", "(B=2, H=64)"),
        ("cat", "(B=2, H=64) ×5", "(T·B=10, H=64)"),
        ("matmul", "(T·B=10, H=64)  (H=64, V=28)", "(T·B=10, V=28)"),
        ("add", "(T·B=10, V=28)", "(T·B=10, V=28)"),
    ]


def test_over_torch_layers():
    trace = trace_shapes(RNNModel(nn.LSTM(V, H, 2, bidirectional=True, batch_first=True), V), X)
    rows = {row.operation: row for row in trace.rows}
    assert rows["lstm"].inputs[0] == (B, T, V)
    assert rows["lstm"].outputs == ((B, T, 2 * H), (4, B, H), (4, B, H))
    assert trace.name(rows["lstm"].outputs[0]) == "(B=2, T=5, 2H=128)"
    assert trace.name(rows["lstm"].outputs[1]) == "(L·D=4, B=2, H=64)"
    assert trace.name(rows["linear"].outputs[0]) == "(T·B=10, V=28)"
    assert "(4H=256, V=28)" in str(trace)
    state = (torch.ones(4, B, H), torch.zeros(4, B, H))
    carried = trace_shapes(RNNModel(nn.LSTM(V, H, 2, bidirectional=True), V), X, state)
    assert "zeros" not in {row.operation for row in carried.rows}  # the state was given


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
    assert html.startswith("<table") and html.count("<tr>") == 2 and "运算 operation" in html


def test_the_table_is_aligned():
    head, rule, *body = str(trace_shapes(RNNModelScratch(V, H), X)).splitlines()
    assert head.startswith("运算 operation  输入 inputs") and set(rule) == {"-"}
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
    with pytest.raises(ValueError, match=r"X has shape \(5,\); token indices of shape \(B, T\)"):
        trace_shapes(RNNModelScratch(V, H), X[0])
