"""A bounded stream of datagrams from one source, sent by a thread, and what came of it."""

import contextlib
import socket
import threading
from typing import Self

from tests.bpf.wire import HOST4, PORT, Wire

MOST = 2_000_000


class Flood:
    def __init__(self, wire: Wire, source: str) -> None:
        self.sent = 0
        self._receiver = wire.receiver()
        self._sender = wire.sender(source)
        self._sender.connect((HOST4, PORT))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def delivered(self) -> int:
        """How many arrived; the sockets are then closed."""
        count = 0
        self._receiver.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while self._receiver.recv(16):
                count += 1
        self._receiver.close()
        self._sender.close()
        return count

    def _run(self) -> None:
        while not self._stop.is_set() and self.sent < MOST:
            # Nobody answers, so the only error is a queue that is full for a moment.
            with contextlib.suppress(socket.timeout):
                self._sender.send(b"flood")
                self.sent += 1
