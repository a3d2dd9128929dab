"""Falcosidekick UI: each alert with the names of the outputs that it goes to."""

from collections.abc import Sequence

from sidekick.sdk import JSON, Event, HttpOutput, HttpSettings, Request, Text, encode_json


class WebUiSettings(HttpSettings):
    """Keys of `webui`."""

    url: Text = ""
    """Base URL of the interface, such as http://falcosidekick-ui:2802."""


class WebUi(HttpOutput[WebUiSettings]):
    Settings = WebUiSettings
    title = "WebUI"
    category = "web"
    website = "https://github.com/falcosecurity/falcosidekick-ui"
    requires = ("url",)
    example = {"url": "http://falcosidekick-ui:2802"}

    def encode(self, events: Sequence[Event]) -> Request:
        outputs = encode_json(self.context.enabled or (self.title,))
        body = b'{"event":%b,"outputs":%b}\n' % (events[0].json, outputs)
        return Request(self.settings.url, body, {"Content-Type": JSON})
