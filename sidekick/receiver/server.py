"""The receiver as the process sees it: listening between `start` and `close`."""

import asyncio
import logging
import socket
import ssl
from contextlib import ExitStack
from itertools import chain
from typing import NamedTuple

from uvicorn.config import Config

from sidekick.receiver.paths import PAGES, Paths
from sidekick.receiver.protocol import AlertProtocol
from sidekick.receiver.routes import Routes
from sidekick.receiver.settings import ListenSettings, TlsServer
from sidekick.receiver.sockets import BACKLOG, activated, allow_connections, listen
from sidekick.receiver.state import Service, State
from sidekick.receiver.tls import server_context

logger = logging.getLogger(__name__)

_NO_TLS = "http-notls"
"""Name of the second listener, among the sockets that systemd hands over (and in falcosidekick's chart)."""
_SWEEP = 1000
"""Connections looked at in one turn of the loop: about a millisecond, so that no alert waits longer for its answer."""
_NEWCOMER = 1.0
"""Seconds that a connection without any request has to send one when the receiver closes."""


class Door(NamedTuple):
    """One listening socket, and what is behind it."""

    listening: socket.socket
    paths: Paths
    context: ssl.SSLContext | None


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
        """Listens. Raises `ListenError` or `TlsError`, whose messages are for the user; nothing is left open then."""
        limits = self._settings.receiver
        self.state.most_connections = allow_connections(limits.connections)
        if self.state.most_connections < limits.connections:
            logger.warning("the limit of open files allows only %d connections", self.state.most_connections)
        self.state.tick(asyncio.get_running_loop().time())
        with ExitStack() as bound:
            for door in self._doors(bound):
                await self._serve(door)
            bound.pop_all()
        self._sweeper = asyncio.create_task(self._sweep(), name="receiver")

    def _doors(self, bound: ExitStack) -> list[Door]:
        settings, tls = self._settings, self._settings.tlsserver
        context = server_context(tls) if tls.deploy else None
        given = activated()
        for one in chain.from_iterable(given.values()):
            bound.enter_context(one)
        main, second = divide(tls)
        plain = given.pop(_NO_TLS, []) if second else []
        sockets = list(chain.from_iterable(given.values()))
        if not sockets:
            sockets = [bound.enter_context(listen(settings.listenaddress, settings.listenport))]
        if second and not plain:
            plain = [bound.enter_context(listen(settings.listenaddress, tls.notlsport))]
        doors = [Door(one, main, context) for one in sockets]
        return doors + [Door(one, second, None) for one in plain if second]

    async def _serve(self, door: Door) -> None:
        # uvicorn would set up logging, signals and a loop; of its configuration, only what its protocol reads is used.
        config = Config(
            Routes(self.state), ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False,
            proxy_headers=False,
        )  # fmt: skip
        config.load()
        server = await asyncio.get_running_loop().create_server(
            lambda: AlertProtocol(config, self.state, door.paths),
            sock=door.listening,
            ssl=door.context,
            backlog=BACKLOG,
        )
        self._servers.append(server)

    async def _sweep(self) -> None:
        limits = self._settings.receiver
        pause = min(1.0, limits.headertimeout / 4, limits.requesttimeout / 4, limits.idletimeout / 4)
        while True:
            await asyncio.sleep(pause)
            self.state.tick(asyncio.get_running_loop().time())
            for number, connection in enumerate(self._connections()):
                connection.sweep()
                if number % _SWEEP == _SWEEP - 1:
                    await asyncio.sleep(0)
            self.state.service.refused.flush()

    def _connections(self) -> list[AlertProtocol]:
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
