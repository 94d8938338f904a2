"""Give every notebook its setup cell, with the address of `_config.yml`, and its metadata: `make address`."""

from __future__ import annotations

import argparse
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from notebooks import (
    GPU_METADATA,
    KERNELSPEC,
    SETUP_TAGS,
    find_notebooks,
    public_address,
    setup_source,
    tags,
    write_notebook,
)


def equip(notebook: NotebookNode, address: str) -> bool:
    """Give a notebook, in place, the setup cell for ``address``, GPU and kernel; True if that changed it."""
    metadata = {"kernelspec": KERNELSPEC, **GPU_METADATA}
    changed = any(notebook.metadata.get(key) != value for key, value in metadata.items())
    notebook.metadata.update(metadata)
    cell = next((cell for cell in notebook.cells if "setup" in tags(cell)), None)
    if cell is None:
        cell = nbformat.v4.new_code_cell(metadata={"tags": SETUP_TAGS})
        first_code = next(
            (i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), len(notebook.cells)
        )
        notebook.cells.insert(first_code, cell)
    changed |= cell.source != setup_source(address)
    cell.source = setup_source(address)
    return changed


def rewrite(path: Path, address: str) -> bool:
    """`equip` one notebook file; True if that changed it."""
    notebook = nbformat.read(path, as_version=4)
    if not equip(notebook, address):
        return False
    write_notebook(notebook, path)
    return True


def main() -> None:
    """Rewrite the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in book/")
    paths = parser.parse_args().notebooks or find_notebooks()
    address = public_address()
    for path in paths:
        if rewrite(path, address):
            print(f"{path}: setup cell and metadata are now right")
    print(f"{len(paths)} notebook(s) install rnnlib from {address}")


if __name__ == "__main__":
    main()
