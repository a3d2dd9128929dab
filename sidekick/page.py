"""The page and the API beside the service: what they are lent, and when they begin and end."""

import asyncio
import importlib
import logging
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from outputs.store import StoreSettings
from outputs.xdp import XdpSettings
from sidekick.control import Assembly, Parts
from sidekick.control.access import Doorkeeper
from sidekick.control.settings import ApiSettings
from sidekick.receiver.tls import certified
from sidekick.settings import Configuration
from sidekick.store import NoStore, Reader

log = logging.getLogger(__name__)


def store_path(configuration: Configuration) -> Path | None:
    """The file of the store that the service writes, if it writes one."""
    store = configuration.outputs.get("store")
    return Path(store.settings.path) if store and isinstance(store.settings, StoreSettings) else None


def store_reader(configuration: Configuration) -> Reader:
    """Of that store."""
    path = store_path(configuration)
    return Reader(path, apart=True) if path else NoStore()


def blocker_socket(configuration: Configuration) -> Path | None:
    """The socket of sidekick-xdp's daemon, if one is named."""
    xdp = configuration.outputs.get("xdp")
    own = xdp.settings.socket if xdp and isinstance(xdp.settings, XdpSettings) else ""
    path = configuration.api.xdpsocket or own
    return Path(path) if path else None


class Certificate:
    """What the page shows of itself, and its files; `context` stays None where it speaks plain HTTP."""

    def __init__(self, settings: ApiSettings) -> None:
        self._pair = settings.certfile, settings.keyfile or settings.certfile
        self.files = {Path(name) for name in self._pair if settings.enabled and settings.certfile}
        self.context: ssl.SSLContext | None = None

    def read(self) -> None:
        """Reads the files, for who connects from now on. Raises `TlsError`, and nothing has changed then."""
        if not self.files:
            return
        fresh = certified(*self._pair, "api")
        if self.context:
            self.context.load_cert_chain(*self._pair)
        else:
            self.context = fresh


@asynccontextmanager
async def page(
    parts: Parts, access: Doorkeeper, listener: socket.socket, tls: ssl.SSLContext | None
) -> AsyncGenerator[Assembly]:
    """Serves beside the block."""
    # Half a second that a service without a page does not pay; in a thread, for alerts come in already.
    api = await asyncio.to_thread(importlib.import_module, "sidekick.api")
    assembly = Assembly(parts, access)
    try:
        async with api.serving(api.application(assembly.service), listener, tls, assembly.end_streams):
            host, port = listener.getsockname()[:2]
            log.info("page on http%s://%s:%d", "s" if tls else "", f"[{host}]" if ":" in host else host, port)
            yield assembly
    finally:
        await assembly.close()
