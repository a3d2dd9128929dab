"""Several requests in flight at once: a failure of one neither cuts the others off nor makes them dead letters."""

import random
from collections import Counter

from outputs.webhook import Settings, Webhook
from sidekick.event import Event
from sidekick.sdk import Answer, Context, Request
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
