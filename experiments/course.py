"""How does the run of chapter 3 go with other seeds, and what becomes of it without clipping?

The network and the setting of the chapter: 512 hidden units, B = 32, T = 35, sequential partitioning, plain
SGD with learning rate 1, global norm clipped at 1, 300 epochs on the first 10,000 characters of *The Time
Machine*. Every 10 epochs the validation text (the next 10,000) is measured: perplexity, top-1 accuracy, and
confidence (the mean probability of the likeliest character). The test text (the 10,000 after those) is read
once, with the weights of the best epoch.

Up to the first step whose norm exceeds 1, a run without clipping is the same run. So each unclipped run
branches off before that step, with the same weights and the same random numbers to come; it ends when the
training perplexity of an epoch exceeds 1,000, or at epoch 300.

Results: a list with, per seed, ``train`` (perplexity of every epoch), ``valid`` ({epoch: [perplexity,
accuracy, confidence]}), ``context`` ({k: validation perplexity of the best epoch when the network reads k
characters only, starting from zero}), ``first_above_1`` (the epoch of the first norm above 1),
``share_above_1`` (of all steps), ``best_epoch``, ``test``, ``branch`` (epochs before the unclipped run),
``unclipped`` (its training perplexities from there on; None where the loss was not finite).
"""

from __future__ import annotations

import copy
import math
import random
import sys
from typing import Any

import torch
from torch import Tensor

import rnnlib
from experiments.common import three_texts

SEEDS = (0, 1, 2)
EPOCHS = 300
CONTEXTS = (1, 2, 3, 4, 6, 8, 12, 16, 24)


def measure(model: Any, tokens: Tensor, num_rows: int = 8) -> tuple[float, float, float]:
    """Perplexity, top-1 accuracy and mean confidence over a text."""
    length = (len(tokens) - 1) // num_rows
    X = tokens[: num_rows * length].view(num_rows, length)
    Y = tokens[1 : num_rows * length + 1].view(num_rows, length)
    with torch.no_grad():
        log_P = torch.log_softmax(model(X)[0], dim=-1)
    loss = -log_P.gather(-1, Y[..., None]).mean()
    best = log_P.max(dim=-1)
    hits = (best.indices == Y).double().mean()
    return math.exp(loss), float(hits), float(best.values.exp().mean())


def with_context(model: Any, tokens: Tensor, k: int) -> float:
    """Perplexity when each prediction starts from a zero state and reads k characters."""
    rows = tokens.unfold(0, k + 1, 1)[50 - k :: 5]
    with torch.no_grad():
        logits = model(rows[:, :-1])[0][:, -1]
    return math.exp(torch.nn.functional.cross_entropy(logits, rows[:, -1]))


def epoch_of(model: Any, data: rnnlib.TextData, theta: float | None, norms: list[float]) -> float:
    """One epoch of plain SGD; its training perplexity."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

    def clip() -> None:
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), theta or math.inf)))

    total, count = rnnlib.run_epoch(model, data.train, optimizer=optimizer, clip=clip)
    return math.exp(min(total / count, 700.0))


def unclipped(model: Any, data: rnnlib.TextData, branch: int) -> list[float | None]:
    """Training perplexities of the epochs after the branch, without clipping."""
    course: list[float | None] = []
    for _ in range(branch, EPOCHS):
        try:
            course.append(epoch_of(model, data, None, []))
        except FloatingPointError:
            course.append(None)
        if course[-1] is None or course[-1] > 1000:
            break
    return course


def one_seed(data: rnnlib.TextData, test: Tensor, seed: int) -> dict[str, Any]:
    """The course of one seed, with its unclipped branch."""
    rnnlib.set_seed(seed)
    model = rnnlib.RNNModelScratch(len(data.vocab), 512, data.device)
    train, valid, norms, best = [], {}, [], None
    for epoch in range(1, EPOCHS + 1):
        train.append(epoch_of(model, data, 1.0, norms))
        if epoch % 10 == 0:
            valid[epoch] = measure(model, data.valid)
            if valid[epoch][0] == min(v[0] for v in valid.values()):
                best = copy.deepcopy(model.params)
            if max(norms) <= 1:
                branch, start, chance = epoch, copy.deepcopy(model), random.getstate()
    model.params = best
    per_epoch = len(norms) // EPOCHS
    random.setstate(chance)
    record = {
        "seed": seed,
        "train": [round(p, 4) for p in train],
        "valid": {e: [round(p, 4), round(a, 4), round(c, 4)] for e, (p, a, c) in valid.items()},
        "context": {k: round(with_context(model, data.valid, k), 4) for k in CONTEXTS},
        "first_above_1": next(i for i, n in enumerate(norms) if n > 1) // per_epoch + 1,
        "share_above_1": sum(n > 1 for n in norms) / len(norms),
        "best_epoch": min(valid, key=lambda e: valid[e][0]),
        "test": round(rnnlib.perplexity(model, test), 4),
        "branch": branch,
        "unclipped": unclipped(start, data, branch),
    }
    summary = {key: record[key] for key in ("seed", "best_epoch", "test", "first_above_1", "branch")}
    print(summary, train[-1], len(record["unclipped"]), file=sys.stderr, flush=True)
    return record


def run() -> list[dict[str, Any]]:
    """All seeds; about ten minutes on one core."""
    data, test = three_texts(device="cpu")
    return [one_seed(data, test, seed) for seed in SEEDS]
