"""Which networks keep track of a state, and for how much longer than they were trained?

Two tasks, an answer after every token. Parity: have there been an even or an odd number of ones? Cups: three
cups stand in a row, each token swaps two of them or none; in which of the six orders do they stand now? (The
first token only sets them up.) Every network reads one-hot tokens with one layer of H = 32 (delta rule: a
matrix of 16 x 16; attention: two blocks of width 32 with learned positions, of which those beyond 32 are
never trained), and answers through one linear map.

Training: 1,000 batches of 64 new sequences, each batch with its own length between 2 and 32; Adam, gradients
clipped at norm 1. The learning rate comes from a grid of three that grows where the best lies at its edge: it
has the lowest loss at length 32, the mean of two seeds that are used for nothing else.

Results: ``networks``[name][task]: ``parameters``, ``lr``, ``grid`` and ``runs`` (three seeds that chose
nothing), each with ``accuracy``[length], the share of 1,000 sequences whose last answer is right. ``longer``:
the signed minGRU on parity, rate by rate, stopped at 50 batches in a row without an error (``stopped``) or
trained to the end (``full``): how many ``batches``, ``accuracy``, and ``left``, the share of its state that
the best unit keeps at a step.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from itertools import permutations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.common import growing_grid
from rnnlib.today import DeltaLayer, MinGRU

H, BATCH, LONGEST, BATCHES = 32, 64, 32, 1_000
ENOUGH = 50  # batches in a row without an error
GROWN = 3  # rates by which a grid may grow
RATES, LENGTHS = (3e-3, 1e-2, 3e-2), (32, 64, 128, 256)
SEEDS, CHOOSING = (10, 11, 12), (0, 1)

ORDERS = list(permutations("ABC"))
SWAPS = ((0, 1), (1, 2), (0, 2), (0, 0))  # tokens 0 to 3; token 4 sets the cups up
BEGIN = len(SWAPS)
Task = Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]


def swapped(order: tuple[str, ...], swap: tuple[int, int]) -> tuple[str, ...]:
    """An order of the cups after two places were swapped."""
    cups, (i, j) = list(order), swap
    cups[i], cups[j] = cups[j], cups[i]
    return tuple(cups)


AFTER = torch.tensor([[ORDERS.index(swapped(order, swap)) for swap in SWAPS] + [0] for order in ORDERS])


def parity(num: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Bits (num, length), and after each whether the ones so far are odd."""
    X = torch.randint(2, (num, length), generator=generator)
    return X, X.cumsum(dim=1) % 2


def cups(num: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Swaps (num, length), the first token BEGIN, and the number of the order after each."""
    X = torch.randint(BEGIN, (num, length), generator=generator)
    X[:, 0] = BEGIN
    order, answers = torch.zeros(num, dtype=torch.int64), []
    for tokens in X.T:
        order = AFTER[order, tokens]
        answers.append(order)
    return X, torch.stack(answers, dim=1)


TASKS: dict[str, tuple[Task, int, int]] = {"parity": (parity, 2, 2), "cups": (cups, 5, 6)}


class Reader(nn.Module):
    """One-hot tokens, a recurrent layer, a linear map: (B, T) to logits (B, T, answers)."""

    def __init__(self, layer: nn.Module, num_tokens: int, num_answers: int):
        super().__init__()
        self.layer, self.num_tokens = layer, num_tokens
        self.linear = nn.Linear(layer.hidden_size, num_answers)

    def forward(self, X: Tensor) -> tuple[Tensor, Any]:
        Y, state = self.layer(F.one_hot(X.T, self.num_tokens).float())
        return self.linear(Y).transpose(0, 1), state


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "tanh RNN": lambda inputs: nn.RNN(inputs, H),
    "GRU": lambda inputs: nn.GRU(inputs, H),
    "LSTM": lambda inputs: nn.LSTM(inputs, H),
    "minGRU": lambda inputs: MinGRU(inputs, H),
    "minGRU, signed": lambda inputs: MinGRU(inputs, H, signed=True),
    "delta, beta to 1": lambda inputs: DeltaLayer(inputs, H // 2),
    "delta, beta to 2": lambda inputs: DeltaLayer(inputs, H // 2, largest_beta=2.0),
}
NAMES = [*LAYERS, "attention"]


def build(name: str, num_tokens: int, num_answers: int) -> nn.Module:
    if name == "attention":
        return rnnlib.CausalAttentionModel(
            max(num_tokens, num_answers), H, num_layers=2, num_heads=2, window=max(LENGTHS)
        )
    return Reader(LAYERS[name](num_tokens), num_tokens, num_answers)


def train(name: str, task: str, lr: float, seed: int, enough: int = BATCHES) -> tuple[nn.Module, int]:
    """A trained network, and how many batches it took; it stops at so many in a row without an error."""
    draw, num_tokens, num_answers = TASKS[task]
    rnnlib.set_seed(seed)
    generator, model = torch.Generator().manual_seed(seed), build(name, num_tokens, num_answers)
    optimizer, batches, without_error = torch.optim.Adam(model.parameters(), lr), 0, 0
    while batches < BATCHES and without_error < enough:
        length = int(torch.randint(2, LONGEST + 1, (), generator=generator))
        X, Y = draw(BATCH, length, generator)
        logits = model(X)[0].flatten(0, 1)[:, :num_answers]
        optimizer.zero_grad()
        F.cross_entropy(logits, Y.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        without_error = without_error + 1 if bool((logits.argmax(dim=1) == Y.flatten()).all()) else 0
        batches += 1
    return model, batches


@torch.no_grad()
def accuracy(model: nn.Module, task: str, length: int, seed: int, num: int = 1_000) -> float:
    """The share of sequences whose last answer is right."""
    draw, _, num_answers = TASKS[task]
    X, Y = draw(num, length, torch.Generator().manual_seed(seed))
    return round((model(X)[0][:, -1, :num_answers].argmax(dim=1) == Y[:, -1]).double().mean().item(), 4)


@torch.no_grad()
def loss(model: nn.Module, task: str, seed: int = 1, num: int = 1_000) -> float:
    """The mean loss of all answers at the longest length that was trained."""
    draw, _, num_answers = TASKS[task]
    X, Y = draw(num, LONGEST, torch.Generator().manual_seed(seed))
    return F.cross_entropy(model(X)[0].flatten(0, 1)[:, :num_answers], Y.flatten()).item()


def tuned(name: str, task: str) -> dict[str, Any]:
    def score(rate: float) -> float:
        return statistics.mean(loss(train(name, task, rate, seed)[0], task) for seed in CHOOSING)

    lr, grid = growing_grid(score, RATES, 3, len(RATES) + GROWN)
    models = [train(name, task, lr, seed)[0] for seed in SEEDS]
    runs = [
        {"seed": seed, "accuracy": {str(length): accuracy(model, task, length, seed=2) for length in LENGTHS}}
        for seed, model in zip(SEEDS, models)
    ]
    print(f"{name:18} {task:7} lr {lr:g}", *(list(run["accuracy"].values()) for run in runs), file=sys.stderr)
    return {
        "parameters": rnnlib.count_parameters(models[0]),
        "lr": lr,
        "grid": {f"{rate:g}": value for rate, value in grid.items()},
        "runs": runs,
    }


@torch.no_grad()
def left(model: nn.Module) -> float:
    """What share the best unit of a signed minGRU keeps per step: the root of its two factors' product."""
    gates = model.layer.linear(torch.eye(2))[:, :H]
    factors = 1 - 2 * torch.sigmoid(gates)
    return (-factors[0] * factors[1]).clamp(min=0).sqrt().max().item()


def longer() -> dict[str, Any]:
    """Would it do to train the signed minGRU for longer, or with larger steps?"""
    found: dict[str, Any] = {}
    for lr in (0.03, 0.09, 0.27):
        for name, enough in (("stopped", ENOUGH), ("full", BATCHES)):
            runs = []
            for seed in SEEDS:
                model, batches = train("minGRU, signed", "parity", lr, seed, enough)
                right = {str(length): accuracy(model, "parity", length, seed=2) for length in LENGTHS}
                runs.append(
                    {"seed": seed, "batches": batches, "accuracy": right, "left": round(left(model), 4)}
                )
            found.setdefault(f"{lr:g}", {})[name] = runs
    return found


def run() -> dict[str, Any]:
    """Everything; about half an hour on one core."""
    return {
        "networks": {name: {task: tuned(name, task) for task in TASKS} for name in NAMES},
        "longer": longer(),
    }
