"""Splunk: alerts to an HTTP event collector, many in one request, each at its own time."""

from collections.abc import Sequence

import msgspec

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    Answer,
    BatchLimits,
    Event,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    Request,
    Secret,
    Text,
    TextMap,
    auth,
    shown,
    verdict,
)
from sidekick.sdk.body import read_json

# Answers with status 400 that speak of the token's settings and not of the alerts: its index is not allowed, it asks
# for a channel, the channel is invalid.
# https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector
_TOKEN_SETTINGS = {7, 10, 11}


class SplunkSettings(HttpSettings):
    """Keys of `splunk`."""

    host: Text = ""
    """Whole URL of the collector, such as https://splunk:8088/services/collector/event."""
    token: Secret = NO_SECRET
    """Token of the collector."""
    customheaders: TextMap = {}
    """Headers to add."""


class _Reply(msgspec.Struct):
    code: int = 0


class Splunk(HttpOutput[SplunkSettings]):
    Settings = SplunkSettings
    title = "Splunk"
    category = "logs"
    website = "https://www.splunk.com"
    requires = ("host",)
    example = {"host": "https://splunk:8088/services/collector/event", "token": "TOKEN"}
    limits = BatchLimits(count=1000, bytes=800_000)

    def encode(self, events: Sequence[Event]) -> Request:
        headers = {"Content-Type": JSON} | self.settings.customheaders
        headers |= auth.authorization("Splunk", self.settings.token)
        return Request(self.settings.host, b"".join(map(_entry, events)), headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        if answer.status == 400 and read_json(answer.body, _Reply).code in _TOKEN_SETTINGS:
            raise MisconfiguredError(f"HTTP 400: {shown(answer.body)}")
        verdict(answer)


def _entry(event: Event) -> bytes:
    seconds, nanoseconds = divmod(event.timestamp_ns, 10**9)
    return b'{"time":%d.%09d,"event":%b,"sourcetype":"falcosidekick"}\n' % (seconds, nanoseconds, event.json)
