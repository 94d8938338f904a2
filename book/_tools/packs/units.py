"""An LSTM that reads text as it is printed, with capitals, quotes and line ends, for finding units in it."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

import rnnlib
from packs.gates import pace, permute
from packs.pack import Pack
from packs.reading import read
from packs.training import fit, forget_bias, indices, rounded

ABOUT = (
    "读原样文字的 LSTM，96 个单元，在《时间机器》上训练；供它读的是本书自己的故事",
    "an LSTM of 96 units that reads text as it is printed, trained on The Time Machine; it reads the book's "
    "own tale",
)
H, SEED, EPOCHS, RATE, RARE = 96, 0, 50, 8e-3, 3
CONDITIONS = {
    "corpus": "time_machine",
    "training": "the text as it is printed (clean=False), quotation marks made straight and double, all but "
    f"the last tenth; characters seen fewer than {RARE} times are <unk>; B = 16, T = 160, sequential; Adam, "
    f"clip 1, rate falling from {RATE:g}; {EPOCHS} epochs, best epoch kept",
    "seeds": [SEED],
}


def double_quotes(text: str) -> str:
    """Quotation marks as the tale has them: ' stays between two letters, elsewhere it becomes "."""
    return re.sub(r"(?<![A-Za-z])'|'(?![A-Za-z])", '"', text.replace("_", ""))


def corpora() -> tuple[rnnlib.Corpus, str]:
    """The text that teaches, and the tale as it is printed."""
    book = rnnlib.load_corpus("time_machine", fallback=False, clean=False).text
    taught = rnnlib.corpus_from_string(double_quotes(book), clean=False, name="time_machine")
    return taught, rnnlib.load_corpus("tale", clean=False).text


# ---------- what a unit may mark ----------

KINDS = {  # name -> title in both languages, and which characters have it
    "space": (("空格", "a space"), lambda s, i: s[i] == " "),
    "vowel": (("元音字母", "a vowel"), lambda s, i: s[i] in "aeiouAEIOU"),
    "capital": (("大写字母", "a capital letter"), lambda s, i: s[i].isupper()),
    "comma": (("逗号", "a comma"), lambda s, i: s[i] == ","),
    "stop": (("句号、问号或叹号", "the end of a sentence"), lambda s, i: s[i] in ".?!"),
    "line end": (("换行", "the end of a line"), lambda s, i: s[i] == "\n"),
    "th": (("刚读完 th", "just after th"), lambda s, i: s[i - 1 : i + 1].lower() == "th"),
    "the": (("刚读完单词 the", "just after the word the"), lambda s, i: _word(s, i) == "the"),
    "ing": (("刚读完 ing", "just after ing"), lambda s, i: s[max(0, i - 2) : i + 1] == "ing"),
}
COUNTS = {
    "in quotes": ("引号之内", "inside quotation marks"),
    "place in word": ("在词里的第几个字母", "which letter of its word"),
    "place in line": ("在行里的第几个字符", "how far along the line"),
    "place in sentence": ("在句子里的第几个字符（60 封顶）", "how far into the sentence (60 at most)"),
}
LEAST = 0.3  # correlation on the second half, for a unit to be called an example


def _word(text: str, i: int) -> str:
    """The letters of the word up to place i; empty outside a word."""
    begin = i
    while begin >= 0 and text[begin].isalpha():
        begin -= 1
    return text[begin + 1 : i + 1].lower()


def marks(text: str) -> dict[str, Tensor]:
    """Name -> (N,) numbers, one for each character: what a unit may mark."""
    found = {name: [float(has(text, i)) for i in range(len(text))] for name, (_, has) in KINDS.items()}
    rows: dict[str, list[float]] = {name: [] for name in COUNTS}
    inside, word, line, sentence = False, 0, 0, 0
    for i, c in enumerate(text):
        if c == '"' or text[i - 1 : i + 1] == "\n\n":  # a paragraph ends a speech
            inside = c == '"' and not inside
        word = word + 1 if c.isalpha() or c == "'" else 0
        line = 0 if c == "\n" else line + 1
        sentence = 0 if c in ".?!" else min(sentence + 1, 60)
        for name, value in zip(COUNTS, (inside, word, line, sentence)):
            rows[name].append(float(value))
    return {name: torch.tensor(values) for name, values in (found | rows).items()}


def correlations(states: Tensor, target: Tensor) -> Tensor:
    """(N, H) and (N,) -> (H,), Pearson's."""
    states, target = states - states.mean(dim=0), target - target.mean()
    return (states * target[:, None]).sum(dim=0) / (states.norm(dim=0) * target.norm() + 1e-9)


def examples(model: nn.Module, X: Tensor, text: str) -> list[dict[str, Any]]:
    """For each feature the unit that marks it best: chosen on half of a text, checked on the rest."""
    states, half, found = read(model, X[None]), len(text) // 2, []
    titles = {name: title for name, (title, _) in KINDS.items()} | COUNTS
    for name, target in marks(text).items():
        best: dict[str, Any] = {"r": 0.0}
        for part in ("C", "H"):
            first = correlations(states[part][0][:half], target[:half])
            unit = int(first.abs().argmax())
            if abs(first[unit]) > abs(best["r"]):
                checked = correlations(states[part][0][half:], target[half:])
                numbers = {"r": first[unit], "checked": checked[unit], "median": checked.abs().median()}
                best = {"unit": unit, "state": part, **rounded(numbers)}
        found.append({"what": name, "title": list(titles[name]), **best})
    found.sort(key=lambda example: -abs(example["checked"]))
    for e in found:
        print(f"  {e['what']:18s} {e['state']} {e['unit']:3d} {e['r']:+.2f} {e['checked']:+.2f}", flush=True)
    return [example for example in found if abs(example["checked"]) >= LEAST]


def make(pack: Pack) -> dict[str, Any]:
    """Train it, sort its units from slow to fast, and look what they mark in the tale."""
    taught, text = corpora()
    data = rnnlib.load_text(
        taught, max_tokens=None, batch_size=16, num_steps=160, min_freq=RARE, device="cpu"
    )
    vocab, V = data.vocab, len(data.vocab)
    model, history = fit(
        lambda: rnnlib.RNNModel(forget_bias(nn.LSTM(V, H)), V), data, EPOCHS, RATE, SEED, eval_every=5
    )
    X = indices(vocab, text)
    slow = pace(model, X[:5000])
    order = slow.argsort(descending=True, stable=True)
    permute(model, order)
    entry = pack.model(model, vocab=vocab.idx_to_token)
    packed = pack.reload(entry)
    entry |= {
        "train": rounded(rnnlib.perplexity(packed, data.train)),
        "valid": rounded(rnnlib.perplexity(packed, data.valid)),
        "float": rounded(rnnlib.perplexity(model, data.valid)),
        "check": {"corpus": "tale", "clean": False, "perplexity": rounded(rnnlib.perplexity(packed, X))},
        "epoch": history.best_valid[0],
        "pace": rounded(slow[order], 2),
    }
    print(
        "  ",
        {key: value for key, value in entry.items() if key not in ("arrays", "vocab", "pace")},
        flush=True,
    )
    arrays = {"text": pack.array(torch.tensor(list(text.encode())), "uint8")}
    return {"model": entry, "arrays": arrays, "examples": examples(packed, X, text)}
