"""The figure "speed": what it shows is the table that `make bench` measured, at measured sizes and nowhere else."""

from __future__ import annotations

import json
import math
import re
from decimal import ROUND_HALF_UP, Decimal

import book_site
import pytest
from bilingual.figures import place, with_static
from bilingual.outputs import mark_html
from book_site import PROBES, need, pause
from test_access import axe, violations  # noqa: F401

import rnnlib.results
from packs import speed
from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
PACK = read_pack("speed")
TABLE = {tuple(cell[:3]): dict(zip(PACK["columns"], cell)) for cell in PACK["cells"]}
SIZES = {axis: sorted({size[i] for size in TABLE}) for i, axis in enumerate("HBT")}
WAYS = ("fast", "plain", "d2l")
START = {"H": 512, "B": 32, "T": 35}
MISSING = [size for size, cell in TABLE.items() if cell["floor"] is None]
VIEWS = [*book_site.VIEWS, ("both", "dark", 1280)]
SETTINGS = [
    {},
    {"along": "B"},
    {"along": "T"},
    {"H": 64, "along": "B"},
    {"H": 2048, "B": 512, "T": 128},
    {"H": 32, "B": 8, "T": 8, "along": "B"},
    {"H": 2048, "B": 1024, "T": 512, "along": "T"},
]


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-speed').dataset})")


def cell(page) -> dict:
    return json.loads(data(page)["cell"])


def line(axis: str, **at: int) -> list[dict]:
    """The sizes of the table along one axis, measured or not."""
    sizes = {**START, **at}
    return [TABLE[tuple({**sizes, axis: n}[a] for a in "HBT")] for n in SIZES[axis]]


def three(v: float) -> str:
    """Three digits; a tie goes up, as in JavaScript."""
    exact = Decimal(v)
    last = Decimal(1).scaleb(exact.adjusted() - 2)
    rounded = exact.quantize(last, ROUND_HALF_UP)
    return f"{int(rounded):,}" if v >= 999.5 else f"{rounded:f}"


def state(size: dict[str, int], **more: str) -> str:
    return "&".join(f"{key}={value}" for key, value in {**size, **more}.items())


def shown(page, way: str) -> list[str]:
    """Milliseconds, tokens a second, share of the products, as they are written."""
    return page.locator(f'.speed__row[data-way="{way}"] .is-number').all_inner_texts()


def settings(page):
    """Put one page into each of `SETTINGS`, the last one a size that was not measured."""
    for given in SETTINGS:
        page.evaluate("v => { const f = Kit.mounted.get('speed'); f.set({...f.defaults, ...v}); }", given)
        yield given


def slider(page, axis: str):
    return page.locator(".speed__sliders input").nth("HBT".index(axis))


# ---------- the table ----------


def test_the_pack_is_what_was_measured():
    need("speed" in rnnlib.results.names(), "rnnlib/results/speed.json is missing: run make bench")
    found = rnnlib.results.load("speed")
    grid = found["results"]["grid"]
    rows = [dict(zip(grid["columns"], cell)) for cell in grid["cells"]]
    crossed = [row for row in rows if row["kind"] == "scratch" and row["L"] == 1]
    fresh = {tuple(row[a] for a in "HBT"): {key: row[key] for key in PACK["columns"]} for row in crossed}
    assert fresh == TABLE, "the results are newer: make packs NAME=speed"
    assert PACK["measured"]["date"] == found["conditions"]["date"]
    assert PACK["measured"]["threads"] == grid["threads"] and PACK["budget"] == grid["budget"]


def grid_of(*cells: list) -> dict:
    return {"columns": ["kind", "H", "B", "T", "L", "d2l", "plain", "fast", "floor"], "cells": list(cells)}


def test_the_table_is_the_network_of_chapter_13_alone():
    rows = [["scratch", H, 1, 8, 1, 3.0, 2.0, 1.0, 0.5] for H in (64, 32)]
    found = speed.table(
        grid_of(*rows, ["lstm", 32, 1, 8, 1, 9, 9, 9, 9], ["scratch", 32, 1, 8, 2, 9, 9, 9, 9])
    )
    assert found == [[32, 1, 8, 3.0, 2.0, 1.0, 0.5], [64, 1, 8, 3.0, 2.0, 1.0, 0.5]]


@pytest.mark.parametrize("sizes", [[(32, 1), (64, 8)], [(32, 1), (32, 1)]], ids=["hole", "twice"])
def test_a_table_with_holes_is_refused(sizes):
    with pytest.raises(ValueError, match="crossed make"):
        speed.table(grid_of(*(["scratch", H, B, 8, 1, None, None, None, None] for H, B in sizes)))


def test_the_table_makes_the_point():
    """Small steps are calls, big ones arithmetic: the products grow at least twice as fast as the step."""
    small, large = line("H")[0], TABLE[512, 32, 35]
    assert large["floor"] / small["floor"] > 2 * large["fast"] / small["fast"]
    assert small["floor"] / small["fast"] < 0.5 < large["floor"] / large["fast"]


# ---------- what is shown ----------


def test_it_starts_with_its_point(figure):
    page = figure("speed")
    now = cell(page)
    assert now == TABLE[512, 32, 35] and data(page)["along"] == "H"
    text = page.locator(".speed__verdict").inner_text()
    assert f"{three(1000 * now['fast'])} ms, products {now['floor'] / now['fast']:.0%}" in text
    assert "From H = 32 to 512 (× 16)" in text
    assert page.locator(".speed__crossing").count() == 1
    assert page.locator(".speed__zone.is-crossing").inner_text() == "crossover"


SAMPLE = [size for size, one in sorted(TABLE.items()) if one["floor"] is not None][::9]


@pytest.mark.parametrize("along", "HBT")
def test_the_numbers_are_those_of_the_table(figure, along):
    page = figure("speed")
    for H, B, T in SAMPLE:
        page.evaluate("v => Kit.mounted.get('speed').set(v)", {"H": H, "B": B, "T": T, "along": along})
        one = TABLE[H, B, T]
        assert cell(page) == one
        for way in WAYS:
            share = math.floor(100 * one["floor"] / one[way] + 0.5)
            assert shown(page, way) == [three(1000 * one[way]), three(B * T / one[way]), f"{share}%"]
        assert f"H = {H}, B = {B}, T = {T}" in page.locator(".speed__verdict").inner_text()


def test_the_bars_are_as_long_as_the_numbers(figure):
    page = figure("speed")
    now = TABLE[512, 32, 35]
    longest = max(now[way] for way in WAYS)
    for way in WAYS:
        bar = page.locator(f'.speed__row[data-way="{way}"] .speed__bar')
        pause(page, 200)
        full = bar.bounding_box()["width"]
        products, rest = (bar.locator("i").nth(i).bounding_box()["width"] / full for i in (0, 1))
        assert products == pytest.approx(min(now["floor"], now[way]) / longest, abs=0.01)
        assert products + rest == pytest.approx(now[way] / longest, abs=0.01)


@pytest.mark.parametrize("axis", "HBT")
def test_the_plot_holds_every_measured_point_of_its_line_and_no_other(figure, axis):
    page = figure("speed", state=state(START, along=axis))
    dots = page.locator(".speed__chart circle").evaluate_all(
        """all => all.map((c) => [[...c.classList].find((n) => /^is-(fast|plain|d2l|floor)$/.test(n)).slice(3),
           Number(c.dataset.at), Number(c.dataset.ms), Number(c.getAttribute("cx")), Number(c.getAttribute("cy"))])"""
    )
    wanted = {
        (way, one[axis]): 1000 * one[way]
        for one in line(axis)
        for way in (*WAYS, "floor")
        if one[way] is not None
    }
    assert {(way, n): v for way, n, v, _, _ in dots} == pytest.approx(wanted)
    # both axes are logarithmic: places are a straight function of the logarithms
    for at, on in ((1, 3), (2, 4)):
        (a, b), *others = {(math.log(dot[at]), dot[on]) for dot in dots}
        far = max(others, key=lambda one: abs(one[0] - a))
        slope = (far[1] - b) / (far[0] - a)
        assert all(abs(b + slope * (x - a) - y) < 0.3 for x, y in others)
    label = page.locator(".speed__chart").get_attribute("aria-label")
    for one in line(axis):
        if one["floor"] is not None:
            assert f"{one[axis]}: {three(1000 * one['fast'])} / {three(1000 * one['floor'])}" in label
    rest = ", ".join(f"{a} = {START[a]}" for a in "HBT" if a != axis)
    assert rest in page.locator(".speed__axis").inner_text()


def test_the_crossover_lies_between_two_measured_sizes(figure):
    page = figure("speed")
    known = [one for one in line("H") if one["floor"] is not None]
    over = [one["floor"] / one["fast"] >= 0.5 for one in known]
    k = max((i for i in range(len(over)) if not over[i]), default=-1) + 1
    assert data(page)["crossing"] == str(k if k < len(over) else -1)
    box = page.locator(".speed__crossing").evaluate(
        "r => [Number(r.getAttribute('x')), Number(r.getAttribute('width'))]"
    )
    xs = page.locator(".speed__chart circle.is-fast").evaluate_all(
        "all => all.map((c) => Number(c.getAttribute('cx')))"
    )
    assert [box[0], box[0] + box[1]] == pytest.approx([xs[k - 1], xs[k]], abs=0.1)


# ---------- the reader's hand ----------


@pytest.mark.parametrize("axis", "HBT")
def test_sliders_go_from_one_measured_size_to_the_next(figure, axis):
    page = figure("speed", lang="zh", state=state({"H": 32, "B": 1, "T": 8}))
    handle, sizes = slider(page, axis), SIZES[axis]
    handle.focus()
    for n in sizes[1:]:
        page.keyboard.press("ArrowRight")
        assert cell(page)[axis] == n and handle.get_attribute("aria-valuetext") == str(n)
    page.keyboard.press("ArrowRight")
    assert cell(page)[axis] == sizes[-1]
    page.keyboard.press("Home")
    assert cell(page)[axis] == sizes[0] and data(page)["along"] == axis
    page.keyboard.press("End")
    pause(page, 400)
    assert f"{axis}={sizes[-1]}" in page.url and (axis == "H" or f"along={axis}" in page.url)
    if TABLE[tuple({"H": 32, "B": 1, "T": 8, axis: sizes[-1]}[a] for a in "HBT")]["floor"]:
        page.wait_for_function(
            f"() => document.querySelector('.fig-said').textContent.includes('{axis} = {sizes[-1]}')"
        )
        assert not re.search(r"[_*]", page.locator(".fig-said").text_content())


def test_a_click_into_the_plot_takes_the_nearest_size(figure):
    page = figure("speed")
    chart = page.locator(".speed__chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    xs = page.locator(".speed__chart circle.is-fast").evaluate_all(
        "all => all.map((c) => Number(c.getAttribute('cx')))"
    )
    page.mouse.move(box["x"] + xs[1] + 8, box["y"] + 150)
    page.mouse.down()
    assert cell(page)["H"] == SIZES["H"][1]
    page.mouse.move(box["x"] + xs[3] - 5, box["y"] + 150)
    page.mouse.up()
    assert cell(page)["H"] == SIZES["H"][3]
    page.mouse.move(box["x"] + xs[0], box["y"] + 150)
    assert cell(page)["H"] == SIZES["H"][3], "let go"
    assert slider(page, "H").input_value() == "3"


def test_a_size_in_between_goes_to_the_nearest_one(figure):
    assert cell(figure("speed", state="H=300&B=33&T=1000&along=T")) == TABLE[256, 32, SIZES["T"][-1]]
    assert cell(figure("speed", state="H=-5&B=x&T=0&along=Q")) == TABLE[SIZES["H"][0], 32, SIZES["T"][0]]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_was_not_measured_says_so_and_shows_no_number(figure, lang):
    assert MISSING, "the table has no such size any more: then this test may go"
    H, B, T = max(MISSING)
    page = figure("speed", lang=lang, state=state({"H": H, "B": B, "T": T}))
    words = {"zh": "没有量", "en": "not measured"}[lang]
    assert "unmeasured" in data(page)
    assert words in page.locator(".speed__verdict").inner_text()
    for way in WAYS:
        bar = page.locator(f'.speed__row[data-way="{way}"] .speed__bar')
        assert shown(page, way) == ["–", "–", "–"] and bar.inner_text() == words
        pause(page, 200)
        assert [bar.locator("i").nth(i).bounding_box()["width"] for i in (0, 1)] == [0, 0]
    missing = [one["H"] for one in line("H", B=B, T=T) if one["floor"] is None]
    assert page.locator(".speed__missing").count() == len(missing)
    off = page.locator(".speed__sliders .fig-slider").nth(0).locator("[data-off]").all_inner_texts()
    assert off == [str(n) for n in missing]
    assert page.locator(".speed__chart circle.is-here").count() == 0


def test_one_way_that_was_not_measured_leaves_the_others(figure, monkeypatch):
    page = figure("speed", ready=False)
    page.add_init_script(
        """let kit; Object.defineProperty(globalThis, "Kit", {configurable: true, get: () => kit, set(given) {
             kit = given; let pack; Object.defineProperty(given, "pack", {set: (real) => { pack = real; },
               get: () => (name, found) => { const i = found.columns.indexOf("d2l");
                 for (const row of found.cells) row[i] = null; pack(name, found); }}); }});"""
    )
    page.reload()
    page.locator(".fig-speed[data-ready]").wait_for()
    assert shown(page, "d2l") == ["–", "–", "–"]
    assert shown(page, "fast")[0] == three(1000 * TABLE[512, 32, 35]["fast"])
    assert "d2l" not in page.locator(".speed__verdict").inner_text()
    assert page.locator(".speed__chart circle.is-d2l").count() == 0


def test_a_link_sets_the_size_and_back_to_the_start(figure):
    page = figure("speed", state="H=64&B=1&T=8&along=B")
    page.evaluate(
        """() => document.body.insertAdjacentHTML("beforeend",
           '<p><a class="fig-set" href="#speed:H=1024&B=128&T=35">a link</a></p>')"""
    )
    page.get_by_text("a link").click()
    assert cell(page) == TABLE[1024, 128, 35] and data(page)["along"] == "H"
    assert page.get_by_text("a link").get_attribute("aria-current") == "true"
    page.go_back()
    page.wait_for_function("() => JSON.parse(document.querySelector('.fig-speed').dataset.cell).H === 64")


@pytest.mark.parametrize("right", [True, False])
def test_the_guess_comes_first(figure, right):
    page = figure("speed")
    one, many = TABLE[512, 1, 35], TABLE[512, 32, 35]
    ratio = many["fast"] / one["fast"]
    answer = next(i for i, limit in enumerate((3, 10, 24, math.inf)) if ratio < limit)
    assert three(1000 * one["fast"]) not in page.locator(".fig-predict").inner_text()
    page.locator(".fig-predict button").nth(answer if right else (answer + 1) % 4).click()
    text = page.locator(".fig-predict").inner_text()
    assert ("You got it." in text) == right
    assert f"from {three(1000 * one['fast'])} ms to {three(1000 * many['fast'])} ms" in text
    assert cell(page) == many and data(page)["along"] == "B"


# ---------- for everybody ----------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_language_is_whole_and_alone(figure, lang):
    page = figure("speed", lang=lang)
    page.evaluate(PROBES)
    names = {"rnnlib", "torch", *re.findall("[a-z]{2,}", " ".join(map(str, PACK["measured"].values())))}
    for given in settings(page):
        strays = page.evaluate("lang => probes.strays(lang)", lang)
        assert [text for text in strays if text != "speed"] == [], given  # the page's heading is the name
        text = page.locator(".fig-speed").inner_text()
        if lang == "en":
            assert not re.search("[\u4e00-\u9fff]", text), given
        else:
            assert set(re.findall("[a-z]{2,}", text)) <= names, given
        assert {"zh": "毫秒", "en": "ms"}[lang] in page.locator(".speed__chart").inner_text()
    assert PACK["measured"]["processor"] in page.locator(".fig-note").inner_text()


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_it_fits_is_readable_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("speed", lang=lang, theme=theme, width=width)
    page.evaluate(PROBES)
    for given in settings(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= width, given
        assert page.evaluate("() => probes.lowContrast()") == {}, given
    assert violations(page, axe) == []


LABELS = """all => all.map((e) => { const b = e.getBoundingClientRect();
  return [e.innerText, b.left, b.right, b.top, b.bottom]; })"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_words_in_the_plot_do_not_lie_on_each_other(figure, lang, width):
    page = figure("speed", lang=lang, width=width)
    for given in settings(page):
        boxes = page.locator(".speed__chart .fig-curve__label").evaluate_all(LABELS)
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart = a[1] > b[2] + 2 or b[1] > a[2] + 2 or a[3] >= b[4] - 2 or b[3] >= a[4] - 2
                assert apart, f"{a[0]!r} lies on {b[0]!r} at {given!r}"
        assert all(left >= 0 and right <= width for _, left, right, _, _ in boxes), given


def test_without_javascript_the_main_numbers_stand_in_its_place():
    page = with_static(f"<p>a</p>{place('speed', {})}<p>b</p>{place('gradients', {})}")
    assert page.count("<li>") == sum(one["fast"] is not None for one in line("H"))
    for one in line("H"):
        if one["fast"] is not None:
            numbers = [speed.milliseconds(one[way]) for way in ("d2l", "plain", "fast", "floor")]
            d2l, plain, fast, floor = numbers
            assert (
                f"H = {one['H']}: d2l's loop {d2l}, rnnlib's plain path {plain}, fast path {fast}; " in page
            )
            assert f"快路 {fast}；只算乘积 {floor} |" in page
    assert PACK["measured"]["processor"] in page
    marked = mark_html(page)
    assert marked.count("lang-zh") == marked.count("lang-en") == 2 + 1 + page.count("<li>")
    assert page.index("<li>") < page.index("</figure>") < page.index("<p>b</p>")
    assert "<li>" not in page.split('data-figure="gradients"')[1]


@pytest.mark.parametrize("seconds, said", [(0.0008434, "0.843"), (0.02794, "27.9"), (1.2361, "1,240")])
def test_milliseconds_have_three_digits(seconds, said):
    assert speed.milliseconds(seconds) == said


def test_without_its_table_it_says_so(figure):
    page = figure("speed", ready=False, missing="speed")
    page.locator(".fig-speed[data-failed]").wait_for()
    assert "could not be shown" in page.locator(".fig-message").inner_text()


def test_the_first_frame_comes_soon(figure):
    page = figure("speed")
    assert page.evaluate("performance.getEntriesByName('figure:speed')[0].startTime") < 3000
