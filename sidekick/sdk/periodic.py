"""What an output does by the clock, with no alert to do it for."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sidekick.sdk.errors import DeliveryError


class Periodic:
    """Calls `action` every so many seconds until it is stopped.

    That a call fails is of no account: with the next alerts the output meets the same, and those are waited for.
    """

    def __init__(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        self._seconds = seconds
        self._action = action
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Returns when no call runs any more; may be called twice, and before any start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            with suppress(DeliveryError):
                await self._action()
