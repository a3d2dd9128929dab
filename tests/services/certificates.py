"""TLS for a real server and its clients, under an authority of their own."""

from pathlib import Path

import trustme

from sidekick.sdk import Context
from sidekick.sdk.tls import ClientTls


class Certificates:
    """PEM files in a folder: what a server on loopback shows, and what a client trusts and shows."""

    def __init__(self, home: Path) -> None:
        self.authority = home / "ca.pem"
        self.server, self.server_key = home / "server.pem", home / "server-key.pem"
        self.client, self.client_key = home / "client.pem", home / "client-key.pem"
        issuer = trustme.CA()
        issuer.cert_pem.write_to_path(self.authority)
        for names, certificate, key in (
            (("localhost", "127.0.0.1"), self.server, self.server_key),
            (("sidekick",), self.client, self.client_key),
        ):
            issued = issuer.issue_cert(*names)
            issued.cert_chain_pems[0].write_to_path(certificate)
            issued.private_key_pem.write_to_path(key)

    @property
    def context(self) -> Context:
        """What an output is lent, so that it trusts the server and can show the client's certificate."""
        files = (str(self.client), str(self.client_key), str(self.authority))
        return Context(tls=ClientTls("", *files, str(self.authority)))
