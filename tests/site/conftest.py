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
from book_site import BUILT, FLAGS, ROOT, Site, need

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
