"""Figures on the pages of the built book: they appear, follow the language, obey links, and cost other pages nothing."""

from __future__ import annotations

import gzip
import re

import pytest
from book_site import BUILT, PAGES, pause

from rnnlib.widgets import files

pytestmark = pytest.mark.site
PLACE = re.compile(r'data-figure="([\w-]+)"')
HELD = {path: PLACE.findall((BUILT / path).read_text(encoding="utf-8")) for path in PAGES}
WITH = [path for path, names in HELD.items() if names]
READY = "() => [...document.querySelectorAll('figure[data-figure]')].filter((f) => !('ready' in f.dataset)).map((f) => f.dataset.figure + ': ' + (f.dataset.failed || 'waits'))"


def open_all(page) -> None:
    """Unfold what is folded, so that figures inside it appear."""
    page.evaluate("() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")


def test_every_figure_stands_somewhere():
    stand = {name for names in HELD.values() for name in names}
    assert stand == set(files.names())
    numbers = [path for path in WITH if re.match(r"book/(0[1-9]|1[0-5])_", path)]
    assert len(numbers) == 15, "every chapter from 1 to 15 has a figure"


@pytest.mark.parametrize("path", WITH)
def test_figures_appear_from_a_folder(site, path):
    with site.page() as page:
        page.goto((BUILT / path).as_uri() + "?lang=zh")
        open_all(page)
        page.wait_for_function(f"() => ({READY})().length === 0", timeout=30_000)
        assert page.evaluate(READY) == []
        assert page.locator("figure[data-figure] .lang-en").first.is_hidden()
        page.locator(".lang-switch [data-lang=en]").click()
        assert page.locator("figure[data-figure] .lang-en").first.is_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("path", WITH)
def test_figures_fit_a_telephone_in_the_dark(site, path):
    with site.page(path, "?lang=en", viewport={"width": 390, "height": 800}, color_scheme="dark") as page:
        open_all(page)
        page.wait_for_function(f"() => ({READY})().length === 0", timeout=30_000)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_pages_without_figures_load_nothing_of_them():
    for path in set(PAGES) - set(WITH):
        assert "/figures/" not in (BUILT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", WITH)
def test_links_in_the_prose_name_settings_that_exist(site, path):
    """A link that sets a figure of the page sets something, and Back undoes it."""
    with site.page(path, "?lang=en") as page:
        open_all(page)
        page.wait_for_function(f"() => ({READY})().length === 0", timeout=30_000)
        unknown = page.evaluate(
            """() => [...document.querySelectorAll("a.fig-set")].flatMap((link) =>
              Object.entries(Kit.parse(link.getAttribute("href").replace(/^[^#]*/, ""))).flatMap(([id, given]) => {
                const fig = Kit.mounted.get(id);
                if (!fig) return [`${id} is not on the page`];
                return Object.keys(given).filter((key) => !(key in fig.defaults)).map((key) => `${id} has no ${key}`);
              }))"""
        )
        assert unknown == []
        links = page.locator(".lang-en a.fig-set:visible, a.fig-set:visible")
        if not links.count():
            return
        state = "() => JSON.stringify([...Kit.mounted].map(([id, fig]) => [id, fig.values]))"
        before = page.evaluate(state)
        moved = [
            links.nth(i) for i in range(links.count()) if links.nth(i).get_attribute("aria-current") is None
        ]
        if not moved:
            return
        moved[0].click()
        assert page.evaluate(state) != before
        assert moved[0].get_attribute("aria-current") == "true"
        page.go_back()
        pause(page, 100)
        assert page.evaluate(state) == before


def test_a_link_with_a_state_is_a_place_to_start(site):
    path = next(path for path in WITH if "directions" in HELD[path])
    with site.page(path, "?lang=en#directions:n=5") as page:
        page.locator(".fig-directions[data-ready]").wait_for()
        assert '"text":"we wer"' in page.locator(".fig-directions").get_attribute("data-found").replace(
            ": ", ":"
        )
        box = page.locator(".fig-directions").bounding_box()
        assert -50 < box["y"] < 900, "the figure that the link names is in view"


@pytest.mark.parametrize("name", files.names())
def test_figures_are_light(name):
    """Script, style and the data it needs from the start, as a server sends them; the parts come once for all."""
    texts = [files.script(name), files.style(name)]
    texts += [files.packs()[pack].read_text(encoding="utf-8") for pack in files.pack_names(name)]
    assert sum(len(gzip.compress(text.encode())) for text in texts) <= 150_000
    assert len(gzip.compress((files.kit() + files.engine() + files.style("kit")).encode())) <= 80_000
