"""The embedded store: alerts in one SQLite file, to be searched and counted."""

from sidekick.store.counts import DIMENSIONS, Bar, Histogram, Tally, labels
from sidekick.store.reader import NoStore, Reader
from sidekick.store.schema import StoreError
from sidekick.store.search import Page, Search, Stored
from sidekick.store.writer import Limits, Writer
from sidekick.store.writing import Writing

__all__ = [
    "DIMENSIONS",
    "Bar",
    "Histogram",
    "Limits",
    "NoStore",
    "Page",
    "Reader",
    "Search",
    "StoreError",
    "Stored",
    "Tally",
    "Writer",
    "Writing",
    "labels",
]
