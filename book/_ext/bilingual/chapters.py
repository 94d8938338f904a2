"""The directive ``{chapters}``: the home page's path through the book, made from the table of contents.

Each line of its content is ``NN_name: 一句话 | one sentence``. Only chapters that the table of contents lists
are shown, with their own titles; the number of "3 甲 | 3 A" goes into the margin. A listed chapter
without its line is a warning.
"""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .nodes import REPEATED, halves, langspan
from .split import NUMBER, split_text

_log = logging.getLogger(__name__)


class chapterpath(nodes.General, nodes.Element):
    """Placeholder until titles are known; attribute ``blurbs`` maps page names to (Chinese, English)."""


class Chapters(SphinxDirective):
    """Collects the sentences."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        folder = self.env.docname.rpartition("/")[0]
        blurbs = {}
        for line in filter(None, map(str.strip, self.content)):
            name, _, text = line.partition(": ")
            parts = split_text(text)
            if parts is None:
                raise self.error(f"{{chapters}} got {line!r}; it takes 'NN_name: 中文 | English'")
            blurbs[f"{folder}/{name}" if folder else name] = parts
        return [chapterpath("", blurbs=blurbs)]


def take_number(title: nodes.Element) -> str:
    """Remove the number in front of each half of a title, in place; return it, or nothing."""
    for repeated in list(
        title.findall(lambda node: REPEATED in getattr(node, "attributes", {}).get("classes", ()))
    ):
        repeated.parent.remove(repeated)
    number = ""
    for half in [title, *title.findall(langspan)]:
        first = half.children[0]
        found = NUMBER.match(first) if isinstance(first, nodes.Text) else None
        if found:
            number = found[0].strip()
            half.replace(first, nodes.Text(first[found.end() :]))
    return number


class ResolveChapters(SphinxPostTransform):
    """Replaces the placeholder by a list of links."""

    default_priority = 5

    def listed(self) -> list[str]:
        """Return the chapters of the contents, in order, and other pages that have a sentence."""
        root = self.env.config.root_doc
        trees = self.env.get_doctree(root).findall(addnodes.toctree)
        return [name for tree in trees for _, name in tree["entries"] if name in self.env.titles]

    def item(self, name: str, blurb: tuple[str, str] | None) -> nodes.list_item:
        """Return one chapter's entry."""
        uri = self.app.builder.get_relative_uri(self.env.docname, name)
        link = nodes.reference("", "", internal=True, refuri=uri, classes=["chapter-path__title"])
        title = nodes.inline("", "", *(child.deepcopy() for child in self.env.titles[name].children))
        link += nodes.inline("", take_number(title) or "·", classes=["chapter-path__number"])
        link += title
        entry = nodes.list_item("", nodes.paragraph("", "", link))
        if blurb:
            entry += nodes.paragraph("", "", *halves(*([nodes.Text(text)] for text in blurb)))
        elif self.env.doc2path(name).endswith(".ipynb"):
            _log.warning(
                "{chapters} says nothing about %s", name, location=self.env.docname, type="bilingual"
            )
        return entry

    def run(self, **kwargs) -> None:
        for place in list(self.document.findall(chapterpath)):
            items = [self.item(name, place["blurbs"].get(name)) for name in self.listed()]
            place.replace_self(nodes.bullet_list("", *items, classes=["chapter-path"]) if items else [])


def setup(app: Sphinx) -> None:
    """Register the directive; write the home page anew whenever any page is."""
    app.add_node(chapterpath)
    app.add_directive("chapters", Chapters)
    app.add_post_transform(ResolveChapters)
    app.connect("env-updated", lambda app, env: [env.config.root_doc])
