"""The built book as the tests see it: its pages; a browser that notes errors and requests to other hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"
# Language, theme, width: how every figure is looked at
VIEWS = [
    ("zh", "light", 1280),
    ("en", "dark", 1280),
    ("en", "light", 390),
    ("zh", "dark", 390),
    ("both", "light", 390),
]
PROBES = (Path(__file__).parent / "probes.js").read_text(encoding="utf-8")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# pages that carry text, home page first
PAGES = sorted(
    (p.relative_to(BUILT).as_posix() for p in (BUILT / "book").rglob("*.html")),
    key=lambda p: (p != "book/index.html", p),
)
CHAPTERS = [p for p in PAGES if (ROOT / p).with_suffix(".ipynb").exists()]


def need(condition: object, reason: str) -> None:
    """Skip with the reason; in CI, where everything is there, fail."""
    if not condition:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def pause(page, milliseconds: int) -> None:
    """Wait by the page's own clock: what the page had planned for sooner is then done, however busy the machine."""
    page.evaluate(
        """(ms) => new Promise((done) =>
            setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), ms))""",
        milliseconds,
    )


@dataclass
class Watch:
    """What went wrong on a page: complaints of its scripts, requests to other hosts."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


class Site:
    """The built book on 127.0.0.1, seen through a browser."""

    def __init__(self, browser, base: str) -> None:
        self.browser, self.base = browser, base

    @contextmanager
    def context(self, **options) -> Iterator:
        """A fresh browser profile; requests that leave this machine are stopped."""
        context = self.browser.new_context(
            **{"locale": "en-US", "viewport": {"width": 1300, "height": 900}, **options}
        )
        context.set_default_timeout(60_000)
        try:
            yield context
        finally:
            context.close()

    @contextmanager
    def page(self, path: str | None = None, query: str = "", **options) -> Iterator:
        """A page of the book in a fresh profile, with ``page.watch``; closes with nothing to complain of."""
        with self.context(**options) as context:
            page = context.new_page()
            page.watch = self.watch(context, page)
            if path is not None:
                self.open(page, path, query)
            yield page
            assert not page.watch.outside, f"requests to other hosts: {page.watch.outside}"
            assert not page.watch.errors, f"errors in the page: {page.watch.errors}"

    def watch(self, context, page) -> Watch:
        watch, ours = Watch(), (self.base, BUILT.as_uri(), "data:", "blob:")

        def let_through(route) -> None:
            if route.request.url.startswith(ours):
                route.continue_()
            else:
                watch.outside.append(route.request.url)
                route.abort()

        context.route("**/*", let_through)
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        page.on("console", lambda m: watch.errors.append(m.text) if m.type == "error" else None)
        return watch

    def open(self, page, path: str, query: str = "") -> None:
        """Open a page and wait until its fonts are there."""
        start = path if path.startswith(("http", "file")) else self.base + path
        page.goto(start + query)
        page.evaluate("() => document.fonts.ready.then(() => true)")


def settle(page) -> None:
    """Wait until the boxes that scroll are marked: two frames."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def probe(page, name: str, *argument: object) -> object:
    """Ask a page one of the questions in probes.js."""
    page.evaluate(PROBES)
    return page.evaluate(f"argument => probes.{name}(argument)", *argument)
