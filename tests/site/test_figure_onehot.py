"""The figure "onehot": indices, planes and products are torch's, and it can be driven by everybody."""

from __future__ import annotations

import ast
import json
import re

import pytest
import torch
import torch.nn.functional as F
from book_site import ROOT, VIEWS, pause
from test_access import axe, violations  # noqa: F401

from rnnlib.widgets import files

pytestmark = pytest.mark.site
V, H = 28, 3
W = torch.arange(1.0, V * H + 1).reshape(V, H)


def book_vocabulary() -> list[str]:
    """The vocabulary as chapter 1 prints it."""
    chapter = json.loads((ROOT / "book" / "01_text.ipynb").read_text(encoding="utf-8"))
    cell = next(cell for cell in chapter["cells"] if cell["id"] == "3fc3d360")
    printed = "".join(text for output in cell["outputs"] for text in output.get("text", ""))
    return ast.literal_eval(re.search(r"28 (\[.*?\])\n", printed)[1])


VOCAB = book_vocabulary()


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-onehot').dataset})")


def wait(page, **values: str) -> dict[str, str]:
    """Wait for data attributes of the figure; all of them."""
    page.wait_for_function(
        "(wanted) => { const d = document.querySelector('.fig-onehot').dataset;"
        " return Object.entries(wanted).every(([k, v]) => d[k] === v); }",
        arg=values,
    )
    return data(page)


def indices(*rows: str) -> torch.Tensor:
    """X (B, T), the shorter row filled up with spaces."""
    length = max(map(len, rows))
    known = {token: i for i, token in enumerate(VOCAB)}
    return torch.tensor([[known.get(c, 0) for c in row.ljust(length)] for row in rows])


def written(table: torch.Tensor) -> str:
    return "|".join(" ".join(map(str, row)) for row in table.tolist())


def planes(page) -> torch.Tensor:
    """Where the ones are drawn: (T, B, V), from their places on the screen."""
    found = page.locator(".fig-onehot__plane").evaluate_all(
        "(planes) => planes.map((plane) => [...plane.children].map((line) => {"
        " const box = line.getBoundingClientRect(), one = line.firstChild.getBoundingClientRect();"
        " return Math.round(28 * (one.left - box.left) / box.width); }))"
    )
    return F.one_hot(torch.tensor(found), V)


def product(page) -> tuple[list[str], str]:
    """The lines written out, as texts, and the letter of the line in the frame."""
    rows = page.locator(".fig-onehot__terms .fig-onehot__term")
    frame = page.locator(".fig-onehot__frame").bounding_box()
    middle = frame["y"] + frame["height"] / 2
    boxes = rows.evaluate_all(
        "(rows) => rows.map((r) => { const b = r.getBoundingClientRect(); return [b.top, b.bottom]; })"
    )
    framed = next(i for i, (low, high) in enumerate(boxes) if low <= middle < high)
    return rows.all_inner_texts(), VOCAB[framed]


def test_the_default_state_makes_the_point(figure):
    """The chapter's product by hand: token 2, and 7 8 9 comes out."""
    page = figure("onehot")
    shown = data(page)
    assert (shown["letter"], shown["index"], shown["product"], shown["row"]) == ("e", "2", "7,8,9", "7,8,9")
    assert shown["shape"] == "5,2,28"
    total = page.locator(".fig-onehot__term.is-sum").inner_text().split()
    assert total == ["=", "7", "8", "9"]
    assert "row 2 of Wxh" in page.locator(".fig-onehot__found").inner_text()
    lines, framed = product(page)
    assert framed == "e" and lines[2].split() == ["e", "2", "+", "1", "×", "7", "8", "9"]
    assert [line.split()[-5] for line in lines] == ["1" if j == 2 else "0" for j in range(V)]


def test_indices_planes_and_shapes_are_torchs(figure):
    for rows in (("time", "watch"), ("a", "zebra qu"), ("Now!", "时间 a"), ("", "")):
        page = figure("onehot", values={"row0": rows[0], "row1": rows[1]})
        X = indices(*(row.lower() or " " for row in rows))
        codes = F.one_hot(X.T, V)
        shown = data(page)
        assert shown["indices"] == written(X) and shown["transposed"] == written(X.T)
        assert shown["shape"] == ",".join(map(str, codes.shape))
        assert torch.equal(planes(page), codes)
        heads = " ".join(page.locator(".fig-head").all_inner_texts())
        for shape in (X.shape, X.T.shape, codes.shape):
            assert str(tuple(shape)) in heads
        cells = page.locator(".fig-onehot__films .fig-onehot__cell").all_text_contents()
        assert [int(re.sub(r"^.", "", cell, flags=re.DOTALL)) for cell in cells] == X.flatten().tolist()


def test_the_product_is_torchs_for_every_letter(figure):
    page = figure("onehot")
    for i, token in enumerate(VOCAB):
        letter = "?" if i == 0 else token
        page.evaluate("([row0]) => Kit.mounted.get('onehot').set({row0, t: 0, b: 0})", [letter + "x"])
        wanted = F.one_hot(torch.tensor(i), V).float() @ W
        assert torch.equal(wanted, W[i])
        text = ",".join(str(int(w)) for w in wanted)
        shown = data(page)
        assert (shown["index"], shown["product"], shown["row"]) == (str(i), text, text)
    table = page.locator(".fig-onehot__terms .fig-onehot__term").all_inner_texts()
    assert torch.equal(torch.tensor([[float(w) for w in line.split()[-3:]] for line in table]), W)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_any_cell_can_be_pointed_at(figure, lang):
    page = figure("onehot", lang=lang, theme="dark")
    page.locator(".fig-onehot__line[data-at='1,1']").click()
    wait(page, letter="a", index="4", product="13,14,15")
    pause(page, 300)  # the frame slides
    assert product(page)[1] == "a"
    page.locator(".fig-onehot__pair [data-at='4,1']").click()
    wait(page, letter="h", index="9")
    page.locator(".fig-onehot__films [data-at='4,0']").click()
    wait(page, letter=" ", index="1", product="4,5,6")
    focused = page.evaluate("() => document.activeElement.dataset.at")
    assert focused == "4,0", "drawing anew keeps the focus"
    assert page.locator(".fig-onehot__cell.is-filled").count() == 1
    said = {"zh": "空格 的编号是 1", "en": "space is number 1"}[lang]
    page.wait_for_function(
        "(said) => document.querySelector('.fig-said').textContent.includes(said)", arg=said
    )
    for place in (".fig-onehot__films", ".fig-onehot__pair", ".fig-onehot__line"):
        assert page.locator(f"{place}.is-at, {place} .is-at, {place} [aria-checked=true]").count() == 1


def test_dragging_goes_from_letter_to_letter(figure):
    page = figure("onehot")
    boxes = [page.locator(f".fig-onehot__films [data-at='{t},1']").bounding_box() for t in (0, 3)]
    places = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=5)
    wait(page, letter="c", index="15")
    page.mouse.up()
    page.mouse.move(*places[0])
    assert data(page)["letter"] == "c", "let go"


def test_touch(figure):
    page = figure("onehot", width=390, has_touch=True, lang="zh")
    page.locator(".fig-onehot__line[data-at='2,1']").tap()
    wait(page, letter="t", index="3", product="10,11,12")


def test_the_keyboard_goes_through_both_rows(figure):
    page = figure("onehot", lang="zh")
    page.get_by_role("radio", name="第 0 行第 3 步：e，编号 2").focus()
    for key, letter in (
        ("ArrowLeft", "m"),
        ("ArrowDown", "t"),
        ("End", "h"),
        ("ArrowRight", "h"),
        ("Home", "w"),
        ("ArrowUp", "t"),
    ):
        page.keyboard.press(key)
        wait(page, letter=letter)
        assert page.evaluate("() => document.activeElement.getAttribute('aria-checked')") == "true"


def test_typing(figure):
    page = figure("onehot", lang="en")
    page.get_by_role("textbox", name="row 0").fill("Quiz 42")
    shown = wait(page, indices=written(indices("quiz 42", "watch")))
    assert shown["shape"] == "7,2,28" and shown["letter"] == "z" and shown["index"] == "25"
    page.get_by_role("textbox", name="row 0").fill("")
    page.get_by_role("textbox", name="row 1").fill("ab")
    shown = wait(page, shape="2,2,28", indices="1 1|4 21")
    assert shown["letter"] == " ", "the third step is gone: the last one is taken"
    page.get_by_role("textbox", name="row 1").fill("abcdefghijkl")
    wait(page, shape="8,2,28")
    page.get_by_role("textbox", name="row 1").fill("<b>*_</b>")
    wait(page, indices=written(indices("        ", "<b>*_</b")))
    assert page.locator(".fig-onehot b b").count() == 0


@pytest.mark.parametrize(
    ("lang", "name", "words"),
    [
        ("zh", "第 0 行", ("第 0 行：只取前 8 个字符", "第 1 行短，补上空格")),
        (
            "en",
            "row 0",
            ("row 0: Only the first 8 characters are used", "Row 1 is shorter: filled with spaces"),
        ),
    ],
)
@pytest.mark.parametrize("width", [1280, 390])
def test_what_was_done_to_the_letters_is_said(figure, lang, name, words, width):
    """Too long, too short: on lines of their own, over nothing else."""
    page = figure("onehot", lang=lang, width=width)
    page.get_by_role("textbox", name=name).fill("abcdefghijklm")
    wait(page, shape="8,2,28")
    notes = page.locator(".fig-onehot__notes")
    for said in words:
        assert said in notes.inner_text().replace("： ", "：")
    box, table = notes.bounding_box(), page.locator(".fig-onehot__typed").bounding_box()
    assert box["y"] >= table["y"] + table["height"] - 1
    assert page.locator(".fig-onehot__cell.is-filled").count() == 3
    page.get_by_role("textbox", name=name).fill("hello")
    wait(page, shape="5,2,28")
    assert notes.inner_text().strip() == ""


def test_a_row_of_the_matrix_can_be_picked(figure):
    page = figure("onehot")
    rows = page.locator(".fig-onehot__terms .fig-onehot__term")
    rows.nth(4).click()  # a, of watch
    wait(page, letter="a", index="4", product="13,14,15")
    rows.nth(27).click()  # no q was typed
    assert data(page)["letter"] == "a"
    assert page.locator(".is-typed").count() == len(set("time watch"))
    assert "(5, 2, 28) @ (28, 3) = (5, 2, 3)" in page.locator(".fig-onehot__all").inner_text()


def test_the_numbers_of_the_scale_stay_over_the_grid(figure):
    for state in ("row0=q&t=0", "row0=time"):
        page = figure("onehot", width=390, state=state)
        right = page.locator(".fig-onehot__scale").bounding_box()
        for label in page.locator(".fig-onehot__scale > .is-last").all():
            ends = label.evaluate(
                "(n) => { const r = document.createRange(); r.selectNodeContents(n);"
                " return r.getBoundingClientRect().right; }"
            )
            assert ends <= right["x"] + right["width"] + 0.5


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_no_violation_and_no_overflow(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    for state in ("", "row0=wwwwwwww&row1=mmmmmmmm&t=7&b=1"):
        page = figure("onehot", lang=lang, theme=theme, width=width, state=state)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert product(page)[1] == data(page)["letter"]
        assert violations(page, axe) == []


def test_a_link_sets_it_and_bad_values_do_no_harm(figure):
    shown = data(figure("onehot", state="row0=never&t=1"))
    assert (shown["letter"], shown["index"], shown["shape"]) == ("e", "2", "5,2,28")
    shown = data(figure("onehot", state="t=99&b=-7&row1="))
    assert (shown["letter"], shown["shape"]) == ("e", "4,2,28")


def test_the_address_follows(figure):
    page = figure("onehot")
    page.locator(".fig-onehot__line[data-at='1,1']").click()
    page.wait_for_function("() => location.hash === '#onehot:t=1&b=1'")


def test_the_language_switches_at_once(figure):
    page = figure("onehot", lang="en")
    page.evaluate("() => { document.documentElement.dataset.booklang = 'zh'; }")
    assert page.locator(".fig-onehot__which").inner_text() == "第 3 步第 0 行的 e，编号 2"
    assert "正是 W_xh 的第 2 行" in page.locator(".fig-onehot__product").get_attribute("aria-label")


def test_the_first_frame_comes_soon_and_needs_no_networks(figure):
    page = figure("onehot")
    assert page.evaluate("() => performance.getEntriesByName('figure:onehot')[0].startTime") < 3000
    assert not files.needs_engine("onehot")
    assert len(files.script("onehot").encode()) + len(files.style("onehot").encode()) < 40_000
