"""The command line: what it prints, writes and answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnlib.__main__ import OPTIONS, main
from rnnlib.training.checkpoints import load_checkpoint, save_checkpoint
from rnnlib.models.language import RNNModel
from rnnlib.scratch import RNNModelScratch

TINY = ["--batch-size", "2", "--num-steps", "5", "--num-hiddens", "8", "--device", "cpu"]
SMALL = ["--corpus", "tale", "--max-tokens", "300", *TINY]


@pytest.fixture
def model_file(tmp_path, capsys):
    path = tmp_path / "model.ckpt"
    assert main(["train", *SMALL, "--epochs", "2", "--save", str(path)]) == 0
    capsys.readouterr()
    return path


def refused(argv, capsys):
    """What the command says when it answers 2: one line, no traceback."""
    assert main([str(word) for word in argv]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("rnnlib: ") and err.count("\n") == 1 and "Traceback" not in err + out
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
    assert "3 epochs: training perplexity" in out and "held-out" in out and f"written to {path}" in out
    checkpoint = load_checkpoint(path)
    assert checkpoint.history.num_epochs == 3 and checkpoint.config["layer"] == layer
    assert checkpoint.config.keys() == OPTIONS.keys()
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


def test_resuming_equals_going_on(tmp_path, capsys):
    first, once = tmp_path / "first.ckpt", tmp_path / "once.ckpt"
    adam = [*SMALL, "--layer", "gru", "--optimizer", "adam", "--lr", "0.01"]  # an optimizer with a memory
    assert main(["train", *adam, "--epochs", "2", "--save", str(first)]) == 0
    assert main(["train", "--resume", str(first), "--epochs", "3", "--device", "cpu"]) == 0
    assert "5 epochs: training perplexity" in capsys.readouterr().out
    assert main(["train", *adam, "--epochs", "5", "--save", str(once)]) == 0
    one, other = load_checkpoint(once), load_checkpoint(first)
    assert one.history.train_ppl == other.history.train_ppl and one.config == other.config
    assert all(torch.equal(one.model_state[name], other.model_state[name]) for name in one.model_state)


def test_resuming_into_another_file_keeps_the_first(tmp_path, model_file):
    before, target = model_file.read_bytes(), tmp_path / "more.ckpt"
    resume = ["train", "--resume", str(model_file), "--epochs", "1", "--device", "cpu", "--save", str(target)]
    assert main(resume) == 0
    assert model_file.read_bytes() == before and load_checkpoint(target).history.num_epochs == 3


def test_a_file_of_ones_own(tmp_path, capsys):
    text = tmp_path / "春晓.txt"
    text.write_text("春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n" * 30, encoding="utf-8")
    path = tmp_path / "poem.ckpt"
    own = ["--corpus", str(text), "--max-tokens", "all", "--epochs", "2", "--save", str(path)]
    assert main(["train", *TINY, *own]) == 0
    assert main(["generate", str(path), "--prefix", "春", "--length", "5"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("春")
    text.write_text("另一篇文字\n" * 100, encoding="utf-8")
    assert "is not the text this checkpoint was trained on" in refused(["train", "--resume", path], capsys)


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
        (["--batch-size", "0"], "batch_size=0 must be an integer of at least 1"),
        (["--num-steps", "-3"], "num_steps=-3 must be an integer of at least 1"),
        (["--num-steps", "400"], "need at least 801 tokens; the corpus has 300"),
        (["--max-tokens", "0"], "max_tokens=0 must be"),
        (["--lr", "0"], "lr="),
        (["--lr", "nan"], "lr=nan must be a finite number above 0"),
        (["--clip", "-1"], "clip=-1.0 must be a finite number above 0"),
        (["--epochs", "0"], "num_epochs=0 must be an integer of at least 1"),
        (["--num-hiddens", "0"], "hidden"),
        (["--num-layers", "-1"], "num_layers"),
        (["--layer", "scratch", "--num-layers", "2"], "num_layers=2: the layer 'scratch' has 1"),
        (["--layer", "scratch", "--num-hiddens", "0"], "num_hiddens=0 must be an integer of at least 1"),
        (["--seed", "-1"], "seed=-1 must be an integer of at least 0"),
        (["--corpus", "time_machin"], "there is no corpus 'time_machin'. Did you mean 'time_machine'?"),
        (["--corpus", "nobody.txt"], "there is no file nobody.txt"),
        (["--device", "gpu"], "device"),
        (["--save", "no/such/folder/x"], "--save no/such/folder/x: the folder must exist"),
        (["--save", "."], "--save .: the folder must exist, and the name must be a file's"),
        (["--resume", "nobody.ckpt"], "--batch-size"),
    ],
)
def test_settings_out_of_range(flags, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(["train", *SMALL, "--epochs", "1", *flags], capsys)


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
        (["--prefix", "Ünknown!"], "which the vocabulary does not know"),
        (["--length", "0"], "num_tokens=0 must be an integer of at least 1"),
        (["--temperature", "-1"], "temperature=-1.0 must be a finite number of at least 0"),
        (["--top-k", "0"], "top_k=0 must be an integer of at least 1"),
    ],
)
def test_generation_out_of_range(flags, message, model_file, capsys):
    assert message in refused(["generate", model_file, "--prefix", "the", *flags], capsys)


def test_files_that_are_no_checkpoint_of_this_command(tmp_path, capsys):
    other = tmp_path / "other"
    assert "there is no checkpoint" in refused(["generate", other], capsys)
    other.write_text("text")
    assert "cannot be read as a checkpoint" in refused(["generate", other], capsys)
    save_checkpoint(other, RNNModelScratch(5, 4))
    for command in (["generate", other], ["train", "--resume", other]):
        assert "was not written by 'python -m rnnlib train --save'" in refused(command, capsys)


def test_a_loss_that_is_not_finite_answers_1(capsys):
    flags = ["--lr", "1e38", "--clip", "none", "--epochs", "5"]
    assert main(["train", *SMALL, *flags]) == 1
    assert "rnnlib: the training loss is" in capsys.readouterr().err


def test_ctrl_c_saves_and_answers_130(tmp_path, capsys, monkeypatch):
    calls, forward = [], RNNModel.forward

    def interrupted(self, *args):
        calls.append(1)
        if len(calls) == 50:
            raise KeyboardInterrupt
        return forward(self, *args)

    monkeypatch.setattr(RNNModel, "forward", interrupted)
    path = tmp_path / "model.ckpt"
    assert main(["train", *SMALL, "--epochs", "1000", "--save", str(path)]) == 130
    assert load_checkpoint(path).history.num_epochs == 1
    assert "interrupted after epoch 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [[], ["fly"], ["train", "--layer", "cnn"], ["train", "--max-tokens", "many"], ["generate"]]
)
def test_argparse_refuses_with_2(argv, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["train"], ["generate"], ["corpora"]])
def test_help_is_bilingual_and_names_every_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert any("一" <= char <= "鿿" for char in out) and " | " in out
    if command == ["train"]:
        for name in OPTIONS:
            assert "--" + name.replace("_", "-") in out
        for line in OPTIONS.values():
            assert " | " in line["help"]
    if command in (["train"], ["generate"]):
        assert f"python -m rnnlib {command[0]}" in out.split("examples:")[1]


def test_the_examples_in_the_help_are_understood():
    from rnnlib.__main__ import GENERATE_EXAMPLES, TRAIN_EXAMPLES, _parser

    lines = [line.strip() for line in (TRAIN_EXAMPLES + GENERATE_EXAMPLES).splitlines() if "python" in line]
    assert len(lines) == 6
    for line in lines:
        _parser().parse_args(line.replace('"', "").replace("time traveller", "time_traveller").split()[3:])


def test_as_a_process_even_without_chinese_in_the_terminal(model_file):
    command = [sys.executable, "-m", "rnnlib", "corpora"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    root = Path(__file__).parent.parent
    run = subprocess.run(command, capture_output=True, env=environment, cwd=root, timeout=60)
    assert run.returncode == 0 and b"tale  [embedded]" in run.stdout
    command[3:] = ["generate", "nobody"]
    run = subprocess.run(command, capture_output=True, env=environment, cwd=root, timeout=60)
    assert run.returncode == 2 and run.stderr.count(b"\n") == 1
