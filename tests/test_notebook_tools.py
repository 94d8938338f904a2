"""The tools that run notebooks, set their address and compare their outputs, tried on small notebooks."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from setup_cell import rewrite

import rnnlib
from notebook_lint.terms import glossary
from notebooks import (
    BOOK,
    KERNELSPEC,
    ROOT,
    code_digest,
    find_notebooks,
    public_address,
    setup_source,
    shows_substitute,
    write_notebook,
)


def save(path: Path, *cells) -> Path:
    """A notebook in a file; a string is a code cell without outputs."""
    node = new_notebook(metadata={"kernelspec": KERNELSPEC})
    node.cells = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    write_notebook(node, path)
    return path


def stored(source: str, text: str, *tags: str):
    """A code cell that claims to have printed ``text``."""
    output = new_output("stream", name="stdout", text=text)
    return new_code_cell(source, execution_count=1, outputs=[output], metadata={"tags": list(tags)})


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No corpora, no network, no cache."""
    monkeypatch.delenv("RNNLIB_DATA", raising=False)
    monkeypatch.setenv("RNNLIB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run_tool(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(BOOK / "_tools" / "run.py"), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def test_run_stores_good_notebooks_and_leaves_the_others_untouched(tmp_path, offline):
    good = save(tmp_path / "a.ipynb", setup_source(public_address()), "print(6 * 7)", "1 / 2")
    ids = [cell.id for cell in nbformat.read(good, as_version=4).cells]
    fails = save(tmp_path / "b.ipynb", stored("print(1)\n1 / 0", "old\n"))
    substitute = save(
        tmp_path / "c.ipynb", "import rnnlib\ncorpus = rnnlib.load_corpus('time_machine')\nprint(corpus)"
    )
    meant = new_code_cell("import rnnlib\nrnnlib.set_seed(-1)", metadata={"tags": ["raises-exception"]})
    raises = save(tmp_path / "d.ipynb", meant)
    before = fails.read_bytes(), substitute.read_bytes()

    result = run_tool(fails, substitute, good, raises)

    assert result.returncode == 1
    assert before == (fails.read_bytes(), substitute.read_bytes())
    assert "ZeroDivisionError" in result.stderr and "cell 1 says that an embedded text stood" in result.stderr
    assert sorted(tmp_path.glob("*.part")) == []
    node = nbformat.read(good, as_version=4)
    assert [cell.id for cell in node.cells] == ids
    assert [cell.execution_count for cell in node.cells] == [1, 2, 3]
    assert not any("execution" in cell.metadata for cell in node.cells)
    assert node.cells[1].outputs[0].text == "42\n" and node.cells[2].outputs[0].data["text/plain"] == "0.5"
    record = node.metadata["rnnlib"]
    assert set(record) == {"seconds", "hardware", "torch", "python", "code"}
    assert 0 < record["seconds"] < 300 and record["code"] == code_digest(node)

    (error,) = nbformat.read(raises, as_version=4).cells[0].outputs
    traceback = "\n".join(error.traceback)
    assert "set_seed" in traceback and str(ROOT) not in traceback and str(Path.home()) not in traceback

    result = run_tool("--allow-substitute", substitute)
    assert result.returncode == 0, result.stderr
    assert substitute.read_bytes() != before[1]


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_comparison_of_outputs_is_strict(tmp_path):
    """`make notebooks` fails on a wrong stored output, an unexpected error and a cell that did not run."""
    address = stored("print(object())", "<object object at 0x7f00aa11>\n")
    save(tmp_path / "right.ipynb", stored("print(6 * 7)", "42\n"), address)
    save(tmp_path / "ignored.ipynb", stored("print(6 * 7)", "41\n", "nbval-ignore-output"))
    save(tmp_path / "wrong.ipynb", stored("print(6 * 7)", "41\n"))
    save(tmp_path / "error.ipynb", stored("1 / 0", ""))
    # The tests may run under make themselves; its variables would make this one announce its directory.
    own = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    dry_run = ["make", "--no-print-directory", "-n", "notebooks"]
    recipe = subprocess.run(dry_run, cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    words = shlex.split(recipe.stdout.replace("\\\n", " "))
    options = [word for word in words[words.index("pytest") + 1 :] if not word.endswith(".ipynb")]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1, result.stdout + result.stderr
    failed = re.findall(r"^FAILED .*?(\w+)\.ipynb", result.stdout, re.M)
    assert sorted(failed) == ["error", "wrong"], result.stdout
    assert "3 passed" in result.stdout


def test_setup_cell_is_rewritten_or_added(tmp_path):
    address = "https://example.org/someone/book"
    cell = new_code_cell(setup_source("https://example.org/old"), metadata={"tags": ["setup", "remove-cell"]})
    path = save(tmp_path / "a.ipynb", new_markdown_cell("# 甲 | A"), cell, "x = 1")
    assert rewrite(path, address) and not rewrite(path, address)
    node = nbformat.read(path, as_version=4)
    assert [c.id for c in node.cells][1] == cell.id and node.cells[1].source == setup_source(address)
    assert address in node.cells[1].source and len(node.cells) == 3

    path = save(tmp_path / "b.ipynb", new_markdown_cell("# 甲 | A"), "x = 1")
    assert rewrite(path, address)
    assert nbformat.read(path, as_version=4).cells[1].metadata["tags"] == ["setup", "remove-cell"]


def test_public_address_comes_from_the_configuration(tmp_path):
    config = tmp_path / "_config.yml"
    config.write_text(
        "html:\n  url: wrong\nrepository:\n  # here\n  url: https://example.org/x/\n  branch: main\n"
    )
    assert public_address(config) == "https://example.org/x"
    config.write_text("html:\n  url: wrong\nrepository:\n  branch: main\n")
    with pytest.raises(ValueError, match="repository.url"):
        public_address(config)


def test_the_notice_of_a_substitute_is_recognised(offline, capsys):
    data = rnnlib.load_text("time_machine", device="cpu")
    assert data.corpus.is_substitute
    chinese, english = capsys.readouterr().out.strip().splitlines()
    for line in (chinese, english, *data.summary().splitlines()):
        assert shows_substitute(line), line
    rnnlib.load_text("tale", device="cpu")
    assert not shows_substitute(capsys.readouterr().out)


def test_a_notebook_that_is_not_valid_is_not_written(tmp_path):
    path = save(tmp_path / "a.ipynb", "x = 1")
    before, node = path.read_bytes(), nbformat.read(path, as_version=4)
    node.cells[0].pop("outputs")
    with pytest.raises(nbformat.ValidationError):
        write_notebook(node, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.ipynb"]


def test_checkpoints_are_no_notebooks(tmp_path):
    for name in ("a.ipynb", ".ipynb_checkpoints/a.ipynb", "part/b.ipynb", "_tools/c.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in find_notebooks(tmp_path)] == ["a.ipynb", "b.ipynb"]


def test_glossary_is_consistent():
    lines = (BOOK / "glossary.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["zh", "en", "symbol", "note", "forbidden", "first_use"]
    for line in lines[1:]:
        fields = line.split("\t")
        assert len(fields) == 6 and fields[0] and fields[1] and fields[5] in ("", "yes"), line
        assert all(half.strip() for half in fields[3].split(" | ", 1)) and " | " in fields[3], line
    terms = glossary()
    assert len({term.zh for term in terms}) == len(terms) == len(lines) - 1
    for term in terms:
        for other in terms:
            assert not (term.forbidden and term.forbidden.search(other.zh)), (term.zh, other.zh)
