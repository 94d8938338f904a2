"""The language switch: what it moves, what it remembers, who can use it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from bilingual.search import query_tokens
from bilingual.split import split_words
from book_site import BUILT, CHAPTERS, PAGES, pause, probe

pytestmark = pytest.mark.site
CHAPTER = CHAPTERS[0]
PLACES = {
    "body": ".bd-article .lang-block",
    "headings": ".bd-article :is(h1, h2)",
    "side bar": ".bd-links a",
    "parts": ".bd-links .caption-text",
    "page contents": ".bd-sidebar-secondary .page-toc a",
    "page contents' name": ".bd-sidebar-secondary .onthispage",
    "brand": ".book-brand",
    "search button": ".search-button__default-text",
    "previous and next": ".prev-next-title",
    "previous and next, above": ".prev-next-subtitle",
    "footer": ".book-footer",
}


def shows(page, place: str) -> tuple[bool, bool]:
    """Whether Chinese, and whether English, is on show in a place."""
    return tuple(
        probe(page, "onShow", f"{place}.lang-{code}, {place} .lang-{code}") > 0 for code in ("zh", "en")
    )


def choose(page, lang: str) -> None:
    page.locator(f".lang-switch [data-lang={lang}]").click()


@pytest.mark.parametrize("place", PLACES)
def test_the_switch_moves(site, place):
    with site.page(CHAPTER) as page:
        for lang, wanted in {"zh": (True, False), "en": (False, True), "both": (True, True)}.items():
            choose(page, lang)
            assert shows(page, PLACES[place]) == wanted, lang


def test_title_and_document_language_follow(site):
    with site.page(CHAPTER, "?lang=both") as page:
        both = page.title()
        choose(page, "zh")
        zh = page.title()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        choose(page, "en")
        assert page.locator("html").get_attribute("lang") == "en"
        assert not any("\u3400" <= c <= "\u9fff" for c in page.title())
        assert both.count(" | ") == 2 and " | " not in zh + page.title() and zh != page.title()
        pressed = page.locator(".lang-switch [aria-pressed=true]")
        assert pressed.count() == 1 and pressed.get_attribute("data-lang") == "en"


@pytest.mark.parametrize(
    "query, stored, locale, lang",
    [
        ("?lang=zh", "en", "en-US", "zh"),
        ("?lang=en", "zh", "zh-CN", "en"),
        ("", "zh", "en-US", "zh"),
        ("", "both", "en-US", "both"),
        ("", None, "zh-TW", "zh"),
        ("", None, "en-GB", "en"),
        ("", None, "fr-FR", "en"),
        ("?lang=nonsense", "nonsense", "zh-CN", "zh"),
    ],
)
def test_the_first_paint_is_in_the_right_language(site, query, stored, locale, lang):
    """The inline script alone decides: every other script is kept away."""
    with site.context(locale=locale) as context:
        if stored:
            context.add_init_script(f"localStorage.setItem('bookLang', {stored!r})")
        page = context.new_page()
        page.route("**/*.js*", lambda route: route.abort())
        page.goto(site.base + CHAPTER + query)
        assert page.locator("html").get_attribute("data-booklang") == lang
        wanted = {"zh": (True, False), "en": (False, True), "both": (True, True)}[lang]
        for place in PLACES:
            if place not in ("search button",):  # written by a script of the theme
                assert shows(page, PLACES[place]) == wanted, place


def test_without_scripts_both_languages_show(site):
    with site.page(CHAPTER, java_script_enabled=False) as page:
        blocks = page.locator(".bd-article .lang-block")
        assert all(blocks.nth(i).is_visible() for i in range(min(blocks.count(), 12)))
        assert (
            page.locator("article h1 .lang-zh").is_visible()
            and page.locator("article h1 .lang-en").is_visible()
        )
        assert not page.locator(".lang-switch").is_visible()


def test_the_choice_is_remembered(site):
    with site.page(CHAPTER) as page:
        choose(page, "both")
        page.goto(site.base + "book/index.html")
        assert page.locator("html").get_attribute("data-booklang") == "both"
        assert "lang=" not in page.url


def test_a_choice_in_the_address_is_carried_and_changes_with_the_switch(site):
    with site.page(CHAPTER, "?lang=zh") as page:
        choose(page, "en")
        assert "lang=en" in page.url
        page.locator(".book-brand").click()
        page.wait_for_url("**/index.html?lang=en")
        page.locator(".chapter-path a").first.click()
        page.wait_for_url("**?lang=en")


def test_forbidden_storage_breaks_nothing(site):
    getter = "{configurable: true, get() { throw new DOMException('no'); }}"
    forbid = f"Object.defineProperty(window, 'localStorage', {getter})"
    with site.page() as page:
        page.add_init_script(forbid)
        site.open(page, CHAPTER)
        choose(page, "zh")
        page.locator(".book-brand").click()
        page.wait_for_url("**/index.html?lang=zh")
        assert page.locator("html").get_attribute("data-booklang") == "zh"


@pytest.mark.parametrize("start, then", [("zh", "en"), ("en", "zh"), ("both", "en"), ("zh", "both")])
def test_the_reader_keeps_the_place(site, start, then):
    with site.page(CHAPTER, f"?lang={start}") as page:
        page.add_style_tag(content="* { overflow-anchor: none !important; }")  # some browsers have none
        code = "en" if start == "en" else "zh"
        box = "el => el.getBoundingClientRect().top"
        blocks = page.locator(f".bd-article .lang-block.lang-{code}")
        mine = blocks.nth(blocks.count() * 2 // 3)
        mine.evaluate(
            "el => window.scrollBy({top: el.getBoundingClientRect().top - 90, behavior: 'instant'})"
        )
        pause(page, 150)
        before = mine.evaluate(box)
        seen = mine
        if then not in (start, "both") and then != code:
            step = "nextElementSibling" if code == "zh" else "previousElementSibling"
            seen = mine.evaluate_handle(f"el => el.{step}").as_element()
        button = page.locator(f".lang-switch [data-lang={then}]").bounding_box()
        page.mouse.click(button["x"] + 5, button["y"] + 5)  # Locator.click would scroll by itself
        pause(page, 150)
        assert abs(seen.evaluate(box) - before) < 12


def test_the_keyboard_operates_the_switch(site):
    with site.page(CHAPTER, "?lang=en") as page:
        reached = (
            "() => document.activeElement.closest('.lang-switch') ? document.activeElement.dataset.lang : ''"
        )
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(reached):
                break
        assert page.evaluate(reached) == "zh"
        focused = "getComputedStyle(document.activeElement)"
        outline = page.evaluate(f"() => [{focused}.outlineStyle, parseFloat({focused}.outlineWidth)]")
        assert outline[0] != "none" and outline[1] >= 2
        page.keyboard.press("Enter")
        assert page.locator("html").get_attribute("data-booklang") == "zh"
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.locator("html").get_attribute("data-booklang") == "both"


QUERIES = ["循环神经网络", "隐状态", "困惑度", "hidden state", "perplexity"]


def search(page, query: str) -> list[str]:
    """Type into the theme's own box; return the links that it finds."""
    field = page.locator(".bd-search-container input[name=q]")
    if not field.count():
        page.locator(".search-button-field").click()
        field = page.locator(".search-button__search-container input[name=q]")
    field.fill(query)
    field.press("Enter")
    page.locator(".search-summary:not(:empty)").wait_for()
    return page.locator("#search-results li > a").evaluate_all("els => els.map(el => el.href)")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_search_finds_pages_and_answers_in_the_language(site, lang):
    with site.page(CHAPTER, f"?lang={lang}") as page:
        for query in QUERIES:
            found = search(page, query)
            assert any(name in link for link in found for name in PAGES), query
            heading = page.locator("#search-results li > a").first.inner_text()
            chinese = any("\u3400" <= c <= "\u9fff" for c in heading)
            assert chinese == (lang == "zh"), heading
            summary = page.locator(f"#search-results .context.lang-{lang}").first
            summary.wait_for()
            assert not page.locator(
                f"#search-results .lang-{'en' if lang == 'zh' else 'zh'}"
            ).first.is_visible()
            if query in QUERIES[:3] and query in summary.inner_text():
                summary.locator(".highlighted", has_text=query).first.wait_for()
            assert "resultCount" not in page.locator("#search-results").inner_text()


def test_nonsense_is_not_found(site):
    with site.page(CHAPTER, "?lang=zh") as page:
        assert search(page, "魑魅魍魉") == []
        assert "没有找到" in page.locator(".search-summary").inner_text()


@pytest.mark.parametrize(
    "query",
    ["constructor", "constructors", "__proto__", "toString", "hasOwnProperty", "valueOf", "-constructor"],
)
def test_what_every_object_inherits_is_no_result(site, query):
    with site.page(CHAPTER, "?lang=en") as page:
        found = search(page, query)
        assert all((BUILT / urlsplit(link).path.lstrip("/")).is_file() for link in found), found
        said = page.locator(".search-summary").inner_text()
        assert said == (f"Results found: {len(found)}." if found else "No page matches. Try a shorter word.")


def replace(page, script: str, source: str) -> None:
    """Serve another text in place of one of the book's scripts."""
    page.route(f"**/{script}*", lambda route: route.fulfill(body=source, content_type="text/javascript"))


@pytest.mark.parametrize(
    "name", ["_index", "setIndex", "htmlToText", "makeSearchSummary", "_parseQuery", "_performSearch"]
)
def test_the_search_of_another_sphinx_is_left_as_it_is(site, name):
    """With one of its private names changed, Sphinx's script still finds pages, and we say so once."""
    with site.page() as page:
        for script in ("_static/searchtools.js", "searchindex.js"):
            source = (BUILT / script).read_text(encoding="utf-8")
            changed = re.sub(rf"\b{name}\b", f"{name}2", source)
            assert changed != source or script == "searchindex.js"
            replace(page, script, changed)
        said = []
        page.on(
            "console",
            lambda message: said.append(message.text) if "Sphinx's search" in message.text else None,
        )
        site.open(page, "search.html", "?q=perplexity&lang=en")
        page.locator(".search-summary", has_text="Results found").wait_for()
        assert page.locator("#search-results li > a").count() > 3
        page.locator("#search-results .context").first.wait_for()
        assert [f"(no {name})" in text for text in said if "Sphinx's search has changed" in text] == [True]


def test_the_page_cuts_queries_and_texts_as_the_build_does(site):
    with site.page("search.html") as page:
        for query in [
            *QUERIES,
            "RNN 的隐状态",
            "词",
            "H_t 与 x2",
            "GRU/LSTM（门控）",
            "naïve café",
            "",
            "  ",
            "a|b 困惑度28",
        ]:
            assert page.evaluate("q => splitQuery(q)", query) == query_tokens(query), query
        for text in ["搜索 | Search", "P(x | y)", "甲 | A | B", " 目录 | Contents ", "甲 |", "搜索"]:
            halves = split_words(text)
            assert page.evaluate("t => bookLabels.split(t)", text) == (list(halves) if halves else None), text


def test_pages_opened_as_files_work(site):
    with site.page() as page:
        site.open(page, (BUILT / CHAPTER).as_uri(), "?lang=zh")
        assert page.locator("math").count() > 0
        choose(page, "en")
        assert shows(page, ".bd-article .lang-block") == (False, True)
        page.locator(".book-brand").click()
        page.wait_for_url("**/index.html?lang=en")
        for query in QUERIES:
            assert search(page, query), query
        link = page.locator("#search-results li > a").first
        link.click()
        page.wait_for_url("**lang=en*")
        assert page.locator("html").get_attribute("data-booklang") == "en"
