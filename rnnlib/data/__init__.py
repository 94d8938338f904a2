"""Texts to learn from: named corpora with verified download, files and strings of one's own."""

from rnnlib.data.catalogue import CatalogueEntry, available_corpora
from rnnlib.data.download import DownloadError, download
from rnnlib.data.corpus import Corpus, corpus_from_string, load_corpus
from rnnlib.data.sources import CorpusUnavailable, WrongChecksum, forget_failed_downloads
from rnnlib.data.text_data import TextData, load_text

__all__ = [
    "CatalogueEntry",
    "Corpus",
    "CorpusUnavailable",
    "DownloadError",
    "TextData",
    "WrongChecksum",
    "available_corpora",
    "corpus_from_string",
    "download",
    "forget_failed_downloads",
    "load_corpus",
    "load_text",
]
