"""What a network can see: change one letter of a sentence, and which of its guesses move, and how far."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from experiments.networks import CausalConvModel
from packs.pack import Pack
from packs.training import fit, indices, rounded, time_machine

ABOUT = (
    "四种网络各能看到哪里：换掉句中一个字母，每个位置的猜测动多少",
    "what four networks can see: change one letter of a sentence, and how far the guess at each place moves",
)
EPOCHS, RATE, SEED, T, WINDOW, DILATIONS = 8, 4e-3, 0, 48, 64, (1, 2, 4)
CONDITIONS = {
    "corpus": "time_machine",
    "training": f"load_text(max_tokens=None); B = 32, T = {T}, sequential; Adam, clip 1, rate falling from "
    f"{RATE:g}; {EPOCHS} epochs: as long as it takes to show what they look at",
    "seeds": [SEED],
}
SENTENCES = (
    "the lamp went out in the rain",
    "she gave the bird a red apple",
    "we walked home under the stars",
)
VOWELS, CONSONANTS = "aeiou", "tnshrdlmcfwgypbvkjxzq"
LETTERS = " abcdefghijklmnopqrstuvwxyz"  # what may be put in the place of a letter
STEP = 0.01  # of the stored numbers, rounded down: what moves less than this is 0


class FillIn(nn.Module):
    """A bidirectional RNN that guesses each letter from all others, by the states on both sides of it."""

    def __init__(self, V: int, size: int):
        super().__init__()
        self.rnn, self.linear = nn.RNN(V, size, bidirectional=True, batch_first=True), nn.Linear(2 * size, V)
        self.V = V

    def forward(self, X: Tensor) -> Tensor:
        """(B, T) -> logits (B, T, V): the letter at each place itself."""
        Y = self.rnn(nn.functional.one_hot(X, self.V).float())[0]
        left, right = Y.chunk(2, dim=-1)
        left = nn.functional.pad(left, (0, 0, 1, 0))[:, :-1]  # up to the letter before
        right = nn.functional.pad(right, (0, 0, 0, 1))[:, 1:]  # from the letter after on
        return self.linear(torch.cat([left, right], dim=-1))


class Cloze:
    """Batches (X, X): every letter is to be guessed, in place."""

    def __init__(self, loader: rnnlib.SequenceLoader):
        self.loader = loader

    def __iter__(self):
        return ((X, X) for X, _ in self.loader)


def train_fill_in(model: nn.Module, data: rnnlib.TextData) -> nn.Module:
    """As many epochs as the others; nothing is carried over."""
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for epoch in range(EPOCHS):
        optimizer.param_groups[0]["lr"] = RATE * (1 - epoch / EPOCHS)
        rnnlib.run_epoch(model, Cloze(data.train), optimizer=optimizer, clip=1.0)
    return model.eval()


def guesses(model: nn.Module, X: Tensor) -> Tensor:
    """(B, T) -> (B, T, V): the distribution that the model gives for the letter at each place."""
    with torch.no_grad():
        if isinstance(model, FillIn):
            return model(X).softmax(-1)
        V = model.vocab_size
        ahead = model(X)[0].softmax(-1)[:, :-1]  # the output at j is about the letter at j + 1
        return torch.cat([torch.full((len(X), 1, V), 1 / V), ahead], dim=1)


def other(letter: str) -> str:
    """The letter that is put in its place: of its own kind, the next one by frequency; e for a space."""
    kind = next((kind for kind in (VOWELS, CONSONANTS) if letter in kind), None)
    return "e" if kind is None else kind[(kind.index(letter) + 1) % len(kind)]


def moved(model: nn.Module, X: Tensor, Z: Tensor) -> Tensor:
    """(T, T) [i, j]: total variation of the guess for place j when letter i is replaced."""
    places = torch.arange(len(X))
    rows = X.repeat(len(X), 1)
    rows[places, places] = Z
    return (guesses(model, rows) - guesses(model, X[None])).abs().sum(-1) / 2


def perplexity(model: nn.Module, tokens: Tensor) -> float:
    """Of the guesses for places 24 to 39 of pieces of 48 letters: there is something to see on both sides."""
    X = tokens[: len(tokens) // T * T].view(-1, T)
    P = guesses(model, X).gather(-1, X[..., None])[:, T // 2 : -8, 0]
    return P.log().mean().neg().exp().item()


def make(pack: Pack) -> dict[str, Any]:
    """Train four networks a little, and put every letter in every place of three sentences."""
    data = time_machine(max_tokens=None, num_steps=T)
    vocab, V = data.vocab, len(data.vocab)
    builds = {
        "rnn": lambda: rnnlib.RNNModel(nn.RNN(V, 64), V),
        "conv": lambda: CausalConvModel(V, 48, dilations=DILATIONS),
        "attention": lambda: rnnlib.CausalAttentionModel(V, 48, 2, 4, window=WINDOW),
    }
    networks = {name: fit(build, data, EPOCHS, RATE, SEED)[0] for name, build in builds.items()}
    rnnlib.set_seed(SEED)
    networks["birnn"] = train_fill_in(FillIn(V, 64), data)
    reach = {
        "rnn": (None, 0),
        "birnn": (None, None),
        "conv": (1 + 2 * sum(DILATIONS), 0),
        "attention": (WINDOW, 0),
    }
    changed = ["".join(other(c) for c in sentence) for sentence in SENTENCES]
    entries = {}
    for name in reach:
        model, arrays = networks[name], {}
        for k, (sentence, others) in enumerate(zip(SENTENCES, changed)):
            X = indices(vocab, sentence)
            each = [moved(model, X, Z.expand(len(X))) for Z in indices(vocab, LETTERS)]
            each = torch.stack(each, dim=-1)  # (T, T, 27): letter i replaced, place j, by this letter
            arrays[f"moved_{k}"] = pack.array((each / STEP + 1e-6).floor() * STEP, "uint8", step=STEP)
            table = each[range(len(X)), :, [LETTERS.index(c) for c in others]]
            right = guesses(model, X[None])[0].gather(-1, X[:, None])[:, 0]
            arrays[f"right_{k}"] = pack.array(right, "uint8", step=1 / 255)
        before, after = reach[name]
        entries[name] = {
            "reach": {"before": before, "after": after},
            "parameters": rnnlib.count_parameters(model),
            "valid": rounded(perplexity(model, data.valid)),
            "arrays": arrays,
        }
        T_ = len(table)
        lags = [table.diagonal(d).mean().item() if abs(d) < T_ else 0.0 for d in (-4, -1, 0, 1, 2, 4, 8, 16)]
        print(
            f"  {name:10s} valid {entries[name]['valid']:.2f}  moved at -4 -1 0 1 2 4 8 16:",
            rounded(lags),
            flush=True,
        )
    return {"sentences": list(SENTENCES), "letters": LETTERS, "changed": changed, "networks": entries}
