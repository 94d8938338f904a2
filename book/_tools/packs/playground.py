"""The texts of the page that trains a network: the book's own tale and verse, and what counting alone reaches."""

from __future__ import annotations

import json
from typing import Any

import torch

import rnnlib
from packs.pack import FOLDER, Pack, parse
from packs.training import rounded

ABOUT = (
    "在页面里训练用的文字：本书自己的故事和诗，以及 n 元语法在验证部分上的困惑度",
    "the texts for training in the page: the book's own tale and verse, and what n-grams reach on the held-out part",
)
CONDITIONS = {
    "corpus": ["tale", "verse"],
    "split": "load_text(name, max_tokens=None): the last tenth is held out; vocabulary from the whole text",
    "baselines": "rnnlib.NGramModel(train, n, V).perplexity(held out); uniform is V",
}
PREFIXES = {"tale": "the pig ", "verse": "明月"}


def make(pack: Pack) -> dict[str, Any]:
    """Cut the texts, count n-grams, keep the recorded run that the JavaScript engine has added."""
    texts = {}
    for name, prefix in PREFIXES.items():
        data = rnnlib.load_text(name, max_tokens=None, device="cpu")
        train, V = data.train.corpus, len(data.vocab)
        grams = {n: rnnlib.NGramModel(train, n, V) for n in (1, 2, 3, 4, 5)}
        texts[name] = {
            "language": data.corpus.language,
            "arrays": {"text": pack.array(torch.tensor(list(data.corpus.text.encode())), "uint8")},
            "train": len(train),
            "held": len(data.valid),
            "letters": "".join(data.vocab.idx_to_token[1:]),
            "uniform": V,
            "ngrams": {str(n): rounded(gram.perplexity(data.valid)) for n, gram in grams.items()},
            "prefix": prefix,
        }
        print(f"  {name}: V = {V}, {len(train):,} + {len(data.valid):,}", texts[name]["ngrams"])
    return {"texts": texts, "recorded": recorded()}


def recorded() -> Any:
    """The run that stands in the file already; None if there is none."""
    path = FOLDER / "playground.js"
    try:
        return parse(path).get("recorded")
    except (FileNotFoundError, ValueError, json.JSONDecodeError):
        return None
