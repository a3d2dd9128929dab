"""What a journal makes of files that somebody or something has changed."""

from pathlib import Path

import pytest

from sidekick.journal import Journal
from tests.deadline import until
from tests.journal.conftest import Opener, fill, keep, payloads_of, read_all

SMALL = {"segment": 1000, "memory": 0}


async def twenty(open_journal: Opener) -> list[bytes]:
    journal = await open_journal(**SMALL)
    journal.cursor("webhook")
    kept = await fill(journal, 20)
    await journal.close()
    return kept


def change(directory: Path, payload: bytes, at: int = 0) -> None:
    """Changes one byte of a record: of its payload, or of its header for a negative `at`."""
    for segment in directory.glob("*.log"):
        data = bytearray(segment.read_bytes())
        if (place := data.find(payload)) >= 0:
            data[place + at] ^= 0xFF
            segment.write_bytes(data)


@pytest.mark.parametrize("at", [50, -1, -18, -28])
async def test_a_damaged_record_is_counted_once_whoever_meets_it(open_journal: Opener, tmp_path: Path, at: int) -> None:
    kept = await twenty(open_journal)
    for lost in (3, 4, 11):
        change(tmp_path / "journal", kept[lost], at)
    journal = await open_journal(**SMALL)
    cursor = journal.cursor("webhook")
    for count in (1, 7):
        records = read_all(cursor, count=count)
        assert payloads_of(records) == [p for index, p in enumerate(kept) if index not in (3, 4, 11)]
        assert [record.seq for record in records] == [n for n in range(20) if n not in (3, 4, 11)]
        assert journal.damaged == 3


async def test_nobody_waits_for_what_cannot_be_read(open_journal: Opener, tmp_path: Path) -> None:
    kept = await twenty(open_journal)
    journal = await open_journal(**SMALL)
    await journal.close()
    for payload in kept:
        change(tmp_path / "journal", payload)
    journal = await open_journal(**SMALL)
    cursor = journal.cursor("webhook")
    waits = 0
    while not (records := cursor.read(cursor.position, 100, 10_000)):
        if waits == 1:
            await keep(journal, b"one that can be read")
        waits += 1
        await cursor.wait(cursor.position) if waits > 1 else None
    assert waits == 2
    assert payloads_of(records) == [b"one that can be read"]


async def test_a_file_that_is_gone_costs_its_records_only(open_journal: Opener, tmp_path: Path) -> None:
    kept = await twenty(open_journal)
    segments = sorted((tmp_path / "journal").glob("*.log"))
    first, end = int(segments[1].stem), int(segments[2].stem)
    segments[1].unlink()
    journal = await open_journal(**SMALL)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept[:first] + kept[end:]


@pytest.mark.parametrize("content", [b"", b"sidek", b"\0" * 5000, b"sidekick journal\n" + b"\xfeSK\xff" * 20])
async def test_a_last_file_without_a_record_is_begun_again(
    open_journal: Opener, tmp_path: Path, content: bytes
) -> None:
    kept = await twenty(open_journal)
    (tmp_path / "journal" / f"{20:020}.log").write_bytes(content)
    for start in (20, 25):
        journal = await open_journal(**SMALL)
        kept += await fill(journal, 5, start=start)
        assert payloads_of(read_all(journal.cursor("webhook"))) == kept
        await journal.close()


async def test_foreign_files_are_left_alone(open_journal: Opener, tmp_path: Path) -> None:
    kept = await twenty(open_journal)
    for name in ("notes.log", "x.txt", "00000000000000000000.log.damaged"):
        (tmp_path / "journal" / name).write_text("mine")
    journal = await open_journal(**SMALL)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept
    assert (tmp_path / "journal" / "notes.log").read_text() == "mine"


async def acknowledged(open_journal: Opener) -> Journal:
    journal = await open_journal(**SMALL)
    cursor = journal.cursor("webhook")
    await fill(journal, 20)
    for position in range(3, 18, 3):
        cursor.advance(position)
    await journal.close()
    return journal


@pytest.mark.parametrize(("slot", "position"), [(0, 15), (512, 12)])
async def test_a_cursor_with_one_good_slot_is_a_step_behind_at_most(
    open_journal: Opener, tmp_path: Path, slot: int, position: int
) -> None:
    await acknowledged(open_journal)
    file = tmp_path / "journal" / "webhook.cursor"
    data = bytearray(file.read_bytes())
    data[slot] ^= 1
    file.write_bytes(data)
    assert (await open_journal(**SMALL)).cursor("webhook").position == position


@pytest.mark.parametrize("content", [b"", b"\0" * 1024, b"\xff" * 2000])
async def test_a_cursor_that_cannot_be_read_gets_everything_again(
    open_journal: Opener, tmp_path: Path, content: bytes
) -> None:
    await acknowledged(open_journal)
    (tmp_path / "journal" / "webhook.cursor").write_bytes(content)
    journal = await open_journal(**SMALL)
    assert journal.cursor("webhook").position == 0
    journal.cursor("webhook").advance(5)
    await journal.close()
    assert (await open_journal(**SMALL)).cursor("webhook").position == 5


async def test_a_start_that_fails_leaves_nothing_open(open_journal: Opener, tmp_path: Path) -> None:
    await twenty(open_journal)
    (tmp_path / "journal" / "other.cursor").mkdir()
    with pytest.raises(IsADirectoryError):
        await open_journal(**SMALL)
    (tmp_path / "journal" / "other.cursor").rmdir()
    await open_journal(**SMALL)


async def test_a_number_is_never_given_twice(open_journal: Opener, tmp_path: Path) -> None:
    journal = await open_journal(memory=0)
    cursor, behind = journal.cursor("webhook"), journal.cursor("behind")
    kept = await fill(journal, 20)
    cursor.advance(20)
    await journal.close()
    segment = tmp_path / "journal" / f"{0:020}.log"
    with segment.open("r+b") as file:
        file.truncate(segment.read_bytes().find(kept[12]))
    journal = await open_journal(memory=0)
    assert journal.next_seq == 20
    later = await fill(journal, 2, start=20)
    cursor, behind = journal.cursor("webhook"), journal.cursor("behind")
    assert payloads_of(read_all(cursor)) == later
    assert payloads_of(read_all(behind)) == kept[:12] + later
    await until(lambda: behind.read(12, 1, 1)[0].seq == 20)


async def test_how_long_something_waits_is_not_known_where_it_cannot_be_read(
    open_journal: Opener, tmp_path: Path
) -> None:
    journal = await open_journal(**SMALL)
    cursor = journal.cursor("webhook")
    kept = await fill(journal, 20)
    segment, away = next(iter(sorted((tmp_path / "journal").glob("*.log")))), tmp_path / "away"
    segment.rename(away)
    assert (cursor.oldest_ns, cursor.waiting) == (None, 20)
    away.rename(segment)
    assert cursor.oldest_ns is not None
    assert payloads_of(read_all(cursor)) == kept
