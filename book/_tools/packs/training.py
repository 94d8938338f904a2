"""What the packs share: the texts, a training loop with a falling rate, and rounded numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib


def time_machine(**options: Any) -> rnnlib.TextData:
    """*The Time Machine* as the chapters read it; the real one or none."""
    return rnnlib.load_text("time_machine", fallback=False, device="cpu", **options)


def tang(**options: Any) -> rnnlib.TextData:
    """*Three Hundred Tang Poems*; the real ones or none."""
    return rnnlib.load_text("tang300", fallback=False, device="cpu", **options)


def tale() -> str:
    """The book's own English tale, in the letters that the chapters use."""
    return rnnlib.load_corpus("tale").text


def fit(
    build: Callable[[], nn.Module],
    data: rnnlib.TextData,
    epochs: int,
    lr: float,
    seed: int,
    *,
    keep_best: bool = True,
    weight_decay: float = 0.0,
    **options: Any,
) -> tuple[nn.Module, rnnlib.History]:
    """Train with Adam, the rate falling to nearly nothing along half a cosine.

    With ``keep_best`` the weights of the epoch with the lowest validation loss are put back at the end.
    """
    rnnlib.set_seed(seed)
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    best: dict[str, Any] = {"loss": math.inf, "weights": None}

    def after(epoch: int, history: rnnlib.History) -> None:
        for group in optimizer.param_groups:
            group["lr"] = lr * (0.01 + 0.99 * (1 + math.cos(math.pi * epoch / epochs)) / 2)
        loss = history.valid_loss.get(epoch, math.inf)
        if keep_best and loss < best["loss"]:
            best.update(loss=loss, weights=copy.deepcopy(model.state_dict()))

    options = {"clip": 1.0, "eval_every": 2, "progress": False, **options}
    history = rnnlib.train(model, data, epochs, optimizer=optimizer, on_epoch=after, **options)
    if best["weights"] is not None:
        model.load_state_dict(best["weights"])
    return model.eval(), history


def forget_bias(layer: nn.LSTM, value: float = 1.0) -> nn.LSTM:
    """Begin with forget gates that are mostly open (chapter 7)."""
    H = layer.hidden_size
    with torch.no_grad():
        layer.bias_ih_l0[H : 2 * H] = value
        layer.bias_hh_l0[H : 2 * H] = 0.0
    return layer


def indices(vocab: rnnlib.Vocab, text: str) -> Tensor:
    """(N,) int64."""
    return torch.tensor(vocab[list(text)])


def longest_copy(text: str, source: str) -> int:
    """Length of the longest piece of ``text`` that stands in ``source``."""
    return longest_piece(text, source)[1]


def longest_piece(text: str, source: str) -> tuple[int, int]:
    """Where the longest piece of ``text`` that stands in ``source`` begins, and its length."""
    at, longest = 0, 0
    for begin in range(len(text)):
        while begin + longest < len(text) and text[begin : begin + longest + 1] in source:
            at, longest = begin, longest + 1
    return at, longest


def rounded(values: Any, digits: int = 3) -> Any:
    """Numbers, or lists or dicts of them, for JSON."""
    if isinstance(values, Tensor):
        values = values.tolist()
    if isinstance(values, dict):
        return {key: rounded(value, digits) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [rounded(value, digits) for value in values]
    return round(float(values), digits)
