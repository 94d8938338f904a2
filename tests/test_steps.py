"""The short way for one token gives what the model gives, and is taken only where it may be."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from rnnlib.data.text import Vocab
from rnnlib.generation import beam_search, generate, generate_tokens
from rnnlib.generation.steps import make_step
from rnnlib.models import CausalAttentionModel, ConditionalGenerator, RNNModel
from rnnlib.scratch import GRU, RNNModelScratch, rnn

V, H = 7, 5


def scratch(**options):
    model = RNNModelScratch(V, H, **options)
    model.params = [torch.randn_like(p, dtype=torch.float64).requires_grad_() for p in model.params]
    return model


def over(layer, **options):
    return lambda: RNNModel(layer(), V, **options).double()


def without_output_bias():
    model = RNNModel(nn.LSTM(V, H), V)
    model.linear = nn.Linear(H, V, bias=False)
    return model.double()


LAYERS = {
    "tanh": lambda **options: nn.RNN(V, H, **options),
    "relu": lambda **options: nn.RNN(V, H, nonlinearity="relu", **options),
    "LSTM": lambda **options: nn.LSTM(V, H, **options),
    "GRU": lambda **options: nn.GRU(V, H, **options),
}
OPTIONS = {
    "one layer": {},
    "no bias": {"bias": False},
    "batch first": {"batch_first": True},
    "deep": {"num_layers": 3},
    "deep, no bias, dropout": {"num_layers": 2, "bias": False, "dropout": 0.9, "batch_first": True},
}
MODELS = {
    f"{kind}, {name}": over(lambda layer=layer, options=options: layer(**options))
    for kind, layer in LAYERS.items()
    for name, options in OPTIONS.items()
}
MODELS |= {
    "scratch": scratch,
    "no output bias": without_output_bias,
    "tanh, embedding": over(lambda: nn.RNN(4, H), embedding=True),
    "tanh, deep, embedding, no bias": over(lambda: nn.RNN(4, H, 2, bias=False), embedding=True),
    "LSTM, embedding": over(lambda: nn.LSTM(4, H), embedding=True),
    "GRU, deep, embedding": over(lambda: nn.GRU(4, H, 2), embedding=True),
    "about labels": lambda: ConditionalGenerator(2, V, H, layer="gru", embedding_size=3).double(),
    "about labels, deep": lambda: ConditionalGenerator(2, V, H, layer="lstm", num_layers=2).double(),
}


def begin(model, X):
    """A state that is not zeros: after the first token."""
    if isinstance(model, ConditionalGenerator):
        return model.begin(torch.arange(len(X)) % 2)[1]
    return model(X[:, :1])[1]


@pytest.mark.parametrize("B", [1, 3, V + 2])
@pytest.mark.parametrize("name", MODELS)
def test_a_step_equals_the_model(name, B):
    torch.manual_seed(0)
    model, X = MODELS[name](), torch.randint(V, (B, 5))
    if isinstance(model, nn.Module):
        model.eval()
    step = make_step(model)
    with torch.inference_mode():
        state = begin(model, X)
        steps = step.split(state)
        for t in range(1, 5):
            logits, state = model(X[:, t : t + 1], state)
            logits_step, steps = step.read(X[:, t], steps)
            assert_close(logits_step, logits[:, 0], rtol=0, atol=1e-12)
            assert_close(steps, step.split(state), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_texts_are_those_of_the_model(name, monkeypatch):
    """With the step and without it; the step is taken for every token but the first."""
    torch.manual_seed(0)
    model, vocab, calls = MODELS[name](), Vocab(list("abcdef")), []
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)

    def counted(model):
        step = make_step(model)
        return step._replace(read=lambda *args: calls.append(1) or step.read(*args))

    found = []
    for maker in (counted, lambda model: None):
        monkeypatch.setattr("rnnlib.generation.decoding.make_step", maker)
        if isinstance(model, ConditionalGenerator):
            X, state = model.begin(torch.tensor([0, 1, 1]))
            found.append([generate_tokens(model, X, 20, state=state, temperature=1.0).tolist()])
        else:
            texts = [generate(model, "ab", 20, vocab), generate(model, "ab", 20, vocab, temperature=1.0)]
            found.append([*texts, beam_search(model, "ab", 6, vocab)[0]])
    assert found[0] == found[1]
    assert len(calls) == (19 if isinstance(model, ConditionalGenerator) else 19 + 19 + 5)


# ------------------------------------------------------------------------------ where there is no step


class Squared(RNNModel):
    def forward(self, X, state=None):
        logits, state = super().forward(X, state)
        return logits**2, state


class OwnLSTM(nn.LSTM):
    pass


class OwnLinear(nn.Linear):
    pass


def changed(change, layer=None, **options):
    """A model that is plain but for one change."""
    model = RNNModel(layer or nn.LSTM(V, H), V, **options)
    change(model)
    return model


def with_linear(linear):
    return lambda: changed(lambda model: setattr(model, "linear", linear))


OTHERS = {
    "another function": lambda: RNNModelScratch(V, H, forward_fn=lambda *args: rnn(*args)),
    "scratch subclass": lambda: type("Mine", (RNNModelScratch,), {})(V, H),
    "two directions": lambda: RNNModel(nn.GRU(V, H, bidirectional=True), V),
    "projection": lambda: RNNModel(nn.LSTM(V, H, proj_size=2), V),
    "subclass of the model": lambda: Squared(nn.RNN(V, H), V),
    "subclass of the layer": lambda: RNNModel(OwnLSTM(V, H), V),
    "subclass of the output": with_linear(OwnLinear(H, V)),
    "another output": with_linear(nn.Sequential(nn.Linear(H, V))),
    "layer from scratch": lambda: RNNModel(GRU(V, H), V),
    "attention": lambda: CausalAttentionModel(V, 8, 1, 1),
    "max_norm": lambda: changed(
        lambda model: setattr(model, "embedding", nn.Embedding(V, 4, max_norm=0.1)),
        nn.LSTM(4, H),
        embedding=True,
    ),
    "another embedding": lambda: changed(
        lambda model: setattr(model, "embedding", nn.Sequential(nn.Embedding(V, 4))),
        nn.LSTM(4, H),
        embedding=True,
    ),
    "bfloat16": lambda: RNNModel(nn.LSTM(V, H), V).bfloat16(),
    "compiled": lambda: torch.compile(RNNModel(nn.LSTM(V, H), V), backend="eager"),
    "compiled in place": lambda: changed(lambda model: model.compile(backend="eager")),
    "compiled layer": lambda: changed(lambda model: model.rnn.compile(backend="eager")),
    "weights computed anew": lambda: changed(
        lambda model: nn.utils.parametrizations.weight_norm(model.linear)
    ),
    "another encoding": lambda: changed(lambda model: setattr(model, "_encode", model._encode)),
}


def embedded(change, part):
    """A model one part of which, or which itself, has been changed."""
    return changed(
        lambda model: change(getattr(model, part) if part else model), nn.LSTM(4, H), embedding=True
    )


CHANGES = {
    "forward": lambda module: setattr(module, "forward", module.forward),
    "hook": lambda module: module.register_forward_hook(lambda *args: None),
    "early hook": lambda module: module.register_forward_pre_hook(lambda *args: None),
}
OTHERS |= {
    f"{name} of {part or 'model'}": lambda change=change, part=part: embedded(change, part)
    for name, change in CHANGES.items()
    for part in ("", "rnn", "linear", "embedding")
}


@pytest.mark.parametrize("name", OTHERS)
def test_no_step_for_other_models(name):
    assert make_step(OTHERS[name]()) is None


@contextlib.contextmanager
def hook_on_everything():
    handle = nn.modules.module.register_module_forward_hook(lambda *args: None)
    yield
    handle.remove()


@pytest.mark.parametrize("around", [hook_on_everything, lambda: torch.autocast("cpu", dtype=torch.bfloat16)])
def test_no_step_in_other_surroundings(around):
    model = RNNModel(nn.LSTM(V, H), V)
    with around():
        assert make_step(model) is None
        assert len(generate(model, "ab", 4, Vocab(list("abcdef")))) == 6
    assert make_step(model) is not None


@pytest.mark.parametrize("layer", [nn.RNN(V, H), nn.LSTM(V, H)])
def test_a_replaced_forward_is_obeyed(layer):
    """The last token again and again."""
    model, vocab = RNNModel(layer, V), Vocab(list("abcdef"))
    original = model.forward
    model.forward = lambda X, state=None: (nn.functional.one_hot(X, V).float(), original(X, state)[1])
    assert generate(model, "ad", 9, vocab) == "a" + "d" * 10
    assert beam_search(model, "ad", 9, vocab)[0] == "a" + "d" * 10


def test_a_hook_sees_every_token():
    model, seen = RNNModel(nn.GRU(V, H), V), []
    model.linear.register_forward_hook(lambda module, inputs, output: seen.append(1))
    generate(model, "ab", 10, Vocab(list("abcdef")))
    assert len(seen) == 10


@pytest.mark.parametrize("layer", [nn.RNN(V, H), nn.LSTM(V, H)])
def test_the_parameters_are_those_of_the_moment(layer):
    model = RNNModel(layer, V)
    before = generate(model, "a", 12, vocab := Vocab(list("abcdef")))
    other = next(letter for letter in "bcdef" if letter not in before)
    with torch.no_grad():
        model.linear.bias[vocab[other]] += 100.0
    assert generate(model, "a", 12, vocab) == "a" + other * 12
