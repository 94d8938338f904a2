"""What is stored with the code: complete, from one run, safe to compare, clean."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from notebook_lint.chapter import Cell, Chapter, Problem
from notebook_lint.prose import CJK
from notebooks import code_digest, output_texts, shows_substitute

LONGEST_RUN = 180  # seconds, on cores that do
REFERENCE = 150  # billions of operations a second; slower ones may take longer in proportion
IGNORED = ("nbval-ignore-output", "nbval-skip")

# Calls whose results differ from one computer, or one version of torch, to the next.
MACHINE_CALLS = {
    *("perf_counter", "process_time", "monotonic", "timeit", "time", "Timer"),
    *("describe_device", "get_num_threads", "cpu_count", "max_memory_allocated", "get_device_name"),
    *("train", "train_epoch", "generate", "beam_search"),
}
MACHINE_OUTPUT = re.compile(
    r"\bcuda\b|\bcpu\b|\d ?(?:ms|µs|μs|ns|s|sec|seconds|秒|毫秒|微秒)\b"
    r"|(?:tokens|词元|字符|characters)/(?:s|秒)"
)
AS_TEXT = ('<table class="numbers">', '<figure class="fig ')
PROGRESS = re.compile(r"\d+%\||\bit/s\b|\bs/it\b")
LEFT_BY_PLOTS = re.compile(r"<\w*Axes\w*[:( ]|<Figure |<matplotlib\.|<\w+Container |\bText\(-?[\d.]+, ")
PATH = re.compile(
    r"(?<![\w/.:~])(?:/(?:home|root|tmp|usr|opt|var|mnt|work|private|Users|Volumes|content|kaggle)/|[A-Z]:\\)\S*"
)


def _run_command(chapter: Chapter) -> str:
    return f"run `make run CHAPTER={chapter.path.stem}`"


def was_run_in_one_go(chapter: Chapter) -> Iterator[Problem]:
    """Outputs come from `make run`: every cell ran, in order, from a clean kernel, and not changed since."""
    counts = [cell.node.execution_count for cell in chapter.code_cells if cell.source.strip()]
    record = chapter.node.metadata.get("rnnlib", {})
    if counts != list(range(1, len(counts) + 1)):
        yield chapter.problem(
            f"its cells were not run in order from a clean kernel; {_run_command(chapter)}."
        )
    elif any("execution" in cell.node.metadata for cell in chapter.code_cells):
        yield chapter.problem(f"it stores when each cell was run; {_run_command(chapter)}.")
    elif "code" not in record:
        yield chapter.problem(f"nothing was recorded about its run; {_run_command(chapter)}.")
    elif record["code"] != code_digest(chapter.node):
        yield chapter.problem(f"its code was changed after the run; {_run_command(chapter)}.")
    for cell in chapter.code_cells:
        if not cell.source.strip():
            yield cell.problem("an empty code cell; remove it.")


def is_short_enough(chapter: Chapter) -> Iterator[Problem]:
    """The run took at most three minutes, on a machine as fast as today's laptops."""
    record = chapter.node.metadata.get("rnnlib", {})
    seconds = record.get("seconds")
    allowed = LONGEST_RUN * max(1.0, REFERENCE / record.get("gflops", REFERENCE))
    if seconds is None:
        yield chapter.problem(f"how long it takes was not recorded; {_run_command(chapter)}.")
    elif not 0 < seconds <= allowed:
        yield chapter.problem(
            f"it took {seconds:.0f} s; at most {allowed:.0f} s are allowed on that machine: make it smaller."
        )


def what_prints_has_output(chapter: Chapter) -> Iterator[Problem]:
    """A cell that prints has its output stored (nbval passes a cell without one)."""
    for cell in chapter.code_cells:
        if prints(cell.tree) and not cell.outputs:
            yield cell.problem(f"it prints, but no output is stored; {_run_command(chapter)}.")


def prints(tree: ast.AST) -> bool:
    """Whether code calls print or display for certain: not inside a function, a condition or a handler."""
    uncertain = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.If, ast.IfExp, ast.Try, ast.While, ast.BoolOp)
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in ("print", "display"):
            return True
        todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, uncertain)]
    return False


def errors_are_meant(chapter: Chapter) -> Iterator[Problem]:
    """A stored error needs the tag raises-exception, and the tag needs an error."""
    for cell in chapter.code_cells:
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in cell.tags:
            yield cell.problem("it stores an error; mend it, or tag it raises-exception and explain it.")
        if not failed and "raises-exception" in cell.tags:
            yield cell.problem("it is tagged raises-exception, but nothing was raised.")


def outputs_are_clean(chapter: Chapter) -> Iterator[Problem]:
    """No warnings, progress bars or paths of somebody's computer; no notice that a corpus was missing."""
    for cell in chapter.code_cells:
        stderr = [o for o in cell.outputs if o.output_type == "stream" and o.name == "stderr"]
        if stderr and "shows-warning" not in cell.tags:
            yield cell.problem(
                f"it stores {stderr[0].text.strip()[:60]!r} from stderr; remove the cause (progress=False), "
                "or tag it shows-warning if the warning is the lesson."
            )
        for _, text in output_texts([cell.node]):
            if match := PROGRESS.search(text):
                yield cell.problem(f"it stores a progress bar ({match[0]!r}); use progress=False.")
            if match := PATH.search(text):
                yield cell.problem(f"it stores the path {match[0]!r} of one computer; print less.")
            if shows_substitute(text) and "shows-substitute" not in cell.tags:
                yield cell.problem(
                    "its output was made with an embedded text in place of the real corpus; "
                    f"{_run_command(chapter)} with a network or RNNLIB_DATA."
                )


def plots_leave_no_text(chapter: Chapter) -> Iterator[Problem]:
    """A cell that draws leaves no ``<Axes: xlabel='epoch'>`` behind, which its last line returned."""
    for cell in chapter.code_cells:
        for output in cell.outputs:
            text = str(output.get("data", {}).get("text/plain", ""))
            if output.output_type == "execute_result" and LEFT_BY_PLOTS.search(text):
                yield cell.problem(
                    f"its last line leaves {text.splitlines()[0][:40]!r}; end with `plt.show()`, or with `;`."
                )


def images_have_alt_texts(chapter: Chapter) -> Iterator[Problem]:
    """A cell that draws says in both languages what is to be seen."""
    for cell in chapter.code_cells:
        if not any(kind.startswith("image/") for kind in _kinds(cell.outputs)):
            continue
        alt = cell.node.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        halves = alt.split(" | ")
        if len(halves) != 2 or not re.search(f"[{CJK}]", halves[0]) or re.search(f"[{CJK}]", halves[1]):
            yield cell.problem(
                'it draws; its metadata needs {"mystnb": {"image": {"alt": "中文说明 | English text"}}}.'
            )


def _kinds(outputs: list[NotebookNode]) -> set[str]:
    return {kind for output in outputs for kind in output.get("data", {})}


def _comparable(outputs: list[NotebookNode]) -> set[str]:
    """A table of rnnlib, or the place of one of its figures, is text, too, and is compared like text."""
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    return {"text/html"} if all(page.startswith(AS_TEXT) for page in pages) else set()


def what_varies_is_not_compared(chapter: Chapter) -> Iterator[Problem]:
    """Pictures, widgets, timings, devices and training results carry nbval-ignore-output."""
    for cell in chapter.code_cells:
        if not cell.outputs or any(tag in cell.tags for tag in IGNORED):
            continue
        if rich := sorted(_kinds(cell.outputs) - {"text/plain"} - _comparable(cell.outputs)):
            yield cell.problem(f"its output {rich[0]} cannot be compared; tag it nbval-ignore-output.")
            continue
        if calls := sorted(MACHINE_CALLS & called(cell)):
            yield cell.problem(f"{calls[0]}() differs from run to run; tag it nbval-ignore-output.")
        for _, text in output_texts([cell.node]):
            if match := MACHINE_OUTPUT.search(text):
                yield cell.problem(f"{match[0]!r} depends on the computer; tag it nbval-ignore-output.")


def called(cell: Cell) -> set[str]:
    """The names of the functions, methods and timing magics that a cell calls; not `model.train()`."""
    found = set(re.findall(r"(?m)^%%?(timeit|time)\b", cell.source))
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
            if name != "train" or node.args or node.keywords:
                found.add(name)
    return found


RULES = [
    was_run_in_one_go,
    is_short_enough,
    what_prints_has_output,
    errors_are_meant,
    outputs_are_clean,
    plots_leave_no_text,
    images_have_alt_texts,
    what_varies_is_not_compared,
]
