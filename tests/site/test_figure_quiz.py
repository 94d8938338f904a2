"""The questions at the end of a chapter: four kinds, right and wrong, explained, and remembered in this browser."""

from __future__ import annotations

import json
import re

import pytest
from book_site import pause
from figure_page import write_page
from test_access import axe, violations  # noqa: F401

from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
LANG = {"zh": 0, "en": 1}


def questions(chapter: str) -> list[dict]:
    return read_pack("quizzes")["chapters"][chapter]


def plain(words: str) -> str:
    """What stands in the page for words with marks."""
    return re.sub(r"`([^`]+)`|[_^]\{([^}]+)\}", lambda m: m[1] or m[2], words)


def counts(page) -> tuple[int, int]:
    """How many are answered, how many are right."""
    data = page.locator("figure.fig-quiz").evaluate("el => ({...el.dataset})")
    return int(data["answered"]), int(data["right"])


def box(page, index: int):
    return page.locator(".fig-quiz__one").nth(index)


def show(page, index: int, lang: str = "en") -> None:
    """Give up after the first wrong answer."""
    name = ["直接看答案", "show me the answer"][LANG[lang]]
    box(page, index).get_by_role("button", name=name).click()


def choose(page, index: int, question: dict, right: bool, lang: str) -> dict:
    choice = next(c for c in question["choices"] if bool(c.get("right")) is right)
    button = box(page, index).get_by_role("button", name=plain(choice["words"][LANG[lang]]), exact=True)
    button.click()
    return choice


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_choice_is_explained_right_or_wrong(figure, lang):
    page, question, k = figure("quiz", lang=lang, state="chapter=4"), questions("04")[1], LANG[lang]
    assert counts(page) == (0, 0)
    assert plain(question["question"][k]) in box(page, 1).locator("legend").inner_text()
    wrong = choose(page, 1, question, False, lang)
    right = next(c for c in question["choices"] if c.get("right"))
    assert counts(page) == (0, 0) and box(page, 1).get_attribute("data-right") is None
    assert ["再试一次", "Try again"][k] in box(page, 1).inner_text()
    for words in (wrong["why"], question["why"]):
        assert plain(words[k]) not in box(page, 1).inner_text(), "no hint before the second try"
    button = box(page, 1).get_by_role("button", name=plain(wrong["words"][k]), exact=True)
    button.click(force=True)  # what was wrong once is no second try
    assert counts(page) == (0, 0)
    show(page, 1, lang)
    assert counts(page) == (1, 0) and box(page, 1).get_attribute("data-right") == "false"
    told = box(page, 1).inner_text()
    for words in (wrong["words"], wrong["why"], right["words"], question["why"]):
        assert plain(words[k]) in told
    assert page.evaluate("() => document.activeElement.className") == "fig-predict__answer"
    box(page, 1).get_by_role("button", name=["再答一次", "Answer again"][k]).click()
    assert counts(page) == (0, 0)
    choose(page, 1, question, True, lang)
    assert counts(page) == (1, 1) and box(page, 1).get_attribute("data-right") == "true"
    told = box(page, 1).inner_text()
    assert plain(question["why"][k]) in told and wrong["why"][k] not in told
    assert ["共 5 题，答了 1 题，对了 1 题", "1 of 5 answered, 1 right"][k] in page.inner_text(
        ".fig-quiz__score"
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_right_at_the_second_try(figure, lang):
    page, question, k = figure("quiz", lang=lang, state="chapter=4"), questions("04")[1], LANG[lang]
    choose(page, 1, question, False, lang)
    choose(page, 1, question, True, lang)
    assert counts(page) == (1, 1)
    assert ["第二次答对了", "Right, at the second try"][k] in box(page, 1).inner_text()
    assert ["（第二次才对的 1 题）", "(1 at the second try)"][k] in page.inner_text(".fig-quiz__score")
    page.reload()
    page.locator(".fig-quiz[data-ready]").wait_for()
    assert ["第二次答对了", "Right, at the second try"][k] in box(page, 1).inner_text()


def test_the_right_choice_is_anywhere(figure):
    page, places = figure("quiz"), []
    for chapter in range(1, 16):
        page.evaluate(
            """chapter => { const host = document.querySelector("main") || document.body;
            Kit.unpacked("quizzes").then((pack) => Kit.quiz(host, {id: "x" + chapter,
              questions: pack.chapters[String(chapter).padStart(2, "0")]})); }""",
            chapter,
        )
    pause(page, 300)
    for group in page.locator(".fig-quiz__one .fig-predict__choices").all():
        places.append(
            group.locator("button").evaluate_all("all => all.findIndex((b) => b.dataset.choice === '0')")
        )
    assert len(places) > 20 and all(places.count(place) >= len(places) // 5 for place in (0, 1, 2))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_number_by_keyboard(figure, lang):
    page, question, k = figure("quiz", lang=lang, state="chapter=3"), questions("03")[0], LANG[lang]
    field = box(page, 0).get_by_role("textbox")
    field.focus()
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    assert ["请写一个数", "Please write a number"][k] in box(page, 0).inner_text()
    assert counts(page)[0] == 0
    field.fill("291000")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the same number twice is one try
    assert counts(page) == (0, 0) and "291356" not in box(page, 0).inner_text()
    page.keyboard.type("291001")  # what was wrong is selected
    page.keyboard.press("Enter")
    assert counts(page) == (1, 0)
    told = box(page, 0).inner_text()
    assert ["你答的是 291001，正确的是 291356。", "You said 291001; the right answer is 291356."][k] in told
    assert plain(question["why"][k]) in told.replace("\n", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # answer again: the field has the focus
    page.keyboard.type("291,356")
    page.keyboard.press("Enter")
    assert counts(page) == (1, 1)


@pytest.mark.parametrize(
    "given, right",
    [
        ("3.33", 1),
        ("3.33。", 1),
        ("H = 3.33", 1),
        ("333/100", 1),
        ("≈3.33.", 1),
        ("1/0", None),
        ("3/", None),
        ("3,33", 1),
        ("３.３３", 1),
        ("3.3322", 1),
        ("3.3", 0),
        ("28", 0),
    ],
)
def test_numbers_are_read_as_people_write_them(figure, given, right):
    page = figure("quiz", state="chapter=1")
    box(page, 0).get_by_role("textbox").fill(given)
    box(page, 0).get_by_role("button").click()
    if right == 0:
        show(page, 0)
    assert counts(page) == ((0, 0) if right is None else (1, right))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_order_by_keyboard_and_mouse(figure, lang):
    page, question, k = figure("quiz", lang=lang, state="chapter=3"), questions("03")[1], LANG[lang]
    one = box(page, 1)
    done = one.get_by_role("button", name=["就是这个顺序", "this is the order"][k])
    lines = lambda: one.locator(".fig-order__line code").all_inner_texts()  # noqa: E731
    assert sorted(lines()) == sorted(question["lines"]) and lines() != question["lines"]
    done.click()
    show(page, 1, lang)
    assert counts(page) == (1, 0)
    assert lines() == question["lines"] and plain(question["why"][k]) in one.inner_text()
    one.get_by_role("button", name=["再答一次", "Answer again"][k]).click()
    for place, line in enumerate(question["lines"]):
        now = lines().index(line)
        row = one.locator(".fig-order__line").nth(now)
        if place % 2:  # by the buttons, or by the keys on the grip
            for _ in range(now - place):
                one.locator(".fig-order__line", has_text=line).get_by_role(
                    "button", name=["上移", "Move up"][k], exact=True
                ).click()
        else:
            row.locator(".fig-order__grip").focus()
            for _ in range(now - place):
                page.keyboard.press("ArrowUp")
    assert lines() == question["lines"]
    done.click()
    assert counts(page) == (1, 1)


def test_a_line_is_dragged(figure):
    page = figure("quiz", state="chapter=3")
    rows = box(page, 1).locator(".fig-order__line")
    rows.first.scroll_into_view_if_needed()
    first = rows.nth(0).inner_text()
    start, end = rows.nth(0).locator(".fig-order__grip").bounding_box(), rows.nth(2).bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, end["y"] + end["height"] - 4, steps=12)
    page.mouse.up()
    assert rows.nth(2).inner_text() == first


SHAPE = {
    "kind": "shape",
    "question": ["形状是？", "Which shape?"],
    "answer": [4, 32, 256],
    "axes": ["L·D", "B", "H"],
    "mistakes": [{"shape": [32, 4, 256], "why": ["批量不在前。", "The batch isn't first."]}],
    "why": ["因为如此。", "Because."],
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("(4, 32, 256)", None),
        ("4 x 32 × 256", None),
        ("h_n = torch.Size([4, 32, 256])", None),
        ("（４，32，256）", None),
        ("4、32、256。", None),
        ("(32, 4, 256)", ["批量不在前。", "The batch isn't first."]),
        ("(256, 4, 32)", ["大小都对，次序不对。", "All the sizes are there, in another order."]),
        ("(4, 256)", ["维数是 3，你写了 2 维。", "It has 3 axes; you wrote 2."]),
        ("(4, 31, 256)", ["先看 B 这一维。", "Look at axis B first."]),
        ("(B, 4, H)", ""),
        ("", ""),
    ],
)
def test_a_shape_is_completed(figure, lang, given, why):
    """Right in any spelling; wrong: what is astray; unreadable: no try is lost."""
    page, k = figure("quiz", lang=lang), LANG[lang]
    page.evaluate(
        "one => { Kit.quiz(document.querySelector('figure'), {id: 'x', questions: [one]}); }", SHAPE
    )
    one = page.locator(".fig-quiz__one").last
    one.get_by_role("textbox").fill(given)
    page.keyboard.press("Enter")
    if why == "":
        assert ["请写一个形状", "Please write a shape"][k] in one.inner_text()
        assert ["再试一次", "Try again"][k] not in one.inner_text()
        return
    if why:
        assert "(4, 32, 256)" not in one.inner_text()
        one.get_by_role("button", name=["直接看答案", "show me the answer"][k]).click()
        assert ["正确的是 (4, 32, 256)", "the right answer is (4, 32, 256)"][k] in one.inner_text()
        assert why[k] in one.inner_text()
    assert one.get_attribute("data-right") == ("false" if why else "true")
    assert ["因为如此。", "Because."][k] in one.inner_text()


def test_answers_outlive_a_reload_and_the_progress_page_clears_them(figure, tmp_path):
    page = figure("quiz", state="chapter=4")
    choose(page, 1, questions("04")[1], True, "en")
    choose(page, 2, questions("04")[2], False, "en")
    show(page, 2)
    page.reload()
    page.locator(".fig-quiz[data-ready]").wait_for()
    assert counts(page) == (2, 1)
    assert [box(page, i).get_attribute("data-right") for i in range(3)] == [None, "true", "false"]
    kept = json.loads(page.evaluate("() => localStorage.getItem('book:quiz:04')"))
    assert kept["right"][:3] == [None, True, False] and kept["tries"][:3] == [None, 1, 1]
    here = page.url
    page.goto(write_page(tmp_path, "progress", lang="en"))
    page.locator(".fig-progress[data-ready]").wait_for()
    assert page.locator(".fig-progress").get_attribute("data-right") == "1"
    page.get_by_role("button", name="Clear my record").click()
    page.get_by_role("button", name="Yes, clear everything").click()
    page.goto(here)
    page.locator(".fig-quiz[data-ready]").wait_for()
    assert counts(page) == (0, 0)


def test_what_is_damaged_in_the_storage_is_asked_again(figure):
    page = figure("quiz", state="chapter=4")
    for kept in ('{"answers": [1]}', '{"answers": ["x", 7, {}]}', "nonsense", "5", "[]"):
        page.evaluate("kept => localStorage.setItem('book:quiz:04', kept)", kept)
        page.reload()
        page.locator(".fig-quiz[data-ready]").wait_for()
        assert counts(page) == (0, 0)


@pytest.mark.parametrize("chapter", ["03", "05", "07"])
def test_marks_within_words_are_set(figure, chapter):
    page = figure("quiz", state=f"chapter={int(chapter)}")
    legends = page.locator(".fig-quiz legend").all_inner_texts()
    for legend, question in zip(legends, questions(chapter)):
        assert plain(question["question"][1]) in legend.replace("\n", "")
        assert "{" not in legend and "`" not in legend
    assert page.locator(".fig-quiz legend :is(sub, sup, code)").count() > 0


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = figure("quiz", lang=view[0], theme=view[1], width=view[2], state="chapter=3")
    for choice in (1, 2):  # both are wrong
        box(page, 2).locator(f"[data-choice='{choice}']").click()
        assert violations(page, axe) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("() => performance.getEntriesByName('figure:quiz')[0].startTime") < 3000
    assert violations(page, axe) == []


def test_every_chapter_has_its_questions(figure):
    page = figure("quiz")
    base = page.url.split("#")[0]
    for chapter in range(1, 16):
        page.goto("about:blank")
        page.goto(f"{base}#quiz:chapter={chapter}")
        page.locator(".fig-quiz[data-ready]").wait_for()
        first = questions(f"{chapter:02d}")[0]["question"][1]
        assert plain(first) in page.locator(".fig-quiz legend").first.inner_text().replace("\n", "")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_such_chapter_and_missing_data(figure, lang):
    for options in ({"state": "chapter=99"}, {"missing": "quizzes"}):
        page = figure("quiz", lang=lang, ready=False, **options)
        page.locator(".fig-quiz[data-failed]").wait_for()
        assert ["没能显示", "could not be shown"][LANG[lang]] in page.locator(".fig-message").inner_text()
