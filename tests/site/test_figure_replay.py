"""Training replayed: every number is the pack's; epochs and networks by mouse, keyboard and address."""

from __future__ import annotations

import math
import re

import pytest
from book_site import pause
from test_access import axe, violations  # noqa: F401

from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
PACK = read_pack("courses")
EPOCHS, NAMES = PACK["epochs"], list(PACK["networks"])
DEFAULT = ["rnn_adam", "gru"]


def shown(page) -> tuple[list[str], int, list[float], list[float]]:
    """The networks, the epoch, their training and their validation perplexity."""
    data = page.locator("figure.fig-replay").evaluate("el => ({...el.dataset})")
    numbers = [[float(v) for v in data[key].split(",")] for key in ("train", "valid")]
    return data["nets"].split(","), int(data["epoch"]), *numbers


def expected(nets: list[str], k: int) -> tuple[list[str], int, list[float], list[float]]:
    """The same from Python."""
    numbers = [[PACK["networks"][name][kind]["middle"][k] for name in nets] for kind in ("train", "valid")]
    return nets, EPOCHS[k], *numbers


def press(page, name: str, lang: str = "en") -> None:
    title = PACK["networks"][name]["title"][lang == "en"]
    page.locator(".replay__nets").get_by_role("button", name=title, exact=True).click()


def number(v: float) -> str:
    return f"{v:.{2 if v < 10 else 1 if v < 100 else 0}f}"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_it_starts_at_the_end_with_two_networks(figure, lang):
    page, k = figure("replay", lang=lang), len(EPOCHS) - 1
    assert shown(page) == expected(DEFAULT, k)
    for row, name in zip(page.locator(".replay__row").all(), DEFAULT):
        network, told = PACK["networks"][name], row.inner_text()
        assert network["title"][lang == "en"] in told
        for kind in ("train", "valid", "norm"):
            assert number(network[kind]["middle"][k]) in told
        low = min(network["valid"]["middle"])
        assert number(low) in told and str(EPOCHS[network["valid"]["middle"].index(low)]) in told
        assert re.search(rf"\b{network['copied'][k]}\b", row.locator(".replay__copied").inner_text())
        assert row.locator(".replay__text").text_content() == PACK["prefix"] + network["sample"][k]


def test_the_curves_are_the_packs(figure):
    page = figure("replay", state="nets=rnn_sgd,lstm,two")
    page.locator(".fig-curve__series").first.wait_for(state="attached")
    box = page.evaluate(
        """() => { const grid = [...document.querySelectorAll(".fig-curve__grid")].map((p) => p.getAttribute("d"));
        const labels = [...document.querySelectorAll(".fig-curve__label.is-y")].map((l) => Number(l.textContent));
        return {grid, labels}; }"""
    )
    heights = [float(re.match(r"M[\d.]+ ([\d.]+)", d)[1]) for d in box["grid"]]
    (y0, v0), (y1, v1) = (heights[0], box["labels"][0]), (heights[-1], box["labels"][-1])
    left, width = (float(x) for x in re.match(r"M([\d.]+) [\d.]+H([\d.]+)", box["grid"][0]).groups())
    for name in ("rnn_sgd", "lstm", "two"):
        strokes = set()
        for kind in ("train", "valid"):
            path = page.locator(f".fig-curve path.is-{kind}-{name}")
            points = [tuple(map(float, p.split())) for p in re.split("[ML]", path.get_attribute("d"))[1:]]
            assert len(points) == len(EPOCHS)
            for (x, y), epoch, value in zip(points, EPOCHS, PACK["networks"][name][kind]["middle"]):
                share = math.log(min(value, v1) / v0) / math.log(v1 / v0)
                assert abs(y - (y0 + share * (y1 - y0))) < 0.2
                assert abs(x - (left + (width - left) * epoch / EPOCHS[-1])) < 0.2
            strokes.add(path.evaluate("el => getComputedStyle(el).stroke"))
        assert len(strokes) == 1  # a network has one colour, thick and thin
    colours = page.locator(".fig-curve__ghost").evaluate_all(
        "all => all.map((el) => getComputedStyle(el).stroke)"
    )
    assert len(set(colours)) == 3
    assert set(colours) == {
        page.locator(f".fig-curve path.is-valid-{n}").evaluate("el => getComputedStyle(el).stroke")
        for n in ("rnn_sgd", "lstm", "two")
    }
    ends = page.locator(".fig-curve__label.is-end.is-line").all_inner_texts()
    assert sorted(ends) == ["GRU, 2 layers", "LSTM", "RNN, SGD"]


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
@pytest.mark.parametrize("nets", ["gru,two,two_dropout", "lstm,two_dropout", "rnn_sgd,rnn_adam,lstm"])
def test_no_label_lies_on_another(figure, lang, nets):
    page = figure("replay", lang=lang, state=f"nets={nets}")
    page.locator(".fig-curve__label.is-line").first.wait_for()
    boxes = [label.bounding_box() for label in page.locator(".fig-curve__label.is-line").all()]
    boxes.sort(key=lambda box: box["y"])
    for above, below in zip(boxes, boxes[1:]):
        assert above["y"] + above["height"] <= below["y"] + 1.5


def test_the_lowest_points_are_marked_and_lead_there(figure):
    page = figure("replay", state="nets=gru,two,two_dropout")
    page.locator(".fig-curve__ring").first.wait_for(state="attached")
    assert page.locator(".fig-curve__ring").count() == 3
    low = page.locator(".replay__low").nth(1)
    low.focus()
    page.keyboard.press("Enter")
    valid = PACK["networks"]["two"]["valid"]["middle"]
    assert shown(page)[1] == EPOCHS[valid.index(min(valid))]
    assert low.evaluate("el => el === document.activeElement")


def test_a_network_keeps_its_colour(figure):
    page = figure("replay", state="nets=rnn_sgd,gru")
    path = page.locator(".fig-curve path.is-valid-gru")
    path.wait_for(state="attached")
    before = path.evaluate("el => getComputedStyle(el).stroke")
    press(page, "rnn_sgd")
    pause(page, 100)
    assert path.evaluate("el => getComputedStyle(el).stroke") == before


@pytest.mark.parametrize("name, epoch", [("gru", 0), ("gru", 20), ("gru", 200), ("two_dropout", 190)])
def test_what_is_copied_is_counted_without_the_prompt(figure, name, epoch):
    page, k = figure("replay", state=f"nets={name}&epoch={epoch}"), EPOCHS.index(epoch)
    network = PACK["networks"][name]
    text, at, copied = network["sample"][k], network["copied_at"][k], network["copied"][k]
    assert page.locator(".replay__text .is-recited").text_content() == text[at : at + copied]
    told = page.locator(".replay__copied").inner_text()
    assert f"{copied} of {PACK['written']} characters" in told
    left = int(m[1]) if (m := re.search(r"leaves out (\d+)", told)) else 0
    assert len(text.rstrip("…")) + left == PACK["written"]
    if epoch == 0:
        assert copied < 5  # "time traveller" itself would be 14


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_epochs_by_keyboard_mouse_and_player(figure, lang):
    page = figure("replay", lang=lang)
    curve, last = page.get_by_role("slider"), len(EPOCHS) - 1
    curve.focus()
    page.keyboard.press("ArrowLeft")
    assert shown(page) == expected(DEFAULT, last - 1)
    pause(page, 100)
    said = curve.get_attribute("aria-valuetext")
    assert f"{'epoch' if lang == 'en' else '第'} {EPOCHS[last - 1]}" in said
    assert number(PACK["networks"]["gru"]["valid"]["middle"][last - 1]) in said
    page.keyboard.press("Home")
    assert shown(page) == expected(DEFAULT, 0)
    page.keyboard.press("ArrowLeft")
    assert shown(page) == expected(DEFAULT, 0)
    page.keyboard.press("ArrowRight")
    assert shown(page) == expected(DEFAULT, 1)
    page.keyboard.press("End")
    assert shown(page) == expected(DEFAULT, last)
    page.get_by_role("button", name={"zh": "前一点", "en": "Previous point"}[lang]).click()
    assert shown(page) == expected(DEFAULT, last - 1)
    box = curve.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 100)  # left of the axis is its beginning
    assert shown(page) == expected(DEFAULT, 0)
    pause(page, 400)
    assert "epoch=0" in page.url


def test_at_most_three_networks(figure):
    page, k = figure("replay"), len(EPOCHS) - 1
    press(page, "lstm")
    assert shown(page) == expected(["rnn_adam", "gru", "lstm"], k)
    press(page, "two")  # the one chosen first gives way
    assert shown(page) == expected(["gru", "lstm", "two"], k)
    pressed = page.locator(".replay__net[aria-pressed=true]").all_inner_texts()
    assert pressed == [PACK["networks"][name]["title"][1] for name in NAMES if name in ("gru", "lstm", "two")]
    for name in ("gru", "lstm", "two"):
        press(page, name)
    assert shown(page)[0] == ["two"]  # one always stays
    page.locator(".replay__net").first.focus()
    page.keyboard.press("Space")
    assert shown(page)[0] == ["two", "rnn_sgd"]
    pause(page, 400)
    assert "nets=two,rnn_sgd" in page.url


@pytest.mark.parametrize(
    "state, nets, epoch",
    [
        (f"nets=lstm&epoch={EPOCHS[1]}", ["lstm"], EPOCHS[1]),
        ("nets=lstm,nothing,lstm,gru&epoch=-5", ["lstm", "gru"], EPOCHS[0]),
        (f"nets={','.join(NAMES)}&epoch=99999", NAMES[:3], EPOCHS[-1]),
        ("nets=&epoch=x", NAMES[:1], EPOCHS[-1]),
    ],
)
def test_settings_from_the_address_even_damaged_ones(figure, state, nets, epoch):
    page = figure("replay", state=state)
    assert shown(page) == expected(nets, EPOCHS.index(epoch))


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = figure("replay", lang=view[0], theme=view[1], width=view[2], state="nets=gru,lstm,two_dropout")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("() => performance.getEntriesByName('figure:replay')[0].startTime") < 3000
    if view[2] == 390:  # there is no room at the right: the names stand below
        assert page.locator(".fig-curve__key:not(.replay__axis) .fig-key").count() == 3
    assert violations(page, axe) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_missing_data(figure, lang):
    page = figure("replay", lang=lang, ready=False, missing="courses")
    page.locator(".fig-replay[data-failed]").wait_for()
    told = page.locator(".fig-message").inner_text()
    assert {"zh": "没能显示", "en": "could not be shown"}[lang] in told
