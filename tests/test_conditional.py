"""One to many: the label rules what is written, and no token sees itself or its future."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnlib.models.conditional import ConditionalGenerator
from rnnlib.training.fitting import fit

K, V, H, B, T = 3, 6, 8, 4, 5
LAYERS = ("rnn", "lstm", "gru")


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("layer", LAYERS)
def test_shapes_and_the_computation_written_out(layer, L):
    model = ConditionalGenerator(K, V, H, layer=layer, num_layers=L, embedding_size=7).double()
    labels, X = torch.tensor([0, 2, 2, 1]), torch.randint(0, V, (B, T))
    state = model.begin_state(labels)
    assert isinstance(state, tuple) == (layer == "lstm")
    for part in parts(state):
        assert part.shape == (L, B, H)
        assert torch.equal(part[:, 1], part[:, 2]) and not torch.equal(part[:, 0], part[:, 1])
    if layer == "lstm":
        assert not torch.equal(*state)
    logits = model(labels, X)
    assert logits.shape == (B, T, V)
    begin = torch.full((B, 1), V)
    Y, _ = model.rnn(model.tokens(torch.cat([begin, X], dim=1)), state)
    torch.testing.assert_close(logits, model.output(Y)[:, :T], rtol=0, atol=1e-12)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.labels.weight.grad.abs().amin() > 0  # every label got its share


@pytest.mark.parametrize("layer", LAYERS)
def test_a_token_is_predicted_from_the_label_and_what_stands_before_it(layer):
    model = ConditionalGenerator(K, V, H, layer=layer).double()
    labels, X = torch.tensor([0, 1, 2, 0]), torch.randint(0, V, (B, T))
    logits = model(labels, X)
    for t in range(T):
        changed = X.clone()
        changed[:, t] = (X[:, t] + 1) % V
        other = model(labels, changed)
        torch.testing.assert_close(other[:, : t + 1], logits[:, : t + 1], rtol=0, atol=1e-14)
        assert t == T - 1 or (other[:, t + 1] - logits[:, t + 1]).abs().max() > 1e-4
    assert ((model((labels + 1) % K, X) - logits).abs().amax(dim=(0, 2)) > 1e-6).all()


@pytest.mark.parametrize("layer", LAYERS)
def test_writing_is_reading_one_at_a_time(layer):
    model = ConditionalGenerator(K, V, H, layer=layer, num_layers=2).double()
    labels = torch.tensor([2, 0, 1])
    written = model.generate(labels, T, temperature=0)
    assert written.shape == (3, T) and written.dtype == torch.int64
    assert torch.equal(model(labels, written).argmax(dim=-1), written)
    assert model.training and not written.requires_grad


def test_each_label_gets_its_own_sequence():
    rule = torch.tensor([[0, 1, 2, 3, 4], [5, 4, 3, 2, 1], [2, 2, 5, 5, 2]])
    labels = torch.arange(K).repeat(20)
    model = ConditionalGenerator(K, V, 16)
    record = fit(
        model, (labels, rule[labels]), rule[labels], loss=nn.CrossEntropyLoss(), num_epochs=30, lr=0.02
    )
    assert record.train_loss[-1] < 0.1 < 1 < record.train_loss[0]
    assert torch.equal(model.generate(torch.arange(K), T, temperature=0), rule)
    assert torch.equal(model.generate(torch.tensor([1]), 3, temperature=0.3, top_k=1), rule[1:2, :3])


def test_chance_is_ruled_by_the_seed():
    model = ConditionalGenerator(K, V, H)
    labels = torch.zeros(6, dtype=torch.int64)
    one = model.generate(labels, T, seed=1)
    assert torch.equal(one, model.generate(labels, T, seed=1))
    assert not torch.equal(one, model.generate(labels, T, seed=2))
    assert len({tuple(row) for row in one.tolist()}) > 1  # a label that stands there twice gets two
    assert one.min() >= 0 and one.max() < V


def test_ignored_places_teach_nothing():
    model = ConditionalGenerator(K, V, H)
    labels, X = torch.tensor([0, 1, 2, 0]), torch.randint(0, V, (B, T))
    Y = X.clone()
    Y[:, 3:] = -100
    losses = []
    for tail in (0, 1):
        X[:, 3:] = tail
        losses.append(
            fit(model, (labels, X), Y, loss=nn.CrossEntropyLoss(), num_epochs=1, lr=1e-9).train_loss[0]
        )
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_errors():
    model, X = ConditionalGenerator(K, V, H), torch.randint(0, V, (B, T))
    good = torch.tensor([0, 1, 2, 0])
    for bad in (good[:, None], good.float(), good[:0]):
        with pytest.raises(ValueError, match=r"labels have shape .*; \(B,\) whole numbers are wanted"):
            model.begin_state(bad)
    for bad in (3, -1):
        labels = good.clone()
        labels[2] = bad
        message = "labels run from .*; they must lie between 0 and 2"
        with pytest.raises(ValueError, match=message):
            model(labels, X)
        with pytest.raises(ValueError, match=message):
            model.generate(labels, 3)
    for bad in (X[0], X.float(), X[:3], X[:, :0]):
        with pytest.raises(ValueError, match=r"\(B, T\) whole numbers with B = 4, one row per label"):
            model(good, bad)
    labels = X.clone()
    labels[0, 0] = V
    with pytest.raises(ValueError, match="labels run from 0 to 6, but the model has 6 outputs"):
        fit(model, (good, X), labels, loss=nn.CrossEntropyLoss(), num_epochs=1)
    with pytest.raises(ValueError, match="layer='cnn' is not known"):
        ConditionalGenerator(K, V, H, layer="cnn")
    for name in ("num_labels", "vocab_size", "num_hiddens", "num_layers", "embedding_size"):
        sizes = {"num_labels": K, "vocab_size": V, "num_hiddens": H, name: 0}
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer"):
            ConditionalGenerator(**sizes)
    with pytest.raises(ValueError, match="num_steps=0"):
        model.generate(good, 0)


@pytest.mark.cuda
def test_on_the_gpu():
    model = ConditionalGenerator(K, V, H).cuda()
    assert model.generate(torch.arange(K, device="cuda"), T).device.type == "cuda"
