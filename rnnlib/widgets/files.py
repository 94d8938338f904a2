"""The files that figures are made of: scripts, styles and data, for pages and for notebooks alike.

A figure NAME has ``js/figures/NAME.js`` and may have ``css/NAME.css``; all use the parts in ``js/kit`` and
some the networks in ``js/engine.js``. Its data, if any, are ``packs/*.js``, written by ``make packs``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
_PACKS = re.compile(r"packs:\s*\[([^\]]*)\]")


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of all figures."""
    return tuple(sorted(path.stem for path in (HERE / "js" / "figures").glob("*.js")))


def script(name: str) -> str:
    """Text of the script of one figure."""
    return (HERE / "js" / "figures" / f"{name}.js").read_text(encoding="utf-8")


def needs_engine(name: str) -> bool:
    """Whether a figure computes with networks."""
    return "engine" in script(name).lower()


def pack_names(name: str) -> list[str]:
    """Names of the data that a figure needs from the start."""
    found = _PACKS.search(script(name))
    return re.findall(r"[\w-]+", found[1]) if found else []


def kit() -> str:
    """The parts of all figures, one after another."""
    files = sorted((HERE / "js" / "kit").glob("*.js"))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def engine() -> str:
    """The script of the networks."""
    return (HERE / "js" / "engine.js").read_text(encoding="utf-8")


def style(name: str) -> str:
    """Style sheet of a figure, or "" if the kit's is enough; ``kit`` is that of the parts."""
    path = HERE / "css" / f"{name}.css"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def sheet(name: str) -> str:
    """Style sheet of a figure and of its parts, for that figure alone.

    In a notebook each figure brings a sheet of its own, in the order of cells. The kit's ``.fig`` means that
    figure only here, and is as strong as before, so that no sheet has anything to say of another's figure.
    """
    return re.sub(r"\.fig(?![\w-])", f".fig:where(.fig-{name})", style("kit")) + style(name)


def packs() -> dict[str, Path]:
    """Data files by name."""
    return {path.stem: path for path in sorted((HERE / "packs").glob("*.js"))}


def module(name: str) -> str:
    """One figure and all that it needs as an ECMAScript module for anywidget.

    The scripts see a private scope in the place of ``globalThis``, so that two figures in a notebook, perhaps
    of two versions of the library, do not meet.
    """
    parts = [engine()] if needs_engine(name) else []
    parts += [kit(), (HERE / "js" / "notebook.js").read_text(encoding="utf-8"), script(name)]
    parts.append("const Kit = globalThis.Kit;")  # packs call it by its plain name
    parts += [packs()[pack].read_text(encoding="utf-8") for pack in pack_names(name) if pack in packs()]
    body = "\n".join(parts)
    return (
        f"const scope = {{}};\n(function (globalThis) {{\n{body}\n}})(scope);\n"
        "export default { render: (given) => scope.Kit.notebook(given) };\n"
    )
