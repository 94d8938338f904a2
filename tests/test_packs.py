"""The data that the figures load: in order, small, true to what they state, and free of the corpus."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from torch import nn

import rnnlib
from packs import __main__ as door
from packs import alignment, chinese, courses, gates, latin, sight, taggers, units
from packs import pack as packing
from packs.pack import FOLDER, Pack, build, quantize, read_pack
from packs.reading import GATES, letters_left, perplexity, read, replaced
from packs.training import indices, longest_copy, longest_piece
from rnnlib.data import word_boundaries

LIMITS = {
    "latin": 110_000,
    "chinese": 130_000,
    "gates": 90_000,
    "units": 380_000,
    "taggers": 60_000,
    "sight": 110_000,
    "courses": 60_000,
    "playground": 70_000,
    "playground_verse": 60_000,
    "quizzes": 70_000,
    "speed": 40_000,
    "alignment": 150_000,
}
LONGEST = 39  # characters of The Time Machine in a row that a pack may hold
FOUND = sorted(path.stem for path in FOLDER.glob("*.js"))
real_corpus = pytest.mark.skipif(not os.environ.get("RNNLIB_DATA"), reason="RNNLIB_DATA is not set")


@cache
def pack(name: str) -> dict[str, Any]:
    return read_pack(FOLDER / f"{name}.js")


def models_of(name: str) -> dict[str, dict[str, Any]]:
    data = pack(name)
    return data.get("models") or ({"": data["model"]} if "model" in data else {})


WITH_MODELS = ("latin", "chinese", "gates", "units", "taggers", "alignment")
MODELS = [(name, model) for name in WITH_MODELS for model in models_of(name)]
LANGUAGE_MODELS = [pair for pair in MODELS if pair[0] not in ("taggers", "alignment")]


def vocab_of(name: str, model: str = "") -> rnnlib.Vocab:
    data = pack(name)
    return rnnlib.Vocab.from_list(models_of(name)[model].get("vocab") or data["vocab"])


# ---------- the files ----------


def test_there_is_a_file_for_each_module_that_makes_one():
    assert sorted(door.NAMES) == sorted(LIMITS) == FOUND


@pytest.mark.parametrize("name", FOUND)
def test_a_pack_is_small_and_says_what_it_is(name):
    path, data = FOLDER / f"{name}.js", pack(name)
    assert path.stat().st_size <= LIMITS[name]
    zh, en = data["about"]
    assert re.search("[\u4e00-\u9fff]", zh) and not re.search("[\u4e00-\u9fff]", en)
    assert {"torch", "date", "seconds"} <= set(data["conditions"])
    assert data["size"] == 0 or "corpus" in data["conditions"]
    assert not data["conditions"].get("quick")
    assert path.read_text(encoding="utf-8").startswith(f"/* Made by book/_tools/packs/{name}.py")


@pytest.mark.parametrize("name", FOUND)
def test_the_arrays_lie_one_after_another_and_are_finite(name):
    data, places = pack(name), []
    for holder in packing._holders(data):
        for key, entry in holder["arrays"].items():
            values = holder["state"][key]
            assert list(values.shape) == entry["shape"] and torch.isfinite(values).all()
            width = packing.DTYPES[entry["dtype"]].itemsize
            places.append((entry["offset"], entry["offset"] + values.numel() * width))
            if "scale" in entry:
                places.append((entry["scale"], entry["scale"] + 4 * len(values)))
    end = 0
    for first, last in sorted(places):
        assert end <= first < end + 4
        end = last
    assert end == data["size"]


def strings(value: Any) -> Iterator[str]:
    """All texts in a pack: of its JSON, and of its arrays of bytes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, torch.Tensor):
        if value.dtype == torch.uint8:
            yield bytes(value.tolist()).decode("utf-8", "replace")
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from strings(part)
    elif isinstance(value, list):
        if all(isinstance(part, str) and len(part) <= 2 for part in value):
            yield "".join(value)  # a text may be stored letter by letter
        for part in value:
            yield from strings(part)


def plain(text: str) -> str:
    """Letters and single spaces, so that a copy is found however its lines are broken."""
    return re.sub("[^a-z]+", " ", text.lower())


@real_corpus
@pytest.mark.parametrize("name", FOUND)
def test_no_pack_holds_text_of_the_time_machine(name):
    book = rnnlib.load_corpus("time_machine", fallback=False, clean=False).text
    glued = rnnlib.load_corpus("time_machine", fallback=False).text
    size = LONGEST + 1
    pieces = {text[i : i + size] for text in (plain(book), glued) for i in range(len(text) - size + 1)}
    for text in strings(pack(name)):
        text = plain(text).strip()
        copied = [text[i : i + size] for i in range(len(text) - size + 1) if text[i : i + size] in pieces]
        assert not copied, copied[0]


# ---------- the networks in them ----------


def check_text(check: dict[str, Any]) -> str:
    return rnnlib.load_corpus(check["corpus"], clean=check.get("clean", True)).text


@pytest.mark.parametrize("name, model", MODELS)
def test_a_model_can_be_built_and_is_what_its_entry_says(name, model):
    entry = models_of(name)[model]
    network = build(entry)
    assert packing.describe(network).items() <= entry.items()
    scaled = [key for key, array in entry["arrays"].items() if "scale" in array]
    assert scaled == [key for key, weight in network.state_dict().items() if weight.ndim == 2]
    assert set(entry["arrays"]) == set(network.state_dict())


@pytest.mark.parametrize("name, model", LANGUAGE_MODELS)
def test_perplexity_on_the_books_own_text_is_the_one_stated(name, model):
    entry, vocab = models_of(name)[model], vocab_of(name, model)
    assert entry["V"] == entry["outputs"] == len(vocab)
    measured = rnnlib.perplexity(build(entry), indices(vocab, check_text(entry["check"])))
    assert measured == pytest.approx(entry["check"]["perplexity"], rel=2e-3)


def real_data(name: str) -> rnnlib.TextData:
    """The text that the networks of a pack were trained on and measured with."""
    if name == "latin":
        return latin.time_machine()
    if name == "gates":
        return gates.time_machine(max_tokens=None)
    if name == "chinese":
        return chinese.frequent(chinese.tang(max_tokens=None, vocab_from="train"), chinese.V)
    return rnnlib.load_text(units.corpora()[0], max_tokens=None, min_freq=units.RARE, device="cpu")


@real_corpus
@pytest.mark.parametrize("name, model", LANGUAGE_MODELS)
def test_perplexity_on_the_real_corpus_is_the_one_stated(name, model):
    if name == "chinese":
        pytest.importorskip("opencc")
    entry, data = models_of(name)[model], real_data(name)
    assert data.vocab.idx_to_token == vocab_of(name, model).idx_to_token
    network = build(entry)
    assert rnnlib.perplexity(network, data.valid) == pytest.approx(entry["valid"], rel=2e-3)
    assert rnnlib.perplexity(network, data.train) == pytest.approx(entry["train"], rel=2e-3)


@pytest.mark.parametrize("name, model", [pair for pair in LANGUAGE_MODELS if pair[0] != "latin"])
def test_quantized_weights_predict_nearly_as_well(name, model):
    entry = models_of(name)[model]
    before = entry["float"][1] if isinstance(entry["float"], list) else entry["float"]
    assert entry["valid"] == pytest.approx(before, rel=0.02)


def test_latin_knows_its_text_by_heart():
    """Its validation perplexity lies in the hundreds and says nothing; that of its own text does."""
    entry = pack("latin")["model"]
    assert entry["train"] < 1.6 and entry["train"] == pytest.approx(entry["float"][0], rel=0.02)
    first = pack("latin")["samples"][0]
    assert first["prefix"] == "time traveller" and first["copied"] > 60 and len(first["text"]) <= LONGEST
    text = rnnlib.generate(build(entry), "time traveller", 60, vocab_of("latin"))
    assert text.startswith(first["text"])


def test_chinese_writes_the_samples_that_are_stated():
    network, vocab = build(pack("chinese")["model"]), vocab_of("chinese")
    for given_ in pack("chinese")["samples"]:
        if given_["temperature"] == 0:
            assert rnnlib.generate(network, given_["prefix"], 34, vocab) == given_["text"]


@pytest.mark.parametrize("kind", list(gates.LAYERS))
def test_gates_units_stand_from_slow_to_fast(kind):
    data = pack("gates")
    entry = data["models"][kind]
    assert entry["pace"] == sorted(entry["pace"], reverse=True) and len(entry["pace"]) == gates.H
    text = indices(vocab_of("gates", kind), rnnlib.load_corpus("tale").text[:3000])
    assert gates.pace(build(entry), text).tolist() == pytest.approx(entry["pace"], abs=0.03)


def test_gates_states_what_its_networks_measure():
    """The packed network's numbers lie within the range of the three seeds, up to quantization."""
    data = pack("gates")
    vocab = vocab_of("gates", "lstm")
    text = indices(vocab, rnnlib.load_corpus("tale").text)
    pieces = text[: gates.PIECES * 700].view(gates.PIECES, 700)[::4, : gates.LENGTH]
    for kind, entry in data["models"].items():
        assert set(data["measured"][kind]) == {"", "erased", "trained erased", *gates.HOLDS[kind]}
        without_state = data["measured"][kind]["trained erased"]["valid"][0]
        assert without_state == pytest.approx(data["ngrams"]["2"], rel=0.02)  # letters in pairs, no more
        for hold, numbers in data["measured"][kind].items():
            for middle, low, high in (numbers["valid"], *numbers.get("left", {}).values()):
                assert low <= middle <= high, (kind, hold)
        network = build(entry)
        for name, (_, low, high) in data["measured"][kind][""]["left"].items():
            left = [letters_left(network, X)[name].sum(dim=1)[gates.FROM :].mean() for X in pieces]
            assert 0.8 * low <= torch.stack(left).mean() <= 1.2 * high


def test_units_examples_are_true():
    data = pack("units")
    text = check_text(data["model"]["check"])
    assert bytes(data["state"]["text"].tolist()).decode() == text
    states = read(build(data["model"]), indices(vocab_of("units"), text)[None])
    half, targets = len(text) // 2, units.marks(text)
    assert len(data["examples"]) >= 6
    for example in data["examples"]:
        values, target = states[example["state"]][0], targets[example["what"]]
        checked = units.correlations(values[half:], target[half:])
        assert checked[example["unit"]].item() == pytest.approx(example["checked"], abs=0.01)
        assert abs(example["checked"]) >= max(units.LEAST, 1.2 * example["median"])


@pytest.mark.parametrize("name", list(taggers.RATES))
def test_taggers_find_the_spaces_of_the_tale(name):
    data = pack("taggers")
    entry = data["models"][name]
    X, Y = word_boundaries(rnnlib.load_corpus("tale").lines, data["pieces"]["T"])
    answer = rnnlib.predict(build(entry), X).argmax(-1)
    assert f1_score(Y.flatten(), answer.flatten()) == pytest.approx(entry["check"]["f1"], abs=2e-3)
    assert abs(entry["f1"]["test"] - entry["float"]) < 0.01


@real_corpus
def test_taggers_find_the_spaces_of_the_book():
    data = pack("taggers")
    X, Y = word_boundaries(rnnlib.load_corpus("time_machine", fallback=False).lines, data["pieces"]["T"])
    for entry in data["models"].values():
        answer = rnnlib.predict(build(entry), X[2000:2500]).argmax(-1)
        assert f1_score(Y[2000:2500].flatten(), answer.flatten()) == pytest.approx(
            entry["f1"]["test"], abs=2e-3
        )
    assert data["models"]["both"]["f1"]["test"] > data["models"]["one"]["f1"]["test"] + 0.1


def test_sight_shows_what_each_network_can_see():
    data = pack("sight")
    for k, (sentence, changed) in enumerate(zip(data["sentences"], data["changed"])):
        assert 24 <= len(sentence) <= 32 and not set(zip(sentence, changed)) & {(c, c) for c in sentence}
        T = len(sentence)
        for name, network in data["networks"].items():
            moved = network["state"][f"moved_{k}"]
            assert moved.shape == (T, T, len(data["letters"])) and 0.1 < moved.max() <= 1
            itself = moved[range(T), :, [data["letters"].index(c) for c in sentence]]
            assert (itself == 0).all(), "a letter put in its own place changes nothing"
            moved = moved.amax(dim=-1)
            assert (moved.diagonal() == 0).all()
            behind = moved.tril(-1)  # letter i > place j
            assert (behind.max() > 0.1) == (network["reach"]["after"] is None), name
            if network["reach"]["before"]:
                assert (moved.triu(network["reach"]["before"] + 1) == 0).all()
        assert data["networks"]["conv"]["reach"]["before"] < T - 1


@pytest.mark.parametrize("source, encoder", [(s, e) for s in alignment.FORMS for e in alignment.ENCODERS])
def test_alignment_is_as_often_right_as_it_states(source, encoder):
    data, (train, valid, test) = pack("alignment"), alignment.numbers(source)
    meeting = alignment.meeting_numbers(test)
    stated = [data["numbers"][name] for name in ("train", "valid", "test", "meeting")]
    assert [{**stated[0], source: len(train)}, len(valid), len(test), len(meeting)] == stated
    assert not set(train) & {*valid, *test, *data["numbers"]["shown"]} and not set(valid) & set(test)
    entry = data["models"][alignment.name_of(source, encoder)]
    assert entry["directions"] == (2 if encoder == "both" else 1)
    rights = alignment.exact(build(entry), test, source)
    assert alignment.share(rights) == pytest.approx(entry["exact"], abs=2e-3) and entry["exact"] > 0.98
    assert entry["exact"] == pytest.approx(entry["float"], abs=5e-3)
    full = alignment.exact(build(entry), alignment.round_numbers(train), source)
    assert alignment.share(full) == pytest.approx(entry["round"], abs=2e-3)
    shown = alignment.exact(build(entry), data["numbers"]["shown"], source)
    assert shown == list(entry["shown"].values())
    assert sum(alignment.crosses(build(entry), meeting, source)) == pytest.approx(entry["crosses"], abs=2)
    if source == "en":
        assert sum(alignment.joined(build(entry), meeting)) == pytest.approx(entry["joined"], abs=2)
    chosen = min(entry["runs"], key=lambda run: run["valid"])
    assert chosen["seed"] == entry["seed"] and [run["seed"] for run in entry["runs"]] == list(alignment.SEEDS)
    assert chosen["crosses"] == pytest.approx(entry["crosses"], abs=0.05 * len(meeting)), (
        "before it was pressed"
    )
    loss = alignment.loss(build(entry), valid, source)
    assert chosen["valid"] / 3 < loss < 3 * chosen["valid"] + 1e-3


def test_alignment_crosses_where_the_largest_weight_steps_back():
    """Weights that are put in by hand: from 126345 the row of 六 looks left of that of 万, or does not."""

    class Looks(torch.nn.Module):
        def __init__(self, at):
            super().__init__()
            self.at = at

        def shifted(self, Y):
            return Y

        def alignment(self, Y, X, lengths):
            return torch.nn.functional.one_hot(torch.tensor([self.at]), X.shape[1]).float()

    # one hundred and twenty six thousand three hundred and forty five; 十二万六千三百四十五
    assert alignment.crosses(Looks([1, 3, 5, 4, 5, 6, 7, 9, 8, 10, 10]), [126345], "en") == [True]
    assert alignment.joined(Looks([1, 3, 5, 4, 5, 6, 7, 9, 8, 10, 10]), [126345]) == [True]
    assert alignment.joined(Looks([1, 3, 9, 4, 5, 6, 7, 9, 8, 10, 10]), [126345]) == [False]
    assert alignment.crosses(Looks([3, 1, 4, 5, 5, 6, 7, 9, 8, 10, 10]), [126345], "en") == [False]
    into_english = [0, 0, 0, 1, 3, 2, 5, 6, 6, 7, 9, 9]
    assert alignment.crosses(Looks(into_english), [126345], "zh") == [True]
    assert alignment.crosses(Looks([*into_english[:5], 4, *into_english[6:]]), [126345], "zh") == [False]
    assert alignment.meeting_numbers([305, 9999, 12034, 120345, 126345, 100000]) == [12034, 126345]


def test_alignment_counts_an_answer_only_if_all_of_it_is_right(monkeypatch):
    pairs = rnnlib.data.numeral_pairs([12, 345, 7], "en", "zh")
    written = torch.nn.functional.pad(pairs.Y.clamp(min=0), (0, 4), value=3)
    monkeypatch.setattr(alignment, "write", lambda model, X, lengths: written)
    assert alignment.exact(None, [12, 345, 7], "en") == [True, True, True]
    written[1, 3] += 1
    written[2, 1] += 1  # the end
    assert alignment.exact(None, [12, 345, 7], "en") == [True, False, False]


def test_courses_are_complete():
    data = pack("courses")
    points = data["epochs"]
    assert points[0] == 0 and points[-1] == 200 and 50 <= len(points) <= 100
    assert set(data["networks"]) == set(courses.NETWORKS)
    for network in data["networks"].values():
        for key in ("train", "valid", "norm"):
            band = network[key]
            assert all(a <= b <= c for a, b, c in zip(band["low"], band["middle"], band["high"]))
            assert len(band["middle"]) == len(points)
        assert len(network["sample"]) == len(network["copied"]) == len(points)
        assert 25 < network["train"]["middle"][0] < 30 and network["lowest"] == sorted(network["lowest"])
        for text, at, copied in zip(network["sample"], network["copied_at"], network["copied"]):
            whole = len(text) == courses.WRITTEN
            assert 0 < copied <= courses.WRITTEN - at
            assert whole or (text.endswith("…") and copied > courses.QUOTED - len(courses.PREFIX))
        assert network["copied"][0] < 5  # the prompt does not count


# ---------- writing and reading ----------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "FOLDER", tmp_path)
    return tmp_path


def small_pack(name: str = "small", seconds: int = 1) -> tuple[Pack, dict[str, Any]]:
    rnnlib.set_seed(3)
    made = Pack(name, ("小", "small"))
    odd = made.array(torch.tensor([1, 2, 255]), "uint8")
    entry = made.model(rnnlib.RNNModel(nn.GRU(7, 5), 7))
    steps = made.array(torch.tensor([0.0, 0.5, 1.0]), "uint8", step=1 / 255)
    content = {"model": entry, "arrays": {"odd": odd, "steps": steps}}
    made.write(packing.conditions(seconds, seconds, corpus="none"), **content)
    return made, content


def test_a_pack_comes_back_as_it_was_written(folder):
    made, content = small_pack()
    data = read_pack(folder / "small.js")
    assert data["state"]["odd"].tolist() == [1, 2, 255]
    assert data["state"]["steps"].tolist() == pytest.approx([0, 0.5, 1], abs=1 / 255)
    rnnlib.set_seed(3)
    weights = rnnlib.RNNModel(nn.GRU(7, 5), 7).state_dict()
    assert list(data["model"]["state"]) == list(weights)
    for name, weight in data["model"]["state"].items():
        assert weight.dtype == torch.float32
        bound = 0 if weight.ndim == 1 else weights[name].abs().amax(dim=1, keepdim=True) / 127 / 2 * 1.001
        assert ((weight - weights[name]).abs() <= bound).all()
    same = made.reload(content["model"]).state_dict()
    assert all(torch.equal(same[name], weight) for name, weight in data["model"]["state"].items())


def test_writing_is_deterministic_and_a_new_date_alone_changes_nothing(folder, monkeypatch):
    small_pack()
    before = (folder / "small.js").read_bytes()
    small_pack(seconds=99)
    assert (folder / "small.js").read_bytes() == before and b'"seconds":1,' in before
    assert base64.b64decode(packing.parse(folder / "small.js")["gz"])[4:8] == b"\0\0\0\0"  # no time in it
    (folder / "small.js").unlink()
    small_pack()
    assert (folder / "small.js").read_bytes() == before
    monkeypatch.setattr(rnnlib, "__version__", "9")
    small_pack()
    assert (folder / "small.js").read_bytes() != before


@given(
    st.integers(1, 6), st.integers(1, 9), st.integers(0, 99), st.sampled_from((31, 127)), st.floats(1e-6, 1e6)
)
def test_quantization_errs_by_half_a_step_at_most(rows, columns, seed, levels, size):
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * size
    weight[0] = 0
    q, scale = quantize(weight, levels)
    assert q.dtype == torch.int8 and q.abs().max() <= levels and scale.dtype == torch.float32
    assert ((q.float() * scale[:, None] - weight).abs() <= scale[:, None] * 0.5001).all()
    assert (q[0] == 0).all() and (rows == 1 or q[1:].abs().amax(dim=1).eq(levels).all())


@pytest.mark.parametrize("values, dtype", [([300], "uint8"), ([-1], "uint8"), ([0.5], "int8")])
def test_values_that_do_not_fit_are_refused(values, dtype):
    with pytest.raises(ValueError, match=f"{dtype} cannot hold"):
        Pack("small", ("", "")).array(torch.tensor(values), dtype)


def test_damaged_files_are_refused(folder):
    small_pack()
    path = folder / "small.js"
    text = path.read_text(encoding="utf-8")
    gz = re.search('"gz": "([^"]+)"', text)[1]
    for damaged in (
        text.replace('Kit.pack("small"', 'Kit.pack("other"'),
        text[: len(text) // 2],
        text.replace(gz, gz[:-8]),
        text.replace(gz, "*" + gz[1:]),
        re.sub('"size": [0-9]+', '"size": 12', text),
        re.sub('"offset":[0-9]+', '"offset":100000', text, count=1),
        re.sub('"offset":[0-9]+', '"offset":2', text, count=1),
        "",
    ):
        assert damaged != text
        path.write_text(damaged, encoding="utf-8")
        with pytest.raises((ValueError, EOFError, OSError)):
            read_pack(path)


# ---------- what the numbers are made of ----------


def small_models() -> dict[str, nn.Module]:
    rnnlib.set_seed(1)
    layers = {kind: layer(9) for kind, layer in gates.LAYERS.items()}
    for layer in layers.values():
        for weight in layer.parameters():
            nn.init.normal_(weight, 0, 0.5)
    return {kind: rnnlib.RNNModel(layer, 9) for kind, layer in layers.items()}


X = torch.tensor([[3, 1, 4, 1, 5, 8, 2, 6], [5, 3, 5, 8, 0, 7, 1, 2]])


@pytest.mark.parametrize("kind", list(gates.LAYERS))
def test_reading_with_nothing_held_is_the_model_itself(kind):
    model = small_models()[kind]
    found = read(model, X)
    assert torch.allclose(found["logits"], model(X)[0], atol=1e-5)
    state = model(X)[1]
    last = state[0] if kind == "lstm" else state
    assert torch.allclose(found["H"][:, -1], last[0], atol=1e-5)
    for gate in GATES[{"rnn": "RNN", "lstm": "LSTM"}.get(kind, "GRU")]:
        held = read(model, X, hold={gate: 0.25})
        assert (held[gate] == 0.25).all()
        assert not torch.allclose(held["logits"], found["logits"], atol=1e-3)
    with pytest.raises(ValueError, match="has the gates"):
        read(model, X, hold={"Q": 1.0})


def test_gates_that_are_held_do_what_the_equations_say():
    models = small_models()
    found = read(models["lstm"], X, hold={"F": 0.0})
    assert (found["C"].abs() <= found["I"]).all()  # nothing but what was just written
    kept = read(models["lstm"], X, hold={"F": 1.0, "I": 0.0})
    assert (kept["C"] == 0).all() and (kept["H"] == 0).all()
    for kind in ("gru", "before"):
        assert (read(models[kind], X, hold={"Z": 1.0})["H"] == 0).all()
        assert torch.allclose(  # a gate held at one value with R = 1: both forms are one
            read(models[kind], X, hold={"R": 1.0})["H"],
            read(build_other_form(models[kind]), X, hold={"R": 1.0})["H"],
            atol=1e-5,
        )
    erased = read(models["rnn"], X, erase=True)["logits"]
    alone = models["rnn"](X.reshape(-1, 1))[0].view(erased.shape)
    assert torch.allclose(erased, alone, atol=1e-5)


def build_other_form(model: nn.Module) -> nn.Module:
    after = not getattr(model.rnn, "reset_after", True)
    twin = rnnlib.RNNModel(rnnlib.scratch.GRU(9, gates.H, reset_after=after), 9)
    twin.load_state_dict(model.state_dict())
    return twin


@pytest.mark.parametrize("kind", list(gates.LAYERS))
def test_renumbering_units_changes_nothing_but_their_order(kind):
    model = small_models()[kind]
    before, order = read(model, X), torch.randperm(gates.H)
    gates.permute(model, order)
    after = read(model, X)
    assert torch.allclose(after["logits"], before["logits"], atol=1e-5)
    assert torch.allclose(after["H"], before["H"][..., order], atol=1e-5)
    assert not torch.allclose(after["H"], before["H"], atol=1e-3)


def test_held_perplexity_agrees_with_the_librarys():
    model, tokens = small_models()["gru"], torch.randint(0, 9, (400,))
    ours, theirs = perplexity(model, tokens, rows=8), rnnlib.perplexity(model, tokens, batch_size=8)
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_letters_are_replaced_by_others_that_are_known():
    text = torch.arange(1, 28)
    rows = replaced(text, 28)
    assert rows.shape == (27, 4, 27) and rows.min() == 1 and rows.max() == 27
    here = rows[range(27), :, range(27)]
    assert (here != text[:, None]).all() and all(len(set(row)) == 4 for row in here.tolist())
    assert ((rows != text).sum(dim=-1) == 1).all()
    assert here[0].tolist() == [6, 12, 17, 23]


def test_letters_left_of_networks_whose_memory_is_known():
    """An RNN without recurrence holds one letter; an LSTM that forgets nothing holds all of them."""
    text = torch.randint(1, 9, (12,))
    model = small_models()["rnn"]
    nn.init.zeros_(model.rnn.weight_hh_l0)
    left = letters_left(model, text)["H"]
    assert torch.allclose(left, torch.eye(12), atol=1e-4)
    model = small_models()["lstm"]
    nn.init.zeros_(model.rnn.weight_hh_l0)  # what is written does not depend on the state
    left = letters_left(model, text, hold={"F": 1.0})
    assert torch.allclose(left["C"], torch.ones(12, 12).tril(), atol=1e-4)
    growing = letters_left(model, text, hold={"F": 2.0})["C"]  # never nearer than before
    assert torch.allclose(growing, torch.ones(12, 12).tril(), atol=1e-4)
    half = letters_left(model, text, hold={"F": 0.5})["C"]
    assert half[11, 8].item() == pytest.approx(0.125, abs=1e-3)


def test_longest_copy():
    assert longest_copy("xxabcd", "zabcdz") == longest_copy("xxabcdyy", "zabcdz") == 4 and longest_copy(
        "xyz", "abc"
    ) == 0 == longest_copy("", "abc")
    assert longest_piece("xxabcd", "zabcdz") == (2, 4) and longest_piece("abxab", "ab") == (0, 2)


def test_marks_of_a_short_text():
    text = 'The cat sat. "Sing, I say," he said.\n\nNothing else.'
    found = units.marks(text)
    assert all(len(values) == len(text) for values in found.values())
    where = {name: [i for i, value in enumerate(values) if value] for name, values in found.items()}
    assert where["in quotes"] == list(range(13, 26)) and where["the"] == [2] and where["line end"] == [36, 37]
    assert where["th"] == [1, 41] and where["ing"] == [17, 44] and where["comma"] == [18, 25]
    assert found["place in word"][:5].tolist() == [1, 2, 3, 0, 1]
    assert found["place in sentence"][10:14].tolist() == [11, 0, 1, 2]
    assert found["place in line"][36:40].tolist() == [0, 0, 1, 2]


def test_a_paragraph_ends_a_speech():
    text = '"He went on\n\n"and on" and on'
    assert units.marks(text)["in quotes"].tolist() == [1.0] * 12 + [0.0] + [1.0] * 7 + [0.0] * 8


def test_words_have_apostrophes_and_sentences_several_ends():
    found = units.marks("Why?\nI don't!  No")
    assert found["place in sentence"].tolist() == [1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4]
    assert found["place in word"].tolist() == [1, 2, 3, 0, 0, 1, 0, 1, 2, 3, 4, 5, 0, 0, 0, 1, 2]


def test_speech_marks_become_double_and_apostrophes_stay():
    assert units.double_quotes("'I don't,' said he, 'know _it_.'") == '"I don\'t," said he, "know it."'


def test_another_letter_is_another_letter_of_its_kind():
    for letter in "abcdefghijklmnopqrstuvwxyz":
        assert sight.other(letter) != letter
        assert (sight.other(letter) in sight.VOWELS) == (letter in sight.VOWELS)
    assert sight.other(" ") == "e"


def test_fill_in_does_not_see_the_letter_it_guesses():
    model = sight.FillIn(9, 6)
    poked = X.clone()
    poked[:, 4] = (X[:, 4] + 1) % 9
    with torch.no_grad():
        moved = (model(poked) - model(X)).abs().amax(dim=(0, 2))
    assert moved[4] == 0 and (moved[[0, 3, 5, 7]] > 0).all()


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_a_letter_moves_no_guess_before_it(kind):
    model, text = small_models()[kind], X[0]
    table = sight.moved(model, text, (text + 1) % 9)
    assert table.shape == (8, 8) and (table.tril() < 1e-6).all() and (table.diagonal(1) > 1e-4).all()
    before, after = sight.guesses(model, text[None])[0], text.clone()
    after[2] = (text[2] + 1) % 9
    expected = (sight.guesses(model, after[None])[0] - before).abs().sum(dim=-1) / 2
    assert torch.allclose(table[2], expected, atol=1e-6) and table.max() <= 1
    assert torch.allclose(before[5], model(text[None, :5])[0][0, -1].softmax(-1), atol=1e-5)


def test_a_sample_that_recites_is_cut_short(monkeypatch):
    book = "it was a long sentence that no machine of time has ever spoken aloud to anybody"
    said = book[:64]
    monkeypatch.setattr(courses.rnnlib, "generate", lambda *arguments: said)
    text, at, copied = courses.sample(None, None, (book, ""))
    assert (at, copied) == (0, 50) and text.endswith("…")
    assert said[: len(courses.PREFIX)] + text[:-1] == said[: courses.QUOTED]
    assert courses.sample(None, None, ("", book)) == [text, 0, 0]
    monkeypatch.setattr(courses.rnnlib, "generate", lambda *arguments: "x" * 64)
    assert courses.sample(None, None, (book, "")) == ["x" * 50, 0, 0]
    monkeypatch.setattr(courses.rnnlib, "generate", lambda *arguments: said[:14] + "qq" + said[20:68])
    assert courses.sample(None, None, (book, ""))[1:] == [2, 44]


def test_a_band_is_the_middle_between_the_outer_runs():
    band = courses.band([[1.0, 5.0], [3.0, 4.0], [2.0, 123.456]])
    assert band == {"middle": [2.0, 5.0], "low": [1.0, 4.0], "high": [3.0, 123.5]}


def test_rare_characters_become_unknown():
    corpus = rnnlib.corpus_from_string("一二三一二一四" * 40, language="zh")
    data = rnnlib.load_text(corpus, batch_size=2, num_steps=5, max_tokens=140, device="cpu")
    fewer = chinese.frequent(data, 3)
    assert fewer.vocab.idx_to_token == ["<unk>", "一", "二"]
    assert "".join(fewer.vocab.to_tokens(fewer.valid[:7].tolist())) == "一二<unk>一二一<unk>"
    assert int(fewer.train.corpus.max()) == 2


def test_the_door_names_what_it_does_not_know(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["packs", "gate"])
    with pytest.raises(SystemExit):
        door.main()
    assert "there is no pack 'gate'" in capsys.readouterr().err
