"""Datadog Logs: alerts as log entries, many in one request."""

from collections.abc import Sequence

from sidekick.sdk import NO_SECRET, BatchLimits, Event, HttpOutput, HttpSettings, Request, Secret, Text


class DatadogLogsSettings(HttpSettings):
    """Keys of `datadoglogs`."""

    apikey: Secret = NO_SECRET
    """API key of the organization."""
    host: Text = "https://http-intake.logs.datadoghq.com/"
    """Base URL of the intake of the site."""
    service: Text = ""
    """Service that the entries belong to."""


class DatadogLogs(HttpOutput[DatadogLogsSettings]):
    Settings = DatadogLogsSettings
    title = "DatadogLogs"
    category = "logs"
    website = "https://docs.datadoghq.com/logs"
    requires = ("apikey",)
    example = {"apikey": "KEY"}
    # 1,000 entries and 5 MB, of which the quoting of JSON in JSON takes its part:
    # https://docs.datadoghq.com/api/latest/logs/
    limits = BatchLimits(count=1000, bytes=3_000_000)

    def encode(self, events: Sequence[Event]) -> Request:
        key = {"DD-API-KEY": self.settings.apikey.get_secret_value()}
        return Request.json(f"{self.settings.host.rstrip('/')}/api/v2/logs", list(map(self._entry, events)), key)

    def _entry(self, event: Event) -> dict[str, str]:
        entry = {
            "ddsource": "falco",
            "hostname": event.hostname,
            "service": self.settings.service,
            "message": event.json.decode(),
            "ddtags": ",".join(event.tags),
        }
        return {name: value for name, value in entry.items() if value}
