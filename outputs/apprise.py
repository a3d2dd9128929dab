"""Any service that the library Apprise writes to, more than a hundred: ntfy, Pushover, Matrix, Signal, SMS and others.

Apprise says whether a message was taken and not why, so one that is refused is tried again, never set aside.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sidekick.sdk import NO_SECRET, Event, MisconfiguredError, OutputSettings, Priority, RetryableError, Secret
from sidekick.sdk.blocking import BlockingOutput
from sidekick.sdk.extras import optional
from sidekick.sdk.message import LISTING, Message

if TYPE_CHECKING:
    from apprise import NotifyBase

_KINDS = {Priority.WARNING: "warning", Priority.NOTICE: "info", Priority.INFORMATIONAL: "info", Priority.DEBUG: "info"}


class AppriseSettings(OutputSettings):
    """Keys of `apprise`."""

    url: Secret = NO_SECRET
    """The service, as Apprise writes it (https://github.com/caronc/apprise/wiki), such as ntfy://ntfy.sh/topic."""


class Apprise(BlockingOutput[AppriseSettings]):
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
    _service: "NotifyBase | None" = None

    def open(self) -> None:
        with optional("apprise"):
            from apprise import Apprise as Library  # noqa: PLC0415

        # The plug-in itself: the library's own sending keeps a pool of threads for as long as the process lives.
        self._service = Library.instantiate(self.settings.url.get_secret_value())
        if self._service is None:
            raise MisconfiguredError("Apprise knows no service by this URL")

    def deliver(self, events: Sequence[Event]) -> dict[int, RetryableError]:
        (event,) = events
        assert self._service is not None
        message = Message.of(event, LISTING, link=self.context.link(event), every=True)
        body = f"{message.text}\n\n{message.listed(lambda fact: f'{fact.name}: {fact.value}')}"
        kind = _KINDS.get(event.priority, "failure")
        if self._service.notify(body=body, title=message.title, notify_type=kind, body_format="text"):
            return {}
        return {0: RetryableError("the service did not take the message")}

    def release(self) -> None:
        self._service = None
