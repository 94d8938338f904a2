"""Remember a few symbols over a gap: which recurrent networks learn it, and what decides it?

Task: `rnnlib.data.copy_task` with lag 20: read 4 symbols (of 8), wait, write them down in order.
There are 8^4 = 4,096 words of 4 symbols; they are dealt out once into 3,072 for training, 512 for validation
and 512 for the test, so no test word is ever trained on. The score is the share of symbols that are right.

Protocol: all networks read one-hot symbols and have nearly the same number of parameters. Each is trained at
four learning rates with three seeds (Adam, batches of 32, gradient norm clipped at 1) for at most
2,000 steps. The rate is the one with the best median on the validation words; accuracy is
that on the test words, at each run's best moment on the validation words.

Besides the networks of chapters 7 and 8 there are three LSTMs with a part taken away, which ask why a GRU
learns where an LSTM with the usual bias does not: without an output gate (O = 1), with I = 1 - F, with both.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from experiments.side_by_side import Stack, learn
from rnnlib.data import copy_task

RATES = [1e-3, 3e-3, 1e-2, 3e-2]
SEEDS = 3
LAG, LENGTH, SYMBOLS = 20, 4, 8
# name -> kind, hidden units, first bias of the gate that keeps
NETWORKS = {
    "RNN": ("rnn", 66, None),
    "LSTM": ("lstm", 29, None),
    "LSTM, b_f = 3": ("lstm", 29, 3.0),
    "GRU": ("gru", 34, None),
    "GRU, b_z = 3": ("gru", 34, 3.0),
    "LSTM, O = 1": ("lstm_open", 34, None),
    "LSTM, I = 1 - F": ("lstm_coupled", 34, None),
    "LSTM, I = 1 - F, O = 1": ("lstm_coupled_open", 43, None),
}


def words() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The words for training, validation and test: (3072, 4), (512, 4), (512, 4)."""
    every = torch.cartesian_prod(*[torch.arange(SYMBOLS)] * LENGTH)
    every = every[torch.randperm(len(every), generator=torch.Generator().manual_seed(0))]
    return every[:3_072], every[3_072:3_584], every[3_584:]


def sequences(chosen: torch.Tensor) -> torch.Tensor:
    """Words (N, 4) as one-hot inputs (T, N, 10), in the form of `copy_task`."""
    X, _ = copy_task(len(chosen), LAG, SYMBOLS, LENGTH)
    X[:, :LENGTH] = chosen
    return F.one_hot(X.T, SYMBOLS + 2).float()


def one(kind: str, num_hiddens: int, bias: float | None, num_steps: int = 2_000) -> dict:
    """All rates and seeds of one network."""
    train, valid, test = words()
    seeds = list(range(SEEDS))
    stack = Stack(kind, (SYMBOLS + 2, num_hiddens, SYMBOLS), seeds * len(RATES), bias)
    streams = [torch.Generator().manual_seed(1_000 + seed) for seed in seeds]

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        drawn = [train[torch.randint(len(train), (32,), generator=stream)] for stream in streams]
        X = torch.stack([sequences(part) for part in drawn])
        return X, torch.stack([part.T for part in drawn])  # (S, T, B, 10), (S, 4, B)

    def loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        values = F.cross_entropy(outputs.flatten(0, 2), labels.flatten(), reduction="none")
        return values.view(len(outputs), -1).mean(dim=1)

    held = sequences(torch.cat([valid, test])).expand(len(RATES) * SEEDS, -1, -1, -1)
    answers = torch.cat([valid, test]).T

    @torch.no_grad()
    def measure(stack: Stack) -> tuple[torch.Tensor, torch.Tensor]:
        wrong = (stack(held, LENGTH).argmax(-1) != answers).float()  # (M, 4, 1024)
        return wrong[..., :512].mean((1, 2)), wrong[..., 512:].mean((1, 2))

    def solved(scores: torch.Tensor) -> bool:
        return bool((scores < 0.001).all(dim=1).any())

    report = learn(stack, RATES, SEEDS, batch, loss, measure, num_steps, 200, solved)
    chosen = report["best_rate"]
    return {
        "parameters": stack.count(),
        "rate": RATES[chosen],
        "accuracy": [round(1 - error, 4) for error in report["test"][chosen]],
        "valid_accuracy": [[round(1 - error, 4) for error in row] for row in report["valid"]],
        "curve": [[step, [round(1 - v, 4) for v in scores[chosen]]] for step, scores in report["curves"]],
        "steps": report["steps"],
    }


def run() -> dict:
    """Name of the network -> its report; `rates` and `guessing` beside them."""
    networks = {name: one(*setting) for name, setting in NETWORKS.items()}
    return {"rates": RATES, "guessing": 1 / SYMBOLS, "networks": networks}
