"""What importing the library needs, and the order of its floors."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rnnlib

ROOT = Path(rnnlib.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
OPTIONAL = "matplotlib numpy tqdm safetensors opencc platformdirs pooch requests anywidget ipywidgets IPython"
OPTIONAL += " d2l sklearn statsmodels"
APART = ("d2l", "today", "widgets", "exercises", "__main__")
SCALING = {"mapped.py", "order.py", "token_files.py", "parallel.py", "position.py", "saving.py"}
DOORS = ["data", "scratch", "models", "training", "generation", "inspect"]


def floors() -> dict[str, int]:
    """Module -> floor, as the docstring of the package states it."""
    table = re.search(r"lower\s+never imports\s+higher: (.*?)\.", rnnlib.__doc__, re.DOTALL).group(1)
    stated = [" ".join(floor.split()).split(", ") for floor in table.split("|")]
    names = {"the command line": "__main__"}
    return {names.get(name, name): i for i, floor in enumerate(stated, 1) for name in floor}


FLOORS = floors()


def module_of(path: Path) -> str:
    """The module or sub-package right below rnnlib that a file belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_by(source: str, package: str) -> set[str]:
    """The modules right below rnnlib that a source imports, wherever in it the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *([base] if base else [])])
            names = [base] if base != "rnnlib" else [f"rnnlib.{alias.name}" for alias in node.names]
        else:
            continue
        below = {name.split(".")[1] for name in names if name.startswith("rnnlib.")}
        found |= {name if name in FLOORS else "__init__" for name in below}
        found |= {"__init__" for name in names if name == "rnnlib"}
    return found


def test_the_reading_of_imports():
    source = "import torch, rnnlib\nfrom rnnlib.data.text import Vocab\nfrom . import a\n"
    source += "def f():\n    from ..inspect import b"
    assert imported_by(source, "rnnlib.scratch") == {"__init__", "data", "scratch", "inspect"}
    assert imported_by("from rnnlib import d2l, data", "rnnlib") == {"d2l", "data"}


def test_every_module_has_a_floor():
    here = {module_of(path) for path in FILES} - {"__init__"}
    assert here == FLOORS.keys(), "the docstring of rnnlib/__init__.py states the floor of every door"
    assert set(DOORS) < here and len(here) <= 15, "a new door needs a reason"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_upward(path):
    module = module_of(path)
    if module == "__init__":
        return  # the front door shows names of all floors
    package = ".".join(("rnnlib", *path.relative_to(ROOT).parts[:-1]))
    for other in imported_by(path.read_text(encoding="utf-8"), package):
        allowed = other != "__init__" or FLOORS[module] == max(FLOORS.values())
        assert allowed, f"{path.name} imports the front door; import the module itself"
        if other != "__init__":
            assert FLOORS[other] <= FLOORS[module], f"{module} may not import {other}, which stands above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_their_job(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def public_names() -> dict[str, object]:
    """What the doors show, and the three functions on devices: all that a reader has to know of."""
    names = {name: getattr(rnnlib, name) for name in ("get_device", "set_seed", "describe_device")}
    for door in DOORS:
        module = importlib.import_module(f"rnnlib.{door}")
        names |= {name: getattr(module, name) for name in module.__all__}
    return names


def test_the_public_names_fit_on_a_page():
    assert 40 < len(public_names()) <= 74
    assert set(rnnlib.__all__) <= public_names().keys()


def lines_of_code(path: Path) -> int:
    """Lines that do something: no blank lines, comments, docstrings, imports or lists of names."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = {i for i, line in enumerate(source.splitlines(), 1) if line.strip() and line.strip()[0] != "#"}
    silent = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    silent += [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ]
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node) is not None
        ):
            silent.append(node.body[0])
    return len(lines - {i for node in silent for i in range(node.lineno, node.end_lineno + 1)})


def test_the_library_is_small():
    """What the chapters compute with; d2l's names, chapter 15, figures, exercises and the command line
    stand apart.

    So do speed, large texts, long runs, several processes and seeds, which no chapter needs.
    """
    of_doors = [path for path in FILES if module_of(path) not in APART]
    for_speed = [
        path for path in of_doors if path.parent.name == "fast" or path.stem in ("inplace", "graphs", "seeds")
    ]
    for_size = [path for path in of_doors if path.name in SCALING]
    of_chapters = set(of_doors) - set(for_speed) - set(for_size)
    assert 1500 < sum(map(lines_of_code, of_chapters)) <= 3150
    assert sum(map(lines_of_code, for_speed)) <= 1000
    assert len(for_size) == len(SCALING) and sum(map(lines_of_code, for_size)) <= 770


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_doors_have_lists_of_names(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    targets = [
        getattr(t, "id", "") for node in tree.body if isinstance(node, ast.Assign) for t in node.targets
    ]
    assert ("__all__" in targets) == (path.name == "__init__.py")


def test_every_public_name_is_documented():
    silent = []
    for name, thing in public_names().items():
        if not inspect.getdoc(thing):
            silent.append(name)
        if inspect.isclass(thing):
            for attribute, value in vars(thing).items():
                is_code = isinstance(value, (property, classmethod, staticmethod, type(floors)))
                if (
                    is_code
                    and not attribute.startswith("_")
                    and not inspect.getdoc(getattr(thing, attribute))
                ):
                    silent.append(f"{name}.{attribute}")
    assert not silent


BLOCKED = """
import sys, warnings

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        if name.split(".")[0] not in sys.argv[1].split():
            return self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
warnings.filterwarnings("ignore", "Failed to initialize NumPy")
import torch
torch.set_num_threads(1)
import rnnlib
rnnlib.set_seed(0)
data = rnnlib.load_text("tale", batch_size=4, num_steps=10, max_tokens=200, device="cpu")
model = rnnlib.RNNModelScratch(len(data.vocab), 8)
rnnlib.train(model, data, 1)
rnnlib.generate(model, "the ", 5, data.vocab, temperature=1.0)
rnnlib.trace_shapes(model, next(iter(data.train))[0])
try:
    rnnlib.save_checkpoint("model", model)
except ImportError as error:
    print(error)
assert not set(sys.argv[1].split()) & {name.split(".")[0] for name in sys.modules if sys.modules[name]}
print("done")
"""


def test_the_library_needs_torch_alone(tmp_path):
    command = [sys.executable, "-c", BLOCKED, OPTIONAL]
    run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "checkpoints need the package numpy: pip install numpy",
        "done",
    ]


def test_importing_loads_nothing_that_torch_does_not_load_itself():
    code = (
        "import sys, torch; before = set(sys.modules); import rnnlib\n"
        "print({name.split('.')[0] for name in set(sys.modules) - before} & set(sys.argv[1].split()))"
    )
    command = [sys.executable, "-c", code, OPTIONAL]
    assert subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100).stdout == "set()\n"


def test_the_front_door():
    assert all(hasattr(rnnlib, name) for name in rnnlib.__all__)
    assert len(set(rnnlib.__all__)) == len(rnnlib.__all__)
    pyproject = (ROOT.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{rnnlib.__version__}"' in pyproject
