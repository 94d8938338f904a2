"""Saving and going on: bit for bit the same, all or nothing, never half a file, never code in a file."""

from __future__ import annotations

import ast
import copy
import json
import os
import pickle
import random
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

import rnnlib.common
import rnnlib.training.checkpoints
from rnnlib.data.batches import ExampleLoader, SequenceLoader
from rnnlib.data.text import Vocab
from rnnlib.models.language import RNNModel
from rnnlib.models.sequences import SequenceClassifier
from rnnlib.scratch import RNNModelScratch
from rnnlib.training.checkpoints import CheckpointError, _checksum, load_checkpoint, save_checkpoint
from rnnlib.training.loop import train
from rnnlib.training.record import History

V, H = 6, 10
K, N = 2, 5
MAKERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
    "plain": lambda p: torch.optim.SGD(p, lr=0.5),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
}


def build(kind, method, seed=None, sampling="sequential"):
    """A model, its optimizer and its data, always the same ones."""
    torch.manual_seed(0)
    random.seed(0)
    if kind == "scratch":
        model = RNNModelScratch(V, H)
    else:
        model = RNNModel({"gru": nn.GRU, "lstm": nn.LSTM}[kind](V, H, 2, dropout=0.2), V)
    loader = SequenceLoader(torch.randint(V, (150,)), 2, 5, sampling, seed=seed)
    return model, MAKERS[method](model.parameters()), loader


def go(case, epochs, load_from=None, save_to=None, with_loader=True):
    """Train for some epochs; perhaps from a checkpoint, perhaps into one."""
    model, optimizer, loader = build(*case)
    history = None
    if load_from:
        random.seed(77)
        torch.manual_seed(77)
        checkpoint = load_checkpoint(load_from)
        checkpoint.restore(model, optimizer, loader if with_loader else None)
        history = checkpoint.history
    history = train(model, loader, epochs, optimizer=optimizer, progress=False, history=history)
    if save_to:
        save_checkpoint(save_to, model, optimizer=optimizer, history=history, loader=loader)
    return model, history


CASES = [
    ("scratch", "plain"),
    ("scratch", "adam", 3),
    ("gru", "sgd", None, "random"),
    ("gru", "plain", 0, "random"),
    ("lstm", "adam"),
]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """k epochs here, then the other N - k of every case in one new process."""
    folder = tmp_path_factory.mktemp("resume")
    for i, case in enumerate(CASES):
        go(case, K, save_to=folder / f"{i}.k")
    program = (
        "import sys, torch\n"
        "torch.set_num_threads(1)\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import test_checkpoints as t\n"
        "for i, case in enumerate(t.CASES):\n"
        "    path = f'{sys.argv[2]}/{i}'\n"
        "    t.go(case, t.N - t.K, load_from=path + '.k', save_to=path + '.n')\n"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(folder)]
    subprocess.run(command, check=True, timeout=120)
    return folder


@pytest.mark.parametrize("i", range(len(CASES)))
def test_going_on_in_a_new_process_is_bit_equal(i, resumed):
    expected, history = go(CASES[i], N)
    found = load_checkpoint(resumed / f"{i}.n")
    assert found.history.train_loss == history.train_loss and found.history.num_epochs == N
    own = expected.state_dict()
    assert own.keys() == found.model_state.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in found.model_state.items())


def test_the_test_above_can_fail(resumed):
    """Without the optimizer's state, or without the loader's, the course is another one."""
    model, optimizer, loader = build(*CASES[4])
    load_checkpoint(resumed / "4.k").restore(model)
    train(model, loader, N - K, optimizer=optimizer, progress=False)
    assert not torch.equal(model.linear.weight, go(CASES[4], N)[0].linear.weight)
    model, _ = go(CASES[3], N - K, load_from=resumed / "3.k", with_loader=False)
    assert not torch.equal(model.linear.weight, go(CASES[3], N)[0].linear.weight)


def test_a_loader_of_examples_goes_on_in_its_order(tmp_path):
    X, Y = torch.randint(V, (20, 4)), torch.randint(2, (20,))
    first, second = ExampleLoader(X, Y, 5, seed=1), ExampleLoader(X, Y, 5, seed=2)
    list(first)
    model = SequenceClassifier("gru", 3, H, 2, vocab_size=V)
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "a", model, loader=first))
    checkpoint.restore(model, loader=second)
    for (inputs, labels), (other, others) in zip(first, second, strict=True):
        assert torch.equal(inputs, other) and torch.equal(labels, others)


def test_loaders_that_do_not_fit(tmp_path):
    model, _, seeded = build("scratch", "plain", 3)
    plain = build("scratch", "plain")[2]
    with pytest.raises(CheckpointError, match="saved without a loader; pass loader=None"):
        load_checkpoint(save_checkpoint(tmp_path / "a", model)).restore(model, loader=seeded)
    for saved, given in ((seeded, plain), (plain, seeded)):
        checkpoint = load_checkpoint(save_checkpoint(tmp_path / "a", model, loader=saved))
        with pytest.raises(CheckpointError, match="does not fit the loader: ValueError: .*a seed"):
            checkpoint.restore(model, loader=given)
    with pytest.raises(TypeError, match="loader is of type list; pass the loader itself"):
        save_checkpoint(tmp_path / "b", model, loader=[])
    assert not (tmp_path / "b").exists()


@pytest.fixture
def saved(tmp_path):
    """A complete checkpoint: (path, model)."""
    model, optimizer, loader = build("lstm", "adam", 3)
    history = train(model, loader, 1, optimizer=optimizer, progress=False)
    history.valid_loss[1] = float("inf")
    path = save_checkpoint(
        tmp_path / "模型 model.ckpt",
        model,
        vocab=Vocab(list("床前明月光"), reserved_tokens=["<pad>"]),
        optimizer=optimizer,
        history=history,
        config={"kind": "lstm", "sizes": [1, 2], "lr": 0.1},
        loader=loader,
    )
    return path, model


def test_everything_comes_back(saved):
    path, model = saved
    checkpoint = load_checkpoint(path)
    assert checkpoint.vocab.idx_to_token == ["<unk>", "<pad>", *"床前明月光"]
    assert checkpoint.vocab.token_freqs[0] == ("床", 1)
    assert checkpoint.config == {"kind": "lstm", "sizes": [1, 2], "lr": 0.1}
    assert isinstance(checkpoint.history, History) and checkpoint.history.valid_loss == {1: float("inf")}
    other, optimizer, _ = build("lstm", "adam")
    random.seed(5)
    torch.manual_seed(5)
    states = random.getstate(), torch.get_rng_state()
    checkpoint.restore(other, optimizer, rng=False)
    assert random.getstate() == states[0] and torch.equal(torch.get_rng_state(), states[1])
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    assert optimizer.state_dict()["state"][0]["step"] > 0
    save_checkpoint(path, other)  # a bare model is enough
    bare = load_checkpoint(path)
    assert bare.vocab is None and bare.history is None and bare.config == {}
    assert bare.optimizer_state is None and bare.loader_state is None


def test_a_vocabulary_of_n_grams_comes_back(tmp_path):
    text = "to be or not to be"
    vocab = Vocab(list(zip(text, text[1:])))
    found = load_checkpoint(save_checkpoint(tmp_path / "a", RNNModelScratch(V, H), vocab=vocab)).vocab
    assert found.idx_to_token == vocab.idx_to_token and found.token_freqs == vocab.token_freqs
    assert ("t", "o") in found and found.token_freqs[0][0] == ("t", "o")


def test_one_checkpoint_can_be_restored_twice(saved):
    """Training after the first time must not change what the checkpoint holds."""
    checkpoint = load_checkpoint(saved[0])
    weights = []
    for _ in range(2):
        model, optimizer, loader = build("lstm", "adam", 3)
        checkpoint.restore(model, optimizer, loader)
        train(model, loader, 1, optimizer=optimizer, progress=False)
        weights.append(model.linear.weight.detach().clone())
    assert torch.equal(*weights)


def test_the_repr_is_short(saved):
    text = repr(load_checkpoint(saved[0]))
    assert len(text) < 200 and text.count("\n") < 2
    assert "7 tokens" in text and "epoch 1" in text and "optimizer Adam" in text and "'kind': 'lstm'" in text


# ---- Damaged files ----


def header_of(path):
    with safetensors.safe_open(path, framework="pt") as file:
        return file.metadata()


def rewrite(path, change, checksum=_checksum):
    """Let ``change(header, tensors)`` falsify a checkpoint; header may come back as JSON text of its own."""
    header, tensors = json.loads(header_of(path)["rnnlib"]), safetensors.torch.load_file(path)
    text = change(header, tensors)
    text = text if isinstance(text, str) else json.dumps(header)
    safetensors.torch.save_file(tensors, path, {"rnnlib": text, "sha256": checksum(text, tensors)})


def put(place, value):
    """A change for :func:`rewrite`: the value at a place such as ``"vocab.freqs.0.1"``."""

    def change(header, tensors):
        *steps, last = place.split(".")
        for step in steps:
            header = header[int(step) if isinstance(header, list) else step]
        header[int(last) if isinstance(header, list) else last] = value

    return change


def drop(container, key):
    del container[key]


def test_rewriting_alone_damages_nothing(saved):
    rewrite(saved[0], lambda header, tensors: None)
    load_checkpoint(saved[0])


def test_truncated_files(saved):
    path, _ = saved
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            load_checkpoint(path)
    path.write_bytes(whole + b"more")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_checkpoint(path)


def test_no_flipped_bit_goes_unnoticed(saved):
    path, _ = saved
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    rng = random.Random(0)
    places = [rng.randrange(start, len(whole)) for _ in range(100)] + [
        rng.randrange(start) for _ in range(100)
    ]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(CheckpointError):
            load_checkpoint(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, tensors: tensors.update({"model.linear.bias": tensors["model.linear.bias"][:-1]}),
        lambda header, tensors: tensors.update({"model.linear.bias": tensors["model.linear.bias"].int()}),
        lambda header, tensors: tensors.update({"model.new": tensors.pop("model.linear.bias")}),
        lambda header, tensors: tensors.pop("optimizer.0.exp_avg"),
        put("config.lr", 0.2),
    ],
)
def test_the_checksum_covers_names_shapes_types_and_the_header(change, saved):
    path, _ = saved
    stored = header_of(path)["sha256"]
    rewrite(path, change, lambda text, tensors: stored)
    with pytest.raises(CheckpointError, match="do not match the checksum stored with them"):
        load_checkpoint(path)


WRONG = {
    "brackets": lambda header, tensors: "[" * 100_000,
    "digits": lambda header, tensors: "9" * 200_000,
    "digits inside": lambda header, tensors: json.dumps(header).replace("0.1", "9" * 200_000),
    "not a number": put("config.lr", float("nan")),
    "no config": put("config", None),
    "config is a list": put("config", []),
    "history is a list": put("history", []),
    "history lacks fields": put("history", {}),
    "losses are a string": put("history.train_loss", "12"),
    "a loss is a list": put("history.train_loss", [[1.0]]),
    "an epoch is no number": put("history.valid_loss", {"one": 1.0}),
    "a speed is missing": put("history.tokens_per_second", []),
    "seconds are a string": put("history.seconds", "1.0"),
    "vocabulary is a number": put("vocab", 3),
    "vocabulary is empty": put("vocab.tokens", []),
    "a token twice": put("vocab.tokens", ["<unk>", "a", "a"]),
    "a token is a dict": put("vocab.tokens.3", {}),
    "frequency is infinite": put("vocab.freqs.0.1", float("inf")),
    "frequency is a string": put("vocab.freqs.0.1", "5"),
    "frequency is beyond a float": lambda header, tensors: json.dumps(header).replace('", 1]', '", 1e999]'),
    "frequencies are numbers": put("vocab.freqs", [1, 2]),
    "optimizer is a list": put("optimizer", []),
    "optimizer's class is a number": put("optimizer.class", 3),
    "optimizer's values are a list": put("optimizer.values", [1]),
    "optimizer's index": put("optimizer.values", {"one": {}}),
    "loader is a list": put("loader", []),
    "generator is null": put("python_rng", None),
    "generator of another version": put("python_rng.0", 9),
    "generator too short": put("python_rng.1", [1, 2, 3]),
    "generator out of range": put("python_rng.1.5", -1),
    "generator of strings": put("python_rng.1.5", "x"),
    "generator's spare number": put("python_rng.2", "x"),
    "torch's generator too short": lambda header, tensors: tensors.update(
        {"rng.torch": torch.zeros(9).byte()}
    ),
    "torch's generator of floats": lambda header, tensors: tensors.update({"rng.torch": torch.zeros(5056)}),
    "no torch generator": lambda header, tensors: drop(tensors, "rng.torch"),
    "a tensor without index": lambda header, tensors: tensors.update({"optimizer.x": torch.zeros(2)}),
    **{f"no {key}": lambda header, tensors, key=key: drop(header, key) for key in ("loader", "vocab")},
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_contents_with_a_right_checksum(name, saved):
    path, _ = saved
    rewrite(path, WRONG[name])
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()


def places_in(value, place=()):
    """The place of every value inside nested lists and dicts; of a long list only the first ones."""
    yield place
    items = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield from places_in(item, (*place, str(key)))


def test_a_wrong_value_anywhere_is_refused_or_harmless(saved):
    """Every value of the header replaced by every other kind: CheckpointError, or all can be used."""
    path, _ = saved
    whole, header = path.read_bytes(), json.loads(header_of(path)["rnnlib"])
    refused = used = 0
    for place in list(places_in(header))[1:]:
        for value in (None, True, -1, 2**70, "x", [[]], {"a": 1}):
            path.write_bytes(whole)
            rewrite(path, put(".".join(place), value))
            model, optimizer, loader = build("lstm", "adam", 3)
            before = snapshot(model, optimizer, loader)
            try:
                checkpoint = load_checkpoint(path)
                repr(checkpoint)
                checkpoint.restore(model, optimizer, loader)
            except CheckpointError:
                refused += 1
                assert snapshot(model, optimizer, loader) == before
            else:
                used += 1
                model(next(iter(loader))[0])[0].sum().backward()
                optimizer.step()
                str(checkpoint.history), str(checkpoint.vocab)
    assert refused > 250 and used > 20


def test_files_of_another_kind(tmp_path):
    path = tmp_path / "other"
    path.write_text("just text, long enough to look like something")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_checkpoint(path)
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="is no rnnlib-checkpoint-2 file; it says None"):
        load_checkpoint(path)
    for header in ('{"format": "rnnlib-checkpoint-9"}', "[]", "{", '{"format": "rnnlib-checkpoint-2"}'):
        safetensors.torch.save_file({"a": torch.zeros(2)}, path, metadata={"rnnlib": header})
        with pytest.raises(CheckpointError, match="other"):
            load_checkpoint(path)
    header = '{"format": "rnnlib-checkpoint-1", "config": {}}'
    safetensors.torch.save_file({"a": torch.zeros(2)}, path, metadata={"rnnlib": header})
    with pytest.raises(
        CheckpointError, match="written by rnnlib 0.1 .* train again, or load it with rnnlib 0.1"
    ):
        load_checkpoint(path)
    for missing in (tmp_path / "nobody", tmp_path, path / "below a file"):
        with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
            load_checkpoint(missing)


def test_a_file_that_may_not_be_read_is_not_called_missing(saved, monkeypatch):
    def forbidden(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(PermissionError, match="Permission denied"):
        load_checkpoint(saved[0])


def test_a_pickle_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path(tmp_path / "sprung").touch, ())

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    torch.save({"a": Trap()}, path)
    with pytest.raises(CheckpointError):
        load_checkpoint(path)
    assert not (tmp_path / "sprung").exists()
    pickle.loads(pickle.dumps(Trap()))  # the trap does work
    assert (tmp_path / "sprung").exists()


def test_no_way_to_pickle_from_the_module():
    tree = ast.parse(Path(rnnlib.training.checkpoints.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported and not imported & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
    called = {
        ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)
    }  # torch's own load and save go through pickle
    assert called and not called & {"torch.load", "torch.save", "eval", "exec"}


# ---- All or nothing ----


def snapshot(model, optimizer, loader):
    """Everything that a restore may change, as bytes."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    state = optimizer.state_dict()
    for index, entries in state["state"].items():
        tensors |= {
            f"{index}.{key}": value for key, value in entries.items() if isinstance(value, torch.Tensor)
        }
    plain = [state["param_groups"], loader.state_dict(), random.getstate()]
    return (
        {name: (value.dtype, value.tolist()) for name, value in tensors.items()},
        repr(plain),
        torch.get_rng_state().tolist(),
    )


BREAKS = {
    "torch's generator cut off": lambda c: c.rng.update(torch=c.rng["torch"][:100]),
    "no torch generator": lambda c: c.rng.pop("torch"),
    "Python's generator cut off": lambda c: c.rng["python"][1].pop(),
    "Python's generator of another version": lambda c: c.rng.update(python=[1, *c.rng["python"][1:]]),
    "no exp_avg": lambda c: drop(c.optimizer_state["state"][2], "exp_avg"),
    "no step": lambda c: drop(c.optimizer_state["state"][0], "step"),
    "exp_avg_sq too wide": lambda c: c.optimizer_state["state"][1].update(exp_avg_sq=torch.ones(40, 11)),
    "exp_avg with one axis more": lambda c: c.optimizer_state["state"][0].update(
        exp_avg=torch.ones(1, 40, 6)
    ),
    "exp_avg of the bias transposed": lambda c: c.optimizer_state["state"][2].update(
        exp_avg=torch.ones(40, 1)
    ),
    "fused, exp_avg too long": lambda c: (
        c.optimizer_state["param_groups"][0].update(fused=True),
        c.optimizer_state["state"][0].update(exp_avg=torch.ones(41, 6)),
    ),
    "fused and differentiable": lambda c: c.optimizer_state["param_groups"][0].update(
        fused=1, differentiable=1
    ),
    "state of a parameter too many": lambda c: c.optimizer_state["state"].update(
        {99: {"step": torch.ones(())}}
    ),
    "no betas": lambda c: drop(c.optimizer_state["param_groups"][0], "betas"),
    "learning rate is a string": lambda c: c.optimizer_state["param_groups"][0].update(lr="x"),
    "no param_groups": lambda c: c.optimizer_state.update(param_groups=None),
    "two param_groups": lambda c: c.optimizer_state["param_groups"].append(
        c.optimizer_state["param_groups"][0]
    ),
    "another class": lambda c: setattr(c, "optimizer_class", "AdamW"),
    "loader without numbers": lambda c: c.loader_state["rng"].pop(),
    "loader of an unknown kind": lambda c: setattr(c, "loader_state", {"place": 5}),
    "a parameter missing": lambda c: c.model_state.pop("linear.bias"),
    "a parameter too many": lambda c: c.model_state.update(new=torch.zeros(3)),
    "a parameter too long": lambda c: c.model_state.update({"linear.bias": torch.zeros(V + 1)}),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("used", [False, True])
def test_nothing_is_changed_unless_everything_fits(name, used, saved):
    checkpoint = load_checkpoint(saved[0])
    BREAKS[name](checkpoint)
    model, optimizer, loader = build("lstm", "adam", 3)
    if used:  # an optimizer that has a state of its own
        train(model, loader, 2, optimizer=optimizer, progress=False)
    random.seed(5)
    torch.manual_seed(5)
    before = snapshot(model, optimizer, loader)
    with pytest.raises(CheckpointError):
        checkpoint.restore(model, optimizer, loader)
    assert snapshot(model, optimizer, loader) == before


def test_what_is_right_does_change_the_snapshot(saved):
    model, optimizer, loader = build("lstm", "adam", 3)
    before = snapshot(model, optimizer, loader)
    load_checkpoint(saved[0]).restore(model, optimizer, loader)
    assert all(a != b for a, b in zip(before, snapshot(model, optimizer, loader)))


@pytest.mark.parametrize(("first", "second"), [("sgd", "adam"), ("adam", "sgd"), ("plain", "adam")])
def test_another_kind_of_optimizer_is_refused(first, second, tmp_path):
    model, optimizer, loader = build("gru", first)
    train(model, loader, 1, optimizer=optimizer, progress=False)
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "a", model, optimizer=optimizer))
    model, optimizer, loader = build("gru", second)
    before = snapshot(model, optimizer, loader)
    with pytest.raises(
        CheckpointError, match=r"saved with the optimizer \w+, but this one is of the class \w+"
    ):
        checkpoint.restore(model, optimizer)
    assert snapshot(model, optimizer, loader) == before


class Own(torch.optim.Optimizer):
    """An optimizer of a reader's own, with an attribute that torch does not know."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
        self.factor = 0.5

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    state["mean"] = self.factor * state.get("mean", 0) + p.grad
                    p.sub_(state["mean"], alpha=group["lr"])


@pytest.mark.parametrize(
    "make",
    [
        Own,
        torch.optim.Adagrad,
        torch.optim.NAdam,
        torch.optim.RMSprop,
        lambda p: torch.optim.AdamW(p, amsgrad=True),
        lambda p: torch.optim.SGD([{"params": p[:2], "lr": 0.1}, {"params": p[2:], "lr": 0.2}], momentum=0.5),
    ],
)
@pytest.mark.parametrize("used", [False, True])
def test_every_kind_of_optimizer_goes_on_bit_for_bit(make, used, tmp_path):
    def steps(model, optimizer, count):
        for i in range(count):
            optimizer.zero_grad()
            model(torch.arange(8).view(2, 4) % V)[0][..., i % V].sum().backward()
            optimizer.step()

    model = build("gru", "plain")[0]
    model.linear.bias.requires_grad_(False)  # a parameter without a state
    optimizer = make(list(model.parameters()))
    steps(model, optimizer, 3)
    path = save_checkpoint(tmp_path / "a", model, optimizer=optimizer)
    steps(model, optimizer, 3)
    other = build("gru", "plain")[0]
    other.linear.bias.requires_grad_(False)
    second = make(list(other.parameters()))
    if used:
        steps(other, second, 2)
    load_checkpoint(path).restore(other, second)
    steps(other, second, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_trying_the_optimizer_leaves_scheduler_and_hooks_alone(saved):
    """A scheduler puts a step of its own into the optimizer, which would move the real parameters."""
    model, optimizer, _ = build("lstm", "adam")
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    calls = []
    optimizer.register_step_post_hook(lambda *args: calls.append(args))
    before = copy.deepcopy(optimizer.state_dict()), scheduler.state_dict()
    checkpoint = load_checkpoint(saved[0])
    checkpoint.rng["torch"] = torch.zeros(1)  # found after the optimizer was tried
    with pytest.raises(CheckpointError, match="random generators"):
        checkpoint.restore(model, optimizer)
    assert (optimizer.state_dict(), scheduler.state_dict()) == before and not calls


def test_a_model_that_does_not_fit(saved):
    checkpoint = load_checkpoint(saved[0])
    with pytest.raises(
        CheckpointError, match=r"does not fit the model: rnn.weight_ih_l0 is \(40, 6\) in the fi"
    ):
        checkpoint.restore(RNNModel(nn.LSTM(V, H + 1, 2), V))
    with pytest.raises(CheckpointError, match=r"rnn.bias_hh_l1 is \(40,\) in the file and missing here"):
        checkpoint.restore(RNNModel(nn.LSTM(V, H), V))
    with pytest.raises(CheckpointError, match=r"params.0 is missing in the file .*; and 12 more") as caught:
        checkpoint.restore(RNNModelScratch(V, H))
    assert str(caught.value).count("missing") == 3


def test_what_a_file_says_cannot_command_the_terminal(saved):
    path, model = saved
    nasty = "\x1b[2J\n" * 1000
    rewrite(path, lambda header, tensors: tensors.update({f"model.{nasty}": torch.zeros(2)}))
    with pytest.raises(CheckpointError) as misfit:
        load_checkpoint(path).restore(model)
    save_checkpoint(path, model, optimizer=torch.optim.Adam(model.parameters()))
    rewrite(path, put("optimizer.class", nasty))
    checkpoint = load_checkpoint(path)
    with pytest.raises(CheckpointError) as other_class:
        checkpoint.restore(model, torch.optim.Adam(model.parameters()))
    for text in (str(misfit.value), str(other_class.value), repr(checkpoint)):
        assert text.isprintable() and len(text) < 500


def test_an_optimizer_that_does_not_fit(saved):
    path, model = saved
    other = build("lstm", "adam")[0]
    with pytest.raises(CheckpointError, match="does not fit the optimizer"):
        load_checkpoint(path).restore(other, torch.optim.Adam(list(other.parameters())[:2]))
    save_checkpoint(path, model)
    with pytest.raises(CheckpointError, match="saved without an optimizer; pass optimizer=None"):
        load_checkpoint(path).restore(other, torch.optim.Adam(other.parameters()))


def test_a_model_on_the_meta_device_is_refused(saved):
    with torch.device("meta"):
        model = RNNModel(nn.LSTM(V, H, 2), V)
    with pytest.raises(
        CheckpointError, match="rnn.weight_ih_l0 is on the meta device, which holds no values"
    ):
        load_checkpoint(saved[0]).restore(model)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_compiled_model_is_saved_and_restored_as_the_plain_one(before, after, tmp_path):
    def compiled(model, wanted):
        return torch.compile(model, backend="eager") if wanted else model

    model, other = RNNModel(nn.GRU(V, H), V), RNNModel(nn.GRU(V, H), V)
    path = save_checkpoint(tmp_path / "a", compiled(model, before))
    checkpoint = load_checkpoint(path)
    assert checkpoint.model_state.keys() == model.state_dict().keys()
    checkpoint.restore(compiled(other, after))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_model_with_a_compiled_part(tmp_path):
    model, other = RNNModel(nn.GRU(V, H), V), RNNModel(nn.GRU(V, H), V)
    model.linear = torch.compile(model.linear, backend="eager")
    load_checkpoint(save_checkpoint(tmp_path / "a", model)).restore(other)
    assert torch.equal(model.linear.weight, other.linear.weight)


# ---- Writing ----


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .* does not exist; create it first"):
        save_checkpoint(tmp_path / "nowhere" / "model.ckpt", RNNModelScratch(V, H))


@pytest.mark.parametrize("step", ["save", "_parse", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_while_saving_leaves_the_old_file(step, error, saved, monkeypatch):
    path, _ = saved
    before, listing = path.read_bytes(), sorted(path.parent.iterdir())

    def fail(*args, **kwargs):
        raise error

    owner = {"save": safetensors.torch, "_parse": rnnlib.training.checkpoints, "replace": rnnlib.common.os}[
        step
    ]
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(type(error)):
        save_checkpoint(path, RNNModelScratch(V, H))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == listing  # no half-written file stays behind


def test_what_cannot_be_read_back_is_not_written(saved, monkeypatch):
    path, model = saved
    before = path.read_bytes()
    vocab = Vocab(list("abc"))
    vocab.idx_to_token = ["a", "b"]
    with pytest.raises(CheckpointError, match="what was to be written to .* is damaged"):
        save_checkpoint(path, model, vocab=vocab)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"device": torch.device("cpu")}, r"config\['device'\] is device"),
        ({"lr": float("inf")}, r"config\['lr'\] is inf"),
        ({"lr": np.float32("nan")}, r"config\['lr'\] is"),
        ({"sizes": [1, {"a": float("nan")}]}, r"config\['sizes'\]\[1\]\['a'\] is nan"),
        ({"weights": np.zeros(2)}, r"config\['weights'\] is"),
        ({"weights": torch.zeros(())}, r"config\['weights'\] is tensor"),
        ({"names": {1: "a"}}, r"config\['names'\] is"),
        ({1: "a"}, "config is"),
    ],
)
def test_what_is_no_plain_value_is_refused_and_leaves_nothing(config, what, tmp_path):
    with pytest.raises(TypeError, match=f"{what}.*, which standard JSON cannot hold; use finite numbers"):
        save_checkpoint(tmp_path / "a", RNNModelScratch(V, H), config=config)
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_become_those_of_python(tmp_path):
    config = {
        "a": np.int64(3),
        "b": np.float32(0.5),
        "c": np.bool_(True),
        "d": (np.float64(1), [np.array(2)]),
    }
    found = load_checkpoint(save_checkpoint(tmp_path / "a", RNNModelScratch(V, H), config=config)).config
    assert found == {"a": 3, "b": 0.5, "c": True, "d": [1.0, [2]]}
    assert [type(found[name]) for name in "abc"] == [int, float, bool]


def test_the_header_is_standard_json(saved):
    def refuse(name):
        raise ValueError(name)

    header = json.loads(header_of(saved[0])["rnnlib"], parse_constant=refuse)
    assert header["format"] == "rnnlib-checkpoint-2" and header["optimizer"]["class"] == "Adam"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_mode_and_link_of_the_file_are_kept(tmp_path):
    (tmp_path / "other").touch()
    path = save_checkpoint(tmp_path / "model", RNNModelScratch(V, H))
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    before = path.read_bytes()
    assert save_checkpoint(tmp_path / "link", RNNModelScratch(V, H)) == tmp_path / "link"
    assert (tmp_path / "link").is_symlink() and path.read_bytes() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_long_name(tmp_path):
    path = tmp_path / ("x" * 255)
    assert load_checkpoint(save_checkpoint(path, RNNModelScratch(V, H))).config == {}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.cuda
def test_from_a_gpu_to_the_cpu_and_back(tmp_path):
    model = RNNModel(nn.GRU(V, H), V).cuda()
    optimizer = torch.optim.Adam(model.parameters())
    loader = SequenceLoader(torch.arange(150) % V, 2, 5, device="cuda", seed=0)
    train(model, loader, 1, optimizer=optimizer, progress=False)
    path = save_checkpoint(tmp_path / "gpu", model, optimizer=optimizer, loader=loader)
    checkpoint = load_checkpoint(path)
    assert all(tensor.device.type == "cpu" for tensor in checkpoint.model_state.values())
    other = RNNModel(nn.GRU(V, H), V).cuda()
    checkpoint.restore(other, torch.optim.Adam(other.parameters()), loader)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


@pytest.mark.parametrize(
    "name, form",
    [
        ("model.linear.bias", lambda tensor: tensor.view(torch.int32)),
        ("model.linear.bias", lambda tensor: tensor[None]),
        ("model.linear.biat", lambda tensor: tensor),
    ],
    ids=["type", "shape", "name"],
)
def test_the_checksum_covers_what_leaves_all_bytes_in_their_order(name, form, saved):
    path, _ = saved
    stored = header_of(path)["sha256"]

    def change(header, tensors):
        tensors[name] = form(tensors.pop("model.linear.bias"))

    rewrite(path, change, lambda text, tensors: stored)
    with pytest.raises(CheckpointError, match="do not match the checksum stored with them"):
        load_checkpoint(path)
