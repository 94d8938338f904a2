"""axe-core on every page: nothing that it calls a violation."""

from __future__ import annotations

from pathlib import Path

import pytest
from book_site import PAGES, settle

pytestmark = pytest.mark.site
# Every page in two views, so that each language, scheme and width meets each page; one chapter in all others.
VIEWS = [("zh", "light", 1280), ("en", "dark", 390)]
CHAPTER = "book/03_rnn_scratch.html"
MORE = [("both", "dark", 1280), ("both", "light", 390), ("en", "light", 390), ("zh", "dark", 1280)]
# What says nothing new, for speed: tokens of a kind already met in code, formulas after the first twenty in
# lines of text, the inside of hidden drawings. Columns of an output stay: they keep its two languages apart.
THIN = """() => {
  const times = {};
  for (const token of document.querySelectorAll("pre span[class]")) {
    times[token.className] = (times[token.className] || 0) + 1;
    const kept = token.matches("[class*=lang-], .column");
    if (times[token.className] > 3 && !kept) token.replaceWith(token.textContent);
  }
  const formulas = [...document.querySelectorAll("span.math > math")];
  formulas.slice(20).forEach((el) => el.replaceWith(el.textContent));
  document.querySelectorAll("svg[aria-hidden=true] > *").forEach((part) => part.remove());
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, as its Python package brings it."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page, axe: str) -> list[str]:
    """Return what axe-core finds: rule, element, reason."""
    page.evaluate(THIN)
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, {preload: false, resultTypes: ['violations']})")[
        "violations"
    ]
    return [
        f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


def found_in(site, axe: str, paths: list[str], view: tuple[str, str, int]) -> dict[str, list[str]]:
    """Return the violations of each page in one view that has any."""
    lang, scheme, width = view
    poor = {}
    with site.page(color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        for path in paths:
            query = "?q=RNN&lang=" if path == "search.html" else "?lang="
            site.open(page, path, query + lang)
            if path == "search.html":
                page.locator(".search-summary:not(:empty)").wait_for()
            page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
            settle(page)
            if result := violations(page, axe):
                poor[path] = result
    return poor


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_no_page_has_a_violation(site, axe, view):
    assert found_in(site, axe, [*PAGES, "search.html"], view) == {}


@pytest.mark.parametrize("view", MORE, ids=lambda view: "-".join(map(str, view)))
def test_a_chapter_has_none_in_other_views(site, axe, view):
    assert found_in(site, axe, [CHAPTER], view) == {}


def test_axe_finds_a_violation_where_there_is_one(site, axe):
    """The test can fail: a button without a name."""
    with site.page("book/index.html") as page:
        page.evaluate("() => document.querySelector('main').append(document.createElement('button'))")
        assert any(line.startswith("button-name") for line in violations(page, axe))
