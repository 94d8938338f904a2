"""The grader against a class that is partly hostile; each attack is bounded by itself."""

from __future__ import annotations

import copy
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from exercise_cells import all_exercises, clean_copies

from rnnlib.exercises import TASKS, grading
from rnnlib.exercises.grading import remote, rubric, submissions, wire
from rnnlib.exercises.grading.grade import STUBS, grade_answer, grade_part
from rnnlib.exercises.projects import PROJECTS
from rnnlib.exercises.worker import Layer, Opaque, Ref

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the grader needs fork")
EXERCISES = all_exercises()
A1 = EXERCISES["A1"]
MODEL = """
class TwoLayerLSTM(nn.Module):
    def __init__(self, num_inputs, num_hiddens=256):
        super().__init__()
        self.lstm = nn.LSTM(num_inputs, num_hiddens, 2, batch_first=True)
        self.output = nn.Linear(num_hiddens, 1)

    def forward(self, X):
        {0}
        return self.output(self.lstm(X)[0][:, -1]).squeeze(-1)
"""


@pytest.fixture(scope="module")
def warm():
    with remote.WarmProcess() as process:
        yield process


def parts(warm, code: str, indices=(0,), seconds: float = 4.0) -> list:
    task = TASKS["A1"]
    stub = {"stub": A1.stub, "before": A1.before, "given": A1.given}
    before, task.seconds = task.seconds, seconds
    try:
        return [grade_part(warm, task, index, stub, code, "seed") for index in indices]
    finally:
        task.seconds = before


def need(warm, lock: str) -> None:
    held = parts(warm, A1.solution)[0][1]
    if lock not in held:
        pytest.skip(f"this system has no lock {lock!r}: {held}")


def test_the_clean_copy_is_in_step_with_the_notebooks():
    stored = json.loads(STUBS.read_text(encoding="utf-8"))
    assert stored == clean_copies(EXERCISES), "run `python book/_tools/exercise_cells.py`"


def test_a_right_answer_passes_in_its_locked_process(warm):
    found = parts(warm, A1.solution, range(4))
    assert [part.kind for part, _ in found] == ["passed"] * 4
    assert {"time", "memory", "file size", "open files"} <= set(found[0][1])


@pytest.mark.parametrize(
    "name", [n for n, e in EXERCISES.items() if "rnnlib." in e.before.replace("rnnlib.exercises", "")]
)
def test_what_the_given_cells_import_is_there_in_a_locked_process(warm, name):
    exercise, task = EXERCISES[name], TASKS[name]
    stub = {"stub": exercise.stub, "before": exercise.before, "given": exercise.given}
    found = [grade_part(warm, task, i, stub, exercise.solution, "seed")[0] for i in range(len(task.parts))]
    assert [part.kind for part in found] == ["passed"] * len(task.parts)


def test_a_wrong_answer_gets_the_hint_of_its_mistake(warm):
    code = A1.solution.replace("outputs[:, -1]", "outputs[:, 0]")
    assert parts(warm, code, (2,))[0][0].mistake == "first step"


# ---------- attacks ----------
def test_an_endless_loop(warm):
    began = time.monotonic()
    assert parts(warm, MODEL.format("while True: pass"), seconds=1)[0][0].kind == "timeout"
    assert time.monotonic() - began < 30


def test_sleeping_for_ever(warm, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 2.0)
    began = time.monotonic()
    code = MODEL.format("import time; time.sleep(60)")
    assert parts(warm, code, seconds=1)[0][0].kind == "timeout"
    assert time.monotonic() - began < 20


def test_an_answer_that_never_finishes_loading_costs_its_time_once(warm, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 1.0)
    monkeypatch.setattr(TASKS["A1"], "seconds", 6.0)
    stub = {"stub": A1.stub, "before": A1.before, "given": A1.given}
    began = time.monotonic()
    slow = grade_answer(warm, "s", "A1", stub, "import time\ntime.sleep(60)\n" + A1.solution, "seed")
    assert [part.kind for part in slow.parts] == ["timeout"] * len(TASKS["A1"].parts)
    assert len({part.title for part in slow.parts}) == len(slow.parts)
    assert time.monotonic() - began < 6.0 * len(slow.parts) - 3, "each part has waited for itself"


def strangers():
    """Processes of the users under whose names checks run."""
    owners = subprocess.run(["ps", "-eo", "uid"], capture_output=True, text=True).stdout.split()
    return [uid for uid in owners if uid.isdigit() and 61_000 <= int(uid) < 65_000]


def test_a_fork_bomb(warm):
    need(warm, "processes")
    body = """import os, time
        born = 0
        try:
            while born < 200:
                born += 1
                if os.fork() == 0:
                    time.sleep(15)
                    os._exit(0)
        except OSError:
            raise ValueError(f"stopped at {born}")"""
    part, _ = parts(warm, MODEL.format(body))[0]
    assert part.kind == "crashed" and "stopped at" in str(part.hint)
    assert int(str(part.hint).split("stopped at ")[1].split()[0]) < 60
    until = time.monotonic() + 8  # seconds; a child would live for fifteen
    while left := strangers():
        assert time.monotonic() < until, f"children outlived their check: {left}"
        time.sleep(0.1)


def test_all_the_memory(warm):
    need(warm, "memory")
    part, _ = parts(warm, MODEL.format("hoard = [bytearray(10**8) for _ in range(12)]"))[0]
    assert part.kind == "crashed" and "MemoryError" in str(part.hint)


@pytest.mark.parametrize("way", ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit"])
def test_leaving_early_is_no_pass(warm, way):
    assert parts(warm, MODEL.format(way))[0][0].kind == "crashed"
    assert parts(warm, way + "\n" + A1.solution)[0][0].kind == "crashed"


def test_patched_comparisons_are_nobodys_but_the_answers_own(warm):
    patch = "torch.allclose = torch.equal = lambda *a, **k: True\ntorch.Tensor.__le__ = lambda *a: True\n"
    wrong = MODEL.replace(
        "return self.output(self.lstm(X)[0][:, -1]).squeeze(-1)",
        "return self.output(self.lstm(X)[0][:, 0]).squeeze(-1)",
    )
    found = parts(warm, patch + wrong.format("pass"), (0, 2))
    assert [part.kind for part, _ in found] == ["passed", "wrong"]


@pytest.mark.parametrize(
    "way",
    [
        "import rnnlib.exercises.layers",
        "import rnnlib.exercises.chapters.text",
        "from rnnlib.exercises.chapters import lstm",
        "from rnnlib.exercises.task import TASKS",
        "import importlib.util, rnnlib, pathlib\n"
        "print(pathlib.Path(rnnlib.__file__).parent.joinpath('exercises', 'layers.py').read_text())",
        "import gc\nassert [o for o in gc.get_objects() if type(o).__name__ == 'Task'], 'no reference in memory'",
    ],
)
def test_the_reference_is_out_of_reach(warm, way):
    part, _ = parts(warm, way + "\n" + A1.solution)[0]
    assert part.kind == "crashed", part


def test_files_are_out_of_reach(warm, tmp_path):
    need(warm, "files (Landlock)")
    secret = tmp_path / "another.ipynb"
    secret.write_text("another's answer")
    os.chmod(tmp_path, 0o777)
    for way in (
        f"open({str(secret)!r}).read()",
        f"open({str(secret)!r}, 'w')",
        "open('/etc/passwd').read()",
        f"__import__('os').listdir({str(tmp_path)!r})",
        f"__import__('os').remove({str(secret)!r})",
    ):
        part, _ = parts(warm, way + "\n" + A1.solution)[0]
        assert part.kind == "crashed" and "Permission" in str(part.hint), (way, part)
    assert secret.read_text() == "another's answer"
    assert parts(warm, "open('own.txt', 'w').write('x')\n" + A1.solution)[0][0].kind == "passed"


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_no_network(warm, kind):
    need(warm, "network namespace")
    code = f"""
import socket
s = socket.socket(socket.AF_INET, socket.{kind})
s.settimeout(2)
s.connect(("127.0.0.1", 9))
s.send(b"x")
"""
    part, _ = parts(warm, code + A1.solution)[0]
    assert part.kind == "crashed" and ("Permission" in str(part.hint) or "unreachable" in str(part.hint)), (
        part
    )


def test_a_forged_result(warm):
    forged = wire.pack({"ok": None}, {})
    code = f"""
import os, struct
message = {forged!r}
for number in range(3, 64):
    try:
        os.write(number, (struct.pack("!Q", len(message)) + message) * 50)
    except OSError:
        pass
"""
    found = parts(warm, code + MODEL.format("return torch.zeros(len(X))"), range(4))
    assert "passed" not in [part.kind for part, _ in found]


def test_printing_a_grade_and_gigabytes(warm):
    body = "\n        ".join(
        [
            "print('{\"points\": 1.0}')",
            "for _ in range(2000): print('x' * 500_000)",
            "return torch.ones(len(X))",
        ]
    )
    found = parts(warm, MODEL.format(body), (2,), seconds=10)
    assert found[0][0].kind == "wrong"


def test_killing_the_grader(warm):
    code = """
import os, signal
for number in (1, os.getppid(), -1):
    try:
        os.kill(number, signal.SIGKILL)
    except OSError:
        pass
"""
    parts(warm, code + A1.solution)
    assert parts(warm, A1.solution)[0][0].kind == "passed", (
        "the next one is graded as if nothing had happened"
    )


def test_other_programs(warm):
    need(warm, "files (Landlock)")
    code = "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo'], check=True)\n"
    assert parts(warm, code + A1.solution)[0][0].kind == "crashed"


# ---------- messages ----------
KINDS = {"Ref": Ref, "Opaque": Opaque, "Layer": Layer}


def test_messages_come_back_as_they_were():
    import torch

    value = {
        "a": [1, 2.5, None, ..., "文", True, float("inf")],
        "b": (torch.arange(6).view(2, 3), torch.zeros(0, 4), torch.tensor(1.5, dtype=torch.float64)),
        "c": Ref(3, "LSTM", True),
        "d": Layer("GRU", {"num_layers": 2}),
        "e": torch.randn(4, 5).T,
        "f": torch.tensor([True, False]),
    }
    back = wire.unpack(wire.pack(value, KINDS), KINDS)
    assert back["a"] == value["a"] and back["c"] == value["c"] and back["d"] == value["d"]
    for ours, theirs in zip([*value["b"], value["e"], value["f"]], [*back["b"], back["e"], back["f"]]):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(ours, theirs)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0\0", b"\0\0\0\5{}", b"\0\0\0\2{}", b"\0\0\0\4nope",
        b"\0\0\0\x24" + b'{"tensor":["float32",[2000000000,4]]}'[:36],
        wire.pack([1], {}) + b"more",
        b"\0\0\0\x1f" + b'{"record":["Task",["x","y","z"]]}'[:31],
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(data):
    with pytest.raises(wire.BadMessage):
        wire.unpack(data, KINDS)


# ---------- a class ----------
NOTEBOOK = nbformat.read(A1.path, as_version=4)


def hand_in(folder: Path, name: str, code: str, change=None) -> None:
    notebook = copy.deepcopy(NOTEBOOK)
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        if cell.id == "answer-A1":
            cell.source = code
    if change:
        change(notebook)
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def answer_cell(notebook):
    return next(cell for cell in notebook.cells if cell.id == "answer-A1")


def a_class(folder: Path) -> None:
    folder.mkdir()
    hand_in(folder, "right", A1.solution)
    hand_in(folder, "same", "# mine\n" + A1.solution)
    hand_in(folder, "wrong", A1.solution.replace("[:, -1]", "[:, 0]"))
    hand_in(folder, "stub", A1.stub)
    hand_in(folder, "broken", "class TwoLayerLSTM(")
    hand_in(folder, "hostile", "import os; os._exit(0)\n" + A1.solution)
    hand_in(folder, "twice", A1.stub, lambda nb: nb.cells.append({**answer_cell(nb), "source": A1.solution}))
    hand_in(folder, "gone", A1.solution, lambda nb: nb.cells.remove(answer_cell(nb)))
    hand_in(folder, "retyped", A1.solution, lambda nb: answer_cell(nb).update(cell_type="markdown"))
    hand_in(folder, "=cmd|' calc'!A1", A1.solution)
    (folder / "script.py").write_text("import torch\nfrom torch import nn\n" + A1.solution)
    (folder / "noise.ipynb").write_text("{]")
    (folder / "list.ipynb").write_text("[1, 2]")
    (folder / "bomb.zip").write_bytes(b"PK\3\4" + b"\0" * 10_000)
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    inside = folder / "two files"
    inside.mkdir()
    hand_in(inside, "a", A1.solution)
    (inside / "notes.txt").write_text("hello")


EXPECTED = {
    "right": 1, "same": 1, "wrong": 0.5, "stub": 0, "broken": 0, "hostile": 0, "twice": 1, "gone": 0,
    "retyped": 1, "'=cmd|' calc'!A1": 1, "script": 1, "noise": 0, "list": 0, "bomb": 0, "two files": 1,
}  # fmt: skip


def run(folder: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "rnnlib.exercises",
        "grade",
        str(folder),
        "--out",
        str(out),
        "--no-progress",
    ]
    return subprocess.run([*command, "--tasks", "A1", *more], capture_output=True, text=True, timeout=300)


def table(out: Path) -> dict[str, float]:
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: float(row["A1"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    home = tmp_path_factory.mktemp("class")
    a_class(home / "submissions")
    done = run(home / "submissions", home / "reports")
    assert done.returncode == 0, done.stderr
    return home, done.stdout


def test_a_class_gets_its_grades(graded):
    home, _ = graded
    assert table(home / "reports") == pytest.approx(EXPECTED)


def test_oddities_cost_a_line_each(graded):
    _, said = graded
    for name in ("twice", "retyped", "noise", "list", "bomb"):
        assert f"\n{name}: " in "\n" + said, said
    assert "passwd" not in said


def test_a_report_has_the_hint_and_no_solution(graded):
    home, _ = graded
    page = (home / "reports" / "students" / "wrong.html").read_text(encoding="utf-8")
    assert TASKS["A1"].hints["first step"].en in page and TASKS["A1"].hints["first step"].zh in page
    assert "outputs[:, -1]" not in page
    index = (home / "reports" / "index.html").read_text(encoding="utf-8")
    assert "right, same" in index and "&lt;" not in index.split("<table>")[0]


def test_killed_in_the_middle_it_goes_on_where_it_was(graded, tmp_path):
    home, _ = graded
    out = tmp_path / "reports"
    command = [sys.executable, "-m", "rnnlib.exercises", "grade", str(home / "submissions"), "--out", str(out),
               "--tasks", "A1", "--no-progress", "--jobs", "1"]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    log = out / "done.jsonl"
    until = time.monotonic() + 60
    while not (log.exists() and log.read_bytes().count(b"\n") >= 3):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = log.read_bytes()
    log.write_bytes(before[:-20])  # as if it had been killed while writing
    whole = before[: before[:-20].rfind(b"\n") + 1]
    assert run(home / "submissions", out).returncode == 0
    assert log.read_bytes().startswith(whole) and table(out) == pytest.approx(EXPECTED)


def test_the_same_grades_in_another_order_and_again(graded, tmp_path):
    home, _ = graded
    again = tmp_path / "submissions"
    again.mkdir()
    for name in ("wrong", "right", "retyped"):
        shutil.copy(home / "submissions" / f"{name}.ipynb", again)
    found, first = grading.grade(again, tmp_path / "one", tasks=["A1"], jobs=1, progress=False)
    _, second = grading.grade(again, tmp_path / "two", tasks=["A1"], jobs=2, progress=False)
    assert first == second and [one.student for one in found] == ["retyped", "right", "wrong"]
    other = grading.grade(again, tmp_path / "three", tasks=["A1"], progress=False, seed="class 2")[1]
    assert [one.points for one in other] == [one.points for one in first]


def test_a_class_is_graded_with_its_own_numbers(tmp_path):
    """Each answer in its own class passes; the book's number does not, nor that of another class; it is said."""
    task, exercise = TASKS["B7"], EXERCISES["B7"]
    group = next(name for name in "abcdefg" if task.numbers_of(name) != task.numbers_of())
    own = task.numbers_of(group)["num_classes"]
    for student, answer in (
        ("computed", exercise.solution),
        ("own", f"random_label_loss = {math.log(own)}"),
        ("books", f"random_label_loss = {math.log(8)}"),
    ):
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(answer, id="answer-B7")])
        made.metadata["rnnlib"] = {"class": "" if student == "books" else group, "exercises": ["B7"]}
        nbformat.write(made, tmp_path / f"{student}.ipynb")
    found, graded = grading.grade(tmp_path, tmp_path / "out", progress=False, seed=group)
    assert {one.student: one.points for one in graded} == {"computed": 1.0, "own": 1.0, "books": 0.0}
    notes = {one.student: " ".join(note.en for note in one.notes) for one in found}
    assert "made for another class" in notes["books"] and not notes["own"]


def test_another_version_is_said(tmp_path):
    hand_in(
        tmp_path,
        "old",
        A1.solution,
        lambda nb: nb.metadata.update(rnnlib={"version": "0000", "language": "zh"}),
    )
    stubs = grading.clean_copy()
    one = submissions.read("old", tmp_path / "old.ipynb", stubs, "1111")
    assert "0000" in one.notes[0].en and one.language == "zh" and one.answers["A1"] == A1.solution


def test_a_folder_that_is_not_there(tmp_path):
    done = run(tmp_path / "nothing", tmp_path / "out")
    assert done.returncode == 2 and "not a folder" in done.stderr and not (tmp_path / "out").exists()


# ---------- the open parts ----------


def test_the_rubric_is_that_of_the_notebook():
    notebook = nbformat.read(EXERCISES["F1"].path, as_version=4)
    for language in (0, 1):
        tag = ("lang-zh", "lang-en")[language]
        for name, project in PROJECTS.items():
            heads = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith(f"### {name} ")]
            text = next(
                cell.source for cell in notebook.cells[heads[0] :] if tag in cell.metadata.get("tags", [])
            )
            table = text.partition(("**评分**", "**Rubric**")[language])[2]
            rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][2:]
            assert rows == [row[language] for row in project.rubric]
            assert project.title[language] in notebook.cells[heads[0]].source


def test_what_the_teacher_marks_is_kept_and_counted(tmp_path):
    """Written once, filled in, read again: totals and pages follow, a newcomer gets an empty line, nothing goes."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("ann", "=ben"):
        hand_in(folder, name, A1.stub)
    assert run(folder, out, "--rubric", "P1", "--tasks", "A1").returncode == 0
    file = out / "rubric.csv"
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["student,P1 data,P1 baselines,P1 measurement,P1 conclusion", "'=ben,,,,", "ann,,,,"]
    page = (out / "students" / "ann.html").read_text(encoding="utf-8")
    assert "还没评" in page and "not marked yet" in page
    marked = "student;P1 data;P1 baselines;P1 measurement;P1 conclusion;备注\nann;2;1,5;0;;\n'=ben;;;;;\n"
    file.write_bytes(marked.replace(";备注", "").replace(";;\n", ";\n").encode("gb18030"))
    hand_in(folder, "newcomer", A1.stub)
    assert run(folder, out, "--rubric", "P1,P3", "--tasks", "A1").returncode == 0
    text = file.read_text(encoding="utf-8-sig")
    assert "ann,2,1.5,0,,,,," in text and "newcomer,,,,,,,," in text
    with open(out / "grades.csv", newline="", encoding="utf-8-sig") as table_file:
        grades = {line["student"]: line for line in csv.DictReader(table_file)}
    assert grades["ann"]["rubric"] == "3.5" and grades["ann"]["rubric out of"] == "16"
    assert grades["newcomer"]["rubric"] == "0" and grades["ann"]["P1 conclusion"] == ""
    assert "1.5 / 2" in (out / "students" / "ann.html").read_text(encoding="utf-8")
    (folder / "ann.ipynb").unlink()  # marks outlive a submission that is missing this time
    assert run(folder, out, "--tasks", "A1").returncode == 0
    assert "ann,2,1.5,0" in file.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student,P1 data\nann,3\n", "line 2: 'P1 data' is '3'"),
        ("student,P1 data\nann,good\n", "'good'"),
        ("name,P1 data\nann,1\n", "should be called student"),
    ],
)
def test_a_mark_that_cannot_be_is_said_and_left(tmp_path, text, message):
    file = tmp_path / "rubric.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        rubric.completed(file, ["ann"], ["P1"])
    assert file.read_text(encoding="utf-8") == text
    with pytest.raises(ValueError, match="no project 'P9'; there are P1, P2, P3, P4"):
        rubric.completed(tmp_path / "other.csv", ["ann"], ["P9"])
