"""Downloads from a real server on this computer: what arrives, what is refused, what is left behind."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import logging
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnlib.data import sources
from rnnlib.data.sources import NameNotFound, SourceFailed, download

pooch = pytest.importorskip("pooch")

BODY = bytes(range(256)) * 500
SHA1 = hashlib.sha1(BODY).hexdigest()
OK = b"HTTP/1.1 200 OK\r\n"
FOUND = b"HTTP/1.1 302 Found\r\n"

# What a server may answer instead of the file, byte by byte, and a part of the reason that is given.
BAD_ANSWERS = {
    "wrong": (OK + b"\r\n" + BODY[:-1] + b"?", "does not match the known hash"),
    "empty": (OK + b"Content-Length: 0\r\n\r\n", "does not match the known hash"),
    "packed": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(BODY), "does not match the known hash"),
    "truncated": (OK + b"Content-Length: 128000\r\n\r\n" + BODY[:1000], "IncompleteRead"),
    "huge": (OK + b"Content-Length: 1000000000000\r\n\r\n", "IncompleteRead"),
    "superscript-length": (OK + "Content-Length: ²\r\n\r\n".encode("latin-1") + BODY[:9], "known hash"),
    "negative-length": (OK + b"Content-Length: -5\r\n\r\n" + BODY[:9], "known hash"),
    "two-lengths": (OK + b"Content-Length: 5, 6\r\n\r\n" + BODY[:9], "Content-Length"),
    "broken-chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY, "InvalidChunkLength"),
    "not-http": (b"SSH-2.0-server\r\n", "BadStatusLine"),
    "no-status": (b"HTTP/1.1 many OK\r\n\r\n", "BadStatusLine"),
    "nothing": (b"", "RemoteDisconnected"),
    "long-header": (OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n" + BODY, "LineTooLong"),
    "many-headers": (OK + b"X: x\r\n" * 200 + b"\r\n" + BODY, "got more than 100 headers"),
    "not-found": (b"HTTP/1.1 404 Gone away\r\nContent-Length: 0\r\n\r\n", "404 Client Error: Gone away"),
    "broken-address": (FOUND + b"Location: http://[\r\n\r\n", "Invalid"),
    "broken-port": (FOUND + b"Location: http://127.0.0.1:port/good\r\n\r\n", "port"),
    "no-address": (FOUND + b"\r\n", "does not match the known hash"),
    "to-ftp": (FOUND + b"Location: ftp://127.0.0.1/file\r\n\r\n", "No connection adapters"),
    "to-file": (FOUND + b"Location: file:///etc/hostname\r\n\r\n", "No connection adapters"),
    "loop": (FOUND + b"Location: /loop\r\nContent-Length: 0\r\n\r\n", "Exceeded 5 redirects"),
}


class Server(ThreadingHTTPServer):
    """Answers by path, records every request, and can hold answers back until two have been asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}/"
        self.requests: list[str] = []
        self.sent = 0
        self.both_half_sent = threading.Event()
        self.together = threading.Barrier(2)
        self.released = threading.Event()

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def send(self, *parts: bytes, pause: float = 0):
        for part in parts:
            self.wfile.write(part)
            self.wfile.flush()
            self.server.sent += len(part)
            if pause and self.server.released.wait(pause):
                return

    def do_GET(self):
        name = self.path.removeprefix("http://nowhere.invalid").removeprefix("/")
        if name != "loop":
            self.server.requests.append(name)
        length = b"Content-Length: %d\r\n\r\n" % len(BODY)
        match name:
            case "good":
                if "gzip" in self.headers.get("Accept-Encoding", ""):  # a server packs where it may
                    self.send(BAD_ANSWERS["packed"][0])
                self.send(OK + length + BODY)
            case "no-length":
                self.send(OK + b"\r\n" + BODY)
            case "chunked":
                chunk = b"%x\r\n%b\r\n" % (len(BODY), BODY)
                self.send(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n")
            case "redirect":
                self.send(FOUND + b"Location: good\r\nContent-Length: 5\r\n\r\nmoved")
            case "redirect-of-400-mb":
                piece = bytes(1 << 20)
                self.send(FOUND + b"Location: /good\r\nContent-Length: %d\r\n\r\n" % (400 << 20))
                self.send(*[piece] * 400)
            case "silent":
                self.server.released.wait(20)
            case "stall":
                self.send(OK + length + BODY[:1000])
                if self.server.requests.count("stall") == 2:
                    self.server.both_half_sent.set()
                self.server.released.wait(20)
            case "drip-of-headers":
                self.send(OK, *[b"X-%d: x\r\n" % i for i in range(90)], pause=0.1)
            case "drip-of-body":
                self.send(OK + length, *[b"x"] * 1000, pause=0.1)
            case "together":
                self.server.together.wait(60)
                self.send(OK + length + BODY)
            case "shouting":
                self.send(b"HTTP/1.1 500 \x1b]0;title\x07\x1b[2J\x9b31m" + b"!" * 5000 + b"\r\n\r\n")
            case _:
                self.send(BAD_ANSWERS[name][0])


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def only_this_computer(monkeypatch):
    """No test leaves this computer, and none goes through a proxy."""
    look_up = socket.getaddrinfo

    def guarded(host, *args, **kwargs):
        if host != "127.0.0.1":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("RNNLIB_OFFLINE", raising=False)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file.bin"


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def failure_of(target, *urls):
    with pytest.raises(SourceFailed) as caught:
        download(urls, target, SHA1)
    return str(caught.value)


@contextlib.contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


# ------------------------------------------------------------------------------ what arrives, what does not


@pytest.mark.parametrize("name", ["good", "no-length", "chunked", "redirect"])
def test_good_file_arrives_whole(server, tmp_path, name):
    target = tmp_path / "new" / "folder" / "file.bin"
    assert download([server.base + name], target, SHA1) == target
    assert target.read_bytes() == BODY
    assert files_in(target.parent) == ["file.bin"]


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_bad_answer_means_that_the_next_source_is_asked(server, target, name, capfd):
    reason = failure_of(target, server.base + name)
    assert BAD_ANSWERS[name][1] in reason and server.base + name in reason
    assert files_in(target.parent) == [], "nothing is left behind"
    server.requests.clear()
    download([server.base + name, server.base + "good"], target, SHA1)
    assert target.read_bytes() == BODY and server.requests[-1] == "good"
    assert "Traceback" not in capfd.readouterr().err


def test_every_failure_is_reported(server, target):
    urls = [
        server.base + "not-found",
        server.base + "wrong",
        "http://nowhere.invalid/file",
        "file:///etc/hosts",
    ]
    lines = failure_of(target, *urls).splitlines()
    assert "file.bin" in lines[0] and "4 sources" in lines[0]
    assert [line.split(": ")[0] for line in lines[1:]] == [f"  - {url}" for url in urls]
    assert "404" in lines[1] and SHA1 in lines[2] and "no network" in lines[3]


def test_answer_that_is_too_long_is_not_read_to_its_end(server, target, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 100_000)
    assert "too long: more than 100,000 bytes" in failure_of(target, server.base + "no-length")
    monkeypatch.setattr(sources, "MAX_BYTES", len(BODY))
    download([server.base + "no-length"], target, SHA1)


def test_body_of_a_redirect_is_not_read(server, target):
    download([server.base + "redirect-of-400-mb"], target, SHA1)
    assert target.read_bytes() == BODY
    assert server.sent < 60 << 20, "more than the buffers on the way hold"


def test_control_characters_of_an_answer_stay_harmless(server, target):
    reason = failure_of(target, server.base + "shouting")
    assert r"\x1b]0;title\x07\x1b[2J\x9b31m" in reason
    assert all(character.isprintable() or character == "\n" for character in reason) and len(reason) < 600


def test_refused_connection_is_a_failure_of_that_source_only(server, target):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        download([closed, server.base + "good"], target, SHA1)
    assert target.read_bytes() == BODY


def test_proxy_looks_names_up_itself(server, target, monkeypatch):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", server.base)
    download(["http://nowhere.invalid/good"], target, SHA1)
    assert target.read_bytes() == BODY


# ------------------------------------------------------------------------------------------ limits of time


@pytest.mark.parametrize("name", ["silent", "drip-of-headers"])
def test_answer_that_does_not_begin_is_given_up(server, target, monkeypatch, name):
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 0.4)
    with within(7):
        reason = failure_of(target, server.base + name)
    assert "no answer within 0.4 s" in reason or "Read timed out" in reason
    assert files_in(target.parent) == []


@pytest.mark.parametrize("name", ["stall", "drip-of-body"])
def test_answer_that_does_not_end_is_given_up(server, target, monkeypatch, name):
    monkeypatch.setattr(sources, "TOTAL_SECONDS", 0.6)
    with within(7):
        assert "not complete within 0.6 s" in failure_of(target, server.base + name)
    assert files_in(target.parent) == []


def test_stalled_answer_is_given_up_before_the_whole_time_is_over(server, target, monkeypatch):
    monkeypatch.setattr(sources, "ANSWER_SECONDS", 0.3)
    with within(10):
        assert "timed out" in failure_of(target, server.base + "stall")


@pytest.mark.parametrize("first", ["hangs", "fails"])
def test_hanging_look_up_does_not_keep_the_caller(target, monkeypatch, first):
    release = threading.Event()

    def look_up(host, *args, **kwargs):
        if host == "a.invalid" and first == "fails":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        release.wait(20)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(sources, "NAME_SECONDS", 0.4)
    monkeypatch.setattr(sources, "OFFLINE_SECONDS", 0.1)
    with within(7):
        reasons = failure_of(target, *(f"http://{name}.invalid/file" for name in "abc")).splitlines()[1:]
    assert all("no network" in reason for reason in reasons)
    assert ["within 0.1 s" in reason for reason in reasons] == [False, True, True]
    assert ("within 0.4 s" in reasons[0]) == (first == "hangs")
    release.set()


@pytest.mark.parametrize("failure, later", [(NameNotFound, "offline"), (SourceFailed, "usual")])
def test_only_a_name_that_is_not_found_shortens_the_other_look_ups(target, monkeypatch, failure, later):
    granted = []

    def fetch(url, name_seconds):
        granted.append(name_seconds)
        raise failure("not here")

    monkeypatch.setattr(sources, "_fetch", fetch)
    failure_of(target, "http://a.invalid", "http://b.invalid", "http://c.invalid")
    seconds = {"offline": sources.OFFLINE_SECONDS, "usual": sources.NAME_SECONDS}[later]
    assert granted == [sources.NAME_SECONDS, seconds, seconds]


def test_limits_count_from_the_beginning(monkeypatch):
    """Every stage takes a second here; the later ones get what is left, so that all keep the last limit."""
    now, granted = [100.0], []

    class Events:
        def put(self, event):
            pass

        def get(self, timeout):
            granted.append(timeout)
            now[0] += 1
            return b"event"

    monkeypatch.setattr(sources, "queue", SimpleNamespace(SimpleQueue=Events, Empty=queue.Empty))
    monkeypatch.setattr(sources, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    sources._fetch("http://a.invalid", 4.0)
    assert granted == [4.0, sources.ANSWER_SECONDS - 1, sources.TOTAL_SECONDS - 2]


def test_limits_are_those_that_are_promised():
    assert sources.NAME_SECONDS + 2 * sources.OFFLINE_SECONDS <= 8, "without a network: seconds, not minutes"
    assert sources.NAME_SECONDS < sources.ANSWER_SECONDS <= 8 and sources.TOTAL_SECONDS <= 60
    assert sources.MAX_BYTES == 16 << 20


# -------------------------------------------------------------------------- the file, and what interrupts it


def test_good_target_is_not_fetched_again(server, target, monkeypatch):
    target.write_bytes(BODY)
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert download([server.base + "good"], target, SHA1) == target
    assert server.requests == []


def test_bad_target_is_replaced_only_by_a_verified_file(server, target):
    target.write_bytes(b"old")
    failure_of(target, server.base + "wrong", server.base + "truncated")
    assert target.read_bytes() == b"old" and files_in(target.parent) == ["file.bin"]
    download([server.base + "good"], target, SHA1)
    assert target.read_bytes() == BODY


def test_without_pooch_the_reason_says_what_to_install(server, target, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert "pip install pooch" in failure_of(target, server.base + "good")


def test_switched_off_nothing_is_fetched(server, target, monkeypatch):
    monkeypatch.setenv("RNNLIB_OFFLINE", "1")
    assert "switched off by RNNLIB_OFFLINE" in failure_of(target, server.base + "good")
    assert server.requests == [] and files_in(target.parent) == []


def test_interrupt_while_the_file_is_put_in_place(server, target, monkeypatch):
    target.write_bytes(b"old")
    seen = []

    def interrupted(part, destination):
        seen.append((Path(part).parent, Path(part).read_bytes() == BODY))
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download([server.base + "good"], target, SHA1)
    assert seen == [(target.parent, True)], "the temporary file lies in the same folder and is complete"
    assert target.read_bytes() == b"old" and files_in(target.parent) == ["file.bin"]


def test_folder_that_cannot_be_written_to(server, tmp_path):
    blocked = tmp_path / "a file, not a folder"
    blocked.write_bytes(b"")
    reason = failure_of(blocked / "file.bin", server.base + "good", server.base + "good")
    assert f"the folder {blocked} cannot be used" in reason
    assert server.requests in ([], ["good"]), "the other sources would not help"


CHILD = """
import signal, sys
from pathlib import Path
from rnnlib.data.sources import download
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
download([sys.argv[1]], Path(sys.argv[2]), sys.argv[3])
"""


def start(url, target):
    arguments = [sys.executable, "-c", CHILD, url, str(target), SHA1]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_download_that_is_interrupted_or_killed(server, tmp_path):
    targets = [tmp_path / "interrupted" / "file.bin", tmp_path / "killed" / "file.bin"]
    for target in targets:
        target.parent.mkdir()
        target.write_bytes(b"old")
    children = [start(server.base + "stall", target) for target in targets]
    try:
        assert server.both_half_sent.wait(60)
        time.sleep(0.2)
        for child, number in zip(children, (signal.SIGINT, signal.SIGKILL)):
            child.send_signal(number)
        errors = [child.communicate(timeout=30)[1] for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert "KeyboardInterrupt" in errors[0] and all(child.returncode != 0 for child in children)
    assert files_in(targets[0].parent) == ["file.bin"]
    for target in targets:
        assert target.read_bytes() == b"old"
        download([server.base + "good"], target, SHA1)
        assert target.read_bytes() == BODY, "what a killed download left behind is in nobody's way"


def test_two_processes_at_once_both_end_well(server, target):
    """The server answers neither before both have asked, so the two downloads really overlap."""
    children = [start(server.base + "together", target) for _ in range(2)]
    assert [child.communicate(timeout=120)[1] for child in children] == ["", ""]
    assert [child.returncode for child in children] == [0, 0]
    assert server.requests == ["together"] * 2
    assert target.read_bytes() == BODY and files_in(target.parent) == ["file.bin"]


def test_two_threads_at_once_both_end_well(server, target):
    results = []
    work = functools.partial(download, [server.base + "together"], target, SHA1)
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [target, target] and target.read_bytes() == BODY
    assert files_in(target.parent) == ["file.bin"]


def test_second_download_between_the_first_ones_writing_and_renaming(server, target, monkeypatch):
    """The worst moment for another process to come along: each has a temporary file of its own."""
    move = shutil.move

    def interleaved(part, destination):
        monkeypatch.setattr(shutil, "move", move)
        download([server.base + "good"], target, SHA1)
        move(part, destination)

    monkeypatch.setattr(shutil, "move", interleaved)
    download([server.base + "good"], target, SHA1)
    assert server.requests == ["good"] * 2
    assert target.read_bytes() == BODY and files_in(target.parent) == ["file.bin"]


# ------------------------------------------------------------------------------------------ what is printed


def test_download_is_announced_in_both_languages_and_nothing_else_is_printed(server, target, capfd):
    download([server.base + "good"], target, SHA1)
    assert capfd.readouterr() == ("正在下载 file.bin ……\nDownloading file.bin ...\n", "")
    failure_of(target.with_name("other.bin"), server.base + "wrong")
    assert capfd.readouterr().err == ""
    assert pooch.get_logger().filter(logging.makeLogRecord({})), "pooch speaks again to others"
