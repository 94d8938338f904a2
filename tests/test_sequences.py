"""Classifiers and taggers: shapes, what they compute, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from rnnlib.models import SequenceClassifier, SequenceTagger

I_, H, K, B, T, V = 3, 4, 5, 2, 6, 7
LAYERS = ("rnn", "lstm", "gru")


@pytest.mark.parametrize("indices", [False, True])
@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("layer", LAYERS)
def test_shapes(layer, L, D, indices):
    options = {"num_layers": L, "bidirectional": D == 2, "vocab_size": V if indices else None}
    X = torch.randint(0, V, (B, T)) if indices else torch.randn(B, T, I_)
    for pooling in SequenceClassifier.POOLINGS:
        model = SequenceClassifier(layer, I_, H, K, pooling=pooling, **options)
        assert model(X)[0].shape == (B, K) and model.num_outputs == K
    assert SequenceTagger(layer, I_, H, K, **options)(X)[0].shape == (B, T, K)
    model(X)[0].sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_pooled(layer):
    """Features from the outputs of the layer: forward they end at T, backward at 1."""
    X = torch.randn(B, T, I_)
    for pooling in SequenceClassifier.POOLINGS:
        model = SequenceClassifier(layer, I_, H, K, num_layers=2, bidirectional=True, pooling=pooling)
        Y, _ = model.rnn(X)  # (B, T, 2H)
        ends = torch.cat([Y[:, -1, :H], Y[:, 0, H:]], dim=1)
        features = {"last": ends, "mean": Y.mean(dim=1), "max": Y.max(dim=1).values}[pooling]
        torch.testing.assert_close(model(X)[0], model.output(features))
    tagger = SequenceTagger(layer, I_, H, K)
    torch.testing.assert_close(tagger(X)[0], tagger.output(tagger.rnn(X)[0]))


def test_the_future_is_seen_in_two_directions_only():
    X = torch.randn(1, T, I_, requires_grad=True)
    for bidirectional, seen in ((False, False), (True, True)):
        model = SequenceTagger("gru", I_, H, K, bidirectional=bidirectional)
        (grad,) = torch.autograd.grad(model(X)[0][0, 1].sum(), X)
        assert bool(grad[0, 2:].any()) == seen and grad[0, :2].any()


def test_dropout_acts_before_the_output_layer_even_for_one_layer():
    X = torch.randn(B, T, I_)
    with torch.no_grad():
        model = SequenceClassifier("lstm", I_, H, K, dropout=0.5)
        assert model.rnn.dropout == 0 and not torch.equal(model(X)[0], model(X)[0])
        model.eval()
        assert torch.equal(model(X)[0], model(X)[0])
        deep = SequenceClassifier("lstm", I_, H, K, num_layers=2, dropout=0.5)
        assert deep.rnn.dropout == 0.5
        plain = SequenceClassifier("lstm", I_, H, K)
        assert torch.equal(plain(X)[0], plain(X)[0])


def test_arguments_out_of_range():
    with pytest.raises(ValueError, match=r"layer='LSTM' is not known; use one of \['gru', 'lstm', 'rnn'\]"):
        SequenceTagger("LSTM", I_, H, K)
    with pytest.raises(ValueError, match="pooling='sum' is not known"):
        SequenceClassifier("rnn", I_, H, K, pooling="sum")
    for name in ("input_size", "num_hiddens", "num_outputs", "num_layers", "vocab_size"):
        sizes = {"input_size": I_, "num_hiddens": H, "num_outputs": K, name: 0}
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer of at least 1"):
            SequenceClassifier("rnn", **sizes)
    with pytest.raises(ValueError, match="dropout"):
        SequenceClassifier("rnn", I_, H, K, dropout=1.5)


@pytest.mark.parametrize("cls", [SequenceClassifier, SequenceTagger])
def test_inputs_that_do_not_fit(cls):
    values, indices = cls("rnn", I_, H, K), cls("rnn", I_, H, K, vocab_size=V)
    wanted = r"\(B, T, 3\) floating-point values are expected"
    for bad in (
        torch.randn(T, I_),
        torch.randn(B, T, I_ + 1),
        torch.ones(B, T, I_).long(),
        torch.randn(B, 0, I_),
        torch.randn(0, T, I_),
    ):
        with pytest.raises(ValueError, match=wanted):
            values(bad)
    for bad in (torch.zeros(B, T), torch.zeros(B, T, I_).long(), torch.zeros(B, 0).long()):
        with pytest.raises(ValueError, match=r"\(B, T\) whole numbers, the indices of tokens, are expected"):
            indices(bad)
    with pytest.raises(ValueError, match="the input has batch_size=2"):
        values(torch.randn(B, T, I_), torch.zeros(1, B + 1, H))


@pytest.mark.parametrize("layer", LAYERS)
def test_the_state_carries_on(layer):
    """Reading in two parts is reading at once, with and without lengths."""
    X = torch.randn(B, T, I_).double()
    tagger = SequenceTagger(layer, I_, H, K, num_layers=2).double()
    whole, last = tagger(X)
    first, state = tagger(X[:, :2])
    second, end = tagger(X[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(end, last)
    classifier = SequenceClassifier(layer, I_, H, K).double()
    _, state = classifier(X[:, :2], lengths=torch.tensor([1, 2]))
    for b, n in enumerate((1, 2)):
        part = tuple(p[:, b : b + 1] for p in state) if isinstance(state, tuple) else state[:, b : b + 1]
        alone, _ = classifier(torch.cat([X[b, :n], X[b, 2:]])[None])
        torch.testing.assert_close(classifier(X[b : b + 1, 2:], part)[0], alone)


@pytest.mark.cuda
def test_on_the_gpu():
    X = torch.randn(B, T, I_)
    for layer in LAYERS:
        model = SequenceClassifier(layer, I_, H, K, bidirectional=True, pooling="mean")
        expected, _ = model(X)
        torch.testing.assert_close(model.cuda()(X.cuda())[0].cpu(), expected, rtol=1e-3, atol=1e-3)
