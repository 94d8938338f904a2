"""Execute notebooks from a clean kernel and store what they print: `make run`, `make run CHAPTER=03_name`.

A notebook is replaced only when all its cells ran, and ran with the real corpora; what was measured
(seconds, hardware, versions) is written into its metadata under ``rnnlib``. The others go on if one fails.
Outputs to be predicted are stored with a cover; ``--covers-only`` stores the covers anew and runs nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import site
import statistics
import sys
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from notebooks import (
    BOOK,
    ROOT,
    code_digest,
    find_notebooks,
    output_texts,
    shows_substitute,
    tags,
    write_notebook,
)
from rnnlib import describe_device

sys.path.append(str(BOOK / "_ext"))
from cover import covered

WIDGET = "application/vnd.jupyter.widget-view+json"
SITE_PACKAGES = [folder for folder in site.getsitepackages() if folder.endswith("site-packages")]


class Refused(Exception):
    """The run is not to be stored; the message says why and what to do."""


def execute(notebook: NotebookNode, folder: Path, timeout: int) -> float:
    """Run all cells of ``notebook``, in place, with ``folder`` as working directory; wall seconds."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
    )
    start = time.perf_counter()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise Refused(str(error).strip()) from error
    return time.perf_counter() - start


def clean(notebook: NotebookNode) -> None:
    """Remove what changes from run to run or belongs to this computer; cell ids stay."""
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata.pop("signature", None)
    for cell in notebook.cells:
        for volatile in ("execution", "ExecuteTime", "collapsed", "scrolled"):
            cell.metadata.pop(volatile, None)
        for output in cell.get("outputs", []):
            if "traceback" in output:
                output["traceback"] = [without_folders(line) for line in output["traceback"]]
            output.get("data", {}).pop(WIDGET, None)  # its still form stays: HTML or a picture
    notebook.metadata.pop("widgets", None)


def without_folders(text: str) -> str:
    """A traceback without the folders of this computer."""
    for folder in [*SITE_PACKAGES, str(ROOT)]:
        text = text.replace(folder + "/", "")
        with_tilde = re.sub(f"^{re.escape(str(Path.home()))}", "~", folder)
        text = text.replace(with_tilde + "/", "")
    return text


def gflops() -> float:
    """Billions of operations a second that one core does now: the median of a few matrix products.

    It is stored beside the seconds, which mean little without it: machines differ, and may be busy.
    """
    threads, size = torch.get_num_threads(), 768
    torch.set_num_threads(1)
    A, rates = torch.rand(size, size), []
    try:
        for _ in range(9):
            start = time.perf_counter()
            A @ A
            rates.append(2 * size**3 / (time.perf_counter() - start) / 1e9)
    finally:
        torch.set_num_threads(threads)
    return statistics.median(rates)


def check_corpora(notebook: NotebookNode) -> None:
    """Refuse outputs that were made with an embedded text in place of a real corpus."""
    for cell, text in output_texts(notebook.cells):
        if shows_substitute(text) and "shows-substitute" not in tags(cell):
            number = notebook.cells.index(cell) + 1
            raise Refused(
                f"cell {number} says that an embedded text stood in for a real corpus. Connect to a network, "
                "or let RNNLIB_DATA name a folder with the corpora; --allow-substitute stores it as it is."
            )


def cover(notebook: NotebookNode) -> bool:
    """Give every cell to be predicted its cover, in place, and no other; True if that changed something."""
    changed = False
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.outputs != (outputs := covered(cell)):
            cell.outputs, changed = outputs, True
    return changed


def cover_stored(paths: list[Path]) -> None:
    """`cover` notebook files, and say which were changed."""
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        if cover(notebook):
            write_notebook(notebook, path)
            print(f"{path}: the covers are now right")


def run(path: Path, timeout: int, allow_substitute: bool) -> float:
    """Run one notebook and store it; wall seconds."""
    before = path.read_bytes()
    notebook = nbformat.reads(before.decode("utf-8"), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)
    rate = gflops()
    seconds = execute(notebook, path.parent, timeout)
    rate = (rate + gflops()) / 2
    if not allow_substitute:
        check_corpora(notebook)
    clean(notebook)
    cover(notebook)
    notebook.metadata["rnnlib"] = {
        "seconds": round(seconds, 1),
        "gflops": round(rate),
        "hardware": describe_device().split(", torch")[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
        "code": code_digest(notebook),
    }
    if path.read_bytes() != before:
        raise Refused("the file was changed by somebody else during the run; run it again.")
    write_notebook(notebook, path)
    return seconds


def main() -> int:
    """Run the notebooks that are named, or all; 0 if every one was stored."""
    os.environ["RNNLIB_PROGRESS"] = "off"  # solutions that run here are nobody's progress
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in book/")
    parser.add_argument("--allow-substitute", action="store_true", help="store runs with embedded texts, too")
    parser.add_argument("--covers-only", action="store_true", help="run nothing, store the covers anew")
    parser.add_argument("--timeout", type=int, default=600, help="seconds that one cell may take")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.notebooks] or find_notebooks()
    if arguments.covers_only:
        cover_stored(paths)
        return 0
    minutes: dict[str, float] = {}
    failures: dict[str, str] = {}
    for path in paths:
        name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        print(f"{name} ...", end=" ", flush=True)
        try:
            minutes[name] = run(path, arguments.timeout, arguments.allow_substitute) / 60
            print(f"{minutes[name]:.1f} min", flush=True)
        except (Refused, OSError, ValueError) as error:
            failures[name] = str(error)
            print("NOT STORED, the old file is untouched", flush=True)
    print(f"\n{'minutes':>8}  notebook ({describe_device()})")
    for name, value in minutes.items():
        print(f"{value:8.2f}  {name}")
    print(f"{sum(minutes.values()):8.2f}  together")
    for name, reason in failures.items():
        print(f"\n{name}: not stored.\n{reason}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
