"""The Kafka output on a real broker: every login, order by host, acknowledgement, and whose fault an error is."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from outputs.kafka import Kafka, KafkaSettings
from sidekick.event import Event
from sidekick.sdk import Context, DeliveryError, MisconfiguredError, PartialError, PermanentError, RetryableError
from sidekick.sdk.tls import ClientTls
from tests.deadline import wait_for
from tests.outputs.alerts import alert, alert_of, recorded
from tests.outputs.midstream import RETRY, refused
from tests.services import kafka as broker
from tests.services.kafka import Kafka as Broker


@pytest.fixture
def topic() -> str:
    return f"test-{uuid.uuid4()}"


@asynccontextmanager
async def connected(hostport: str, topic: str, files: ClientTls | None = None, **settings: Any) -> AsyncIterator[Kafka]:
    ours = {"hostport": hostport, "topic": topic, "topiccreation": True, "timeout": "10s"}
    output = Kafka(KafkaSettings.model_validate(ours | settings), Context(tls=files or ClientTls()))
    try:
        await output.connect()
        yield output
    finally:
        await output.close()


async def values(kafka: Broker, topic: str) -> list[bytes]:
    return [message.value() or b"" for message in await asyncio.to_thread(kafka.messages, topic)]


async def test_a_message_is_the_alert_keyed_by_its_host_with_headers(kafka: Broker, topic: str) -> None:
    event = recorded("inputs/a_syscall_terminal.json")
    async with connected(kafka.address, topic) as output:
        await output.send([event, alert(hostname="")])
    first, second = await asyncio.to_thread(kafka.messages, topic)
    assert first.value() == event.json
    assert first.key() == b"node-01.example.test"
    headers = dict(first.headers() or [])
    assert headers == {"id": event.uuid.encode(), "rule": b"Terminal shell in container", "priority": b"Notice"}
    assert second.key() is None


async def test_a_hosts_alerts_stay_in_one_partition_and_in_order(kafka: Broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(10)
    events = [alert(hostname=f"node-{number % 5}") for number in range(500)]
    partitions: dict[str, set[int]] = {}
    async with connected(kafka.address, topic) as output:
        for start in range(0, 500, 100):
            await output.send(events[start : start + 100])
    found: dict[str, list[str]] = {}
    for message in await asyncio.to_thread(_all_partitions, kafka, topic, 4):
        host = (message.key() or b"").decode()
        partitions.setdefault(host, set()).add(message.partition())
        found.setdefault(host, []).append(dict(message.headers())["id"].decode())
    assert {host: len(where) for host, where in partitions.items()} == {f"node-{number}": 1 for number in range(5)}
    for host, ids in found.items():
        assert ids == [event.uuid for event in events if event.hostname == host]


def _all_partitions(kafka: Broker, topic: str, count: int) -> list[Any]:
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "tests", "enable.auto.commit": False})
    try:
        ends = [consumer.get_watermark_offsets(TopicPartition(topic, at), timeout=10)[1] for at in range(count)]
        consumer.assign([TopicPartition(topic, at, OFFSET_BEGINNING) for at in range(count)])
        found: list[Any] = []
        while len(found) < sum(ends):
            found += consumer.consume(sum(ends) - len(found), timeout=10)
        return found
    finally:
        consumer.close()


@pytest.mark.parametrize("compression", ["gzip", "SNAPPY", "lz4", "ZSTD"])
@pytest.mark.parametrize("acks", ["all", "ONE", "none"])
async def test_compression_and_acknowledgement(kafka: Broker, topic: str, compression: str, acks: str) -> None:
    events = [alert() for _ in range(50)]
    async with connected(kafka.address, topic, compression=compression, requiredacks=acks) as output:
        await output.send(events)
    expected = [event.json for event in events]
    # Without an acknowledgement the broker may still be at it.
    await asyncio.to_thread(wait_for, lambda: [m.value() for m in kafka.messages(topic)] == expected, within=10)


Login = Callable[[Broker], dict[str, Any]]


def plain(kafka: Broker) -> dict[str, Any]:
    return {"sasl": "plain", "username": broker.PLAIN_USER, "password": broker.PLAIN_PASSWORD, "tls": True}


def scram(mechanism: str) -> Login:
    return lambda kafka: {
        "sasl": mechanism,
        "username": broker.SCRAM_USER,
        "password": broker.SCRAM_PASSWORD,
        "tls": True,
    }


def trusted(kafka: Broker) -> ClientTls:
    files = kafka.certificates
    return ClientTls(
        cafile=str(files.authority),
        certfile=str(files.client),
        keyfile=str(files.client_key),
        mutual_cafile=str(files.authority),
    )


LOGINS = [plain, scram("SCRAM_SHA256"), scram("scram_sha512"), scram("SCRAM-SHA-512")]


@pytest.mark.parametrize("login", LOGINS, ids=["plain", "SCRAM_SHA256", "scram_sha512", "SCRAM-SHA-512"])
async def test_every_login_over_tls_with_an_own_authority(kafka: Broker, topic: str, login: Login) -> None:
    event = alert()
    async with connected(kafka.sasl_address, topic, trusted(kafka), **login(kafka)) as output:
        await output.send([event])
    assert await values(kafka, topic) == [event.json]


async def test_mutual_tls(kafka: Broker, topic: str) -> None:
    event = alert()
    async with connected(kafka.tls_address, topic, trusted(kafka), mutualtls=True) as output:
        await output.send([event])
    assert await values(kafka, topic) == [event.json]


async def test_mutual_tls_always_verifies_the_server(kafka: Broker, topic: str) -> None:
    files = replace(trusted(kafka), cafile="", mutual_cafile=str(kafka.certificates.client))
    with pytest.raises(MisconfiguredError, match="SSL"):
        async with connected(kafka.tls_address, topic, files, timeout="4s", mutualtls=True, checkcert=False):
            pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"sasl": "PLAIN", "username": "alice", "password": "wrong", "tls": True},
        {"sasl": "SCRAM_SHA512", "username": "bob", "password": "wrong", "tls": True},
        {"sasl": "PLAIN", "username": "alice", "password": broker.PLAIN_PASSWORD, "tls": True, "own_authority": False},
    ],
    ids=["plain", "scram", "authority"],
)
async def test_a_wrong_login_is_a_wrong_setting(kafka: Broker, topic: str, wrong: dict[str, Any]) -> None:
    settings = dict(wrong)
    files = trusted(kafka) if settings.pop("own_authority", True) else ClientTls()
    with pytest.raises(MisconfiguredError) as raised:
        async with connected(kafka.sasl_address, topic, files, timeout="4s", **settings):
            pass
    assert "wrong" not in str(raised.value)


async def test_a_certificate_that_cannot_be_read_is_a_wrong_setting(kafka: Broker, topic: str) -> None:
    with pytest.raises(MisconfiguredError):
        async with connected(kafka.tls_address, topic, ClientTls(directory="/nowhere"), mutualtls=True):
            pass


async def test_a_missing_topic_is_a_wrong_setting_where_none_may_be_made(kafka: Broker, topic: str) -> None:
    with pytest.raises(MisconfiguredError, match="UNKNOWN_TOPIC"):
        async with connected(kafka.address, topic, topiccreation=False):
            pass


async def test_one_alert_too_large_for_the_broker_does_not_sink_the_rest(kafka: Broker, topic: str) -> None:
    small, large = alert(), alert(output="x" * 3_000_000)
    async with connected(kafka.address, topic) as output:
        with pytest.raises(PartialError) as raised:
            await output.send([small, large])
        ((place, error),) = raised.value.errors.items()
        assert (place, type(error)) == (1, PermanentError)
        with pytest.raises(PermanentError, match="MSG_SIZE_TOO_LARGE"):
            await output.send([large])
    assert await values(kafka, topic) == [small.json]


@pytest.mark.parametrize("partitions", [1, 3])
async def test_only_alerts_that_are_too_large_each_by_itself_are_refused(
    partitions: int, kafka: Broker, topic: str, tmp_path: Path
) -> None:
    """The broker applies its limit to all messages of a request together."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    admin.create_topics([NewTopic(topic, partitions, 1, config={"max.message.bytes": "10000"})])[topic].result(10)
    events, large = [alert(hostname=f"node-{number % 5}") for number in range(200)], [alert_of(20_000) for _ in "ab"]
    settings = {"hostport": kafka.address, "topic": topic, "retry": RETRY, "batch": {"linger": "0s"}}
    output = Kafka(KafkaSettings.model_validate(settings), Context())
    sent = [*events[:70], *large, *events[70:]]
    assert await refused(output, tmp_path, sent) == [event.uuid for event in large]
    found = [message.value() for message in await asyncio.to_thread(_all_partitions, kafka, topic, partitions)]
    assert sorted(found) == sorted(event.json for event in events), "each is there once"


async def test_one_that_is_larger_than_a_segment_does_not_hold_up_the_others(
    kafka: Broker, topic: str, tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.address})
    sizes = {"max.message.bytes": "5000000", "segment.bytes": "1048576"}
    admin.create_topics([NewTopic(topic, 1, 1, config=sizes)])[topic].result(10)
    output = Kafka(KafkaSettings.model_validate({"hostport": kafka.address, "topic": topic, "retry": RETRY}), Context())
    events, large = [alert() for _ in range(20)], alert_of(2_000_000)
    assert await refused(output, tmp_path, [*events[:10], large, *events[10:]]) == [large.uuid]
    assert sorted(await values(kafka, topic)) == sorted(event.json for event in events)


async def test_a_broker_that_dies_twice_loses_nothing(kafka: Broker, topic: str) -> None:
    events = [alert() for _ in range(30)]
    async with connected(kafka.address, topic, timeout="30s") as output:
        for event in events[:10]:
            await output.send([event])
        for part in (events[10:20], events[20:]):
            await asyncio.to_thread(kafka.kill)
            sending = asyncio.create_task(output.send(part))
            await asyncio.to_thread(kafka.start)
            await sending
    assert await values(kafka, topic) == [event.json for event in events]


async def test_a_broker_that_hangs_is_given_up_in_time_and_delivered_to_afterwards(kafka: Broker, topic: str) -> None:
    event = alert()
    async with connected(kafka.address, topic, timeout="2s") as output:
        kafka.pause()
        try:
            with pytest.raises(RetryableError) as raised:
                async with asyncio.timeout(10):
                    await output.send([event])
        finally:
            kafka.resume()
        assert not isinstance(raised.value, MisconfiguredError)
        await _until_delivered(output, event)
    assert event.json in await values(kafka, topic)


async def _until_delivered(output: Kafka, event: Event) -> None:
    """As the engine does: a new connection, and again."""
    for _ in range(20):
        try:
            await output.close()
            await output.connect()
            return await output.send([event])
        except DeliveryError as error:
            last = error
    raise last


def test_falcosidekicks_words_are_read_in_any_case() -> None:
    settings = KafkaSettings.model_validate(
        {"sasl": "scram_sha256", "balancer": "Round_Robin", "compression": "zstd", "requiredacks": "one", "async": True}
    )
    assert (settings.sasl, settings.balancer, settings.compression, settings.requiredacks) == (
        "SCRAM_SHA256",
        "round_robin",
        "ZSTD",
        "ONE",
    )
