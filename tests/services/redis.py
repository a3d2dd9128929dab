"""Redis, as Debian packages it."""

import socket

from tests.services.server import Server


class Redis(Server):
    """Every write is on disk before it is answered, so a test may kill it."""

    @property
    def url(self) -> str:
        return f"redis://{self.address}"

    def command(self) -> list[str]:
        files = ["--dir", str(self.home), "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), *files]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
