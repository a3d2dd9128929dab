"""A disk that takes every write and then cannot keep it, so that only fdatasync tells."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidekick.journal import Journal, JournalFull
from tests.deadline import until
from tests.journal.conftest import Opener, fill, keep, payloads_of, read_all

pytestmark = pytest.mark.slow


class ThinDisk:
    """A file system that believes to have 64 MiB, on 3 MiB."""

    def __init__(self, root: Path) -> None:
        self.path = root / "thin"
        self._backing = root / "backing"
        self._image = self._backing / "image"

    def __enter__(self) -> "ThinDisk":
        self.path.mkdir()
        self._backing.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", self._backing)
        run("truncate", "-s", "64M", self._image)
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", self._image)
        run("mount", "-o", "loop", self._image, self.path)
        return self

    def make_room(self) -> None:
        run("mount", "-o", "remount,size=64m", self._backing)

    def __exit__(self, *_: object) -> None:
        run("umount", self.path)
        run("umount", self._backing)


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[ThinDisk]:
    with ThinDisk(tmp_path) as disk:
        yield disk


@pytest.mark.parametrize("fsync", ["always"])
async def test_what_could_not_be_synced_is_refused(disk: ThinDisk, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk.path / "journal"), memory=0)
    journal.cursor("webhook")
    with pytest.raises(OSError, match=r"No space left|Input/output"):
        await fill(journal, 200, size=100_000)
    assert journal.full
    assert journal.syncing.failures == 1
    kept = payloads_of(read_all(journal.cursor("webhook")))
    assert len(kept) == journal.next_seq == journal.syncing.syncs - 1
    disk.make_room()
    await until(lambda: not journal.full, within=5)
    await keep(journal, b"again")
    await journal.close()
    journal = await open_journal(path=str(disk.path / "journal"))
    assert payloads_of(read_all(journal.cursor("webhook"))) == [*kept, b"again"]
    assert journal.cut_bytes == 0


@pytest.mark.parametrize("fsync", ["always"])
async def test_what_another_sync_could_not_keep_is_refused(disk: ThinDisk, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk.path / "journal"), memory=0)
    error = others = None
    while not others:
        assert error is None
        error, others = await one_while_another_syncs(journal, b"x" * 100_000)
    assert isinstance(error, OSError)
    assert journal.syncing.failing
    assert len(read_all(journal.cursor("webhook", start="oldest"))) == journal.next_seq
    disk.make_room()
    await until(lambda: not journal.full, within=5)
    await keep(journal, b"again")


async def one_while_another_syncs(journal: Journal, payload: bytes) -> tuple[OSError | None, BaseException | None]:
    """Keeps it behind a sync that begins when it is written; gives the answer, and how that sync ended."""
    written = threading.Event()

    def wait() -> None:
        written.wait()

    before = journal.syncing.run(wait)
    other = journal.syncing.sync()
    answer: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
    journal.append([payload], answer.set_result)
    asyncio.get_running_loop().call_soon(written.set)
    await asyncio.wait([before, other])
    return await answer, other.exception()


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_after_a_sync_that_fails_nothing_is_taken_until_a_new_file_has_been_synced(
    disk: ThinDisk, open_journal: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    journal = await open_journal(path=str(disk.path / "journal"))
    journal.cursor("webhook")
    await fill(journal, 60, size=100_000)
    await until(lambda: journal.full, within=10)
    with pytest.raises(JournalFull, match=r"cannot be written: (No space left|Input/output)"):
        journal.append([b"more"], lambda error: None)
    await until(lambda: not journal.full or journal.syncing.failures == 4, within=10)
    assert journal.full, "a sync that has nothing more to do is no success"
    disk.make_room()
    await until(lambda: not journal.full, within=10)
    assert not journal.syncing.failing
    assert journal.segments == 2
    await keep(journal, b"again")
    await journal.close()
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the journal cannot be made durable",
        "alerts are refused",
        "alerts are taken again",
    ]
    journal = await open_journal(path=str(disk.path / "journal"))
    assert payloads_of(read_all(journal.cursor("webhook")))[-1] == b"again"
