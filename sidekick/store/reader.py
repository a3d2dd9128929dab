"""Queries beside a running writer, away from the event loop: in threads, or in processes of their own, for a query that
has to look at every alert computes for seconds.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sidekick.store.apart import process
from sidekick.store.counts import Histogram, Tally
from sidekick.store.queries import Queries
from sidekick.store.schema import StoreError
from sidekick.store.search import Page, Search, Stored

T = TypeVar("T")
_AT_ONCE = 2
_own = threading.local()


class Reader:
    """The store in `path`, which need not be there yet. Every query raises `StoreError` where it cannot be answered.

    `limit` is the seconds that one query may take: a search gives what it has by then, a count gives up. `apart` says
    that the process has more urgent things to do; the other processes begin with the first query.
    """

    kept = True
    """Whether there is to be a store at all."""

    def __init__(self, path: Path, limit: float = 2.0, *, apart: bool = False) -> None:
        self._path = path
        self._limit = limit
        self._apart = apart
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._workers: list[Executor] = []
        self._idle: deque[Executor] = deque()
        self._near: list[Queries] = []
        """Those of our own threads."""

    async def find(self, wanted: Search) -> Page:
        """A page of events, newest first."""
        return await self._run(Queries.find, wanted)

    async def one(self, uuid: str) -> Stored | None:
        """The event of that id."""
        return await self._run(Queries.one, uuid)

    async def extent(self) -> tuple[int, int] | None:
        """The minutes from which there are events, s since 1970, the second not included."""
        return await self._run(Queries.extent)

    async def histogram(self, since: int, until: int, wanted: Mapping[str, str], bars: int = 120) -> Histogram:
        """Counts over time, by priority; times in s since 1970."""
        return await self._run(Queries.histogram, since, until, wanted, bars)

    async def top(
        self, dimension: str, since: int, until: int, wanted: Mapping[str, str], limit: int = 10
    ) -> list[Tally]:
        """The most frequent of one of `DIMENSIONS`; raises KeyError for anything else."""
        return await self._run(Queries.top, dimension, since, until, wanted, limit)

    async def close(self) -> None:
        """Ends threads or processes, once they have answered."""
        self._idle.clear()
        while self._workers:  # one whose process is ended meanwhile leaves by itself
            await asyncio.to_thread(self._workers.pop().shutdown)
        for queries in self._near:
            queries.close()

    async def _run(self, query: Callable[..., T], *args: object) -> T:
        # Who leaves before the turn comes is out of the queue.
        await self._free.acquire()
        asked = asyncio.create_task(self._ask(query, args))
        asked.add_done_callback(lambda _: self._free.release())
        # After that the query goes on, and has its worker until it is over: the next takes another.
        return await asyncio.shield(asked)

    async def _ask(self, query: Callable[..., T], args: tuple[object, ...]) -> T:
        worker = self._idle.popleft() if self._idle else self._new_worker()
        try:
            return await asyncio.get_running_loop().run_in_executor(worker, _answer, query, args)
        except BrokenExecutor:
            if worker in self._workers:
                self._workers.remove(worker)
            raise StoreError("the process that reads the store was ended; ask again") from None
        finally:
            if worker in self._workers:
                self._idle.append(worker)

    def _new_worker(self) -> Executor:
        worker = (
            process(_begin_apart, self._path, self._limit)
            if self._apart
            else ThreadPoolExecutor(1, "store-reader", self._begin)
        )
        self._workers.append(worker)
        return worker

    def _begin(self) -> None:
        _own.queries = Queries(self._path, self._limit)
        self._near.append(_own.queries)


class NoStore(Reader):
    """Where no store is kept: no query can be answered."""

    kept = False

    def __init__(self) -> None:
        super().__init__(Path())

    async def _run(self, query: Callable[..., T], *args: object) -> T:
        raise StoreError("no alerts are stored here: the output `store` is off")


def _begin_apart(path: Path, limit: float) -> None:
    _own.queries = Queries(path, limit)


def _answer(query: Callable[..., T], args: tuple[object, ...]) -> T:
    return query(_own.queries, *args)
