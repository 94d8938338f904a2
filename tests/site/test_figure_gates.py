"""The figure "gates": RNN, GRU and LSTM on one sentence, driven and compared with torch."""

from __future__ import annotations

import json
import math
import sys

import pytest
import torch
from book_site import ROOT, VIEWS, pause
from test_access import axe, violations  # noqa: F401
from torch import nn

from rnnlib.widgets import read_pack

sys.path.insert(0, str(ROOT / "book" / "_tools"))
from packs.pack import build
from packs.reading import letters_left, read

pytestmark = pytest.mark.site
HERE = ".fig-gates"
TEXT = "the time traveller for so it will be"
T = 27
ADD = "(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)"
FORMS = {"after": False, "before": True}


@pytest.fixture(scope="module")
def pack() -> dict:
    return read_pack("gates")


def network(pack: dict, name: str, bias: float = 0.0, form: str = "") -> nn.Module:
    """One of the pack's networks, perhaps with its forget bias moved or its reset gate elsewhere."""
    entry = dict(pack["models"][name])
    if form:
        entry["before"] = FORMS[form]
    model = build(entry)
    if bias:
        H = model.rnn.hidden_size
        with torch.no_grad():
            model.rnn.bias_ih_l0[H : 2 * H] += bias
    return model


def perplexity(
    pack: dict, name: str, text: str = TEXT, bias: float = 0.0, form: str = "", **options
) -> float:
    X = torch.tensor([pack["vocab"].index(c) for c in text])
    logits = read(network(pack, name, bias, form), X[None], **options)["logits"][0]
    return math.exp(nn.functional.cross_entropy(logits[:-1], X[1:]))


def letters(
    pack: dict, name: str, text: str = TEXT, t: int = T, bias: float = 0.0, **options
) -> dict[str, float]:
    """State -> letters left after letter t, by the measure that the pack quotes."""
    X = torch.tensor([pack["vocab"].index(c) for c in text])
    found = letters_left(network(pack, name, bias), X, **options)
    return {f"{name}.{state}": left[t].sum().item() for state, left in found.items()}


def data(page) -> dict[str, str]:
    return page.evaluate(f"() => ({{...document.querySelector('{HERE}').dataset}})")


def shown(page, key: str) -> dict[str, float]:
    return json.loads(data(page)[key])


def settle(page, change=None) -> None:
    """Wait until every memory has been measured anew."""
    pause(page, 60)
    page.locator(f"{HERE}[data-settled]").wait_for()


def values(page) -> dict:
    return page.evaluate("() => Kit.mounted.get('gates').values")


def about(found: dict[str, float], expected: dict[str, float], share: float = 0.01) -> None:
    """The page measures as the pack's own measure does, rounded to tenths."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=share, abs=0.051), key


# ---------- what it shows ----------


def test_the_default_makes_the_point(figure, pack):
    page = figure("gates")
    settle(page)
    found = shown(page, "letters")
    about(found, {**letters(pack, "rnn"), **letters(pack, "lstm")})
    assert found["lstm.C"] > 2 * found["lstm.H"]  # C holds on to many letters, H to few
    assert abs(found["lstm.H"] - found["rnn.H"]) < 2
    for name, value in shown(page, "perplexity").items():
        assert value == pytest.approx(perplexity(pack, name), abs=0.02)
    numbers = page.locator(f"{HERE} .gates__memories .fig-big b").all_inner_texts()
    assert numbers == [f"{found[key]:.1f}" for key in ("rnn.H", "lstm.C", "lstm.H")]


def test_the_caption_quotes_the_pack(figure, pack):
    page = figure("gates")
    words = page.locator(f"{HERE} figcaption").inner_text()
    middle, low, high = pack["measured"]["lstm"][""]["left"]["C"]
    assert f"LSTM C {middle:.1f} ({low:.1f}–{high:.1f})" in words
    middle, low, high = pack["measured"]["rnn"][""]["valid"]
    assert f"RNN {middle:.1f} ({low:.1f}–{high:.1f})" in words


@pytest.mark.parametrize(
    ("show", "cells"),
    [
        ("rnn,lstm", ["rnn", "lstm"]),
        ("lstm,gru", ["lstm", "gru"]),
        ("gru,before", ["gru", "before"]),
        ("rnn,gru,lstm", ["rnn", "gru", "lstm"]),
    ],
)
def test_a_setting_chooses_the_cells(figure, pack, show, cells):
    page = figure("gates", values={"show": show})
    settle(page)
    assert list(shown(page, "perplexity")) == cells
    expected = {}
    for name in cells:
        expected |= letters(pack, name)
    about(shown(page, "letters"), expected)
    assert page.locator(f"{HERE} .gates__cell").count() == len(cells)


# ---------- the hand ----------


def test_hold_a_gate_by_keyboard_and_let_go(figure, pack):
    page = figure("gates")
    settle(page)
    forget = page.get_by_role("slider", name="LSTM F forget gate")
    forget.focus()
    page.keyboard.press("End")
    settle(page)
    assert values(page)["hold"] == "F@1"
    assert shown(page, "perplexity")["lstm"] == pytest.approx(
        perplexity(pack, "lstm", hold={"F": 1.0}), rel=0.01
    )
    about(shown(page, "letters"), {**letters(pack, "rnn"), **letters(pack, "lstm", hold={"F": 1.0})})
    assert shown(page, "letters")["lstm.C"] > T
    assert forget.get_attribute("aria-valuetext") == "1.00, held"
    page.wait_for_function("() => location.hash === '#gates:hold=F@1'")
    page.keyboard.press("Escape")
    settle(page)
    assert values(page)["hold"] == ""
    assert shown(page, "perplexity")["lstm"] == pytest.approx(perplexity(pack, "lstm"), abs=0.02)


def test_hold_a_gate_by_mouse(figure, pack):
    page = figure("gates", lang="zh", theme="dark")
    settle(page)
    meter = page.get_by_role("slider", name="LSTM O 输出门")
    meter.scroll_into_view_if_needed()
    box = meter.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 9, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    settle(page)
    assert values(page)["hold"] == "O@0"
    assert shown(page, "letters")["lstm.H"] == 0
    assert shown(page, "perplexity")["lstm"] == pytest.approx(
        perplexity(pack, "lstm", hold={"O": 0.0}), rel=0.01
    )
    page.get_by_role("button", name="松开：LSTM O 输出门").click()
    assert values(page)["hold"] == ""


def test_the_forget_bias(figure, pack):
    page = figure("gates")
    settle(page)
    bias = page.get_by_role("slider", name="added to the forget-gate bias")
    bias.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    settle(page)
    assert values(page)["bias"] == 1
    assert bias.get_attribute("aria-valuetext") == "+1"
    assert shown(page, "perplexity")["lstm"] == pytest.approx(perplexity(pack, "lstm", bias=1.0), abs=0.02)
    about(shown(page, "letters"), {**letters(pack, "rnn"), **letters(pack, "lstm", bias=1.0)})
    page.keyboard.press("Delete")
    assert values(page)["bias"] == 0


def test_the_curves_over_the_bias(figure, pack):
    page = figure("gates")
    page.wait_for_function(
        f"() => JSON.parse(document.querySelector('{HERE}').dataset.sweep || '[]').length === 17"
    )
    sweep = {bias: (left, ppl) for bias, left, ppl in shown(page, "sweep")}
    for bias in (-4, -1.5, 0, 2, 4):
        assert sweep[bias][1] == pytest.approx(perplexity(pack, "lstm", bias=bias), rel=0.01)
        about({"lstm.C": sweep[bias][0]}, {"lstm.C": letters(pack, "lstm", bias=bias)["lstm.C"]})
    assert sweep[4][0] > sweep[0][0] > 3 * sweep[-4][0]
    assert page.locator(f"{HERE} .is-letters .gates__line").get_attribute("d").count("L") == 16


def test_both_forms_and_the_swap(figure, pack):
    page = figure("gates", values={"show": "gru,before"})
    own = {"gru": perplexity(pack, "gru"), "before": perplexity(pack, "before")}
    assert shown(page, "perplexity") == pytest.approx(own, abs=0.02)
    heads = page.locator(f"{HERE} .gates__cell .fig-head > b")
    assert heads.all_inner_texts() == ["GRU · reset after", "GRU · reset before"]
    assert "C through tanh" not in page.locator(f"{HERE} .fig-legend").inner_text()
    swap = page.get_by_role("checkbox")
    swap.focus()
    page.keyboard.press("Space")
    other = {
        "gru": perplexity(pack, "gru", form="before"),
        "before": perplexity(pack, "before", form="after"),
    }
    assert shown(page, "perplexity") == pytest.approx(other, rel=0.01)
    assert (
        min(other[name] / own[name] for name in own) > 1.2
    )  # the same weights in the other form: clearly worse
    assert heads.all_inner_texts() == [
        "weights of “reset after the product”",
        "weights of “reset before the product”",
    ]
    tags = page.locator(f"{HERE} .gates__cell .fig-head > span").all_inner_texts()
    assert "form “reset before the product”" in tags[0] and "form “reset after the product”" in tags[1]
    reset = page.get_by_role("slider", name="R reset gate of both GRUs").last
    reset.focus()
    page.keyboard.press("End")
    held = shown(page, "perplexity")
    swap.click()
    # With R = 1 there is only one form; such a state blows rounding errors up, so not the last digits.
    assert held == pytest.approx(shown(page, "perplexity"), rel=0.02)
    assert held["gru"] == pytest.approx(perplexity(pack, "gru", hold={"R": 1.0}), rel=0.03)


def test_both_forms_at_first_view(figure, pack):
    """What the other form does to the same weights is seen before anything is touched."""
    page = figure("gates", lang="zh", width=390, values={"show": "gru,before"})
    assert "换一种形式" in page.locator(f"{HERE} .gates__ask").inner_text()
    expected = [
        [perplexity(pack, name, form=form) for form in forms]
        for name, forms in (("gru", ("after", "before")), ("before", ("before", "after")))
    ]
    for (own, other), (own_expected, other_expected) in zip(shown(page, "forms").values(), expected):
        assert own == pytest.approx(own_expected, abs=0.02)
        assert other == pytest.approx(other_expected, rel=0.01)
    cells = page.locator(f"{HERE} .gates__compared td").all_inner_texts()
    assert cells == [f"{value:.1f}" for row in expected for value in row] == ["2.7", "51.0", "2.8", "20.2"]
    page.get_by_role("radio", name="RNN · LSTM").click()
    assert page.locator(f"{HERE} .gates__compared").is_hidden()


def test_the_bias_says_when_it_can_do_nothing(figure):
    page = figure("gates")
    bias = page.get_by_role("slider", name="added to the forget-gate bias")
    words = page.locator(f"{HERE} .gates__word")
    assert bias.is_enabled() and "only pushes the gate" in words.inner_text()
    page.evaluate("() => Kit.mounted.get('gates').set({hold: 'F@1'})")
    assert bias.is_disabled() and words.inner_text() == "F is held, so its bias does nothing."
    assert page.locator(f"{HERE} .gates__spark").first.is_hidden()
    page.evaluate("() => Kit.mounted.get('gates').set({hold: 'O@0'})")
    assert bias.is_enabled() and "the perplexity can't change" in words.inner_text()


def test_the_curves_say_their_range(figure):
    page = figure("gates")
    page.wait_for_function(
        f"() => JSON.parse(document.querySelector('{HERE}').dataset.sweep || '[]').length === 17"
    )
    sweep = shown(page, "sweep")
    for column, side in ((1, 0), (2, 1)):
        low, high = (pick(row[column] for row in sweep) for pick in (min, max))
        words = page.locator(f"{HERE} .fig-row--spark small").nth(side).inner_text()
        assert words == f"curve {low:.1f}–{high:.1f}"


@pytest.mark.parametrize("width", [390, 1100, 1280, 1920])
def test_nothing_is_cut_at_the_edge(figure, width):
    """In a box that clips, as on the book's pages: the counter, and the rings of what has the focus."""
    page = figure("gates", width=width)
    edge = page.locator(HERE).bounding_box()
    box = page.locator(f"{HERE} .gates__count").bounding_box()
    assert box["x"] + box["width"] <= edge["x"] + edge["width"]
    play = page.locator(f"{HERE} .gates__play")
    assert play.evaluate("(e) => e.scrollWidth <= e.clientWidth")
    field = page.get_by_role("textbox").bounding_box()
    assert field["x"] + field["width"] + 4 <= edge["x"] + edge["width"]


@pytest.mark.parametrize(
    ("typed", "own", "said", "unsaid"),
    [
        ("hello world!", "hello world", "left out or read as a space: !", "first 40"),
        ("pack my box with five dozen liquor jugs and go", None, "Only the first 40", "Unknown"),
        ("a", "", "At least 2 letters", "Unknown"),
        ("42", "", "At least 2 letters", "first 40"),
        ("上海", "", "read as a space: 上 海", "first 40"),
    ],
)
def test_what_the_field_says(figure, typed, own, said, unsaid):
    page = figure("gates")
    field = page.get_by_role("textbox")
    field.fill(typed)
    field.press("Enter")
    own = typed[:40] if own is None else own
    assert values(page)["own"] == own
    note = page.locator(f"{HERE} .fig-field__note").inner_text()
    assert said in note and unsaid not in note
    sentence = page.locator(f"{HERE} .fig-strip").inner_text().replace("\n", "")
    assert sentence == (own or TEXT)
    field.blur()
    if len(typed) > 40:
        assert field.input_value() == typed[:40]


def test_the_readers_sentence(figure, pack):
    page = figure("gates")
    field = page.get_by_role("textbox")
    field.fill("A horse, a horse!")
    field.press("Enter")
    settle(page)
    assert values(page)["own"] == "a horse a horse"
    assert values(page)["t"] == 14
    assert shown(page, "perplexity")["lstm"] == pytest.approx(
        perplexity(pack, "lstm", "a horse a horse"), rel=0.01
    )
    about(
        shown(page, "letters"),
        {k: v for n in ("rnn", "lstm") for k, v in letters(pack, n, "a horse a horse", 14).items()},
    )
    page.get_by_role("button", name="i saw the moon").click()
    assert values(page)["own"] == ""
    assert (
        page.locator(f"{HERE} .fig-strip").inner_text().replace("\n", "")
        == "i saw the moon and the little people"
    )


def test_one_cursor(figure, pack):
    page = figure("gates")
    settle(page)
    strip = page.get_by_role("slider", name="How far they have read")
    strip.focus()
    page.keyboard.press("Home")
    assert (values(page)["t"], data(page)["t"]) == (0, "0")
    assert shown(page, "letters") == {"rnn.H": 1, "lstm.H": 1, "lstm.C": 1}  # the letter just read is there
    page.keyboard.press("PageDown")
    assert values(page)["t"] == 2
    assert strip.get_attribute("aria-valuetext") == "letter 3 of 36: e"
    band = page.get_by_role("img", name="LSTM: C memory cell")
    box = band.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 10.5 / 36, box["y"] + 9)
    assert values(page)["t"] == 10
    about(shown(page, "letters"), {k: v for n in ("rnn", "lstm") for k, v in letters(pack, n, t=10).items()})
    places = page.evaluate(
        f"() => [...document.querySelectorAll('{HERE} .fig-band .fig-cursor')].map((c) => c.style.left)"
    )
    assert len(set(places)) == 1


def test_play_stops_at_the_end(figure):
    page = figure("gates", state="t=33")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => Kit.mounted.get('gates').values.t === 35")
    page.get_by_role("button", name="Play", exact=True).wait_for()


# ---------- links ----------


def test_a_link_is_a_state(figure, pack):
    page = figure("gates", state="show=lstm,gru&hold=Z@1&t=12")
    settle(page)
    assert values(page)["t"] == 12
    assert shown(page, "letters")["gru.H"] == 0
    assert shown(page, "perplexity")["gru"] == pytest.approx(
        perplexity(pack, "gru", hold={"Z": 1.0}), rel=0.01
    )


def test_nonsense_in_a_link_is_harmless(figure):
    page = figure("gates", state="show=dog,lstm&hold=Q@7,F@x,O@9,,&t=999&s=77&own=1&bias=x")
    settle(page)
    assert list(shown(page, "perplexity")) == ["lstm"]
    assert data(page)["t"] == "35"


def test_a_link_in_the_prose_has_an_echo(figure, pack):
    page = figure("gates")
    page.evaluate(
        "() => { const p = document.createElement('p'); p.innerHTML ="
        ' \'<a class="fig-set" href="#gates:hold=F@0">hold</a> <a class="fig-set" href="#gates:hold=">let go</a>\';'
        " document.querySelector('main').append(p); }"
    )
    page.get_by_role("link", name="hold").click()
    echo = page.locator(".fig-echo")
    echo.wait_for()
    expected = letters(pack, "lstm", hold={"F": 0.0})
    page.wait_for_function("() => document.querySelectorAll('.fig-echo .fig-big b').length === 2")
    found = [float(words) for words in echo.locator(".fig-big b").all_inner_texts()]
    about(dict(zip(("lstm.C", "lstm.H"), found)), {key: expected[key] for key in ("lstm.C", "lstm.H")})
    assert f"→ {perplexity(pack, 'lstm', hold={'F': 0.0}):.1f}" in echo.inner_text()
    assert page.get_by_role("link", name="hold").get_attribute("aria-current") == "true"
    page.get_by_role("link", name="let go").click()
    assert echo.count() == 0


def test_a_link_sets_everything(figure, pack):
    """What the reader did before does not change what a link shows; the cell's own values are the start."""
    page = figure("gates", values={"show": "gru,before"}, state="hold=Z@0&t=9&own=a+dog")
    page.evaluate(ADD, '<p><a class="fig-set" href="#gates:swap=true">swap</a></p>')
    page.get_by_role("link", name="swap").click()
    settle(page)
    assert values(page) == {
        "show": "gru,before",
        "s": 0,
        "own": "",
        "t": 27,
        "hold": "",
        "bias": 0,
        "swap": True,
    }
    found = shown(page, "perplexity")
    assert found["gru"] == pytest.approx(perplexity(pack, "gru", form="before"), rel=0.01)
    page.go_back()
    page.wait_for_function("() => Kit.mounted.get('gates').values.hold === 'Z@0'")


def test_a_link_brings_back_the_network_it_speaks_of(figure):
    page = figure("gates", state="show=gru,before")
    page.evaluate(ADD, '<p><a class="fig-set" href="#gates:hold=F@0">hold</a></p>')
    page.get_by_role("link", name="hold").click()
    assert values(page)["show"] == "rnn,lstm"
    assert (
        page.get_by_role("slider", name="LSTM F forget gate").get_attribute("aria-valuetext") == "0.00, held"
    )


@pytest.mark.parametrize("name", ["directions", "gradients"])
def test_a_link_sets_everything_in_every_figure(figure, name):
    page = figure(name)
    names = page.evaluate(
        f"""() => {{
          const fig = Kit.mounted.get('{name}');
          const numbers = Object.keys(fig.defaults).filter((k) => typeof fig.defaults[k] === 'number');
          fig.set({{[numbers[0]]: fig.defaults[numbers[0]] + 1}});
          document.querySelector('main').insertAdjacentHTML('beforeend',
            `<p><a class="fig-set" href="#{name}:${{numbers[1]}}=${{fig.defaults[numbers[1]] + 1}}">go</a></p>`);
          return numbers;
        }}"""
    )
    page.get_by_role("link", name="go").click()
    moved = page.evaluate(
        f"""() => {{
          const fig = Kit.mounted.get('{name}');
          return Object.keys(fig.values).filter((k) => fig.values[k] !== fig.defaults[k]);
        }}"""
    )
    assert moved == [names[1]]


# ---------- how ----------


def test_the_dear_part_is_computed_elsewhere(figure):
    page = figure("gates", ready=False)
    page.locator(f"{HERE}[data-ready]").wait_for()
    page.evaluate("() => { RNNEngine.memory = () => { throw new Error('in the page'); }; }")
    page.get_by_role("slider", name="LSTM I input gate").focus()
    page.keyboard.press("End")
    settle(page)
    assert values(page)["hold"] == "I@1"


def test_without_workers_it_is_slower_and_the_same(figure):
    page = figure("gates")
    settle(page)
    usual = shown(page, "letters")
    page.evaluate(
        "async () => { globalThis.Worker = undefined; const host = document.createElement('figure');"
        " document.querySelector('main').replaceChildren(host); await Kit.mount(host, 'gates', {id: 'poor'}); }"
    )
    page.locator("#poor[data-settled]").wait_for()
    assert json.loads(page.locator("#poor").get_attribute("data-letters")) == usual


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_views(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure(
        "gates", lang=lang, theme=theme, width=width, values={"show": "rnn,gru,lstm", "hold": "Z@0.5"}
    )
    settle(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    title = {"zh": "还记得哪些字母？", "en": "Which letters are still there?"}
    words = page.locator(f"{HERE} .gates__ask").inner_text()
    assert all((title[code] in words) == (lang in (code, "both")) for code in title)
    assert violations(page, axe) == []


def test_the_switch_of_language_reaches_names(figure):
    page = figure("gates", lang="zh")
    page.evaluate("() => { document.documentElement.dataset.booklang = 'en'; }")
    page.get_by_role("slider", name="LSTM F forget gate").wait_for()


def test_first_frame(figure):
    page = figure("gates")
    assert page.evaluate("() => performance.getEntriesByName('figure:gates')[0].startTime") < 3000


@pytest.mark.parametrize("damage", ["pack.bytes.slice(0, 999)", "new ArrayBuffer(0)"])
def test_damaged_data_give_a_message(figure, damage):
    page = figure("gates", lang="both")
    page.evaluate(
        "async () => { const host = document.createElement('figure'); document.querySelector('main').append(host);"
        " const pack = await Kit.unpacked('gates');"
        f" await Kit.mount(host, 'gates', {{id: 'broken', packs: {{gates: {{...pack, bytes: {damage}}}}}}}); }}"
    )
    words = page.locator("#broken .fig-message").inner_text()
    assert "这张图没能显示" in words
    assert "could not be shown" in words
