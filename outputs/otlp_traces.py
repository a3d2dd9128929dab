"""OpenTelemetry traces: alerts as spans, those of one pod, container or host in one trace, by OTLP over HTTP."""

from collections.abc import Sequence
from typing import Any

import outputs._otlp as otlp
from sidekick.sdk import Event, Request
from sidekick.sdk.labels import text_of

_SERVER = 2  # SPAN_KIND_SERVER
_FLAGS = 0x101  # sampled; it is known that the parent is not remote
_OFFSET, _PRIME = 0x6C62272E07BB014262B821756295C58D, 0x1000000000000000000013B  # FNV-1a of 128 bits


class OtlpTracesSettings(otlp.RecordSettings):
    """Keys of `otlp.traces`."""

    duration: otlp.Milliseconds = 1.0
    """How long each span lasts, from the alert's time on; a number without a unit is milliseconds."""


class OtlpTraces(otlp.OtlpOutput[OtlpTracesSettings]):
    Settings = OtlpTracesSettings
    title = "OTLPTraces"
    category = "other"
    arrives = (
        "A span named by the rule, as long as `duration`, with all fields as attributes and the output as its event."
    )
    example = {"endpoint": "http://otel-collector:4318/v1/traces"}
    # A span that is sent again has the ids of before.
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

        scope = {"scope": {"name": "falco-event"}, "spans": [*map(self._span, events)]}
        spans = {"resource": otlp.resource("v0.1.0"), "scope_spans": [scope], "schema_url": otlp.SCHEMA}
        return otlp.request(self.settings, ExportTraceServiceRequest, resource_spans=[spans])

    def _span(self, event: Event) -> dict[str, Any]:
        start = otlp.nanoseconds(event)
        known = {
            "uuid": event.uuid,
            "source": event.source,
            "priority": event.priority.value,
            "rule": event.rule,
            "hostname": event.hostname,
            "tags": event.tags,
        }
        return {
            "trace_id": _trace_id(event),
            "span_id": _id(event)[8:],
            "name": event.rule,
            "kind": _SERVER,
            "start_time_unix_nano": start,
            "end_time_unix_nano": start + int(self.settings.duration * 10**9),
            "attributes": otlp.attributes(otlp.fields(event) | known),
            "events": [{"time_unix_nano": start, "name": event.output}],
            "status": {},
            "flags": _FLAGS,
        }


def _id(event: Event) -> bytes:
    return bytes.fromhex(event.uuid.replace("-", ""))


def _trace_id(event: Event) -> bytes:
    """Made of where the alert happened, as falcosidekick makes it; its own id where nothing says that."""
    namespace, pod, container = (text_of(event, name) for name in ("k8s.ns.name", "k8s.pod.name", "container.id"))
    place = f"{namespace}:{pod}" if namespace and pod else container if container != "host" else ""
    place = place or text_of(event, "evt.hostname")
    return _fnv(place.encode()).to_bytes(16) if place else _id(event)


def _fnv(text: bytes) -> int:
    """http://www.isthe.com/chongo/tech/comp/fnv/"""
    state = _OFFSET
    for byte in text:
        state = (state ^ byte) * _PRIME % 2**128
    return state
