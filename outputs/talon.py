"""Falco Talon: each alert to the engine that responds to it in the cluster."""

from collections.abc import Sequence

from sidekick.sdk import JSON, Event, HttpOutput, HttpSettings, Request, Text
from sidekick.sdk.body import json_lines


class TalonSettings(HttpSettings):
    """Keys of `talon`."""

    address: Text = ""
    """URL of Talon, such as http://falco-talon:2803."""


class Talon(HttpOutput[TalonSettings]):
    Settings = TalonSettings
    title = "Talon"
    category = "response"
    website = "https://docs.falco-talon.org"
    requires = ("address",)
    example = {"address": "http://falco-talon:2803"}

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(self.settings.address, json_lines(events), {"Content-Type": JSON})
