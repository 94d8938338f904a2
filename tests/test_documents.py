"""What README, CONTRIBUTING and their kin say is true: commands, files, rules, the example."""

from __future__ import annotations

import importlib.metadata
import re
import shlex

import pytest

from notebook_lint import RULES
from notebooks import ROOT, public_address
from rnnlib.__main__ import main

DOCUMENTS = sorted(ROOT.glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_begins_with_its_two_commands():
    first = re.search(r"```bash\n(.*?)```", README, re.DOTALL)[1].splitlines()
    assert [line.split("  ")[0] for line in first] == ["make book", "make test"]
    assert README.index("```bash") < 100


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_exist(document):
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:|fig:|#)([^)#]+)", text):
        assert (ROOT / link).exists(), f"{document.name} links to {link}, which is not there"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)", text):
        assert re.search(rf"^{target}:", makefile, re.M), f"{document.name} names `make {target}`"
    for path in re.findall(r"`((?:book|rnnlib|tests|benchmarks)/[\w./]+)`", text):
        assert (ROOT / path).exists() or "NN_name" in path, f"{document.name} names {path}"


def test_the_way_of_a_character_leads_through_real_doors():
    """Every file that ARCHITECTURE.md names in it defines or uses the name that stands beside it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    pattern = r"`(\w+)` in (?:the )?`(rnnlib/[\w/]+\.py)`|`(\w+)` of `(rnnlib/[\w/]+\.py)`"
    english = [(a or c, b or d) for a, b, c, d in re.findall(pattern, text)]
    chinese = [(name, path) for path, name in re.findall(r"`(rnnlib/[\w/]+\.py)` 的 `(\w+)`", text)]
    assert len(chinese) >= 11 and set(english) == set(chinese)
    for name, path in chinese:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(?:def|class) {name}\b", source, re.M), f"{path} defines no {name}"
    doors = text.split("```text")[2].split("```")[0]
    for path in (ROOT / "rnnlib").glob("[!_]*"):
        name = f"{path.name}/" if path.is_dir() else path.name
        assert name in doors or path.name in ("py.typed", "README.md", "__pycache__"), (
            f"{name} has no line in the table of doors"
        )
        for module in path.glob("[!_]*.py") if path.name != "d2l" else []:
            assert re.search(rf"\b{module.stem}\b", doors), f"{module} has no place in the table of doors"


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_both_languages_have_the_same_sections(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    chinese = text.split("\n## 中文\n")[1].split("\n## English\n")[0]
    english = re.split(r"\n## ", text.split("\n## English\n")[1])[0]
    for mark in (r"^### ", r"^- ", r"^\d\. ", r"^\*\*", r"\n\n"):
        assert len(re.findall(mark, chinese, re.M)) == len(re.findall(mark, english, re.M)), mark


def test_every_rule_is_explained():
    explained = re.findall(r"^\| `(\w+)` \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    assert explained == list(RULES)


def test_the_public_address_stands_in_the_configuration_alone():
    address = public_address().removeprefix("https://")
    files = [*DOCUMENTS, ROOT / "CITATION.cff", ROOT / "pyproject.toml", ROOT / "Makefile"]
    files += [*(ROOT / ".github").rglob("*.yml"), *(ROOT / "rnnlib").rglob("*.py")]
    assert [file.name for file in files if address in file.read_text(encoding="utf-8")] == []


def test_the_example_of_the_readme_runs(capsys):
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[-1]
    assert code.count("num_epochs=50") == 1 and len(code.splitlines()) <= 15
    exec(compile(code.replace("num_epochs=50", "num_epochs=1"), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "验证 | validation" in printed and printed.splitlines()[-1].startswith("time traveller ")


def test_the_cell_of_contributing_runs_in_both_languages(capsys):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    codes = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "RecurrentLayer" in code]
    assert len(codes) == 2 and codes[0] == codes[1]
    exec(compile(codes[0], "CONTRIBUTING.md", "exec"), {})
    assert capsys.readouterr().out == "torch.Size([2, 5, 28]) torch.Size([2, 2, 64])\n"


def test_the_commands_of_the_readme_run_on_a_text_of_ones_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_text.txt").write_text("Once upon a time there was a network.\n" * 60, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = [block for block in re.findall(r"```bash\n(.*?)```", README, re.DOTALL) if "my_text" in block]
    commands = [[line.split("#")[0].strip() for line in block.splitlines()] for block in blocks]
    assert len(blocks) == 2 and commands[0] == commands[1]
    for command in commands[0]:
        arguments = shlex.split(command.replace("--epochs 50", "--epochs 1"))
        assert arguments[0] == "rnnlib" and main(arguments[1:]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("once upon")
    codes = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "my_text" in code]
    assert len(codes) == 2 and codes[0] == codes[1]
    exec(compile(codes[0].replace("num_epochs=50", "num_epochs=1"), "README.md", "exec"), {})
    assert (tmp_path / "my.ckpt").stat().st_size > 100_000


def test_the_page_of_the_package_has_the_address_and_an_example_that_runs(tmp_path, monkeypatch, capsys):
    page = importlib.metadata.metadata("rnnlib")
    assert any(url.endswith(public_address()) for url in page.get_all("Project-URL"))
    text = (ROOT / "rnnlib" / "README.md").read_text(encoding="utf-8")
    assert page["Description"].strip() == text.strip() and public_address() not in text
    (tmp_path / "my_text.txt").write_text("Once upon a time there was a network.\n" * 60, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].replace("num_epochs=50", "num_epochs=1")
    exec(compile(code, "README.md", "exec"), {})
    assert "once upon" in capsys.readouterr().out
