"""The two taggers of chapter 9, which put the spaces back: one reads to the right, one in both directions."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

import rnnlib
from packs.pack import Pack
from packs.training import rounded
from rnnlib.data import word_boundaries

ABOUT = (
    "第 9 章的两个标注器：字母连成一串，逐个判断词是否在此结束；GRU，单向与双向",
    "the two taggers of chapter 9: letters without spaces, does a word end here? GRU, one direction and both",
)
H, E, T, SEED, EPOCHS = 48, 16, 40, 0, 20
RATES = {"one": 1e-2, "both": 6e-3}
CONDITIONS = {
    "corpus": "time_machine",
    "training": f"pieces of {T} letters; 500 for validation (1500-1999), 500 for the test (2000-2499), all "
    f"others to train on; embedding of {E}; B = 64, Adam, clip 1, {EPOCHS} epochs at most, patience 4; "
    f"learning rate {RATES['one']:g} and {RATES['both']:g}",
    "seeds": [SEED],
}


def score(model: nn.Module, X: Tensor, Y: Tensor) -> float:
    """F1 of "a word ends here"."""
    return rounded(f1_score(Y.flatten(), rnnlib.predict(model, X).argmax(-1).flatten()), 4)


def make(pack: Pack) -> dict[str, Any]:
    """Train both, measure F1."""
    X, Y = word_boundaries(rnnlib.load_corpus("time_machine", fallback=False).lines, T)
    valid, test = (X[1500:2000], Y[1500:2000]), (X[2000:2500], Y[2000:2500])
    rest = torch.cat([X[:1500], X[2500:]]), torch.cat([Y[:1500], Y[2500:]])
    tale = word_boundaries(rnnlib.load_corpus("tale").lines, T)
    models = {}
    for name, rate in RATES.items():
        rnnlib.set_seed(SEED)
        model = rnnlib.SequenceTagger("gru", E, H, 2, bidirectional=name == "both", vocab_size=26)
        loader = rnnlib.ExampleLoader(*rest, batch_size=64, seed=SEED)
        history = rnnlib.train(
            model, loader, EPOCHS, rate, optimizer="adam", valid=valid, patience=4, progress=False
        )
        entry = pack.model(model.eval())
        packed = pack.reload(entry)
        models[name] = entry | {
            "f1": {"valid": score(packed, *valid), "test": score(packed, *test)},
            "float": score(model, *test),
            "check": {"corpus": "tale", "f1": score(packed, *tale)},
            "epoch": history.best_epoch,
            "parameters": rnnlib.count_parameters(model),
        }
        shown = ("f1", "float", "check", "epoch", "parameters")
        print(f"  {name}:", {key: models[name][key] for key in shown}, flush=True)
    return {
        "vocab": [chr(97 + k) for k in range(26)],
        "pieces": {"T": T, "train": len(rest[0])},
        "models": models,
    }
