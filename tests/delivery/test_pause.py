"""A paused output: nothing is sent, nothing is lost, and it holds up nobody's end."""

import asyncio

import pytest

from sidekick.sdk import MisconfiguredError, RetryableError
from tests.deadline import until
from tests.delivery.bench import Bench, alerts, assert_sums
from tests.delivery.destination import Destination, fails


async def test_alerts_wait_until_it_is_resumed(bench: Bench) -> None:
    destination = Destination()
    async with bench.running(bench.worker(destination)) as worker:
        await bench.append(alerts(2))
        await until(lambda: worker.counts.delivered == 2)
        worker.pause()
        await bench.append(alerts(3))
        assert worker.state == {"status": "paused", "waiting": 3, "error": ""}
        worker.resume()
        await until(lambda: worker.counts.delivered == 5)
        assert worker.status == "ok"
        assert_sums(worker, 5)


async def test_a_worker_that_starts_paused_does_not_connect(bench: Bench) -> None:
    destination = Destination()
    worker = bench.worker(destination)
    worker.pause()
    async with bench.running(worker):
        await bench.append(alerts(1))
        # The worker's own turns of the loop, in which it would connect.
        for _ in range(5):
            await asyncio.sleep(0)
        assert destination.connects == 0
    assert (destination.tries, worker.cursor.waiting) == ([], 1)


async def test_a_pause_ends_the_tries_of_a_destination_that_is_away(bench: Bench) -> None:
    destination = Destination(*[fails(RetryableError("away"))] * 3)
    async with bench.running(bench.worker(destination)) as worker:
        await bench.append(alerts(1))
        await until(lambda: destination.tries)
        worker.pause()
        await until(lambda: destination.closes)
        tried = len(destination.tries)
        with pytest.raises(TimeoutError):  # ten times the longest pause between two tries
            await until(lambda: len(destination.tries) > tried, within=0.05)
        worker.resume()
        await until(lambda: worker.counts.delivered == 1)


async def test_an_open_breaker_does_not_knock_while_it_is_paused(bench: Bench) -> None:
    destination = Destination(fails(MisconfiguredError("HTTP 401", after=0.05)))
    async with bench.running(bench.worker(destination)) as worker:
        await bench.append(alerts(1))
        await until(lambda: worker.breaker.open)
        worker.pause()
        with pytest.raises(TimeoutError):  # ten times the pause before the knock
            await until(lambda: len(destination.tries) > 1, within=0.5)
        worker.resume()
        await until(lambda: worker.counts.delivered == 1)
