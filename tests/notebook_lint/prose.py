"""Take a Markdown cell apart: formulas, code, links, numbers, blocks, and the plain text between them."""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

CJK = r"\u3400-\u4dbf\u4e00-\u9fff"
CODE, MATH = "\ue000", "\ue001"  # stand for a piece of code or a formula in the plain text
EDGE = "\ue002"  # where bold or italic type begins or ends

_markdown = (
    MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, double_inline=True).use(amsmath_plugin)
)
_COUNTED = {
    "paragraph_open": "paragraphs",
    "list_item_open": "list items",
    "tr_open": "table rows",
    "blockquote_open": "quotations",
    "html_block": "HTML blocks",
}


@dataclass
class Prose:
    """What stands in one Markdown cell.

    Attributes:
        marked: the text of each paragraph, list item or table cell; CODE, MATH and EDGE are placeholders.
        formulas: formulas, without spaces and without words inside ``\\text{}``.
        code: inline code.
        fences: code blocks, as pairs (language, content).
        links: addresses of links and pictures.
        html: HTML, as it stands.
        blocks: how many paragraphs, list items, table rows and so on.
        kinds: the types of the outermost blocks.
        headings: how many headings.
        headers: the header cells of tables, as they stand.
    """

    marked: list[str] = field(default_factory=list)
    formulas: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    fences: list[tuple[str, str]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    blocks: Counter = field(default_factory=Counter)
    kinds: list[str] = field(default_factory=list)
    headings: int = 0
    headers: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The same texts without the marks of bold and italic type."""
        return [text.replace(EDGE, "") for text in self.marked]

    @property
    def text(self) -> str:
        """All text as one, one block a line."""
        return "\n".join(self.texts)


def read_prose(source: str) -> Prose:
    """Parse the source of a Markdown cell."""
    prose = Prose()
    tokens = _markdown.parse(source)
    for before, token in zip([None, *tokens], tokens):
        if token.level == 0 and token.nesting >= 0:
            prose.kinds.append(token.type)
        if token.type in _COUNTED:
            prose.blocks[_COUNTED[token.type]] += 1
        if token.type == "heading_open":
            prose.headings += 1
        elif token.type == "inline":
            prose.marked.append(_read_inline(token, prose))
            if before and before.type == "th_open":
                prose.headers.append(token.content.strip())
        elif token.type in ("math_block", "math_block_label", "amsmath"):
            prose.formulas.append(_formula(token.content))
        elif token.type in ("fence", "code_block"):
            prose.fences.append((token.info.strip().split(" ")[0], token.content))
        elif token.type == "html_block":
            prose.html.append(token.content)
            prose.marked.append(re.sub(r"<[^>]*>", "", token.content).strip())
            prose.links += re.findall(r"(?:href|src)=[\"']([^\"']+)", token.content)
    return prose


def _read_inline(token: Token, prose: Prose) -> str:
    text = ""
    for child in token.children or []:
        if child.type == "text":
            text += child.content
        elif child.type in ("softbreak", "hardbreak"):
            text += "\n"
        elif child.type in ("strong_open", "strong_close", "em_open", "em_close"):
            text += EDGE
        elif child.type == "code_inline":
            prose.code.append(child.content)
            text += CODE
        elif child.type in ("math_inline", "math_inline_double"):
            prose.formulas.append(_formula(child.content))
            text += MATH
        elif child.type == "link_open":
            prose.links.append(str(child.attrs["href"]))
        elif child.type == "image":
            prose.links.append(str(child.attrs["src"]))
        elif child.type == "html_inline":
            prose.links += re.findall(r"(?:href|src)=[\"']([^\"']+)", child.content)
    return text


def _formula(content: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"\\(text|mbox|textrm)\{[^{}]*\}", r"\\text{}", content))


_CHINESE_DIGITS = dict(zip("零一二三四五六七八九十", range(11))) | {"两": 2, "双": 2}
_WORDS = {
    word: value
    for value, words in {
        0: "zero",
        1: "one once single first january",
        2: "two twice double second pair both february",
        3: "three thrice third march",
        4: "four fourth april",
        5: "five fifth may",
        6: "six sixth june",
        7: "seven seventh july",
        8: "eight eighth august",
        9: "nine ninth september",
        10: "ten tenth october",
        11: "eleven eleventh november",
        12: "twelve twelfth december",
    }.items()
    for word in words.split()
}
_FACTORS = {"万": 1e4, "亿": 1e8, "千": 1e3, "百": 1e2, "百万": 1e6, "十亿": 1e9}
_FACTORS |= {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9}
_NUMBER = re.compile(
    r"(\d+(?:,\d{3})*(?:\.\d+)?)\s?(十亿|百万|[万亿千百](?!分)|(?:hundred|thousand|million|billion)\b)?"
)


def numbers(text: str) -> set[float]:
    """The values of the numbers written in digits; 1.7 万 is 17,000, 20 世纪 90 年代 is 1990."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"(\d\d) ?世纪 ?(\d0) ?年代", lambda m: str((int(m[1]) - 1) * 100 + int(m[2])), text)
    return {
        round(float(digits.replace(",", "")) * _FACTORS.get(factor, 1), 12)
        for digits, factor in _NUMBER.findall(text)
    }


def spelled(text: str) -> set[float]:
    """The small numbers that may be meant by the words of a text, in either language."""
    words = {_WORDS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _WORDS}
    found = words | {value for sign, value in _CHINESE_DIGITS.items() if sign in text}
    if "十一" in text or "十二" in text:
        found |= {11, 12}
    return {float(value) for value in found}


def code_skeleton(language: str, content: str) -> tuple:
    """A code block without comments, quoted texts and empty lines: what two languages have in common."""
    if language.lower() not in ("", "python", "py"):
        return (language, len(content.strip().splitlines()))
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    try:
        found = tokenize.generate_tokens(io.StringIO(content).readline)
        return tuple(token.string for token in found if token.type not in skip)
    except (tokenize.TokenError, SyntaxError):
        return (language, len(content.strip().splitlines()))
