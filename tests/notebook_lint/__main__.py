"""Print what the lint says about the notebooks that are named, or about all of them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "book" / name) for name in ("_tools", "_ext")]

from notebook_lint import RULES, Chapter  # noqa: E402
from notebooks import find_notebooks  # noqa: E402

paths = [Path(name) for name in sys.argv[1:]] or find_notebooks()
problems = [
    f"{name}: {problem}"
    for chapter in map(Chapter.read, paths)
    for name, rule in RULES.items()
    for problem in rule(chapter)
]
print("\n".join(problems) or f"{len(paths)} notebook(s), nothing to mend")
sys.exit(bool(problems))
