"""The warm process of the grader: has torch loaded, knows no check, and forks a locked child for each request.

Started by file name, not as a module of the package, so that nothing of the checks is in its memory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent


def load(path: Path) -> ModuleType:
    """A module by its file, without the package around it."""
    spec = importlib.util.spec_from_file_location(f"answer_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def serve(channel: socket.socket, worker: ModuleType, wire: ModuleType) -> None:
    """Load the answer that comes first, then do what is asked until the other side hangs up."""
    kinds = {"Ref": worker.Ref, "Opaque": worker.Opaque, "Layer": worker.Layer}
    held: object = None

    def reply(**content: object) -> None:
        wire.send(channel, wire.pack(content, kinds))

    while True:
        try:
            request = wire.unpack(wire.receive(channel), kinds)
        except (EOFError, OSError):
            return
        try:
            if request["ask"] == "load":
                before, code, given = request["args"]
                space: dict[str, object] = {"__name__": "__main__"}
                try:
                    exec(compile(before, "<before>", "exec"), space)
                    exec(compile(code, "<answer>", "exec"), space)
                    held = worker.Worker(space[given])
                except Exception as error:
                    raise worker._described(error) from error
                reply(ok=None)
            else:
                reply(ok=getattr(held, request["ask"])(*request["args"]))
        except worker.AnswerError as error:
            reply(said=error.said, line=error.line, unfinished=error.unfinished)
        except worker.ChangedInput:
            reply(changed=True)


def child(
    channel: socket.socket,
    request: dict,
    readable: list[Path],
    lock: ModuleType,
    modules: tuple[ModuleType, ModuleType],
) -> None:
    """One check: split off, fork once more, lock in, serve."""
    os.setsid()
    held = lock.split_off()
    pid = os.fork()
    if pid:
        channel.close()
        lock.outlive_nobody()
        with contextlib.suppress(OSError):
            os.waitpid(pid, 0)
        os._exit(0)
    lock.outlive_nobody()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    keep = channel.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, 4096)
    os.environ.clear()
    held += lock.lock_in(Path(request["folder"]), request["seconds"], readable, request["user"], bool(held))
    modules[1].send(channel, json.dumps(held).encode())
    serve(channel, *modules)
    os._exit(0)


def main() -> None:
    """Fork a child for every request that comes over the socket whose number is the argument."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    lock, worker, wire = load(HERE / "lock.py"), load(HERE.parent / "worker.py"), load(HERE / "wire.py")
    lock.outlive_nobody()
    lock.adopt_orphans()
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(ImportError):
        import numpy  # noqa: F401  (what answers may import must be in memory: its files can't be read later)
    import collections  # noqa: F401

    import torch.nn.utils.rnn

    import rnnlib
    import rnnlib.today

    empty = ModuleType("rnnlib.exercises")  # notebooks import it; here it checks nothing and knows nothing
    empty.check = empty.report = lambda *args: None
    sys.modules["rnnlib.exercises"] = rnnlib.exercises = empty

    (torch.nn.LSTM(2, 2)(torch.ones(1, 1, 2))[0].sum()).backward()  # what torch loads at the first use
    readable = lock.python_files(hidden={"rnnlib", "__editable__"})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener.sendall(b"r")
    while True:
        message, handles, _, _ = socket.recv_fds(listener, 1 << 20, 1)
        if not message:
            return
        channel = socket.socket(fileno=handles[0])
        pid = os.fork()
        if pid == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child(channel, json.loads(message), readable, lock, (worker, wire))
            os._exit(0)
        channel.close()
        listener.sendall(pid.to_bytes(8, "big"))


if __name__ == "__main__":
    main()
