"""The benchmarks run, take turns, compare what is equal, and can fail. No speed is judged here."""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent

import rnnlib
from rnnlib import results
from rnnlib.training.fast import Path as FastPath

pytest.importorskip("d2l", reason="the package d2l, which the benchmarks measure against, is not installed")

from benchmarks import (
    SUBJECTS,
    book,
    compiled,
    conditions,
    contenders,
    fits,
    floor,
    generation,
    grid,
    ladder,
    learning,
    plots,
    profiles,
    report,
    rungs,
    training,
    verdicts,
    work,
)
from benchmarks import __main__ as command
from benchmarks.progress import Progress
from benchmarks.rounds import alternate, at_threads, digits, ratios, summary

ROOT = Path(__file__).parent.parent
PEERS = [key for key in contenders.NAMES if key not in ("loop", "compile", "bf16", "fp16")]


@pytest.fixture
def run():
    progress = Progress(list(SUBJECTS))
    progress.begin("learning")
    return work.Run(work.QUICK, 1, progress, quick=True)


@pytest.fixture
def with_fast(monkeypatch):
    """All ways of rnnlib take part, whatever this processor multiplies by itself."""
    monkeypatch.setattr(contenders, "has_bf16", lambda: True)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What a quick run of everything writes, and what it prints."""
    folder = tmp_path_factory.mktemp("quick")
    line = [sys.executable, "-m", "benchmarks", "--quick", "--output", str(folder)]
    environment = os.environ | {"RNNLIB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    path = folder / "results" / f"{conditions.device_name(work.DEVICE)}.json"
    return json.loads(path.read_text(encoding="utf-8")), folder, done


def test_a_quick_run_measures_every_subject(record):
    written, folder, done = record
    assert list(written["subjects"]) == list(SUBJECTS)
    assert {path.name for path in folder.iterdir()} == {"results", "RESULTS.md"}
    for key in ("processor", "cores", "threads", "flags", "torch", "d2l", "blas", "device"):
        assert key in written["conditions"]
    for subject in written["subjects"].values():
        assert {"date", "load"} == subject["start"].keys() == subject["end"].keys()
        assert subject["seconds"] > 0
    text = (folder / "RESULTS.md").read_text(encoding="utf-8")
    assert text.startswith("# 测量结果 | Results") and text.count("\n### ") == 8
    assert "约剩" in done.stderr and "left" in done.stderr
    assert "≥ 4 " in done.stdout and "✗" in done.stdout + "✗"


@pytest.mark.parametrize("subject", ["training", "generation"])
def test_ratios_and_rates_agree(record, subject):
    for one in record[0]["subjects"][subject]["results"].values():
        for rows in one["threads"].values():
            for numbers in rows.values():
                rate, peer = (next(iter(each.values()))["median"] for each in (numbers, rows["d2l"]))
                assert numbers["over_d2l"]["median"] == pytest.approx(rate / peer, rel=2e-3)
    if subject == "generation":
        for one in record[0]["subjects"][subject]["results"].values():
            assert one["same"] == one["characters"]


def test_the_rate_of_many_texts_counts_all_their_characters(monkeypatch):
    monkeypatch.setattr(generation, "alternate", lambda functions, *_, **__: dict.fromkeys(functions, [2.0]))
    run = work.Run(work.QUICK, 1, Progress([]), quick=True)
    numbers = generation._measure(run, "scratch", lambda done: None)["threads"]["1"]
    rates = {key: each["characters_per_second"]["median"] for key, each in numbers.items()}
    assert rates["one"] == work.QUICK.characters / 2
    assert rates["many"] == work.QUICK.rows * work.QUICK.characters / 2
    assert numbers["many"]["over_d2l"]["median"] == work.QUICK.rows


def test_a_quick_run_without_a_folder_writes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(command, "write", lambda *rest: pytest.fail("something was written"))
    monkeypatch.setattr(command, "measured", lambda name, run: {"results": {}})
    assert command.main(["--quick", "--only", "ladder"]) == 0
    capsys.readouterr()


def test_the_functions_take_turns():
    calls = []
    taken = alternate({name: lambda name=name: calls.append(name) for name in "abc"}, rounds=3)
    assert "".join(calls) == "abc" + "abc" + "cba" + "abc"
    assert [len(each) for each in taken.values()] == [3, 3, 3]
    with pytest.raises(ValueError, match="rounds=0"):
        alternate({}, rounds=0)


def test_ratios_are_taken_within_each_round():
    found = ratios(peer=[1.0, 30.0, 8.0], ours=[0.5, 10.0, 2.0])
    assert found == {"median": 3.0, "quartiles": [2.5, 3.5], "rounds": 3}
    assert ratios([1.0], [2.0], work=32)["median"] == 16
    assert summary([4.0]) == {"median": 4.0, "quartiles": [4.0, 4.0], "rounds": 1}
    assert digits(0.0123456) == 0.01235


def test_threads_are_set_and_put_back():
    before = torch.get_num_threads()
    assert at_threads(before + 1, torch.get_num_threads)() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError):
        at_threads(before + 1, lambda: 1 / 0)()
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("kind", work.KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_contenders_learn_the_same(run, with_fast, kind, language):
    text = work.text(language, run.scale)
    losses = {}
    for key in contenders.keys(kind):
        if key not in ("compile", "bf16"):
            one = learning.contender(run, key, kind, text)
            losses[key] = [one.epoch() for _ in range(3)]
    assert {"d2l", "loop", "plain", "fast"} <= losses.keys()
    assert ("nn.RNN" in losses) == (kind == "scratch")
    for each in losses.values():
        assert each == pytest.approx(losses["loop"], rel=2e-6)
    assert losses["loop"][0] > losses["loop"][-1] > 0


@pytest.mark.parametrize("kind", ["scratch", "rnn"])
def test_all_contenders_clip_alike(with_fast, monkeypatch, kind):
    made, batches = work.model(kind, 28, 8), work.synthetic(4, 6, 28, batches=3)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(100 if kind == "scratch" else 10)
    build = contenders.build
    losses = {key: build(key, made, batches).epoch() for key in PEERS if key in contenders.keys(kind)}
    losses["loop"] = build("loop", made, batches).epoch()
    assert list(losses.values()) == pytest.approx([losses["loop"]] * len(losses), rel=1e-5)
    monkeypatch.setattr(contenders, "CLIP", 1e9)
    assert build("loop", made, batches).epoch() != pytest.approx(losses["loop"], rel=1e-2)


def test_building_a_contender_leaves_the_model_alone(run, with_fast):
    made = work.model("gru", 28, 8)
    before = copy.deepcopy(made.state_dict())
    for key in ("d2l", "loop", "plain", "fast"):
        contenders.build(key, made, work.synthetic(2, 3, 28)).epoch()
    torch.testing.assert_close(made.state_dict(), before, rtol=0, atol=0)


def test_a_contender_that_learns_something_else_does_not_count(run, with_fast, monkeypatch):
    honest = contenders.build

    def build(key, made, batches):
        one = honest(key, made, batches)
        wrong = 1.01 if key == "plain" else 1.0
        return contenders.Contender(key, lambda: wrong * one.epoch(), one.model)

    monkeypatch.setattr(learning, "build", build)
    found = learning._curves(run, "rnn", work.text("en", run.scale))
    assert found["d2l"]["counts"] and found["fast"]["counts"]
    assert not found["plain"]["counts"] and found["plain"]["difference"] >= 0.0099
    assert "counts" not in found["bf16"] and "losses" in found["nudged"]
    assert "compiler" in found["compile"]["unavailable"]


@pytest.mark.parametrize(("worse", "counts"), [(1.0, True), (1.05, False)])
def test_bfloat16_counts_by_its_long_curve(run, with_fast, monkeypatch, worse, counts):
    honest = learning._long_curve

    def long_curve(run, one, text):
        found = honest(run, one, text)
        return found | {"valid": found["valid"] * (worse if one.key == "bf16" else 1)}

    monkeypatch.setattr(learning, "_long_curve", long_curve)
    found = learning._long_curves(run, "scratch", work.text("en", run.scale))
    assert found["counts"] is counts and found["worse_by"] == pytest.approx(worse - 1, abs=1e-6)


def test_who_cannot_take_part_has_the_reason_recorded(run, monkeypatch):
    monkeypatch.setattr(contenders, "has_bf16", lambda: False)
    with pytest.raises(contenders.Unavailable, match="no products in bfloat16"):
        learning.contender(run, "bf16", "rnn", work.text("en", run.scale))
    found = training._measure(run, "rnn", work.text("en", run.scale), lambda done: None)
    assert "no products in bfloat16" in found["unavailable"]["bf16"] and "bf16" not in found["threads"]["1"]


def test_float16_takes_part_on_a_gpu_alone(run, monkeypatch):
    assert "fp16" not in contenders.keys("rnn")
    with pytest.raises(contenders.Unavailable, match="float16 is for GPUs"):
        learning.contender(run, "fp16", "rnn", work.text("en", run.scale))
    monkeypatch.setattr(contenders, "DEVICE", torch.device("cuda"))
    assert "fp16" in contenders.keys("rnn") and "nn.RNN" not in contenders.keys("rnn")


@pytest.mark.parametrize("rung", [r for r in rungs.LADDER if not ladder.unavailable(r)], ids=lambda r: r.key)
def test_every_rung_computes_what_the_first_one_does(rung):
    made = work.model("scratch", 28, 24, seed=1)
    X, Y = work.synthetic(5, 7, 28)[0]
    assert ladder.check(rung, made, X, Y) <= rung.tolerance
    losses = []
    for one in (rungs.LADDER[0], rung):
        params = ladder._parameters(one, made)
        state = torch.zeros(5, 24)
        for _ in range(4):
            loss, grads, state = one.gradients(params, X, Y, state)
            one.update(params, grads)
        losses.append(float(loss))
    assert losses[1] == pytest.approx(losses[0], rel=max(rung.tolerance, 1e-5))


def test_a_rung_that_computes_something_else_stops_the_run():
    made, (X, Y) = work.model("scratch", 28, 8), work.synthetic(2, 3, 28)[0]

    def without_a_gradient(*arguments):
        loss, grads, state = rungs.by_hand(*arguments)
        return loss, (grads[0], torch.zeros_like(grads[1]), *grads[2:]), state

    with pytest.raises(ArithmeticError, match="mend it"):
        ladder.check(rungs.Rung("x", "x | x", without_a_gradient), made, X, Y)


def test_the_updates_agree_below_and_above_the_clip():
    for scale in (0.01, 10.0):
        grads = [scale * torch.randn(3, 4), scale * torch.randn(5)]
        both = [[torch.ones(3, 4), torch.ones(5)] for _ in range(2)]
        rungs.d2l_update(both[0], [g.clone() for g in grads])
        rungs.update_together(both[1], [g.clone() for g in grads])
        torch.testing.assert_close(both[0], both[1])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponents_are_found(power):
    points = {x: 3 * x**power for x in (1, 4, 16, 64)}
    found = fits.exponents(points)
    assert found["all"] == found["upper"] == pytest.approx(power)
    assert found["range"] == [1, 64] and found["upper_range"] == [4, 64]
    kinked = fits.exponents({x: max(x, 100.0) for x in (1, 10, 100, 1000, 10000)})
    assert kinked["upper"] == pytest.approx(1) and kinked["all"] < 0.7
    assert fits.exponents({1: 1.0, 2: 2.0}) is None
    with pytest.raises(ValueError, match="two points"):
        fits.slope({1: 1.0})


def test_what_would_take_too_long_is_left_out_and_recorded(run, monkeypatch):
    monkeypatch.setattr(grid, "BUDGET", 0.0)
    row = grid._measure(grid.Cell("scratch", 8, 2, 3), run, {})
    assert row["seconds"] is None and row["floor"] is None and row["estimate"] > 0


def test_the_grid_covers_what_it_promises():
    cells = grid.cells()
    assert len(set(cells)) == len(cells)
    crossed = [cell for cell in cells if cell.kind == "scratch"]
    assert len(crossed) == 7 * 6 * 4 and grid.BASE in crossed
    for kind in ("rnn", "lstm", "gru", "written"):
        assert {cell.L for cell in cells if cell.kind == kind} == {1, 2, 3, 4}


def test_operations_are_those_of_the_products():
    B, T, H, V = 3, 5, 16, 28
    made, batches = work.model("scratch", V, H), work.synthetic(B, T, V)
    epoch = contenders.build("d2l", made, batches).epoch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        epoch()
    # the first state takes no gradient
    expected = grid.Cell("scratch", H, B, T).operations - 2 * B * H * H
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.05)


def test_a_disturbed_measurement_does_not_become_the_floor():
    found = iter([3.0, 2.0, 5.0])
    key = ("test",)
    try:
        assert floor._remembered(key, lambda: next(found), again=False) == 3.0
        assert floor._remembered(key, lambda: next(found), again=False) == 3.0
        assert floor._remembered(key, lambda: next(found), again=True) == 2.0
        assert floor._remembered(key, lambda: next(found), again=True) == 2.0
    finally:
        del floor.FOUND[key]


def test_the_floor_lies_below_a_whole_step():
    row = grid._measure(grid.Cell("scratch", 32, 4, 6), work.Run(work.QUICK, 1, Progress([])), {})
    assert 0 < row["floor"] < min(one["median"] for one in row["seconds"].values())
    assert all(0 < share < 1 for share in row["share"].values())
    one, two = (floor.chain_floor(4, 6, 32, 28, layers=layers) for layers in (1, 2))
    assert two > one
    if work.DEVICE.type == "cpu":
        assert floor.launch_floor(6) is None


def test_kernels_are_counted_with_the_operations_that_launch_them(monkeypatch):
    """A trace as a GPU leaves it: each operation of 5 microseconds launches a kernel of 10."""
    monkeypatch.setattr(work, "DEVICE", torch.device("cuda"))
    events = []
    for i, (name, kernel) in enumerate(
        {"aten::tanh": "void at::native::tanh<4>", "aten::addmm": "void cutlass::Kernel2"}.items()
    ):
        here, there = (
            FunctionEvent(
                id=2 * i + k,
                name=(name, kernel)[k],
                thread=0,
                start_us=20 * i + 6 * k,
                end_us=20 * i + 6 * k + (5, 10)[k],
                device_type=(DeviceType.CPU, DeviceType.CUDA)[k],
                use_device="cuda",
            )
            for k in (0, 1)
        )
        here.append_kernel(kernel, 0, 10)
        events += [here, there]
    found = profiles.operations(events)
    assert profiles._counts(found) == {"operations": 2, "products": 1}
    shares = profiles._shares(found, 40e-6)
    assert (shares["share_products"], shares["share_elementwise"], shares["share_overhead"]) == (
        0.25,
        0.25,
        0.5,
    )


def test_an_epoch_of_ours_keeps_its_path(run, with_fast, monkeypatch):
    """On a GPU the path holds the graph: another one at every epoch would record anew."""
    paths = []
    monkeypatch.setattr(rnnlib, "run_epoch", lambda *args, fast, **options: paths.append(fast) or (1.0, 1))
    made = work.model("gru", 28, 8)
    one = contenders.build("fast", made, work.synthetic(2, 3, 28))
    one.epoch(), one.epoch()
    assert isinstance(paths[0], FastPath) and paths[0] is paths[1] and paths[0].name == "fast"


def test_the_profile_counts_products_and_shares():
    A = torch.randn(64, 64)
    found = profiles.profiled(lambda: (A @ A).tanh() + torch.nn.functional.linear(A, A))
    assert found["products"] == 2 and found["operations"] == 4
    shares = [found[key] for key in found if key.startswith("share")]
    assert sum(shares) == pytest.approx(1, abs=0.02) and all(share >= 0 for share in shares)
    assert found["share_products"] > 0 and found["share_elementwise"] > 0


def test_both_sides_write_the_same_text(run):
    writers = generation._writers(run, "lstm")
    one, d2l = writers["one"](), writers["d2l"]()
    assert one == d2l and len(one) == len(generation.PREFIX) + run.scale.characters
    assert writers["many"]().shape == (run.scale.rows, run.scale.characters)


def judged(found: dict[str, float]) -> list[bool]:
    """Verdicts on a made-up record in which every ratio to d2l is given by the contender's name."""

    def rows(keys):
        return {key: {"over_d2l": {"median": found[key]}} for key in keys}

    texts = {"en": {"corpus": "time_machine"}, "zh": {"corpus": "tang300"}}
    trained = {
        f"{kind} {language}": {
            "title": "甲 | A",
            "text": texts[language],
            "threads": {n: rows(["fast", "bf16"]) for n in ("1", "2")},
            "unavailable": {},
        }
        for kind, language in training.WORKS
    }
    written = {
        kind: {"title": "甲 | A", "rows": 32, "threads": {n: rows(["one", "many"]) for n in ("1", "2")}}
        for kind in work.KINDS
    }
    subjects = {"training": {"results": trained}, "generation": {"results": written}}
    return [verdict.passed for verdict in verdicts.verdicts(subjects)]


def test_requirements_are_judged(monkeypatch):
    monkeypatch.setattr(verdicts, "has_bf16", lambda: True)
    assert all(judged({"fast": 1.5, "bf16": 2.0, "one": 4.0, "many": 10.0}))
    assert judged({"fast": 1.49, "bf16": 1.99, "one": 3.99, "many": 9.99}).count(True) == 4
    assert len(judged({"fast": 9, "bf16": 9, "one": 9, "many": 9})) == 7 + 16
    monkeypatch.setattr(verdicts, "has_bf16", lambda: False)
    assert len(judged({"fast": 9, "bf16": 9, "one": 9, "many": 9})) == 6 + 16


def test_a_ratio_without_the_same_learning_does_not_pass(record):
    subjects = copy.deepcopy(record[0]["subjects"])
    for one in subjects["training"]["results"].values():
        one["threads"]["1"]["fast"] = {"over_d2l": {"median": 9.0}}
    for one in subjects["learning"]["results"]["curves"].values():
        one["fast"] = {"counts": True}
    of_fast = [v for v in verdicts.verdicts(subjects) if "fast" in v.name]
    assert of_fast and all(verdict.passed for verdict in of_fast)
    subjects["learning"]["results"]["curves"]["gru en"]["fast"]["counts"] = False
    failed = [v for v in verdicts.verdicts(subjects) if "fast" in v.name and not v.passed]
    assert len(failed) == 1 and "GRU" in failed[0].name and "curve" in failed[0].why


@pytest.mark.parametrize(("ratio", "status"), [(0.5, 1), (20.0, 0)])
def test_the_exit_status_follows_the_requirements(monkeypatch, tmp_path, capsys, record, ratio, status):
    results = copy.deepcopy(record[0]["subjects"]["generation"])
    for one in results["results"].values():
        for rows in one["threads"].values():
            for numbers in rows.values():
                numbers["over_d2l"]["median"] = ratio
    monkeypatch.setattr(command, "measured", lambda name, run: results)
    assert command.main(["--only", "generation", "--output", str(tmp_path)]) == status
    assert ("✗" in capsys.readouterr().out) == bool(status)


def test_subjects_of_an_earlier_run_stay_if_the_conditions_are_the_same(tmp_path):
    path = tmp_path / "cpu.json"
    report.write(path, report.combine(path, {"threads": 2}, {"grid": {"a": [1, 2]}}))
    assert "[1, 2]" in path.read_text(encoding="utf-8")
    both = report.combine(path, {"threads": 2}, {"ladder": {}})
    assert both["subjects"] == {"grid": {"a": [1, 2]}, "ladder": {}}
    assert report.combine(path, {"threads": 1}, {"ladder": {}})["subjects"] == {"ladder": {}}


def test_the_copy_for_the_book(record, tmp_path):
    written = record[0]
    path = book.store(written, tmp_path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["experiment"] == "speed" and stored["question"].endswith("?")
    assert path.stat().st_size <= book.MOST
    assert set(stored["results"]["grid"]["columns"][-4:]) == {"d2l", "plain", "fast", "floor"}
    assert len(stored["results"]["grid"]["cells"]) == len(written["subjects"]["grid"]["results"]["cells"])
    few = {"conditions": written["conditions"], "subjects": {"grid": written["subjects"]["grid"]}}
    with pytest.raises(ValueError, match="ladder"):
        book.compact(few)


def test_the_copy_for_the_book_stays_small(record, tmp_path, monkeypatch):
    """A full grid with its longest numbers, long curves, and every contender there."""
    written = copy.deepcopy(record[0])
    cells = written["subjects"]["grid"]["results"]["cells"]
    cells += [copy.deepcopy(cells[0]) | {"H": 2048, "B": 1024} for _ in range(len(grid.cells()) - len(cells))]
    for cell in cells:
        cell["floor"] = 0.01234
        cell["seconds"] = {way: {"median": 0.01234, "quartiles": [1, 1]} for way in grid.WAYS}
    for contender in written["subjects"]["learning"]["results"]["curves"].values():
        contender |= {key: {"losses": [1.234567] * 10, "difference": 1e-7, "counts": True} for key in PEERS}
    seed = {"losses": [1.2345] * 60, "train": 1.0, "valid": 1.2345}
    long = dict.fromkeys(("fast", "nudged", "bf16"), [seed] * 3) | {
        "worse_by": 0.001,
        "nudged_by": 0.001,
        "counts": True,
    }
    written["subjects"]["learning"]["results"]["long"] = dict.fromkeys(
        [*(f"{kind} en" for kind in work.KINDS), "scratch zh"], long
    )
    assert book.store(written, tmp_path).stat().st_size <= book.MOST
    monkeypatch.setattr(book, "MOST", 1000)
    with pytest.raises(ValueError, match="leave more out"):
        book.store(written, tmp_path)


def test_the_stored_results_have_the_form_of_the_others():
    if "speed" not in results.names():
        pytest.skip("`make bench` has not been run")
    stored = results.load("speed")
    assert stored["question"] == book.QUESTION and stored["conditions"]["seconds"] > 0
    assert (results.FOLDER / "speed.json").stat().st_size <= book.MOST + 100


def test_the_figures_have_labels_in_both_languages(record, tmp_path):
    figures = plots.figures(record[0])
    assert {"time-scratch", "share", "ladder", "training"} <= figures.keys()
    for figure in figures.values():
        for ax in figure.axes:
            for label in (ax.get_xlabel(), ax.get_ylabel()):
                assert not label or " | " in label or label.isascii()
    assert all(path.stat().st_size > 1000 for path in plots.save(record[0], tmp_path))


def test_a_compiler_that_is_missing_slow_or_failing_is_a_reason(monkeypatch):
    def attempt(reason):
        compiled.prepare.cache_clear()
        with pytest.raises(contenders.Unavailable, match=reason):
            compiled.prepare("rnn", "en", 1)

    if work.DEVICE.type == "cpu":
        monkeypatch.setattr(compiled.shutil, "which", lambda name: None)
        attempt("no C\\+\\+ compiler")
        monkeypatch.setattr(compiled.shutil, "which", lambda name: name)
    monkeypatch.setattr(compiled, "LIMIT", 0.05)
    attempt("more than 0.05 s")
    monkeypatch.setattr(compiled, "LIMIT", 100)
    monkeypatch.setattr(compiled.sys, "executable", "false")
    attempt("compiling failed: no message")


def test_the_batches_are_the_same_in_every_epoch_and_continue_each_other():
    text = work.text("en", work.QUICK)
    first, second = list(text.batches), list(text.batches)
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(first, second))
    assert torch.equal(first[0][1][:, -1], first[1][0][:, 0])
    assert text.batches.num_tokens == sum(Y.numel() for _, Y in first)
    assert math.isclose(text.describe()["tokens_per_epoch"], text.batches.num_tokens)
