"""Kubeless: each alert to a function."""

from collections.abc import Sequence

from sidekick.sdk import Event, Request, Text
from sidekick.sdk.body import json_lines
from sidekick.sdk.kubernetes import ServiceOutput, ServiceSettings


class KubelessSettings(ServiceSettings):
    """Keys of `kubeless`."""

    function: Text = ""
    """Function to call."""
    namespace: Text = ""
    """Namespace of the function."""
    port: int = 8080
    """Port of the function's service."""


class Kubeless(ServiceOutput[KubelessSettings]):
    Settings = KubelessSettings
    title = "Kubeless"
    category = "faas"
    website = "https://github.com/vmware-archive/kubeless"
    requires = ("namespace", "function")
    example = {"namespace": "default", "function": "falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        service = self.proxied(keys.namespace, keys.function, keys.port)
        service = service or f"http://{keys.function}.{keys.namespace}.svc.cluster.local:{keys.port}"
        headers = {
            "Content-Type": "application/json",
            "Event-Id": events[0].uuid,
            "Event-Type": "falco",
            "Event-Namespace": keys.namespace,
        }
        return Request(f"{service}/", json_lines(events), headers)
