"""A TCP connection, with TLS or without, to a destination that never answers: syslog, and others that only listen."""

import asyncio
import fcntl
import socket
import ssl
import struct
import termios
from contextlib import suppress
from typing import Self

from sidekick.sdk.errors import MisconfiguredError, RetryableError

_ESTABLISHED = 1  # Linux, include/net/tcp_states.h
_LONGEST_LOOK = 0.05


class Stream:
    """One connection. The destination says nothing, so what its kernel acknowledges counts as delivered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        transport = writer.transport
        # Not 0: a TLS transport of asyncio takes its buffer for full when it is as long as that, so for ever.
        transport.set_write_buffer_limits(high=1, low=0)
        descriptor: int = transport.get_extra_info("socket").fileno()
        # A socket of our own, for the loop lends none that can be asked about its state.
        self._socket = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """Raises `RetryableError`, or `MisconfiguredError` when the certificate is not to be trusted."""
        try:
            return cls(*await asyncio.open_connection(host, port, ssl=tls))
        except ssl.SSLCertVerificationError as error:
            raise MisconfiguredError(f"TLS with {host}:{port} failed: {error.verify_message}") from None
        except OSError as error:
            raise RetryableError(f"cannot connect to {host}:{port}: {error.strerror or error}") from None

    @property
    def ended(self) -> bool:
        """Whether the other end has hung up."""
        state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state != _ESTABLISHED or self._reader.at_eof() or self._writer.is_closing()

    async def send(self, data: bytes) -> None:
        """Returns when the other end's kernel has it all; raises `RetryableError` when it hung up before."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise RetryableError(f"the connection failed: {error.strerror or error}") from None
        pause = 0.0
        while self._unacknowledged:
            if self.ended:
                break
            # Nobody wakes us for an acknowledgement; on loopback it is there at the first look.
            await asyncio.sleep(pause)
            pause = min(pause * 2 or 0.001, _LONGEST_LOOK)
        if self.ended:
            raise RetryableError("the other end closed the connection")

    @property
    def _unacknowledged(self) -> int:
        """Bytes in our buffers and in the kernel's send queue (SIOCOUTQ, tcp(7))."""
        queued = fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"\0" * 4)
        return self._writer.transport.get_write_buffer_size() + struct.unpack("i", queued)[0]

    async def close(self) -> None:
        self._socket.close()
        self._writer.close()
        try:
            with suppress(OSError):
                async with asyncio.timeout(1):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()
