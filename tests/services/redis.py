"""Redis, as Debian packages it."""

import socket
from pathlib import Path

from tests.services.certificates import Certificates
from tests.services.server import Server


class Redis(Server):
    """Every write is on disk before it is answered, so a test may kill it. `secure` is the port of TLS, where a client
    may show a certificate."""

    ports = 2

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.secure = self.port + 1
        self.certificates = Certificates(home)

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def command(self) -> list[str]:
        files = ["--dir", str(self.home), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        ours = self.certificates
        shown = ["--tls-cert-file", str(ours.server), "--tls-key-file", str(ours.server_key)]
        tls = ["--tls-port", str(self.secure), *shown, "--tls-ca-cert-file", str(ours.authority)]
        address = ["--bind", "127.0.0.1", "--port", str(self.port)]
        return ["redis-server", *address, *files, *tls, "--tls-auth-clients", "optional"]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
