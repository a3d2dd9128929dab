"""Sumo Logic: alerts as lines of JSON to a hosted collector's HTTP source."""

from collections.abc import Sequence

from sidekick.sdk import JSON, NO_SECRET, BatchLimits, Event, HttpOutput, HttpSettings, Request, Secret, Text
from sidekick.sdk.body import json_lines


class SumologicSettings(HttpSettings):
    """Keys of `sumologic`."""

    receiverurl: Secret = NO_SECRET
    """URL of the HTTP source; who knows it may write to it."""
    sourcecategory: Text = ""
    """Category of the alerts, in place of the source's own."""
    sourcehost: Text = ""
    """Host of the alerts, in place of the source's own."""
    name: Text = ""
    """Name of the alerts' source, in place of its own."""


class Sumologic(HttpOutput[SumologicSettings]):
    Settings = SumologicSettings
    title = "SumoLogic"
    category = "logs"
    website = "https://www.sumologic.com"
    requires = ("receiverurl",)
    example = {"receiverurl": "https://endpoint.collection.sumologic.com/receiver/v1/http/TOKEN"}
    limits = BatchLimits(count=1000, bytes=1_000_000)

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        names = {
            "X-Sumo-Category": settings.sourcecategory,
            "X-Sumo-Host": settings.sourcehost,
            "X-Sumo-Name": settings.name,
        }
        headers = {"Content-Type": JSON} | {name: value for name, value in names.items() if value}
        return Request(settings.receiverurl.get_secret_value(), json_lines(events), headers)
