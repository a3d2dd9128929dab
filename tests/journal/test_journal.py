"""The journal's promises, under each fsync policy."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sidekick.journal import MAX_PAYLOAD, Journal, JournalError, JournalFull, JournalSettings
from tests.deadline import until
from tests.journal.conftest import Opener, fill, keep, payloads_of, read_all
from tests.memory import no_more_memory, no_more_threads

SMALL = {"segment": 1000, "memory": 0}


async def test_what_is_kept_is_read_in_order(open_journal: Opener) -> None:
    journal = await open_journal(segment=1000, memory=1000)
    cursor = journal.cursor("webhook")
    before = time.time_ns()
    kept = await fill(journal, 50)
    records = read_all(cursor)
    assert payloads_of(records) == kept
    assert [record.seq for record in records] == list(range(50))
    assert all(before <= record.accepted_ns <= time.time_ns() for record in records)
    assert journal.segments > 4


@pytest.mark.parametrize("memory", [0, 3000, 1 << 20])
async def test_memory_and_disk_give_the_same(open_journal: Opener, memory: int) -> None:
    journal = await open_journal(segment=1000, memory=memory)
    cursor = journal.cursor("webhook")
    kept = await fill(journal, 50)
    for after in range(0, 51, 3):
        for count, size in ((1, 10_000), (4, 10_000), (4, 250), (4, 0)):
            got = payloads_of(cursor.read(after, count, size))
            assert got == kept[after : after + len(got)]
            assert len(got) <= count
            assert bool(got) == (after < 50)
            assert len(got) <= max(1, size // 100)


async def test_one_turn_of_the_loop_is_one_group(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    answers: list[tuple[int, OSError | None]] = []
    for number in range(20):
        journal.append([b"%d" % number, b"again"], lambda error, number=number: answers.append((number, error)))
    assert answers == []
    assert journal.next_seq == 0
    await until(lambda: len(answers) == 20)
    assert answers == [(number, None) for number in range(20)]
    assert len({record.accepted_ns for record in read_all(cursor)}) == 1


async def test_alerts_that_come_during_a_sync_are_kept(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(keep(journal, b"%d" % number))
            if number % 7 == 0:
                await asyncio.sleep(0)
    assert payloads_of(read_all(cursor)) == [b"%d" % number for number in range(100)]


async def test_nothing_is_read_before_it_is_committed(open_journal: Opener) -> None:
    journal = await open_journal(memory=0)
    cursor = journal.cursor("webhook")
    answered = asyncio.Event()
    journal.append([b"one"], lambda error: answered.set())
    while not answered.is_set():
        assert cursor.read(0, 10, 1000) == []
        await asyncio.sleep(0)
    assert payloads_of(cursor.read(0, 10, 1000)) == [b"one"]


async def test_an_empty_append_is_answered(open_journal: Opener) -> None:
    journal = await open_journal()
    await keep(journal)
    assert journal.next_seq == 0


async def test_a_callback_that_fails_leaves_its_neighbours_answered(open_journal: Opener) -> None:
    journal = await open_journal()
    seen: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))

    def defect(error: OSError | None) -> None:
        raise RuntimeError("defect")

    journal.append([b"one"], defect)
    await keep(journal, b"two")
    assert [str(context["exception"]) for context in seen] == ["defect"]


async def test_a_callback_may_append(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    answered = asyncio.Event()
    journal.append([b"one"], lambda error: journal.append([b"two"], lambda error: answered.set()))
    await answered.wait()
    assert payloads_of(read_all(cursor)) == [b"one", b"two"]


async def test_a_payload_beyond_all_measure_is_refused(open_journal: Opener) -> None:
    journal = await open_journal()
    with pytest.raises(ValueError, match="67108865 bytes"):
        journal.append([bytes(MAX_PAYLOAD + 1)], lambda error: None)


async def test_a_group_that_memory_has_no_room_for_is_refused_and_the_next_one_kept(open_journal: Opener) -> None:
    journal = await open_journal(memory=0)
    cursor = journal.cursor("webhook")
    payload = bytes(MAX_PAYLOAD)
    await keep(journal, b"before")
    with no_more_memory(MAX_PAYLOAD), pytest.raises(OSError, match="Cannot allocate memory"):
        await asyncio.wait_for(keep(journal, payload, payload), 10)
    await until(lambda: not journal.full, within=5)
    await keep(journal, b"after")
    assert payloads_of(read_all(cursor)) == [b"before", b"after"]


async def test_a_host_without_room_for_a_thread_keeps_a_journal_from_its_start_and_not_from_its_work(
    open_journal: Opener,
) -> None:
    with no_more_threads(), pytest.raises(OSError, match="can't start new thread"):
        await open_journal()
    journal = await open_journal()
    with no_more_threads():
        await asyncio.wait_for(keep(journal, b"one"), 5)
    assert payloads_of(read_all(journal.cursor("webhook", start="oldest"))) == [b"one"]


async def test_wait_returns_when_the_record_is_there(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    third = asyncio.create_task(cursor.wait(2))
    given_up = asyncio.create_task(cursor.wait(2))
    await fill(journal, 2)
    assert not third.done()
    given_up.cancel()
    await fill(journal, 1, start=2)
    await asyncio.wait_for(third, 5)
    await asyncio.wait_for(cursor.wait(0), 5)
    assert given_up.cancelled()


async def test_what_is_not_acknowledged_is_there_after_a_restart(open_journal: Opener) -> None:
    journal = await open_journal(**SMALL)
    kept = await fill_for(journal, "fast", "slow")
    journal.cursor("fast").advance(30)
    journal.cursor("slow").advance(7)
    await journal.close()
    journal = await open_journal(**SMALL)
    assert sorted(journal.cursors) == ["fast", "slow"]
    for name, position in (("fast", 30), ("slow", 7)):
        cursor = journal.cursor(name)
        assert (cursor.position, cursor.waiting) == (position, 50 - position)
        assert payloads_of(read_all(cursor)) == kept[position:]
    kept += await fill(journal, 5, start=50)
    assert payloads_of(read_all(journal.cursor("slow"))) == kept[7:]


async def fill_for(journal: Journal, *names: str) -> list[bytes]:
    for name in names:
        journal.cursor(name)
    return await fill(journal, 50)


async def test_a_cursor_never_goes_back(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    await fill(journal, 3)
    cursor.advance(2)
    cursor.advance(1)
    assert cursor.position == 2


async def test_what_is_done_ahead_of_the_place_is_known_over_a_restart(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    await fill(journal, 20)
    cursor.advance(5)
    for numbers in ([4, 7], [12, 5 + 4000], []):
        cursor.note(numbers)
    assert cursor.ahead == {7, 12}, "as far as there is room for it"
    await journal.close()
    cursor = (journal := await open_journal()).cursor("webhook")
    assert (cursor.position, cursor.ahead) == (5, {7, 12})
    cursor.advance(8)
    await journal.close()
    cursor = (journal := await open_journal()).cursor("webhook")
    assert (cursor.position, cursor.ahead) == (8, {12})
    cursor.advance(13)
    await journal.close()
    assert (await open_journal()).cursor("webhook").ahead == frozenset()


async def test_what_is_done_ahead_is_no_hindrance_where_the_journal_has_gone_on(open_journal: Opener) -> None:
    journal = await open_journal(retention={"size": 8000}, full="drop_oldest")
    cursor = journal.cursor("webhook")
    cursor.note([3])
    await fill(journal, 200)
    await journal.close()
    cursor = (journal := await open_journal(retention={"size": 8000})).cursor("webhook")
    assert cursor.position == journal.first_seq > 3
    cursor.note([cursor.position + 1])
    assert cursor.ahead == {cursor.position + 1}


async def test_a_number_that_is_done_is_not_given_again_when_the_power_took_its_record(open_journal: Opener) -> None:
    journal = await open_journal()
    cursor = journal.cursor("webhook")
    await fill(journal, 10)
    cursor.advance(2)
    cursor.note([8])
    await journal.close()
    (segment,) = journal.directory.glob("*.log")
    os.truncate(segment, segment.stat().st_size // 2)
    cursor = (journal := await open_journal()).cursor("webhook")
    kept = await fill(journal, 9, start=10)
    newest = read_all(cursor)[-9:]
    assert payloads_of(newest) == kept
    assert cursor.ahead.isdisjoint(record.seq for record in newest)


async def test_a_new_cursor_begins_with_the_next_alert_or_the_oldest(open_journal: Opener) -> None:
    journal = await open_journal(**SMALL)
    kept = await fill(journal, 20)
    assert journal.cursor("new").waiting == 0
    assert payloads_of(read_all(journal.cursor("old", start="oldest"))) == kept
    later = await fill(journal, 3, start=20)
    assert payloads_of(read_all(journal.cursor("new"))) == later


async def test_a_new_cursor_has_its_place_from_the_first_moment(open_journal: Opener) -> None:
    journal = await open_journal()
    await fill(journal, 3)
    journal.cursor("webhook")
    await journal.close()
    journal = await open_journal()
    kept = await fill(journal, 2, start=3)
    assert payloads_of(read_all(journal.cursor("webhook"))) == kept


async def test_a_cursor_that_is_not_durable_is_not_there_after_a_restart(open_journal: Opener) -> None:
    journal = await open_journal()
    journal.cursor("statsd", durable=False)
    await fill(journal, 3)
    await journal.close()
    journal = await open_journal()
    assert journal.cursors == []
    assert journal.cursor("statsd", durable=False).waiting == 0


async def test_a_cursor_may_cease_to_be_durable(open_journal: Opener) -> None:
    journal = await open_journal()
    journal.cursor("statsd")
    await fill(journal, 3)
    assert journal.cursor("statsd", durable=False).waiting == 0
    await journal.close()
    assert (await open_journal()).cursors == []


async def test_a_name_may_be_any_text(open_journal: Opener) -> None:
    names = ["slack.ops", "../escape", "über/weg", "."]
    journal = await open_journal()
    await fill_for(journal, *names)
    await journal.close()
    journal = await open_journal()
    assert sorted(journal.cursors) == sorted(names)


async def test_oldest_ns_is_when_the_oldest_waiting_was_accepted(open_journal: Opener) -> None:
    journal = await open_journal(**SMALL)
    cursor = journal.cursor("webhook")
    assert cursor.oldest_ns is None
    await fill(journal, 30)
    times = [record.accepted_ns for record in read_all(cursor)]
    assert cursor.oldest_ns == times[0]
    cursor.advance(17)
    assert cursor.oldest_ns == times[17]
    cursor.advance(30)
    assert cursor.oldest_ns is None


async def test_two_cannot_have_the_same_journal(open_journal: Opener, tmp_path: Path) -> None:
    await open_journal()
    with pytest.raises(JournalError, match=r"in use by process \d+"):
        Journal.open(JournalSettings(path=str(tmp_path / "journal")))


async def test_a_closed_journal_takes_nothing_and_lets_go(open_journal: Opener) -> None:
    journal = await open_journal()
    await journal.close()
    with pytest.raises(JournalFull, match="closed"):
        journal.append([b"late"], lambda error: None)
    await (await open_journal()).close()


async def test_what_is_gathered_is_committed_by_close(open_journal: Opener) -> None:
    journal = await open_journal()
    journal.cursor("webhook")
    answers: list[OSError | None] = []
    for number in range(5):
        journal.append([b"%d" % number], answers.append)
    await journal.close()
    assert answers == [None] * 5
    journal = await open_journal()
    assert len(read_all(journal.cursor("webhook"))) == 5


async def test_a_path_that_is_no_directory_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal.open(JournalSettings(path=str(tmp_path / "file" / "journal")))


async def test_everything_is_durable_within_a_second_or_so(open_journal: Opener, fsync: str) -> None:
    journal = await open_journal(**SMALL)
    await fill(journal, 30)
    if fsync == "no":
        assert journal.syncing.syncs == 0
    else:
        await until(lambda: journal.syncing.syncs > 0, within=5)
        assert journal.syncing.failures == 0
        assert journal.syncing.seconds > 0
