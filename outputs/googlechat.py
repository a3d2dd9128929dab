"""Google Chat: each alert as a card of a space's webhook."""

from collections.abc import Sequence
from typing import Any, Literal

from sidekick.sdk import NO_SECRET, Context, Event, HttpOutput, HttpSettings, Request, Secret, TemplateText, encode_json
from sidekick.sdk.message import FIELDS, Message, message_format, shortened

_ORDER = ("rule", "priority", "source", "hostname", FIELDS, "tags", "time")
# A message holds 32,000 bytes by Google's reference, of which a text may take half; a card shows 100 widgets.
_LIMIT, _WIDGETS = 32_000, 100


class GooglechatSettings(HttpSettings):
    """Keys of `googlechat`."""

    webhookurl: Secret = NO_SECRET
    """URL of the webhook, with its key and token."""
    outputformat: Literal["all", "text", "fields"] = "all"
    """`text`: a text alone, that of `messageformat` or else the alert's output; otherwise a card of the fields."""
    messageformat: TemplateText = ""
    """Go template of a text above the card, such as `{{ .Output }}`."""


class Googlechat(HttpOutput[GooglechatSettings]):
    Settings = GooglechatSettings
    title = "GoogleChat"
    category = "chat"
    website = "https://workspace.google.com/products/chat"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://chat.googleapis.com/v1/spaces/SPACE/messages?key=KEY&token=TOKEN"}

    def __init__(self, settings: GooglechatSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._format = message_format(settings.messageformat)

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        text = self._format(event)
        message = Message.of(event, _ORDER, link=self.context.link(event))
        message = message.fitted(_LIMIT, lambda shorter: len(encode_json(self._body(text, shorter))), count=_WIDGETS)
        return Request.json(self.settings.webhookurl.get_secret_value(), self._body(text, message))

    def _body(self, text: str, message: Message) -> dict[str, Any]:
        if self.settings.outputformat == "text":
            return {"text": shortened(text or message.text or message.title, _LIMIT // 8)}
        widgets = [{"keyValue": {"topLabel": fact.name, "content": fact.value}} for fact in message.facts]
        card = {"header": {"title": "", "subtitle": ""}, "sections": [{"widgets": widgets}]}
        return ({"text": shortened(text, _LIMIT // 8)} if text else {}) | {"cards": [card]}
