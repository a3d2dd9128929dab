"""A disk that fills: nothing that was accepted is lost, and it recovers by itself."""

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidekick.journal import Journal, JournalFull
from tests.deadline import until
from tests.journal.conftest import Opener, keep, payloads_of, read_all

DISK = 1 << 20

pytestmark = pytest.mark.slow


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)


async def fill_up(journal: Journal, size: int = 5000) -> tuple[list[bytes], OSError]:
    """Appends until the disk is full; gives what was kept, and the answer to what was not."""
    kept: list[bytes] = []
    while True:
        payload = b"%08d" % len(kept) + b"x" * size
        try:
            await keep(journal, payload)
        except OSError as error:
            return kept, error
        kept.append(payload)


async def test_what_was_accepted_stays_and_the_rest_is_told(disk: Path, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk), memory=0)
    cursor = journal.cursor("webhook")
    kept, error = await fill_up(journal)
    assert error.errno == errno.ENOSPC
    assert len(kept) > 150
    assert journal.full
    with pytest.raises(JournalFull, match="No space left"):
        journal.append([b"more"], lambda error: None)
    assert payloads_of(read_all(cursor)) == kept
    await journal.close()
    journal = await open_journal(path=str(disk))
    assert journal.cut_bytes == 0
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept


async def test_a_group_that_does_not_fit_is_refused_whole(disk: Path, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk))
    cursor = journal.cursor("webhook")
    await keep(journal, b"fits")
    answers: list[OSError | None] = []
    for _ in range(3):
        journal.append([bytes(DISK // 2)], answers.append)
    await until(lambda: len(answers) == 3)
    assert [error.errno for error in answers if error] == [errno.ENOSPC] * 3
    assert payloads_of(read_all(cursor)) == [b"fits"]


async def test_it_recovers_when_somebody_makes_room(disk: Path, open_journal: Opener) -> None:
    (disk / "ballast").write_bytes(bytes(DISK // 2))
    journal = await open_journal(path=str(disk), memory=0)
    cursor = journal.cursor("webhook")
    kept, _ = await fill_up(journal)
    (disk / "ballast").unlink()
    await until(lambda: not journal.full, within=5)
    await keep(journal, b"again")
    assert payloads_of(read_all(cursor)) == [*kept, b"again"]
    await journal.close()
    journal = await open_journal(path=str(disk))
    assert payloads_of(read_all(journal.cursor("webhook"))) == [*kept, b"again"]


@pytest.mark.parametrize("segment", [100_000, 64 << 20])
async def test_it_recovers_when_its_own_alerts_are_delivered(disk: Path, open_journal: Opener, segment: int) -> None:
    journal = await open_journal(path=str(disk), segment=segment)
    cursor = journal.cursor("webhook")
    for _ in range(2):
        kept, _ = await fill_up(journal)
        assert payloads_of(read_all(cursor, size=10_000)) == kept
        cursor.advance(journal.next_seq)
        await until(lambda: not journal.full, within=10)


async def test_alerts_that_are_still_wanted_are_not_removed(disk: Path, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk), segment=100_000, memory=0)
    cursor = journal.cursor("webhook")
    kept, _ = await fill_up(journal)
    cursor.advance(50)
    await until(lambda: not journal.full, within=10)
    assert journal.first_seq <= 50
    assert payloads_of(read_all(cursor)) == kept[50:]


async def test_the_oldest_give_way_if_that_is_wanted(disk: Path, open_journal: Opener) -> None:
    journal = await open_journal(path=str(disk), segment=100_000, full="drop_oldest")
    cursor = journal.cursor("webhook")
    kept, _ = await fill_up(journal)
    await until(lambda: not journal.full, within=10)
    assert journal.dropped_oldest == journal.first_seq > 0
    assert payloads_of(read_all(cursor)) == kept[journal.first_seq :]


async def test_a_full_disk_does_not_hinder_the_start(disk: Path, open_journal: Opener) -> None:
    (disk / f"{0:020}.log").touch()  # what a crash leaves that comes between making a file and writing to it
    (disk / "ballast").write_bytes(bytes(DISK - 8192))
    journal = await open_journal(path=str(disk))
    cursor = journal.cursor("webhook")
    with pytest.raises(OSError, match="No space left"):
        await keep(journal, bytes(9000))
    (disk / "ballast").unlink()
    await until(lambda: not journal.full, within=5)
    await keep(journal, b"one")
    assert payloads_of(read_all(cursor)) == [b"one"]
