"""What stays, what goes, and what happens at the limit."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from sidekick.journal import JournalFull, JournalSettings
from tests.deadline import until
from tests.journal.conftest import Opener, fill, keep, payloads_of, read_all


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.log"))


async def test_delivered_alerts_stay_until_they_are_old(open_journal: Opener, tmp_path: Path) -> None:
    journal = await open_journal(segment=1000, retention={"age": "2s"})
    cursor = journal.cursor("webhook")
    await fill(journal, 30)
    cursor.advance(30)
    assert journal.first_seq == 0
    await until(lambda: journal.first_seq == 30, within=10)
    await until(lambda: not files(tmp_path / "journal"), within=5)
    kept = await fill(journal, 2, start=30)
    assert payloads_of(read_all(cursor)) == kept


async def test_undelivered_alerts_never_are_too_old(open_journal: Opener) -> None:
    journal = await open_journal(segment=1000, retention={"age": "100ms"})
    cursor, done = journal.cursor("webhook"), journal.cursor("done")
    kept = await fill(journal, 30)
    cursor.advance(12)
    done.advance(30)
    await until(lambda: journal.first_seq > 0, within=10)
    assert journal.first_seq <= 12
    assert payloads_of(read_all(cursor)) == kept[12:]


async def test_delivered_alerts_make_room(open_journal: Opener, tmp_path: Path) -> None:
    journal = await open_journal(retention={"size": 8000})
    cursor = journal.cursor("webhook")
    for number in range(200):
        await fill(journal, 1, start=number)
        cursor.advance(number + 1)
        assert journal.bytes < 9000
    assert journal.first_seq > 100
    assert not journal.full
    await until(lambda: len(files(tmp_path / "journal")) == journal.segments)
    assert sum(file.stat().st_size for file in files(tmp_path / "journal")) == journal.bytes


async def test_undelivered_alerts_are_never_removed_to_make_room(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000}, memory=0)
    cursor = journal.cursor("webhook")
    with pytest.raises(JournalFull, match="limit"):
        await fill(journal, 200)
    kept = payloads_of(read_all(cursor))
    assert 50 < len(kept) == journal.next_seq
    assert journal.full
    cursor.advance(20)
    await until(lambda: not journal.full, within=5)
    kept += await fill(journal, 1, start=len(kept))
    assert payloads_of(read_all(cursor)) == kept[20:]


async def test_room_is_there_as_soon_as_a_cursor_has_passed(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000})
    cursor = journal.cursor("webhook")
    with pytest.raises(JournalFull):
        await fill(journal, 200)
    cursor.advance(journal.next_seq)
    await fill(journal, 1)
    assert not journal.full


@pytest.mark.parametrize("policy", ["reject", "drop_oldest"])
async def test_one_group_above_the_limit_makes_room_like_any_other(open_journal: Opener, policy: str) -> None:
    journal = await open_journal(retention={"size": 8000}, full=policy)
    cursor = journal.cursor("webhook")
    [large] = await fill(journal, 1, size=9000)
    if policy == "reject":
        with pytest.raises(JournalFull, match="limit"):
            await fill(journal, 1, start=1)
        assert payloads_of(read_all(cursor)) == [large]
        cursor.advance(1)
    after = await fill(journal, 1, start=1)
    assert not journal.full
    assert payloads_of(read_all(cursor)) == after
    assert journal.dropped_oldest == (policy == "drop_oldest")


async def test_a_forgotten_cursor_keeps_nothing(open_journal: Opener, tmp_path: Path) -> None:
    journal = await open_journal(retention={"size": 8000})
    journal.cursor("removed")
    with pytest.raises(JournalFull):
        await fill(journal, 200)
    journal.forget("removed")
    journal.forget("never heard of")
    await fill(journal, 200)
    assert not list((tmp_path / "journal").glob("removed*"))


async def test_a_cursor_that_is_not_durable_keeps_nothing(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000}, memory=0)
    cursor = journal.cursor("statsd", durable=False)
    kept = await fill(journal, 200)
    records = read_all(cursor)
    assert records[0].seq == journal.first_seq > 0
    assert payloads_of(records) == kept[journal.first_seq :]


async def test_cursors_of_a_former_process_keep_their_alerts(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000})
    journal.cursor("webhook")
    await journal.close()
    journal = await open_journal(retention={"size": 8000})
    with pytest.raises(JournalFull):
        await fill(journal, 200)


async def test_the_oldest_alerts_give_way_if_that_is_wanted(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000}, full="drop_oldest", memory=0)
    slow, fast = journal.cursor("slow"), journal.cursor("fast")
    kept: list[bytes] = []
    for number in range(200):
        kept += await fill(journal, 1, start=number)
        fast.advance(number + 1)
    records = read_all(slow)
    assert not journal.full
    assert journal.bytes < 9000
    assert payloads_of(records) == kept[-len(records) :]
    assert journal.dropped_oldest == 200 - len(records) > 0
    assert slow.waiting == 200


async def test_what_is_being_delivered_does_not_count_as_dropped(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000}, full="drop_oldest")
    cursor = journal.cursor("slow")
    await fill(journal, 10)
    assert len(cursor.read(0, 10, 10_000)) == 10
    await fill(journal, 200, start=10)
    assert journal.dropped_oldest == journal.first_seq - 10


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_the_work_of_each_second_goes_on_where_the_folder_has_another_name(
    open_journal: Opener, tmp_path: Path
) -> None:
    journal = await open_journal(segment=1000)
    await fill(journal, 50)
    (tmp_path / "journal").rename(tmp_path / "moved")
    synced = journal.syncing.syncs
    await until(lambda: journal.syncing.syncs > synced)
    await keep(journal, b"one more")
    synced = journal.syncing.syncs
    await until(lambda: journal.syncing.syncs > synced)


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_the_work_of_each_second_outlives_a_failure(
    open_journal: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = await open_journal(segment=1000)
    await fill(journal, 50)
    synced = journal.syncing.syncs
    await until(lambda: journal.syncing.syncs > synced)
    with replaced(tmp_path / "journal") as folder:
        os.close(folder)
        await until(lambda: journal.failures == 2)
    synced = journal.syncing.syncs
    await keep(journal, b"one more")
    await until(lambda: journal.syncing.syncs > synced)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["the journal cannot be looked after"]


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_only_a_disk_without_room_makes_the_oldest_give_way(open_journal: Opener) -> None:
    journal = await open_journal(segment=2000, full="drop_oldest", memory=0)
    cursor = journal.cursor("webhook")
    kept = await fill(journal, 50)
    with largest_file(20):  # so that nothing of a record can be written, as by a disk that fails
        with pytest.raises(OSError, match="File too large"):
            await keep(journal, b"more")
        synced = journal.syncing.syncs
        await until(lambda: journal.syncing.syncs == synced + 3, what="three seconds' work")
        assert journal.full
        assert journal.dropped_oldest == 0
    await until(lambda: not journal.full)
    assert payloads_of(read_all(cursor))[: len(kept)] == kept


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that refuses to write behind that many bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("fsync", ["everysec"])
async def test_a_file_system_whose_folders_know_no_sync_is_good_enough(open_journal: Opener, tmp_path: Path) -> None:
    journal = await open_journal()
    proc = os.open("/proc", os.O_RDONLY)
    with replaced(tmp_path / "journal") as folder:
        os.dup2(proc, folder, inheritable=False)
        await keep(journal, b"one")
        await until(lambda: journal.syncing.syncs)
        assert not journal.syncing.failing
    os.close(proc)
    await keep(journal, b"another")


@contextmanager
def replaced(directory: Path) -> Iterator[int]:
    """The file descriptor of an open directory, which a test may put another in the place of, or close."""
    folder = next(int(fd) for fd in os.listdir("/proc/self/fd") if target(fd) == str(directory))
    spare = os.dup(folder)
    try:
        yield folder
    finally:
        os.dup2(spare, folder, inheritable=False)
        os.close(spare)


def target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("keys", [{"retention": {"size": 0}}, {"segment": 0}])
def test_no_room_is_refused_where_it_is_written(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        JournalSettings.model_validate(keys)
