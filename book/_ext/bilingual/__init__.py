"""Sphinx extension: one source, two languages.

A notebook's Markdown cells tagged ``lang-zh`` / ``lang-en`` become blocks of one language (`cells`); titles
``中文 | English`` are split in two (`titles`); the theme's own words come in both (`words`); each page gets a
switch and shows what the reader chose, before the first paint (`pages`). The search reads both (`search`);
folded cells open with a line in both (`folds`), outputs follow the language (`outputs`, `printed`),
questions come before answers (`predict`), optional sections are folded (`optional`).
"""

from __future__ import annotations

from sphinx.application import Sphinx

from . import (
    cells,
    chapters,
    directive,
    folds,
    formulas,
    nodes,
    optional,
    outputs,
    pages,
    predict,
    search,
    titles,
    words,
)


def setup(app: Sphinx) -> dict[str, object]:
    """Set up every part."""
    parts = (nodes, cells, folds, titles, directive, chapters, words, search, formulas, pages)
    for part in (*parts, outputs, predict, optional):
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
