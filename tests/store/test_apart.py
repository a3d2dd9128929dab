"""A reader in processes of its own answers as one in threads does, and outlives their end but not its own process's."""

import asyncio
import multiprocessing
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sidekick.event import Event
from sidekick.filter import compile_filter
from sidekick.store import Limits, Reader, Search, StoreError, Writer
from tests.deadline import until
from tests.store.test_counts import alerts

EVENTS = alerts()
RULE = compile_filter("rule = rule-1 and hostname glob '*-2'")


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "events.sqlite"
    writer = Writer.open(path, Limits(age=1e9, size=1 << 40))
    writer.add(EVENTS)
    writer.close()
    return path


@pytest.fixture
async def reader(path: Path) -> AsyncIterator[Reader]:
    reader = Reader(path, apart=True)
    yield reader
    await reader.close()


async def test_the_answers_are_the_same(path: Path, reader: Reader) -> None:
    near = Reader(path)
    wanted = Search(condition=RULE, limit=1000)
    assert await reader.find(wanted) == await near.find(wanted)
    found = [Event.from_json(stored.alert) for stored in (await reader.find(wanted)).events]
    assert found == [event for event in reversed(EVENTS) if RULE(event)]
    assert await reader.one(EVENTS[7].uuid) == await near.one(EVENTS[7].uuid)
    first, last = await reader.extent() or (0, 0)
    assert await reader.histogram(first, last, {}) == await near.histogram(first, last, {})
    assert await reader.top("rule", first, last, {}) == await near.top("rule", first, last, {})
    with pytest.raises(KeyError):
        await reader.top("colour", first, last, {})
    await near.close()


async def test_where_there_is_no_store_that_is_the_answer(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "none.sqlite", apart=True)
    with pytest.raises(StoreError, match="there is no store at"):
        await reader.extent()
    await reader.close()


async def test_a_reader_that_is_killed_is_replaced(reader: Reader) -> None:
    assert await reader.extent()
    for child in multiprocessing.active_children():
        child.kill()
        child.join()
    with pytest.raises(StoreError, match="ask again"):
        await reader.extent()
    assert await reader.extent()


PARENT = """
import asyncio, multiprocessing, sys
from pathlib import Path
from sidekick.store import Reader

async def main():
    reader = Reader(Path(sys.argv[1]), apart=True)
    await reader.extent()
    print(multiprocessing.active_children()[0].pid, flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_a_reader_ends_with_the_service_however_that_ends(path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert not has_ended(child)
    parent.kill()
    await parent.wait()
    await until(lambda: has_ended(child))


def has_ended(pid: int) -> bool:
    """Whether it is gone, or waits for nothing but to be noticed by whoever inherited it."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
