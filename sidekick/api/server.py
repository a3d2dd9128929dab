"""The server of port 2802, in the service's own event loop."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from sidekick.api.connection import Connection

_GRACE = 2
"""Seconds that an answer has to be finished when the service ends."""
_HANDSHAKE = 10
"""Seconds that a TLS handshake may take at most: until it is over, a connection is not among those that are counted."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leaves the signals to the service, which ends this server in its turn."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Does what uvicorn's own does with sockets, but that one leaves a minute to a TLS handshake."""
        config, loop = self.config, asyncio.get_running_loop()
        patience = min(_HANDSHAKE, config.timeout_keep_alive) if config.ssl else None
        self.servers = [
            await loop.create_server(
                lambda: Connection(config, self.server_state, {}),
                sock=one,
                ssl=config.ssl,
                ssl_handshake_timeout=patience,
                backlog=config.backlog,
            )
            for one in sockets or ()
        ]
        self.started = True


@asynccontextmanager
async def serving(
    app: FastAPI,
    listener: socket.socket,
    tls: ssl.SSLContext | None,
    end_streams: Callable[[], None],
    *,
    most: int = 500,
    patience: int = 30,
) -> AsyncGenerator[None]:
    """Answers what comes on that listening socket beside the block, and closes it.

    `most` is the number of connections there may be, `patience` the seconds that each may be silent, shake hands,
    send a request or take nothing of its answer.
    """
    _let_go_of_the_dead(listener, patience)
    # Below an error it tells of each request that is no HTTP, and anybody can send a million.
    config = uvicorn.Config(
        app, http=Connection, ws="none", lifespan="off", log_config=None, log_level="error", access_log=False,
        proxy_headers=False, server_header=False, timeout_graceful_shutdown=_GRACE, timeout_keep_alive=patience,
        limit_concurrency=most + 1,
        ssl_context_factory=(lambda config, default: tls) if tls else None,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="page")
    try:
        yield
    finally:
        end_streams()
        server.should_exit = True
        await task


def _let_go_of_the_dead(listener: socket.socket, patience: int) -> None:
    """Ends connections whose other side is gone without a word, or reads nothing (tcp(7)): one that follows events
    would stay for ever. What is accepted inherits it."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, patience)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, patience)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience * 1000)
