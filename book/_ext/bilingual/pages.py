"""What a page needs beside its text: the script that sets the language before the first paint, the
switch, two-language theme words, and buttons only where they lead somewhere.

The theme asks gettext for words in attributes and in text alike, and gettext cannot tell which: so the words
are marked where both can be told apart, in the rendered frame. The article is put in after that, untouched.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.jinja2glue import BuiltinTemplateLoader

from .address import address_of, is_published, leads_somewhere
from .words import SCRIPT_WORDS, TABLE, bilingual, spans

HERE = Path(__file__).parent
# A text between two tags, or the caption of a part in the side bar.
_TEXT = re.compile(r">(\s*)([^<>|]+ \| [^<>|]+?)(\s*)<")
# The theme's icons come from a script of 1.5 MB, a style sheet and fonts; ours are in icons.css.
_ICONS = re.compile(
    r'<link [^>]*(?:as="font"|fontawesome)[^>]*>\s*|<script [^>]*fontawesome[^>]*>\s*</script>\s*'
)
# Names that the theme's templates give without asking for a translation.
_NAME = re.compile(r'\b(title|aria-label|alt)="([A-Z][^"|]*)"')
_CAPTION = 'class="caption-text"'
_ARTICLE = "<!-- the article -->"


@lru_cache(maxsize=1)
def head_script() -> str:
    """Return the inline script of every page's head."""
    return f"<script>{(HERE / 'first_paint.js').read_text(encoding='utf-8')}</script>"


@lru_cache(maxsize=1)
def theme_words() -> frozenset[str]:
    """Return every two-language text that may stand in the page's frame."""
    return frozenset(bilingual(word) for word in TABLE)


def mark_words(frame: str) -> str:
    """Mark the halves of theme words and of part names in a page's frame, so that CSS can pick one.

    Icons that we draw ourselves go; a page whose scripts never run has the colours of the light theme.
    """
    frame = _ICONS.sub("", frame).replace('data-theme="auto"', 'data-theme="light"', 1)
    frame = _NAME.sub(lambda match: f'{match[1]}="{bilingual(match[2]) or match[2]}"', frame)

    def mark(match: re.Match) -> str:
        before, text, after = match.groups()
        if text in theme_words() or match.string.endswith(_CAPTION, 0, match.start()):
            return f">{before}{spans(text)}{after}<"
        return match[0]

    return _TEXT.sub(mark, frame)


class BilingualTemplates(BuiltinTemplateLoader):
    """Sphinx's templates with ``bi("中文 | English")``; all but the article is marked after rendering."""

    def init(self, builder, theme=None, dirs=None) -> None:
        super().init(builder, theme, dirs)
        self.environment.globals["bi"] = spans

    def render(self, template: str, context: dict) -> str:
        frame = mark_words(super().render(template, {**context, "body": _ARTICLE}))
        return frame.replace(_ARTICLE, context.get("body", ""))


def use_templates(app: Sphinx, config) -> None:
    """Name the bridge between Sphinx and its templates."""
    config.template_bridge = f"{__name__}.{BilingualTemplates.__name__}"


def trim_buttons(buttons: list[dict], is_notebook: bool, url: str | None) -> list[dict]:
    """Name the buttons in both languages; leave out those that lead nowhere, and on a page that is no
    notebook those to run or download it."""
    kept = []
    for button in buttons:
        button = {**button, "tooltip": bilingual(str(button.get("tooltip", ""))) or button["tooltip"]}
        if not leads_somewhere(button, url):
            continue
        if not is_notebook and button.get("label") in ("launch-buttons", "download-buttons"):
            continue
        if "buttons" in button:
            button["buttons"] = trim_buttons(button["buttons"], is_notebook, url)
        kept.append(button)
    return kept


def page_context(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Add to a page's context; runs after the theme has."""
    is_notebook = app.env.doc2path(pagename, base=False).endswith(".ipynb")
    if pagename == app.config.root_doc:
        context["title"] = bilingual("Home")
        app.add_css_file("home.css", priority=901)
        app.add_js_file("home.js", loading_method="defer")
    context["metatags"] = head_script() + context.get("metatags", "")
    context["translate"] = lambda word: bilingual(str(word)) or str(word)
    context["root_title"] = spans(bilingual("Home"))
    url = address_of(app.config)
    context["is_published"] = is_published(url)
    context["header_buttons"] = trim_buttons(context.get("header_buttons", []), is_notebook, url)
    context["pagetitle"] = spans(context.get("pagetitle", ""), numbered=True)


def setup(app: Sphinx) -> None:
    """Connect to the page's making; add scripts and style sheets."""
    app.config.templates_path.insert(0, str(HERE / "templates"))
    app.connect("config-inited", use_templates)
    app.connect("html-page-context", page_context, priority=600)
    words = json.dumps({word: bilingual(word) for word in SCRIPT_WORDS}, ensure_ascii=False)
    app.add_js_file(None, body=f"window.bookWords = {words};", priority=20)
    for script in ("lang.js", "labels.js", "scroll.js", "spy.js", "keys.js", "search.js"):
        app.add_js_file(f"bilingual/{script}", loading_method="defer")
    for style in ("lang.css", "icons.css", "layout.css", "print.css"):
        app.add_css_file(f"bilingual/{style}", priority=900)
