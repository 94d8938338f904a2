"""Several seeds at once: the runs that each would have alone, whether one after the other or together."""

from __future__ import annotations

import contextlib
import inspect
import logging

import pytest
import torch
from torch import nn

from rnnlib import ExampleLoader, RNNModel, RNNModelScratch, SequenceLoader, run_epoch, set_seed, train
from rnnlib.training import train_seeds
from rnnlib.training.fast import Captured, graphs
from rnnlib.training.losses import token_loss
from rnnlib.training.seeds import Diverged

V, SEEDS = 7, (3, 0, 11)
CORPUS = torch.randint(V, (167,), generator=torch.Generator().manual_seed(0))
LAYERS = [RNNModelScratch, nn.RNN, nn.LSTM, nn.GRU]


def maker(layer, H=8, dtype=torch.float32, **options):
    def make():
        if layer is RNNModelScratch:
            model = RNNModelScratch(V, H)
            model.params = [(30 * p.detach()).to(dtype).requires_grad_() for p in model.params]
            return model
        return RNNModel(layer(V, H, **options), V).to(dtype)

    return make


def texts(sampling="sequential", seed=None):
    return SequenceLoader(CORPUS, 3, 5, sampling=sampling, seed=seed)


def one_by_one(make, data, epochs, lr, seeds=SEEDS, **options):
    """What train_seeds stands for, `data` a function that makes the loader."""
    runs = []
    for seed in seeds:
        loader = data()
        set_seed(seed)
        model = make()
        runs.append((model, train(model, loader, epochs, lr, progress=False, **options)))
    return runs


def assert_the_same(found, wanted, **near):
    assert len(found) == len(wanted)
    for (model, history), (other, alone) in zip(found, wanted):
        for p, q in zip(model.parameters(), other.parameters()):
            assert torch.equal(p, q) if not near else torch.allclose(p, q, **near)
        if not near:
            assert (history.train_loss, history.valid_loss) == (alone.train_loss, alone.valid_loss)
        assert history.train_loss == pytest.approx(alone.train_loss, rel=1e-6)
        assert history.valid_loss == pytest.approx(alone.valid_loss, rel=1e-6)


@pytest.fixture
def gpu(monkeypatch):
    """Tensors count as lying on a GPU, which cannot capture a graph: runs go side by side, step by step."""
    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)


class Graph:
    """A CUDA graph played on the CPU: a replay runs the steps again into the memory that they had found."""

    made: list[Graph] = []

    def __init__(self, call):
        self.call, self.steps, self.events, self.replays = call, [], [], 0
        self.made.append(self)

    def replay(self):
        self.replays += 1
        for step, found in self.steps:
            before = step.found
            self.call(step)
            for kept, new in zip(found[:2], step.found[:2]):
                kept.copy_(new)
            for parameter, gradient in found[2].items():
                gradient.copy_(step.found[2][parameter])
            step.found = before  # a replay fills memory and touches nothing else


@pytest.fixture
def fake(gpu, monkeypatch):
    """CUDA's streams and graphs, played on the CPU; gives the graphs."""
    recording, call = [], graphs.WholeStep.__call__

    class Stream:
        def __init__(self, device=None):
            pass

        def wait_stream(self, other):
            for graph in recording:
                graph.events.append((self, "waits for", other))

    @contextlib.contextmanager
    def on(stream):
        current.append(stream)
        yield
        current.pop()

    def run(step):
        call(step)
        for graph in recording:
            graph.events.append((current[-1], "runs", step))
            graph.steps.append((step, step.found))

    def record_launches(run, device):
        run()  # warms up
        recording.append(Graph(call))
        run()
        return recording.pop().replay

    current = [Stream()]
    monkeypatch.setattr(Graph, "made", [])
    monkeypatch.setattr(graphs.WholeStep, "__call__", run)
    monkeypatch.setattr(graphs, "record_launches", record_launches)
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: current[-1])
    return Graph.made


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("clip", [0.5, None])
def test_every_run_is_the_one_it_would_be_alone(layer, sampling, optimizer, clip, request):
    options = {"optimizer": optimizer, "clip": clip, "valid": CORPUS[:60], "eval_every": 2}
    wanted = one_by_one(maker(layer), lambda: texts(sampling), 3, 0.1, **options)
    options |= {"seeds": SEEDS, "progress": False}
    assert_the_same(train_seeds(maker(layer), texts(sampling), 3, 0.1, **options), wanted)
    request.getfixturevalue("gpu")  # side by side now, each taking its own steps
    assert_the_same(train_seeds(maker(layer), texts(sampling), 3, 0.1, **options), wanted)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_one_graph_of_all_steps_trains_as_separate_loops_do(layer, sampling, optimizer, fake, monkeypatch):
    make, options = maker(layer, dtype=torch.float64), {"optimizer": optimizer, "valid": CORPUS[:60]}
    found = train_seeds(make, texts(sampling), 4, 0.1, seeds=SEEDS, progress=False, **options)
    assert fake[0].replays > 20 and len(fake[0].steps) == 3
    monkeypatch.setattr(graphs, "on_gpu", lambda X: False)
    wanted = one_by_one(make, lambda: texts(sampling), 4, 0.1, **options)
    assert_the_same(found, wanted, rtol=1e-5, atol=1e-6)


def test_each_step_but_the_last_has_a_stream_that_leaves_before_it_and_returns(fake):
    train_seeds(maker(nn.GRU), texts(), 1, seeds=SEEDS, progress=False)
    runs = [event for event in fake[0].events if event[1] == "runs"]
    (a, b, here), (first, second, third) = ([event[i] for event in runs] for i in (0, 2))
    assert len({a, b, here}) == len({first, second, third}) == 3
    assert fake[0].events == [
        (a, "waits for", here),
        (a, "runs", first),
        (b, "waits for", here),
        (b, "runs", second),
        (here, "runs", third),
        (here, "waits for", a),
        (here, "waits for", b),
    ]


def test_a_run_that_stops_early_stays_as_it_is_while_the_others_go_on(fake, monkeypatch):
    make, options = maker(nn.RNN, 16, torch.float64), {"valid": CORPUS[:30].flip(0), "patience": 2}
    options |= {"eval_every": 1, "optimizer": "adam"}
    found = train_seeds(make, texts("random"), 30, 0.03, seeds=SEEDS, progress=False, **options)
    assert len({history.num_epochs for _, history in found}) == 3  # so graphs of 3, of 2 and of 1
    assert [len(graph.steps) for graph in fake if graph.replays > 1] == [3, 2, 1]
    monkeypatch.setattr(graphs, "on_gpu", lambda X: False)
    wanted = one_by_one(make, lambda: texts("random"), 30, 0.03, **options)
    assert_the_same(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_graph_of_which_one_step_differs_is_given_up(fake, caplog, monkeypatch):
    replay = Graph.replay

    def wrong(graph):
        replay(graph)
        if len(graph.steps) == 3:
            graph.steps[1][1][0].add_(1.0)  # the loss of the second

    monkeypatch.setattr(Graph, "replay", wrong)
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        train_seeds(maker(nn.GRU), texts(), 1, seeds=SEEDS, progress=False)
    assert "no CUDA graph, the capture failed: the replayed step differs" in caplog.text
    assert [len(graph.steps) for graph in fake] == [3, 1, 1, 1]  # then one for each


def test_batches_of_another_shape_are_trained_on_without_the_graph(fake, monkeypatch):
    X, Y = CORPUS[:60].view(4, 15), CORPUS[1:61].view(4, 15)
    models = []
    for gpu in (True, False):
        monkeypatch.setattr(graphs, "on_gpu", lambda X, gpu=gpu: gpu)
        set_seed(0)
        models.append(maker(nn.LSTM, dtype=torch.float64)())
        train(models[-1], [(X, Y), (X[:1], Y[:1])], 3, progress=False)
    assert [graph.replays for graph in fake] == [1 + 3]
    for p, q in zip(*(model.parameters() for model in models)):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_loader_with_a_generator_of_its_own_gives_every_run_the_same_order(seed, side_by_side, request):
    if side_by_side:
        request.getfixturevalue("gpu")
    loader, orders = texts("random", seed), {}
    read = loader.ITERATORS["random"]

    def watching(corpus, B, T, rng, first):
        run = id(rng) if side_by_side else torch.initial_seed()
        for X, Y in read(corpus, B, T, rng, first):
            orders.setdefault(run, []).append(X)
            yield X, Y

    loader.ITERATORS = {"random": watching}
    before = loader.state_dict()
    train_seeds(maker(nn.RNN), loader, 2, seeds=SEEDS, progress=False)
    first, second, third = (torch.cat(batches) for batches in orders.values())
    assert (torch.equal(first, second) and torch.equal(first, third)) == (seed is not None)
    assert loader.state_dict() == before


def test_examples_and_loaders_of_the_readers_own():
    X, Y = torch.randn(20, 3), torch.randint(4, (20,))

    def make():
        return nn.Linear(3, 4)

    loader = ExampleLoader(X, Y, 6, seed=2)
    found = train_seeds(make, loader, 2, 0.1, seeds=SEEDS, valid=(X, Y), progress=False)
    wanted = one_by_one(make, lambda: ExampleLoader(X, Y, 6, seed=2), 2, 0.1, valid=(X, Y))
    assert_the_same(found, wanted)
    pairs = [(X[:10], Y[:10]), (X[10:], Y[10:])]
    found = train_seeds(make, pairs, 2, 0.1, seeds=SEEDS, valid=ExampleLoader(X, Y, 6), progress=False)
    valid = [ExampleLoader(X, Y, 6) for _ in SEEDS]
    wanted = [one_by_one(make, lambda: pairs, 2, 0.1, [s], valid=v)[0] for s, v in zip(SEEDS, valid)]
    assert_the_same(found, wanted)
    found = train_seeds(maker(nn.RNN), texts(), 2, seeds=SEEDS, valid=iter(range(V)), progress=False)
    assert_the_same(found, one_by_one(maker(nn.RNN), texts, 2, None, valid=list(range(V))))


@pytest.mark.parametrize("how", ["apart", "gpu", "fake"])
def test_a_run_that_diverges_leaves_the_others_and_the_error_names_its_seed(how, request, monkeypatch):
    made = []

    def make():
        model = maker(nn.GRU, dtype=torch.float64)()
        made.append(model)
        if torch.initial_seed() == SEEDS[1]:
            with torch.no_grad():
                model.linear.bias.fill_(float("nan"))
        return model

    if how != "apart":
        request.getfixturevalue(how)
    with pytest.raises(Diverged, match=r"seeds \[0\] of \[3, 0, 11\]: the training loss is nan") as caught:
        train_seeds(make, texts(), 3, seeds=SEEDS, progress=False)
    assert isinstance(caught.value, FloatingPointError)
    assert [model for model, _ in caught.value.runs] == made
    assert caught.value.runs[1][1] is None
    monkeypatch.setattr(graphs, "on_gpu", lambda X: False)
    wanted = one_by_one(make, texts, 3, None, seeds=(3, 11))
    near = {"rtol": 1e-5, "atol": 1e-6} if how == "fake" else {}
    assert_the_same([caught.value.runs[0], caught.value.runs[2]], wanted, **near)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_an_error_comes_through_and_says_whose_it_is(side_by_side, request):
    def make():
        return maker(nn.RNN)() if torch.initial_seed() != 11 else RNNModel(nn.RNN(2, 4), 2)

    if side_by_side:
        request.getfixturevalue("gpu")
    with pytest.raises((ValueError, IndexError, RuntimeError)) as caught:
        train_seeds(make, texts(), 2, seeds=SEEDS, progress=False)
    if hasattr(caught.value, "add_note"):
        assert caught.value.__notes__ == ["This was the run with seed 11."]


def test_an_interruption_ends_all_runs_and_keeps_what_they_learned(capsys, monkeypatch):
    calls = []

    def loss(logits, labels):
        calls.append(1)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return token_loss(logits, labels)

    found = train_seeds(maker(nn.RNN), texts(), 2, seeds=SEEDS, loss=loss, progress=False)
    assert [history.interrupted for _, history in found] == [False, True]  # the third never began
    assert "interrupted after epoch 0" in capsys.readouterr().out

    monkeypatch.setattr(graphs, "on_gpu", lambda X: True)
    turns = []

    def take(captured, steps):
        turns.append(len(steps))
        if len(turns) == 100:
            raise KeyboardInterrupt

    monkeypatch.setattr(Captured, "take", take)
    found = train_seeds(maker(nn.RNN), texts(), 9, seeds=SEEDS, progress=False)
    assert [history.interrupted for _, history in found] == [True] * 3
    assert all(0 < history.num_epochs < 9 for _, history in found)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "the data are not on a GPU"),
        ({"data": [(CORPUS[:15].view(3, 5),) * 2]}, "the batches do not come from a SequenceLoader"),
        ({"fast": False}, "fast=False"),
        ({"loss": lambda *pair: token_loss(*pair)}, "the loss or the clipping is a function"),
        ({"make_model": maker(nn.GRU, num_layers=2, dropout=0.5)}, "dropout draws other numbers"),
    ],
)
def test_the_log_says_why_seeds_follow_each_other(change, why, caplog, monkeypatch):
    monkeypatch.setattr(graphs, "on_gpu", lambda X: bool(change))
    arguments = {"make_model": maker(nn.GRU), "data": texts(), "num_epochs": 1, "progress": False} | change
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        found = train_seeds(**arguments)
    assert f"one seed after the other: {why}" in caplog.text and len(found) == 3


def test_in_float16_seeds_follow_each_other(gpu, caplog):
    with caplog.at_level(logging.INFO, "rnnlib.training"), pytest.raises(ValueError, match="float16"):
        train_seeds(maker(nn.GRU), texts(), 1, precision="float16")  # which a CPU refuses
    assert "one seed after the other: in float16 a step may be left out" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": ()}, "at least one"),
        ({"seeds": (1, 1)}, "each of them once"),
        ({"seeds": (-1,)}, "seed"),
        ({"on_epoch": print}, "no options .'on_epoch'."),
        ({"optimizer": torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)}, "name or class"),
        ({"lr": -1.0}, "lr"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        train_seeds(maker(nn.RNN), texts(), 1, **options)


def test_a_loop_that_stops_at_its_steps_is_still_a_function():
    assert list(inspect.signature(train).parameters)[:4] == ["model", "data", "num_epochs", "lr"]
    model = maker(nn.RNN)()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    class Ends(nn.Module):
        def forward(self, X, state=None):
            raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):  # not taken for the end of the loop
        run_epoch(Ends(), texts(), optimizer=optimizer)
    steps = run_epoch.steps(model, texts(), optimizer=optimizer)
    step = next(steps)
    assert step.path.model is model and step.state is None and step.labels.shape == (3, 5)
    steps.close()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_seeds_side_by_side_on_a_gpu_train_as_plain_loops_do(layer, sampling, optimizer, caplog):
    corpus = torch.randint(V, (4000,), generator=torch.Generator().manual_seed(0)).cuda()

    def make():
        model = maker(layer, 64)()
        if layer is RNNModelScratch:
            model.params = [p.detach().cuda().requires_grad_() for p in model.params]
            return model
        return model.cuda()

    def data():
        return SequenceLoader(corpus, 8, 10, sampling=sampling)

    options = {"optimizer": optimizer, "valid": corpus[:500], "eval_every": 2}
    with caplog.at_level(logging.INFO, "rnnlib.training"):
        found = train_seeds(make, data(), 5, seeds=SEEDS, progress=False, **options)
    assert "3 models side by side" in caplog.text
    for (_, history), (_, alone) in zip(found, one_by_one(make, data, 5, None, fast=False, **options)):
        assert history.train_loss == pytest.approx(alone.train_loss, rel=1e-3)
        assert history.valid_loss == pytest.approx(alone.valid_loss, rel=1e-3)
