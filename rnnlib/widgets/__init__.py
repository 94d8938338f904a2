"""Figures that answer: the book's interactive figures, in a notebook.

The same figures stand on the book's pages, without Python; here they are live. `figure` shows one by its
name, `names` lists them::

    from rnnlib import widgets

    gates = widgets.figure("gates", hold="F@0")   # as the last expression of a cell
    gates["t"]                                    # read what the reader chose
    gates["t"] = 12                               # or set it

`model_pack` makes the data of a figure from a network that was trained in the notebook; `live` puts controls
above any cell's own figure, which PyTorch then makes again. Showing needs anywidget and ipywidgets (``pip
install 'rnnlib[widgets]'``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnlib.widgets.files import names
from rnnlib.widgets.packs import model_pack, read_pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnnlib.widgets.controls import Live
    from rnnlib.widgets.widget import Figure

__all__ = ["figure", "live", "model_pack", "names", "read_pack"]

_MISSING = (
    "figures in a notebook need anywidget: run `pip install 'rnnlib[widgets]'`, then restart the kernel."
)


def figure(
    name: str, *, packs: dict[str, dict[str, Any]] | None = None, lang: str = "both", **values: Any
) -> Figure:
    """Show a figure of the book; let it be the last expression of a cell.

    Args:
        name: one of `names()`.
        packs: data in place of those that the figure brings, name -> pack, as `model_pack` makes them.
        lang: "zh", "en" or "both".
        values: settings to start from, as in the address of the book's page.

    Raises:
        ValueError: if there is no figure of that name, or ``lang`` is unknown.
        ImportError: if anywidget is not installed.
    """
    if name not in names():
        raise ValueError(f"no figure {name!r}; there are {', '.join(names())}.")
    if lang not in ("zh", "en", "both"):
        raise ValueError(f"lang is 'zh', 'en' or 'both', not {lang!r}.")
    try:
        from rnnlib.widgets.widget import figure_class
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return figure_class(name)(name=name, values=values, packs=packs or {}, lang=lang)


def live(function: Callable[..., Any], labels: dict[str, str], **controls: Any) -> Live:
    """Show the output of ``function`` under controls for its arguments, as `controls.live` does."""
    try:
        from rnnlib.widgets.controls import live
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return live(function, labels, **controls)
