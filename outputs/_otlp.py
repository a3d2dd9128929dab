"""OTLP over HTTP, in protobuf: what logs, traces and metrics have in common.

OpenTelemetry's own exporters batch, retry and drop in a thread of theirs, so only its messages are used.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, cast
from urllib.parse import unquote

from pydantic import BeforeValidator, model_validator

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    BatchLimits,
    Duration,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    PermanentError,
    Request,
    Secret,
    Text,
    TextMap,
    shown,
    verdict,
)
from sidekick.sdk.extras import optional
from sidekick.sdk.message import printed
from sidekick.sdk.settings import text_map

WEBSITE = "https://opentelemetry.io/docs/specs/otlp"
SCHEMA = "https://opentelemetry.io/schemas/1.23.1"
"""The semantic conventions that the attributes of the resource follow."""
_VARIABLE = re.compile(r"OTEL_EXPORTER_OTLP_(?:LOGS|TRACES|METRICS)_(ENDPOINT|HEADERS|PROTOCOL|TIMEOUT)")
_LATEST = 2**64


def _milliseconds(value: Any) -> Any:
    """falcosidekick's bare numbers; anything else is a duration with its unit."""
    text = str(value).strip()
    return int(text) / 1000 if text.isdecimal() else value


def _protocol(value: Any) -> Any:
    if str(value).lower() == "grpc":
        raise ValueError("grpc is not spoken: write http/protobuf, and the endpoint of OTLP over HTTP (port 4318)")
    return str(value).lower()


Milliseconds = Annotated[Duration, BeforeValidator(_milliseconds)]


class OtlpSettings(HttpSettings):
    """Keys that the three have in common."""

    endpoint: Text = ""
    """URL that takes them, such as http://otel-collector:4318/v1/logs (or v1/traces, v1/metrics), used as it is."""
    protocol: Annotated[Literal["http/protobuf"], BeforeValidator(_protocol)] = "http/protobuf"
    """http/protobuf; gRPC is not spoken."""
    timeout: Milliseconds = 10.0
    """Longest wait for one try; a number without a unit is milliseconds."""
    headers: Secret = NO_SECRET
    """Headers to add, as in OTEL_EXPORTER_OTLP_HEADERS: `name=value,name=value`, with %2C for a comma in a value."""
    extraenvvars: TextMap = {}
    """falcosidekick's way to set OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, …_HEADERS, …_PROTOCOL or …_TIMEOUT (or TRACES,
    METRICS): each takes the place of the key of that name. No other variable counts."""
    tls: Flag = False
    """Taken from falcosidekick's files and not used: the URL says https or http."""

    @model_validator(mode="before")
    @classmethod
    def _variables_first(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        written = cast("dict[str, Any]", data)
        variables: dict[str, Any] = text_map(written.get("extraenvvars"))
        found = {name: match[1].lower() for name in variables if (match := _VARIABLE.fullmatch(name))}
        # They may hold a login, so they are kept as what they stand for and nowhere else.
        rest = {name: value for name, value in variables.items() if name not in found}
        taken: dict[str, Any] = {key: variables[name] for name, key in found.items()}
        return written | {"extraenvvars": rest} | taken

    @property
    def all_headers(self) -> Mapping[str, str]:
        pairs = [item.partition("=") for item in self.headers.get_secret_value().split(",")]
        own = {unquote(name.strip()): unquote(value.strip()) for name, equals, value in pairs if equals}
        return {"Content-Type": "application/x-protobuf"} | own


class RecordSettings(OtlpSettings):
    """Keys that logs and traces have in common."""

    synced: Flag = False
    """Taken from falcosidekick's files and not used: an alert counts as delivered once it is answered."""


R = TypeVar("R", bound=RecordSettings)


class OtlpOutput(HttpOutput[R]):
    """Logs and traces: an alert is a record."""

    website = WEBSITE
    requires = ("endpoint",)
    limits = BatchLimits(count=1000, bytes=2 << 20)
    extra = "otlp"

    async def connect(self) -> None:
        require()
        await super().connect()

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        count, reason = refused(answer)
        if count > 0:
            # Nobody says which, so the engine sends the batch in halves until it has found them. The specification
            # wants nothing sent again, which would lose them without a trace; the others carry the ids of before.
            raise PermanentError(f"{count} of {len(events)} refused: {reason}")


def require() -> None:
    """Raises `MisconfiguredError` where the messages are not installed."""
    with optional("otlp"):
        import opentelemetry.proto.collector  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]


def request(settings: OtlpSettings, kind: type[Any], **parts: Any) -> Request:
    """A message of that kind; `parts` are its fields, as dictionaries and lists."""
    return Request(settings.endpoint, kind(**parts).SerializeToString(), settings.all_headers)


def refused(answer: Answer) -> tuple[int, str]:
    """How many records a 200 refuses all the same, and why; raises the verdict of every other answer."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse  # noqa: PLC0415

    verdict(answer)
    try:
        # The answers to traces and metrics have the same form, with other names.
        told = ExportLogsServiceResponse.FromString(answer.body).partial_success
    except DecodeError:
        return 0, ""  # some servers answer in JSON or with nothing at all: the status alone counts then
    return told.rejected_log_records, shown(told.error_message.encode())


def resource(version: str) -> dict[str, Any]:
    return {"attributes": attributes({"service.name": "falco", "service.version": version})}


def attributes(values: Mapping[str, str | tuple[str, ...]]) -> list[dict[str, Any]]:
    """Attributes with texts as values, or lists of texts."""
    return [{"key": name, "value": _value(value)} for name, value in values.items()]


def _value(value: str | tuple[str, ...]) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"array_value": {"values": [{"string_value": text} for text in value]}}
    return {"string_value": value}


def fields(event: Event) -> dict[str, str]:
    """The fields that have a name and a value, as texts: one may be a number today and a text tomorrow."""
    known = ((name, value) for name, value in sorted(event.fields.items()) if name and value is not None)
    return {name: value if isinstance(value, str) else printed(value) for name, value in known}


def nanoseconds(event: Event) -> int:
    """The alert's time; 0, which means unknown, where 64 bits since 1970 cannot tell it."""
    return event.timestamp_ns if 0 <= event.timestamp_ns < _LATEST else 0
