"""For libraries and files whose calls block: a thread of the output's own, so that nothing else waits with it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class OneThread:
    """Runs calls one after another. A call cannot be stopped: one that was given up ends before the next begins."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """The call's result or exception."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, self._name)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self, release: Callable[[], None]) -> None:
        """Calls `release` when all else has ended, and ends the thread; nothing happens if there is none.

        Given up, it leaves the thread to the next call: a place that hangs for a night holds one, not one a try.
        """
        if (pool := self._pool) is not None:
            await asyncio.get_running_loop().run_in_executor(pool, release)
            self._pool = None
            pool.shutdown()
