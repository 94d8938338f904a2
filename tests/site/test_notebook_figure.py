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
    speak(lang) { traits.lang = lang; listeners["change:lang"](); },
    fromPython(values) { traits.values = values; listeners["change:values"](); }, traits};
}"""


# What a figure has painted by hand, in the order of its parts: colours set on elements, pictures on canvases.
PAINTED = """() => [...document.querySelectorAll("#cell *")].map((node) => node instanceof HTMLCanvasElement
  ? node.toDataURL() : [node.style.backgroundColor, node.style.color, node.style.fill].join()).join(";")"""
# The computed style of all parts, kept in the page: there is too much of it to send.
LOOKS = """() => [...document.querySelectorAll("#cell .fig, #cell .fig *")].map((node) => {
  const style = getComputedStyle(node);
  return [`${node.tagName} ${node.getAttribute("class")}`, ...[...style].map((key) => `${key}: ${style.getPropertyValue(key)}`)];
})"""
SHADE = """dark => { document.body.dataset.jpThemeLight = String(!dark); }"""
PUT = """there => { if (there) document.querySelector("[tabindex]").append(window.cell); else window.cell.remove(); }"""


@pytest.fixture
def mounted(browser):
    """Mount a figure's module, with its style, in an empty page; away: before its place is in the page."""
    contexts = []

    def start(name, values=None, lang="both", dark=False, away=False):
        context = browser.new_context(reduced_motion="reduce")  # else some never rest
        contexts.append(context)
        page = context.new_page()
        page.goto("about:blank")
        page.set_content('<body><div tabindex="-1"><div id="cell"></div></div></body>')
        page.evaluate(SHADE, dark)
        page.add_style_tag(content=files.sheet(name))
        given = {"name": name, "values": values or {}, "packs": {}, "lang": lang}
        page.evaluate("() => { window.cell = document.querySelector('#cell'); }")
        page.evaluate(PUT, not away)
        page.evaluate(
            """async ([text, given, make]) => {
              const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
              const module = await import(url);
              window.model = eval(make)(given);
              module.default.render({model: window.model, el: window.cell});
            }""",
            [files.module(name), given, MODEL],
        )
        if not away:
            page.locator("#cell .fig[data-ready], #cell .fig[data-failed]").wait_for(timeout=20_000)
        return page

    yield start
    for context in contexts:
        context.close()


def rests(page):
    """What a page has painted once it has come to rest: some figures compute for a while, a little at a time."""
    seen = []
    while len(seen) < 100:
        pause(page, 100)
        seen.append(
            page.evaluate("() => document.querySelector('#cell').innerHTML.length + " + f"({PAINTED})()")
        )
        if len(seen) > 4 and len(set(seen[-4:])) == 1:
            return page.evaluate(PAINTED)
    raise AssertionError("the figure never comes to rest")


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


@pytest.mark.parametrize("name", files.names())
def test_colours_follow_the_theme_also_where_the_figure_is_away(mounted, name):
    dark = rests(mounted(name, dark=True))
    shown = mounted(name)
    light = rests(shown)
    shown.evaluate(SHADE, True)
    assert rests(shown) == dark
    late = mounted(name, away=True)  # a notebook that is opened anew makes figures first, and shows them then
    pause(late, 100)
    late.evaluate(PUT, True)
    late.locator("#cell .fig[data-ready]").wait_for()
    assert rests(late) == light
    late.evaluate(PUT, False)  # its cell is far from the reader
    late.evaluate(SHADE, True)
    pause(late, 100)
    late.evaluate(PUT, True)
    assert rests(late) == dark


def test_the_map_of_attention_is_not_grey_and_turns_dark(mounted):
    ground = "() => getComputedStyle(document.querySelector('td[data-weight].is-most')).backgroundColor"
    page = mounted("alignment", away=True)
    page.evaluate(PUT, True)
    page.locator("#cell .fig[data-ready]").wait_for()
    light = page.evaluate(ground)
    assert light not in ("rgb(136, 136, 136)", "rgba(0, 0, 0, 0)")
    page.evaluate(SHADE, True)
    page.wait_for_function(f"before => ({ground})() !== before", arg=light)


@pytest.mark.parametrize("n", [305, 126345])
def test_no_word_of_the_map_is_cut_in_two_languages(mounted, n):
    page = mounted("alignment", {"n": n})
    for width in (380, 568, 900):
        page.set_viewport_size({"width": width, "height": 800})
        pause(page, 50)
        cut = page.locator(
            ".alignment__map :is(th, td)"
        ).evaluate_all("""all => all.filter((cell) =>
          [...cell.querySelectorAll("button, i")].some((part) => part.getBoundingClientRect().left < cell.getBoundingClientRect().left
            || part.getBoundingClientRect().right > cell.getBoundingClientRect().right + 1)).map((cell) => cell.innerText)""")
        assert cut == [], width


HEARD = """() => {
  window.heard = [];
  document.addEventListener("keydown", (event) => heard.push((event.ctrlKey ? "Control+" : "") + (event.shiftKey ? "Shift+" : "") + event.key));
}"""
REACHABLE = "#cell :is(button, input, select, textarea, summary, a[href], [tabindex])"


@pytest.mark.parametrize("name", files.names())
def test_keys_in_a_figure_are_not_the_notebooks(mounted, name):
    page = mounted(name)
    page.evaluate(HEARD)
    count = page.evaluate(
        """(which) => {
          const nodes = [...document.querySelectorAll(which)];
          for (const node of nodes) for (const key of ["d", "a", "x", "Enter", "ArrowDown", "Delete", "Tab"]) {
            node.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
          }
          return nodes.length;
        }""",
        REACHABLE,
    )
    assert count > 0 and page.evaluate("() => heard") == []


def test_keys_work_in_a_figure_and_some_leave_it(mounted):
    page = mounted("newton")
    page.evaluate(HEARD)
    slider = page.locator("#cell input[type=range]").first
    slider.focus()
    before = slider.input_value()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("d")
    assert slider.input_value() != before and page.evaluate("() => heard") == []
    for key in ("Control+s", "Shift+Enter", "Escape"):
        page.keyboard.press(key)
    heard = page.evaluate("() => heard.filter((key) => !/(Control|Shift)$/.test(key))")
    assert heard == ["Control+s", "Shift+Enter", "Escape"]
    slider.focus()
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.tabIndex") == -1, "Escape leads to the cell"
    slider.focus()
    last = page.locator(REACHABLE).count() + 5
    for _ in range(last):  # Tab leads out in the end
        page.keyboard.press("Tab")
        if page.evaluate("() => !document.querySelector('#cell').contains(document.activeElement)"):
            break
    else:
        raise AssertionError("Tab does not leave the figure")


def test_an_answer_is_typed_and_escape_is_first_the_figures(mounted):
    page = mounted("quiz", {"chapter": "15"})
    page.evaluate(HEARD)
    field = page.locator("#cell input:not([type=range])").first
    field.focus()
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    assert field.input_value() == "12" and page.evaluate("() => heard") == []
    page = mounted("gates")  # Escape lets go of a gate that is held, then it leaves
    page.evaluate(HEARD)
    meter = page.locator("#cell .fig-meter input[type=range]").first
    meter.focus()
    page.keyboard.press("Escape")
    assert page.evaluate("() => heard") == []


@pytest.mark.parametrize(("lang", "other"), [("en", "zh"), ("zh", "en")])
@pytest.mark.parametrize("name", files.names())
def test_a_figure_speaks_the_language_it_was_given(mounted, name, lang, other):
    page = mounted(name, lang=lang)
    shown = f"""() => [...document.querySelectorAll("#cell :is(.lang-{other}, .lang-sep)")]
      .filter((node) => getComputedStyle(node).display !== "none").map((node) => node.textContent)"""
    said = """() => [...document.querySelectorAll("#cell *")].flatMap((node) =>
      ["aria-label", "aria-valuetext", "placeholder", "title"].map((key) => node.getAttribute(key) || ""))
      .filter((text) => / [|] .*[a-z]/i.test(text) && /[\u4e00-\u9fff]/.test(text))"""
    assert page.evaluate(shown) == [] and page.evaluate(said) == []
    page.evaluate(f"() => model.speak('{other}')")
    assert page.evaluate(shown) != [] and page.evaluate(said) == []


@pytest.mark.parametrize("name", files.names())
def test_no_sheet_changes_another_figure(mounted, name):
    """Sheets come in the order of cells: what another figure brings, before or after, must not matter."""
    page = mounted(name)
    rests(page)
    page.evaluate(f"() => {{ window.before = ({LOOKS})(); }}")
    page.add_style_tag(content="".join(files.sheet(other) for other in files.names() if other != name))
    pause(page, 300)  # transitions, if anything did change
    changed = page.evaluate(f"""() => ({LOOKS})().flatMap((now, i) => {{
      const was = new Set(before[i]), fresh = now.filter((entry) => !was.has(entry));
      return fresh.length ? [`${{now[0]}} {{ ${{fresh.join("; ")}} }}`] : [];
    }})""")
    assert changed == []


def test_two_figures_share_no_id(mounted):
    page = mounted("alignment")
    page.evaluate(
        """async ([text, make]) => {
          const module = await import(URL.createObjectURL(new Blob([text], {type: "text/javascript"})));
          const el = document.body.appendChild(document.createElement("div"));
          module.default.render({model: eval(make)({name: "alignment", values: {}, packs: {}, lang: "both"}), el});
        }""",
        [files.module("alignment"), MODEL],
    )
    page.locator(".fig[data-ready]").nth(1).wait_for()
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) > 4 and len(ids) == len(set(ids))
