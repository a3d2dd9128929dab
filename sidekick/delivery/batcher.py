"""From a cursor's records to the next batch of events that an output wants."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sidekick.delivery.ports import Cursor
from sidekick.event import DecodeError, Event
from sidekick.journal import Record
from sidekick.sdk.output import BatchLimits

_SKIP_AT_ONCE = 1000  # filtered records passed before the cursor is moved, so that a restart need not pass them again


@dataclass
class Batch:
    """Events to send; `end` is the sequence number behind the last record that was read for it."""

    end: int
    events: list[Event] = field(default_factory=list[Event])
    size: int = 0
    filtered: int = 0


class Batcher:
    """Reads a cursor in batches: full by count or bytes, or `linger` seconds old, whichever comes first."""

    def __init__(self, cursor: Cursor, accepts: Callable[[Event], bool], limits: BatchLimits) -> None:
        self._cursor = cursor
        self._accepts = accepts
        self._limits = limits

    async def next(self, stopping: asyncio.Event) -> Batch | None:
        """The next batch, maybe of no events where the filter refused all; None when stopping and nothing is left."""
        batch = Batch(self._cursor.position)
        now = asyncio.get_running_loop().time
        deadline: float | None = None
        while not self._fill(batch) and not stopping.is_set():
            if batch.filtered and not batch.events:
                break
            if batch.events:
                deadline = deadline or now() + self._limits.linger
                if now() >= deadline:
                    break
            # With events in hand it sleeps until there is a batch of them, not at each that comes.
            ahead = self._limits.count - len(batch.events) - 1 if batch.events else 0
            await self._wait(batch.end + ahead, deadline and deadline - now(), stopping)
        return batch if batch.events or batch.filtered else None

    def _fill(self, batch: Batch) -> bool:
        """Takes what the journal has; True when the batch is full."""
        limits = self._limits
        while len(batch.events) < limits.count and batch.size < limits.bytes and batch.filtered < _SKIP_AT_ONCE:
            records = self._cursor.read(batch.end, limits.count - len(batch.events), limits.bytes - batch.size)
            if not records:
                return False
            for record in records:
                if batch.events and batch.size + len(record.payload) > limits.bytes:
                    return True
                self._take(record, batch)
        return True

    def _take(self, record: Record, batch: Batch) -> None:
        batch.end = record.seq + 1
        try:
            event = Event.from_json(record.payload)
        except DecodeError:  # passed over here, and counted as damaged by who compares the sums
            return
        if self._accepts(event):
            batch.events.append(event)
            batch.size += len(record.payload)
        else:
            batch.filtered += 1

    async def _wait(self, seq: int, limit: float | None, stopping: asyncio.Event) -> None:
        """Returns when that record is there, after `limit` seconds, or at a stop, whichever comes first."""
        waits = [asyncio.ensure_future(self._cursor.wait(seq)), asyncio.ensure_future(stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
