"""The glossary of the book: what the search takes for one and the same term, and a page of all terms.

The file that ``bilingual_glossary`` names has a line for each term: zh, en, symbol, note (中文 | English) and
more columns that the notebooks' lint reads. ``{terms}`` on a Markdown page becomes the list of them.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from .nodes import halves
from .split import split_words

_NAMES = re.compile(r"\s+/\s+|[(（](.*?)[)）]")
_SYMBOL = re.compile(r"[A-Za-z]{2,}$")  # PPL is a name to search for, C_t is none


def read_terms(path: Path) -> list[dict[str, str]]:
    """Return the rows of the glossary."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def names(row: dict[str, str]) -> list[str]:
    """Return the names of a term in lower case: ``long short-term memory (LSTM)`` is two of them."""
    parts = [part for column in ("zh", "en") for part in _NAMES.split(row[column] or "")]
    symbol = row.get("symbol") or ""
    found = [part.strip().lower() for part in [*parts, symbol if _SYMBOL.match(symbol) else ""] if part]
    return list(dict.fromkeys(name for name in found if name))


def glossary_path(app_or_env) -> Path | None:
    """Return where the glossary is, if the book has one."""
    name = app_or_env.config.bilingual_glossary
    return Path(app_or_env.srcdir) / name if name else None


def note(row: dict[str, str]) -> list[nodes.Node]:
    """Return what a term means, in both languages."""
    text = row.get("note") or ""
    parts = split_words(text)
    return halves(*([nodes.Text(part)] for part in parts)) if parts else [nodes.Text(text)]


class Terms(SphinxDirective):
    """The list of all terms, in the order of the file: both names, the symbol, what it means."""

    def run(self) -> list[nodes.Node]:
        path = glossary_path(self.env)
        if path is None:
            raise self.error("{terms} needs bilingual_glossary in the configuration")
        self.env.note_dependency(str(path))
        items = []
        for row in read_terms(path):
            term = nodes.term("", "", ids=[nodes.make_id(f"term-{row['en']}")])
            term += nodes.inline("", row["zh"], classes=["term-zh"])
            term += nodes.inline("", row["en"], classes=["term-en"])
            if row.get("symbol"):
                term += nodes.literal("", row["symbol"])
            meaning = nodes.definition("", nodes.paragraph("", "", *note(row)))
            items.append(nodes.definition_list_item("", term, meaning))
        return [nodes.definition_list("", *items, classes=["terms"])]


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Give the search page the names that mean the same, and what ranks its results."""
    if pagename != "search":
        return
    path = glossary_path(app)
    terms = [group for group in map(names, read_terms(path)) if len(group) > 1] if path else []
    app.add_js_file(None, body=f"window.bookTerms = {json.dumps(terms, ensure_ascii=False)};", priority=480)
    app.add_js_file("bilingual/ranking.js", loading_method="defer", priority=490)


def setup(app: Sphinx) -> None:
    """Register option and directive."""
    app.add_config_value("bilingual_glossary", "", "env", [str])
    app.add_directive("terms", Terms)
    app.connect("html-page-context", page_context)
