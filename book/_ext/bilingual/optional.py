"""Sections ``选读：… | Optional: …`` are folded: the title shows, the rest opens on demand."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from .words import spans

SUMMARY = "展开选读内容 | Open this optional section"


class fold(nodes.General, nodes.Element):
    """What stands under an optional title."""


def _open(self, node: fold) -> None:
    self.body.append(f'<details class="optional"><summary>{spans(SUMMARY)}</summary>\n')


def _close(self, node: fold) -> None:
    self.body.append("</details>\n")


def _nothing(self, node: nodes.Element) -> None:
    pass


def is_optional(title: str) -> bool:
    """Whether a title opens what need not be read."""
    return "选读" in title and "Optional" in title


class FoldOptional(SphinxPostTransform):
    """Runs late: contents and links have been collected from the sections as they stand."""

    default_priority = 800

    def run(self, **kwargs) -> None:
        for section in list(self.document.findall(nodes.section)):
            title = section.next_node(nodes.title)
            if title is None or title.parent is not section or not is_optional(title.astext()):
                continue
            after = section.index(title) + 1
            rest = section.children[after:]
            del section.children[after:]
            section += fold("", *rest)


def setup(app: Sphinx) -> None:
    """Register node and transform."""
    app.add_node(fold, html=(_open, _close), latex=(_nothing, _nothing), text=(_nothing, _nothing))
    app.add_post_transform(FoldOptional)
    app.add_js_file("bilingual/optional.js", loading_method="defer")
