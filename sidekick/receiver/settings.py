"""Keys of the configuration that say where alerts come in and how much one sender may ask for."""

import re
from ipaddress import ip_network
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from sidekick.sdk.settings import NO_SECRET, CommaList, Duration, Flag, IpAddress, Port, Settings, Size, Text


class TlsServer(Settings):
    """Keys of `tlsserver`, as in falcosidekick."""

    deploy: Flag = False
    """Speak TLS on `listenport`."""
    certfile: Text = "/etc/certs/server/server.crt"
    """Certificate chain, PEM."""
    keyfile: Text = "/etc/certs/server/server.key"
    """Private key, PEM, without a passphrase."""
    mutualtls: Flag = False
    """Take only clients whose certificate `cacertfile` signed."""
    cacertfile: Text = "/etc/certs/server/ca.crt"
    """Authorities of client certificates, PEM."""
    notlsport: Port = 2810
    """Port of the plain listener that serves `notlspaths`."""
    notlspaths: CommaList = ()
    """Paths served on `notlsport` only, without TLS: of `/`, `/ping`, `/healthz`, `/readyz`, `/test`, `/metrics`."""


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what is no network."""
    for text in texts:
        ip_network(text)
    return texts


def _token(value: Any) -> Any:
    """Refuses what is soon guessed, or stands in no URL as it is. It never is in the message."""
    if not isinstance(value, str):
        raise ValueError("is no text: put it in quotes")  # noqa: TRY004  (pydantic reports ValueError only)
    if value and not _TOKEN.fullmatch(value):
        raise ValueError("is no token: write 16 or more letters, digits or . _ ~ -, such as of `openssl rand -hex 16`")
    return value


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a sender's name is of letters, digits or . _ -, 64 at most")
    return text


_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,}", re.ASCII)
Networks = Annotated[CommaList, AfterValidator(_networks)]
Name = Annotated[str, AfterValidator(_name)]
Limit = Annotated[Duration, Field(ge=0.1)]
"""Not 0: that would not mean without end, but that every connection is cut."""


class SenderSettings(Settings):
    """An entry of `receiver.senders`: how to know a sender, by one of the two, and what its alerts are given."""

    token: Annotated[SecretStr, BeforeValidator(_token)] = NO_SECRET
    """What it proves to be this sender by: http://HOST:2801/in/TOKEN, ?token=TOKEN or `Authorization: Bearer TOKEN`."""
    certificate: Text = ""
    """Common name of its client certificate, which `tlsserver.mutualtls` has verified."""
    networks: Networks = ()
    """Networks that it may send from; empty: all."""
    fields: dict[str, str] = Field(default_factory=dict[str, str])
    """Fields set in each of its alerts, whatever the alert says itself."""

    @model_validator(mode="after")
    def _is_known_by_something(self) -> Self:
        if not (self.token.get_secret_value() or self.certificate):
            raise ValueError("has neither a token nor a certificate to know it by")
        return self


class ReceiverSettings(Settings):
    """Keys of `receiver`."""

    # The journal takes records of 64 MiB, and a byte that is no UTF-8 becomes three on its way there.
    bodylimit: Annotated[Size, Field(ge=1, le=20_000_000)] = 10_000_000
    """Largest body of a request, also once decompressed; more is answered 413."""
    headerlimit: Size = 65_536
    """Largest head of a request; more is answered 431."""
    headertimeout: Limit = 60.0
    """Longest time from connecting, or from a request's first byte, to the end of its headers. A TLS handshake before
    may take as long, but 10 s at most."""
    requesttimeout: Limit = 60.0
    """Longest time from a request's first byte to its last."""
    idletimeout: Limit = 3600.0
    """How long a connection may rest between two requests. Falco keeps one open for its whole life."""
    connections: Annotated[int, Field(ge=1)] = 10_000
    """Most connections at once; one more is answered 503 and closed."""
    networks: Networks = ()
    """Networks that may ask anything here, pages too, such as 10.0.0.0/8; empty: all. Others are answered 403."""
    senders: dict[Name, SenderSettings] = Field(default_factory=dict[str, SenderSettings])
    """Who may send alerts, by name, each with `token` or `certificate`, `networks` and `fields`; empty: everybody.
    Others are answered 401."""

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        names: dict[str, str] = {}
        for name, sender in self.senders.items():
            for proof in filter(None, (sender.token.get_secret_value(), sender.certificate)):
                if names.setdefault(proof, name) != name:
                    raise ValueError(f"senders {names[proof]} and {name} have the same token or certificate")
        return self


class ListenSettings(Settings):
    """The keys outside any section that the receiver reads, and its sections."""

    listenaddress: IpAddress = ""
    """IP address to listen on; empty means every address, IPv4 and IPv6."""
    listenport: Port = 2801
    """TCP port that takes alerts."""
    tlsserver: TlsServer = TlsServer()
    """TLS for senders."""
    receiver: ReceiverSettings = ReceiverSettings()
    """Who may send, and what one sender may ask for."""

    @model_validator(mode="after")
    def _certificates_are_asked_for(self) -> Self:
        named = [name for name, sender in self.receiver.senders.items() if sender.certificate]
        if named and not (self.tlsserver.deploy and self.tlsserver.mutualtls):
            raise ValueError(f"receiver.senders.{named[0]}.certificate needs tlsserver.deploy and tlsserver.mutualtls")
        return self
