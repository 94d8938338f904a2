"""The tools that run notebooks, set their address and compare their outputs, tried on small notebooks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build
import nbformat
import new_chapter
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from setup_cell import rewrite

import rnnlib
from cover import LINE, covered, is_cover, uncovered
from notebook_lint.terms import glossary
from notebooks import (
    BOOK,
    GPU_METADATA,
    KERNELSPEC,
    ROOT,
    SETUP_TAGS,
    code_digest,
    described_chapters,
    find_notebooks,
    listed_files,
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


def to_predict(source: str, text: str, *tags: str):
    """`stored`, its output folded for a guess, without a cover yet."""
    cell = stored(source, text, "predict", *tags)
    cell.metadata["jupyter"] = {"outputs_hidden": True}
    return cell


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
    assert set(record) == {"seconds", "gflops", "hardware", "torch", "python", "code"}
    assert 0 < record["seconds"] < 300 and 1 < record["gflops"] < 10_000
    assert record["code"] == code_digest(node)

    (error,) = nbformat.read(raises, as_version=4).cells[0].outputs
    traceback = "\n".join(error.traceback)
    assert "set_seed" in traceback and str(ROOT) not in traceback and str(Path.home()) not in traceback

    result = run_tool("--allow-substitute", substitute)
    assert result.returncode == 0, result.stderr
    assert substitute.read_bytes() != before[1]


def test_a_run_covers_what_is_to_be_predicted(tmp_path, offline):
    """The cover comes first, its line is the first that there is, and a second run makes no second one."""
    cells = to_predict("print(6 * 7)", "41\n"), to_predict("x = 1", ""), stored("print(1)", "1\n")
    path = save(tmp_path / "a.ipynb", *cells)
    for _ in range(2):
        assert run_tool(path).returncode == 0
        guess, silent, plain = nbformat.read(path, as_version=4).cells
        first, answer = guess.outputs
        assert is_cover(first) and first.data == {"text/plain": LINE} and "\n" not in LINE
        assert answer.text == "42\n" and uncovered(guess.outputs) == [answer]
        assert silent.outputs == [] and [output.text for output in plain.outputs] == ["1\n"]


def test_covers_alone_are_stored_without_a_run(tmp_path):
    """`--covers-only` adds what is missing, mends what is old, takes away what is too much; nothing else."""
    right = to_predict("1 / 0", "41\n")
    right.outputs = covered(right)
    bare, old, open_ = (to_predict("1 / 0", "41\n") for _ in range(3))
    old.outputs = covered(old)
    old.outputs[0].data["text/plain"] = "x"
    open_.outputs = covered(open_)
    open_.metadata.pop("jupyter")
    path = save(tmp_path / "a.ipynb", right, bare, old, open_, stored("1 / 0", "41\n"))
    before = nbformat.read(path, as_version=4)
    result = run_tool("--covers-only", path)
    assert result.returncode == 0 and "a.ipynb: the covers are now right" in result.stdout
    after = nbformat.read(path, as_version=4)
    assert [len(cell.outputs) for cell in after.cells] == [2, 2, 2, 1, 1]
    assert [cell.outputs[0] for cell in after.cells[:3]] == [right.outputs[0]] * 3
    for node in before, after:
        for cell in node.cells:
            cell.outputs = uncovered(cell.outputs)
    assert before == after

    stored_once = path.read_bytes()
    again = run_tool("--covers-only", path)
    assert again.returncode == 0 and not again.stdout and path.read_bytes() == stored_once


def make(*arguments: str, folder: Path = ROOT, **variables: str) -> subprocess.CompletedProcess:
    """Run make with this Python, as if ``.venv`` stood ready."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    # The tests may run under make themselves; its variables would make this one announce its directory.
    own = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    command = ["make", "-o", ".venv/.ready", f"BIN={Path(sys.executable).parent}", *arguments]
    return subprocess.run(
        command, cwd=folder, env=own | variables, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """What `make notebooks` says of small notebooks, on a computer whose real corpus cannot be used."""
    folder = tmp_path_factory.mktemp("notebooks")
    save(
        folder / "right.ipynb",
        stored("print(6 * 7)", "42\n"),
        stored("print(object())", "<object object at 0x7f00aa11>\n"),
    )
    save(folder / "ignored.ipynb", stored("print(6 * 7)", "41\n", "nbval-ignore-output"))
    save(folder / "wrong.ipynb", stored("print(6 * 7)", "41\n"))
    guesses = [to_predict("print(6 * 7)", text) for text in ("42\n", "41\n")]
    for cell in guesses:
        cell.outputs = covered(cell)
    save(folder / "covered.ipynb", *guesses)
    save(folder / "error.ipynb", stored("1 / 0", ""))
    load = stored("import rnnlib\ncorpus = rnnlib.load_corpus('time_machine')", "", "nbval-ignore-output")
    show = "print(corpus.lines[0])"
    save(folder / "depends.ipynb", load, stored("print(1)", "1\n"), stored(show, "the time machine\n"))
    save(folder / "tagged.ipynb", load, stored(show, "the time machine\n", "nbval-ignore-output"))
    (folder / "timemachine.txt").write_text("reading this would be an error")
    result = make("notebooks", f"NOTEBOOKS={folder}", RNNLIB_DATA=str(folder))
    assert result.returncode, result.stdout + result.stderr
    return result.stdout


def test_comparison_of_outputs_is_strict(compared):
    """`make notebooks` fails on a wrong stored output, an unexpected error and a cell that did not run."""
    failed = re.findall(r"^FAILED .*?(\w+)\.ipynb::Cell (\d)", compared, re.M)
    assert sorted(failed) == [("covered", "1"), ("depends", "2"), ("error", "0"), ("wrong", "0")], compared
    assert "8 passed" in compared


def test_a_cell_that_depends_on_the_corpus_is_told_so(compared):
    """The embedded texts are read everywhere; only the notebook that used one hears of it."""
    for hint in ("Cell 1 read an embedded text", "单元 1 读的是内置文本"):
        assert compared.count(hint) == 1, compared


def test_setup_cell_and_metadata_are_rewritten_or_added(tmp_path):
    address = "https://example.org/someone/book"
    cell = new_code_cell(setup_source("https://example.org/old"), metadata={"tags": SETUP_TAGS})
    path = save(tmp_path / "a.ipynb", new_markdown_cell("# 甲 | A"), cell, "x = 1")
    assert rewrite(path, address) and not rewrite(path, address)
    node = nbformat.read(path, as_version=4)
    assert [c.id for c in node.cells][1] == cell.id and node.cells[1].source == setup_source(address)
    assert address in node.cells[1].source and len(node.cells) == 3

    path = save(tmp_path / "b.ipynb", new_markdown_cell("# 甲 | A"), "x = 1")
    assert rewrite(path, address)
    node = nbformat.read(path, as_version=4)
    assert node.cells[1].metadata["tags"] == SETUP_TAGS and len(node.cells) == 3

    node.metadata = {"kernelspec": KERNELSPEC | {"name": "conda"}, "mine": 1}
    write_notebook(node, path)
    assert rewrite(path, address) and not rewrite(path, address)
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata == {"mine": 1, "kernelspec": KERNELSPEC, **GPU_METADATA}


def test_the_setup_cell_leads_somewhere_or_says_what_to_do():
    published = setup_source("https://example.org/me/book")
    assert "git+https://example.org/me/book" in published and "raise" not in published
    placeholder = setup_source("https://github.com/OWNER/rnn-book")
    assert "OWNER" not in placeholder and "%pip" not in placeholder and "make lab" in placeholder
    with pytest.raises(ModuleNotFoundError, match="make lab.* | .*In the folder of this book"):
        exec(placeholder.replace('"rnnlib"', '"no_such_package"'), {})
    exec(placeholder, {})  # rnnlib is here: nothing happens


def test_public_address_comes_from_the_configuration(tmp_path):
    config = tmp_path / "_config.yml"
    config.write_text(
        "html:\n  url: wrong\nrepository:\n  # here\n  url: &here https://example.org/x/\n  branch: main\n"
    )
    assert public_address(config) == "https://example.org/x"
    for empty in ("", "repository:\n", "html:\n  url: wrong\nrepository:\n  branch: main\n"):
        config.write_text(empty)
        with pytest.raises(ValueError, match="repository.url"):
            public_address(config)


@pytest.fixture
def book(tmp_path):
    """A copy of what a new chapter touches and is checked by; no other chapters."""
    for name in ("Makefile", "_config.yml", "_toc.yml", "book/index.md", "book/glossary.tsv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("book/_tools", "book/_ext", "tests/notebook_lint"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def begin(folder: Path, name: str, zh: str, en: str) -> subprocess.CompletedProcess:
    return make("chapter", f"NAME={name}", f"ZH={zh}", f"EN={en}", folder=folder)


def contents(folder: Path) -> tuple[list[str], list[str]]:
    """What the contents and the home page list."""
    return listed_files((folder / "_toc.yml").read_text()), described_chapters(
        (folder / "book" / "index.md").read_text()
    )


def test_a_new_chapter_keeps_every_rule(book):
    """`make chapter`, `make run`, lint, one after the other, in a copy of the repository."""
    before = (book / "_toc.yml").read_text(), (book / "book" / "index.md").read_text()
    begun = begin(book, "98_last", "最后“一”章", 'The `last` chapter\'s "end"')
    assert begun.returncode == 0, begun.stderr
    assert begin(book, "97_middle", "中间一章", "A chapter between").returncode == 0
    files, described = ([name for name in names if re.search(r"\b\d\d_", name)] for names in contents(book))
    assert files[-2:] == ["book/97_middle", "book/98_last"] and described[-2:] == ["97_middle", "98_last"]
    for text, path in zip(before, ("_toc.yml", "book/index.md")):
        kept = [line for line in (book / path).read_text().splitlines() if not re.search("9[78]_", line)]
        assert kept == text.splitlines()

    chapter = book / "book" / "98_last.ipynb"
    node = nbformat.read(chapter, as_version=4)
    assert node.cells[0].source == '# 98 最后“一”章 | 98 The `last` chapter\'s "end"'
    assert f"]({files[-3].removeprefix('book/')}.ipynb)" in node.cells[1].source  # what one should have read
    lint = [sys.executable, str(book / "tests" / "notebook_lint"), str(chapter)]
    unrun = subprocess.run(lint, capture_output=True, text=True)
    assert {line.split(":")[0] for line in unrun.stdout.splitlines()} == {
        "was_run_in_one_go",
        "is_short_enough",
        "what_prints_has_output",
        "guesses_come_first",
    }
    ran = make("run", "CHAPTER=98_last", folder=book)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done = subprocess.run(lint, capture_output=True, text=True)
    assert done.returncode == 0 and "nothing to mend" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "zh", "en", "said"),
    [
        ("", "中文", "English", "NAME='' 不能作文件名"),
        ("9_short", "中文", "English", "NAME='9_short' will not do"),
        ("16_My-Chapter", "中文", "English", "two digits"),
        ("../16_x", "中文", "English", "two digits"),
        ("16_x", "", "English", "ZH='' is no Chinese title"),
        ("16_x", "Only English", "English", "汉字"),
        ("16_x", "中文 | English", "English", "竖线"),
        ("16_x", "中文", "", "EN='' is no English title"),
        ("16_x", "中文", "中文", "no Chinese"),
        ("15_x", "中文", "English", "The number 15 is taken by book/15_here.ipynb"),
    ],
)
def test_a_chapter_that_cannot_be_begun(book, monkeypatch, name, zh, en, said):
    """The reason is given in both languages, and nothing is written."""
    monkeypatch.setattr(new_chapter, "ROOT", book)
    monkeypatch.setattr(new_chapter, "BOOK", book / "book")
    monkeypatch.setattr(new_chapter, "find_notebooks", lambda: [book / "book" / "15_here.ipynb"])
    before = {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit) as stopped:
        new_chapter.main(name, zh, en)
    chinese, english, example = str(stopped.value).splitlines()
    assert said in chinese + english and re.search("[\u4e00-\u9fff]", chinese)
    assert example.startswith("make chapter ")
    assert before == {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}


def test_a_contents_without_a_place_is_left_alone(book, monkeypatch):
    monkeypatch.setattr(new_chapter, "ROOT", book)
    monkeypatch.setattr(new_chapter, "BOOK", book / "book")
    monkeypatch.setattr(new_chapter, "find_notebooks", list)
    toc, index = book / "_toc.yml", book / "book" / "index.md"
    index.write_text("no chapters here\n")
    before = toc.read_bytes()
    with pytest.raises(SystemExit, match="no place for the chapter in book/index.md"):
        new_chapter.main("98_last", "最后一章", "The last chapter")
    assert toc.read_bytes() == before and not list(book.glob("book/*.ipynb"))

    index.write_text("```{chapters}\n98_last: 自己写的 | By hand\n```\n")
    toc.write_text("parts:\n- chapters:\n  - file: 'book/01_a'  # 甲\n    sections:\n    - file: book/b")
    new_chapter.main("98_last", "最后一章", "The last chapter")
    assert yaml.safe_load(toc.read_text())["parts"][0]["chapters"] == [
        {"file": "book/01_a", "sections": [{"file": "book/b"}]},
        {"file": "book/98_last"},
    ]
    assert index.read_text() == "```{chapters}\n98_last: 自己写的 | By hand\n```\n"


def test_the_build_names_what_the_contents_leave_out(capsys, monkeypatch):
    monkeypatch.setattr(build, "find_notebooks", lambda: [*find_notebooks(), BOOK / "99_unlisted.ipynb"])
    build.report("done")
    said = [line for line in capsys.readouterr().out.splitlines() if "_toc.yml" in line]
    assert len(said) == 1 and said[0].endswith("99_unlisted.ipynb")


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


def test_a_figure_that_changed_is_a_reason_to_build():
    read = {
        path.relative_to(build.ROOT).as_posix() for path in build.files(build.ROOT / f for f in build.FRAME)
    }
    for part in ("js/figures/speed.js", "js/page.js", "css/speed.css", "packs/speed.js"):
        assert f"rnnlib/widgets/{part}" in read
