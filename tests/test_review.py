"""Each test states a promise that version 0.1 broke; the number is the defect's place in the list of them."""

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
from torch import nn

import rnnlib
from rnnlib import d2l, scratch
from rnnlib.__main__ import main
from rnnlib.data import catalogue, fetch, forget_failed_downloads
from rnnlib.inspect import metrics
from rnnlib.models.attention import CausalAttentionModel
from rnnlib.models.sequences import SequenceClassifier, SequenceTagger
from rnnlib.training.checkpoints import CheckpointError
from rnnlib.training.fitting import fit

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals, modes or users")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's measures and files")


def defect(item: int, what: str) -> pytest.MarkDecorator:
    """Version 0.1 is known to fail here."""
    return pytest.mark.xfail(strict=True, reason=f"REVIEW {item}: {what}")


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
            total += F.cross_entropy(logits.double(), Y.T.reshape(-1), reduction="sum").item()
            count += Y.numel()
    return total / count


@defect(1, "the sum of a bfloat16 model's losses is kept in bfloat16")
def test_01a_loss_sums_are_kept_in_float64():
    model = language_model(28).to(torch.bfloat16)
    data = {"corpus": random_tokens(4000, 28), "batch_size": 2, "num_steps": 5, "seed": 0}
    total, count = rnnlib.train_epoch(model, rnnlib.SequenceLoader(**data), unmoved(model))
    assert total / count == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


@defect(1, "the sum of a float16 model's losses overflows")
def test_01b_loss_sum_of_a_float16_model_is_finite():
    model = language_model(28).to(torch.float16)
    data = {"corpus": random_tokens(31_000, 28), "batch_size": 100, "num_steps": 100, "seed": 0}
    total, count = rnnlib.train_epoch(model, rnnlib.SequenceLoader(**data), unmoved(model))
    assert total / count == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


@defect(1, "d2l.train_epoch_ch8 keeps the sum in bfloat16")
def test_01c_loss_sums_of_d2l_are_kept_in_float64():
    model = d2l.RNNModel(nn.GRU(28, 8), 28).to(torch.bfloat16)
    data = {"corpus": random_tokens(4000, 28), "batch_size": 2, "num_steps": 5, "seed": 0}
    loader = rnnlib.SequenceLoader(**data)
    ppl, _ = d2l.train_epoch_ch8(model, loader, nn.CrossEntropyLoss(), unmoved(model), "cpu", False)
    assert math.log(ppl) == pytest.approx(mean_loss(model, rnnlib.SequenceLoader(**data)), abs=0.01)


@defect(1, "fit keeps the sum in bfloat16")
def test_01d_loss_sums_of_fit_are_kept_in_float64():
    model = SequenceClassifier("gru", 2, 4, 3).to(torch.bfloat16)
    X, Y = torch.randn(600, 3, 2, dtype=torch.bfloat16), torch.randint(3, (600,))
    with torch.no_grad():
        expected = F.cross_entropy(model(X).double(), Y).item()
    record = fit(model, X, Y, loss=F.cross_entropy, num_epochs=1, batch_size=1, optimizer=unmoved(model))
    assert record.train_loss[0] == pytest.approx(expected, abs=0.01)


# 2. A padded place has no weight.


@defect(2, "means over the real places of a batch are weighted by its rows")
def test_02_training_loss_of_padded_rows_is_the_mean_over_real_labels():
    model = SequenceTagger("gru", 2, 4, 3)
    X, Y = torch.randn(4, 10, 2), torch.randint(3, (4, 10))
    Y[1:, 1:] = -100  # one row of ten labels, three of one
    with torch.no_grad():
        expected = F.cross_entropy(model(X).flatten(0, 1), Y.flatten()).item()
    record = fit(model, X, Y, loss=F.cross_entropy, num_epochs=1, batch_size=1, optimizer=unmoved(model))
    assert record.train_loss[0] == pytest.approx(expected, rel=1e-5)


# 3. Places labelled -100 are left out of the scores.

ANSWER, LABELS = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, -100, -100])


@defect(3, "accuracy counts padded places as wrong")
def test_03a_accuracy_leaves_padding_out():
    assert metrics.accuracy(ANSWER, LABELS) == 1.0


@defect(3, "macro_recall counts padding as a class")
def test_03b_macro_recall_leaves_padding_out():
    assert metrics.macro_recall(ANSWER, LABELS) == 1.0


@defect(3, "f1_score refuses padded labels")
def test_03c_f1_leaves_padding_out():
    assert metrics.f1_score(ANSWER, LABELS) == 1.0


# 4. An optimizer of another kind does not fit.


@defect(4, "restore takes another kind of optimizer in silence")
@pytest.mark.parametrize(
    "saved, other", [(torch.optim.SGD, torch.optim.Adam), (torch.optim.Adam, torch.optim.SGD)]
)
def test_04_restore_refuses_another_kind_of_optimizer(tmp_path, saved, other):
    model = language_model()
    optimizer = saved(model.parameters(), lr=0.1)
    rnnlib.train(
        model, rnnlib.SequenceLoader(random_tokens(60), 2, 5), 1, optimizer=optimizer, progress=False
    )
    checkpoint = rnnlib.load_checkpoint(rnnlib.save_checkpoint(tmp_path / "c", model, optimizer=optimizer))
    with pytest.raises(CheckpointError, match="optimizer"):
        checkpoint.restore(model, other(model.parameters(), lr=0.1))


# 5. Shapes can be traced through other models than the language model.


@defect(5, "trace_shapes asks a classifier for num_directions")
def test_05a_trace_shapes_of_a_classifier():
    model = SequenceClassifier("gru", 3, 4, 2, vocab_size=7)
    assert "2" in str(rnnlib.trace_shapes(model, torch.zeros(5, 6, dtype=torch.int64)))


@defect(5, "trace_shapes takes any attribute named rnn for a layer of the library's model")
def test_05b_trace_shapes_of_a_model_of_ones_own():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(7, 3), nn.GRUCell(3, 4)

        def forward(self, X):
            return self.rnn(self.embedding(X[:, 0]))

    assert "B=5" in str(rnnlib.trace_shapes(Own(), torch.zeros(5, 6, dtype=torch.int64)))


# 6. What the documentation says of num_steps is true.


@defect(6, "the docstring promises no effect of num_steps for every causal model")
def test_06_perplexity_says_which_models_num_steps_has_an_effect_on():
    model = CausalAttentionModel(6, width=16, window=16).eval()
    values = [rnnlib.perplexity(model, random_tokens(200), 2, num_steps) for num_steps in (1, 5, 12, 64)]
    independent = max(values) - min(values) < 1e-4
    said = rnnlib.perplexity.__doc__.split("num_steps:")[1]
    assert independent or "window" in said or "attention" in said, f"{values}, but: {said}"


# 7. Each optimizer has a learning rate of its own.


@defect(7, "train keeps lr = 1.0 for Adam")
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_07_learning_rate_follows_the_optimizer(name):
    results = []
    for options in ({}, {"lr": 1e-3}):
        rnnlib.set_seed(0)
        loader = rnnlib.SequenceLoader(random_tokens(200), 2, 5, seed=0)
        model = language_model()
        results.append(rnnlib.train(model, loader, 2, optimizer=name, progress=False, **options).train_ppl)
    assert results[0] == results[1]


# 8. Lines of one's own text do not run into each other.


@defect(8, "lines of English are joined by nothing")
def test_08a_lines_of_a_string_are_joined_by_a_space():
    assert rnnlib.corpus_from_string("the time\ntraveller came").text == "the time traveller came"


@defect(8, "the embedded tale is glued at the ends of its lines")
def test_08b_the_embedded_tale_has_no_glued_words():
    corpus = rnnlib.load_corpus("tale")
    assert corpus.text.split() == corpus.tokens("word")


@defect(8, "the lines of a file of one's own are joined by nothing")
def test_08c_lines_of_a_file_are_joined_by_a_space(tmp_path):
    (tmp_path / "own.txt").write_text("the time\ntraveller came\n", encoding="utf-8")
    assert rnnlib.load_corpus(tmp_path / "own.txt").text.split() == ["the", "time", "traveller", "came"]


# 9. NumPy's numbers are numbers.


@defect(9, "NumPy integers are no integers")
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
    call()


@defect(9, "NumPy's float32 is no number")
@pytest.mark.parametrize("name", ["lr", "clip"])
def test_09b_numpy_floats_are_accepted(name):
    loader = rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    history = rnnlib.train(language_model(), loader, 1, progress=False, **{name: np.float32(0.5)})
    assert history.num_epochs == 1


# 10. perplexity reads what train takes.


@defect(10, "perplexity refuses TextData")
def test_10a_perplexity_of_text_data_is_that_of_the_held_out_tokens():
    data = rnnlib.load_text("tale", max_tokens=500, num_valid=100, batch_size=2, num_steps=5, device="cpu")
    model = language_model(len(data.vocab))
    assert rnnlib.perplexity(model, data) == rnnlib.perplexity(model, data.valid)


@defect(10, "perplexity refuses a generator")
def test_10b_perplexity_of_a_generator():
    model, tokens = language_model(), random_tokens(100).tolist()
    assert rnnlib.perplexity(model, (token for token in tokens)) == rnnlib.perplexity(model, tokens)


# 11. No argument means something else than in torch.


@defect(11, "the fourth argument is bidirectional; in torch it is bias")
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_11_options_of_a_layer_are_given_by_name(kind):
    with pytest.raises(TypeError):
        getattr(scratch, kind)(8, 4, 2, True)


# 12. An n-gram is a token.


def bigrams() -> rnnlib.Vocab:
    text = "time timid"
    return rnnlib.Vocab(list(zip(text, text[1:])))


@defect(12, "an n-gram is looked up letter by letter")
def test_12a_an_ngram_of_the_vocabulary_has_an_index():
    vocab = bigrams()
    assert ("t", "i") in vocab
    assert vocab[("t", "i")] == vocab.idx_to_token.index(("t", "i"))
    assert vocab[[("t", "i"), ("i", "m")]] == [vocab[("t", "i")], vocab[("i", "m")]]


@defect(12, "a checkpoint with a vocabulary of n-grams is called damaged")
def test_12b_a_vocabulary_of_ngrams_comes_back_from_a_checkpoint(tmp_path):
    vocab = bigrams()
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model(len(vocab)), vocab=vocab)
    back = rnnlib.load_checkpoint(path).vocab
    assert back.idx_to_token == vocab.idx_to_token and back.token_freqs == vocab.token_freqs


# 13. The d2l names leave the user's own state, and the published lines, alone.


def d2l_model(init_state, forward_fn) -> d2l.RNNModelScratch:
    return d2l.RNNModelScratch(6, 8, "cpu", scratch.get_params, init_state, forward_fn)


@defect(13, "a state whose batch is the first axis is refused")
def test_13a_d2l_model_with_a_batch_first_state():
    def forward(inputs, state, params):
        (H,) = state
        logits, (last,) = scratch.rnn(inputs, (H[:, 0],), params)
        return logits, (torch.stack([last, H[:, 1]], dim=1),)

    model = d2l_model(lambda B, H, device: (torch.zeros(B, 2, H, device=device),), forward)
    logits, (H,) = model(torch.zeros(3, 4, dtype=torch.int64), model.begin_state(3))
    assert logits.shape == (12, 6) and H.shape == (3, 2, 8)


@defect(13, "a model without a state is refused")
def test_13b_d2l_model_with_no_state():
    def forward(inputs, state, params):
        W_xh, _, b_h, W_hq, b_q = params
        return (torch.tanh(inputs @ W_xh + b_h) @ W_hq + b_q).flatten(0, 1), None

    model = d2l_model(lambda B, H, device: None, forward)
    logits, state = model(torch.zeros(3, 4, dtype=torch.int64), model.begin_state(3))
    assert logits.shape == (12, 6) and state is None


@defect(13, "d2l.Accumulator warns on the published line")
def test_13c_accumulator_takes_the_published_line_without_a_warning():
    loss, y = torch.tensor(2.0, requires_grad=True), torch.zeros(3)
    metric = d2l.Accumulator(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.add(loss * y.numel(), y.numel())
    assert metric[0] / metric[1] == 2.0


# 14. A run that was resumed is the run that was never stopped.


@defect(14, "the generator of a seeded loader is not stored")
def test_14_resuming_with_a_seeded_loader_is_bit_equal(tmp_path):
    def begin():
        rnnlib.set_seed(0)
        model = language_model()
        loader = rnnlib.SequenceLoader(random_tokens(150), 2, 5, seed=7)
        return model, loader, torch.optim.SGD(model.parameters(), lr=1.0)

    model, loader, optimizer = begin()
    whole = rnnlib.train(model, loader, 4, optimizer=optimizer, progress=False)

    model, loader, optimizer = begin()
    history = rnnlib.train(model, loader, 2, optimizer=optimizer, progress=False)
    path = rnnlib.save_checkpoint(tmp_path / "c", model, optimizer=optimizer, history=history)

    model, loader, optimizer = begin()
    checkpoint = rnnlib.load_checkpoint(path)
    checkpoint.restore(model, optimizer)
    resumed = rnnlib.train(model, loader, 2, optimizer=optimizer, history=checkpoint.history, progress=False)
    assert resumed.train_ppl == whole.train_ppl


# 15. What cannot be done is said.


@defect(15, "beam_search over nothing but <unk> ends in an IndexError")
def test_15a_beam_search_has_nothing_to_choose_from():
    with pytest.raises(ValueError, match="<unk>"):
        rnnlib.beam_search(language_model(1), ["<unk>"], 3, rnnlib.Vocab([]))


@defect(15, "Ctrl-C escapes fit")
def test_15b_an_interrupted_fit_keeps_its_record():
    calls = []

    def loss(answers, labels):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return F.cross_entropy(answers, labels)

    X, Y = torch.randn(4, 3, 2), torch.randint(3, (4,))
    try:
        record = fit(SequenceClassifier("gru", 2, 4, 3), X, Y, loss=loss, num_epochs=5, batch_size=2)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C got through")  # by itself it would end the whole test run
    assert record.interrupted and record.num_epochs == 1


@defect(15, "a model of NaN writes spaces in silence, or torch's own error comes")
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_15c_generate_says_that_the_weights_are_no_numbers(vocab, temperature):
    model = language_model(len(vocab))
    with torch.no_grad():
        model.linear.weight.fill_(math.nan)
    with pytest.raises((FloatingPointError, ValueError), match="(?i)not a number|nan|finite"):
        rnnlib.generate(model, "the", 5, vocab, temperature=temperature)


# 16. The tests pass in the background of a shell too.


@posix
@defect(16, "a child inherits that SIGINT is ignored")
def test_16_interrupt_is_tested_where_sigint_is_ignored():
    wanted = "interrupt_from_the_keyboard"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-k",
        wanted,
        Path(__file__).with_name("test_download.py"),
    ]
    done = subprocess.run(
        command,
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

    def begin_state(self, batch_size=1, device=None):
        return (torch.zeros(batch_size, 1),)

    def forward(self, X, state=None):
        return self.bias.expand(X.numel(), 3), state


@defect(17, "the ban on <unk> is written into the tensor that the model returned")
@pytest.mark.parametrize("search", [rnnlib.generate, rnnlib.beam_search])
def test_17_searching_leaves_the_parameters_alone(search):
    model, vocab = Unigram(), rnnlib.Vocab(list("ab"))
    before = rnnlib.perplexity(model, [1, 2, 1, 2])
    search(model, "a", 1, vocab)
    assert model.bias.tolist() == [0.0, 0.0, 0.0]
    assert rnnlib.perplexity(model, [1, 2, 1, 2]) == before == pytest.approx(3.0)


# 18. Two threads may generate with one model.


@defect(18, "the thread that ends first puts the other one's model back into training mode")
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
    model = language_model()
    optimizer = torch.optim.Adam(model.parameters())
    rnnlib.train(
        model, rnnlib.SequenceLoader(random_tokens(60), 2, 5), 1, optimizer=optimizer, progress=False
    )
    path = rnnlib.save_checkpoint(tmp_path / "trained", model, optimizer=optimizer)
    other = language_model()
    return rnnlib.load_checkpoint(path), other, torch.optim.Adam(other.parameters())


def assert_refused_whole(checkpoint, model, optimizer) -> None:
    weights, state = weights_of(model), copy.deepcopy(optimizer.state_dict())
    with pytest.raises(CheckpointError):
        checkpoint.restore(model, optimizer)
    assert same(weights_of(model), weights) and optimizer.state_dict() == state


@defect(19, "a truncated random state is found when the model is overwritten already")
def test_19a_truncated_torch_generator_is_refused_before_anything_changes(trained):
    checkpoint, model, optimizer = trained
    checkpoint.rng["torch"] = checkpoint.rng["torch"][:100]
    assert_refused_whole(checkpoint, model, optimizer)


@defect(19, "a bad state of Python's generator is found when the model is overwritten already")
def test_19b_bad_python_generator_is_refused_before_anything_changes(trained):
    checkpoint, model, optimizer = trained
    checkpoint.rng["python"] = [3, [1, 2, 3], None]
    assert_refused_whole(checkpoint, model, optimizer)


@defect(19, "an optimizer state without its averages is accepted and fails at the next step")
def test_19c_incomplete_optimizer_state_is_refused(trained):
    checkpoint, model, optimizer = trained
    del checkpoint.optimizer_state["state"][0]["exp_avg"]
    assert_refused_whole(checkpoint, model, optimizer)


# 20. Damaged checkpoints end in CheckpointError, and cost nothing.

CONFIG = {
    "corpus": "tale",
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
}


def written(path: Path, vocab: rnnlib.Vocab, **config) -> Path:
    """A checkpoint as the command line writes it, with some settings changed."""
    model = language_model(len(vocab))
    return rnnlib.save_checkpoint(
        path, model, vocab=vocab, history=rnnlib.History(), config={**CONFIG, **config}
    )


def with_header(path: Path, edit) -> Path:
    """Write a checkpoint again with another header; ``edit`` makes it of the old one."""
    with safetensors.safe_open(path, framework="pt") as file:
        header = edit(json.loads(file.metadata()["rnnlib"]))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    text = header if isinstance(header, str) else json.dumps(header)
    safetensors.torch.save_file(tensors, path, metadata={"rnnlib": text})
    return path


@defect(20, "a damaged header ends in another error than CheckpointError")
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
    path = with_header(written(tmp_path / "c", vocab), edit)
    with pytest.raises(CheckpointError):
        rnnlib.load_checkpoint(path)


@defect(20, "the command line ends in a traceback")
def test_20b_command_line_says_that_a_checkpoint_has_no_settings(tmp_path, vocab, capsys):
    path = with_header(written(tmp_path / "c", vocab), lambda header: {**header, "config": None})
    assert main(["generate", str(path), "--prefix", "the"]) == 2
    assert "rnnlib: " in capsys.readouterr().err


@defect(20, "the command line ends in a traceback")
@pytest.mark.parametrize("setting", [{"layer": "transformer"}, {"num_hiddens": 1.5}], ids=str)
def test_20c_command_line_names_a_bad_setting(tmp_path, vocab, capsys, setting):
    path = written(tmp_path / "c", vocab, **setting)
    assert main(["generate", str(path), "--prefix", "the"]) == 2
    assert next(iter(setting)) in capsys.readouterr().err


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
@defect(20, "the model is built before shapes are compared: 19 KB take 1.15 GB")
def test_20d_small_file_takes_little_memory_whatever_its_settings_say(tmp_path, vocab):
    code, megabytes = generate_in_child(written(tmp_path / "c", vocab, num_hiddens=10_000), 120)
    assert code == 2 and megabytes < 200, f"{megabytes:.0f} MB"


@linux
@defect(20, "the model is built before shapes are compared: it does not return")
def test_20e_small_file_is_refused_at_once_whatever_its_settings_say(tmp_path, vocab):
    code, _ = generate_in_child(written(tmp_path / "c", vocab, num_layers=2**63), 30)
    assert code == 2


@defect(20, "flipped bits inside tensors are accepted")
def test_20f_flipped_bits_are_found(tmp_path, vocab):
    path = written(tmp_path / "c", vocab)
    whole = path.read_bytes()
    begin = 8 + int.from_bytes(whole[:8], "little")  # tensors lie behind the header
    accepted = []
    for place in range(begin, len(whole), (len(whole) - begin) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            rnnlib.load_checkpoint(path)
            accepted.append(place)
        except CheckpointError:
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
    forget_failed_downloads()
    yield server
    forget_failed_downloads()
    server.stopped.set()
    server.shutdown()
    server.server_close()


@defect(21, "the body of a redirect is read whole")
def test_21a_body_of_a_redirect_is_not_read_whole(web):
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


@defect(21, "a drip of headers holds the caller beyond the time limit")
def test_21b_drip_of_headers_is_given_up(web, monkeypatch):
    monkeypatch.setattr(fetch, "SOURCE_SECONDS", 0.3)  # what one source may take in all

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
    assert time.monotonic() - start < 5


@defect(21, "a malformed answer ends the search of sources")
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.0 302 Found\r\nContent-Length: 0\r\nLocation: http://[::1\r\n\r\n",
    ],
    ids=["length", "location"],
)
def test_21c_malformed_answer_costs_one_source(web, answer):
    web.pages["/odd"] = lambda write: write(answer)
    web.offer("/odd", "/good")
    assert rnnlib.load_corpus("time_machine", fallback=False).source == "download"


@defect(21, "control characters of a server's answer reach the terminal")
def test_21d_words_of_a_server_hold_no_control_characters(web):
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


@defect(22, "a file that is no text passes as text")
@pytest.mark.parametrize(
    "data",
    [
        "The time traveller came, and went.\n".encode("utf-16-le"),
        b"The time traveller\x00\x00\x00 came.\n",
        zip_that_is_utf8(),
    ],
    ids=["utf-16", "nul", "zip"],
)
def test_22a_file_that_is_no_text_is_refused(tmp_path, data):
    (tmp_path / "own.txt").write_bytes(data)
    with pytest.raises(ValueError, match=r"own\.txt"):
        rnnlib.load_corpus(tmp_path / "own.txt")


@defect(22, "reading Chinese takes 30 times the file's size")
def test_22b_long_line_takes_little_memory(tmp_path):
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


@defect(23, "RNNLIB_DATA with an unknown user's home: an error that does not name the variable")
@pytest.mark.parametrize("call", [load_by_name, lambda: main(["corpora"])], ids=["load_corpus", "corpora"])
def test_23a_home_of_an_unknown_user_in_rnnlib_data(monkeypatch, call):
    """Either it is a folder that has nothing, or the error says where to look."""
    monkeypatch.setenv("RNNLIB_DATA", "~no_such_user_here/x")
    try:
        call()
    except Exception as error:
        assert "RNNLIB_DATA" in str(error)


@posix
@defect(23, "a checkpoint that may not be read is called missing")
def test_23b_unreadable_checkpoint_is_not_called_missing():
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
@defect(23, "one unreadable file empties the list of corpora")
def test_23c_unreadable_corpus_leaves_the_others_in_the_list(tmp_path, monkeypatch, capsys):
    (tmp_path / "timemachine.txt").symlink_to("/proc/self/mem")  # a file that opens, and fails when read
    monkeypatch.setenv("RNNLIB_DATA", str(tmp_path))
    assert main(["corpora"]) == 0
    listed = capsys.readouterr().out
    assert all(entry.name in listed for entry in rnnlib.available_corpora())


@defect(23, "temperature=1e39 ends in torch's own error")
def test_23d_enormous_temperature(vocab):
    try:
        text = rnnlib.generate(language_model(len(vocab)), "the", 5, vocab, temperature=1e39)
    except ValueError as error:
        assert "temperature" in str(error)
    else:
        assert len(text) == 8


@defect(23, "lr=1e300 ends in torch's own error")
def test_23e_enormous_learning_rate():
    loader = rnnlib.SequenceLoader(random_tokens(60), 2, 5)
    with pytest.raises((ValueError, rnnlib.NonFiniteLossError), match="lr|learning rate"):
        rnnlib.train(language_model(), loader, 3, 1e300, progress=False)


@defect(23, "held-out data cannot be a loader")
def test_23f_held_out_data_may_be_a_loader():
    loader, held_out = (rnnlib.SequenceLoader(random_tokens(count), 2, 5) for count in (60, 40))
    model = language_model()
    history = rnnlib.train(model, loader, 1, valid=held_out, progress=False)
    assert history.valid_ppl == {1: rnnlib.perplexity(model, held_out)}


@defect(23, "an infinite perplexity is written as JSON that no standard has")
def test_23g_header_is_standard_json(tmp_path):
    history = rnnlib.History(train_ppl=[math.inf], valid_ppl={1: math.inf})
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model(), history=history)
    assert rnnlib.load_checkpoint(path).history == history
    with safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata()["rnnlib"]
    json.loads(header, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@posix
@defect(23, "the mode of a checkpoint is not kept")
def test_23h_mode_of_a_checkpoint_is_kept(tmp_path):
    path = rnnlib.save_checkpoint(tmp_path / "c", language_model())
    path.chmod(0o600)
    rnnlib.save_checkpoint(path, language_model())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@defect(23, "a symbolic link is replaced")
def test_23i_symbolic_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    link, target = tmp_path / "c", tmp_path / "disk" / "c"
    link.symlink_to(target)
    model = language_model()
    rnnlib.save_checkpoint(link, model)
    assert link.is_symlink() and target.is_file()
    assert same(list(rnnlib.load_checkpoint(target).model_state.values()), list(model.state_dict().values()))


@defect(23, "the temporary file's name is too long")
def test_23j_long_names(tmp_path):
    path = tmp_path / ("m" * 250)
    rnnlib.save_checkpoint(path, language_model())
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


@defect(23, "the names of a compiled model's parameters do not fit the plain one")
def test_23k_compiled_and_plain_models_have_the_same_checkpoint(tmp_path):
    model, other = language_model(), language_model()
    path = rnnlib.save_checkpoint(tmp_path / "c", torch.compile(model, backend="eager"))
    checkpoint = rnnlib.load_checkpoint(path)
    checkpoint.restore(other)
    assert same(weights_of(other), weights_of(model))
    checkpoint.restore(torch.compile(other, backend="eager"))


@defect(23, "the fast step goes past a forward of one's own")
def test_23l_forward_of_ones_own_is_used_at_every_step(vocab):
    model = rnnlib.RNNModel(nn.RNN(len(vocab), 8), len(vocab))

    def forward(X, state=None):
        return F.one_hot(torch.full((X.numel(),), vocab["q"]), len(vocab)).float(), model.begin_state(len(X))

    model.forward = forward
    assert rnnlib.generate(model, "the", 5, vocab) == "theqqqqq"


@defect(23, "a model without values is restored to nothing")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_23m_restoring_a_model_without_values(tmp_path):
    model = language_model()
    checkpoint = rnnlib.load_checkpoint(rnnlib.save_checkpoint(tmp_path / "c", model))
    with torch.device("meta"):
        empty = language_model()
    try:
        checkpoint.restore(empty)
    except CheckpointError as error:
        assert "meta" in str(error)
    else:
        assert not any(parameter.is_meta for parameter in empty.parameters())
        assert same(weights_of(empty), weights_of(model))
