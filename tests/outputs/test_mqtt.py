"""MQTT on a real Mosquitto, and on RabbitMQ, which speaks MQTT 3 alone: every quality of service, logins and TLS,
refusals, through a restart in mid-stream."""

import asyncio
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from outputs.mqtt import Mqtt, MqttSettings
from sidekick.sdk import Context, MisconfiguredError, PartialError, PermanentError, RetryableError
from tests.deadline import until, wait_for
from tests.outputs.alerts import alert, alert_of
from tests.outputs.connected import connected
from tests.outputs.midstream import RETRY, refused, restart, through
from tests.outputs.sessions import alert_text, event_of, name_of, session
from tests.services.mosquitto import PASSWORD, USER, Mosquitto, Subscriber
from tests.services.rabbitmq import RabbitMQ, messages, queue

RECORDING = session("mqtt")


@pytest.fixture
def topic() -> str:
    return f"test/{uuid.uuid4()}"


def made(broker: str, context: Context | None = None, **settings: Any) -> Mqtt:
    return Mqtt(MqttSettings.model_validate({"broker": broker, **settings}), context or Context())


@pytest.mark.parametrize("capture", RECORDING["captures"], ids=name_of)
async def test_a_message_is_falcosidekicks(capture: dict[str, Any], mosquitto: Mosquitto, topic: str) -> None:
    settings = MqttSettings.model_validate(RECORDING["configs"][capture["variant"]]["mqtt"])
    assert (settings.topic, settings.qos, settings.retained) == tuple(
        capture[key] for key in ("topic", "qos", "retain")
    )
    output = Mqtt(settings.model_copy(update={"broker": mosquitto.url, "topic": topic}), Context())
    subscriber = await asyncio.to_thread(Subscriber, mosquitto, topic)
    with subscriber.present():
        await output.send([event_of(capture)])
        await output.close()
        await until(lambda: subscriber.messages)
    (sent,) = subscriber.messages
    assert alert_text(sent.decode()) == alert_text(capture["body_raw"])
    later = await asyncio.to_thread(Subscriber, mosquitto, topic)
    assert later.messages == ([sent] if capture["retain"] else [])


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_batch_is_there_in_its_order(qos: int, mosquitto: Mosquitto, topic: str) -> None:
    subscriber = await asyncio.to_thread(Subscriber, mosquitto, topic)
    events = [alert({"number": number}) for number in range(100)]
    with subscriber.present():
        async with connected(made(mosquitto.url, topic=topic, qos=qos)) as output:
            await output.send(events)
        await until(lambda: len(subscriber.messages) == len(events))
    assert subscriber.messages == [event.json for event in events]


@pytest.mark.parametrize("scheme", ["ws", "tcp", ""])
async def test_every_way_there(scheme: str, mosquitto: Mosquitto, topic: str) -> None:
    subscriber = await asyncio.to_thread(Subscriber, mosquitto, topic)
    address = f"127.0.0.1:{mosquitto.websockets if scheme == 'ws' else mosquitto.port}"
    async with connected(made(f"{scheme}://{address}" if scheme else address, topic=topic, qos=1)) as output:
        await output.send([alert() for _ in range(10)])
    await asyncio.to_thread(subscriber.fetch)
    assert len(subscriber.messages) == 10


@pytest.mark.parametrize("qos", [1, 2])
async def test_a_broker_restarted_in_mid_stream_has_every_alert(
    qos: int, mosquitto: Mosquitto, topic: str, tmp_path: Path
) -> None:
    """Restarted and not killed: it has acknowledged what it keeps in memory."""
    subscriber = await asyncio.to_thread(Subscriber, mosquitto, topic)
    output = made(mosquitto.url, topic=topic, qos=qos, retry=RETRY, batch={"count": 20}, timeout="5s")
    again = restart(mosquitto.stop, mosquitto)
    events = await through(output, tmp_path, again, again)
    await asyncio.to_thread(subscriber.fetch)
    assert set(subscriber.messages) == {event.json for event in events}


async def test_a_broker_killed_in_mid_stream_has_passed_every_alert_on(topic: str, tmp_path: Path) -> None:
    """With qos 1: whoever is connected is sent an alert before it is acknowledged. For those who are away a killed
    Mosquitto has no more than it had at its last save."""
    with Mosquitto(tmp_path / "mosquitto") as server:
        subscriber = await asyncio.to_thread(Subscriber, server, topic, 1)
        await asyncio.to_thread(server.save)
        output = made(server.url, topic=topic, qos=1, retry=RETRY, batch={"count": 20}, timeout="5s")

        def kill() -> None:
            server.pause()
            wait_for(subscriber.has_read_all)
            server.kill()

        with subscriber.present():
            events = await through(output, tmp_path, restart(kill, server))
            await until(lambda: set(subscriber.messages) >= {event.json for event in events})


# The library leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_and_a_login(mosquitto: Mosquitto, topic: str) -> None:
    broker, trusting = f"ssl://localhost:{mosquitto.secure}", mosquitto.certificates.context
    login: dict[str, Any] = {"user": USER, "password": PASSWORD}
    async with connected(made(broker, trusting, topic=topic, qos=1, **login)) as output:
        await output.send([alert()])
    # As falcosidekick does, a login in the address goes before the other.
    in_address = broker.replace("://", f"://{USER}:{PASSWORD}@")
    async with connected(made(in_address, topic=topic, qos=1, checkcert=False, user="other")) as output:
        await output.send([alert()])
    with pytest.raises(MisconfiguredError, match="TLS"):
        async with connected(made(broker, **login)):
            pass
    with pytest.raises(MisconfiguredError, match="ot authorized") as raised:
        async with connected(made(broker, trusting, user=USER, password="wrong-secret")):
            pass
    assert "wrong-secret" not in str(raised.value)


async def test_an_end_of_the_broker_is_noticed_at_once(tmp_path: Path, topic: str) -> None:
    with Mosquitto(tmp_path) as server:
        async with connected(made(server.url, topic=topic, qos=1)) as output:
            server.pause()
            sending = asyncio.create_task(output.send([alert()]))
            await asyncio.to_thread(server.kill)
            with pytest.raises(RetryableError, match="ended"):
                await asyncio.wait_for(sending, 5)


@pytest.mark.parametrize("size", [10, 3_000_000], ids=["waiting", "writing"])
async def test_a_broker_that_hangs_is_given_up_in_time(size: int, mosquitto: Mosquitto, topic: str) -> None:
    async with connected(made(mosquitto.url, topic=topic, qos=1, timeout="500ms")) as output:
        mosquitto.pause()
        try:
            with pytest.raises(RetryableError):
                await output.send([alert(output="x" * size) for _ in range(2)])
            await asyncio.wait_for(output.close(), 3)
            with pytest.raises(RetryableError, match="answer"):
                await output.connect()
        finally:
            mosquitto.resume()


async def test_a_topic_with_a_wildcard_is_no_topic(mosquitto: Mosquitto) -> None:
    async with connected(made(mosquitto.url, topic="falco/#")) as output:
        with pytest.raises(MisconfiguredError, match="topic"):
            await output.send([alert()])


@pytest.mark.parametrize(
    ("limit", "qos"), [("max_packet_size 3000", 1), ("max_packet_size 3000", 2), ("message_size_limit 2900", 1)]
)
async def test_alerts_that_are_too_large_do_not_hold_up_the_others(
    limit: str, qos: int, topic: str, tmp_path: Path
) -> None:
    """The one limit is announced; by the other a message is acknowledged with a refusal and the connection cut."""
    events, large = [alert() for _ in range(50)], [alert_of(5000) for _ in range(3)]
    with Mosquitto(tmp_path / "mosquitto", limit) as server:
        subscriber = await asyncio.to_thread(Subscriber, server, topic)
        output = made(server.url, topic=topic, qos=qos, retry=RETRY, batch={"count": 20})
        sent = [large[0], *events[:25], *large[1:], *events[25:]]
        assert await refused(output, tmp_path, sent) == [event.uuid for event in large]
        await asyncio.to_thread(subscriber.fetch)
    assert set(subscriber.messages) == {event.json for event in events}


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_packet_as_large_as_the_broker_takes_arrives(qos: int, topic: str, tmp_path: Path) -> None:
    # Type and length, the topic's length, the message's number, no properties (MQTT 5, 3.3).
    frame = (1 + 2) + (2 + len(topic)) + (2 if qos else 0) + 1
    most, larger = alert_of(3000 - frame), alert_of(3001 - frame)
    with Mosquitto(tmp_path, "max_packet_size 3000") as server:
        subscriber = await asyncio.to_thread(Subscriber, server, topic)
        with subscriber.present():
            async with connected(made(server.url, topic=topic, qos=qos)) as output:
                with pytest.raises(PartialError) as raised:
                    await output.send([most, larger])
            await until(lambda: subscriber.messages)
    assert {place: type(error) for place, error in raised.value.errors.items()} == {1: PermanentError}
    assert subscriber.messages == [most.json]


@pytest.mark.parametrize("qos", [1, 2])
async def test_no_more_is_on_the_way_than_the_broker_allows(qos: int, topic: str, tmp_path: Path) -> None:
    events = [alert() for _ in range(100)]
    with Mosquitto(tmp_path, "max_inflight_messages 3") as server:
        subscriber = await asyncio.to_thread(Subscriber, server, topic)
        async with connected(made(server.url, topic=topic, qos=qos)) as output:
            await output.send(events)
        await asyncio.to_thread(subscriber.fetch)
    assert subscriber.messages == [event.json for event in events]


@pytest.mark.parametrize(
    ("line", "settings", "words"),
    [("max_qos 1", {"qos": 2}, "qos above 1"), ("retain_available false", {"retained": True}, "retained")],
)
async def test_what_the_broker_has_not_is_a_wrong_setting(
    line: str, settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path, line) as server, pytest.raises(MisconfiguredError, match=words):
        async with connected(made(server.url, **settings)):
            pass


async def test_who_may_not_publish_keeps_the_alerts(topic: str, tmp_path: Path) -> None:
    """MQTT 3 acknowledges what it throws away for that."""
    server = Mosquitto(tmp_path)
    with (tmp_path / "mosquitto.conf").open("a") as file:
        (tmp_path / "access").write_text(f"user {USER}\ntopic write elsewhere\n")
        file.write(f"acl_file {tmp_path}/access\n")
    with server:
        broker = f"ssl://{USER}:{PASSWORD}@localhost:{server.secure}"
        async with connected(made(broker, server.certificates.context, topic=topic, qos=1)) as output:
            with pytest.raises(MisconfiguredError, match="Not authorized"):
                await output.send([alert()])


async def test_a_broker_that_hangs_up_at_mqtt_5_is_spoken_to_by_mqtt_3(rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    name = f"test-{uuid.uuid4()}"
    async with queue(rabbitmq, name):
        async with await aio_pika.connect(rabbitmq.url) as connection, connection.channel() as channel:
            await (await channel.get_queue(name)).bind("amq.topic", routing_key=name)
        await asyncio.to_thread(rabbitmq.sync)
        output = made(f"127.0.0.1:{rabbitmq.mqtt}", topic=name, qos=1, retry=RETRY, batch={"count": 20})
        events = await through(output, tmp_path, restart(rabbitmq.kill, rabbitmq))
        assert {message.body for message in await messages(rabbitmq, name)} == {event.json for event in events}


async def test_a_broker_that_refuses_mqtt_5_is_spoken_to_by_mqtt_3() -> None:
    """As the standard has it (MQTT 3.1.1, 3.1.2.2); the brokers that can be had here hang up instead."""
    versions: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            versions.append((await reader.readexactly(9))[-1])
            writer.write(bytes([0x20, 2, 0, int(versions[-1] > 4)]))
            await writer.drain()
            while versions[-1] <= 4 and await reader.read(100):
                pass

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, connected(made(f"{host}:{port}")):
        assert versions == [5, 4]
