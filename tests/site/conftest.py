"""A browser and a server for the tests of the built book."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator

import pytest
from book_site import BUILT, FLAGS, ROOT, Site, Watch, need
from figure_page import write_page

LOCAL = ("file:", "data:", "blob:")

sys.path.insert(0, str(ROOT / "book" / "_ext"))  # the book's own Sphinx extension


@pytest.fixture(scope="session")
def browser():
    """A Chromium: ``$CHROMIUM``, or the one on the path."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    need(found, "no Chromium found: install one or set CHROMIUM to its path")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(browser) -> Iterator[Site]:
    """The built book, served on a free port of this machine."""
    need((BUILT / "index.html").exists(), "the book is not built: run make book")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(BUILT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Site(browser, f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    server.server_close()


@pytest.fixture
def figure(browser, tmp_path):
    """Open a page with one figure: ``figure("gates", lang="zh", state="t=3")`` gives the page, ready to be driven.

    Options: lang, theme, width, state (as in the address), values, ready (False: do not wait), missing (a pack
    that does not load), and those of a browser's context. The network is cut. A page closes with nothing to complain of.
    """
    opened = []

    def start(
        name, lang="en", theme="light", width=1280, state="", values=None, ready=True, missing=None, **options
    ):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        page, watch = context.new_page(), Watch()
        page.set_default_timeout(20_000)
        context.set_offline(True)
        page.on("request", lambda r: None if r.url.startswith(LOCAL) else watch.outside.append(r.url))
        page.on("pageerror", lambda error: watch.errors.append(str(error)))
        if not missing:
            page.on("console", lambda m: watch.errors.append(m.text) if m.type == "error" else None)
        if missing:
            context.route(f"**/packs/{missing}.js", lambda route: route.abort())
        address = write_page(tmp_path, name, lang=lang, theme=theme, values=values)
        page.goto(address + (f"#{name}:{state}" if state else ""))
        page.watch = watch
        if ready:
            page.locator(f".fig-{name}[data-ready]").wait_for()
        opened.append((context, watch))
        return page

    yield start
    for context, watch in opened:
        context.close()
        assert not watch.outside, f"requests to other hosts: {watch.outside}"
        assert not watch.errors, f"errors in the page: {watch.errors}"
