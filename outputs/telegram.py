"""Telegram: each alert as a message of a bot."""

from collections.abc import Callable, Sequence

import msgspec

from sidekick.sdk import (
    JSON,
    NO_SECRET,
    Answer,
    Event,
    HttpOutput,
    HttpSettings,
    MisconfiguredError,
    Request,
    RetryableError,
    Secret,
    Text,
    encode_json,
    shown,
    verdict,
)
from sidekick.sdk.body import read_json
from sidekick.sdk.message import LISTING, Message, markdown

# https://core.telegram.org/bots/api#sendmessage: characters after the marks are read, so the escapes do not count, and
# as for lengths of its entities, units of UTF-16.
_LIMIT = 4096


class TelegramSettings(HttpSettings):
    """Keys of `telegram`."""

    host: Text = "https://api.telegram.org"
    """Base URL of the bot API."""
    token: Secret = NO_SECRET
    """Token of the bot."""
    chatid: Text = ""
    """Chat that the bot writes to."""
    messagethreadid: Text = ""
    """Topic of that chat."""


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Refusal(msgspec.Struct):
    """https://core.telegram.org/bots/api#making-requests"""

    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class Telegram(HttpOutput[TelegramSettings]):
    Settings = TelegramSettings
    title = "Telegram"
    category = "chat"
    website = "https://telegram.org"
    requires = ("token", "chatid")
    example = {"token": "123456:TOKEN", "chatid": "-1001234567890"}

    def encode(self, events: Sequence[Event]) -> Request:
        (event,) = events
        settings = self.settings
        message = Message.of(event, LISTING, link=self.context.link(event), every=True)
        message = message.fitted(_LIMIT, lambda shorter: len(_text(shorter, str).encode("utf-16-le")) // 2)
        body = {
            "text": _text(message, markdown),
            "parse_mode": "MarkdownV2",
            "disable_web_page_preview": True,
            "chat_id": settings.chatid,
        }
        body |= {"message_thread_id": settings.messagethreadid} if settings.messagethreadid else {}
        url = f"{settings.host.rstrip('/')}/bot{settings.token.get_secret_value()}/sendMessage"
        return Request(url, encode_json(body) + b"\n", {"Content-Type": JSON})

    def read_answer(self, answer: Answer, events: Sequence[Event]) -> None:
        """Telegram says in the body how long to wait, and a chat or topic that does not exist is a 400 of its own."""
        refusal = read_json(answer.body, _Refusal)
        if answer.status == 429 and refusal.parameters.retry_after is not None:
            raise RetryableError(f"HTTP 429: {shown(answer.body)}", refusal.parameters.retry_after)
        if answer.status == 400 and ("chat" in refusal.description or "thread" in refusal.description):
            raise MisconfiguredError(f"HTTP 400: {shown(answer.body)}")
        verdict(answer)


def _text(message: Message, escaped: Callable[[str], str]) -> str:
    head = f"*{escaped(message.title)}*\n\n{escaped(message.text)}\n\n"
    return head + message.listed(lambda fact: f"• *{escaped(fact.name)}*: {escaped(fact.value)}")
