"""Questions before outputs, folded optional sections, figures in the language of the reader."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from book_site import BUILT, CHAPTERS, ROOT

pytestmark = pytest.mark.site
NUMBERED = [path for path in CHAPTERS if re.search(r"/(?!00)\d\d_", path)]


def guesses(path: str) -> list[dict]:
    """The questions of a chapter, as its notebook has them."""
    notebook = nbformat.read((ROOT / path).with_suffix(".ipynb"), as_version=4)
    return [
        cell.metadata.get("guess", {})
        for cell in notebook.cells
        if "predict" in cell.metadata.get("tags", ()) and cell.outputs
    ]


def first_of(kind: str) -> tuple[str, int]:
    """A chapter with a question of this kind, and its number among the questions."""
    for path in NUMBERED:
        for number, guess in enumerate(guesses(path)):
            if guess.get("kind") == kind:
                return path, number
    pytest.skip(f"no chapter has a question of kind {kind}")


@pytest.mark.parametrize("path", NUMBERED)
def test_every_question_covers_its_output_and_the_passage_after(site, path):
    wanted = guesses(path)
    with site.page(path, "?lang=en") as page:
        page.evaluate("document.querySelectorAll('details.optional').forEach((fold) => { fold.open = true })")
        forms = page.locator("form.predict")
        assert forms.count() == len(wanted) >= 3
        for i, guess in enumerate(wanted):
            cell = page.locator(".cell.tag_predict").nth(i)
            assert not cell.locator(".cell_output").first.is_visible()
            ask = guess["ask"].split(" | ")
            assert ask[1] in forms.nth(i).inner_text() and ask[0] not in forms.nth(i).inner_text()
        told = page.locator(".tag_predict + :is(.lang-pair, .lang-block)")
        assert told.count() and not any(told.nth(i).is_visible() for i in range(told.count()))


@pytest.mark.parametrize("where", ["http", "file"])
def test_a_choice_is_made_with_the_keyboard_and_kept(site, where):
    path, number = first_of("choice")
    answer = guesses(path)[number]["answer"]
    with site.context() as context:
        page = context.new_page()
        start = path if where == "http" else (BUILT / path).as_uri()
        site.open(page, start, "?lang=zh")
        form = page.locator("form.predict").nth(number)
        output = page.locator(".cell.tag_predict").nth(number).locator(".cell_output").first
        form.locator("[type=submit]").click()
        assert "请先选一个" in form.inner_text() and not output.is_visible()
        form.locator("input[type=radio]").first.focus()
        page.keyboard.press("Space")
        for _ in range(answer):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert output.is_visible() and "对了" in form.locator(".predict__result").inner_text()
        assert page.evaluate("document.activeElement.className") == "predict__result"  # a reader hears it
        assert form.locator(".predict__result").get_attribute("role") == "status"
        page.reload()
        assert output.is_visible() and "对了" in form.locator(".predict__result").inner_text()
        form.locator(".predict__again").click()
        assert not output.is_visible()
        page.reload()
        assert not output.is_visible()
        form.locator("input[type=radio]").nth(1 if answer == 0 else 0).check()
        form.locator("[type=submit]").click()
        assert "对了" not in form.inner_text() and output.is_visible()


def test_a_number_is_compared_with_the_truth(site):
    path, number = first_of("number")
    truth = guesses(path)[number]["answer"]
    with site.page(path, "?lang=en") as page:
        form = page.locator("form.predict").nth(number)
        output = page.locator(".cell.tag_predict").nth(number).locator(".cell_output").first
        field = form.locator("input[type=text]")
        field.fill("many")
        field.press("Enter")
        assert "type a number" in form.inner_text() and not output.is_visible()
        field.fill(json.dumps(truth))
        field.press("Enter")
        assert output.is_visible() and "exactly right" in form.inner_text()
        form.locator(".predict__again").click()
        field.fill(str(2 * truth))
        field.press("Enter")
        assert "100% off" in form.inner_text() and f"{json.dumps(truth)}" in form.inner_text()


def test_nobody_has_to_guess(site):
    with site.page(NUMBERED[0], "?lang=en") as page:
        page.locator(".predict__show").first.click()
        assert page.locator(".tag_predict .cell_output").first.is_visible()


def test_without_scripts_nothing_is_covered(site):
    with site.page(NUMBERED[0], java_script_enabled=False) as page:
        outputs = page.locator(".tag_predict:not(details .tag_predict) > .cell_output")
        assert outputs.count() >= 3 and all(outputs.nth(i).is_visible() for i in range(outputs.count()))
        assert not any(form.is_visible() for form in page.locator("form.predict").all())


def test_on_paper_nothing_is_covered(site):
    with site.page(NUMBERED[0], "?lang=en") as page:
        page.emulate_media(media="print")
        assert page.locator(".tag_predict > .cell_output").first.is_visible()
        assert not page.locator("form.predict").first.is_visible()


def test_optional_sections_are_folded_and_open_for_a_link(site):
    path = next(p for p in NUMBERED if 'class="optional"' in (BUILT / p).read_text(encoding="utf-8"))
    with site.page(path, "?lang=en") as page:
        fold = page.locator("details.optional").first
        section = fold.locator("xpath=..")
        assert fold.get_attribute("open") is None and section.locator("h2, h3").first.is_visible()
        name = section.get_attribute("id")
        page.evaluate("name => { location.hash = name }", name)
        page.wait_for_function("() => document.querySelector('details.optional').open")
        assert "Optional" in section.locator("h2, h3").first.inner_text()


@pytest.mark.parametrize("path", NUMBERED)
def test_figures_stand_in_the_page_in_the_language_of_the_reader(site, path):
    with site.page(path, "?lang=zh") as page:
        page.add_style_tag(content=".predict-covered { display: revert !important }")
        assert page.locator(".cell_output img[src$='.svg']").count() == 0
        if page.locator("figure.plot").count() == 0:
            pytest.skip("no figures")
        ids = page.evaluate("() => [...document.querySelectorAll('svg [id]')].map((e) => e.id)")
        assert len(ids) == len(set(ids))
        for lang, other in (("zh", "en"), ("en", "zh")):
            page.locator(f".lang-switch [data-lang={lang}]").click()
            labels = page.locator(f"figure.plot tspan.lang-{other}").all()
            assert not any(label.evaluate("e => getComputedStyle(e).display") != "none" for label in labels)
