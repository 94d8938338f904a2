"""What the search puts first, and that a term's names find the same."""

from __future__ import annotations

import re

import pytest
from bilingual.terms import names, read_terms
from book_site import BUILT, CHAPTERS, ROOT

pytestmark = pytest.mark.site


def found(page, site, query: str, lang: str = "zh") -> list[tuple[str, str]]:
    """Return (heading, page#anchor) of every result, best first."""
    site.open(page, "search.html", f"?q={query}&lang={lang}")
    page.locator(".search-summary:not(:empty)").wait_for()
    links = page.locator("#search-results li > a")
    read = "els => els.map(el => [el.innerText, el.getAttribute('href').replace(/[?].*?(#|$)/, '$1')])"
    return [tuple(pair) for pair in links.evaluate_all(read)]


def chapter(number: int) -> str:
    return next(p for p in CHAPTERS if f"/{number:02}_" in p)


def test_names_of_a_term():
    row = {"zh": "长短期记忆网络", "en": "long short-term memory (LSTM)", "symbol": ""}
    assert names(row) == ["长短期记忆网络", "long short-term memory", "lstm"]
    row = {"zh": "困惑度", "en": "perplexity", "symbol": "PPL"}
    assert names(row) == ["困惑度", "perplexity", "ppl"]
    assert names({"zh": "记忆元", "en": "memory cell / cell state", "symbol": "C_t"})[1:] == [
        "memory cell",
        "cell state",
    ]


def test_titles_come_first_and_names_of_a_term_find_the_same(site):
    with site.page() as page:
        for query, number in (("LSTM", 7), ("GRU", 8), ("long short-term memory", 7), ("门控循环单元", 8)):
            heading, link = found(page, site, query)[0]
            assert chapter(number) in link, query
            assert heading.startswith(f"{number} ") and " > " not in heading, heading
        results = [found(page, site, query) for query in ("困惑度", "perplexity", "PPL")]
        assert results[0] == results[1] == results[2]
        assert "#" in results[0][0][1] and "困惑度" in results[0][0][0]
        assert found(page, site, "perplexity", "en")[0][1] == results[0][0][1]


def test_summaries_have_no_tex(site):
    with site.page() as page:
        found(page, site, "W_hh tanh")
        page.locator("#search-results .context.lang-zh").first.wait_for()
        for text in page.locator("#search-results .context").all_text_contents():
            assert not re.search(r"\\[a-z(\[]|[\u2061-\u2064]", text), text


def test_both_languages_in_results_show_a_number_once(site):
    with site.page() as page:
        heading = found(page, site, "GRU", "both")[0][0]
        assert heading.count("8") == 1 and "|" in heading, heading


def test_the_glossary_page_has_every_term():
    html = (BUILT / "book/glossary.html").read_text(encoding="utf-8")
    rows = read_terms(ROOT / "book" / "glossary.tsv")
    assert html.count("<dt ") == len(rows) > 40
    assert all(f'<span class="term-zh">{row["zh"]}</span>' in html for row in rows)
