"""A network that writes Tang verse as in chapter 6: an RNN of 128 units and the most frequent characters."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

import rnnlib
from packs.pack import Pack
from packs.training import fit, indices, rounded, tang

ABOUT = (
    "像第 6 章那样写唐诗、只是小一些的网络：RNN，128 个单元，《唐诗三百首》中最常见的字，其余都作 <unk>",
    "a network for Tang verse as in chapter 6, but smaller: an RNN of 128 units, the most frequent "
    "characters of Three Hundred Tang Poems, all others as <unk>",
)
V, E, H, SEED, EPOCHS, RATE, LEVELS = 560, 32, 128, 1, 120, 3e-3, 31
CONDITIONS = {
    "corpus": "tang300",
    "training": f"load_text(): all but the last tenth, the {V - 1} most frequent characters; B = 32, T = 35, "
    f"sequential; embedding of {E}; Adam, clip 1, rate falling from {RATE:g}; {EPOCHS} epochs",
    "levels": f"whole numbers from -{LEVELS} to {LEVELS}, which gzip makes smaller",
    "seeds": [SEED],
}
PREFIXES = ("春", "明月", "江上")


def frequent(data: rnnlib.TextData, size: int) -> rnnlib.TextData:
    """The same text with a vocabulary of the most frequent training characters; all others become <unk>."""
    vocab = rnnlib.Vocab.from_list(data.vocab.idx_to_token[:size])

    def reduced(tokens: torch.Tensor) -> torch.Tensor:
        return torch.where(tokens < size, tokens, 0)

    train = rnnlib.SequenceLoader(reduced(data.train.corpus), data.batch_size, data.num_steps)
    return dataclasses.replace(data, train=train, valid=reduced(data.valid), vocab=vocab)


def known(model: nn.Module, tokens: torch.Tensor, rows: int = 8) -> float:
    """Perplexity over the characters that are not <unk>."""
    length = (len(tokens) - 1) // rows
    X, Y = (tokens[k : k + rows * length].view(rows, length) for k in (0, 1))
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(X)[0].flatten(0, 1), Y.flatten(), ignore_index=0)
    return loss.exp().item()


def make(pack: Pack) -> dict[str, Any]:
    """Train it and write down what it says."""
    data = frequent(tang(max_tokens=None, vocab_from="train"), V)
    vocab = data.vocab
    share = (data.train.corpus == 0).float().mean().item()
    model, history = fit(
        lambda: rnnlib.RNNModel(nn.RNN(E, H), V, embedding=True), data, EPOCHS, RATE, SEED, keep_best=False
    )
    entry = pack.model(model, LEVELS, vocab=vocab.idx_to_token)
    packed = pack.reload(entry)
    verse = indices(vocab, rnnlib.load_corpus("verse").text)
    best, low = history.best_valid
    entry |= {
        "train": rounded(rnnlib.perplexity(packed, data.train)),
        "valid": rounded(rnnlib.perplexity(packed, data.valid)),
        "valid_known": rounded(known(packed, data.valid)),
        "float": rounded([rnnlib.perplexity(model, data.train), rnnlib.perplexity(model, data.valid)]),
        "check": {"corpus": "verse", "perplexity": rounded(rnnlib.perplexity(packed, verse))},
        "unknown_share": rounded(share),
        "best_valid": [best, rounded(low)],
    }
    samples = []
    for prefix in PREFIXES:
        for temperature in (0.0, 0.7):
            text = rnnlib.generate(packed, prefix, 34, vocab, temperature=temperature, seed=3)
            samples.append({"prefix": prefix, "temperature": temperature, "text": text})
            print("  ", temperature, text.replace("\n", "/"))
    print("  ", {key: value for key, value in entry.items() if key not in ("arrays", "vocab")})
    return {"model": entry, "samples": samples}
