"""Fission: each alert to a function, through the router."""

from collections.abc import Sequence

from sidekick.sdk import Event, Request, Text
from sidekick.sdk.body import json_lines
from sidekick.sdk.kubernetes import ServiceOutput, ServiceSettings


class FissionSettings(ServiceSettings):
    """Keys of `fission`."""

    function: Text = ""
    """Function to call."""
    functionnamespace: Text = "fission-function"
    """Taken from falcosidekick's files and not used: the router finds the function by its name."""
    routerservice: Text = "router"
    """Service of the router."""
    routernamespace: Text = "fission"
    """Namespace of the router."""
    routerport: int = 80
    """Port of the router."""


class Fission(ServiceOutput[FissionSettings]):
    Settings = FissionSettings
    title = "Fission"
    category = "faas"
    website = "https://fission.io"
    requires = ("function",)
    example = {"function": "falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        router = self.proxied(keys.routernamespace, keys.routerservice, keys.routerport)
        router = router or f"http://{keys.routerservice}.{keys.routernamespace}.svc.cluster.local:{keys.routerport}"
        headers = {"Content-Type": "application/json", "Event-Id": events[0].uuid}
        return Request(f"{router}/fission-function/{keys.function}", json_lines(events), headers)
