"""CloudEvents: each alert as an event in binary mode over HTTP, to Knative and others (CloudEvents 1.0.2)."""

import re
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator

from sidekick.sdk import Event, HttpOutput, HttpSettings, Request, Text, TextMap

# What stands in a header's value as it is. The HTTP binding (3.1.3.2) would have spaces and quotes encoded too, and
# wants readers to take them so from older senders: falcosidekick is one.
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def _extension_names(extensions: dict[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in extensions.items()}
    wrong = [name for name in lowered if not re.fullmatch("[a-z0-9]+", name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name of an extension: use letters and digits only")
    return lowered


class CloudEventsSettings(HttpSettings):
    """Keys of `cloudevents`."""

    address: Text = ""
    """URL that takes the events."""
    extensions: Annotated[TextMap, AfterValidator(_extension_names)] = {}
    """Extension attributes to add to every event."""


class CloudEvents(HttpOutput[CloudEventsSettings]):
    Settings = CloudEventsSettings
    title = "CloudEvents"
    category = "faas"
    website = "https://cloudevents.io"
    requires = ("address",)
    example = {"address": "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"}
    # A consumer knows an event by its source and id.
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        attributes = {
            "specversion": "1.0",
            "id": event.uuid,
            "source": "https://falco.org",
            "type": "falco.rule.output.v1",
            "time": event.time,
            "priority": event.priority.value,
            "rule": event.rule,
            "eventsource": event.source,
            "hostname": event.hostname,
        } | self.settings.extensions
        headers = {f"Ce-{name.title()}": quote(text, _PRINTABLE) for name, text in attributes.items() if text}
        return Request(self.settings.address, event.json, {"Content-Type": "application/json"} | headers)
