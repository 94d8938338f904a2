"""Turn the bytes of a corpus file into lines of text that are ready to be tokenized."""

from __future__ import annotations

import io
import json
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from rnnlib.data.text import clean_lines

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_NOTE = re.compile("[(（][^()（）]*[)）]")


class Prepared(NamedTuple):
    """Lines of text, what joins them into one sequence of characters, and which letters cleaning removed."""

    lines: list[str]
    joiner: str = "\n"
    dropped: tuple[tuple[str, int], ...] = ()


def decode(data: bytes, what: str) -> str:
    """UTF-8 bytes as text, without a byte-order mark; ``what`` names them in the error.

    Raises:
        ValueError: if they are an archive, not UTF-8, or hold NUL bytes.
    """
    if data.startswith(b"PK\x03\x04"):
        raise ValueError(f"{what} is a zip archive or an office document; give a text file in UTF-8.")
    try:
        text = data.decode("utf-8-sig")
        if (offset := data.find(b"\0")) < 0:
            return text
    except UnicodeDecodeError as error:
        offset = error.start
    guess = guess_encoding(data)
    raise ValueError(
        f"{what} is not text in UTF-8: the byte at offset {offset:,} is 0x{data[offset]:02x}. If it is text "
        f"in another encoding, perhaps {guess!r}, save it as UTF-8, or read it in Python yourself: "
        f"corpus_from_string(Path(...).read_text(encoding={guess!r}))."
    )


def guess_encoding(data: bytes) -> str:
    """What bytes that are no UTF-8 may be: ``"utf-16"``, ``"gb18030"`` or ``"cp1252"``."""
    if b"\0" in data:
        return "utf-16"
    return "gb18030" if guess_language(data.decode("gb18030", errors="replace")) == "zh" else "cp1252"


def guess_language(text: str) -> str:
    """``"zh"`` if Chinese characters carry most of the text, else ``"en"``.

    A Chinese character counts for three Latin letters, which is about what it stands for.
    """
    return language_of(Counter(text))


def language_of(counts: Mapping[str, int]) -> str:
    """What :func:`guess_language` says of a text with these counts of characters."""
    han = sum(n for character, n in counts.items() if _HAN.match(character))
    latin = sum(n for character, n in counts.items() if character.isascii() and character.isalpha())
    return "zh" if 3 * han > latin else "en"


def prepare(text: str, language: str, clean: bool, what: str) -> Prepared:
    """The lines of a text; ``clean`` reduces English to letters and drops lines without any text.

    Raises:
        ValueError: if the text has no letters, or if cleaning would lose most of them.
    """
    counts = Counter(unicodedata.normalize("NFC", text))  # where ä is one letter, however it was typed
    dropped = check_letters(counts, language, clean, what, len(text))
    if not clean:
        return Prepared(text.splitlines())
    if language == "zh":
        return Prepared([line for line in map(str.strip, text.splitlines()) if line])
    return Prepared([line for line in clean_lines(text) if line], " ", dropped)


def check_letters(
    counts: Mapping[str, int], language: str, clean: bool, what: str, length: int
) -> tuple[tuple[str, int], ...]:
    """The letters that cleaning will remove, with their counts, the most frequent first.

    Args:
        counts: how often each character of the text in NFC occurs.
        language, clean, what: as for :func:`prepare`.
        length: characters of the text as it came.

    Raises:
        ValueError: as :func:`prepare` does.
    """
    letters = {character: n for character, n in counts.items() if character.isalpha()}
    if not letters:
        raise ValueError(f"{what} holds no text: {length:,} characters and not one letter among them.")
    if not clean or language == "zh":
        return ()
    dropped = sorted(
        ((character, n) for character, n in letters.items() if not character.isascii()),
        key=lambda pair: (-pair[1], pair[0]),
    )
    total = sum(letters.values())
    kept = total - sum(n for _, n in dropped)
    if kept < total / 2:
        raise ValueError(
            f"{what}: cleaning for language='en' would keep {kept:,} of {total:,} letters. For Chinese give "
            "language='zh' (command line: --language zh); for any other language give clean=False (command "
            "line: --no-clean), which keeps every character."
        )
    return tuple(dropped)


def prepare_file(data: bytes, form: str, language: str, clean: bool, what: str) -> Prepared:
    """The lines of a file of the catalogue, whose bytes are verified.

    Args:
        data: the bytes.
        form: see :class:`~rnnlib.data.catalogue.CatalogueEntry`.
        language, clean, what: as for :func:`prepare`.
    """
    if form == "songs":  # cut at line feeds and joined by spaces, they are the published text
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            text = decode(archive.read(archive.namelist()[0]), what)
        return Prepared(text.replace("\r", " ").split("\n"), " ")
    text = decode(data, what)
    if form == "poems":
        poems = [
            "".join(poem["paragraphs"]) for part in json.loads(text)["content"] for poem in part["content"]
        ]
        return Prepared(_plain_poems(poems) if clean else poems)
    if form == "glued" and clean:
        return Prepared(clean_lines(text), "")
    return prepare(text, language, clean, what)


def _plain_poems(poems: list[str]) -> list[str]:
    """Poems in simplified characters (OpenCC), without spaces and the editor's notes in round brackets."""
    from opencc import OpenCC

    text = "\n".join(re.sub(r"\s+", "", _NOTE.sub("", poem)) for poem in poems)
    return OpenCC("t2s").convert(text).split("\n")
