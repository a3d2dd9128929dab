"""Datadog: each alert as an event of the event stream."""

from collections.abc import Sequence

from sidekick.sdk import NO_SECRET, Event, HttpOutput, HttpSettings, Priority, Request, Secret, Text
from sidekick.sdk.labels import text_fields
from sidekick.sdk.message import shortened

# A longer text is refused: https://docs.datadoghq.com/api/latest/events/
_TEXT_LIMIT = 4000


class DatadogSettings(HttpSettings):
    """Keys of `datadog`."""

    apikey: Secret = NO_SECRET
    """API key of the organization."""
    host: Text = "https://api.datadoghq.com"
    """Base URL of the site, such as https://api.datadoghq.eu."""


class Datadog(HttpOutput[DatadogSettings]):
    Settings = DatadogSettings
    title = "Datadog"
    category = "metrics"
    website = "https://www.datadoghq.com"
    requires = ("apikey",)
    example = {"apikey": "KEY"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        body = {
            "title": event.rule,
            "text": shortened(event.output, _TEXT_LIMIT),
            "alert_type": _alert_type(event.priority),
            "source_type_name": "falco",
            "tags": _tags(event),
        }
        key = {"DD-API-KEY": self.settings.apikey.get_secret_value()}
        return Request.json(f"{self.settings.host.rstrip('/')}/api/v1/events", body, key)


def _alert_type(priority: Priority) -> str:
    if priority.level >= Priority.ERROR.level:
        return "error"
    return "warning" if priority is Priority.WARNING else "info"


def _tags(event: Event) -> list[str]:
    tags = [f"{name}:{value}" for name, value in text_fields(event)]
    tags += [f"source:{event.source}", "source:falco"]
    if event.hostname:
        tags.append(f"hostname:{event.hostname}")
    return [*tags, *event.tags]
