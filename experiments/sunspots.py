"""Forecasting sunspots: what does a leak bring, and does a recurrent network beat a linear formula?

``leak``: fifty years are the test. Half of the windows whose targets lie there are tested. The training
windows either keep clear of these years, or as many of them are exchanged for the other half, which
overlaps with the tested ones. Same tests, same number of windows, 1 and 10 years ahead, four blocks of
years, five seeds; a least-squares line (22 lags) and a GRU trained for 100 epochs.

``forecast``: years until 1949 to learn from, of which the last 40 choose learning rate and epoch for the
networks (two seeds choose, five others are reported); 1950 to 2008 to test. One year ahead; ten years
ahead directly, and recursively. The line is fitted until 1949 and also, as the networks are, until 1909.

Errors are root mean squared errors in sunspot numbers.
"""

from __future__ import annotations

import math
import statistics
import sys
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from statsmodels.datasets import sunspots
from torch import Tensor, nn

import rnnlib
from rnnlib.data import windows

T, HORIZON, CUT, VALID = 22, 10, 250, 40  # window, years ahead, 1950, years to choose with
BLOCKS = (50, 100, 150, 200)  # 1750, 1800, 1850, 1900
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
SEEDS = range(10, 15)


def series() -> Tensor:
    """The yearly numbers of 1700 to 2008."""
    return torch.tensor(sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(), dtype=torch.float32)


def with_one(X: Tensor) -> Tensor:
    """(M, T, 1) -> (M, T + 1), for a line with a constant."""
    return torch.cat([X[..., 0], torch.ones_like(X[:, :1, 0])], dim=1)


def line(X: Tensor, Y: Tensor) -> Tensor:
    """The coefficients with the least squared error."""
    return torch.linalg.lstsq(with_one(X).double(), Y.double()).solution.float()


def apply(coefficients: Tensor, X: Tensor) -> Tensor:
    """What the line says."""
    return with_one(X) @ coefficients


def rmse(predicted: Tensor, target: Tensor, scale: float) -> float:
    """Root mean squared error in the units of the series."""
    return round(math.sqrt(F.mse_loss(predicted, target)) * scale, 2)


def fit(X: Tensor, Y: Tensor, seed: int, lr: float, epochs: int, layer: str, **options: Any) -> Any:
    """Train one network; ``(model, history)``."""
    rnnlib.set_seed(seed)
    model = rnnlib.SequenceClassifier(layer, 1, 32, Y.shape[1])
    history = rnnlib.train(
        model,
        rnnlib.ExampleLoader(X, Y, seed=seed),
        epochs,
        lr,
        optimizer="adam",
        loss=nn.MSELoss(),
        progress=False,
        **options,
    )
    return model, history


def leak(horizon: int) -> list[dict[str, Any]]:
    """Every block and seed, with windows that keep clear and with windows that overlap."""
    results = []
    numbers = series()
    for start in BLOCKS:
        stop = start + 50
        outside = torch.cat([numbers[:start], numbers[stop:]])
        mean, std = outside.mean(), outside.std()
        X, Y = windows((numbers - mean) / std, T, horizon)
        first = torch.arange(len(X)) + T  # the year of the first target
        inside = ((first >= start) & (first + horizon <= stop)).nonzero().flatten()
        clear = ((first + horizon <= start) | (first - T >= stop)).nonzero().flatten()
        for seed in range(5):
            draw = torch.Generator().manual_seed(seed)
            mixed = inside[torch.randperm(len(inside), generator=draw)]
            test, near = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
            kept = clear[torch.randperm(len(clear), generator=draw)[: len(clear) - len(near)]]
            record: dict[str, Any] = {"from": 1700 + start, "seed": seed, "tests": len(test)}
            for name, train in {"clear": clear, "overlap": torch.cat([kept, near])}.items():
                guess = with_one(X[test]) @ line(X[train], Y[train])
                record[f"linear, {name}"] = rmse(guess, Y[test], std.item())
                model, _ = fit(X[train], Y[train], seed, 5e-3, 100, "gru")
                record[f"GRU, {name}"] = rmse(rnnlib.predict(model, X[test]), Y[test], std.item())
            results.append(record)
        print(f"leak, {horizon} ahead, {1700 + start}", file=sys.stderr, flush=True)
    return results


def recursive(step: Any, X: Tensor) -> Tensor:
    """Ten years, each forecast put at the end of the window."""
    forecasts = []
    for _ in range(HORIZON):
        forecasts.append(step(X))
        X = torch.cat([X[:, 1:], forecasts[-1][:, None]], dim=1)
    return torch.cat(forecasts, dim=1)


def by_year(guess: Tensor, Y: Tensor, scale: float) -> dict[str, Any]:
    """Errors of each year ahead, and of all years together."""
    return {
        "all": rmse(guess, Y, scale),
        "years": [rmse(guess[:, k], Y[:, k], scale) for k in range(Y.shape[1])],
    }


def forecast() -> dict[str, Any]:
    """Baselines, lines and networks, one and ten years ahead."""
    numbers = series()
    mean, std = numbers[:CUT].mean(), numbers[:CUT].std().item()
    z = (numbers - mean) / std
    tests = {horizon: windows(z[CUT - T :], T, horizon) for horizon in (1, HORIZON)}
    X1, Y1 = tests[1]
    X10, Y10 = tests[HORIZON]
    results: dict[str, Any] = {"one": {}, "ten": {}, "chosen": {}}
    results["one"]["naive"] = rmse(X1[:, -1], Y1, std)
    results["one"]["11 years ago"] = rmse(X1[:, -11], Y1, std)
    results["ten"]["naive"] = by_year(X10[:, -1].expand(-1, HORIZON), Y10, std)
    results["ten"]["11 years ago"] = by_year(X10[:, T - 11 : T - 11 + HORIZON, 0], Y10, std)
    results["ten"]["training mean"] = by_year(torch.zeros_like(Y10), Y10, std)
    for name, stop in {"linear": CUT, "linear, until 1909": CUT - VALID}.items():
        one = line(*windows(z[:stop], T, 1))
        ten = line(*windows(z[:stop], T, HORIZON))
        results["one"][name] = rmse(with_one(X1) @ one, Y1, std)
        step = partial(apply, one)
        results["ten"][f"{name}, recursive"] = by_year(recursive(step, X10), Y10, std)
        results["ten"][f"{name}, direct"] = by_year(with_one(X10) @ ten, Y10, std)
    for layer in ("rnn", "lstm", "gru"):
        name = layer.upper()
        for horizon in (1, HORIZON):
            X, Y = windows(z[: CUT - VALID], T, horizon)
            valid = windows(z[CUT - VALID - T : CUT], T, horizon)
            options = {"epochs": 150, "layer": layer, "valid": valid, "patience": 20}
            errors: dict[float, float] = {}
            todo = list(RATES)
            while todo:
                for lr in todo:
                    runs = [fit(X, Y, seed, lr, **options)[1] for seed in (0, 1)]
                    errors[lr] = statistics.mean(min(run.valid_loss.values()) for run in runs)
                best = min(errors, key=errors.__getitem__)
                edge = {max(errors): best * 3, min(errors): best / 3}
                todo = [round(edge[best], 6)] if best in edge and len(errors) < 8 else []
            results["chosen"][f"{name}, {horizon}"] = {"lr": best, "grid": errors}
            for seed in SEEDS:
                model, history = fit(X, Y, seed, best, **options)
                step = partial(rnnlib.predict, model)
                if horizon == 1:
                    results["one"].setdefault(name, []).append(rmse(step(X1), Y1, std))
                    guess, kind = recursive(step, X10), "recursive"
                else:
                    guess, kind = step(X10), "direct"
                record = {**by_year(guess, Y10, std), "epoch": history.best_epoch}
                results["ten"].setdefault(f"{name}, {kind}", []).append(record)
            print(f"{name}, {horizon}: lr {best:g}", file=sys.stderr, flush=True)
    return results


def run() -> dict[str, Any]:
    """Both questions; about ten minutes on one core."""
    return {"forecast": forecast(), "leak": {"1": leak(1), "10": leak(HORIZON)}}
