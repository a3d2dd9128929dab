"""Puts events into the store, and takes the oldest out again when they are too old or too many.

Everything here blocks, and belongs in one thread.
"""

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple, Self

from sidekick.event import Event
from sidekick.store.counts import DIMENSIONS, HOUR, MINUTE, SPANS, labels
from sidekick.store.schema import mark_of, open_to_write
from sidekick.store.words import LETTERS, MARK, text, uuid_bytes

Key = tuple[int, ...]
"""What an event is counted by: priority, rule, source, host, namespace and image, as numbers."""
_CHUNK = 500  # events removed at once
_HEADROOM = 0.98  # of the size allowed: the write-ahead log and what one batch adds come on top
_FREE = 0.02  # of the file may hold nothing
_NAMED = "priority, rule, source, host, namespace, image"
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (time, uuid) DO NOTHING"
_NEXT = "SELECT 1 + coalesce((SELECT max(id) FROM events), (SELECT max(last) FROM minutes), 0)"
_COUNT = """INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_TOTAL = """INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""


@dataclass(frozen=True)
class Limits:
    """What is kept: events that came in the last `age` seconds, as long as the file has at most `size` bytes."""

    age: float
    size: int


class Row(NamedTuple):
    """One event, ready for the tables."""

    id: int
    time: int
    key: Key
    event: Event


class Writer:
    """Writes a store, others beside it or not; `open` makes it."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, limits: Limits, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._mark = mark_of(path)
        self._db = connection
        self._limits = limits
        self._clock = clock
        self._names: dict[str, int] = {}
        self._seen = 0
        (self._page,) = connection.execute("PRAGMA page_size").fetchone()

    @classmethod
    def open(cls, path: Path, limits: Limits, clock: Callable[[], float] = time.time) -> Self:
        """Raises `StoreError`, sqlite3.Error, OSError."""
        return cls(path, open_to_write(path), limits, clock)

    def close(self) -> None:
        self._db.close()

    @property
    def in_place(self) -> bool:
        """Whether the file is still the one at its path: what is written into another is lost."""
        return mark_of(self._path) == self._mark

    def add(self, events: Sequence[Event]) -> int:
        """Keeps the events that are not there yet, all or none; their number. Raises sqlite3.Error."""
        return self._transaction(lambda: self._add(events))

    def keep_limits(self) -> None:
        """Removes what is too old or too much, oldest first, and gives the space back."""
        while self._transaction(self._remove_some):
            self._give_back()

    @property
    def bytes(self) -> int:
        """Size of what the file holds, without pages to be given back."""
        pages, free = self._pages()
        return (pages - free) * self._page

    def _pages(self) -> tuple[int, int]:
        """Pages of the file, and those among them that hold nothing."""
        pages, free = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        return pages, free

    def _give_back(self) -> None:
        """Shortens the file where much of it holds nothing, but leaves some of that for what comes next."""
        pages, free = self._pages()
        if free > pages * _FREE:
            # Not by `execute`, which lets SQLite go no further than to the first page.
            self._db.executescript(f"PRAGMA incremental_vacuum({free - int(pages * _FREE / 2)})")

    def _transaction(self, work: Callable[[], int]) -> int:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            done = work()
            self._db.execute("COMMIT")
        except BaseException:
            self._names.clear()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return done

    def _add(self, events: Sequence[Event]) -> int:
        self._forget_what_others_changed()
        stored = int(self._clock())
        # Not remembered: a test event and a replay are written beside the service's own writer.
        (first,) = self._db.execute(_NEXT).fetchone()
        rows: list[Row] = []
        for event in events:
            row = Row(first + len(rows), event.timestamp_ns // 1000, self._key(event), event)
            values = (row.id, row.time, uuid_bytes(event.uuid), stored, *row.key, event.json)
            if self._db.execute(_INSERT, values).rowcount:
                rows.append(row)
        self._db.executemany(
            "INSERT INTO search (rowid, words) VALUES (?, ?)", [(row.id, text(row.event, row.key)) for row in rows]
        )
        self._count(rows, 1)
        self._place(rows)
        return len(rows)

    def _place(self, rows: Iterable[Row]) -> None:
        """Notes between which ids the events of each minute lie."""
        places: dict[int, tuple[int, int]] = {}
        for row in rows:
            minute = row.time // 60_000_000 * MINUTE
            places[minute] = places.get(minute, (row.id, 0))[0], row.id
        self._db.executemany(
            "INSERT INTO minutes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last",
            [(minute, *ids) for minute, ids in places.items()],
        )

    def _count(self, rows: Iterable[Row], by: int) -> None:
        minutes = Counter((row.time // 1_000_000 // MINUTE * MINUTE, row.key) for row in rows)
        counts: Counter[tuple[int, ...]] = Counter()
        totals: Counter[tuple[int, ...]] = Counter()
        for (minute, key), count in minutes.items():
            for span in SPANS:
                counts[span, minute // span * span, *key] += count
            totals[0, MINUTE, minute, key[0], key[0]] += count
            for dimension, name in enumerate(key):
                totals[dimension, HOUR, minute // HOUR * HOUR, name, key[0]] += count
        self._db.executemany(_COUNT, [(*key, by * count) for key, count in counts.items()])
        self._db.executemany(_TOTAL, [(*key, by * count) for key, count in totals.items()])

    def _key(self, event: Event) -> Key:
        _, *names = labels(event)
        return event.priority.level, *map(self._number, names)

    def _number(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            self._db.execute("INSERT OR IGNORE INTO names (name) VALUES (?)", (name,))
            (number,) = self._db.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
            if len(self._names) < 100_000:  # hosts and images come and go
                self._names[name] = number
        return number

    def _forget_what_others_changed(self) -> None:
        """Another writer of the file may have removed names that are remembered here."""
        (seen,) = self._db.execute("PRAGMA data_version").fetchone()
        if seen != self._seen:
            self._names.clear()
            self._seen = seen

    def _remove_some(self) -> int:
        """Removes at most a chunk; the number of events removed."""
        newest = math.inf if self.bytes > self._limits.size * _HEADROOM else self._clock() - self._limits.age
        found = self._db.execute(f"SELECT id, time, stored, {_NAMED}, alert FROM events ORDER BY id")  # noqa: S608
        rows = [
            Row(id, time, tuple(key), Event.from_json(alert))
            for id, time, _, *key, alert in islice(takewhile(lambda row: row[2] < newest, found), _CHUNK)
        ]
        found.close()
        if rows:
            self._remove(rows)
        return len(rows)

    def _remove(self, rows: Sequence[Row]) -> None:
        self._db.executemany(
            "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)",
            [(row.id, text(row.event, row.key)) for row in rows],
        )
        self._count(rows, -1)
        minutes = {row.time // 60_000_000 * MINUTE for row in rows}
        starts = {(span, minute // span * span) for minute in minutes for span in SPANS}
        self._db.executemany("DELETE FROM counts WHERE span = ? AND start = ? AND count <= 0", starts)
        totals = [(dimension, *start) for start in starts for dimension in range(len(DIMENSIONS))]
        rare = self._emptied(totals)
        self._db.executemany("DELETE FROM totals WHERE dimension = ? AND span = ? AND start = ? AND count <= 0", totals)
        self._db.execute("DELETE FROM events WHERE id <= ?", (rows[-1].id,))
        self._db.executemany("DELETE FROM minutes WHERE minute = ? AND last <= ?", [(m, rows[-1].id) for m in minutes])
        self._remove_names(rare)

    def _emptied(self, totals: Iterable[tuple[int, int, int]]) -> set[int]:
        """Names that some hour has no more events of: of any other there is one left."""
        query = "SELECT DISTINCT name FROM totals WHERE dimension = ? AND span = ? AND start = ? AND count <= 0"
        hours = [total for total in totals if total[0] and total[1] == HOUR]
        return {number for hour in hours for (number,) in self._db.execute(query, hour)}

    def _remove_names(self, numbers: Iterable[int]) -> None:
        """Those that no event has any more: hosts and images come and go, and would fill the file in the end."""
        unused = [(number,) for number in numbers if not self._is_used(number)]
        if unused:
            self._db.executemany("DELETE FROM names WHERE id = ?", unused)
            self._names.clear()

    def _is_used(self, number: int) -> bool:
        marked = " OR ".join(f'"{MARK}{letter}{number}"' for letter in LETTERS[1:])
        # The newest first: what lies before it may have been removed, and would be passed over one by one.
        found = self._db.execute("SELECT 1 FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT 1", (marked,))
        return found.fetchone() is not None
