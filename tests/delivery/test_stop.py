"""A worker that is told to stop at an awkward moment: what was told is not told again by the next one."""

import asyncio
from collections.abc import Sequence

import pytest

from sidekick.delivery import DeadLetters
from sidekick.event import Event
from sidekick.sdk import BatchLimits, PartialError, PermanentError, RetryableError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts, assert_sums
from tests.delivery.destination import Destination, fails
from tests.delivery.test_digest import SINGLE, equal


async def test_a_partial_answer_in_which_all_is_settled_does_not_end_the_draining(bench: Bench) -> None:
    events = alerts(8)
    refused = PartialError({1: PermanentError("bad")})

    def settle(batch: Sequence[Event]) -> None:
        worker.stop()
        raise refused

    output = Destination(settle, limits=BatchLimits(count=4))
    worker = bench.worker(output)
    await bench.append(events)
    async with bench.running(worker):
        await until(lambda: output.tries)
    assert len(output.tries) == 2
    assert (worker.counts.delivered, worker.counts.dead, worker.cursor.waiting) == (7, 1, 0)
    assert_sums(worker, len(events))


async def test_a_successor_does_not_tell_again_what_came_after_a_held_alert(bench: Bench) -> None:
    events = [*equal(2, "Storm"), *equal(2, "Flood"), *equal(1, "Once")]
    first = Destination(limits=SINGLE, group={"window": "1h"})
    worker = bench.worker(first)
    task = asyncio.create_task(worker.run())
    await bench.append(events)
    await until(lambda: len(first.taken) == 3)
    worker.stop(drain=False)
    await task
    assert (worker.counts.delivered, worker.counts.grouped, worker.cursor.waiting) == (3, 2, 0)
    assert [event.rule for event in first.events] == ["Storm", "Flood", "Once", "Storm", "Flood"]


async def test_a_stop_without_draining_leaves_the_backlog(bench: Bench) -> None:
    events = [*equal(2, "Storm"), *alerts(50)]

    def stop(batch: Sequence[Event]) -> None:
        worker.stop(drain=False)

    output = Destination(lambda _: None, stop, limits=SINGLE, group={"window": "1h"})
    worker = bench.worker(output)
    await bench.append(events)
    await worker.run()
    assert worker.counts.digests == 1
    assert worker.cursor.waiting == 49
    assert_sums(worker, len(events))


async def test_a_destination_that_cannot_even_be_closed_costs_no_second_telling(bench: Bench) -> None:
    class Stuck(Destination):
        async def close(self) -> None:
            self.closes += 1
            if self.closes == 1:
                raise ConnectionResetError
            await asyncio.Event().wait()

    output = Stuck(fails(RetryableError("cut")), timeout="50ms")
    worker = bench.worker(output)
    async with asyncio.timeout(5), bench.running(worker):
        await bench.append(alerts(2))
        await until(lambda: worker.cursor.waiting == 0)
    assert (worker.counts.delivered, output.closes) == (2, 2)


async def test_a_pause_does_not_hold_up_a_worker_that_is_to_stop(bench: Bench) -> None:
    tried = asyncio.Event()

    def stop(batch: Sequence[Event]) -> None:
        worker.stop()
        worker.pause()
        tried.set()

    output = Destination(stop, limits=SINGLE)
    worker = bench.worker(output)
    await bench.append(alerts(3))
    async with asyncio.timeout(5):
        await worker.run()
    assert (len(output.taken), worker.cursor.waiting) == (1, 2)


async def test_what_was_taken_beside_one_that_failed_is_not_told_again(bench: Bench) -> None:
    """Four in flight: one is dead, one fails, two are taken before the stop."""

    def stop(batch: Sequence[Event]) -> None:
        worker.stop()
        raise RetryableError("away")

    events = alerts(6)
    first = Wide(fails(PermanentError("bad")), stop, limits=SINGLE)
    worker = bench.worker(first)
    await bench.append(events)
    await worker.run()
    assert first.taken == [event.uuid for event in events[2:4]]
    assert worker.cursor.waiting == 6
    assert_sums(worker, 6)

    second = Destination(limits=SINGLE)
    successor = bench.worker(second)
    async with bench.running(successor):
        await until(lambda: successor.cursor.waiting == 0)
    assert second.taken == [event.uuid for event in (*events[:2], *events[4:])]
    assert (successor.counts.delivered, successor.cursor.ahead) == (6, frozenset())
    assert_sums(successor, 0)


async def test_what_was_taken_of_a_batch_is_not_told_again(bench: Bench) -> None:
    def stop(batch: Sequence[Event]) -> None:
        worker.stop()
        raise PartialError({1: RetryableError("busy"), 2: RetryableError("busy")})

    events = alerts(4)
    worker = bench.worker(Destination(stop))
    await bench.append(events)
    await worker.run()
    second = Destination()
    successor = bench.worker(second)
    async with bench.running(successor):
        await until(lambda: successor.cursor.waiting == 0)
    assert second.taken == [event.uuid for event in events[1:3]]


async def test_a_stop_hides_no_defect(bench: Bench) -> None:
    class Broken(DeadLetters):
        async def add(self, event: Event, reason: str) -> None:
            raise ZeroDivisionError

    def stop(batch: Sequence[Event]) -> None:
        worker.stop()
        raise RetryableError("away")

    output = Wide(stop, fails(PermanentError("bad")), limits=SINGLE)
    bench.letters = Broken(bench.letters.path.parent, "broken")
    worker = bench.worker(output)
    await bench.append(alerts(2))
    with pytest.raises(ZeroDivisionError):
        await worker.run()


class Wide(Destination):
    concurrency = 4  # type: ignore[assignment]
