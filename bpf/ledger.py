"""What is blocked, why and until when, on disk: pins die with the kernel, this file does not.

One JSON object a line, the last about a target holds; compacted when most lines are history. Expiries are wall-clock
times, since the kernel's boot clock starts again at zero. A record stays for a while after its expiry, so that a
repeat offender is known.
"""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bpf.schema import boot_now
from bpf.target import MalformedError, Target

REMEMBERED = 7 * 86400  # seconds after the expiry
SLACK = 1000  # lines of history that are never worth a compaction
SECOND = 10**9


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
    """Records by target. A line is with the operating system when `write` returns, and on the disk after `sync`."""

    def __init__(self, path: Path) -> None:
        self.damaged = 0
        self._path = path
        self._lines = 0
        self._dirty = False
        self._records: dict[Target, Record] = {}
        self._read()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._compact()

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
        """Drops what expired long ago, and rewrites the file when it is mostly history."""
        self._records = {target: record for target, record in self if record.until + REMEMBERED > now}
        if self._lines > 2 * len(self._records) + SLACK:
            self._compact()

    def sync(self) -> None:
        if self._dirty:
            self._dirty = False
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()

    def _append(self, records: list[Record]) -> None:
        self._file.write(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
        self._file.flush()
        self._lines += len(records)
        self._dirty = True

    def _read(self) -> None:
        self._records, self.damaged = read(self._path)

    def _compact(self) -> None:
        new = self._path.with_suffix(".new")
        file = new.open("wb")
        file.write(b"".join(msgspec.json.encode(record) + b"\n" for _, record in self))
        file.flush()
        os.fsync(file.fileno())
        new.replace(self._path)
        if self._lines:
            self._file.close()
        self._file, self._lines = file, len(self._records)


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
