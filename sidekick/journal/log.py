"""The segments of a journal in order, and the one that is written.

Writing goes to a known offset, so that what a failed write left behind is cut off, or else overwritten by the next one.
"""

import errno
import logging
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import repeat
from pathlib import Path

from sidekick.journal.record import LEAST, Record, encode
from sidekick.journal.segment import HEADER, SUFFIX, Segment

log = logging.getLogger(__name__)


class Log:
    """Segment files in `directory`, each left for a new one at `segment_size` bytes. Not for two threads at once."""

    def __init__(self, directory: Path, segment_size: int, syncs: bool) -> None:
        self.directory = directory
        self.next_seq = 0
        self.bytes = 0
        self.closed: list[Segment] = []
        self.active: Segment | None = None
        self._damaged = 0
        self.segment_size = segment_size
        self._syncs = syncs
        self._fd = -1
        self._uncut = False
        self._retired: list[int] = []
        self._directory_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        self._unsynced = False
        self._new_names = True

    def recover(self, least: int) -> int:
        """Finds what a former process left; gives how many bytes of a torn end were cut.

        `least`: numbers below are never given again, though their records may be gone: a cursor has passed them.
        """
        self.closed = [Segment.found(path) for path in segment_paths(self.directory)]
        if not self.closed:
            self.next_seq = least
            return 0
        last = self.closed[-1]
        size = last.size
        record = last.recover()
        self.bytes = sum(segment.size for segment in self.closed)
        self.next_seq = record.record.seq + 1 if record else last.first
        if last.unread:
            self._leave(last)
        if self.next_seq < least:
            self.next_seq = least
        elif not last.unread and last.size < self.segment_size:
            self._reopen(self.closed.pop())
        return size - last.size if size > len(HEADER) and not last.unread else 0

    def _leave(self, last: Segment) -> None:
        """Gives none of the numbers again that may lie in what the disk does not give."""
        self.next_seq += last.unread // LEAST
        lost = "the disk does not give the last %d bytes of %s: the alerts in them are passed over"
        log.error(f"journal: {lost}; sidekick journal check tells more", last.unread, last.path)

    def _reopen(self, segment: Segment) -> None:
        self._fd = os.open(segment.path, os.O_RDWR)
        self.active = segment
        with suppress(OSError):  # it may be old already, but there is no telling
            records, _ = segment.read(len(HEADER), 0, 1, 0)
            segment.oldest_ns = records[0].accepted_ns if records else segment.newest_ns

    @property
    def free(self) -> int:
        """Bytes that the disk would still take."""
        disk = os.statvfs(self._directory_fd)  # by its path it may be gone, and with it all that is done each second
        return disk.f_bavail * disk.f_frsize

    @property
    def first_seq(self) -> int:
        """The lowest number that may still be read."""
        oldest = self.closed[0] if self.closed else self.active
        return oldest.first if oldest else self.next_seq

    @property
    def segments(self) -> list[Segment]:
        """All segments, the oldest first."""
        return [*self.closed, self.active] if self.active else self.closed

    @property
    def damaged(self) -> int:
        """Records that somebody wanted to read and could not."""
        return self._damaged + sum(segment.damaged for segment in self.segments)

    def locate(self, seq: int) -> Segment:
        """The segment that holds that number, or the oldest one."""
        segments = self.segments
        return segments[max(0, bisect_right(segments, seq, key=lambda segment: segment.first) - 1)]

    def end_of(self, segment: Segment) -> int:
        """The number behind the last one that this segment may hold."""
        segments = self.segments
        index = segments.index(segment) + 1
        return segments[index].first if index < len(segments) else self.next_seq

    def append(self, payloads: Sequence[bytes], now_ns: int) -> list[Record]:
        """Writes the payloads as records with one call, whole or not at all; raises OSError."""
        active = self._writable()
        records = list(map(Record, range(self.next_seq, self.next_seq + len(payloads)), repeat(now_ns), payloads))
        data = encode(records)
        if self._uncut:
            self._cut(active.size)
        self._uncut = True
        try:
            _write(self._fd, data, active.size)
        except OSError:
            with suppress(OSError):
                self._cut(active.size)
            raise
        self._uncut = False
        if active.size == len(HEADER):
            active.oldest_ns = now_ns
        active.size += len(data)
        self.bytes += len(data)
        active.newest_ns = now_ns
        self.next_seq += len(records)
        self._unsynced = True
        return records

    def undo(self, records: Sequence[Record]) -> None:
        """Takes back the group that was appended last, because it could not be made durable."""
        assert self.active is not None
        self.next_seq -= len(records)
        size = len(encode(records))
        self.active.size -= size
        self.bytes -= size
        self._uncut = True
        self._cut(self.active.size)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        self._uncut = False

    def _writable(self) -> Segment:
        if self.active and self.active.size >= self.segment_size:
            self.rotate()
        return self.active or self._begin()

    def _begin(self) -> Segment:
        path = self.directory / f"{self.next_seq:020}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            _write(fd, HEADER, 0)
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        self._fd = fd
        self._uncut = False
        self._new_names = True
        self.bytes += len(HEADER)
        self.active = Segment(path, self.next_seq, len(HEADER), 0)
        return self.active

    def rotate(self) -> None:
        """Leaves the active segment, unless it is empty; the next write begins a new one."""
        if self.active and self.active.size > len(HEADER):
            self.closed.append(self.active)
            if self._syncs:
                self._retired.append(self._fd)
            else:
                os.close(self._fd)
            self.active, self._fd = None, -1

    def probe(self, size: int) -> None:
        """Raises OSError when the disk would not take `size` bytes now. A sync has something to do then."""
        active = self._writable()
        os.pwrite(self._fd, HEADER, 0)
        self._unsynced = True
        try:
            os.posix_fallocate(self._fd, active.size, size)
        finally:
            self._uncut = True
            self._cut(active.size)

    def remove_oldest(self) -> Callable[[], None]:
        """Forgets the oldest closed segment; its file goes when the result is called, which may take milliseconds."""
        segment = self.closed.pop(0)
        self.bytes -= segment.size
        self._damaged += segment.damaged
        return partial(_remove, segment.path)

    def touch(self) -> None:
        """Something else is not durable yet: a new file beside the segments, or what a failed sync was to make so."""
        self._unsynced = self._new_names = True

    @property
    def unsynced(self) -> bool:
        """Whether a power cut now could cost anything."""
        return self._unsynced or self._new_names or bool(self._retired)

    def syncing(self) -> Callable[[], None]:
        """What makes all that is written so far durable, to be called in a thread; raises OSError there."""
        retired, self._retired = self._retired, []
        names = self._directory_fd if self._new_names else -1
        self._unsynced = self._new_names = False
        return partial(_sync, self._fd, names, retired)

    def close(self) -> None:
        """Gives the files back, without a sync."""
        for fd in (*self._retired, self._fd, self._directory_fd):
            if fd >= 0:
                os.close(fd)
        self._retired, self._fd, self._directory_fd = [], -1, -1


def segment_paths(directory: Path) -> list[Path]:
    """The segment files of a journal, the oldest first."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.stem.isdecimal())


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s is no longer needed but cannot be removed: %s", path, error.strerror)


def _write(fd: int, data: bytes, offset: int) -> None:
    # A regular file takes less than it is given only when the disk has no more room.
    if os.pwrite(fd, data, offset) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync(active: int, names: int, retired: Sequence[int]) -> None:
    try:
        for fd in retired:
            os.fdatasync(fd)
        if active >= 0:
            os.fdatasync(active)
        if names >= 0:
            _sync_names(names)
    finally:
        for fd in retired:
            os.close(fd)


def _sync_names(directory: int) -> None:
    try:
        os.fsync(directory)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no sync of a folder, fsync(2)
            raise
