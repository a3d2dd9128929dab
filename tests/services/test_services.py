"""What other tests stand on: each server answers, keeps its data over stop and kill, and lets in whom it should."""

import ssl
import uuid
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from redis import Redis as RedisClient
from redis.exceptions import TimeoutError as RedisTimeout

from tests.services import front
from tests.services import kafka as broker
from tests.services.front import Front
from tests.services.kafka import Kafka
from tests.services.redis import Redis
from tests.services.search import Elasticsearch, OpenSearch, SearchServer

pytestmark = pytest.mark.service
PATIENCE_MS = 10_000


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_a_document_outlives_a_stop_and_a_kill(kind: str, request: pytest.FixtureRequest) -> None:
    server: SearchServer = request.getfixturevalue(kind)
    index = f"test-{uuid.uuid4()}"
    server.ask("PUT", f"/{index}/_create/1", {"rule": "Terminal shell in container"})
    server.stop()
    assert not server.running
    server.start()
    server.kill()
    server.start()
    assert server.ask("GET", f"/{index}/_doc/1")["_source"] == {"rule": "Terminal shell in container"}


def test_elasticsearch_is_the_last_open_one(elasticsearch: Elasticsearch) -> None:
    assert elasticsearch.ask("GET", "/")["version"]["number"] == "7.10.2"


def test_elasticsearch_runs_ingest_pipelines(elasticsearch: Elasticsearch) -> None:
    pipeline, index = f"pipeline-{uuid.uuid4()}", f"test-{uuid.uuid4()}"
    elasticsearch.ask("PUT", f"/_ingest/pipeline/{pipeline}", {"processors": [{"set": {"field": "seen", "value": 1}}]})
    elasticsearch.ask("PUT", f"/{index}/_create/1?pipeline={pipeline}", {})
    assert elasticsearch.ask("GET", f"/{index}/_doc/1")["_source"] == {"seen": 1}


def test_opensearch_has_data_streams(opensearch: OpenSearch) -> None:
    stream = f"stream-{uuid.uuid4()}"
    opensearch.ask("PUT", f"/_index_template/{stream}", {"index_patterns": [stream], "data_stream": {}})
    opensearch.ask("POST", f"/{stream}/_doc", {"@timestamp": "2026-01-01T00:00:00Z"})
    (found,) = opensearch.ask("GET", f"/_data_stream/{stream}")["data_streams"]
    assert found["name"] == stream


def test_the_front_wants_trust_and_a_password(elasticsearch_front: Front) -> None:
    def status(trust: ssl.SSLContext, password: str) -> int:
        connection = HTTPSConnection("127.0.0.1", elasticsearch_front.port, timeout=10, context=trust)
        try:
            proof = b64encode(f"{front.USER}:{password}".encode()).decode()
            connection.request("GET", "/_cluster/health?pretty=true", headers={"authorization": f"Basic {proof}"})
            return connection.getresponse().status
        finally:
            connection.close()

    ours = ssl.create_default_context(cafile=elasticsearch_front.authority)
    assert status(ours, front.PASSWORD) == 200
    assert status(ours, "wrong") == 401
    with pytest.raises(ssl.SSLCertVerificationError):
        status(ssl.create_default_context(), front.PASSWORD)


def test_a_node_takes_settings_of_its_own(tmp_path: Path) -> None:
    pressed = {"indexing_pressure.memory.limit": "100kb"}
    with Elasticsearch(tmp_path, **pressed) as server:
        bulk = "".join(f'{{"create":{{"_index":"a"}}}}\n{{"text":"{"x" * 1000}"}}\n' for _ in range(200))
        status, _ = server.exchange("POST", "/_bulk", bulk)
    assert status == 429


def test_a_message_outlives_a_stop_and_a_kill(kafka: Kafka) -> None:
    topic = f"test-{uuid.uuid4()}"
    assert _produce({"bootstrap.servers": kafka.address}, topic) is None
    kafka.stop()
    kafka.start()
    kafka.kill()
    kafka.start()
    assert _consume(kafka.address, topic) == b"alert"


def _sasl(kafka: Kafka, mechanism: str, user: str, password: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": kafka.sasl_address,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(kafka.certificates.authority),
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": password,
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_kafka_lets_in_who_has_the_password(kafka: Kafka, mechanism: str) -> None:
    known = {
        "PLAIN": (broker.PLAIN_USER, broker.PLAIN_PASSWORD),
        "SCRAM-SHA-256": (broker.SCRAM_USER, broker.SCRAM_PASSWORD),
        "SCRAM-SHA-512": (broker.SCRAM_USER, broker.SCRAM_PASSWORD),
    }
    assert _produce(_sasl(kafka, mechanism, *known[mechanism]), f"test-{uuid.uuid4()}") is None


def test_kafka_refuses_a_wrong_password(kafka: Kafka) -> None:
    settings = _sasl(kafka, "PLAIN", broker.PLAIN_USER, "wrong") | {"message.timeout.ms": 2000}
    assert _produce(settings, "refused") == KafkaError._MSG_TIMED_OUT


def test_kafka_knows_its_clients_by_certificate(kafka: Kafka) -> None:
    shown = {
        "ssl.certificate.location": str(kafka.certificates.client),
        "ssl.key.location": str(kafka.certificates.client_key),
    }
    settings = {
        "bootstrap.servers": kafka.tls_address,
        "security.protocol": "SSL",
        "ssl.ca.location": str(kafka.certificates.authority),
    }
    assert _produce(settings | shown, f"test-{uuid.uuid4()}") is None
    assert _produce(settings | {"message.timeout.ms": 2000}, "refused") == KafkaError._MSG_TIMED_OUT


def _produce(settings: dict[str, Any], topic: str) -> int | None:
    """The error code of one message's delivery; None for delivered."""
    outcomes: list[int | None] = []

    def silent(_: KafkaError) -> None:
        """A refused client would print every try to standard error."""

    producer = Producer({"message.timeout.ms": PATIENCE_MS, "log_level": 0, "error_cb": silent} | settings)
    producer.produce(topic, b"alert", on_delivery=lambda error, _: outcomes.append(error.code() if error else None))
    producer.flush(PATIENCE_MS / 1000 + 5)
    (outcome,) = outcomes
    return outcome


def _consume(address: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(30)
        return message.value() if message else None
    finally:
        consumer.close()


@pytest.fixture
def redis_client(redis: Redis) -> Iterator[RedisClient]:
    with RedisClient.from_url(redis.url) as client:
        yield client


def test_a_key_outlives_a_kill(redis: Redis, redis_client: RedisClient) -> None:
    key = str(uuid.uuid4())
    redis_client.set(key, "kept")
    redis.kill()
    redis.start()
    assert redis_client.get(key) == b"kept"


def test_a_paused_server_accepts_and_does_not_answer(redis: Redis) -> None:
    redis.pause()
    try:
        with pytest.raises(RedisTimeout), RedisClient.from_url(redis.url, socket_timeout=0.2, retry=None) as client:
            client.ping()
    finally:
        redis.resume()
    assert redis.answers()
