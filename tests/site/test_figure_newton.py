"""The figure "newton": all states at once, compared with rnnlib.today.newton and with the walk; driven by hand."""

from __future__ import annotations

import re

import book_site
import pytest
import still
import torch
from bilingual.figures import place, with_static
from bilingual.outputs import mark_html
from book_site import PROBES, pause
from test_access import axe, violations  # noqa: F401

from rnnlib.today import newton

pytestmark = pytest.mark.site
H, T, NEAR = still.H, still.T, 1e-6
SIZES = {"small": 0.3, "medium": 0.6, "large": 1.0}
VIEWS = [*book_site.VIEWS, ("both", "dark", 1280)]
# From the guess of zeros to the end, contracting and chaotic, inputs of every size
STATES = [
    "",
    "round=0",
    "rho=0",
    "rho=0.5&size=large&round=2",
    "rho=2.5&round=96",
    "rho=1&size=medium&round=1",
    "rho=1.5&round=13&seed=1",
]


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-newton').dataset})")


def result(page) -> dict:
    return page.evaluate("() => Kit.mounted.get('newton').result")


def put(page, state: str) -> None:
    """Put the figure into a state, all else as at the start."""
    page.evaluate(
        "s => { const f = Kit.mounted.get('newton'); f.set({...f.defaults, ...Kit.known(f.defaults, "
        "Object.fromEntries(new URLSearchParams(s)))}); }",
        state,
    )


def solved(page, W, X) -> tuple[list[torch.Tensor], list[float], torch.Tensor]:
    """The page's guesses, one a round, their changes, and the states of its walk, for weights and inputs from torch."""
    found = page.evaluate(
        """a => { const W = Float64Array.from(a.W), X = Float64Array.from(a.X), out = Kit.newton.solve(W, X, a.n);
          return {...out, guesses: out.guesses.map((G) => Array.from(G)), walk: Array.from(Kit.newton.walk(W, X, a.n))}; }""",
        {"W": W.flatten().tolist(), "X": X.flatten().tolist(), "n": len(W)},
    )
    states = [torch.tensor(G, dtype=torch.float64).view_as(X) for G in found["guesses"]]
    return states, found["changes"], torch.tensor(found["walk"], dtype=torch.float64).view_as(X)


def drawn(units: int, length: int, rho: float, size: float, seed: int):
    """W, inputs and one step, from torch's generator: not the figure's own networks."""
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(units, units, generator=generator).double()
    W *= rho / torch.linalg.eigvals(W).abs().max()
    return (
        W,
        size * torch.randn(length, units, generator=generator).double(),
        lambda h, x: torch.tanh(x + h @ W),
    )


def walked(f, X) -> torch.Tensor:
    states = [torch.zeros(X.shape[1], dtype=torch.float64)]
    for x in X:
        states.append(f(states[-1], x))
    return torch.stack(states[1:])


# ---------- the arithmetic ----------


@pytest.mark.parametrize("units, length", [(8, 64), (16, 96), (5, 7)])
def test_rounds_and_states_are_those_of_rnnlib(figure, units, length):
    page = figure("newton")
    for rho, size, seed in [(0.0, 0.3, 0), (0.5, 1.0, 1), (0.9, 0.3, 2), (1.1, 0.6, 3), (1.3, 1.0, 4)]:
        W, X, f = drawn(units, length, rho, size, seed)
        wanted, changes = newton(f, X, X.new_zeros(units))
        guesses, got, walk = solved(page, W, X)
        assert len(got) == len(changes) == len(guesses), (rho, size)
        assert (guesses[-1] - wanted).abs().max() < 1e-8
        assert (walk - walked(f, X)).abs().max() < 1e-12
        assert (guesses[-1] - walk).abs().max() < 1e-8
        assert got[0] == pytest.approx(changes[0], rel=1e-6)


def test_each_round_is_that_of_rnnlib(figure):
    W, X, f = drawn(8, 64, 0.9, 0.6, 5)
    guesses, _, _ = solved(figure("newton"), W, X)
    for most, guess in enumerate(guesses, start=1):
        wanted, _ = newton(f, X, X.new_zeros(8), most=most)
        assert (guess - wanted).abs().max() < 1e-8, most


def test_in_chaos_it_still_ends_at_the_walk(figure):
    """The number of rounds then hangs on rounding, but never exceeds T, and what comes out is right."""
    page = figure("newton")
    for rho, seed in [(2.0, 1), (2.5, 2), (2.5, 3)]:
        W, X, f = drawn(16, 96, rho, 0.3, seed)
        guesses, changes, walk = solved(page, W, X)
        _, rounds = newton(f, X, X.new_zeros(16))
        assert len(changes) <= 96 and abs(len(changes) - len(rounds)) <= 0.3 * len(rounds)
        assert (guesses[-1] - walk).abs().max() < NEAR
        for r, guess in enumerate(guesses, start=1):
            assert torch.equal(guess[:r], walk[:r]) or (guess[:r] - walk[:r]).abs().max() < 1e-12, r


def test_the_networks_are_those_of_python(figure):
    page = figure("newton")
    for seed in (1, 2, 999):
        found = page.evaluate(
            "s => { const n = Kit.newton.network(s); return {W: [...n.W], X: [...n.X]}; }", seed
        )
        _, W, X = still.network(seed, 1.0, 1.0)
        assert found["W"] == pytest.approx(W.flatten().tolist(), rel=1e-7)
        assert found["X"] == pytest.approx(X.flatten().tolist(), rel=1e-9)


@pytest.mark.parametrize("rho, size", [(0.5, "large"), (1.2, "medium"), (1.5, "small")])
def test_what_is_shown_was_computed(figure, rho, size):
    page = figure("newton", state=f"rho={rho}&size={size}&round=3")
    m, now = result(page), data(page)
    f, _, X = still.network(1, rho, SIZES[size])
    truth = still.walk(f, X)
    guess, changes = newton(f, X, X.new_zeros(H))
    assert int(now["needed"]) == m["needed"] == len(changes)
    assert m["truth"] == pytest.approx(truth[:, 0].tolist(), abs=1e-6)  # the page finds rho to nine digits
    for r in (1, 2, 3):
        guess, _ = newton(f, X, X.new_zeros(H), most=r)
        wrong = (guess - truth).abs().amax(dim=1).tolist()
        assert max(m["errors"][r]) == pytest.approx(max(wrong), rel=1e-2)
        assert m["right"][r] == next((t for t, e in enumerate(m["errors"][r]) if e > NEAR), T)
    assert m["guesses"][0] == [0] * T and m["right"][m["needed"]] == T
    assert all(right >= r for r, right in enumerate(m["right"])), "r rounds make r steps right"


# ---------- the point ----------


def test_it_starts_with_its_point(figure):
    """With rho = 2 the states get right from the left, and halfway through the rounds half of them are wrong."""
    page = figure("newton")
    m, now = result(page), data(page)
    assert now["round"] == "20" and 20 < int(now["right"]) < 80 < 4 * m["needed"]
    text = page.locator(".newton__verdict").inner_text()
    more = m["right"][20] - m["right"][19]
    first = f"Round 20: the first {now['right']} of 96 steps are right, {more} more than a round ago; 20 were guaranteed."
    assert more > 0 and text.startswith(first)
    assert f"It will take {m['needed']} rounds." in text
    assert page.locator(".newton__count").inner_text() == f"Round 20 of {m['needed']}"
    edge = page.locator(".newton__edge").get_attribute("d")
    shade = page.locator(".newton__right").evaluate(
        "r => Number(r.getAttribute('x')) + Number(r.getAttribute('width'))"
    )
    assert float(edge[1:].split(" ")[0]) == pytest.approx(shade)
    assert page.locator(".newton__mark").inner_text() == f"right up to step {now['right']}"


def test_small_radius_all_at_once_large_radius_from_the_left(figure):
    calm = result(figure("newton", state="rho=0.5"))
    assert calm["right"][-3] < 5 and calm["right"][-2] == T, "from next to nothing to all of it in one round"
    text = figure("newton", state="rho=0.5&round=3").locator(".newton__verdict").inner_text()
    assert f"all 96 steps are right; a round ago it was {calm['right'][-3]}: all at once, everywhere." in text
    wild = result(figure("newton", state="rho=2"))
    steps = [b - a for a, b in zip(wild["right"], wild["right"][1:])]
    assert max(steps) < 15 and min(steps) >= 0


def test_the_chart_holds_the_rounds_of_every_radius(figure):
    page = figure("newton", state="rho=1&size=large")
    page.wait_for_function("() => document.querySelectorAll('.fig-plot .fig-curve__series').length === 3")
    label = page.locator(".fig-plot__picture").get_attribute("aria-label")
    for rho in (0.5, 1.0, 1.5):
        f, _, X = still.network(1, rho, 1.0)
        rounds = len(newton(f, X, X.new_zeros(H))[1])
        assert f"{rounds} at ρ = {rho:g}" in label
        put(page, f"rho={rho}&size=large")
        assert data(page)["needed"] == str(rounds)
    legend = page.locator(".fig-curve__key").all_inner_texts()
    assert any("this network (seed 1)" in text and "seeds 2 and 3" in text for text in legend)


def test_an_error_beyond_the_frame_is_said_to_lie_at_its_edge(figure):
    page = figure("newton", state="round=1")
    text = page.locator(".newton__verdict").inner_text()
    assert max(result(page)["errors"][1]) > 100
    assert text.startswith("Round 1: the first of 96 steps is right, as guaranteed. Largest error: ")
    assert ", drawn at the frame's edge. It will take" in text
    put(page, "round=35")
    assert max(result(page)["errors"][35]) < 100
    assert "edge" not in page.locator(".newton__verdict").inner_text()
    note = page.locator(".fig-note").inner_text()
    assert "errors beyond the lower one are drawn at its edge" in note
    assert "96 rounds always suffice to get them all right" in note and "unless all 96 are run" in note


MARK = """() => { const words = document.querySelector('.fig-plot .is-above').getBoundingClientRect(),
  mark = document.querySelector('.fig-plot .is-marked').getBoundingClientRect(),
  plot = document.querySelector('.fig-plot').getBoundingClientRect();
  return [words.left, words.right, mark.left, mark.right, plot.left, plot.right]; }"""


@pytest.mark.parametrize("lang, width", [("en", 1280), ("zh", 1280), ("en", 390), ("zh", 390)])
def test_the_marker_of_the_radius_strikes_nothing_out(figure, lang, width):
    page = figure("newton", lang=lang, width=width)
    for rho in (0, 0.5, 1, 1.25, 1.3, 1.5, 2, 2.5):
        put(page, f"rho={rho}")
        pause(page, 60)
        left, right, mark, end, start, stop = page.evaluate(MARK)
        assert right < mark or end < left, rho
        assert start <= left and right <= stop


# ---------- the reader's hand ----------


def test_rounds_go_by_keyboard(figure):
    page = figure("newton", state="rho=1.5&round=0")
    stage, needed = page.locator(".newton__stage"), int(data(page)["needed"])
    stage.focus()
    before = page.locator(".newton__guess").get_attribute("d")
    page.keyboard.press("ArrowRight")
    assert data(page)["round"] == stage.get_attribute("aria-valuenow") == "1"
    assert page.locator(".newton__guess").get_attribute("d") != before
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowLeft")
    assert data(page)["round"] == "5"
    page.keyboard.press("End")
    assert data(page)["round"] == str(needed) == stage.get_attribute("aria-valuemax")
    assert f"done in {needed} rounds" in stage.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    assert data(page)["round"] == str(needed), "there is nothing beyond"
    page.keyboard.press("Home")
    assert data(page)["round"] == "0" and "all zeros" in page.locator(".newton__verdict").inner_text()
    page.wait_for_function("() => document.querySelector('.fig-said').textContent.includes('all zeros')")
    assert not re.search(
        r"[_*]", page.locator(".fig-said").text_content() + stage.get_attribute("aria-valuetext")
    )


def test_rounds_play_and_stop_at_the_end(figure):
    page = figure("newton", state="rho=0.5&round=2")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('.fig-newton').dataset.round === '4'")
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_role("button", name="Previous round").click()
    assert data(page)["round"] == "3"
    page.get_by_role("button", name="Next round").click()
    assert data(page)["round"] == "4"
    page.locator(".newton__stage").focus()
    page.keyboard.press("Space")
    assert data(page)["round"] == "0", "from the end it begins anew"


def test_radius_inputs_and_network_change_what_is_needed(figure):
    page = figure("newton", lang="zh")
    first = result(page)
    slider = page.locator(".newton__controls input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    pause(page, 400)
    assert "rho=1.95" in page.url
    page.keyboard.press("Home")
    assert data(page)["needed"] == "2", "with rho = 0 the first round solves it and the second confirms"
    page.get_by_role("radio", name="大 × 1").click()
    page.get_by_role("button", name="换一个网络").click()
    pause(page, 400)
    assert data(page)["seed"] == "2" and "seed=2" in page.url and "size=large" in page.url
    assert result(page)["truth"] != first["truth"]
    page.get_by_role("button", name="还原").click()
    assert result(page) == first and data(page)["round"] == "20"
    pause(page, 400)
    assert "#" not in page.url


def test_the_share_of_rounds_stays(figure):
    page = figure("newton")
    needed = int(data(page)["needed"])
    slider = page.locator(".newton__controls input[type=range]")
    slider.focus()
    page.keyboard.press("Home")
    assert (data(page)["round"], data(page)["needed"]) == ("1", "2")
    page.keyboard.press("End")
    now = data(page)
    assert int(now["round"]) == round(20 / needed * int(now["needed"])) > 20, (
        "not half, as 1 of 2 would have it"
    )
    page.get_by_role("radio", name="large × 1").click()
    page.get_by_role("button", name="Another random network").click()
    now = data(page)
    assert abs(int(now["round"]) - 20 / needed * int(now["needed"])) <= 0.5
    page.locator(".newton__stage").focus()
    for key, wanted in (("Home", lambda n: 0), ("End", int)):
        page.keyboard.press(key)
        page.get_by_role("button", name="Another random network").click()
        now = data(page)
        assert int(now["round"]) == wanted(now["needed"])
        page.locator(".newton__stage").focus()


def test_the_address_is_a_place_to_start(figure):
    page = figure("newton", state="rho=1.5&round=4&size=medium&seed=3")
    now = data(page)
    assert (now["round"], now["seed"]) == ("4", "3")
    f, _, X = still.network(3, 1.5, 0.6)
    assert result(page)["truth"] == pytest.approx(still.walk(f, X)[:, 0].tolist(), abs=1e-6)
    mended = figure("newton", state="rho=99&round=-3&size=huge&seed=x")
    assert data(mended)["round"] == "0" and data(mended)["seed"] == "1"
    assert mended.locator(".fig-slider__value").inner_text() == "2.50"
    late = data(figure("newton", state="rho=0.5&round=96"))
    assert late["round"] == late["needed"] == "4"


@pytest.mark.parametrize("right", [True, False])
def test_the_guess_comes_first(figure, right):
    page = figure("newton")
    found = {
        size: page.evaluate(
            """s => [0.5, 1, 1.5, 2].map((rho) => { const n = Kit.newton.network(1);
              return Kit.newton.solve(n.W.map((v) => rho * v), n.X.map((v) => s * v), 16).changes.length; })""",
            SIZES[size],
        )
        for size in ("small", "large")
    }
    assert found["large"][0] <= found["small"][0] and found["large"][3] < found["small"][3]
    assert ", ".join(map(str, found["small"])) in page.locator(".fig-predict legend").inner_text()
    choices = page.locator(".fig-predict__choices button:not(.fig-predict__skip)").all_inner_texts()
    answer = [f"{', '.join(map(str, found['large']))}: " in text for text in choices]
    assert sum(answer) == 1 and len({text.split(":")[0] for text in choices}) == 4
    choice = answer.index(True) if right else answer.index(False)
    page.locator(".fig-predict button").nth(choice).click()
    text = page.locator(".fig-predict").inner_text()
    assert ("You got it." in text) == right and "In this network large inputs saturate tanh more" in text
    assert data(page)["needed"] == str(found["large"][3])
    few, more = re.search(
        r"With seed 5 and ρ = 2, small inputs take (\d+) rounds and large ones (\d+)\.", text
    ).groups()
    assert int(few) < int(more)
    for size, rounds in (("small", few), ("large", more)):
        put(page, f"seed=5&size={size}")
        assert data(page)["needed"] == rounds
    assert "was set to seed 1 with large inputs" in page.locator(".fig-predict").inner_text()
    page.get_by_role("button", name="Reset").click()
    assert (
        page.locator(".fig-predict legend").is_visible()
        and "tanh" not in page.locator(".fig-predict").inner_text()
    )


def spread(seed: int, size: float) -> tuple[float, float]:
    """The mean slope of tanh along the walk with rho = 2, and by what factor its tangents shrink a small difference."""
    f, W, X = still.network(seed, 2.0, size)
    slopes = 1 - still.walk(f, X) ** 2
    v = torch.ones(H, dtype=torch.float64) / H**0.5
    for slope in slopes[1:]:
        v = slope * (v @ W)
    return float(slopes.mean()), float(v.norm())


def test_what_the_answer_says_of_saturation_is_so():
    """In seed 1 large inputs flatten the tangents and shrink differences; in seed 5 small ones do so more."""
    (small, grown), (large, shrunk) = spread(1, 0.3), spread(1, 1.0)
    assert large < small - 0.03 and shrunk < 1e-2 < 1 < grown
    (small, shrunk), (large, grown) = spread(5, 0.3), spread(5, 1.0)
    assert small < large - 0.03 and shrunk < 1e-8 < 1e-5 < grown


# ---------- for everybody ----------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_language_is_whole_and_alone(figure, lang):
    page = figure("newton", lang=lang)
    page.evaluate(PROBES)
    for state in STATES:
        put(page, state)
        strays = page.evaluate("lang => probes.strays(lang)", lang)
        assert [text for text in strays if text != "newton"] == [], state
        text = page.locator(".fig-newton").inner_text()
        if lang == "en":
            assert not re.search("[\u3400-\u9fff]", text), state
        else:
            assert set(re.findall("[a-z]{2,}", text)) <= {"tanh"}, state
        said = page.locator(".newton__stage").get_attribute("aria-valuetext")
        assert bool(re.search("[\u3400-\u9fff]", said)) == (lang == "zh")


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_it_fits_is_readable_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("newton", lang=lang, theme=theme, width=width)
    page.evaluate(PROBES)
    for state in STATES:
        put(page, state)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, state
        assert page.evaluate("() => probes.lowContrast()") == {}, state
    assert violations(page, axe) == []


LABELS = """all => all.map((e) => { const b = e.getBoundingClientRect();
  return [e.innerText, b.left, b.right, b.top, b.bottom]; })"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("lang", ["zh", "en", "both"])
def test_words_in_the_picture_do_not_lie_on_each_other(figure, lang, width):
    page = figure("newton", lang=lang, width=width)
    for state in STATES:
        put(page, state)
        pause(page, 50)
        for place_ in (".newton__stage", ".fig-plot"):
            boxes = page.locator(f"{place_} .fig-curve__label").evaluate_all(LABELS)
            for i, a in enumerate(boxes):
                for b in boxes[:i]:
                    apart = a[1] > b[2] + 2 or b[1] > a[2] + 2 or a[3] >= b[4] - 2 or b[3] >= a[4] - 2
                    assert apart, f"{a[0]!r} lies on {b[0]!r} at {state!r}"
            assert all(left >= 0 and right <= width for _, left, right, _, _ in boxes), state


def test_without_javascript_a_picture_and_the_main_numbers_stand_in_its_place():
    page = with_static(place("newton", {}))
    made = still.newton_html()
    assert page.index("<svg") < page.index("<li>") < page.index("</figure>")
    path = re.compile(r' d="M([\d L]+)"')
    assert path.sub("", made).strip() in path.sub("", page), "run book/_tools/still.py"
    for now, kept in zip(path.findall(made), path.findall(page), strict=True):
        points = [[float(v) for v in re.split("[ L]", one)] for one in (now, kept)]
        assert points[0] == pytest.approx(points[1], abs=1), "run book/_tools/still.py"
    for rho in still.RADII:
        f, _, X = still.network(1, rho, 0.3)
        n = len(newton(f, X, X.new_zeros(H))[1])
        assert f"<li>ρ = {rho:g}：{n} 轮 | ρ = {rho:g}: {n} rounds</li>" in page
    marked = mark_html(page)
    assert marked.count("lang-zh") == marked.count("lang-en") == 3 + page.count("<li>")


def test_the_first_frame_comes_soon(figure):
    page = figure("newton")
    assert page.evaluate("performance.getEntriesByName('figure:newton')[0].startTime") < 3000
