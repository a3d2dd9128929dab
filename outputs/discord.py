"""Discord: each alert as an embed of a channel's webhook."""

from collections.abc import Sequence
from typing import Any

from sidekick.sdk import NO_SECRET, Event, HttpOutput, HttpSettings, Priority, Request, Secret, Text
from sidekick.sdk.message import BLANK_ICON, FIELDS, ICON, Fact, Message

_ORDER = ("rule", "priority", "source", "hostname", FIELDS, "tags", "time")
_COLOURS = {
    Priority.EMERGENCY: "15158332",
    Priority.ALERT: "11027200",
    Priority.CRITICAL: "15105570",
    Priority.ERROR: "15844367",
    Priority.WARNING: "12745742",
    Priority.NOTICE: "3066993",
    Priority.INFORMATIONAL: "3447003",
    Priority.DEBUG: "12370112",
}
# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
_TEXT, _VALUE, _FIELDS, _TOTAL = 4096, 1024, 25, 6000
_FENCE = "```"


class DiscordSettings(HttpSettings):
    """Keys of `discord`."""

    webhookurl: Secret = NO_SECRET
    """URL of the webhook; who knows it may write to the channel."""
    icon: Text = ICON
    """URL of the sender's picture."""


class Discord(HttpOutput[DiscordSettings]):
    Settings = DiscordSettings
    title = "Discord"
    category = "chat"
    website = "https://discord.com"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://discord.com/api/webhooks/ID/TOKEN"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        message = Message.of(event, _ORDER, link=self.context.link(event))
        message = message.fitted(_TOTAL, _size, text=_TEXT, value=_VALUE - 2 * len(_FENCE), count=_FIELDS)
        fields, colour = [_field(fact) for fact in message.facts], _COLOURS[event.priority]
        embed = {"title": "", "url": "", "description": message.text, "color": colour, "fields": fields}
        body = {"content": "", "avatar_url": self.settings.icon or BLANK_ICON, "embeds": [embed]}
        return Request.json(self.settings.webhookurl.get_secret_value(), body)


def _field(fact: Fact) -> dict[str, Any]:
    # A fence inside the value would end the block, and what follows it be read as Markdown.
    value = f"{_FENCE}{fact.value.replace(_FENCE, chr(39) * 3)}{_FENCE}" if fact.field else fact.value
    return {"name": fact.name or "-", "value": value, "inline": True}


def _size(message: Message) -> int:
    return len(message.text) + sum(len(fact.name or "-") + len(fact.value) + 6 * fact.field for fact in message.facts)
