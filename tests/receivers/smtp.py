"""A mail server on loopback: aiosmtpd, which keeps what it is given."""

import asyncio
import base64
import email
import email.policy
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver


@dataclass
class Mailbox:
    """`answers` says in order how DATA is answered, 250 when it is empty; `encoded_logins` hold
    mechanisms and responses."""

    address: str = ""
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    envelopes: list[Envelope] = field(default_factory=list[Envelope])
    encoded_logins: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    answers: list[str] = field(default_factory=list[str])
    login_wanted: tuple[str, bytes] | None = None
    """The one login that lets in; None: each does."""
    unknown: str = ""
    """A receiver that is not known here."""
    connections: list[Any] = field(default_factory=list[Any])

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if address == self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.envelopes.append(envelope)
            self.mails.append(email.message_from_bytes(envelope.content, EmailMessage, policy=email.policy.default))
        return answer

    async def _login(self, server: SMTP, arguments: list[str]) -> AuthResult:
        """Every mechanism with its response at once."""
        mechanism, response = arguments
        self.encoded_logins.append((mechanism, response))
        if self.login_wanted in (None, (mechanism, base64.b64decode(response))):
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False)

    auth_PLAIN = auth_OAUTHBEARER = auth_EXTERNAL = auth_ANONYMOUS = _login  # noqa: N815

    def hang_up(self) -> None:
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.abort()


@asynccontextmanager
async def mailbox(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False, limit: int = 1 << 25
) -> AsyncGenerator[Mailbox]:
    """A server that wants STARTTLS where there is `tls`, or with `at_once` speaks nothing else. It takes mails of at
    most `limit` bytes."""
    box = Mailbox()

    def accept() -> SMTP:
        starting = None if at_once else tls
        server = SMTP(
            box,
            data_size_limit=limit,
            hostname="mail.test",
            auth_require_tls=False,
            tls_context=starting,
            require_starttls=starting is not None,
        )
        box.connections.append(server)
        return server

    listener = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0, ssl=tls if at_once else None)
    try:
        box.address = f"localhost:{listener.sockets[0].getsockname()[1]}"
        yield box
    finally:
        box.hang_up()
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    async with mailbox() as box:

        async def arrived(event: Event) -> bool:
            return [mail["Message-ID"] for mail in box.mails].count(f"<{event.uuid}@example.com>") == 1

        yield Receiver({"hostport": box.address, "tls": False}, arrived, nowhere={"hostport": "127.0.0.1:1"})
