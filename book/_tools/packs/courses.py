"""Recorded training runs: the networks of chapters 3, 5, 7, 8 and 10 on the same 10,000 characters."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

import rnnlib
from packs.pack import Pack
from packs.training import longest_copy, longest_piece, time_machine

ABOUT = (
    "记录下来的训练：第 3、5、7、8、10 章的网络，同一段文字，200 个周期，每个记录点一段续写",
    "recorded training: the networks of chapters 3, 5, 7, 8 and 10, one text, 200 epochs, a sample at every "
    "point",
)
H, EPOCHS, SEEDS = 128, 200, (0, 1, 2)
POINTS = (*range(21), *range(22, 41, 2), *range(45, 101, 5), *range(110, EPOCHS + 1, 10))
PREFIX, WRITTEN, QUOTED = "time traveller", 50, 39  # at most 39 characters of the book in a row are stored
CONDITIONS = {
    "corpus": "time_machine",
    "training": "load_text(): 10,000 characters, 10,000 for validation, B = 32, T = 35, sequential; "
    f"H = {H}, one-hot inputs, clip 1",
    "sample": f"greedy, {WRITTEN} characters after {PREFIX!r}, of the seed whose lowest validation "
    "perplexity is the middle one",
    "seeds": list(SEEDS),
}


def small_start(V: int) -> nn.Module:
    """The RNN of chapter 3, which begins with normal weights of standard deviation 0.01 and biases of 0."""
    model = rnnlib.RNNModel(nn.RNN(V, H), V)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.01) if weight.ndim > 1 else weight.zero_()
    return model


def model_of(layer: Callable[[int], nn.Module]) -> Callable[[int], nn.Module]:
    return lambda V: rnnlib.RNNModel(layer(V), V)


NETWORKS: dict[str, tuple[tuple[str, str], int, str, float, Callable[[int], nn.Module]]] = {
    "rnn_sgd": (("RNN，SGD", "RNN, SGD"), 3, "sgd", 1.0, small_start),
    "rnn_adam": (("nn.RNN，Adam", "nn.RNN, Adam"), 5, "adam", 1e-3, model_of(lambda V: nn.RNN(V, H))),
    "lstm": (("LSTM", "LSTM"), 7, "adam", 5e-3, model_of(lambda V: nn.LSTM(V, H))),
    "gru": (("GRU", "GRU"), 8, "adam", 5e-3, model_of(lambda V: nn.GRU(V, H))),
    "two": (("GRU，两层", "GRU, two layers"), 10, "adam", 5e-3, model_of(lambda V: nn.GRU(V, H, 2))),
    "two_dropout": (
        ("GRU，两层，暂退 0.5", "GRU, two layers, dropout 0.5"),
        10,
        "adam",
        5e-3,
        model_of(lambda V: nn.GRU(V, H, 2, dropout=0.5)),
    ),
}


def sample(model: nn.Module, vocab: rnnlib.Vocab, sources: tuple[str, str]) -> list[Any]:
    """[the continuation, where its longest piece that stands in the first source begins, and its length]."""
    text = rnnlib.generate(model, PREFIX, WRITTEN, vocab)
    return [shortened(text, sources), *longest_piece(text[len(PREFIX) :], sources[0])]


def shortened(text: str, sources: tuple[str, str]) -> str:
    """What follows the prefix, cut before it quotes too much of the book, line ends glued or as spaces."""
    shown = text
    while any(longest_copy(shown, source) > QUOTED for source in sources):
        shown = shown[:-1]
    return shown[len(PREFIX) :] + ("…" if shown != text else "")


def record(
    build: Callable[[int], nn.Module], optimizer: str, lr: float, seed: int, data: rnnlib.TextData
) -> dict[str, list[Any]]:
    """One run: train, valid, norm (the median of an epoch's, before clipping) and a sample at each point."""
    rnnlib.set_seed(seed)
    model = build(len(data.vocab))
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    steps = kinds[optimizer](model.parameters(), lr=lr)
    still = torch.optim.SGD(model.parameters(), lr=0.0)  # epoch 0 is measured and changes nothing
    sources = data.corpus.text, " ".join(data.corpus.lines)
    run: dict[str, list[Any]] = {"train": [], "valid": [], "norm": [], "sample": []}
    for epoch in range(EPOCHS + 1):
        norms: list[float] = []
        total, count = rnnlib.run_epoch(
            model,
            data.train,
            optimizer=steps if epoch else still,
            clip=lambda norms=norms: norms.append(float(clip_grad_norm_(model.parameters(), 1.0))),
        )
        if epoch in POINTS:
            run["train"].append(math.exp(total / count))
            run["valid"].append(rnnlib.perplexity(model, data.valid, batch_size=32))
            run["norm"].append(statistics.median(norms))
            run["sample"].append(sample(model, data.vocab, sources))
    return run


def band(runs: list[list[float]]) -> dict[str, list[float]]:
    """Middle, lowest and highest run at each point, four significant digits."""
    columns = list(zip(*runs))
    found = {"middle": statistics.median, "low": min, "high": max}
    return {name: [float(f"{choose(column):.4g}") for column in columns] for name, choose in found.items()}


def make(pack: Pack) -> dict[str, Any]:
    """Six networks, three seeds each."""
    data = time_machine()
    V, networks = len(data.vocab), {}
    for name, (title, chapter, optimizer, lr, build) in NETWORKS.items():
        start = time.process_time()
        runs = [record(build, optimizer, lr, seed, data) for seed in SEEDS]
        middle = sorted(range(len(runs)), key=lambda k: min(runs[k]["valid"]))[len(runs) // 2]
        low = [min(run["valid"]) for run in runs]
        networks[name] = {
            "title": list(title),
            "chapter": chapter,
            "optimizer": optimizer,
            "lr": lr,
            "parameters": rnnlib.count_parameters(build(V)),
            **{key: band([run[key] for run in runs]) for key in ("train", "valid", "norm")},
            "seed": SEEDS[middle],
            "lowest": [float(f"{value:.4g}") for value in sorted(low)],
            "lowest_epoch": POINTS[runs[middle]["valid"].index(low[middle])],
            **dict(zip(("sample", "copied_at", "copied"), map(list, zip(*runs[middle]["sample"])))),
        }
        n = networks[name]
        print(
            f"  {name:12s} valid {n['lowest']} at {n['lowest_epoch']}  last train {n['train']['middle'][-1]} "
            f"valid {n['valid']['middle'][-1]}  {time.process_time() - start:.0f} s  {n['sample'][-1]!r}",
            flush=True,
        )
    five = rnnlib.NGramModel(data.train.corpus, 5, V).perplexity(data.valid)
    return {
        "epochs": list(POINTS),
        "prefix": PREFIX,
        "written": WRITTEN,
        "levels": {"uniform": V, "5-gram": round(five, 3)},
        "networks": networks,
    }
