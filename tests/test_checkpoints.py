"""Saving and going on: bit for bit the same, never half a file, never code in a file."""

from __future__ import annotations

import ast
import json
import pickle
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import rnnlib.training.checkpoints
from rnnlib.data.batches import SequenceLoader
from rnnlib.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from rnnlib.training.record import History
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch
from rnnlib.data.text import Vocab
from rnnlib.training.loop import train

V, H = 6, 10
K, N = 2, 5


def build(kind, method):
    """A model, its optimizer and its data, always the same ones."""
    torch.manual_seed(0)
    random.seed(0)
    if kind == "scratch":
        model = RNNModelScratch(V, H)
    else:
        model = RNNModel({"gru": nn.GRU, "lstm": nn.LSTM}[kind](V, H, 2, dropout=0.2), V)
    make = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
        "plain": lambda p: torch.optim.SGD(p, lr=0.5),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    }[method]
    return model, make(model.parameters()), SequenceLoader(torch.arange(150) % V, 2, 5)


def go(kind, method, epochs, load_from=None, save_to=None):
    """Train for some epochs; perhaps from a checkpoint, perhaps into one."""
    model, optimizer, loader = build(kind, method)
    history = None
    if load_from:
        random.seed(77)
        torch.manual_seed(77)
        checkpoint = load_checkpoint(load_from)
        checkpoint.restore(model, optimizer)
        history = checkpoint.history
    history = train(model, loader, epochs, optimizer=optimizer, progress=False, history=history)
    if save_to:
        save_checkpoint(save_to, model, optimizer=optimizer, history=history)
    return model, history


CASES = [("scratch", "plain"), ("scratch", "adam"), ("gru", "sgd"), ("lstm", "adam")]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """k epochs here, then the other N - k of every case in one new process."""
    folder = tmp_path_factory.mktemp("resume")
    for kind, method in CASES:
        go(kind, method, K, save_to=folder / f"{kind}-{method}.k")
    program = (
        "import sys, torch\n"
        "torch.set_num_threads(1)\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import test_checkpoints as t\n"
        "for kind, method in t.CASES:\n"
        "    path = f'{sys.argv[2]}/{kind}-{method}'\n"
        "    t.go(kind, method, t.N - t.K, load_from=path + '.k', save_to=path + '.n')\n"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(folder)]
    subprocess.run(command, check=True, timeout=120)
    return folder


@pytest.mark.parametrize(("kind", "method"), CASES)
def test_going_on_in_a_new_process_is_bit_equal(kind, method, resumed):
    expected, history = go(kind, method, N)
    found = load_checkpoint(resumed / f"{kind}-{method}.n")
    assert found.history.train_ppl == history.train_ppl and found.history.num_epochs == N
    own = expected.state_dict()
    assert own.keys() == found.model_state.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in found.model_state.items())


def test_the_test_above_can_fail(resumed):
    """Without the optimizer's state the course is another one."""
    model, optimizer, loader = build("scratch", "adam")
    load_checkpoint(resumed / "scratch-adam.k").restore(model)
    train(model, loader, N - K, optimizer=optimizer, progress=False)
    expected, _ = go("scratch", "adam", N)
    assert not torch.equal(model.params[0], expected.params[0])


@pytest.fixture
def saved(tmp_path):
    """A complete checkpoint: (path, model)."""
    model, optimizer, loader = build("lstm", "adam")
    history = train(model, loader, 1, optimizer=optimizer, progress=False)
    history.valid_ppl[1] = float("inf")
    path = save_checkpoint(
        tmp_path / "模型 model.ckpt",
        model,
        vocab=Vocab(list("床前明月光"), reserved_tokens=["<pad>"]),
        optimizer=optimizer,
        history=history,
        config={"kind": "lstm", "sizes": [1, 2], "lr": 0.1},
    )
    return path, model


def test_everything_comes_back(saved):
    path, model = saved
    checkpoint = load_checkpoint(path)
    assert checkpoint.vocab.idx_to_token == ["<unk>", "<pad>", *"床前明月光"]
    assert checkpoint.vocab.token_freqs[0] == ("床", 1)
    assert checkpoint.config == {"kind": "lstm", "sizes": [1, 2], "lr": 0.1}
    assert isinstance(checkpoint.history, History) and checkpoint.history.valid_ppl == {1: float("inf")}
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
    assert bare.vocab is None and bare.history is None and bare.optimizer_state is None and bare.config == {}


def test_damaged_files(saved):
    path, _ = saved
    whole = path.read_bytes()
    for size in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
            load_checkpoint(path)
    path.write_bytes(whole + b"more")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_checkpoint(path)


def test_files_of_another_kind(tmp_path):
    path = tmp_path / "other"
    path.write_text("just text, long enough to look like something")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        load_checkpoint(path)
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="is no rnnlib-checkpoint-1 file; it says None"):
        load_checkpoint(path)
    for header in ('{"format": "rnnlib-checkpoint-9"}', "[]", "{", '{"format": "rnnlib-checkpoint-1"}'):
        safetensors.torch.save_file({"a": torch.zeros(2)}, path, metadata={"rnnlib": header})
        with pytest.raises(CheckpointError, match="other"):
            load_checkpoint(path)
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "nobody")
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path)


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


def test_a_model_that_does_not_fit_is_not_touched(saved):
    path, _ = saved
    checkpoint = load_checkpoint(path)
    wider = RNNModel(nn.LSTM(V, H + 1, 2), V)
    before = [parameter.detach().clone() for parameter in wider.parameters()]
    optimizer = torch.optim.Adam(wider.parameters())
    with pytest.raises(
        CheckpointError, match=r"does not fit the model: rnn.weight_ih_l0 is \(40, 6\) in the file and"
    ):
        checkpoint.restore(wider, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, wider.parameters()))
    assert not optimizer.state
    with pytest.raises(CheckpointError, match=r"rnn.weight_ih_l1 is \(40, 10\) in the file and missing here"):
        checkpoint.restore(RNNModel(nn.LSTM(V, H), V))
    with pytest.raises(CheckpointError, match="params.0 is missing in the file"):
        checkpoint.restore(RNNModelScratch(V, H))


def test_an_optimizer_that_does_not_fit(saved):
    path, model = saved
    other, _, _ = build("lstm", "adam")
    before = [parameter.detach().clone() for parameter in other.parameters()]
    fewer = torch.optim.Adam(list(other.parameters())[:2])
    with pytest.raises(CheckpointError, match="does not fit the optimizer"):
        load_checkpoint(path).restore(other, fewer)
    save_checkpoint(path, model)
    with pytest.raises(CheckpointError, match="saved without an optimizer"):
        load_checkpoint(path).restore(other, torch.optim.Adam(other.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(before, other.parameters()))


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="the folder .* does not exist; create it first"):
        save_checkpoint(tmp_path / "nowhere" / "model.ckpt", RNNModelScratch(V, H))


@pytest.mark.parametrize("step", ["save", "load_checkpoint", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_while_saving_leaves_the_old_file(step, error, saved, monkeypatch):
    path, _ = saved
    before, listing = path.read_bytes(), sorted(path.parent.iterdir())

    def fail(*args, **kwargs):
        raise error

    owner = {
        "save": safetensors.torch,
        "load_checkpoint": rnnlib.training.checkpoints,
        "replace": rnnlib.training.checkpoints.os,
    }[step]
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(type(error)):
        save_checkpoint(path, RNNModelScratch(V, H))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == listing  # no half-written file stays behind


def test_what_is_no_plain_value_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="JSON"):
        save_checkpoint(tmp_path / "a", RNNModelScratch(V, H), config={"device": torch.device("cpu")})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_a_checkpoint_can_be_read_by_those_who_can_read_other_new_files(tmp_path):
    (tmp_path / "other").touch()
    path = save_checkpoint(tmp_path / "model", RNNModelScratch(V, H))
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_the_header_is_plain_json(saved):
    path, _ = saved
    with safetensors.safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["rnnlib"])
    assert header["format"] == "rnnlib-checkpoint-1"


@pytest.mark.cuda
def test_from_a_gpu_to_the_cpu_and_back(tmp_path):
    model = RNNModel(nn.GRU(V, H), V).cuda()
    optimizer = torch.optim.Adam(model.parameters())
    train(
        model,
        SequenceLoader(torch.arange(150) % V, 2, 5, device="cuda"),
        1,
        optimizer=optimizer,
        progress=False,
    )
    checkpoint = load_checkpoint(save_checkpoint(tmp_path / "gpu", model, optimizer=optimizer))
    assert all(tensor.device.type == "cpu" for tensor in checkpoint.model_state.values())
    other = RNNModel(nn.GRU(V, H), V).cuda()
    checkpoint.restore(other, torch.optim.Adam(other.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
