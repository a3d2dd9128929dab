"""Real alerts, as a real Falco sent them, through the running service into real destinations: each once, and whole."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from outputs._elasticsearch_mapping import UNINDEXED
from sidekick.event import Event, decode
from tests.deadline import until
from tests.faults.endpoint import Endpoint
from tests.faults.sidekick import Sidekick
from tests.recorded import recorded_alerts, recorded_requests
from tests.services.kafka import Kafka
from tests.services.search import Elasticsearch

pytestmark = pytest.mark.timeout(180)
MIXED = 200


async def answered(port: int, requests: Iterable[bytes]) -> list[int]:
    """Sends raw requests on one connection, one after the other; gives the statuses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    statuses: list[int] = []
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        statuses.append(int(head.split(b" ", 2)[1]))
    writer.close()
    await writer.wait_closed()
    return statuses


def as_post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: sidekick\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def same_alerts(events: Iterable[Event]) -> Counter[bytes]:
    """The alerts without their ids, which the sender cannot know."""
    return Counter(msgspec.structs.replace(event, uuid="").json for event in events)


async def test_recorded_alerts_reach_every_destination_once(
    tmp_path: Path, elasticsearch: Elasticsearch, kafka: Kafka
) -> None:
    requests = recorded_requests()
    mixed = recorded_alerts()[:MIXED]
    text = sum(b"text/plain" in request for request in requests)
    posted = [request.partition(b"\r\n\r\n")[2] for request in requests if b"text/plain" not in request] + mixed
    expected = same_alerts(event for body in posted for event in decode(body))
    endpoint = Endpoint()
    async with endpoint.listening():
        sidekick = Sidekick(
            tmp_path,
            elasticsearch={"hostport": elasticsearch.url, "index": "everything", "suffix": "none"},
            kafka={"hostport": kafka.address, "topic": "everything", "topiccreation": True},
            webhook={"address": endpoint.url},
        )
        await asyncio.to_thread(sidekick.start)
        statuses = await answered(sidekick.port, [*requests, *map(as_post, mixed)])
        assert Counter(statuses) == {200: len(posted), 400: text}
        for output in ("elasticsearch", "kafka", "webhook"):
            await until(lambda output=output: sidekick.metric("sidekick_output_lag_records", output=output) == 0)
        assert await asyncio.to_thread(sidekick.end) == 0
    found = await asyncio.to_thread(elasticsearch.documents, "everything")
    messages = await asyncio.to_thread(kafka.messages, "everything")
    assert same_alerts(Event.from_json(body.rstrip()) for body in endpoint.bodies) == expected
    assert same_alerts(Event.from_json(message.value() or b"") for message in messages) == expected
    assert len(found) == len(posted)
    by_id = {Event.from_json(body.rstrip()).uuid: json.loads(body) for body in endpoint.bodies}
    for document in found:
        assert shown(document) == by_id[document["uuid"]] | {"@timestamp": document["time"]}


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """A document as a person reads it: with the output fields that no index could take back among the others."""
    if text := document.pop(UNINDEXED, None):
        document["output_fields"] = json.loads(text)
    return document
