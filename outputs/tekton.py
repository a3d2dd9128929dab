"""Tekton: each alert to an event listener, which starts a pipeline."""

from collections.abc import Sequence

from sidekick.sdk import JSON, Event, HttpOutput, HttpSettings, Request, Text
from sidekick.sdk.body import json_lines


class TektonSettings(HttpSettings):
    """Keys of `tekton`."""

    eventlistener: Text = ""
    """URL of the event listener."""


class Tekton(HttpOutput[TektonSettings]):
    Settings = TektonSettings
    title = "Tekton"
    category = "faas"
    website = "https://tekton.dev"
    requires = ("eventlistener",)
    example = {"eventlistener": "http://el-falco.default.svc.cluster.local:8080"}

    def encode(self, events: Sequence[Event]) -> Request:
        return Request(self.settings.eventlistener, json_lines(events), {"Content-Type": JSON})
