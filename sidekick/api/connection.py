"""One connection to the page, with an end to its patience and to how many there are.

The process's descriptors are for those who send alerts too: nobody takes them all by connecting and saying little.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_OVERHEAD = 1 << 17
"""Bytes of a head, of trailers or of chunks' extensions: httptools keeps all of them, however many come."""


class Connection(HttpToolsProtocol):
    """A request must be there in whole within `timeout_keep_alive`, from connecting or its first byte on.

    `limit_concurrency` is the number of connections at which one more is closed without an answer.
    """

    _waiting: asyncio.TimerHandle | None = None
    _overhead = 0
    """Bytes since a head was whole, or part of a body came."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.abort()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > _MOST_OVERHEAD:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        self._overhead = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        super().on_message_complete()

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
