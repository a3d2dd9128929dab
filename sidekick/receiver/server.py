"""The receiver as the process sees it: listening between `start` and `close`."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence

from uvicorn.config import Config

from sidekick.receiver.paths import PAGES, Paths
from sidekick.receiver.protocol import AlertProtocol
from sidekick.receiver.routes import Routes
from sidekick.receiver.settings import ListenSettings, TlsServer
from sidekick.receiver.sockets import activated, allow_connections, listen
from sidekick.receiver.state import Service, State
from sidekick.receiver.tls import server_context

logger = logging.getLogger(__name__)

_NO_TLS = "http-notls"
"""Name of the second listener, among the sockets that systemd hands over (and in falcosidekick's chart)."""
_NEWCOMER = 1.0
"""Seconds that a connection without any request has to send one when the receiver closes."""


class Receiver:
    """Takes alerts on one port, or on two when some paths are to be had without TLS."""

    def __init__(self, settings: ListenSettings, service: Service) -> None:
        self._settings = settings
        self.state = State(service, settings.receiver)
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket, the main ones first."""
        return [listener.getsockname()[:2] for server in self._servers for listener in server.sockets]

    async def start(self) -> None:
        """Listens. Raises `ListenError` or `TlsError`, whose messages are for the user."""
        settings, tls = self._settings, self._settings.tlsserver
        context = server_context(tls) if tls.deploy else None
        self.state.most_connections = allow_connections(settings.receiver.connections)
        if self.state.most_connections < settings.receiver.connections:
            logger.warning("the limit of open files allows only %d connections", self.state.most_connections)
        self.state.tick(asyncio.get_running_loop().time())
        self._sweeper = asyncio.create_task(self._sweep())
        given = activated()
        plain = given.pop(_NO_TLS, [])
        main = [one for sockets in given.values() for one in sockets]
        encrypted, unencrypted = divide(tls)
        await self._serve(main or [listen(settings.listenaddress, settings.listenport)], encrypted, context)
        if unencrypted is not None:
            await self._serve(plain or [listen(settings.listenaddress, tls.notlsport)], unencrypted, None)

    async def _serve(self, sockets: Sequence[socket.socket], paths: Paths, context: ssl.SSLContext | None) -> None:
        # uvicorn would set up logging, signals and a loop; of its configuration, only what its protocol reads is used.
        config = Config(
            Routes(self.state), ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False,
            proxy_headers=False,
        )  # fmt: skip
        config.load()
        loop = asyncio.get_running_loop()
        for one in sockets:
            server = await loop.create_server(
                lambda: AlertProtocol(config, self.state, paths), sock=one, ssl=context, backlog=4096
            )
            self._servers.append(server)

    async def _sweep(self) -> None:
        limits = self._settings.receiver
        pause = min(1.0, limits.headertimeout / 4, limits.requesttimeout / 4, limits.idletimeout / 4)
        while True:
            await asyncio.sleep(pause)
            self.state.tick(asyncio.get_running_loop().time())
            for connection in list(self._connections()):
                connection.sweep()
            self.state.service.refused.flush()

    def _connections(self) -> Sequence[AlertProtocol]:
        return [one for one in self.state.connections if isinstance(one, AlertProtocol)]

    async def close(self, grace: float = 10.0) -> None:
        """Takes no more connections, answers the requests in hand, and after `grace` seconds gives up on the rest."""
        self.state.closing = True
        # Two more turns of the loop take in the connections and requests that the kernel already holds.
        for _ in range(2):
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        for connection in self._connections():
            connection.shutdown()
        if not await self._drained(min(grace, _NEWCOMER)):
            for connection in self._connections():
                connection.fresh = False
                connection.shutdown()
            await self._drained(max(0.0, grace - _NEWCOMER))
        for connection in self._connections():
            connection.transport.abort()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        self.state.service.refused.flush()

    async def _drained(self, within: float) -> bool:
        if not self.state.connections:
            return True
        self.state.drained.clear()
        try:
            await asyncio.wait_for(self.state.drained.wait(), within)
        except TimeoutError:
            return False
        return True


def divide(tls: TlsServer) -> tuple[Paths, Paths | None]:
    """What the main listener serves, and what the second, plain one does: falcosidekick moves paths, it copies none."""
    listed = {path for path in tls.notlspaths if path}
    if not tls.deploy or not listed:
        return Paths(), None
    unknown = sorted(listed - PAGES - {"/"})
    if unknown:
        logger.warning("tlsserver.notlspaths: no such path: %s", ", ".join(unknown))
    pages = frozenset(listed & PAGES)
    return Paths(PAGES - pages, alerts="/" not in listed), Paths(pages, alerts="/" in listed)
