"""The fast path through training: the same numbers as the plain one, or else the plain one."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from rnnlib import RNNModel, RNNModelScratch, SequenceLoader, perplexity, run_epoch, scratch, train
from rnnlib.states import map_state
from rnnlib.training.fast import choose, graphs, models, products, recurrences, workspace
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


@pytest.mark.parametrize("layer", [RNNModelScratch, nn.RNN, scratch.LSTM, nn.GRU])
def test_bfloat16_rounds_products_only(layer):
    model = model_of(layer, V=20, H=64)
    batches = [torch.randint(20, (8, 7)) for _ in range(2)]
    half, _ = models.fast_forward(model, torch.bfloat16)
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
        monkeypatch.setattr(graphs, "_on_gpu", lambda X: True)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        assert graphs.graphed(None, model, loss, optimizer, clip, X, X) is None
    assert "no CUDA graph: " in caplog.text


def test_a_capture_that_fails_is_given_up(caplog, monkeypatch):
    model = model_of(nn.GRU)
    X = torch.zeros(2, 3, dtype=torch.int64)
    monkeypatch.setattr(graphs, "_on_gpu", lambda X: True)  # there is no GPU: the capture must fail
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        assert graphs.graphed(choose(model).call, model, token_loss, optimizer, 1.0, X, X) is None
    assert "the capture failed" in caplog.text


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
