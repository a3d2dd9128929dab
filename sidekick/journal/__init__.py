"""The durable log between accepting and delivering: segment files, read through cursors."""

from sidekick.journal.cursor import Cursor
from sidekick.journal.journal import Journal, JournalFull
from sidekick.journal.lock import JournalError
from sidekick.journal.reader import JournalReader, Report, Stretch
from sidekick.journal.record import MAX_PAYLOAD, Record
from sidekick.journal.settings import JournalSettings, Retention

__all__ = [
    "MAX_PAYLOAD",
    "Cursor",
    "Journal",
    "JournalError",
    "JournalFull",
    "JournalReader",
    "JournalSettings",
    "Record",
    "Report",
    "Retention",
    "Stretch",
]
