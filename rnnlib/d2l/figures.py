"""Curves as d2l draws them: ``plot`` at once, ``Animator`` point by point. Needs matplotlib when used."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["Animator", "plot", "pyplot", "set_axes", "set_figsize", "use_svg_display"]

FORMATS = ("-", "m--", "g-.", "r:")


def pyplot() -> Any:
    """matplotlib's pyplot.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "drawing needs matplotlib: pip install matplotlib. "
            "To train without a figure: train_ch8(..., plot=False)."
        ) from error
    return plt


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def use_svg_display() -> None:
    """Sharp figures in a notebook; nothing elsewhere."""
    if _in_notebook():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """The size of the figures to come, in inches."""
    use_svg_display()
    pyplot().rcParams["figure.figsize"] = figsize


def set_axes(
    axes: Any,
    xlabel: str | None,
    ylabel: str | None,
    xlim: Sequence[float] | None,
    ylim: Sequence[float] | None,
    xscale: str,
    yscale: str,
    legend: Sequence[str] | None,
) -> None:
    """Labels, limits, scales and legend of matplotlib axes, and a grid."""
    axes.set(xscale=xscale, yscale=yscale, xlabel=xlabel, ylabel=ylabel)
    axes.set_xlim(xlim)
    axes.set_ylim(ylim)
    if legend:
        axes.legend(legend)
    axes.grid()


def _curves(values: Any) -> list[Any]:
    """One curve, or a list of curves, as a list of sequences that matplotlib can draw."""
    if hasattr(values, "ndim"):
        curves = [values] if values.ndim == 1 else list(values)
    else:
        is_curve = len(values) > 0 and not hasattr(values[0], "__len__")
        curves = [values] if is_curve else list(values)
    return [curve.detach().cpu() if isinstance(curve, torch.Tensor) else curve for curve in curves]


def plot(
    X: Any,
    Y: Any = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: Sequence[float] | None = None,
    ylim: Sequence[float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = FORMATS,
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: Any = None,
) -> None:
    """Draw one curve or several.

    Args:
        X: x values of one curve or a list of them; without ``Y``, the y values.
        Y: y values of one curve or a list of them; one X serves all of them.
        xlabel, ylabel, legend, xlim, ylim, xscale, yscale: as for matplotlib.
        fmts: matplotlib's format strings, one for each curve in turn.
        figsize: width and height in inches.
        axes: axes to draw in; the current ones by default.
    """
    set_figsize(figsize)
    axes = pyplot().gca() if axes is None else axes
    X = _curves(X)
    if Y is None:
        pairs = [(curve,) for curve in X]
    else:
        Y = _curves(Y)
        pairs = list(zip(X * len(Y) if len(X) == 1 else X, Y))
    axes.cla()
    for pair, fmt in zip(pairs, itertools.cycle(fmts)):
        axes.plot(*pair, fmt)
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


class Animator:
    """Curves that grow: in a notebook the figure is redrawn at each point, elsewhere nothing is shown.

    Args:
        xlabel, ylabel, legend, xlim, ylim, xscale, yscale, fmts, figsize: as for :func:`plot`.
        nrows, ncols: how many axes the figure has; the curves are drawn in the first.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: Sequence[float] | None = None,
        ylim: Sequence[float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] = FORMATS,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ):
        use_svg_display()
        self.fig, axes = pyplot().subplots(nrows, ncols, figsize=figsize, squeeze=False)
        self.axes = list(axes.flat)
        self.fmts = fmts
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self._look = (xlabel, ylabel, xlim, ylim, xscale, yscale, legend)

    def add(self, x: Any, y: Any) -> None:
        """Add one point to each curve.

        Args:
            x: one number for all curves, or one for each.
            y: one number for each curve (a bare number if there is one curve); None skips a curve.
        """
        ys = list(y) if hasattr(y, "__len__") else [y]
        xs = list(x) if hasattr(x, "__len__") else [x] * len(ys)
        while len(self.Y) < len(ys):
            self.X.append([])
            self.Y.append([])
        for i, (a, b) in enumerate(zip(xs, ys)):
            if a is not None and b is not None:
                self.X[i].append(float(a))
                self.Y[i].append(float(b))
        self.axes[0].cla()
        for curve_x, curve_y, fmt in zip(self.X, self.Y, itertools.cycle(self.fmts)):
            self.axes[0].plot(curve_x, curve_y, fmt)
        set_axes(self.axes[0], *self._look)
        if _in_notebook():
            from IPython.display import clear_output, display

            display(self.fig)
            clear_output(wait=True)
