"""``{references}``: the list of papers and books in a BibTeX file, by first author and year.

The bibliography of sphinxcontrib-bibtex writes roles that ARIA has withdrawn, and words in one language only;
here an entry is authors, year, title, where it appeared, and a link.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from pybtex.database import Entry, Person, parse_file
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def name(person: Person) -> str:
    """Return ``Hochreiter, S.``"""
    initials = " ".join(f"{first[0]}." for first in (*person.first_names, *person.middle_names))
    return ", ".join(
        part for part in (" ".join((*person.prelast_names, *person.last_names)), initials) if part
    )


def venue(entry: Entry) -> str:
    """Return where an entry appeared, with volume, number and pages."""
    fields = entry.fields
    where = next(
        (fields[key] for key in ("journal", "booktitle", "publisher", "howpublished") if key in fields), ""
    )
    volume = fields.get("volume", "") + (f"({fields['number']})" if "number" in fields else "")
    pages = fields.get("pages", "").replace("--", "–")
    return ", ".join(part for part in (f"{where} {volume}".strip(), pages) if part)


def address(entry: Entry) -> str:
    """Return the address of an entry, if it has one."""
    fields = entry.fields
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    return fields.get("url", f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else "")


def sort_key(entry: Entry) -> tuple[str, str]:
    """Return what entries are ordered by."""
    people = entry.persons.get("author") or entry.persons.get("editor") or [Person("")]
    return " ".join(people[0].last_names).lower(), entry.fields.get("year", "")


def paragraph(entry: Entry) -> nodes.paragraph:
    """Return an entry as text."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    title = entry.fields["title"].replace("{", "").replace("}", "")
    link = address(entry)
    shown = nodes.reference("", title, refuri=link) if link else nodes.Text(title)
    line = nodes.paragraph()
    line += nodes.Text(f"{'; '.join(map(name, people))} ({entry.fields.get('year', '')}). ")
    line += nodes.emphasis("", "", shown)
    line += nodes.Text(f". {venue(entry)}." if venue(entry) else ".")
    return line


class References(SphinxDirective):
    """The list of all entries of the book's BibTeX files."""

    def run(self) -> list[nodes.Node]:
        entries = {}
        for file in self.config.bibtex_bibfiles:
            path = Path(self.env.srcdir) / file
            self.env.note_dependency(str(path))
            entries.update(parse_file(str(path)).entries)
        ordered = sorted(entries.items(), key=lambda item: sort_key(item[1]))
        items = [
            nodes.list_item("", paragraph(entry), ids=[nodes.make_id(f"ref-{key}")]) for key, entry in ordered
        ]
        return [nodes.bullet_list("", *items, classes=["references"])]


def setup(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("references", References)
