"""A destination that is away for minutes, under load: ids sent are ids found, each once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.falco import Falco, id_of, number_of
from tests.faults.sidekick import Sidekick
from tests.services.kafka import Kafka
from tests.services.search import Elasticsearch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RATE = 200
RETRY = {"minimum": "200ms", "maximum": "2s"}


async def load(
    tmp_path: Path, trouble: Callable[[], Awaitable[None]], seconds: int, **outputs: Any
) -> tuple[Sidekick, set[int]]:
    """Posts `RATE` alerts a second for `seconds`, with `trouble` meanwhile; every one of them is accepted."""
    sidekick = Sidekick(tmp_path / "sidekick", **outputs)
    await asyncio.to_thread(sidekick.start)
    falco = Falco(sidekick.port)
    await asyncio.gather(falco.post_all(range(RATE * seconds), RATE), trouble())
    await falco.close()
    assert falco.statuses == {200: RATE * seconds}, "no destination's trouble reaches Falco"
    return sidekick, falco.accepted


async def test_two_minutes_without_elasticsearch(tmp_path: Path, elasticsearch: Elasticsearch) -> None:
    async def outage() -> None:
        await asyncio.sleep(5)
        await asyncio.to_thread(elasticsearch.stop)
        await asyncio.sleep(120)
        await asyncio.to_thread(elasticsearch.start)

    output = {"hostport": elasticsearch.url, "index": "outage", "suffix": "none", "retry": RETRY}
    sidekick, accepted = await load(tmp_path, outage, 130, elasticsearch=output)
    try:
        await until(lambda: sidekick.metric("sidekick_output_lag_records", output="elasticsearch") == 0, within=60)
        found = await asyncio.to_thread(elasticsearch.documents, "outage")
    finally:
        assert await asyncio.to_thread(sidekick.end) == 0
    assert Counter(document["output_fields"]["test.number"] for document in found) == Counter(accepted)


async def test_a_broker_killed_twice(tmp_path: Path, kafka: Kafka) -> None:
    async def outage() -> None:
        for _ in range(2):
            await asyncio.sleep(5)
            await asyncio.to_thread(kafka.kill)
            await asyncio.sleep(5)
            await asyncio.to_thread(kafka.start)

    output = {"hostport": kafka.address, "topic": "outage", "topiccreation": True, "retry": RETRY, "timeout": "10s"}
    sidekick, accepted = await load(tmp_path, outage, 45, kafka=output)
    try:
        await until(lambda: sidekick.metric("sidekick_output_lag_records", output="kafka") == 0, within=60)
        found = await asyncio.to_thread(kafka.messages, "outage")
    finally:
        assert await asyncio.to_thread(sidekick.end) == 0
    copies = Counter(number_of(message.value() or b"") for message in found)
    assert set(copies) == accepted
    ids = {id_of(message.value() or b"") for message in found}
    assert len(ids) == len(accepted), "where the broker died between storing and answering, the copy has the same id"


async def test_a_webhook_that_comes_and_goes(tmp_path: Path) -> None:
    endpoint = Endpoint()

    async def outage() -> None:
        async with endpoint.listening():
            await asyncio.sleep(3)
        await asyncio.sleep(10)

    async with endpoint.listening():
        pass
    sidekick, accepted = await load(tmp_path, outage, 15, webhook={"address": endpoint.url, "retry": RETRY})
    try:
        async with endpoint.listening():
            await until(lambda: len(endpoint.times) >= len(accepted), within=60)
    finally:
        assert await asyncio.to_thread(sidekick.end) == 0
    assert endpoint.times == Counter(accepted)
