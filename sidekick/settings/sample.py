"""What an output makes of one alert, as its page shows it."""

import gzip
from typing import Any

import msgspec

from sidekick.event import Event, Priority
from sidekick.sdk.errors import DeliveryError
from sidekick.sdk.output import Context, HttpOutput, Output

ALERT = Event(
    uuid="019ac5c5-d8a6-7e4f-b1b6-f08584d2ffc0",
    output="10:20:05.408091526: Notice A shell was spawned in a container (user=root command=bash container=web)",
    priority=Priority.NOTICE,
    rule="Terminal shell in container",
    time="2026-11-24T10:20:05.408091526Z",
    fields={"container.id": "3ad7b26ded6d", "k8s.ns.name": "shop", "k8s.pod.name": "web-7d9f6", "proc.pid": 4242},
    source="syscall",
    tags=("container", "shell"),
    hostname="node-01",
)
_GZIP = b"\x1f\x8b"


def sample(output: type[Output[Any]]) -> str:
    """The request that carries the alert, by the output's own example; nothing where that is no text over HTTP."""
    if not issubclass(output, HttpOutput):
        return ""
    try:
        request = output(output.Settings.model_validate(output.example), Context()).encode([ALERT])
    except DeliveryError:  # what it needs is not installed here
        return ""
    body = gzip.decompress(request.body) if request.body.startswith(_GZIP) else request.body
    try:
        return f"{request.method} {request.url}\n\n{_legible(body)}\n"
    except UnicodeDecodeError:
        return ""


def _legible(body: bytes) -> str:
    """JSON on many lines, its numbers as they are; any other text as it is."""
    try:
        return msgspec.json.format(body, indent=2).decode()
    except msgspec.DecodeError:
        return body.decode().rstrip("\n")
