"""Outputs in two languages: what the pages make of printed text, tables, figures and questions."""

from __future__ import annotations

import re

import pytest
from bilingual.optional import is_optional
from bilingual.outputs import inline_svg, mark_html
from bilingual.predict import form
from bilingual.printed import is_bilingual, mark

from rnnlib import results
from rnnlib.inspect import plots
from rnnlib.inspect.tables import text_width

SPAN = re.compile(r'<span class="lang-(zh|en)" lang="[\w-]+">(.*?)</span>')


def one_language(html: str, code: str) -> str:
    """The text that a reader of one language sees."""
    other = {"zh": "en", "en": "zh"}[code]
    html = re.sub(rf'<(t?span) class="(?:lang-{other}|lang-sep)"[^>]*>.*?</\1>', "", html)
    return re.sub(r"<[^>]+>", "", html)


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("没训练 | untrained  28.1", "没训练  28.1", "untrained  28.1"),
        ("a | b  1", "a | b  1", "a | b  1"),  # no Chinese: not ours
        ("语料：3 |\ncorpus: 3\nend", "语料：3\nend", "corpus: 3\nend"),
        ("  好 | good   坏 | bad", "  好   坏", "  good   bad"),
        ("<b>好</b> | <b>good</b>", "&lt;b&gt;好&lt;/b&gt;", "&lt;b&gt;good&lt;/b&gt;"),
        ("plain", "plain", "plain"),
    ],
)
def test_a_printed_line_shows_in_one_language(text, zh, en):
    html = str(mark(text))
    assert (one_language(html, "zh"), one_language(html, "en")) == (zh, en)
    assert is_bilingual(text) == (zh != en)


def test_columns_stay_aligned_in_both_languages():
    html = str(mark("没训练 | untrained  28.1\n训练之后 | trained  1.3"))
    assert html.count('class="column" style="min-width:9ch"') == 2  # "untrained" is the widest half
    assert "min-width" not in str(mark("没训练 | untrained  28.1\nplain"))


def test_words_in_a_table_are_marked():
    html = mark_html(plots.table({"网络 | network": ["卷积 | convolution"], "p | q": [2]})._repr_html_())
    assert (
        one_language(html, "zh") == "网络p | q卷积2"
        and one_language(html, "en") == "networkp | qconvolution2"
    )


def test_a_figure_has_names_of_its_own_and_no_background():
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg>'
        '<svg viewBox="0 0 9 9"><metadata>x</metadata><g id="patch_1">\n'
        '<path d="M0" style="fill: #ffffff"/></g><defs><path id="m1"/></defs><use xlink:href="#m1"/>'
        '<path id="m1"/>'
        '<rect clip-path="url(#m1)"/><text style="font: 10px \'DejaVu Sans\', serif; text-anchor: middle">'
        "周期 | epoch</text><text>3</text></svg>"
    )
    html = inline_svg(svg, 7, "一条线 | a line")
    assert html.startswith('<figure class="plot"') and "<?xml" not in html and "metadata" not in html
    assert (
        html.count('id="f7-m1"') == 1 and '"#f7-m1"' in html and "url(#f7-m1)" in html and '"m1"' not in html
    )
    assert "fill: none" in html and "DejaVu" not in html and "font-size: 10px; text-anchor" in html
    assert "一条线" in one_language(html, "zh") and "epoch" not in one_language(html, "zh")
    assert "a line" in one_language(html, "en") and "周期" not in one_language(html, "en")


def test_a_question_is_a_form():
    html = form({"kind": "choice", "ask": "谁？ | Who?", "choices": ["甲 | A", "<b>"], "answer": 1}, "p-3")
    assert html.count('type="radio" name="p-3"') == 2 and 'data-answer="1"' in html and "&lt;b&gt;" in html
    assert 'inputmode="decimal"' in form({"kind": "number", "ask": "几？ | How many?", "answer": 2.5}, "k")
    opened = form({"kind": "open", "ask": "为什么？ | Why?"}, "k")
    assert 'type="submit"' not in opened and 'data-answer="null"' in opened
    assert opened.startswith('<form class="predict" hidden ')  # without JavaScript nothing asks


def test_optional_titles():
    assert is_optional("选读：更深 | Optional: deeper") and not is_optional("选读 | Reading")


def test_a_table_is_aligned_and_refuses_ragged_columns():
    table = plots.table({"名 | name": ["RNN", "卷积"], "n": [24_935, 7], "p": [7.5, None]}, digits={"p": 1})
    lines = str(table).splitlines()
    assert lines[2] == "RNN        24,935  7.5" and lines[3].startswith("卷积") and lines[3].endswith("7")
    assert len({text_width(line) for line in lines[1:3]}) == 1
    assert 'class="number">24,935' in table._repr_html_() and "<td>RNN" in table._repr_html_()
    corner = plots.table({"": ["RNN"], "n": [1]})._repr_html_()  # to axe-core, an empty heading is a fault
    assert "<tr><td></td><th" in corner and "<th></th>" not in corner
    for columns in ({}, {"a": [1], "b": [1, 2]}):
        with pytest.raises(ValueError, match="columns of one length"):
            plots.table(columns)


def test_results_are_found_and_missing_ones_named():
    assert results.names(), "an experiment has been run"
    record = results.load(results.names()[0])
    assert {"experiment", "conditions", "results"} <= record.keys()
    assert {"hardware", "torch", "date", "seconds"} <= record["conditions"].keys()
    with pytest.raises(FileNotFoundError, match="no results of an experiment 'riddle'.*make experiment"):
        results.load("riddle")
