"""One training run on several processes, the ranks, started by torchrun: each takes rows of every batch.

All ranks read the same text with the same generator, and each keeps the recurrent state of its own rows.
After the backward pass the gradients are averaged over all labels of the batch, so that any number of ranks
takes the steps that a single process takes, to rounding. Without torchrun everything here does nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from rnnlib.data.batches import Inputs
from rnnlib.states import State, map_state

TIMEOUT = 60.0  # seconds that a rank waits for the others; RNNLIB_TIMEOUT has another number
ROLL_CALL = 3.0  # seconds that the ranks have to say that they are still there
BEAT = 0.3  # seconds between two signs of life of a rank that waits for the others


class RankLost(ConnectionError):
    """Another rank ended, hangs or was never there."""


class _Ranks:
    """The group that this process belongs to: its number, how many there are, and their common store.

    When a rank is gone, some of the others notice at once, and some only wait on, for one that waits itself.
    So whoever waits gives signs of life, by a thread, and whoever notices looks for the ranks that give none.
    """

    def __init__(self, rank: int, size: int, store: Any):
        self.rank, self.size, self.store = rank, size, store
        self.waiting = False
        self.found: str | None = None  # what the first rank that noticed has found
        self._ended = threading.Event()
        threading.Thread(target=self._beat, daemon=True, name="rnnlib-ranks").start()

    def end(self) -> None:
        """No signs of life from now on."""
        self._ended.set()

    def missing(self) -> list[int]:
        """After an error: the ranks that are gone or hang, the same on every rank that asks."""
        with contextlib.suppress(RuntimeError):  # rank 0 has ended, and the store with it
            self._look()
            if self.found is None:
                found = " ".join(["missing", *map(str, self._silent())])
                self.found = self.store.compare_set("missing", "", found).decode()  # the first one counts
            if self.rank == 0:
                time.sleep(3 * BEAT)  # with us the store may go: let the others read it
        return [0] if self.found is None else [int(number) for number in self.found.split()[1:]]

    def _silent(self) -> list[int]:
        self.store.set(f"noticed/{self.rank}", b"1")
        others = [i for i in range(self.size) if i != self.rank]
        before = {i: self.store.add(f"beat/{i}", 0) for i in others}
        end = time.monotonic() + ROLL_CALL
        while others and time.monotonic() < end:
            time.sleep(0.02)
            others = [
                i
                for i in others
                if self.store.add(f"beat/{i}", 0) == before[i] and not self.store.check([f"noticed/{i}"])
            ]
        return others

    def _beat(self) -> None:
        with contextlib.suppress(RuntimeError):
            while not self._ended.wait(BEAT):
                if self.waiting:
                    self.store.add(f"beat/{self.rank}", 1)
                self._look()

    def _look(self) -> None:
        if self.found is None and self.store.check(["missing"]):
            self.found = self.store.get("missing").decode()


_ranks: _Ranks | None = None
_speaker = 0  # the rank that prints: the first one that is there


def world() -> tuple[int, int]:
    """This process' rank and the number of ranks, as torchrun states them; (0, 1) without it.

    Raises:
        ValueError: if RANK and WORLD_SIZE do not fit each other.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return 0, 1
    given = os.environ["RANK"], os.environ["WORLD_SIZE"]
    if not all(word.isdigit() for word in given) or not int(given[0]) < int(given[1]):
        raise ValueError(f"RANK={given[0]!r} and WORLD_SIZE={given[1]!r} do not fit; start with torchrun.")
    return int(given[0]), int(given[1])


def is_first() -> bool:
    """Whether this is the rank that prints and saves; always, without torchrun."""
    return world()[0] == _speaker


def choose_device(name: str) -> str:
    """The device of this rank: with GPUs each rank has one of its own, ``cuda:LOCAL_RANK``.

    Args:
        name: ``"auto"``, ``"cpu"``, ``"cuda"`` or, without torchrun, any other.

    Raises:
        ValueError: if there are more ranks than GPUs, or all ranks are to share one device.
    """
    if world()[1] == 1 or name == "cpu":
        return name
    if name not in ("auto", "cuda"):
        raise ValueError(f"device={name!r}: with several ranks use 'cuda', one GPU for each, or 'cpu'.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto" and count == 0:
        return "cpu"
    local = int(os.environ.get("LOCAL_RANK", 0))
    if local >= count:
        here = os.environ.get("LOCAL_WORLD_SIZE", world()[1])
        raise ValueError(
            f"{here} ranks on this machine, but torch sees {count} CUDA device(s), and each rank needs one: "
            f"use --nproc-per-node={max(count, 1)}, or device='cpu'."
        )
    return f"cuda:{local}"


def check_rows(batch_size: int) -> None:
    """A ValueError unless the rows of a batch can be split evenly over the ranks."""
    size = world()[1]
    if batch_size % size:
        near = max(batch_size // size, 1) * size
        raise ValueError(
            f"batch_size={batch_size} rows cannot be split evenly over {size} ranks; use a multiple of "
            f"{size}, such as batch_size={near}."
        )


@contextlib.contextmanager
def group(device: torch.device | str = "cpu", timeout: float | None = None) -> Iterator[None]:
    """Run the block as one rank of the job that torchrun started; without torchrun, just run it.

    Check all arguments and read all files before it: a mistake is then found by each rank alone, and not by
    the others when they wait in vain. Dropout draws from another stream on each rank.

    Args:
        device: of this rank; NCCL joins GPUs, gloo CPUs.
        timeout: seconds to wait for the other ranks, at the beginning and at every step: 60, or what the
            variable RNNLIB_TIMEOUT says. It bounds how much longer than the others one rank may take, as for
            saving.

    Raises:
        RankLost: if another rank does not appear, or is gone later; it says which one. With NCCL, whose calls
            return before they are done, only the first holds: of a rank that is gone later torchrun speaks,
            and of one that hangs NCCL's own watchdog, after the same time.
    """
    global _ranks
    rank, size = world()
    if size == 1 or _ranks is not None:
        yield
        return
    seconds = float(os.environ.get("RNNLIB_TIMEOUT", TIMEOUT)) if timeout is None else timeout
    limit = timedelta(seconds=seconds)
    kind = torch.device(device).type
    try:
        store = _store(rank, size, limit)
        if missing := _absent(rank, size, store, seconds):
            raise RankLost(_who(missing, size, f"did not appear within {seconds:g} seconds"))
        if kind == "cuda":
            torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=limit)
        dist.barrier()  # until all are connected, nobody may come to an end
    except RuntimeError as error:
        why = _line(error)
        raise RankLost(_who([0] if rank else [], size, f"cannot be reached ({why})", why)) from error
    _ranks = _Ranks(rank, size, store)
    if rank:
        digest = hashlib.sha256(bytes(torch.get_rng_state().tolist()) + bytes([rank % 256, rank // 256]))
        torch.manual_seed(int.from_bytes(digest.digest()[:7], "little"))
    try:
        yield
        dist.destroy_process_group()
    finally:
        _ranks.end()
        _ranks = None


def _store(rank: int, size: int, limit: timedelta) -> Any:
    """The common store: torchrun's own, or where ranks were started by hand, one that rank 0 holds."""
    of_torchrun = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    try:
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"MASTER_ADDR and MASTER_PORT must say where rank 0 is ({error}); start with torchrun."
        ) from error
    holds = rank == 0 and not of_torchrun
    store = dist.TCPStore(host, port, size, holds, timeout=limit, wait_for_workers=False)
    return dist.PrefixStore(f"rnnlib/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)


def rows(inputs: Inputs, labels: Tensor, check: bool = False) -> tuple[Inputs, Tensor, int]:
    """The rows of a batch that belong to this rank.

    Args:
        inputs, labels: the whole batch, which every rank has.
        check: compare the labels of all ranks first.

    Returns:
        ``(inputs, labels, weight)``; where a last batch has fewer rows than there are ranks, a rank may get a
        row that another one answers for, with the weight 0 instead of 1.

    Raises:
        ValueError: if the ranks have read different batches.
    """
    if _ranks is None:
        return inputs, labels, 1
    if check:
        _check_alike(labels)
    count, rank, size = len(labels), _ranks.rank, _ranks.size
    low, high = count * rank // size, count * (rank + 1) // size
    weight = int(high > low)
    mine = slice(low, high) if weight else slice(0, 1)
    if isinstance(inputs, tuple):
        return tuple(part if part is None else part[mine] for part in inputs), labels[mine], weight
    return inputs[mine], labels[mine], weight


def _check_alike(labels: Tensor) -> None:
    own = torch.stack([torch.tensor(float(len(labels))), labels.detach().double().sum().cpu()]).double()
    own = torch.cat([own, labels.detach().reshape(-1)[:: max(labels.numel() // 16, 1)][:16].double().cpu()])
    own = torch.nn.functional.pad(own, (0, 18 - len(own)))
    everyone = [torch.empty_like(own) for _ in range(_ranks.size)]
    with _together():
        dist.all_gather(everyone, own)
    others = [i for i, theirs in enumerate(everyone) if not torch.equal(theirs, everyone[0])]
    if others:
        raise ValueError(
            f"rank {others[0]} reads other batches than rank 0; all ranks must read the same ones: give the "
            "loader a seed, or call set_seed with the same number on every rank."
        )


def average(model: Any, loss: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Put the gradient of the whole batch in the place of the gradient of this rank's rows.

    A rank's gradient is that of a mean, so each is weighted with the labels that it is the mean of. All
    gradients, the loss and the count go through one all-reduce of one flat vector: recurrent networks have
    few, small parameters, and one message costs less than several; there is no later layer whose backward
    pass could hide the time of a first message, because through time all gradients are ready at the very end.

    Args:
        model: each of its parameters has a gradient on all ranks or on none.
        loss: the mean loss of this rank's rows.
        count: the labels that it is the mean of; 0 if none counts.

    Returns:
        ``(the mean loss of the whole batch, its labels that count)``, the same on every rank.
    """
    if _ranks is None:
        return loss, count
    grads = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    count = count.to(loss.device)
    flat = torch.cat([*(grad.detach().reshape(-1) for grad in grads), loss.detach().reshape(1)])
    flat = torch.where(count > 0, flat * count, torch.zeros_like(flat))  # a mean over nothing is no number
    flat = torch.cat([flat, count.reshape(1).to(flat.dtype)])
    with _together():
        dist.all_reduce(flat)
    count = flat[-1].round().long()
    flat = flat[:-1] / flat[-1]
    sizes = [grad.numel() for grad in grads]
    for grad, part in zip(grads, flat[:-1].split(sizes)):
        grad.copy_(part.view_as(grad))
    return flat[-1], count


def begin(model: Any, data: Any, position: Any) -> None:
    """Before a run: all ranks get the parameters of rank 0, and each its part of where the run stands.

    Raises:
        ValueError: if the rows of a loader that carries the state cannot be split over the ranks.
    """
    if _ranks is None:
        return
    if getattr(data, "carries_state", False) and hasattr(data, "batch_size"):
        check_rows(data.batch_size)
    with _together(), torch.no_grad():
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, 0)
    position.state = map_state(lambda part: part.chunk(_ranks.size, -2)[_ranks.rank], position.state)
    if len(position.ranks) == _ranks.size:
        torch.set_rng_state(position.ranks[_ranks.rank])


def gather(state: State) -> State:
    """The state of all rows of the batch, from the states of every rank's rows."""
    if _ranks is None:
        return state

    def whole(part: Tensor) -> Tensor:
        own = part.detach().contiguous()
        parts = [torch.empty_like(own) for _ in range(_ranks.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts, dim=-2)

    with _together():
        return map_state(whole, state)


def gather_generators() -> tuple[Tensor, ...]:
    """The state of torch's generator on each rank; () without ranks."""
    if _ranks is None:
        return ()
    own = torch.get_rng_state()
    states = [torch.empty_like(own) for _ in range(_ranks.size)]
    with _together():
        dist.all_gather(states, own)
    return tuple(states)


def complain(message: str) -> None:
    """Print an error once: the first rank prints; another one waits until torchrun has ended it for that."""
    if not is_first():
        time.sleep(ROLL_CALL)
        message = f"[rank {world()[0]}] {message}"
    print(message, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """Whatever all ranks do at once; if it fails, find out who is missing."""
    global _speaker
    ranks = _ranks
    ranks.waiting = True
    try:
        yield
    except RuntimeError as error:
        with contextlib.suppress(
            ValueError
        ):  # torchrun ends us at once, but first we say why; main thread only
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        missing = ranks.missing()
        _speaker = min(set(range(ranks.size)) - set(missing))
        raise RankLost(_who(missing, ranks.size, "ended or does not answer", _line(error))) from error
    finally:
        ranks.waiting = False


def _absent(rank: int, size: int, store: Any, seconds: float) -> list[int]:
    """At the beginning: the ranks that do not appear in time."""
    end = time.monotonic() + seconds
    absent = [i for i in range(size) if i != rank]
    try:
        store.set(f"here/{rank}", b"1")
        while absent and time.monotonic() < end:
            absent = [i for i in absent if not store.check([f"here/{i}"])]
            time.sleep(0.02)
    except RuntimeError:  # rank 0 holds the store
        return [0]
    return absent


def _who(missing: list[int], size: int, what: str, why: str = "") -> str:
    names = ", ".join(map(str, missing))
    if missing:
        who = f"rank{'s' if len(missing) > 1 else ''} {names} of {size} {what}"
    else:
        who = f"the connection between the {size} ranks broke" + (f" ({why})" if why else "")
    return (
        f"{who}. All ranks stop. The last checkpoint serves for any number of ranks: go on with --resume, or "
        "start again."
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
