"""PagerDuty: each alert as an event of a service, known by its id."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    AnyCase,
    Event,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    Priority,
    Request,
    Secret,
    encode_json,
    shown,
    verdict,
)
from sidekick.sdk.message import FIELDS, Message, shortened

_SEVERITIES = {
    Priority.EMERGENCY: "critical",
    Priority.ALERT: "critical",
    Priority.CRITICAL: "critical",
    Priority.ERROR: "error",
    Priority.WARNING: "warning",
}
_HOSTS = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
_ORDER = ("rule", "priority", "source", "hostname", "tags", FIELDS)
# https://developer.pagerduty.com/docs/send-alert-event: characters of the summary; an event holds 512 KB.
_SUMMARY, _DETAILS = 1024, 500_000


class PagerdutySettings(HttpSettings):
    """Keys of `pagerduty`."""

    routingkey: Secret = NO_SECRET
    """Integration key of an Events API v2 integration."""
    region: Annotated[Literal["us", "eu"], AnyCase] = "us"
    """Where the account is."""


class Pagerduty(HttpOutput[PagerdutySettings]):
    Settings = PagerdutySettings
    title = "Pagerduty"
    category = "alerting"
    website = "https://www.pagerduty.com"
    requires = ("routingkey",)
    example = {"routingkey": "KEY"}
    # PagerDuty takes an event with the key of an open alert as the same.
    idempotent = True

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        body: dict[str, Any] = {
            "routing_key": self.settings.routingkey.get_secret_value(),
            "event_action": "trigger",
            "dedup_key": event.uuid,
            "payload": {
                "summary": shortened(event.output or event.rule, _SUMMARY),
                "source": "falco",
                "severity": _SEVERITIES.get(event.priority, "info"),
                "timestamp": re.sub(r"\.\d+", "", event.time),
                "custom_details": _details(event),
            },
        }
        body |= {"links": [{"href": link, "text": "the alert"}]} if (link := self.context.link(event)) else {}
        url = f"https://{_HOSTS[self.settings.region]}/v2/enqueue"
        return Request(url, encode_json(body), {"Content-Type": "application/json"})

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """A routing key that nobody knows is a 400, as if the alert were at fault."""
        if answer.status == 400 and b"routing_key" in answer.body:
            raise MisconfiguredError(f"HTTP 400: {shown(answer.body)}")
        verdict(answer)


def _details(event: Event) -> dict[str, Any]:
    """All fields as they came, or where they are too large, as texts that are cut."""
    message = Message.of(event, _ORDER, every=True)
    own = {fact.name: fact.value for fact in message.facts if not fact.field}
    details = event.fields | own
    if len(encode_json(details)) <= _DETAILS:
        return details
    return {fact.name: fact.value for fact in message.fitted(_DETAILS, lambda one: len(encode_json(one.facts))).facts}
