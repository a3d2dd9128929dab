"""OpenFaaS: each alert to a function, through the gateway."""

from collections.abc import Sequence

from sidekick.sdk import JSON, Event, Request, Text
from sidekick.sdk.body import json_lines
from sidekick.sdk.kubernetes import ServiceOutput, ServiceSettings


class OpenFaasSettings(ServiceSettings):
    """Keys of `openfaas`."""

    functionname: Text = ""
    """Function to call."""
    functionnamespace: Text = "openfaas-fn"
    """Namespace of the function."""
    gatewayservice: Text = "gateway"
    """Service of the gateway."""
    gatewaynamespace: Text = "openfaas"
    """Namespace of the gateway."""
    gatewayport: int = 8080
    """Port of the gateway."""


class OpenFaas(ServiceOutput[OpenFaasSettings]):
    Settings = OpenFaasSettings
    title = "OpenFaaS"
    category = "faas"
    website = "https://www.openfaas.com"
    requires = ("functionname",)
    example = {"functionname": "falco"}

    def encode(self, events: Sequence[Event]) -> Request:
        keys = self.settings
        gateway = self.proxied(keys.gatewaynamespace, keys.gatewayservice, keys.gatewayport)
        gateway = gateway or f"http://{keys.gatewayservice}.{keys.gatewaynamespace}:{keys.gatewayport}"
        headers = {"Content-Type": JSON, "Event-Id": events[0].uuid}
        url = f"{gateway}/function/{keys.functionname}.{keys.functionnamespace}"
        return Request(url, json_lines(events), headers)
