"""rnnlib.d2l beside the real package d2l 0.17: same seeds, same numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import rnnlib
from rnnlib import d2l as ours

pytest.importorskip("d2l", reason="the package d2l, the peer of these tests, is not installed")

from d2l_chapters import SECTIONS, get_params, init_rnn_state

from benchmarks.d2l_peer import import_d2l, rnn

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def peer():
    """The real d2l, reading the file that rnnlib has: The Time Machine of $RNNLIB_DATA, or the tale."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNLIB_OFFLINE", "1")
        patch.setenv("MPLBACKEND", "agg")
        module, path = import_d2l(), ours.download("time_machine")
        patch.setattr(module, "download", lambda name: path)
        patch.setattr(module.display, "display", lambda figure: None)
        patch.setattr(module.display, "clear_output", lambda wait: None)
        yield module


@pytest.fixture(autouse=True)
def close_figures():
    yield
    ours.plt.close("all")


def seeded(function, *args, **kwargs):
    rnnlib.set_seed(7)
    return function(*args, **kwargs)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_chapter_code_gives_the_same_with_either_import(peer, section, capsys):
    expected = seeded(section, peer)
    expected_lines = capsys.readouterr().out.splitlines()
    found = seeded(section, ours)
    lines = capsys.readouterr().out.splitlines()
    same(found, expected)
    assert [line.split(",")[0] for line in lines if "【" not in line and "[NOTICE]" not in line] == [
        line.split(",")[0] for line in expected_lines
    ]


def same(found, expected):
    """Equal, and tensors and floats to 1e-4 of 1 (ten epochs of single precision apart)."""
    assert type(found) is type(expected)
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            same(a, b)
    elif isinstance(expected, (torch.Tensor, float)):
        assert_close(found, expected, rtol=1e-4, atol=1e-4)
    else:
        assert found == expected


def test_cleaning_and_tokens(peer):
    lines = peer.read_time_machine()
    assert ours.read_time_machine() == lines
    for level in ("word", "char"):
        assert ours.tokenize(lines, level) == peer.tokenize(lines, level)
    assert ours.tokenize(lines[:5]) == peer.tokenize(lines[:5])
    with pytest.raises(ValueError, match="'syllable'"):
        ours.tokenize(lines, "syllable")


@pytest.mark.parametrize("level", ["word", "char"])
@pytest.mark.parametrize("options", [{}, {"min_freq": 3}, {"reserved_tokens": ["<pad>", "<bos>"]}])
def test_vocabulary(peer, level, options):
    tokens = peer.tokenize(peer.read_time_machine(), level)
    found, expected = ours.Vocab(tokens, **options), peer.Vocab(tokens, **options)
    assert found.idx_to_token == expected.idx_to_token
    assert found.token_to_idx == expected.token_to_idx
    assert found.token_freqs == expected.token_freqs
    assert ours.count_corpus(tokens) == peer.count_corpus(tokens)
    assert found[["the", "zzz"]] == expected[["the", "zzz"]]
    assert found.to_tokens([1, 2]) == expected.to_tokens([1, 2])


@pytest.mark.parametrize("max_tokens", [-1, 0, 1000])
def test_corpus(peer, max_tokens):
    found, expected = ours.load_corpus_time_machine(max_tokens), peer.load_corpus_time_machine(max_tokens)
    assert found[0] == expected[0]
    assert found[1].idx_to_token == expected[1].idx_to_token


@pytest.mark.parametrize("use_random_iter", [False, True])
def test_minibatches_over_several_epochs(peer, use_random_iter):
    def epochs(d2l):
        loader, vocab = d2l.load_data_time_machine(8, 15, use_random_iter, max_tokens=2000)
        assert (loader.batch_size, loader.num_steps, loader.vocab) == (8, 15, vocab)
        return [batch for _ in range(4) for batch in loader]

    found, expected = seeded(epochs, ours), seeded(epochs, peer)
    assert len(found) == len(expected) > 40
    for (X, Y), (X_peer, Y_peer) in zip(found, expected):
        assert X.dtype == Y.dtype == X_peer.dtype
        assert torch.equal(X, X_peer) and torch.equal(Y, Y_peer)


def scratch(d2l, vocab_size):
    torch.manual_seed(3)
    return d2l.RNNModelScratch(vocab_size, 48, CPU, get_params, init_rnn_state, rnn)


def concise(d2l, vocab_size):
    torch.manual_seed(3)
    return d2l.RNNModel(nn.RNN(vocab_size, 48), vocab_size)


def parameters(net):
    return list(net.parameters()) if isinstance(net, nn.Module) else net.params


def test_scratch_model_forward(peer):
    found, expected = scratch(ours, 28), scratch(peer, 28)
    X = torch.randint(28, (3, 6))
    for a, b in zip(found.params, expected.params):
        assert torch.equal(a, b)
    logits, state = found(X, found.begin_state(3, CPU))
    logits_peer, state_peer = expected(X, expected.begin_state(3, CPU))
    assert torch.equal(logits, logits_peer) and torch.equal(state[0], state_peer[0])
    assert isinstance(state, tuple) and logits.shape == (18, 28)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"bidirectional": True}])
def test_concise_model_forward(peer, kind, options):
    torch.manual_seed(3)
    expected = peer.RNNModel(kind(28, 16, **options), 28)
    found = ours.RNNModel(kind(28, 16, **options), 28)
    assert list(found.state_dict()) == list(expected.state_dict())
    found.load_state_dict(expected.state_dict())
    X = torch.randint(28, (3, 6))
    begun, begun_peer = found.begin_state(CPU, 3), expected.begin_state(CPU, 3)
    same(begun, begun_peer)
    same(found.begin_state(batch_size=2, device=CPU), expected.begin_state(batch_size=2, device=CPU))
    same(found.begin_state(2, CPU), expected.begin_state(CPU, 2))
    same(found(X, begun), expected(X, begun_peer))
    same(found(X.float())[0], expected(X, begun_peer)[0])
    assert found.num_hiddens == expected.num_hiddens and found.num_directions == expected.num_directions


@pytest.mark.parametrize("use_random_iter", [False, True])
@pytest.mark.parametrize("build", [scratch, concise])
def test_one_epoch_and_prediction(peer, build, use_random_iter):
    def epoch(d2l):
        loader, vocab = d2l.load_data_time_machine(16, 20, use_random_iter, max_tokens=5000)
        net = build(d2l, len(vocab))
        if isinstance(net, nn.Module):
            updater = torch.optim.SGD(net.parameters(), 1)
        else:

            def updater(batch_size):
                d2l.sgd(net.params, 1, batch_size)

        ppl, speed = d2l.train_epoch_ch8(net, loader, nn.CrossEntropyLoss(), updater, CPU, use_random_iter)
        assert speed > 0
        samples = [d2l.predict_ch8(prefix, 40, net, vocab, CPU) for prefix in ("time traveller", "t", "A b")]
        return ppl, parameters(net), samples

    ppl, params, samples = seeded(epoch, ours)
    ppl_peer, params_peer, samples_peer = seeded(epoch, peer)
    assert ppl == pytest.approx(ppl_peer, rel=1e-5)
    assert ppl < 28
    for a, b in zip(params, params_peer):
        assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert samples == samples_peer


@pytest.mark.parametrize("build", [scratch, concise])
def test_an_epoch_whose_gradients_are_clipped(peer, build):
    def loss(logits, labels):
        return 20 * nn.functional.cross_entropy(logits, labels, reduction="none")

    def epoch(d2l):
        loader, vocab = d2l.load_data_time_machine(16, 20, max_tokens=2000)
        net = build(d2l, len(vocab))

        def updater(batch_size):
            norms.append(torch.cat([p.grad.flatten() for p in parameters(net)]).norm().item())
            d2l.sgd(parameters(net), 0.5, batch_size)

        ppl, _ = d2l.train_epoch_ch8(net, loader, loss, updater, CPU, False)
        return math.log(ppl), parameters(net)

    norms = []
    found, expected = seeded(epoch, ours), seeded(epoch, peer)
    same(found, expected)
    assert norms[0] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_prediction_in_both_directions(peer, kind):
    """The peer reads the prefix token by token, and so a bidirectional net has another state after it."""
    torch.manual_seed(3)
    vocab = peer.load_corpus_time_machine()[1]
    expected = peer.RNNModel(kind(len(vocab), 64, 2, bidirectional=True), len(vocab))
    found = ours.RNNModel(kind(len(vocab), 64, 2, bidirectional=True), len(vocab))
    found.load_state_dict(expected.state_dict())
    sample = ours.predict_ch8("time traveller", 30, found, vocab, CPU)
    assert sample == peer.predict_ch8("time traveller", 30, expected, vocab, CPU)


@pytest.mark.parametrize("theta", [1e-3, 1e3])
@pytest.mark.parametrize("build", [scratch, concise])
def test_clipping(peer, build, theta):
    found, expected = build(ours, 28), build(peer, 28)
    X = torch.randint(28, (3, 6))
    for d2l, net in ((ours, found), (peer, expected)):
        logits, _ = net(X, net.begin_state(batch_size=3, device=CPU))
        logits.pow(2).sum().backward()
        assert d2l.grad_clipping(net, theta) is None
    for a, b in zip(parameters(found), parameters(expected)):
        assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-9)


def test_timer_and_accumulator(peer):
    for d2l in (ours, peer):
        timer = d2l.Timer()
        timer.times = [1.0, 2.0, 4.0]
        assert (timer.avg(), timer.sum(), timer.cumsum()) == (7 / 3, 7.0, [1.0, 3.0, 7.0])
        metric = d2l.Accumulator(2)
        metric.add(1, torch.tensor(2))
        metric.add(3, 4)
        assert (metric[0], metric[1]) == (4.0, 6.0)
        metric.reset()
        assert metric.data == [0.0, 0.0]


def test_figures_have_the_same_look(peer):
    looks = []
    for d2l in (ours, peer):
        animator = d2l.Animator(
            xlabel="epoch", legend=["a", "b"], xlim=[1, 9], yscale="log", nrows=1, ncols=2
        )
        animator.add(1, [3, 2])
        animator.add(2, (2.5, None))
        axes = animator.axes[0]
        curves = [list(zip(*line.get_data())) for line in axes.lines]
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        looks.append((curves, legend, axes.get_xlim(), axes.get_yscale(), axes.get_xlabel()))
    assert looks[0] == looks[1]
    assert looks[0][0] == [[(1, 3), (2, 2.5)], [(1, 2)]]
