"""The Time Machine as the Chinese edition loads it: by key, by line, by index, by minibatch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rnnlib.common import atomic_write
from rnnlib.data import sources
from rnnlib.data.batches import Batch, seq_data_iter_random, seq_data_iter_sequential
from rnnlib.data.catalogue import CATALOGUE, cache_folder, sha1_of
from rnnlib.data.text import Vocab, clean_lines
from rnnlib.data.text import tokenize as split_lines

DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
DATA_HUB: dict[str, tuple[str, str]] = {
    "time_machine": (DATA_URL + "timemachine.txt", CATALOGUE["time_machine"].sha1)
}


def download(name: str, cache_dir: str | Path | None = None) -> str:
    """The local path of a file that ``DATA_HUB`` names; it is fetched and verified if it is not here yet.

    A file that the catalogue of :mod:`rnnlib.data` knows by its checksum is looked for wherever
    :func:`rnnlib.load_corpus` looks. If it cannot be had, the path is that of the embedded text that stands
    in, and a notice says so.

    Args:
        name: a key of ``DATA_HUB``, whose value is ``(address, SHA-1)``.
        cache_dir: folder to keep the file in; by default the library's own cache folder.

    Raises:
        ValueError: if ``DATA_HUB`` has no such key.
        OSError: if no source has a file that is not in the catalogue.
    """
    if name not in DATA_HUB:
        raise ValueError(f"DATA_HUB has no {name!r}; it has {sorted(DATA_HUB)}. Add (address, SHA-1) first.")
    url, sha1 = DATA_HUB[name]
    target = Path(cache_folder() if cache_dir is None else cache_dir) / url.rsplit("/", 1)[-1]
    entry = next((e for e in CATALOGUE.values() if not e.is_embedded and e.sha1 == sha1), None)
    if entry is None:
        return str(sources.download([url], target, sha1))
    if cache_dir is not None and target.is_file() and sha1_of(target.read_bytes()) == sha1:
        return str(target)
    found = sources.find(entry, clean=False)
    if cache_dir is None or found.entry is not entry:
        return found.origin
    target.parent.mkdir(parents=True, exist_ok=True)
    return str(atomic_write(target, found.data))


def read_time_machine() -> list[str]:
    """The lines of The Time Machine, in lower-case letters and single spaces."""
    return clean_lines(Path(download("time_machine")).read_text(encoding="utf-8"))


def tokenize(lines: list[str], token: str = "word") -> list[list[str]]:
    """Split each line into tokens: ``token`` is ``"word"`` or ``"char"``."""
    return split_lines(lines, token)


def load_corpus_time_machine(max_tokens: int = -1) -> tuple[list[int], Vocab]:
    """The characters of The Time Machine as one list of indices, and the vocabulary of the whole text.

    Args:
        max_tokens: keep the first so many indices; all of them if it is not positive.
    """
    tokens = tokenize(read_time_machine(), "char")
    vocab = Vocab(tokens)
    corpus = [vocab[token] for line in tokens for token in line]
    return (corpus[:max_tokens] if max_tokens > 0 else corpus), vocab


class SeqDataLoader:
    """Minibatches of The Time Machine; each pass over it draws a new random offset.

    Args:
        batch_size: B.
        num_steps: T.
        use_random_iter: random sampling; otherwise sequential partitioning.
        max_tokens: as for :func:`load_corpus_time_machine`.
    """

    def __init__(self, batch_size: int, num_steps: int, use_random_iter: bool, max_tokens: int):
        self.data_iter_fn = seq_data_iter_random if use_random_iter else seq_data_iter_sequential
        self.corpus, self.vocab = load_corpus_time_machine(max_tokens)
        self.batch_size, self.num_steps = batch_size, num_steps

    def __iter__(self) -> Iterator[Batch]:
        return self.data_iter_fn(self.corpus, self.batch_size, self.num_steps)


def load_data_time_machine(
    batch_size: int, num_steps: int, use_random_iter: bool = False, max_tokens: int = 10000
) -> tuple[SeqDataLoader, Vocab]:
    """Minibatches ``(X, Y)``, both (B, T) int64 on the CPU, and the vocabulary."""
    loader = SeqDataLoader(batch_size, num_steps, use_random_iter, max_tokens)
    return loader, loader.vocab
