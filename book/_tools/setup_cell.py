"""Put the public address of `_config.yml` into the setup cell of every notebook: `make address`."""

from __future__ import annotations

import argparse
from pathlib import Path

import nbformat

from notebooks import SETUP_TAGS, find_notebooks, public_address, setup_source, tags, write_notebook


def rewrite(path: Path, address: str) -> bool:
    """Give one notebook the setup cell for ``address``; True if that changed the file."""
    notebook = nbformat.read(path, as_version=4)
    source = setup_source(address)
    cell = next((cell for cell in notebook.cells if "setup" in tags(cell)), None)
    if cell is None:
        cell = nbformat.v4.new_code_cell(source, metadata={"tags": SETUP_TAGS})
        first_code = next(
            (i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"), len(notebook.cells)
        )
        notebook.cells.insert(first_code, cell)
    elif cell.source == source:
        return False
    else:
        cell.source = source
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
            print(f"{path}: setup cell now installs from {address}")
    print(f"{len(paths)} notebook(s) install rnnlib from {address}")


if __name__ == "__main__":
    main()
