"""Kafka REST Proxy: alerts as records of a topic."""

import base64
from collections.abc import Sequence

import msgspec

from sidekick.sdk import (
    Answer,
    BatchLimits,
    Event,
    HttpOutput,
    HttpSettings,
    PartialError,
    PermanentError,
    Request,
    RetryableError,
    Text,
    verdict,
)
from sidekick.sdk.body import read_json


class KafkaRestSettings(HttpSettings):
    """Keys of `kafkarest`."""

    address: Text = ""
    """URL of the topic, such as http://proxy:8082/topics/falco."""
    version: int = 2
    """Version of the API: 1 or 2; any other number means 2."""


class _Offset(msgspec.Struct):
    error_code: int | None = None
    error: str | None = None


class _Offsets(msgspec.Struct):
    offsets: list[_Offset] = []


class KafkaRest(HttpOutput[KafkaRestSettings]):
    Settings = KafkaRestSettings
    title = "KafkaRest"
    category = "queue"
    website = "https://docs.confluent.io/platform/current/kafka-rest"
    requires = ("address",)
    example = {"address": "http://kafka-rest:8082/topics/falco"}
    limits = BatchLimits(count=500, bytes=700_000)

    def encode(self, events: Sequence[Event]) -> Request:
        version = 1 if self.settings.version == 1 else 2
        records = [{"value": base64.b64encode(event.json).decode()} for event in events]
        headers = {"Content-Type": f"application/vnd.kafka.binary.v{version}+json"}
        return Request.json(self.settings.address, {"records": records}, headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        offsets = read_json(answer.body, _Offsets).offsets[: len(events)]
        if errors := {index: _verdict(offset) for index, offset in enumerate(offsets) if offset.error_code}:
            raise PartialError(errors)


def _verdict(offset: _Offset) -> RetryableError | PermanentError:
    # 1: a retry is of no use, 2: it may be (the API's version 2, "Produce messages to a topic").
    kind = PermanentError if offset.error_code == 1 else RetryableError
    return kind(f"{offset.error_code}: {offset.error or 'no reason given'}")
