"""RNN, GRU in both forms and LSTM, 48 units each, trained alike: what gates do and what states hold."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from packs.pack import Pack
from packs.reading import letters_left, perplexity, read
from packs.training import fit, forget_bias, indices, rounded, tale, time_machine
from rnnlib import scratch

ABOUT = (
    "RNN、GRU（两种形式）与 LSTM，各 48 个单元，在《时间机器》上同样训练；单元从慢到快排列",
    "RNN, GRU (both forms) and LSTM, 48 units each, trained alike on The Time Machine; units from slow to "
    "fast",
)
H, EPOCHS, SEEDS = 48, 25, (0, 1, 2)
RATES = (1.6e-2, 3.2e-2, 6.4e-2)
CONDITIONS = {
    "corpus": "time_machine",
    "training": "load_text(max_tokens=None): all but the last tenth; B = 32, T = 64, sequential; Adam, "
    f"clip 1, {EPOCHS} epochs, rate falling along a cosine, best epoch kept; the rate of each network chosen "
    f"from {', '.join(f'{rate:g}' for rate in RATES)} with seed 9 and 6 epochs, by validation perplexity; "
    "the packed seed is the one in the middle",
    "seeds": list(SEEDS),
}
LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "rnn": lambda V: nn.RNN(V, H),
    "gru": lambda V: nn.GRU(V, H),
    "before": lambda V: scratch.GRU(V, H, reset_after=False),
    "lstm": lambda V: forget_bias(nn.LSTM(V, H)),
}
HOLDS = {
    "rnn": {},
    "gru": {
        "Z = 0": {"Z": 0.0},
        "Z = 0, R = 1": {"Z": 0.0, "R": 1.0},
        "R = 0": {"R": 0.0},
        "R = 1": {"R": 1.0},
    },
    "lstm": {
        "F = 0": {"F": 0.0},
        "F = 1": {"F": 1.0},
        "I = 1": {"I": 1.0},
        "O = 1": {"O": 1.0},
        "O = 0": {"O": 0.0},
    },
}
HOLDS["before"] = HOLDS["gru"]
PIECES, LENGTH, FROM = 40, 80, 30  # of the tale; letters held are averaged over the steps from FROM on


def pace(model: nn.Module, X: Tensor) -> Tensor:
    """(H,): how slow each unit is: the mean of F or Z; for the RNN the correlation of H_t with H_{t-1}."""
    found = read(model, X[None])
    for gate in ("F", "Z"):
        if gate in found:
            return found[gate][0].mean(dim=0)
    state = found["H"][0] - found["H"][0].mean(dim=0)
    return (state[1:] * state[:-1]).mean(dim=0) / state.var(dim=0)


def permute(model: nn.Module, order: Tensor) -> None:
    """Renumber the units of the one layer; what the model computes stays the same."""
    size = len(order)
    with torch.no_grad():
        for name, weight in model.rnn.named_parameters():
            blocks = weight.shape[0] // size
            rows = torch.cat([order + k * size for k in range(blocks)])
            weight.copy_(weight[rows][:, order] if name.startswith("weight_hh") else weight[rows])
        model.linear.weight.copy_(model.linear.weight[:, order])


def measure(
    model: nn.Module, data: rnnlib.TextData, pieces: Tensor, holds: dict[str, dict]
) -> dict[str, Any]:
    """Perplexity and letters held, as it is, with gates held, and with the state erased at each letter."""

    def held(**options: Any) -> dict[str, float]:
        sums: dict[str, list[float]] = {}
        for X in pieces:
            for name, left in letters_left(model, X, **options).items():
                sums.setdefault(name, []).append(left.sum(dim=1)[FROM:].mean().item())
        return {name: statistics.fmean(values) for name, values in sums.items()}

    found = {"": {"valid": rnnlib.perplexity(model, data.valid), "left": held()}}
    for name, hold in holds.items():
        found[name] = {"valid": perplexity(model, data.valid, hold=hold), "left": held(hold=hold)}
    found["erased"] = {"valid": perplexity(model, data.valid, erase=True)}
    return found


def trained_erased(name: str, data: rnnlib.TextData, seed: int) -> float:
    """Validation perplexity of a network that never had a state: it learns from one letter at a time."""
    text, V = data.train.corpus, len(data.vocab)
    rnnlib.set_seed(seed)
    model = rnnlib.RNNModel(LAYERS[name](V), V)
    pairs = rnnlib.ExampleLoader(text[:-1, None], text[1:, None], 1024, seed=seed)
    rnnlib.train(model, pairs, 6, 1e-2, optimizer="adam", progress=False)
    return perplexity(model, data.valid, erase=True)


def spread(values: list[Any]) -> Any:
    """[median, lowest, highest] at each leaf of several dicts of one form."""
    if isinstance(values[0], dict):
        return {key: spread([value[key] for value in values]) for key in values[0]}
    return rounded([statistics.median(values), min(values), max(values)])


def choose_rate(name: str, data: rnnlib.TextData) -> float:
    """The rate with the lowest validation perplexity after six epochs."""
    V, found = len(data.vocab), {}
    for rate in RATES:
        model, _ = fit(lambda: rnnlib.RNNModel(LAYERS[name](V), V), data, 6, rate, seed=9)
        found[rate] = rnnlib.perplexity(model, data.valid)
    print(f"  {name}:", "  ".join(f"{rate:g} {value:.3f}" for rate, value in found.items()), flush=True)
    return min(found, key=found.get)


def make(pack: Pack) -> dict[str, Any]:
    """Train four kinds with three seeds each, measure all, pack the middle one of each kind."""
    data = time_machine(max_tokens=None, batch_size=32, num_steps=64)
    vocab, V = data.vocab, len(data.vocab)
    text = indices(vocab, tale())
    pieces = text[: PIECES * 700].view(PIECES, 700)[:, :LENGTH]
    models, measured = {}, {}
    for name, layer in LAYERS.items():
        rate, runs = choose_rate(name, data), []
        for seed in SEEDS:
            model, history = fit(lambda layer=layer: rnnlib.RNNModel(layer(V), V), data, EPOCHS, rate, seed)
            best, low = history.best_valid
            found = measure(model, data, pieces, HOLDS[name])
            found["trained erased"] = {"valid": trained_erased(name, data, seed)}
            runs.append((low, seed, best, model, found))
            print(
                f"  {name} {seed}: epoch {best}  valid {low:.3f}  left {rounded(runs[-1][4]['']['left'], 2)}",
                flush=True,
            )
        low, seed, best, model, _ = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
        slow = pace(model, text[:3000])
        order = slow.argsort(descending=True, stable=True)
        permute(model, order)
        entry = pack.model(model)
        packed = pack.reload(entry)
        models[name] = entry | {
            "valid": rounded(rnnlib.perplexity(packed, data.valid)),
            "float": rounded(low),
            "train": rounded(rnnlib.perplexity(packed, data.train)),
            "check": {"corpus": "tale", "perplexity": rounded(rnnlib.perplexity(packed, text))},
            "seed": seed,
            "epoch": best,
            "lr": rate,
            "pace": rounded(slow[order], 2),
        }
        measured[name] = spread([run[4] for run in runs])
    ngrams = {
        str(n): rnnlib.NGramModel(data.train.corpus, n, V).perplexity(data.valid) for n in (1, 2, 3, 4, 5)
    }
    for name, found in measured.items():
        for hold, numbers in found.items():
            print(f"  {name:7s}{hold:14s}", numbers)
    print("  n-grams", rounded(ngrams))
    return {"vocab": vocab.idx_to_token, "models": models, "measured": measured, "ngrams": rounded(ngrams)}
