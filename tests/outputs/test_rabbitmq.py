"""RabbitMQ on a real broker: confirmed and persistent messages, refusals, TLS, and its death in mid-stream."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from outputs.rabbitmq import Rabbitmq, RabbitmqSettings
from sidekick.sdk import Context, MisconfiguredError, RetryableError
from tests.outputs.alerts import alert
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, refused, restart, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.services.rabbitmq import RabbitMQ, messages, queue

RECORDING = session("rabbitmq")


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4()}"


def made(url: str, name: str, context: Context | None = None, **settings: Any) -> Rabbitmq:
    return Rabbitmq(RabbitmqSettings.model_validate({"url": url, "queue": name, **settings}), context or Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
async def test_a_message_is_falcosidekicks(capture: dict[str, Any], rabbitmq: RabbitMQ) -> None:
    """But that it is persistent, and has the alert's id."""
    event = event_of(capture)
    async with queue(rabbitmq, capture["routing_key"]):
        async with connected(made(rabbitmq.url, capture["routing_key"])) as output:
            await output.send([event])
        (message,) = await messages(rabbitmq, capture["routing_key"])
    assert alert_text(message.body.decode()) == alert_text(capture["body_raw"])
    assert (message.exchange, message.routing_key) == (capture["exchange"], capture["routing_key"])
    assert message.content_type == capture["properties"]["content_type"]
    assert (message.message_id, message.delivery_mode) == (event.uuid, 2)


async def test_a_batch_is_in_the_queue_in_its_order(rabbitmq: RabbitMQ, name: str) -> None:
    events = [alert({"number": number}) for number in range(200)]
    async with queue(rabbitmq, name):
        async with connected(made(rabbitmq.url, name)) as output:
            await output.send(events)
        assert [message.body for message in await messages(rabbitmq, name)] == [event.json for event in events]


async def test_alerts_wait_for_a_queue_that_is_not_there(rabbitmq: RabbitMQ, name: str) -> None:
    event = alert()
    async with connected(made(rabbitmq.url, name)) as output:
        with pytest.raises(MisconfiguredError, match="no such queue"):
            await output.send([alert(), event])
        async with queue(rabbitmq, name):
            await output.send([event])
            assert len(await messages(rabbitmq, name)) == 1


async def test_alerts_wait_for_room_in_a_queue_that_is_full(rabbitmq: RabbitMQ, name: str) -> None:
    full = queue(rabbitmq, name, max_length=3, overflow="reject-publish")
    async with full, connected(made(rabbitmq.url, name)) as output:
        await output.send([alert() for _ in range(3)])
        with pytest.raises(RetryableError, match="the queue is full, or its x-max-length-bytes are too few"):
            await output.send([alert()])


async def test_whose_fault_a_refusal_is(rabbitmq: RabbitMQ, name: str) -> None:
    for url, words in (
        (rabbitmq.url.replace("guest:guest", "guest:wrong-secret"), "refused the login"),
        (rabbitmq.url + "nowhere", "no such virtual host"),
    ):
        with pytest.raises(MisconfiguredError, match=words) as raised:
            async with connected(made(url, name)):
                pass
        assert "wrong-secret" not in str(raised.value)


async def test_tls_is_for_whom_we_trust_alone(rabbitmq: RabbitMQ, name: str) -> None:
    async with queue(rabbitmq, name):
        async with connected(made(rabbitmq.secure_url, name, rabbitmq.certificates.context)) as output:
            await output.send([alert()])
        async with connected(made(rabbitmq.secure_url, name, checkcert=False)) as output:
            await output.send([alert()])
        assert len(await messages(rabbitmq, name)) == 2
    with pytest.raises(MisconfiguredError, match="certificate"):
        async with connected(made(rabbitmq.secure_url, name)):
            pass


async def test_a_broker_that_hangs_is_given_up_in_time(rabbitmq: RabbitMQ, name: str) -> None:
    async with queue(rabbitmq, name), connected(made(rabbitmq.url, name)) as output:
        rabbitmq.pause()
        try:
            with pytest.raises(TimeoutError):  # as the engine limits each try
                async with asyncio.timeout(0.5):
                    await output.send([alert() for _ in range(10)])
            await asyncio.wait_for(output.close(), 3)
        finally:
            rabbitmq.resume()


async def test_a_broker_killed_in_mid_stream_has_every_alert(rabbitmq: RabbitMQ, name: str, tmp_path: Path) -> None:
    async with queue(rabbitmq, name):
        await asyncio.to_thread(rabbitmq.sync)
        output = made(rabbitmq.url, name, retry=RETRY, batch={"count": 20})
        events = await through(output, tmp_path, restart(rabbitmq.kill, rabbitmq))
        found = [message.body for message in await messages(rabbitmq, name)]
    assert set(found) == {event.json for event in events}
    assert len(found) - len(set(found)) <= 20, "at most the batch that was on the way is there twice"


async def test_alerts_that_are_too_large_do_not_hold_up_the_others(
    rabbitmq: RabbitMQ, name: str, tmp_path: Path
) -> None:
    """One closes the channel for all that wait for their confirmation."""
    events, large = [alert() for _ in range(57)], [alert(output="x" * 200_000) for _ in range(3)]
    sent = [large[0], *events[:30], *large[1:], *events[30:]]
    async with queue(rabbitmq, name):
        with rabbitmq.at_most(100_000):
            output = made(rabbitmq.url, name, retry=RETRY, batch={"count": 20})
            assert await refused(output, tmp_path, sent) == [event.uuid for event in large]
        found = [message.body for message in await messages(rabbitmq, name)]
    assert set(found) == {event.json for event in events}
