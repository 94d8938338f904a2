"""What is the best an RNN gets from 10,000 characters of Tang poems, and does counting do as well?

An nn.RNN with 256 hidden units on an embedding of 64 numbers, Adam, clipping at 1. Of a grid of learning
rates the one with the lowest validation perplexity over known characters (those that occur in training)
wins; so does the epoch, of at most 60 (every second one is measured), and training ends when six epochs
bring nothing. Three other seeds are reported, on validation and on the last 3,000 characters of the
corpus, which chose nothing. A network never trained on <unk> gives it next to nothing, so a second figure
mixes its probabilities with a uniform share, chosen on the validation text as well. The n-grams are those
of ``rnnlib.NGramModel``.

Results: ``runs`` and ``grid``, with ``known``, ``all`` and ``mixed`` (perplexities over all characters,
without and with the uniform share ``share``) for ``valid`` and ``test``; ``ngrams``[order] has the same
two texts.
"""

from __future__ import annotations

import copy
import math
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.common import three_texts

RATES = (2.5e-4, 5e-4, 1e-3, 2e-3)
SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
EPOCHS, EVERY, PATIENCE = 60, 2, 6


def losses_of(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The loss and the label of every prediction; the text is read as 8 rows."""
    length = (len(tokens) - 1) // 8
    X, Y = (tokens[i : i + 8 * length].view(8, length) for i in (0, 1))
    with torch.no_grad():
        logits = model(X)[0].flatten(0, 1)
    return F.cross_entropy(logits, Y.flatten(), reduction="none").double(), Y.flatten()


def ppl(losses: Tensor) -> float:
    """A perplexity with one digit."""
    return round(losses.mean().exp().item(), 1)


def mix(losses: Tensor, share: float, vocab_size: int) -> Tensor:
    """The losses if a share of all probability is spread evenly over the vocabulary."""
    return -torch.log((1 - share) * torch.exp(-losses) + share / vocab_size)


def train(data: rnnlib.TextData, test: Tensor, lr: float, seed: int) -> dict[str, Any]:
    """One run; everything at the epoch with the lowest validation perplexity over known characters."""
    V, unknown = len(data.vocab), data.vocab.unk
    rnnlib.set_seed(seed)
    model = rnnlib.RNNModel(nn.RNN(64, 256), V, embedding=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    best: dict[str, Any] = {"known": math.inf, "epoch": 0}
    history = rnnlib.History()
    while history.num_epochs < min(EPOCHS, best["epoch"] + PATIENCE):
        options = {"optimizer": optimizer, "progress": False, "history": history}
        history = rnnlib.train(model, data.train, EVERY, **options)
        losses, labels = losses_of(model, data.valid)
        known = ppl(losses[labels != unknown])
        if known < best["known"]:
            best.update(known=known, epoch=history.num_epochs, train=history.train_ppl[-1])
            best["weights"] = copy.deepcopy(model.state_dict())
    model.load_state_dict(best["weights"])
    record = {"lr": lr, "seed": seed, "epoch": best["epoch"], "train": round(best["train"], 1)}
    texts = {"valid": losses_of(model, data.valid), "test": losses_of(model, test)}
    record |= scores(texts, V, unknown)
    print(record, file=sys.stderr, flush=True)
    return record


def scores(texts: dict[str, tuple[Tensor, Tensor]], V: int, unknown: int) -> dict[str, Any]:
    """Perplexities of the texts; the uniform share is the best one for the validation text."""
    share = min(SHARES, key=lambda value: mix(texts["valid"][0], value, V).mean().item())
    result: dict[str, Any] = {"share": share}
    for name, (losses, labels) in texts.items():
        mixed = mix(losses, share, V)
        result[name] = {"known": ppl(losses[labels != unknown]), "all": ppl(losses), "mixed": ppl(mixed)}
    return result


def count(data: rnnlib.TextData, test: Tensor, order: int) -> dict[str, Any]:
    """An n-gram on the same texts."""
    V, unknown = len(data.vocab), data.vocab.unk
    gram = rnnlib.NGramModel(data.train.corpus, order, V)
    texts = {}
    for name, text in {"valid": data.valid.tolist(), "test": test.tolist()}.items():
        pairs = [(text[i], tuple(text[max(0, i - order + 1) : i])) for i in range(len(text))]
        losses = torch.tensor([-math.log(gram.probability(*pair)) for pair in pairs], dtype=torch.float64)
        texts[name] = losses, torch.tensor(text)
    return {"interpolation": gram.interpolation, **scores(texts, V, unknown)}


def run() -> dict[str, Any]:
    """Train everything; about three minutes on one core."""
    data, test = three_texts("tang300", num_test=3_000, vocab_from="train", device="cpu")
    grid = [train(data, test, lr, seed=0) for lr in RATES]
    lr = min(grid, key=lambda record: record["valid"]["known"])["lr"]
    return {
        "lr": lr,
        "grid": grid,
        "runs": [train(data, test, lr, seed) for seed in (10, 11, 12)],
        "ngrams": {order: count(data, test, order) for order in (1, 2, 3, 4)},
    }
