"""A TCP relay before a server that keeps all in memory: it is the relay that stops and dies, so nothing is forgotten.

`python -m tests.services.relay PORT UPSTREAM_PORT`
"""

import asyncio
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path

from tests.services.server import Server

ROOT = Path(__file__).parents[2]


class Relay(Server):
    """What comes to `port` goes on to the upstream's port on loopback, and its answers come back."""

    def __init__(self, home: Path, upstream: Server) -> None:
        super().__init__(home)
        self._upstream = upstream.port

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", __name__, str(self.port), str(self._upstream)]

    def answers(self) -> bool:
        socket.create_connection(("127.0.0.1", self.port)).close()
        return True


async def serve(port: int, upstream: int) -> None:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", upstream)
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", port)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
