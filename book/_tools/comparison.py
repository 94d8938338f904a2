"""What `make notebooks` adds to nbval, as a pytest plugin: everywhere the same corpora, and a hint.

A chapter must not pass on a computer that has the real corpora and fail on one that has not. So outputs are
compared while the embedded texts stand in, even where the real ones are at hand; a cell whose output depends
on the corpus then fails until it is tagged ``nbval-ignore-output``, and is told why. ``--corpora real`` takes
the real ones. The covers of outputs to be predicted are left out: a run makes none.
"""

from __future__ import annotations

import os
import tempfile

import matplotlib
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

from book._ext.cover import uncovered
from book._tools.notebooks import output_texts, shows_substitute

SUBSTITUTE = pytest.StashKey[int]()  # of a notebook: its first cell that says an embedded text stood in
TITLE = "语料是内置文本 | The corpus was an embedded text"
HINT = (
    "单元 {number} 读的是内置文本，而存下的输出来自真语料。"
    "输出随语料而变的单元要加标签 nbval-ignore-output。\n"
    "Cell {number} read an embedded text, while the stored outputs come from the real corpus. "
    "A cell whose output depends on the corpus needs the tag nbval-ignore-output."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corpora", choices=["embedded", "real"], default="embedded")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the kernels off the network; for embedded texts hide the reader's folder and the cache, too."""
    os.environ["RNNLIB_OFFLINE"] = "1"
    if config.getoption("corpora") == "embedded":
        # Matplotlib keeps its list of fonts in the cache, too, and would make it anew.
        os.environ.setdefault("MPLCONFIGDIR", matplotlib.get_cachedir())
        empty = tempfile.TemporaryDirectory(prefix="no-corpora-")
        config.add_cleanup(empty.cleanup)
        os.environ.update(XDG_CACHE_HOME=empty.name, LOCALAPPDATA=empty.name)
        os.environ.pop("RNNLIB_DATA", None)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Take the cover off the outputs that a cell is compared with."""
    if isinstance(item, IPyNbCell):
        item.cell.outputs = uncovered(item.cell.outputs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Add the reason to the report of a cell that fails after its notebook has read a substitute."""
    report = yield
    if call.when == "call" and isinstance(item, IPyNbCell):
        notebook = item.parent
        ran = NotebookNode(outputs=item.test_outputs or [])
        if any(shows_substitute(text) for _, text in output_texts([ran])):
            notebook.stash.setdefault(SUBSTITUTE, notebook.nb.cells.index(item.cell) + 1)
        if report.failed and SUBSTITUTE in notebook.stash:
            report.sections.append((TITLE, HINT.format(number=notebook.stash[SUBSTITUTE])))
    return report
