"""Reader and writer in processes of their own do what they do in threads, and outlive those, but not the service."""

import asyncio
import ctypes
import multiprocessing
import os
import platform
import re
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from outputs.store import Store, StoreSettings
from sidekick.event import Event
from sidekick.filter import compile_filter
from sidekick.sdk import Context, RetryableError
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
    reader = Reader(path, limit=30, apart=True)
    yield reader
    await reader.close()


async def test_the_answers_are_the_same(path: Path, reader: Reader) -> None:
    near = Reader(path, limit=30)
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


async def test_no_answer_is_waited_for_longer_than_it_may_take(path: Path) -> None:
    hurried = Reader(path, limit=0.0, apart=True)
    with pytest.raises(StoreError, match="no answer within 0 s"):
        await hurried.top("rule", EVENTS[0].timestamp_ns // 10**9, EVENTS[-1].timestamp_ns // 10**9, {})
    await hurried.close()


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


async def test_readers_that_are_killed_while_questions_come_leave_none_behind(path: Path) -> None:
    reader = Reader(path, limit=30, apart=True)
    for _ in range(20):
        for child in multiprocessing.active_children():
            child.kill()
        answers = await asyncio.gather(*(reader.extent() for _ in range(4)), return_exceptions=True)
        assert all(isinstance(answer, tuple | StoreError) for answer in answers)
    await reader.close()
    await until(lambda: not multiprocessing.active_children(), what="the end of all processes")


async def test_a_writer_that_is_killed_is_replaced_and_nothing_is_missing_or_there_twice(tmp_path: Path) -> None:
    store = Store(StoreSettings(path=str(tmp_path / "events.sqlite")), Context())
    await store.connect()
    await store.send(EVENTS[:50])
    (child,) = multiprocessing.active_children()
    child.kill()
    child.join()
    with pytest.raises(RetryableError, match="the process that writes the store was ended"):
        await store.send(EVENTS)
    await store.connect()
    await store.send(EVENTS)
    await store.close()
    reader = Reader(tmp_path / "events.sqlite", limit=30)
    kept = [stored.alert for stored in (await reader.find(Search(limit=len(EVENTS) * 2))).events]
    assert sorted(kept) == sorted(event.json for event in EVENTS)
    await reader.close()


async def test_a_writer_that_is_asked_to_end_with_all_others_stays_for_the_last_alerts(tmp_path: Path) -> None:
    store = Store(StoreSettings(path=str(tmp_path / "events.sqlite")), Context())
    await store.connect()
    (child,) = multiprocessing.active_children()
    child.terminate()
    await store.send(EVENTS)
    await store.close()
    assert has_ended(child.pid or 0)


async def test_a_process_stands_back_for_all_others(reader: Reader) -> None:
    assert await reader.extent()
    for child in multiprocessing.active_children():
        assert child.pid
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
        # Linux keeps a slice that was asked for since 6.12, and says 0 before.
        assert _slice_of(child.pid) == (100_000_000 if _linux() >= (6, 12) else 0)


def _linux() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])


def _slice_of(pid: int) -> int:
    """Nanoseconds, as sched_getattr(2) tells them."""
    attributes = ctypes.create_string_buffer(48)
    ctypes.CDLL(None).syscall({"x86_64": 315, "aarch64": 275}[platform.machine()], pid, attributes, 48, 0)
    return int(struct.unpack_from("=Q", attributes, 24)[0])


async def test_a_process_loads_what_it_needs_and_not_the_service() -> None:
    """It begins by importing the program's main module, as multiprocessing does."""
    code = "import sys, sidekick.__main__, sidekick.store; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    loaded = set((await process.communicate())[0].decode().split())
    assert "sidekick.store.writing" in loaded
    assert loaded.isdisjoint({"sidekick.settings", "sidekick.sdk", "sidekick.receiver", "pydantic", "fastapi"})


PARENT = """
import asyncio, multiprocessing, sys
from pathlib import Path
from sidekick.store import Limits, Reader, Writing

async def main():
    path = Path(sys.argv[1])
    reader, writing = Reader(path, apart=True), Writing(path, Limits(age=1e9, size=1 << 40))
    await writing.open()
    await reader.extent()
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_they_end_with_the_service_however_that_ends(path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    children = [int(word) for word in (await parent.stdout.readline()).split()]
    assert len(children) >= 2
    assert not any(map(has_ended, children))
    parent.kill()
    await parent.wait()
    await until(lambda: all(map(has_ended, children)))


def has_ended(pid: int) -> bool:
    """Whether it is gone, or waits for nothing but to be noticed by whoever inherited it."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
