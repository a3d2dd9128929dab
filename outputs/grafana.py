"""Grafana: each alert as an annotation, on one panel or for all."""

from collections.abc import Sequence
from typing import Any

from sidekick.sdk import NO_SECRET, Event, Flag, HttpOutput, HttpSettings, Request, Secret, Text, TextMap, auth
from sidekick.sdk.labels import as_text


class GrafanaSettings(HttpSettings):
    """Keys of `grafana`."""

    hostport: Text = ""
    """Base URL, such as http://grafana:3000."""
    apikey: Secret = NO_SECRET
    """Token of a service account that may write annotations."""
    dashboardid: int = 0
    """Dashboard of the annotation; 0: the organization's own annotations."""
    panelid: int = 0
    """Panel of the dashboard; 0: all."""
    allfieldsastags: Flag = False
    """Add the value of every field, and the alert's tags, as tags."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class Grafana(HttpOutput[GrafanaSettings]):
    Settings = GrafanaSettings
    title = "Grafana"
    category = "logs"
    website = "https://grafana.com"
    requires = ("hostport", "apikey")
    example = {"hostport": "http://grafana:3000", "apikey": "TOKEN"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        settings = self.settings
        moment = event.timestamp_ns // 10**6
        place = {"dashboardId": settings.dashboardid, "panelId": settings.panelid}
        body: dict[str, Any] = {name: number for name, number in place.items() if number}
        body |= {"time": moment, "timeEnd": moment, "tags": self._tags(event), "text": event.output}
        headers = {"Content-Type": "application/json"} | auth.authorization("Bearer", settings.apikey)
        url = f"{settings.hostport.rstrip('/')}/api/annotations"
        return Request.json(url, body, headers | settings.customheaders)

    def _tags(self, event: Event) -> list[str]:
        tags = ["falco", event.priority.value, event.rule, event.source, event.hostname]
        if self.settings.allfieldsastags:
            tags += [as_text(value) for _, value in sorted(event.fields.items()) if value is not None]
            tags += event.tags
        return [tag for tag in tags if tag]
