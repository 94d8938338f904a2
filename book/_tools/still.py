"""What stands in the place of a figure without JavaScript, if the figure has no data to bring it.

``python book/_tools/still.py`` writes ``book/_ext/bilingual/still/NAME.html``, computed by rnnlib.
(Figures with data have it there, under ``static``.)
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from notebooks import ROOT
from rnnlib.common import atomic_write
from rnnlib.today import newton

FOLDER = ROOT / "book" / "_ext" / "bilingual" / "still"
H, T, SEED, SIZE = 16, 96, 1, 0.3  # those that the figure "newton" starts from
RADII, SHOWN, ROUNDS = (0.5, 1.0, 1.5), 1.5, (4, 7, 11)  # no chaos: the same on every machine
WIDE, TALL, LIMIT = 680, 110, 1.3


def normals(rng: random.Random, count: int) -> Tensor:
    """Normal numbers by Box and Muller, two at a time, as the figures draw them."""
    out: list[float] = []
    for _ in range(count // 2):
        r, turn = math.sqrt(-2 * math.log(1 - rng.random())), 2 * math.pi * rng.random()
        out += [r * math.cos(turn), r * math.sin(turn)]
    return torch.tensor(out, dtype=torch.float64)


def network(seed: int, rho: float, size: float) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor, Tensor]:
    """The figure's network: a step, W (H, H) with spectral radius rho, inputs (T, H)."""
    rng = random.Random(seed)
    W, X = normals(rng, H * H).view(H, H), normals(rng, T * H).view(T, H)
    W = rho * W / torch.linalg.eigvals(W).abs().max()
    return (lambda h, x: torch.tanh(x + h @ W)), W, size * X


def walk(f: Callable[[Tensor, Tensor], Tensor], X: Tensor) -> Tensor:
    """All states (T, H), step by step."""
    states = [X.new_zeros(H)]
    for x in X:
        states.append(f(states[-1], x))
    return torch.stack(states[1:])


def right_up_to(guess: Tensor, truth: Tensor, near: float = 1e-6) -> int:
    """How many states from the first on are right."""
    wrong = ((guess - truth).abs().amax(dim=1) > near).nonzero()
    return int(wrong[0]) if len(wrong) else len(truth)


def line(values: Iterable[float], top: int) -> str:
    """A path, one value a step, in a panel that begins at ``top``; what leaves it runs along its edge."""
    points = []
    for t, value in enumerate(values):
        y = top + TALL * (0.5 - max(-LIMIT, min(LIMIT, value)) / (2 * LIMIT))
        points.append(f"{10 + t * (WIDE - 20) / (T - 1):.0f} {y:.0f}")
    return "M" + "L".join(points)


def newton_html() -> str:
    """Three rounds of one network as a picture, and the rounds of three spectral radii in words."""
    f, _, X = network(SEED, SHOWN, SIZE)
    truth, X_0 = walk(f, X), X.new_zeros(H)
    parts, said = [], []
    for i, most in enumerate(ROUNDS):
        guess, _ = newton(f, X, X_0, most=most)
        right, top = right_up_to(guess, truth), i * (TALL + 12)
        wide = 10 + (right - 0.5) * (WIDE - 20) / (T - 1)
        parts.append(
            f'<rect class="newton__right" y="{top}" width="{wide:.0f}" height="{TALL}"></rect>'
            + "".join(
                f'<path class="{cls}" fill="none" d="{line(states[:, 0].tolist(), top)}"></path>'
                for cls, states in (("newton__truth", truth), ("fig-curve__series fig-stroke-1", guess))
            )
        )
        said.append((most, right))
    counts = [len(newton(*network(SEED, rho, SIZE)[::2], X_0)[1]) for rho in RADII]
    zh = "；".join(f"{most} 轮之后，前 {right} 步对了" for most, right in said)
    en = "; ".join(f"after {most} rounds, the first {right} steps are right" for most, right in said)
    heading = (
        f"{H} 个单元，{T} 步，输入 × {SIZE}，ρ = {SHOWN}，第 1 个单元。"
        f"粗线是一步一步算的，细线是猜测；{zh}。 | "
        f"{H} units, {T} steps, inputs × {SIZE}, ρ = {SHOWN}, the first unit. "
        f"Thick: step by step; thin: the guess; {en}."
    )
    items = [f"<li>ρ = {rho:g}：{n} 轮 | ρ = {rho:g}: {n} rounds</li>" for rho, n in zip(RADII, counts)]
    height = len(ROUNDS) * (TALL + 12)
    picture = f'<svg viewBox="0 0 {WIDE} {height}" aria-hidden="true">{"".join(parts)}</svg>'
    return f"<p>{heading}</p>{picture}<p>一共要几轮： | Rounds in all:</p><ul>{''.join(items)}</ul>\n"


STILLS = {"newton": newton_html}


if __name__ == "__main__":
    for name, make in STILLS.items():
        path = FOLDER / f"{name}.html"
        atomic_write(path, make().encode())
        print(path.relative_to(ROOT), path.stat().st_size)
