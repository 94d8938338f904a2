"""The corpora known by name: what each is, where it comes from, and where it lies on this computer."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TEXTS = Path(__file__).with_name("texts")  # what ships inside the package: embedded texts and the catalogue


def sha1_of(data: bytes) -> str:
    """SHA-1 of ``data`` as 40 hexadecimal digits. It tells files apart; it is no defence against forgery."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def is_installed(package: str) -> bool:
    """Whether a package can be imported here."""
    return importlib.util.find_spec(package) is not None


def local_folder() -> Path | None:
    """The reader's own folder of corpora, ``$RNNLIB_DATA``; None where it is not set.

    Raises:
        ValueError: if it begins with ``~`` and a user who is not known here.
    """
    value = os.environ.get("RNNLIB_DATA", "")
    folder = os.path.expanduser(value)
    if folder.startswith("~"):
        raise ValueError(
            f"RNNLIB_DATA={value!r} begins with the home folder of a user who is not known here. Set it to "
            "the full path of a folder, or unset it."
        )
    return Path(folder) if value else None


def cache_folder() -> Path:
    """Where downloads are kept: the system's cache folder (platformdirs), else ``~/.cache/rnnlib``."""
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return Path.home() / ".cache" / "rnnlib"
    return user_cache_path("rnnlib", appauthor=False)


@dataclass(frozen=True)
class CatalogueEntry:
    """One corpus of the catalogue, ``texts/catalogue.json``.

    Attributes:
        name: what :func:`load_corpus` calls it.
        title: title and author, Chinese | English.
        language: ``"en"`` or ``"zh"``.
        licence: who may do what with it, Chinese | English.
        file_name: name of its file in ``$RNNLIB_DATA``, in the cache or in the package.
        sha1: checksum of that file; None for a text that ships inside the package.
        form: ``"prose"``; ``"glued"`` for prose whose lines are joined without a space, as in the published
            runs; ``"poems"`` for a chinese-poetry anthology in JSON; ``"songs"`` for lyrics in a zip.
        urls: where it can be downloaded; empty for a text that ships inside the package.
        substitute: name of the embedded text that stands in when the file cannot be had, or None.
        package: a package that preparing the text needs, or None.
    """

    name: str
    title: str
    language: str
    licence: str
    file_name: str
    sha1: str | None = None
    form: str = "prose"
    urls: Sequence[str] = ()
    substitute: str | None = None
    package: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the text ships inside the package."""
        return self.sha1 is None

    @property
    def where(self) -> str:
        """Where a good copy is now: ``"local"``, ``"cached"``, ``"embedded"`` or ``"not here"``."""
        if self.is_embedded:
            return "embedded"
        for folder, answer in ((local_folder(), "local"), (cache_folder(), "cached")):
            with contextlib.suppress(OSError):
                if folder and sha1_of((folder / self.file_name).read_bytes()) == self.sha1:
                    return answer
        return "not here"


CATALOGUE: dict[str, CatalogueEntry] = {
    fields["name"]: CatalogueEntry(**fields)
    for fields in json.loads((TEXTS / "catalogue.json").read_text(encoding="utf-8"))
}


def available_corpora() -> list[CatalogueEntry]:
    """Every corpus that has a name; the ``where`` of an entry says where it is now."""
    return list(CATALOGUE.values())
