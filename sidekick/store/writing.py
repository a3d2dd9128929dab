"""The store's writer in a process of its own, which is fed with alerts as text."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import suppress
from pathlib import Path

from sidekick.event import Event
from sidekick.store.apart import process
from sidekick.store.writer import Limits, Writer

_writers: list[Writer] = []
"""In its process alone: the one that is open there."""


class Writing:
    """Of the store in `path`, one call after another. A call cannot be stopped: one that was given up ends before the
    next begins. `open` and `add` raise `StoreError`, sqlite3.Error, OSError.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._pool: Executor | None = None

    async def open(self) -> None:
        """In a new process; the one before is ended."""
        await self.close()
        self._pool = process(_begin)
        await self._run(_open, self._path, self._limits)

    async def add(self, events: Sequence[Event]) -> None:
        """Keeps the events that are not there yet, all or none; then removes what is too old or too much.

        A file that was taken away or replaced is let go first, and that in its place written.
        """
        await self._run(_add, self._path, self._limits, [event.json for event in events])

    async def close(self) -> None:
        """Ends the process, once it has done what it was told."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await asyncio.to_thread(_end, pool)

    async def _run(self, work: Callable[..., None], *args: object) -> None:
        assert self._pool, "open comes first"
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        except BrokenExecutor:
            raise ChildProcessError("the process that writes the store was ended") from None


def _end(pool: Executor) -> None:
    with suppress(BrokenExecutor):
        pool.submit(_close).result()
    pool.shutdown()


def _begin() -> None:
    # A service manager asks all processes to end, but this one is needed until the last alert is delivered.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _open(path: Path, limits: Limits) -> None:
    _writers.append(Writer.open(path, limits))


def _add(path: Path, limits: Limits, alerts: Sequence[bytes]) -> None:
    if not all(writer.in_place for writer in _writers):
        _close()
    if not _writers:
        _open(path, limits)
    (writer,) = _writers
    writer.add([Event.from_json(alert) for alert in alerts])
    writer.keep_limits()


def _close() -> None:
    while _writers:
        _writers.pop().close()
