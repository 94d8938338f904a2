"""How far the reader has come: what is stored is counted, chapter by chapter, and cleared when asked twice."""

from __future__ import annotations

import json

import pytest
from test_access import axe, violations  # noqa: F401

from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
KEPT = {
    "book:guess:book/03_rnn_scratch-42": 1,
    "book:guess:book/03_rnn_scratch-7": "0.5",
    "book:guess:book/10_deep-3": 2,
    "book:guess:playground-run": {"guess": 1, "right": True},  # no chapter's
    "book:quiz:03": {
        "answers": [291356, None, 1, None, None],
        "right": [True, None, False, None, None],
        "of": 5,
    },
    "book:quiz:12": {"answers": [0, 0, 0, 0, 0], "right": [True] * 5, "of": 5},
}


def opened(figure, kept: dict, **options):
    page = figure("progress", **options)
    page.evaluate(
        "kept => Object.entries(kept).forEach(([k, v]) => localStorage.setItem(k, JSON.stringify(v)))", kept
    )
    page.reload()
    page.locator(".fig-progress[data-ready]").wait_for()
    return page


def totals(page) -> list[int]:
    data = page.locator(".fig-progress").evaluate("el => ({...el.dataset})")
    return [int(data[key]) for key in ("guessed", "answered", "right")]


def row(page, name: str) -> list[str]:
    return page.locator(f"tr[data-page='{name}'] .fig-number").all_inner_texts()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_counts_what_is_stored(figure, lang):
    page, pack = opened(figure, KEPT, lang=lang), read_pack("quizzes")
    assert totals(page) == [3, 7, 6]
    guesses = pack["guesses"]
    assert page.locator("tbody tr").count() == len(guesses)
    answered = {"zh": "1 / 5，答过 2", "en": "1 / 5, 2 answered"}[lang]
    assert row(page, "03_rnn_scratch") == [f"2 / {guesses['03_rnn_scratch']}", answered]
    assert row(page, "10_deep") == [f"1 / {guesses['10_deep']}", "0 / 5"]
    assert row(page, "12_which_network") == [f"0 / {guesses['12_which_network']}", "5 / 5"]
    assert row(page, "00_preface") == [f"0 / {guesses['00_preface']}", "–"]
    every = sum(guesses.values())
    told = page.locator(".progress__sum").inner_text()
    wanted = {
        "zh": f"共 {every} 处可猜，猜过 3 处；共 75 题，答过 7 题，答对 6 题。",
        "en": f"3 of {every} guesses made; 7 of 75 questions answered, 6 right.",
    }
    assert told == wanted[lang]
    link = page.locator("tr[data-page='03_rnn_scratch'] a")
    assert link.inner_text() == {"zh": "3 从零开始实现循环神经网络", "en": "3 An RNN from scratch"}[lang]
    assert link.get_attribute("href") == "03_rnn_scratch.html"
    share = page.locator("tr[data-page='12_which_network'] .progress__bar").nth(1)
    assert share.evaluate("el => getComputedStyle(el).getPropertyValue('--share')") == "1"


def test_nothing_yet(figure):
    page = figure("progress", lang="en")
    assert totals(page) == [0, 0, 0]


@pytest.mark.parametrize("hand", ["mouse", "keyboard"])
def test_it_is_cleared_when_asked_twice(figure, hand):
    page = opened(figure, {**KEPT, "theme": "dark"}, lang="en")
    clear, sure = (
        page.get_by_role("button", name=name) for name in ("Clear my record", "Yes, clear everything")
    )

    def press(button) -> None:
        if hand == "mouse":
            button.click()
        else:
            button.focus()
            page.keyboard.press("Enter")

    press(clear)
    assert totals(page) == [3, 7, 6] and clear.is_hidden()
    press(page.get_by_role("button", name="No, keep it"))
    assert totals(page) == [3, 7, 6] and sure.is_hidden()
    assert clear.evaluate("el => el === document.activeElement")
    press(clear)
    press(sure)
    assert totals(page) == [0, 0, 0] and sure.is_hidden()
    assert clear.evaluate("el => el === document.activeElement")
    assert json.loads(page.evaluate("() => JSON.stringify({...localStorage})")) == {"theme": '"dark"'}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_next_open_question_is_a_link(figure, lang):
    page = opened(figure, {}, lang=lang)
    link = page.locator(".progress__next a")
    assert link.get_attribute("href") == "01_text.html#quiz:chapter=1"
    page = opened(figure, KEPT, lang=lang)  # chapter 3 was begun, 12 is done
    link = page.locator(".progress__next a")
    assert link.get_attribute("href") == "03_rnn_scratch.html#quiz:chapter=3"
    assert {"zh": "第 3 章 从零", "en": "chapter 3, An RNN"}[lang] in link.inner_text()
    done = {f"book:quiz:{k:02d}": {"answers": [0] * 5, "right": [True] * 5, "of": 5} for k in range(1, 16)}
    page = opened(figure, done, lang=lang)
    assert {"zh": "都答过了", "en": "every question"}[lang] in page.locator(".progress__next").inner_text()


def test_another_window_is_noticed(figure):
    page = figure("progress", lang="en")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator(".fig-progress[data-ready]").wait_for()
    other.evaluate("() => Kit.progress.set('guess:book/08_gru-1', 2)")
    page.locator(".fig-progress[data-guessed='1']").wait_for()


@pytest.mark.parametrize("quiz", [5, [], {"right": 7}, {"right": [True]}, {"right": [True] * 9}, "x"])
def test_what_is_damaged_counts_for_nothing(figure, quiz):
    page = opened(figure, {"book:quiz:03": quiz}, lang="en")
    assert totals(page) == [0, 0, 0]


def test_no_more_guesses_than_there_are(figure):
    many = {f"book:guess:book/08_gru-{i}": i for i in range(40)}
    page = opened(figure, many, lang="en")
    n = read_pack("quizzes")["guesses"]["08_gru"]
    assert totals(page)[0] == n and row(page, "08_gru")[0] == f"{n} / {n}"


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = opened(figure, KEPT, lang=view[0], theme=view[1], width=view[2])
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("() => performance.getEntriesByName('figure:progress')[0].startTime") < 3000
    assert violations(page, axe) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_missing_data(figure, lang):
    page = figure("progress", lang=lang, ready=False, missing="quizzes")
    page.locator(".fig-progress[data-failed]").wait_for()
    told = page.locator(".fig-message").inner_text()
    assert {"zh": "没能显示", "en": "could not be shown"}[lang] in told
