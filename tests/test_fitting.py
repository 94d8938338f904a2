"""Fitting: it learns, it stops where it should, and held-out examples teach nothing."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnlib.models.sequences import SequenceClassifier, SequenceTagger
from rnnlib.training.fitting import fit, predict
from rnnlib.training.loop import NonFiniteLossError

N, T = 40, 5


def signs(n=N, seed=0):
    """Is the sum of a sequence positive? (The sums near zero are left out, so that it is separable.)"""
    X = torch.randn(4 * n, T, 1, generator=torch.Generator().manual_seed(seed))
    X = X[X.sum(dim=(1, 2)).abs() > 1][:n]
    return X, (X.sum(dim=(1, 2)) > 0).long()


class Line(nn.Module):
    """The smallest model: one weight."""

    def __init__(self, value=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[value]]))

    def forward(self, X):
        return X @ self.weight


def test_it_learns_a_separable_task():
    (X, Y), (held_X, held_Y) = signs(), signs(seed=1)
    model = SequenceClassifier("gru", 1, 8, 2)
    record = fit(model, X, Y, loss=F.cross_entropy, num_epochs=25, lr=0.02, valid=(held_X, held_Y))
    assert record.num_epochs == len(record.valid_loss) == 25
    assert record.train_loss[0] > 0.5 > 0.15 > record.train_loss[-1]
    assert record.valid_loss[record.best_epoch - 1] == min(record.valid_loss) < 0.3
    answers = predict(model, held_X)
    assert answers.shape == (N, 2) and (answers.argmax(dim=1) == held_Y).float().mean() > 0.9
    assert F.cross_entropy(answers, held_Y).item() == pytest.approx(record.valid_loss[-1], abs=1e-6)


def test_a_tagger_learns_through_flattened_labels_and_ignored_places():
    X = torch.randn(N, T, 1)
    Y = (X[..., 0] > 0).long()
    Y[:, -1] = -100
    model = SequenceTagger("rnn", 1, 8, 2)
    record = fit(model, X, Y, loss=nn.CrossEntropyLoss(), num_epochs=15, lr=0.03)
    assert record.train_loss[-1] < 0.25 < record.train_loss[0]
    assert record.valid_loss == [] and record.best_epoch == 0
    expected = F.cross_entropy(predict(model, X).flatten(0, 1), Y.flatten())
    record = fit(model, X, Y, loss=F.cross_entropy, num_epochs=1, lr=1e-12, batch_size=N)
    assert record.train_loss[0] == pytest.approx(expected.item(), rel=1e-4)


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    X, Y = torch.arange(5.0)[:, None], torch.zeros(5, 1)
    record = fit(Line(1.0), X, Y, loss=F.mse_loss, num_epochs=1, lr=1e-12, batch_size=2)
    assert record.train_loss[0] == pytest.approx((X**2).mean().item(), rel=1e-6)


def test_one_step_is_the_step_of_the_optimizer():
    X, Y = torch.tensor([[2.0]]), torch.tensor([[0.0]])
    for clip, gradient in ((None, 8.0), (1.0, 1.0)):  # d(2w)^2/dw = 8w
        model = Line(1.0)
        fit(model, X, Y, loss=F.mse_loss, num_epochs=1, lr=0.1, optimizer="sgd", clip=clip)
        assert model.weight.item() == pytest.approx(1 - 0.1 * gradient)
    model = Line(1.0)
    momentum = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    fit(model, X, Y, loss=F.mse_loss, num_epochs=2, optimizer=momentum, clip=None)
    first = 1 - 0.01 * 8
    assert model.weight.item() == pytest.approx(first - 0.01 * (8 * first + 0.9 * 8))


def test_held_out_examples_teach_nothing():
    X, Y = signs()
    start, weights = SequenceClassifier("rnn", 1, 4, 2, dropout=0.5), []
    for valid in (None, signs(seed=1), (signs(seed=2)[0] * 10, signs(seed=3)[1])):
        model = copy.deepcopy(start).eval()
        torch.manual_seed(7)  # the dropout
        fit(model, X, Y, loss=F.cross_entropy, num_epochs=3, valid=valid)
        assert model.training
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(weights[0], weights[1]) and torch.equal(weights[0], weights[2])


def test_early_stopping_restores_the_best_weights():
    """Training pulls the weight from 0 to 10, the held-out examples want 2: the loss falls, then rises."""
    X, valid = torch.ones(4, 1), (torch.ones(1, 1), torch.full((1, 1), 2.0))
    options = {
        "loss": F.mse_loss,
        "lr": 0.05,
        "optimizer": "sgd",
        "clip": None,
        "valid": valid,
        "num_epochs": 50,
    }
    model = Line()
    record = fit(model, X, torch.full((4, 1), 10.0), patience=3, **options)
    best = record.best_epoch
    assert record.num_epochs == best + 3 < 50
    assert record.valid_loss[best - 1] == min(record.valid_loss)
    assert (model.weight.item() - 2) ** 2 == pytest.approx(record.valid_loss[best - 1], rel=1e-5)
    patient = Line()  # the last epoch comes before patience ends
    record = fit(patient, X, torch.full((4, 1), 10.0), patience=40, **{**options, "num_epochs": best + 1})
    assert record.num_epochs == best + 1 and record.best_epoch == best
    assert patient.weight.item() == model.weight.item()
    last = Line()  # without patience all epochs run, and the last weights stay
    record = fit(last, X, torch.full((4, 1), 10.0), **options)
    assert record.num_epochs == 50 and record.best_epoch == best
    assert last.weight.item() == pytest.approx(10, abs=0.1)


def test_a_seed_is_an_order():
    X, Y = signs()
    start, records = SequenceClassifier("rnn", 1, 4, 2), []
    for seed in (1, 1, 2):
        model = copy.deepcopy(start)
        records.append(fit(model, X, Y, loss=F.cross_entropy, num_epochs=2, seed=seed).train_loss)
    assert records[0] == records[1] != records[2]


def test_every_example_is_seen_once_an_epoch():
    class Spy(Line):
        seen: list

        def forward(self, X):
            self.seen.append(X[:, 0].tolist())
            return super().forward(X)

    model = Spy()
    model.seen = []
    fit(model, torch.arange(7.0)[:, None], torch.zeros(7, 1), loss=F.mse_loss, num_epochs=2, batch_size=3)
    assert [len(batch) for batch in model.seen] == [3, 3, 1] * 2
    epochs = sum(model.seen[:3], []), sum(model.seen[3:], [])
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(7)) and epochs[0] != epochs[1]


def padded(filling, seed=0):
    """Rows whose label is the sign of their real part; what the padding holds must not matter."""
    X, Y = signs(seed=seed)
    X = torch.cat([X, torch.full((N, 3, 1), filling)], dim=1)
    return X, Y, torch.full((N,), T)


def test_lengths_reach_the_model_in_training_and_on_held_out_examples():
    results = []
    for filling in (0.0, 50.0):
        torch.manual_seed(0)
        (X, Y, lengths), valid = padded(filling), padded(filling, 1)
        model = SequenceClassifier("gru", 1, 4, 2, bidirectional=True, pooling="mean")
        record = fit(model, X, Y, loss=F.cross_entropy, num_epochs=2, lengths=lengths, valid=valid)
        results.append((record, predict(model, X, lengths=lengths, batch_size=7)))
    (one, answers), (two, other) = results
    assert one.train_loss == two.train_loss and one.valid_loss == two.valid_loss
    torch.testing.assert_close(answers, other)
    short = predict(model, X[:, :T])  # without padding the same answers
    torch.testing.assert_close(short, other)


def test_lengths_follow_their_rows():
    """Rows of different lengths in random order: each must meet its own length."""

    class Check(Line):
        def forward(self, X, lengths):
            assert torch.equal(X[:, 0].long(), lengths)
            return super().forward(X[:, :1])

    lengths = torch.arange(1, 8)
    X = lengths[:, None].float().expand(7, 9)
    fit(Check(), X, torch.zeros(7, 1), loss=F.mse_loss, num_epochs=2, batch_size=3, lengths=lengths)
    assert predict(Check(), X, batch_size=2, lengths=lengths).shape == (7, 1)


def test_a_model_of_two_inputs():
    class Sum(Line):
        def forward(self, a, b):
            return super().forward(a + b)

    a, b = torch.randn(9, 1), torch.randn(9, 1)
    model = Sum()
    valid = ((a, b), 3 * (a + b))
    record = fit(model, (a, b), 3 * (a + b), loss=F.mse_loss, num_epochs=80, lr=0.1, valid=valid)
    assert model.weight.item() == pytest.approx(3, abs=0.1) and record.valid_loss[-1] < 0.1
    torch.testing.assert_close(predict(model, (a, b), batch_size=4), model(a, b))
    with pytest.raises(ValueError, match=r"inputs of \[9, 8\] rows came"):
        predict(model, (a, b[:8]))


def test_predict_leaves_the_model_as_it_was():
    model, X = SequenceClassifier("rnn", 1, 4, 2, dropout=0.5), signs()[0]
    model.output.eval()
    answers = predict(model, X, batch_size=7)
    assert model.training and not model.output.training and not answers.requires_grad
    assert torch.equal(predict(model, X, batch_size=7), answers)  # without dropout
    torch.testing.assert_close(predict(model, X), answers)
    (answers * nn.Parameter(torch.ones(()))).sum().backward()  # an ordinary tensor, fit for autograd


def test_data_that_do_not_fit():
    X, Y = signs()
    model = SequenceClassifier("rnn", 1, 4, 2)

    def start(X=X, Y=Y, model=model, loss=F.cross_entropy, **options):
        before = copy.deepcopy(model.state_dict())
        try:
            fit(model, X, Y, loss=loss, **{"num_epochs": 1, **options})
        finally:
            assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

    with pytest.raises(ValueError, match="40 inputs and 39 labels came"):
        start(Y=Y[:-1])
    with pytest.raises(ValueError, match=r"inputs of \[0\] rows came"):
        start(X=X[:0], Y=Y[:0])
    for bad in (2, -1):
        labels = Y.clone()
        labels[3] = bad
        message = r"labels run from -?\d to \d, but the model has 2 outputs; .* between 0 and 1"
        with pytest.raises(ValueError, match=message):
            start(Y=labels)
        with pytest.raises(ValueError, match=message):
            start(valid=(X, labels))
    for value in (math.nan, math.inf):
        broken = X.clone()
        broken[3, 2, 0] = value
        with pytest.raises(ValueError, match="the inputs hold values that are infinite or not a number"):
            start(X=broken)
        with pytest.raises(ValueError, match="the inputs hold values"):
            start(valid=(broken, Y))
        targets = torch.zeros(N, 2)
        targets[1, 1] = value
        with pytest.raises(ValueError, match="the labels hold values"):
            start(Y=targets, loss=F.mse_loss)
    with pytest.raises(ValueError, match=r"the model answers \(32, 2\), but the labels have shape \(32,\)"):
        start(Y=Y.float(), loss=F.mse_loss)  # torch would compare every answer with every label
    with pytest.raises(ValueError, match="lengths run from 1 to 6"):
        start(lengths=torch.randint(1, 6, (N,)).index_fill(0, torch.tensor([0, 1]), 6).clamp_(1))
    with pytest.raises(ValueError, match=r"lengths have shape \(39,\)"):
        start(lengths=torch.ones(N - 1, dtype=torch.int64))


def test_arguments_out_of_range():
    X, Y = torch.ones(2, 1), torch.ones(2, 1)
    for name in ("num_epochs", "batch_size", "patience"):
        with pytest.raises(ValueError, match=f"{name}=0 must be an integer"):
            fit(Line(), X, Y, loss=F.mse_loss, **{"num_epochs": 1, "valid": (X, Y), name: 0})
    for name in ("lr", "clip"):
        with pytest.raises(ValueError, match=f"{name}=0 must be a finite number"):
            fit(Line(), X, Y, loss=F.mse_loss, num_epochs=1, **{name: 0})
    with pytest.raises(ValueError, match="patience needs held-out examples"):
        fit(Line(), X, Y, loss=F.mse_loss, num_epochs=1, patience=2)
    with pytest.raises(ValueError, match="batch_size=0"):
        predict(Line(), X, batch_size=0)


def test_a_loss_that_explodes_is_an_error():
    X, Y = torch.full((4, 1), 1e10), torch.zeros(4, 1)
    with pytest.raises(NonFiniteLossError, match=r"no longer finite in epoch \d+. Lower .*lr=100.0"):
        fit(Line(1.0), X, Y, loss=F.mse_loss, num_epochs=50, lr=100.0, optimizer="sgd", clip=None)


@pytest.mark.cuda
def test_on_the_gpu_with_lengths_on_the_cpu():
    (X, Y, lengths), valid = padded(9.0), padded(9.0, 1)
    model = SequenceClassifier("gru", 1, 4, 2).cuda()
    valid = (valid[0].cuda(), valid[1].cuda(), valid[2])
    options = {"loss": F.cross_entropy, "num_epochs": 2, "lengths": lengths, "valid": valid, "patience": 2}
    assert fit(model, X.cuda(), Y.cuda(), **options).num_epochs == 2
