"""OpenTelemetry logs: alerts as log records, by OTLP over HTTP."""

from collections.abc import Sequence
from typing import Any

import outputs._otlp as otlp
from sidekick.sdk import Event, Priority, Request
from sidekick.sdk.template.time import GoTime

# As the data model maps syslog's: https://opentelemetry.io/docs/specs/otel/logs/data-model-appendix/
_SEVERITIES = {
    Priority.EMERGENCY: 21,
    Priority.ALERT: 19,
    Priority.CRITICAL: 18,
    Priority.ERROR: 17,
    Priority.WARNING: 13,
    Priority.NOTICE: 10,
    Priority.INFORMATIONAL: 9,
    Priority.DEBUG: 5,
}


class OtlpLogs(otlp.OtlpOutput[otlp.RecordSettings]):
    Settings = otlp.RecordSettings
    title = "OTLPLogs"
    category = "logs"
    arrives = "A log record: the output as its body, the priority as its severity, all else as attributes."
    example = {"endpoint": "http://otel-collector:4318/v1/logs"}

    def encode(self, events: Sequence[Event]) -> Request:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: PLC0415

        scope = {"scope": {"name": "falco"}, "log_records": [*map(_record, events)]}
        logs = {"resource": otlp.resource("v0.1.0"), "scope_logs": [scope], "schema_url": otlp.SCHEMA}
        return otlp.request(self.settings, ExportLogsServiceRequest, resource_logs=[logs])


def _record(event: Event) -> dict[str, Any]:
    moment = otlp.nanoseconds(event)
    known = {
        "priority": event.priority.value,
        "source": event.source,
        "rule": event.rule,
        "hostname": event.hostname,
        "tags": ",".join(event.tags),
        "timestamp": str(GoTime.at(event.datetime, event.timestamp_ns)),
        "log.record.uid": event.uuid,
    }
    return {
        "time_unix_nano": moment,
        "observed_time_unix_nano": moment,
        "severity_number": _SEVERITIES[event.priority],
        "severity_text": event.priority.value,
        "body": {"string_value": event.output},
        "attributes": otlp.attributes(otlp.fields(event) | known),
    }
