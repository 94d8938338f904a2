"""Subject: tokens a second in training, all contenders in turn, with one thread and with two."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import compiled, work
from benchmarks.contenders import Unavailable, has_bf16, keys
from benchmarks.floor import chain_floor
from benchmarks.learning import contender, size_of
from benchmarks.rounds import alternate, at_threads, digits, rates, ratios, thread_counts
from benchmarks.work import GATES, KINDS, Run, Text

WORKS = (*((kind, "en") for kind in KINDS), ("scratch", "zh"))


def measure(run: Run) -> dict[str, Any]:
    """Epochs of all contenders on all works.

    Returns:
        work (``"scratch en"``) -> ``title``, ``text`` (what is read), ``unavailable`` (contender -> reason)
        and ``threads``: number -> contender -> ``tokens_per_second`` and ``over_d2l`` (the ratio of rates
        within each round), each with median, quartiles and rounds; ``floor``: number of threads ->
        ``"float32"``, ``"bfloat16"`` -> tokens a second if there were only the products;
        ``seconds_to_compile``: number of threads -> seconds.
    """
    found = {}
    for i, (kind, language) in enumerate(WORKS):

        def after_round(done: int, i: int = i, what: str = f"{kind} {language}") -> None:
            run.progress.step((i + done / run.rounds) / len(WORKS), what)

        run.progress.step(i / len(WORKS), f"{kind} {language}")
        found[f"{kind} {language}"] = _measure(run, kind, work.text(language, run.scale), after_round)
    return found


def _measure(run: Run, kind: str, text: Text, after_round: Any) -> dict[str, Any]:
    functions: dict[tuple[int, str], Any] = {}
    unavailable, compiling = {}, {}
    for threads in thread_counts():
        for key in keys(kind):
            try:
                epoch = contender(run, key, kind, text, threads=threads).epoch
            except Unavailable as reason:
                unavailable[key] = str(reason)
                continue
            functions[threads, key] = at_threads(threads, epoch)
            if key == "compile":
                compiling[str(threads)] = round(compiled.prepare(kind, text.language, threads), 1)
    taken = alternate(functions, run.rounds, after_round=after_round)
    table: dict[str, Any] = {str(threads): {} for threads in thread_counts()}
    for (threads, key), seconds in taken.items():
        table[str(threads)][key] = {
            "tokens_per_second": rates(text.batches.num_tokens, seconds),
            "over_d2l": ratios(taken[threads, "d2l"], seconds),
        }
    return {
        "title": work.title(kind, size_of(kind, run), text.language),
        "text": text.describe(),
        "threads": table,
        "floor": {
            str(threads): at_threads(threads, lambda: _floors(run, kind, text))()
            for threads in thread_counts()
        },
        "unavailable": unavailable,
        "seconds_to_compile": compiling,
    }


def _floors(run: Run, kind: str, text: Text) -> dict[str, float]:
    """Tokens a second of the products alone, in each precision that the processor has."""
    (B, T), H, V = text.batches[0][0].shape, size_of(kind, run), len(text.vocab)
    found = {}
    for dtype in (torch.float32, torch.bfloat16) if has_bf16() else (torch.float32,):
        seconds = chain_floor(B, T, H, V, gates=GATES.get(kind, 1), dtype=dtype, again=True)
        found[str(dtype).removeprefix("torch.")] = digits(B * T / seconds)
    return found
