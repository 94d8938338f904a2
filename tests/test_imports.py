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
OPTIONAL = "matplotlib numpy tqdm safetensors opencc platformdirs anywidget ipywidgets IPython d2l sklearn"


def floors() -> dict[str, int]:
    """Module -> floor, as the docstring of the package states it."""
    table = re.search(r"lower\s+never imports higher: (.*?)\.", rnnlib.__doc__, re.DOTALL).group(1)
    stated = [re.split(r",\s+", floor.strip()) for floor in table.split("|")]
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
        found |= {name.split(".")[1] for name in names if name.startswith("rnnlib.")}
        found |= {"__init__" for name in names if name == "rnnlib"}
    return found


def test_the_reading_of_imports():
    source = "import torch, rnnlib\nfrom rnnlib.data.text import Vocab\nfrom . import a\n"
    source += "def f():\n    from ..plots import b"
    assert imported_by(source, "rnnlib.scratch") == {"__init__", "text", "scratch", "plots"}
    assert imported_by("from rnnlib import d2l, text", "rnnlib") == {"d2l", "text"}


def test_every_module_has_a_floor():
    assert len(FLOORS) > 15 and max(FLOORS.values()) == 6
    here = {module_of(path) for path in FILES} - {"__init__"}
    assert here <= FLOORS.keys(), "state the floor of the new module in the docstring of rnnlib/__init__.py"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_imports_upward(path):
    module = module_of(path)
    if module == "__init__":
        return  # the front door shows names of all floors
    package = ".".join(("rnnlib", *path.relative_to(ROOT).parts[:-1]))
    for other in imported_by(path.read_text(encoding="utf-8"), package):
        allowed = other != "__init__" or FLOORS[module] >= 5
        assert allowed, f"{path.name} imports the front door; import the module itself"
        if other != "__init__":
            assert FLOORS[other] <= FLOORS[module], f"{module} may not import {other}, which stands above it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_short_and_say_their_job(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source)), "the first sentence of a module says its one job"
    assert source.count("\n") <= 250


def public_objects():
    for path in FILES:
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        name = ".".join(["rnnlib", *(parts if parts[-1] != "__init__" else parts[:-1])])
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", []):
            yield f"{name}.{public}", getattr(module, public)


def test_every_public_name_exists_and_is_documented():
    found = dict(public_objects())
    assert len(found) > 60
    silent = []
    for name, thing in found.items():
        if inspect.isfunction(thing) and not inspect.getdoc(thing):
            silent.append(name)
        if inspect.isclass(thing) and thing.__module__.startswith("rnnlib"):
            if not vars(thing).get("__doc__"):
                silent.append(name)
            for attribute, value in vars(thing).items():
                is_public = not attribute.startswith("_")
                is_code = isinstance(value, (property, classmethod, staticmethod, type(floors)))
                if is_public and is_code and not inspect.getdoc(getattr(thing, attribute)):
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
        "checkpoints need the package safetensors: pip install safetensors",
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
