"""The message of Slack and of those that took over its form: a text, and one attachment with a list of fields."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

from sidekick.sdk import (
    NO_SECRET,
    Context,
    Event,
    HttpOutput,
    HttpSettings,
    Priority,
    Request,
    Secret,
    TemplateText,
    Text,
    encode_json,
)
from sidekick.sdk.message import FIELDS, ICON, Fact, Message, message_format, shortened

FOOTER = "https://github.com/falcosecurity/falcosidekick"
_COLOURS = {
    Priority.EMERGENCY: "#e20b0b",
    Priority.ALERT: "#ff5400",
    Priority.CRITICAL: "#ff5400",
    Priority.ERROR: "#e20b0b",
    Priority.WARNING: "#ffc700",
    Priority.NOTICE: "#5bffb5",
    Priority.INFORMATIONAL: "#68c2ff",
    Priority.DEBUG: "#ccfff2",
}
_SHORT = 36


class AttachmentSettings(HttpSettings):
    """Keys that they have in common."""

    webhookurl: Secret = NO_SECRET
    """URL of the incoming webhook; who knows it may write to the channel."""
    icon: Text = ICON
    """URL of the sender's picture."""
    username: Text = "Falcosidekick"
    """Name of the sender."""
    outputformat: Literal["all", "text", "fields"] = "all"
    """What the attachment holds: the alert's output text, its fields, or both."""
    messageformat: TemplateText = ""
    """Go template of a text above the attachment, such as `{{ .Rule }} on {{ .Hostname }}`."""


S = TypeVar("S", bound=AttachmentSettings)


class AttachmentOutput(HttpOutput[S]):
    """`order` is the order of the fields, `length` the most characters of one text, `total` those of the body."""

    category = "chat"
    requires = ("webhookurl",)
    order: ClassVar[Sequence[str]] = ("rule", "priority", "source", "hostname", "tags", FIELDS, "time")
    blank_icon: ClassVar[str] = ""
    length: ClassVar[int]
    total: ClassVar[int]

    def __init__(self, settings: S, context: Context) -> None:
        super().__init__(settings, context)
        self._format: Callable[[Event], str] = message_format(settings.messageformat)

    def extras(self) -> Mapping[str, str]:
        """Keys of the message that only this system has."""
        return {}

    def footer(self) -> str:
        return ""

    def escaped(self, text: str) -> str:
        """A text of the alert so that it shows as it is."""
        return text

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        message = Message.of(event, self.order, link=self.context.link(event)).fitted(
            self.total,
            lambda shorter: len(encode_json(self._body(event, shorter)).decode()),
            text=self.length,
            value=self.length,
        )
        return Request.json(self.settings.webhookurl.get_secret_value(), self._body(event, message))

    def _body(self, event: Event, message: Message) -> dict[str, Any]:
        head = {
            "text": shortened(self._format(event), self.length),
            "username": self.settings.username,
            "icon_url": self.settings.icon or self.blank_icon,
            **self.extras(),
        }
        return {name: text for name, text in head.items() if text} | {"attachments": [self._attachment(event, message)]}

    def _attachment(self, event: Event, message: Message) -> dict[str, Any]:
        wanted, text = self.settings.outputformat, self.escaped(message.text)
        attachment: dict[str, Any] = {"fallback": text, "color": _COLOURS[event.priority], "fields": None}
        if wanted != "fields" and text:
            attachment["text"] = text
        if wanted != "text":
            attachment["fields"] = [self._field(fact) for fact in message.facts]
            attachment |= {"footer": footer} if (footer := self.footer()) else {}
        return attachment

    def _field(self, fact: Fact) -> dict[str, Any]:
        short = fact.name != "time" and (len(fact.value) < _SHORT or not fact.field)
        return {"title": self.escaped(fact.name), "value": self.escaped(fact.value), "short": short}
