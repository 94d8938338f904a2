"""The character RNN of chapters 3 and 5, 256 units; 10,000 characters of The Time Machine by heart."""

from __future__ import annotations

from typing import Any

from torch import nn

import rnnlib
from packs.pack import Pack
from packs.training import fit, indices, longest_copy, rounded, tale, time_machine

ABOUT = (
    "第 3、5 章的字符 RNN，256 个单元，已把《时间机器》开头的 10,000 个字符背熟",
    "the character RNN of chapters 3 and 5, 256 units, that knows the first 10,000 characters of The Time "
    "Machine by heart",
)
SEED, EPOCHS, RATE = 42, 250, 2e-3
CONDITIONS = {
    "corpus": "time_machine",
    "training": "load_text(): 10,000 characters, B = 32, T = 35, sequential; Adam, clip 1, rate falling from "
    f"{RATE:g}; {EPOCHS} epochs",
    "seeds": [SEED],
}
PREFIXES = ("time traveller", "the psychologist looked at the ", "once upon a time there was a ")
SHOWN = 39  # characters of a sample that are stored: no longer piece of the book goes into a pack


def make(pack: Pack) -> dict[str, Any]:
    """Train it, and write down what it says."""
    data = time_machine()
    vocab, V = data.vocab, len(data.vocab)
    model, history = fit(
        lambda: rnnlib.RNNModel(nn.RNN(V, 256), V), data, EPOCHS, RATE, SEED, keep_best=False, eval_every=10
    )
    float_train, float_valid = rnnlib.perplexity(model, data.train), rnnlib.perplexity(model, data.valid)
    entry = pack.model(model, vocab=vocab.idx_to_token)
    packed = pack.reload(entry)
    samples, source = [], data.corpus.text
    for prefix in PREFIXES:
        text = rnnlib.generate(packed, prefix, 60, vocab)
        print(f"  {longest_copy(text, source):3d}  {text}")
        samples.append({"prefix": prefix, "text": text[:SHOWN], "copied": longest_copy(text, source)})
    best, low = history.best_valid
    entry |= {
        "train": rounded(rnnlib.perplexity(packed, data.train)),
        "valid": rounded(rnnlib.perplexity(packed, data.valid)),
        "float": rounded([float_train, float_valid]),
        "check": {"corpus": "tale", "perplexity": rounded(rnnlib.perplexity(packed, indices(vocab, tale())))},
        "best_valid": [best, rounded(low)],
    }
    print(
        *(f"  {key} {entry[key]}" for key in ("train", "valid", "float", "best_valid")),
    )
    return {"model": entry, "samples": samples}
