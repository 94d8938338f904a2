"""Write a checkpoint every so many steps, so that a run that is killed loses no more than those."""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rnnlib.common import check_positive, remove_leftovers
from rnnlib.data.text import Vocab
from rnnlib.training import parallel
from rnnlib.training.checkpoints import import_safetensors, save_checkpoint
from rnnlib.training.position import Position
from rnnlib.training.record import History


class Saver:
    """Hand one to :func:`rnnlib.train` as ``saver``, and it saves within the epochs.

    Steps are counted, not seconds: so all ranks of a parallel run save at the same moment without asking each
    other, and a run can be repeated to the bit. The file is a checkpoint like any other, with a ``position``:
    restore it, give ``position=checkpoint.position`` and ``history=checkpoint.history`` to ``train``, and it
    ends as if it had never stopped. When the run is over, save it once more with ``save_checkpoint``.

    Args:
        path: the file; the older one stays until the new one is whole.
        every: steps of the optimizer between two files.
        vocab, config: stored as by :func:`rnnlib.save_checkpoint`.

    Raises:
        ValueError: if ``every`` is not a whole number of at least 1.
        FileNotFoundError: if the folder does not exist.

    Example:
        >>> from rnnlib.training.saving import Saver
        >>> train(model, data, 10, optimizer=optimizer, saver=Saver("a.ckpt", every=500))
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int,
        *,
        vocab: Vocab | None = None,
        config: Mapping[str, Any] | None = None,
    ):
        check_positive(save_every=every)
        import_safetensors()
        self.path, self.every, self.vocab, self.config = Path(path), every, vocab, config
        if not self.path.resolve().parent.is_dir():
            raise FileNotFoundError(f"the folder of {str(path)!r} does not exist; create it first.")
        if parallel.is_first():
            remove_leftovers(self.path)
        self.steps = 0
        self.stop = self.saved = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Run a block in which Ctrl-C, and the SIGTERM with which a cluster announces an end, save first.

        The file is written after the step that is under way, and the run ends. A second Ctrl-C does not wait.
        Several ranks are not asked: their signals do not come after the same step.
        """
        if parallel.world()[1] > 1 or threading.current_thread() is not threading.main_thread():
            yield
            return
        names = (signal.SIGINT, signal.SIGTERM)
        before = [signal.getsignal(name) for name in names]

        def put_back(*_: Any) -> None:
            for name, handler in zip(names, before):
                signal.signal(name, handler)

        def stop(*_: Any) -> None:
            self.stop = True
            put_back()

        for name in names:
            signal.signal(name, stop)
        try:
            yield
        finally:
            put_back()

    def watch(self, model: Any, optimizer: Any, history: History, loader: Any) -> Callable[[Position], None]:
        """What is to be called after every step of a run over these."""

        def after_step(position: Position) -> None:
            self.steps += 1
            if self.steps % self.every and not self.stop:
                return
            whole = copy.copy(position)  # the run itself goes on with its own rows
            whole.state, whole.ranks = parallel.gather(position.state), parallel.gather_generators()
            if parallel.is_first():
                parts = {"vocab": self.vocab, "config": self.config, "loader": _with_state(loader)}
                parts |= {"optimizer": optimizer, "history": history, "position": whole}
                save_checkpoint(self.path, model, **parts)
            self.saved = True
            if self.stop:
                raise KeyboardInterrupt

        return after_step


def _with_state(loader: Any) -> Any:
    return loader if hasattr(loader, "state_dict") else None
