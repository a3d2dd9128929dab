"""Datagrams, over UDP or a Unix socket: sent without a sign of whether anybody took them."""

import asyncio
import errno
import socket
from typing import Any, Self

from sidekick.sdk.errors import PermanentError, RetryableError


class Datagrams:
    """A socket with one destination."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected

    @classmethod
    async def to_host(cls, host: str, port: int) -> Self:
        """UDP; raises `RetryableError` when the name cannot be resolved."""
        loop = asyncio.get_running_loop()
        try:
            family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
            return cls._connected(socket.socket(family, kind, protocol), address)
        except OSError as error:
            raise RetryableError(f"cannot send to {host}:{port}: {error.strerror or error}") from None

    @classmethod
    def to_path(cls, path: str) -> Self:
        """A Unix socket; raises `RetryableError` while nobody has made it."""
        try:
            return cls._connected(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), path)
        except OSError as error:
            raise RetryableError(f"cannot send to {path}: {error.strerror or error}") from None

    @classmethod
    def _connected(cls, new: socket.socket, address: tuple[Any, ...] | str) -> Self:
        try:
            new.connect(address)
        except OSError:
            new.close()
            raise
        return cls(new)

    def send(self, data: bytes) -> None:
        """Raises `PermanentError` for what no datagram can hold, and `RetryableError` for all else."""
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise PermanentError(f"{len(data):,} bytes do not fit in a datagram") from None
            raise RetryableError(f"cannot send: {error.strerror or error}") from None

    def close(self) -> None:
        self._socket.close()
