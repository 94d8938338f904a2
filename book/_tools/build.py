"""Build the book into _build/html: ``make book``, or ``python book/_tools/build.py``.

Warnings are errors. Nothing changed: nothing is done. A chapter changed: that chapter is built again.
Anything that shapes every page changed (configuration, contents, extension, styles, pins), or the last build
failed: everything is built again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from notebooks import ROOT, find_notebooks, missing_from

SITE = ROOT / "_build" / "html"
STATE = ROOT / "_build" / "book-inputs.json"
FRAME = (
    "_config.yml",
    "_toc.yml",
    "requirements.txt",
    "book/references.bib",
    "book/glossary.tsv",
    "book/_ext",
    "book/_static",
    "book/_tools/build.py",
    "rnnlib/widgets",
)
UNUSED = ("locales", "webpack-macros.html", "sbt-webpack-macros.html", "vendor/fontawesome")
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
ENTRY = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>循环神经网络 | Recurrent Neural Networks</title>
<script>location.replace("book/index.html" + location.search + location.hash);</script>
<noscript><meta http-equiv="refresh" content="0; url=book/index.html"></noscript>
<a href="book/index.html">循环神经网络 | Recurrent Neural Networks</a>
"""


def files(paths: Iterable[Path]) -> list[Path]:
    """Return the files under these paths that a build reads, sorted."""
    found = [f for path in paths for f in (path.rglob("*") if path.is_dir() else [path]) if f.is_file()]
    return sorted(f for f in set(found) if not {"__pycache__", ".ipynb_checkpoints"} & set(f.parts))


def digest(paths: Iterable[Path]) -> str:
    """Return a digest of names and contents."""
    total = hashlib.sha256(sys.version.encode())
    for f in files(paths):
        total.update(f"{f.relative_to(ROOT)}\0{f.stat().st_size}\0".encode())
        total.update(f.read_bytes())
    return total.hexdigest()


def inputs() -> dict[str, str]:
    """Return the digests of what shapes every page, and of everything."""
    frame = [ROOT / name for name in FRAME]
    return {"frame": digest(frame), "all": digest([*frame, ROOT / "book"])}


def last_inputs() -> dict[str, str]:
    """Return the digests of the last build that went through; empty where there is none."""
    try:
        return json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}


def sphinx(everything: bool) -> int:
    """Run Jupyter Book with warnings as errors; return its exit status."""
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(ROOT), "-q", "-W", "-n", "--keep-going"]
    result = subprocess.run(command + ["--all"] * everything, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        sys.stderr.write(result.stderr.split("Traceback (most recent call last)")[0] or result.stdout)
    return result.returncode


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def prune() -> None:
    """Remove from the site what no page loads: icon fonts and scripts, source maps, theme templates."""
    static = SITE / "_static"
    for source_map in static.rglob("*.map"):
        source_map.unlink()
    for name in UNUSED:
        remove(static / name)


def report(done: str) -> None:
    """Say what was done, what was left out, and where the page is."""
    for path in find_notebooks():
        if "_toc.yml" in missing_from(path):
            print(f"不在 _toc.yml 里，没有做成网页 | Not in _toc.yml, so there is no page of it: {path.name}")
    print(f"{done}\n书在这里 | The book is here: {(SITE / 'index.html').as_uri()}")


def main() -> int:
    """Build what has changed; return an exit status."""
    start, now, last = time.monotonic(), inputs(), last_inputs()
    if now == last and (SITE / "book" / "index.html").exists():
        report("没有改动 | Nothing has changed.")
        return 0
    remove(STATE)  # until this build goes through, the next one starts afresh
    everything = now["frame"] != last.get("frame") or not (SITE / "book" / "index.html").exists()
    if everything:
        remove(SITE)
    status = sphinx(everything)
    if status:
        print(
            "构建失败：警告也算错误，见上文 | The build failed (warnings are errors): see above.",
            file=sys.stderr,
        )
        return status
    prune()
    (SITE / ".nojekyll").touch()  # GitHub Pages would leave out folders that begin with _
    (SITE / "index.html").write_text(ENTRY, encoding="utf-8")
    STATE.write_text(json.dumps(now))
    report(f"用时 {time.monotonic() - start:.0f} 秒 | Built in {time.monotonic() - start:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
