"""The command line: what it prints, writes and answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_checkpoints import put, rewrite

import rnnlib.__main__
from rnnlib.__main__ import SETTINGS, main
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch
from rnnlib.training.checkpoints import load_checkpoint, save_checkpoint

TINY = ["--batch-size", "2", "--num-steps", "5", "--num-hiddens", "8", "--device", "cpu"]
SMALL = ["--corpus", "tale", "--max-tokens", "300", *TINY]
ROOT = Path(__file__).parent.parent


@pytest.fixture
def model_file(tmp_path, capsys):
    path = tmp_path / "model.ckpt"
    assert main(["train", *SMALL, "--epochs", "2", "--save", str(path)]) == 0
    capsys.readouterr()
    return path


def refused(argv, capsys, code=2):
    """What the command says when it cannot do it: one line, no traceback, no Python."""
    assert main([str(word) for word in argv]) == code
    out, err = capsys.readouterr()
    err = err.rsplit("\r", 1)[-1]  # what a progress bar left on the line
    assert err.startswith("rnnlib: ") and err.count("\n") == 1 and "Traceback" not in err + out
    assert not re.search(r"\b[a-z]+_[a-z]+=", err), "Python's name of an argument"
    return err


@pytest.mark.parametrize(
    ("layer", "extra"),
    [
        ("rnn", []),
        ("gru", ["--num-layers", "2", "--optimizer", "adam", "--lr", "0.01"]),
        ("lstm", ["--sampling", "random", "--clip", "none", "--optimizer", "adamw", "--lr", "1e-2"]),
        ("scratch", ["--level", "word", "--seed", "5"]),
    ],
)
def test_train_then_generate(layer, extra, tmp_path, capsys):
    path = tmp_path / "模型.ckpt"
    assert main(["train", *SMALL, "--layer", layer, *extra, "--epochs", "3", "--save", str(path)]) == 0
    out = capsys.readouterr().out
    assert "语料 tale" in out and "corpus tale" in out and "参数 parameters" in out
    assert "3 epochs: training perplexity" in out and "验证困惑度" in out and f"written to {path}" in out
    assert "--save" not in out
    checkpoint = load_checkpoint(path)
    assert checkpoint.history.num_epochs == 3 and checkpoint.config["layer"] == layer
    assert checkpoint.config.keys() == SETTINGS.keys() | {"checksum"}
    names = checkpoint.model_state.keys()
    assert ("params.0" in names) == (layer == "scratch")
    assert ("rnn.weight_ih_l1" in names) == (layer == "gru")

    write = ["generate", str(path), "--prefix", "the ", "--length", "12", "--device", "cpu"]
    assert main(write) == 0
    greedy = capsys.readouterr().out.rstrip("\n")
    assert greedy.startswith("the ")
    assert len(greedy.split(" ")) == 13 if layer == "scratch" else len(greedy) == 16
    texts = []
    for seed in "112":
        assert main([*write, "--temperature", "1.5", "--top-k", "9", "--seed", seed]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 1.0), ("adam", 1e-3), ("adamw", 1e-3)])
def test_the_usual_learning_rate_of_each_optimizer(optimizer, lr, tmp_path):
    path = tmp_path / "a"
    assert main(["train", *SMALL, "--optimizer", optimizer, "--epochs", "1", "--save", str(path)]) == 0
    checkpoint = load_checkpoint(path)
    assert checkpoint.config["lr"] == lr
    assert checkpoint.optimizer_state["param_groups"][0]["lr"] == lr


def test_one_epoch_and_no_save(capsys):
    assert main(["train", *SMALL, "--epochs", "1"]) == 0
    out = capsys.readouterr().out
    assert "\n1 epoch: training perplexity" in out
    assert "没有 --save" in out and "Without --save the trained model is not kept." in out


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_resuming_equals_going_on(sampling, tmp_path, capsys):
    first, once = tmp_path / "first.ckpt", tmp_path / "once.ckpt"
    adam = [*SMALL, "--layer", "gru", "--optimizer", "adam", "--lr", "0.01", "--sampling", sampling]
    assert main(["train", *adam, "--epochs", "2", "--save", str(first)]) == 0
    assert main(["train", "--resume", str(first), "--epochs", "3", "--device", "cpu"]) == 0
    assert "5 epochs: training perplexity" in capsys.readouterr().out
    assert main(["train", *adam, "--epochs", "5", "--save", str(once)]) == 0
    one, other = load_checkpoint(once), load_checkpoint(first)
    assert one.history.train_loss == other.history.train_loss and one.config == other.config
    assert one.loader_state == other.loader_state and one.loader_state
    assert all(torch.equal(one.model_state[name], other.model_state[name]) for name in one.model_state)


def test_python_gives_the_same_model_bit_for_bit(tmp_path):
    """The same run in the words of the library, as the README shows it."""
    path = tmp_path / "a"
    flags = ["--layer", "gru", "--optimizer", "adam", "--lr", "3e-3", "--no-clean"]
    assert main(["train", *SMALL, *flags, "--epochs", "2", "--save", str(path)]) == 0
    rnnlib.set_seed(0)
    data = rnnlib.load_text(
        "tale", batch_size=2, num_steps=5, max_tokens=300, clean=False, seed=0, device="cpu"
    )
    model = rnnlib.RNNModel(torch.nn.GRU(len(data.vocab), 8), len(data.vocab))
    history = rnnlib.train(model, data, 2, lr=3e-3, optimizer="adam")
    checkpoint = load_checkpoint(path)
    assert checkpoint.history.train_loss == history.train_loss
    assert checkpoint.history.valid_loss == history.valid_loss
    own = model.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in checkpoint.model_state.items())


def test_resuming_into_another_file_keeps_the_first(tmp_path, model_file):
    before, target = model_file.read_bytes(), tmp_path / "more.ckpt"
    resume = ["train", "--resume", str(model_file), "--epochs", "1", "--device", "cpu", "--save", str(target)]
    assert main(resume) == 0
    assert model_file.read_bytes() == before and load_checkpoint(target).history.num_epochs == 3


# ---- A text of one's own ----


@pytest.fixture
def own(tmp_path, capsys):
    """A text file, and a model trained on it: (text, checkpoint)."""
    text, path = tmp_path / "春晓.txt", tmp_path / "poem.ckpt"
    text.write_text("春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n" * 30, encoding="utf-8")
    flags = ["--corpus", str(text), "--max-tokens", "all", "--epochs", "2", "--save", str(path)]
    assert main(["train", *TINY, *flags]) == 0
    capsys.readouterr()
    return text, path


def test_a_file_of_ones_own(own, capsys):
    assert main(["generate", str(own[1]), "--prefix", "春", "--length", "5"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("春")


def test_another_text_of_the_same_characters_is_refused(own, capsys):
    text, path = own
    before = path.read_bytes()
    changed = text.read_text(encoding="utf-8")[::-1].replace("眠春", "春眠", 1)[::-1]  # once, near the end
    text.write_text(changed, encoding="utf-8")
    message = refused(["train", "--resume", path, "--epochs", 1], capsys)
    assert "is not the text that this checkpoint was trained on" in message and "--corpus" in message
    assert path.read_bytes() == before


def test_a_text_that_has_moved(own, capsys, tmp_path):
    text, path = own
    text.rename(tmp_path / "moved.txt")
    message = refused(["train", "--resume", path], capsys)
    assert (
        "there is no file" in message
        and "If the text has moved, say where it is: --corpus NEWPATH." in message
    )
    moved = ["train", "--resume", str(path), "--corpus", str(tmp_path / "moved.txt"), "--epochs", "1"]
    assert main(moved) == 0
    assert load_checkpoint(path).config["corpus"] == str(tmp_path / "moved.txt")
    assert main(["train", "--resume", str(path), "--epochs", "1"]) == 0
    assert "is not the text" in refused(["train", "--resume", path, "--corpus", "verse"], capsys)


def test_other_settings_are_refused_with_resume(model_file, capsys):
    message = refused(["train", "--resume", model_file, "--corpus", "tale", "--lr", 1, "--no-clean"], capsys)
    assert "--lr, --clean: with --resume the checkpoint's own value is used; leave it out." in message


def test_language_and_cleaning(tmp_path, capsys):
    text, path = tmp_path / "fox.txt", tmp_path / "fox.ckpt"
    text.write_text("Die Füchse mögen Käse; Über Äpfel lachen sie. 狐狸\n" * 20, encoding="utf-8")
    flags = ["--corpus", str(text), "--max-tokens", "all", "--epochs", "1", "--save", str(path)]
    assert main(["train", *TINY, *flags]) == 0
    out = capsys.readouterr().out
    assert "--no-clean" in out and "ü" in out  # what cleaning removed
    assert "ü" not in load_checkpoint(path).vocab
    assert main(["train", *TINY, *flags, "--no-clean"]) == 0
    checkpoint = load_checkpoint(path)
    assert {"ü", "Ä", ";", "狐", "F"} <= set(checkpoint.vocab.idx_to_token)
    assert checkpoint.config["clean"] is False and checkpoint.config["language"] is None
    assert main(["train", "--resume", str(path), "--epochs", "1"]) == 0
    assert main(["train", *TINY, *flags, "--language", "zh"]) == 0
    checkpoint = load_checkpoint(path)
    assert "Ä" in checkpoint.vocab and checkpoint.config["language"] == "zh"
    assert main(["train", "--resume", str(path), "--epochs", "1"]) == 0


def test_a_text_shorter_than_the_usual_number_of_tokens(tmp_path, capsys):
    (tmp_path / "short.txt").write_text("a short text, " * 50, encoding="utf-8")
    message = refused(["train", "--corpus", tmp_path / "short.txt"], capsys)
    assert "--max-tokens 10000: the text has 649 tokens" in message and "or --max-tokens all" in message


# ---- Bad input ----


def test_corpora(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path))
    assert main(["corpora"]) == 0
    out = capsys.readouterr().out
    for name in ("time_machine", "tang300", "jay_lyrics"):
        assert f"{name}  [not here]\n" in out
    assert "tale  [embedded]" in out and "verse  [embedded]" in out
    assert "public domain" in out and "公有领域" in out and "copyrighted" in out
    from rnnlib.data.catalogue import CatalogueEntry

    monkeypatch.setattr(CatalogueEntry, "where", property(lambda self: "local"))
    assert main(["corpora"]) == 0
    assert f"tale  [local] {tmp_path / 'tale.txt'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch-size", "0"], "--batch-size 0 must be an integer of at least 1"),
        (["--num-steps", "-3"], "--num-steps -3 must be an integer of at least 1"),
        (
            ["--num-steps", "400"],
            "--num-steps 400 and --batch-size 2 need at least 801 tokens; the corpus has 300",
        ),
        (["--max-tokens", "0"], "--max-tokens 0 must be"),
        (["--lr", "0"], "--lr 0.0 must be a finite number above 0"),
        (["--lr", "nan"], "--lr nan must be a finite number above 0"),
        (["--lr", "1e300"], "--lr 1e+300 is beyond the range of float32"),
        (["--clip", "-1"], "--clip -1.0 must be a finite number above 0"),
        (["--clip", "1e300"], "--clip 1e+300 is beyond the range of float32"),
        (["--epochs", "0"], "--epochs 0 must be an integer of at least 1"),
        (["--num-hiddens", "0"], "hidden"),
        (["--num-hiddens", "99999999999"], "no computer can hold such a model; use a smaller --num-hiddens"),
        (["--num-hiddens", "9" * 30], "no computer can hold such a model"),
        (["--num-layers", "-1"], "--num-layers"),
        (["--layer", "scratch", "--num-layers", "2"], "--num-layers 2: the layer 'scratch' has 1"),
        (["--layer", "scratch", "--num-hiddens", "0"], "--num-hiddens 0 must be an integer of at least 1"),
        (["--seed", "-1"], "--seed -1 must lie between 0 and 2**63 - 1"),
        (["--seed", "9" * 30], "must lie between 0 and 2**63 - 1"),
        (["--corpus", "time_machin"], "there is no corpus 'time_machin'. Did you mean 'time_machine'?"),
        (["--corpus", "nobody.txt"], "there is no file nobody.txt"),
        (["--corpus", "."], "is a folder"),
        (["--corpus", "verse", "--level", "word"], "--level word splits at spaces"),
        (["--corpus", "verse", "--level", "word"], "segmented already, give --language en --no-clean."),
        (["--language", "zh"], "--language zh does not fit 'tale'"),
        (["--device", "gpu"], "--device gpu: use auto, cpu, cuda, cuda:1 (the second GPU) or mps"),
        (["--device", "meta"], "--device meta: use auto"),
        (["--save", "no/such/folder/x"], "--save no/such/folder/x: the folder must exist and be writable"),
        (["--save", "."], "and be writable, and the name must be a file's"),
        (["--resume", "nobody.ckpt"], "there is no checkpoint 'nobody.ckpt'"),
    ],
)
def test_settings_out_of_range(flags, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(["train", *SMALL, "--epochs", "1", *flags], capsys)
    assert not list(tmp_path.iterdir())


def test_no_other_file_is_overwritten(tmp_path, capsys, model_file):
    text = tmp_path / "text.txt"
    text.write_text("a text of one's own " * 100, encoding="utf-8")
    before = text.read_bytes()
    message = refused(["train", *SMALL, "--epochs", 1, "--corpus", text, "--save", text], capsys)
    assert (
        "text.txt" in message and "It will not be overwritten; choose another name or remove it." in message
    )
    assert text.read_bytes() == before
    (tmp_path / "empty").touch()
    for target in (tmp_path / "empty", model_file):
        assert main(["train", *SMALL, "--epochs", "1", "--save", str(target)]) == 0
        assert load_checkpoint(target).history.num_epochs == 1


def test_a_folder_that_may_not_be_written_is_found_before_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(rnnlib.__main__, "train", None)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    assert "must exist and be writable" in refused(["train", *SMALL, "--save", tmp_path / "a"], capsys)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "a")
    assert "must exist and be writable" in refused(["train", *SMALL, "--save", tmp_path / "link"], capsys)


def test_an_absent_gpu(capsys, monkeypatch, model_file):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for command in (["train", *SMALL], ["generate", model_file]):
        assert "torch sees 0 CUDA device(s)" in refused([*command, "--device", "cuda"], capsys)


def test_an_empty_text(tmp_path, capsys):
    (tmp_path / "empty.txt").touch()
    assert "empty.txt" in refused(["train", "--corpus", tmp_path / "empty.txt"], capsys)


def test_copyrighted_lyrics_have_no_substitute(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path))
    monkeypatch.setenv("RNNLIB_OFFLINE", "1")
    assert main(["train", "--corpus", "jay_lyrics"]) == 2
    err = capsys.readouterr().err
    assert "the corpus 'jay_lyrics' could not be had" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--prefix", "Ünknown!"], "['!', 'Ü'], which the vocabulary does not know."),
        (["--prefix", "Ünknown!"], "or add --unknown replace to read <unk> instead"),
        (["--length", "0"], "--length 0 must be an integer of at least 1"),
        (["--temperature", "-1"], "--temperature -1.0 must be a finite number"),
        (["--temperature", "inf"], "--temperature inf must be a finite number"),
        (["--top-k", "0", "--temperature", "1"], "--top-k 0 must be an integer of at least 1"),
        (["--top-k", "5"], "--top-k 5: at temperature 0 the most likely token is always taken"),
        (["--seed", "-1"], "--seed -1 must lie between 0 and 2**63 - 1"),
        (["--seed", "9" * 30], "must lie between 0 and 2**63 - 1"),
    ],
)
def test_generation_out_of_range(flags, message, model_file, capsys):
    assert message in refused(["generate", model_file, "--prefix", "the", *flags], capsys)


def test_unknown_characters_can_be_replaced(model_file, capsys):
    write = ["generate", str(model_file), "--unknown", "replace", "--length", "3"]
    assert main([*write, "--prefix", "Über "]) == 0
    assert capsys.readouterr().out.startswith("Über ")


def test_the_hottest_temperature(model_file, capsys):
    assert main(["generate", str(model_file), "--temperature", "1e39"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_a_message_of_the_library_in_the_words_of_the_command_line():
    from rnnlib.__main__ import _in_flags

    message = (
        "num_steps=35 and batch_size='x' (clip=1.0, lr=1e-05). Use a smaller num_steps; my_num_steps is kept"
    )
    assert _in_flags(message) == (
        "--num-steps 35 and --batch-size x (--clip 1.0, --lr 1e-05). "
        "Use a smaller --num-steps; my_num_steps is kept"
    )
    assert _in_flags("num_tokens=0, level='word'") == "--length 0, --level word"


@pytest.mark.parametrize("place", ["_build", "train"])
def test_too_little_memory(place, capsys, monkeypatch):
    def fail(message):
        def failing(*args, **kwargs):
            raise RuntimeError(message)

        monkeypatch.setattr(rnnlib.__main__, place, failing)

    monkeypatch.setattr(rnnlib.__main__, "_sketch", lambda *args: None)
    fail("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    assert "there is not enough memory; use a smaller --num-hiddens" in refused(["train", *SMALL], capsys)
    fail("a bug")
    with pytest.raises(RuntimeError, match="a bug"):  # a bug keeps its traceback
        main(["train", *SMALL])


# ---- Checkpoints that this command did not write, or that are damaged ----


def test_files_that_are_no_checkpoint_of_this_command(tmp_path, capsys):
    other = tmp_path / "other"
    assert "there is no checkpoint" in refused(["generate", other], capsys)
    other.write_text("text")
    assert "cannot be read as a checkpoint" in refused(["generate", other], capsys)
    save_checkpoint(other, RNNModelScratch(5, 4))
    for command in (["generate", other], ["train", "--resume", other]):
        assert "was not written by 'python -m rnnlib train --save'" in refused(command, capsys)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("layer", "cnn"),
        ("layer", "lstm"),
        ("layer", "scratch"),
        ("layer", None),
        ("layer", ["rnn"]),
        ("num_hiddens", 1.5),
        ("num_hiddens", True),
        ("num_hiddens", 10_000),
        ("num_hiddens", 2**70),
        ("num_hiddens", -1),
        ("num_layers", 2**63),
        ("num_layers", 2),
        ("num_layers", 0),
        ("optimizer", "lbfgs"),
        ("optimizer", "adam"),
        ("clip", "none"),
        ("clip", -1.0),
        ("lr", 1),
        ("lr", None),
        ("lr", -1.0),
        ("max_tokens", "all"),
        ("max_tokens", -5),
        ("level", "line"),
        ("sampling", "none"),
        ("batch_size", 0),
        ("seed", -1),
        ("seed", 2**70),
        ("language", "fr"),
        ("clean", 1),
        ("corpus", 3),
        ("corpus", "a\0b"),
        ("checksum", None),
    ],
)
def test_a_damaged_setting_costs_neither_memory_nor_time(setting, value, model_file, capsys, monkeypatch):
    rewrite(model_file, put(f"config.{setting}", value))
    before = model_file.read_bytes()
    real = rnnlib.__main__._build

    def small(config, vocab_size, device):
        assert str(device) == "meta" or config["num_hiddens"] == 8
        return real(config, vocab_size, device)

    monkeypatch.setattr(rnnlib.__main__, "_build", small)
    refused(["train", "--resume", model_file, "--device", "cpu"], capsys)
    assert model_file.read_bytes() == before
    if setting in ("layer", "num_hiddens", "num_layers"):
        refused(["generate", model_file], capsys)


@pytest.mark.parametrize("config", [None, [], {}, {"layer": "rnn"}])
def test_a_config_that_is_none(config, model_file, capsys):
    rewrite(model_file, put("config", config))
    for command in (["generate", model_file], ["train", "--resume", model_file]):
        assert str(model_file) in refused(command, capsys)


def test_a_checkpoint_without_vocabulary_or_history(model_file, capsys):
    rewrite(model_file, put("history", None))
    assert main(["train", "--resume", str(model_file), "--epochs", "1"]) == 0
    for place, value in (("vocab.tokens.3", ["a", "b"]), ("vocab.freqs.0.0", ["a"]), ("vocab", None)):
        rewrite(model_file, put(place, value))
        assert "was not written by" in refused(["generate", model_file], capsys)


# ---- When training ends early ----


def test_a_training_that_diverges_answers_1_and_writes_nothing(capsys, tmp_path):
    flags = ["--lr", "1e38", "--clip", "none", "--epochs", "5", "--save", tmp_path / "a"]
    message = refused(["train", *SMALL, *flags], capsys, code=1)
    assert "the training loss is" in message and "--clip 1.0" in message and "Nothing was written." in message
    assert not (tmp_path / "a").exists()


def test_a_resumed_training_that_diverges_keeps_the_file(model_file, capsys, monkeypatch):
    before, forward = model_file.read_bytes(), RNNModel.forward

    def diverging(self, *args):
        logits, state = forward(self, *args)
        return logits * torch.nan, state

    monkeypatch.setattr(RNNModel, "forward", diverging)
    message = refused(["train", "--resume", model_file], capsys, code=1)
    assert f"Nothing was written. {model_file} is as it was." in message
    assert model_file.read_bytes() == before


def interrupt_after(calls, monkeypatch):
    """Ctrl-C, in the middle of that call of the model."""
    count, forward = [], RNNModel.forward

    def interrupted(self, *args):
        count.append(1)
        if len(count) == calls:
            raise KeyboardInterrupt
        return forward(self, *args)

    monkeypatch.setattr(RNNModel, "forward", interrupted)


def test_ctrl_c_saves_and_answers_130(tmp_path, capsys, monkeypatch):
    path = tmp_path / "model.ckpt"
    interrupt_after(50, monkeypatch)
    assert main(["train", *SMALL, "--epochs", "1000", "--save", str(path)]) == 130
    assert load_checkpoint(path).history.num_epochs == 1
    out = capsys.readouterr().out
    assert "interrupted after epoch 1; the model keeps what it learned" in out and "中断" in out
    assert f"checkpoint written to {path}" in out and "1 epoch:" in out


def test_ctrl_c_while_resuming_keeps_what_was_learned(model_file, capsys, monkeypatch):
    before = load_checkpoint(model_file)
    interrupt_after(50, monkeypatch)
    assert main(["train", "--resume", str(model_file)]) == 130
    after = load_checkpoint(model_file)
    assert after.history.num_epochs == 3 and after.history.interrupted
    assert not torch.equal(before.model_state["linear.bias"], after.model_state["linear.bias"])
    monkeypatch.undo()
    assert main(["train", "--resume", str(model_file), "--epochs", "1"]) == 0
    assert load_checkpoint(model_file).history.num_epochs == 4


def test_ctrl_c_elsewhere(model_file, capsys, monkeypatch):
    interrupt_after(1, monkeypatch)
    assert main(["generate", str(model_file), "--prefix", "the "]) == 130
    assert "interrupted" in capsys.readouterr().err


# ---- Help ----


@pytest.mark.parametrize(
    "argv", [[], ["fly"], ["train", "--layer", "cnn"], ["train", "--max-tokens", "many"], ["generate"]]
)
def test_argparse_refuses_with_2(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"rnnlib {rnnlib.__version__} (torch {torch.__version__})\n"


@pytest.mark.parametrize("command", [[], ["train"], ["generate"], ["corpora"]])
def test_help_is_bilingual_and_names_every_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert any("一" <= char <= "鿿" for char in out) and " | " in out
    if command == ["train"]:
        for name, setting in SETTINGS.items():
            assert "--" + name.replace("_", "-") in out and " | " in setting.help
        assert "sgd 1, adam 0.001, adamw 0.001" in " ".join(out.split()) and "--no-clean" in out
    if command == ["generate"]:
        assert "--unknown {error,replace}" in out
    if command in (["train"], ["generate"]):
        assert f"python -m rnnlib {command[0]}" in out.split("examples:")[1]


def test_the_examples_in_the_help_are_understood():
    from rnnlib.__main__ import GENERATE_EXAMPLES, TOKENS_EXAMPLES, TRAIN_EXAMPLES, _parser

    examples = TRAIN_EXAMPLES.replace("torchrun --nproc-per-node=2", "python") + TOKENS_EXAMPLES
    lines = [line.strip() for line in (examples + GENERATE_EXAMPLES).splitlines() if "python" in line]
    assert len(lines) == 10
    for line in lines:
        _parser().parse_args(line.replace('"', "").replace("time traveller", "time_traveller").split()[3:])


def test_as_a_process_even_without_chinese_in_the_terminal(model_file):
    command = [sys.executable, "-m", "rnnlib", "corpora"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, capture_output=True, env=environment, cwd=ROOT, timeout=60)
    assert run.returncode == 0 and b"tale  [embedded]" in run.stdout
    command[3:] = ["generate", "nobody"]
    run = subprocess.run(command, capture_output=True, env=environment, cwd=ROOT, timeout=60)
    assert run.returncode == 2 and run.stderr.count(b"\n") == 1


def test_a_reader_of_the_output_that_has_enough():
    command = f"'{sys.executable}' -m rnnlib corpora | true"
    run = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, timeout=100)
    assert run.stderr == b""
