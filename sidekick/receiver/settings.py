"""Keys of the configuration that say where alerts come in and how much one sender may ask for."""

from typing import Annotated

from pydantic import Field

from sidekick.sdk.settings import CommaList, Duration, Flag, IpAddress, Port, Settings, Size, Text


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


class ReceiverSettings(Settings):
    """Keys of `receiver`."""

    # The journal takes records of 64 MiB, and a byte that is no UTF-8 becomes three on its way there.
    bodylimit: Annotated[Size, Field(ge=1, le=20_000_000)] = 10_000_000
    """Largest body of a request, also once decompressed; more is answered 413."""
    headerlimit: Size = 65_536
    """Largest head of a request; more is answered 431."""
    headertimeout: Duration = 60.0
    """Longest time from connecting, or from a request's first byte, to the end of its headers."""
    requesttimeout: Duration = 60.0
    """Longest time from a request's first byte to its last."""
    idletimeout: Duration = 3600.0
    """How long a connection may rest between two requests. Falco keeps one open for its whole life."""
    connections: Annotated[int, Field(ge=1)] = 10_000
    """Most connections at once; one more is answered 503 and closed."""


class ListenSettings(Settings):
    """The keys outside any section that the receiver reads, and its sections."""

    listenaddress: IpAddress = ""
    """IP address to listen on; empty means every address, IPv4 and IPv6."""
    listenport: Port = 2801
    """TCP port that takes alerts."""
    tlsserver: TlsServer = TlsServer()
    """TLS for senders."""
    receiver: ReceiverSettings = ReceiverSettings()
    """What one sender may ask for."""
