"""Training on labelled examples: it learns, it stops where it should, and held-out examples teach nothing."""

from __future__ import annotations

import copy
import json
import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score
from torch import nn

from rnnlib import ExampleLoader, SequenceClassifier, SequenceTagger, predict, real_labels, train

N, T = 40, 5


def fit(model, X, Y, *, batch_size=32, lengths=None, seed=0, **options):
    """Train with Adam, as the chapters do."""
    examples = ExampleLoader(X, Y, batch_size, lengths=lengths, seed=seed)
    return train(model, examples, **{"optimizer": "adam", "progress": False, **options})


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
    assert record.num_epochs == 25 and list(record.valid_loss) == list(range(1, 26))
    assert record.train_loss[0] > 0.5 > 0.15 > record.train_loss[-1]
    assert record.valid_loss[record.best_epoch] == min(record.valid_loss.values()) < 0.3
    answers = predict(model, held_X)
    assert answers.shape == (N, 2) and (answers.argmax(dim=1) == held_Y).float().mean() > 0.9
    assert F.cross_entropy(answers, held_Y).item() == pytest.approx(record.valid_loss[25], abs=1e-6)


def test_a_tagger_learns_through_flattened_labels_and_ignored_places():
    X = torch.randn(N, T, 1)
    Y = (X[..., 0] > 0).long()
    Y[:, -1] = -100
    model = SequenceTagger("rnn", 1, 8, 2)
    record = fit(model, X, Y, loss=nn.CrossEntropyLoss(), num_epochs=15, lr=0.03)
    assert record.train_loss[-1] < 0.25 < record.train_loss[0]
    assert record.valid_loss == {} and record.best_epoch == 0
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
    assert record.valid_loss[best] == min(record.valid_loss.values())
    assert (model.weight.item() - 2) ** 2 == pytest.approx(record.valid_loss[best], rel=1e-5)
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
        def forward(self, X, state=None, lengths=None):
            assert state is None and torch.equal(X[:, 0].long(), lengths)
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
    assert model.weight.item() == pytest.approx(3, abs=0.1) and record.valid_loss[80] < 0.1


def test_padded_rows_do_not_weigh_more_than_their_labels():
    """The loss of an epoch is the mean over real labels, however they are spread over the batches."""
    X, Y = torch.randn(6, T, 1), torch.randint(0, 2, (6, T))
    Y[:3, 1:] = -100  # one real label in a row here, five there
    model = SequenceTagger("gru", 1, 8, 2)
    expected = F.cross_entropy(predict(model, X).flatten(0, 1), Y.flatten())
    wrong = torch.stack([F.cross_entropy(predict(model, X[i : i + 1])[0], Y[i]) for i in range(6)]).mean()
    for batch_size in (1, 2, 4, 6):
        record = fit(model, X, Y, num_epochs=1, lr=1e-12, batch_size=batch_size)
        assert record.train_loss[0] == pytest.approx(expected.item(), rel=1e-5)
    assert abs(wrong - expected) > 1e-3


def test_any_loader_of_pairs_will_do():
    """A DataLoader of torch yields lists of two; early stopping and other losses work with it."""
    X, Y = signs()
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=8, shuffle=True)
    model = SequenceClassifier("gru", 1, 8, 2)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    record = train(model, batches, 10, 0.02, optimizer="adam", loss=loss, valid=batches, progress=False)
    assert record.train_loss[-1] < record.train_loss[0] and len(record.valid_loss) == 10
    with pytest.raises(ValueError, match="data is of type generator"):
        train(model, ((x, y) for x, y in batches), 1)


def test_ctrl_c_keeps_the_record_and_the_weights(capsys):
    def stop(epoch, history):
        if epoch == 2:
            raise KeyboardInterrupt

    X, Y = signs()
    model = SequenceClassifier("rnn", 1, 4, 2)
    record = fit(model, X, Y, num_epochs=50, on_epoch=stop)
    assert record.interrupted and record.num_epochs == 2
    assert "interrupted after epoch 2" in capsys.readouterr().out


def test_a_loader_goes_on_where_it_was():
    X, Y = torch.arange(20.0)[:, None], torch.zeros(20, 1)
    one, other = (ExampleLoader(X, Y, 6, seed=seed) for seed in (1, 2))
    list(one)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    for (a, _), (b, _) in zip(one, other, strict=True):
        assert torch.equal(a, b)
    in_order = ExampleLoader(X, Y, 6, shuffle=False)
    assert torch.equal(torch.cat([x for x, _ in in_order]), X)


def test_real_labels_are_what_scikit_learn_measures():
    Y = torch.tensor([[1, 0, -100], [1, -100, -100]])
    answers = torch.tensor([[1, 0, 1], [1, 0, 0]])
    assert [part.tolist() for part in real_labels(Y, answers)] == [[1, 0, 1]] * 2
    for metric in (accuracy_score, balanced_accuracy_score, f1_score):
        assert metric(*real_labels(Y, answers)) == 1  # a perfect answer
    assert f1_score(*real_labels(torch.tensor([1, 1, 0]), torch.tensor([1, 0, 0]))) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match=r"labels have shape \(2, 3\) and predictions \(3,\)"):
        real_labels(Y, answers[0])
    with pytest.raises(ValueError, match="no label counts: there are 2"):
        real_labels(torch.tensor([-100, -100]), torch.tensor([0, 1]))


def test_data_that_do_not_fit():
    X, Y = signs()
    model = SequenceClassifier("rnn", 1, 4, 2)

    def start(X=X, Y=Y, model=model, loss=F.cross_entropy, **options):
        before = copy.deepcopy(model.state_dict())
        try:
            fit(model, X, Y, loss=loss, **{"num_epochs": 1, **options})
        finally:
            assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())

    with pytest.raises(ValueError, match=r"got \[40\] inputs and 39 labels"):
        start(Y=Y[:-1])
    with pytest.raises(ValueError, match=r"got \[0\] inputs and 0 labels"):
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
    with pytest.raises(
        ValueError, match=r"answers \(32, 2\), but the labels have shape \(32, 5\); one row of logits"
    ):
        start(Y=Y[:, None].expand(-1, 5))
    labels = torch.zeros(N, T, dtype=torch.int64)
    labels[7] = -100
    with pytest.raises(ValueError, match="a row whose labels are all -100"):
        start(Y=labels, model=SequenceTagger("rnn", 1, 4, 2))
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
    with pytest.raises(ValueError, match="patience needs held-out data"):
        fit(Line(), X, Y, loss=F.mse_loss, num_epochs=1, patience=2)


def test_a_loss_that_explodes_is_an_error():
    X, Y = torch.full((4, 1), 1e10), torch.zeros(4, 1)
    with pytest.raises(FloatingPointError, match="the training loss is (inf|nan): .*Lower the learning rate"):
        fit(Line(1.0), X, Y, loss=F.mse_loss, num_epochs=50, lr=100.0, optimizer="sgd", clip=None)


@pytest.mark.cuda
def test_on_the_gpu_with_lengths_on_the_cpu():
    (X, Y, lengths), valid = padded(9.0), padded(9.0, 1)
    model = SequenceClassifier("gru", 1, 4, 2).cuda()
    valid = (valid[0].cuda(), valid[1].cuda(), valid[2])
    options = {"loss": F.cross_entropy, "num_epochs": 2, "lengths": lengths, "valid": valid, "patience": 2}
    assert fit(model, X.cuda(), Y.cuda(), **options).num_epochs == 2
