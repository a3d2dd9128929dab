"""The receiver as the process sees it: listening between `start` and `close`."""

import asyncio
import logging
import socket
import ssl
from contextlib import ExitStack
from itertools import chain
from typing import NamedTuple

from uvicorn.config import Config

from sidekick.receiver.access import Access
from sidekick.receiver.paths import PAGES, Paths
from sidekick.receiver.protocol import AlertProtocol
from sidekick.receiver.routes import Routes
from sidekick.receiver.settings import ListenSettings, ReceiverSettings, TlsServer
from sidekick.receiver.sockets import BACKLOG, activated, allow_connections, listen
from sidekick.receiver.state import Service, State
from sidekick.receiver.tls import server_context

logger = logging.getLogger(__name__)

_NO_TLS = "http-notls"
"""Name of the second listener, among the sockets that systemd hands over (and in falcosidekick's chart)."""
_SWEEP = 1000
"""Connections looked at in one turn of the loop: about a millisecond, so that no alert waits longer for its answer."""
_HANDSHAKE = 10.0
"""Seconds that a TLS handshake may take at most: until it is over, a connection is not among those that are counted."""
_NEWCOMER = 1.0
"""Seconds that a connection without any request has to send one when the receiver closes."""


class Door(NamedTuple):
    """One listening socket, and what is behind it. The socket is ours; what serves it has a copy, so that another may
    take its place and no connection is refused in between."""

    listening: socket.socket
    paths: Paths
    context: ssl.SSLContext | None


class Receiver:
    """Takes alerts on one port, or on two when some paths are to be had without TLS."""

    def __init__(self, settings: ListenSettings, service: Service) -> None:
        self._settings = settings
        self.state = State(service, settings.receiver)
        self._given: dict[str, list[socket.socket]] = {}
        """Sockets that systemd keeps."""
        self._bound: dict[tuple[str, int, bool], socket.socket] = {}
        """Sockets of our own, by address, port and whether it is the second one."""
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket, the main ones first."""
        return [listener.getsockname()[:2] for server in self._servers for listener in server.sockets]

    async def start(self) -> None:
        """Listens. Raises `ListenError` or `TlsError`, whose messages are for the user; nothing is left open then."""
        self._given = activated()
        self.state.tick(asyncio.get_running_loop().time())
        try:
            await self.renew(self._settings)
        except BaseException:
            self._close_sockets()
            raise
        self._sweeper = asyncio.create_task(self._sweep(), name="receiver")

    async def renew(self, settings: ListenSettings) -> None:
        """Listens as these say from now on, with certificates read anew; connections that are open stay as they are.

        Raises `ListenError` or `TlsError`, and all is as it was then.
        """
        with ExitStack() as undo:
            doors = self._doors(settings, undo)
            servers: list[asyncio.Server] = []
            for door in doors:
                servers.append(await self._serve(door, settings.receiver))
                undo.callback(servers[-1].close)
            undo.pop_all()
        for server in self._servers:
            server.close()
        self._release({door.listening for door in doors})
        self._servers, self._settings = servers, settings
        self._limit(settings)

    def _limit(self, settings: ListenSettings) -> None:
        limits = self.state.limits = settings.receiver
        self.state.access = Access(limits)
        for connection in self._connections():
            connection.forget()
        self.state.most_connections = allow_connections(limits.connections)
        if self.state.most_connections < limits.connections:
            logger.warning("the limit of open files allows only %d connections", self.state.most_connections)

    def _doors(self, settings: ListenSettings, undo: ExitStack) -> list[Door]:
        tls = settings.tlsserver
        context = server_context(tls) if tls.deploy else None
        main, second = divide(tls)
        given = {name: sockets for name, sockets in self._given.items() if not (second and name == _NO_TLS)}
        plain = self._given.get(_NO_TLS, []) if second else []
        sockets = list(chain.from_iterable(given.values()))
        if not sockets:
            sockets = [self._socket((settings.listenaddress, settings.listenport, False), undo)]
        if second and not plain:
            plain = [self._socket((settings.listenaddress, tls.notlsport, True), undo)]
        doors = [Door(one, main, context) for one in sockets]
        return doors + [Door(one, second, None) for one in plain if second]

    def _socket(self, place: tuple[str, int, bool], undo: ExitStack) -> socket.socket:
        """The one that listens there, or a new one."""
        if place not in self._bound:
            self._bound[place] = undo.enter_context(listen(*place[:2]))
            undo.callback(self._bound.pop, place)
        return self._bound[place]

    def _release(self, kept: set[socket.socket]) -> None:
        """Closes our sockets, but for these."""
        for place, one in list(self._bound.items()):
            if one not in kept:
                one.close()
                del self._bound[place]

    async def _serve(self, door: Door, limits: ReceiverSettings) -> asyncio.Server:
        # uvicorn would set up logging, signals and a loop; of its configuration, only what its protocol reads is used.
        config = Config(
            Routes(self.state), ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False,
            proxy_headers=False,
        )  # fmt: skip
        config.load()
        return await asyncio.get_running_loop().create_server(
            lambda: AlertProtocol(config, self.state, door.paths),
            sock=door.listening.dup(),
            ssl=door.context,
            ssl_handshake_timeout=min(_HANDSHAKE, limits.headertimeout) if door.context else None,
            backlog=BACKLOG,
        )

    async def _sweep(self) -> None:
        while True:
            limits = self._settings.receiver
            await asyncio.sleep(min(1.0, limits.headertimeout / 4, limits.requesttimeout / 4, limits.idletimeout / 4))
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
        self._close_sockets()
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

    def _close_sockets(self) -> None:
        self._release(set())
        for one in chain.from_iterable(self._given.values()):
            one.close()

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
