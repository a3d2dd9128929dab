"""InfluxDB: alerts as points of the measurement `events`, at their own time (line protocol)."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Request,
    Secret,
    Text,
    auth,
)
from sidekick.sdk.labels import text_fields

_NANOSECONDS = {"ns": 1, "n": 1, "us": 10**3, "u": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
# Spaces become `_`, as falcosidekick's users know their tags; a line break has no escape in the protocol.
_TAG = str.maketrans({" ": "_", "\n": "_", "\r": "_", ",": r"\,", "=": r"\="})
_STRING = str.maketrans({'"': r"\"", "\\": r"\\"})
# Ours, and `time`, which the server keeps for itself.
_TAKEN = {"rule", "priority", "source", "hostname", "tags", "value", "time"}


class InfluxdbSettings(HttpSettings):
    """Keys of `influxdb`."""

    hostport: Text = ""
    """Base URL, such as http://influxdb:8086."""
    database: Text = "falco"
    """Database of an InfluxDB 1."""
    organization: Text = ""
    """Organization of an InfluxDB 2 or 3; its write API is used when this is set."""
    bucket: Text = "falco"
    """Bucket of the organization."""
    precision: Literal["ns", "n", "us", "u", "ms", "s", "m", "h"] = "ns"
    """Unit of the points' time; of two alerts with the same tags in one unit, the later replaces the earlier."""
    user: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `user`."""
    token: Secret = NO_SECRET
    """Token, instead of a user."""


class Influxdb(HttpOutput[InfluxdbSettings]):
    Settings = InfluxdbSettings
    title = "Influxdb"
    category = "metrics"
    website = "https://www.influxdata.com"
    requires = ("hostport",)
    example = {"hostport": "http://influxdb:8086", "organization": "security", "token": "TOKEN"}
    limits = BatchLimits(count=5000, bytes=4 << 20)
    # A point with the same tags and time as another takes its place.
    idempotent = True

    def __init__(self, settings: InfluxdbSettings, context: Context) -> None:
        super().__init__(settings, context)
        if settings.organization and settings.bucket:
            path, names = "/api/v2/write", {"org": settings.organization, "bucket": settings.bucket}
        else:
            path, names = "/write", {"db": settings.database}
        query = urlencode(names | {"precision": settings.precision})
        self._url = f"{settings.hostport.rstrip('/')}{path}?{query}"
        login = auth.authorization("Token", settings.token) or auth.basic(settings.user, settings.password)
        self._headers = {"Accept": "application/json", "Content-Type": JSON} | login

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(self._url, "\n".join(map(self._line, events)).encode(), self._headers)

    def _line(self, event: Event) -> str:
        tags = {"rule": event.rule, "priority": event.priority.value, "source": event.source}
        # By the name as it is written: the server refuses a point that has a tag twice.
        tags |= {_tag(name): value for name, value in text_fields(event) if name and _tag(name) not in _TAKEN}
        tags |= {"hostname": event.hostname, "tags": "_".join(event.tags)}
        written = "".join(f",{name}={_tag(value)}" for name, value in tags.items() if value)
        moment = event.timestamp_ns // _NANOSECONDS[self.settings.precision]
        return f'events{written} value="{event.output.translate(_STRING)}" {moment}'


def _tag(text: str) -> str:
    """A key or value of a tag; at its end a backslash would escape the sign that follows."""
    text = text.translate(_TAG)
    return f"{text}_" if text.endswith("\\") else text
