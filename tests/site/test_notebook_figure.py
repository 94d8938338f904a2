"""A figure in a notebook: its module alone, in a browser, with a stand-in for the kernel's side of the model."""

from __future__ import annotations

import json

import pytest
from book_site import pause

from rnnlib.widgets import files

pytestmark = pytest.mark.site

MODEL = """(given) => {
  const traits = {...given}, listeners = {};
  return {saved: 0, send(message) { traits.sent = message; }, get: (name) => traits[name], set(name, value) { traits[name] = value; },
    save_changes() { this.saved++; }, on(event, run) { listeners[event] = run; },
    fromPython(values) { traits.values = values; listeners["change:values"](); }, traits};
}"""


@pytest.fixture
def mounted(browser):
    """Mount a figure's module in an empty page: (page, what the model's traits are now)."""
    contexts = []

    def start(name, values=None):
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.goto("about:blank")
        page.set_content('<body data-jp-theme-light="true"><div id="cell"></div></body>')
        given = {"name": name, "values": values or {}, "packs": {}, "lang": "both"}
        page.evaluate(
            """async ([text, given, make]) => {
              const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
              const module = await import(url);
              window.model = eval(make)(given);
              module.default.render({model: window.model, el: document.querySelector("#cell")});
            }""",
            [files.module(name), given, MODEL],
        )
        page.locator("#cell .fig[data-ready], #cell .fig[data-failed]").wait_for(timeout=20_000)
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", files.names())
def test_every_figure_stands_in_a_notebook(mounted, name):
    page = mounted(name)
    assert page.locator("#cell .fig[data-ready]").count() == 1, page.locator("#cell").inner_text()[:300]
    assert (
        page.evaluate("() => typeof window.Kit") == "undefined"
    )  # nothing is left in the notebook's own scope


def test_python_and_the_reader_set_the_same_state(mounted):
    page = mounted("two")
    start = json.loads(page.evaluate("() => JSON.stringify(model.traits.values)"))
    page.evaluate("() => { model.fromPython({t: 1}); }")
    pause(page, 100)
    assert page.evaluate("() => model.saved") == 0, "what Python set is not sent back"
    page.locator("#cell [role=slider], #cell input[type=range], #cell button").first.focus()
    assert start == {}
