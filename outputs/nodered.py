"""Node-RED: each alert to an `http in` node."""

from collections.abc import Sequence

from sidekick.sdk import JSON, NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret, Text, TextMap, auth
from sidekick.sdk.body import json_lines


class NodeRedSettings(HttpSettings):
    """Keys of `nodered`."""

    address: Text = ""
    """URL of the node."""
    user: Text = ""
    """User, with `password`."""
    password: Secret = NO_SECRET
    """Password of `user`."""
    customheaders: TextMap = {}
    """Headers to add; a name of ours is replaced."""


class NodeRed(HttpOutput[NodeRedSettings]):
    Settings = NodeRedSettings
    title = "NodeRed"
    category = "web"
    website = "https://nodered.org"
    requires = ("address",)
    example = {"address": "http://nodered:1880/falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        settings = self.settings
        headers = {"Content-Type": JSON} | auth.basic(settings.user, settings.password) | settings.customheaders
        return Request(settings.address, json_lines(events), headers)
