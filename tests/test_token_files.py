"""Token files: the very tokens and batches of a text in memory, in a small memory, never half a file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import rnnlib
from rnnlib.__main__ import main
from rnnlib.data import mapped as mapped_module
from rnnlib.data import order, token_files
from rnnlib.data.batches import SequenceLoader
from rnnlib.data.mapped import MappedTokens
from rnnlib.data.token_files import TokenFile, cleaned, count_characters, is_token_file, write_token_file
from rnnlib.training.checkpoints import load_checkpoint

ROOT = Path(__file__).parent.parent
ENGLISH = "The  Time\tMachine!\r\n\n  by H. G. Wells -- 1895\x0b\x85"
ENGLISH += "Ça va, naïve e\u0301le\u0300ve?\u2028\nThe end. \n"
CHINESE = "\u3000\u3000春眠不觉晓，\n \u3000处处闻 啼鸟。 \r\n\r\n夜来风雨声\u2029花落知多少 \n\n"
LETTERS = "aB é\u0301春，。 \u3000\t\n\r\x0b\x0c\x1c\x1f\x85\u2028-\ufeff𠮷"


def in_memory(path, **settings):
    return rnnlib.load_text(path, device="cpu", batch_size=2, num_steps=3, **settings)


def mapped(path, target, encoding="utf-8", **settings):
    cut = {name: settings.pop(name) for name in ("clean", "language", "min_freq") if name in settings}
    level = settings.get("level", "char")
    write_token_file(path, target, level=level, encoding=encoding, **cut)
    return rnnlib.load_text(target, device="cpu", batch_size=2, num_steps=3, **settings)


def assert_same(found, expected):
    assert found.vocab.idx_to_token == expected.vocab.idx_to_token
    assert found.vocab.token_freqs == expected.vocab.token_freqs
    assert found.train.corpus.tolist() == expected.train.corpus.tolist()
    assert found.valid.tolist() == expected.valid.tolist()
    assert found.num_tokens == expected.num_tokens and found.level == expected.level
    for field in ("name", "checksum", "joiner", "language", "dropped"):
        assert getattr(found.corpus, field) == getattr(expected.corpus, field), field
    assert found.summary() == expected.summary()


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (ENGLISH, {}),
        (ENGLISH, {"clean": False}),
        (ENGLISH, {"level": "word"}),
        (ENGLISH, {"level": "word", "clean": False, "max_tokens": 7, "num_valid": 2}),
        (ENGLISH, {"min_freq": 3, "max_tokens": 20}),
        (CHINESE, {}),
        (CHINESE, {"clean": False}),
        (CHINESE, {"language": "zh", "max_tokens": 9}),
    ],
)
def test_the_tokens_are_those_of_load_text(text, settings, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(token_files, "CHUNK", chunk)
    path = tmp_path / "text.txt"
    path.write_bytes(text.encode())
    settings = {"max_tokens": None} | settings
    expected = in_memory(path, **settings)
    assert_same(mapped(path, tmp_path / "t", **settings), expected)
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert_same(mapped(path, tmp_path / "t", **settings), expected)
    path.write_bytes(text.encode("gb18030"))
    assert_same(mapped(path, tmp_path / "t", "gb18030", **settings), expected)


@given(st.lists(st.text(LETTERS, max_size=8), max_size=8), st.sampled_from(["en", "zh"]), st.booleans())
def test_cleaning_in_parts_is_cleaning(parts, language, clean):
    text = "".join(parts) + "abcdefghij春"
    expected = rnnlib.corpus_from_string(text, language=language, clean=clean).text
    assert "".join(cleaned([*parts, "abcdefghij春"], language, clean)) == expected
    assert "".join(cleaned(text, language, clean)) == expected
    assert dict(count_characters(text)) == {c: text.count(c) for c in text}
    assert [c for c, _ in count_characters(text)] == list(dict.fromkeys(text))


def test_a_real_book(tmp_path):
    path = tmp_path / "tale.txt"
    path.write_text("\n".join(rnnlib.load_corpus("tale", clean=False).lines), encoding="utf-8")
    for level in ("char", "word"):
        expected = in_memory(path, level=level, max_tokens=2_000)
        assert_same(mapped(path, tmp_path / "t", level=level, max_tokens=2_000), expected)


@pytest.mark.parametrize(("kinds", "dtype"), [(200, "uint8"), (40_000, "uint16"), (66_000, "int32")])
def test_the_narrowest_type_that_holds_the_vocabulary(kinds, dtype, tmp_path):
    path = tmp_path / "text.txt"
    codes = list(range(0x4E00, 0x4E00 + 20_000)) + list(range(0x20000, 0x20000 + 46_000))
    characters = [chr(code) for code in codes[:kinds]]
    random.Random(0).shuffle(characters)
    path.write_text("".join(characters) * 2, encoding="utf-8")
    found = mapped(path, tmp_path / "t", max_tokens=None, clean=False)
    assert found.corpus.dtype == dtype
    assert_same(found, in_memory(path, max_tokens=None, clean=False))
    assert torch.cat(list(found.train)[0]).max() > 0


def test_words_in_wide_types(tmp_path):
    path = tmp_path / "text.txt"
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in letters]
    path.write_text(" ".join(words), encoding="ascii")
    found = mapped(path, tmp_path / "t", level="word", max_tokens=None)
    assert found.corpus.dtype == "uint16"
    assert_same(found, in_memory(path, level="word", max_tokens=None))


# ---- Batches ----


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A token file of 3,000 characters, and the same in memory."""
    folder = tmp_path_factory.mktemp("numbers")
    draw = random.Random(0)
    (folder / "a.txt").write_text("".join(draw.choice("abcdefgh ") for _ in range(3_000)) + "z")
    write_token_file(folder / "a.txt", folder / "a")
    file = TokenFile(folder / "a")
    return file.indices, torch.tensor(file.indices.tolist())


@pytest.mark.parametrize("sampling", ["sequential", "random"])
@pytest.mark.parametrize(("B", "T"), [(1, 1), (3, 7), (32, 35), (2, 1400)])
@pytest.mark.parametrize("largest", [2**26, 10])
def test_the_batches_are_those_of_a_corpus_in_memory(sampling, B, T, largest, numbers, monkeypatch):
    monkeypatch.setattr(order, "LARGEST_SHUFFLE", largest)
    on_disk, here = (SequenceLoader(tokens, B, T, sampling, seed=5) for tokens in numbers)
    assert isinstance(on_disk.corpus, MappedTokens) and on_disk.num_tokens == here.num_tokens
    for _ in range(2):
        for (X, Y), (expected_X, expected_Y) in zip(on_disk, here, strict=True):
            assert X.dtype == torch.int64 and torch.equal(X, expected_X) and torch.equal(Y, expected_Y)
    rest, whole = list(on_disk.rest(1)), list(here)
    assert len(rest) == len(whole) - 1
    assert all(torch.equal(X, Z) for (X, _), (Z, _) in zip(rest, whole[1:]))


def test_nothing_is_copied_and_pages_are_given_back(numbers, monkeypatch):
    on_disk = SequenceLoader(numbers[0], 4, 5)
    assert on_disk.corpus._raw.data_ptr() == numbers[0]._raw.data_ptr()
    assert numbers[0][10:20]._raw.data_ptr() == numbers[0]._raw.data_ptr() + 10
    read, real = [], MappedTokens._read
    monkeypatch.setattr(
        MappedTokens, "_read", lambda self, part: (read.append(len(part)), real(self, part))[1]
    )
    whole = list(SequenceLoader(numbers[0], 4, 5, "random", seed=1))
    assert set(read) == {4}
    read.clear()
    monkeypatch.setattr(mapped_module, "MAPPED", 1)
    found = list(SequenceLoader(numbers[0], 4, 5, "random", seed=1))
    assert set(read) == {1} and len(read) == 2 * 4 * len(found) and numbers[0]._touched == [0]
    assert all(torch.equal(X, Z) and torch.equal(Y, W) for (X, Y), (Z, W) in zip(found, whole, strict=True))


def test_the_old_order_is_the_order():
    """As it was computed before orders were compact: a list of starts, shuffled."""
    for count, T in ((1, 3), (17, 5), (1000, 2)):
        starts = list(range(0, count * T, T))
        random.Random(4).shuffle(starts)
        assert (order.shuffled(count, random.Random(4))(0, count) * T).tolist() == starts
    assert order.shuffled(0)(0, 5).tolist() == []


@pytest.mark.parametrize("count", [1, 2, 3, 10, 255, 256, 257, 5_000, 70_000])
def test_a_permutation_without_memory(count, monkeypatch):
    monkeypatch.setattr(order, "LARGEST_SHUFFLE", 0)
    places = order.shuffled(count, random.Random(1))
    whole = places(0, count)
    assert whole.dtype == torch.int64 and sorted(whole.tolist()) == list(range(count))
    assert torch.equal(torch.cat([places(i, i + 100) for i in range(0, count, 100)]), whole)
    if count >= 255:
        other = order.shuffled(count, random.Random(2))(0, count)
        assert (whole == other).float().mean() < 0.05 and (whole == torch.arange(count)).float().mean() < 0.05
    if count == 70_000:  # neighbours are as far apart as chance puts them: a third of the range
        gaps = (whole[1:] - whole[:-1]).abs().double().mean() / count
        assert gaps == pytest.approx(1 / 3, rel=0.02)
        halves = whole[: count // 2].double().mean() / count
        assert halves == pytest.approx(0.5, rel=0.02)


def test_orders_of_billions_fit():
    places = order.shuffled(3_000_000_000, random.Random(1))
    found = torch.cat([places(0, 1000), places(2_999_999_000, 3_000_000_000)])
    assert len(set(found.tolist())) == 2000 and found.min() >= 0 and found.max() < 3_000_000_000
    assert found.double().mean() / 3e9 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("sampling", ["sequential", "random"])
def test_training_is_the_same_to_the_bit(sampling, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("to be or not to be that is the question " * 40)
    write_token_file(path, tmp_path / "a.tokens")
    results = []
    for corpus in (path, tmp_path / "a.tokens"):
        rnnlib.set_seed(0)
        data = rnnlib.load_text(
            corpus, batch_size=4, num_steps=7, max_tokens=800, sampling=sampling, seed=0, device="cpu"
        )
        model = rnnlib.RNNModel(torch.nn.GRU(len(data.vocab), 8), len(data.vocab))
        history = rnnlib.train(model, data, 3, progress=False)
        results.append((history.train_loss, history.valid_loss, rnnlib.perplexity(model, data)))
        results[-1] += (rnnlib.perplexity(model, data.train, num_steps=5),)
    assert results[0] == results[1]


# ---- The file ----


@pytest.fixture
def made(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("the quick brown fox jumps over the lazy dog\n" * 200)
    write_token_file(path, tmp_path / "a.tokens")
    return tmp_path / "a.tokens"


def test_what_a_file_says(made):
    file = TokenFile(made)
    assert is_token_file(made) and is_token_file(str(made)) and not is_token_file(made.parent / "a.txt")
    assert not any(map(is_token_file, [None, 3, made.parent, "no such file"]))
    assert repr(file) == "TokenFile('a.txt', 8,799 tokens, V=28, uint8)"
    assert "8,799 tokens, uint8" in repr(file.indices) and "'a.txt'" in repr(
        rnnlib.load_text(made, device="cpu", max_tokens=None)
    )
    assert made.stat().st_size % 4096 == 8_799 % 4096


@pytest.mark.parametrize("place", [3, 12, 30, 100, 4200, -1])
def test_a_flipped_bit_is_found(place, made):
    data = bytearray(made.read_bytes())
    data[place] ^= 4
    made.write_bytes(data)
    with pytest.raises(ValueError, match=r"is damaged: .* Make it again|is no token file"):
        TokenFile(made)


def test_a_cut_file_is_found(made):
    data = made.read_bytes()
    for size in (0, 5, 20, 60, 4000, 4096, len(data) - 1, len(data) + 1):
        made.write_bytes((data + b"x")[:size])
        with pytest.raises(ValueError, match="damaged|no token file"):
            TokenFile(made, verify=False)


def test_headers_of_another_kind_are_refused(made):
    header, start = token_files._header(made.open("rb"), made)
    tokens = made.read_bytes()[start:]
    for change in (
        {"count": -1},
        {"dtype": "int32"},
        {"vocab": []},
        {"level": 3},
        {"format": "x"},
        {"count": 9},
    ):
        made.write_bytes(token_files._head(header | change) + tokens)
        with pytest.raises(ValueError, match="damaged|of the format x"):
            TokenFile(made)
    with pytest.raises(FileNotFoundError):
        TokenFile(made.parent / "none")


def test_a_failing_write_leaves_the_old_file(made, monkeypatch):
    before, text = made.read_bytes(), made.parent / "a.txt"
    listing = sorted(made.parent.iterdir())
    text.write_text("another text " * 100)

    def fail(*args):
        raise OSError("the disk is full")

    for name in ("_digest", "_encode"):
        with monkeypatch.context() as broken:
            broken.setattr(token_files, name, fail)
            with pytest.raises(OSError, match="the disk is full"):
                write_token_file(text, made)
    with monkeypatch.context() as broken:
        broken.setattr(token_files, "_digest", lambda file, start: "0" * 64)
        with pytest.raises(OSError, match="what was read back is something else"):
            write_token_file(text, made)
    assert made.read_bytes() == before and sorted(made.parent.iterdir()) == listing


def test_a_text_that_changes_meanwhile_is_refused(made, monkeypatch):
    text, real = made.parent / "a.txt", token_files._encode

    def meddle(*args):
        text.write_text("something else " * 1000)
        return real(*args)

    monkeypatch.setattr(token_files, "_encode", meddle)
    with pytest.raises(ValueError, match="was changed while it was read"):
        write_token_file(text, made.parent / "b")
    assert not (made.parent / "b").exists()


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        (b"", {}, "holds no text"),
        (b"12 34\n", {}, "holds no text: 6 characters and not one letter"),
        ("春眠不觉晓，处处闻啼鸟。".encode("gb18030") * 9, {}, "perhaps 'gb18030', give encoding='gb18030'"),
        (b"abc \xff def " * 9, {}, "not text in utf-8: see the byte at offset 4"),
        ("abc".encode("utf-16"), {}, "perhaps 'utf-16'"),
        (b"abc\0def", {}, "offset 3"),
        (b"PK\x03\x04abc", {}, "zip archive"),
        ("приключения " * 9, {}, "would keep 0 of 99 letters"),
        ("春眠不觉晓", {"level": "word"}, "Chinese has none between words"),
        ("abc", {"level": "line"}, "level='line' is not known"),
        ("abc", {"language": "de"}, "language='de' is not known"),
        ("abc", {"encoding": "utf-99"}, "encoding='utf-99' is not known"),
        ("abc", {"min_freq": -1}, "min_freq=-1"),
    ],
)
def test_texts_that_cannot_be_read(data, settings, message, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(ValueError, match=message):
        write_token_file(path, tmp_path / "b", **settings)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_other_mistakes(made):
    text = made.parent / "a.txt"
    with pytest.raises(ValueError, match="is the text itself"):
        write_token_file(text, text)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        write_token_file(made.parent / "none", made)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        write_token_file(text, made.parent / "no" / "folder")
    for settings in ({"level": "word"}, {"clean": False}, {"language": "en"}, {"vocab_from": "train"}):
        with pytest.raises(ValueError, match="holds tokens of level='char' with their vocabulary"):
            rnnlib.load_text(made, **settings)
    with pytest.raises(ValueError, match="max_tokens=9000"):
        rnnlib.load_text(made, max_tokens=9000)


# ---- The command ----


def test_the_command(made, tmp_path, capsys):
    text, target = made.parent / "a.txt", tmp_path / "b.tokens"
    assert main(["tokens", str(text), str(target)]) == 0
    out = capsys.readouterr().out
    assert "b.tokens：8,799 个字符，V = 28，uint8" in out and "8,799 characters, V = 28, uint8" in out
    assert target.read_bytes() == made.read_bytes()
    small = [
        "--batch-size",
        "4",
        "--num-steps",
        "5",
        "--num-hiddens",
        "8",
        "--device",
        "cpu",
        "--epochs",
        "2",
    ]
    ends = []
    for corpus in (text, target):
        words = ["train", "--corpus", str(corpus), "--max-tokens", "all", *small]
        assert main([*words, "--save", str(tmp_path / "m")]) == 0
        ends.append(load_checkpoint(tmp_path / "m"))
    assert ends[0].history.train_loss == ends[1].history.train_loss
    assert ends[0].config["checksum"] == ends[1].config["checksum"]
    # The text and the token file are the same corpus: a run on one goes on with the other
    assert main(["train", "--resume", str(tmp_path / "m"), "--corpus", str(text), *small[6:]]) == 0
    assert main(["train", "--resume", str(tmp_path / "m"), "--corpus", str(target), *small[6:]]) == 0
    capsys.readouterr()
    for words in (
        ["train", "--corpus", str(target), "--level", "word"],
        ["tokens", str(text), str(text)],
        ["tokens", str(text), str(target), "--encoding", "utf-16"],
        ["train", "--corpus", str(target), "--max-tokens", "8799"],
    ):
        assert main(words) == 2
        err = capsys.readouterr().err
        assert err.startswith("rnnlib: ") and err.count("\n") == 1


def test_the_command_reads_other_encodings(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(CHINESE.encode("gb18030"))
    target = str(tmp_path / "t")
    assert main(["tokens", str(tmp_path / "a.txt"), target]) == 2
    assert "perhaps 'gb18030', give --encoding gb18030" in capsys.readouterr().err
    assert main(["tokens", str(tmp_path / "a.txt"), target, "--encoding", "gb18030"]) == 0
    assert "春" in TokenFile(target).vocab
    (tmp_path / "a.txt").write_text("Ça va " * 9)
    assert main(["tokens", str(tmp_path / "a.txt"), target]) == 0
    assert "cleaning removed 9 letters outside a-z (--no-clean keeps them)" in capsys.readouterr().out


# ---- Memory ----

MEMORY = """
import json, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import rnnlib
from rnnlib.data.token_files import write_token_file
from rnnlib.training.loop import run_epoch

def now():
    fields = dict(line.split(":") for line in open("/proc/self/status").read().splitlines())
    return {name: int(fields[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")}

folder, size, sampling, steps = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
text, target = folder / "big.txt", folder / "big.tokens"

class Counting(torch.nn.Module):
    def __init__(self, V):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(V))
        self.tokens = 0

    def forward(self, X, state=None):
        self.tokens += X.numel()
        return self.logits.expand(*X.shape, -1), None

def learn(data):
    model = Counting(len(data.vocab))
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    run_epoch(model, data.train, optimizer=optimizer)
    rnnlib.perplexity(model, data)
    return model.tokens

small = folder / "small.txt"
small.write_text("a quick brown fox " * 40_000)
write_token_file(small, folder / "small.tokens")
settings = dict(batch_size=int(sys.argv[5]), num_steps=steps, max_tokens=None, sampling=sampling)
settings["device"] = "cpu"
learn(rnnlib.load_text(folder / "small.tokens", **settings | dict(batch_size=32, num_steps=35)))
before, start = now(), time.time()
if not target.exists():
    write_token_file(text, target)
made, written = now(), time.time()
data = rnnlib.load_text(target, **settings)
tokens = learn(data)
after = now()
print(json.dumps({
    "tokens": data.num_tokens, "read": tokens, "before": before, "made": made, "after": after,
    "seconds": [written - start, time.time() - written],
}))
"""


def big_text(path, size):
    """A text by a rule, in lines and without: words whose letters come from a counter."""
    letters = "ab ba bab  abb a bbaa ab aab ba"
    with path.open("w") as file:
        written = 0
        for i in range(10**9):
            block = "".join(letters[(j * j + i * j // 7) % 30] for j in range(997)) * 100
            block += "\n" if i % 2 else ", "
            file.write(block)
            written += len(block)
            if written >= size:
                return


def measure(folder, size, sampling, steps, rows):
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", MEMORY, *map(str, (folder, size, sampling, steps, rows))]
    run = subprocess.run(command, env=surroundings, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured with Linux' /proc")
def test_memory_does_not_grow_with_the_text(tmp_path):
    """30 MB: held as int64 they would be 240 MB, and mapped pages alone 30 MB."""
    size = 30_000_000
    big_text(tmp_path / "big.txt", size)
    for sampling in ("sequential", "random"):
        found = measure(tmp_path, size, sampling, 128, 64)
        assert found["tokens"] > 0.85 * size and found["read"] > 0.98 * 0.9 * found["tokens"]
        grown = {kind: found["after"][kind] - found["before"][kind] for kind in found["before"]}
        assert grown["VmHWM"] < 45 and grown["RssFile"] < 10, f"{sampling}: MB more: {grown}"


@pytest.mark.skipif(not os.environ.get("RNNLIB_BIG"), reason="RNNLIB_BIG=1 measures a text of 1 GB")
def test_memory_with_a_gigabyte(tmp_path):
    big_text(tmp_path / "big.txt", 10**9)
    for sampling, steps, rows in (("sequential", 512, 512), ("random", 35, 4096)):
        found = measure(tmp_path, 10**9, sampling, steps, rows)
        print(sampling, found)
        assert found["read"] > 0.98 * 0.9 * found["tokens"]
        assert found["after"]["VmHWM"] - found["before"]["VmHWM"] < 500
        assert found["after"]["VmHWM"] < 1000
