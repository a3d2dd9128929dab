"""The file output: whole lines whatever happens, rotation, and errors that say whose fault it is."""

import fcntl
import json
import os
import resource
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from outputs.file import File, FileSettings
from sidekick.sdk import Context, MisconfiguredError, RetryableError
from tests.faults.sidekick import Sidekick
from tests.outputs.alerts import alert, recorded

LINE = len(alert().json) + 1


@asynccontextmanager
async def opened(path: Path | str, **settings: Any) -> AsyncGenerator[File]:
    output = File(FileSettings(path=str(path), **settings), Context())
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


def uuids(path: Path) -> list[str]:
    return [json.loads(line)["uuid"] for line in path.read_bytes().splitlines()]


async def test_one_line_an_alert_exactly_its_canonical_json(tmp_path: Path) -> None:
    events = [recorded("inputs/d_special.json"), alert()]
    async with opened(tmp_path / "new" / "events.jsonl") as output:
        await output.send(events)
    assert (tmp_path / "new" / "events.jsonl").read_bytes() == b"".join(event.json + b"\n" for event in events)


async def test_a_file_goes_on_where_it_ended_and_a_torn_line_stays_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"uuid":"1"}\n{"uuid":"to')
    event = alert()
    async with opened(path) as output:
        await output.send([event])
    assert path.read_bytes() == b'{"uuid":"1"}\n{"uuid":"to\n' + event.json + b"\n"


async def test_rotation_keeps_the_newest_files_and_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = [alert() for _ in range(9)]
    async with opened(path, rotate=2 * LINE, keep=2) as output:
        for event in events:
            await output.send([event])
    found = [uuids(tmp_path / name) for name in ("events.jsonl.2", "events.jsonl.1", "events.jsonl")]
    assert found == [[event.uuid for event in part] for part in (events[4:6], events[6:8], events[8:])]
    assert sorted(os.listdir(tmp_path)) == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]


async def test_without_files_to_keep_the_old_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    async with opened(path, rotate=LINE, keep=0) as output:
        await output.send([alert()])
        last = alert()
        await output.send([last])
    assert uuids(path) == [last.uuid]
    assert os.listdir(tmp_path) == ["events.jsonl"]


@pytest.mark.parametrize("rotate", [0, "1MB"])
async def test_a_file_that_logrotate_moved_is_made_anew(tmp_path: Path, rotate: Any) -> None:
    path = tmp_path / "events.jsonl"
    events = [alert(), alert()]
    async with opened(path, rotate=rotate) as output:
        await output.send(events[:1])
        os.rename(path, tmp_path / "moved")
        await output.send(events[1:])
    assert [uuids(tmp_path / "moved"), uuids(path)] == [[events[0].uuid], [events[1].uuid]]


@pytest.mark.parametrize("fsync", [False, True])
async def test_a_full_disk_leaves_no_half_line_and_is_tried_again(fsync: bool) -> None:
    async with opened("/dev/full", rotate=0, fsync=fsync) as output:
        with pytest.raises(RetryableError, match="No space left") as raised:
            await output.send([alert()])
    assert type(raised.value) is RetryableError


@pytest.mark.parametrize("fsync", [False, True])
async def test_the_disk_is_asked_only_where_that_is_wanted(fsync: bool) -> None:
    """What is no disk says so."""
    async with opened("/dev/null", rotate=0, fsync=fsync) as output:
        with pytest.raises(RetryableError, match="Invalid argument") if fsync else nullcontext():
            await output.send([alert()])


async def test_a_new_file_is_not_for_everybody_to_read(tmp_path: Path) -> None:
    path, before = tmp_path / "events.jsonl", os.umask(0)
    try:
        async with opened(path):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_a_file_that_is_empty_is_not_rotated_for_an_alert_that_is_too_long(tmp_path: Path) -> None:
    async with opened(tmp_path / "events.jsonl", rotate=LINE - 1) as output:
        await output.send([alert()])
    assert os.listdir(tmp_path) == ["events.jsonl"]


@contextmanager
def no_file_larger_than(size: int) -> Generator[None]:
    """As on a disk that is full in the middle of a write: what fits is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_batch_that_fits_in_part_is_written_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = [alert() for _ in range(3)]
    async with opened(path) as output:
        await output.send(events[:1])
        with no_file_larger_than(2 * LINE + 10), pytest.raises(RetryableError):
            await output.send(events[1:])
        await output.send(events[1:])
    assert uuids(path) == [event.uuid for event in events]


async def test_a_pipe_is_a_wrong_setting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MisconfiguredError, match="pipe"):
        async with opened(tmp_path / "pipe"):
            pass


def test_a_file_that_hangs_does_not_keep_the_process_from_its_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    sidekick = Sidekick(tmp_path, file={"path": str(path), "timeout": "100ms"})
    with path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with sidekick:
            assert sidekick.end() == 0


async def test_a_path_that_cannot_be_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(MisconfiguredError, match="Is a directory"):
        async with opened(tmp_path / "folder"):
            pass
