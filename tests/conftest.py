"""Real servers: each is started when the first test asks for it, shared by all tests, and stopped at the end."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.leaks import no_task_left, nothing_left_open
from tests.services.clickhouse import ClickHouse
from tests.services.exim import Exim
from tests.services.front import Front
from tests.services.kafka import Kafka
from tests.services.mosquitto import Mosquitto
from tests.services.moto import Moto
from tests.services.nats import Nats
from tests.services.postgresql import PostgreSQL
from tests.services.rabbitmq import RabbitMQ
from tests.services.redis import Redis
from tests.services.rsyslog import Rsyslog
from tests.services.search import Elasticsearch, OpenSearch
from tests.services.server import Server
from tests.services.streaming import Streaming

__all__ = ["no_task_left", "nothing_left_open"]  # fixtures of every test

S = TypeVar("S", bound=Server)
SERVICES = {
    "clickhouse",
    "elasticsearch",
    "exim",
    "kafka",
    "mosquitto",
    "nats",
    "opensearch",
    "postgresql",
    "rabbitmq",
    "redis",
    "rsyslog",
    "streaming",
}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests that need a server, by its fixture or as a parameter's value."""
    if isinstance(item, pytest.Function):
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if not SERVICES.isdisjoint([*item.fixturenames, *(value for value in parameters if isinstance(value, str))]):
            item.add_marker(pytest.mark.service)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the fast tests first, in the random order that they were given among themselves."""
    items.sort(key=lambda item: [item.get_closest_marker(name) is not None for name in ("slow", "service")])


@pytest.fixture(scope="session")
def elasticsearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elasticsearch]:
    yield from _lend(Elasticsearch(tmp_path_factory.mktemp("elasticsearch")))


@pytest.fixture(scope="session")
def elasticsearch_front(elasticsearch: Elasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The same server behind TLS and a password."""
    yield from _lend(Front(tmp_path_factory.mktemp("front"), elasticsearch.url))


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSearch]:
    yield from _lend(OpenSearch(tmp_path_factory.mktemp("opensearch")))


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    yield from _lend(ClickHouse(tmp_path_factory.mktemp("clickhouse")))


@pytest.fixture(scope="session")
def exim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exim]:
    yield from _lend(Exim(tmp_path_factory.mktemp("exim")))


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    yield from _lend(Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    yield from _lend(Moto(tmp_path_factory.mktemp("moto")))


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    yield from _lend(Redis(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def rsyslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rsyslog]:
    yield from _lend(Rsyslog(tmp_path_factory.mktemp("rsyslog")))


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    yield from _lend(Mosquitto(tmp_path_factory.mktemp("mosquitto")))


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    yield from _lend(Nats(tmp_path_factory.mktemp("nats")))


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    yield from _lend(PostgreSQL(tmp_path_factory.mktemp("postgresql")))


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    yield from _lend(RabbitMQ(tmp_path_factory.mktemp("rabbitmq")))


@pytest.fixture(scope="session")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    yield from _lend(Streaming(tmp_path_factory.mktemp("streaming")))


def _lend(server: S) -> Iterator[S]:
    with server:
        yield server
