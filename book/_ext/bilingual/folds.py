"""The line that opens and closes a folded cell, in both languages (MyST-NB writes it as plain text)."""

from __future__ import annotations

from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx

from .words import Words, spans


def open_fold(self, node: HideCodeCellNode) -> None:
    """Write the summary; its visible words are its name, so it gets no ``aria-label``."""
    classes = " ".join(["admonition", "hide", *node["classes"]])
    self.body.append(f'<details class="{classes}">\n<summary>\n')
    for state, prompt in (("collapsed", node["prompt_show"]), ("expanded", node["prompt_hide"])):
        words = spans(Words().gettext(prompt))
        self.body.append(f'<p class="{state} admonition-title">{words}</p>\n')
    self.body.append("</summary>\n")


def close_fold(self, node: HideCodeCellNode) -> None:
    self.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Write folded cells ourselves."""
    app.setup_extension("myst_nb")  # so that ours comes second, and stays
    app.add_node(HideCodeCellNode, override=True, html=(open_fold, close_fold))
