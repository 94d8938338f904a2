"""Figures in one style: curves, learning curves of a training run, heat maps; and tables.

Labels are written ``中文 | English`` and stay text in the figure: the book's pages show the half that a
reader chose, in the browser's fonts. Colours are the palette of M. Okabe and K. Ito ("Color Universal
Design", 2008), which colour-blind readers can tell apart.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from rnnlib.inspect.tables import table as table
from rnnlib.training.record import History

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINES = ("-", "--", "-.", ":")

_STYLE = {
    "figure.figsize": (6.4, 3.6),
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.prop_cycle": mpl.cycler(color=PALETTE),
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "rnnlib",
}


def use_style() -> None:
    """Set the book's style, and sharp vector figures in notebooks, with labels that stay text."""
    mpl.rcParams.update(_STYLE)
    warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")  # the reader's browser has it
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # outside a notebook
        return
    set_matplotlib_formats("svg")


def _values(numbers: Any) -> Any:
    return numbers.detach().cpu().numpy() if isinstance(numbers, torch.Tensor) else np.asarray(numbers)


def curves(
    series: Mapping[str, Any],
    xlabel: str,
    ylabel: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    levels: Mapping[str, float] | None = None,
    markers: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw several curves with a legend.

    Args:
        series: label -> y values, or label -> ``(x values, y values)``, or label -> ``{x: y}``.
        xlabel, ylabel: axis labels, with units.
        log_x, log_y: logarithmic axes.
        levels: label -> y, drawn as dotted horizontal lines (baselines).
        markers: mark the points.
        ax: axes to draw in; a new figure by default.
    """
    if not series:
        raise ValueError("there is nothing to draw: series is empty.")
    ax = plt.subplots()[1] if ax is None else ax
    for i, (label, values) in enumerate(series.items()):
        if isinstance(values, Mapping):
            x, y = list(values), list(values.values())
        elif isinstance(values, tuple) and len(values) == 2:
            x, y = map(_values, values)
        else:
            y = _values(values)
            x = range(1, len(y) + 1)
        style = LINES[i // len(PALETTE) % len(LINES)]
        ax.plot(
            x, y, style, label=label, color=PALETTE[i % len(PALETTE)], marker="o" if markers else None, ms=4
        )
    for i, (label, level) in enumerate((levels or {}).items()):
        ax.axhline(level, color="0.45", linestyle=":", linewidth=1.2)
        side = {"x": 0.99, "ha": "right"} if i % 2 == 0 else {"x": 0.01, "ha": "left"}
        ax.text(
            y=level,
            s=label,
            va="bottom",
            fontsize=8,
            color="0.35",
            transform=ax.get_yaxis_transform(),
            **side,
        )
    ax.set_xscale("log" if log_x else "linear")
    ax.set_yscale("log" if log_y else "linear")
    if log_y:
        ax.yaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        ax.legend()
    return ax


def learning_curves(
    histories: History | Mapping[str, History],
    *,
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Training and validation perplexity over the epochs, on a logarithmic axis, with baselines as levels.

    Names of several histories may be ``中文 | English``.
    """
    if isinstance(histories, History):
        histories = {"": histories}
    series: dict[str, Any] = {}
    for name, history in histories.items():
        zh, _, en = name.partition(" | ")
        zh, en = (f"{zh}，", f"{en or zh}, ") if name else ("", "")
        series[f"{zh}训练 | {en}training"] = history.train_ppl
        if history.valid_ppl:
            series[f"{zh}验证 | {en}validation"] = history.valid_ppl
    return curves(series, "迭代周期 | epoch", "困惑度 | perplexity", log_y=True, levels=levels, ax=ax)


def heatmap(
    matrix: Any,
    xlabel: str = "",
    ylabel: str = "",
    *,
    xticks: Sequence[str] | None = None,
    yticks: Sequence[str] | None = None,
    center: float | None = None,
    colorbar: str | None = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a matrix as colours.

    Args:
        matrix: rows by columns; row 0 on top.
        xlabel, ylabel: axis labels.
        xticks, yticks: a name for each column or row.
        center: if given, colours diverge from this value (blue below, red above); otherwise light to dark.
        colorbar: label of the colour bar; None leaves the bar out.
        ax: axes to draw in; a new figure by default.
    """
    matrix = _values(matrix)
    if matrix.ndim != 2:
        raise ValueError(f"a heat map needs a matrix; got shape {matrix.shape}.")
    ax = plt.subplots()[1] if ax is None else ax
    options: dict[str, Any] = {"cmap": "cividis"}
    if center is not None:
        reach = max(abs(float(matrix.max()) - center), abs(float(matrix.min()) - center)) or 1.0
        options = {"cmap": "RdBu_r", "vmin": center - reach, "vmax": center + reach}
    image = ax.imshow(matrix, aspect="auto", interpolation="nearest", **options)
    ax.grid(False)
    if xticks is not None:
        ax.set_xticks(range(len(xticks)), xticks)
    if yticks is not None:
        ax.set_yticks(range(len(yticks)), yticks)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if colorbar is not None:
        ax.figure.colorbar(image, ax=ax, label=colorbar)
    return ax
