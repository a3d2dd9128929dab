"""Grouped and throttled alerts: people get few messages, no alert goes untold, and the sums add up."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidekick.delivery import Worker
from sidekick.delivery.digest import MOST_WINDOWS, Windows
from sidekick.delivery.throttle import TokenBucket
from sidekick.event import Event, Priority
from sidekick.sdk import BatchLimits, PermanentError, RetryableError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts, assert_sums
from tests.delivery.destination import Destination, fails

SINGLE = BatchLimits(count=1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def equal(count: int, rule: str = "Storm", priority: Priority = Priority.ERROR) -> list[Event]:
    """Alerts of one rule, 60 ms apart, each with an id of its own."""
    return [
        msgspec.structs.replace(event, rule=rule, priority=priority, time=f"2026-05-06T07:08:{ms // 1000:02}.{ms:03}Z")
        for ms, event in ((60 * n % 60_000, event) for n, event in enumerate(alerts(count)))
    ]


async def delivered(bench: Bench, output: Destination, *portions: list[Event]) -> Worker:
    """Appends one portion after the other, and returns when all is told."""
    worker = bench.worker(output)
    async with bench.running(worker):
        for portion in portions:
            await bench.append(portion)
            await until(lambda: worker.cursor.reached == bench.journal.next_seq)
        await until(lambda: worker.cursor.waiting == 0)
    assert_sums(worker, sum(map(len, portions)))
    return worker


@pytest.mark.parametrize("limits", [SINGLE, BatchLimits(count=500)])
async def test_a_storm_is_two_messages_and_the_second_counts_all(bench: Bench, limits: BatchLimits) -> None:
    output, events = Destination(limits=limits, group={"window": "1s"}), equal(1000)
    worker = await delivered(bench, output, *(events[n : n + 100] for n in range(0, 1000, 100)))
    first, digest = output.events
    assert first == events[0]
    assert digest.output == f"o (1,000 times in 60 s, first {events[0].time}, last {events[-1].time})"
    assert (digest.rule, digest.priority, digest.time) == ("Storm", Priority.ERROR, events[-1].time)
    assert digest.fields == events[1].fields | {
        "sidekick.digest": "grouped",
        "sidekick.count": 1000,
        "sidekick.first": events[0].time,
        "sidekick.last": events[-1].time,
    }
    assert (worker.counts.delivered, worker.counts.grouped, worker.counts.digests) == (1, 999, 1)


async def test_different_alerts_are_told_each_and_an_only_one_has_no_digest(bench: Bench) -> None:
    output, events = Destination(group={"window": "50ms", "by": "rule,n"}), equal(50)
    worker = await delivered(bench, output, events)
    assert output.taken == [event.uuid for event in events]
    assert worker.counts.digests == 0


async def test_after_its_window_an_alert_is_told_at_once_again(bench: Bench) -> None:
    output, events = Destination(group={"window": "30ms"}), equal(3)
    worker = bench.worker(output)
    async with bench.running(worker):
        await bench.append(events[:2])
        await until(lambda: worker.cursor.waiting == 0)
        await bench.append(events[2:])
        await until(lambda: worker.cursor.waiting == 0)
    assert [event.fields.get("sidekick.count") for event in output.events] == [None, 2, None]


async def test_what_runs_over_the_limit_is_one_message_and_the_most_urgent_alert_leads_it(bench: Bench) -> None:
    throttle = {"rate": "1/d", "burst": 3, "window": "300ms"}
    output = Destination(limits=SINGLE, throttle=throttle)
    events = equal(20) + equal(5, "Rare", Priority.CRITICAL) + equal(12)
    worker = await delivered(bench, output, events)
    *passed, digest = output.events
    assert passed == events[:3]
    assert (digest.rule, digest.priority) == ("Rare", Priority.CRITICAL)
    assert digest.fields["sidekick.count"] == 34
    assert digest.fields["sidekick.rules"] == "Storm 29, Rare 5"
    assert digest.output.startswith("o (the most urgent of 34 alerts over the limit in ")
    assert (worker.counts.delivered, worker.counts.throttled, worker.counts.digests) == (3, 34, 1)


async def test_one_alert_over_the_limit_comes_late_as_itself(bench: Bench) -> None:
    output, events = Destination(throttle={"rate": "1/d", "burst": 1, "window": "30ms"}), equal(2)
    await delivered(bench, output, events)
    assert output.events == events


async def test_a_storm_takes_one_token(bench: Bench) -> None:
    output = Destination(group={"window": "300ms"}, throttle={"rate": "1/d", "burst": 2})
    storm, other = equal(100), equal(1, "Other")
    await delivered(bench, output, storm + other)
    assert output.taken[:2] == [storm[0].uuid, other[0].uuid]
    assert [event.fields.get("sidekick.count") for event in output.events] == [None, None, 100]


async def test_the_cursor_waits_for_the_digest_and_a_crash_loses_no_alert(bench: Bench) -> None:
    output, events = Destination(limits=SINGLE, group={"window": "1h"}), equal(10)
    others = [event for n in range(5) for event in equal(1, f"Other {n}")]
    worker = bench.worker(output)
    crashed = asyncio.create_task(worker.run())
    await bench.append(events + others)
    await until(lambda: len(worker.cursor.ahead) == 5, what="known before the crash")
    crashed.cancel()
    await asyncio.wait([crashed])
    assert worker.cursor.waiting == 14, "it stands before the first alert that no message has told of"
    assert_sums(worker, 15)
    again = Destination(limits=SINGLE, group={"window": "200ms"})
    await delivered(bench, again)
    assert again.taken[0] == events[1].uuid
    assert again.events[1].fields["sidekick.count"] == 9
    assert len(again.taken) == 2, "what came after the held ones was told"


async def test_a_stop_tells_what_is_gathered_and_leaves_nothing_behind(bench: Bench) -> None:
    group = {"window": "1h", "by": "rule"}
    output = Destination(limits=SINGLE, group=group, throttle={"rate": "1/d", "burst": 5, "window": "1h"})
    worker = bench.worker(output)
    async with bench.running(worker):
        for n in range(10):
            await bench.append(equal(3, f"Rule {n}"))
        await until(lambda: worker.cursor.reached == bench.journal.next_seq)
    assert worker.cursor.waiting == 0
    assert (worker.counts.delivered, worker.counts.grouped, worker.counts.throttled) == (5, 20, 5)
    assert worker.counts.digests == 11
    assert_sums(worker, 30)


async def test_a_resent_digest_keeps_its_id_and_the_cursor_waits_meanwhile(bench: Bench) -> None:
    output = Destination(limits=SINGLE, group={"window": "50ms"})
    output.script = [lambda events: None, *[fails(RetryableError("away"))] * 3]
    await delivered(bench, output, equal(5))
    assert len(output.tries) == 5
    assert output.tries[1] == output.tries[2] == output.tries[3] == output.tries[4]


async def test_a_digest_that_no_one_takes_is_a_dead_letter(bench: Bench) -> None:
    output = Destination(lambda events: None, fails(PermanentError("HTTP 400")), group={"window": "50ms"})
    worker = await delivered(bench, output, equal(5))
    (letter,) = bench.letters.letters().values()
    assert letter.decoded().fields["sidekick.count"] == 5
    assert (worker.counts.grouped, worker.counts.digests) == (4, 0)


def told(windows: Windows, *, early: bool = False) -> list[Event]:
    found: list[Event] = []
    while digest := windows.take(early=early):
        found.append(digest.event("destination", "grouped"))
    return found


def test_the_same_alerts_make_the_same_id_and_others_another() -> None:
    events = equal(3)
    ids: list[str] = []
    for some in (events, events, events[:2]):
        windows = Windows(60, Clock())
        windows.open(b"", events[0].time)
        for seq, event in enumerate(some):
            windows.gather(b"", event, seq)
        ids += [digest.uuid for digest in told(windows, early=True)]
    assert ids[0] == ids[1] != ids[2]


def test_keys_without_end_take_bounded_memory_and_lose_nothing() -> None:
    clock = Clock()
    windows, events, found = Windows(60, clock), equal(2), list[Event]()
    for n in range(3 * MOST_WINDOWS):
        key = b"%d" % n
        windows.open(key, events[0].time)
        assert windows.gather(key, events[1], n)
        found += told(windows)
    assert len(found) == 2 * MOST_WINDOWS
    assert windows.held == 2 * MOST_WINDOWS
    clock.now = 60
    assert len(told(windows)) == MOST_WINDOWS
    assert (windows.held, windows.remaining) == (None, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=60))
def test_each_alert_is_first_or_in_one_digest_and_none_waits_longer_than_its_window(
    steps: list[tuple[int, int]],
) -> None:
    clock = Clock()
    windows, counted, sent = Windows(60, clock), 0, 0
    for seq, (event, (key, pause)) in enumerate(zip(equal(len(steps)), steps, strict=True)):
        clock.now += pause
        counted += sum(digest.fields["sidekick.count"] - 1 for digest in told(windows))
        if not windows.gather(b"%d" % key, event, seq):
            windows.open(b"%d" % key, event.time)
            sent += 1
        assert windows.remaining is not None
        assert 0 < windows.remaining <= 60
    counted += sum(digest.fields["sidekick.count"] - 1 for digest in told(windows, early=True))
    assert sent + counted == len(steps)
    assert windows.held is None


@given(st.lists(st.floats(0, 5), max_size=200), st.floats(0.1, 10), st.integers(1, 20))
def test_a_bucket_gives_no_more_than_its_burst_and_its_rate(pauses: list[float], rate: float, burst: int) -> None:
    clock = Clock()
    bucket, taken = TokenBucket(rate, burst, clock), 0
    for pause in pauses:
        clock.now += pause
        taken += bucket.take()
        assert taken <= burst + clock.now * rate + 1e-6
    clock.now += burst / rate + 1
    assert all(bucket.take() for _ in range(burst))
    assert not bucket.take()
