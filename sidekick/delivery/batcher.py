"""From a cursor's records to the next batch of events that an output wants."""

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache

from sidekick.delivery.counts import Tally
from sidekick.delivery.history import History
from sidekick.delivery.ports import Cursor
from sidekick.delivery.selection import Selection
from sidekick.event import DecodeError, Event
from sidekick.journal import Record
from sidekick.sdk.output import BatchLimits

_READ_ONCE = 2048  # alerts, mostly of some 2 KiB of objects each
_LARGE = 8 << 10  # bytes of an alert that is read anew for each output: some thousands of them would fill the memory
_TURN = 50  # alerts taken before the loop has a turn: half a millisecond, in which no sender is answered
_SKIP_AT_ONCE = 1000  # unwanted records passed before the cursor is moved, so that a restart need not pass them again


@dataclass
class Batch:
    """Events and digests to send; `end` is the sequence number behind the last record that was read for it."""

    start: int
    end: int = field(init=False)
    events: list[Event] = field(default_factory=list[Event])
    numbers: list[int] = field(default_factory=list[int])
    """Of the events' records."""
    digests: list[Event] = field(default_factory=list[Event])
    size: int = 0
    skipped: int = 0
    tally: Tally = field(default_factory=Tally)
    """What became of the records that are not among the events."""

    def __post_init__(self) -> None:
        self.end = self.start


class Batcher:
    """Reads a cursor in batches: full by count or bytes, or `linger` seconds old, whichever comes first."""

    def __init__(
        self, cursor: Cursor, selection: Selection, limits: BatchLimits, history: History | None = None
    ) -> None:
        self._cursor = cursor
        self._selection = selection
        self._limits = limits
        self._history = history
        self._position = cursor.position

    def rewind(self) -> None:
        """Reads again what the cursor has not passed, and forgets the digests of it."""
        self._position = self._cursor.position
        self._selection.clear()

    async def next(self, stopping: asyncio.Event) -> Batch | None:
        """The next batch, maybe of no events where none is wanted; None when stopping and nothing is left."""
        batch = Batch(self._position)
        now = asyncio.get_running_loop().time
        deadline: float | None = None
        while not await self._fill(batch):
            batch.digests = self._selection.digests(self._limits.count, early=stopping.is_set())
            if stopping.is_set() or batch.digests or (batch.skipped and not batch.events):
                break
            if batch.events:
                deadline = deadline or now() + self._limits.linger
                if now() >= deadline:
                    break
            # With events in hand it sleeps until there is a turn's or a batch of them, not at each that comes.
            ahead = min(self._limits.count - len(batch.events), _TURN) - 1 if batch.events else 0
            limits = (deadline and deadline - now(), self._selection.remaining)
            limit = min((seconds for seconds in limits if seconds is not None), default=None)
            await self._wait(batch.end + ahead, limit, stopping)
        else:
            batch.digests = self._selection.digests(self._limits.count)
        self._position = batch.end
        return batch if batch.events or batch.digests or batch.skipped else None

    async def _fill(self, batch: Batch) -> bool:
        """Takes what the journal has; True when the batch is full."""
        limits = self._limits
        while len(batch.events) < limits.count and batch.size < limits.bytes and batch.skipped < _SKIP_AT_ONCE:
            count = min(limits.count - len(batch.events), _TURN)
            records = self._cursor.read(batch.end, count, limits.bytes - batch.size)
            if not records:
                return False
            for record in records:
                if batch.events and batch.size + len(record.payload) > limits.bytes:
                    return True
                self._take(record, batch)
            if count == _TURN:
                await asyncio.sleep(0)
        return True

    def _take(self, record: Record, batch: Batch) -> None:
        batch.end = record.seq + 1
        if record.seq in self._cursor.ahead:
            batch.tally.delivered += 1
            batch.skipped += 1
            return
        try:
            event = _event_of(record.payload)
        except DecodeError:  # passed over here, and counted as damaged by who compares the sums
            return
        reason = self._selection.reason_to_skip(event, record.seq)
        if reason is None:
            batch.events.append(event)
            batch.numbers.append(record.seq)
            batch.size += len(record.payload)
        else:
            batch.tally.book(reason)
            batch.skipped += 1
            # Whether it is filtered can be found out at any time.
            if self._history is not None and reason != "filtered":
                self._history.skipped(record.seq, reason)

    async def _wait(self, seq: int, limit: float | None, stopping: asyncio.Event) -> None:
        """Returns when that record is there, after `limit` seconds, or at a stop, whichever comes first."""
        waits = [asyncio.ensure_future(self._cursor.wait(seq)), asyncio.ensure_future(stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _event_of(payload: bytes) -> Event:
    return Event.from_json(payload) if len(payload) > _LARGE else _shared_event_of(payload)


# Most outputs read the same alerts at nearly the same time, so one reading of them serves all.
_shared_event_of = lru_cache(_READ_ONCE)(Event.from_json)
