"""Load a corpus by its name, from a file or from a string, cleaned and ready to be tokenized."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from rnnlib.data.catalogue import CATALOGUE, sha1_of
from rnnlib.data.parsing import Prepared, decode, guess_language, prepare, prepare_file
from rnnlib.data.sources import find
from rnnlib.data.text import tokenize


@dataclass(frozen=True, repr=False)
class Corpus:
    """A text that is ready to be tokenized, and where it came from.

    Attributes:
        name: what was asked for: a name of the catalogue, a file name, or ``"string"``.
        lines: the lines of the text; in a collection of poems, one poem a line.
        joiner: put between the lines when they become one sequence of characters: ``" "`` for cleaned
            English and the lyrics, ``""`` for ``time_machine`` (as in the published runs), ``"\\n"`` for
            everything else.
        language: ``"en"`` or ``"zh"``.
        source: ``"local"`` ($RNNLIB_DATA), ``"cache"``, ``"download"``, ``"embedded"``, ``"file"`` or
            ``"string"``.
        origin: the path it was read from.
        is_substitute: whether an embedded text stands in for the one that was asked for.
        dropped: letters that cleaning English removed, as (character, count), the most frequent first.
    """

    name: str
    lines: tuple[str, ...]
    joiner: str
    language: str
    source: str
    origin: str
    is_substitute: bool = False
    dropped: tuple[tuple[str, int], ...] = ()

    @property
    def text(self) -> str:
        """The whole text as one string."""
        return self.joiner.join(self.lines)

    @property
    def checksum(self) -> str:
        """SHA-1 of :attr:`text` as UTF-8, 40 hexadecimal digits: equal for equal texts, wherever they lie."""
        return sha1_of(self.text.encode("utf-8", "surrogatepass"))

    def tokens(self, level: str = "char") -> list[str]:
        """The text as one flat sequence of tokens.

        Args:
            level: ``"char"`` or ``"word"``. Words are what stands between spaces; they never run over the
                end of a line.

        Raises:
            ValueError: if the level is unknown, or words are wanted of Chinese, which has no spaces.
        """
        if level == "char":
            return tokenize([self.text])[0]
        if level == "word" and self.language == "zh":
            raise ValueError(
                "level='word' splits at spaces, and Chinese has none between words. Use level='char'; for "
                "text that is segmented already, give language='en' and clean=False (command line: "
                "--language en --no-clean)."
            )
        return [token for line in tokenize(self.lines, level) for token in line]

    def __repr__(self) -> str:
        stand_in = ", a substitute" if self.is_substitute else ""
        return (
            f"Corpus({self.name!r}, {len(self.lines):,} lines, {len(self.text):,} characters, "
            f"{self.language}, {self.source}{stand_in})"
        )


def load_corpus(
    name: str | Path = "time_machine",
    *,
    fallback: bool = True,
    clean: bool = True,
    language: str | None = None,
) -> Corpus:
    """Load a corpus of the catalogue by its name, or any UTF-8 text file by its path.

    A named corpus is searched for in ``$RNNLIB_DATA``, in the cache, and on the network, and its checksum is
    verified each time. If it cannot be had, an embedded text stands in and a notice says so.

    Args:
        name: a name of :func:`available_corpora`, or the path of a text file.
        fallback: let the embedded text stand in; False raises instead.
        clean: English to lower-case letters and single spaces, Chinese lines stripped, lines without any text
            dropped, poems without the editor's notes and in simplified characters. False leaves the text as
            it is.
        language: ``"en"`` or ``"zh"`` for a file; guessed from its characters by default.

    Raises:
        ValueError: for a name that is neither, a language that does not fit, a file that is not UTF-8 or
            holds no text.
        FileNotFoundError: if there is no such file.
        CorpusUnavailable: if a named corpus cannot be had and nothing stands in, or the file in
            ``$RNNLIB_DATA`` has the wrong checksum.
    """
    _check_language(language)
    if isinstance(name, str) and name in CATALOGUE:
        entry = CATALOGUE[name]
        if language not in (None, entry.language):
            raise ValueError(f"language={language!r} does not fit {name!r}, which is {entry.language!r}.")
        found = find(entry, fallback=fallback, clean=clean)
        prepared = prepare_file(found.data, found.entry.form, entry.language, clean, found.origin)
        substitute = found.entry is not entry
        return _corpus(prepared, name, entry.language, found.source, found.origin, substitute)
    if not isinstance(name, (str, Path)):
        raise TypeError(f"name={name!r} must be a name or a path, not {type(name).__name__}.")
    path = Path(os.path.expanduser(name))
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the path of one text file.")
    if not path.exists():
        if isinstance(name, str) and not path.suffix and len(path.parts) == 1:
            raise ValueError(_unknown_name(name))
        raise FileNotFoundError(f"there is no file {path} (looked for {path.absolute()}).")
    text = decode(path.read_bytes(), str(path))
    language = language or guess_language(text)
    return _corpus(prepare(text, language, clean, str(path)), path.name, language, "file", str(path))


def corpus_from_string(
    text: str, *, language: str | None = "en", clean: bool = True, name: str = "string"
) -> Corpus:
    """A corpus from text at hand; the arguments are those of :func:`load_corpus`.

    Example:
        >>> corpus_from_string("Now, then!").tokens("word")
        ['now', 'then']
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, not {type(text).__name__}.")
    _check_language(language)
    language = language or guess_language(text)
    return _corpus(prepare(text, language, clean, repr(name)), name, language, "string", name)


def _check_language(language: str | None) -> None:
    if language not in (None, "en", "zh"):
        raise ValueError(f"language={language!r} is not known; use 'en' or 'zh'.")


def _corpus(
    prepared: Prepared, name: str, language: str, source: str, origin: str, is_substitute: bool = False
) -> Corpus:
    lines, joiner, dropped = prepared
    return Corpus(name, tuple(lines), joiner, language, source, origin, is_substitute, dropped)


def _unknown_name(name: str) -> str:
    close = difflib.get_close_matches(name, CATALOGUE, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"there is no corpus {name!r}.{hint} Known: {', '.join(CATALOGUE)}. "
        "For a text file of your own give its path, such as 'my_text.txt'; for a string in Python use "
        "corpus_from_string(text)."
    )
