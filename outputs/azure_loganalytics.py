"""Azure Monitor's Log Analytics, and so Microsoft Sentinel: alerts as rows of a table, by the Logs Ingestion API."""

from collections.abc import Sequence
from urllib.parse import quote

from sidekick.sdk import BatchLimits, Event, HttpSettings, Request, Text
from sidekick.sdk.azure import AzureOutput
from sidekick.sdk.body import json_array


class LogAnalyticsSettings(HttpSettings):
    """Keys of `azure.loganalytics`."""

    endpoint: Text = ""
    """Logs ingestion URL of a data collection endpoint or rule, https://NAME.REGION.ingest.monitor.azure.com."""
    ruleid: Text = ""
    """Immutable id of the data collection rule, dcr-…; who we are needs the role Monitoring Metrics Publisher on it."""
    stream: Text = "Custom-Falco_CL"
    """Stream of the rule, with the columns TimeGenerated (datetime), uuid, output, priority, rule, time, source and
    hostname (string), tags and output_fields (dynamic)."""


class LogAnalytics(AzureOutput[LogAnalyticsSettings]):
    Settings = LogAnalyticsSettings
    title = "AzureLogAnalytics"
    category = "logs"
    website = "https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview"
    requires = ("endpoint", "ruleid")
    example = {"endpoint": "https://falco-x1y2.westeurope-1.ingest.monitor.azure.com", "ruleid": "dcr-ID"}
    audience = "https://monitor.azure.com"
    # A request holds 1 MB: https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api
    limits = BatchLimits(count=1000, bytes=900_000, linger=1.0)

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        stream = f"dataCollectionRules/{quote(keys.ruleid, safe='')}/streams/{quote(keys.stream, safe='')}"
        url = f"{keys.endpoint.rstrip('/')}/{stream}?api-version=2023-01-01"
        return Request(url, json_array(map(_row, events)), {"Content-Type": "application/json"})


def _row(event: Event) -> bytes:
    # Azure replaces a time of more than two days ago by that of arrival, and knows 100 ns; `time` stays.
    return b'{"TimeGenerated":"%b",%b' % (event.datetime.isoformat().encode(), event.json[1:])
