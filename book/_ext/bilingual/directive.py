"""The directive ``:::{lang} zh`` for Markdown pages, where there are no cells to tag."""

from __future__ import annotations

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from .nodes import BCP47, langblock


class Lang(SphinxDirective):
    """A block in one language; its argument is ``zh`` or ``en``, its content any Markdown but headings."""

    has_content = True
    required_arguments = 1
    option_spec = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        code = self.arguments[0]
        if code not in BCP47:
            raise self.error(f"{{lang}} got {code!r}; it takes one of {', '.join(BCP47)}")
        block = langblock("", code=code, classes=self.options.get("class", []))
        self.set_source_info(block)
        self.state.nested_parse(self.content, self.content_offset, block)
        return [block]


def setup(app) -> None:
    """Register the directive."""
    app.add_directive("lang", Lang)
