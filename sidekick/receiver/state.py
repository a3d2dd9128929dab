"""What all connections of the receiver share, and what the receiver asks of the rest of the process."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from uvicorn.server import ServerState

from sidekick.receiver.access import Access, Sender
from sidekick.receiver.answers import accepted
from sidekick.receiver.refused import RefusedLog
from sidekick.receiver.settings import ReceiverSettings

Done = Callable[[OSError | None], None]


class Accept(Protocol):
    """Takes a sender's body in and calls `done` once its alerts are durable (None) or are not kept (OSError).

    Raises `DecodeError` for a body that holds no alert and `JournalFull` when there is no room; `done` is not called
    then.
    """

    def __call__(self, body: bytes, done: Done, sender: Sender) -> None: ...


@dataclass(frozen=True)
class Service:
    """What the receiver is given: the way in for alerts, and what its pages show."""

    accept: Accept
    refused: RefusedLog
    ready: Callable[[], tuple[bool, Mapping[str, object]]]
    """Whether to send traffic here, and the detail shown for it."""
    metrics: Callable[[], bytes]
    """Prometheus text exposition, format 0.0.4."""


class State(ServerState):
    """uvicorn's shared state, with ours: the clock that connections read instead of asking the system each time."""

    def __init__(self, service: Service, limits: ReceiverSettings) -> None:
        super().__init__()
        self.service = service
        self.limits = limits
        self.access = Access(limits)
        self.most_connections = limits.connections
        self.accepted = 0
        """Requests whose alerts are durable."""
        self.closing = False
        self.drained = asyncio.Event()
        self.tick(0.0)

    def tick(self, now: float) -> None:
        """Sets the clock, and the answers that show it."""
        self.now = now
        self.date = formatdate(usegmt=True)
        self.default_headers = [(b"date", self.date.encode())]
        self.ok = accepted(self.date, keep_alive=True)
        self.ok_close = accepted(self.date, keep_alive=False)
