"""Read what students hand in: only the answer cells, by their ids, whatever else has happened to the file."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnlib.exercises.replies import Words

MAX_BYTES = 20_000_000  # of a file
MAX_CODE = 200_000  # characters of an answer
_ANSWER = re.compile(r"answer-([A-Za-z0-9]+)")

TOO_LARGE = Words(
    "文件有 {size} 字节，超过了 {limit}，没有读。",
    "The file has {size} bytes, more than {limit}; it was not read.",
)
NOT_A_NOTEBOOK = Words("不是笔记本：{why}。", "Not a notebook: {why}.")
UNKNOWN_KIND = Words("只认 .ipynb 和 .py，没有读。", "Only .ipynb and .py are read; this was not.")
TWICE = Words(
    "{name} 的答案单元有 {n} 个，取最后一个写了内容的。",
    "There are {n} answer cells of {name}; the last one that was changed counts.",
)
GONE = Words("{name} 的答案单元不见了。", "The answer cell of {name} is gone.")
RETYPED = Words(
    "{name} 的答案单元成了“{kind}”单元，仍按代码读。",
    "The answer cell of {name} has become a {kind} cell; it is read as code all the same.",
)
OTHER_VERSION = Words(
    "这份笔记本是另一个版本（{came}，现在是 {ours}），仍按现在的检查批改。",
    "This notebook is of another version ({came}; now it is {ours}); it is graded by today's checks.",
)
OTHER_CLASS = Words(
    "这份笔记本是给另一个班的（{came}），按这个班的数字批改。",
    "This notebook was made for another class ({came}); it is graded with this class's numbers.",
)
LONG = Words("{name} 的答案太长，没有读。", "The answer of {name} is too long; it was not read.")


@dataclass
class Submission:
    """One student's file.

    Attributes:
        student: the name of the file or of its folder.
        path: the file.
        answers: exercise -> code.
        notes: what was odd.
        language: of the notebook: ``zh``, ``en`` or ``both``.
    """

    student: str
    path: Path
    answers: dict[str, str] = field(default_factory=dict)
    notes: list[Words] = field(default_factory=list)
    language: str = "both"

    @property
    def digest(self) -> str:
        """Changes when an answer does."""
        return hashlib.sha256(json.dumps(sorted(self.answers.items())).encode()).hexdigest()


def find(folder: Path) -> list[tuple[str, Path]]:
    """(student, file): a file right in the folder counts for its name, files in folders for the folder's."""
    found = []
    for item in sorted(folder.iterdir()):
        if item.name.startswith(".") or item.is_symlink():
            continue
        if item.is_dir():
            found += [
                (item.name, path)
                for path in sorted(item.rglob("*"))
                if path.is_file()
                and not path.is_symlink()
                and not any(part.startswith(".") for part in path.parts)
            ]
        elif item.is_file():
            found.append((item.stem, item))
    return found


def read(
    student: str, path: Path, stubs: dict[str, dict[str, str]], version: str, group: str = ""
) -> Submission:
    """Read one file; it never raises for what is in the file.

    Args:
        stubs: the exercises of the clean copy: name -> ``stub``, ``before``, ``given``.
        version: of the clean copy.
        group: the class.
    """
    one = Submission(student, path)
    try:
        size = path.stat().st_size
        if path.suffix not in (".ipynb", ".py"):
            one.notes.append(UNKNOWN_KIND)
        elif size > MAX_BYTES:
            one.notes.append(TOO_LARGE.filled(size=size, limit=MAX_BYTES))
        elif path.suffix == ".py":
            _read_script(one, path.read_text(encoding="utf-8-sig"), stubs)
        else:
            _read_notebook(one, path.read_bytes(), stubs, version, group)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}".replace("|", "/")[:200]
        one.notes.append(NOT_A_NOTEBOOK.filled(why=why))
    for name in list(one.answers):
        if len(one.answers[name]) > MAX_CODE:
            del one.answers[name]
            one.notes.append(LONG.filled(name=name))
    return one


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(str(line) for line in source)


def _read_notebook(
    one: Submission, data: bytes, stubs: dict[str, dict[str, str]], version: str, group: str
) -> None:
    notebook = json.loads(data.decode("utf-8-sig"))
    cells = notebook["cells"]
    about = notebook.get("metadata", {}).get("rnnlib", {})
    if about.get("language") in ("zh", "en"):
        one.language = about["language"]
    if about.get("version") not in (None, version):
        one.notes.append(
            OTHER_VERSION.filled(came=str(about["version"])[:40].replace("|", "/"), ours=version)
        )
    if about.get("class", group) != group:
        came = str(about["class"])[:40].replace("|", "/") or "—"
        one.notes.append(OTHER_CLASS.filled(came=came))
    expected = [name for name in about.get("exercises", []) if name in stubs]
    found: dict[str, list[str]] = {}
    for cell in cells:
        match = _ANSWER.match(str(cell.get("id", ""))) or _ANSWER.fullmatch(
            str(cell.get("metadata", {}).get("rnnlib_id", ""))
        )
        if not match or match[1] not in stubs:
            continue
        name = match[1]
        if cell.get("cell_type") != "code":
            one.notes.append(
                RETYPED.filled(name=name, kind=str(cell.get("cell_type"))[:20].replace("|", "/"))
            )
        found.setdefault(name, []).append(_text(cell.get("source", "")))
    for name, sources in found.items():
        if len(sources) > 1:
            one.notes.append(TWICE.filled(name=name, n=len(sources)))
        changed = [source for source in sources if source.strip() != stubs[name]["stub"].strip()]
        one.answers[name] = (changed or sources)[-1]
    one.notes += [GONE.filled(name=name) for name in expected if name not in found]


def _read_script(one: Submission, source: str, stubs: dict[str, dict[str, str]]) -> None:
    """A script: each exercise whose name (a class, a function, a variable) it defines."""
    tree = ast.parse(source)
    defined = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    defined |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for name, exercise in stubs.items():
        if exercise["given"] in defined:
            one.answers[name] = source
