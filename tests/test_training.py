"""Clipping, truncated BPTT, perplexity, and what a training run promises to its reader."""

from __future__ import annotations

import copy
import functools
import math
import random
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnlib.data.batches import SequenceLoader
from rnnlib.training.record import History
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch, get_params
from rnnlib.training.loop import NonFiniteLossError, grad_clipping, perplexity, train, train_epoch

V, H = 6, 12
PERIOD = torch.tensor([1, 2, 3, 1, 4, 5, 2])  # what follows a token depends on more than that token


def periodic(n):
    return PERIOD.repeat(n // len(PERIOD) + 1)[:n]


def noise(n):
    return torch.randint(0, V, (n,))


def make(kind="scratch", seed=0):
    torch.manual_seed(seed)
    random.seed(seed)
    if kind == "scratch":
        return RNNModelScratch(V, H)
    return RNNModel({"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind](V, H), V)


def values(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


quiet = functools.partial(train, progress=False)


# ---- clipping


def with_grads(*grads):
    parameters = [nn.Parameter(torch.zeros_like(torch.tensor(grad))) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = torch.tensor(grad)
    return parameters


def test_clipping_scales_the_global_norm_and_keeps_the_direction():
    one, two = with_grads([3.0, 0.0], [[0.0, 4.0]])
    norm = grad_clipping([one, two], 1.0)
    assert norm.item() == pytest.approx(5) and norm.ndim == 0
    torch.testing.assert_close(one.grad, torch.tensor([0.6, 0.0]))
    torch.testing.assert_close(two.grad, torch.tensor([[0.0, 0.8]]))


def test_clipping_leaves_short_gradients_alone():
    (one,) = with_grads([0.3, -0.4])
    assert grad_clipping([one], 0.5).item() == pytest.approx(0.5)
    assert torch.equal(one.grad, torch.tensor([0.3, -0.4]))


def test_a_generator_of_parameters_is_really_clipped():
    model = make("lstm")
    model(torch.zeros(2, 3, dtype=torch.int64))[0].square().sum().mul(1e3).backward()
    before = torch.cat([p.grad.flatten() for p in model.parameters()])
    norm = grad_clipping((p for p in model.parameters()), 0.01)
    after = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert norm.item() == pytest.approx(before.norm().item(), rel=1e-5) and norm > 1
    assert after.norm().item() == pytest.approx(0.01, rel=1e-5)
    torch.testing.assert_close(after / after.norm(), before / before.norm())


def test_clipping_takes_a_model_one_parameter_and_missing_gradients():
    (alone,) = with_grads([[3.0, 4.0], [0.0, 0.0]])
    grad_clipping(alone, 1.0)
    assert alone.grad.norm().item() == pytest.approx(1)
    model = make("rnn")
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    model.linear.bias.grad = None
    grad_clipping(model, 2.0)
    squares = [p.grad.square().sum() for p in model.parameters() if p.grad is not None]
    assert math.sqrt(sum(squares)) == pytest.approx(2, rel=1e-5)
    assert grad_clipping(make("rnn"), 1.0).item() == 0


def test_clipping_zero_gradients_gives_zeros():
    (one,) = with_grads([0.0, 0.0])
    assert grad_clipping([one], 1.0).item() == 0
    assert torch.equal(one.grad, torch.zeros(2))


@pytest.mark.parametrize("theta", [0, -1.0, math.nan, math.inf, True, None, "1"])
def test_clipping_refuses_theta(theta):
    with pytest.raises(ValueError, match="theta=.* must be a finite number above 0"):
        grad_clipping(with_grads([1.0]), theta)


# ---- one epoch


class Recorder:
    """Passes calls on to a model and remembers the states that go in and come out."""

    def __init__(self, model):
        self.model, self.given, self.returned = model, [], []

    def __call__(self, X, state):
        self.given.append(state)
        logits, state = self.model(X, state)
        self.returned.append(state)
        return logits, state

    def __getattr__(self, name):
        return getattr(self.model, name)


def states_of(recorder):
    flat = [
        (g, r) if isinstance(g, tuple) else ((g,), (r,)) for g, r in zip(recorder.given, recorder.returned)
    ]
    return [g for g, _ in flat], [r for _, r in flat]


@pytest.mark.parametrize("kind", ["scratch", "gru", "lstm"])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_state_is_carried_and_detached_or_begun_anew(kind, sampling):
    recorder = Recorder(make(kind))
    loader = SequenceLoader(noise(100), 2, 5, sampling)
    train_epoch(recorder, loader, torch.optim.SGD(recorder.parameters(), lr=0.1))
    given, returned = states_of(recorder)
    assert len(given) > 3
    for t, state in enumerate(given):
        for i, part in enumerate(state):
            assert part.grad_fn is None and not part.requires_grad
            if sampling == "random" or t == 0:
                assert not part.any()
            else:
                assert torch.equal(part, returned[t - 1][i]) and part.any()
                assert returned[t - 1][i].grad_fn is not None


def test_each_epoch_begins_with_a_fresh_state():
    recorder = Recorder(make())
    loader = SequenceLoader(noise(100), 2, 5)
    optimizer = torch.optim.SGD(recorder.parameters(), lr=0.1)
    train_epoch(recorder, loader, optimizer)
    batches = len(recorder.given)
    train_epoch(recorder, loader, optimizer)
    assert not recorder.given[batches][0].any()


@pytest.mark.parametrize("clip", [None, 0.05])
def test_an_epoch_is_the_loop_written_out(clip):
    ours, theirs = make("rnn"), make("rnn")
    loader = SequenceLoader(noise(60), 2, 5, seed=1)
    total, count = train_epoch(ours, loader, torch.optim.SGD(ours.parameters(), lr=0.5), clip)
    state, expected, tokens = None, 0.0, 0
    for X, Y in SequenceLoader(loader.corpus, 2, 5, seed=1):
        logits, state = theirs(X, None if state is None else state.detach())
        loss = F.cross_entropy(logits, Y.T.flatten())
        theirs.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter -= 0.5 * parameter.grad
        expected, tokens = expected + loss.item() * Y.numel(), tokens + Y.numel()
    assert count == tokens and total == pytest.approx(expected, rel=1e-6)
    for one, other in zip(values(ours), values(theirs)):
        torch.testing.assert_close(one, other)


def test_a_model_in_evaluation_mode_is_trained_in_training_mode():
    model = make("rnn").eval()
    train_epoch(model, SequenceLoader(noise(60), 2, 5), torch.optim.SGD(model.parameters(), lr=0.1))
    assert model.training


def test_a_loss_that_is_not_finite_is_an_error():
    model = make()
    with torch.no_grad():
        model.params[3][0, 0] = math.nan
    with pytest.raises(NonFiniteLossError, match="the training loss is nan. Lower the learning rate"):
        quiet(model, SequenceLoader(noise(60), 2, 5), 1)


# ---- perplexity


class Uniform:
    """Gives every token the same probability; has no parameters and no state to speak of."""

    def begin_state(self, batch_size, device=None):
        return (torch.zeros(batch_size, 1),)

    def parameters(self):
        return []

    def __call__(self, X, state):
        return torch.zeros(X.numel(), V), state


def test_a_uniform_model_has_perplexity_v():
    assert perplexity(Uniform(), noise(500)) == pytest.approx(V)


def test_a_perfect_and_a_hopeless_model():
    class Certain(Uniform):
        def __call__(self, X, state):
            return 200.0 * self.sign * F.one_hot((X.T.reshape(-1) + 1) % V, V), state

    model, text = Certain(), torch.arange(60) % V
    model.sign = 1
    assert perplexity(model, text) == pytest.approx(1)
    model.sign = -10
    assert perplexity(model, text) == math.inf


@pytest.mark.parametrize("kind", ["scratch", "gru", "lstm"])
@pytest.mark.parametrize(("batch_size", "num_steps"), [(1, 256), (4, 7), (4, 1), (8, 256)])
def test_perplexity_equals_a_slow_independent_computation(kind, batch_size, num_steps):
    model, text = make(kind), noise(83)
    length = (len(text) - 1) // batch_size
    surprise = 0.0
    with torch.no_grad():
        for row in range(batch_size):
            state = model.begin_state(1)
            for t in range(row * length, (row + 1) * length):
                logits, state = model(text[t].reshape(1, 1), state)
                surprise -= logits.double().softmax(1)[0, text[t + 1]].log().item()
    expected = math.exp(surprise / (batch_size * length))
    assert perplexity(model, text, batch_size, num_steps) == pytest.approx(expected, rel=1e-5)


def test_perplexity_does_not_depend_on_how_many_columns_go_at_a_time():
    model, text = make("lstm"), noise(400)
    results = [perplexity(model, text, 4, num_steps) for num_steps in (1, 3, 35, 99, 1000)]
    assert max(results) == pytest.approx(min(results), rel=1e-6)


def test_perplexity_takes_a_loader_a_list_and_very_short_texts():
    model, text = make(), noise(50)
    assert (
        perplexity(model, SequenceLoader(text, 2, 5))
        == perplexity(model, text.tolist())
        == perplexity(model, text)
    )
    assert perplexity(model, text[:2]) > 1  # one token read, one predicted
    for short in ([], [1]):
        with pytest.raises(ValueError, match=f"needs at least 2 tokens .*; got {len(short)}"):
            perplexity(model, short)


@pytest.mark.parametrize("name", ["batch_size", "num_steps"])
@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_perplexity_refuses_sizes(name, bad):
    with pytest.raises(ValueError, match=f"{name}=.* must be an integer of at least 1"):
        perplexity(make(), noise(50), **{name: bad})


def test_perplexity_changes_nothing():
    model = RNNModel(nn.LSTM(V, H, 2, dropout=0.5), V)
    before, mode = values(model), model.training
    states = random.getstate(), torch.get_rng_state()
    first = perplexity(model, noise_text := torch.arange(300) % V)
    assert perplexity(model, noise_text) == first  # no dropout
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    assert same(values(model), before) and model.training == mode is True
    assert all(parameter.grad is None for parameter in model.parameters())


# ---- whole runs


@pytest.mark.parametrize("kind", ["scratch", "lstm"])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_the_same_call_twice_gives_the_same_numbers(kind, sampling):
    runs = []
    for _ in range(2):
        model = make(kind)
        history = quiet(model, SequenceLoader(periodic(200), 2, 5, sampling), 3, lr=0.5, valid=periodic(50))
        runs.append((history.train_ppl, history.valid_ppl, values(model)))
    assert runs[0][:2] == runs[1][:2] and same(runs[0][2], runs[1][2])


def test_evaluation_does_not_disturb_the_training():
    results = []
    for every in (1, 100):
        model = make()
        loader = SequenceLoader(periodic(200), 2, 5)
        results.append(quiet(model, loader, 4, valid=periodic(50), eval_every=every).train_ppl)
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("kind", "sampling", "settings"),
    [
        ("scratch", "sequential", {"lr": 1.0}),
        ("scratch", "random", {"lr": 1.0}),
        ("gru", "sequential", {"lr": 0.02, "optimizer": "adam"}),
        ("lstm", "random", {"lr": 0.02, "optimizer": "adam"}),
    ],
)
def test_it_learns(kind, sampling, settings):
    model = make(kind)
    if kind == "scratch":
        model = RNNModelScratch(V, H, get_params=functools.partial(get_params, std=0.3))
    data = SimpleNamespace(train=SequenceLoader(periodic(500), 4, 10, sampling), valid=periodic(607)[500:])
    assert perplexity(model, data.valid) > 4
    history = quiet(model, data, 60, **settings)
    assert history.train_ppl[-1] < 1.2
    assert history.valid_ppl[60] < 1.2


def test_history_of_a_run():
    data = SimpleNamespace(train=SequenceLoader(periodic(200), 2, 5), valid=periodic(50))
    calls = []
    history = quiet(
        make(), data, 5, eval_every=2, on_epoch=lambda epoch, h: calls.append((epoch, h.num_epochs))
    )
    assert calls == [(n, n) for n in range(1, 6)]
    assert history.num_epochs == 5 == len(history.tokens_per_second)
    assert list(history.valid_ppl) == [2, 4, 5]  # every second epoch, and after the last one
    assert history.seconds > 0 and min(history.tokens_per_second) > 0 and not history.interrupted
    assert "torch" in history.device
    assert not quiet(make(), data.train, 1).valid_ppl  # a loader alone has nothing held out
    assert list(quiet(make(), data, 1, valid=periodic(30)).valid_ppl) == [1]
    assert not quiet(make(), data, 1, valid=torch.empty(0, dtype=torch.int64)).valid_ppl


def test_a_history_can_be_continued():
    loader, model = SequenceLoader(periodic(200), 2, 5), make()
    history = quiet(model, loader, 2, valid=periodic(50))
    seconds, first = history.seconds, list(history.train_ppl)
    again = quiet(model, loader, 3, valid=periodic(50), history=history)
    assert again is history and history.num_epochs == 5
    assert history.train_ppl[:2] == first and list(history.valid_ppl) == [2, 5]
    assert history.seconds > seconds


def test_history_object():
    history = History([9.0, 4.0, 2.0], {2: 5.0, 3: 6.0}, [100.0, 300.0, 200.0], 1.5, "cpu")
    assert history.at(1) == 9 and history.at(3) == 2 and history.best_valid == (2, 5.0)
    for epoch in (0, 4, -1):
        with pytest.raises(IndexError, match=f"epoch {epoch} is not in this history of 3 epochs"):
            history.at(epoch)
    zh, en, device = str(history).splitlines()
    assert "3 个迭代周期：训练困惑度 2.00，留出困惑度 6.00（最低 5.00，在第 2 周期）；200 词元/秒" in zh
    assert "3 epochs: training perplexity 2.00, held-out 6.00 (lowest 5.00 at epoch 2); 200 tokens/s" in en
    assert device == "cpu"
    assert History.from_dict(history.to_dict()) == history
    assert History.from_dict({"valid_ppl": {"2": 5.0}}).valid_ppl == {2: 5.0}
    with pytest.raises(ValueError, match="got also"):
        History.from_dict({"losses": []})
    with pytest.raises(ValueError, match="no held-out perplexity was measured"):
        _ = History().best_valid
    assert "no epoch completed" in str(History())
    assert "training perplexity 1.00e+99;" in str(History([1e99], {}, [1.0]))


@pytest.mark.parametrize(
    "form",
    [
        "sgd",
        "SGD",
        "adam",
        "adamw",
        torch.optim.Adam,
        functools.partial(torch.optim.SGD, momentum=0.9),
        "instance",
    ],
)
def test_every_form_of_optimizer_moves_the_parameters(form):
    model = make()
    before = values(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01) if form == "instance" else form
    quiet(model, SequenceLoader(periodic(100), 2, 5), 1, lr=0.01, optimizer=optimizer)
    assert not any(torch.equal(a, b) for a, b in zip(before, values(model)))


def test_the_learning_rate_is_used_and_an_instance_keeps_its_own():
    def moved(**settings):
        model = make()
        before = values(model)
        if settings.pop("instance", False):
            settings["optimizer"] = torch.optim.SGD(model.parameters(), lr=0.1)
        quiet(model, SequenceLoader(periodic(12), 1, 11, seed=0), 1, clip=None, **settings)
        return (values(model)[4] - before[4]).norm().item()

    assert moved(lr=0.2) == pytest.approx(2 * moved(lr=0.1), rel=1e-4)
    assert moved(lr=5.0, instance=True) == pytest.approx(moved(lr=0.1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *[({"num_epochs": bad}, "num_epochs=.* must be an integer") for bad in (0, -1, 1.5, True)],
        *[({"eval_every": bad}, "eval_every=.* must be an integer") for bad in (0, -1, True)],
        *[({"lr": bad}, "lr=.* must be a finite") for bad in (0, -0.1, math.nan, math.inf, True, "1")],
        *[({"clip": bad}, "clip=.* must be a finite") for bad in (0, -1, math.nan, True)],
        ({"optimizer": "adagrad"}, r"optimizer='adagrad' is not known; use \['adam', 'adamw', 'sgd'\]"),
        ({"optimizer": 3}, "optimizer=3 is not known"),
        ({"precision": "half"}, "precision='half' is not known"),
        ({"data": torch.zeros(500, dtype=torch.int64)}, "data is a Tensor; use load_text"),
    ],
)
def test_bad_settings_are_refused_before_anything_moves(settings, message):
    model = make()
    before = values(model)
    with pytest.raises(ValueError, match=message):
        quiet(model, **{"data": SequenceLoader(periodic(100), 2, 5), "num_epochs": 1, **settings})
    assert same(values(model), before)


def test_an_interruption_between_epochs_keeps_what_was_learnt(capsys):
    def stop(epoch, history):
        if epoch == 3:
            raise KeyboardInterrupt

    model = make()
    history = quiet(model, SequenceLoader(periodic(200), 2, 5), 50, on_epoch=stop)
    assert history.interrupted and history.num_epochs == 3
    expected = make()
    quiet(expected, SequenceLoader(periodic(200), 2, 5), 3)
    assert same(values(model), values(expected))
    zh, en = capsys.readouterr().out.splitlines()
    assert "训练在第 3 个迭代周期后被中断" in zh and "interrupted after epoch 3" in en
    assert not quiet(model, SequenceLoader(periodic(200), 2, 5), 1, history=history).interrupted


def test_an_interruption_within_an_epoch_keeps_what_was_learnt():
    class Stops(Recorder):
        def __call__(self, X, state):
            if len(self.given) == 30:
                raise KeyboardInterrupt
            return super().__call__(X, state)

    model = Stops(make())
    before = values(model)
    history = quiet(model, SequenceLoader(periodic(200), 2, 5), 50)
    assert history.interrupted and history.num_epochs == 1
    assert not same(values(model), before)


def test_an_interruption_of_the_evaluation_restores_the_mode():
    model = make("lstm")
    calls = []

    def stop(module, *_):
        calls.append(module.training)
        if not module.training:
            raise KeyboardInterrupt

    model.register_forward_hook(stop)
    assert quiet(model, SequenceLoader(periodic(100), 2, 5), 5, valid=periodic(50), eval_every=1).interrupted
    assert calls[-1] is False and model.training


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_every_precision_trains(precision):
    model = make("gru")
    history = quiet(model, SequenceLoader(periodic(200), 2, 5), 10, lr=1.0, precision=precision)
    assert history.train_ppl[-1] < history.train_ppl[0]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


def test_double_precision_trains_from_scratch():
    model = RNNModelScratch(V, H, get_params=functools.partial(get_params, dtype=torch.float64))
    history = quiet(model, SequenceLoader(periodic(200), 2, 5), 2, valid=periodic(50))
    assert history.num_epochs == 2 and model.params[0].dtype == torch.float64


# ---- on a GPU


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["scratch", "rnn", "gru", "lstm"])
def test_the_gpu_gives_the_same_as_the_cpu(kind):
    on_cpu = make(kind)
    on_gpu = copy.deepcopy(on_cpu)
    if kind == "scratch":
        on_gpu.params = [p.detach().cuda().requires_grad_() for p in on_cpu.params]
    else:
        on_gpu = on_gpu.cuda().eval()  # cuDNN must be put into training mode by train()
    text, held_out = periodic(300), noise(200)
    histories = [
        quiet(model, SequenceLoader(text, 2, 5, device=device, seed=3), 3, lr=0.5, valid=held_out)
        for model, device in ((on_cpu, "cpu"), (on_gpu, "cuda"))
    ]
    assert histories[0].train_ppl == pytest.approx(histories[1].train_ppl, rel=1e-3)
    assert perplexity(on_cpu, held_out) == pytest.approx(perplexity(on_gpu, held_out), rel=1e-3)
    assert torch.cuda.get_device_name() in histories[1].device


@pytest.mark.cuda
def test_perplexity_moves_the_text_to_the_model():
    assert perplexity(make("gru").cuda(), noise(100).tolist()) > 1
