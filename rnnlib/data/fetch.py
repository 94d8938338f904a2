"""Get the bytes of one web address, or say in one sentence why they did not come."""

from __future__ import annotations

import http.client
import queue
import socket
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from rnnlib.common import notice

__all__ = ["NameNotFound", "SourceFailed", "fetch"]

CHUNK = 1 << 16  # bytes
SOURCE_SECONDS = 60.0  # what one source may take in all


class SourceFailed(Exception):
    """One source did not deliver; the message says why."""


class NameNotFound(SourceFailed):
    """The host's name could not be looked up: most likely there is no network at all."""


def fetch(url: str, timeout: float, connect_within: float, max_bytes: int, label: str | None) -> bytes:
    """The body that one http(s) address answers with.

    Args:
        url: the address.
        timeout: seconds to wait for each further piece of data.
        connect_within: seconds for looking the host up and connecting to it.
        max_bytes: a longer body is refused.
        label: name beside the progress bar; None for no bar.

    Raises:
        SourceFailed: whatever the network or the server did wrong.
        NameNotFound: a :class:`SourceFailed`; not even the host's name could be looked up.
    """
    try:
        _reach(url, connect_within)
        deadline = time.monotonic() + SOURCE_SECONDS
        with _opener().open(url, timeout=timeout) as response:
            return _read(response, max_bytes, deadline, label)
    except urllib.error.HTTPError as error:
        error.close()
        raise SourceFailed(f"the server answered {error.code} {error.reason}") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, socket.gaierror):
            raise NameNotFound(f"no network, or the host's name is unknown ({cause})") from error
        if isinstance(cause, TimeoutError):
            raise SourceFailed(f"no answer within {timeout:g} s") from error
        raise SourceFailed(f"{type(error).__name__}: {cause}") from error


def _reach(url: str, connect_within: float) -> None:
    """Look the host up and connect to it within ``connect_within`` seconds in all, or say why not.

    urllib's timeout covers neither the look-up nor a host with many addresses, each of which may wait.
    """
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    events: queue.Queue[tuple[str, BaseException | None]] = queue.Queue()

    def connect() -> None:
        try:
            socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
            events.put(("looked up", None))
            socket.create_connection((parts.hostname, port), timeout=connect_within).close()
            events.put(("connected", None))
        except OSError as error:
            events.put(("failed", error))

    threading.Thread(target=connect, daemon=True).start()
    deadline, known = time.monotonic() + connect_within, False
    while True:
        try:
            event, error = events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            if known:
                raise SourceFailed(f"no connection within {connect_within:g} s") from None
            raise NameNotFound(
                f"no network: the host's name was not found within {connect_within:g} s"
            ) from None
        if error is not None:
            raise error
        if event == "connected":
            return
        known = True


def _opener() -> urllib.request.OpenerDirector:
    """An opener for http and https alone, redirects included: no ftp, no local files."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "rnnlib")]
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def _read(response: http.client.HTTPResponse, max_bytes: int, deadline: float, label: str | None) -> bytes:
    header = response.headers.get("Content-Length", "")
    announced = int(header) if header.isdigit() else None
    if announced is not None and announced > max_bytes:
        raise SourceFailed(f"the file is too long: {announced:,} bytes announced, {max_bytes:,} allowed")
    data = bytearray()
    with closing(_Progress(label, announced)) as bar:
        while piece := response.read1(CHUNK):
            data += piece
            bar.update(len(piece))
            if len(data) > max_bytes:
                raise SourceFailed(f"the file is too long: more than {max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise SourceFailed(f"too slow: {len(data):,} bytes in {SOURCE_SECONDS:g} s")
    if announced is not None and len(data) != announced:
        raise SourceFailed(f"truncated: {len(data):,} of {announced:,} bytes arrived")
    return bytes(data)


class _Progress:
    """A tqdm bar; one plain line where tqdm is absent; nothing at all without a label."""

    def __init__(self, label: str | None, total: int | None):
        self.update: Callable[[int], object] = lambda count: None
        self.close: Callable[[], object] = lambda: None
        if label is None:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # tqdm remarks on notebooks without ipywidgets
                from tqdm.auto import tqdm
        except ImportError:
            notice(f"正在下载 {label} ……", f"Downloading {label} ...")
        else:
            bar = tqdm(total=total, desc=label, unit="B", unit_scale=True, leave=False)
            self.update, self.close = bar.update, bar.close
