"""The parts that figures are made of (rnnlib/widgets/js/kit), driven on a blank page: values change by value."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from pathlib import Path

import pytest
from book_site import ROOT, pause

pytestmark = pytest.mark.site
WIDGETS = ROOT / "rnnlib" / "widgets"
SCRIPTS = [*sorted((WIDGETS / "js" / "kit").glob("*.js")), WIDGETS / "js" / "figures" / "parts.js"]
STYLES = [WIDGETS / "css" / "kit.css", WIDGETS / "css" / "parts.css"]
HOME = "http://kit.test/"
PAGE = """<!doctype html><html lang="zh-CN" data-theme="{theme}" data-booklang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>parts</title><style>
html {{ background: #fff; color: #222832; }} html[data-theme="dark"] {{ background: #121212; color: #ced6dd; }}
body {{ margin: 0; }} main {{ max-width: 46rem; margin: 0 auto; padding: 0 1rem 4rem; }}
{css}</style></head><body><main><h1>parts</h1><h2>figure</h2><figure></figure></main></body></html>"""
TEXT = "we read 一个字符 at a time"


class Parts:
    """The figure "parts" on a page, and what its parts report."""

    def __init__(self, page) -> None:
        self.page = page

    def __getitem__(self, name: str):
        return self.page.locator(f'[data-part="{name}"]')

    @property
    def event(self) -> str:
        return self.page.evaluate("() => document.querySelector('figure').dataset.event || ''")

    def js(self, code: str, *argument: object) -> object:
        return self.page.evaluate(code, *argument)

    def key(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def lang(self, to: str) -> None:
        self.js("to => { document.documentElement.dataset.booklang = to; }", to)
        self.frame()

    def theme(self, to: str) -> None:
        self.js("to => { document.documentElement.dataset.theme = to; }", to)
        self.frame()

    def frame(self) -> None:
        self.js(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def value(self, name: str) -> object:
        """One value of the figure's state."""
        return self.js("name => [...Kit.mounted.values()][0].values[name]", name)


@pytest.fixture
def kit(browser):
    """``with kit(width=390, lang="en") as parts``: every part, living, on a page without a book."""

    @contextmanager
    def open_(lang="en", theme="light", width=1280, storage=True, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(6_000)
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        css = "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
        body = PAGE.format(lang=lang, theme=theme, css=css)
        page.route("**/*", lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
        if not storage:
            deny = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})"
            page.add_init_script(deny)
        parts = Parts(page)
        load(parts)
        yield parts
        context.close()
        assert errors == []

    return open_


def load(parts: Parts) -> None:
    """Open the page and put the parts into it."""
    parts.page.goto(HOME)
    for path in SCRIPTS:
        parts.page.add_script_tag(path=path)
    parts.js("() => Kit.mount(document.querySelector('figure'), 'parts').then(() => true)")
    assert parts.js("() => 'ready' in document.querySelector('figure').dataset")
    parts.frame()


def box(locator) -> dict:
    found = locator.bounding_box()
    assert found, "not in the page"
    return found


def click_at(parts: Parts, locator, x: float, y: float = 0.5) -> None:
    """Click at a place given as shares of the box."""
    locator.scroll_into_view_if_needed()
    b = box(locator)
    parts.page.mouse.click(b["x"] + x * b["width"], b["y"] + y * b["height"])


def drag(parts: Parts, locator, start: tuple[float, float], *to: tuple[float, float]) -> None:
    locator.scroll_into_view_if_needed()
    b = box(locator)
    places = [(b["x"] + x * b["width"], b["y"] + y * b["height"]) for x, y in (start, *to)]
    parts.page.mouse.move(*places[0])
    parts.page.mouse.down()
    for place in places[1:]:
        parts.page.mouse.move(*place, steps=4)
    parts.page.mouse.up()


# ---------------------------------------------------------------- colour
def test_palettes_run_between_the_tokens(kit):
    with kit() as parts:
        ends = parts.js(
            """() => { const host = document.querySelector("figure"), style = getComputedStyle(host);
            const hex = (css) => "#" + css.match(/\\d+/g).map((c) => (+c).toString(16).padStart(2, "0")).join("");
            const token = (name) => style.getPropertyValue("--fig-" + name).trim();
            return {signed: [-1, 0.002, 1].map((v) => hex(Kit.colour(host, "signed", v))).concat(["below", "zero", "above"].map(token)),
              gate: [0, 1].map((v) => hex(Kit.colour(host, "gate", v))).concat(["shut", "open"].map(token)),
              amount: [NaN, 7].map((v) => hex(Kit.colour(host, "amount", v))).concat(["none", "full"].map(token))}; }"""
        )
        assert ends["gate"][:2] == ends["gate"][2:] and ends["amount"][:2] == ends["amount"][2:]
        low, zero, high, *tokens = ends["signed"]
        assert (low, high) == (tokens[0], tokens[2])
        pairs = zip(bytes.fromhex(zero[1:]), bytes.fromhex(tokens[1][1:]), strict=True)
        assert all(abs(a - b) <= 2 for a, b in pairs)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_on_every_colour_can_be_read(kit, theme):
    with kit(theme=theme) as parts:
        worst = parts.js(
            """() => { const host = document.querySelector("figure"), style = getComputedStyle(host);
            const light = (rgb) => { const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
              return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const hex = (s) => [1, 3, 5].map((i) => parseInt(s.slice(i, i + 2), 16)); let worst = 99;
            for (const map of ["signed", "gate", "amount"]) for (let v = -1; v <= 1; v += 0.01) {
              const a = light(Kit.colour(host, map, v).match(/\\d+/g).map(Number));
              const b = light(hex(style.getPropertyValue(Kit.readable(host, map, v).slice(4, -1)).trim()));
              worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)); }
            return worst; }"""
        )
        assert worst >= 4.5


def pixels(parts: Parts, part: str, kind: str = ".fig-band") -> list:
    return parts.js(
        """([part, kind]) => { const c = document.querySelector(`[data-part="${part}"] ${kind} canvas`);
        return [c.width, c.height, Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data)]; }""",
        [part, kind],
    )


def test_canvases_are_painted_anew_in_the_other_theme(kit):
    with kit() as parts:
        before, matrix = pixels(parts, "track"), pixels(parts, "matrix", ".fig-matrix")
        parts.theme("dark")
        after = pixels(parts, "track")
        assert after[:2] == before[:2] and after[2] != before[2]
        assert pixels(parts, "matrix", ".fig-matrix")[2] != matrix[2]
        parts.theme("light")
        assert pixels(parts, "track")[2] == before[2]


# ---------------------------------------------------------------- track and row
def test_the_strip_is_a_slider_for_the_keyboard(kit):
    with kit() as parts:
        strip = parts["track"].get_by_role("slider", name="Read so far")
        assert strip.get_attribute("aria-valuenow") == "12"
        strip.focus()
        for key, t in {
            "ArrowRight": 12,
            "ArrowLeft": 11,
            "Home": 0,
            "PageDown": 1,
            "End": len(TEXT) - 1,
        }.items():
            parts.key(key)
            assert (parts.event, parts.value("t")) == (f"track {t} key", t)
        parts.key("PageUp")
        assert parts.value("t") == TEXT.index(" time") - 1
        assert strip.get_attribute("aria-valuemax") == str(len(TEXT))
        assert strip.get_attribute("aria-valuetext") == f"character {parts.value('t') + 1}: a"
        parts.lang("zh")
        strip = parts["track"].get_by_role("slider", name="读到哪里")
        assert strip.get_attribute("aria-valuetext") == f"第 {parts.value('t') + 1} 个字符：a"


def test_every_row_is_a_scrubber_with_the_same_cursor(kit):
    with kit() as parts:
        weights = [2 if ord(c) > 0x2E80 else 1 for c in TEXT]
        total = sum(weights)
        for kind, t in ((".fig-strip", 2), (".fig-band", 9), (".fig-memory", 20)):
            click_at(parts, parts["track"].locator(kind).first, (sum(weights[:t]) + weights[t] / 2) / total)
            assert parts.value("t") == t
            places = parts.js(
                """() => [...document.querySelectorAll('[data-part="track"] .fig-cursor')].map((c) =>
                [c.offsetLeft / c.parentNode.clientWidth, c.getBoundingClientRect().width / c.parentNode.clientWidth])"""
            )
            assert len(places) == 5
            for left, width in places[2:]:  # the memory's cursor is not shown
                assert left == pytest.approx(sum(weights[:t]) / total, abs=0.01)
                assert width == pytest.approx(weights[t] / total, abs=0.01)
        drag(parts, parts["track"].locator(".fig-band").first, (0.02, 0.5), (0.3, 0.5), (0.99, 0.5))
        assert parts.value("t") == len(TEXT) - 1


def test_a_chinese_character_takes_two_columns_in_letters_and_bands(kit):
    with kit() as parts:
        widths = parts.js(
            """() => [...document.querySelectorAll('[data-part="track"] .fig-strip .fig-letters > span')].map((s) => s.getBoundingClientRect().width)"""
        )
        assert widths[TEXT.index("字")] == pytest.approx(2 * widths[0], rel=0.02)
        width, height, data = pixels(parts, "track")
        assert (width, height) == (len(TEXT) + 4, 12)
        at = TEXT.index("一")
        assert data[4 * at : 4 * at + 4] == data[4 * at + 4 : 4 * at + 8]  # two pixels of the same
        assert data[:4] != data[4 * 5 : 4 * 5 + 4]


def test_bands_report_rows_and_memory_fades(kit):
    with kit() as parts:
        click_at(parts, parts["track"].locator(".fig-band").first, 0.1, 0.9)
        assert parts.event.startswith("pick 10 ")
        frame = parts["track"].locator(".fig-band__row").first
        assert frame.evaluate("f => [f.hidden, f.style.top]") == [False, f"{1000 / 12:.4f}%"]
        t = parts.value("t")
        spans = parts["track"].locator(".fig-memory span")
        assert spans.nth(t).evaluate("s => s.style.getPropertyValue('--left')") == "1.00"
        assert spans.nth(t - 1).evaluate("s => s.style.getPropertyValue('--left')") == "0.80"
        assert spans.nth(t + 1).get_attribute("class") == "is-ahead"
        assert spans.nth(t).evaluate("s => s.style.getPropertyValue('--was')") == ""
        parts.js("() => [...Kit.mounted.values()][0].set({hold: 0.5})")
        assert spans.nth(t - 1).evaluate("s => s.style.getPropertyValue('--was')") == "0.60"
        veil = (
            parts["track"].locator(".fig-veil").first.evaluate("v => v.offsetLeft / v.parentNode.clientWidth")
        )
        weights = [2 if ord(c) > 0x2E80 else 1 for c in TEXT]
        assert veil == pytest.approx(sum(weights[: t + 1]) / sum(weights), abs=0.01)


@pytest.mark.parametrize("width", [390, 320])
def test_a_long_text_scrolls_inside_its_own_box(kit, width):
    with kit(width=width) as parts:
        strip, band = parts["long"].locator(".fig-strip"), parts["long"].locator(".fig-band")
        strip.focus()
        for key in ("End", "Home", *["PageDown"] * 6):
            parts.key(key)
            parts.frame()
            cursor, view = box(parts["long"].locator(".fig-strip .fig-cursor")), box(strip)
            assert (
                view["x"] - 1 <= cursor["x"]
                and cursor["x"] + cursor["width"] <= view["x"] + view["width"] + 1
            )
            assert strip.evaluate("s => s.scrollLeft") == band.evaluate("b => b.scrollLeft")
            if key == "End":
                assert strip.evaluate("s => s.scrollLeft") > 100
        assert parts.js("() => document.documentElement.scrollWidth") == width
        assert box(parts["long"].locator(".fig-strip span").first)["width"] >= 8.9


def test_a_drag_to_the_edge_goes_on(kit):
    with kit(width=390) as parts:
        band = parts["long"].locator(".fig-band")
        band.scroll_into_view_if_needed()
        b = box(band)
        parts.page.mouse.move(b["x"] + 100, b["y"] + 10)
        parts.page.mouse.down()
        parts.page.mouse.move(b["x"] + b["width"] - 3, b["y"] + 10, steps=3)
        first = parts.value("long")
        parts.page.wait_for_function(
            "first => [...Kit.mounted.values()][0].values.long > first + 8", arg=first
        )
        parts.page.mouse.up()
        parts.page.mouse.move(5, 5)
        rest = parts.value("long")
        pause(parts.page, 200)
        assert parts.value("long") == rest


def test_rows_stand_beside_or_under_their_labels(kit):
    for width, beside in ((1280, True), (390, False)):
        with kit(width=width) as parts:
            row = parts["track"].locator(".fig-row").first
            label, columns, side = (box(row.locator(f":scope > :nth-child({k})")) for k in (1, 2, 3))
            assert (label["x"] + label["width"] <= columns["x"]) is beside
            assert (side["x"] >= columns["x"] + columns["width"]) is beside
            assert (label["y"] + label["height"] <= columns["y"] + 1) is not beside


# ---------------------------------------------------------------- bars
def test_bars_show_the_best_in_order_and_mark_the_truth(kit):
    with kit() as parts:
        rows = parts["track"].locator(".fig-bars__row")
        parts.js(
            "() => document.getAnimations().forEach((a) => a.effect.getComputedTiming().iterations < 9 && a.finish())"
        )
        shares = rows.evaluate_all(
            "r => r.map((x) => parseInt(x.querySelector('.fig-bars__value').textContent))"
        )
        lengths = rows.evaluate_all(
            "r => r.map((x) => new DOMMatrix(getComputedStyle(x.querySelector('.fig-bars__bar')).transform).a)"
        )
        assert shares == sorted(shares, reverse=True) and len(shares) == 3
        assert [round(100 * x) for x in lengths] == shares
        marked = parts.js(
            """() => { const bars = Kit.bars(2); bars.draw([0.2, 0.5, 0.3], "a b", "b"); document.querySelector("main").append(bars.el);
            return [...bars.el.querySelectorAll(".fig-bars__row")].map((r) => [r.textContent, "true" in r.dataset]); }"""
        )
        assert marked == [["\u242350 %", False], ["b30 %", True]]


def test_two_networks_stand_side_by_side_and_can_be_picked(kit):
    with kit() as parts:
        two = parts["twobars"]
        assert two.locator(".fig-bars__row").count() == 5
        left, right = (
            box(two.locator(".is-left.fig-bars__bar").first),
            box(two.locator(".is-right.fig-bars__bar").first),
        )
        letter = box(two.locator(".fig-bars__letter").first)
        assert left["x"] + left["width"] <= letter["x"] and right["x"] >= letter["x"] + letter["width"]
        c = two.locator(".fig-bars__letter").nth(1).inner_text()
        two.get_by_role("button").nth(1).click()
        assert parts.event == f"bar {ord(c) - 96} {c}"
        c = two.locator(".fig-bars__letter").nth(3).inner_text()
        two.get_by_role("button").nth(3).press("Enter")
        assert parts.event == f"bar {ord(c) - 96} {c}"


# ---------------------------------------------------------------- slider and meter
def test_a_slider_moves_by_hand_and_goes_home(kit):
    with kit() as parts:
        warm = parts["slider"].get_by_role("slider", name="temperature")
        warm.focus()
        parts.key("ArrowRight", "ArrowRight")
        assert parts.event.startswith("warm 1.1 ") and parts.value("warm") == 1.1
        assert parts["slider"].locator("output").nth(1).inner_text() == "1.10"
        parts.key("Delete")
        assert parts.event == "warm 1 true"
        parts.key("End")
        assert parts.value("warm") == 2
        b = box(warm)
        warm.dblclick(position={"x": 0.2 * b["width"], "y": b["height"] / 2})
        assert parts.value("warm") == 1
        drag(parts, warm, (0.5, 0.5), (0.25, 0.5))
        expected = 2 * (0.25 * b["width"] - 7.5) / (b["width"] - 15)
        assert parts.value("warm") == pytest.approx(expected, abs=0.06)
        back = parts["slider"].get_by_role("button", name="Back to the default: temperature")
        back.click()
        assert parts.value("warm") == 1 and not back.is_visible()


def test_a_logarithmic_slider_multiplies(kit):
    with kit() as parts:
        rate = parts["slider"].get_by_role("slider", name="learning rate")
        rate.focus()
        seen = []
        for _ in range(3):
            parts.key("ArrowRight")
            seen.append(parts.value("rate"))
        ratio = 10 ** (1 / 20)
        assert seen == [float(f"{0.01 * ratio**k:.2g}") for k in (1, 2, 3)]
        parts.key("Home")
        assert parts.value("rate") == 1e-4
        assert rate.get_attribute("aria-valuetext") == "10\u207b\u2074"
        parts.key("End")
        assert parts.value("rate") == 1
        ticks = parts["slider"].locator(".fig-slider__ticks").first.locator("span")
        assert ticks.all_inner_texts() == ["10\u207b\u2074", "0.01", "1"]


def test_a_needle_is_held_and_let_go(kit):
    with kit() as parts:
        needle = parts["track"].get_by_role("slider", name="Forget gate")
        free = parts["track"].get_by_role("button", name="Let go: Forget gate")
        mean = float(needle.input_value())
        assert "mean" in needle.get_attribute("aria-valuetext") and not free.is_visible()
        needle.focus()
        parts.key("ArrowRight")
        assert parts.value("hold") == pytest.approx(mean + 0.01)
        assert needle.get_attribute("data-held") == "" and "held" in needle.get_attribute("aria-valuetext")
        parts.key("Escape")
        assert parts.event == "meter null" or parts.event == "meter "
        assert parts.value("hold") == -1 and float(needle.input_value()) == mean
        click_at(parts, needle, 0.8)
        assert parts.value("hold") == pytest.approx(0.8, abs=0.08)
        free.click()
        assert parts.value("hold") == -1
        assert needle.evaluate("n => n === document.activeElement")


# ---------------------------------------------------------------- choosing
def test_segmented_buttons_are_a_radio_group(kit):
    with kit() as parts:
        group = parts["choice"].get_by_role("radiogroup", name="cell")
        radio = group.get_by_role("radio")
        assert [r.get_attribute("tabindex") for r in radio.all()] == ["-1", "0", "-1"]
        radio.nth(1).focus()
        for key, cell in {
            "ArrowRight": "lstm",
            "ArrowDown": "rnn",
            "ArrowLeft": "lstm",
            "Home": "rnn",
        }.items():
            parts.key(key)
            assert (parts.event, parts.value("cell")) == (f"choice {cell}", cell)
        assert radio.nth(0).evaluate("r => r === document.activeElement && r.tabIndex === 0")
        radio.nth(2).click()
        assert parts.value("cell") == "lstm"
        assert [r.get_attribute("aria-checked") for r in radio.all()] == ["false", "false", "true"]


def test_a_choice_that_is_off_cannot_be_made(kit):
    with kit() as parts:
        seen = parts.js(
            """() => { const seen = [], c = Kit.choice(["甲", "a"], [1, 2, 3].map((v) => ({value: v, words: [v, v].map(String), off: v === 2})),
              (v) => seen.push(v), {value: 1}); document.querySelector("main").append(c.el);
              const b = c.el.querySelectorAll("button"); b[1].click(); b[0].focus();
              b[0].dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
              c.draw(2, [{value: 2, words: ["2", "2"]}]); seen.push(c.el.querySelectorAll("button").length); return seen; }"""
        )
        assert seen == [3, 1]


def test_a_word_in_a_sentence_is_a_select_in_both_languages(kit):
    with kit() as parts:
        select = parts["choice"].get_by_role("combobox", name="optimizer")
        assert select.evaluate("s => s.selectedOptions[0].label") == "SGD"
        select.focus()
        parts.key("ArrowDown")
        if parts.value("rule") != "adam":  # where the list opens first
            parts.key("Enter")
        assert (parts.event, parts.value("rule")) == ("word adam", "adam")
        select.select_option(index=0)
        assert parts.value("rule") == "sgd"
        parts.lang("zh")
        select = parts["choice"].get_by_role("combobox", name="优化器")
        assert select.evaluate("s => s.selectedOptions[0].label") == "随机梯度下降"
        assert select.evaluate("s => getComputedStyle(s.parentNode).whiteSpace").startswith("nowrap")


def test_a_box_is_ticked(kit):
    with kit() as parts:
        tick = parts["choice"].get_by_role("checkbox", name="clip gradients")
        tick.focus()
        parts.key("Space")
        assert (parts.event, parts.value("clip")) == ("toggle true", True)
        parts["choice"].get_by_text("clip gradients").last.click()
        assert parts.value("clip") is False


# ---------------------------------------------------------------- field
def test_a_field_cleans_and_says_what_it_dropped(kit):
    with kit() as parts:
        field = parts["field"].get_by_role("textbox", name="your sentence")
        note = parts["field"].locator(".fig-field__note")
        assert field.get_attribute("placeholder") == "or type your own" and not note.is_visible()
        field.fill("Time 7: é trAvels")
        field.press("Enter")
        assert parts.value("text") == "time   travels"
        assert note.inner_text() == "Unknown to the network, left out: 7 : é"
        parts.lang("zh")
        assert note.inner_text() == "网络不认识，去掉了：7 : é"
        parts.lang("en")
        field.fill("a" * 40)
        parts.page.wait_for_function(
            "() => document.querySelector('figure').dataset.event.endsWith('a'.repeat(24))"
        )
        assert parts.value("text") == "a" * 24
        assert note.inner_text() == "Only the first 24 characters are used"
        field.fill("fine")
        field.press("Enter")
        assert parts.value("text") == "fine" and not note.is_visible()


def test_an_input_method_is_not_disturbed(kit):
    with kit() as parts:
        seen = parts.js(
            """async () => { const seen = [], f = Kit.field(["字", "text"], {letters: "shi时间", max: 4, wait: 10}, (v) => seen.push(v));
              document.querySelector("main").append(f.el); const rest = () => new Promise((done) => setTimeout(done, 60));
              const put = (v, type) => { f.input.value = v; f.input.dispatchEvent(new Event(type || "input", {bubbles: true})); };
              f.input.dispatchEvent(new Event("compositionstart")); put("shi"); await rest(); const during = seen.length + "/" + f.input.value;
              put("时", "input"); f.input.dispatchEvent(new Event("compositionend")); await rest(); return [during, seen]; }"""
        )
        assert seen == ["0/shi", ["时"]]


# ---------------------------------------------------------------- player
def test_the_player_steps_plays_and_stops_at_the_end(kit):
    with kit() as parts:
        track = parts["track"]
        track.get_by_role("button", name="Next character").click()
        assert parts.value("t") == 12
        track.get_by_role("button", name="Previous character").press("Enter")
        assert parts.value("t") == 11
        speed = track.get_by_role("button", name="Speed: 1 times")
        speed.click()
        track.get_by_role("button", name="Speed: 2 times").click()
        assert track.locator(".fig-player__speed").inner_text() == "\u00d74"
        track.get_by_role("button", name="Play", exact=True).click()
        assert track.get_by_role("button", name="Pause").count() == 1
        parts.page.wait_for_function("n => [...Kit.mounted.values()][0].values.t === n", arg=len(TEXT) - 1)
        track.get_by_role("button", name="Play", exact=True).wait_for()
        track.get_by_role("button", name="Play", exact=True).click()  # at the end: from the start
        assert parts.value("t") < 5
        track.get_by_role("button", name="Pause").click()
        t = parts.value("t")
        pause(parts.page, 300)
        assert parts.value("t") == t


def test_the_player_stops_when_the_page_is_hidden_and_answers_the_space_bar(kit):
    with kit() as parts:
        parts["track"].get_by_role("slider", name="Read so far").focus()
        parts.key("Home", "Space")
        assert parts["track"].get_by_role("button", name="Pause").count() == 1
        parts.js(
            """() => { Object.defineProperty(document, "hidden", {get: () => true, configurable: true});
            document.dispatchEvent(new Event("visibilitychange")); }"""
        )
        assert parts["track"].get_by_role("button", name="Play", exact=True).count() == 1


def test_the_player_is_slow_where_motion_is_reduced(kit):
    with kit(reduced_motion="reduce") as parts:
        parts["track"].get_by_role("button", name="Play", exact=True).click()
        t = parts.value("t")
        pause(parts.page, 700)
        assert parts.value("t") == t
        parts.page.wait_for_function("t => [...Kit.mounted.values()][0].values.t === t + 1", arg=t)
        assert (
            parts.js("() => getComputedStyle(document.querySelector('.is-flowing path')).animationName")
            == "none"
        )


# ---------------------------------------------------------------- curve and plot
def test_a_curve_is_scrubbed(kit):
    with kit() as parts:
        curve = parts["curve"].get_by_role("slider", name="Perplexity")
        curve.focus()
        for key, at in {
            "ArrowRight": 10,
            "PageUp": 14,
            "ArrowDown": 13,
            "Home": 0,
            "End": 40,
            "PageDown": 36,
        }.items():
            parts.key(key)
            assert (parts.event, parts.value("at")) == (f"curve {at}", at)
        parts.frame()
        assert curve.get_attribute("aria-valuenow") == "36"
        assert curve.get_attribute("aria-valuetext").startswith("epoch 36, ")
        value = float(curve.get_attribute("aria-valuetext").split(", ")[1])
        assert value == pytest.approx(2.2 + 25.8 * math.exp(-36 / 7), abs=0.05)
        assert f"training {value}" in parts["curve"].locator(".fig-curve__over").first.inner_text()
        grip = box(parts["curve"].locator(".fig-curve__grip").first)
        b = box(curve)
        x = (grip["x"] + grip["width"] / 2 - b["x"]) / b["width"]
        drag(parts, curve, (x, 0.5), (x / 2, 0.5))
        assert 15 <= parts.value("at") <= 19
        click_at(parts, curve, 0.001)
        assert parts.value("at") == 0


def test_curves_stand_where_their_numbers_are(kit):
    with kit() as parts:
        shape = parts.js(
            """async () => { const c = Kit.curve(["甲", "a"], {height: 236}); document.querySelector("main").append(c.el);
              c.el.classList.add("fig"); c.draw({xMax: 10, yMin: 1, yMax: 100, series: [{id: "x", points: [[0, 1], [5, 10], [10, 1e9]]}]});
              await new Promise((done) => setTimeout(done, 80)); return [...c.el.querySelectorAll(".fig-curve__series")].map((p) => p.getAttribute("d")); }"""
        )
        numbers = [float(n) for n in shape[0][1:].replace("L", " ").split()]
        assert numbers[1::2] == [210, 110, 10]  # logarithmic, and what is too large stands at the edge
        assert numbers[2] - numbers[0] == pytest.approx(numbers[4] - numbers[2], abs=0.2)


def test_curves_differ_in_more_than_colour_and_have_a_key(kit):
    with kit() as parts:
        looks = (
            parts["curve"]
            .locator(".fig-curve")
            .nth(1)
            .locator(".fig-curve__series")
            .evaluate_all(
                "s => s.map((p) => { const c = getComputedStyle(p); return [c.strokeDasharray, c.strokeWidth].join('/'); })"
            )
        )
        assert len(set(looks)) == 4
        assert parts["curve"].locator(".fig-curve__key").nth(1).inner_text().split("\n")[0].startswith("RNN")
        assert not parts["curve"].locator(".fig-curve__key").first.is_visible()
    with kit(width=390) as parts:  # the names of the lines go under the picture
        assert "one letter back" in parts["curve"].locator(".fig-curve__key").first.inner_text()


def test_a_grip_on_a_plot_is_dragged_along_its_axis(kit):
    with kit() as parts:
        grip = parts["plot"].get_by_role("slider", name="Norm at lag 20")
        before = box(grip)
        grip.focus()
        parts.key("ArrowUp")
        radius = parts.value("radius")
        assert radius == pytest.approx(0.9 * (1e8 ** (1 / 50)) ** (1 / 20), abs=2e-4)
        parts.frame()
        after = box(grip)
        assert after["x"] == before["x"] and after["y"] < before["y"]
        assert grip.get_attribute("aria-valuetext") == f"20, {float(f'{radius**20:.3g}'):g}"
        parts.key("PageDown")
        assert parts.value("radius") < 0.9
        b = box(grip)
        parts.page.mouse.move(b["x"] + 14, b["y"] + 14)
        parts.page.mouse.down()
        parts.page.mouse.move(b["x"] + 200, b["y"] - 100, steps=5)
        parts.page.mouse.up()
        parts.frame()
        assert parts.value("radius") > 0.95
        assert box(grip)["x"] == before["x"]
        dots = parts["plot"].locator("circle.fig-curve__dot")
        assert dots.count() == 14
        assert parts["plot"].locator(".fig-key circle").count() == 3


def test_a_grip_keeps_to_its_axis_or_takes_both(kit):
    with kit() as parts:
        moved = parts.js(
            """async () => { const seen = []; for (const axis of ["x", "y", "xy"]) {
              const p = Kit.plot(["甲", "a"], {x: {min: 0, max: 1}, y: {min: 0, max: 1},
                handle: {label: ["柄", "grip"], axis, move: (x, y) => seen.push([x, y].map((v) => Math.round(100 * v) / 100))}});
              document.querySelector("main").append(Kit.el("div", {class: "fig"}, p.el));
              p.draw({handle: {x: 0.5, y: 0.25}});
              await new Promise((done) => setTimeout(done, 80));
              const box = p.el.getBoundingClientRect(), at = {clientX: box.right, clientY: box.top, bubbles: true, pointerId: 1};
              for (const type of ["pointerdown", "pointermove", "pointerup"]) p.grip.dispatchEvent(new PointerEvent(type, at)); }
              return seen; }"""
        )
        assert moved == [[1, 0.25], [0.5, 1], [1, 1]]


# ---------------------------------------------------------------- matrix
def test_a_matrix_reports_the_cell_pointed_at(kit):
    with kit() as parts:
        matrix = parts["matrix"].locator(".fig-matrix").first
        body, read = matrix.locator(".fig-matrix__body"), matrix.locator(".fig-matrix__read")
        digits = matrix.locator(".fig-matrix__digits span").all_inner_texts()
        assert len(digits) == 40 and digits[1] == f"{2 * math.sin(1):.2f}"
        body.scroll_into_view_if_needed()
        b = box(body)
        parts.page.mouse.move(b["x"] + b["width"] * 2.5 / 8, b["y"] + b["height"] * 1.5 / 5)
        assert parts.event == "matrix 1 2 pointer"
        assert read.inner_text() == f"h, 2: {digits[10]}"
        parts.page.mouse.move(5, 5)
        assert parts.event.startswith("matrix") and parts.event.endswith("leave")
        assert read.inner_text() == "Point at a cell to read it"
        grid = matrix.locator(".fig-matrix__grid")
        grid.focus()
        parts.key("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft")
        assert parts.event == "matrix 2 0 key"
        assert read.inner_text() == f"i, 0: {digits[16]}"
        parts.key("End", "ArrowRight")
        assert matrix.get_attribute("data-at") == "2,7"
        parts.lang("zh")
        assert read.inner_text() == f"i，7：{digits[23]}"
        frame = box(matrix.locator(".fig-matrix__frame.is-row"))
        assert frame["y"] == pytest.approx(b["y"] + 2 * b["height"] / 5, abs=1) or frame[
            "width"
        ] == pytest.approx(b["width"], abs=1)
        parts.key("Escape")
        assert parts.event.endswith("leave")


def test_a_matrix_answers_a_finger_and_fits(kit):
    with kit(width=390, has_touch=True) as parts:
        large = parts["matrix"].locator(".fig-matrix").nth(1)
        body = large.locator(".fig-matrix__body")
        body.scroll_into_view_if_needed()
        b = box(body)
        assert b["x"] + b["width"] <= 390
        parts.page.touchscreen.tap(b["x"] + b["width"] * 16.5 / 32, b["y"] + b["height"] * 5.5 / 27)
        assert parts.event == "large 5 16 pointer"
        names = large.locator(".fig-matrix__rows span").all_inner_texts()
        assert 5 < len(names) < 27  # as many as can be read
        assert pixels(parts, "matrix", ".fig-matrix")[:2] == [8, 5]


def test_planes_report_which_one(kit):
    with kit() as parts:
        planes = parts["matrix"].locator(".fig-planes__one")
        assert planes.locator(".fig-planes__title").all_inner_texts() == ["step 0", "step 1", "step 2"]
        click_at(parts, planes.nth(1).locator(".fig-matrix__body"), 0.1, 0.1)
        assert parts.event == "plane 1 0 0 pointer"
        assert parts["matrix"].locator(".fig-planes > .fig-matrix__read").inner_text() == "step 1, 0, a: 1.00"


# ---------------------------------------------------------------- network
def test_the_unrolled_network_is_walked(kit):
    with kit() as parts:
        net = parts["network"].get_by_role("slider", name="A network of two layers")
        net.focus()
        parts.key("Home", "ArrowRight")
        assert (parts.event, parts.value("lag")) == ("network 1 key", 1)
        assert net.get_attribute("aria-valuetext") == "step 2: o"
        node = box(net.locator('[data-node="1 4 0"]'))
        parts.page.mouse.click(node["x"] + node["width"] / 2, node["y"] + node["height"] / 2)
        assert parts.event == "network 4 1"
        assert net.locator(".fig-net__label.is-here").all_inner_texts() == ["t", "a"]  # above it, below it
        first = box(net.locator('[data-node="0 0 0"]'))
        assert first["y"] > node["y"] and first["x"] < node["x"]


def test_arrows_have_strength_and_can_run_back(kit):
    with kit() as parts:
        parts.js("() => [...Kit.mounted.values()][0].set({lag: 4, radius: 0.9})")
        found = parts.js(
            """() => { const one = (name) => { const g = document.querySelector(`[data-part="network"] [data-edge="${name}"]`);
              const [x0, , x1] = g.firstChild.getAttribute("d").match(/-?[\\d.]+/g).map(Number);
              return [g.getAttribute("class"), Number(g.firstChild.getAttribute("stroke-width")), Math.sign(x1 - x0)]; };
              return {near: one("on 0 3 0"), far: one("on 0 0 0"), ahead: one("on 0 5 0")}; }"""
        )
        assert found["near"][0] == found["far"][0] == "fig-net__edge is-back is-flowing"
        assert found["near"][1] == pytest.approx(0.8 + 4.2 * 0.9**3, abs=0.01)
        assert found["far"][1] == pytest.approx(0.8 + 4.2 * 0.9**12, abs=0.01)
        assert (found["near"][2], found["ahead"]) == (-1, ["fig-net__edge", pytest.approx(1.64), 1])


def test_a_network_of_two_directions_has_arrows_both_ways(kit):
    with kit() as parts:
        both = parts["network"].locator(".fig-net").nth(1)
        assert both.get_attribute("role") == "img"
        edges = both.locator("g").evaluate_all("g => g.map((x) => x.dataset.edge)")
        assert sum(e.startswith("on") and e.endswith("0") for e in edges) == 5
        assert sum(e.startswith("on") and e.endswith("1") for e in edges) == 5
        assert sum(e.startswith("in") for e in edges) == sum(e.startswith("out") for e in edges) == 12
        marked = both.locator("g.is-path").evaluate_all("g => g.map((x) => x.dataset.edge)")
        assert sorted(marked) == ["on 0 0 0", "on 0 1 0", "on 0 3 1", "on 0 4 1", "on 0 5 1"]


def test_any_other_arrows_and_a_network_without_time(kit):
    with kit(width=390) as parts:
        found = parts.js(
            """() => { const n = Kit.network(["卷积", "convolution"]); const fig = Kit.el("div", {class: "fig"}, n.el); document.querySelector("main").append(fig);
              n.draw({T: 20, recurrent: false, letters: Array.from("abcdefghijklmnopqrst"), at: 19, extra: [{from: [-1, 2], to: [0, 4], strength: 1, mark: "path"}]});
              return [n.el.querySelectorAll('[data-edge^="on"]').length, n.el.querySelectorAll('[data-edge^="extra"]').length, n.el.scrollLeft > 0]; }"""
        )
        assert found == [0, 1, True]
        assert parts.js("() => document.documentElement.scrollWidth") == 390


# ---------------------------------------------------------------- tree
def test_a_tree_opens_by_keyboard_and_mouse(kit):
    with kit() as parts:
        tree = parts["tree"].get_by_role("tree", name="Beam search")
        items = tree.get_by_role("treeitem")
        here = "() => { const a = document.activeElement; return [a.dataset.id, a.getAttribute('aria-expanded')]; }"
        assert items.count() == 12
        items.first.focus()
        for key, expected in [
            ("ArrowDown", ["n00", "false"]),
            ("ArrowRight", ["n00", "true"]),
            ("ArrowRight", ["n000", None]),
            ("ArrowLeft", ["n00", "true"]),
            ("ArrowLeft", ["n00", "false"]),
            ("ArrowLeft", ["n0", "true"]),
            ("End", ["n22", "false"]),
            ("ArrowUp", ["n21", "false"]),
            ("Home", ["n0", "true"]),
        ]:
            parts.key(key)
            assert parts.js(here) == expected, key
        parts.key("ArrowDown", "Enter")
        assert parts.event == "tree n00"
        assert parts.js(here)[0] == "n00"
        assert tree.locator('[aria-selected="true"]').get_attribute("data-id") == "n00"
        tree.locator('[data-id="n01"] .fig-tree__twist').click()
        assert tree.locator('[data-id="n01"]').get_attribute("aria-expanded") == "true"
        parts.key("*")
        assert tree.locator('[data-id="n02"]').get_attribute("aria-expanded") == "true"
        label = items.first.get_attribute("aria-label")
        assert "49 %, kept" in label
        parts.lang("zh")
        assert "49 %，留下" in parts["tree"].locator("li").first.get_attribute("aria-label")


# ---------------------------------------------------------------- predict, quiz, progress
def kept(parts: Parts) -> dict:
    return parts.js(
        "() => Object.fromEntries(Object.entries(localStorage).map(([k, v]) => [k, JSON.parse(v)]))"
    )


def test_a_guess_comes_first_and_is_remembered(kit):
    with kit() as parts:
        part = parts["predict"]
        assert part.locator(".fig-predict__answer").count() == 0
        part.get_by_role("button", name="28").press("Enter")
        assert parts.event == "predict 1"
        assert "You got it. Your guess: 28" in part.inner_text()
        assert part.locator(".fig-predict__answer").evaluate("a => a === document.activeElement")
        found = kept(parts)
        assert list(found) == ["book:guess:parts"]
        assert {k: found["book:guess:parts"][k] for k in ("guess", "right")} == {"guess": 1, "right": True}
        load(parts)  # the page is opened again
        assert "You got it." in part.inner_text() and parts.event == ""
        part.get_by_role("button", name="Ask me again").click()
        assert kept(parts) == {}
        part.get_by_role("button", name="infinite").click()
        assert "Not what you guessed. Your guess: infinite; what happened: 28" in part.inner_text()
        parts.lang("zh")
        assert "和你猜的不一样。你猜的是：无穷大；实际是：28" in part.inner_text()
        part.get_by_role("button", name="再问一次").click()
        part.get_by_role("button", name="直接看").click()
        assert "猜" not in part.locator(".fig-predict__answer").inner_text()
        assert kept(parts) == {}  # no guess, nothing to remember


def test_an_answer_may_take_its_time(kit):
    with kit() as parts:
        parts.js(
            """() => { Kit.predict(document.querySelector("main"), {id: "late", question: ["问", "question"], remember: false,
              choices: [{words: ["甲", "one"], right: true}, {words: ["乙", "two"]}],
              reveal: () => ({now: [["在算", "running"]], then: new Promise((done) => { window.done = () => done([["算完了", "it is done"]]); })})}); }"""
        )
        late = parts.page.locator("main > .fig-predict")
        late.get_by_role("button", name="two").click()
        text = late.locator(".lang-en").all_text_contents()
        assert "running" in text and not any("happened" in t for t in text)
        parts.js("() => window.done()")
        late.get_by_text("it is done").first.wait_for(state="attached")
        assert any("happened" in t for t in late.locator(".lang-en").all_text_contents())
        assert kept(parts) == {}


def test_a_quiz_judges_explains_and_remembers(kit):
    with kit() as parts:
        quiz = parts["quiz"]
        one = quiz.locator(".fig-quiz__one")
        one.nth(0).get_by_role("button", name="the whole text").click()
        assert "Not quite. Try again, or show me" in one.nth(0).inner_text() and parts.event == ""
        assert "There is no room" not in one.nth(0).inner_text()
        one.nth(0).get_by_role("button", name="show me").click()
        assert (
            "Not quite. You said “the whole text”; the right answer is “a summary that helps to predict”."
            in one.nth(0).inner_text()
        )
        assert "There is no room" in one.nth(0).inner_text() and "learns to keep" in one.nth(0).inner_text()
        assert parts.event == "quiz 0 1 3"
        answer = one.nth(1).get_by_role("textbox", name="Your answer")
        answer.fill("many")
        answer.press("Enter")
        assert "Please write a number" in one.nth(1).inner_text()
        answer.fill("２７")
        answer.press("Enter")
        assert "Right." in one.nth(1).inner_text() and parts.event == "quiz 1 2 3"
        parts.lang("zh")
        assert "对。你答的是 27。" in one.nth(1).inner_text() and "交叉熵" in one.nth(1).inner_text()
        parts.lang("en")
        lines = one.nth(2).locator(".fig-order__line")
        order = [int(line.get_attribute("data-line")) for line in lines.all()]
        assert sorted(order) == [0, 1, 2, 3] and order != [0, 1, 2, 3]
        for target in (3, 2, 1, 0):  # each to the top, by its button and by its grip
            line = one.nth(2).locator(f'[data-line="{target}"]')
            for _ in range(3):
                if target % 2:
                    line.get_by_role("button", name="Move up").click()
                else:
                    line.get_by_role("button", name="Drag").press("ArrowUp")
        assert [int(line.get_attribute("data-line")) for line in lines.all()] == [0, 1, 2, 3]
        one.nth(2).get_by_role("button", name="this is the order").click()
        assert parts.event == "quiz 2 3 3" and "Right." in one.nth(2).inner_text()
        assert quiz.locator(".fig-quiz__score").inner_text() == "3 of 3 answered, 2 right."
        found = kept(parts)["book:quiz:parts"]
        assert (found["answers"], found["right"], found["of"]) == (
            [0, 27, [0, 1, 2, 3]],
            [False, True, True],
            3,
        )
        load(parts)
        assert quiz.locator(".fig-quiz").get_attribute("data-right") == "2"
        for _ in range(3):
            quiz.get_by_role("button", name="Answer again").first.click()
        assert kept(parts) == {} and quiz.locator(".fig-predict__answer").count() == 0


def test_a_line_is_dragged_to_its_place(kit):
    with kit() as parts:
        lines = parts["quiz"].locator(".fig-order__line")
        before = [line.get_attribute("data-line") for line in lines.all()]
        lines.first.scroll_into_view_if_needed()
        grip, last = box(lines.first.locator(".fig-order__grip")), box(lines.last)
        parts.page.mouse.move(grip["x"] + 8, grip["y"] + 8)
        parts.page.mouse.down()
        parts.page.mouse.move(grip["x"] + 8, last["y"] + last["height"], steps=12)
        parts.page.mouse.up()
        assert [line.get_attribute("data-line") for line in lines.all()] == [*before[1:], before[0]]


def test_progress_touches_nothing_but_its_own(kit):
    with kit() as parts:
        found = parts.js(
            """() => { localStorage.setItem("book:lang", "en"); localStorage.setItem("book:quiz:bad", "{");
              const seen = []; Kit.progress.onChange((key) => seen.push(key));
              Kit.progress.set("guess:a", {guess: 1}); Kit.progress.set("quiz:b", {of: 2}); const all = Kit.progress.all();
              Kit.progress.set("guess:a", null); const left = Object.keys(Kit.progress.all()); Kit.progress.clear();
              let refused = false; try { Kit.progress.set("other", 1); } catch (error) { refused = true; }
              return [all, left, Kit.progress.all(), Object.keys(localStorage), seen, refused]; }"""
        )
        assert found[0] == {"guess:a": {"guess": 1}, "quiz:b": {"of": 2}, "quiz:bad": None}
        assert found[1:4] == [["quiz:b", "quiz:bad"], {}, ["book:lang"]]
        assert found[4:] == [["guess:a", "quiz:b", "guess:a", None], True]


def test_progress_works_where_storage_is_forbidden(kit):
    with kit(storage=False) as parts:
        parts["predict"].get_by_role("button", name="28").click()
        assert "You got it." in parts["predict"].inner_text()
        assert parts.js("() => Kit.progress.get('guess:parts').right") is True
        assert parts.js("() => { Kit.progress.clear(); return Kit.progress.all(); }") == {}


# ---------------------------------------------------------------- all of them
@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core, as its Python package brings it."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(parts: Parts, axe: str) -> list[str]:
    parts.page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    parts.js(axe)
    found = parts.js("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


VIEWS = [("zh", "light", 390), ("en", "light", 1280), ("zh", "dark", 1280), ("en", "dark", 390)]


@pytest.mark.parametrize(("lang", "theme", "width"), VIEWS)
def test_axe_finds_nothing_before_and_after(kit, axe, lang, theme, width):
    with kit(lang=lang, theme=theme, width=width) as parts:
        assert violations(parts, axe) == []
        parts["predict"].locator("button").nth(0).click()
        parts["quiz"].locator("button").nth(0).click()
        parts["field"].locator("input").fill("é é é")
        parts["field"].locator("input").press("Enter")
        parts.js("() => [...Kit.mounted.values()][0].set({hold: 0.5, warm: 1.5})")
        assert violations(parts, axe) == []


@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_nothing_is_wider_than_the_page(kit, lang):
    with kit(lang=lang, width=1280) as parts:
        for width in (1000, 768, 390, 320, 1280):
            parts.page.set_viewport_size({"width": width, "height": 900})
            parts.frame()
            assert parts.js("() => document.documentElement.scrollWidth") == width


def test_every_name_is_there_in_both_languages(kit):
    names = """() => [...document.querySelectorAll("figure [aria-label], figure [title], figure [placeholder]")].flatMap((n) =>
      ["aria-label", "title", "placeholder"].map((a) => n.getAttribute(a)).filter((v) => v))"""
    with kit(lang="zh") as parts:
        chinese = parts.js(names)
        parts.lang("en")
        english = parts.js(names)
        assert len(chinese) == len(english) > 60
        assert all(any("\u4e00" <= c <= "\u9fff" for c in name) for name in chinese)
        assert not [name for name in english if any("\u4e00" <= c <= "\u9fff" for c in name)]


def test_everything_that_can_be_reached_shows_where_it_is(kit):
    with kit() as parts:
        bare = parts.js(
            """() => [...document.querySelectorAll("figure :is(button, input, select, [tabindex='0'])")]
            .filter((n) => n.checkVisibility({visibilityProperty: true}) && n.tabIndex >= 0)
            .filter((n) => { n.focus({focusVisible: true}); const row = n.querySelector(":scope > .fig-tree__row") || n;
              return n !== document.activeElement || getComputedStyle(row).outlineStyle !== "solid"; }).map((n) => n.outerHTML.slice(0, 120))"""
        )
        assert bare == []


def test_meaning_survives_forced_colours_and_print(kit):
    with kit(forced_colors="active") as parts:
        for name in (".fig-bars__bar", ".fig-strip .fig-cursor", ".fig-tree__bar i"):
            colour = parts.js("name => getComputedStyle(document.querySelector(name)).backgroundColor", name)
            page = parts.js("() => getComputedStyle(document.body).backgroundColor")
            assert colour not in ("rgba(0, 0, 0, 0)", page)
    with kit() as parts:
        parts.page.emulate_media(media="print")
        assert not parts["track"].locator(".fig-player").is_visible()
        assert parts["track"].locator(".fig-strip").is_visible()


def test_every_file_says_what_it_is_for():
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("/*") and '"use strict"' in text, path.name
        for word in ("innerHTML", "eval(", "XMLHttpRequest", "document.write"):
            assert word not in text, (path.name, word)


def test_every_rule_of_the_style_sheet_stays_inside_a_figure():
    for path in STYLES:
        text = path.read_text(encoding="utf-8")
        plain = "".join(part.split("*/")[-1] for part in text.split("/*"))
        for rule in plain.replace("}", "{").split("{")[::2]:
            for selector in filter(None, (s.strip() for s in rule.split(";")[-1].split(",\n"))):
                if selector.startswith("@") or selector in ("to", "from"):
                    continue
                assert ".fig" in selector, (path.name, selector)


def test_numbers_are_written_short(kit):
    with kit() as parts:
        values = [0, 0.01, 250, 3e-4, 1e6, -0.5, 0.123456]
        written = parts.js("values => values.map(Kit.short)", values)
        assert written == ["0", "0.01", "250", "3\u00b710\u207b\u2074", "10\u2076", "\u22120.5", "0.123"]
        assert (
            json.dumps(parts.js("() => [...'a字，é１'].map(Kit.wide)")) == "[false, true, true, false, true]"
        )
