"""Figures that answer: the pages that have one get its scripts, its style and the addresses of its data.

A figure comes from the output of a cell, `rnnlib.widgets.figure("gates")`, or from the directive::

    ```{answers} gates
    :hold: F@0
    ```

In the prose, ``[hold *F* at 0](fig:gates?hold=F@0)`` is a link that sets it. The files are those of
`rnnlib.widgets`; this module copies them into the book, the kit's parts as one file.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset_file

from rnnlib.widgets import files

from .outputs import mark_html

FOLDER = "figures"
_STILL = Path(__file__).parent / "still"  # written by book/_tools/still.py
_FIGURE = re.compile(r'<figure [^>]*data-figure="([\w-]+)"')
_PLACE = re.compile(r'(<figure [^>]*data-figure="([\w-]+)"(?:(?!</figure>).)*)</figure>', re.DOTALL)
_STATIC = re.compile(r'^"static": (".*"),?$', re.MULTILINE)


def place(name: str, values: dict[str, str]) -> str:
    """The HTML in whose place a figure appears; the same as that of a widget without a kernel."""
    from rnnlib.widgets.widget import place

    return place(name, values)


@cache
def static(name: str) -> str:
    """The HTML that stands in a figure's place without JavaScript, from ``still`` or the figure's data."""
    if (_STILL / f"{name}.html").is_file():
        return (_STILL / f"{name}.html").read_text(encoding="utf-8").rstrip("\n")
    texts = [files.packs()[pack].read_text(encoding="utf-8") for pack in files.pack_names(name)]
    return "".join(json.loads(found) for text in texts for found in _STATIC.findall(text))


def with_static(text: str) -> str:
    """The places of figures in a text of HTML, each with what can be said without JavaScript."""
    return _PLACE.sub(lambda match: f"{match[1]}{static(match[2])}</figure>", text)


class Answers(SphinxDirective):
    """``{answers} NAME``: a figure; options are settings to start from."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in files.names():
            raise self.error(f"no figure {name!r}; there are {', '.join(files.names())}")
        values = dict(line.split("=", 1) for line in self.content if "=" in line)
        return [nodes.raw("", mark_html(place(name, values)), format="html")]


def figures_in(doctree: nodes.document | None) -> list[str]:
    """Names of the figures of a page, in order, once each."""
    if doctree is None:
        return []
    raws = [node.astext() for node in doctree.findall(nodes.raw) if node.get("format") == "html"]
    return list(dict.fromkeys(name for text in raws for name in _FIGURE.findall(text)))


def add_to_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Add what the figures of a page need; nothing to a page without figures."""
    found = figures_in(doctree)
    if not found:
        return
    app.add_css_file(f"{FOLDER}/kit.css", priority=910)
    scripts = ["engine"] if any(files.needs_engine(name) for name in found) else []
    scripts += ["kit", *found, "page"]
    for name in found:
        if files.style(name):
            app.add_css_file(f"{FOLDER}/{name}.css", priority=911)
    for script in scripts:
        app.add_js_file(f"{FOLDER}/{script}.js", loading_method="defer", priority=910)
    pathto = context["pathto"]
    addresses = {name: pathto(f"_static/{FOLDER}/packs/{name}.js", 1) for name in files.packs()}
    app.add_js_file(None, body=f"window.figurePacks = {json.dumps(addresses)};", priority=905)


def mark_places(app: Sphinx, doctree: nodes.document) -> None:
    """The sentence that stands in a figure's place follows the language; links to settings are as they were
    written (MyST escapes them once too often)."""
    for node in doctree.findall(nodes.reference):
        if "fig-set" in node.get("classes", ()):
            node["refuri"] = html.unescape(node["refuri"])
    for node in doctree.findall(nodes.raw):
        if node.get("format") == "html" and _FIGURE.search(node.astext()):
            text = with_static(node.astext())
            marked = mark_html(text) if "lang-zh" not in text else text
            node.children[:] = [nodes.Text(marked)]


def write_files(app: Sphinx) -> None:
    """Put the files where Sphinx finds static files."""
    if app.builder.format != "html":
        return
    root = Path(app.doctreedir).parent / "figure-files"
    folder = root / FOLDER
    shutil.rmtree(root, ignore_errors=True)
    (folder / "packs").mkdir(parents=True)
    for script in (files.HERE / "js" / "figures").glob("*.js"):
        copy_asset_file(str(script), str(folder))
    for sheet in (files.HERE / "css").glob("*.css"):
        copy_asset_file(str(sheet), str(folder))
    for pack in files.packs().values():
        copy_asset_file(str(pack), str(folder / "packs"))
    (folder / "kit.js").write_text(files.kit(), encoding="utf-8")
    (folder / "engine.js").write_text(files.engine(), encoding="utf-8")
    copy_asset_file(str(files.HERE / "js" / "page.js"), str(folder))
    app.config.html_static_path.append(str(root))


def name_links(app: Sphinx, config) -> None:
    """``fig:`` in a link leads to a figure's settings."""
    schemes = dict.fromkeys(("http", "https", "mailto", "ftp"))
    config.myst_url_schemes = {
        **schemes,
        "fig": {"url": "#{{path}}:{{query}}", "classes": ["fig-set"]},
    }


def setup(app: Sphinx) -> None:
    """Connect to the book's making."""
    app.add_directive("answers", Answers)
    app.connect("config-inited", name_links, priority=100)
    app.connect("builder-inited", write_files, priority=100)
    app.connect("doctree-read", mark_places)
    app.connect("html-page-context", add_to_page, priority=700)
