"""Runs that end in the middle of an epoch, by an error, a signal or SIGKILL, and go on to the same bits."""

from __future__ import annotations

import json
import mmap
import multiprocessing
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from rnnlib.__main__ import main
from rnnlib.common import replacing
from rnnlib.data.batches import ExampleLoader, SequenceLoader
from rnnlib.devices import set_seed
from rnnlib.models.language import RNNModel
from rnnlib.models.sequences import SequenceClassifier
from rnnlib.scratch import RNNModelScratch
from rnnlib.training import position as position_module
from rnnlib.training.checkpoints import CheckpointError, _checksum, load_checkpoint, save_checkpoint
from rnnlib.training.fast import path as path_module
from rnnlib.training.loop import run_epoch, train
from rnnlib.training.losses import token_loss
from rnnlib.training.position import Position
from rnnlib.training.saving import Saver

V, H, B, T = 6, 10, 3, 5
ROOT = Path(__file__).parent.parent
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.5),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


class Stopped(Exception):
    """The run was ended."""


def stopping(call=None):
    """The usual loss; at a call of a certain number it ends the run as SIGKILL would: nothing is saved."""
    calls = []

    def loss(logits, labels):
        calls.append(1)
        if len(calls) == call:
            raise Stopped
        return token_loss(logits, labels)

    return loss


def build(kind, sampling="sequential", optimizer="adam", seed=None):
    """Model, optimizer, loader and held-out data of a case, always the same ones."""
    set_seed(3)
    if kind == "classifier":
        X, Y = torch.randint(V, (40, 4)), torch.randint(2, (40,))
        model = SequenceClassifier("lstm", 5, H, 2, vocab_size=V, num_layers=2, dropout=0.3)
        pair = TensorDataset(X, Y)
        loader = DataLoader(pair, 6, shuffle=True) if sampling == "torch" else ExampleLoader(X, Y, 6, seed=4)
        valid = (X, Y)
    else:
        layers = {"lstm": nn.LSTM, "gru": nn.GRU}
        model = RNNModelScratch(V, H)
        if kind in layers:
            model = RNNModel(layers[kind](V, H, 2, dropout=0.3), V)
        loader = SequenceLoader(torch.randint(V, (200,)), B, T, sampling, seed=seed)
        valid = torch.randint(V, (60,))
    return model, OPTIMIZERS[optimizer](model.parameters()), loader, valid


def course(case, *, load=None, saver=None, call=None, epochs=3, patience=None):
    """A run, or the rest of one: what it measured, its weights, and where chance is at its end."""
    model, optimizer, loader, valid = build(*case)
    history = position = None
    if load is not None:
        set_seed(1000)
        checkpoint = load_checkpoint(load)
        keeps = checkpoint.loader_state is not None
        checkpoint.restore(model, optimizer, loader if keeps else None)
        history, position = checkpoint.history, checkpoint.position
        epochs = position.last - history.num_epochs
    history = train(
        model, loader, epochs, optimizer=optimizer, loss=stopping(call), valid=valid, eval_every=2,
        patience=patience, progress=False, history=history, saver=saver, position=position,
    )  # fmt: skip
    measured = history.train_loss, history.valid_loss, history.interrupted, len(history.tokens_per_second)
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return measured, weights, random.random(), torch.rand(1).item()


CASES = [
    ("lstm", "sequential", "adam"),
    ("lstm", "random", "adam"),
    ("lstm", "sequential", "sgd", 7),
    ("lstm", "random", "sgd", 7),
    ("gru", "sequential", "momentum", 7),
    ("scratch", "random", "adam"),
    ("classifier", "own", "adam"),
    ("classifier", "torch", "momentum"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize(("every", "call"), [(1, 2), (4, 11), (3, 17), (7, 20)])
def test_an_interrupted_run_ends_with_the_same_bits(case, every, call, tmp_path):
    path = tmp_path / "a"
    with pytest.raises(Stopped):
        course(case, saver=Saver(path, every), call=call)
    checkpoint = load_checkpoint(path)
    per_epoch = len(list(build(*case)[2]))
    done = checkpoint.history.num_epochs * per_epoch + checkpoint.position.batch
    assert done % every == 0 and call - 1 - every < done <= call - 1
    assert course(case, load=path) == course(case)


def test_the_test_above_can_fail(tmp_path, monkeypatch):
    """Without the state, the losses, the generators or the order the course is another one."""
    path, ordered, whole = {}, CASES[0], {}
    for case in (ordered, CASES[1]):
        path[case] = tmp_path / case[1]
        with pytest.raises(Stopped):
            course(case, saver=Saver(path[case], 4), call=18)
        whole[case] = course(case)
        assert course(case, load=path[case]) == whole[case]

    def found(case, change):
        real = Position.unpack.__func__

        def unpack(cls, plain, tensors):
            position = real(cls, plain, tensors)
            change(position)
            return position

        with monkeypatch.context() as broken:
            broken.setattr(Position, "unpack", classmethod(unpack))
            return course(case, load=path[case])

    def forget_losses(position):
        position._pieces[0][0].zero_()

    def forget_start(position):
        position.start = {**position.start, "python": list(position_module.generators(None)["python"])}

    other = CASES[1]
    assert found(ordered, forget_losses) != whole[ordered]
    assert found(ordered, lambda position: vars(position).update(state=None)) != whole[ordered]
    assert found(ordered, lambda position: vars(position).update(batch=4)) != whole[ordered]
    assert found(other, forget_start) != whole[other]
    monkeypatch.setattr(position_module, "set_generators", lambda *_: None)
    assert course(other, load=path[other]) != whole[other]


def test_several_interruptions_and_every_place(tmp_path):
    """Each of the 3 x 13 places of a run, and at each life a step or two."""
    path, case = tmp_path / "a", CASES[1]
    whole = course(case)
    with pytest.raises(Stopped):
        course(case, saver=Saver(path, 1), call=2)
    lives = 1
    while True:
        try:
            end = course(case, load=path, saver=Saver(path, 1), call=random.choice([2, 4]))
        except Stopped:
            lives += 1
            continue
        break
    assert end[0] == whole[0] and end[1] == whole[1] and lives > 10


def test_stopping_early_keeps_the_best_weights(tmp_path):
    path, case = tmp_path / "a", ("lstm", "sequential", "sgd")
    run = {"epochs": 12, "patience": 4}
    whole = course(case, **run)
    best = min(whole[0][1], key=whole[0][1].get)
    assert best < len(whole[0][0]), "the last epoch is not the best one"
    with pytest.raises(Stopped):
        course(case, saver=Saver(path, 3), call=13 * best + 9, **run)
    assert load_checkpoint(path).position.best.keys() == whole[1].keys()
    assert course(case, load=path, patience=4) == whole


def test_losses_are_kept_in_pieces(monkeypatch):
    """The sum is that of the losses one by one, wherever they are cut."""
    values = torch.rand(23)
    expected = float(values.double() @ torch.arange(23).double())
    for piece in (1, 2, 7, 23, 100):
        monkeypatch.setattr(position_module, "FOLD", piece)
        position = Position()
        for i, value in enumerate(values):
            if i in (3, 11):
                plain, tensors = position.pack()
                position = Position.unpack(json.loads(json.dumps(plain)), tensors)
            position.add(value, torch.tensor(i), None)
        assert position.total() == (expected, 253) and torch.equal(position.sums()[0], values)
    assert Position().sums()[0].shape == (0,)


def test_states_of_any_form_come_back():
    a, b = torch.rand(2, 3, 4), torch.rand(3, 4)
    for state in (None, a, (a,), (a, b), [a, (b, [a])], (None, b)):
        position = Position()
        position.add(torch.tensor(1.0), torch.tensor(1), state)
        plain, tensors = position.pack()
        found = Position.unpack(json.loads(json.dumps(plain)), tensors).state
        assert repr(found) == repr(state)
    pair = namedtuple("pair", "h c")
    position.add(torch.tensor(1.0), torch.tensor(1), pair(a, b))
    with pytest.raises(TypeError, match="the model's state is of type pair"):
        position.pack()


def test_seconds_of_all_processes_are_added(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(Stopped):
        course(CASES[0], saver=Saver(path, 1), call=5)
    position = load_checkpoint(path).position
    assert 0 < position.seconds < 60
    position.seconds = 1000.0
    assert position.elapsed() > 1000


def test_without_a_saver_nothing_is_written_and_nothing_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(position_module, "generators", None)
    course(CASES[0])
    monkeypatch.undo()
    for every in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="save_every="):
            Saver(tmp_path / "a", every)
    with pytest.raises(FileNotFoundError, match="create it first"):
        Saver(tmp_path / "no" / "a", 1)


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    parts = []
    for name in ("a", "a", "b"):
        with pytest.raises(Stopped), replacing(tmp_path / name) as part:
            part.write_bytes(b"half")
            parts.append((part, part.read_bytes()))
            raise Stopped
    for part, data in parts:
        part.write_bytes(data)
    for part in (parts[0][0], parts[2][0]):
        os.utime(part, (0, 0))
    Saver(tmp_path / "a", 1)
    assert [part.exists() for part, _ in parts] == [False, True, True]


# ---- The file ----


@pytest.fixture
def within(tmp_path):
    with pytest.raises(Stopped):
        course(CASES[0], saver=Saver(tmp_path / "a", 4, config={"x": 1}), call=18)
    return tmp_path / "a"


def test_a_checkpoint_within_an_epoch_says_so(within):
    checkpoint = load_checkpoint(within)
    assert "epoch 1, then 3 batches" in repr(checkpoint) and checkpoint.config == {"x": 1}
    assert checkpoint.position.state[0].shape == (2, B, H)
    with safetensors.safe_open(within, "pt") as file:
        header = json.loads(file.metadata()["rnnlib"])
    assert header["format"] == "rnnlib-checkpoint-3", "rnnlib 0.2.0 must not mistake it for a whole epoch"
    model, optimizer, _, _ = build(*CASES[0])
    save_checkpoint(within, model, optimizer=optimizer)
    with safetensors.safe_open(within, "pt") as file:
        assert json.loads(file.metadata()["rnnlib"])["format"] == "rnnlib-checkpoint-2"
    assert load_checkpoint(within).position is None


@pytest.mark.parametrize(
    "change",
    [
        {"batch": -1},
        {"batch": 2},
        {"batch": "3"},
        {"last": None},
        {"seconds": "long"},
        {"form": ["set", "state.0"]},
        {"form": "state.9"},
        {"form": 3},
        {"ranks": 1},
        {"start": {"python": [3, [1], None], "loader": None}},
        {"start": {"python": [3, [1], None]}},
        {"start": None},
    ],
    ids=str,
)
def test_a_changed_position_is_found(change, within):
    tensors = dict(sorted(safetensors.torch.load(within.read_bytes()).items()))
    with safetensors.safe_open(within, "pt") as file:
        header = json.loads(file.metadata()["rnnlib"])
    header["position"] |= change
    text = json.dumps(header)
    within.write_bytes(safetensors.torch.save(tensors, {"rnnlib": text, "sha256": _checksum(text, tensors)}))
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(within)


def test_a_position_serves_run_epoch_alone(within):
    model, optimizer, loader, _ = build(*CASES[0])
    checkpoint = load_checkpoint(within)
    checkpoint.restore(model, optimizer, loader)
    total, count = run_epoch(model, loader, optimizer=optimizer, clip=1.0, position=checkpoint.position)
    assert count == 13 * B * T and total / count == course(CASES[0])[0][0][1]


# ---- The command line ----

WORDS = ["train", "--corpus", "tale", "--max-tokens", "2000", "--batch-size", "4", "--num-steps", "10"]
WORDS += ["--num-hiddens", "24", "--device", "cpu"]
LSTM = [*WORDS, "--layer", "lstm", "--optimizer", "adam", "--lr", "0.005"]


def assert_same_end(one, other):
    a, b = load_checkpoint(one), load_checkpoint(other)
    assert a.position is None and b.position is None
    assert a.history.train_loss == b.history.train_loss and a.history.valid_loss == b.history.valid_loss
    assert a.config == b.config and a.loader_state == b.loader_state
    assert all(torch.equal(a.model_state[name], tensor) for name, tensor in b.model_state.items())
    for key, entries in a.optimizer_state["state"].items():
        for name, value in entries.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(b.optimizer_state["state"][key][name]))


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_rest_is_the_same(signal_number, tmp_path, capsys, monkeypatch):
    whole, path = tmp_path / "whole", tmp_path / "a"
    assert main([*LSTM, "--epochs", "3", "--save", str(whole)]) == 0
    learn, calls = path_module.Path.learn, []

    def signalled(self, *args):
        calls.append(1)
        if len(calls) == 75:
            os.kill(os.getpid(), signal_number)
        return learn(self, *args)

    before = signal.getsignal(signal_number)
    with monkeypatch.context() as broken:
        broken.setattr(path_module.Path, "learn", signalled)
        words = [*LSTM, "--epochs", "3", "--save", str(path), "--save-every", "1000"]
        assert main(words) == 130
    assert signal.getsignal(signal_number) is before
    position = load_checkpoint(path).position
    assert (position.batch, position.last) == (75 - 49, 3)
    assert main(["train", "--resume", str(path), "--device", "cpu"]) == 0
    assert "3 epochs" in capsys.readouterr().out
    assert_same_end(path, whole)


def test_save_every_needs_a_file_and_a_number(tmp_path, capsys):
    assert main([*WORDS, "--save-every", "5"]) == 2
    assert "--save-every needs a file: add --save FILE." in capsys.readouterr().err
    assert main([*WORDS, "--save-every", "0", "--save", str(tmp_path / "a")]) == 2
    assert "--save-every 0 must be an integer of at least 1" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_epochs_may_be_given_when_going_on(tmp_path, capsys):
    path = tmp_path / "a"
    with pytest.raises(Stopped), pytest.MonkeyPatch.context() as broken:
        broken.setattr("rnnlib.training.loop.token_loss", stopping(60))
        broken.setattr("rnnlib.__main__.train", lambda *a, **k: train(*a, loss=stopping(60), **k))
        main([*LSTM, "--epochs", "9", "--save", str(path), "--save-every", "5"])
    assert load_checkpoint(path).position.last == 9
    assert main(["train", "--resume", str(path), "--epochs", "1", "--device", "cpu"]) == 0
    assert load_checkpoint(path).history.num_epochs == 2


# ---- SIGKILL ----

FORK = multiprocessing.get_context("fork")


def live(words, counter):
    """One life of a run in a process of its own, which counts its steps where others can read them."""
    real = Position.add

    def add(self, *args):
        real(self, *args)
        if self.on_step is not None:
            counter[:8] = struct.pack("q", struct.unpack("q", counter[:8])[0] + 1)

    Position.add = add
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os._exit(main(words))


def steps_in(path, per_epoch):
    """Steps that a checkpoint holds; 0 if there is none yet. Loading it is the test that it is whole."""
    if not path.exists():
        return 0
    checkpoint = load_checkpoint(path)
    done = checkpoint.history.num_epochs * per_epoch
    return done + (checkpoint.position.batch if checkpoint.position else 0)


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_sigkill_at_random_moments(sampling, tmp_path):
    """Eight lives end by SIGKILL; forked from this warm process, they need no seconds to start."""
    every, path, whole = 7, tmp_path / "a", tmp_path / "whole"
    words = [*LSTM, "--sampling", sampling, "--epochs", "60"]
    assert main([*words, "--save", str(whole)]) == 0
    per_epoch = len(range(0, 2000 // 40 - 1))
    dice = random.Random(5)
    for _ in range(8):
        saved, counter = steps_in(path, per_epoch), mmap.mmap(-1, 8)
        start = (
            ["train", "--resume", str(path), "--device", "cpu"]
            if path.exists()
            else [*words, "--save", str(path)]
        )
        life = FORK.Process(target=live, args=([*start, "--save-every", str(every)], counter))
        life.start()
        life.join(dice.uniform(0.05, 0.5))
        life.kill()
        life.join()
        lived = struct.unpack("q", counter[:8])[0]
        assert life.exitcode == -signal.SIGKILL, "the run was over: make it longer"
        assert -1 <= saved + lived - steps_in(path, per_epoch) <= every, "no more is lost than was promised"
    assert load_checkpoint(path).position.last == 60
    assert main(["train", "--resume", str(path), "--device", "cpu"]) == 0
    assert_same_end(path, whole)


@pytest.mark.skipif(not os.environ.get("RNNLIB_BIG"), reason="RNNLIB_BIG=1 kills fifty processes")
@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_sigkill_fifty_times(sampling, tmp_path):
    """Processes from the command line, killed anywhere between their first step and their end."""
    path, whole = tmp_path / "a", tmp_path / "whole"
    words = [*LSTM, "--sampling", sampling, "--epochs", "150"]
    assert main([*words, "--save", str(whole)]) == 0
    dice, kills, held = random.Random(5), 0, []
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    while kills < 50:
        start = (
            ["train", "--resume", str(path), "--device", "cpu"]
            if path.exists()
            else [*words, "--save", str(path)]
        )
        command = [sys.executable, "-m", "rnnlib", *start, "--save-every", "5"]
        with subprocess.Popen(
            command, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
        ) as life:
            for line in life.stdout:
                if "parameters" in line:
                    break
            time.sleep(dice.uniform(0, 0.5))
            assert life.poll() is None, f"the run was over after {kills} kills: make it longer"
            life.kill()
        kills += 1
        held.append(steps_in(path, 49))
        assert held == sorted(held), "nothing that was saved is lost"
    print(f"{kills} kills; steps in the file after each: {held}")
    assert main(["train", "--resume", str(path), "--device", "cpu"]) == 0
    assert_same_end(path, whole)
