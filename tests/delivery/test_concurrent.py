"""Several requests in flight at once: a failure of one neither cuts the others off nor makes them dead letters."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

from outputs.webhook import Settings, Webhook
from sidekick.event import Event
from sidekick.sdk import Answer, Context, Request, RetryableError
from sidekick.sdk.testing import Fault, loopback
from tests.deadline import until
from tests.delivery.bench import Bench, alerts, assert_sums


async def test_failures_among_concurrent_requests_lose_nothing(bench: Bench) -> None:
    chance, taken = random.Random(8), Counter[str]()

    def losing(request: Request) -> Answer | Fault:
        turn = chance.random()
        if turn < 0.1:
            return Answer(503)
        taken[Event.from_json(request.body.rstrip()).uuid] += 1
        return Fault.CUT if turn < 0.2 else Answer(200)

    async with loopback(losing) as server:
        settings = {"address": server.url, "maxconcurrentrequests": 8, "retry": {"minimum": "5ms", "maximum": "20ms"}}
        worker, events = bench.worker(Webhook(Settings.model_validate(settings), Context())), alerts(300)
        async with bench.running(worker):
            await bench.append(events)
            await until(lambda: worker.cursor.waiting == 0, within=20, what=worker.last_error)
    assert_sums(worker, len(events))
    assert (worker.counts.delivered, worker.counts.dead) == (300, 0)
    assert taken.keys() == {event.uuid for event in events}


async def test_an_open_breaker_knocks_with_one_of_many(bench: Bench) -> None:
    """Sixteen in flight, and a pause of 100 ms before each try: some ten tries a second, and not 160."""
    times: list[float] = []
    now = asyncio.get_running_loop().time

    def away(request: Request) -> Answer:
        times.append(now())
        return Answer(503)

    async with loopback(away) as server:
        # A pause is never shorter than what the destination asks for, so that the tries can be counted.
        retry = {"minimum": "1ms", "maximum": "1ms"}
        worker = bench.worker(Asking({"address": server.url, "maxconcurrentrequests": 16, "retry": retry}))
        async with bench.running(worker):
            await bench.append(alerts(16))
            await until(lambda: worker.breaker.open)
            begin = now() + 0.2  # the tries that were in hand as it opened have ended
            await until(lambda: now() > begin + 1)
            knocks = [moment for moment in times if begin <= moment < begin + 1]
    assert 1 <= len(knocks) <= 11
    assert worker.counts.delivered == 0


class Asking(Webhook):
    """A webhook whose destination wants to be left alone for 100 ms."""

    def __init__(self, settings: dict[str, object]) -> None:
        super().__init__(Settings.model_validate(settings), Context())

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        raise RetryableError("away", 0.1)
