"""The chain between the journal and an output: nothing skipped, nothing invented, and the sums add up."""

import asyncio
import gc
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidekick.delivery import Worker
from sidekick.event import Event, decode
from sidekick.sdk import BatchLimits, MisconfiguredError, PartialError, PermanentError, RetryableError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts, assert_sums
from tests.delivery.destination import Destination, fails


async def deliver(bench: Bench, output: Destination, events: list[Event], accepts=lambda event: True) -> Worker:
    worker = bench.worker(output, accepts)
    async with bench.running(worker):
        await bench.append(events)
        await until(lambda: worker.cursor.waiting == 0)
    assert_sums(worker, len(events))
    assert output.closes > 0
    return worker


async def test_delivers_everything_in_order(bench: Bench) -> None:
    output, events = Destination(), alerts(1200)
    await deliver(bench, output, events)
    assert output.taken == [event.uuid for event in events]
    assert max(len(ids) for ids in output.tries) <= 500


async def test_a_filtered_event_is_counted_and_not_sent(bench: Bench) -> None:
    output, events = Destination(), alerts(3000)
    worker = await deliver(bench, output, events, lambda event: event.rule == "Rule 2999")
    assert output.taken == [events[2999].uuid]
    assert (worker.counts.delivered, worker.counts.filtered) == (1, 2999)


async def test_a_silenced_event_is_counted_and_not_sent(bench: Bench) -> None:
    output, events = Destination(), alerts(5)
    worker = bench.worker(output, lambda event: event.rule != "Rule 4", lambda event: event.rule == "Rule 3")
    async with bench.running(worker):
        await bench.append(events)
        await until(lambda: worker.cursor.waiting == 0)
    assert output.events == events[:3]
    assert (worker.counts.delivered, worker.counts.silenced, worker.counts.filtered) == (3, 1, 1)
    assert_sums(worker, 5)


async def test_a_batch_is_bounded_by_bytes(bench: Bench) -> None:
    events = alerts(10)
    output = Destination(limits=BatchLimits(count=500, bytes=3 * len(events[0].json) + 10))
    await deliver(bench, output, events)
    assert [len(ids) for ids in output.tries] == [3, 3, 3, 1]


async def test_large_events_are_not_kept_when_they_are_delivered(bench: Bench) -> None:
    class Forgetful(Destination):
        async def send(self, events: Sequence[Event]) -> None:
            self.connects += 1

    body = b'{"priority":"Error","rule":"Large","time":"2026-05-06T07:08:09Z","output":"%s"}' % bytes(b"x" * 20_000)
    worker = bench.worker(Forgetful(limits=BatchLimits(count=1)))
    async with bench.running(worker):
        for _ in range(20):
            await bench.append(decode(body))
        await until(lambda: worker.counts.delivered == 20)
        alive = [one for one in gc.get_objects() if isinstance(one, Event) and one.rule == "Large"]
        assert len(alive) <= 1, "the one that was sent last"


async def test_the_first_event_waits_for_company(bench: Bench) -> None:
    output, events = Destination(limits=BatchLimits(count=3, linger=60)), alerts(3)
    worker = bench.worker(output)
    async with bench.running(worker):
        for event in events:
            await bench.append([event])
        await until(lambda: worker.cursor.waiting == 0)
    assert [len(ids) for ids in output.tries] == [3]


async def test_a_stop_ends_the_wait_for_company(bench: Bench) -> None:
    output = Destination(limits=BatchLimits(count=3, linger=3600))
    worker = bench.worker(output)
    async with bench.running(worker):
        await bench.append(alerts(1))
        await until(lambda: worker.connected)
    assert len(output.taken) == 1


async def test_a_retryable_failure_resends_the_same_events(bench: Bench) -> None:
    output, events = Destination(fails(RetryableError("busy")), fails(RetryableError("busy"))), alerts(4)
    worker = await deliver(bench, output, events)
    ids = [event.uuid for event in events]
    assert output.tries == [ids, ids, ids]
    assert worker.counts.attempts == {"ok": 1, "partial": 0, "retryable": 2, "misconfigured": 0, "permanent": 0}
    assert worker.counts.failed == 8


async def test_what_the_destination_asks_for_is_waited(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    def busy(events: Sequence[Event]) -> None:
        moments.append(loop.time())
        raise RetryableError("busy", after=0.15)

    def take(events: Sequence[Event]) -> None:
        moments.append(loop.time())

    output = Destination(busy, take)
    await deliver(bench, output, alerts(1))
    assert moments[1] - moments[0] >= 0.15
    assert output.connects == 1, "a destination that answered needs no new connection"


async def test_one_poison_event_does_not_sink_its_batch(bench: Bench) -> None:
    events = alerts(500)
    poison = events[321].uuid

    def refuse(batch: Sequence[Event]) -> None:
        if any(event.uuid == poison for event in batch):
            raise PermanentError("HTTP 400: poison")

    output = Destination(*[refuse] * 40)
    worker = await deliver(bench, output, events)
    assert worker.counts.delivered == 499
    assert [*bench.letters.letters()] == [poison]
    assert bench.letters.letters()[poison].reason == "HTTP 400: poison"
    assert sorted(output.taken) == sorted(event.uuid for event in events if event.uuid != poison)
    assert len(output.tries) <= 2 * 9 + 1, "halving needs about two tries for each doubling"


async def test_each_item_of_a_partial_answer_gets_its_own_verdict(bench: Bench) -> None:
    events = alerts(5)
    verdicts = {1: PermanentError("bad"), 3: RetryableError("later")}
    output = Destination(fails(PartialError(verdicts)))
    worker = await deliver(bench, output, events)
    assert output.tries == [[e.uuid for e in events], [events[3].uuid]]
    assert (worker.counts.delivered, worker.counts.dead) == (4, 1)
    assert worker.breaker.failures == 0


async def test_an_open_breaker_knocks_with_one_event(bench: Bench) -> None:
    output, events = Destination(fails(MisconfiguredError("HTTP 401"))), alerts(6)
    worker = await deliver(bench, output, events)
    assert [len(ids) for ids in output.tries] == [6, 1, 5]
    assert not bench.letters.letters(), "a rotated key costs no alert"
    assert not worker.breaker.open


async def test_a_batch_that_has_to_stay_whole_knocks_as_it_is(bench: Bench) -> None:
    class Objects(Destination):
        whole = True

    output, events = Objects(fails(MisconfiguredError("HTTP 401"))), alerts(6)
    await deliver(bench, output, events)
    assert [len(ids) for ids in output.tries] == [6, 6]


async def test_a_refusal_for_good_is_an_answer_and_ends_the_failing(bench: Bench) -> None:
    output = Destination(fails(MisconfiguredError("HTTP 401")), fails(PermanentError("HTTP 400")))
    worker, events = bench.worker(output), alerts(6)
    async with bench.running(worker):
        await bench.append(events)
        await until(lambda: worker.cursor.waiting == 0)
        assert [len(ids) for ids in output.tries] == [6, 1, 5], "one knock is enough"
        assert worker.counts.dead == 1

        output.script = [fails(MisconfiguredError("HTTP 401")), fails(PermanentError("HTTP 400"))]
        await bench.append(alerts(1))
        await until(lambda: worker.counts.dead == 2)
        assert (worker.status, worker.last_error, worker.breaker.open) == ("ok", "", False)


async def test_a_defect_is_no_answer(bench: Bench) -> None:
    output = Destination(fails(MisconfiguredError("HTTP 401")), fails(ZeroDivisionError()))
    worker = bench.worker(output)
    async with bench.running(worker):
        await bench.append(alerts(1))
        await until(lambda: worker.counts.dead == 1)
        assert (worker.status, worker.breaker.open) == ("failing", True)


async def test_who_is_reached_at_last_fails_no_more_though_there_is_nothing_to_send(bench: Bench) -> None:
    output = Destination()
    output.connect_script = [MisconfiguredError("no such host")]
    async with bench.running(bench.worker(output)) as worker:
        await until(lambda: worker.connected)
        assert (worker.status, worker.last_error, worker.breaker.open) == ("ok", "", False)


async def test_a_wait_that_nobody_cancelled_is_a_failed_try(bench: Bench) -> None:
    async def given_up(events: Sequence[Event]) -> None:
        raise asyncio.CancelledError

    output = Destination(given_up)
    worker = await deliver(bench, output, alerts(2))
    assert worker.counts.attempts["retryable"] == 1
    assert worker.counts.delivered == 2


async def test_no_answer_is_a_failed_try(bench: Bench) -> None:
    never = asyncio.Event()

    def hang(events: Sequence[Event]):
        return never.wait()

    output = Destination(hang, timeout="50ms")
    worker = await deliver(bench, output, alerts(2))
    assert worker.counts.attempts["retryable"] == 1
    assert output.connects == 2, "who did not answer is connected to anew"


async def test_a_destination_that_is_away_at_start_is_awaited(bench: Bench) -> None:
    output = Destination()
    output.connect_script = [RetryableError("refused")] * 3
    await deliver(bench, output, alerts(2))
    assert output.connects == 4


async def test_a_failed_connect_never_blames_an_event(bench: Bench) -> None:
    output = Destination()
    output.connect_script = [PermanentError("x"), ImportError("no module")]
    worker = await deliver(bench, output, alerts(2))
    assert worker.counts.dead == 0


async def test_a_defect_is_blamed_on_the_event_that_provokes_it(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    events = alerts(8)

    def defect(batch: Sequence[Event]) -> None:
        for event in batch:
            {e.uuid: e for e in events if e is not events[5] and e.uuid != events[5].uuid}[event.uuid]

    worker = await deliver(bench, Destination(*[defect] * 20), events)
    assert worker.counts.dead == 1
    assert "defect" in bench.letters.letters()[events[5].uuid].reason
    assert len([record for record in caplog.records if record.exc_info]) == 1, "one traceback, however many tries"


async def test_single_events_go_side_by_side_when_asked(bench: Bench) -> None:
    class Wide(Destination):
        concurrency = 4  # type: ignore[assignment]

    together = asyncio.Barrier(4)
    output = Wide(*[lambda events: together.wait()] * 4, limits=BatchLimits(count=1))  # type: ignore[list-item]
    worker = await deliver(bench, output, alerts(4))
    assert worker.counts.delivered == 4


async def test_what_a_stop_leaves_is_delivered_by_the_next_worker(bench: Bench) -> None:
    events = alerts(3)
    first = Destination(*[fails(RetryableError("away"))] * 1000)
    worker = bench.worker(first)
    async with bench.running(worker):
        await bench.append(events)
        await until(lambda: len(first.tries) > 2)
    assert worker.cursor.waiting == 3
    assert_sums(worker, 3)
    second = Destination()
    worker = bench.worker(second)
    async with bench.running(worker):
        await until(lambda: worker.cursor.waiting == 0)
    assert second.taken == [event.uuid for event in events]
    assert worker.counts.inherited == 3
    assert_sums(worker, 0)


verdict = st.sampled_from([None, RetryableError("again"), PermanentError("never"), MisconfiguredError("key")])
step = st.one_of(
    verdict, st.dictionaries(st.integers(0, 30), st.sampled_from([RetryableError("r"), PermanentError("p")]))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(step, max_size=12), st.integers(1, 30))
async def test_delivered_and_dead_are_all_and_each_once(bench: Bench, script: list, count: int) -> None:
    def play(plan) -> object:
        def act(events: Sequence[Event]) -> None:
            if isinstance(plan, dict):
                if hits := {i: error for i, error in plan.items() if i < len(events)}:
                    output.events.extend(e for i, e in enumerate(events) if i not in hits)
                    raise PartialError(hits)
            elif plan is not None:
                raise plan

        return act

    output = Destination(*[play(plan) for plan in script])  # type: ignore[list-item]
    events = alerts(count)
    before = set(bench.letters.letters())
    worker = await deliver(bench, output, events)
    dead = set(bench.letters.letters()) - before
    assert sorted([*output.taken, *dead]) == sorted(event.uuid for event in events)
    assert (worker.counts.delivered, worker.counts.dead) == (len(output.taken), len(dead))
