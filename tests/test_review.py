"""Each test keeps a promise that version 0.1 broke; the number is the defect's place in the list of them."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import warnings
import zipfile
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, f1_score, recall_score
from torch import nn

import rnnlib
from rnnlib import d2l, scratch
from rnnlib.__main__ import main
from rnnlib.data import catalogue, sources
from rnnlib.training import checkpoints

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, modes or users")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's measures and files")


def language_model(V: int = 6, H: int = 8, **options) -> rnnlib.RNNModel:
    return rnnlib.RNNModel(nn.GRU(V, H, **options), V)


def random_tokens(count: int, V: int = 6) -> torch.Tensor:
    return torch.randint(1, V, (count,), generator=torch.Generator().manual_seed(1))


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def same(ones: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


def unmoved(model: nn.Module) -> torch.optim.Optimizer:
    """An optimizer that leaves the weights as they are, so that a loss can be computed again."""
    return torch.optim.SGD(model.parameters(), lr=0.0)


# 1. Loss sums are kept in float64, whatever the model's dtype.


def mean_loss(model: nn.Module, loader: rnnlib.SequenceLoader) -> float:
    """The mean loss of an epoch in nats a token, its sum kept in float64."""
    total, count, state = 0.0, 0, None
    with torch.no_grad():
        for X, Y in loader:
            logits, state = model(X, model.begin_state(batch_size=len(X)) if state is None else state)
            logits = logits.transpose(0, 1).flatten(0, 1) if logits.ndim == 3 else logits  # d2l's are flat
            total += F.cross_entropy(logits.double(), Y.T.flatten(), reduction="sum").item()
            count += Y.numel()
    return total / count


def test_01a_loss_sums_are_kept_in_float64():
    """run_epoch sums the losses of a bfloat16 model in float64."""
    model = language_model(28).to(torch.bfloat16)
    data = {"corpus": random_tokens(4000, 28), "batch_size": 2, "num_steps": 5, "seed": 0}
    total, count = rnnlib.run_epoch(model, rnnlib.SequenceLoader(**data), optimizer=unmoved(model))
    assert total / count == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


def test_01b_loss_sum_of_a_float16_model_is_finite():
    """The sum of a float16 model's losses does not overflow."""
    model = language_model(28).to(torch.float16)
    data = {"corpus": random_tokens(31_000, 28), "batch_size": 100, "num_steps": 100, "seed": 0}
    total, count = rnnlib.run_epoch(model, rnnlib.SequenceLoader(**data), optimizer=unmoved(model))
    assert total / count == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


def test_01c_loss_sums_of_d2l_are_kept_in_float64():
    """d2l.train_epoch_ch8 sums the losses of a bfloat16 model in float64."""
    model = d2l.RNNModel(nn.GRU(28, 8), 28).to(torch.bfloat16)
    data = {"corpus": random_tokens(4000, 28), "batch_size": 2, "num_steps": 5, "seed": 0}
    loader = rnnlib.SequenceLoader(**data)
    ppl, _ = d2l.train_epoch_ch8(model, loader, nn.CrossEntropyLoss(), unmoved(model), "cpu", False)
    assert math.log(ppl) == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


def test_01d_loss_sums_of_examples_are_kept_in_float64():
    """train sums the losses of labelled examples in float64, too."""
    model = rnnlib.SequenceClassifier("gru", 2, 4, 3).to(torch.bfloat16)
    X, Y = torch.randn(600, 3, 2, dtype=torch.bfloat16), torch.randint(3, (600,))
    with torch.no_grad():
        expected = F.cross_entropy(model(X)[0].double(), Y).item()
    examples = rnnlib.ExampleLoader(X, Y, 1)
    history = rnnlib.train(model, examples, 1, optimizer=unmoved(model), progress=False)
    assert history.train_loss[0] == pytest.approx(expected, abs=0.01)


# 2. A padded place has no weight.


def test_02_training_loss_of_padded_rows_is_the_mean_over_real_labels():
    """The training loss of padded rows is the mean over their real labels, not a mean over the batches."""
    model = rnnlib.SequenceTagger("gru", 2, 4, 3)
    X, Y = torch.randn(4, 10, 2), torch.randint(3, (4, 10))
    Y[1:, 1:] = -100  # one row of ten labels, three of one
    with torch.no_grad():
        expected = F.cross_entropy(model(X)[0].flatten(0, 1), Y.flatten()).item()
    examples = rnnlib.ExampleLoader(X, Y, 1)
    history = rnnlib.train(model, examples, 1, optimizer=unmoved(model), progress=False)
    assert history.train_loss[0] == pytest.approx(expected, rel=1e-5)


# 3. Places labelled -100 are left out of the scores.

ANSWER, LABELS = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, -100, -100])


def test_03a_accuracy_leaves_padding_out():
    """Padded places do not count as wrong."""
    assert accuracy_score(*rnnlib.real_labels(LABELS, ANSWER)) == 1.0


def test_03b_macro_recall_leaves_padding_out():
    """Padding is no class."""
    assert recall_score(*rnnlib.real_labels(LABELS, ANSWER), average="macro") == 1.0


def test_03c_f1_leaves_padding_out():
    """The F1 of two classes takes padded labels."""
    assert f1_score(*rnnlib.real_labels(LABELS, ANSWER)) == 1.0


# 4. An optimizer of another kind does not fit.


@pytest.mark.parametrize(
    "saved, other", [(torch.optim.SGD, torch.optim.Adam), (torch.optim.Adam, torch.optim.SGD)]
)
def test_04_restore_refuses_another_kind_of_optimizer(tmp_path, saved, other):
    """restore says that an optimizer is of another kind than the saved one."""
    model, loader = language_model(), rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    optimizer = saved(model.parameters(), lr=0.1)
    rnnlib.train(model, loader, 1, optimizer=optimizer, progress=False)
    checkpoint = rnnlib.load_checkpoint(rnnlib.save_checkpoint(tmp_path / "c", model, optimizer=optimizer))
    with pytest.raises(rnnlib.CheckpointError, match="optimizer"):
        checkpoint.restore(model, other(model.parameters(), lr=0.1))


# 5. Shapes can be traced through other models than the language model.


def test_05a_trace_shapes_of_a_classifier():
    """trace_shapes goes through a classifier, up to its two logits."""
    model = rnnlib.SequenceClassifier("gru", 3, 4, 2, vocab_size=7)
    trace = rnnlib.trace_shapes(model, torch.zeros(5, 6, dtype=torch.int64))
    assert trace.rows[-1].outputs == ((5, 2),) and "B=5" in str(trace)


def test_05b_trace_shapes_of_a_model_of_ones_own():
    """trace_shapes takes an attribute called rnn for nothing but what it is."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(7, 3), nn.GRUCell(3, 4)

        def forward(self, X):
            return self.rnn(self.embedding(X[:, 0]))

    assert "B=5" in str(rnnlib.trace_shapes(Own(), torch.zeros(5, 6, dtype=torch.int64)))


# 6. What the documentation says of num_steps is true.


def test_06_perplexity_says_which_models_num_steps_has_an_effect_on():
    """The perplexity of attention does not depend on num_steps, or the docstring says that it does."""
    model = rnnlib.CausalAttentionModel(6, width=16, window=16).eval()
    values = [rnnlib.perplexity(model, random_tokens(200), 2, num_steps) for num_steps in (1, 5, 12, 64)]
    independent = max(values) - min(values) < 1e-4
    said = rnnlib.perplexity.__doc__.split("num_steps:")[1]
    assert independent or "window" in said or "attention" in said, f"{values}, but: {said}"


# 7. Each optimizer has a learning rate of its own.


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_07_learning_rate_follows_the_optimizer(name):
    """Without a learning rate Adam and AdamW take 0.001."""
    results = []
    for options in ({}, {"lr": 1e-3}):
        rnnlib.set_seed(0)
        loader = rnnlib.SequenceLoader(random_tokens(200), 2, 5, seed=0)
        model = language_model()
        results.append(rnnlib.train(model, loader, 2, optimizer=name, progress=False, **options).train_ppl)
    assert results[0] == results[1]


# 8. Lines of one's own text do not run into each other.


def test_08a_lines_of_a_string_are_joined_by_a_space():
    """The lines of a string are joined by a space."""
    assert rnnlib.corpus_from_string("the time\ntraveller spoke").text == "the time traveller spoke"


def test_08b_the_embedded_tale_has_no_glued_words():
    """The embedded tale is not glued at the ends of its lines."""
    corpus = rnnlib.load_corpus("tale")
    assert corpus.text.split() == corpus.tokens("word")


def test_08c_lines_of_a_file_are_joined_by_a_space(tmp_path):
    """The lines of a file of one's own are joined by a space."""
    (tmp_path / "own.txt").write_text("the time\ntraveller spoke\n", encoding="utf-8")
    assert rnnlib.load_corpus(tmp_path / "own.txt").text.split() == ["the", "time", "traveller", "spoke"]


# 9. NumPy's numbers are numbers.


@pytest.mark.parametrize(
    "call",
    [
        lambda: rnnlib.set_seed(np.int64(3)),
        lambda: rnnlib.SequenceLoader(random_tokens(60), np.int64(2), np.int32(5)),
        lambda: rnnlib.load_text(
            "tale", max_tokens=np.int64(500), num_valid=np.int64(50), batch_size=np.int64(2)
        ),
        lambda: rnnlib.NGramModel(random_tokens(60), np.int64(2), np.int64(6)),
        lambda: scratch.LSTM(np.int64(6), np.int64(8)),
    ],
    ids=["set_seed", "SequenceLoader", "load_text", "NGramModel", "LSTM"],
)
def test_09a_numpy_integers_are_accepted(call):
    """NumPy's integers are integers."""
    call()


@pytest.mark.parametrize("name", ["lr", "clip"])
def test_09b_numpy_floats_are_accepted(name):
    """NumPy's float32 is a number."""
    loader = rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    history = rnnlib.train(language_model(), loader, 1, progress=False, **{name: np.float32(0.5)})
    assert history.num_epochs == 1


# 10. perplexity reads what train takes.


def test_10a_perplexity_of_text_data_is_that_of_the_held_out_tokens():
    """perplexity takes TextData and reads its held-out tokens."""
    data = rnnlib.load_text("tale", max_tokens=500, num_valid=100, batch_size=2, num_steps=5, device="cpu")
    model = language_model(len(data.vocab))
    assert rnnlib.perplexity(model, data) == rnnlib.perplexity(model, data.valid)


def test_10b_perplexity_of_a_generator():
    """perplexity takes a generator of tokens."""
    model, tokens = language_model(), random_tokens(100).tolist()
    assert rnnlib.perplexity(model, (token for token in tokens)) == rnnlib.perplexity(model, tokens)


# 11. No argument means something else than in torch.


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_11_options_of_a_layer_are_given_by_name(kind):
    """What torch's layers take by position in another order is taken by name alone."""
    with pytest.raises(TypeError):
        getattr(scratch, kind)(8, 4, 2, True)


# 12. An n-gram is a token.


def bigrams() -> rnnlib.Vocab:
    text = "time timid"
    return rnnlib.Vocab(list(zip(text, text[1:])))


def test_12a_an_ngram_of_the_vocabulary_has_an_index():
    """An n-gram is looked up as one token, alone and in a list."""
    vocab = bigrams()
    assert ("t", "i") in vocab
    assert vocab[("t", "i")] == vocab.idx_to_token.index(("t", "i"))
    assert vocab[[("t", "i"), ("i", "m")]] == [vocab[("t", "i")], vocab[("i", "m")]]


def test_12b_a_vocabulary_of_ngrams_comes_back_from_a_checkpoint(tmp_path):
    """A checkpoint keeps a vocabulary of n-grams."""
    vocab = bigrams()
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model(len(vocab)), vocab=vocab)
    back = rnnlib.load_checkpoint(path).vocab
    assert back.idx_to_token == vocab.idx_to_token and back.token_freqs == vocab.token_freqs


# 13. The d2l names leave the user's own state, and the published lines, alone.


def d2l_model(init_state, forward_fn) -> d2l.RNNModelScratch:
    return d2l.RNNModelScratch(6, 8, "cpu", scratch.get_params, init_state, forward_fn)


def test_13a_d2l_model_with_a_batch_first_state():
    """A state of one's own may have the batch as its first axis."""

    def forward(inputs, state, params):
        (H,) = state
        logits, (last,) = scratch.rnn(inputs, (H[:, 0],), params)
        return logits.flatten(0, 1), (torch.stack([last, H[:, 1]], dim=1),)

    model = d2l_model(lambda B, H, device: (torch.zeros(B, 2, H, device=device),), forward)
    logits, (H,) = model(torch.zeros(3, 4, dtype=torch.int64), model.begin_state(3, "cpu"))
    assert logits.shape == (12, 6) and H.shape == (3, 2, 8)


def test_13b_d2l_model_with_no_state():
    """A model of one's own may have no state."""

    def forward(inputs, state, params):
        W_xh, _, b_h, W_hq, b_q = params
        return (torch.tanh(inputs @ W_xh + b_h) @ W_hq + b_q).flatten(0, 1), None

    model = d2l_model(lambda B, H, device: None, forward)
    logits, state = model(torch.zeros(3, 4, dtype=torch.int64), model.begin_state(3, "cpu"))
    assert logits.shape == (12, 6) and state is None


def test_13c_accumulator_takes_the_published_line_without_a_warning():
    """d2l.Accumulator takes the published line without a warning."""
    loss, y = torch.tensor(2.0, requires_grad=True), torch.zeros(3)
    metric = d2l.Accumulator(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.add(loss * y.numel(), y.numel())
    assert metric[0] / metric[1] == 2.0


# 14. A run that was resumed is the run that was never stopped.


def test_14_resuming_with_a_seeded_loader_is_bit_equal(tmp_path):
    """Two epochs, a checkpoint and two more are the four epochs of one run, to the last bit."""

    def begin():
        rnnlib.set_seed(0)
        model = language_model()
        loader = rnnlib.SequenceLoader(random_tokens(150), 2, 5, seed=7)
        return model, loader, torch.optim.SGD(model.parameters(), lr=1.0)

    model, loader, optimizer = begin()
    whole = rnnlib.train(model, loader, 4, optimizer=optimizer, progress=False)

    model, loader, optimizer = begin()
    history = rnnlib.train(model, loader, 2, optimizer=optimizer, progress=False)
    path = rnnlib.save_checkpoint(tmp_path / "c", model, optimizer=optimizer, history=history, loader=loader)

    model, loader, optimizer = begin()
    checkpoint = rnnlib.load_checkpoint(path)
    checkpoint.restore(model, optimizer, loader)
    resumed = rnnlib.train(model, loader, 2, optimizer=optimizer, history=checkpoint.history, progress=False)
    assert resumed.train_ppl == whole.train_ppl


# 15. What cannot be done is said.


def test_15a_beam_search_has_nothing_to_choose_from():
    """beam_search says that a vocabulary of nothing but <unk> leaves no choice."""
    with pytest.raises(ValueError, match="<unk>"):
        rnnlib.beam_search(language_model(1), ["<unk>"], 3, rnnlib.Vocab([]))


def test_15b_an_interrupted_training_keeps_its_record():
    """Ctrl-C while training on examples ends the training and keeps its record."""
    calls = []

    def loss(logits, labels):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return F.cross_entropy(logits, labels)

    examples = rnnlib.ExampleLoader(torch.randn(4, 3, 2), torch.randint(3, (4,)), 2)
    try:
        history = rnnlib.train(
            rnnlib.SequenceClassifier("gru", 2, 4, 3), examples, 5, loss=loss, progress=False
        )
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C got through")  # by itself it would end the whole test run
    assert history.interrupted and history.num_epochs == 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_15c_generate_says_that_the_weights_are_no_numbers(vocab, temperature):
    """generate says that a model's weights are NaN instead of writing spaces."""
    model = language_model(len(vocab))
    with torch.no_grad():
        model.linear.weight.fill_(math.nan)
    with pytest.raises((FloatingPointError, ValueError), match="(?i)not a number|nan|finite"):
        rnnlib.generate(model, "the", 5, vocab, temperature=temperature)


# 16. The tests pass in the background of a shell too.


@posix
def test_16_interrupt_is_tested_where_sigint_is_ignored():
    """The test that interrupts a child passes where SIGINT is ignored, as in a shell's background."""
    wanted, file = "download_that_is_interrupted", Path(__file__).with_name("test_download.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", wanted, file],
        cwd=Path(__file__).parents[1],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "1 passed" in done.stdout, done.stdout[-2000:]


# 17. A model's own tensors are not written to.


class Unigram(nn.Module):
    """Its logits are one parameter, expanded: nothing is copied."""

    vocab_size = 3

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, X, state=None):
        return self.bias.expand(*X.shape, 3), (torch.zeros(len(X), 1),)


@pytest.mark.parametrize("search", [rnnlib.generate, rnnlib.beam_search])
def test_17_searching_leaves_the_parameters_alone(search):
    """The ban on <unk> is not written into the tensor that the model returned."""
    model, vocab = Unigram(), rnnlib.Vocab(list("ab"))
    before = rnnlib.perplexity(model, [1, 2, 1, 2])
    search(model, "a", 3, vocab)
    assert model.bias.tolist() == [0.0, 0.0, 0.0]
    assert rnnlib.perplexity(model, [1, 2, 1, 2]) == before == pytest.approx(3.0)


# 18. Two threads may generate with one model.


def test_18_threads_do_not_disturb_each_other(vocab):
    """The second begins while the first one reads, and goes on when the first has ended, or waits for it."""
    entered, ended, modes = threading.Event(), threading.Event(), []

    class Paced(rnnlib.RNNModel):
        def forward(self, X, state=None):
            modes.append(self.training)
            if X.shape[1] > 1 and threading.current_thread().name == "first":
                entered.wait(1)
            elif X.shape[1] > 1 and threading.current_thread().name == "second":
                entered.set()
                ended.wait(1)
            return super().forward(X, state)

    model = Paced(nn.GRU(len(vocab), 16, 2, dropout=0.9), len(vocab)).train()
    alone = rnnlib.generate(model, "the ", 40, vocab)
    texts = {}

    def write(name: str) -> None:
        texts[name] = rnnlib.generate(model, "the ", 40, vocab)
        ended.set()

    threads = [threading.Thread(target=write, args=(name,), name=name) for name in ("first", "second")]
    threads[0].start()
    time.sleep(0.1)
    threads[1].start()
    for thread in threads:
        thread.join(60)
    assert texts == {"first": alone, "second": alone}
    assert model.training and not any(modes)


# 19. restore does everything or nothing.


@pytest.fixture
def trained(tmp_path):
    """A checkpoint of a model trained with Adam; another model of the same shapes, with its optimizer."""
    model, loader = language_model(), rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    optimizer = torch.optim.Adam(model.parameters())
    rnnlib.train(model, loader, 1, optimizer=optimizer, progress=False)
    path = rnnlib.save_checkpoint(tmp_path / "trained", model, optimizer=optimizer)
    other = language_model()
    return rnnlib.load_checkpoint(path), other, torch.optim.Adam(other.parameters())


def assert_refused_whole(checkpoint, model, optimizer) -> None:
    weights, state = weights_of(model), copy.deepcopy(optimizer.state_dict())
    with pytest.raises(rnnlib.CheckpointError):
        checkpoint.restore(model, optimizer)
    assert same(weights_of(model), weights) and optimizer.state_dict() == state


def test_19a_truncated_torch_generator_is_refused_before_anything_changes(trained):
    """A truncated state of torch's generator is found before the model is overwritten."""
    checkpoint, model, optimizer = trained
    checkpoint.rng["torch"] = checkpoint.rng["torch"][:100]
    assert_refused_whole(checkpoint, model, optimizer)


def test_19b_bad_python_generator_is_refused_before_anything_changes(trained):
    """A bad state of Python's generator is found before the model is overwritten."""
    checkpoint, model, optimizer = trained
    checkpoint.rng["python"] = [3, [1, 2, 3], None]
    assert_refused_whole(checkpoint, model, optimizer)


def test_19c_incomplete_optimizer_state_is_refused(trained):
    """An optimizer's state without its averages is refused, and not only at the next step."""
    checkpoint, model, optimizer = trained
    del checkpoint.optimizer_state["state"][0]["exp_avg"]
    assert_refused_whole(checkpoint, model, optimizer)


# 20. Damaged checkpoints end in CheckpointError, and cost nothing.

CONFIG = {
    "corpus": "tale",
    "language": None,
    "clean": True,
    "level": "char",
    "max_tokens": 500,
    "sampling": "sequential",
    "batch_size": 2,
    "num_steps": 5,
    "layer": "gru",
    "num_hiddens": 8,
    "num_layers": 1,
    "optimizer": "sgd",
    "lr": 1.0,
    "clip": 1.0,
    "seed": 0,
    "checksum": "",
}


def written(path: Path, vocab: rnnlib.Vocab, **config) -> Path:
    """A checkpoint as the command line writes it, with some settings changed."""
    model = language_model(len(vocab))
    return rnnlib.save_checkpoint(
        path, model, vocab=vocab, history=rnnlib.History(), config={**CONFIG, **config}
    )


def with_header(path: Path, edit) -> Path:
    """Write a checkpoint again with another header, whose checksum fits; ``edit`` makes it of the old one."""
    with safetensors.safe_open(path, framework="pt") as file:
        header = edit(json.loads(file.metadata()["rnnlib"]))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    text = header if isinstance(header, str) else json.dumps(header)
    metadata = {"rnnlib": text, "sha256": checkpoints._checksum(text, tensors)}
    safetensors.torch.save_file(tensors, path, metadata=metadata)
    return path


def test_20_checkpoint_of_the_command_line_is_read(tmp_path, vocab, capsys):
    """What the tests below damage is whole before: the command line generates with it."""
    path = with_header(written(tmp_path / "c", vocab), lambda header: header)
    assert main(["generate", str(path), "--prefix", "the"]) == 0
    assert capsys.readouterr().out.startswith("the")


@pytest.mark.parametrize(
    "edit",
    [
        lambda header: "[" * 100_000,
        lambda header: "1" * 200_000,
        lambda header: {**header, "history": []},
        lambda header: {**header, "vocab": {**header["vocab"], "freqs": [["t", math.inf]]}},
    ],
    ids=["brackets", "digits", "history", "frequency"],
)
def test_20a_damaged_header_is_a_checkpoint_error(tmp_path, vocab, edit):
    """Whatever a damaged header holds, it ends in a CheckpointError."""
    path = with_header(written(tmp_path / "c", vocab), edit)
    with pytest.raises(rnnlib.CheckpointError):
        rnnlib.load_checkpoint(path)


def test_20b_command_line_says_that_a_checkpoint_has_no_settings(tmp_path, vocab, capsys):
    """The command line says that a checkpoint has no settings, without a traceback."""
    path = with_header(written(tmp_path / "c", vocab), lambda header: {**header, "config": None})
    assert main(["generate", str(path), "--prefix", "the"]) == 2
    assert "rnnlib: " in capsys.readouterr().err


@pytest.mark.parametrize("setting", [{"layer": "transformer"}, {"num_hiddens": 1.5}], ids=str)
def test_20c_command_line_names_a_bad_setting(tmp_path, vocab, capsys, setting):
    """The command line names the setting that is wrong, in Python's spelling or as an option."""
    path = written(tmp_path / "c", vocab, **setting)
    assert main(["generate", str(path), "--prefix", "the"]) == 2
    assert next(iter(setting)) in capsys.readouterr().err.replace("-", "_")


def generate_in_child(path: Path, timeout: float) -> tuple[int, float]:
    """Exit code of ``rnnlib generate``, and the memory it took, in MB."""
    code = (
        "import resource, sys\n"
        "from rnnlib.__main__ import main\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak()\n"
        "code = main(['generate', sys.argv[1], '--prefix', 'the'])\n"
        "print(code, peak() - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, timeout=timeout, check=True
    )
    code, megabytes = done.stdout.split()[-2:]
    return int(code), float(megabytes)


@linux
def test_20d_small_file_takes_little_memory_whatever_its_settings_say(tmp_path, vocab):
    """19 KB that speak of 10,000 hidden units do not take a gigabyte."""
    code, megabytes = generate_in_child(written(tmp_path / "c", vocab, num_hiddens=10_000), 120)
    assert code == 2 and megabytes < 200, f"{megabytes:.0f} MB"


@linux
def test_20e_small_file_is_refused_at_once_whatever_its_settings_say(tmp_path, vocab):
    """A file that speaks of 2**63 layers is refused within seconds."""
    code, _ = generate_in_child(written(tmp_path / "c", vocab, num_layers=2**63), 30)
    assert code == 2


def test_20f_flipped_bits_are_found(tmp_path, vocab):
    """A bit flipped anywhere in the tensors is found."""
    path = written(tmp_path / "c", vocab)
    whole = path.read_bytes()
    begin = 8 + int.from_bytes(whole[:8], "little")  # tensors lie behind the header
    accepted = []
    for place in range(begin, len(whole), (len(whole) - begin) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            rnnlib.load_checkpoint(path)
            accepted.append(place)
        except rnnlib.CheckpointError:
            pass
    assert accepted == []


# 21. A bad server costs one source and no more.

BODY = b"The Time Machine, by nobody\n\nThe time traveller was here.\n"
OK = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Web(ThreadingHTTPServer):
    """A server on this computer that writes its answers byte by byte, as ``pages`` has them by path."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.pages = {"/good": lambda write: write(OK)}
        self.stopped = threading.Event()

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""


class Page(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.pages[self.path](self.connection.sendall)


@pytest.fixture
def web(monkeypatch, tmp_path):
    """The server; ``web.offer(paths)`` makes them the addresses of the corpus time_machine."""
    server = Web()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"

    def offer(*paths: str) -> None:
        entry = dataclasses.replace(
            catalogue.CATALOGUE["time_machine"],
            urls=tuple(base + path for path in paths),
            sha1=sha1(BODY).hexdigest(),
        )
        monkeypatch.setitem(catalogue.CATALOGUE, "time_machine", entry)

    server.offer = offer
    for name, value in {"RNNLIB_OFFLINE": "0", "no_proxy": "*", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RNNLIB_DATA", raising=False)
    monkeypatch.setattr(sources, "failed_downloads", {})
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()


def test_21a_body_of_a_redirect_is_not_read_whole(web):
    """The body of a redirect is not read whole."""
    sent = []

    def redirect(write):
        write(b"HTTP/1.0 302 Found\r\nLocation: /good\r\n\r\n")
        for _ in range(128):
            write(bytes(1 << 20))
            sent.append(1)

    web.pages["/moved"] = redirect
    web.offer("/moved", "/good")
    assert rnnlib.load_corpus("time_machine", fallback=False).source == "download"
    assert len(sent) < 64, f"{len(sent)} MB were read"


def test_21b_drip_of_headers_is_given_up(web, monkeypatch):
    """A drip of headers does not hold the caller beyond the time limit."""
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 1.0)  # until a source begins to deliver

    def drip(write):
        write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
        for _ in range(80):
            web.stopped.wait(0.1)
            write(b"x")
        write(b"\r\n\r\n")

    web.pages["/drip"] = drip
    web.offer("/drip", "/good")
    start = time.monotonic()
    assert rnnlib.load_corpus("time_machine", fallback=False).source == "download"
    assert time.monotonic() - start < 7


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1\r\n\r\n",
    ],
    ids=["length", "location"],
)
def test_21c_malformed_answer_costs_one_source(web, answer):
    """After a malformed answer the next source is asked."""
    web.pages["/odd"] = lambda write: write(answer)
    web.offer("/odd", "/good")
    assert rnnlib.load_corpus("time_machine", fallback=False).source == "download"


def test_21d_words_of_a_server_hold_no_control_characters(web):
    """Control characters of a server's answer do not reach the terminal."""
    web.pages["/odd"] = lambda write: write(b"HTTP/1.0 404 \x1b]0;title\x07 \x1b[2J gone\r\n\r\n")
    web.offer("/odd")
    with pytest.raises(rnnlib.CorpusUnavailable, match="404") as caught:
        rnnlib.load_corpus("time_machine", fallback=False)
    assert [c for c in str(caught.value) if not c.isprintable() and c != "\n"] == []


# 22. What is no text is not read as text.


def zip_that_is_utf8() -> bytes:
    """An archive all of whose bytes are below 128: the content is varied until its checksum is."""
    with tempfile.TemporaryFile() as file:
        for number in range(1000):
            file.seek(0)
            file.truncate()
            with zipfile.ZipFile(file, "w") as archive:
                member = zipfile.ZipInfo("text.txt")
                member.external_attr = 0x20
                member.create_system = 0
                archive.writestr(member, f"The time traveller {number:03}")
            file.seek(0)
            if (data := file.read()).isascii():
                return data
    raise AssertionError("no such archive")


@pytest.mark.parametrize(
    "data",
    [
        "The time traveller spoke, and went.\n".encode("utf-16-le"),
        b"The time traveller\x00\x00\x00 spoke.\n",
        zip_that_is_utf8(),
    ],
    ids=["utf-16", "nul", "zip"],
)
def test_22a_file_that_is_no_text_is_refused(tmp_path, data):
    """A file that is no text is refused by its name."""
    (tmp_path / "own.txt").write_bytes(data)
    with pytest.raises(ValueError, match=r"own\.txt"):
        rnnlib.load_corpus(tmp_path / "own.txt")


def test_22b_long_line_takes_little_memory(tmp_path):
    """A long line of Chinese takes less than ten times the file's size."""
    data = ("床前明月光" * 200_000).encode()
    (tmp_path / "own.txt").write_bytes(data)
    tracemalloc.start()
    try:
        corpus = rnnlib.load_corpus(tmp_path / "own.txt")
        times = tracemalloc.get_traced_memory()[1] / len(data)
    finally:
        tracemalloc.stop()
    assert corpus.language == "zh" and times < 10, f"{times:.0f} times the file's size"


# 23. Small things.


def load_by_name() -> None:
    assert rnnlib.load_corpus("time_machine").is_substitute


@pytest.mark.parametrize("call", [load_by_name, lambda: main(["corpora"])], ids=["load_corpus", "corpora"])
def test_23a_home_of_an_unknown_user_in_rnnlib_data(monkeypatch, call):
    """Either it is a folder that has nothing, or the error says where to look."""
    monkeypatch.setenv("RNNLIB_DATA", "~no_such_user_here/x")
    try:
        call()
    except Exception as error:
        assert "RNNLIB_DATA" in str(error)


@posix
def test_23b_unreadable_checkpoint_is_not_called_missing():
    """A checkpoint that may not be read is not called missing."""
    with tempfile.TemporaryDirectory() as folder:
        path = rnnlib.save_checkpoint(Path(folder) / "c", language_model())
        rnnlib.load_checkpoint(path)  # what is imported on the way is imported now
        os.chmod(folder, 0o755)
        os.chmod(path, 0)
        user = os.geteuid()
        try:
            if user == 0:  # root may read everything
                os.seteuid(65534)
            with pytest.raises(PermissionError):
                rnnlib.load_checkpoint(path)
        finally:
            os.seteuid(user)


@linux
def test_23c_unreadable_corpus_leaves_the_others_in_the_list(tmp_path, monkeypatch, capsys):
    """One unreadable file does not empty the list of corpora."""
    (tmp_path / "timemachine.txt").symlink_to("/proc/self/mem")  # a file that opens, and fails when read
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path))
    assert main(["corpora"]) == 0
    listed = capsys.readouterr().out
    assert all(entry.name in listed for entry in rnnlib.available_corpora())


def test_23d_enormous_temperature(vocab):
    """A temperature of 1e39 generates, or the error speaks of the temperature."""
    try:
        text = rnnlib.generate(language_model(len(vocab)), "the", 5, vocab, temperature=1e39)
    except ValueError as error:
        assert "temperature" in str(error)
    else:
        assert len(text) == 8


def test_23e_enormous_learning_rate():
    """A learning rate of 1e300 ends in an error that speaks of the learning rate."""
    loader = rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    with pytest.raises((ValueError, FloatingPointError), match="lr|learning rate"):
        rnnlib.train(language_model(), loader, 3, 1e300, progress=False)


def test_23f_held_out_data_may_be_a_loader():
    """Held-out data may be a loader."""
    loader, held_out = (rnnlib.SequenceLoader(random_tokens(count), 2, 5) for count in (60, 40))
    model = language_model()
    history = rnnlib.train(model, loader, 1, valid=held_out, progress=False)
    assert history.valid_ppl == {1: rnnlib.perplexity(model, held_out)}


def test_23g_header_is_standard_json(tmp_path):
    """An infinite loss is written as JSON that every reader takes."""
    history = rnnlib.History(train_loss=[math.inf], valid_loss={1: math.inf}, tokens_per_second=[1.0])
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model(), history=history)
    assert rnnlib.load_checkpoint(path).history == history
    with safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata()["rnnlib"]
    json.loads(header, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@posix
def test_23h_mode_of_a_checkpoint_is_kept(tmp_path):
    """A checkpoint written over another one keeps its mode."""
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model())
    path.chmod(0o600)
    rnnlib.save_checkpoint(path, language_model())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_23i_symbolic_link_is_followed(tmp_path):
    """A symbolic link stays one; the checkpoint goes where it points."""
    (tmp_path / "disk").mkdir()
    link, target = tmp_path / "c", tmp_path / "disk" / "c"
    link.symlink_to(target)
    model = language_model()
    rnnlib.save_checkpoint(link, model)
    assert link.is_symlink() and target.is_file()
    own, saved = model.state_dict(), rnnlib.load_checkpoint(target).model_state
    assert own.keys() == saved.keys() and all(torch.equal(own[name], saved[name]) for name in own)


def test_23j_long_names(tmp_path):
    """A checkpoint's name may be as long as the file system allows."""
    path = tmp_path / ("m" * 250)
    rnnlib.save_checkpoint(path, language_model())
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_23k_compiled_and_plain_models_have_the_same_checkpoint(tmp_path):
    """A compiled model and the plain one take over each other's checkpoints."""
    model, other = language_model(), language_model()
    path = rnnlib.save_checkpoint(tmp_path / "c", torch.compile(model, backend="eager"))
    checkpoint = rnnlib.load_checkpoint(path)
    checkpoint.restore(other)
    assert same(weights_of(other), weights_of(model))
    checkpoint.restore(torch.compile(other, backend="eager"))


def test_23l_forward_of_ones_own_is_used_at_every_step(vocab):
    """The fast step does not go past a forward of one's own."""
    model = rnnlib.RNNModel(nn.RNN(len(vocab), 8), len(vocab))

    def forward(X, state=None):
        return F.one_hot(torch.full(X.shape, vocab["q"]), len(vocab)).float(), model.begin_state(len(X))

    model.forward = forward
    assert rnnlib.generate(model, "the", 5, vocab) == "theqqqqq"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_23m_restoring_a_model_without_values(tmp_path):
    """A model on the meta device gets values, or the error speaks of that device."""
    model = language_model()
    checkpoint = rnnlib.load_checkpoint(rnnlib.save_checkpoint(tmp_path / "c", model))
    with torch.device("meta"):
        empty = language_model()
    try:
        checkpoint.restore(empty)
    except rnnlib.CheckpointError as error:
        assert "meta" in str(error)
    else:
        assert not any(parameter.is_meta for parameter in empty.parameters())
        assert same(weights_of(empty), weights_of(model))
