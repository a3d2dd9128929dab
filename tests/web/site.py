"""Pages and API on a port of their own, over a real store, silences, dead letters and a blocker that only tries.

Outputs, access and arrivals, which they know by their ports alone, are as simple as can be.
"""

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import Request, Response

from sidekick.api import application, serving
from sidekick.control import RefusedError, Service, ports
from sidekick.control.blocks import Blocks
from sidekick.control.letters import Boxes
from sidekick.control.letters import Letters as RealLetters
from sidekick.control.ports import OutputState as State
from sidekick.control.sending import Sendings
from sidekick.control.silencing import Silencing
from sidekick.control.trail import Trail
from sidekick.delivery import DeadLetters
from sidekick.event import Event
from sidekick.filter import Filter
from sidekick.pipeline import Silences
from sidekick.receiver.refused import RefusedLog
from sidekick.sdk.output import Output
from sidekick.store import Limits, Reader, Writer
from tests.bpf.host import Host


@dataclass(frozen=True)
class Visitor:
    name: str = "local"
    may_change: bool = True
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    logged_in: bool = False


class Access:
    """Everybody is `visitor`; where that is None, who logs in as one of `users`, whose password is their name."""

    def __init__(self, visitor: Visitor | None, *users: Visitor) -> None:
        self._visitor = visitor
        self._users = {user.name: user for user in users}
        self.sessions: dict[str, Visitor] = {}

    def refusal(self, request: Request) -> str:
        return ""

    def forged(self, request: Request, visitor: ports.Visitor) -> bool:
        return False

    def visitor(self, request: Request) -> Visitor | None:
        return self._visitor or self.sessions.get(request.cookies.get("session", ""))

    async def log_in(self, request: Request, response: Response, name: str, password: str) -> bool:
        user = self._users.get(name)
        if user is None or password != name:
            return False
        session = secrets.token_hex(8)
        self.sessions[session] = user
        response.set_cookie("session", session, httponly=True, samesite="strict")
        return True

    def log_out(self, request: Request, response: Response) -> None:
        self.sessions.pop(request.cookies.get("session", ""), None)


@dataclass(frozen=True)
class Delivery:
    output: str
    status: str
    detail: str = ""
    attempts: tuple[ports.Attempt, ...] = ()


@dataclass(frozen=True)
class Sender:
    host: str
    sender: str
    first: float
    last: float
    count: int = 1
    quiet: bool = False


class Outputs:
    def __init__(self, *states: State) -> None:
        self._states = {state.name: state for state in states}
        self.done: list[tuple[str, str, str]] = []
        self.fates: dict[str, list[Delivery]] = {}

    async def states(self) -> Sequence[State]:
        return list(self._states.values())

    def change(self, name: str, **values: object) -> None:
        self._states[name] = replace(self._states[name], **values)

    async def pause(self, name: str, by: str) -> None:
        self._do("pause", name, by)
        self.change(name, status="paused")

    async def resume(self, name: str, by: str) -> None:
        self._do("resume", name, by)
        self.change(name, status="ok")

    async def test(self, name: str, by: str) -> str:
        self._do("test", name, by)
        return f"{name} took the test event."

    async def replay(self, name: str, since: float, by: str, until: float | None = None) -> str:
        end = f" to {round((time.time() - until) / 60)}" if until else ""
        self._do(f"replay {round((time.time() - since) / 60)}{end} min", name, by)
        return f"{name}: 12 alerts sent again."

    async def deliveries(self, uuid: str) -> Sequence[Delivery]:
        return self.fates.get(uuid, [])

    def _do(self, what: str, name: str, by: str) -> None:
        if name not in self._states:
            raise RefusedError(f"There is no output {name}.")
        self.done.append((what, name, by))


class Letters(RealLetters):
    """Of destinations that take anything now."""

    def __init__(self, folder: Path, trail: Trail, *outputs: str) -> None:
        super().__init__(Boxes(folder), {}, Sendings(self._build, 1.0), trail)
        self.boxes = {name: DeadLetters(folder, name) for name in outputs}

    def _build(self, name: str) -> Output[Any]:
        raise AssertionError(f"nothing is sent to {name}")

    async def replay(self, output: str, ids: Sequence[str], by: str) -> str:
        await asyncio.to_thread(self.boxes[output].remove, ids, "replayed")
        return f"{output}: {len(ids)} replayed."


class Arrivals:
    def __init__(self) -> None:
        self._followers: set[asyncio.Queue[Event | None]] = set()
        self.refusal = ""

    def follow(self, words: str, wanted: Filter | None, welcome: Callable[[], bool]) -> AsyncGenerator[list[Event]]:
        if self.refusal:
            raise RefusedError(self.refusal)
        return self._follow(wanted, welcome)

    async def _follow(self, wanted: Filter | None, welcome: Callable[[], bool]) -> AsyncGenerator[list[Event]]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._followers.add(queue)
        try:
            while (event := await queue.get()) and welcome():
                if wanted is None or wanted(event):
                    yield [event]
        finally:
            self._followers.discard(queue)

    @property
    def followed(self) -> bool:
        return bool(self._followers)

    def add(self, event: Event | None) -> None:
        """Tells all who follow; None that there is no more to come."""
        for queue in self._followers:
            queue.put_nowait(event)


class Senders:
    def __init__(self) -> None:
        self.known: list[Sender] = []

    def states(self) -> Sequence[Sender]:
        return self.known


class Intake:
    obstacle = ""


class Reload:
    problem = ""


class Site:
    """One served set of pages; `add` puts events where the pages find them."""

    def __init__(self, home: Path, blocker: Path | None, access: ports.Access, *outputs: State) -> None:
        self._store = home / "store.db"
        self.fill()
        self.arrivals = Arrivals()
        self.outputs = Outputs(*outputs)
        self.trail = Trail(home / "trail.jsonl")
        self.letters = Letters(home / "dead-letters", self.trail, *(state.name for state in outputs))
        self.silences = Silences(home / "silences.json")
        self.silencing = Silencing(self.silences, self.trail)
        self.blocks = Blocks(blocker, self.trail) if blocker else None
        self.refused = RefusedLog()
        self.senders = Senders()
        self.intake = Intake()
        self.reload = Reload()
        self.service = Service(
            reader=Reader(self._store, limit=30),
            access=access,
            arrivals=self.arrivals,
            outputs=self.outputs,
            letters=self.letters,
            silencing=self.silencing,
            blocks=self.blocks,
            refused=self.refused,
            trail=self.trail,
            senders=self.senders,
            intake=self.intake,
            reload=self.reload,
        )
        # asyncio sends small answers at once on sockets that say they are TCP, and on no others.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def add(self, *events: Event) -> None:
        await asyncio.to_thread(self.fill, *events)
        for event in events:
            self.arrivals.add(event)

    def fill(self, *events: Event) -> None:
        writer = Writer.open(self._store, Limits(age=1e9, size=1 << 30))
        writer.add(events)
        writer.close()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None, **limits: int) -> AsyncGenerator[None]:
        app = application(self.service)
        try:
            async with serving(app, self._listener, tls, lambda: self.arrivals.add(None), **limits):
                yield
        finally:
            await self.service.reader.close()
            if self.blocks:
                await self.blocks.close()


@asynccontextmanager
async def site(
    home: Path, *outputs: State, access: ports.Access | None = None, blocker: bool = False
) -> AsyncGenerator[Site]:
    async with AsyncExitStack() as stack:
        daemon = None
        if blocker:
            host = Host(None, home / "none", home)
            stack.enter_context(host.serving("--dry-run"))
            daemon = host.socket
        served = Site(home, daemon, access or Access(Visitor()), *outputs)
        await stack.enter_async_context(served.serving())
        yield served
