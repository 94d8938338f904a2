"""Split titles, captions, admonition names and the link texts copied from them."""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from .nodes import halves, langblock, langspan
from .split import SEP, split_children, split_text

ADMONITIONS = {
    "attention": "注意 | Attention",
    "caution": "小心 | Caution",
    "danger": "危险 | Danger",
    "error": "错误 | Error",
    "hint": "提示 | Hint",
    "important": "重要 | Important",
    "note": "备注 | Note",
    "seealso": "参见 | See also",
    "tip": "小技巧 | Tip",
    "warning": "警告 | Warning",
}
_log = logging.getLogger(__name__)


def language_of(node: nodes.Node | None) -> str | None:
    """Return the language of the block or span that holds this node, if any."""
    while node is not None:
        if isinstance(node, (langblock, langspan)):
            return node["code"]
        node = node.parent
    return None


def split_title(title: nodes.Element) -> None:
    """Replace the children of a ``中文 | English`` title by its two halves, in place."""
    try:
        parts = split_children(title.children)
    except ValueError as problem:
        _log.warning("title %r: %s", title.astext(), problem, location=title, type="bilingual")
        return
    if parts:
        title.clear()
        title.extend(halves(*parts))


def name_admonition(node: nodes.Element) -> None:
    """Turn ``note`` and its kin, which the writer would name in one language, into one with our title.

    Inside a block of one language the title is that language's alone.
    """
    name = node.tagname
    label = split_text(ADMONITIONS[name])
    code = language_of(node)
    title = nodes.title("", label[code == "en"] if code else ADMONITIONS[name])
    new = nodes.admonition("", title, *node.children, classes=[*node["classes"], name])
    new["ids"], new["names"] = node["ids"], node["names"]
    new.source, new.line = node.source, node.line
    node.replace_self(new)


class SplitTitles(SphinxTransform):
    """Runs before Sphinx collects titles, so side bar, page contents and links inherit the halves."""

    default_priority = 200

    def apply(self, **kwargs) -> None:
        for node in list(self.document.findall(nodes.Admonition)):
            if node.tagname in ADMONITIONS:
                name_admonition(node)
        for node in list(self.document.findall(addnodes.seealso)):
            name_admonition(node)
        for kind in (nodes.title, nodes.caption, nodes.rubric):
            for node in list(self.document.findall(kind)):
                if language_of(node) is None:
                    split_title(node)


class SplitReferences(SphinxPostTransform):
    """Link texts that Sphinx filled in from a bilingual title, as plain text ``中文 | English``."""

    default_priority = 900

    def run(self, **kwargs) -> None:
        for ref in self.document.findall(nodes.reference):
            text = ref.astext()
            if not ref.get("internal") or SEP not in text or ref.next_node(langspan):
                continue
            parts, code = split_text(text), language_of(ref)
            if parts is None:
                continue
            inner = ref.next_node(nodes.inline) or ref
            inner.clear()
            if code:
                inner += nodes.Text(parts[code == "en"])
            else:
                inner.extend(halves([nodes.Text(parts[0])], [nodes.Text(parts[1])]))


def setup(app) -> None:
    """Register both transforms."""
    app.add_transform(SplitTitles)
    app.add_post_transform(SplitReferences)
