"""Any HTTP endpoint: one alert, one request, the canonical JSON as its body."""

from collections.abc import Sequence
from typing import Literal

from sidekick.sdk import JSON, Event, HttpOutput, HttpSettings, Request, Text, TextMap


class Settings(HttpSettings):
    """Keys of `webhook`."""

    address: Text = ""
    """URL that takes the alerts."""
    method: Literal["POST", "PUT", "post", "put"] = "POST"
    """POST or PUT."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class Webhook(HttpOutput[Settings]):
    Settings = Settings
    title = "Webhook"
    category = "web"
    requires = ("address",)
    example = {"address": "https://alerts.example.com/falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        headers = {"Content-Type": JSON} | self.settings.customheaders
        return Request(self.settings.address, events[0].json + b"\n", headers, self.settings.method.upper())
