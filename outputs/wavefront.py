"""Wavefront: each alert as a point of one metric with the value 1 (Wavefront data format, over HTTP)."""

import gzip
from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    BatchLimits,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Request,
    RetryableError,
    Secret,
    Text,
    auth,
    shown,
    verdict,
)
from sidekick.sdk.labels import text_fields

# A point with a longer tag (key and value) is blocked: https://docs.wavefront.com/wavefront_data_format.html
_TAG_LIMIT = 254
_TAG = str.maketrans({'"': r"\"", "\n": r"\n", "\r": r"\r"})


def _checked(host: str) -> str:
    _ = urlsplit(host if "://" in host else f"//{host}").port
    return host


class WavefrontSettings(HttpSettings):
    """Keys of `wavefront`."""

    endpointtype: Literal["", "direct", "proxy"] = ""
    """`direct` to the service, or through a `proxy`."""
    endpointhost: Annotated[Text, AfterValidator(_checked)] = ""
    """Host of the service, such as INSTANCE.wavefront.com, or URL of the proxy."""
    endpointtoken: Secret = NO_SECRET
    """API token of the service."""
    endpointmetricport: int = 2878
    """Port of the proxy, where its URL has none."""
    metricname: Text = "falco.alert"
    """Name of the metric."""
    flushintervalseconds: int = 1
    """Seconds that the first alert of a batch waits for company."""
    batchsize: int = 10000
    """Most alerts in one request."""


class Wavefront(HttpOutput[WavefrontSettings]):
    Settings = WavefrontSettings
    title = "Wavefront"
    category = "metrics"
    website = "https://docs.wavefront.com"
    requires = ("endpointtype", "endpointhost")
    example = {"endpointtype": "direct", "endpointhost": "INSTANCE.wavefront.com", "endpointtoken": "TOKEN"}
    limits = BatchLimits(count=10000, bytes=4 << 20)
    # A point with the same tags and time as another takes its place.
    idempotent = True

    def __init__(self, settings: WavefrontSettings, context: Context) -> None:
        super().__init__(settings, context)
        direct = settings.endpointtype == "direct"
        host = settings.endpointhost.rstrip("/")
        if "://" not in host:
            host = f"{'https' if direct else 'http'}://{host}"
        if not direct and urlsplit(host).port is None:
            host = f"{host}:{settings.endpointmetricport}"
        self._url = f"{host}/report?f=wavefront"
        self._login = auth.authorization("Bearer", settings.endpointtoken) if direct else {}

    @property
    def batch(self) -> BatchLimits:
        limits = BatchLimits(self.settings.batchsize, self.limits.bytes, self.settings.flushintervalseconds)
        return limits.narrowed(self.settings.batch)

    def encode(self, events: Sequence[Event]) -> Request:
        lines = "".join(map(self._point, events)).encode()
        headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"} | self._login
        return Request(self._url, gzip.compress(lines, 1, mtime=0), headers)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """The service says 406 as others say 429: https://github.com/wavefrontHQ/wavefront-proxy takes it so too."""
        if answer.status == 406:
            raise RetryableError(f"HTTP 406: {shown(answer.body)}")
        verdict(answer)

    def _point(self, event: Event) -> str:
        tags = dict(text_fields(event)) | {
            "severity": event.priority.value,
            "rule": event.rule,
            "source": event.source,
            "hostname": event.hostname,
            "tags": ", ".join(event.tags),
        }
        written = "".join(f' "{_quoted(key)}"="{_quoted(_cut(key, tags[key]))}"' for key in tags if tags[key].strip())
        moment = event.timestamp_ns // 10**6
        return f'"{_quoted(self.settings.metricname)}" 1 {moment} source="falco-exporter"{written}\n'


def _cut(key: str, value: str) -> str:
    return value[: max(0, _TAG_LIMIT - len(key))]


def _quoted(text: str) -> str:
    escaped = text.translate(_TAG)
    # A backslash at the end would take the closing quote with it.
    return f"{escaped} " if escaped.endswith("\\") else escaped
