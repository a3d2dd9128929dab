"""Apache Kafka: one message an alert, keyed by host, acknowledged by all replicas unless told otherwise."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sidekick.sdk import (
    NO_SECRET,
    AnyCase,
    BatchLimits,
    Context,
    Event,
    Flag,
    MisconfiguredError,
    OutputSettings,
    PermanentError,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.extras import optional

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer


def _word(value: Any) -> Any:
    return str(value).upper().replace("-", "_").replace("SHA_", "SHA")


_MECHANISMS = {"PLAIN": "PLAIN", "SCRAM_SHA256": "SCRAM-SHA-256", "SCRAM_SHA512": "SCRAM-SHA-512"}
_ACKS = {"ALL": "all", "ONE": "1", "NONE": "0"}
_PARTITIONERS = {
    "crc32": "consistent",
    "crc32_random": "consistent_random",
    "murmur2": "murmur2",
    "murmur2_random": "murmur2_random",
    "least_bytes": "random",
    "round_robin": "random",
}
# By name: the numbers are in the library, which is not loaded with this module.
_WRONG_SETTINGS = frozenset(
    (
        "_AUTHENTICATION",
        "_RESOLVE",
        "_SSL",
        "_UNKNOWN_TOPIC",
        "_INVALID_ARG",
        "CLUSTER_AUTHORIZATION_FAILED",
        "SASL_AUTHENTICATION_FAILED",
        "TOPIC_AUTHORIZATION_FAILED",
        "TOPIC_EXCEPTION",
        "UNKNOWN_TOPIC_OR_PART",
        "UNSUPPORTED_SASL_MECHANISM",
    )
)
_REFUSED_MESSAGE = frozenset(
    ("MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_MSG", "INVALID_MSG_SIZE", "INVALID_RECORD")
)
_LONGEST_MESSAGE = 64 << 20  # the broker's limit counts, not the client's default of 1 MB


class KafkaSettings(OutputSettings):
    """Keys of `kafka`."""

    hostport: Text = ""
    """Brokers to begin with, `host:port,host:port`; the port is 9092 where none is given."""
    topic: Text = ""
    """Topic."""
    topiccreation: Flag = False
    """Let the broker make the topic, if it is set up to."""
    sasl: Annotated[Literal["", "PLAIN", "SCRAM_SHA256", "SCRAM_SHA512"], BeforeValidator(_word)] = ""
    """Login: PLAIN, SCRAM_SHA256 or SCRAM_SHA512."""
    username: Text = ""
    """User, for `sasl`."""
    password: Secret = NO_SECRET
    """Password of `username`."""
    tls: Flag = False
    """Speak TLS; with `tlsclient.cacertfile` set, that authority alone is trusted."""
    checkcert: Flag = True
    """Verify the brokers' certificates; false accepts anybody's. With `mutualtls` they are always verified."""
    mutualtls: Flag = False
    """Present the client certificate of `mutualtlsclient`; implies `tls`."""
    clientid: Text = "sidekick"
    """The name that brokers see in their logs and quotas."""
    balancer: Annotated[
        Literal["crc32", "crc32_random", "murmur2", "murmur2_random", "least_bytes", "round_robin"], AnyCase
    ] = "murmur2_random"
    """How a host's alerts find their partition. murmur2 and crc32 keep them in one, in order; round_robin and
    least_bytes spread them at random."""
    compression: Annotated[Literal["GZIP", "SNAPPY", "LZ4", "ZSTD", "NONE"], BeforeValidator(_word)] = "NONE"
    """GZIP, SNAPPY, LZ4, ZSTD or NONE."""
    requiredacks: Annotated[Literal["ALL", "ONE", "NONE"], BeforeValidator(_word)] = "ALL"
    """Who has an alert before it counts as delivered: ALL replicas in sync, ONE broker, or NONE (lost without a word
    if the broker fails). Only with ALL does a resend inside one try leave no second copy."""
    asynchronous: Flag = Field(default=False, alias="async")
    """Taken from falcosidekick's files and not used: an alert that nobody waits for is an alert that may be lost."""


class Kafka(BlockingOutput[KafkaSettings]):
    Settings = KafkaSettings
    title = "Kafka"
    category = "queue"
    website = "https://kafka.apache.org"
    arrives = "A message: the alert's JSON as its value, the alert's host as its key, its id as a header."
    requires = ("hostport", "topic")
    example = {"hostport": "kafka-0:9092,kafka-1:9092", "topic": "falco"}
    limits = BatchLimits(count=1000, bytes=8 << 20, linger=0.05)
    extra = "kafka"

    def __init__(self, settings: KafkaSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._producer: Producer | None = None
        self._complaint: KafkaError | None = None

    def open(self) -> None:
        with optional("kafka"):
            from confluent_kafka import KafkaException, Producer  # noqa: PLC0415

        self._complaint = None
        try:
            self._producer = Producer(self._configuration())
            topics = self._producer.list_topics(self.settings.topic, timeout=self.patience).topics
        except KafkaException as failure:
            if self._producer is not None:
                self._producer.poll(0)  # the reason of a refused login comes by the error callback alone
            raise self._verdict(failure.args[0]) from None
        error = topics[self.settings.topic].error
        if error is not None and not self.settings.topiccreation:
            raise self._verdict(error)

    def release(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(1)

    def deliver(self, events: Sequence[Event]) -> dict[int, RetryableError | PermanentError]:
        self._complaint = None
        return self._apart(dict(enumerate(events)), time.monotonic() + self.patience + 1)

    def _apart(self, events: Mapping[int, Event], end: float) -> dict[int, RetryableError | PermanentError]:
        """The errors by index. A broker refuses a request for one of its messages, or for the size of all together, so
        those that are refused at once go again in halves: the verdict on one that went alone is its own."""
        errors = self._together(events, end)
        refused = [index for index, error in errors.items() if isinstance(error, PermanentError)]
        if len(refused) > 1:
            middle = len(refused) // 2
            for half in (refused[:middle], refused[middle:]):
                errors = {index: error for index, error in errors.items() if index not in half}
                errors |= self._apart({index: events[index] for index in half}, end)
        return errors

    def _together(self, events: Mapping[int, Event], end: float) -> dict[int, RetryableError | PermanentError]:
        producer = self._producer
        assert producer is not None
        failed: dict[int, KafkaError] = {}
        waiting = set(events)

        def report(index: int, error: "KafkaError | None", message: object) -> None:
            waiting.discard(index)
            if error is not None:
                failed[index] = error

        errors = {
            index: refusal
            for index, event in events.items()
            if (refusal := self._queue(producer, event, partial(report, index)))
        }
        producer.flush(max(0.0, end - time.monotonic()))
        waiting -= errors.keys()
        errors |= {index: self._verdict(error) for index, error in failed.items()}
        return errors | {index: RetryableError("no acknowledgement in time") for index in waiting}

    def _queue(
        self, producer: "Producer", event: Event, report: Callable[["KafkaError | None", object], None]
    ) -> RetryableError | PermanentError | None:
        from confluent_kafka import KafkaException  # noqa: PLC0415

        headers: Any = [("id", event.uuid), ("rule", event.rule), ("priority", event.priority.value)]
        key = event.hostname or None
        try:
            producer.produce(self.settings.topic, event.json, key, on_delivery=report, headers=headers)
        except BufferError:
            return RetryableError("the library's queue is full")
        except KafkaException as failure:
            return self._verdict(failure.args[0])
        return None

    def _verdict(self, error: "KafkaError") -> RetryableError | PermanentError:
        name = error.name()
        if name in _REFUSED_MESSAGE:
            return PermanentError(f"{name}: {error.str()}")
        if name in _WRONG_SETTINGS:
            return MisconfiguredError(f"{name}: {error.str()}")
        complaint = self._complaint
        if complaint is not None and complaint.name() in _WRONG_SETTINGS:
            return MisconfiguredError(f"{complaint.name()}: {complaint.str()}")
        return RetryableError(f"{name}: {error.str()}")

    def _hear(self, error: "KafkaError") -> None:
        """What the library says of its connections: a wrong password or certificate is told here and nowhere else."""
        if self._complaint is None or error.name() in _WRONG_SETTINGS:
            self._complaint = error

    def _configuration(self) -> dict[str, Any]:
        settings = self.settings
        acks = _ACKS[settings.requiredacks]
        return {
            "bootstrap.servers": settings.hostport,
            "client.id": settings.clientid,
            "acks": acks,
            "enable.idempotence": acks == "all",
            "partitioner": _PARTITIONERS[settings.balancer],
            "compression.type": settings.compression.lower(),
            "allow.auto.create.topics": settings.topiccreation,
            "message.max.bytes": _LONGEST_MESSAGE,
            "message.timeout.ms": max(1, int(self.patience * 1000)),
            "reconnect.backoff.max.ms": 1000,
            "linger.ms": 2,
            "error_cb": self._hear,
            "log_level": 0,
        } | self._security()

    def _security(self) -> dict[str, Any]:
        settings, tls = self.settings, self.context.tls
        encrypted = settings.tls or settings.mutualtls
        protocol = ("SASL_" if settings.sasl else "") + ("SSL" if encrypted else "PLAINTEXT")
        found: dict[str, Any] = {"security.protocol": protocol}
        if encrypted:
            # As for all outputs, mutual TLS always verifies the server.
            found["enable.ssl.certificate.verification"] = settings.checkcert or settings.mutualtls
            found |= {"ssl.ca.location": tls.cafile} if tls.cafile else {}
        if settings.mutualtls:
            certificate, key, authority = tls.client_files()
            found |= {"ssl.certificate.location": certificate, "ssl.key.location": key, "ssl.ca.location": authority}
        if settings.sasl:
            found |= {
                "sasl.mechanism": _MECHANISMS[settings.sasl],
                "sasl.username": settings.username,
                "sasl.password": settings.password.get_secret_value(),
            }
        return found
