"""Carry the tags ``lang-zh`` / ``lang-en`` of Markdown cells into the document tree.

MyST-NB drops the tags of Markdown cells. The one place where cell and tree meet is
``SphinxNbRenderer.render_nb_cell_markdown``, which is not public: `setup` checks that it is there, and
`check_document` stops the build if tagged cells do not arrive.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import SphinxNbRenderer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from .nodes import langblock

TAGS = {"lang-zh": "zh", "lang-en": "en"}
HOOK = "render_nb_cell_markdown"
_log = logging.getLogger(__name__)


def cell_language(metadata: dict) -> str | None:
    """Return ``zh``, ``en`` or None for a cell's metadata."""
    return next((TAGS[tag] for tag in metadata.get("tags", ()) if tag in TAGS), None)


def render_cell(self: SphinxNbRenderer, token) -> None:
    """Render a Markdown cell; wrap what a tagged one holds in a `langblock`, but never a heading."""
    code = cell_language(token.meta["metadata"])
    if code is None:
        self.render_children(token)
        return
    block = None
    for child in token.children or []:
        if child.type == "heading":
            _log.warning(
                "a heading stands in a cell tagged lang-%s: headings need an untagged cell of their own, "
                "'## 中文 | English'",
                code,
                location=(self.document["source"], None),
                type="bilingual",
            )
            block = None
            self.rules["render_heading"](child)
            continue
        if block is None:
            block = langblock("", code=code, cell=token.meta["index"])
            self.add_line_and_source_path(block, token)
            self.current_node.append(block)
        with self.current_node_context(block):
            rule = self.rules.get(f"render_{child.type}")
            if rule is None:
                self.create_warning(f"no way to render {child.type} in a language cell", append_to=block)
            else:
                rule(child)


def tagged_cells(path: Path) -> set[int]:
    """Return the indices of a notebook's non-empty Markdown cells that carry a language tag."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {
        i
        for i, cell in enumerate(cells)
        if cell["cell_type"] == "markdown"
        and cell_language(cell.get("metadata", {}))
        and "".join(cell["source"]).strip()
    }


def check_document(app: Sphinx, doctree: nodes.document) -> None:
    """Stop the build when a tagged cell of this notebook has no `langblock` in the tree."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    lost = tagged_cells(path) - {block.get("cell") for block in doctree.findall(langblock)}
    if lost:
        raise ExtensionError(
            f"{path.name}: cells {sorted(lost)} carry a language tag that did not reach the page. Either "
            f"they hold only headings or comments, or myst-nb no longer calls {HOOK}; see {__name__}."
        )


def setup(app: Sphinx) -> None:
    """Install the hook and the check."""
    hook = getattr(SphinxNbRenderer, HOOK, None)
    if hook is None or list(inspect.signature(hook).parameters) != ["self", "token"]:
        raise ExtensionError(
            f"myst-nb has changed: SphinxNbRenderer.{HOOK}(self, token) is gone; pin myst-nb"
        )
    setattr(SphinxNbRenderer, HOOK, render_cell)
    app.connect("doctree-read", check_document)
