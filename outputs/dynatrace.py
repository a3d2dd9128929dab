"""Dynatrace: alerts as log records with the attributes that its views know."""

import re
from collections.abc import Sequence
from typing import Any

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    BatchLimits,
    Event,
    HttpOutput,
    HttpSettings,
    PermanentError,
    Request,
    Secret,
    Text,
    auth,
    shown,
    verdict,
)
from sidekick.sdk.labels import text_of

_ATTRIBUTES = {
    "container.id": ("container.id",),
    "container.name": ("container.name",),
    "container.image.name": ("container.image",),
    "k8s.namespace.name": ("k8s.ns.name", "ka.target.namespace"),
    "k8s.pod.name": ("k8s.pod.name",),
    "k8s.pod.uid": ("k8s.pod.id",),
    "process.executable.name": ("proc.name",),
}
_TECHNIQUE = re.compile(r"T\d+(\.\d+)?", re.ASCII)
_TACTIC = re.compile(r"mitre_\w+", re.ASCII)


class DynatraceSettings(HttpSettings):
    """Keys of `dynatrace`."""

    apitoken: Secret = NO_SECRET
    """Token with the scope `logs.ingest`."""
    apiurl: Text = ""
    """URL of the API, such as https://ENVIRONMENT.live.dynatrace.com/api."""


class Dynatrace(HttpOutput[DynatraceSettings]):
    Settings = DynatraceSettings
    title = "Dynatrace"
    category = "metrics"
    website = "https://www.dynatrace.com"
    requires = ("apitoken", "apiurl")
    example = {"apitoken": "TOKEN", "apiurl": "https://ENVIRONMENT.live.dynatrace.com/api"}
    limits = BatchLimits(count=1000, bytes=4 << 20)

    def encode(self, events: Sequence[Event]) -> Request:
        login = auth.authorization("Api-Token", self.settings.apitoken)
        return Request.json(f"{self.settings.apiurl.rstrip('/')}/v2/logs/ingest", list(map(_record, events)), login)

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        verdict(answer)
        # 204 says that all were taken, 200 with details that some were not:
        # https://docs.dynatrace.com/docs/shortlink/api-v2-logs-post
        if answer.status == 200 and b'"details"' in answer.body:
            raise PermanentError(f"refused in part: {shown(answer.body)}")


def _record(event: Event) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timestamp": event.time,
        "event.id": event.uuid,
        "event.name": event.rule,
        "event.provider": "Falco",
        "severity": event.priority.value,
        "host.name": event.hostname,
        "log.source": event.source,
        "content": {"output": event.output, "output_fields": event.fields}
        | ({"tags": event.tags} if event.tags else {}),
        "mitre.technique": _last(_TECHNIQUE, event.tags),
        "mitre.tactic": _last(_TACTIC, event.tags),
        "span.id": event.fields.get("span.id"),
    }
    for attribute, fields in _ATTRIBUTES.items():
        record[attribute] = next(filter(None, (text_of(event, field) for field in fields)), "")
    return {name: value for name, value in record.items() if value not in ("", None)}


def _last(pattern: re.Pattern[str], tags: Sequence[str]) -> str:
    return next((found[0] for tag in reversed(tags) if (found := pattern.search(tag))), "")
