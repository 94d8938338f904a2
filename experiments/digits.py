"""Which optimizer and which network read the digits best, each with its own learning rate?

scikit-learn's digits, row by row, in five random splits (three where it is not the main question): 1,048
pictures to learn from, 300 to choose the learning rate and the epoch (early stopping, at most 50 epochs),
449 to test. Every entry chooses its rate in every split from a grid of at least four, which grows where the
best lies at its edge. The logistic regression chooses its regularization on the same 300 pictures.

Results: ``baseline``, ``optimizers``[name] (an LSTM) and ``networks``[name] with one run for each split;
``half``: what a GRU says after four rows, and what a linear probe finds in its state, in that of a network
that was never trained, and in the pixels; ``shuffled``: a GRU that learns true and shuffled labels.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import Any

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

import rnnlib
from rnnlib.data import digits
from rnnlib.data.tasks import Digits

SPLITS = range(5)
FEW = 3  # splits for what is not the main question
BATCH = 64
VALID = 300
SGD = (0.1, 0.3, 1.0, 3.0)
MOMENTUM = (0.01, 0.03, 0.1, 0.3)
ADAM = (1e-3, 3e-3, 1e-2, 3e-2)
OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {}, 0.0, SGD),
    "SGD + momentum": (torch.optim.SGD, {"momentum": 0.9}, 0.0, MOMENTUM),
    "Adam": (torch.optim.Adam, {}, 0.0, ADAM),
    "Adam + L2": (torch.optim.Adam, {"weight_decay": 1e-3}, 0.0, ADAM),
    "Adam + dropout": (torch.optim.Adam, {}, 0.5, ADAM),
}
NETWORKS = {
    "RNN": ("rnn", 64, {}),
    "LSTM": ("lstm", 64, {}),
    "GRU": ("gru", 64, {}),
    "BiLSTM": ("lstm", 64, {"bidirectional": True}),
    "BiLSTM, H = 43": ("lstm", 43, {"bidirectional": True}),
    "LSTM, mean": ("lstm", 64, {"pooling": "mean"}),
    "LSTM, max": ("lstm", 64, {"pooling": "max"}),
}


def accuracy(model: rnnlib.SequenceClassifier, X: Tensor, Y: Tensor, **options: Any) -> float:
    """The share of right answers."""
    answers = rnnlib.predict(model, X, **options).argmax(dim=1)
    return round((answers == Y).double().mean().item(), 4)


def once(
    data: Digits,
    seed: int,
    lr: float,
    layer: str = "lstm",
    size: int = 64,
    options: dict[str, Any] | None = None,
    recipe: tuple = (torch.optim.Adam, {}, 0.0),
) -> tuple[rnnlib.SequenceClassifier, dict[str, Any]]:
    """One run with early stopping on the last 300 pictures of the training part."""
    kind, settings, dropout = recipe
    rnnlib.set_seed(seed)
    model = rnnlib.SequenceClassifier(layer, 8, size, 10, dropout=dropout, **(options or {}))
    X, Y = data.X_train[:-VALID], data.Y_train[:-VALID]
    try:
        history = rnnlib.train(
            model,
            rnnlib.ExampleLoader(X, Y, BATCH, seed=seed),
            50,
            lr,
            optimizer=partial(kind, **settings),
            valid=(data.X_train[-VALID:], data.Y_train[-VALID:]),
            patience=8,
            progress=False,
        )
    except FloatingPointError:
        return model, {"lr": lr, "valid": math.inf}
    epoch = history.best_epoch
    return model, {
        "lr": lr,
        "epoch": epoch,
        "train": round(history.train_loss[epoch - 1], 4),
        "valid": round(history.valid_loss[epoch], 4),
        "test": accuracy(model, data.X_test, data.Y_test),
        "seconds": round(history.seconds, 2),
    }


def tuned(data: Digits, seed: int, rates: tuple[float, ...], **options: Any) -> tuple[Any, dict[str, Any]]:
    """The run with the lowest validation loss over a grid of rates; the grid grows at its edges."""
    runs: dict[float, tuple[Any, dict[str, Any]]] = {}
    todo = list(rates)
    while todo:
        for lr in todo:
            runs[lr] = once(data, seed, lr, **options)
        best = min(runs, key=lambda lr: runs[lr][1]["valid"])
        todo = []
        if len(runs) < 2 * len(rates):
            if best == max(runs):
                todo = [round(best * 3, 6)]
            elif best == min(runs):
                todo = [round(best / 3, 6)]
    model, record = runs[best]
    return model, {**record, "grid": {f"{lr:g}": run[1]["valid"] for lr, run in sorted(runs.items())}}


def logistic(X: Tensor, Y: Tensor, X_valid: Tensor, Y_valid: Tensor) -> LogisticRegression:
    """The plainest classifier, its regularization chosen on validation data."""
    fits = [
        LogisticRegression(C=C, max_iter=2000).fit(X.flatten(1).numpy(), Y.numpy())
        for C in (0.03, 0.1, 0.3, 1.0, 3.0)
    ]
    return max(fits, key=lambda fit: fit.score(X_valid.flatten(1).numpy(), Y_valid.numpy()))


def parts(data: Digits) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures to learn from and to choose with, and their digits."""
    return (
        data.X_train[:-VALID],
        data.Y_train[:-VALID],
        data.X_train[-VALID:],
        data.Y_train[-VALID:],
    )


def features(model: rnnlib.SequenceClassifier, X: Tensor, k: int) -> Tensor:
    """The state (N, D*H) after k rows, as the output layer would read it."""
    with torch.no_grad():
        return model.eval()._read(X[:, :k], None, None)[1]


def probe(data: Digits, read: Any) -> float:
    """Test accuracy of a logistic regression on what ``read`` makes of the pictures."""
    X, Y, X_valid, Y_valid = parts(data)
    fit = logistic(read(X), Y, read(X_valid), Y_valid)
    return round(fit.score(read(data.X_test).flatten(1).numpy(), data.Y_test.numpy()), 4)


def half_way(data: Digits, seed: int, model: rnnlib.SequenceClassifier) -> dict[str, float]:
    """What a GRU that saw whole digits says after four rows, and what a linear probe finds in its state."""
    rnnlib.set_seed(seed)
    untrained = rnnlib.SequenceClassifier("gru", 8, 64, 10)
    four = torch.full((len(data.X_test),), 4)
    return {
        "own": accuracy(model, data.X_test, data.Y_test, lengths=four),
        "probe": probe(data, lambda X: features(model, X, 4)),
        "probe, untrained": probe(data, lambda X: features(untrained, X, 4)),
        "upper half": probe(data, lambda X: X[:, :4]),
        "lower half": probe(data, lambda X: X[:, 4:]),
    }


def shuffled(data: Digits, seed: int) -> dict[str, Any]:
    """A GRU that learns true labels, and one that learns labels without a reason."""
    order = torch.randperm(len(data.Y_train), generator=torch.Generator().manual_seed(seed))
    results = {}
    for name, labels in {"true": data.Y_train, "shuffled": data.Y_train[order]}.items():
        rnnlib.set_seed(seed)
        model = rnnlib.SequenceClassifier("gru", 8, 128, 10)
        examples = rnnlib.ExampleLoader(data.X_train, labels, batch_size=BATCH, seed=seed)
        epochs = 60 if name == "shuffled" else 15
        history = rnnlib.train(model, examples, epochs, 5e-3, optimizer="adam", progress=False)
        half = next((i for i, x in enumerate(history.train_loss, 1) if x < math.log(10) / 2), None)
        results[name] = {
            "loss": [round(loss, 4) for loss in history.train_loss],
            "half": half,
            "train": accuracy(model, data.X_train, labels),
            "test": accuracy(model, data.X_test, data.Y_test),
        }
    return results


def run() -> dict[str, Any]:
    """Everything; about ten minutes on one core."""
    results: dict[str, Any] = {
        "baseline": [],
        "optimizers": {name: [] for name in OPTIMIZERS},
        "networks": {name: [] for name in NETWORKS},
        "parameters": {
            name: rnnlib.count_parameters(rnnlib.SequenceClassifier(layer, 8, size, 10, **options))
            for name, (layer, size, options) in NETWORKS.items()
        },
        "half": [],
        "shuffled": [],
    }
    for seed in SPLITS:
        data = digits(seed=seed)
        X, Y, X_valid, Y_valid = parts(data)
        fit = logistic(X, Y, X_valid, Y_valid)
        score = fit.score(data.X_test.flatten(1).numpy(), data.Y_test.numpy())
        results["baseline"].append({"C": fit.C, "test": round(score, 4)})
        for name, (layer, size, options) in NETWORKS.items():
            if seed >= FEW and "pooling" in options:
                continue
            model, record = tuned(data, seed, ADAM, layer=layer, size=size, options=options)
            results["networks"][name].append(record)
            if name == "GRU":
                gru = model
            if name == "LSTM":
                results["optimizers"]["Adam"].append(record)
        for name, (kind, settings, dropout, rates) in OPTIMIZERS.items():
            if name != "Adam" and seed < FEW:
                _, record = tuned(data, seed, rates, recipe=(kind, settings, dropout))
                results["optimizers"][name].append(record)
        if seed < FEW:
            results["half"].append(half_way(data, seed, gru))
            results["shuffled"].append(shuffled(data, seed))
        print(f"split {seed} done", file=sys.stderr, flush=True)
    return results
