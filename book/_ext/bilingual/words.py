"""The words that Sphinx and the theme print by themselves, in both languages.

Both ask gettext for them. `Words` stands in for gettext and answers ``中文 | English``, so one mechanism
serves templates, writers and themes; the page then shows the half that the reader chose. A word that the
table lacks is a warning, and so fails the build: no theme word appears in one language only.
"""

from __future__ import annotations

from gettext import NullTranslations

from markupsafe import Markup, escape
from sphinx import locale
from sphinx.application import Sphinx
from sphinx.util import logging

from .nodes import BCP47, REPEATED
from .split import SEP, shared_number, split_text

# English, as Sphinx and the themes write it: (Chinese, English as we print it, if different)
TABLE: dict[str, tuple[str, ...]] = {
    # page frame
    "Skip to main content": ("跳到正文",),
    "Back to top": ("回到顶部",),
    "Contents": ("本页内容", "On this page"),
    "On this page": ("本页内容",),
    "Main": ("全书目录", "Contents of the book"),
    "Page": ("本页内容", "On this page"),
    "Toggle primary sidebar": ("显示或隐藏目录", "Show or hide the contents"),
    "Toggle secondary sidebar": ("显示或隐藏本页内容", "Show or hide this page's contents"),
    "Version warning": ("版本提示",),
    "Announcement": ("公告",),
    "light/dark": ("浅色 / 深色 / 跟随系统", "Light / dark / as the system"),
    "previous": ("上一页", "Previous"),
    "next": ("下一页", "Next"),
    "previous page": ("上一页", "Previous page"),
    "next page": ("下一页", "Next page"),
    "Link to this heading": ("本节链接",),
    "Link to this image": ("此图链接",),
    "Link to this table": ("此表链接",),
    "Link to this code": ("此段代码的链接",),
    "Link to this equation": ("此式链接",),
    "Link to this term": ("此术语链接",),
    "Link to this definition": ("此定义链接",),
    "Link to this toctree": ("此目录链接",),
    "Permalink": ("永久链接",),
    # search
    "Search": ("搜索",),
    "Search this book": ("搜索本书",),
    "Search Results": ("搜索结果", "Search results"),
    "Search Page": ("搜索", "Search"),
    "Searching": ("正在搜索",),
    "Preparing search...": ("正在准备搜索…", "Preparing search…"),
    "Hide Search Matches": ("不再标出搜索词", "Hide search matches"),
    "Error": ("错误",),
    "Please activate JavaScript to enable the search functionality.": (
        "搜索需要启用 JavaScript。",
        "Search needs JavaScript.",
    ),
    "Your search did not match any documents. Please make sure that all words are spelled correctly and "
    "that you've selected enough categories.": (
        "没有找到相符的页面。换一个更短的词试试。",
        "No page matches. Try a shorter word.",
    ),
    "Search finished, found ${resultCount} page(s) matching the search query.": (
        "找到 ${resultCount} 处结果。",
        "Results found: ${resultCount}.",
    ),
    # buttons above the page
    "Download this page": ("下载本页",),
    "Download notebook file": ("下载本章笔记本", "Download this chapter's notebook"),
    "Download source file": ("下载本章笔记本", "Download this chapter's notebook"),
    "Print to PDF": ("打印或存为 PDF", "Print or save as PDF"),
    "Fullscreen mode": ("全屏",),
    "Launch interactive content": ("在线运行本章", "Run this chapter online"),
    "Launch on": ("在线运行：", "Run on"),
    "Launch on Colab": ("在 Colab 里运行", "Run on Colab"),
    "Colab logo": ("Colab 标志",),
    "Source repositories": ("源代码仓库", "Source repository"),
    "Source repository": ("源代码仓库",),
    "Repository": ("源代码仓库",),
    "Open issue": ("报告问题", "Report a problem"),
    "Open an issue": ("报告问题", "Report a problem"),
    "Language": ("语言",),
    "Home": ("首页",),
    # notebook cells
    "Show the solution": ("显示答案", "Show the solution"),
    "Hide the solution": ("收起答案", "Hide the solution"),
    "Show code cell source": ("显示代码", "Show the code"),
    "Hide code cell source": ("收起代码", "Hide the code"),
    "Show code cell content": ("显示代码与输出", "Show code and output"),
    "Hide code cell content": ("收起代码与输出", "Hide code and output"),
    "Show code cell outputs": ("显示输出", "Show the output"),
    "Hide code cell outputs": ("收起输出", "Hide the output"),
    "Show code cell output": ("显示输出", "Show the output"),
    "Hide code cell output": ("收起输出", "Hide the output"),
    "Click to show": ("点击展开",),
    "Click to hide": ("点击收起",),
    "Copy": ("复制",),
    "Copy to clipboard": ("复制到剪贴板",),
    "Copied!": ("已复制",),
    "Failed to copy": ("复制失败",),
}
# Words that scripts print; they travel with the page.
SCRIPT_WORDS = [
    word
    for word in TABLE
    if word.startswith(("Search ", "Searching", "Preparing", "Hide Search", "Your search", "Cop", "Failed"))
]
# The same in both, or asked for and never printed (numbered figures are off, indices are not built).
SAME = {
    "",
    "logo",
    "Colab",
    ".ipynb",
    ".pdf",
    "Section %s",
    "Fig. %s",
    "Table %s",
    "Listing %s",
    "%s %s documentation",
    "Logo of %s",
    "Module Index",
    "Index",
}
_log = logging.getLogger(__name__)


def bilingual(word: str) -> str | None:
    """Return ``中文 | English`` for a word of the table, the word itself if it is the same or already done,
    None if nobody has translated it."""
    if word in TABLE:
        zh, *en = TABLE[word]
        return f"{zh}{SEP}{en[0] if en else word}"
    return word if word in SAME or split_text(word) else None


def spans(text: str, numbered: bool = False) -> Markup:
    """Return the HTML of a ``中文 | English`` text: two marked halves; any other text just escaped.

    Args:
        text: in two languages, or in one.
        numbered: whether it is a title, whose number ("4 " in both halves) shows once while both show.
    """
    parts = split_text(text)
    if parts is None:
        return escape(text)
    zh, en = parts
    number = shared_number(zh, en) if numbered else ""
    repeated = Markup('<span class="{}">{}</span>').format(REPEATED, number) if number else Markup("")
    return Markup(
        '<span class="lang-zh" lang="{}">{}</span><span class="lang-sep"> | </span>'
        '<span class="lang-en" lang="{}">{}{}</span>'
    ).format(BCP47["zh"], zh, BCP47["en"], repeated, en.removeprefix(number))


class Words(NullTranslations):
    """A gettext catalog in two languages at once."""

    def gettext(self, message: str) -> str:
        answer = bilingual(str(message))
        if answer is None:
            _log.warning(
                "theme word %r has no Chinese twin: add it to %s.TABLE", message, __name__, type="bilingual"
            )
            return message
        return answer

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        return self.gettext(singular if n == 1 else plural)


def install(app: Sphinx, config) -> None:
    """Put `Words` in the place of the catalogs of Sphinx and of the theme."""
    words = Words()
    app.translator = words
    for catalog in ("sphinx", "booktheme"):
        locale.translators["general", catalog] = words


def setup(app: Sphinx) -> None:
    """Install the words once the configuration stands, before any builder exists."""
    app.connect("config-inited", install)
