"""Queries beside a running writer: in threads, each with a connection of its own, and none without an end."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sidekick.store import counts, search
from sidekick.store.counts import Histogram, Tally
from sidekick.store.schema import StoreError, open_to_read
from sidekick.store.search import Page, Search, Stored

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 2
_OPERATIONS = 20_000  # of SQLite's machine between two looks at the clock: about a millisecond


class Reader:
    """The store in `path`, which need not be there yet. Every query raises `StoreError` where it cannot be answered.

    `limit` is the seconds that one query may take: a search gives what it has by then, a count gives up.
    """

    kept = True
    """Whether there is to be a store at all."""

    def __init__(self, path: Path, limit: float = 2.0) -> None:
        self._path = path
        self._limit = limit
        self._pool = ThreadPoolExecutor(_THREADS, "store-reader")
        self._own = threading.local()
        self._open: list[sqlite3.Connection] = []

    async def find(self, wanted: Search) -> Page:
        """A page of events, newest first."""
        return await self._run(lambda connection, late: search.find(connection, wanted, late))

    async def one(self, uuid: str) -> Stored | None:
        """The event of that id."""
        return await self._run(_timeless(search.one, uuid))

    async def extent(self) -> tuple[int, int] | None:
        """The minutes from which there are events, s since 1970, the second not included."""
        return await self._run(_timeless(counts.extent))

    async def histogram(self, since: int, until: int, wanted: Mapping[str, str], bars: int = 120) -> Histogram:
        """Counts over time, by priority; times in s since 1970."""
        return await self._run(_timeless(counts.histogram, since, until, wanted, bars))

    async def top(
        self, dimension: str, since: int, until: int, wanted: Mapping[str, str], limit: int = 10
    ) -> list[Tally]:
        """The most frequent of one of `DIMENSIONS`; raises KeyError for anything else."""
        return await self._run(_timeless(counts.top, dimension, since, until, wanted, limit))

    async def close(self) -> None:
        """Ends the threads, once they have answered."""
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._open:
            connection.close()

    async def _run(self, query: Callable[[sqlite3.Connection, Callable[[], bool]], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, query)

    def _answer(self, query: Callable[[sqlite3.Connection, Callable[[], bool]], T]) -> T:
        connection = self._connection()
        end = time.monotonic() + self._limit

        def late() -> bool:
            return time.monotonic() > end

        connection.set_progress_handler(late, _OPERATIONS)
        try:
            return query(connection, late)
        except sqlite3.Error as error:
            if late():
                raise StoreError(f"no answer within {self._limit:g} s") from error
            raise StoreError(f"the store cannot be read: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = open_to_read(self._path)
            self._open.append(connection)
        return connection


class NoStore(Reader):
    """Where no store is kept: no query can be answered."""

    kept = False

    def __init__(self) -> None:
        super().__init__(Path())

    def _connection(self) -> sqlite3.Connection:
        raise StoreError("no alerts are stored here: the output `store` is off")


def _timeless(
    query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[sqlite3.Connection, Callable[[], bool]], T]:
    """A query that has no partial answer."""
    return lambda connection, late: query(connection, *args, **kwargs)
