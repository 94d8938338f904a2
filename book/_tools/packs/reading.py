"""Read with gates held or the state erased, and measure how many letters a state still holds."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rnnlib.inspect.probes import _twin
from rnnlib.scratch.cells import gru_gates, lstm_gates, rnn_cell

GATES = {"RNN": (), "GRU": ("R", "Z"), "LSTM": ("I", "F", "O")}


@torch.no_grad()
def read(
    model: nn.Module, X: Tensor, hold: dict[str, float] | None = None, erase: bool = False
) -> dict[str, Tensor]:
    """Read token indices (B, T) from the zero state.

    Args:
        model: an RNNModel of one layer and one direction, with one-hot inputs.
        hold: gate -> the value that all its units are held at: I, F, O of an LSTM, R, Z of a GRU.
        erase: put the state back to zero before each letter.

    Returns:
        ``logits`` (B, T, V), ``H`` and for an LSTM ``C`` (B, T, H), and each gate (B, T, H).
    """
    cell, hold = _twin(model.rnn), hold or {}
    kind = type(cell).__name__
    if set(hold) - set(GATES[kind]):
        raise ValueError(f"a {kind} has the gates {GATES[kind]}, not {sorted(hold)}.")
    weights = cell.weights()
    inputs = nn.functional.one_hot(X.T, model.vocab_size).float()  # (T, B, V)
    H = C = torch.zeros(X.shape[0], cell.hidden_size)
    record: dict[str, list[Tensor]] = {}
    for X_t in inputs:
        if erase:
            H, C = torch.zeros_like(H), torch.zeros_like(C)
        gates: dict[str, Tensor] = {}
        if kind == "LSTM":
            i, f, g, o = lstm_gates(X_t, H, *weights)
            gates = _held({"I": i, "F": f, "O": o}, hold)
            C = gates["F"] * C + gates["I"] * g
            H = gates["O"] * torch.tanh(C)
            gates |= {"C": C}
        elif kind == "GRU":
            gates, candidate = _gru(X_t, H, weights, cell.reset_after, hold)
            H = (1 - gates["Z"]) * candidate + gates["Z"] * H
        else:
            H = rnn_cell(X_t, H, *weights)
        for name, value in {**gates, "H": H}.items():
            record.setdefault(name, []).append(value)
    found = {name: torch.stack(values, dim=1) for name, values in record.items()}
    return {**found, "logits": model.linear(found["H"])}


def _held(gates: dict[str, Tensor], hold: dict[str, float]) -> dict[str, Tensor]:
    return {name: torch.full_like(gate, hold[name]) if name in hold else gate for name, gate in gates.items()}


def _gru(
    X: Tensor, H: Tensor, weights: list[Tensor], reset_after: bool, hold: dict[str, float]
) -> tuple[dict[str, Tensor], Tensor]:
    """The gates of a GRU, held or not, and the candidate that belongs to them."""
    R, Z, candidate = gru_gates(X, H, *weights, reset_after)
    gates = _held({"R": R, "Z": Z}, hold)
    if "R" in hold:
        W_ih, W_hh, b_ih, b_hh = (weight.chunk(3)[2] for weight in weights)
        inner = gates["R"] * (H @ W_hh.T + b_hh) if reset_after else (gates["R"] * H) @ W_hh.T + b_hh
        candidate = torch.tanh(X @ W_ih.T + b_ih + inner)
    return gates, candidate


def perplexity(model: nn.Module, tokens: Tensor, rows: int = 32, **options) -> float:
    """Of a text read in rows side by side, each from the zero state, with gates held or the state erased."""
    length = (len(tokens) - 1) // rows
    X, Y = (tokens[k : k + rows * length].view(rows, length) for k in (0, 1))
    logits = read(model, X, **options)["logits"]
    return math.exp(nn.functional.cross_entropy(logits.flatten(0, 1), Y.flatten()))


OTHERS = 4


def replaced(X: Tensor, V: int) -> Tensor:
    """(T,) indices -> (T, 4, T): at [s, r] letter s is another one, a fixed step further in the vocabulary.

    Letter x becomes 1 + (x - 1 + round((r + 1) (V - 1) / 5)) mod (V - 1), which is never <unk>.
    """
    T = len(X)
    rows = X.expand(T, OTHERS, T).clone()
    for r in range(OTHERS):
        shift = math.floor((r + 1) * (V - 1) / (OTHERS + 1) + 0.5)
        rows[range(T), r, range(T)] = 1 + (X - 1 + shift) % (V - 1)
    return rows


def letters_left(model: nn.Module, X: Tensor, **options) -> dict[str, Tensor]:
    """How much of letter s is left in the state after letter t: ``H``, of an LSTM also ``C``, (T, T) [t, s].

    Letter s is replaced by four others; the distance of the state at t from where it would have been, summed
    over the four, divided by the largest such distance from s up to t. The sum of row t counts the letters
    that the state still holds.
    """
    T = len(X)
    base = read(model, X[None], **options)
    moved = read(model, replaced(X, model.vocab_size).view(T * OTHERS, T), **options)
    left = {}
    for name in ("H", "C"):
        if name in base:
            gap = (moved[name] - base[name]).norm(dim=-1).view(T, OTHERS, T).sum(dim=1)  # [s, t]
            most = gap.cummax(dim=1).values.clamp_min(1e-6)
            left[name] = (gap / most).T.tril()
    return left
