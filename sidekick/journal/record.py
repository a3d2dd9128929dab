"""How a record lies in a segment file, and how records are found again in a damaged one.

    magic 4 | crc32 4 | length 4 | sequence number 8 | accepted, ns since 1970 8 | payload        (little endian)

The CRC covers all that follows it. The magic holds bytes that no UTF-8 text holds, so in a journal of JSON it stands
only where a record begins: behind a damaged stretch the next record is found by searching for it, and since each record
carries its own number, nothing but what is damaged is lost. For the same reason a record is found by bisection, and the
last one from the end of the file: no index is kept, in memory or on disk.

The one invariant: whatever the bytes of a file, every record that is read from it was once encoded, whole and as it is.
"""

import errno
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

MAGIC = b"\xfeSK\xff"
CHUNK = 64 << 10  # bytes read at once; measured: between 16 KiB and 4 MiB all cost the same
_SEEK_CHUNK = 16 << 10
_FIND_CHUNK = 1 << 20
_BLOCK = 512  # bytes, the least that a disk loses
_HEADER = struct.Struct("<4sIIQQ")
LEAST = _HEADER.size  # bytes of a record without a payload
_COVERED = _HEADER.size - struct.calcsize("<IQQ")  # where the bytes under the CRC begin
_mark = struct.Struct("<4sI").pack
_facts = struct.Struct("<IQQ").pack
MAX_PAYLOAD = 64 << 20


class Record(NamedTuple):
    """One accepted alert: `payload` is its canonical JSON, `accepted_ns` the wall clock (ns since 1970)."""

    seq: int
    accepted_ns: int
    payload: bytes


class Found(NamedTuple):
    """A record and where it lies in its file, in bytes."""

    record: Record
    start: int
    end: int


class Damage(NamedTuple):
    """A stretch of a file, in bytes, in which there is no record."""

    start: int
    end: int


def encode(records: Iterable[Record]) -> bytes:
    """The bytes of those records, one behind the other."""
    parts: list[bytes] = []
    add = parts.append
    for seq, accepted_ns, payload in records:
        facts = _facts(len(payload), seq, accepted_ns)
        add(_mark(MAGIC, crc32(payload, crc32(facts))))
        add(facts)
        add(payload)
    return b"".join(parts)


class Scanner:
    """Finds records in an open file up to byte `end`, holding one chunk of it (or one record, if that is larger)."""

    def __init__(self, fd: int, end: int, chunk: int = CHUNK, *, salvage: bool = False) -> None:
        self._fd = fd
        self._end = end
        self._chunk = chunk
        self._salvage = salvage
        """Blocks that the disk does not give are damage, and no OSError: for who may decide that they are gone."""
        self.lost = 0
        """Where the last block that the disk did not give ends, if there was one."""
        self._start = 0
        self._data = b""

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the file."""
        at = self._load(offset, size)
        return self._data[at : at + size]

    def walk(self, offset: int) -> Iterator[Found | Damage]:
        """Everything from `offset` to the end: a record, or a stretch without any, each beginning where one ended."""
        while offset < self._end:
            found = self._at(offset) or self._next(offset + 1)
            if found is None:
                yield Damage(offset, self._end)
                return
            if found.start > offset:
                yield Damage(offset, found.start)
            yield found
            offset = found.end

    def seek(self, is_behind: Callable[[Record], bool], low: int) -> int:
        """Where reading may begin to meet every record up to the first that `is_behind`, as all are that follow it;
        at most a few records too early."""
        high = self._end
        while high - low > _SEEK_CHUNK:
            middle = (low + high) // 2
            found = self._next(middle, high)
            if found is None or is_behind(found.record):
                high = middle
            else:
                low = found.start
        return low

    def find(self, beginning: bytes, low: int) -> Record | None:
        """The first record at or behind `low` whose payload begins so."""
        offset = low + _HEADER.size
        while offset < self._end:
            data = os.pread(self._fd, _FIND_CHUNK, offset)
            if not data:
                return None
            hit = data.find(beginning)
            if hit < 0:
                offset += max(1, len(data) - len(beginning) + 1)
                continue
            found = self._at(offset + hit - _HEADER.size)
            if found and found.record.payload.startswith(beginning):
                return found.record
            offset += hit + 1
        return None

    def last(self, low: int) -> Found | None:
        """The last record that begins at or behind `low`; what follows it was never written whole."""
        high = self._end
        while high > low:
            start = max(low, high - self._chunk)
            data = self._pread(high - start + len(MAGIC) - 1, start)
            at = data.rfind(MAGIC)
            while at >= 0:
                if found := self._at(start + at):
                    return found
                at = data.rfind(MAGIC, 0, at + len(MAGIC) - 1)
            high = start
        return None

    def _at(self, offset: int) -> Found | None:
        at = self._load(offset, _HEADER.size)
        if len(self._data) - at < _HEADER.size or not self._data.startswith(MAGIC, at):
            return None
        _, crc, length, seq, accepted_ns = _HEADER.unpack_from(self._data, at)
        end = offset + _HEADER.size + length
        if length > MAX_PAYLOAD or end > self._end:
            return None
        at = self._load(offset, end - offset)
        payload = at + _HEADER.size
        with memoryview(self._data) as view:
            if crc32(view[at + _COVERED : payload + length]) != crc:
                return None
        return Found(Record(seq, accepted_ns, self._data[payload : payload + length]), offset, end)

    def _next(self, offset: int, stop: int | None = None) -> Found | None:
        """The first record that begins at or behind `offset` and before `stop`."""
        stop = self._end if stop is None else stop
        while offset < stop:
            at = self._load(offset, len(MAGIC))
            if at >= len(self._data):  # the file has been cut, and where it was nothing is looked for byte by byte
                return None
            hit = self._data.find(MAGIC, at)
            if hit < 0:
                offset = max(offset + 1, self._start + len(self._data) - len(MAGIC) + 1)
                continue
            offset = self._start + hit
            if offset < stop and (found := self._at(offset)):
                return found
            offset += 1
        return None

    def _load(self, offset: int, size: int) -> int:
        """Makes the file's bytes from `offset` on available, as far as there are any; gives their index in the data."""
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._data = self._pread(min(max(size, self._chunk), self._end - offset), offset)
            self._start = offset
            at = 0
        return at

    def _pread(self, size: int, offset: int) -> bytes:
        try:
            data = os.pread(self._fd, size, offset)
        except OSError as error:
            if error.errno != errno.EIO or not self._salvage:
                raise
            return self._salvaged(size, offset)
        # What lies before such a block is given without an error, which is for who asks for the rest.
        if self._salvage and 0 < len(data) < size:
            data += self._pread(size - len(data), offset + len(data))
        return data

    def _salvaged(self, size: int, offset: int) -> bytes:
        if size <= _BLOCK:
            self.lost = max(self.lost, offset + size)
            return bytes(size)
        ends = [*range(offset - offset % _BLOCK + _BLOCK, offset + size, _BLOCK), offset + size]
        return b"".join(self._pread(end - start, start) for start, end in zip([offset, *ends], ends, strict=False))
