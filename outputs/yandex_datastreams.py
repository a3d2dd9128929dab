"""Yandex Data Streams: one record an alert, its JSON."""

from collections.abc import Sequence

from outputs._kinesis import LIMITS, put_records, read_records
from sidekick.sdk import Answer, Event, Request, Text
from sidekick.sdk.yandex import YandexOutput, YandexOutputSettings


class DatastreamsSettings(YandexOutputSettings):
    """Keys of `yandex.datastreams`."""

    endpoint: Text = "https://yds.serverless.yandexcloud.net"
    """Base URL of the service."""
    streamname: Text = ""
    """Full path of the stream, /REGION/FOLDER/DATABASE/STREAM."""


class YandexDatastreams(YandexOutput[DatastreamsSettings]):
    Settings = DatastreamsSettings
    service = "kinesis"
    title = "YandexDataStreams"
    category = "queue"
    website = "https://yandex.cloud/services/data-streams"
    requires = ("streamname",)
    example = {"streamname": "/ru-central1/b1gfolder/etndatabase/falco"}
    limits = LIMITS

    def encode(self, events: Sequence[Event]) -> Request:
        return put_records(self.endpoint, self.settings.streamname, events)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        read_records(answer, events)
