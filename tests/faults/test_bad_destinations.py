"""Destinations that hang, that are busy and that refuse: each delays or loses nothing but what it refuses itself."""

import asyncio
from itertools import pairwise
from pathlib import Path

from aiohttp import web

from sidekick.delivery import DeadLetters
from tests.deadline import until
from tests.faults.endpoint import Endpoint, hang, take
from tests.faults.falco import Falco
from tests.faults.sidekick import Sidekick
from tests.services.search import Elasticsearch

ALERTS = 500
POISON = 321


def waiting(sidekick: Sidekick, output: str) -> float:
    return sidekick.metric("sidekick_output_lag_records", output=output)


async def post(sidekick: Sidekick, numbers: range) -> None:
    falco = Falco(sidekick.port)
    for number in numbers:
        assert await falco.post(number) == 200
    await falco.close()


async def test_one_that_never_answers_delays_only_itself(tmp_path: Path) -> None:
    good, bad = Endpoint(), Endpoint()
    bad.behaviour = hang
    async with good.listening(), bad.listening():
        outputs = {"webhook": {"address": good.url}, "webhook.hung": {"address": bad.url, "timeout": "1s"}}
        with Sidekick(tmp_path, **outputs) as sidekick:
            await post(sidekick, range(ALERTS))
            await until(lambda: len(good.times) == ALERTS)
            assert waiting(sidekick, "webhook.hung") == ALERTS
            await until(
                lambda: sidekick.metric("sidekick_output_attempts_total", output="webhook.hung", outcome="retryable")
            )
            # It comes to its senses, and gets all that waited.
            bad.behaviour = take
            await until(lambda: len(bad.times) == ALERTS, within=60)


async def test_one_that_is_busy_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    endpoint = Endpoint()
    loop = asyncio.get_running_loop()
    asked: list[float] = []

    async def busy(body: bytes) -> web.Response:
        asked.append(loop.time())
        return web.Response(status=429, headers={"Retry-After": "1"}) if len(asked) <= 3 else web.Response()

    endpoint.behaviour = busy
    retry = {"minimum": "1ms", "maximum": "1ms"}
    async with endpoint.listening():
        with Sidekick(tmp_path, webhook={"address": endpoint.url, "retry": retry}) as sidekick:
            await post(sidekick, range(10))
            await until(lambda: len(endpoint.times) == 10)
    assert all(after - before >= 1 for before, after in pairwise(asked[:4]))
    assert set(endpoint.times.values()) == {1}


async def test_one_poison_alert_among_five_hundred(tmp_path: Path, elasticsearch: Elasticsearch) -> None:
    elasticsearch.ask("PUT", "/_ingest/pipeline/poison", refuse(POISON))
    output = {
        "hostport": elasticsearch.url, "index": "poisoned", "suffix": "none", "pipeline": "poison",
        "batch": {"count": ALERTS, "linger": "5s"},
    }  # fmt: skip
    with Sidekick(tmp_path, folder=str(tmp_path / "data"), elasticsearch=output) as sidekick:
        await post(sidekick, range(ALERTS))
        await until(lambda: waiting(sidekick, "elasticsearch") == 0)
    found = await asyncio.to_thread(elasticsearch.documents, "poisoned")
    assert {document["output_fields"]["test.number"] for document in found} == set(range(ALERTS)) - {POISON}
    [letter] = DeadLetters(tmp_path / "data" / "dead-letters", "elasticsearch").letters().values()
    assert letter.decoded().fields["test.number"] == POISON
    assert "this alert is poison" in letter.reason


def refuse(number: int) -> dict[str, object]:
    """An ingest pipeline that refuses the alert of that number and takes all others."""
    condition = f"ctx.output_fields['test.number'] == {number}"
    return {"processors": [{"fail": {"if": condition, "message": "this alert is poison"}}]}
