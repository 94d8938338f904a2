"""Is the book published? While `repository.url` holds a placeholder, nothing on a page leads there.

The buttons for repository, report and Colab appear when the configuration has an address of its own, and
so does what stands in ``:::{published}`` on a Markdown page; ``:::{unpublished}`` is its opposite.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_PLACEHOLDER = re.compile(r"//[^/]+/(?:OWNER|USER|USERNAME|YOUR[A-Z_-]*|[^/]*[<>{}][^/]*)(?:/|$)")
ELSEWHERE = ("launch-", "source-")  # the labels of buttons that lead away from the book begin so


def is_published(url: str | None) -> bool:
    """Say whether a repository's address leads anywhere, as far as its form tells."""
    return bool(url) and url.startswith(("http://", "https://")) and not _PLACEHOLDER.search(url)


def leads_somewhere(button: dict, url: str | None) -> bool:
    """Say whether a button of the theme, or a group of them, leads anywhere."""
    return is_published(url) or not str(button.get("label", "")).startswith(ELSEWHERE)


def address_of(config) -> str | None:
    """Return the repository's address of a Sphinx configuration."""
    return (getattr(config, "html_theme_options", None) or {}).get("repository_url")


class Published(SphinxDirective):
    """Content that is there only once the book has an address, or only until then."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        if is_published(address_of(self.config)) != (self.name == "published"):
            return []
        holder = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, holder)
        return holder.children


def setup(app: Sphinx) -> None:
    """Register the two directives."""
    app.add_directive("published", Published)
    app.add_directive("unpublished", Published)
