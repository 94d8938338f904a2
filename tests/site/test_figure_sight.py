"""What each network can see: the figure shows what the pack says, and the first three never look ahead."""

from __future__ import annotations

import json

import pytest
from book_site import pause
from test_access import axe, violations  # noqa: F401

from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site


def moved(page) -> dict[str, dict[str, int]]:
    return json.loads(page.locator(".fig-sight").get_attribute("data-moved"))


def expected(s: int, i: int, to: str | None = None) -> dict[str, dict[str, int]]:
    """The same counts from Python."""
    found, data = {}, read_pack("sight")
    letter = data["letters"].index(to or data["changed"][s][i])
    for name, network in data["networks"].items():
        places = network["state"][f"moved_{s}"][i, :, letter].nonzero().flatten().tolist()
        found[name] = {
            "count": len(places),
            "back": max([i - j for j in places if j < i], default=0),
            "on": max([j - i for j in places if j > i], default=0),
        }
    return found


def test_it_starts_with_its_point(figure):
    page = figure("sight")
    found = moved(page)
    assert found == expected(0, 9)
    assert (
        found["rnn"]["back"]
        == found["conv"]["back"]
        == found["attention"]["back"]
        == 0
        < found["birnn"]["back"]
    )
    assert found["conv"]["on"] <= 15


@pytest.mark.parametrize("s", [0, 1, 2])
def test_nobody_but_the_bidirectional_network_looks_ahead(s):
    T = len(read_pack("sight")["sentences"][s])
    for i in range(T):
        found = expected(s, i)
        assert [found[name]["back"] for name in ("rnn", "conv", "attention")] == [0, 0, 0]
        assert found["conv"]["on"] <= 15
    assert any(expected(s, i)["birnn"]["back"] for i in range(T))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_keyboard_mouse_and_sentences(figure, lang):
    page = figure("sight", lang=lang)
    strip = page.get_by_role("slider")
    strip.focus()
    page.keyboard.press("ArrowRight")
    assert moved(page) == expected(0, 10)
    assert ("letter 11" if lang == "en" else "第 11 个字母") in strip.get_attribute("aria-valuetext")
    page.keyboard.press("Home")
    assert moved(page) == expected(0, 0)
    box = strip.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 20.5 / 29, box["y"] + 10)
    assert moved(page) == expected(0, 20)
    page.get_by_role("radio").nth(2).click()
    assert moved(page) == expected(2, 20)
    pause(page, 400)
    assert "s=2" in page.url and "i=20" in page.url


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_reader_chooses_the_letter(figure, lang):
    page = figure("sight", lang=lang)
    sentence = "the lamp went out in the rain"
    shown = lambda: page.locator(".fig-row--changed .fig-letters").text_content()  # noqa: E731
    assert shown() == sentence[:9] + "g" + sentence[10:]
    strip = page.get_by_role("slider")
    strip.focus()
    page.keyboard.press("z")
    assert shown() == sentence[:9] + "z" + sentence[10:] and moved(page) == expected(0, 9, "z")
    page.keyboard.press("w")
    assert moved(page) == expected(0, 9, "z"), "the letter itself is no change"
    page.keyboard.press("Space")
    assert moved(page) == expected(0, 9, " ") and "\u2423" in shown()
    page.keyboard.press("ArrowLeft")
    assert moved(page) == expected(0, 8), "a space for a space is no change either: another letter"
    page.locator("select").select_option(label="q")
    assert moved(page) == expected(0, 8, "q")
    pause(page, 400)
    assert "to=q" in page.url
    assert {"zh": "空格 换成 q", "en": "space, becomes q"}[lang] in strip.get_attribute("aria-valuetext")


def test_the_last_letter_moves_only_what_looks_back(figure):
    found = moved(figure("sight", state="i=28"))
    assert [found[name]["count"] for name in ("rnn", "conv", "attention")] == [0, 0, 0]
    assert found["birnn"]["count"] > 0


def test_the_bars_are_as_high_as_the_numbers(figure):
    page = figure("sight", state="s=1&i=4")
    data = read_pack("sight")
    letter = data["letters"].index(data["changed"][1][4])
    row = data["networks"]["birnn"]["state"]["moved_1"][4, :, letter] * 0.01
    heights = (
        page.locator(".fig-row--sight")
        .nth(3)
        .locator(".sight__bar")
        .evaluate_all("bars => bars.map((bar) => Number(getComputedStyle(bar).getPropertyValue('--moved')))")
    )
    for height, v in zip(heights, row.tolist()):
        assert abs(height - v) < 0.002


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = figure("sight", lang=view[0], theme=view[1], width=view[2])
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe) == []


def test_damaged_settings_and_missing_data(figure):
    page = figure("sight", state="s=7&i=900")
    assert moved(page) == expected(0, 28)
    page = figure("sight", ready=False, missing="sight")
    page.locator(".fig-sight[data-failed]").wait_for()
    message = page.locator(".fig-message").inner_text()
    assert "could not be shown" in message
