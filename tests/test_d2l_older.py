"""rnnlib.d2l without the peer: the older edition, downloads, figures without a display, missing names."""

from __future__ import annotations

import hashlib
import math
import os
import random
import re
import subprocess
import sys
import threading
import warnings
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

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


def test_prediction_agrees_with_generate_and_leaves_the_mode():
    vocab = rnnlib.Vocab(list("abcabcab"))
    model = d2l.RNNModel(nn.GRU(len(vocab), 8, num_layers=2, dropout=0.5), len(vocab))
    twin = rnnlib.RNNModel(nn.GRU(len(vocab), 8, num_layers=2, dropout=0.5), len(vocab))
    twin.load_state_dict(model.state_dict())
    expected = rnnlib.generate(twin, "ab", 8, vocab, allow_unknown=True)
    assert d2l.predict_ch8("ab", 8, model, vocab, torch.device("cpu")) == expected
    assert model.training


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_loss_of_a_half_precision_model_is_summed_exactly(dtype):
    """A running sum in bfloat16 stops growing long before 9,000 tokens; one in float16 overflows."""
    model = d2l.RNNModel(nn.RNN(28, 16), 28).to(dtype)
    batches = list(d2l.seq_data_iter_sequential(torch.randint(28, (10_000,)).tolist(), 32, 35))
    total, state = 0.0, None
    with torch.no_grad():
        for X, Y in batches:
            logits, state = model(X, state)
            total += nn.functional.cross_entropy(logits.double(), Y.T.reshape(-1), reduction="sum").item()
    expected = math.exp(total / sum(Y.numel() for _, Y in batches))
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    found, _ = d2l.train_epoch_ch8(model, batches, nn.CrossEntropyLoss(), still, "cpu", False)
    assert found == pytest.approx(expected, rel=1e-5)


class Pair(NamedTuple):
    """A state with names, which a reader's net may ask for."""

    H: torch.Tensor
    C: torch.Tensor


STATES = {
    "batch first": lambda H: H[:, None],
    "nothing": lambda H: None,
    "tuple": lambda H: (H, H + 1, H + 2),
    "list": lambda H: [H],
    "nested": lambda H: (H, (H + 1, None)),
    "named": lambda H: Pair(H, H + 1),
}


class ReadersNet:
    """No module, its parameters in a list, its state of any form; it remembers what it was given."""

    def __init__(self, form):
        self.form, self.params, self.given, self.returned = (
            form,
            [torch.randn(5, 5, requires_grad=True)],
            [],
            [],
        )

    def __call__(self, X, state):
        self.given.append(state)
        embedded = self.params[0][X.T]  # (T, B, 5)
        self.returned.append(self.form(embedded[-1]))
        return embedded.reshape(-1, 5), self.returned[-1]

    def begin_state(self, batch_size, device):
        return self.form(torch.zeros(batch_size, 5, device=device))


@pytest.mark.parametrize("form", STATES.values(), ids=STATES.keys())
def test_states_of_a_readers_own_net_pass_untouched(form):
    def flat(state):
        return [state] if state is None or isinstance(state, torch.Tensor) else sum(map(flat, state), [])

    net = ReadersNet(form)
    batches = list(d2l.seq_data_iter_sequential(list(range(5)) * 9, 3, 4))
    updater = partial(d2l.sgd, net.params, 0.1)
    for use_random_iter in (False, True):
        net.given, net.returned = [], []
        d2l.train_epoch_ch8(net, batches, nn.CrossEntropyLoss(), updater, "cpu", use_random_iter)
        begun = [net.begin_state(3, "cpu")] * len(batches)
        expected = begun if use_random_iter else begun[:1] + net.returned[:-1]
        for given, state in zip(net.given, expected, strict=True):
            assert type(given) is type(state)
            for a, b in zip(flat(given), flat(state), strict=True):
                assert a is None is b or (torch.equal(a, b) and not a.requires_grad)
    vocab = rnnlib.Vocab(list("abcd"))
    net.given, net.returned = [], []
    assert d2l.predict_ch8("ab", 3, net, vocab, "cpu").startswith("ab")
    assert all(a is b for a, b in zip(net.given[1:], net.returned))


def test_any_state_passes_through_the_model_from_scratch():
    def forward(inputs, state, params):
        states.append(state)
        return inputs.flatten(0, 1), state

    states, odd = [], ([torch.zeros(7)], None)
    net = d2l.RNNModelScratch(5, 3, "cpu", lambda *sizes: [], lambda *sizes: odd, forward)
    logits, state = net(torch.zeros(2, 4, dtype=torch.int64), net.begin_state(2, "cpu"))
    assert state is states[0] is odd and logits.shape == (8, 5)
    assert net(torch.zeros(2, 4, dtype=torch.int64), None)[1] is None


def test_the_published_line_that_adds_a_loss_gives_no_warning():
    metric, loss = d2l.Accumulator(2), torch.tensor(1.5, requires_grad=True)
    torch.set_warn_always(True)  # torch gives this warning only once in a process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            metric.add(loss * 4, 4)
    finally:
        torch.set_warn_always(False)
    assert metric.data == [6.0, 4.0]


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


@pytest.fixture
def server(monkeypatch):
    """The address of a server on this computer that answers every question with ``bonjour``."""

    class Bonjour(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"bonjour")

        def log_message(self, *args):
            pass

    monkeypatch.setenv("RNNLIB_OFFLINE", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Bonjour) as here:
        threading.Thread(target=here.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{here.server_port}/"
        here.shutdown()


def test_a_readers_own_entry_is_downloaded_and_verified(server, monkeypatch, tmp_path):
    pytest.importorskip("pooch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(d2l.DATA_HUB, "right", (server + "fra.txt", hashlib.sha1(b"bonjour").hexdigest()))
    monkeypatch.setitem(d2l.DATA_HUB, "wrong", (server + "eng.txt", hashlib.sha1(b"hello").hexdigest()))
    for folder in (None, tmp_path / "data"):
        path = d2l.download("right", cache_dir=folder)
        assert os.path.basename(path) == "fra.txt" and str(tmp_path) in path
        with open(path, "rb") as file:
            assert file.read() == b"bonjour"
    with pytest.raises(OSError, match="eng.txt"):
        d2l.download("wrong", cache_dir=tmp_path / "data")
    assert os.listdir(tmp_path / "data") == ["fra.txt"]


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
