"""An LSTM that reads text as it is printed, with capitals, quotes and line ends, for finding units in it."""

from __future__ import annotations

import re

import torch
from torch import Tensor

import rnnlib

ABOUT = (
    "读原样文字的 LSTM，96 个单元，在《时间机器》上训练；供它读的是本书自己的故事",
    "an LSTM of 96 units that reads text as it is printed, trained on The Time Machine; it reads the book's own tale",
)
H, SEED, EPOCHS, RATE, RARE = 96, 0, 40, 6e-3, 3
CONDITIONS = {
    "corpus": "time_machine",
    "training": "the text as it is printed (clean=False), quotation marks made straight and double, all but the last "
    f"tenth; characters seen fewer than {RARE} times are <unk>; B = 32, T = 100, sequential; Adam, clip 1, rate "
    f"falling from {RATE:g}; {EPOCHS} epochs, best epoch kept",
    "seeds": [SEED],
}


def double_quotes(text: str) -> str:
    """Quotation marks as the tale has them: ' stays where a letter stands on both sides, else it becomes "."""
    return re.sub(r"(?<![A-Za-z])'|'(?![A-Za-z])", '"', text.replace("_", ""))


def corpora() -> tuple[rnnlib.Corpus, str]:
    """The text that teaches, and the tale as it is printed."""
    book = rnnlib.load_corpus("time_machine", fallback=False, clean=False).text
    taught = rnnlib.corpus_from_string(double_quotes(book), clean=False, name="time_machine")
    return taught, rnnlib.load_corpus("tale", clean=False).text


# ---------- what a unit may mark ----------

FEATURES = {
    "space": (["空格", "a space"], lambda s, i: s[i] == " "),
    "vowel": (["元音字母", "a vowel"], lambda s, i: s[i] in "aeiouAEIOU"),
    "capital": (["大写字母", "a capital letter"], lambda s, i: s[i].isupper()),
    "comma": (["逗号", "a comma"], lambda s, i: s[i] == ","),
    "stop": (["句号、问号、叹号", "a full stop, question or exclamation mark"], lambda s, i: s[i] in ".?!"),
    "apostrophe": (["撇号", "an apostrophe"], lambda s, i: s[i] == "'"),
    "line end": (["行尾", "the end of a line"], lambda s, i: s[i] == "\n"),
    "th": (["刚读完 th", "just after th"], lambda s, i: s[max(0, i - 1) : i + 1].lower() == "th"),
    "e at the end": (["词尾的 e", "an e that ends a word"], lambda s, i: s[i] == "e" and not s[i + 1 : i + 2].isalpha()),
}


def marks(text: str) -> dict[str, Tensor]:
    """Name -> (N,) numbers, one for each character: what a unit may mark."""
    N = len(text)
    found = {name: torch.tensor([float(mark(text, i)) for i in range(N)]) for name, (_, mark) in FEATURES.items()}
    quote, word, line, sentence = [], [], [], []
    inside, in_word, in_line, in_sentence = False, 0, 0, 0
    for i, c in enumerate(text):
        if text[i - 1 : i + 1] == "\n\n":
            inside = False  # a paragraph ends a speech
        elif c == '"':
            inside = not inside
        in_word = in_word + 1 if c.isalpha() or c == "'" else 0
        in_line = 0 if c == "\n" else in_line + 1
        in_sentence = 0 if c in ".?!" else in_sentence + 1
        quote.append(float(inside))
        word.append(float(in_word))
        line.append(float(in_line))
        sentence.append(float(min(in_sentence, 60)))
    found |= {"in quotes": quote, "place in word": word, "place in line": line, "place in sentence": sentence}
    return {name: torch.as_tensor(values) for name, values in found.items()}
