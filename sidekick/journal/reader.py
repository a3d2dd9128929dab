"""A journal from outside: read, checked or exported while a service writes it, repaired while none does."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sidekick.journal.lock import JournalError, Lock
from sidekick.journal.log import segment_paths
from sidekick.journal.position import PositionFile, position_path, positions
from sidekick.journal.record import Damage, Found, Record, encode
from sidekick.journal.segment import HEADER, Segment

_CLOCK = 2 * 10**9  # a file's time may lag that much behind the clock: it is counted in ticks, in 2 s on some disks
Progress = Callable[[int], None]
Payload = bytes  # a name that the reader's own `bytes` does not hide


def _ignore(_: int) -> None:
    pass


@dataclass
class Stretch:
    """Bytes of a segment file that are no record."""

    file: str
    start: int
    end: int


@dataclass
class Report:
    """What a journal holds. Times are ns since 1970."""

    segments: int = 0
    bytes: int = 0
    records: int = 0
    first_seq: int | None = None
    last_seq: int | None = None
    oldest_ns: int | None = None
    newest_ns: int | None = None
    unfinished: int = 0
    """Bytes of a write at the very end that has no end, as a crash leaves it; the next start cuts them."""
    damage: list[Stretch] = field(default_factory=list[Stretch])
    cursors: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    """The next number of each output; None where it cannot be read."""

    @property
    def missing(self) -> int:
        """Numbers between the first and the last record that have none."""
        if self.first_seq is None or self.last_seq is None:
            return 0
        return self.last_seq - self.first_seq + 1 - self.records

    @property
    def sound(self) -> bool:
        """Whether everything that was written can be read."""
        return not self.damage and None not in self.cursors.values()

    def add(self, record: Record) -> None:
        """Counts one more record."""
        if self.first_seq is None:
            self.first_seq, self.oldest_ns = record.seq, record.accepted_ns
        self.last_seq, self.newest_ns = record.seq, record.accepted_ns
        self.records += 1


class JournalReader:
    """The journal in `directory`; raises `JournalError` if there is none."""

    def __init__(self, directory: str | Path) -> None:
        directory = Path(directory)
        if not (directory / "lock").exists() and not segment_paths(directory):
            raise JournalError(f"there is no journal in {directory}")
        self.directory = directory

    @property
    def bytes(self) -> int:
        """Size of all segments, the measure of `progress`."""
        return sum(segment.size for segment in self._segments())

    def records(self, since_ns: int = 0, until_ns: int | None = None, progress: Progress = _ignore) -> Iterator[Record]:
        """Every record accepted from `since_ns` on and before `until_ns`, in order; what is damaged is passed over.

        What a service appends after the first is asked for is not among them.
        `progress` is called with the number of bytes that were read since its last call.
        """
        for segment in self._segments():
            if segment.newest_ns < since_ns - _CLOCK:
                progress(segment.size)
                continue
            for found in _walk(segment, progress):
                if isinstance(found, Damage) or found.record.accepted_ns < since_ns:
                    continue
                if until_ns is None or found.record.accepted_ns < until_ns:
                    yield found.record

    def position(self, since_ns: int) -> int | None:
        """The number of the first record accepted from `since_ns` on; None if there is none. Reads little."""
        for segment in self._segments():
            if segment.newest_ns < since_ns - _CLOCK:
                continue
            with suppress(FileNotFoundError), segment.scanner() as scanner:
                start = scanner.seek(lambda record: record.accepted_ns >= since_ns, min(len(HEADER), segment.size))
                for found in scanner.walk(start):
                    if isinstance(found, Found) and found.record.accepted_ns >= since_ns:
                        return found.record.seq
        return None

    def find(self, beginning: Payload, since_ns: int, until_ns: int, most: int = 1 << 29) -> Record | None:
        """A record of about that time whose payload begins so. The newest segments are read first, and no other once
        `most` bytes were."""
        segments = self._segments()
        for number, segment in reversed(list(enumerate(segments))):
            if number and segments[number - 1].newest_ns > until_ns + _CLOCK:
                continue
            if segment.newest_ns < since_ns - _CLOCK or most <= 0:
                break
            most -= segment.size
            with suppress(FileNotFoundError), segment.scanner() as scanner:
                if record := scanner.find(beginning, min(len(HEADER), segment.size)):
                    return record
        return None

    def export(
        self, out: BinaryIO, since_ns: int = 0, until_ns: int | None = None, progress: Progress = _ignore
    ) -> int:
        """Writes the alerts of that time as JSON lines; gives their number."""
        count = 0
        for record in self.records(since_ns, until_ns, progress):
            out.write(record.payload + b"\n")
            count += 1
        return count

    def check(self, progress: Progress = _ignore) -> Report:
        """Reads everything."""
        report = Report(cursors=positions(self.directory))
        segments = self._segments()
        for segment in segments:
            report.segments += 1
            report.bytes += segment.size
            for found in _walk(segment, progress):
                if isinstance(found, Found):
                    report.add(found.record)
                elif found.end == segment.size and segment is segments[-1]:
                    report.unfinished = found.end - found.start
                else:
                    report.damage.append(Stretch(segment.path.name, found.start, found.end))
        return report

    def repair(self, progress: Progress = _ignore) -> Report:
        """Writes every damaged segment anew without what is damaged, and tells what that was.

        The damaged file stays beside it, as `NAME.damaged`; what the disk does not give counts as damaged. An
        unreadable cursor is set to the oldest record, for a resend is better than a loss. Raises `JournalError` while a
        service has the journal, OSError.
        """
        lock = Lock.take(self.directory)
        try:
            report = self.check(progress)
            segments = {segment.path.name: segment for segment in self._segments()}
            for name in {stretch.file for stretch in report.damage}:
                _rewrite(segments[name])
            if report.unfinished:
                segments[max(segments)].recover(salvage=True)
            for name, position in report.cursors.items():
                if position is None:
                    self._reset(name, report.first_seq or 0)
        finally:
            lock.release()
        return report

    def _segments(self) -> list[Segment]:
        segments: list[Segment] = []
        for path in segment_paths(self.directory):
            with suppress(FileNotFoundError):  # the service has removed it meanwhile
                segments.append(Segment.found(path))
        return segments

    def _reset(self, name: str, position: int) -> None:
        file = PositionFile.open(position_path(self.directory, name))
        try:
            file.write(position)
        finally:
            file.close()


def _walk(segment: Segment, progress: Progress) -> Iterator[Found | Damage]:
    try:
        with segment.scanner(salvage=True) as scanner:
            if segment.size >= len(HEADER) and scanner.read(0, len(HEADER)) != HEADER:
                yield Damage(0, len(HEADER))
            for found in scanner.walk(min(len(HEADER), segment.size)):
                yield found
                progress(found.end - found.start)
    except FileNotFoundError:
        return


def _rewrite(segment: Segment) -> None:
    """Replaces the file in one step, so that a crash leaves the old one or the new one."""
    new = segment.path.with_suffix(".repair")
    with open(new, "wb") as file:
        file.write(HEADER)
        for found in _walk(segment, _ignore):
            if isinstance(found, Found):
                file.write(encode([found.record]))
        file.flush()
        os.fsync(file.fileno())
    os.utime(new, ns=(segment.newest_ns, segment.newest_ns))  # retention goes by it
    kept = segment.path.with_suffix(f"{segment.path.suffix}.damaged")
    kept.unlink(missing_ok=True)
    kept.hardlink_to(segment.path)
    new.replace(segment.path)
