"""Mail by SMTP: each alert as a message."""

import base64
import ssl
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from outputs._mail import Addresses, addresses, mail_of
from sidekick.sdk import (
    NO_SECRET,
    AnyCase,
    Event,
    Flag,
    MisconfiguredError,
    Output,
    OutputSettings,
    PermanentError,
    RetryableError,
    Secret,
    Text,
)
from sidekick.sdk.address import HostPort, host_and_port
from sidekick.sdk.extras import optional

if TYPE_CHECKING:
    from aiosmtplib import SMTP


class SmtpSettings(OutputSettings):
    """Keys of `smtp`."""

    hostport: HostPort = ""
    """The mail server, such as mail.example.com:587."""
    tls: Flag = True
    """Speak TLS, by STARTTLS; a server that cannot is not sent to."""
    implicittls: Flag = False
    """Speak TLS from the first byte, as servers do on port 465, and not by STARTTLS."""
    checkcert: Flag = True
    """Verify the server's certificate; false accepts anybody's."""
    sender: Addresses = Field(default="", alias="from")
    """Address that the mail is from."""
    to: Addresses = ""
    """Addresses that it goes to, with commas between them."""
    authmechanism: Annotated[Literal["plain", "oauthbearer", "external", "anonymous", "none"], AnyCase] = "plain"
    """How we log in; plain without a user means not at all."""
    user: Text = ""
    """User, for plain and oauthbearer."""
    password: Secret = NO_SECRET
    """Password, for plain."""
    token: Secret = NO_SECRET
    """Token, for oauthbearer."""
    identity: Text = ""
    """Identity to act as, for plain and external."""
    trace: Text = ""
    """What anonymous tells of us."""
    outputformat: Literal["html", "text"] = "html"
    """`text` leaves the HTML out."""


class Smtp(Output[SmtpSettings]):
    Settings = SmtpSettings
    title = "SMTP"
    category = "email"
    arrives = (
        "A mail: the priority and the rule in its subject, a banner in the priority's colour, the output, a "
        "table of all fields."
    )
    requires = ("hostport", "from", "to")
    example = {"hostport": "mail.example.com:587", "from": "falco@example.com", "to": "soc@example.com"}
    extra = "smtp"
    _server: "SMTP | None" = None

    async def connect(self) -> None:
        with optional("smtp"):
            from aiosmtplib import SMTP  # noqa: PLC0415

        await self.close()
        settings = self.settings
        host, port = host_and_port(settings.hostport)
        encrypted = settings.tls or settings.implicittls
        server = self._server = SMTP(
            hostname=host,
            port=port,
            use_tls=settings.implicittls,
            start_tls=False,
            tls_context=self.context.tls.context(verify=settings.checkcert) if encrypted else None,
            timeout=settings.timeout,
            local_hostname="localhost",
        )
        with _errors():
            await server.connect()
            await server.ehlo()
            if settings.tls and not settings.implicittls:
                await _start_tls(server)
            await self._log_in(server, host, port)

    async def _log_in(self, server: "SMTP", host: str, port: int) -> None:
        """RFC 4954, with the first response at once."""
        response = _credentials(self.settings, host, port)
        if response is None:
            return
        mechanism = self.settings.authmechanism.upper().encode()
        code, text = await server.execute_command(b"AUTH", mechanism, base64.b64encode(response) or b"=")
        if code == 334:  # OAUTHBEARER tells its error in a challenge, and wants an answer to it (RFC 7628, 3.2.3)
            code, text = await server.execute_command(b"AQ==")
        if code >= 300:
            raise _refusal(code, f"the mail server refused the login: {code} {text}", MisconfiguredError)

    async def send(self, events: Sequence[Event]) -> None:
        (event,) = events
        if self._server is None or not self._server.is_connected:
            await self.connect()  # servers hang up on who is silent for minutes
        assert self._server is not None
        settings = self.settings
        html = settings.outputformat == "html"
        mail = mail_of(event, self.context.link(event), settings.sender, settings.to, html=html)
        with _errors():
            await self._server.sendmail(addresses(settings.sender)[0], addresses(settings.to), mail)

    async def close(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        with suppress(RetryableError), _errors():
            await server.quit(timeout=2)
        server.close()


async def _start_tls(server: "SMTP") -> None:
    if not server.supports_extension("starttls"):
        raise MisconfiguredError("the mail server has no STARTTLS: set tls to false to send in the clear")
    await server.starttls()
    await server.ehlo()


def _credentials(settings: SmtpSettings, host: str, port: int) -> bytes | None:
    """The initial response of the mechanism; None where there is no login."""
    match settings.authmechanism:
        case "plain" if settings.user:  # RFC 4616
            return f"{settings.identity}\0{settings.user}\0{settings.password.get_secret_value()}".encode()
        case "oauthbearer":  # RFC 7628
            token = settings.token.get_secret_value()
            return f"n,a={settings.user},\1host={host}\1port={port}\1auth=Bearer {token}\1\1".encode()
        case "external":  # RFC 4422
            return settings.identity.encode()
        case "anonymous":  # RFC 4505
            return settings.trace.encode()
        case _:
            return None


@contextmanager
def _errors() -> Generator[None]:
    """Whose fault it is: what is refused for good about a mail is the mail's, about sender and receivers ours."""
    import aiosmtplib  # noqa: PLC0415

    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise _refusal(first.code, f"no receiver was taken: {first.code} {first.message}", MisconfiguredError) from None
    except aiosmtplib.SMTPDataError as error:
        raise _refusal(error.code, f"the mail was refused: {error.code} {error.message}", PermanentError) from None
    except aiosmtplib.SMTPResponseException as error:
        # 552 is for its size, which is told before the mail is (RFC 1870).
        kind = PermanentError if error.code == 552 else MisconfiguredError
        raise _refusal(error.code, f"the mail server said {error.code} {error.message}", kind) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        cause = error if isinstance(error, ssl.SSLError) else error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise MisconfiguredError(f"TLS with the mail server failed: {cause.verify_message}") from None
        raise RetryableError(f"no mail could be sent: {error}") from None


def _refusal(
    code: int, message: str, for_good: type[MisconfiguredError | PermanentError]
) -> MisconfiguredError | PermanentError | RetryableError:
    return for_good(message) if code >= 500 else RetryableError(message)
