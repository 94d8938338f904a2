"""What the tools and the tests have to know about the book's notebooks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"

# Every tag that something reads: the pages, nbval, Jupyter, the rules of the book.
KNOWN_TAGS = {
    *("lang-zh", "lang-en", "links-differ", "setup", "shows-substitute", "shows-warning"),
    *("predict", "shows-text"),
    *("answer", "solution", "given"),
    *("hide-input", "hide-output", "hide-cell", "remove-input", "remove-output", "remove-cell"),
    *("nbval-ignore-output", "nbval-skip", "raises-exception"),
}
SETUP_TAGS = ["setup", "remove-cell"]
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
GPU_METADATA = {"accelerator": "GPU", "colab": {"gpuType": "T4"}}

# What rnnlib says, in either language, where an embedded text stands in for a corpus that could not be had.
SUBSTITUTE_MARKS = ("【注意】没有取得语料", "[NOTICE] The corpus", "（以内置的", "stands in)")

_SETUP_CELL = """\
# 在没有 rnnlib 的地方（例如 Colab）安装它；已经有了就什么也不做 | Installs rnnlib where it is missing \
(on Colab, say); does nothing elsewhere
import importlib.util

if importlib.util.find_spec("rnnlib") is None:
    %pip install -q "rnnlib[notebooks] @ git+{address}\""""
PLACEHOLDER = "/OWNER/"  # stands in the address of a book that is not published
_NO_ADDRESS = """\
# 需要 rnnlib；本书还没有公开地址，不能从网上安装 | rnnlib is needed; without a public address yet, \
it can't be installed from the network
import importlib.util

if importlib.util.find_spec("rnnlib") is None:
    raise ModuleNotFoundError(
        "没有 rnnlib。在本书的目录里运行 make lab，或 pip install '.[notebooks]'。"
        " | rnnlib is missing. In the folder of this book run make lab, or pip install '.[notebooks]'."
    )"""


def find_notebooks(folder: Path = BOOK) -> list[Path]:
    """Every notebook under ``folder``, sorted; checkpoints and folders named ``_...`` do not count."""
    return sorted(
        path
        for path in folder.rglob("*.ipynb")
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def public_address(config: Path = ROOT / "_config.yml") -> str:
    """The repository's public address: ``repository.url`` of the book's configuration."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    url = (settings.get("repository") or {}).get("url")
    if not url:
        raise ValueError(f"{config} has no repository.url; add it: the notebooks install rnnlib from there.")
    return str(url).rstrip("/")


def listed_files(contents: str) -> list[str]:
    """Every ``file:`` of a table of contents (the text of ``_toc.yml``), in order."""

    def files(node: object) -> list[str]:
        if isinstance(node, list):
            return [file for child in node for file in files(child)]
        if isinstance(node, dict):
            return ([node["file"]] if "file" in node else []) + files(list(node.values()))
        return []

    return files(yaml.safe_load(contents))


def described_chapters(index: str) -> list[str]:
    """The chapters that the home page (the text of ``index.md``) has a sentence for, in order."""
    block = re.search(r"^```\{chapters\}\n(.*?)^```", index, re.M | re.DOTALL)
    return re.findall(r"^ *([^:\n]+): ", block[1], re.M) if block else []


def missing_from(path: Path, root: Path = ROOT) -> list[str]:
    """What does not list a notebook of the book yet: ``_toc.yml``, ``book/index.md``."""
    name = path.resolve().relative_to(root / "book").with_suffix("").as_posix()
    toc = listed_files((root / "_toc.yml").read_text(encoding="utf-8"))
    described = described_chapters((root / "book" / "index.md").read_text(encoding="utf-8"))
    lists = {"_toc.yml": f"book/{name}" in toc, "book/index.md": name in described}
    return [file for file, has_it in lists.items() if not has_it]


def setup_source(address: str) -> str:
    """The source of the first code cell of every notebook; an address that is a placeholder leads nowhere."""
    return _NO_ADDRESS if PLACEHOLDER in address else _SETUP_CELL.format(address=address)


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def code_digest(notebook: NotebookNode) -> str:
    """A short checksum of all code but the setup cell: it tells whether outputs belong to the code."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "setup" not in tags(cell)]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def output_texts(cells: Iterable[NotebookNode]) -> Iterable[tuple[NotebookNode, str]]:
    """Pairs (cell, text) for all that code cells printed, returned or raised, without terminal colours."""
    for cell in cells:
        for output in cell.get("outputs", []):
            parts = [output.get("text", ""), "\n".join(output.get("traceback", []))]
            parts += [
                value
                for kind, value in output.get("data", {}).items()
                if kind.startswith("text/") and isinstance(value, str)
            ]
            yield cell, re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(parts))


def shows_substitute(text: str) -> bool:
    """Whether printed text says that an embedded text stood in for a real corpus."""
    return any(mark in text for mark in SUBSTITUTE_MARKS)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Validate a notebook and put it in place in one step."""
    nbformat.validate(notebook)
    write_text(nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Put a text in place in one step: the file is the old one or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
