"""What does clipping at 0.01 change when Adam takes the steps?

The recipe of chapter 6 (nn.RNN, 256 hidden units, Adam at 0.001, minibatches cut at the same places in
every epoch, 10,000 characters of the Tang poems). ``none`` does not clip, as the published run in fact
did not; ``0.01`` clips; ``1`` clips at 1; ``times 0.01`` multiplies every gradient by 0.01, which makes
it small and keeps long and short apart. ``none`` and ``0.01`` have three seeds, the first of which goes
on to epoch 250; all other runs end at epoch 100.

Results: ``courses``[way] is a list of runs with the seed and, for every epoch, ``train`` (perplexity),
``norm`` (mean length of the gradient before clipping), ``above`` (share of steps whose gradient is longer
than 1) and ``step`` (mean length of the change of all weights together); ``valid`` and ``known`` are
validation perplexities by epoch, over all characters and over those that occur in training.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rnnlib
from experiments.common import three_texts

H, B, T = 256, 32, 35
WAYS = {"none": (250, 100, 100), "0.01": (250, 100, 100), "1": (100,), "times 0.01": (100,)}  # epochs by seed


def lookup_model(vocab_size: int, seed: int) -> rnnlib.RNNModel:
    """An nn.RNN on one-hot vectors, written as a look-up in the table W_xh: the same function, faster."""
    rnnlib.set_seed(seed)
    plain = rnnlib.RNNModel(nn.RNN(vocab_size, H), vocab_size)
    fast = rnnlib.RNNModel(nn.RNN(H, H), vocab_size, embedding=True)
    with torch.no_grad():
        fast.embedding.weight.copy_(plain.rnn.weight_ih_l0.T)
        fast.rnn.load_state_dict(plain.rnn.state_dict() | {"weight_ih_l0": torch.eye(H)})
        fast.linear.load_state_dict(plain.linear.state_dict())
    fast.rnn.weight_ih_l0.requires_grad_(False)
    return fast


def two_perplexities(model: nn.Module, tokens: Tensor, unknown: int) -> tuple[float, float]:
    """Over all characters, and over those that occur in training; the text is read as 8 rows."""
    length = (len(tokens) - 1) // 8
    X, Y = (tokens[i : i + 8 * length].view(8, length) for i in (0, 1))
    with torch.no_grad():
        losses = F.cross_entropy(model(X)[0].flatten(0, 1), Y.flatten(), reduction="none")
    return losses.mean().exp().item(), losses[Y.flatten() != unknown].mean().exp().item()


def train(way: str, seed: int, epochs: int, data: rnnlib.TextData) -> dict[str, Any]:
    """One run, recorded epoch by epoch."""
    model = lookup_model(len(data.vocab), seed)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=1e-3)
    length = len(data.train.corpus) // B
    rows = data.train.corpus[: B * length].view(B, length)
    batches = [(rows[:, i : i + T], rows[:, i + 1 : i + 1 + T]) for i in range(0, length - T, T)]
    names = ("train", "norm", "above", "step")
    course: dict[str, Any] = {"seed": seed, **{name: [] for name in names}, "valid": {}, "known": {}}
    for epoch in range(1, epochs + 1):
        losses, norms, steps, state = [], [], [], None
        for X, Y in batches:
            logits, state = model(X, None if state is None else state.detach())
            loss = F.cross_entropy(logits.flatten(0, 1), Y.flatten())
            optimizer.zero_grad()
            loss.backward()
            limit = float(way) if way in ("0.01", "1") else math.inf
            norms.append(float(nn.utils.clip_grad_norm_(weights, limit)))
            if way == "times 0.01":
                for p in weights:
                    p.grad.mul_(0.01)
            before = [p.detach().clone() for p in weights]
            optimizer.step()
            changes = torch.stack([(p.detach() - old).norm() for p, old in zip(weights, before)])
            steps.append(float(changes.norm()))
            losses.append(loss.item())
        means = [sum(values) / len(values) for values in (losses, norms, steps)]
        above = sum(norm > 1 for norm in norms) / len(norms)
        for name, value in zip(names, (math.exp(means[0]), means[1], above, means[2])):
            course[name].append(round(value, 4))
        if epoch % 10 == 0:
            pair = two_perplexities(model, data.valid, data.vocab.unk)
            course["valid"][epoch], course["known"][epoch] = (round(ppl, 1) for ppl in pair)
    shown = [course["train"][epoch - 1] for epoch in (50, 100, 150, 200, 250) if epoch <= epochs]
    print(f"{way}, seed {seed}: {shown}", file=sys.stderr, flush=True)
    return course


def run() -> dict[str, Any]:
    """Train everything; about seven minutes on one core."""
    data, _ = three_texts("tang300", num_test=3_000, vocab_from="train", device="cpu")
    return {
        "courses": {
            way: [train(way, seed, epochs, data) for seed, epochs in enumerate(by_seed, start=1)]
            for way, by_seed in WAYS.items()
        }
    }
