"""Google Security Operations (Chronicle): alerts as raw logs of a log type."""

import base64
from collections.abc import Sequence
from datetime import timedelta

from sidekick.sdk import BatchLimits, Event, Request, Text
from sidekick.sdk.gcp import GoogleOutput, GoogleSettings


class ChronicleSettings(GoogleSettings):
    """Keys of `gcp.chronicle`."""

    region: Text = ""
    """Region of the instance, such as us or europe."""
    projectid: Text = ""
    """Project of the instance."""
    instanceid: Text = ""
    """Instance, its customer id."""
    logtype: Text = "FALCO_IDS"
    """Log type that the alerts are parsed as."""


class Chronicle(GoogleOutput[ChronicleSettings]):
    Settings = ChronicleSettings
    title = "GCPChronicle"
    category = "other"
    website = "https://cloud.google.com/security/products/security-operations"
    requires = ("region", "projectid", "instanceid")
    example = {"region": "europe", "projectid": "PROJECT", "instanceid": "INSTANCE"}
    # With base64 below 1 MB, the least that Google has named as a request's limit.
    limits = BatchLimits(count=1000, bytes=700_000, linger=1.0)

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        base = keys.endpoint.rstrip("/") or f"https://chronicle.{keys.region}.rep.googleapis.com"
        instance = f"projects/{keys.projectid}/locations/{keys.region}/instances/{keys.instanceid}"
        url = f"{base}/v1beta/{instance}/logTypes/{keys.logtype}/logs:import"
        document = {"inlineSource": {"logs": [_log(event) for event in events]}}
        return Request.json(url, document, {"Content-Type": "application/json"})


def _log(event: Event) -> dict[str, str]:
    """The API wants a time of collection that is later than the alert's; a second is all that is known of it."""
    return {
        "data": base64.b64encode(event.json).decode(),
        "logEntryTime": event.time,
        "collectionTime": _later(event),
    }


def _later(event: Event) -> str:
    try:
        return (event.datetime + timedelta(seconds=1)).isoformat()
    except OverflowError:  # the last second that Python knows
        return event.time
