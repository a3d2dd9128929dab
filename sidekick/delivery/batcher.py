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
        deadline: float | None = None
        while not self._fill(batch):
            if batch.filtered and not batch.events:
                return batch
            if deadline is None and batch.events:
                deadline = asyncio.get_running_loop().time() + self._limits.linger
            if stopping.is_set() or not await self._more(batch.end, deadline, stopping):
                break
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

    async def _more(self, seq: int, deadline: float | None, stopping: asyncio.Event) -> bool:
        """Waits for that record; False when the deadline or the stop came first."""
        record = asyncio.ensure_future(self._cursor.wait(seq))
        stop = asyncio.ensure_future(stopping.wait())
        timeout = None if deadline is None else deadline - asyncio.get_running_loop().time()
        try:
            await asyncio.wait((record, stop), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return record.done()
        finally:
            record.cancel()
            stop.cancel()
