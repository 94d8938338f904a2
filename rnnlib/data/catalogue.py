"""The corpora known by name: what each is, where it comes from, and where it lies on this computer."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

TEXTS = Path(__file__).with_name("texts")  # what ships inside the package


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
    """One corpus of the catalogue.

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
    urls: tuple[str, ...] = ()
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


def _on_github(repository: str, commit: str, path: str) -> tuple[str, str]:
    """The raw file on GitHub, and its mirror, which can be reached from China."""
    path = quote(path)
    return (
        f"https://raw.githubusercontent.com/{repository}/{commit}/{path}",
        f"https://cdn.jsdelivr.net/gh/{repository}@{commit}/{path}",
    )


CATALOGUE: dict[str, CatalogueEntry] = {
    entry.name: entry
    for entry in (
        CatalogueEntry(
            name="time_machine",
            title="《时间机器》H. G. 威尔斯 | The Time Machine, by H. G. Wells",
            language="en",
            licence="公有领域 | public domain",
            file_name="timemachine.txt",
            sha1="090b5e7e70c295757f55df93cb0a180b9691891a",
            form="glued",
            urls=(
                *_on_github(
                    "d2l-ai/d2l-zh", "5918a8b9e8dd92e5085c15118e76c919b04f09a7", "data/timemachine.txt"
                ),
                "http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
            ),
            substitute="tale",
        ),
        CatalogueEntry(
            name="tang300",
            title="《唐诗三百首》 | Three Hundred Tang Poems",
            language="zh",
            licence="诗文属公有领域，文件为 MIT 许可 | poems: public domain; file: chinese-poetry, MIT",
            file_name="tangshisanbaishou.json",
            sha1="487e0327abde8e704c39aaefb66c2a1282fb3da6",
            form="poems",
            urls=_on_github(
                "chinese-poetry/chinese-poetry",
                "99ebbef7e1345c0985c44b9fd96a3f9e776f117b",
                "蒙学/tangshisanbaishou.json",
            ),
            substitute="verse",
            package="opencc",
        ),
        CatalogueEntry(
            name="jay_lyrics",
            title="周杰伦歌词 | Jay Chou's lyrics",
            language="zh",
            licence="受版权保护，点名才下载，供个人学习 | copyrighted: fetched by name, for private study",
            file_name="jaychou_lyrics.txt.zip",
            sha1="9529987e701a4f37048ab778270a5dde9a762a0b",
            form="songs",
            urls=_on_github(
                "d2l-ai/d2l-zh", "66964df083b506fcc672132851ea171519d48d0b", "data/jaychou_lyrics.txt.zip"
            ),
        ),
        CatalogueEntry(
            name="tale",
            title="《蓝罐子里的猪》，为本书写的故事 | The Pig in the Blue Jar, written for this book",
            language="en",
            licence="CC0（公有领域） | CC0 (public domain)",
            file_name="tale.txt",
        ),
        CatalogueEntry(
            name="verse",
            title="为本书写的中文诗 | Chinese verse written for this book",
            language="zh",
            licence="CC0（公有领域） | CC0 (public domain)",
            file_name="verse.txt",
        ),
    )
}


def available_corpora() -> list[CatalogueEntry]:
    """Every corpus that has a name; the ``where`` of an entry says where it is now."""
    return list(CATALOGUE.values())
