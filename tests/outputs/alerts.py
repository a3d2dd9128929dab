"""Alerts for the tests of outputs, always by way of the decoder that takes Falco's own."""

import json
from pathlib import Path
from typing import Any

from sidekick.event import Event, decode

DATA = Path(__file__).parents[1] / "data"


def recorded(name: str) -> Event:
    """The alert in `data/captures/NAME`, as `inputs/a_syscall_terminal.json`."""
    (event,) = decode((DATA / "captures" / name).read_bytes())
    return event


def alert(fields: dict[str, Any] | None = None, **changed: Any) -> Event:
    """An ordinary alert with these `output_fields`, and other keys changed."""
    body = {
        "output": "10:20:05: Notice A shell was spawned",
        "priority": "Notice",
        "rule": "Terminal shell in container",
        "source": "syscall",
        "hostname": "node-01",
        "time": "2026-11-24T10:20:05.408091526Z",
        "tags": ["shell", "container"],
        "output_fields": {"proc.name": "bash", "fd.rport": 443} if fields is None else fields,
    }
    (event,) = decode(json.dumps(body | changed).encode())
    return event


def alert_of(size: int) -> Event:
    """An alert whose JSON has so many bytes."""
    return alert(output="x" * (size - len(alert(output="").json)))
