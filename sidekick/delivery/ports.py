"""What a worker needs of the things around it: the journal's cursor and the dead letters, or a replay's stand-ins."""

from collections.abc import Collection, Iterable
from typing import Protocol

from sidekick.event import Event
from sidekick.journal import Record


class Cursor(Protocol):
    """One output's place in a sequence of records."""

    @property
    def position(self) -> int:
        """The first sequence number not yet done."""
        ...

    @property
    def waiting(self) -> int:
        """Records not yet done."""
        ...

    @property
    def ahead(self) -> Collection[int]:
        """Numbers that are done before one below them is."""
        ...

    @property
    def oldest_ns(self) -> int | None:
        """When the oldest of them was accepted, ns since 1970; None if there is none."""
        ...

    def read(self, after: int, count: int, size: int) -> list[Record]:
        """Records from `after` on: at most `count`, at most `size` bytes but at least one; [] if there is none yet."""
        ...

    async def wait(self, seq: int) -> None:
        """Returns when a record of that number, or a later one, can be read."""

    def advance(self, seq: int) -> None:
        """Everything below `seq` is done."""

    def note(self, numbers: Iterable[int]) -> None:
        """These are done too, though `position` is not behind them."""


class DeadLetterBox(Protocol):
    """Where alerts go that an output will never deliver."""

    async def add(self, event: Event, reason: str) -> None:
        """Returns when it is kept; raises OSError."""
