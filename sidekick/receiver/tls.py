"""TLS towards senders."""

import ssl
from collections.abc import Callable
from pathlib import Path

from sidekick.receiver.settings import TlsServer


class TlsError(Exception):
    """A certificate, key or authority that cannot be used; the message names the file and its key."""


def server_context(settings: TlsServer) -> ssl.SSLContext:
    """TLS towards senders, HTTP/1.1 only; with `mutualtls`, no client without a certificate of `cacertfile`."""
    context = certified(settings.certfile, settings.keyfile, "tlsserver")
    authorities = settings.cacertfile
    context.set_alpn_protocols(["http/1.1"])
    if settings.mutualtls:
        use(f"tlsserver.cacertfile {authorities}", lambda: context.load_verify_locations(authorities))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def certified(certificate: str, key: str, section: str) -> ssl.SSLContext:
    """A server's TLS, 1.2 or newer, with that certificate and key, which the configuration's `section` names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    use(
        f"{section}.certfile {certificate} with {section}.keyfile {key}",
        # The empty passphrase keeps OpenSSL from asking for one on the terminal.
        lambda: context.load_cert_chain(certificate, key, password=""),
    )
    return context


def files(settings: TlsServer) -> list[Path]:
    """The files that `server_context` reads."""
    if not settings.deploy:
        return []
    authorities = [settings.cacertfile] if settings.mutualtls else []
    return [Path(name) for name in (settings.certfile, settings.keyfile, *authorities)]


def use(what: str, load: Callable[[], None]) -> None:
    """Loads it; raises `TlsError`, which says what could not be."""
    try:
        load()
    except OSError as error:
        raise TlsError(f"cannot use {what}: {error.strerror or error}") from None
