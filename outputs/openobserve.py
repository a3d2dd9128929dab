"""OpenObserve: alerts as lines of JSON to a stream."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    Answer,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    PermanentError,
    Request,
    Secret,
    Text,
    TextMap,
    auth,
    verdict,
)
from sidekick.sdk.body import json_lines, read_json


class OpenObserveSettings(HttpSettings):
    """Keys of `openobserve`."""

    hostport: Text = ""
    """Base URL, such as http://openobserve:5080."""
    organizationname: Text = "default"
    """Organization that owns the stream."""
    streamname: Text = "falco"
    """Stream that takes the alerts."""
    username: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `username`."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class _Stream(msgspec.Struct):
    failed: int = 0
    error: str = ""


class _Ingestion(msgspec.Struct):
    status: list[_Stream] = []


class OpenObserve(HttpOutput[OpenObserveSettings]):
    Settings = OpenObserveSettings
    title = "OpenObserve"
    category = "logs"
    website = "https://openobserve.ai"
    requires = ("hostport",)
    example = {"hostport": "http://openobserve:5080", "username": "root@example.com", "password": "PASSWORD"}
    limits = BatchLimits(count=1000, bytes=4 << 20)

    def __init__(self, settings: OpenObserveSettings, context: Context) -> None:
        super().__init__(settings, context)
        stream = "/".join(quote(name, safe="") for name in (settings.organizationname, settings.streamname))
        self._url = f"{settings.hostport.rstrip('/')}/api/{stream}/_multi"
        self._headers = {"Content-Type": JSON} | auth.basic(settings.username, settings.password)

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(self._url, json_lines(events), self._headers | self.settings.customheaders)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        streams = read_json(answer.body, _Ingestion).status
        if failed := sum(stream.failed for stream in streams):
            raise PermanentError(f"{failed} alerts refused: {streams[0].error}")
