"""What NATS and NATS Streaming have in common: addresses, subjects, errors, and a connection that tells of its end."""

import asyncio
import re
import ssl
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from sidekick.sdk import Event, HttpSettings, MisconfiguredError, PermanentError, RetryableError
from sidekick.sdk.extras import optional
from sidekick.sdk.inflight import Verdict, part, settle
from sidekick.sdk.tls import ClientTls

if TYPE_CHECKING:
    from nats.aio.client import Client

_SCHEMES = {"": "nats", "nats": "nats", "http": "nats", "natss": "tls", "https": "tls", "tls": "tls"}
_TOO_LARGE = 10054  # JetStream: the message exceeds the stream's limit
# A server cuts the connection at a subject of 4 KiB, and NATS Streaming names a folder like it: 255 bytes at most.
_LONGEST_RULE = 150


class Link:
    """One connection, which does not come back by itself. `gone` is done when it has ended."""

    def __init__(self, client: "Client") -> None:
        self.client = client
        self.gone = asyncio.get_running_loop().create_future()
        self.complaint = ""
        """What the server said last, outside any answer."""

    @classmethod
    async def open(cls, hostport: str, settings: HttpSettings, lent: ClientTls) -> Self:
        """TLS is spoken where the server asks for it; with mutual TLS or a tls:// address nothing else is spoken."""
        with optional("nats"):
            from nats.aio.client import Client  # noqa: PLC0415

        link, servers = cls(Client()), addresses(hostport)
        encrypted = settings.mutualtls or servers[0].startswith("tls")
        try:
            tls = lent.context(verify=settings.checkcert, mutual=settings.mutualtls)
        except MisconfiguredError:
            if encrypted:
                raise
            tls = ssl.create_default_context()  # the server may not ask for it
        connecting = link.client.connect(
            servers,
            name="sidekick",
            error_cb=link.hear,
            closed_cb=link.end,
            tls=tls,
            connect_timeout=settings.timeout,  # type: ignore[reportArgumentType]
            allow_reconnect=False,
            # Each server is tried twice: there is no number for once, and 0 is for ever.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
        )
        async with AsyncExitStack() as failed:
            failed.push_async_callback(link.close)
            await settle([connecting], link.verdict)
            if encrypted and not tls.session_stats()["connect_good"]:
                raise MisconfiguredError("the server of NATS speaks no TLS")
            failed.pop_all()
        return link

    async def hear(self, error: Exception) -> None:
        self.complaint = str(error)

    async def end(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)

    async def close(self) -> None:
        await part(self.client.close(), self._cut)

    def _cut(self) -> None:
        """What the library leaves open when its goodbye gets stuck; no public way leads there."""
        writer = getattr(getattr(self.client, "_transport", None), "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
        for subscription in getattr(self.client, "_subs", {}).values():
            subscription._wait_for_msgs_task.cancel()

    def verdict(self, error: Exception) -> Verdict:
        """The library's error as one of ours, with the server's own words; raises what is no error of the library's."""
        import nats.errors  # noqa: PLC0415
        import nats.js.errors  # noqa: PLC0415

        if isinstance(error, Verdict):
            return error
        if isinstance(error, nats.errors.MaxPayloadError):
            return PermanentError("the alert is larger than NATS takes")
        if isinstance(error, nats.errors.BadSubjectError):
            return MisconfiguredError("subjecttemplate makes no subject of NATS")
        if isinstance(error, nats.js.errors.APIError):
            too_large = error.err_code == _TOO_LARGE
            return (PermanentError if too_large else RetryableError)(f"JetStream: {error.description or error}")
        if not isinstance(error, nats.errors.Error | OSError | TimeoutError):
            raise error
        text = " ".join(dict.fromkeys(filter(None, [str(error) or type(error).__name__, self.complaint])))
        wrong = "authorization" in text.lower() or "certificate" in text.lower()
        return (MisconfiguredError if wrong else RetryableError)(f"NATS: {text}")


def addresses(hostport: str) -> list[str]:
    """The URLs of the servers as the library wants them, for falcosidekick's schemes."""
    return [_address(text.strip()) for text in hostport.split(",")]


def _address(text: str) -> str:
    scheme, found, rest = text.partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}" if found else f"nats://{text}"


def subject_of(template: str, event: Event) -> str:
    """No part of it is empty, for a subject with an empty part reaches nobody."""
    rule = re.sub("[^a-z0-9]+", "_", event.rule.lower()).strip("_")[:_LONGEST_RULE] or "_"
    return template.replace("<priority>", event.priority.value.lower()).replace("<rule>", rule)
