"""Alerts to look at: real ones with times of now, and hostile ones."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidekick.event import Event, decode

_FOLDER = Path(__file__).parents[1] / "data/falco-alerts"
HOSTILE_RULE = '<script>document.title="taken"</script><img src=x onerror=alert(1)>'
RIGHT_TO_LEFT = "invoice\u202efdp.exe"
LONG = "A" * 100_000


def alert(at: float, **changes: Any) -> Event:
    """A shell in a container at that time (seconds since 1970)."""
    body: dict[str, Any] = {
        "hostname": "node-1",
        "output": "A shell was spawned in a container (user=root shell=bash)",
        "priority": "Warning",
        "rule": "Terminal shell in container",
        "source": "syscall",
        "tags": ["container", "shell"],
        "output_fields": {
            "container.image.repository": "docker.io/library/nginx",
            "k8s.ns.name": "shop",
            "proc.cmdline": "bash -i",
            "proc.name": "bash",
            "proc.pname": "nginx",
        },
    } | changes
    return _event(body, at)


def hostile(at: float) -> Event:
    """What an attacker would send: markup, a script's address, marks that turn text around, and far too much of it."""
    fields = {
        "proc.name": HOSTILE_RULE,
        "proc.cmdline": LONG,
        "fd.name": "javascript:alert(1)",
        "fd.cip": "198.51.100.1",
        "user.name": RIGHT_TO_LEFT,
        '"><script>alert(2)</script>': "' onmouseover='alert(3)",
    }
    return alert(at, rule=HOSTILE_RULE, output=RIGHT_TO_LEFT + LONG, hostname="<b>node</b>", output_fields=fields)


def real(count: int, now: float, span: float) -> list[Event]:
    """Recorded alerts, spread over the `span` seconds before `now`, more of them lately; the same each time."""
    chance = random.Random(7)
    recorded = sorted(_recorded(), key=lambda body: json.dumps(body))
    times = sorted(now - span * chance.random() ** 2 for _ in range(count))
    return [_event(chance.choice(recorded), at) for at in times]


def _recorded() -> Iterator[dict[str, Any]]:
    for name in ("syscall", "k8s_audit", "okta", "github"):
        for line in (_FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").split("\n"):
            if line:
                yield json.loads(line)


def _event(body: dict[str, Any], at: float) -> Event:
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    (event,) = decode(json.dumps(body | {"time": time}).encode())
    return event
