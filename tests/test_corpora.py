"""Corpora: sources in their order, never a silent substitute, the published counts, and clear errors."""

import hashlib
import io
import json
import os
import re
import socket
import sys
import tracemalloc
import unicodedata
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnlib.data import (
    CorpusUnavailable,
    available_corpora,
    catalogue,
    clean_lines,
    corpus_from_string,
    load_corpus,
    load_text,
    sources,
)

REAL_DATA = os.environ.get("RNNLIB_DATA", "")

TIME = (
    b"The Time Machine, by H. G. Wells\n\n\nThe Traveller -- (for so it'll be) 1898\nThe quick brown fox\n"
    * 40
)
TANG = json.dumps(
    {
        "title": "唐詩",
        "content": [
            {"type": "甲", "content": [{"paragraphs": ["宮花寂寞紅。(寂寞 一作：落寞)", " 閒坐說玄宗。"]}]},
            {"type": "乙", "content": [{"paragraphs": ["春眠不覺曉，（曉 通：早)處處聞啼鳥。 "]}]},
        ],
    },
    ensure_ascii=False,
).encode()
LYRICS = "甲乙丙\r\n丁 戊\n\n己庚"


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


FILES = {
    "time_machine": ("timemachine.txt", TIME),
    "tang300": ("tangshisanbaishou.json", TANG),
    "jay_lyrics": ("jaychou_lyrics.txt.zip", zipped(("jaychou_lyrics.txt", LYRICS))),
}


class Place:
    """A computer of the test's own: a reader's folder, a cache, a network and the embedded texts."""

    def __init__(self, root, monkeypatch):
        self.local, self.cache, self.embedded = root / "local", root / "cache", root / "embedded"
        for folder in (self.local, self.cache, self.embedded):
            folder.mkdir()
        (self.embedded / "tale.txt").write_text(
            "A Tale of Time\n\n***\n" + "a fox jumps; " * 400, encoding="utf-8"
        )
        (self.embedded / "verse.txt").write_text("诗集\n\n" + "春风又绿江南岸\n" * 40, encoding="utf-8")
        self.network: dict[str, bytes] = {}
        self.downloads: list[str] = []
        monkeypatch.setenv("RNNLIB_DATA", str(self.local))
        monkeypatch.delenv("RNNLIB_OFFLINE", raising=False)
        monkeypatch.setattr(catalogue, "cache_folder", lambda: self.cache)
        monkeypatch.setattr(catalogue, "TEXTS", self.embedded)
        monkeypatch.setattr(sources, "download", self.download)
        for name, (_, data) in FILES.items():
            entry = replace(catalogue.CATALOGUE[name], sha1=hashlib.sha1(data).hexdigest())
            monkeypatch.setitem(catalogue.CATALOGUE, name, entry)

    def download(self, urls, target, sha1):
        self.downloads.append(target.name)
        data = self.network.get(target.name)
        if data is None or hashlib.sha1(data).hexdigest() != sha1:
            raise sources.SourceFailed("".join(f"\n  - {url}: no network" for url in urls))
        target.write_bytes(data)
        return target


@pytest.fixture
def place(tmp_path, monkeypatch):
    return Place(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def nothing_leaves_this_computer(monkeypatch):
    def refused(*args, **kwargs):
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    sources.failed_downloads.clear()
    yield
    sources.failed_downloads.clear()


def put(folder, name, data=None):
    file_name, good = FILES[name]
    (folder / file_name).write_bytes(good if data is None else data)
    return folder / file_name


# ---------------------------------------------------------------------------------------------- sources


def test_sources_are_used_in_their_order(place, monkeypatch):
    embedded = load_corpus()
    assert (embedded.source, embedded.is_substitute) == ("embedded", True)
    sources.failed_downloads.clear()
    place.network["timemachine.txt"] = TIME
    downloaded = load_corpus()
    assert (downloaded.source, downloaded.is_substitute) == ("download", False)
    assert load_corpus().source == "cache"
    path = put(place.local, "time_machine")
    local = load_corpus()
    assert (local.source, local.origin) == ("local", str(path))
    assert place.downloads == ["timemachine.txt"] * 2
    monkeypatch.delenv("RNNLIB_DATA")
    assert load_corpus().source == "cache"
    assert local.lines == downloaded.lines != embedded.lines


def test_substitute_is_announced_in_both_languages(place, capsys):
    corpus = load_corpus("time_machine")
    chinese, english = capsys.readouterr().out.splitlines()
    for line in (chinese, english):
        assert "time_machine" in line and "tale" in line
        assert "timemachine.txt" in line and "RNNLIB_DATA" in line
    for title, line, word in zip(
        catalogue.CATALOGUE["tale"].title.split(" | "), (chinese, english), ("注意", "NOTICE")
    ):
        assert title in line and word in line
    assert corpus.name == "time_machine" and corpus.origin.endswith("tale.txt") and corpus.is_substitute
    assert corpus.text.startswith("a tale of time a fox jumps"), "cleaned as one's own texts are, not glued"
    summary = str(load_text(corpus, batch_size=2, num_steps=5, max_tokens=100, device="cpu"))
    assert "以内置的 tale 代替" in summary and "embedded tale stands in" in summary


def test_real_corpus_is_loaded_without_a_word(place, capsys):
    put(place.local, "time_machine")
    load_corpus()
    assert capsys.readouterr() == ("", "")


def test_embedded_text_asked_for_by_name_is_no_substitute(place, capsys):
    corpus = load_corpus("tale")
    assert (corpus.name, corpus.source, corpus.is_substitute) == ("tale", "embedded", False)
    assert capsys.readouterr().out == "" and place.downloads == []


def test_without_fallback_every_source_is_named(place):
    with pytest.raises(CorpusUnavailable) as caught:
        load_corpus("time_machine", fallback=False)
    message = str(caught.value)
    for part in (
        "local: there is no file",
        str(place.local),
        "cache: there is no file",
        str(place.cache),
    ):
        assert part in message
    for url in catalogue.CATALOGUE["time_machine"].urls:
        assert f"{url}: no network" in message
    entry = catalogue.CATALOGUE["time_machine"]
    assert "into a folder that RNNLIB_DATA names" in message and entry.sha1 in message


def test_lyrics_have_no_substitute(place):
    with pytest.raises(CorpusUnavailable, match="copyrighted"):
        load_corpus("jay_lyrics", fallback=True)


@pytest.mark.parametrize("name", sorted(catalogue.CATALOGUE.keys() - {"jay_lyrics"}))
def test_lyrics_are_fetched_only_when_asked_for_by_name(place, name):
    place.network.update(dict(FILES.values()))
    load_corpus(name)
    available_corpora()
    assert "jaychou_lyrics.txt.zip" not in place.downloads


def test_failed_download_is_not_waited_for_twice(place):
    load_corpus("time_machine")
    place.network["timemachine.txt"] = TIME
    assert load_corpus("time_machine").source == "embedded"
    assert place.downloads == ["timemachine.txt"]
    with pytest.raises(CorpusUnavailable, match="(?s)no network.*not tried again in this run of Python"):
        load_corpus("time_machine", fallback=False)
    load_corpus("tang300")
    assert place.downloads == ["timemachine.txt", "tangshisanbaishou.json"], (
        "each file is remembered by itself"
    )
    sources.failed_downloads.clear()
    assert load_corpus("time_machine").source == "download"


@pytest.mark.parametrize("value, tried", [("1", 0), ("true", 0), ("0", 1), ("", 1)])
def test_offline_switch(place, monkeypatch, value, tried):
    monkeypatch.setenv("RNNLIB_OFFLINE", value)
    assert load_corpus().source == "embedded"
    assert len(place.downloads) == tried
    if not tried:
        with pytest.raises(CorpusUnavailable, match="switched off by RNNLIB_OFFLINE"):
            load_corpus(fallback=False)
        monkeypatch.delenv("RNNLIB_OFFLINE")
        place.network["timemachine.txt"] = TIME
        assert load_corpus().source == "download", "being switched off is no failure to remember"


def test_wrong_file_in_the_readers_folder_raises(place):
    path = put(place.local, "time_machine", TIME + b"!")
    place.network["timemachine.txt"] = TIME
    with pytest.raises(CorpusUnavailable) as caught:
        load_corpus(fallback=True)
    assert str(path) in str(caught.value) and hashlib.sha1(TIME).hexdigest() in str(caught.value)


def test_wrong_file_in_the_cache_is_named_and_replaced(place, capsys):
    path = put(place.cache, "time_machine", TIME[:-1])
    place.network["timemachine.txt"] = TIME
    assert load_corpus().source == "download"
    chinese, english = capsys.readouterr().out.splitlines()
    assert str(path) in chinese and "已损坏" in chinese
    assert str(path) in english and "damaged" in english
    assert path.read_bytes() == TIME


def test_wrong_file_in_the_cache_is_never_used(place):
    path = put(place.cache, "time_machine", TIME[:-1])
    assert load_corpus().source == "embedded"
    assert path.read_bytes() == TIME[:-1], "replaced only by a verified file"
    with pytest.raises(CorpusUnavailable, match="wrong checksum"):
        load_corpus(fallback=False)


def test_unusable_cache_folder_is_a_reason_not_a_crash(place, monkeypatch):
    def unwritable(*args, **kwargs):
        raise PermissionError("read-only")

    monkeypatch.setattr(sources, "download", unwritable)
    assert load_corpus().source == "embedded"
    with pytest.raises(CorpusUnavailable, match="download: read-only"):
        load_corpus(fallback=False)


def test_catalogue_says_where_each_corpus_is(place):
    def where():
        return {entry.name: entry.where for entry in available_corpora()}

    everywhere = {e.name: "embedded" if e.is_embedded else "not here" for e in available_corpora()}
    assert where() == everywhere and set(everywhere.values()) == {"embedded", "not here"}
    put(place.cache, "time_machine")
    put(place.local, "tang300", b"something else")
    assert where() == {**everywhere, "time_machine": "cached"}
    put(place.local, "time_machine")
    assert where() == {**everywhere, "time_machine": "local"}


def test_catalogue_is_complete():
    for entry in available_corpora():
        assert catalogue.CATALOGUE[entry.name] is entry
        assert all(" | " in text for text in (entry.title, entry.licence)), "both languages"
        assert entry.substitute is None or catalogue.CATALOGUE[entry.substitute].is_embedded
        if entry.is_embedded:
            assert (catalogue.TEXTS / entry.file_name).is_file() and not entry.urls
        else:
            assert re.fullmatch("[0-9a-f]{40}", entry.sha1) and len(entry.urls) >= 2
            assert all(re.fullmatch(r"https?://[!-~]+", url) for url in entry.urls)
    for name in ("time_machine", "tang300", "jay_lyrics"):  # pinned: these files never change
        assert name in catalogue.CATALOGUE and not catalogue.CATALOGUE[name].is_embedded


def test_folder_of_an_unknown_user(monkeypatch):
    monkeypatch.setenv("RNNLIB_DATA", "~nobody-of-that-name/x")
    for look in (load_corpus, lambda: [entry.where for entry in available_corpora()]):
        with pytest.raises(ValueError, match="RNNLIB_DATA='~nobody-of-that-name/x'.*full path"):
            look()
    with pytest.raises(FileNotFoundError, match="~nobody-of-that-name/text.txt"):
        load_corpus("~nobody-of-that-name/text.txt")
    monkeypatch.setenv("RNNLIB_DATA", "~")
    assert catalogue.local_folder() == Path.home()


def test_unreadable_files_are_reasons_and_hide_no_other_corpus(place):
    for folder in (place.local, place.cache):
        (folder / "timemachine.txt").mkdir()  # reading it fails, even for a superuser
    put(place.local, "tang300")
    where = {entry.name: entry.where for entry in available_corpora()}
    assert (where["time_machine"], where["tang300"], where["tale"]) == ("not here", "local", "embedded")
    with pytest.raises(CorpusUnavailable) as caught:
        load_corpus(fallback=False)
    for folder in ("local", "cache"):
        assert re.search(rf"- {re.escape(folder)}: .*timemachine.txt cannot be read", str(caught.value))


def test_cache_folder_without_platformdirs(monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert catalogue.cache_folder() == Path.home() / ".cache" / "rnnlib"


# ----------------------------------------------------------------------------------------- cleaning, formats


def test_poems_are_simplified_and_free_of_notes(place):
    pytest.importorskip("opencc")
    put(place.local, "tang300")
    corpus = load_corpus("tang300")
    assert corpus.lines == ("宫花寂寞红。闲坐说玄宗。", "春眠不觉晓，处处闻啼鸟。")
    assert "".join(corpus.tokens()) == "宫花寂寞红。闲坐说玄宗。\n春眠不觉晓，处处闻啼鸟。"
    raw = load_corpus("tang300", clean=False)
    assert raw.lines[0] == "宮花寂寞紅。(寂寞 一作：落寞) 閒坐說玄宗。"


def test_poems_without_opencc(place, monkeypatch, capsys):
    put(place.local, "tang300")
    monkeypatch.setattr(catalogue.importlib.util, "find_spec", lambda name: None)
    assert load_corpus("tang300").is_substitute
    assert all("pip install opencc" in line for line in capsys.readouterr().out.splitlines())
    with pytest.raises(CorpusUnavailable, match="pip install opencc, or .*clean=False .*--no-clean"):
        load_corpus("tang300", fallback=False)
    assert load_corpus("tang300", clean=False, fallback=False).source == "local"


def test_without_pooch_the_notice_says_what_to_install(place, monkeypatch, capsys):
    monkeypatch.setattr(catalogue.importlib.util, "find_spec", lambda name: None)
    load_corpus("time_machine")
    assert all("pip install pooch" in line for line in capsys.readouterr().out.splitlines())


def test_lyrics_become_the_published_text(place):
    put(place.local, "jay_lyrics")
    corpus = load_corpus("jay_lyrics")
    assert "".join(corpus.tokens()) == LYRICS.replace("\n", " ").replace("\r", " ")
    assert corpus.language == "zh" and corpus.joiner == " "


def test_own_english_lines_are_joined_by_a_space():
    corpus = corpus_from_string("Now -- then!\n\n* * *\n  It's 1898\nthe time\ntraveller came")
    assert corpus.lines == ("now then", "it s", "the time", "traveller came")
    assert "".join(corpus.tokens()) == corpus.text == "now then it s the time traveller came"
    assert corpus.tokens("word") == corpus.text.split()
    raw = corpus_from_string("Now -- then!\n\nIt's", clean=False)
    assert raw.text == "Now -- then!\n\nIt's"


def test_the_time_machine_alone_is_glued_as_published(place, tmp_path):
    put(place.local, "time_machine")
    published = load_corpus("time_machine")
    assert published.lines == tuple(clean_lines(TIME.decode())) and "" in published.lines
    assert published.text.startswith("the time machine by h g wellsthe traveller for so it ll bethe quick")
    (tmp_path / "copy.txt").write_bytes(TIME)
    own = load_corpus(tmp_path / "copy.txt")
    assert own.text.startswith("the time machine by h g wells the traveller for so it ll be the quick")
    assert "  " not in own.text and "" not in own.lines
    assert published.tokens("word") == own.tokens("word")
    assert load_corpus("time_machine", clean=False).lines[0] == "The Time Machine, by H. G. Wells"
    assert "jar" in load_corpus("tale").text or " a fox" in load_corpus("tale").text


def test_dropped_letters_are_counted():
    text = "春 (spring) 1898 — ein Café, Maß und Öl, Äpfel and Äpfel\n"
    corpus = corpus_from_string(text * 2)
    assert corpus.dropped == (("Ä", 4), ("Ö", 2), ("ß", 2), ("é", 2), ("春", 2)), "most frequent first"
    decomposed = corpus_from_string(unicodedata.normalize("NFD", text) * 2)
    assert decomposed.dropped == corpus.dropped, "an ä is an ä, however it was typed"
    assert corpus_from_string(text, clean=False).dropped == ()
    assert corpus_from_string("春眠不觉晓 abc", language="zh").dropped == ()
    assert corpus_from_string("Plain text -- it's 1898…").dropped == ()


def test_summary_says_what_was_dropped_and_nothing_otherwise(tmp_path):
    path = tmp_path / "deutsch.txt"
    path.write_text(
        "Über den Bäumen blühen süße Äpfel, größer als früher; Ångström Ørsted\n" * 30, encoding="utf-8"
    )
    options = {"batch_size": 2, "num_steps": 5, "max_tokens": 100, "device": "cpu"}
    chinese, english = load_text(path, **options).summary().splitlines()
    for line in (chinese, english):
        assert re.search(r"\b360\b", line) and re.search("ü 90, ß 60, ö 60|ü 90、ß 60、ö 60", line), line
        assert "clean=False" in line and "--no-clean" in line
    assert "……" in chinese and english.count(" ...") == 1, "the commonest few"
    assert re.findall(r"\d+", chinese) == re.findall(r"\d+", english)
    kept = load_text(path, clean=False, **options)
    assert "ü" in kept.vocab and "clean" not in kept.summary()
    five = load_text(corpus_from_string("naïve façade, café, Zoë, gâteau " * 40), **options)
    assert "ï 40（" in str(five) and "ï 40 (" in str(five), "all of them, and no dots"
    assert "clean" not in str(load_text(LETTERS, **options))


def test_clean_and_language_reach_the_corpus(tmp_path):
    path = tmp_path / "mixed.txt"
    path.write_text("春眠不觉晓 spring comes without a word\n" * 30, encoding="utf-8")
    options = {"batch_size": 2, "num_steps": 5, "max_tokens": 100, "device": "cpu"}
    assert load_text(path, **options).corpus.language == "en"
    chinese = load_text(path, language="zh", **options)
    assert chinese.corpus.language == "zh" and "春" in chinese.vocab and chinese.corpus.joiner == "\n"
    words = load_text(path, level="word", language="en", clean=False, **options)
    assert "春眠不觉晓" in words.vocab
    for option in ({"clean": False}, {"language": "en"}):
        with pytest.raises(ValueError, match="give them when the Corpus is made"):
            load_text(LETTERS, **option, **options)


def test_checksum_tells_texts_apart():
    one = corpus_from_string("the time\ntraveller")
    assert one.checksum == hashlib.sha1(b"the time traveller").hexdigest()
    assert one.checksum == corpus_from_string("The Time Traveller!", name="other").checksum
    assert one.checksum != corpus_from_string("the time travellers").checksum
    assert corpus_from_string("春", language="zh").checksum == hashlib.sha1("春".encode()).hexdigest()
    assert len(corpus_from_string("half a pair: \ud800", clean=False).checksum) == 40


def test_chinese_is_kept_line_by_line():
    corpus = corpus_from_string(" 床前明月光，\n\n疑是地上霜。 \n", language="zh")
    assert corpus.lines == ("床前明月光，", "疑是地上霜。")
    assert corpus.text == "床前明月光，\n疑是地上霜。"
    with pytest.raises(ValueError, match="level='char'"):
        corpus.tokens("word")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_is_cleaned_or_refused(text):
    try:
        corpus = corpus_from_string(text)
    except ValueError as error:
        letters = [character for character in text if character.isalpha()]
        kept = [character for character in letters if character.isascii()]
        assert not letters or len(kept) < len(letters) / 2, error
        return
    assert set(corpus.tokens()) <= set("abcdefghijklmnopqrstuvwxyz ")
    words = re.findall("[a-z]+", re.sub("[A-Z]", lambda letter: letter[0].lower(), text))
    assert corpus.text == " ".join(words) and corpus.tokens("word") == words
    composed = Counter(unicodedata.normalize("NFC", text))
    lost = {c: n for c, n in composed.items() if c.isalpha() and not c.isascii()}
    assert dict(corpus.dropped) == lost and len(corpus.dropped) == len(lost)
    assert [n for _, n in corpus.dropped] == sorted(lost.values(), reverse=True)


# -------------------------------------------------------------------------------- files, bad input


def test_file_by_path(tmp_path):
    english = tmp_path / "my text.txt"
    english.write_bytes(b"Hello, World\r\nAgain\r\n")
    corpus = load_corpus(english)
    assert corpus.lines == ("hello world", "again")
    assert (corpus.name, corpus.source, corpus.origin) == ("my text.txt", "file", str(english))
    chinese = tmp_path / "诗.txt"
    chinese.write_text("春眠不觉晓 (Spring)\n处处闻啼鸟", encoding="utf-8-sig")
    assert load_corpus(str(chinese)).language == "zh"
    assert load_corpus(chinese).lines[0] == "春眠不觉晓 (Spring)", "without the byte-order mark"
    assert load_corpus(chinese, language="en", clean=False).language == "en"


def test_file_is_found_by_a_bare_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notes").write_text("plain words")
    assert load_corpus("notes").source == "file"
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert load_corpus("~/notes").origin == str(tmp_path / "notes")


def test_bad_names_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="Did you mean 'time_machine'") as caught:
        load_corpus("time-machine")
    assert all(entry.name in str(caught.value) for entry in available_corpora())
    assert "my_text.txt" in str(caught.value)
    for missing in ("no.txt", tmp_path / "no", "folder/no"):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            load_corpus(missing)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_corpus(tmp_path)
    with pytest.raises(TypeError, match="int"):
        load_corpus(3)
    with pytest.raises(ValueError, match="language='de'"):
        load_corpus("tale", language="de")
    with pytest.raises(TypeError, match="bytes"):
        corpus_from_string(b"text")
    with pytest.raises(ValueError, match="language='fr'"):
        corpus_from_string("texte", language="fr")
    with pytest.raises(ValueError, match="does not fit"):
        load_corpus("time_machine", language="zh")


POEM = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n"


@pytest.mark.parametrize(
    "data, offset, encoding",
    [
        (POEM.encode("gb18030"), 0, "gb18030"),
        ("a caf\xe9 in Paris".encode("cp1252"), 5, "cp1252"),
        ("hello".encode("utf-16"), 0, "utf-16"),
        ("Hello, World".encode("utf-16-le"), 1, "utf-16"),
        ("Hello, World".encode("utf-16-be"), 0, "utf-16"),
        (POEM.encode("utf-16-le"), 11, "utf-16"),
        (b"an English text\0 with one byte too many", 15, "utf-16"),
        (b"\x7fELF\x02\x01\x01" + bytes(40), 7, "utf-16"),
    ],
)
def test_file_that_is_not_utf8(tmp_path, data, offset, encoding):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"not text in UTF-8: the byte at offset {offset} ") as caught:
        load_corpus(path)
    assert f"encoding={encoding!r}" in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    "data, message",
    [
        (zipped(("text.txt", "a text inside")), "is a zip archive or an office document"),
        (b"\xef\xbb\xbf", "holds no text"),
    ],
)
def test_file_that_is_no_text(tmp_path, data, message):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        load_corpus(path)


def test_long_line_of_chinese_takes_little_memory(tmp_path):
    """One str object for each token would take some thirty times the size of the file."""
    characters = "".join(chr(0x4E00 + i) for i in range(1000))
    (tmp_path / "long.txt").write_text(characters * 100, encoding="utf-8")
    size = (tmp_path / "long.txt").stat().st_size
    tracemalloc.start()
    try:
        data = load_text(tmp_path / "long.txt", max_tokens=None, device="cpu")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert data.num_tokens == 100_000 and len(data.vocab) == 1001
    assert peak < 10 * size, f"{peak / size:.1f} times the size of the file"


@pytest.mark.parametrize("text", ["", "   \n\n", "123 -- 456!"])
@pytest.mark.parametrize("options", [{}, {"language": "zh"}, {"clean": False}])
def test_text_without_letters(text, options):
    with pytest.raises(ValueError, match="not one letter"):
        corpus_from_string(text, **options)


@pytest.mark.parametrize("text", ["春眠不觉晓 abc", "Привет, мир"])
def test_cleaning_never_loses_most_of_a_text(text):
    with pytest.raises(ValueError, match="language='zh' .*--language zh.*clean=False .*--no-clean"):
        corpus_from_string(text)
    assert corpus_from_string(text, clean=False).text == text


# ------------------------------------------------------------------------------------------------- load_text


def split_of(data):
    """Training and held-out tokens of a TextData as text."""
    return ("".join(data.vocab.to_tokens(part)) for part in (data.train.corpus, data.valid))


LETTERS = corpus_from_string("abcdefghijklmnopqrstuvwxyz" * 10)


@pytest.mark.parametrize(
    "max_tokens, num_valid, expected",
    [
        (100, None, (100, 100)),
        (200, None, (200, 60)),
        (100, 30, (100, 30)),
        (100, 0, (100, 0)),
        (260, 0, (260, 0)),
        (259, None, (259, 1)),
        (None, None, (234, 26)),
        (None, 50, (210, 50)),
        (None, 0, (260, 0)),
    ],
)
def test_split_sizes_and_places(max_tokens, num_valid, expected):
    data = load_text(
        LETTERS, batch_size=2, num_steps=5, max_tokens=max_tokens, num_valid=num_valid, device="cpu"
    )
    train, valid = split_of(data)
    assert (len(train), len(valid)) == expected
    assert train + valid == LETTERS.text[: sum(expected)], "the held-out part follows the training part"
    assert data.valid.dtype == torch.int64 and data.valid.ndim == 1


@pytest.mark.parametrize(
    "max_tokens, num_valid, needed",
    [(260, None, 261), (300, None, 301), (200, 61, 261), (261, 0, 261), (None, 260, 261)],
)
def test_text_that_is_too_short(max_tokens, num_valid, needed):
    with pytest.raises(ValueError, match=f"at least {needed} tokens.*has 260"):
        load_text(
            LETTERS, batch_size=1, num_steps=2, max_tokens=max_tokens, num_valid=num_valid, device="cpu"
        )


@settings(max_examples=60, deadline=None)
@given(
    total=st.integers(12, 300),
    max_tokens=st.none() | st.integers(1, 300),
    num_valid=st.none() | st.integers(0, 300),
    sampling=st.sampled_from(["sequential", "random"]),
)
def test_no_held_out_token_is_ever_trained_on(total, max_tokens, num_valid, sampling):
    """With a text in which every character is unique, the parts have nothing in common."""
    corpus = corpus_from_string("".join(chr(0x4E00 + i) for i in range(total)), language="zh")
    try:
        data = load_text(
            corpus, batch_size=2, num_steps=3, max_tokens=max_tokens, num_valid=num_valid, sampling=sampling,
            device="cpu", seed=0,
        )  # fmt: skip
    except ValueError as error:
        asked = total // 10 if max_tokens is None and num_valid is None else (num_valid or 0)
        assert "need at least" in str(error), error
        assert (max_tokens or 0) + asked + 7 > total or (max_tokens or 7) < 7, "refused without need"
        return
    seen = {int(token) for inputs, labels in data.train for token in torch.cat([inputs, labels]).flatten()}
    assert seen and not seen & set(data.valid.tolist())
    assert data.vocab.unk not in seen


def test_vocabulary_of_the_corpus_or_of_the_training_part():
    corpus = corpus_from_string("ab" * 50 + "xyz" * 20)
    options = {"batch_size": 2, "num_steps": 5, "max_tokens": 100, "num_valid": 60, "device": "cpu"}
    whole = load_text(corpus, **options)
    assert len(whole.vocab) == 6 and whole.vocab.unk not in whole.valid
    part = load_text(corpus, vocab_from="train", **options)
    assert part.vocab.idx_to_token == ["<unk>", "a", "b"]
    assert part.valid.unique().tolist() == [part.vocab.unk]
    rare = load_text(corpus, min_freq=30, **options)
    assert rare.vocab.idx_to_token == ["<unk>", "a", "b"]


def test_words():
    corpus = corpus_from_string("to be or not\nto be " * 30)
    data = load_text(corpus, level="word", batch_size=2, num_steps=5, max_tokens=60, device="cpu")
    assert data.vocab.to_tokens(data.train.corpus[:6]) == ["to", "be", "or", "not", "to", "be"]
    assert data.num_tokens == len(corpus.tokens("word")) and "单词" in str(data) and "words" in str(data)


def test_seed_and_shapes():
    def batches(seed):
        data = load_text(
            LETTERS, batch_size=4, num_steps=6, max_tokens=200, sampling="random", seed=seed, device="cpu"
        )
        assert (data.batch_size, data.num_steps) == (4, 6)
        return torch.stack([inputs for inputs, _ in data.train][:5])

    assert torch.equal(batches(1), batches(1)) and not torch.equal(batches(1), batches(2))
    assert batches(1).shape[1:] == (4, 6)


def test_numpy_integers_are_integers():
    plain = {"batch_size": 4, "num_steps": 5, "max_tokens": 100, "num_valid": 50, "min_freq": 1, "seed": 3}
    arguments = {name: np.int64(value) for name, value in plain.items()}
    data, same = load_text(LETTERS, device="cpu", **arguments), load_text(LETTERS, device="cpu", **plain)
    assert str(data) == str(same) and torch.equal(data.valid, same.valid)
    assert all(torch.equal(one, two) for one, two in zip(next(iter(data.train)), next(iter(same.train))))


def test_summary_says_the_same_in_both_languages():
    data = load_text(LETTERS, batch_size=2, num_steps=5, max_tokens=100, device="cpu")
    chinese, english = data.summary().splitlines()
    assert str(data) == data.summary()
    for line in (chinese, english):
        assert re.findall(r"\d+", line) == ["260", "27", "100", "100", "2", "5"]
    assert "顺序分区" in chinese and "sequential partitioning" in english
    assert len(repr(data)) < 300 and "260" in repr(LETTERS)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"vocab_from": "valid"}, "vocab_from='valid'"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"max_tokens": 10.5}, "max_tokens=10.5"),
        ({"num_valid": -1}, "num_valid=-1"),
        ({"min_freq": -1}, "min_freq=-1"),
        ({"max_tokens": True}, "max_tokens=True"),
        ({"level": "letter"}, "level='letter'"),
        ({"sampling": "shuffled"}, "sampling='shuffled'"),
        ({"batch_size": 50, "num_steps": 35}, "need at least 1,751 tokens"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        load_text(LETTERS, **{"max_tokens": 100, "batch_size": 2, "num_steps": 5, "device": "cpu", **options})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_tensors_lie_on_the_gpu():
    data = load_text(LETTERS, batch_size=2, num_steps=5, max_tokens=100)
    assert data.device.type == data.valid.device.type == data.train.device.type == "cuda"
    assert next(iter(data.train))[0].device.type == "cuda"


# ------------------------------------------------------------------------------------------- the real texts


@pytest.fixture
def real(monkeypatch):
    """Load the real file from the folder that RNNLIB_DATA named when the tests began, or skip."""

    def load(name):
        file_name = catalogue.CATALOGUE[name].file_name
        if not (Path(REAL_DATA) / file_name).is_file() or not REAL_DATA:
            pytest.skip(f"RNNLIB_DATA names no folder with {file_name}")
        monkeypatch.setenv("RNNLIB_DATA", REAL_DATA)
        return load_corpus(name, fallback=False), Path(REAL_DATA) / file_name

    return load


def test_time_machine_has_the_published_counts(real):
    corpus, path = real("time_machine")
    with open(path, encoding="utf-8") as file:
        published = [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in file.readlines()]
    data = load_text(corpus, device="cpu")
    assert corpus.lines == tuple(published)
    assert data.num_tokens == len(corpus.tokens()) == 170_580
    assert len(data.vocab) == 28
    assert Counter(dict(data.vocab.token_freqs)) == Counter("".join(published))
    assert data.vocab.idx_to_token[:4] == ["<unk>", " ", "e", "t"]
    assert (data.train.num_tokens, len(data.valid)) == (10_000, 10_000)
    assert "".join(data.vocab.to_tokens(data.train.corpus[:32])) == "the time machine by h g wellsith"[:32]


def test_embedded_texts_carry_the_whole_book():
    tale, verse = load_corpus("tale"), load_corpus("verse")
    assert tale.lines[0] in catalogue.CATALOGUE["tale"].title.lower()
    data = load_text(tale, device="cpu")
    assert len(data.vocab) == 28 and data.num_tokens >= 20_000 and len(data.valid) == 10_000
    assert verse.language == "zh" and len(verse.text) >= 12_000
    assert load_text(verse, device="cpu").train.num_tokens == 10_000


def test_tang_poems_are_clean(real):
    opencc = pytest.importorskip("opencc")
    corpus, path = real("tang300")
    assert len(corpus.lines) == 320 and all(corpus.lines)
    text = corpus.text
    assert text == opencc.OpenCC("t2s").convert(text), "simplified characters only"
    assert not set(text) & set("()（）閒說詩國時來風聞處 \u3000")
    assert not re.search("一作|通：", text)
    assert corpus.lines[0] == "寥落古行宫，宫花寂寞红。白头宫女在，闲坐说玄宗。"
    assert len(load_text(corpus, vocab_from="train", device="cpu").vocab) == 1_582


@pytest.mark.parametrize("letters", ["ßäèéö", "ßäèéöü"])
def test_summary_names_five_dropped_letters_and_says_if_there_are_more(letters):
    corpus = corpus_from_string("a plain text to train on, long enough for two rows " + letters)
    zh, en = load_text(corpus, batch_size=2, num_steps=5, max_tokens=40, device="cpu").summary().splitlines()
    assert [letter for letter in letters if letter in en] == list(letters[:5])
    assert ("..." in en) == ("……" in zh) == (len(letters) > 5)


def test_a_string_without_a_name_is_called_string():
    corpus = corpus_from_string("plain words")
    assert (corpus.name, corpus.source, corpus.origin, corpus.language) == (
        "string",
        "string",
        "string",
        "en",
    )
