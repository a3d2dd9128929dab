"""Gotify: each alert as a message of an application."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from sidekick.sdk import NO_SECRET, Event, HttpOutput, HttpSettings, Request, Secret, Text
from sidekick.sdk.message import LISTING, Message, markdown


def _format(value: Any) -> Any:
    word = str(value).lower()
    return "plaintext" if word == "text" else word


class GotifySettings(HttpSettings):
    """Keys of `gotify`."""

    hostport: Text = ""
    """Base URL, such as http://gotify:80."""
    token: Secret = NO_SECRET
    """Token of the application."""
    format: Annotated[Literal["markdown", "plaintext", "json"], BeforeValidator(_format)] = "markdown"
    """Form of the message; `text` means plaintext, `json` is the whole alert."""


class Gotify(HttpOutput[GotifySettings]):
    Settings = GotifySettings
    title = "Gotify"
    category = "chat"
    website = "https://gotify.net"
    requires = ("hostport",)
    example = {"hostport": "http://gotify:80", "token": "TOKEN"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        body = {
            "title": f"[Falco] [{event.priority.value}] {event.rule}",
            "priority": event.priority.level,
            "message": self._message(event),
            # https://gotify.net/docs/msgextras: text/markdown, not falcosidekick's `markdown`, is what is rendered.
            "extras": {"client::display": {"contentType": self._content_type}},
        }
        token = self.settings.token.get_secret_value()
        login = {"X-Gotify-Key": token} if token else {}
        return Request.json(f"{self.settings.hostport.rstrip('/')}/message", body, login)

    @property
    def _content_type(self) -> str:
        return "text/markdown" if self.settings.format == "markdown" else "text/plain"

    def _message(self, event: Event) -> str:
        if self.settings.format == "json":
            return event.json.decode()
        message = Message.of(event, LISTING, link=self.context.link(event), every=True)
        if self.settings.format == "plaintext":
            return f"{message.text}\n\n" + message.listed(lambda fact: f"{fact.name}: {fact.value}")
        listed = message.listed(lambda fact: f"- **{markdown(fact.name)}**: {markdown(fact.value)}")
        return f"{markdown(message.text)}\n\n{listed}"
