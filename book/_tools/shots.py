"""Pictures of every figure in every mode, and one sheet with all of them: `make shots`.

Written to ``_build/shots/``: NAME-LANG-SCHEME-WIDTH.png, and ``index.html`` that shows them side by side.
"""

from __future__ import annotations

import os
import shutil
import sys
from itertools import product
from pathlib import Path

from figure_page import write_page

from notebooks import ROOT
from rnnlib.widgets import files

MODES = list(product(("zh", "en"), ("light", "dark"), (1280, 390)))
NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Take the pictures of the figures that are named, or of all; 0 if every figure could be shown."""
    from playwright.sync_api import sync_playwright

    folder = ROOT / "_build" / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, (os.environ.get("CHROMIUM") or "", *NAMES))), None)
    if found is None:
        print("没有找到 Chromium | no Chromium found: install one, or set CHROMIUM.", file=sys.stderr)
        return 1
    names, failed = sys.argv[1:] or list(files.names()), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, (lang, scheme, width) in product(names, MODES):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(write_page(folder, name, lang=lang, theme=scheme))
            try:
                page.locator(f".fig-{name}[data-ready]").wait_for(timeout=20_000)
                page.wait_for_timeout(400)
            except Exception:
                failed.append(f"{name}-{lang}-{scheme}-{width}")
            page.screenshot(path=folder / f"{name}-{lang}-{scheme}-{width}.png", full_page=True)
            page.close()
        browser.close()
    sheet = folder / "index.html"
    sheet.write_text(contact_sheet(folder), encoding="utf-8")
    print(f"图在这里 | The pictures are here: {sheet.as_uri()}")
    for name in failed:
        print(f"没有显示 | not shown: {name}", file=sys.stderr)
    return bool(failed)


def contact_sheet(folder: Path) -> str:
    """A page with all pictures, a row for each figure."""
    rows = []
    for name in files.names():
        shots = [f"{name}-{lang}-{scheme}-{width}.png" for lang, scheme, width in MODES]
        images = "".join(
            f'<figure><img src="{shot}" loading="lazy"><figcaption>{shot[:-4]}</figcaption></figure>'
            for shot in shots
            if (folder / shot).exists()
        )
        rows.append(f"<h2>{name}</h2><div>{images}</div>")
    style = "div{display:flex;gap:1rem;overflow-x:auto;align-items:start}img{height:26rem}figure{margin:0}"
    return f"<!DOCTYPE html><meta charset='utf-8'><title>shots</title><style>{style}</style>{''.join(rows)}"


if __name__ == "__main__":
    sys.exit(main())
