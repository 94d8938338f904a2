"""The fast path through training: the same numbers as the plain one, or else the plain one."""

from __future__ import annotations

import contextlib
import logging
import types

import pytest
import torch
from torch import nn

from rnnlib import RNNModel, RNNModelScratch, SequenceLoader, devices, perplexity, run_epoch, scratch, train
from rnnlib.states import map_state
from rnnlib.training.fast import Step, choose, graphs, models, padded, products, recurrences, workspace
from rnnlib.training.fast import path as path_module
from rnnlib.training.losses import token_loss

LAYERS = [nn.RNN, nn.LSTM, nn.GRU, scratch.RNN, scratch.LSTM, scratch.GRU]
NEAR = {torch.float32: 2e-5, torch.float64: 1e-12}


def model_of(layer, V=11, H=9, dtype=torch.float32, embedding=False, seed=0, **options):
    torch.manual_seed(seed)
    if layer is RNNModelScratch:
        model = RNNModelScratch(V, H)
        with torch.no_grad():
            model.params = [(p * 30).to(dtype).requires_grad_() for p in model.params]
        return model
    return RNNModel(layer(5 if embedding else V, H, **options), V, embedding=embedding).to(dtype)


def results(forward, model, batches, seed=1):
    """Logits of all batches with the state carried, the last state, and the gradients of a weighted sum."""
    torch.manual_seed(seed)
    state, logits, total = None, [], 0
    for X in batches:
        Y, state = forward(X, state)
        logits.append(Y.detach().clone())
        total = (Y * torch.randn(Y.shape, dtype=Y.dtype)).sum()
        total = total + sum(part.sum() for part in (state if isinstance(state, tuple) else (state,)))
        grads = torch.autograd.grad(total, list(model.parameters()))
        state = map_state(torch.Tensor.detach, state)
    return logits, state, grads


def assert_the_same(model, batches, near=None):
    forward, why = models.fast_forward(model)
    assert forward is not None, why
    dtype = next(iter(model.parameters())).dtype
    near = near or NEAR[dtype]
    for found, wanted in zip(results(forward, model, batches), results(model, model, batches)):
        torch.testing.assert_close(found, wanted, rtol=near, atol=near)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layer", [RNNModelScratch, *LAYERS])
@pytest.mark.parametrize("seed", range(4))
def test_values_states_and_gradients_are_those_of_the_model(layer, dtype, seed, monkeypatch):
    monkeypatch.setattr(models, "_onednn_is_faster", lambda model: False)
    generator = torch.Generator().manual_seed(seed)
    B, T, V, H = (int(torch.randint(1, 12, (), generator=generator)) for _ in range(4))
    V += 1
    model = model_of(layer, V, H, dtype, seed=seed)
    batches = [torch.randint(V, (B, length), generator=generator) for length in (T, T, 1, T + 2)]
    assert_the_same(model, batches)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    "options",
    [
        {"num_layers": 3},
        {"bidirectional": True},
        {"num_layers": 2, "bidirectional": True, "batch_first": True},
        {"embedding": True},
        {"embedding": True, "num_layers": 2},
        {"num_layers": 2, "dropout": 0.4},
    ],
    ids=str,
)
def test_depth_directions_embedding_and_dropout(layer, options):
    model = model_of(layer, dtype=torch.float64, **options)
    batches = [torch.randint(11, (3, 6)) for _ in range(2)]
    assert_the_same(model, batches)


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, scratch.LSTM, nn.GRU])
def test_products_that_are_laid_out_are_the_same_to_rounding(layer):
    model = model_of(layer, V=20, H=512)
    if layer is RNNModelScratch:
        with torch.no_grad():
            for p in model.params:
                p /= 10
    assert_the_same(model, [torch.randint(20, (16, 7)) for _ in range(2)], near=1e-4)
    assert not products.can_lay_out(torch.float32) or products._worth_laying_out(
        torch.empty(512, 512), 16, torch.float32
    ), "this test has to see the products of oneDNN"


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_derivatives_agree_with_differences(kind):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    T, B, H = 3, 2, 4
    torch.manual_seed(0)
    shapes = {
        "rnn": [(B, H), (H, H)],
        "lstm": [(B, H), (B, H), (4 * H, H)],
        "gru": [(B, H), (3 * H, H), (H,)],
    }
    arguments = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes[kind]]
    pre = torch.randn(T, B, gates * H, dtype=torch.float64, requires_grad=True)
    function = {"rnn": "RNNRecurrence", "lstm": "LSTMRecurrence", "gru": "GRURecurrence"}[kind]
    apply = getattr(recurrences, function).apply

    def run(pre, *arguments):  # a copy: the recurrence may overwrite what it is given
        return apply(pre.clone(), *arguments, None, workspace.Workspace().part("layer"))

    assert torch.autograd.gradcheck(run, (pre, *arguments))


def test_a_parameter_that_is_frozen_gets_no_gradient_and_the_others_theirs():
    model = model_of(nn.GRU, dtype=torch.float64)
    model.rnn.weight_hh_l0.requires_grad_(False)
    X = torch.randint(11, (3, 6))
    wanted = torch.autograd.grad(model(X)[0].sum(), [model.rnn.weight_ih_l0, model.linear.weight])
    found = torch.autograd.grad(
        models.fast_forward(model)[0](X, None)[0].sum(), [model.rnn.weight_ih_l0, model.linear.weight]
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_training_goes_the_same_way_on_both_paths(layer, sampling):
    corpus = torch.randint(7, (2000,), generator=torch.Generator().manual_seed(0))
    histories = []
    for fast in (True, False):
        model = model_of(layer, 7, 16, torch.float64)
        data = SequenceLoader(corpus, 8, 10, sampling=sampling, seed=3)
        histories.append(train(model, data, 4, lr=0.5, valid=corpus[:300], fast=fast, progress=False))
    assert histories[0].train_loss == pytest.approx(histories[1].train_loss, rel=1e-9)
    assert histories[0].valid_loss == pytest.approx(histories[1].valid_loss, rel=1e-9)
    assert histories[0].train_loss[-1] < histories[0].train_loss[0]


def test_the_returned_state_survives_the_next_batch():
    model = model_of(nn.LSTM)
    forward, _ = models.fast_forward(model)
    _, state = forward(torch.randint(11, (3, 6)), None)
    kept = map_state(torch.clone, state)
    forward(torch.randint(11, (3, 6)), None)
    torch.testing.assert_close(state, kept, rtol=0, atol=0)


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.GRU])
def test_a_loss_may_keep_the_logits(layer):
    kept = {True: [], False: []}
    for fast, into in kept.items():

        def loss(logits, labels, into=into):
            into.append(logits.detach())
            return token_loss(logits, labels)

        data = SequenceLoader(torch.arange(200) % 11, 4, 5, seed=0)
        run_epoch(model_of(layer, dtype=torch.float64), data, loss, fast=fast)
    assert len(kept[True]) > 5
    torch.testing.assert_close(kept[True], kept[False])


def test_the_parameters_of_the_moment_are_used():
    model = model_of(nn.RNN)
    forward, _ = models.fast_forward(model)
    X = torch.randint(11, (3, 6))
    before = forward(X, None)[0].detach().clone()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    after = forward(X, None)[0]
    assert (after - before).abs().max() > 1e-3
    torch.testing.assert_close(after, model(X)[0], rtol=1e-5, atol=1e-5)


class OwnModel(RNNModel):
    pass


class OwnLayer(nn.GRU):
    pass


def hooked():
    model = model_of(nn.RNN)
    model.rnn.register_forward_hook(lambda *_: None)
    return model


def replaced():
    model = model_of(nn.RNN)
    model.forward = model.forward
    return model


def own_function():
    return RNNModelScratch(5, 4, forward_fn=lambda inputs, state, params: scratch.rnn(inputs, state, params))


def renormalized():
    model = model_of(nn.RNN, embedding=True)
    model.embedding.max_norm = 1.0
    return model


PLAIN = {
    "a subclass": lambda: OwnModel(nn.GRU(11, 9), 11),
    "a layer of one's own": lambda: RNNModel(OwnLayer(11, 9), 11),
    "a hook": hooked,
    "a replaced method": replaced,
    "a function of one's own": own_function,
    "relu": lambda: model_of(nn.RNN, nonlinearity="relu"),
    "no bias": lambda: model_of(nn.GRU, bias=False),
    "projections": lambda: model_of(nn.LSTM, proj_size=3),
    "reset before": lambda: model_of(scratch.GRU, reset_after=False),
    "max_norm": renormalized,
    "half precision": lambda: model_of(nn.RNN).to(torch.bfloat16),
    "any function": lambda: nn.Linear(3, 3),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_is_not_known_takes_the_plain_path(case, caplog):
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        path = choose(PLAIN[case]())
    assert path.name == "plain" and path.why
    assert path.why in caplog.text and "plain path" in caplog.text


@pytest.mark.parametrize("layer", [RNNModelScratch, *LAYERS])
def test_what_is_known_takes_the_fast_path_and_the_log_says_so(layer, caplog):
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        run_epoch(model_of(layer), [(torch.zeros(2, 3, dtype=torch.int64),) * 2])
    assert "fast path" in caplog.text and "float32" in caplog.text


def test_torchs_lstm_is_left_to_onednn_unless_the_vocabulary_is_large():
    on_cpu = torch.backends.mkldnn.is_available()
    assert choose(model_of(nn.LSTM, V=10, H=16)).name == ("plain" if on_cpu else "fast")
    assert choose(model_of(nn.LSTM, V=16, H=16)).name == "fast"
    assert choose(model_of(nn.LSTM, V=10, H=16, dtype=torch.float64)).name == "fast"
    assert choose(model_of(scratch.LSTM, V=10, H=16)).name == "fast"


@pytest.mark.parametrize("kind", [RNNModel, nn.GRU])
def test_a_method_replaced_in_the_class_is_called(kind, monkeypatch):
    forward = kind.forward
    monkeypatch.setattr(kind, "forward", lambda self, *args: forward(self, *args))
    assert choose(model_of(nn.GRU)).name == "plain"


def test_the_plain_path_can_be_asked_for():
    assert choose(model_of(nn.GRU), fast=False).name == "plain"


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.GRU])
def test_the_errors_are_those_of_the_model(layer):
    model = model_of(layer)
    forward, _ = models.fast_forward(model)
    wrong = [torch.zeros(3, dtype=torch.int64), torch.zeros(2, 3), torch.zeros(0, 3, dtype=torch.int64)]
    for X in wrong:
        with pytest.raises(ValueError) as wanted:
            model(X)
        with pytest.raises(ValueError) as found:
            forward(X, None)
        assert str(found.value) == str(wanted.value)
    _, state = model(torch.zeros(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="batch_size=4"):
        forward(torch.zeros(4, 3, dtype=torch.int64), state)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, scratch.LSTM, nn.GRU])
def test_half_precision_rounds_products_only(layer, dtype):
    model = model_of(layer, V=20, H=64)
    batches = [torch.randint(20, (8, 7)) for _ in range(2)]
    half, _ = models.fast_forward(model, dtype)
    found, wanted = results(half, model, batches), results(model, model, batches)
    for a, b in zip(found[2], wanted[2]):
        assert a.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.99
    assert not torch.equal(found[0][0], wanted[0][0]), "the products have to be rounded"


def test_bfloat16_learns_as_float32_does():
    corpus = torch.arange(4000) % 13
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = model_of(nn.GRU, 13, 32)
        data = SequenceLoader(corpus, 8, 10, seed=0)
        losses[precision] = train(model, data, 5, precision=precision, progress=False).train_loss[-1]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


def test_a_long_text_is_measured_as_before():
    model = model_of(nn.LSTM, dtype=torch.float64)
    text = torch.randint(11, (3000,), generator=torch.Generator().manual_seed(0))
    X, Y = text[:-1].view(1, -1), text[1:].view(1, -1)
    total, count = run_epoch(model, [(X, Y)], fast=False)
    one = torch.exp(torch.tensor(total / count, dtype=torch.float64)).item()
    assert perplexity(model, text, batch_size=1) == pytest.approx(one, rel=1e-9)


def test_buffers_are_used_again_and_grow_with_the_batch():
    work = workspace.Workspace()
    like = torch.zeros(1)
    first = work("a", like, 2, 3)
    assert work("a", like, 2, 3) is first
    assert work("a", like, 3, 3).shape == (3, 3)
    assert work("a", like.double(), 3, 3).dtype == torch.float64
    assert work.part("x")("a", like, 3) is not work.part("y")("a", like, 3)


def test_oneDNN_is_left_out_where_its_operators_are_missing(monkeypatch):
    products.can_lay_out.cache_clear()
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    try:
        assert not products.can_lay_out(torch.float32)
        W, A, C = torch.randn(512, 512), torch.randn(16, 512), torch.randn(16, 512)
        torch.testing.assert_close(products.affine(W, 16)(A, C), C + A @ W)
    finally:
        products.can_lay_out.cache_clear()


def by_whole_steps(model, data, epochs, optimizer, clip):
    """What a replayed graph does, run without one: the captured function and its fixed memory."""
    step, losses = None, []
    for _ in range(epochs):
        state = None
        for X, Y in data:
            step = step or graphs.WholeStep(choose(model).call, model, optimizer, clip, X, Y)
            step.load(X, Y, state if data.carries_state else None)
            step()
            value, count, state = step.finish()
            losses.append(float(value) * int(count))
    return losses


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize("clip", [0.1, None])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_the_function_that_a_graph_records_trains_as_the_loop_does(layer, sampling, clip, kind):
    corpus = torch.randint(7, (700,), generator=torch.Generator().manual_seed(0))
    make = {
        "sgd": lambda p: torch.optim.SGD(p, 0.5),
        "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, 0.01),
    }[kind]
    weights, sums = [], []
    for whole in (True, False):
        model = model_of(layer, 7, 16, torch.float64)
        data = SequenceLoader(corpus, 8, 10, sampling=sampling, seed=3)
        optimizer = make(model.parameters())
        if whole:
            sums.append(sum(by_whole_steps(model, data, 3, optimizer, clip)))
        else:
            sums.append(sum(run_epoch(model, data, optimizer=optimizer, clip=clip)[0] for _ in range(3)))
        weights.append([p.detach().clone() for p in model.parameters()])
    assert sums[0] == pytest.approx(sums[1], rel=1e-6)
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-5, atol=1e-6)


def test_a_learning_rate_that_changes_is_read_at_every_step():
    moved = []
    for rate in (0.1, 0.4):
        model = model_of(nn.RNN, dtype=torch.float64)
        before = model.linear.weight.detach().clone()
        X = torch.randint(11, (3, 6), generator=torch.Generator().manual_seed(0))
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        step = graphs.WholeStep(choose(model).call, model, optimizer, None, X, X)
        optimizer.param_groups[0]["lr"] = rate
        step.load(X, X, None)
        step()
        moved.append(model.linear.weight.detach() - before)
    torch.testing.assert_close(moved[1], 4 * moved[0], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("change", ["cpu", "loss", "clip", "dropout", "model"])
def test_without_a_gpu_or_with_anything_unknown_there_is_no_graph(change, caplog, monkeypatch):
    model = model_of(nn.GRU, num_layers=2, dropout=0.5 if change == "dropout" else 0.0)
    X = torch.zeros(2, 3, dtype=torch.int64)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss = (lambda *pair: token_loss(*pair)) if change == "loss" else token_loss
    clip = (lambda: None) if change == "clip" else 1.0
    model = OwnModel(nn.GRU(11, 9), 11) if change == "model" else model
    if change != "cpu":
        monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        assert graphs.graphed((None, model, loss, optimizer, clip, X, X)) is None
    assert "no CUDA graph: " in caplog.text


def test_a_capture_that_fails_is_given_up(caplog, monkeypatch):
    model = model_of(nn.GRU)
    X = torch.zeros(2, 3, dtype=torch.int64)
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)  # there is no GPU: the capture must fail
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        assert graphs.graphed((choose(model).call, model, token_loss, optimizer, 1.0, X, X)) is None
    assert "the capture failed" in caplog.text


def test_a_capture_that_fails_after_its_first_runs_leaves_no_trace(caplog, monkeypatch):
    """With plain SGD each run before the recording is a step."""

    def fail(run, device):
        for _ in range(3):
            run()
        raise RuntimeError("operation not permitted when stream is capturing")

    model, X = model_of(nn.GRU), torch.zeros(2, 3, dtype=torch.int64)
    before = [p.detach().clone() for p in model.parameters()]
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    monkeypatch.setattr(graphs, "record_launches", fail)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    assert graphs.graphed((choose(model).call, model, token_loss, optimizer, 1.0, X, X)) is None
    assert "the capture failed: operation not permitted" in caplog.text
    torch.testing.assert_close([p.detach() for p in model.parameters()], before, rtol=0, atol=0)


@pytest.mark.parametrize("fails", ["", "run", "end"])
def test_recording_gives_back_the_stream_and_the_override(monkeypatch, fails):
    """torch.cuda.graph itself leaves its stream current if the capture cannot be ended."""
    current, overrides, ran = ["default"], [], []

    class Stream:
        def wait_stream(self, other):
            pass

    class Current:
        def __init__(self, stream):
            self.stream = stream

        def __enter__(self):
            self.before, current[0] = current[0], self.stream

        def __exit__(self, *error):
            current[0] = self.before

    class Capture(Current):
        def __init__(self, graph, stream, capture_error_mode):
            super().__init__(stream)

        def __exit__(self, *error):
            if fails == "end":
                raise RuntimeError("the capture was invalidated")
            super().__exit__(*error)

    def run():
        ran.append((current[0], overrides[-1:]))
        if fails == "run" and len(ran) == 4:
            raise RuntimeError("not permitted")

    graph = type("CUDAGraph", (), {"replay": lambda self: "replayed"})
    parts = {"CUDAGraph": graph, "device": Current, "Stream": Stream, "stream": Current, "graph": Capture}
    for name, part in parts.items():
        monkeypatch.setattr(torch.cuda, name, part)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: Stream())
    monkeypatch.setattr(torch.autograd.graph, "set_override_stale_capture_stream", overrides.append, False)
    if fails:
        with pytest.raises(RuntimeError):
            devices.record_launches(run, "cuda:1")
    else:
        assert devices.record_launches(run, "cuda:1")() == "replayed"
    assert current == ["default"] and overrides == [True, False]
    assert [one for _, one in ran] == [[], [], [], [True]], "the override holds for the recording alone"
    assert len({stream for stream, _ in ran}) == 1, "what is recorded has run on the same stream before"


def run_eagerly(run, device):
    """As if it were recorded: some runs that change what they write, then a function that runs it."""
    for _ in range(3):
        run()
    return run


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, nn.LSTM])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_recording_a_step_changes_nothing(layer, kind, monkeypatch):
    """Neither weights nor states, and the steps after it are those of the plain loop."""
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    monkeypatch.setattr(graphs, "record_launches", run_eagerly)
    corpus, weights = torch.randint(7, (400,), generator=torch.Generator().manual_seed(0)), []
    for graph in (True, False):
        model, data = model_of(layer, 7, 16, torch.float64), SequenceLoader(corpus, 8, 10, seed=3)
        make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[kind]
        optimizer, call = make(model.parameters(), 0.1), choose(model).call
        if graph:
            X, Y = next(iter(data))
            step = graphs.graphed((call, model, token_loss, optimizer, 1.0, X, Y))
            data, state = SequenceLoader(corpus, 8, 10, seed=3), None
            for X, Y in data:
                state = step((X, Y, state))[0][2]
        else:
            run_epoch(model, data, optimizer=optimizer, clip=1.0)
        weights.append([p.detach().clone() for p in model.parameters()])
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-5, atol=1e-6)


def test_a_replay_that_differs_is_given_up(caplog, monkeypatch):
    model, X = model_of(nn.GRU), torch.zeros(2, 3, dtype=torch.int64)
    before = [p.detach().clone() for p in model.parameters()]
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    monkeypatch.setattr(graphs, "record_launches", lambda run, device: lambda: (run(), run()))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert graphs.graphed((choose(model).call, model, token_loss, optimizer, 1.0, X, X)) is None
    assert "the replayed step differs" in caplog.text
    torch.testing.assert_close(before, [p.detach() for p in model.parameters()])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_graphs_train_as_the_plain_loop_does_on_a_gpu(layer, kind, caplog):
    corpus = torch.randint(7, (4000,), generator=torch.Generator().manual_seed(0)).cuda()
    losses = []
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        for fast in (True, False):
            model = model_of(layer, 7, 64)
            if layer is RNNModelScratch:
                model.params = [p.detach().cuda().requires_grad_() for p in model.params]
            else:
                model.cuda()
            data = SequenceLoader(corpus, 8, 10, seed=3)
            history = train(model, data, 5, optimizer=kind, fast=fast, progress=False)
            losses.append(history.train_loss)
    assert "CUDA graph of whole training steps" in caplog.text
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


# ------------------------------------------------------------------------------------------------- float16


@pytest.mark.parametrize("clip", [0.01, None, "function"])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_a_scaled_loss_takes_the_same_steps(clip, kind):
    """A power of two rounds nothing, and gradients are clipped at their own size."""
    corpus, weights = torch.randint(7, (400,), generator=torch.Generator().manual_seed(0)), []
    for scale in (2.0**16, None):
        model, data = model_of(nn.GRU, 7, 16), SequenceLoader(corpus, 8, 10, seed=3)
        path = choose(model)
        assert not path.scaler.is_enabled()
        if scale:
            path.scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        own = (lambda m=model: nn.utils.clip_grad_norm_(m.parameters(), 0.01)) if clip == "function" else clip
        run_epoch(model, data, optimizer=kind(model.parameters(), 0.1), clip=own, fast=path)
        weights.append([p.detach().clone() for p in model.parameters()])
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-6, atol=1e-7)


def test_a_step_whose_gradients_overflow_is_left_out():
    model, X = model_of(nn.GRU), torch.zeros(2, 3, dtype=torch.int64)
    before, moved = [p.detach().clone() for p in model.parameters()], []
    path, optimizer = choose(model), torch.optim.SGD(model.parameters(), 0.1)
    path.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-100)
    losses = []
    for _ in range(2):
        losses.append(float(path.learn(X, X, None, lambda *pair: 100 * token_loss(*pair), optimizer, 1.0)[0]))
        moved.append(any(not torch.equal(p, old) for p, old in zip(model.parameters(), before)))
    assert moved == [False, True] and path.scaler.get_scale() == 2.0**27
    assert losses[0] == pytest.approx(losses[1]), "the loss that is reported is not scaled"


def test_cudnn_in_bfloat16_computes_in_float16_so_the_loss_is_scaled(as_on_a_gpu, caplog):
    model = nn.Sequential(nn.GRU(3, 4))
    there = types.SimpleNamespace(device=torch.device("cuda"))
    model[0].parameters = lambda: iter([there])
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        assert path_module.choose(model, "bfloat16", fast=False).scaler.is_enabled()
    assert "torch runs cuDNN's layers in float16 here" in caplog.text
    assert not choose(model, "float32").scaler.is_enabled()
    assert not choose(model_of(nn.GRU), "bfloat16").scaler.is_enabled()
    assert not choose(nn.Sequential(nn.Linear(3, 4)), "bfloat16").scaler.is_enabled()


def test_tf32_holds_for_the_backward_pass_too():
    seen = []

    class Look(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            seen.append(torch.backends.cuda.matmul.allow_tf32)
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            seen.append(torch.backends.cuda.matmul.allow_tf32)
            return grad

    class Looking(RNNModel):
        def forward(self, X, state=None):
            logits, state = super().forward(X, state)
            return Look.apply(logits), state

    X = torch.zeros(2, 3, dtype=torch.int64)
    for precision in ("tf32", "float32"):
        model = Looking(nn.GRU(11, 4), 11)
        run_epoch(model, [(X, X)], optimizer=torch.optim.SGD(model.parameters(), 0.1), precision=precision)
    assert seen == [True, True, False, False] and not torch.backends.cuda.matmul.allow_tf32


def test_in_float16_no_step_becomes_a_graph(caplog, monkeypatch):
    model, optimizer = model_of(nn.GRU), None
    path = choose(model)
    path.scaler = torch.amp.GradScaler("cpu")
    X = torch.zeros(2, 3, dtype=torch.int64)
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        for _ in range(2):
            assert path._captured.take([Step(path, X, X, None, token_loss, optimizer, 1.0)]) is None
    assert caplog.text.count("no CUDA graph: in float16 a step may be left out") == 1


PADDED = {
    "tanh": {"layer": nn.RNN},
    "relu": {"layer": nn.RNN, "nonlinearity": "relu"},
    "LSTM": {"layer": nn.LSTM},
    "LSTM, batch first": {"layer": nn.LSTM, "batch_first": True},
    "no bias": {"layer": nn.RNN, "bias": False},
    "no bias, LSTM": {"layer": nn.LSTM, "bias": False},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", PADDED)
@pytest.mark.parametrize("V", [1, 28, 127, 128, 129, 300])
def test_padded_inputs_give_the_same_values_states_and_gradients(case, V, dtype):
    """The state is carried through batches of several lengths and sizes of their own."""
    model = model_of(V=V, H=16, dtype=dtype, **PADDED[case])
    for B in (1, 8):
        batches = [torch.randint(V, (B, T)) for T in (7, 3, 1, 9)]
        found = results(lambda X, state: padded.padded(model, X, state), model, batches)
        for a, b in zip(found, results(model, model, batches)):
            torch.testing.assert_close(a, b, rtol=NEAR[dtype], atol=NEAR[dtype])


def test_padded_inputs_are_as_wide_as_the_kernels_want_them(monkeypatch):
    seen = []

    def spy(inputs, state, weights, *options):
        seen.extend([inputs.shape[-1], weights[0].shape])
        return torch._VF.lstm(inputs, state, weights, *options)

    monkeypatch.setitem(padded.LAYERS, "LSTM", spy)
    padded.padded(model_of(nn.LSTM, V=129), torch.zeros(2, 3, dtype=torch.int64))
    assert seen == [256, (36, 256)]


def test_padded_inputs_have_the_errors_of_the_model():
    model = model_of(nn.LSTM)
    with pytest.raises(RuntimeError, match="smaller than num_classes"):
        padded.padded(model, torch.full((2, 3), 11))
    state = model(torch.zeros(2, 3, dtype=torch.int64))[1]
    with pytest.raises(ValueError, match="batch_size=4"):
        padded.padded(model, torch.zeros(4, 3, dtype=torch.int64), state)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Everything on the CPU and in float32, but for the choice of the path."""
    monkeypatch.setattr(models, "_unknown_layers", lambda model: models.BY_CUDNN)
    monkeypatch.setattr(path_module, "check_precision", lambda *args: None)
    monkeypatch.setattr(path_module, "autocast", lambda *args: contextlib.nullcontext())
    monkeypatch.setattr(padded, "autocast", lambda *args: contextlib.nullcontext())
    monkeypatch.setattr(padded, "_gpu_lacks", lambda device: "")
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *args, enabled: scaler(enabled))


def scaler(enabled, make=torch.amp.GradScaler):
    return make("cpu", enabled=enabled)


@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM])
def test_float16_pads_for_the_persistent_kernels_and_the_log_says_so(layer, as_on_a_gpu, caplog):
    model = model_of(layer, V=28, H=512)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        path = choose(model, "float16")
    assert path.name == "padded" and path.scaler.is_enabled()
    assert "by its persistent kernels, one-hot vectors padded from V = 28 to 128" in caplog.text
    assert choose(model, "float16", fast=False).name == choose(model, "bfloat16").name == "plain"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"layer": nn.GRU}, "the layer is a GRU"),
        ({"num_layers": 2}, "one layer in one direction"),
        ({"bidirectional": True}, "one layer in one direction"),
        ({"proj_size": 128}, "without projections"),
        ({"H": 500}, "H = 500 is no multiple of 128"),
        ({"H": 1152}, "H = 1152 is no multiple of 128 up to 1024"),
        ({"H": 128}, "for H = 128 cuDNN has others"),
        ({"embedding": True}, "nothing to pad, neither embedded"),
        ({"V": 256}, "nothing to pad, neither embedded inputs nor V = 256"),
        ({"dtype": torch.float64}, "the weights are not in float32"),
    ],
    ids=str,
)
def test_the_log_says_which_condition_of_the_kernels_fails(options, why, as_on_a_gpu, caplog):
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        path = choose(model_of(**{"layer": nn.LSTM, "V": 28, "H": 256, **options}), "float16")
    assert path.name == "plain" and path.scaler.is_enabled()
    assert "plain path" in caplog.text and why in caplog.text


def test_a_gpu_that_pytorch_does_not_ask_for_them(monkeypatch):
    assert padded._gpu_lacks(torch.device("cpu")) == "there is no cuDNN"
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    for major, minor, count, lacks in (
        (8, 0, 108, False),
        (9, 0, 132, False),
        (8, 6, 84, True),
        (7, 0, 80, True),
    ):
        gpu = types.SimpleNamespace(major=major, minor=minor, multi_processor_count=count, name="a card")
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, gpu=gpu: gpu)
        assert padded._gpu_lacks(torch.device("cuda")) == lacks * "PyTorch does not ask for them on a card"


@pytest.mark.parametrize(("B", "why"), [(16, ""), (12, "B = 12 is no multiple of 8"), (136, "up to 128")])
def test_batches_that_do_not_fit_go_through_the_model(B, why, as_on_a_gpu, caplog, monkeypatch):
    model, calls = model_of(nn.LSTM, V=28, H=256), []
    through = padded.padded
    monkeypatch.setattr(padded, "padded", lambda *args: calls.append(1) or through(*args))
    data = SequenceLoader(torch.randint(28, (B * 6 + 1,)), B, 2, seed=0)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        total, count = run_epoch(model, data, precision="float16")
    assert len(calls) == (0 if why else len(list(data)))
    assert caplog.text.count("a batch not for cuDNN") == bool(why) and why in caplog.text
    wanted = run_epoch(model, SequenceLoader(data.corpus, B, 2, seed=0), fast=False)
    assert total == pytest.approx(wanted[0], rel=1e-5) and count == wanted[1]


def test_wide_layers_over_tanh_take_fewer_rows():
    narrow, wide = model_of(nn.RNN, V=3, H=512), model_of(nn.RNN, V=3, H=1024)
    assert not padded._batch_does_not_fit(narrow, 96) and not padded._batch_does_not_fit(wide, 88)
    assert "takes fewer than 96 rows, not B = 96" in padded._batch_does_not_fit(wide, 96)
    assert not padded._batch_does_not_fit(model_of(nn.LSTM, V=3, H=1024), 128)


def test_a_padded_model_learns_as_the_plain_one_does(as_on_a_gpu):
    corpus, losses = torch.arange(2000) % 13, []
    for precision in ("float16", "float32"):
        model, data = model_of(nn.LSTM, 13, 256), SequenceLoader(corpus, 8, 10, seed=0)
        path = choose(model, precision)
        assert path.name == ("padded" if precision == "float16" else "plain")
        optimizer = torch.optim.SGD(model.parameters(), 1.0)
        losses.append([run_epoch(model, data, optimizer=optimizer, clip=1.0, fast=path)[0] for _ in range(2)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.cuda
@pytest.mark.parametrize("layer", [nn.RNN, nn.LSTM])
def test_float16_on_padded_inputs_learns_as_float32_does_on_a_gpu(layer, caplog):
    corpus, losses = (torch.arange(8000) % 13).cuda(), {}
    for precision in ("float32", "float16"):
        model, data = model_of(layer, 13, 512).cuda(), SequenceLoader(corpus, 32, 25, seed=0)
        with caplog.at_level(logging.INFO, "rnnlib.training"):
            history = train(model, data, 3, precision=precision, progress=False)
        losses[precision] = history.train_loss
        assert all(p.dtype == torch.float32 for p in model.parameters())
    if not padded._gpu_lacks(torch.device("cuda")):
        assert "padded path" in caplog.text
    assert losses["float16"] == pytest.approx(losses["float32"], rel=0.05)
