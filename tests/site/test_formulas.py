"""Formulas: all of them MathML in the pages themselves, in letters that the font has."""

from __future__ import annotations

import re
import unicodedata

import pytest
from bilingual.formulas import mathml
from bilingual.mathfont import FAMILY, characters
from book_site import BUILT, CHAPTERS, PAGES
from math_core import LatexError
from test_units import build, markdown

pytestmark = pytest.mark.site
_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)


def formulas(path: str) -> list[str]:
    return _MATH.findall((BUILT / path).read_text(encoding="utf-8"))


def test_every_formula_is_there_without_a_script():
    """As many formulas as places for one; no TeX, no script that would draw them."""
    assert sum(len(formulas(path)) for path in CHAPTERS) > 1000
    for path in PAGES:
        html = (BUILT / path).read_text(encoding="utf-8")
        assert len(re.findall(r'<span class="math">|<div class="math__box">', html)) == len(formulas(path)), (
            path
        )
        assert not re.search(r'(?i)src="[^"]*mathjax', html), path
        for formula in formulas(path):
            assert "\\" not in formula and "<merror" not in formula, formula
    assert not (BUILT / "_static" / "mathjax").exists()


@pytest.mark.parametrize("path", PAGES)
def test_the_font_has_the_letters_of_the_formulas(path):
    known, missing = characters(), set()
    for formula in formulas(path):
        text = re.sub(r"<mtext>.*?</mtext>", "", formula)
        text = re.sub(r"&\w+;|<[^>]*>", "", text)
        missing |= {c for c in text if ord(c) not in known and not c.isspace()}
    assert {unicodedata.name(c, c) for c in missing} == set()
    loads = "bilingual/math.css" in (BUILT / path).read_text(encoding="utf-8")
    assert loads == bool(formulas(path)), "only pages with formulas load their font"


def test_what_cannot_be_converted_stops_the_build(tmp_path):
    with pytest.raises(LatexError):
        mathml(r"\nonsense{x}", display=True)
    done, page = build(tmp_path, [markdown("# 题 | Title"), markdown(r"$\nonsense{x}$ and $x_t$", "lang-en")])
    assert "the formula" in done.stderr and r"\nonsense{x}" in page and page.count("<math") == 1


def test_operators_that_stretch_and_rows_that_align():
    assert "<msub><mrow><mo" in mathml(r"\bigg|_{\text{road}}", display=True)
    assert mathml("\\begin{aligned}\na &= b \\\\\n\nc &= d\n\\end{aligned}", display=True).count("<mtr>") == 2


@pytest.mark.parametrize("scripts", [True, False])
def test_the_font_draws_them(site, scripts):
    """A root is followed by no gap, a subscript is lower and smaller, the accent is above its letter."""
    path = next(p for p in CHAPTERS if "<msqrt" in (BUILT / p).read_text(encoding="utf-8"))
    with site.context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(site.base + path + "?lang=zh")
        page.evaluate("() => document.fonts.ready.then(() => true)")
        measured = page.evaluate(
            """() => {
              const shown = [...document.querySelectorAll("math")].filter((el) => el.getClientRects().length);
              const box = (el) => el.getBoundingClientRect();
              const size = (el) => parseFloat(getComputedStyle(el).fontSize);
              const ours = (font) => font.family.includes("Book Math") && font.status === "loaded";
              const root = shown.map((el) => el.querySelector("msqrt")).find((el) => el);
              const sub = shown.map((el) => el.querySelector("msub")).find((el) => el);
              return {
                family: getComputedStyle(shown[0]).fontFamily,
                loaded: [...document.fonts].some(ours),
                gap: (box(root).right - box(root.lastElementChild).right) / size(root),
                small: size(sub.children[1]) / size(sub),
                lower: box(sub.children[1]).bottom - box(sub.children[0]).bottom,
              };
            }"""
        )
        assert FAMILY in measured["family"] and measured["loaded"]
        assert measured["gap"] < 0.15 and measured["small"] < 0.85 and measured["lower"] > 1, measured
