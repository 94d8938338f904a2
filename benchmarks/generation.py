"""Subject: characters a second in generation: one text as d2l's ``predict_ch8`` writes it, many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import rnnlib
from benchmarks import work
from benchmarks.contenders import build, peer_model
from benchmarks.learning import size_of
from benchmarks.rounds import alternate, at_threads, rates, ratios, thread_counts
from benchmarks.work import DEVICE, KINDS, Run, the_peer

PREFIX = "time traveller"
TAUGHT = 5  # epochs, so that the likeliest character is not a matter of rounding


def measure(run: Run) -> dict[str, Any]:
    """Greedy generation by all kinds of models.

    Returns:
        kind -> ``title``, ``characters`` (of one text), ``rows`` (texts at once), ``same`` (how many
        characters from the beginning both sides agree on), and ``threads``: number -> ``"d2l"``, ``"one"``,
        ``"many"`` -> ``characters_per_second`` (of all texts together) and ``over_d2l``.
    """
    found = {}
    for i, kind in enumerate(KINDS):

        def after_round(done: int, i: int = i, kind: str = kind) -> None:
            run.progress.step((i + done / run.rounds) / len(KINDS), kind)

        found[kind] = _measure(run, kind, after_round)
    return found


def _measure(run: Run, kind: str, after_round: Callable[[int], None]) -> dict[str, Any]:
    writers = _writers(run, kind)
    functions = {
        (threads, key): at_threads(threads, write)
        for threads in thread_counts()
        for key, write in writers.items()
    }
    taken = alternate(functions, run.rounds, after_round=after_round)
    table: dict[str, Any] = {str(threads): {} for threads in thread_counts()}
    for (threads, key), seconds in taken.items():
        texts = run.scale.rows if key == "many" else 1
        table[str(threads)][key] = {
            "characters_per_second": rates(texts * run.scale.characters, seconds),
            "over_d2l": ratios(taken[threads, "d2l"], seconds, texts),
        }
    pairs = zip(writers["one"](), writers["d2l"]())
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), run.scale.characters + len(PREFIX))
    return {
        "title": work.title(kind, size_of(kind, run)),
        "characters": run.scale.characters,
        "rows": run.scale.rows,
        "same": same - len(PREFIX),
        "threads": table,
    }


def _writers(run: Run, kind: str) -> dict[str, Callable[[], Any]]:
    """The three who write, with the same parameters, a little trained."""
    text, count = work.text("en", run.scale), run.scale.characters
    taught = build("plain", work.model(kind, len(text.vocab), size_of(kind, run)), text.batches)
    for _ in range(TAUGHT):
        taught.epoch()
    model, d2l = taught.model, the_peer()
    peer = peer_model(model)
    vocab = _Words(text.vocab)
    X = torch.tensor([text.vocab[list(PREFIX)]], device=DEVICE).repeat(run.scale.rows, 1)

    def with_d2l() -> str:
        return d2l.predict_ch8(PREFIX, count, peer, vocab, DEVICE)

    return {
        "d2l": with_d2l,
        "one": lambda: rnnlib.generate(model, PREFIX, count, text.vocab),
        "many": lambda: rnnlib.generate_tokens(model, X, count),
    }


class _Words:
    """A vocabulary as d2l's: an index of a token, and a list of the tokens."""

    def __init__(self, vocab: rnnlib.Vocab):
        self.idx_to_token = list(vocab.idx_to_token)
        self.token_to_idx = {token: index for index, token in enumerate(self.idx_to_token)}

    def __getitem__(self, token: str) -> int:
        return self.token_to_idx[token]
