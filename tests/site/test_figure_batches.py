"""The figure "batches": its cuts are those of rnnlib.data.batches, and it can be driven by everybody."""

from __future__ import annotations

import random

import pytest
import torch
from book_site import VIEWS
from test_access import axe, violations  # noqa: F401

import rnnlib
from rnnlib.widgets import files

pytestmark = pytest.mark.site
ITERATORS = rnnlib.SequenceLoader.ITERATORS
EN = "a time traveller never asks what time is it now"
ZH = "时间旅行者从来不问现在几点，他推开门先问今年是哪一年，再问门外的河还在不在，最后才问有没有早饭。"
# Characters, rows, steps, offset asked for, seed: short texts, offsets that do not fit, one row, many.
CASES = [
    (47, 2, 5, 2, 0),
    (47, 2, 5, 3, 0),
    (11, 2, 5, 4, 1),
    (12, 2, 5, 5, 2),
    (101, 4, 6, 0, 3),
    (101, 4, 6, 5, 3),
    (160, 1, 2, 2, 4),
    (90, 3, 10, 10, 5),
    (64, 4, 7, 6, 1234),
]


class Given(random.Random):
    """Python's generator, whose whole numbers are replaced by the reader's offset after they are drawn."""

    def __init__(self, seed: int, offset: int) -> None:
        super().__init__(seed)
        self.offset = offset

    def randint(self, low: int, high: int) -> int:
        super().randint(low, high)
        return min(self.offset, high)


def expected(length: int, scheme: str, B: int, T: int, offset: int, seed: int) -> list:
    """Minibatches of rnnlib, of positions."""
    return list(ITERATORS[scheme](torch.arange(length), B, T, Given(seed, offset)))


def letters(text: str, positions: torch.Tensor) -> str:
    return "|".join("".join(text[i] for i in row) for row in positions.tolist())


def cut(page, length: int, **settings) -> dict:
    return page.evaluate(
        "([n, settings]) => Kit.mounted.get('batches').kind.cut(n, settings)", [length, settings]
    )


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-batches').dataset})")


def wait(page, **values: str) -> dict[str, str]:
    """Wait for data attributes of the figure; all of them."""
    page.wait_for_function(
        "(wanted) => { const d = document.querySelector('.fig-batches').dataset;"
        " return Object.entries(wanted).every(([k, v]) => d[k] === v); }",
        arg=values,
    )
    return data(page)


def table(page, name: str) -> str:
    rows = page.locator(f".fig-batches__tensor.is-{name} tr")
    return "|".join("".join(row.locator("td").all_text_contents()) for row in rows.all()).replace("␣", " ")


# ---------- the numbers ----------
def test_chance_is_pythons(figure):
    page = figure("batches")
    for seed in (0, 1, 7, 12345, 2**32 - 1, 2**32 + 5):
        rng = random.Random(seed)
        shuffled = list(range(40))
        wanted = [rng.randint(0, 4), rng.randint(1, 1000), rng.shuffle(shuffled) or shuffled, rng.random()]
        found = page.evaluate(
            "(seed) => { const r = Kit.random(seed), list = Array.from({length: 40}, (_, i) => i);"
            " return [r.randint(0, 4), r.randint(1, 1000), r.shuffle(list), r.random()]; }",
            seed,
        )
        assert found == wanted, seed


@pytest.mark.parametrize("scheme", ITERATORS)
def test_the_cuts_are_those_of_rnnlib(figure, scheme):
    page = figure("batches")
    for length, B, T, offset, seed in CASES:
        found = cut(page, length, scheme=scheme, B=B, T=T, offset=offset, seed=seed)
        wanted = expected(length, scheme, B, T, offset, seed)
        assert found["batches"] == [X[:, 0].tolist() for X, _ in wanted], (length, B, T, offset)
        for starts, (X, Y) in zip(found["batches"], wanted, strict=True):
            where = torch.tensor(starts)[:, None] + torch.arange(T)
            assert torch.equal(where, X) and torch.equal(where + 1, Y)


@pytest.mark.parametrize("scheme", ITERATORS)
def test_a_drawn_epoch_is_that_of_a_seeded_loader(figure, scheme):
    page = figure("batches")
    many = [(47, 2, 5, 0, seed) for seed in range(25)]
    for length, B, T, _, seed in CASES + many:
        settings = {"scheme": scheme, "B": B, "T": T, "seed": seed}
        offset = page.evaluate("(s) => Kit.mounted.get('batches').kind.drawn(s)", settings)
        found = cut(page, length, **settings, offset=offset)
        loader = rnnlib.SequenceLoader(torch.arange(length), B, T, sampling=scheme, seed=seed)
        assert found["batches"] == [X[:, 0].tolist() for X, _ in loader], (length, B, T, seed)


def test_too_short_is_too_short_for_rnnlib(figure):
    page = figure("batches")
    for length, B, T in ((10, 2, 5), (40, 4, 10), (3, 1, 2), (2, 1, 2)):
        found = cut(page, length, scheme="random", B=B, T=T, offset=0, seed=0)
        if length > B * T:
            assert found["batches"]
            continue
        assert found["batches"] == [] and found["needed"] == B * T + 1
        with pytest.raises(ValueError, match=f"at least {B * T + 1} tokens"):
            expected(length, "random", B, T, 0, 0)


# ---------- what is shown ----------
def test_every_minibatch_shows_its_letters(figure):
    """Stepping with the player: X, Y and the ribbon are rnnlib's, in both schemes."""
    for scheme in ITERATORS:
        page = figure("batches", state=f"scheme={scheme}&k=1")
        wanted = expected(len(EN), scheme, 2, 5, 2, 0)
        for k, (X, Y) in enumerate(wanted, 1):
            shown = wait(page, k=str(k), n=str(len(wanted)))
            assert (shown["x"], shown["y"]) == (letters(EN, X), letters(EN, Y))
            assert (table(page, "x"), table(page, "y")) == (shown["x"], shown["y"])
            marked = page.locator(".fig-batches__cell.is-x b").all_text_contents()
            assert "".join(marked) == "".join(EN[i] for i in sorted(X.flatten().tolist()))
            labels = page.locator(".fig-batches__cell.is-y b").all_text_contents()
            assert "".join(labels) == "".join(EN[i] for i in sorted(set(Y.flatten().tolist())))
            page.get_by_role("button", name="Next minibatch").click()
        assert data(page)["k"] == str(len(wanted)), "the last one is the last"
        used = {int(i) for X, _ in wanted for i in X.flatten()}
        unused = page.locator(".fig-batches__cell.is-unused").count()
        assert unused == len(EN) - len(used) == int(data(page)["offset"]) + int(data(page)["left"])


def test_the_default_state_makes_the_point(figure):
    page = figure("batches")
    shown = data(page)
    assert (shown["seams"], shown["read"], shown["x"]) == ("3/3", "10", "trave|hat t")
    assert page.locator(".fig-batches__seam.is-zero").count() == 2  # each row starts once
    # Row 0 read across is the first half of the sentence.
    row = page.locator(".fig-batches__piece").all_text_contents()[:4]
    assert "".join(row).replace("␣", " ") == EN[2:22]
    assert "2 of 2 rows go on" in page.locator(".fig-batches__verdict").inner_text()
    # The line of the state: read up to here, not further.
    read = page.locator(".fig-batches__piece.is-read").all_text_contents()
    assert len(read) == 4 and page.locator(".fig-batches__piece:not(.is-read)").count() == 4


def test_random_sampling_breaks_every_line(figure):
    page = figure("batches")
    page.get_by_role("radio", name="random sampling").click()
    shown = wait(page, seams="0/3", read="5")
    order = list(range(8))
    rng = Given(0, 2)
    rng.randint(0, 4)
    rng.shuffle(order)
    luck = page.locator(".fig-batches__luck").inner_text()
    assert luck.startswith("8 pieces, shuffled once with seed 0") and "used" not in luck
    first = page.locator(".fig-batches__cell:has(small)").filter(has_text="1.0")
    place = first.evaluate("(cell) => [...cell.parentElement.children].indexOf(cell)")
    assert place == 2 + 5 * order[0], "the first piece of the new order became 1.0"
    assert shown["starts"].split(",") == [str(2 + 5 * i) for i in order[2:4]]
    assert page.locator(".fig-batches__seam.is-zero").count() == 8
    assert page.locator(".fig-batches__piece.is-read").count() == 2
    assert "0 of 2 rows go on" in page.locator(".fig-batches__verdict").inner_text()


def test_the_chapters_picture_can_be_set(figure):
    """The chapter draws random sampling with random.Random(0), sequential partitioning with random.Random(7)."""
    for scheme, seed in (("random", 0), ("sequential", 7)):
        wanted = list(ITERATORS[scheme](torch.arange(len(EN)), 2, 5, random.Random(seed)))
        offset = min(int(X.min()) for X, _ in wanted)
        page = figure("batches", state=f"scheme={scheme}&offset={offset}&k=1")
        tags = page.locator(".fig-batches__cell:has(small)").evaluate_all(
            "(cells) => cells.map((c) => [c.querySelector('small').textContent,"
            " [...c.parentElement.children].indexOf(c)])"
        )
        starts = {f"{k}.{b}": int(X[b, 0]) for k, (X, _) in enumerate(wanted, 1) for b in range(2)}
        assert dict(tags) == starts


def test_another_epoch_is_drawn(figure):
    page = figure("batches", state="scheme=random&k=1", lang="zh")
    for seed in (1, 2, 3):
        page.get_by_role("button", name="换一个迭代周期").click()
        loader = rnnlib.SequenceLoader(torch.arange(len(EN)), 2, 5, sampling="random", seed=seed)
        X, _ = next(iter(loader))
        wait(page, starts=",".join(map(str, X[:, 0].tolist())), x=letters(EN, X))


def test_another_epoch_of_sequential_partitioning_shows(figure):
    """Only the offset is drawn there: never the same one twice in a row."""
    page = figure("batches", lang="zh")
    for _ in range(12):
        before = data(page)["offset"]
        page.get_by_role("button", name="重抽跳过几个").click()
        now = data(page)["offset"]
        assert now != before
        seed = page.evaluate("() => Kit.mounted.get('batches').values.seed")
        assert int(now) == random.Random(seed).randint(0, 5), "what a loader with this seed skips"


def test_what_is_left_over_is_told_apart(figure):
    page = figure("batches", state="scheme=random&offset=1")  # 9 pieces for 2 rows
    assert (
        "The last one isn't used: it doesn't fill 2 rows" in page.locator(".fig-batches__luck").inner_text()
    )
    assert page.locator(".fig-batches__cell.is-spare").count() == 5
    page = figure("batches", lang="zh")
    assert (
        "输入 40 + 剩下 5 = 47 个字符（剩下的有 2 个只作标签）"
        in page.locator(".fig-head").first.inner_text()
    )
    labels = page.locator(".fig-batches__cell.is-unused.is-y")
    page.get_by_role("radio", name="第 4 批").click()
    wait(page, k="4")
    assert labels.count() == 2


def test_tags_do_not_run_together_and_more_is_announced(figure):
    for state in ("B=1&T=2&scheme=random", "B=1&T=2"):
        page = figure("batches", state=state)
        tags = page.locator(".fig-batches__cell small")
        assert "2.0" in tags.all_inner_texts(), "the present one keeps its tag"
        boxes = [tag.bounding_box() for tag in tags.all()]
        for a, b in zip(boxes, boxes[1:]):
            assert a["y"] != b["y"] or a["x"] + a["width"] <= b["x"] - 2
    film = page.locator(".fig-batches__film")
    assert film.get_attribute("data-more") == ""
    film.evaluate("(node) => { node.scrollLeft = 1e5; }")
    page.wait_for_function("() => !document.querySelector('.fig-batches__film').hasAttribute('data-more')")
    assert figure("batches").locator(".fig-batches__film[data-more]").count() == 0


def test_from_the_last_minibatch_the_other_cut_starts_at_the_second(figure):
    page = figure("batches", state="k=4")
    page.get_by_role("radio", name="random sampling").click()
    wait(page, k="2", seams="0/3")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_settings_change_the_cut(figure, lang):
    page = figure("batches", lang=lang)
    names = {
        "zh": ("B，行数", "T，时间步数", "偏移", "文字", "一句中文"),
        "en": ("B, rows", "T, time steps", "Offset", "Text", "a Chinese sentence"),
    }
    B, T, offset, text, chinese = names[lang]
    for label, value, wanted in ((B, "3", (3, 5, 2)), (T, "7", (3, 7, 2)), (offset, "4", (3, 7, 4))):
        page.get_by_label(label, exact=True).select_option(label=value)
        X, _ = expected(len(EN), "sequential", *wanted, 0)[1]
        wait(page, starts=",".join(map(str, X[:, 0].tolist())), offset=str(wanted[2]))
    page.get_by_label(text, exact=True).select_option(label=chinese)
    X, Y = expected(len(ZH), "sequential", 3, 7, 4, 0)[1]
    wait(page, x=letters(ZH, X), y=letters(ZH, Y))


def test_what_does_not_fit_cannot_be_chosen(figure):
    page = figure("batches", state="text=own&B=3&T=8&own=abcdefghijklmnopqrstuvwxy")  # 25: just enough
    assert data(page)["n"] == "1" and data(page)["seams"] == "0/0"
    off = page.get_by_label("T, time steps").locator("option:disabled")
    assert off.evaluate_all("(options) => options.map((o) => o.label)") == ["9", "10"]
    assert page.get_by_label("Offset").locator("option").count() == 1


def test_the_keyboard_steps_through_the_minibatches(figure):
    page = figure("batches", lang="zh")
    page.get_by_role("radio", name="第 2 批").focus()
    for key, k in (("ArrowRight", "3"), ("End", "4"), ("ArrowRight", "4"), ("ArrowLeft", "3"), ("Home", "1")):
        page.keyboard.press(key)
        wait(page, k=k)
        focused = page.evaluate("() => document.activeElement.dataset.k")
        assert focused == k
    page.get_by_role("radio", name="顺序分区").focus()
    page.keyboard.press("ArrowRight")
    wait(page, seams="0/3")
    page.wait_for_function("() => document.querySelector('.fig-said').textContent.includes('第 0 行')")


def test_a_piece_can_be_pointed_at(figure):
    page = figure("batches", width=390, has_touch=True)
    page.locator(".fig-batches__cell[data-k='3']").first.tap()
    wait(page, k="3", x="ller |ime i")
    page.locator(".fig-batches__piece[data-k='1']").last.tap()
    wait(page, k="1", x="time |sks w")


def test_the_player_plays_and_starts_again(figure):
    page = figure("batches", state="k=4")
    page.get_by_role("button", name="Play", exact=True).click()
    wait(page, k="2")  # from the end to the first, and on
    page.get_by_role("button", name="Pause").click()


# ---------- the reader's own words ----------
@pytest.mark.parametrize(
    ("lang", "label", "choice"), [("zh", "文字", "你自己的话"), ("en", "Text", "your own words")]
)
def test_own_words(figure, lang, label, choice):
    page = figure("batches", lang=lang)
    page.get_by_label(label, exact=True).select_option(label=choice)
    message = page.locator(".fig-message")
    field = page.locator(".fig-field__input")
    wait(page, k="2", seams={"zh": "1/1", "en": "4/4"}[lang])
    assert message.is_hidden() and len(field.input_value()) > 20, "it starts with a sentence"
    field.fill("")
    wait(page, needed="11")
    assert message.is_visible() and "11" in message.inner_text() and "*B*" not in message.inner_text()
    assert {"zh": "调小", "en": "smaller"}[lang] not in message.inner_text()
    field.fill("Good  morning,\twho is <b>there</b>? 好")
    text = "Good morning, who is <b>there</b>? 好"
    X, Y = expected(len(text), "sequential", 2, 5, 2, 0)[1]
    wait(page, x=letters(text, X), y=letters(text, Y))
    assert message.is_hidden() and page.locator(".fig-batches b b").count() == 0
    field.fill("abcdefgh")
    wait(page, needed="11")
    assert "8" in message.inner_text()


def test_a_long_text_stays_in_its_box(figure):
    page = figure("batches", width=390, state="text=own&B=1&T=2&k=40&own=" + "abcdefghij+" * 20)
    shown = data(page)
    assert shown["n"] == str(len(expected(160, "sequential", 1, 2, 2, 0))) and shown["k"] == "40"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    frame = page.locator(".fig-batches__frame").bounding_box()
    assert frame["x"] > 0 and frame["x"] + frame["width"] < 390, "the present minibatch is in sight"


# ---------- every reader ----------
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_no_violation_and_no_overflow(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    for state in ("", "scheme=random&text=zh&B=4&T=10"):
        page = figure("batches", lang=lang, theme=theme, width=width, state=state)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        assert violations(page, axe) == []


def test_the_state_of_a_link_is_kept_in_bounds(figure):
    page = figure("batches", state="B=99&T=-4&offset=1000&k=77&text=nothing&scheme=other&seed=-3")
    shown = data(page)
    wanted = expected(len(EN), "sequential", 4, 2, 1000, 0)
    assert (shown["n"], shown["k"]) == (str(len(wanted)), str(len(wanted)))
    assert shown["x"] == letters(EN, wanted[-1][0])


def test_the_address_follows(figure):
    page = figure("batches")
    page.get_by_role("radio", name="random sampling").click()
    page.get_by_label("T, time steps").select_option(label="4")
    page.wait_for_function("() => location.hash === '#batches:scheme=random&T=4'")


def test_the_language_switches_at_once(figure):
    page = figure("batches", lang="en")
    page.evaluate("() => { document.documentElement.dataset.booklang = 'zh'; }")
    assert "2/2 行接着读" in page.locator(".fig-batches__verdict").inner_text()
    page.get_by_role("radio", name="第 2 批").wait_for()


def test_the_first_frame_comes_soon_and_needs_no_networks(figure):
    page = figure("batches")
    assert page.evaluate("() => performance.getEntriesByName('figure:batches')[0].startTime") < 3000
    assert not files.needs_engine("batches")
    size = len(files.script("batches").encode()) + len(files.style("batches").encode())
    assert size < 40_000
