"""Google Cloud Run: each alert to a service, as the holder of an identity token."""

from collections.abc import Sequence

from sidekick.sdk import JSON, NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret, Text, auth
from sidekick.sdk.body import json_lines


class CloudRunSettings(HttpSettings):
    """Keys of `gcp.cloudrun`."""

    endpoint: Text = ""
    """URL of the service."""
    jwt: Secret = NO_SECRET
    """Identity token of an account that may call the service; it is not renewed."""


class CloudRun(HttpOutput[CloudRunSettings]):
    Settings = CloudRunSettings
    title = "GCPCloudRun"
    category = "faas"
    website = "https://cloud.google.com/run"
    requires = ("endpoint", "jwt")
    example = {"endpoint": "https://falco-abc123-ew.a.run.app", "jwt": "TOKEN"}

    def encode(self, events: Sequence[Event]) -> Request:
        headers = {"Content-Type": JSON} | auth.authorization("Bearer", self.settings.jwt)
        return Request(self.settings.endpoint, json_lines(events), headers)
