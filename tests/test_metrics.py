"""Metrics against scikit-learn's, and against values worked out by hand."""

from __future__ import annotations

import pytest
import torch
from sklearn import metrics as sklearn

from rnnlib.inspect.metrics import accuracy, f1_score, macro_recall, mean_squared_error, naive_forecast


@pytest.mark.parametrize("seed", range(5))
def test_labels_against_scikit_learn(seed):
    generator = torch.Generator().manual_seed(seed)
    predicted = torch.randint(0, 4, (60,), generator=generator)
    target = torch.randint(0, 3, (60,), generator=generator)  # class 3 is announced and never true
    names = target.unique().tolist()
    assert accuracy(predicted, target) == pytest.approx(sklearn.accuracy_score(target, predicted), abs=1e-12)
    expected = sklearn.recall_score(target, predicted, labels=names, average="macro")
    assert macro_recall(predicted, target) == pytest.approx(expected, abs=1e-12)
    yes, truth = predicted % 2, (target == 1).long()
    expected = sklearn.f1_score(truth, yes)
    assert 0 < expected < 1
    assert f1_score(yes, truth) == pytest.approx(expected, abs=1e-12)
    assert f1_score(yes.bool(), truth.bool()) == pytest.approx(expected, abs=1e-12)


def test_values_against_scikit_learn():
    predicted, target = torch.randn(7, 3), torch.randn(7, 3)
    expected = sklearn.mean_squared_error(target.double(), predicted.double())
    assert mean_squared_error(predicted, target) == pytest.approx(expected, rel=1e-12)


def test_worked_examples():
    predicted, target = torch.tensor([[0, 0], [0, 0]]), torch.tensor([[0, 0], [0, 1]])
    assert accuracy(predicted, target) == 0.75
    assert macro_recall(predicted, target) == 0.5  # always one of two classes
    assert f1_score(predicted, target) == 0.0
    assert f1_score(predicted, predicted) == 0.0  # nothing to find, nothing found
    assert f1_score(target, target) == 1.0
    assert f1_score(torch.tensor([1, 1, 0]), torch.tensor([1, 0, 1])) == 0.5
    assert mean_squared_error(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 1.0])) == 2.5


def test_shapes_must_agree():
    for metric in (accuracy, macro_recall, f1_score, mean_squared_error):
        with pytest.raises(ValueError, match=r"predictions have shape \(2,\) and targets \(2, 1\)"):
            metric(torch.ones(2), torch.ones(2, 1))
        with pytest.raises(ValueError, match="at least one element"):
            metric(torch.ones(0), torch.ones(0))


@pytest.mark.parametrize("bad", [[0.3, 1.0], [0, 2], [-1, 1], [float("nan"), 1.0]])
def test_f1_takes_zeros_and_ones_only(bad):
    for pair in ((torch.tensor(bad), torch.tensor([0, 1])), (torch.tensor([0, 1]), torch.tensor(bad))):
        with pytest.raises(ValueError, match="F1 is for labels 0 and 1"):
            f1_score(*pair)


def test_naive_forecast_repeats_the_last_value():
    history = torch.tensor([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]])
    assert naive_forecast(history, 2).tolist() == [[3.0, 3.0], [4.0, 4.0]]
    for bad in (torch.ones(3), torch.ones(2, 0), torch.ones(2, 3, 1)):
        with pytest.raises(ValueError, match=r"\(B, T\) with T >= 1 is expected"):
            naive_forecast(bad, 2)
    with pytest.raises(ValueError, match="num_steps=0 must be"):
        naive_forecast(history, 0)
