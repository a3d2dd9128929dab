"""Alerts to try an output with, made by the decoder that takes Falco's own."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sidekick.event import Event, decode

_STRANGE_FIELDS: tuple[dict[str, Any], ...] = (
    {},
    {"": 1, ".": 2, "a..b": 3, " ": 4},
    {"list": [1, "two", None, {"three": 3}], "object": {"deep": {"deeper": [[]]}}, "null": None, "yes": True},
    {"big": 2**70, "negative": -1, "float": 1.5e300},
    {"text": "é漢\u0000\u001b[31m<&>'\"\\\n\t`*_[x](y)", "%": "{{ .x }} ${y} %s {0}"},
    {"proc.cmdline": "x" * 70_000},
)


def alerts(count: int, fields: dict[str, Any] | None = None) -> list[Event]:
    """Ordinary alerts, each different, and of now, for some destinations refuse what is old."""
    now = datetime.now(UTC).isoformat()
    return [
        _alert({"output": f"alert {number}", "output_fields": fields or _fields(number), "time": now})
        for number in range(count)
    ]


def strange_alerts() -> list[Event]:
    """Alerts that are valid and seldom seen."""
    bare: dict[str, Any] = {"output": "", "source": "", "hostname": "", "tags": [], "priority": "debug"}
    return [
        *(_alert({"output_fields": fields}) for fields in _STRANGE_FIELDS),
        _alert(bare | {"output_fields": {}, "time": "2026-11-24T12:20:05.1+02:00"}),
        _alert({"rule": "é" * 300, "output": "x" * 70_000, "time": "9999-12-31T23:59:59-12:00"}),
        _alert({"time": "0001-01-01T00:00:01+14:00"}),
    ]


def the_test_event() -> Event:
    """What `POST /test` makes."""
    now = datetime.now(UTC).isoformat()
    return _alert({"rule": Event.TEST_RULE, "priority": "Debug", "output": "This is a test", "time": now})


def _fields(number: int) -> dict[str, Any]:
    return {"proc.name": "bash", "proc.pid": number, "fd.sip": "203.0.113.7", "k8s.ns.name": "shop", "user.name": None}


def _alert(changes: Mapping[str, Any]) -> Event:
    body = {
        "output": "10:20:05.408091526: Warning A shell was spawned",
        "priority": "Warning",
        "rule": "Terminal shell in container",
        "source": "syscall",
        "hostname": "node-01",
        "time": "2026-11-24T10:20:05.408091526Z",
        "tags": ["container", "shell"],
        "output_fields": _fields(0),
    }
    return decode(json.dumps({**body, **changes}).encode())[0]
