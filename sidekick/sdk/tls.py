"""TLS towards destinations: the files of `tlsclient` and `mutualtlsclient`, read anew at each connect."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sidekick.sdk.errors import MisconfiguredError


@dataclass(frozen=True)
class ClientTls:
    """Where the certificates are; an empty path falls back to the file of the usual name in `directory`."""

    directory: str = "/etc/certs"
    certfile: str = ""
    keyfile: str = ""
    mutual_cafile: str = ""
    cafile: str = ""

    def context(self, *, verify: bool = True, mutual: bool = False) -> ssl.SSLContext:
        """A client context, TLS 1.2 or newer; raises `MisconfiguredError` naming the file that cannot be used.

        As in falcosidekick, mutual TLS always verifies the server and adds its CA to the system's.
        """
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cafile:
            _load(self.cafile, lambda: context.load_verify_locations(self.cafile))
        if mutual:
            self._add_client_certificate(context)
        elif not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def with_files(self, certfile: str, keyfile: str, cafile: str) -> "ClientTls":
        """The same with an output's own files where they are named; its authority counts without mutual TLS too."""
        return replace(
            self,
            certfile=certfile or self.certfile,
            keyfile=keyfile or self.keyfile,
            mutual_cafile=cafile or self.mutual_cafile,
            cafile=cafile or self.cafile,
        )

    def client_files(self) -> tuple[str, str, str]:
        """Certificate, key and CA for mutual TLS, for a library that wants to read them itself."""
        directory = Path(self.directory)
        return (
            self.certfile or str(directory / "client.crt"),
            self.keyfile or str(directory / "client.key"),
            self.mutual_cafile or str(directory / "ca.crt"),
        )

    @property
    def files(self) -> list[Path]:
        """Every file that a context may be made of; most need not be there."""
        return [Path(name) for name in (*self.client_files(), self.cafile) if name]

    def _add_client_certificate(self, context: ssl.SSLContext) -> None:
        certificate, key, authority = self.client_files()
        _load(f"{certificate} with {key}", lambda: context.load_cert_chain(certificate, key))
        _load(authority, lambda: context.load_verify_locations(authority))


def _load(what: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ssl.SSLError) as error:
        raise MisconfiguredError(f"cannot use {what} for TLS: {error.strerror or error}") from None
