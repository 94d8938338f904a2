"""The figure "two": the network of chapter 3 that was computed by hand, driven and compared with torch."""

from __future__ import annotations

import json
import re

import pytest
import torch
import torch.nn.functional as F
from book_site import ROOT, VIEWS
from test_access import axe, violations  # noqa: F401

pytestmark = pytest.mark.site
W_XH = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
W_HH = [[1.0, 0.0], [-1.0, 0.0]]
W_HQ = [[-1.0, 0.0, 1.0], [0.0, -1.0, 0.0]]


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-two').dataset})")


def read(word: str, W_hh=W_HH, b_h=(0.0, 0.0), b_q=(0.0, 0.0, 0.0)) -> tuple[str, str]:
    """State and probabilities after a word, as the figure writes them."""
    H_t = torch.zeros(1, 2)
    for character in word:
        X_t = F.one_hot(torch.tensor(["abc".index(character)]), 3).float()
        H_t = torch.tanh(X_t @ torch.tensor(W_XH) + H_t @ torch.tensor(W_hh) + torch.tensor(b_h))
    P = torch.softmax(H_t @ torch.tensor(W_HQ) + torch.tensor(b_q), dim=1)
    state = ",".join(f"{h + 0.0:.4f}" for h in H_t[0].tolist()).replace("-0.0000", "0.0000")
    return state, ",".join(f"{p:.3f}" for p in P[0].tolist())


def knob(page, name: str):
    """The number in the network with this name for screen readers."""
    return page.locator(f'.fig-two .two-weight[aria-label^="{name}"]')


def printed() -> dict[str, tuple[str, str]]:
    """State and probabilities after each word, as chapter 3 prints them."""
    cells = json.loads((ROOT / "book" / "03_rnn_scratch.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "".join(
        "".join(output.get("text", ""))
        for cell in cells
        if cell["id"] == "5ded48fe"
        for output in cell["outputs"]
    )
    found = {}
    for line in text.splitlines():
        numbers = re.findall(r"-?\d\.\d+", line)
        found[line.split()[0]] = ",".join(numbers[:2]), ",".join(numbers[2:])
    return found


def test_it_starts_with_the_chapters_numbers(figure):
    page, chapter = figure("two"), printed()
    assert set(chapter) == {"ab", "bb", "abb"}
    now = data(page)
    assert (now["word"], now["beside"]) == ("ab", "bb")
    assert (now["state"], now["p"]) == chapter["ab"] == read("ab")
    assert (now["other"], now["otherP"]) == chapter["bb"] == read("bb")
    assert now["apart"] == "1.284"
    assert page.locator(".two-weight[data-changed]").count() == 0
    strip = page.locator(".fig-two .fig-strip")
    strip.focus()
    assert "_" not in strip.get_attribute("aria-valuetext")
    page.keyboard.press("b")
    now = data(page)
    assert (now["state"], now["p"]) == chapter["abb"]
    assert (now["other"], now["otherP"]) == chapter["bb"]  # has nothing more to read


def test_the_sum_is_spelled_out(figure):
    page = figure("two")
    assert page.locator(".two-term b").all_inner_texts() == [
        "0", "0.7616 × 1", "0.0000 × (−1)", "0", "0.7616", "0.6420"
    ]  # fmt: skip
    page.locator(".two-node.is-state").nth(1).click()
    assert page.locator(".two-term b").all_inner_texts() == [
        "1", "0.7616 × 0", "0.0000 × 0", "0", "1.0000", "0.7616"
    ]  # fmt: skip
    assert data(page)["sum"] == "1.0000"


def test_a_weight_changes_by_keys_and_back(figure):
    page = figure("two", lang="zh", theme="dark")
    one = knob(page, "W_hh，从上一步的第一个数到第一个数")
    one.focus()
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    assert one.inner_text() == "0"
    state, p = read("ab", W_hh=[[0.0, 0.0], [-1.0, 0.0]])
    assert (data(page)["state"], data(page)["p"]) == (state, p)
    assert "W_hh=0,0,-1,0" in page.evaluate("() => new Promise(r => setTimeout(() => r(location.hash), 400))")
    page.keyboard.press("Delete")
    assert data(page)["state"] == read("ab")[0]


def test_a_weight_changes_by_dragging(figure):
    page = figure("two", width=390)
    bias = knob(page, "b_h, bias of the first number")
    bias.scroll_into_view_if_needed()
    box = bias.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y)
    page.mouse.up()
    assert bias.inner_text() == "+0.5"
    assert (data(page)["state"], data(page)["p"]) == read("ab", b_h=(0.5, 0.0))
    assert page.locator("text=Weights as before").is_visible()
    page.locator("text=Weights as before").click()
    assert data(page)["state"] == read("ab")[0]


def test_letters_are_fed(figure):
    page = figure("two")
    page.get_by_role("button", name="Feed c").click()
    assert (data(page)["word"], data(page)["state"]) == ("abc", read("abc")[0])
    page.locator(".fig-two .fig-strip").focus()
    page.keyboard.press("a")
    assert (data(page)["word"], data(page)["state"]) == ("abca", read("abca")[0])
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    assert data(page)["word"] == "ab"
    page.get_by_role("button", name=re.compile("Keep ab")).click()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Feed c").click()
    page.get_by_role("button", name="The letter before").click()
    assert data(page)["beside"] == "ab"
    assert data(page)["apart"] == "0.000"


def test_eight_letters_are_enough(figure):
    page = figure("two", state="word=abbbbbbb&other=bbbbbbbb&t=8")
    assert page.get_by_text("8 letters at most").is_visible()
    key = page.get_by_role("button", name="Feed a")
    assert key.get_attribute("aria-disabled") == "true"
    key.click(force=True)
    assert data(page)["word"] == "abbbbbbb"
    page.get_by_role("button", name="Take the last letter back").click()
    assert page.get_by_text("8 letters at most").is_hidden()
    page.get_by_role("button", name="Feed c").click()
    assert data(page)["word"] == "abbbbbbc"


@pytest.mark.parametrize(
    ("lang", "bets"),
    [
        ("zh", "ab 之后押 c（0.657），bb 之后押 a（0.657）"),
        ("en", "After ab it bets on c (0.657), after bb on a (0.657)"),
    ],
)
def test_who_bets_on_what(figure, lang, bets):
    assert bets in figure("two", lang=lang).locator(".two-verdict").inner_text()
    tie = {"zh": "b 之后押 a、c（并列，0.405）", "en": "After b it bets on a or c (a tie, 0.405)"}[lang]
    page = figure("two", lang=lang, state="word=b&other=ab")
    assert tie in page.locator(".two-verdict").inner_text()


def test_a_negative_number_stands_in_brackets(figure):
    page = figure("two", state="word=cb")
    assert page.locator(".two-term b").all_inner_texts()[1] == "(−0.7616) × 1"


def test_numbers_stand_apart_and_light_up_their_line(figure):
    """No number of the network covers another, wide or narrow; its line shows when it is pointed at."""
    for width in (1280, 390):
        page = figure("two", width=width, state="W_hh=-0.5,-0.5,-1.5,-2.5&W_xh=-1.5,-1.5,-1.5,-1.5,-1.5,-1.5")
        boxes = [knob.bounding_box() for knob in page.locator(".two-weight").all()]
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                across = min(a["x"] + a["width"], b["x"] + b["width"]) - max(a["x"], b["x"])
                down = min(a["y"] + a["height"], b["y"] + b["height"]) - max(a["y"], b["y"])
                assert min(across, down) <= 0.5, (width, a, b)
        page.locator(".two-weight").first.hover()
        assert page.locator(".two-net path[data-hot]").count() == 1


def test_a_link_is_announced(figure):
    page = figure("two")
    page.evaluate("() => Kit.mounted.get('two').change({W_hh: '0,0,0,0'})")
    page.wait_for_function(
        "() => document.querySelector('.fig-said').textContent.includes('end in one place')"
    )


def test_two_in_one_place_are_both_seen(figure):
    page = figure("two", state="W_hh=0,0,0,0")
    mine, other = (page.locator(f".two-dot.is-{name}").last.bounding_box() for name in ("mine", "other"))
    assert other["width"] > mine["width"] + 4


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_without_the_loop_two_pasts_are_one(figure, lang):
    page = figure("two", lang=lang, state="W_hh=0,0,0,0")
    assert data(page)["apart"] == "0.000"
    assert (data(page)["state"], data(page)["p"]) == read("ab", W_hh=[[0.0, 0.0], [0.0, 0.0]])
    line = page.locator(".two-verdict")
    words = {"zh": "停在同一个地方", "en": "end in one place"}
    assert words[lang] in line.inner_text()
    assert words["en" if lang == "zh" else "zh"] not in line.inner_text()


def test_what_the_chapter_says_of_c(figure):
    """Question 2: these weights cannot tell cb from bb."""
    assert data(figure("two", state="word=cb"))["apart"] == "0.000"


def test_a_memory_that_holds_on(figure):
    """The link in the text: W_hh = (2, 0; 0, 0) keeps an a for good."""
    now = data(figure("two", state="W_hh=2,0,0,0&word=abbbbbbb&other=bbbbbbbb&t=8"))
    W_hh = [[2.0, 0.0], [0.0, 0.0]]
    assert now["state"] == read("abbbbbbb", W_hh)[0] == "0.9575,0.7616"
    assert now["other"] == read("bbbbbbbb", W_hh)[0] == "0.0000,0.7616"


def test_damaged_state_is_mended(figure):
    page = figure("two", state="word=xyza!&other=&t=99&W_xh=1,oops&unit=7&W_hh=1e9,0,-1,0")
    assert (data(page)["word"], data(page)["beside"]) == ("a", "")
    weights = page.locator(".two-weight").evaluate_all(
        "all => all.map(k => +k.getAttribute('aria-valuenow'))"
    )
    assert len(weights) == 21 and max(map(abs, weights)) == 3  # as far as a weight can be dragged


def test_the_square_shows_where_each_letter_is_bet_on(figure):
    page = figure("two")
    assert sorted(page.locator(".two-letter").all_inner_texts()) == ["a", "b", "c"]
    places = page.locator(".two-dot.is-mine").evaluate_all(
        "all => all.map(c => [+c.getAttribute('cx'), -c.getAttribute('cy')])"
    )
    want = [[0, 0], [0.7616, 0], [0.6420, 0.7616]]
    assert torch.tensor(places).sub(torch.tensor(want)).abs().max() < 1e-4
    page = figure("two", state="b_q=9,0,0")  # always a
    assert page.locator(".two-letter").all_inner_texts() == ["a"]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("two", lang=lang, theme=theme, width=width, state="t=3&W_hh=1,0,-2,0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, axe) == []


def test_the_first_frame_comes_soon(figure):
    page = figure("two")
    assert page.evaluate("performance.getEntriesByName('figure:two')[0].startTime") < 3000
