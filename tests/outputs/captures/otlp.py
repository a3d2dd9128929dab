"""OTLP's messages as the recordings hold them: in JSON, ids in hex, and attributes by name, for they have no order."""

import base64
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

CONTENT_TYPE = "application/x-protobuf"
_KINDS: dict[str, type[Message]] = {
    "resourceLogs": ExportLogsServiceRequest,
    "resourceMetrics": ExportMetricsServiceRequest,
    "resourceSpans": ExportTraceServiceRequest,
}


def decoded(body: bytes, like: dict[str, Any]) -> Any:
    """The message of the same kind as the recorded one."""
    (kind,) = (_KINDS[name] for name in like)
    return by_name(_in_hex(MessageToDict(kind.FromString(body))))


def by_name(value: Any) -> Any:
    """The message with its lists of attributes as maps."""
    if isinstance(value, list):
        return [by_name(item) for item in value]
    if isinstance(value, dict):
        return {name: _named(item) if name == "attributes" else by_name(item) for name, item in value.items()}
    return value


def _named(attributes: Any) -> Any:
    if not isinstance(attributes, list):
        return attributes
    named = {attribute["key"]: attribute.get("value", {}) for attribute in attributes}
    assert len(named) == len(attributes), "an attribute is there twice"
    return named


def _in_hex(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_hex(item) for item in value]
    if isinstance(value, dict):
        return {
            name: base64.b64decode(item).hex() if name in ("traceId", "spanId") else _in_hex(item)
            for name, item in value.items()
        }
    return value
