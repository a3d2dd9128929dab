"""A scripted HTTP destination on the loopback interface, for tests of outputs: a real server, not a mock."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum, auto

from aiohttp import web

from sidekick.sdk.http import Answer, Request

_DRIP_SECONDS = 0.02


class Fault(Enum):
    """What a destination may do instead of answering."""

    SILENT = auto()
    """Reads the request and never answers."""
    CUT = auto()
    """Closes the connection in the middle of its answer."""
    DRIP = auto()
    """Answers a byte at a time, without an end."""


Script = Callable[[Request], Answer | Fault]
"""Decides about one request. Its `url` is the path with the query; header names are lower case."""


def takes_all(request: Request) -> Answer:
    """The simplest destination."""
    return Answer(200, {"content-type": "application/json"}, b"{}")


def always(outcome: Answer | Fault) -> Script:
    def script(request: Request) -> Answer | Fault:
        return outcome

    return script


class Loopback:
    """A running server: `script` decides each request's fate, `requests` remembers them all with what came of them."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[tuple[Request, Answer | Fault]] = []
        self.url = ""
        self.ending = asyncio.Event()

    async def serve(self, received: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in received.headers.items()}
        request = Request(received.raw_path, await received.content.read(), headers, received.method)
        outcome = self.script(request)
        self.requests.append((request, outcome))
        if isinstance(outcome, Answer):
            return web.Response(status=outcome.status, headers=_own(outcome.headers), body=outcome.body)
        if outcome is Fault.SILENT:
            await self.ending.wait()
        response = web.StreamResponse(headers={"content-length": "100000", "content-type": "application/json"})
        await response.prepare(received)
        await response.write(b'{"errors":')
        while outcome is Fault.DRIP and not self.ending.is_set():
            await response.write(b" ")
            await asyncio.sleep(_DRIP_SECONDS)
        if received.transport is not None:
            received.transport.abort()
        return response


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    """Without what this server makes itself: recorded answers carry the length of another form of their body."""
    return {name: value for name, value in headers.items() if name not in ("content-length", "transfer-encoding")}


@asynccontextmanager
async def loopback(script: Script = takes_all, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Loopback]:
    """A server on a free port of 127.0.0.1 for as long as the block lasts, by TLS where that is given."""
    server = Loopback(script)
    runner = web.ServerRunner(web.Server(server.serve, auto_decompress=False))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"{'https' if tls else 'http'}://{host}:{port}"
        yield server
    finally:
        server.ending.set()  # cleaning up waits for every answer that is owed
        await runner.cleanup()
