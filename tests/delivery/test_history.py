"""What a worker tells of its tries."""

from sidekick.delivery import History, Worker
from sidekick.event import Event
from sidekick.sdk import BatchLimits, PartialError, PermanentError, RetryableError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts
from tests.delivery.destination import Destination, Step, fails


def worker(bench: Bench, destination: Destination, history: History, silenced: str = "") -> Worker:
    cursor = bench.journal.cursor("destination")
    covers = lambda event: event.rule == silenced  # noqa: E731
    return Worker("destination", destination, cursor, lambda event: True, bench.letters, covers, history=history)


def told(history: History, seq: int, event: Event) -> list[tuple[str, str, int]]:
    return [(one.outcome, one.answer, one.times) for one in history.attempts(seq, event.uuid)]


async def test_each_event_has_the_tries_that_it_was_part_of(bench: Bench) -> None:
    second: Step = fails(PartialError({1: RetryableError("busy"), 2: PermanentError("too long")}))
    history = History()
    events = alerts(3)
    destination = Destination(fails(RetryableError("away")), fails(RetryableError("away")), second)
    async with bench.running(worker(bench, destination, history)) as one:
        await bench.append(events)
        await until(lambda: one.cursor.waiting == 0)
    away = ("retryable", "away", 2)
    refused = ("partial", "2 of the batch refused: busy", 1)
    assert told(history, 0, events[0]) == [away, refused]
    assert told(history, 1, events[1]) == [away, refused, ("ok", "", 1)]
    assert told(history, 2, events[2]) == [away, refused]
    assert told(history, 3, events[0]) == []


async def test_what_is_passed_over_has_its_reason(bench: Bench) -> None:
    history = History()
    async with bench.running(worker(bench, Destination(), history, silenced="Rule 1")) as one:
        await bench.append(alerts(3))
        await until(lambda: one.cursor.waiting == 0)
    assert [history.reason_skipped(seq) for seq in range(3)] == [None, "silenced", None]


async def test_an_output_that_takes_one_at_a_time_tells_them_apart(bench: Bench) -> None:
    history = History()
    events = alerts(2)
    destination = Destination(fails(RetryableError("away")), limits=BatchLimits(count=1))
    async with bench.running(worker(bench, destination, history)) as one:
        await bench.append(events)
        await until(lambda: one.cursor.waiting == 0)
    assert told(history, 0, events[0]) == [("retryable", "away", 1), ("ok", "", 1)]
    assert told(history, 1, events[1]) == [("ok", "", 1)]


def test_it_is_bounded() -> None:
    history = History()
    event = alerts(1)[0]
    for seq in range(10_000):
        history.tried(range(seq, seq + 1), None, "ok", "")
        history.skipped(2 * seq, "silenced")
    assert not history.attempts(0, event.uuid)
    assert history.attempts(9_999, event.uuid)
    assert history.reason_skipped(0) is None
    assert history.reason_skipped(2 * 9_999) == "silenced"


def test_large_parts_of_batches_are_bounded_too() -> None:
    history = History()
    events = alerts(5_000)
    for times in range(100):
        history.tried(range(times, times + 1), events, "retryable", "busy")
        history.tried(range(times, times + 1), events, "retryable", "busy")
    assert [len(history.attempts(seq, events[0].uuid)) for seq in (0, 95, 96, 99)] == [0, 0, 1, 1]
