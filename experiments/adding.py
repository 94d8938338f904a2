"""The adding problem up to T = 400: how far back does each network learn to look?

Task: `rnnlib.data.adding_problem`: T numbers, one marked in each half; the answer is the sum of the two.
Always answering 1 has a mean squared error of 1/6.

Protocol: RNN, LSTM and GRU with nearly the same number of parameters, started as torch.nn starts them.
Adam, batches of 32 sequences that are new at every step, gradient norm clipped at 1, three seeds. Up to T =
100 each network is trained at four learning rates, at T = 200 and 400 at the two that did best at the
length before; the rate that counts has the best median on 500 validation sequences. A length is learned,
and ends, when all seeds of one rate have a validation error below 0.005; a network whose median test error
stays above 0.1 is not tried at longer ones, and the LSTM not at T = 400, where its many steps take too
long. The error is that on 1,000 test sequences, at each run's best moment on the validation sequences.
"""

from __future__ import annotations

import torch

from experiments.side_by_side import Stack, learn
from rnnlib.data import adding_problem

SEEDS = 3
LEARNED, HOPELESS = 0.005, 0.1
NETWORKS = {"RNN": ("rnn", 66), "LSTM": ("lstm", 32), "GRU": ("gru", 37)}
LONGEST = {"RNN": 400, "LSTM": 200, "GRU": 400}
RATES = [1e-3, 3e-3, 1e-2, 3e-2]
LENGTHS = {20: 3_000, 50: 2_000, 100: 2_000, 200: 2_000, 400: 2_000}  # T -> at most so many steps


def draw(count: int, num_steps: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (T, N, 2) and sums (1, N)."""
    X, Y = adding_problem(count, num_steps, seed)
    return X.transpose(0, 1), Y.T


def one(name: str, num_steps: int, rates: list[float], budget: int) -> dict:
    """All seeds of one network at one length, at the given rates."""
    kind, num_hiddens = NETWORKS[name]
    seeds = list(range(SEEDS))
    stack = Stack(kind, (2, num_hiddens, 1), seeds * len(rates))
    drawn = 0

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal drawn
        drawn += 1
        parts = [draw(32, num_steps, 100_000 * (seed + 1) + drawn) for seed in seeds]
        return torch.stack([X for X, _ in parts]), torch.stack([Y for _, Y in parts])

    def loss(outputs: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        return (outputs[..., 0] - sums).square().mean(dim=(1, 2))

    X, sums = draw(1_500, num_steps, seed=99)
    X = X.expand(len(rates) * SEEDS, -1, -1, -1)

    @torch.no_grad()
    def measure(stack: Stack) -> tuple[torch.Tensor, torch.Tensor]:
        errors = (stack(X, 1)[..., 0] - sums).square().nan_to_num(nan=float("inf"))
        return errors[..., :500].mean((1, 2)), errors[..., 500:].mean((1, 2))

    def solved(scores: torch.Tensor) -> bool:
        return bool((scores < LEARNED).all(dim=1).any())

    report = learn(stack, rates, SEEDS, batch, loss, measure, budget, 200, solved)
    chosen = report["best_rate"]
    order = torch.tensor(report["valid"]).median(dim=1).values.argsort()
    return {
        "parameters": stack.count(),
        "rate": rates[chosen],
        "rates": [rates[i] for i in order],
        "learned": max(report["valid"][chosen]) < LEARNED,
        "error": [round(value, 5) for value in report["test"][chosen]],
        "valid_error": report["valid"],
        "curve": [[step, scores[chosen]] for step, scores in report["curves"]],
        "steps": report["steps"],
    }


def network(name: str) -> dict:
    """All lengths of one network: T -> its report."""
    reports: dict[str, dict] = {}
    rates = RATES
    for num_steps, budget in LENGTHS.items():
        reports[str(num_steps)] = report = one(name, num_steps, rates, budget)
        if sorted(report["error"])[1] > HOPELESS or num_steps == LONGEST[name]:
            break
        if num_steps >= 100:
            rates = report["rates"][:2]
    return reports


def run() -> dict:
    """Name of the network -> T -> its report; `rates` and the error of always answering 1 beside them."""
    return {"rates": RATES, "always_one": 1 / 6, "networks": {name: network(name) for name in NETWORKS}}
