"""NATS with JetStream, as Debian packages it."""

import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.js.api import RawStreamMsg

from tests.services.certificates import Certificates
from tests.services.server import Server

USER, PASSWORD = "alice", "alice-secret"
_CONFIGURATION = """\
listen: "127.0.0.1:{port}"
"""
_JETSTREAM = """\
jetstream: {{ store_dir: "{home}" }}
"""
_SECURITY = """\
tls {{ cert_file: "{files.server}", key_file: "{files.server_key}", ca_file: "{files.authority}", verify: true }}
authorization {{ user: "{user}", password: "{password}" }}
"""


class Nats(Server):
    """With `secure` it wants TLS, a client's certificate and the login of `USER`."""

    def __init__(self, home: Path, *, secure: bool = False, jetstream: bool = True) -> None:
        super().__init__(home)
        self.certificates = Certificates(home)
        self._jetstream = jetstream
        text = _CONFIGURATION.format(port=self.port)
        if jetstream:
            text += _JETSTREAM.format(home=home)
        if secure:
            text += _SECURITY.format(files=self.certificates, user=USER, password=PASSWORD)
        (home / "nats.conf").write_text(text)

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    def command(self) -> list[str]:
        return ["nats-server", "--config", str(self.home / "nats.conf")]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            information = connection.recv(4096)
        if not information.startswith(b"INFO "):
            return False
        return json.loads(information[5:].splitlines()[0]).get("jetstream", False) == self._jetstream


@asynccontextmanager
async def client(server: Nats) -> AsyncGenerator[Client]:
    connection = await nats.connect(server.url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def stream(server: Nats, name: str) -> AsyncGenerator[Callable[[], Awaitable[list[RawStreamMsg]]]]:
    """A stream for the subjects that begin with `name.`; what is yielded reads all that it holds."""
    async with client(server) as connection:
        await connection.jetstream().add_stream(name=name, subjects=[f"{name}.>"])

    async def stored() -> list[RawStreamMsg]:
        async with client(server) as connection:
            manager = connection.jetstream()
            last = (await manager.stream_info(name)).state.last_seq
            return [await manager.get_msg(name, number) for number in range(1, last + 1)]

    yield stored
    async with client(server) as connection:
        await connection.jetstream().delete_stream(name)
