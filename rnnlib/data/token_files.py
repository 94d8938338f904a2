"""Token files: a text of any size as token indices on the disk, written in a stream, mapped for training.

A file is: the 8 bytes ``rnntok1\\n``; the length of the header, 8 bytes, little-endian; the SHA-256 of the
header, 32 bytes; the header, JSON, filled up with spaces so that the tokens begin at a multiple of 4096; the
tokens, uint8, uint16 or int32, little-endian. The header holds the vocabulary, so the file is all that
training needs. It is cut and cleaned exactly as :func:`rnnlib.load_text` does.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import re
import struct
import sys
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from rnnlib.common import check_at_least, printable, replacing
from rnnlib.data.mapped import WIDTHS, MappedTokens
from rnnlib.data.parsing import check_letters, guess_encoding, language_of
from rnnlib.data.text import Vocab

MAGIC = b"rnntok1\n"
FORMAT = "rnnlib-tokens-1"
CHUNK = 2**20  # bytes that are read at a time
PAGE = 4096  # the tokens begin at a multiple of it
DAMAGE = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
CODES = {"uint8": ("B", "latin-1"), "uint16": ("H", "utf-16-le"), "int32": ("i", "utf-32-le")}

_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"  # where str.splitlines splits
_SPACE_WITH_BREAK = re.compile(rf"[^\S{_BREAKS}]*[{_BREAKS}]\s*")
_BREAK = re.compile(rf"\r\n|[{_BREAKS}]")
_NON_LETTERS = re.compile("[^A-Za-z]+")
_LAST_SPACE = re.compile(r"\s\S*\Z")


class TokenFile:
    """A token file, opened: for :func:`rnnlib.load_text` and ``python -m rnnlib train`` in place of a text.

    Args:
        path: of the file.
        verify: read all tokens once and compare their checksum, at about one gigabyte a second.

    Attributes:
        name, language, joiner, dropped, checksum, origin, is_substitute: as of a :class:`rnnlib.Corpus`; the
            checksum is that of the text.
        level: ``"char"`` or ``"word"``.
        clean: whether the text was cleaned.
        vocab: the vocabulary.
        indices: all tokens, mapped.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no token file, or a damaged one.
    """

    is_substitute = False
    source = "file"

    def __init__(self, path: str | os.PathLike[str], verify: bool = True):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path} (looked for {path.absolute()}).")
        with path.open("rb") as file:
            header, start = _header(file, path)
            try:
                self._take(header, start, path)
                end = start + self.count * WIDTHS[self.dtype].itemsize
                if path.stat().st_size != end:
                    raise ValueError(f"{path.stat().st_size:,} bytes instead of {end:,}")
                self.indices = MappedTokens(file, start, self.count, self.dtype)
            except DAMAGE as error:
                raise ValueError(_damaged(path, f"{type(error).__name__}: {printable(error)}")) from error
            if verify and _digest(file, start) != header["sha256"]:
                raise ValueError(_damaged(path, "its tokens do not match the checksum stored with them"))

    def _take(self, header: dict[str, Any], start: int, path: Path) -> None:
        """The fields of a header."""
        self.name, self.language, self.level = header["name"], header["language"], header["level"]
        self.clean, self.joiner, self.checksum = header["clean"], header["joiner"], header["text_sha1"]
        self.dropped = tuple((letter, int(count)) for letter, count in header["dropped"])
        self.vocab = Vocab.from_list(header["vocab"]["tokens"], header["vocab"]["freqs"])
        self.dtype, self.count, self.origin = header["dtype"], header["count"], str(path)
        check_at_least(1, count=self.count)
        if self.level not in ("char", "word") or _dtype(len(self.vocab)) != self.dtype:
            raise ValueError(f"level {self.level!r} and dtype {self.dtype!r} with V = {len(self.vocab)}")

    def __repr__(self) -> str:
        return f"TokenFile({self.name!r}, {self.count:,} tokens, V={len(self.vocab):,}, {self.dtype})"


def is_token_file(path: Any) -> bool:
    """Whether a path leads to a file that begins as a token file does."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, TypeError, ValueError):
        return False


def write_token_file(
    text: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    level: str = "char",
    language: str | None = None,
    clean: bool = True,
    encoding: str = "utf-8",
    min_freq: int = 0,
) -> TokenFile:
    """Make a token file from a text file, however large, in a small and constant memory.

    The text is read three times: its characters are counted, its tokens are counted, its tokens are written.
    The file takes its name when it is complete and was read back. The vocabulary has to fit into memory.

    Args:
        text: a text file.
        target: the token file; an older one is replaced at the end.
        level, language, clean, min_freq: as for :func:`rnnlib.load_text`.
        encoding: of the text, such as ``"gb18030"``; any that Python knows.

    Returns:
        The file, opened.

    Raises:
        ValueError: if the file is not text in that encoding, holds no text, or changes meanwhile; or as
            :func:`rnnlib.load_text` does.
        FileNotFoundError: if there is no such text, or no folder for the target.
        OSError: if the target cannot be written.
    """
    text, target = Path(os.path.expanduser(text)), Path(target)
    if not text.is_file():
        raise FileNotFoundError(f"there is no file {text} (looked for {text.absolute()}).")
    if level not in ("char", "word"):
        raise ValueError(f"level={level!r} is not known; use 'char' or 'word'.")
    if language not in (None, "en", "zh"):
        raise ValueError(f"language={language!r} is not known; use 'en' or 'zh'.")
    check_at_least(0, min_freq=min_freq)
    if target.exists() and text.samefile(target):
        raise ValueError(f"{str(target)!r} is the text itself; give the token file another name.")
    if os.path.getsize(text) == 0:
        raise ValueError(f"{text} holds no text: it is empty.")
    language, dropped = _survey(text, encoding, language, clean)
    if level == "word" and language == "zh":
        raise ValueError(
            "level='word' splits at spaces, and Chinese has none between words. Use level='char'; for text "
            "that is segmented already, give language='en' and clean=False (command line: --language en "
            "--no-clean)."
        )

    def parts() -> Iterator[str]:
        return cleaned(_decoded(text, encoding), language, clean)

    freqs, sha1 = _count(parts(), level)
    vocab = Vocab.from_list([Vocab.UNK, *(t for t, n in freqs if n >= min_freq and t != Vocab.UNK)], freqs)
    header = {
        "format": FORMAT,
        "name": text.name,
        "level": level,
        "language": language,
        "clean": clean,
        "joiner": " " if clean and language == "en" else "\n",
        "dropped": dropped,
        "dtype": _dtype(len(vocab)),
        "count": sum(n for _, n in freqs),
        "text_sha1": sha1,
        "sha256": "0" * 64,
        "vocab": {"tokens": vocab.idx_to_token, "freqs": freqs},
    }
    with replacing(target) as part:
        with part.open("wb+") as file:
            start = file.write(_head(header))
            again, digest = hashlib.sha1(), hashlib.sha256()
            for chunk in _encode(_hashed(parts(), again), vocab, level, header["dtype"]):
                file.write(chunk)
                digest.update(chunk)
            if again.hexdigest() != sha1:
                raise ValueError(f"{text} was changed while it was read; try again when it is left alone.")
            header["sha256"] = digest.hexdigest()
            file.seek(0)
            file.write(_head(header))
            file.flush()
            os.fsync(file.fileno())
            if _digest(file, start) != header["sha256"]:
                raise OSError(f"{str(target)!r} could not be written: what was read back is something else.")
        TokenFile(part, verify=False)
    return TokenFile(target, verify=False)


def cleaned(parts: Iterable[str], language: str, clean: bool) -> Iterator[str]:
    """The text of a corpus, ``Corpus.text``, from a text that comes in parts, cut anywhere.

    What cleaning does to lines is said here without lines, so that a line may be as long as the text: for
    cleaned English, what is no letter is one space; for cleaned Chinese, space around a line break is that
    break; otherwise every kind of break is a line feed. Space at the end of a part waits for the next one.
    """
    kept, begun = "", False
    for part in parts:
        part = kept + part
        if clean and language == "en":
            part = _NON_LETTERS.sub(" ", part)
            body = part.removesuffix(" ").lower()
        elif clean:
            body = part.rstrip()
        else:
            body = part[:-2] if part.endswith("\r\n") else part[:-1] if part[-1:] in tuple(_BREAKS) else part
        kept = part[len(body) :]
        if clean and language == "zh":
            body = _SPACE_WITH_BREAK.sub("\n", body)
        elif not clean:
            body = _BREAK.sub("\n", body)
        if clean and not begun:
            body = body.lstrip()
        begun = begun or bool(body)
        if body:
            yield body


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    """A text file in parts of a megabyte, without a byte-order mark."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ValueError(f"encoding={encoding!r} is not known; use 'utf-8' or 'gb18030'.") from None
    decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
    offset = 0
    with path.open("rb") as file:
        while True:
            data = file.read(CHUNK)
            if offset == 0 and data.startswith(b"PK\x03\x04"):
                raise ValueError(f"{path} is a zip archive or an office document; give a text file.")
            held = len(decoder.getstate()[0])
            try:
                part = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                place = max(offset - held + error.start, 0)
                raise ValueError(_undecodable(path, encoding, place, data)) from error
            if name == "utf-8" and "\0" in part:
                raise ValueError(_undecodable(path, encoding, offset + max(data.find(b"\0"), 0), data))
            if part:
                yield part
            if not data:
                return
            offset += len(data)


def _undecodable(path: Path, encoding: str, place: int, data: bytes) -> str:
    guess = guess_encoding(data)
    if guess == encoding:
        guess = "utf-8"
    return (
        f"{path} is not text in {encoding}: see the byte at offset {place:,}. If it is text in another "
        f"encoding, perhaps {guess!r}, give encoding={guess!r}."
    )


def _survey(
    path: Path, encoding: str, language: str | None, clean: bool
) -> tuple[str, tuple[tuple[str, int], ...]]:
    """The language of a text, and the letters that cleaning will remove from it."""
    counts: Counter[str] = Counter()
    composed: Counter[str] = Counter()
    kept, length = "", 0
    for part in _decoded(path, encoding):
        counts.update(dict(count_characters(part)))
        length += len(part)
        part = kept + part
        cut = _safe_cut(part)
        composed.update(_composed(part[:cut]))
        kept = part[cut:]
    composed.update(_composed(kept))
    language = language or language_of(counts)
    return language, check_letters(composed, language, clean, str(path), length)


def _safe_cut(text: str) -> int:
    """A place near the end where NFC joins nothing: before a character of ASCII, which never joins what is
    before it. A part without one waits for the next."""
    for place in range(len(text) - 1, -1, -1):
        if text[place] < "\x80" or "\u4e00" <= text[place] <= "\u9fff":
            return place
    return 0


def _composed(text: str) -> dict[str, int]:
    return dict(count_characters(text if text.isascii() else unicodedata.normalize("NFC", text)))


def count_characters(text: str) -> list[tuple[str, int]]:
    """The characters of a text and how often each occurs, in the order of their first appearance."""
    if not text:
        return []
    codes = torch.frombuffer(bytearray(text.encode("utf-32-le", "surrogatepass")), dtype=torch.int32)
    counts = torch.bincount(codes)
    found = {chr(code): int(counts[code]) for code in counts.nonzero().flatten().tolist()}
    return [(character, found[character]) for character in sorted(found, key=text.index)]


def _count(parts: Iterable[str], level: str) -> tuple[list[tuple[str, int]], str]:
    """Tokens with their frequencies as a Vocab orders them, and the SHA-1 of the text."""
    counts: Counter[str] = Counter()
    sha1 = hashlib.sha1()
    for part in _tokens(_hashed(parts, sha1), level):
        counts.update(dict(count_characters(part)) if level == "char" else part)
    return sorted(counts.items(), key=lambda pair: -pair[1]), sha1.hexdigest()


def _hashed(parts: Iterable[str], digest: Any) -> Iterator[str]:
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass"))
        yield part


def _tokens(parts: Iterable[str], level: str) -> Iterator[Any]:
    """The tokens of a text part by part: a string of characters, or a list of words."""
    if level == "char":
        yield from parts
        return
    kept = ""
    for part in parts:
        part = kept + part
        last = _LAST_SPACE.search(part)
        cut = last.start() if last else 0
        yield part[:cut].split()
        kept = part[cut:]
    yield kept.split()


def _encode(parts: Iterable[str], vocab: Vocab, level: str, dtype: str) -> Iterator[bytes]:
    """The bytes of the tokens. Characters are translated into those whose codes are the indices."""
    kind, codec = CODES[dtype]
    if level == "char":
        table = _Table({ord(token): chr(i) for token, i in vocab.token_to_idx.items() if len(token) == 1})
        for part in parts:
            yield part.translate(table).encode(codec, "surrogatepass")
        return
    for words in _tokens(parts, level):
        numbers = array(kind, map(vocab.__getitem__, words))
        if sys.byteorder == "big":
            numbers.byteswap()
        yield numbers.tobytes()


class _Table(dict):
    """A table for ``str.translate`` that sends what it does not hold to index 0, the unknown token."""

    def __missing__(self, code: int) -> str:
        return "\0"


def _dtype(vocab_size: int) -> str:
    return "uint8" if vocab_size <= 2**8 else "uint16" if vocab_size <= 2**16 else "int32"


def _head(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    before = len(MAGIC) + 8 + 32
    text = text.ljust((before + len(text) + PAGE - 1) // PAGE * PAGE - before)
    return MAGIC + struct.pack("<Q", len(text)) + hashlib.sha256(text).digest() + text


def _header(file: Any, path: Path) -> tuple[dict[str, Any], int]:
    """The header of an open token file, and where its tokens begin, in bytes."""
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError(f"{path} is no token file; make one with: python -m rnnlib tokens TEXT {path}")
    size, digest = int.from_bytes(file.read(8), "little"), file.read(32)
    text = file.read(size) if size <= os.path.getsize(path) else b""
    if len(text) != size or hashlib.sha256(text).digest() != digest:
        raise ValueError(_damaged(path, "its header does not match the checksum stored with it"))
    header = json.loads(text)
    if header.get("format") != FORMAT:
        raise ValueError(f"{path} is of the format {printable(header.get('format'))}, not {FORMAT}.")
    return header, file.tell()


def _digest(file: Any, start: int) -> str:
    """SHA-256 of a file from a place on."""
    file.seek(start)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> str:
    return f"{path} is damaged: {why}. Make it again: python -m rnnlib tokens TEXT {path}"
