"""The figure "alignment": what its networks write and where they look is what torch computes with their weights."""

from __future__ import annotations

import json
import random
import re

import pytest
import torch
from bilingual.figures import place, with_static
from bilingual.outputs import mark_html
from book_site import PROBES, VIEWS, pause
from test_access import axe, violations  # noqa: F401

from packs import alignment
from packs.pack import FOLDER, build, read_pack
from rnnlib.data.numerals import LARGEST, in_chinese, in_english, numeral_pairs, numeral_vocab, sample_numbers

pytestmark = pytest.mark.site
PACK = read_pack(FOLDER / "alignment.js")
NETWORKS = {name: build(entry) for name, entry in PACK["models"].items()}
WRITE = {"en": in_english, "zh": in_chinese}
TO = {"en": "zh", "zh": "en"}
PAIRS = [(source, enc) for source in TO for enc in alignment.ENCODERS]
OTHER = {"both": "one", "one": "both"}
SETTINGS = [
    {},
    {"from": "zh"},
    {"enc": "one"},
    {"n": 305},
    {"n": 7, "from": "zh", "enc": "one"},
    {"n": 777777},
    {"n": 777777, "from": "zh", "row": 9},
]
SAMPLE = random.Random(5)


def torch_says(n: int, source: str, enc: str = "both") -> tuple[list[str], torch.Tensor]:
    """Tokens with the end, and the weights (T, S), by torch."""
    rows = alignment.looked(NETWORKS[f"{source}_{enc}"], n, source)
    return [token for token, _ in rows], torch.tensor([[w for _, w in weights] for _, weights in rows])


def turns(weights: torch.Tensor) -> list[int]:
    """The rows, from 1 on, whose largest weight lies left of that of the row before; not the last, the end's."""
    most = weights.argmax(dim=1).tolist()[:-1]
    return [t + 1 for t in range(1, len(most)) if most[t] < most[t - 1]]


def meeting_row(tokens: list[str], source: str) -> int:
    """The row, from 1 on, where words may cross, or the first."""
    if source == "zh":
        return tokens.index("thousand") + 1 if "thousand" in tokens else 1
    if "万" not in tokens:
        return 1
    at = tokens.index("万") + 1
    return at + 1 if tokens[at + 1 : at + 2] == ["千"] else at


def found(page) -> dict:
    return json.loads(page.locator(".fig-alignment").get_attribute("data-found"))


def cells(page) -> torch.Tensor:
    """The weights of the map (T, S), as they are drawn."""
    rows = page.locator(".alignment__map tbody tr").evaluate_all(
        "all => all.map((r) => [...r.querySelectorAll('td[data-weight]')].map((c) => Number(c.dataset.weight)))"
    )
    return torch.tensor([row for row in rows if row], dtype=torch.float32)


def words(page) -> list[str]:
    return page.locator(".alignment__word").all_inner_texts()


def chosen(page) -> list[str]:
    return page.locator(".alignment__word[aria-pressed=true]").all_inner_texts()


def line(page, name: str) -> str:
    if name == "other":
        page.evaluate("() => { document.querySelector('.alignment__fold').open = true; }")
    return page.locator(f".alignment__{name}").inner_text()


def put(page, values: dict) -> None:
    page.evaluate("v => { const f = Kit.mounted.get('alignment'); f.set({...f.defaults, ...v}); }", values)


# ---------- rule and networks ----------


def test_the_rule_is_rnnlibs(figure):
    page, chance = figure("alignment"), random.Random(1)
    numbers = [*range(1500), *sample_numbers(3000, 12, seed=3), LARGEST, 10**8, 10**9, 10_010_000]
    numbers += [
        int("".join(chance.choice("0019") for _ in range(1, k))) for k in range(2, 13) for _ in range(60)
    ]
    for name, rule in (("english", in_english), ("chinese", in_chinese)):
        got = page.evaluate(
            "([name, all]) => all.map((n) => Kit.alignment[name](n).join(' '))", [name, numbers]
        )
        wrong = [(n, words) for n, words in zip(numbers, got) if words != " ".join(rule(n))]
        assert wrong == []


@pytest.mark.parametrize("source, enc", PAIRS)
def test_the_networks_of_the_page_are_torchs(figure, source, enc):
    """Same tokens, weights of attention and probabilities to 1e-4, on random numbers of every length."""
    page, numbers = figure("alignment"), sample_numbers(120, 6, seed=11)
    X = [numeral_pairs([n], source, TO[source]).X[0].tolist() for n in numbers]
    got = page.evaluate(
        """async ([name, all]) => {
          const pack = await Kit.unpacked("alignment"), of = pack.models[name];
          const pair = RNNEngine.unpackPair(of, pack.bytes), end = of.written.indexOf(pack.end);
          return all.map((ids) => { const { ids: Y, p, weights } = RNNEngine.translate(pair, ids, pack.most, end);
            return [Y, Array.from(p), Array.from(weights)]; });
        }""",
        [f"{source}_{enc}", X],
    )
    vocab, model = numeral_vocab(TO[source]), NETWORKS[f"{source}_{enc}"]
    assert model.encoder.bidirectional == (enc == "both")
    worst = 0.0
    for n, ids, (Y, p, weights) in zip(numbers, X, got):
        tokens, wanted = torch_says(n, source, enc)
        assert vocab.to_tokens(Y) == tokens, n
        with torch.no_grad():
            logits, _ = model(model.shifted(torch.tensor([Y])), None, torch.tensor([ids]))
        sure = logits[0].softmax(-1).gather(1, torch.tensor(Y)[:, None])
        worst = max(worst, float((torch.tensor(weights) - wanted.flatten()).abs().max()))
        worst = max(worst, float((torch.tensor(p) - sure.flatten()).abs().max()))
    assert worst < 1e-4


@pytest.mark.parametrize("source, enc", PAIRS)
def test_the_shares_that_are_stated_are_those_of_the_page(figure, source, enc):
    """On a part of the test; test_packs.py measures all of it with torch."""
    page, (train, valid, test) = figure("alignment"), alignment.numbers(source)
    assert not set(train) & {*valid, *test, *alignment.SHOWN} and not set(valid) & {*test, *alignment.SHOWN}
    numbers = test[:150]
    got = page.evaluate(
        """([source, enc, all]) => { const f = Kit.mounted.get("alignment"); return all.map((n) => {
          f.set({ n, from: source, enc }); return JSON.parse(f.host.dataset.found); }); }""",
        [source, enc, numbers],
    )
    network = NETWORKS[f"{source}_{enc}"]
    assert [now["exact"] for now in got] == alignment.exact(network, numbers, source)
    right = {now["n"]: now for now in got if now["exact"]}
    crossing = alignment.meeting_numbers(list(right))
    turned = [now["row"] in now["back"] for now in (right[n] for n in crossing)]
    assert len(crossing) > 40 and turned == alignment.crosses(network, crossing, source)


# ---------- what is shown ----------


def test_it_starts_with_the_question_of_the_chapter(figure):
    page = figure("alignment")
    now, (tokens, weights) = found(page), torch_says(126345, "en")
    assert (now["n"], now["from"], now["enc"], now["written"]) == (126345, "en", "both", tokens)
    assert now["target"] == [*in_chinese(126345), "<end>"] and now["exact"] == (tokens == now["target"])
    assert chosen(page) == ["六"] and now["row"] == tokens.index("六") + 1
    assert words(page) == [*tokens[:-1], "end"]
    heads = page.locator(".alignment__head").all_inner_texts()
    assert heads == in_english(126345)
    assert torch.allclose(cells(page), weights, atol=1e-4)
    assert "look at most for 六, and would it with a one-way encoder?" in line(page, "ask")
    row = weights[now["row"] - 1]
    best = max(zip(row.tolist(), heads))
    assert "Writing 六 (probability" in line(page, "reading")
    assert f"{best[1]} {best[0]:.0%}" in line(page, "reading")
    assert now["row"] in now[
        "back"
    ] and "It looks back to the left: most of the row before lies on thousand" in line(page, "reading")
    others = torch_says(126345, "en", "one")[1]
    most = max(zip(others[now["row"] - 1].tolist(), heads))
    before = heads[int(others[now["row"] - 2].argmax())]
    turn = "without a step back"
    if now["row"] in turns(others):
        assert before == "and" and int(others[now["row"] - 2].argmax()) > heads.index("and")
        turn = "back to the left: most of the row before lies on the 2nd and"
    assert page.locator(".alignment__other").is_hidden(), "there is something to guess"
    assert best[1] == "six" and most[1] == "thousand", "so the encoder makes the difference"
    assert f"With a one-way encoder: most at {most[1]} {most[0]:.0%}, {turn}." in line(page, "other")
    groups = re.sub(r"\s+", " ", line(page, "groups"))
    assert "126 345" in groups and "12 6345" in groups


@pytest.mark.parametrize("source, enc", PAIRS)
def test_it_shows_what_torch_says_about_any_number(figure, source, enc):
    page = figure("alignment")
    for n in sample_numbers(12, 6, seed=4):
        put(page, {"n": n, "from": source, "enc": enc})
        tokens, weights = torch_says(n, source, enc)
        now, target = found(page), [*WRITE[TO[source]](n), "<end>"]
        assert now["written"] == tokens and now["target"] == target
        assert torch.allclose(cells(page), weights, atol=1e-4)
        assert page.locator("tr.is-wrong").count() == sum(
            a != b for a, b in zip([*tokens, *[None] * 20], [*target, *[None] * 20])
        )
        assert ("✓" if tokens == target else "✗") in line(page, "verdict")
        most = page.locator("td.is-most").evaluate_all("all => all.map((c) => c.cellIndex - 2)")
        assert most == weights.argmax(dim=1).tolist()
        assert now["row"] == meeting_row(tokens, source)
        assert chosen(page) == [words(page)[now["row"] - 1]]


@pytest.mark.parametrize("source, enc", PAIRS)
def test_lines_and_words_say_where_it_looks_back(figure, source, enc):
    page, seen = figure("alignment"), 0
    for n in (126345, 987654, 45678, 305, 8):
        put(page, {"n": n, "from": source, "enc": enc})
        weights = torch_says(n, source, enc)[1]
        rows = turns(weights)
        assert found(page)["back"] == rows
        assert page.locator(".alignment__lines .is-back").count() == len(rows)
        assert page.locator(".alignment__lines path:not([class])").count() == len(weights) - 2 - len(rows)
        assert page.locator("tbody th").filter(has_text="back to the left").count() == len(rows)
        said = {0: "never turns back", 1: "back to the left once", 2: "twice"}.get(
            len(rows), f"{len(rows)} times"
        )
        assert said in line(page, "verdict")
        ends = weights.argmax(dim=1).tolist()[-2:]
        assert ("(the end isn't counted)" in line(page, "verdict")) == (ends[-1] < ends[0])
        for row in range(1, len(weights) + 1):
            put(page, {"n": n, "from": source, "enc": enc, "row": row})
            assert ("It looks back to the left" in line(page, "reading")) == (row in rows)
        seen += len(rows)
        tips = page.locator(".alignment__lines .is-tip").evaluate_all(
            "all => all.map((p) => p.getBoundingClientRect().x)"
        )
        tails = page.locator(".alignment__lines .is-back").evaluate_all(
            "all => all.map((p) => p.getBoundingClientRect().right)"
        )
        assert all(tip < tail for tip, tail in zip(tips, tails))
    assert seen or enc == "one"


def test_lines_join_the_middles_of_the_largest_cells(figure):
    for width in (1280, 390):
        page = figure("alignment", width=width)
        boxes = page.locator("td.is-most").evaluate_all(
            "all => all.map((c) => c.getBoundingClientRect()).map((b) => [b.x + b.width / 2, b.top, b.bottom])"
        )
        lines = page.locator(".alignment__lines path:not(.is-tip):not(.is-halo)").evaluate_all(
            "all => all.map((p) => p.getBoundingClientRect()).map((b) => [b.left, b.right, b.top, b.bottom])"
        )
        for (left, right, top, bottom), a, b in zip(lines, boxes, boxes[1:]):
            assert left == pytest.approx(min(a[0], b[0]), abs=1.5) and right == pytest.approx(
                max(a[0], b[0]), abs=1.5
            )
            assert a[1] < top <= a[2] and b[1] <= bottom < b[2]


def test_the_other_encoder_is_the_one_that_is_compared(figure):
    page = figure("alignment", state="n=54321&row=2")
    for enc in ("both", "one"):
        put(page, {"n": 54321, "row": 2, "enc": enc})
        mine, other = line(page, "reading"), line(page, "other")
        row = torch_says(54321, "en", OTHER[enc])[1][1]
        best = in_english(54321)[int(row.argmax())]
        name = {"both": "one-way", "one": "two-way"}[enc]
        assert f"With a {name} encoder: most at {best} {float(row.max()):.0%}" in other and name in line(
            page, "ask"
        )
        assert mine.startswith("Writing 万")


def test_darker_is_more(figure):
    page = figure("alignment")
    light = page.locator("td[data-weight]").evaluate_all(
        """all => all.map((c) => [Number(c.dataset.weight),
          getComputedStyle(c).backgroundColor.match(/[0-9.]+/g).slice(0, 3).reduce((s, v) => s + Number(v), 0)])"""
    )
    light.sort()
    assert all(b[1] <= a[1] + 1e-6 for a, b in zip(light, light[1:]))
    assert light[0][1] - light[-1][1] > 150


def test_the_words_above_have_the_shades_of_the_row(figure):
    page = figure("alignment")
    ground = "all => all.map((c) => getComputedStyle(c).backgroundColor)"
    for _ in range(3):
        above = page.locator(".alignment__head").evaluate_all(ground)
        assert above == page.locator("tr.is-chosen td[data-weight]").evaluate_all(ground)
        page.locator(".alignment__word[aria-pressed=true]").press("ArrowDown")


def damaged(figure, swap: tuple[str, str], **options):
    """The figure with two words of the English network's Chinese in each other's place: it writes nonsense."""
    page = figure("alignment", ready=False, **options)
    page.add_init_script(
        """let kit; Object.defineProperty(globalThis, "Kit", {configurable: true, get: () => kit, set(given) {
             kit = given; let pack; Object.defineProperty(given, "pack", {set: (real) => { pack = real; },
               get: () => (name, found) => { if (name === "alignment") { const v = found.models.en_both.written;
                 const [a, b] = SWAP.map((word) => v.indexOf(word)); [v[a], v[b]] = [v[b], v[a]]; }
                 pack(name, found); }}); }});""".replace("SWAP", json.dumps(swap))
    )
    page.reload()
    page.locator(".fig-alignment[data-ready]").wait_for()
    return page


def test_what_is_wrong_is_marked_beside_what_is_right(figure):
    page = damaged(figure, ("三", "四"))
    now = found(page)
    assert not now["exact"] and "".join(now["written"][:-1]) == "十二万六千四百三十五"
    assert "✗ the rule writes 十二万六千三百四十五" in line(page, "verdict")
    wrong = page.locator("tr.is-wrong").evaluate_all("all => all.map((r) => r.rowIndex - 1)")
    assert (
        wrong == [i for i, (a, b) in enumerate(zip(now["written"], now["target"])) if a != b]
        and len(wrong) == 2
    )
    rules = page.locator(".alignment__rule").evaluate_all("all => all.map((c) => c.lastChild.textContent)")
    assert rules[:-1] == now["target"][:-1]
    page.locator(".alignment__word").nth(wrong[0]).click()
    assert "The rule writes “三” here" in line(page, "reading")


def test_an_end_that_comes_too_soon_leaves_rows_without_weights(figure):
    page = damaged(figure, ("零", "<end>"), lang="zh", state="n=120345")
    now = found(page)
    assert now["written"] == ["十", "二", "万", "<end>"] and len(now["target"]) == 10
    assert page.locator("tbody tr").count() == 10 and page.locator(".alignment__word").count() == 4
    assert page.locator("td.is-none").count() == 6 * len(in_english(120345))
    page.locator(".alignment__word").last.click()
    assert "规则在这里写“零”" in line(page, "reading")
    page.locator("tbody tr").nth(6).click()
    assert found(page)["row"] == 4, "there is nothing to choose"


def test_one_that_never_ends_is_cut_off(figure):
    page = damaged(figure, ("<unk>", "<end>"))
    now = found(page)
    assert len(now["written"]) == PACK["most"] and not now["exact"] and "end" not in words(page)
    assert f"It was stopped after {PACK['most']} tokens, without an end." in line(page, "verdict")
    assert "has already ended" in page.locator(".fig-legend").inner_text()
    put(page, {"n": 7, "from": "zh"})
    assert "stopped" not in line(page, "verdict") and "ended" not in page.locator(".fig-legend").inner_text()


# ---------- the reader's hand ----------


def test_a_number_is_typed_or_stepped(figure):
    page = figure("alignment")
    field = page.locator(".alignment__number input")
    field.fill("86420")
    assert found(page)["n"] == 86420 and chosen(page) == ["六"]
    field.press("ArrowUp")
    assert found(page)["n"] == 86421 and field.input_value() == "86421"
    field.press("ArrowDown")
    field.press("ArrowDown")
    assert found(page)["n"] == 86419
    pause(page, 400)
    assert "n=86419" in page.url
    page.wait_for_function("() => document.querySelector('.fig-said').textContent.includes('86,419')")


@pytest.mark.parametrize("typed", ["", "0", "1000000", "3.5", "-7", "1e3"])
def test_other_numbers_are_refused_and_the_last_one_stays(figure, typed):
    page = figure("alignment", lang="zh")
    field = page.locator(".alignment__number input")
    put(page, {"row": 2})
    field.fill("")
    field.press_sequentially(typed)
    note = page.locator(".fig-field__note")
    assert note.is_visible() and "1 到 999,999" in note.inner_text() and "仍是 126,345" in note.inner_text()
    assert found(page)["row"] == 2
    assert found(page)["n"] == 126345
    field.blur()
    assert field.input_value() == "126345" and note.is_hidden()


def test_buttons_and_the_direction(figure):
    page = figure("alignment")
    buttons = page.locator(".alignment__chips button")
    assert buttons.all_inner_texts() == ["305", "12,034", "126,345", "100,000"]
    for i, n in enumerate(alignment.SHOWN):
        buttons.nth(i).click()
        assert found(page)["n"] == n and page.locator(".alignment__number input").input_value() == str(n)
        assert [b.get_attribute("aria-pressed") for b in buttons.all()] == [
            str(k == i).lower() for k in range(4)
        ]
    page.get_by_role("radio", name="Chinese → English").click()
    now = found(page)
    assert now["from"] == "zh" and now["row"] == meeting_row(torch_says(100000, "zh")[0], "zh")
    assert page.locator(".alignment__head").all_inner_texts() == in_chinese(100000)
    page.keyboard.press("ArrowLeft")
    assert found(page)["from"] == "en"


def test_the_encoder_is_switched_and_the_row_stays(figure):
    page = figure("alignment")
    before = found(page)
    assert before["enc"] == "both"
    page.get_by_role("radio", name="one way").click()
    now = found(page)
    assert (now["enc"], now["n"], now["row"]) == ("one", 126345, before["row"])
    assert torch.allclose(cells(page), torch_says(126345, "en", "one")[1], atol=1e-4)
    assert "would it with a two-way encoder?" in line(page, "ask")
    pause(page, 400)
    assert "enc=one" in page.url
    page.wait_for_function(
        "() => document.querySelector('.fig-said').textContent.includes('With a one-way encoder')"
    )
    page.keyboard.press("ArrowLeft")
    assert found(page) == before


def test_pointing_tapping_and_arrow_keys_choose_a_row(figure):
    page = figure("alignment")
    rows = page.locator(".alignment__map tbody tr")
    weights = torch_says(126345, "en")[1]
    rows.nth(5).locator("td").nth(4).hover()
    assert found(page)["row"] == 6 and page.locator(".is-chosen").count() == 1
    shown = (
        rows.nth(5)
        .locator("td[data-weight] > span")
        .evaluate_all("all => all.map((s) => s.firstChild.textContent)")
    )
    assert [int(n) for n in shown] == [int(100 * w + 0.5) for w in weights[5].tolist()]
    page.mouse.move(1, 1)
    assert found(page)["row"] == 6, "it stays when the pointer leaves"
    page.locator(".alignment__word[aria-pressed=true]").focus()
    for key, row in (("ArrowUp", 5), ("ArrowDown", 6), ("Home", 1), ("ArrowUp", 1), ("End", len(weights))):
        page.keyboard.press(key)
        assert found(page)["row"] == row
        assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "true"
    page.wait_for_function("() => document.querySelector('.fig-said').textContent.includes('end: ')")
    assert page.locator(".alignment__word[tabindex='0']").count() == 1, "one stop of the tab key"


def test_columns_stay_equal_on_a_page_of_the_book(figure):
    page = figure("alignment")
    page.add_style_tag(path="book/_static/bilingual/layout.css")
    page.add_style_tag(content=".bd-content div.output table { table-layout: auto }")
    page.evaluate(
        """() => { const f = document.querySelector(".fig-alignment"), box = document.createElement("div");
          box.innerHTML = '<div class="bd-content"><div class="cell_output"><div class="output"></div></div></div>';
          box.className = "bd-article"; f.before(box); box.querySelector(".output").append(f); }"""
    )
    for row in (1, 4, 7):
        put(page, {"row": row})
        wide = page.locator(".alignment__head").evaluate_all(
            "all => all.map((c) => c.getBoundingClientRect().width)"
        )
        assert max(wide) - min(wide) < 1.5
    styles = "all => [...new Set(all.map((c) => getComputedStyle(c).textAlign))]"
    assert page.locator("td[data-weight]").evaluate_all(styles) == ["center"]


def test_a_finger_chooses_a_row(figure):
    page = figure("alignment", width=390, has_touch=True, is_mobile=True)
    page.locator(".alignment__map tbody tr").nth(6).locator("td").nth(3).tap()
    assert found(page)["row"] == 7


def test_the_state_is_in_the_address(figure):
    page = figure("alignment", state="n=12034&from=zh&enc=one&row=2")
    now = found(page)
    assert (now["n"], now["from"], now["enc"], now["row"]) == (12034, "zh", "one", 2)
    page.locator(".alignment__word").nth(2).click()
    pause(page, 400)
    assert "row=3" in page.url and "from=zh" in page.url and "enc=one" in page.url


@pytest.mark.parametrize(
    "state, n, source, row",
    [
        ("n=-3&from=de&row=x&enc=none", 126345, "en", None),
        ("n=2.5&row=99", 126345, "en", 99),
        ("n=1e9&row=-1", 126345, "en", None),
    ],
)
def test_nonsense_in_the_address_is_put_right(figure, state, n, source, row):
    page = figure("alignment", state=state)
    now, tokens = found(page), torch_says(n, source)[0]
    assert (now["n"], now["from"], now["enc"]) == (n, source, "both")
    assert now["row"] == (meeting_row(tokens, source) if row is None else len(tokens))


def test_a_link_sets_it_and_back_undoes_it(figure):
    page = figure("alignment", state="n=77")
    page.evaluate(
        """() => document.body.insertAdjacentHTML("beforeend",
           '<p><a class="fig-set" href="#alignment:n=126345&from=en&row=3">a link</a></p>')"""
    )
    page.get_by_text("a link").click()
    assert found(page)["n"] == 126345 and found(page)["row"] == 3
    assert page.get_by_text("a link").get_attribute("aria-current") == "true"
    assert page.locator(".alignment__number input").input_value() == "126345"
    page.go_back()
    page.wait_for_function(
        "() => JSON.parse(document.querySelector('.fig-alignment').dataset.found).n === 77"
    )


# ---------- for everybody ----------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_language_is_whole_and_alone(figure, lang):
    page = figure("alignment", lang=lang)
    page.evaluate(PROBES)
    for given in SETTINGS:
        put(page, given)
        pause(page, 750)  # until it has been said
        strays = page.evaluate("lang => probes.strays(lang)", lang)
        assert [text for text in strays if text != "alignment"] == [], given
    page.locator(".fig-note summary").click()
    pause(page, 300)
    assert page.evaluate("lang => probes.strays(lang)", lang) in ([], ["alignment"])
    note = page.locator(".fig-note").inner_text()
    rounds = [model["round"] for model in PACK["models"].values()]
    shares = [*(model["exact"] for model in PACK["models"].values()), min(rounds), max(rounds)]
    assert [
        f"{round(100 * share, 1):g}%" for share in shares if f"{round(100 * share, 1):g}%" not in note
    ] == []
    counts = [PACK["models"]["en_both"]["crosses"], PACK["models"]["en_one"]["crosses"]]
    assert [
        int(n) for n in re.findall(r"(?:双向|for) (\d+) (?:个，单向|of them two-way and) (\d+)", note)[0]
    ] == counts
    for enc in alignment.ENCODERS:
        runs = [str(run["crosses"]) for run in PACK["models"][f"en_{enc}"]["runs"]]
        assert (", " if lang == "en" else "、").join(runs) in note
    assert ("before rounding to integers" if lang == "en" else "取整之前") in note
    for enc in alignment.ENCODERS:
        assert str(PACK["models"][f"en_{enc}"]["joined"]) in note
    for count in (*alignment.TRAIN.values(), alignment.TEST, alignment.LEVELS):
        assert f"{count:,}" in note


def test_words_say_which_language_they_are(figure):
    page = figure("alignment")
    langs = "all => [...new Set(all.map((e) => e.lang))]"
    assert page.locator(".alignment__head").evaluate_all(langs) == ["en"]
    assert page.locator(".alignment__word b").evaluate_all(langs) == ["zh-CN"]
    page.get_by_role("radio", name="Chinese → English").click()
    assert page.locator(".alignment__head").evaluate_all(langs) == ["zh-CN"]
    assert page.locator(".alignment__verdict .lang-en b").evaluate_all(langs) == ["en"]


@pytest.mark.parametrize("view", [*VIEWS, ("both", "dark", 1280)], ids=lambda view: "-".join(map(str, view)))
def test_it_fits_is_readable_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("alignment", lang=lang, theme=theme, width=width)
    page.evaluate(PROBES)
    for given in SETTINGS:
        put(page, given)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, given
        assert page.evaluate("() => probes.lowContrast()") == {}, given
        cut = page.locator(".alignment__map :is(th, td)").evaluate_all(
            "all => all.filter((c) => c.scrollWidth > c.clientWidth + 1).map((c) => c.innerText)"
        )
        assert cut == [], given
    assert violations(page, axe) == []


def test_the_theme_repaints_the_map(figure):
    page = figure("alignment")
    ground = "() => getComputedStyle(document.querySelector('td[data-weight]')).backgroundColor"
    before = page.evaluate(ground)
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
    page.wait_for_function(f"before => ({ground})() !== before", arg=before)


def test_without_javascript_the_weights_stand_in_its_place():
    page = with_static(f"<p>a</p>{place('alignment', {})}<p>b</p>")
    both, one = (alignment.looked(NETWORKS[f"en_{enc}"], 126345, "en") for enc in ("both", "one"))
    assert page.count("<li>") == len(both) == len(one)
    for (token, weights), (_, others) in list(zip(both, one))[:-1]:
        two, way = (max(row, key=lambda pair: pair[1]) for row in (weights, others))
        two, way = f"{two[0]} {100 * two[1]:.0f}", f"{way[0]} {100 * way[1]:.0f}"
        assert f"<li>{token}：双向 {two}，单向 {way} | {token}: both ways {two}, one way {way}</li>" in page
    marked = mark_html(page)
    assert marked.count("lang-zh") == marked.count("lang-en") == 2 + page.count("<li>")
    assert page.index("<li>") < page.index("</figure>") < page.index("<p>b</p>")


def test_without_its_networks_it_says_so(figure):
    page = figure("alignment", ready=False, missing="alignment")
    page.locator(".fig-alignment[data-failed]").wait_for()
    assert "could not be shown" in page.locator(".fig-message").inner_text()


def test_it_answers_at_once(figure):
    page = figure("alignment")
    assert page.evaluate("performance.getEntriesByName('figure:alignment')[0].startTime") < 3000
    took = page.evaluate(
        """() => { const f = Kit.mounted.get("alignment"), start = performance.now();
          for (let n = 900000; n < 900010; n++) f.set({ n }); return (performance.now() - start) / 10; }"""
    )
    assert took < 100, f"{took:.0f} ms a number"
