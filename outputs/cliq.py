"""Zoho Cliq: each alert as a message with a table."""

from collections.abc import Sequence
from typing import Any, Literal

from sidekick.sdk import (
    NO_SECRET,
    Context,
    Event,
    Flag,
    HttpOutput,
    HttpSettings,
    Priority,
    Request,
    Secret,
    TemplateText,
    Text,
)
from sidekick.sdk.message import BLANK_ICON, FIELDS, ICON, Message, message_format, shortened

_ORDER = ("rule", "priority", "hostname", FIELDS, "time")
_EMOJI = {
    Priority.EMERGENCY: "\U0001f6a8",
    Priority.ALERT: "\U0001f7e0",
    Priority.CRITICAL: "\U0001f7e0",
    Priority.ERROR: "\U0001f6a8",
    Priority.WARNING: "\U0001f7e1",
    Priority.NOTICE: "\U0001f535",
    Priority.INFORMATIONAL: "\U0001f7e2",
    Priority.DEBUG: "\u26aa",
}
# Characters of a text by Zoho's reference of the message API.
_LIMIT = 10_000


class CliqSettings(HttpSettings):
    """Keys of `cliq`."""

    webhookurl: Secret = NO_SECRET
    """URL of the channel or bot, with its zapikey."""
    icon: Text = ICON
    """URL of the sender's picture."""
    outputformat: Literal["all", "text", "fields"] = "all"
    """What follows the text: a table of the fields, and the output where `messageformat` took its place."""
    messageformat: TemplateText = ""
    """Go template of the text, in place of the alert's output."""
    useemoji: Flag = False
    """Begin the text with a sign of the priority's colour."""


class Cliq(HttpOutput[CliqSettings]):
    Settings = CliqSettings
    title = "Cliq"
    category = "chat"
    website = "https://www.zoho.com/cliq"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://cliq.zoho.com/api/v2/channelsbyname/alerts/message?zapikey=KEY"}

    def __init__(self, settings: CliqSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._format = message_format(settings.messageformat)

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        message = Message.of(event, _ORDER, link=self.context.link(event))
        text = self._format(event)
        body: dict[str, Any] = {
            "text": self._sign(event) + shortened(text or message.text or message.title, _LIMIT - 2),
            "bot": {"name": "Falcosidekick", "image": self.settings.icon or BLANK_ICON},
        }
        slides = self._slides(message, with_text=bool(text and message.text))
        body |= {"slides": slides} if slides else {}
        return Request.json(self.settings.webhookurl.get_secret_value(), body, {"Content-Type": "application/json"})

    def _sign(self, event: Event) -> str:
        return f"{_EMOJI[event.priority]} " if self.settings.useemoji else ""

    def _slides(self, message: Message, *, with_text: bool) -> list[dict[str, Any]]:
        wanted = self.settings.outputformat
        slides: list[dict[str, Any]] = []
        if with_text and wanted != "fields":
            slides.append({"type": "text", "data": shortened(message.text, _LIMIT)})
        if wanted != "text":
            rows = [{"field": fact.name, "value": shortened(fact.value, _LIMIT)} for fact in message.facts]
            slides.append({"type": "table", "data": {"headers": ["field", "value"], "rows": rows}})
        return slides
