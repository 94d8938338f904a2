"""Figures from Python: what a notebook shows, with a kernel and without; controls; networks as data."""

from __future__ import annotations

import json
import re
import sys

import pytest
import torch
from torch import nn

import rnnlib
from rnnlib import widgets
from rnnlib.widgets import files

pytest.importorskip("anywidget", reason="anywidget is not installed")
NAMES = files.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_a_widget_and_a_place_in_html(name):
    figure = widgets.figure(name)
    data = figure._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == f"figure({name!r})"
    assert f'data-figure="{name}"' in data["text/html"] and " | " in data["text/html"]
    assert figure._esm.count("export default") == 1 and 'Kit.figure("' + name in figure._esm
    for pack in files.pack_names(name):
        assert f'Kit.pack("{pack}"' in figure._esm


def test_settings_go_both_ways():
    name = NAMES[0]
    figure = widgets.figure(name, t=3, own="<a 'b' & \"c\">")
    assert figure["t"] == 3
    figure["t"] = 5
    assert figure.values == {"t": 5, "own": "<a 'b' & \"c\">"}
    place = figure._repr_mimebundle_()
    place = (place[0] if isinstance(place, tuple) else place)["text/html"]
    state = re.search(r'data-values="([^"]*)"', place)[1]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&")):
        state = state.replace(entity, character)
    assert json.loads(state) == figure.values


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="no figure 'riddle'; there are "):
        widgets.figure("riddle")
    with pytest.raises(ValueError, match="lang is 'zh', 'en' or 'both', not 'de'"):
        widgets.figure(NAMES[0], lang="de")
    with pytest.raises(ValueError, match="no label for rho"):
        widgets.live(print, {}, rho=(0.0, 1.0, 0.1, 0.5))
    for wrong in ((0, 1), (0, 1, 1, 5), (0, 1, 0, 0), "abc"):
        with pytest.raises(ValueError, match="甲"):
            widgets.live(lambda a: None, {"a": "甲 | A"}, a=wrong)


def test_without_anywidget_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rnnlib.widgets.widget", None)
    with pytest.raises(ImportError, match=r"pip install 'rnnlib\[widgets\]'"):
        widgets.figure(NAMES[0])


def test_controls_call_the_function_and_keep_its_first_output():
    seen = []

    def show(size, kind):
        seen.append((size, kind))
        print(f"{kind} {size}")

    live = widgets.live(
        show, {"size": "大小 | size", "kind": "种类 | kind"}, size=(1, 9, 1, 4), kind=["RNN", "GRU"]
    )
    assert seen[0] == (4, "RNN")
    data = live._repr_mimebundle_()
    assert (data[0] if isinstance(data, tuple) else data)["text/plain"] == "RNN 4"
    live.children[0].value = 7
    live.children[1].value = "GRU"
    assert seen[-2:] == [(7, "RNN"), (7, "GRU")]


@pytest.mark.parametrize(
    "layer", [nn.RNN(5, 4), nn.LSTM(5, 4, num_layers=2), nn.GRU(5, 4, bidirectional=True)]
)
def test_a_network_becomes_data(layer, tmp_path):
    model = rnnlib.RNNModel(layer, 5)
    vocab = rnnlib.Vocab(["a", "b", "c", "d"])
    pack = widgets.model_pack(model, vocab, note="mine")
    network, state = pack["model"], model.state_dict()
    assert network["kind"] == type(layer).__name__.lower() and network["H"] == 4 and pack["note"] == "mine"
    assert network["arrays"].keys() == state.keys() and pack["vocab"] == ["<unk>", "a", "b", "c", "d"]
    for name, entry in network["arrays"].items():
        count = state[name].numel()
        data = torch.frombuffer(
            bytearray(pack["bytes"]), dtype=torch.float32, count=count, offset=entry["offset"]
        )
        assert torch.equal(data.reshape(entry["shape"]), state[name])


def test_other_networks_are_refused():
    vocab = rnnlib.Vocab(["a"])
    with pytest.raises(ValueError, match="figures take an RNNModel"):
        widgets.model_pack(nn.Linear(2, 2), vocab)
    with pytest.raises(ValueError, match="no activation but tanh"):
        widgets.model_pack(rnnlib.RNNModel(nn.RNN(2, 3, nonlinearity="relu"), 2), vocab)


def test_a_pack_is_read_or_refused(tmp_path):
    with pytest.raises(ValueError, match="no pack 'riddle'; there are "):
        widgets.read_pack("riddle")
    (tmp_path / "damaged.js").write_text("Kit.pack(", encoding="utf-8")
    with pytest.raises(ValueError, match="is not a pack"):
        widgets.read_pack(tmp_path / "damaged.js")
    for name in files.packs():
        assert isinstance(widgets.read_pack(name), dict)


def test_two_figures_keep_their_own_style():
    """anywidget knows a style sheet by the name of the class: of two of one name the second would win."""
    ids = {widgets.figure(name)._anywidget_id for name in NAMES}
    assert len(ids) == len(NAMES)
