"""A figure as an anywidget: its state is a dictionary that Python and the reader both set."""

from __future__ import annotations

import html
import json
from functools import cache
from typing import Any

import anywidget
import traitlets

from rnnlib.widgets import files
from rnnlib.widgets.packs import packed


@cache
def figure_class(name: str) -> type[Figure]:
    """The widget of one figure, with its script and style."""
    parts = {"_esm": files.module(name), "_css": files.sheet(name)}
    title = f"{name.title()}Figure"  # anywidget keeps one style sheet for each name of a class
    return type(title, (Figure,), {**parts, "__doc__": Figure.__doc__})


class Figure(anywidget.AnyWidget):
    """A figure of the book in a notebook. ``figure["t"]`` reads a setting, ``figure["t"] = 3`` sets it.

    Where no kernel runs, in a stored notebook or on a page of the book, its output is a plain place in HTML
    that the book's scripts turn into the same figure.
    """

    name = traitlets.Unicode().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    packs = traitlets.Dict().tag(sync=True)
    lang = traitlets.Unicode("both").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(self._send_pack)

    def _send_pack(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        """Answer a figure that asks for more data."""
        if name := content.get("want"):
            self.send({"pack": name, "data": packed(name)})

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.values = {**self.values, key: value}

    def __repr__(self) -> str:
        settings = "".join(f", {key}={value!r}" for key, value in self.values.items())
        return f"figure({self.name!r}{settings})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**(data or {}), "text/plain": repr(self), "text/html": place(self.name, self.values)}
        return (data, *metadata) if metadata else data


def place(name: str, values: dict[str, Any]) -> str:
    """Return the HTML in whose place a page of the book shows a figure."""
    state = html.escape(json.dumps(values, ensure_ascii=False), quote=True)
    return (
        f'<figure class="fig fig-{name}" data-figure="{name}" data-values="{state}">'
        '<p class="fig-message">在笔记本里，运行这个单元格，图就会出现；在网页上，它需要 JavaScript。'
        " | In a notebook, run this cell and the figure appears; on a page it needs JavaScript.</p></figure>"
    )
