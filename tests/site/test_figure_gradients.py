"""The figure "gradients": gradients sent back through random networks, driven and compared with autograd."""

from __future__ import annotations

import math
import random
import re
import statistics

import pytest
import torch
from book_site import VIEWS
from test_access import axe, violations  # noqa: F401

pytestmark = pytest.mark.site
H, LONGEST = 16, 100


def data(page) -> dict[str, str]:
    return page.evaluate("() => ({...document.querySelector('.fig-gradients').dataset})")


def result(page) -> dict:
    return page.evaluate("() => Kit.mounted.get('gradients').result")


def normals(rng: random.Random, count: int) -> torch.Tensor:
    """Normal numbers by Box and Muller, two at a time, as the figure draws them."""
    out: list[float] = []
    for _ in range(count // 2):
        r = math.sqrt(-2 * math.log(1 - rng.random()))
        turn = 2 * math.pi * rng.random()
        out += [r * math.cos(turn), r * math.sin(turn)]
    return torch.tensor(out, dtype=torch.float64)


def network(m: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """W_hh with spectral radius 1, a direction of length 1, inputs counted from the last step backward."""
    rng = random.Random(m)
    W, u, X = normals(rng, H * H).view(H, H), normals(rng, H), normals(rng, LONGEST * H).view(LONGEST, H)
    return W / torch.linalg.eigvals(W).abs().max(), u / u.norm(), X


def by_autograd(m: int, rho: float, T: int, tanh: bool, size: float, cut: int | None = None):
    """Norms of dH at each lag, and that of the gradient of W_hh and b_h together."""
    W, u, X = network(m)
    W_hh, b_h = (rho * W).requires_grad_(), torch.zeros(H, dtype=torch.float64, requires_grad=True)
    state, states = torch.zeros(H, dtype=torch.float64), []
    for t in range(T + 1):
        if t:
            A_t = size * X[T - t] + state @ W_hh + b_h
            state = torch.tanh(A_t) if tanh else A_t
        if cut is not None and t == T - cut:
            state = state.detach()
        state.requires_grad_() if t == 0 else None
        if state.requires_grad and t:
            state.retain_grad()
        states.append(state)
    (state @ u).backward()
    norms = [0.0 if s.grad is None else s.grad.norm().item() for s in reversed(states)]
    return norms, math.sqrt((W_hh.grad**2).sum().item() + (b_h.grad**2).sum().item())


CASES = [
    {"rho": 0.9, "T": 60, "tanh": True, "size": 0.1},
    {"rho": 1.1, "T": 60, "tanh": False, "size": 0.0},
    {"rho": 1.5, "T": 100, "tanh": True, "size": 1.0},
    {"rho": 0.5, "T": 100, "tanh": True, "size": 0.5},
    {"rho": 1.3, "T": 35, "tanh": False, "size": 0.3},
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(f"{v:g}" for v in case.values()))
def test_the_norms_are_those_of_autograd(figure, case):
    state = "&".join(f"{k}={str(v).lower()}" for k, v in case.items())
    found = result(figure("gradients", state=state))["runs"]
    for m, run in enumerate(found, start=1):
        norms, total = by_autograd(m, **case)
        got, want = torch.tensor(run["norms"]), torch.tensor(norms)
        assert len(got) == case["T"] + 1
        # The first state is given, so autograd has its gradient too; 1e-4 relative, at every lag
        assert ((got - want).abs() / want.clamp_min(1e-300)).max() < 1e-4
        assert run["total"] == pytest.approx(total, rel=1e-4)


def test_the_bold_line_is_the_median(figure):
    page = figure("gradients")
    found = result(page)
    norms = [run["norms"] for run in found["runs"]]
    assert found["middle"] == pytest.approx([statistics.median(n[k] for n in norms) for k in range(61)])
    # The factor in large type is that of the steps after a first drop, and the estimate below it is near.
    after = float(data(page)["perStep"])
    assert after == pytest.approx((found["full"][60] / found["full"][10]) ** (1 / 50), abs=1e-4)
    assert f"× {after:.3f}" in page.locator(".grad-top .fig-big").inner_text()
    assert page.locator(".grad-parts").inner_text().endswith("0.90 × 0.972 ≈ 0.875")


def test_headline_and_estimate_agree(figure):
    """Where only the radius acts, the factor is the radius; at 1.1 tanh takes most of what it adds."""
    for state, wanted in (
        ("rho=1.1&tanh=false", 1.1),
        ("rho=0.5&tanh=false", 0.5),
        ("rho=1.5&tanh=false", 1.5),
    ):
        assert float(data(figure("gradients", state=state))["perStep"]) == pytest.approx(wanted, rel=5e-3)
    page = figure("gradients", state="rho=1.1")
    now, full = data(page), result(page)["full"]
    assert float(now["perStep"]) == pytest.approx(1.1 * float(now["slope"]), rel=0.01)
    low = min(range(61), key=full.__getitem__)
    assert f"at step {low}; only beyond does it creep up" in page.locator(".grad-verdict").inner_text()
    assert full[60] > 2 * full[low]


def test_what_does_nothing_says_so(figure):
    text = figure("gradients", state="cut=true&k=20&T=5").locator(".grad-verdict").inner_text()
    assert "k = 20 is longer than T = 5" in text
    text = figure("gradients", state="rho=0.5&tanh=false&clip=true").locator(".grad-verdict").inner_text()
    assert re.search(r"Total norm 1\.2 \(median\), θ = 1: .* by one number \(median 0\.8\d?\)", text), text


def test_a_link_is_announced(figure):
    page = figure("gradients")
    page.evaluate("() => Kit.mounted.get('gradients').change({rho: 1.2, tanh: false})")
    page.wait_for_function("() => document.querySelector('.fig-said').textContent.includes('35 steps back')")


def test_truncation_leaves_k_steps(figure):
    page = figure("gradients", state="cut=true&k=7")
    found = result(page)
    assert data(page)["reach"] == "6" and len(found["middle"]) == 7
    for m in (1, 2):
        norms, total = by_autograd(m, rho=0.9, T=60, tanh=True, size=0.1, cut=7)
        assert found["lines"][m - 1] == pytest.approx(norms[:7], rel=1e-6)
        assert norms[8:] == [0.0] * 53
        assert found["runs"][m - 1]["total"] == pytest.approx(total, rel=1e-6)
    assert data(page)["middle"] == ""  # at lag 35 there is nothing
    assert "behind the cut" in page.locator(".grad-verdict").inner_text()
    assert page.locator(".grad-cut").count() == 1
    one = result(figure("gradients", state="cut=true&k=1"))
    assert one["middle"] == [1]  # sends nothing back through time


def test_clipping_moves_the_line_and_keeps_its_shape(figure):
    state = "rho=1.1&tanh=false"
    free = result(figure("gradients", state=state))
    page = figure("gradients", state=state + "&clip=true&theta=1")
    held = result(page)
    for before, after, run, factor in zip(free["lines"], held["lines"], held["runs"], held["factors"]):
        assert factor == pytest.approx(1 / run["total"])
        assert [a / b for a, b in zip(after, before)] == pytest.approx([factor] * 61)
    assert "by one number" in page.locator(".grad-verdict").inner_text()
    small = figure("gradients", state="rho=0.5&clip=true&theta=5")
    assert result(small)["clipped"] == 0
    assert "does nothing" in small.locator(".grad-verdict").inner_text()


def test_it_agrees_with_the_chapter(figure):
    """Without tanh the radius decides; with it, 1.1 and even 1.5 may shrink; below 1 some grow at first."""
    at_60 = {
        (rho, tanh): float(data(figure("gradients", state=f"rho={rho}&tanh={tanh}&at=60"))["full"])
        for rho in (0.9, 1.1)
        for tanh in ("true", "false")
    }
    assert 50 < at_60[1.1, "false"] < 220  # the chapter: 49 to 220 with zero inputs
    assert at_60[1.1, "true"] < 1  # the chapter: about 1 or well below with text
    assert at_60[0.9, "true"] < at_60[0.9, "false"] < 1.8e-3
    still = data(figure("gradients", state="rho=1.1&size=0&at=60"))["full"]
    assert float(still) == pytest.approx(at_60[1.1, "false"], rel=1e-3)  # zero inputs: tanh takes nothing
    page = figure("gradients", state="rho=0.97&tanh=false")
    assert result(page)["early"] >= 1
    assert "grew at first: ρ < 1 only promises the long run" in page.locator(".grad-verdict").inner_text()


def test_it_is_driven_by_mouse_and_keyboard(figure):
    page = figure("gradients", lang="zh", theme="dark")
    before = float(data(page)["perStep"])
    slider = page.locator(".grad-top input[type=range]")
    slider.focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    assert float(data(page)["perStep"]) > before
    assert "1.20" in page.locator(".grad-top .fig-slider__value").inner_text()
    page.get_by_label("过 tanh").uncheck()
    assert data(page)["slope"] == "1.0000"
    stage = page.locator(".grad-stage")
    stage.focus()
    page.keyboard.press("ArrowLeft")
    assert stage.get_attribute("aria-valuenow") == "36"
    assert "往回 36 步" in stage.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    assert stage.get_attribute("aria-valuenow") == "60"
    box = stage.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 35, box["y"] + 250)
    assert stage.get_attribute("aria-valuenow") == "0"
    assert data(page)["full"] == "1.0000e+0"


def test_damaged_state_is_mended(figure):
    page = figure("gradients", state="rho=99&T=-3&size=x&k=0&cut=true&theta=0&clip=true&at=1e9")
    assert page.locator(".grad-stage").get_attribute("aria-valuemax") == "5"
    assert math.isfinite(float(data(page)["perStep"]))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_said_follows_the_language(figure, lang):
    page = figure("gradients", lang=lang, state="rho=0.8")
    words = {"zh": "步就不到十分之一", "en": "less than a tenth is left"}
    text = page.locator(".grad-verdict").inner_text()
    assert words[lang] in text and words["en" if lang == "zh" else "zh"] not in text
    tenth = next(k for k, n in enumerate(result(page)["full"]) if n < 0.1)
    assert str(tenth) in text


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("gradients", lang=lang, theme=theme, width=width, state="cut=true&clip=true&T=100&rho=1.2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, axe) == []


def test_the_first_frame_comes_soon(figure):
    page = figure("gradients")
    assert page.evaluate("performance.getEntriesByName('figure:gradients')[0].startTime") < 3000
