"""The newest records, kept in memory, so that an output that keeps up never reads the disk."""

from collections.abc import Sequence

from sidekick.journal.record import Record

_OVERHEAD = 200  # bytes of Python objects around a payload, so that many small records are bounded too


class Tail:
    """Consecutive records from `first` on, bounded by `limit` bytes."""

    def __init__(self, limit: int, first: int) -> None:
        self.first = first
        self._limit = limit
        self._size = 0
        self._records: list[Record] = []

    def extend(self, records: Sequence[Record]) -> None:
        """Adds the records that follow; the oldest make room."""
        self._records += records
        for record in records:
            self._size += len(record.payload) + _OVERHEAD
        if self._size > self._limit:
            self._trim()

    def _trim(self) -> None:
        # A quarter at once, for each cut moves the rest of the list.
        dropped = 0
        for record in self._records:
            if self._size <= self._limit * 3 // 4:
                break
            self._size -= len(record.payload) + _OVERHEAD
            dropped += 1
        del self._records[:dropped]
        self.first += dropped

    def read(self, after: int, count: int, size: int) -> list[Record]:
        """Records from `after` (not below `first`) on: at most `count` and `size` bytes, but one if there is any."""
        start = after - self.first
        records = self._records[start : start + count]
        for index, record in enumerate(records):
            size -= len(record.payload)
            if size < 0:
                return records[: max(1, index)]
        return records
