"""The short way for one token gives what the model gives, and is taken only where it may be."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import rnnlib
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch, rnn
from rnnlib.generation.steps import make_step

V, H, B = 7, 5, 3


def scratch():
    model = RNNModelScratch(V, H)
    model.params = [torch.randn_like(p, dtype=torch.float64).requires_grad_() for p in model.params]
    return model


MODELS = {
    "scratch": scratch,
    "tanh": lambda: RNNModel(nn.RNN(V, H), V).double(),
    "relu": lambda: RNNModel(nn.RNN(V, H, nonlinearity="relu"), V).double(),
    "no bias": lambda: RNNModel(nn.RNN(V, H, bias=False), V).double(),
    "batch first": lambda: RNNModel(nn.RNN(V, H, batch_first=True), V).double(),
    "embedding": lambda: RNNModel(nn.RNN(4, H), V, embedding=True).double(),
}


@pytest.mark.parametrize("name", MODELS)
def test_step_equals_the_model(name):
    torch.manual_seed(0)
    model = MODELS[name]()
    step, tokens = make_step(model), torch.randint(V, (B, 4))
    state = state_step = model.begin_state(B)
    for t in range(4):
        logits, state = model(tokens[:, t : t + 1], state)
        logits_step, state_step = step(tokens[:, t], state_step)
        assert_close(logits_step, logits, rtol=0, atol=1e-12)
        assert type(state_step) is type(state)
        assert_close(state_step, state, rtol=0, atol=1e-12)


class Squared(RNNModel):
    def forward(self, X, state=None):
        logits, state = super().forward(X, state)
        return logits**2, state


def hooked():
    model = RNNModel(nn.RNN(V, H), V)
    model.rnn.register_forward_hook(lambda module, inputs, output: None)
    return model


@pytest.mark.parametrize(
    "build",
    [
        lambda: RNNModelScratch(V, H, forward_fn=lambda *args: rnn(*args)),
        lambda: RNNModel(nn.RNN(V, H, num_layers=2), V),
        lambda: RNNModel(nn.RNN(V, H, bidirectional=True), V),
        lambda: RNNModel(nn.GRU(V, H), V),
        lambda: RNNModel(nn.LSTM(V, H), V),
        lambda: Squared(nn.RNN(V, H), V),
        hooked,
    ],
)
def test_no_step_for_other_models(build):
    assert make_step(build()) is None


@pytest.mark.parametrize("name", ["scratch", "tanh"])
def test_generation_takes_the_step_and_gives_the_same_text(name, monkeypatch):
    torch.manual_seed(0)
    vocab, model = rnnlib.Vocab(list("abcdef")), MODELS[name]()
    calls = []

    def counted(model):
        step = make_step(model)
        return lambda *args: calls.append(1) or step(*args)

    texts = []
    for maker in (counted, lambda model: None):
        monkeypatch.setattr("rnnlib.generation.make_step", maker)
        texts.append(rnnlib.generate(model, "ab", 20, vocab))
        texts.append(rnnlib.generate(model, "ab", 20, vocab, temperature=1.0))
        texts.append(rnnlib.beam_search(model, "ab", 6, vocab)[0])
    assert texts[:3] == texts[3:]
    assert len(calls) == 19 + 19 + 5


def test_the_parameters_are_those_of_the_moment():
    model = RNNModel(nn.RNN(V, H), V)
    before = rnnlib.generate(model, "a", 12, vocab := rnnlib.Vocab(list("abcdef")))
    other = next(letter for letter in "bcdef" if letter not in before)
    with torch.no_grad():
        model.linear.bias[vocab[other]] += 100.0
    assert rnnlib.generate(model, "a", 12, vocab) == "a" + other * 12
