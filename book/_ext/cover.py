"""The cover: the first output of a cell to be predicted, as the notebook stores it: a line, not the answer.

Of folded outputs JupyterLab shows the first line of the first one, which would often be the answer. So one
comes before it that only asks to guess. It is no part of what the cell shows: running the cell replaces it,
and pages and comparisons leave it out.
"""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_output

LINE = "先猜，再看（折叠着就点这里） | Guess first, then look (click here if folded)"
_KEY, _COVER = "rnnlib", "cover"  # of an output's metadata


def is_cover(output: dict) -> bool:
    """Whether a stored output is a cover, of today's words or of others."""
    return output.get("metadata", {}).get(_KEY) == _COVER


def uncovered(outputs: list[dict]) -> list[dict]:
    """What the cell itself showed."""
    return [output for output in outputs if not is_cover(output)]


def covered(cell: NotebookNode) -> list[NotebookNode]:
    """The outputs of a code cell as they are to be stored: with a cover where they are folded for a guess."""
    outputs = uncovered(cell.outputs)
    folded = cell.metadata.get("jupyter", {}).get("outputs_hidden", False)
    if not outputs or not folded or "predict" not in cell.metadata.get("tags", ()):
        return outputs
    return [new_output("display_data", {"text/plain": LINE}, metadata={_KEY: _COVER}), *outputs]
