"""One to many: the label rules what is written, and no token sees itself or its future."""

from __future__ import annotations

import pytest
import torch

from rnnlib import ConditionalGenerator, ExampleLoader, generate_tokens, train

K, V, H, B, T = 3, 6, 8, 4, 5
LAYERS = ("rnn", "lstm", "gru")


def write(model, labels, num_steps, **options):
    first, state = model.begin(labels)
    return generate_tokens(model, first, num_steps, state=state, **options)


def learn(model, labels, X, Y=None, **options):
    examples = ExampleLoader((model.shifted(X), None, labels), X if Y is None else Y)
    return train(model, examples, optimizer="adam", progress=False, **options)


def parts(state):
    return list(state) if isinstance(state, tuple) else [state]


@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("layer", LAYERS)
def test_shapes_and_the_computation_written_out(layer, L):
    model = ConditionalGenerator(K, V, H, layer=layer, num_layers=L, embedding_size=7).double()
    labels, X = torch.tensor([0, 2, 2, 1]), torch.randint(0, V, (B, T))
    first, state = model.begin(labels)
    assert torch.equal(first, torch.full((B, 1), V))
    assert isinstance(state, tuple) == (layer == "lstm")
    for part in parts(state):
        assert part.shape == (L, B, H)
        assert torch.equal(part[:, 1], part[:, 2]) and not torch.equal(part[:, 0], part[:, 1])
    if layer == "lstm":
        assert not torch.equal(*state)
    logits, last = model(model.shifted(X), labels=labels)
    assert logits.shape == (B, T, V)
    read = torch.cat([first, X], dim=1)[:, :T]
    assert torch.equal(model.shifted(X), read)
    Y, final = model.rnn(model.tokens(read), state)
    torch.testing.assert_close(logits, model.output(Y), rtol=0, atol=1e-12)
    torch.testing.assert_close(last, final)
    torch.testing.assert_close(model(read, state)[0], logits, rtol=0, atol=1e-12)
    logits.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.labels.weight.grad.abs().amin() > 0  # every label got its share


@pytest.mark.parametrize("layer", LAYERS)
def test_a_token_is_predicted_from_the_label_and_what_stands_before_it(layer):
    model = ConditionalGenerator(K, V, H, layer=layer).double()
    labels, X = torch.tensor([0, 1, 2, 0]), torch.randint(0, V, (B, T))
    logits, _ = model(model.shifted(X), labels=labels)
    for t in range(T):
        changed = X.clone()
        changed[:, t] = (X[:, t] + 1) % V
        other, _ = model(model.shifted(changed), labels=labels)
        torch.testing.assert_close(other[:, : t + 1], logits[:, : t + 1], rtol=0, atol=1e-14)
        assert t == T - 1 or (other[:, t + 1] - logits[:, t + 1]).abs().max() > 1e-4
    assert (
        (model(model.shifted(X), labels=(labels + 1) % K)[0] - logits).abs().amax(dim=(0, 2)) > 1e-6
    ).all()


@pytest.mark.parametrize("layer", LAYERS)
def test_writing_is_reading_one_at_a_time(layer):
    model = ConditionalGenerator(K, V, H, layer=layer, num_layers=2).double()
    labels = torch.tensor([2, 0, 1])
    written = write(model, labels, T)
    assert written.shape == (3, T) and written.dtype == torch.int64
    assert torch.equal(model(model.shifted(written), labels=labels)[0].argmax(dim=-1), written)
    assert model.training and not written.requires_grad


def test_each_label_gets_its_own_sequence():
    rule = torch.tensor([[0, 1, 2, 3, 4], [5, 4, 3, 2, 1], [2, 2, 5, 5, 2]])
    labels = torch.arange(K).repeat(20)
    model = ConditionalGenerator(K, V, 16)
    record = learn(model, labels, rule[labels], num_epochs=30, lr=0.02)
    assert record.train_loss[-1] < 0.1 < 1 < record.train_loss[0]
    assert torch.equal(write(model, torch.arange(K), T), rule)
    assert torch.equal(write(model, torch.tensor([1]), 3, temperature=0.3, top_k=1), rule[1:2, :3])


def test_chance_is_ruled_by_the_seed():
    model = ConditionalGenerator(K, V, H)
    labels = torch.zeros(6, dtype=torch.int64)
    one = write(model, labels, T, temperature=1.0, seed=1)
    assert torch.equal(one, write(model, labels, T, temperature=1.0, seed=1))
    assert not torch.equal(one, write(model, labels, T, temperature=1.0, seed=2))
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
        losses.append(learn(model, labels, X, Y, num_epochs=1, lr=1e-9).train_loss[0])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_errors():
    model, X = ConditionalGenerator(K, V, H), torch.randint(0, V, (B, T))
    good = torch.tensor([0, 1, 2, 0])
    for bad in (good[:, None], good.float(), good[:0]):
        with pytest.raises(ValueError, match=r"labels have shape .*; whole numbers \(B,\) are needed"):
            model.begin(bad)
    for bad in (3, -1):
        labels = good.clone()
        labels[2] = bad
        with pytest.raises(ValueError, match="labels run from .*; they must lie between 0 and 2"):
            model(X, labels=labels)
    for bad in (X[0], X.float(), X[:, :0]):
        with pytest.raises(ValueError, match="whole-number token indices"):
            model(bad, labels=good)
    with pytest.raises(ValueError, match="the input has batch_size=3"):
        model(X[:3], labels=good)
    _, state = model.begin(good)
    for both_or_neither in ({}, {"state": state, "labels": good}):
        with pytest.raises(ValueError, match="either the state .*or the labels"):
            model(X, **both_or_neither)
    labels = X.clone()
    labels[0, 0] = V
    with pytest.raises(ValueError, match="labels run from 0 to 6, but the model has 6 outputs"):
        learn(model, good, X, labels, num_epochs=1)
    with pytest.raises(ValueError, match="layer='cnn' is not known"):
        ConditionalGenerator(K, V, H, layer="cnn")
    for name in ("num_labels", "vocab_size", "num_hiddens", "num_layers", "embedding_size"):
        sizes = {"num_labels": K, "vocab_size": V, "num_hiddens": H, name: 0}
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer"):
            ConditionalGenerator(**sizes)


@pytest.mark.cuda
def test_on_the_gpu():
    model = ConditionalGenerator(K, V, H).cuda()
    assert write(model, torch.arange(K, device="cuda"), T).device.type == "cuda"


def test_the_begin_token_is_the_only_one_beyond_the_vocabulary():
    model = ConditionalGenerator(K, V, H)
    assert model.tokens.weight.shape == (V + 1, 32)
    logits, _ = model(torch.arange(V + 1)[None], labels=torch.tensor([0]))  # every token is read once
    logits.sum().backward()
    assert model.tokens.weight.grad.abs().sum(dim=1).gt(0).all()
