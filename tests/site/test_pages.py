"""Every page of the built book, in each language: what shows, what does not, what it asks for."""

from __future__ import annotations

import re

import pytest
from bilingual.address import is_published
from book_site import BUILT, CHAPTERS, PAGES, ROOT, probe
from bs4 import BeautifulSoup

from notebooks import public_address

pytestmark = pytest.mark.site
ALL = [*PAGES, "search.html"]
PUBLISHED = is_published(public_address())


def test_there_are_pages():
    assert "book/index.html" in PAGES and CHAPTERS


@pytest.mark.parametrize("path", ALL)
def test_each_language_alone(site, path):
    with site.page(path, "?lang=zh") as page:
        for lang in ("zh", "en"):
            page.locator(f".lang-switch [data-lang={lang}]").click()
            page.mouse.move(0, 400)
            assert probe(page, "strays", lang) == []


@pytest.mark.parametrize("path", ALL)
def test_no_markup_shows(path):
    page = BeautifulSoup((BUILT / path).read_text(encoding="utf-8"), "html.parser")
    for code in page.select("pre, code, script, style, .math"):
        code.decompose()
    assert re.findall(r"</?[a-z]+\b[^<>]*>|&#?\w+;", page.get_text()) == []


def test_folded_cells_open_in_the_language_of_the_reader(site):
    path = next((p for p in CHAPTERS if "tag_hide-input" in (BUILT / p).read_text(encoding="utf-8")), None)
    if path is None:
        pytest.skip("no chapter folds its code")
    with site.page(path, "?lang=zh") as page:
        summary = page.locator(".tag_hide-input summary").first
        for lang, words in (("zh", ["显示代码", "收起代码"]), ("en", ["Show the code", "Hide the code"])):
            page.locator(f".lang-switch [data-lang={lang}]").click()
            for word in words:
                assert summary.inner_text().strip() == word
                summary.click()


@pytest.mark.parametrize("path", ALL)
def test_phone_width_has_no_sideways_scroll(site, path):
    with site.page(path, "?lang=zh", viewport={"width": 360, "height": 740}) as page:
        for lang in ("zh", "en", "both"):
            page.locator(f".lang-switch [data-lang={lang}]").click()
            assert probe(page, "tooWide") <= 0, lang


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["book/index.html", *CHAPTERS[:2], "search.html"])
def test_text_can_be_read(site, path, theme):
    with site.page(path, "?lang=both&q=RNN", color_scheme=theme) as page:
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        page.add_style_tag(content="* { transition: none !important; }")
        assert probe(page, "lowContrast") == {}


@pytest.mark.parametrize("path", PAGES)
def test_images_are_described_in_both_languages(path):
    html = (BUILT / path).read_text(encoding="utf-8")
    for image in re.findall(r"<img[^>]*>", html):
        alt = re.search(r'alt="([^"]*)"', image)
        assert alt, image
        if "_images/" in image:
            assert re.search(r"[\u3400-\u9fff].* \| .*[A-Za-z]", alt[1]), (
                f"alt needs '中文 | English': {image}"
            )


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_can_be_downloaded_and_run(site, path):
    notebook = path.replace(".html", ".ipynb")
    assert (ROOT / notebook).exists()
    with site.page(path) as page:
        href = page.locator(".btn-download-source-button").evaluate("el => el.href")
        assert href.endswith(notebook)
        assert page.request.get(href).json()["cells"]
        links = page.locator(".dropdown-launch-buttons a").evaluate_all("els => els.map(el => el.href)")
        colab = [
            link
            for link in links
            if "colab.research.google.com/github/" in link and link.endswith("/" + notebook)
        ]
        elsewhere = page.locator(".btn-source-repository-button, .btn-source-issues-button").count()
        assert (len(colab), elsewhere) == ((1, 2) if PUBLISHED else (0, 0))


@pytest.mark.parametrize("path", ALL)
def test_nothing_leads_to_an_address_that_is_not_there(path):
    frame = re.sub(r"<pre.*?</pre>", "", (BUILT / path).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert PUBLISHED or f'href="{public_address()}' not in frame


def test_the_home_page_offers_nothing_to_run(site):
    with site.page("book/index.html") as page:
        assert page.locator(".dropdown-launch-buttons, .dropdown-download-buttons").count() == 0
        assert page.locator(".btn-source-repository-button").count() == PUBLISHED


def test_links_between_pages_lead_somewhere(site):
    """Previous, next, side bar, contents of the page, links in the text."""
    html = {path: (BUILT / path).read_text(encoding="utf-8") for path in ALL}
    for path, text in html.items():
        for href in re.findall(r'<a [^>]*href="([^":]*)"', text):
            name, _, anchor = href.partition("#")
            target = (BUILT / path).parent.joinpath(name).resolve() if name else BUILT / path
            assert target.exists(), f"{path}: {href}"
            if anchor and target.suffix == ".html":
                assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{path}: {href}"


def test_previous_and_next_join_all_pages(site):
    with site.page("book/index.html") as page:
        seen = [page.url.rpartition("book/")[2]]
        while page.locator("a.right-next").count():
            page.goto(page.locator("a.right-next").evaluate("el => el.href"))
            seen.append(page.url.rpartition("book/")[2])
            assert len(seen) <= len(PAGES)
        assert sorted(f"book/{name}" for name in seen) == sorted(PAGES)
        assert page.locator("a.left-prev").evaluate("el => el.href").endswith(seen[-2])


def test_the_entry_page_leads_to_the_book(site):
    with site.page("index.html", "?lang=en") as page:
        page.wait_for_url("**/book/index.html?lang=en")
        assert page.locator("html").get_attribute("lang") == "en"


def test_the_home_figure_reacts(site):
    with site.page("book/index.html") as page:
        state = "() => [...document.querySelectorAll('.memory rect')].map(r => r.getAttribute('fill')).join()"
        before = page.evaluate(state)
        page.locator(".memory button").click()
        assert page.locator(".memory input").input_value() != "the time machine"
        changed = page.evaluate(state)
        assert changed != before
        page.locator(".memory input").fill("ab")
        assert page.locator(".memory").get_attribute("data-letters") == "2"
        page.locator(".memory input").fill("")
        assert page.locator(".memory rect").count() == 0
