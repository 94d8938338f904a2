"""Formulas from a MathJax served with the book.

The package ``sphinx-mathjax-offline`` brings MathJax; of its builds this book loads the one that draws: it
needs no fonts, which browsers refuse to pages opened as files.
"""

from __future__ import annotations

from sphinx.application import Sphinx

BUILD = "mathjax/tex-svg.js"


def choose_build(app: Sphinx, config) -> None:
    """Name the build; the package itself would name another."""
    config.mathjax_path = BUILD


def setup(app: Sphinx) -> None:
    """Set the package up, then choose."""
    app.setup_extension("sphinx-mathjax-offline")
    app.connect("config-inited", choose_build)
