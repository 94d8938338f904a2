"""Downloads from a real server on this computer: what arrives, what is refused, what is left behind."""

import hashlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rnnlib.data import download as download_function
from rnnlib.data import fetch as fetch_module
from rnnlib.data.download import DownloadError, download, sha1_of
from rnnlib.data.fetch import NameNotFound, SourceFailed

# The package gives the name "download" to the function, which hides the module of the same name.
download_module = sys.modules["rnnlib.data.download"]

BODY = bytes(range(256)) * 500
SHA1 = hashlib.sha1(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers by path, records every request, and can hold answers back until two have been asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests: list[str] = []
        self.half_sent = threading.Event()
        self.together = threading.Barrier(2)
        self.released = threading.Event()

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, body, length=None, status=200, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        self.server.requests.append(self.path)
        match self.path:
            case "/good":
                self.answer(BODY, len(BODY))
            case "/no-length":
                self.answer(BODY)
            case "/wrong":
                self.answer(BODY[:-1] + b"?", len(BODY))
            case "/truncated":
                self.answer(BODY[:1000], len(BODY))
            case "/stall":
                self.answer(BODY[:1000], len(BODY))
                self.server.half_sent.set()
                self.server.released.wait(20)
            case "/drip":
                self.answer(BODY[:1000], len(BODY))
                for _ in range(60):
                    self.server.released.wait(0.05)
                    self.wfile.write(b"x")
            case "/together":
                self.server.together.wait(60)
                self.answer(BODY, len(BODY))
            case "/redirect":
                self.answer(b"", 0, 302, Location="/good")
            case "/to-file":
                self.answer(b"", 0, 302, Location="file:///etc/hostname")
            case "/to-ftp":
                self.answer(b"", 0, 302, Location="ftp://127.0.0.1/file")
            case "/huge":
                self.answer(b"", 10**12)
            case _:
                self.answer(b"nothing here", 12, 404)


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


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def failure_of(urls, target, **options):
    with pytest.raises(DownloadError) as caught:
        download(urls, target, SHA1, progress=False, **options)
    return caught.value


@pytest.mark.parametrize("path", ["/good", "/no-length", "/redirect"])
def test_good_file_arrives_whole(server, tmp_path, path):
    target = tmp_path / "new" / "folder" / "file.bin"
    assert download(server.base + path, target, SHA1.upper(), progress=False) == target
    assert target.read_bytes() == BODY
    assert files_in(target.parent) == ["file.bin"]


def test_the_package_offers_the_same_function():
    assert download_function is download


@pytest.mark.parametrize(
    "path, reason",
    [
        ("/wrong", "wrong checksum: expected SHA-1 " + SHA1),
        ("/truncated", "truncated: 1,000 of 128,000 bytes"),
        ("/missing", "404"),
        ("/huge", "too long: 1,000,000,000,000 bytes announced"),
        ("/to-ftp", "unknown url type: ftp"),
        ("/to-file", "Redirection to url 'file:///etc/hostname' is not allowed"),
    ],
)
def test_bad_source_is_refused_and_leaves_nothing(server, tmp_path, path, reason):
    error = failure_of(server.base + path, tmp_path / "file.bin")
    assert reason in error.failures[0][1] and server.base + path in str(error)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("path", ["/wrong", "/truncated", "/missing", "/huge", "/to-ftp"])
def test_next_source_is_tried(server, tmp_path, path):
    target = tmp_path / "file.bin"
    download([server.base + path, server.base + "/good"], target, SHA1, progress=False)
    assert target.read_bytes() == BODY
    assert server.requests == [path, "/good"]


def test_every_failure_is_reported(server, tmp_path):
    urls = [server.base + "/missing", server.base + "/wrong", "http://nowhere.invalid/file"]
    error = failure_of(urls, tmp_path / "file.bin")
    assert [url for url, _ in error.failures] == urls
    assert all(url in str(error) and reason in str(error) for url, reason in error.failures)
    assert "no network" in error.failures[2][1]


def test_announced_length_is_no_proof_of_the_real_one(server, tmp_path):
    error = failure_of(server.base + "/no-length", tmp_path / "file.bin", max_bytes=1000)
    assert "more than 1,000 bytes" in str(error)


def test_silent_server_is_given_up(server, tmp_path):
    start = time.monotonic()
    error = failure_of(server.base + "/stall", tmp_path / "file.bin", timeout=0.3)
    assert "no answer within 0.3 s" in str(error)
    assert time.monotonic() - start < 10
    assert files_in(tmp_path) == []


def test_dripping_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_module, "SOURCE_SECONDS", 0.3)
    assert "too slow" in str(failure_of(server.base + "/drip", tmp_path / "file.bin"))


def test_refused_connection_is_a_failure_of_that_source_only(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        target = download([closed, server.base + "/good"], tmp_path / "file.bin", SHA1, progress=False)
    assert target.read_bytes() == BODY


def test_hanging_name_look_up_does_not_keep_the_caller(tmp_path, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(20) and [])
    start = time.monotonic()
    error = failure_of("http://slow.invalid/file", tmp_path / "file.bin", timeout=0.2)
    assert "was not found within 0.2 s" in str(error)
    assert time.monotonic() - start < 10
    release.set()


def test_unanswered_connection_does_not_keep_the_caller(tmp_path, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(
        socket, "create_connection", lambda *args, **kwargs: release.wait(20) and socket.socket()
    )
    error = failure_of("http://127.0.0.1:9/file", tmp_path / "file.bin", timeout=0.2)
    assert "no connection within 0.2 s" in str(error)
    release.set()


@pytest.mark.parametrize("failure, later", [(NameNotFound, 1.0), (SourceFailed, 5.0)])
def test_without_a_network_the_other_sources_get_little_time(tmp_path, monkeypatch, failure, later):
    granted = []

    def fetch(url, timeout, connect_within, max_bytes, label):
        granted.append(connect_within)
        raise failure("not here")

    monkeypatch.setattr(download_module, "fetch", fetch)
    failure_of(["http://a.invalid", "http://b.invalid", "http://c.invalid"], tmp_path / "file.bin")
    assert granted == [5.0, later, later]


def test_good_target_is_not_fetched_again(server, tmp_path):
    target = tmp_path / "file.bin"
    target.write_bytes(BODY)
    download(server.base + "/good", target, SHA1)
    assert server.requests == []


def test_bad_target_is_replaced_only_by_a_verified_file(server, tmp_path):
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")
    failure_of([server.base + "/wrong", server.base + "/truncated"], target, timeout=1)
    assert target.read_bytes() == b"old" and files_in(tmp_path) == ["file.bin"]
    download(server.base + "/good", target, SHA1, progress=False)
    assert target.read_bytes() == BODY


def test_interrupt_while_writing_leaves_the_old_file(server, tmp_path, monkeypatch):
    target = tmp_path / "file.bin"
    target.write_bytes(b"old")
    seen = []

    def interrupted(part, destination):
        seen.append((os.path.dirname(part), sha1_of(Path(part).read_bytes())))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(server.base + "/good", target, SHA1, progress=False)
    assert seen == [(str(tmp_path), SHA1)], "the temporary file lies in the same folder and is complete"
    assert target.read_bytes() == b"old" and files_in(tmp_path) == ["file.bin"]


def test_failed_write_is_no_download_error(server, tmp_path):
    blocked = tmp_path / "a file, not a folder"
    blocked.write_bytes(b"")
    with pytest.raises(OSError) as caught:
        download(server.base + "/good", blocked / "file.bin", SHA1, progress=False)
    assert not isinstance(caught.value, DownloadError)


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_interrupt_from_the_keyboard_leaves_nothing_behind(server, tmp_path):
    code = (
        "import sys; from rnnlib.data import download; "
        "download(sys.argv[1], sys.argv[2], sys.argv[3], timeout=30, progress=False)"
    )
    target = tmp_path / "file.bin"
    child = subprocess.Popen(
        [sys.executable, "-c", code, server.base + "/stall", str(target), SHA1],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.half_sent.wait(60)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=30)[1]
    finally:
        child.kill()
        child.wait()
    assert "KeyboardInterrupt" in errors and child.returncode != 0
    assert files_in(tmp_path) == []


def _download_in_child(url, target, sha1, results):
    results.put(str(download(url, target, sha1, timeout=60, progress=False)))


def test_two_processes_at_once_both_end_well(server, tmp_path):
    """The server answers neither before both have asked, so the two downloads really overlap."""
    context = multiprocessing.get_context("spawn")
    results, target = context.Queue(), tmp_path / "file.bin"
    arguments = (server.base + "/together", target, SHA1, results)
    children = [context.Process(target=_download_in_child, args=arguments) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0]
    assert {results.get(timeout=5), results.get(timeout=5)} == {str(target)}
    assert server.requests == ["/together"] * 2
    assert target.read_bytes() == BODY and files_in(tmp_path) == ["file.bin"]


def test_second_download_between_the_first_ones_writing_and_renaming(server, tmp_path, monkeypatch):
    """The worst moment for another process to come along: each has a temporary file of its own."""
    target, rename = tmp_path / "file.bin", os.replace

    def interleaved(part, destination):
        monkeypatch.setattr(os, "replace", rename)
        download(server.base + "/good", target, SHA1, progress=False)
        rename(part, destination)

    monkeypatch.setattr(os, "replace", interleaved)
    download(server.base + "/good", target, SHA1, progress=False)
    assert server.requests == ["/good"] * 2
    assert target.read_bytes() == BODY and files_in(tmp_path) == ["file.bin"]


def test_target_held_by_another_process_is_fine_if_it_is_good(server, tmp_path, monkeypatch):
    """What Windows does when two processes replace one file at the same moment."""
    target = tmp_path / "file.bin"

    def taken(part, destination):
        target.write_bytes(held)
        raise PermissionError("the file is in use")

    monkeypatch.setattr(os, "replace", taken)
    held = BODY
    assert download(server.base + "/good", target, SHA1, progress=False).read_bytes() == BODY
    held = b"something else"
    target.unlink()
    with pytest.raises(PermissionError):
        download(server.base + "/good", target, SHA1, progress=False)
    assert files_in(tmp_path) == ["file.bin"]


def test_progress_bar_and_its_plain_stand_in(server, tmp_path, monkeypatch, capsys):
    pytest.importorskip("tqdm")
    download(server.base + "/good", tmp_path / "with_bar.bin", SHA1)
    assert "with_bar.bin" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    download(server.base + "/good", tmp_path / "plain.bin", SHA1)
    assert capsys.readouterr().out == "正在下载 plain.bin ……\nDownloading plain.bin ...\n"
    download(server.base + "/good", tmp_path / "quiet.bin", SHA1, progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "urls, sha1, message",
    [
        ("ftp://example.org/file", SHA1, "not an http or https address"),
        ("file:///etc/hostname", SHA1, "not an http or https address"),
        ("https://example.org/蒙学", SHA1, "percent-encoded"),
        (["http://example.org/a", "timemachine.txt"], SHA1, "'timemachine.txt' is not"),
        ([], SHA1, "urls is empty"),
        ("https://example.org/file", "abc", "not a SHA-1"),
    ],
)
def test_bad_arguments(tmp_path, urls, sha1, message):
    with pytest.raises(ValueError, match=message):
        download(urls, tmp_path / "file.bin", sha1)
