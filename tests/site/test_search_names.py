"""Searching for the names that every object of JavaScript has: they are words like others."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from book_site import BUILT

pytestmark = pytest.mark.site


@pytest.mark.parametrize("name", ["constructor", "__proto__"])
def test_24_search_for_a_name_of_javascript(site, name):
    """The search shows a summary, and every link of it leads to a page."""
    with site.page("search.html", f"?q={name}&lang=en") as page:
        page.locator(".search-summary:not(:empty)").wait_for()
        links = page.locator("#search-results li > a").evaluate_all("els => els.map(el => el.href)")
        missing = [link for link in links if not (BUILT / urlsplit(link).path.lstrip("/")).is_file()]
        assert missing == []
