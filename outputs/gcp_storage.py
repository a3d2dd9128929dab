"""Google Cloud Storage: alerts as objects of a bucket, gzipped JSON lines by the hour."""

from collections.abc import Sequence
from urllib.parse import quote

from sidekick.sdk import Answer, BatchLimits, Event, Request, Text, verdict
from sidekick.sdk.gcp import GoogleOutput, GoogleSettings
from sidekick.sdk.objects import LIMITS, ObjectSettings, limits, pack


class StorageSettings(GoogleSettings, ObjectSettings):
    """Keys of `gcp.storage`."""

    bucket: Text = ""
    """Bucket that takes the objects."""
    prefix: Text = ""
    """Folder of the objects."""


class Storage(GoogleOutput[StorageSettings]):
    Settings = StorageSettings
    title = "GCPStorage"
    category = "object storage"
    website = "https://cloud.google.com/storage"
    requires = ("bucket",)
    example = {"bucket": "falco-alerts", "prefix": "falco"}
    limits = LIMITS
    whole = True

    @property
    def batch(self) -> BatchLimits:
        return limits(self.settings, super().batch)

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        stored = pack(events, keys.prefix, keys)
        base = keys.endpoint.rstrip("/") or "https://storage.googleapis.com"
        # Only if there is no such object: who may create objects, and not replace them, can send a batch again too.
        query = f"uploadType=media&ifGenerationMatch=0&name={quote(stored.name, safe='')}"
        url = f"{base}/upload/storage/v1/b/{quote(keys.bucket, safe='')}/o?{query}"
        return Request(url, stored.body, {"Content-Type": stored.media_type}, exact=True)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if answer.status != 412:  # the object is there, of a try whose answer was lost
            verdict(answer)
