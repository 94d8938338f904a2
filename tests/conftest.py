"""What every test stands on: one thread, one seed, no network, a cache folder of its own."""

from __future__ import annotations

import os

os.environ.setdefault("RNNLIB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import pytest
import torch

import rnnlib

torch.set_num_threads(1)
hypothesis.settings.register_profile(
    "rnnlib", deadline=None, derandomize=True, database=None, max_examples=50, print_blob=False
)
hypothesis.settings.load_profile("rnnlib")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device here"))


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _surroundings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _cache: str) -> None:
    """Seeds, and a cache folder that is nobody's real one (a browser keeps its own)."""
    rnnlib.set_seed(0)
    if request.node.get_closest_marker("site") is None:
        for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
            monkeypatch.setenv(variable, _cache)


@pytest.fixture
def vocab() -> rnnlib.Vocab:
    """The characters of a short English text: V = 28 with <unk>, as in the book."""
    return rnnlib.Vocab(list("the quick brown fox jumps over the lazy dog "))
