"""The text of the page that trains a network: the book's own tale, and what counting alone reaches.

Runs of the network itself are recorded with the page's own engine: `packs.record_playground`.
"""

from __future__ import annotations

import json
from typing import Any

import torch

import rnnlib
from packs.pack import FOLDER, Pack, parse
from packs.training import rounded

ABOUT = (
    "在页面里训练用的故事，n 元语法在它的验证部分上的困惑度，以及引擎录下的几次训练",
    "the tale for training in the page, what n-grams reach on its validation part, and a few runs recorded "
    "with the engine",
)
TRAIN = 10_000
CONDITIONS = {
    "corpus": "tale",
    "split": f"the first {TRAIN:,} characters for training, as in the chapters; then the validation part. "
    "`more`: what follows is for training too, and the validation part stays the same",
    "baselines": "rnnlib.NGramModel(train, n, V).perplexity(valid); uniform is V",
}
ORDERS = (1, 2, 3, 4, 5)


def baselines(train: torch.Tensor, valid: torch.Tensor, V: int) -> dict[str, float]:
    """What n-grams of each order reach on the validation part."""
    return {str(n): rounded(rnnlib.NGramModel(train, n, V).perplexity(valid)) for n in ORDERS}


def text(pack: Pack, name: str, prefix: str, min_freq: int = 0) -> dict[str, Any]:
    """Cut a text and count its n-grams; characters rarer than ``min_freq`` are <unk>."""
    data = rnnlib.load_text(name, max_tokens=TRAIN, min_freq=min_freq, device="cpu")
    train, valid, V = data.train.corpus, data.valid, len(data.vocab)
    cut = {
        "language": data.corpus.language,
        "checksum": data.corpus.checksum,
        "arrays": {"text": pack.array(torch.tensor(list(data.corpus.text.encode())), "uint8")},
        "train": len(train),
        "held": len(valid),
        "letters": "".join(data.vocab.idx_to_token[1:]),
        "uniform": V,
        "ngrams": baselines(train, valid, V),
        "prefix": prefix,
    }
    rest = torch.tensor(data.vocab[list(data.corpus.text)])[len(train) + len(valid) :]
    if len(rest) > TRAIN:
        more = torch.cat([train, rest])
        cut["more"] = {"train": len(more), "ngrams": baselines(more, valid, V)}
    print(f"  {name}: V = {V}, {len(train):,} + {len(valid):,}", cut["ngrams"], cut.get("more"))
    return cut


def recorded(name: str) -> Any:
    """The runs that stand in a pack already; None if there are none."""
    try:
        return parse(FOLDER / f"{name}.js").get("recorded")
    except (FileNotFoundError, ValueError, json.JSONDecodeError):
        return None


def make(pack: Pack) -> dict[str, Any]:
    """The tale, and the runs that the JavaScript engine has added."""
    return {"texts": {"tale": text(pack, "tale", "the pig ")}, "recorded": recorded("playground")}
