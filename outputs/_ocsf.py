"""Alerts as findings of the Open Cybersecurity Schema Framework, in Parquet.

Class Security Finding of version 0.1.0, as falcosidekick writes it (https://schema.ocsf.io/0.1.0/classes/security_finding).
"""

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

from sidekick.sdk import Event, NumberLiteral, Priority
from sidekick.sdk.extras import optional

_SEVERITIES = {
    Priority.DEBUG: ("Informational", 1),
    Priority.INFORMATIONAL: ("Informational", 1),
    Priority.NOTICE: ("Low", 2),
    Priority.WARNING: ("Medium", 3),
    Priority.ERROR: ("High", 4),
    Priority.CRITICAL: ("Critical", 5),
    Priority.ALERT: ("Fatal", 6),
    Priority.EMERGENCY: ("Fatal", 6),
}
# The name of a type, a group, or a value that is repeated.
_Kind: TypeAlias = "str | dict[str, _Kind] | list[_Kind]"
_COLUMNS: dict[str, _Kind] = {
    "activity_id": "int32",
    "activity_name": "string",
    "category_name": "string",
    "category_uid": "int32",
    "class_name": "string",
    "class_uid": "int32",
    "finding": {"created_time": "int64", "desc": "string", "title": "string", "types": ["string"], "uid": "string"},
    "message": "string",
    "metadata": {
        "version": "string",
        "product": {"vendor_name": "string", "name": "string"},
        "labels": ["string"],
    },
    "observables": [{"name": "string", "type": "string", "type_id": "int32", "value": "string"}],
    "raw_data": "string",
    "severity": "string",
    "severity_id": "int32",
    "state": "string",
    "state_id": "int32",
    "status": "string",
    "time": "int64",
    "type_name": "string",
    "type_uid": "int32",
}


def parquet(events: Sequence[Event]) -> bytes:
    """A file with a row for each alert; raises `MisconfiguredError` where the extra is not installed."""
    with optional("securitylake"):
        from arro3.core import Table  # noqa: PLC0415
        from arro3.io import write_parquet  # noqa: PLC0415

    rows = [_finding(event) for event in events]
    arrays = [_array(kind, [row[name] for row in rows]) for name, kind in _COLUMNS.items()]
    file = io.BytesIO()
    write_parquet(
        Table.from_arrays(arrays, schema=_arrow().Schema(_fields(_COLUMNS))),
        file,
        compression="snappy",
        # Arrow's own description of the columns would only repeat Parquet's.
        skip_arrow_metadata=True,
    )
    return file.getvalue()


def _finding(event: Event) -> dict[str, Any]:
    severity, severity_id = _SEVERITIES[event.priority]
    moment = max(0, event.timestamp_ns // 1_000_000)
    return {
        "activity_id": 1,
        "activity_name": "Generate",
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Security Finding",
        "class_uid": 2001,
        "finding": {
            "created_time": moment,
            "desc": event.output,
            "title": event.rule,
            "types": [event.source],
            "uid": event.uuid,
        },
        "message": event.rule,
        "metadata": {
            "version": "0.1.0",
            "product": {"vendor_name": "Falcosecurity", "name": "Falco"},
            "labels": list(event.tags),
        },
        "observables": _observables(event),
        "raw_data": event.json.decode(),
        "severity": severity,
        "severity_id": severity_id,
        "state": "New",
        "state_id": 1,
        "status": event.priority.value,
        "time": moment,
        "type_name": "Security Finding: Generate",
        "type_uid": 200101,
    }


def _observables(event: Event) -> list[dict[str, Any]]:
    values = {"hostname": event.hostname} if event.hostname else {}
    for name, value in sorted(event.fields.items()):
        if isinstance(value, str | int | NumberLiteral) and not isinstance(value, bool):
            values[name] = str(value)
    return [{"name": name, "type": "Other", "type_id": 0, "value": value} for name, value in values.items()]


def _array(kind: _Kind, values: list[Any]) -> Any:
    arrow = _arrow()
    if isinstance(kind, dict):
        arrays = [_array(inner, [value[name] for value in values]) for name, inner in kind.items()]
        return arrow.struct_array(arrays, fields=_fields(kind))
    if isinstance(kind, list):
        offsets = arrow.Array([0, *accumulate(map(len, values))], type=arrow.DataType.int32())
        items = _array(kind[0], [item for value in values for item in value])
        return arrow.list_array(offsets, items, type=_type(kind))
    return arrow.Array(values, type=_type(kind))


def _fields(columns: dict[str, _Kind]) -> list[Any]:
    return [_arrow().Field(name, _type(kind), nullable=False) for name, kind in columns.items()]


def _type(kind: _Kind) -> Any:
    arrow = _arrow()
    if isinstance(kind, dict):
        return arrow.DataType.struct(_fields(kind))
    if isinstance(kind, list):
        return arrow.DataType.list(arrow.Field("element", _type(kind[0]), nullable=False))
    return getattr(arrow.DataType, kind)()


def _arrow() -> Any:
    import arro3.core  # noqa: PLC0415

    return arro3.core
