"""Truncated BPTT, perplexity, and what a training run promises to its reader."""

from __future__ import annotations

import copy
import functools
import json
import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnlib import History, RNNModel, RNNModelScratch, SequenceLoader, load_text, perplexity, run_epoch, train
from rnnlib.scratch import get_params
from rnnlib.training.loop import make_optimizer

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


# ---- one epoch


class Recorder:
    """Passes calls on to a model and remembers the states that go in and come out."""

    def __init__(self, model):
        self.model, self.given, self.returned = model, [], []

    def __call__(self, X, state=None):
        self.given.append(state)
        logits, state = self.model(X, state)
        self.returned.append(state)
        return logits, state

    def __getattr__(self, name):
        return getattr(self.model, name)


def states_of(recorder):
    return [
        [s if s is None or isinstance(s, tuple) else (s,) for s in states]
        for states in (recorder.given, recorder.returned)
    ]


@pytest.mark.parametrize("kind", ["scratch", "gru", "lstm"])
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_state_is_carried_and_detached_or_begun_anew(kind, sampling):
    recorder = Recorder(make(kind))
    loader = SequenceLoader(noise(100), 2, 5, sampling)
    run_epoch(recorder, loader, optimizer=torch.optim.SGD(recorder.parameters(), lr=0.1))
    given, returned = states_of(recorder)
    assert len(given) > 3
    for t, state in enumerate(given):
        if sampling == "random" or t == 0:
            assert state is None
            continue
        for part, before in zip(state, returned[t - 1], strict=True):
            assert part.grad_fn is None and not part.requires_grad
            assert torch.equal(part, before) and part.any() and before.grad_fn is not None


def test_each_epoch_begins_with_a_fresh_state():
    recorder = Recorder(make())
    loader = SequenceLoader(noise(100), 2, 5)
    optimizer = torch.optim.SGD(recorder.parameters(), lr=0.1)
    run_epoch(recorder, loader, optimizer=optimizer)
    batches = len(recorder.given)
    run_epoch(recorder, loader, optimizer=optimizer)
    assert recorder.given[batches] is None and recorder.given[batches + 1] is not None


@pytest.mark.parametrize("clip", [None, 0.05])
def test_an_epoch_is_the_loop_written_out(clip):
    ours, theirs = make("rnn"), make("rnn")
    loader = SequenceLoader(noise(60), 2, 5, seed=1)
    total, count = run_epoch(ours, loader, optimizer=torch.optim.SGD(ours.parameters(), lr=0.5), clip=clip)
    state, expected, tokens = None, 0.0, 0
    for X, Y in SequenceLoader(loader.corpus, 2, 5, seed=1):
        logits, state = theirs(X, None if state is None else state.detach())
        loss = F.cross_entropy(logits.flatten(0, 1), Y.flatten())
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
    run_epoch(model, SequenceLoader(noise(60), 2, 5), optimizer=torch.optim.SGD(model.parameters(), lr=0.1))
    assert model.training


def test_a_loss_that_is_not_finite_is_an_error():
    model = make()
    with torch.no_grad():
        model.params[3][0, 0] = math.nan
    with pytest.raises(FloatingPointError, match="the training loss is nan: .*Lower the learning rate"):
        quiet(model, SequenceLoader(noise(60), 2, 5), 1)


# ---- perplexity


class Uniform:
    """Gives every token the same probability; has no parameters and no state to speak of."""

    def parameters(self):
        return []

    def __call__(self, X, state=None):
        return torch.zeros(*X.shape, V), state


def test_a_uniform_model_has_perplexity_v():
    assert perplexity(Uniform(), noise(500)) == pytest.approx(V)


def test_a_perfect_and_a_hopeless_model():
    class Certain(Uniform):
        def __call__(self, X, state=None):
            return 200.0 * self.sign * F.one_hot((X + 1) % V, V), state

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
                surprise -= logits.double().softmax(-1)[0, 0, text[t + 1]].log().item()
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
    data, held_out = SequenceLoader(periodic(500), 4, 10, sampling), periodic(607)[500:]
    assert perplexity(model, held_out) > 4
    history = quiet(model, data, 60, valid=held_out, **settings)
    assert history.train_ppl[-1] < 1.2
    assert history.valid_ppl[60] < 1.2


def test_history_of_a_run():
    loader, held_out, calls = SequenceLoader(periodic(200), 2, 5), periodic(50), []
    history = quiet(
        make(),
        loader,
        5,
        valid=held_out,
        eval_every=2,
        on_epoch=lambda epoch, h: calls.append((epoch, h.num_epochs)),
    )
    assert calls == [(n, n) for n in range(1, 6)]
    assert history.num_epochs == 5 == len(history.tokens_per_second)
    assert list(history.valid_ppl) == [2, 4, 5]  # every second epoch, and after the last one
    assert history.seconds > 0 and min(history.tokens_per_second) > 0 and not history.interrupted
    assert "torch" in history.device
    assert not quiet(make(), loader, 1).valid_ppl  # a loader alone has nothing held out


def text_data(**options):
    return load_text("tale", batch_size=2, num_steps=5, max_tokens=100, device="cpu", **options)


def test_a_text_brings_its_held_out_tokens():
    data = text_data(num_valid=60)
    model = RNNModelScratch(len(data.vocab), H)
    history = quiet(model, data, 1)
    assert history.valid_ppl[1] == pytest.approx(perplexity(model, data.valid))
    assert perplexity(model, data) == perplexity(model, data.valid) != perplexity(model, data.train)
    assert list(quiet(model, data, 1, valid=data.train).valid_ppl) == [1]
    assert not quiet(model, text_data(num_valid=0), 1).valid_ppl
    with pytest.raises(ValueError, match="needs at least 2 tokens .*; got 0"):
        perplexity(model, text_data(num_valid=0))


@pytest.mark.parametrize("form", [list, iter, torch.Tensor.clone, lambda t: SequenceLoader(t, 2, 5)])
def test_every_form_of_held_out_text_gives_the_same(form):
    text = noise(60)
    model = make()
    history = quiet(model, SequenceLoader(periodic(100), 2, 5), 2, valid=form(text), eval_every=1)
    assert history.valid_ppl[2] == pytest.approx(perplexity(model, text)) and len(history.valid_ppl) == 2
    assert perplexity(model, form(text)) == pytest.approx(perplexity(model, text))


def test_early_stopping_on_a_text():
    """The held-out text is another one, so that learning makes it worse; the best weights are put back."""
    model, held_out = make(), noise(200)
    options = {"valid": held_out, "eval_every": 1, "patience": 3, "lr": 1.0}
    history = quiet(model, SequenceLoader(periodic(300), 2, 5), 200, **options)
    assert history.num_epochs == history.best_epoch + 3 < 200
    assert perplexity(model, held_out) == pytest.approx(history.best_valid[1])
    assert history.best_valid[1] < history.valid_ppl[history.num_epochs]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_losses_are_summed_in_double_precision(dtype):
    """In bfloat16 a sum of losses stops growing; 28.17 was once reported as 32.88."""
    model = RNNModel(nn.RNN(V, H), V)
    loader = SequenceLoader(noise(3000), 2, 5, seed=0)
    low = RNNModel(nn.RNN(V, H), V)
    low.load_state_dict(model.state_dict())
    total, count = run_epoch(model, loader)
    assert count == loader.num_tokens // 10 * 10 or count > 2900
    low_total, low_count = run_epoch(low.to(dtype), SequenceLoader(loader.corpus, 2, 5, seed=0))
    assert low_count == count and low_total == pytest.approx(total, rel=2e-3)
    assert perplexity(low, loader) == pytest.approx(perplexity(model, loader), rel=1e-2)


def test_measuring_leaves_gradients_weights_and_mode_alone():
    model = RNNModel(nn.LSTM(V, H, 2, dropout=0.5), V)
    before = values(model)
    first = run_epoch(model, SequenceLoader(noise(100), 2, 5, seed=0))
    assert same(values(model), before) and model.training
    assert all(p.grad is None for p in model.parameters())
    torch.manual_seed(0)
    loader = SequenceLoader(noise(100), 2, 5, seed=0)
    assert run_epoch(model, loader) == pytest.approx(
        run_epoch(model, SequenceLoader(loader.corpus, 2, 5, seed=1)), rel=0.2
    )
    assert first[1] == 90


def test_run_epoch_carries_begins_and_clips_as_it_is_told():
    recorder, clipped = Recorder(make("gru")), []
    batches = list(SequenceLoader(noise(60), 2, 5, "random"))
    begin = lambda rows: torch.full((1, rows, H), 0.5)  # noqa: E731
    optimizer = torch.optim.SGD(recorder.parameters(), lr=0.0)
    run_epoch(
        recorder, batches, optimizer=optimizer, begin=begin, carry_state=True, clip=lambda: clipped.append(1)
    )
    assert torch.equal(recorder.given[0], begin(2)) and len(clipped) == len(batches)
    assert torch.equal(recorder.given[1], recorder.returned[0])
    with pytest.raises(ValueError, match="there was no batch. A generator is used up"):
        run_epoch(recorder, iter([]))


def test_a_model_of_numbers_that_are_none_says_so():
    model = make("lstm")
    with torch.no_grad():
        model.linear.bias[2] = math.nan
    with pytest.raises(FloatingPointError, match="the measured loss is nan"):
        perplexity(model, noise(50))


def test_the_usual_learning_rates():
    model = make()
    for name, rate in (("sgd", 1.0), ("adam", 1e-3), ("AdamW", 1e-3), (torch.optim.RMSprop, 1e-2)):
        assert make_optimizer(name, model, None).param_groups[0]["lr"] == rate
        assert make_optimizer(name, model, 0.25).param_groups[0]["lr"] == 0.25
    history = quiet(make("gru"), SequenceLoader(periodic(200), 2, 5), 3, optimizer="adam")
    assert history.train_ppl[0] < 10  # and not 2e17


def test_numbers_of_numpy_are_numbers():
    loader = SequenceLoader(periodic(200), np.int64(2), np.int32(5), seed=np.int64(3))
    history = quiet(make(), loader, np.int64(2), np.float64(0.5), clip=np.float32(1), eval_every=np.int8(1))
    assert history.num_epochs == 2


def test_a_history_can_be_continued():
    loader, model = SequenceLoader(periodic(200), 2, 5), make()
    history = quiet(model, loader, 2, valid=periodic(50))
    seconds, first = history.seconds, list(history.train_loss)
    again = quiet(model, loader, 3, valid=periodic(50), history=history)
    assert again is history and history.num_epochs == 5
    assert history.train_loss[:2] == first and list(history.valid_ppl) == [2, 5]
    assert history.seconds > seconds


def test_history_object():
    log = math.log
    history = History([log(9), log(4), log(2)], {2: log(5), 3: log(6)}, [100.0, 300.0, 200.0], 1.5, "cpu")
    assert history.at(1) == pytest.approx(9) and history.at(3) == pytest.approx(2)
    assert history.best_valid == (2, pytest.approx(5)) and history.best_epoch == 2
    assert history.train_ppl == pytest.approx([9, 4, 2]) and history.valid_ppl == pytest.approx({2: 5, 3: 6})
    for epoch in (0, 4, -1):
        with pytest.raises(IndexError, match=f"epoch {epoch} is not in this history of 3 epochs"):
            history.at(epoch)
    zh, en, device = str(history).splitlines()
    assert "3 个迭代周期：训练困惑度 2.00，验证困惑度 6.00（最低 5.00，在第 2 周期）；200 词元/秒" in zh
    assert "3 epochs: training perplexity 2.00, validation 6.00 (lowest 5.00 at epoch 2); 200 tokens/s" in en
    assert device == "cpu"
    history.valid_loss[4] = math.inf  # a probability of zero
    assert History.from_dict(json.loads(json.dumps(history.to_dict(), allow_nan=False))) == history
    for bad in ({"losses": []}, [], None, {**history.to_dict(), "train_loss": 3}):
        with pytest.raises(ValueError, match="a history has the fields|wrong type"):
            History.from_dict(bad)
    with pytest.raises(ValueError, match="no held-out loss was measured"):
        _ = History().best_valid
    assert "no epoch completed" in str(History()) and History().best_epoch == 0
    one = str(History([log(1e99)], {}, [1.0]))
    assert "1 epoch: training perplexity 1.00e+99;" in one
    assert History([800.0], {}, [1.0]).train_ppl == [math.inf]


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
        *[
            ({"data": bad}, "data is of type .*; use load_text")
            for bad in (torch.zeros(500).long(), "text", 3)
        ],
        ({"patience": 2}, "patience needs held-out data"),
        ({"lr": 1e300}, "lr=1e.300 is beyond the range of float32"),
    ],
)
def test_bad_settings_are_refused_before_anything_moves(settings, message):
    model = make()
    before = values(model)
    with pytest.raises(ValueError, match=message):
        quiet(model, **{"data": SequenceLoader(periodic(100), 2, 5), "num_epochs": 1, **settings})
    assert same(values(model), before)


def test_an_interruption_between_epochs_keeps_what_was_learned(capsys):
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


def test_an_interruption_within_an_epoch_keeps_what_was_learned():
    class Stops(Recorder):
        def __call__(self, X, state=None):
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


@pytest.mark.parametrize("kind", ["scratch", "gru"])
@pytest.mark.parametrize("fast", [True, False])
def test_float16_is_refused_without_a_gpu(kind, fast):
    model = make(kind)
    before = values(model)
    with pytest.raises(ValueError, match="'float16' is for CUDA GPUs, not for 'cpu'; use 'bfloat16'"):
        quiet(model, SequenceLoader(periodic(200), 2, 5), 1, precision="float16", fast=fast)
    assert same(values(model), before)


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
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["scratch", "rnn", "gru", "lstm"])
def test_every_precision_trains_on_a_gpu(kind, precision):
    model = make(kind)
    if kind == "scratch":
        model.params = [p.detach().cuda().requires_grad_() for p in model.params]
    else:
        model.cuda()
    data = SequenceLoader(periodic(200), 2, 5, device="cuda")
    history = quiet(model, data, 10, lr=1.0, precision=precision)
    assert history.train_ppl[-1] < history.train_ppl[0]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())


@pytest.mark.cuda
def test_perplexity_moves_the_text_to_the_model():
    assert perplexity(make("gru").cuda(), noise(100).tolist()) > 1
