"""Yandex Object Storage: alerts as gzipped objects of a bucket, by day and hour."""

from collections.abc import Sequence

from outputs._s3 import bucket_url, put_object
from sidekick.sdk import BatchLimits, Event, Request, Text, objects
from sidekick.sdk.yandex import YandexOutput, YandexOutputSettings


class S3Settings(objects.ObjectSettings, YandexOutputSettings):
    """Keys of `yandex.s3`."""

    endpoint: Text = "https://storage.yandexcloud.net"
    """Base URL of the service."""
    bucket: Text = ""
    """Name of the bucket."""
    prefix: Text = "falco"
    """What every object's name begins with, and a slash."""


class YandexS3(YandexOutput[S3Settings]):
    Settings = S3Settings
    service = "s3"
    title = "YandexS3"
    category = "object storage"
    website = "https://yandex.cloud/services/storage"
    requires = ("bucket",)
    example = {"bucket": "falco-alerts"}
    limits = objects.LIMITS
    whole = True

    @property
    def batch(self) -> BatchLimits:
        return objects.limits(self.settings, super().batch)

    def encode(self, events: Sequence[Event]) -> Request:
        bucket = bucket_url(self.endpoint, self.settings.bucket, in_path=True)
        return put_object(bucket, objects.pack(events, self.settings.prefix, self.settings), {})
