"""What README, CONTRIBUTING and their kin say is true: commands, files, rules, the example."""

from __future__ import annotations

import re

import pytest

from notebook_lint import RULES
from notebooks import ROOT, public_address

DOCUMENTS = sorted(ROOT.glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_begins_with_its_two_commands():
    first = re.search(r"```bash\n(.*?)```", README, re.DOTALL)[1].splitlines()
    assert [line.split("  ")[0] for line in first] == ["make book", "make test"]
    assert README.index("```bash") < 100


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_exist(document):
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / link).exists(), f"{document.name} links to {link}, which is not there"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z]+)", text):
        assert re.search(rf"^{target}:", makefile, re.M), f"{document.name} names `make {target}`"
    for path in re.findall(r"`((?:book|rnnlib|tests|benchmarks)/[\w./]+)`", text):
        assert (ROOT / path).exists() or "NN_name" in path, f"{document.name} names {path}"


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
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert code.count("num_epochs=50") == 1 and len(code.splitlines()) <= 15
    exec(compile(code.replace("num_epochs=50", "num_epochs=1"), "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "held-out 留出" in printed and printed.splitlines()[-1].startswith("time traveller ")
