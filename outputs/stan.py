"""NATS Streaming (STAN): each alert in a channel of its priority and rule, acknowledged once it is stored.

Its makers ended it in 2023 in favour of JetStream; the protocol is at https://nats-io.gitbook.io/legacy-nats-docs.
"""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from outputs._nats import Link, subject_of
from outputs._stan import Fields, decode, encode
from sidekick.sdk import (
    BatchLimits,
    Context,
    Event,
    HttpSettings,
    MisconfiguredError,
    Output,
    RetryableError,
    Text,
)
from sidekick.sdk.inflight import part, settle

if TYPE_CHECKING:
    from nats.aio.msg import Msg

# What the client asks to be pinged by and has no use for: its connection tells when it has ended.
_PING_SECONDS, _PINGS = 5, 88
_PROTOCOL = 1


class StanSettings(HttpSettings):
    """Keys of `stan`."""

    hostport: Text = ""
    """NATS server, such as nats://nats:4222, or several with commas between; tls:// speaks TLS, and a login goes before
    the host (user:password@)."""
    clusterid: Text = ""
    """Name of the NATS Streaming cluster."""
    clientid: Text = ""
    """Our name there, which no other client may have."""
    subjecttemplate: Text = "falco.<priority>.<rule>"
    """Channel: `<priority>` and `<rule>` stand for the alert's own, in small letters, digits and `_`, and of a rule's
    name 150 at most."""


class Stan(Output[StanSettings]):
    Settings = StanSettings
    title = "STAN"
    category = "queue"
    website = "https://nats-io.gitbook.io/legacy-nats-docs"
    arrives = "A message in the channel `falco.PRIORITY.RULE`: the alert's JSON."
    requires = ("hostport", "clusterid", "clientid")
    example = {"hostport": "nats://nats:4222", "clusterid": "test-cluster", "clientid": "sidekick"}
    limits = BatchLimits(count=200, bytes=8 << 20)
    extra = "nats"

    def __init__(self, settings: StanSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._link: Link | None = None
        self._prefix = self._farewell = ""
        self._sender: Fields = {}

    async def connect(self) -> None:
        await self.close()
        settings = self.settings
        link = await Link.open(settings.hostport, settings, self.context.tls)
        self._link = link
        await settle([self._introduce(link)], link.verdict, link.gone)

    async def _introduce(self, link: Link) -> None:
        client, connection, inbox = self.settings.clientid.encode(), secrets.token_bytes(16), link.client.new_inbox()
        await link.client.subscribe(inbox, cb=_alive)
        hello = {1: client, 2: inbox.encode(), 3: _PROTOCOL, 4: connection, 5: _PING_SECONDS, 6: _PINGS}
        answer = await self._ask(link, f"_STAN.discover.{self.settings.clusterid}", hello)
        if error := answer.get(5):
            raise MisconfiguredError(f"NATS Streaming refused the client: {_text(error)}")
        self._prefix, self._farewell = _text(answer.get(1, b"")), _text(answer.get(4, b""))
        self._sender = {1: client, 6: connection}

    async def send(self, events: Sequence[Event]) -> None:
        if self._link is None or self._link.gone.done():
            await self.connect()
        assert self._link is not None
        await settle([self._publish(self._link, event) for event in events], self._link.verdict, self._link.gone)

    async def _publish(self, link: Link, event: Event) -> None:
        subject = subject_of(self.settings.subjecttemplate, event)
        message = self._sender | {2: event.uuid.encode(), 3: subject.encode(), 5: event.json}
        answer = await self._ask(link, f"{self._prefix}.{subject}", message)
        if error := answer.get(2):
            # Of a client that it no longer knows too: another connection makes it known again.
            raise RetryableError(f"NATS Streaming stored nothing: {_text(error)}")

    async def _ask(self, link: Link, subject: str, fields: Fields) -> Fields:
        answer = await link.client.request(subject, encode(fields), timeout=self.settings.timeout)
        try:
            return decode(answer.data)
        except ValueError as error:
            raise RetryableError(str(error)) from None

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        farewell, self._farewell = self._farewell, ""
        if farewell and not link.gone.done():
            # Without it the server finds out by itself.
            await part(self._ask(link, farewell, {1: self.settings.clientid.encode()}), lambda: None)
        await link.close()


async def _alive(heartbeat: "Msg") -> None:
    """The server gives up a client that does not answer."""
    await heartbeat.respond(b"")


def _text(value: bytes | int) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
