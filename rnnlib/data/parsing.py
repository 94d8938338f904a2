"""Turn the bytes of a corpus file into lines of text that are ready to be tokenized."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib

from rnnlib.data.text import clean_lines

__all__ = [
    "decode",
    "guess_language",
    "lines_of",
    "poems_of",
    "simplify",
    "song_lines",
    "text_in_zip",
]

_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_NOTE = re.compile("[(（][^()（）]*[)）]")
MAX_TEXT_BYTES = 16 << 20  # of one text inside a zip


def decode(data: bytes, what: str) -> str:
    """UTF-8 bytes as text, without a byte-order mark; ``what`` names them in the error."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        guess = _guess_encoding(data)
        raise ValueError(
            f"{what} is not UTF-8: the byte at offset {error.start:,} is 0x{data[error.start]:02x}. If it is "
            f"text in another encoding (perhaps {guess!r}), save it as UTF-8, or read it yourself: "
            f"corpus_from_string(Path(...).read_text(encoding={guess!r}))."
        ) from error


def _guess_encoding(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    sample = data.decode("gb18030", errors="replace")
    return "gb18030" if guess_language(sample) == "zh" else "cp1252"


def guess_language(text: str) -> str:
    """``"zh"`` if Chinese characters carry most of the text, else ``"en"``.

    A Chinese character counts for three Latin letters, which is about what it stands for.
    """
    return "zh" if 3 * len(_HAN.findall(text)) > len(re.findall("[A-Za-z]", text)) else "en"


def lines_of(text: str, language: str, clean: bool, what: str) -> list[str]:
    """The lines of a text; ``clean`` reduces English to letters and drops the empty lines of Chinese.

    Raises:
        ValueError: if the text has no letters, or if cleaning would lose most of them.
    """
    letters = sum(character.isalpha() for character in text)
    if letters == 0:
        raise ValueError(f"{what} holds no text: {len(text):,} characters and not one letter among them.")
    if not clean:
        return text.splitlines()
    if language == "zh":
        return [line for line in map(str.strip, text.splitlines()) if line]
    kept = len(re.findall("[A-Za-z]", text))
    if kept < letters / 2:
        raise ValueError(
            f"{what}: cleaning for language='en' would keep {kept:,} of {letters:,} letters. "
            "Pass language='zh' for Chinese, or clean=False to keep every character of any other language."
        )
    return clean_lines(text)


def simplify(text: str) -> str:
    """Traditional Chinese characters to simplified ones, with OpenCC.

    Raises:
        ImportError: if the package ``opencc`` is not installed.
    """
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise ImportError(
            "simplified characters need the package opencc: pip install opencc, "
            "or pass clean=False to keep the traditional ones."
        ) from error
    return OpenCC("t2s").convert(text)


def poems_of(data: bytes, clean: bool, what: str) -> list[str]:
    """The poems of a chinese-poetry anthology, one a line, in the file's order.

    ``clean`` removes spaces and the editor's notes in round brackets, and converts to simplified characters.

    Raises:
        ValueError: if the bytes are not such a JSON file.
    """
    try:
        sections = json.loads(decode(data, what))["content"]
        poems = ["".join(poem["paragraphs"]) for section in sections for poem in section["content"]]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{what} is not the expected JSON (content -> content -> paragraphs): "
            f"{type(error).__name__}: {error}."
        ) from error
    if not poems:
        raise ValueError(f"{what} is JSON of the expected kind but holds no poems.")
    if clean:
        poems = simplify("\n".join(re.sub(r"\s+", "", _NOTE.sub("", poem)) for poem in poems)).split("\n")
    return poems


def song_lines(text: str) -> list[str]:
    """Lyrics cut at line feeds and otherwise as they are: joined by spaces they are the published text."""
    return text.replace("\r", " ").split("\n")


def text_in_zip(data: bytes, what: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The one UTF-8 text file in a zip archive, unpacked in memory.

    Raises:
        ValueError: if the bytes are no zip archive, or it holds another number of files, or one that is
            damaged or longer than ``max_bytes``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise ValueError(f"{what} holds {len(members)} files; expected one text file.")
            with archive.open(members[0]) as file:
                content = file.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise ValueError(f"{what} is not a readable zip archive: {error}.") from error
    if len(content) > max_bytes:
        raise ValueError(f"{what}: the file inside is longer than the {max_bytes:,} bytes allowed.")
    return decode(content, f"{members[0].filename} in {what}")
