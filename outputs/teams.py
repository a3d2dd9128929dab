"""Microsoft Teams: each alert as a card, an Adaptive Card where the URL is a workflow's."""

import re
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from sidekick.sdk import (
    NO_SECRET,
    Answer,
    Event,
    HttpOutput,
    HttpSettings,
    Priority,
    Request,
    Secret,
    Text,
    encode_json,
    verdict,
)
from sidekick.sdk.message import COLOURS, FIELDS, ICON, Fact, Message, time_text

_ORDER = ("rule", "priority", "source", "hostname", FIELDS, "tags")
# A connector and a workflow take 28 KB, as Microsoft counts; the rest is for what they wrap around a card.
_LIMIT = 24_000
_FAILED = re.compile(rb"HTTP error (\d{3})")
_STYLES = {
    Priority.EMERGENCY: "attention",
    Priority.ALERT: "attention",
    Priority.CRITICAL: "attention",
    Priority.ERROR: "attention",
    Priority.WARNING: "warning",
    Priority.NOTICE: "good",
    Priority.INFORMATIONAL: "accent",
    Priority.DEBUG: "default",
}


class TeamsSettings(HttpSettings):
    """Keys of `teams`."""

    webhookurl: Secret = NO_SECRET
    """URL of a workflow (When a Teams webhook request is received) or of an incoming webhook."""
    activityimage: Text = ICON
    """URL of the card's picture, on incoming webhooks."""
    outputformat: Literal["all", "text", "facts", "fields"] = "all"
    """What the card holds: the alert's output text, its facts (`fields` means the same), or both."""


class Teams(HttpOutput[TeamsSettings]):
    Settings = TeamsSettings
    title = "Teams"
    category = "chat"
    website = "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://prod-00.westeurope.logic.azure.com:443/workflows/ID/triggers/manual/paths/invoke"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        url = self.settings.webhookurl.get_secret_value()
        card = self._adaptive if "/workflows/" in urlsplit(url).path else self._connector
        message = Message.of(event, _ORDER, link=self.context.link(event))
        message = message.fitted(_LIMIT, lambda shorter: len(encode_json(card(event, shorter))))
        return Request.json(url, card(event, message))

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """An incoming webhook says 200 and tells the status that counts in its text."""
        failed = _FAILED.search(answer.body) if answer.status == 200 else None
        verdict(Answer(int(failed[1]), answer.headers, answer.body) if failed else answer)

    def _content(self, message: Message) -> tuple[str, Sequence[Fact]]:
        wanted = self.settings.outputformat
        return message.text if wanted in ("all", "text") else "", message.facts if wanted != "text" else ()

    def _connector(self, event: Event, message: Message) -> dict[str, Any]:
        text, facts = self._content(message)
        section: dict[str, Any] = {
            "activityTitle": "Falcosidekick",
            "activitySubtitle": time_text(event),
            "activityImage": self.settings.activityimage,
            "text": text,
            "facts": [{"name": fact.name, "value": fact.value} for fact in facts],
        }
        card = {
            "@type": "MessageCard",
            "summary": message.text,
            "themeColor": COLOURS[event.priority][1:],
            "sections": [{name: value for name, value in section.items() if value or name == "text"}],
        }
        return {name: value for name, value in card.items() if value}

    def _adaptive(self, event: Event, message: Message) -> dict[str, Any]:
        text, facts = self._content(message)
        lines: list[tuple[str, dict[str, Any]]] = [
            (message.title, {"weight": "bolder", "size": "medium", "color": _STYLES[event.priority]}),
            (time_text(event), {"isSubtle": True, "size": "small"}),
            (text, {}),
        ]
        # Text runs know no Markdown, so no link in a command line comes to life.
        body: list[dict[str, Any]] = [
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line, **style}]}
            for line, style in lines
            if line
        ]
        if facts:
            body.append({"type": "FactSet", "facts": [{"title": fact.name, "value": fact.value} for fact in facts]})
        card = {"type": "AdaptiveCard", "version": "1.4", "msteams": {"width": "Full"}, "body": body}
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
