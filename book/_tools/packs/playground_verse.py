"""The other text of the page that trains a network, loaded on request: the book's own Chinese verse."""

from __future__ import annotations

from typing import Any

from packs import playground
from packs.pack import Pack

ABOUT = (
    "在页面里训练用的诗，n 元语法在它的验证部分上的困惑度，以及引擎录下的一次训练",
    "the verse for training in the page, what n-grams reach on its validation part, and a run recorded with "
    "the engine",
)
CONDITIONS = {
    **playground.CONDITIONS,
    "corpus": "verse",
    "split": f"the first {playground.TRAIN:,} characters for training, the rest is the validation part; "
    "characters that occur once are <unk>",
}


def make(pack: Pack) -> dict[str, Any]:
    """The verse, and the run that the JavaScript engine has added."""
    texts = {"verse": playground.text(pack, "verse", "明月", min_freq=2)}
    return {"texts": texts, "recorded": playground.recorded("playground_verse")}
