"""A webhook's other side: an HTTP server on loopback that counts what it was sent, and misbehaves as it is told."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.faults.falco import id_of, number_of

Behaviour = Callable[[bytes], Awaitable[web.Response]]


class Endpoint:
    """Keeps every body that was answered 2xx; of numbered alerts, how often each came and under which ids."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.times: Counter[int] = Counter()
        self.ids: defaultdict[int, set[str]] = defaultdict(set)
        self.port = 0
        self.behaviour: Behaviour = take

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = await self.behaviour(body)
        if answer.status < 300:
            self.bodies.append(body)
            if (number := number_of(body)) is not None:
                self.times[number] += 1
                self.ids[number].add(id_of(body))
        return answer

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncGenerator["Endpoint"]:
        """Listens on that port, or on a free one that it keeps when it comes back."""
        application = web.Application(client_max_size=1 << 26)
        application.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(application, shutdown_timeout=1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port or self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


async def take(body: bytes) -> web.Response:
    return web.Response()


async def hang(body: bytes) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets")
