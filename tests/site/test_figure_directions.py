"""Two directions: the taggers of the page are those of torch; the forward one never changes its mind."""

from __future__ import annotations

import json

import pytest
import torch
from book_site import pause
from test_access import axe, violations  # noqa: F401

import rnnlib
from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
MEANT = ["we were together in the garden", "on the flagstones of the garden", "nowhere else to go"]
DEFAULT = MEANT[0].replace(" ", "")


def found(page) -> dict[str, dict]:
    return json.loads(page.locator(".fig-directions").get_attribute("data-found"))


def judged(letters: str) -> dict[str, list[float]]:
    """P(a word ends here) by torch, with the dequantized weights."""
    pack, out = read_pack("taggers"), {}
    X = torch.tensor([[pack["vocab"].index(c) for c in letters]])
    for name, entry in pack["models"].items():
        sizes = entry["embedding"], entry["H"], entry["outputs"]
        both = entry["directions"] == 2
        model = rnnlib.SequenceTagger("gru", *sizes, bidirectional=both, vocab_size=entry["V"])
        model.load_state_dict(entry["state"])
        out[name] = rnnlib.predict(model, X).softmax(-1)[0, :, 1].tolist()
    return out


def errors(written: str, meant: str) -> int:
    """Spaces too many and missing, the end of what has arrived left out."""

    def places(text: str, n: int) -> set[int]:
        ends = [len(text[:j].replace(" ", "")) for j, c in enumerate(text) if c == " "]
        return {place for place in ends if place < n}

    n = len(written.replace(" ", ""))
    return len(places(written, n) ^ places(meant, n))


def spaced(letters: str, p: list[float]) -> str:
    ends = [c + " " if v > 0.5 and j < len(letters) - 1 else c for j, (c, v) in enumerate(zip(letters, p))]
    return "".join(ends)


def test_the_page_judges_like_torch(figure):
    page = figure("directions")
    for n in (1, 5, 9, 15, len(DEFAULT)):
        page.evaluate("n => Kit.mounted.get('directions').set({n})", n)
        now, want = found(page), judged(DEFAULT[:n])
        for name in ("one", "both"):
            assert abs(now[name]["p"] - want[name][-1]) < 1e-4
            assert now[name]["text"] == spaced(DEFAULT[:n], want[name])


def test_the_first_view_makes_the_point(figure):
    """One takes back what it has said, the other cannot; the letter before, both were wrong about it."""
    page = figure("directions", lang="en")
    now = found(page)
    assert now["one"]["text"] == "wewere to get her" and now["one"]["wrong"] == 3
    assert now["both"]["text"] == "we were together" and now["both"]["wrong"] == 0
    assert page.locator(".directions__written").all_inner_texts() == [
        "we_were to|get|her",
        "we were together",
    ]
    assert page.locator(".directions__intended").inner_text() == MEANT[0]
    page.evaluate("() => Kit.mounted.get('directions').set({n: 13})")
    assert [now["text"] for now in found(page).values()] == ["wewere to get he", "we were toge the"]


@pytest.mark.parametrize("s", [0, 1, 2])
def test_mistakes_are_counted_and_marked(figure, s):
    page = figure("directions", state=f"s={s}")
    for n in (6, 13, 15, 19, 40):
        page.evaluate("n => Kit.mounted.get('directions').set({n})", n)
        for row, now in zip(page.locator(".directions__written").all(), found(page).values()):
            assert now["wrong"] == errors(now["text"], MEANT[s])
            assert row.locator(".directions__wrong").count() == now["wrong"]
    assert (now["wrong"] == 0) == (s < 2), "in two examples both directions win, in one they fail"
    letters = page.locator(".fig-row--tagger").nth(1).locator(".is-changed:not(small)").count()
    assert letters == now["changed"] > 0


def test_own_text_says_what_was_meant(figure):
    page = figure("directions", lang="en", state="own=a+red+hat&n=7")
    assert page.locator(".directions__intended").inner_text() == "a red hat"
    assert found(page)["one"]["wrong"] is not None
    box = page.get_by_role("textbox")
    box.fill("aredhat")
    pause(page, 400)
    assert "not given" in page.locator(".directions__intended").inner_text()
    assert found(page)["both"]["wrong"] is None and "wrong" not in page.inner_text(".fig-row--tagger")
    box.fill("x")
    pause(page, 400)
    assert found(page)["one"]["text"] == "x" and page.locator("[aria-checked=true]").count() == 0
    box.fill("123")
    pause(page, 400)
    assert "left out: 1 2 3" in page.locator(".fig-field__note").inner_text()
    assert page.locator("[aria-checked=true]").count() == 1, "the example is back, and says so"
    box.fill("ab " * 30)
    pause(page, 400)
    assert "Only the first 40" in page.locator(".fig-field__note").inner_text()


def test_the_forward_tagger_never_changes_its_mind(figure):
    page = figure("directions", state=f"n={len(DEFAULT)}")
    now = found(page)
    assert now["one"]["changed"] == 0 < now["both"]["changed"]
    assert page.locator(".fig-row--tagger").nth(0).locator(".is-changed").count() == 0
    assert page.locator(".fig-row--tagger").nth(1).locator(".is-changed").count() > 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_letters_arrive_by_keys_mouse_and_typing(figure, lang):
    page = figure("directions", lang=lang, state="n=3")
    assert found(page)["one"]["text"].replace(" ", "") == DEFAULT[:3]
    strip = page.get_by_role("slider")
    strip.focus()
    page.keyboard.press("ArrowRight")
    assert found(page)["one"]["text"].replace(" ", "") == DEFAULT[:4]
    box = strip.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 9.5 / len(DEFAULT), box["y"] + 10)
    assert found(page)["both"]["text"].replace(" ", "") == DEFAULT[:10]
    page.get_by_role("textbox").fill("Two words!")
    pause(page, 400)
    assert found(page)["one"]["text"].replace(" ", "") == "twowords"
    page.get_by_role("radio").nth(1).click()
    assert found(page)["one"]["text"].replace(" ", "") == MEANT[1].replace(" ", "")


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = figure("directions", lang=view[0], theme=view[1], width=view[2])
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe) == []


def test_damaged_settings_and_missing_data(figure):
    page = figure("directions", state="s=9&n=-4")
    assert found(page)["one"]["text"] == "w"
    page = figure("directions", lang="zh", ready=False, missing="taggers")
    page.locator(".fig-directions[data-failed]").wait_for()
    assert "没能显示" in page.locator(".fig-message").inner_text()
