"""The short way for one token gives what the model gives, and is taken only where it may be."""

from __future__ import annotations

import contextlib
import logging
import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from rnnlib.data.text import Vocab
from rnnlib.generation import beam_search, generate, generate_tokens, graphs
from rnnlib.generation import steps as steps_module
from rnnlib.generation.steps import make_reader
from rnnlib.models import CausalAttentionModel, ConditionalGenerator, RNNModel
from rnnlib.scratch import GRU, RNNModelScratch, rnn
from rnnlib.states import select_rows

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


def reader_after(model, X, ban=None):
    """A reader of the model and the model's own state, both after the first token."""
    state = begin(model, X)
    return make_reader(model, state, torch.zeros(V, dtype=torch.float64) if ban is None else ban), state


def by_layer(state):
    parts = state if isinstance(state, tuple) else (state,)
    return [(parts[0],)] if parts[0].ndim == 2 else list(zip(*parts))


@pytest.mark.parametrize("B", [1, 3, V + 2])
@pytest.mark.parametrize("name", MODELS)
def test_a_reader_equals_the_model(name, B):
    """Logits and states, and the model's own state is left alone."""
    torch.manual_seed(0)
    model, X = MODELS[name](), torch.randint(V, (B, 5))
    if isinstance(model, nn.Module):
        model.eval()
    ban = torch.arange(V, dtype=torch.float64)
    with torch.inference_mode():
        reader, state = reader_after(model, X, ban)
        kept = [part for layer in by_layer(state) for part in layer]
        copies = [part.clone() for part in kept]
        for t in range(1, 5):
            logits, state = model(X[:, t : t + 1], state)
            assert_close(reader.read(X[:, t]), logits[:, 0] + ban, rtol=0, atol=1e-12)
            found = [layer.state() for layer in reader.layers]
            assert_close(found, by_layer(state), rtol=0, atol=1e-12)
        assert all(torch.equal(a, b) for a, b in zip(kept, copies))


@pytest.mark.parametrize("rows", [[2, 0, 2], [1, 1], [0, 2, 1, 0, 0]])
@pytest.mark.parametrize("name", MODELS)
def test_rows_can_be_chosen(name, rows):
    """As many as before, fewer or more: as if these rows had been read from the start."""
    torch.manual_seed(0)
    model, X, rows = MODELS[name](), torch.randint(V, (3, 5)), torch.tensor(rows)
    if isinstance(model, nn.Module):
        model.eval()
    with torch.inference_mode():
        reader, state = reader_after(model, X)
        for t in range(1, 5):
            if t == 3:
                reader, X = reader.select(rows), X[rows]
                state = select_rows(state, rows)
            logits, state = model(X[:, t : t + 1], state)
            assert_close(reader.read(X[:, t]), logits[:, 0], rtol=0, atol=1e-12)


def without_reader(monkeypatch):
    monkeypatch.setattr("rnnlib.generation.decoding.make_reader", lambda *args: None)


@pytest.mark.parametrize("name", MODELS)
def test_texts_are_those_of_the_model(name, monkeypatch):
    """With the reader and without it; it reads every token but the first."""
    torch.manual_seed(0)
    model, vocab, calls = MODELS[name](), Vocab(list("abcdef")), []
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    read = steps_module.Reader.read
    monkeypatch.setattr(steps_module.Reader, "read", lambda *args: calls.append(1) or read(*args))
    found = []
    for has_reader in (True, False):
        if not has_reader:
            without_reader(monkeypatch)
        if isinstance(model, ConditionalGenerator):
            X, state = model.begin(torch.tensor([0, 1, 1]))
            found.append([generate_tokens(model, X, 20, state=state, temperature=1.0).tolist()])
        else:
            texts = [generate(model, "ab", 20, vocab), generate(model, "ab", 20, vocab, temperature=1.0)]
            found.append([*texts, beam_search(model, "ab", 6, vocab)[0]])
    assert found[0] == found[1]
    assert len(calls) == (19 if isinstance(model, ConditionalGenerator) else 19 + 19 + 5)


KINDS = {"tanh": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU, "scratch": None, "relu": nn.RNN}


def random_model(seed, dtype):
    """A model of random kind, depth and width, strong enough to have opinions, and its vocabulary's size."""
    torch.manual_seed(seed)
    kind = list(KINDS)[seed % 5]
    size, width, depth = (int(torch.randint(*bounds, ())) for bounds in ((3, 200), (1, 40), (1, 4)))
    if kind == "scratch":
        model = RNNModelScratch(size, width)
        model.params = [torch.randn_like(p, dtype=dtype).requires_grad_() for p in model.params]
        model.params[1].data /= width**0.5  # otherwise it is chaotic: rounding would grow at every step
        return model, size
    options = {"nonlinearity": "relu"} if kind == "relu" else {}
    embedded = bool(torch.randint(2, ()))
    model = RNNModel(KINDS[kind](6 if embedded else size, width, depth, **options), size, embedding=embedded)
    with torch.no_grad():
        for parameter in model.to(dtype).parameters():
            parameter.mul_(1 if kind == "relu" else 3)
    return model.eval(), size


def random_case(seed, dtype):
    """A model, a prefix (B, T), the state that it is read from, and what must not be chosen."""
    model, size = random_model(seed, dtype)
    B, T = (int(torch.randint(*bounds, ())) for bounds in ((1, 41), (1, 9)))
    B = 1 if seed % 3 == 0 else B
    state = None
    if seed % 2:
        with torch.no_grad():
            state = model(torch.randint(size, (B, 3)))[1]
    return model, torch.randint(size, (B, T)), state, torch.randperm(size)[: seed % 4 % size].tolist()


@pytest.mark.parametrize("options", [{}, {"temperature": 0.8}, {"temperature": 1.3, "top_k": 5}])
@pytest.mark.parametrize("seed", range(30))
def test_random_models_write_the_same_with_and_without_a_reader(seed, options, monkeypatch):
    """Greedy, drawn from the same numbers, among the k likeliest; one row or many, from a state or anew."""
    model, X, state, banned = random_case(seed, torch.float64)
    options = {"state": state, "banned": banned, "seed": seed, **options}
    found = generate_tokens(model, X, 25, **options)
    without_reader(monkeypatch)
    assert torch.equal(found, generate_tokens(model, X, 25, **options))
    assert not set(banned) & set(found.flatten().tolist())


@pytest.mark.parametrize("seed", range(30))
def test_in_single_precision_each_token_is_the_likeliest(seed):
    """But for rounding, and the model reads the whole text in one call."""
    model, X, state, banned = random_case(seed, torch.float32)
    found = generate_tokens(model, X, 40, state=state, banned=banned)
    assert found.dtype == torch.int64 and found.shape == (len(X), 40)
    with torch.no_grad():
        logits, _ = model(torch.cat([X, found[:, :-1]], dim=1), state)
    logits = logits[:, X.shape[1] - 1 :].index_fill(-1, torch.tensor(banned, dtype=torch.int64), -math.inf)
    chosen, best = logits.gather(-1, found[..., None]).squeeze(-1), logits.amax(-1)
    assert (best - chosen).max() <= 1e-5 * logits[logits.isfinite()].abs().max().clamp(min=1)


@pytest.mark.parametrize("B", [1, 2])
def test_of_equal_logits_the_first_is_taken(B):
    model = RNNModel(nn.GRU(V, H), V)
    with torch.no_grad():
        model.linear.weight.zero_()
        model.linear.bias.copy_(torch.tensor([1.0, 0.0, 2.0, 2.0, 1.0, 2.0, 0.0]))
    for banned, token in (((), 2), ((2,), 3), ((2, 3), 5), ((2, 3, 5), 0)):
        assert generate_tokens(model, torch.ones(B, 1).long(), 4, banned=banned).eq(token).all()


@pytest.mark.parametrize("B", [1, 2])
def test_large_logits_are_numbers_too(B):
    """In double precision their sum is infinite."""
    model = RNNModel(nn.GRU(V, H), V).double()
    with torch.no_grad():
        model.linear.bias[2:5] = torch.tensor([1e308, 1.5e308, 1.2e308], dtype=torch.float64)
    assert generate_tokens(model, torch.ones(B, 1).long(), 4, banned=[0]).eq(3).all()


@pytest.mark.parametrize("size", [V, 300])  # few logits and many
@pytest.mark.parametrize("B", [1, 2])
@pytest.mark.parametrize(
    "where", ["table of a token that is read", "hidden", "output", "output of one token"]
)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers(where, value, B, size):
    model = RNNModel(nn.LSTM(size, H), size)
    with torch.no_grad():
        model.linear.bias[3] = 100.0  # always written, and read
        place = {"t": model.rnn.weight_ih_l0[0:1, 3], "h": model.rnn.weight_hh_l0[2], "o": model.linear.bias}
        place[where[0]].fill_(value) if "one" not in where else model.linear.bias[1].fill_(value)
    if where[0] in "th" and value == math.inf:
        model.rnn.weight_ih_l0.data[2 * H :, 3] = math.inf  # g and o, of opposite sign
        model.rnn.weight_hh_l0.data[0] = -math.inf
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        generate_tokens(model, torch.full((B, 2), 4), 6, banned=[0])


# -------------------------------------------------------------------------------------- as a CUDA graph


def run_eagerly(run, device):
    """As if it were recorded: some runs that change what they write, then a function that runs it."""
    for _ in range(3):
        run()
    return run


@pytest.fixture
def graphed(monkeypatch):
    """Readers become graphs after two tokens, as on a GPU; gives the replays of each graph."""
    made = []

    def recorded(run, device):
        replay, calls = run_eagerly(run, device), []
        made.append(calls)
        return lambda: calls.append(1) or replay()

    monkeypatch.setattr(steps_module, "_on_gpu", lambda tensor: True)
    monkeypatch.setattr(graphs, "AFTER", 2)
    monkeypatch.setattr(graphs, "record_launches", recorded)
    return made


TEXTS = {
    "greedy": lambda model, vocab: generate(model, "ab", 20, vocab),
    "sampling": lambda model, vocab: generate(model, "ab", 20, vocab, temperature=1.2, top_k=4),
    "beam search": lambda model, vocab: beam_search(model, "ab", 20, vocab, beam_width=5),
    "rows": lambda model, vocab: generate_tokens(model, torch.arange(6).view(3, 2), 20, temperature=1.0),
}


@pytest.mark.parametrize("how", TEXTS)
@pytest.mark.parametrize("name", [name for name in MODELS if "labels" not in name])
def test_a_graph_writes_what_the_model_writes(name, how, graphed, monkeypatch):
    """19 tokens are read, by beam search after the first choice: all but two by replays."""
    torch.manual_seed(0)
    model, vocab = MODELS[name](), Vocab(list("abcdef"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    found = TEXTS[how](model, vocab)
    assert [len(calls) for calls in graphed] == [1 + 19 - 2], "a replay is verified, then replays read"
    without_reader(monkeypatch)
    wanted = TEXTS[how](model, vocab)
    if how == "rows":
        assert torch.equal(found, wanted)
    else:
        assert found == wanted or (found[0] == wanted[0] and found[1] == pytest.approx(wanted[1]))


@pytest.mark.parametrize("name", ["about labels, deep", "GRU, deep", "LSTM, one layer", "scratch"])
def test_rows_keep_their_graph_and_another_number_begins_anew(name, graphed):
    torch.manual_seed(0)
    model, X = MODELS[name](), torch.randint(V, (3, 14))
    if isinstance(model, nn.Module):
        model.eval()
    with torch.inference_mode():
        reader, state = reader_after(model, X)
        for t in range(1, 14):
            if t in (5, 9):
                rows = torch.tensor([2, 0, 2] if t == 5 else [1, 1])
                before, reader = reader, reader.select(rows)
                assert (reader is before) == (t == 5)
                X, state = X[rows], select_rows(state, rows)
            logits, state = model(X[:, t : t + 1], state)
            assert_close(reader.read(X[:, t]), logits[:, 0], rtol=0, atol=1e-12)
    assert [len(calls) for calls in graphed] == [1 + 6, 1 + 3]


def does_nothing(run, device):
    run_eagerly(run, device)
    return lambda: None


def stops(run, device):
    run_eagerly(run, device)
    raise RuntimeError("operation not permitted\nwhen the stream is capturing")


def reads_twice(run, device):
    return lambda: (run(), run())


@pytest.mark.parametrize("record", [stops, does_nothing, reads_twice])
@pytest.mark.parametrize("name", ["tanh, deep", "LSTM, one layer", "GRU, one layer", "scratch"])
def test_a_recording_that_fails_or_is_wrong_loses_nothing(name, record, graphed, monkeypatch, caplog):
    torch.manual_seed(0)
    model, X = MODELS[name](), torch.randint(V, (3, 9))
    monkeypatch.setattr(graphs, "record_launches", record)
    with torch.inference_mode(), caplog.at_level(logging.DEBUG, "rnnlib.generation"):
        reader, state = reader_after(model, X, torch.tensor([-math.inf] + [0.0] * (V - 1)).double())
        for t in range(1, 9):
            logits, state = model(X[:, t : t + 1], state)
            assert_close(reader.read(X[:, t])[:, 1:], logits[:, 0, 1:], rtol=0, atol=1e-12)
    assert reader.replay is None
    assert caplog.text.count("no CUDA graph") == 1
    assert ("operation not permitted" if record is stops else "differs from the plain") in caplog.text


def test_without_a_gpu_nothing_is_recorded(caplog):
    """And where one is only pretended, the real recording fails."""
    model, X = RNNModel(nn.LSTM(V, H), V), torch.zeros(2, 1).long()
    with torch.inference_mode():
        state = model(X)[1]
        assert type(make_reader(model, state, torch.zeros(V))) is steps_module.Reader
        reader = graphs.GraphedReader(make_reader(model, state, torch.zeros(V)))
        for _ in range(graphs.AFTER + 2):
            assert_close(reader.read(X[:, 0]), (pair := model(X, state))[0][:, 0])
            state = pair[1]
    assert reader.replay is None and "recording failed" in caplog.text


def test_banned_tokens_hide_no_difference_and_numbers_that_are_none_are_the_same():
    plain = torch.tensor([-math.inf, 1.0, -2.0])
    assert graphs._near(plain.clone(), plain)
    assert not graphs._near(torch.tensor([-math.inf, 1.0, -1.9]), plain)
    assert graphs._near(torch.full((3,), math.nan), torch.full((3,), math.nan))


@pytest.mark.cuda
@pytest.mark.parametrize("how", TEXTS)
@pytest.mark.parametrize(
    "name", ["tanh, deep", "LSTM, deep", "GRU, one layer", "scratch", "GRU, deep, embedding"]
)
def test_graphs_write_what_the_model_writes_on_a_gpu(name, how, monkeypatch, caplog):
    torch.manual_seed(0)
    model, vocab = MODELS[name](), Vocab(list("abcdef"))
    if isinstance(model, nn.Module):
        model.cuda()
    else:
        model.params = [parameter.detach().cuda().requires_grad_() for parameter in model.params]
    monkeypatch.setattr(graphs, "AFTER", 2)
    monkeypatch.setitem(
        TEXTS,
        "rows",
        lambda model, vocab: generate_tokens(model, torch.arange(6).view(3, 2).cuda(), 20).tolist(),
    )
    with caplog.at_level(logging.DEBUG, "rnnlib.generation"):
        found = TEXTS[how](model, vocab)
    assert "a CUDA graph reads the tokens" in caplog.text and "no CUDA graph" not in caplog.text
    without_reader(monkeypatch)
    wanted = TEXTS[how](model, vocab)
    assert found == wanted or (found[0] == wanted[0] and found[1] == pytest.approx(wanted[1], rel=1e-4))


# ------------------------------------------------------------------------------ where there is no reader


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
    return lambda: changed(lambda model: setattr(model, "linear", linear), nn.LSTM(4, H), embedding=True)


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


def has_reader(model):
    with torch.inference_mode():
        weight = next(iter(model.parameters()))
        logits, state = model(torch.ones(1, 2).long())
        return make_reader(model, state, torch.zeros(V, dtype=weight.dtype)) is not None


@pytest.mark.parametrize("name", OTHERS)
def test_no_reader_for_other_models(name):
    assert not has_reader(OTHERS[name]())


@contextlib.contextmanager
def hook_on_everything():
    handle = nn.modules.module.register_module_forward_hook(lambda *args: None)
    yield
    handle.remove()


@pytest.mark.parametrize("around", [hook_on_everything, lambda: torch.autocast("cpu", dtype=torch.bfloat16)])
def test_no_reader_in_other_surroundings(around):
    model = RNNModel(nn.LSTM(V, H), V)
    with around():
        assert not has_reader(model)
        assert len(generate(model, "ab", 4, Vocab(list("abcdef")))) == 6
    assert has_reader(model)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("attention", "no faster way for this class"),
        ("hook of rnn", "hooks, replaced methods"),
        ("another function", "its forward_fn is not"),
        ("projection", "its layer is not"),
        ("max_norm", "its embedding is not"),
        ("another output", "its output is not"),
    ],
)
def test_the_log_says_why_the_model_is_called(name, reason, caplog):
    with caplog.at_level(logging.DEBUG, logger="rnnlib.generation"):
        generate(OTHERS[name](), "ab", 2, Vocab(list("abcdef")))
        assert reason in caplog.text and caplog.records[-1].levelname == "INFO"
        generate(RNNModel(nn.GRU(V, H), V), "ab", 2, Vocab(list("abcdef")))
        assert "RNNModel is read in place" in caplog.text and caplog.records[-1].levelname == "DEBUG"


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
