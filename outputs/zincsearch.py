"""ZincSearch: alerts in an index, each under its own id, by its Elasticsearch-like `_bulk`."""

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
    PermanentError,
    Request,
    Secret,
    Text,
    auth,
    encode_json,
    verdict,
)
from sidekick.sdk.body import read_json


class ZincsearchSettings(HttpSettings):
    """Keys of `zincsearch`."""

    hostport: Text = ""
    """Base URL, such as http://zincsearch:4080."""
    index: Text = "falco"
    """Index that takes the alerts."""
    username: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `username`."""


class _Bulk(msgspec.Struct):
    record_count: int | None = None


class Zincsearch(HttpOutput[ZincsearchSettings]):
    Settings = ZincsearchSettings
    title = "Zincsearch"
    category = "logs"
    website = "https://zincsearch-docs.zinc.dev"
    requires = ("hostport",)
    example = {"hostport": "http://zincsearch:4080", "username": "admin", "password": "PASSWORD"}
    limits = BatchLimits(count=1000, bytes=4 << 20)
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        headers = {"Content-Type": JSON} | auth.basic(settings.username, settings.password)
        return Request(f"{settings.hostport.rstrip('/')}/api/_bulk", b"".join(map(self._entry, events)), headers)

    def _entry(self, event: Event) -> bytes:
        action = encode_json({"index": {"_index": self.settings.index, "_id": event.uuid}})
        return b"%b\n%b\n" % (action, event.json)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        stored = read_json(answer.body, _Bulk).record_count
        if stored is not None and stored < len(events):
            raise PermanentError(f"{stored} of {len(events)} alerts stored")
