"""What Logstash's tcp input with json_lines does: lines of JSON, in plain text or by TLS, and no word back."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from sidekick.sdk import Event
from sidekick.sdk.testing import Receiver
from tests.deadline import until


class Input:
    """Keeps the lines that are whole; ends and comes back on the same port."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.lines: list[bytes] = []
        self.port = 0
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        await self._start()
        try:
            yield
        finally:
            self._server.close()
            for writer in self._writers:
                writer.close()
            await until(lambda: not self._writers)

    async def restart(self) -> None:
        """In the best order: it says that it will end, and reads on until all have hung up."""
        self._server.close()
        for writer in self._writers:
            writer.write_eof()
        await until(lambda: not self._writers)
        await self._start()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(
            self._read, "127.0.0.1", self.port, limit=1 << 24, ssl=self._tls, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while line := await reader.readuntil(b"\n"):
                    self.lines.append(line)
        finally:
            self._writers.discard(writer)
            writer.close()


@asynccontextmanager
async def running(request: pytest.FixtureRequest) -> AsyncGenerator[Receiver]:
    server = Input()
    async with server.listening():

        async def arrived(event: Event) -> bool:
            with suppress(TimeoutError):
                await until(lambda: any(event.uuid.encode() in line for line in server.lines), within=5)
            return [found["uuid"] for found in server.events].count(event.uuid) == 1

        settings = {"address": "127.0.0.1", "port": server.port, "tls": False}
        yield Receiver(settings, arrived, nowhere={"port": 1})
