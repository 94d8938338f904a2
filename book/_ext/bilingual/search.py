"""A search language for pages in two languages: English stems, Chinese characters and bigrams.

Chinese is written without spaces. The index holds every character and every pair of neighbours; a query is
cut into pairs (a single character stays itself), so that 循环神经网络 finds a page that holds all its pairs.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

from .split import CJK

_TOKEN = re.compile(rf"[{CJK}]+|[^\W{CJK}]+")
_CHINESE = re.compile(f"[{CJK}]")


def bigrams(run: str) -> list[str]:
    """Return the pairs of neighbours in a run of Chinese characters, or the only character."""
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def query_tokens(text: str) -> list[str]:
    """Cut a query as ``splitQuery`` does in the page (kept in step by a test)."""
    return [t for run in _TOKEN.findall(text) for t in (bigrams(run) if _CHINESE.match(run) else [run])]


def index_tokens(text: str) -> list[str]:
    """Cut a page's text for the index: what a query may ask for, and every single Chinese character."""
    return query_tokens(text) + [
        c for run in _TOKEN.findall(text) if len(run) > 1 for c in run if _CHINESE.match(c)
    ]


SPLIT_QUERY_JS = r"""
var splitQuery = function (query) {
  const cjk = /[CJK]/, out = [];
  for (const run of query.match(/[CJK]+|[^CJK]+/g) || []) {
    if (!cjk.test(run)) out.push(...run.split(/[^\p{Letter}\p{Number}_]+/u).filter((word) => word));
    else if (run.length === 1) out.push(run);
    else for (let i = 0; i + 1 < run.length; i++) out.push(run.slice(i, i + 2));
  }
  return out;
};
""".replace("CJK", CJK)


class SearchChineseEnglish(SearchEnglish):
    """Sphinx's English search that also reads Chinese."""

    lang = "zhen"
    language_name = "Chinese and English"
    js_splitter_code = SPLIT_QUERY_JS

    def split(self, input: str) -> list[str]:
        return index_tokens(input)

    def word_filter(self, word: str) -> bool:
        return bool(_CHINESE.match(word)) or super().word_filter(word)


def setup(app: Sphinx) -> None:
    """Register the language under the code ``zhen``."""
    app.add_search_language(SearchChineseEnglish)
