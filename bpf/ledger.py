"""What is blocked, why and until when, on disk: pins die with the kernel, this file does not.

One JSON object a line, the last about a target holds; compacted when most lines are history. Expiries are wall-clock
times, since the kernel's boot clock starts again at zero. A record stays for a while after its expiry, so that a
repeat offender is known.
"""

import errno
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path

import msgspec

from bpf.schema import boot_now
from bpf.target import MalformedError, Target

REMEMBERED = 7 * 86400  # seconds after the expiry
SLACK = 1000  # lines of history that are never worth a compaction
SECOND = 10**9

log = logging.getLogger("sidekick.xdp")


class Record(msgspec.Struct, omit_defaults=True):
    """Times are seconds since 1970. `count` is how often this target has been blocked, this time included."""

    target: str
    until: float
    since: float = 0.0
    origin: str = "manual"
    reason: str = ""
    rule: str = ""
    alert: str = ""
    count: int = 1

    def live(self, now: float) -> bool:
        return self.until > now


def boot_expiry(until: float) -> int:
    """A wall-clock time on the boot clock, as of now."""
    return boot_now() + round((until - time.time()) * SECOND)


def boot_expiries(records: Mapping[Target, "Record"]) -> dict[Target, int]:
    """The same for many, all as of one moment."""
    offset = boot_expiry(0.0)
    return {target: offset + round(record.until * SECOND) for target, record in records.items()}


def wall_expiry(expires: int) -> float:
    """A time of the boot clock on the wall clock, as of now."""
    return time.time() + (expires - boot_now()) / SECOND


class Ledger:
    """Records by target. A line is with the operating system when `write` returns, and on the disk after `sync`.

    A disk that takes no more is no reason not to block, or to let pass: the kernel and this process know. The file is
    then written anew by a later `forget`, or by `close`.
    """

    def __init__(self, path: Path) -> None:
        """Raises `OSError`."""
        self._path = path
        self._dirty = False
        self._behind = False
        self._records, self.damaged = read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file, self._lines = self._first_file(), len(self._records)

    def __iter__(self) -> Iterator[tuple[Target, Record]]:
        return iter(self._records.items())

    def __len__(self) -> int:
        return len(self._records)

    def get(self, target: Target) -> Record | None:
        return self._records.get(target)

    def write(self, records: dict[Target, Record]) -> None:
        self._records |= records
        self._append(list(records.values()))

    def end(self, targets: list[Target], now: float) -> list[Target]:
        """Lets these end now; answers those that were live."""
        ended = [target for target in targets if target in self._records and self._records[target].live(now)]
        for target in ended:
            self._records[target].until = now
        self._append([self._records[target] for target in ended])
        return ended

    def forget(self, now: float) -> None:
        """Drops what expired long ago, and rewrites the file when it is mostly history, or lacks something."""
        self._records = {target: record for target, record in self if record.until + REMEMBERED > now}
        if self._behind or self._lines > 2 * len(self._records) + SLACK:
            self._compact()

    def sync(self) -> None:
        """Called from another thread."""
        if self._dirty:
            self._dirty = False
            try:
                os.fdatasync(self._file.fileno())
            except ValueError:  # closed, for a new one has just taken its place, and was synced
                pass
            except OSError as error:
                self._fall_behind(error)

    def close(self) -> None:
        if self._behind:
            self._compact()
        self.sync()
        self._file.close()

    def _append(self, records: list[Record]) -> None:
        self._lines += len(records)
        if self._behind:
            return
        try:
            _write(self._file, records)
            self._dirty = True
        except OSError as error:
            self._fall_behind(error)

    def _fall_behind(self, error: OSError) -> None:
        if not self._behind:
            log.warning("blocks are not recorded and would not outlive a reboot: %s: %s", self._path, error.strerror)
        self._behind = True

    def _compact(self) -> None:
        try:
            file = self._new_file()
        except OSError as error:
            self._fall_behind(error)
            return
        if self._behind:
            log.warning("blocks are recorded again")
        old, self._file = self._file, file
        self._lines, self._behind = len(self._records), False
        old.close()

    def _first_file(self) -> FileIO:
        """A new one, or the old one as it is where the disk has no room for that."""
        try:
            return self._new_file()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._fall_behind(error)
            return FileIO(self._path, "a")

    def _new_file(self) -> FileIO:
        """All records, and nothing else, in the file's place."""
        new = self._path.with_suffix(".new")
        file = FileIO(new, "w")
        try:
            _write(file, list(self._records.values()))
            os.fsync(file.fileno())
            new.replace(self._path)
        except BaseException:
            file.close()
            new.unlink(missing_ok=True)  # it takes the room that the disk has not got
            raise
        return file


def _write(file: FileIO, records: Sequence[Record]) -> None:
    """All of them, or raises `OSError`, and the file may end in the middle of one."""
    left = memoryview(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    while left:
        left = left[file.write(left) :]


def read(path: Path, now: float | None = None) -> tuple[dict[Target, Record], int]:
    """The records of a file, and how many lines could not be read: a torn or damaged line costs that line only."""
    now = time.time() if now is None else now
    records: dict[Target, Record] = {}
    damaged = 0
    decode = msgspec.json.Decoder(Record).decode
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            record = decode(line)
            records[Target.parse(record.target)] = record
        except (msgspec.DecodeError, MalformedError):
            damaged += 1
    return {target: record for target, record in records.items() if record.until + REMEMBERED > now}, damaged
