"""Pictures of every figure in every mode, one sheet with all of them, and what each costs: `make shots`.

Written to ``_build/shots/``: NAME-LANG-SCHEME-WIDTH.png, and ``index.html`` that shows them side by side.
Printed: kB of each figure with its first data, plain and with gzip, and milliseconds from the page's start
to its first frame (median over the modes, lowest and highest).
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
from itertools import product
from pathlib import Path
from statistics import median

from figure_page import write_page

from notebooks import ROOT
from rnnlib.widgets import files

MODES = list(product(("zh", "en"), ("light", "dark"), (1280, 390)))
FIRST_FRAME = "name => performance.getEntriesByName(name)[0].startTime"
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
    names, failed, first = sys.argv[1:] or list(files.names()), [], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, (lang, scheme, width) in product(names, MODES):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(write_page(folder, name, lang=lang, theme=scheme))
            try:
                page.locator(f".fig-{name}[data-ready]").wait_for(timeout=20_000)
                first.setdefault(name, []).append(page.evaluate(FIRST_FRAME, f"figure:{name}"))
                page.wait_for_timeout(400)
            except Exception:
                failed.append(f"{name}-{lang}-{scheme}-{width}")
            page.screenshot(path=folder / f"{name}-{lang}-{scheme}-{width}.png", full_page=True)
            page.close()
        browser.close()
    sheet = folder / "index.html"
    sheet.write_text(contact_sheet(folder), encoding="utf-8")
    print(f"{'':12}{'kB':>8}{'gzip':>8}{'ms':>8}")
    for name, times in first.items():
        plain, packed = weight(name)
        spread = f"({min(times):.0f}–{max(times):.0f})"
        print(f"{name:12}{plain / 1000:8.1f}{packed / 1000:8.1f}{median(times):8.0f}  {spread}")
    plain, packed = weigh([files.kit(), files.engine(), files.style("kit")])
    print(f"{'kit, engine':12}{plain / 1000:8.1f}{packed / 1000:8.1f}")
    print(f"图在这里 | The pictures are here: {sheet.as_uri()}")
    for name in failed:
        print(f"没有显示 | not shown: {name}", file=sys.stderr)
    return bool(failed)


def weigh(texts: list[str]) -> tuple[int, int]:
    """Bytes of files, plain and as a server sends them with gzip."""
    found = [text.encode() for text in texts]
    return sum(map(len, found)), sum(len(gzip.compress(text)) for text in found)


def weight(name: str) -> tuple[int, int]:
    """Bytes of a figure's script, style and first data; the parts that all figures share are not in them."""
    data = [files.packs()[pack].read_text(encoding="utf-8") for pack in files.pack_names(name)]
    return weigh([files.script(name), files.style(name), *data])


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
