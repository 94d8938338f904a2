"""Fetch one file from several sources, verify it, and put it in place in one step."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rnnlib.data.fetch import NameNotFound, SourceFailed, fetch

__all__ = ["DownloadError", "download", "sha1_of"]

DNS_TIMEOUT = 1.0  # seconds granted to the other hosts once a first name could not be looked up


class DownloadError(OSError):
    """No source gave the right file.

    Attributes:
        failures: pairs (url, reason) in the order in which they were tried.
    """

    def __init__(self, target: Path, failures: Sequence[tuple[str, str]]):
        self.failures = list(failures)
        listed = "\n".join(f"  - {url}: {reason}" for url, reason in self.failures)
        super().__init__(
            f"{target.name} could not be downloaded from any of {len(self.failures)} source(s):\n{listed}"
        )


def sha1_of(data: bytes) -> str:
    """SHA-1 of ``data`` as 40 hexadecimal digits. It tells files apart; it is no defence against forgery."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def download(
    urls: str | Sequence[str],
    target: str | Path,
    sha1: str,
    *,
    timeout: float = 5.0,
    max_bytes: int = 16 << 20,
    progress: bool = True,
) -> Path:
    """Download one file whose checksum is known; a target that is right already is left alone.

    The sources are tried in turn until one delivers. The bytes are checked in memory, written to a temporary
    file beside the target and renamed, so the target is at every moment either the old file or the new one,
    whatever interrupts the call and however many processes download at once.

    Args:
        urls: one address or several, http or https.
        target: the file to write; its folder is made if need be.
        sha1: the expected SHA-1, 40 hexadecimal digits.
        timeout: seconds to wait for a connection, and for each further piece of data.
        max_bytes: a longer answer is refused.
        progress: show a progress bar (a plain line where tqdm is not installed).

    Returns:
        The path of the target.

    Raises:
        ValueError: if an address is not http(s), there is none, or ``sha1`` is no SHA-1.
        DownloadError: if every source failed; it names each with its reason.
        OSError: if the target cannot be written.
    """
    urls = [urls] if isinstance(urls, str) else list(urls)
    _check_arguments(urls, sha1)
    target, sha1 = Path(target), sha1.lower()
    if target.is_file() and sha1_of(target.read_bytes()) == sha1:
        return target
    failures: list[tuple[str, str]] = []
    connect_within = timeout
    for url in urls:
        try:
            data = fetch(url, timeout, connect_within, max_bytes, target.name if progress else None)
            if (found := sha1_of(data)) != sha1:
                raise SourceFailed(
                    f"wrong checksum: expected SHA-1 {sha1}, got {found} ({len(data):,} bytes)"
                )
        except SourceFailed as failure:
            failures.append((url, str(failure)))
            if isinstance(failure, NameNotFound):
                connect_within = min(timeout, DNS_TIMEOUT)
            continue
        _put_in_place(data, target, sha1)
        return target
    raise DownloadError(target, failures)


def _check_arguments(urls: Sequence[str], sha1: str) -> None:
    if not urls:
        raise ValueError("urls is empty; give at least one http or https address.")
    for url in urls:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise ValueError(f"{url!r} is not an http or https address in percent-encoded ASCII.")
    if not re.fullmatch("[0-9a-fA-F]{40}", sha1):
        raise ValueError(f"sha1={sha1!r} is not a SHA-1; expected 40 hexadecimal digits.")


def _put_in_place(data: bytes, target: Path, sha1: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            file.write(data)
        os.replace(part, target)
    except PermissionError:  # Windows, while another process reads or replaces the same file
        if not (target.is_file() and sha1_of(target.read_bytes()) == sha1):
            raise
    finally:
        part.unlink(missing_ok=True)
