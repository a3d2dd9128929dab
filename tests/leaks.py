"""What a test may leave behind: nothing. Files, sockets and threads of this process, and tasks of the test's loop."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest


def _held() -> set[str]:
    """Open files and sockets by what they lead to, and live threads by name."""
    held = {f"thread {thread.name} {thread.ident}" for thread in threading.enumerate()}
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # listing the folder opened one, which is gone by now
            target = os.readlink(f"/proc/self/fd/{descriptor}")
            if target.startswith(("/", "socket:")) and not target.startswith(("/dev/", "/proc/")):
                held.add(f"{descriptor} {target}")
    return held


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    before = _held()
    yield
    if _held() - before:
        gc.collect()  # what only a cycle holds is no leak
    if left := _held() - before:
        pytest.fail(f"left open: {', '.join(sorted(left))}")


@pytest.fixture(autouse=True)
async def no_task_left(nothing_left_open: None) -> AsyncIterator[None]:
    """Asked for before any other asynchronous fixture, so it looks after they have all cleaned up."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)  # what was cancelled last ends in this turn
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        pytest.fail(f"left running: {', '.join(sorted(map(repr, left)))}")
