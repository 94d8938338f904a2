"""Sphinx extension: one source, two languages.

A notebook's Markdown cells tagged ``lang-zh`` / ``lang-en`` become blocks of one language (`cells`); titles
``中文 | English`` are split in two (`titles`); the theme's own words come in both (`words`); each page gets a
switch and shows what the reader chose, before the first paint (`pages`). The search reads both (`search`) and
knows the glossary (`terms`); folded cells open with a line in both (`folds`), outputs follow the language
(`outputs`, `printed`), questions come before answers (`predict`), optional sections are folded (`optional`).
Formulas become MathML (`formulas`, `mathfont`); twins stand side by side where there is room (`pairs`);
figures answer (`figures`); nothing leads to an address that is not there yet (`address`); `references` lists
papers and books.
"""

from __future__ import annotations

from sphinx.application import Sphinx

from . import (
    address,
    cells,
    chapters,
    directive,
    figures,
    folds,
    formulas,
    nodes,
    optional,
    outputs,
    pages,
    pairs,
    predict,
    references,
    search,
    terms,
    titles,
    words,
)

# set up in this order
PARTS = (
    nodes,
    cells,
    folds,
    titles,
    directive,
    chapters,
    words,
    search,
    terms,
    references,
    formulas,
    pairs,
    address,
    pages,
    outputs,
    predict,
    optional,
    figures,
)


def setup(app: Sphinx) -> dict[str, object]:
    """Set up every part."""
    for part in PARTS:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
