"""Predict, then see: the output of a cell tagged ``predict`` is covered until the reader has answered.

The question is in the cell's metadata, ``guess``: kind (number, choice or open), ask, choices, answer. Here
it becomes a form above the output; ``predict.js`` covers and uncovers. Without JavaScript there is no form
and nothing is covered; on paper neither.
"""

from __future__ import annotations

import json

from docutils import nodes
from markupsafe import Markup, escape
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from .words import spans

TAG = "predict"
CHECK, SHOW, NUMBER = "看答案 | See what happens", "不猜了，直接看 | Just show me", "你的数 | Your number"
TITLE = "先猜一猜 | Make a guess first"


def form(guess: dict, key: str) -> str:
    """The HTML of a question.

    Args:
        guess: the metadata of the cell.
        key: under which the reader's answer is kept in the browser.
    """
    kind = guess.get("kind", "open")
    answer = json.dumps(guess.get("answer"))
    ask = Markup('<p class="predict__ask" id="{0}-ask"><strong>{1}</strong> {2}</p>').format(
        key, spans(TITLE), spans(guess.get("ask", ""))
    )
    fields = Markup("")
    if kind == "number":
        fields = Markup(
            '<label class="predict__number"><span>{0}</span> '
            '<input type="text" inputmode="decimal" autocomplete="off" size="8" '
            'aria-describedby="{1}-ask"></label>'
        ).format(spans(NUMBER), key)
    elif kind == "choice":
        options = Markup("").join(
            Markup('<label><input type="radio" name="{0}" value="{1}"> <span>{2}</span></label>').format(
                key, i, spans(choice)
            )
            for i, choice in enumerate(guess.get("choices", ()))
        )
        fields = Markup(
            '<div class="predict__choices" role="radiogroup" aria-labelledby="{0}-ask">{1}</div>'
        ).format(key, options)
    submit = Markup('<button type="submit">{}</button>').format(spans(CHECK)) if fields else Markup("")
    return str(
        Markup(
            '<form class="predict" hidden data-kind="{}" data-answer="{}" data-key="{}">{}{}'
            '<div class="predict__buttons">{}<button type="button" class="predict__show">{}</button></div>'
            '<p class="predict__result" role="status" tabindex="-1"></p></form>'
        ).format(kind, escape(answer), key, ask, fields, submit, spans(SHOW))
    )


class AskFirst(SphinxPostTransform):
    """Put the question between the code and its output."""

    default_priority = 460
    formats = ("html",)

    def run(self, **kwargs) -> None:
        page = self.env.docname.rsplit("/", 1)[-1]
        for cell in list(self.document.findall(nodes.container)):
            metadata = cell.get("cell_metadata") or {}
            if cell.get("nb_element") != "cell_code" or TAG not in metadata.get("tags", ()):
                continue
            output = next((c for c in cell.children if c.get("nb_element") == "cell_code_output"), None)
            if output is not None:
                key = f"{page}-{cell.get('cell_index')}"
                html = form(metadata.get("guess", {}), key)
                cell.insert(cell.index(output), nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> None:
    """Register the transform and the page's part of it."""
    app.add_post_transform(AskFirst)
    app.add_js_file("bilingual/predict.js", loading_method="defer")
    app.add_css_file("bilingual/predict.css", priority=902)
