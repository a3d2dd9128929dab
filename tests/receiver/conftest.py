"""A receiver on a free port of loopback, with the rest of the service in the tests' hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvloop

from sidekick.event import Event, decode
from sidekick.journal import JournalFull
from sidekick.receiver import ListenSettings, Receiver, RefusedLog, Sender, Service
from sidekick.receiver.state import Done

Start = Callable[..., Awaitable["Running"]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the service runs on."""
    return {"uvloop": uvloop.new_event_loop}


class Inbox:
    """Stands for pipeline and journal: takes alerts, and says so at once, later, or never."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.senders: list[str] = []
        self.held: list[Done] = []
        self.hold = False
        self.full = False
        self.fault: Exception | None = None

    def accept(self, body: bytes, done: Done, sender: Sender) -> None:
        if self.fault:
            raise self.fault
        if self.full:
            raise JournalFull
        events = decode(body)
        self.events += events
        self.senders += [sender.name] * len(events)
        if self.hold:
            self.held.append(done)
        else:
            # As the journal does, once the loop has read what there is to read.
            asyncio.get_running_loop().call_soon(done, None)

    def release(self, error: OSError | None = None) -> None:
        held, self.held = self.held, []
        for done in held:
            done(error)

    @property
    def rules(self) -> list[str]:
        return [event.rule for event in self.events]


class Running:
    def __init__(self, receiver: Receiver, inbox: Inbox, refused: RefusedLog) -> None:
        self.receiver, self.inbox, self.refused = receiver, inbox, refused

    @property
    def address(self) -> tuple[str, int]:
        return self.receiver.addresses[0]

    @property
    def connections(self) -> int:
        return len(self.receiver.state.connections)


def listening(tlsserver: dict[str, Any], receiver: dict[str, Any], address: str = "127.0.0.1") -> ListenSettings:
    """The settings with those sections."""
    return ListenSettings.model_validate(
        {"listenaddress": address, "listenport": 0, "tlsserver": tlsserver, "receiver": receiver}
    )


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a receiver; keyword arguments are keys of `receiver`, or top-level ones of the configuration."""
    running: list[Running] = []

    async def start(tlsserver: dict[str, Any] | None = None, address: str = "127.0.0.1", **receiver: Any) -> Running:
        inbox, refused = Inbox(), RefusedLog()
        settings = listening(tlsserver or {}, receiver, address)
        service = Service(inbox.accept, refused, lambda: (not inbox.full, {"full": inbox.full}), lambda: b"m 1\n")
        one = Running(Receiver(settings, service), inbox, refused)
        await one.receiver.start()
        running.append(one)
        return one

    yield start
    for one in running:
        await one.receiver.close(grace=0.2)


@pytest.fixture
async def receiver(start: Start) -> Running:
    return await start()
