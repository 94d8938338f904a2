"""The checks' side of a locked worker: the same requests as `Worker` takes, over a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from rnnlib.exercises.grading import wire
from rnnlib.exercises.replies import OutOfTime
from rnnlib.exercises.worker import AnswerError, ChangedInput, Layer, Opaque, Ref

KINDS = {"Ref": Ref, "Opaque": Opaque, "Layer": Layer}
FIRST_USER = 61_000  # without rights; each check of a superuser's grader has one for itself
PATIENCE = 2.5  # wall-clock seconds for each second that a check may compute


class Gone(Exception):
    """The worker ended, or sent what is no message: it ran out of memory, was killed, or wanted to be."""


class WarmProcess:
    """The process that forks the workers. Use as a context; safe for several threads."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        script = Path(__file__).with_name("warm.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )
        theirs.close()
        self.channel, self.lock, self.count = ours, threading.Lock(), 0
        if self.channel.recv(1) != b"r":
            raise RuntimeError("the grader's worker process could not be started.")

    def fork(self, folder: Path, seconds: float) -> tuple[socket.socket, int]:
        """A new locked worker: the pipe to it, and its process."""
        ours, theirs = socket.socketpair()
        with self.lock:
            self.count += 1
            user = FIRST_USER + self.count % 4_000 if os.geteuid() == 0 else None
            if user is not None:
                os.chown(folder, user, user)
            request = {"folder": str(folder), "seconds": seconds, "user": user}
            socket.send_fds(self.channel, [json.dumps(request).encode()], [theirs.fileno()])
            theirs.close()
            pid = int.from_bytes(self.channel.recv(8), "big")
        return ours, pid

    def close(self) -> None:
        """End it."""
        self.channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteWorker:
    """A `Worker` in a locked process; what it sends is data, and a lie at worst.

    Attributes:
        locks: what held it, in words.
    """

    def __init__(self, warm: WarmProcess, before: str, code: str, given: str, seconds: float) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="answer-"))
        self.deadline = time.monotonic() + PATIENCE * seconds
        self.channel, self.pid = warm.fork(self.folder, seconds)
        try:
            self.locks: list[str] = [str(one) for one in json.loads(self._receive())][:20]
            self._ask("load", before, code, given)
        except BaseException:
            self.close()
            raise

    def _receive(self) -> bytes:
        self.channel.settimeout(max(0.01, self.deadline - time.monotonic()))
        try:
            return wire.receive(self.channel)
        except TimeoutError as error:
            raise OutOfTime from error
        except (EOFError, OSError, wire.BadMessage) as error:
            raise Gone(type(error).__name__) from error

    def _ask(self, request: str, *args: Any) -> Any:
        try:
            wire.send(self.channel, wire.pack({"ask": request, "args": args}, KINDS))
        except OSError as error:
            raise Gone("no longer there") from error
        try:
            reply = wire.unpack(self._receive(), KINDS)
        except wire.BadMessage as error:
            raise Gone(f"no message: {error}") from error
        if not isinstance(reply, dict):
            raise Gone("no message")
        if "said" in reply:
            said, line = str(reply["said"])[:300], reply.get("line")
            raise AnswerError(said, line if isinstance(line, int) else 0, reply.get("unfinished") is True)
        if reply.get("changed") is True:
            raise ChangedInput
        if "ok" not in reply:
            raise Gone("no message")
        return reply["ok"]

    def close(self) -> None:
        """Kill the worker and all that it started, and remove its folder."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(self.pid, signal.SIGKILL)
        self.channel.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> RemoteWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, request: str) -> Any:
        if request.startswith("_") or request not in REQUESTS:
            raise AttributeError(request)

        def ask(*args: Any) -> Any:
            reply = self._ask(request, *args)
            kept = request == "call" and args[-1] is True  # asked to keep the result: only its number comes
            if not isinstance(reply, Ref if kept else REQUESTS[request]):
                raise Gone(f"{request}: a {type(reply).__name__}")
            return reply

        return ask


REQUESTS = {
    "seed": type(None),
    "call": object,
    "value": object,
    "define": Ref,
    "parameters": dict,
    "buffers": dict,
    "set_parameters": type(None),
    "mode": type(None),
    "layers": list,
    "grad": dict,
    "code": dict,
    "operations": dict,
}
