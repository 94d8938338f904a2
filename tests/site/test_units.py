"""The book's Sphinx extension, without a browser: splitting, search tokens, the hook into MyST-NB."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import nbformat
import pytest
from bilingual.cells import cell_language, tagged_cells
from bilingual.search import SearchChineseEnglish, index_tokens, query_tokens
from bilingual.split import split_children, split_text, split_words
from bilingual.words import TABLE, Words, bilingual, spans
from book_site import ROOT
from docutils import nodes

from cover import LINE, covered


def inline(*parts: str) -> list[nodes.Node]:
    """Inline nodes: ``code`` in backquotes, mathematics in dollars, anything else plain."""
    kinds = {"`": nodes.literal, "$": nodes.math}
    return [kinds[p[0]]("", p[1:-1]) if p[0] in kinds else nodes.Text(p) for p in parts]


def texts(found: list[nodes.Node]) -> str:
    return "".join(node.astext() for node in found)


@pytest.mark.parametrize(
    "parts, zh, en",
    [
        (["隐状态 | Hidden state"], "隐状态", "Hidden state"),
        (["`nn.RNN`", " 的形状 | Shapes of ", "`nn.RNN`"], "nn.RNN 的形状", "Shapes of nn.RNN"),
        (["`a`", " | ", "`b`"], "a", "b"),
        (["概率 ", "$P(x | y)$", " | Probability ", "$P(x | y)$"], "概率 P(x | y)", "Probability P(x | y)"),
        (["用 ", "`x | y`", " | With ", "`x | y`"], "用 x | y", "With x | y"),
    ],
)
def test_titles_split_at_the_bar_in_plain_text(parts, zh, en):
    left, right = split_children(inline(*parts))
    assert (texts(left), texts(right)) == (zh, en)


def test_a_title_without_a_bar_stays_whole():
    assert split_children(inline("PyTorch")) is None
    assert split_children(inline("`a | b`")) is None


@pytest.mark.parametrize("parts", [["甲 | A | B"], ["甲 | A ", "`x`", " | B"], [" | A"], ["甲 | "]])
def test_titles_that_cannot_be_split_are_refused(parts):
    with pytest.raises(ValueError):
        split_children(inline(*parts))


def test_plain_texts_split():
    assert split_text(" 目录 | Contents ") == ("目录", "Contents")
    assert split_text("a | b | c") is split_text("a |") is split_text("no bar") is None
    assert split_words("搜索 | Search") == ("搜索", "Search")
    assert split_words("P(x | y)") is split_words("x | y") is None


def test_index_holds_what_a_query_asks_for():
    text = "循环神经网络（RNN）的隐状态 H_t，perplexity 困惑度 28.01；词"
    for query in ("循环神经网络", "隐状态", "困", "词", "RNN", "perplexity 困惑度", "神经", "H_t"):
        assert set(query_tokens(query)) <= set(index_tokens(text)), query
    assert not set(query_tokens("神网")) <= set(index_tokens(text))
    assert query_tokens("隐状态space") == ["隐状", "状态", "space"]


def test_single_characters_are_not_filtered_and_english_is_stemmed():
    language = SearchChineseEnglish({})
    assert language.word_filter("词") and language.word_filter("隐状") and not language.word_filter("the")
    assert language.stem("networks") == language.stem("Network")


def test_every_theme_word_has_two_halves():
    for word in TABLE:
        assert split_text(bilingual(word)), word
    assert bilingual(bilingual("Search")) == bilingual("Search") == "搜索 | Search"
    assert bilingual("A word nobody has seen") is None
    assert 'class="lang-zh"' in spans("搜索 | Search") and spans("<b>") == "&lt;b&gt;"


def test_an_unknown_theme_word_is_a_warning(caplog):
    assert Words().gettext("A word nobody has seen") == "A word nobody has seen"
    assert "has no Chinese twin" in caplog.text


# A small book, built by Sphinx in a process of its own, because the hook changes MyST-NB for good.
CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "bilingual"{more}]
nb_execution_mode = "off"
html_theme = "basic"
smartquotes = False
myst_enable_extensions = ["colon_fence", "dollarmath"]
"""
BREAKER = """
from myst_nb.sphinx_ import SphinxNbRenderer
def setup(app):
    SphinxNbRenderer.render_nb_cell_markdown = lambda self, token: self.render_children(token)
"""


def markdown(source: str, *tags: str) -> dict:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)}, "source": source}


def build(folder, cells: list[dict], broken: bool = False, conf: str = ""):
    """Build a one-notebook book; return the finished process and the page."""
    notebook = {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "index.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (folder / "breaker.py").write_text(BREAKER)
    more = ', "breaker"' if broken else ""
    conf = CONF.format(ext=str(ROOT / "book" / "_ext"), more=more) + conf
    conf += f"sys.path.insert(0, {str(folder)!r})\n"
    (folder / "conf.py").write_text(conf)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    page = folder / "out" / "index.html"
    return done, page.read_text(encoding="utf-8") if page.exists() else ""


def code(source: str, *tags: str) -> dict:
    cell = {"cell_type": "code", "source": source, "outputs": [], "execution_count": None}
    return {**cell, "metadata": {"tags": list(tags)}}


TWO = [markdown("# 题 | Title"), markdown("中文", "lang-zh"), markdown("English", "lang-en")]


ARTICLE = """<p><img alt="Home" title="Search" src="a.png"> <b>搜索 | Search</b></p>

Search, `首页 | Home`"""


@pytest.fixture(scope="module")
def small_book(tmp_path_factory):
    """What Sphinx said and the page it made of good cells and of two that are not."""
    cells = [
        *TWO,
        markdown(":::{note}\n注\n:::", "lang-zh"),
        markdown(":::{note}\nn\n:::", "lang-en"),
        markdown("before\n\n## 甲 | A\n\nafter", "lang-en"),
        markdown("## 乙 | B | C"),
        markdown(ARTICLE, "lang-zh"),
        markdown(ARTICLE, "lang-en"),
        code("x = 1", "hide-input"),
        code("y = 2", "hide-cell"),
    ]
    done, page = build(tmp_path_factory.mktemp("book"), cells)
    assert done.returncode == 0, done.stderr
    return done.stderr, page


def test_tagged_cells_become_blocks(small_book):
    _, page = small_book
    assert '<div class="lang-block lang-zh" lang="zh-CN">\n<p>中文</p>' in page
    assert '<div class="lang-block lang-en" lang="en">\n<p>English</p>' in page
    assert '<h1><span class="lang-zh" lang="zh-CN">题</span>' in page


def test_admonitions_in_a_block_have_one_name(small_book):
    _, page = small_book
    assert '<p class="admonition-title">备注</p>' in page and '<p class="admonition-title">Note</p>' in page


def test_theme_words_in_the_article_stay_as_they_are(small_book):
    _, page = small_book
    assert page.count('<p><img alt="Home" title="Search" src="a.png"> <b>搜索 | Search</b></p>') == 2
    assert page.count("<p>Search, <code") == 2 and page.count('<span class="pre">首页</span>') == 2


def test_folded_cells_open_in_both_languages(small_book):
    _, page = small_book
    folds = re.findall(r"<summary>\n(.*)\n(.*)\n</summary>", page)
    wanted = [
        tuple(
            f'<p class="{state} admonition-title">{spans(bilingual(f"{verb} code cell {kind}"))}</p>'
            for state, verb in (("collapsed", "Show"), ("expanded", "Hide"))
        )
        for kind in ("source", "content")
    ]
    assert folds == wanted


def test_a_heading_is_never_wrapped_and_is_reported(small_book):
    said, page = small_book
    assert "a heading stands in a cell tagged lang-en" in said
    before, after = page.split("<h2>")[:2]
    assert '<div class="lang-block lang-en" lang="en">\n<p>before</p>\n</div>' in before
    assert before.count('<div class="lang-block') == 5 and '<section id="a">' in before
    assert '<div class="lang-block lang-en" lang="en">\n<p>after</p>' in after


def test_ambiguous_titles_are_reported(small_book):
    assert "expected one ' | '" in small_book[0]


def test_the_cover_of_a_notebook_stays_out_of_the_page(tmp_path):
    """With it and without it the page is the same; a cell with nothing else under it has no output."""
    guess = code("print(42)", "predict")
    guess["metadata"] |= {"guess": {"kind": "open", "ask": "多少？ | How many?"}}
    guess["metadata"]["jupyter"] = {"outputs_hidden": True}
    guess["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "42\n"}]
    cover = covered(nbformat.from_dict(guess))[0]
    pages = []
    for name, outputs in {"without": guess["outputs"], "with": [cover, *guess["outputs"]]}.items():
        (tmp_path / name).mkdir()
        cells = [*TWO, {**guess, "outputs": outputs}, {**code("x"), "outputs": [cover] * (name == "with")}]
        done, page = build(tmp_path / name, cells)
        assert done.returncode == 0, done.stderr
        pages.append(page)
    assert LINE not in pages[1] and "42" in pages[1] and pages[1].count("cell_output") == 1
    assert pages[0] == pages[1]


def test_the_build_fails_when_tags_no_longer_arrive(tmp_path):
    done, _ = build(tmp_path, TWO, broken=True)
    assert done.returncode != 0
    assert "cells [1, 2] carry a language tag that did not reach the page" in done.stderr


def test_tagged_cells_counts_markdown_with_text_only(tmp_path):
    assert cell_language({"tags": ["x", "lang-en"]}) == "en" and cell_language({}) is None
    cells = [*TWO, markdown("  ", "lang-zh"), {**markdown("x = 1", "lang-zh"), "cell_type": "code"}]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert tagged_cells(path) == {1, 2}
