"""Two directions: the taggers of the page are those of torch; the forward one never changes its mind."""

from __future__ import annotations

import json

import pytest
import torch
from test_access import axe, violations  # noqa: F401

import rnnlib
from rnnlib.widgets import read_pack

pytestmark = pytest.mark.site
DEFAULT = "ontheflagstonesofthegarden"


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
    page.wait_for_timeout(400)
    assert found(page)["one"]["text"].replace(" ", "") == "twowords"
    page.get_by_role("radio").nth(1).click()
    assert found(page)["one"]["text"].replace(" ", "") == "nowhereelsetogo"[:10]


@pytest.mark.parametrize("view", [("zh", "light", 390), ("en", "dark", 390), ("both", "dark", 1280)])
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    page = figure("directions", lang=view[0], theme=view[1], width=view[2])
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe) == []


def test_damaged_settings_and_missing_data(figure):
    page = figure("directions", state="s=9&n=-4")
    assert found(page)["one"]["text"] == "o"
    page = figure("directions", lang="zh", ready=False, missing="taggers")
    page.locator(".fig-directions[data-failed]").wait_for()
    assert "没能显示" in page.locator(".fig-message").inner_text()
