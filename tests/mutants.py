"""Break the library in small ways, one at a time, and see whether a test notices.

    python tests/mutants.py [--count 60] [--seed 0] [-j 2] [PATHS ...]

Each mutant is one change to one file of rnnlib (without d2l), drawn at random in proportion to the lines of
code; the same seed draws the same mutants. It lives in a temporary copy of the library and the tests. The
exit code is 1 if fewer than 95 % are caught. Needs a POSIX shell.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import difflib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 60  # for each file of tests, and once more; a mutant that runs on is caught
MEMORY_KB = 16_000_000  # of address space, so that a mutant cannot take the whole computer
ENOUGH = 0.95
# File of the library -> the tests that belong to it, which run before all others, beside those of its name
TESTS = {
    "__main__.py": "cli",
    "common.py": "devices checkpoints training",
    "devices.py": "training",
    "states.py": "models layers generation training",
    "data/batches.py": "batching examples training",
    "data/catalogue.py": "corpora download",
    "data/corpus.py": "corpora",
    "data/padding.py": "sequences",
    "data/parsing.py": "corpora",
    "data/sources.py": "download corpora",
    "data/text_data.py": "corpora batching",
    "generation/decoding.py": "generation",
    "generation/graphs.py": "steps generation",
    "generation/inplace.py": "steps generation",
    "generation/steps.py": "generation",
    "models/language.py": "models",
    "models/modes.py": "examples models generation",
    "models/sequences.py": "padding examples",
    "scratch/cells.py": "layers",
    "scratch/functional.py": "scratch",
    "training/loop.py": "training examples",
    "training/record.py": "training",
}
NOT_RUN = {"benchmarks", "documents", "lint_rules", "notebook_tools", "notebooks"}  # of the book
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or,
    ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip
# Changes here are no mistakes that a test could see: limits of time, progress bars, how an object is printed
IDLE_FUNCTIONS = {"_progress_bar", "__repr__", "extra_repr", "notice"}
IDLE_KEYWORDS = {"timeout", "daemon", "flush", "leave", "refresh", "usedforsecurity", "help", "metavar"}
IDLE_CODE = re.compile(
    r"[A-Z]+_SECONDS = |_STYLE = |__all__ = |.*\b(set_postfix|tqdm)\b|if TYPE_CHECKING|[A-Z]\w+ = \w+ \| "
)


def is_idle(node: ast.AST) -> bool:
    """Whether nothing in this node is worth a change."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True  # messages, imports, docstrings
        case ast.FunctionDef(name=name) | ast.Call(func=ast.Name(id=name)):
            return name in IDLE_FUNCTIONS
        case ast.keyword(arg=name):
            return name in IDLE_KEYWORDS
        case ast.Assign() | ast.If() | ast.Expr():
            return IDLE_CODE.match(ast.unparse(node)) is not None
    return False


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that may be changed: no type hints, decorators, messages of errors."""
    if is_idle(node):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns", "decorator_list") and not isinstance(node, ast.Raise):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from nodes(child)


def with_swaps(node: ast.Compare | ast.BoolOp | ast.BinOp | ast.AugAssign) -> Iterator[tuple[ast.AST, str]]:
    """The node with each of its operators swapped; comparisons may be a chain."""
    operators = node.ops if isinstance(node, ast.Compare) else [node.op]
    for i, operator in enumerate(operators):
        if type(operator) in SWAPS:
            changed, swapped = copy.copy(node), SWAPS[type(operator)]()
            changed.op, changed.ops = swapped, [*operators[:i], swapped, *operators[i + 1 :]]
            yield node, f"({ast.unparse(changed)})" if isinstance(node, ast.expr) else ast.unparse(changed)


def changes(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """All small changes of a node: the node to be replaced, and the code in its place."""
    match node:
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield node, str(value + 1 if isinstance(value, int) else 2 * value or 1.0)
        case ast.Compare() | ast.BoolOp() | ast.BinOp():
            yield from with_swaps(node)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, f"({ast.unparse(operand)})"
        case ast.arguments(defaults=defaults, kw_defaults=kw_defaults):
            for default in defaults + kw_defaults:  # numbers are constants, which are changed anyway
                if isinstance(default, ast.Constant) and isinstance(default.value, (str, type(None))):
                    yield default, "0" if default.value is None else repr(default.value + "_")
        case ast.Slice(lower=lower, upper=upper, step=step):
            below, above, by = (ast.unparse(part) if part else "" for part in (lower, upper, step))
            if not isinstance(lower, ast.Constant):
                yield node, f"{below} + 1:{above}:{by}" if below else f"1:{above}:{by}"
            if not isinstance(upper, ast.Constant):
                yield node, f"{below}:{above} + 1:{by}" if above else f"{below}:-1:{by}"
        case ast.Raise() | ast.Continue() | ast.Break() | ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
        case ast.AugAssign():
            yield node, "pass"
            yield from with_swaps(node)
        case ast.Return(value=ast.AST() as value) if not isinstance(value, ast.Constant):
            yield node, "return None"
    tests = node.ifs if isinstance(node, ast.comprehension) else [getattr(node, "test", None)]
    for test in tests:
        if test is not None and not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            yield test, f"(not ({ast.unparse(test)}))"


class Mutant(NamedTuple):
    """One changed file: its path inside the package, its source before and after."""

    file: Path
    before: str
    after: str

    def __str__(self) -> str:
        """The lines that differ, each with its sign."""
        lines = list(
            difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), n=0, lineterm="")
        )
        where = f"rnnlib/{self.file.as_posix()}:{re.search(r'-([0-9]+)', lines[2])[1]}"
        return "\n".join([where, *(f"    {line[0]} {line[1:].strip()}" for line in lines[3:])])


def mutants_of(package: Path, file: Path) -> tuple[list[Mutant], int]:
    """A file with each change that leaves it Python, and how many lines of code it has."""
    source = (package / file).read_text(encoding="utf-8")
    tree, data = ast.parse(source), source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for place, code in (change for node in nodes(tree) for change in changes(node)):
        begin = starts[place.lineno - 1] + place.col_offset
        end = starts[place.end_lineno - 1] + place.end_col_offset
        after = (data[:begin] + code.encode() + data[end:]).decode()
        with contextlib.suppress(SyntaxError):
            if ast.dump(ast.parse(after)) != ast.dump(tree):
                found.append(Mutant(file, source, after))
    return found, len({node.lineno for node in ast.walk(tree) if isinstance(node, (ast.stmt, ast.expr))})


def draw(package: Path, files: list[Path], count: int, seed: int) -> list[Mutant]:
    """Mutants at random, none twice: first a file in proportion to its code, then a change in it."""
    rng, pools, weights = random.Random(seed), {}, {}
    for file in files:
        mutants, weights[file] = mutants_of(package, file)
        pools[file] = rng.sample(mutants, len(mutants))
    drawn: list[Mutant] = []
    while len(drawn) < count and (left := [file for file in files if pools[file]]):
        (file,) = rng.choices(left, [weights[file] for file in left])
        drawn.append(pools[file].pop())
    return drawn


def copy_project(source: Path, home: Path) -> None:
    """The library and the tests as copies, everything else as links."""
    for item in source.iterdir():
        if item.name in ("rnnlib", "tests"):
            shutil.copytree(item, home / item.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not item.name.startswith("."):
            (home / item.name).symlink_to(item)


def stems_in(home: Path) -> set[str]:
    """The names of the test files that may catch a mutant, without ``test_``."""
    return {file.stem.removeprefix("test_") for file in home.glob("tests/test_*.py")} - NOT_RUN


def run_tests(home: Path, stems: Collection[str]) -> str:
    """What caught the mutant in a copy of the project: a test's name, or the like; empty if all pass."""
    files, limit = [f"tests/test_{stem}.py" for stem in sorted(stems)], LIMIT_SECONDS * (1 + len(stems))
    python = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files]
    shell = ["sh", "-c", f'ulimit -v {MEMORY_KB}; exec "$@"', "sh", *python]
    options = {"cwd": home, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    env = os.environ | {"PYTHONPATH": str(home), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(shell, env=env, start_new_session=True, **options) as process:
        try:
            output = process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"more than {limit} s"
    named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", output, re.MULTILINE)
    return "" if process.returncode == 0 else named[1] if named else f"exit code {process.returncode}"


def caught_by(whole: Path, mutant: Mutant) -> str:
    """Run the tests on a copy of the project that has the mutant in it."""
    stems = stems_in(whole)
    first = stems & {mutant.file.stem, *TESTS.get(mutant.file.as_posix(), "").split()}
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        home = Path(folder).resolve()
        copy_project(whole, home)
        (home / "rnnlib" / mutant.file).write_text(mutant.after, encoding="utf-8")
        command = [sys.executable, "-c", "import importlib.util as u; print(u.find_spec('rnnlib').origin)"]
        options = {"cwd": home, "env": os.environ | {"PYTHONPATH": folder}, "check": True, "text": True}
        origin = Path(subprocess.run(command, stdout=subprocess.PIPE, **options).stdout.strip())
        assert origin == home / "rnnlib" / "__init__.py", f"{origin} would be tested instead"
        return (first and run_tests(home, first)) or run_tests(home, stems - first)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, default=[ROOT / "rnnlib"], help="files or folders")
    parser.add_argument("--count", type=int, default=60, help="how many mutants (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws others (default: 0)")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="how many at a time (default: 1)")
    args = parser.parse_args()
    paths = [file for path in args.paths for file in ([path] if path.is_file() else path.rglob("*.py"))]
    files = sorted({path.resolve().relative_to(ROOT / "rnnlib") for path in paths})
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(args.jobs) as pool:
        whole = Path(folder).resolve()
        copy_project(ROOT, whole)  # so that work on the files does not disturb the run
        if failed := run_tests(whole, stems_in(whole)):
            print(f"the library fails as it is: {failed}; mend that first.")
            return 2
        files = [file for file in files if file.parts[0] != "d2l"]
        mutants, survivors = draw(whole / "rnnlib", files, args.count, args.seed), []
        for mutant, test in zip(mutants, pool.map(partial(caught_by, whole), mutants)):
            print(f"{mutant}\n    {f'caught by {test}' if test else 'SURVIVED'}", flush=True)
            survivors += [] if test else [mutant]
    print(f"\n{len(mutants) - len(survivors)} of {len(mutants)} caught", *survivors, sep="\n")
    return int(len(mutants) - len(survivors) < ENOUGH * len(mutants))


if __name__ == "__main__":
    sys.exit(main())
