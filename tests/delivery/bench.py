"""One worker on a real journal, and alerts for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sidekick.delivery import DeadLetters, Worker
from sidekick.event import Event, decode
from sidekick.journal import Journal
from sidekick.sdk import Output


def alerts(count: int) -> list[Event]:
    body = (
        b'{"priority":"Error","rule":"Rule %d","time":"2026-05-06T07:08:09.5Z","output":"o","output_fields":{"n":%d}}'
    )
    return [decode(body % (n, n))[0] for n in range(count)]


def assert_sums(worker: Worker, accepted: int) -> None:
    counts = worker.counts
    outcomes = counts.delivered + counts.filtered + counts.silenced + counts.grouped + counts.throttled + counts.dead
    assert counts.inherited + accepted == outcomes + counts.damaged + worker.cursor.waiting


class Bench:
    """A real journal with one worker on it."""

    def __init__(self, journal: Journal, letters: DeadLetters) -> None:
        self.journal = journal
        self.letters = letters

    def worker(
        self,
        output: Output[Any],
        accepts: Callable[[Event], bool] = lambda event: True,
        silenced: Callable[[Event], bool] = lambda event: False,
    ) -> Worker:
        cursor = self.journal.cursor("destination")
        return Worker("destination", output, cursor, accepts, self.letters, silenced)

    async def append(self, events: list[Event]) -> None:
        written = asyncio.get_running_loop().create_future()
        self.journal.append([event.json for event in events], written.set_result)
        assert await written is None

    @asynccontextmanager
    async def running(self, worker: Worker) -> AsyncIterator[Worker]:
        """Runs the worker beside the block, then stops it and lets it finish."""
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await task
