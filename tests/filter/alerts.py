"""Alerts for the filter's tests, decoded from JSON as Falco's own are."""

import json
from typing import Any

from sidekick.event import Event, decode


def alert(fields: dict[str, Any] | None = None, **keys: Any) -> Event:
    body = {
        "rule": "Terminal shell in container",
        "priority": "Critical",
        "time": "2026-03-04T05:06:07.123456789Z",
        "output": "A shell was spawned",
        "source": "syscall",
        "hostname": "node-1",
        "tags": ["container", "mitre_execution", "shell"],
        "output_fields": fields or {},
    }
    (event,) = decode(json.dumps(body | keys).encode())
    return event


SHELL = alert(
    {
        "container.id": "ee97d9c4186f",
        "container.name": None,
        "evt.time": 1685022245478445995,
        "fd.name": "/var/spool/maillog",
        "fd.rip": "10.1.2.3",
        "fd.lip": "2001:db8::7",
        "fd.sip": "::ffff:192.0.2.9",
        "json.value[/resource/labels/policy name]": "p1",
        "k8s.ns.name": "default",
        "load": 1.5,
        "n drops/buffer?": "0",
        "names": ["web", "db", 8080],
        "nothing": [],
        "object": {"a": "b"},
        "proc.aname[2]": "sudo",
        "proc.cmdline": "sh -c clear; (bash || ash)",
        "proc.is_exe": True,
        "proc.pid": 4242,
        "proc.tty": "34816",
        "user.name": "<NA>",
    }
)
