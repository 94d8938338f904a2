r"""Formulas as MathML, made while the book is built: no script draws them, and screen readers read them.

math-core converts the TeX. What it cannot convert is a warning, and so fails the build. Every browser draws
MathML; that they all draw it well takes a font made for it, see `mathfont`.
"""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from . import mathfont

_log = logging.getLogger(__name__)
_convert = LatexToMathML(fancy_error=False).convert_with_local_state
# Chromium stretches an operator inside a row only: \Big|_{x}
_LONELY = re.compile(r"(<(?:msub|msup|msubsup)>)(<mo [^>]*minsize=[^>]*>[^<]*</mo>)")


def mathml(tex: str, display: bool) -> str:
    """Return the MathML of a formula.

    Raises: LatexError, with the reason, for TeX that math-core does not know.
    """
    tex = " ".join(line for line in tex.splitlines() if line.strip())
    return _LONELY.sub(r"\1<mrow>\2</mrow>", _convert(tex, displaystyle=display))


def _render(node: nodes.Element, display: bool) -> str:
    tex = node.astext()
    try:
        return mathml(tex, display)
    except LatexError as problem:
        _log.warning("the formula %r: %s", tex, problem, location=node, type="bilingual")
        return f"<code>{escape(tex)}</code>"


def write_inline(self, node: nodes.math) -> None:
    """Write a formula inside a line."""
    self.body.append(f'<span class="math">{_render(node, display=False)}</span>')
    raise nodes.SkipNode


def write_block(self, node: nodes.math_block) -> None:
    """Write a displayed formula: a box that scrolls where it is too wide, and its number if it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(f'<div class="math__box">{_render(node, display=True)}</div></div>\n')
    raise nodes.SkipNode


def has_formulas(doctree: nodes.document | None) -> bool:
    """Say whether a page has a formula."""
    return doctree is not None and any(
        isinstance(node, (nodes.math, nodes.math_block)) for node in doctree.findall()
    )


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Load the font on pages with formulas."""
    if has_formulas(doctree):
        app.add_css_file(mathfont.STYLE, priority=902)


def choose_renderer(app: Sphinx, config) -> None:
    """Name our renderer; Sphinx would take MathJax."""
    config.html_math_renderer = "mathml"


def setup(app: Sphinx) -> None:
    """Register the renderer; make its font."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    app.connect("config-inited", choose_renderer)
    app.connect("builder-inited", mathfont.write_style)
    app.connect("html-page-context", page_context)
