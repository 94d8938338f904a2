"""Twins side by side: where both languages show and the window is wide, Chinese left and English right.

A post-transform puts a Chinese block and the English one directly behind it into one wrapper, late, so that
no other transform meets it. Where both hold the same number of elements, the style sheet puts each beside
its twin; the number travels with the wrapper.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from .nodes import langblock


class langpair(nodes.General, nodes.Element):
    """A Chinese block and its English twin; ``rows``: of how many elements each, 0 if they differ."""


def twins(document: nodes.document) -> list[tuple[langblock, langblock]]:
    """Return every Chinese block whose next sibling is an English one, with it."""
    found = []
    for block in document.findall(langblock):
        after = block.next_node(descend=False, siblings=True)
        if block["code"] == "zh" and isinstance(after, langblock) and after["code"] == "en":
            found.append((block, after))
    return found


def rows(zh: langblock, en: langblock) -> int:
    """Return the number of elements if both blocks have as many, else 0."""
    counts = {sum(not isinstance(child, nodes.Invisible) for child in block) for block in (zh, en)}
    return counts.pop() if len(counts) == 1 else 0


class PairTwins(SphinxPostTransform):
    """Wraps twins; runs behind everything that looks for blocks."""

    default_priority = 990

    def run(self, **kwargs) -> None:
        for zh, en in twins(self.document):
            pair = langpair("", rows=rows(zh, en))
            zh.parent.replace(zh, pair)
            en.parent.remove(en)
            pair += [zh, en]


def _open(self, node: langpair) -> None:
    style = f' style="--rows: {node["rows"]}"' if node["rows"] else ""
    self.body.append(f'<div class="lang-pair"{style}>\n')


def _close(self, node: langpair) -> None:
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    """Register node and transform."""
    nothing = (lambda self, node: None, lambda self, node: None)
    app.add_node(langpair, html=(_open, _close), latex=nothing, text=nothing, man=nothing, texinfo=nothing)
    app.add_post_transform(PairTwins)
