"""The figure "playground": a network that trains in the page, driven and compared with rnnlib."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from book_site import ROOT, VIEWS
from test_access import axe, violations  # noqa: F401
from torch import nn

import rnnlib
from packs.pack import FOLDER, parse, read_pack
from rnnlib.__main__ import main as command_line
from rnnlib.data.batches import seq_data_iter_sequential

pytestmark = pytest.mark.site
LAYERS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
FIGURE, PATIENCE = ".fig-playground", 240_000  # milliseconds: a busy machine trains slowly


@cache
def pack(name: str = "playground") -> dict:
    return read_pack(FOLDER / f"{name}.js")


def recorded(run: str = "tale", name: str = "playground") -> list[list]:
    return pack(name)["recorded"]["runs"][run]["points"]


def seen(run: str = "tale", name: str = "playground") -> list[list]:
    """The points at which the network was measured and wrote."""
    return [point for point in recorded(run, name) if len(point) > 3]


@cache
def tale() -> tuple[rnnlib.Vocab, torch.Tensor, torch.Tensor]:
    """Vocabulary, training and validation indices, as the figure cuts the tale."""
    data = rnnlib.load_text("tale", max_tokens=10_000, device="cpu")
    return data.vocab, data.train.corpus, data.valid


def data(page) -> dict:
    found = page.evaluate(f"() => ({{...document.querySelector('{FIGURE}').dataset}})")
    return {**found, **{key: json.loads(found[key]) for key in ("last", "here") if found.get(key)}}


def choose(page, key: str, words: str, lang: str = "en") -> None:
    page.locator(f".lang-{lang} select[data-key={key}]").select_option(label=words)


def press(page) -> None:
    page.locator(".play__main").click()


def until(page, state: str) -> dict:
    page.locator(f"{FIGURE}[data-state={state}]").wait_for(timeout=PATIENCE)
    return data(page)


def trained(page, epochs: float) -> dict:
    """Train until so many epochs are read, and pause."""
    script = f"(n) => JSON.parse(document.querySelector('{FIGURE}').dataset.last).at >= n"
    page.wait_for_function(script, arg=epochs, timeout=PATIENCE)
    if data(page)["state"] == "running":
        press(page)
    return data(page)


def label(page, pattern: str) -> list[str]:
    return [text for text in page.locator(".fig-curve__label").all_inner_texts() if re.search(pattern, text)]


# ---------- what stands there at first ----------


def test_at_first_a_recorded_run_makes_the_point(figure):
    page, points = figure("playground"), seen()
    best, last = min(points, key=lambda point: point[2]), points[-1]
    now = data(page)
    assert now["state"] == "recorded" and now["last"] == {"at": last[0], "train": last[1], "held": last[2]}
    assert last[1] < best[1] and last[2] > 1.3 * best[2]  # training goes on falling, validation has turned
    assert (
        now["verdict"] == "heart"
        and f"{best[2]:.1f}, at epoch {best[0]:.0f}" in page.locator(".play__verdict").inner_text()
    )
    assert label(page, f"^training {last[1]:.1f}$") and label(page, f"^validation {last[2]:.1f}$")
    assert label(page, f"^best {best[2]:.1f}$") and label(page, "learned by heart")
    assert page.locator(".play__stage .fig-letters").first.inner_text().replace("\n", "") == last[3].replace(
        " ", " "
    )
    assert page.locator(".play__diary li").count() >= 8


def test_the_baselines_are_those_of_counting(figure):
    vocab, train, valid = tale()
    grams = {n: rnnlib.NGramModel(train, n, len(vocab)).perplexity(valid) for n in (1, 2, 5)}
    page = figure("playground")
    assert label(page, "^28 knows nothing") and label(page, f"^{grams[1]:.1f} letter counts")
    assert label(page, f"^{grams[2]:.2f} one letter back") and label(
        page, f"^{grams[5]:.2f} four letters back"
    )
    more = torch.cat([train, torch.tensor(vocab[list(rnnlib.load_corpus("tale").text)])[20_000:]])
    assert pack()["texts"]["tale"]["more"]["train"] == len(more) == 21_851
    assert pack()["texts"]["tale"]["more"]["ngrams"]["5"] == pytest.approx(
        rnnlib.NGramModel(more, 5, len(vocab)).perplexity(valid), abs=2e-3
    )


def test_the_cursor_walks_along_the_curve(figure):
    page, points = figure("playground", lang="zh"), seen()
    curve = page.locator(f"{FIGURE} .fig-curve").first
    curve.focus()
    curve.press("Home")
    assert (
        data(page)["here"]["train"] == points[0][1]
        and "还没开始" in page.locator(".play__title").inner_text()
    )
    curve.press("ArrowRight")
    assert data(page)["here"]["at"] == points[1][0]
    assert curve.get_attribute("aria-valuetext").startswith(
        f"第 {points[1][0]:.1f} 个周期：训练 {points[1][1]:.1f}"
    )
    curve.press("End")
    assert data(page)["here"]["at"] == points[-1][0]
    page.wait_for_function("() => !location.hash.includes('playground:')")  # it is written a moment later
    box = curve.bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 100)
    assert 0 < data(page)["here"]["at"] < 20
    page.locator(".play__diary button").nth(2).click()
    assert page.locator(".play__diary button").nth(2).get_attribute("aria-pressed") == "true"


def test_a_link_sets_it_and_back_undoes_it(figure):
    page = figure("playground", state="at=4.3&cell=lstm&H=128&rate=0.003&clip=0")
    point = min(seen(), key=lambda point: abs(point[0] - 4.3))
    assert data(page)["here"]["train"] == point[1]
    chosen = [
        page.locator(f".lang-en select[data-key={key}]").evaluate("s => s.selectedOptions[0].label")
        for key in ("cell", "H", "rate", "clip")
    ]
    assert chosen == ["an LSTM", "128", "0.003", "not clipped"]
    page.evaluate("""() => document.querySelector('main').insertAdjacentHTML('beforeend',
      '<ul><li><a class="fig-set" href="#playground:at=11.6">x</a></li></ul>')""")
    page.locator("a.fig-set").click()
    best = min(seen(), key=lambda point: point[2])
    assert data(page)["here"]["held"] == best[2]
    assert f"validation {best[2]:.1f}" in page.locator(".play__echo").inner_text()
    page.go_back()
    page.wait_for_function(f"() => JSON.parse(document.querySelector('{FIGURE}').dataset.here).at < 5")


def test_the_verse_is_loaded_when_it_is_asked_for(figure):
    page, last = (
        figure("playground", lang="zh", theme="dark", width=390),
        seen("verse", "playground_verse")[-1],
    )
    assert not page.locator("script[src*=playground_verse]").count()
    choose(page, "text", "我们的诗", "zh")
    page.wait_for_function(
        f"(y) => JSON.parse(document.querySelector('{FIGURE}').dataset.last).held === y", arg=last[2]
    )
    assert label(page, "^998$") and "学过的搭配" in page.locator(".fig-legend").inner_text()
    choose(page, "text", "我们的故事，10,000 个字符", "zh")
    assert data(page)["last"]["held"] == seen()[-1][2]


def test_more_text_overfits_less(figure):
    page = figure("playground", state="text=more")
    assert data(page)["last"]["held"] == seen("more")[-1][2]
    lowest = [min(point[2] for point in seen(run)) for run in ("tale", "more")]
    assert lowest[1] < lowest[0] - 0.5


# ---------- training ----------


def test_it_trains_retraces_the_recorded_run_pauses_and_goes_on(figure):
    page = figure("playground")
    press(page)
    now = trained(page, 4)
    assert now["state"] == "paused" and now["here"]["at"] <= now["last"]["at"]
    assert "thread" not in now  # it was a worker
    known = {point[0]: point for point in recorded()}
    point = known[round(now["last"]["at"], 4)]
    assert now["last"]["train"] == pytest.approx(point[1], abs=6e-4)
    assert 0 < float(now["below"]) <= float(now["seconds"]) and now["last"]["train"] < 8.5
    status = page.locator(".play__status").inner_text()
    assert "characters a second" in status and "; training perplexity below 8 after" in status
    assert page.locator(".play__main").inner_text() == "Resume"
    press(page)
    assert data(page)["state"] == "running"
    assert trained(page, now["last"]["at"] + 0.5)["last"]["at"] > now["last"]["at"]
    page.locator("text=The recorded run").click()
    assert data(page)["state"] == "recorded"


def test_the_rate_and_clipping_may_change_while_it_trains_other_settings_not(figure):
    page = figure("playground", state="cell=rnn&H=16")
    press(page)
    trained(page, 1)
    choose(page, "rate", "0.001")
    choose(page, "clip", "not clipped")
    assert data(page)["state"] == "paused" and page.locator(".play__main").inner_text() == "Resume"
    press(page)
    trained(page, 1.5)
    assert label(page, "^η → 0.001$") and label(page, "^no clipping$")
    choose(page, "H", "32")
    assert page.locator(".play__main").inner_text().endswith("Train it in this page")
    assert "settings have changed" in page.locator(".play__status").inner_text()


def test_where_workers_are_forbidden_it_trains_on_the_page(figure, browser):
    page = figure("playground", state="cell=rnn&H=16")
    page.evaluate("() => { window.Worker = function () { throw new Error('no workers here'); }; }")
    press(page)
    assert trained(page, 1)["thread"] == "page"


def test_a_run_ends_and_may_read_on(figure):
    page = figure("playground", state="cell=rnn&H=16&opt=sgd&rate=1")
    press(page)
    now = until(page, "done")
    assert now["last"]["at"] >= 40
    page.locator("text=40 more epochs").click()
    assert data(page)["state"] == "running" and trained(page, 40.5)["last"]["at"] > 40


BATCHES = """(given) => {
  const run = RNNEngine.trainer({...given, train: Int32Array.from(given.train)}), losses = [];
  for (let i = 0; i < 100; i++) losses.push(run.step().loss);
  return losses;
}"""


class Offsets:
    """Where each pass begins: what `random` is to the loader, and `offsets` to the engine."""

    def __init__(self, values):
        self.values = iter(values)

    def randint(self, low, high):
        return next(self.values)


@pytest.mark.parametrize(
    "kind, optimizer, rate", [("rnn", "sgd", 1.0), ("gru", "adam", 0.01), ("lstm", "adam", 0.01)]
)
def test_a_hundred_steps_have_the_losses_of_rnnlib(figure, kind, optimizer, rate):
    vocab, train, _ = tale()
    rnnlib.set_seed(4)
    V, offsets = len(vocab), [3, 17, 0, 30, 9, 21]
    model = rnnlib.RNNModel(LAYERS[kind](V, 64), V)
    weights = {name: weight.flatten().tolist() for name, weight in model.state_dict().items()}
    page = figure("playground")
    given = {"kind": kind, "H": 64, "V": V, "B": 16, "T": 32, "rate": rate, "optimizer": optimizer, "clip": 1}
    losses = page.evaluate(
        BATCHES, {**given, "train": train.tolist(), "weights": weights, "offsets": offsets}
    )
    expected, rng = [], Offsets(offsets)
    step = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](model.parameters(), lr=rate)

    def loss(logits, labels):
        value = F.cross_entropy(logits, labels)
        expected.append(float(value.detach()))
        return value

    while len(expected) < 100:
        batches = seq_data_iter_sequential(train, 16, 32, rng)
        rnnlib.run_epoch(model, batches, loss, step, clip=1.0, carry_state=True, fast=False)
    differences = [abs(a - b) for a, b in zip(losses, expected)]
    print(f"{kind}, {optimizer}: largest difference of 100 losses {max(differences):.1e} nats")
    assert max(differences) < 1e-4 and losses[99] < losses[0] - 0.5


# ---------- the reader's own text ----------


@pytest.mark.parametrize(
    "text, lang, words",
    [
        ("", "en", "Paste a text first"),
        ("too short", "zh", "只有 9 个字符，至少要 600 个。"),
        ("x" * 700, "en", 'It\'s one character, "x", all the way'),
        ("ab " * 201, "zh", "能学的只有 511 个字符，16 行、每行 32 步至少要 513 个"),
        (
            "ab " * 30_000,
            "en",
            "89,999 characters, the first 60,000 are used, 3 different; 51,000 to learn from",
        ),
    ],
)
def test_texts_of_the_wrong_length_are_told_apart(figure, text, lang, words):
    page = figure("playground", lang=lang, state="text=own", width=390)
    page.locator(".play__own textarea").fill(text)
    if len(text) < 60_000:
        press(page)
        assert data(page)["state"] == "recorded"
    assert words in page.locator(".play__own .play__note").inner_text()


def test_an_own_text_is_learned_and_its_baselines_counted(figure, tmp_path):
    verse = rnnlib.load_corpus("verse").text[:2400]
    (tmp_path / "verse.txt").write_bytes(verse.encode("gb18030"))
    page = figure("playground", lang="zh", state="text=own&cell=rnn&H=16")
    page.locator(".play__own input").set_input_files(tmp_path / "verse.txt")
    page.wait_for_function("() => document.querySelector('.play__own textarea').value.length > 2000")
    press(page)
    assert trained(page, 1)["last"]["train"] > 1
    clean = re.sub(r"\s+", " ", verse).strip()
    cut = math.floor(len(clean) * 0.85)
    vocab = rnnlib.Vocab(list(clean[:cut]))
    train, held = torch.tensor(vocab[list(clean[:cut])]), torch.tensor(vocab[list(clean[cut:])])
    pairs = rnnlib.NGramModel(train, 2, len(vocab)).perplexity(held)
    assert label(page, f"^{len(vocab)} 均匀乱猜") and label(page, f"^{pairs:.0f} 看前一个字符")
    page.locator(".play__own textarea").fill(clean + "。")
    assert "设置改了" in page.locator(".play__status").inner_text()


def test_a_file_that_is_no_text_is_refused(figure, tmp_path):
    (tmp_path / "x.txt").write_bytes(bytes(range(256)) * 10)
    page = figure("playground", lang="both", state="text=own")
    page.locator(".play__own input").set_input_files(tmp_path / "x.txt")
    page.locator(".play__own .is-bad").wait_for()
    note = page.locator(".play__own .play__note").inner_text()
    assert "这个文件不是纯文本" in note and "not plain text" in note


# ---------- weights, to rnnlib and back ----------

LOGITS = """([bytes, ids]) => {
  const {options, weights} = Kit.playground.readNetwork(Uint8Array.from(bytes).buffer);
  return Array.from(RNNEngine.read(RNNEngine.load(options, weights), ids).p);
}"""


def probabilities(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.softmax(model(ids[None])[0][0], dim=-1)


@pytest.mark.parametrize("kind", list(LAYERS))
def test_what_the_page_saves_rnnlib_loads(figure, tmp_path, kind, capsys):
    from safetensors.torch import load_file

    page = figure("playground", state=f"cell={kind}&H=16&opt=sgd&rate=1", accept_downloads=True)
    press(page)
    trained(page, 1)
    with page.expect_download() as download:
        page.locator("text=Save the weights").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"{kind}16.safetensors" == data(page)["saved"]
    checkpoint = rnnlib.load_checkpoint(path)
    vocab, train, valid = tale()
    assert checkpoint.vocab.idx_to_token == vocab.idx_to_token
    assert set(load_file(path)) == {f"model.{name}" for name in checkpoint.model_state} | {"rng.torch"}
    model = rnnlib.RNNModel(LAYERS[kind](28, 16), 28)
    checkpoint.restore(model)
    ids = train[:200]
    there = page.evaluate(LOGITS, [list(path.read_bytes()), ids.tolist()])
    here = probabilities(model, ids)
    assert (torch.tensor(there).view(here.shape) - here).abs().max() < 1e-5
    if kind in ("rnn", "lstm"):
        assert command_line(["generate", str(path), "--prefix", "the pig ", "--length", "20"]) == 0
        assert capsys.readouterr().out.startswith("the pig ")
    assert rnnlib.perplexity(model, valid) < 28


@pytest.mark.parametrize(
    "build",
    [
        lambda V: rnnlib.RNNModel(nn.LSTM(V, 24), V),
        lambda V: rnnlib.RNNModel(nn.GRU(V, 20, 2), V),
        lambda V: rnnlib.RNNModel(nn.RNN(8, 16), V, embedding=True),
    ],
    ids=["lstm", "two layers", "embedding"],
)
def test_what_rnnlib_saves_the_page_loads_and_trains_on(figure, tmp_path, build):
    vocab, train, valid = tale()
    rnnlib.set_seed(5)
    model = build(len(vocab))
    rnnlib.train(model, rnnlib.SequenceLoader(train, seed=0), 2, 1.0, progress=False)
    rnnlib.save_checkpoint(tmp_path / "mine.safetensors", model, vocab=vocab)
    page = figure("playground", state="text=verse&opt=sgd&rate=0.3")
    page.locator(".play__weights input").set_input_files(tmp_path / "mine.safetensors")
    page.wait_for_function(f"() => document.querySelector('{FIGURE}').dataset.state === 'paused'")
    page.wait_for_function(f"() => JSON.parse(document.querySelector('{FIGURE}').dataset.last).held > 0")
    now = data(page)
    assert now["text"] == "tale"  # the text whose letters it knows
    assert now["last"]["held"] == pytest.approx(rnnlib.perplexity(model, valid), rel=1e-4)
    assert "28 tokens" in page.locator(".play__weights").inner_text()
    assert page.locator(".play__main").inner_text() == "Train on"
    press(page)
    assert trained(page, 0.3)["last"]["train"] < 1.2 * rnnlib.perplexity(model, train)


def header(path: Path) -> tuple[dict, bytes]:
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8 : 8 + size]), raw[8 + size :]


def test_files_that_are_no_networks_are_refused_in_both_languages(figure, tmp_path):
    vocab, *_ = tale()
    from safetensors.torch import save_file

    whole = rnnlib.save_checkpoint(tmp_path / "whole.ckpt", rnnlib.RNNModel(nn.GRU(28, 8), 28), vocab=vocab)
    cases = {
        "not a whole one": whole.read_bytes()[:3000],
        "it's no safetensors file": b"hello, this is a text and no network at all",
        "no parameters of an RNNModel": None,
        "has no vocabulary": None,
        "two directions": None,
    }
    save_file({"a": torch.zeros(2)}, tmp_path / "no parameters of an RNNModel.ckpt")
    save_file(rnnlib.RNNModel(nn.GRU(28, 8), 28).state_dict(), tmp_path / "has no vocabulary.ckpt")
    rnnlib.save_checkpoint(
        tmp_path / "two directions.ckpt", rnnlib.RNNModel(nn.RNN(28, 8, bidirectional=True), 28), vocab=vocab
    )
    page = figure("playground", lang="both")
    for words, raw in cases.items():
        path = tmp_path / f"{words}.ckpt"
        if raw is not None:
            path.write_bytes(raw)
        page.locator(".play__weights input").set_input_files(path)
        note = page.locator(".play__weights .is-bad", has_text=words)
        note.wait_for()
        assert re.search("[\u4e00-\u9fff]", note.inner_text())
    assert data(page)["state"] == "recorded"


def test_sha256_is_the_usual_one(figure):
    import hashlib

    page = figure("playground")
    for text in ("", "abc", "a" * 55, "a" * 56, "x" * 1000):
        there = page.evaluate("(text) => Kit.playground.sha256(new TextEncoder().encode(text))", text)
        assert there == hashlib.sha256(text.encode()).hexdigest()


# ---------- broken on purpose ----------

BREAKS = {  # which -> (the right answer, where the validation perplexity ends)
    "forget": ("one letter back", lambda end, base: abs(math.log(end / base["2"])) < 0.05),
    "mislabel": ("letter counts", lambda end, base: abs(math.log(end / base["1"])) < 0.05),
    "same": (
        "between letter counts and one letter back",
        lambda end, base: 1.2 * base["2"] < end < 0.9 * base["1"],
    ),
    "rate": ("above every line", lambda end, base: end > 32),
    "clip": ("much higher", lambda end, base: end > 1.8 * recorded("clipped")[-1][2]),
    "detach": ("about the same, only slower", lambda end, base: base["3"] < end < base["2"]),
}


@pytest.mark.parametrize("which", list(BREAKS))
def test_each_way_to_break_it_leaves_its_mark(figure, which):
    right, mark = BREAKS[which]
    page = figure("playground", state=f"broken={which}")
    box = page.locator(".play__break")
    assert box.locator(f"[data-break={which}]").get_attribute("aria-pressed") == "true"
    choice = box.locator(".fig-predict__choices button", has_text=right).first
    choice.focus()
    page.keyboard.press("Enter")
    box.locator(".fig-predict__verdict").wait_for(timeout=PATIENCE)
    assert "You got it" in box.inner_text()
    end = float(box.get_attribute("data-held"))
    print(f"{which}: validation perplexity {end:.2f}")
    assert mark(end, pack()["texts"]["tale"]["ngrams"])
    shown = f"{end:,.0f}" if end >= 100 else f"{end:.1f}"
    assert f"Validation perplexity ended at {shown};" in box.inner_text()
    assert not box.locator(".fig-curve__label.is-off").count()  # the curve ends below the top of the axis
    if which == "rate":
        assert box.locator(".fig-curve__label", has_text="off the chart").count() == 1
    if which == "detach":
        said = r"with the cut it was ([\d.]+)\. Gradients went back over (\d+) characters .* took (\d+) times"
        cut, span, times = re.search(said, box.inner_text()).groups()
        healthy = min((p for p in recorded("rnn") if p[2]), key=lambda p: abs(p[0] - 4.3))
        assert healthy[0] == pytest.approx(4.3, abs=0.01) and cut == f"{healthy[2]:.1f}"
        assert abs(end - healthy[2]) < 0.3 and int(span) > 500
        assert int(times) > 5  # 608 characters in place of 32; a mean with the first, cold steps said 2 or 3


def test_a_wrong_guess_in_chinese_and_another_question(figure):
    page = figure("playground", lang="zh", width=390)
    page.locator("[data-break=mislabel]").click()
    page.locator(".fig-predict__choices button", has_text="均匀乱猜").click()
    assert (
        page.locator(".fig-curve__label.is-marked", has_text="28").count()
        or page.locator(".fig-curve__key .is-marked").count()
    )
    page.locator("[data-break=rate]").click()  # the run is dropped, the next question stands there
    assert "学习率从 0.01 改成 0.3" in page.locator(".fig-predict").inner_text()
    assert "broken=rate" in page.evaluate("new Promise((r) => setTimeout(() => r(location.hash), 400))")
    page.locator("[data-break=rate]").click()
    assert page.locator(".fig-predict").count() == 0


def test_on_a_page_with_a_place_for_it_the_ways_to_break_it_stand_there(figure):
    page = figure("playground", ready=False)
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.querySelector('main')"
        ".insertAdjacentHTML('beforeend', '<div id=\"playground-break\"></div>'))"
    )
    page.reload()
    page.locator(f"{FIGURE}[data-ready]").wait_for()
    assert page.locator("#playground-break [data-break]").count() == 6
    assert page.locator(f"figure{FIGURE} [data-break]").count() == 0


VERDICTS = {
    "heart": ([28, 12, 8, 7, 6, 6.2, 6.6, 7.5], [28, 12, 8, 6, 5, 4, 3, 2]),
    "falling": ([28, 16, 12, 10, 9, 8, 7.5, 7], None),
    "letters": ([28, 17, 16.2, 16.1, 16.1, 16.0, 16.1, 16.1], None),
    "pairs": ([28, 12, 9.2, 9.0, 8.9, 8.9, 8.9, 8.9], None),
    "above": ([28, 30, 50, 70, 60, 80, 75, 90], None),
    "flat": ([28, 14, 13.1, 13, 13, 13, 13, 13], None),
    "stalled": ([28, 14, 10, 8, 7, 6, 5.6, 5.7], [28, 14, 10, 8, 7, 6, 5, 4]),
}


@pytest.mark.parametrize("name", list(VERDICTS))
def test_a_curve_is_read(figure, name):
    held, train = VERDICTS[name]
    points = [{"at": i, "train": (train or held)[i], "held": y} for i, y in enumerate(held)]
    run = {"points": points, "base": [28, 16.04, 8.82, 4.63], "corpus": {"cjk": False}, "epochs": 7}
    assert figure("playground").evaluate("(run) => Kit.playground.verdict(run).id", run) == name


def test_where_validation_has_turned_nothing_is_called_still_falling(figure):
    held, train = VERDICTS["stalled"]
    points = [{"at": 2 * i, "train": train[i], "held": y} for i, y in enumerate(held)]
    run = {"points": points, "base": [28, 16.04, 8.82, 4.63], "corpus": {"cjk": False}, "epochs": 14}
    words = figure("playground").evaluate("(run) => Kit.playground.verdict(run).words", run)
    assert words[1] == "Validation hasn't improved since epoch 12." and "第 12 个周期" in words[0]


def test_the_last_point_is_no_mean_over_a_few_steps(figure):
    """A point right after another takes the steps of both."""
    page = figure("playground")
    script = "(ats) => Kit.playground.smoothed(ats.map((at, i) => ({at, train: [9, 8, 9][i]}))).map((p) => p.train)"
    assert page.evaluate(script, [13, 14, 15]) == [9, 8, 9]
    mean = math.exp((math.log(8) + 0.2 * math.log(9)) / 1.2)
    assert page.evaluate(script, [13, 14, 14.2]) == pytest.approx([9, 8, mean])
    run = recorded("more")
    assert data(figure("playground", state="text=more"))["last"]["train"] < run[-1][1]


def test_two_points_of_one_epoch_are_told_apart(figure):
    page = figure("playground", state="text=verse")
    curve = page.locator(f"{FIGURE} .fig-curve").first
    said = [curve.get_attribute("aria-valuetext").split(":")[0]]
    curve.focus()
    curve.press("ArrowLeft")
    said.append(curve.get_attribute("aria-valuetext").split(":")[0])
    assert said == ["epoch 12.0", "epoch 11.6"]


def test_a_run_on_another_text_is_grey_and_says_so(figure):
    page = figure("playground", state="text=own")
    assert "not your text" in page.locator(".play__status").inner_text()
    assert page.locator(".play__stage.is-other").count() == page.locator(".play__diary.is-other").count() == 1
    assert page.locator(".play__main.is-waiting").count()
    page.locator(".play__own textarea").fill("the old man and the sea. " * 40)
    assert not page.locator(".play__main.is-waiting").count()
    press(page)
    trained(page, 1)
    assert page.locator(".is-other").count() == 0


def test_the_legend_says_what_is_there(figure):
    page = figure("playground", state="text=more")
    legend = page.locator(f"{FIGURE} > .fig-legend")
    assert page.locator(".play__stage .fig-band").is_hidden() and "hidden state" not in legend.inner_text()
    assert "12 characters or more in a row" in legend.inner_text()
    choose(page, "text", "10,000 characters of our tale")
    assert "hidden state" in legend.inner_text()
    assert page.locator(".play__verdict").inner_text().startswith("The whole run: Validation reached")


def test_a_curve_that_ends_in_nan_and_one_that_has_just_begun(figure):
    page = figure("playground")
    run = {"points": [{"at": 0, "train": 28, "held": 28}], "base": [28, 16, 9, 5], "corpus": {}, "epochs": 7}
    assert page.evaluate("(run) => Kit.playground.verdict(run)", run) is None
    run["points"].append({"at": 1, "train": 1e9, "broken": True})
    assert page.evaluate("(run) => Kit.playground.verdict(run).id", run) == "nan"


def test_what_it_wrote_is_told_apart(figure):
    script = """(text) => Kit.playground.classes(text, {key: "k" + text, cjk: false, prefix: "the ",
      raw: "the old man went home and the old man slept "}).cls.map((c) => c.slice(3, 4) || ".").join("")"""
    page = figure("playground")
    assert page.evaluate(script, "the man zog home") == "gggg....nnn....."  # zog is new
    assert (
        page.evaluate(script, "the xx old man went h") == "ggggnnrrrrrrrrrrrrrrr"
    )  # fourteen letters by heart


# ---------- everywhere ----------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(map(str, view)))
def test_it_fits_and_axe_is_content(figure, axe, view):  # noqa: F811
    lang, theme, width = view
    page = figure("playground", lang=lang, theme=theme, width=width, state="text=own&broken=detach")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, axe) == []


def test_only_the_chosen_language_shows(figure):
    assert not re.search(
        "[\u4e00-\u9fff]",
        figure("playground", lang="en", state="broken=clip&text=own").locator("main").inner_text(),
    )
    text = figure("playground", lang="zh", state="broken=clip").locator(FIGURE).inner_text()
    assert not re.search("epoch|perplexity|recorded", text)


def test_the_first_frame_comes_soon(figure):
    page = figure("playground")
    assert page.evaluate("performance.getEntriesByName('figure:playground')[0].startTime") < 3000


def test_missing_data_are_a_message_not_a_blank(figure):
    page = figure("playground", lang="both", missing="playground", ready=False)
    message = page.locator(".fig-message")
    message.wait_for()
    assert "没能显示" in message.inner_text() and "could not be shown" in message.inner_text()


def test_the_missing_verse_is_said_and_the_figure_lives_on(figure):
    page = figure("playground", missing="playground_verse")
    choose(page, "text", "our Chinese verse")
    page.locator(".play__status", has_text="did not open").wait_for()
    choose(page, "text", "10,000 characters of our tale")
    assert (
        data(page)["state"] == "recorded"
        and "Below is a recorded run" in page.locator(".play__status").inner_text()
    )


# ---------- the page ----------


def page_text(lang: str) -> str:
    text = (ROOT / "book" / "playground.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(rf"^:::\{{lang\}} {lang}\n(.*?)^:::$", text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_numbers_in_the_prose_are_those_of_the_recorded_run(lang):
    items = re.findall(r"^\d\. .*\(fig:playground\?at=([\d.]+)\).*$", page_text(lang), re.MULTILINE)
    assert len(items) == 5
    for line in re.findall(r"^\d\. .*$", page_text(lang), re.MULTILINE):
        at = float(re.search(r"at=([\d.]+)", line)[1])
        point = min(seen(), key=lambda point: abs(point[0] - at))
        assert abs(point[0] - at) < 0.06
        assert f"{point[1]:.1f}" in line and f"{point[2]:.1f}" in line, line


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_numbers_of_the_lines_and_of_more_text(lang):
    text, ngrams = page_text(lang), pack()["texts"]["tale"]["ngrams"]
    lowest = {run: min(point[2] for point in seen(run)) for run in ("tale", "more")}
    lines = [f"{ngrams[order] + 1e-9:.2f}" for order in ("2", "5")]  # halves go up, as in the figure
    for value in (*lines, f"{lowest['tale']:.1f}", f"{lowest['more']:.1f}"):
        assert value in text, value
    assert f"{pack()['texts']['tale']['more']['train']:,}" in text


def test_the_code_of_the_page_runs(tmp_path, monkeypatch, figure):
    """The page's few lines of Python take the file that the page has saved."""
    page = figure("playground", state="opt=adam", accept_downloads=True)
    press(page)
    trained(page, 0.3)
    with page.expect_download() as download:
        page.locator("text=Save the weights").click()
    download.value.save_as(tmp_path / "gru64.safetensors")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "book" / "playground.md").read_text(encoding="utf-8")
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, {})
    assert (tmp_path / "mine.safetensors").exists()


def test_recorded_runs_stand_in_the_packs():
    for name in ("playground", "playground_verse"):
        runs = parse(FOLDER / f"{name}.js")["recorded"]["runs"]
        for run in runs.values():
            assert run["points"][0][0] == 0 and run["points"][-1][0] >= run["epochs"]
            ats = [point[0] for point in run["points"]]
            assert ats == sorted(set(ats)) and len(ats) > 40
