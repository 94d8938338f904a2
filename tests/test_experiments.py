"""The long runs of the book: every result has its script, and rates are chosen as the protocol says."""

from __future__ import annotations

import ast
import json

import pytest
import torch
from torch import nn

import rnnlib
from experiments import __main__ as runner
from experiments import common
from experiments.networks import CausalConvModel, FixedInput
from rnnlib import results

BENCHMARK = {"speed"}  # written by `make bench`; see tests/test_benchmarks.py


@pytest.mark.parametrize("name", sorted(set(results.names()) - BENCHMARK))
def test_a_result_has_its_script_and_its_conditions(name):
    record = results.load(name)
    source = (runner.HERE / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)
    assert record["experiment"] == name and record["question"].endswith("?")
    assert " ".join(record["question"].split()) in " ".join(ast.get_docstring(tree).split())
    conditions = record["conditions"]
    assert conditions["seconds"] > 0 and conditions["threads"] == 1 and conditions["hardware"]
    assert record["results"]


def test_every_experiment_has_been_run():
    stored = set(results.names()) - BENCHMARK
    assert set(runner.experiments()) - {"lyrics"} == stored  # the lyrics are not ours to store


def test_the_runner_writes_results_and_conditions(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["experiments", "comparison"])
    monkeypatch.setattr("experiments.comparison.run", lambda: {"answer": 42})
    threads = torch.get_num_threads()
    try:
        assert runner.main() == 0
    finally:
        torch.set_num_threads(threads)
    record = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert record["results"] == {"answer": 42} and record["question"].startswith("Which network")
    assert {"hardware", "threads", "torch", "python", "date", "seconds"} <= record["conditions"].keys()
    monkeypatch.setattr("sys.argv", ["experiments", "riddle"])
    with pytest.raises(SystemExit):
        runner.main()


def test_three_texts_follow_each_other(tmp_path):
    text = "".join(chr(ord("a") + i % 26) for i in range(1_000))
    (tmp_path / "text.txt").write_text(text)
    data, test = common.three_texts(
        str(tmp_path / "text.txt"), 400, 150, batch_size=2, num_steps=5, device="cpu"
    )
    parts = [data.train.corpus, data.valid, test]
    assert [len(part) for part in parts] == [400, 400, 150]
    assert "".join(data.vocab.to_tokens(torch.cat(parts).tolist())) == text[:950]


@pytest.fixture
def landscape(monkeypatch):
    """Training that costs nothing: the validation perplexity is lowest at a rate that the test chooses."""
    tried: list[tuple[float, int]] = []

    def prepare(best: float, broken: tuple[float, ...] = ()):
        def run_seeds(build, data, lr, seeds, **options):
            tried.extend((lr, seed) for seed in seeds)
            valid = None if lr in broken else 5 + abs(torch.log10(torch.tensor(lr / best))).item()
            record = {"lr": lr, "valid": valid, "epoch": 3, "seconds": 1.0}
            return [(build(), {**record, "seed": seed}) for seed in seeds]

        monkeypatch.setattr(common, "run_seeds", run_seeds)
        monkeypatch.setattr(common.rnnlib, "perplexity", lambda model, text: 7.0)
        return tried

    return prepare


def test_the_rate_is_chosen_by_validation_and_reported_with_other_seeds(landscape):
    tried = landscape(best=0.01)
    found = common.tuned(lambda: nn.Linear(2, 1), None, None, (1e-3, 1e-2, 1e-1), seeds=(10, 11))
    assert found["lr"] == 0.01 and found["parameters"] == 3
    assert [(run["lr"], run["seed"], run["test"]) for run in found["runs"]] == [
        (0.01, 10, 7.0),
        (0.01, 11, 7.0),
    ]
    assert {seed for _, seed in tried[:6]} == {0, 1} and len(found["grid"]) == 6
    assert not any("test" in run for run in found["grid"])  # the test text has no say


@pytest.mark.parametrize(("best", "found"), [(1.0, 1.0), (1e-5, 1e-5)])
def test_the_grid_grows_where_the_best_lies_at_its_edge(landscape, best, found):
    landscape(best=best)
    result = common.tuned(lambda: nn.Linear(2, 1), None, None, (1e-3, 1e-2, 1e-1))
    assert result["lr"] == pytest.approx(found)
    rates = {run["lr"] for run in result["grid"]}
    assert min(rates) < 0.99 * result["lr"] and max(rates) > 1.01 * result["lr"]


def test_a_rate_that_diverges_is_not_chosen(landscape):
    landscape(best=0.01, broken=(0.01,))
    assert common.tuned(lambda: nn.Linear(2, 1), None, None, (1e-3, 1e-2, 1e-1))["lr"] != 0.01


def test_one_run_stops_early_and_says_how_it_went(tmp_path):
    (tmp_path / "text.txt").write_text("time and tide wait for no man " * 100)
    data, test = common.three_texts(str(tmp_path / "text.txt"), 1_200, 300, device="cpu")
    V = len(data.vocab)
    model, record = common.run_once(
        lambda: rnnlib.RNNModel(nn.GRU(V, 16), V), data, 1e-2, 0, epochs=6, patience=4
    )
    assert record["valid"] == pytest.approx(rnnlib.perplexity(model, data.valid), abs=1e-3)
    assert 1 <= record["epoch"] <= 6 and record["valid"] < V


def test_the_convolution_is_causal_and_carries_what_it_reaches():
    model, X = CausalConvModel(28, 8), torch.randint(28, (2, 50))
    whole, (kept,) = model(X)
    assert whole.shape == (2, 50, 28) and kept.shape == (2, model.reach - 1) == (2, 30)
    first, state = model(X[:, :35])
    torch.testing.assert_close(torch.cat([first, model(X[:, 35:], state)[0]], 1), whole)
    poked = X.clone()
    poked[:, 40] = (poked[:, 40] + 1) % 28
    changed = (model(poked)[0] != whole).any(2).any(0)
    assert not changed[:40].any() and changed[40]


def test_fixed_inputs_have_the_length_that_was_asked_for():
    vectors = FixedInput(5, 2.0)(torch.arange(5))
    torch.testing.assert_close(vectors, 2 * torch.eye(5))
