"""One segment file: named by the first sequence number it may hold, `00000000000000000042.log`."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from sidekick.journal.record import CHUNK, Damage, Found, Record, Scanner

SUFFIX = ".log"  # another format takes another one, so that no version cuts what it cannot read
HEADER = b"sidekick journal\n"  # tells a person what the file is; nothing depends on it


class Segment:
    """What is known of a segment without reading it; `size` counts the bytes that hold whole records."""

    def __init__(self, path: Path, first: int, size: int, newest_ns: int) -> None:
        self.path = path
        self.first = first
        self.size = size
        self.oldest_ns = newest_ns
        self.newest_ns = newest_ns
        self.unread = 0
        """Bytes behind `size` that the disk does not give."""
        self._damage: dict[int, int] = {}

    @classmethod
    def found(cls, path: Path) -> Self:
        """The segment of an existing file. Its time is the file's, so that opening a journal reads no segment."""
        state = path.stat()
        return cls(path, int(path.stem), state.st_size, state.st_mtime_ns)

    @property
    def damaged(self) -> int:
        """Records that were to be read and could not, each counted once."""
        return sum(self._damage.values())

    @contextmanager
    def scanner(self, chunk: int = CHUNK, *, salvage: bool = False) -> Generator[Scanner]:
        """A scanner of the file as far as it is written."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            yield Scanner(fd, self.size, chunk, salvage=salvage)
        finally:
            os.close(fd)

    def seek(self, seq: int) -> int:
        """The offset from which to read in order to meet every record from `seq` on."""
        if seq <= self.first:
            return len(HEADER)
        with self.scanner() as scanner:
            return scanner.seek(lambda record: record.seq > seq, len(HEADER))

    def read(self, offset: int, after: int, count: int, size: int) -> tuple[list[Record], int]:
        """Records from `after` on that lie behind `offset`, at most `count` and `size` bytes; and where they end."""
        records: list[Record] = []
        expected, damaged_at = after, -1
        with self.scanner(min(CHUNK, max(4096, count << 10))) as scanner:
            for found in scanner.walk(offset):
                if isinstance(found, Damage):
                    damaged_at = found.start
                    self._damage.setdefault(damaged_at, 1)
                    continue
                if damaged_at >= 0:
                    self._damage[damaged_at] = max(1, found.record.seq - expected)
                    damaged_at = -1
                expected = found.record.seq + 1
                if found.record.seq >= after:
                    size -= len(found.record.payload)
                    if records and size < 0:
                        break
                    records.append(found.record)
                offset = found.end
                if len(records) >= count or (records and size <= 0):
                    break
        return records, offset

    def recover(self, *, salvage: bool = False) -> Found | None:
        """Cuts what follows the last whole record, and gives that; for the segment that was written last.

        Unless it is to `salvage`, it leaves an end that the disk does not give as it is: some day it may give it.
        """
        with open(self.path, "r+b") as file:
            scanner = Scanner(file.fileno(), self.size, salvage=True)
            last = scanner.last(len(HEADER))
            end = last.end if last else len(HEADER)
            if scanner.lost > end and not salvage:
                self.unread = self.size - end
            self.size = end
            if not self.unread:
                file.truncate(end)
                with suppress(OSError):  # the disk may be full
                    os.pwrite(file.fileno(), HEADER, 0)
        return last
