"""rnnlib.d2l without the peer: the older edition, downloads, figures without a display, missing names."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import sys

import pytest
import torch
from torch import nn

import rnnlib
from rnnlib import d2l
from rnnlib.data import Corpus, CorpusUnavailable

LYRICS = "想要有直升机 想要和你飞到宇宙去 想要和你融化在一起 " * 500


@pytest.fixture
def lyrics(monkeypatch):
    def load(name, fallback):
        assert (name, fallback) == ("jay_lyrics", False)
        return Corpus(name, (LYRICS,), " ", "zh", "file", "a test", False)

    monkeypatch.setattr("rnnlib.d2l.older.load_corpus", load)
    return d2l.load_data_jay_lyrics()


def run_python(code, **environment):
    env = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "MPLBACKEND")}
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    return subprocess.run(
        command, env=env | {"RNNLIB_OFFLINE": "1"} | environment, capture_output=True, text=True, timeout=120
    )


def test_lyrics_are_the_first_ten_thousand_characters(lyrics):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = lyrics
    assert "".join(idx_to_char[i] for i in corpus_indices) == LYRICS[:10_000]
    assert vocab_size == len(idx_to_char) == len(char_to_idx) == len(set(LYRICS))
    assert all(char_to_idx[char] == i for i, char in enumerate(idx_to_char))


def test_nothing_stands_in_for_the_lyrics(monkeypatch, tmp_path):
    monkeypatch.setenv("RNNLIB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path))
    with pytest.raises(CorpusUnavailable, match="jay_lyrics"):
        d2l.load_data_jay_lyrics()


def test_consecutive_rows_go_on():
    batches = list(d2l.data_iter_consecutive(list(range(30)), 2, 6, torch.device("cpu")))
    X, Y = batches[0]
    assert X.tolist() == [[0, 1, 2, 3, 4, 5], [15, 16, 17, 18, 19, 20]]
    assert len(batches) == 2 and X.dtype == Y.dtype == torch.float32
    assert all(torch.equal(Y, X + 1) for X, Y in batches)
    assert torch.equal(batches[1][0], X + 6)


def test_random_batches_cover_the_text_once():
    random.seed(0)
    batches = list(d2l.data_iter_random(list(range(30)), batch_size=2, num_steps=6))
    assert [X.shape for X, _ in batches] == [(2, 6)] * 2
    assert all(torch.equal(Y, X + 1) and X.dtype == torch.float32 for X, Y in batches)
    starts = [int(row[0]) for X, _ in batches for row in X]
    assert sorted(starts) == [0, 6, 12, 18] != starts


def test_one_hot_list():
    X = torch.arange(10).view(2, 5)
    inputs = d2l.to_onehot(X, 11)
    assert len(inputs) == 5 and inputs[0].shape == (2, 11) and inputs[0].dtype == torch.float32
    assert torch.equal(torch.stack(inputs).argmax(-1), X.T)
    assert all(torch.equal(a, b) for a, b in zip(inputs, d2l.to_onehot(X.float(), 11)))


def test_clipping_a_generator_really_clips():
    net = nn.Linear(4, 3)
    net(torch.randn(5, 4)).pow(2).sum().backward()
    d2l.grad_clipping(net.parameters(), 1e-2, torch.device("cpu"))
    assert torch.cat([p.grad.flatten() for p in net.parameters()]).norm().item() == pytest.approx(1e-2)


class ReadersRNNModel(nn.Module):
    """The model as a reader of the older edition writes it: no begin_state, state None at first."""

    def __init__(self, rnn_layer, vocab_size):
        super().__init__()
        self.rnn, self.vocab_size = rnn_layer, vocab_size
        self.hidden_size = rnn_layer.hidden_size * (2 if rnn_layer.bidirectional else 1)
        self.dense = nn.Linear(self.hidden_size, vocab_size)

    def forward(self, inputs, state):
        Y, self.state = self.rnn(torch.stack(d2l.to_onehot(inputs, self.vocab_size)), state)
        return self.dense(Y.view(-1, Y.shape[-1])), self.state


@pytest.mark.parametrize("model_class", [ReadersRNNModel, d2l.RNNModel])
@pytest.mark.parametrize("layer_class", [nn.RNN, nn.LSTM])
def test_training_run_of_the_older_edition(lyrics, model_class, layer_class, capsys, monkeypatch):
    corpus_indices, char_to_idx, idx_to_char, vocab_size = lyrics
    norms = []
    step = torch.optim.Adam.step

    def watched(self, *args, **kwargs):
        grads = [p.grad.flatten() for group in self.param_groups for p in group["params"]]
        norms.append(torch.cat(grads).norm().item())
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    rnnlib.set_seed(0)
    model = model_class(layer_class(input_size=vocab_size, hidden_size=32), vocab_size)
    device = d2l.try_gpu()
    model = model.to(device)
    before = d2l.predict_rnn_pytorch("想要", 10, model, vocab_size, device, idx_to_char, char_to_idx)
    assert len(before) == 12 and before.startswith("想要")
    d2l.train_and_predict_rnn_pytorch(
        model, 32, vocab_size, device, corpus_indices, idx_to_char, char_to_idx,
        4, 35, 1e-2, 1e-2, 32, 2, 6, ["想要", "和你"],
    )  # fmt: skip
    assert max(norms) <= 1.0001e-2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    reports = [
        re.fullmatch(r"epoch (\d+), perplexity (\d+\.\d{6}), time \d+\.\d\d sec", lines[i]) for i in (0, 3)
    ]
    assert [report[1] for report in reports] == ["2", "4"]
    assert float(reports[1][2]) < float(reports[0][2]) < vocab_size
    assert lines[1].startswith(" - 想要") and len(lines[1]) == 3 + 2 + 6


def test_prefixes_that_cannot_be_read(lyrics):
    _, char_to_idx, idx_to_char, vocab_size = lyrics
    model = d2l.RNNModel(nn.RNN(vocab_size, 8), vocab_size)
    for prefix in ("", "x"):
        with pytest.raises(ValueError, match="at least one character"):
            d2l.predict_rnn_pytorch(prefix, 3, model, vocab_size, "cpu", idx_to_char, char_to_idx)
    with pytest.raises(ValueError, match="prefix is empty"):
        d2l.predict_ch8("", 3, model, rnnlib.Vocab(list("ab")), torch.device("cpu"))


def test_rnnlib_takes_the_models_and_prediction_leaves_the_mode():
    vocab = rnnlib.Vocab(list("abcabcab"))
    model = d2l.RNNModel(nn.GRU(len(vocab), 8, num_layers=2, dropout=0.5), len(vocab))
    loader = rnnlib.SequenceLoader(vocab[list("abc" * 40)], 4, 5)
    rnnlib.train_epoch(model, loader, torch.optim.SGD(model.parameters(), 0.1))
    expected = rnnlib.generate(model, "ab", 8, vocab, allow_unknown=True)
    assert d2l.predict_ch8("ab", 8, model, vocab, torch.device("cpu")) == expected
    assert model.training


def test_a_used_up_generator_is_named():
    model = d2l.RNNModel(nn.RNN(5, 4), 5)
    batches = d2l.seq_data_iter_sequential(list(range(5)) * 9, 2, 3)
    arguments = (batches, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), 0.1), "cpu", False)
    d2l.train_epoch_ch8(model, *arguments)
    with pytest.raises(ValueError, match="used up"):
        d2l.train_epoch_ch8(model, *arguments)


def test_download_by_key(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("RNNLIB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("RNNLIB_DATA", "")
    with open(d2l.download("time_machine"), encoding="utf-8") as file:
        assert "time traveller" in file.read().lower()
    assert "[NOTICE]" in capsys.readouterr().out
    with pytest.raises(ValueError, match="'fra-eng'"):
        d2l.download("fra-eng")
    folder, text = tmp_path / "data", b"bonjour"
    folder.mkdir()
    (folder / "fra.txt").write_bytes(text)
    monkeypatch.setitem(d2l.DATA_HUB, "fra-eng", (d2l.DATA_URL + "fra.txt", hashlib.sha1(text).hexdigest()))
    assert d2l.download("fra-eng", cache_dir=str(folder)) == str(folder / "fra.txt")


def test_download_into_a_folder(tmp_path):
    if rnnlib.load_corpus("time_machine").is_substitute:
        pytest.skip("The Time Machine is neither in $RNNLIB_DATA nor in the cache")
    path = d2l.download("time_machine", cache_dir=tmp_path / "new")
    assert path == str(tmp_path / "new" / "timemachine.txt")
    with open(path, "rb") as file:
        assert hashlib.sha1(file.read()).hexdigest() == d2l.DATA_HUB["time_machine"][1]


def test_missing_names_say_where_they_are():
    with pytest.raises(AttributeError, match="'train_ch3'.*install d2l itself"):
        d2l.__getattr__("train_ch3")
    assert all(hasattr(d2l, name) for name in d2l.__all__)


TRAIN = """
import torch; from torch import nn; from rnnlib import d2l
loader, vocab = d2l.load_data_time_machine(32, 35)
net = d2l.RNNModel(nn.RNN(len(vocab), 8), len(vocab))
d2l.train_ch8(net, loader, vocab, 1, 10, torch.device("cpu"){})
"""


def test_training_is_silent_without_a_display():
    done = run_python(TRAIN.format(""))
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = [line for line in done.stdout.splitlines() if "【" not in line and "[NOTICE]" not in line]
    assert len(lines) == 4 and lines[1].startswith("perplexity "), done.stdout


def test_without_matplotlib_training_needs_plot_false():
    block = "import sys; sys.modules['matplotlib'] = None"
    assert run_python(block + TRAIN.format(", plot=False")).returncode == 0
    done = run_python(block + TRAIN.format(""))
    assert done.returncode == 1 and "pip install matplotlib" in done.stderr


def test_in_a_notebook_each_point_redraws(monkeypatch):
    display = pytest.importorskip("IPython.display", reason="a notebook needs IPython")
    calls = []
    animator = d2l.Animator()
    animator.add(1, 2.0)
    monkeypatch.setattr("rnnlib.d2l.figures._in_notebook", lambda: True)
    monkeypatch.setattr(display, "display", calls.append)
    monkeypatch.setattr(display, "clear_output", lambda wait: calls.append(wait))
    animator.add(2, 1.0)
    d2l.plt.close("all")
    assert calls == [animator.fig, True]


def test_in_a_notebook_the_figure_is_drawn(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel", reason="a notebook needs ipykernel")
    code = TRAIN.format("").replace("1, 10", "1, 20")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    images = [output for output in outputs if "image/svg+xml" in output.get("data", {})]
    assert len(images) == 1, [output.output_type for output in outputs]
    assert "perplexity " in "".join(output.get("text", "") for output in outputs)
