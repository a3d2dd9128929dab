"""Opsgenie: each alert as an alert there, known by its id."""

from collections.abc import Sequence
from typing import Annotated, Literal

from sidekick.sdk import NO_SECRET, AnyCase, Event, HttpOutput, HttpSettings, Priority, Request, Secret, auth
from sidekick.sdk.message import FIELDS, Message, shortened

_ORDER = (FIELDS, "source", "rule", "priority", "hostname", "tags")
_PRIORITIES = {
    Priority.EMERGENCY: "P1",
    Priority.ALERT: "P1",
    Priority.CRITICAL: "P2",
    Priority.ERROR: "P3",
    Priority.WARNING: "P4",
}
_HOSTS = {"us": "api.opsgenie.com", "eu": "api.eu.opsgenie.com"}
# https://docs.opsgenie.com/docs/alert-api#create-alert, in characters.
_MESSAGE, _DESCRIPTION, _DETAILS = 130, 15_000, 8_000


class OpsgenieSettings(HttpSettings):
    """Keys of `opsgenie`."""

    apikey: Secret = NO_SECRET
    """Key of an API integration."""
    region: Annotated[Literal["us", "eu"], AnyCase] = "us"
    """Where the account is."""


class Opsgenie(HttpOutput[OpsgenieSettings]):
    Settings = OpsgenieSettings
    title = "Opsgenie"
    category = "alerting"
    website = "https://www.atlassian.com/software/opsgenie"
    requires = ("apikey",)
    example = {"apikey": "KEY"}
    # Opsgenie counts an alert with the alias of an open one as the same.
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        message = Message.of(event, _ORDER, link=self.context.link(event)).fitted(_DETAILS, _size)
        summary = shortened(event.output or message.title, _MESSAGE)
        # What the message has no room for stands whole below it.
        description = event.rule if summary == event.output else f"{event.rule}\n\n{event.output}".strip()
        body = {
            "message": summary,
            "alias": event.uuid,
            "entity": "Falcosidekick",
            "description": shortened(description, _DESCRIPTION),
            "details": {fact.name.replace(".", "_"): fact.value for fact in message.facts},
            "priority": _PRIORITIES.get(event.priority, "P5"),
        }
        login = auth.authorization("GenieKey", self.settings.apikey)
        return Request.json(f"https://{_HOSTS[self.settings.region]}/v2/alerts", body, login)


def _size(message: Message) -> int:
    return sum(len(fact.name) + len(fact.value) for fact in message.facts)
