"""Curves as d2l draws them: ``plot`` at once, ``Animator`` point by point. Needs matplotlib when used."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

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


def _draw(axes: Any, curves: Iterable[Sequence[Any]], fmts: Sequence[str], look: Sequence[Any]) -> None:
    """Draw curves, each ``(y,)`` or ``(x, y)``, in axes that are cleared first."""
    axes.cla()
    for curve, fmt in zip(curves, itertools.cycle(fmts)):
        axes.plot(*curve, fmt)
    set_axes(axes, *look)


def _as_list(values: Any) -> list[Any]:
    """The values of one curve, or of a list of curves, as a list of curves."""
    is_list = values.ndim > 1 if hasattr(values, "ndim") else any(hasattr(v, "__len__") for v in values)
    return list(values) if is_list else [values]


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
    xs, ys = _as_list(X), [] if Y is None else _as_list(Y)
    curves = zip(xs) if Y is None else zip(xs * len(ys) if len(xs) == 1 else xs, ys)
    _draw(axes, curves, fmts, (xlabel, ylabel, xlim, ylim, xscale, yscale, legend))


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
        self.X, self.Y = (curves or [[] for _ in ys] for curves in (self.X, self.Y))
        for i, (a, b) in enumerate(zip(xs, ys)):
            if a is not None and b is not None:
                self.X[i].append(float(a))
                self.Y[i].append(float(b))
        _draw(self.axes[0], zip(self.X, self.Y), self.fmts, self._look)
        if _in_notebook():
            from IPython.display import clear_output, display

            display(self.fig)
            clear_output(wait=True)
