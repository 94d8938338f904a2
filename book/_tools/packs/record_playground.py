"""Record the runs that the playground shows at first: its own engine, its own worker, in headless Chromium.

    cd book/_tools; CHROMIUM=/usr/bin/chromium python -m packs.record_playground

Points are cut by steps, so a reader's run with the same settings retraces the recorded one. What is recorded
goes into the packs ``playground`` and ``playground_verse``; the modules that make them keep it.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from packs.pack import FOLDER, parse
from rnnlib.common import atomic_write
from rnnlib.widgets import files

# Pack -> name -> text, settings, what is kept beside the curve. tale, more and verse are shown at first, for
# their texts; rnn and clipped are the thin lines behind the runs that are broken on purpose.
RUNS: dict[str, dict[str, dict[str, Any]]] = {
    "playground": {
        "tale": {"text": "tale", "options": {"kind": "gru", "H": 64}},
        "more": {"text": "more", "options": {"kind": "gru", "H": 64}, "keep": "text"},
        "rnn": {"text": "tale", "options": {"kind": "rnn", "H": 64, "epochs": 15}, "keep": ""},
        "clipped": {
            "text": "tale",
            "options": {
                "kind": "rnn",
                "H": 64,
                "epochs": 15,
                "optimizer": "sgd",
                "rate": 1,
                "start": "large",
            },
            "keep": "",
        },
    },
    "playground_verse": {"verse": {"text": "verse", "options": {"kind": "gru", "H": 64}}},
}
RECORD = "async ([pack, run]) => Kit.playground.record(RNNEngine, await Kit.unpacked(pack), run)"


def record(page: Any, pack: str) -> dict[str, Any]:
    """All runs of a pack, on a page that has the figure's scripts and that pack."""
    runs = {}
    for name, run in RUNS[pack].items():
        runs[name] = page.evaluate(RECORD, [pack, run])
        points = runs[name]["points"]
        best = min(points[1:], key=lambda point: point[2] or float("inf"))
        print(
            f"  {name}: {len(points)} points; lowest validation perplexity {best[2]} at {best[0]};", end=" "
        )
        print(f"end {points[-1][:3]}", flush=True)
    return runs


def put(name: str, recorded: dict[str, Any]) -> None:
    """Put runs into a pack, in the place of those that stand there."""
    path = FOLDER / f"{name}.js"
    before, lines = parse(path), path.read_text(encoding="utf-8").split("\n")
    row = next(i for i, line in enumerate(lines) if line.startswith('"recorded": '))
    lines[row] = '"recorded": ' + json.dumps(recorded, ensure_ascii=False, separators=(",", ":")) + ","
    atomic_write(path, "\n".join(lines).encode())
    if parse(path) != {**before, "recorded": recorded}:
        raise ValueError(f"{path} did not take the runs")
    print(f"{path.name}: {path.stat().st_size:,} bytes", flush=True)


def chromium() -> str:
    """Path of a Chromium: ``$CHROMIUM``, or the one on the path."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, (shutil.which(name) for name in names if name)))


def main() -> None:
    """Record, and put the runs into the packs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        for script in (files.engine(), files.kit(), files.script("playground")):
            page.add_script_tag(content=script)
        for name in RUNS:
            page.add_script_tag(path=FOLDER / f"{name}.js")
            engine = f"rnnlib/widgets/js/engine.js in Chromium {browser.version}"
            put(name, {"engine": engine, "runs": record(page, name)})
        browser.close()


if __name__ == "__main__":
    main()
