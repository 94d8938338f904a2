"""What a first visit costs: bytes over the wire, compressed as servers do."""

from __future__ import annotations

import gzip
import re
from urllib.parse import urlsplit

import pytest
from book_site import BUILT, PAGES, settle

pytestmark = pytest.mark.site
HOME_KB, CHAPTER_KB = 350, 1300
PACKED = {".html", ".css", ".js", ".svg", ".json", ".ipynb"}  # pictures and fonts are compressed already


def cost(path: str) -> int:
    """Return the bytes of a file, compressed where that helps."""
    data = (BUILT / path.lstrip("/")).read_bytes()
    return len(gzip.compress(data, 6)) if any(path.endswith(suffix) for suffix in PACKED) else len(data)


def test_a_first_visit_is_light(site):
    """Everything a page asks for, scrolled to its end, in an empty cache."""
    weights = {}
    for path in PAGES:
        with site.page() as page:
            asked = set()
            page.on("request", lambda request, asked=asked: asked.add(urlsplit(request.url).path))
            site.open(page, path, "?lang=zh")
            page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
            page.wait_for_load_state("networkidle")
            settle(page)
            weights[path] = sum(cost(name) for name in asked if (BUILT / name.lstrip("/")).is_file()) / 1000
    print({path: round(kb) for path, kb in weights.items()})
    assert weights.pop("book/index.html") <= HOME_KB
    assert {path: kb for path, kb in weights.items() if kb > CHAPTER_KB} == {}


def test_no_icon_or_formula_script_and_every_icon_is_drawn():
    """The theme's names of icons all have a picture in our style sheet."""
    ours = set(re.findall(r"\.(fa-[a-z-]+) \{\s*--icon", (BUILT / "_static/bilingual/icons.css").read_text()))
    sizes = {"fa-lg", "fa-solid", "fa-brands", "fa-regular"}
    for path in [*PAGES, "search.html"]:
        html = (BUILT / path).read_text(encoding="utf-8")
        assert "fontawesome" not in html and "tex-svg" not in html, path
        frame = re.sub(r"<article.*</article>", "", html, flags=re.DOTALL)
        named = set(re.findall(r"\bfa-[a-z-]+", frame))
        assert named - ours - sizes == set(), path
