"""Several ranks: the numbers of one process, one voice, one file, and no waiting for a rank that is gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
import torch
from torch import nn

from rnnlib.__main__ import main
from rnnlib.data.batches import ExampleLoader, SequenceLoader
from rnnlib.devices import set_seed
from rnnlib.models.language import RNNModel
from rnnlib.models.sequences import SequenceTagger
from rnnlib.training import parallel
from rnnlib.training.checkpoints import load_checkpoint
from rnnlib.training.loop import make_optimizer, train
from rnnlib.training.saving import Saver

V, H, B, T = 7, 12, 8, 5
ROOT = Path(__file__).parent.parent
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
FORK = multiprocessing.get_context("fork")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def one_rank(rank, size, port, task, args, answers):
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), RNNLIB_TIMEOUT="10")
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    try:
        answers.put((rank, task(*args)))
    except BaseException as error:
        traceback.print_exc()
        answers.put((rank, f"{type(error).__name__}: {error}"))


def on_ranks(size, task, *args):
    """What ``task(*args)`` returns on each of so many ranks, forked from this warm process."""
    if size == 1:
        return [task(*args)]
    answers, port = FORK.SimpleQueue(), free_port()
    ranks = [FORK.Process(target=one_rank, args=(r, size, port, task, args, answers)) for r in range(size)]
    for rank in ranks:
        rank.start()
    found = dict(answers.get() for _ in ranks)
    for rank in ranks:
        rank.join()
    return [found[rank] for rank in range(size)]


def text_case(kind="lstm", optimizer="sgd", sampling="sequential", dropout=0.0, steps=T):
    set_seed(1)
    layer = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[kind](V, H, 2, dropout=dropout)
    model = RNNModel(layer, V)
    loader = SequenceLoader(torch.randint(V, (700,)), B, steps, sampling, seed=3)
    return model, make_optimizer(optimizer, model, None), loader


def learn(case, epochs=3, save=None, load=None, every=None, stop=None, clip=1.0):
    """Train as one rank of a group: losses, held-out losses and weights."""
    model, optimizer, loader = text_case(*case)
    history = position = None
    if load:
        checkpoint = load_checkpoint(load)
        checkpoint.restore(model, optimizer, loader)
        history, position = checkpoint.history, checkpoint.position
        epochs = position.last - history.num_epochs
    saver = None if every is None else Saver(save, every)
    with parallel.group():
        valid = torch.randint(V, (300,), generator=torch.Generator().manual_seed(9))
        run = {"optimizer": optimizer, "clip": clip, "valid": valid, "eval_every": 2, "progress": False}
        run |= {"history": history, "saver": saver, "position": position, "loss": stopping_loss(stop)}
        history = train(model, loader, epochs, **run)
    weights = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    return history.train_loss, history.valid_loss, weights


def stopping_loss(stop):
    """The usual loss; at a call of a certain number it ends the run."""
    calls = []

    def loss(logits, labels):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(logits, labels)

    return loss


def assert_close(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[1] == pytest.approx(expected[1], rel=1e-5)
    for name, values in expected[2].items():
        torch.testing.assert_close(torch.tensor(found[2][name]), torch.tensor(values), **CLOSE)


@pytest.mark.parametrize(
    ("case", "clip"),
    [
        (("lstm", "sgd"), 1.0),
        (("gru", "adam", "random"), 0.05),
        (("rnn", "adamw"), None),
    ],
)
def test_any_number_of_ranks_learns_the_same(case, clip):
    alone = learn(case, clip=clip)
    for size in (2, 4):
        ranks = on_ranks(size, learn, case, 3, None, None, None, None, clip)
        assert all(rank == ranks[0] for rank in ranks), "all ranks end with the same bits"
        assert_close(ranks[0], alone)


def tag():
    """A tagger on padded rows: -100 for what does not count, and a last batch that no number divides."""
    set_seed(2)
    X = torch.randint(V, (27, 6))
    Y = torch.randint(3, (27, 6))
    for row in range(27):
        Y[row, 1 + row % 6 :] = -100
    model = SequenceTagger("gru", 5, H, 3, vocab_size=V)
    with parallel.group():
        history = train(model, ExampleLoader(X, Y, 8), 3, lr=0.5, progress=False)
    return history.train_loss, history.valid_loss, {n: t.tolist() for n, t in model.state_dict().items()}


def test_ranks_are_weighted_with_the_labels_that_count():
    alone = tag()
    for size in (2, 4):
        assert_close(on_ranks(size, tag)[0], alone)


@pytest.mark.parametrize(("first", "then"), [(2, 1), (2, 4), (1, 2), (4, 2)])
def test_a_checkpoint_within_an_epoch_serves_any_number_of_ranks(first, then, tmp_path):
    """B = 8 rows with T = 5 are 17 batches an epoch: batch 20 is the third of the second."""
    path, case = tmp_path / "a", ("lstm", "adam")
    on_ranks(first, learn, case, 3, path, None, 10, 29)
    position = load_checkpoint(path).position
    assert (position.batch, position.last) == (3, 3)
    assert position.state[0].shape == (2, B, H) and len(position.ranks) == (first if first > 1 else 0)
    assert_close(on_ranks(then, learn, case, 3, None, path)[0], learn(case))


def test_two_ranks_with_dropout_go_on_bit_for_bit(tmp_path):
    path, case = tmp_path / "a", ("lstm", "adam", "sequential", 0.3)
    whole = on_ranks(2, learn, case)
    assert on_ranks(2, learn, case, 3, path, None, 10, 29)[0] != whole[0]
    assert on_ranks(2, learn, case, 3, None, path) == whole
    states = load_checkpoint(path).position.ranks
    assert not torch.equal(*states), "each rank drops out other units"


def test_ranks_that_read_different_batches_are_told():
    for answer in on_ranks(2, read_their_own):
        assert "rank 1 reads other batches than rank 0" in answer


def read_their_own():
    model, optimizer, _ = text_case()
    loader = SequenceLoader(torch.arange(700) % V, B, T, "random", seed=int(os.environ["RANK"]))
    with parallel.group():
        train(model, loader, 1, optimizer=optimizer, progress=False)


def differently_begun():
    model, optimizer, loader = text_case()
    with torch.no_grad():
        model.linear.weight += int(os.environ.get("RANK", 0))
    with parallel.group():
        train(model, loader, 1, optimizer=optimizer, progress=False)
    return model.linear.weight.tolist()


def test_all_ranks_begin_with_the_weights_of_the_first():
    first, second = on_ranks(2, differently_begun)
    assert first == second
    torch.testing.assert_close(torch.tensor(first), torch.tensor(differently_begun()), **CLOSE)


def too_many_rows():
    model, optimizer, _ = text_case()
    with parallel.group():
        train(model, SequenceLoader(torch.arange(700) % V, 5, T), 1, optimizer=optimizer, progress=False)


def test_rows_that_cannot_be_split_are_refused():
    for answer in on_ranks(2, too_many_rows):
        assert "batch_size=5 rows cannot be split evenly over 2 ranks; use a multiple of 2" in answer


# ---- A rank that fails ----


def lose_one(how, timeout=60):
    model, optimizer, loader = text_case()

    def on_epoch(epoch, _):
        if epoch == 2 and os.environ["RANK"] == "1":
            if how == "raises":
                raise RuntimeError("out of luck")
            os.kill(os.getpid(), signal.SIGKILL if how == "killed" else signal.SIGSTOP)

    start = time.monotonic()
    try:
        with parallel.group(timeout=timeout):
            train(model, loader, 10_000, optimizer=optimizer, progress=False, on_epoch=on_epoch)
    except parallel.RankLost as error:
        return str(error), time.monotonic() - start, parallel.is_first()


@pytest.mark.parametrize(
    ("how", "timeout", "size"), [("killed", 60, 4), ("killed", 60, 8), ("stopped", 4, 4)]
)
def test_the_others_end_and_say_who_is_missing(how, timeout, size):
    """Some ranks notice at once; others wait for one that waits itself, and are not missing for that."""
    answers, port = FORK.SimpleQueue(), free_port()
    ranks = [
        FORK.Process(target=one_rank, args=(r, size, port, lose_one, (how, timeout), answers))
        for r in range(size)
    ]
    for rank in ranks:
        rank.start()
    found = dict(answers.get() for _ in range(size - 1))
    ranks[1].kill()
    for rank in ranks:
        rank.join()
    others = [0, *range(2, size)]
    assert sorted(found) == others
    for message, seconds, _ in found.values():
        assert message.startswith(f"rank 1 of {size} ended or does not answer") and "--resume" in message
        assert seconds < 30
    assert [rank for rank in others if found[rank][2]] == [0], "one of them speaks"


def test_an_error_on_one_rank_is_not_waited_for():
    first, second = on_ranks(2, lose_one, "raises")
    assert second == "RuntimeError: out of luck" and first[0].startswith("rank 1 of 2")


def wait_for_the_others(timeout):
    with parallel.group(timeout=timeout):
        return "met"


def test_a_rank_that_never_appears_is_named():
    answers, port = FORK.SimpleQueue(), free_port()
    rank = FORK.Process(target=one_rank, args=(0, 3, port, wait_for_the_others, (1,), answers))
    rank.start()
    assert "RankLost: ranks 1, 2 of 3 did not appear within 1 seconds" in answers.get()[1]
    rank.join()
    assert on_ranks(3, wait_for_the_others, 20) == ["met"] * 3


# ---- Arguments ----


def test_without_torchrun_there_is_one_rank(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    assert parallel.world() == (0, 1) and parallel.is_first()
    parallel.check_rows(7)
    X, Y = torch.ones(2, 3), torch.ones(2, 3)
    assert parallel.rows(X, Y) == (X, Y, 1) and parallel.gather(X) is X and parallel.gather_generators() == ()
    assert parallel.average(None, X, Y) == (X, Y) and parallel.choose_device("cuda:1") == "cuda:1"
    with parallel.group():
        assert parallel._ranks is None


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("one", "2"), ("0", "")])
def test_odd_surroundings_are_refused(rank, size, monkeypatch):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(ValueError, match="do not fit; start with torchrun"):
        parallel.world()


def test_each_rank_has_its_own_gpu(monkeypatch):
    for name, value in {"RANK": "2", "WORLD_SIZE": "4", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert parallel.choose_device("auto") == parallel.choose_device("cuda") == "cuda:2"
    assert parallel.choose_device("cpu") == "cpu"
    for name in ("cuda:1", "mps"):
        with pytest.raises(ValueError, match=f"device='{name}': with several ranks use 'cuda'"):
            parallel.choose_device(name)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"4 ranks on this machine, but torch sees 2 .*--nproc-per-node=2"):
        parallel.choose_device("auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert parallel.choose_device("auto") == "cpu"
    with pytest.raises(ValueError, match="torch sees 0 CUDA"):
        parallel.choose_device("cuda")


# ---- torchrun ----


def torchrun(size, *words, cwd, timeout=100):
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={size}"]
    command += [f"--master-port={free_port()}", "-m", "rnnlib", *map(str, words)]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.run(
        command, cwd=cwd, env=surroundings, capture_output=True, encoding="utf-8", timeout=timeout
    )


def test_torchrun_on_the_command_line(tmp_path, capsys):
    words = ["train", "--corpus", "tale", "--max-tokens", "600", "--batch-size", "4", "--num-steps", "6"]
    words += [
        "--num-hiddens",
        "8",
        "--device",
        "cpu",
        "--layer",
        "gru",
        "--optimizer",
        "adam",
        "--epochs",
        "4",
    ]
    run = torchrun(2, *words, "--save", "two", "--save-every", "9", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("written to") == 1 and "; 2 个进程 ranks\n" in run.stdout
    assert run.stdout.count("4 epochs") == 1
    assert main([*words, "--save", str(tmp_path / "one")]) == 0
    one, two = load_checkpoint(tmp_path / "one"), load_checkpoint(tmp_path / "two")
    assert two.history.train_loss == pytest.approx(one.history.train_loss, rel=1e-5)
    assert two.history.valid_loss == pytest.approx(one.history.valid_loss, rel=1e-5)
    assert two.position is None and one.loader_state == two.loader_state
    for name, tensor in one.model_state.items():
        torch.testing.assert_close(two.model_state[name], tensor, **CLOSE)


def test_a_mistake_gives_one_message(tmp_path):
    run = torchrun(2, "train", "--corpus", "tale", "--batch-size", "9", "--device", "cpu", cwd=tmp_path)
    assert run.returncode and run.stdout == ""
    told = [line for line in run.stderr.splitlines() if "rnnlib: " in line]
    assert told == [
        "rnnlib: --batch-size 9 rows cannot be split evenly over 2 ranks; use a multiple of 2, such as "
        "--batch-size 8."
    ]
