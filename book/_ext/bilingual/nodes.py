"""Document-tree nodes that carry one language, and how each builder writes them."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

from .split import shared_number

REPEATED = "lang-repeated"  # class of what the other language has said already
BCP47 = {"zh": "zh-CN", "en": "en"}


class langblock(nodes.General, nodes.Element):
    """A run of block elements in one language; attribute ``code`` is ``zh`` or ``en``."""


class langspan(nodes.Inline, nodes.TextElement):
    """Inline text in one language (a half of a title); attribute ``code`` is ``zh`` or ``en``."""


class langsep(nodes.Inline, nodes.TextElement):
    """The bar between two halves, shown only while both languages show."""


def halves(zh: list[nodes.Node], en: list[nodes.Node]) -> list[nodes.Node]:
    """Return the nodes of a bilingual inline text: Chinese, bar, English.

    A number that both begin with is marked in the English half, where it hides while both show.
    """
    if zh and en and isinstance(zh[0], nodes.Text) and isinstance(en[0], nodes.Text):
        number = shared_number(zh[0], en[0])
        if number:
            en = [nodes.inline("", number, classes=[REPEATED]), nodes.Text(en[0][len(number) :]), *en[1:]]
    return [langspan("", "", *zh, code="zh"), langsep("", " | "), langspan("", "", *en, code="en")]


def _open_block(self, node: langblock) -> None:
    code = node["code"]
    classes = " ".join(["lang-block", f"lang-{code}", *node["classes"]])
    self.body.append(f'<div class="{classes}" lang="{BCP47[code]}">\n')


def _close_block(self, node: langblock) -> None:
    self.body.append("</div>\n")


def _open_span(self, node: langspan) -> None:
    code = node["code"]
    self.body.append(f'<span class="lang-{code}" lang="{BCP47[code]}">')


def _open_sep(self, node: langsep) -> None:
    self.body.append('<span class="lang-sep">')


def _close_inline(self, node: nodes.Element) -> None:
    self.body.append("</span>")


def _nothing(self, node: nodes.Element) -> None:
    pass


def setup(app: Sphinx) -> None:
    """Register the nodes: marked up in HTML, transparent elsewhere."""
    plain = (_nothing, _nothing)
    for node, html in (
        (langblock, (_open_block, _close_block)),
        (langspan, (_open_span, _close_inline)),
        (langsep, (_open_sep, _close_inline)),
    ):
        app.add_node(node, html=html, latex=plain, text=plain, man=plain, texinfo=plain)
