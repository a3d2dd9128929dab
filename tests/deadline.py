"""Waiting for a condition, never for a time: every test polls through here, so that a slow machine is not a failure."""

import asyncio
import time
from collections.abc import Callable


def wait_for(condition: Callable[[], object], *, within: float = 30.0, what: str = "") -> None:
    """Returns once `condition` is true; TimeoutError after `within` seconds, naming `what` was awaited."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within:g} s: {what or condition}")
        time.sleep(0.02)


async def until(condition: Callable[[], object], *, within: float = 30.0, what: str = "") -> None:
    """The same inside an event loop, which goes on meanwhile."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within:g} s: {what or condition}")
        await asyncio.sleep(0.02)
