"""Any service that the library Apprise writes to, more than a hundred: ntfy, Pushover, Matrix, Signal, SMS and others.

Apprise says whether a message was taken and not why, so one that is refused is tried again, never set aside.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sidekick.sdk import (
    NO_SECRET,
    Context,
    Event,
    MisconfiguredError,
    Output,
    OutputSettings,
    Priority,
    RetryableError,
    Secret,
)
from sidekick.sdk.extras import optional
from sidekick.sdk.message import LISTING, Message
from sidekick.sdk.thread import OneThread

if TYPE_CHECKING:
    from apprise import NotifyBase

_KINDS = {Priority.WARNING: "warning", Priority.NOTICE: "info", Priority.INFORMATIONAL: "info", Priority.DEBUG: "info"}


class AppriseSettings(OutputSettings):
    """Keys of `apprise`."""

    url: Secret = NO_SECRET
    """The service, as Apprise writes it (https://github.com/caronc/apprise/wiki), such as ntfy://ntfy.sh/topic."""


class Apprise(Output[AppriseSettings]):
    Settings = AppriseSettings
    title = "Apprise"
    category = "chat"
    website = "https://github.com/caronc/apprise"
    arrives = (
        "A message: the priority and the rule as its title, the output, all fields and a link to the alert as its text."
    )
    requires = ("url",)
    example = {"url": "ntfy://ntfy.sh/TOPIC"}
    extra = "apprise"

    def __init__(self, settings: AppriseSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._service: NotifyBase | None = None
        self._thread = OneThread("apprise")

    async def connect(self) -> None:
        with optional("apprise"):
            from apprise import Apprise as Library  # noqa: PLC0415

        # The plug-in itself: the library's own sending keeps a pool of threads for as long as the process lives.
        self._service = Library.instantiate(self.settings.url.get_secret_value())
        if self._service is None:
            raise MisconfiguredError("Apprise knows no service by this URL")

    async def send(self, events: Sequence[Event]) -> None:
        (event,) = events
        if self._service is None:
            await self.connect()
        service = self._service
        assert service is not None
        message = Message.of(event, LISTING, link=self.context.link(event), every=True)
        listed = message.listed(lambda fact: f"{fact.name}: {fact.value}")
        kind = _KINDS.get(event.priority, "failure")

        def notify() -> bool:
            body = f"{message.text}\n\n{listed}"
            return bool(service.notify(body=body, title=message.title, notify_type=kind, body_format="text"))

        if not await self._thread.run(notify):
            raise RetryableError("the service did not take the message")

    async def close(self) -> None:
        self._service = None
        await self._thread.close(lambda: None)
