"""Spyderbat: alerts to a source of the organization, which is registered when it is not there yet."""

import gzip
from collections.abc import Sequence
from typing import Any

import msgspec

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Priority,
    Request,
    Secret,
    Text,
    auth,
    encode_json,
    verdict,
)
from sidekick.sdk.body import read_json
from sidekick.sdk.labels import text_of

_LEVELS = {
    Priority.EMERGENCY: "critical",
    Priority.ALERT: "high",
    Priority.CRITICAL: "critical",
    Priority.ERROR: "high",
    Priority.WARNING: "medium",
    Priority.NOTICE: "low",
    Priority.INFORMATIONAL: "info",
    Priority.DEBUG: "info",
}


class SpyderbatSettings(HttpSettings):
    """Keys of `spyderbat`."""

    orguid: Text = ""
    """Organization."""
    apikey: Secret = NO_SECRET
    """API key of the organization."""
    apiurl: Text = "https://api.spyderbat.com"
    """Base URL of the API."""
    source: Text = "falcosidekick"
    """Name of the source."""
    sourcedescription: Text = ""
    """Description of the source."""


class _Source(msgspec.Struct):
    uid: str = ""


class Spyderbat(HttpOutput[SpyderbatSettings]):
    Settings = SpyderbatSettings
    title = "Spyderbat"
    category = "metrics"
    website = "https://www.spyderbat.com"
    requires = ("orguid",)
    example = {"orguid": "ORGANIZATION", "apikey": "KEY"}
    limits = BatchLimits(count=1000, bytes=4 << 20)

    def __init__(self, settings: SpyderbatSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._sources = f"{settings.apiurl.rstrip('/')}/api/v1/org/{settings.orguid}/source/"
        self._uid = f"falcosidekick_{settings.orguid}"
        self._login = auth.authorization("Bearer", settings.apikey)

    async def connect(self) -> None:
        await super().connect()
        present = await self.request(Request(self._sources, headers=self._login, method="GET"))
        verdict(present)
        if _Source(self._uid) not in read_json(present.body, list[_Source]):
            source = {"name": self.settings.source, "description": self.settings.sourcedescription, "uid": self._uid}
            headers = self._login | {"Content-Type": JSON}
            verdict(await self.request(Request(self._sources, encode_json(source) + b"\n", headers)))

    def encode(self, events: Sequence[Event]) -> Request:
        lines = b"".join(encode_json(_alert(event)) + b"\n" for event in events)
        headers = self._login | {"Content-Type": "application/ndjson", "Content-Encoding": "gzip"}
        return Request(f"{self._sources}{self._uid}/data/sb-agent", gzip.compress(lines, 1, mtime=0), headers)


def _alert(event: Event) -> dict[str, Any]:
    seconds, nanoseconds = divmod(event.timestamp_ns, 10**9)
    alert = {
        "schema": "falco_alert::1.0.0",
        "id": event.uuid,
        "monotonic_time": nanoseconds,
        "orc_time": event.timestamp_ns / 1e9,
        "time": seconds,
        "pid": event.fields.get("proc.pid"),
        "level": _LEVELS[event.priority],
        "msg": event.output.split(" ")[2:] or None,
        "args": text_of(event, "proc.cmdline"),
        "container": text_of(event, "container.id"),
    }
    return alert if isinstance(alert["pid"], int) else {name: alert[name] for name in alert if name != "pid"}
