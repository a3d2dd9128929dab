"""What the page and the API need of the service around them. Each change names its visitor, for the trail of who did
what.

Whatever cannot be done is a `RefusedError`, whose message says why to the visitor.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as documented

from sidekick.delivery import DeadLetter
from sidekick.event import Event
from sidekick.filter import Filter
from sidekick.pipeline import Silence, SilenceSettings
from sidekick.store import Reader

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class RefusedError(Exception):
    """It was not done; the message says why, in a sentence."""


class Visitor(Protocol):
    """Who looks at the page."""

    @property
    def name(self) -> str: ...
    @property
    def may_change(self) -> bool:
        """False for who may only read."""
        ...

    @property
    def token(self) -> str:
        """What a form must bring back, so that no other site can fill it in for the visitor."""
        ...

    @property
    def logged_in(self) -> bool:
        """Whether there is a session to leave; on loopback there is none."""
        ...


class Access(Protocol):
    """Who is who."""

    def refusal(self, request: "Request") -> str:
        """Why this is not answered, whoever asks, in a sentence; empty as a rule."""
        ...

    def visitor(self, request: "Request") -> Visitor | None:
        """None for who has to log in first."""
        ...

    def forged(self, request: "Request", visitor: Visitor) -> bool:
        """Whether another site's page may have made the visitor's browser ask for a change."""
        ...

    async def log_in(self, request: "Request", response: "Response", name: str, password: str) -> bool:
        """Whether name and password are right; `response` then carries the session. Raises `RefusedError`."""
        ...

    def log_out(self, request: "Request", response: "Response") -> None: ...


@documented(frozen=True, config=ConfigDict(use_attribute_docstrings=True))
class OutputState:
    """How one output stands."""

    name: str
    title: str
    category: str
    status: str = "ok"
    """ok, connecting, failing or paused."""
    waiting: int = 0
    """Alerts in the journal that it has not got."""
    lag_seconds: float = 0.0
    last_error: str = ""
    delivered: int = 0
    """Since the process started."""
    dead: int = 0
    """Dead letters there are now."""
    replay: str = ""
    """How the last replay stands, in a sentence."""


class Attempt(Protocol):
    """One try to deliver."""

    @property
    def at(self) -> float:
        """When it ended, seconds since 1970."""
        ...

    @property
    def outcome(self) -> str:
        """`ok`, `partial`, `retryable`, `misconfigured` or `permanent`."""
        ...

    @property
    def answer(self) -> str:
        """What the destination said, or why there was no answer; empty where all went well."""
        ...

    @property
    def times(self) -> int:
        """How many equal ones there were in a row."""
        ...


class Delivery(Protocol):
    """Where one event stands with one output."""

    @property
    def output(self) -> str: ...
    @property
    def status(self) -> str:
        """`delivered`, `waiting`, `filtered`, `silenced`, `grouped`, `throttled`, `dead` or `unknown`."""
        ...

    @property
    def detail(self) -> str:
        """The destination's answer or the reason; may be empty."""
        ...

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The latest tries, oldest first, as far as this process remembers."""
        ...


class Outputs(Protocol):
    async def states(self) -> Sequence[OutputState]: ...
    async def pause(self, name: str, by: str) -> None:
        """Alerts wait in the journal from now on, over a restart too; a replay to it ends."""
        ...

    async def resume(self, name: str, by: str) -> None: ...
    async def test(self, name: str, by: str) -> str:
        """Sends a test event past filter and journal; what came of it, in a sentence."""
        ...

    async def replay(self, name: str, since: float, by: str, until: float | None = None) -> str:
        """Sends again what was accepted from `since` on and before `until` (s since 1970; None is now); what came of
        it, or that it goes on, in a sentence. `OutputState.replay` tells the rest."""
        ...

    async def deliveries(self, uuid: str) -> Sequence[Delivery]: ...


class Letters(Protocol):
    async def counts(self) -> Mapping[str, int]:
        """How many there are, by output; those without any are left out."""
        ...

    async def newest(self, output: str, most: int) -> Sequence[tuple[str, DeadLetter]]:
        """At most so many of that output, or of all where it is empty; each with its output, the newest first."""
        ...

    async def find(self, output: str, ids: Collection[str]) -> Mapping[str, DeadLetter]:
        """Those of the letters that are there, by id."""
        ...

    async def replay(self, output: str, ids: Sequence[str], by: str) -> str: ...
    async def drop(self, output: str, ids: Sequence[str], by: str) -> str: ...


class Silencing(Protocol):
    def active(self) -> Sequence[Silence]: ...
    async def add(self, wanted: SilenceSettings) -> Silence: ...
    async def remove(self, id: str, by: str) -> None: ...


class Block(Protocol):
    """A source whose packets are dropped; times are seconds since 1970."""

    @property
    def target(self) -> str: ...
    @property
    def until(self) -> float: ...
    @property
    def since(self) -> float: ...
    @property
    def origin(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def alert(self) -> str: ...
    @property
    def packets(self) -> int: ...


class Blocks(Protocol):
    async def list(self) -> Sequence[Block]: ...
    async def block(self, target: str, seconds: float, reason: str, alert: str, by: str) -> str: ...
    async def unblock(self, target: str, by: str) -> str: ...


class Arrivals(Protocol):
    def follow(self, words: str, wanted: Filter | None, welcome: Callable[[], bool]) -> AsyncGenerator[list[Event]]:
        """What is accepted from now on, as it comes, and an empty list each second or so where there is nothing; ends
        when the service does, or who follows is not `welcome`. Raises `RefusedError` while too many follow."""
        ...


class RefusedBody(Protocol):
    """What a sender sent that was no alert; `body` is its beginning, `length` the bytes of the whole."""

    @property
    def time(self) -> float:
        """When it came, seconds since 1970."""
        ...

    @property
    def peer(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class Refused(Protocol):
    @property
    def entries(self) -> Sequence[RefusedBody]:
        """The last ones, oldest first."""
        ...


class Sender(Protocol):
    """A host that sends alerts; `first` and `last` alert in seconds since 1970."""

    @property
    def host(self) -> str:
        """As its alerts name it; may be empty."""
        ...

    @property
    def sender(self) -> str:
        """Whom it has proved to be, by its secret or certificate; may be empty."""
        ...

    @property
    def first(self) -> float: ...
    @property
    def last(self) -> float: ...
    @property
    def count(self) -> int: ...
    @property
    def quiet(self) -> bool:
        """Nothing has come for longer than is to be expected."""
        ...


class Senders(Protocol):
    def states(self) -> Sequence[Sender]:
        """The one heard last first."""
        ...


class TrailEntry(Protocol):
    """One change that somebody made."""

    @property
    def at(self) -> str:
        """RFC 3339, UTC."""
        ...

    @property
    def by(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def detail(self) -> str: ...


class Trail(Protocol):
    async def entries(self, limit: int = 200) -> Sequence[TrailEntry]:
        """The newest first."""
        ...


class Intake(Protocol):
    @property
    def obstacle(self) -> str:
        """Why no alert is taken now; empty while they are."""
        ...


class Reload(Protocol):
    @property
    def problem(self) -> str:
        """Why the configuration that is written is not the one that runs; empty while it is."""
        ...


@dataclass(frozen=True)
class Service:
    """All of it. `blocks` is None where no blocker is configured."""

    reader: Reader
    access: Access
    arrivals: Arrivals
    outputs: Outputs
    letters: Letters
    silencing: Silencing
    blocks: Blocks | None
    refused: Refused
    trail: Trail
    senders: Senders
    intake: Intake
    reload: Reload
