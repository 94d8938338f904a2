"""The figure "units": mark a place, guess what it is, count how far the guess holds; compared with torch."""

from __future__ import annotations

import json
import re
import sys

import pytest
import torch
from book_site import ROOT, VIEWS, pause
from test_access import axe, violations  # noqa: F401
from torch import Tensor

from rnnlib.widgets import files, read_pack

sys.path.insert(0, str(ROOT / "book" / "_tools"))
from packs.pack import build
from packs.reading import read

pytestmark = pytest.mark.site
HERE = ".fig-units"
MOST = 400_000  # bytes of data


@pytest.fixture(scope="module")
def tale() -> tuple[str, dict[str, Tensor]]:
    """The tale, and every unit's value at every character as the figure keeps it: whole 127ths."""
    pack = read_pack("units")
    text = bytes(pack["state"]["text"].tolist()).decode()
    model, vocab = build(pack["model"]), pack["model"]["vocab"]
    index = {character: i for i, character in enumerate(vocab)}
    found = read(model, torch.tensor([[index.get(character, 0) for character in text]]))
    found["C"] = torch.tanh(found["C"])
    return text, {name: (found[name][0] * 127).round() for name in "HCIFO"}


def data(page) -> dict[str, str]:
    return page.evaluate(f"() => ({{...document.querySelector('{HERE}').dataset}})")


def result(page) -> dict:
    return json.loads(data(page)["result"])


def values(page) -> dict:
    return page.evaluate("() => Kit.mounted.get('units').values")


def page_of(page) -> tuple[int, int]:
    """[a, b): the characters of the tale that are in sight."""
    return tuple(
        page.evaluate(
            f"() => {{ const s = document.querySelectorAll('{HERE} [data-i]');"
            " return [Number(s[0].dataset.i), Number(s[s.length - 1].dataset.i) + 1]; }"
        )
    )


def marked(page) -> str:
    return "".join(page.locator(f"{HERE} .is-marked").all_inner_texts())


def opened(figure, state: str = "", **options):
    page = figure("units", state="open=1" + (f"&{state}" if state else ""), **options)
    page.locator(f"{HERE}[data-open]").wait_for(timeout=120_000)
    return page


def score(on: Tensor, target: Tensor) -> float:
    return (on & target).sum().item() / target.sum().item() - (on & ~target).sum().item() / (
        ~target
    ).sum().item()


def expected(states: Tensor, target: Tensor, a: int, b: int) -> dict[int, tuple[float, Tensor]]:
    """Unit -> its best score on the page, and where it is on, by trying every threshold on both sides."""
    found = {}
    for unit in range(states.shape[1]):
        v, best = states[:, unit], (-2.0, v := states[:, unit])
        for level in v[a:b].unique().tolist():
            for on in (v > level, v <= level):
                if (s := score(on[a:b], target[a:b])) > best[0] + 1e-12:
                    best = (s, on)
        found[unit] = best
    return found


def same(page, states: Tensor, target: Tensor) -> None:
    """What the figure says is what torch says, within the rounding of a value or two at a threshold."""
    a, b = page_of(page)
    found, best = result(page), expected(states, target, a, b)
    assert found["page"] == pytest.approx(max(s for s, _ in best.values()), abs=0.02)
    on = best[found["unit"]][1]
    rest = torch.ones(len(target), dtype=torch.bool)
    rest[a:b] = False
    for name, count in (("hits", on & target), ("alarms", on & ~target), ("misses", ~on & target)):
        assert found[name] == pytest.approx((count & rest).sum().item(), rel=0.03, abs=40), name
    assert found["hits"] + found["misses"] == (target & rest).sum().item()
    assert found["rest"] == pytest.approx(score(on[rest], target[rest]), abs=0.03)


def first_letters(text: str) -> Tensor:
    return torch.tensor(
        [
            bool(re.match(r"[A-Za-z']", c)) and not re.match(r"[A-Za-z']", text[i - 1 : i])
            for i, c in enumerate(text)
        ]
    )


# ---------- the door ----------


def test_nothing_is_loaded_before_it_is_opened(figure):
    page = figure("units")
    assert page.evaluate("() => document.querySelectorAll('script[src*=\"packs/units\"]').length") == 0
    button = page.get_by_role("button", name="Open it")
    kilobytes = int(re.search(r"(\d+) kB", button.inner_text())[1])
    assert kilobytes == pytest.approx(files.packs()["units"].stat().st_size / 1000, abs=8)
    assert files.packs()["units"].stat().st_size < MOST
    button.focus()
    page.keyboard.press("Enter")
    page.locator(f"{HERE}[data-open]").wait_for(timeout=120_000)
    assert page.get_by_role("textbox").evaluate("(el) => el === document.activeElement")
    page.wait_for_function("() => location.hash === '#units:open=true'")


# ---------- what it counts ----------


def test_the_default_is_what_torch_counts(figure, tale):
    page = opened(figure)
    text, states = tale
    same(page, states[values(page)["what"]], first_letters(text))
    found = result(page)
    assert found["rest"] > 0.8  # some unit marks something that can be named
    assert found["rest"] > found["median"] + 0.2  # most do not
    assert page.locator(f"{HERE} .units__verdict b:visible").all_inner_texts() == [
        f"{found['rest']:.2f}",
        "it carried over",
    ]
    assert (found["grade"], found["kept"]) == ("good", True)
    assert f"{found['median']:.2f}" in page.locator(f"{HERE} .units__median").inner_text()
    assert page.locator(f"{HERE} .units__part b").all_inner_texts() == [
        f"{found[k]:,}" for k in ("hits", "alarms", "misses")
    ]


@pytest.mark.parametrize(
    ("rule", "what", "named"),
    [
        ("vowel", "H", lambda text: torch.tensor([c in "aeiouAEIOU" for c in text])),
        ("line", "C", lambda text: torch.tensor([c == "\n" for c in text])),
        ("space", "F", lambda text: torch.tensor([c == " " for c in text])),
    ],
)
def test_other_guesses(figure, tale, rule, what, named):
    text, states = tale
    target = named(text)
    at = 5_000 + int(target[5_000:].nonzero()[0])
    page = opened(figure, f"from={at}&to={at + 1}&rule={rule}&what={what}")
    same(page, states[what], target)
    assert marked(page) == text[at].replace("\n", "↵\n")


@pytest.mark.parametrize(
    ("state", "grade", "kept"),
    [
        ("rule=first&what=I", "good", True),
        ("rule=capital&what=C", "fair", False),  # 0.90, then 0.64
        ("rule=vowel&what=H", "fair", True),
        ("rule=spoken&what=C", "weak", False),
    ],
)
def test_how_good_and_whether_it_carried_over_are_two_things(figure, state, grade, kept):
    page = opened(figure, state)
    found = result(page)
    assert (found["grade"], found["kept"]) == (grade, kept)
    assert kept == (found["page"] - found["rest"] < 0.1)
    assert grade == ("good" if found["rest"] >= 0.8 else "fair" if found["rest"] >= 0.5 else "weak")
    told = page.locator(f"{HERE} .units__verdict").inner_text()
    assert grade in told and ("it carried over" in told) == kept
    if not kept:
        assert f"{found['page'] - found['rest']:.2f} is lost" in told


def test_the_closed_door_tells_the_truth(figure):
    """Its line of the tale and its numbers are written into the figure: the pack must say the same."""
    page = figure("units")
    line = page.locator(f"{HERE} .units__sample > span")
    closed = line.evaluate_all(
        "all => all.map((s) => [s.textContent, s.style.backgroundColor !== '', s.className])"
    )
    told = page.locator(f"{HERE} .units__door").inner_text()
    page = opened(figure)
    count = len(closed)
    opened_ = page.locator(f"{HERE} .units__text [data-i]").evaluate_all(
        f"all => all.slice(0, {count}).map((s) => [s.textContent, s.style.backgroundColor !== '',"
        " s.classList.contains('is-named') ? 'is-named' : ''])"
    )
    assert closed == opened_
    first = result(page)
    page.get_by_role("button", name="capitals").click()
    capital = result(page)
    page.get_by_role("button", name="first letters").click()
    edge = re.search(r"I (below \d\.\d+)", page.locator(f"{HERE} .units__key").inner_text())[1]
    assert edge in told and not first["above"]
    for number in (
        f"unit {first['unit']}",
        *(f"{f[k]:.2f}" for f in (first, capital) for k in ("page", "rest")),
    ):
        assert number in told


def test_the_key_says_what_colour_means(figure, tale):
    page = opened(figure)
    _, states = tale
    edge = re.search(r"I below (-?[\d.]+)", page.locator(f"{HERE} .units__key").inner_text())[1]
    a, b = page_of(page)
    coloured = page.evaluate(
        f"() => [...document.querySelectorAll('{HERE} [data-i]')].map((s) => s.style.backgroundColor !== '')"
    )
    below = states["I"][a:b, result(page)["unit"]] / 127 < float(edge)
    assert (below != torch.tensor(coloured)).sum() <= 2
    page.get_by_role("button", name="Next page").click()
    assert "your mark is on page" in page.locator(f"{HERE} .units__key").inner_text()


def test_what_is_coloured_is_on(figure, tale):
    page = opened(figure)
    text, states = tale
    a, b = page_of(page)
    unit = result(page)["unit"]
    coloured = page.evaluate(
        f"() => [...document.querySelectorAll('{HERE} [data-i]')].map((s) => s.style.backgroundColor !== '')"
    )
    on = expected(states[values(page)["what"]][:, unit : unit + 1], first_letters(text), a, b)[0][1][a:b]
    assert (torch.tensor(coloured) != on).sum() <= 2
    named = page.evaluate(
        f"() => [...document.querySelectorAll('{HERE} [data-i]')].map((s) => s.classList.contains('is-named'))"
    )
    assert torch.equal(torch.tensor(named), first_letters(text)[a:b])


def test_lists_show_what_they_say(figure):
    page = opened(figure, "rule=last&what=H")
    for name, classes in (("hits", (True, True)), ("false alarms", (True, False)), ("misses", (False, True))):
        page.get_by_role("radio", name=name).click()
        lines = page.locator(f"{HERE} .units__line .is-here")
        assert 0 < lines.count() <= 5
        for k in range(lines.count()):
            here = lines.nth(k)
            assert (
                here.evaluate("(el) => el.style.backgroundColor !== ''"),
                "is-named" in here.get_attribute("class"),
            ) == classes
    line = page.locator(f"{HERE} .units__line").first
    where = page_of(page)
    line.click()
    assert page_of(page) != where


# ---------- marking ----------


def test_mark_by_mouse(figure, tale):
    text, _ = tale
    page = opened(figure)
    a, _ = page_of(page)
    at = re.compile(r"\b[a-z]{5,}\b").search(text, a + 40).start()

    def spot(i: int) -> tuple[float, float]:
        box = page.locator(f"{HERE} [data-i='{i}']").bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    page.locator(f"{HERE} [data-i='{at}']").scroll_into_view_if_needed()
    page.mouse.move(*spot(at + 1))
    page.mouse.down()
    page.mouse.move(*spot(at + 3), steps=4)
    page.mouse.up()
    assert (values(page)["from"], values(page)["to"]) == (at + 1, at + 4)
    assert marked(page) == text[at + 1 : at + 4]
    assert f"every “{text[at + 1 : at + 4]}”" == page.locator(
        f"{HERE} .units__guess option:checked"
    ).last.get_attribute("label")
    found = result(page)
    assert found["hits"] + found["misses"] > 0 or found["rest"] is None
    page.mouse.click(*spot(at))
    assert (values(page)["from"], values(page)["to"]) == (at, at + 1)
    page.mouse.click(*spot(at))  # once more: the whole word
    assert text[values(page)["from"] : values(page)["to"]] == re.compile(r"[a-z]+").match(text, at)[0]


def test_mark_by_touch(figure, tale):
    page = opened(figure, width=390, has_touch=True)
    a, _ = page_of(page)
    page.locator(f"{HERE} [data-i='{a + 7}']").scroll_into_view_if_needed()
    box = page.locator(f"{HERE} [data-i='{a + 7}']").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert (values(page)["from"], values(page)["to"]) == (a + 7, a + 8)


def test_mark_by_keyboard(figure, tale):
    text, _ = tale
    page = opened(figure, lang="zh", theme="dark")
    box = page.get_by_role("textbox")
    box.focus()
    a, b = page_of(page)
    page.keyboard.press("Home")
    assert (values(page)["from"], values(page)["to"]) == (a, a + 1)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert (values(page)["from"], values(page)["to"]) == (a + 2, a + 5)
    page.keyboard.press("Shift+ArrowLeft")
    assert (values(page)["from"], values(page)["to"]) == (a + 2, a + 4)
    page.keyboard.press("ArrowDown")
    assert values(page)["from"] > a + 30  # a line further down
    page.keyboard.press("End")
    assert values(page)["to"] == b
    page.keyboard.press("PageDown")
    assert page_of(page)[0] == b


def test_one_place_proves_nothing(figure):
    page = opened(figure)
    page.get_by_role("combobox", name="Your guess").select_option(label="just this place (no idea yet)")
    found = result(page)
    assert found["rest"] is None
    assert found["perfect"] > 3
    told = page.locator(f"{HERE} .units__verdict").inner_text()
    assert f"{found['perfect']} of 96 units" in told and "pick another guess" in told
    for part in (".units__tally", ".units__where", ".units__median"):
        assert page.locator(f"{HERE} {part}").is_visible() is False


def test_a_passage_that_is_nowhere_else_proves_nothing(figure, tale):
    text, _ = tale
    at = text.index(" have counte")
    page = opened(figure, f"from={at}&to={at + 12}&rule=same")
    assert marked(page) == " have counte"
    assert (result(page)["rest"], result(page)["grade"]) == (None, "none")
    told = page.locator(f"{HERE} .units__verdict").inner_text()
    assert "nowhere else in the tale" in told and "pick another guess" in told  # all of it is spoken
    assert not page.locator(f"{HERE} .units__tally").is_visible()
    assert not page.locator(f"{HERE} .units__where").is_visible()
    page.get_by_role("textbox").focus()
    page.keyboard.press("Escape")
    assert (values(page)["from"], values(page)["rule"], result(page)["grade"]) == (-1, "first", "good")
    assert page.locator(f"{HERE} .units__tally").is_visible()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_guesses_have_names_for_ears(figure, lang):
    page = opened(figure, lang=lang)
    guess = page.get_by_role("combobox", name={"zh": "你的猜想", "en": "Your guess"}[lang])
    texts = guess.locator("option").all_text_contents()
    assert {"zh": "词的第一个字母", "en": "the first letter of a word"}[lang] in texts
    page.evaluate(
        f"() => {{ document.documentElement.dataset.booklang = '{'en' if lang == 'zh' else 'zh'}'; }}"
    )
    pause(page, 100)
    assert page.locator(f"{HERE} .units__guess select").nth(1).locator("option").all_text_contents() != texts


def test_another_unit_and_another_series(figure):
    page = opened(figure)
    best = result(page)
    page.locator(f"{HERE} .units__rank").nth(2).click()
    assert values(page)["unit"] == result(page)["unit"] != best["unit"]
    page.get_by_role("combobox", name="What of the unit").select_option(label="forget gate F")
    assert (values(page)["what"], values(page)["unit"]) == ("F", -1)
    assert result(page) != best


def test_a_link_may_name_a_guess_alone(figure, tale):
    page = opened(figure, "rule=last&what=H")
    text, states = tale
    last = torch.tensor(
        [bool(re.match(r"[A-Za-z'](?![A-Za-z'])", text[i : i + 2])) for i in range(len(text))]
    )
    same(page, states["H"], last)
    at = int(page.locator(f"{HERE} .is-marked").get_attribute("data-i"))
    assert last[at]
    assert result(page)["rest"] < 0.8  # nothing that has been read says that a word is over


def test_nonsense_in_a_link_is_harmless(figure):
    page = opened(figure, "page=9999&from=-7&to=99999999&rule=dog&what=X&unit=1000&list=cats")
    assert result(page)["unit"] < 96
    assert page.get_by_role("button", name="Next page").is_visible()


# ---------- how ----------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_views(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = opened(figure, lang=lang, theme=theme, width=width)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    verdict = page.locator(f"{HERE} .units__verdict").inner_text()
    assert (("守得住" in verdict), ("it carried over" in verdict)) == (
        lang in ("zh", "both"),
        lang in ("en", "both"),
    )
    assert violations(page, axe) == []


def test_the_door_is_accessible(figure, axe):  # noqa: F811
    page = figure("units", lang="both", width=390)
    assert violations(page, axe) == []
    assert page.evaluate("() => performance.getEntriesByName('figure:units')[0].startTime") < 3000


def test_without_workers_it_reads_all_the_same(figure):
    page = opened(figure)
    usual = result(page)
    page.evaluate(
        "async () => { globalThis.Worker = undefined; const host = document.createElement('figure');"
        " document.querySelector('main').replaceChildren(host); await Kit.mount(host, 'units', {id: 'poor', values: {open: true}}); }"
    )
    page.locator("#poor[data-open]").wait_for(timeout=120_000)
    assert json.loads(page.locator("#poor").get_attribute("data-result")) == usual


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_bad_data_give_a_message(figure, how):
    page = figure("units", lang="both")
    pack = (
        "Promise.reject(new Error('gone'))"
        if how == "missing"
        else "Kit.unpacked('units').then((p) => ({...p, bytes: p.bytes.slice(0, 999)}))"
    )
    page.evaluate(
        "async () => { const host = document.createElement('figure'); document.querySelector('main').replaceChildren(host);"
        f" const pack = {pack}; pack.catch(() => 0);"
        " await Kit.mount(host, 'units', {id: 'broken', packs: {units: pack}});"
        " host.querySelector('button').click(); }"
    )
    alert = page.locator("#broken [role=alert]")
    alert.wait_for()
    assert "没能载入" in alert.inner_text()
    assert "could not be loaded" in alert.inner_text()
