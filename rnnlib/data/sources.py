"""Find the verified bytes of a corpus: the reader's folder, the cache, a download, an embedded text."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rnnlib.common import notice, printable
from rnnlib.data import catalogue
from rnnlib.data.catalogue import CatalogueEntry, is_installed, sha1_of

MAX_BYTES = 16 << 20  # longer answers are refused
NAME_SECONDS = 4.0  # to look up the name of a source's host,
OFFLINE_SECONDS = 1.0  # and of every further one once a name was not found
ANSWER_SECONDS = 8.0  # until a source begins to deliver, redirects included
TOTAL_SECONDS = 60.0  # until it has delivered

failed_downloads: dict[str, str] = {}  # file name -> reason, so that a second call does not wait again


class CorpusUnavailable(RuntimeError):
    """A corpus could not be had; the message names every source tried and why each failed."""


class SourceFailed(OSError):
    """One source does not have the file, or did not deliver it; the message says why."""


class NameNotFound(SourceFailed):
    """A host's name could not be looked up: most likely there is no network at all."""


class Found(NamedTuple):
    """The verified bytes of a corpus file.

    Attributes:
        entry: the catalogue entry that the bytes belong to (the substitute's, if one stands in).
        data: the bytes.
        source: ``"local"``, ``"cache"``, ``"download"`` or ``"embedded"``.
        origin: path they were read from.
    """

    entry: CatalogueEntry
    data: bytes
    source: str
    origin: str


def find(entry: CatalogueEntry, *, fallback: bool = True, clean: bool = True) -> Found:
    """The file of one corpus from the first source that has it.

    Args:
        entry: what is wanted.
        fallback: let the embedded substitute stand in, with a notice; otherwise raise.
        clean: whether it is to be cleaned, for which it may need a package; without that it is of no use.

    Raises:
        CorpusUnavailable: if no source has it and no substitute may stand in, or ``$RNNLIB_DATA`` holds a
            different file of that name.
    """
    if entry.is_embedded:
        return _embedded(entry)
    tried = []
    missing = entry.package if clean and entry.package and not is_installed(entry.package) else None
    for search in () if missing else (_from_local_folder, _from_cache, _from_network):
        try:
            return search(entry)
        except SourceFailed as reason:
            tried.append(str(reason))
    if fallback and entry.substitute is not None:
        found = _embedded(catalogue.CATALOGUE[entry.substitute])
        _announce_substitute(entry, found.entry, missing)
        return found
    instead = f"Nothing is stored in its place; it is {entry.licence.split(' | ')[1]}."
    if entry.substitute is not None:
        instead = f"With fallback=True the embedded {entry.substitute!r} stands in."
    advice = f"What to do: {_how_to_get(entry, missing)[1]} (SHA-1 {entry.sha1}, from {entry.urls[0]})."
    lines = [f"the corpus {entry.name!r} could not be had.", *(f"- {reason}" for reason in tried)]
    raise CorpusUnavailable("\n".join([*lines, advice, instead]))


def _embedded(entry: CatalogueEntry) -> Found:
    path = catalogue.TEXTS / entry.file_name
    return Found(entry, path.read_bytes(), "embedded", str(path))


def _from_local_folder(entry: CatalogueEntry) -> Found:
    if (folder := catalogue.local_folder()) is None:
        raise SourceFailed("local: RNNLIB_DATA is not set")
    return _from_folder(entry, folder, "local")


def _from_cache(entry: CatalogueEntry) -> Found:
    return _from_folder(entry, catalogue.cache_folder(), "cache")


def _from_folder(entry: CatalogueEntry, folder: Path, source: str) -> Found:
    path = folder / entry.file_name
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceFailed(f"{source}: there is no file {path}") from None
    except OSError as error:
        raise SourceFailed(f"{source}: {path} cannot be read: {error}") from error
    if (got := sha1_of(data)) == entry.sha1:
        return Found(entry, data, source, str(path))
    wrong = f"{path} has the wrong checksum: expected SHA-1 {entry.sha1}, got {got} ({len(data):,} bytes)"
    if source == "local":
        raise CorpusUnavailable(
            f"{wrong}. Replace it by the real {entry.name!r}, remove it, or unset RNNLIB_DATA; to use it as "
            "it is, give its path in place of the name."
        )
    notice(f"缓存文件 {path} 已损坏，不使用它。", f"The cached file {path} is damaged and is not used.")
    raise SourceFailed(f"{source}: {wrong}")


def _check_online() -> None:
    if os.environ.get("RNNLIB_OFFLINE", "0") not in ("", "0"):
        raise SourceFailed("downloads are switched off by RNNLIB_OFFLINE")


def _from_network(entry: CatalogueEntry) -> Found:
    _check_online()
    if entry.file_name in failed_downloads:
        raise SourceFailed(
            f"{failed_downloads[entry.file_name]}\n  (not tried again in this run of Python; a notebook "
            "tries again once its kernel is restarted)"
        )
    try:
        path = download(entry.urls, catalogue.cache_folder() / entry.file_name, entry.sha1)
        return Found(entry, path.read_bytes(), "download", str(path))
    except OSError as error:
        failed_downloads[entry.file_name] = f"download: {error}"
        raise SourceFailed(failed_downloads[entry.file_name]) from error


def download(urls: Sequence[str], target: Path, sha1: str) -> Path:
    """Download one file whose checksum is known; a target that is right already is left alone.

    The sources are tried in turn until one delivers. pooch writes the bytes to a temporary file beside the
    target, verifies them and renames it, so the target is always either the old file or the right one.

    Args:
        urls: addresses, http or https.
        target: the file to write; its folder is made if need be.
        sha1: the expected SHA-1, 40 hexadecimal digits.

    Returns:
        The path of the target.

    Raises:
        OSError: if every source failed (the message names each with its reason), the folder cannot be written
            to, pooch is not installed, or RNNLIB_OFFLINE is set.
    """
    if target.is_file() and sha1_of(target.read_bytes()) == sha1:
        return target
    _check_online()
    try:
        import pooch
    except ImportError as error:
        raise SourceFailed("it needs the package pooch: pip install pooch") from error
    notice(f"正在下载 {target.name} ……", f"Downloading {target.name} ...")
    name_seconds, failures = NAME_SECONDS, []

    def save(url: str, file: str, _: Any) -> None:
        Path(file).write_bytes(_fetch(url, name_seconds))

    def silent(record: Any) -> bool:
        return False  # pooch's own messages are in English alone

    pooch.get_logger().addFilter(silent)
    try:
        for url in urls:
            try:
                return Path(pooch.retrieve(url, f"sha1:{sha1}", target.name, target.parent, downloader=save))
            except (SourceFailed, ValueError) as failure:  # ValueError: the wrong checksum
                failures.append(f"\n  - {url}: {printable(failure)}")
                if isinstance(failure, NameNotFound):
                    name_seconds = OFFLINE_SECONDS
    except OSError as error:
        raise SourceFailed(f"the folder {target.parent} cannot be used: {error}") from error
    finally:
        pooch.get_logger().removeFilter(silent)
    raise SourceFailed(f"{target.name} was not to be had from any of {len(urls)} sources:{''.join(failures)}")


def _fetch(url: str, name_seconds: float) -> bytes | bytearray:
    """The body that an address answers with, within the limits of time whatever the network does.

    A thread asks, because neither a look-up nor a drip of headers can be interrupted; it is left to itself
    when the caller has waited long enough, and ends with the connection or after MAX_BYTES.

    Raises:
        SourceFailed: whatever the network or the server did wrong.
        NameNotFound: a :class:`SourceFailed`; not even the host's name could be looked up.
    """
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(url, events.put), daemon=True).start()
    start, outcome = time.monotonic(), None
    for seconds, failure in (
        (name_seconds, NameNotFound(f"no network: the host's name was not found within {name_seconds:g} s")),
        (ANSWER_SECONDS, SourceFailed(f"no answer within {ANSWER_SECONDS:g} s")),
        (TOTAL_SECONDS, SourceFailed(f"too slow: not complete within {TOTAL_SECONDS:g} s")),
    ):
        try:
            outcome = events.get(timeout=max(0.0, start + seconds - time.monotonic()))
        except queue.Empty:
            raise failure from None
        if isinstance(outcome, Exception):
            raise outcome
    return outcome


def _ask(url: str, report: Callable[[Any], None]) -> None:
    """Report that the host's name is known, then that the answer begins, then its body; or an exception."""
    try:
        import requests

        if not requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
            socket.getaddrinfo(urlsplit(url).hostname, None)
        report("named")
        with requests.Session() as session:
            session.max_redirects = 5
            session.hooks["response"].append(_skip_body_of_redirect)
            session.headers["Accept-Encoding"] = "identity"
            response = session.get(url, timeout=ANSWER_SECONDS, stream=True)
            response.raise_for_status()
            report("answered")
            data = bytearray()
            for piece in response.raw.stream(1 << 14, decode_content=False):
                data += piece
                if len(data) > MAX_BYTES:
                    raise SourceFailed(f"the file is too long: more than {MAX_BYTES:,} bytes")
        report(data)
    except SourceFailed as failure:
        report(failure)
    except socket.gaierror as error:
        report(NameNotFound(f"no network, or the host's name is unknown ({error})"))
    except Exception as error:  # whatever else a server can do wrong: the next source is asked
        report(SourceFailed(f"{type(error).__name__}: {error}"))


def _skip_body_of_redirect(response: Any, **_: Any) -> None:
    if response.is_redirect:
        response.close()


def _how_to_get(entry: CatalogueEntry, missing: str | None) -> tuple[str, str]:
    """What the reader can do to have the real corpus, Chinese and English."""
    if missing:
        return (
            f"安装 {missing}（pip install {missing}），或用 clean=False（命令行 --no-clean）不作清洗",
            f"pip install {missing}, or do without cleaning: clean=False (command line: --no-clean)",
        )
    first = "" if is_installed("pooch") else "pip install pooch, "
    return (
        f"{first}联网，或把 {entry.file_name} 放进一个文件夹，并让环境变量 RNNLIB_DATA 指向它",
        f"{first}connect to a network, or put {entry.file_name} into a folder that RNNLIB_DATA names",
    )


def _announce_substitute(entry: CatalogueEntry, substitute: CatalogueEntry, missing: str | None) -> None:
    (how_zh, how_en), (title_zh, title_en) = _how_to_get(entry, missing), substitute.title.split(" | ")
    why = f"load_corpus({entry.name!r}, fallback=False)"
    notice(
        f"【注意】没有取得语料 {entry.name}，改用内置的 {substitute.name}（{title_zh}）；"
        f"结果不能与已发表的数字比较。要用原语料：{how_zh}，"
        f"然后再运行一次（笔记本须重启内核）。原因见 Python 中的 {why}。",
        f"[NOTICE] The corpus {entry.name} could not be had; the embedded {substitute.name} ({title_en}) "
        f"stands in, and results do not compare with published numbers. To use the real one: {how_en}; then "
        f"run again (a notebook: restart its kernel). For the reasons, call {why} in Python.",
    )
