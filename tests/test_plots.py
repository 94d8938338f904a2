"""What the figures show, read back from matplotlib."""

from __future__ import annotations

import math
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import rnnlib.inspect
from rnnlib.inspect import curves, heatmap, learning_curves, plots, use_style
from rnnlib.inspect.plots import PALETTE
from rnnlib.training import History


@pytest.fixture(autouse=True)
def _clean():
    with mpl.rc_context():
        yield
    plt.close("all")


def drawn(ax):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in ax.get_lines()}


def test_every_form_of_series():
    series = {
        "list": [3.0, 2.0],
        "pairs": ([0, 10], [5.0, 4.0]),
        "mapping": {1: 7.0, 5: 6.0},
        "tensor": torch.tensor([1.0, 2.0], requires_grad=True),
        "array": np.array([1.0, 1.5]),
    }
    ax = curves(series, "epoch", "perplexity")
    assert drawn(ax) == {
        "list": ([1, 2], [3, 2]),
        "pairs": ([0, 10], [5, 4]),
        "mapping": ([1, 5], [7, 6]),
        "tensor": ([1, 2], [1, 2]),
        "array": ([1, 2], [1, 1.5]),
    }
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "perplexity")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(series)


def test_axes_scales_levels_and_one_curve_without_legend():
    _, given = plt.subplots()
    levels = {"uniform": 28.0, "n-gram": 9.0}
    ax = curves({"one": [1, 10]}, "x", "y", log_x=True, log_y=True, levels=levels, ax=given)
    assert ax is given and ax.get_xscale() == ax.get_yscale() == "log" and ax.get_legend() is None
    assert {text.get_text() for text in ax.texts} == {"uniform", "n-gram"}
    assert [line.get_ydata()[0] for line in ax.get_lines()[1:]] == [28, 9]
    ax.figure.canvas.draw()


def test_many_curves_can_be_told_apart():
    ax = curves({str(i): [i] for i in range(10)}, "x", "y")
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}
    assert len(looks) == 10 and {color for color, _ in looks} == set(PALETTE)


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw: series is empty"):
        curves({}, "x", "y")


def test_learning_curves():
    history = History([math.log(x) for x in (9, 5, 3)], {2: math.log(6), 3: math.log(7)})
    ax = learning_curves(history, levels={"uniform": 28.0})
    shown = drawn(ax)
    assert shown["训练 | training"] == ([1, 2, 3], pytest.approx([9, 5, 3]))
    assert shown["验证 | validation"] == ([2, 3], pytest.approx([6, 7]))
    assert (
        ax.get_yscale() == "log"
        and ax.get_ylabel() == "困惑度 | perplexity"
        and ax.get_xlabel() == "迭代周期 | epoch"
    )
    assert [text.get_text() for text in ax.texts] == ["uniform"]
    both = drawn(learning_curves({"RNN": history, "长短期 | LSTM": History([8.0])}))
    assert set(both) == {
        "RNN，训练 | RNN, training",
        "RNN，验证 | RNN, validation",
        "长短期，训练 | LSTM, training",
    }


def test_learning_curves_of_a_run_that_diverged():
    ax = learning_curves(History([2.0, 1e6], {1: 2.0, 2: math.inf}))
    assert drawn(ax)["训练 | training"][1][1] == drawn(ax)["验证 | validation"][1][1] == math.inf
    ax.figure.canvas.draw()


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_heatmap(form):
    matrix = form([[0.0, 1.0, 2.0], [3.0, 4.0, 9.0]])
    ax = heatmap(matrix, "to", "from", xticks=list("abc"), yticks=list("xy"), center=1)
    image = ax.get_images()[0]
    assert np.array_equal(image.get_array(), [[0, 1, 2], [3, 4, 9]])
    assert image.get_clim() == (-7, 9)  # the centre is in the middle of the colours
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["x", "y"]
    assert len(ax.figure.axes) == 2
    assert len(heatmap(form([[1.0]]), colorbar=None).figure.axes) == 1
    assert heatmap(form([[5.0]]), center=5.0).get_images()[0].get_clim() == (4, 6)


def test_heatmap_needs_a_matrix():
    with pytest.raises(ValueError, match=r"a heat map needs a matrix; got shape \(3,\)"):
        heatmap([1, 2, 3])


def test_style():
    use_style()
    assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(PALETTE)
    assert mpl.rcParams["figure.facecolor"] == "white"  # legible on a dark page, too
    curves({"a": [1, 2], "b": [2, 1]}, "x", "y").figure.canvas.draw()


def test_matplotlib_is_loaded_when_it_is_used():
    """The door shows the figures' names, and opens to them only when one is asked for."""
    code = (
        "import sys; sys.modules['numpy'] = None  # any import of it fails\n"
        "import warnings; warnings.filterwarnings('ignore')\n"
        "import rnnlib.inspect as inspect\n"
        "assert {'curves', 'heatmap', 'learning_curves', 'use_style'} < set(inspect.__all__)\n"
        "assert set(inspect.__all__) < set(dir(inspect))\n"
        "assert not hasattr(inspect, 'scatter')\n"
        "print([name for name in ('matplotlib', 'rnnlib.inspect.plots') if name in sys.modules])\n"
        "del sys.modules['numpy']\n"
        "from rnnlib.inspect import curves, plots\n"
        "print(curves is plots.curves, 'matplotlib' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=100)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n")[:2] == ["[]", "True True"]


def test_the_door_of_inspect():
    door = rnnlib.inspect
    assert [getattr(door, name).__name__ for name in door.__all__] == door.__all__
    assert door.use_style is plots.use_style
    with pytest.raises(AttributeError, match="module 'rnnlib.inspect' has no attribute 'metrics'"):
        door.metrics  # noqa: B018
