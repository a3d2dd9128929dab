"""The questions that the store answers, on one connection, and none without an end."""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sidekick.store import counts, search
from sidekick.store.counts import Histogram, Tally
from sidekick.store.schema import StoreError, mark_of, open_to_read
from sidekick.store.search import Page, Search, Stored

P = ParamSpec("P")
T = TypeVar("T")
_OPERATIONS = 5_000  # of SQLite's machine between two looks at the clock: about a quarter of a millisecond
_TURN = 0.0002
"""Seconds that a query computes before it offers the core to others: the kernel would do so at its next tick alone, and
an alert's sender would wait up to 4 ms.
"""


class Queries:
    """Of the store in `path`, for one thread. Each raises `StoreError` where it cannot be answered.

    `limit` is the seconds that one may take: a search gives what it has by then, a count gives up.
    """

    def __init__(self, path: Path, limit: float) -> None:
        self._path = path
        self._limit = limit
        self._connection: sqlite3.Connection | None = None
        self._mark: tuple[int, int] | None = None
        self._end = 0.0
        self._turn_ends = 0.0

    def find(self, wanted: Search) -> Page:
        """A page of events, newest first."""
        return self._answer(search.find, wanted, self._make_way)

    def one(self, uuid: str) -> Stored | None:
        """The event of that id."""
        return self._answer(search.one, uuid)

    def extent(self) -> tuple[int, int] | None:
        """The minutes from which there are events, s since 1970, the second not included."""
        return self._answer(counts.extent)

    def histogram(self, since: int, until: int, wanted: Mapping[str, str], bars: int) -> Histogram:
        """Counts over time, by priority; times in s since 1970."""
        return self._answer(counts.histogram, since, until, wanted, bars)

    def top(self, dimension: str, since: int, until: int, wanted: Mapping[str, str], limit: int) -> list[Tally]:
        """The most frequent of one of `DIMENSIONS`; raises KeyError for anything else."""
        return self._answer(counts.top, dimension, since, until, wanted, limit)

    def close(self) -> None:
        """Closes the file, from any thread; without it the file stays open until the garbage collector comes by."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _make_way(self) -> bool:
        """Offers the core to others where a turn is over; whether the query's time is over, too."""
        now = time.monotonic()
        if now > self._turn_ends:
            os.sched_yield()
            self._turn_ends = time.monotonic() + _TURN
        return self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() > self._end

    def _answer(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        connection = self._open()
        self._end = time.monotonic() + self._limit
        try:
            # One state of the store for all that one question reads.
            connection.execute("BEGIN")
            return query(connection, *args, **kwargs)
        except sqlite3.Error as error:
            if self._is_late():
                raise StoreError(f"no answer within {self._limit:g} s") from error
            raise StoreError(f"the store cannot be read: {error}") from error
        except UnicodeEncodeError:
            raise StoreError("half a surrogate pair is asked for, which is no text and in no alert") from None
        finally:
            connection.rollback()

    def _open(self) -> sqlite3.Connection:
        """The file that is there now: one that was taken away or replaced is let go."""
        mark = mark_of(self._path)
        if self._connection is None or mark != self._mark:
            self.close()
            self._connection, self._mark = open_to_read(self._path), mark
            self._connection.set_progress_handler(self._make_way, _OPERATIONS)
        return self._connection
