"""Find the file of a corpus: the reader's folder, the cache, a download, and last an embedded text."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rnnlib.data.catalogue import CATALOGUE, CatalogueEntry, cache_folder, embedded_file, local_folder
from rnnlib.data.download import DownloadError, download, sha1_of
from rnnlib.common import notice

__all__ = ["CorpusUnavailable", "Found", "WrongChecksum", "find", "forget_failed_downloads"]

MAX_BYTES = 4 << 20  # no file of the catalogue is longer
_failed_downloads: dict[str, str] = {}  # file name -> reason, so that a second call does not wait again


class CorpusUnavailable(RuntimeError):
    """A corpus could not be had; the message names every source tried and why each failed."""


class WrongChecksum(CorpusUnavailable):
    """The file in ``$RNNLIB_DATA`` is not the file that the catalogue describes."""


class _NotThere(Exception):
    """One source has not got the file; the message says why."""


@dataclass(frozen=True)
class Found:
    """The verified bytes of a corpus file.

    Attributes:
        entry: the catalogue entry that the bytes belong to (the substitute's, if one stands in).
        source: ``"local"``, ``"cache"``, ``"download"`` or ``"embedded"``.
        origin: path or address they were read from.
    """

    entry: CatalogueEntry
    data: bytes
    source: str
    origin: str


def forget_failed_downloads() -> None:
    """Let the next call try the network again after a download has failed in this process."""
    _failed_downloads.clear()


def find(entry: CatalogueEntry, *, fallback: bool = True, obstacle: str | None = None) -> Found:
    """The file of one corpus from the first source that has it.

    Args:
        entry: what is wanted.
        fallback: let the embedded substitute stand in, with a notice; otherwise raise.
        obstacle: why the real file would be of no use here, if so: no source is then searched.

    Raises:
        CorpusUnavailable: if no source has it and no substitute may stand in.
        WrongChecksum: if ``$RNNLIB_DATA`` holds a different file of that name.
    """
    if entry.is_embedded:
        return _embedded(entry)
    tried: list[str] = []
    if obstacle is not None:
        tried.append(obstacle)
    else:
        for name, search in (
            ("$RNNLIB_DATA", _from_local_folder),
            ("cache", _from_cache),
            ("download", _from_network),
        ):
            try:
                return search(entry)
            except _NotThere as reason:
                tried.append(f"{name}: {reason}")
    if fallback and entry.substitute is not None:
        found = _embedded(CATALOGUE[entry.substitute])
        _announce_substitute(entry, found)
        return found
    raise CorpusUnavailable(_failure_report(entry, tried))


def _embedded(entry: CatalogueEntry) -> Found:
    file = embedded_file(entry.file_name)
    return Found(entry, file.read_bytes(), "embedded", str(file))


def _from_local_folder(entry: CatalogueEntry) -> Found:
    folder = local_folder()
    if folder is None:
        raise _NotThere("the variable is not set")
    path = folder / entry.file_name
    if not path.is_file():
        raise _NotThere(f"there is no file {path}")
    data = path.read_bytes()
    if (got := sha1_of(data)) != entry.sha1:
        raise WrongChecksum(
            f"{path} is not the file that {entry.name!r} stands for: expected SHA-1 {entry.sha1}, got {got} "
            f"({len(data):,} bytes). Replace it by the right file, remove it, or unset RNNLIB_DATA; "
            f"to use this file as it is, pass its path: load_corpus({str(path)!r})."
        )
    return Found(entry, data, "local", str(path))


def _from_cache(entry: CatalogueEntry) -> Found:
    path = cache_folder() / entry.file_name
    if not path.is_file():
        raise _NotThere(f"there is no file {path}")
    data = path.read_bytes()
    if (got := sha1_of(data)) != entry.sha1:
        notice(
            f"缓存文件 {path} 已损坏（SHA-1 应为 {entry.sha1}，实为 {got}），不使用它。",
            f"The cached file {path} is damaged (SHA-1 should be {entry.sha1}, is {got}); it is not used.",
        )
        raise _NotThere(f"{path} has the wrong checksum: expected SHA-1 {entry.sha1}, got {got}")
    return Found(entry, data, "cache", str(path))


def _from_network(entry: CatalogueEntry) -> Found:
    if os.environ.get("RNNLIB_OFFLINE", "0") not in ("", "0"):
        raise _NotThere("switched off by RNNLIB_OFFLINE")
    if entry.file_name in _failed_downloads:
        raise _NotThere(
            f"{_failed_downloads[entry.file_name]}\n  (not tried again in this process; "
            "rnnlib.data.forget_failed_downloads() lifts that)"
        )
    try:
        path = download(entry.urls, cache_folder() / entry.file_name, entry.sha1, max_bytes=MAX_BYTES)
        return Found(entry, path.read_bytes(), "download", str(path))
    except DownloadError as error:
        _failed_downloads[entry.file_name] = str(error)
        raise _NotThere(str(error)) from error
    except OSError as error:
        raise _NotThere(f"the cache folder {cache_folder()} cannot be used: {error}") from error


def _announce_substitute(entry: CatalogueEntry, found: Found) -> None:
    title_zh, title_en = found.entry.title.split(" | ")
    if entry.lacks_package:
        how_zh = f"安装 {entry.package}（pip install {entry.package}）后重启内核"
        how_en = f"install {entry.package} (pip install {entry.package}) and restart the kernel"
    else:
        how_zh = f"联网后重启内核，或把 {entry.file_name} 放进一个文件夹，并让环境变量 RNNLIB_DATA 指向它"
        how_en = (
            f"restart the kernel with a network, or put {entry.file_name} into a folder "
            "and let the environment variable RNNLIB_DATA name that folder"
        )
    why = f"load_corpus({entry.name!r}, fallback=False)"
    notice(
        f"【注意】没有取得语料 {entry.name}，改用内置的 {found.entry.name}（{title_zh}）；"
        f"结果不能与已发表的数字比较。要用原语料：{how_zh}。原因见 {why}。",
        f"[NOTICE] The corpus {entry.name} could not be had; the embedded {found.entry.name} ({title_en}) "
        f"stands in, and results do not compare with published numbers. To use the real one: "
        f"{how_en}. For the reasons, call {why}.",
    )


def _failure_report(entry: CatalogueEntry, tried: list[str]) -> str:
    lines = [f"the corpus {entry.name!r} could not be had. Tried:", *(f"- {reason}" for reason in tried)]
    if not entry.lacks_package:
        lines.append(
            f"What to do: connect to a network, or fetch {entry.file_name} (SHA-1 {entry.sha1}) from "
            f"{entry.urls[0]} on another computer, put it into a folder, and set RNNLIB_DATA to that folder."
        )
    if entry.substitute is not None:
        lines.append(f"With fallback=True the embedded {entry.substitute!r} stands in.")
    elif entry.name == "jay_lyrics":
        lines.append("These lyrics are copyrighted, so nothing is stored in their place; 'tang300' is free.")
    return "\n".join(lines)
