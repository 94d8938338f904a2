"""Outputs of code cells follow the language that the reader chose.

Printed text is marked by `printed`; words in tables and in the labels of figures are marked here. A figure
stands in the page as SVG, so that styles reach its text, and has the alternative text of its cell as its
name. The covers that notebooks store for JupyterLab never reach a page, which has its own (`predict`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from docutils import nodes
from markupsafe import Markup, escape
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from cover import uncovered

from .nodes import BCP47
from .printed import is_bilingual, mark
from .split import split_text, split_words
from .words import spans

_PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_TEXT = re.compile(r"(<text\b[^>]*>)([^<]* \| [^<]*)(</text>)")
_FONT = re.compile(r"font: ([\d.]+)px [^;\"]*|font-family: [^;\"]*;? ?")
_BACKGROUND = re.compile(r'(<g id="patch_[12]">\s*<path [^>]*style=")fill: #ffffff')  # figure, first axes
_ID = re.compile(r'\bid="([^"]+)"')
_BETWEEN_TAGS = re.compile(r">([^<>]* \| [^<>]*)<")
_OF_FIGURES = re.compile(r"<td>([^<A-Za-z]+)</td>")  # such as 0.98 / 0.99: it keeps its line


def tspans(text: str) -> str:
    """Like `spans`, inside SVG: both halves stand at the anchor of the text."""
    parts = split_words(text)
    if parts is None:
        return text
    zh, en = parts
    return (
        f'<tspan class="lang-zh" lang="{BCP47["zh"]}">{zh}</tspan><tspan class="lang-sep"> | </tspan>'
        f'<tspan class="lang-en" lang="{BCP47["en"]}">{en}</tspan>'
    )


def inline_svg(svg: str, number: int, alt: str) -> str:
    """A figure as it stands in a page: marked, without a background, its names its own.

    Args:
        svg: as matplotlib wrote it, with labels as text.
        number: of the figure in its page; makes the names of its parts unique.
        alt: ``中文 | English``.
    """
    svg = _METADATA.sub("", _PROLOGUE.sub("", svg, count=1))
    svg = _BACKGROUND.sub(r"\1fill: none", svg, count=2)
    svg = _FONT.sub(lambda match: f"font-size: {match[1]}px" if match[1] else "", svg)
    for name in set(_ID.findall(svg)):
        new = f"f{number}-{name}"
        svg = svg.replace(f'id="{name}"', f'id="{new}"').replace(f'"#{name}"', f'"#{new}"')
        svg = svg.replace(f"url(#{name})", f"url(#{new})")
        first, found, rest = svg.partition(f'id="{new}"')  # matplotlib may define the same thing twice
        svg = first + found + rest.replace(f' id="{new}"', "")
    svg = _TEXT.sub(lambda match: match[1] + tspans(match[2].strip()) + match[3], svg)
    parts = split_text(alt)
    names = "".join(
        f'<span class="lang-{code} visually-hidden" lang="{BCP47[code]}">{escape(half)}</span>'
        for code, half in zip(("zh", "en"), parts or ())
    )
    svg = svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    return f'<figure class="plot" role="figure">{names}{svg}</figure>'


def mark_html(html: str) -> str:
    """Mark the halves between the tags of an output in HTML."""
    return _BETWEEN_TAGS.sub(
        lambda match: f">{spans(Markup(match[1]).unescape())}<" if split_words(match[1]) else match[0], html
    )


class MarkOutputs(SphinxPostTransform):
    """Runs after MyST-NB has chosen among the forms of an output."""

    default_priority = 450
    formats = ("html",)

    def run(self, **kwargs) -> None:
        number = 0
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") != "cell_code_output":
                continue
            for image in list(cell.findall(nodes.image)):
                if image["uri"].endswith(".svg"):
                    number += 1
                    self.inline(image, number)
            for block in list(cell.findall(nodes.literal_block)):
                self.mark_print(block)
            for raw in list(cell.findall(nodes.raw)):
                if raw.get("format") == "html" and "<table" in raw.astext():
                    html = mark_html(_OF_FIGURES.sub(r'<td class="figures">\1</td>', raw.astext()))
                    raw.replace_self(nodes.raw("", f'<div class="table-box">{html}</div>', format="html"))

    def inline(self, image: nodes.image, number: int) -> None:
        """Put a figure itself in the place of a reference to it."""
        path = Path(self.app.srcdir, image["uri"])
        svg = inline_svg(path.read_text(encoding="utf-8"), number, image.get("alt", ""))
        image.replace_self(nodes.raw("", svg, format="html"))

    def mark_print(self, block: nodes.literal_block) -> None:
        """Mark what was printed, where it is in two languages."""
        if not is_bilingual(block.astext()):
            return
        html = Markup('<div class="{} notranslate highlight"><pre>{}\n</pre></div>').format(
            " ".join(block["classes"]), mark(block.astext())
        )
        block.replace_self(nodes.raw("", str(html), format="html"))


def take_covers_off(app: Sphinx, docname: str, source: list[str]) -> None:
    """Drop the covers from the text of a notebook before it is parsed."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    for cell in notebook.get("cells", ()):
        if "outputs" in cell:
            cell["outputs"] = uncovered(cell["outputs"])
    source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> None:
    """Take covers off notebooks as they are read; mark outputs after MyST-NB, which selects by priority 4."""
    app.connect("source-read", take_covers_off)
    app.add_post_transform(MarkOutputs)
