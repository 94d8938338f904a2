"""A page with one figure and nothing else, opened from a folder, without the book: for tests and pictures.

``python book/_tools/figure_page.py gates`` writes ``_build/figures/gates.html`` and says where it is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from notebooks import ROOT
from rnnlib.widgets import files

STATIC = ROOT / "book" / "_static"
# The theme's colours, as far as the figures take them over.
THEME = """
body { margin: 0; padding: 1rem; font: 16px/1.6 system-ui, sans-serif;
  background: var(--pst-color-background); color: var(--pst-color-text-base);
  --pst-color-background: #fff; --pst-color-text-base: #222832;
  --pst-color-text-muted: #48566b; --pst-color-primary: #1a6391; }
html[data-theme="dark"] body { --pst-color-background: #14181e; --pst-color-text-base: #ced6dd;
  --pst-color-text-muted: #9ca4af; --pst-color-primary: #6cb6e4; }
"""


def page_html(name: str, lang: str = "en", theme: str = "light", values: dict | None = None) -> str:
    """HTML of a page with the figure ``name`` alone."""
    sheets = [STATIC / "bilingual" / "lang.css", *sorted((files.HERE / "css").glob("kit.css"))]
    if files.style(name):
        sheets.append(files.HERE / "css" / f"{name}.css")
    scripts = [files.HERE / "js" / "engine.js"] if files.needs_engine(name) else []
    scripts += sorted((files.HERE / "js" / "kit").glob("*.js"))
    scripts += [files.HERE / "js" / "figures" / f"{name}.js", files.HERE / "js" / "page.js"]
    packs = {pack: path.as_uri() for pack, path in files.packs().items()}
    links = "".join(f'<link rel="stylesheet" href="{sheet.as_uri()}">' for sheet in sheets)
    tags = "".join(f'<script defer src="{script.as_uri()}"></script>' for script in scripts)
    state = json.dumps(values or {}).replace("'", "&#39;")
    code = "en" if lang == "en" else "zh-CN"
    return (
        f'<!DOCTYPE html><html lang="{code}" data-booklang="{lang}" data-theme="{theme}"><head>'
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title>{links}<style>{THEME}</style>"
        f"<script>window.figurePacks = {json.dumps(packs)};</script>{tags}</head>"
        f'<body><main class="bd-article"><h1>{name}</h1>'
        f'<figure class="fig fig-{name}" data-figure="{name}" data-values=\'{state}\'></figure>'
        "</main></body></html>"
    )


def write_page(folder: Path, name: str, **options) -> str:
    """Write the page into a folder; its file:// address."""
    path = folder / f"{name}.html"
    path.write_text(page_html(name, **options), encoding="utf-8")
    return path.as_uri()


if __name__ == "__main__":
    folder = ROOT / "_build" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    for figure in sys.argv[1:] or files.names():
        print(write_page(folder, figure, lang="both"))
