"""Webex: each alert as a message of an incoming webhook."""

from collections.abc import Sequence

from sidekick.sdk import NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret
from sidekick.sdk.message import LISTING, Message, markdown

# https://developer.webex.com/docs/api/v1/messages/create-a-message
_LIMIT = 7439


class WebexSettings(HttpSettings):
    """Keys of `webex`."""

    webhookurl: Secret = NO_SECRET
    """URL of the incoming webhook; who knows it may write to the space."""


class Webex(HttpOutput[WebexSettings]):
    Settings = WebexSettings
    title = "Webex"
    category = "chat"
    website = "https://www.webex.com"
    requires = ("webhookurl",)
    example = {"webhookurl": "https://webexapis.com/v1/webhooks/incoming/TOKEN"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        message = Message.of(event, LISTING, link=self.context.link(event), every=True)
        message = message.fitted(_LIMIT, lambda shorter: len(_text(shorter).encode()))
        return Request.json(self.settings.webhookurl.get_secret_value(), {"markdown": _text(message)})


def _text(message: Message) -> str:
    head = f"### {markdown(message.title)}\n\n{markdown(message.text)}\n\n"
    return head + message.listed(lambda fact: f"- **{markdown(fact.name)}**: {markdown(fact.value)}")
