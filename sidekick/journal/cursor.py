"""One output's place in the journal."""

import asyncio
import logging
from collections.abc import Iterable

from sidekick.journal.log import Log
from sidekick.journal.position import MOST_AHEAD, PositionFile
from sidekick.journal.record import Record
from sidekick.journal.segment import Segment
from sidekick.journal.tail import Tail

log = logging.getLogger(__name__)


class Committed:
    """How far the journal may be read, and who waits for more."""

    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        self._waiting: set[asyncio.Future[None]] = set()

    def advance(self, next_seq: int) -> None:
        """Everything below `next_seq` may be read."""
        self.next_seq = next_seq
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def reach(self, seq: int) -> None:
        """Returns when a record of that number may be read."""
        while self.next_seq <= seq:
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)


class Cursor:
    """Reads the journal at an output's own pace. `position` is the first number not yet acknowledged."""

    def __init__(
        self, name: str, position: int, log: Log, tail: Tail, committed: Committed, file: PositionFile | None
    ) -> None:
        self.name = name
        self.position = position
        self.reached = position
        self.ahead = frozenset(one for one in file.ahead if one >= position) if file else frozenset[int]()
        """Numbers that are done before one below them is."""
        self._log = log
        self._tail = tail
        self._committed = committed
        self._file = file
        self._file_failed = False
        self._next: tuple[Segment, int, int] | None = None  # the number that lies at that offset, for the next read
        self._oldest = (-1, 0)
        self._nothing_before = 0

    @property
    def durable(self) -> bool:
        """Whether its place outlives the process and keeps segments from being removed."""
        return self._file is not None

    def read(self, after: int, count: int, size: int) -> list[Record]:
        """Committed records from `after` on: at most `count`, at most `size` bytes but one; [] if there is none."""
        after = max(after, self._log.first_seq)
        if after >= self._committed.next_seq or count <= 0:
            return []
        records = self._find(after, count, size)
        if records:
            self.reached = max(self.reached, records[-1].seq + 1)
        else:  # all damaged: `wait` must not call again and again for what cannot be read
            self._nothing_before = self._committed.next_seq
        return records

    def _find(self, after: int, count: int, size: int) -> list[Record]:
        if after >= self._tail.first:
            return self._tail.read(after, count, size)
        return self._read_disk(after, count, size)

    def _read_disk(self, after: int, count: int, size: int) -> list[Record]:
        end = self._committed.next_seq
        while after < end:
            segment = self._log.locate(after)
            if self._next is None or self._next[:2] != (segment, after):
                self._next = segment, after, segment.seek(after)
            records, offset = segment.read(self._next[2], after, count, size)
            committed = [record for record in records if record.seq < end]
            # What is not committed may yet be taken back, so no place behind it is kept.
            self._next = (segment, committed[-1].seq + 1, offset) if committed and committed == records else None
            if records:
                return committed
            after = self._log.end_of(segment)
        return []

    async def wait(self, seq: int) -> None:
        """Returns when a record of that number, or a later one, may be read."""
        await self._committed.reach(max(seq, self._nothing_before))

    def advance(self, seq: int) -> None:
        """Everything below `seq` is done, for good: a process killed right after does not read it again."""
        if seq <= self.position:
            return
        self.position = seq
        self.reached = max(self.reached, seq)
        if self.ahead:
            self.ahead = frozenset(one for one in self.ahead if one >= seq)
        self.save()

    def note(self, numbers: Iterable[int]) -> None:
        """These are done too, though `position` is not behind them: that is kept of the next `MOST_AHEAD`."""
        ahead = self.ahead.union(one for one in numbers if self.position <= one < self.position + MOST_AHEAD)
        if ahead != self.ahead:
            self.ahead = ahead
            self.save()

    def save(self) -> None:
        """Writes the place down, if it is to outlive the process."""
        if self._file is None:
            return
        try:
            self._file.write(self.position, self.ahead)
        except OSError as error:  # costs a resend after a crash, so it is no reason to stop delivering
            if not self._file_failed:
                log.warning("the place of %s cannot be kept: %s", self.name, error.strerror)
            self._file_failed = True
        else:
            self._file_failed = False

    @property
    def waiting(self) -> int:
        """Records not yet acknowledged."""
        return self._committed.next_seq - self.position

    @property
    def oldest_ns(self) -> int | None:
        """When the oldest record that waits was accepted (ns since 1970); None if none does."""
        if self.waiting == 0:
            return None
        if self._oldest[0] != self.position:
            records = self._peek()
            if not records:
                return None
            self._oldest = self.position, records[0].accepted_ns
        return self._oldest[1]

    def _peek(self) -> list[Record]:
        """The oldest record that waits; none where the disk does not give it, which is no reason to tell nothing."""
        ahead = self._next
        try:
            return self._find(max(self.position, self._log.first_seq), 1, 0)
        except OSError:
            return []
        finally:
            self._next = ahead

    def close(self) -> None:
        """Gives the file back; the place stays."""
        if self._file:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Forgets the place."""
        if self._file:
            self._file.remove()
            self._file = None
