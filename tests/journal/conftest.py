"""Journals for the tests, each checked for what it leaves open."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sidekick.journal import Cursor, Journal, JournalSettings, Record

Opener = Callable[..., Awaitable[Journal]]


@pytest.fixture(params=["everysec", "always", "no"])
def fsync(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def open_journal(tmp_path: Path, fsync: str) -> AsyncIterator[Opener]:
    """Opens the journal of this test, again after a `close` if the test likes; closes it at the end."""
    async with AsyncExitStack() as stack:

        async def opened(**keys: Any) -> Journal:
            keys = {"path": str(tmp_path / "journal"), "fsync": fsync} | keys
            journal = Journal.open(JournalSettings.model_validate(keys))
            await journal.start()
            stack.push_async_callback(journal.close)
            return journal

        yield opened


@pytest.fixture(autouse=True)
def nothing_left_open(tmp_path: Path) -> Iterator[None]:
    yield
    assert [name for name in open_files() if name.startswith(str(tmp_path))] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("journal")] == []


def open_files() -> list[str]:
    names: list[str] = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError:  # the one that listed the directory
            continue
    return names


async def keep(journal: Journal, *payloads: bytes) -> None:
    """Appends and waits; raises what the journal answers."""
    answer: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
    journal.append(payloads, answer.set_result)
    if error := await answer:
        raise error


async def fill(journal: Journal, count: int, *, size: int = 100, start: int = 0) -> list[bytes]:
    """Appends `count` payloads of about that size, one at a time."""
    padding = b"x" * (size - 31)
    payloads = [b'{"number":%08d,"output":"%s"}' % (number, padding) for number in range(start, start + count)]
    for payload in payloads:
        await keep(journal, payload)
    return payloads


def read_all(cursor: Cursor, *, count: int = 7, size: int = 1 << 20) -> list[Record]:
    """Everything from the cursor's position on, in small steps."""
    records: list[Record] = []
    after = cursor.position
    while some := cursor.read(after, count, size):
        assert len(some) <= count
        assert len(some) == 1 or sum(len(record.payload) for record in some) <= size
        records += some
        after = some[-1].seq + 1
    return records


def payloads_of(records: list[Record]) -> list[bytes]:
    return [record.payload for record in records]
