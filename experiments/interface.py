"""Does nn.RNN overfit more than an RNN from scratch, or does it only start from other weights?

The network of chapter 5 (256 hidden units, SGD at learning rate 1, clipping at 1, the first 10,000
characters of *The Time Machine*), written two ways and started two ways. ``scratch`` and ``nn.RNN`` have
the initial weights that each brings along; ``nn.RNN, small start`` takes those of ``scratch``, and
``scratch, large start`` those of ``nn.RNN``. In ``nn.RNN, small start`` the second bias is zero and does
not learn, so that both ways learn the same numbers. 80 epochs, three seeds.

Results: ``runs``[way] is a list with the seed and the training and validation perplexities.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn

import rnnlib
from experiments.common import three_texts

V, H = 28, 256
WAYS = ("scratch", "nn.RNN", "nn.RNN, small start", "scratch, large start")


def twins(seed: int) -> dict[str, nn.Module]:
    """The four networks of a seed."""
    rnnlib.set_seed(seed)
    scratch, small = rnnlib.RNNModelScratch(V, H, "cpu"), rnnlib.RNNModel(nn.RNN(V, H), V)
    ready, large = rnnlib.RNNModel(nn.RNN(V, H), V), rnnlib.RNNModelScratch(V, H, "cpu")
    with torch.no_grad():
        W_xh, W_hh, b_h, W_hq, b_q = scratch.parameters()
        small.rnn.weight_ih_l0.copy_(W_xh.T), small.rnn.weight_hh_l0.copy_(W_hh.T)
        small.rnn.bias_ih_l0.copy_(b_h), small.rnn.bias_hh_l0.zero_()
        small.linear.weight.copy_(W_hq.T), small.linear.bias.copy_(b_q)
        W_xh, W_hh, b_h, W_hq, b_q = large.parameters()
        W_xh.copy_(ready.rnn.weight_ih_l0.T), W_hh.copy_(ready.rnn.weight_hh_l0.T)
        b_h.copy_(ready.rnn.bias_ih_l0 + ready.rnn.bias_hh_l0)
        W_hq.copy_(ready.linear.weight.T), b_q.copy_(ready.linear.bias)
    small.rnn.bias_hh_l0.requires_grad_(False)
    return dict(zip(WAYS, (scratch, ready, small, large)))


def record(seed: int, history: rnnlib.History) -> dict[str, Any]:
    """The perplexities of a run."""
    valid = {epoch: round(ppl, 3) for epoch, ppl in history.valid_ppl.items()}
    return {"seed": seed, "train": [round(ppl, 3) for ppl in history.train_ppl], "valid": valid}


def run() -> dict[str, Any]:
    """Train everything; about two minutes on one core."""
    data, _ = three_texts()
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for seed in range(3):
        for way, model in twins(seed).items():
            rnnlib.set_seed(100 + seed)  # the same minibatches for all four
            history = rnnlib.train(model, data, 80, 1.0, eval_every=4, progress=False)
            runs[way].append(record(seed, history))
            print(f"{way}, seed {seed}: {history.best_valid}", file=sys.stderr, flush=True)
    return {"runs": runs}
